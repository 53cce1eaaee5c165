#include "ops/templates/distribution.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "ops/knowledge/job_figures.h"
#include "ops/templates/copies.h"
#include "ops/templates/distribution_request.h"
#include "platform/knowledge/templates.h"
#include "platform/tenants/tenants.h"

/* Pairs in one transaction: while nobody else writes, enough that commits cost little; while somebody does,
 * few, so that a chat waits no longer for the writer than for its own commit, and after each a pause that is
 * PAUSES times as long (measured: p99 of chats 1.3 to 1.6 of that without a distribution; with 1, 3.4).
 * A tenant's pairs are not divided. Visiting a tenant costs about as much as so many pairs.
 * A dry run reads, which delays no writer, and writes little; but a person waits for its end: so its
 * batches stay large and its pauses are shorter. */
#define BATCH_PAIRS 2000
#define BATCH_PAIRS_SHARED 60
#define PAIRS_OF_VISIT 8
#define SHARED_US INT64_C(10000000) /* who wrote may write again */
#define CAREFUL_US 300000           /* at the beginning, when it is not known of this process */
#define PAUSES 5
#define PAUSES_DRY 2
#define PAUSE_MAX_US 60000
#define DRY_RUN_READ_MS 60000

/* ---- figures ---- */

struct figures {
    int64_t templates, tenants, created, updated, unchanged, conflicts, deleted_templates, skipped_tenants;
    bool dry_run;
};
static const struct field figures_fields[] = {
    FIELD(struct figures, templates, INT, ""),         FIELD(struct figures, tenants, INT, ""),
    FIELD(struct figures, created, INT, ""),           FIELD(struct figures, updated, INT, ""),
    FIELD(struct figures, unchanged, INT, ""),         FIELD(struct figures, conflicts, INT, ""),
    FIELD(struct figures, deleted_templates, INT, ""), FIELD(struct figures, skipped_tenants, INT, ""),
    FIELD(struct figures, dry_run, BOOL, ""),
};
static const struct descriptor figures_descriptor = DESCRIPTOR("Figures", struct figures, figures_fields);

static void distribution_add_figures(struct figures *sum, const struct figures *more)
{
    sum->tenants += more->tenants;
    sum->created += more->created;
    sum->updated += more->updated;
    sum->unchanged += more->unchanged;
    sum->conflicts += more->conflicts;
    sum->deleted_templates += more->deleted_templates;
    sum->skipped_tenants += more->skipped_tenants;
}

/* ---- one run ---- */

/* A template of the job. One that was deleted since is distributed no more. */
struct target {
    struct common_template template;
    bool live;
    struct copy_counts counts; /* of this batch, not yet added to the template's */
};

struct distribution {
    struct job_run *run;
    struct distribute_parameters parameters;
    struct target *targets; /* in order of id */
    size_t target_count;
    struct arena texts; /* the targets' */
    struct figures figures;
    int64_t done;             /* items of the job that have an outcome */
    int64_t foreground_works; /* of this process, when it was looked last */
    int64_t shared_until;     /* monotonic, µs: somebody else writes */

    /* The batch. */
    struct arena arena;
    struct job_item *items;
    size_t item_count;
    struct figures batch; /* what it did; set by the work, which may run twice */
    bool covers_all;      /* the targets are all templates that go to all: then so is this revision */
    int64_t revision;
};

static bool distribution_read_target(struct db *db, struct distribution *d, struct target *target, int64_t id,
                                     struct error *err)
{
    if (!common_template_read(db, id, &d->texts, &target->template, &target->live, err))
        return false;
    target->template.id = id;
    return true;
}

static const char SQL_LIVE[] =
    "SELECT id, version, for_all FROM templates WHERE deleted_at IS NULL ORDER BY id";

/* What is live now, in order of id. */
struct live_template {
    int64_t id, version;
    bool for_all;
};

static bool live_template_next(struct db_rows *rows, struct live_template *ret_live)
{
    if (!db_next(rows))
        return false;
    *ret_live =
        (struct live_template){db_column_int(rows, 0), db_column_int(rows, 1), db_column_int(rows, 2) != 0};
    return true;
}

