#include "ops/dashboard/day_so_far.h"

#include <math.h>

#include "base/clock.h"
#include "platform/tenants/activity.h"
#include "telemetry/telemetry.h"

#define OPTIONAL .nullable = true
#define HOURS_MAX 26 /* a day of 25 hours that begins within one */

static const struct field day_so_far_fields[] = {
    FIELD(struct day_so_far, date, DAY, "The day"),
    FIELD(struct day_so_far, conversations, INT, "Conversations begun by this time of the day", OPTIONAL),
    FIELD(struct day_so_far, feedbacks, INT, "Feedback received by then", OPTIONAL),
    FIELD(struct day_so_far, api_calls, INT, "Model, embedding and query calls by then", OPTIONAL),
    FIELD(struct day_so_far, failed_calls, INT, "Those that failed", OPTIONAL),
    FIELD(struct day_so_far, cost_cny, MONEY, "Their cost, yuan", OPTIONAL),
    FIELD(struct day_so_far, avg_response_time_ms, REAL, "Mean time to answer by then, milliseconds",
          OPTIONAL),
};
const struct descriptor day_so_far_descriptor = DESCRIPTOR("DaySoFar", struct day_so_far, day_so_far_fields);

int64_t day_elapsed_ms(int64_t now)
{
    return now - clock_day_start(clock_day(now));
}

/* The hours, as roll-ups have them, that the first part of a day lies in. */
struct span {
    int64_t start, end; /* ms */
    int64_t first_hour;
    size_t hours;
};

static struct span day_span_make(int32_t day, int64_t elapsed_ms)
{
    int64_t start = clock_day_start(day), next = clock_day_start(day + 1);
    int64_t end = start + elapsed_ms < next ? start + elapsed_ms : next, first = start - start % HOUR_MS;
    size_t hours = (size_t)((end - first + HOUR_MS - 1) / HOUR_MS);
    return (struct span){start, end, first, hours < HOURS_MAX ? hours : HOURS_MAX};
}

/* How much of its i-th hour lies in the span, 0 to 1. */
static double day_span_share(const struct span *span, size_t i)
{
    int64_t hour = span->first_hour + (int64_t)i * HOUR_MS;
    int64_t from = hour > span->start ? hour : span->start;
    int64_t to = hour + HOUR_MS < span->end ? hour + HOUR_MS : span->end;
    return to > from ? (double)(to - from) / (double)HOUR_MS : 0;
}

static bool day_so_far_add_activity(struct db *db, const struct span *span, struct arena *arena,
                                    struct day_so_far *so_far, struct error *err)
{
    struct activity *hours = arena_alloc(arena, (span->hours + 1) * sizeof(*hours));
    if (!activity_hours(db, span->first_hour, span->hours, hours, err))
        return false;
    double conversations = 0, feedbacks = 0, messages = 0, latency = 0;
    for (size_t i = 0; i < span->hours; i++) {
        double share = day_span_share(span, i);
        conversations += share * (double)hours[i].conversations;
        feedbacks += share * (double)hours[i].feedbacks;
        messages += share * (double)hours[i].messages;
        latency += share * (double)hours[i].latency_sum_ms;
    }
    so_far->conversations = llround(conversations);
    so_far->feedbacks = llround(feedbacks);
    so_far->avg_response_time_ms = messages > 0 ? latency / messages : NAN;
    return true;
}

static const char SQL_CONVERSATIONS_BETWEEN[] =
    "SELECT COUNT(*) FROM conversations WHERE tenant_id = $1 AND started_at >= $2 AND started_at < $3";

