/* The past, for `kimono demo`: conversations and feedback as the platform would have kept them at the
 * time, without asking a provider. It keeps what chat.c and feedback.c keep: rows, roll-ups, counts of
 * the pair that answered. Counters of pending feedback are the caller's, once, at the end. */
#ifndef KIMONO_PLATFORM_PAST_H
#define KIMONO_PLATFORM_PAST_H

#include "store/db.h"

struct past_message {
    const char *tenant_id;
    const char *conversation_public_id, *message_public_id;
    int64_t conversation_id; /* of the store; 0: this message begins one */
    int64_t at;
    const char *question, *answer;
    int64_t answered_by; /* id of the pair; 0: not known */
    double score;
    int64_t latency_ms;
    const char *model, *request_id;
};

/* Within a transaction. Gives the ids in the store of the message and its conversation. */
bool past_message_add(struct db *db, const struct past_message *message, int64_t *ret_conversation_id,
                      int64_t *ret_message_id, struct error *err);

struct past_feedback {
    const char *tenant_id;
    int64_t message_id;
    int64_t answered_by; /* pair whose good and bad it counts for; 0: none */
    const char *rating, *correction, *status;
    int64_t qa_pair_id;       /* what it became; 0: nothing */
    int64_t at, processed_at; /* INT_NULL: not yet */
};
bool past_feedback_add(struct db *db, const struct past_feedback *feedback, struct error *err);

/* A tenant that exists has been there since then; or was suspended then. */
bool past_tenant_created(struct db *db, const char *tenant_id, int64_t at, struct error *err);
bool past_tenant_suspended(struct db *db, const char *tenant_id, int64_t at, const char *reason,
                           struct error *err);
/* A user of a tenant who cannot log in before `kimono user passwd` gives a password. */
bool past_user_add(struct db *db, const char *username, const char *role, const char *tenant_id, int64_t at,
                   struct error *err);

#endif
