#include "platform/jobs/scheduler.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "platform/jobs/jobs.h"

#define BEAT_US 500000 /* the thread wakes at least so often: a changed interval holds at once */
#define SUMMARY_SIZE 256

struct timed {
    const struct scheduled_job *job;
    int64_t started_us; /* the last run; 0: not yet */
};

struct scheduler {
    struct platform *platform;
    const struct scheduled_job *jobs;
    size_t count;
    pthread_mutex_t control; /* start, stop and restart, one at a time */
    pthread_t thread;
    bool has_thread;      /* with `control` */
    pthread_mutex_t lock; /* all below */
    pthread_cond_t wake;  /* by the monotonic clock */
    atomic_bool stopping;
    int64_t born_us;
    struct timed *timed;
    struct scheduler_state state;
};

static _Thread_local struct scheduler *own; /* of a scheduler's thread */

bool scheduler_stopping(void)
{
    return own && own->stopping;
}

static int64_t due_us(const struct scheduler *scheduler, const struct timed *timed)
{
    if (timed->started_us == 0)
        return scheduler->born_us + timed->job->first_ms * 1000;
    return timed->started_us + timed->job->interval_ms(scheduler->platform) * 1000;
}

/* Without the jobs (a test, a command) there is no other process that could do it. */
static bool runs_here(const struct scheduler *scheduler, const struct scheduled_job *job)
{
    const struct jobs *jobs = scheduler->platform->jobs;
    return job->everywhere || !jobs || jobs_is_runner(jobs);
}

/* The enabled job that is due first; NULL: none is enabled. */
static struct timed *next_due(struct scheduler *scheduler, int64_t *ret_due_us)
{
    struct timed *next = NULL;
    for (size_t i = 0; i < scheduler->count; i++) {
        struct timed *timed = &scheduler->timed[i];
        if (!runs_here(scheduler, timed->job) ||
            (timed->job->enabled && !timed->job->enabled(scheduler->platform)))
            continue;
        int64_t due = due_us(scheduler, timed);
        if (!next || due < *ret_due_us) {
            next = timed;
            *ret_due_us = due;
        }
    }
    return next;
}

static void wait_until(struct scheduler *scheduler, int64_t until_us)
{
    struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
    pthread_cond_timedwait(&scheduler->wake, &scheduler->lock, &until);
}

static void log_run(const char *name, bool done, const char *summary, const struct error *err, int64_t us)
{
    if (!done)
        log_error("scheduler", "%s failed after %" PRId64 " ms: %s", name, us / 1000,
                  err->detail[LANGUAGE_EN]);
    else if (summary[0])
        log_info("scheduler", "%s: %s (%" PRId64 " ms)", name, summary, us / 1000);
}

static size_t cut_length(const char *text)
{
    return utf8_cut(text, strlen(text), sizeof(((struct scheduler_state *)0)->last_error) - 1);
}

/* With the lock, which is given up while the job runs. */
static void run_job(struct scheduler *scheduler, struct timed *timed)
{
    const struct scheduled_job *job = timed->job;
    char summary[SUMMARY_SIZE] = "";
    struct error err;
    error_clear(&err);
    timed->started_us = clock_monotonic_us();
    scheduler->state.running = job->name;
    pthread_mutex_unlock(&scheduler->lock);
    arena_forget_overrun();
    bool done = job->run(job->context, summary, sizeof(summary), &err);
    log_run(job->name, done, summary, &err, clock_monotonic_us() - timed->started_us);
    pthread_mutex_lock(&scheduler->lock);
    scheduler->state.running = NULL;
    scheduler->state.runs++;
    scheduler->state.failures += !done;
    scheduler->state.failed_title = done ? NULL : job->title;
    if (!done)
        scheduler->state.failed_us = clock_monotonic_us();
    for (int language = 0; language < LANGUAGE_COUNT; language++) {
        char *last_error = scheduler->state.last_error[language];
        size_t length = done ? 0 : cut_length(err.detail[language]);
        memcpy(last_error, err.detail[language], length);
        last_error[length] = '\0';
    }
}

static void *scheduler_main(void *context)
{
    struct scheduler *scheduler = own = context;
    pthread_mutex_lock(&scheduler->lock);
    while (!scheduler->stopping) {
        int64_t now = clock_monotonic_us(), due = INT64_MAX;
        struct timed *next = next_due(scheduler, &due);
        scheduler->state.last_beat_us = now;
        if (next && due <= now)
            run_job(scheduler, next);
        else
            wait_until(scheduler, due < now + BEAT_US ? due : now + BEAT_US);
    }
    pthread_mutex_unlock(&scheduler->lock);
    return NULL;
}

