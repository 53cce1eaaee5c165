/* Jobs: rows, the runner, cancelling, stopping and starting again. */
#include <pthread.h>
#include <stdatomic.h>

#include "platform/jobs/jobs.h"
#include "platform_fixture.h"

#define FOR_EVER_MS 600000
#define READERS 4 /* of the fixture's store */

/* --- kinds to run --- */

/* Waits at item `hold_at` until that is another; how far the newest run has come; runs begun. */
static atomic_int hold_at, reached, runs, failures_left, stops_heard;
static atomic_int end_failures; /* "The end of a job was not written" in the log */

/* Every time that an item is done; an item that was done twice has two rows. */
static const char SQL_MAKE_DONE[] = "CREATE TABLE done (job_id TEXT NOT NULL, seq INTEGER NOT NULL)";
static const char SQL_NOTE_DONE[] = "INSERT INTO done(job_id, seq) VALUES ($1, $2)";
static const char SQL_COUNT_DONE[] = "SELECT COUNT(*) FROM done WHERE job_id = $1";
static const char SQL_COUNT_DIFFERENT[] = "SELECT COUNT(DISTINCT seq) FROM done WHERE job_id = $1";

struct step {
    const struct job_run *run;
    const struct job_item *item;
};

static bool do_item(struct db *db, void *context, struct error *err)
{
    const struct step *step = context;
    int64_t seq = step->item->seq;
    char result[40];
    snprintf(result, sizeof(result), "{\"done\":%d}", (int)seq);
    return db_execute(db, SQL_NOTE_DONE, DB_ARGS(db_text(step->run->job->id), db_int(seq)), NULL, err) &&
           job_item_done(db, step->run, seq, "done", "{\"created\":1}", err) &&
           job_step(db, step->run, seq, result, err);
}

static bool next_item(struct job_run *run, int64_t after, struct arena *arena, struct job_item *ret_item,
                      size_t *ret_count, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(run->platform->store, 5000, &db, err) &&
           job_items_waiting(db, run->job->id, after, 1, arena, ret_item, ret_count, err);
}

static bool run_items(struct job_run *run, struct error *err)
{
    runs++;
    for (int64_t after = 0; !job_stopping(run);) {
        struct job_item item;
        size_t count;
        if (!next_item(run, after, run->arena, &item, &count, err))
            return false;
        if (count == 0)
            return true;
        reached = (int)item.seq;
        while (hold_at == item.seq)
            usleep(1000);
        struct step step = {run, &item};
        if (!store_write(run->platform->store, do_item, &step, err))
            return false;
        after = item.seq;
    }
    return true;
}

static bool set_total(struct db *db, void *context, struct error *err)
{
    const struct job_run *run = context;
    return job_set_total(db, run, 7, err) && job_step(db, run, 7, NULL, err);
}

/* Fails as long as there are failures left. */
static bool run_stumbling(struct job_run *run, struct error *err)
{
    runs++;
    if (failures_left > 0) {
        failures_left--;
        return error_set(err, ERROR_UNAVAILABLE, "it is busy", "繁忙");
    }
    return store_write(run->platform->store, set_total, run, err);
}

static bool run_failing(struct job_run *run, struct error *err)
{
    (void)run;
    runs++;
    return error_set(err, ERROR_INVALID, "it is broken", "坏了");
}

/* All connections of the store that read; given back when the log tells that somebody waits for one. */
static struct db *hoarded[READERS];
static atomic_bool hoards;

static bool step_once(struct db *db, void *context, struct error *err)
{
    return job_set_total(db, context, 5, err) && job_step(db, context, 3, "{\"sum\":3}", err);
}

static bool finish_five(struct db *db, void *context, struct error *err)
{
    const struct job_run *run = context;
    return job_step(db, run, run->job->progress_done + 2, run->job->result, err);
}

/* Does three of five, and leaves no connection to read that by; then it goes on with what the row says. */
static bool run_hoarding(struct job_run *run, struct error *err)
{
    struct store *store = run->platform->store;
    if (runs++ > 0)
        return store_write(store, finish_five, run, err);
    if (!store_write(store, step_once, run, err))
        return false;
    for (size_t i = 0; i < READERS; i++)
        if (!store_reader(store, FOR_EVER_MS, &hoarded[i], err))
            return false;
    hoards = true;
    return error_set(err, ERROR_UNAVAILABLE, "it is busy", "繁忙");
}

struct stepping {
    const struct job_run *run;
    int64_t done;
};

static bool step_further(struct db *db, void *context, struct error *err)
{
    const struct stepping *stepping = context;
    return job_set_total(db, stepping->run, 3, err) && job_step(db, stepping->run, stepping->done, NULL, err);
}

/* One step, then it is busy; the third time it is done. */
static bool run_stepping(struct job_run *run, struct error *err)
{
    struct stepping stepping = {run, run->job->progress_done + 1};
    if (!store_write(run->platform->store, step_further, &stepping, err))
        return false;
    return stepping.done == 3 || error_set(err, ERROR_UNAVAILABLE, "it is busy", "繁忙");
}