/* Compares the targets with what is live; what was edited or deleted meanwhile loses its version. */
static bool distribution_compare_targets(struct db *db, struct distribution *d, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct live_template live;
    if (!db_query(db, SQL_LIVE, DB_NO_ARGS, &rows, err))
        return false;
    bool more = live_template_next(&rows, &live);
    d->covers_all = true;
    for (size_t i = 0; i < d->target_count; i++) {
        struct target *target = &d->targets[i];
        for (; more && live.id < target->template.id; more = live_template_next(&rows, &live))
            d->covers_all = d->covers_all && !live.for_all;
        bool same = more && live.id == target->template.id;
        target->live = same;
        if (!same || live.version != target->template.version)
            target->template.version = 0;
        if (same)
            more = live_template_next(&rows, &live);
    }
    for (; more; more = live_template_next(&rows, &live))
        d->covers_all = d->covers_all && !live.for_all;
    return db_done(&rows, err);
}

/* Templates may be edited and deleted while the job runs: each batch distributes what they are then. */
static bool distribution_refresh_targets(struct db *db, struct distribution *d, struct error *err)
{
    if (!distribution_compare_targets(db, d, err) || !templates_revision(db, &d->revision, err))
        return false;
    for (size_t i = 0; i < d->target_count; i++) {
        struct target *target = &d->targets[i];
        target->counts = (struct copy_counts){0};
        if (target->live && target->template.version == 0 &&
            !distribution_read_target(db, d, target, target->template.id, err))
            return false;
    }
    return true;
}

/* ---- one tenant ---- */

/* A tenant's copy of each target, and what is done with it. */
struct visit {
    struct distribution *d;
    bool apply; /* false: a dry run */
    struct copy_changes changes;
    struct template_copy *copies; /* in order of template id */
    size_t copy_count;
    struct figures figures;
    int64_t *rewritten; /* pairs whose question may have changed in this visit */
    size_t rewritten_count;
    int64_t *conflicts; /* template ids */
};

enum verdict {
    UNCHANGED,
    LINK,      /* it has the text already */
    UPDATE,    /* the text that it was given once */
    OVERWRITE, /* its own words, by force: they go into the audit log */
    CONFLICT,
    CREATE,
};

/* Of a live copy. */
static enum verdict visit_judge_copy(const struct common_template *template, const struct template_copy *copy,
                                     bool force)
{
    if (template_copy_has_text_of(copy, template))
        return copy->version == template->version ? UNCHANGED : LINK;
    if (!template_copy_is_touched(copy, template))
        return UPDATE;
    if (force)
        return OVERWRITE;
    return copy->kept == template->version ? UNCHANGED : CONFLICT;
}

static void visit_count(struct visit *visit, enum verdict verdict, int64_t template_id)
{
    struct figures *figures = &visit->figures;
    switch (verdict) {
    case CREATE: figures->created++; break;
    case UPDATE:
    case OVERWRITE: figures->updated++; break;
    case UNCHANGED:
    case LINK: figures->unchanged++; break;
    case CONFLICT: visit->conflicts[figures->conflicts++] = template_id; break;
    }
}

static bool visit_apply(struct visit *visit, struct target *target, enum verdict verdict,
                        const struct template_copy *copy, const struct own_pair *own, struct error *err)
{
    const struct common_template *t = &target->template;
    const struct distribution *d = visit->d;
    int64_t pair_id = copy ? copy->pair_id : own ? own->pair_id : 0;
    bool rewrites = verdict == UPDATE || verdict == OVERWRITE;
    visit_count(visit, verdict, t->id);
    if (rewrites)
        visit->rewritten[visit->rewritten_count++] = pair_id;
    if (!visit->apply || verdict == UNCHANGED || verdict == CONFLICT)
        return true;
    if (verdict == CREATE)
        return copy_insert(&visit->changes, t, &target->counts, err);
    if (verdict == OVERWRITE && !copy_note_change(&visit->changes, &d->run->actor, pair_id, t->question,
                                                  t->answer, t->category, d->parameters.reason, err))
        return false;
    if (rewrites && !copy_set_text(&visit->changes, pair_id, t->question, t->answer, t->category, err))
        return false;
    return copy_link(&visit->changes, t, copy, own, t->version, false, &target->counts, err);
}

