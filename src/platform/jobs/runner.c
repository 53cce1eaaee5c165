/* The threads that run jobs, the lock file that makes their process the only one, and those who wait for
 * a job. One condition is for all of them: `changes` counts what it was signalled for, so that whoever
 * looks at the store first and waits then misses nothing. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/owned_file.h"
#include "platform/jobs/private.h"
#include "settings/settings.h"

#define SLOTS 2                  /* jobs that run at a time */
#define LOOK_US INT64_C(1000000) /* between two looks for what another process did */
#define RETRY_US INT64_C(1000000)
#define RETRY_DOUBLINGS 5 /* of the pause after a failure: 32 seconds at most */
#define ATTEMPTS 6        /* at a run that gets no further */

struct job_slot {
    struct jobs *jobs;
    pthread_t thread;
    bool has_thread;
    atomic_bool told_to_stop; /* the present run has heard that it is to end */
    unsigned failures;        /* in a row; the thread's own */
};

struct jobs {
    struct platform *platform;
    const struct job_kind *kinds;
    size_t kind_count;
    char *lock_path;
    int lock_file; /* -1: none */
    size_t waiters_max;
    atomic_bool stopping; /* set with the lock, read without */
    pthread_mutex_t lock; /* all below */
    pthread_cond_t changed;
    uint64_t changes;
    size_t waiters;
    atomic_bool is_runner; /* set with the lock, read without */
    struct job_slot slots[SLOTS];
};

const struct job_kind *job_kind_find(const struct jobs *jobs, const char *name)
{
    for (size_t i = 0; jobs && i < jobs->kind_count; i++)
        if (strcmp(jobs->kinds[i].name, name) == 0)
            return &jobs->kinds[i];
    return NULL;
}

bool job_stopping(const struct job_run *run)
{
    bool stopping = run->slot && run->slot->jobs->stopping;
    if (stopping)
        run->slot->told_to_stop = true;
    return stopping;
}

bool jobs_is_runner(const struct jobs *jobs)
{
    return jobs->is_runner;
}

/* --- changes */

static void signal_change(struct jobs *jobs)
{
    jobs->changes++;
    pthread_cond_broadcast(&jobs->changed);
}

void jobs_wake(struct jobs *jobs)
{
    if (!jobs)
        return;
    pthread_mutex_lock(&jobs->lock);
    signal_change(jobs);
    pthread_mutex_unlock(&jobs->lock);
}

static uint64_t changes_seen(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    uint64_t seen = jobs->changes;
    pthread_mutex_unlock(&jobs->lock);
    return seen;
}

/* With the lock. */
static void wait_until(struct jobs *jobs, int64_t until_us)
{
    struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
    pthread_cond_timedwait(&jobs->changed, &jobs->lock, &until);
}

/* Until something has changed since `seen`, the process stops, or it is `until_us`. */
static void wait_for_change(struct jobs *jobs, uint64_t seen, int64_t until_us)
{
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->stopping && jobs->changes == seen && clock_monotonic_us() < until_us)
        wait_until(jobs, until_us);
    pthread_mutex_unlock(&jobs->lock);
}

/* Waits the longer the more often in a row it had to. False: the process stops. */
static bool back_off(struct job_slot *slot, const char *what, const struct error *err)
{
    struct jobs *jobs = slot->jobs;
    int64_t pause_us = RETRY_US << (slot->failures < RETRY_DOUBLINGS ? slot->failures : RETRY_DOUBLINGS);
    int64_t until_us = clock_monotonic_us() + pause_us;
    slot->failures++;
    log_error("jobs", "%s; tried again in %lld s: %s", what, (long long)(pause_us / 1000000),
              err->detail[LANGUAGE_EN]);
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->stopping && clock_monotonic_us() < until_us)
        wait_until(jobs, until_us);
    pthread_mutex_unlock(&jobs->lock);
    return !jobs->stopping;
}

/* --- becoming the runner */

