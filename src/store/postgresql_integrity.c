/* Whether a PostgreSQL store is whole, as far as it can be asked: indexes and constraints that hold, and the pages of
 * the indexes with all rows that they should have, where the server has the extension amcheck. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/postgresql_private.h"

static const char SQL_INVALID[] =
    "SELECT c.relname || ': the index is not valid (REINDEX)' FROM pg_catalog.pg_index i"
    " JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
    " WHERE c.relnamespace = CAST(current_schema() AS regnamespace) AND NOT (i.indisvalid AND i.indisready)"
    " UNION ALL SELECT conrelid::regclass || ': the constraint ' || conname || ' was not checked'"
    " FROM pg_catalog.pg_constraint"
    " WHERE connamespace = CAST(current_schema() AS regnamespace) AND NOT convalidated"
    " UNION ALL SELECT c.relname || ': the trigger ' || t.tgname || ' is off' FROM pg_catalog.pg_trigger t"
    " JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid"
    " WHERE c.relnamespace = CAST(current_schema() AS regnamespace) AND t.tgenabled = 'D' ORDER BY 1";
/* Whose functions this user may call. */
static const char SQL_AMCHECK[] =
    "SELECT CAST(n.nspname AS TEXT) FROM pg_catalog.pg_extension e"
    " JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace JOIN pg_catalog.pg_proc p ON p.pronamespace = "
    "n.oid"
    " WHERE e.extname = 'amcheck' AND p.proname = 'bt_index_check' AND p.pronargs = 2"
    " AND has_function_privilege(p.oid, 'EXECUTE')";
static const char SQL_BTREES[] =
    "SELECT CAST(c.relname AS TEXT) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_am a ON a.oid = c.relam"
    " JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid WHERE a.amname = 'btree' AND c.relkind = 'i'"
    " AND i.indisvalid AND c.relnamespace = CAST(current_schema() AS regnamespace) ORDER BY c.relname";

/* What is wrong with an index comes as an error, which in a transaction would end it. */
static bool integrity_check_index(struct postgresql_db *db, const char *amcheck, const char *index,
                                  struct strbuf *findings, struct error *err)
{
    char sql[512];
    struct error found;
    error_clear(&found);
    snprintf(sql, sizeof(sql), "SELECT %s.bt_index_check('%s.%s', true)", amcheck, db->address.schema, index);
    if (!postgresql_ready(db, err) || (db->transaction && !postgresql_run(db, "SAVEPOINT look", NULL, err)))
        return false;
    if (!postgresql_run(db, sql, NULL, &found)) {
        if (found.code == ERROR_TIMEOUT || !db->connection) {
            error_copy(err, &found);
            return false;
        }
        strbuf_printf(findings, "%s: %s\n", index, found.detail[LANGUAGE_EN]);
    }
    return !db->transaction || postgresql_run(db, "ROLLBACK TO look", NULL, err);
}

bool postgresql_integrity(struct db *base, struct strbuf *ret_findings, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    char amcheck[POSTGRESQL_NAME_SIZE] = "";
    if (!db_query(base, SQL_INVALID, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows))
        strbuf_printf(ret_findings, "%s\n", db_column_text(&rows, 0));
    if (!db_done(&rows, err) || !db_query(base, SQL_AMCHECK, DB_NO_ARGS, &rows, err))
        return false;
    if (db_next(&rows))
        snprintf(amcheck, sizeof(amcheck), "%s", db_column_text(&rows, 0));
    if (!db_done(&rows, err))
        return false;
    if (!*amcheck) {
        log_info(
            "store",
            "the pages of indexes were not looked at: the database has no extension amcheck that this user "
            "may use");
        return true;
    }
    if (!db_query(base, SQL_BTREES, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows))
        if (!integrity_check_index(postgresql_of(base), amcheck, db_column_text(&rows, 0), ret_findings, err))
            return false;
    return db_done(&rows, err);
}
