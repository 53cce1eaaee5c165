/* store/: values, statements, readers, the writer, migrations, backup and restore. What does not belong to one
 * database's files runs on both: on SQLite, and on the PostgreSQL that KIMONO_TEST_POSTGRESQL names. What only
 * PostgreSQL can meet is in test_store_postgresql.c; what happens when the process is killed or the disk fails, in
 * tests/fault/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <libpq-fe.h>
#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/bulk_insert.h"
#include "store/maintenance.h"
#include "store/store.h"

static const char SQL_ITEMS[] =
    "CREATE TABLE items (id {{id}}, name TEXT NOT NULL UNIQUE, amount {{int}}, ratio {{real}},"
    " data {{bytes}}, note {{json}}, done {{int}} NOT NULL DEFAULT 0);"
    "CREATE TABLE counters (key TEXT PRIMARY KEY, value {{int}} NOT NULL) {{without_rowid}};";
#define SQL_PARTS                                                                                            \
    "CREATE TABLE parts (id {{id}}, item_id {{int}} REFERENCES items(id),"                                   \
    " later_id {{int}} REFERENCES items(id) DEFERRABLE INITIALLY DEFERRED);"
static const struct migration steps[] = {
    {"items", SQL_ITEMS},
    {"parts", SQL_PARTS "CREATE TRIGGER parts_stay BEFORE DELETE ON parts BEGIN"
                        " SELECT RAISE(ABORT, 'parts are never deleted'); END;"},
};
static const struct migration postgresql_steps[] = {
    {"items", SQL_ITEMS},
    {"parts", SQL_PARTS "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
                        " 'BEGIN RAISE EXCEPTION ''parts are never deleted''; END';"
                        "CREATE TRIGGER parts_stay BEFORE DELETE ON parts EXECUTE FUNCTION refuse();"},
};

static const char SQL_ADD_ITEM[] = "INSERT INTO items (name, amount) VALUES ($1, $2)";
static const char SQL_COUNT_ITEMS[] = "SELECT count(*) FROM items";
static const char SQL_SLOW[] =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) SELECT sum(i) FROM n";

/* ---- fixture ---- */

static char directory[64], file_path[80], address[512];
static const char *path; /* of the store: one of those two */
static struct error err;

/* The database that the present group of tests runs on. */
static bool on_postgresql;
static char schema[64];
#define BY_DATABASE(sqlite, postgresql) (on_postgresql ? (postgresql) : (sqlite))

#define must(call)                                                                                           \
    do {                                                                                                     \
        if (!(call))                                                                                         \
            fail_msg("%s: %s", #call, err.detail[LANGUAGE_EN]);                                              \
    } while (0)

static void assert_fails(bool done, enum error_code code, const char *part)
{
    assert_false(done);
    if (err.code != code || !strstr(err.detail[LANGUAGE_EN], part))
        fail_msg("code %d with '%s', not code %d with '%s'", err.code, err.detail[LANGUAGE_EN], code, part);
    assert_int_not_equal(err.detail[LANGUAGE_ZH][0], '\0');
}

static int remove_one(const char *name, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(name);
}

/* In the database, beside whatever the store does. */
static void run_beside(const char *sql)
{
    PGconn *connection = PQconnectdb(getenv("KIMONO_TEST_POSTGRESQL"));
    PGresult *result = PQexec(connection, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(connection));
    PQclear(result);
    PQfinish(connection);
}

static int set_up_schema(void **state)
{
    (void)state;
    static int number;
    const char *server = getenv("KIMONO_TEST_POSTGRESQL");
    log_set_level(LOG_ERROR);
    snprintf(schema, sizeof(schema), "test_store_%d_%d", (int)getpid(), number++);
    snprintf(address, sizeof(address), "%s%cschema=%s", server, strchr(server, '?') ? '&' : '?', schema);
    path = address;
    error_clear(&err);
    return 0;
}

static int tear_down_schema(void **state)
{
    (void)state;
    char sql[128];
    snprintf(sql, sizeof(sql), "SET client_min_messages TO error; DROP SCHEMA IF EXISTS %s CASCADE", schema);
    run_beside(sql);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    log_set_level(LOG_ERROR);
    strcpy(directory, "/tmp/test_store.XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(file_path, sizeof(file_path), "%s/kimono.db", directory);
    path = file_path;
    error_clear(&err);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct store_options options_of(size_t readers, size_t queue)
{
    return (struct store_options){.path = path,
                                  .readers = readers,
                                  .queue_ceiling = queue,
                                  .durability = STORE_BULK,
                                  .migrations = BY_DATABASE(steps, postgresql_steps),
                                  .migration_count = ARRAY_SIZE(steps)};
}

static struct store *open_store(void)
{
    struct store *store = NULL;
    struct store_options options = options_of(0, 0);
    must(store_open(&store, &options, &err));
    return store;
}

static struct db *reader(struct store *store)
{
    struct db *db = NULL;
    must(store_reader(store, 30000, &db, &err));
    return db;
}

static int64_t count(struct store *store, const char *sql)
{
    CLEANUP(store_reader_release) struct db *db = reader(store);
    int64_t value = -1;
    must(db_find_int(db, sql, DB_NO_ARGS, -1, &value, &err));
    return value;
}

static void write_file(const char *name, const void *bytes, size_t length)
{
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    fclose(file);
}

struct sql_work {
    const char *sql;
    int64_t changed;
};

static bool run_sql(struct db *db, void *context, struct error *e)
{
    struct sql_work *work = context;
    return db_execute(db, work->sql, DB_NO_ARGS, &work->changed, e);
}

static bool write_sql(struct store *store, const char *sql)
{
    struct sql_work work = {.sql = sql};
    return store_write(store, run_sql, &work, &err);
}

static bool add_item(struct db *db, void *context, struct error *e)
{
    return db_execute(db, SQL_ADD_ITEM, DB_ARGS(db_text(context), db_int(1)), NULL, e);
}

/* ---- values, placeholders, rows ---- */

static void test_values(void **state)
{
    (void)state;
    size_t long_length = 3000000;
    char *long_text = malloc(long_length);
    memset(long_text, 'x', long_length);
    const char *null = BY_DATABASE("null", "text"), *integer = BY_DATABASE("integer", "bigint");
    const char *real = BY_DATABASE("real", "double precision"), *bytes = BY_DATABASE("blob", "bytea");
    const struct {
        struct db_value in;
        const char *type;
        const void *bytes;
        size_t length;
        int64_t integer;
        double real;
    } cases[] = {
        {db_null(), null, NULL, 0, INT_NULL, NAN},
        {db_int(INT_NULL), null, NULL, 0, INT_NULL, NAN},
        {db_real(NAN), null, NULL, 0, INT_NULL, NAN},
        {db_text(NULL), null, NULL, 0, INT_NULL, NAN},
        {db_bytes(NULL, 5), null, NULL, 0, INT_NULL, NAN},
        {db_int(-42), integer, "-42", 3, -42, -42},
        {db_int(INT64_MAX), integer, "9223372036854775807", 19, INT64_MAX, 9223372036854775807.0},
        {db_bool(true), integer, "1", 1, 1, 1},
        {db_real(0.5), real, "0.5", 3, 0, 0.5},
        {db_text(""), "text", "", 0, 0, 0},
        {db_text("退货政策 🧵"), "text", "退货政策 🧵", 17, 0, 0},
        {db_text_n(long_text, long_length), "text", long_text, long_length, 0, 0},
        {db_bytes("", 0), bytes, "", 0, 0, 0},
        {db_bytes("\0\377\0", 3), bytes, "\0\377\0", 3, 0, 0},
    };
    static const char SQL_TYPE[] = "SELECT $1, typeof($1), $1", SQL_NULL[] = "SELECT $1, 'text', $1";
    static const char SQL_TYPE_POSTGRESQL[] = "SELECT $1, CAST(pg_typeof($1) AS TEXT), $1";
    struct store *store = open_store();
    struct db *db = reader(store);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct db_rows rows = {0};
        must(db_query(db, BY_DATABASE(SQL_TYPE, cases[i].in.type == DB_NULL ? SQL_NULL : SQL_TYPE_POSTGRESQL),
                      DB_ARGS(cases[i].in), &rows, &err));
        assert_true(db_next(&rows));
        assert_string_equal(db_column_text(&rows, 1), cases[i].type);
        assert_int_equal(db_column_null(&rows, 0), cases[i].in.type == DB_NULL);
        assert_true(db_column_int(&rows, 2) == cases[i].integer);
        double as_real = db_column_real(&rows, 2);
        assert_true(isnan(cases[i].real) ? isnan(as_real) : as_real == cases[i].real);
        size_t length = 99;
        const void *as_bytes = db_column_bytes(&rows, 0, &length);
        assert_int_equal(as_bytes == NULL, cases[i].bytes == NULL);
        assert_int_equal(length, cases[i].length);
        if (as_bytes)
            assert_memory_equal(as_bytes, cases[i].bytes, length);
        assert_int_equal(db_column_text(&rows, 0) == NULL, cases[i].bytes == NULL);
        assert_false(db_next(&rows));
        assert_false(db_next(&rows));
        must(db_done(&rows, &err));
    }
    store_reader_return(db);
    store_close(store);
    free(long_text);
}

static void test_placeholders(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        size_t arguments;
        int64_t result; /* of the arguments 10, 11, 12 …; -1: refused */
    } cases[] = {
        {"SELECT 7", 0, 7},
        {"SELECT $1", 1, 10},
        {"SELECT $2 - $1", 2, 1},
        {"SELECT $2 * 100 + $1 * 10 + $2 + $1 * 0", 2, 1100 + 100 + 11},
        {"SELECT $1 + 0 * $2", 2, 10},
        {"SELECT $12 - $1 + 0*$2+0*$3+0*$4+0*$5+0*$6+0*$7+0*$8+0*$9+0*$10+0*$11", 12, 11},
        {"SELECT $2", 2, 11},
        {"SELECT '$1 ? :x'", 0, 0},
        {"SELECT 7 ; -- ", 0, -1},
        {"SELECT $1", 2, -1},
        {"SELECT $2", 1, -1},
        {"SELECT ?", 1, -1},
        {"SELECT ?1", 1, -1},
        {"SELECT :a", 1, -1},
        {"SELECT $a", 1, -1},
        {"SELECT $0", 0, -1},
        {"SELECT $1x", 1, -1},
        {"SELECT 1; SELECT 2", 0, -1},
        {"", 0, -1},
        {"SELEKT", 0, -1},
        {"SELECT \"no such column\"", 0, -1},
    };
    struct store *store = open_store();
    struct db *db = reader(store);
    struct db_value arguments[12];
    for (int i = 0; i < 12; i++)
        arguments[i] = db_int(10 + i);
    for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) { /* twice: from the cache too */
        size_t at = i % ARRAY_SIZE(cases);
        int64_t result = -1;
        bool done = db_find_int(db, cases[at].sql, arguments, cases[at].arguments, -2, &result, &err);
        if (cases[at].result < 0)
            assert_fails(done, ERROR_INTERNAL, "");
        else
            must(done);
        assert_true(result == cases[at].result);
    }
    store_reader_return(db);
    store_close(store);
}

