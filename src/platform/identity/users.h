/* People: users with a role. Programs have API tokens: api_tokens.h. */
#ifndef KIMONO_PLATFORM_IDENTITY_USERS_H
#define KIMONO_PLATFORM_IDENTITY_USERS_H

#include "base/arena.h"
#include "platform/audit/audit.h"
#include "store/store.h"

/* role, name in the store and the API */
#define ROLE_TABLE(X)                                                                                        \
    X(ROLE_OPS_ADMIN, "ops_admin")                                                                           \
    X(ROLE_OPS_VIEWER, "ops_viewer")                                                                         \
    X(ROLE_TENANT_ADMIN, "tenant_admin")                                                                     \
    X(ROLE_TENANT_STAFF, "tenant_staff")                                                                     \
    X(ROLE_INGEST, "ingest")                                                                                 \
    X(ROLE_METRICS, "metrics")

enum role {
#define X(role, name) role,
    ROLE_TABLE(X)
#undef X
        ROLE_COUNT
};

const char *role_name(enum role role);
bool role_parse(const char *name, enum role *ret_role);
bool role_is_of_tenant(enum role role);   /* tenant_admin, tenant_staff */
bool role_is_of_platform(enum role role); /* ops_admin, ops_viewer */
bool role_is_of_token(enum role role);    /* ingest, metrics: of API tokens, never of people */

struct user {
    const char *id, *username, *password_hash, *role, *tenant_id, *status;
    int64_t created_at, updated_at, last_login_at;
};
extern const struct descriptor user_descriptor; /* of the row: never sent as it is */

/* Hashes the password (some 30 ms), in this thread. Tenant roles need a tenant, others must have none; those of
 * tokens are refused. All wrong fields are named; ERROR_CONFLICT when the name is taken. */
bool user_add(struct store *store, const struct actor *actor, const char *username, const char *password,
              const char *role, const char *tenant_id, struct arena *arena, struct user *ret_user,
              struct error *err);
/* Ends all sessions of the user, too. ERROR_NOT_FOUND. */
bool user_set_password(struct store *store, const struct actor *actor, const char *username,
                       const char *password, struct error *err);
/* Ends all sessions at once. ERROR_NOT_FOUND; ERROR_CONFLICT when disabled already. */
bool user_disable(struct store *store, const struct actor *actor, const char *username, struct error *err);
typedef bool (*user_each)(void *context, const struct user *user);
bool user_list(struct db *db, user_each each, void *context, struct error *err);
/* By its name as typed: any case. */
bool user_find(struct db *db, const char *username, struct arena *arena, struct user *ret_user,
               bool *ret_found, struct error *err);
/* Within a transaction: moves last_login_at. */
bool user_logged_in(struct db *db, const char *id, int64_t at, struct error *err);

#define USERNAME_MAX 64 /* bytes; letters, digits, '.', '_', '-', '@'; kept in lower case */

/* The name as it is kept; false if it cannot be one. */
bool username_normalise(const char *username, char ret_name[static USERNAME_MAX + 1]);

#endif
