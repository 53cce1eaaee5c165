#include "platform/chat/backfill.h"

#include <stdio.h>

#include "base/identifier.h"
#include "platform/knowledge/knowledge.h"
#include "platform/tenants/activity.h"
#include "platform/tenants/counters.h"

static const char SQL_CONVERSATION[] =
    "INSERT INTO conversations(public_id, tenant_id, started_at, last_message_at, message_count)"
    " VALUES ($1, $2, $3, $3, 1) RETURNING id";
static const char SQL_CONTINUE[] =
    "UPDATE conversations SET last_message_at = $2, message_count = message_count + 1 WHERE id = $1";
static const char SQL_MESSAGE[] =
    "INSERT INTO messages(public_id, conversation_id, tenant_id, created_at, question, answer, answered,"
    " latency_ms, model, sources, request_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
    "RETURNING id";

static bool backfill_put_conversation(struct db *db, const struct backfill_message *message, int64_t *ret_id,
                                      struct error *err)
{
    if (message->conversation_id == 0)
        return db_find_int(db, SQL_CONVERSATION,
                           DB_ARGS(db_text(message->conversation_public_id), db_text(message->tenant_id),
                                   db_int(message->at)),
                           0, ret_id, err);
    *ret_id = message->conversation_id;
    return db_execute(db, SQL_CONTINUE, DB_ARGS(db_int(message->conversation_id), db_int(message->at)), NULL,
                      err);
}

static bool backfill_put_message(struct db *db, const struct backfill_message *message,
                                 int64_t conversation_id, int64_t *ret_id, struct error *err)
{
    char sources[96] = "[]";
    if (message->answered_by)
        snprintf(sources, sizeof(sources), "[{\"qa_pair_id\":%lld,\"score\":%.3f,\"answered\":true}]",
                 (long long)message->answered_by, message->score);
    return db_find_int(db, SQL_MESSAGE,
                       DB_ARGS(db_text(message->message_public_id), db_int(conversation_id),
                               db_text(message->tenant_id), db_int(message->at), db_text(message->question),
                               db_text(message->answer), db_bool(message->answered_by != 0),
                               db_int(message->latency_ms), db_text(message->model), db_text(sources),
                               db_text(message->request_id)),
                       0, ret_id, err);
}

bool backfill_message_add(struct db *db, const struct backfill_message *message, int64_t *ret_conversation_id,
                          int64_t *ret_message_id, struct error *err)
{
    struct activity add = {
        .conversations = message->conversation_id == 0, .messages = 1, .answered = message->answered_by != 0};
    if (!backfill_put_conversation(db, message, ret_conversation_id, err) ||
        !backfill_put_message(db, message, *ret_conversation_id, ret_message_id, err))
        return false;
    if (message->answered_by && !qa_pair_count_hit(db, message->answered_by, err))
        return false;
    return activity_add(db, message->tenant_id, message->at, &add, message->latency_ms, err);
}

static const char SQL_FEEDBACK[] =
    "INSERT INTO feedbacks(tenant_id, message_id, rating, correction, status, qa_pair_id, created_at,"
    " processed_at, held_for, held_pair_id, decided_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, "
    "$11)";

bool backfill_feedback_add(struct db *db, const struct backfill_feedback *feedback, struct error *err)
{
    static const struct activity one = {.feedbacks = 1};
    bool good = feedback->rating[0] == 'g';
    return db_execute(
               db, SQL_FEEDBACK,
               DB_ARGS(db_text(feedback->tenant_id), db_int(feedback->message_id), db_text(feedback->rating),
                       db_text(feedback->correction), db_text(feedback->status),
                       db_int(feedback->qa_pair_id ? feedback->qa_pair_id : INT_NULL), db_int(feedback->at),
                       db_int(feedback->processed_at), db_text(feedback->held_for),
                       db_int(feedback->held_pair_id ? feedback->held_pair_id : INT_NULL),
                       db_text(feedback->decided_by)),
               NULL, err) &&
           (!feedback->answered_by || qa_pair_count_feedback(db, feedback->answered_by, good, !good, err)) &&
           activity_add(db, feedback->tenant_id, feedback->at, &one, 0, err);
}

