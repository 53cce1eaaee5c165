/* Group commit. One batch is: begin; every task that waits, until none does or the batch is large
 * enough; commit; answer all. The first task that succeeds needs no savepoint, because before it
 * there is nothing to keep: alone, a task costs what a plain transaction costs.
 *
 * What may go wrong, and what follows:
 *   a task fails                     its own changes are taken back, the others go on
 *   the transaction cannot begin     all that wait get the error (another process writes, disk, no connection)
 *   others were in the way, or the   all run again from the beginning, one by one, each a few times with a growing
 *   connection broke before COMMIT   pause; then they get the error
 *   the database takes it back       on a task's deadline: the others run again, one by one;
 *   while tasks run                  on anything else: all of the batch get the error
 *   the commit fails                 on a deferred constraint: all run again, one by one, so that only
 *                                    the guilty one fails; on anything else: all get the error
 *   the commit's answer is lost      the database is asked what came of it, and that is the answer; if it cannot
 *                                    be asked, all get an error that says so */
#include "store/writer.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/identifier.h"
#include "base/log.h"
#include "base/memory.h"

#define BATCH_TASKS 512
#define BATCH_US INT64_C(50000)
#define TRIES 6            /* of a task alone, while the database asks for it */
#define TRY_PAUSE_US 10000 /* after the first of them, then twice as long each time */
#define REFRESH_MS 50      /* between two refreshes of the readers; without work for so long it is idle */
#define LOG_US INT64_C(60000000) /* between two lines about the same failure */
#define NEVER_LOGGED (-LOG_US)
#define CATCH_UP_US INT64_C(250000) /* while it is never idle: a piece of the deferred work each so often */

struct task {
    store_work work;
    void *context;
    struct task *next;
    int64_t put_at_us; /* when it came into the queue */
    bool failed;
    struct error *err; /* the waiting caller's; of one that does not wait NULL, until it fails */
    store_done done;   /* of one that does not wait, or NULL */
    sem_t *answered;   /* of one that waits */
};

struct writer {
    struct db *db;
    struct reader_pool *readers;
    pthread_t thread;
    pthread_mutex_t lock;   /* for what follows up to the blank line */
    pthread_cond_t arrived; /* by the monotonic clock */
    bool readers_used;      /* for the first time since they were unpinned */
    bool external_change;   /* another process may have put off work */
    struct task *first, **end;
    size_t waiting, ceiling;
    bool closing;
    struct store_stats stats;

    /* The batch; the writer thread's own. */
    struct task *batch[BATCH_TASKS];
    size_t batch_size;
    bool begun;          /* the transaction is open */
    size_t kept;         /* tasks in it that succeeded */
    bool pinned;         /* the readers are in use */
    bool behind;         /* there may be work that transactions have put off */
    int64_t catch_up_at; /* not before, unless it is idle */
    int64_t logged_at;   /* when the failure to catch up was last logged; NEVER_LOGGED while there is none */
    struct error err;    /* of the present task, or of the batch */
};

static _Thread_local const struct writer *running; /* set in writer threads */

/* ---- the queue ---- */

static bool writer_put(struct writer *writer, struct task *task)
{
    task->put_at_us = clock_monotonic_us();
    pthread_mutex_lock(&writer->lock);
    bool room = !writer->closing && writer->waiting < writer->ceiling;
    if (room) {
        task->next = NULL;
        *writer->end = task;
        writer->end = &task->next;
        writer->waiting++;
        if (writer->waiting == 1)
            pthread_cond_signal(&writer->arrived);
    }
    pthread_mutex_unlock(&writer->lock);
    return room;
}

static struct task *writer_take_locked(struct writer *writer)
{
    struct task *task = writer->first;
    if (!task)
        return NULL;
    writer->first = task->next;
    if (!writer->first)
        writer->end = &writer->first;
    writer->waiting--;
    return task;
}

/* The next task if one waits. */
static struct task *writer_take(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    struct task *task = writer_take_locked(writer);
    pthread_mutex_unlock(&writer->lock);
    return task;
}

