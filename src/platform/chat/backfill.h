/* Backfilling for `kimono demo`: conversations and feedback as the platform would have written them at the
 * time, without asking a provider. It writes what chat.c and feedback.c write: rows, roll-ups, counts of
 * the pair that answered. Counters of pending feedback are the caller's, once, at the end. */
#ifndef KIMONO_PLATFORM_CHAT_BACKFILL_H
#define KIMONO_PLATFORM_CHAT_BACKFILL_H

#include "store/db.h"

struct backfill_message {
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
bool backfill_message_add(struct db *db, const struct backfill_message *message, int64_t *ret_conversation_id,
                          int64_t *ret_message_id, struct error *err);

struct backfill_feedback {
    const char *tenant_id;
    int64_t message_id;
    int64_t answered_by; /* pair whose good and bad it counts for; 0: none */
    const char *rating, *correction, *status;
    int64_t qa_pair_id;       /* what it became; 0: nothing */
    const char *held_for;     /* why it waits for a person; NULL: it does not */
    int64_t held_pair_id;     /* the pair that it would change; 0: none */
    const char *decided_by;   /* username; NULL: nobody has */
    int64_t at, processed_at; /* INT_NULL: not yet */
};
bool backfill_feedback_add(struct db *db, const struct backfill_feedback *feedback, struct error *err);

/* A tenant that exists has been there since then; or was suspended then, by that user. */
bool backfill_tenant_created(struct db *db, const char *tenant_id, int64_t at, struct error *err);
bool backfill_tenant_suspended(struct db *db, const char *tenant_id, int64_t at, const char *username,
                               const char *reason, struct error *err);

/* A pair that was edited just now was edited then. */
bool backfill_pair_edited(struct db *db, int64_t pair_id, int64_t at, struct error *err);

struct backfill_user {
    const char *username, *role;
    const char *tenant_id;            /* NULL: of the platform */
    int64_t created_at, logged_in_at; /* the last time; INT_NULL: never */
};
/* Cannot log in before `kimono user passwd` gives a password. */
bool backfill_user_add(struct db *db, const struct backfill_user *user, struct error *err);

/* A job that has ended. */
struct backfill_job {
    const char *kind, *status, *tenant_id, *username;
    const char *parameters, *result;   /* JSON; result NULL: none */
    const char *error[LANGUAGE_COUNT]; /* NULL: none */
    int64_t done, total, started_at, finished_at;
};
bool backfill_job_add(struct db *db, const struct backfill_job *job, struct error *err);

/* The tenant's vector sync has failed since then, so often; it is tried again then. */
bool backfill_sync_failed(struct db *db, const char *tenant_id, int64_t failed_at, int64_t failures,
                          int64_t retry_at, const char *message_en, const char *message_zh,
                          struct error *err);

#endif
