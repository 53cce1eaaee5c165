#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "ops/transfer/import_internal.h"
#include "platform/platform.h"

#define ITEMS_READ 50 /* in one go: up to 64 KiB each, six times that where all is escaped */

/* ---- a failed row as an item ---- */

/* All that is wrong with the row; columns are named from the second one on. */
static void failed_row_write_message(const struct import_row *row, enum language language,
                                     struct json_writer *w)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};
    for (size_t i = 0; i < row->error_count; i++) {
        const struct import_error *error = &row->errors[i];
        strbuf_printf(&text, "%s%s%s%s", i > 0 ? "; " : "", i > 0 ? error->column : "",
                      i > 0 && *error->column ? ": " : "", error->message[language]);
    }
    json_text(w, strbuf_text(&text));
}

void import_write_detail(const struct import_row *row, struct strbuf *out)
{
    struct json_writer w = {.out = out};
    json_object_begin(&w);
    json_key_text(&w, "column", row->errors[0].column);
    json_key(&w, "message");
    json_object_begin(&w);
    json_key(&w, "en");
    failed_row_write_message(row, LANGUAGE_EN, &w);
    json_key(&w, "zh");
    failed_row_write_message(row, LANGUAGE_ZH, &w);
    json_object_end(&w);
    json_key(&w, "cells");
    json_array_begin(&w);
    for (size_t i = 0; i < row->cell_count; i++)
        json_text(&w, row->cells[i]);
    json_array_end(&w);
    json_object_end(&w);
}

/* ---- the file of them ---- */

struct failures {
    struct store *store;
    const char *job_id;
    enum language language;
    struct csv_writer writer;
    struct arena arena; /* of the batch */
};

static bool import_job_find(struct store *store, const char *job_id, struct arena *arena, struct job *ret_job,
                            struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (!store_reader(store, READ_LIMIT_MS, &db, err) || !job_get(db, job_id, arena, ret_job, err))
        return false;
    return strcmp(ret_job->kind, IMPORT_KIND) == 0 ||
           error_set(err, ERROR_NOT_FOUND, "The job '%.64s' is no import: it has no rows that failed.",
                     "任务“%.64s”不是导入任务，没有失败的行。", job_id);
}

bool import_job_exists(struct store *store, const char *job_id, struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    struct job job;
    return import_job_find(store, job_id, &arena, &job, err);
}

static const char *json_string_or_empty(const cJSON *value)
{
    return cJSON_IsString(value) ? value->valuestring : "";
}

/* The first two columns, then those of the file. */
static const char **failures_begin_fields(struct arena *arena, const cJSON *texts, size_t *ret_count)
{
    size_t count = 2;
    const char **fields = arena_alloc(arena, ((size_t)cJSON_GetArraySize(texts) + count) * sizeof(*fields));
    for (const cJSON *one = texts ? texts->child : NULL; one; one = one->next)
        fields[count++] = json_string_or_empty(one);
    *ret_count = count;
    return fields;
}

static bool failures_write_heading(struct failures *failures, const struct job *job, struct error *err)
{
    CLEANUP(json_delete) cJSON *root = NULL;
    const cJSON *headings = NULL;
    size_t count;
    if (job->result && !json_parse(job->result, strlen(job->result), &root, err))
        return false;
    if (root)
        headings = cJSON_GetObjectItemCaseSensitive(root, "headings");
    const char **fields = failures_begin_fields(&failures->arena, headings, &count);
    fields[0] = failures->language == LANGUAGE_ZH ? "行号" : "row";
    fields[1] = failures->language == LANGUAGE_ZH ? "错误" : "error";
    return csv_writer_row(&failures->writer, fields, count, err);
}

static bool failures_write_item(struct failures *failures, const struct job_item *item, struct error *err)
{
    CLEANUP(json_delete) cJSON *root = NULL;
    size_t count;
    const char *detail = item->detail ? item->detail : "{}";
    if (!json_parse(detail, strlen(detail), &root, err))
        return false;
    const cJSON *message = cJSON_GetObjectItemCaseSensitive(root, "message");
    const char *column = json_string_or_empty(cJSON_GetObjectItemCaseSensitive(root, "column"));
    const char **fields =
        failures_begin_fields(&failures->arena, cJSON_GetObjectItemCaseSensitive(root, "cells"), &count);
    fields[0] = arena_printf(&failures->arena, "%" PRId64, item->seq);
    fields[1] = arena_printf(&failures->arena, "%s%s%s", column, *column ? ": " : "",
                             json_string_or_empty(cJSON_GetObjectItemCaseSensitive(
                                 message, failures->language == LANGUAGE_ZH ? "zh" : "en")));
    return csv_writer_row(&failures->writer, fields, count, err);
}

static bool failures_read_batch(struct failures *failures, int64_t after, struct job_item *items,
                                size_t *ret_count, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    arena_reset(&failures->arena);
    return store_reader(failures->store, READ_LIMIT_MS, &db, err) &&
           job_items_after(db, failures->job_id, after, ITEMS_READ, &failures->arena, items, ret_count, err);
}

static bool failures_write_items(struct failures *failures, struct error *err)
{
    struct job_item items[ITEMS_READ];
    size_t count = ITEMS_READ;
    for (int64_t after = 0; count == ITEMS_READ; after = items[count - 1].seq) {
        if (!failures_read_batch(failures, after, items, &count, err))
            return false;
        for (size_t i = 0; i < count; i++)
            if (!failures_write_item(failures, &items[i], err))
                return false;
    }
    return csv_writer_finish(&failures->writer, err);
}

bool import_errors_write(struct store *store, const char *job_id, enum language language,
                         const struct byte_sink *sink, struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    struct failures failures = {.store = store, .job_id = job_id, .language = language};
    struct job job;
    if (!import_job_find(store, job_id, &arena, &job, err))
        return false;
    csv_writer_init(&failures.writer, sink, true);
    bool done = failures_write_heading(&failures, &job, err) && failures_write_items(&failures, err);
    csv_writer_release(&failures.writer);
    arena_release(&failures.arena);
    return done;
}
