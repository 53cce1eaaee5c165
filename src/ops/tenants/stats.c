/* A tenant's figures and its days. What is in a counter or a roll-up is read from there; the rest
 * is counted by an index of the tenant. */
#include <math.h>

#include "base/clock.h"
#include "ops/dashboard/day_so_far.h"
#include "ops/tenants/internal.h"
#include "platform/tenants/activity.h"
#include "store/store.h"
#include "telemetry/telemetry.h"

static const struct field stats_fields[] = {
    FIELD(struct tenant_stats, total_users, INT, "Users, disabled ones too"),
    FIELD(struct tenant_stats, admin_count, INT, "Those who are tenant_admin"),
    FIELD(struct tenant_stats, staff_count, INT, "Those who are tenant_staff"),
    FIELD(struct tenant_stats, total_qa_pairs, INT, "Live question-answer pairs"),
    FIELD(struct tenant_stats, synced_qa_pairs, INT, "Those that the vector index has"),
    FIELD(struct tenant_stats, avg_quality_score, REAL, "Mean quality of the pairs, 0 to 1; null: no pairs",
          .nullable = true),
    FIELD(struct tenant_stats, conversations_today, INT, "Conversations begun today"),
    FIELD(struct tenant_stats, conversations_week, INT, "Conversations begun since Monday"),
    FIELD(struct tenant_stats, conversations_month, INT, "Conversations begun since the first of the month"),
    FIELD(struct tenant_stats, conversations_yesterday, INT, "Conversations begun yesterday until this time",
          .nullable = true),
    FIELD(struct tenant_stats, conversations_week_before, INT,
          "Conversations begun in the week before until this weekday and time", .nullable = true),
    FIELD(struct tenant_stats, conversations_month_before, INT,
          "Conversations begun in the month before until this day and time", .nullable = true),
    FIELD(struct tenant_stats, avg_response_time_ms, REAL,
          "Mean time to answer of the last 30 days, milliseconds; null: no message", .nullable = true),
    FIELD(struct tenant_stats, pending_feedbacks, INT, "Feedback that waits to be dealt with"),
    FIELD(struct tenant_stats, feedback_approval_rate, REAL,
          "Of the feedback that was decided the part that was learned or approved, 0 to 1; null: none was "
          "decided",
          .nullable = true),
    FIELD(struct tenant_stats, generated_at, TIME, "When this was read"),
};
const struct descriptor tenant_stats_descriptor =
    DESCRIPTOR("TenantStats", struct tenant_stats, stats_fields);

/* --- conversations and time to answer, from the days' roll-ups */

#define STATS_DAYS 62 /* the longest month and the one before */

static double stats_mean_response(const struct activity *days, size_t count)
{
    int64_t sum = 0, messages = 0;
    for (size_t i = 0; i < count; i++) {
        sum += days[i].latency_sum_ms;
        messages += days[i].messages;
    }
    return messages ? (double)sum / (double)messages : NAN;
}

/* Of the days [from, end). */
static int64_t stats_sum_conversations(const struct activity *days, int32_t first, int32_t from, int32_t end)
{
    int64_t sum = 0;
    for (int32_t day = from; day < end; day++)
        sum += days[day - first].conversations;
    return sum;
}

/* Where today's numbers in its week and its month fall in the ones before: the days [from, day) and a part of `day`.
 * A month that is shorter than today's number has ended by then. */
static bool stats_conversations_before(struct platform *platform, struct db *db, const char *id,
                                       const struct activity *days, int32_t first, int32_t from, int32_t day,
                                       int64_t elapsed_ms, struct arena *arena, int64_t *ret_count,
                                       struct error *err)
{
    struct day_so_far part;
    int32_t since;
    if (!recorded_since(db, id, first + STATS_DAYS - 1, &since, err) ||
        !day_so_far_read(platform, db, id, day, elapsed_ms, arena, &part, err))
        return false;
    *ret_count = since > from || part.conversations == INT_NULL
                     ? INT_NULL
                     : stats_sum_conversations(days, first, from, day) + part.conversations;
    return true;
}

