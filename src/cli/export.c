#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli/cli.h"
#include "ops/transfer/import_export_service.h"
#include "platform/tenants/tenants.h"

static enum cli_status export_run(const struct invocation *invocation);

static const struct option_spec options[] = {
    {.name = "tenant", .value = "ID", .text = "only this tenant's pairs"},
    CLI_STORE_OPTIONS,
    CLI_OPTIONS_END,
};

const struct command export_command = {
    .name = "export",
    .arguments = "FILE [--tenant ID]",
    .text = "question-answer pairs to .xlsx, .csv or .tsv",
    .details =
        "The file's ending tells its kind; a file that is there is replaced. Importing it again into the\n"
        "same tenant changes nothing: cells that a spreadsheet would compute get an apostrophe in front,\n"
        "which the import takes away.\n",
    .options = options,
    .least_arguments = 1,
    .most_arguments = 1,
    .run = export_run,
};

static bool export_format_of(const char *path, enum export_format *ret_format)
{
    static const struct {
        const char *ending;
        enum export_format format;
    } endings[] = {{".csv", EXPORT_CSV}, {".tsv", EXPORT_TSV}, {".xlsx", EXPORT_XLSX}};
    const char *ending = strrchr(path, '.');
    for (size_t i = 0; ending && i < ARRAY_SIZE(endings); i++)
        if (strcasecmp(ending, endings[i].ending) == 0) {
            *ret_format = endings[i].format;
            return true;
        }
    return false;
}

static bool export_write_bytes(void *context, const char *bytes, size_t length, struct error *err)
{
    return fwrite(bytes, 1, length, context) == length ||
           error_set(err, ERROR_UNAVAILABLE, "the file cannot be written: %s", "无法写入文件：%s",
                     strerror(errno));
}

static bool export_write_text(const struct platform *platform, const struct export_request *request,
                              const char *path, int64_t *ret_count, struct error *err)
{
    FILE *file = fopen(path, "w");
    if (!file)
        return error_set(err, ERROR_INVALID, "%s cannot be written: %s", "无法写入 %s：%s", path,
                         strerror(errno));
    struct byte_sink sink = {export_write_bytes, file};
    bool done = export_text(platform, request, &sink, ret_count, err);
    if (fclose(file) != 0 && done)
        done = error_set(err, ERROR_UNAVAILABLE, "%s cannot be written: %s", "无法写入 %s：%s", path,
                         strerror(errno));
    if (!done)
        unlink(path);
    return done;
}

static bool export_check_tenant(struct store *store, const char *tenant_id, struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct tenant tenant;
    return !tenant_id ||
           (store_reader(store, READ_LIMIT_MS, &db, err) && tenant_get(db, tenant_id, &arena, &tenant, err));
}

static enum cli_status export_run(const struct invocation *invocation)
{
    CLEANUP(cli_close) struct app *app = NULL;
    const char *path = invocation->arguments[0];
    struct actor actor = actor_command_line();
    struct export_request request = {
        .filter = {.tenant_id = cli_option(invocation, "tenant"),
                   .is_synced = SYNCED_ANY,
                   .quality_min = NAN,
                   .quality_max = NAN},
        .language = cli_language(),
        .actor = &actor,
    };
    struct error err;
    int64_t count = 0;
    error_clear(&err);
    if (!export_format_of(path, &request.format))
        return cli_usage(invocation, "%s: the name must end in .csv, .tsv or .xlsx", path);
    if (!cli_open(invocation, APP_STORE, CLI_STORE_MUST_EXIST, &app))
        return CLI_FAILED;
    const struct platform *platform = app_platform(app);
    if (!export_check_tenant(platform->store, request.filter.tenant_id, &err) ||
        !(request.format == EXPORT_XLSX ? export_workbook(platform, &request, path, NULL, &count, &err)
                                        : export_write_text(platform, &request, path, &count, &err)))
        return cli_fail(invocation, &err);
    printf("%" PRId64 " pairs\n", count);
    return CLI_DONE;
}
