/* The sync as the operators see it: state, failures, jobs, and the check against an index that lies. */
#include <pthread.h>
#include <stdatomic.h>

#include "knowledge_fixture.h"
#include "platform/jobs/scheduler.h"
#include "platform/knowledge/tasks.h"

/* ---- an index that can be made to fail, and to lie ---- */

#define ENTRIES_MAX 600

struct fake_entry {
    char tenant_id[16];
    int64_t id, text_hash;
};
static struct fake {
    struct vector_index index;
    struct fake_entry entries[ENTRIES_MAX];
    size_t count;
    const char *fails;                                /* this tenant's calls; NULL: none's */
    void (*meanwhile)(struct fixture *f, int64_t id); /* during the next call, once */
    struct fixture *fixture;
    int64_t id;
    int calls;
} fake;

static bool fake_call(const char *tenant_id, struct error *err)
{
    fake.calls++;
    if (fake.meanwhile) {
        void (*meanwhile)(struct fixture * f, int64_t id) = fake.meanwhile;
        fake.meanwhile = NULL;
        meanwhile(fake.fixture, fake.id);
    }
    return !fake.fails || strcmp(fake.fails, tenant_id) != 0 ||
           error_set(err, ERROR_INTERNAL, "the index says no", "索引拒绝");
}

static void fake_drop(const char *tenant_id, int64_t id)
{
    for (size_t i = 0; i < fake.count; i++)
        if (fake.entries[i].id == id && strcmp(fake.entries[i].tenant_id, tenant_id) == 0)
            fake.entries[i--] = fake.entries[--fake.count];
}

static void fake_put(const char *tenant_id, int64_t id, int64_t text_hash)
{
    fake_drop(tenant_id, id);
    assert_true(fake.count < ENTRIES_MAX);
    struct fake_entry *entry = &fake.entries[fake.count++];
    snprintf(entry->tenant_id, sizeof(entry->tenant_id), "%s", tenant_id);
    entry->id = id;
    entry->text_hash = text_hash;
}

static bool fake_upsert(struct vector_index *index, const char *tenant_id, const struct vector_item *items,
                        size_t count, struct error *err)
{
    (void)index;
    if (!fake_call(tenant_id, err))
        return false;
    for (size_t i = 0; i < count; i++)
        fake_put(tenant_id, items[i].id, items[i].text_hash);
    return true;
}

static bool fake_remove(struct vector_index *index, const char *tenant_id, const int64_t *ids, size_t count,
                        struct error *err)
{
    (void)index;
    if (!fake_call(tenant_id, err))
        return false;
    for (size_t i = 0; i < count; i++)
        fake_drop(tenant_id, ids[i]);
    return true;
}

static bool fake_list(struct vector_index *index, const char *tenant_id, vector_entry_take take,
                      void *context, struct error *err)
{
    (void)index;
    if (!fake_call(tenant_id, err))
        return false;
    for (size_t i = 0; i < fake.count; i++)
        if (strcmp(fake.entries[i].tenant_id, tenant_id) == 0)
            take(context, fake.entries[i].id, fake.entries[i].text_hash);
    return true;
}

static void fake_free(struct vector_index *index)
{
    (void)index;
}

static const struct vector_index_ops fake_ops = {
    .api_type = "fake", .upsert = fake_upsert, .remove = fake_remove, .list = fake_list, .free = fake_free};

static int set_up(void **state)
{
    fixture_setup(state);
    struct fixture *f = *state;
    f->platform.index->ops->free(f->platform.index);
    fake = (struct fake){.index = {&fake_ops}, .fixture = f};
    f->platform.index = &fake.index;
    start_jobs(f);
    return 0;
}

#define sync_test(function) cmocka_unit_test_setup_teardown(function, set_up, knowledge_tear_down)

/* ---- short forms ---- */

static struct sync_status status_of(struct fixture *f, const char *tenant_id)
{
    struct sync_status status;
    must(f, knowledge_sync_status(&f->platform, tenant_id, LANGUAGE_EN, &f->arena, &status, &f->err));
    return status;
}