/* Whether the time is up. */
static bool writer_wait_locked(struct writer *writer)
{
    if (!writer->pinned && !writer->behind) {
        pthread_cond_wait(&writer->arrived, &writer->lock);
        return false;
    }
    int64_t until = clock_monotonic_us() + REFRESH_MS * 1000;
    struct timespec at = {.tv_sec = until / 1000000, .tv_nsec = until % 1000000 * 1000};
    return pthread_cond_timedwait(&writer->arrived, &writer->lock, &at) == ETIMEDOUT;
}

/* ---- answers ---- */

/* What failed before keeps its own error. */
static void task_set_failure(struct task *task, const struct error *err)
{
    if (task->failed)
        return;
    if (!task->err)
        task->err = xmalloc(sizeof(*task->err));
    error_copy(task->err, err);
    task->failed = true;
}

static void task_answer(struct task *task)
{
    if (task->answered) {
        sem_post(task->answered); /* the task is gone from here on */
        return;
    }
    if (task->done)
        task->done(task->context, task->failed ? task->err : NULL);
    free(task->err);
    free(task);
}

static void writer_fail_batch(struct writer *writer, const struct error *err)
{
    for (size_t i = 0; i < writer->batch_size; i++)
        task_set_failure(writer->batch[i], err);
}

/* What kept the transaction from beginning would keep the next one too, and after as long a wait. */
static void writer_fail_waiting(struct writer *writer)
{
    writer_fail_batch(writer, &writer->err);
    struct task *task;
    while (writer->batch_size < BATCH_TASKS && (task = writer_take(writer))) {
        task_set_failure(task, &writer->err);
        writer->batch[writer->batch_size++] = task;
    }
}

/* ---- one task ---- */

enum progress {
    GOES_ON,
    NOT_BEGUN,
    LOST,  /* the transaction, with all that is in it */
    AGAIN, /* lost, and all that was in it may run again */
};

static enum progress writer_progress_lost(const struct writer *writer)
{
    enum db_trouble trouble = writer->db->trouble;
    if (trouble == DB_TROUBLE_NOT_BEGUN)
        return NOT_BEGUN;
    return trouble == DB_TROUBLE_AGAIN || trouble == DB_TROUBLE_LOST ? AGAIN : LOST;
}

static void writer_roll_back(struct writer *writer)
{
    struct db *db = writer->db;
    if (db->driver->in_transaction(db))
        db_transaction(db, DB_ROLLBACK, NULL);
    writer->begun = false;
    writer->kept = 0;
}

static bool writer_begin(struct writer *writer)
{
    if (writer->begun)
        return true;
    if (writer->db->driver->in_transaction(writer->db)) /* an earlier roll-back failed */
        writer_roll_back(writer);
    writer->begun = db_transaction(writer->db, DB_BEGIN, &writer->err);
    return writer->begun;
}

static bool writer_call(struct writer *writer, struct task *task)
{
    struct db *db = writer->db;
    error_clear(&writer->err);
    db->trouble = DB_TROUBLE_NONE;
    db->work_failed = false;
    db->needs_transaction = true;
    bool done = task->work(db, task->context, &writer->err);
    arena_forget_overrun(); /* it was this work's alone */
    assert(db->in_use_count == 0 && "a work releases its rows before it returns");
    db->needs_transaction = false;
    db_set_deadline(db, 0);
    if (done && db->work_failed)
        done = error_set(&writer->err, ERROR_INTERNAL,
                         "A statement of this change has failed, so nothing of it was kept.",
                         "该更改中有语句失败，未保存任何内容。");
    db->work_failed = false;
    if (done && !db->driver->in_transaction(db))
        done = error_set(&writer->err, ERROR_INTERNAL,
                         "The database took the transaction back; nothing of it was kept.",
                         "数据库已撤销该事务，未保存任何更改。");
    if (!done && writer->err.code == ERROR_NONE)
        error_set(&writer->err, ERROR_INTERNAL, "A change failed and did not say why.",
                  "更改失败，原因不明。");
    return done;
}

