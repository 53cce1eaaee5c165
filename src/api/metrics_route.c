/* GET /metrics: the Prometheus text format (version 0.0.4), for whoever watches from outside. */
#include <stdio.h>
#include <unistd.h>

#include "api/endpoints.h"
#include "api/request_metrics.h"
#include "base/clock.h"
#include "platform/health/health.h"
#include "platform/jobs/jobs.h"
#include "platform/jobs/scheduler.h"
#include "platform/tenants/activity.h"
#include "platform/tenants/counters.h"
#include "store/store.h"
#include "telemetry/telemetry.h"

#define TENANT_SERIES 50 /* tenants that have series of their own: the busiest of the day */

static void put_metric(struct strbuf *out, const char *name, const char *type, const char *help, double value)
{
    strbuf_printf(out, "# HELP kimono_%s %s\n# TYPE kimono_%s %s\nkimono_%s %.15g\n", name, help, name, type,
                  name, value);
}

static void put_job_metrics(struct strbuf *out, struct db *db)
{
    struct job_counts counts;
    struct error err;
    if (!job_count_open(db, &counts, &err))
        return;
    strbuf_printf(out,
                  "# HELP kimono_jobs Jobs that have not ended.\n# TYPE kimono_jobs gauge\n"
                  "kimono_jobs{status=\"queued\"} %lld\nkimono_jobs{status=\"running\"} %lld\n",
                  (long long)counts.queued, (long long)counts.running);
    put_metric(
        out, "jobs_oldest_queued_seconds", "gauge", "How long the oldest job has waited.",
        counts.oldest_queued_at == INT_NULL ? 0 : (double)(clock_now_ms() - counts.oldest_queued_at) / 1000);
}

/* However many tenants there are; kimono_tenants says how many have none. */
static void put_tenant_metrics(struct strbuf *out, struct db *db, struct arena *arena)
{
    struct activity_top top[TENANT_SERIES];
    size_t count;
    struct error err;
    if (!activity_top_tenants(db, clock_now_ms(), TENANT_SERIES, arena, top, &count, &err))
        return;
    strbuf_printf(
        out,
        "# HELP kimono_tenant_conversations_today Conversations of today, of the %d busiest tenants.\n"
        "# TYPE kimono_tenant_conversations_today gauge\n",
        TENANT_SERIES);
    for (size_t i = 0; i < count; i++)
        strbuf_printf(out, "kimono_tenant_conversations_today{tenant_id=\"%s\"} %lld\n", top[i].tenant_id,
                      (long long)top[i].conversations);
}

/* Without a store that can be read these figures are left out; put_component_metrics says why. */
static void put_counter_metrics(struct strbuf *out, struct platform *platform, struct arena *arena)
{
    int64_t values[COUNTER_COUNT];
    struct error err;
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (!store_reader(platform->store, READ_LIMIT_MS, &db, &err) || !counters_read(db, values, &err))
        return;
    put_metric(out, "tenants", "gauge", "Tenants.", (double)values[COUNTER_TENANTS]);
    put_metric(out, "active_tenants", "gauge", "Tenants that are not suspended.",
               (double)values[COUNTER_ACTIVE_TENANTS]);
    put_metric(out, "qa_pairs", "gauge", "Question-answer pairs.", (double)values[COUNTER_QA_PAIRS]);
    put_metric(out, "unsynced_qa_pairs", "gauge",
               "Pairs of active tenants whose text the vector index lacks.",
               (double)(values[COUNTER_UNSYNCED_QA_PAIRS] - values[COUNTER_HELD_BACK_QA_PAIRS]));
    put_metric(out, "held_back_qa_pairs", "gauge", "Pairs that it lacks because their tenant is suspended.",
               (double)values[COUNTER_HELD_BACK_QA_PAIRS]);
    put_metric(out, "pending_feedbacks", "gauge", "Feedback that waits.",
               (double)values[COUNTER_PENDING_FEEDBACKS]);
    put_job_metrics(out, db);
    put_tenant_metrics(out, db, arena);
}

static void put_store_metrics(struct strbuf *out, struct platform *platform)
{
    struct store_stats store;
    store_get_stats(platform->store, &store);
    put_metric(out, "store_queue_length", "gauge", "Writes that wait for the writer.",
               (double)store.queue_length);
    put_metric(out, "store_commits_total", "counter", "Commits of the main store.", (double)store.commits);
    put_metric(out, "store_failed_commits_total", "counter", "Commits that failed.",
               (double)store.failed_commits);
    put_metric(out, "store_writer_lag_seconds", "gauge",
               "How long the oldest write has waited for the writer.", (double)store.oldest_wait_us / 1e6);
    put_metric(out, "store_last_commit_seconds", "gauge", "Duration of the last commit of the main store.",
               (double)store.last_commit_us / 1e6);
    if (store.bytes != INT_NULL)
        put_metric(out, "store_bytes", "gauge", "Size of the main store.", (double)store.bytes);
    if (store.wal_bytes != INT_NULL)
        put_metric(out, "store_wal_bytes", "gauge", "Size of its write-ahead log.", (double)store.wal_bytes);
}

