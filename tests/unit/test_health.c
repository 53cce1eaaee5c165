/* Health: the rule as a table over time, and readings of a platform that is probed. */
#include <math.h>
#include <unistd.h>

#include "ops/dashboard/metrics_collector.h"
#include "platform/jobs/scheduler.h"
#include "platform_fixture.h"

#define S INT64_C(1000000) /* a second in microseconds */

struct sample_plan {
    int64_t age_s;
    int64_t latency_ms;
    int count; /* of such samples */
    bool success;
};

static void rule_over_the_last_minute(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct sample_plan plans[3]; /* oldest first */
        enum health_status status;
        size_t calls;
    } cases[] = {
        {"nothing yet", {{0}}, HEALTH_UNKNOWN, 0},
        {"one good", {{5, 1, 1, true}}, HEALTH_HEALTHY, 1},
        {"one bad", {{5, 1, 1, false}}, HEALTH_UNHEALTHY, 1},
        {"too old", {{91, 1, 1, true}}, HEALTH_UNKNOWN, 0},
        {"bad, too old", {{91, 1, 1, false}}, HEALTH_UNKNOWN, 0},
        {"between a minute and too old: the newest",
         {{80, 1, 5, false}, {70, 1, 1, true}},
         HEALTH_HEALTHY,
         1},
        {"a tenth failed", {{9, 1, 9, true}, {8, 1, 1, false}, {7, 1, 1, true}}, HEALTH_HEALTHY, 11},
        {"more than a tenth", {{9, 1, 8, true}, {8, 1, 1, false}}, HEALTH_DEGRADED, 9},
        {"half, the newest failed", {{9, 1, 5, true}, {8, 1, 5, false}}, HEALTH_UNHEALTHY, 10},
        {"half, the newest went well", {{9, 1, 5, false}, {8, 1, 5, true}}, HEALTH_DEGRADED, 10},
        {"failures beyond the minute", {{75, 1, 50, false}, {8, 1, 1, true}}, HEALTH_HEALTHY, 1},
        {"slow", {{9, 10, 18, true}, {8, 200, 2, true}}, HEALTH_DEGRADED, 20},
        {"slow only beyond p95", {{9, 10, 19, true}, {8, 200, 1, true}}, HEALTH_HEALTHY, 20},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct health_sample samples[128];
        size_t count = 0;
        for (size_t j = 0; j < ARRAY_SIZE(cases[i].plans); j++)
            for (int k = 0; k < cases[i].plans[j].count; k++)
                samples[count++] = (struct health_sample){.at_us = 1000 * S - cases[i].plans[j].age_s * S,
                                                          .latency_us = cases[i].plans[j].latency_ms * 1000,
                                                          .success = cases[i].plans[j].success};
        struct health_verdict verdict = health_judge(samples, count, 1000 * S, 100000);
        if (verdict.status != cases[i].status || verdict.calls != cases[i].calls)
            fail_msg("%s: %s of %zu calls", cases[i].what, health_status_name(verdict.status), verdict.calls);
        assert_int_equal(isnan(verdict.p95_latency_us), cases[i].calls == 0);
    }
}

