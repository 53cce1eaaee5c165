/* Tenants (商家): who they are and whether they are active. */
#ifndef KIMONO_PLATFORM_TENANTS_TENANTS_H
#define KIMONO_PLATFORM_TENANTS_TENANTS_H

#include "platform/audit/audit.h"
#include "platform/tenants/gate.h"
#include "store/store.h"

struct tenant {
    const char *id, *name, *contact, *status, *api_key;
    int64_t created_at, updated_at, version, last_active_at, suspended_at;
    const char *suspended_reason;
    const char *suspended_by; /* the user's name then; NULL: not known, or it is not suspended */
    int64_t refused_count;    /* chats refused since suspended_at */
    int64_t knowledge_revision, user_count, qa_pair_count, unsynced_count, pending_feedback_count;
};
extern const struct descriptor tenant_descriptor; /* of the row: never sent as it is */

#define TENANT_ID_MAX 64   /* bytes; letters, digits, '_', '-', '.'; a letter or digit first */
#define TENANT_NAME_MAX 64 /* characters */
#define TENANT_CONTACT_MAX 200
#define TENANT_REASON_MAX 500 /* of a suspension or an activation */

extern const char *const tenant_statuses[]; /* active, suspended; NULL-terminated */

/* Each names its field in `err` if it is no such thing; of name and contact the trimmed text counts. */
bool tenant_check_id(const char *id, struct error *err);
bool tenant_check_name(const char *name, struct error *err);
bool tenant_check_contact(const char *contact, struct error *err);

struct tenant_state tenant_state_of(const struct tenant *tenant); /* texts are the tenant's */

/* Checks id, name and contact (all wrong fields named; both are kept trimmed), makes the publishable
 * key. `id` NULL: one is made. `contact` NULL: none. An audit row tenant.create is written.
 * ERROR_CONFLICT when the id is taken. The tenant's texts are in the arena. */
bool tenant_add(struct store *store, const struct actor *actor, const char *id, const char *name,
                const char *contact, struct arena *arena, struct tenant *ret_tenant, struct error *err);
/* The same within a transaction that the caller has. */
bool tenant_insert(struct db *db, const struct actor *actor, const char *id, const char *name,
                   const char *contact, struct arena *arena, struct tenant *ret_tenant, struct error *err);

struct tenant_edit {
    const char *name, *contact; /* NULL: as it is */
    int64_t version;            /* the one that was edited; INT_NULL: whichever there is */
};
/* All wrong fields are named. What changes nothing makes no version and no audit row tenant.update.
 * ERROR_NOT_FOUND; ERROR_CONFLICT when somebody else was faster. */
bool tenant_update(struct store *store, const struct actor *actor, const char *id,
                   const struct tenant_edit *edit, struct arena *arena, struct tenant *ret_tenant,
                   struct error *err);

/* For a change that met another version than it had read: ERROR_CONFLICT. */
bool tenant_edit_conflict(const char *id, struct error *err);

/* suspension.c: both in one transaction with the audit row (tenant.suspend, tenant.activate).
 * ERROR_NOT_FOUND; ERROR_CONFLICT when it is so already. A suspension needs a reason, and begins to count
 * its refusals; nothing of the tenant is deleted. */
bool tenant_suspend(struct store *store, const struct actor *actor, const char *id, const char *reason,
                    struct arena *arena, struct tenant *ret_tenant, struct error *err);
bool tenant_activate(struct store *store, const struct actor *actor, const char *id, const char *reason,
                     struct arena *arena, struct tenant *ret_tenant, struct error *err);

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
/* Within a transaction: it has all templates that go to all tenants, as of this revision
 * (platform/knowledge/templates.h), or is told apart where it has not. */
bool tenant_set_templates_revision(struct db *db, const char *id, int64_t revision, struct error *err);
/* Within a transaction: adds to a tenant's own counters and to the platform's. */
bool tenant_count_pairs(struct db *db, const char *id, int64_t pairs, int64_t unsynced, struct error *err);
/* So many more deleted pairs that the vector index still has. */
bool tenant_count_removals(struct db *db, const char *id, int64_t removals, struct error *err);
/* Within a transaction: a sync that began at `began_at` has done all that there was to do then. */
bool tenant_synced_up(struct db *db, const char *id, int64_t began_at, struct error *err);
bool tenant_count_pending(struct db *db, const char *id, int64_t feedbacks, struct error *err);
bool tenant_count_users(struct db *db, const char *id, int64_t users, struct error *err);
/* Within a transaction: a chat was refused since it is suspended. */
bool tenant_count_refused(struct db *db, const char *id, struct error *err);
/* Within a transaction: moves last_active_at on (never back). It is good to a second, so that a busy
 * tenant's row and index are not written with every message. */
bool tenant_touch(struct db *db, const char *id, int64_t at, struct error *err);

#endif
