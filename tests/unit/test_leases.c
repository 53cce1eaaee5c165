/* store/lease: processes that share a store, each a store of its own here. One that stands still is one whose beats
 * do: its thread is held in what is called after a beat. Real processes, killed and stopped, are in tests/fault. */
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "database_fixture.h"
#include "search/full_text.h"
#include "store/lease.h"

#define TIME_TO_LIVE_MS 500
#define AT_ONCE_MS (TIME_TO_LIVE_MS / 2) /* without waiting for anybody's death */
#define LONG_MS 20000
#define PROCESSES 3

struct process {
    struct store *store;
    struct lease_holder *holder;
    struct lease lease;
    atomic_bool stands_still, is_still;
};

static char directory[64], path[512];
static struct error err;
static struct process processes[PROCESSES];

#define must(call)                                                                                           \
    do {                                                                                                     \
        error_clear(&err);                                                                                   \
        if (!(call))                                                                                         \
            fail_msg("%s: %s", #call, err.detail[LANGUAGE_EN]);                                              \
    } while (0)

static int remove_one(const char *name, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(name);
}

static void after_beat(void *context)
{
    struct process *process = context;
    while (process->stands_still) {
        process->is_still = true;
        usleep(1000);
    }
    process->is_still = false;
}

static void start_process(struct process *process)
{
    must(lease_holder_start(&process->holder, process->store, TIME_TO_LIVE_MS, &err));
    lease_holder_on_beat(process->holder, after_beat, process);
    process->lease = (struct lease){.holder = process->holder, .name = "work", .since = INT_NULL};
}

static void end_process(struct process *process)
{
    process->stands_still = false;
    lease_holder_stop(process->holder);
    process->holder = NULL;
}

static void stand_still(struct process *process)
{
    process->stands_still = true;
    while (!process->is_still)
        usleep(1000);
}

static int set_up(void **state)
{
    (void)state;
    log_set_level(LOG_ERROR);
    strcpy(directory, "/tmp/test_leases.XXXXXX");
    assert_non_null(mkdtemp(directory));
    fixture_choose_path(path, sizeof(path), directory);
    memset(processes, 0, sizeof(processes));
    for (size_t i = 0; i < PROCESSES; i++) {
        struct store_options options = {.path = path,
                                        .durability = STORE_BULK,
                                        .migrations = main_migrations,
                                        .migration_count = main_migration_count,
                                        .tokenize = full_text_tokens};
        must(store_open(&processes[i].store, &options, &err));
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    lease_fence(NULL);
    for (size_t i = 0; i < PROCESSES; i++) {
        end_process(&processes[i]);
        store_close(processes[i].store);
    }
    fixture_drop_database(path);
    return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Asks again and again; how long it took until it was ours. */
static int64_t take_within(struct process *process, int64_t limit_ms)
{
    int64_t began_us = clock_monotonic_us(), took_ms = 0;
    while (!lease_held(&process->lease) && took_ms <= limit_ms) {
        must(lease_take(&process->lease, &err));
        usleep(2000);
        took_ms = (clock_monotonic_us() - began_us) / 1000;
    }
    if (!lease_held(&process->lease))
        fail_msg("not taken within %lld ms", (long long)limit_ms);
    return took_ms;
}

static const char SQL_NOTE[] = "INSERT INTO meta(name, value) VALUES ($1, $2)"
                               " ON CONFLICT (name) DO UPDATE SET value = excluded.value";

static bool note_work(struct db *db, void *context, struct error *failure)
{
    return db_execute(db, SQL_NOTE, DB_ARGS(db_text("noted_by"), db_text(context)), NULL, failure);
}

static bool note_under(struct process *process, const char *who)
{
    char text[32];
    snprintf(text, sizeof(text), "%s", who);
    lease_fence(&process->lease);
    error_clear(&err);
    bool done = store_write(process->store, note_work, text, &err);
    lease_fence(NULL);
    return done;
}

/* --- */

static void one_holds_it_and_knows_since_when(void **state)
{
    (void)state;
    struct process *a = &processes[0], *b = &processes[1];
    int64_t began = clock_now_ms();
    start_process(a);
    take_within(a, LONG_MS);
    assert_int_equal(a->lease.token, 1);
    start_process(b);
    for (int64_t end_us = clock_monotonic_us() + 3 * TIME_TO_LIVE_MS * 1000; clock_monotonic_us() < end_us;) {
        must(lease_take(&b->lease, &err));
        assert_false(lease_held(&b->lease));
        assert_true(lease_held(&a->lease));
        usleep(5000);
    }
    assert_string_equal(b->lease.process, a->lease.process);
    assert_int_equal(b->lease.since, a->lease.since);
    assert_true(b->lease.since >= began && b->lease.since <= clock_now_ms());
    struct lease_holder_state now;
    lease_holder_get_state(b->holder, &now);
    assert_int_equal(now.processes, 2);
    assert_true(now.alive);
    assert_true(lease_holder_is(b->holder, now.id));
    assert_false(lease_holder_is(b->holder, a->lease.process));
}

static void who_ends_in_order_leaves_it_to_the_next_at_once(void **state)
{
    (void)state;
    struct process *a = &processes[0], *b = &processes[1];
    start_process(a);
    take_within(a, LONG_MS);
    start_process(b);
    must(lease_take(&b->lease, &err));
    assert_false(lease_held(&b->lease));
    end_process(a);
    assert_true(take_within(b, LONG_MS) < AT_ONCE_MS);
    assert_int_equal(b->lease.token, 2);
}

/* Takes over after the time to live, and not before the one who stands still could know. */
static void who_stands_still_has_lost_it_before_another_has_it(void **state)
{
    (void)state;
    struct process *a = &processes[0], *b = &processes[1];
    start_process(a);
    start_process(b);
    take_within(a, LONG_MS);
    struct lease before = a->lease;
    stand_still(a);
    int64_t began_us = clock_monotonic_us(), lost_us = 0;
    while (!lease_held(&b->lease)) {
        must(lease_take(&b->lease, &err));
        bool both = lease_held(&b->lease) && lease_held(&a->lease);
        assert_false(both);
        if (!lost_us && !lease_held(&a->lease))
            lost_us = clock_monotonic_us();
        usleep(1000);
    }
    int64_t took_ms = (clock_monotonic_us() - began_us) / 1000;
    assert_true(lost_us > 0);
    if (took_ms < TIME_TO_LIVE_MS * 3 / 4 || took_ms > TIME_TO_LIVE_MS * 4)
        fail_msg("taken over after %lld ms", (long long)took_ms);

    assert_false(note_under(a, "a"));
    assert_int_equal(err.code, ERROR_CANCELLED);
    assert_true(note_under(b, "b"));
    a->stands_still = false;
    struct lease_holder_state now;
    do {
        lease_holder_get_state(a->holder, &now);
        usleep(1000);
    } while (strcmp(now.id, before.process) == 0);
    assert_false(note_under(a, "a"));
    must(lease_take(&a->lease, &err));
    assert_false(lease_held(&a->lease));
    assert_true(note_under(b, "b"));
    assert_true(b->lease.token > before.token);
}

static const char SQL_LEAVE_BEHIND[] =
    "INSERT INTO processes(id, machine, pid, beats, foreground_works)"
    " VALUES ('prc_before', (SELECT MAX(machine) FROM processes) || CAST($2 AS TEXT), $1, 7, 0)";
static const char SQL_LEAVE_LEASE[] =
    "INSERT INTO leases(name, holder, token, since) VALUES ('work', 'prc_before', 5, 0)";

struct left_behind {
    int64_t pid;
    const char *elsewhere; /* added to the machine's name */
};

static bool leave_behind(struct db *db, void *context, struct error *failure)
{
    const struct left_behind *left = context;
    return db_execute(db, SQL_LEAVE_BEHIND, DB_ARGS(db_int(left->pid), db_text(left->elsewhere)), NULL,
                      failure) &&
           db_execute(db, SQL_LEAVE_LEASE, DB_NO_ARGS, NULL, failure);
}

/* What a process has left that was killed, as the next one finds it. */
static int64_t take_after(int64_t pid, const char *elsewhere)
{
    struct left_behind left = {pid, elsewhere};
    start_process(&processes[1]); /* whose row says what the machine is called */
    struct lease_holder_state now;
    do
        lease_holder_get_state(processes[1].holder, &now);
    while (!now.alive);
    must(store_write(processes[1].store, leave_behind, &left, &err));
    start_process(&processes[0]);
    return take_within(&processes[0], LONG_MS);
}

static int64_t ended_process(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
    return child;
}

static void who_is_started_after_a_crash_goes_on_at_once(void **state)
{
    (void)state;
    assert_true(take_after(ended_process(), "") < AT_ONCE_MS);
    assert_int_equal(processes[0].lease.token, 6);
}

static void of_another_machine_only_its_silence_tells(void **state)
{
    (void)state;
    assert_true(take_after(ended_process(), " another") > TIME_TO_LIVE_MS * 3 / 4);
}

static void who_is_there_and_silent_is_waited_for(void **state)
{
    (void)state;
    assert_true(take_after(getpid(), "") > TIME_TO_LIVE_MS * 3 / 4);
}

/* Before anybody has taken over, too: whoever was taken for dead has to ask anew. */
static void what_was_buried_holds_nothing(void **state)
{
    (void)state;
    struct process *a = &processes[0], *b = &processes[1];
    start_process(a);
    start_process(b);
    take_within(a, LONG_MS);
    struct lease_holder_state now = {0};
    for (; now.processes < 2; usleep(1000)) /* before that it would not be missed */
        lease_holder_get_state(b->holder, &now);
    stand_still(a);
    for (; now.processes > 1; usleep(1000))
        lease_holder_get_state(b->holder, &now);
    assert_false(note_under(a, "a"));
    a->stands_still = false;
    take_within(a, LONG_MS);
    assert_true(note_under(a, "a"));
}

static bool sleep_work(struct db *db, void *context, struct error *failure)
{
    (void)context;
    clock_sleep_ms(3 * TIME_TO_LIVE_MS);
    return note_work(db, "sleeper", failure);
}

/* A store that takes nothing from anybody for a while (another's long change, a primary that was lost) makes nobody
 * dead: the one who holds it goes on. */
static void when_nobody_is_heard_nobody_is_dead(void **state)
{
    (void)state;
    struct process *a = &processes[0], *b = &processes[1];
    start_process(a);
    start_process(b);
    take_within(a, LONG_MS);
    struct lease before = a->lease;
    must(store_write(processes[2].store, sleep_work, NULL, &err));
    for (int64_t end_us = clock_monotonic_us() + 3 * TIME_TO_LIVE_MS * 1000; clock_monotonic_us() < end_us;) {
        must(lease_take(&b->lease, &err));
        assert_false(lease_held(&b->lease));
        usleep(5000);
    }
    must(lease_take(&a->lease, &err));
    assert_true(lease_held(&a->lease));
    assert_string_equal(a->lease.process, before.process);
    assert_int_equal(a->lease.token, before.token);
}

static void *write_in_background(void *context)
{
    struct process *process = context;
    store_set_background();
    must(store_write(process->store, note_work, "job", &err));
    return NULL;
}

/* What somebody waits for, and neither beats nor jobs. */
static void who_writes_for_somebody_is_known_to_the_others(void **state)
{
    (void)state;
    struct process *a = &processes[0], *b = &processes[1];
    struct lease_holder_state now;
    pthread_t thread;
    start_process(a);
    start_process(b);
    assert_int_equal(pthread_create(&thread, NULL, write_in_background, a), 0);
    pthread_join(thread, NULL);
    usleep(TIME_TO_LIVE_MS * 1000);
    lease_holder_get_state(b->holder, &now);
    assert_int_equal(now.others_wrote_us, 0);
    int64_t began_us = clock_monotonic_us();
    must(store_write(a->store, note_work, "customer", &err));
    do {
        lease_holder_get_state(b->holder, &now);
        usleep(1000);
    } while (now.others_wrote_us == 0 && clock_monotonic_us() < began_us + LONG_MS * 1000);
    assert_true(now.others_wrote_us >= began_us && now.others_wrote_us <= began_us + TIME_TO_LIVE_MS * 1000);
    lease_holder_get_state(a->holder, &now);
    assert_int_equal(now.others_wrote_us, 0);
}

static bool check_work(struct db *db, void *context, struct error *failure)
{
    return lease_check(db, context, failure);
}

static void a_fence_is_of_its_thread_its_store_and_its_taking(void **state)
{
    (void)state;
    struct process *a = &processes[0], *b = &processes[1];
    start_process(a);
    take_within(a, LONG_MS);
    struct lease older = a->lease, again = {.holder = a->holder, .name = "work"};
    must(store_write(a->store, check_work, &older, &err));
    must(lease_take(&again, &err)); /* the same process, anew */
    assert_true(lease_held(&again));
    assert_int_equal(again.token, older.token + 1);
    assert_false(store_write(a->store, check_work, &older, &err));
    assert_int_equal(err.code, ERROR_CANCELLED);
    assert_string_not_equal(err.detail[LANGUAGE_ZH], "");

    lease_fence(&older);
    assert_false(store_write(a->store, note_work, "older", &err));
    must(store_write(b->store, note_work, "another store", &err));
    lease_fence(&again);
    must(store_write(a->store, note_work, "again", &err));
    lease_fence(NULL);
    must(store_write(a->store, note_work, "none", &err));
}

/* --- many, standing still now and then: what is written under the lease is written in the order of its takings --- */

static const char SQL_MAKE_TOKENS[] =
    "INSERT INTO meta(name, value) VALUES ('newest_token', '0'), ('writes', '0')";
static const char SQL_NEWEST[] = "SELECT CAST(value AS BIGINT) FROM meta WHERE name = $1";
static const char SQL_SET[] = "UPDATE meta SET value = CAST($2 AS TEXT) WHERE name = $1";

static atomic_bool ends;
static atomic_int out_of_order;

static bool make_tokens(struct db *db, void *context, struct error *failure)
{
    (void)context;
    return db_execute(db, SQL_MAKE_TOKENS, DB_NO_ARGS, NULL, failure);
}

static bool write_token(struct db *db, void *context, struct error *failure)
{
    const struct lease *lease = context;
    int64_t newest, writes;
    if (!db_find_int(db, SQL_NEWEST, DB_ARGS(db_text("newest_token")), 0, &newest, failure) ||
        !db_find_int(db, SQL_NEWEST, DB_ARGS(db_text("writes")), 0, &writes, failure))
        return false;
    out_of_order += newest > lease->token;
    return db_execute(db, SQL_SET, DB_ARGS(db_text("newest_token"), db_int(lease->token)), NULL, failure) &&
           db_execute(db, SQL_SET, DB_ARGS(db_text("writes"), db_int(writes + 1)), NULL, failure);
}

static void *work_under_lease(void *context)
{
    struct process *process = context;
    struct error why;
    while (!ends) {
        error_clear(&why);
        if (lease_take(&process->lease, &why) && lease_held(&process->lease)) {
            lease_fence(&process->lease);
            store_write(process->store, write_token, &process->lease, &why);
            lease_fence(NULL);
        }
        usleep(2000);
    }
    return NULL;
}

static int64_t meta_int(const char *name)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    int64_t value;
    must(store_reader(processes[0].store, 5000, &db, &err));
    must(db_find_int(db, SQL_NEWEST, DB_ARGS(db_text(name)), 0, &value, &err));
    return value;
}

static void many_that_stand_still_at_random_write_in_order(void **state)
{
    (void)state;
    pthread_t threads[PROCESSES];
    unsigned seed = 20261127;
    must(store_write(processes[0].store, make_tokens, NULL, &err));
    ends = false;
    out_of_order = 0;
    for (size_t i = 0; i < PROCESSES; i++) {
        start_process(&processes[i]);
        assert_int_equal(pthread_create(&threads[i], NULL, work_under_lease, &processes[i]), 0);
    }
    for (int64_t end_us = clock_monotonic_us() + 20 * TIME_TO_LIVE_MS * 1000;
         clock_monotonic_us() < end_us;) {
        struct process *process = &processes[(size_t)rand_r(&seed) % PROCESSES];
        process->stands_still = !process->stands_still;
        usleep((useconds_t)(rand_r(&seed) % (TIME_TO_LIVE_MS * 1000)));
    }
    for (size_t i = 0; i < PROCESSES; i++)
        processes[i].stands_still = false;
    int64_t writes = meta_int("writes"); /* and in the end somebody works */
    for (int i = 0; i < LONG_MS / 10 && meta_int("writes") == writes; i++)
        usleep(10000);
    assert_true(meta_int("writes") > writes);
    ends = true;
    for (size_t i = 0; i < PROCESSES; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(out_of_order, 0);
    assert_true(meta_int("newest_token") > 1); /* it did change hands */
}

int main(void)
{
#define lease_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        lease_test(one_holds_it_and_knows_since_when),
        lease_test(who_ends_in_order_leaves_it_to_the_next_at_once),
        lease_test(who_stands_still_has_lost_it_before_another_has_it),
        lease_test(who_is_started_after_a_crash_goes_on_at_once),
        lease_test(of_another_machine_only_its_silence_tells),
        lease_test(who_is_there_and_silent_is_waited_for),
        lease_test(what_was_buried_holds_nothing),
        lease_test(when_nobody_is_heard_nobody_is_dead),
        lease_test(who_writes_for_somebody_is_known_to_the_others),
        lease_test(a_fence_is_of_its_thread_its_store_and_its_taking),
        lease_test(many_that_stand_still_at_random_write_in_order),
    };
    return cmocka_run_group_tests_name("leases", tests, NULL, NULL);
}
