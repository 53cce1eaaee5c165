#include "platform/sessions.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

#define REFRESH_MS ((int64_t)REFRESH_TOKEN_SECONDS * SECOND_MS)

static const char SQL_FIND[] =
    "SELECT s.id, s.user_id, u.username, u.role, u.status, u.tenant_id, t.status, s.expires_at, s.revoked_at,"
    " s.refresh_hash FROM sessions s JOIN users u ON u.id = s.user_id"
    " LEFT JOIN tenants t ON t.id = u.tenant_id WHERE s.id = $1";

static void read_session(const struct db_rows *rows, struct arena *arena, struct session *ret_session)
{
    const char **texts[] = {&ret_session->id,           &ret_session->user_id,     &ret_session->username,
                            &ret_session->role,         &ret_session->user_status, &ret_session->tenant_id,
                            &ret_session->tenant_status};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        *texts[i] = arena_strdup(arena, db_column_text(rows, (int)i));
    ret_session->expires_at = db_column_int(rows, 7);
    ret_session->revoked_at = db_column_int(rows, 8);
    size_t length;
    const void *hash = db_column_bytes(rows, 9, &length);
    if (hash && length == TOKEN_HASH_SIZE)
        memcpy(ret_session->refresh_hash, hash, length);
}

bool session_find(struct db *db, const char *id, struct arena *arena, struct session *ret_session,
                  bool *ret_found, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct session session = {0};
    if (!db_query(db, SQL_FIND, DB_ARGS(db_text(id)), &rows, err))
        return false;
    bool found = db_next(&rows);
    if (found)
        read_session(&rows, arena, &session);
    if (!db_done(&rows, err))
        return false;
    *ret_session = session;
    *ret_found = found;
    return true;
}

static const char SQL_ADD[] =
    "INSERT INTO sessions(id, user_id, refresh_hash, created_at, refreshed_at, expires_at, ip_address)"
    " VALUES ($1, $2, $3, $4, $4, $5, $6)";

bool session_add(struct db *db, const char *id, const char *user_id,
                 const unsigned char refresh_hash[static TOKEN_HASH_SIZE], int64_t now,
                 const char *ip_address, struct error *err)
{
    return db_execute(db, SQL_ADD,
                      DB_ARGS(db_text(id), db_text(user_id), db_bytes(refresh_hash, TOKEN_HASH_SIZE),
                              db_int(now), db_int(now + REFRESH_MS), db_text(ip_address)),
                      NULL, err);
}

static const char SQL_ROTATE[] =
    "UPDATE sessions SET refresh_hash = $2, refreshed_at = $3, expires_at = $4 WHERE id = $1";

bool session_rotate(struct db *db, const char *id, const unsigned char refresh_hash[static TOKEN_HASH_SIZE],
                    int64_t now, struct error *err)
{
    return db_execute(
        db, SQL_ROTATE,
        DB_ARGS(db_text(id), db_bytes(refresh_hash, TOKEN_HASH_SIZE), db_int(now), db_int(now + REFRESH_MS)),
        NULL, err);
}

static const char SQL_REVOKE[] = "UPDATE sessions SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";

bool session_revoke(struct db *db, const char *id, int64_t now, struct error *err)
{
    return db_execute(db, SQL_REVOKE, DB_ARGS(db_text(id), db_int(now)), NULL, err);
}

static const char SQL_REVOKE_OF_USER[] =
    "UPDATE sessions SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL";

bool sessions_revoke_of_user(struct db *db, const char *user_id, int64_t now, struct error *err)
{
    return db_execute(db, SQL_REVOKE_OF_USER, DB_ARGS(db_text(user_id), db_int(now)), NULL, err);
}

static const char SQL_DELETE[] =
    "DELETE FROM sessions WHERE id IN"
    " (SELECT id FROM sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)";

bool sessions_delete(struct db *db, int64_t before, int64_t limit, int64_t *ret_deleted, struct error *err)
{
    return db_execute(db, SQL_DELETE, DB_ARGS(db_int(before), db_int(limit)), ret_deleted, err);
}
