/* Scheduled tasks: timed work, from tables that the rooms export (their tasks.h) and app.c lists. One thread starts
 * what is due, one task at a time. Each run is a log row with its duration and result.
 *
 * Of all processes that share a store, one runs a task: the one that holds the lease of its name (store/lease.h), until
 * it ends; what it writes is fenced by that lease. The row in scheduled_tasks says when the task was last begun, so who
 * takes over goes on in its rhythm, and makes up at once for a run that was cut off. Intervals run on the monotonic
 * clock; the wall clock is read only at a take-over, and one that jumped makes that run early, or late by one
 * interval. */
#ifndef KIMONO_PLATFORM_JOBS_SCHEDULER_H
#define KIMONO_PLATFORM_JOBS_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "platform/platform.h"
#include "platform/tenants/gate.h"
#include "settings/settings.h"
#include "store/lease.h"

struct scheduled_task {
    const char *name;
    const char *title[LANGUAGE_COUNT]; /* as a person reads it */
    int64_t first_ms;                  /* not sooner after the process's start */
    int64_t every_ms;                  /* from the begin of one run to that of the next */
    int64_t (*interval_ms)(const struct settings *settings); /* in its place; asked before each wait */
    bool (*enabled)(const struct settings *settings);        /* NULL: always */
    /* `context`: the room's. `ret_summary`: what was done, in figures, for the log; "" when nothing worth a row. */
    bool (*run)(void *context, char *ret_summary, size_t size, struct error *err);
    enum tenant_gate gate; /* what it asks for each tenant that it serves; 0, a forgotten one, is closed */
    bool everywhere;       /* concerns the process itself: runs in each, under no lease */
    bool on_news; /* and at once when another process says that there is something new (store/news.h) */
    bool quick;   /* takes no time: has a thread apart, which tasks that take long do not hold up */
};

/* What a room exports: `const struct scheduled_tasks chat_tasks = SCHEDULED_TASKS(rows);` */
struct scheduled_tasks {
    const struct scheduled_task *rows;
    size_t count;
};
#define SCHEDULED_TASKS(rows)                                                                                \
    {                                                                                                        \
        rows, ARRAY_SIZE(rows)                                                                               \
    }

struct scheduled_room {
    const struct scheduled_tasks *tasks;
    void *context; /* of their runs */
};

/* Whether each row says what it must, and no two have one name: ERROR_INTERNAL names the one that does not. */
bool scheduled_tasks_check(const struct scheduled_room *rooms, size_t count, struct error *err);

/* Runs the tasks that are quick, or those that are not; `rooms` are copied, what they name must live until
 * scheduler_stop. Of tasks that are due together the one that is due longest goes first. Without
 * platform->lease_holder there is no other process, and no run is stored. NULL: no thread could be started. */
struct scheduler *scheduler_start(struct platform *platform, const struct scheduled_room *rooms, size_t count,
                                  bool quick);
/* Lets the running task finish; one that can take long asks scheduler_stopping between its steps. Takes NULL. */
void scheduler_stop(struct scheduler *scheduler);
/* There are news: the tasks that wait for them are due. Takes NULL. */
void scheduler_notify_news(struct scheduler *scheduler);
/* Ends the thread and starts it anew; for restart-scheduler. */
bool scheduler_restart(struct scheduler *scheduler, int64_t *ret_tasks, struct error *err);

/* For a task that is running: the scheduler is to stop, or another process may have taken the task over: so end at the
 * next whole step; what is left is done by the next run. Always false on a thread that is not a scheduler's. */
bool scheduler_stopping(void);

struct scheduler_state {
    int64_t last_beat_us; /* clock_monotonic_us when the thread was last seen alive */
    const char *running;  /* name of the running task, NULL: none */
    int64_t running_ms;   /* how long it has been running */
    size_t here;          /* tasks that this process runs */
    size_t elsewhere;     /* that another one runs */
    int64_t since;        /* wall clock: when the newest of these leases was taken; INT_NULL: there is none */
    int64_t processes;    /* that share the store; 0: there are no leases */
    const char *next_name; /* the task that is due next; NULL: none is enabled here */
    const char *const *running_title, *const *next_title; /* [LANGUAGE_COUNT] of these two, or NULL */
    int64_t next_in_ms;                                   /* 0: it is due */
    int64_t runs, failures;                               /* since the start */
    int64_t failed_us;                    /* clock_monotonic_us when the newest failed run ended */
    const char *const *failed_title;      /* [LANGUAGE_COUNT]; NULL when it has succeeded since */
    char last_error[LANGUAGE_COUNT][160]; /* of that run, "" when it has succeeded since */
};
void scheduler_get_state(struct scheduler *scheduler, struct scheduler_state *ret_state);

/* Whether some process is running the task of this name, as far as the store knows. */
bool scheduled_task_is_running(struct db *db, const char *name, bool *ret_running, struct error *err);

#endif
