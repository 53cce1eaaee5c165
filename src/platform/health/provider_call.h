/* One call of a provider, measured: a usage row, and a sample of the component's health.
 *
 *     struct provider_call call = provider_call_begin(ops->api_type, "query", ops->model, tenant, id);
 *     bool done = ops->query(…, err);
 *     provider_call_end(&call, health, COMPONENT_VECTOR_STORE, done, err);
 *     … telemetry_write(telemetry, &call.usage, 1, …) */
#ifndef KIMONO_PLATFORM_HEALTH_PROVIDER_CALL_H
#define KIMONO_PLATFORM_HEALTH_PROVIDER_CALL_H

#include "platform/health/health.h"
#include "telemetry/telemetry.h"

struct provider_call {
    struct usage_record usage; /* its texts are lent, and must live until it is written */
    int64_t began_us;
};

struct provider_call provider_call_begin(const char *api_type, const char *operation, const char *model,
                                         const char *tenant_id, const char *request_id);
/* `why` is read only when it failed. */
void provider_call_end(struct provider_call *call, struct health *health, enum component component,
                       bool success, const struct error *why);

#endif
