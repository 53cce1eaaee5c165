/* Carrying a store into another: from SQLite to SQLite, and to PostgreSQL and back where KIMONO_TEST_POSTGRESQL names a
 * server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "search/fold.h"
#include "search/full_text.h"
#include "store/transfer.h"

struct world {
    char folder[64];
    char *path[2];
    bool is_schema[2];
    struct store *from, *to;
    struct error err;
};

#define must(call)                                                                                           \
    do {                                                                                                     \
        error_clear(&w->err);                                                                                \
        if (!(call))                                                                                         \
            fail_msg("%s: %s", #call, w->err.detail[LANGUAGE_EN]);                                           \
    } while (0)

static struct store *open_store(struct world *w, const char *path)
{
    struct store *store = NULL;
    struct store_options options = {
        .path = path,
        .migrations = main_migrations,
        .migration_count = main_migration_count,
        .tokenize = full_text_tokens,
    };
    must(store_open(&store, &options, &w->err));
    return store;
}

/* A place of its own: a file, or a schema of the server. */
static void choose_place(struct world *w, int which, const char *server)
{
    struct strbuf path = {0};
    w->is_schema[which] = server != NULL;
    if (server)
        strbuf_printf(&path, "%s%cschema=transfer_%ld_%d", server, strchr(server, '?') ? '&' : '?',
                      (long)getpid(), which);
    else
        strbuf_printf(&path, "%s/%d.db", w->folder, which);
    w->path[which] = strbuf_detach(&path, NULL);
}

static bool run_script(struct db *db, void *context, struct error *err)
{
    return db_script(db, context, err);
}

static void execute(struct world *w, struct store *store, const char *sql)
{
    char *copy = xstrdup(sql);
    must(store_write(store, run_script, copy, &w->err));
    free(copy);
}

static void open_world(struct world *w, const char *from_server, const char *to_server)
{
    *w = (struct world){0};
    strcpy(w->folder, "/tmp/kimono-transfer-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    choose_place(w, 0, from_server);
    choose_place(w, 1, to_server);
    w->from = open_store(w, w->path[0]);
    w->to = open_store(w, w->path[1]);
}

static void close_world(struct world *w)
{
    struct store *stores[] = {w->from, w->to};
    for (int i = 0; i < 2; i++) {
        if (w->is_schema[i]) {
            char sql[128];
            snprintf(sql, sizeof(sql), "DROP SCHEMA transfer_%ld_%d CASCADE", (long)getpid(), i);
            execute(w, stores[i], sql);
        }
        store_close(stores[i]);
        char file[600];
        for (const char *const *end = (const char *const[]){"", "-wal", "-shm", NULL}; *end; end++) {
            snprintf(file, sizeof(file), "%s/%d.db%s", w->folder, i, *end);
            unlink(file);
        }
        free(w->path[i]);
    }
    rmdir(w->folder);
}

/* Of every type, with nulls, an empty text, a text of several scripts, a real that is whole, and a number that has been
 * given away. */
static const char SQL_ROWS[] =
    "INSERT INTO tenants(id, name, name_folded, api_key, created_at, updated_at, suspended_at) VALUES"
    " ('anna', '安娜 👘 Ünïted', '安娜 👘 ünïted', 'k1', 1, 2, NULL),"
    " ('Beni', '', '', 'k2', -5, 9223372036854775807, 7);"
    "INSERT INTO qa_pairs(tenant_id, question, answer, question_hash, question_key, text_hash, revision, "
    "quality_score,"
    " created_at, updated_at) VALUES ('anna', '几点开门', '九点', 1, 5, -2, 1, 1.0, 3, 4),"
    " ('Beni', 'When?', '', 3, 6, 4, 1, 0.1, 3, 4), ('Beni', 'gone', '', 3, 7, 4, 1, 0.5, 3, 4);"
    "DELETE FROM qa_pairs WHERE question = 'gone';"
    "UPDATE platform_counters SET value = 2 WHERE name = 'tenants';";

static void tell_nothing(void *context, const struct store_table *table, const struct store_digest *from,
                         const struct store_digest *to)
{
    size_t *tables = context;
    (void)table;
    assert_int_equal(from->rows, to->rows);
    *tables += 1;
}

static int64_t count_in(struct world *w, struct store *store, const char *sql)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    int64_t count;
    must(store_reader(store, 5000, &db, &w->err));
    must(db_find_int(db, sql, DB_NO_ARGS, 0, &count, &w->err));
    return count;
}

struct inserted {
    const char *sql;
    int64_t id;
};

static bool insert_one(struct db *db, void *context, struct error *err)
{
    struct inserted *inserted = context;
    return db_insert(db, inserted->sql, DB_NO_ARGS, &inserted->id, err);
}

