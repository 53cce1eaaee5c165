/* The states of a job, from queued to running to its end: each change is one transaction that asks for
 * the state before it, so that a cancel in between holds. */
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "platform/jobs/private.h"
#include "store/news.h"

#define STATE_READ_MS 5000 /* time that a look may take */

/* --- claiming one */

/* By idx_jobs_open. A time to retry at that lies further ahead than any wait is a clock's that has jumped. */
#define QUEUED " FROM jobs WHERE status IN ('queued', 'running') AND status = 'queued'"
#define DUE QUEUED " AND (retry_at IS NULL OR retry_at <= $1 OR retry_at > $2)"

static const char SQL_NEXT_DUE[] =
    "SELECT MIN(CASE WHEN retry_at IS NULL OR retry_at > $1 THEN 0 ELSE retry_at END)" QUEUED;

bool job_next_due(struct store *store, bool *ret_is_due, int64_t *ret_next_at, struct error *err)
{
    int64_t now = clock_now_ms(), next;
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (!store_reader(store, STATE_READ_MS, &db, err) ||
        !db_find_int(db, SQL_NEXT_DUE, DB_ARGS(db_int(now + JOB_RETRY_MOST_MS)), INT_NULL, &next, err))
        return false;
    *ret_is_due = next != INT_NULL && next <= now;
    *ret_next_at = next;
    return true;
}

static const char SQL_CLAIM[] =
    "UPDATE jobs SET status = 'running', started_at = COALESCE(started_at, $1), owner = $3, claim = claim + "
    "1,"
    " retry_at = NULL WHERE id = (SELECT id" DUE " ORDER BY created_at, id LIMIT 1) RETURNING " JOB_COLUMNS;

struct claiming {
    const char *owner;
    struct arena *arena;
    struct job job;
    bool found;
};

static bool job_claim_work(struct db *db, void *context, struct error *err)
{
    struct claiming *claiming = context;
    int64_t now = clock_now_ms();
    return db_find(db, SQL_CLAIM,
                   DB_ARGS(db_int(now), db_int(now + JOB_RETRY_MOST_MS), db_text(claiming->owner)),
                   &job_descriptor, &claiming->job, claiming->arena, &claiming->found, err);
}

bool job_claim(struct store *store, const char *owner, struct arena *arena, struct job *ret_job,
               bool *ret_found, struct error *err)
{
    struct claiming claiming = {.owner = owner, .arena = arena};
    if (!store_write(store, job_claim_work, &claiming, err))
        return false;
    *ret_found = claiming.found;
    if (claiming.found)
        *ret_job = claiming.job;
    return true;
}

static const char SQL_CLAIM_HOLDS[] =
    "SELECT 1 FROM jobs WHERE id = $1 AND claim = $2 AND status = 'running'";

bool job_claim_holds(struct db *db, const char *id, int64_t claim, bool *ret_holds, struct error *err)
{
    int64_t holds;
    if (!db_find_int(db, SQL_CLAIM_HOLDS, DB_ARGS(db_text(id), db_int(claim)), 0, &holds, err))
        return false;
    *ret_holds = holds != 0;
    return true;
}

/* --- ending one */

static const char SQL_END[] =
    "UPDATE jobs SET status = $3, error_en = $4, error_zh = $5, finished_at = $6, owner = NULL,"
    " failures = $7, retry_at = $8 WHERE id = $1 AND claim = $2 AND status = 'running'";

struct ended {
    const char *status;
    const struct error *why; /* NULL: it has not failed */
    int64_t failures, retry_at;
};

static bool job_set_end(struct db *db, const struct job *job, const struct ended *ended, struct error *err)
{
    bool goes_on = strcmp(ended->status, "queued") == 0;
    const struct error *why = ended->why;
    return db_execute(db, SQL_END,
                      DB_ARGS(db_text(job->id), db_int(job->claim), db_text(ended->status),
                              db_text(why ? why->detail[LANGUAGE_EN] : NULL),
                              db_text(why ? why->detail[LANGUAGE_ZH] : NULL),
                              db_int(goes_on ? INT_NULL : clock_now_ms()), db_int(ended->failures),
                              db_int(ended->retry_at)),
                      NULL, err) &&
           news_post(db, err);
}

