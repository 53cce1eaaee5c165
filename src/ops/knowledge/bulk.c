#include "ops/knowledge/bulk.h"

#include <string.h>

#include "base/clock.h"
#include "base/name_list.h"
#include "ops/knowledge/bulk_request.h"
#include "ops/knowledge/job_figures.h"
#include "ops/knowledge/sync.h"
#include "platform/knowledge/changes.h"

#define BULK_BATCH 200 /* pairs: some ten milliseconds of the writer's, with full text and audit row */
#define BULK_READ_MS 60000

/* ---- figures ---- */

struct figures {
    const char *action;
    int64_t matched, changed, skipped;
    int64_t tenants; /* that the matched pairs are of; INT_NULL: not counted */
    bool dry_run;
    struct sync_failure *errors;
    size_t errors_count;
    const char *after; /* cursor behind the last pair of the filter's that was looked at */
};
static const struct field figures_fields[] = {
    FIELD(struct figures, action, TEXT, ""),
    FIELD(struct figures, matched, INT, ""),
    FIELD(struct figures, changed, INT, ""),
    FIELD(struct figures, skipped, INT, ""),
    FIELD(struct figures, tenants, INT, "", .optional = true),
    FIELD(struct figures, dry_run, BOOL, ""),
    FIELD_MANY(struct figures, errors, LIST, "", .of = &sync_failure_descriptor),
    FIELD(struct figures, after, TEXT, ""),
};
static const struct descriptor figures_descriptor = DESCRIPTOR("Figures", struct figures, figures_fields);

/* ---- one run ---- */

struct bulk {
    struct job_run *run;
    struct bulk_parameters parameters;
    struct figures figures; /* of what is committed */
    struct sync_failures failures;
    int64_t done, total;
    struct name_list tenants; /* met so far, by a dry run that nothing has interrupted */
    bool counts_tenants;

    /* The batch. */
    struct arena arena;
    int64_t *ids;
    struct job_item *items; /* of the ids, when they are the job's items */
    size_t count;
    const char *after; /* cursor behind it */
    bool is_last;

    /* What became of it; set by the work, which may run twice. */
    struct arena work; /* of one transaction */
    struct figures batch;
    struct strbuf before; /* JSON: the changed pairs as they were */
    struct json_writer w;
};

/* ---- the next batch ---- */

static bool bulk_next_items(struct bulk *b, struct db *db, struct error *err)
{
    b->items = arena_alloc(&b->arena, BULK_BATCH * sizeof(*b->items));
    if (!job_items_waiting(db, b->run->job->id, 0, BULK_BATCH, &b->arena, b->items, &b->count, err))
        return false;
    for (size_t i = 0; i < b->count; i++)
        b->ids[i] = pair_item_id(&b->items[i]);
    b->is_last = b->count == 0;
    return true;
}

static bool bulk_next_of_filter(struct bulk *b, struct db *db, struct error *err)
{
    struct qa_list list;
    struct qa_list_request request = {
        .filter = b->parameters.filter,
        .sort = "id",
        .cursor = b->figures.after, /* behind the last pair of the batch before */
        .page = 1,
        .page_size = BULK_BATCH,
    };
    if (!knowledge_list(b->run->platform->directory, db, &request, &b->arena, &list, err))
        return false;
    for (b->count = 0; b->count < list.items_count; b->count++)
        b->ids[b->count] = list.items[b->count].id;
    b->after = list.next_cursor;
    b->is_last = !list.next_cursor;
    if (b->total == 0)
        b->total = list.total != INT_NULL ? list.total : list.total_at_least;
    return true;
}

static bool bulk_next_batch(struct bulk *b, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    arena_reset(&b->arena);
    b->ids = arena_alloc(&b->arena, BULK_BATCH * sizeof(*b->ids));
    return store_reader(b->run->platform->store, BULK_READ_MS, &db, err) &&
           (b->parameters.has_filter ? bulk_next_of_filter(b, db, err) : bulk_next_items(b, db, err));
}

/* ---- one pair ---- */

/* What the action makes of it; NULL: nothing, it is so already. */
static const char *bulk_outcome_of(const struct bulk *b, const struct qa_pair_row *row)
{
    switch (b->parameters.action) {
    case BULK_DELETE: return "deleted";
    case BULK_SYNC: return row->is_synced ? NULL : "synced";
    case BULK_SET_CATEGORY: return strcmp(row->category, b->parameters.category) == 0 ? NULL : "changed";
    }
    return NULL;
}

