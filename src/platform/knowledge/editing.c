/* Edits of pairs, of which each keeps its tenant's revision and counters; and what time does to them:
 * purging and ageing. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/memory.h"
#include "platform/jobs/scheduler.h"
#include "platform/knowledge/knowledge.h"
#include "platform/knowledge/templates.h"
#include "platform/tenants/tenants.h"
#include "platform/text_rules.h"

static const struct field row_fields[] = {
    FIELD(struct qa_pair_row, id, INT, ""),          FIELD(struct qa_pair_row, tenant_id, TEXT, ""),
    FIELD(struct qa_pair_row, question, TEXT, ""),   FIELD(struct qa_pair_row, answer, TEXT, ""),
    FIELD(struct qa_pair_row, category, TEXT, ""),   FIELD(struct qa_pair_row, version, INT, ""),
    FIELD(struct qa_pair_row, updated_at, INT, ""),  FIELD(struct qa_pair_row, hit_count, INT, ""),
    FIELD(struct qa_pair_row, good_count, INT, ""),  FIELD(struct qa_pair_row, bad_count, INT, ""),
    FIELD(struct qa_pair_row, is_synced, BOOL, ""),  FIELD(struct qa_pair_row, synced_hash, INT, ""),
    FIELD(struct qa_pair_row, text_hash, INT, ""),   FIELD(struct qa_pair_row, deleted_at, INT, ""),
    FIELD(struct qa_pair_row, template_id, INT, ""), FIELD(struct qa_pair_row, template_version, INT, ""),
};
static const struct descriptor row_descriptor = DESCRIPTOR("QAPairRow", struct qa_pair_row, row_fields);

static const char SQL_ROW[] =
    "SELECT id, tenant_id, question, answer, category, version, updated_at, hit_count, good_count, bad_count,"
    " is_synced, synced_hash, text_hash, deleted_at, template_id, template_version FROM qa_pairs WHERE id = "
    "$1";

bool qa_pair_row_read(struct db *db, int64_t id, struct arena *arena, struct qa_pair_row *ret_row,
                      bool *ret_found, struct error *err)
{
    return db_find(db, SQL_ROW, DB_ARGS(db_int(id)), &row_descriptor, ret_row, arena, ret_found, err);
}

static bool qa_edits_need_revision(struct qa_edits *edits, struct error *err)
{
    return edits->revision != 0 || tenant_next_revision(edits->db, edits->tenant_id, &edits->revision, err);
}

static bool qa_edits_count_copy(struct qa_edits *edits, const struct qa_pair_row *row, int64_t difference,
                                struct error *err)
{
    return row->template_id == INT_NULL ||
           template_count_copy(edits->db, row->template_id, row->template_version, difference, err);
}

bool qa_edits_finish(struct qa_edits *edits, struct error *err)
{
    return tenant_count_pairs(edits->db, edits->tenant_id, edits->pairs, edits->unsynced, err) &&
           tenant_count_removals(edits->db, edits->tenant_id, edits->removals, err);
}

/* An unsynced text may be on its way into the index just now: it counts as being there. */
static const char SQL_DELETE[] =
    "UPDATE qa_pairs SET deleted_at = $2, deleted_by = $3, revision = $4, is_synced = 0,"
    " synced_hash = COALESCE(synced_hash, text_hash) WHERE id = $1 AND deleted_at IS NULL";

bool qa_pair_delete(struct qa_edits *edits, const struct qa_pair_row *row, const char *username, int64_t at,
                    struct error *err)
{
    if (!qa_edits_need_revision(edits, err) ||
        !db_execute(edits->db, SQL_DELETE,
                    DB_ARGS(db_int(row->id), db_int(at), db_text(username), db_int(edits->revision)), NULL,
                    err))
        return false;
    edits->pairs--;
    edits->unsynced -= !row->is_synced;
    edits->removals++;
    return qa_edits_count_copy(edits, row, -1, err);
}

static bool qa_edits_check_question(struct qa_edits *edits, const struct qa_pair_row *row, struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    struct qa_pair other;
    bool found;
    if (!qa_pair_same_question(edits->db, edits->tenant_id, row->question, &arena, &other, &found, err))
        return false;
    return !found || error_set(err, ERROR_CONFLICT,
                               "Pair %" PRId64 " has this question meanwhile; delete that one first.",
                               "问答 %" PRId64 " 现在已是相同的问题，请先删除它。", other.id);
}

static const char SQL_RESTORE[] =
    "UPDATE qa_pairs SET deleted_at = NULL, deleted_by = NULL, revision = $2, is_synced = 0"
    " WHERE id = $1 AND deleted_at IS NOT NULL";

bool qa_pair_restore(struct qa_edits *edits, const struct qa_pair_row *row, struct error *err)
{
    if (!qa_edits_check_question(edits, row, err) || !qa_edits_need_revision(edits, err) ||
        !db_execute(edits->db, SQL_RESTORE, DB_ARGS(db_int(row->id), db_int(edits->revision)), NULL, err))
        return false;
    edits->pairs++;
    edits->unsynced++;
    edits->removals -= row->synced_hash != INT_NULL;
    return qa_edits_count_copy(edits, row, 1, err);
}

