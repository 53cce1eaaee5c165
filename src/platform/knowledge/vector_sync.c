#include "platform/knowledge/vector_sync.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "platform/health/provider_call.h"
#include "platform/jobs/scheduler.h"
#include "platform/knowledge/knowledge.h"
#include "platform/knowledge/sync_claim.h"
#include "platform/tenants/gate.h"
#include "platform/tenants/queue.h"
#include "platform/tenants/tenants.h"
#include "provider/embedder.h"
#include "settings/settings.h"

#define SYNC_READ_LIMIT_MS 30000
#define RUN_NOTED_EACH_MS MINUTE_MS /* a run that had nothing to do is noted so often */

struct unsynced {
    int64_t id, text_hash;
    const char *question, *answer;
};
static const struct field unsynced_fields[] = {
    FIELD(struct unsynced, id, INT, ""),
    FIELD(struct unsynced, text_hash, INT, ""),
    FIELD(struct unsynced, question, TEXT, ""),
    FIELD(struct unsynced, answer, TEXT, ""),
};
static const struct descriptor unsynced_descriptor = DESCRIPTOR("Unsynced", struct unsynced, unsynced_fields);

/* One batch of one tenant. */
struct batch {
    struct sync_pass *pass;
    const struct sync_claim *claim;
    struct platform *platform;
    struct arena *arena;
    const char *tenant_id;
    struct unsynced *pairs;
    size_t count;
    struct usage_record *usage; /* of the calls that the batch took */
    size_t usage_count;
    const struct task *task;
    struct sync_report report;  /* out of the transaction: the pass's with this batch */
    int64_t unsynced, removals; /* so many more, out of the transaction */
};

/* What there is to do for a tenant. */
struct task {
    const char *sql;        /* the pairs that need it, behind an id */
    const char *sql_single; /* one pair, if it needs it */
    bool (*call)(struct batch *batch, struct error *err);
    bool (*mark)(struct db *db, struct batch *batch, struct error *err);
};

static const char SQL_UNSYNCED[] =
    "SELECT id, text_hash, question, answer FROM qa_pairs"
    " WHERE tenant_id = $1 AND is_synced = 0 AND deleted_at IS NULL AND id > $2"
    " ORDER BY id LIMIT $3";
static const char SQL_UNSYNCED_ONE[] =
    "SELECT id, text_hash, question, answer FROM qa_pairs"
    " WHERE id = $2 AND tenant_id = $1 AND is_synced = 0 AND deleted_at IS NULL";
static const char SQL_REMOVED[] =
    "SELECT id, text_hash, question, answer FROM qa_pairs"
    " WHERE tenant_id = $1 AND deleted_at IS NOT NULL AND synced_hash IS NOT NULL AND id > $2"
    " ORDER BY id LIMIT $3";

/* Where a task is: behind an id, or among the ids that were named. */
struct place {
    int64_t after;
    size_t next;
};

static bool sync_read_behind(struct db *db, struct batch *batch, size_t limit, struct place *place,
                             struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, batch->task->sql,
                  DB_ARGS(db_text(batch->tenant_id), db_int(place->after), db_int((int64_t)limit)), &rows,
                  err))
        return false;
    while (db_next(&rows) && batch->count < limit)
        db_read_row(&rows, &unsynced_descriptor, &batch->pairs[batch->count++], batch->arena);
    if (batch->count > 0)
        place->after = batch->pairs[batch->count - 1].id;
    return db_done(&rows, err);
}

static bool sync_read_named(struct db *db, struct batch *batch, size_t limit, struct place *place,
                            struct error *err)
{
    const struct sync_pass *pass = batch->pass;
    for (; batch->count < limit && place->next < pass->id_count; place->next++) {
        bool found;
        if (!db_find(db, batch->task->sql_single,
                     DB_ARGS(db_text(batch->tenant_id), db_int(pass->ids[place->next])), &unsynced_descriptor,
                     &batch->pairs[batch->count], batch->arena, &found, err))
            return false;
        batch->count += found;
    }
    return true;
}