static struct job sync_ends(struct fixture *f, const struct sync_request *request, const char *status)
{
    struct job job = {0};
    must(f, knowledge_sync(&f->platform, &someone, request, &f->arena, &job, &f->err));
    return end_of(f, &job, status);
}

static struct job check_ends(struct fixture *f, const char *tenant_id, bool repair)
{
    struct job job = {0};
    must(f, knowledge_sync_check(&f->platform, &someone, tenant_id, repair, &f->arena, &job, &f->err));
    return end_of(f, &job, "succeeded");
}

/* The index holds the very texts of all live pairs, and nothing else. */
static void assert_in_step(struct fixture *f)
{
    struct job job = check_ends(f, NULL, false);
    assert_int_equal(figure(&job, "missing") + figure(&job, "stale") + figure(&job, "orphaned"), 0);
    assert_int_equal(status_of(f, NULL).pending, 0);
    assert_int_equal(status_of(f, NULL).removals_pending, 0);
}

/* ---- the state ---- */

static void the_state_tells_how_far_behind_it_is(void **state)
{
    static const char older[] =
        "UPDATE tenants SET unsynced_since = unsynced_since - 90000 WHERE id = 'alpha'";
    struct fixture *f = *state;
    struct sync_status status = status_of(f, NULL);
    assert_int_equal(status.pending, 0);
    assert_int_equal(status.lag_seconds, INT_NULL);
    assert_int_equal(status.last_run, INT_NULL);
    int64_t id = fixture_add_pair(f, "alpha", "one", "1");
    fixture_add_pair(f, "beta", "two", "2");
    fixture_execute(f, older, DB_NO_ARGS);
    status = status_of(f, NULL);
    assert_int_equal(status.pending, 2);
    assert_true(status.lag_seconds >= 90 && status.lag_seconds < 600);
    assert_true(status_of(f, "beta").lag_seconds < 90);
    sync_all(f);
    status = status_of(f, NULL);
    assert_int_equal(status.pending, 0);
    assert_int_equal(status.lag_seconds, INT_NULL);
    assert_true(status.last_success >= status.last_run && status.last_run > 0);
    assert_true(status_of(f, "alpha").last_run > 0);
    assert_null(status.last_error);
    fixture_delete_pair(f, "alpha", id);
    status = status_of(f, "alpha");
    assert_int_equal(status.removals_pending, 1);
    assert_true(status.lag_seconds >= 0);
    sync_all(f);
    assert_in_step(f);
    must_fail(f, knowledge_sync_status(&f->platform, "nobody", LANGUAGE_EN, &f->arena, &status, &f->err),
              ERROR_NOT_FOUND);
}

static const char SQL_RETRY_NOW[] = "UPDATE vector_syncs SET retry_at = 0";

static void a_failing_tenant_is_remembered_and_left_alone_for_a_while(void **state)
{
    struct fixture *f = *state;
    struct sync_report report;
    fixture_add_pair(f, "alpha", "one", "1");
    int64_t other = fixture_add_pair(f, "beta", "two", "2");
    fake.fails = "alpha";
    must(f, vector_sync_run(&f->platform, NULL, &report, &f->err));
    assert_int_equal(report.failed_tenants, 1);
    assert_true(row_of(f, other).is_synced);
    struct sync_status status = status_of(f, NULL);
    assert_int_equal(status.tenants_failing_count, 1);
    assert_string_equal(status.tenants_failing[0].tenant_id, "alpha");
    assert_string_equal(status.tenants_failing[0].name, "Alpha");
    assert_string_equal(status.last_error, "the index says no");
    assert_int_equal(status.last_success, INT_NULL);
    int64_t since = status.tenants_failing[0].since;
    int calls = fake.calls;
    must(f, vector_sync_run(&f->platform, NULL, &report, &f->err));
    assert_int_equal(report.tenants, 0);
    assert_int_equal(fake.calls, calls); /* its time has not come */
    fixture_execute(f, SQL_RETRY_NOW, DB_NO_ARGS);
    must(f, vector_sync_run(&f->platform, NULL, &report, &f->err));
    assert_int_equal(fake.calls, calls + 1);
    assert_int_equal(status_of(f, NULL).tenants_failing[0].since, since);
    fake.fails = NULL;
    must(f, vector_sync_run(&f->platform, "alpha", &report, &f->err)); /* by hand: at once */
    assert_int_equal(report.pairs, 1);
    assert_int_equal(status_of(f, NULL).tenants_failing_count, 0);
}