struct item {
    const char *name, *note;
    int64_t id, amount;
    double ratio;
    bool done;
    int64_t untouched;
};
static const struct field item_fields[] = {
    FIELD(struct item, name, TEXT, ""),     FIELD(struct item, note, JSON, ""),
    FIELD(struct item, id, INT, ""),        FIELD(struct item, amount, MONEY, ""),
    FIELD(struct item, ratio, REAL, ""),    FIELD(struct item, done, BOOL, ""),
    FIELD(struct item, untouched, INT, ""),
};
static const struct descriptor item_descriptor = DESCRIPTOR("Item", struct item, item_fields);
static const struct field name_fields[] = {FIELD(struct item, name, TEXT, "")};
static const struct descriptor name_descriptor = DESCRIPTOR("Name", struct item, name_fields);

static const char SQL_ADD_THREE[] = "INSERT INTO items (name, amount) VALUES ($1, $2), ($3, $4), ($5, $6)";
static const char SQL_ADD_NEW_ONES[] =
    "INSERT INTO items (name, amount) VALUES ($1, $2), ($3, $4), ($5, $6) ON CONFLICT DO NOTHING";
static const char SQL_AMOUNT[] = "SELECT amount FROM items WHERE id = $1";

struct three {
    const char *sql, *names[3];
    int64_t ids[3];
};

static bool add_three(struct db *db, void *context, struct error *e)
{
    struct three *three = context;
    return db_insert_many(db, three->sql,
                          DB_ARGS(db_text(three->names[0]), db_int(10), db_text(three->names[1]), db_int(20),
                                  db_text(three->names[2]), db_int(30)),
                          3, three->ids, e);
}

static void test_ids_of_many(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct three first = {SQL_ADD_THREE, {"a", "b", "c"}, {0}},
                 second = {SQL_ADD_THREE, {"d", "e", "f"}, {0}};
    struct three one_is_there = {SQL_ADD_NEW_ONES, {"g", "a", "h"}, {0}};
    must(store_write(store, add_three, &first, &err));
    must(store_write(store, run_sql, &(struct sql_work){.sql = "DELETE FROM items WHERE name = 'c'"}, &err));
    must(store_write(store, add_three, &second, &err));
    struct db *db = reader(store);
    for (int i = 0; i < 3; i++) {
        int64_t amount;
        must(db_find_int(db, SQL_AMOUNT, DB_ARGS(db_int(second.ids[i])), 0, &amount, &err));
        assert_int_equal(amount, 10 * (i + 1));
        assert_int_not_equal(second.ids[i], first.ids[2]);
    }
    store_reader_return(db);
    assert_fails(store_write(store, add_three, &one_is_there, &err), ERROR_INTERNAL, "Not 3 rows");
    assert_int_equal(count(store, SQL_COUNT_ITEMS), 5);
    store_close(store);
}

static void test_descriptors(void **state)
{
    (void)state;
    struct store *store = open_store();
    must(write_sql(store, "INSERT INTO items (name, amount, ratio, note, done) VALUES"
                          " ('甲', 5, 0.25, '{\"a\":1}', 1), ('乙', NULL, NULL, NULL, 0)"));
    static const char SQL[] =
        "SELECT 1 AS strange, done, id, note, ratio, amount, name FROM items WHERE name = $1";
    CLEANUP(arena_release) struct arena arena = {0};
    struct db *db = reader(store);
    struct item item = {.untouched = 77};
    bool found = false;
    must(db_find(db, SQL, DB_ARGS(db_text("甲")), &item_descriptor, &item, &arena, &found, &err));
    assert_true(found && item.done && item.id == 1 && item.amount == 5 && item.ratio == 0.25);
    assert_string_equal(item.name, "甲");
    assert_string_equal(item.note, "{\"a\":1}");
    must(db_find(db, SQL, DB_ARGS(db_text("乙")), &item_descriptor, &item, &arena, &found, &err));
    assert_true(found && !item.done && item.amount == INT_NULL && isnan(item.ratio) && !item.note);
    assert_int_equal(item.untouched, 77);
    struct item other = {.id = 5};
    must(db_find(db, SQL, DB_ARGS(db_text("甲")), &name_descriptor, &other, &arena, &found, &err));
    assert_true(found && other.id == 5 && strcmp(other.name, "甲") == 0);
    must(db_find(db, SQL, DB_ARGS(db_text("丙")), &item_descriptor, &item, &arena, &found, &err));
    assert_false(found);
    store_reader_return(db);
    store_close(store);
}

/* What goes over an arena's ceiling ends at the next row, reads no more and changes nothing, until the arena is
 * emptied; other threads and other works are not concerned. */
static void test_rows_too_large_for_the_arena(void **state)
{
    (void)state;
#define LARGE_TEXT                                                                                           \
    "replace('##########', '#', replace('####################', '#', replace("                               \
    "'##########', '#', replace('##########', '#', 'xxxxxxxxxx'))))"
    static const char SQL[] =
        "SELECT 'first' AS name UNION ALL SELECT " LARGE_TEXT " UNION ALL SELECT 'third'";
    static const char LARGE[] = "SELECT " LARGE_TEXT " AS name";
    struct store *store = open_store();
    struct db *db = reader(store);
    CLEANUP(arena_release) struct arena arena = {.ceiling = 20000};
    struct db_rows rows = {0};
    struct item item;
    bool found;
    int64_t value;
    must(db_query(db, SQL, DB_NO_ARGS, &rows, &err));
    int read = 0;
    for (; db_next(&rows); read++)
        db_read_row(&rows, &name_descriptor, &item, &arena);
    assert_int_equal(read, 2);
    assert_int_equal(strlen(item.name), 200000); /* whole: nobody has to ask whether it is */
    assert_fails(db_done(&rows, &err), ERROR_TOO_LARGE, "less at once");
    assert_fails(db_find_int(db, "SELECT 1", DB_NO_ARGS, 0, &value, &err), ERROR_TOO_LARGE, "less at once");
    arena_release(&arena);
    assert_fails(db_find(db, LARGE, DB_NO_ARGS, &name_descriptor, &item, &arena, &found, &err),
                 ERROR_TOO_LARGE, "less at once");
    arena_release(&arena);
    must(db_find_int(db, "SELECT 1", DB_NO_ARGS, 0, &value, &err));
    store_reader_return(db);
    store_close(store);
}

static bool fill_and_insert(struct db *db, void *context, struct error *err)
{
    arena_alloc(context, 100000);
    return db_execute(db, SQL_ADD_ITEM, DB_ARGS(db_text("large"), db_int(1)), NULL, err);
}

