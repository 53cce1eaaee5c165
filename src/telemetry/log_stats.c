/* How many log rows there are of which kind. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "telemetry/log_search.h"
#include "telemetry/logs/log_days.h"
#include "telemetry/logs/log_match.h"
#include "telemetry/logs/log_store.h"
#include "telemetry/name_map.h"
#include "telemetry/state.h"

/* Names that are counted by themselves while rows are read; rows of more are counted as others. */
#define NAMES_COUNTED 20000

struct log_name_tally {
    struct name_map names; /* id: the place in `counts` */
    struct log_bucket *counts;
    size_t room;
    int64_t others;
};

struct log_count {
    struct log_matcher matcher;
    struct log_stats stats;
    int64_t bucket_ms;
    struct log_name_tally sources, tenants;
};

static void log_count_release(struct log_count *count)
{
    struct log_name_tally *tallies[] = {&count->sources, &count->tenants};
    for (size_t i = 0; i < ARRAY_SIZE(tallies); i++) {
        name_map_release(&tallies[i]->names);
        free(tallies[i]->counts);
    }
    log_matcher_release(&count->matcher);
    log_stats_release(&count->stats);
}

void log_stats_release(struct log_stats *stats)
{
    struct log_names *lists[] = {&stats->sources, &stats->tenants};
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        for (size_t j = 0; j < lists[i]->count; j++)
            free(lists[i]->items[j].name);
        free(lists[i]->items);
    }
    free(stats->buckets);
    *stats = (struct log_stats){0};
}

static void log_name_tally_add(struct log_name_tally *tally, const char *name, int64_t rows, int64_t errors)
{
    name = name ? name : "";
    size_t length = strlen(name);
    const struct name_entry *known = name_map_find(&tally->names, name, length);
    size_t place = known ? (size_t)known->id : tally->names.count;
    if (!known && place == NAMES_COUNTED) {
        tally->others += rows;
        return;
    }
    if (!known) {
        if (place == tally->room) {
            tally->room = tally->room ? tally->room * 2 : 64;
            tally->counts = xrealloc(tally->counts, tally->room * sizeof(*tally->counts));
        }
        name_map_add(&tally->names, name, length, (int64_t)place, 0);
        tally->counts[place] = (struct log_bucket){0};
    }
    tally->counts[place].count += rows;
    tally->counts[place].errors += errors;
}

static int log_name_by_count(const void *a, const void *b)
{
    const struct log_name_count *left = a, *right = b;
    if (left->count != right->count)
        return left->count < right->count ? 1 : -1;
    return strcmp(left->name, right->name);
}

static void log_name_tally_list(const struct log_name_tally *tally, struct log_names *ret_names)
{
    size_t count = tally->names.count;
    struct log_name_count *items = xcalloc(count + 1, sizeof(*items));
    for (size_t i = 0; i < count; i++) {
        const struct name_entry *entry = &tally->names.entries[i];
        char *name = xmalloc(entry->length + 1);
        memcpy(name, tally->names.bytes + entry->offset, entry->length);
        name[entry->length] = '\0';
        items[i] =
            (struct log_name_count){name, tally->counts[entry->id].count, tally->counts[entry->id].errors};
    }
    if (count)
        qsort(items, count, sizeof(*items), log_name_by_count);
    *ret_names = (struct log_names){.items = items, .count = count, .others = tally->others};
    while (ret_names->count > LOG_NAMES_MAX) {
        struct log_name_count *item = &items[--ret_names->count];
        ret_names->others += item->count;
        free(item->name);
    }
}

static bool log_count_row(void *context, const struct stored_log *log, struct error *err)
{
    struct log_count *count = context;
    const struct log_record *record = &log->record;
    (void)err;
    if (!log_matcher_accepts(&count->matcher, record))
        return true;
    struct log_stats *stats = &count->stats;
    struct log_bucket *bucket = &stats->buckets[(record->timestamp - stats->start) / count->bucket_ms];
    int64_t error = record->level == LOG_ERROR;
    stats->total++;
    stats->by_level[record->level & 3]++;
    bucket->count++;
    bucket->errors += error;
    log_name_tally_add(&count->sources, record->source, 1, error);
    log_name_tally_add(&count->tenants, record->tenant_id, 1, error);
    return true;
}

