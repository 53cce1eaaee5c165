/* The dashboard's overview. Cost: one read of the counters, a handful of roll-up rows for today, this
 * week, this month and the last 24 hours, two narrow ranges of snapshots: the same for 25 tenants and
 * for 10,000. */
#include <math.h>

#include "base/clock.h"
#include "ops/dashboard/day_so_far.h"
#include "ops/dashboard/internal.h"
#include "platform/tenants/counters.h"
#include "store/store.h"
#include "telemetry/telemetry.h"

#define OPTIONAL .nullable = true

static const struct field compared_fields[] = {
    FIELD(struct overview_compared, total_tenants, REAL, "Tenants at this time yesterday", OPTIONAL),
    FIELD(struct overview_compared, conversations_today, REAL, "Conversations until this time yesterday",
          OPTIONAL),
    FIELD(struct overview_compared, pending_feedbacks, REAL, "Pending feedback at this time yesterday",
          OPTIONAL),
    FIELD(struct overview_compared, api_calls_today, REAL, "Calls until this time yesterday", OPTIONAL),
    FIELD(struct overview_compared, estimated_cost_today, REAL, "Yuan until this time yesterday", OPTIONAL),
    FIELD(struct overview_compared, avg_response_time_ms, REAL,
          "Mean time to answer yesterday until this time, milliseconds", OPTIONAL),
    FIELD(struct overview_compared, conversations_week, INT,
          "Conversations of the week before until this weekday and time", OPTIONAL),
    FIELD(struct overview_compared, failed_calls_today, INT, "Failed calls until this time yesterday",
          OPTIONAL),
};
static const struct descriptor compared_descriptor =
    DESCRIPTOR("OverviewCompared", struct overview_compared, compared_fields);

static const struct field history_fields[] = {
    FIELD_MANY(struct overview_history, total_tenants, REALS,
               "Tenants at the end of each of the last 24 hours"),
    FIELD_MANY(struct overview_history, conversations_today, REALS,
               "Conversations begun in each of the last 24 hours"),
    FIELD_MANY(struct overview_history, pending_feedbacks, REALS, "Pending feedback at the end of each hour"),
    FIELD_MANY(struct overview_history, api_calls_today, REALS, "Calls in each of the last 24 hours"),
    FIELD_MANY(struct overview_history, estimated_cost_today, REALS, "Yuan in each of the last 24 hours"),
};
static const struct descriptor history_descriptor =
    DESCRIPTOR("OverviewHistory", struct overview_history, history_fields);

static const struct field overview_fields[] = {
    FIELD(struct dashboard_overview, total_tenants, INT, "All tenants"),
    FIELD(struct dashboard_overview, active_tenants, INT, "Tenants that are not suspended"),
    FIELD(struct dashboard_overview, suspended_tenants, INT, "Suspended tenants"),
    FIELD(struct dashboard_overview, conversations_today, INT, "Conversations begun today"),
    FIELD(struct dashboard_overview, conversations_week, INT, "Conversations begun since Monday"),
    FIELD(struct dashboard_overview, avg_response_time_ms, REAL, "Mean time to answer today, milliseconds",
          OPTIONAL),
    FIELD(struct dashboard_overview, total_qa_pairs, INT, "Question-answer pairs of all tenants"),
    FIELD(struct dashboard_overview, unsynced_qa_pairs, INT, "Pairs whose text the vector index lacks"),
    FIELD(struct dashboard_overview, held_back_qa_pairs, INT,
          "Pairs that it lacks because their tenant is suspended; not among the unsynced"),
    FIELD(struct dashboard_overview, pending_feedbacks, INT, "Feedback that waits to be dealt with"),
    FIELD(struct dashboard_overview, api_calls_today, INT, "Model, embedding and query calls today"),
    FIELD(struct dashboard_overview, failed_calls_today, INT, "Those that failed"),
    FIELD(struct dashboard_overview, unpriced_calls_today, INT,
          "Those of a model without a price: not in the cost"),
    FIELD(struct dashboard_overview, estimated_cost_today, MONEY, "Cost of today's calls, yuan"),
    FIELD(struct dashboard_overview, month_cost_estimate, MONEY,
          "This month's cost if the rest goes on as until now, yuan", OPTIONAL),
    FIELD_MANY(struct dashboard_overview, components_status, MAP, "Status of each component",
               .of = &component_state_descriptor),
    FIELD(struct dashboard_overview, uptime_seconds, INT, "Seconds since the process started"),
    FIELD(struct dashboard_overview, generated_at, TIME, "When this was read"),
    FIELD(struct dashboard_overview, timezone, TEXT, "IANA zone of 'today'"),
    FIELD(struct dashboard_overview, compared, OBJECT, "The same time yesterday", .of = &compared_descriptor),
    FIELD(struct dashboard_overview, history, OBJECT, "The last 24 hours", .of = &history_descriptor),
};
const struct descriptor dashboard_overview_descriptor =
    DESCRIPTOR("DashboardOverview", struct dashboard_overview, overview_fields);

