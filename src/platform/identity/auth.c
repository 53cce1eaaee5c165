#include "platform/identity/auth.h"

#include <sodium.h>
#include <string.h>

#include "base/clock.h"
#include "base/identifier.h"
#include "base/memory.h"
#include "http/address.h"
#include "platform/identity/api_tokens.h"
#include "platform/identity/login_limit.h"
#include "platform/identity/principal_cache.h"
#include "platform/identity/sessions.h"
#include "platform/tenants/tenants.h"
#include "security/password.h"
#include "security/token.h"
#include "settings/settings.h"

/* Sessions are kept for a while after their end, for whoever asks who was logged in. */
#define SWEEP_AFTER_MS (30 * DAY_MS)
#define SWEEP_BATCH 1000
/* A refresh token that was just replaced is good for so long yet: the answer may have been lost, or two tabs
 * have asked at once. */
#define REPLACED_GOOD_MS (30 * SECOND_MS)

static bool user_is_active(const char *status)
{
    return strcmp(status, "active") == 0;
}

static bool session_is_good(const struct session *session, int64_t now)
{
    return session->revoked_at == INT_NULL && session->expires_at > now &&
           user_is_active(session->user_status);
}

static bool session_passes_gate(const struct session *session, enum tenant_gate gate, struct error *err)
{
    struct tenant_state state = {session->tenant_id, session->tenant_status, INT_NULL};
    return tenant_gate_pass(gate, &state, TENANT_GATE_BEGINS_NOW, err);
}

static bool session_make_principal(const struct session *session, struct principal *ret_principal,
                                   struct error *err)
{
    enum role role;
    if (!role_parse(session->role, &role))
        return error_set(err, ERROR_INTERNAL, "The user '%s' has the unknown role '%s'.",
                         "用户“%s”的角色“%s”未知。", session->username, session->role);
    *ret_principal = (struct principal){
        .user_id = session->user_id,
        .username = session->username,
        .role = role,
        .tenant_id = session->tenant_id,
        .session_id = session->id,
    };
    return true;
}

/* Signs the access token and puts together what the caller gets. */
static bool auth_issue(struct platform *platform, const struct session *session, const char *refresh_token,
                       int64_t now, struct arena *arena, struct auth_session *ret_session, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf access = {0};
    struct access_claims claims = {.issued_at = now / 1000, .expires_at = now / 1000 + ACCESS_TOKEN_SECONDS};
    struct auth_session issued = {.expires_in = ACCESS_TOKEN_SECONDS};
    strncpy(claims.user_id, session->user_id, sizeof(claims.user_id) - 1);
    strncpy(claims.session_id, session->id, sizeof(claims.session_id) - 1);
    if (!token_sign(platform->signer, &claims, &access, err) ||
        !session_make_principal(session, &issued.principal, err))
        return false;
    issued.access_token = arena_strndup(arena, strbuf_text(&access), access.length);
    issued.refresh_token = arena_strdup(arena, refresh_token);
    *ret_session = issued;
    return true;
}

/* --- log-in */

enum login_result { LOGIN_DONE, LOGIN_UNKNOWN, LOGIN_WRONG_PASSWORD, LOGIN_DISABLED, LOGIN_SUSPENDED };

/* For the audit log only: to the caller the first three are one. */
static const char *const login_reasons[] = {
    [LOGIN_DONE] = NULL,
    [LOGIN_UNKNOWN] = "unknown user",
    [LOGIN_WRONG_PASSWORD] = "wrong password",
    [LOGIN_DISABLED] = "the user is disabled",
    [LOGIN_SUSPENDED] = "the tenant is suspended",
};

struct login {
    struct actor actor;
    const struct user *user; /* as it was when the password was compared; NULL: unknown */
    bool right_password;
    const char *session_id;
    unsigned char refresh_hash[TOKEN_HASH_SIZE];
    int64_t now;
    struct arena *arena;
    const struct login_callers *callers; /* NULL: limits are off */
    enum login_result result;
    struct error why; /* of LOGIN_SUSPENDED */
    struct session session;
};

static bool login_audit(struct db *db, const struct login *login, struct error *err)
{
    struct audit_entry entry = {
        .action = "auth.login",
        .target_type = "user",
        .target_id = login->user ? login->user->id : "",
        .reason = login_reasons[login->result],
        .result = login->result == LOGIN_DONE ? "done" : "refused",
    };
    return audit_append(db, &login->actor, &entry, err);
}

