/* The directory of everyone's knowledge and the full text follow the store, whoever writes it and whatever
 * happens to its rows: each list against the same question put to the store itself. */
#include "base/log.h"
#include "platform_fixture.h"

#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "directory/columns.h"
#include "ops/knowledge/knowledge_manager.h"
#include "ops/transfer/import_export_service.h"
#include "store/change_feed.h"
#include "store/full_text.h"

#define IDS_MAX 40000

/* --- fixture: the full text is right at the end of each test; the tenants' figures are not looked at, since
 * rows are changed behind their back --- */

static void check_full_text(struct fixture *f)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    CLEANUP(strbuf_release) struct strbuf findings = {0};
    must(f, store_reader(f->platform.store, 60000, &db, &f->err));
    must(f, db_snapshot_begin(db, &f->err));
    bool done = text_index_check(db, &findings, &f->err);
    db_snapshot_end(db);
    must(f, done);
    if (findings.length)
        fail_msg("%s", strbuf_text(&findings));
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    check_full_text(f);
    must(f, store_drain_deferred(f->platform.store, &f->err));
    check_full_text(f);
    fixture_close(f);
    free(f);
    return 0;
}

#define directory_test(function) cmocka_unit_test_setup_teardown(function, fixture_setup, tear_down)

static uint64_t seed = 20261123;

static size_t below(size_t limit)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(seed >> 33) % limit;
}

static void run_sql(struct fixture *f, const char *sql)
{
    fixture_execute(f, sql, DB_NO_ARGS);
}

static int64_t count_of(struct fixture *f, const char *sql)
{
    return fixture_int(f, sql, DB_NO_ARGS);
}

/* --- many pairs in one transaction --- */

struct many {
    const char *tenant_id, *form; /* of the questions, with a number */
    size_t count;
    bool fails; /* in the end */
};

static bool many_work(struct db *db, void *context, struct error *err)
{
    const struct many *many = context;
    CLEANUP(arena_release) struct arena arena = {0};
    struct qa_pair *pairs = arena_alloc(&arena, (many->count + 1) * sizeof(*pairs));
    int64_t revision;
    for (size_t i = 0; i < many->count; i++)
        pairs[i] = (struct qa_pair){.tenant_id = many->tenant_id,
                                    .question = arena_printf(&arena, many->form, (int)i),
                                    .answer = "a"};
    return tenant_next_revision(db, many->tenant_id, &revision, err) &&
           qa_pairs_insert(db, revision, pairs, many->count, NULL, err) &&
           (!many->fails || error_set(err, ERROR_INVALID, "It fails.", "失败。"));
}

static void add_many(struct fixture *f, const char *tenant_id, const char *form, size_t count)
{
    struct many many = {tenant_id, form, count, false};
    must(f, store_write(f->platform.store, many_work, &many, &f->err));
}

/* --- lists against the store --- */

static struct qa_filter any_filter(void)
{
    return (struct qa_filter){.is_synced = SYNCED_ANY, .quality_min = NAN, .quality_max = NAN};
}

/* All pages, one after the other; returns how many pairs there were. */
static size_t walk(struct fixture *f, struct knowledge_directory *directory, struct qa_filter filter,
                   const char *sort, int64_t *ids)
{
    struct qa_list_request request = {.filter = filter, .sort = sort, .page = 1, .page_size = 200};
    CLEANUP(arena_release) struct arena arena = {0};
    size_t count = 0;
    do {
        CLEANUP(store_reader_release) struct db *db = NULL;
        struct qa_list list;
        must(f, store_reader(f->platform.store, 60000, &db, &f->err));
        must(f, knowledge_list(directory, db, &request, &arena, &list, &f->err));
        assert_true(count + list.items_count <= IDS_MAX);
        for (size_t i = 0; i < list.items_count; i++)
            ids[count++] = list.items[i].id;
        request.cursor = list.next_cursor;
    } while (request.cursor);
    return count;
}

static void check_ids(struct fixture *f, const int64_t *ids, size_t count, const char *sql, const char *what)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    size_t at = 0;
    must(f, store_reader(f->platform.store, 60000, &db, &f->err));
    must(f, db_query(db, sql, DB_NO_ARGS, &rows, &f->err));
    for (; db_next(&rows); at++)
        if (at == count || ids[at] != db_column_int(&rows, 0))
            fail_msg("%s: at %zu is %lld, the store says %lld", what, at,
                     at < count ? (long long)ids[at] : -1, (long long)db_column_int(&rows, 0));
    must(f, db_done(&rows, &f->err));
    assert_int_equal(at, count);
    db_rows_release(&rows);
}

#define LIVE " FROM qa_pairs q JOIN tenants t ON t.id = q.tenant_id WHERE q.deleted_at IS NULL"
static const struct {
    const char *sort, *sql;
} orders[] = {
    {"id", "SELECT q.id" LIVE " ORDER BY q.id"},
    {"-updated_at", "SELECT q.id" LIVE " ORDER BY q.updated_at DESC, q.id DESC"},
    {"question", "SELECT q.id" LIVE " ORDER BY q.question, q.id"},
    {"-question", "SELECT q.id" LIVE " ORDER BY q.question DESC, q.id DESC"},
    {"category", "SELECT q.id" LIVE " ORDER BY q.category, q.id"},
    {"-tenant_name", "SELECT q.id" LIVE " ORDER BY t.name DESC, t.id DESC, q.id DESC"},
};