static bool overview_read_counters(struct db *db, struct dashboard_overview *overview, struct error *err)
{
    int64_t values[COUNTER_COUNT];
    if (!counters_read(db, values, err))
        return false;
    overview->total_tenants = values[COUNTER_TENANTS];
    overview->active_tenants = values[COUNTER_ACTIVE_TENANTS];
    overview->suspended_tenants = values[COUNTER_TENANTS] - values[COUNTER_ACTIVE_TENANTS];
    overview->total_qa_pairs = values[COUNTER_QA_PAIRS];
    overview->unsynced_qa_pairs = values[COUNTER_UNSYNCED_QA_PAIRS] - values[COUNTER_HELD_BACK_QA_PAIRS];
    overview->held_back_qa_pairs = values[COUNTER_HELD_BACK_QA_PAIRS];
    overview->pending_feedbacks = values[COUNTER_PENDING_FEEDBACKS];
    return true;
}

/* Days since Monday, today included. Day 0, 1970-01-01, was a Thursday. */
static size_t days_of_week(int32_t today)
{
    return (size_t)((today + 3) % 7 + 1);
}

static bool overview_read_activity(struct db *db, int32_t today, struct arena *arena,
                                   struct dashboard_overview *overview, struct error *err)
{
    size_t days = days_of_week(today);
    struct activity *week = arena_alloc(arena, days * sizeof(*week));
    if (!activity_days(db, NULL, today - (int32_t)days + 1, days, week, err))
        return false;
    const struct activity *now = &week[days - 1];
    overview->conversations_today = now->conversations;
    for (size_t i = 0; i < days; i++)
        overview->conversations_week += week[i].conversations;
    overview->avg_response_time_ms =
        now->messages ? (double)now->latency_sum_ms / (double)now->messages : NAN;
    return true;
}

static bool overview_read_usage(struct telemetry *telemetry, int32_t today, struct arena *arena,
                                struct dashboard_overview *overview, struct error *err)
{
    int64_t now = overview->generated_at;
    int64_t month_start = clock_month_start(now, 0), month_cost = 0;
    int32_t first = clock_day(month_start);
    size_t days = (size_t)(today - first + 1);
    struct usage_totals *totals = arena_alloc(arena, days * sizeof(*totals));
    if (!telemetry_daily_totals(telemetry, first, days, &(struct usage_filter){0}, totals, err))
        return false;
    const struct usage_totals *day = &totals[days - 1];
    overview->api_calls_today = day->calls;
    overview->failed_calls_today = day->failed;
    overview->unpriced_calls_today = day->unpriced;
    overview->estimated_cost_today = day->cost_nano_cny;
    for (size_t i = 0; i < days; i++)
        month_cost += totals[i].cost_nano_cny;
    /* Cost until now over the part of the month that has passed; null on its first day, when a few calls would be
     * stretched over a month. */
    int64_t passed = now - month_start, month = clock_month_start(now, 1) - month_start;
    overview->month_cost_estimate =
        passed < DAY_MS ? INT_NULL : (int64_t)((double)month_cost * (double)month / (double)passed);
    return true;
}

static const char SQL_READING_BEFORE[] =
    "SELECT metric_value FROM metrics_snapshots WHERE metric_type = $1 AND timestamp > $2 AND timestamp <= $3"
    " ORDER BY timestamp DESC LIMIT 1";

