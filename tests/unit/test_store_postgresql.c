/* store/ on PostgreSQL: what cannot happen with a file. Connections that break, servers that are gone, answers that are
 * lost, other processes at work at the same time. Needs KIMONO_TEST_POSTGRESQL, the address of a server where schemas
 * may be made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <libpq-fe.h>
#include <math.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/maintenance.h"
#include "store/store.h"

static const struct migration steps[] = {
    {"items", "CREATE TABLE items (id {{id}}, name TEXT NOT NULL UNIQUE, amount {{int}}, ratio {{real}});"
              "CREATE TABLE counters (key TEXT PRIMARY KEY, value {{int}} NOT NULL);"
              "INSERT INTO counters VALUES ('c', 0);"},
};
static const char SQL_ADD_ITEM[] = "INSERT INTO items (name, amount) VALUES ($1, $2)";
static const char SQL_COUNT_ITEMS[] = "SELECT COUNT(*) FROM items";

static char address[512], schema[64];
static struct error err;

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

static void run_beside(const char *sql)
{
    PGconn *connection = PQconnectdb(getenv("KIMONO_TEST_POSTGRESQL"));
    PGresult *result = PQexec(connection, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(connection));
    PQclear(result);
    PQfinish(connection);
}

/* The connections of this test's stores bear the schema's name. */
static void make_address(const char *server)
{
    snprintf(address, sizeof(address), "%s%cschema=%s&application_name=%s&sslmode=disable", server,
             strchr(server, '?') ? '&' : '?', schema, schema);
}

static int set_up(void **state)
{
    (void)state;
    static int number;
    log_set_level(LOG_ERROR + 1);
    snprintf(schema, sizeof(schema), "test_postgresql_%d_%d", (int)getpid(), number++);
    make_address(getenv("KIMONO_TEST_POSTGRESQL"));
    error_clear(&err);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char sql[128];
    snprintf(sql, sizeof(sql), "SET client_min_messages TO error; DROP SCHEMA IF EXISTS %s CASCADE", schema);
    run_beside(sql);
    return 0;
}

static struct store_options make_options(void)
{
    return (struct store_options){
        .path = address, .readers = 2, .migrations = steps, .migration_count = ARRAY_SIZE(steps)};
}