/* A write that goes over its arena's ceiling is taken back; the next one, with an arena of its own, is not. */
static void test_work_too_large_for_the_arena(void **state)
{
    (void)state;
    struct store *store = open_store();
    CLEANUP(arena_release) struct arena small = {.ceiling = 20000};
    CLEANUP(arena_release) struct arena enough = {0};
    assert_fails(store_write(store, fill_and_insert, &small, &err), ERROR_TOO_LARGE, "less at once");
    must(store_write(store, fill_and_insert, &enough, &err));
    store_close(store);
}

/* ---- statements ---- */

static int64_t nested(struct db *db, int depth)
{
    static const char SQL[] = "SELECT $1 UNION ALL SELECT $1 + 1000";
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    must(db_query(db, SQL, DB_ARGS(db_int(depth)), &rows, &err));
    int64_t sum = 0;
    assert_true(db_next(&rows));
    if (depth > 0)
        sum = nested(db, depth - 1);
    assert_int_equal(db_column_int(&rows, 0), depth);
    sum += db_column_int(&rows, 0);
    assert_true(db_next(&rows));
    assert_int_equal(db_column_int(&rows, 0), depth + 1000);
    return sum;
}

static void test_one_statement_many_times_at_once(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct db *db = reader(store);
    assert_int_equal(nested(db, 3), 6);
    assert_int_equal(nested(db, 300), 300 * 301 / 2);
    assert_int_equal(nested(db, 3), 6);
    store_reader_return(db);
    store_close(store);
}

static void test_statement_cache(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct db *db = reader(store);
    static char texts[500][32];
    for (int i = 0; i < 1500; i++) {
        snprintf(texts[i % 500], sizeof(texts[0]), "SELECT %d", i / 500 * 1000 + i % 500);
        int64_t value;
        must(db_find_int(db, texts[i % 500], DB_NO_ARGS, -1, &value, &err));
        assert_int_equal(value, i / 500 * 1000 + i % 500); /* the text changed at the same address */
    }
    store_reader_return(db);
    store_close(store);
}

static void test_releasing(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct db *db = reader(store);
    struct db_rows rows = {0};
    db_rows_release(&rows);
    assert_false(db_next(&rows));
    assert_false(db_query(db, "SELECT nothing", DB_NO_ARGS, &rows, &err));
    assert_false(db_next(&rows));
    assert_false(db_done(&rows, &err));
    must(db_query(db, "SELECT 1 UNION ALL SELECT 2", DB_NO_ARGS, &rows, &err));
    assert_true(db_next(&rows));
    must(db_done(&rows, &err)); /* before the end: no failure */
    db_rows_release(&rows);
    /* the second row overflows */
    must(db_query(db,
                  BY_DATABASE("SELECT abs(i) FROM (SELECT 1 AS i UNION ALL SELECT -9223372036854775807 - 1)",
                              "SELECT 9223372036854775806 + i FROM generate_series(1, 2) AS i"),
                  DB_NO_ARGS, &rows, &err));
    assert_true(db_next(&rows));
    assert_false(db_next(&rows));
    assert_true(rows.failed);
    int64_t other;
    must(db_find_int(db, "SELECT 3", DB_NO_ARGS, 0, &other, &err)); /* does not hide the failure */
    assert_fails(db_done(&rows, &err), ERROR_INTERNAL, BY_DATABASE("overflow", "out of range"));
    must(db_find_int(db, "SELECT 1 WHERE 1 = 0", DB_NO_ARGS, 44, &other, &err));
    assert_int_equal(other, 44);
    store_reader_return(db);
    store_close(store);
}

/* ---- readers ---- */

static void test_deadlines(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct db *db;
    must(store_reader(store, 40, &db, &err));
    int64_t value = 5, began = clock_monotonic_us();
    assert_fails(db_find_int(db, SQL_SLOW, DB_ARGS(db_int(1000000000)), 0, &value, &err), ERROR_TIMEOUT, "");
    int64_t took = clock_monotonic_us() - began;
    assert_true(took > 20000 && took < 3000000);
    assert_int_equal(value, 5);
    /* What begins after the deadline does not begin at all. */
    assert_fails(db_find_int(db, "SELECT 1", DB_NO_ARGS, 0, &value, &err), ERROR_TIMEOUT, "");
    db_set_deadline(db, 0);
    must(db_find_int(db, SQL_SLOW, DB_ARGS(db_int(10)), 0, &value, &err));
    assert_int_equal(value, 55);
    store_reader_return(db);
    db = reader(store);
    must(db_find_int(db, SQL_SLOW, DB_ARGS(db_int(100000)), 0, &value, &err));
    store_reader_return(db);
    store_close(store);
}

static void test_reader_cannot_write(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct db *db = reader(store);
    assert_fails(db_execute(db, "DELETE FROM items", DB_NO_ARGS, NULL, &err), ERROR_STORE, "readonly");
    store_reader_return(db);
    store_close(store);
}

static void *return_later(void *context)
{
    usleep(50000);
    store_reader_return(context);
    return NULL;
}

static void test_all_readers_lent(void **state)
{
    (void)state;
    struct store *store;
    struct store_options options = options_of(2, 0);
    must(store_open(&store, &options, &err));
    struct db *first = reader(store), *second = reader(store), *third = NULL;
    assert_ptr_not_equal(first, second);
    int64_t began = clock_monotonic_us();
    assert_fails(store_reader(store, 30, &third, &err), ERROR_UNAVAILABLE, "busy");
    assert_true(clock_monotonic_us() - began >= 30000);
    assert_true(err.retry_after_seconds > 0);
    assert_null(third);
    pthread_t thread;
    pthread_create(&thread, NULL, return_later, second);
    must(store_reader(store, 5000, &third, &err));
    pthread_join(thread, NULL);
    assert_ptr_equal(third, second);
    store_reader_return(third);
    pthread_create(&thread, NULL, return_later, first);
    store_close(store); /* waits for the one that is still out */
    pthread_join(thread, NULL);
}

struct lending {
    struct store *store;
    int rounds;
};

static void *lend_often(void *context)
{
    struct lending *lending = context;
    for (int i = 0; i < lending->rounds; i++) {
        struct error e;
        struct db *db;
        int64_t value = 0;
        if (!store_reader(lending->store, 20000, &db, &e))
            abort();
        if (!db_find_int(db, "SELECT $1 + 1", DB_ARGS(db_int(i)), 0, &value, &e) || value != i + 1)
            abort();
        store_reader_return(db);
    }
    return NULL;
}

static void test_many_threads_read(void **state)
{
    (void)state;
    struct store *store;
    struct store_options options = options_of(3, 0);
    must(store_open(&store, &options, &err));
    struct lending lending = {store, 500};
    pthread_t threads[12];
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_create(&threads[i], NULL, lend_often, &lending);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_join(threads[i], NULL);
    store_close(store);
}

/* ---- the writer ---- */

struct hammer {
    struct store *store;
    int number, works, failures;
};

static bool add_numbered(struct db *db, void *context, struct error *e)
{
    const int *numbers = context;
    char name[32];
    snprintf(name, sizeof(name), "%d/%d", numbers[0], numbers[1]);
    bool doomed = numbers[1] % 10 == 9;
    return db_execute(db, SQL_ADD_ITEM, DB_ARGS(db_text(name), db_int(numbers[0])), NULL, e) &&
           db_execute(db,
                      "INSERT INTO counters VALUES ('items', 1)"
                      " ON CONFLICT (key) DO UPDATE SET value = counters.value + 1",
                      DB_NO_ARGS, NULL, e) &&
           (!doomed || error_set(e, ERROR_INVALID, "doomed", "注定失败"));
}

static void *hammer(void *context)
{
    struct hammer *hammer = context;
    for (int i = 0; i < hammer->works; i++) {
        struct error e;
        int numbers[] = {hammer->number, i};
        bool done = store_write(hammer->store, add_numbered, numbers, &e);
        if (done == (i % 10 == 9) || (!done && e.code != ERROR_INVALID))
            hammer->failures++;
    }
    return NULL;
}

static void test_group_commit_with_64_threads(void **state)
{
    (void)state;
    struct store_options options = options_of(0, 0);
    options.durability = STORE_FULL; /* a commit that takes its time is what makes groups */
    struct store *store;
    must(store_open(&store, &options, &err));
    struct hammer hammers[64];
    pthread_t threads[64];
    for (int i = 0; i < 64; i++) {
        hammers[i] = (struct hammer){store, i, 30, 0};
        pthread_create(&threads[i], NULL, hammer, &hammers[i]);
    }
    for (int i = 0; i < 64; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(hammers[i].failures, 0);
    }
    assert_int_equal(count(store, SQL_COUNT_ITEMS), 64 * 27);
    assert_int_equal(count(store, "SELECT value FROM counters WHERE key = 'items'"), 64 * 27);
    struct store_stats stats;
    store_get_stats(store, &stats);
    assert_int_equal(stats.works, 64 * 27);
    assert_true(stats.commits < stats.works / 2);
    assert_true(stats.queue_length == 0 && stats.failed_commits == 0 && stats.bytes > 0);
    store_close(store);
}

