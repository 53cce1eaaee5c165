/* Statements of PostgreSQL: prepared when first run, as only then the types of their parameters are known; their rows
 * are read one by one while they come (which costs no more than whole results do: 50 rows in some 200 µs either way). A connection carries the rows of one statement only: when another begins, the
 * rest of the first one's rows is taken into memory. */
#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "store/postgresql_private.h"

#define BUFFER_BYTES_MAX ((size_t)64 << 20)
#define PARAMETERS_MAX 999
#define DISCARD_ROWS 2000 /* of a run that is over are read before it is cancelled */

/* ---- preparing ---- */

/* The end of what begins here and is no code: a quoted text or name, a comment; else `at`. */
static const char *sql_skip_quoted(const char *at)
{
    if (*at == '\'' || *at == '"') {
        const char *end =
            strchr(at + 1, *at); /* a doubled quote is the end of one and the start of the next */
        return end ? end + 1 : at + strlen(at);
    }
    if (at[0] == '-' && at[1] == '-')
        return at + strcspn(at, "\n");
    if (at[0] == '/' && at[1] == '*') {
        const char *end = strstr(at + 2, "*/");
        return end ? end + 2 : at + strlen(at);
    }
    return at;
}

/* Which parameters the text names: `used` has PARAMETERS_MAX places. -1: not $1, $2 …, or several statements. */
static int sql_find_parameters(const char *sql, bool *used)
{
    int count = 0;
    bool ended = false, something = false;
    for (const char *at = sql; *at;) {
        const char *behind = sql_skip_quoted(at);
        if (behind != at) {
            if (ended)
                return -1;
            something = true;
            at = behind;
            continue;
        }
        if (*at == ';')
            ended = true;
        else if (!isspace((unsigned char)*at)) {
            if (ended)
                return -1;
            something = true;
        }
        if (*at++ != '$')
            continue;
        char *end;
        long number = isdigit((unsigned char)*at) ? strtol(at, &end, 10) : 0;
        if (number < 1 || number > PARAMETERS_MAX || isalnum((unsigned char)*end) || *end == '_')
            return -1;
        used[number - 1] = true;
        count = number > count ? (int)number : count;
        at = end;
    }
    return something ? count : -1;
}

bool postgresql_prepare(struct db *base, const char *sql, bool insert, struct db_statement **ret,
                        struct error *err)
{
    (void)base;
    bool used[PARAMETERS_MAX] = {0};
    int parameters = sql_find_parameters(sql, used);
    if (parameters < 0)
        return error_set(err, ERROR_INTERNAL, "Not one statement with parameters $1, $2 …: %.200s",
                         "不是带 $1、$2 … 参数的单条语句：%.200s", sql);
    struct postgresql_statement *statement = xcalloc(1, sizeof(*statement));
    statement->insert = insert;
    statement->parameter_count = parameters;
    statement->used = xcalloc((size_t)parameters + 1, sizeof(bool));
    memcpy(statement->used, used, (size_t)parameters);
    struct strbuf text = {0};
    strbuf_puts(&text, sql);
    if (insert && !strstr(sql, "RETURNING"))
        strbuf_puts(&text, " RETURNING id");
    statement->sql = strbuf_detach(&text, NULL);
    *ret = &statement->base;
    return true;
}

static void statement_drop_columns(struct postgresql_statement *statement)
{
    for (int i = 0; i < statement->columns.count; i++) {
        free(statement->columns.names[i]);
        strbuf_release(&statement->texts[i]);
    }
    free(statement->columns.names);
    free(statement->columns.types);
    free(statement->cells);
    free(statement->texts);
    statement->columns = (struct postgresql_columns){0};
    statement->cells = NULL;
    statement->texts = NULL;
}

/* The server's side of it goes with the next thing that is sent. */
static void variant_drop(struct postgresql_db *db, struct postgresql_variant *variant)
{
    if (db->connection && variant->generation == db->generation)
        strbuf_printf(&db->to_deallocate, "DEALLOCATE %s;", variant->name);
    free(variant->types);
    *variant = (struct postgresql_variant){0};
}

