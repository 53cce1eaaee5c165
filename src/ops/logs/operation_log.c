#include "ops/logs/operation_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/memory.h"

#define COUNTED_AT_MOST 1000 /* rows that are counted for `total` */
#define EXPORT_BATCH 500     /* rows that are read on one connection */

const char *const operation_results[] = {"done", "refused", "failed", NULL};

static const struct field operation_fields[] = {
    FIELD(struct operation, id, INT, "Number of the row; they grow in the order of what was done"),
    FIELD(struct operation, timestamp, TIME, "When"),
    FIELD(struct operation, user_id, TEXT, "Who; empty: the system itself, or a command"),
    FIELD(struct operation, username, TEXT, "Their name then; system; or cli: and who was logged in there",
          .personal = PERSONAL_PARTS),
    FIELD(struct operation, action, TEXT, "What was done, as tenant.suspend"),
    FIELD(struct operation, target_type, TEXT, "Kind of what it was done to"),
    FIELD(struct operation, target_id, TEXT, "Id of what it was done to", .personal = PERSONAL_PARTS),
    FIELD(struct operation, details, JSON,
          "before and after as objects, and the reason, each null where there is none; of what was refused "
          "`after` is what was asked and `reason` why it was refused",
          .personal = PERSONAL_PARTS),
    FIELD(struct operation, ip_address, TEXT, "From where; empty: not over the network"),
    FIELD(struct operation, request_id, TEXT, "The request that caused it; empty: none did"),
    FIELD(struct operation, result, TEXT, "What came of it", .values = operation_results),
};
const struct descriptor operation_descriptor = DESCRIPTOR("Operation", struct operation, operation_fields);

static const struct field operation_list_fields[] = {
    FIELD_MANY(struct operation_list, items, LIST, "The newest first", .of = &operation_descriptor),
    FIELD(struct operation_list, total, INT, "How many there are", .optional = true),
    FIELD(struct operation_list, total_at_least, INT, "In its place: so many or more", .optional = true),
    FIELD(struct operation_list, page, INT, "Which page, from 1; behind a cursor what was asked"),
    FIELD(struct operation_list, page_size, INT, "Items on a page"),
    FIELD(struct operation_list, next_cursor, TEXT, "For the next page; null: this is the last one",
          .nullable = true),
};
const struct descriptor operation_list_descriptor =
    DESCRIPTOR("OperationList", struct operation_list, operation_list_fields);

/* ---- the SQL: one text for each filter that leads; the others are compared row by row ----
 * $1 from when, $2 and $3 before which (time, id), $4 user, $5 action, $6 and $7 target, $8 request, $9 result, $10 how
 * many, $11 behind how many. */

#define ANY(column, arg) " AND " column " = COALESCE(" arg ", " column ")"
#define ONE(column, arg) " AND " column " = " arg
#define ANY_USER ANY("user_id", "$4")
#define ANY_ACTION ANY("action", "$5")
#define ANY_TARGET ANY("target_id", "$7")
#define ANY_REQUEST ANY("request_id", "$8")
#define ANY_RESULT ANY("result", "$9")
#define NOT_DONE " AND result <> 'done'" /* as in the index */
#define OPERATIONS(user, action, target, request, result)                                                    \
    " FROM ops_logs WHERE timestamp >= $1 AND (timestamp, id) < ($2, $3)" ANY("target_type", "$6")           \
        user action target request result

#define SQL_PAGE(filter)                                                                                     \
    "SELECT id, timestamp, user_id, username, action, target_type, target_id, details, ip_address,"          \
    " request_id, result" filter " ORDER BY timestamp DESC, id DESC LIMIT $10 OFFSET $11"
#define SQL_COUNT(filter) "SELECT COUNT(*) FROM (SELECT 1" filter " LIMIT $10 OFFSET $11) counted"
#define SQL_BOTH(filter)                                                                                     \
    {                                                                                                        \
        SQL_PAGE(filter), SQL_COUNT(filter)                                                                  \
    }

enum operation_lead { LEAD_TIME, LEAD_REQUEST, LEAD_TARGET, LEAD_USER, LEAD_RESULT, LEAD_ACTION };