/* ---- jobs ---- */

static void a_job_syncs_all_and_tells_who_failed(void **state)
{
    struct fixture *f = *state;
    char question[32];
    for (int i = 0; i < 250; i++) {
        snprintf(question, sizeof(question), "question %d", i);
        fixture_add_pair(f, i % 2 ? "alpha" : "beta", question, "an answer");
    }
    fake.fails = "alpha";
    struct sync_request all = {0};
    struct job job = sync_ends(f, &all, "succeeded");
    assert_int_equal(figure(&job, "tenants"), 2);
    assert_int_equal(figure(&job, "pairs"), 125);
    assert_int_equal(figure(&job, "failed_tenants"), 1);
    assert_non_null(strstr(job.result, "{\"tenant_id\":\"alpha\",\"message\":\"the index says no\""));
    assert_int_equal(job.progress_total, 250);
    struct sync_request alpha = {.tenant_id = "alpha"};
    job = sync_ends(f, &alpha, "failed");
    assert_string_equal(job.error_en, "the index says no");
    fake.fails = NULL;
    job = sync_ends(f, &alpha, "succeeded");
    assert_int_equal(figure(&job, "pairs"), 125);
    assert_int_equal(figure(&job, "failed_tenants"), 0);
    assert_in_step(f);
    assert_int_equal(audits(f, "knowledge.sync"), 3);
}

static void a_job_syncs_what_was_named(void **state)
{
    struct fixture *f = *state;
    int64_t ids[4];
    for (size_t i = 0; i < 4; i++) {
        char question[8];
        snprintf(question, sizeof(question), "q%zu", i);
        ids[i] = fixture_add_pair(f, i % 2 ? "beta" : "alpha", question, "a");
    }
    int64_t named[] = {ids[3], ids[0], ids[0]}, gone[] = {9999};
    struct sync_request some = {.ids = named, .id_count = 3}, none = {.ids = gone, .id_count = 1},
                        both = {.tenant_id = "alpha", .ids = named, .id_count = 3};
    struct job job = sync_ends(f, &some, "succeeded");
    assert_int_equal(figure(&job, "tenants"), 2);
    assert_int_equal(figure(&job, "pairs"), 2);
    assert_true(row_of(f, ids[0]).is_synced && row_of(f, ids[3]).is_synced);
    assert_false(row_of(f, ids[1]).is_synced || row_of(f, ids[2]).is_synced);
    must_fail(f, knowledge_sync(&f->platform, &someone, &none, &f->arena, &job, &f->err), ERROR_INVALID);
    must_fail(f, knowledge_sync(&f->platform, &someone, &both, &f->arena, &job, &f->err), ERROR_INVALID);
}

static void a_suspended_tenant_is_refused_by_name_and_left_out_of_all(void **state)
{
    struct fixture *f = *state;
    int64_t id = fixture_add_pair(f, "beta", "two", "2");
    fixture_set_status(f, "beta", "suspended");
    struct sync_request all = {0}, beta = {.tenant_id = "beta"};
    struct job job = sync_ends(f, &all, "succeeded");
    assert_int_equal(figure(&job, "tenants"), 0);
    must_fail(f, knowledge_sync(&f->platform, &someone, &beta, &f->arena, &job, &f->err),
              ERROR_TENANT_SUSPENDED);
    must_fail(f, knowledge_sync_check(&f->platform, &someone, "beta", true, &f->arena, &job, &f->err),
              ERROR_TENANT_SUSPENDED);
    assert_false(row_of(f, id).is_synced);
    assert_int_equal(fake.calls, 0);
}

/* ---- the check ---- */