static void check_lists_of(struct fixture *f, struct knowledge_directory *directory)
{
    int64_t *ids = malloc(IDS_MAX * sizeof(*ids));
    for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
        size_t count = walk(f, directory, any_filter(), orders[i].sort, ids);
        check_ids(f, ids, count, orders[i].sql, orders[i].sort);
    }
    free(ids);
}

static void check_lists(struct fixture *f)
{
    check_lists_of(f, f->platform.directory);
}

static void check_by_question(struct fixture *f)
{
    int64_t *ids = malloc(IDS_MAX * sizeof(*ids));
    check_ids(f, ids, walk(f, f->platform.directory, any_filter(), "question", ids), orders[2].sql,
              "question");
    free(ids);
}

/* --- following --- */

static struct store *open_again(struct fixture *f)
{
    struct store *store = NULL;
    struct store_options options = {.path = f->store_path,
                                    .durability = STORE_BULK,
                                    .migrations = main_migrations,
                                    .migration_count = main_migration_count,
                                    .tokenize = full_text_tokens};
    must(f, store_open(&store, &options, &f->err));
    return store;
}

static void test_what_another_writer_changes_is_seen(void **state)
{
    struct fixture *f = *state;
    struct store *own = f->platform.store, *other = open_again(f);
    check_lists(f);
    for (int round = 0; round < 20; round++) {
        char question[32];
        snprintf(question, sizeof(question), "question %zu", below(1000));
        f->platform.store = round % 3 ? other : own;
        int64_t id = fixture_add_pair(f, round % 2 ? "alpha" : "beta", question, "answer");
        f->platform.store = round % 3 ? own : other;
        check_lists(f);
        if (round % 4 == 0) {
            fixture_edit_pair(f, round % 2 ? "alpha" : "beta", id, "edited", "by the other");
            f->platform.store = own;
            check_lists(f);
        }
    }
    f->platform.store = own;
    store_close(other);
}

#define REMEMBERED 2000 /* commits of which the store knows what they have changed */

static void test_more_commits_than_are_remembered(void **state)
{
    struct fixture *f = *state;
    SQLITE_ONLY(); /* another remembers ten times as much */
    for (int i = 0; i < 5; i++)
        fixture_add_pair(f, "alpha", "same question", "answer");
    for (int commits = REMEMBERED - 1; commits <= REMEMBERED + 1; commits++) {
        check_lists(f);
        for (int i = 0; i < commits; i++)
            run_sql(f, i == 0 ? "DELETE FROM qa_pairs WHERE id = (SELECT MIN(id) FROM qa_pairs)"
                              : "UPDATE qa_pairs SET hit_count = hit_count + 1 WHERE id ="
                                " (SELECT MAX(id) FROM qa_pairs)");
        assert_int_equal(count_of(f, "SELECT COUNT(*) FROM qa_pairs_changes") <= REMEMBERED, 1);
        check_lists(f);
    }
}

static void test_an_unreadable_note_of_changes(void **state)
{
    struct fixture *f = *state;
    add_many(f, "alpha", "q %d", 30);
    check_lists(f);
    run_sql(f, "UPDATE qa_pairs SET question = 'other' WHERE id = 7");
    run_sql(f, "UPDATE qa_pairs_changes SET pairs = '5-x 7' WHERE sequence ="
               " (SELECT MAX(sequence) FROM qa_pairs_changes)");
    check_lists(f);
    run_sql(f, "DELETE FROM qa_pairs WHERE id = 8");
    check_lists(f);
}

static void test_reading_goes_on_after_a_timeout(void **state)
{
    struct fixture *f = *state;
    add_many(f, "alpha", "question %d", fixture_is_postgresql() ? 3000 : 30000);
    bool done = false;
    for (int limit = 1; !done; limit *= 2) {
        CLEANUP(store_reader_release) struct db *db = NULL;
        must(f, store_reader(f->platform.store, limit, &db, &f->err));
        error_clear(&f->err);
        done = knowledge_directory_refresh(f->platform.directory, db, &f->err);
        if (!done)
            assert_int_equal(f->err.code, ERROR_TIMEOUT);
        db_set_deadline(db, 0);
        store_reader_return(db);
        db = NULL;
        fixture_add_pair(f, "beta", "in between", "answer");
    }
    check_lists(f);
}

/* --- rows that go --- */

static void test_rows_that_are_gone(void **state)
{
    struct fixture *f = *state;
    add_many(f, "alpha", "question %05d", 16000);
    check_by_question(f);
    run_sql(f, "UPDATE qa_pairs SET deleted_at = 5 WHERE id % 10 = 3"); /* a tenth, deleted */
    check_by_question(f);
    run_sql(f, "DELETE FROM qa_pairs WHERE id % 10 = 3"); /* and purged */
    check_by_question(f);
    run_sql(f, "DELETE FROM qa_pairs WHERE id % 10 < 8"); /* more than are kept as places */
    check_lists(f);
    add_many(f, "beta", "question %05d", 300);
    check_lists(f);
    run_sql(f, "DELETE FROM qa_pairs");
    check_lists(f);
    fixture_add_pair(f, "beta", "one", "answer");
    check_lists(f);
}

