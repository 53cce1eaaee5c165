/* The states of a job, from queued to running to its end: each change is one transaction that asks for
 * the state before it, so that whoever cancels in between is heard. */
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "platform/jobs/private.h"

#define STATE_READ_MS 5000 /* time that a look may take */

/* --- taking one */

#define WAITING                                                                                              \
    " FROM jobs WHERE status IN ('queued', 'running') AND status = 'queued'" /* by idx_jobs_open */

static const char SQL_WAITS[] = "SELECT 1 WHERE EXISTS (SELECT 1" WAITING ")";

bool job_waits(struct store *store, bool *ret_waits, struct error *err)
{
    int64_t waits;
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (!store_reader(store, STATE_READ_MS, &db, err) ||
        !db_find_int(db, SQL_WAITS, DB_NO_ARGS, 0, &waits, err))
        return false;
    *ret_waits = waits != 0;
    return true;
}

static const char SQL_TAKE[] =
    "UPDATE jobs SET status = 'running', started_at = COALESCE(started_at, $1)"
    " WHERE id = (SELECT id" WAITING " ORDER BY created_at, id LIMIT 1) RETURNING " JOB_COLUMNS;

struct taking {
    struct arena *arena;
    struct job job;
    bool found;
};

static bool take_work(struct db *db, void *context, struct error *err)
{
    struct taking *taking = context;
    return db_find(db, SQL_TAKE, DB_ARGS(db_int(clock_now_ms())), &job_descriptor, &taking->job,
                   taking->arena, &taking->found, err);
}

bool job_take(struct store *store, struct arena *arena, struct job *ret_job, bool *ret_found,
              struct error *err)
{
    struct taking taking = {.arena = arena};
    if (!store_write(store, take_work, &taking, err))
        return false;
    *ret_found = taking.found;
    if (taking.found)
        *ret_job = taking.job;
    return true;
}

/* --- ending one */

static const char SQL_END[] = "UPDATE jobs SET status = $2, error_en = $3, error_zh = $4, finished_at = $5"
                              " WHERE id = $1 AND status = 'running'";

static bool set_end(struct db *db, const char *id, const char *status, const struct error *why,
                    struct error *err)
{
    bool failed = strcmp(status, "failed") == 0, goes_on = strcmp(status, "queued") == 0;
    return db_execute(db, SQL_END,
                      DB_ARGS(db_text(id), db_text(status), db_text(failed ? why->detail[LANGUAGE_EN] : NULL),
                              db_text(failed ? why->detail[LANGUAGE_ZH] : NULL),
                              db_int(goes_on ? INT_NULL : clock_now_ms())),
                      NULL, err);
}

struct ending {
    const char *id, *status;
    const struct error *why;
    struct arena *arena;
    struct job job;
};

static bool end_work(struct db *db, void *context, struct error *err)
{
    struct ending *ending = context;
    return set_end(db, ending->id, ending->status, ending->why, err) &&
           job_get(db, ending->id, ending->arena, &ending->job, err);
}

bool job_end_run(struct store *store, const char *status, const struct error *why, struct arena *arena,
                 struct job *job, struct error *err)
{
    struct ending ending = {.id = job->id, .status = status, .why = why, .arena = arena};
    if (!store_write(store, end_work, &ending, err))
        return false;
    *job = ending.job;
    return true;
}

/* --- after a process has ended */

bool job_error_process_ended(struct error *err)
{
    return error_set(err, ERROR_INTERNAL,
                     "The process ended while it ran: what was done until then stays. Ask for it again.",
                     "执行期间进程已结束：此前完成的部分保留，请重新发起。");
}

static const char SQL_RUNNING[] = "SELECT " JOB_COLUMNS " FROM jobs"
                                  " WHERE status IN ('queued', 'running') AND status = 'running'"
                                  " ORDER BY created_at, id LIMIT 1";

struct recovery {
    const struct jobs *jobs;
    int64_t count;
};

/* Each leaves the state that the next look is for. */
static bool recover_work(struct db *db, void *context, struct error *err)
{
    struct recovery *recovery = context;
    CLEANUP(arena_release) struct arena arena = {0};
    struct error why;
    job_error_process_ended(&why);
    for (recovery->count = 0;; recovery->count++) {
        struct job job;
        bool found;
        arena_reset(&arena);
        if (!db_find(db, SQL_RUNNING, DB_NO_ARGS, &job_descriptor, &job, &arena, &found, err))
            return false;
        if (!found)
            return true;
        const struct job_kind *kind = job_kind_find(recovery->jobs, job.kind);
        if (!set_end(db, job.id, !kind || kind->resumes ? "queued" : "failed", &why, err))
            return false;
    }
}

bool jobs_recover(struct store *store, const struct jobs *jobs, int64_t *ret_count, struct error *err)
{
    struct recovery recovery = {.jobs = jobs};
    if (!store_write(store, recover_work, &recovery, err))
        return false;
    *ret_count = recovery.count;
    return true;
}

/* --- looking */

static const char SQL_IS_OPEN[] =
    "SELECT COUNT(*) FROM jobs WHERE id = $1 AND status IN ('queued', 'running')";

bool job_is_over(struct store *store, const char *id)
{
    struct error err;
    int64_t open;
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(store, STATE_READ_MS, &db, &err) &&
           db_find_int(db, SQL_IS_OPEN, DB_ARGS(db_text(id)), 0, &open, &err) && open == 0;
}

static const char SQL_COUNT[] =
    "SELECT COUNT(*), COALESCE(SUM(CASE status WHEN 'queued' THEN 1 ELSE 0 END), 0)"
    " FROM jobs WHERE status IN ('queued', 'running')";

bool jobs_count(struct store *store, struct jobs_state *ret_state, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!store_reader(store, STATE_READ_MS, &db, err) || !db_query(db, SQL_COUNT, DB_NO_ARGS, &rows, err))
        return false;
    if (db_next(&rows)) {
        ret_state->waiting = db_column_int(&rows, 1);
        ret_state->running = db_column_int(&rows, 0) - ret_state->waiting;
    }
    return db_done(&rows, err);
}
