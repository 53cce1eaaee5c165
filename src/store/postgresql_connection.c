/* Connections to PostgreSQL: making them, waiting on them with a deadline, losing them and making them anew.
 *
 * A connection that breaks fails the statement that was under way with ERROR_UNAVAILABLE; the next use makes a new
 * one. While that fails, each try waits longer for the next, and whoever comes in between, on any connection of the
 * store, fails at once (reach.c), so that no thread is kept by a server that is gone. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/postgresql_private.h"

#define CONNECT_SECONDS "3" /* for each host of the address */
#define LOCK_WAIT_MS 5000   /* for another process's work to end: as long as SQLite's driver waits */
/* A process that was stopped in the middle of a work holds the lock of all others for so long. */
#define IDLE_IN_TRANSACTION_MS 10000
#define IDLE_IN_SNAPSHOT_MS 600000
#define WRITER_STATEMENT_MS 300000
#define READER_STATEMENT_MS 60000
#define SERVER_MARGIN_MS                                                                                     \
    10000 /* by which our own bound lies behind the server's, where there is no deadline */
#define READER_MARGIN_MS 5000 /* by which the server's bound lies behind a deadline */
#define CANCEL_LIMIT_MS 2000  /* after that a server that does not cancel counts as lost */

/* ---- losing one ---- */

/* "connection to server at "10.0.0.1", port 5432 failed: Connection refused": the reason only, one line of it. */
static void connection_reason(const char *message, char reason[static 160])
{
    const char *failed = strstr(message, " failed: ");
    const char *from = failed ? failed + strlen(" failed: ") : message;
    snprintf(reason, 160, "%.*s", (int)strcspn(from, "\n"), from);
}

static void connection_close(struct postgresql_db *db)
{
    if (db->connection)
        PQfinish(db->connection);
    db->connection = NULL;
    db->dying = false;
    if (!postgresql_nothing_sent(db)) {
        db->transaction_lost = true;
        db->transaction = false;
        db->deferred_count = 0;
    }
    db->open = NULL;
    strbuf_reset(&db->to_deallocate);
}

static bool connection_error(struct error *err, const char *en, const char *zh)
{
    error_set(err, ERROR_UNAVAILABLE, "%s", "%s", en);
    if (err) {
        snprintf(err->detail[LANGUAGE_ZH], sizeof(err->detail[LANGUAGE_ZH]), "%s", zh);
        err->retry_after_seconds = 1;
    }
    return false;
}

static bool connection_unreachable_error(struct error *err)
{
    return connection_error(err, "The database cannot be reached for the moment. Try again shortly.",
                            "暂时无法连接数据库，请稍后重试。");
}

static bool connection_lost_error(struct postgresql_db *db, struct error *err)
{
    db->base.trouble = DB_TROUBLE_LOST;
    return connection_error(err, "The connection to the database was lost. Try again in a moment.",
                            "与数据库的连接已断开，请稍后重试。");
}

bool postgresql_lost(struct postgresql_db *db, struct error *err)
{
    char reason[160] = "";
    if (db->connection)
        connection_reason(PQerrorMessage(db->connection), reason);
    log_warn("store", "a connection to the database was lost: %s", *reason ? reason : "closed");
    connection_close(db);
    return connection_lost_error(db, err);
}

/* ---- waiting ---- */

/* False: the time is up (`until_us` 0: never), or waiting is impossible. */
static bool connection_wait(PGconn *connection, short events, int64_t until_us)
{
    struct pollfd descriptor = {.fd = PQsocket(connection), .events = events};
    for (;;) {
        int timeout = -1;
        if (until_us) {
            int64_t left = until_us - clock_monotonic_us();
            if (left <= 0)
                return false;
            timeout = (int)((left + 999) / 1000);
        }
        int ready = poll(&descriptor, 1, timeout);
        if (ready > 0)
            return true;
        if (ready < 0 && errno != EINTR)
            return false;
    }
}

/* libpq cancels over a connection of its own and waits for it however long that takes: so a thread does it, which is
 * left to itself if the server does not answer. */
struct cancelling {
    PGcancel *cancel;
    pthread_mutex_t lock;
    pthread_cond_t ended; /* by the monotonic clock */
    bool has_ended, abandoned;
};

static void cancelling_free(struct cancelling *cancelling)
{
    PQfreeCancel(cancelling->cancel);
    pthread_cond_destroy(&cancelling->ended);
    pthread_mutex_destroy(&cancelling->lock);
    free(cancelling);
}

