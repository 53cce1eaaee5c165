#include "platform/feedback.h"

#include <string.h>

#include "base/clock.h"
#include "base/json_reader.h"
#include "platform/activity.h"
#include "platform/knowledge.h"
#include "platform/tenants.h"
#include "platform/text_rules.h"

#define MESSAGE_ID_MAX 64

static const struct field feedback_result_fields[] = {
    FIELD(struct feedback_result, id, INT, "Id of the feedback"),
    FIELD(struct feedback_result, status, TEXT,
          "noted: nothing to do; pending: waits for learning or the tenant's admin"),
};
const struct descriptor feedback_result_descriptor =
    DESCRIPTOR("FeedbackResult", struct feedback_result, feedback_result_fields);

static const struct field correction_fields[] = {
    FIELD(struct feedback_correction, id, INT, ""),
    FIELD(struct feedback_correction, question, TEXT, ""),
    FIELD(struct feedback_correction, correction, TEXT, ""),
};
static const struct descriptor correction_descriptor =
    DESCRIPTOR("FeedbackCorrection", struct feedback_correction, correction_fields);

struct adding {
    const char *tenant_id, *message_id, *status;
    bool good;
    struct text_span correction; /* trimmed; length 0: none */
    int64_t at, id;
};

static bool check_input(const char *message_id, const char *rating, const char *correction, struct error *err)
{
    static const struct text_rule message_rule = {"message_id", MESSAGE_ID_MAX, .required = true,
                                                  .one_line = true};
    static const struct text_rule correction_rule = {.field = "correction", .characters_max = CORRECTION_MAX};
    bool fine = text_check(&message_rule, message_id, err);
    if (!rating || (strcmp(rating, "good") != 0 && strcmp(rating, "bad") != 0))
        fine = error_add_field(err, "rating", "must be good or bad", "只能是 good 或 bad");
    return text_check(&correction_rule, correction, err) && fine;
}

static bool identify(struct platform *platform, const char *api_key, struct arena *arena,
                     struct tenant *ret_tenant, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    bool found;
    if (!store_reader(platform->store, READ_LIMIT_MS, &db, err) ||
        !tenant_by_api_key(db, api_key ? api_key : "", arena, ret_tenant, &found, err))
        return false;
    return found || error_set(err, ERROR_UNAUTHENTICATED, "The API key is not that of a tenant.",
                              "API key 不属于任何商家。");
}

/* The pair that gave the answer: the source that the chat has marked so, else the best. 0: none. */
static int64_t pair_that_answered(const char *sources)
{
    CLEANUP(json_delete) cJSON *list = NULL;
    struct error ignored;
    error_clear(&ignored);
    if (!json_parse(sources, strlen(sources), &list, &ignored))
        return 0;
    const cJSON *best = NULL, *source;
    cJSON_ArrayForEach(source, list)
    {
        if (!best || cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(source, "answered")))
            best = source;
    }
    int64_t id = 0;
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(best, "qa_pair_id");
    return value && json_is_integer(value, &id) ? id : 0;
}

static const char SQL_MESSAGE[] =
    "SELECT id, answered, sources FROM messages WHERE public_id = $1 AND tenant_id = $2";

static bool find_message(struct db *db, const struct adding *adding, int64_t *ret_id, int64_t *ret_pair_id,
                         struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    int64_t id = 0;
    if (!db_query(db, SQL_MESSAGE, DB_ARGS(db_text(adding->message_id), db_text(adding->tenant_id)), &rows,
                  err))
        return false;
    while (db_next(&rows)) {
        id = db_column_int(&rows, 0);
        bool answered = db_column_int(&rows, 1) == 1;
        *ret_pair_id = answered ? pair_that_answered(db_column_text(&rows, 2)) : 0;
    }
    if (!db_done(&rows, err))
        return false;
    *ret_id = id;
    return id || error_set(err, ERROR_NOT_FOUND, "There is no such message.", "该消息不存在。");
}