static void the_check_finds_what_the_index_lies_about(void **state)
{
    struct fixture *f = *state;
    int64_t missing = fixture_add_pair(f, "alpha", "missing", "1");
    int64_t stale = fixture_add_pair(f, "alpha", "stale", "2");
    int64_t foreign = fixture_add_pair(f, "beta", "foreign", "3");
    fixture_add_pair(f, "alpha", "right", "4");
    sync_all(f);
    assert_in_step(f);
    int64_t pending = fixture_add_pair(f, "alpha", "pending", "5"); /* no finding: it waits */
    fake_drop("alpha", missing);
    fake_put("alpha", stale, 12345);
    fake_put("alpha", 777777, 1);  /* never was */
    fake_put("alpha", foreign, 1); /* another tenant's */
    struct job job = check_ends(f, NULL, false);
    assert_int_equal(figure(&job, "tenants"), 2);
    assert_int_equal(figure(&job, "entries"), 5);
    assert_int_equal(figure(&job, "missing"), 1);
    assert_int_equal(figure(&job, "stale"), 1);
    assert_int_equal(figure(&job, "orphaned"), 2);
    assert_int_equal(figure(&job, "repaired"), 0);
    assert_true(row_of(f, missing).is_synced); /* only looked */
    job = check_ends(f, "alpha", true);
    assert_int_equal(figure(&job, "repaired"), 4);
    assert_false(row_of(f, missing).is_synced || row_of(f, stale).is_synced || row_of(f, pending).is_synced);
    assert_true(row_of(f, foreign).is_synced);
    assert_int_equal(status_of(f, NULL).pending, 3);
    sync_all(f);
    assert_in_step(f);
}

static void the_check_of_one_failing_tenant_does_not_stop_the_others(void **state)
{
    struct fixture *f = *state;
    fixture_add_pair(f, "beta", "two", "2");
    sync_all(f);
    fake.fails = "alpha";
    struct job job = check_ends(f, NULL, true);
    assert_int_equal(figure(&job, "tenants"), 2);
    assert_int_equal(figure(&job, "entries"), 1);
    assert_int_equal(figure(&job, "failed_tenants"), 1);
}

static void the_embedded_index_tells_its_entries(void **state)
{
    struct fixture *f = *state;
    int64_t id = fixture_add_pair(f, "alpha", "Grüße 你好", "an answer");
    fixture_add_pair(f, "alpha", "no words: !!", "");
    sync_all(f);
    struct job job = check_ends(f, "alpha", false);
    assert_int_equal(figure(&job, "entries"), 2);
    assert_int_equal(figure(&job, "missing") + figure(&job, "stale") + figure(&job, "orphaned"), 0);
    fixture_delete_pair(f, "alpha", id);
    sync_all(f);
    job = check_ends(f, "alpha", false);
    assert_int_equal(figure(&job, "entries"), 1);
    assert_int_equal(figure(&job, "orphaned"), 0);
}

/* ---- what happens while the provider works ---- */

static void edit(struct fixture *f, int64_t id)
{
    fixture_edit_pair(f, "alpha", id, "one", "edited meanwhile");
}

static void delete_it(struct fixture *f, int64_t id)
{
    fixture_delete_pair(f, "alpha", id);
}

static void restore(struct fixture *f, int64_t id)
{
    struct qa_pair_detail detail;
    must(f, knowledge_restore(&f->platform, &someone, id, LANGUAGE_EN, &f->arena, &detail, &f->err));
}

/* Another process has taken this one for dead, and the newer text. */
static void sync_elsewhere(struct fixture *f)
{
    fixture_execute(f, "DELETE FROM sync_claims", DB_NO_ARGS);
    sync_all(f);
}

static void edit_and_sync(struct fixture *f, int64_t id)
{
    edit(f, id);
    sync_elsewhere(f);
    assert_true(row_of(f, id).is_synced);
}

static void delete_and_sync(struct fixture *f, int64_t id)
{
    delete_it(f, id);
    sync_elsewhere(f);
}

static void restore_and_sync(struct fixture *f, int64_t id)
{
    restore(f, id);
    sync_elsewhere(f);
}