static bool try_lock(struct jobs *jobs, bool *ret_locked, struct error *err)
{
    *ret_locked = flock(jobs->lock_file, LOCK_EX | LOCK_NB) == 0;
    if (*ret_locked || errno == EWOULDBLOCK || errno == EINTR)
        return true;
    return error_set(err, ERROR_INTERNAL, "%s cannot be locked: %s; look at the disk that it is on",
                     "无法锁定 %s：%s；请检查其所在磁盘", jobs->lock_path, strerror(errno));
}

/* Waits for the lock as long as another process holds it. */
static void take_lock(struct job_slot *slot)
{
    struct jobs *jobs = slot->jobs;
    bool locked = false;
    while (!jobs->stopping && !locked) {
        struct error err;
        if (!try_lock(jobs, &locked, &err))
            back_off(slot, "The lock of the jobs was not taken", &err);
        else if (!locked)
            wait_for_change(jobs, changes_seen(jobs), clock_monotonic_us() + LOOK_US);
    }
}

static void recover(struct job_slot *slot)
{
    struct jobs *jobs = slot->jobs;
    struct error err;
    int64_t count = 0;
    while (!jobs->stopping && !jobs_recover(jobs->platform->store, jobs, &count, &err))
        back_off(slot, "Jobs of a process that has ended were not taken over", &err);
    slot->failures = 0;
    if (count)
        log_info("jobs", "%lld jobs of a process that has ended were taken over", (long long)count);
}

/* The first thread takes the lock; the others wait for that. */
static void become_runner(struct job_slot *slot)
{
    struct jobs *jobs = slot->jobs;
    if (slot == jobs->slots) {
        take_lock(slot);
        recover(slot);
    }
    pthread_mutex_lock(&jobs->lock);
    if (slot == jobs->slots && !jobs->stopping) {
        jobs->is_runner = true;
        signal_change(jobs);
    }
    while (!jobs->is_runner && !jobs->stopping)
        pthread_cond_wait(&jobs->changed, &jobs->lock);
    pthread_mutex_unlock(&jobs->lock);
}

/* --- one job */

static bool read_row(const struct job_slot *slot, struct arena *arena, struct job *job, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(slot->jobs->platform->store, READ_LIMIT_MS, &db, err) &&
           job_get(db, job->id, arena, job, err);
}

/* The job as its row is now, however long that takes: a run that went on from older figures would forget what was
 * done since. What got further has not failed in a row. False: the process stops. */
static bool look_again(struct job_slot *slot, struct arena *arena, struct job *job)
{
    int64_t done_before = job->progress_done;
    struct error err;
    while (!read_row(slot, arena, job, &err))
        if (!back_off(slot, job->id, &err))
            return false;
    if (job->progress_done > done_before)
        slot->failures = 0;
    return true;
}

static bool run_kind(struct job_slot *slot, const struct job_kind *kind, struct arena *arena, struct job *job,
                     struct error *err)
{
    struct job_run run = {
        .platform = slot->jobs->platform,
        .job = job,
        .actor = {job->user_id, job->username, job->ip_address, job->request_id},
        .arena = arena,
        .jobs = slot->jobs,
        .slot = slot,
    };
    slot->told_to_stop = false;
    for (;;) {
        error_clear(err);
        arena_forget_overrun();
        if (kind->run(&run, err))
            return true;
        if (err->code == ERROR_NONE)
            error_set(err, ERROR_INTERNAL, "The job failed and did not say why.", "任务失败，原因不明。");
        if (!kind->resumes || error_status(err->code) != 503)
            return false;
        bool stopped = !look_again(slot, arena, job);
        if (!stopped && slot->failures + 1 >= ATTEMPTS)
            return false;
        if (stopped || !back_off(slot, job->id, err)) {
            slot->told_to_stop = true;
            return false;
        }
    }
}

