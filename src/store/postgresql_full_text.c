/* Full text in PostgreSQL: the tokens of each live pair as a tsvector, made by the product's own tokenizer here and
 * not by the server's, with a GIN index. Triggers only note which pairs it lacks (a commit would wait for it most of
 * its time); the writer's catching up takes them, a piece at a time. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "store/postgresql_private.h"

/* Tokens lie beside the table (toast_tuple_target), which a search goes through: of each pair it reads some bytes
 * there, to see whether it is still valid. */
const char POSTGRESQL_FULL_TEXT[] =
    "CREATE TABLE qa_pairs_text ("
    " pair_id BIGINT PRIMARY KEY,"
    " tokens TSVECTOR NOT NULL) WITH (toast_tuple_target = 128);"
    "ALTER TABLE qa_pairs_text ALTER COLUMN tokens SET STORAGE EXTERNAL;"
    "CREATE INDEX idx_qa_pairs_text_tokens ON qa_pairs_text USING gin (tokens);"
    /* ids of pairs that it does not have yet */
    "CREATE TABLE qa_pairs_text_new ("
    " first BIGINT PRIMARY KEY,"
    " last BIGINT NOT NULL);"
    /* pairs of which it has what they were */
    "CREATE TABLE qa_pairs_text_changes ("
    " pair_id BIGINT PRIMARY KEY);"
    "CREATE FUNCTION qa_pairs_text_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO qa_pairs_text_changes(pair_id) VALUES (OLD.id) ON CONFLICT DO NOTHING;"
    " RETURN NULL; END $$;"
    "CREATE TRIGGER qa_pairs_text_update AFTER UPDATE OF question, answer, deleted_at ON qa_pairs FOR EACH "
    "ROW"
    " WHEN (OLD.question <> NEW.question OR OLD.answer <> NEW.answer"
    " OR (OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL)) EXECUTE FUNCTION qa_pairs_text_note();"
    "CREATE TRIGGER qa_pairs_text_delete AFTER DELETE ON qa_pairs FOR EACH ROW"
    " WHEN (OLD.deleted_at IS NULL) EXECUTE FUNCTION qa_pairs_text_note();";

/* ---- looking ---- */

const char POSTGRESQL_TEXT_FIND[] = "SELECT pair_id FROM qa_pairs_text WHERE tokens @@ CAST($1 AS TSQUERY)"
                                    " ORDER BY pair_id LIMIT $2";

/* A token between quotation marks; what would end it is doubled. */
static void put_lexeme(const char *token, size_t length, struct strbuf *out)
{
    strbuf_putc(out, '\'');
    for (size_t i = 0; i < length; i++) {
        if (token[i] == '\'' || token[i] == '\\')
            strbuf_putc(out, token[i]);
        strbuf_putc(out, token[i]);
    }
    strbuf_putc(out, '\'');
}

void postgresql_text_query(const struct text_token *token, bool first, struct strbuf *query)
{
    strbuf_puts(query, first ? "" : " & ");
    put_lexeme(token->bytes, token->length, query);
    strbuf_puts(query, token->prefix ? ":*" : "");
}

/* ---- checking ---- */

#define IS_PENDING(id)                                                                                       \
    "(EXISTS (SELECT 1 FROM qa_pairs_text_changes c WHERE c.pair_id = " id ")"                               \
    " OR EXISTS (SELECT 1 FROM qa_pairs_text_new n WHERE " id " BETWEEN n.first AND n.last))"

/* What it has of pairs that it is still to take anew is not known. */
const char POSTGRESQL_TEXT_HELD[] = "SELECT p.id, p.question, p.answer FROM qa_pairs p"
                                    " WHERE p.deleted_at IS NULL AND NOT " IS_PENDING("p.id");
static const char SQL_ENTRIES[] =
    "SELECT pair_id, ARRAY_TO_STRING(TSVECTOR_TO_ARRAY(tokens), ' ') FROM qa_pairs_text x"
    " WHERE NOT " IS_PENDING("x.pair_id");

