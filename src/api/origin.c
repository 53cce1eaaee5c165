#include "api/origin.h"

#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "http/address.h"

#define SHOWN_BYTES 100 /* of a header, in texts */

/* Length of an origin without a port that its scheme implies. */
static size_t origin_length(const char *origin)
{
    size_t length = strlen(origin);
    const char *implied = strncasecmp(origin, "https:", 6) == 0 ? ":443" : ":80";
    size_t suffix = strlen(implied);
    return length > suffix && strcmp(origin + length - suffix, implied) == 0 ? length - suffix : length;
}

static bool same_origin(const char *a, const char *b)
{
    size_t length = origin_length(a);
    return length == origin_length(b) && strncasecmp(a, b, length) == 0;
}

/* An address, or localhost and what is below it (RFC 6761): no one can point these elsewhere. */
static bool is_nobodys_name(const char *host)
{
    static const char name[] = "localhost";
    char address[ADDRESS_SIZE];
    if (address_normalize(host, strlen(host), address))
        return true;
    size_t length = strcspn(host, ":"), suffix = sizeof(name) - 1;
    return length >= suffix && strncasecmp(host + length - suffix, name, suffix) == 0 &&
           (length == suffix || host[length - suffix - 1] == '.');
}

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

bool call_is_local(const struct http_request *request)
{
    const char *host = http_request_header(request, "Host");
    return is_loopback(request->client_address) && !http_request_header(request, "X-Forwarded-For") &&
           (!host || is_nobodys_name(host));
}

/* From this machine itself only localhost and addresses are accepted: any other name may have been pointed here by
 * anybody (DNS rebinding). From outside, a name that leads here is as good as the address. */
static bool is_own_origin(const struct call *call, const char *origin, const char *host)
{
    const struct http_request *request = call->request;
    if (*call->api->public_origin)
        return same_origin(origin, call->api->public_origin);
    if (!host || (is_loopback(request->client_address) && !is_nobodys_name(host)))
        return false;
    const char *protocol = http_request_header(request, "X-Forwarded-Proto");
    bool tls = request->by_proxy && protocol && strcasecmp(protocol, "https") == 0;
    return same_origin(origin, arena_printf(call->arena, "%s://%s", tls ? "https" : "http", host));
}

static void warn_of_origin(struct call *call, const char *origin, const char *host)
{
    const char *own = call->api->public_origin;
    if (!log_limit_due(&call->api->origin_warnings, origin, call->request->started_us))
        return;
    log_write(LOG_WARN, "http", call->request->request_id,
              "%s came from a page at %.*s, with Host %.*s, which is not this console (%s). If people use it "
              "there: set KIMONO_PUBLIC_ORIGIN=%.*s",
              call->route->path, SHOWN_BYTES, origin, SHOWN_BYTES, host ? host : "(none)",
              *own ? own : "KIMONO_PUBLIC_ORIGIN is not set", SHOWN_BYTES, origin);
}

/* With a field that the page finds: where to go, or what to set. */
static bool refuse_origin(struct call *call, const char *origin, struct error *err)
{
    const char *own = call->api->public_origin;
    if (*own) {
        error_set(
            err, ERROR_WRONG_ORIGIN,
            "This console is served at %s, and can be used from there only: go there. If that is wrong, "
            "set KIMONO_PUBLIC_ORIGIN.",
            "本控制台的地址是 %s，只能从该地址使用：请前往该地址。若地址有误，请修改 KIMONO_PUBLIC_ORIGIN。",
            own);
        error_add_field(err, "public_origin", "%s", "%s", own);
    } else {
        error_set(
            err, ERROR_WRONG_ORIGIN,
            "The server does not know %.*s as its own address: the proxy before it hides or changes the "
            "Host. Set KIMONO_PUBLIC_ORIGIN to the address that people type.",
            "服务器不认识地址 %.*s：其前面的代理隐藏或改写了 Host。请将 KIMONO_PUBLIC_ORIGIN "
            "设为用户实际访问的地址。",
            SHOWN_BYTES, origin);
        error_add_field(err, "KIMONO_PUBLIC_ORIGIN", "set it to %.*s", "请设为 %.*s", SHOWN_BYTES, origin);
    }
    err->code = ERROR_WRONG_ORIGIN; /* a field alone means wrong input */
    return false;
}

bool call_check_origin(struct call *call, struct error *err)
{
    const char *origin = http_request_header(call->request, "Origin");
    const char *host = http_request_header(call->request, "Host");
    if (!origin)
        return error_set(
            err, ERROR_FORBIDDEN,
            "The console's cookie is for its pages, which send an Origin; programs send a token.",
            "控制台的 Cookie 仅供其页面使用（会携带 Origin）；程序请使用令牌。");
    if (is_own_origin(call, origin, host))
        return true;
    warn_of_origin(call, origin, host);
    return refuse_origin(call, origin, err);
}

bool call_check_origin_if_any(struct call *call, struct error *err)
{
    return !http_request_header(call->request, "Origin") || call_check_origin(call, err);
}