static void bulk_note_before(struct bulk *b, const struct qa_pair_row *row)
{
    struct json_writer *w = &b->w;
    json_object_begin(w);
    json_key_int(w, "id", row->id);
    json_key_text(w, "tenant_id", row->tenant_id);
    if (b->parameters.action == BULK_DELETE) {
        json_key_text(w, "question", row->question);
        json_key_text(w, "answer", row->answer);
    }
    json_key_text(w, "category", row->category);
    json_key_int(w, "version", row->version);
    json_object_end(w);
}

static bool bulk_delete_pair(const struct bulk *b, struct qa_edits *edits, const struct qa_pair_row *row,
                             struct error *err)
{
    int64_t now = clock_now_ms();
    return qa_pair_delete(edits, row, b->run->actor.username, now, err) &&
           knowledge_change_deleted(edits->db, b->run->job->id, row->tenant_id, row->id, row->version, now,
                                    err);
}

static bool bulk_set_category(const struct bulk *b, struct qa_edits *edits, const struct qa_pair_row *row,
                              struct error *err)
{
    struct qa_pair before = {.id = row->id, .tenant_id = row->tenant_id, .category = row->category};
    return qa_pair_set_category(edits, row, b->parameters.category, err) &&
           knowledge_change_updated(edits->db, b->run->job->id, &before, row->version + 1, err);
}

/* ---- one batch in its transaction ---- */

static const struct qa_pair_row *bulk_live_row(const struct qa_pair_row *rows, size_t count, int64_t id)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].id == id)
            return rows[i].deleted_at == INT_NULL ? &rows[i] : NULL;
    return NULL;
}

/* The items' outcomes, and the batch's figures. */
static void bulk_judge(struct bulk *b, const struct qa_pair_row *rows, size_t count)
{
    b->batch = (struct figures){.matched = (int64_t)b->count};
    for (size_t i = 0; i < b->count; i++) {
        const struct qa_pair_row *row = bulk_live_row(rows, count, b->ids[i]);
        const char *outcome = row ? bulk_outcome_of(b, row) : "missing";
        bool changes = row && outcome;
        b->batch.changed += changes;
        b->batch.skipped += !changes;
        if (row && b->counts_tenants)
            name_list_put(&b->tenants, row->tenant_id);
        if (b->items)
            b->items[i].outcome = outcome ? outcome : "unchanged";
    }
}

static bool bulk_change_rows(struct bulk *b, struct db *db, const struct qa_pair_row *rows, size_t count,
                             struct error *err)
{
    bool deletes = b->parameters.action == BULK_DELETE;
    struct qa_edits edits = {0};
    for (size_t i = 0; i < count; i++) {
        const struct qa_pair_row *row = &rows[i];
        if (i == 0 || strcmp(edits.tenant_id, row->tenant_id) != 0) {
            if (i > 0 && !qa_edits_finish(&edits, err))
                return false;
            edits = (struct qa_edits){.db = db, .tenant_id = row->tenant_id};
        }
        if (row->deleted_at != INT_NULL || !bulk_outcome_of(b, row))
            continue;
        bulk_note_before(b, row);
        if (!(deletes ? bulk_delete_pair : bulk_set_category)(b, &edits, row, err))
            return false;
    }
    return count == 0 || qa_edits_finish(&edits, err);
}

static bool bulk_audit_batch(struct bulk *b, struct db *db, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf after = {0};
    struct json_writer w = {.out = &after};
    json_object_begin(&w);
    json_key_text(&w, "action", bulk_actions[b->parameters.action]);
    if (b->parameters.category)
        json_key_text(&w, "category", b->parameters.category);
    json_key_int(&w, "changed", b->batch.changed);
    json_object_end(&w);
    struct audit_entry entry = {
        .action = "knowledge.bulk",
        .target_type = "job",
        .target_id = b->run->job->id,
        .before = strbuf_text(&b->before),
        .after = strbuf_text(&after),
        .reason = b->parameters.reason,
    };
    return b->batch.changed == 0 || audit_append(db, &b->run->actor, &entry, err);
}