/* Each batch asks the gate: one that is running when the tenant is suspended is finished, no other. */
static bool sync_read_batch(struct batch *batch, struct place *place, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    size_t limit = (size_t)settings_now(batch->platform->settings)->batch_size;
    batch->pairs = arena_alloc(batch->arena, limit * sizeof(*batch->pairs));
    batch->usage = arena_alloc(batch->arena, (limit + 1) * sizeof(*batch->usage));
    if (!store_reader(batch->platform->store, SYNC_READ_LIMIT_MS, &db, err) ||
        !sync_claim_check(db, batch->claim, err) ||
        !tenant_gate_ask(db, TENANT_GATE_VECTOR_SYNC, batch->tenant_id, TENANT_GATE_BEGINS_NOW, err))
        return false;
    return batch->pass->ids ? sync_read_named(db, batch, limit, place, err)
                            : sync_read_behind(db, batch, limit, place, err);
}

static bool sync_end_call(struct batch *batch, struct provider_call *call, enum component component,
                          bool done, const struct error *err)
{
    provider_call_end(call, batch->platform->health, component, done, err);
    batch->usage[batch->usage_count++] = call->usage;
    return done;
}

/* What is embedded is the question: it is what customers' questions are compared with. */
static bool sync_embed_batch(struct batch *batch, float *vectors, struct error *err)
{
    struct embedder *embedder = batch->platform->embedder;
    const struct embedder_ops *ops = embedder->ops;
    size_t step = ops->batch ? ops->batch : 1;
    const char **texts = arena_alloc(batch->arena, batch->count * sizeof(*texts));
    for (size_t i = 0; i < batch->count; i++)
        texts[i] = batch->pairs[i].question;
    for (size_t from = 0; from < batch->count; from += step) {
        size_t count = batch->count - from < step ? batch->count - from : step;
        struct provider_call call =
            provider_call_begin(ops->api_type, "embedding", ops->model, batch->tenant_id, NULL);
        bool done = ops->embed(embedder, texts + from, count, false, vectors + from * ops->dimension,
                               &call.usage.tokens_input, err);
        if (!sync_end_call(batch, &call, COMPONENT_LLM, done, err))
            return false;
    }
    return true;
}

static bool sync_upsert_batch(struct batch *batch, struct error *err)
{
    struct vector_index *index = batch->platform->index;
    struct vector_item *items = arena_alloc(batch->arena, batch->count * sizeof(*items));
    CLEANUP(free_pointer) float *vectors = NULL;
    size_t dimension = 0;
    if (index->ops->needs_vectors && batch->platform->embedder) {
        dimension = batch->platform->embedder->ops->dimension;
        vectors = xmalloc(batch->count * dimension * sizeof(*vectors));
        if (!sync_embed_batch(batch, vectors, err))
            return false;
    }
    for (size_t i = 0; i < batch->count; i++)
        items[i] = (struct vector_item){
            .id = batch->pairs[i].id,
            .text_hash = batch->pairs[i].text_hash,
            .question = batch->pairs[i].question,
            .answer = batch->pairs[i].answer,
            .vector = vectors ? vectors + i * dimension : NULL,
        };
    struct provider_call call =
        provider_call_begin(index->ops->api_type, "upsert", index->ops->model, batch->tenant_id, NULL);
    bool done = index->ops->upsert(index, batch->tenant_id, items, batch->count, err);
    return sync_end_call(batch, &call, COMPONENT_VECTOR_STORE, done, err);
}

static bool sync_remove_batch(struct batch *batch, struct error *err)
{
    struct vector_index *index = batch->platform->index;
    int64_t *ids = arena_alloc(batch->arena, batch->count * sizeof(*ids));
    for (size_t i = 0; i < batch->count; i++)
        ids[i] = batch->pairs[i].id;
    struct provider_call call =
        provider_call_begin(index->ops->api_type, "delete", index->ops->model, batch->tenant_id, NULL);
    bool done = index->ops->remove(index, batch->tenant_id, ids, batch->count, err);
    return sync_end_call(batch, &call, COMPONENT_VECTOR_STORE, done, err);
}

static bool sync_mark_synced(struct db *db, struct batch *batch, struct error *err)
{
    int64_t now = clock_now_ms();
    for (size_t i = 0; i < batch->count; i++) {
        int64_t unsynced, removals;
        if (!qa_pair_mark_synced(db, batch->pairs[i].id, batch->pairs[i].text_hash, now, &unsynced, &removals,
                                 err))
            return false;
        batch->report.pairs += unsynced < 0;
        batch->unsynced += unsynced;
        batch->removals += removals;
    }
    return true;
}

static bool sync_mark_removed(struct db *db, struct batch *batch, struct error *err)
{
    for (size_t i = 0; i < batch->count; i++) {
        int64_t unsynced, removals;
        if (!qa_pair_mark_removed(db, batch->tenant_id, batch->pairs[i].id, &unsynced, &removals, err))
            return false;
        batch->report.removed -= removals;
        batch->unsynced += unsynced;
        batch->removals += removals;
    }
    return true;
}

