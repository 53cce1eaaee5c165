/* Walking through the log rows of one day in the order of their instants, one way or the other. Private to
 * telemetry/. */
#ifndef KIMONO_TELEMETRY_LOGS_LOG_WALK_H
#define KIMONO_TELEMETRY_LOGS_LOG_WALK_H

#include "telemetry/engine.h"
#include "telemetry/logs/log_match.h"

/* A row's place in the order of its day. */
struct log_key {
    int64_t timestamp, lane, row;
};
#define LOG_KEY_FIRST ((struct log_key){INT64_MIN, INT64_MIN, INT64_MIN})
#define LOG_KEY_LAST ((struct log_key){INT64_MAX, INT64_MAX, INT64_MAX})

int log_key_compare(const struct log_key *a, const struct log_key *b);

typedef bool (*log_walk_sink)(void *context, int32_t day, const struct log_key *key,
                              const struct log_record *record, struct error *err);

struct log_walk {
    struct log_matcher *matcher;
    bool newest_first;
    struct log_key behind; /* only rows that come behind it on the way */
    size_t limit;
    int64_t deadline_us; /* clock_monotonic_us */
    log_walk_sink sink;
    void *context;
    /* Out. `stopped`: the time was over; all rows on the way up to `resume` were handed to the sink. */
    bool stopped;
    struct log_key resume;
};

/* Nothing for a day that is not here. */
bool log_walk_day(struct engine *engine, int32_t day, struct log_walk *walk, struct error *err);

#endif
