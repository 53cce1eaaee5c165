#include "ops/knowledge/undo.h"

#include <string.h>

#include "base/clock.h"
#include "ops/knowledge/job_figures.h"
#include "platform/knowledge/changes.h"

#define UNDO_BATCH 200 /* pairs */

/* ---- asking ---- */

struct asking {
    const struct actor *actor;
    const char *job_id, *reason;
    struct arena *arena;
    struct job *job;
};

static bool undo_ask_work(struct db *db, void *context, struct error *err)
{
    struct asking *asking = context;
    struct job undone;
    struct job_request request = {
        .kind = UNDO_KIND,
        .parameters = arena_printf(asking->arena, "{\"job_id\":\"%s\"}", asking->job_id),
    };
    if (!job_get(db, asking->job_id, asking->arena, &undone, err))
        return false;
    if (!job_has_ended(&undone))
        return error_set(err, ERROR_CONFLICT, "Job %s has not ended yet: cancel it first, or wait for it.",
                         "任务 %s 尚未结束：请先取消或等待其完成。", undone.id);
    if (undone.finished_at < clock_now_ms() - KNOWLEDGE_UNDO_MS)
        return error_set(err, ERROR_CONFLICT, "Job %s ended more than 24 hours ago: it stays.",
                         "任务 %s 结束已超过 24 小时，无法再撤销。", undone.id);
    if (!knowledge_changes_count(db, asking->job_id, &request.total, err))
        return false;
    request.tenant_id = undone.tenant_id;
    if (!job_insert(db, asking->actor, &request, asking->arena, asking->job, err) ||
        !knowledge_undo_claim(db, asking->job_id, asking->job->id, err))
        return false;
    struct audit_entry entry = {.action = "knowledge.undo",
                                .target_type = "job",
                                .target_id = asking->job_id,
                                .after =
                                    arena_printf(asking->arena, "{\"undo_job_id\":\"%s\"}", asking->job->id),
                                .reason = asking->reason};
    return audit_append(db, asking->actor, &entry, err);
}

bool knowledge_undo(struct platform *platform, const struct actor *actor, const char *job_id,
                    const char *reason, struct arena *arena, struct job *ret_job, struct error *err)
{
    struct asking asking = {actor, job_id, reason, arena, ret_job};
    if (!store_write(platform->store, undo_ask_work, &asking, err))
        return false;
    jobs_wake(platform->jobs);
    return true;
}

/* ---- the run ---- */

struct figures {
    int64_t undone, conflicts;
    const char *job_id;
};
static const struct field figures_fields[] = {
    FIELD(struct figures, undone, INT, ""),
    FIELD(struct figures, conflicts, INT, ""),
    FIELD(struct figures, job_id, TEXT, ""),
};
static const struct descriptor figures_descriptor = DESCRIPTOR("Figures", struct figures, figures_fields);

struct undo {
    struct job_run *run;
    struct figures figures; /* of what is committed */
    int64_t done;

    /* One transaction; set by the work, which may run twice. */
    struct arena arena;
    struct qa_edits edits; /* of the tenant whose pairs are being undone */
    struct figures batch;
    int64_t pairs;      /* that were looked at */
    struct strbuf note; /* JSON of the audit row */
    struct json_writer w;
};

static void undo_count(struct undo *u, int64_t id)
{
    u->batch.undone++;
    json_int(&u->w, id);
}

static bool undo_update(struct undo *u, const struct knowledge_change *change, const struct qa_pair_row *row,
                        struct error *err)
{
    const char *category = change->category ? change->category : row->category;
    if (row->deleted_at != INT_NULL || row->version != change->version) {
        u->batch.conflicts++;
        return true;
    }
    undo_count(u, row->id);
    if (!change->question && !change->answer)
        return qa_pair_set_category(&u->edits, row, category, err);
    return qa_pair_set_text(&u->edits, row, change->question ? change->question : row->question,
                            change->answer ? change->answer : row->answer, category, err);
}

static bool undo_deletion(struct undo *u, const struct knowledge_change *change,
                          const struct qa_pair_row *row, struct error *err)
{
    struct error why;
    error_clear(&why);
    bool same = row->deleted_at != INT_NULL && row->deleted_at == change->deleted_at;
    if (same && qa_pair_restore(&u->edits, row, &why)) {
        undo_count(u, row->id);
        return true;
    }
    if (same && why.code != ERROR_CONFLICT) {
        *err = why;
        return false;
    }
    u->batch.conflicts++;
    return true;
}

