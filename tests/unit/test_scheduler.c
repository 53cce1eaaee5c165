/* Scheduled tasks: when they are due, and which of several processes runs them. A process is here a platform with
 * schedulers and a lease holder of its own on the same store; one that stands still is one whose beats do. Real
 * processes are in tests/fault/processes.test.mjs. */
#include <pthread.h>
#include <stdatomic.h>

#include "platform/jobs/scheduler.h"
#include "platform_fixture.h"

#define TIME_TO_LIVE_MS FIXTURE_TIME_TO_LIVE_MS
#define LONG_MS 30000

/* --- tasks to run --- */

static atomic_int quick_runs, failing_runs, slow_runs, interval, switched_on, stop_heard;

static int64_t by_interval(const struct settings *settings)
{
    (void)settings;
    return interval;
}

static bool if_switched_on(const struct settings *settings)
{
    (void)settings;
    return switched_on;
}

static bool run_quick(void *context, char *ret_summary, size_t size, struct error *err)
{
    (void)context, (void)err;
    snprintf(ret_summary, size, "done");
    quick_runs++;
    return true;
}

static bool run_failing(void *context, char *ret_summary, size_t size, struct error *err)
{
    (void)context, (void)size;
    ret_summary[0] = '\0';
    failing_runs++;
    return error_set(err, ERROR_UNAVAILABLE, "it is broken", "坏了");
}

static bool run_failing_at_length(void *context, char *ret_summary, size_t size, struct error *err)
{
    (void)context, (void)ret_summary, (void)size;
    return error_set(err, ERROR_UNAVAILABLE, "%0300d%.0s", "%.0d%s", 0,
                     "坏了坏了坏了坏了坏了坏了坏了坏了坏了坏了坏了坏了坏了坏了坏了坏了坏了坏了坏了坏了"
                     "坏了坏了坏了坏了坏了坏了坏了坏了坏了坏了坏了坏了坏了坏了坏了坏了坏了坏了坏了坏了");
}

static bool run_slow(void *context, char *ret_summary, size_t size, struct error *err)
{
    (void)context, (void)ret_summary, (void)size, (void)err;
    usleep(300000);
    slow_runs++;
    return true;
}

static bool run_until_stopped(void *context, char *ret_summary, size_t size, struct error *err)
{
    (void)context, (void)ret_summary, (void)size, (void)err;
    slow_runs++;
    while (!scheduler_stopping())
        usleep(1000);
    stop_heard++;
    return true;
}

static void wait_for(atomic_int *counter, int at_least)
{
    for (int i = 0; i < LONG_MS && *counter < at_least; i++)
        usleep(1000);
    assert_true(*counter >= at_least);
}

#define TITLE                                                                                                \
    {                                                                                                        \
        "a task", "任务"                                                                                   \
    }

static struct scheduler *start(struct platform *platform, const struct scheduled_tasks *tasks, void *context)
{
    struct scheduled_room room = {tasks, context};
    struct scheduler *scheduler = scheduler_start(platform, &room, 1, false);
    assert_non_null(scheduler);
    return scheduler;
}

static int set_up(void **state)
{
    fixture_setup(state);
    quick_runs = failing_runs = slow_runs = stop_heard = switched_on = 0;
    interval = 20;
    return 0;
}

/* --- the tables --- */

static void a_row_that_lacks_something_is_named(void **state)
{
    (void)state;
    static const struct scheduled_task
        nameless[] = {{.title = TITLE, .run = run_quick, .every_ms = 1}},
        untitled[] = {{.name = "a", .title = {"a"}, .run = run_quick, .every_ms = 1}},
        idle[] = {{.name = "b", .title = TITLE, .every_ms = 1}},
        never[] = {{.name = "c", .title = TITLE, .run = run_quick}},
        good[] = {{.name = "d", .title = TITLE, .run = run_quick, .every_ms = 1}};
    static const struct scheduled_tasks tables[] = {SCHEDULED_TASKS(nameless), SCHEDULED_TASKS(untitled),
                                                    SCHEDULED_TASKS(idle), SCHEDULED_TASKS(never)},
                                        well = SCHEDULED_TASKS(good);
    static const char *const said[] = {"'?' has no name", "'a' has no title", "'b' has no run",
                                       "'c' has no interval"};
    struct error err;
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        struct scheduled_room rooms[] = {{&well, NULL}, {&tables[i], NULL}};
        error_clear(&err);
        assert_true(scheduled_tasks_check(rooms, 1, &err));
        assert_false(scheduled_tasks_check(rooms, 2, &err));
        assert_int_equal(err.code, ERROR_INTERNAL);
        assert_non_null(strstr(err.detail[LANGUAGE_EN], said[i]));
    }
    struct scheduled_room twice[] = {{&well, NULL}, {&well, NULL}};
    assert_false(scheduled_tasks_check(twice, 2, &err));
    assert_non_null(strstr(err.detail[LANGUAGE_EN], "two scheduled tasks are called 'd'"));
}