static const struct task put_unsynced = {SQL_UNSYNCED, SQL_UNSYNCED_ONE, sync_upsert_batch, sync_mark_synced};
static const struct task take_removed = {SQL_REMOVED, NULL, sync_remove_batch, sync_mark_removed};

/* A store_work. */
static bool sync_mark_batch(struct db *db, void *context, struct error *err)
{
    struct batch *batch = context;
    const struct sync_pass *pass = batch->pass;
    batch->report = pass->report;
    batch->unsynced = batch->removals = 0;
    if (!batch->task->mark(db, batch, err) ||
        !tenant_count_pairs(db, batch->tenant_id, 0, batch->unsynced, err) ||
        !tenant_count_removals(db, batch->tenant_id, batch->removals, err))
        return false;
    return !pass->step || pass->step(db, pass->context, &batch->report, err);
}

static bool sync_is_stopping(const struct sync_pass *pass)
{
    return scheduler_stopping() || (pass->stopping && pass->stopping(pass->context));
}

static bool sync_run_task(struct sync_pass *pass, const struct task *task, const struct sync_claim *claim,
                          struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    for (struct place place = {0};;) {
        struct batch batch = {.pass = pass,
                              .claim = claim,
                              .platform = pass->platform,
                              .arena = &arena,
                              .tenant_id = pass->tenant_id,
                              .task = task};
        arena_reset(&arena);
        if (!sync_read_batch(&batch, &place, err))
            return false;
        if (batch.count == 0 || sync_is_stopping(pass))
            return true;
        /* Money spent is recorded whether or not it served. */
        struct error why;
        error_clear(&why);
        bool done = task->call(&batch, err);
        if (!telemetry_write(pass->platform->telemetry, batch.usage, batch.usage_count, NULL, 0,
                             done ? err : &why) ||
            !done || !store_write(pass->platform->store, sync_mark_batch, &batch, err))
            return false;
        pass->report = batch.report;
    }
}

/* ---- how it went ---- */

struct outcome {
    const char *tenant_id; /* "": the runs over all tenants */
    int64_t began_at, ended_at;
    const struct error *failure; /* NULL: it went well */
};

static const char SQL_WENT_WELL[] =
    "INSERT INTO vector_syncs(tenant_id, run_at, done_at) VALUES ($1, $2, $3)"
    " ON CONFLICT (tenant_id) DO UPDATE SET run_at = excluded.run_at, done_at = excluded.done_at,"
    " failed_at = NULL, failures = 0, retry_at = NULL, error_en = NULL, error_zh = NULL";
static const char SQL_FAILED[] =
    "INSERT INTO vector_syncs(tenant_id, run_at, failed_at, failures, retry_at, error_en, error_zh)"
    " VALUES ($1, $2, $3, 1, $4, $5, $6)"
    " ON CONFLICT (tenant_id) DO UPDATE SET run_at = excluded.run_at,"
    " failed_at = COALESCE(vector_syncs.failed_at, excluded.failed_at),"
    " failures = vector_syncs.failures + 1, retry_at = excluded.retry_at, error_en = excluded.error_en,"
    " error_zh = excluded.error_zh";
static const char SQL_FAILURES[] = "SELECT failures FROM vector_syncs WHERE tenant_id = $1";

static bool sync_note_failure(struct db *db, const struct outcome *outcome, struct error *err)
{
    int64_t failures;
    if (!db_find_int(db, SQL_FAILURES, DB_ARGS(db_text(outcome->tenant_id)), 0, &failures, err))
        return false;
    int64_t wait_ms = SYNC_RETRY_FIRST_MS; /* doubled by each failure before this one */
    for (; failures > 0 && wait_ms < SYNC_RETRY_MOST_MS; failures--)
        wait_ms *= 2;
    wait_ms = wait_ms < SYNC_RETRY_MOST_MS ? wait_ms : SYNC_RETRY_MOST_MS;
    return db_execute(db, SQL_FAILED,
                      DB_ARGS(db_text(outcome->tenant_id), db_int(outcome->began_at),
                              db_int(outcome->ended_at), db_int(outcome->ended_at + wait_ms),
                              db_text(outcome->failure->detail[LANGUAGE_EN]),
                              db_text(outcome->failure->detail[LANGUAGE_ZH])),
                      NULL, err);
}