/* As a restored backup of single rows would do it. */
static void test_a_row_comes_back(void **state)
{
    struct fixture *f = *state;
    add_many(f, "alpha", "question %d", 20);
    check_lists(f);
    run_sql(f, "CREATE TABLE kept AS SELECT * FROM qa_pairs WHERE id IN (5, 6, 20)");
    run_sql(f, "DELETE FROM qa_pairs WHERE id IN (5, 6, 20)");
    check_lists(f);
    /* No statement of the product gives an id a second time, and the full text takes what is inserted for new: it must
     * have let go of the row that was there. */
    must(f, store_drain_deferred(f->platform.store, &f->err));
    run_sql(f, "INSERT INTO qa_pairs SELECT * FROM kept");
    check_lists(f);
    run_sql(f, "DROP TABLE kept");
}

static void test_ids_beyond_32_bits(void **state)
{
    struct fixture *f = *state;
    add_many(f, "alpha", "question %d", 10);
    check_lists(f);
    run_sql(f, fixture_is_postgresql()
                   ? "ALTER TABLE qa_pairs ALTER COLUMN id RESTART WITH 5000000001"
                   : "UPDATE sqlite_sequence SET seq = 5000000000 WHERE name = 'qa_pairs'");
    add_many(f, "beta", "far question %d", 10);
    check_lists(f);
    run_sql(f, "DELETE FROM qa_pairs WHERE id > 5000000003");
    check_lists(f);
    run_sql(f, "DELETE FROM qa_pairs WHERE id > 5000000000"); /* a check has room for few of such ids */
}

/* --- orders --- */

static void rename_tenant(struct fixture *f, const char *id, const char *name)
{
    struct tenant tenant;
    struct tenant_edit edit = {.name = name, .version = INT_NULL};
    must(f, tenant_update(f->platform.store, &actor_system, id, &edit, &f->arena, &tenant, &f->err));
}

static void test_a_tenant_is_renamed(void **state)
{
    struct fixture *f = *state;
    struct tenant gamma;
    add_many(f, "alpha", "a %d", 250);
    add_many(f, "beta", "b %d", 250);
    check_lists(f);
    rename_tenant(f, "alpha", "Zeta");
    check_lists(f);
    rename_tenant(f, "beta", "Zeta"); /* the same name: by id */
    check_lists(f);
    must(f, tenant_add(f->platform.store, &actor_system, "gamma", "Aaa", NULL, &f->arena, &gamma, &f->err));
    check_lists(f);
    fixture_add_pair(f, "gamma", "c", "answer");
    check_lists(f);
}

static void test_questions_are_edited_and_added(void **state)
{
    struct fixture *f = *state;
    static const char *const tenants[] = {"alpha", "beta"};
    add_many(f, "alpha", "q %d", 400);
    for (int round = 0; round < fixture_rounds(300); round++) {
        char question[32];
        const char *tenant = tenants[below(2)];
        snprintf(question, sizeof(question), below(3) ? "q %zu" : "%zu 问", below(500)); /* many are equal */
        if (below(2))
            fixture_add_pair(f, tenant, question, "answer");
        else
            fixture_edit_pair(f, "alpha", 1 + (int64_t)below(400), question, "answer");
        if (round % 10 == 0)
            check_by_question(f);
    }
    check_lists(f);
}

/* Between following the store and ranking what is new, a neighbour becomes another question: its rank is still
 * that of the one before. */
static void test_a_neighbour_is_edited_meanwhile(void **state)
{
    struct fixture *f = *state;
    struct knowledge_directory *directory = f->platform.directory;
    CLEANUP(store_reader_release) struct db *db = NULL;
    int64_t id = fixture_add_pair(f, "alpha", "a", "answer");
    for (const char *const *between = (const char *const[]){"m", "n", "o", "z", NULL}; *between; between++)
        fixture_add_pair(f, "alpha", *between, "answer");
    check_by_question(f);
    fixture_add_pair(f, "alpha", "y", "answer");
    must(f, store_reader(f->platform.store, 60000, &db, &f->err));
    must(f, directory_lock(directory, db, &f->err));
    directory_unlock(directory);
    fixture_edit_pair(f, "alpha", id, "x", "answer");
    pthread_mutex_lock(&directory->ranking);
    bool done = directory_rank_questions(directory, db, &f->err);
    pthread_mutex_unlock(&directory->ranking);
    assert_true(done);
    fixture_edit_pair(f, "alpha", id, "b", "answer"); /* and goes away again */
    check_by_question(f);
}

struct looker {
    struct fixture *f;
    int64_t total; /* of the list that it got, while the other one was still reading */
    bool done;
    struct error err;
};

