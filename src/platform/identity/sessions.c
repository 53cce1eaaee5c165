#include "platform/identity/sessions.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "http/address.h"

#define REFRESH_MS ((int64_t)REFRESH_TOKEN_SECONDS * SECOND_MS)

static const char SQL_FIND[] =
    "SELECT s.id, s.user_id, u.username, u.role, u.status, u.tenant_id, t.status, s.ended_because,"
    " s.refreshed_at, s.expires_at, s.revoked_at, s.refresh_hash, s.replaced_hash FROM sessions s JOIN users "
    "u ON u.id = s.user_id"
    " LEFT JOIN tenants t ON t.id = u.tenant_id WHERE s.id = $1";

static void session_read_hash(const struct db_rows *rows, int column,
                              unsigned char ret_hash[static TOKEN_HASH_SIZE])
{
    size_t length;
    const void *hash = db_column_bytes(rows, column, &length);
    if (hash && length == TOKEN_HASH_SIZE)
        memcpy(ret_hash, hash, length);
}

static void session_read_row(const struct db_rows *rows, struct arena *arena, struct session *ret_session)
{
    const char **texts[] = {&ret_session->id,
                            &ret_session->user_id,
                            &ret_session->username,
                            &ret_session->role,
                            &ret_session->user_status,
                            &ret_session->tenant_id,
                            &ret_session->tenant_status,
                            &ret_session->ended_because};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        *texts[i] = arena_strdup(arena, db_column_text(rows, (int)i));
    ret_session->refreshed_at = db_column_int(rows, 8);
    ret_session->expires_at = db_column_int(rows, 9);
    ret_session->revoked_at = db_column_int(rows, 10);
    session_read_hash(rows, 11, ret_session->refresh_hash);
    session_read_hash(rows, 12, ret_session->replaced_hash);
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
        session_read_row(&rows, arena, &session);
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

static const char SQL_ROTATE[] = "UPDATE sessions SET replaced_hash = refresh_hash, refresh_hash = $2, "
                                 "refreshed_at = $3, expires_at = $4 WHERE id = $1";

bool session_rotate(struct db *db, const char *id, const unsigned char refresh_hash[static TOKEN_HASH_SIZE],
                    int64_t now, struct error *err)
{
    return db_execute(
        db, SQL_ROTATE,
        DB_ARGS(db_text(id), db_bytes(refresh_hash, TOKEN_HASH_SIZE), db_int(now), db_int(now + REFRESH_MS)),
        NULL, err);
}

static const struct {
    const char *name, *en, *zh;
} ends[] = {
#define X(end, name, en, zh) [end] = {name, en, zh},
    SESSION_END_TABLE(X)
#undef X
};

static const char SQL_REVOKE[] =
    "UPDATE sessions SET revoked_at = $2, ended_because = $3 WHERE id = $1 AND revoked_at IS NULL";

bool session_revoke(struct db *db, const char *id, enum session_end why, int64_t now, struct error *err)
{
    return db_execute(db, SQL_REVOKE, DB_ARGS(db_text(id), db_int(now), db_text(ends[why].name)), NULL, err);
}

static const char SQL_REVOKE_OF_USER[] =
    "UPDATE sessions SET revoked_at = $2, ended_because = $3 WHERE user_id = $1 AND revoked_at IS NULL";

bool sessions_revoke_of_user(struct db *db, const char *user_id, enum session_end why, int64_t now,
                             struct error *err)
{
    return db_execute(db, SQL_REVOKE_OF_USER, DB_ARGS(db_text(user_id), db_int(now), db_text(ends[why].name)),
                      NULL, err);
}

bool session_refuse(const struct session *session, struct error *err)
{
    for (size_t i = 0; session && i < ARRAY_SIZE(ends); i++)
        if (session->ended_because && strcmp(session->ended_because, ends[i].name) == 0)
            return error_set(err, ERROR_UNAUTHENTICATED, "%s%.0s", "%.0s%s", ends[i].en, ends[i].zh);
    if (session && session->revoked_at == INT_NULL)
        return error_set(err, ERROR_UNAUTHENTICATED, "The session has run out: log in again.",
                         "会话已过期，请重新登录。");
    return error_set(err, ERROR_UNAUTHENTICATED, "The session is over; log in again.",
                     "会话已结束，请重新登录。");
}

/* Some of the newest: whoever comes from everywhere is known from nowhere. */
static const char SQL_ADDRESSES[] =
    "SELECT s.ip_address FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.username = $1"
    " ORDER BY s.created_at DESC LIMIT 100";

bool sessions_include_holder(struct db *db, const char *username, const char *holder, bool *ret_known,
                             struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    char of_row[ADDRESS_SIZE];
    bool known = false;
    if (!db_query(db, SQL_ADDRESSES, DB_ARGS(db_text(username)), &rows, err))
        return false;
    while (!known && db_next(&rows)) {
        address_holder(db_column_text(&rows, 0), of_row);
        known = strcmp(of_row, holder) == 0;
    }
    *ret_known = known;
    return known || db_done(&rows, err);
}

static const char SQL_DELETE[] =
    "DELETE FROM sessions WHERE id IN"
    " (SELECT id FROM sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)";

bool sessions_delete(struct db *db, int64_t before, int64_t limit, int64_t *ret_deleted, struct error *err)
{
    return db_execute(db, SQL_DELETE, DB_ARGS(db_int(before), db_int(limit)), ret_deleted, err);
}