static bool bulk_change_batch(struct bulk *b, struct db *db, struct error *err)
{
    struct qa_pair_row *rows;
    size_t count;
    if (!knowledge_rows_read(db, b->ids, b->count, &b->work, &rows, &count, err))
        return false;
    bulk_judge(b, rows, count);
    strbuf_reset(&b->before);
    b->w = (struct json_writer){.out = &b->before};
    json_object_begin(&b->w);
    json_key(&b->w, "pairs");
    json_array_begin(&b->w);
    if (!bulk_change_rows(b, db, rows, count, err))
        return false;
    json_array_end(&b->w);
    json_object_end(&b->w);
    return bulk_audit_batch(b, db, err);
}

static void bulk_add_figures(struct figures *sum, const struct figures *more)
{
    sum->matched += more->matched;
    sum->changed += more->changed;
    sum->skipped += more->skipped;
}

/* Items and progress, as of the end of this batch. */
static bool bulk_report_batch(struct bulk *b, struct db *db, struct error *err)
{
    struct figures figures = b->figures;
    int64_t done = b->done + (int64_t)b->count;
    bulk_add_figures(&figures, &b->batch);
    figures.after = b->after;
    if (b->counts_tenants)
        figures.tenants = (int64_t)b->tenants.count;
    figures.errors = b->failures.items;
    figures.errors_count = b->failures.count;
    for (size_t i = 0; b->items && i < b->count; i++)
        if (!job_item_done(db, b->run, b->items[i].seq, b->items[i].outcome, NULL, err))
            return false;
    bool is_all = b->is_last || b->total < done;
    if (b->parameters.has_filter && !job_set_total(db, b->run, is_all ? done : b->total, err))
        return false;
    return job_step(db, b->run, done, job_figures_write(&figures_descriptor, &figures, &b->work), err);
}

static bool bulk_change_work(struct db *db, void *context, struct error *err)
{
    struct bulk *b = context;
    arena_reset(&b->work);
    return bulk_change_batch(b, db, err) && bulk_report_batch(b, db, err);
}

/* Of what was judged before. */
static bool bulk_report_work(struct db *db, void *context, struct error *err)
{
    struct bulk *b = context;
    arena_reset(&b->work);
    return bulk_report_batch(b, db, err);
}

/* ---- the three ways of a batch ---- */

static bool bulk_read_rows(struct bulk *b, struct qa_pair_row **ret_rows, size_t *ret_count,
                           struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(b->run->platform->store, BULK_READ_MS, &db, err) &&
           knowledge_rows_read(db, b->ids, b->count, &b->arena, ret_rows, ret_count, err);
}

static bool bulk_sync_batch(struct bulk *b, struct error *err)
{
    struct qa_pair_row *rows, *now;
    size_t count, now_count;
    int64_t synced, failed;
    if (!bulk_read_rows(b, &rows, &count, err) ||
        !knowledge_sync_rows(b->run, b->done, rows, count, &b->failures, &synced, &failed, err) ||
        !bulk_read_rows(b, &now, &now_count, err))
        return false;
    bulk_judge(b, rows, count);
    for (size_t i = 0; i < b->count; i++) {
        const struct qa_pair_row *row = bulk_live_row(now, now_count, b->ids[i]);
        if (!row || row->is_synced)
            continue;
        b->batch.changed--; /* it was to be synced, and is not */
        b->batch.skipped++;
        if (b->items)
            b->items[i].outcome = "failed";
    }
    return true;
}

static bool bulk_run_batch(struct bulk *b, struct error *err)
{
    struct store *store = b->run->platform->store;
    bool writes = !b->parameters.dry_run && b->parameters.action != BULK_SYNC;
    if (b->parameters.dry_run) {
        struct qa_pair_row *rows;
        size_t count;
        if (!bulk_read_rows(b, &rows, &count, err))
            return false;
        bulk_judge(b, rows, count);
    } else if (b->parameters.action == BULK_SYNC && !bulk_sync_batch(b, err)) {
        return false;
    }
    if (b->parameters.action == BULK_SYNC && job_stopping(b->run))
        return true; /* some of it was left, for the next run */
    if (!store_write(store, writes ? bulk_change_work : bulk_report_work, b, err))
        return false;
    bulk_add_figures(&b->figures, &b->batch);
    b->figures.after = b->after ? arena_strdup(b->run->arena, b->after) : NULL;
    b->done += (int64_t)b->count;
    return true;
}

