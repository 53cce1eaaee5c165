#include "platform/health/provider_call.h"

#include "base/clock.h"
#include "base/memory.h"

struct provider_call provider_call_begin(const char *api_type, const char *operation, const char *model,
                                         const char *tenant_id, const char *request_id)
{
    return (struct provider_call){
        .usage =
            {
                .timestamp = clock_now_ms(),
                .api_type = api_type,
                .operation = operation,
                .model = model,
                .tenant_id = tenant_id,
                .request_id = request_id,
            },
        .began_us = clock_monotonic_us(),
    };
}

/* Every error that is not here is a plain failure. */
static enum usage_outcome usage_outcome_of(enum error_code code)
{
    static const struct {
        enum error_code code;
        enum usage_outcome outcome;
    } outcomes[] = {
        {ERROR_TIMEOUT, USAGE_TIMEOUT},
        {ERROR_RATE_LIMITED, USAGE_THROTTLED},
        {ERROR_INVALID, USAGE_REJECTED},
        {ERROR_BAD_REQUEST, USAGE_REJECTED},
    };
    for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++)
        if (outcomes[i].code == code)
            return outcomes[i].outcome;
    return USAGE_FAILED;
}

void provider_call_end(struct provider_call *call, struct health *health, enum component component,
                       bool success, const struct error *why)
{
    int64_t latency_us = clock_monotonic_us() - call->began_us;
    call->usage.latency_ms = (latency_us + 500) / 1000;
    call->usage.outcome = success ? USAGE_OK : usage_outcome_of(why ? why->code : ERROR_INTERNAL);
    health_report(health, component, call->usage.tenant_id, success, latency_us, why);
}
