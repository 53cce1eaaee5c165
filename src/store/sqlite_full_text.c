/* Full text in SQLite: FTS5 with the product's own tokenizer, which the program hands in (store.h). */
#include <string.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "store/sqlite_private.h"
#include "store/statement_log.h"

/* FTS5 asks for an object for each table: it holds the function alone. */
static int fts5_make_tokenizer(void *context, const char **arguments, int count,
                               Fts5Tokenizer **ret_tokenizer)
{
    (void)arguments, (void)count;
    *ret_tokenizer = context;
    return SQLITE_OK;
}

static void fts5_forget_tokenizer(Fts5Tokenizer *tokenizer)
{
    (void)tokenizer;
}

typedef int (*fts5_receive)(void *context, int flags, const char *token, int length, int start, int end);

struct tokens_to_fts5 {
    fts5_receive receive;
    void *context;
    int result;
};

/* Without the token's place: the index keeps none (detail=none). */
static bool fts5_pass_token(void *context, const char *token, size_t length)
{
    struct tokens_to_fts5 *to = context;
    to->result = to->receive(to->context, 0, token, (int)length, 0, 0);
    return to->result == SQLITE_OK;
}

struct tokenizer_object {
    store_tokenize tokenize;
};

static int fts5_run_tokenizer(Fts5Tokenizer *tokenizer, void *context, int flags, const char *text,
                              int length, fts5_receive receive)
{
    const struct tokenizer_object *object = (const struct tokenizer_object *)tokenizer;
    struct tokens_to_fts5 to = {receive, context, SQLITE_OK};
    object->tokenize(text, (size_t)length, (flags & FTS5_TOKENIZE_QUERY) != 0, fts5_pass_token, &to);
    return to.result;
}

/* Source: sqlite.org/fts5.html, 7: the API comes through a pointer that a query fills. */
static const char SQL_API[] = "SELECT fts5(?1)";

static fts5_api *fts5_find_api(sqlite3 *handle)
{
    fts5_api *api = NULL;
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(handle, SQL_API, -1, &statement, NULL) == SQLITE_OK) {
        sqlite3_bind_pointer(statement, 1, &api, "fts5_api_ptr", NULL);
        sqlite3_step(statement);
        statement_log(sqlite_driver.name, SQL_API);
    }
    sqlite3_finalize(statement);
    return api;
}

int sqlite_register_tokenizer(sqlite3 *handle, store_tokenize tokenize)
{
    static fts5_tokenizer functions = {fts5_make_tokenizer, fts5_forget_tokenizer, fts5_run_tokenizer};
    fts5_api *api = fts5_find_api(handle);
    if (!api)
        return SQLITE_ERROR;
    struct tokenizer_object *object = sqlite3_malloc(sizeof(*object));
    if (!object)
        return SQLITE_NOMEM;
    object->tokenize = tokenize;
    return api->xCreateTokenizer(api, "kimono", object, &functions, sqlite3_free);
}

/* qa_pairs_text: which live pairs hold a token. Without places and lengths (detail, columnsize) it is half
 * as large and takes half the time to keep (measured: 18 µs for each pair of demonstration data against 45);
 * what a keyword of several tokens finds is looked at again in the text itself. prefix='1' finds single
 * characters: each begins a token. The texts stay in qa_pairs alone, the view shows FTS5 those
 * that are to be found, for checking.
 *
 * The index is behind: qa_pairs_text_new says which pairs it does not have yet (sqlite_changes.c), triggers note
 * which texts have changed since, with the text that the index still holds, and sqlite_catch_up brings it up to
 * date while the writer has nothing else to do. Until then who looks for a keyword looks at the texts of those
 * pairs, too. A pair costs the index 20 to 35 µs, several times of what its row does, so an import would wait for
 * it most of its time. If triggers wrote the index themselves, FTS5 would write a piece of it for every statement,
 * for each is a savepoint (measured: 200 µs for each pair); and it would have to be allowed to write into tables
 * that a file's schema names (trusted_schema). */
