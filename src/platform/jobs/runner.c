/* The threads that run jobs, what becomes of their claims, and those who wait for a job. One condition is for all of
 * them: `changes` counts what it was signalled for, so that whoever looks at the store first and waits then misses
 * nothing. Other processes' changes are looked for each second. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "platform/jobs/private.h"
#include "settings/settings.h"

#define SLOTS 2                  /* jobs that run at a time */
#define LOOK_US INT64_C(1000000) /* between two looks for what another process did */
#define RETRY_US INT64_C(1000000)
#define RETRY_DOUBLINGS 5 /* of the pause after a failure: 32 seconds at most */
#define RECOVERY_LEASE "job_recovery"

struct job_slot {
    struct jobs *jobs;
    pthread_t thread;
    bool has_thread;
    atomic_bool stop_requested; /* job_stopping has said so to the present run */
    atomic_bool claim_lost;     /* the present run's */
    unsigned failures;          /* in a row, of the store; the thread's own */
    /* With the lock: the claim of the present run, job_id "" for none; by which process. */
    char job_id[IDENTIFIER_SIZE], owner[IDENTIFIER_SIZE];
    int64_t claim;
};

struct jobs {
    struct platform *platform;
    const struct job_kinds *const *rooms;
    size_t room_count;
    size_t waiters_max;
    atomic_bool stopping;  /* set with the lock, read without */
    struct lease recovery; /* of the thread that sends beats, as `process` */
    char process[IDENTIFIER_SIZE];

    pthread_mutex_t lock; /* all below */
    pthread_cond_t changed;
    uint64_t changes;
    size_t waiters;
    struct job_slot slots[SLOTS];
};

/* --- the tables --- */

const struct job_kind *job_kind_find(const struct jobs *jobs, const char *name)
{
    for (size_t i = 0; jobs && i < jobs->room_count; i++)
        for (size_t j = 0; j < jobs->rooms[i]->count; j++)
            if (strcmp(jobs->rooms[i]->rows[j].name, name) == 0)
                return &jobs->rooms[i]->rows[j];
    return NULL;
}

static bool job_kind_check(const struct jobs *jobs, const struct job_kind *kind, struct error *err)
{
    const char *missing = !kind->name                                              ? "name"
                          : !kind->title[LANGUAGE_EN] || !kind->title[LANGUAGE_ZH] ? "title"
                          : !kind->run                                             ? "run"
                                                                                   : NULL;
    if (missing)
        return error_set(err, ERROR_INTERNAL, "the job kind '%s' has no %s", "任务类型“%s”缺少 %s",
                         kind->name ? kind->name : "?", missing);
    return job_kind_find(jobs, kind->name) == kind ||
           error_set(err, ERROR_INTERNAL, "two job kinds are called '%s'", "有两个任务类型都叫“%s”",
                     kind->name);
}

bool job_stopping(const struct job_run *run)
{
    struct job_slot *slot = run->slot;
    if (!slot)
        return false;
    struct jobs *jobs = slot->jobs;
    if (jobs->stopping || slot->claim_lost || !lease_holder_is(jobs->platform->lease_holder, slot->owner))
        slot->stop_requested = true;
    return slot->stop_requested;
}

/* --- changes */

static void jobs_signal_change(struct jobs *jobs)
{
    jobs->changes++;
    pthread_cond_broadcast(&jobs->changed);
}

void jobs_wake(struct jobs *jobs)
{
    if (!jobs)
        return;
    pthread_mutex_lock(&jobs->lock);
    jobs_signal_change(jobs);
    pthread_mutex_unlock(&jobs->lock);
}

static uint64_t jobs_changes_seen(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    uint64_t seen = jobs->changes;
    pthread_mutex_unlock(&jobs->lock);
    return seen;
}

/* With the lock. */
static void jobs_wait_until(struct jobs *jobs, int64_t until_us)
{
    struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
    pthread_cond_timedwait(&jobs->changed, &jobs->lock, &until);
}

/* Until something has changed since `seen`, the process stops, or it is `until_us`. */
static void jobs_wait_for_change(struct jobs *jobs, uint64_t seen, int64_t until_us)
{
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->stopping && jobs->changes == seen && clock_monotonic_us() < until_us)
        jobs_wait_until(jobs, until_us);
    pthread_mutex_unlock(&jobs->lock);
}