static bool stats_read_days(struct platform *platform, struct db *db, const char *id, int64_t now,
                            struct arena *arena, struct tenant_stats *stats, struct error *err)
{
    int32_t today = clock_day(now), first = today - STATS_DAYS + 1;
    int32_t monday = today - (today + 3) % 7; /* day 0, 1 January 1970, was a Thursday */
    int32_t month = clock_day(clock_month_start(now, 0)),
            month_before = clock_day(clock_month_start(now, -1));
    int32_t same_day = month_before + (today - month);
    int64_t elapsed_ms = day_elapsed_ms(now), month_elapsed_ms = elapsed_ms;
    if (same_day >= month) {
        same_day = month - 1;
        month_elapsed_ms = 2 * DAY_MS;
    }
    struct activity *days = arena_alloc(arena, STATS_DAYS * sizeof(*days));
    if (!activity_days(db, id, first, STATS_DAYS, days, err) ||
        !stats_conversations_before(platform, db, id, days, first, today - 1, today - 1, elapsed_ms, arena,
                                    &stats->conversations_yesterday, err) ||
        !stats_conversations_before(platform, db, id, days, first, monday - 7, today - 7, elapsed_ms, arena,
                                    &stats->conversations_week_before, err) ||
        !stats_conversations_before(platform, db, id, days, first, month_before, same_day, month_elapsed_ms,
                                    arena, &stats->conversations_month_before, err))
        return false;
    stats->conversations_today = stats_sum_conversations(days, first, today, today + 1);
    stats->conversations_week = stats_sum_conversations(days, first, monday, today + 1);
    stats->conversations_month = stats_sum_conversations(days, first, month, today + 1);
    stats->avg_response_time_ms =
        stats_mean_response(days + STATS_DAYS - TENANT_RESPONSE_DAYS, TENANT_RESPONSE_DAYS);
    return true;
}

/* --- the rest, counted */

static const char SQL_USERS_OF_ROLE[] = "SELECT COUNT(*) FROM users WHERE tenant_id = $1 AND role = $2";
static const char SQL_FEEDBACKS_OF_STATUS[] =
    "SELECT COUNT(*) FROM feedbacks WHERE tenant_id = $1 AND status = $2";
static const char SQL_QUALITY[] =
    "SELECT AVG(quality_score) FROM qa_pairs WHERE tenant_id = $1 AND deleted_at IS NULL";

static bool stats_count(struct db *db, const char *sql, const char *id, const char *kind, int64_t *ret_count,
                        struct error *err)
{
    return db_find_int(db, sql, DB_ARGS(db_text(id), db_text(kind)), 0, ret_count, err);
}

static bool stats_read_quality(struct db *db, const char *id, double *ret_quality, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_QUALITY, DB_ARGS(db_text(id)), &rows, err))
        return false;
    while (db_next(&rows))
        *ret_quality = db_column_real(&rows, 0);
    return db_done(&rows, err);
}

static bool stats_read_counts(struct db *db, const char *id, struct tenant_stats *stats, struct error *err)
{
    int64_t learned, approved, rejected;
    if (!stats_count(db, SQL_USERS_OF_ROLE, id, "tenant_admin", &stats->admin_count, err) ||
        !stats_count(db, SQL_USERS_OF_ROLE, id, "tenant_staff", &stats->staff_count, err) ||
        !stats_count(db, SQL_FEEDBACKS_OF_STATUS, id, "learned", &learned, err) ||
        !stats_count(db, SQL_FEEDBACKS_OF_STATUS, id, "approved", &approved, err) ||
        !stats_count(db, SQL_FEEDBACKS_OF_STATUS, id, "rejected", &rejected, err))
        return false;
    int64_t decided = learned + approved + rejected;
    stats->feedback_approval_rate = decided > 0 ? (double)(learned + approved) / (double)decided : NAN;
    return true;
}

bool tenant_manager_stats(struct tenant_manager *manager, const char *id, struct arena *arena,
                          struct tenant_stats *ret_stats, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct tenant tenant;
    struct tenant_stats stats = {.avg_quality_score = NAN, .generated_at = clock_now_ms()};
    if (!store_reader(manager->platform->store, READ_LIMIT_MS, &db, err) ||
        !tenant_get(db, id, arena, &tenant, err) ||
        !stats_read_days(manager->platform, db, id, stats.generated_at, arena, &stats, err) ||
        !stats_read_counts(db, id, &stats, err) || !stats_read_quality(db, id, &stats.avg_quality_score, err))
        return false;
    stats.total_users = tenant.user_count;
    stats.total_qa_pairs = tenant.qa_pair_count;
    stats.synced_qa_pairs = tenant.qa_pair_count - tenant.unsynced_count;
    stats.pending_feedbacks = tenant.pending_feedback_count;
    *ret_stats = stats;
    return true;
}

/* --- its days */

