/* THE route table: the product's table of contents. Every endpoint is one row; permission, audit
 * action, rate class, body limit and parameters are columns of it, and what a row leaves out is the
 * closed or the empty choice. The OpenAPI document is made from it, and so are the tests of every door.
 *
 * Adding a route: its handler and declarations in endpoints.h, a row here, a test in tests/api/. */
#include "api/endpoints.h"
#include "ops/alert_service.h"
#include "platform/chat.h"
#include "platform/feedback.h"

#define API "/api/v1"
#define OPS API "/ops"
#define SMALL_BODY 65536

/* clang-format off */
const struct route routes[] = {
    {.method = "POST", .path = API "/auth/login", .permission = PERMISSION_PUBLIC, .audit_action = "auth.login",
     .rate = RATE_LOGIN, .body_limit = SMALL_BODY, .run = HTTP_RUN_WORKER, .params = &login_params,
     .answer = &session_descriptor, .handle = auth_login_post, .summary = "Log in"},
    {.method = "POST", .path = API "/auth/refresh", .permission = PERMISSION_PUBLIC, .rate = RATE_PUBLIC,
     .body_limit = SMALL_BODY, .run = HTTP_RUN_WORKER, .params = &refresh_params, .answer = &session_descriptor,
     .handle = auth_refresh_post, .summary = "Exchange a refresh token for new tokens"},
    {.method = "POST", .path = API "/auth/logout", .permission = PERMISSION_SIGNED_IN,
     .audit_action = "auth.logout", .rate = RATE_OPS_WRITE, .body_limit = SMALL_BODY, .run = HTTP_RUN_WORKER,
     .status = 204, .handle = auth_logout_post, .summary = "End the session"},
    {.method = "GET", .path = API "/auth/me", .permission = PERMISSION_SIGNED_IN, .rate = RATE_OPS_READ,
     .answer = &identity_descriptor, .handle = auth_me_get, .summary = "Who the token belongs to"},

    {.method = "GET", .path = API "/system/health", .permission = PERMISSION_PUBLIC, .rate = RATE_HEALTH,
     .other_status = 503, .answer = &health_descriptor, .handle = system_health_get, .summary = "Whether the platform works"},
    {.method = "GET", .path = API "/system/stats", .permission = PERMISSION_SIGNED_IN, .rate = RATE_OPS_READ,
     .answer = &stats_descriptor, .handle = system_stats_get,
     .summary = "Totals of the caller's own tenant, or of all"},
    {.method = "GET", .path = "/metrics", .permission = PERMISSION_LOCAL, .rate = RATE_HEALTH,
     .content_type = "text/plain; version=0.0.4; charset=utf-8", .handle = metrics_get,
     .summary = "Metrics in the Prometheus text format"},
    {.method = "GET", .path = API "/openapi.json", .permission = PERMISSION_PUBLIC, .rate = RATE_PUBLIC,
     .content_type = "application/json", .handle = openapi_get, .summary = "This document"},

    {.method = "POST", .path = API "/chat/message", .permission = PERMISSION_TENANT_KEY, .rate = RATE_CHAT,
     .body_limit = SMALL_BODY, .run = HTTP_RUN_WORKER, .params = &chat_params, .answer = &chat_result_descriptor,
     .handle = chat_message_post, .summary = "Answer a customer's question"},
    {.method = "POST", .path = API "/feedback", .permission = PERMISSION_TENANT_KEY, .rate = RATE_CHAT,
     .body_limit = SMALL_BODY, .run = HTTP_RUN_WORKER, .params = &feedback_params,
     .answer = &feedback_result_descriptor, .handle = feedback_post, .summary = "Say whether an answer was good"},

    {.method = "GET", .path = OPS "/dashboard/overview", .permission = PERMISSION_OPS_READ, .rate = RATE_OPS_READ,
     .answer = &dashboard_overview_descriptor, .handle = dashboard_overview_get,
     .summary = "The platform in figures, now"},
    {.method = "GET", .path = OPS "/dashboard/trends", .permission = PERMISSION_OPS_READ, .rate = RATE_OPS_READ,
     .params = &trends_params, .answer = &trend_data_descriptor, .handle = dashboard_trends_get,
     .summary = "The platform day by day"},
    {.method = "GET", .path = OPS "/system/status", .permission = PERMISSION_OPS_READ, .rate = RATE_OPS_READ,
     .answer = &system_status_descriptor, .handle = system_status_get, .summary = "State of the process"},
    {.method = "GET", .path = OPS "/system/components", .permission = PERMISSION_OPS_READ, .rate = RATE_OPS_READ,
     .answer = &component_list_descriptor, .handle = system_components_get,
     .summary = "Health of each component, with the last 24 hours"},
    {.method = "GET", .path = OPS "/alerts/active", .permission = PERMISSION_OPS_READ, .rate = RATE_OPS_READ,
     .params = &alerts_params, .answer = &alert_descriptor, .shape = ANSWER_LIST, .handle = alerts_active_get,
     .summary = "Alerts that are not resolved, newest first"},
    {.method = "POST", .path = OPS "/knowledge/search", .permission = PERMISSION_OPS_READ, .rate = RATE_OPS_READ,
     .body_limit = SMALL_BODY, .run = HTTP_RUN_WORKER, .params = &trial_params, .answer = &trial_result_descriptor,
     .handle = knowledge_search_post, .summary = "The retrieval trial: what a question would find"},
};
/* clang-format on */
const size_t route_count = ARRAY_SIZE(routes);