static bool sync_note_work(struct db *db, void *context, struct error *err)
{
    const struct outcome *outcome = context;
    if (outcome->failure)
        return sync_note_failure(db, outcome, err);
    return db_execute(
               db, SQL_WENT_WELL,
               DB_ARGS(db_text(outcome->tenant_id), db_int(outcome->began_at), db_int(outcome->ended_at)),
               NULL, err) &&
           tenant_synced_up(db, outcome->tenant_id, outcome->began_at, err);
}

static bool sync_is_failure(const struct error *why)
{
    return why->code != ERROR_TENANT_SUSPENDED && why->code != ERROR_NOT_FOUND &&
           why->code != ERROR_CANCELLED;
}

bool vector_sync_pass(struct sync_pass *pass, struct error *err)
{
    CLEANUP(sync_claim_give_back)
    struct sync_claim claim = {.platform = pass->platform, .tenant_id = pass->tenant_id};
    int64_t began_at = clock_now_ms();
    bool taken;
    if (!sync_claim_take(&claim, &taken, err))
        return false;
    pass->busy = !taken;
    if (!taken)
        return error_set(err, ERROR_UNAVAILABLE, "another sync is at the pairs of tenant '%s'",
                         "商家“%s”的知识正由另一次同步处理", pass->tenant_id);
    bool done = sync_run_task(pass, &put_unsynced, &claim, err) &&
                (pass->ids || sync_run_task(pass, &take_removed, &claim, err));
    if (pass->ids || (done ? sync_is_stopping(pass) : !sync_is_failure(err)))
        return done;
    /* Kept for the page and the next run; a store that cannot is worth a line in the log, no more. */
    struct error why;
    error_clear(&why);
    struct outcome outcome = {pass->tenant_id, began_at, clock_now_ms(), done ? NULL : err};
    if (!store_write(pass->platform->store, sync_note_work, &outcome, &why))
        log_error("vector", "sync of tenant %s: %s", pass->tenant_id, why.detail[LANGUAGE_EN]);
    return done;
}

static const char SQL_LAST_RUN[] = "SELECT run_at FROM vector_syncs WHERE tenant_id = ''";
static const char SQL_NOTE_RUN[] =
    "INSERT INTO vector_syncs(tenant_id, run_at, done_at) VALUES ('', $1, $2) ON CONFLICT (tenant_id)"
    " DO UPDATE SET run_at = excluded.run_at, done_at = COALESCE(excluded.done_at, vector_syncs.done_at)";

struct run_note {
    int64_t began_at, done_at; /* INT_NULL: it failed somewhere */
};

static bool sync_note_run_work(struct db *db, void *context, struct error *err)
{
    const struct run_note *note = context;
    return db_execute(db, SQL_NOTE_RUN, DB_ARGS(db_int(note->began_at), db_int(note->done_at)), NULL, err);
}

bool vector_sync_note_run(struct store *store, int64_t began_at, bool whole, struct error *err)
{
    struct run_note note = {began_at, whole ? clock_now_ms() : INT_NULL};
    return store_write(store, sync_note_run_work, &note, err);
}

/* ---- the scheduled run ---- */

static const char SQL_TENANTS_TO_SYNC[] =
    "SELECT id FROM tenants WHERE unsynced_since IS NOT NULL AND " TENANT_GATE_SQL " ORDER BY id";
static const char SQL_RETRY_AT[] = "SELECT retry_at FROM vector_syncs WHERE tenant_id = $1";

static bool sync_must_wait(struct store *store, const char *tenant_id, bool *ret_wait, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    int64_t retry_at;
    if (!store_reader(store, READ_LIMIT_MS, &db, err) ||
        !db_find_int(db, SQL_RETRY_AT, DB_ARGS(db_text(tenant_id)), 0, &retry_at, err))
        return false;
    *ret_wait = retry_at > clock_now_ms();
    return true;
}

static bool sync_tenant(struct platform *platform, const char *tenant_id, struct sync_report *report,
                        struct error *err)
{
    struct sync_pass pass = {.platform = platform, .tenant_id = tenant_id};
    bool done = vector_sync_pass(&pass, err);
    if (pass.busy)
        return false;
    report->tenants++;
    report->pairs += pass.report.pairs;
    report->removed += pass.report.removed;
    if (done || !sync_is_failure(err))
        return done;
    report->failed_tenants++;
    log_error("vector", "sync of tenant %s: %s", tenant_id, err->detail[LANGUAGE_EN]);
    return false;
}