/* Waits the longer the more often in a row it had to. False: the process stops. */
static bool runner_back_off(struct job_slot *slot, const char *what, const struct error *err)
{
    struct jobs *jobs = slot->jobs;
    int64_t pause_us = RETRY_US << (slot->failures < RETRY_DOUBLINGS ? slot->failures : RETRY_DOUBLINGS);
    int64_t until_us = clock_monotonic_us() + pause_us;
    slot->failures++;
    log_error("jobs", "%s; tried again in %lld s: %s", what, (long long)(pause_us / 1000000),
              err->detail[LANGUAGE_EN]);
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->stopping && clock_monotonic_us() < until_us)
        jobs_wait_until(jobs, until_us);
    pthread_mutex_unlock(&jobs->lock);
    return !jobs->stopping;
}

/* --- claims; on the thread that sends this process's beats --- */

static void jobs_recover_orphaned(struct jobs *jobs)
{
    struct store *store = jobs->platform->store;
    struct error err;
    bool orphaned;
    int64_t count = 0;
    error_clear(&err);
    if (!jobs_are_orphaned(store, &orphaned, &err) || !orphaned)
        return;
    if (!lease_take(&jobs->recovery, &err) || !lease_held(&jobs->recovery))
        return;
    lease_fence(&jobs->recovery);
    if (!jobs_recover(store, jobs, &count, &err))
        log_warn("jobs", "jobs of a process that has ended were not taken over yet: %s",
                 err.detail[LANGUAGE_EN]);
    lease_fence(NULL);
    if (count == 0)
        return;
    log_info("jobs", "%lld jobs of a process that has ended were taken over", (long long)count);
    jobs_wake(jobs);
}

/* Another process may have cancelled the job or taken it over. */
static void runner_check_claim(struct jobs *jobs, struct job_slot *slot)
{
    char id[IDENTIFIER_SIZE];
    struct error err;
    CLEANUP(store_reader_release) struct db *db = NULL;
    pthread_mutex_lock(&jobs->lock);
    memcpy(id, slot->job_id, sizeof(id));
    int64_t claim = slot->claim;
    pthread_mutex_unlock(&jobs->lock);
    bool holds;
    if (!*id || !store_reader(jobs->platform->store, JOB_BEAT_READ_MS, &db, &err))
        return;
    if (!job_claim_holds(db, id, claim, &holds, &err) || holds)
        return;
    pthread_mutex_lock(&jobs->lock);
    if (strcmp(slot->job_id, id) == 0 && slot->claim == claim)
        slot->claim_lost = true;
    pthread_mutex_unlock(&jobs->lock);
}

static void jobs_after_beat(void *context)
{
    struct jobs *jobs = context;
    struct lease_holder_state now;
    jobs_recover_orphaned(jobs);
    for (size_t i = 0; i < SLOTS; i++)
        runner_check_claim(jobs, &jobs->slots[i]);
    lease_holder_get_state(jobs->platform->lease_holder, &now);
    if (strcmp(now.id, jobs->process) != 0) /* the first beat: jobs can be claimed */
        jobs_wake(jobs);
    memcpy(jobs->process, now.id, sizeof(jobs->process));
}

/* --- one job */

static bool runner_run_kind(struct job_slot *slot, const struct job_kind *kind, struct arena *arena,
                            struct job *job, struct error *err)
{
    struct job_run run = {
        .platform = slot->jobs->platform,
        .job = job,
        .actor = {job->user_id, job->username, job->ip_address, job->request_id},
        .arena = arena,
        .jobs = slot->jobs,
        .slot = slot,
    };
    error_clear(err);
    arena_forget_overrun();
    if (kind->run(&run, err))
        return true;
    if (err->code == ERROR_NONE)
        error_set(err, ERROR_INTERNAL, "The job failed and did not say why.", "任务失败，原因不明。");
    return false;
}

/* How the run ended; `err` is the reason of what has failed. */
static enum job_end runner_run_to_end(struct job_slot *slot, struct arena *arena, struct job *job,
                                      struct error *err)
{
    const struct job_kind *kind = job_kind_find(slot->jobs, job->kind);
    if (!kind) {
        error_set(
            err, ERROR_INVALID,
            "This version does not know jobs of the kind '%.64s'. Run the version that made it, and ask "
            "again.",
            "此版本不支持类型为“%.64s”的任务。请运行创建它的版本，然后重新发起。", job->kind);
        return JOB_FAILED;
    }
    bool done = runner_run_kind(slot, kind, arena, job, err);
    if (slot->stop_requested && kind->resumes)
        return JOB_QUEUED_AGAIN;
    if (slot->stop_requested && done)
        done = job_error_process_ended(err);
    if (done)
        return JOB_SUCCEEDED;
    return kind->resumes && error_status(err->code) == 503 ? JOB_RETRIED : JOB_FAILED;
}

