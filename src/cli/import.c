#include <inttypes.h>
#include <unistd.h>

#include "cli/cli.h"
#include "ops/transfer/import_export_service.h"

#define ERRORS_SHOWN 20

static enum cli_status import_run(const struct invocation *invocation);

static const struct option_spec options[] = {
    {.name = "tenant", .value = "ID", .text = "whose pairs they become"},
    {.name = "mode", .value = "MODE", .text = "upsert (default), create or skip: see below"},
    {.name = "sheet", .value = "NAME", .text = "of a workbook (default: the first visible one with rows)"},
    {.name = "encoding", .value = "NAME", .text = "of a text (default: told by its contents)"},
    {.name = "heading", .value = "yes|no", .text = "whether the first row is one (default: if it is known)"},
    {.name = "columns", .value = "Q,A[,C]", .text = "numbers of the columns of question, answer, category"},
    {.name = "other-tenants", .text = "take rows of other tenants too (column Tenant ID)"},
    {.name = "dry-run", .text = "say what would be done and change nothing"},
    CLI_STORE_OPTIONS,
    CLI_OPTIONS_END,
};

const struct command import_command = {
    .name = "import",
    .arguments = "FILE --tenant ID [--mode MODE] [--dry-run] [OPTION...]",
    .text = "question-answer pairs from .xlsx, .csv or .tsv",
    .details =
        "The heading names the columns question (问题, 質問, q), answer (答案, 回答, a) and, if there is "
        "one,\n"
        "category (分类), in any order; others are ignored, but rows whose column Tenant ID names another\n"
        "tenant fail. Without such a heading the first column is the question, the second the answer, the\n"
        "third the category. An answer may be empty. What kind of file it is, and its encoding, is told by\n"
        "its contents; what cannot be told for sure is refused until it is said, and what was guessed "
        "stands\n"
        "on standard error. Encodings: UTF-8, UTF-16LE, UTF-16BE, GB18030, Big5, Shift_JIS, EUC-JP,\n"
        "ISO-2022-JP, EUC-KR, Windows-1252, Windows-1251, KOI8-R.\n"
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

static bool import_show_progress(void *context, int64_t done, int64_t total)
{
    (void)context;
    fprintf(stderr, "\r%" PRId64 " of %" PRId64 " rows", done, total);
    return true;
}

static void import_print_errors(const struct invocation *invocation, const struct import_result *result)
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

static void import_print_warnings(const struct invocation *invocation, const struct import_result *result)
{
    CLEANUP(arena_release) struct arena arena = {0};
    char name[64];
    size_t count;
    cli_name(invocation, name, sizeof(name));
    const struct import_warning *list =
        import_warnings_list(&result->warnings, cli_language(), &arena, &count);
    for (size_t i = 0; i < count; i++) {
        fprintf(stderr, "%s: warning: %s", name, list[i].message);
        if (list[i].count > 1)
            fprintf(stderr, " (%" PRId64 " rows, the first is row %" PRId64 ")", list[i].count, list[i].row);
        else if (list[i].count == 1)
            fprintf(stderr, " (row %" PRId64 ")", list[i].row);
        fputc('\n', stderr);
    }
}

/* "3,1" or "3,1,2", from 1. */
static bool import_read_columns(const char *text, struct import_columns *columns)
{
    unsigned numbers[IMPORT_COLUMNS] = {0};
    int used = 0, count = sscanf(text, "%5u,%5u%n,%5u%n", &numbers[IMPORT_QUESTION], &numbers[IMPORT_ANSWER],
                                 &used, &numbers[IMPORT_CATEGORY], &used);
    if (count < 2 || text[used] != '\0')
        return false;
    columns->given = true;
    for (size_t i = 0; i < IMPORT_COLUMNS; i++) {
        columns->places[i] = i < (size_t)count ? numbers[i] - 1 : IMPORT_ABSENT;
        if (i < (size_t)count && numbers[i] == 0)
            return false;
        for (size_t k = 0; k < i && i < (size_t)count; k++)
            if (numbers[i] == numbers[k])
                return false;
    }
    return true;
}

/* How the file is to be read. */
static enum cli_status import_read_options(const struct invocation *invocation,
                                           struct import_request *request)
{
    const char *encoding = cli_option(invocation, "encoding"), *heading = cli_option(invocation, "heading"),
               *columns = cli_option(invocation, "columns");
    if (encoding && !text_encoding_parse(encoding, &request->encoding))
        return cli_usage(invocation, "there is no encoding '%.40s'", encoding);
    if (heading && !import_heading_parse(heading, &request->columns.heading))
        return cli_usage(invocation, "--heading is yes or no, not '%.40s'", heading);
    if (columns && !import_read_columns(columns, &request->columns))
        return cli_usage(invocation, "--columns is like 2,3 or 2,3,1: numbers from 1, each once; not '%.40s'",
                         columns);
    return CLI_DONE;
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
        .takes_other_tenants = cli_option(invocation, "other-tenants") != NULL,
        .actor = &actor,
        .progress = watched ? import_show_progress : NULL,
    };
    struct error err;
    error_clear(&err);
    if (!request.tenant_id)
        return cli_usage(invocation, "--tenant is missing: --tenant ID");
    if (!import_mode_parse(mode ? mode : "upsert", &request.mode))
        return cli_usage(invocation, "there is no mode '%.40s': upsert, create or skip", mode);
    enum cli_status form = import_read_options(invocation, &request);
    if (form != CLI_DONE)
        return form;
    if (!cli_open(invocation, APP_STORE, CLI_STORE_MUST_EXIST, &app))
        return CLI_FAILED;
    bool done = import_file(app_platform(app)->store, &request, result, &err);
    if (watched)
        fputs("\r\033[K", stderr);
    if (!done && err.code == ERROR_INVALID) { /* how a file is to be read can be said */
        struct error told;
        error_set(&told, err.code, "%s%.0s (see 'kimono help import')", "%.0s%s（见 kimono help import）",
                  err.detail[LANGUAGE_EN], err.detail[LANGUAGE_ZH]);
        return cli_fail(invocation, &told);
    }
    if (!done)
        return cli_fail(invocation, &err);
    printf("%" PRId64 " rows: %" PRId64 " created, %" PRId64 " updated, %" PRId64 " skipped, %" PRId64
           " failed%s\n",
           result->total, result->created, result->updated, result->skipped, result->failed,
           request.dry_run ? " (dry run: nothing was changed)" : "");
    import_print_warnings(invocation, result);
    import_print_errors(invocation, result);
    return result->failed == 0 ? CLI_DONE : CLI_FAILED;
}
