/* Knowledge, feedback, learning, vector sync. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

#include "platform_fixture.h"
#include "provider/embedder.h"

static const char SQL_PENDING[] = "SELECT pending_feedback_count FROM tenants WHERE id = $1";
static const char SQL_UNSYNCED[] = "SELECT unsynced_count FROM tenants WHERE id = $1";
static const char SQL_LEARNED_PAIRS[] = "SELECT COUNT(*) FROM qa_pairs WHERE source = 'learned'";
static const char SQL_LEARN_AUDITS[] =
    "SELECT COUNT(*) FROM ops_logs WHERE action = 'knowledge.learn' AND user_id = ''";
static const char SQL_STATUS_COUNT[] = "SELECT COUNT(*) FROM feedbacks WHERE status = $1";
static const char SQL_IS_SYNCED[] =
    "SELECT COUNT(*) FROM qa_pairs WHERE is_synced = 1 AND synced_hash = text_hash AND id = $1";

static int64_t pending_of(struct fixture *f, const char *tenant_id)
{
    return fixture_int(f, SQL_PENDING, DB_ARGS(db_text(tenant_id)));
}

static struct qa_pair read_pair(struct fixture *f, const char *tenant_id, int64_t id)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct qa_pair pair = {0};
    size_t count;
    must(f, store_reader(f->platform.store, 5000, &db, &f->err));
    must(f, qa_pairs_get(db, tenant_id, &id, 1, &f->arena, &pair, &count, &f->err));
    assert_int_equal(count, 1);
    return pair;
}

static struct feedback_result give(struct fixture *f, const struct tenant *tenant, const char *message_id,
                                   const char *rating, const char *correction)
{
    struct feedback_result result = {0};
    must(f, feedback_add(&f->platform, tenant->api_key, message_id, rating, correction, &f->arena, &result,
                         &f->err));
    return result;
}

/* Asks, then says that the answer was bad and what it should have been. */
static void correct(struct fixture *f, const struct tenant *tenant, const char *question,
                    const char *correction)
{
    struct chat_result chat = fixture_chat(f, tenant, NULL, question);
    give(f, tenant, chat.message_id, "bad", correction);
}

/* --- knowledge --- */

