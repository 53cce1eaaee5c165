#include <inttypes.h>
#include <unistd.h>

#include "cli/cli.h"
#include "ops/import_export_service.h"

#define ERRORS_SHOWN 20

static enum cli_status import_run(const struct invocation *invocation);

static const struct option_spec options[] = {
    {.name = "tenant", .value = "ID", .text = "whose pairs they become"},
    {.name = "mode", .value = "MODE", .text = "upsert (default), create or skip: see below"},
    {.name = "sheet", .value = "NAME", .text = "of a workbook (default: the first visible one with rows)"},
    {.name = "dry-run", .text = "say what would be done and change nothing"},
    CLI_STORE_OPTIONS,
    CLI_OPTIONS_END,
};

const struct command import_command = {
    .name = "import",
    .arguments = "FILE --tenant ID [--mode MODE] [--sheet NAME] [--dry-run]",
    .text = "question-answer pairs from .xlsx, .csv or .tsv",
    .details =
        "The heading names the columns question (问题, 質問), answer (答案, 回答) and, if there is one,\n"
        "category (分类), in any order; others are ignored. Without such a heading the first column is the\n"
        "question, the second the answer, the third the category. An answer may be empty. What kind of file\n"
        "it is, and its encoding, is told by its contents.\n"
        "A question that the tenant has already: 'upsert' takes the file's answer, 'skip' leaves it as it "
        "is,\n"
        "'create' reports the row. In a file that repeats a question, upsert takes the last.\n"
        "A file that cannot be read as a whole changes nothing. Rows that are wrong are listed on standard\n"
        "error, the others are imported, and the exit status is 1. An import that was interrupted is\n"
        "completed by importing the file again.\n",
    .options = options,
    .least_arguments = 1,
    .most_arguments = 1,
    .run = import_run,
};

static bool show_progress(void *context, int64_t done, int64_t total)
{
    (void)context;
    fprintf(stderr, "\r%" PRId64 " of %" PRId64 " rows", done, total);
    return true;
}

static void print_errors(const struct invocation *invocation, const struct import_result *result)
{
    char name[64];
    cli_name(invocation, name, sizeof(name));
    size_t shown = result->error_count < ERRORS_SHOWN ? result->error_count : ERRORS_SHOWN;
    for (size_t i = 0; i < shown; i++) {
        const struct import_error *error = &result->errors[i];
        fprintf(stderr, "%s: row %" PRId64 "%s%s: %s\n", name, error->row, *error->column ? ", " : "",
                error->column, error->message[cli_language()]);
    }
    if (result->failed > (int64_t)shown)
        fprintf(stderr, "%s: %" PRId64 " rows failed in all; correct them and import the file again\n", name,
                result->failed);
}

static enum cli_status import_run(const struct invocation *invocation)
{
    CLEANUP(cli_close) struct app *app = NULL;
    CLEANUP(free_pointer) struct import_result *result = xcalloc(1, sizeof(*result));
    struct actor actor = actor_command_line();
    bool watched = isatty(STDERR_FILENO);
    const char *mode = cli_option(invocation, "mode");
    struct import_request request = {
        .path = invocation->arguments[0],
        .tenant_id = cli_option(invocation, "tenant"),
        .dry_run = cli_option(invocation, "dry-run") != NULL,
        .sheet = cli_option(invocation, "sheet"),
        .actor = &actor,
        .progress = watched ? show_progress : NULL,
    };
    struct error err;
    error_clear(&err);
    if (!request.tenant_id)
        return cli_usage(invocation, "--tenant is missing: --tenant ID");
    if (!import_mode_parse(mode ? mode : "upsert", &request.mode))
        return cli_usage(invocation, "there is no mode '%.40s': upsert, create or skip", mode);
    if (!cli_open(invocation, APP_STORE, CLI_STORE_MUST_EXIST, &app))
        return CLI_FAILED;
    bool done = import_file(app_platform(app)->store, &request, result, &err);
    if (watched)
        fputs("\r\033[K", stderr);
    if (!done)
        return cli_fail(invocation, &err);
    printf("%" PRId64 " rows: %" PRId64 " created, %" PRId64 " updated, %" PRId64 " skipped, %" PRId64
           " failed%s\n",
           result->total, result->created, result->updated, result->skipped, result->failed,
           request.dry_run ? " (dry run: nothing was changed)" : "");
    print_errors(invocation, result);
    return result->failed == 0 ? CLI_DONE : CLI_FAILED;
}