static void no_change_is_lost_while_the_index_works(void **state)
{
    static const struct {
        bool synced, deleted; /* before the sync that is disturbed */
        void (*meanwhile)(struct fixture *f, int64_t id);
        bool lives;
    } cases[] = {
        {false, false, edit, true},          {false, false, delete_it, false},
        {false, false, edit_and_sync, true}, {false, false, delete_and_sync, false},
        {true, true, restore, true},         {true, true, restore_and_sync, true},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char question[16];
        snprintf(question, sizeof(question), "case %zu", i);
        int64_t id = fixture_add_pair(f, "alpha", question, "as it was");
        if (cases[i].synced)
            sync_all(f);
        if (cases[i].deleted)
            fixture_delete_pair(f, "alpha", id);
        fake.id = id;
        fake.meanwhile = cases[i].meanwhile;
        sync_all(f);
        sync_all(f); /* what is still to be done */
        assert_in_step(f);
        struct qa_pair_row row = row_of(f, id);
        assert_int_equal(row.deleted_at == INT_NULL, cases[i].lives);
        assert_int_equal(row.is_synced, cases[i].lives);
        if (cases[i].lives)
            fixture_delete_pair(f, "alpha", id);
    }
}

/* ---- two processes ---- */

/* An index in another place, which several processes call: it counts what it is given, and can take long. */
static struct counting {
    struct vector_index index;
    pthread_mutex_t lock;
    int puts[ENTRIES_MAX]; /* of pairs, by id less the first one's */
    int64_t first_id;
    atomic_int calls_under_way, most_under_way;
    atomic_bool holds_calls; /* a call waits until it does not any more */
} counting;

static bool counting_upsert(struct vector_index *index, const char *tenant_id,
                            const struct vector_item *items, size_t count, struct error *err)
{
    (void)index, (void)tenant_id, (void)err;
    int under_way = ++counting.calls_under_way;
    if (under_way > counting.most_under_way)
        counting.most_under_way = under_way;
    pthread_mutex_lock(&counting.lock);
    for (size_t i = 0; i < count; i++)
        counting.puts[items[i].id - counting.first_id]++;
    pthread_mutex_unlock(&counting.lock);
    do
        usleep(20000);
    while (counting.holds_calls);
    counting.calls_under_way--;
    return true;
}

static bool counting_remove(struct vector_index *index, const char *tenant_id, const int64_t *ids,
                            size_t count, struct error *err)
{
    (void)index, (void)tenant_id, (void)ids, (void)count, (void)err;
    return true;
}

static const struct vector_index_ops counting_ops = {
    .api_type = "counting", .upsert = counting_upsert, .remove = counting_remove, .free = fake_free};

/* A process: a platform with a beat, a scheduler and jobs of its own on the same store. */
struct process {
    struct platform platform;
    atomic_bool stands_still;
};

static void after_beat(void *context)
{
    struct process *process = context;
    while (process->stands_still)
        usleep(1000);
}

static void start_process(struct fixture *f, struct process *process)
{
    memset(process, 0, sizeof(*process));
    process->platform = f->platform;
    process->platform.index = &counting.index;
    process->platform.lease_holder = NULL;
    process->platform.jobs = NULL;
    must(f, lease_holder_start(&process->platform.lease_holder, f->platform.store, FIXTURE_TIME_TO_LIVE_MS,
                               &f->err));
    lease_holder_on_beat(process->platform.lease_holder, after_beat, process);
    const struct scheduled_room room = {&knowledge_tasks, &process->platform};
    process->platform.scheduler = scheduler_start(&process->platform, &room, 1, false);
    assert_non_null(process->platform.scheduler);
}

/* It cannot stand still from here on: its jobs have the beat's callback. */
static void start_jobs_of(struct fixture *f, struct process *process)
{
    static const struct job_kinds *const kinds[] = {&knowledge_job_kinds};
    must(f, jobs_start(&process->platform.jobs, &process->platform, kinds, ARRAY_SIZE(kinds), &f->err));
}

static void end_process(struct process *process)
{
    process->stands_still = false;
    jobs_stop(process->platform.jobs);
    scheduler_stop(process->platform.scheduler);
    lease_holder_stop(process->platform.lease_holder);
}

static const char SQL_UNSYNCED_LEFT[] =
    "SELECT COUNT(*) FROM qa_pairs WHERE is_synced = 0 AND deleted_at IS NULL";

