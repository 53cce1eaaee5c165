/* The embedded providers: the index's cache (revision, single flight, bytes, clearing under load)
 * and the chat model. The pairs come from a small source in memory. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "provider/chat_model.h"
#include "provider/vector_index.h"

#define PAIRS_MAX 64
#define MIB ((size_t)1 << 20)
#define CEILING (MIB / 4)

/* A store of pairs: the same for every tenant, each change a revision. */
struct pairs {
    pthread_mutex_t lock;
    int64_t revision;
    size_t count;
    struct {
        const char *question; /* NULL: deleted */
        int64_t revision;
    } items[PAIRS_MAX];
    atomic_int reads;
    bool slow, broken;
};

static void pairs_set(struct pairs *pairs, size_t id, const char *question)
{
    pthread_mutex_lock(&pairs->lock);
    pairs->items[id].question = question;
    pairs->items[id].revision = ++pairs->revision;
    if (pairs->count <= id)
        pairs->count = id + 1;
    pthread_mutex_unlock(&pairs->lock);
}

static bool pairs_source(void *context, const char *tenant_id, int64_t since, pair_put put, void *put_context,
                         int64_t *ret_revision, struct error *err)
{
    struct pairs *pairs = context;
    (void)tenant_id;
    pairs->reads++;
    if (pairs->broken)
        return error_set(err, ERROR_INTERNAL, "broken", "损坏");
    if (pairs->slow)
        usleep(50000);
    pthread_mutex_lock(&pairs->lock);
    for (size_t i = 1; i < pairs->count; i++)
        if (pairs->items[i].revision > since)
            put(put_context, (int64_t)i, pairs->items[i].question, "an answer");
    *ret_revision = pairs->revision;
    pthread_mutex_unlock(&pairs->lock);
    return true;
}

static struct vector_index *index_of(struct pairs *pairs, size_t ceiling)
{
    *pairs = (struct pairs){.lock = PTHREAD_MUTEX_INITIALIZER};
    return embedded_index_new(pairs_source, pairs, ceiling);
}

static size_t ask(struct vector_index *index, const char *tenant_id, int64_t revision, const char *text,
                  struct vector_match *matches)
{
    struct vector_query query = {
        .tenant_id = tenant_id, .revision = revision, .text = text, .top_k = 5, .min_score = 0.3};
    struct error err;
    error_clear(&err);
    size_t count = 0;
    assert_true(index->ops->query(index, &query, matches, &count, &err));
    return count;
}

/* What the index finds after each change of the pairs. */
static void index_follows_changes(void **state)
{
    (void)state;
    struct pairs pairs;
    struct vector_index *index = index_of(&pairs, 64 * MIB);
    static const struct {
        size_t id;
        const char *question; /* NULL: deletes */
        const char *asked;
        int64_t found; /* 0: nothing */
    } cases[] = {
        {1, "租和服多少钱", "租和服多少钱", 1},
        {2, "几点关门", "几点关门", 2},
        {1, "可以带宠物吗", "租和服多少钱", 0},
        {1, "可以带宠物吗", "可以带宠物吗", 1},
        {2, NULL, "几点关门", 0},
        {3, "where is the shop", "where is the shop", 3},
    };
    struct vector_match matches[VECTOR_TOP_K_MAX];
    assert_int_equal(ask(index, "a", 0, "anything", matches), 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        pairs_set(&pairs, cases[i].id, cases[i].question);
        size_t count = ask(index, "a", pairs.revision, cases[i].asked, matches);
        assert_int_equal(count, cases[i].found ? 1 : 0);
        if (count) {
            assert_int_equal(matches[0].id, cases[i].found);
            assert_true(matches[0].score > 0.99 && matches[0].score <= 1.0);
        }
    }
    index->ops->free(index);
}

static void index_reads_only_when_older(void **state)
{
    (void)state;
    struct pairs pairs;
    struct vector_index *index = index_of(&pairs, 64 * MIB);
    struct vector_match matches[VECTOR_TOP_K_MAX];
    pairs_set(&pairs, 1, "opening hours");
    for (int i = 0; i < 10; i++)
        ask(index, "a", 1, "opening hours", matches);
    assert_int_equal(pairs.reads, 1);
    pairs_set(&pairs, 2, "closing hours");
    assert_int_equal(ask(index, "a", 1, "closing", matches), 0); /* not asked for yet */
    assert_int_equal(pairs.reads, 1);
    assert_int_equal(ask(index, "a", 2, "closing", matches), 1);
    assert_int_equal(pairs.reads, 2);
    index->ops->free(index);
}

