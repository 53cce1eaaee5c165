/* PostgreSQL behind the driver table: transactions, and what the table needs besides. Connections are in
 * postgresql_connection.c, statements in postgresql_statement.c, values in postgresql_values.c, errors in
 * postgresql_error.c. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "store/postgresql_private.h"

#define OUTCOME_LIMIT_US INT64_C(8000000)
#define OUTCOME_PAUSE_US 100000

/* ---- transactions ---- */

static bool postgresql_in_transaction(struct db *base)
{
    struct postgresql_db *db = postgresql_of(base);
    return db->transaction && db->connection;
}

/* READ COMMITTED: the statements after the lock see what was committed before it was given; a snapshot of the whole
 * transaction would be older than the lock. The lock ends with the transaction, after that can be seen. With its
 * number the outcome of a COMMIT is found whose answer was lost; it costs nothing where anything is written. */
static bool begin_once(struct postgresql_db *db, bool serial, struct error *err)
{
    char lock[64] = "", sql[256];
    if (!postgresql_ready(db, err))
        return false;
    if (serial)
        snprintf(lock, sizeof(lock), "SELECT pg_advisory_xact_lock(%" PRId64 ");", db->address.lock_key);
    snprintf(sql, sizeof(sql), "BEGIN ISOLATION LEVEL READ COMMITTED; %s SELECT pg_current_xact_id()::text",
             lock);
    PGresult *result;
    if (!postgresql_run(db, sql, &result, err)) {
        if (db->connection)
            postgresql_run(db, "ROLLBACK", NULL, NULL);
        return false;
    }
    snprintf(db->transaction_id, sizeof(db->transaction_id), "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    db->transaction = true;
    return true;
}

/* A connection that died since it was used last shows it only now. */
static bool begin(struct postgresql_db *db, bool serial, struct error *err)
{
    bool had_one = db->connection;
    return begin_once(db, serial, err) || (had_one && !db->connection && begin_once(db, serial, err));
}

static bool begin_snapshot(struct postgresql_db *db, struct error *err)
{
    db->transaction = postgresql_ready(db, err) &&
                      postgresql_run(db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL, err);
    return db->transaction;
}

/* The server answers a COMMIT of a transaction that a statement has failed in with ROLLBACK, and no error. */
static bool commit(struct postgresql_db *db, struct error *err)
{
    PGresult *result;
    if (!postgresql_run(db, "COMMIT", &result, err)) {
        if (!db->connection)
            db->base.trouble = DB_TROUBLE_IN_DOUBT;
        db->transaction = false;
        return false;
    }
    bool committed = strcmp(PQcmdStatus(result), "COMMIT") == 0;
    PQclear(result);
    db->transaction = false;
    return committed ||
           error_set(err, ERROR_INTERNAL, "The database took the transaction back; nothing of it was kept.",
                     "数据库已撤销该事务，未保存任何更改。");
}

static enum db_outcome outcome_now(struct postgresql_db *db)
{
    char timeline[sizeof(db->timeline)], sql[96];
    PGresult *result;
    memcpy(timeline, db->timeline, sizeof(timeline));
    db->retry_at_us = 0;
    if (!postgresql_ready(db, NULL))
        return DB_OUTCOME_UNKNOWN;
    if (!*timeline || strcmp(timeline, db->timeline) != 0)
        return DB_OUTCOME_UNKNOWN;
    snprintf(sql, sizeof(sql), "SELECT pg_xact_status('%s'::xid8)", db->transaction_id);
    if (!postgresql_run(db, sql, &result, NULL))
        return DB_OUTCOME_UNKNOWN;
    char status[16];
    snprintf(status, sizeof(status), "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    if (strcmp(status, "committed") == 0)
        return DB_OUTCOME_COMMITTED;
    return strcmp(status, "aborted") == 0 ? DB_OUTCOME_TAKEN_BACK : DB_OUTCOME_UNKNOWN;
}

/* The server may be starting again, or still be at work on that COMMIT. A standby that was promoted meanwhile gives
 * the same number to another transaction: it can't be asked. */
static enum db_outcome postgresql_commit_outcome(struct db *base)
{
    struct postgresql_db *db = postgresql_of(base);
    char timeline[sizeof(db->timeline)];
    memcpy(timeline, db->timeline, sizeof(timeline));
    int64_t until_us = clock_monotonic_us() + OUTCOME_LIMIT_US;
    db->transaction_lost = false;
    enum db_outcome outcome;
    while ((outcome = outcome_now(db)) == DB_OUTCOME_UNKNOWN && clock_monotonic_us() < until_us &&
           strcmp(timeline, db->timeline) == 0)
        usleep(OUTCOME_PAUSE_US);
    return outcome;
}

static bool postgresql_transaction(struct db *base, enum db_verb verb, struct error *err)
{
    static const char *const texts[DB_VERBS] = {[DB_ROLLBACK] = "ROLLBACK",
                                                [DB_SAVEPOINT] = "SAVEPOINT work",
                                                [DB_RELEASE] = "RELEASE work",
                                                [DB_ROLLBACK_TO] = "ROLLBACK TO work"};
    struct postgresql_db *db = postgresql_of(base);
    bool lost = db->transaction_lost;
    db->transaction_lost = false;
    if (verb == DB_SNAPSHOT)
        return begin_snapshot(db, err);
    if (verb == DB_BEGIN || verb == DB_BEGIN_SERIAL)
        return begin(db, verb == DB_BEGIN_SERIAL || !db->concurrent, err);
    if (verb == DB_ROLLBACK && (lost || !postgresql_in_transaction(base)))
        return true;
    db->transaction_lost = lost;
    if (!postgresql_ready(db, err))
        return false;
    if (verb == DB_COMMIT)
        return commit(db, err);
    if (verb == DB_ROLLBACK)
        db->transaction = false;
    return postgresql_run(db, texts[verb], NULL, err);
}

static bool postgresql_script(struct db *base, const char *sql, struct error *err)
{
    struct postgresql_db *db = postgresql_of(base);
    return postgresql_ready(db, err) && postgresql_run(db, sql, NULL, err);
}

/* Not called yet, a sequence has no last value. */
static const char SQL_LAST_ID[] = "SELECT pg_sequence_last_value(pg_get_serial_sequence($1, 'id')::regclass)";
static const char SQL_SET_LAST_ID[] =
    "SELECT setval(pg_get_serial_sequence($1, 'id'), GREATEST($2, 1), $2 > 0)";

static bool postgresql_last_id(struct db *db, const char *table, int64_t *ret_id, struct error *err)
{
    return db_find_int(db, SQL_LAST_ID, DB_ARGS(db_text(table)), 0, ret_id, err);
}

static bool postgresql_set_last_id(struct db *db, const char *table, int64_t id, struct error *err)
{
    int64_t set;
    return db_find_int(db, SQL_SET_LAST_ID, DB_ARGS(db_text(table), db_int(id)), 0, &set, err);
}

static const struct db_token tokens[] = {
    {"id", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"},
    {"int", "BIGINT"},
    {"real", "DOUBLE PRECISION"},
    {"bytes", "BYTEA"},
    {"json", "TEXT COLLATE \"C\""},
    {"without_rowid", ""},
    {"nulls_first", "NULLS FIRST"},
    {"change_feed", ""}, /* qa_pairs_changes is written by nothing yet */
    {"full_text", ""},
    {NULL, NULL},
};

const struct db_driver postgresql_driver = {
    .name = "PostgreSQL",
    .sql_table_exists = "SELECT 1 FROM pg_catalog.pg_tables"
                        " WHERE schemaname = current_schema() AND tablename = $1",
    .tokens = tokens,
    .sql_bytes = "SELECT SUM(pg_total_relation_size(oid)) FROM pg_catalog.pg_class"
                 " WHERE relkind IN ('r', 'm') AND relnamespace = CAST(current_schema() AS regnamespace)",
    .reads_newest = true,
    .text_type = "TEXT COLLATE \"C\"",
    .open = postgresql_open,
    .close = postgresql_close,
    .display_path = postgresql_display_path,
    .script = postgresql_script,
    .transaction = postgresql_transaction,
    .commit_outcome = postgresql_commit_outcome,
    .in_transaction = postgresql_in_transaction,
    .prepare = postgresql_prepare,
    .finalize = postgresql_finalize,
    .bind = postgresql_bind,
    .step = postgresql_step,
    .reset = postgresql_reset,
    .changed = postgresql_changed,
    .inserted_ids = postgresql_inserted_ids,
    .last_id = postgresql_last_id,
    .set_last_id = postgresql_set_last_id,
    .column_count = postgresql_column_count,
    .column_name = postgresql_column_name,
    .column_type = postgresql_column_type,
    .column_null = postgresql_column_null,
    .column_int = postgresql_column_int,
    .column_real = postgresql_column_real,
    .column_text = postgresql_column_text,
    .column_bytes = postgresql_column_bytes,
};
