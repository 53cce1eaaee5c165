/* From a question to the pairs that match and the answer drawn from them: the middle of a customer's
 * chat (chat_message) and of an operator's trial (chat_trial), so that both always give the same.
 * Nothing is written here: the caller records the calls that it took. */
#ifndef KIMONO_PLATFORM_CHAT_RETRIEVAL_H
#define KIMONO_PLATFORM_CHAT_RETRIEVAL_H

#include "platform/knowledge/knowledge.h"
#include "platform/platform.h"
#include "telemetry/telemetry.h"

#define RETRIEVAL_CALLS_MAX 3 /* embedding, query, chat */

struct retrieval_question {
    const char *tenant_id, *tenant_name;
    int64_t revision; /* of the tenant's knowledge that the answer must reflect */
    const char *text;
    const char *request_id; /* NULL: none */
    size_t top_k;
    double min_score;
};

struct retrieval_match {
    struct qa_pair pair;
    double score;
};

struct retrieval {
    struct retrieval_match *matches; /* best first, all at or above min_score */
    size_t match_count;
    const char *answer;  /* NULL: not known */
    int64_t answered_by; /* id of the best pair that has an answer; 0: not known */
    const char *model;   /* what wrote the answer; "" when nothing was asked */
    struct usage_record usage[RETRIEVAL_CALLS_MAX];
    size_t usage_count;
};

/* `retrieval` must be {0}. When it fails, `usage` holds the calls that were made, the failed one
 * last: they are to be recorded as well. No database connection may be held by the caller. */
bool retrieval_run(struct platform *platform, const struct retrieval_question *question, struct arena *arena,
                   struct retrieval *retrieval, struct error *err);

#endif
