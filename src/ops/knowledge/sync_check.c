/* The job kind knowledge.sync_check: tenant by tenant, the index's entries against the store. */
#include <string.h>

#include "ops/knowledge/job_figures.h"
#include "ops/knowledge/sync.h"
#include "platform/knowledge/vector_check.h"
#include "platform/tenants/tenants.h"

#define REPAIR_BATCH 500

/* ---- asking ---- */

struct asking {
    const struct actor *actor;
    const char *tenant_id;
    bool repair;
    struct arena *arena;
    struct job *job;
};

static const char SQL_ACTIVE[] = "SELECT COUNT(*) FROM tenants WHERE " TENANT_GATE_SQL;

static bool sync_check_ask_work(struct db *db, void *context, struct error *err)
{
    struct asking *asking = context;
    int64_t tenants = 1;
    struct job_request request = {
        .kind = SYNC_CHECK_KIND,
        .parameters = asking->repair ? "{\"repair\":true}" : "{\"repair\":false}",
        .tenant_id = asking->tenant_id,
    };
    bool open = asking->tenant_id ? tenant_gate_ask(db, TENANT_GATE_VECTOR_SYNC, asking->tenant_id,
                                                    TENANT_GATE_BEGINS_NOW, err)
                                  : db_find_int(db, SQL_ACTIVE, DB_NO_ARGS, 0, &tenants, err);
    request.total = tenants;
    if (!open || !job_insert(db, asking->actor, &request, asking->arena, asking->job, err))
        return false;
    struct audit_entry entry = {.action = "knowledge.sync_check",
                                .target_type = "job",
                                .target_id = asking->job->id,
                                .after = request.parameters};
    return audit_append(db, asking->actor, &entry, err);
}

bool knowledge_sync_check(struct platform *platform, const struct actor *actor, const char *tenant_id,
                          bool repair, struct arena *arena, struct job *ret_job, struct error *err)
{
    struct asking asking = {actor, tenant_id, repair, arena, ret_job};
    if (!store_write(platform->store, sync_check_ask_work, &asking, err))
        return false;
    jobs_wake(platform->jobs);
    return true;
}

/* ---- the run ---- */

struct figures {
    int64_t tenants, entries, missing, stale, orphaned, repaired, failed_tenants;
    struct sync_failure *errors;
    size_t errors_count;
    const char *after; /* the last tenant that was looked at */
};
static const struct field figures_fields[] = {
    FIELD(struct figures, tenants, INT, ""),
    FIELD(struct figures, entries, INT, ""),
    FIELD(struct figures, missing, INT, ""),
    FIELD(struct figures, stale, INT, ""),
    FIELD(struct figures, orphaned, INT, ""),
    FIELD(struct figures, repaired, INT, ""),
    FIELD(struct figures, failed_tenants, INT, ""),
    FIELD_MANY(struct figures, errors, LIST, "", .of = &sync_failure_descriptor),
    FIELD(struct figures, after, TEXT, ""),
};
static const struct descriptor figures_descriptor = DESCRIPTOR("Figures", struct figures, figures_fields);

struct check_run {
    struct job_run *run;
    bool repair;
    struct figures figures;
    struct sync_failures failures;
    struct arena arena;
    /* The batch that is being repaired. */
    const char *tenant_id;
    const int64_t *ids;
    size_t count;
};

static bool sync_check_step_work(struct db *db, void *context, struct error *err)
{
    struct check_run *c = context;
    arena_reset(&c->arena);
    c->figures.errors = c->failures.items;
    c->figures.errors_count = c->failures.count;
    return job_step(db, c->run, c->figures.tenants,
                    job_figures_write(&figures_descriptor, &c->figures, &c->arena), err);
}

/* The figures of a tenant are written when all of it is done, so here the job is only asked whether it still
 * runs. */
static bool sync_check_due_work(struct db *db, void *context, struct error *err)
{
    const struct check_run *c = context;
    return vector_repair_due(db, c->tenant_id, c->ids, c->count, err) &&
           job_step(db, c->run, c->figures.tenants, NULL, err);
}

