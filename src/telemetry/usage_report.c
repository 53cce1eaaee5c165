#include "telemetry/usage_report.h"

#include <string.h>

#include "base/memory.h"
#include "telemetry/name_map.h"
#include "telemetry/slot.h"
#include "telemetry/state.h"
#include "telemetry/usage_names.h"
#include "telemetry/usage_totals.h"

#define ALL_HOURS (INT64_MAX / SLOT_KEYS)

/* ---- which days are read from where ---- */

struct report_day {
    int64_t recorder;    /* of our rows; 0: none are here, RECORDER_UNKNOWN: they cannot be read */
    bool is_rolled_over; /* our rows' totals are in the main store */
    bool has_others;     /* totals of another recorder, too: of these there are no hours here */
    bool by_hours;       /* only our roll-ups by hour are read, those of the hours below */
    int64_t first_hour, end_hour;
};

struct report_plan {
    int32_t first;
    size_t count;
    struct report_day *days;
    bool needs_main_store;
    int64_t start, end; /* what will have been read */
};

static const char SQL_ROLLED_DAYS[] =
    "SELECT day, recorder FROM usage_days WHERE day >= $1 AND day < $2 AND revision IS NOT NULL";

static bool report_plan_find_totals(struct report_plan *plan, struct db *db, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    int64_t end = plan->first + (int64_t)plan->count;
    if (!db_query(db, SQL_ROLLED_DAYS, DB_ARGS(db_int(plan->first), db_int(end)), &rows, err))
        return false;
    while (db_next(&rows)) {
        struct report_day *day = &plan->days[db_column_int(&rows, 0) - plan->first];
        bool ours = day->recorder == RECORDER_UNKNOWN || day->recorder == db_column_int(&rows, 1);
        day->is_rolled_over |= ours;
        day->has_others |= !ours || day->recorder == RECORDER_UNKNOWN;
    }
    return db_done(&rows, err);
}

static int64_t hour_ceil(int64_t ms)
{
    return (ms + HOUR_MS - 1) / HOUR_MS;
}

/* From where each day is read, once it is known what the main store has of it. */
static void report_plan_settle(struct report_plan *plan, const struct usage_query *query)
{
    int32_t end = plan->first + (int32_t)plan->count;
    int64_t first_hour = query->start / HOUR_MS, end_hour = hour_ceil(query->end);
    plan->start = clock_day_start(plan->first);
    plan->end = clock_day_start(end);
    for (size_t i = 0; i < plan->count; i++) {
        struct report_day *day = &plan->days[i];
        int32_t number = plan->first + (int32_t)i;
        bool cut_begin = number == plan->first && first_hour * HOUR_MS > plan->start;
        bool cut_end = number == end - 1 && end_hour * HOUR_MS < plan->end;
        bool has_hours = !day->has_others && day->recorder != RECORDER_UNKNOWN;
        day->end_hour = ALL_HOURS;
        day->by_hours = has_hours && (cut_begin || cut_end || query->by == USAGE_BY_HOUR);
        plan->needs_main_store |= !day->by_hours && (day->is_rolled_over || day->has_others);
        if (!day->by_hours)
            continue;
        day->first_hour = cut_begin ? first_hour : 0;
        day->end_hour = cut_end ? end_hour : ALL_HOURS;
    }
    if (plan->days[0].first_hour > 0)
        plan->start = first_hour * HOUR_MS;
    if (plan->days[plan->count - 1].end_hour != ALL_HOURS)
        plan->end = end_hour * HOUR_MS;
}

/* ---- groups ---- */

struct report {
    const struct usage_query *query;
    struct arena *arena;
    struct usage_report made;
    size_t room;
    struct name_map names; /* of the groups by names and by tenant */
    int64_t first_hour;    /* of the groups by hour */
    int32_t first_day;
};

static void report_release(struct report *report)
{
    name_map_release(&report->names);
}

static struct histogram *report_new_histogram(const struct report *report)
{
    return report->query->by == USAGE_BY_NAMES ? arena_alloc(report->arena, sizeof(struct histogram)) : NULL;
}

static void report_begin_hours(struct report *report, const struct report_plan *plan)
{
    report->first_hour = plan->start / HOUR_MS;
    report->made.count = (size_t)(hour_ceil(plan->end) - report->first_hour);
    report->made.groups = arena_alloc(report->arena, report->made.count * sizeof(*report->made.groups));
    for (size_t i = 0; i < report->made.count; i++)
        report->made.groups[i].time = (report->first_hour + (int64_t)i) * HOUR_MS;
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->days[i].by_hours)
            continue;
        int64_t hour = clock_day_start(plan->first + (int32_t)i) / HOUR_MS;
        int64_t end = hour_ceil(clock_day_start(plan->first + (int32_t)i + 1));
        for (; hour < end; hour++)
            report->made.groups[hour - report->first_hour].is_unknown = true;
    }
}