bool postgresql_text_entries(struct db *db, text_entry_fn receive, void *context, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_ENTRIES, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows)) {
        int64_t id = db_column_int(&rows, 0);
        for (const char *token = db_column_text(&rows, 1), *end; *token; token = end + (*end == ' ')) {
            end = strchrnul(token, ' ');
            receive(context, token, (size_t)(end - token), id);
        }
    }
    return db_done(&rows, err);
}

/* ---- catching up ---- */

#define PIECE 256 /* pairs */

/* What is taken off the notes is read afterwards: whatever comes meanwhile is noted anew. */
static const char SQL_TAKE_CHANGED[] =
    "DELETE FROM qa_pairs_text_changes WHERE pair_id IN"
    " (SELECT pair_id FROM qa_pairs_text_changes ORDER BY pair_id LIMIT $1) RETURNING pair_id, pair_id";
static const char SQL_TAKE_NEW[] =
    "DELETE FROM qa_pairs_text_new WHERE first IN"
    " (SELECT first FROM qa_pairs_text_new ORDER BY first LIMIT $1) RETURNING first, last";
static const char SQL_PUT_BACK[] = "INSERT INTO qa_pairs_text_new(first, last) VALUES ($1, $2)";

struct piece {
    struct strbuf ids, tokens,
        gone; /* as arrays of the database: {1,2}; `gone`: ids that are no live pairs */
    size_t count;
    struct id_range rest[PIECE]; /* of new ranges what is too much */
    size_t rest_count;
};

static void piece_release(struct piece *piece)
{
    strbuf_release(&piece->ids);
    strbuf_release(&piece->tokens);
    strbuf_release(&piece->gone);
}

static void put_id(struct strbuf *array, int64_t id)
{
    strbuf_printf(array, "%c%" PRId64, array->length > 0 ? ',' : '{', id);
}

static bool take(struct db *db, const char *sql, struct piece *piece, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, sql, DB_ARGS(db_int((int64_t)(PIECE - piece->count))), &rows, err))
        return false;
    while (db_next(&rows)) {
        struct id_range range = {db_column_int(&rows, 0), db_column_int(&rows, 1)};
        for (; range.first <= range.last && piece->count < PIECE; piece->count++)
            put_id(&piece->ids, range.first++);
        if (range.first <= range.last)
            piece->rest[piece->rest_count++] = range;
    }
    return db_done(&rows, err);
}

static bool put_back_rest(struct db *db, const struct piece *piece, struct error *err)
{
    for (size_t i = 0; i < piece->rest_count; i++)
        if (!db_execute(db, SQL_PUT_BACK, DB_ARGS(db_int(piece->rest[i].first), db_int(piece->rest[i].last)),
                        NULL, err))
            return false;
    return true;
}

static bool put_token(void *context, const char *token, size_t length)
{
    struct strbuf *vector = context;
    put_lexeme(token, length, vector);
    strbuf_putc(vector, ' ');
    return true;
}

/* An element of an array, in quotation marks. */
static void put_element(struct strbuf *array, const struct strbuf *element)
{
    const char *bytes = strbuf_text(element);
    strbuf_puts(array, array->length > 0 ? ",\"" : "{\"");
    for (size_t i = 0; i < element->length; i++) {
        if (bytes[i] == '"' || bytes[i] == '\\')
            strbuf_putc(array, '\\');
        strbuf_putc(array, bytes[i]);
    }
    strbuf_putc(array, '"');
}

static const char SQL_TEXTS[] = "SELECT w.id, p.question, p.answer FROM (SELECT DISTINCT id FROM "
                                "UNNEST(CAST($1 AS BIGINT[])) AS u(id)) AS w"
                                " LEFT JOIN qa_pairs p ON p.id = w.id AND p.deleted_at IS NULL";

