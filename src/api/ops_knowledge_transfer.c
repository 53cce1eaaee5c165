#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/endpoints.h"
#include "base/clock.h"
#include "base/temporary_file.h"
#include "formats/file_kind.h"
#include "ops/transfer/import_export_service.h"
#include "platform/knowledge/knowledge.h"
#include "platform/tenants/tenants.h"
#include "settings/settings.h"

#define SHEET_NAME_MAX 64 /* characters; Excel's limit is 31 */
#define COLUMNS_MAX 200

static const char *call_data_folder(const struct call *call)
{
    return settings_now(call->platform->settings)->data;
}

/* --- import --- */

struct import_input {
    struct upload file;
    const char *tenant_id, *mode, *sheet, *encoding, *heading, *columns, *other_tenants;
    bool dry_run;
};
static const char *const other_tenants[] = {"fail", "take", NULL};
static const struct param import_table[] = {
    PARAM_FORM(struct import_input, file, FILE, "Table of pairs: .xlsx, .csv or .tsv", .required = true),
    PARAM_FORM(struct import_input, tenant_id, TEXT, "Whose pairs they become", .required = true,
               .max = TENANT_ID_MAX),
    PARAM_FORM(struct import_input, mode, TEXT,
               "A question that is there: upsert takes the file's answer, skip leaves it, create reports it",
               .values = import_modes, .fallback = "upsert"),
    PARAM_FORM(struct import_input, dry_run, BOOL, "Only say what would be done"),
    PARAM_FORM(struct import_input, sheet, TEXT, "Of a workbook; absent: the first visible one with rows",
               .max = SHEET_NAME_MAX),
    PARAM_FORM(struct import_input, encoding, TEXT,
               "Of a text; absent: found out, or refused with the likely ones where that is not sure",
               .values = text_encoding_names),
    PARAM_FORM(struct import_input, heading, TEXT,
               "Whether the first row is a heading; auto: if it names columns that are known, and refused if "
               "it looks like a heading of other names",
               .values = import_headings, .fallback = "auto"),
    PARAM_FORM(struct import_input, other_tenants, TEXT,
               "Rows whose column “Tenant ID”, as an export has it, names another tenant",
               .values = other_tenants, .fallback = "fail"),
    PARAM_FORM(struct import_input, columns, TEXT,
               "JSON: place of each column from 0, and whether the first row is a heading, as in "
               "{\"question\":0,\"answer\":1,\"category\":2,\"heading\":true}; absent: found by the heading",
               .max = COLUMNS_MAX),
};
const struct params import_params = PARAMS(struct import_input, import_table);

/* How the file is to be read. What `columns` says of the heading counts. */
static bool read_table_form(const char *encoding, const char *heading, const char *columns,
                            struct import_request *request, struct error *err)
{
    if (encoding)
        text_encoding_parse(encoding, &request->encoding);
    if (columns && !import_columns_parse(columns, &request->columns, err))
        return false;
    if (request->columns.heading == IMPORT_HEADING_AUTO)
        import_heading_parse(heading, &request->columns.heading);
    return true;
}

static bool read_import_form(const struct call *call, struct import_request *ret_request, struct error *err)
{
    const struct import_input *input = call->input;
    *ret_request = (struct import_request){
        .file = input->file.filename,
        .tenant_id = input->tenant_id,
        .dry_run = input->dry_run,
        .sheet = input->sheet,
        .actor = &call->actor,
    };
    import_mode_parse(input->mode, &ret_request->mode); /* one of the parameter's values, as those below */
    ret_request->takes_other_tenants = strcmp(input->other_tenants, "take") == 0;
    return read_table_form(input->encoding, input->heading, input->columns, ret_request, err);
}

bool knowledge_import_post(struct call *call, struct error *err)
{
    const struct import_input *input = call->input;
    struct import_request request;
    struct job job;
    return read_import_form(call, &request, err) &&
           import_ask(call->platform, input->file.fd, &request, call->request->language, call->arena, &job,
                      err) &&
           reply_job(call, &job);
}

struct preview_input {
    struct upload file;
    const char *sheet, *encoding, *heading, *columns;
};
static const struct param preview_table[] = {
    PARAM_FORM(struct preview_input, file, FILE, "Table of pairs: .xlsx, .csv or .tsv", .required = true),
    PARAM_FORM(struct preview_input, sheet, TEXT, "Of a workbook; absent: the first visible one with rows",
               .max = SHEET_NAME_MAX),
    PARAM_FORM(struct preview_input, encoding, TEXT, "As for the import", .values = text_encoding_names),
    PARAM_FORM(struct preview_input, heading, TEXT, "As for the import", .values = import_headings,
               .fallback = "auto"),
    PARAM_FORM(struct preview_input, columns, TEXT, "As for the import", .max = COLUMNS_MAX),
};
const struct params import_preview_params = PARAMS(struct preview_input, preview_table);

bool knowledge_import_preview_post(struct call *call, struct error *err)
{
    const struct preview_input *input = call->input;
    struct import_request request = {.file = input->file.filename, .sheet = input->sheet};
    struct import_preview preview;
    return read_table_form(input->encoding, input->heading, input->columns, &request, err) &&
           import_preview(input->file.fd, &request, call->request->language, call_data_folder(call),
                          call->arena, &preview, err) &&
           reply(call, &import_preview_descriptor, &preview);
}

