#include "ops/tenants/tenant_manager.h"

#include <stdio.h>
#include <string.h>

#include "api/endpoints.h"

struct tenants_input {
    const char *status, *keyword, *sort;
    int64_t page, page_size;
};
static const struct param tenants_table[] = {
    PARAM_QUERY(struct tenants_input, status, TEXT, "Only these", .values = tenant_statuses),
    PARAM_QUERY(struct tenants_input, keyword, TEXT, "A part of the name or the id, in any case"),
    PARAM_QUERY(struct tenants_input, sort, TEXT, "Column of the order, with '-' from the greatest down",
                .values = tenant_sorts, .fallback = TENANT_SORT_DEFAULT),
    PARAMS_PAGE(struct tenants_input),
};
const struct params tenants_params = PARAMS(struct tenants_input, tenants_table);

bool tenants_get(struct call *call, struct error *err)
{
    const struct tenants_input *input = call->input;
    struct tenant_filter filter = {input->status, input->keyword, input->sort, input->page, input->page_size};
    struct tenant_list list;
    return tenant_manager_list(call->api->tenants, &filter, call->arena, &list, err) &&
           reply(call, &tenant_list_descriptor, &list);
}

static bool reply_tenant_detail(struct call *call, const char *id, struct error *err)
{
    struct tenant_detail detail;
    bool with_key = call->principal.role == ROLE_OPS_ADMIN;
    return tenant_manager_detail(call->api->tenants, id, with_key, call->arena, &detail, err) &&
           reply(call, &tenant_detail_descriptor, &detail);
}

struct tenant_new_input {
    const char *id, *name, *contact;
};
static const struct param tenant_new_table[] = {
    PARAM_BODY(struct tenant_new_input, id, TEXT, "Its id for good; absent: one is made",
               .max = TENANT_ID_MAX, .check = tenant_check_id),
    PARAM_BODY(struct tenant_new_input, name, TEXT, "Name for people", .required = true,
               .max = TENANT_NAME_MAX, .check = tenant_check_name),
    PARAM_BODY(struct tenant_new_input, contact, TEXT, "Whom to ask: a name, a telephone number, an address",
               .max = TENANT_CONTACT_MAX, .check = tenant_check_contact),
};
const struct params tenant_new_params = PARAMS(struct tenant_new_input, tenant_new_table);

bool tenant_post(struct call *call, struct error *err)
{
    const struct tenant_new_input *input = call->input;
    struct tenant tenant;
    char location[128];
    if (!tenant_add(call->platform->store, &call->actor, input->id, input->name, input->contact, call->arena,
                    &tenant, err))
        return false;
    snprintf(location, sizeof(location), "/api/v1/ops/tenants/%s", tenant.id);
    http_response_header(call->request, "Location", location);
    return reply_tenant_detail(call, tenant.id, err);
}

struct tenant_input {
    const char *id;
};
static const struct param tenant_table[] = {
    PARAM_PATH(struct tenant_input, id, TEXT, "Id of the tenant", .max = TENANT_ID_MAX),
};
const struct params tenant_params = PARAMS(struct tenant_input, tenant_table);

bool tenant_detail_get(struct call *call, struct error *err)
{
    const struct tenant_input *input = call->input;
    return reply_tenant_detail(call, input->id, err);
}

struct tenant_edit_input {
    const char *id, *id_again, *name, *contact;
    int64_t version;
};
static const struct param tenant_edit_table[] = {
    PARAM_PATH(struct tenant_edit_input, id, TEXT, "Id of the tenant", .max = TENANT_ID_MAX),
    {.name = "id",
     .in = PARAM_IN_BODY,
     .kind = PARAM_KIND_TEXT,
     .offset = offsetof(struct tenant_edit_input, id_again),
     .description = "If given, that of the path: an id is for good",
     .max = TENANT_ID_MAX},
    PARAM_BODY(struct tenant_edit_input, name, TEXT, "Absent: as it is", .min = 1, .max = TENANT_NAME_MAX,
               .check = tenant_check_name),
    PARAM_BODY(struct tenant_edit_input, contact, TEXT, "Absent: as it is", .max = TENANT_CONTACT_MAX,
               .check = tenant_check_contact),
    PARAM_BODY(struct tenant_edit_input, version, INT,
               "The version that was edited: 409 if it is not the "
               "present one"),
};
const struct params tenant_edit_params = PARAMS(struct tenant_edit_input, tenant_edit_table);

