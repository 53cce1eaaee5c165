/* platform/principal_cache: what is kept is given back at the same stamp only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "platform/identity/principal_cache.h"

#define EXPIRES 1000

static const struct store_stamp now_stamp = {{1, 2, 3}}, later_stamp = {{1, 2, 4}};

static struct principal principal_named(const char *session_id)
{
    return (struct principal){.user_id = "usr_1",
                              .username = "alice",
                              .role = ROLE_OPS_VIEWER,
                              .tenant_id = NULL,
                              .session_id = session_id};
}

static void test_same_stamp(void **state)
{
    (void)state;
    CLEANUP(arena_release) struct arena arena = {0};
    struct principal_cache *cache = principal_cache_new();
    struct principal kept = principal_named("ses_1"), got = {0};
    assert_false(principal_cache_get(cache, "ses_1", &now_stamp, 1, &arena, &got));
    principal_cache_put(cache, &kept, EXPIRES, &now_stamp);
    assert_true(principal_cache_get(cache, "ses_1", &now_stamp, 1, &arena, &got));
    assert_string_equal(got.user_id, "usr_1");
    assert_string_equal(got.username, "alice");
    assert_string_equal(got.session_id, "ses_1");
    assert_int_equal(got.role, ROLE_OPS_VIEWER);
    assert_null(got.tenant_id);
    principal_cache_free(cache);
    principal_cache_free(NULL);
}

/* Another stamp: somebody has committed something. Another session, an expired one: not this. */
static void test_misses(void **state)
{
    (void)state;
    CLEANUP(arena_release) struct arena arena = {0};
    struct principal_cache *cache = principal_cache_new();
    struct principal kept = principal_named("ses_1"), got = {.user_id = "untouched"};
    principal_cache_put(cache, &kept, EXPIRES, &now_stamp);
    assert_false(principal_cache_get(cache, "ses_1", &later_stamp, 1, &arena, &got));
    assert_false(principal_cache_get(cache, "ses_1", &now_stamp, EXPIRES, &arena, &got));
    assert_false(principal_cache_get(cache, "ses_2", &now_stamp, 1, &arena, &got));
    assert_false(principal_cache_get(cache, "", &now_stamp, 1, &arena, &got));
    assert_string_equal(got.user_id, "untouched");
    principal_cache_free(cache);
}

static void test_too_long_is_not_kept(void **state)
{
    (void)state;
    CLEANUP(arena_release) struct arena arena = {0};
    char name[200];
    memset(name, 'x', sizeof(name) - 1), name[sizeof(name) - 1] = '\0';
    struct principal_cache *cache = principal_cache_new();
    struct principal kept = principal_named("ses_1"), got;
    kept.username = name;
    principal_cache_put(cache, &kept, EXPIRES, &now_stamp);
    assert_false(principal_cache_get(cache, "ses_1", &now_stamp, 1, &arena, &got));
    principal_cache_free(cache);
}

static void *put_and_get(void *context)
{
    struct principal_cache *cache = context;
    CLEANUP(arena_release) struct arena arena = {0};
    for (int i = 0; i < 2000; i++) {
        char id[32];
        snprintf(id, sizeof(id), "ses_%d", i % 300);
        struct principal kept = principal_named(id), got;
        principal_cache_put(cache, &kept, EXPIRES, i % 2 ? &now_stamp : &later_stamp);
        if (principal_cache_get(cache, id, &now_stamp, 1, &arena, &got) && strcmp(got.session_id, id) != 0)
            return "another's";
        arena_reset(&arena);
    }
    return NULL;
}

static void test_many_threads(void **state)
{
    (void)state;
    struct principal_cache *cache = principal_cache_new();
    pthread_t threads[8];
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_create(&threads[i], NULL, put_and_get, cache);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    principal_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_stamp),
        cmocka_unit_test(test_misses),
        cmocka_unit_test(test_too_long_is_not_kept),
        cmocka_unit_test(test_many_threads),
    };
    return cmocka_run_group_tests_name("principal_cache", tests, NULL, NULL);
}
