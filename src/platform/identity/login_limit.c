#include "platform/identity/login_limit.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/strbuf.h"

#define SWEPT_AT_ONCE 8 /* by each failure, so more than it adds */
#define SET_DIGITS 3    /* of a hash: callers with the same ones share LOGIN_LIMIT_WAYS places */

static const struct {
    const char *name;
    int64_t burst, per_minute;
} limits[LOGIN_LIMITS] = {
#define X(limit, name, burst, minute, en, zh) [limit] = {name, burst, minute},
    LOGIN_LIMIT_TABLE(X)
#undef X
};

/* In which one failure is forgiven. */
static int64_t login_interval_ms(enum login_limit limit)
{
    return MINUTE_MS / limits[limit].per_minute;
}

/* As far ahead as failures can lie. */
static int64_t login_farthest_ms(enum login_limit limit)
{
    return limits[limit].burst * login_interval_ms(limit);
}

void login_callers_make(const struct token_signer *signer, const char *holder, const char *username,
                        bool known, struct login_callers *ret_callers)
{
    CLEANUP(strbuf_release) struct strbuf account = {0};
    *ret_callers = (struct login_callers){0};
    token_pseudonym(signer, holder, ret_callers->hashes[LOGIN_BY_ADDRESS]);
    strbuf_printf(&account, "%s\n%s", username, known ? holder : "");
    if (*username)
        token_pseudonym(signer, strbuf_text(&account), ret_callers->hashes[LOGIN_BY_ACCOUNT]);
}

static const char SQL_UNTIL[] = "SELECT counts_until FROM login_failures WHERE kind = $1 AND caller = $2";

/* How far ahead the instant lies. One beyond what failures can add up to was written before the clock was set
 * back, and counts as none. */
static bool login_limit_read(struct db *db, enum login_limit limit, const char *caller, int64_t now,
                             int64_t *ret_ahead_ms, struct error *err)
{
    int64_t until;
    if (!db_find_int(db, SQL_UNTIL, DB_ARGS(db_text(limits[limit].name), db_text(caller)), 0, &until, err))
        return false;
    int64_t ahead = until - now;
    *ret_ahead_ms = ahead > 0 && ahead <= login_farthest_ms(limit) ? ahead : 0;
    return true;
}

static bool login_limit_refuse(enum login_limit limit, int seconds, struct error *err)
{
    switch (limit) {
#define X(limit, name, burst, minute, en, zh)                                                                \
    case limit: error_set(err, ERROR_RATE_LIMITED, en, zh, seconds); break;
        LOGIN_LIMIT_TABLE(X)
#undef X
    case LOGIN_LIMITS: break;
    }
    if (err)
        err->retry_after_seconds = seconds;
    return false;
}

bool login_limit_check(struct db *db, const struct login_callers *callers, int64_t now, struct error *err)
{
    for (enum login_limit limit = 0; limit < LOGIN_LIMITS; limit++) {
        int64_t ahead;
        if (!*callers->hashes[limit])
            continue;
        if (!login_limit_read(db, limit, callers->hashes[limit], now, &ahead, err))
            return false;
        int64_t wait_ms = ahead + login_interval_ms(limit) - login_farthest_ms(limit);
        if (wait_ms > 0)
            return login_limit_refuse(limit, (int)((wait_ms + SECOND_MS - 1) / SECOND_MS), err);
    }
    return true;
}

static const char SQL_PUT[] = "INSERT INTO login_failures(kind, caller, counts_until) VALUES ($1, $2, $3)"
                              " ON CONFLICT (kind, caller) DO UPDATE SET counts_until = $3";
static const char SQL_SWEEP[] = "DELETE FROM login_failures WHERE kind = $1 AND caller IN"
                                " (SELECT caller FROM login_failures WHERE kind = $1 AND counts_until <= $2 "
                                "ORDER BY counts_until LIMIT $3)";
static const char SQL_SWEEP_AHEAD[] =
    "DELETE FROM login_failures WHERE kind = $1 AND caller IN"
    " (SELECT caller FROM login_failures WHERE kind = $1 AND counts_until > $2"
    "  ORDER BY counts_until DESC LIMIT $3)";

/* What has passed, and what was written before the clock was set back. */
static bool login_limit_sweep_some(struct db *db, enum login_limit limit, int64_t now, int64_t most,
                                   struct error *err)
{
    struct db_value kind = db_text(limits[limit].name);
    return db_execute(db, SQL_SWEEP, DB_ARGS(kind, db_int(now), db_int(most)), NULL, err) &&
           db_execute(db, SQL_SWEEP_AHEAD,
                      DB_ARGS(kind, db_int(now + login_farthest_ms(limit)), db_int(most)), NULL, err);
}

/* Of the callers whose hashes begin alike, those beyond the ceiling that have failed least. */
static const char SQL_MAKE_ROOM[] =
    "DELETE FROM login_failures WHERE kind = $1 AND caller IN"
    " (SELECT caller FROM login_failures WHERE kind = $1 AND caller >= $2 AND caller < $3 AND caller <> $4"
    "  ORDER BY counts_until DESC, caller LIMIT $6 OFFSET $5)";

static bool login_limit_count_one(struct db *db, enum login_limit limit, const char *caller, int64_t now,
                                  struct error *err)
{
    struct db_value kind = db_text(limits[limit].name);
    int64_t ahead;
    if (!login_limit_read(db, limit, caller, now, &ahead, err))
        return false;
    ahead += login_interval_ms(limit);
    if (ahead > login_farthest_ms(limit))
        ahead = login_farthest_ms(limit);
    if (!db_execute(db, SQL_PUT, DB_ARGS(kind, db_text(caller), db_int(now + ahead)), NULL, err) ||
        !login_limit_sweep_some(db, limit, now, SWEPT_AT_ONCE, err))
        return false;
    char first[SET_DIGITS + 1], behind[SET_DIGITS + 2];
    snprintf(first, sizeof(first), "%.*s", SET_DIGITS, caller);
    snprintf(behind, sizeof(behind), "%sg", first); /* behind every hexadecimal digit */
    return db_execute(db, SQL_MAKE_ROOM,
                      DB_ARGS(kind, db_text(first), db_text(behind), db_text(caller),
                              db_int(LOGIN_LIMIT_WAYS - 1), db_int(SWEPT_AT_ONCE)),
                      NULL, err);
}

bool login_limit_count(struct db *db, const struct login_callers *callers, int64_t now, struct error *err)
{
    for (enum login_limit limit = 0; limit < LOGIN_LIMITS; limit++)
        if (*callers->hashes[limit] && !login_limit_count_one(db, limit, callers->hashes[limit], now, err))
            return false;
    return true;
}

bool login_limit_sweep(struct db *db, int64_t now, struct error *err)
{
    for (enum login_limit limit = 0; limit < LOGIN_LIMITS; limit++)
        if (!login_limit_sweep_some(db, limit, now, LOGIN_LIMIT_ROWS, err))
            return false;
    return true;
}
