/* Lists, surroundings and the tail of log rows: which days, ids and cursors. What is done within a day is in
 * logs/log_walk.c, the counts are in log_stats.c. */
#include "telemetry/log_search.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "telemetry/logs/log_copy.h"
#include "telemetry/logs/log_days.h"
#include "telemetry/logs/log_store.h"
#include "telemetry/logs/log_walk.h"
#include "telemetry/state.h"

/* ---- ids and cursors ---- */

static void log_id_format(int32_t day, const struct log_key *key, char text[static LOG_ID_SIZE])
{
    snprintf(text, LOG_ID_SIZE, "%" PRId32 ".%" PRId64 ".%" PRId64, day, key->lane, key->row);
}

/* Whole numbers with a dot between them, `count` of them and nothing else. */
static bool log_numbers_parse(const char *text, int64_t *numbers, int count)
{
    for (int i = 0; i < count; i++) {
        char *end;
        if (!(*text == '-' || (*text >= '0' && *text <= '9')))
            return false;
        numbers[i] = strtoll(text, &end, 10);
        if (end == text || *end != (i + 1 < count ? '.' : '\0'))
            return false;
        text = end + 1;
    }
    return true;
}

static bool log_id_parse(const char *id, int32_t *ret_day, struct log_key *ret_key, struct error *err)
{
    int64_t numbers[3];
    if (!log_numbers_parse(id, numbers, 3) || numbers[0] < INT32_MIN || numbers[0] > INT32_MAX)
        return error_set(err, ERROR_INVALID, "This is no id of a log row.", "不是有效的日志编号。");
    *ret_day = (int32_t)numbers[0];
    *ret_key = (struct log_key){.lane = numbers[1], .row = numbers[2]};
    return true;
}

bool log_id_check(const char *id, struct error *err)
{
    int32_t day;
    struct log_key key;
    return log_id_parse(id, &day, &key, err);
}

static void log_cursor_format(int32_t day, const struct log_key *key, char text[static LOG_CURSOR_SIZE])
{
    snprintf(text, LOG_CURSOR_SIZE, "%" PRId32 ".%" PRId64 ".%" PRId64 ".%" PRId64, day, key->timestamp,
             key->lane, key->row);
}

static bool log_cursor_parse(const char *text, int32_t *ret_day, struct log_key *ret_key, struct error *err)
{
    int64_t numbers[4];
    if (!log_numbers_parse(text, numbers, 4) || numbers[0] < INT32_MIN || numbers[0] > INT32_MAX)
        return error_set(err, ERROR_INVALID, "This is no cursor of a search for log rows.",
                         "不是有效的日志查询游标。");
    *ret_day = (int32_t)numbers[0];
    *ret_key = (struct log_key){numbers[1], numbers[2], numbers[3]};
    return true;
}

/* ---- one day after the other ---- */

/* The way over several days. */
struct log_way {
    struct telemetry *telemetry;
    struct log_walk walk; /* `behind` as it is for the first day */
    int32_t first, last;  /* days in the filter's range, `first` the one to begin with */
    size_t wanted;        /* rows; one more is looked for, to see whether there is more */
    found_log_sink sink;
    void *context;
    /* out */
    size_t handed;
    bool more, stopped;
    int32_t day;        /* of `key` */
    struct log_key key; /* the last row that was handed on, or where it stopped */
};

static bool log_way_take(void *context, int32_t day, const struct log_key *key,
                         const struct log_record *record, struct error *err)
{
    struct log_way *way = context;
    if (way->handed == way->wanted) {
        way->more = true;
        return true;
    }
    struct found_log found = {.record = *record};
    log_id_format(day, key, found.id);
    way->handed++;
    way->day = day;
    way->key = *key;
    return way->sink(way->context, &found, err);
}