const char SQLITE_FULL_TEXT[] =
    "CREATE VIEW qa_pairs_live AS SELECT id, question, answer FROM qa_pairs WHERE deleted_at IS NULL;"
    "CREATE VIRTUAL TABLE qa_pairs_text USING fts5(question, answer, content='qa_pairs_live',"
    " content_rowid='id', columnsize=0, detail=none, prefix='1', tokenize='kimono');"
    /* ids of pairs that the index does not have yet */
    "CREATE TABLE qa_pairs_text_new ("
    " first INTEGER PRIMARY KEY,"
    " last INTEGER NOT NULL);"
    "CREATE TABLE qa_pairs_text_changes ("
    " pair_id INTEGER PRIMARY KEY,"
    " question TEXT," /* as the index has it; null: it does not have the pair */
    " answer TEXT);"
    "CREATE TRIGGER qa_pairs_text_update AFTER UPDATE OF question, answer, deleted_at ON qa_pairs"
    " WHEN old.question <> new.question OR old.answer <> new.answer"
    " OR (old.deleted_at IS NULL) <> (new.deleted_at IS NULL) BEGIN"
    " INSERT OR IGNORE INTO qa_pairs_text_changes(pair_id, question, answer) VALUES (old.id,"
    " CASE WHEN old.deleted_at IS NULL THEN old.question END,"
    " CASE WHEN old.deleted_at IS NULL THEN old.answer END);"
    " END;"
    "CREATE TRIGGER qa_pairs_text_delete AFTER DELETE ON qa_pairs WHEN old.deleted_at IS NULL BEGIN"
    " INSERT OR IGNORE INTO qa_pairs_text_changes(pair_id, question, answer)"
    " VALUES (old.id, old.question, old.answer);"
    " END;";

/* ---- what it is behind ---- */

/* Pairs $1 to $2. Ids grow, so most often they follow the last range, which becomes longer: else there would be
 * as many ranges as commits. Ids that only a work had that was taken back are those of the next pairs: a range
 * that holds them would have those indexed twice. */
static const char SQL_LENGTHEN_NEW[] =
    "UPDATE qa_pairs_text_new SET last = MAX(last, MIN($2, (SELECT MAX(id) FROM qa_pairs)))"
    " WHERE first = (SELECT MAX(first) FROM qa_pairs_text_new WHERE first <= $1) AND last >= $1 - 1"
    " AND EXISTS (SELECT 1 FROM qa_pairs)";
static const char SQL_NOTE_NEW[] =
    "INSERT OR REPLACE INTO qa_pairs_text_new(first, last)"
    " SELECT $1, MIN($2, newest) FROM (SELECT MAX(id) AS newest FROM qa_pairs) WHERE newest >= $1";
/* What the index does not have yet has no old text to be taken out. The ranges first: there may be very many
 * changes. */
static const char SQL_NO_OLD_TEXTS[] =
    "DELETE FROM qa_pairs_text_changes WHERE pair_id IN (SELECT c.pair_id FROM qa_pairs_text_new n"
    " CROSS JOIN qa_pairs_text_changes c WHERE c.pair_id BETWEEN n.first AND n.last)";

/* Nor has it those that are gone again. */
static const char SQL_FORGET_GONE[] = "DELETE FROM qa_pairs_text_changes WHERE pair_id BETWEEN $1 AND $2"
                                      " AND pair_id > COALESCE((SELECT MAX(id) FROM qa_pairs), 0)";

bool sqlite_note_new_texts(struct db *db, const struct changed_rows *inserted, struct error *err)
{
    for (size_t i = 0; i < inserted->count; i++) {
        const struct db_value range[] = {db_int(inserted->ranges[i].first), db_int(inserted->ranges[i].last)};
        int64_t lengthened;
        if (!db_execute(db, SQL_FORGET_GONE, range, ARRAY_SIZE(range), NULL, err) ||
            !db_execute(db, SQL_LENGTHEN_NEW, range, ARRAY_SIZE(range), &lengthened, err))
            return false;
        if (lengthened == 0 && !db_execute(db, SQL_NOTE_NEW, range, ARRAY_SIZE(range), NULL, err))
            return false;
    }
    return db_execute(db, SQL_NO_OLD_TEXTS, DB_NO_ARGS, NULL, err);
}

/* ---- catching up ---- */

#define PIECE 256 /* pairs: some 8 ms */

/* The index forgets the old texts of pairs up to $1, and takes the new ones. */
static const char SQL_LAST_CHANGED[] =
    "SELECT MAX(pair_id) FROM (SELECT pair_id FROM qa_pairs_text_changes ORDER BY pair_id LIMIT $1)";
static const char SQL_FORGET_OLD[] = "INSERT INTO qa_pairs_text(qa_pairs_text, rowid, question, answer)"
                                     " SELECT 'delete', pair_id, question, answer FROM qa_pairs_text_changes"
                                     " WHERE pair_id <= $1 AND question IS NOT NULL";
static const char SQL_TAKE_CHANGED[] =
    "INSERT INTO qa_pairs_text(rowid, question, answer)"
    " SELECT p.id, p.question, p.answer FROM qa_pairs_text_changes c JOIN qa_pairs p ON p.id = c.pair_id"
    " WHERE c.pair_id <= $1 AND p.deleted_at IS NULL ORDER BY c.pair_id";
static const char SQL_FORGET_CHANGES[] = "DELETE FROM qa_pairs_text_changes WHERE pair_id <= $1";

