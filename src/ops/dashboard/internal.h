/* Shared by the files of the metrics collector only. */
#ifndef KIMONO_OPS_DASHBOARD_INTERNAL_H
#define KIMONO_OPS_DASHBOARD_INTERNAL_H

#include <pthread.h>

#include "ops/dashboard/metrics_collector.h"

struct metrics_collector {
    struct platform *platform;
    const char *version;
    int64_t started_at; /* ms; what is shown */
    int64_t started_us; /* monotonic; what uptime is counted from */
    pthread_mutex_t lock;
    enum health_status worst[COMPONENT_COUNT]; /* since the last snapshot; under the lock */
};

extern const char *const health_status_values[];
extern const struct descriptor component_state_descriptor;

/* Of two readings the greater one is kept; any replaces 'unknown'. */
static inline int metrics_badness(enum health_status status)
{
    return status == HEALTH_UNKNOWN ? -1 : (int)status;
}

/* COMPONENT_COUNT of them. */
struct component_state *metrics_component_states(struct metrics_collector *collector, struct arena *arena);

#endif