static bool run_listening(struct job_run *run, struct error *err)
{
    (void)err;
    runs++;
    while (!job_stopping(run))
        usleep(1000);
    stops_heard++;
    return true;
}

static const struct job_kind kinds[] = {
    {.name = "items", .title = {"Items", "项目"}, .run = run_items, .resumes = true},
    {.name = "once", .title = {"Once", "一次"}, .run = run_items},
    {.name = "stumbling", .title = {"Stumbling", "磕绊"}, .run = run_stumbling, .resumes = true},
    {.name = "failing", .title = {"Failing", "失败"}, .run = run_failing, .resumes = true},
    {.name = "stepping", .title = {"Stepping", "逐步"}, .run = run_stepping, .resumes = true},
    {.name = "listening", .title = {"Listening", "等待"}, .run = run_listening, .resumes = true},
    {.name = "hoarding", .title = {"Hoarding", "占用"}, .run = run_hoarding, .resumes = true},
};

/* --- around them --- */

static void hear_log(void *context, enum log_level level, const char *source, const char *request_id,
                     const char *message)
{
    (void)context, (void)level, (void)source, (void)request_id;
    end_failures += strstr(message, "The end of a job was not written") != NULL;
    if (strstr(message, "connections to the store are busy") && atomic_exchange(&hoards, false))
        for (size_t i = 0; i < READERS; i++)
            store_reader_return(hoarded[i]);
}

static int set_up(void **state)
{
    fixture_setup(state);
    hold_at = reached = runs = failures_left = end_failures = stops_heard = 0;
    log_set_sink(hear_log, NULL);
    fixture_execute(*state, SQL_MAKE_DONE, DB_NO_ARGS);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    log_set_sink(NULL, NULL);
    {
        CLEANUP(store_reader_release) struct db *db = NULL;
        CLEANUP(strbuf_release) struct strbuf findings = {0};
        must(f, store_reader(f->platform.store, 5000, &db, &f->err));
        must(f, jobs_check(db, &findings, &f->err));
        assert_string_equal(strbuf_text(&findings), "");
    }
    return fixture_teardown(state);
}

#define jobs_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

static const struct job_kinds room = JOB_KINDS(kinds);
static const struct job_kinds *const rooms[] = {&room};

static struct jobs *start(struct fixture *f)
{
    struct jobs *jobs = NULL;
    fixture_start_leases(f);
    must(f, jobs_start(&jobs, &f->platform, rooms, ARRAY_SIZE(rooms), &f->err));
    return jobs;
}

/* As the process ends. */
static void stop(struct fixture *f, struct jobs *jobs)
{
    jobs_stop(jobs);
    fixture_stop_leases(f);
}

/* Another one on the same store. */
struct process {
    struct platform platform;
    struct jobs *jobs;
};

static void start_process(struct fixture *f, struct process *process)
{
    process->platform = f->platform;
    must(f, lease_holder_start(&process->platform.lease_holder, f->platform.store, FIXTURE_TIME_TO_LIVE_MS,
                               &f->err));
    must(f, jobs_start(&process->jobs, &process->platform, rooms, ARRAY_SIZE(rooms), &f->err));
}

static void end_process(struct process *process)
{
    jobs_stop(process->jobs);
    lease_holder_stop(process->platform.lease_holder);
}

static const struct actor someone = {"usr_1", "anna", "192.0.2.1", "request-1"};

struct asking {
    struct fixture *f;
    struct job_request request;
    int items; /* -1: one for each tenant */
    struct job job;
};

static bool ask_work(struct db *db, void *context, struct error *err)
{
    struct asking *asking = context;
    const char *targets[2000];
    if (!job_insert(db, &someone, &asking->request, &asking->f->arena, &asking->job, err))
        return false;
    for (int i = 0; i < asking->items; i++)
        targets[i] = i % 2 ? "beta" : "alpha";
    return asking->items < 0 ? job_add_all_tenants(db, &asking->job, err)
                             : job_add_items(db, &asking->job, targets, (size_t)asking->items, err);
}

static const char *ask_about(struct fixture *f, struct jobs *jobs, const char *kind, int items,
                             const char *tenant_id)
{
    struct asking asking = {f, {.kind = kind, .parameters = "{\"a\":1}", .tenant_id = tenant_id}, items, {0}};
    must(f, store_write(f->platform.store, ask_work, &asking, &f->err));
    while (clock_now_ms() == asking.job.created_at) /* so that the order is known */
        usleep(100);
    jobs_wake(jobs);
    return asking.job.id;
}

static const char *ask(struct fixture *f, struct jobs *jobs, const char *kind, int items)
{
    return ask_about(f, jobs, kind, items, NULL);
}

static struct job read_job(struct fixture *f, const char *id)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct job job = {0};
    must(f, store_reader(f->platform.store, 5000, &db, &f->err));
    must(f, job_get(db, id, &f->arena, &job, &f->err));
    return job;
}