static void pair_validation_names_all_fields(void **state)
{
    (void)state;
    static char long_category[CATEGORY_MAX + 2];
    memset(long_category, 'c', CATEGORY_MAX + 1);
    static const struct {
        const char *question, *answer, *category;
        size_t wrong;
    } cases[] = {
        {"q", "a", "c", 0},         {"q", "", "", 0},
        {" 　\t", "a", "c", 1},     {NULL, NULL, NULL, 1},
        {"", "\xff", "a\nb", 3},    {"a\x7f", "line\nline\ttab", "", 1},
        {"a\xC2\x85", "b", "c", 1}, {"q", "a", long_category, 1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error err;
        error_clear(&err);
        assert_int_equal(qa_pair_validate(cases[i].question, cases[i].answer, cases[i].category, &err),
                         cases[i].wrong == 0);
        assert_int_equal(err.field_count, cases[i].wrong);
    }
}

static void pairs_are_kept_trimmed_and_found_again(void **state)
{
    struct fixture *f = *state;
    int64_t id = fixture_add_pair(f, "alpha", " \n租和服多少钱　", "\t3500 yen ");
    struct qa_pair pair = read_pair(f, "alpha", id);
    assert_string_equal(pair.question, "租和服多少钱");
    assert_string_equal(pair.answer, "3500 yen");
    assert_string_equal(pair.source, "manual");
    CLEANUP(store_reader_release) struct db *db = NULL;
    must(f, store_reader(f->platform.store, 5000, &db, &f->err));
    static const struct {
        const char *tenant_id, *question;
        bool found;
    } cases[] = {
        {"alpha", "  租和服多少钱", true}, {"alpha", "租和服多少", false}, {"beta", "租和服多少钱", false}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        bool found;
        must(f, qa_pair_same_question(db, cases[i].tenant_id, cases[i].question, &f->arena, &pair, &found,
                                      &f->err));
        assert_int_equal(found, cases[i].found);
    }
}

static void stale_edit_is_a_conflict(void **state)
{
    struct fixture *f = *state;
    int64_t id = fixture_add_pair(f, "alpha", "q", "a");
    struct fixture_pair foreign = {"beta", "q", "b", id, FIXTURE_EDIT};
    must_fail(f, store_write(f->platform.store, fixture_pair_work, &foreign, &f->err), ERROR_NOT_FOUND);
    fixture_edit_pair(f, "alpha", id, "q", "b");
    assert_int_equal(read_pair(f, "alpha", id).version, 2);
    CLEANUP(store_reader_release) struct db *db = NULL;
    must(f, store_reader(f->platform.store, 5000, &db, &f->err));
    struct qa_pair stale = {.id = id, .tenant_id = "alpha", .question = "q", .answer = "c", .version = 1};
    bool was_synced;
    must_fail(f, qa_pair_update_text(db, 9, &stale, &was_synced, &f->err), ERROR_CONFLICT);
}

#define QUARTER_MS (91 * DAY_MS)

static void quality_is_evidence_and_age(void **state)
{
    (void)state;
    static const struct {
        int64_t hits, good, bad, age_ms;
        double quality;
    } cases[] = {
        {0, 0, 0, 0, 0.5},                        /* a new one */
        {1, 1, 0, 0, 2.0 / 3},                    /* Laplace's rule */
        {1, 0, 1, 0, 1.0 / 3},                    /**/
        {100, 50, 50, 0, 0.5},                    /**/
        {20, 0, 0, 0, 2.0 / 3},                   /* silence: twenty are worth a good one */
        {80, 0, 0, 0, 5.0 / 6},                   /**/
        {100000, 0, 0, 0, 5.0 / 6},               /* and no number more than four */
        {80, 0, 4, 0, (3.8 + 1) / (4 + 3.8 + 2)}, /* complaints weigh more */
        {0, 0, 0, QUARTER_MS - 1, 0.5},           /* age: by quarters */
        {0, 0, 0, QUARTER_MS, 0.49},              /**/
        {0, 0, 0, 40 * QUARTER_MS, 0.4},          /* a fifth at most */
        {1, 1, 0, 40 * QUARTER_MS, 2.0 / 3},      /* not what was confirmed */
        {0, 0, 0, -DAY_MS, 0.5},                  /* a clock that went back */
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct quality_evidence evidence = {cases[i].hits, cases[i].good, cases[i].bad, DAY_MS};
        int64_t now = DAY_MS + cases[i].age_ms, due = quality_due_at(&evidence, now);
        double score = quality_score(&evidence, now);
        assert_true(fabs(score - cases[i].quality) < 1e-12);
        assert_true(due == INT_NULL ? evidence.good > 0 || cases[i].age_ms >= 10 * QUARTER_MS
                                    : due > now && quality_score(&evidence, due) < score &&
                                          quality_score(&evidence, due - 1) == score);
    }
}

static void quality_is_explained(void **state)
{
    struct fixture *f = *state;
    struct quality_evidence none = {.edited_at = 0}, some = {.hits = 12, .good = 3, .bad = 1};
    const char *text = quality_explain(&none, 0, LANGUAGE_EN, &f->arena);
    assert_string_equal(text, "No evidence yet: it has given no answer, so it stands in the middle.");
    text = quality_explain(&none, 2 * QUARTER_MS, LANGUAGE_ZH, &f->arena);
    assert_string_equal(text, "尚无依据：还没有用它回答过，取中间值；182 天未修改且从未获好评，扣减 4%。");
    text = quality_explain(&some, 0, LANGUAGE_EN, &f->arena);
    assert_non_null(strstr(text, "12 answers: 3 found good, 1 found bad, 8 without feedback"));
}

/* --- feedback --- */

static void the_last_word_of_a_feedback_counts(void **state)
{
    struct fixture *f = *state;
    int64_t id = fixture_add_pair(f, "alpha", "opening hours", "nine to six");
    struct chat_result chat = fixture_chat(f, &f->alpha, NULL, "opening hours");
    const struct {
        const char *rating, *correction, *status;
        double quality;
        int64_t pending;
    } words[] = {
        {"bad", "nine to five", "pending", 1.0 / 3, 1}, /* a slip of the thumb */
        {"good", NULL, "noted", 2.0 / 3, 0},            /* taken back */
        {"good", NULL, "noted", 2.0 / 3, 0},            /* sent twice */
        {"bad", NULL, "pending", 1.0 / 3, 1},
    };
    int64_t first = 0;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        struct feedback_result result =
            give(f, &f->alpha, chat.message_id, words[i].rating, words[i].correction);
        first = first ? first : result.id;
        assert_int_equal(result.id, first);
        assert_string_equal(result.status, words[i].status);
        assert_true(fabs(read_pair(f, "alpha", id).quality_score - words[i].quality) < 1e-9);
        assert_int_equal(pending_of(f, "alpha"), words[i].pending);
    }
    fixture_check(f); /* counters and roll-ups as counted from the rows */
}