/* One batch, made for certain: the first work holds the writer until all others wait. */
struct batch_work {
    const char *sql[3];
    enum error_code expected;
    bool deadline; /* of 20 ms */
    bool swallow;  /* says that it is done whatever happened */
    /* set by the test */
    enum error_code outcome;
    int runs;
    sem_t *answered;
};

static bool run_batch_work(struct db *db, void *context, struct error *e)
{
    struct batch_work *work = context;
    work->runs++;
    if (work->deadline)
        db_set_deadline(db, clock_monotonic_us() + 20000);
    for (size_t i = 0; i < 3 && work->sql[i]; i++)
        if (!db_execute(db, work->sql[i], DB_NO_ARGS, NULL, e))
            return work->swallow;
    return true;
}

static void batch_work_done(void *context, const struct error *e)
{
    struct batch_work *work = context;
    work->outcome = e ? e->code : ERROR_NONE;
    sem_post(work->answered);
}

static bool hold_writer(struct db *db, void *context, struct error *e)
{
    (void)db, (void)e;
    sem_wait(context);
    sem_post(context); /* it may run again */
    return true;
}

static void run_as_batch(struct store *store, struct batch_work *works, size_t works_count)
{
    sem_t hold, answered;
    sem_init(&hold, 0, 0);
    sem_init(&answered, 0, 0);
    assert_true(store_write_async(store, hold_writer, NULL, &hold));
    for (size_t i = 0; i < works_count; i++) {
        works[i].answered = &answered;
        works[i].outcome = ERROR_NONE;
        works[i].runs = 0;
        assert_true(store_write_async(store, run_batch_work, batch_work_done, &works[i]));
    }
    sem_post(&hold);
    for (size_t i = 0; i < works_count; i++)
        sem_wait(&answered);
    for (size_t i = 0; i < works_count; i++)
        if (works[i].outcome != works[i].expected)
            fail_msg("work %zu: code %d, not %d", i, works[i].outcome, works[i].expected);
    sem_destroy(&hold);
    sem_destroy(&answered);
}

#define ADD(name) "INSERT INTO items (name) VALUES ('" name "')"
#define ADD_MANY                                                                                             \
    "INSERT INTO items (name, note) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"          \
    " WHERE i < 100000000) SELECT 'many ' || i, replace('##########', '#',"                                  \
    " replace('##########', '#', 'xxxxxxxxxx')) FROM n"

static void test_failing_works_take_back_only_their_own(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct batch_work works[] = {
        {.sql = {ADD("a")}},
        {.sql = {ADD("lost 1"), ADD("a")}, .expected = ERROR_CONFLICT},
        {.sql = {ADD("b"), ADD("c")}},
        {.sql = {ADD("lost 2"), "INSERT INTO nowhere VALUES (1)"}, .expected = ERROR_INTERNAL},
        {.sql = {ADD("lost 3"), ADD("c"), ADD("lost 4")}, .expected = ERROR_CONFLICT},
        {.sql = {ADD("d")}},
    };
    run_as_batch(store, works, ARRAY_SIZE(works));
    assert_int_equal(count(store, SQL_COUNT_ITEMS), 4);
    assert_int_equal(count(store, "SELECT count(*) FROM items WHERE name LIKE 'lost%'"), 0);
    struct store_stats stats;
    store_get_stats(store, &stats);
    assert_in_range(stats.commits, 1,
                    BY_DATABASE(1, 3)); /* a batch lasts 50 ms at most, with a server between */
    assert_int_equal(stats.works, 4);   /* with the one that held the writer */
    store_close(store);
}

static void test_first_works_of_a_batch_fail(void **state)
{
    (void)state;
    struct store *store = open_store();
    for (int round = 0; round < 2; round++) {
        struct batch_work works[] = {
            {.sql = {ADD("lost"), "INSERT INTO nowhere VALUES (1)"}, .expected = ERROR_INTERNAL},
            {.sql = {"INSERT INTO nowhere VALUES (1)"}, .expected = ERROR_INTERNAL},
        };
        run_as_batch(store, works, ARRAY_SIZE(works));
        assert_false(write_sql(store, "INSERT INTO nowhere VALUES (1)"));
        assert_int_equal(count(store, SQL_COUNT_ITEMS), round);
        must(store_write(store, add_item, round ? "second" : "first", &err));
    }
    store_close(store);
}

/* A work that goes on after a statement of it has failed, and says that it is done, is taken back, and what else it asks
 * for is refused. */
static void test_nothing_follows_a_failed_statement(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct batch_work works[] = {
        {.sql = {ADD("a")}},
        {.sql = {ADD("lost"), ADD("a"), ADD("never")}, .swallow = true, .expected = ERROR_INTERNAL},
        {.sql = {ADD("b")}},
    };
    run_as_batch(store, works, ARRAY_SIZE(works));
    run_as_batch(store, &works[1], 1);
    assert_int_equal(count(store, SQL_COUNT_ITEMS), 2);
    store_close(store);
}

static void test_deadline_of_a_work(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct batch_work works[] = {
        {.sql = {ADD("a")}},
        {.sql = {ADD("lost"), ADD_MANY}, .deadline = true, .expected = ERROR_TIMEOUT},
        {.sql = {ADD("b")}},
    };
    run_as_batch(store, works, ARRAY_SIZE(works));
    assert_int_equal(count(store, SQL_COUNT_ITEMS), 2);
    assert_int_equal(works[1].runs, 1);
    /* SQLite takes back the whole transaction with a statement that it stops, PostgreSQL what the statement did. */
    struct batch_work swallowing[] = {
        {.sql = {ADD("c")}, .expected = BY_DATABASE(ERROR_INTERNAL, ERROR_NONE)},
        {.sql = {ADD_MANY}, .deadline = true, .swallow = true, .expected = ERROR_INTERNAL},
    };
    run_as_batch(store, swallowing, ARRAY_SIZE(swallowing));
    assert_int_equal(count(store, SQL_COUNT_ITEMS), BY_DATABASE(2, 3));
    must(store_write(store, add_item, "d", &err));
    store_close(store);
}

static void test_commit_fails_for_one(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct batch_work works[] = {
        {.sql = {ADD("a")}},
        {.sql = {ADD("lost"), "INSERT INTO parts (later_id) VALUES (999)"}, .expected = ERROR_CONFLICT},
        {.sql = {"INSERT INTO parts (later_id) VALUES (777)",
                 "INSERT INTO items (id, name) VALUES (777, 'b')"}},
    };
    run_as_batch(store, works, ARRAY_SIZE(works));
    assert_int_equal(count(store, SQL_COUNT_ITEMS), 2);
    assert_int_equal(count(store, "SELECT count(*) FROM parts"), 1);
    store_close(store);
}

static bool fill_disk(struct db *db, void *context, struct error *e)
{
    (void)context;
    int64_t pages;
    char sql[64];
    if (!db_find_int(db, "PRAGMA page_count", DB_NO_ARGS, 0, &pages, e))
        return false;
    snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %d", (int)pages + 20);
    return db_script(db, sql, e);
}

static bool free_disk(struct db *db, void *context, struct error *e)
{
    (void)context;
    return db_script(db, "PRAGMA max_page_count = 1000000", e);
}

static void test_full_disk(void **state)
{
    (void)state;
    struct store *store = open_store();
    must(store_write(store, add_item, "before", &err));
    must(store_write(store, fill_disk, NULL, &err));
    struct sql_work many = {.sql = ADD_MANY};
    assert_fails(store_write(store, run_sql, &many, &err), ERROR_STORE, "is full");
    assert_null(strstr(err.detail[LANGUAGE_EN], directory)); /* the path is nobody's business */
    assert_int_equal(count(store, SQL_COUNT_ITEMS), 1);
    struct batch_work works[] = {/* the room that there is goes to those that need little */
                                 {.sql = {ADD("a")}},
                                 {.sql = {ADD("lost"), ADD_MANY}, .expected = ERROR_STORE},
                                 {.sql = {ADD("b")}}};
    run_as_batch(store, works, ARRAY_SIZE(works));
    assert_int_equal(count(store, SQL_COUNT_ITEMS), 3);
    must(store_write(store, free_disk, NULL, &err));
    must(store_write(store, add_item, "after", &err));
    store_close(store);
}