static void check_job(struct fixture *f, const char *id, const char *status, int64_t done, int64_t total)
{
    struct job job = read_job(f, id);
    assert_string_equal(job.status, status);
    assert_int_equal(job.progress_done, done);
    assert_int_equal(job.progress_total, total);
    assert_int_equal(job.finished_at != INT_NULL, job_has_ended(&job));
}

/* So many items were done, each once. */
static void check_done(struct fixture *f, const char *id, int64_t items)
{
    assert_int_equal(fixture_int(f, SQL_COUNT_DONE, DB_ARGS(db_text(id))), items);
    assert_int_equal(fixture_int(f, SQL_COUNT_DIFFERENT, DB_ARGS(db_text(id))), items);
}

static void await_value(atomic_int *value, int at_least)
{
    for (int i = 0; i < 60000 && *value < at_least; i++)
        usleep(1000);
    assert_true(*value >= at_least);
}

/* --- running --- */

static void a_job_runs_and_says_what_it_did(void **state)
{
    struct fixture *f = *state;
    struct jobs *jobs = start(f);
    const char *id = ask(f, jobs, "items", -1);
    assert_true(jobs_wait(jobs, id, FOR_EVER_MS));
    check_job(f, id, "succeeded", 2, 2);
    check_done(f, id, 2);
    struct job job = read_job(f, id);
    assert_string_equal(job.kind, "items");
    assert_string_equal(job.parameters, "{\"a\":1}");
    assert_string_equal(job.result, "{\"done\":2}");
    assert_string_equal(job.username, "anna");
    assert_string_equal(job.request_id, "request-1");
    assert_null(job.error_en);
    assert_true(job.created_at <= job.started_at && job.started_at <= job.finished_at);
    assert_true(jobs_wait(jobs, id, 0));
    assert_string_equal(job_kind_find(jobs, "once")->title[LANGUAGE_ZH], "一次");
    assert_null(job_kind_find(jobs, "none"));
    assert_null(job_kind_find(NULL, "items"));
    stop(f, jobs);
}

static void a_job_fails_with_its_reason(void **state)
{
    struct fixture *f = *state;
    struct jobs *jobs = start(f);
    const char *failing = ask(f, jobs, "failing", 0), *unknown = ask(f, jobs, "of.tomorrow", 0);
    assert_true(jobs_wait(jobs, failing, FOR_EVER_MS));
    assert_true(jobs_wait(jobs, unknown, FOR_EVER_MS));
    check_job(f, failing, "failed", 0, 0);
    assert_string_equal(read_job(f, failing).error_en, "it is broken");
    assert_string_equal(read_job(f, failing).error_zh, "坏了");
    check_job(f, unknown, "failed", 0, 0);
    assert_non_null(strstr(read_job(f, unknown).error_en, "of.tomorrow"));
    assert_int_equal(runs, 1);
    stop(f, jobs);
}

static void what_may_pass_is_tried_again(void **state)
{
    struct fixture *f = *state;
    failures_left = 1;
    struct jobs *jobs = start(f);
    const char *id = ask(f, jobs, "stumbling", 0);
    assert_true(jobs_wait(jobs, id, FOR_EVER_MS));
    check_job(f, id, "succeeded", 7, 7);
    assert_int_equal(runs, 2);
    stop(f, jobs);
}

/* However long the row cannot be read: a second run never goes on from older figures than the first one's. */
static void what_is_tried_again_goes_on_from_its_row(void **state)
{
    struct fixture *f = *state;
    struct jobs *jobs = start(f);
    const char *id = ask(f, jobs, "hoarding", 0);
    await_value(&runs, 2);
    assert_true(jobs_wait(jobs, id, FOR_EVER_MS));
    stop(f, jobs);
    check_job(f, id, "succeeded", 5, 5);
    assert_string_equal(read_job(f, id).result, "{\"sum\":3}");
}

/* Two that wait leave both places to a third. */
static void what_waits_gives_its_place_back(void **state)
{
    struct fixture *f = *state;
    failures_left = 1000;
    struct jobs *jobs = start(f);
    const char *waiting[] = {ask(f, jobs, "stumbling", 0), ask(f, jobs, "stumbling", 0)};
    await_value(&runs, 2);
    int64_t began = clock_now_ms();
    const char *id = ask(f, jobs, "items", 2);
    assert_true(jobs_wait(jobs, id, FOR_EVER_MS));
    check_job(f, id, "succeeded", 2, 2);
    for (size_t i = 0; i < ARRAY_SIZE(waiting); i++) {
        struct job job;
        do
            job = read_job(f, waiting[i]);
        while (strcmp(job.status, "queued") != 0);
        assert_null(job.owner);
        assert_true(job.failures >= 1 && job.failures < 6);
        assert_true(job.retry_at > began && job.retry_at <= clock_now_ms() + 16000);
        assert_true(job.started_at != INT_NULL);
    }
    failures_left = 0;
    for (size_t i = 0; i < ARRAY_SIZE(waiting); i++) {
        assert_true(jobs_wait(jobs, waiting[i], FOR_EVER_MS));
        check_job(f, waiting[i], "succeeded", 7, 7);
        assert_int_equal(read_job(f, waiting[i]).failures, 0);
    }
    stop(f, jobs);
}