/* As any request would. */
static void *look(void *context)
{
    struct looker *looker = context;
    struct knowledge_directory *directory = looker->f->platform.directory;
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct qa_list_request request = {
        .filter = {.is_synced = SYNCED_ANY, .quality_min = NAN, .quality_max = NAN},
        .sort = KNOWLEDGE_SORT_DEFAULT,
        .page = 1,
        .page_size = 20};
    struct qa_list list = {0}, by_question = {0};
    struct knowledge_facets facets;
    struct knowledge_overview overview = {0};
    looker->done = store_reader(looker->f->platform.store, 60000, &db, &looker->err) &&
                   knowledge_list(directory, db, &request, &arena, &list, &looker->err) &&
                   knowledge_facets(directory, db, NULL, NULL, &arena, &facets, &looker->err) &&
                   knowledge_overview(directory, db, NULL, &arena, &overview, &looker->err);
    request.sort = "question";
    looker->done =
        looker->done && knowledge_list(directory, db, &request, &arena, &by_question, &looker->err);
    looker->total =
        list.total == overview.total_qa_pairs && list.total == by_question.total ? list.total : -1;
    return NULL;
}

static void look_meanwhile(void *context)
{
    pthread_t thread;
    pthread_create(&thread, NULL, look, context);
    pthread_join(thread, NULL); /* it does not wait for who is in the middle of reading all pairs */
}

/* Too many changes were missed: all pairs are read anew, and whoever looks meanwhile is answered as it was. */
static void test_nobody_waits_for_a_reading_of_all(void **state)
{
    struct fixture *f = *state;
    struct knowledge_directory *directory = f->platform.directory;
    struct looker looker = {.f = f, .total = -1};
    CLEANUP(store_reader_release) struct db *db = NULL;
    fixture_add_pair(f, "alpha", "before", "answer");
    check_by_question(f);
    run_sql(f, "DELETE FROM qa_pairs_changes");
    for (int i = 0; i < 3; i++)
        fixture_add_pair(f, "alpha", (const char *const[]){"one", "two", "three"}[i], "answer");
    run_sql(f, "DELETE FROM qa_pairs_changes WHERE sequence < (SELECT MAX(sequence) FROM qa_pairs_changes)");
    directory->on_piece = look_meanwhile;
    directory->on_piece_context = &looker;
    must(f, store_reader(f->platform.store, 60000, &db, &f->err));
    must(f, knowledge_directory_refresh(directory, db, &f->err));
    directory->on_piece = NULL;
    if (!looker.done)
        fail_msg("%s", looker.err.detail[LANGUAGE_EN]);
    assert_int_equal(looker.total, 1);
    store_reader_return(db);
    db = NULL;
    check_by_question(f); /* and then as it is */
}

/* Each new question between the one before and the next: half the room each time. */
static void test_no_room_between_two_questions(void **state)
{
    struct fixture *f = *state;
    char question[128] = "m";
    fixture_add_pair(f, "alpha", "m", "answer");
    fixture_add_pair(f, "alpha", "n", "answer");
    for (size_t i = 1; i < 80; i++) {
        check_by_question(f);
        question[i] = 'z';
        question[i + 1] = '\0';
        fixture_add_pair(f, "alpha", question, "answer");
    }
    check_lists(f);
}

/* Few enough to be ranked one by one: all alike, or each the neighbour of another new one, so that looking for
 * neighbours would be more work than ranking all. */
static void test_hundreds_of_new_questions(void **state)
{
    struct fixture *f = *state;
    add_many(f, "alpha", "q %d", 300);
    check_by_question(f);
    add_many(f, "beta", "q 77", 300);
    check_by_question(f);
    add_many(f, "beta", "r %04d", 200);
    check_by_question(f);
    add_many(f, "alpha", "r 0005", 40);
    check_by_question(f);
}

static size_t unranked_after_looking(struct fixture *f)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    must(f, store_reader(f->platform.store, 60000, &db, &f->err));
    must(f, knowledge_directory_rank(f->platform.directory, db, &f->err));
    return f->platform.directory->unranked_count;
}

static void test_questions_are_ranked_when_no_more_come(void **state)
{
    struct fixture *f = *state;
    add_many(f, "alpha", "q %d", 1100);
    assert_int_equal(unranked_after_looking(f), 0); /* the first time at once */
    add_many(f, "alpha", "r %d", 1100);
    assert_int_equal(unranked_after_looking(f), 1100);
    add_many(f, "alpha", "s %d", 10);
    assert_int_equal(unranked_after_looking(f), 1110);
    assert_int_equal(unranked_after_looking(f), 0);
    fixture_add_pair(f, "alpha", "one more", "answer");
    assert_int_equal(unranked_after_looking(f), 0);
    add_many(f, "beta", "t %d", 1100);
    check_by_question(f); /* who asks for this order does not wait for that */
}

