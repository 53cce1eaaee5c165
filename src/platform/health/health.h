/* Health of the components, from real calls first, from a probe when a component has been idle. A
 * reading that is too old is 'unknown', never shown as healthy. Kept in memory; the metrics collector
 * writes it to metrics_snapshots for the 24-hour strip. */
#ifndef KIMONO_PLATFORM_HEALTH_HEALTH_H
#define KIMONO_PLATFORM_HEALTH_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "platform/platform.h"

enum component {
    COMPONENT_DATABASE,
    COMPONENT_VECTOR_STORE,
    COMPONENT_LLM,
    COMPONENT_SCHEDULER,
    COMPONENT_TELEMETRY,
    COMPONENT_COUNT
};
enum health_status { HEALTH_HEALTHY, HEALTH_DEGRADED, HEALTH_UNHEALTHY, HEALTH_UNKNOWN };

const char *component_name(enum component component); /* database, vector_store, llm, scheduler, telemetry */
const char *health_status_name(enum health_status status);

#define HEALTH_MESSAGE_SIZE 256
#define HEALTH_STALE_MS 90000 /* older than this is unknown */
#define HEALTH_IDLE_MS 25000  /* without a real call for this long, a probe is made */

struct health *health_new(void);
void health_free(struct health *health); /* takes NULL */

/* A call ended, a tenant's or nobody's (NULL). Success, duration and, on failure, why. Any thread; cheap while
 * all is well. `health` NULL: nothing is recorded (the command line). */
void health_report(struct health *health, enum component component, const char *tenant_id, bool success,
                   int64_t latency_us, const struct error *why);
/* What the process before has left: if the component is not well from the start, it has been so since then. */
void health_resume(struct health *health, enum component component, int64_t since);

/* Until the next probe the component is no better than this, for this reason (HEALTH_HEALTHY: NULL). */
void health_limit(struct health *health, enum component component, enum health_status limit,
                  const struct error *why);
/* A call failed because the component cannot do its work at all, whatever went well before. */
void health_report_down(struct health *health, enum component component, const struct error *why);

/* Status from the last minute's calls: unhealthy when the newest failed and at least half did (or the
 * only one), degraded when more than a tenth failed or p95 is above the component's slow limit. */
struct health_reading {
    enum health_status status;
    double latency_ms;     /* of the newest call; NaN: none */
    double p95_latency_ms; /* of the last minute; NaN: none */
    int64_t last_check;    /* ms; INT_NULL: never */
    int64_t since;         /* ms; since when it is degraded or unhealthy; INT_NULL: it is not */
    int64_t failed_calls;  /* since then */
    int64_t tenants;       /* whose calls those were; more than 1,000 are not counted */
    char message[LANGUAGE_COUNT][HEALTH_MESSAGE_SIZE];
    const char *provider; /* "SQLite", "embedded", "Pinecone" … */
};
void health_read(struct platform *platform, enum component component, struct health_reading *ret_reading);
/* Worst of all that are known; unknown when one is unknown and none is worse than healthy. */
enum health_status health_overall(struct platform *platform);

/* Probes what has been idle, and the two writers' commits. A scheduled task, each 10 seconds. A failed
 * probe is a reading, not a failure of the task. */
bool health_probe(struct platform *platform, struct error *err);

/* The rule itself, without clock or lock, for health_read and its tests. */
struct health_sample {
    int64_t at_us; /* monotonic */
    int64_t latency_us;
    bool success;
    uint64_t tenant; /* a mark of whose call it was; 0: nobody's */
};
struct health_verdict {
    enum health_status status;
    size_t calls, failed;                     /* within the last minute, or only the newest */
    double newest_latency_us, p95_latency_us; /* NaN: none */
};
/* `samples` in any order. Judged are those of the minute before `now_us`; when there are none, the
 * newest alone, until it is older than HEALTH_STALE_MS. */
struct health_verdict health_judge(const struct health_sample *samples, size_t count, int64_t now_us,
                                   int64_t slow_us);
/* The scheduler's own rule, from its last beat and the task that it runs (0: none). */
enum health_status health_judge_beat(int64_t since_beat_ms, int64_t running_ms);

#endif
