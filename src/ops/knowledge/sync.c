#include "ops/knowledge/sync.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_reader.h"
#include "ops/knowledge/job_figures.h"
#include "platform/jobs/scheduler.h"
#include "platform/knowledge/tasks.h"
#include "platform/knowledge/vector_sync.h"
#include "platform/tenants/counters.h"
#include "platform/tenants/gate.h"
#include "platform/tenants/tenants.h"

#define SYNC_BATCH 200 /* pairs that were named */
#define SYNC_READ_MS 60000

/* ---- asking ---- */

struct asking {
    const struct actor *actor;
    const struct sync_request *request;
    struct arena *arena;
    struct job *job;
};

static const char *sync_job_parameters(const struct sync_request *request, struct arena *arena)
{
    CLEANUP(strbuf_release) struct strbuf out = {0};
    struct json_writer w = {.out = &out};
    json_object_begin(&w);
    json_key_text(&w, "tenant_id", request->tenant_id);
    json_key_int(&w, "ids", (int64_t)request->id_count);
    json_object_end(&w);
    return arena_strdup(arena, strbuf_text(&out));
}

/* In order of tenant, so that each tenant is done once. */
static bool sync_job_add_ids(struct db *db, const struct asking *asking, struct error *err)
{
    const struct sync_request *request = asking->request;
    struct qa_pair_row *rows;
    size_t count, live = 0;
    int64_t *ids = arena_alloc(asking->arena, (request->id_count + 1) * sizeof(*ids));
    if (!knowledge_rows_read(db, request->ids, request->id_count, asking->arena, &rows, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (rows[i].deleted_at == INT_NULL && (live == 0 || ids[live - 1] != rows[i].id))
            ids[live++] = rows[i].id;
    if (live == 0)
        return error_add_field(err, "ids", "there is none of these pairs any more", "这些问答都已不存在");
    return pair_items_add(db, asking->job, ids, live, asking->arena, err);
}

static bool sync_job_ask_work(struct db *db, void *context, struct error *err)
{
    struct asking *asking = context;
    const struct sync_request *request = asking->request;
    struct job_request job = {.kind = SYNC_KIND,
                              .parameters = sync_job_parameters(request, asking->arena),
                              .tenant_id = request->tenant_id};
    if (request->tenant_id &&
        !tenant_gate_ask(db, TENANT_GATE_VECTOR_SYNC, request->tenant_id, TENANT_GATE_BEGINS_NOW, err))
        return false;
    if (!job_insert(db, asking->actor, &job, asking->arena, asking->job, err) ||
        (request->id_count > 0 && !sync_job_add_ids(db, asking, err)))
        return false;
    struct audit_entry entry = {.action = "knowledge.sync",
                                .target_type = "job",
                                .target_id = asking->job->id,
                                .after = job.parameters};
    return audit_append(db, asking->actor, &entry, err);
}

bool knowledge_sync(struct platform *platform, const struct actor *actor, const struct sync_request *request,
                    struct arena *arena, struct job *ret_job, struct error *err)
{
    struct asking asking = {actor, request, arena, ret_job};
    if (request->tenant_id && request->id_count > 0)
        return error_add_field(err, "ids", "give either tenant_id or ids", "tenant_id 与 ids 只能给出其一");
    if (!store_write(platform->store, sync_job_ask_work, &asking, err))
        return false;
    jobs_wake(platform->jobs);
    return true;
}

/* ---- the run ---- */

struct figures {
    int64_t tenants, pairs, removed, failed_tenants;
    struct sync_failure *errors;
    size_t errors_count;
    const char *after; /* the last tenant that was begun */
};
static const struct field figures_fields[] = {
    FIELD(struct figures, tenants, INT, ""),
    FIELD(struct figures, pairs, INT, ""),
    FIELD(struct figures, removed, INT, ""),
    FIELD(struct figures, failed_tenants, INT, ""),
    FIELD_MANY(struct figures, errors, LIST, "", .of = &sync_failure_descriptor),
    FIELD(struct figures, after, TEXT, ""),
};
static const struct descriptor figures_descriptor = DESCRIPTOR("Figures", struct figures, figures_fields);

struct sync_run {
    struct job_run *run;
    struct figures figures; /* of all that is committed */
    struct sync_failures failures;
    int64_t done;
    bool busy;          /* another sync is at the tenant: this job waits, and gives its place back */
    struct arena arena; /* of one step */
    struct job_item *items;
    size_t item_count;
};

static const char *sync_job_result(struct sync_run *s, struct figures figures)
{
    figures.errors = s->failures.items;
    figures.errors_count = s->failures.count;
    return job_figures_write(&figures_descriptor, &figures, &s->arena);
}

static bool sync_job_stopping(void *context)
{
    const struct sync_run *s = context;
    return job_stopping(s->run);
}

static void sync_job_add_report(struct figures *figures, const struct sync_report *report)
{
    figures->pairs += report->pairs;
    figures->removed += report->removed;
}

/* Within the transaction that marks a batch of the tenant. */
static bool sync_job_step_tenant(struct db *db, void *context, const struct sync_report *report,
                                 struct error *err)
{
    struct sync_run *s = context;
    struct figures figures = s->figures;
    arena_reset(&s->arena);
    sync_job_add_report(&figures, report);
    return job_step(db, s->run, s->done + report->pairs + report->removed, sync_job_result(s, figures), err);
}

static bool sync_job_report_work(struct db *db, void *context, struct error *err)
{
    struct sync_run *s = context;
    arena_reset(&s->arena);
    return job_step(db, s->run, s->done, sync_job_result(s, s->figures), err);
}

static bool sync_job_tenant(struct sync_run *s, const char *tenant_id, struct error *err)
{
    struct sync_pass pass = {.platform = s->run->platform,
                             .tenant_id = tenant_id,
                             .stopping = sync_job_stopping,
                             .step = sync_job_step_tenant,
                             .context = s};
    s->figures.tenants += strcmp(s->figures.after ? s->figures.after : "", tenant_id) != 0;
    s->figures.after = arena_strdup(s->run->arena, tenant_id);
    bool done = vector_sync_pass(&pass, err);
    s->busy = pass.busy;
    sync_job_add_report(&s->figures, &pass.report);
    s->done += pass.report.pairs + pass.report.removed;
    if (!done && !s->busy && !sync_leaves_out(err) && err->code != ERROR_CANCELLED) {
        s->figures.failed_tenants++;
        sync_failures_add(&s->failures, tenant_id, err);
    }
    return done;
}

static const char SQL_DUE[] = "SELECT id FROM tenants WHERE unsynced_since IS NOT NULL AND " TENANT_GATE_SQL
                              " AND id >= $1 ORDER BY id LIMIT 1";
static const char SQL_DUE_AFTER[] =
    "SELECT id FROM tenants WHERE unsynced_since IS NOT NULL AND " TENANT_GATE_SQL
    " AND id > $1 ORDER BY id LIMIT 1";

/* The next tenant in the order of ids; the one at which an earlier run was broken off once more. */
static bool sync_job_next_tenant(struct sync_run *s, const char *sql, const char **ret_id, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    const char *after = s->figures.after ? s->figures.after : "";
    *ret_id = NULL;
    if (!store_reader(s->run->platform->store, READ_LIMIT_MS, &db, err) ||
        !db_query(db, sql, DB_ARGS(db_text(after)), &rows, err))
        return false;
    while (db_next(&rows))
        *ret_id = arena_strdup(s->run->arena, db_column_text(&rows, 0));
    return db_done(&rows, err);
}

static bool sync_job_due_tenants(struct sync_run *s, struct error *err)
{
    int64_t began_at = clock_now_ms();
    const char *sql = SQL_DUE;
    while (!job_stopping(s->run)) {
        const char *tenant_id;
        struct error why;
        error_clear(&why);
        if (!sync_job_next_tenant(s, sql, &tenant_id, err))
            return false;
        if (!tenant_id)
            return store_write(s->run->platform->store, sync_job_report_work, s, err) &&
                   vector_sync_note_run(s->run->platform->store, began_at, s->figures.failed_tenants == 0,
                                        err);
        if (!sync_job_tenant(s, tenant_id, &why) && (s->busy || why.code == ERROR_CANCELLED)) {
            *err = why;
            return false;
        }
        sql = SQL_DUE_AFTER;
        if (!job_stopping(s->run) && !store_write(s->run->platform->store, sync_job_report_work, s, err))
            return false;
    }
    return true;
}

static bool sync_job_named_tenant(struct sync_run *s, const char *tenant_id, struct error *err)
{
    struct error why;
    error_clear(&why);
    bool done = sync_job_tenant(s, tenant_id, err);
    if (job_stopping(s->run) || s->busy || (!done && err->code == ERROR_CANCELLED))
        return done;
    return store_write(s->run->platform->store, sync_job_report_work, s, done ? err : &why) && done;
}

/* ---- pairs that were named ---- */

struct row_pass {
    struct job_run *run;
    int64_t done;
};

static bool row_pass_stopping(void *context)
{
    const struct row_pass *pass = context;
    return job_stopping(pass->run);
}

/* The marks stand only while the job runs. */
static bool row_pass_step(struct db *db, void *context, const struct sync_report *report, struct error *err)
{
    (void)report;
    const struct row_pass *pass = context;
    return job_step(db, pass->run, pass->done, NULL, err);
}

bool knowledge_sync_rows(struct job_run *run, int64_t done, const struct qa_pair_row *rows, size_t count,
                         struct sync_failures *failures, int64_t *ret_synced, int64_t *ret_failed_tenants,
                         struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    struct row_pass context = {run, done};
    int64_t *ids = arena_alloc(&arena, (count + 1) * sizeof(*ids)), synced = 0, failed = 0;
    for (size_t first = 0, end; first < count; first = end) {
        struct error why;
        size_t due = 0;
        error_clear(&why);
        for (end = first; end < count && strcmp(rows[end].tenant_id, rows[first].tenant_id) == 0; end++)
            if (rows[end].deleted_at == INT_NULL && !rows[end].is_synced)
                ids[due++] = rows[end].id;
        struct sync_pass pass = {.platform = run->platform,
                                 .tenant_id = rows[first].tenant_id,
                                 .ids = ids,
                                 .id_count = due,
                                 .stopping = row_pass_stopping,
                                 .step = row_pass_step,
                                 .context = &context};
        bool went_well = due == 0 || vector_sync_pass(&pass, &why);
        synced += pass.report.pairs;
        if (!went_well && (pass.busy || why.code == ERROR_CANCELLED)) {
            *err = why;
            return false;
        }
        if (!went_well) {
            failed++;
            sync_failures_add(failures, rows[first].tenant_id, &why);
        }
    }
    *ret_synced = synced;
    *ret_failed_tenants = failed;
    return true;
}

/* What came of each pair of the batch, as it is now. */
static bool sync_job_items_work(struct db *db, void *context, struct error *err)
{
    struct sync_run *s = context;
    arena_reset(&s->arena);
    for (size_t i = 0; i < s->item_count; i++) {
        struct qa_pair_row row;
        bool found;
        if (!qa_pair_row_read(db, pair_item_id(&s->items[i]), &s->arena, &row, &found, err))
            return false;
        const char *outcome = !found || row.deleted_at != INT_NULL ? "missing"
                              : row.is_synced                      ? "synced"
                                                                   : "failed";
        if (!job_item_done(db, s->run, s->items[i].seq, outcome, NULL, err))
            return false;
    }
    return job_step(db, s->run, s->done + (int64_t)s->item_count, sync_job_result(s, s->figures), err);
}

static bool sync_job_read_items(struct sync_run *s, struct arena *arena, struct qa_pair_row **ret_rows,
                                size_t *ret_count, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    int64_t ids[SYNC_BATCH];
    s->items = arena_alloc(arena, SYNC_BATCH * sizeof(*s->items));
    if (!store_reader(s->run->platform->store, SYNC_READ_MS, &db, err) ||
        !job_items_waiting(db, s->run->job->id, 0, SYNC_BATCH, arena, s->items, &s->item_count, err))
        return false;
    for (size_t i = 0; i < s->item_count; i++)
        ids[i] = pair_item_id(&s->items[i]);
    return knowledge_rows_read(db, ids, s->item_count, arena, ret_rows, ret_count, err);
}

static bool sync_items(struct sync_run *s, struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    while (!job_stopping(s->run)) {
        struct qa_pair_row *rows;
        size_t count;
        int64_t synced, failed;
        arena_reset(&arena);
        if (!sync_job_read_items(s, &arena, &rows, &count, err))
            return false;
        if (s->item_count == 0)
            return true;
        if (!knowledge_sync_rows(s->run, s->done, rows, count, &s->failures, &synced, &failed, err))
            return false;
        if (job_stopping(s->run))
            return true;
        for (size_t i = 0; i < count; i++) {
            if (s->figures.after && strcmp(s->figures.after, rows[i].tenant_id) == 0)
                continue;
            s->figures.tenants++;
            s->figures.after = arena_strdup(s->run->arena, rows[i].tenant_id);
        }
        s->figures.pairs += synced;
        s->figures.failed_tenants += failed;
        if (!store_write(s->run->platform->store, sync_job_items_work, s, err))
            return false;
        s->done += (int64_t)s->item_count;
    }
    return true;
}

/* ---- beginning ---- */

static const char SQL_DUE_OF_ALL[] =
    "SELECT SUM(unsynced_count + removal_count) FROM tenants WHERE unsynced_since IS NOT NULL"
    " AND " TENANT_GATE_SQL " AND (CAST($1 AS TEXT) IS NULL OR id = $1)";

static bool sync_job_total_work(struct db *db, void *context, struct error *err)
{
    const struct sync_run *s = context;
    int64_t due;
    return db_find_int(db, SQL_DUE_OF_ALL, DB_ARGS(db_text(s->run->job->tenant_id)), 0, &due, err) &&
           job_set_total(db, s->run, due, err);
}

static bool sync_job_has_ids(const char *parameters)
{
    CLEANUP(json_delete) cJSON *root = NULL;
    struct error ignored;
    int64_t ids = 0;
    error_clear(&ignored);
    return json_parse(parameters, strlen(parameters), &root, &ignored) &&
           json_is_integer(cJSON_GetObjectItemCaseSensitive(root, "ids"), &ids) && ids > 0;
}

static bool sync_job_run_scope(struct sync_run *s, struct error *err)
{
    const struct job *job = s->run->job;
    if (sync_job_has_ids(job->parameters))
        return sync_items(s, err);
    if (job->tenant_id) { /* it is tried again as a whole */
        s->failures.count = 0;
        s->figures.failed_tenants = 0;
    }
    if (job->progress_total == 0 && !store_write(s->run->platform->store, sync_job_total_work, s, err))
        return false;
    return job->tenant_id ? sync_job_named_tenant(s, job->tenant_id, err) : sync_job_due_tenants(s, err);
}

bool knowledge_sync_run(struct job_run *run, struct error *err)
{
    struct sync_run s = {.run = run, .done = run->job->progress_done, .failures = {.arena = run->arena}};
    sync_failures_read(run->job->result, &s.failures);
    bool done = job_figures_read(run->job->result, &figures_descriptor, &s.figures, run->arena, err) &&
                sync_job_run_scope(&s, err);
    arena_release(&s.arena);
    return done;
}

/* ---- the state ---- */

static const struct field failing_fields[] = {
    FIELD(struct failing_tenant, tenant_id, TEXT, "Tenant whose sync fails"),
    FIELD(struct failing_tenant, name, TEXT, "Its name", .personal = PERSONAL_PARTS),
    FIELD(struct failing_tenant, message, TEXT, "Why, in the language of Accept-Language",
          .personal = PERSONAL_PARTS),
    FIELD(struct failing_tenant, since, TIME, "Since when"),
};
static const struct descriptor failing_descriptor =
    DESCRIPTOR("SyncFailing", struct failing_tenant, failing_fields);

static const struct field status_fields[] = {
    FIELD(struct sync_status, pending, INT, "Pairs of active tenants whose text the index lacks"),
    FIELD(struct sync_status, removals_pending, INT, "Deleted pairs of theirs that the index still has"),
    FIELD(struct sync_status, held_back, INT,
          "Pairs that it lacks until their suspended tenant is activated"),
    FIELD(struct sync_status, removals_held_back, INT, "Deleted pairs that it still has until then"),
    FIELD(struct sync_status, running, BOOL, "A sync is running: a job, or the scheduler's"),
    FIELD(struct sync_status, last_run, TIME, "When the last run began", .nullable = true),
    FIELD(struct sync_status, last_success, TIME, "When the last run ended that failed nowhere",
          .nullable = true),
    FIELD(struct sync_status, last_error, TEXT, "Why the newest failing tenant fails; null: none does",
          .nullable = true, .personal = PERSONAL_PARTS),
    FIELD(struct sync_status, lag_seconds, INT,
          "Age of the oldest change of an active tenant that the index lacks; null: it lacks none",
          .nullable = true),
    FIELD_MANY(struct sync_status, tenants_failing, LIST, "The newest first, 100 at most",
               .of = &failing_descriptor),
};
const struct descriptor sync_status_descriptor = DESCRIPTOR("SyncStatus", struct sync_status, status_fields);

static const char SQL_PENDING_OF[] = "SELECT unsynced_count FROM tenants WHERE id = $1";
static const char SQL_REMOVALS_OF[] = "SELECT removal_count FROM tenants WHERE id = $1";

/* What no sync takes until the tenant is activated is not pending: it is held back. */
static bool sync_status_read_pending(struct db *db, const struct tenant *tenant, struct sync_status *status,
                                     struct error *err)
{
    int64_t counters[COUNTER_COUNT], pairs, removals;
    if (!tenant) {
        if (!counters_read(db, counters, err))
            return false;
        status->held_back = counters[COUNTER_HELD_BACK_QA_PAIRS];
        status->removals_held_back = counters[COUNTER_HELD_BACK_REMOVALS];
        status->pending = counters[COUNTER_UNSYNCED_QA_PAIRS] - status->held_back;
        status->removals_pending = counters[COUNTER_PENDING_REMOVALS] - status->removals_held_back;
        return true;
    }
    if (!db_find_int(db, SQL_PENDING_OF, DB_ARGS(db_text(tenant->id)), 0, &pairs, err) ||
        !db_find_int(db, SQL_REMOVALS_OF, DB_ARGS(db_text(tenant->id)), 0, &removals, err))
        return false;
    bool is_active = strcmp(tenant->status, "active") == 0;
    *(is_active ? &status->pending : &status->held_back) = pairs;
    *(is_active ? &status->removals_pending : &status->removals_held_back) = removals;
    return true;
}

/* The first condition is the index's. */
static const char SQL_RUNNING[] =
    "SELECT COUNT(*) FROM jobs WHERE status IN ('queued', 'running') AND status = 'running'"
    " AND kind = '" SYNC_KIND "' AND (CAST($1 AS TEXT) IS NULL OR tenant_id IS NULL OR tenant_id = $1)";

bool knowledge_sync_status(struct platform *platform, const char *tenant_id, enum language language,
                           struct arena *arena, struct sync_status *ret_status, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct sync_status status = {0};
    struct sync_state state;
    struct tenant tenant;
    bool is_scheduled_running;
    int64_t running;
    if (!store_reader(platform->store, READ_LIMIT_MS, &db, err) ||
        (tenant_id && !tenant_get(db, tenant_id, arena, &tenant, err)) ||
        !sync_status_read_pending(db, tenant_id ? &tenant : NULL, &status, err) ||
        !db_find_int(db, SQL_RUNNING, DB_ARGS(db_text(tenant_id)), 0, &running, err) ||
        !scheduled_task_is_running(db, SYNC_TASK, &is_scheduled_running, err) ||
        !vector_sync_state(db, tenant_id, language, arena, &state, err))
        return false;
    int64_t now = clock_now_ms();
    status.running = running > 0 || is_scheduled_running;
    status.last_run = state.last_run;
    status.last_success = state.last_success;
    status.last_error = state.last_error;
    status.lag_seconds = state.oldest == INT_NULL ? INT_NULL
                         : state.oldest < now     ? (now - state.oldest) / SECOND_MS
                                                  : 0;
    status.tenants_failing = state.failing;
    status.tenants_failing_count = state.failing_count;
    *ret_status = status;
    return true;
}
