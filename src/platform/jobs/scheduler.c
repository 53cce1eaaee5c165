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

#define BEAT_US                                                                                              \
    500000 /* the thread wakes at least so often: a changed interval, a lease that is free, hold at once */
#define SUMMARY_SIZE 256
#define LOG_AGAIN_US INT64_C(60000000) /* between two lines about the same failure */

struct timed {
    const struct scheduled_task *task;
    void *context;
    struct lease lease;   /* the thread's own */
    int64_t loaded_token; /* the thread's own: of the taking for which the last run was read */

    bool is_here;        /* with the lock, as all below: this process runs it */
    bool is_elsewhere;   /* another one does */
    int64_t lease_since; /* wall clock; INT_NULL: neither */
    bool has_run;        /* and was not cut off */
    int64_t started_us;  /* monotonic: the last run, wherever that was */
    bool has_news;       /* it is due */
    int64_t logged_us;   /* the thread's own: when its failure was last logged; 0: it does not fail */
};

struct scheduler {
    struct platform *platform;
    struct timed *timed;
    size_t count;
    pthread_mutex_t control; /* start, stop and restart, one at a time */
    pthread_t thread;
    bool has_thread;      /* with `control` */
    bool stop_requested;  /* the thread's own: scheduler_stopping has said so to the running task */
    pthread_mutex_t lock; /* all below, and what `timed` says */
    pthread_cond_t wake;  /* by the monotonic clock */
    atomic_bool stopping;
    int64_t born_us;
    struct scheduler_state state;
};

static _Thread_local struct scheduler *own;       /* of a scheduler's thread */
static _Thread_local const struct timed *running; /* there */

static const char UNNAMED[] = "?";

/* --- the tables --- */

static const char *task_missing_part(const struct scheduled_task *task)
{
    if (!task->name)
        return "name";
    if (!task->title[LANGUAGE_EN] || !task->title[LANGUAGE_ZH])
        return "title";
    if (!task->run)
        return "run";
    return task->every_ms > 0 || task->interval_ms ? NULL : "interval";
}

static bool scheduled_task_check(const struct scheduled_task *task, const struct scheduled_room *rooms,
                                 size_t count, struct error *err)
{
    const char *name = task->name ? task->name : UNNAMED, *missing = task_missing_part(task);
    size_t same = 0;
    if (missing)
        return error_set(err, ERROR_INTERNAL, "the scheduled task '%s' has no %s", "定时任务“%s”缺少 %s",
                         name, missing);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < rooms[i].tasks->count; j++) {
            const char *other = rooms[i].tasks->rows[j].name;
            same += other && strcmp(other, name) == 0;
        }
    return same == 1 || error_set(err, ERROR_INTERNAL, "two scheduled tasks are called '%s'",
                                  "有两个定时任务都叫“%s”", name);
}

bool scheduled_tasks_check(const struct scheduled_room *rooms, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < rooms[i].tasks->count; j++)
            if (!scheduled_task_check(&rooms[i].tasks->rows[j], rooms, count, err))
                return false;
    return true;
}

/* --- what is due --- */

bool scheduler_stopping(void)
{
    if (!own)
        return false;
    bool lost = running && running->lease.token && !lease_held(&running->lease);
    if (own->stopping || lost)
        own->stop_requested = true;
    return own->stop_requested;
}

static int64_t task_due_us(const struct scheduler *scheduler, const struct timed *timed)
{
    int64_t first_us = scheduler->born_us + timed->task->first_ms * 1000;
    if (timed->has_news)
        return scheduler->born_us;
    if (!timed->has_run)
        return first_us;
    const struct scheduled_task *task = timed->task;
    int64_t interval_ms =
        task->interval_ms ? task->interval_ms(settings_now(scheduler->platform->settings)) : task->every_ms;
    int64_t next_us = timed->started_us + interval_ms * 1000;
    return next_us > first_us ? next_us : first_us;
}

/* The enabled task of this process that is due first; NULL: none is enabled. */
static struct timed *scheduler_next_due(struct scheduler *scheduler, int64_t *ret_due_us)
{
    struct timed *next = NULL;
    for (size_t i = 0; i < scheduler->count; i++) {
        struct timed *timed = &scheduler->timed[i];
        bool (*enabled)(const struct settings *settings) = timed->task->enabled;
        if (!timed->is_here || (enabled && !enabled(settings_now(scheduler->platform->settings))))
            continue;
        int64_t due = task_due_us(scheduler, timed);
        if (!next || due < *ret_due_us) {
            next = timed;
            *ret_due_us = due;
        }
    }
    return next;
}

