/* Everything that one request has left behind, by its id: log rows, calls of models with what they cost, what it changed,
 * the message that it answered. Oldest first, each part bounded; what a part had no time or room for is said by
 * `complete`.
 *
 * An id of ours begins with its time, so its rows are looked for from a little before that on, for two days (a job goes
 * on under the id of the request that asked for it). Those of an id from outside, or one that is not found so, are looked for
 * in all days that there are. Calls have no index: the days in which the other parts lie are read for them. */
#ifndef KIMONO_OPS_LOGS_REQUEST_STORY_H
#define KIMONO_OPS_LOGS_REQUEST_STORY_H

#include "ops/logs/operation_log.h"

struct alert; /* ops/alerts/alert_service.h */

#define STORY_LOG_MAX 500
#define STORY_USAGE_MAX 200
#define STORY_OPERATIONS_MAX 100

struct story_log {
    const char *id;
    int64_t timestamp;
    const char *level, *source, *message, *tenant_id, *fields; /* fields: JSON or NULL */
};
struct story_usage {
    int64_t timestamp;
    const char *api_type, *operation, *model, *tenant_id, *outcome;
    int64_t tokens_input, tokens_output, tokens_cached, latency_ms, cost_cny;
};
struct story_source {
    int64_t qa_pair_id;
    const char *question; /* as it is now; NULL: the pair is gone */
    double score;
};
#define STORY_SOURCES_MAX 20
struct story_message {
    const char *message_id, *conversation_id, *tenant_id;
    int64_t created_at;
    const char *question, *answer;
    bool answered;
    int64_t latency_ms;
    struct story_source *sources; /* best first */
    size_t sources_count;
};

struct request_story {
    const char *request_id;
    int64_t started_at;    /* of the oldest part */
    int64_t ended_at;      /* of the newest */
    const char *tenant_id; /* of the message, a call or a row; NULL: none */
    struct story_log *log;
    size_t log_count;
    struct story_usage *usage;
    size_t usage_count;
    int64_t cost_cny; /* of all calls whose price is known; nano-yuan */
    struct operation *operations;
    size_t operations_count;
    const struct story_message *message; /* NULL: it answered none */
    struct alert *alerts;                /* the caller's to fill in */
    size_t alerts_count;
    bool complete;
};
extern const struct descriptor story_log_descriptor, story_usage_descriptor, story_message_descriptor;

/* ERROR_INVALID: no request has such an id; ERROR_NOT_FOUND: nothing was found, and all was looked at. */
bool request_story_read(const struct platform *platform, const char *request_id, struct arena *arena,
                        struct request_story *ret_story, struct error *err);

#endif
