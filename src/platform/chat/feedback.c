#include "platform/chat/feedback.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_reader.h"
#include "platform/knowledge/knowledge.h"
#include "platform/tenants/activity.h"
#include "platform/tenants/tenants.h"
#include "platform/text_rules.h"

#define MESSAGE_ID_MAX 64

static const struct field feedback_result_fields[] = {
    FIELD(struct feedback_result, id, INT, "Id of the feedback"),
    FIELD(struct feedback_result, status, TEXT,
          "noted: nothing to do; pending: waits for learning or the tenant's admin"),
};
const struct descriptor feedback_result_descriptor =
    DESCRIPTOR("FeedbackResult", struct feedback_result, feedback_result_fields);

struct adding {
    const char *tenant_id, *message_id, *status;
    bool good;
    struct text_span correction; /* trimmed; length 0: none */
    int64_t at, id;
};

/* The message that it is about, and what was said of it before. */
struct rated_message {
    int64_t id, pair_id; /* the pair that answered; 0: none */
    int64_t feedback_id; /* 0: this is the first word */
    bool was_good, is_pending, is_learned;
};

static bool feedback_check(const char *message_id, const char *rating, const char *correction,
                           struct error *err)
{
    static const struct text_rule message_rule = {"message_id", MESSAGE_ID_MAX, .required = true,
                                                  .one_line = true};
    static const struct text_rule correction_rule = {.field = "correction", .characters_max = CORRECTION_MAX};
    bool fine = text_check(&message_rule, message_id, err);
    if (!rating || (strcmp(rating, "good") != 0 && strcmp(rating, "bad") != 0))
        fine = error_add_field(err, "rating", "must be good or bad", "只能是 good 或 bad");
    return text_check(&correction_rule, correction, err) && fine;
}

static bool feedback_find_tenant(struct platform *platform, const char *api_key, struct arena *arena,
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

/* The pair that gave the answer, with its score: the source that the chat has marked so, else the best. */
static void find_answering_pair(const char *sources, int64_t *ret_id, double *ret_score)
{
    CLEANUP(json_delete) cJSON *list = NULL;
    struct error ignored;
    error_clear(&ignored);
    if (!json_parse(sources, strlen(sources), &list, &ignored))
        return;
    const cJSON *best = NULL, *source;
    cJSON_ArrayForEach(source, list)
    {
        if (!best || cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(source, "answered")))
            best = source;
    }
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(best, "qa_pair_id");
    const cJSON *score = cJSON_GetObjectItemCaseSensitive(best, "score");
    if (id && json_is_integer(id, ret_id) && cJSON_IsNumber(score))
        *ret_score = score->valuedouble;
}

int64_t feedback_answering_pair(const char *sources)
{
    int64_t id = 0;
    double score;
    find_answering_pair(sources, &id, &score);
    return id;
}

static const char SQL_MESSAGE[] =
    "SELECT m.id, m.answered, m.sources, f.id, f.rating, f.status FROM messages m"
    " LEFT JOIN feedbacks f ON f.message_id = m.id WHERE m.public_id = $1 AND m.tenant_id = $2";

static bool find_rated_message(struct db *db, const struct adding *adding, struct rated_message *ret_message,
                               struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct rated_message message = {0};
    if (!db_query(db, SQL_MESSAGE, DB_ARGS(db_text(adding->message_id), db_text(adding->tenant_id)), &rows,
                  err))
        return false;
    while (db_next(&rows)) {
        double score;
        message.id = db_column_int(&rows, 0);
        if (db_column_int(&rows, 1) == 1)
            find_answering_pair(db_column_text(&rows, 2), &message.pair_id, &score);
        if (db_column_int(&rows, 3) == INT_NULL)
            continue;
        const char *status = db_column_text(&rows, 5);
        message.feedback_id = db_column_int(&rows, 3);
        message.was_good = strcmp(db_column_text(&rows, 4), "good") == 0;
        message.is_pending = strcmp(status, "pending") == 0;
        message.is_learned = strcmp(status, "learned") == 0 || strcmp(status, "approved") == 0;
    }
    if (!db_done(&rows, err))
        return false;
    *ret_message = message;
    return message.id || error_set(err, ERROR_NOT_FOUND, "There is no such message.", "该消息不存在。");
}