void postgresql_finalize(struct db_statement *base)
{
    struct postgresql_statement *statement = postgresql_statement_of(base);
    for (unsigned i = 0; i < statement->variant_count; i++)
        variant_drop(postgresql_of(base->db), &statement->variants[i]);
    statement_drop_columns(statement);
    strbuf_release(&statement->rest);
    free(statement->ids);
    free(statement->used);
    free(statement->sql);
    free(statement);
}

/* A type that is left to the server fits only null. */
static bool variant_fits(const struct postgresql_variant *variant, const struct db_value *args, int count)
{
    for (int i = 0; i < count; i++)
        if (args[i].type != DB_NULL && variant->types[i] != postgresql_type_of(&args[i]))
            return false;
    return true;
}

/* What a null left open takes the type of the last variant, so that a statement whose arguments are null now and then
 * does not get one for each way of that. A parameter that the text does not name has no type to be found. */
static struct postgresql_variant *variant_make(struct postgresql_db *db,
                                               struct postgresql_statement *statement)
{
    const struct db_value *args = statement->arguments;
    size_t count = (size_t)statement->parameter_count;
    Oid *types = xcalloc(count + 1, sizeof(Oid));
    struct db_value text = {.type = DB_TEXT};
    const struct postgresql_variant *last =
        statement->variant_count ? &statement->variants[statement->variant_count - 1] : NULL;
    for (size_t i = 0; i < count; i++) {
        types[i] = postgresql_type_of(&args[i]);
        if (types[i] == 0 && !statement->used[i])
            types[i] = postgresql_type_of(&text);
        else if (types[i] == 0 && last)
            types[i] = last->types[i];
    }
    struct postgresql_variant *variant;
    if (statement->variant_count < POSTGRESQL_VARIANTS) {
        variant = &statement->variants[statement->variant_count++];
    } else {
        variant = &statement->variants[statement->oldest_variant];
        statement->oldest_variant = (statement->oldest_variant + 1) % POSTGRESQL_VARIANTS;
        variant_drop(db, variant);
    }
    variant->types = types;
    return variant;
}

static bool variant_prepare(struct postgresql_db *db, struct postgresql_statement *statement,
                            struct postgresql_variant *variant, struct error *err)
{
    snprintf(variant->name, sizeof(variant->name), "s%llu", (unsigned long long)++db->prepared);
    if (!PQsendPrepare(db->connection, variant->name, statement->sql, statement->parameter_count,
                       variant->types))
        return postgresql_lost(db, err);
    bool done = true;
    PGresult *result = NULL;
    do {
        if (!postgresql_receive(db, &result, done ? err : NULL))
            return false;
        if (result && PQresultStatus(result) != PGRES_COMMAND_OK)
            done = postgresql_error(db, result, err);
        PQclear(result);
    } while (result);
    if (done)
        variant->generation = db->generation;
    return done;
}

static bool variant_find(struct postgresql_db *db, struct postgresql_statement *statement,
                         struct postgresql_variant **ret_variant, struct error *err)
{
    struct postgresql_variant *variant = NULL;
    for (unsigned i = 0; i < statement->variant_count && !variant; i++)
        if (variant_fits(&statement->variants[i], statement->arguments, statement->parameter_count))
            variant = &statement->variants[i];
    if (!variant)
        variant = variant_make(db, statement);
    *ret_variant = variant;
    return variant->generation == db->generation ||
           (postgresql_drain_deferred(db, err) && variant_prepare(db, statement, variant, err));
}

/* ---- running ---- */