static void test_facets_without_what_was_deleted(void **state)
{
    struct fixture *f = *state;
    struct knowledge_facets facets;
    add_many(f, "alpha", "q %d", 30);
    add_many(f, "beta", "q %d", 7);
    run_sql(f, "UPDATE qa_pairs SET category = 'few' WHERE id <= 3");
    run_sql(f, "UPDATE qa_pairs SET deleted_at = 5 WHERE id = 1 OR id = 30");
    run_sql(f, "DELETE FROM qa_pairs WHERE id = 2 OR id = 29");
    CLEANUP(store_reader_release) struct db *db = NULL;
    must(f, store_reader(f->platform.store, 60000, &db, &f->err));
    must(f, knowledge_facets(f->platform.directory, db, "alpha", NULL, &f->arena, &facets, &f->err));
    assert_int_equal(facets.categories_count, 2);
    assert_string_equal(facets.categories[0].name, "");
    assert_int_equal(facets.categories[0].count, 25);
    assert_string_equal(facets.categories[1].name, "few");
    assert_int_equal(facets.categories[1].count, 1);
    assert_int_equal(facets.sources_count, 1);
    assert_int_equal(facets.sources[0].count, 26);
    must(f, knowledge_facets(f->platform.directory, db, "nobody", NULL, &f->arena, &facets, &f->err));
    assert_int_equal(facets.categories_count + facets.sources_count, 0);
}

/* --- which pairs a commit has changed --- */

/* What was told behind `since`, as text; `since` is then the newest. */
static const char *changes_since(struct fixture *f, struct change_place *since)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    CLEANUP(strbuf_release) struct strbuf text = {0};
    struct changes changes;
    must(f, store_reader(f->platform.store, 5000, &db, &f->err));
    must(f, change_feed_read(db, since, &f->arena, &changes, &f->err));
    assert_false(changes.too_old);
    assert_false(changes.more);
    for (size_t i = 0; i < changes.count; i++) {
        struct id_range range = changes.ranges[i];
        strbuf_printf(&text, i > 0 ? " %lld" : "%lld", (long long)range.first);
        if (range.last > range.first)
            strbuf_printf(&text, "-%lld", (long long)range.last);
    }
    *since = changes.read_to;
    return arena_strdup(&f->arena, strbuf_text(&text));
}

static bool touch_work(struct db *db, void *context, struct error *err)
{
    static const char SQL_TOUCH[] = "UPDATE qa_pairs SET hit_count = hit_count + 1 WHERE id = $1";
    for (const char *id = context; *id; id++)
        if (!db_execute(db, SQL_TOUCH, DB_ARGS(db_int(*id - '0')), NULL, err))
            return false;
    return true;
}

static void check_change(struct fixture *f, struct change_place *since, char *ids, const char *expected)
{
    must(f, store_write(f->platform.store, touch_work, ids, &f->err));
    assert_string_equal(changes_since(f, since), expected);
}

static void test_ranges_of_changes(void **state)
{
    struct fixture *f = *state;
    struct change_place since = {0};
    char one[] = "4", two[] = "12", apart[] = "24", mixed[] = "95346", twice[] = "44844";
    add_many(f, "alpha", "q %d", 9);
    assert_string_equal(changes_since(f, &since), "1-9");
    check_change(f, &since, one, "4");
    check_change(f, &since, two, "1-2");
    check_change(f, &since, apart, "2 4");
    check_change(f, &since, mixed, "3-6 9");
    check_change(f, &since, twice, "4 8");
    run_sql(f, "UPDATE qa_pairs SET hit_count = 1 WHERE id IN (2, 3, 7)");
    run_sql(f, "DELETE FROM qa_pairs WHERE id IN (7, 9)");
    assert_string_equal(changes_since(f, &since), "2-3 7 9");
    assert_string_equal(changes_since(f, &since), "");
}

static void test_what_was_rolled_back_is_not_told(void **state)
{
    struct fixture *f = *state;
    struct many many = {"alpha", "q %d", 5, true};
    struct change_place since = {0};
    char expected[24];
    must_fail(f, store_write(f->platform.store, many_work, &many, &f->err), ERROR_INVALID);
    assert_string_equal(changes_since(f, &since), "");
    run_sql(f, "UPDATE tenants SET version = version WHERE id = 'alpha'");
    assert_string_equal(changes_since(f, &since), "");
    assert_int_equal(since.sequence, 0);
    snprintf(expected, sizeof(expected), "%lld", (long long)fixture_add_pair(f, "alpha", "q", "answer"));
    assert_string_equal(changes_since(f, &since), expected);
}

/* A database that went on from an older copy of itself gives a sequence to another change. */
static void test_a_change_of_another_past(void **state)
{
    struct fixture *f = *state;
    add_many(f, "alpha", "q %d", 9);
    check_lists(f);
    run_sql(f, "UPDATE qa_pairs SET hit_count = 7 WHERE id = 3");
    run_sql(f, "UPDATE qa_pairs_changes SET pairs = '5', stamp = stamp + 1");
    fixture_add_pair(f, "alpha", "one more", "answer");
    check_lists(f);
}

/* --- the writer is kept busy until what is queued behind makes one batch --- */

static bool wait_work(struct db *db, void *context, struct error *err)
{
    (void)db, (void)err;
    while (sem_wait(context) != 0)
        ;
    return true;
}

