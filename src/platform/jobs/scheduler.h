/* Timed work, from one table that the app gives: one thread starts what is due, one job at a time.
 * Each run is a log row with its duration and result. Intervals run on the monotonic clock, so a wall
 * clock that jumps moves nothing. */
#ifndef KIMONO_PLATFORM_JOBS_SCHEDULER_H
#define KIMONO_PLATFORM_JOBS_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "platform/platform.h"
#include "platform/tenants/gate.h"

struct scheduled_job {
    const char *name;
    const char *title[LANGUAGE_COUNT];                       /* as a person reads it */
    int64_t first_ms;                                        /* after the start */
    int64_t (*interval_ms)(const struct platform *platform); /* asked before each wait */
    bool (*enabled)(const struct platform *platform);        /* NULL: always */
    /* `ret_summary`: what was done, in figures, for the log; "" when nothing worth a row. */
    bool (*run)(void *context, char *ret_summary, size_t size, struct error *err);
    void *context;
    enum tenant_gate gate; /* what it asks for each tenant that it serves; 0, a forgotten one, is closed */
    /* What concerns the process itself, and so runs in each. All else runs in one of those that serve a store: the
     * one that runs its jobs (jobs_is_runner). */
    bool everywhere;
};

/* `jobs` and what it names must live until scheduler_stop. Of jobs that are due together the one that
 * is due longest goes first. NULL: no thread could be started. */
struct scheduler *scheduler_start(struct platform *platform, const struct scheduled_job *jobs, size_t count);
/* Lets the running job finish; one that can take long asks scheduler_stopping between its steps. Takes
 * NULL. */
void scheduler_stop(struct scheduler *scheduler);
/* Ends the thread and starts it anew with every job due as at the start; for restart-scheduler. */
bool scheduler_restart(struct scheduler *scheduler, int64_t *ret_jobs, struct error *err);

/* For a job that is running: the scheduler is to stop, so end at the next whole step; what is left is
 * done by the next run. Always false on a thread that is not a scheduler's. */
bool scheduler_stopping(void);

struct scheduler_state {
    int64_t last_beat_us;  /* clock_monotonic_us when the thread was last seen alive */
    const char *running;   /* name of the running job, NULL: none */
    int64_t running_ms;    /* how long it has been running */
    bool stands_by;        /* another process runs all that is due */
    const char *next_name; /* the job that is due next; NULL: none is enabled */
    const char *const *running_title, *const *next_title; /* [LANGUAGE_COUNT] of these two, or NULL */
    int64_t next_in_ms;                                   /* 0: it is due */
    int64_t runs, failures;                               /* since the start */
    int64_t failed_us;                    /* clock_monotonic_us when the newest failed run ended */
    const char *const *failed_title;      /* [LANGUAGE_COUNT]; NULL when it has succeeded since */
    char last_error[LANGUAGE_COUNT][160]; /* of that run, "" when it has succeeded since */
};
void scheduler_get_state(struct scheduler *scheduler, struct scheduler_state *ret_state);

#endif
