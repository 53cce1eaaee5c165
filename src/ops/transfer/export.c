#include <string.h>

#include "base/clock.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "formats/xlsx_writer.h"
#include "ops/transfer/export_pairs.h"
#include "ops/transfer/import_export_service.h"

/* ---- columns ---- */

#define COLUMNS 9
#define TIME_SIZE 20 /* with a NUL */
#define QUALITY_SIZE 5

/* A pair's row while it is written; numbers and times need room. */
struct cells {
    const char *fields[COLUMNS];
    char quality[QUALITY_SIZE], updated[TIME_SIZE];
};

static const struct {
    const char *heading[LANGUAGE_COUNT];
    double width; /* in a workbook, characters */
} columns[COLUMNS] = {
    {{[LANGUAGE_EN] = "Tenant ID", [LANGUAGE_ZH] = "商家ID"}, 16},
    {{[LANGUAGE_EN] = "Tenant", [LANGUAGE_ZH] = "商家"}, 20},
    {{[LANGUAGE_EN] = "Question", [LANGUAGE_ZH] = "问题"}, 40},
    {{[LANGUAGE_EN] = "Answer", [LANGUAGE_ZH] = "答案"}, 60},
    {{[LANGUAGE_EN] = "Category", [LANGUAGE_ZH] = "分类"}, 14},
    {{[LANGUAGE_EN] = "Source", [LANGUAGE_ZH] = "来源"}, 10},
    {{[LANGUAGE_EN] = "Quality", [LANGUAGE_ZH] = "质量"}, 8},
    {{[LANGUAGE_EN] = "Synced", [LANGUAGE_ZH] = "已同步"}, 8},
    {{[LANGUAGE_EN] = "Updated", [LANGUAGE_ZH] = "更新时间"}, 20},
};

static const struct {
    const char *name, *title[LANGUAGE_COUNT];
} sources[] = {
    {"manual", {[LANGUAGE_EN] = "manual", [LANGUAGE_ZH] = "手工"}},
    {"import", {[LANGUAGE_EN] = "import", [LANGUAGE_ZH] = "导入"}},
    {"learned", {[LANGUAGE_EN] = "learned", [LANGUAGE_ZH] = "学习"}},
    {"template", {[LANGUAGE_EN] = "template", [LANGUAGE_ZH] = "模板"}},
    {"demo", {[LANGUAGE_EN] = "demo", [LANGUAGE_ZH] = "演示"}},
};

static const char *export_source_title(const char *name, enum language language)
{
    for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
        if (strcmp(name, sources[i].name) == 0)
            return sources[i].title[language];
    return name;
}

/* Days whose beginning is known: asking the zone for each pair would cost more than all the rest. */
#define DAYS_KNOWN 1024
struct day {
    int32_t number;
    int64_t start; /* 0: not known; no pair is from 1970 */
    char text[CLOCK_DAY_SIZE];
};

static const struct day *export_find_day(struct day *days, int32_t number)
{
    struct day *day = &days[(uint32_t)number % DAYS_KNOWN];
    if (day->start == 0 || day->number != number) {
        day->number = number;
        day->start = clock_day_start(number);
        clock_day_format(number, day->text);
    }
    return day;
}

static char *export_put_two_digits(char *text, char before, int64_t number)
{
    text[0] = before;
    text[1] = (char)('0' + number / 10 % 10);
    text[2] = (char)('0' + number % 10);
    return text + 3;
}

/* "2026-11-22 14:48:26", in the configured zone: what a person expects in a table. */
static void export_put_time(struct day *days, int64_t ms, char text[static TIME_SIZE])
{
    int32_t number = (int32_t)(ms / DAY_MS) + 1; /* of UTC: no zone is further ahead */
    const struct day *day = export_find_day(days, number);
    while (day->start > ms)
        day = export_find_day(days, --number);
    int64_t seconds = (ms - day->start) / SECOND_MS;
    memcpy(text, day->text, CLOCK_DAY_SIZE - 1);
    char *at = export_put_two_digits(text + CLOCK_DAY_SIZE - 1, ' ', seconds / 3600);
    at = export_put_two_digits(at, ':', seconds / 60 % 60);
    *export_put_two_digits(at, ':', seconds % 60) = '\0';
}

static void export_fill_cells(struct cells *cells, const struct qa_list_item *pair, enum language language,
                              struct day *days)
{
    static const char *const truths[LANGUAGE_COUNT][2] = {
        [LANGUAGE_EN] = {"no", "yes"}, [LANGUAGE_ZH] = {"否", "是"}};
    int hundredths = (int)(pair->quality_score * 100 + 0.5); /* "0.49" */
    cells->quality[0] = (char)('0' + hundredths / 100);
    *export_put_two_digits(cells->quality + 1, '.', hundredths % 100) = '\0';
    export_put_time(days, pair->updated_at, cells->updated);
    const char *const fields[COLUMNS] = {
        pair->tenant_id, pair->tenant_name,
        pair->question,  pair->answer,
        pair->category,  export_source_title(pair->source, language),
        cells->quality,  truths[language][pair->is_synced],
        cells->updated,
    };
    memcpy(cells->fields, fields, sizeof(fields));
}

/* ---- pairs ---- */

struct export
{
    const struct platform *platform;
    const struct export_request *request;
    bool (*write)(struct export * export, const char *const *fields, struct error *err);
    struct csv_writer text; /* one of the two */
    struct xlsx_writer *workbook;
    int64_t count; /* pairs that are written */
    struct day days[DAYS_KNOWN];
};