static void runner_log_run(const struct job *claimed, const struct job *now, const struct error *why,
                           int64_t us)
{
    const char *request_id = *now->request_id ? now->request_id : NULL;
    bool is_others = now->claim != claimed->claim, waits = now->retry_at != INT_NULL;
    const char *what = is_others                            ? "goes on in another process"
                       : waits                              ? "waits, and is tried again"
                       : strcmp(now->status, "queued") == 0 ? "queued again"
                                                            : now->status;
    const char *reason = is_others ? NULL : waits ? why->detail[LANGUAGE_EN] : now->error_en;
    log_write(LOG_INFO, "jobs", request_id, "%s %s %s: %lld of %lld done (%lld ms)%s%s", now->kind, now->id,
              what, (long long)now->progress_done, (long long)now->progress_total, (long long)(us / 1000),
              reason ? ": " : "", reason ? reason : "");
}

/* If the process stops before the end could be written, the job is found without a process. */
static void runner_run_job(struct job_slot *slot, struct arena *arena, const struct job *claimed)
{
    struct jobs *jobs = slot->jobs;
    struct job job = *claimed;
    struct error why, err;
    int64_t started_us = clock_monotonic_us();
    error_clear(&why);
    enum job_end end = runner_run_to_end(slot, arena, &job, &why);
    int64_t us = clock_monotonic_us() - started_us;
    while (!job_end_run(jobs->platform->store, end, claimed->progress_done, &why, arena, &job, &err))
        if (err.code == ERROR_NOT_FOUND || !runner_back_off(slot, "The end of a job was not written", &err))
            return;
    slot->failures = 0;
    runner_log_run(claimed, &job, &why, us);
    jobs_wake(jobs);
}

/* --- the threads */

static void runner_set_claim(struct job_slot *slot, const struct job *job, const char *owner)
{
    struct jobs *jobs = slot->jobs;
    pthread_mutex_lock(&jobs->lock);
    snprintf(slot->job_id, sizeof(slot->job_id), "%s", job ? job->id : "");
    snprintf(slot->owner, sizeof(slot->owner), "%s", owner);
    slot->claim = job ? job->claim : 0;
    slot->claim_lost = slot->stop_requested = false;
    pthread_mutex_unlock(&jobs->lock);
}

/* The oldest job that is due; else `ret_next_us` says when one will be (monotonic). Nothing is claimed by a process
 * that may be taken for dead. */
static bool runner_claim_job(struct job_slot *slot, struct arena *arena, struct job *ret_job, bool *ret_found,
                             int64_t *ret_next_us)
{
    struct jobs *jobs = slot->jobs;
    struct store *store = jobs->platform->store;
    struct lease_holder_state process;
    struct error err;
    bool is_due;
    int64_t next_at;
    *ret_found = false;
    *ret_next_us = INT64_MAX;
    lease_holder_get_state(jobs->platform->lease_holder, &process);
    if (!process.alive)
        return true;
    if (!job_next_due(store, &is_due, &next_at, &err) ||
        (is_due && !job_claim(store, process.id, arena, ret_job, ret_found, &err))) {
        runner_back_off(slot, "The jobs that wait could not be looked at", &err);
        return false;
    }
    if (*ret_found)
        runner_set_claim(slot, ret_job, process.id);
    else if (next_at != INT_NULL && !is_due)
        *ret_next_us = clock_monotonic_us() + (next_at - clock_now_ms()) * 1000;
    slot->failures = 0;
    return true;
}

static void *runner_main(void *context)
{
    struct job_slot *slot = context;
    struct jobs *jobs = slot->jobs;
    store_set_background();
    pthread_mutex_lock(&jobs->lock); /* until all have started */
    pthread_mutex_unlock(&jobs->lock);
    while (!jobs->stopping) {
        CLEANUP(arena_release) struct arena arena = {0};
        uint64_t seen = jobs_changes_seen(jobs);
        int64_t look_us = clock_monotonic_us() + LOOK_US, next_us;
        struct job job;
        bool found;
        if (!runner_claim_job(slot, &arena, &job, &found, &next_us))
            continue;
        if (found) {
            runner_run_job(slot, &arena, &job);
            runner_set_claim(slot, NULL, "");
        } else {
            jobs_wait_for_change(jobs, seen, next_us < look_us ? next_us : look_us);
        }
    }
    return NULL;
}