static void what_was_learned_is_not_taken_back(void **state)
{
    struct fixture *f = *state;
    struct chat_result chat = fixture_chat(f, &f->alpha, NULL, "可以刷卡吗");
    give(f, &f->alpha, chat.message_id, "bad", "不可以。");
    give(f, &f->alpha, chat.message_id, "bad", "可以，支持银联。");
    struct learning_report report;
    must(f, learning_process(&f->platform, &report, &f->err));
    assert_int_equal(report.learned, 1);
    assert_string_equal(fixture_chat(f, &f->alpha, NULL, "可以刷卡吗").answer, "可以，支持银联。");
    struct feedback_result result;
    must_fail(f,
              feedback_add(&f->platform, f->alpha.api_key, chat.message_id, "good", NULL, &f->arena, &result,
                           &f->err),
              ERROR_CONFLICT);
    fixture_check(f);
}

static void feedback_is_noted_or_pending(void **state)
{
    struct fixture *f = *state;
    int64_t id = fixture_add_pair(f, "alpha", "opening hours", "nine to six");
    struct chat_result good = fixture_chat(f, &f->alpha, NULL, "opening hours");
    struct chat_result bad = fixture_chat(f, &f->alpha, NULL, "opening hours");
    struct chat_result unknown = fixture_chat(f, &f->alpha, NULL, "completely different");
    assert_string_equal(give(f, &f->alpha, good.message_id, "good", NULL).status, "noted");
    assert_true(fabs(read_pair(f, "alpha", id).quality_score - 2.05 / 3.05) < 1e-9); /* one is silent */
    assert_string_equal(give(f, &f->alpha, bad.message_id, "bad", "  ").status, "pending");
    assert_true(fabs(read_pair(f, "alpha", id).quality_score - 0.5) < 1e-9);
    give(f, &f->alpha, unknown.message_id, "bad", NULL);
    assert_true(fabs(read_pair(f, "alpha", id).quality_score - 0.5) < 1e-9);
    assert_int_equal(pending_of(f, "alpha"), 2);
    const struct {
        const char *key, *message_id, *rating, *correction;
        enum error_code code;
    } cases[] = {
        {f->beta.api_key, good.message_id, "good", NULL, ERROR_NOT_FOUND},
        {f->alpha.api_key, "msg_unknown", "good", NULL, ERROR_NOT_FOUND},
        {"pk_unknown", good.message_id, "good", NULL, ERROR_UNAUTHENTICATED},
        {f->alpha.api_key, good.message_id, "better", NULL, ERROR_INVALID},
        {f->alpha.api_key, "", NULL, "\xff", ERROR_INVALID},
    };
    struct feedback_result result;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        must_fail(f,
                  feedback_add(&f->platform, cases[i].key, cases[i].message_id, cases[i].rating,
                               cases[i].correction, &f->arena, &result, &f->err),
                  cases[i].code);
    assert_int_equal(pending_of(f, "alpha"), 2);
}

/* --- learning --- */

static const char SQL_HELD[] = "SELECT COUNT(*) FROM feedbacks WHERE status = 'pending' AND held_for = $1"
                               " AND COALESCE(held_pair_id, 0) = $2";

