#include <string.h>

#include "base/clock.h"
#include "ops/logs/log_lines.h"

#define EXPORT_PORTION 500 /* lines: 32 MB if all are as long as may be */
#define EXPORT_PORTION_MS 10000
#define EXPORT_COLUMNS 8

static const char *const export_headings[EXPORT_COLUMNS] = {"id",      "timestamp", "level",      "source",
                                                            "message", "tenant_id", "request_id", "fields"};

struct log_export {
    const struct byte_sink *sink;
    struct csv_writer csv;
    struct strbuf line;
    bool is_csv;
    int64_t count;
};

static void log_export_release(struct log_export *export)
{
    csv_writer_release(&export->csv);
    strbuf_release(&export->line);
}

static bool log_export_csv(struct log_export *export, const struct found_log *found, struct error *err)
{
    const struct log_record *record = &found->record;
    char time[CLOCK_TEXT_SIZE];
    clock_format(record->timestamp, time);
    const char *const cells[EXPORT_COLUMNS] = {found->id,
                                               time,
                                               log_level_names[record->level],
                                               record->source,
                                               record->message,
                                               record->tenant_id,
                                               record->request_id,
                                               record->fields};
    return csv_writer_row(&export->csv, cells, EXPORT_COLUMNS, err);
}

static bool log_export_json(struct log_export *export, const struct found_log *found, struct error *err)
{
    const struct log_record *record = &found->record;
    struct log_line line = {.id = found->id,
                            .timestamp = record->timestamp,
                            .level = log_level_names[record->level],
                            .source = record->source,
                            .message = record->message,
                            .tenant_id = record->tenant_id,
                            .request_id = record->request_id,
                            .fields = record->fields};
    struct json_writer w = {.out = &export->line};
    strbuf_reset(&export->line);
    json_struct(&w, &log_line_descriptor, &line);
    strbuf_putc(&export->line, '\n');
    return export->sink->write(export->sink->context, export->line.bytes, export->line.length, err);
}

static bool log_export_take(void *context, const struct found_log *found, struct error *err)
{
    struct log_export *export = context;
    export->count++;
    return (export->is_csv ? log_export_csv : log_export_json)(export, found, err);
}

/* One portion after the other, so that nothing is held while the client takes its time. */
static bool log_export_lines(struct telemetry *telemetry, const struct log_filter *filter,
                             struct log_export *export, struct error *err)
{
    struct log_search_end end = {0};
    char cursor[LOG_CURSOR_SIZE] = "";
    do {
        if (!telemetry_search_logs(telemetry, filter, cursor, EXPORT_PORTION, EXPORT_PORTION_MS,
                                   log_export_take, export, &end, err))
            return false;
        if (*end.cursor && strcmp(end.cursor, cursor) == 0)
            return error_set(err, ERROR_TIMEOUT, "The search did not get on; try a narrower range.",
                             "搜索没有进展，请缩小范围后重试。");
        memcpy(cursor, end.cursor, sizeof(cursor));
    } while (*cursor);
    return true;
}

static bool log_export_note(const struct platform *platform, const struct log_request *request,
                            enum log_format format, const struct actor *actor, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf after = {0};
    struct json_writer w = {.out = &after};
    const struct {
        const char *name, *value;
    } texts[] = {{"level", request->level},         {"source", request->source},
                 {"keyword", request->keyword},     {"query", request->query},
                 {"tenant_id", request->tenant_id}, {"request_id", request->request_id}};
    json_object_begin(&w);
    json_key(&w, "start_time");
    json_time(&w, request->start_time);
    json_key(&w, "end_time");
    json_time(&w, request->end_time);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (texts[i].value)
            json_key_text(&w, texts[i].name, texts[i].value);
    json_key_text(&w, "format", format == LOG_FORMAT_CSV ? "csv" : "ndjson");
    json_object_end(&w);
    struct audit_entry entry = {.action = "logs.export",
                                .target_type = request->tenant_id ? "tenant" : "platform",
                                .target_id = request->tenant_id ? request->tenant_id : "",
                                .after = strbuf_text(&after)};
    return audit_note(platform->store, actor, &entry, err);
}

bool logs_export(const struct platform *platform, const struct log_request *request, enum log_format format,
                 const struct actor *actor, const struct byte_sink *sink, struct error *err)
{
    CLEANUP(log_export_release) struct log_export export = {.sink = sink, .is_csv = format == LOG_FORMAT_CSV};
    CLEANUP(arena_release) struct arena arena = {0};
    struct log_filter filter;
    csv_writer_init(&export.csv, sink, true);
    return log_filter_make(request, &arena, &filter, err) &&
           log_export_note(platform, request, format, actor, err) &&
           (!export.is_csv || csv_writer_row(&export.csv, export_headings, EXPORT_COLUMNS, err)) &&
           log_export_lines(platform->telemetry, &filter, &export, err) &&
           (!export.is_csv || csv_writer_finish(&export.csv, err));
}