bool postgresql_bind(struct db_statement *base, const struct db_value *args, size_t count, bool copy,
                     struct error *err)
{
    (void)copy; /* they are sent by the first step, which follows at once */
    struct postgresql_statement *statement = postgresql_statement_of(base);
    if (count != (size_t)statement->parameter_count)
        return error_set(err, ERROR_INTERNAL, "%d arguments wanted, %zu given: %.200s",
                         "需要 %d 个参数，给出 %zu 个：%.200s", statement->parameter_count, count,
                         base->text);
    for (size_t i = 0; i < count; i++)
        if (!postgresql_value_check(&args[i], err))
            return false;
    statement->arguments = args;
    statement->run = RUN_BOUND;
    return true;
}

static bool statement_send(struct postgresql_statement *statement, struct error *err)
{
    struct postgresql_db *db = postgresql_of(statement->base.db);
    struct postgresql_variant *variant;
    if (!postgresql_ready(db, err) || !variant_find(db, statement, &variant, err))
        return false;
    struct postgresql_parameters parameters;
    postgresql_parameters_fill(&parameters, statement->arguments, statement->parameter_count);
    statement->piped = db->deferred_count > 0;
    bool sent = (!statement->piped || postgresql_send_deferred(db, err)) &&
                PQsendQueryPrepared(db->connection, variant->name, statement->parameter_count,
                                    parameters.values, parameters.lengths, parameters.formats, 1) &&
                (!statement->piped || PQpipelineSync(db->connection));
    postgresql_parameters_release(&parameters);
    if (!sent)
        return postgresql_lost(db, err);
    if (statement->piped && !postgresql_receive_deferred(db, err)) {
        postgresql_receive_rest(db); /* its own: it was not run */
        if (db->connection)
            postgresql_end_pipeline(db, NULL);
        if (postgresql_is_gone(db))
            postgresql_lost(db, NULL);
        return false;
    }
    if (!PQsetSingleRowMode(db->connection))
        return postgresql_lost(db, err);
    statement->changed = 0;
    statement->id_count = 0;
    statement->run = RUN_STREAMING;
    db->open = statement;
    return true;
}

static bool statement_describe(struct postgresql_statement *statement, const PGresult *result,
                               struct error *err)
{
    struct postgresql_columns *columns = &statement->columns;
    int count = PQnfields(result);
    bool same = columns->count == count;
    for (int i = 0; same && i < count; i++)
        same = columns->types[i] == PQftype(result, i);
    if (same)
        return true;
    statement_drop_columns(statement);
    for (int i = 0; i < count; i++)
        if (!postgresql_type_known(PQftype(result, i)))
            return error_set(err, ERROR_INTERNAL, "The column %s has a type that is not known here: %.200s",
                             "列 %s 的类型未知：%.200s", PQfname(result, i), statement->base.text);
    size_t n = (size_t)count + 1;
    columns->count = count;
    columns->types = xcalloc(n, sizeof(Oid));
    columns->names = xcalloc(n, sizeof(char *));
    statement->cells = xcalloc(n, sizeof(*statement->cells));
    statement->texts = xcalloc(n, sizeof(*statement->texts));
    for (int i = 0; i < count; i++) {
        columns->types[i] = PQftype(result, i);
        columns->names[i] = xstrdup(PQfname(result, i));
    }
    return true;
}

/* One row that came, or the end of them. */
static enum db_step statement_receive_row(struct postgresql_statement *statement, struct error *err)
{
    struct postgresql_db *db = postgresql_of(statement->base.db);
    PGresult *result = NULL;
    PQclear(statement->row);
    statement->row = NULL;
    if (!postgresql_receive(db, &result, err)) {
        statement->run = RUN_OVER;
        return DB_STEP_FAILED;
    }
    if (result && PQresultStatus(result) == PGRES_SINGLE_TUPLE) {
        statement->row = result;
        if (!statement_describe(statement, result, err))
            return DB_STEP_FAILED;
        for (int i = 0; i < statement->columns.count; i++)
            statement->cells[i] = (struct postgresql_cell){
                .bytes = PQgetisnull(result, 0, i) ? NULL : PQgetvalue(result, 0, i),
                .length = PQgetlength(result, 0, i),
            };
        return DB_STEP_ROW;
    }
    bool good =
        result && (PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK);
    if (!good)
        postgresql_error(db, result, err);
    else if (strncmp(PQcmdStatus(result), "SELECT", strlen("SELECT")) != 0) /* its tag counts what it gave */
        statement->changed = strtoll(PQcmdTuples(result), NULL, 10);
    PQclear(result);
    postgresql_receive_rest(db);
    if (statement->piped && db->connection)
        postgresql_end_pipeline(db, NULL);
    db->open = NULL;
    statement->run = RUN_OVER;
    if (good)
        return DB_STEP_END;
    if (postgresql_is_gone(db))
        postgresql_lost(db, NULL);
    return DB_STEP_FAILED;
}