static bool log_way_go(struct log_way *way, struct error *err)
{
    CLEANUP(free_pointer) int32_t *days = NULL;
    size_t count;
    struct log_walk *walk = &way->walk;
    bool backwards = walk->newest_first;
    if (!log_days_list(way->telemetry->engine, backwards ? way->last : way->first,
                       backwards ? way->first : way->last, &days, &count, err))
        return false;
    struct log_key behind = walk->behind;
    walk->sink = log_way_take;
    walk->context = way;
    for (size_t i = 0; i < count && !way->more && !way->stopped; i++) {
        int32_t day = days[backwards ? count - 1 - i : i];
        walk->behind = day == way->first ? behind : backwards ? LOG_KEY_LAST : LOG_KEY_FIRST;
        walk->limit = way->wanted - way->handed + 1;
        if (!log_walk_day(way->telemetry->engine, day, walk, err))
            return false;
        if (walk->stopped && !way->more) {
            way->stopped = true;
            way->day = day;
            way->key = walk->resume;
        }
    }
    return true;
}

bool telemetry_search_logs(struct telemetry *telemetry, const struct log_filter *filter, const char *cursor,
                           size_t limit, int limit_ms, found_log_sink sink, void *context,
                           struct log_search_end *ret_end, struct error *err)
{
    CLEANUP(log_matcher_release) struct log_matcher matcher = {0};
    struct log_way way = {.telemetry = telemetry, .wanted = limit, .sink = sink, .context = context};
    way.walk = (struct log_walk){.matcher = &matcher,
                                 .newest_first = true,
                                 .behind = LOG_KEY_LAST,
                                 .deadline_us = clock_monotonic_us() + INT64_C(1000) * limit_ms};
    log_days_of_range(filter->start, filter->end, &way.last, &way.first);
    if (cursor && *cursor) {
        int32_t day = 0;
        struct log_key behind = LOG_KEY_LAST;
        if (!log_cursor_parse(cursor, &day, &behind, err))
            return false;
        if (day <= way.first) {
            way.first = day;
            way.walk.behind = behind;
        }
    }
    if (!log_matcher_init(&matcher, filter, err) || !log_way_go(&way, err))
        return false;
    *ret_end = (struct log_search_end){.complete = !way.stopped};
    if (way.more || way.stopped)
        log_cursor_format(way.day, &way.key, ret_end->cursor);
    return true;
}

/* ---- the rows around one ---- */

struct log_pile {
    struct found_log *found;
    struct log_copy *copies;
    size_t count, room;
};

static void log_pile_release(struct log_pile *pile)
{
    for (size_t i = 0; i < pile->count; i++)
        log_copy_release(&pile->copies[i]);
    free(pile->found);
    free(pile->copies);
}

static bool log_pile_put(void *context, const struct found_log *found, struct error *err)
{
    struct log_pile *pile = context;
    (void)err;
    if (pile->count == pile->room) {
        pile->room = pile->room ? pile->room * 2 : 16;
        pile->found = xrealloc(pile->found, pile->room * sizeof(*pile->found));
        pile->copies = xrealloc(pile->copies, pile->room * sizeof(*pile->copies));
    }
    size_t at = pile->count++;
    pile->copies[at] = log_copy_make(&found->record);
    pile->found[at] = *found;
    pile->found[at].record = pile->copies[at].record;
    return true;
}

/* A filter for the row's neighbours; its texts are the copy's. */
static struct log_filter log_surroundings_filter(const struct log_surroundings *surroundings,
                                                 const struct log_copy *row)
{
    const char *source = row->record.source ? row->record.source : "";
    return (struct log_filter){.source = surroundings->same_source ? source : NULL,
                               .tenant_id = surroundings->tenant_id};
}

