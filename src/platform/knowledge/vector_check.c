#include "platform/knowledge/vector_check.h"

#include <stdlib.h>

#include "base/memory.h"
#include "platform/health/provider_call.h"
#include "platform/knowledge/knowledge.h"
#include "platform/tenants/gate.h"
#include "platform/tenants/tenants.h"

#define CHECK_READ_LIMIT_MS 60000

/* ---- what the index has ---- */

struct entry {
    int64_t id, text_hash;
};
struct entries {
    struct entry *items;
    size_t count, capacity;
};

static void entries_add(void *context, int64_t id, int64_t text_hash)
{
    struct entries *entries = context;
    if (entries->count == entries->capacity) {
        entries->capacity = entries->capacity ? entries->capacity * 2 : 256;
        entries->items = xrealloc(entries->items, entries->capacity * sizeof(*entries->items));
    }
    entries->items[entries->count++] = (struct entry){id, text_hash};
}

static void entries_release(struct entries *entries)
{
    free(entries->items);
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    return (left->id > right->id) - (left->id < right->id);
}

/* Money spent is recorded whether or not it served. */
static bool vector_check_end_call(struct platform *platform, struct provider_call *call, bool done,
                                  struct error *err)
{
    struct error why;
    error_clear(&why);
    provider_call_end(call, platform->health, COMPONENT_VECTOR_STORE, done, err);
    return telemetry_write(platform->telemetry, &call->usage, 1, NULL, 0, done ? err : &why) && done;
}

static bool entries_list(struct platform *platform, const char *tenant_id, struct entries *entries,
                         struct error *err)
{
    struct vector_index *index = platform->index;
    struct provider_call call =
        provider_call_begin(index->ops->api_type, "list", index->ops->model, tenant_id, NULL);
    bool done = index->ops->list(index, tenant_id, entries_add, entries, err);
    if (!vector_check_end_call(platform, &call, done, err))
        return false;
    if (entries->count > 0)
        qsort(entries->items, entries->count, sizeof(*entries->items), compare_entries);
    return true;
}

/* ---- compared with the store ---- */

struct comparison {
    const struct entries *entries;
    size_t at; /* entries before it have been compared */
    struct vector_findings *findings;
    size_t due_room, due_count, orphan_count;
};

/* There are no more orphans than entries. */
static void vector_check_add_orphan(struct comparison *c)
{
    c->findings->orphans[c->orphan_count++] = c->entries->items[c->at].id;
    c->findings->orphaned++;
}

static void vector_check_compare_pair(struct comparison *c, const struct db_rows *rows)
{
    int64_t id = db_column_int(rows, 0), text_hash = db_column_int(rows, 1);
    bool synced = db_column_int(rows, 2) == 1, gone = db_column_int(rows, 3) == 1;
    for (; c->at < c->entries->count && c->entries->items[c->at].id < id; c->at++)
        vector_check_add_orphan(c);
    bool listed = c->at < c->entries->count && c->entries->items[c->at].id == id;
    if (listed && gone)
        vector_check_add_orphan(c);
    bool missing = synced && !listed;
    bool stale = synced && listed && c->entries->items[c->at].text_hash != text_hash;
    c->findings->missing += missing;
    c->findings->stale += stale;
    c->at += listed;
    if (!missing && !stale)
        return;
    if (c->due_count == c->due_room) {
        c->due_room = c->due_room ? c->due_room * 2 : 256;
        c->findings->due = xrealloc(c->findings->due, c->due_room * sizeof(*c->findings->due));
    }
    c->findings->due[c->due_count++] = id;
}

/* A deleted pair that waits for its removal is not gone yet. */
static const char SQL_PAIRS[] = "SELECT id, text_hash, is_synced, CASE WHEN deleted_at IS NOT NULL AND "
                                "synced_hash IS NULL THEN 1 ELSE 0 END FROM qa_pairs"
                                " WHERE tenant_id = $1 ORDER BY id";

static bool vector_check_compare(struct db *db, const char *tenant_id, struct comparison *c,
                                 struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_PAIRS, DB_ARGS(db_text(tenant_id)), &rows, err))
        return false;
    while (db_next(&rows))
        vector_check_compare_pair(c, &rows);
    for (; c->at < c->entries->count; c->at++)
        vector_check_add_orphan(c);
    return db_done(&rows, err);
}

static bool vector_check_ask_gate(struct platform *platform, const char *tenant_id, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(platform->store, CHECK_READ_LIMIT_MS, &db, err) &&
           tenant_gate_ask(db, TENANT_GATE_VECTOR_SYNC, tenant_id, TENANT_GATE_BEGINS_NOW, err);
}

bool vector_check(struct platform *platform, const char *tenant_id, struct vector_findings *ret_findings,
                  struct error *err)
{
    CLEANUP(entries_release) struct entries entries = {0};
    CLEANUP(vector_findings_release) struct vector_findings findings = {0};
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (!vector_check_ask_gate(platform, tenant_id, err) ||
        !entries_list(platform, tenant_id, &entries, err) ||
        !store_reader(platform->store, CHECK_READ_LIMIT_MS, &db, err))
        return false;
    findings.entries = (int64_t)entries.count;
    findings.orphans = xmalloc((entries.count + 1) * sizeof(*findings.orphans));
    struct comparison comparison = {.entries = &entries, .findings = &findings};
    if (!vector_check_compare(db, tenant_id, &comparison, err))
        return false;
    *ret_findings = findings;
    findings = (struct vector_findings){0};
    return true;
}

void vector_findings_release(struct vector_findings *findings)
{
    free(findings->due);
    free(findings->orphans);
    *findings = (struct vector_findings){0};
}

/* ---- repairing ---- */

bool vector_repair_due(struct db *db, const char *tenant_id, const int64_t *ids, size_t count,
                       struct error *err)
{
    int64_t unsynced = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t more;
        if (!qa_pair_mark_unsynced(db, tenant_id, ids[i], &more, err))
            return false;
        unsynced += more;
    }
    return tenant_count_pairs(db, tenant_id, 0, unsynced, err);
}

struct removal {
    const char *tenant_id;
    const int64_t *ids;
    size_t count;
};

static bool vector_removal_work(struct db *db, void *context, struct error *err)
{
    const struct removal *removal = context;
    int64_t unsynced = 0, removals = 0;
    for (size_t i = 0; i < removal->count; i++) {
        int64_t more, removed;
        if (!qa_pair_mark_removed(db, removal->tenant_id, removal->ids[i], &more, &removed, err))
            return false;
        unsynced += more;
        removals += removed;
    }
    return tenant_count_pairs(db, removal->tenant_id, 0, unsynced, err) &&
           tenant_count_removals(db, removal->tenant_id, removals, err);
}

bool vector_repair_orphans(struct platform *platform, const char *tenant_id, const int64_t *ids, size_t count,
                           struct error *err)
{
    struct vector_index *index = platform->index;
    struct removal removal = {tenant_id, ids, count};
    struct provider_call call =
        provider_call_begin(index->ops->api_type, "delete", index->ops->model, tenant_id, NULL);
    bool done = index->ops->remove(index, tenant_id, ids, count, err);
    return vector_check_end_call(platform, &call, done, err) &&
           store_write(platform->store, vector_removal_work, &removal, err);
}
