#include "platform/knowledge/changes.h"

#include "base/clock.h"
#include "base/memory.h"
#include "platform/jobs/scheduler.h"

#define SWEEP_ROWS 500

static const char SQL_ADD[] =
    "INSERT INTO knowledge_changes(job_id, kind, tenant_id, first_id, last_id, version, deleted_at, question,"
    " answer, category) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
static const char SQL_ADD_JOB[] = "INSERT INTO knowledge_undos(job_id) VALUES ($1) ON CONFLICT DO NOTHING";

static bool knowledge_change_add(struct db *db, const char *job_id, const struct knowledge_change *change,
                                 struct error *err)
{
    if (!job_id)
        return true;
    return db_execute(db, SQL_ADD_JOB, DB_ARGS(db_text(job_id)), NULL, err) &&
           db_execute(db, SQL_ADD,
                      DB_ARGS(db_text(job_id), db_int(change->kind), db_text(change->tenant_id),
                              db_int(change->first_id), db_int(change->last_id), db_int(change->version),
                              db_int(change->deleted_at), db_text(change->question), db_text(change->answer),
                              db_text(change->category)),
                      NULL, err);
}

bool knowledge_change_created(struct db *db, const char *job_id, const char *tenant_id, const int64_t *ids,
                              size_t count, struct error *err)
{
    struct knowledge_change change = {
        .kind = CHANGE_CREATED, .tenant_id = tenant_id, .version = 1, .deleted_at = INT_NULL};
    for (size_t i = 0, next; i < count; i = next) {
        next = i + 1;
        while (next < count && ids[next] == ids[next - 1] + 1)
            next++;
        change.first_id = ids[i];
        change.last_id = ids[next - 1];
        if (!knowledge_change_add(db, job_id, &change, err))
            return false;
    }
    return true;
}

bool knowledge_change_updated(struct db *db, const char *job_id, const struct qa_pair *before,
                              int64_t version_after, struct error *err)
{
    struct knowledge_change change = {.kind = CHANGE_UPDATED,
                                      .tenant_id = before->tenant_id,
                                      .first_id = before->id,
                                      .last_id = before->id,
                                      .version = version_after,
                                      .deleted_at = INT_NULL,
                                      .question = before->question,
                                      .answer = before->answer,
                                      .category = before->category};
    return knowledge_change_add(db, job_id, &change, err);
}

bool knowledge_change_deleted(struct db *db, const char *job_id, const char *tenant_id, int64_t id,
                              int64_t version, int64_t deleted_at, struct error *err)
{
    struct knowledge_change change = {.kind = CHANGE_DELETED,
                                      .tenant_id = tenant_id,
                                      .first_id = id,
                                      .last_id = id,
                                      .version = version,
                                      .deleted_at = deleted_at};
    return knowledge_change_add(db, job_id, &change, err);
}

/* ---- undoing ---- */

static const struct field change_fields[] = {
    FIELD(struct knowledge_change, id, INT, ""),         FIELD(struct knowledge_change, kind, INT, ""),
    FIELD(struct knowledge_change, tenant_id, TEXT, ""), FIELD(struct knowledge_change, first_id, INT, ""),
    FIELD(struct knowledge_change, last_id, INT, ""),    FIELD(struct knowledge_change, version, INT, ""),
    FIELD(struct knowledge_change, deleted_at, INT, ""), FIELD(struct knowledge_change, question, TEXT, ""),
    FIELD(struct knowledge_change, answer, TEXT, ""),    FIELD(struct knowledge_change, category, TEXT, ""),
};
static const struct descriptor change_descriptor =
    DESCRIPTOR("KnowledgeChange", struct knowledge_change, change_fields);

static const char SQL_NEWEST[] =
    "SELECT id, kind, tenant_id, first_id, last_id, version, deleted_at, question, answer, category"
    " FROM knowledge_changes WHERE job_id = $1 ORDER BY id DESC LIMIT $2";

bool knowledge_changes_read(struct db *db, const char *job_id, size_t limit, struct arena *arena,
                            struct knowledge_change *ret_changes, size_t *ret_count, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    size_t count = 0;
    if (!db_query(db, SQL_NEWEST, DB_ARGS(db_text(job_id), db_int((int64_t)limit)), &rows, err))
        return false;
    while (db_next(&rows) && count < limit)
        db_read_row(&rows, &change_descriptor, &ret_changes[count++], arena);
    *ret_count = count;
    return db_done(&rows, err);
}

