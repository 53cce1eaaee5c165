/* Chat: what is answered, what is kept, what is refused, what is counted, and that answers keep up
 * with the knowledge while it changes. */
#include <pthread.h>
#include <stdatomic.h>

#include "platform_fixture.h"

#define MESSAGE_BYTES ((size_t)MESSAGE_MAX * 3) /* of Chinese */

static const char SQL_MESSAGE_TIME[] = "SELECT created_at FROM messages";
static const char SQL_COUNT_MESSAGES[] = "SELECT COUNT(*) FROM messages";
static const char SQL_COUNT_CONVERSATIONS[] = "SELECT COUNT(*) FROM conversations";
static const char SQL_HITS[] = "SELECT hit_count FROM qa_pairs WHERE id = $1";
static const char SQL_LAST_ACTIVE[] = "SELECT last_active_at FROM tenants WHERE id = $1";

static struct activity today_of(struct fixture *f, const char *tenant_id)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct activity activity;
    must(f, store_reader(f->platform.store, 5000, &db, &f->err));
    must(f, activity_days(db, tenant_id, clock_day(clock_now_ms()), 1, &activity, &f->err));
    return activity;
}

static struct usage_totals usage_today(struct fixture *f)
{
    struct usage_totals totals;
    struct usage_filter filter = {0};
    must(f, telemetry_flush(f->platform.telemetry, &f->err));
    must(f,
         telemetry_day_totals(f->platform.telemetry, clock_day(clock_now_ms()), &filter, &totals, &f->err));
    return totals;
}

static void answers_from_the_best_pair(void **state)
{
    struct fixture *f = *state;
    int64_t price = fixture_add_pair(f, "alpha", "租和服多少钱", "一天 3500 日元起。");
    fixture_add_pair(f, "alpha", "几点关门", "晚上六点。");
    fixture_add_pair(f, "beta", "租和服多少钱", "别家的价钱。");
    struct chat_result result = fixture_chat(f, &f->alpha, NULL, "  租和服多少钱 \n");
    assert_true(result.answered);
    assert_string_equal(result.answer, "一天 3500 日元起。");
    assert_int_equal(result.sources[0].qa_pair_id, price);
    assert_string_equal(result.sources[0].question, "租和服多少钱");
    assert_true(result.sources[0].score > 0.99);
    assert_true(strlen(result.conversation_id) > 20 && strlen(result.message_id) > 20);
    assert_int_equal(fixture_int(f, SQL_HITS, DB_ARGS(db_int(price))), 1);
    struct activity activity = today_of(f, "alpha");
    assert_int_equal(activity.conversations, 1);
    assert_int_equal(activity.messages, 1);
    assert_int_equal(activity.answered, 1);
    assert_int_equal(histogram_count(&activity.latency), 1);
    assert_int_equal(today_of(f, "beta").messages, 0);
    assert_int_equal(usage_today(f).calls, 2); /* query and chat */
}

static void continues_a_conversation(void **state)
{
    struct fixture *f = *state;
    struct chat_result first = fixture_chat(f, &f->alpha, NULL, "hello");
    struct chat_result second = fixture_chat(f, &f->alpha, first.conversation_id, "hello again");
    assert_string_equal(first.conversation_id, second.conversation_id);
    assert_string_not_equal(first.message_id, second.message_id);
    assert_int_equal(fixture_int(f, SQL_COUNT_CONVERSATIONS, DB_NO_ARGS), 1);
    assert_int_equal(fixture_int(f, SQL_COUNT_MESSAGES, DB_NO_ARGS), 2);
    assert_int_equal(today_of(f, NULL).conversations, 1);
    struct chat_result result;
    must_fail(f,
              chat_message(&f->platform,
                           &(struct chat_question){.api_key = f->beta.api_key,
                                                   .conversation_id = first.conversation_id,
                                                   .message = "mine?",
                                                   .request_id = "r",
                                                   .language = LANGUAGE_EN},
                           &f->arena, &result, &f->err),
              ERROR_NOT_FOUND);
    must_fail(f,
              chat_message(&f->platform,
                           &(struct chat_question){.api_key = f->alpha.api_key,
                                                   .conversation_id = "conv_unknown",
                                                   .message = "?",
                                                   .request_id = "r",
                                                   .language = LANGUAGE_EN},
                           &f->arena, &result, &f->err),
              ERROR_NOT_FOUND);
    assert_int_equal(fixture_int(f, SQL_COUNT_MESSAGES, DB_NO_ARGS), 2);
}