/* --- leases, and the last run --- */

static const char SQL_LAST_RUN[] = "SELECT started_at, ended_at FROM scheduled_tasks WHERE name = $1";

/* Of a lease that was just taken. A run that did not end was cut off: the next is due at once. */
static bool task_load_last_run(struct scheduler *scheduler, struct timed *timed, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    bool has_run = false;
    int64_t started_us = 0;
    if (timed->loaded_token == timed->lease.token)
        return true;
    if (!store_reader(scheduler->platform->store, READ_LIMIT_MS, &db, err) ||
        !db_query(db, SQL_LAST_RUN, DB_ARGS(db_text(timed->task->name)), &rows, err))
        return false;
    while (db_next(&rows)) {
        int64_t ago_ms = clock_now_ms() - db_column_int(&rows, 0);
        has_run = !db_column_null(&rows, 1);
        started_us = clock_monotonic_us() - (ago_ms > 0 ? ago_ms : 0) * 1000;
    }
    if (!db_done(&rows, err))
        return false;
    pthread_mutex_lock(&scheduler->lock);
    timed->has_run = has_run;
    timed->started_us = started_us;
    pthread_mutex_unlock(&scheduler->lock);
    timed->loaded_token = timed->lease.token;
    return true;
}

/* If the store cannot be read, nothing is begun that needs it; the next look is soon. */
static void task_refresh_lease(struct scheduler *scheduler, struct timed *timed)
{
    struct error err;
    error_clear(&err);
    bool here = !timed->lease.holder;
    if (!here)
        here = lease_take(&timed->lease, &err) && lease_held(&timed->lease) &&
               task_load_last_run(scheduler, timed, &err);
    pthread_mutex_lock(&scheduler->lock);
    timed->is_here = here;
    timed->is_elsewhere = !here && timed->lease.process[0] && !timed->lease.token;
    timed->lease_since = timed->lease.holder ? timed->lease.since : INT_NULL;
    pthread_mutex_unlock(&scheduler->lock);
}

/* --- one run --- */

static const char SQL_BEGIN_RUN[] =
    "INSERT INTO scheduled_tasks(name, started_at) VALUES ($1, $2)"
    " ON CONFLICT (name) DO UPDATE SET started_at = excluded.started_at, ended_at = NULL";
static const char SQL_END_RUN[] = "UPDATE scheduled_tasks SET ended_at = $2 WHERE name = $1";

struct run_mark {
    const char *sql, *name;
};

static bool task_mark_work(struct db *db, void *context, struct error *err)
{
    const struct run_mark *mark = context;
    return db_execute(db, mark->sql, DB_ARGS(db_text(mark->name), db_int(clock_now_ms())), NULL, err);
}

/* Under the task's fence. A disk that is full must not keep from running what makes room on it. */
static bool task_mark_begin(struct scheduler *scheduler, const struct timed *timed, struct error *err)
{
    struct run_mark mark = {SQL_BEGIN_RUN, timed->task->name};
    return !timed->lease.token || store_write(scheduler->platform->store, task_mark_work, &mark, err) ||
           error_is_of_store(err->code);
}

static void task_mark_end(struct scheduler *scheduler, const struct timed *timed)
{
    struct run_mark mark = {SQL_END_RUN, timed->task->name};
    struct error err;
    error_clear(&err);
    if (timed->lease.token && !store_write(scheduler->platform->store, task_mark_work, &mark, &err))
        log_warn("scheduler", "the end of %s was not noted; whoever takes it over runs it at once: %s",
                 timed->task->name, err.detail[LANGUAGE_EN]);
}

/* One that fails again and again, twice a second perhaps, says so once a minute. */
static void task_log_run(struct timed *timed, bool done, const char *summary, const struct error *err,
                         int64_t us)
{
    int64_t now_us = clock_monotonic_us();
    if (done && summary[0])
        log_info("scheduler", "%s: %s (%" PRId64 " ms)", timed->task->name, summary, us / 1000);
    if (!done && (timed->logged_us == 0 || now_us - timed->logged_us >= LOG_AGAIN_US)) {
        log_error("scheduler", "%s failed after %" PRId64 " ms: %s", timed->task->name, us / 1000,
                  err->detail[LANGUAGE_EN]);
        timed->logged_us = now_us;
    }
    if (done)
        timed->logged_us = 0;
}