/* Comparing the password took a while, and somebody may have disabled the user, changed the password or
 * suspended the tenant meanwhile: what counts is what is so in this transaction. */
static bool login_judge(struct db *db, struct login *login, struct error *err)
{
    struct user user;
    struct tenant tenant = {0};
    bool found;
    error_clear(&login->why);
    if (!user_find(db, login->user->username, login->arena, &user, &found, err) ||
        (found && user.tenant_id && !tenant_get(db, user.tenant_id, login->arena, &tenant, err)))
        return false;
    struct tenant_state state = tenant_state_of(&tenant);
    if (!found)
        login->result = LOGIN_UNKNOWN;
    else if (!user_is_active(user.status))
        login->result = LOGIN_DISABLED;
    else if (strcmp(user.password_hash, login->user->password_hash) != 0)
        login->result = LOGIN_WRONG_PASSWORD;
    else if (!tenant_gate_pass(TENANT_GATE_LOGIN, &state, TENANT_GATE_BEGINS_NOW, &login->why))
        login->result = LOGIN_SUSPENDED;
    else
        login->result = LOGIN_DONE;
    return true;
}

/* One transaction whatever the result: a refusal takes as long as any other. Many may have tried at once, so
 * the limits are checked once more: beyond them the answer does not depend on the password. */
static bool login_work(struct db *db, void *context, struct error *err)
{
    struct login *login = context;
    login->result = !login->user ? LOGIN_UNKNOWN : LOGIN_WRONG_PASSWORD;
    if ((login->callers && !login_limit_check(db, login->callers, login->now, err)) ||
        (login->user && login->right_password && !login_judge(db, login, err)))
        return false;
    bool counts = login->result != LOGIN_DONE && login->result != LOGIN_SUSPENDED;
    if (login->callers && counts && !login_limit_count(db, login->callers, login->now, err))
        return false;
    if (login->result != LOGIN_DONE)
        return login_audit(db, login, err);
    const struct user *user = login->user;
    bool found;
    if (!session_add(db, login->session_id, user->id, login->refresh_hash, login->now,
                     login->actor.ip_address, err) ||
        !user_logged_in(db, user->id, login->now, err))
        return false;
    if (user->tenant_id && !tenant_touch(db, user->tenant_id, login->now, err))
        return false;
    return session_find(db, login->session_id, login->arena, &login->session, &found, err) &&
           login_audit(db, login, err);
}

static bool limits_logins(const struct platform *platform)
{
    return !platform->settings || settings_now(platform->settings)->rate_limits;
}

/* The user, and whether the limits allow another try. */
static bool login_begin(struct platform *platform, const char *username, const char *ip_address,
                        struct arena *arena, struct user *ret_user, bool *ret_found,
                        struct login_callers *ret_callers, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    char holder[ADDRESS_SIZE];
    bool known;
    address_holder(ip_address, holder);
    if (!store_reader(platform->store, READ_LIMIT_MS, &db, err) ||
        !user_find(db, username, arena, ret_user, ret_found, err) ||
        !sessions_include_holder(db, username, holder, &known, err))
        return false;
    login_callers_make(platform->signer, holder, username, known, ret_callers);
    return !limits_logins(platform) || login_limit_check(db, ret_callers, clock_now_ms(), err);
}

bool auth_login(struct platform *platform, const char *username, const char *password, const char *ip_address,
                const char *request_id, struct arena *arena, struct auth_session *ret_session,
                struct error *err)
{
    /* A name that cannot be one is not written down: people type their password into the wrong field. */
    char name[USERNAME_MAX + 1] = "";
    username_normalise(username, name);
    struct user user;
    bool found;
    bool right_password;
    struct login_callers callers;
    char session_id[IDENTIFIER_SIZE], refresh_token[TOKEN_SIZE];
    if (!login_begin(platform, name, ip_address, arena, &user, &found, &callers, err) ||
        !password_verify(password, found ? user.password_hash : NULL, &right_password, err))
        return false;
    struct login login = {
        .actor = {found ? user.id : "", name, ip_address, request_id},
        .user = found ? &user : NULL,
        .right_password = right_password,
        .now = clock_now_ms(),
        .arena = arena,
        .callers = limits_logins(platform) ? &callers : NULL,
    };
    identifier_make("ses_", session_id);
    token_refresh_make(session_id, refresh_token);
    token_hash(refresh_token, login.refresh_hash);
    login.session_id = session_id;
    if (!store_write(platform->store, login_work, &login, err))
        return false;
    if (login.result == LOGIN_SUSPENDED) {
        *err = login.why;
        return false;
    }
    if (login.result != LOGIN_DONE)
        return error_set(err, ERROR_UNAUTHENTICATED, "The user name or the password is wrong.",
                         "用户名或密码错误。");
    return auth_issue(platform, &login.session, refresh_token, login.now, arena, ret_session, err);
}