static const char SQL_SET_FAILURES[] = "UPDATE jobs SET failures = $2 WHERE id = $1";
static const char SQL_SET_RETRY[] = "UPDATE jobs SET retry_at = $2 WHERE id = $1";

static void what_gets_no_further_fails_in_the_end(void **state)
{
    struct fixture *f = *state;
    failures_left = 1000;
    const char *id = ask(f, NULL, "stumbling", 0), *stepping = ask(f, NULL, "stepping", 0);
    fixture_execute(f, SQL_SET_FAILURES, DB_ARGS(db_text(id), db_int(5)));
    fixture_execute(f, SQL_SET_FAILURES, DB_ARGS(db_text(stepping), db_int(5)));
    struct jobs *jobs = start(f);
    assert_true(jobs_wait(jobs, id, FOR_EVER_MS));
    check_job(f, id, "failed", 0, 0);
    assert_string_equal(read_job(f, id).error_en, "it is busy");
    assert_true(jobs_wait(jobs, stepping, FOR_EVER_MS)); /* got further, each time */
    check_job(f, stepping, "succeeded", 3, 3);
    stop(f, jobs);
}

static void a_clock_that_jumped_keeps_nothing_waiting(void **state)
{
    struct fixture *f = *state;
    const char *id = ask(f, NULL, "items", 2);
    fixture_execute(f, SQL_SET_RETRY, DB_ARGS(db_text(id), db_int(clock_now_ms() + DAY_MS)));
    struct jobs *jobs = start(f);
    assert_true(jobs_wait(jobs, id, FOR_EVER_MS));
    check_job(f, id, "succeeded", 2, 2);
    stop(f, jobs);
}

static void two_run_at_a_time(void **state)
{
    struct fixture *f = *state;
    const char *ids[3];
    hold_at = 1;
    struct jobs *jobs = start(f);
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
        ids[i] = ask(f, jobs, "items", 3);
    await_value(&runs, 2);
    struct jobs_state now;
    jobs_get_state(jobs, &now);
    assert_int_equal(now.running, 2);
    assert_int_equal(now.waiting, 1);
    check_job(f, ids[2], "queued", 0, 3);
    assert_false(jobs_wait(jobs, ids[2], 1));
    hold_at = 0;
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        assert_true(jobs_wait(jobs, ids[i], FOR_EVER_MS));
        check_job(f, ids[i], "succeeded", 3, 3);
        check_done(f, ids[i], 3);
    }
    stop(f, jobs);
}

static const struct fixture_trigger refuse_end = {"BEFORE UPDATE OF status", "jobs",
                                                  "NEW.status = 'succeeded'", NULL};

static void an_end_that_cannot_be_written_is_written_later(void **state)
{
    struct fixture *f = *state;
    fixture_set_trigger(f, &refuse_end);
    struct jobs *jobs = start(f);
    const char *id = ask(f, jobs, "items", 2), *other = ask(f, jobs, "failing", 0);
    assert_true(jobs_wait(jobs, other, FOR_EVER_MS)); /* the other thread goes on */
    await_value(&end_failures, 1);
    check_job(f, id, "running", 2, 2);
    fixture_drop_trigger(f, "jobs");
    assert_true(jobs_wait(jobs, id, FOR_EVER_MS));
    check_job(f, id, "succeeded", 2, 2);
    check_done(f, id, 2);
    stop(f, jobs);
}

/* --- cancelling --- */

static const char SQL_CANCEL_AUDITS[] =
    "SELECT COUNT(*) FROM ops_logs WHERE action = 'job.cancel' AND target_id = $1 AND username = 'anna'"
    " AND details LIKE '%\"before\":{\"kind\":\"items\",\"status\":\"running\",\"done\":1,\"total\":3}%'"
    " AND details LIKE '%\"after\":{%\"status\":\"cancelled\"%'";

static void a_cancelled_job_changes_nothing_more(void **state)
{
    struct fixture *f = *state;
    struct job job;
    hold_at = 2;
    f->platform.jobs = start(f);
    const char *id = ask(f, f->platform.jobs, "items", 3);
    await_value(&reached, 2);
    must(f, job_cancel(&f->platform, &someone, id, &f->arena, &job, &f->err));
    assert_string_equal(job.status, "cancelled");
    assert_true(jobs_wait(f->platform.jobs, id, FOR_EVER_MS));
    hold_at = 0;
    stop(f, f->platform.jobs);
    f->platform.jobs = NULL;
    check_job(f, id, "cancelled", 1, 3);
    check_done(f, id, 1);
    assert_int_equal(read_job(f, id).finished_at, job.finished_at);
    assert_string_equal(read_job(f, id).result, "{\"done\":1}");
    assert_int_equal(fixture_int(f, SQL_CANCEL_AUDITS, DB_ARGS(db_text(id))), 1);
    must_fail(f, job_cancel(&f->platform, &someone, id, &f->arena, &job, &f->err), ERROR_CONFLICT);
    must_fail(f, job_cancel(&f->platform, &someone, "job_x", &f->arena, &job, &f->err), ERROR_NOT_FOUND);
}