/* The newest day first. A day that takes too long ends the count. */
static bool log_count_rows(struct telemetry *telemetry, struct log_count *count, int limit_ms,
                           struct error *err)
{
    CLEANUP(free_pointer) int32_t *days = NULL;
    struct engine *engine = telemetry->engine;
    int64_t deadline_us = clock_monotonic_us() + INT64_C(1000) * limit_ms;
    int32_t first, last;
    size_t day_count;
    log_days_of_range(count->stats.start, count->stats.end, &first, &last);
    if (!log_days_list(engine, first, last, &days, &day_count, err))
        return false;
    count->stats.complete = true;
    for (size_t i = day_count; i-- > 0 && count->stats.complete;) {
        struct error local;
        error_clear(&local);
        int64_t left_ms = (deadline_us - clock_monotonic_us()) / 1000;
        if (left_ms <= 0 || !log_day_each(engine, days[i], (int)left_ms, log_count_row, count, &local)) {
            count->stats.complete = false;
            if (left_ms > 0 && local.code != ERROR_TIMEOUT) {
                if (err)
                    *err = local;
                return false;
            }
        }
    }
    return true;
}

/* Whether roll-ups by hour say all that the filter asks for. */
static bool log_count_by_rollups(const struct log_filter *filter, int64_t bucket_ms)
{
    return bucket_ms % HOUR_MS == 0 && !filter->text && !filter->request_id;
}

/* The sources of a lane's day by their ids, and what they come to in the range. */
struct log_lane_sources {
    struct log_bucket *counts;
    bool *wanted; /* by the filter */
    int64_t room;
};

static void log_lane_sources_release(struct log_lane_sources *sources)
{
    free(sources->counts);
    free(sources->wanted);
}

static void log_lane_sources_put(struct log_lane_sources *sources, int64_t id, bool wanted)
{
    if (!sources->wanted || id >= sources->room) {
        int64_t room = id * 2 + 64;
        sources->counts = xrealloc(sources->counts, (size_t)room * sizeof(*sources->counts));
        sources->wanted = xrealloc(sources->wanted, (size_t)room * sizeof(*sources->wanted));
        size_t added = (size_t)(room - sources->room);
        memset(sources->counts + sources->room, 0, added * sizeof(*sources->counts));
        memset(sources->wanted + sources->room, 0, added * sizeof(*sources->wanted));
        sources->room = room;
    }
    sources->wanted[id] = wanted;
}

/* `names`: the counts go to the tallies; else it is noted which sources are wanted. */
static bool log_count_sources(struct log_count *count, const struct log_filter *filter,
                              const struct log_lane *lane, struct log_lane_sources *sources, bool names,
                              struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!log_lane_query(lane, lane->sql->sources, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows)) {
        int64_t id = db_column_int(&rows, 0);
        const char *source = db_column_text(&rows, 1), *tenant_id = db_column_text(&rows, 2);
        bool wanted = (!filter->source || strcmp(filter->source, source) == 0) &&
                      (!filter->tenant_id || strcmp(filter->tenant_id, tenant_id) == 0);
        if (!names) {
            log_lane_sources_put(sources, id, wanted);
        } else if (sources->counts && id < sources->room && sources->counts[id].count) {
            const struct log_bucket *rows_of = &sources->counts[id];
            log_name_tally_add(&count->sources, source, rows_of->count, rows_of->errors);
            log_name_tally_add(&count->tenants, tenant_id, rows_of->count, rows_of->errors);
        }
    }
    return db_done(&rows, err);
}