/* --- the rows that failed --- */

static bool write_to_stream(void *context, const char *bytes, size_t length, struct error *err)
{
    return http_stream_write(context, bytes, length, err);
}

struct errors_download {
    struct store *store;
    const char *job_id;
    enum language language;
};

static bool produce_errors(void *context, struct http_stream *stream, struct error *err)
{
    const struct errors_download *download = context;
    struct byte_sink sink = {write_to_stream, stream};
    return import_errors_write(download->store, download->job_id, download->language, &sink, err);
}

struct errors_input {
    const char *id;
};
static const struct param errors_table[] = {
    PARAM_PATH(struct errors_input, id, TEXT, "Id of the job"),
};
const struct params job_errors_params = PARAMS(struct errors_input, errors_table);

bool job_errors_get(struct call *call, struct error *err)
{
    const struct errors_input *input = call->input;
    enum language language = call->request->language;
    struct errors_download *download = arena_alloc(call->arena, sizeof(*download));
    *download = (struct errors_download){call->platform->store, input->id, language};
    return import_job_exists(call->platform->store, input->id, err) &&
           reply_stream(call, NULL, language == LANGUAGE_ZH ? "导入失败的行.csv" : "failed-rows.csv",
                        produce_errors, download);
}

/* --- export --- */

struct export_input {
    const char *tenant_id, *keyword, *category, *source, *is_synced, *tenant_status, *format;
    double quality_min, quality_max;
};
static const char *const truths[] = {"true", "false", NULL};
static const char *const formats[] = {"xlsx", "csv", NULL};
static const struct param export_table[] = {
    PARAM_QUERY(struct export_input, tenant_id, TEXT, "Only this tenant's", .max = TENANT_ID_MAX),
    PARAM_QUERY(struct export_input, keyword, TEXT, "A part of the question or the answer",
                .max = KNOWLEDGE_KEYWORD_MAX),
    PARAM_QUERY(struct export_input, category, TEXT, "Only this category; empty: pairs without one",
                .max = CATEGORY_MAX),
    PARAM_QUERY(struct export_input, source, TEXT, "Only from here", .values = pair_sources),
    PARAM_QUERY(struct export_input, is_synced, TEXT, "Only pairs whose text the index holds, or lacks",
                .values = truths),
    PARAM_QUERY(struct export_input, tenant_status, TEXT, "Only of tenants in this state",
                .values = tenant_statuses),
    PARAM_QUERY(struct export_input, quality_min, REAL, "Least quality", .min = 0, .max = 1),
    PARAM_QUERY(struct export_input, quality_max, REAL, "Highest quality", .min = 0, .max = 1),
    PARAM_QUERY(struct export_input, format, TEXT, "Kind of table", .values = formats, .fallback = "xlsx"),
};
const struct params export_params = PARAMS(struct export_input, export_table);

struct export_download {
    const struct platform *platform;
    struct export_request request;
};

static struct export_download *read_export_query(struct call *call)
{
    const struct export_input *input = call->input;
    struct export_download *download = arena_alloc(call->arena, sizeof(*download));
    download->platform = call->platform;
    download->request = (struct export_request){
        .filter = {.tenant_id = input->tenant_id,
                   .keyword = input->keyword,
                   .category = input->category,
                   .source = input->source,
                   .tenant_status = input->tenant_status,
                   .is_synced = !input->is_synced            ? SYNCED_ANY
                                : input->is_synced[0] == 't' ? SYNCED_YES
                                                             : SYNCED_NO,
                   .quality_min = input->quality_min,
                   .quality_max = input->quality_max},
        .format = strcmp(input->format, "csv") == 0 ? EXPORT_CSV : EXPORT_XLSX,
        .language = call->request->language,
        .actor = &call->actor,
    };
    return download;
}

static bool produce_export(void *context, struct http_stream *stream, struct error *err)
{
    const struct export_download *download = context;
    struct byte_sink sink = {write_to_stream, stream};
    int64_t count;
    return export_text(download->platform, &download->request, &sink, &count, err);
}

/* The library that writes workbooks takes a path: that of a descriptor, as the file has none and is gone
 * however the process ends. */
static bool make_workbook(struct call *call, const struct export_download *download, int *ret_fd,
                          struct error *err)
{
    CLEANUP(file_close) int fd = -1;
    char path[64];
    int64_t count;
    if (!temporary_file_open(call_data_folder(call), &fd, err))
        return false;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (!export_workbook(download->platform, &download->request, path, call_data_folder(call), &count, err))
        return false;
    *ret_fd = fd;
    fd = -1;
    return true;
}

bool knowledge_export_get(struct call *call, struct error *err)
{
    struct export_download *download = read_export_query(call);
    bool is_csv = download->request.format == EXPORT_CSV;
    const char *stem = call->request->language == LANGUAGE_ZH ? "知识库" : "knowledge";
    char day[CLOCK_DAY_SIZE];
    int fd;
    clock_day_format(clock_day(call->request->received_at), day);
    const char *name = arena_printf(call->arena, "%s-%s.%s", stem, day, is_csv ? "csv" : "xlsx");
    if (is_csv || call->request->is_head) /* a HEAD asks for no rows */
        return reply_stream(call, is_csv ? call->route->other_content_type : NULL, name, produce_export,
                            download);
    return make_workbook(call, download, &fd, err) && reply_file(call, NULL, name, fd, err);
}