/* --- one process --- */

static void what_is_due_runs(void **state)
{
    struct fixture *f = *state;
    static const struct scheduled_task rows[] = {
        {.name = "quick",
         .title = TITLE,
         .interval_ms = by_interval,
         .run = run_quick,
         .gate = TENANT_GATE_OPEN},
        {.name = "failing",
         .title = TITLE,
         .every_ms = HOUR_MS,
         .run = run_failing,
         .gate = TENANT_GATE_OPEN},
        {.name = "switched", .title = TITLE, .every_ms = HOUR_MS, .enabled = if_switched_on, .run = run_slow},
        {.name = "of the other thread", .title = TITLE, .every_ms = 1, .run = run_failing, .quick = true},
    };
    static const struct scheduled_tasks tasks = SCHEDULED_TASKS(rows);
    struct scheduler *scheduler = start(&f->platform, &tasks, NULL);
    wait_for(&quick_runs, 5);
    wait_for(&failing_runs, 1);
    struct scheduler_state now;
    scheduler_get_state(scheduler, &now);
    assert_true(now.runs >= 5 && now.failures == 1);
    assert_string_equal(now.next_name, "quick");
    assert_int_equal(now.here, 3);
    assert_int_equal(slow_runs, 0);
    switched_on = 1; /* due since the start: runs at once */
    wait_for(&slow_runs, 1);
    interval = 3600000;
    usleep(50000);
    int before = quick_runs;
    usleep(100000);
    assert_int_equal(quick_runs, before);
    interval = 20; /* holds for the wait in progress, within a second */
    wait_for(&quick_runs, before + 1);
    interval = 3600000;
    int64_t restarted = 0;
    before = quick_runs;
    must(f, scheduler_restart(scheduler, &restarted, &f->err));
    assert_int_equal(restarted, 3);
    wait_for(&quick_runs, before + 1); /* due as at the start */
    scheduler_stop(scheduler);
    scheduler_stop(NULL);
    assert_int_equal(failing_runs, 2);
}

static void a_long_reason_is_cut_in_each_language(void **state)
{
    struct fixture *f = *state;
    static const struct scheduled_task rows[] = {{.name = "failing",
                                                  .title = TITLE,
                                                  .every_ms = HOUR_MS,
                                                  .run = run_failing_at_length,
                                                  .gate = TENANT_GATE_OPEN}};
    static const struct scheduled_tasks tasks = SCHEDULED_TASKS(rows);
    struct scheduler *scheduler = start(&f->platform, &tasks, NULL);
    struct scheduler_state now;
    do {
        usleep(1000);
        scheduler_get_state(scheduler, &now);
    } while (now.failures == 0);
    assert_int_equal(strnlen(now.last_error[LANGUAGE_EN], sizeof(now.last_error[0])),
                     sizeof(now.last_error[0]) - 1);
    assert_int_equal(strnlen(now.last_error[LANGUAGE_ZH], sizeof(now.last_error[0])),
                     (sizeof(now.last_error[0]) - 1) / 3 * 3);
    scheduler_stop(scheduler);
}

