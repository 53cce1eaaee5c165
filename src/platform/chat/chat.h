/* Answering customers by RAG: question → retrieval among the tenant's pairs → answer, or an honest
 * 'not known'. Order of what is kept: usage rows first (money spent), in telemetry; then conversation,
 * message, sources and counters, one transaction in the main store. */
#ifndef KIMONO_PLATFORM_CHAT_CHAT_H
#define KIMONO_PLATFORM_CHAT_CHAT_H

#include "platform/platform.h"
#include "platform/tenants/tenants.h"

#define MESSAGE_MAX 2000 /* characters */

struct chat_source {
    int64_t qa_pair_id;
    const char *question;
    double score;
};

struct chat_result {
    const char *conversation_id, *message_id, *answer;
    bool answered;
    struct chat_source *sources; /* best first, all at or above min_score */
    size_t sources_count;
    int64_t latency_ms;
};
extern const struct descriptor chat_result_descriptor;

/* What a customer asks. Texts are lent. */
struct chat_question {
    const char *api_key;         /* names the tenant */
    const char *conversation_id; /* NULL begins one */
    const char *message;
    const char *request_id; /* NULL: none */
    enum language language; /* of the 'not known' text, where the message's own script does not tell */
    bool reads_japanese;    /* Accept-Language puts Japanese first */
    int64_t received_at;    /* when the request came: the time of the message; 0: now */
};
/* An unknown key is ERROR_UNAUTHENTICATED, a conversation of another tenant ERROR_NOT_FOUND. Of a
 * suspended tenant ERROR_TENANT_SUSPENDED, counted before it is said; but what came before the
 * suspension is answered (gate.h). */
bool chat_message(struct platform *platform, const struct chat_question *question, struct arena *arena,
                  struct chat_result *ret_result, struct error *err);

struct trial_match {
    int64_t qa_pair_id;
    const char *question, *answer, *category;
    double score;
};
struct trial_result {
    struct trial_match *matches;
    size_t matches_count;
    const char *answer;
    bool answered;
    int64_t top_k; /* with which it was asked */
    double min_score;
    int64_t latency_ms;
};
extern const struct descriptor trial_result_descriptor;

/* The retrieval trial: the same search and answer, with other settings if wanted (`top_k` 0 and
 * `min_score` below 0: those in force); records usage but no conversation. */
bool chat_trial(struct platform *platform, const char *tenant_id, const char *question, int64_t top_k,
                double min_score, const char *request_id, enum language language, struct arena *arena,
                struct trial_result *ret_result, struct error *err);

#endif