/* --- refresh */

enum refresh_result { REFRESH_DONE, REFRESH_OVER, REFRESH_REUSED };

struct refresh {
    const char *session_id, *ip_address, *request_id;
    unsigned char old_hash[TOKEN_HASH_SIZE], new_hash[TOKEN_HASH_SIZE];
    int64_t now;
    struct arena *arena;
    enum refresh_result result;
    struct error why; /* unless it is done */
    struct session session;
};

/* A refresh token that is neither the newest nor just replaced was used before, by its owner or by an
 * attacker: which of the two holds the newest one is not known, so both have to log in again. */
static bool refresh_end_reused(struct db *db, const struct refresh *refresh, struct error *err)
{
    const struct session *session = &refresh->session;
    struct actor actor = {session->user_id, session->username, refresh->ip_address, refresh->request_id};
    struct audit_entry entry = {.action = "auth.refresh_reuse",
                                .target_type = "session",
                                .target_id = session->id,
                                .reason = "a refresh token came a second time: the session was ended",
                                .result = "refused"};
    return session_revoke(db, session->id, SESSION_END_REUSE, refresh->now, err) &&
           audit_append(db, &actor, &entry, err);
}

static bool same_hash(const unsigned char a[static TOKEN_HASH_SIZE],
                      const unsigned char b[static TOKEN_HASH_SIZE])
{
    return sodium_memcmp(a, b, TOKEN_HASH_SIZE) == 0;
}

static bool refresh_work(struct db *db, void *context, struct error *err)
{
    struct refresh *refresh = context;
    struct session *session = &refresh->session;
    bool found;
    error_clear(&refresh->why);
    if (!session_find(db, refresh->session_id, refresh->arena, session, &found, err))
        return false;
    bool newest = found && same_hash(session->refresh_hash, refresh->old_hash);
    /* Replaced a moment ago, by the very token that this one would give again. */
    bool replaced = found && same_hash(session->replaced_hash, refresh->old_hash) &&
                    same_hash(session->refresh_hash, refresh->new_hash) &&
                    refresh->now - session->refreshed_at < REPLACED_GOOD_MS;
    if (!found || !session_is_good(session, refresh->now)) {
        refresh->result = REFRESH_OVER;
        session_refuse(newest || replaced ? session : NULL, &refresh->why);
        return true;
    }
    if (!newest && !replaced) {
        refresh->result = REFRESH_REUSED;
        session_refuse(NULL, &refresh->why);
        return refresh_end_reused(db, refresh, err);
    }
    refresh->result = REFRESH_DONE;
    return session_passes_gate(session, TENANT_GATE_REFRESH, err) &&
           (replaced || session_rotate(db, refresh->session_id, refresh->new_hash, refresh->now, err));
}

bool auth_refresh(struct platform *platform, const char *refresh_token, const char *ip_address,
                  const char *request_id, struct arena *arena, struct auth_session *ret_session,
                  struct error *err)
{
    char session_id[40], new_token[TOKEN_SIZE];
    if (!token_refresh_parse(refresh_token, session_id))
        return session_refuse(NULL, err);
    struct refresh refresh = {.session_id = session_id,
                              .ip_address = ip_address,
                              .request_id = request_id,
                              .now = clock_now_ms(),
                              .arena = arena};
    token_refresh_next(platform->signer, session_id, refresh_token, new_token);
    token_hash(refresh_token, refresh.old_hash);
    token_hash(new_token, refresh.new_hash);
    if (!store_write(platform->store, refresh_work, &refresh, err))
        return false;
    if (refresh.result != REFRESH_DONE) {
        *err = refresh.why;
        return false;
    }
    return auth_issue(platform, &refresh.session, new_token, refresh.now, arena, ret_session, err);
}

/* --- log-out */

struct logout {
    const struct principal *principal;
    struct actor actor;
};

static bool logout_work(struct db *db, void *context, struct error *err)
{
    const struct logout *logout = context;
    struct audit_entry entry = {
        .action = "auth.logout", .target_type = "session", .target_id = logout->principal->session_id};
    return session_revoke(db, logout->principal->session_id, SESSION_END_LOGOUT, clock_now_ms(), err) &&
           audit_append(db, &logout->actor, &entry, err);
}