/* The rest of its rows. In a transaction it is not cancelled: that would end the transaction. */
static bool statement_discard_rest(struct postgresql_statement *statement, struct error *err)
{
    struct postgresql_db *db = postgresql_of(statement->base.db);
    struct error failure;
    error_clear(&failure);
    enum db_step step = DB_STEP_ROW;
    for (int rows = 0; step == DB_STEP_ROW && statement->run == RUN_STREAMING; rows++) {
        if (rows == DISCARD_ROWS && !db->transaction && !postgresql_cancel(db)) {
            postgresql_lost(db, err);
            return true; /* they are not used; the next statement has a connection of its own */
        }
        step = statement_receive_row(statement, &failure);
    }
    /* What fails in rows that nobody has asked for is of no interest, unless it ended a transaction. */
    bool harmless = step != DB_STEP_FAILED || !(db->transaction || db->transaction_lost);
    if (!harmless)
        error_copy(err, &failure);
    return harmless;
}

/* ---- rows in memory ---- */

static void statement_buffer_row(struct postgresql_statement *statement)
{
    for (int i = 0; i < statement->columns.count; i++) {
        const struct postgresql_cell *cell = &statement->cells[i];
        int length = cell->bytes ? cell->length : -1;
        strbuf_append(&statement->rest, &length, sizeof(length));
        if (cell->bytes)
            strbuf_append(&statement->rest, cell->bytes, (size_t)length + 1); /* with its NUL */
    }
}

bool postgresql_buffer_open(struct postgresql_db *db, struct error *err)
{
    struct postgresql_statement *statement = db->open;
    if (!statement)
        return true;
    /* The row that is being looked at stays as it is. */
    PGresult *present = statement->row;
    struct postgresql_cell *cells = statement->cells;
    size_t count = (size_t)statement->columns.count;
    statement->row = NULL;
    statement->cells = xcalloc(count + 1, sizeof(*cells));
    statement->rest.ceiling = BUFFER_BYTES_MAX;
    struct error failure;
    enum db_step step;
    while ((step = statement_receive_row(statement, &failure)) == DB_STEP_ROW && !statement->rest.overflowed)
        statement_buffer_row(statement);
    if (statement->rest.overflowed) {
        error_set(&failure, ERROR_TOO_LARGE,
                  "More rows than fit into memory were read at once: ask for less.",
                  "一次读取的数据超出内存上限，请缩小范围。");
        statement_discard_rest(statement, NULL);
        strbuf_release(&statement->rest);
        step = DB_STEP_FAILED;
    }
    if (step == DB_STEP_FAILED) {
        statement->rest_failure = xmalloc(sizeof(*statement->rest_failure));
        error_copy(statement->rest_failure, &failure);
    }
    free(statement->cells);
    statement->cells = cells;
    statement->row = present;
    statement->run = RUN_BUFFERED;
    statement->rest_at = 0;
    if (db->connection)
        return true;
    return error_set(err, ERROR_UNAVAILABLE,
                     "The connection to the database was lost. Try again in a moment.",
                     "与数据库的连接已断开，请稍后重试。");
}

