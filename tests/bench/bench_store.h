/* Where the benchmarks have their stores: in SQLite files, or with KIMONO_TEST_DATABASE (tools/postgresql.mjs sets it)
 * in schemas of that PostgreSQL database, whose processes' time is counted where a benchmark counts processor time.
 * For the programs of tests/bench/ only; every function ends the program on failure. */
#ifndef KIMONO_TESTS_BENCH_STORE_H
#define KIMONO_TESTS_BENCH_STORE_H

#include <ctype.h>
#include <dirent.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The address without a schema; NULL: SQLite. */
static inline const char *bench_database(void)
{
    return getenv("KIMONO_TEST_DATABASE");
}

/* What it is compared with, as the table names it. */
static inline const char *bench_bare_name(void)
{
    return bench_database() ? "bare libpq" : "bare SQLite";
}

/* The address of a schema, for store_options; `file` on SQLite. */
static inline const char *bench_store_path(const char *file, const char *schema)
{
    static char addresses[4][512];
    static int next;
    const char *database = bench_database();
    if (!database)
        return file;
    char *address = addresses[next++ % 4];
    snprintf(address, sizeof(addresses[0]), "%s%cschema=%s", database, strchr(database, '?') ? '&' : '?',
             schema);
    return address;
}

static inline void bench_query(PGconn *connection, const char *sql, PGresult **ret_result)
{
    PGresult *result = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        fprintf(stderr, "%.200s: %s", sql, PQerrorMessage(connection));
        exit(1);
    }
    if (ret_result)
        *ret_result = result;
    else
        PQclear(result);
}

/* A connection without anything of the product's. */
static inline PGconn *bench_connect(void)
{
    PGconn *connection = PQconnectdb(bench_database());
    if (PQstatus(connection) != CONNECTION_OK) {
        fprintf(stderr, "%s", PQerrorMessage(connection));
        exit(1);
    }
    bench_query(connection, "SET client_min_messages TO warning", NULL);
    return connection;
}

/* Removes a schema and the one beside it that telemetry has; nothing on SQLite. */
static inline void bench_drop_schema(const char *schema)
{
    char sql[256];
    if (!bench_database())
        return;
    PGconn *connection = bench_connect();
    snprintf(sql, sizeof(sql), "DROP SCHEMA IF EXISTS %s_telemetry CASCADE; DROP SCHEMA IF EXISTS %s CASCADE",
             schema, schema);
    bench_query(connection, sql, NULL);
    PQfinish(connection);
}

/* Ticks of a process as /proc/PID/stat has them: its own, and those of its children that have ended. */
static inline bool bench_read_ticks(const char *pid, long *ret_parent, long *ret_own, long *ret_children)
{
    char path[64], line[1024] = "";
    snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return false; /* it has ended */
    size_t length = fread(line, 1, sizeof(line) - 1, file);
    fclose(file);
    line[length] = '\0';
    const char *behind_name = strrchr(line, ')');
    long user, system, children_user, children_system;
    if (!behind_name || sscanf(behind_name, ") %*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld %ld %ld",
                               ret_parent, &user, &system, &children_user, &children_system) != 5)
        return false;
    *ret_own = user + system;
    *ret_children = children_user + children_system;
    return true;
}

/* Seconds of processor that all processes of the database have had since it was started; 0 on SQLite, where all work is
 * this process's own. The database must run on this machine. */
static inline double bench_database_seconds(void)
{
    static char postmaster[24];
    long parent, own, children, ticks;
    if (!bench_database())
        return 0;
    if (!*postmaster) {
        PGconn *connection = bench_connect();
        char pid[24];
        snprintf(pid, sizeof(pid), "%d", PQbackendPID(connection));
        if (!bench_read_ticks(pid, &parent, &own, &children)) {
            fputs("the database does not run on this machine\n", stderr);
            exit(1);
        }
        PQfinish(connection);
        snprintf(postmaster, sizeof(postmaster), "%ld", parent);
    }
    DIR *processes = opendir("/proc");
    if (!processes || !bench_read_ticks(postmaster, &parent, &own, &children))
        exit(1);
    ticks = own + children;
    for (struct dirent *entry; (entry = readdir(processes));)
        if (isdigit((unsigned char)entry->d_name[0]) &&
            bench_read_ticks(entry->d_name, &parent, &own, &children) && parent == atol(postmaster))
            ticks += own;
    closedir(processes);
    return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

#endif