static void put_pool_metrics(struct strbuf *out, const struct api *api)
{
    const struct {
        const char *name;
        struct worker_pool *pool;
    } pools[] = {{"worker", api->workers}, {"heavy", api->heavy}, {"ingest", api->ingest}};
    struct worker_pool_stats stats[ARRAY_SIZE(pools)];
    static const struct {
        const char *name, *type, *help;
    } figures[] = {
        {"threads", "gauge", "Threads of the pool."},
        {"running", "gauge", "Requests that it works on."},
        {"waiting", "gauge", "Requests that wait for it."},
        {"refused_total", "counter", "Requests that found no room."},
    };
    for (size_t pool = 0; pool < ARRAY_SIZE(pools); pool++)
        worker_pool_get_stats(pools[pool].pool, &stats[pool]);
    for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
        const char *name = figures[i].name;
        strbuf_printf(out, "# HELP kimono_workers_%s %s\n# TYPE kimono_workers_%s %s\n", name,
                      figures[i].help, name, figures[i].type);
        for (size_t pool = 0; pool < ARRAY_SIZE(pools); pool++) {
            const int64_t values[] = {(int64_t)stats[pool].threads, (int64_t)stats[pool].running,
                                      (int64_t)stats[pool].waiting, stats[pool].refused};
            strbuf_printf(out, "kimono_workers_%s{pool=\"%s\"} %lld\n", name, pools[pool].name,
                          (long long)values[i]);
        }
    }
}

static void put_telemetry_metrics(struct strbuf *out, struct platform *platform)
{
    struct telemetry_stats stats;
    telemetry_get_stats(platform->telemetry, &stats);
    put_metric(out, "telemetry_queued", "gauge", "Records that wait.", (double)stats.queued);
    put_metric(out, "telemetry_last_commit_seconds", "gauge", "Duration of the last commit of telemetry.",
               (double)stats.last_commit_us / 1e6);
    put_metric(out, "telemetry_failed_commits_total", "counter", "Commits of telemetry that failed.",
               (double)stats.failed_commits);
    put_metric(out, "telemetry_usage_rows_total", "counter", "Usage rows written.",
               (double)stats.written_usage);
    put_metric(out, "telemetry_log_rows_total", "counter", "Log rows written.", (double)stats.written_logs);
    put_metric(out, "telemetry_spared_logs_total", "counter", "Log rows given up for the disk's reserve.",
               (double)stats.spared_logs);
    put_metric(out, "telemetry_dropped_logs_total", "counter", "Log rows lost to a full queue.",
               (double)stats.dropped_logs);
}

static void put_connection_metrics(struct strbuf *out, struct http_connection_counts *counts)
{
    put_metric(out, "http_connections", "gauge", "Open connections.", (double)atomic_load(&counts->open));
    put_metric(out, "http_connections_given_way_total", "counter",
               "Connections ended to make room for new ones.", (double)atomic_load(&counts->gave_way));
    put_metric(out, "http_connections_refused_total", "counter",
               "Connections refused: all taken and at work.", (double)atomic_load(&counts->refused_full));
    put_metric(out, "http_connections_refused_address_total", "counter",
               "Connections refused: the address held as many as one may.",
               (double)atomic_load(&counts->refused_each));
}

static void put_component_metrics(struct strbuf *out, struct platform *platform)
{
    strbuf_puts(out, "# HELP kimono_component_status 0 healthy, 1 degraded, 2 unhealthy, 3 unknown.\n"
                     "# TYPE kimono_component_status gauge\n");
    for (int i = 0; i < COMPONENT_COUNT; i++) {
        struct health_reading reading;
        health_read(platform, (enum component)i, &reading);
        strbuf_printf(out, "kimono_component_status{component=\"%s\"} %d\n",
                      component_name((enum component)i), (int)reading.status);
    }
}

static void put_scheduler_metrics(struct strbuf *out, const struct platform *platform)
{
    struct scheduler *const schedulers[] = {platform->scheduler, platform->housekeeping};
    int64_t runs = 0, failures = 0;
    for (size_t i = 0; i < ARRAY_SIZE(schedulers); i++) {
        struct scheduler_state state;
        if (!schedulers[i])
            continue;
        scheduler_get_state(schedulers[i], &state);
        runs += state.runs;
        failures += state.failures;
    }
    put_metric(out, "scheduled_runs_total", "counter", "Runs of scheduled tasks.", (double)runs);
    put_metric(out, "scheduled_failures_total", "counter", "Those that failed.", (double)failures);
}

/* Pages in memory are the second figure of /proc/self/statm (proc(5)). */
static double resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long size, resident = 0;
    if (file && fscanf(file, "%ld %ld", &size, &resident) != 2)
        resident = 0;
    if (file)
        fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

bool metrics_get(struct call *call, struct error *err)
{
    struct http_request *request = call->request;
    struct strbuf *out = &request->response.body;
    (void)err;
    request_metrics_write(call->api->request_metrics, out);
    put_counter_metrics(out, call->platform, call->arena);
    put_store_metrics(out, call->platform);
    put_telemetry_metrics(out, call->platform);
    put_connection_metrics(out, &call->api->connections);
    put_component_metrics(out, call->platform);
    put_pool_metrics(out, call->api);
    put_scheduler_metrics(out, call->platform);
    put_metric(out, "memory_overruns_total", "counter",
               "Pieces of work that wanted more memory than they may take.", (double)arena_overrun_count());
    put_metric(out, "process_resident_memory_bytes", "gauge", "Memory in use.", resident_bytes());
    put_metric(out, "uptime_seconds", "gauge", "Seconds since the start.",
               (double)metrics_uptime_seconds(call->api->metrics));
    request->response.status = 200;
    request->response.content_type = call->route->content_type;
    request->response.no_etag = true;
    return true;
}