static void a_job_that_waits_is_cancelled_and_never_begun(void **state)
{
    struct fixture *f = *state;
    struct job job;
    const char *id = ask(f, NULL, "items", 3);
    must(f, job_cancel(&f->platform, &someone, id, &f->arena, &job, &f->err));
    struct jobs *jobs = start(f);
    assert_true(jobs_wait(jobs, ask(f, jobs, "items", 1), FOR_EVER_MS));
    stop(f, jobs);
    check_job(f, id, "cancelled", 0, 3);
    check_done(f, id, 0);
    assert_int_equal(read_job(f, id).started_at, INT_NULL);
    assert_int_equal(runs, 1);
}

/* --- the end of a process, and the next --- */

static void stopped_in_the_middle_it_goes_on_where_it_was(void **state)
{
    struct fixture *f = *state;
    hold_at = 3;
    struct jobs *jobs = start(f);
    const char *resuming = ask(f, jobs, "items", 6), *once = ask(f, jobs, "once", 6);
    await_value(&runs, 2);
    while (read_job(f, resuming).progress_done < 2 || read_job(f, once).progress_done < 2)
        usleep(1000);
    jobs_stop_soon(jobs);
    hold_at = 0;
    stop(f, jobs);
    struct job stopped = read_job(f, resuming);
    check_job(f, resuming, "queued", stopped.progress_done, 6);
    assert_true(stopped.progress_done >= 2 && stopped.progress_done < 6);
    check_job(f, once, "failed", read_job(f, once).progress_done, 6);
    assert_non_null(strstr(read_job(f, once).error_en, "process ended"));
    jobs = start(f);
    assert_true(jobs_wait(jobs, resuming, FOR_EVER_MS));
    stop(f, jobs);
    check_job(f, resuming, "succeeded", 6, 6);
    check_done(f, resuming, 6);
    assert_int_equal(read_job(f, resuming).started_at, stopped.started_at);
}

static const char SQL_SET_RUNNING[] =
    "UPDATE jobs SET status = 'running', started_at = created_at, progress_done = 2 WHERE id = $1";
static const char SQL_SET_TWO_DONE[] = "UPDATE job_items SET outcome = 'done' WHERE job_id = $1 AND seq <= 2";

/* As a process that was killed leaves it. */
static const char *leave_running(struct fixture *f, const char *kind)
{
    const char *id = ask(f, NULL, kind, 5);
    fixture_execute(f, SQL_SET_RUNNING, DB_ARGS(db_text(id)));
    fixture_execute(f, SQL_SET_TWO_DONE, DB_ARGS(db_text(id)));
    return id;
}

static void what_a_killed_process_left_is_taken_over(void **state)
{
    struct fixture *f = *state;
    const char *resuming = leave_running(f, "items"), *once = leave_running(f, "once"),
               *unknown = leave_running(f, "of.tomorrow");
    struct jobs *jobs = start(f);
    assert_true(jobs_wait(jobs, resuming, FOR_EVER_MS));
    assert_true(jobs_wait(jobs, once, FOR_EVER_MS));
    assert_true(jobs_wait(jobs, unknown, FOR_EVER_MS));
    stop(f, jobs);
    check_job(f, resuming, "succeeded", 5, 5);
    check_done(f, resuming, 3);
    check_job(f, once, "failed", 2, 5);
    check_done(f, once, 0);
    assert_non_null(strstr(read_job(f, once).error_en, "process ended"));
    assert_non_null(strstr(read_job(f, once).error_zh, "进程已结束"));
    check_job(f, unknown, "failed", 2, 5);
    assert_non_null(strstr(read_job(f, unknown).error_en, "of.tomorrow"));
}

static void an_end_that_was_never_written_is_made_up_for(void **state)
{
    struct fixture *f = *state;
    fixture_set_trigger(f, &refuse_end);
    struct jobs *jobs = start(f);
    const char *id = ask(f, jobs, "items", 2);
    await_value(&end_failures, 1);
    stop(f, jobs);
    check_job(f, id, "running", 2, 2);
    fixture_drop_trigger(f, "jobs");
    jobs = start(f);
    assert_true(jobs_wait(jobs, id, FOR_EVER_MS));
    stop(f, jobs);
    check_job(f, id, "succeeded", 2, 2);
    check_done(f, id, 2);
}

/* --- several processes --- */

static const char SQL_OWNERS[] = "SELECT COUNT(DISTINCT owner) FROM jobs WHERE status = 'running'";
static const char SQL_BURY_OWNER[] =
    "DELETE FROM processes WHERE id = (SELECT owner FROM jobs WHERE id = $1)";