static void await_synced(struct fixture *f)
{
    for (int i = 0; i < FOR_EVER_MS / 50; i++) {
        if (fixture_int(f, SQL_UNSYNCED_LEFT, DB_NO_ARGS) == 0)
            return;
        usleep(50000);
    }
    fail_msg("not all are synced");
}

#define MANY 250 /* pairs: several batches */

static void make_unsynced(struct fixture *f)
{
    counting = (struct counting){.index = {&counting_ops}, .lock = PTHREAD_MUTEX_INITIALIZER};
    for (int i = 0; i < MANY; i++) {
        char question[32];
        snprintf(question, sizeof(question), "question %d", i);
        int64_t id = fixture_add_pair(f, "alpha", question, "an answer");
        if (i == 0)
            counting.first_id = id;
    }
}

static int pairs_put(int times)
{
    int count = 0;
    for (int i = 0; i < MANY; i++)
        count += counting.puts[i] == times;
    return count;
}

static void what_several_processes_are_asked_to_sync_is_put_once(void **state)
{
    struct fixture *f = *state;
    struct process a, b;
    struct job jobs[2] = {0};
    const struct sync_request of_all = {0}, of_alpha = {.tenant_id = "alpha"};
    stop_jobs(f);
    make_unsynced(f);
    start_process(f, &a);
    start_process(f, &b);
    start_jobs_of(f, &a);
    start_jobs_of(f, &b);
    /* Beside the schedulers, who begin by themselves: each process is asked, too. */
    must(f, knowledge_sync(&a.platform, &someone, &of_all, &f->arena, &jobs[0], &f->err));
    must(f, knowledge_sync(&b.platform, &someone, &of_alpha, &f->arena, &jobs[1], &f->err));
    await_synced(f);
    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
        for (int waited_ms = 0; waited_ms < FOR_EVER_MS && !job_has_ended(&jobs[i]); waited_ms += 50) {
            usleep(50000);
            jobs[i] = read_job(f, jobs[i].id);
        }
        if (strcmp(jobs[i].status, "succeeded") != 0)
            fail_msg("job %zu %s: %s", i, jobs[i].status, jobs[i].error_en);
    }
    end_process(&a);
    end_process(&b);
    start_jobs(f);
    assert_int_equal(pairs_put(1), MANY);
    assert_int_equal(counting.most_under_way, 1);
}

static void of_a_process_that_stands_still_one_batch_is_put_again(void **state)
{
    struct fixture *f = *state;
    struct process a, b;
    stop_jobs(f);
    make_unsynced(f);
    counting.holds_calls = true;
    start_process(f, &a);
    for (int i = 0; i < FOR_EVER_MS && counting.calls_under_way == 0; i++)
        usleep(1000);
    start_process(f, &b);
    a.stands_still = true; /* in the middle of a call */
    for (int i = 0; i < FOR_EVER_MS && counting.calls_under_way == 1; i++)
        usleep(1000);
    counting.holds_calls = false;
    a.stands_still = false;
    await_synced(f);
    end_process(&a);
    end_process(&b);
    start_jobs(f);
    int once = pairs_put(1), twice = pairs_put(2);
    assert_int_equal(once + twice, MANY);
    assert_true(twice > 0 && twice <= 100); /* what was under way */
    assert_int_equal(fixture_int(f, "SELECT COUNT(*) FROM sync_claims", DB_NO_ARGS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        sync_test(the_state_tells_how_far_behind_it_is),
        sync_test(a_failing_tenant_is_remembered_and_left_alone_for_a_while),
        sync_test(a_job_syncs_all_and_tells_who_failed),
        sync_test(a_job_syncs_what_was_named),
        sync_test(a_suspended_tenant_is_refused_by_name_and_left_out_of_all),
        sync_test(the_check_finds_what_the_index_lies_about),
        sync_test(the_check_of_one_failing_tenant_does_not_stop_the_others),
        knowledge_test(the_embedded_index_tells_its_entries),
        sync_test(no_change_is_lost_while_the_index_works),
        sync_test(what_several_processes_are_asked_to_sync_is_put_once),
        sync_test(of_a_process_that_stands_still_one_batch_is_put_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
