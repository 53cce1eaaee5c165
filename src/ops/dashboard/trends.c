/* The dashboard's trends: one point for each day, none left out, and as many days before to compare
 * with; and today's busiest tenants. */
#include <math.h>

#include "base/clock.h"
#include "ops/dashboard/internal.h"
#include "store/store.h"
#include "telemetry/telemetry.h"

#define TOP_TENANTS 5

static const struct field point_fields[] = {
    FIELD(struct trend_point, date, DAY, "The day, in the configured zone"),
    FIELD(struct trend_point, conversations, INT,
          "Conversations begun; null, as all that follows: a day before"
          " recorded_since",
          .nullable = true),
    FIELD(struct trend_point, api_calls, INT, "Model, embedding and query calls", .nullable = true),
    FIELD(struct trend_point, failed_calls, INT, "Those that failed", .nullable = true),
    FIELD(struct trend_point, cost_cny, MONEY, "Their cost, yuan", .nullable = true),
    FIELD(struct trend_point, avg_response_time_ms, REAL, "Mean time to answer, milliseconds",
          .nullable = true),
    FIELD(struct trend_point, p95_response_time_ms, REAL, "95th percentile within 5 %, milliseconds",
          .nullable = true),
    FIELD(struct trend_point, feedbacks, INT, "Feedback received", .nullable = true),
};
static const struct descriptor trend_point_descriptor =
    DESCRIPTOR("TrendPoint", struct trend_point, point_fields);

static const struct field trend_fields[] = {
    FIELD(struct trend_data, days, INT, "Number of days"),
    FIELD_MANY(struct trend_data, points, LIST, "Each day, today last", .of = &trend_point_descriptor),
    FIELD_MANY(struct trend_data, previous, LIST, "The same number of days before",
               .of = &trend_point_descriptor),
    FIELD(struct trend_data, recorded_since, DAY, "The first day of which there are figures"),
    FIELD(struct trend_data, previous_so_far, OBJECT,
          "The last day of the period before until this time of the day: what an unfinished today compares "
          "with",
          .of = &day_so_far_descriptor),
    FIELD_MANY(struct trend_data, top_tenants, LIST, "Today's busiest tenants, at most 5",
               .of = &activity_top_descriptor),
    FIELD(struct trend_data, generated_at, TIME, "When this was read"),
};
const struct descriptor trend_data_descriptor = DESCRIPTOR("TrendData", struct trend_data, trend_fields);

static struct trend_point trend_point_make(int32_t day, const struct activity *activity,
                                           const struct usage_totals *usage)
{
    return (struct trend_point){
        .date = day,
        .conversations = activity->conversations,
        .api_calls = usage->calls,
        .failed_calls = usage->failed,
        .cost_cny = usage->cost_nano_cny,
        .avg_response_time_ms =
            activity->messages ? (double)activity->latency_sum_ms / (double)activity->messages : NAN,
        .p95_response_time_ms = histogram_quantile(&activity->latency, 0.95) / 1000,
        .feedbacks = activity->feedbacks,
    };
}

/* `count` points from `first` on; those before `since` are not known. */
static bool trend_points_read(struct platform *platform, struct db *db, int32_t first, size_t count,
                              int32_t since, struct arena *arena, struct trend_point **ret_points,
                              struct error *err)
{
    struct activity *activities = arena_alloc(arena, count * sizeof(*activities));
    struct usage_totals *usages = arena_alloc(arena, count * sizeof(*usages));
    if (!activity_days(db, NULL, first, count, activities, err) ||
        !telemetry_daily_totals(platform->telemetry, first, count, &(struct usage_filter){0}, usages, err))
        return false;
    struct trend_point *points = arena_alloc(arena, count * sizeof(*points));
    for (size_t i = 0; i < count; i++) {
        int32_t day = first + (int32_t)i;
        if (day < since)
            points[i] = (struct trend_point){day, INT_NULL, INT_NULL, INT_NULL, INT_NULL, NAN, NAN, INT_NULL};
        else
            points[i] = trend_point_make(day, &activities[i], &usages[i]);
    }
    *ret_points = points;
    return true;
}

bool metrics_trends(struct metrics_collector *collector, int64_t days, struct arena *arena,
                    struct trend_data *ret_trends, struct error *err)
{
    struct platform *platform = collector->platform;
    int64_t now = clock_now_ms();
    int32_t today = clock_day(now);
    size_t count = (size_t)days;
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct trend_point *points;
    struct activity_top *top = arena_alloc(arena, TOP_TENANTS * sizeof(*top));
    size_t top_count;
    int32_t since;
    struct day_so_far so_far;
    if (!store_reader(platform->store, READ_LIMIT_MS, &db, err) ||
        !recorded_since(db, NULL, today, &since, err) ||
        !trend_points_read(platform, db, today - (int32_t)(2 * count) + 1, 2 * count, since, arena, &points,
                           err) ||
        !day_so_far_read(platform, db, NULL, today - (int32_t)count, day_elapsed_ms(now), arena, &so_far,
                         err) ||
        !activity_top_tenants(db, now, TOP_TENANTS, arena, top, &top_count, err))
        return false;
    *ret_trends = (struct trend_data){
        .days = days,
        .recorded_since = since,
        .previous_so_far = so_far,
        .points = points + count,
        .points_count = count,
        .previous = points,
        .previous_count = count,
        .top_tenants = top,
        .top_tenants_count = top_count,
        .generated_at = now,
    };
    return true;
}