static bool sync_check_repair_due(struct check_run *c, struct error *err)
{
    return store_write(c->run->platform->store, sync_check_due_work, c, err);
}

static bool sync_check_repair_orphans(struct check_run *c, struct error *err)
{
    return vector_repair_orphans(c->run->platform, c->tenant_id, c->ids, c->count, err);
}

static bool sync_check_in_batches(struct check_run *c, const int64_t *ids, int64_t count,
                                  bool (*repair)(struct check_run *c, struct error *err), struct error *err)
{
    for (int64_t at = 0; at < count && !job_stopping(c->run); at += REPAIR_BATCH) {
        c->ids = ids + at;
        c->count = (size_t)(count - at < REPAIR_BATCH ? count - at : REPAIR_BATCH);
        if (!repair(c, err))
            return false;
        c->figures.repaired += (int64_t)c->count;
    }
    return true;
}

static bool sync_check_compare(struct check_run *c, const char *tenant_id, struct error *err)
{
    CLEANUP(vector_findings_release) struct vector_findings findings = {0};
    c->tenant_id = tenant_id;
    if (!vector_check(c->run->platform, tenant_id, &findings, err))
        return false;
    c->figures.entries += findings.entries;
    c->figures.missing += findings.missing;
    c->figures.stale += findings.stale;
    c->figures.orphaned += findings.orphaned;
    return !c->repair ||
           (sync_check_in_batches(c, findings.due, findings.missing + findings.stale, sync_check_repair_due,
                                  err) &&
            sync_check_in_batches(c, findings.orphans, findings.orphaned, sync_check_repair_orphans, err));
}

/* A tenant whose index does not answer does not stop the others. */
static bool sync_check_tenant(struct check_run *c, const char *tenant_id, struct error *err)
{
    struct error why;
    error_clear(&why);
    if (!sync_check_compare(c, tenant_id, &why) && !sync_leaves_out(&why)) {
        if (why.code == ERROR_CANCELLED || c->run->job->tenant_id) {
            *err = why;
            return false;
        }
        c->figures.failed_tenants++;
        sync_failures_add(&c->failures, tenant_id, &why);
    }
    if (job_stopping(c->run))
        return true;
    c->figures.tenants++;
    c->figures.after = arena_strdup(c->run->arena, tenant_id);
    return store_write(c->run->platform->store, sync_check_step_work, c, err);
}

static const char SQL_NEXT[] =
    "SELECT id FROM tenants WHERE " TENANT_GATE_SQL " AND id > $1 ORDER BY id LIMIT 1";

static bool sync_check_next_tenant(struct check_run *c, const char **ret_id, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    *ret_id = NULL;
    if (!store_reader(c->run->platform->store, READ_LIMIT_MS, &db, err) ||
        !db_query(db, SQL_NEXT, DB_ARGS(db_text(c->figures.after ? c->figures.after : "")), &rows, err))
        return false;
    while (db_next(&rows))
        *ret_id = arena_strdup(c->run->arena, db_column_text(&rows, 0));
    return db_done(&rows, err);
}

static bool sync_check_all(struct check_run *c, struct error *err)
{
    const char *tenant_id;
    while (!job_stopping(c->run)) {
        if (!sync_check_next_tenant(c, &tenant_id, err))
            return false;
        if (!tenant_id)
            return true;
        if (!sync_check_tenant(c, tenant_id, err))
            return false;
    }
    return true;
}

bool knowledge_sync_check_run(struct job_run *run, struct error *err)
{
    const struct job *job = run->job;
    struct check_run c = {
        .run = run, .repair = strstr(job->parameters, "true") != NULL, .failures = {.arena = run->arena}};
    sync_failures_read(job->result, &c.failures);
    bool done = job_figures_read(job->result, &figures_descriptor, &c.figures, run->arena, err) &&
                (job->tenant_id ? sync_check_tenant(&c, job->tenant_id, err) : sync_check_all(&c, err));
    arena_release(&c.arena);
    return done;
}