static bool undo_creation(struct undo *u, const struct knowledge_change *change,
                          const struct qa_pair_row *row, struct error *err)
{
    if (row->deleted_at != INT_NULL)
        return true;
    if (row->version != change->version) {
        u->batch.conflicts++;
        return true;
    }
    undo_count(u, row->id);
    return qa_pair_delete(&u->edits, row, u->run->actor.username, clock_now_ms(), err);
}

static bool undo_pair(struct db *db, struct undo *u, const struct knowledge_change *change, int64_t id,
                      struct error *err)
{
    static bool (*const ways[])(struct undo *, const struct knowledge_change *, const struct qa_pair_row *,
                                struct error *) = {
        [CHANGE_CREATED] = undo_creation, [CHANGE_UPDATED] = undo_update, [CHANGE_DELETED] = undo_deletion};
    struct qa_pair_row row;
    bool found;
    u->pairs++;
    if (!qa_pair_row_read(db, id, &u->arena, &row, &found, err))
        return false;
    if (!found || strcmp(row.tenant_id, change->tenant_id) != 0) {
        u->batch.conflicts += change->kind != CHANGE_CREATED;
        return true;
    }
    return ways[change->kind](u, change, &row, err);
}

/* As much of the change as the batch has room for, from its end. */
static bool undo_change(struct db *db, struct undo *u, const struct knowledge_change *change,
                        struct error *err)
{
    int64_t room = UNDO_BATCH - u->pairs, from = change->last_id - room + 1;
    from = from > change->first_id ? from : change->first_id;
    if (!u->edits.tenant_id || strcmp(u->edits.tenant_id, change->tenant_id) != 0) {
        if (u->edits.tenant_id && !qa_edits_finish(&u->edits, err))
            return false;
        u->edits = (struct qa_edits){.db = db, .tenant_id = change->tenant_id};
    }
    for (int64_t id = change->last_id; id >= from; id--)
        if (!undo_pair(db, u, change, id, err))
            return false;
    return knowledge_change_forget(db, change, from, err);
}

static bool undo_changes(struct db *db, struct undo *u, struct error *err)
{
    struct knowledge_change *changes = arena_alloc(&u->arena, UNDO_BATCH * sizeof(*changes));
    size_t count;
    if (!knowledge_changes_read(db, u->figures.job_id, UNDO_BATCH, &u->arena, changes, &count, err))
        return false;
    for (size_t i = 0; i < count && u->pairs < UNDO_BATCH; i++)
        if (!undo_change(db, u, &changes[i], err))
            return false;
    return !u->edits.tenant_id || qa_edits_finish(&u->edits, err);
}

static bool undo_audit_batch(struct db *db, struct undo *u, struct error *err)
{
    json_array_end(&u->w);
    json_key_int(&u->w, "conflicts", u->batch.conflicts);
    json_object_end(&u->w);
    struct audit_entry entry = {.action = "knowledge.undo",
                                .target_type = "job",
                                .target_id = u->figures.job_id,
                                .after = strbuf_text(&u->note)};
    return u->pairs == 0 || audit_append(db, &u->run->actor, &entry, err);
}

static bool undo_work(struct db *db, void *context, struct error *err)
{
    struct undo *u = context;
    arena_reset(&u->arena);
    strbuf_reset(&u->note);
    u->edits = (struct qa_edits){0};
    u->batch = (struct figures){0};
    u->pairs = 0;
    u->w = (struct json_writer){.out = &u->note};
    json_object_begin(&u->w);
    json_key(&u->w, "pairs");
    json_array_begin(&u->w);
    if (!undo_changes(db, u, err) || !undo_audit_batch(db, u, err))
        return false;
    struct figures figures = {u->figures.undone + u->batch.undone, u->figures.conflicts + u->batch.conflicts,
                              u->figures.job_id};
    return job_step(db, u->run, u->done + u->pairs,
                    job_figures_write(&figures_descriptor, &figures, &u->arena), err);
}

static bool undo_all(struct undo *u, struct error *err)
{
    do {
        if (job_stopping(u->run))
            return true;
        if (!store_write(u->run->platform->store, undo_work, u, err))
            return false;
        u->figures.undone += u->batch.undone;
        u->figures.conflicts += u->batch.conflicts;
        u->done += u->pairs;
    } while (u->pairs > 0);
    return true;
}

bool knowledge_undo_run(struct job_run *run, struct error *err)
{
    struct undo u = {.run = run, .done = run->job->progress_done};
    bool done = job_figures_read(run->job->parameters, &figures_descriptor, &u.figures, run->arena, err) &&
                job_figures_read(run->job->result, &figures_descriptor, &u.figures, run->arena, err) &&
                undo_all(&u, err);
    arena_release(&u.arena);
    strbuf_release(&u.note);
    return done;
}