struct ending {
    enum job_end end;
    int64_t done_before;
    const struct error *why;
    const struct job *claimed;
    struct arena *arena;
    struct job job; /* out: as the row is then */
};

static struct ended job_ended_of(const struct ending *ending, const struct job *now)
{
    int64_t failures = now->progress_done > ending->done_before ? 1 : now->failures + 1;
    switch (ending->end) {
    case JOB_SUCCEEDED: return (struct ended){.status = "succeeded", .retry_at = INT_NULL};
    case JOB_QUEUED_AGAIN:
        return (struct ended){.status = "queued", .failures = now->failures, .retry_at = INT_NULL};
    case JOB_RETRIED: {
        int64_t wait_ms = JOB_RETRY_FIRST_MS; /* doubled by each failure behind the first */
        for (int64_t i = 1; i < failures && wait_ms < JOB_RETRY_MOST_MS; i++)
            wait_ms *= 2;
        if (failures < JOB_ATTEMPTS)
            return (struct ended){
                .status = "queued", .failures = failures, .retry_at = clock_now_ms() + wait_ms};
        break;
    }
    case JOB_FAILED: break;
    }
    return (struct ended){"failed", ending->why, now->failures, INT_NULL};
}

static bool job_end_work(struct db *db, void *context, struct error *err)
{
    struct ending *ending = context;
    const struct job *claimed = ending->claimed;
    if (!job_get(db, claimed->id, ending->arena, &ending->job, err))
        return false;
    struct ended ended = job_ended_of(ending, &ending->job);
    return job_set_end(db, claimed, &ended, err) &&
           job_get(db, claimed->id, ending->arena, &ending->job, err);
}

bool job_end_run(struct store *store, enum job_end end, int64_t done_before, const struct error *why,
                 struct arena *arena, struct job *job, struct error *err)
{
    struct ending ending = {
        .end = end, .done_before = done_before, .why = why, .claimed = job, .arena = arena};
    if (!store_write(store, job_end_work, &ending, err))
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

/* By idx_jobs_open. */
#define ORPHANED                                                                                             \
    " FROM jobs WHERE status IN ('queued', 'running') AND status = 'running'"                                \
    " AND NOT " LEASE_HOLDER_IS_ALIVE("jobs.owner")

static const char SQL_ARE_ORPHANED[] = "SELECT 1 WHERE EXISTS (SELECT 1" ORPHANED ")";
static const char SQL_ORPHAN[] = "SELECT " JOB_COLUMNS ORPHANED " ORDER BY created_at, id LIMIT 1";

bool jobs_are_orphaned(struct store *store, bool *ret_orphaned, struct error *err)
{
    int64_t orphaned;
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (!store_reader(store, JOB_BEAT_READ_MS, &db, err) ||
        !db_find_int(db, SQL_ARE_ORPHANED, DB_NO_ARGS, 0, &orphaned, err))
        return false;
    *ret_orphaned = orphaned != 0;
    return true;
}

struct recovery {
    const struct jobs *jobs;
    int64_t count;
};

/* Each leaves the state that the next look is for. */
static bool jobs_recover_work(struct db *db, void *context, struct error *err)
{
    struct recovery *recovery = context;
    CLEANUP(arena_release) struct arena arena = {0};
    struct error why;
    job_error_process_ended(&why);
    for (recovery->count = 0;; recovery->count++) {
        struct job job;
        bool found;
        arena_reset(&arena);
        if (!db_find(db, SQL_ORPHAN, DB_NO_ARGS, &job_descriptor, &job, &arena, &found, err))
            return false;
        if (!found)
            return true;
        const struct job_kind *kind = job_kind_find(recovery->jobs, job.kind);
        struct ended ended = {.status = "queued", .failures = job.failures, .retry_at = INT_NULL};
        if (kind && !kind->resumes)
            ended = (struct ended){"failed", &why, job.failures, INT_NULL};
        if (!job_set_end(db, &job, &ended, err))
            return false;
    }
}

bool jobs_recover(struct store *store, const struct jobs *jobs, int64_t *ret_count, struct error *err)
{
    struct recovery recovery = {.jobs = jobs};
    if (!store_write(store, jobs_recover_work, &recovery, err))
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