static struct store *open_store(void)
{
    struct store *store = NULL;
    struct store_options options = make_options();
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

static bool add_item(struct db *db, void *context, struct error *e)
{
    return db_execute(db, SQL_ADD_ITEM, DB_ARGS(db_text(context), db_int(1)), NULL, e);
}

/* Ends all connections of this test's stores, as an administrator would. */
static void break_connections(void)
{
    char sql[256];
    snprintf(sql, sizeof(sql),
             "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = '%s'",
             schema);
    run_beside(sql);
}

/* ---- a connection in between ---- */

enum way {
    PASS,
    LOSE_COMMIT,        /* a COMMIT does not get there */
    LOSE_COMMIT_ANSWER, /* it does, and its answer does not come back */
    LOSE_ANSWER_AND_REFUSE,
    REFUSE,
};

static struct proxy {
    struct sockaddr_storage server;
    socklen_t server_length;
    int listener, port;
    _Atomic int way;
    _Atomic bool ended;
    _Atomic int accepted;
    atomic_int passing; /* threads between a client and the server */
    pthread_t thread;
} proxy;

/* False: the connection is over. */
static bool pass_on(int from, int to, bool to_server)
{
    char bytes[65536];
    ssize_t length = read(from, bytes, sizeof(bytes));
    if (length <= 0)
        return false;
    bool commits = to_server && memmem(bytes, (size_t)length, "COMMIT", sizeof("COMMIT")) /* with its NUL */;
    if (commits && proxy.way == LOSE_COMMIT) {
        proxy.way = PASS;
        return false;
    }
    for (ssize_t sent = 0; sent < length;) {
        ssize_t now = send(to, bytes + sent, (size_t)(length - sent), MSG_NOSIGNAL);
        if (now <= 0)
            return false;
        sent += now;
    }
    if (commits && (proxy.way == LOSE_COMMIT_ANSWER || proxy.way == LOSE_ANSWER_AND_REFUSE)) {
        struct pollfd answer = {.fd = to, .events = POLLIN};
        poll(&answer, 1, 5000); /* it is committed by then */
        proxy.way = proxy.way == LOSE_COMMIT_ANSWER ? PASS : REFUSE;
        return false;
    }
    return true;
}

static void *pass_between(void *context)
{
    int client = *(int *)context, server = socket(proxy.server.ss_family, SOCK_STREAM, 0);
    free(context);
    bool open = connect(server, (struct sockaddr *)&proxy.server, proxy.server_length) == 0;
    while (open && !proxy.ended && proxy.way != REFUSE) {
        struct pollfd ends[] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
        if (poll(ends, 2, 20) <= 0)
            continue;
        open = (!ends[0].revents || pass_on(client, server, true)) &&
               (!ends[1].revents || pass_on(server, client, false));
    }
    close(server);
    close(client);
    proxy.passing--;
    return NULL;
}

static void *accept_all(void *context)
{
    (void)context;
    while (!proxy.ended) {
        struct pollfd listener = {.fd = proxy.listener, .events = POLLIN};
        if (poll(&listener, 1, 20) <= 0)
            continue;
        int *client = xmalloc(sizeof(*client));
        *client = accept(proxy.listener, NULL, NULL);
        proxy.accepted++;
        pthread_t thread;
        proxy.passing++;
        if (proxy.way == REFUSE || pthread_create(&thread, NULL, pass_between, client) != 0) {
            proxy.passing--;
            close(*client);
            free(client);
            continue;
        }
        pthread_detach(thread);
    }
    return NULL;
}

static const char *option_of(const PQconninfoOption *options, const char *keyword, const char *otherwise)
{
    for (; options->keyword; options++)
        if (strcmp(options->keyword, keyword) == 0 && options->val)
            return options->val;
    return otherwise;
}

/* From here on the address is that of the connection in between. */
static void start_proxy(void)
{
    PQconninfoOption *options = PQconninfoParse(getenv("KIMONO_TEST_POSTGRESQL"), NULL);
    struct addrinfo *found, hints = {.ai_socktype = SOCK_STREAM};
    assert_int_equal(getaddrinfo(option_of(options, "host", "localhost"), option_of(options, "port", "5432"),
                                 &hints, &found),
                     0);
    memcpy(&proxy.server, found->ai_addr, found->ai_addrlen);
    proxy.server_length = found->ai_addrlen;
    freeaddrinfo(found);
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(own);
    proxy.listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(proxy.listener, (struct sockaddr *)&own, length), 0);
    assert_int_equal(listen(proxy.listener, 64), 0);
    getsockname(proxy.listener, (struct sockaddr *)&own, &length);
    proxy.way = PASS;
    proxy.ended = false;
    proxy.accepted = 0;
    char server[256];
    snprintf(server, sizeof(server), "postgresql://%s@127.0.0.1:%d/%s", option_of(options, "user", "kimono"),
             ntohs(own.sin_port), option_of(options, "dbname", "kimono"));
    PQconninfoFree(options);
    make_address(server);
    pthread_create(&proxy.thread, NULL, accept_all, NULL);
}

static int end_proxy(void **state)
{
    proxy.ended = true;
    pthread_join(proxy.thread, NULL);
    close(proxy.listener);
    while (proxy.passing > 0)
        usleep(1000);
    return tear_down(state);
}

/* ---- addresses and schemas ---- */