/* What is committed to a file that has no name any more, or another one, is lost with the process. */
static void test_files_taken_away(void **state)
{
    (void)state;
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        struct store *store = open_store();
        char file[100], aside[100];
        snprintf(file, sizeof(file), "%s%s", file_path, suffixes[i]);
        snprintf(aside, sizeof(aside), "%s/aside", directory);
        must(store_write(store, add_item, "before", &err));
        must(store_sound(store, &err));
        assert_int_equal(rename(file, aside), 0);
        assert_fails(store_write(store, add_item, "lost", &err), ERROR_STORE,
                     "was deleted, moved or replaced");
        assert_fails(store_sound(store, &err), ERROR_STORE, strrchr(file, '/') + 1);
        assert_int_equal(count(store, SQL_COUNT_ITEMS), 1); /* what is there can be read */
        write_file(file, "", 0);
        assert_fails(store_write(store, add_item, "lost", &err), ERROR_STORE,
                     "was deleted, moved or replaced");
        assert_int_equal(rename(aside, file), 0);
        must(store_write(store, add_item, "after", &err));
        must(store_sound(store, &err));
        assert_false(store_is_damaged(store));
        store_close(store);
        unlink(path);
    }
}

static void damage(const char *name, long at)
{
    FILE *file = fopen(name, "r+b");
    fseek(file, at, SEEK_SET);
    for (int i = 0; i < 3000; i++)
        fputc(i * 7, file);
    fclose(file);
}

/* SQLite deletes the log by its name when the last connection is closed: it may be another store's by then. */
static void test_closing_one_that_was_taken_away(void **state)
{
    (void)state;
    struct store *old = open_store();
    must(store_write(old, add_item, "old", &err));
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        char from[100], to[120];
        snprintf(from, sizeof(from), "%s%s", file_path, suffixes[i]);
        snprintf(to, sizeof(to), "%s/aside%s", directory, suffixes[i]);
        assert_int_equal(rename(from, to), 0);
    }
    struct store *present = open_store();
    must(store_write(present, add_item, "present", &err));
    store_close(old);
    must(store_write(present, add_item, "later", &err));
    must(store_sound(present, &err));
    assert_int_equal(count(present, SQL_COUNT_ITEMS), 2);
    store_close(present);
    present = open_store();
    assert_int_equal(count(present, SQL_COUNT_ITEMS), 2);
    store_close(present);
}

/* Once seen by anybody, it is known to all until the process ends. */
static void test_damage_is_remembered(void **state)
{
    (void)state;
    struct store *store = open_store();
    must(write_sql(store, "INSERT INTO items (name, data) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
                          " SELECT i + 1 FROM n WHERE i < 1000) SELECT 'item ' || i, zeroblob(100) FROM n"));
    store_close(store);
    for (long at = 2 * 4096; at < 12 * 4096; at += 4096)
        damage(path, at);
    store = open_store();
    must(store_sound(store, &err));
    struct db *db = reader(store);
    int64_t length;
    bool done = db_find_int(db, "SELECT sum(length(name)) FROM items", DB_NO_ARGS, 0, &length, &err);
    assert_fails(done, ERROR_DAMAGED, "is damaged");
    store_reader_return(db);
    assert_true(store_is_damaged(store));
    assert_fails(store_sound(store, &err), ERROR_DAMAGED, "restore a backup");
    store_close(store);
}

static void test_constraint_texts(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        enum error_code code;
        const char *part;
    } cases[] = {
        {"INSERT INTO items (name) VALUES ('a')", ERROR_CONFLICT, "items.name"},
        {"INSERT INTO items (id, name) VALUES (1, 'b')", ERROR_CONFLICT, "items.id"},
        {"INSERT INTO counters VALUES ('k', 1)", ERROR_CONFLICT, "counters.key"},
        {"INSERT INTO parts (item_id) VALUES (99)", ERROR_CONFLICT, "not there"},
        {"DELETE FROM items WHERE id = 1", ERROR_CONFLICT, "still refers"},
        {"DELETE FROM parts", ERROR_CONFLICT, "parts are never deleted"},
        {"INSERT INTO items (name) VALUES (NULL)", ERROR_INTERNAL, "items.name"},
    };
    struct store *store = open_store();
    must(write_sql(store, "INSERT INTO items (name) VALUES ('a')"));
    must(write_sql(store, "INSERT INTO counters VALUES ('k', 1)"));
    must(write_sql(store, "INSERT INTO parts (item_id) VALUES (1)"));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_fails(write_sql(store, cases[i].sql), cases[i].code, cases[i].part);
    store_close(store);
}

static bool count_changes(struct db *db, void *context, struct error *e)
{
    int64_t *changes = context;
    struct db_rows rows = {0};
    if (!db_execute(db, "UPDATE items SET amount = 2", DB_NO_ARGS, &changes[0], e) ||
        !db_execute(db, "UPDATE items SET amount = 2 WHERE id > 100", DB_NO_ARGS, &changes[1], e) ||
        !db_execute(db, "SELECT * FROM items", DB_NO_ARGS, &changes[2], e) ||
        /* RETURNING: done at the call, though no row is read */
        !db_query(db, "INSERT INTO items (name) VALUES ($1) RETURNING id", DB_ARGS(db_text("c")), &rows, e))
        return false;
    db_rows_release(&rows);
    return db_find_int(db, "INSERT INTO items (name) VALUES ('d') RETURNING id", DB_NO_ARGS, 0, &changes[3],
                       e);
}

/* ---- many rows at once ---- */

static const char *const item_columns[] = {"id", "name", "amount", "ratio", "data", "note"};

struct bulk_work {
    int64_t first, rows, written;
    int64_t bad;   /* the row that has the name of another; 0: none */
    bool given_up; /* without an end */
};

static bool write_many(struct db *db, void *context, struct error *e)
{
    struct bulk_work *work = context;
    CLEANUP(db_bulk_release) struct db_bulk *bulk = NULL;
    if (!db_bulk_begin(db, "items", item_columns, ARRAY_SIZE(item_columns), &bulk, e))
        return false;
    for (int64_t id = work->first; id < work->first + work->rows; id++) {
        char name[64];
        snprintf(name, sizeof(name), "a\tb\n\\c\\.\r\b %lld", (long long)(id == work->bad ? id - 1 : id));
        const struct db_value values[] = {
            db_int(id),           db_text(name), id % 2 ? db_int(-id) : db_null(), db_real((double)id / 3),
            db_bytes("\0\\x", 3), db_text("")};
        if (!db_bulk_row(bulk, values, e))
            return false;
    }
    if (work->given_up)
        return error_set(e, ERROR_INVALID, "given up", "放弃");
    return db_bulk_end(bulk, &work->written, e);
}

static bool add_one_after(struct db *db, void *context, struct error *e)
{
    return db_insert(db, SQL_ADD_ITEM, DB_ARGS(db_text("after"), db_int(0)), context, e);
}

static void test_many_rows_at_once(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct bulk_work bad = {.first = 1, .rows = 1000, .bad = 900},
                     given_up = {.first = 1, .rows = 3, .given_up = true};
    struct bulk_work many = {.first = 10, .rows = 5000}, none = {.rows = 0};
    assert_fails(store_write(store, write_many, &bad, &err), ERROR_CONFLICT, "items.name");
    assert_fails(store_write(store, write_many, &given_up, &err), ERROR_INVALID, "given up");
    assert_int_equal(count(store, SQL_COUNT_ITEMS), 0);
    must(store_write(store, write_many, &none, &err));
    must(store_write(store, write_many, &many, &err));
    assert_int_equal(many.written, 5000);
    assert_int_equal(count(store, "SELECT COUNT(*) FROM items WHERE note = ''"), 5000);
    assert_int_equal(count(store, "SELECT SUM(amount) FROM items"), -(11 + 5009) / 2 * 2500);
    struct db *db = reader(store);
    struct db_rows rows = {0};
    size_t length;
    must(db_query(db, "SELECT name, ratio, data, amount FROM items WHERE id = $1", DB_ARGS(db_int(4000)),
                  &rows, &err));
    assert_true(db_next(&rows));
    assert_string_equal(db_column_text(&rows, 0), "a\tb\n\\c\\.\r\b 4000");
    assert_true(db_column_real(&rows, 1) == 4000.0 / 3);
    assert_memory_equal(db_column_bytes(&rows, 2, &length), "\0\\x", 3);
    assert_int_equal(length, 3);
    assert_true(db_column_null(&rows, 3));
    must(db_done(&rows, &err));
    store_reader_return(db);
    int64_t id = 0;
    must(store_write(store, add_one_after, &id, &err)); /* behind those that were given */
    assert_int_equal(id, 5010);
    store_close(store);
}

/* References are checked when a statement ends, after it has returned its rows. */
static bool add_orphan(struct db *db, void *context, struct error *e)
{
    int64_t id;
    struct db_rows rows = {0};
    static const char SQL[] = "INSERT INTO parts (item_id) VALUES (99) RETURNING id";
    if (!context)
        return db_find_int(db, SQL, DB_NO_ARGS, 0, &id, e);
    return db_query(db, SQL, DB_NO_ARGS, &rows, e) && db_next(&rows) && db_done(&rows, e);
}

static void test_failure_after_the_rows(void **state)
{
    (void)state;
    struct store *store = open_store();
    assert_fails(store_write(store, add_orphan, NULL, &err), ERROR_CONFLICT, "not there");
    assert_fails(store_write(store, add_orphan, store, &err), ERROR_CONFLICT, "not there");
    assert_int_equal(count(store, "SELECT count(*) FROM parts"), 0);
    store_close(store);
}