static void says_honestly_what_it_does_not_know(void **state)
{
    struct fixture *f = *state;
    fixture_add_pair(f, "alpha", "租和服多少钱", "一天 3500 日元起。");
    int64_t silent = fixture_add_pair(f, "alpha", "宠物可以进店吗", "");
    static const struct {
        const char *message;
        enum language language;
        const char *part; /* of the answer */
        size_t sources;
    } cases[] = {
        {"what is the capital of France", LANGUAGE_EN, "do not know", 0},
        {"你们公司上市了吗", LANGUAGE_ZH, "不知道", 0},
        {"宠物可以进店吗", LANGUAGE_ZH, "不知道", 1}, /* found, but it answers nothing */
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct chat_result result;
        must(f, chat_message(&f->platform,
                             &(struct chat_question){.api_key = f->alpha.api_key,
                                                     .message = cases[i].message,
                                                     .language = cases[i].language},
                             &f->arena, &result, &f->err));
        assert_false(result.answered);
        assert_non_null(strstr(result.answer, cases[i].part));
        assert_int_equal(result.sources_count, cases[i].sources);
    }
    assert_int_equal(fixture_int(f, SQL_HITS, DB_ARGS(db_int(silent))), 0);
    struct activity activity = today_of(f, "alpha");
    assert_int_equal(activity.messages, 3);
    assert_int_equal(activity.answered, 0);
}