static void test_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *address, *shown; /* NULL: it is none */
    } cases[] = {
        {"postgresql://u:geheim@127.0.0.1:1/d", "postgresql://u@127.0.0.1:1/d?schema=kimono: "},
        {"postgres://u@127.0.0.1:1/d?schema=a_1", "postgresql://u@127.0.0.1:1/d?schema=a_1: "},
        {"postgresql://u@127.0.0.1:1/d?schema=a&password=geheim", "postgresql://u@127.0.0.1:1/d?schema=a: "},
        {"postgresql://127.0.0.1:1/d?user=u&pass%77ord=geheim",
         "postgresql://u@127.0.0.1:1/d?schema=kimono: "},
        {"postgresql://u:geh%40eim@127.0.0.1:1/d?connect_timeout=2&schema=b",
         "postgresql://u@127.0.0.1:1/d?schema=b: "},
        {"postgresql:///d?host=/nowhere&port=1", "postgresql:///d?schema=kimono&host=/nowhere&port=1: "},
        {"postgresql://u@127.0.0.1:1,127.0.0.1:2/d",
         "postgresql://u@/d?schema=kimono&host=127.0.0.1,127.0.0.1&port=1,2: "},
        {"postgresql://u:geh@eim@127.0.0.1:1/d", NULL},
        {"postgresql://u:geh/eim@127.0.0.1:1/d", NULL},
        {"postgresql://u:geheim@127.0.0.1:1x/d", NULL},
        {"postgresql://u:geheim@127.0.0.1:1/d?geheim=1", NULL},
        {"postgresql://127.0.0.1:1/d?schema=", NULL},
        {"postgresql://127.0.0.1:1/d?schema=Kimono", NULL},
        {"postgresql://127.0.0.1:1/d?schema=1a", NULL},
        {"postgresql://127.0.0.1:1/d?schema=pg_catalog", NULL},
        {"postgresql://127.0.0.1:1/d?schema=a;drop", NULL},
        {"postgresql://127.0.0.1:1/d?schema=a&schema=b", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct store *store = NULL;
        struct store_options options = make_options();
        options.path = cases[i].address;
        if (cases[i].shown)
            assert_fails(store_open(&store, &options, &err), ERROR_UNAVAILABLE, cases[i].shown);
        else
            assert_fails(store_open(&store, &options, &err), ERROR_INVALID, "address of the database");
        assert_null(strstr(err.detail[LANGUAGE_EN], "geheim"));
        assert_null(strstr(err.detail[LANGUAGE_EN], "eim@"));
        assert_null(strstr(err.detail[LANGUAGE_ZH], "geheim"));
    }
}

static void test_what_keeps_it_from_opening(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct store_options options = make_options();
    char sql[256];
    snprintf(sql, sizeof(sql), "CREATE SCHEMA %s; CREATE TABLE %s.theirs (a int)", schema, schema);
    run_beside(sql);
    assert_fails(store_open(&store, &options, &err), ERROR_CONFLICT, "another program");
    snprintf(sql, sizeof(sql), "DROP TABLE %s.theirs", schema);
    run_beside(sql);
    must(store_open(&store, &options, &err)); /* a schema that somebody has made is good */
    assert_string_equal(store_driver_name(store), "PostgreSQL");
    assert_non_null(strstr(store_path(store), schema));
    struct store_stamp stamp;
    assert_false(store_get_stamp(store, &stamp));
    assert_fails(store_backup(store, "/nowhere", &err), ERROR_INVALID, "pg_dump");
    store_close(store);
    static const struct migration none[] = {{"other", ""}};
    options.migrations = none;
    options.migration_count = 1;
    assert_fails(store_open(&store, &options, &err), ERROR_CONFLICT, "of another kind");
}

/* ---- values ---- */

static bool add_odd_texts(struct db *db, void *context, struct error *e)
{
    return db_execute(db, SQL_ADD_ITEM, DB_ARGS(*(struct db_value *)context, db_int(1)), NULL, e);
}

static void test_texts_that_are_none(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct db_value nul = db_text_n("a\0b", 3), broken = db_text("a\xC3(");
    assert_fails(store_write(store, add_odd_texts, &nul, &err), ERROR_INVALID, "NUL");
    assert_fails(store_write(store, add_odd_texts, &broken, &err), ERROR_INVALID, "UTF-8");
    assert_int_equal(count(store, SQL_COUNT_ITEMS), 0);
    store_close(store);
}