bool telemetry_log_context(struct telemetry *telemetry, const struct log_surroundings *surroundings,
                           int limit_ms, found_log_sink sink, void *context, struct error *err)
{
    CLEANUP(log_copy_release) struct log_copy row = {0};
    CLEANUP(log_pile_release) struct log_pile before = {0};
    CLEANUP(log_matcher_release) struct log_matcher matcher = {0};
    int64_t deadline_us = clock_monotonic_us() + INT64_C(1000) * limit_ms;
    int32_t day = 0;
    struct log_key key = {0};
    bool found = false;
    if (!log_id_parse(surroundings->id, &day, &key, err) ||
        !log_row_find(telemetry->engine, day, key.lane, key.row, limit_ms, &row, &found, err))
        return false;
    const char *tenant_id = row.record.tenant_id ? row.record.tenant_id : "";
    if (!found || (surroundings->tenant_id && strcmp(surroundings->tenant_id, tenant_id) != 0))
        return error_set(err, ERROR_NOT_FOUND, "There is no such log row, or not any longer.",
                         "该日志不存在或已被删除。");
    key.timestamp = row.record.timestamp;
    struct log_filter filter = log_surroundings_filter(surroundings, &row);
    if (!log_matcher_init(&matcher, &filter, err))
        return false;

    struct log_walk walk = {
        .matcher = &matcher, .newest_first = true, .behind = key, .deadline_us = deadline_us};
    struct log_way backwards = {.telemetry = telemetry,
                                .walk = walk,
                                .first = day,
                                .last = INT32_MIN,
                                .wanted = surroundings->before,
                                .sink = log_pile_put,
                                .context = &before};
    if (surroundings->before && !log_way_go(&backwards, err))
        return false;
    for (size_t i = before.count; i-- > 0;)
        if (!sink(context, &before.found[i], err))
            return false;
    struct found_log itself = {.record = row.record};
    log_id_format(day, &key, itself.id);
    if (!sink(context, &itself, err))
        return false;
    walk.newest_first = false;
    struct log_way forwards = {.telemetry = telemetry,
                               .walk = walk,
                               .first = day,
                               .last = INT32_MAX,
                               .wanted = surroundings->after,
                               .sink = sink,
                               .context = context};
    return surroundings->after == 0 || log_way_go(&forwards, err);
}

/* ---- the tail ---- */

/* Rows of the newest day and the one before it: what is written around midnight belongs to either. */
#define TAIL_DAYS 2
#define ROW_LIMIT_MS 5000
#define TAIL_MARKS 256 /* lanes of those days; rows of more are not in the tail */

struct log_tail_mark {
    int32_t day;
    int64_t lane, row; /* rows up to this one were read */
};

struct log_tail {
    struct telemetry *telemetry;
    int32_t first_day; /* earlier days are not read */
    int64_t after; /* only rows of later instants; INT64_MIN: any. For lanes that began before the id's row */
    struct log_tail_mark marks[TAIL_MARKS];
    size_t mark_count;
};

static struct log_tail_mark *log_tail_mark(struct log_tail *tail, int32_t day, int64_t lane)
{
    for (size_t i = 0; i < tail->mark_count; i++)
        if (tail->marks[i].day == day && tail->marks[i].lane == lane)
            return &tail->marks[i];
    if (tail->mark_count == TAIL_MARKS)
        return NULL;
    struct log_tail_mark *mark = &tail->marks[tail->mark_count++];
    *mark = (struct log_tail_mark){.day = day, .lane = lane};
    return mark;
}

/* The newest days that have rows, TAIL_DAYS at most, in order. */
static bool log_tail_days(struct log_tail *tail, int32_t **ret_days, size_t *ret_first, size_t *ret_count,
                          struct error *err)
{
    if (!log_days_list(tail->telemetry->engine, tail->first_day, INT32_MAX, ret_days, ret_count, err))
        return false;
    *ret_first = *ret_count > TAIL_DAYS ? *ret_count - TAIL_DAYS : 0;
    return true;
}

static bool log_tail_skip_all(struct log_tail *tail, struct error *err)
{
    CLEANUP(free_pointer) int32_t *days = NULL;
    size_t first, count;
    struct engine *engine = tail->telemetry->engine;
    if (!log_tail_days(tail, &days, &first, &count, err))
        return false;
    for (size_t i = first; i < count; i++) {
        struct log_reading *reading;
        if (!engine->functions->logs_open(engine, days[i], ROW_LIMIT_MS, &reading, err))
            return false;
        for (size_t j = 0; j < reading->lane_count; j++) {
            struct log_tail_mark *mark = log_tail_mark(tail, days[i], reading->lanes[j].lane);
            if (mark)
                mark->row = reading->lanes[j].rows;
        }
        engine->functions->logs_close(engine, reading);
    }
    return true;
}

