/* Sessions: one row for each log-in, from log-in to log-out. The rules of who may log in are in auth.c. */
#ifndef KIMONO_PLATFORM_IDENTITY_SESSIONS_H
#define KIMONO_PLATFORM_IDENTITY_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "security/token.h"
#include "store/db.h"

/* Why a session has ended before its time, its name in the store, and the message to its owner. */
#define SESSION_END_TABLE(X)                                                                                 \
    X(SESSION_END_LOGOUT, "logout", "You have logged out, perhaps in another tab.",                          \
      "您已退出登录（可能是在另一个标签页）。")                                                              \
    X(SESSION_END_PASSWORD, "password", "The password was changed: log in with the new one.",                \
      "密码已被修改，请用新密码登录。")                                                                      \
    X(SESSION_END_DISABLED, "disabled", "This user has been disabled.", "该用户已被停用。")                  \
    X(SESSION_END_REUSE, "reuse",                                                                            \
      "The session was ended to be safe: somebody has used its refresh token a second time. Log in again.",  \
      "为安全起见，会话已结束：其续期令牌被再次使用。请重新登录。")

enum session_end {
#define X(end, name, en, zh) end,
    SESSION_END_TABLE(X)
#undef X
};

/* A session, and what decides whether it is still good: its user and the user's tenant as they are
 * now. Texts are in the arena. */
struct session {
    const char *id, *user_id, *username, *role, *user_status;
    const char *tenant_id, *tenant_status; /* NULL: the user belongs to no tenant */
    int64_t refreshed_at, expires_at, revoked_at;
    const char *ended_because;                    /* a name of SESSION_END_TABLE; NULL: not known */
    unsigned char refresh_hash[TOKEN_HASH_SIZE];  /* of the refresh token that is good now */
    unsigned char replaced_hash[TOKEN_HASH_SIZE]; /* of the one before it; zero: there was none */
};

/* One indexed read. */
bool session_find(struct db *db, const char *id, struct arena *arena, struct session *ret_session,
                  bool *ret_found, struct error *err);

/* All within a transaction. Times in milliseconds; a session ends REFRESH_TOKEN_SECONDS after its last
 * refresh. */
bool session_add(struct db *db, const char *id, const char *user_id,
                 const unsigned char refresh_hash[static TOKEN_HASH_SIZE], int64_t now,
                 const char *ip_address, struct error *err);
/* The present refresh token becomes the replaced one. */
bool session_rotate(struct db *db, const char *id, const unsigned char refresh_hash[static TOKEN_HASH_SIZE],
                    int64_t now, struct error *err);
bool session_revoke(struct db *db, const char *id, enum session_end why, int64_t now, struct error *err);
bool sessions_revoke_of_user(struct db *db, const char *user_id, enum session_end why, int64_t now,
                             struct error *err);
/* Whether the user has logged in before from an address that counts like this one (http/address.h). */
bool sessions_include_holder(struct db *db, const char *username, const char *holder, bool *ret_known,
                             struct error *err);
/* ERROR_UNAUTHENTICATED: the session is over, and why; NULL: there is no such session. */
bool session_refuse(const struct session *session, struct error *err);
/* Deletes at most `limit` that ended before `before`. */
bool sessions_delete(struct db *db, int64_t before, int64_t limit, int64_t *ret_deleted, struct error *err);

#endif