/* With `control`. */
static bool start_thread(struct scheduler *scheduler, struct error *err)
{
    int64_t now = clock_monotonic_us();
    pthread_mutex_lock(&scheduler->lock);
    scheduler->stopping = false;
    scheduler->born_us = now;
    scheduler->state = (struct scheduler_state){.last_beat_us = now};
    for (size_t i = 0; i < scheduler->count; i++)
        scheduler->timed[i] = (struct timed){.job = &scheduler->jobs[i]};
    pthread_mutex_unlock(&scheduler->lock);
    int failure = pthread_create(&scheduler->thread, NULL, scheduler_main, scheduler);
    scheduler->has_thread = failure == 0;
    return scheduler->has_thread ||
           error_set(err, ERROR_INTERNAL, "The scheduler's thread cannot be started: %s",
                     "无法启动调度器线程：%s", strerror(failure));
}

static void stop_thread(struct scheduler *scheduler)
{
    pthread_mutex_lock(&scheduler->lock);
    scheduler->stopping = true;
    pthread_cond_signal(&scheduler->wake);
    pthread_mutex_unlock(&scheduler->lock);
    if (scheduler->has_thread)
        pthread_join(scheduler->thread, NULL);
    scheduler->has_thread = false;
}

static void scheduler_free(struct scheduler *scheduler)
{
    pthread_cond_destroy(&scheduler->wake);
    pthread_mutex_destroy(&scheduler->lock);
    pthread_mutex_destroy(&scheduler->control);
    free(scheduler->timed);
    free(scheduler);
}

static struct scheduler *scheduler_new(struct platform *platform, const struct scheduled_job *jobs,
                                       size_t count)
{
    struct scheduler *scheduler = xcalloc(1, sizeof(*scheduler));
    scheduler->platform = platform;
    scheduler->jobs = jobs;
    scheduler->count = count;
    scheduler->timed = xcalloc(count + 1, sizeof(*scheduler->timed));
    pthread_mutex_init(&scheduler->control, NULL);
    pthread_mutex_init(&scheduler->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&scheduler->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    return scheduler;
}

struct scheduler *scheduler_start(struct platform *platform, const struct scheduled_job *jobs, size_t count)
{
    struct scheduler *scheduler = scheduler_new(platform, jobs, count);
    struct error err;
    error_clear(&err);
    if (start_thread(scheduler, &err))
        return scheduler;
    log_error("scheduler", "%s", err.detail[LANGUAGE_EN]);
    scheduler_free(scheduler);
    return NULL;
}

void scheduler_stop(struct scheduler *scheduler)
{
    if (!scheduler)
        return;
    pthread_mutex_lock(&scheduler->control);
    stop_thread(scheduler);
    pthread_mutex_unlock(&scheduler->control);
    scheduler_free(scheduler);
}

bool scheduler_restart(struct scheduler *scheduler, int64_t *ret_jobs, struct error *err)
{
    pthread_mutex_lock(&scheduler->control);
    stop_thread(scheduler);
    bool started = start_thread(scheduler, err);
    pthread_mutex_unlock(&scheduler->control);
    if (!started)
        return false;
    log_info("scheduler", "restarted with %zu jobs", scheduler->count);
    *ret_jobs = (int64_t)scheduler->count;
    return true;
}

void scheduler_get_state(struct scheduler *scheduler, struct scheduler_state *ret_state)
{
    int64_t now = clock_monotonic_us(), due = 0;
    pthread_mutex_lock(&scheduler->lock);
    *ret_state = scheduler->state;
    const struct timed *next = next_due(scheduler, &due);
    for (size_t i = 0; ret_state->running && i < scheduler->count; i++)
        if (scheduler->timed[i].job->name == ret_state->running) {
            ret_state->running_ms = (now - scheduler->timed[i].started_us) / 1000;
            ret_state->running_title = scheduler->timed[i].job->title;
        }
    ret_state->stands_by = true;
    for (size_t i = 0; i < scheduler->count; i++)
        ret_state->stands_by &= !runs_here(scheduler, scheduler->timed[i].job);
    ret_state->next_name = next ? next->job->name : NULL;
    ret_state->next_title = next ? next->job->title : NULL;
    ret_state->next_in_ms = next && due > now ? (due - now) / 1000 : 0;
    pthread_mutex_unlock(&scheduler->lock);
}