static void test_changes(void **state)
{
    (void)state;
    struct store *store = open_store();
    must(write_sql(store, "INSERT INTO items (name) VALUES ('a'), ('b')"));
    int64_t changes[4] = {-1, -1, -1, -1};
    must(store_write(store, count_changes, changes, &err));
    assert_true(changes[0] == 2 && changes[1] == 0 && changes[2] == 0 && changes[3] == 4);
    assert_int_equal(count(store, SQL_COUNT_ITEMS), 4);
    store_close(store);
}

struct holding {
    sem_t began, may_end;
};

static bool hold_lock(struct db *db, void *context, struct error *e)
{
    struct holding *holding = context;
    bool done = db_execute(db, SQL_ADD_ITEM, DB_ARGS(db_text("held"), db_int(1)), NULL, e);
    sem_post(&holding->began);
    sem_wait(&holding->may_end);
    return done;
}

/* Another store of the same database stands for another process: it shares nothing but the database. */
static void test_another_process_holds_the_lock(void **state)
{
    (void)state;
    struct store *other = open_store(), *store = open_store();
    struct holding holding;
    sem_init(&holding.began, 0, 0);
    sem_init(&holding.may_end, 0, 0);
    assert_true(store_write_async(other, hold_lock, NULL, &holding));
    sem_wait(&holding.began);
    struct batch_work works[] = {
        {.sql = {ADD("a")}, .expected = ERROR_UNAVAILABLE},
        {.sql = {ADD("b")}, .expected = ERROR_UNAVAILABLE},
        {.sql = {ADD("c")}, .expected = ERROR_UNAVAILABLE},
    };
    sem_t answered;
    sem_init(&answered, 0, 0);
    int64_t began = clock_monotonic_us();
    for (size_t i = 0; i < 3; i++) {
        works[i].answered = &answered;
        assert_true(store_write_async(store, run_batch_work, batch_work_done, &works[i]));
    }
    for (size_t i = 0; i < 3; i++)
        sem_wait(&answered);
    int64_t took = clock_monotonic_us() - began;
    /* once, and perhaps once for what was put off, not three times */
    assert_in_range(took, 4000000, 14000000);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(works[i].outcome, ERROR_UNAVAILABLE);
    assert_int_equal(count(store, SQL_COUNT_ITEMS), 0); /* reading goes on */
    sem_post(&holding.may_end);
    store_close(other);
    sem_destroy(&holding.began);
    sem_destroy(&holding.may_end);
    must(store_write(store, add_item, "after", &err));
    assert_int_equal(count(store, SQL_COUNT_ITEMS), 2);
    sem_destroy(&answered);
    store_close(store);
}

static void test_queue_is_full(void **state)
{
    (void)state;
    struct store *store;
    struct store_options options = options_of(0, 3);
    must(store_open(&store, &options, &err));
    sem_t hold;
    sem_init(&hold, 0, 0);
    assert_true(store_write_async(store, hold_writer, NULL, &hold));
    struct store_stats stats;
    do
        store_get_stats(store, &stats);
    while (stats.queue_length > 0);
    assert_true(store_write_async(store, add_item, NULL, "a"));
    assert_true(store_write_async(store, add_item, NULL, "b"));
    assert_true(store_write_async(store, add_item, NULL, "b")); /* fails, and nobody asks */
    assert_false(store_write_async(store, add_item, NULL, "c"));
    assert_fails(store_write(store, add_item, "c", &err), ERROR_UNAVAILABLE, "cannot take");
    assert_true(err.retry_after_seconds > 0);
    assert_false(store_write(store, add_item, "c", NULL));
    store_get_stats(store, &stats);
    assert_int_equal(stats.queue_length, 3);
    sem_post(&hold);
    do
        store_get_stats(store, &stats);
    while (stats.queue_length > 0);
    must(store_write(store, add_item, "d", &err));
    assert_false(store_write(store, add_item, "d", NULL)); /* fails without an error to fill */
    assert_int_equal(count(store, SQL_COUNT_ITEMS), 3);
    store_close(store);
    sem_destroy(&hold);
}

static _Atomic int answers;
static void count_answer(void *context, const struct error *e)
{
    (void)context;
    answers += e == NULL;
}

static void *close_it(void *context)
{
    store_close(context);
    return NULL;
}

static void test_close_finishes_what_waits(void **state)
{
    (void)state;
    struct store *store = open_store();
    sem_t hold;
    sem_init(&hold, 0, 0);
    answers = 0;
    assert_true(store_write_async(store, hold_writer, NULL, &hold));
    static char names[1000][12];
    for (int i = 0; i < 1000; i++) {
        snprintf(names[i], sizeof(names[i]), "%d", i);
        assert_true(store_write_async(store, add_item, count_answer, names[i]));
    }
    pthread_t thread;
    pthread_create(&thread, NULL, close_it, store);
    usleep(20000);
    sem_post(&hold);
    pthread_join(thread, NULL);
    sem_destroy(&hold);
    assert_int_equal(answers, 1000);
    store_close(NULL);
    store = open_store();
    assert_int_equal(count(store, SQL_COUNT_ITEMS), 1000);
    store_close(store);
}

static void test_large_batches_are_cut(void **state)
{
    (void)state;
    struct store *store = open_store();
    sem_t hold;
    sem_init(&hold, 0, 0);
    answers = 0;
    assert_true(store_write_async(store, hold_writer, NULL, &hold));
    static char names[2000][12];
    for (int i = 0; i < 2000; i++) {
        snprintf(names[i], sizeof(names[i]), "%d", i);
        assert_true(store_write_async(store, add_item, count_answer, names[i]));
    }
    sem_post(&hold);
    must(store_write(store, add_item, "last", &err));
    struct store_stats stats;
    store_get_stats(store, &stats);
    assert_true(stats.commits >= 4);
    assert_int_equal(stats.works, 2002);
    assert_int_equal(answers, 2000);
    store_close(store);
    sem_destroy(&hold);
}

/* Readers that follow each other without a gap would keep a log alive that is only ever
 * checkpointed passively. */
static _Atomic bool reading;
static void *read_without_gap(void *context)
{
    struct store *store = context;
    while (reading) {
        struct error e;
        struct db *db;
        struct db_rows rows = {0};
        if (!store_reader(store, 20000, &db, &e))
            abort();
        if (!db_query(db, "SELECT id FROM items", DB_NO_ARGS, &rows, &e))
            abort();
        for (int i = 0; i < 20 && db_next(&rows); i++)
            usleep(1000);
        db_rows_release(&rows);
        store_reader_return(db);
    }
    return NULL;
}

static void test_log_stays_bounded(void **state)
{
    (void)state;
    struct store *store = open_store();
    must(write_sql(store, "INSERT INTO items (name) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT"
                          " i + 1 FROM n WHERE i < 100) SELECT i FROM n"));
    pthread_t threads[3];
    reading = true;
    for (size_t i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, read_without_gap, store);
    int64_t largest = 0;
    for (int i = 0; i < 150; i++) { /* 600 KB each */
        must(write_sql(store, "INSERT OR REPLACE INTO items (id, name, data) WITH RECURSIVE n(i) AS ("
                              "SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 1150)"
                              " SELECT i, 'x' || i, randomblob(4000) FROM n"));
        struct store_stats stats;
        store_get_stats(store, &stats);
        largest = stats.wal_bytes > largest ? stats.wal_bytes : largest;
    }
    reading = false;
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    store_close(store);
    print_message("the log grew to %lld KiB of 90 MB written\n", (long long)largest / 1024);
    assert_true(largest < 40 << 20);
}

/* What is held to make reading cheap is let go when nobody reads. */
static void test_idle_store_is_not_in_the_way(void **state)
{
    (void)state;
    struct store *store = open_store();
    sqlite3 *other;
    sqlite3_open(path, &other);
    sqlite3_busy_timeout(other, 1000);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 20; i++) {
            assert_int_equal(count(store, SQL_COUNT_ITEMS), round); /* what others write is seen */
            usleep(1000);
        }
        assert_int_equal(sqlite3_exec(other, "INSERT INTO items (name) VALUES (random())", 0, 0, 0),
                         SQLITE_OK);
        assert_int_equal(count(store, SQL_COUNT_ITEMS), round + 1);
        assert_int_equal(sqlite3_wal_checkpoint_v2(other, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL),
                         SQLITE_OK);
    }
    sqlite3_close(other);
    store_close(store);
}

/* ---- opening and migrations ---- */