static void count_done(void *context, const struct error *err)
{
    (void)err;
    atomic_fetch_add((atomic_int *)context, 1);
}

struct queued {
    struct many many;
    atomic_int *done;
};

static bool queued_work(struct db *db, void *context, struct error *err)
{
    struct queued *queued = context;
    return many_work(db, &queued->many, err);
}

static void queued_done(void *context, const struct error *err)
{
    struct queued *queued = context;
    count_done(queued->done, err);
}

static void test_a_work_of_a_batch_fails(void **state)
{
    struct fixture *f = *state;
    struct store *store = f->platform.store;
    atomic_int done = 0;
    struct queued kept = {{"alpha", "q %d", 300, false}, &done},
                  failing = {{"beta", "r %d", 300, true}, &done};
    sem_t go;
    sem_init(&go, 0, 0);
    check_lists(f);
    assert_true(store_write_async(store, wait_work, NULL, &go));
    assert_true(store_write_async(store, queued_work, queued_done, &kept));
    assert_true(store_write_async(store, queued_work, queued_done, &failing));
    sem_post(&go);
    while (atomic_load(&done) < 2)
        usleep(1000);
    /* the full text does not expect pairs that are not there: their ids are those of the next ones */
    assert_int_equal(count_of(f, "SELECT COUNT(*) FROM qa_pairs_text_new"
                                 " WHERE last > (SELECT MAX(id) FROM qa_pairs)"),
                     0);
    check_lists(f);
    add_many(f, "beta", "s %d", 200);
    check_lists(f);
    sem_destroy(&go);
}

/* --- the full text catches up --- */

#define BEHIND "(SELECT COUNT(*) FROM qa_pairs_text_changes) + (SELECT COUNT(*) FROM qa_pairs_text_new)"

static void wait_for_full_text(struct fixture *f)
{
    while (count_of(f, "SELECT " BEHIND) > 0)
        usleep(2000);
    check_full_text(f);
}

static void test_full_text_while_idle(void **state)
{
    struct fixture *f = *state;
    add_many(f, "alpha", "question %d", 1000);
    wait_for_full_text(f);
    run_sql(f, "UPDATE qa_pairs SET question = question || ' more' WHERE id % 3 = 0");
    run_sql(f, "UPDATE qa_pairs SET deleted_at = 5 WHERE id % 5 = 0");
    run_sql(f, "DELETE FROM qa_pairs WHERE id % 7 = 0");
    wait_for_full_text(f);
}

static bool come_and_go(struct db *db, void *context, struct error *err)
{
    struct many many = {"alpha", "q %d", 5, false};
    (void)context;
    return many_work(db, &many, err) &&
           db_execute(db, "DELETE FROM qa_pairs WHERE id > 3", DB_NO_ARGS, NULL, err);
}

static void test_full_text_of_pairs_that_come_and_go(void **state)
{
    struct fixture *f = *state;
    must(f, store_write(f->platform.store, come_and_go, NULL, &f->err));
    must(f, store_drain_deferred(f->platform.store, &f->err));
    check_full_text(f);
}

static void test_full_text_while_busy(void **state)
{
    struct fixture *f = *state;
    add_many(f, "alpha", "question %d", 600);
    while (count_of(f, "SELECT COUNT(*) FROM qa_pairs_text_new WHERE first <= 600") > 0)
        fixture_add_pair(f, "alpha", "one more", "answer");
    check_full_text(f);
}

/* Pairs that come one at a time faster than they are indexed are one range, not as many as pairs. */
static void test_ranges_of_new_texts_are_one(void **state)
{
    struct fixture *f = *state;
    SQLITE_ONLY();
    for (int i = 0; i < 50; i++) {
        fixture_add_pair(f, "alpha", "one more", "answer");
        assert_true(count_of(f, "SELECT COUNT(*) FROM qa_pairs_text_new") <= 1);
    }
}

/* Ranges that lie as far apart as a piece is long. */
static void test_ranges_of_new_texts_far_apart(void **state)
{
    struct fixture *f = *state;
    SQLITE_ONLY();
    run_sql(f, "CREATE TRIGGER broken BEFORE DELETE ON qa_pairs_text_new BEGIN"
               " SELECT RAISE(ABORT, 'broken'); END"); /* until all are there */
    for (int i = 0; i < 4; i++) {
        fixture_add_pair(f, "alpha", "one more", "answer");
        run_sql(f, "UPDATE sqlite_sequence SET seq = (seq + 255) / 256 * 256 WHERE name = 'qa_pairs'");
    }
    run_sql(f, "DROP TRIGGER broken");
    wait_for_full_text(f);
}

static void count_lines_of_full_text(void *context, enum log_level level, const char *source,
                                     const char *request_id, const char *message)
{
    (void)source, (void)request_id;
    atomic_int *lines = context;
    if (level == LOG_WARN && strstr(message, "what the full text lacks") && strstr(message, "broken"))
        (*lines)++;
}