static const char SQL_COUNT[] = "SELECT SUM(last_id - first_id + 1) FROM knowledge_changes WHERE job_id = $1";

bool knowledge_changes_count(struct db *db, const char *job_id, int64_t *ret_pairs, struct error *err)
{
    return db_find_int(db, SQL_COUNT, DB_ARGS(db_text(job_id)), 0, ret_pairs, err);
}

static const char SQL_FORGET[] = "DELETE FROM knowledge_changes WHERE id = $1";
static const char SQL_SHRINK[] = "UPDATE knowledge_changes SET last_id = $2 WHERE id = $1";

bool knowledge_change_forget(struct db *db, const struct knowledge_change *change, int64_t from_id,
                             struct error *err)
{
    if (from_id <= change->first_id)
        return db_execute(db, SQL_FORGET, DB_ARGS(db_int(change->id)), NULL, err);
    return db_execute(db, SQL_SHRINK, DB_ARGS(db_int(change->id), db_int(from_id - 1)), NULL, err);
}

static const char SQL_CLAIM[] =
    "UPDATE knowledge_undos SET undo_job_id = $2 WHERE job_id = $1 AND (undo_job_id IS NULL"
    " OR undo_job_id IN (SELECT id FROM jobs WHERE status IN ('failed', 'cancelled')))"
    " AND EXISTS (SELECT 1 FROM knowledge_changes c WHERE c.job_id = knowledge_undos.job_id)";
static const char SQL_HAS_CHANGED[] = "SELECT COUNT(*) FROM knowledge_undos WHERE job_id = $1";

bool knowledge_undo_claim(struct db *db, const char *job_id, const char *undo_job_id, struct error *err)
{
    int64_t claimed, has_changed;
    if (!db_execute(db, SQL_CLAIM, DB_ARGS(db_text(job_id), db_text(undo_job_id)), &claimed, err) ||
        !db_find_int(db, SQL_HAS_CHANGED, DB_ARGS(db_text(job_id)), 0, &has_changed, err))
        return false;
    if (claimed)
        return true;
    return has_changed ? error_set(err, ERROR_CONFLICT, "Job %s has been undone already.",
                                   "任务 %s 已经撤销过。", job_id)
                       : error_set(err, ERROR_CONFLICT, "Job %s has changed nothing that could be undone.",
                                   "任务 %s 没有可以撤销的更改。", job_id);
}

/* ---- sweeping ---- */

struct sweep {
    int64_t before, deleted; /* `deleted`: set by the work, which may run twice */
};

/* A job that is gone was over long ago. */
#define SWEPT_JOBS                                                                                           \
    "SELECT u.job_id FROM knowledge_undos u LEFT JOIN jobs j ON j.id = u.job_id"                             \
    " LEFT JOIN jobs o ON o.id = u.undo_job_id AND o.status IN ('queued', 'running')"                        \
    " WHERE o.id IS NULL AND (j.id IS NULL OR j.finished_at < $1)"

static const char SQL_SWEEP[] =
    "DELETE FROM knowledge_changes WHERE id IN (SELECT id FROM knowledge_changes WHERE job_id IN (" SWEPT_JOBS
    ") LIMIT $2)";
static const char SQL_SWEEP_JOBS[] =
    "DELETE FROM knowledge_undos WHERE job_id IN (" SWEPT_JOBS ") AND NOT EXISTS"
    " (SELECT 1 FROM knowledge_changes c WHERE c.job_id = knowledge_undos.job_id)";

static bool changes_sweep_work(struct db *db, void *context, struct error *err)
{
    struct sweep *sweep = context;
    return db_execute(db, SQL_SWEEP, DB_ARGS(db_int(sweep->before), db_int(SWEEP_ROWS)), &sweep->deleted,
                      err) &&
           (sweep->deleted == SWEEP_ROWS ||
            db_execute(db, SQL_SWEEP_JOBS, DB_ARGS(db_int(sweep->before)), NULL, err));
}

bool knowledge_changes_sweep(struct store *store, int64_t *ret_deleted, struct error *err)
{
    struct sweep sweep = {.before = clock_now_ms() - KNOWLEDGE_UNDO_MS, .deleted = SWEEP_ROWS};
    int64_t deleted = 0;
    while (sweep.deleted == SWEEP_ROWS && !scheduler_stopping()) {
        if (!store_write(store, changes_sweep_work, &sweep, err))
            return false;
        deleted += sweep.deleted;
    }
    *ret_deleted = deleted;
    return true;
}