/* With the lock. */
static void task_count_run(struct scheduler *scheduler, const struct scheduled_task *task, bool done,
                           const struct error *err)
{
    scheduler->state.runs++;
    scheduler->state.failures += !done;
    scheduler->state.failed_title = done ? NULL : task->title;
    if (!done)
        scheduler->state.failed_us = clock_monotonic_us();
    for (int language = 0; language < LANGUAGE_COUNT; language++) {
        char *last_error = scheduler->state.last_error[language];
        const char *why = done ? "" : err->detail[language];
        size_t length = utf8_cut(why, strlen(why), sizeof(scheduler->state.last_error[language]) - 1);
        memcpy(last_error, why, length);
        last_error[length] = '\0';
    }
}

/* `ret_lost`: another process has taken it over meanwhile, so what it did not do is no failure. */
static bool task_run_under_lease(struct scheduler *scheduler, struct timed *timed, bool *ret_lost,
                                 struct error *err)
{
    const struct scheduled_task *task = timed->task;
    char summary[SUMMARY_SIZE] = "";
    int64_t began_us = clock_monotonic_us();
    running = timed;
    scheduler->stop_requested = false;
    lease_fence(timed->lease.token ? &timed->lease : NULL);
    arena_forget_overrun();
    bool done =
        task_mark_begin(scheduler, timed, err) && task->run(timed->context, summary, sizeof(summary), err);
    *ret_lost = timed->lease.token && !lease_held(&timed->lease);
    if (*ret_lost)
        log_warn("scheduler", "%s goes on in another process", task->name);
    else
        task_log_run(timed, done, summary, err, clock_monotonic_us() - began_us);
    if (!*ret_lost && !scheduler->stop_requested)
        task_mark_end(scheduler, timed);
    lease_fence(NULL);
    running = NULL;
    return done;
}

/* With the lock, which is given up while the task runs. */
static void scheduler_run_task(struct scheduler *scheduler, struct timed *timed)
{
    struct error err;
    bool lost;
    error_clear(&err);
    timed->started_us = clock_monotonic_us();
    timed->has_run = true;
    timed->has_news = false;
    scheduler->state.running = timed->task->name;
    pthread_mutex_unlock(&scheduler->lock);
    bool done = task_run_under_lease(scheduler, timed, &lost, &err);
    pthread_mutex_lock(&scheduler->lock);
    scheduler->state.running = NULL;
    if (!lost)
        task_count_run(scheduler, timed->task, done, &err);
}

/* --- the thread --- */

void scheduler_notify_news(struct scheduler *scheduler)
{
    if (!scheduler)
        return;
    pthread_mutex_lock(&scheduler->lock);
    for (size_t i = 0; i < scheduler->count; i++)
        scheduler->timed[i].has_news |= scheduler->timed[i].task->on_news;
    pthread_cond_signal(&scheduler->wake);
    pthread_mutex_unlock(&scheduler->lock);
}

static void *scheduler_main(void *context)
{
    struct scheduler *scheduler = own = context;
    store_set_background();
    while (!scheduler->stopping) {
        for (size_t i = 0; i < scheduler->count; i++)
            task_refresh_lease(scheduler, &scheduler->timed[i]);
        pthread_mutex_lock(&scheduler->lock);
        int64_t now = clock_monotonic_us(), due = INT64_MAX;
        struct timed *next = scheduler_next_due(scheduler, &due);
        scheduler->state.last_beat_us = now;
        int64_t until_us = due < now + BEAT_US ? due : now + BEAT_US;
        struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
        if (next && due <= now && !scheduler->stopping)
            scheduler_run_task(scheduler, next);
        else if (!scheduler->stopping)
            pthread_cond_timedwait(&scheduler->wake, &scheduler->lock, &until);
        pthread_mutex_unlock(&scheduler->lock);
    }
    return NULL;
}

/* With `control`. */
static bool scheduler_start_thread(struct scheduler *scheduler, struct error *err)
{
    int64_t now = clock_monotonic_us();
    pthread_mutex_lock(&scheduler->lock);
    scheduler->stopping = false;
    scheduler->born_us = now;
    scheduler->state = (struct scheduler_state){.last_beat_us = now};
    for (size_t i = 0; i < scheduler->count; i++) {
        struct timed *timed = &scheduler->timed[i];
        const struct scheduled_task *task = timed->task;
        *timed = (struct timed){.task = task, .context = timed->context, .lease_since = INT_NULL};
        timed->lease = (struct lease){.name = task->name, .since = INT_NULL};
        if (!task->everywhere)
            timed->lease.holder = scheduler->platform->lease_holder;
        timed->is_here = !timed->lease.holder;
    }
    pthread_mutex_unlock(&scheduler->lock);
    int failure = pthread_create(&scheduler->thread, NULL, scheduler_main, scheduler);
    scheduler->has_thread = failure == 0;
    return scheduler->has_thread ||
           error_set(err, ERROR_INTERNAL, "The scheduler's thread cannot be started: %s",
                     "无法启动调度器线程：%s", strerror(failure));
}