/* Takes back what a failed task did, and no more. */
static enum progress writer_take_back(struct writer *writer, bool savepoint)
{
    struct db *db = writer->db;
    if (!savepoint) { /* nothing else is in the transaction */
        writer_roll_back(writer);
        return GOES_ON;
    }
    if (!db->driver->in_transaction(db))
        return LOST;
    struct error err;
    if (db_transaction(db, DB_ROLLBACK_TO, &err) && db_transaction(db, DB_RELEASE, &err))
        return GOES_ON;
    writer->err = err;
    return LOST;
}

static enum progress writer_run_task(struct writer *writer, struct task *task)
{
    struct db *db = writer->db;
    if (!writer_begin(writer))
        return NOT_BEGUN;
    bool savepoint = writer->kept > 0;
    db->trouble = DB_TROUBLE_NONE;
    if (savepoint && !db_transaction(db, DB_SAVEPOINT, &writer->err))
        return writer_progress_lost(writer);
    if (!writer_call(writer, task)) {
        if (writer_progress_lost(writer) != LOST)
            return writer_progress_lost(writer);
        task_set_failure(task, &writer->err);
        return writer_take_back(writer, savepoint);
    }
    if (savepoint && !db_transaction(db, DB_RELEASE, &writer->err))
        return writer_progress_lost(writer);
    writer->kept++;
    return GOES_ON;
}

/* ---- while nobody waits ---- */

/* After a commit: work that may take a while. What the readers hold is old now, and in the way of a
 * checkpoint. */
static void writer_after_commit(struct writer *writer)
{
    reader_pool_unpin(writer->readers);
    if (writer->db->driver->after_commit)
        writer->db->driver->after_commit(writer->db);
    writer->pinned = reader_pool_refresh(writer->readers);
}

/* Once, then now and again while it goes on, and when it is over. */
static void writer_log_catching_up(struct writer *writer, const struct error *failure)
{
    int64_t now = clock_monotonic_us();
    if (failure && now >= writer->logged_at + LOG_US) {
        log_warn("store", "what the full text lacks was not written, searches get slower; tried again: %s",
                 failure->detail[LANGUAGE_EN]);
        writer->logged_at = now;
    } else if (!failure && writer->logged_at != NEVER_LOGGED) {
        log_info("store", "the full text is being brought up to date again");
        writer->logged_at = NEVER_LOGGED;
    }
}

/* A piece of what transactions have put off. If it cannot be done (disk full), it is tried again after the
 * next change. */
static void writer_catch_up(struct writer *writer)
{
    struct db *db = writer->db;
    struct error err;
    error_clear(&err);
    bool more = false;
    writer->behind = !db->driver->is_behind || db->driver->is_behind(db);
    if (!writer->behind)
        return;
    reader_pool_unpin(writer->readers); /* another process may wait for that with the lock in its hand */
    bool done = db_transaction(db, DB_BEGIN, &err) && db->driver->catch_up(db, &more, &err) &&
                db_transaction(db, DB_COMMIT, &err);
    if (!done)
        writer_roll_back(writer);
    writer_log_catching_up(writer, done ? NULL : &err);
    writer->behind = done && more;
    writer->catch_up_at = clock_monotonic_us() + CATCH_UP_US;
    writer_after_commit(writer);
}

/* Waits for a task; NULL: closing, and none is left. */
static struct task *writer_await(struct writer *writer)
{
    bool quiet = false;
    pthread_mutex_lock(&writer->lock);
    while (!writer->first && !writer->closing) {
        writer->behind |= writer->external_change && writer->db->driver->catch_up;
        writer->external_change = false;
        bool idle = quiet && writer->behind;
        if (!idle && !writer->readers_used && !(quiet = writer_wait_locked(writer)))
            continue;
        writer->readers_used = false;
        pthread_mutex_unlock(&writer->lock);
        if (idle)
            writer_catch_up(writer);
        else
            writer->pinned = reader_pool_refresh(writer->readers);
        pthread_mutex_lock(&writer->lock);
    }
    struct task *task = writer_take_locked(writer);
    pthread_mutex_unlock(&writer->lock);
    return task;
}