static bool visit_without_copy(struct visit *visit, struct target *target, struct error *err)
{
    const struct common_template *template = &target->template;
    struct own_pair own;
    if (!own_pair_find(visit->changes.db, visit->changes.tenant_id, template, &visit->d->arena, &own, err))
        return false;
    /* A pair that a dry run has not rewritten, but the real run would have: it has that question no more. */
    for (size_t i = 0; i < visit->rewritten_count; i++)
        if (visit->rewritten[i] == own.pair_id)
            own = (struct own_pair){0};
    enum verdict verdict = visit->d->parameters.force ? OVERWRITE : CONFLICT;
    if (own.pair_id == 0)
        verdict = CREATE;
    else if (own.linked_id == 0 && own_pair_has_text_of(&own, template))
        verdict = LINK;
    return visit_apply(visit, target, verdict, NULL, &own, err);
}

/* `copy` deleted and no force: the tenant has decided. Another pair with the question stands in the way even
 * of force: which of the two goes is for a person to decide. */
static bool visit_with_copy(struct visit *visit, struct target *target, const struct template_copy *copy,
                            struct error *err)
{
    const struct common_template *template = &target->template;
    struct own_pair own;
    enum verdict verdict =
        copy->deleted ? CONFLICT : visit_judge_copy(template, copy, visit->d->parameters.force);
    if (verdict == UPDATE || verdict == OVERWRITE) {
        if (!own_pair_in_way(visit->changes.db, visit->changes.tenant_id, template, copy, &visit->d->arena,
                             &own, err))
            return false;
        if (own.pair_id != 0)
            verdict = copy->kept == template->version ? UNCHANGED : CONFLICT;
    }
    return visit_apply(visit, target, verdict, copy, NULL, err);
}

/* Calls for each live target, with the tenant's copy of it or NULL; copies that force makes room for are
 * none. First for those that there is a copy of: what they were may be the question of another. */
static bool visit_targets(struct visit *visit, bool with_copy, struct error *err)
{
    const struct distribution *d = visit->d;
    size_t at = 0;
    for (size_t i = 0; i < d->target_count; i++) {
        struct target *target = &d->targets[i];
        while (at < visit->copy_count && visit->copies[at].template_id < target->template.id)
            at++;
        bool linked = at < visit->copy_count && visit->copies[at].template_id == target->template.id;
        const struct template_copy *copy = linked ? &visit->copies[at] : NULL;
        bool makes_room = copy && copy->deleted && d->parameters.force;
        if (!target->live || (copy && !makes_room) != with_copy)
            continue;
        if (makes_room && visit->apply && !copy_unlink_deleted(&visit->changes, copy, err))
            return false;
        if (with_copy ? !visit_with_copy(visit, target, copy, err) : !visit_without_copy(visit, target, err))
            return false;
    }
    return true;
}

static bool visit_run(struct visit *visit, struct error *err)
{
    struct distribution *d = visit->d;
    struct db *db = visit->changes.db;
    const char *tenant_id = visit->changes.tenant_id;
    int64_t first = d->targets[0].template.id, last = d->targets[d->target_count - 1].template.id;
    for (size_t i = 0; i < d->target_count; i++)
        visit->figures.deleted_templates += !d->targets[i].live;
    if (!template_copies_read(db, tenant_id, first, last, &d->arena, &visit->copies, &visit->copy_count,
                              err) ||
        !visit_targets(visit, true, err) || !visit_targets(visit, false, err))
        return false;
    if (!visit->apply)
        return true;
    if (!copy_changes_finish(&visit->changes, err))
        return false;
    return !d->covers_all || tenant_set_templates_revision(db, tenant_id, d->revision, err);
}

static const char *visit_detail(const struct visit *visit)
{
    CLEANUP(strbuf_release) struct strbuf out = {0};
    struct json_writer w = {.out = &out};
    json_object_begin(&w);
    json_key_int(&w, "created", visit->figures.created);
    json_key_int(&w, "updated", visit->figures.updated);
    json_key_int(&w, "unchanged", visit->figures.unchanged);
    json_key_int(&w, "conflicts", visit->figures.conflicts);
    json_key_int(&w, "deleted_templates", visit->figures.deleted_templates);
    json_key(&w, "conflict_templates");
    json_array_begin(&w);
    for (int64_t i = 0; i < visit->figures.conflicts; i++)
        json_int(&w, visit->conflicts[i]);
    json_array_end(&w);
    json_object_end(&w);
    return arena_strdup(&visit->d->arena, strbuf_text(&out));
}

