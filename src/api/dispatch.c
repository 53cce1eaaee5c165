#include "api/dispatch.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "api/origin.h"
#include "api/refusal_log.h"
#include "api/request_log.h"
#include "api/request_metrics.h"
#include "api/router.h"
#include "api/session_cookies.h"
#include "base/log.h"
#include "http/problem.h"
#include "http/static_files.h"
#include "platform/health/health.h"
#include "platform/tenants/tenants.h"
#include "telemetry/telemetry.h"

#define API_PREFIX "/api/"
#define OTLP_PREFIX "/v1/"
#define REQUEST_ARENA_CEILING ((size_t)16 << 20)

const char *permission_name(enum permission permission)
{
    static const char *const names[] = {
        [PERMISSION_OPS_ADMIN] = "ops_admin", [PERMISSION_OPS_READ] = "read",
        [PERMISSION_SIGNED_IN] = "signed_in", [PERMISSION_TENANT_KEY] = "tenant_key",
        [PERMISSION_LOCAL] = "local",         [PERMISSION_PUBLIC] = "public",
        [PERMISSION_INGEST] = "ingest",
    };
    return names[permission];
}

/* Which permissions a role has; only for callers with a token. */
static bool role_may(enum role role, enum permission permission)
{
    switch (permission) {
    case PERMISSION_OPS_ADMIN: return role == ROLE_OPS_ADMIN;
    case PERMISSION_INGEST: return role == ROLE_INGEST;
    case PERMISSION_OPS_READ: return role == ROLE_OPS_ADMIN || role == ROLE_OPS_VIEWER;
    case PERMISSION_LOCAL: return role == ROLE_OPS_ADMIN || role == ROLE_OPS_VIEWER || role == ROLE_METRICS;
    case PERMISSION_SIGNED_IN:
    case PERMISSION_TENANT_KEY:
    case PERMISSION_PUBLIC: return true;
    }
    return false;
}

const char *call_token(struct call *call, bool *ret_from_cookie)
{
    const char *header = http_request_header(call->request, "Authorization");
    *ret_from_cookie = false;
    if (header && strncasecmp(header, "Bearer ", 7) == 0)
        return header + 7;
    if (header)
        return "";
    *ret_from_cookie = true;
    return session_cookie_get(call, SESSION_COOKIE_ACCESS);
}

static bool call_authenticate(struct call *call, struct error *err)
{
    bool from_cookie;
    const char *token = call_token(call, &from_cookie);
    if (!token)
        return error_set(err, ERROR_UNAUTHENTICATED,
                         "Send 'Authorization: Bearer …', or log in to the console.",
                         "请携带 Authorization: Bearer …，或登录控制台。");
    if (!auth_check(call->platform, token, call->route->gate, call->arena, &call->principal, err))
        return false;
    /* A browser sends the cookie by itself, so a write must also come from our own pages. */
    if (from_cookie && strcmp(call->request->method, "GET") != 0 && !call_check_origin(call, err))
        return false;
    call->actor.user_id = call->principal.user_id;
    call->actor.username = call->principal.username;
    return true;
}

static bool take_rate(struct call *call, enum rate_class class, const char *caller, struct error *err)
{
    int wait = 1;
    if (rate_limiter_take(call->api->limiter, class, caller, call->request->started_us, &wait))
        return true;
    error_set(err, ERROR_RATE_LIMITED, "Too many requests: try again in %d s.",
              "请求过于频繁：请 %d 秒后重试。", wait);
    err->retry_after_seconds = wait;
    return false;
}

/* A key counts for its tenant once it is known to be one; whoever brings another counts by the address. */
static bool check_tenant_key(struct call *call, struct error *err)
{
    const char *key = http_request_header(call->request, "X-API-Key");
    if (!key || !*key)
        return error_set(err, ERROR_UNAUTHENTICATED, "Send the tenant's publishable key in X-API-Key.",
                         "请在 X-API-Key 中携带商家的公开密钥。");
    struct tenant tenant;
    bool found;
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (!store_reader(call->platform->store, READ_LIMIT_MS, &db, err) ||
        !tenant_by_api_key(db, key, call->arena, &tenant, &found, err))
        return false;
    if (found) {
        call->key_tenant_id = tenant.id;
        return true;
    }
    return take_rate(call, RATE_PUBLIC, call->request->client_holder, err) &&
           error_set(err, ERROR_UNAUTHENTICATED, "The X-API-Key is no tenant's.",
                     "X-API-Key 不属于任何商家。");
}

