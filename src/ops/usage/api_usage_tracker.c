/* Totals and points of a range. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ops/usage/internal.h"

const char *const usage_intervals[] = {"hour", "day", NULL};

bool usage_range_check(const struct usage_range *range, int64_t days_max, struct error *err)
{
    if (range->end <= range->start)
        return error_add_field(err, "end_time", "must be after start_time", "须晚于 start_time");
    if (range->end - range->start > days_max * DAY_MS)
        return error_add_field(err, "end_time", "must be at most %d days after start_time",
                               "与 start_time 最多相隔 %d 天", (int)days_max);
    return range->start >= 0 ||
           error_add_field(err, "start_time", "must not be before 1970", "不能早于 1970 年");
}

bool usage_range_read(struct platform *platform, const struct usage_range *range, enum usage_grouping by,
                      struct arena *arena, struct usage_report *ret_report, struct error *err)
{
    struct usage_query query = {.start = range->start,
                                .end = range->end,
                                .tenant_id = range->tenant_id,
                                .by = by,
                                .limit_ms = USAGE_LIMIT_MS};
    return usage_report_read(platform->telemetry, &query, arena, ret_report, err);
}

double usage_mean_latency(const struct usage_sums *sums)
{
    return sums->calls ? (double)sums->latency_sum_ms / (double)sums->calls : NAN;
}

/* ---- stats ---- */

static const struct field by_api_fields[] = {
    FIELD(struct usage_by_api, api_type, TEXT, "Whose interface was called: embedded, dashscope, pinecone …"),
    FIELD(struct usage_by_api, operation, TEXT, "What was called: chat, embedding, query …"),
    FIELD(struct usage_by_api, model, TEXT, "The model; empty where there is none"),
    FIELD(struct usage_by_api, calls, INT, "Calls"),
    FIELD(struct usage_by_api, failed, INT, "Those that failed"),
    FIELD(struct usage_by_api, aborted, INT,
          "Those of failed that were broken off, by us or by who had asked"),
    FIELD(struct usage_by_api, unpriced, INT, "Those for which no price was known: they are not in cost_cny"),
    FIELD(struct usage_by_api, estimated, INT,
          "Those whose figures are the caller's reckoning, not the provider's"),
    FIELD(struct usage_by_api, tokens_input, INT, "Tokens in; of a vector store its units"),
    FIELD(struct usage_by_api, tokens_output, INT, "Tokens out"),
    FIELD(struct usage_by_api, tokens_cached, INT,
          "Those of tokens_input that came from the provider's cache"),
    FIELD(struct usage_by_api, avg_latency_ms, REAL, "Mean time to answer, milliseconds", .nullable = true),
    FIELD(struct usage_by_api, p95_latency_ms, REAL,
          "About the 95th percentile, milliseconds: interpolated in a histogram, within 5 %",
          .nullable = true),
    FIELD(struct usage_by_api, cost_cny, MONEY, "Cost, yuan"),
};
static const struct descriptor by_api_descriptor =
    DESCRIPTOR("UsageByApi", struct usage_by_api, by_api_fields);

#define RANGE_FIELDS(type)                                                                                   \
    FIELD(type, start_time, TIME, "From when on this counts: the full hour or day that was asked for"),      \
        FIELD(type, end_time, TIME, "Until before when this counts, likewise")