/* What the index is to have of the pairs now; those that are gone are left out of `ids`. */
static bool read_tokens(struct db *db, struct piece *piece, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    CLEANUP(strbuf_release) struct strbuf vector = {0};
    strbuf_putc(&piece->ids, '}');
    if (!db_query(db, SQL_TEXTS, DB_ARGS(db_text(strbuf_text(&piece->ids))), &rows, err))
        return false;
    strbuf_reset(&piece->ids);
    while (db_next(&rows)) {
        int64_t id = db_column_int(&rows, 0);
        if (db_column_null(&rows, 1)) {
            put_id(&piece->gone, id);
            continue;
        }
        strbuf_reset(&vector);
        for (int column = 1; column <= 2; column++) {
            const char *text = db_column_text(&rows, column);
            db->tokenize(text, strlen(text), false, put_token, &vector);
        }
        put_id(&piece->ids, id);
        put_element(&piece->tokens, &vector);
    }
    return db_done(&rows, err);
}

static const char SQL_PUT[] = "INSERT INTO qa_pairs_text(pair_id, tokens) SELECT id, CAST(tokens AS TSVECTOR)"
                              " FROM UNNEST(CAST($1 AS BIGINT[]), CAST($2 AS TEXT[])) AS t(id, tokens)"
                              " ON CONFLICT (pair_id) DO UPDATE SET tokens = excluded.tokens";
static const char SQL_REMOVE[] = "DELETE FROM qa_pairs_text WHERE pair_id = ANY (CAST($1 AS BIGINT[]))";

static bool write_tokens(struct db *db, struct piece *piece, struct error *err)
{
    if (piece->ids.length > 0) {
        strbuf_putc(&piece->ids, '}');
        strbuf_putc(&piece->tokens, '}');
        if (!db_execute(db, SQL_PUT,
                        DB_ARGS(db_text(strbuf_text(&piece->ids)), db_text(strbuf_text(&piece->tokens))),
                        NULL, err))
            return false;
    }
    if (piece->gone.length == 0)
        return true;
    strbuf_putc(&piece->gone, '}');
    return db_execute(db, SQL_REMOVE, DB_ARGS(db_text(strbuf_text(&piece->gone))), NULL, err);
}

#define ASK_US INT64_C(5000000)

/* Held by a connection of the one process that catches up, as long as it lives. */
static const char SQL_BE_THE_ONE[] =
    "SELECT CASE WHEN PG_TRY_ADVISORY_LOCK(CAST($1 AS INTEGER), 1) THEN 1 ELSE 0 END";
static const char SQL_IS_BEHIND[] = "SELECT CASE WHEN EXISTS (SELECT 1 FROM qa_pairs_text_new)"
                                    " OR EXISTS (SELECT 1 FROM qa_pairs_text_changes) THEN 1 ELSE 0 END";

static bool is_the_one(struct postgresql_db *db)
{
    int64_t is = 0, now = clock_monotonic_us();
    if (db->catches_up != 0 && db->catches_up == db->generation)
        return true;
    if (now < db->ask_to_catch_up_at_us)
        return false;
    db->ask_to_catch_up_at_us = now + ASK_US;
    db_find_int(&db->base, SQL_BE_THE_ONE, DB_ARGS(db_int((int32_t)db->address.lock_key)), 0, &is, NULL);
    db->catches_up = is ? db->generation : 0;
    return is;
}

bool postgresql_is_behind(struct db *base)
{
    int64_t is = 0;
    return base->tokenize && is_the_one(postgresql_of(base)) &&
           db_find_int(base, SQL_IS_BEHIND, DB_NO_ARGS, 0, &is, NULL) && is;
}

bool postgresql_catch_up(struct db *db, bool *ret_more, struct error *err)
{
    CLEANUP(piece_release) struct piece piece = {0};
    *ret_more = false;
    if (!db->tokenize)
        return true; /* the schema has none */
    if (!take(db, SQL_TAKE_CHANGED, &piece, err) ||
        (piece.count < PIECE && !take(db, SQL_TAKE_NEW, &piece, err)) || !put_back_rest(db, &piece, err))
        return false;
    *ret_more = piece.count > 0;
    return piece.count == 0 || (read_tokens(db, &piece, err) && write_tokens(db, &piece, err));
}