/* It is said, once for all tries within a minute. */
static void test_full_text_after_a_failed_piece(void **state)
{
    struct fixture *f = *state;
    SQLITE_ONLY();
    atomic_int lines = 0;
    log_set_sink(count_lines_of_full_text, &lines);
    run_sql(f, "CREATE TRIGGER broken BEFORE DELETE ON qa_pairs_text_new BEGIN"
               " SELECT RAISE(ABORT, 'broken'); END");
    add_many(f, "alpha", "question %d", 100);
    must_fail(f, store_drain_deferred(f->platform.store, &f->err), ERROR_CONFLICT);
    assert_int_equal(count_of(f, "SELECT " BEHIND), 1);
    check_full_text(f);
    add_many(f, "alpha", "another %d", 100);
    while (lines == 0) /* the writer tries it when nobody waits */
        usleep(1000);
    run_sql(f, "DROP TRIGGER broken");
    wait_for_full_text(f);
    log_set_sink(NULL, NULL);
    assert_int_equal(lines, 1);
}

static void test_full_text_after_reopening(void **state)
{
    struct fixture *f = *state;
    struct store *own = f->platform.store, *other = open_again(f);
    f->platform.store = other;
    add_many(f, "alpha", "question %d", 3000);
    store_close(other);
    f->platform.store = other = open_again(f); /* what is left is done without any write */
    if (fixture_is_postgresql())               /* by the one that does it for all, and looks every second */
        store_notify_external_change(own);
    wait_for_full_text(f);
    store_close(other);
    f->platform.store = own;
}

/* What is still to be taken out of the index belongs to ids beyond all that there are. */
static void test_check_while_the_last_are_gone(void **state)
{
    struct fixture *f = *state;
    add_many(f, "alpha", "question %d", 9000);
    must(f, store_drain_deferred(f->platform.store, &f->err));
    run_sql(f, "DELETE FROM qa_pairs WHERE id > 10");
    check_full_text(f);
    run_sql(f, "DELETE FROM qa_pairs");
    check_full_text(f);
}

/* --- keywords --- */

static void check_keyword(struct fixture *f, const char *keyword)
{
    char sql[256];
    int64_t *ids = malloc(IDS_MAX * sizeof(*ids));
    struct qa_filter filter = any_filter();
    filter.keyword = keyword;
    snprintf(sql, sizeof(sql),
             "SELECT q.id" LIVE " AND %s(question || '\n' || answer, '%s') > 0 ORDER BY q.id",
             fixture_is_postgresql() ? "strpos" : "instr", keyword);
    check_ids(f, ids, walk(f, f->platform.directory, filter, "id", ids), sql, keyword);
    free(ids);
}

/* Whether or not the index has caught up in between. */
static void test_keywords_of_what_is_not_indexed(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = {"琥珀色の帯", "翡翠の帯", "瑪瑙", "翡翠色 琥珀"};
    add_many(f, "alpha", "琥珀 %d", 300);
    check_keyword(f, "琥珀");
    for (int round = 0; round < fixture_rounds(150); round++) {
        int64_t id = 1 + (int64_t)below(300);
        const char *text = texts[below(ARRAY_SIZE(texts))];
        switch (below(5)) {
        case 0: fixture_add_pair(f, "beta", text, "answer"); break;
        case 1:
            fixture_execute(f, "UPDATE qa_pairs SET question = $2 WHERE id = $1",
                            DB_ARGS(db_int(id), db_text(text)));
            break;
        case 2:
            fixture_execute(f, "UPDATE qa_pairs SET deleted_at = 5 WHERE id = $1", DB_ARGS(db_int(id)));
            break;
        case 3:
            fixture_execute(f, "UPDATE qa_pairs SET deleted_at = NULL WHERE id = $1", DB_ARGS(db_int(id)));
            break;
        default: fixture_execute(f, "DELETE FROM qa_pairs WHERE id = $1", DB_ARGS(db_int(id))); break;
        }
        if (round % 50 == 0)
            must(f, store_drain_deferred(f->platform.store, &f->err));
        check_keyword(f, "琥珀");
        check_keyword(f, "翡翠");
        check_keyword(f, "帯");
    }
}

/* --- an import beside others --- */

struct beside {
    struct fixture *f;
    bool added;
};

/* Between the first batch and the second, which has this question. */
static bool add_beside(void *context, int64_t done, int64_t total)
{
    struct beside *beside = context;
    if (!beside->added && done > 0 && done < total)
        fixture_add_pair(beside->f, "alpha", "question 1500", "somebody else's");
    beside->added |= done > 0 && done < total;
    return true;
}

static void test_import_while_somebody_adds_the_same(void **state)
{
    struct fixture *f = *state;
    const char *path = arena_printf(&f->arena, "%s/pairs.csv", f->folder);
    struct beside beside = {.f = f};
    struct import_result result;
    FILE *file = fopen(path, "w");
    fputs("question,answer\n", file);
    for (int i = 0; i < 2500; i++)
        fprintf(file, "question %d,answer\n", i);
    fclose(file);
    struct import_request request = {.path = path,
                                     .tenant_id = "alpha",
                                     .mode = IMPORT_UPSERT,
                                     .actor = &actor_system,
                                     .progress = add_beside,
                                     .context = &beside};
    must(f, import_file(f->platform.store, &request, &result, &f->err));
    assert_true(beside.added);
    assert_int_equal(result.created, 2499);
    assert_int_equal(result.updated, 1);
    assert_int_equal(count_of(f, "SELECT COUNT(*) FROM qa_pairs"), 2500);
    assert_int_equal(count_of(f, "SELECT COUNT(DISTINCT question) FROM qa_pairs"), 2500);
    fixture_check(f);
    check_lists(f);
}

