#include "cli/demo.h"

#include <stdio.h>

#include "base/clock.h"
#include "cli/demo_corpus.h"
#include "cli/demo_history.h"
#include "cli/demo_telemetry.h"
#include "platform/tenants/counters.h"
#include "settings/settings.h"
#include "store/store.h"
#include "telemetry/telemetry.h"

static const struct option_spec demo_options[] = {
    CLI_STORE_OPTIONS,
    {.name = "tenants", .value = "N", .text = "tenants (25)"},
    {.name = "qa", .value = "N", .text = "question-answer pairs of each tenant (as many as each would have)"},
    {.name = "usage", .value = "N", .text = "usage rows in all (240000)"},
    {.name = "logs", .value = "N", .text = "log rows in all (240000)"},
    {.name = "days", .value = "N", .text = "days, today the last (190)"},
    {.name = "seed", .value = "N", .text = "the same seed gives the same data (1)"},
    {.name = "live", .text = "ask a running server instead, as customers would, until stopped"},
    {.name = "server", .value = "URL", .text = "with --live: the server (http://127.0.0.1:8080)"},
    {.name = "rate", .value = "N", .text = "with --live: questions a second (5)"},
    {.name = "duration", .value = "SECONDS", .text = "with --live: stop by itself (0: never)"},
    CLI_OPTIONS_END,
};

const struct command demo_command = {
    .name = "demo",
    .arguments = "--data DIR [--tenants N] [--qa N] [--usage N] [--logs N] [--days N] [--seed N]\n"
                 "--data DIR --live [--server URL] [--rate N] [--duration SECONDS]",
    .text = "fill an empty store with demonstration data, or ask a running server as customers do",
    .details = "Refuses a store that holds anything else. --live takes the tenants' publishable keys from "
               "the store\n"
               "and everything else over HTTP.\n",
    .options = demo_options,
    .run = demo_run,
};

static bool demo_read_size(const struct invocation *invocation, struct demo_size *ret_size)
{
    const struct {
        const char *name;
        int64_t least, most, fallback, *value;
    } sizes[] = {
        {"tenants", 1, 100000, 25, &ret_size->tenants},
        {"qa", 0, 1000000, DEMO_PAIRS_OWN, &ret_size->pairs},
        {"usage", 0, 1000000000, 240000, &ret_size->usage},
        {"logs", 0, 1000000000, 240000, &ret_size->logs},
        {"days", 1, 365, 190, &ret_size->days},
        {"seed", 0, INT32_MAX, 1, &ret_size->seed},
    };
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        if (!cli_option_int(invocation, sizes[i].name, sizes[i].least, sizes[i].most, sizes[i].fallback,
                            sizes[i].value))
            return false;
    return true;
}

static const char SQL_ANYTHING[] = "SELECT (SELECT COUNT(*) FROM tenants) + (SELECT COUNT(*) FROM users)"
                                   " + (SELECT COUNT(*) FROM usage_days)";

static bool demo_check_empty(struct platform *platform, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    int64_t rows;
    if (!store_reader(platform->store, READ_LIMIT_MS, &db, err) ||
        !db_find_int(db, SQL_ANYTHING, DB_NO_ARGS, 0, &rows, err))
        return false;
    return rows == 0 ||
           error_set(err, ERROR_CONFLICT,
                     "the store already holds data: demonstration data goes into an empty one; name"
                     " another folder with --data",
                     "数据库中已有数据：演示数据只能写入空库；请用 --data 指定另一个目录");
}

struct step {
    const char *what;
    bool (*run)(struct platform *platform, struct demo_plan *plan, struct error *err);
};

static bool demo_load_telemetry(struct platform *platform, struct demo_plan *plan, struct error *err)
{
    int64_t days;
    return demo_telemetry_load(plan, platform->telemetry, err) &&
           telemetry_roll_over(platform->telemetry, &days, err);
}

/* What a server would do in its first minutes. */
static bool demo_drain_deferred(struct platform *platform, struct demo_plan *plan, struct error *err)
{
    (void)plan;
    return store_drain_deferred(platform->store, err);
}

static bool demo_load_readings(struct platform *platform, struct demo_plan *plan, struct error *err)
{
    return demo_readings_load(platform, plan, err);
}

static bool demo_load(struct platform *platform, struct demo_plan *plan, struct error *err)
{
    static const struct step steps[] = {
        {"shops, people, pairs", demo_shops_load},    {"common templates", demo_templates_load},
        {"calls and logs", demo_load_telemetry},      {"conversations and feedback", demo_chats_load},
        {"what has become of them", demo_story_load}, {"readings", demo_load_readings},
        {"full text", demo_drain_deferred},
    };
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        int64_t began_us = clock_monotonic_us();
        if (!steps[i].run(platform, plan, err))
            return false;
        fprintf(stderr, "%-28s %6.1f s\n", steps[i].what, (double)(clock_monotonic_us() - began_us) / 1e6);
    }
    return true;
}

static enum cli_status demo_fill(const struct invocation *invocation, const struct demo_size *size)
{
    struct app *app;
    struct error err;
    error_clear(&err);
    struct app_options options = {
        .settings = invocation->settings, .depth = APP_SERVICES, .durability = STORE_BULK};
    if (!app_open(&app, &options, &err))
        return cli_fail(invocation, &err);
    struct demo_plan plan = {0};
    int64_t pairs = 0;
    bool done = demo_check_empty(app_platform(app), &err);
    if (done) {
        demo_plan_make(&plan, size);
        for (int64_t i = 0; i < size->tenants; i++)
            pairs += plan.shops[i].pair_count;
        done = demo_load(app_platform(app), &plan, &err);
        demo_plan_release(&plan);
    }
    app_close(app);
    if (!done)
        return cli_fail(invocation, &err);
    printf("%lld tenants, %lld pairs, %lld usage rows, %lld log rows, %lld days\n", (long long)size->tenants,
           (long long)pairs, (long long)size->usage, (long long)size->logs, (long long)size->days);
    return CLI_DONE;
}

enum cli_status demo_run(const struct invocation *invocation)
{
    struct demo_size size;
    if (cli_option(invocation, "live"))
        return demo_live_run(invocation);
    if (!demo_read_size(invocation, &size))
        return CLI_USAGE;
    if (size.usage == 0 && size.logs > 0)
        return cli_usage(invocation, "--logs needs --usage: log rows belong to calls");
    return demo_fill(invocation, &size);
}
