#include "platform/chat/chat.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/identifier.h"
#include "base/log.h"
#include "platform/chat/retrieval.h"
#include "platform/tenants/activity.h"
#include "platform/tenants/gate.h"
#include "platform/text_rules.h"
#include "provider/chat_model.h"
#include "search/script.h"
#include "settings/settings.h"

#define CONVERSATION_ID_MAX 64
#define RETRY_AFTER_SECONDS 5

/* The languages of answers to customers. The first two are those of a request. */
enum customer_language {
    CUSTOMER_EN = LANGUAGE_EN,
    CUSTOMER_ZH = LANGUAGE_ZH,
    CUSTOMER_JA,
    CUSTOMER_LANGUAGES
};

static const char *const not_known[CUSTOMER_LANGUAGES] = {
    [CUSTOMER_EN] = "Sorry, I do not know the answer to that. Please ask the shop directly.",
    [CUSTOMER_ZH] = "抱歉，这个问题我还不知道答案，请直接联系商家。",
    [CUSTOMER_JA] = "申し訳ございません。その質問の答えはまだわかりません。お店に直接お問い合わせください。",
};

/* The script that the customer writes says more than a header that most leave as it was: kana is Japanese; Han is
 * Chinese, unless Japanese is what they read. Letters alone may be a name or a size: there the header decides, as
 * it does for Korean and all else. */
static enum customer_language customer_language(const char *question, enum language language,
                                                bool reads_japanese)
{
    switch (text_script(question, strlen(question))) {
    case SCRIPT_KANA: return CUSTOMER_JA;
    case SCRIPT_HAN: return reads_japanese ? CUSTOMER_JA : CUSTOMER_ZH;
    case SCRIPT_OTHER: break;
    }
    return reads_japanese ? CUSTOMER_JA : (enum customer_language)language;
}

static const struct field source_fields[] = {
    FIELD(struct chat_source, qa_pair_id, INT, "Id of the pair"),
    FIELD(struct chat_source, question, TEXT, "Question of the pair"),
    FIELD(struct chat_source, score, REAL, "How well it matches, 0 to 1"),
};
static const struct descriptor source_descriptor =
    DESCRIPTOR("ChatSource", struct chat_source, source_fields);

static const struct field chat_result_fields[] = {
    FIELD(struct chat_result, conversation_id, TEXT, "Conversation; send it with the next message"),
    FIELD(struct chat_result, message_id, TEXT, "Message; feedback names it"),
    FIELD(struct chat_result, answer, TEXT, "The answer, or an honest 'not known'"),
    FIELD(struct chat_result, answered, BOOL, "False: the answer is not known"),
    FIELD_MANY(struct chat_result, sources, LIST, "Pairs that were found, best first",
               .of = &source_descriptor),
    FIELD(struct chat_result, latency_ms, INT, "Milliseconds until the answer was ready to be kept"),
};
const struct descriptor chat_result_descriptor =
    DESCRIPTOR("ChatResult", struct chat_result, chat_result_fields);

static const struct field trial_match_fields[] = {
    FIELD(struct trial_match, qa_pair_id, INT, "Id of the pair"),
    FIELD(struct trial_match, question, TEXT, "Question of the pair", .personal = PERSONAL_PARTS),
    FIELD(struct trial_match, answer, TEXT, "Answer of the pair", .personal = PERSONAL_PARTS),
    FIELD(struct trial_match, category, TEXT, "Category of the pair", .personal = PERSONAL_PARTS),
    FIELD(struct trial_match, score, REAL, "How well it matches, 0 to 1"),
};
static const struct descriptor trial_match_descriptor =
    DESCRIPTOR("TrialMatch", struct trial_match, trial_match_fields);