/* The types of parameters come from the values, and those may differ from one call to the next. */
static bool add_changing_types(struct db *db, void *context, struct error *e)
{
    (void)context;
    static const char SQL[] = "INSERT INTO items (name, amount, ratio) VALUES ($1, $2, $3)";
    const struct db_value rows[][3] = {
        {db_text("a"), db_null(), db_null()},    {db_text("b"), db_int(1), db_real(0.5)},
        {db_text("c"), db_null(), db_int(2)},    {db_text("d"), db_real(3.0), db_null()},
        {db_text("e"), db_int(4), db_real(4.5)}, {db_text("f"), db_int(5), db_int(5)},
        {db_text("g"), db_real(6.0), db_int(6)}, {db_text("h"), db_null(), db_null()},
        {db_text("i"), db_int(1), db_null()},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (!db_execute(db, SQL, rows[i], 3, NULL, e))
            return false;
    return true;
}

static void test_types_come_from_the_values(void **state)
{
    (void)state;
    struct store *store = open_store();
    must(store_write(store, add_changing_types, NULL, &err));
    assert_int_equal(count(store, SQL_COUNT_ITEMS), 9);
    assert_int_equal(count(store, "SELECT SUM(amount) FROM items"), 20);
    assert_int_equal(count(store, "SELECT SUM(ratio) * 10 FROM items"), 180);
    store_close(store);
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        int64_t integer;
        double real;
        const char *text;
    } cases[] = {
        {"SELECT SUM(i) FROM generate_series(CAST(1 AS BIGINT), 4) AS i", 10, 10, "10"},
        {"SELECT AVG(i) FROM generate_series(CAST(1 AS BIGINT), 4) AS i", 2, 2.5, "2.5"},
        {"SELECT 0.1", 0, 0.1, "0.1"},
        {"SELECT -0.00012345", 0, -0.00012345, "-0.00012345"},
        {"SELECT 20000.0", 20000, 20000, "20000"},
        {"SELECT -9223372036854775808", INT64_MIN, -9223372036854775808.0, "-9223372036854775808"},
        {"SELECT CAST(9223372036854775807 AS NUMERIC)", INT64_MAX, 9223372036854775807.0,
         "9223372036854775807"},
        {"SELECT 2 * CAST(9223372036854775807 AS NUMERIC)", INT64_MAX, 18446744073709551614.0,
         "1.8446744073709552e+19"},
        {"SELECT 100000000000000000000.5", INT64_MAX, 1e20, "1e+20"},
        {"SELECT CAST(7 AS SMALLINT)", 7, 7, "7"},
        {"SELECT 1 = 1", 1, 1, "1"},
        {"SELECT CAST(0.25 AS REAL)", 0, 0.25, "0.25"},
        {"SELECT CAST(3 AS DOUBLE PRECISION)", 3, 3, "3.0"},
        {"SELECT CAST('{\"a\": 1}' AS JSONB)", 0, 0, "{\"a\": 1}"},
        {"SELECT '12.5 kg'", 12, 12.5, "12.5 kg"},
        {"SELECT CAST('Infinity' AS NUMERIC)", INT64_MAX, INFINITY, "inf"},
    };
    struct store *store = open_store();
    struct db *db = reader(store);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct db_rows rows = {0};
        must(db_query(db, cases[i].sql, DB_NO_ARGS, &rows, &err));
        assert_true(db_next(&rows));
        if (db_column_int(&rows, 0) != cases[i].integer || db_column_real(&rows, 0) != cases[i].real ||
            strcmp(db_column_text(&rows, 0), cases[i].text) != 0)
            fail_msg("%s: %lld, %.17g, %s", cases[i].sql, (long long)db_column_int(&rows, 0),
                     db_column_real(&rows, 0), db_column_text(&rows, 0));
        must(db_done(&rows, &err));
    }
    struct db_rows rows = {0};
    assert_fails(db_query(db, "SELECT now()", DB_NO_ARGS, &rows, &err), ERROR_INTERNAL,
                 "type that is not known");
    int64_t value;
    must(db_find_int(db, "SELECT 1", DB_NO_ARGS, 0, &value, &err)); /* nothing is left of it */
    store_reader_return(db);
    store_close(store);
}

/* ---- rows on their way ---- */

/* The server sends rows when it has 8 KiB of them. */
static const char SQL_SLOW_ROWS[] =
    "SELECT i, repeat('x', 9000), pg_sleep(i - 1) FROM generate_series(1, 60) AS i";