/* --- threads --- */

#define LISTERS 3
#define WRITES 150

struct lister {
    struct fixture *f;
    atomic_bool *over;
    size_t sort;
};

/* What a page says of itself holds while others write: each pair once, and the figures can be read. */
static void *list_all_the_time(void *context)
{
    struct lister *lister = context;
    struct qa_list_request request = {.filter = any_filter(), .page = 1, .page_size = 100};
    while (!atomic_load(lister->over)) {
        CLEANUP(arena_release) struct arena arena = {0};
        CLEANUP(store_reader_release) struct db *db = NULL;
        struct qa_list list;
        struct knowledge_facets facets;
        struct error err;
        request.sort = knowledge_sorts[lister->sort++ % 16];
        request.filter.keyword = lister->sort % 3 ? NULL : "more";
        if (!store_reader(lister->f->platform.store, 60000, &db, &err) ||
            !knowledge_list(lister->f->platform.directory, db, &request, &arena, &list, &err) ||
            !knowledge_facets(lister->f->platform.directory, db, "alpha", NULL, &arena, &facets, &err)) {
            fprintf(stderr, "%s\n", err.detail[LANGUAGE_EN]);
            abort();
        }
        for (size_t i = 0; i < list.items_count; i++)
            for (size_t j = 0; j < i; j++)
                if (list.items[i].id == list.items[j].id)
                    abort();
    }
    return NULL;
}

static void write_something(struct fixture *f, int round)
{
    char text[48];
    snprintf(text, sizeof(text), "%zu more", below(1000));
    fixture_add_pair(f, round % 2 ? "alpha" : "beta", text, "answer");
    fixture_edit_pair(f, "alpha", 1 + (int64_t)below(100), text, "answer");
    if (round % 5 == 0)
        fixture_execute(f, "UPDATE qa_pairs SET category = $1 WHERE id % 7 = $2",
                        DB_ARGS(db_text(text), db_int(round % 7)));
    if (round % 10 == 0)
        rename_tenant(f, round % 20 ? "alpha" : "beta", text);
    if (round % 11 == 0)
        run_sql(f, "DELETE FROM qa_pairs WHERE id = (SELECT MIN(id) FROM qa_pairs WHERE id > 100)");
}

static void test_many_list_while_others_write(void **state)
{
    struct fixture *f = *state;
    atomic_bool over = false;
    pthread_t threads[LISTERS];
    struct lister listers[LISTERS];
    add_many(f, "alpha", "question %d", 600);
    for (size_t i = 0; i < LISTERS; i++) {
        listers[i] = (struct lister){f, &over, 5 * i};
        assert_int_equal(pthread_create(&threads[i], NULL, list_all_the_time, &listers[i]), 0);
    }
    for (int round = 0; round < fixture_rounds(WRITES); round++)
        write_something(f, round);
    atomic_store(&over, true);
    for (size_t i = 0; i < LISTERS; i++)
        pthread_join(threads[i], NULL);
    check_lists(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        directory_test(test_what_another_writer_changes_is_seen),
        directory_test(test_more_commits_than_are_remembered),
        directory_test(test_an_unreadable_note_of_changes),
        directory_test(test_reading_goes_on_after_a_timeout),
        directory_test(test_rows_that_are_gone),
        directory_test(test_a_row_comes_back),
        directory_test(test_ids_beyond_32_bits),
        directory_test(test_a_tenant_is_renamed),
        directory_test(test_questions_are_edited_and_added),
        directory_test(test_a_neighbour_is_edited_meanwhile),
        directory_test(test_nobody_waits_for_a_reading_of_all),
        directory_test(test_no_room_between_two_questions),
        directory_test(test_hundreds_of_new_questions),
        directory_test(test_questions_are_ranked_when_no_more_come),
        directory_test(test_facets_without_what_was_deleted),
        directory_test(test_ranges_of_changes),
        directory_test(test_what_was_rolled_back_is_not_told),
        directory_test(test_a_change_of_another_past),
        directory_test(test_a_work_of_a_batch_fails),
        directory_test(test_full_text_while_idle),
        directory_test(test_full_text_of_pairs_that_come_and_go),
        directory_test(test_full_text_while_busy),
        directory_test(test_ranges_of_new_texts_are_one),
        directory_test(test_ranges_of_new_texts_far_apart),
        directory_test(test_full_text_after_a_failed_piece),
        directory_test(test_full_text_after_reopening),
        directory_test(test_check_while_the_last_are_gone),
        directory_test(test_keywords_of_what_is_not_indexed),
        directory_test(test_import_while_somebody_adds_the_same),
        directory_test(test_many_list_while_others_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