static const char SQL_SET_CATEGORY[] =
    "UPDATE qa_pairs SET category = $2, revision = $3, updated_at = $4, quality_score = $5,"
    " quality_due_at = $6, version = version + 1 WHERE id = $1";

bool qa_pair_set_category(struct qa_edits *edits, const struct qa_pair_row *row, const char *category,
                          struct error *err)
{
    struct text_span span = text_trim(category);
    int64_t now = clock_now_ms();
    struct quality_evidence evidence = {row->hit_count, row->good_count, row->bad_count, now};
    return qa_edits_need_revision(edits, err) &&
           db_execute(edits->db, SQL_SET_CATEGORY,
                      DB_ARGS(db_int(row->id), db_text_n(span.bytes, span.length), db_int(edits->revision),
                              db_int(now), db_real(quality_score(&evidence, now)),
                              db_int(quality_due_at(&evidence, now))),
                      NULL, err);
}

bool qa_pair_set_text(struct qa_edits *edits, const struct qa_pair_row *row, const char *question,
                      const char *answer, const char *category, struct error *err)
{
    struct qa_pair pair = {
        .id = row->id,
        .tenant_id = row->tenant_id,
        .question = question,
        .answer = answer,
        .category = category,
        .version = row->version,
    };
    bool was_synced;
    if (!qa_edits_need_revision(edits, err) ||
        !qa_pair_update_text(edits->db, edits->revision, &pair, &was_synced, err))
        return false;
    edits->unsynced += was_synced;
    return true;
}

/* ---- what time does ---- */

#define STEP_PAIRS 500
#define PURGE_AFTER_MS (2 * DAY_MS)

struct step {
    int64_t before, done; /* `done`: set by the work, which may run twice */
};

/* Repeats the step's work while there is more to do. */
static bool qa_pairs_run_steps(struct store *store, store_work work, int64_t before, int64_t *ret_done,
                               struct error *err)
{
    struct step step = {.before = before, .done = STEP_PAIRS};
    int64_t done = 0;
    while (step.done == STEP_PAIRS && !scheduler_stopping()) {
        if (!store_write(store, work, &step, err))
            return false;
        done += step.done;
    }
    *ret_done = done;
    return true;
}

/* A copy of a template that still is says that the tenant has deleted it. */
static const char SQL_PURGE[] =
    "DELETE FROM qa_pairs WHERE id IN (SELECT id FROM qa_pairs WHERE deleted_at IS NOT NULL"
    " AND deleted_at < $1 AND synced_hash IS NULL AND (template_id IS NULL OR NOT EXISTS"
    " (SELECT 1 FROM templates t WHERE t.id = qa_pairs.template_id AND t.deleted_at IS NULL))"
    " ORDER BY deleted_at, id LIMIT $2)";

static bool qa_pairs_purge_work(struct db *db, void *context, struct error *err)
{
    struct step *step = context;
    return db_execute(db, SQL_PURGE, DB_ARGS(db_int(step->before), db_int(STEP_PAIRS)), &step->done, err);
}

bool qa_pairs_purge(struct store *store, int64_t *ret_purged, struct error *err)
{
    return qa_pairs_run_steps(store, qa_pairs_purge_work, clock_now_ms() - PURGE_AFTER_MS, ret_purged, err);
}

struct aged {
    int64_t id;
    struct quality_evidence evidence;
};

static const char SQL_DUE[] =
    "SELECT id, hit_count, good_count, bad_count, updated_at FROM qa_pairs WHERE quality_due_at IS NOT NULL"
    " AND quality_due_at <= $1 AND deleted_at IS NULL ORDER BY quality_due_at LIMIT $2";

static bool qa_pairs_read_due(struct db *db, int64_t now, struct aged *ret_due, int64_t *ret_count,
                              struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    int64_t count = 0;
    if (!db_query(db, SQL_DUE, DB_ARGS(db_int(now), db_int(STEP_PAIRS)), &rows, err))
        return false;
    while (db_next(&rows))
        ret_due[count++] = (struct aged){db_column_int(&rows, 0),
                                         {db_column_int(&rows, 1), db_column_int(&rows, 2),
                                          db_column_int(&rows, 3), db_column_int(&rows, 4)}};
    *ret_count = count;
    return db_done(&rows, err);
}

static const char SQL_AGE[] = "UPDATE qa_pairs SET quality_score = $2, quality_due_at = $3 WHERE id = $1";

static bool qa_pairs_age_work(struct db *db, void *context, struct error *err)
{
    struct step *step = context;
    struct aged due[STEP_PAIRS];
    if (!qa_pairs_read_due(db, step->before, due, &step->done, err))
        return false;
    for (int64_t i = 0; i < step->done; i++) {
        const struct quality_evidence *evidence = &due[i].evidence;
        if (!db_execute(db, SQL_AGE,
                        DB_ARGS(db_int(due[i].id), db_real(quality_score(evidence, step->before)),
                                db_int(quality_due_at(evidence, step->before))),
                        NULL, err))
            return false;
    }
    return true;
}

bool qa_pairs_age(struct store *store, int64_t *ret_aged, struct error *err)
{
    return qa_pairs_run_steps(store, qa_pairs_age_work, clock_now_ms(), ret_aged, err);
}
