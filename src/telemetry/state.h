/* Private to telemetry/: what one open telemetry is made of. */
#ifndef KIMONO_TELEMETRY_STATE_H
#define KIMONO_TELEMETRY_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "telemetry/engine.h"
#include "telemetry/log_queue.h"
#include "telemetry/telemetry.h"

struct telemetry {
    struct store *main_store;
    struct engine *engine;
    int64_t queue_ceiling;
    _Atomic int64_t usd_cny_rate;
    _Atomic int64_t waiting; /* records handed over and not yet written */

    /* The queue of log rows and its thread (log_flusher.c). */
    pthread_mutex_t log_lock;
    pthread_cond_t log_arrived, log_flushed;
    struct log_queue logs;
    struct log_taken unwritten; /* the thread's own: taken from the queue */
    atomic_bool disk_low;       /* log rows are given up for the disk's reserve */
    bool spared;                /* … some of dropped_unlogged were; log_lock */
    int64_t dropped_unlogged;   /* since the last log row about them; log_lock */
    uint64_t flush_wanted, flush_done;
    bool log_failed; /* the last flush failed: `log_error` says how */
    bool log_full;   /* many wait: the thread has been woken */
    struct error log_error;
    bool closing;
    pthread_t flusher;

    pthread_mutex_t stats_lock;
    struct telemetry_stats stats;
};

/* log_flusher.c */
void log_flusher_start(struct telemetry *telemetry);
/* Counts log rows that the disk's reserve costs. */
void log_flusher_spare(struct telemetry *telemetry, int64_t count);
void log_flusher_stop(struct telemetry *telemetry); /* writes what waits, or prints how much is lost */

/* telemetry.c: rows of one day, sorted out by the caller; counts them in the stats. */
bool telemetry_write_day(struct telemetry *telemetry, int32_t day, struct day_batch *batch,
                         struct error *err);

/* roll_over.c: rows of a day that has ended were written; totals in the main store of an earlier revision are out of
 * date. */
bool day_totals_invalidate(struct telemetry *telemetry, int32_t day, struct error *err);
/* Within a work on the main store: the day's rows, which are the same, have another recorder now. */
bool day_totals_adopt(struct db *db, int32_t day, const struct day_info *old_info,
                      const struct day_info *new_info, struct error *err);

#endif
