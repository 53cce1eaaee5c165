/* Tenants (商家): who they are and whether they are active. */
#ifndef KIMONO_PLATFORM_TENANTS_H
#define KIMONO_PLATFORM_TENANTS_H

#include "platform/audit.h"
#include "store/store.h"

struct tenant {
    const char *id, *name, *contact, *status, *api_key;
    int64_t created_at, updated_at, version, last_active_at, suspended_at;
    const char *suspended_reason;
    int64_t knowledge_revision, user_count, qa_pair_count, unsynced_count, pending_feedback_count;
};
extern const struct descriptor tenant_descriptor; /* of the row: never sent as it is */

#define TENANT_ID_MAX 64   /* bytes; letters, digits, '_', '-', '.'; a letter or digit first */
#define TENANT_NAME_MAX 64 /* characters */

bool tenant_is_active(const struct tenant *tenant);

/* Checks id, name and contact (all wrong fields named; both are kept trimmed), makes the publishable
 * key. `id` NULL: one is made. `contact` NULL: none. An audit row tenant.create is written.
 * ERROR_CONFLICT when the id is taken. The tenant's texts are in the arena. */
bool tenant_add(struct store *store, const struct actor *actor, const char *id, const char *name,
                const char *contact, struct arena *arena, struct tenant *ret_tenant, struct error *err);
/* The same within a transaction that the caller has. */
bool tenant_insert(struct db *db, const struct actor *actor, const char *id, const char *name,
                   const char *contact, struct arena *arena, struct tenant *ret_tenant, struct error *err);

bool tenant_find(struct db *db, const char *id, struct arena *arena, struct tenant *ret_tenant,
                 bool *ret_found, struct error *err);
/* ERROR_NOT_FOUND, with the id, where tenant_find says false. */
bool tenant_get(struct db *db, const char *id, struct arena *arena, struct tenant *ret_tenant,
                struct error *err);
bool tenant_by_api_key(struct db *db, const char *api_key, struct arena *arena, struct tenant *ret_tenant,
                       bool *ret_found, struct error *err);
/* Calls for each tenant in order of id; `each` returns false to stop. */
typedef bool (*tenant_each)(void *context, const struct tenant *tenant);
bool tenant_list(struct db *db, tenant_each each, void *context, struct error *err);

/* Within a transaction: the tenant's knowledge has changed; gives the new revision for its rows. */
bool tenant_next_revision(struct db *db, const char *id, int64_t *ret_revision, struct error *err);
/* Within a transaction: adds to a tenant's own counters and to the platform's. */
bool tenant_count_pairs(struct db *db, const char *id, int64_t pairs, int64_t unsynced, struct error *err);
bool tenant_count_pending(struct db *db, const char *id, int64_t feedbacks, struct error *err);
bool tenant_count_users(struct db *db, const char *id, int64_t users, struct error *err);
/* Within a transaction: moves last_active_at on (never back). */
bool tenant_touch(struct db *db, const char *id, int64_t at, struct error *err);

#endif
