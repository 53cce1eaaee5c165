/* The second job of learning.h: what the vector index lacks is put into it, batch by batch: read,
 * embed, put, mark. Nothing of the store is held while a provider works, so a text may change
 * meanwhile: the mark is set only on the text that the index has taken. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "platform/knowledge.h"
#include "platform/learning.h"
#include "platform/provider_call.h"
#include "platform/scheduler.h"
#include "platform/tenant_queue.h"
#include "platform/tenants.h"
#include "provider/embedder.h"
#include "settings/settings.h"

#define SYNC_READ_LIMIT_MS 30000

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
    struct platform *platform;
    struct arena *arena;
    const char *tenant_id;
    struct unsynced *pairs;
    size_t count;
    struct usage_record *usage; /* of the calls that the batch took */
    size_t usage_count;
    int64_t marked; /* out of the transaction */
};

/* A suspended tenant has nothing to sync. */
static const char SQL_UNSYNCED[] =
    "SELECT id, text_hash, question, answer FROM qa_pairs"
    " WHERE tenant_id = $1 AND is_synced = 0 AND deleted_at IS NULL AND id > $2"
    " AND EXISTS (SELECT 1 FROM tenants WHERE id = $1 AND status = 'active')"
    " ORDER BY id LIMIT $3";
static const char SQL_REMOVED[] =
    "SELECT id, text_hash, question, answer FROM qa_pairs"
    " WHERE tenant_id = $1 AND deleted_at IS NOT NULL AND synced_hash IS NOT NULL AND id > $2"
    " AND EXISTS (SELECT 1 FROM tenants WHERE id = $1 AND status = 'active')"
    " ORDER BY id LIMIT $3";

static bool read_batch(struct batch *batch, const char *sql, int64_t after, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    size_t limit = (size_t)settings_now(batch->platform->settings)->batch_size;
    batch->pairs = arena_alloc(batch->arena, limit * sizeof(*batch->pairs));
    batch->usage = arena_alloc(batch->arena, (limit + 1) * sizeof(*batch->usage));
    if (!store_reader(batch->platform->store, SYNC_READ_LIMIT_MS, &db, err) ||
        !db_query(db, sql, DB_ARGS(db_text(batch->tenant_id), db_int(after), db_int((int64_t)limit)), &rows,
                  err))
        return false;
    while (db_next(&rows) && batch->count < limit)
        db_read_row(&rows, &unsynced_descriptor, &batch->pairs[batch->count++], batch->arena);
    return db_done(&rows, err);
}

static bool end_call(struct batch *batch, struct provider_call *call, enum component component, bool done,
                     const struct error *err)
{
    provider_call_end(call, batch->platform->health, component, done, err);
    batch->usage[batch->usage_count++] = call->usage;
    return done;
}

/* What is embedded is the question: it is what customers' questions are compared with. */
static bool embed_batch(struct batch *batch, float *vectors, struct error *err)
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
        if (!end_call(batch, &call, COMPONENT_LLM, done, err))
            return false;
    }
    return true;
}

static bool upsert_batch(struct batch *batch, struct error *err)
{
    struct vector_index *index = batch->platform->index;
    struct vector_item *items = arena_alloc(batch->arena, batch->count * sizeof(*items));
    CLEANUP(free_pointer) float *vectors = NULL;
    size_t dimension = 0;
    if (index->ops->needs_vectors && batch->platform->embedder) {
        dimension = batch->platform->embedder->ops->dimension;
        vectors = xmalloc(batch->count * dimension * sizeof(*vectors));
        if (!embed_batch(batch, vectors, err))
            return false;
    }
    for (size_t i = 0; i < batch->count; i++)
        items[i] = (struct vector_item){
            .id = batch->pairs[i].id,
            .question = batch->pairs[i].question,
            .answer = batch->pairs[i].answer,
            .vector = vectors ? vectors + i * dimension : NULL,
        };
    struct provider_call call =
        provider_call_begin(index->ops->api_type, "upsert", index->ops->model, batch->tenant_id, NULL);
    bool done = index->ops->upsert(index, batch->tenant_id, items, batch->count, err);
    return end_call(batch, &call, COMPONENT_VECTOR_STORE, done, err);
}

static bool remove_batch(struct batch *batch, struct error *err)
{
    struct vector_index *index = batch->platform->index;
    int64_t *ids = arena_alloc(batch->arena, batch->count * sizeof(*ids));
    for (size_t i = 0; i < batch->count; i++)
        ids[i] = batch->pairs[i].id;
    struct provider_call call =
        provider_call_begin(index->ops->api_type, "delete", index->ops->model, batch->tenant_id, NULL);
    bool done = index->ops->remove(index, batch->tenant_id, ids, batch->count, err);
    return end_call(batch, &call, COMPONENT_VECTOR_STORE, done, err);
}