static void test_rest_of_rows_is_kept_in_memory(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct db *db = reader(store);
    struct db_rows rows = {0};
    int64_t value, sum = 0;
    must(db_query(db,
                  "SELECT i, CASE WHEN i % 2 = 0 THEN repeat('x', 10) END FROM generate_series(1, 5000) AS i",
                  DB_NO_ARGS, &rows, &err));
    for (int i = 1; db_next(&rows); i++) {
        if (i % 100 == 50)
            must(db_find_int(db, "SELECT 7", DB_NO_ARGS, 0, &value, &err));
        sum += db_column_int(&rows, 0);
        assert_int_equal(db_column_null(&rows, 1), i % 2);
        if (i % 2 == 0)
            assert_string_equal(db_column_text(&rows, 1), "xxxxxxxxxx");
    }
    must(db_done(&rows, &err));
    assert_int_equal(sum, 5000 * 5001 / 2);
    /* More than there is room for: those that were begun first fail, not those that follow. */
    must(db_query(db, "SELECT repeat('x', 1048576) FROM generate_series(1, 70)", DB_NO_ARGS, &rows, &err));
    assert_true(db_next(&rows));
    must(db_find_int(db, "SELECT 7", DB_NO_ARGS, 0, &value, &err));
    while (db_next(&rows))
        ;
    assert_fails(db_done(&rows, &err), ERROR_TOO_LARGE, "into memory");
    must(db_find_int(db, "SELECT 7", DB_NO_ARGS, 0, &value, &err));
    store_reader_return(db);
    store_close(store);
}

static void test_rows_that_nobody_wants(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct db *db = reader(store);
    int64_t began = clock_monotonic_us(), value;
    for (int i = 0; i < 3; i++) {
        struct db_rows rows = {0};
        must(db_query(db, "SELECT generate_series(1, 2000000000)", DB_NO_ARGS, &rows, &err));
        assert_true(db_next(&rows));
        db_rows_release(&rows);
        must(db_find_int(db, "SELECT 7", DB_NO_ARGS, 0, &value, &err));
    }
    assert_in_range(clock_monotonic_us() - began, 0, 10000000);
    store_reader_return(db);
    store_close(store);
}

static void test_deadline_between_rows(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct db *db = reader(store);
    struct db_rows rows = {0};
    must(db_query(db, SQL_SLOW_ROWS, DB_NO_ARGS, &rows, &err));
    assert_true(db_next(&rows));
    int64_t began = clock_monotonic_us(), value;
    db_set_deadline(db, began + 100000);
    while (db_next(&rows))
        ;
    assert_fails(db_done(&rows, &err), ERROR_TIMEOUT, "");
    assert_in_range(clock_monotonic_us() - began, 100000, 5000000);
    db_set_deadline(db, 0);
    must(db_find_int(db, "SELECT 7", DB_NO_ARGS, 0, &value, &err));
    store_reader_return(db);
    store_close(store);
}

/* ---- connections that break ---- */

static void test_reading_goes_on_after_a_lost_connection(void **state)
{
    (void)state;
    struct store *store = open_store();
    must(store_write(store, add_item, "a", &err));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(count(store, SQL_COUNT_ITEMS), i + 1);
        break_connections();
        assert_int_equal(count(store, SQL_COUNT_ITEMS), i + 1);
        must(store_write(store, add_item, i ? i == 1 ? "b" : "c" : "d", &err));
    }
    /* In the middle of rows, or of a moment that must stay the same, there is no second try. */
    struct db *db = reader(store);
    struct db_rows rows = {0};
    int64_t value;
    must(db_query(db, SQL_SLOW_ROWS, DB_NO_ARGS, &rows, &err));
    assert_true(db_next(&rows));
    break_connections();
    while (db_next(&rows))
        ;
    assert_fails(db_done(&rows, &err), ERROR_UNAVAILABLE, "");
    must(db_snapshot_begin(db, &err));
    must(db_find_int(db, SQL_COUNT_ITEMS, DB_NO_ARGS, 0, &value, &err));
    break_connections();
    for (int i = 0; i < 2; i++)
        assert_fails(db_find_int(db, SQL_COUNT_ITEMS, DB_NO_ARGS, 0, &value, &err), ERROR_UNAVAILABLE,
                     "lost");
    db_snapshot_end(db);
    must(db_find_int(db, SQL_COUNT_ITEMS, DB_NO_ARGS, 0, &value, &err));
    assert_int_equal(value, 4);
    store_reader_return(db);
    store_close(store);
}

