/* Transactions of PostgreSQL. What begins one, and the savepoints in it, is not sent by itself: it waits for the
 * statement that follows and goes before it in one pipeline, so a work costs the round trips of its own statements and
 * one for COMMIT. (Over a unix socket a statement between a savepoint and its release took 220 µs one by one, 135 µs in
 * one pipeline.)
 *
 * A failure of what waited is that of the statement it went with. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "store/postgresql_private.h"

#define OUTCOME_LIMIT_US INT64_C(5000000)
#define OUTCOME_PAUSE_US 100000

static const char SQL_BEGIN[] = "BEGIN ISOLATION LEVEL READ COMMITTED";
static const char SQL_NUMBER[] = "SELECT CAST(pg_current_xact_id() AS TEXT)";
static const char SQL_SAVEPOINT[] = "SAVEPOINT work", SQL_RELEASE[] = "RELEASE work";
static const char SQL_ROLLBACK_TO[] = "ROLLBACK TO work", SQL_COMMIT[] = "COMMIT";

/* ---- what waits for the next statement ---- */

static void transaction_defer(struct postgresql_db *db, const char *sql)
{
    db->deferred[db->deferred_count++] = sql;
}

static bool transaction_begin_waits(const struct postgresql_db *db)
{
    return db->deferred_count > 0 && db->deferred[0] == SQL_BEGIN;
}

bool postgresql_nothing_sent(const struct postgresql_db *db)
{
    return !db->transaction || transaction_begin_waits(db);
}

bool postgresql_send_deferred(struct postgresql_db *db, struct error *err)
{
    bool sent = PQenterPipelineMode(db->connection);
    for (unsigned i = 0; sent && i < db->deferred_count; i++)
        sent = PQsendQueryParams(db->connection, db->deferred[i], 0, NULL, NULL, NULL, NULL, 0);
    return sent || postgresql_lost(db, err);
}

static void transaction_take_result(struct postgresql_db *db, const char *sql, PGresult *result)
{
    statement_log(db->base.driver->name, sql);
    if (sql == SQL_NUMBER)
        snprintf(db->transaction_id, sizeof(db->transaction_id), "%s", PQgetvalue(result, 0, 0));
    if (sql == SQL_COMMIT)
        db->committed = strcmp(PQcmdStatus(result), SQL_COMMIT) == 0;
}

bool postgresql_receive_deferred(struct postgresql_db *db, struct error *err)
{
    bool done = true, beginning = transaction_begin_waits(db);
    unsigned count = db->deferred_count;
    db->deferred_count = 0;
    for (unsigned i = 0; i < count; i++) {
        const char *sql = db->deferred[i];
        PGresult *result = NULL;
        do {
            if (!postgresql_receive(db, &result, done ? err : NULL))
                return false;
            ExecStatusType status = PQresultStatus(result);
            if (result && (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK))
                transaction_take_result(db, sql, result);
            else if (result && done)
                done = postgresql_error(db, result, err);
            PQclear(result);
        } while (result);
    }
    if (!done && beginning && db->base.trouble == DB_TROUBLE_NONE)
        db->base.trouble = DB_TROUBLE_NOT_BEGUN;
    return done;
}

bool postgresql_end_pipeline(struct postgresql_db *db, struct error *err)
{
    PGresult *result = NULL;
    bool synced = false;
    while (!synced) {
        if (!db->connection || !postgresql_receive(db, &result, err))
            return false;
        synced = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
        bool broken = !result && PQstatus(db->connection) == CONNECTION_BAD;
        PQclear(result);
        if (broken)
            return postgresql_lost(db, err);
    }
    return PQexitPipelineMode(db->connection) || postgresql_lost(db, err);
}

bool postgresql_drain_deferred(struct postgresql_db *db, struct error *err)
{
    if (db->deferred_count == 0)
        return true;
    if (!postgresql_send_deferred(db, err))
        return false;
    if (!PQpipelineSync(db->connection))
        return postgresql_lost(db, err);
    bool done = postgresql_receive_deferred(db, err);
    if (!db->connection)
        return false;
    bool ended = postgresql_end_pipeline(db, done ? err : NULL);
    if (postgresql_is_gone(db))
        return postgresql_lost(db, done ? err : NULL);
    return done && ended;
}

/* ---- verbs ---- */

/* READ COMMITTED: the statements after the lock see what was committed before it was given; a snapshot of the whole
 * transaction would be older than the lock. The lock ends with the transaction, after that can be seen. By its number
 * the outcome of a COMMIT is found whose answer was lost; it costs nothing where anything is written. */
