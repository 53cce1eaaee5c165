/* The sync of the vector index with the store. What there is to do stands in the rows themselves (the outbox
 * of platform/knowledge/knowledge.h): unsynced pairs are embedded and put into the index, and marked synced with the
 * hash of the text that it took; deleted pairs are taken out of it. Batch by batch: read, embed, put, mark.
 * Nothing of the store is held while a provider works; what was changed meanwhile stays to be done. One pass at a
 * time is at a tenant, over all processes (sync_claim.h): what is embedded twice is paid twice. What a process was
 * at when it died, one batch, is done again.
 *
 * A tenant whose sync fails is noted with the reason in vector_syncs, and left alone by the scheduler
 * for SYNC_RETRY_FIRST_MS, then twice as long each time up to SYNC_RETRY_MOST_MS. Suspended tenants are not
 * synced (TENANT_GATE_VECTOR_SYNC): each batch asks. */
#ifndef KIMONO_PLATFORM_KNOWLEDGE_VECTOR_SYNC_H
#define KIMONO_PLATFORM_KNOWLEDGE_VECTOR_SYNC_H

#include "platform/platform.h"
#include "store/store.h"

#define SYNC_RETRY_FIRST_MS 30000
#define SYNC_RETRY_MOST_MS 900000

struct sync_report {
    int64_t tenants, pairs, removed, failed_tenants;
};

/* The scheduled task: all active tenants that have something to sync and whose time has come; the log says
 * which failed. A `tenant_id`: that one, whatever its time; ERROR_NOT_FOUND, ERROR_TENANT_SUSPENDED, and its
 * failure is the run's. */
bool vector_sync_run(struct platform *platform, const char *tenant_id, struct sync_report *ret_report,
                     struct error *err);

/* One tenant's sync, with a callback for each batch. */
struct sync_pass {
    struct platform *platform;
    const char *tenant_id;
    const int64_t *ids; /* only these pairs of the tenant; NULL: all, and its outcome is stored */
    size_t id_count;
    bool (*stopping)(void *context); /* asked before each batch; NULL: never */
    /* In the transaction that marks a batch, with `report` as it is then; false takes the marks back: the
     * batch will be due again. May be NULL. */
    bool (*step)(struct db *db, void *context, const struct sync_report *report, struct error *err);
    void *context;
    struct sync_report report; /* out: pairs, removed */
    bool busy;                 /* out: another pass is at the tenant, and nothing was done */
};
/* ERROR_UNAVAILABLE when it is busy. */
bool vector_sync_pass(struct sync_pass *pass, struct error *err);
/* A run over all tenants began then, and ended now; `whole`: it failed nowhere. */
bool vector_sync_note_run(struct store *store, int64_t began_at, bool whole, struct error *err);

/* ---- how it went ---- */

struct failing_tenant {
    const char *tenant_id, *name, *message;
    int64_t since;
};
struct sync_state {
    int64_t last_run, last_success; /* INT_NULL: never */
    const char *last_error;         /* NULL: nothing fails */
    int64_t oldest;                 /* the oldest change of an active tenant that the index lacks; INT_NULL */
    struct failing_tenant *failing; /* the newest first, at most SYNC_FAILING_MAX */
    size_t failing_count;
};
#define SYNC_FAILING_MAX 100
/* `tenant_id` NULL: of all. Messages are in `language`. */
bool vector_sync_state(struct db *db, const char *tenant_id, enum language language, struct arena *arena,
                       struct sync_state *ret_state, struct error *err);

#endif