struct trouble {
    const char *name;
    int runs, bad_runs; /* so many of them fail */
    const char *script; /* by this; NULL: the connection is broken */
};

static bool meet_trouble(struct db *db, void *context, struct error *e)
{
    struct trouble *trouble = context;
    bool bad = trouble->runs++ < trouble->bad_runs;
    if (!add_item(db, (void *)trouble->name, e))
        return false;
    if (bad && trouble->script)
        return db_script(db, trouble->script, e);
    if (bad)
        break_connections();
    return db_execute(db, "UPDATE items SET amount = 2 WHERE name = $1", DB_ARGS(db_text(trouble->name)),
                      NULL, e);
}

#define RAISE(state) "DO $$ BEGIN RAISE EXCEPTION 'in the way' USING ERRCODE = '" state "'; END $$"

static void test_works_run_again(void **state)
{
    (void)state;
    struct trouble cases[] = {
        {.name = "connection", .bad_runs = 1},
        {.name = "connection twice", .bad_runs = 2},
        {.name = "serialization", .bad_runs = 2, .script = RAISE("40001")},
        {.name = "deadlock", .bad_runs = 1, .script = RAISE("40P01")},
    };
    struct store *store = open_store();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        must(store_write(store, meet_trouble, &cases[i], &err));
        assert_int_equal(cases[i].runs, cases[i].bad_runs + 1);
        assert_int_equal(count(store, SQL_COUNT_ITEMS), i + 1);
        assert_int_equal(count(store, "SELECT COUNT(*) FROM items WHERE amount = 2"), i + 1);
    }
    struct trouble always = {.name = "always", .bad_runs = 1000, .script = RAISE("40001")};
    assert_fails(store_write(store, meet_trouble, &always, &err), ERROR_UNAVAILABLE, "in the way");
    assert_in_range(always.runs, 5, 10);
    assert_true(err.retry_after_seconds > 0);
    struct trouble other = {.name = "other", .bad_runs = 1, .script = RAISE("22012")};
    assert_fails(store_write(store, meet_trouble, &other, &err), ERROR_INTERNAL, "in the way");
    assert_int_equal(other.runs, 1);
    assert_int_equal(count(store, SQL_COUNT_ITEMS), ARRAY_SIZE(cases));
    store_close(store);
}

/* Of a batch, all run again. */
static void count_done(void *context, const struct error *e)
{
    if (e)
        fprintf(stderr, "%s\n", e->detail[LANGUAGE_EN]);
    else
        sem_post(context);
}

static sem_t let_go, done_works;
static bool hold_writer(struct db *db, void *context, struct error *e)
{
    (void)db, (void)context, (void)e;
    sem_wait(&let_go);
    sem_post(&let_go);
    return true;
}

static bool add_one_of_many(struct db *db, void *context, struct error *e)
{
    (void)context;
    static int number;
    char name[32];
    snprintf(name, sizeof(name), "many %d", number++);
    return add_item(db, name, e);
}

static void test_batch_runs_again(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct trouble trouble = {.name = "connection", .bad_runs = 1};
    sem_init(&let_go, 0, 0);
    sem_init(&done_works, 0, 0);
    assert_true(store_write_async(store, hold_writer, NULL, NULL));
    for (int i = 0; i < 20; i++)
        assert_true(i == 10 ? store_write_async(store, meet_trouble, count_done, &trouble)
                            : store_write_async(store, add_one_of_many, NULL, NULL));
    sem_post(&let_go);
    must(store_write(store, add_item, "last", &err));
    assert_int_equal(trouble.runs, 2);
    assert_int_equal(count(store, SQL_COUNT_ITEMS), 21);
    assert_int_equal(count(store, "SELECT COUNT(*) FROM items WHERE amount = 2"), 1);
    store_close(store);
    sem_destroy(&let_go);
    sem_destroy(&done_works);
}

/* What came of a COMMIT whose answer was lost is found out, and is the answer. */
static void test_lost_answer_to_commit(void **state)
{
    (void)state;
    start_proxy();
    struct store *store = open_store();
    static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct trouble work = {.name = names[i]};
        proxy.way = i % 2 ? LOSE_COMMIT : LOSE_COMMIT_ANSWER;
        must(store_write(store, meet_trouble, &work, &err));
        assert_int_equal(proxy.way, PASS);
        assert_int_equal(work.runs, i % 2 ? 2 : 1);
        assert_int_equal(count(store, SQL_COUNT_ITEMS), i + 1);
    }
    store_close(store);
}