bool log_tail_open(struct log_tail **ret_tail, struct telemetry *telemetry, const char *id, struct error *err)
{
    CLEANUP(free_pointer) struct log_tail *tail = xcalloc(1, sizeof(*tail));
    CLEANUP(log_copy_release) struct log_copy row = {0};
    int32_t day = 0;
    struct log_key key = {0};
    bool found = false;
    tail->telemetry = telemetry;
    tail->first_day = INT32_MIN;
    tail->after = INT64_MIN;
    if (id && *id &&
        (!log_id_parse(id, &day, &key, err) ||
         !log_row_find(telemetry->engine, day, key.lane, key.row, ROW_LIMIT_MS, &row, &found, err)))
        return false;
    if (found) {
        tail->first_day = day;
        tail->after = row.record.timestamp;
        log_tail_mark(tail, day, key.lane)->row = key.row;
    } else if (!log_tail_skip_all(tail, err)) {
        return false;
    }
    *ret_tail = tail;
    tail = NULL;
    return true;
}

void log_tail_close(struct log_tail *tail)
{
    free(tail);
}

struct log_tail_reading {
    struct log_tail *tail;
    struct log_matcher *matcher;
    int32_t day;
    size_t left; /* rows that may be handed on */
    bool full;
    found_log_sink sink;
    void *context;
};

static bool log_tail_take(void *context, const struct stored_log *log, struct error *err)
{
    struct log_tail_reading *reading = context;
    struct log_tail *tail = reading->tail;
    struct log_tail_mark *mark = log_tail_mark(tail, reading->day, log->lane);
    if (!mark || log->row <= mark->row)
        return true;
    bool before = log->record.timestamp <= tail->after && mark->row == 0;
    if (before || !log_matcher_accepts(reading->matcher, &log->record)) {
        mark->row = before ? mark->row : log->row;
        return true;
    }
    if (reading->left == 0) {
        reading->full = true;
        return false; /* ends the reading */
    }
    struct found_log found = {.record = log->record};
    struct log_key key = {.lane = log->lane, .row = log->row};
    log_id_format(reading->day, &key, found.id);
    mark->row = log->row;
    reading->left--;
    return reading->sink(reading->context, &found, err);
}

/* Marks of days that are read no longer. */
static void log_tail_forget(struct log_tail *tail, int32_t before)
{
    size_t kept = 0;
    for (size_t i = 0; i < tail->mark_count; i++)
        if (tail->marks[i].day >= before)
            tail->marks[kept++] = tail->marks[i];
    tail->mark_count = kept;
    tail->first_day = before;
}

static bool log_tail_read_day(struct log_tail_reading *reading, int64_t deadline_us, struct error *err)
{
    struct engine *engine = reading->tail->telemetry->engine;
    struct log_reading *day;
    int64_t left_ms = (deadline_us - clock_monotonic_us()) / 1000;
    if (!engine->functions->logs_open(engine, reading->day, left_ms > 1 ? (int)left_ms : 1, &day, err))
        return false;
    bool done = true;
    for (size_t i = 0; i < day->lane_count && done && !reading->full; i++) {
        const struct log_lane *lane = &day->lanes[i];
        const struct log_tail_mark *mark = log_tail_mark(reading->tail, reading->day, lane->lane);
        struct error local;
        error_clear(&local);
        done = !mark || mark->row >= lane->rows ||
               log_lane_each(lane, mark->row, log_tail_take, reading, &local) || reading->full;
        if (!done && err)
            *err = local;
    }
    engine->functions->logs_close(engine, day);
    return done;
}

bool log_tail_read(struct log_tail *tail, const struct log_filter *filter, size_t limit, int limit_ms,
                   found_log_sink sink, void *context, bool *ret_more, struct error *err)
{
    CLEANUP(log_matcher_release) struct log_matcher matcher = {0};
    CLEANUP(free_pointer) int32_t *days = NULL;
    size_t first, count;
    struct log_tail_reading reading = {
        .tail = tail, .matcher = &matcher, .left = limit, .sink = sink, .context = context};
    int64_t deadline_us = clock_monotonic_us() + INT64_C(1000) * limit_ms;
    if (!log_matcher_init(&matcher, filter, err) || !log_tail_days(tail, &days, &first, &count, err))
        return false;
    for (size_t i = first; i < count && !reading.full; i++) {
        struct error local;
        error_clear(&local);
        reading.day = days[i];
        if (log_tail_read_day(&reading, deadline_us, &local))
            continue;
        if (local.code != ERROR_TIMEOUT) {
            if (err)
                *err = local;
            return false;
        }
        reading.full = true;
    }
    if (count > first && !reading.full)
        log_tail_forget(tail, days[first]);
    *ret_more = reading.full;
    return true;
}