/* The status that the run leaves; `err` is the reason of "failed". */
static const char *run_to_end(struct job_slot *slot, struct arena *arena, struct job *job, struct error *err)
{
    const struct job_kind *kind = job_kind_find(slot->jobs, job->kind);
    if (!kind) {
        error_set(
            err, ERROR_INVALID,
            "This version does not know jobs of the kind '%.64s'. Run the version that made it, and ask "
            "again.",
            "此版本不支持类型为“%.64s”的任务。请运行创建它的版本，然后重新发起。", job->kind);
        return "failed";
    }
    bool done = run_kind(slot, kind, arena, job, err);
    if (slot->told_to_stop && kind->resumes)
        return "queued";
    if (slot->told_to_stop && done)
        done = job_error_process_ended(err);
    return done ? "succeeded" : "failed";
}

static void log_run(const struct job *job, int64_t us)
{
    const char *request_id = *job->request_id ? job->request_id : NULL;
    bool again = strcmp(job->status, "queued") == 0;
    log_write(LOG_INFO, "jobs", request_id, "%s %s %s: %lld of %lld done (%lld ms)%s%s", job->kind, job->id,
              again ? "queued again" : job->status, (long long)job->progress_done,
              (long long)job->progress_total, (long long)(us / 1000), job->error_en ? ": " : "",
              job->error_en ? job->error_en : "");
}

/* If the process stops before the end could be written, the next one finds the job running and knows. */
static void run_job(struct job_slot *slot, struct arena *arena, struct job *job)
{
    struct jobs *jobs = slot->jobs;
    struct error why, err;
    int64_t started_us = clock_monotonic_us();
    const char *status = run_to_end(slot, arena, job, &why);
    int64_t us = clock_monotonic_us() - started_us;
    slot->failures = 0;
    while (!job_end_run(jobs->platform->store, status, &why, arena, job, &err))
        if (err.code == ERROR_NOT_FOUND || !back_off(slot, "The end of a job was not written", &err))
            return;
    slot->failures = 0;
    log_run(job, us);
    jobs_wake(jobs);
}

/* --- the threads */

static bool take(struct job_slot *slot, struct arena *arena, struct job *ret_job, bool *ret_found)
{
    struct store *store = slot->jobs->platform->store;
    struct error err;
    *ret_found = false;
    if (!job_waits(store, ret_found, &err) ||
        (*ret_found && !job_take(store, arena, ret_job, ret_found, &err))) {
        back_off(slot, "The jobs that wait could not be looked at", &err);
        return false;
    }
    slot->failures = 0;
    return true;
}

static void *runner_main(void *context)
{
    struct job_slot *slot = context;
    struct jobs *jobs = slot->jobs;
    become_runner(slot);
    while (!jobs->stopping) {
        CLEANUP(arena_release) struct arena arena = {0};
        uint64_t seen = changes_seen(jobs);
        struct job job;
        bool found;
        if (!take(slot, &arena, &job, &found))
            continue;
        if (found)
            run_job(slot, &arena, &job);
        else
            wait_for_change(jobs, seen, clock_monotonic_us() + LOOK_US);
    }
    return NULL;
}

static struct jobs *jobs_new(struct platform *platform, const struct job_kind *kinds, size_t count,
                             const char *lock_path)
{
    struct jobs *jobs = xcalloc(1, sizeof(*jobs));
    jobs->platform = platform;
    jobs->kinds = kinds;
    jobs->kind_count = count;
    jobs->lock_path = xstrdup(lock_path);
    jobs->lock_file = -1;
    jobs->waiters_max = (size_t)settings_now(platform->settings)->workers / 4;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&jobs->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&jobs->lock, NULL);
    for (size_t i = 0; i < SLOTS; i++)
        jobs->slots[i].jobs = jobs;
    return jobs;
}

static bool open_lock_file(struct jobs *jobs, struct error *err)
{
    jobs->lock_file = owned_open(jobs->lock_path, O_RDWR, 0600);
    return jobs->lock_file >= 0 ||
           error_set(err, ERROR_INTERNAL, "The lock file %s cannot be opened: %s; look at its permissions",
                     "无法打开锁文件 %s：%s；请检查其权限", jobs->lock_path, strerror(errno));
}