static bool export_write_pairs(struct export *export, struct error *err)
{
    CLEANUP(pair_feed_end) struct pair_feed feed = {0};
    CLEANUP(arena_release) struct arena arena = {0};
    if (!pair_feed_begin(export->platform, &export->request->filter, &feed, err))
        return false;
    while (!feed.at_end) {
        struct qa_list_item *pairs;
        size_t count;
        arena_reset(&arena);
        if (!pair_feed_next(export->platform, &feed, &arena, &pairs, &count, err))
            return false;
        for (size_t i = 0; i < count; i++, export->count++) {
            struct cells cells;
            export_fill_cells(&cells, &pairs[i], export->request->language, export->days);
            if (!export->write(export, cells.fields, err))
                return false;
        }
    }
    return true;
}

/* ---- the audit log ---- */

static void export_write_filter(struct json_writer *w, const struct qa_filter *filter)
{
    json_key(w, "filter");
    json_object_begin(w);
    const struct {
        const char *name, *value;
    } texts[] = {{"tenant_id", filter->tenant_id},
                 {"category", filter->category},
                 {"source", filter->source},
                 {"keyword", filter->keyword},
                 {"tenant_status", filter->tenant_status}};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (texts[i].value)
            json_key_text(w, texts[i].name, texts[i].value);
    if (filter->is_synced != SYNCED_ANY)
        json_key_bool(w, "is_synced", filter->is_synced == SYNCED_YES);
    const struct {
        const char *name;
        double value;
    } bounds[] = {{"quality_min", filter->quality_min}, {"quality_max", filter->quality_max}};
    for (size_t i = 0; i < ARRAY_SIZE(bounds); i++)
        if (bounds[i].value == bounds[i].value) { /* not NaN */
            json_key(w, bounds[i].name);
            json_real(w, bounds[i].value);
        }
    json_object_end(w);
}

static const char *const format_names[] = {
    [EXPORT_CSV] = "csv", [EXPORT_TSV] = "tsv", [EXPORT_XLSX] = "xlsx"};

/* `failure` NULL: all were given out. What could not be noted was not given out properly. */
static bool export_note(const struct export *export, const struct error *failure, struct error *err)
{
    const struct export_request *request = export->request;
    CLEANUP(strbuf_release) struct strbuf after = {0};
    struct json_writer w = {.out = &after};
    json_object_begin(&w);
    export_write_filter(&w, &request->filter);
    json_key_text(&w, "format", format_names[request->format]);
    json_key_int(&w, "count", export->count);
    json_object_end(&w);
    struct audit_entry entry = {
        .action = "knowledge.export",
        .target_type = request->filter.tenant_id ? "tenant" : "platform",
        .target_id = request->filter.tenant_id ? request->filter.tenant_id : "",
        .after = strbuf_text(&after),
        .reason = failure ? failure->detail[LANGUAGE_EN] : NULL,
        .result = failure ? "failed" : NULL,
    };
    return audit_note(export->platform->store, request->actor, &entry, err);
}

static bool export_end(struct export *export, bool done, int64_t *ret_count, struct error *err)
{
    if (!done) {
        export_note(export, err, NULL);
        return false;
    }
    if (!export_note(export, NULL, err))
        return false;
    *ret_count = export->count;
    return true;
}

/* ---- text ---- */

static bool export_write_line(struct export *export, const char *const *fields, struct error *err)
{
    return csv_writer_row(&export->text, fields, COLUMNS, err);
}

bool export_text(const struct platform *platform, const struct export_request *request,
                 const struct byte_sink *sink, int64_t *ret_count, struct error *err)
{
    struct export export = {.platform = platform, .request = request, .write = export_write_line};
    const char *headings[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++)
        headings[i] = columns[i].heading[request->language];
    csv_writer_init(&export.text, sink, request->format == EXPORT_CSV);
    export.text.delimiter = request->format == EXPORT_TSV ? '\t' : ',';
    bool done = export_write_line(&export, headings, err) && export_write_pairs(&export, err) &&
                csv_writer_finish(&export.text, err);
    csv_writer_release(&export.text);
    return export_end(&export, done, ret_count, err);
}

/* ---- workbook ---- */

static bool export_write_row(struct export *export, const char *const *fields, struct error *err)
{
    return xlsx_writer_row(export->workbook, fields, err);
}

static bool export_write_workbook(struct export *export, const char *path, const char *temporary_folder,
                                  struct error *err)
{
    enum language language = export->request->language;
    CLEANUP(xlsx_writer_free) struct xlsx_writer *workbook = NULL;
    struct xlsx_column named[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++)
        named[i] = (struct xlsx_column){columns[i].heading[language], columns[i].width};
    struct xlsx_form form = {
        .path = path,
        .sheet = language == LANGUAGE_ZH ? "知识库" : "Knowledge",
        .columns = named,
        .column_count = COLUMNS,
        .temporary_folder = temporary_folder,
    };
    if (!xlsx_writer_open(&form, &workbook, err))
        return false;
    export->workbook = workbook;
    return export_write_pairs(export, err) && xlsx_writer_finish(workbook, err);
}

bool export_workbook(const struct platform *platform, const struct export_request *request, const char *path,
                     const char *temporary_folder, int64_t *ret_count, struct error *err)
{
    struct export export = {.platform = platform, .request = request, .write = export_write_row};
    bool done = export_write_workbook(&export, path, temporary_folder, err);
    return export_end(&export, done, ret_count, err);
}