static const struct {
    const char *page, *count;
} SQL_LED_BY[] = {
    [LEAD_TIME] = SQL_BOTH(OPERATIONS(ANY_USER, ANY_ACTION, ANY_TARGET, ANY_REQUEST, ANY_RESULT)),
    [LEAD_REQUEST] =
        SQL_BOTH(OPERATIONS(ANY_USER, ANY_ACTION, ANY_TARGET, ONE("request_id", "$8"), ANY_RESULT)),
    [LEAD_TARGET] =
        SQL_BOTH(OPERATIONS(ANY_USER, ANY_ACTION, ONE("target_id", "$7"), ANY_REQUEST, ANY_RESULT)),
    [LEAD_USER] = SQL_BOTH(OPERATIONS(ONE("user_id", "$4"), ANY_ACTION, ANY_TARGET, ANY_REQUEST, ANY_RESULT)),
    [LEAD_RESULT] =
        SQL_BOTH(OPERATIONS(ANY_USER, ANY_ACTION, ANY_TARGET, ANY_REQUEST, NOT_DONE ONE("result", "$9"))),
    [LEAD_ACTION] = SQL_BOTH(OPERATIONS(ANY_USER, ONE("action", "$5"), ANY_TARGET, ANY_REQUEST, ANY_RESULT)),
};

static enum operation_lead operation_lead(const struct operation_filter *filter)
{
    if (filter->request_id)
        return LEAD_REQUEST;
    if (filter->target_id)
        return LEAD_TARGET;
    if (filter->user_id)
        return LEAD_USER;
    if (filter->result && strcmp(filter->result, "done") != 0)
        return LEAD_RESULT;
    return filter->action ? LEAD_ACTION : LEAD_TIME;
}

/* Before which row a page begins, and behind how many. */
struct operation_start {
    int64_t time, id, skipped;
};

#define OPERATION_ARGS 11
static void operation_args(const struct operation_filter *filter, const struct operation_start *start,
                           int64_t limit, struct db_value args[static OPERATION_ARGS])
{
    const struct db_value values[] = {
        db_int(filter->start == INT_NULL ? 0 : filter->start),
        db_int(start->time),
        db_int(start->id),
        db_text(filter->user_id),
        db_text(filter->action),
        db_text(filter->target_type),
        db_text(filter->target_id),
        db_text(filter->request_id),
        db_text(filter->result),
        db_int(limit),
        db_int(start->skipped),
    };
    memcpy(args, values, sizeof(values));
}

/* ---- a page ---- */

static struct operation_start operation_first(const struct operation_filter *filter)
{
    return (struct operation_start){.time = filter->end == INT_NULL ? INT64_MAX : filter->end};
}

/* A cursor is the time and the id of the last row of its page. */
static bool operation_read_cursor(const char *cursor, struct operation_start *start)
{
    char *end;
    errno = 0;
    start->time = strtoll(cursor, &end, 10);
    if (*cursor < '0' || *cursor > '9' || *end != '-' || end[1] < '0' || end[1] > '9')
        return false;
    start->id = strtoll(end + 1, &end, 10);
    return *end == '\0' && errno == 0;
}

static bool operation_read_place(const struct operation_filter *filter, const struct operation_place *place,
                                 struct operation_start *ret_start, struct error *err)
{
    struct operation_start start = operation_first(filter), from;
    if (filter->start != INT_NULL && filter->end != INT_NULL && filter->end <= filter->start)
        return error_add_field(err, "end_time", "is not after start_time", "不晚于 start_time");
    if (place->cursor) {
        if (!operation_read_cursor(place->cursor, &from))
            return error_add_field(err, "cursor", "is not one of this list's", "不是本列表的游标");
        if (from.time < start.time) {
            start.time = from.time;
            start.id = from.id;
        }
    } else {
        start.skipped = (place->page - 1) * place->page_size;
        if (start.skipped > OPERATION_PAGE_DEPTH)
            return error_add_field(err, "page", "lies too deep: go on by next_cursor",
                                   "太靠后：请用 next_cursor 继续");
    }
    *ret_start = start;
    return true;
}

static bool operation_read_rows(struct db *db, const struct operation_filter *filter,
                                const struct operation_start *start, size_t limit, struct arena *arena,
                                struct operation *items, size_t *ret_count, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct db_value args[OPERATION_ARGS];
    size_t count = 0;
    operation_args(filter, start, (int64_t)limit, args);
    if (!db_query(db, SQL_LED_BY[operation_lead(filter)].page, args, OPERATION_ARGS, &rows, err))
        return false;
    while (count < limit && db_next(&rows))
        db_read_row(&rows, &operation_descriptor, &items[count++], arena);
    *ret_count = count;
    return db_done(&rows, err);
}