static void report_begin_days(struct report *report, const struct report_plan *plan)
{
    report->made.count = plan->count;
    report->made.groups = arena_alloc(report->arena, plan->count * sizeof(*report->made.groups));
    for (size_t i = 0; i < plan->count; i++)
        report->made.groups[i].time = clock_day_start(plan->first + (int32_t)i);
}

static struct usage_group *report_add_group(struct report *report, const char *key, size_t length)
{
    if (report->made.count == report->room) {
        size_t room = report->room ? 2 * report->room : 64;
        struct usage_group *groups = arena_alloc(report->arena, room * sizeof(*groups));
        if (report->made.count)
            memcpy(groups, report->made.groups, report->made.count * sizeof(*groups));
        report->made.groups = groups;
        report->room = room;
    }
    name_map_add(&report->names, key, length, (int64_t)report->made.count, 0);
    struct usage_group *group = &report->made.groups[report->made.count++];
    const char *name[USAGE_NAMES];
    char *copy = arena_alloc(report->arena, length);
    memcpy(copy, key, length);
    for (size_t i = 0; i < USAGE_NAMES; i++) {
        name[i] = copy;
        copy += strlen(copy) + 1;
    }
    *group = (struct usage_group){.tenant_id = name[USAGE_TENANT],
                                  .api_type = name[USAGE_API_TYPE],
                                  .operation = name[USAGE_OPERATION],
                                  .model = name[USAGE_MODEL],
                                  .latency = report_new_histogram(report)};
    return group;
}

static struct usage_group *report_find_group(struct report *report, const struct usage_part *part)
{
    struct usage_names names;
    struct usage_record key = {0};
    if (report->query->by == USAGE_BY_TENANT)
        key = (struct usage_record){.tenant_id = part->tenant_id, .api_type = part->api_type};
    else
        key = (struct usage_record){
            .api_type = part->api_type, .operation = part->operation, .model = part->model};
    usage_names_gather(&names, &key);
    const struct name_entry *entry = name_map_find(&report->names, names.bytes, names.length);
    if (!entry && report->query->by == USAGE_BY_NAMES && report->made.count >= USAGE_NAME_GROUPS_MAX) {
        key = (struct usage_record){.api_type = USAGE_OTHER, .operation = USAGE_OTHER, .model = USAGE_OTHER};
        usage_names_gather(&names, &key);
        entry = name_map_find(&report->names, names.bytes, names.length);
    }
    return entry ? &report->made.groups[entry->id] : report_add_group(report, names.bytes, names.length);
}

void usage_sums_add(struct usage_sums *sums, const struct usage_sums *more)
{
    int64_t *to = (int64_t *)(void *)sums;
    const int64_t *from = (const int64_t *)(const void *)more;
    for (size_t i = 0; i < USAGE_SUM_COUNT; i++)
        to[i] = sum_add(to[i], from[i]);
}

static bool usage_group_add(struct usage_group *group, const struct usage_part *part, struct error *err)
{
    usage_sums_add(&group->sums, &part->sums);
    return !group->latency || histogram_merge_blob(group->latency, part->histogram, part->histogram_length) ||
           error_set(err, ERROR_INTERNAL, "A usage histogram cannot be read: run kimono check.",
                     "用量直方图无法读取：请运行 kimono check。");
}

/* What was read of the day: of one of its hours, or of all of it (`hour` -1). */
static bool report_add(struct report *report, int32_t day, int64_t hour, const struct usage_part *part,
                       struct error *err)
{
    struct usage_group *group;
    int64_t last = (int64_t)report->made.count - 1;
    if (!usage_group_add(&report->made.total, part, err))
        return false;
    switch (report->query->by) {
    case USAGE_BY_HOUR:
        if (hour < 0)
            return true;
        /* An hour recorded while another zone was in force may lie beside its day. */
        hour -= report->first_hour;
        group = &report->made.groups[hour < 0 ? 0 : hour > last ? last : hour];
        break;
    case USAGE_BY_DAY: group = &report->made.groups[day - report->first_day]; break;
    default: group = report_find_group(report, part);
    }
    return usage_group_add(group, part, err);
}

/* ---- reading ---- */

#define SQL_DAY_NAMES "SELECT d.day, u.api_type, u.operation, u.model,"
static const char SQL_DAYS_BY_NAMES[] = SQL_DAY_NAMES
    " ''," SUM_COLUMNS_OF("u") " FROM usage_days d"
                               " JOIN usage_platform_daily u ON u.day = d.day AND u.recorder = d.recorder"
                               " WHERE d.day >= $1 AND d.day < $2 AND d.revision IS NOT NULL";
static const char SQL_DAYS_OF_TENANT_BY_NAMES[] = SQL_DAY_NAMES " u.tenant_id," SUM_COLUMNS_OF(
    "u") " FROM usage_days d"
         " JOIN usage_daily u ON u.tenant_id = $3 AND u.day = d.day AND u.recorder = d.recorder"
         " WHERE d.day >= $1 AND d.day < $2 AND d.revision IS NOT NULL";