static void refuses_wrong_input(void **state)
{
    struct fixture *f = *state;
    static char long_message[MESSAGE_BYTES + 4];
    for (size_t i = 0; i <= MESSAGE_MAX; i++)
        memcpy(long_message + i * 3, "问", 3);
    struct chat_result result;
    const struct {
        const char *key, *conversation, *message;
        enum error_code code;
    } cases[] = {
        {"pk_unknown", NULL, "hello", ERROR_UNAUTHENTICATED},
        {NULL, NULL, "hello", ERROR_UNAUTHENTICATED},
        {f->alpha.api_key, NULL, " \n　", ERROR_INVALID},
        {f->alpha.api_key, NULL, NULL, ERROR_INVALID},
        {f->alpha.api_key, NULL, "\xff", ERROR_INVALID},
        {f->alpha.api_key, NULL, "a\x01", ERROR_INVALID},
        {f->alpha.api_key, NULL, long_message, ERROR_INVALID},
        {f->alpha.api_key, "", "hello", ERROR_INVALID},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        must_fail(f,
                  chat_message(&f->platform,
                               &(struct chat_question){.api_key = cases[i].key,
                                                       .conversation_id = cases[i].conversation,
                                                       .message = cases[i].message,
                                                       .language = LANGUAGE_EN},
                               &f->arena, &result, &f->err),
                  cases[i].code);
    long_message[MESSAGE_BYTES] = '\0'; /* as long as it may be */
    fixture_chat(f, &f->alpha, NULL, long_message);
    assert_int_equal(usage_today(f).calls, 1);
}

static const char SQL_REFUSED_COUNT[] = "SELECT refused_count FROM tenants WHERE id = 'alpha'";

static struct chat_question opening_hours(const struct fixture *f, int64_t received_at)
{
    return (struct chat_question){
        .api_key = f->alpha.api_key, .message = "opening hours", .received_at = received_at};
}

static void suspended_tenant_is_refused_and_counted(void **state)
{
    struct fixture *f = *state;
    fixture_add_pair(f, "alpha", "opening hours", "nine to six");
    fixture_set_status(f, "alpha", "suspended");
    struct chat_question question = opening_hours(f, 0);
    struct chat_result result;
    for (int i = 1; i <= 3; i++) {
        must_fail(f, chat_message(&f->platform, &question, &f->arena, &result, &f->err),
                  ERROR_TENANT_SUSPENDED);
        assert_int_equal(fixture_int(f, SQL_REFUSED_COUNT, DB_NO_ARGS), i); /* counted before it is said */
    }
    assert_int_equal(today_of(f, "alpha").refused, 3);
    assert_int_equal(today_of(f, NULL).refused, 3);
    assert_int_equal(today_of(f, "alpha").messages, 0);
    assert_int_equal(usage_today(f).calls, 0);
    fixture_set_status(f, "alpha", "active");
    assert_true(fixture_chat(f, &f->alpha, NULL, "opening hours").answered);
    fixture_set_status(f, "alpha", "suspended");
    assert_int_equal(fixture_int(f, SQL_REFUSED_COUNT, DB_NO_ARGS), 0); /* of this suspension */
}

struct holding {
    struct store *store;
    atomic_bool begun;
};

/* Keeps the writer busy until two more wait for it. */
static bool hold_work(struct db *db, void *context, struct error *err)
{
    (void)db, (void)err;
    struct holding *holding = context;
    struct store_stats stats = {0};
    holding->begun = true;
    while (stats.queue_length < 2) {
        store_get_stats(holding->store, &stats);
        usleep(1000);
    }
    return true;
}

static const char SQL_ANOTHER_SUSPENSION[] =
    "UPDATE tenants SET suspended_at = $1, refused_count = 0 WHERE id = 'alpha'";

static bool suspend_again_work(struct db *db, void *context, struct error *err)
{
    (void)context;
    usleep(2000); /* after the question came */
    return db_execute(db, SQL_ANOTHER_SUSPENSION, DB_ARGS(db_int(clock_now_ms())), NULL, err);
}

static void ignore_end(void *context, const struct error *err)
{
    (void)context, (void)err;
}

/* Between the refusal and its count the tenant is activated and suspended once more. */
static void a_refusal_counts_for_its_own_suspension(void **state)
{
    struct fixture *f = *state;
    fixture_set_status(f, "alpha", "suspended");
    struct chat_question question = opening_hours(f, 0);
    struct chat_result result;
    struct holding holding = {.store = f->platform.store};
    assert_true(store_write_async(f->platform.store, hold_work, ignore_end, &holding));
    while (!holding.begun)
        usleep(1000);
    assert_true(store_write_async(f->platform.store, suspend_again_work, ignore_end, NULL));
    must_fail(f, chat_message(&f->platform, &question, &f->arena, &result, &f->err), ERROR_TENANT_SUSPENDED);
    assert_int_equal(fixture_int(f, SQL_REFUSED_COUNT, DB_NO_ARGS), 0);
    assert_int_equal(today_of(f, "alpha").refused, 1);
}

/* A model that suspends its tenant while it writes the answer: the gate inside the transaction. */
struct rogue_model {
    struct chat_model base;
    struct fixture *fixture;
    bool fail;
};

static bool rogue_answer(struct chat_model *model, const struct chat_prompt *prompt,
                         struct chat_reply *ret_reply, struct error *err)
{
    struct rogue_model *rogue = (struct rogue_model *)model;
    (void)prompt;
    if (rogue->fail)
        return error_set(err, ERROR_TIMEOUT, "secret provider detail", "内部细节");
    fixture_set_status(rogue->fixture, "alpha", "suspended");
    strbuf_puts(&ret_reply->text, "too late");
    return true;
}

static const struct chat_model_ops rogue_ops = {
    .api_type = "dashscope", .model = "qwen-plus", .answer = rogue_answer};

static const char SQL_ANSWERED_SINCE[] =
    "SELECT COUNT(*) FROM messages m JOIN tenants t ON t.id = m.tenant_id"
    " WHERE m.created_at >= t.suspended_at";

/* What came before the suspension is finished, and kept as of when it came. */
static void running_chat_is_finished(void **state)
{
    struct fixture *f = *state;
    fixture_add_pair(f, "alpha", "opening hours", "nine to six");
    struct rogue_model rogue = {.base = {&rogue_ops}, .fixture = f};
    struct platform platform = f->platform;
    platform.model = &rogue.base;
    int64_t received_at = clock_now_ms() - 5;
    struct chat_question question = opening_hours(f, received_at);
    struct chat_result result;
    must(f, chat_message(&platform, &question, &f->arena, &result, &f->err));
    assert_string_equal(result.answer, "too late");
    assert_int_equal(fixture_int(f, SQL_MESSAGE_TIME, DB_NO_ARGS), received_at);
    assert_int_equal(fixture_int(f, SQL_ANSWERED_SINCE, DB_NO_ARGS), 0);
    assert_int_equal(today_of(f, "alpha").messages, 1);
    assert_int_equal(today_of(f, "alpha").refused, 0);
    question.received_at = 0; /* the next one */
    must_fail(f, chat_message(&platform, &question, &f->arena, &result, &f->err), ERROR_TENANT_SUSPENDED);
}

/* What was let in and yet did not come before the suspension: only a clock could bring that about. */
static void later_chat_is_refused_in_the_transaction(void **state)
{
    struct fixture *f = *state;
    fixture_add_pair(f, "alpha", "opening hours", "nine to six");
    struct rogue_model rogue = {.base = {&rogue_ops}, .fixture = f};
    struct platform platform = f->platform;
    platform.model = &rogue.base;
    struct chat_question question = opening_hours(f, clock_now_ms() + MINUTE_MS);
    struct chat_result result;
    must_fail(f, chat_message(&platform, &question, &f->arena, &result, &f->err), ERROR_TENANT_SUSPENDED);
    assert_int_equal(fixture_int(f, SQL_COUNT_MESSAGES, DB_NO_ARGS), 0);
    assert_int_equal(fixture_int(f, SQL_REFUSED_COUNT, DB_NO_ARGS), 1);
    assert_int_equal(usage_today(f).calls, 2); /* the money is spent all the same */
}

static const char SQL_SUSPENDED_AT[] = "UPDATE tenants SET suspended_at = $1 WHERE id = 'alpha'";

/* A clock that was set back makes no question older than the suspension. */
static void clock_set_back_lets_nothing_pass(void **state)
{
    struct fixture *f = *state;
    fixture_add_pair(f, "alpha", "opening hours", "nine to six");
    fixture_set_status(f, "alpha", "suspended");
    fixture_execute(f, SQL_SUSPENDED_AT, DB_ARGS(db_int(clock_now_ms() + HOUR_MS)));
    struct chat_question question = opening_hours(f, 0);
    struct chat_result result;
    must_fail(f, chat_message(&f->platform, &question, &f->arena, &result, &f->err), ERROR_TENANT_SUSPENDED);
}

/* A suspension is later than every message that stands, however fast one follows the other. */
static void suspension_is_later_than_what_was_answered(void **state)
{
    struct fixture *f = *state;
    fixture_add_pair(f, "alpha", "opening hours", "nine to six");
    struct chat_question question = opening_hours(f, clock_now_ms() + SECOND_MS);
    struct chat_result result;
    must(f, chat_message(&f->platform, &question, &f->arena, &result, &f->err));
    fixture_set_status(f, "alpha", "suspended");
    assert_int_equal(fixture_int(f, SQL_ANSWERED_SINCE, DB_NO_ARGS), 0);
}

static void failing_model_is_503_and_recorded(void **state)
{
    struct fixture *f = *state;
    fixture_add_pair(f, "alpha", "opening hours", "nine to six");
    struct rogue_model rogue = {.base = {&rogue_ops}, .fixture = f, .fail = true};
    struct platform platform = f->platform;
    platform.model = &rogue.base;
    struct chat_result result;
    must_fail(f,
              chat_message(&platform,
                           &(struct chat_question){.api_key = f->alpha.api_key,
                                                   .message = "opening hours",
                                                   .language = LANGUAGE_EN},
                           &f->arena, &result, &f->err),
              ERROR_UNAVAILABLE);
    assert_true(f->err.retry_after_seconds > 0);
    assert_null(strstr(f->err.detail[LANGUAGE_EN], "secret"));
    assert_int_equal(fixture_int(f, SQL_COUNT_MESSAGES, DB_NO_ARGS), 0);
    struct usage_totals usage = usage_today(f);
    assert_int_equal(usage.calls, 2);
    assert_int_equal(usage.failed, 1);
    struct health_reading reading;
    health_read(&platform, COMPONENT_LLM, &reading);
    assert_int_equal(reading.status, HEALTH_UNHEALTHY);
    struct trial_result trial;
    must_fail(
        f,
        chat_trial(&platform, "alpha", "opening hours", 0, -1, NULL, LANGUAGE_EN, &f->arena, &trial, &f->err),
        ERROR_UNAVAILABLE);
    assert_non_null(strstr(f->err.detail[LANGUAGE_EN], "secret")); /* operators see it */
}

static void trial_is_the_same_without_a_conversation(void **state)
{
    struct fixture *f = *state;
    fixture_add_pair(f, "alpha", "kimono rental price", "3500 yen");
    fixture_add_pair(f, "alpha", "kimono", "a robe");
    static const struct {
        int64_t top_k;
        double min_score;
        size_t matches;
    } cases[] = {{0, -1, 2}, {1, -1, 1}, {0, 0.99, 1}, {20, 0, 2}};
    struct trial_result result;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        must(f, chat_trial(&f->platform, "alpha", "kimono rental price", cases[i].top_k, cases[i].min_score,
                           NULL, LANGUAGE_EN, &f->arena, &result, &f->err));
        assert_int_equal(result.matches_count, cases[i].matches);
        assert_true(result.answered);
        assert_string_equal(result.answer, "3500 yen");
    }
    assert_int_equal(fixture_int(f, SQL_COUNT_MESSAGES, DB_NO_ARGS), 0);
    assert_int_equal(usage_today(f).calls, 8);
    must_fail(f,
              chat_trial(&f->platform, "nobody", "x", 0, -1, NULL, LANGUAGE_EN, &f->arena, &result, &f->err),
              ERROR_NOT_FOUND);
    must_fail(f,
              chat_trial(&f->platform, "alpha", " ", 21, 1.5, NULL, LANGUAGE_EN, &f->arena, &result, &f->err),
              ERROR_INVALID);
    assert_int_equal(f->err.field_count, 3);
}

