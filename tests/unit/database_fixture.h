/* The database of a test's store: SQLite in the test's folder or, with KIMONO_TEST_STORE=postgresql, a schema of its own
 * in the database KIMONO_TEST_POSTGRESQL. For test programs only; every function ends the test on failure. */
#ifndef KIMONO_TESTS_DATABASE_FIXTURE_H
#define KIMONO_TESTS_DATABASE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/strbuf.h"

static inline bool fixture_is_postgresql(void)
{
    const char *store = getenv("KIMONO_TEST_STORE");
    return store && strcmp(store, "postgresql") == 0;
}

/* Of a test of what only SQLite does, or that says it in SQLite's words. */
#define SQLITE_ONLY()                                                                                        \
    do {                                                                                                     \
        if (fixture_is_postgresql())                                                                         \
            skip();                                                                                          \
    } while (0)

/* How often what computes in this process is repeated: so often, or a third of it where each time is a round trip, or
 * where a sanitizer makes everything slow, which the first times show as well. */
static inline int fixture_rounds(int count)
{
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    return (count + 2) / 3;
#else
    return fixture_is_postgresql() ? (count + 2) / 3 : count;
#endif
}

/* Where a store is that nobody has opened yet. */
static inline void fixture_choose_path(char *ret_path, size_t size, const char *folder)
{
    static int count;
    const char *database = getenv("KIMONO_TEST_POSTGRESQL");
    if (!fixture_is_postgresql())
        snprintf(ret_path, size, "%s/kimono.db", folder);
    else
        snprintf(ret_path, size, "%s%cschema=unit_%ld_%d", database, strchr(database, '?') ? '&' : '?',
                 (long)getpid(), ++count);
}

static inline const char *fixture_schema_of(const char *store_path)
{
    return strstr(store_path, "schema=") + strlen("schema=");
}

static inline int fixture_take_row(void *context, int count, char **values, char **names)
{
    for (int i = 0; context && i < count; i++)
        strbuf_printf(context, "%s%s=%s", i ? " " : "", names[i], values[i] ? values[i] : "(null)");
    if (context)
        strbuf_putc(context, '\n');
    return 0;
}

static inline void fixture_run_beside_sqlite(const char *path, const char *sql, struct strbuf *rows)
{
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    if (sqlite3_exec(db, sql, fixture_take_row, rows, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    sqlite3_close(db);
}

static inline bool fixture_met_deadlock(const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return state && strcmp(state, "40P01") == 0;
}

static inline void fixture_run_beside_postgresql(const char *schema, const char *sql, struct strbuf *rows)
{
    char path[128];
    PGconn *connection = PQconnectdb(getenv("KIMONO_TEST_POSTGRESQL"));
    snprintf(path, sizeof(path), "SET client_min_messages = error; SET search_path = %s", schema);
    PQclear(PQexec(connection, path));
    PGresult *result = PQexec(connection, sql);
    /* The database ends one of two that wait for each other: a statement of a process that is gone may still run. */
    for (int tries = 0; tries < 20 && fixture_met_deadlock(result); tries++) {
        PQclear(result);
        result = PQexec(connection, sql);
    }
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(connection));
    for (int row = 0; rows && row < PQntuples(result); row++) {
        for (int i = 0; i < PQnfields(result); i++)
            strbuf_printf(rows, "%s%s=%s", i ? " " : "", PQfname(result, i),
                          PQgetisnull(result, row, i) ? "(null)" : PQgetvalue(result, row, i));
        strbuf_putc(rows, '\n');
    }
    PQclear(result);
    PQfinish(connection);
}

/* Another program at the database of an open store, as sqlite3 and psql are. `rows` gets a line for each row of the
 * result, NAME=VALUE each; NULL: none are read. */
static inline void fixture_run_beside(const char *store_path, const char *sql, struct strbuf *rows)
{
    if (fixture_is_postgresql())
        fixture_run_beside_postgresql(fixture_schema_of(store_path), sql, rows);
    else
        fixture_run_beside_sqlite(store_path, sql, rows);
}

/* The one value of a query. */
static inline int64_t fixture_find_beside(const char *store_path, const char *sql)
{
    CLEANUP(strbuf_release) struct strbuf rows = {0};
    fixture_run_beside(store_path, sql, &rows);
    const char *value = strchr(strbuf_text(&rows), '=');
    assert_non_null(value);
    return strtoll(value + 1, NULL, 10);
}

/* After the store was closed; its files are the test's to remove. */
static inline void fixture_drop_database(const char *store_path)
{
    char sql[256];
    if (!fixture_is_postgresql())
        return;
    const char *schema = fixture_schema_of(store_path);
    snprintf(sql, sizeof(sql), "DROP SCHEMA IF EXISTS %s CASCADE; DROP SCHEMA IF EXISTS %s_telemetry CASCADE",
             schema, schema);
    fixture_run_beside(store_path, sql, NULL);
}

#endif