static void learning_fills_gaps_and_changes_no_answer(void **state)
{
    struct fixture *f = *state;
    int64_t old = fixture_add_pair(f, "alpha", "opening hours", "nine to five");
    correct(f, &f->alpha, "opening hours", "nine to six");
    correct(f, &f->alpha, "Opening hours?", "never");       /* the same question in other words */
    correct(f, &f->alpha, "opening hours", "nine to five"); /* what it answers already */
    correct(f, &f->alpha, "可以刷卡吗", "可以，支持银联。");
    correct(f, &f->alpha, "可以刷卡吗", "可以，支持银联。"); /* the same again */
    correct(f, &f->alpha, "可以刷卡吗", "不可以");           /* and against what was learned just now */
    correct(f, &f->alpha, "没有更正的问题", NULL);
    struct learning_report report;
    must(f, learning_process(&f->platform, &report, &f->err));
    assert_int_equal(report.feedbacks, 6);
    assert_int_equal(report.learned, 1);
    assert_int_equal(report.held, 3);
    assert_int_equal(report.failed, 0);
    assert_string_equal(read_pair(f, "alpha", old).answer, "nine to five");
    assert_int_equal(fixture_int(f, SQL_LEARNED_PAIRS, DB_NO_ARGS), 1);
    assert_int_equal(fixture_int(f, SQL_LEARN_AUDITS, DB_NO_ARGS), 1);
    assert_int_equal(fixture_int(f, SQL_STATUS_COUNT, DB_ARGS(db_text("learned"))), 3);
    assert_int_equal(fixture_int(f, SQL_HELD, DB_ARGS(db_text("existing_pair"), db_int(old))), 2);
    assert_int_equal(pending_of(f, "alpha"), 4);
    assert_string_equal(fixture_chat(f, &f->alpha, NULL, "可以刷卡吗").answer, "可以，支持银联。");
    must(f, learning_process(&f->platform, &report, &f->err)); /* what is held is not met again */
    assert_int_equal(report.feedbacks, 0);
    fixture_check(f);
}

static void learning_leaves_suspended_tenants_alone(void **state)
{
    struct fixture *f = *state;
    correct(f, &f->alpha, "question one", "answer one");
    correct(f, &f->beta, "question two", "answer two");
    fixture_set_status(f, "alpha", "suspended");
    struct learning_report report;
    must(f, learning_process(&f->platform, &report, &f->err));
    assert_int_equal(report.learned, 1);
    assert_int_equal(pending_of(f, "alpha"), 1);
    assert_int_equal(pending_of(f, "beta"), 0);
    fixture_set_status(f, "alpha", "active");
    must(f, learning_process(&f->platform, &report, &f->err));
    assert_int_equal(report.learned, 1);
    assert_int_equal(pending_of(f, "alpha"), 0);
}

/* More than a batch, one of them unfit for a pair; and a failure that takes a whole batch back. */
static void learning_goes_batch_by_batch(void **state)
{
    struct fixture *f = *state;
    char question[64];
    for (int i = 0; i < 120; i++) {
        snprintf(question, sizeof(question), "question number %d", i);
        correct(f, &f->alpha, question, "an answer");
    }
    correct(f, &f->beta, "question of beta", "an answer");
    static const char sql_spoil[] = "UPDATE feedbacks SET correction = $1 WHERE id = 7";
    static const struct fixture_trigger trap = {"BEFORE INSERT", "qa_pairs",
                                                "NEW.question = 'question number 70'", NULL};
    fixture_execute(f, sql_spoil, DB_ARGS(db_text("a\x01")));
    fixture_set_trigger(f, &trap);
    struct learning_report report;
    must(f, learning_process(&f->platform, &report, &f->err));
    assert_int_equal(report.learned, 50); /* the first batch but one, and beta's */
    assert_int_equal(report.held, 1);     /* the unfit one */
    assert_int_equal(report.failed, 1);   /* the second batch */
    assert_int_equal(pending_of(f, "alpha"), 71);
    assert_int_equal(pending_of(f, "beta"), 0);
    fixture_check(f); /* nothing half done */
    fixture_drop_trigger(f, "qa_pairs");
    must(f, learning_process(&f->platform, &report, &f->err));
    assert_int_equal(report.learned, 70);
    assert_int_equal(pending_of(f, "alpha"), 1);
    assert_int_equal(fixture_int(f, SQL_LEARN_AUDITS, DB_NO_ARGS), 120);
}