bool operation_list(struct db *db, const struct operation_filter *filter, const struct operation_place *place,
                    struct arena *arena, struct operation_list *ret_list, struct error *err)
{
    struct operation_list list = {.page = place->page, .page_size = place->page_size};
    struct operation_start start, all = operation_first(filter);
    struct db_value args[OPERATION_ARGS];
    int64_t total;
    size_t page_size = (size_t)place->page_size;
    if (!operation_read_place(filter, place, &start, err))
        return false;
    operation_args(filter, &all, COUNTED_AT_MOST, args);
    if (!db_find_int(db, SQL_LED_BY[operation_lead(filter)].count, args, OPERATION_ARGS, 0, &total, err))
        return false;
    list.total = list.total_at_least = INT_NULL;
    *(total < COUNTED_AT_MOST ? &list.total : &list.total_at_least) = total;
    list.items = arena_alloc(arena, (page_size + 1) * sizeof(*list.items));
    if (!operation_read_rows(db, filter, &start, page_size + 1, arena, list.items, &list.items_count, err))
        return false;
    if (list.items_count > page_size) { /* one more than a page: there is a next one */
        const struct operation *last = &list.items[page_size - 1];
        list.items_count = page_size;
        list.next_cursor = arena_printf(arena, "%" PRId64 "-%" PRId64, last->timestamp, last->id);
    }
    *ret_list = list;
    return true;
}

static const char SQL_ONE[] =
    "SELECT id, timestamp, user_id, username, action, target_type, target_id, details,"
    " ip_address, request_id, result FROM ops_logs WHERE id = $1";

bool operation_read(struct db *db, int64_t id, struct arena *arena, struct operation *ret_operation,
                    struct error *err)
{
    bool found;
    return db_find(db, SQL_ONE, DB_ARGS(db_int(id)), &operation_descriptor, ret_operation, arena, &found,
                   err) &&
           (found || error_set(err, ERROR_NOT_FOUND, "There is no operation %" PRId64 ".",
                               "没有编号为 %" PRId64 " 的操作。", id));
}

/* ---- an export ---- */

static const struct {
    const char *heading[LANGUAGE_COUNT];
} operation_columns[] = {
    {{[LANGUAGE_EN] = "Time", [LANGUAGE_ZH] = "时间"}},
    {{[LANGUAGE_EN] = "User", [LANGUAGE_ZH] = "用户"}},
    {{[LANGUAGE_EN] = "User ID", [LANGUAGE_ZH] = "用户ID"}},
    {{[LANGUAGE_EN] = "Action", [LANGUAGE_ZH] = "操作"}},
    {{[LANGUAGE_EN] = "Target type", [LANGUAGE_ZH] = "对象类型"}},
    {{[LANGUAGE_EN] = "Target ID", [LANGUAGE_ZH] = "对象ID"}},
    {{[LANGUAGE_EN] = "Result", [LANGUAGE_ZH] = "结果"}},
    {{[LANGUAGE_EN] = "Reason", [LANGUAGE_ZH] = "原因"}},
    {{[LANGUAGE_EN] = "Before", [LANGUAGE_ZH] = "变更前"}},
    {{[LANGUAGE_EN] = "After", [LANGUAGE_ZH] = "变更后"}},
    {{[LANGUAGE_EN] = "IP address", [LANGUAGE_ZH] = "IP地址"}},
    {{[LANGUAGE_EN] = "Request ID", [LANGUAGE_ZH] = "请求ID"}},
};

/* What is being written: lines of CSV, or of JSON. */
struct operation_writing {
    const struct operation_export *request;
    const struct byte_sink *sink;
    struct csv_writer csv;
    struct strbuf line;
    int64_t count;
};

static bool operation_write_cells(struct operation_writing *writing, const struct operation *operation,
                                  struct error *err)
{
    CLEANUP(json_delete) cJSON *details = cJSON_Parse(operation->details);
    const cJSON *before = cJSON_GetObjectItemCaseSensitive(details, "before");
    const cJSON *after = cJSON_GetObjectItemCaseSensitive(details, "after");
    const cJSON *reason = cJSON_GetObjectItemCaseSensitive(details, "reason");
    CLEANUP(free_pointer) char *before_text = cJSON_IsObject(before) ? cJSON_PrintUnformatted(before) : NULL;
    CLEANUP(free_pointer) char *after_text = cJSON_IsObject(after) ? cJSON_PrintUnformatted(after) : NULL;
    char time[CLOCK_TEXT_SIZE];
    clock_format(operation->timestamp, time);
    const char *const cells[] = {
        time,
        operation->username,
        operation->user_id,
        operation->action,
        operation->target_type,
        operation->target_id,
        operation->result,
        cJSON_IsString(reason) ? reason->valuestring : NULL,
        before_text,
        after_text,
        operation->ip_address,
        operation->request_id,
    };
    return csv_writer_row(&writing->csv, cells, ARRAY_SIZE(cells), err);
}