/* ---- a dry run that counting answers ---- */

static bool bulk_count_filter(struct bulk *b, struct db *db, const struct qa_filter *filter,
                              int64_t *ret_total, struct error *err)
{
    struct qa_list_request request = {.filter = *filter, .sort = "id", .page = 1, .page_size = 1};
    struct qa_list list;
    if (!knowledge_list(b->run->platform->directory, db, &request, &b->arena, &list, err))
        return false;
    *ret_total = list.total;
    return true;
}

/* How many of what the filter admits are as the action would make them. */
static bool bulk_count_unchanged(struct bulk *b, struct db *db, int64_t matched, int64_t *ret_count,
                                 struct error *err)
{
    struct qa_filter same = b->parameters.filter;
    const char *category = b->parameters.category;
    bool contradicts = false;
    if (b->parameters.action == BULK_DELETE || matched == 0) {
        *ret_count = 0;
        return true;
    }
    if (b->parameters.action == BULK_SYNC) {
        contradicts = same.is_synced == SYNCED_NO;
        same.is_synced = SYNCED_YES;
    } else {
        contradicts = same.category && strcmp(same.category, category) != 0;
        same.category = category;
    }
    if (!contradicts)
        return bulk_count_filter(b, db, &same, ret_count, err);
    *ret_count = 0;
    return true;
}

/* `ret_counted` false: the pairs must be looked at. */
static bool bulk_count(struct bulk *b, bool *ret_counted, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    int64_t matched, unchanged = INT_NULL, tenants;
    if (!store_reader(b->run->platform->store, BULK_READ_MS, &db, err) ||
        !bulk_count_filter(b, db, &b->parameters.filter, &matched, err) ||
        (matched != INT_NULL && !bulk_count_unchanged(b, db, matched, &unchanged, err)) ||
        !knowledge_count_tenants(b->run->platform->directory, db, &b->parameters.filter, &b->arena, &tenants,
                                 err))
        return false;
    *ret_counted = matched != INT_NULL && unchanged != INT_NULL && tenants != INT_NULL;
    if (!*ret_counted)
        return true;
    b->batch = (struct figures){.matched = matched, .changed = matched - unchanged, .skipped = unchanged};
    b->figures.tenants = tenants;
    b->counts_tenants = false;
    b->total = b->done = matched;
    b->is_last = true;
    return true;
}

/* ---- the run ---- */

static bool bulk_run_batches(struct bulk *b, struct error *err)
{
    while (!job_stopping(b->run)) {
        if (!bulk_next_batch(b, err))
            return false;
        if (b->count == 0 && b->is_last)
            return store_write(b->run->platform->store, bulk_report_work, b, err);
        if (!bulk_run_batch(b, err))
            return false;
        if (b->is_last)
            return true;
        b->batch = (struct figures){0};
    }
    return true;
}

static bool bulk_run(struct bulk *b, struct error *err)
{
    const struct job *job = b->run->job;
    bool counted = false;
    if (!bulk_parameters_read(job->parameters, b->run->arena, &b->parameters, err) ||
        !job_figures_read(job->result, &figures_descriptor, &b->figures, b->run->arena, err))
        return false;
    sync_failures_read(job->result, &b->failures);
    b->figures.action = bulk_actions[b->parameters.action];
    b->figures.dry_run = b->parameters.dry_run;
    b->counts_tenants = b->parameters.dry_run && !job->result;
    b->done = job->progress_done;
    b->total = job->progress_total;
    if (b->parameters.has_filter && job->result && !b->figures.after)
        return true; /* an earlier run has reached the end */
    if (b->parameters.dry_run && b->parameters.has_filter && !bulk_count(b, &counted, err))
        return false;
    return counted ? store_write(b->run->platform->store, bulk_report_work, b, err)
                   : bulk_run_batches(b, err);
}

bool knowledge_bulk_run(struct job_run *run, struct error *err)
{
    struct bulk b = {.run = run, .figures = {.tenants = INT_NULL}, .failures = {.arena = run->arena}};
    bool done = bulk_run(&b, err);
    arena_release(&b.arena);
    arena_release(&b.work);
    strbuf_release(&b.before);
    name_list_release(&b.tenants);
    return done;
}