static const struct field point_fields[] = {
    FIELD(struct tenant_trend_point, date, DAY, "The day, in the configured zone"),
    FIELD(struct tenant_trend_point, conversations, INT, "Conversations begun", .nullable = true),
    FIELD(struct tenant_trend_point, messages, INT, "Messages answered, with a 'not known' too",
          .nullable = true),
    FIELD(struct tenant_trend_point, answered, INT, "Those that found an answer", .nullable = true),
    FIELD(struct tenant_trend_point, refused, INT, "Messages refused while it was suspended",
          .nullable = true),
    FIELD(struct tenant_trend_point, feedbacks, INT, "Feedback received", .nullable = true),
    FIELD(struct tenant_trend_point, avg_response_time_ms, REAL, "Mean time to answer, milliseconds",
          .nullable = true),
    FIELD(struct tenant_trend_point, p95_response_time_ms, REAL, "95th percentile within 5 %, milliseconds",
          .nullable = true),
    FIELD(struct tenant_trend_point, api_calls, INT, "Model, embedding and query calls", .nullable = true),
    FIELD(struct tenant_trend_point, failed_calls, INT, "Those that failed", .nullable = true),
    FIELD(struct tenant_trend_point, cost_cny, MONEY, "Their cost, yuan", .nullable = true),
};
static const struct descriptor point_descriptor =
    DESCRIPTOR("TenantTrendPoint", struct tenant_trend_point, point_fields);

static const struct field trends_fields[] = {
    FIELD(struct tenant_trends, days, INT, "Number of days"),
    FIELD_MANY(struct tenant_trends, points, LIST, "Each day, today last", .of = &point_descriptor),
    FIELD(struct tenant_trends, recorded_since, DAY,
          "The first day of which there are figures; days before are null"),
    FIELD(struct tenant_trends, compared, OBJECT, "The day that was asked for, until this time of the day",
          .nullable = true, .of = &day_so_far_descriptor),
    FIELD(struct tenant_trends, generated_at, TIME, "When this was read"),
};
const struct descriptor tenant_trends_descriptor =
    DESCRIPTOR("TenantTrends", struct tenant_trends, trends_fields);

static struct tenant_trend_point tenant_point_make(int32_t day, const struct activity *activity,
                                                   const struct usage_totals *usage)
{
    return (struct tenant_trend_point){
        .date = day,
        .conversations = activity->conversations,
        .messages = activity->messages,
        .answered = activity->answered,
        .refused = activity->refused,
        .feedbacks = activity->feedbacks,
        .avg_response_time_ms = stats_mean_response(activity, 1),
        .p95_response_time_ms = histogram_quantile(&activity->latency, 0.95) / 1000,
        .api_calls = usage->calls,
        .failed_calls = usage->failed,
        .cost_cny = usage->cost_nano_cny,
    };
}

bool tenant_manager_trends(struct tenant_manager *manager, const char *id, int64_t days,
                           int64_t compared_days, struct arena *arena, struct tenant_trends *ret_trends,
                           struct error *err)
{
    struct platform *platform = manager->platform;
    size_t count = (size_t)days;
    struct tenant_trends trends = {.days = days, .points_count = count, .generated_at = clock_now_ms()};
    int32_t today = clock_day(trends.generated_at), first = today - (int32_t)days + 1, since;
    struct activity *activities = arena_alloc(arena, count * sizeof(*activities));
    struct usage_totals *usages = arena_alloc(arena, count * sizeof(*usages));
    struct day_so_far *compared = arena_alloc(arena, sizeof(*compared));
    const struct usage_filter of_tenant = {.tenant_id = id};
    struct tenant tenant;
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (!store_reader(platform->store, READ_LIMIT_MS, &db, err) || !tenant_get(db, id, arena, &tenant, err) ||
        !recorded_since(db, id, today, &since, err) ||
        !activity_days(db, id, first, count, activities, err) ||
        !telemetry_daily_totals(platform->telemetry, first, count, &of_tenant, usages, err) ||
        (compared_days > 0 && !day_so_far_read(platform, db, id, today - (int32_t)compared_days,
                                               day_elapsed_ms(trends.generated_at), arena, compared, err)))
        return false;
    trends.recorded_since = since;
    trends.compared = compared_days > 0 ? compared : NULL;
    trends.points = arena_alloc(arena, count * sizeof(*trends.points));
    for (size_t i = 0; i < count; i++) {
        int32_t day = first + (int32_t)i;
        if (day < since)
            trends.points[i] =
                (struct tenant_trend_point){day, INT_NULL, INT_NULL, INT_NULL, INT_NULL, INT_NULL,
                                            NAN, NAN,      INT_NULL, INT_NULL, INT_NULL};
        else
            trends.points[i] = tenant_point_make(day, &activities[i], &usages[i]);
    }
    *ret_trends = trends;
    return true;
}
