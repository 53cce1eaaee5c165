#include "ops/logs/log_manager.h"

#include <string.h>

#include "base/clock.h"
#include "ops/logs/log_language.h"
#include "ops/logs/log_lines.h"

const char *const log_level_names[] = {"DEBUG", "INFO", "WARN", "ERROR", NULL};

static const struct field log_line_fields[] = {
    FIELD(struct log_line, id, TEXT, "Id of the line, which stays"),
    FIELD(struct log_line, timestamp, TIME, "When"),
    FIELD(struct log_line, level, TEXT, "How bad it is", .values = log_level_names),
    FIELD(struct log_line, source, TEXT, "What has written it"),
    FIELD(struct log_line, message, TEXT, "What was said", .personal = PERSONAL_PARTS),
    FIELD(struct log_line, tenant_id, TEXT, "The tenant that it is about", .nullable = true),
    FIELD(struct log_line, request_id, TEXT, "The request that caused it", .nullable = true),
    FIELD(struct log_line, fields, JSON, "What else was said, by name", .nullable = true,
          .personal = PERSONAL_PARTS),
};
const struct descriptor log_line_descriptor = DESCRIPTOR("LogLine", struct log_line, log_line_fields);

static const struct field log_list_fields[] = {
    FIELD_MANY(struct log_list, items, LIST, "Lines", .of = &log_line_descriptor),
    FIELD(struct log_list, next_cursor, TEXT, "Where the next page begins; null: there is none",
          .nullable = true),
    FIELD(struct log_list, complete, BOOL,
          "False: the time for a search was over; next_cursor goes on where it ended"),
};
const struct descriptor log_list_descriptor = DESCRIPTOR("LogList", struct log_list, log_list_fields);

/* --- what is asked for --- */

/* Gives the bits of a list such as "WARN,ERROR"; 0: it is none. */
static unsigned log_levels_read(const char *levels)
{
    unsigned bits = 0;
    for (const char *at = levels;; at++) {
        size_t length = strcspn(at, ","), level = 0;
        while (log_level_names[level] &&
               (strlen(log_level_names[level]) != length || memcmp(log_level_names[level], at, length) != 0))
            level++;
        if (!log_level_names[level])
            return 0;
        bits |= LOG_LEVEL_BIT(level);
        at += length;
        if (!*at)
            return bits;
    }
}

bool log_levels_check(const char *levels, struct error *err)
{
    return log_levels_read(levels) != 0 ||
           error_add_field(err, "level",
                           "Must be DEBUG, INFO, WARN or ERROR, or several with commas between.",
                           "必须是 DEBUG、INFO、WARN 或 ERROR，多个以逗号分隔。");
}

static const struct log_expression *log_filter_both(const struct log_expression *left,
                                                    const struct log_expression *right, struct arena *arena)
{
    if (!left || !right)
        return left ? left : right;
    struct log_expression *both = arena_alloc(arena, sizeof(*both));
    *both = (struct log_expression){.kind = LOG_AND, .left = left, .right = right};
    return both;
}

static const char *log_given(const char *text)
{
    return text && *text ? text : NULL;
}

bool log_filter_make(const struct log_request *request, struct arena *arena, struct log_filter *ret_filter,
                     struct error *err)
{
    const struct log_expression *expression = NULL;
    struct log_expression *keyword = NULL;
    struct log_filter filter = {.start = request->start_time == INT_NULL ? 0 : request->start_time,
                                .end = request->end_time == INT_NULL ? 0 : request->end_time,
                                .levels = log_given(request->level) ? log_levels_read(request->level) : 0,
                                .source = log_given(request->source),
                                .tenant_id = log_given(request->tenant_id),
                                .request_id = log_given(request->request_id)};
    if (request->start_time != INT_NULL && request->end_time != INT_NULL &&
        request->start_time >= request->end_time)
        return error_add_field(err, "end_time", "Must be after start_time.", "必须晚于 start_time。");
    if (log_given(request->query) && !log_language_parse(request->query, arena, &expression, err))
        return false;
    if (log_given(request->keyword)) {
        keyword = arena_alloc(arena, sizeof(*keyword));
        *keyword = (struct log_expression){.kind = LOG_TEXT, .value = request->keyword};
    }
    filter.text = log_filter_both(keyword, expression, arena);
    *ret_filter = filter;
    return true;
}

/* --- lists --- */

struct log_line log_line_of(const struct found_log *found, struct arena *arena)
{
    const struct log_record *record = &found->record;
    return (struct log_line){.id = arena_strdup(arena, found->id),
                             .timestamp = record->timestamp,
                             .level = log_level_names[record->level],
                             .source = arena_strdup(arena, record->source),
                             .message = arena_strdup(arena, record->message),
                             .tenant_id = arena_strdup(arena, log_given(record->tenant_id)),
                             .request_id = arena_strdup(arena, log_given(record->request_id)),
                             .fields = arena_strdup(arena, log_given(record->fields))};
}

struct log_gathering {
    struct log_list list;
    size_t room;
    struct arena *arena;
};

static bool log_gather(void *context, const struct found_log *found, struct error *err)
{
    struct log_gathering *gathering = context;
    (void)err;
    if (gathering->list.items_count < gathering->room)
        gathering->list.items[gathering->list.items_count++] = log_line_of(found, gathering->arena);
    return true;
}

/* Long lines are asked for in portions, so that a page of them stays within the memory of an answer. */
#define LIST_BYTES ((size_t)4 << 20)
#define LIST_PORTION 100

bool logs_query(struct telemetry *telemetry, const struct log_filter *filter, const char *cursor,
                size_t limit, struct arena *arena, struct log_list *ret_list, struct error *err)
{
    struct log_gathering gathering = {.room = limit, .arena = arena};
    struct log_search_end end = {0};
    int64_t until = clock_monotonic_us() + READ_LIMIT_MS * 1000;
    size_t began = arena->allocated;
    gathering.list.items = arena_alloc(arena, limit * sizeof(*gathering.list.items));
    do {
        int64_t left = (until - clock_monotonic_us()) / 1000;
        size_t portion = limit - gathering.list.items_count;
        if (portion > LIST_PORTION && gathering.list.items_count > 0)
            portion = LIST_PORTION;
        if (left <= 0 || arena->allocated - began > LIST_BYTES)
            break;
        if (!telemetry_search_logs(telemetry, filter, cursor, portion < LIST_PORTION ? portion : LIST_PORTION,
                                   (int)left, log_gather, &gathering, &end, err))
            return false;
        cursor = end.cursor;
    } while (end.complete && *end.cursor && gathering.list.items_count < limit);
    gathering.list.complete = end.complete;
    gathering.list.next_cursor = *end.cursor ? arena_strdup(arena, end.cursor) : NULL;
    *ret_list = gathering.list;
    return true;
}

bool logs_context(struct telemetry *telemetry, const struct log_surroundings *surroundings,
                  struct arena *arena, struct log_list *ret_list, struct error *err)
{
    struct log_gathering gathering = {
        .room = surroundings->before + 1 + surroundings->after, .arena = arena, .list.complete = true};
    gathering.list.items = arena_alloc(arena, gathering.room * sizeof(*gathering.list.items));
    if (!telemetry_log_context(telemetry, surroundings, READ_LIMIT_MS, log_gather, &gathering, err))
        return false;
    *ret_list = gathering.list;
    return true;
}
