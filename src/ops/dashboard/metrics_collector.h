/* The figures of the dashboard: collected on demand from roll-ups and counters, never from raw rows,
 * and written to metrics_snapshots on a schedule so that 'now' can be compared with the same time
 * yesterday. A figure that cannot be read is null, never 0. */
#ifndef KIMONO_OPS_DASHBOARD_METRICS_COLLECTOR_H
#define KIMONO_OPS_DASHBOARD_METRICS_COLLECTOR_H

#include "base/arena.h"
#include "base/descriptor.h"
#include "ops/dashboard/day_so_far.h"
#include "platform/health/health.h"
#include "platform/platform.h"
#include "platform/tenants/activity.h"
#include "store/db.h"

#define HISTORY_HOURS 24
#define STRIP_CELLS 48 /* half-hours of the components' 24-hour strip */
#define TREND_DAYS_MAX 90

struct component_state {
    const char *name, *status;
};

/* The reading of the same instant yesterday; of the week the same part of the week before. NaN and INT_NULL where
 * there is none. */
struct overview_compared {
    double total_tenants, conversations_today, pending_feedbacks, api_calls_today, estimated_cost_today;
    double avg_response_time_ms;
    int64_t conversations_week, failed_calls_today;
};

/* One value for each of the last 24 hours, the present one last; NaN where there is none. */
struct overview_history {
    double *total_tenants, *conversations_today, *pending_feedbacks, *api_calls_today, *estimated_cost_today;
    size_t total_tenants_count, conversations_today_count, pending_feedbacks_count, api_calls_today_count,
        estimated_cost_today_count;
};

struct dashboard_overview {
    int64_t total_tenants, active_tenants, suspended_tenants;
    int64_t conversations_today, conversations_week;
    double avg_response_time_ms;
    int64_t total_qa_pairs, unsynced_qa_pairs, held_back_qa_pairs, pending_feedbacks;
    int64_t api_calls_today, failed_calls_today, unpriced_calls_today;
    int64_t estimated_cost_today, month_cost_estimate; /* nano-yuan */
    struct component_state *components_status;
    size_t components_status_count;
    int64_t uptime_seconds;
    int64_t generated_at;
    const char *timezone;
    struct overview_compared compared;
    struct overview_history history;
};
extern const struct descriptor dashboard_overview_descriptor;

struct trend_point {
    int64_t date;
    int64_t conversations, api_calls, failed_calls, cost_cny;
    double avg_response_time_ms, p95_response_time_ms;
    int64_t feedbacks;
};

struct trend_data {
    int64_t days;
    int64_t recorded_since; /* a day; those before are not known */
    struct day_so_far previous_so_far;
    struct trend_point *points, *previous;
    size_t points_count, previous_count;
    struct activity_top *top_tenants;
    size_t top_tenants_count;
    int64_t generated_at;
};
extern const struct descriptor trend_data_descriptor;

struct component_status {
    const char *name, *provider, *status;
    double latency_ms, p95_latency_ms;
    int64_t last_check;
    const char *message;
    int64_t since, failed_calls, tenants;
    const char **history;
    size_t history_count;
};
struct component_list {
    struct component_status *items;
    size_t items_count;
    int64_t generated_at;
};
extern const struct descriptor component_list_descriptor;

/* A component that is not well. */
struct component_trouble {
    const char *component, *status;
    int64_t since, failed_calls, tenants;
};

struct system_status {
    const char *status, *version;
    int64_t started_at, uptime_seconds;
    struct component_state *components_status;
    size_t components_status_count;
    struct component_trouble *troubles;
    size_t troubles_count;
    const char *database, *timezone;
};
extern const struct descriptor system_status_descriptor;

struct metrics_collector;

struct metrics_collector *metrics_collector_new(struct platform *platform, const char *version);
void metrics_collector_free(struct metrics_collector *collector); /* takes NULL */
/* Gives the health room the troubles that were open when the process before ended: a restart is not when they began. */
bool metrics_resume(struct metrics_collector *collector, struct error *err);

/* All results live in the arena. */
bool metrics_overview(struct metrics_collector *collector, struct arena *arena,
                      struct dashboard_overview *ret_overview, struct error *err);
/* `days` 1 to TREND_DAYS_MAX, today the last of them, and as many before. */
bool metrics_trends(struct metrics_collector *collector, int64_t days, struct arena *arena,
                    struct trend_data *ret_trends, struct error *err);
bool metrics_components(struct metrics_collector *collector, enum language language, struct arena *arena,
                        struct component_list *ret_components, struct error *err);
/* Seconds since the collector, and so the process, started. */
int64_t metrics_uptime_seconds(const struct metrics_collector *collector);

void metrics_system_status(struct metrics_collector *collector, struct arena *arena,
                           struct system_status *ret_status);

/* Notes how the components are now; the worst since the last snapshot is what a snapshot keeps. */
void metrics_sample(struct metrics_collector *collector);
/* Writes one row for each metric. A scheduled task, each five minutes. */
bool metrics_snapshot(struct metrics_collector *collector, struct error *err);
/* Deletes snapshots older than `days`. A scheduled task. */
bool metrics_retain(struct metrics_collector *collector, int days, int64_t *ret_deleted, struct error *err);

#define SNAPSHOT_INTERVAL_MS (5 * MINUTE_MS)
#define METRIC_TABLE(X)                                                                                      \
    X(METRIC_TOTAL_TENANTS, "total_tenants")                                                                 \
    X(METRIC_CONVERSATIONS_TODAY, "conversations_today")                                                     \
    X(METRIC_PENDING_FEEDBACKS, "pending_feedbacks")                                                         \
    X(METRIC_API_CALLS_TODAY, "api_calls_today")                                                             \
    X(METRIC_ESTIMATED_COST_TODAY, "estimated_cost_today")                                                   \
    X(METRIC_UNSYNCED_QA_PAIRS, "unsynced_qa_pairs")
enum metric {
#define X(metric, name) metric,
    METRIC_TABLE(X)
#undef X
        METRIC_COUNT
};
const char *metric_name(enum metric metric);
/* What a snapshot holds. `kimono demo` writes those of the past. */
struct metrics_reading {
    int64_t at;
    double values[METRIC_COUNT];                /* NaN: could not be read */
    enum health_status status[COMPONENT_COUNT]; /* the worst since the reading before */
    int64_t trouble_since[COMPONENT_COUNT];     /* ms; 0 or INT_NULL: it is well now */
    double latency_ms[COMPONENT_COUNT];
};
/* Within a transaction. */
bool metrics_reading_add(struct db *db, const struct metrics_reading *reading, struct error *err);

/* metric_type of a component's status rows (value: enum health_status) and latency rows (ms). */
#define METRIC_COMPONENT_STATUS "component_status."
#define METRIC_COMPONENT_LATENCY "component_latency."

#endif