static void scheduler_stop_thread(struct scheduler *scheduler)
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

static struct scheduler *scheduler_new(struct platform *platform, const struct scheduled_room *rooms,
                                       size_t count, bool quick)
{
    struct scheduler *scheduler = xcalloc(1, sizeof(*scheduler));
    size_t rows = 0;
    for (size_t i = 0; i < count; i++)
        rows += rooms[i].tasks->count;
    scheduler->platform = platform;
    scheduler->timed = xcalloc(rows + 1, sizeof(*scheduler->timed));
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < rooms[i].tasks->count; j++) {
            const struct scheduled_task *task = &rooms[i].tasks->rows[j];
            if (task->quick == quick)
                scheduler->timed[scheduler->count++] =
                    (struct timed){.task = task, .context = rooms[i].context};
        }
    pthread_mutex_init(&scheduler->control, NULL);
    pthread_mutex_init(&scheduler->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&scheduler->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    return scheduler;
}

struct scheduler *scheduler_start(struct platform *platform, const struct scheduled_room *rooms, size_t count,
                                  bool quick)
{
    struct scheduler *scheduler = scheduler_new(platform, rooms, count, quick);
    struct error err;
    error_clear(&err);
    if (scheduler_start_thread(scheduler, &err))
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
    scheduler_stop_thread(scheduler);
    pthread_mutex_unlock(&scheduler->control);
    scheduler_free(scheduler);
}

bool scheduler_restart(struct scheduler *scheduler, int64_t *ret_tasks, struct error *err)
{
    pthread_mutex_lock(&scheduler->control);
    scheduler_stop_thread(scheduler);
    bool started = scheduler_start_thread(scheduler, err);
    pthread_mutex_unlock(&scheduler->control);
    if (!started)
        return false;
    log_info("scheduler", "restarted with %zu tasks", scheduler->count);
    *ret_tasks = (int64_t)scheduler->count;
    return true;
}

/* --- looking --- */

void scheduler_get_state(struct scheduler *scheduler, struct scheduler_state *ret_state)
{
    int64_t now = clock_monotonic_us(), due = 0;
    struct lease_holder_state holder = {0};
    if (scheduler->platform->lease_holder)
        lease_holder_get_state(scheduler->platform->lease_holder, &holder);
    pthread_mutex_lock(&scheduler->lock);
    *ret_state = scheduler->state;
    const struct timed *next = scheduler_next_due(scheduler, &due);
    for (size_t i = 0; ret_state->running && i < scheduler->count; i++)
        if (scheduler->timed[i].task->name == ret_state->running) {
            ret_state->running_ms = (now - scheduler->timed[i].started_us) / 1000;
            ret_state->running_title = scheduler->timed[i].task->title;
        }
    ret_state->since = INT_NULL;
    for (size_t i = 0; i < scheduler->count; i++) {
        const struct timed *timed = &scheduler->timed[i];
        ret_state->here += timed->is_here;
        ret_state->elsewhere += timed->is_elsewhere;
        if (timed->lease_since != INT_NULL &&
            (ret_state->since == INT_NULL || timed->lease_since > ret_state->since))
            ret_state->since = timed->lease_since;
    }
    pthread_mutex_unlock(&scheduler->lock);
    ret_state->processes = holder.processes;
    ret_state->next_name = next ? next->task->name : NULL;
    ret_state->next_title = next ? next->task->title : NULL;
    ret_state->next_in_ms = next && due > now ? (due - now) / 1000 : 0;
}

static const char SQL_IS_RUNNING[] = "SELECT 1 FROM scheduled_tasks WHERE name = $1 AND ended_at IS NULL";

/* What a process that has ended was running runs no more. */
bool scheduled_task_is_running(struct db *db, const char *name, bool *ret_running, struct error *err)
{
    int64_t begun;
    bool held;
    if (!db_find_int(db, SQL_IS_RUNNING, DB_ARGS(db_text(name)), 0, &begun, err) ||
        !lease_is_anybodys(db, name, &held, err))
        return false;
    *ret_running = begun && held;
    return true;
}
