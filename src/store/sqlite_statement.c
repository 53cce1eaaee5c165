/* Statements of SQLite, and the columns of their rows. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "store/sqlite_private.h"

static sqlite3_stmt *sqlite_handle_of(struct db_statement *statement)
{
    return ((struct sqlite_statement *)statement)->handle;
}

bool sqlite_script(struct db *base, const char *sql, struct error *err)
{
    struct sqlite_db *db = sqlite_of(base);
    int result = SQLITE_OK;
    while (result == SQLITE_OK && *sql != '\0') {
        sqlite3_stmt *handle; /* NULL for a comment */
        result = sqlite3_prepare_v2(db->handle, sql, -1, &handle, &sql);
        while (result == SQLITE_OK && handle && (result = sqlite3_step(handle)) == SQLITE_ROW)
            result = SQLITE_OK;
        bool done = result == SQLITE_OK || result == SQLITE_DONE || sqlite_failed(db, result, err);
        sqlite3_finalize(handle);
        if (!done)
            return false;
        result = SQLITE_OK;
    }
    return true;
}

/* To SQLite $1 is a name like $tenant; which argument each parameter takes is found once, here. */
static bool sqlite_resolve_parameters(struct sqlite_statement *statement)
{
    for (int i = 0; i < statement->parameter_count; i++) {
        const char *name = sqlite3_bind_parameter_name(statement->handle, i + 1);
        char *end = NULL;
        long number = name && name[0] == '$' ? strtol(name + 1, &end, 10) : 0;
        if (number < 1 || number > 999 || *end != '\0')
            return false;
        statement->arguments[i] = (int)number - 1;
        if (number > statement->argument_count)
            statement->argument_count = (int)number;
    }
    return true;
}

bool sqlite_prepare(struct db *base, const char *sql, bool insert, struct db_statement **ret,
                    struct error *err)
{
    (void)insert; /* SQLite notes the id of every row that is inserted */
    struct sqlite_db *db = sqlite_of(base);
    sqlite3_stmt *handle;
    const char *rest;
    int result = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, &rest);
    if (result != SQLITE_OK)
        return sqlite_failed(db, result, err);
    int parameters = sqlite3_bind_parameter_count(handle);
    struct sqlite_statement *statement = xcalloc(1, sizeof(*statement) + (size_t)parameters * sizeof(int));
    statement->handle = handle;
    statement->parameter_count = parameters;
    if (handle && rest[strspn(rest, " \t\n;")] == '\0' && sqlite_resolve_parameters(statement)) {
        *ret = &statement->base;
        return true;
    }
    sqlite3_finalize(handle);
    free(statement);
    return error_set(err, ERROR_INTERNAL, "Not one statement with parameters $1, $2 …: %.200s",
                     "不是带 $1、$2 … 参数的单条语句：%.200s", sql);
}

void sqlite_finalize(struct db_statement *statement)
{
    sqlite3_finalize(sqlite_handle_of(statement));
    free(statement);
}

static int sqlite_bind_value(sqlite3_stmt *handle, int parameter, const struct db_value *value,
                             sqlite3_destructor_type keep)
{
    switch (value->type) {
    case DB_INT: return sqlite3_bind_int64(handle, parameter, value->integer);
    case DB_REAL: return sqlite3_bind_double(handle, parameter, value->real);
    case DB_TEXT:
        return sqlite3_bind_text64(handle, parameter, value->bytes, value->length, keep, SQLITE_UTF8);
    case DB_BYTES: return sqlite3_bind_blob64(handle, parameter, value->bytes, value->length, keep);
    default: return sqlite3_bind_null(handle, parameter);
    }
}