static void a_running_task_is_let_finish(void **state)
{
    struct fixture *f = *state;
    static const struct scheduled_task rows[] = {
        {.name = "slow", .title = TITLE, .every_ms = HOUR_MS, .run = run_slow, .gate = TENANT_GATE_OPEN}};
    static const struct scheduled_tasks tasks = SCHEDULED_TASKS(rows);
    struct scheduler *scheduler = start(&f->platform, &tasks, NULL);
    usleep(50000);
    struct scheduler_state now;
    scheduler_get_state(scheduler, &now);
    assert_string_equal(now.running, "slow");
    scheduler_stop(scheduler);
    assert_int_equal(slow_runs, 1);
}

static const struct scheduled_task long_rows[] = {{.name = "long",
                                                   .title = TITLE,
                                                   .every_ms = HOUR_MS,
                                                   .run = run_until_stopped,
                                                   .gate = TENANT_GATE_OPEN}};
static const struct scheduled_tasks long_tasks = SCHEDULED_TASKS(long_rows);

static void a_long_task_hears_that_it_is_to_stop(void **state)
{
    struct fixture *f = *state;
    struct scheduler *scheduler = start(&f->platform, &long_tasks, NULL);
    wait_for(&slow_runs, 1);
    assert_false(scheduler_stopping()); /* on this thread */
    scheduler_stop(scheduler);          /* returns because the task heard of it */
}

/* --- several --- */

struct process {
    struct platform platform;
    struct scheduler *scheduler;
    atomic_bool stands_still, is_still;
};

static void after_beat(void *context)
{
    struct process *process = context;
    while (process->stands_still) {
        process->is_still = true;
        usleep(1000);
    }
    process->is_still = false;
}

static void start_process(struct fixture *f, struct process *process, const struct scheduled_tasks *tasks)
{
    memset(process, 0, sizeof(*process));
    process->platform = f->platform;
    must(f, lease_holder_start(&process->platform.lease_holder, f->platform.store, TIME_TO_LIVE_MS, &f->err));
    lease_holder_on_beat(process->platform.lease_holder, after_beat, process);
    process->scheduler = start(&process->platform, tasks, process);
}

static void end_process(struct process *process)
{
    process->stands_still = false;
    scheduler_stop(process->scheduler);
    lease_holder_stop(process->platform.lease_holder);
}

static struct scheduler_state state_of(const struct process *process)
{
    struct scheduler_state now;
    scheduler_get_state(process->scheduler, &now);
    return now;
}

static void await_place(const struct process *process, size_t here, size_t elsewhere)
{
    for (int i = 0; i < LONG_MS; i++) {
        struct scheduler_state now = state_of(process);
        if (now.here == here && now.elsewhere == elsewhere)
            return;
        usleep(1000);
    }
    fail_msg("not %zu here and %zu elsewhere", here, elsewhere);
}

static const char SQL_MAKE_RUNS[] = "CREATE TABLE runs (process BIGINT NOT NULL, at BIGINT NOT NULL)";
static const char SQL_NOTE_RUN[] = "INSERT INTO runs(process, at) VALUES ($1, $2)";
static const char SQL_COUNT_RUNS[] = "SELECT COUNT(*) FROM runs";
static const char SQL_COUNT_RUNNERS[] = "SELECT COUNT(DISTINCT process) FROM runs";
/* The shortest time between two runs. */
static const char SQL_CLOSEST[] =
    "SELECT MIN(later.at - earlier.at) FROM runs later JOIN runs earlier ON earlier.at < later.at";

static bool note_run(struct db *db, void *context, struct error *err)
{
    return db_execute(db, SQL_NOTE_RUN,
                      DB_ARGS(db_int((int64_t)(uintptr_t)context), db_int(clock_monotonic_us() / 1000)), NULL,
                      err);
}

static bool run_noted(void *context, char *ret_summary, size_t size, struct error *err)
{
    (void)ret_summary, (void)size;
    struct process *process = context;
    return store_write(process->platform.store, note_run, context, err);
}

#define EVERY_MS 1000
static const struct scheduled_task noted_rows[] = {
    {.name = "noted", .title = TITLE, .every_ms = EVERY_MS, .run = run_noted, .gate = TENANT_GATE_OPEN}};
static const struct scheduled_tasks noted_tasks = SCHEDULED_TASKS(noted_rows);