static const struct field trial_result_fields[] = {
    FIELD_MANY(struct trial_result, matches, LIST, "Pairs that were found, best first",
               .of = &trial_match_descriptor),
    FIELD(struct trial_result, answer, TEXT, "What a customer would be answered", .personal = PERSONAL_PARTS),
    FIELD(struct trial_result, answered, BOOL, "False: the answer is not known"),
    FIELD(struct trial_result, top_k, INT, "Pairs at most, as was asked or is set"),
    FIELD(struct trial_result, min_score, REAL, "Least score of a match, as was asked or is set"),
    FIELD(struct trial_result, latency_ms, INT, "Milliseconds that it took"),
};
const struct descriptor trial_result_descriptor =
    DESCRIPTOR("TrialResult", struct trial_result, trial_result_fields);

/* One message on its way. */
struct chat {
    struct platform *platform;
    struct arena *arena;
    struct tenant tenant;
    const char *question, *request_id; /* the question trimmed */
    const char *conversation_id, *message_id;
    bool begins; /* a new conversation */
    enum customer_language language;
    int64_t received_at; /* the message's time: what a suspension after it lets pass */
    int64_t began_us;    /* of the work, for the latency */
    struct retrieval found;
    const char *answer, *sources; /* as they are stored; sources in JSON */
    int64_t latency_ms;
};

static int64_t elapsed_ms(int64_t began_us)
{
    return (clock_monotonic_us() - began_us + 500) / 1000;
}

/* --- who asks, and may it be answered --- */

static bool chat_no_conversation(struct error *err)
{
    return error_set(err, ERROR_NOT_FOUND, "There is no such conversation.", "该对话不存在。");
}

static const char SQL_CONVERSATION_EXISTS[] =
    "SELECT 1 FROM conversations WHERE public_id = $1 AND tenant_id = $2";

/* The conversation is asked for before money is spent on an answer; the transaction asks once more. The reader is
 * given back before anything waits. */
static bool chat_admit(struct chat *chat, const char *api_key, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    bool found;
    if (!store_reader(chat->platform->store, READ_LIMIT_MS, &db, err) ||
        !tenant_by_api_key(db, api_key ? api_key : "", chat->arena, &chat->tenant, &found, err))
        return false;
    if (!found)
        return error_set(err, ERROR_UNAUTHENTICATED, "The API key is not that of a tenant.",
                         "API key 不属于任何商家。");
    struct tenant_state state = tenant_state_of(&chat->tenant);
    if (!tenant_gate_pass(TENANT_GATE_CHAT, &state, chat->received_at, err))
        return false;
    int64_t exists = 1;
    if (!chat->begins &&
        !db_find_int(db, SQL_CONVERSATION_EXISTS,
                     DB_ARGS(db_text(chat->conversation_id), db_text(chat->tenant.id)), 0, &exists, err))
        return false;
    return exists || chat_no_conversation(err);
}

/* --- what was asked --- */

static bool chat_check_question(const char *conversation_id, const char *message, struct error *err)
{
    static const struct text_rule message_rule = {"message", MESSAGE_MAX, .required = true};
    static const struct text_rule conversation_rule = {"conversation_id", CONVERSATION_ID_MAX,
                                                       .required = true, .one_line = true};
    bool fine = text_check(&message_rule, message, err);
    return (!conversation_id || text_check(&conversation_rule, conversation_id, err)) && fine;
}

static const char *chat_make_id(struct arena *arena, const char *prefix)
{
    char text[IDENTIFIER_SIZE];
    identifier_make(prefix, text);
    return arena_strdup(arena, text);
}

/* --- the answer, and the record of what it cost --- */

static void chat_write_log_fields(const struct chat *chat, bool done, struct strbuf *out)
{
    struct json_writer w = {.out = out};
    json_object_begin(&w);
    json_key_bool(&w, "answered", done && chat->found.answer);
    json_key(&w, "score");
    json_real(&w, chat->found.match_count > 0 ? chat->found.matches[0].score : NAN);
    json_key_int(&w, "answer_ms", elapsed_ms(chat->began_us));
    json_key_text(&w, "conversation_id", chat->conversation_id);
    json_key_text(&w, "message_id", chat->message_id);
    json_object_end(&w);
}