static void *cancelling_main(void *context)
{
    struct cancelling *cancelling = context;
    char message[256];
    if (!PQcancel(cancelling->cancel, message, sizeof(message)))
        log_warn("store", "a statement could not be cancelled: %.*s", (int)strcspn(message, "\n"), message);
    pthread_mutex_lock(&cancelling->lock);
    bool abandoned = cancelling->abandoned;
    cancelling->has_ended = true;
    pthread_cond_signal(&cancelling->ended);
    pthread_mutex_unlock(&cancelling->lock);
    if (abandoned)
        cancelling_free(cancelling);
    return NULL;
}

static struct cancelling *cancelling_start(struct postgresql_db *db)
{
    struct cancelling *cancelling = xcalloc(1, sizeof(*cancelling));
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&cancelling->lock, NULL);
    pthread_cond_init(&cancelling->ended, &attributes);
    pthread_condattr_destroy(&attributes);
    cancelling->cancel = PQgetCancel(db->connection);
    pthread_t thread;
    if (pthread_create(&thread, NULL, cancelling_main, cancelling) != 0) {
        cancelling_free(cancelling);
        return NULL;
    }
    pthread_detach(thread);
    return cancelling;
}

bool postgresql_cancel(struct postgresql_db *db)
{
    db->cancelled_until_us = clock_monotonic_us() + CANCEL_LIMIT_MS * 1000;
    struct timespec until = {.tv_sec = db->cancelled_until_us / 1000000,
                             .tv_nsec = db->cancelled_until_us % 1000000 * 1000};
    struct cancelling *cancelling = cancelling_start(db);
    if (!cancelling)
        return false;
    pthread_mutex_lock(&cancelling->lock);
    int result = 0;
    while (!cancelling->has_ended && result == 0)
        result = pthread_cond_timedwait(&cancelling->ended, &cancelling->lock, &until);
    bool ended = cancelling->has_ended;
    cancelling->abandoned = !ended;
    pthread_mutex_unlock(&cancelling->lock);
    if (ended)
        cancelling_free(cancelling);
    return ended;
}

/* How long a result is waited for: after a cancel, until the deadline, or somewhat longer than the server would let it
 * run; 0: for ever. */
static int64_t connection_receive_until(const struct postgresql_db *db)
{
    if (db->cancelled_until_us)
        return db->cancelled_until_us;
    if (db->base.deadline_us || db->statement_limit_ms == 0)
        return db->base.deadline_us;
    return clock_monotonic_us() + (db->statement_limit_ms + SERVER_MARGIN_MS) * 1000;
}

bool postgresql_receive(struct postgresql_db *db, PGresult **ret_result, struct error *err)
{
    int64_t until_us = connection_receive_until(db);
    for (int unsent; (unsent = PQflush(db->connection)) != 0 || PQisBusy(db->connection);) {
        if (unsent < 0)
            return postgresql_lost(db, err);
        if (!connection_wait(db->connection, unsent > 0 ? POLLIN | POLLOUT : POLLIN, until_us)) {
            /* What was cancelled, or can't be, must not answer into what comes next. */
            if (db->cancelled_until_us || !postgresql_cancel(db)) {
                postgresql_lost(db, NULL);
                return error_set(err, ERROR_TIMEOUT, "Reading the store took too long. Ask for less at once.",
                                 "读取数据超时，请缩小查询范围。");
            }
            until_us = db->cancelled_until_us;
        }
        if (!PQconsumeInput(db->connection))
            return postgresql_lost(db, err);
    }
    *ret_result = PQgetResult(db->connection);
    return true;
}

bool postgresql_flush(struct postgresql_db *db, struct error *err)
{
    for (int unsent; (unsent = PQflush(db->connection)) != 0;) {
        bool room = unsent > 0 && connection_wait(db->connection, POLLIN | POLLOUT, db->base.deadline_us);
        if (!room || !PQconsumeInput(db->connection))
            return postgresql_lost(db, err);
    }
    return true;
}

void postgresql_receive_rest(struct postgresql_db *db)
{
    PGresult *result = NULL;
    while (db->connection && postgresql_receive(db, &result, NULL) && result)
        PQclear(result);
    if (postgresql_is_gone(db))
        postgresql_lost(db, NULL);
}

bool postgresql_is_gone(const struct postgresql_db *db)
{
    return db->connection && (db->dying || PQstatus(db->connection) == CONNECTION_BAD);
}