static const char SQL_DAYS_BY_TENANT[] =
    "SELECT d.day, u.api_type, '', '', u.tenant_id," INTEGER_SUM_COLUMNS_OF(
        "u") " FROM usage_days d JOIN usage_daily u ON u.day = d.day AND u.recorder = d.recorder"
             " WHERE d.day >= $1 AND d.day < $2 AND d.revision IS NOT NULL";

static bool report_read_main_store(struct report *report, const struct report_plan *plan, struct db *db,
                                   struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    const char *tenant_id = report->query->tenant_id;
    bool by_tenant = report->query->by == USAGE_BY_TENANT && !tenant_id;
    struct db_value args[] = {db_int(plan->first), db_int(plan->first + (int64_t)plan->count),
                              db_text(tenant_id)};
    const char *sql = SQL_DAYS_BY_NAMES;
    if (tenant_id)
        sql = SQL_DAYS_OF_TENANT_BY_NAMES;
    else if (by_tenant)
        sql = SQL_DAYS_BY_TENANT;
    if (!db_query(db, sql, args, tenant_id ? 3 : 2, &rows, err))
        return false;
    while (db_next(&rows)) {
        int32_t day = (int32_t)db_column_int(&rows, 0);
        if (plan->days[day - plan->first].by_hours)
            continue;
        struct usage_part part = usage_part_of_row(&rows, !by_tenant);
        if (!report_add(report, day, -1, &part, err))
            return false;
    }
    return db_done(&rows, err);
}

struct report_day_read {
    struct report *report;
    int32_t day;
    bool by_hours;
};

static bool report_add_part(void *context, const struct usage_part *part, struct error *err)
{
    const struct report_day_read *read = context;
    return report_add(read->report, read->day, read->by_hours ? part->hour : -1, part, err);
}

static bool report_read_days(struct report *report, const struct report_plan *plan, struct engine *engine,
                             int32_t today, int64_t deadline, struct error *err)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct report_day *day = &plan->days[i];
        int32_t number = plan->first + (int32_t)i;
        bool here = number >= today || (day->recorder != 0 && day->recorder != RECORDER_UNKNOWN);
        if (!here || (day->is_rolled_over && !day->by_hours))
            continue;
        struct report_day_read read = {report, number, day->by_hours};
        struct usage_cut cut = {.first_hour = day->first_hour,
                                .end_hour = day->end_hour,
                                .tenant_id = report->query->tenant_id,
                                .by_tenant = report->query->by == USAGE_BY_TENANT};
        int64_t left = deadline - clock_monotonic_us();
        if (left < 1000)
            return error_set(err, ERROR_TIMEOUT, "Reading the usage took too long. Ask for less at once.",
                             "读取用量超时，请缩小范围。");
        if (!engine->functions->each_part(engine, number, &cut, (int)(left / 1000), report_add_part, &read,
                                          err))
            return false;
    }
    return true;
}

/* The days of the range that have ended: what the main store has of them, as of one moment. */
static bool report_read_ended(struct report *report, struct report_plan *plan, struct db *db,
                              struct error *err)
{
    if (!report_plan_find_totals(plan, db, err))
        return false;
    report_plan_settle(plan, report->query);
    if (report->query->by == USAGE_BY_HOUR)
        report_begin_hours(report, plan);
    if (report->query->by == USAGE_BY_DAY)
        report_begin_days(report, plan);
    return !plan->needs_main_store || report_read_main_store(report, plan, db, err);
}

bool usage_report_read(struct telemetry *telemetry, const struct usage_query *query, struct arena *arena,
                       struct usage_report *ret_report, struct error *err)
{
    struct engine *engine = telemetry->engine;
    int64_t deadline = clock_monotonic_us() + (int64_t)query->limit_ms * 1000;
    int32_t today = clock_day(clock_now_ms()), first = clock_day(query->start);
    struct report_plan plan = {.first = first, .count = (size_t)(clock_day(query->end - 1) - first + 1)};
    CLEANUP(report_release) struct report report = {.query = query, .arena = arena, .first_day = first};
    report.made.total.latency = report_new_histogram(&report);
    plan.days = arena_alloc(arena, plan.count * sizeof(*plan.days));

    if (first < today) { /* today and what comes after is in the engine alone */
        size_t ended = today - first < (int64_t)plan.count ? (size_t)(today - first) : plan.count;
        int64_t *recorders = arena_alloc(arena, ended * sizeof(*recorders));
        if (!engine->functions->find_recorders(engine, first, ended, recorders, err))
            return false;
        for (size_t i = 0; i < ended; i++)
            plan.days[i].recorder = recorders[i];
    }
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (!store_reader(telemetry->main_store, query->limit_ms, &db, err) || !db_snapshot_begin(db, err))
        return false;
    bool done = report_read_ended(&report, &plan, db, err);
    db_snapshot_end(db);
    if (!done || !report_read_days(&report, &plan, engine, today, deadline, err))
        return false;
    report.made.start = plan.start;
    report.made.end = plan.end;
    *ret_report = report.made;
    return true;
}