static bool log_count_lane(struct log_count *count, const struct log_filter *filter,
                           const struct log_lane *lane, struct error *err)
{
    CLEANUP(log_lane_sources_release) struct log_lane_sources sources = {0};
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct log_stats *stats = &count->stats;
    if (!log_count_sources(count, filter, lane, &sources, false, err) ||
        !log_lane_query(lane, lane->sql->hour_counts,
                        DB_ARGS(db_int(stats->start / HOUR_MS), db_int(stats->end / HOUR_MS)), &rows, err))
        return false;
    while (db_next(&rows)) {
        int64_t hour = db_column_int(&rows, 0), level = db_column_int(&rows, 1) & 3;
        int64_t id = db_column_int(&rows, 2), number = db_column_int(&rows, 3);
        int64_t errors = level == LOG_ERROR ? number : 0;
        if (!sources.wanted || id >= sources.room || !sources.wanted[id] ||
            (filter->levels && !(filter->levels & LOG_LEVEL_BIT(level))))
            continue;
        struct log_bucket *bucket = &stats->buckets[(hour * HOUR_MS - stats->start) / count->bucket_ms];
        stats->total += number;
        stats->by_level[level] += number;
        bucket->count += number;
        bucket->errors += errors;
        sources.counts[id].count += number;
        sources.counts[id].errors += errors;
    }
    return db_done(&rows, err) && log_count_sources(count, filter, lane, &sources, true, err);
}

static bool log_count_hours(struct telemetry *telemetry, struct log_count *count,
                            const struct log_filter *filter, int limit_ms, struct error *err)
{
    CLEANUP(free_pointer) int32_t *days = NULL;
    struct engine *engine = telemetry->engine;
    int32_t first, last;
    size_t day_count;
    log_days_of_range(count->stats.start, count->stats.end, &first, &last);
    if (!log_days_list(engine, first, last, &days, &day_count, err))
        return false;
    count->stats.complete = count->stats.by_rollups = true;
    for (size_t i = 0; i < day_count; i++) {
        struct log_reading *reading;
        if (!engine->functions->logs_open(engine, days[i], limit_ms, &reading, err))
            return false;
        bool done = true;
        for (size_t lane = 0; lane < reading->lane_count && done; lane++)
            done = log_count_lane(count, filter, &reading->lanes[lane], err);
        engine->functions->logs_close(engine, reading);
        if (!done)
            return false;
    }
    return true;
}

bool telemetry_log_stats(struct telemetry *telemetry, const struct log_filter *filter, int64_t bucket_ms,
                         int limit_ms, struct log_stats *ret_stats, struct error *err)
{
    CLEANUP(log_count_release) struct log_count count = {.bucket_ms = bucket_ms};
    if (bucket_ms <= 0 || filter->end <= filter->start || filter->start < 0 ||
        (filter->end - filter->start - 1) / bucket_ms >= LOG_BUCKETS_MAX)
        return error_set(err, ERROR_INVALID, "The range has too many buckets, or none.",
                         "时间范围的分段数超出限制。");
    if (!log_matcher_init(&count.matcher, filter, err))
        return false;
    struct log_stats *stats = &count.stats;
    bool by_rollups = log_count_by_rollups(filter, bucket_ms);
    stats->start = filter->start;
    stats->end = filter->end;
    if (by_rollups) {
        stats->start -= stats->start % HOUR_MS;
        stats->end += (HOUR_MS - stats->end % HOUR_MS) % HOUR_MS;
    }
    stats->bucket_count = (size_t)((stats->end - stats->start - 1) / bucket_ms) + 1;
    stats->buckets = xcalloc(stats->bucket_count, sizeof(*stats->buckets));
    if (by_rollups ? !log_count_hours(telemetry, &count, filter, limit_ms, err)
                   : !log_count_rows(telemetry, &count, limit_ms, err))
        return false;
    log_name_tally_list(&count.sources, &stats->sources);
    log_name_tally_list(&count.tenants, &stats->tenants);
    *ret_stats = *stats;
    *stats = (struct log_stats){0};
    return true;
}
