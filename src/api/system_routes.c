/* For monitors and for the caller's own figures. */
#include "api/endpoints.h"
#include "base/clock.h"
#include "platform/health/health.h"
#include "platform/tenants/activity.h"
#include "platform/tenants/counters.h"
#include "platform/tenants/tenants.h"
#include "store/store.h"

struct health_answer {
    const char *status;
};
static const char *const health_values[] = {"healthy", "degraded", "unhealthy", "unknown", NULL};
static const struct field health_fields[] = {
    FIELD(struct health_answer, status, TEXT, "The worst of all components", .values = health_values),
};
const struct descriptor health_descriptor = DESCRIPTOR("Health", struct health_answer, health_fields);

/* 503 only when a component is down: 'unknown' just after the start is no reason to be restarted. */
bool system_health_get(struct call *call, struct error *err)
{
    (void)err;
    enum health_status status = health_overall(call->platform);
    struct health_answer answer = {health_status_name(status)};
    reply(call, &health_descriptor, &answer);
    call->request->response.no_etag = true;
    if (status == HEALTH_UNHEALTHY) {
        call->request->response.status = 503;
        http_response_header(call->request, "Retry-After", "10");
    }
    return true;
}

struct stats_answer {
    const char *tenant_id;
    int64_t total_tenants, total_qa_pairs, unsynced_qa_pairs, pending_feedbacks;
    int64_t conversations_today, messages_today, answered_today, feedbacks_today;
    int64_t generated_at;
};
static const struct field stats_fields[] = {
    FIELD(struct stats_answer, tenant_id, TEXT, "Whose figures these are; null: all tenants'",
          .nullable = true),
    FIELD(struct stats_answer, total_tenants, INT, "Tenants that are counted"),
    FIELD(struct stats_answer, total_qa_pairs, INT, "Question-answer pairs"),
    FIELD(struct stats_answer, unsynced_qa_pairs, INT, "Pairs whose text the vector index lacks"),
    FIELD(struct stats_answer, pending_feedbacks, INT, "Feedback that waits to be dealt with"),
    FIELD(struct stats_answer, conversations_today, INT, "Conversations begun today"),
    FIELD(struct stats_answer, messages_today, INT, "Customers' messages today"),
    FIELD(struct stats_answer, answered_today, INT, "Those that found an answer"),
    FIELD(struct stats_answer, feedbacks_today, INT, "Feedback received today"),
    FIELD(struct stats_answer, generated_at, TIME, "When this was read"),
};
const struct descriptor stats_descriptor = DESCRIPTOR("Stats", struct stats_answer, stats_fields);

static bool read_tenant_stats(struct db *db, struct call *call, struct stats_answer *stats, struct error *err)
{
    struct tenant tenant;
    if (!tenant_get(db, call->principal.tenant_id, call->arena, &tenant, err))
        return false;
    stats->tenant_id = tenant.id;
    stats->total_tenants = 1;
    stats->total_qa_pairs = tenant.qa_pair_count;
    stats->unsynced_qa_pairs = tenant.unsynced_count;
    stats->pending_feedbacks = tenant.pending_feedback_count;
    return true;
}

static bool read_platform_stats(struct db *db, struct stats_answer *stats, struct error *err)
{
    int64_t values[COUNTER_COUNT];
    if (!counters_read(db, values, err))
        return false;
    stats->total_tenants = values[COUNTER_TENANTS];
    stats->total_qa_pairs = values[COUNTER_QA_PAIRS];
    stats->unsynced_qa_pairs = values[COUNTER_UNSYNCED_QA_PAIRS];
    stats->pending_feedbacks = values[COUNTER_PENDING_FEEDBACKS];
    return true;
}

bool system_stats_get(struct call *call, struct error *err)
{
    const char *tenant_id = call->principal.tenant_id;
    if (!tenant_id && !role_is_of_platform(call->principal.role))
        return error_set(err, ERROR_FORBIDDEN,
                         "The role %s belongs to no tenant, and may not read all tenants' totals.",
                         "角色 %s 不属于任何商家，无权查看全平台的统计。", role_name(call->principal.role));
    struct stats_answer stats = {.generated_at = clock_now_ms()};
    struct activity today;
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (!store_reader(call->platform->store, READ_LIMIT_MS, &db, err) ||
        !(tenant_id ? read_tenant_stats(db, call, &stats, err) : read_platform_stats(db, &stats, err)) ||
        !activity_days(db, tenant_id, clock_day(stats.generated_at), 1, &today, err))
        return false;
    stats.conversations_today = today.conversations;
    stats.messages_today = today.messages;
    stats.answered_today = today.answered;
    stats.feedbacks_today = today.feedbacks;
    return reply(call, &stats_descriptor, &stats);
}