/* The customer's words stay in the messages table: the log has figures only. */
static bool chat_record_calls(struct chat *chat, bool done, const struct error *why, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf fields = {0};
    chat_write_log_fields(chat, done, &fields);
    struct log_record log = {
        .level = done ? LOG_INFO : LOG_ERROR,
        .source = "chat",
        .tenant_id = chat->tenant.id,
        .request_id = chat->request_id,
        .fields = strbuf_text(&fields),
    };
    log.message = !done ? arena_printf(chat->arena, "chat failed: %s", why->detail[LANGUAGE_EN])
                  : chat->found.answer ? "chat answered"
                                       : "chat not known: no pair answers it";
    return telemetry_write(chat->platform->telemetry, chat->found.usage, chat->found.usage_count, &log, 1,
                           err);
}

static bool chat_find_answer(struct chat *chat, struct error *err)
{
    const struct settings *settings = settings_now(chat->platform->settings);
    struct retrieval_question question = {
        .tenant_id = chat->tenant.id,
        .tenant_name = chat->tenant.name,
        .revision = chat->tenant.knowledge_revision,
        .text = chat->question,
        .request_id = chat->request_id,
        .top_k = (size_t)settings->top_k,
        .min_score = settings->min_score,
    };
    struct error why;
    error_clear(&why);
    bool done = retrieval_run(chat->platform, &question, chat->arena, &chat->found, &why);
    if (!chat_record_calls(chat, done, &why, err))
        return false;
    if (done)
        return true;
    /* The customer gets the truth, but not the provider's inner words. */
    int seconds = why.retry_after_seconds > 0 ? why.retry_after_seconds : RETRY_AFTER_SECONDS;
    error_set(err, ERROR_UNAVAILABLE, "No answer can be given at the moment. Please ask again in %d seconds.",
              "暂时无法回答，请在 %d 秒后重试。", seconds);
    err->retry_after_seconds = seconds;
    return false;
}

/* --- the conversation, in one transaction --- */

static const char SQL_NEW_CONVERSATION[] =
    "INSERT INTO conversations(public_id, tenant_id, started_at, last_message_at, message_count)"
    " VALUES ($1, $2, $3, $3, 1) RETURNING id";
static const char SQL_CONTINUE_CONVERSATION[] =
    "UPDATE conversations SET message_count = message_count + 1,"
    " last_message_at = CASE WHEN last_message_at < $3 THEN $3 ELSE last_message_at END"
    " WHERE public_id = $1 AND tenant_id = $2 RETURNING id";

static const char SQL_NEW_MESSAGE[] =
    "INSERT INTO messages(public_id, conversation_id, tenant_id, created_at, question, answer,"
    " answered, latency_ms, model, sources, request_id)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

/* The gate once more, as it is inside the transaction: the tenant may have been suspended meanwhile. */
static bool chat_persist_work(struct db *db, void *context, struct error *err)
{
    const struct chat *chat = context;
    const char *tenant_id = chat->tenant.id;
    int64_t conversation;
    if (!tenant_gate_ask(db, TENANT_GATE_CHAT, tenant_id, chat->received_at, err) ||
        !db_find_int(db, chat->begins ? SQL_NEW_CONVERSATION : SQL_CONTINUE_CONVERSATION,
                     DB_ARGS(db_text(chat->conversation_id), db_text(tenant_id), db_int(chat->received_at)),
                     0, &conversation, err))
        return false;
    if (conversation == 0)
        return chat_no_conversation(err);
    if (!db_execute(db, SQL_NEW_MESSAGE,
                    DB_ARGS(db_text(chat->message_id), db_int(conversation), db_text(tenant_id),
                            db_int(chat->received_at), db_text(chat->question), db_text(chat->answer),
                            db_bool(chat->found.answer), db_int(chat->latency_ms), db_text(chat->found.model),
                            db_text(chat->sources), db_text(chat->request_id)),
                    NULL, err))
        return false;
    struct activity add = {
        .conversations = chat->begins, .messages = 1, .answered = chat->found.answer != NULL};
    if (chat->found.answer && !qa_pair_count_hit(db, chat->found.answered_by, err))
        return false;
    return tenant_touch(db, tenant_id, chat->received_at, err) &&
           activity_add(db, tenant_id, chat->received_at, &add, chat->latency_ms, err);
}