static const char SQL_TENANT[] = "UPDATE tenants SET created_at = $2, updated_at = $2 WHERE id = $1";

bool backfill_tenant_created(struct db *db, const char *tenant_id, int64_t at, struct error *err)
{
    return db_execute(db, SQL_TENANT, DB_ARGS(db_text(tenant_id), db_int(at)), NULL, err);
}

static const char SQL_SUSPEND[] =
    "UPDATE tenants SET status = 'suspended', suspended_at = $2, suspended_reason = $3, suspended_by = $4,"
    " updated_at = $2, version = version + 1 WHERE id = $1";

bool backfill_tenant_suspended(struct db *db, const char *tenant_id, int64_t at, const char *username,
                               const char *reason, struct error *err)
{
    if (!db_execute(db, SQL_SUSPEND,
                    DB_ARGS(db_text(tenant_id), db_int(at), db_text(reason), db_text(username)), NULL, err))
        return false;
    return counters_add(db, COUNTER_ACTIVE_TENANTS, -1, err) &&
           counters_hold_back(db, tenant_id, true, err) && counters_add(db, COUNTER_TENANT_EDITS, 1, err);
}

static const char SQL_EDIT[] = "UPDATE qa_pairs SET updated_at = $2 WHERE id = $1";

bool backfill_pair_edited(struct db *db, int64_t pair_id, int64_t at, struct error *err)
{
    return db_execute(db, SQL_EDIT, DB_ARGS(db_int(pair_id), db_int(at)), NULL, err);
}

static const char SQL_USER[] =
    "INSERT INTO users(id, username, password_hash, role, tenant_id, status, created_at, updated_at,"
    " last_login_at) VALUES ($1, $2, '!', $3, $4, 'active', $5, $5, $6)";
static const char SQL_USER_COUNT[] = "UPDATE tenants SET user_count = user_count + 1 WHERE id = $1";

bool backfill_user_add(struct db *db, const struct backfill_user *user, struct error *err)
{
    char id[IDENTIFIER_SIZE];
    identifier_make("usr_", id);
    return db_execute(db, SQL_USER,
                      DB_ARGS(db_text(id), db_text(user->username), db_text(user->role),
                              db_text(user->tenant_id), db_int(user->created_at), db_int(user->logged_in_at)),
                      NULL, err) &&
           db_execute(db, SQL_USER_COUNT, DB_ARGS(db_text(user->tenant_id)), NULL, err);
}

static const char SQL_JOB[] =
    "INSERT INTO jobs(id, kind, status, tenant_id, parameters, progress_done, progress_total, result, "
    "error_en,"
    " error_zh, user_id, username, ip_address, request_id, created_at, started_at, finished_at)"
    " SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, COALESCE(MAX(id), ''), $11, '', $12, $13, $13, $14"
    " FROM users WHERE username = $11";

bool backfill_job_add(struct db *db, const struct backfill_job *job, struct error *err)
{
    char id[IDENTIFIER_SIZE], request_id[IDENTIFIER_SIZE];
    identifier_make("job_", id);
    identifier_make("", request_id);
    return db_execute(db, SQL_JOB,
                      DB_ARGS(db_text(id), db_text(job->kind), db_text(job->status), db_text(job->tenant_id),
                              db_text(job->parameters), db_int(job->done), db_int(job->total),
                              db_text(job->result), db_text(job->error[LANGUAGE_EN]),
                              db_text(job->error[LANGUAGE_ZH]), db_text(job->username), db_text(request_id),
                              db_int(job->started_at), db_int(job->finished_at)),
                      NULL, err);
}

static const char SQL_SYNC[] =
    "INSERT INTO vector_syncs(tenant_id, run_at, failed_at, failures, retry_at, error_en, error_zh)"
    " VALUES ($1, $2, $2, $3, $4, $5, $6)";

bool backfill_sync_failed(struct db *db, const char *tenant_id, int64_t failed_at, int64_t failures,
                          int64_t retry_at, const char *message_en, const char *message_zh, struct error *err)
{
    return db_execute(db, SQL_SYNC,
                      DB_ARGS(db_text(tenant_id), db_int(failed_at), db_int(failures), db_int(retry_at),
                              db_text(message_en), db_text(message_zh)),
                      NULL, err);
}