static bool distribution_skip_tenant(struct distribution *d, struct job_item *item, const char *outcome)
{
    item->outcome = outcome;
    item->detail = NULL;
    d->batch.tenants++;
    d->batch.skipped_tenants++;
    return true;
}

static bool distribution_visit_tenant(struct db *db, struct distribution *d, struct job_item *item,
                                      bool apply, struct error *err)
{
    struct error refusal;
    error_clear(&refusal);
    if (!tenant_gate_ask(db, TENANT_GATE_DISTRIBUTION, item->target_id, TENANT_GATE_BEGINS_NOW, &refusal)) {
        if (refusal.code == ERROR_TENANT_SUSPENDED)
            return distribution_skip_tenant(d, item, "suspended");
        if (refusal.code == ERROR_NOT_FOUND)
            return distribution_skip_tenant(d, item, "missing");
        *err = refusal;
        return false;
    }
    struct visit visit = {
        .d = d,
        .apply = apply,
        .changes = {.db = db, .tenant_id = item->target_id},
        .rewritten = arena_alloc(&d->arena, d->target_count * sizeof(int64_t)),
        .conflicts = arena_alloc(&d->arena, d->target_count * sizeof(int64_t)),
    };
    if (!visit_run(&visit, err))
        return false;
    visit.figures.tenants = 1;
    distribution_add_figures(&d->batch, &visit.figures);
    item->outcome = "done";
    if (visit.figures.conflicts > 0)
        item->outcome = "conflict";
    else if (visit.figures.deleted_templates == (int64_t)d->target_count)
        item->outcome = "template_deleted";
    item->detail = visit_detail(&visit);
    return true;
}

/* ---- one batch ---- */

static bool distribution_visit_tenants(struct db *db, struct distribution *d, bool apply, struct error *err)
{
    d->batch = (struct figures){0};
    if (!distribution_refresh_targets(db, d, err))
        return false;
    for (size_t i = 0; i < d->item_count; i++)
        if (!distribution_visit_tenant(db, d, &d->items[i], apply, err))
            return false;
    return true;
}

static bool distribution_audit_batch(struct db *db, const struct distribution *d, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf after = {0};
    struct json_writer w = {.out = &after};
    json_object_begin(&w);
    json_key(&w, "tenants");
    json_array_begin(&w);
    for (size_t i = 0; i < d->item_count; i++)
        json_text(&w, d->items[i].target_id);
    json_array_end(&w);
    json_key_int(&w, "created", d->batch.created);
    json_key_int(&w, "updated", d->batch.updated);
    json_key_int(&w, "unchanged", d->batch.unchanged);
    json_key_int(&w, "conflicts", d->batch.conflicts);
    json_key_int(&w, "deleted_templates", d->batch.deleted_templates);
    json_key_int(&w, "skipped_tenants", d->batch.skipped_tenants);
    json_object_end(&w);
    struct audit_entry entry = {
        .action = "template.distribute",
        .target_type = "job",
        .target_id = d->run->job->id,
        .after = strbuf_text(&after),
        .reason = d->parameters.reason,
    };
    return audit_append(db, &d->run->actor, &entry, err);
}

/* Items and progress, as of the end of this batch. */
static bool distribution_report_batch(struct db *db, const struct distribution *d, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf result = {0};
    struct json_writer w = {.out = &result};
    struct figures figures = d->figures;
    distribution_add_figures(&figures, &d->batch);
    json_struct(&w, &figures_descriptor, &figures);
    for (size_t i = 0; i < d->item_count; i++) {
        const struct job_item *item = &d->items[i];
        if (!job_item_done(db, d->run, item->seq, item->outcome, item->detail, err))
            return false;
    }
    return job_step(db, d->run, d->done + (int64_t)d->item_count, strbuf_text(&result), err);
}

static bool distribution_batch_work(struct db *db, void *context, struct error *err)
{
    struct distribution *d = context;
    if (!distribution_visit_tenants(db, d, true, err))
        return false;
    for (size_t i = 0; i < d->target_count; i++) {
        const struct target *target = &d->targets[i];
        if (!template_count_copies(db, target->template.id, target->counts.copies, target->counts.current,
                                   err))
            return false;
    }
    return distribution_audit_batch(db, d, err) && distribution_report_batch(db, d, err);
}

static bool distribution_report_work(struct db *db, void *context, struct error *err)
{
    return distribution_report_batch(db, context, err);
}

