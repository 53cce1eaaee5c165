/* Log-in, refresh, log-out, who am I. Programs take the tokens from the answer; the console takes them
 * as HttpOnly cookies, which scripts cannot read and other sites cannot send (SameSite=Strict). */
#include <stdio.h>
#include <string.h>

#include "api/endpoints.h"
#include "http/request.h"
#include "security/token.h"

#define COOKIE_ACCESS "kimono_access"
#define COOKIE_REFRESH "kimono_refresh"
#define REFRESH_PATH "/api/v1/auth"

struct login_input {
    const char *username, *password;
};
static const struct param login_table[] = {
    PARAM_BODY(struct login_input, username, TEXT, "Name of the user", .required = true, .max = 64),
    PARAM_BODY(struct login_input, password, TEXT, "Password", .required = true, .max = 256),
};
const struct params login_params = PARAMS(struct login_input, login_table);

struct refresh_input {
    const char *refresh_token;
};
static const struct param refresh_table[] = {
    PARAM_BODY(struct refresh_input, refresh_token, TEXT, "The refresh token; absent: the console's cookie",
               .max = 256),
};
const struct params refresh_params = PARAMS(struct refresh_input, refresh_table);

struct identity {
    const char *id, *username, *role, *tenant_id;
};
static const struct field identity_fields[] = {
    FIELD(struct identity, id, TEXT, "Id of the user or token"),
    FIELD(struct identity, username, TEXT, "Name of the user or token"),
    FIELD(struct identity, role, TEXT, "ops_admin, ops_viewer, tenant_admin, tenant_staff or ingest"),
    FIELD(struct identity, tenant_id, TEXT, "The tenant that it belongs to", .nullable = true),
};
const struct descriptor identity_descriptor = DESCRIPTOR("Identity", struct identity, identity_fields);

struct session_answer {
    const char *access_token, *token_type;
    int64_t expires_in;
    const char *refresh_token;
    struct identity user;
};
static const struct field session_fields[] = {
    FIELD(struct session_answer, access_token, TEXT, "JWT for the Authorization header"),
    FIELD(struct session_answer, token_type, TEXT, "bearer"),
    FIELD(struct session_answer, expires_in, INT, "Seconds that the access token lives"),
    FIELD(struct session_answer, refresh_token, TEXT, "Good once, for POST /auth/refresh"),
    FIELD(struct session_answer, user, OBJECT, "Who logged in", .of = &identity_descriptor),
};
const struct descriptor session_descriptor = DESCRIPTOR("Session", struct session_answer, session_fields);

static struct identity identity_of(const struct principal *principal)
{
    return (struct identity){principal->user_id, principal->username, role_name(principal->role),
                             principal->tenant_id};
}

static void set_cookie(struct call *call, const char *name, const char *value, const char *path,
                       int64_t seconds)
{
    bool tls = strncmp(call->api->public_origin, "https:", 6) == 0;
    const char *cookie =
        arena_printf(call->arena, "%s=%s; Path=%s; Max-Age=%lld; HttpOnly; SameSite=Strict%s", name, value,
                     path, (long long)seconds, tls ? "; Secure" : "");
    http_response_header(call->request, "Set-Cookie", cookie);
}

static void set_cookies(struct call *call, const char *access, const char *refresh, int64_t access_seconds,
                        int64_t refresh_seconds)
{
    set_cookie(call, COOKIE_ACCESS, access, "/", access_seconds);
    set_cookie(call, COOKIE_REFRESH, refresh, REFRESH_PATH, refresh_seconds);
}

static bool reply_session(struct call *call, const struct auth_session *session)
{
    set_cookies(call, session->access_token, session->refresh_token, session->expires_in,
                REFRESH_TOKEN_SECONDS);
    call->request->response.no_etag = true;
    struct session_answer answer = {
        .access_token = session->access_token,
        .token_type = "bearer",
        .expires_in = session->expires_in,
        .refresh_token = session->refresh_token,
        .user = identity_of(&session->principal),
    };
    return reply(call, &session_descriptor, &answer);
}

bool auth_login_post(struct call *call, struct error *err)
{
    const struct login_input *input = call->input;
    struct auth_session session;
    if (!auth_login(call->platform, input->username, input->password, call->request->client_address,
                    call->request->request_id, call->arena, &session, err))
        return false;
    rate_limiter_give_back(call->api->limiter, call->route->rate, call_caller(call)); /* failed tries count */
    return reply_session(call, &session);
}

/* The cookie is only believed when the request comes from our own pages. */
static const char *refresh_token_of(struct call *call, struct error *err)
{
    const struct refresh_input *input = call->input;
    if (input->refresh_token)
        return input->refresh_token;
    const char *cookie = http_request_cookie(call->request, COOKIE_REFRESH);
    if (!cookie || !*cookie) {
        error_set(err, ERROR_UNAUTHENTICATED, "Send refresh_token, or log in.",
                  "请携带 refresh_token，或重新登录。");
        return NULL;
    }
    return call_check_origin(call, err) ? cookie : NULL;
}

bool auth_refresh_post(struct call *call, struct error *err)
{
    const char *token = refresh_token_of(call, err);
    struct auth_session session;
    return token &&
           auth_refresh(call->platform, token, call->request->client_address, call->request->request_id,
                        call->arena, &session, err) &&
           reply_session(call, &session);
}

bool auth_logout_post(struct call *call, struct error *err)
{
    if (!auth_logout(call->platform, &call->principal, call->request->client_address,
                     call->request->request_id, err))
        return false;
    set_cookies(call, "", "", 0, 0);
    return reply_empty(call);
}

bool auth_me_get(struct call *call, struct error *err)
{
    (void)err;
    struct identity identity = identity_of(&call->principal);
    return reply(call, &identity_descriptor, &identity);
}
