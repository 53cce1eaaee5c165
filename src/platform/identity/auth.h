/* Who is calling: log-in, refresh, log-out, and the check that every request passes. Access tokens
 * live 15 minutes; refresh tokens rotate: one that was just replaced is answered once more with its
 * successor, and one that was replaced before that ends its session; a
 * disabled user, a log-out and a suspended tenant end both at once, since what a check has read of the store is
 * used again only while nothing has been committed (principal_cache.h). */
#ifndef KIMONO_PLATFORM_IDENTITY_AUTH_H
#define KIMONO_PLATFORM_IDENTITY_AUTH_H

#include "platform/identity/users.h"
#include "platform/platform.h"
#include "platform/tenants/gate.h"

/* A caller whose token was good. Texts are in the arena that was given. */
struct principal {
    const char *user_id, *username;
    enum role role;
    const char *tenant_id;  /* NULL for ops and platform-wide tokens */
    const char *session_id; /* NULL for API tokens */
};

struct auth_session {
    struct principal principal;
    const char *access_token, *refresh_token;
    int64_t expires_in; /* seconds */
};

/* Wrong name and wrong password give the same ERROR_UNAUTHENTICATED in the same time; a disabled user
 * too; with the right password a user of a suspended tenant gets ERROR_TENANT_SUSPENDED. Each try is in
 * the audit log (auth.login, done or refused, with the reason); not those that are too many, which are
 * ERROR_RATE_LIMITED whatever the password (login_limit.h). Slow: on a worker. */
bool auth_login(struct platform *platform, const char *username, const char *password, const char *ip_address,
                const char *request_id, struct arena *arena, struct auth_session *ret_session,
                struct error *err);
/* A new pair of tokens for the newest refresh token of a session, or the one that it replaced within the last
 * 30 seconds, which gives the same one again. One that was used before ends the
 * session (auth.refresh_reuse in the audit log). ERROR_UNAUTHENTICATED, ERROR_TENANT_SUSPENDED. */
bool auth_refresh(struct platform *platform, const char *refresh_token, const char *ip_address,
                  const char *request_id, struct arena *arena, struct auth_session *ret_session,
                  struct error *err);
/* Ends the session at once (auth.logout in the audit log). ERROR_FORBIDDEN for an API token. */
bool auth_logout(struct platform *platform, const struct principal *principal, const char *ip_address,
                 const char *request_id, struct error *err);
/* `token` is a JWT or an API token; `gate`: what it is to be used for, by the route's row.
 * ERROR_UNAUTHENTICATED, ERROR_TENANT_SUSPENDED (of a user's tenant, or an API
 * token's). Fast: one indexed read. */
bool auth_check(struct platform *platform, const char *token, enum tenant_gate gate, struct arena *arena,
                struct principal *ret_principal, struct error *err);
/* Deletes sessions that ended 30 days ago or earlier. A scheduled task. */
bool auth_sweep(struct platform *platform, int64_t *ret_deleted, struct error *err);

#endif
