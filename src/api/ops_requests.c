/* One request as one story: what it wrote, called, changed and answered, and which alerts were there meanwhile. */
#include "api/endpoints.h"
#include "base/clock.h"
#include "ops/alerts/alert_service.h"
#include "ops/logs/request_story.h"

#define ALERTS_MAX 20
#define ALERTS_AROUND_MS (5 * MINUTE_MS)

static const struct field request_story_fields[] = {
    FIELD(struct request_story, request_id, TEXT, "Id of the request"),
    FIELD(struct request_story, started_at, TIME, "The oldest of all this; null: nothing was found in time",
          .nullable = true),
    FIELD(struct request_story, ended_at, TIME, "The newest", .nullable = true),
    FIELD(struct request_story, tenant_id, TEXT, "The tenant that it was for; null: none", .nullable = true),
    FIELD_MANY(struct request_story, log, LIST, "Its log rows, oldest first", .of = &story_log_descriptor),
    FIELD_MANY(struct request_story, usage, LIST, "Calls of models that it caused, oldest first",
               .of = &story_usage_descriptor),
    FIELD(struct request_story, cost_cny, MONEY,
          "What these cost together, those of unknown price left out, yuan"),
    FIELD_MANY(struct request_story, operations, LIST, "What it changed, or was refused, oldest first",
               .of = &operation_descriptor),
    FIELD(struct request_story, message, OBJECT, "The customer's question that it answered; null: none",
          .nullable = true, .of = &story_message_descriptor),
    FIELD_MANY(
        struct request_story, alerts, LIST,
        "Alerts of its tenant or of the platform that were there within five minutes of it, oldest first",
        .of = &alert_descriptor),
    FIELD(struct request_story, complete, BOOL, "False: there may be more than was found in the time for it"),
};
const struct descriptor request_story_descriptor =
    DESCRIPTOR("RequestStory", struct request_story, request_story_fields);

struct request_story_input {
    const char *request_id;
};
static const struct param request_story_table[] = {
    PARAM_PATH(struct request_story_input, request_id, TEXT, "Id of the request", .max = 64),
};
const struct params request_story_params = PARAMS(struct request_story_input, request_story_table);

bool request_story_get(struct call *call, struct error *err)
{
    const struct request_story_input *input = call->input;
    struct request_story story;
    if (!request_story_read(call->platform, input->request_id, call->arena, &story, err))
        return false;
    if (story.started_at != INT_NULL) {
        CLEANUP(store_reader_release) struct db *db = NULL;
        if (!store_reader(call->platform->store, READ_LIMIT_MS, &db, err) ||
            !alerts_during(db, story.started_at - ALERTS_AROUND_MS, story.ended_at + ALERTS_AROUND_MS,
                           story.tenant_id, ALERTS_MAX, call->arena, &story.alerts, &story.alerts_count, err))
            return false;
    }
    return reply(call, &request_story_descriptor, &story);
}