static const struct field stats_fields[] = {
    RANGE_FIELDS(struct api_usage_stats),
    FIELD(struct api_usage_stats, total_calls, INT, "Model, embedding and vector store calls"),
    FIELD(struct api_usage_stats, success_calls, INT, "Those that succeeded"),
    FIELD(struct api_usage_stats, failed_calls, INT, "All others: failed, timed out, throttled, aborted …"),
    FIELD(struct api_usage_stats, aborted_calls, INT,
          "Those of failed_calls that were broken off, by us or by who had asked"),
    FIELD(struct api_usage_stats, unpriced_calls, INT,
          "Calls for which no price was known: they are not in cost_cny"),
    FIELD(struct api_usage_stats, estimated_calls, INT,
          "Calls whose figures are the caller's reckoning, not the provider's"),
    FIELD(struct api_usage_stats, tokens_input, INT, "Tokens in; of a vector store its units"),
    FIELD(struct api_usage_stats, tokens_output, INT, "Tokens out"),
    FIELD(struct api_usage_stats, tokens_cached, INT,
          "Those of tokens_input that came from the provider's cache"),
    FIELD(struct api_usage_stats, avg_latency_ms, REAL, "Mean time to answer, milliseconds",
          .nullable = true),
    FIELD(struct api_usage_stats, p50_latency_ms, REAL,
          "About the median, milliseconds: interpolated in a histogram, within 5 %", .nullable = true),
    FIELD(struct api_usage_stats, p95_latency_ms, REAL, "About the 95th percentile, milliseconds, likewise",
          .nullable = true),
    FIELD(struct api_usage_stats, cost_cny, MONEY, "Cost of the calls that have a price, yuan"),
    FIELD(struct api_usage_stats, estimated_cost_cny, MONEY,
          "The part of cost_cny that is of estimated_calls, yuan"),
    FIELD_MANY(struct api_usage_stats, by_api, LIST,
               "The same by interface, operation and model, the dearest first. Beyond 2,000 of these all "
               "further ones "
               "are one row, other",
               .of = &by_api_descriptor),
    FIELD(struct api_usage_stats, generated_at, TIME, "When this was read"),
};
const struct descriptor api_usage_stats_descriptor =
    DESCRIPTOR("APIUsageStats", struct api_usage_stats, stats_fields);

static int by_api_compare(const void *a, const void *b)
{
    const struct usage_by_api *left = a, *right = b;
    if (left->cost_cny != right->cost_cny)
        return left->cost_cny < right->cost_cny ? 1 : -1;
    if (left->calls != right->calls)
        return left->calls < right->calls ? 1 : -1;
    int order = strcmp(left->api_type, right->api_type);
    order = order ? order : strcmp(left->operation, right->operation);
    return order ? order : strcmp(left->model, right->model);
}

static double usage_quantile_ms(const struct histogram *latency, double q)
{
    return histogram_quantile(latency, q) / 1000;
}

bool api_usage_stats(struct platform *platform, const struct usage_range *range, struct arena *arena,
                     struct api_usage_stats *ret_stats, struct error *err)
{
    struct usage_report report;
    if (!usage_range_check(range, USAGE_RANGE_DAYS_MAX, err) ||
        !usage_range_read(platform, range, USAGE_BY_NAMES, arena, &report, err))
        return false;
    struct usage_by_api *rows = arena_alloc(arena, report.count * sizeof(*rows));
    for (size_t i = 0; i < report.count; i++) {
        const struct usage_group *group = &report.groups[i];
        const struct usage_sums *sums = &group->sums;
        rows[i] = (struct usage_by_api){.api_type = group->api_type,
                                        .operation = group->operation,
                                        .model = group->model,
                                        .calls = sums->calls,
                                        .failed = sums->failed,
                                        .aborted = sums->aborted,
                                        .unpriced = sums->unpriced,
                                        .estimated = sums->estimated,
                                        .tokens_input = sums->tokens_input,
                                        .tokens_output = sums->tokens_output,
                                        .tokens_cached = sums->tokens_cached,
                                        .avg_latency_ms = usage_mean_latency(sums),
                                        .p95_latency_ms = usage_quantile_ms(group->latency, 0.95),
                                        .cost_cny = sums->cost_nano_cny};
    }
    if (report.count)
        qsort(rows, report.count, sizeof(*rows), by_api_compare);
    const struct usage_sums *total = &report.total.sums;
    *ret_stats = (struct api_usage_stats){.start_time = report.start,
                                          .end_time = report.end,
                                          .total_calls = total->calls,
                                          .success_calls = total->calls - total->failed,
                                          .failed_calls = total->failed,
                                          .aborted_calls = total->aborted,
                                          .unpriced_calls = total->unpriced,
                                          .estimated_calls = total->estimated,
                                          .tokens_input = total->tokens_input,
                                          .tokens_output = total->tokens_output,
                                          .tokens_cached = total->tokens_cached,
                                          .avg_latency_ms = usage_mean_latency(total),
                                          .p50_latency_ms = usage_quantile_ms(report.total.latency, 0.5),
                                          .p95_latency_ms = usage_quantile_ms(report.total.latency, 0.95),
                                          .cost_cny = total->cost_nano_cny,
                                          .estimated_cost_cny = total->estimated_cost_nano_cny,
                                          .by_api = rows,
                                          .by_api_count = report.count,
                                          .generated_at = clock_now_ms()};
    return true;
}