static const char *chat_sources_json(struct chat *chat)
{
    CLEANUP(strbuf_release) struct strbuf out = {0};
    struct json_writer w = {.out = &out};
    json_array_begin(&w);
    for (size_t i = 0; i < chat->found.match_count; i++) {
        const struct retrieval_match *match = &chat->found.matches[i];
        json_object_begin(&w);
        json_key_int(&w, "qa_pair_id", match->pair.id);
        json_key(&w, "score");
        json_real(&w, match->score);
        if (match->pair.id == chat->found.answered_by)
            json_key_bool(&w, "answered", true);
        json_object_end(&w);
    }
    json_array_end(&w);
    return arena_strdup(chat->arena, strbuf_text(&out));
}

static bool chat_persist(struct chat *chat, struct error *err)
{
    chat->answer = chat->found.answer ? chat->found.answer : not_known[chat->language];
    chat->sources = chat_sources_json(chat);
    chat->latency_ms = elapsed_ms(chat->began_us);
    return store_write(chat->platform->store, chat_persist_work, chat, err);
}

/* --- or a refusal, which is counted */

/* A suspension's proof counts its own refusals only: the one that refused may be over by now, and another in
 * force, before which the question came. */
static bool chat_count_refusal(struct db *db, void *context, struct error *err)
{
    const struct chat *chat = context;
    static const struct activity one = {.refused = 1};
    struct error why;
    error_clear(&why);
    bool passes = tenant_gate_ask(db, TENANT_GATE_CHAT, chat->tenant.id, chat->received_at, &why);
    if (!passes && why.code != ERROR_TENANT_SUSPENDED) {
        *err = why;
        return false;
    }
    return (passes || tenant_count_refused(db, chat->tenant.id, err)) &&
           activity_add(db, chat->tenant.id, chat->received_at, &one, 0, err);
}

static void chat_fill_result(const struct chat *chat, struct chat_result *ret_result)
{
    size_t count = chat->found.match_count;
    struct chat_source *sources = arena_alloc(chat->arena, sizeof(*sources) * (count + 1));
    for (size_t i = 0; i < count; i++) {
        const struct retrieval_match *match = &chat->found.matches[i];
        sources[i] = (struct chat_source){match->pair.id, match->pair.question, match->score};
    }
    *ret_result = (struct chat_result){
        .conversation_id = chat->conversation_id,
        .message_id = chat->message_id,
        .answer = chat->answer,
        .answered = chat->found.answer != NULL,
        .sources = sources,
        .sources_count = count,
        .latency_ms = chat->latency_ms,
    };
}

bool chat_message(struct platform *platform, const struct chat_question *question, struct arena *arena,
                  struct chat_result *ret_result, struct error *err)
{
    struct chat chat = {
        .platform = platform,
        .arena = arena,
        .request_id = question->request_id ? question->request_id : "",
        .conversation_id = question->conversation_id,
        .begins = !question->conversation_id,
        .received_at = question->received_at ? question->received_at : clock_now_ms(),
        .began_us = clock_monotonic_us(),
    };
    if (!chat_check_question(question->conversation_id, question->message, err))
        return false;
    struct text_span text = text_trim(question->message);
    chat.question = arena_strndup(arena, text.bytes, text.length);
    chat.message_id = chat_make_id(arena, "msg_");
    if (chat.begins)
        chat.conversation_id = chat_make_id(arena, "conv_");
    chat.language = customer_language(chat.question, question->language, question->reads_japanese);
    if (chat_admit(&chat, question->api_key, err) && chat_find_answer(&chat, err) &&
        chat_persist(&chat, err)) {
        chat_fill_result(&chat, ret_result);
        return true;
    }
    if (err->code != ERROR_TENANT_SUSPENDED)
        return false;
    /* Waits for the commit: whoever has been refused finds it counted. */
    struct error why;
    error_clear(&why);
    if (!store_write(platform->store, chat_count_refusal, &chat, &why))
        log_error("chat", "a refusal of tenant %s was not counted: %s", chat.tenant.id,
                  why.detail[LANGUAGE_EN]);
    return false;
}

