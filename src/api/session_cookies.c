#include "api/session_cookies.h"

#include <string.h>

#include "http/request.h"
#include "security/token.h"

static const struct {
    const char *prefix, *path;
} cookies[SESSION_COOKIE_COUNT] = {
    [SESSION_COOKIE_ACCESS] = {"kimono_access_", "/"},
    [SESSION_COOKIE_REFRESH] = {"kimono_refresh_", "/api/v1/auth"},
};

static const char *session_cookie_name(const struct call *call, enum session_cookie cookie)
{
    char mark[TOKEN_MARK_SIZE];
    const char *host = http_request_header(call->request, "Host"), *colon = host ? strrchr(host, ':') : NULL;
    bool has_port = colon && strspn(colon + 1, "0123456789") == strlen(colon + 1);
    token_mark(call->platform->signer, has_port ? colon + 1 : "", mark); /* "": the scheme's own port */
    return arena_printf(call->arena, "%s%s", cookies[cookie].prefix, mark);
}

const char *session_cookie_get(const struct call *call, enum session_cookie cookie)
{
    if (!http_request_header(call->request, "Cookie"))
        return NULL;
    return http_request_cookie(call->request, session_cookie_name(call, cookie));
}

void session_cookie_set(const struct call *call, enum session_cookie cookie, const char *value,
                        int64_t seconds)
{
    bool tls = strncmp(call->api->public_origin, "https:", 6) == 0;
    const char *text = arena_printf(call->arena, "%s=%s; Path=%s; Max-Age=%lld; HttpOnly; SameSite=Strict%s",
                                    session_cookie_name(call, cookie), value, cookies[cookie].path,
                                    (long long)seconds, tls ? "; Secure" : "");
    http_response_header(call->request, "Set-Cookie", text);
}
