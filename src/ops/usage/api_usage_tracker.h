/* Usage and cost, as the console shows them: what was called, what it took, what it cost, for whom, and where the month
 * is going. All of it from roll-ups (telemetry/usage_report.h), so that every figure of one range sums up to the same,
 * and none takes longer as the number of calls grows.
 *
 * A range is [start, end); what an answer is of it says itself (start_time, end_time): full hours, or the full day
 * where only the day's total is kept. Calls are recorded by telemetry_write; prices are telemetry/prices.h. */
#ifndef KIMONO_OPS_USAGE_API_USAGE_TRACKER_H
#define KIMONO_OPS_USAGE_API_USAGE_TRACKER_H

#include "base/arena.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "platform/platform.h"

#define USAGE_RANGE_DAYS_MAX 1100 /* of a range */
#define USAGE_HOURS_DAYS_MAX 93   /* of points for each hour */
#define USAGE_LIMIT_MAX 1000      /* rows by tenant, where a limit is asked for */

struct usage_range {
    int64_t start, end;
    const char *tenant_id; /* NULL: all */
};

extern const char *const usage_intervals[]; /* hour, day; NULL-terminated */

struct usage_by_api {
    const char *api_type, *operation, *model;
    int64_t calls, failed, aborted, unpriced, estimated;
    int64_t tokens_input, tokens_output, tokens_cached;
    double avg_latency_ms, p95_latency_ms;
    int64_t cost_cny; /* nano-yuan */
};

struct api_usage_stats {
    int64_t start_time, end_time;
    int64_t total_calls, success_calls, failed_calls, aborted_calls, unpriced_calls, estimated_calls;
    int64_t tokens_input, tokens_output, tokens_cached;
    double avg_latency_ms, p50_latency_ms, p95_latency_ms;
    int64_t cost_cny, estimated_cost_cny;
    struct usage_by_api *by_api; /* dearest first */
    size_t by_api_count;
    int64_t generated_at;
};
extern const struct descriptor api_usage_stats_descriptor;

struct usage_tenant_cost {
    const char *tenant_id; /* "": calls of no tenant */
    int64_t cost_cny;
};

struct cost_estimate {
    int64_t start_time, end_time;
    int64_t dashscope_cost_cny, pinecone_cost_usd, pinecone_cost_cny, other_cost_cny, total_cost_cny;
    struct usage_tenant_cost *by_tenant;
    size_t by_tenant_count;
    double usd_cny_rate;
    int64_t usd_cny_rate_date;
    int64_t total_calls, unpriced_calls, estimated_calls, estimated_cost_cny;
    int64_t generated_at;
};
extern const struct descriptor cost_estimate_descriptor;

struct usage_point {
    int64_t time;
    int64_t calls, failed, unpriced; /* INT_NULL, as all of them: not known any more */
    int64_t tokens_input, tokens_output, cost_cny;
    double avg_latency_ms;
};

struct usage_trends {
    int64_t start_time, end_time;
    const char *interval;
    struct usage_point *points;
    size_t points_count;
    int64_t generated_at;
};
extern const struct descriptor usage_trends_descriptor;

struct usage_by_tenant {
    const char *tenant_id, *name; /* NULL: no tenant; name NULL also for one that is not here */
    int64_t calls, failed, unpriced, estimated;
    int64_t tokens_input, tokens_output, cost_cny;
};

/* What a limit leaves out of the rows by tenant. */
struct usage_rest {
    int64_t tenants, calls, failed, unpriced, estimated;
    int64_t tokens_input, tokens_output, cost_cny;
};

struct usage_tenants {
    int64_t start_time, end_time;
    struct usage_by_tenant *items;
    size_t items_count;
    struct usage_rest rest;
    int64_t total, total_calls, total_cost_cny; /* `total`: tenants with calls */
    int64_t generated_at;
};
extern const struct descriptor usage_tenants_descriptor;
extern const char *const usage_tenant_orders[]; /* by what the first are the largest; NULL-terminated */

struct projected_tenant {
    const char *tenant_id, *name; /* as in struct usage_by_tenant */
    int64_t month_to_date_cny, projected_cny;
};

struct usage_projection {
    const char *month; /* "2026-11" */
    int64_t start_time, end_time;
    int64_t month_to_date_cny, projected_cny, low_cny, high_cny; /* INT_NULL: no full day is known yet */
    int64_t days_known;                                          /* full days that it is made from */
    struct projected_tenant *by_tenant;
    size_t by_tenant_count;
    int64_t tenants; /* of which by_tenant are the dearest */
    int64_t generated_at;
};
extern const struct descriptor usage_projection_descriptor;

/* All fail with ERROR_INVALID for a range that is none, ERROR_TIMEOUT after the time that reading may take. Results
 * live in the arena. */
bool api_usage_stats(struct platform *platform, const struct usage_range *range, struct arena *arena,
                     struct api_usage_stats *ret_stats, struct error *err);
bool api_usage_cost(struct platform *platform, const struct usage_range *range, struct arena *arena,
                    struct cost_estimate *ret_cost, struct error *err);
bool api_usage_trends(struct platform *platform, const struct usage_range *range, const char *interval,
                      struct arena *arena, struct usage_trends *ret_trends, struct error *err);
/* `order`: one of usage_tenant_orders. `limit`: so many rows, the others in `rest`; INT_NULL: all. */
bool api_usage_by_tenant(struct platform *platform, const struct usage_range *range, const char *order,
                         int64_t limit, struct arena *arena, struct usage_tenants *ret_tenants,
                         struct error *err);

/* `month`: "2026-11"; NULL: the present one. `tenant_id` NULL: all. `limit` as above. */
bool api_usage_project(struct platform *platform, const char *month, const char *tenant_id, int64_t limit,
                       struct arena *arena, struct usage_projection *ret_projection, struct error *err);
bool api_usage_check_month(const char *month, struct error *err);

#endif