static void test_server_is_gone_for_a_while(void **state)
{
    (void)state;
    start_proxy();
    struct store *store = open_store();
    must(store_write(store, add_item, "before", &err));
    proxy.way = REFUSE;
    usleep(100000);
    int64_t began = clock_monotonic_us(), value;
    struct db *db = reader(store);
    int tried = proxy.accepted;
    for (int i = 0; i < 500; i++) {
        assert_fails(store_write(store, add_item, "lost", &err), ERROR_UNAVAILABLE, "");
        assert_true(err.retry_after_seconds > 0);
        assert_null(strstr(err.detail[LANGUAGE_EN], "127.0.0.1"));
        assert_fails(db_find_int(db, SQL_COUNT_ITEMS, DB_NO_ARGS, 0, &value, &err), ERROR_UNAVAILABLE, "");
    }
    assert_in_range(clock_monotonic_us() - began, 0, 3000000);
    assert_in_range(proxy.accepted - tried, 0, 40); /* not one for each */
    proxy.way = PASS;
    bool healed = false;
    while (!healed && clock_monotonic_us() < began + 20000000) {
        usleep(20000);
        healed = store_write(store, add_item, "after", &err) &&
                 db_find_int(db, SQL_COUNT_ITEMS, DB_NO_ARGS, 0, &value, &err);
        if (!healed && strcmp(err.detail[LANGUAGE_EN], "Another row has the same items.name already.") == 0)
            healed = db_find_int(db, SQL_COUNT_ITEMS, DB_NO_ARGS, 0, &value, &err);
    }
    assert_true(healed);
    assert_int_equal(value, 2);
    store_reader_return(db);
    store_close(store);
}

/* The server goes with the connection: nobody can say what came of it, and that is what is said. */
static void test_commit_stays_in_doubt(void **state)
{
    (void)state;
    start_proxy();
    struct store *store = open_store();
    proxy.way = LOSE_ANSWER_AND_REFUSE;
    assert_fails(store_write(store, add_item, "doubtful", &err), ERROR_UNAVAILABLE, "whether it was kept");
    proxy.way = PASS;
    while (!store_write(store, add_item, "after", &err))
        usleep(20000);
    assert_int_equal(count(store, SQL_COUNT_ITEMS), 2);
    store_close(store);
}

/* ---- several processes ---- */

static bool read_change_write(struct db *db, void *context, struct error *e)
{
    (void)context;
    int64_t value;
    return db_find_int(db, "SELECT value FROM counters WHERE key = 'c'", DB_NO_ARGS, 0, &value, e) &&
           db_execute(db, "UPDATE counters SET value = $1 WHERE key = 'c'", DB_ARGS(db_int(value + 1)), NULL,
                      e);
}

static void *count_up(void *context)
{
    for (int i = 0; i < 50; i++) {
        struct error e;
        if (!store_write(context, read_change_write, NULL, &e)) {
            fprintf(stderr, "%s\n", e.detail[LANGUAGE_EN]);
            abort();
        }
    }
    return NULL;
}

/* Works of all processes are serial, so what one reads is what it changes. */
static void test_works_are_serial(void **state)
{
    (void)state;
    struct store *stores[3];
    pthread_t threads[6];
    for (size_t i = 0; i < ARRAY_SIZE(stores); i++)
        stores[i] = open_store();
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_create(&threads[i], NULL, count_up, stores[i % ARRAY_SIZE(stores)]);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(count(stores[0], "SELECT value FROM counters"), 50 * ARRAY_SIZE(threads));
    for (size_t i = 0; i < ARRAY_SIZE(stores); i++)
        store_close(stores[i]);
}