static bool call_permit(struct call *call, struct error *err)
{
    enum permission permission = call->route->permission;
    if (permission == PERMISSION_PUBLIC || (permission == PERMISSION_LOCAL && call_is_local(call->request)))
        return true;
    if (permission == PERMISSION_TENANT_KEY)
        return check_tenant_key(call, err);
    if (!call_authenticate(call, err))
        return false;
    if (!role_may(call->principal.role, permission))
        return error_set(err, ERROR_FORBIDDEN, "The role %s may not do this.", "角色 %s 无权执行此操作。",
                         role_name(call->principal.role));
    return true;
}

/* Whose bucket it is: the person, else the tenant of the key, else the address. */
const char *call_caller(const struct call *call)
{
    return call->principal.user_id ? call->principal.user_id
           : call->key_tenant_id   ? call->key_tenant_id
                                   : call->request->client_holder;
}

/* Of a tenant's customers each has a bucket below the tenant's: one who empties it shuts nobody else out. */
static bool call_limit(struct call *call, struct error *err)
{
    const char *caller = call_caller(call), *holder = call->request->client_holder;
    if (call->route->permission == PERMISSION_TENANT_KEY &&
        !take_rate(call, RATE_VISITOR, arena_printf(call->arena, "%s\n%s", caller, holder), err))
        return false;
    return take_rate(call, call->route->rate, caller, err);
}

/* A refusal costs little, but no route's bucket bounds it: so refusals have one for each network. Once it is empty the
 * answer is 429, and the connection is closed. */
static void limit_refusals(struct api *api, struct http_request *request, struct error *err)
{
    int wait = 1;
    if (error_status(err->code) >= 500)
        return; /* it is us */
    if (rate_limiter_take(api->limiter, RATE_REFUSED, request->client_holder, request->started_us, &wait))
        return;
    error_set(err, ERROR_RATE_LIMITED, "Too many requests from your network were refused: try again in %d s.",
              "来自您所在网络的请求被拒绝次数过多：请 %d 秒后重试。", wait);
    err->retry_after_seconds = wait;
    http_response_header(request, "Connection", "close");
}

bool route_is_personal(const struct route *route)
{
    bool to_people = route->permission == PERMISSION_OPS_ADMIN || route->permission == PERMISSION_OPS_READ;
    return to_people && route->answer && descriptor_is_personal(route->answer);
}

static bool note_reveal_parameter(void *context, const char *name, const char *value)
{
    bool *asked = context;
    *asked = *asked || (strcmp(name, PARAM_REVEAL) == 0 && value && strcmp(value, "true") == 0);
    return true;
}

/* Whoever may see personal data sees it after asking for it. What was shown is audited, which waits for a
 * commit: such a request runs on a worker. */
static bool call_permit_reveal(struct call *call, struct error *err)
{
    bool asked = false;
    if (!call->request->query || !route_is_personal(call->route))
        return true;
    http_query_each(call->request, note_reveal_parameter, &asked);
    if (asked && call->principal.role != ROLE_OPS_ADMIN)
        return error_set(err, ERROR_FORBIDDEN, "The role %s may not reveal personal data.",
                         "角色 %s 无权查看未脱敏的个人信息。", role_name(call->principal.role));
    call->reveal = asked;
    return true;
}

/* For the audit log: the detail, and of input each field that is wrong. */
static const char *call_refusal(struct call *call, const struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf why = {0};
    strbuf_puts(&why, err->detail[LANGUAGE_EN]);
    for (size_t i = 0; i < err->field_count; i++)
        strbuf_printf(&why, "%s%s: %s", why.length ? "; " : "", err->fields[i].field,
                      err->fields[i].message[LANGUAGE_EN]);
    return arena_strdup(call->arena, strbuf_text(&why));
}

/* THE way an error leaves. What fails inside is logged; only operators get its names in the answer. The component is
 * reported as down at once, not only by its next probe. */
static void dispatch_answer_error(struct call *call, struct error *err)
{
    struct http_request *request = call->request;
    if (error_status(err->code) < 500 && call->principal.user_id)
        call->refusal = call_refusal(call, err);
    if (error_is_of_store(err->code) || err->code == ERROR_INTERNAL) {
        log_write(LOG_ERROR, "http", request->request_id, "%s %s: %s", request->method,
                  call->route ? call->route->path : "-", err->detail[LANGUAGE_EN]);
        if (error_is_of_store(err->code) && err->retry_after_seconds == 0)
            err->retry_after_seconds = STORE_RETRY_SECONDS;
        if (error_is_of_store(err->code))
            health_report_down(call->platform->health, COMPONENT_DATABASE, err);
        if (!call->principal.user_id || !role_may(call->principal.role, PERMISSION_OPS_READ)) {
            int seconds = err->retry_after_seconds;
            error_set(err, err->code,
                      "The service cannot do this at the moment. Please try again later; if it goes on, tell "
                      "its operators the request id.",
                      "服务暂时无法处理此请求，请稍后重试；如持续出现，请将请求编号告知运营人员。");
            err->retry_after_seconds = seconds;
        }
    }
    http_response_problem(request, err);
}