static void each_process_takes_what_it_has_places_for(void **state)
{
    struct fixture *f = *state;
    const char *ids[5];
    struct process other;
    struct jobs_state now;
    hold_at = 1;
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
        ids[i] = ask(f, NULL, "items", 3);
    struct jobs *jobs = start(f);
    start_process(f, &other);
    await_value(&runs, 4);
    assert_int_equal(fixture_int(f, SQL_OWNERS, DB_NO_ARGS), 2);
    jobs_get_state(other.jobs, &now);
    assert_int_equal(now.running, 4);
    assert_int_equal(now.waiting, 1);
    hold_at = 0;
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        assert_true(jobs_wait(i % 2 ? jobs : other.jobs, ids[i], FOR_EVER_MS)); /* whoever runs it */
        check_job(f, ids[i], "succeeded", 3, 3);
        check_done(f, ids[i], 3);
        assert_null(read_job(f, ids[i]).owner);
        assert_int_equal(read_job(f, ids[i]).claim, 1);
    }
    assert_int_equal(runs, 5);
    end_process(&other);
    const char *id = ask(f, jobs, "items", 2);
    assert_true(jobs_wait(jobs, id, FOR_EVER_MS));
    stop(f, jobs);
    jobs_stop(NULL);
    jobs_stop_soon(NULL);
}

/* It stood still for so long that it was taken for dead, then goes on with the step that it was about to make. */
static void what_was_taken_over_is_done_once(void **state)
{
    struct fixture *f = *state;
    struct process other;
    hold_at = 3;
    struct jobs *jobs = start(f);
    const char *resuming = ask(f, jobs, "items", 6), *once = ask(f, jobs, "once", 6);
    await_value(&runs, 2);
    while (read_job(f, resuming).progress_done < 2 || read_job(f, once).progress_done < 2)
        usleep(1000);
    fixture_execute(f, SQL_BURY_OWNER, DB_ARGS(db_text(resuming)));
    start_process(f, &other);
    await_value(&runs, 3); /* the one that resumes, again */
    assert_int_equal(read_job(f, resuming).claim, 2);
    hold_at = 0;
    assert_true(jobs_wait(other.jobs, resuming, FOR_EVER_MS));
    assert_true(jobs_wait(other.jobs, once, FOR_EVER_MS));
    stop(f, jobs); /* until those that were taken over have ended */
    end_process(&other);
    check_job(f, resuming, "succeeded", 6, 6);
    check_done(f, resuming, 6);
    check_job(f, once, "failed", 2, 6);
    check_done(f, once, 2);
    assert_non_null(strstr(read_job(f, once).error_en, "process ended"));
    assert_int_equal(runs, 3);
}

static void a_job_hears_that_it_was_cancelled_elsewhere(void **state)
{
    struct fixture *f = *state;
    struct job job;
    struct jobs *jobs = start(f);
    const char *id = ask(f, jobs, "listening", 0);
    await_value(&runs, 1);
    must(f, job_cancel(&f->platform, &someone, id, &f->arena, &job,
                       &f->err)); /* wakes nobody: no platform.jobs */
    await_value(&stops_heard, 1);
    stop(f, jobs);
    check_job(f, id, "cancelled", 0, 0);
    assert_int_equal(runs, 1);
}

static void a_kind_that_lacks_something_is_named(void **state)
{
    struct fixture *f = *state;
    static const struct job_kind idle[] = {{.name = "idle", .title = {"Idle", "空闲"}}},
                                 untitled[] = {{.name = "untitled", .title = {"Untitled"}, .run = run_items}},
                                 again[] = {{.name = "items", .title = {"Items", "项目"}, .run = run_items}};
    static const struct job_kinds tables[] = {JOB_KINDS(idle), JOB_KINDS(untitled), JOB_KINDS(again)};
    static const char *const said[] = {"'idle' has no run", "'untitled' has no title",
                                       "two job kinds are called 'items'"};
    struct jobs *jobs = NULL;
    fixture_start_leases(f);
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        const struct job_kinds *const with[] = {&room, &tables[i]};
        must_fail(f, jobs_start(&jobs, &f->platform, with, ARRAY_SIZE(with), &f->err), ERROR_INTERNAL);
        assert_non_null(strstr(f->err.detail[LANGUAGE_EN], said[i]));
        assert_null(jobs);
    }
}

/* --- waiting --- */

static atomic_int waits_over;

struct waiter {
    struct jobs *jobs;
    const char *id;
    pthread_t thread;
    bool ended;
};

static void *wait_main(void *context)
{
    struct waiter *waiter = context;
    waiter->ended = jobs_wait(waiter->jobs, waiter->id, FOR_EVER_MS);
    waits_over++;
    return NULL;
}

static void begin_waiting(struct waiter *waiters, size_t count, struct jobs *jobs, const char *id)
{
    waits_over = 0;
    for (size_t i = 0; i < count; i++) {
        waiters[i] = (struct waiter){.jobs = jobs, .id = id};
        assert_int_equal(pthread_create(&waiters[i].thread, NULL, wait_main, &waiters[i]), 0);
    }
}