/* --- vector sync --- */

static bool is_synced(struct fixture *f, int64_t id)
{
    return fixture_int(f, SQL_IS_SYNCED, DB_ARGS(db_int(id))) == 1;
}

static void sync_marks_all_that_can_be(void **state)
{
    struct fixture *f = *state;
    int64_t ids[3];
    ids[0] = fixture_add_pair(f, "alpha", "one", "1");
    ids[1] = fixture_add_pair(f, "alpha", "two", "2");
    ids[2] = fixture_add_pair(f, "beta", "three", "3");
    fixture_set_status(f, "beta", "suspended");
    struct sync_report report;
    must(f, vector_sync_run(&f->platform, NULL, &report, &f->err));
    assert_int_equal(report.tenants, 1);
    assert_int_equal(report.pairs, 2);
    assert_int_equal(report.failed_tenants, 0);
    assert_true(is_synced(f, ids[0]) && is_synced(f, ids[1]) && !is_synced(f, ids[2]));
    assert_int_equal(fixture_int(f, SQL_UNSYNCED, DB_ARGS(db_text("alpha"))), 0);
    must_fail(f, vector_sync_run(&f->platform, "beta", &report, &f->err), ERROR_TENANT_SUSPENDED);
    must_fail(f, vector_sync_run(&f->platform, "nobody", &report, &f->err), ERROR_NOT_FOUND);
    fixture_set_status(f, "beta", "active");
    must(f, vector_sync_run(&f->platform, "beta", &report, &f->err));
    assert_true(is_synced(f, ids[2]));
    fixture_edit_pair(f, "alpha", ids[0], "one", "1"); /* the same text stays synced */
    assert_true(is_synced(f, ids[0]));
    fixture_edit_pair(f, "alpha", ids[0], "one", "another");
    assert_false(is_synced(f, ids[0]));
    fixture_delete_pair(f, "alpha", ids[1]);
    must(f, vector_sync_run(&f->platform, NULL, &report, &f->err));
    assert_int_equal(report.pairs, 1);
    assert_int_equal(report.removed, 1);
    must(f, vector_sync_run(&f->platform, NULL, &report, &f->err));
    assert_int_equal(report.tenants, 0);
}

/* A remote index and an embedder: they count, edit a pair while they hold its old text, and fail for
 * one tenant. */
struct remote {
    struct vector_index index;
    struct embedder embedder;
    struct fixture *fixture;
    int64_t edits; /* this pair during the next upsert; 0: none */
    int embedded, upserted, removed;
};

static struct remote the_remote;

static bool remote_upsert(struct vector_index *index, const char *tenant_id, const struct vector_item *items,
                          size_t count, struct error *err)
{
    (void)index;
    if (strcmp(tenant_id, "alpha") == 0 && the_remote.edits == -1)
        return error_set(err, ERROR_TIMEOUT, "no answer", "没有响应");
    for (size_t i = 0; i < count; i++)
        if (items[i].vector[0] != (float)strlen(items[i].question))
            return error_set(err, ERROR_INTERNAL, "wrong vector", "向量有误");
    if (the_remote.edits > 0)
        fixture_edit_pair(the_remote.fixture, tenant_id, the_remote.edits, "changed", "meanwhile");
    the_remote.edits = 0;
    the_remote.upserted += (int)count;
    return true;
}

static bool remote_remove(struct vector_index *index, const char *tenant_id, const int64_t *ids, size_t count,
                          struct error *err)
{
    (void)index, (void)tenant_id, (void)ids, (void)err;
    the_remote.removed += (int)count;
    return true;
}

static bool remote_embed(struct embedder *embedder, const char *const *texts, size_t count, bool for_query,
                         float *ret_vectors, int64_t *ret_tokens, struct error *err)
{
    (void)embedder, (void)for_query, (void)err;
    assert_true(count <= 10);
    for (size_t i = 0; i < count; i++)
        ret_vectors[2 * i] = ret_vectors[2 * i + 1] = (float)strlen(texts[i]);
    the_remote.embedded += (int)count;
    *ret_tokens = (int64_t)count * 7;
    return true;
}