static bool call_find_route(struct call *call, struct error *err)
{
    struct http_request *request = call->request;
    char allow[64];
    if (router_find(request->method, request->path, call->arena, &call->route, &call->path, allow))
        return true;
    if (!*allow)
        return error_set(err, ERROR_NOT_FOUND, "There is nothing at %.120s.", "路径 %.120s 不存在。",
                         request->path);
    http_response_header(request, "Allow", allow);
    return error_set(err, ERROR_METHOD, "%.16s is not possible here, only %s.",
                     "此处不支持 %.16s，仅支持 %s。", request->method, allow);
}

static void dispatch_begin_call(struct api *api, struct http_request *request, struct http_plan *ret_plan)
{
    struct error err;
    error_clear(&err);
    request->arena.ceiling = REQUEST_ARENA_CEILING;
    struct call *call = arena_alloc(&request->arena, sizeof(*call));
    *call = (struct call){
        .api = api,
        .platform = api->platform,
        .request = request,
        .arena = &request->arena,
        .actor = {"", "", request->client_address, request->request_id},
    };
    request->user = call;
    if (!call_find_route(call, &err) || !call_permit(call, &err) || !call_limit(call, &err) ||
        !call_permit_reveal(call, &err)) {
        limit_refusals(api, request, &err);
        dispatch_answer_error(call, &err);
        ret_plan->answered = true;
        return;
    }
    const struct route *route = call->route;
    call->admitted = true;
    /* A body where the route takes none, or over the limit, is refused by the server. */
    *ret_plan = (struct http_plan){
        .body_limit = route->body_limit,
        .run = call->reveal ? HTTP_RUN_WORKER : route->run,
        .owner = call_caller(call),
        .spooled = route->records != NULL,
        .form = route->params && params_have_form(route->params),
    };
}

static void dispatch_begin_page(struct api *api, struct http_request *request, struct http_plan *ret_plan)
{
    struct error err;
    error_clear(&err);
    ret_plan->answered = true;
    if (strcmp(request->method, "GET") != 0) {
        http_response_header(request, "Allow", "GET, HEAD");
        error_set(&err, ERROR_METHOD, "%.16s is not possible here, only GET and HEAD.",
                  "此处不支持 %.16s，仅支持 GET 和 HEAD。", request->method);
    } else if (strcmp(request->path, "/") == 0) {
        http_response_header(request, "Location", "/ops/");
        request->response.status = 302;
        return;
    } else if (static_files_answer(api->pages, request)) {
        return;
    } else {
        error_set(&err, ERROR_NOT_FOUND, "There is nothing at %.120s; the console is at /ops/.",
                  "路径 %.120s 不存在；控制台在 /ops/。", request->path);
    }
    limit_refusals(api, request, &err);
    http_response_problem(request, &err);
}

static void dispatch_begin(void *context, struct http_request *request, struct http_plan *ret_plan)
{
    if (strncmp(request->path, API_PREFIX, strlen(API_PREFIX)) == 0 ||
        strncmp(request->path, OTLP_PREFIX, strlen(OTLP_PREFIX)) == 0 ||
        strcmp(request->path, "/metrics") == 0)
        dispatch_begin_call(context, request, ret_plan);
    else
        dispatch_begin_page(context, request, ret_plan);
}

/* Who has seen personal data, on which address, in how many texts. The texts themselves are not repeated. */
static bool call_note_revealed(struct call *call, struct error *err)
{
    if (call->revealed == 0)
        return true;
    struct audit_entry entry = {
        .action = "personal_data.reveal",
        .target_type = "address",
        .target_id = call->request->path,
        .after = arena_printf(call->arena, "{\"texts\":%zu}", call->revealed),
    };
    return audit_note(call->platform->store, &call->actor, &entry, err);
}

static void dispatch_handle(void *context, struct http_request *request)
{
    (void)context;
    struct call *call = request->user;
    const struct route *route = call->route;
    struct error err;
    error_clear(&err);
    void *input = arena_alloc(&request->arena, route->params ? route->params->input_size : 1);
    call->input = input;
    if (!params_parse(route->params, route_is_personal(route), request, &call->path, input, &err) ||
        !route->handle(call, &err) || !call_note_revealed(call, &err))
        dispatch_answer_error(call, &err);
}

static void dispatch_finish(void *context, struct http_request *request)
{
    struct api *api = context;
    request_log_add(api->request_log, request, request->user);
    refusal_log_add(api->refusals, request->user);
    request_metrics_add(api->request_metrics, request, request->user);
}

struct http_handler dispatch_handler(struct api *api)
{
    return (struct http_handler){
        .context = api, .begin = dispatch_begin, .handle = dispatch_handle, .finish = dispatch_finish};
}