/* The newest reading at most two intervals old at that instant; NaN if there is none. */
static bool snapshot_read_at(struct db *db, enum metric metric, int64_t at, double *ret_value,
                             struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_READING_BEFORE,
                  DB_ARGS(db_text(metric_name(metric)), db_int(at - 2 * SNAPSHOT_INTERVAL_MS), db_int(at)),
                  &rows, err))
        return false;
    *ret_value = db_next(&rows) ? db_column_real(&rows, 0) : NAN;
    return db_done(&rows, err);
}

/* Last week's days up to this weekday, whose part that has passed by this time is all that counts. */
static bool overview_read_week_before(struct platform *platform, struct db *db, int32_t today,
                                      int64_t elapsed_ms, struct arena *arena, int64_t *ret_conversations,
                                      struct error *err)
{
    size_t whole_days = days_of_week(today) - 1;
    int32_t same_day = today - 7, monday = same_day - (int32_t)whole_days, since;
    struct activity *days = arena_alloc(arena, (whole_days + 1) * sizeof(*days));
    struct day_so_far same;
    *ret_conversations = INT_NULL;
    if (!recorded_since(db, NULL, today, &since, err) ||
        !activity_days(db, NULL, monday, whole_days, days, err) ||
        !day_so_far_read(platform, db, NULL, same_day, elapsed_ms, arena, &same, err))
        return false;
    if (monday < since || same.conversations == INT_NULL)
        return true;
    *ret_conversations = same.conversations;
    for (size_t i = 0; i < whole_days; i++)
        *ret_conversations += days[i].conversations;
    return true;
}

static bool overview_read_parts(struct platform *platform, struct db *db, int64_t now, struct arena *arena,
                                struct overview_compared *compared, struct error *err)
{
    int32_t today = clock_day(now);
    int64_t elapsed_ms = day_elapsed_ms(now);
    struct day_so_far yesterday;
    if (!day_so_far_read(platform, db, NULL, today - 1, elapsed_ms, arena, &yesterday, err) ||
        !overview_read_week_before(platform, db, today, elapsed_ms, arena, &compared->conversations_week,
                                   err))
        return false;
    compared->avg_response_time_ms = yesterday.avg_response_time_ms;
    compared->failed_calls_today = yesterday.failed_calls;
    return true;
}

static bool overview_read_snapshots(struct db *db, int64_t now, struct overview_compared *compared,
                                    struct error *err)
{
    const struct {
        enum metric metric;
        double *value;
    } readings[] = {
        {METRIC_TOTAL_TENANTS, &compared->total_tenants},
        {METRIC_CONVERSATIONS_TODAY, &compared->conversations_today},
        {METRIC_PENDING_FEEDBACKS, &compared->pending_feedbacks},
        {METRIC_API_CALLS_TODAY, &compared->api_calls_today},
        {METRIC_ESTIMATED_COST_TODAY, &compared->estimated_cost_today},
    };
    for (size_t i = 0; i < ARRAY_SIZE(readings); i++)
        if (!snapshot_read_at(db, readings[i].metric, now - DAY_MS, readings[i].value, err))
            return false;
    return true;
}

static const char SQL_READINGS[] = "SELECT timestamp, metric_value FROM metrics_snapshots"
                                   " WHERE metric_type = $1 AND timestamp >= $2 ORDER BY timestamp";

/* The last reading within each hour; the present value stands for the present hour. */
static bool snapshot_read_hourly(struct db *db, enum metric metric, int64_t first_hour, double now_value,
                                 double *values, struct error *err)
{
    for (size_t i = 0; i < HISTORY_HOURS; i++)
        values[i] = NAN;
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_READINGS, DB_ARGS(db_text(metric_name(metric)), db_int(first_hour)), &rows, err))
        return false;
    while (db_next(&rows)) {
        int64_t hour = (db_column_int(&rows, 0) - first_hour) / HOUR_MS;
        if (hour >= 0 && hour < HISTORY_HOURS)
            values[hour] = db_column_real(&rows, 1);
    }
    values[HISTORY_HOURS - 1] = now_value;
    return db_done(&rows, err);
}