bool postgresql_run(struct postgresql_db *db, const char *sql, PGresult **ret_result, struct error *err)
{
    db->cancelled_until_us = 0;
    if (!PQsendQuery(db->connection, sql))
        return postgresql_lost(db, err);
    PGresult *kept = NULL, *result = NULL;
    bool done = true;
    for (;;) {
        if (!postgresql_receive(db, &result, done ? err : NULL)) {
            PQclear(kept);
            return false;
        }
        if (!result)
            break;
        ExecStatusType status = PQresultStatus(result);
        bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_SINGLE_TUPLE;
        if (done && !good)
            done = postgresql_error(db, result, err);
        bool better = !kept || PQntuples(result) > 0 || PQntuples(kept) == 0;
        PQclear(better ? kept : result);
        kept = better ? result : kept;
    }
    if (postgresql_is_gone(db))
        done = postgresql_lost(db, err);
    if (done)
        statement_log(db->base.driver->name, sql);
    if (done && ret_result)
        *ret_result = kept;
    else
        PQclear(kept);
    return done;
}

/* ---- making one ---- */

/* Two processes of the server that share a number of a transaction differ in this. Where the function is not to be had
 * a lost answer to COMMIT stays unknown. */
static bool connection_note_timeline(struct postgresql_db *db, struct error *err)
{
    PGresult *result = NULL;
    db->timeline[0] = '\0';
    if (!postgresql_run(db, "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)", &result, err))
        return db->connection != NULL;
    snprintf(db->timeline, sizeof(db->timeline), "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    return true;
}

/* jit: compiling costs more than any statement of the product takes. tcp_…: the server's side, so that it notices a
 * client whose machine is gone and gives its lock back. */
static bool connection_configure(struct postgresql_db *db, struct error *err)
{
    bool writer = db->role == DB_WRITER;
    char sql[1024];
    db->statement_limit_ms = writer ? WRITER_STATEMENT_MS : READER_STATEMENT_MS;
    snprintf(sql, sizeof(sql),
             "SET search_path TO %s; SET TimeZone TO 'UTC'; SET jit TO off; SET client_min_messages TO "
             "warning; SET statement_timeout TO %d;"
             "SET lock_timeout TO %d; SET idle_in_transaction_session_timeout TO %d;"
             "SET tcp_keepalives_idle TO 10; SET tcp_keepalives_interval TO 5; SET tcp_keepalives_count TO 3;"
             "SET synchronous_commit TO %s; SET default_transaction_read_only TO %s",
             db->address.schema, (int)db->statement_limit_ms, LOCK_WAIT_MS,
             writer ? IDLE_IN_TRANSACTION_MS : IDLE_IN_SNAPSHOT_MS, db->bulk ? "off" : "on",
             writer ? "off" : "on");
    return postgresql_run(db, sql, NULL, err) && (!writer || connection_note_timeline(db, err));
}

static void connection_on_notice(void *context, const PGresult *result)
{
    (void)context;
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    log_warn("store", "the database says: %s", message ? message : "?");
}

/* `ret_reason`: why not, for operators. */
static bool connection_make(struct postgresql_db *db, char ret_reason[static DB_REACH_REASON_SIZE],
                            struct error *err)
{
    /* libpq takes the last of what is given twice: what stands before the address is a default that it may change. */
    const char *keywords[] = {"fallback_application_name",
                              "connect_timeout",
                              "keepalives_idle",
                              "keepalives_interval",
                              "keepalives_count",
                              "tcp_user_timeout",
                              "dbname",
                              "client_encoding",
                              "target_session_attrs",
                              NULL};
    /* Readers too: a standby would not show what was just committed. */
    const char *attributes = db->role == DB_WRITER ? "read-write" : "primary";
    const char *values[] = {"kimono", CONNECT_SECONDS,   "10",   "5",        "3",
                            "15000",  db->address.libpq, "UTF8", attributes, NULL};
    bool first = db->generation == 0 && db->role == DB_WRITER;
    PGconn *connection = PQconnectdbParams(keywords, values, 1);
    if (PQstatus(connection) == CONNECTION_OK && PQsetnonblocking(connection, 1) == 0) {
        PQsetNoticeReceiver(connection, connection_on_notice, NULL);
        db->connection = connection;
        db->generation++;
        snprintf(ret_reason, DB_REACH_REASON_SIZE, "the connection broke at once");
        return connection_configure(db, err);
    }
    connection_reason(PQerrorMessage(connection), ret_reason);
    PQfinish(connection);
    if (!first)
        return connection_unreachable_error(err);
    /* whoever starts the program reads it; later it may be anybody */
    error_set(err, ERROR_UNAVAILABLE, "The database cannot be reached: %s", "无法连接数据库：%s", ret_reason);
    if (err)
        err->retry_after_seconds = 1;
    return false;
}

static bool connection_make_if_due(struct postgresql_db *db, struct error *err)
{
    char reason[DB_REACH_REASON_SIZE] = "";
    if (!db_reach_may_try(db->reach, db->role == DB_READER))
        return connection_unreachable_error(err);
    bool done = connection_make(db, reason, err);
    db_reach_note(db->reach, done ? NULL : reason);
    if (!done)
        connection_close(db);
    return done;
}

/* The server's own bound, for the case that nobody is there to cancel; it must not cut what has time left. */
static bool connection_fit_limit(struct postgresql_db *db, struct error *err)
{
    if (db->role == DB_WRITER)
        return true;
    int64_t left_ms = db->base.deadline_us ? (db->base.deadline_us - clock_monotonic_us()) / 1000 : INT64_MAX;
    int64_t limit_ms = left_ms < READER_STATEMENT_MS - READER_MARGIN_MS ? READER_STATEMENT_MS : 0;
    if (limit_ms == db->statement_limit_ms)
        return true;
    char sql[64];
    snprintf(sql, sizeof(sql), "SET statement_timeout TO %d", (int)limit_ms);
    if (!postgresql_run(db, sql, NULL, err))
        return false;
    db->statement_limit_ms = limit_ms;
    return true;
}

bool postgresql_ready(struct postgresql_db *db, struct error *err)
{
    if (postgresql_is_gone(db))
        postgresql_lost(db, NULL);
    if (db->transaction_lost)
        return connection_lost_error(db, err);
    if (!db->connection && !connection_make_if_due(db, err)) {
        db->base.trouble = db->transaction ? DB_TROUBLE_NOT_BEGUN : db->base.trouble;
        return false;
    }
    if (!postgresql_buffer_open(db, err))
        return false;
    db->cancelled_until_us = 0;
    /* What was finalized while a transaction had failed, or rows were open. */
    if (db->to_deallocate.length > 0 && PQtransactionStatus(db->connection) != PQTRANS_INERROR) {
        bool done = postgresql_run(db, strbuf_text(&db->to_deallocate), NULL, err);
        strbuf_reset(&db->to_deallocate);
        if (!done)
            return false;
    }
    return connection_fit_limit(db, err);
}

/* ---- opening ---- */

static bool connection_find_schema(struct postgresql_db *db, bool *ret_found, struct error *err)
{
    static const char SQL[] = "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1";
    int64_t found;
    if (!db_find_int(&db->base, SQL, DB_ARGS(db_text(db->address.schema)), 0, &found, err))
        return false;
    *ret_found = found == 1;
    return true;
}

/* Looked for first: who may not make schemas may use one that an administrator has made. Of two processes that make it
 * at once, one gets the error that it is there. */
static bool connection_make_schema(struct postgresql_db *db, struct error *err)
{
    bool found = false;
    char sql[128];
    if (!connection_find_schema(db, &found, err) || found)
        return found;
    snprintf(sql, sizeof(sql), "CREATE SCHEMA IF NOT EXISTS %s", db->address.schema);
    return postgresql_run(db, sql, NULL, err) || (connection_find_schema(db, &found, NULL) && found);
}

/* A schema that has tables and not ours is another program's. */
static bool connection_identify_schema(struct postgresql_db *db, struct error *err)
{
    static const char SQL[] =
        "SELECT COUNT(*) FROM pg_catalog.pg_tables WHERE schemaname = $1 AND NOT EXISTS ("
        "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = 'schema_version')";
    int64_t tables;
    if (!db_find_int(&db->base, SQL, DB_ARGS(db_text(db->address.schema)), 0, &tables, err))
        return false;
    return tables == 0 ||
           error_set(err, ERROR_CONFLICT,
                     "The schema %s holds tables of another program. Name another one by ?schema=.",
                     "schema %s 中有其他程序的表，请用 ?schema= 指定另一个。", db->address.schema);
}

bool postgresql_open(const struct db_open_options *options, struct db **ret_db, struct error *err)
{
    struct postgresql_address address;
    if (!postgresql_address_parse(options->path, &address, err))
        return false;
    struct postgresql_db *db = xcalloc(1, sizeof(*db));
    db->base.driver = &postgresql_driver;
    db->base.tokenize = options->tokenize;
    db->base.damaged = options->damaged;
    db_reach_init(&db->own_reach);
    db->reach = options->reach ? options->reach : &db->own_reach;
    db->address = address;
    db->role = options->role;
    db->concurrent = options->concurrent;
    db->bulk = options->bulk;
    if (!postgresql_ready(db, err) || (db->role == DB_WRITER && (!connection_make_schema(db, err) ||
                                                                 !connection_identify_schema(db, err)))) {
        db_close(&db->base);
        return false;
    }
    *ret_db = &db->base;
    return true;
}

void postgresql_close(struct db *base)
{
    struct postgresql_db *db = postgresql_of(base);
    connection_close(db);
    strbuf_release(&db->to_deallocate);
    strbuf_release(&db->copied);
    db_reach_destroy(&db->own_reach);
    postgresql_address_release(&db->address);
    free(db);
}