static void index_min_score_and_top_k(void **state)
{
    (void)state;
    struct pairs pairs;
    struct vector_index *index = index_of(&pairs, 64 * MIB);
    for (size_t i = 1; i <= 30; i++)
        pairs_set(&pairs, i, i % 2 ? "kimono rental price" : "kimono");
    struct vector_match matches[VECTOR_TOP_K_MAX];
    static const struct {
        size_t top_k;
        double min_score;
        size_t count;
    } cases[] = {{1, 0.0, 1}, {5, 0.0, 5}, {20, 0.0, 20}, {20, 0.9, 15}, {7, 0.9, 7}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct vector_query query = {.tenant_id = "a",
                                     .revision = pairs.revision,
                                     .text = "kimono rental price",
                                     .top_k = cases[i].top_k,
                                     .min_score = cases[i].min_score};
        struct error err;
        size_t count = 0;
        assert_true(index->ops->query(index, &query, matches, &count, &err));
        assert_int_equal(count, cases[i].count);
        for (size_t j = 0; j < count; j++) {
            assert_true(matches[j].score >= cases[i].min_score);
            assert_true(j == 0 || matches[j].score <= matches[j - 1].score);
        }
    }
    index->ops->free(index);
}

static void index_failed_read_is_an_error_and_heals(void **state)
{
    (void)state;
    struct pairs pairs;
    struct vector_index *index = index_of(&pairs, 64 * MIB);
    struct vector_match matches[VECTOR_TOP_K_MAX];
    pairs_set(&pairs, 1, "opening hours");
    pairs.broken = true;
    struct vector_query query = {.tenant_id = "a", .revision = 1, .text = "opening", .top_k = 5};
    struct error err;
    error_clear(&err);
    size_t count = 77;
    assert_false(index->ops->query(index, &query, matches, &count, &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
    assert_int_equal(count, 77);
    pairs.broken = false;
    assert_int_equal(ask(index, "a", 1, "opening", matches), 1);
    index->ops->free(index);
}

static void index_keeps_within_its_ceiling(void **state)
{
    (void)state;
    struct pairs pairs;
    struct vector_index *index = index_of(&pairs, CEILING);
    for (size_t i = 1; i < 40; i++)
        pairs_set(&pairs, i, "租和服多少钱 opening hours of the shop");
    struct vector_match matches[VECTOR_TOP_K_MAX];
    char tenant_id[16];
    for (int i = 0; i < 200; i++) {
        snprintf(tenant_id, sizeof(tenant_id), "t%d", i);
        assert_int_equal(ask(index, tenant_id, pairs.revision, "opening hours", matches), 5);
    }
    int reads = pairs.reads;
    assert_int_equal(reads, 200);
    ask(index, "t199", pairs.revision, "opening", matches); /* the newest is still there */
    assert_int_equal(pairs.reads, reads);
    ask(index, "t0", pairs.revision, "opening", matches); /* the oldest is not */
    assert_int_equal(pairs.reads, reads + 1);
    int64_t bytes = index->ops->clear_cache(index);
    assert_true(bytes > 0 && bytes <= (int64_t)CEILING);
    assert_int_equal(index->ops->clear_cache(index), 0);
    index->ops->free(index);
}

static void index_upsert_brings_up_to_date(void **state)
{
    (void)state;
    struct pairs pairs;
    struct vector_index *index = index_of(&pairs, 64 * MIB);
    struct vector_match matches[VECTOR_TOP_K_MAX];
    struct error err;
    error_clear(&err);
    pairs_set(&pairs, 1, "opening hours");
    struct vector_item item = {.id = 1, .question = "opening hours", .answer = "an answer"};
    assert_true(index->ops->upsert(index, "a", &item, 1, &err));
    assert_int_equal(pairs.reads, 1);
    assert_int_equal(ask(index, "a", 1, "opening", matches), 1);
    assert_int_equal(pairs.reads, 1);
    pairs_set(&pairs, 1, NULL);
    int64_t id = 1;
    assert_true(index->ops->remove(index, "a", &id, 1, &err));
    assert_int_equal(ask(index, "a", 1, "opening", matches), 0);
    assert_true(index->ops->remove(index, "never asked", &id, 1, &err));
    pairs.broken = true;
    assert_false(index->ops->upsert(index, "a", &item, 1, &err));
    char message[LANGUAGE_COUNT][120];
    assert_true(index->ops->probe(index, message, &err));
    assert_non_null(strstr(message[LANGUAGE_EN], "1 tenants"));
    index->ops->free(index);
}

struct crowd {
    struct vector_index *index;
    struct pairs *pairs;
    int64_t revision;
    pthread_barrier_t ready;
    atomic_bool stop;
    atomic_int wrong;
};

static void *ask_once(void *context)
{
    struct crowd *crowd = context;
    struct vector_match matches[VECTOR_TOP_K_MAX];
    pthread_barrier_wait(&crowd->ready);
    if (ask(crowd->index, "a", crowd->revision, "opening hours", matches) != 1)
        crowd->wrong++;
    return NULL;
}

static void index_builds_once_for_all(void **state)
{
    (void)state;
    struct pairs pairs;
    struct crowd crowd = {.index = index_of(&pairs, 64 * MIB), .pairs = &pairs, .revision = 1};
    pairs_set(&pairs, 1, "opening hours");
    pairs.slow = true;
    pthread_t threads[16];
    pthread_barrier_init(&crowd.ready, NULL, ARRAY_SIZE(threads));
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_create(&threads[i], NULL, ask_once, &crowd);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(pairs.reads, 1);
    assert_int_equal(crowd.wrong, 0);
    pthread_barrier_destroy(&crowd.ready);
    crowd.index->ops->free(crowd.index);
}

static void *ask_on(void *context)
{
    struct crowd *crowd = context;
    struct vector_match matches[VECTOR_TOP_K_MAX];
    char tenant_id[16];
    for (int i = 0; !crowd->stop; i++) {
        snprintf(tenant_id, sizeof(tenant_id), "t%d", i % 50);
        pthread_mutex_lock(&crowd->pairs->lock);
        int64_t revision = crowd->pairs->revision;
        pthread_mutex_unlock(&crowd->pairs->lock);
        if (ask(crowd->index, tenant_id, revision, "opening hours", matches) < 1)
            crowd->wrong++;
    }
    return NULL;
}

/* Questions, changes, evictions and clearing at once: for the sanitizers. */
static void index_serves_while_it_changes(void **state)
{
    (void)state;
    struct pairs pairs;
    struct crowd crowd = {.index = index_of(&pairs, CEILING / 4), .pairs = &pairs};
    pairs_set(&pairs, 1, "opening hours");
    pthread_t threads[8];
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_create(&threads[i], NULL, ask_on, &crowd);
    for (size_t i = 0; i < 400; i++) {
        pairs_set(&pairs, 2 + i % 50, i % 3 ? "some other question" : NULL);
        if (i % 20 == 0)
            crowd.index->ops->clear_cache(crowd.index);
        usleep(500);
    }
    crowd.stop = true;
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(crowd.wrong, 0);
    crowd.index->ops->free(crowd.index);
}

static void chat_model_gives_the_best_answer(void **state)
{
    (void)state;
    static const struct {
        struct chat_pair pairs[2];
        size_t count;
        const char *answer;
    } cases[] = {
        {{{"q", "best", 0.9}, {"q", "second", 0.8}}, 2, "best"},
        {{{"q", "only", 0.3}}, 1, "only"},
        {{{"q", "", 0.9}, {"q", "second", 0.8}}, 2, ""},
        {{{0}}, 0, ""},
    };
    struct chat_model *model = embedded_chat_model_new();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct chat_prompt prompt = {
            .question = "q", .pairs = cases[i].pairs, .pair_count = cases[i].count, .tenant_name = "shop"};
        struct chat_reply reply;
        struct error err;
        assert_true(model->ops->answer(model, &prompt, &reply, &err));
        assert_string_equal(strbuf_text(&reply.text), cases[i].answer);
        assert_int_equal(reply.tokens_input + reply.tokens_output + reply.tokens_cached, 0);
        strbuf_release(&reply.text);
    }
    model->ops->free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(index_follows_changes),
        cmocka_unit_test(index_reads_only_when_older),
        cmocka_unit_test(index_min_score_and_top_k),
        cmocka_unit_test(index_failed_read_is_an_error_and_heals),
        cmocka_unit_test(index_keeps_within_its_ceiling),
        cmocka_unit_test(index_upsert_brings_up_to_date),
        cmocka_unit_test(index_builds_once_for_all),
        cmocka_unit_test(index_serves_while_it_changes),
        cmocka_unit_test(chat_model_gives_the_best_answer),
    };
    return cmocka_run_group_tests_name("provider", tests, NULL, NULL);
}