static bool overview_hourly_conversations(struct db *db, int64_t first_hour, struct arena *arena,
                                          double *values, struct error *err)
{
    struct activity *hours = arena_alloc(arena, HISTORY_HOURS * sizeof(*hours));
    if (!activity_hours(db, first_hour, HISTORY_HOURS, hours, err))
        return false;
    for (size_t i = 0; i < HISTORY_HOURS; i++)
        values[i] = (double)hours[i].conversations;
    return true;
}

static bool overview_hourly_usage(struct telemetry *telemetry, int64_t first_hour, struct arena *arena,
                                  double *calls, double *cost, struct error *err)
{
    struct usage_totals *hours = arena_alloc(arena, HISTORY_HOURS * sizeof(*hours));
    if (!telemetry_hourly_totals(telemetry, first_hour, HISTORY_HOURS, &(struct usage_filter){0}, hours, err))
        return false;
    for (size_t i = 0; i < HISTORY_HOURS; i++) {
        calls[i] = (double)hours[i].calls;
        cost[i] = (double)hours[i].cost_nano_cny / 1e9;
    }
    return true;
}

static bool overview_read_history(struct platform *platform, struct db *db, struct arena *arena,
                                  struct dashboard_overview *overview, struct error *err)
{
    int64_t this_hour = overview->generated_at - overview->generated_at % HOUR_MS;
    int64_t first_hour = this_hour - (HISTORY_HOURS - 1) * HOUR_MS;
    double *values = arena_alloc(arena, 5 * HISTORY_HOURS * sizeof(*values));
    overview->history = (struct overview_history){
        .total_tenants = values,
        .conversations_today = values + HISTORY_HOURS,
        .pending_feedbacks = values + 2 * HISTORY_HOURS,
        .api_calls_today = values + 3 * HISTORY_HOURS,
        .estimated_cost_today = values + 4 * HISTORY_HOURS,
        .total_tenants_count = HISTORY_HOURS,
        .conversations_today_count = HISTORY_HOURS,
        .pending_feedbacks_count = HISTORY_HOURS,
        .api_calls_today_count = HISTORY_HOURS,
        .estimated_cost_today_count = HISTORY_HOURS,
    };
    struct overview_history *h = &overview->history;
    int32_t since;
    if (!recorded_since(db, NULL, clock_day(overview->generated_at), &since, err))
        return false;
    if (!snapshot_read_hourly(db, METRIC_TOTAL_TENANTS, first_hour, (double)overview->total_tenants,
                              h->total_tenants, err) ||
        !snapshot_read_hourly(db, METRIC_PENDING_FEEDBACKS, first_hour, (double)overview->pending_feedbacks,
                              h->pending_feedbacks, err) ||
        !overview_hourly_conversations(db, first_hour, arena, h->conversations_today, err) ||
        !overview_hourly_usage(platform->telemetry, first_hour, arena, h->api_calls_today,
                               h->estimated_cost_today, err))
        return false;
    for (size_t i = 0; i < HISTORY_HOURS && first_hour + (int64_t)i * HOUR_MS < clock_day_start(since); i++)
        h->conversations_today[i] = h->api_calls_today[i] = h->estimated_cost_today[i] = NAN;
    return true;
}

bool metrics_overview(struct metrics_collector *collector, struct arena *arena,
                      struct dashboard_overview *ret_overview, struct error *err)
{
    struct platform *platform = collector->platform;
    struct dashboard_overview overview = {
        .generated_at = clock_now_ms(),
        .timezone = clock_zone(),
        .uptime_seconds = metrics_uptime_seconds(collector),
        .components_status = metrics_component_states(collector, arena),
        .components_status_count = COMPONENT_COUNT,
    };
    int32_t today = clock_day(overview.generated_at);
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (!store_reader(platform->store, READ_LIMIT_MS, &db, err))
        return false;
    if (!overview_read_counters(db, &overview, err) ||
        !overview_read_activity(db, today, arena, &overview, err) ||
        !overview_read_usage(platform->telemetry, today, arena, &overview, err) ||
        !overview_read_snapshots(db, overview.generated_at, &overview.compared, err) ||
        !overview_read_parts(platform, db, overview.generated_at, arena, &overview.compared, err) ||
        !overview_read_history(platform, db, arena, &overview, err))
        return false;
    *ret_overview = overview;
    return true;
}
