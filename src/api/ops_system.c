#include "api/endpoints.h"

bool system_status_get(struct call *call, struct error *err)
{
    (void)err;
    struct system_status status;
    metrics_system_status(call->api->metrics, call->arena, &status);
    return reply(call, &system_status_descriptor, &status);
}

bool system_components_get(struct call *call, struct error *err)
{
    struct component_list components;
    return metrics_components(call->api->metrics, call->request->language, call->arena, &components, err) &&
           reply(call, &component_list_descriptor, &components);
}