bool sqlite_bind(struct db_statement *base, const struct db_value *args, size_t count, bool copy,
                 struct error *err)
{
    struct sqlite_statement *statement = (struct sqlite_statement *)base;
    if (count != (size_t)statement->argument_count)
        return error_set(err, ERROR_INTERNAL, "%d arguments wanted, %zu given: %.200s",
                         "需要 %d 个参数，给出 %zu 个：%.200s", statement->argument_count, count, base->text);
    for (int i = 0; i < statement->parameter_count; i++) {
        const struct db_value *value = &args[statement->arguments[i]];
        statement->holds_bytes |= value->type == DB_TEXT || value->type == DB_BYTES;
        int result =
            sqlite_bind_value(statement->handle, i + 1, value, copy ? SQLITE_TRANSIENT : SQLITE_STATIC);
        if (result != SQLITE_OK)
            return sqlite_failed(sqlite_of(base->db), result, err);
    }
    return true;
}

enum db_step sqlite_step(struct db_statement *statement, struct error *err)
{
    int result = sqlite3_step(sqlite_handle_of(statement));
    if (result == SQLITE_ROW)
        return DB_STEP_ROW;
    if (result == SQLITE_DONE)
        return DB_STEP_END;
    sqlite_failed(sqlite_of(statement->db), result, err);
    return DB_STEP_FAILED;
}

bool sqlite_reset(struct db_statement *base, struct error *err)
{
    struct sqlite_statement *statement = (struct sqlite_statement *)base;
    int result = sqlite3_reset(statement->handle);
    bool done = result == SQLITE_OK || (err && sqlite_failed(sqlite_of(base->db), result, err));
    if (statement->holds_bytes) /* they may be large, or not live any longer */
        sqlite3_clear_bindings(statement->handle);
    statement->holds_bytes = false;
    return done;
}

int64_t sqlite_changed(struct db_statement *statement)
{
    /* For a statement that only reads this would be the count of the one before. */
    sqlite3_stmt *handle = sqlite_handle_of(statement);
    return sqlite3_stmt_readonly(handle) ? 0 : sqlite3_changes64(sqlite3_db_handle(handle));
}

/* Within one statement AUTOINCREMENT gives each row the id after the one before it, and no other connection writes
 * meanwhile. (RETURNING was measured: 25 µs for a row of knowledge with its indexes instead of 20.) */
void sqlite_inserted_ids(struct db_statement *statement, size_t count, int64_t *ret_ids)
{
    int64_t last = sqlite3_last_insert_rowid(sqlite_of(statement->db)->handle);
    for (size_t i = 0; i < count; i++)
        ret_ids[i] = last - (int64_t)(count - 1 - i);
}

/* ---- columns ---- */

int sqlite_column_count(struct db_statement *statement)
{
    return sqlite3_column_count(sqlite_handle_of(statement));
}

const char *sqlite_column_name(struct db_statement *statement, int column)
{
    return sqlite3_column_name(sqlite_handle_of(statement), column);
}

enum db_type sqlite_column_type(struct db_statement *statement, int column)
{
    switch (sqlite3_column_type(sqlite_handle_of(statement), column)) {
    case SQLITE_INTEGER: return DB_INT;
    case SQLITE_FLOAT: return DB_REAL;
    case SQLITE_TEXT: return DB_TEXT;
    case SQLITE_BLOB: return DB_BYTES;
    default: return DB_NULL;
    }
}

bool sqlite_column_null(struct db_statement *statement, int column)
{
    return sqlite3_column_type(sqlite_handle_of(statement), column) == SQLITE_NULL;
}

int64_t sqlite_column_int(struct db_statement *statement, int column)
{
    return sqlite3_column_int64(sqlite_handle_of(statement), column);
}

double sqlite_column_real(struct db_statement *statement, int column)
{
    return sqlite3_column_double(sqlite_handle_of(statement), column);
}

const char *sqlite_column_text(struct db_statement *statement, int column)
{
    return (const char *)sqlite3_column_text(sqlite_handle_of(statement), column);
}

const void *sqlite_column_bytes(struct db_statement *statement, int column, size_t *ret_length)
{
    sqlite3_stmt *handle = sqlite_handle_of(statement);
    const void *bytes = sqlite3_column_blob(handle, column);
    *ret_length = (size_t)sqlite3_column_bytes(handle, column);
    return bytes ? bytes : ""; /* SQLite gives NULL for an empty one */
}