bool tenant_put(struct call *call, struct error *err)
{
    const struct tenant_edit_input *input = call->input;
    struct tenant_edit edit = {input->name, input->contact, input->version};
    struct tenant tenant;
    if (input->id_again && strcmp(input->id_again, input->id) != 0)
        return error_add_field(err, "id", "must be that of the path: the id of a tenant is for good",
                               "须与路径中的 ID 相同：商家 ID 不可更改");
    return tenant_update(call->platform->store, &call->actor, input->id, &edit, call->arena, &tenant, err) &&
           reply_tenant_detail(call, input->id, err);
}

bool tenant_stats_get(struct call *call, struct error *err)
{
    const struct tenant_input *input = call->input;
    struct tenant_stats stats;
    return tenant_manager_stats(call->api->tenants, input->id, call->arena, &stats, err) &&
           reply(call, &tenant_stats_descriptor, &stats);
}

struct tenant_users_input {
    const char *id;
    int64_t page, page_size;
};
static const struct param tenant_users_table[] = {
    PARAM_PATH(struct tenant_users_input, id, TEXT, "Id of the tenant", .max = TENANT_ID_MAX),
    PARAMS_PAGE(struct tenant_users_input),
};
const struct params tenant_users_params = PARAMS(struct tenant_users_input, tenant_users_table);

bool tenant_users_get(struct call *call, struct error *err)
{
    const struct tenant_users_input *input = call->input;
    struct tenant_user_list list;
    return tenant_manager_users(call->api->tenants, input->id, input->page, input->page_size, call->arena,
                                &list, err) &&
           reply_list(call, &tenant_user_descriptor, list.items, list.items_count, list.total, list.page,
                      list.page_size);
}

struct tenant_trends_input {
    const char *id;
    int64_t days, compared;
};
static const struct param tenant_trends_table[] = {
    PARAM_PATH(struct tenant_trends_input, id, TEXT, "Id of the tenant", .max = TENANT_ID_MAX),
    PARAM_QUERY(struct tenant_trends_input, days, INT, "Number of days, today included", .min = 1,
                .max = TENANT_TREND_DAYS_MAX, .fallback = "30"),
    PARAM_QUERY(
        struct tenant_trends_input, compared, INT,
        "How many days before today is the day that today, as far as it has come, is compared with; 0: none",
        .max = TENANT_TREND_DAYS_MAX, .fallback = "0"),
};
const struct params tenant_trends_params = PARAMS(struct tenant_trends_input, tenant_trends_table);

bool tenant_trends_get(struct call *call, struct error *err)
{
    const struct tenant_trends_input *input = call->input;
    struct tenant_trends trends;
    return tenant_manager_trends(call->api->tenants, input->id, input->days, input->compared, call->arena,
                                 &trends, err) &&
           reply(call, &tenant_trends_descriptor, &trends);
}

struct tenant_reason_input {
    const char *id, *reason;
};
static const struct param tenant_suspend_table[] = {
    PARAM_PATH(struct tenant_reason_input, id, TEXT, "Id of the tenant", .max = TENANT_ID_MAX),
    PARAM_BODY(struct tenant_reason_input, reason, TEXT, "Why, for the audit log", .required = true,
               .max = TENANT_REASON_MAX),
};
const struct params tenant_suspend_params = PARAMS(struct tenant_reason_input, tenant_suspend_table);
static const struct param tenant_activate_table[] = {
    PARAM_PATH(struct tenant_reason_input, id, TEXT, "Id of the tenant", .max = TENANT_ID_MAX),
    PARAM_BODY(struct tenant_reason_input, reason, TEXT, "Why, for the audit log", .max = TENANT_REASON_MAX),
};
const struct params tenant_activate_params = PARAMS(struct tenant_reason_input, tenant_activate_table);

static bool set_tenant_status(struct call *call, const char *status, struct error *err)
{
    const struct tenant_reason_input *input = call->input;
    return tenant_manager_set_status(call->api->tenants, &call->actor, input->id, status, input->reason,
                                     call->arena, err) &&
           reply_tenant_detail(call, input->id, err);
}

bool tenant_suspend_post(struct call *call, struct error *err)
{
    return set_tenant_status(call, "suspended", err);
}

bool tenant_activate_post(struct call *call, struct error *err)
{
    return set_tenant_status(call, "active", err);
}