/* One life: good, then failing, then silent. */
static void transitions_in_time(void **state)
{
    (void)state;
    struct health_sample samples[64];
    size_t count = 0;
    for (int second = 0; second < 30; second++)
        samples[count++] =
            (struct health_sample){.at_us = second * S, .latency_us = 1000, .success = second < 20};
    static const struct {
        int64_t second;
        size_t known; /* samples that there are by then */
        enum health_status status;
    } cases[] = {
        {0, 1, HEALTH_HEALTHY},    {19, 20, HEALTH_HEALTHY},   {22, 23, HEALTH_DEGRADED},
        {29, 30, HEALTH_DEGRADED}, {70, 30, HEALTH_UNHEALTHY}, {119, 30, HEALTH_UNHEALTHY},
        {120, 30, HEALTH_UNKNOWN},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(health_judge(samples, cases[i].known, cases[i].second * S, S).status,
                         cases[i].status);
}

static void rule_of_the_beat(void **state)
{
    (void)state;
    static const struct {
        int64_t since_beat_ms, running_ms;
        enum health_status status;
    } cases[] = {
        {0, 0, HEALTH_HEALTHY},         {4999, 0, HEALTH_HEALTHY},         {5001, 0, HEALTH_UNHEALTHY},
        {60000, 60000, HEALTH_HEALTHY}, {700000, 700000, HEALTH_DEGRADED},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(health_judge_beat(cases[i].since_beat_ms, cases[i].running_ms), cases[i].status);
}

static bool run_nothing(void *context, char *ret_summary, size_t size, struct error *err)
{
    (void)size;
    ret_summary[0] = '\0';
    return !context || error_set(err, ERROR_INTERNAL, "it is broken", "坏了");
}

static struct scheduler *start_one(struct fixture *f, const struct scheduled_tasks *tasks, void *context)
{
    struct scheduled_room room = {tasks, context};
    return scheduler_start(&f->platform, &room, 1, false);
}

static struct health_reading read_one(struct fixture *f, enum component component)
{
    struct health_reading reading;
    health_read(&f->platform, component, &reading);
    assert_true(reading.message[LANGUAGE_EN][0] && reading.message[LANGUAGE_ZH][0]);
    return reading;
}

static void probes_make_it_known(void **state)
{
    struct fixture *f = *state;
    static const struct scheduled_task rows[] = {{.name = "learn",
                                                  .title = {"learning", "学习"},
                                                  .first_ms = HOUR_MS,
                                                  .every_ms = HOUR_MS,
                                                  .run = run_nothing}};
    static const struct scheduled_tasks tasks = SCHEDULED_TASKS(rows);
    for (enum component i = 0; i < COMPONENT_COUNT; i++) {
        struct health_reading reading = read_one(f, i);
        assert_int_equal(reading.status, HEALTH_UNKNOWN);
        assert_int_equal(reading.last_check, INT_NULL);
        assert_true(isnan(reading.latency_ms));
    }
    assert_int_equal(health_overall(&f->platform), HEALTH_UNKNOWN);
    must(f, health_probe(&f->platform, &f->err));
    assert_int_equal(health_overall(&f->platform), HEALTH_UNKNOWN); /* no scheduler yet */
    f->platform.scheduler = start_one(f, &tasks, NULL);
    struct {
        const char *provider, *part; /* of the message */
    } expected[COMPONENT_COUNT] = {
        [COMPONENT_DATABASE] = {"SQLite", "WAL"},
        [COMPONENT_VECTOR_STORE] = {"BM25 (embedded)", "MiB"},
        [COMPONENT_LLM] = {"embedded", "best pair"},
        [COMPONENT_SCHEDULER] = {"in process", ": learning; 0 runs"},
        [COMPONENT_TELEMETRY] = {"SQLite", "waiting"},
    };
    if (fixture_is_postgresql()) {
        expected[COMPONENT_DATABASE].provider = "PostgreSQL";
        expected[COMPONENT_DATABASE].part = "writes waiting";
    }
    for (enum component i = 0; i < COMPONENT_COUNT; i++) {
        struct health_reading reading = read_one(f, i);
        assert_int_equal(reading.status, HEALTH_HEALTHY);
        assert_string_equal(reading.provider, expected[i].provider);
        if (!strstr(reading.message[LANGUAGE_EN], expected[i].part))
            fail_msg("%s: %s", component_name(i), reading.message[LANGUAGE_EN]);
        assert_true(clock_now_ms() - reading.last_check < 10000);
    }
    assert_int_equal(health_overall(&f->platform), HEALTH_HEALTHY);
    scheduler_stop(f->platform.scheduler);
    f->platform.scheduler = NULL;
}

static void real_calls_speak_first(void **state)
{
    struct fixture *f = *state;
    must(f, health_probe(&f->platform, &f->err));
    struct error why;
    error_clear(&why);
    error_set(&why, ERROR_TIMEOUT, "the provider does not answer", "服务商没有响应");
    health_report(f->platform.health, COMPONENT_LLM, NULL, false, 5 * S, &why);
    struct health_reading reading = read_one(f, COMPONENT_LLM);
    assert_int_equal(reading.status, HEALTH_UNHEALTHY);
    assert_non_null(strstr(reading.message[LANGUAGE_EN], "the provider does not answer"));
    assert_non_null(strstr(reading.message[LANGUAGE_ZH], "服务商没有响应"));
    assert_true(fabs(reading.latency_ms - 5000) < 0.01);
    assert_int_equal(health_overall(&f->platform), HEALTH_UNHEALTHY); /* worse than unknown */
    for (int i = 0; i < 400; i++)                                     /* more than is remembered */
        health_report(f->platform.health, COMPONENT_LLM, NULL, true, 400, NULL);
    reading = read_one(f, COMPONENT_LLM);
    assert_int_equal(reading.status, HEALTH_HEALTHY);
    assert_non_null(strstr(reading.message[LANGUAGE_EN], "256 calls"));
    for (int i = 0; i < 200; i++)
        health_report(f->platform.health, COMPONENT_LLM, NULL, true, 9 * S, NULL);
    reading = read_one(f, COMPONENT_LLM);
    assert_int_equal(reading.status, HEALTH_DEGRADED);
    assert_non_null(strstr(reading.message[LANGUAGE_EN], "slow"));
    health_report(NULL, COMPONENT_LLM, NULL, true, 1, NULL);
}

static void must_begin_at(const struct health_reading *reading, int64_t from, int64_t to)
{
    if (reading->since < from || reading->since > to)
        fail_msg("since %lld, not from %lld to %lld", (long long)reading->since, (long long)from,
                 (long long)to);
}

/* Since when exactly, how often, for whom: from the first call that failed, not from when somebody looked. */
static void trouble_is_told_since_its_first_call(void **state)
{
    struct fixture *f = *state;
    struct health *health = f->platform.health;
    struct health_reading reading;
    health_report(health, COMPONENT_LLM, "shop_a", true, 400, NULL);
    reading = read_one(f, COMPONENT_LLM);
    assert_true(reading.since == INT_NULL);
    int64_t from =
        clock_now_ms() - 2; /* the wall clock and the monotonic one are cut to whole milliseconds */
    health_report(health, COMPONENT_LLM, "shop_a", false, 400, NULL);
    int64_t to = clock_now_ms() + 2;
    usleep(20000);
    static const char *const tenants[] = {"shop_b", "shop_a", "shop_c", "shop_b", NULL, ""};
    for (size_t i = 0; i < ARRAY_SIZE(tenants); i++)
        health_report(health, COMPONENT_LLM, tenants[i], false, 400, NULL);
    reading = read_one(f, COMPONENT_LLM);
    must_begin_at(&reading, from, to);
    assert_int_equal(reading.failed_calls, 7);
    assert_int_equal(reading.tenants, 3);
    /* Better, but not well: the same trouble. */
    health_report(health, COMPONENT_LLM, "shop_d", true, 400, NULL);
    reading = read_one(f, COMPONENT_LLM);
    assert_int_equal(reading.status, HEALTH_DEGRADED);
    must_begin_at(&reading, from, to);
    for (int i = 0; i < 100; i++)
        health_report(health, COMPONENT_LLM, "shop_d", true, 400, NULL);
    reading = read_one(f, COMPONENT_LLM);
    assert_int_equal(reading.status, HEALTH_HEALTHY);
    assert_true(reading.since == INT_NULL);
    /* The next one is another. */
    from = clock_now_ms() - 2;
    for (int i = 0; i < 300; i++)
        health_report(health, COMPONENT_LLM, "shop_e", false, 400, NULL);
    reading = read_one(f, COMPONENT_LLM);
    must_begin_at(&reading, from, clock_now_ms() + 2);
    assert_int_equal(reading.tenants, 1);
}

static void trouble_of_many_tenants_is_bounded(void **state)
{
    struct fixture *f = *state;
    char id[32];
    for (int i = 0; i < 5000; i++) {
        snprintf(id, sizeof(id), "shop_%d", i);
        health_report(f->platform.health, COMPONENT_VECTOR_STORE, id, false, 400, NULL);
    }
    struct health_reading reading = read_one(f, COMPONENT_VECTOR_STORE);
    assert_int_equal(reading.failed_calls, 5000);
    assert_int_equal(reading.tenants, 1000);
}

static void trouble_outlives_a_restart(void **state)
{
    struct fixture *f = *state;
    int64_t since = clock_now_ms() - 3 * HOUR_MS;
    health_resume(f->platform.health, COMPONENT_LLM, since);
    health_report(f->platform.health, COMPONENT_LLM, NULL, false, 400, NULL);
    assert_true(read_one(f, COMPONENT_LLM).since == since);
    health_resume(f->platform.health, COMPONENT_DATABASE, since);
    health_report(f->platform.health, COMPONENT_DATABASE, NULL, true, 400, NULL);
    health_report(f->platform.health, COMPONENT_DATABASE, NULL, false, 400, NULL);
    assert_true(read_one(f, COMPONENT_DATABASE).since > since);
}

/* The frame's pill: what is wrong, the worst first; and a restart in between does not move its beginning. */
static void status_names_troubles(void **state)
{
    struct fixture *f = *state;
    struct arena arena = {0};
    struct system_status status;
    struct metrics_collector *collector = metrics_collector_new(&f->platform, "0");
    metrics_system_status(collector, &arena, &status);
    assert_int_equal(status.troubles_count, 0);
    health_report(f->platform.health, COMPONENT_LLM, "shop_a", true, 9 * S, NULL);
    health_report(f->platform.health, COMPONENT_VECTOR_STORE, "shop_b", false, 9, NULL);
    metrics_system_status(collector, &arena, &status);
    assert_int_equal(status.troubles_count, 2);
    assert_string_equal(status.troubles[0].component, "vector_store");
    assert_string_equal(status.troubles[0].status, "unhealthy");
    assert_int_equal(status.troubles[0].failed_calls, 1);
    assert_int_equal(status.troubles[0].tenants, 1);
    assert_string_equal(status.troubles[1].component, "llm");
    assert_int_equal(status.troubles[1].failed_calls, 0); /* slow */
    int64_t since = status.troubles[0].since;

    must(f, metrics_snapshot(collector, &f->err));
    health_free(f->platform.health);
    f->platform.health = health_new();
    usleep(5000);
    must(f, metrics_resume(collector, &f->err));
    health_report(f->platform.health, COMPONENT_VECTOR_STORE, "shop_b", false, 9, NULL);
    health_report(f->platform.health, COMPONENT_LLM, "shop_b", true, 9, NULL);
    metrics_system_status(collector, &arena, &status);
    assert_int_equal(status.troubles_count, 1);
    assert_true(status.troubles[0].since == since);
    metrics_collector_free(collector);
    arena_release(&arena);
}

static void failed_task_degrades_the_scheduler(void **state)
{
    struct fixture *f = *state;
    static const struct scheduled_task rows[] = {
        {.name = "learn", .title = {"learning", "学习"}, .every_ms = HOUR_MS, .run = run_nothing}};
    static const struct scheduled_tasks tasks = SCHEDULED_TASKS(rows);
    f->platform.scheduler = start_one(f, &tasks, "fail");
    struct health_reading reading;
    do {
        usleep(1000);
        reading = read_one(f, COMPONENT_SCHEDULER);
    } while (reading.status == HEALTH_HEALTHY);
    assert_int_equal(reading.status, HEALTH_DEGRADED);
    assert_non_null(strstr(reading.message[LANGUAGE_EN], "it is broken"));
    scheduler_stop(f->platform.scheduler);
    f->platform.scheduler = NULL;
}

/* The one that does health itself, settings and the directory, is watched as the other one is. */
static void housekeeping_is_watched_too(void **state)
{
    struct fixture *f = *state;
    static const struct scheduled_task well_rows[] = {{.name = "learn",
                                                       .title = {"learning", "学习"},
                                                       .first_ms = HOUR_MS,
                                                       .every_ms = HOUR_MS,
                                                       .run = run_nothing}};
    static const struct scheduled_tasks well = SCHEDULED_TASKS(well_rows);
    static const struct scheduled_task ill_rows[] = {
        {.name = "settings", .title = {"settings", "设置"}, .every_ms = HOUR_MS, .run = run_nothing}};
    static const struct scheduled_tasks ill = SCHEDULED_TASKS(ill_rows);
    f->platform.scheduler = start_one(f, &well, NULL);
    f->platform.housekeeping = start_one(f, &ill, "fail");
    struct health_reading reading;
    do {
        usleep(1000);
        reading = read_one(f, COMPONENT_SCHEDULER);
    } while (reading.status == HEALTH_HEALTHY);
    assert_int_equal(reading.status, HEALTH_DEGRADED);
    assert_non_null(strstr(reading.message[LANGUAGE_EN], "settings"));
    scheduler_stop(f->platform.housekeeping);
    scheduler_stop(f->platform.scheduler);
    f->platform.housekeeping = f->platform.scheduler = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_over_the_last_minute),
        cmocka_unit_test(transitions_in_time),
        cmocka_unit_test(rule_of_the_beat),
        fixture_test(probes_make_it_known),
        fixture_test(real_calls_speak_first),
        fixture_test(trouble_is_told_since_its_first_call),
        fixture_test(trouble_of_many_tenants_is_bounded),
        fixture_test(trouble_outlives_a_restart),
        fixture_test(status_names_troubles),
        fixture_test(failed_task_degrades_the_scheduler),
        fixture_test(housekeeping_is_watched_too),
    };
    return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