static void touches_the_tenant_once_a_minute(void **state)
{
    struct fixture *f = *state;
    fixture_chat(f, &f->alpha, NULL, "hello");
    int64_t first = fixture_int(f, SQL_LAST_ACTIVE, DB_ARGS(db_text("alpha")));
    assert_true(clock_now_ms() - first < 5000);
    usleep(5000);
    fixture_chat(f, &f->alpha, NULL, "hello");
    assert_int_equal(fixture_int(f, SQL_LAST_ACTIVE, DB_ARGS(db_text("alpha"))), first);
    static const char sql_back[] = "UPDATE tenants SET last_active_at = last_active_at - 61000";
    fixture_execute(f, sql_back, DB_NO_ARGS);
    fixture_chat(f, &f->alpha, NULL, "hello");
    assert_true(fixture_int(f, SQL_LAST_ACTIVE, DB_ARGS(db_text("alpha"))) > first);
}

static void activity_adds_up_and_fills_gaps(void **state)
{
    struct fixture *f = *state;
    fixture_chat(f, &f->alpha, NULL, "hello");
    fixture_chat(f, &f->alpha, NULL, "hello");
    fixture_chat(f, &f->beta, NULL, "hello");
    CLEANUP(store_reader_release) struct db *db = NULL;
    must(f, store_reader(f->platform.store, 5000, &db, &f->err));
    int64_t now = clock_now_ms();
    int32_t today = clock_day(now);
    struct activity days[3], hours[2];
    must(f, activity_days(db, NULL, today - 2, 3, days, &f->err));
    assert_int_equal(days[0].messages + days[1].messages, 0);
    assert_int_equal(days[2].messages, 3);
    must(f, activity_hours(db, now - now % HOUR_MS - HOUR_MS, 2, hours, &f->err));
    assert_int_equal(hours[0].messages + hours[1].messages, 3);
    struct activity_top top[5];
    size_t count;
    must(f, activity_top_tenants(db, now, 5, &f->arena, top, &count, &f->err));
    assert_int_equal(count, 2);
    assert_string_equal(top[0].tenant_id, "alpha");
    assert_string_equal(top[0].name, "Alpha");
    assert_int_equal(top[0].conversations, 2);
    assert_int_equal(top[0].conversations_yesterday, 0);
}