/* --- the retrieval trial --- */

static bool trial_check(const char *question, int64_t top_k, double min_score, struct error *err)
{
    static const struct text_rule question_rule = {"question", MESSAGE_MAX, .required = true};
    bool fine = text_check(&question_rule, question, err);
    if (top_k < 0 || top_k > VECTOR_TOP_K_MAX)
        fine =
            error_add_field(err, "top_k", "must be between 1 and %d", "须在 1 到 %d 之间", VECTOR_TOP_K_MAX);
    if (!(min_score <= 1))
        fine = error_add_field(err, "min_score", "must be between 0 and 1", "须在 0 到 1 之间");
    return fine;
}

static bool trial_get_tenant(struct platform *platform, const char *tenant_id, struct arena *arena,
                             struct tenant *ret_tenant, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(platform->store, READ_LIMIT_MS, &db, err) &&
           tenant_get(db, tenant_id, arena, ret_tenant, err);
}

static void trial_fill_result(const struct retrieval *found, const char *question, enum language language,
                              struct arena *arena, struct trial_result *ret_result)
{
    size_t count = found->match_count;
    struct trial_match *matches = arena_alloc(arena, sizeof(*matches) * (count + 1));
    for (size_t i = 0; i < count; i++) {
        const struct qa_pair *pair = &found->matches[i].pair;
        matches[i] = (struct trial_match){pair->id, pair->question, pair->answer, pair->category,
                                          found->matches[i].score};
    }
    *ret_result = (struct trial_result){
        .matches = matches,
        .matches_count = count,
        .answer = found->answer ? found->answer : not_known[customer_language(question, language, false)],
        .answered = found->answer != NULL,
    };
}

/* Operators see the provider's own words, after what they mean. */
static bool trial_explain_failure(const struct error *why, struct error *err)
{
    int seconds = why->retry_after_seconds > 0 ? why->retry_after_seconds : RETRY_AFTER_SECONDS;
    for (int language = 0; language < LANGUAGE_COUNT; language++)
        memcpy(err->detail[language], why->detail[language], sizeof(err->detail[language]));
    err->field_count = 0;
    err->code = ERROR_UNAVAILABLE;
    err->retry_after_seconds = seconds;
    return error_prefix(err, "The retrieval failed", "检索失败");
}

bool chat_trial(struct platform *platform, const char *tenant_id, const char *question, int64_t top_k,
                double min_score, const char *request_id, enum language language, struct arena *arena,
                struct trial_result *ret_result, struct error *err)
{
    int64_t began_us = clock_monotonic_us();
    struct tenant tenant;
    if (!trial_check(question, top_k, min_score, err) ||
        !trial_get_tenant(platform, tenant_id, arena, &tenant, err))
        return false;
    const struct settings *settings = settings_now(platform->settings);
    struct text_span trimmed = text_trim(question);
    struct retrieval_question asked = {
        .tenant_id = tenant.id,
        .tenant_name = tenant.name,
        .revision = tenant.knowledge_revision,
        .text = arena_strndup(arena, trimmed.bytes, trimmed.length),
        .request_id = request_id,
        .top_k = (size_t)(top_k > 0 ? top_k : settings->top_k),
        .min_score = min_score >= 0 ? min_score : settings->min_score,
    };
    struct retrieval found = {0};
    struct error why;
    error_clear(&why);
    bool done = retrieval_run(platform, &asked, arena, &found, &why);
    if (!telemetry_write(platform->telemetry, found.usage, found.usage_count, NULL, 0, err))
        return false;
    if (!done)
        return trial_explain_failure(&why, err);
    trial_fill_result(&found, asked.text, language, arena, ret_result);
    ret_result->top_k = (int64_t)asked.top_k;
    ret_result->min_score = asked.min_score;
    ret_result->latency_ms = elapsed_ms(began_us);
    return true;
}
