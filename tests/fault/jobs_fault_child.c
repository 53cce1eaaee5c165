/* Two overlapping distributions at once, one of which is cancelled in the middle. jobs.test.mjs kills it and fails
 * its disk at many places, and then looks at what the jobs say.
 *
 *     jobs_fault_child prepare DIR     tenants and templates
 *     jobs_fault_child work DIR        asks for the two, cancels the second; prints "ack ID" after each was asked
 *     jobs_fault_child finish DIR      the next process: goes on until no job is open */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "base/clock.h"
#include "ops/templates/distribution.h"
#include "ops/templates/template_manager.h"
#include "platform/tenants/tenants.h"
#include "store/store.h"

#define TENANTS 14 /* three batches while others write */
#define TEMPLATES 3
#define LOOK_US 2000
#define TIME_TO_LIVE_MS 500 /* the next process need not wait for long */

static bool fail(const char *what, const struct error *err)
{
    fprintf(stderr, "%s: %s\n", what, err->detail[LANGUAGE_EN]);
    return false;
}

static bool prepare(struct platform *platform, struct arena *arena)
{
    struct error err;
    char text[32];
    for (int i = 0; i < TENANTS; i++) {
        struct tenant tenant;
        snprintf(text, sizeof(text), "shop%02d", i);
        if (!tenant_add(platform->store, &actor_system, text, text, NULL, arena, &tenant, &err))
            return fail("tenant", &err);
    }
    for (int i = 1; i <= TEMPLATES; i++) {
        struct template template;
        snprintf(text, sizeof(text), "共同问题 %d", i);
        struct template_edit edit = {text, "共同回答", "", INT_NULL};
        if (!template_create(platform, &actor_system, &edit, arena, &template, &err))
            return fail("template", &err);
    }
    return true;
}

/* ---- the work ---- */

static bool ask(struct platform *platform, const int64_t *ids, size_t count, struct arena *arena,
                struct job *ret_job)
{
    struct error err;
    struct distribute_request request = {.template_ids = ids, .template_count = count, .all_tenants = true};
    if (!template_distribute(platform, &actor_system, &request, arena, ret_job, &err))
        return fail("distribute", &err);
    printf("ack %s\n", ret_job->id);
    fflush(stdout);
    return true;
}

static bool look(struct platform *platform, struct arena *arena, struct job *job)
{
    struct error err;
    CLEANUP(store_reader_release) struct db *db = NULL;
    return (store_reader(platform->store, READ_LIMIT_MS, &db, &err) &&
            job_get(db, job->id, arena, job, &err)) ||
           fail("look", &err);
}

/* As soon as it has begun; it may be faster. */
static bool cancel_in_the_middle(struct platform *platform, struct arena *arena, struct job *job)
{
    struct error err;
    while (job->progress_done == 0 && !job_has_ended(job)) {
        usleep(LOOK_US);
        if (!look(platform, arena, job))
            return false;
    }
    return job_cancel(platform, &actor_system, job->id, arena, job, &err) || err.code == ERROR_CONFLICT ||
           fail("cancel", &err);
}

/* Whatever fails: until the jobs have ended, or cannot be read any more. */
static bool await_end(struct platform *platform, struct arena *arena, struct job *job)
{
    while (!job_has_ended(job)) {
        jobs_wait(platform->jobs, job->id, 100);
        if (!look(platform, arena, job))
            return false;
    }
    return strcmp(job->status, "failed") != 0;
}

static bool work(struct platform *platform, struct arena *arena)
{
    static const int64_t first[] = {1, 2}, second[] = {2, 3};
    struct job stays, goes;
    if (!ask(platform, first, ARRAY_SIZE(first), arena, &stays) ||
        !ask(platform, second, ARRAY_SIZE(second), arena, &goes))
        return false;
    bool done = cancel_in_the_middle(platform, arena, &goes);
    return await_end(platform, arena, &stays) && await_end(platform, arena, &goes) && done;
}

/* ---- the next process ---- */

static const char SQL_OPEN[] = "SELECT COUNT(*) FROM jobs WHERE status IN ('queued', 'running')";

static bool finish(struct platform *platform, struct arena *arena)
{
    (void)arena;
    struct error err;
    for (int64_t open = 1; open > 0; usleep(LOOK_US)) {
        CLEANUP(store_reader_release) struct db *db = NULL;
        if (!store_reader(platform->store, READ_LIMIT_MS, &db, &err) ||
            !db_find_int(db, SQL_OPEN, DB_NO_ARGS, 0, &open, &err))
            return fail("finish", &err);
    }
    return true;
}

static bool with_runner(struct platform *platform, struct arena *arena,
                        bool (*act)(struct platform *, struct arena *))
{
    struct error err;
    size_t count;
    const struct job_kinds *const *rooms = app_job_rooms(&count);
    if (!lease_holder_start(&platform->lease_holder, platform->store, TIME_TO_LIVE_MS, &err) ||
        !jobs_start(&platform->jobs, platform, rooms, count, &err))
        return fail("jobs", &err);
    bool done = act(platform, arena);
    jobs_stop(platform->jobs);
    lease_holder_stop(platform->lease_holder);
    platform->jobs = NULL;
    platform->lease_holder = NULL;
    return done;
}

static bool act(struct platform *platform, const char *verb, struct arena *arena)
{
    if (strcmp(verb, "prepare") == 0)
        return prepare(platform, arena);
    return with_runner(platform, arena, strcmp(verb, "work") == 0 ? work : finish);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    struct error err;
    struct setting_flag flags[] = {{"data", argv[2]}, {NULL, NULL}};
    struct settings_box *settings;
    struct app *app;
    CLEANUP(arena_release) struct arena arena = {0};
    if (!settings_load(&settings, NULL, flags, &err))
        return !fail("settings", &err);
    struct app_options options = {.settings = settings, .depth = APP_SERVICES};
    bool done = false;
    if (app_open(&app, &options, &err)) {
        done = act(app_platform(app), argv[1], &arena);
        app_close(app);
    } else {
        fail("open", &err);
    }
    settings_free(settings);
    return done ? 0 : 1;
}