/* ---- trends ---- */

static const struct field point_fields[] = {
    FIELD(struct usage_point, time, TIME, "When the hour, or the day in the store's zone, begins"),
    FIELD(struct usage_point, calls, INT,
          "Calls; null, as all that follows: an hour of a day of which only the total is kept",
          .nullable = true),
    FIELD(struct usage_point, failed, INT, "Those that failed", .nullable = true),
    FIELD(struct usage_point, unpriced, INT, "Those for which no price was known", .nullable = true),
    FIELD(struct usage_point, tokens_input, INT, "Tokens in", .nullable = true),
    FIELD(struct usage_point, tokens_output, INT, "Tokens out", .nullable = true),
    FIELD(struct usage_point, cost_cny, MONEY, "Cost, yuan", .nullable = true),
    FIELD(struct usage_point, avg_latency_ms, REAL, "Mean time to answer, milliseconds; null without calls",
          .nullable = true),
};
static const struct descriptor point_descriptor = DESCRIPTOR("UsagePoint", struct usage_point, point_fields);

static const struct field trends_fields[] = {
    RANGE_FIELDS(struct usage_trends),
    FIELD(struct usage_trends, interval, TEXT, "What a point is of", .values = usage_intervals),
    FIELD_MANY(
        struct usage_trends, points, LIST,
        "One for each hour or day, none left out; the first and the last only as far as the range goes",
        .of = &point_descriptor),
    FIELD(struct usage_trends, generated_at, TIME, "When this was read"),
};
const struct descriptor usage_trends_descriptor =
    DESCRIPTOR("UsageTrends", struct usage_trends, trends_fields);

bool api_usage_trends(struct platform *platform, const struct usage_range *range, const char *interval,
                      struct arena *arena, struct usage_trends *ret_trends, struct error *err)
{
    bool by_hour = strcmp(interval, "hour") == 0;
    struct usage_report report;
    if (!usage_range_check(range, by_hour ? USAGE_HOURS_DAYS_MAX : USAGE_RANGE_DAYS_MAX, err) ||
        !usage_range_read(platform, range, by_hour ? USAGE_BY_HOUR : USAGE_BY_DAY, arena, &report, err))
        return false;
    struct usage_point *points = arena_alloc(arena, report.count * sizeof(*points));
    for (size_t i = 0; i < report.count; i++) {
        const struct usage_group *group = &report.groups[i];
        const struct usage_sums *sums = &group->sums;
        if (group->is_unknown)
            points[i] = (struct usage_point){group->time, INT_NULL, INT_NULL, INT_NULL,
                                             INT_NULL,    INT_NULL, INT_NULL, NAN};
        else
            points[i] = (struct usage_point){.time = group->time,
                                             .calls = sums->calls,
                                             .failed = sums->failed,
                                             .unpriced = sums->unpriced,
                                             .tokens_input = sums->tokens_input,
                                             .tokens_output = sums->tokens_output,
                                             .cost_cny = sums->cost_nano_cny,
                                             .avg_latency_ms = usage_mean_latency(sums)};
    }
    *ret_trends = (struct usage_trends){.start_time = report.start,
                                        .end_time = report.end,
                                        .interval = by_hour ? "hour" : "day",
                                        .points = points,
                                        .points_count = report.count,
                                        .generated_at = clock_now_ms()};
    return true;
}