/* How many were told that it has ended. */
static size_t end_waiting(struct waiter *waiters, size_t count)
{
    size_t ended = 0;
    for (size_t i = 0; i < count; i++) {
        pthread_join(waiters[i].thread, NULL);
        ended += waiters[i].ended;
    }
    return ended;
}

static void so_many_may_wait_and_all_are_told(void **state)
{
    struct fixture *f = *state;
    size_t most = (size_t)settings_now(f->platform.settings)->workers / 4;
    struct waiter *waiters = arena_alloc(&f->arena, (most + 1) * sizeof(*waiters));
    hold_at = 1;
    struct jobs *jobs = start(f);
    const char *id = ask(f, jobs, "items", 1);
    begin_waiting(waiters, most + 1, jobs, id);
    await_value(&waits_over, 1);
    hold_at = 0;
    assert_int_equal(end_waiting(waiters, most + 1), most);
    assert_false(jobs_wait(NULL, id, FOR_EVER_MS));
    stop(f, jobs);
}

static void who_waits_is_answered_when_the_process_ends(void **state)
{
    struct fixture *f = *state;
    struct waiter waiter;
    hold_at = 1;
    struct jobs *jobs = start(f);
    const char *id = ask(f, jobs, "items", 1);
    await_value(&reached, 1);
    begin_waiting(&waiter, 1, jobs, id);
    jobs_stop_soon(jobs);
    assert_int_equal(end_waiting(&waiter, 1), 0);
    assert_false(jobs_wait(jobs, id, FOR_EVER_MS));
    hold_at = 0;
    stop(f, jobs);
}

/* --- looking and sweeping --- */

static size_t list(struct fixture *f, struct job_filter filter, struct job **ret_jobs, int64_t *ret_total)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct job_page page;
    must(f, store_reader(f->platform.store, 5000, &db, &f->err));
    must(f, job_list(db, &filter, &f->arena, &page, &f->err));
    *ret_jobs = page.jobs;
    *ret_total = page.total;
    return page.count;
}

static int64_t open_of(struct fixture *f, const char *tenant_id)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    int64_t count = 0;
    must(f, store_reader(f->platform.store, 5000, &db, &f->err));
    must(f, job_count_open_of_tenant(db, tenant_id, &count, &f->err));
    return count;
}

