/* What customers do: ask, and say whether the answer was good. */
#include "api/endpoints.h"
#include "http/negotiate.h"
#include "platform/chat/chat.h"
#include "platform/chat/feedback.h"

struct chat_input {
    const char *message, *conversation_id;
};
static const struct param chat_table[] = {
    PARAM_BODY(struct chat_input, message, TEXT, "The customer's question", .required = true,
               .max = MESSAGE_MAX),
    PARAM_BODY(struct chat_input, conversation_id, TEXT,
               "The conversation that it goes on; absent: a new one", .max = 64),
};
const struct params chat_params = PARAMS(struct chat_input, chat_table);

bool chat_message_post(struct call *call, struct error *err)
{
    const struct chat_input *input = call->input;
    struct chat_question question = {
        .api_key = http_request_header(call->request, "X-API-Key"),
        .conversation_id = input->conversation_id,
        .message = input->message,
        .request_id = call->request->request_id,
        .language = call->request->language,
        .reads_japanese = http_prefers_japanese(http_request_header(call->request, "Accept-Language")),
        .received_at = call->request->received_at,
    };
    struct chat_result result;
    return chat_message(call->platform, &question, call->arena, &result, err) &&
           reply(call, &chat_result_descriptor, &result);
}

struct feedback_input {
    const char *message_id, *rating, *correction;
};
static const char *const ratings[] = {"good", "bad", NULL};
static const struct param feedback_table[] = {
    PARAM_BODY(struct feedback_input, message_id, TEXT, "The answer that it is about", .required = true,
               .max = 64),
    PARAM_BODY(struct feedback_input, rating, TEXT, "What the customer thinks of it", .required = true,
               .values = ratings),
    PARAM_BODY(struct feedback_input, correction, TEXT, "What the answer should have been",
               .max = CORRECTION_MAX),
};
const struct params feedback_params = PARAMS(struct feedback_input, feedback_table);

bool feedback_post(struct call *call, struct error *err)
{
    const struct feedback_input *input = call->input;
    struct feedback_result result;
    return feedback_add(call->platform, http_request_header(call->request, "X-API-Key"), input->message_id,
                        input->rating, input->correction, call->arena, &result, err) &&
           reply(call, &feedback_result_descriptor, &result);
}