bool auth_logout(struct platform *platform, const struct principal *principal, const char *ip_address,
                 const char *request_id, struct error *err)
{
    if (!principal->session_id)
        return error_set(err, ERROR_FORBIDDEN, "An API token has no session to end; revoke it instead.",
                         "API 令牌没有会话可退出；如需停用请吊销该令牌。");
    struct logout logout = {
        .principal = principal,
        .actor = {principal->user_id, principal->username, ip_address, request_id},
    };
    return store_write(platform->store, logout_work, &logout, err);
}

/* --- each request */

static bool auth_check_api_token(struct platform *platform, const char *text, enum tenant_gate gate,
                                 struct arena *arena, struct principal *ret_principal, struct error *err)
{
    struct api_token token;
    bool found;
    enum role role;
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (!store_reader(platform->store, READ_LIMIT_MS, &db, err) ||
        !api_token_find(db, text, arena, &token, &found, err))
        return false;
    if (!found || !role_parse(token.role, &role))
        return error_set(err, ERROR_UNAUTHENTICATED, "The API token is unknown or revoked.",
                         "API 令牌不存在或已被吊销。");
    if (token.tenant_id && !tenant_gate_ask(db, gate, token.tenant_id, TENANT_GATE_BEGINS_NOW, err))
        return false;
    *ret_principal = (struct principal){
        .user_id = token.id, .username = token.name, .role = role, .tenant_id = token.tenant_id};
    return true;
}

static bool auth_read_session(struct platform *platform, const struct access_claims *claims,
                              enum tenant_gate gate, int64_t now, struct arena *arena,
                              struct session *ret_session, struct principal *ret_principal, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    bool found;
    if (!store_reader(platform->store, READ_LIMIT_MS, &db, err) ||
        !session_find(db, claims->session_id, arena, ret_session, &found, err))
        return false;
    if (!found || strcmp(ret_session->user_id, claims->user_id) != 0)
        return session_refuse(NULL, err);
    if (!session_is_good(ret_session, now))
        return session_refuse(ret_session, err);
    return session_passes_gate(ret_session, gate, err) &&
           session_make_principal(ret_session, ret_principal, err);
}

/* What passed an open gate is not cached: it would pass the others, too. */
static bool auth_check_session(struct platform *platform, const struct access_claims *claims,
                               enum tenant_gate gate, int64_t now, struct arena *arena,
                               struct principal *ret_principal, struct error *err)
{
    struct store_stamp stamp;
    bool stamped = platform->principals && store_get_stamp(platform->store, &stamp);
    if (stamped &&
        principal_cache_get(platform->principals, claims->session_id, &stamp, now, arena, ret_principal) &&
        strcmp(ret_principal->user_id, claims->user_id) == 0)
        return true;
    struct session session;
    if (!auth_read_session(platform, claims, gate, now, arena, &session, ret_principal, err))
        return false;
    if (stamped && gate != TENANT_GATE_OPEN)
        principal_cache_put(platform->principals, ret_principal, session.expires_at, &stamp);
    return true;
}

bool auth_check(struct platform *platform, const char *token, enum tenant_gate gate, struct arena *arena,
                struct principal *ret_principal, struct error *err)
{
    int64_t now = clock_now_ms();
    if (strncmp(token, TOKEN_PREFIX_API, strlen(TOKEN_PREFIX_API)) == 0)
        return auth_check_api_token(platform, token, gate, arena, ret_principal, err);
    struct access_claims claims;
    return token_verify(platform->signer, token, now / 1000, &claims, err) &&
           auth_check_session(platform, &claims, gate, now, arena, ret_principal, err);
}

/* --- sweeping */

struct sweep {
    int64_t before, deleted;
};

static bool auth_sweep_work(struct db *db, void *context, struct error *err)
{
    struct sweep *sweep = context;
    return login_limit_sweep(db, clock_now_ms(), err) &&
           sessions_delete(db, sweep->before, SWEEP_BATCH, &sweep->deleted, err);
}

bool auth_sweep(struct platform *platform, int64_t *ret_deleted, struct error *err)
{
    struct sweep sweep = {.before = clock_now_ms() - SWEEP_AFTER_MS};
    int64_t total = 0;
    do {
        if (!store_write(platform->store, auth_sweep_work, &sweep, err))
            return false;
        total += sweep.deleted;
    } while (sweep.deleted == SWEEP_BATCH);
    *ret_deleted = total;
    return true;
}