/* Whether it is time to say that runs are being made, though there is nothing to do. */
static bool sync_is_note_due(struct store *store, int64_t now)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct error ignored;
    int64_t last;
    error_clear(&ignored);
    return store_reader(store, READ_LIMIT_MS, &db, &ignored) &&
           db_find_int(db, SQL_LAST_RUN, DB_NO_ARGS, 0, &last, &ignored) && now - last >= RUN_NOTED_EACH_MS;
}

static bool sync_all(struct platform *platform, struct sync_report *report, struct error *err)
{
    CLEANUP(tenant_queue_release) struct tenant_queue queue = {0};
    int64_t began_at = clock_now_ms();
    bool whole = true;
    if (!tenant_queue_read(&queue, platform->store, SQL_TENANTS_TO_SYNC, err))
        return false;
    for (size_t i = 0; i < queue.count && !scheduler_stopping(); i++) {
        struct error why; /* logged and stored; the others go on */
        bool waits;
        error_clear(&why);
        if (!sync_must_wait(platform->store, queue.ids[i], &waits, err))
            return false;
        if (waits || (!sync_tenant(platform, queue.ids[i], report, &why) && sync_is_failure(&why)))
            whole = false;
    }
    if (scheduler_stopping() || (report->tenants == 0 && !sync_is_note_due(platform->store, began_at)))
        return true;
    return vector_sync_note_run(platform->store, began_at, whole, err);
}

bool vector_sync_run(struct platform *platform, const char *tenant_id, struct sync_report *ret_report,
                     struct error *err)
{
    struct sync_report report = {0};
    bool done = tenant_id ? sync_tenant(platform, tenant_id, &report, err) : sync_all(platform, &report, err);
    if (done)
        *ret_report = report;
    return done;
}

/* ---- the state ---- */

static const char SQL_RUNS[] = "SELECT run_at, done_at FROM vector_syncs WHERE tenant_id = $1";

static bool sync_read_runs(struct db *db, const char *tenant_id, struct sync_state *state, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    state->last_run = state->last_success = INT_NULL;
    if (!db_query(db, SQL_RUNS, DB_ARGS(db_text(tenant_id ? tenant_id : "")), &rows, err))
        return false;
    while (db_next(&rows)) {
        state->last_run = db_column_int(&rows, 0);
        state->last_success = db_column_int(&rows, 1);
    }
    return db_done(&rows, err);
}

static const char SQL_OLDEST[] =
    "SELECT MIN(unsynced_since) FROM tenants WHERE unsynced_since IS NOT NULL AND " TENANT_GATE_SQL
    " AND (CAST($1 AS TEXT) IS NULL OR id = $1)";
static const char SQL_FAILING[] =
    "SELECT s.tenant_id, t.name, s.error_en, s.error_zh, s.failed_at FROM vector_syncs s"
    " JOIN tenants t ON t.id = s.tenant_id WHERE s.failed_at IS NOT NULL"
    " AND (CAST($1 AS TEXT) IS NULL OR s.tenant_id = $1) ORDER BY s.failed_at DESC LIMIT $2";

static bool sync_read_failing(struct db *db, const char *tenant_id, enum language language,
                              struct arena *arena, struct sync_state *state, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    state->failing = arena_alloc(arena, SYNC_FAILING_MAX * sizeof(*state->failing));
    if (!db_query(db, SQL_FAILING, DB_ARGS(db_text(tenant_id), db_int(SYNC_FAILING_MAX)), &rows, err))
        return false;
    while (db_next(&rows))
        state->failing[state->failing_count++] = (struct failing_tenant){
            arena_strdup(arena, db_column_text(&rows, 0)), arena_strdup(arena, db_column_text(&rows, 1)),
            arena_strdup(arena, db_column_text(&rows, language == LANGUAGE_ZH ? 3 : 2)),
            db_column_int(&rows, 4)};
    state->last_error = state->failing_count > 0 ? state->failing[0].message : NULL;
    return db_done(&rows, err);
}

bool vector_sync_state(struct db *db, const char *tenant_id, enum language language, struct arena *arena,
                       struct sync_state *ret_state, struct error *err)
{
    struct sync_state state = {0};
    if (!sync_read_runs(db, tenant_id, &state, err) ||
        !db_find_int(db, SQL_OLDEST, DB_ARGS(db_text(tenant_id)), INT_NULL, &state.oldest, err) ||
        !sync_read_failing(db, tenant_id, language, arena, &state, err))
        return false;
    *ret_state = state;
    return true;
}