static bool fts5_index_changed(struct db *db, int64_t *ret_last, struct error *err)
{
    static const char *const steps[] = {SQL_FORGET_OLD, SQL_TAKE_CHANGED, SQL_FORGET_CHANGES};
    if (!db_find_int(db, SQL_LAST_CHANGED, DB_ARGS(db_int(PIECE)), INT_NULL, ret_last, err))
        return false;
    for (size_t i = 0; *ret_last != INT_NULL && i < ARRAY_SIZE(steps); i++)
        if (!db_execute(db, steps[i], DB_ARGS(db_int(*ret_last)), NULL, err))
            return false;
    return true;
}

static const char SQL_FIRST_NEW[] = "SELECT MIN(first) FROM qa_pairs_text_new";
/* $1 the first new one, $2 the last of this piece. */
static const char SQL_TAKE_NEW[] =
    "INSERT INTO qa_pairs_text(rowid, question, answer) SELECT id, question, answer FROM qa_pairs"
    " WHERE id BETWEEN $1 AND (SELECT MIN(last, $2) FROM qa_pairs_text_new WHERE first = $1)"
    " AND deleted_at IS NULL ORDER BY id";
static const char SQL_FORGET_NEW[] = "DELETE FROM qa_pairs_text_new WHERE first = $1 AND last <= $2";
static const char SQL_SHORTEN_NEW[] = "UPDATE qa_pairs_text_new SET first = $2 + 1 WHERE first = $1";

static bool fts5_index_new(struct db *db, int64_t *ret_first, struct error *err)
{
    static const char *const steps[] = {SQL_TAKE_NEW, SQL_FORGET_NEW, SQL_SHORTEN_NEW};
    if (!db_find_int(db, SQL_FIRST_NEW, DB_NO_ARGS, INT_NULL, ret_first, err))
        return false;
    int64_t first = *ret_first, last = first + PIECE - 1;
    for (size_t i = 0; first != INT_NULL && i < ARRAY_SIZE(steps); i++)
        if (!db_execute(db, steps[i], DB_ARGS(db_int(first), db_int(last)), NULL, err))
            return false;
    return true;
}

bool sqlite_catch_up(struct db *db, bool *ret_more, struct error *err)
{
    int64_t place = INT_NULL;
    bool done = !db->tokenize || (fts5_index_changed(db, &place, err) &&
                                  (place != INT_NULL || fts5_index_new(db, &place, err)));
    *ret_more = done && place != INT_NULL;
    return done;
}

/* ---- looking, checking ---- */

const char SQLITE_TEXT_FIND[] =
    "SELECT rowid FROM qa_pairs_text WHERE qa_pairs_text MATCH $1 ORDER BY rowid LIMIT $2";

/* In quotation marks, so that nothing in it is taken for syntax. */
void sqlite_text_query(const struct text_token *token, bool first, struct strbuf *query)
{
    strbuf_puts(query, first ? "\"" : " AND \"");
    for (size_t i = 0; i < token->length; i++) {
        if (token->bytes[i] == '"')
            strbuf_putc(query, '"');
        strbuf_putc(query, token->bytes[i]);
    }
    strbuf_puts(query, token->prefix ? "\"*" : "\"");
}

/* Those that are still to be indexed are in the index as they were noted, or not at all. */
const char SQLITE_TEXT_HELD[] =
    "SELECT p.id, p.question, p.answer FROM qa_pairs p WHERE p.deleted_at IS NULL"
    " AND p.id NOT IN (SELECT pair_id FROM qa_pairs_text_changes)"
    " AND NOT EXISTS (SELECT 1 FROM qa_pairs_text_new n WHERE p.id BETWEEN n.first AND n.last)"
    " UNION ALL SELECT pair_id, question, answer FROM qa_pairs_text_changes WHERE question IS NOT NULL";

/* Made in the caller's transaction, and gone with it. A connection that only reads may not make a temporary table
 * either. */
static const char SQL_OPEN_INDEX[] =
    "PRAGMA query_only = OFF;"
    "CREATE VIRTUAL TABLE temp.qa_pairs_tokens USING fts5vocab('main', 'qa_pairs_text', 'instance');"
    "PRAGMA query_only = ON";
static const char SQL_CLOSE_INDEX[] =
    "PRAGMA query_only = OFF; DROP TABLE temp.qa_pairs_tokens; PRAGMA query_only = ON";
static const char SQL_ENTRIES[] = "SELECT term, doc FROM temp.qa_pairs_tokens";

static bool fts5_read_entries(struct db *db, text_entry_fn receive, void *context, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_ENTRIES, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows)) {
        const char *token = db_column_text(&rows, 0);
        receive(context, token, strlen(token), db_column_int(&rows, 1));
    }
    return db_done(&rows, err);
}

bool sqlite_text_entries(struct db *db, text_entry_fn receive, void *context, struct error *err)
{
    if (!db_script(db, SQL_OPEN_INDEX, err))
        return false;
    bool done = fts5_read_entries(db, receive, context, err);
    db_script(db, SQL_CLOSE_INDEX, NULL);
    return done;
}