static bool distribution_try_batch(struct distribution *d, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(d->run->platform->store, DRY_RUN_READ_MS, &db, err) &&
           distribution_visit_tenants(db, d, false, err);
}

/* Until when batches stay small: as long as others have written within the last seconds, here or in another
 * process (known from its newest beat). It is the works of others that count and not how long they or we waited: who
 * writes now and then must not meet a large batch either. */
static void distribution_note_others(struct distribution *d)
{
    const struct platform *platform = d->run->platform;
    struct store_stats stats;
    struct lease_holder_state others = {0};
    store_get_stats(platform->store, &stats);
    if (platform->lease_holder)
        lease_holder_get_state(platform->lease_holder, &others);
    int64_t wrote_us =
        stats.foreground_works > d->foreground_works ? clock_monotonic_us() : others.others_wrote_us;
    d->foreground_works = stats.foreground_works;
    if (wrote_us > 0 && wrote_us + SHARED_US > d->shared_until)
        d->shared_until = wrote_us + SHARED_US;
}

static bool distribution_run_batch(struct distribution *d, struct error *err)
{
    struct store *store = d->run->platform->store;
    bool done = d->parameters.dry_run
                    ? distribution_try_batch(d, err) && store_write(store, distribution_report_work, d, err)
                    : store_write(store, distribution_batch_work, d, err);
    if (!done)
        return false;
    distribution_add_figures(&d->figures, &d->batch);
    d->done += (int64_t)d->item_count;
    return true;
}

static bool distribution_next_batch(struct distribution *d, int64_t after, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    bool shared = !d->parameters.dry_run && clock_monotonic_us() < d->shared_until;
    size_t tenants = (shared ? BATCH_PAIRS_SHARED : BATCH_PAIRS) / (d->target_count + PAIRS_OF_VISIT);
    tenants = tenants > 0 ? tenants : 1;
    arena_reset(&d->arena);
    d->items = arena_alloc(&d->arena, tenants * sizeof(*d->items));
    return store_reader(d->run->platform->store, READ_LIMIT_MS, &db, err) &&
           job_items_waiting(db, d->run->job->id, after, tenants, &d->arena, d->items, &d->item_count, err);
}

/* ---- the run ---- */

static bool distribution_prepare(struct distribution *d, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct job_run *run = d->run;
    if (!distribute_parameters_read(run->job->parameters, run->arena, &d->parameters, err) ||
        !job_figures_read(run->job->result, &figures_descriptor, &d->figures, run->arena, err) ||
        !store_reader(run->platform->store, READ_LIMIT_MS, &db, err))
        return false;
    d->done = run->job->progress_done;
    d->shared_until = clock_monotonic_us() + CAREFUL_US;
    d->foreground_works = INT64_MAX; /* from here on */
    distribution_note_others(d);
    d->target_count = d->parameters.template_count;
    d->figures.templates = (int64_t)d->target_count;
    d->figures.dry_run = d->parameters.dry_run;
    d->targets = arena_alloc(run->arena, d->target_count * sizeof(*d->targets));
    for (size_t i = 0; i < d->target_count; i++)
        if (!distribution_read_target(db, d, &d->targets[i], d->parameters.template_ids[i], err))
            return false;
    return true;
}

static bool distribution_run_batches(struct distribution *d, struct error *err)
{
    int64_t after = 0;
    while (!job_stopping(d->run)) {
        if (!distribution_next_batch(d, after, err))
            return false;
        if (d->item_count == 0)
            return true;
        after = d->items[d->item_count - 1].seq;
        int64_t began_us = clock_monotonic_us();
        if (!distribution_run_batch(d, err))
            return false;
        /* The longer the batch took, the longer the pause in which others can write, if there are any. */
        int64_t took_us = clock_monotonic_us() - began_us;
        int64_t pause_us = took_us * (d->parameters.dry_run ? PAUSES_DRY : PAUSES);
        distribution_note_others(d);
        if (clock_monotonic_us() < d->shared_until)
            usleep((useconds_t)(pause_us < PAUSE_MAX_US ? pause_us : PAUSE_MAX_US));
    }
    return true;
}

bool template_distribution_run(struct job_run *run, struct error *err)
{
    struct distribution d = {.run = run};
    bool done = distribution_prepare(&d, err) && distribution_run_batches(&d, err);
    arena_release(&d.arena);
    arena_release(&d.texts);
    return done;
}