static const char SQL_ADD_FEEDBACK[] =
    "INSERT INTO feedbacks(tenant_id, message_id, rating, correction, status, created_at)"
    " VALUES ($1, $2, $3, $4, $5, $6) RETURNING id";

/* It waits anew, whatever was decided about the words before; its day stays that of the first word. */
static const char SQL_CHANGE_FEEDBACK[] =
    "UPDATE feedbacks SET rating = $2, correction = $3, status = $4, version = version + 1, held_for = NULL,"
    " held_pair_id = NULL, decided_by = NULL, note = NULL, processed_at = NULL WHERE id = $1 RETURNING id";

static bool feedback_put(struct db *db, struct adding *adding, const struct rated_message *message,
                         struct error *err)
{
    const struct text_span span = adding->correction;
    struct db_value correction = span.length ? db_text_n(span.bytes, span.length) : db_null();
    struct db_value rating = db_text(adding->good ? "good" : "bad"), status = db_text(adding->status);
    if (message->is_learned)
        return error_set(
            err, ERROR_CONFLICT,
            "Something was learned from the feedback on this message already; it stays as it is.",
            "已根据该消息的反馈完成学习，不能再修改。");
    if (message->feedback_id)
        return db_find_int(db, SQL_CHANGE_FEEDBACK,
                           DB_ARGS(db_int(message->feedback_id), rating, correction, status), 0, &adding->id,
                           err);
    return db_find_int(db, SQL_ADD_FEEDBACK,
                       DB_ARGS(db_text(adding->tenant_id), db_int(message->id), rating, correction, status,
                               db_int(adding->at)),
                       0, &adding->id, err);
}

/* What the pair, the tenant and the day count of it, less what they count of the word before. */
static bool feedback_count(struct db *db, const struct adding *adding, const struct rated_message *message,
                           struct error *err)
{
    static const struct activity one = {.feedbacks = 1};
    bool is_first = message->feedback_id == 0;
    int good = adding->good - (!is_first && message->was_good);
    int bad = !adding->good - (!is_first && !message->was_good);
    if (message->pair_id && (good || bad) && !qa_pair_count_feedback(db, message->pair_id, good, bad, err))
        return false;
    return tenant_count_pending(db, adding->tenant_id, !adding->good - message->is_pending, err) &&
           (!is_first || activity_add(db, adding->tenant_id, adding->at, &one, 0, err));
}

static bool feedback_add_work(struct db *db, void *context, struct error *err)
{
    struct adding *adding = context;
    struct rated_message message;
    return find_rated_message(db, adding, &message, err) && feedback_put(db, adding, &message, err) &&
           feedback_count(db, adding, &message, err);
}

bool feedback_add(struct platform *platform, const char *api_key, const char *message_id, const char *rating,
                  const char *correction, struct arena *arena, struct feedback_result *ret_result,
                  struct error *err)
{
    struct tenant tenant;
    if (!feedback_check(message_id, rating, correction, err) ||
        !feedback_find_tenant(platform, api_key, arena, &tenant, err))
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
    if (!store_write(platform->store, feedback_add_work, &adding, err))
        return false;
    *ret_result = (struct feedback_result){.id = adding.id, .status = adding.status};
    return true;
}

/* ---- learning ---- */

static const char SQL_CORRECTIONS[] =
    "SELECT f.id, m.question, f.correction, m.answered, m.sources"
    " FROM feedbacks f JOIN messages m ON m.id = f.message_id"
    " WHERE f.tenant_id = $1 AND f.status = 'pending' AND f.correction IS NOT NULL AND f.held_for IS NULL"
    " AND f.id > $2 ORDER BY f.id LIMIT $3";

