/* The program that tests/fault/store.test.mjs kills and starves: it does the store's work, and tells
 * what was acknowledged.
 *
 *   write PATH WORKS THREADS  prints "ack N" after each work that the store said is durable, "fail N"
 *                             after each that it refused, then "read ok" if reading still works, then
 *                             two more works, 1000000 and 1000001
 *   check PATH                prints what is in the store as one line of JSON
 *   backup PATH FILE, restore FILE PATH
 *
 * Work N inserts N % 4 + 1 rows, counts them in two counters, and writes N to the list of works. Every
 * fifth fails on purpose after its changes. Some rows are small, some fill more than a page. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/maintenance.h"
#include "store/store.h"

static const struct migration steps[] = {
    {"rows", "CREATE TABLE rows (id {{id}}, work {{int}} NOT NULL, part {{int}} NOT NULL, text {{bytes}});"
             "CREATE INDEX rows_work ON rows (work, part);"},
    {"counters", "CREATE TABLE counters (key TEXT PRIMARY KEY, value {{int}} NOT NULL) {{without_rowid}};"
                 "INSERT INTO counters VALUES ('all', 0), ('even', 0);"},
    {"works", "CREATE TABLE works (work {{int}} PRIMARY KEY, rows {{int}} NOT NULL) {{without_rowid}};"},
};

static const char SQL_ADD_ROW[] =
    "INSERT INTO rows (work, part, text) VALUES ($1, $2, zeroblob(300 + ($1 % 3) * 4000))";
static const char SQL_COUNT[] = "UPDATE counters SET value = value + $2 WHERE key = $1";
static const char SQL_ADD_WORK[] = "INSERT INTO works (work, rows) VALUES ($1, $2)";

#define LAST_WORKS 1000000

static struct store *store;
static int works, threads;
static _Atomic int next_work;

static bool do_work(struct db *db, void *context, struct error *err)
{
    int work = *(int *)context, rows = work % 4 + 1;
    for (int part = 0; part < rows; part++)
        if (!db_execute(db, SQL_ADD_ROW, DB_ARGS(db_int(work), db_int(part)), NULL, err))
            return false;
    return db_execute(db, SQL_COUNT, DB_ARGS(db_text("all"), db_int(rows)), NULL, err) &&
           (work % 2 != 0 || db_execute(db, SQL_COUNT, DB_ARGS(db_text("even"), db_int(rows)), NULL, err)) &&
           db_execute(db, SQL_ADD_WORK, DB_ARGS(db_int(work), db_int(rows)), NULL, err) &&
           (work % 5 != 4 || error_set(err, ERROR_INVALID, "on purpose", "故意"));
}

static void say(const char *format, int number)
{
    char line[64];
    int length = snprintf(line, sizeof(line), format, number);
    if (write(1, line, (size_t)length) != length)
        _exit(3);
}

static void *work_on(void *context)
{
    (void)context;
    for (int work; (work = next_work++) < works;) {
        struct error err;
        bool done = store_write(store, do_work, &work, &err);
        say(done ? "ack %d\n" : "fail %d\n", work);
        if (!done && err.code != ERROR_INVALID)
            fprintf(stderr, "%d: %s\n", work, err.detail[LANGUAGE_EN]);
    }
    return NULL;
}

static bool read_works(int64_t *ret_works, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(store, 5000, &db, err) &&
           db_find_int(db, "SELECT count(*) FROM works", DB_NO_ARGS, 0, ret_works, err);
}

static bool open_at(const char *path, struct error *err)
{
    struct store_options options = {.path = path, .migrations = steps, .migration_count = ARRAY_SIZE(steps)};
    return store_open(&store, &options, err);
}

static bool run_write(char **arguments, struct error *err)
{
    if (!open_at(arguments[0], err))
        return false;
    works = atoi(arguments[1]);
    threads = atoi(arguments[2]);
    pthread_t all[64];
    for (int i = 0; i < threads && i < 64; i++)
        pthread_create(&all[i], NULL, work_on, NULL);
    for (int i = 0; i < threads && i < 64; i++)
        pthread_join(all[i], NULL);
    int64_t found;
    bool could_read = read_works(&found, err);
    if (!could_read) /* the one fault may have fallen here */
        could_read = read_works(&found, err);
    if (could_read)
        say("read ok\n", 0);
    next_work = LAST_WORKS;
    works = LAST_WORKS + 2;
    work_on(NULL);
    return true;
}

static bool print_works(struct db *db, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db,
                  "SELECT w.work, w.rows, (SELECT count(*) FROM rows r WHERE r.work = w.work) FROM works w",
                  DB_NO_ARGS, &rows, err))
        return false;
    printf("\"works\":[");
    for (const char *comma = ""; db_next(&rows); comma = ",")
        printf("%s[%lld,%lld,%lld]", comma, (long long)db_column_int(&rows, 0),
               (long long)db_column_int(&rows, 1), (long long)db_column_int(&rows, 2));
    printf("]");
    return db_done(&rows, err);
}

static bool print_figures(struct db *db, struct error *err)
{
    static const struct {
        const char *name, *sql;
    } figures[] = {
        {"rows", "SELECT count(*) FROM rows"},
        {"even_rows", "SELECT count(*) FROM rows WHERE work % 2 = 0"},
        {"counted", "SELECT value FROM counters WHERE key = 'all'"},
        {"even_counted", "SELECT value FROM counters WHERE key = 'even'"},
        {"version", "SELECT max(version) FROM schema_version"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
        int64_t value;
        if (!db_find_int(db, figures[i].sql, DB_NO_ARGS, -1, &value, err))
            return false;
        printf("\"%s\":%lld,", figures[i].name, (long long)value);
    }
    return true;
}

static bool run_check(char **arguments, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf findings = {0};
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (!open_at(arguments[0], err) || !store_reader(store, 60000, &db, err) ||
        !store_integrity(db, &findings, err))
        return false;
    printf("{\"findings\":%zu,", findings.length);
    bool done = print_figures(db, err) && print_works(db, err);
    printf("}\n");
    fprintf(stderr, "%s", strbuf_text(&findings));
    return done;
}

static bool run_backup(char **arguments, struct error *err)
{
    return open_at(arguments[0], err) && store_backup(store, arguments[1], err);
}

static bool run_restore(char **arguments, struct error *err)
{
    struct store_options options = {
        .path = arguments[1], .migrations = steps, .migration_count = ARRAY_SIZE(steps)};
    return store_restore(arguments[0], &options, err);
}

static const struct {
    const char *name;
    int arguments;
    bool (*run)(char **arguments, struct error *err);
} commands[] = {
    {"write", 3, run_write},
    {"check", 1, run_check},
    {"backup", 2, run_backup},
    {"restore", 2, run_restore},
};

int main(int count, char **arguments)
{
    log_set_level(LOG_ERROR);
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (count != commands[i].arguments + 2 || strcmp(arguments[1], commands[i].name) != 0)
            continue;
        struct error err;
        bool done = commands[i].run(arguments + 2, &err);
        if (!done)
            fprintf(stderr, "%s\n", err.detail[LANGUAGE_EN]);
        store_close(store);
        return done ? 0 : 1;
    }
    fprintf(stderr, "usage: store_fault_child write|check|backup|restore …\n");
    return 2;
}