static void check_finds_what_is_wrong(void **state)
{
    struct fixture *f = *state;
    fixture_chat(f, &f->alpha, NULL, "hello");
    static const char *const damages[] = {
        "UPDATE activity_daily SET messages = messages + 1",
        "UPDATE activity_platform SET latency_sum_ms = latency_sum_ms + 1 WHERE bucket = 'hour'",
        "UPDATE activity_platform SET latency_histogram = NULL WHERE bucket = 'day'",
        "DELETE FROM activity_daily",
    };
    static const char *const words[] = {"alpha", "latency_sum_ms", "histogram", "missing"};
    for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
        CLEANUP(strbuf_release) struct strbuf findings = {0};
        fixture_execute(f, damages[i], DB_NO_ARGS);
        struct db *db = NULL;
        must(f, store_reader(f->platform.store, 5000, &db, &f->err));
        must(f, activity_check(db, &findings, &f->err));
        store_reader_return(db);
        assert_non_null(strstr(strbuf_text(&findings), words[i]));
    }
    static const char *const all[] = {"DELETE FROM messages", "DELETE FROM conversations",
                                      "DELETE FROM activity_daily", "DELETE FROM activity_platform"};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        fixture_execute(f, all[i], DB_NO_ARGS);
}

/* --- sixteen customers while an operator edits --- */