static bool start_thread(struct job_slot *slot, struct error *err)
{
    char title[16];
    int failure = pthread_create(&slot->thread, NULL, runner_main, slot);
    if (failure != 0)
        return error_set(err, ERROR_INTERNAL, "A thread for jobs cannot be started: %s",
                         "无法启动任务线程：%s", strerror(failure));
    slot->has_thread = true;
    snprintf(title, sizeof(title), "jobs-%zu", (size_t)(slot - slot->jobs->slots) % 100);
    pthread_setname_np(slot->thread, title);
    return true;
}

/* The threads begin with the lock, and so see what `ret_jobs` points to. */
static bool start_threads(struct jobs *jobs, struct jobs **ret_jobs, struct error *err)
{
    bool started = true;
    pthread_mutex_lock(&jobs->lock);
    for (size_t i = 0; i < SLOTS && started; i++)
        started = start_thread(&jobs->slots[i], err);
    if (started)
        *ret_jobs = jobs;
    else
        jobs->stopping = true;
    pthread_mutex_unlock(&jobs->lock);
    return started;
}

bool jobs_start(struct jobs **ret_jobs, struct platform *platform, const struct job_kind *kinds, size_t count,
                const char *lock_path, struct error *err)
{
    struct jobs *jobs = jobs_new(platform, kinds, count, lock_path);
    if (open_lock_file(jobs, err) && start_threads(jobs, ret_jobs, err))
        return true;
    jobs_stop(jobs);
    return false;
}

void jobs_stop_soon(struct jobs *jobs)
{
    if (!jobs)
        return;
    pthread_mutex_lock(&jobs->lock);
    jobs->stopping = true;
    signal_change(jobs);
    pthread_mutex_unlock(&jobs->lock);
}

void jobs_stop(struct jobs *jobs)
{
    if (!jobs)
        return;
    jobs_stop_soon(jobs);
    for (size_t i = 0; i < SLOTS; i++)
        if (jobs->slots[i].has_thread)
            pthread_join(jobs->slots[i].thread, NULL);
    if (jobs->lock_file >= 0)
        close(jobs->lock_file); /* which gives the lock to the next */
    pthread_cond_destroy(&jobs->changed);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs->lock_path);
    free(jobs);
}

/* --- waiting for a job */

static bool begin_wait(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    bool may = !jobs->stopping && jobs->waiters < jobs->waiters_max;
    jobs->waiters += may;
    pthread_mutex_unlock(&jobs->lock);
    return may;
}

static void end_wait(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    jobs->waiters--;
    pthread_mutex_unlock(&jobs->lock);
}

bool jobs_wait(struct jobs *jobs, const char *id, int timeout_ms)
{
    int64_t until_us = clock_monotonic_us() + (int64_t)timeout_ms * 1000;
    bool ended = false;
    if (!jobs || !begin_wait(jobs))
        return false;
    for (;;) {
        uint64_t seen = changes_seen(jobs);
        int64_t now_us = clock_monotonic_us();
        ended = job_is_over(jobs->platform->store, id);
        if (ended || jobs->stopping || now_us >= until_us)
            break;
        wait_for_change(jobs, seen, until_us < now_us + LOOK_US ? until_us : now_us + LOOK_US);
    }
    end_wait(jobs);
    return ended;
}

/* --- looking */

void jobs_get_state(struct jobs *jobs, struct jobs_state *ret_state)
{
    struct error err;
    struct jobs_state state = {.waiting = INT_NULL, .running = INT_NULL};
    if (!jobs_count(jobs->platform->store, &state, &err))
        state.waiting = state.running = INT_NULL;
    pthread_mutex_lock(&jobs->lock);
    state.is_runner = jobs->is_runner;
    pthread_mutex_unlock(&jobs->lock);
    *ret_state = state;
}