static void jobs_are_listed_newest_first(void **state)
{
    struct fixture *f = *state;
    struct job job, *jobs;
    int64_t total;
    const char *ids[4];
    ids[0] = ask_about(f, NULL, "items", 0, "alpha");
    ids[1] = ask(f, NULL, "items", 1); /* alpha's, by its item */
    ids[2] = ask(f, NULL, "once", 2);  /* and beta's */
    ids[3] = ask_about(f, NULL, "once", 0, "beta");
    must(f, job_cancel(&f->platform, &someone, ids[0], &f->arena, &job, &f->err));
    assert_int_equal(list(f, (struct job_filter){.page = 1, .page_size = 3}, &jobs, &total), 3);
    assert_int_equal(total, 4);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(jobs[i].id, ids[3 - i]);
    assert_int_equal(list(f, (struct job_filter){.page = 2, .page_size = 3}, &jobs, &total), 1);
    assert_string_equal(jobs[0].id, ids[0]);
    static const struct {
        const char *status, *kind, *tenant_id;
        int64_t total;
    } cases[] = {
        {"open", NULL, NULL, 3},      {"queued", NULL, NULL, 3},   {"cancelled", NULL, NULL, 1},
        {"running", NULL, NULL, 0},   {NULL, "once", NULL, 2},     {"open", "items", NULL, 1},
        {NULL, NULL, "alpha", 3},     {NULL, NULL, "beta", 2},     {"open", NULL, "alpha", 2},
        {"open", "items", "beta", 0}, {NULL, "once", "nobody", 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct job_filter filter = {.status = cases[i].status,
                                    .kind = cases[i].kind,
                                    .tenant_id = cases[i].tenant_id,
                                    .page = 1,
                                    .page_size = 20};
        assert_int_equal(list(f, filter, &jobs, &total), cases[i].total);
        assert_int_equal(total, cases[i].total);
    }
    assert_int_equal(open_of(f, "alpha"), 2);
    assert_int_equal(open_of(f, "beta"), 2);
    assert_int_equal(open_of(f, "nobody"), 0);
}

static void items_are_listed_page_by_page(void **state)
{
    struct fixture *f = *state;
    hold_at = 3;
    struct jobs *jobs = start(f);
    const char *id = ask(f, jobs, "items", 7);
    await_value(&reached, 3);
    static const struct {
        const char *outcome;
        int64_t page, first, count, total;
    } cases[] = {
        {NULL, 1, 1, 3, 7},   {NULL, 3, 7, 1, 7},      {NULL, 4, 0, 0, 7},
        {"done", 1, 1, 2, 2}, {"waiting", 2, 6, 2, 5}, {"suspended", 1, 0, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(store_reader_release) struct db *db = NULL;
        struct job_item *items;
        size_t count;
        int64_t total;
        must(f, store_reader(f->platform.store, 5000, &db, &f->err));
        must(f, job_item_list(db, id, cases[i].outcome, cases[i].page, 3, &f->arena, &items, &count, &total,
                              &f->err));
        assert_int_equal(count, cases[i].count);
        assert_int_equal(total, cases[i].total);
        if (count > 0)
            assert_int_equal(items[0].seq, cases[i].first);
        if (count > 0 && items[0].outcome)
            assert_string_equal(items[0].detail, "{\"created\":1}");
    }
    hold_at = 0;
    assert_true(jobs_wait(jobs, id, FOR_EVER_MS));
    stop(f, jobs);
}

static void an_item_is_done_once(void **state)
{
    struct fixture *f = *state;
    const char *id = ask(f, NULL, "items", 2);
    fixture_execute(f, SQL_SET_RUNNING, DB_ARGS(db_text(id)));
    struct job job = read_job(f, id);
    struct job_run run = {.platform = &f->platform, .job = &job, .actor = someone, .arena = &f->arena};
    struct job_item item = {.seq = 1};
    struct step step = {&run, &item};
    assert_false(job_stopping(&run)); /* outside of the runner nothing stops it */
    assert_int_equal(open_of(f, "alpha"), 1);
    must(f, store_write(f->platform.store, do_item, &step, &f->err));
    assert_int_equal(open_of(f, "alpha"), 0); /* its item is done */
    assert_int_equal(open_of(f, "beta"), 1);
    must_fail(f, store_write(f->platform.store, do_item, &step, &f->err), ERROR_INTERNAL);
    must(f, job_cancel(&f->platform, &someone, id, &f->arena, &job, &f->err));
    item.seq = 2;
    must_fail(f, store_write(f->platform.store, do_item, &step, &f->err), ERROR_CANCELLED);
    check_done(f, id, 1);
}

static const char SQL_MAKE_OLD[] = "UPDATE jobs SET created_at = $2, finished_at = $3 WHERE id = $1";
static const char SQL_COUNT_JOBS[] = "SELECT COUNT(*) FROM jobs";
static const char SQL_COUNT_ITEMS[] = "SELECT COUNT(*) FROM job_items";

static void old_jobs_are_swept(void **state)
{
    struct fixture *f = *state;
    int64_t now = clock_now_ms(), deleted = 0;
    struct job job;
    const char *ids[5];
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        ids[i] = ask(f, NULL, "items", i == 0 ? 1200 : 2);
        if (i < 4) /* the last one still waits, however old it is */
            must(f, job_cancel(&f->platform, &someone, ids[i], &f->arena, &job, &f->err));
    }
    const int64_t ages[][2] = {{40, 31}, {40, 32}, {40, 29}, {2, 1}, {40, 0}};
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
        fixture_execute(f, SQL_MAKE_OLD,
                        DB_ARGS(db_text(ids[i]), db_int(now - ages[i][0] * DAY_MS),
                                i < 4 ? db_int(now - ages[i][1] * DAY_MS) : db_null()));
    must(f, job_sweep(f->platform.store, 30, &deleted, &f->err));
    assert_int_equal(deleted, 2);
    assert_int_equal(fixture_int(f, SQL_COUNT_JOBS, DB_NO_ARGS), 3);
    assert_int_equal(fixture_int(f, SQL_COUNT_ITEMS, DB_NO_ARGS), 6);
    must(f, job_sweep(f->platform.store, 30, &deleted, &f->err));
    assert_int_equal(deleted, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        jobs_test(a_job_runs_and_says_what_it_did),
        jobs_test(a_job_fails_with_its_reason),
        jobs_test(what_may_pass_is_tried_again),
        jobs_test(what_is_tried_again_goes_on_from_its_row),
        jobs_test(what_waits_gives_its_place_back),
        jobs_test(what_gets_no_further_fails_in_the_end),
        jobs_test(a_clock_that_jumped_keeps_nothing_waiting),
        jobs_test(two_run_at_a_time),
        jobs_test(an_end_that_cannot_be_written_is_written_later),
        jobs_test(a_cancelled_job_changes_nothing_more),
        jobs_test(a_job_that_waits_is_cancelled_and_never_begun),
        jobs_test(stopped_in_the_middle_it_goes_on_where_it_was),
        jobs_test(what_a_killed_process_left_is_taken_over),
        jobs_test(an_end_that_was_never_written_is_made_up_for),
        jobs_test(each_process_takes_what_it_has_places_for),
        jobs_test(what_was_taken_over_is_done_once),
        jobs_test(a_job_hears_that_it_was_cancelled_elsewhere),
        jobs_test(a_kind_that_lacks_something_is_named),
        jobs_test(so_many_may_wait_and_all_are_told),
        jobs_test(who_waits_is_answered_when_the_process_ends),
        jobs_test(jobs_are_listed_newest_first),
        jobs_test(items_are_listed_page_by_page),
        jobs_test(an_item_is_done_once),
        jobs_test(old_jobs_are_swept),
    };
    return cmocka_run_group_tests_name("jobs", tests, NULL, NULL);
}
