/* API tokens: what programs call with. The store keeps their SHA-256 only. */
#ifndef KIMONO_PLATFORM_IDENTITY_API_TOKENS_H
#define KIMONO_PLATFORM_IDENTITY_API_TOKENS_H

#include "base/arena.h"
#include "platform/audit/audit.h"
#include "store/store.h"

struct api_token {
    const char *id, *name, *role, *tenant_id;
    int64_t created_at, revoked_at;
};
extern const struct descriptor api_token_descriptor;

/* The name is like a user's (users.h: username_normalise), the role is `ingest`. All wrong fields are
 * named; ERROR_CONFLICT when the name was ever taken: a revoked token keeps its name, so that the
 * audit log stays clear. `ret_token`, in the arena, is the only time that the token is seen. */
bool api_token_add(struct store *store, const struct actor *actor, const char *name, const char *role,
                   const char *tenant_id, struct arena *arena, const char **ret_token, struct error *err);
/* ERROR_NOT_FOUND; ERROR_CONFLICT when revoked already. In force with the next request. */
bool api_token_revoke(struct store *store, const struct actor *actor, const char *name, struct error *err);

typedef bool (*api_token_each)(void *context, const struct api_token *token);
/* In order of name; `each` returns false to stop. */
bool api_token_list(struct db *db, api_token_each each, void *context, struct error *err);
/* The live token with this text; one indexed read. */
bool api_token_find(struct db *db, const char *token, struct arena *arena, struct api_token *ret_token,
                    bool *ret_found, struct error *err);

#endif
