#include "platform/knowledge/question_key.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/memory.h"
#include "platform/knowledge/knowledge.h"

#define ROWS_AT_ONCE 2000

static const char SQL_IS_DONE[] = "SELECT COUNT(*) FROM meta WHERE name = 'question_keys'";
static const char SQL_NOTE_DONE[] = "INSERT INTO meta(name, value) VALUES ('question_keys', '1')"
                                    " ON CONFLICT DO NOTHING";

/* What has a question. */
static const struct {
    const char *sql_some, *sql_set;
} tables[] = {
    {"SELECT id, question FROM qa_pairs WHERE id > $1 AND question_key IS NULL ORDER BY id LIMIT $2",
     "UPDATE qa_pairs SET question_key = $2 WHERE id = $1"},
    {"SELECT id, question FROM templates WHERE id > $1 AND question_key IS NULL ORDER BY id LIMIT $2",
     "UPDATE templates SET question_key = $2 WHERE id = $1"},
};

struct batch {
    size_t table;
    int64_t after; /* in: rows up to this one have a key */
    size_t count;
    int64_t ids[ROWS_AT_ONCE], keys[ROWS_AT_ONCE];
};

static bool read_batch(struct db *db, struct batch *batch, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    batch->count = 0;
    if (!db_query(db, tables[batch->table].sql_some, DB_ARGS(db_int(batch->after), db_int(ROWS_AT_ONCE)),
                  &rows, err))
        return false;
    while (db_next(&rows)) {
        batch->ids[batch->count] = db_column_int(&rows, 0);
        batch->keys[batch->count++] = qa_question_key(db_column_text(&rows, 1));
    }
    return db_done(&rows, err);
}

/* A store_work. */
static bool set_keys(struct db *db, void *context, struct error *err)
{
    struct batch *batch = context;
    if (!read_batch(db, batch, err))
        return false;
    for (size_t i = 0; i < batch->count; i++)
        if (!db_execute(db, tables[batch->table].sql_set,
                        DB_ARGS(db_int(batch->ids[i]), db_int(batch->keys[i])), NULL, err))
            return false;
    return true;
}

static bool note_done(struct db *db, void *context, struct error *err)
{
    (void)context;
    return db_execute(db, SQL_NOTE_DONE, DB_NO_ARGS, NULL, err);
}

static bool is_done(struct store *store, bool *ret_done, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    int64_t count;
    if (!store_reader(store, READ_LIMIT_MS, &db, err) ||
        !db_find_int(db, SQL_IS_DONE, DB_NO_ARGS, 0, &count, err))
        return false;
    *ret_done = count > 0;
    return true;
}

bool question_keys_complete(struct store *store, struct error *err)
{
    bool done;
    if (!is_done(store, &done, err))
        return false;
    CLEANUP(free_pointer) struct batch *batch = xcalloc(1, sizeof(*batch));
    size_t total = 0;
    while (!done && batch->table < ARRAY_SIZE(tables)) {
        if (!store_write(store, set_keys, batch, err))
            return false;
        total += batch->count;
        batch->after = batch->count > 0 ? batch->ids[batch->count - 1] : 0;
        batch->table += batch->count == 0;
    }
    if (total > 0)
        log_info("store", "%zu questions have their key now", total);
    return done || store_write(store, note_done, NULL, err);
}
