/* Sessions: one row for each log-in, from log-in to log-out. The rules of who may log in are in auth.c. */
#ifndef KIMONO_PLATFORM_SESSIONS_H
#define KIMONO_PLATFORM_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "security/token.h"
#include "store/db.h"

/* A session, and what decides whether it is still good: its user and the user's tenant as they are
 * now. Texts are in the arena. */
struct session {
    const char *id, *user_id, *username, *role, *user_status;
    const char *tenant_id, *tenant_status; /* NULL: the user belongs to no tenant */
    int64_t expires_at, revoked_at;
    unsigned char refresh_hash[TOKEN_HASH_SIZE];
};

/* One indexed read. */
bool session_find(struct db *db, const char *id, struct arena *arena, struct session *ret_session,
                  bool *ret_found, struct error *err);

/* All within a transaction. Times in milliseconds; a session ends REFRESH_TOKEN_SECONDS after its last
 * refresh. */
bool session_add(struct db *db, const char *id, const char *user_id,
                 const unsigned char refresh_hash[static TOKEN_HASH_SIZE], int64_t now,
                 const char *ip_address, struct error *err);
bool session_rotate(struct db *db, const char *id, const unsigned char refresh_hash[static TOKEN_HASH_SIZE],
                    int64_t now, struct error *err);
bool session_revoke(struct db *db, const char *id, int64_t now, struct error *err);
bool sessions_revoke_of_user(struct db *db, const char *user_id, int64_t now, struct error *err);
/* Deletes at most `limit` that ended before `before`. */
bool sessions_delete(struct db *db, int64_t before, int64_t limit, int64_t *ret_deleted, struct error *err);

#endif
