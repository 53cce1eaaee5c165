#include "api/endpoints.h"

bool dashboard_overview_get(struct call *call, struct error *err)
{
    struct dashboard_overview overview;
    return metrics_overview(call->api->metrics, call->arena, &overview, err) &&
           reply(call, &dashboard_overview_descriptor, &overview);
}

struct trends_input {
    int64_t days;
};
static const struct param trends_table[] = {
    PARAM_QUERY(struct trends_input, days, INT, "Number of days, today included", .min = 1,
                .max = TREND_DAYS_MAX, .fallback = "7"),
};
const struct params trends_params = PARAMS(struct trends_input, trends_table);

bool dashboard_trends_get(struct call *call, struct error *err)
{
    const struct trends_input *input = call->input;
    struct trend_data trends;
    return metrics_trends(call->api->metrics, input->days, call->arena, &trends, err) &&
           reply(call, &trend_data_descriptor, &trends);
}
