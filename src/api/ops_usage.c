#include "ops/usage/api_usage_tracker.h"

#include "api/endpoints.h"

struct usage_input {
    int64_t start_time, end_time;
    const char *tenant_id, *interval, *sort;
    int64_t limit;
};

#define USAGE_RANGE                                                                                          \
    PARAM_QUERY(struct usage_input, start_time, TIME, "From when on; a full hour, or it is widened to one",  \
                .required = true),                                                                           \
        PARAM_QUERY(struct usage_input, end_time, TIME, "Until before when, likewise", .required = true),    \
        PARAM_QUERY(struct usage_input, tenant_id, TEXT, "Only calls of this tenant"),                       \
        PARAM_QUERY(struct usage_input, interval, TEXT, "Of what the points of trends are",                  \
                    .values = usage_intervals, .fallback = "day")

static const struct param usage_table[] = {USAGE_RANGE};
const struct params usage_params = PARAMS(struct usage_input, usage_table);

static const struct param tenants_table[] = {
    USAGE_RANGE,
    PARAM_QUERY(struct usage_input, sort, TEXT, "Of what the first have the most",
                .values = usage_tenant_orders, .fallback = "cost_cny"),
    PARAM_QUERY(struct usage_input, limit, INT,
                "So many tenants at most, the others together in rest; without it all", .min = 1,
                .max = USAGE_LIMIT_MAX),
};
const struct params usage_tenants_params = PARAMS(struct usage_input, tenants_table);

static struct usage_range usage_range_of(const struct usage_input *input)
{
    return (struct usage_range){input->start_time, input->end_time, input->tenant_id};
}

bool api_usage_stats_get(struct call *call, struct error *err)
{
    struct usage_range range = usage_range_of(call->input);
    struct api_usage_stats stats;
    return api_usage_stats(call->platform, &range, call->arena, &stats, err) &&
           reply(call, &api_usage_stats_descriptor, &stats);
}

bool api_usage_cost_get(struct call *call, struct error *err)
{
    struct usage_range range = usage_range_of(call->input);
    struct cost_estimate cost;
    return api_usage_cost(call->platform, &range, call->arena, &cost, err) &&
           reply(call, &cost_estimate_descriptor, &cost);
}

bool api_usage_trends_get(struct call *call, struct error *err)
{
    const struct usage_input *input = call->input;
    struct usage_range range = usage_range_of(input);
    struct usage_trends trends;
    return api_usage_trends(call->platform, &range, input->interval, call->arena, &trends, err) &&
           reply(call, &usage_trends_descriptor, &trends);
}

bool api_usage_by_tenant_get(struct call *call, struct error *err)
{
    const struct usage_input *input = call->input;
    struct usage_range range = usage_range_of(input);
    struct usage_tenants tenants;
    return api_usage_by_tenant(call->platform, &range, input->sort, input->limit, call->arena, &tenants,
                               err) &&
           reply(call, &usage_tenants_descriptor, &tenants);
}

struct projection_input {
    const char *month, *tenant_id;
    int64_t limit;
};
static const struct param projection_table[] = {
    PARAM_QUERY(struct projection_input, month, TEXT, "Which month, as 2026-11; without it the present one",
                .check = api_usage_check_month),
    PARAM_QUERY(struct projection_input, tenant_id, TEXT, "Only calls of this tenant"),
    PARAM_QUERY(struct projection_input, limit, INT, "So many tenants at most, the dearest; without it all",
                .min = 1, .max = USAGE_LIMIT_MAX),
};
const struct params usage_projection_params = PARAMS(struct projection_input, projection_table);

bool api_usage_projection_get(struct call *call, struct error *err)
{
    const struct projection_input *input = call->input;
    struct usage_projection projection;
    return api_usage_project(call->platform, input->month, input->tenant_id, input->limit, call->arena,
                             &projection, err) &&
           reply(call, &usage_projection_descriptor, &projection);
}