/* Those of a store that is `concurrent` go on beside others. */
static void test_concurrent_stores_do_not_wait(void **state)
{
    (void)state;
    struct store *stores[2];
    struct store_options options = make_options();
    options.concurrent = true;
    for (size_t i = 0; i < ARRAY_SIZE(stores); i++)
        must(store_open(&stores[i], &options, &err));
    sem_init(&let_go, 0, 0);
    sem_init(&done_works, 0, 0);
    assert_true(store_write_async(stores[0], hold_writer, count_done, &done_works));
    must(store_write(stores[1], add_item, "beside", &err));
    assert_int_not_equal(sem_trywait(&done_works), 0);
    sem_post(&let_go);
    store_close(stores[0]);
    assert_int_equal(sem_trywait(&done_works), 0);
    store_close(stores[1]);
    sem_destroy(&let_go);
    sem_destroy(&done_works);
}

struct standstill {
    sem_t began;
    _Atomic int runs;
};

static bool stand_still(struct db *db, void *context, struct error *e)
{
    struct standstill *still = context;
    bool first = still->runs++ == 0;
    if (!add_item(db, "stood still", e))
        return false;
    sem_post(&still->began);
    if (first)
        sleep(12);
    return db_execute(db, "UPDATE items SET amount = 9 WHERE name = 'stood still'", DB_NO_ARGS, NULL, e);
}

/* A process that stands still in the middle of a work keeps the others out for some seconds only; when it goes on, the
 * work begins anew. */
static void test_one_that_stands_still(void **state)
{
    (void)state;
    struct store *still_one = open_store(), *other = open_store();
    struct standstill still = {.runs = 0};
    sem_init(&still.began, 0, 0);
    assert_true(store_write_async(still_one, stand_still, NULL, &still));
    sem_wait(&still.began);
    int64_t began = clock_monotonic_us();
    bool written = false;
    while (!written && clock_monotonic_us() < began + 30000000) {
        written = store_write(other, add_item, "other", &err);
        if (!written)
            assert_int_equal(err.code, ERROR_UNAVAILABLE);
    }
    assert_true(written);
    store_close(still_one);
    assert_int_equal(still.runs, 2);
    assert_int_equal(count(other, SQL_COUNT_ITEMS), 2);
    assert_int_equal(count(other, "SELECT amount FROM items WHERE name = 'stood still'"), 9);
    store_close(other);
    sem_destroy(&still.began);
}

static void test_integrity(void **state)
{
    (void)state;
    CLEANUP(strbuf_release) struct strbuf findings = {0};
    char sql[256];
    struct store *store = open_store();
    struct db *db = reader(store);
    must(store_integrity(db, &findings, &err));
    assert_string_equal(strbuf_text(&findings), "");
    snprintf(sql, sizeof(sql), "ALTER TABLE %s.items ADD CONSTRAINT odd CHECK (amount > 5) NOT VALID",
             schema);
    run_beside(sql);
    must(db_snapshot_begin(db, &err));
    must(store_integrity(db, &findings, &err));
    assert_string_equal(strbuf_text(&findings), "items: the constraint odd was not checked\n");
    db_snapshot_end(db);
    struct store_stats stats;
    store_get_stats(store, &stats);
    assert_true(stats.bytes > 0);
    store_reader_return(db);
    store_close(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_BETWEEN(name) cmocka_unit_test_setup_teardown(name, set_up, end_proxy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_addresses),
        TEST(test_what_keeps_it_from_opening),
        TEST(test_texts_that_are_none),
        TEST(test_types_come_from_the_values),
        TEST(test_numbers),
        TEST(test_rest_of_rows_is_kept_in_memory),
        TEST(test_rows_that_nobody_wants),
        TEST(test_deadline_between_rows),
        TEST(test_reading_goes_on_after_a_lost_connection),
        TEST(test_works_run_again),
        TEST(test_batch_runs_again),
        TEST_BETWEEN(test_lost_answer_to_commit),
        TEST_BETWEEN(test_commit_stays_in_doubt),
        TEST_BETWEEN(test_server_is_gone_for_a_while),
        TEST(test_works_are_serial),
        TEST(test_concurrent_stores_do_not_wait),
        TEST(test_one_that_stands_still),
        TEST(test_integrity),
    };
    if (getenv("KIMONO_TEST_POSTGRESQL"))
        return cmocka_run_group_tests_name("store on PostgreSQL", tests, NULL, NULL);
    print_message("KIMONO_TEST_POSTGRESQL is not set: nothing was tried on PostgreSQL\n");
    return 0;
}
