#include <math.h>

#include "api/endpoints.h"
#include "platform/chat.h"
#include "platform/tenants.h"

struct trial_input {
    const char *tenant_id, *question;
    int64_t top_k;
    double min_score;
};
static const struct param trial_table[] = {
    PARAM_BODY(struct trial_input, tenant_id, TEXT, "Whose pairs are searched", .required = true,
               .max = TENANT_ID_MAX),
    PARAM_BODY(struct trial_input, question, TEXT, "What a customer might ask", .required = true,
               .max = MESSAGE_MAX),
    PARAM_BODY(struct trial_input, top_k, INT, "Pairs at most; absent: the setting", .min = 1, .max = 20),
    PARAM_BODY(struct trial_input, min_score, REAL, "Least score of a match; absent: the setting", .min = 0,
               .max = 1),
};
const struct params trial_params = PARAMS(struct trial_input, trial_table);

bool knowledge_search_post(struct call *call, struct error *err)
{
    const struct trial_input *input = call->input;
    int64_t top_k = input->top_k == INT_NULL ? 0 : input->top_k;
    double min_score = isnan(input->min_score) ? -1 : input->min_score;
    struct trial_result result;
    return chat_trial(call->platform, input->tenant_id, input->question, top_k, min_score,
                      call->request->request_id, call->request->language, call->arena, &result, err) &&
           reply(call, &trial_result_descriptor, &result);
}