static bool mark_synced(struct db *db, void *context, struct error *err)
{
    struct batch *batch = context;
    int64_t now = clock_now_ms();
    batch->marked = 0;
    for (size_t i = 0; i < batch->count; i++) {
        bool marked;
        if (!qa_pair_mark_synced(db, batch->pairs[i].id, batch->pairs[i].text_hash, now, &marked, err))
            return false;
        batch->marked += marked;
    }
    return batch->marked == 0 || tenant_count_pairs(db, batch->tenant_id, 0, -batch->marked, err);
}

static bool mark_removed(struct db *db, void *context, struct error *err)
{
    struct batch *batch = context;
    batch->marked = (int64_t)batch->count;
    for (size_t i = 0; i < batch->count; i++)
        if (!qa_pair_mark_removed(db, batch->pairs[i].id, err))
            return false;
    return true;
}

/* The two things that there are to do for a tenant. */
struct task {
    const char *sql; /* the pairs that need it */
    bool (*call)(struct batch *batch, struct error *err);
    store_work mark;
};
static const struct task put_unsynced = {SQL_UNSYNCED, upsert_batch, mark_synced};
static const struct task take_removed = {SQL_REMOVED, remove_batch, mark_removed};

/* Money spent is recorded whether or not it served. */
static bool call_provider(const struct task *task, struct batch *batch, struct error *err)
{
    struct error why;
    error_clear(&why);
    bool done = task->call(batch, err);
    bool recorded = telemetry_write(batch->platform->telemetry, batch->usage, batch->usage_count, NULL, 0,
                                    done ? err : &why);
    return done && recorded;
}

static bool run_task(struct platform *platform, const struct task *task, const char *tenant_id,
                     int64_t *ret_marked, struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    for (int64_t after = 0;;) {
        struct batch batch = {.platform = platform, .arena = &arena, .tenant_id = tenant_id};
        arena_reset(&arena);
        if (!read_batch(&batch, task->sql, after, err))
            return false;
        if (batch.count == 0 || scheduler_stopping())
            return true;
        after = batch.pairs[batch.count - 1].id;
        if (!call_provider(task, &batch, err) || !store_write(platform->store, task->mark, &batch, err))
            return false;
        *ret_marked += batch.marked;
    }
}

static bool sync_tenant(struct platform *platform, const char *tenant_id, struct sync_report *report,
                        struct error *err)
{
    report->tenants++;
    if (run_task(platform, &put_unsynced, tenant_id, &report->pairs, err) &&
        run_task(platform, &take_removed, tenant_id, &report->removed, err))
        return true;
    report->failed_tenants++;
    log_error("vector", "sync of tenant %s: %s", tenant_id, err->detail[LANGUAGE_EN]);
    return false;
}

static const char SQL_TENANTS_TO_SYNC[] =
    "SELECT id FROM tenants WHERE status = 'active' AND (unsynced_count > 0 OR id IN"
    " (SELECT tenant_id FROM qa_pairs WHERE deleted_at IS NOT NULL AND synced_hash IS NOT NULL))"
    " ORDER BY id";

static bool sync_all(struct platform *platform, struct sync_report *report, struct error *err)
{
    CLEANUP(tenant_queue_release) struct tenant_queue queue = {0};
    if (!tenant_queue_read(&queue, platform->store, SQL_TENANTS_TO_SYNC, err))
        return false;
    for (size_t i = 0; i < queue.count && !scheduler_stopping(); i++) {
        struct error why; /* logged; the others go on */
        error_clear(&why);
        sync_tenant(platform, queue.ids[i], report, &why);
    }
    return true;
}

static bool check_active(struct platform *platform, const char *tenant_id, struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct tenant tenant;
    if (!store_reader(platform->store, READ_LIMIT_MS, &db, err) ||
        !tenant_get(db, tenant_id, &arena, &tenant, err))
        return false;
    return tenant_is_active(&tenant) ||
           error_set(err, ERROR_TENANT_SUSPENDED, "Tenant %s is suspended: it is not synced.",
                     "商家 %s 已暂停，不会同步。", tenant_id);
}

bool vector_sync_run(struct platform *platform, const char *tenant_id, struct sync_report *ret_report,
                     struct error *err)
{
    struct sync_report report = {0};
    bool done = tenant_id
                    ? check_active(platform, tenant_id, err) && sync_tenant(platform, tenant_id, &report, err)
                    : sync_all(platform, &report, err);
    if (done)
        *ret_report = report;
    return done;
}