static bool operation_write_line(struct operation_writing *writing, const struct operation *operation,
                                 struct error *err)
{
    struct json_writer w = {.out = &writing->line};
    strbuf_reset(&writing->line);
    json_struct(&w, &operation_descriptor, operation);
    strbuf_puts(&writing->line, "\n");
    return writing->sink->write(writing->sink->context, strbuf_text(&writing->line), writing->line.length,
                                err);
}

/* The rows behind `start`, which is moved to the last of them. */
static bool operation_write_batch(const struct platform *platform, struct operation_writing *writing,
                                  struct operation_start *start, bool *ret_more, struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    struct operation *items = arena_alloc(&arena, EXPORT_BATCH * sizeof(*items));
    struct db *db = NULL;
    size_t count = 0;
    if (!store_reader(platform->store, READ_LIMIT_MS, &db, err))
        return false;
    bool done =
        operation_read_rows(db, &writing->request->filter, start, EXPORT_BATCH, &arena, items, &count, err);
    store_reader_return(db);
    if (!done)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!(writing->request->format == OPERATION_CSV ? operation_write_cells
                                                        : operation_write_line)(writing, &items[i], err))
            return false;
        *start = (struct operation_start){.time = items[i].timestamp, .id = items[i].id};
        writing->count++;
    }
    *ret_more = count == EXPORT_BATCH;
    return true;
}

static bool operation_write_all(const struct platform *platform, struct operation_writing *writing,
                                struct error *err)
{
    const struct operation_export *request = writing->request;
    struct operation_start start = operation_first(&request->filter);
    bool more = true;
    if (request->format == OPERATION_CSV) {
        const char *headings[ARRAY_SIZE(operation_columns)];
        for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
            headings[i] = operation_columns[i].heading[request->language];
        if (!csv_writer_row(&writing->csv, headings, ARRAY_SIZE(headings), err))
            return false;
    }
    while (more)
        if (!operation_write_batch(platform, writing, &start, &more, err))
            return false;
    return request->format != OPERATION_CSV || csv_writer_finish(&writing->csv, err);
}

/* `failure` NULL: all were given out. */
static bool operation_note_export(const struct platform *platform, const struct operation_writing *writing,
                                  const struct error *failure, struct error *err)
{
    const struct operation_filter *filter = &writing->request->filter;
    CLEANUP(strbuf_release) struct strbuf after = {0};
    struct json_writer w = {.out = &after};
    const struct {
        const char *name, *value;
    } texts[] = {{"user_id", filter->user_id},         {"action", filter->action},
                 {"target_type", filter->target_type}, {"target_id", filter->target_id},
                 {"request_id", filter->request_id},   {"result", filter->result}};
    json_object_begin(&w);
    json_key(&w, "filter");
    json_object_begin(&w);
    json_key(&w, "start_time");
    json_time(&w, filter->start);
    json_key(&w, "end_time");
    json_time(&w, filter->end);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (texts[i].value)
            json_key_text(&w, texts[i].name, texts[i].value);
    json_object_end(&w);
    json_key_text(&w, "format", writing->request->format == OPERATION_CSV ? "csv" : "ndjson");
    json_key_int(&w, "count", writing->count);
    json_object_end(&w);
    struct audit_entry entry = {
        .action = "operations.export",
        .target_type = "platform",
        .target_id = "",
        .after = strbuf_text(&after),
        .reason = failure ? failure->detail[LANGUAGE_EN] : NULL,
        .result = failure ? "failed" : NULL,
    };
    return audit_note(platform->store, writing->request->actor, &entry, err);
}

bool operation_export(const struct platform *platform, const struct operation_export *request,
                      const struct byte_sink *sink, int64_t *ret_count, struct error *err)
{
    struct operation_writing writing = {.request = request, .sink = sink};
    csv_writer_init(&writing.csv, sink, request->format == OPERATION_CSV);
    bool done = operation_write_all(platform, &writing, err);
    csv_writer_release(&writing.csv);
    strbuf_release(&writing.line);
    if (!operation_note_export(platform, &writing, done ? NULL : err, done ? err : NULL) || !done)
        return false;
    *ret_count = writing.count;
    return true;
}