static void of_two_processes_one_runs_it_once_in_an_interval(void **state)
{
    struct fixture *f = *state;
    struct process a, b;
    fixture_execute(f, SQL_MAKE_RUNS, DB_NO_ARGS);
    start_process(f, &a, &noted_tasks);
    await_place(&a, 1, 0);
    start_process(f, &b, &noted_tasks);
    await_place(&b, 0, 1);
    clock_sleep_ms(3 * EVERY_MS);
    struct scheduler_state here = state_of(&a), there = state_of(&b);
    assert_int_equal(here.processes, 2);
    assert_true(here.since > clock_now_ms() - 60000 && here.since <= clock_now_ms());
    assert_int_equal(there.since, here.since);
    assert_null(there.next_name);
    assert_int_equal(there.runs, 0);
    /* Another takes over in the same rhythm, from one that ends in order as from one that stands still. */
    end_process(&a);
    await_place(&b, 1, 0);
    clock_sleep_ms(2 * EVERY_MS);
    start_process(f, &a, &noted_tasks);
    await_place(&a, 0, 1);
    b.stands_still = true;
    await_place(&a, 1, 0);
    clock_sleep_ms(2 * EVERY_MS);
    int64_t runs = fixture_int(f, SQL_COUNT_RUNS, DB_NO_ARGS),
            closest = fixture_int(f, SQL_CLOSEST, DB_NO_ARGS);
    end_process(&a);
    end_process(&b);
    assert_true(runs >= 6);
    assert_int_equal(fixture_int(f, SQL_COUNT_RUNNERS, DB_NO_ARGS), 2);
    if (closest < EVERY_MS * 9 / 10)
        fail_msg("two runs within %lld ms", (long long)closest);
}

static void what_runs_everywhere_asks_no_lease(void **state)
{
    struct fixture *f = *state;
    static const struct scheduled_task rows[] = {
        {.name = "all", .title = TITLE, .every_ms = HOUR_MS, .run = run_quick, .everywhere = true}};
    static const struct scheduled_tasks tasks = SCHEDULED_TASKS(rows);
    static const char SQL_REMEMBERED[] = "SELECT COUNT(*) FROM scheduled_tasks";
    struct process a, b;
    start_process(f, &a, &tasks);
    start_process(f, &b, &tasks);
    wait_for(&quick_runs, 2);
    end_process(&a);
    end_process(&b);
    assert_int_equal(fixture_int(f, SQL_REMEMBERED, DB_NO_ARGS), 0);
}

/* --- runs that are cut off, and ones that go on although they were taken over --- */

static void a_run_that_was_cut_off_is_made_up_for_at_once(void **state)
{
    struct fixture *f = *state;
    struct process a, b;
    start_process(f, &a, &long_tasks);
    wait_for(&slow_runs, 1);
    end_process(&a);
    start_process(f, &b, &long_tasks); /* within the hour */
    wait_for(&slow_runs, 2);
    end_process(&b);
}

/* A run that came to its end is not made again, however the clock has jumped since. */
static void how_long_ago_it_ran_survives_a_clock_that_jumps(void **state)
{
    struct fixture *f = *state;
    static const struct scheduled_task rows[] = {
        {.name = "hourly", .title = TITLE, .every_ms = HOUR_MS, .run = run_quick}};
    static const struct scheduled_tasks tasks = SCHEDULED_TASKS(rows);
    static const char SQL_SET_RUN[] = "UPDATE scheduled_tasks SET started_at = $1, ended_at = $1";
    static const struct {
        int64_t ago_ms; /* as the clock says now; below 0: ahead */
        int runs;
    } cases[] = {{0, 0}, {-DAY_MS, 0}, {DAY_MS, 1}, {HOUR_MS - 1000, 1}};
    struct process a;
    start_process(f, &a, &tasks);
    wait_for(&quick_runs, 1);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        end_process(&a);
        quick_runs = 0;
        fixture_execute(f, SQL_SET_RUN, DB_ARGS(db_int(clock_now_ms() - cases[i].ago_ms)));
        start_process(f, &a, &tasks);
        await_place(&a, 1, 0);
        struct scheduler_state now = state_of(&a);
        assert_true(now.next_in_ms <= HOUR_MS);
        clock_sleep_ms(1500);
        assert_int_equal(quick_runs, cases[i].runs);
    }
    end_process(&a);
}