/* The hours of a day are there as long as its rows are: where they are gone, the day itself is still known. */
static bool day_so_far_add_usage(struct telemetry *telemetry, const char *tenant_id, int32_t day,
                                 const struct span *span, struct arena *arena, struct day_so_far *so_far,
                                 struct error *err)
{
    const struct usage_filter filter = {.tenant_id = tenant_id};
    struct usage_totals *whole = arena_alloc(arena, sizeof(*whole));
    bool has_hours;
    if (!telemetry_has_day(telemetry, day, &has_hours, err) ||
        !telemetry_day_totals(telemetry, day, &filter, whole, err))
        return false;
    if (!has_hours && whole->calls > 0)
        return true;
    struct usage_totals *hours = arena_alloc(arena, (span->hours + 1) * sizeof(*hours));
    if (!telemetry_hourly_totals(telemetry, span->first_hour, span->hours, &filter, hours, err))
        return false;
    double calls = 0, failed = 0, cost = 0;
    for (size_t i = 0; i < span->hours; i++) {
        double share = day_span_share(span, i);
        calls += share * (double)hours[i].calls;
        failed += share * (double)hours[i].failed;
        cost += share * (double)hours[i].cost_nano_cny;
    }
    so_far->api_calls = llround(calls);
    so_far->failed_calls = llround(failed);
    so_far->cost_cny = llround(cost);
    return true;
}

bool day_so_far_read(struct platform *platform, struct db *db, const char *tenant_id, int32_t day,
                     int64_t elapsed_ms, struct arena *arena, struct day_so_far *ret_so_far,
                     struct error *err)
{
    struct span span = day_span_make(day, elapsed_ms);
    int32_t since;
    *ret_so_far = (struct day_so_far){day, INT_NULL, INT_NULL, INT_NULL, INT_NULL, INT_NULL, NAN};
    if (!recorded_since(db, tenant_id, clock_day(clock_now_ms()), &since, err))
        return false;
    if (day < since)
        return true;
    if (!(tenant_id ? db_find_int(db, SQL_CONVERSATIONS_BETWEEN,
                                  DB_ARGS(db_text(tenant_id), db_int(span.start), db_int(span.end)), 0,
                                  &ret_so_far->conversations, err)
                    : day_so_far_add_activity(db, &span, arena, ret_so_far, err)))
        return false;
    return day_so_far_add_usage(platform->telemetry, tenant_id, day, &span, arena, ret_so_far, err);
}

/* ---- since when ---- */

static const char SQL_FIRST_DAY[] =
    "SELECT MIN(day) FROM (SELECT MIN(start) AS day FROM activity_platform WHERE bucket = 'day'"
    " UNION ALL SELECT MIN(day) AS day FROM usage_days) days";
static const char SQL_FIRST_DAY_OF_TENANT[] = "SELECT MIN(day) FROM activity_daily WHERE tenant_id = $1";
static const char SQL_MADE_AT[] = "SELECT created_at FROM tenants WHERE id = $1";

static bool first_day_find(struct db *db, const char *sql, const struct db_value *args, size_t count,
                           int32_t *ret_day, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, sql, args, count, &rows, err))
        return false;
    while (db_next(&rows))
        if (!db_column_null(&rows, 0) && db_column_int(&rows, 0) < *ret_day)
            *ret_day = (int32_t)db_column_int(&rows, 0);
    return db_done(&rows, err);
}

bool recorded_since(struct db *db, const char *tenant_id, int32_t today, int32_t *ret_day, struct error *err)
{
    int32_t platform = today, tenant = today;
    int64_t made_at;
    if (!first_day_find(db, SQL_FIRST_DAY, DB_NO_ARGS, &platform, err))
        return false;
    *ret_day = platform;
    if (!tenant_id)
        return true;
    if (!first_day_find(db, SQL_FIRST_DAY_OF_TENANT, DB_ARGS(db_text(tenant_id)), &tenant, err) ||
        !db_find_int(db, SQL_MADE_AT, DB_ARGS(db_text(tenant_id)), 0, &made_at, err))
        return false;
    if (clock_day(made_at) < tenant)
        tenant = clock_day(made_at);
    if (tenant > platform)
        *ret_day = tenant;
    return true;
}