static struct jobs *jobs_new(struct platform *platform, const struct job_kinds *const *rooms, size_t count)
{
    struct jobs *jobs = xcalloc(1, sizeof(*jobs));
    jobs->platform = platform;
    jobs->rooms = rooms;
    jobs->room_count = count;
    jobs->recovery =
        (struct lease){.holder = platform->lease_holder, .name = RECOVERY_LEASE, .since = INT_NULL};
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

/* The threads begin with the lock, and so see what `ret_jobs` points to. */
static bool jobs_start_threads(struct jobs *jobs, struct jobs **ret_jobs, struct error *err)
{
    int failure = 0;
    pthread_mutex_lock(&jobs->lock);
    for (size_t i = 0; i < SLOTS; i++) {
        struct job_slot *slot = &jobs->slots[i];
        char title[16];
        failure = pthread_create(&slot->thread, NULL, runner_main, slot);
        if (failure != 0)
            break;
        slot->has_thread = true;
        snprintf(title, sizeof(title), "jobs-%zu", i % 100);
        pthread_setname_np(slot->thread, title);
    }
    if (failure == 0)
        *ret_jobs = jobs;
    else
        jobs->stopping = true;
    pthread_mutex_unlock(&jobs->lock);
    return failure == 0 || error_set(err, ERROR_INTERNAL, "A thread for jobs cannot be started: %s",
                                     "无法启动任务线程：%s", strerror(failure));
}

bool jobs_start(struct jobs **ret_jobs, struct platform *platform, const struct job_kinds *const *rooms,
                size_t count, struct error *err)
{
    struct jobs *jobs = jobs_new(platform, rooms, count);
    bool good = true;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < rooms[i]->count; j++)
            good = good && job_kind_check(jobs, &rooms[i]->rows[j], err);
    if (!good || !jobs_start_threads(jobs, ret_jobs, err)) {
        jobs_stop(jobs);
        return false;
    }
    lease_holder_on_beat(platform->lease_holder, jobs_after_beat, jobs);
    return true;
}

void jobs_stop_soon(struct jobs *jobs)
{
    if (!jobs)
        return;
    pthread_mutex_lock(&jobs->lock);
    jobs->stopping = true;
    jobs_signal_change(jobs);
    pthread_mutex_unlock(&jobs->lock);
}

void jobs_stop(struct jobs *jobs)
{
    if (!jobs)
        return;
    jobs_stop_soon(jobs);
    lease_holder_on_beat(jobs->platform->lease_holder, NULL, NULL);
    for (size_t i = 0; i < SLOTS; i++)
        if (jobs->slots[i].has_thread)
            pthread_join(jobs->slots[i].thread, NULL);
    pthread_cond_destroy(&jobs->changed);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs);
}

/* --- waiting for a job */

bool jobs_wait(struct jobs *jobs, const char *id, int timeout_ms)
{
    int64_t until_us = clock_monotonic_us() + (int64_t)timeout_ms * 1000;
    bool ended = false;
    if (!jobs)
        return false;
    pthread_mutex_lock(&jobs->lock);
    bool may_wait = !jobs->stopping && jobs->waiters < jobs->waiters_max;
    jobs->waiters += may_wait;
    pthread_mutex_unlock(&jobs->lock);
    if (!may_wait)
        return false;
    for (;;) {
        uint64_t seen = jobs_changes_seen(jobs);
        int64_t now_us = clock_monotonic_us();
        ended = job_is_over(jobs->platform->store, id);
        if (ended || jobs->stopping || now_us >= until_us)
            break;
        jobs_wait_for_change(jobs, seen, until_us < now_us + LOOK_US ? until_us : now_us + LOOK_US);
    }
    pthread_mutex_lock(&jobs->lock);
    jobs->waiters--;
    pthread_mutex_unlock(&jobs->lock);
    return ended;
}

/* --- looking */

void jobs_get_state(struct jobs *jobs, struct jobs_state *ret_state)
{
    struct error err;
    struct jobs_state state = {.waiting = INT_NULL, .running = INT_NULL};
    if (!jobs_count(jobs->platform->store, &state, &err))
        state.waiting = state.running = INT_NULL;
    *ret_state = state;
}