struct crowd {
    struct fixture *fixture;
    int64_t pair_id;
    atomic_int committed; /* the newest answer that is surely in the store */
    atomic_int begun;     /* the newest that may be */
    atomic_bool stop;
    atomic_int wrong, chats;
};

static void *customer(void *context)
{
    struct crowd *crowd = context;
    struct fixture *f = crowd->fixture;
    struct arena arena = {0};
    for (int i = 0; !crowd->stop; i++) {
        struct chat_result result = {0};
        struct error err;
        error_clear(&err);
        int before = crowd->committed;
        bool done = chat_message(&f->platform,
                                 &(struct chat_question){.api_key = f->alpha.api_key,
                                                         .message = "租和服多少钱",
                                                         .request_id = "request-1234",
                                                         .language = LANGUAGE_ZH},
                                 &arena, &result, &err);
        int after = crowd->begun;
        long said =
            done && strncmp(result.answer, "answer ", 7) == 0 ? strtol(result.answer + 7, NULL, 10) : -1;
        if (said < before || said > after)
            crowd->wrong++;
        crowd->chats++;
        arena_reset(&arena);
    }
    arena_release(&arena);
    return NULL;
}

static void answers_keep_up_with_changes(void **state)
{
    struct fixture *f = *state;
    struct crowd crowd = {.fixture = f};
    crowd.pair_id = fixture_add_pair(f, "alpha", "租和服多少钱", "answer 0");
    pthread_t threads[16];
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_create(&threads[i], NULL, customer, &crowd);
    for (int i = 1; i <= 60; i++) {
        char text[32];
        snprintf(text, sizeof(text), "answer %d", i);
        crowd.begun = i;
        fixture_edit_pair(f, "alpha", crowd.pair_id, "租和服多少钱", text);
        crowd.committed = i;
        int64_t other = fixture_add_pair(f, "alpha", "另一个完全不同的问题", "answer -1");
        fixture_delete_pair(f, "alpha", other);
        if (i % 15 == 0)
            f->platform.index->ops->clear_cache(f->platform.index);
    }
    crowd.stop = true;
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(crowd.wrong, 0);
    assert_int_equal(today_of(f, "alpha").messages, crowd.chats);
    assert_int_equal(fixture_int(f, SQL_HITS, DB_ARGS(db_int(crowd.pair_id))), crowd.chats);
    assert_int_equal(usage_today(f).calls, 2 * crowd.chats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(answers_from_the_best_pair),
        fixture_test(continues_a_conversation),
        fixture_test(says_honestly_what_it_does_not_know),
        fixture_test(refuses_wrong_input),
        fixture_test(suspended_tenant_is_refused_and_counted),
        fixture_test(a_refusal_counts_for_its_own_suspension),
        fixture_test(running_chat_is_finished),
        fixture_test(later_chat_is_refused_in_the_transaction),
        fixture_test(clock_set_back_lets_nothing_pass),
        fixture_test(suspension_is_later_than_what_was_answered),
        fixture_test(failing_model_is_503_and_recorded),
        fixture_test(trial_is_the_same_without_a_conversation),
        fixture_test(touches_the_tenant_once_a_minute),
        fixture_test(activity_adds_up_and_fills_gaps),
        fixture_test(check_finds_what_is_wrong),
        fixture_test(answers_keep_up_with_changes),
    };
    return cmocka_run_group_tests_name("chat", tests, NULL, NULL);
}