static bool transaction_begin(struct postgresql_db *db, enum db_verb verb, struct error *err)
{
    if (!postgresql_ready(db, err))
        return false;
    db->transaction_id[0] = '\0';
    db->deferred_count = 0;
    db->transaction = true;
    transaction_defer(db, SQL_BEGIN);
    if (verb == DB_BEGIN_SERIAL) { /* of a migration, which takes its time, and others wait for it */
        transaction_defer(db, "SET LOCAL lock_timeout TO 60000");
        transaction_defer(db, "SET LOCAL statement_timeout TO 0");
    }
    if (verb == DB_BEGIN_SERIAL || !db->concurrent) {
        snprintf(db->sql_lock, sizeof(db->sql_lock), "SELECT pg_advisory_xact_lock(%" PRId64 ")",
                 db->address.lock_key);
        transaction_defer(db, db->sql_lock);
    }
    transaction_defer(db, SQL_NUMBER);
    return true;
}

/* The server answers a COMMIT of a transaction that a statement has failed in with ROLLBACK, and no error. */
static bool transaction_commit(struct postgresql_db *db, struct error *err)
{
    db->committed = false;
    transaction_defer(db, SQL_COMMIT);
    bool done = postgresql_drain_deferred(db, err);
    bool lost = !db->connection;
    db->transaction = db->transaction_lost = false;
    if (lost && *db->transaction_id)
        db->base.trouble = DB_TROUBLE_IN_DOUBT;
    if (!done)
        return false;
    return db->committed ||
           error_set(err, ERROR_INTERNAL, "The database took the transaction back; nothing of it was kept.",
                     "数据库已撤销该事务，未保存任何更改。");
}

static bool transaction_roll_back(struct postgresql_db *db, struct error *err)
{
    bool nothing = postgresql_nothing_sent(db) || !db->connection;
    db->deferred_count = 0;
    db->transaction = db->transaction_lost = false;
    return nothing || (postgresql_ready(db, err) && postgresql_run(db, "ROLLBACK", NULL, err));
}

/* A savepoint that was not sent yet has nothing in it. */
static void transaction_defer_savepoint(struct postgresql_db *db, enum db_verb verb)
{
    bool empty = db->deferred_count > 0 && db->deferred[db->deferred_count - 1] == SQL_SAVEPOINT;
    if (verb == DB_SAVEPOINT)
        transaction_defer(db, SQL_SAVEPOINT);
    else if (verb == DB_RELEASE && empty)
        db->deferred_count--;
    else if (verb == DB_RELEASE)
        transaction_defer(db, SQL_RELEASE);
    else if (!empty)
        transaction_defer(db, SQL_ROLLBACK_TO);
}

bool postgresql_transaction(struct db *base, enum db_verb verb, struct error *err)
{
    struct postgresql_db *db = postgresql_of(base);
    switch (verb) {
    case DB_BEGIN:
    case DB_BEGIN_SERIAL: db->transaction_lost = false; return transaction_begin(db, verb, err);
    case DB_SNAPSHOT:
        db->transaction_lost = false;
        db->transaction = postgresql_ready(db, err) &&
                          postgresql_run(db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL, err);
        return db->transaction;
    case DB_ROLLBACK: return transaction_roll_back(db, err);
    default: break;
    }
    if (!postgresql_ready(db, err))
        return false;
    if (verb == DB_COMMIT)
        return transaction_commit(db, err);
    transaction_defer_savepoint(db, verb);
    return true;
}

bool postgresql_in_transaction(struct db *base)
{
    struct postgresql_db *db = postgresql_of(base);
    return db->transaction && (db->connection || transaction_begin_waits(db));
}

/* ---- after a lost answer ---- */

static enum db_outcome transaction_outcome(struct postgresql_db *db)
{
    char timeline[sizeof(db->timeline)], sql[96], status[16];
    PGresult *result = NULL;
    memcpy(timeline, db->timeline, sizeof(timeline));
    if (!postgresql_ready(db, NULL) || !*timeline || strcmp(timeline, db->timeline) != 0)
        return DB_OUTCOME_UNKNOWN;
    snprintf(sql, sizeof(sql), "SELECT pg_xact_status(CAST('%s' AS xid8))", db->transaction_id);
    if (!postgresql_run(db, sql, &result, NULL))
        return DB_OUTCOME_UNKNOWN;
    snprintf(status, sizeof(status), "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    if (strcmp(status, "committed") == 0)
        return DB_OUTCOME_COMMITTED;
    return strcmp(status, "aborted") == 0 ? DB_OUTCOME_TAKEN_BACK : DB_OUTCOME_UNKNOWN;
}

/* The server may be starting again, or still be at work on that COMMIT. A standby that was promoted meanwhile gives
 * the same number to another transaction: it can't be asked. */
enum db_outcome postgresql_commit_outcome(struct db *base)
{
    struct postgresql_db *db = postgresql_of(base);
    char timeline[sizeof(db->timeline)];
    memcpy(timeline, db->timeline, sizeof(timeline));
    int64_t until_us = clock_monotonic_us() + OUTCOME_LIMIT_US;
    enum db_outcome outcome;
    while ((outcome = transaction_outcome(db)) == DB_OUTCOME_UNKNOWN && clock_monotonic_us() < until_us &&
           strcmp(timeline, db->timeline) == 0)
        usleep(OUTCOME_PAUSE_US);
    return outcome;
}