static void test_opening(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    char log_name[100];
    snprintf(log_name, sizeof(log_name), "%s-wal", file_path);
    assert_int_equal(stat(log_name, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_string_equal(store_path(store), path);
    assert_int_equal(count(store, "PRAGMA foreign_keys"), 1);
    store_close(store);
    store = open_store(); /* again: nothing to migrate */
    assert_int_equal(count(store, "SELECT count(*) FROM schema_version"), 2);
    assert_int_equal(count(store, "SELECT count(*) FROM schema_version WHERE applied_at > 1600000000000"), 2);
    store_close(store);
    assert_int_equal(stat(log_name, &status), -1); /* closing leaves one file */
}

static void test_opening_what_is_none(void **state)
{
    (void)state;
    struct store_options options = options_of(0, 0);
    struct store *store = NULL;
    write_file(path, "Lorem ipsum dolor sit amet, consectetur adipiscing elit.", 56);
    assert_fails(store_open(&store, &options, &err), ERROR_DAMAGED, "not a Kimono store");
    assert_non_null(strstr(err.detail[LANGUAGE_EN], path));
    unlink(path);
    sqlite3 *other;
    sqlite3_open(path, &other);
    sqlite3_exec(other, "CREATE TABLE theirs (a)", 0, 0, 0);
    sqlite3_close(other);
    assert_fails(store_open(&store, &options, &err), ERROR_CONFLICT, "another program");
    options.path = "/nonexistent/directory/kimono.db";
    assert_fails(store_open(&store, &options, &err), ERROR_STORE, "/nonexistent/directory");
    options.path = directory;
    assert_fails(store_open(&store, &options, &err), ERROR_STORE, "cannot be opened");
    options.path = "postgresql://user:geh@eim@localhost/kimono";
    assert_fails(store_open(&store, &options, &err), ERROR_INVALID, "cannot be read");
    assert_null(strstr(err.detail[LANGUAGE_EN], "eim"));
    assert_null(store);
}

static void test_read_only_directory(void **state)
{
    (void)state;
    if (geteuid() == 0)
        skip(); /* root may write anywhere */
    struct store_options options = options_of(0, 0);
    struct store *store;
    chmod(directory, 0500);
    assert_fails(store_open(&store, &options, &err), ERROR_STORE, "permissions");
    chmod(directory, 0700);
    store_close(open_store());
    chmod(directory, 0500);
    assert_fails(store_open(&store, &options, &err), ERROR_STORE, "permissions");
    chmod(directory, 0700);
}

static void assert_types_of_sqlite(struct store *store)
{
    assert_int_equal(count(store, "SELECT count(*) FROM sqlite_schema WHERE sql LIKE '%{{%'"), 0);
    assert_int_equal(count(store, "SELECT count(*) FROM sqlite_schema WHERE sql LIKE '%) WITHOUT ROWID'"), 1);
    assert_int_equal(count(store,
                           "SELECT count(*) FROM sqlite_schema WHERE sql LIKE "
                           "'%(id INTEGER PRIMARY KEY AUTOINCREMENT, a INTEGER, b REAL, c BLOB, d TEXT)'"),
                     1);
}

/* Texts compare as bytes, as they do in SQLite and in the program. */
static void assert_types_of_postgresql(struct store *store)
{
    static const char SQL[] = "SELECT string_agg(data_type || coalesce(' ' || collation_name, '') ||"
                              " CASE is_identity WHEN 'YES' THEN ' identity' ELSE '' END, ', '"
                              " ORDER BY ordinal_position) FROM information_schema.columns"
                              " WHERE table_schema = current_schema() AND table_name = 'one'";
    struct db *db = reader(store);
    struct db_rows rows = {0};
    must(db_query(db, SQL, DB_NO_ARGS, &rows, &err));
    assert_true(db_next(&rows));
    assert_string_equal(db_column_text(&rows, 0), "bigint identity, bigint, double precision, bytea, text C");
    must(db_done(&rows, &err));
    store_reader_return(db);
}

static void test_migrations(void **state)
{
    (void)state;
    static const struct migration three[] = {
        {"one", "CREATE TABLE one (id {{id}}, a {{int}}, b {{real}}, c {{bytes}}, d {{json}})"},
        {"two", "CREATE TABLE two (a {{int}} PRIMARY KEY) {{without_rowid}}; INSERT INTO two VALUES (1)"},
        {"three", "CREATE TABLE three (a {{int}}); INSERT INTO three VALUES (1); INSERT INTO two VALUES (1)"},
    };
    static const struct migration mended[] = {
        {"one", ""}, {"two", ""}, {"three", "CREATE TABLE three (a {{int}})"}};
    static const struct migration odd[] = {{"one", ""}, {"two", ""}, {"odd", "CREATE TABLE odd (a {{inr}})"}};
    struct store_options options = options_of(0, 0);
    struct store *store;
    options.migrations = three;
    options.migration_count = 3;
    assert_fails(store_open(&store, &options, &err), ERROR_CONFLICT, "migration 3 (three)");
    assert_non_null(strstr(err.detail[LANGUAGE_EN], "two.a"));
    options.migration_count = 2;
    must(store_open(&store, &options, &err));
    assert_int_equal(count(store, "SELECT max(version) FROM schema_version"), 2);
    assert_int_equal(count(store, BY_DATABASE("SELECT count(*) FROM sqlite_schema WHERE name = 'three'",
                                              "SELECT count(*) FROM pg_tables WHERE tablename = 'three'"
                                              " AND schemaname = current_schema()")),
                     0);
    if (on_postgresql)
        assert_types_of_postgresql(store);
    else
        assert_types_of_sqlite(store);
    store_close(store);
    options.migration_count = 3;
    options.migrations = odd;
    assert_fails(store_open(&store, &options, &err), ERROR_INTERNAL, "{{inr}}");
    options.migrations = mended;
    must(store_open(&store, &options, &err));
    assert_int_equal(count(store, "SELECT max(version) FROM schema_version"), 3);
    store_close(store);
    options.migration_count = 1;
    assert_fails(store_open(&store, &options, &err), ERROR_CONFLICT,
                 "is at version 3, this program knows 1: install the newer program");
}

/* ---- several processes ---- */

/* Runs `child(number)` in processes of their own; no store may be open here. */
static void run_children(int number, int (*child)(int))
{
    pid_t pids[8];
    for (int i = 0; i < number; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            _exit(child(i));
    }
    for (int i = 0; i < number; i++) {
        int status = -1;
        waitpid(pids[i], &status, 0);
        assert_int_equal(status, 0);
    }
}

static int open_and_write(int number)
{
    struct store_options options = options_of(1, 0);
    struct store *store;
    struct error e;
    if (!store_open(&store, &options, &e)) {
        fprintf(stderr, "process %d: %s\n", number, e.detail[LANGUAGE_EN]);
        return 1;
    }
    for (int i = 0; i < 50; i++) {
        int numbers[] = {number, i * 10};
        if (!store_write(store, add_numbered, numbers, &e)) {
            fprintf(stderr, "process %d: %s\n", number, e.detail[LANGUAGE_EN]);
            return 1;
        }
    }
    store_close(store);
    return 0;
}

static bool same_stamp(struct store *store, struct store_stamp *before)
{
    struct store_stamp now;
    assert_true(store_get_stamp(store, &now));
    bool same = memcmp(&now, before, sizeof(now)) == 0;
    *before = now;
    return same;
}

/* Another store of the same file stands for another process: it shares nothing but the file. */
static void test_stamp_changes_with_every_commit(void **state)
{
    (void)state;
    struct store *store = open_store(), *other = open_store();
    struct store_stamp stamp;
    assert_true(store_get_stamp(store, &stamp));
    assert_int_equal(count(store, SQL_COUNT_ITEMS), 0);
    assert_true(same_stamp(store, &stamp));
    for (int i = 0; i < 300; i++) {
        int numbers[] = {7, i * 10};
        must(store_write(i % 2 ? other : store, add_numbered, numbers, &err));
        assert_false(same_stamp(store, &stamp));
        assert_true(same_stamp(store, &stamp));
    }
    store_close(other);
    store_close(store);
}

static void test_processes_write_at_once(void **state)
{
    (void)state;
    run_children(4, open_and_write); /* they also create and migrate it at once */
    struct store *store = open_store();
    assert_int_equal(count(store, SQL_COUNT_ITEMS), 200);
    assert_int_equal(count(store, "SELECT value FROM counters"), 200);
    assert_int_equal(count(store, "SELECT count(*) FROM schema_version"), 2);
    store_close(store);
}

/* ---- backup, restore, check ---- */

static char backup_path[100];

static bool restore(const char *from)
{
    struct store_options options = options_of(0, 0);
    return store_restore(from, &options, &err);
}

static void make_backup(int items)
{
    snprintf(backup_path, sizeof(backup_path), "%s/backup.db", directory);
    struct store *store = open_store();
    for (int i = 0; i < items; i++) {
        int numbers[] = {i, 0};
        must(store_write(store, add_numbered, numbers, &err));
    }
    must(store_backup(store, backup_path, &err));
    store_close(store);
}

static void assert_whole(struct store *store)
{
    CLEANUP(strbuf_release) struct strbuf findings = {0};
    struct db *db = reader(store);
    must(store_integrity(db, &findings, &err));
    assert_string_equal(strbuf_text(&findings), "");
    store_reader_return(db);
}

static _Atomic bool writing;
static void *write_on(void *context)
{
    for (int i = 0; writing; i++) {
        int numbers[] = {1000, i};
        struct error e;
        if (!store_write(context, add_numbered, numbers, &e) && e.code != ERROR_INVALID)
            abort();
    }
    return NULL;
}

static void test_backup_while_writing(void **state)
{
    (void)state;
    struct store *store = open_store();
    must(write_sql(store, "INSERT INTO items (name, data) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT"
                          " i + 1 FROM n WHERE i < 3000) SELECT i, randomblob(3000) FROM n"));
    must(write_sql(store, "INSERT INTO counters VALUES ('items', 3000)"));
    snprintf(backup_path, sizeof(backup_path), "%s/backup.db", directory);
    writing = true;
    pthread_t thread;
    pthread_create(&thread, NULL, write_on, store);
    for (int i = 0; i < 3; i++)
        must(store_backup(store, backup_path, &err));
    writing = false;
    pthread_join(thread, NULL);
    assert_fails(store_backup(store, path, &err), ERROR_CONFLICT, "in use");
    assert_fails(store_backup(store, "/nonexistent/backup.db", &err), ERROR_INTERNAL, "/nonexistent");
    store_close(store);
    struct stat status;
    assert_int_equal(stat(backup_path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    struct store_options options = options_of(0, 0);
    options.path = backup_path;
    must(store_open(&store, &options, &err));
    assert_whole(store);
    assert_true(count(store, SQL_COUNT_ITEMS) >= 3000);
    assert_int_equal(count(store, "SELECT value - (SELECT count(*) FROM items) FROM counters"), 0);
    store_close(store);
}

static void test_restore(void **state)
{
    (void)state;
    make_backup(3);
    struct store *store = open_store();
    must(store_write(store, add_item, "after the backup", &err));
    store_close(store);
    must(restore(backup_path));
    store = open_store();
    assert_int_equal(count(store, SQL_COUNT_ITEMS), 3);
    assert_whole(store);
    store_close(store);
    /* over a damaged store, and where there is none; with a stale log beside it */
    char log_name[100];
    snprintf(log_name, sizeof(log_name), "%s-wal", file_path);
    write_file(path, "rubbish", 7);
    write_file(log_name, "more rubbish", 12);
    must(restore(backup_path));
    unlink(path);
    must(restore(backup_path));
    store = open_store();
    assert_int_equal(count(store, SQL_COUNT_ITEMS), 3);
    store_close(store);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static int count_files(void)
{
    char command[128];
    int files = 0;
    snprintf(command, sizeof(command), "ls -A %s | wc -l", directory);
    FILE *pipe = popen(command, "r");
    assert_int_equal(fscanf(pipe, "%d", &files), 1);
    pclose(pipe);
    return files;
}

static void test_restore_refuses_what_is_not_whole(void **state)
{
    (void)state;
    make_backup(300);
    int files = count_files();
    char other[100];
    snprintf(other, sizeof(other), "%s/other.db", directory);
    write_file(other, "rubbish, but long enough to be looked at as a header", 52);
    assert_fails(restore(other), ERROR_DAMAGED, "not a Kimono store");
    unlink(other);
    sqlite3 *handle;
    sqlite3_open(other, &handle);
    sqlite3_exec(handle, "CREATE TABLE theirs (a)", 0, 0, 0);
    sqlite3_close(handle);
    assert_fails(restore(other), ERROR_CONFLICT, "another program");
    unlink(other);
    assert_fails(restore(other), ERROR_INTERNAL, "No such file");
    damage(backup_path, 3 * 4096 + 100);
    assert_fails(restore(backup_path), ERROR_CONFLICT, "damaged");
    assert_int_equal(count_files(), files); /* nothing is left lying about */
    struct store *store = open_store();
    assert_int_equal(count(store, SQL_COUNT_ITEMS), 300);
    store_close(store);
}

static int hold_open(int number)
{
    (void)number;
    struct store *store = open_store();
    char flag[100];
    snprintf(flag, sizeof(flag), "%s/is-open", directory);
    write_file(flag, "", 0);
    snprintf(flag, sizeof(flag), "%s/may-close", directory);
    while (access(flag, F_OK) != 0)
        usleep(1000);
    store_close(store);
    return 0;
}

static void test_restore_refuses_a_store_in_use(void **state)
{
    (void)state;
    make_backup(1);
    pid_t pid = fork();
    if (pid == 0)
        _exit(hold_open(0));
    char flag[100], text[32];
    snprintf(flag, sizeof(flag), "%s/is-open", directory);
    while (access(flag, F_OK) != 0)
        usleep(1000);
    snprintf(text, sizeof(text), "process (%d)", (int)pid);
    assert_fails(restore(backup_path), ERROR_CONFLICT, text);
    snprintf(flag, sizeof(flag), "%s/may-close", directory);
    write_file(flag, "", 0);
    int status = -1;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    must(restore(backup_path));
}

static void test_integrity_finds(void **state)
{
    (void)state;
    CLEANUP(strbuf_release) struct strbuf findings = {0};
    struct store *store = open_store();
    must(write_sql(store, "INSERT INTO items (name, data) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT"
                          " i + 1 FROM n WHERE i < 300) SELECT i, randomblob(3000) FROM n"));
    store_close(store);
    sqlite3 *handle;
    sqlite3_open(path, &handle);
    sqlite3_exec(handle, "PRAGMA foreign_keys = OFF; INSERT INTO parts (item_id) VALUES (999)", 0, 0, 0);
    sqlite3_close(handle);
    store = open_store();
    struct db *db = reader(store);
    must(store_integrity(db, &findings, &err));
    assert_string_equal(strbuf_text(&findings), "parts, row 1: refers to a row of items that is not there\n");
    db_set_deadline(db, 1);
    assert_fails(store_integrity(db, &findings, &err), ERROR_TIMEOUT, "");
    store_reader_return(db);
    store_close(store);
    damage(path, 20 * 4096 + 8);
    strbuf_reset(&findings);
    store = open_store();
    db = reader(store);
    must(store_integrity(db, &findings, &err));
    assert_true(findings.length > 0);
    store_reader_return(db);
    store_close(store);
}

/* What belongs to every database. */
#define TESTS_OF_BOTH(TEST)                                                                                  \
    TEST(test_values), TEST(test_placeholders), TEST(test_ids_of_many), TEST(test_descriptors),              \
        TEST(test_rows_too_large_for_the_arena), TEST(test_work_too_large_for_the_arena),                    \
        TEST(test_one_statement_many_times_at_once), TEST(test_statement_cache), TEST(test_releasing),       \
        TEST(test_deadlines), TEST(test_reader_cannot_write), TEST(test_all_readers_lent),                   \
        TEST(test_many_threads_read), TEST(test_group_commit_with_64_threads),                               \
        TEST(test_failing_works_take_back_only_their_own), TEST(test_first_works_of_a_batch_fail),           \
        TEST(test_nothing_follows_a_failed_statement), TEST(test_deadline_of_a_work),                        \
        TEST(test_commit_fails_for_one), TEST(test_constraint_texts), TEST(test_failure_after_the_rows),     \
        TEST(test_changes), TEST(test_another_process_holds_the_lock), TEST(test_queue_is_full),             \
        TEST(test_close_finishes_what_waits), TEST(test_large_batches_are_cut), TEST(test_migrations),       \
        TEST(test_many_rows_at_once), TEST(test_processes_write_at_once),

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_ON_POSTGRESQL(name) cmocka_unit_test_setup_teardown(name, set_up_schema, tear_down_schema)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TESTS_OF_BOTH(TEST)
        /* Of files. */
        TEST(test_full_disk),
        TEST(test_files_taken_away),
        TEST(test_closing_one_that_was_taken_away),
        TEST(test_damage_is_remembered),
        TEST(test_log_stays_bounded),
        TEST(test_idle_store_is_not_in_the_way),
        TEST(test_opening),
        TEST(test_opening_what_is_none),
        TEST(test_read_only_directory),
        TEST(test_stamp_changes_with_every_commit),
        TEST(test_backup_while_writing),
        TEST(test_restore),
        TEST(test_restore_refuses_what_is_not_whole),
        TEST(test_restore_refuses_a_store_in_use),
        TEST(test_integrity_finds),
    };
    const struct CMUnitTest postgresql_tests[] = {TESTS_OF_BOTH(TEST_ON_POSTGRESQL)};
    int failed = cmocka_run_group_tests_name("store", tests, NULL, NULL);
    on_postgresql = true;
    if (getenv("KIMONO_TEST_POSTGRESQL"))
        return failed + cmocka_run_group_tests_name("store on PostgreSQL", postgresql_tests, NULL, NULL);
    print_message("KIMONO_TEST_POSTGRESQL is not set: nothing was tried on PostgreSQL\n");
    return failed;
}