static const struct vector_index_ops remote_index_ops = {
    .api_type = "pinecone", .needs_vectors = true, .upsert = remote_upsert, .remove = remote_remove};
static const struct embedder_ops remote_embedder_ops = {.api_type = "dashscope",
                                                        .model = "text-embedding-v4",
                                                        .dimension = 2,
                                                        .batch = 10,
                                                        .embed = remote_embed};

static struct platform with_remote(struct fixture *f)
{
    the_remote =
        (struct remote){.fixture = f, .index = {&remote_index_ops}, .embedder = {&remote_embedder_ops}};
    struct platform platform = f->platform;
    platform.index = &the_remote.index;
    platform.embedder = &the_remote.embedder;
    return platform;
}

static void sync_marks_only_the_text_that_was_taken(void **state)
{
    struct fixture *f = *state;
    struct platform platform = with_remote(f);
    char question[32];
    int64_t ids[25];
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        snprintf(question, sizeof(question), "question %zu", i);
        ids[i] = fixture_add_pair(f, "alpha", question, "an answer");
    }
    the_remote.edits = ids[3];
    struct sync_report report;
    must(f, vector_sync_run(&platform, NULL, &report, &f->err));
    assert_int_equal(report.pairs, 24);
    assert_int_equal(the_remote.embedded, 25);
    assert_false(is_synced(f, ids[3]));
    assert_int_equal(fixture_int(f, SQL_UNSYNCED, DB_ARGS(db_text("alpha"))), 1);
    must(f, vector_sync_run(&platform, "alpha", &report, &f->err));
    assert_int_equal(report.pairs, 1);
    assert_true(is_synced(f, ids[3]));
    fixture_delete_pair(f, "alpha", ids[4]);
    must(f, vector_sync_run(&platform, NULL, &report, &f->err));
    assert_int_equal(the_remote.removed, 1);
    struct usage_totals usage;
    struct usage_filter filter = {.tenant_id = "alpha"};
    must(f, telemetry_flush(f->platform.telemetry, &f->err));
    must(f, telemetry_day_totals(f->platform.telemetry, clock_day(clock_now_ms()), &filter, &usage, &f->err));
    assert_int_equal(usage.calls, 3 + 1 + 1 + 1 + 1); /* embeddings, upserts, delete */
    assert_int_equal(usage.tokens_input, 26 * 7);
}

static void sync_of_one_failing_tenant_does_not_stop_the_others(void **state)
{
    struct fixture *f = *state;
    struct platform platform = with_remote(f);
    fixture_add_pair(f, "alpha", "one", "1");
    int64_t other = fixture_add_pair(f, "beta", "two", "2");
    the_remote.edits = -1;
    struct sync_report report;
    must(f, vector_sync_run(&platform, NULL, &report, &f->err));
    assert_int_equal(report.failed_tenants, 1);
    assert_int_equal(report.pairs, 1);
    assert_true(is_synced(f, other));
    struct health_reading reading;
    health_read(&platform, COMPONENT_VECTOR_STORE, &reading);
    assert_int_equal(reading.status, HEALTH_DEGRADED); /* one of two, and the newest went well */
    the_remote.edits = -1;
    must_fail(f, vector_sync_run(&platform, "alpha", &report, &f->err), ERROR_TIMEOUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pair_validation_names_all_fields),
        fixture_test(pairs_are_kept_trimmed_and_found_again),
        fixture_test(stale_edit_is_a_conflict),
        cmocka_unit_test(quality_is_evidence_and_age),
        fixture_test(quality_is_explained),
        fixture_test(the_last_word_of_a_feedback_counts),
        fixture_test(what_was_learned_is_not_taken_back),
        fixture_test(feedback_is_noted_or_pending),
        fixture_test(learning_fills_gaps_and_changes_no_answer),
        fixture_test(learning_leaves_suspended_tenants_alone),
        fixture_test(learning_goes_batch_by_batch),
        fixture_test(sync_marks_all_that_can_be),
        fixture_test(sync_marks_only_the_text_that_was_taken),
        fixture_test(sync_of_one_failing_tenant_does_not_stop_the_others),
    };
    return cmocka_run_group_tests_name("learning", tests, NULL, NULL);
}