/* ---- one batch ---- */

/* The connection broke while COMMIT was under way. */
static bool writer_ask_outcome(struct writer *writer)
{
    switch (writer->db->driver->commit_outcome(writer->db)) {
    case DB_OUTCOME_COMMITTED: return true;
    case DB_OUTCOME_TAKEN_BACK: writer->db->trouble = DB_TROUBLE_LOST; return false;
    default:
        return error_set(
            &writer->err, ERROR_UNAVAILABLE,
            "The connection to the database was lost during this change, and it could not be asked "
            "since whether it was kept. Look whether it is there before you repeat it.",
            "更改过程中与数据库的连接断开，且之后无法查询该更改是否已保存。请先确认结果再重试。");
    }
}

static enum progress writer_commit(struct writer *writer)
{
    if (!writer->begun) /* every task failed */
        return GOES_ON;
    const struct db_driver *driver = writer->db->driver;
    int64_t began = clock_monotonic_us();
    writer->db->trouble = DB_TROUBLE_NONE;
    bool done = !driver->in_place || driver->in_place(writer->db, &writer->err);
    if (done && driver->before_commit)
        done = driver->before_commit(writer->db, &writer->err);
    done = done && db_transaction(writer->db, DB_COMMIT, &writer->err);
    if (!done && writer->db->trouble == DB_TROUBLE_IN_DOUBT)
        done = writer_ask_outcome(writer);
    int64_t took = clock_monotonic_us() - began;
    size_t kept = writer->kept;
    if (!done) {
        writer_roll_back(writer);
        if (error_is_of_store(writer->err.code) && driver->after_failed_commit)
            driver->after_failed_commit(writer->db);
    }
    writer->begun = false;
    writer->kept = 0;
    pthread_mutex_lock(&writer->lock);
    writer->stats.last_commit_us = took;
    writer->stats.commits += done;
    writer->stats.works += done ? (int64_t)kept : 0;
    writer->stats.failed_commits += !done;
    pthread_mutex_unlock(&writer->lock);
    return done ? GOES_ON : writer_progress_lost(writer);
}

static enum progress writer_run_alone(struct writer *writer, struct task *task)
{
    enum progress progress;
    for (int number = 1;; number++) {
        progress = writer_run_task(writer, task);
        if (progress == GOES_ON && !task->failed)
            progress = writer_commit(writer);
        if (progress != AGAIN || number == TRIES)
            break;
        writer_roll_back(writer);
        /* Longer each time, and never in step with another process. */
        uint32_t random, pause_us = (uint32_t)TRY_PAUSE_US << (number - 1);
        random_bytes(&random, sizeof(random));
        usleep(pause_us / 2 + random % pause_us);
    }
    if (progress != GOES_ON) {
        writer_roll_back(writer);
        task_set_failure(task, &writer->err);
    }
    return progress;
}

/* Each task of the batch that has no answer yet in a transaction of its own. */
static void writer_run_one_by_one(struct writer *writer)
{
    for (size_t i = 0; i < writer->batch_size; i++) {
        struct task *task = writer->batch[i];
        if (!task->failed && writer_run_alone(writer, task) == NOT_BEGUN) {
            writer_fail_batch(writer, &writer->err);
            return;
        }
    }
}

static void writer_end_batch(struct writer *writer, enum progress progress)
{
    bool committing = progress == GOES_ON;
    if (committing)
        progress = writer_commit(writer);
    if (progress == GOES_ON)
        return;
    writer_roll_back(writer);
    bool others = writer->batch_size > 1 && writer->err.code == (committing ? ERROR_CONFLICT : ERROR_TIMEOUT);
    if (progress == NOT_BEGUN)
        writer_fail_waiting(writer);
    else if (progress == AGAIN || others)
        writer_run_one_by_one(writer);
    else
        writer_fail_batch(writer, &writer->err);
}