static void prove_carried(struct world *w)
{
    static const char SQL_COUNTER[] = "SELECT value FROM platform_counters WHERE name = 'tenants'";
    static const char SQL_ONE_MORE[] = "INSERT INTO qa_pairs(tenant_id, question, answer, question_hash, "
                                       "question_key, text_hash, revision, created_at,"
                                       " updated_at) VALUES ('anna', 'one more', '', 1, 8, 1, 2, 1, 1)";
    size_t tables = 0;
    bool same = false;
    execute(w, w->from, SQL_ROWS);
    must(store_transfer(w->from, w->to, main_tables, main_table_count, tell_nothing, NULL, &tables, &w->err));
    assert_int_equal(tables, main_table_count);
    must(store_compare(w->from, w->to, main_tables, main_table_count, NULL, NULL, &same, &w->err));
    assert_true(same);
    assert_int_equal(count_in(w, w->to, SQL_COUNTER), 2);

    struct inserted inserted = {.sql = SQL_ONE_MORE};
    must(store_write(w->to, insert_one, &inserted, &w->err));
    assert_int_equal(inserted.id, 4); /* 3 was given away and deleted */
    must(store_compare(w->from, w->to, main_tables, main_table_count, NULL, NULL, &same, &w->err));
    assert_false(same);
}

static void carried_to_another_file(void **state)
{
    (void)state;
    struct world world, *w = &world;
    open_world(w, NULL, NULL);
    prove_carried(w);
    close_world(w);
}

static void carried_to_postgresql(void **state)
{
    (void)state;
    const char *server = getenv("KIMONO_TEST_POSTGRESQL");
    struct world world, *w = &world;
    if (!server)
        skip();
    open_world(w, NULL, server);
    prove_carried(w);
    close_world(w);
}

static void carried_back(void **state)
{
    (void)state;
    const char *server = getenv("KIMONO_TEST_POSTGRESQL");
    struct world world, *w = &world;
    if (!server)
        skip();
    open_world(w, server, NULL);
    prove_carried(w);
    close_world(w);
}

/* All or nothing: a store that has something is refused, and one row that does not fit takes all of them back. */
static void nothing_is_half_done(void **state)
{
    (void)state;
    struct world world, *w = &world;
    open_world(w, NULL, NULL);
    execute(w, w->from, SQL_ROWS);
    execute(w, w->to, "CREATE TRIGGER refuse AFTER INSERT ON qa_pairs BEGIN SELECT RAISE(FAIL, 'no'); END");
    error_clear(&w->err);
    assert_false(store_transfer(w->from, w->to, main_tables, main_table_count, NULL, NULL, NULL, &w->err));
    assert_non_null(strstr(w->err.detail[LANGUAGE_EN], "qa_pairs"));
    assert_int_equal(count_in(w, w->to, "SELECT COUNT(*) FROM tenants"), 0);
    assert_int_equal(count_in(w, w->to, "SELECT COUNT(*) FROM meta"), 1);
    execute(w, w->to, "DROP TRIGGER refuse");
    must(store_transfer(w->from, w->to, main_tables, main_table_count, NULL, NULL, NULL, &w->err));

    error_clear(&w->err);
    assert_false(store_transfer(w->from, w->to, main_tables, main_table_count, NULL, NULL, NULL, &w->err));
    assert_int_equal(w->err.code, ERROR_CONFLICT);
    assert_non_null(strstr(w->err.detail[LANGUAGE_EN], "not empty: tenants has 2 rows"));
    close_world(w);
}

static bool is_listed(const char *table)
{
    for (size_t i = 0; i < main_table_count; i++)
        if (strcmp(main_tables[i].name, table) == 0)
            return true;
    for (const char *const *own = main_tables_of_its_own; *own; own++)
        if (strncmp(*own, table, strlen(*own)) == 0)
            return true;
    return false;
}

static void every_table_is_carried_or_made_anew(void **state)
{
    (void)state;
    static const char SQL_TABLES[] =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    struct world world, *w = &world;
    open_world(w, NULL, NULL);
    {
        CLEANUP(store_reader_release) struct db *db = NULL;
        CLEANUP(db_rows_release) struct db_rows rows = {0};
        size_t count = 0;
        must(store_reader(w->from, 5000, &db, &w->err));
        must(db_query(db, SQL_TABLES, DB_NO_ARGS, &rows, &w->err));
        for (; db_next(&rows); count++)
            if (!is_listed(db_column_text(&rows, 0)))
                fail_msg("%s is neither in main_tables nor in main_tables_of_its_own",
                         db_column_text(&rows, 0));
        must(db_done(&rows, &w->err));
        assert_true(count > main_table_count);
    }
    close_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(carried_to_another_file),
        cmocka_unit_test(carried_to_postgresql),
        cmocka_unit_test(carried_back),
        cmocka_unit_test(nothing_is_half_done),
        cmocka_unit_test(every_table_is_carried_or_made_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
