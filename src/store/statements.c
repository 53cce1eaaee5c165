/* The prepared statements of a connection: found by the address of the SQL, bounded, the least
 * recently used one goes first. */
#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "store/driver.h"

static struct db_statement **statement_bucket(struct db *db, const char *sql)
{
    uintptr_t address = (uintptr_t)sql;
    return &db->buckets[(address >> 4 ^ address >> 10) % STATEMENT_BUCKETS];
}

static void statement_unlink_use(struct db *db, struct db_statement *statement)
{
    *(statement->newer ? &statement->newer->older : &db->newest) = statement->older;
    *(statement->older ? &statement->older->newer : &db->oldest) = statement->newer;
}

static void statement_link_newest(struct db *db, struct db_statement *statement)
{
    statement->newer = NULL;
    statement->older = db->newest;
    *(db->newest ? &db->newest->newer : &db->oldest) = statement;
    db->newest = statement;
}

static void statement_discard(struct db *db, struct db_statement *statement)
{
    struct db_statement **at = statement_bucket(db, statement->sql);
    while (*at != statement)
        at = &(*at)->next_in_bucket;
    *at = statement->next_in_bucket;
    statement_unlink_use(db, statement);
    db->statement_count--;
    free(statement->failure);
    free(statement->map.fields);
    free(statement->text);
    db->driver->finalize(statement);
}

static void statement_discard_surplus(struct db *db)
{
    struct db_statement *statement = db->oldest;
    while (statement && db->statement_count > db->driver->statements_kept) {
        struct db_statement *newer = statement->newer;
        if (statement->state == STATEMENT_IDLE)
            statement_discard(db, statement);
        statement = newer;
    }
}

static struct db_statement *statement_find_idle(struct db *db, const char *sql, bool insert)
{
    struct db_statement *statement = *statement_bucket(db, sql);
    while (statement) {
        struct db_statement *next = statement->next_in_bucket;
        if (statement->sql == sql && statement->insert == insert && statement->state == STATEMENT_IDLE) {
            if (strcmp(statement->text, sql) == 0)
                return statement;
            statement_discard(db, statement); /* the text was not static after all */
        }
        statement = next;
    }
    return NULL;
}

static bool statement_prepare(struct db *db, const char *sql, bool insert, struct db_statement **ret,
                              struct error *err)
{
    struct db_statement *statement;
    if (!db->driver->prepare(db, sql, insert, &statement, err))
        return false;
    statement->db = db;
    statement->sql = sql;
    statement->insert = insert;
    statement->text = xstrdup(sql);
    struct db_statement **bucket = statement_bucket(db, sql);
    statement->next_in_bucket = *bucket;
    *bucket = statement;
    statement_link_newest(db, statement);
    db->statement_count++;
    *ret = statement;
    return true;
}

bool db_statement_take(struct db *db, const char *sql, bool insert, struct db_statement **ret,
                       struct error *err)
{
    struct db_statement *statement = statement_find_idle(db, sql, insert);
    if (!statement && !statement_prepare(db, sql, insert, &statement, err))
        return false;
    if (db->newest != statement) {
        statement_unlink_use(db, statement);
        statement_link_newest(db, statement);
    }
    statement->state = STATEMENT_OVER;
    db->in_use_count++;
    if (db->statement_count > db->driver->statements_kept)
        statement_discard_surplus(db);
    *ret = statement;
    return true;
}

bool db_statement_give(struct db_statement *statement, struct error *err)
{
    struct db *db = statement->db;
    assert(statement->state != STATEMENT_IDLE);
    bool done = db->driver->reset(statement, err);
    free(statement->failure);
    statement->failure = NULL;
    statement->state = STATEMENT_IDLE;
    db->in_use_count--;
    if (db->statement_count > db->driver->statements_kept)
        statement_discard_surplus(db);
    return done;
}

void db_statements_close(struct db *db)
{
    assert(db->in_use_count == 0);
    while (db->newest)
        statement_discard(db, db->newest);
}