static const char SQL_ADD_FEEDBACK[] =
    "INSERT INTO feedbacks(tenant_id, message_id, rating, correction, status, created_at)"
    " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (message_id) DO NOTHING RETURNING id";

static bool insert_feedback(struct db *db, struct adding *adding, int64_t message, struct error *err)
{
    const struct text_span correction = adding->correction;
    struct db_value text = correction.length ? db_text_n(correction.bytes, correction.length) : db_null();
    if (!db_find_int(db, SQL_ADD_FEEDBACK,
                     DB_ARGS(db_text(adding->tenant_id), db_int(message),
                             db_text(adding->good ? "good" : "bad"), text, db_text(adding->status),
                             db_int(adding->at)),
                     0, &adding->id, err))
        return false;
    return adding->id ||
           error_set(err, ERROR_CONFLICT, "This message has its feedback already.", "该消息已有反馈。");
}

static bool add_in_transaction(struct db *db, void *context, struct error *err)
{
    struct adding *adding = context;
    static const struct activity one = {.feedbacks = 1};
    int64_t message, pair_id = 0;
    if (!find_message(db, adding, &message, &pair_id, err) || !insert_feedback(db, adding, message, err))
        return false;
    if (pair_id && !qa_pair_count_feedback(db, pair_id, adding->good, err))
        return false;
    if (!adding->good && !tenant_count_pending(db, adding->tenant_id, 1, err))
        return false;
    return activity_add(db, adding->tenant_id, adding->at, &one, 0, err);
}

bool feedback_add(struct platform *platform, const char *api_key, const char *message_id, const char *rating,
                  const char *correction, struct arena *arena, struct feedback_result *ret_result,
                  struct error *err)
{
    struct tenant tenant;
    if (!check_input(message_id, rating, correction, err) ||
        !identify(platform, api_key, arena, &tenant, err))
        return false;
    bool good = strcmp(rating, "good") == 0;
    struct adding adding = {
        .tenant_id = tenant.id,
        .message_id = message_id,
        .good = good,
        .status = good ? "noted" : "pending",
        .correction = text_trim(correction),
        .at = clock_now_ms(),
    };
    if (!store_write(platform->store, add_in_transaction, &adding, err))
        return false;
    *ret_result = (struct feedback_result){.id = adding.id, .status = adding.status};
    return true;
}

static const char SQL_CORRECTIONS[] =
    "SELECT f.id AS id, m.question AS question, f.correction AS correction"
    " FROM feedbacks f JOIN messages m ON m.id = f.message_id"
    " WHERE f.tenant_id = $1 AND f.status = 'pending' AND f.correction IS NOT NULL AND f.id > $2"
    " ORDER BY f.id LIMIT $3";

bool feedback_corrections(struct db *db, const char *tenant_id, int64_t after, size_t limit,
                          struct arena *arena, struct feedback_correction *ret_corrections, size_t *ret_count,
                          struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    size_t count = 0;
    if (!db_query(db, SQL_CORRECTIONS, DB_ARGS(db_text(tenant_id), db_int(after), db_int((int64_t)limit)),
                  &rows, err))
        return false;
    while (db_next(&rows) && count < limit)
        db_read_row(&rows, &correction_descriptor, &ret_corrections[count++], arena);
    if (!db_done(&rows, err))
        return false;
    *ret_count = count;
    return true;
}

static const char SQL_LEARNED[] = "UPDATE feedbacks SET status = 'learned', qa_pair_id = $2,"
                                  " processed_at = $3 WHERE id = $1";

bool feedback_learned(struct db *db, int64_t id, int64_t qa_pair_id, struct error *err)
{
    return db_execute(db, SQL_LEARNED, DB_ARGS(db_int(id), db_int(qa_pair_id), db_int(clock_now_ms())), NULL,
                      err);
}