static enum db_step statement_next_buffered(struct postgresql_statement *statement, struct error *err)
{
    PQclear(statement->row);
    statement->row = NULL;
    if (statement->rest_at < statement->rest.length) {
        for (int i = 0; i < statement->columns.count; i++) {
            int length;
            const char *at = statement->rest.bytes + statement->rest_at;
            memcpy(&length, at, sizeof(length));
            statement->cells[i] = (struct postgresql_cell){length < 0 ? NULL : at + sizeof(length), length};
            statement->rest_at += sizeof(length) + (length < 0 ? 0 : (size_t)length + 1);
        }
        return DB_STEP_ROW;
    }
    statement->run = RUN_OVER;
    if (!statement->rest_failure)
        return DB_STEP_END;
    error_copy(err, statement->rest_failure);
    return DB_STEP_FAILED;
}

/* ---- steps ---- */

/* A read whose connection had died since it was used last is tried once more on a new one. */
static enum db_step statement_first_step(struct postgresql_statement *statement, struct error *err)
{
    struct postgresql_db *db = postgresql_of(statement->base.db);
    uint64_t generation = db->connection ? db->generation : 0;
    enum db_step step = DB_STEP_FAILED;
    for (int tries = 0; tries < 2; tries++) {
        statement->run = RUN_BOUND;
        step = statement_send(statement, err) ? statement_receive_row(statement, err) : DB_STEP_FAILED;
        bool died = step == DB_STEP_FAILED && !db->connection && generation != 0 && db->role == DB_READER &&
                    db->base.in_use_count == 1;
        if (!died)
            break;
        generation = 0;
    }
    statement->arguments = NULL;
    return step;
}

enum db_step postgresql_step(struct db_statement *base, struct error *err)
{
    struct postgresql_statement *statement = postgresql_statement_of(base);
    struct error local;
    err = err ? err : &local;
    enum db_step step;
    switch (statement->run) {
    case RUN_BOUND: step = statement_first_step(statement, err); break;
    case RUN_STREAMING: step = statement_receive_row(statement, err); break;
    case RUN_BUFFERED: step = statement_next_buffered(statement, err); break;
    default: return DB_STEP_END;
    }
    if (!statement->insert)
        return step;
    /* What an insert gives back are its ids, and no rows of its caller. */
    while (step == DB_STEP_ROW) {
        if (statement->id_count == statement->id_room) {
            statement->id_room = statement->id_room ? 2 * statement->id_room : 8;
            statement->ids = xrealloc(statement->ids, statement->id_room * sizeof(statement->ids[0]));
        }
        statement->ids[statement->id_count++] =
            postgresql_decode_int(&statement->cells[0], statement->columns.types[0]);
        step = statement->run == RUN_BUFFERED ? statement_next_buffered(statement, err)
                                              : statement_receive_row(statement, err);
    }
    return step;
}

bool postgresql_reset(struct db_statement *base, struct error *err)
{
    struct postgresql_statement *statement = postgresql_statement_of(base);
    struct postgresql_db *db = postgresql_of(base->db);
    bool done = true;
    if (statement->run == RUN_STREAMING && db->open == statement && db->connection)
        done = statement_discard_rest(statement, err);
    PQclear(statement->row);
    statement->row = NULL;
    if (statement->rest.capacity > 0)
        strbuf_release(&statement->rest);
    statement->rest_at = 0;
    free(statement->rest_failure);
    statement->rest_failure = NULL;
    statement->arguments = NULL;
    statement->run = RUN_IDLE;
    return done;
}

int64_t postgresql_changed(struct db_statement *statement)
{
    return postgresql_statement_of(statement)->changed;
}

/* RETURNING gives them in the order of the rows of VALUES. */
void postgresql_inserted_ids(struct db_statement *base, size_t count, int64_t *ret_ids)
{
    const struct postgresql_statement *statement = postgresql_statement_of(base);
    assert(statement->id_count == count);
    memcpy(ret_ids, statement->ids, count * sizeof(*ret_ids));
}

int postgresql_column_count(struct db_statement *statement)
{
    return postgresql_statement_of(statement)->columns.count;
}

const char *postgresql_column_name(struct db_statement *statement, int column)
{
    return postgresql_statement_of(statement)->columns.names[column];
}
