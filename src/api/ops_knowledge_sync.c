#include "api/endpoints.h"
#include "ops/knowledge/sync.h"
#include "platform/tenants/tenants.h"

struct sync_input {
    const char *tenant_id;
    struct int_list ids;
};
static const struct param sync_table[] = {
    PARAM_BODY(struct sync_input, tenant_id, TEXT, "Only this tenant; absent: all", .max = TENANT_ID_MAX),
    PARAM_BODY(struct sync_input, ids, INTS, "Only these pairs", .max = SYNC_IDS_MAX),
};
const struct params sync_params = PARAMS(struct sync_input, sync_table);

bool knowledge_sync_post(struct call *call, struct error *err)
{
    const struct sync_input *input = call->input;
    struct sync_request request = {input->tenant_id, input->ids.items, input->ids.count};
    struct job job = {0};
    return knowledge_sync(call->platform, &call->actor, &request, call->arena, &job, err) &&
           reply_job(call, &job);
}

struct sync_status_input {
    const char *tenant_id;
};
static const struct param sync_status_table[] = {
    PARAM_QUERY(struct sync_status_input, tenant_id, TEXT, "Only this tenant", .max = TENANT_ID_MAX),
};
const struct params sync_status_params = PARAMS(struct sync_status_input, sync_status_table);

bool knowledge_sync_status_get(struct call *call, struct error *err)
{
    const struct sync_status_input *input = call->input;
    struct sync_status status;
    return knowledge_sync_status(call->platform, input->tenant_id, call->request->language, call->arena,
                                 &status, err) &&
           reply(call, &sync_status_descriptor, &status);
}

struct sync_check_input {
    const char *tenant_id;
    bool repair;
};
static const struct param sync_check_table[] = {
    PARAM_BODY(struct sync_check_input, tenant_id, TEXT, "Only this tenant; absent: all",
               .max = TENANT_ID_MAX),
    PARAM_BODY(struct sync_check_input, repair, BOOL, "Put right what differs"),
};
const struct params sync_check_params = PARAMS(struct sync_check_input, sync_check_table);

bool knowledge_sync_check_post(struct call *call, struct error *err)
{
    const struct sync_check_input *input = call->input;
    struct job job = {0};
    return knowledge_sync_check(call->platform, &call->actor, input->tenant_id, input->repair, call->arena,
                                &job, err) &&
           reply_job(call, &job);
}