static atomic_bool goes_on;
static atomic_int refused;

/* Goes on writing although the process was taken for dead; what it writes then must not stand. */
static bool run_stalled(void *context, char *ret_summary, size_t size, struct error *err)
{
    struct process *process = context;
    if (slow_runs++ > 0)
        return run_noted(context, ret_summary, size, err);
    while (!goes_on)
        usleep(1000);
    bool done = store_write(process->platform.store, note_run, context, err);
    refused += !done && err->code == ERROR_CANCELLED;
    return done;
}

static void what_was_taken_over_writes_nothing_more(void **state)
{
    struct fixture *f = *state;
    static const struct scheduled_task rows[] = {
        {.name = "stalled", .title = TITLE, .every_ms = HOUR_MS, .run = run_stalled}};
    static const struct scheduled_tasks tasks = SCHEDULED_TASKS(rows);
    struct process a, b;
    goes_on = false;
    refused = 0;
    fixture_execute(f, SQL_MAKE_RUNS, DB_NO_ARGS);
    start_process(f, &a, &tasks);
    wait_for(&slow_runs, 1);
    start_process(f, &b, &tasks);
    a.stands_still = true;
    wait_for(&slow_runs, 2); /* the other one makes up for it */
    await_place(&b, 1, 0);
    goes_on = true;
    wait_for(&refused, 1);
    a.stands_still = false;
    await_place(&a, 0, 1);
    assert_int_equal(state_of(&a).failures, 0);
    assert_int_equal(state_of(&b).failures, 0);
    assert_int_equal(fixture_int(f, SQL_COUNT_RUNS, DB_NO_ARGS), 1);
    end_process(&a);
    end_process(&b);
}

static void a_long_task_hears_that_it_was_taken_over(void **state)
{
    struct fixture *f = *state;
    struct process a, b;
    start_process(f, &a, &long_tasks);
    wait_for(&slow_runs, 1);
    start_process(f, &b, &long_tasks);
    a.stands_still = true;
    wait_for(&stop_heard, 1);
    wait_for(&slow_runs, 2);
    end_process(&a);
    end_process(&b);
}

static void it_is_known_that_a_task_runs_somewhere(void **state)
{
    struct fixture *f = *state;
    struct process a;
    bool is_running;
    start_process(f, &a, &long_tasks);
    wait_for(&slow_runs, 1);
    {
        CLEANUP(store_reader_release) struct db *db = NULL;
        must(f, store_reader(f->platform.store, 5000, &db, &f->err));
        must(f, scheduled_task_is_running(db, "long", &is_running, &f->err));
        assert_true(is_running);
        must(f, scheduled_task_is_running(db, "other", &is_running, &f->err));
        assert_false(is_running);
    }
    end_process(&a); /* cut off, with the process gone */
    CLEANUP(store_reader_release) struct db *db = NULL;
    must(f, store_reader(f->platform.store, 5000, &db, &f->err));
    must(f, scheduled_task_is_running(db, "long", &is_running, &f->err));
    assert_false(is_running);
}

int main(void)
{
#define scheduler_test(function) cmocka_unit_test_setup_teardown(function, set_up, fixture_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_that_lacks_something_is_named),
        scheduler_test(what_is_due_runs),
        scheduler_test(a_long_reason_is_cut_in_each_language),
        scheduler_test(a_running_task_is_let_finish),
        scheduler_test(a_long_task_hears_that_it_is_to_stop),
        scheduler_test(of_two_processes_one_runs_it_once_in_an_interval),
        scheduler_test(what_runs_everywhere_asks_no_lease),
        scheduler_test(a_run_that_was_cut_off_is_made_up_for_at_once),
        scheduler_test(how_long_ago_it_ran_survives_a_clock_that_jumps),
        scheduler_test(what_was_taken_over_writes_nothing_more),
        scheduler_test(a_long_task_hears_that_it_was_taken_over),
        scheduler_test(it_is_known_that_a_task_runs_somewhere),
    };
    return cmocka_run_group_tests_name("scheduler", tests, NULL, NULL);
}