static void writer_run_batch(struct writer *writer, struct task *task)
{
    int64_t until = clock_monotonic_us() + BATCH_US;
    enum progress progress;
    writer->batch_size = 0;
    do {
        writer->batch[writer->batch_size++] = task;
        progress = writer_run_task(writer, task);
    } while (progress == GOES_ON && writer->batch_size < BATCH_TASKS && clock_monotonic_us() < until &&
             (task = writer_take(writer)));
    writer_end_batch(writer, progress);
    for (size_t i = 0; i < writer->batch_size; i++)
        task_answer(writer->batch[i]);
    writer_after_commit(writer);
    writer->behind = writer->db->driver->catch_up != NULL;
    if (writer->behind && clock_monotonic_us() >= writer->catch_up_at)
        writer_catch_up(writer);
}

static void *writer_main(void *context)
{
    struct writer *writer = context;
    running = writer;
    struct task *task;
    while ((task = writer_await(writer)))
        writer_run_batch(writer, task);
    return NULL;
}

/* ---- from outside ---- */

static void writer_on_first_use(void *context)
{
    struct writer *writer = context;
    pthread_mutex_lock(&writer->lock);
    writer->readers_used = true;
    pthread_cond_signal(&writer->arrived);
    pthread_mutex_unlock(&writer->lock);
}

void writer_notify_external_change(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    writer->external_change = true;
    pthread_cond_signal(&writer->arrived);
    pthread_mutex_unlock(&writer->lock);
}

struct writer *writer_new(struct db *db, struct reader_pool *readers, size_t queue_ceiling)
{
    struct writer *writer = xcalloc(1, sizeof(*writer));
    writer->db = db;
    writer->readers = readers;
    writer->ceiling = queue_ceiling;
    writer->end = &writer->first;
    writer->behind = db->driver->catch_up != NULL;
    writer->logged_at = NEVER_LOGGED;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->arrived, &attributes);
    pthread_condattr_destroy(&attributes);
    reader_pool_set_first_use(readers, writer_on_first_use, writer);
    if (pthread_create(&writer->thread, NULL, writer_main, writer) != 0)
        fatal("cannot start a thread for the store; raise the limits on processes and memory");
    pthread_setname_np(writer->thread, "store-writer");
    return writer;
}

void writer_free(struct writer *writer)
{
    if (!writer)
        return;
    pthread_mutex_lock(&writer->lock);
    writer->closing = true;
    pthread_cond_signal(&writer->arrived);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    reader_pool_set_first_use(writer->readers, NULL, NULL);
    pthread_cond_destroy(&writer->arrived);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}

bool writer_run(struct writer *writer, store_work work, void *context, struct error *err)
{
    assert(running != writer && "a work must not wait for another one");
    struct error unwanted;
    sem_t answered;
    sem_init(&answered, 0, 0);
    struct task task = {
        .work = work, .context = context, .err = err ? err : &unwanted, .answered = &answered};
    if (running == writer || !writer_put(writer, &task)) {
        sem_destroy(&answered);
        error_set(err, ERROR_UNAVAILABLE,
                  "The store cannot take more changes for the moment. Try again shortly.",
                  "数据库暂时无法接受更多更改，请稍后重试。");
        if (err)
            err->retry_after_seconds = 1;
        return false;
    }
    while (sem_wait(&answered) != 0 && errno == EINTR)
        ;
    sem_destroy(&answered);
    return !task.failed;
}

bool writer_submit(struct writer *writer, store_work work, store_done done, void *context)
{
    struct task *task = xcalloc(1, sizeof(*task));
    task->work = work;
    task->done = done;
    task->context = context;
    if (writer_put(writer, task))
        return true;
    free(task);
    return false;
}

void writer_get_stats(struct writer *writer, struct store_stats *ret_stats)
{
    pthread_mutex_lock(&writer->lock);
    *ret_stats = writer->stats;
    ret_stats->queue_length = (int64_t)writer->waiting;
    ret_stats->oldest_wait_us = writer->first ? clock_monotonic_us() - writer->first->put_at_us : 0;
    pthread_mutex_unlock(&writer->lock);
}