bool feedback_corrections(struct db *db, const char *tenant_id, int64_t after, size_t limit,
                          struct arena *arena, struct feedback_correction *ret_corrections, size_t *ret_count,
                          struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    size_t count = 0;
    if (!db_query(db, SQL_CORRECTIONS, DB_ARGS(db_text(tenant_id), db_int(after), db_int((int64_t)limit)),
                  &rows, err))
        return false;
    while (db_next(&rows) && count < limit) {
        struct feedback_correction *correction = &ret_corrections[count++];
        *correction = (struct feedback_correction){
            .id = db_column_int(&rows, 0),
            .question = arena_strdup(arena, db_column_text(&rows, 1)),
            .correction = arena_strdup(arena, db_column_text(&rows, 2)),
        };
        if (db_column_int(&rows, 3) == 1)
            find_answering_pair(db_column_text(&rows, 4), &correction->answered_by, &correction->score);
    }
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

static const char SQL_HOLD[] = "UPDATE feedbacks SET held_for = $2, held_pair_id = $3 WHERE id = $1";

bool feedback_hold(struct db *db, int64_t id, const char *held_for, int64_t pair_id, struct error *err)
{
    return db_execute(db, SQL_HOLD,
                      DB_ARGS(db_int(id), db_text(held_for), pair_id ? db_int(pair_id) : db_null()), NULL,
                      err);
}

/* ---- what a person decides ---- */

static const struct field row_fields[] = {
    FIELD(struct feedback_row, id, INT, ""),      FIELD(struct feedback_row, tenant_id, TEXT, ""),
    FIELD(struct feedback_row, status, TEXT, ""), FIELD(struct feedback_row, question, TEXT, ""),
    FIELD(struct feedback_row, answer, TEXT, ""), FIELD(struct feedback_row, correction, TEXT, ""),
    FIELD(struct feedback_row, version, INT, ""), FIELD(struct feedback_row, held_pair_id, INT, ""),
};
static const struct descriptor row_descriptor = DESCRIPTOR("FeedbackRow", struct feedback_row, row_fields);

static const char SQL_ROW[] =
    "SELECT f.id AS id, f.tenant_id AS tenant_id, f.status AS status, m.question AS question,"
    " m.answer AS answer, COALESCE(f.correction, '') AS correction, f.version AS version,"
    " f.held_pair_id AS held_pair_id FROM feedbacks f JOIN messages m ON m.id = f.message_id WHERE f.id = $1";

bool feedback_read_pending(struct db *db, int64_t id, int64_t version, struct arena *arena,
                           struct feedback_row *ret_row, struct error *err)
{
    struct feedback_row row = {0};
    bool found;
    if (!db_find(db, SQL_ROW, DB_ARGS(db_int(id)), &row_descriptor, &row, arena, &found, err))
        return false;
    if (!found)
        return error_set(err, ERROR_NOT_FOUND, "There is no feedback %" PRId64 ".",
                         "没有编号为 %" PRId64 " 的反馈。", id);
    if (strcmp(row.status, "pending") != 0)
        return error_set(err, ERROR_CONFLICT, "Feedback %" PRId64 " has been dealt with already (%s).",
                         "反馈 %" PRId64 " 已处理（%s）。", id, row.status);
    if (version != INT_NULL && version != row.version)
        return error_set(err, ERROR_CONFLICT,
                         "The customer has changed feedback %" PRId64 " meanwhile: load it again.",
                         "顾客刚刚修改了反馈 %" PRId64 "：请重新载入。", id);
    *ret_row = row;
    return true;
}

static const char SQL_DECIDE[] =
    "UPDATE feedbacks SET status = $2, qa_pair_id = $3, decided_by = $4, note = $5,"
    " processed_at = $6 WHERE id = $1 AND status = 'pending'";

bool feedback_decide(struct db *db, const struct feedback_row *row, const char *status, int64_t qa_pair_id,
                     const char *username, const char *note, struct error *err)
{
    return db_execute(db, SQL_DECIDE,
                      DB_ARGS(db_int(row->id), db_text(status), qa_pair_id ? db_int(qa_pair_id) : db_null(),
                              db_text(username), db_text(note), db_int(clock_now_ms())),
                      NULL, err) &&
           tenant_count_pending(db, row->tenant_id, -1, err);
}
