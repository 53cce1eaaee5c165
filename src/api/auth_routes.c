/* Log-in, refresh, log-out, who am I. Programs take the tokens from the answer; the console takes them
 * as cookies (session_cookies.h). */
#include "api/endpoints.h"
#include "api/origin.h"
#include "api/session_cookies.h"
#include "http/request.h"
#include "security/token.h"

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
    FIELD(struct identity, role, TEXT,
          "ops_admin, ops_viewer, tenant_admin, tenant_staff, ingest or metrics"),
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
    FIELD(struct session_answer, refresh_token, TEXT,
          "For POST /auth/refresh: good once, and if the answer was lost for half a minute more, for the "
          "same answer"),
    FIELD(struct session_answer, user, OBJECT, "Who logged in", .of = &identity_descriptor),
};
const struct descriptor session_descriptor = DESCRIPTOR("Session", struct session_answer, session_fields);

static struct identity identity_of_principal(const struct principal *principal)
{
    return (struct identity){principal->user_id, principal->username, role_name(principal->role),
                             principal->tenant_id};
}

static void set_session_cookies(struct call *call, const char *access, const char *refresh,
                                int64_t access_seconds, int64_t refresh_seconds)
{
    session_cookie_set(call, SESSION_COOKIE_ACCESS, access, access_seconds);
    session_cookie_set(call, SESSION_COOKIE_REFRESH, refresh, refresh_seconds);
}

static bool reply_session(struct call *call, const struct auth_session *session)
{
    set_session_cookies(call, session->access_token, session->refresh_token, session->expires_in,
                        REFRESH_TOKEN_SECONDS);
    call->request->response.no_etag = true;
    struct session_answer answer = {
        .access_token = session->access_token,
        .token_type = "bearer",
        .expires_in = session->expires_in,
        .refresh_token = session->refresh_token,
        .user = identity_of_principal(&session->principal),
    };
    return reply(call, &session_descriptor, &answer);
}

bool auth_login_post(struct call *call, struct error *err)
{
    const struct login_input *input = call->input;
    struct auth_session session;
    /* A page that couldn't use its session afterwards: Secure cookies over http, writes from elsewhere. */
    if (!call_check_origin_if_any(call, err) ||
        !auth_login(call->platform, input->username, input->password, call->request->client_address,
                    call->request->request_id, call->arena, &session, err))
        return false;
    /* Failed tries count. */
    rate_limiter_give_back(call->api->limiter, call->route->rate, call_caller(call));
    return reply_session(call, &session);
}

/* The cookie is only accepted when the request comes from our own pages. */
static const char *refresh_token_of(struct call *call, struct error *err)
{
    const struct refresh_input *input = call->input;
    if (input->refresh_token)
        return input->refresh_token;
    const char *cookie = session_cookie_get(call, SESSION_COOKIE_REFRESH);
    if (cookie && *cookie)
        return call_check_origin(call, err) ? cookie : NULL;
    if (http_request_header(call->request, "Origin")) /* a person's page, not a program */
        error_set(err, ERROR_UNAUTHENTICATED,
                  "Nobody is logged in here any more, perhaps since a log-out in another tab. Log in again.",
                  "此处已无人登录，可能已在另一个标签页退出。请重新登录。");
    else
        error_set(err, ERROR_UNAUTHENTICATED, "Send refresh_token, or log in.",
                  "请携带 refresh_token，或重新登录。");
    return NULL;
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
    set_session_cookies(call, "", "", 0, 0);
    return reply_empty(call);
}

bool auth_me_get(struct call *call, struct error *err)
{
    (void)err;
    struct identity identity = identity_of_principal(&call->principal);
    return reply(call, &identity_descriptor, &identity);
}
