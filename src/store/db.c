#include "store/db.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "store/driver.h"
#include "store/statement_log.h"

static const struct {
    const char *prefix; /* of the path; the last is "" */
    const struct db_driver *driver;
} drivers[] = {
    {"postgresql://", &postgresql_driver},
    {"postgres://", &postgresql_driver},
    {"", &sqlite_driver},
};

const struct db_driver *db_driver_for(const char *path)
{
    size_t i = 0;
    while (strncmp(path, drivers[i].prefix, strlen(drivers[i].prefix)) != 0)
        i++;
    return drivers[i].driver;
}

bool db_open(const struct db_open_options *options, struct db **ret_db, struct error *err)
{
    return db_driver_for(options->path)->open(options, ret_db, err);
}

void db_close(struct db *db)
{
    if (!db)
        return;
    db_statements_close(db);
    db->driver->close(db);
}

bool db_transaction(struct db *db, enum db_verb verb, struct error *err)
{
    return db->driver->transaction(db, verb, err);
}

void error_copy(struct error *to, const struct error *from)
{
    if (!to || to == from)
        return;
    size_t set = offsetof(struct error, fields) + from->field_count * sizeof(from->fields[0]);
    memcpy(to, from, set);
}

struct db_value db_null(void)
{
    return (struct db_value){.type = DB_NULL};
}

struct db_value db_int(int64_t value)
{
    return value == INT_NULL ? db_null() : (struct db_value){.type = DB_INT, .integer = value};
}

struct db_value db_real(double value)
{
    return isnan(value) ? db_null() : (struct db_value){.type = DB_REAL, .real = value};
}

struct db_value db_bool(bool value)
{
    return (struct db_value){.type = DB_INT, .integer = value};
}

struct db_value db_text(const char *text)
{
    return text ? db_text_n(text, strlen(text)) : db_null();
}

struct db_value db_text_n(const char *text, size_t length)
{
    if (!text)
        return db_null();
    return (struct db_value){.type = DB_TEXT, .bytes = text, .length = length};
}

struct db_value db_bytes(const void *bytes, size_t length)
{
    if (!bytes)
        return db_null();
    return (struct db_value){.type = DB_BYTES, .bytes = bytes, .length = length};
}

void db_set_deadline(struct db *db, int64_t monotonic_us)
{
    db->deadline_us = monotonic_us;
}

/* What has taken more memory than it may gets no more rows and changes nothing (base/arena.h). */
static bool db_is_within_memory(struct error *err)
{
    return !arena_overrun() ||
           error_set(
               err, ERROR_TOO_LARGE,
               "This takes more memory than one request or job may: ask for less at once, with a smaller "
               "page or a narrower filter.",
               "所需内存超过单个请求或任务的上限：请减小每页条数或缩小筛选范围。");
}

/* Whether another statement may begin on this connection now. */
static bool db_may_begin(struct db *db, struct error *err)
{
    if (!db_is_within_memory(err))
        return false;
    if (db->deadline_us && clock_monotonic_us() >= db->deadline_us)
        return error_set(err, ERROR_TIMEOUT, "Reading the store took too long.", "读取数据超时。");
    if (db->work_failed)
        return error_set(err, ERROR_INTERNAL,
                         "A statement of this change has failed: nothing more of it is done.",
                         "该更改中已有语句失败，不再继续执行。");
    if (db->needs_transaction && !db->driver->in_transaction(db))
        return error_set(err, ERROR_INTERNAL,
                         "The database took the transaction back; nothing of it was kept.",
                         "数据库已撤销该事务，未保存任何更改。");
    return true;
}

/* PostgreSQL takes no statement after one that failed until the transaction has been taken back; SQLite would, so
 * it is refused here. */
void db_note_failure(struct db *db)
{
    db->work_failed |= db->needs_transaction;
}

/* Begins a statement and takes its first step, so that what it changes is changed, and what fails
 * fails, at the place of the call; the same in every driver. */
static bool db_statement_begin(struct db *db, const char *sql, bool insert, const struct db_value *args,
                               size_t arg_count, bool copy, struct db_rows *rows, struct error *err)
{
    struct db_statement *statement;
    if (!db_may_begin(db, err))
        return false;
    if (!db_statement_take(db, sql, insert, &statement, err)) {
        db_note_failure(db);
        return false;
    }
    enum db_step step = DB_STEP_FAILED;
    if (db->driver->bind(statement, args, arg_count, copy, err))
        step = db->driver->step(statement, err);
    if (step == DB_STEP_FAILED) {
        db_note_failure(db);
        db_statement_give(statement, NULL);
        return false;
    }
    if (!statement->was_logged)
        statement_log(db->driver->name, sql);
    statement->was_logged = true;
    statement->state = step == DB_STEP_ROW ? STATEMENT_ROW_WAITS : STATEMENT_OVER;
    *rows = (struct db_rows){.statement = statement};
    return true;
}

static void db_rows_fail(struct db_rows *rows, const struct error *err)
{
    struct db_statement *statement = rows->statement;
    if (!statement->failure)
        statement->failure = xmalloc(sizeof(*statement->failure));
    error_copy(statement->failure, err);
    statement->state = STATEMENT_OVER;
    rows->failed = true;
}

bool db_query(struct db *db, const char *sql, const struct db_value *args, size_t arg_count,
              struct db_rows *ret_rows, struct error *err)
{
    assert(!ret_rows->statement);
    return db_statement_begin(db, sql, false, args, arg_count, true, ret_rows, err);
}

bool db_next(struct db_rows *rows)
{
    struct db_statement *statement = rows->statement;
    if (!statement)
        return false;
    if (statement->state == STATEMENT_ROW_WAITS) {
        statement->state = STATEMENT_AT_ROW;
        return true;
    }
    if (statement->state != STATEMENT_AT_ROW)
        return false;
    struct error err;
    if (!db_is_within_memory(&err)) {
        db_rows_fail(rows, &err);
        return false;
    }
    switch (statement->db->driver->step(statement, &err)) {
    case DB_STEP_ROW: return true;
    case DB_STEP_END: statement->state = STATEMENT_OVER; return false;
    default:
        db_note_failure(statement->db);
        db_rows_fail(rows, &err);
        return false;
    }
}

bool db_done(struct db_rows *rows, struct error *err)
{
    struct db_statement *statement = rows->statement;
    if (!statement)
        return error_set(err, ERROR_INTERNAL, "The query had not begun.", "查询尚未开始。");
    *rows = (struct db_rows){0};
    if (!statement->failure) {
        struct db *db = statement->db;
        if (db_statement_give(statement, err))
            return db_is_within_memory(err);
        db_note_failure(db);
        return false;
    }
    error_copy(err, statement->failure);
    db_statement_give(statement, NULL);
    return false;
}

void db_rows_release(struct db_rows *rows)
{
    if (rows->statement)
        db_statement_give(rows->statement, NULL);
    *rows = (struct db_rows){0};
}

static struct db_statement *db_statement_at_row(const struct db_rows *rows)
{
    assert(rows->statement && rows->statement->state == STATEMENT_AT_ROW);
    return rows->statement;
}

bool db_column_null(const struct db_rows *rows, int column)
{
    struct db_statement *statement = db_statement_at_row(rows);
    return statement->db->driver->column_null(statement, column);
}

int64_t db_column_int(const struct db_rows *rows, int column)
{
    struct db_statement *statement = db_statement_at_row(rows);
    const struct db_driver *driver = statement->db->driver;
    return driver->column_null(statement, column) ? INT_NULL : driver->column_int(statement, column);
}

double db_column_real(const struct db_rows *rows, int column)
{
    struct db_statement *statement = db_statement_at_row(rows);
    const struct db_driver *driver = statement->db->driver;
    return driver->column_null(statement, column) ? NAN : driver->column_real(statement, column);
}

const char *db_column_text(const struct db_rows *rows, int column)
{
    struct db_statement *statement = db_statement_at_row(rows);
    const struct db_driver *driver = statement->db->driver;
    return driver->column_null(statement, column) ? NULL : driver->column_text(statement, column);
}

const void *db_column_bytes(const struct db_rows *rows, int column, size_t *ret_length)
{
    struct db_statement *statement = db_statement_at_row(rows);
    const struct db_driver *driver = statement->db->driver;
    if (!driver->column_null(statement, column))
        return driver->column_bytes(statement, column, ret_length);
    *ret_length = 0;
    return NULL;
}

int db_column_count(const struct db_rows *rows)
{
    struct db_statement *statement = db_statement_at_row(rows);
    return statement->db->driver->column_count(statement);
}

const char *db_column_name(const struct db_rows *rows, int column)
{
    struct db_statement *statement = db_statement_at_row(rows);
    return statement->db->driver->column_name(statement, column);
}

struct db_value db_column_value(const struct db_rows *rows, int column)
{
    struct db_statement *statement = db_statement_at_row(rows);
    const struct db_driver *driver = statement->db->driver;
    struct db_value value = {.type = driver->column_type(statement, column)};
    switch (value.type) {
    case DB_INT: value.integer = driver->column_int(statement, column); break;
    case DB_REAL: value.real = driver->column_real(statement, column); break;
    case DB_TEXT:
    case DB_BYTES: value.bytes = driver->column_bytes(statement, column, &value.length); break;
    case DB_NULL: break;
    }
    return value;
}

static void field_read_text(const struct db_rows *rows, int column, void *slot, struct arena *arena)
{
    size_t length;
    const char *text = db_column_bytes(rows, column, &length);
    *(const char **)slot = text ? arena_strndup(arena, text, length) : NULL;
}

static void field_read_int(const struct db_rows *rows, int column, void *slot, struct arena *arena)
{
    (void)arena;
    *(int64_t *)slot = db_column_int(rows, column);
}

static void field_read_bool(const struct db_rows *rows, int column, void *slot, struct arena *arena)
{
    (void)arena;
    *(bool *)slot = !db_column_null(rows, column) && db_column_int(rows, column) != 0;
}

static void field_read_real(const struct db_rows *rows, int column, void *slot, struct arena *arena)
{
    (void)arena;
    *(double *)slot = db_column_real(rows, column);
}

/* By enum field_kind; a kind that has no row is not read from a column. */
static void (*const field_readers[])(const struct db_rows *, int, void *, struct arena *) = {
    [FIELD_TEXT] = field_read_text, [FIELD_INT] = field_read_int,   [FIELD_BOOL] = field_read_bool,
    [FIELD_REAL] = field_read_real, [FIELD_TIME] = field_read_int,  [FIELD_MONEY] = field_read_int,
    [FIELD_DAY] = field_read_int,   [FIELD_JSON] = field_read_text,
};

static const struct field *readable_field_named(const struct descriptor *descriptor, const char *name)
{
    for (size_t i = 0; i < descriptor->field_count; i++) {
        const struct field *field = &descriptor->fields[i];
        bool readable = field->kind < ARRAY_SIZE(field_readers) && field_readers[field->kind];
        if (readable && strcmp(field->name, name) == 0)
            return field;
    }
    return NULL;
}

static const struct column_map *column_map_for(struct db_statement *statement,
                                               const struct descriptor *descriptor)
{
    const struct db_driver *driver = statement->db->driver;
    struct column_map *map = &statement->map;
    int columns = driver->column_count(statement);
    if (map->descriptor == descriptor && map->columns == columns)
        return map;
    map->descriptor = descriptor;
    map->columns = columns;
    map->fields = xrealloc(map->fields, (size_t)columns * sizeof(struct field *));
    for (int column = 0; column < columns; column++)
        map->fields[column] = readable_field_named(descriptor, driver->column_name(statement, column));
    return map;
}

void db_read_row(const struct db_rows *rows, const struct descriptor *descriptor, void *object,
                 struct arena *arena)
{
    const struct column_map *map = column_map_for(db_statement_at_row(rows), descriptor);
    for (int column = 0; column < map->columns; column++) {
        const struct field *field = map->fields[column];
        if (field)
            field_readers[field->kind](rows, column, (char *)object + field->offset, arena);
    }
}

bool db_execute(struct db *db, const char *sql, const struct db_value *args, size_t arg_count,
                int64_t *ret_changed, struct error *err)
{
    struct db_rows rows = {0};
    if (!db_statement_begin(db, sql, false, args, arg_count, false, &rows, err))
        return false;
    while (db_next(&rows))
        ;
    int64_t changed = db->driver->changed(rows.statement);
    if (!db_done(&rows, err))
        return false;
    if (ret_changed)
        *ret_changed = changed;
    return true;
}

bool db_insert_many(struct db *db, const char *sql, const struct db_value *args, size_t arg_count,
                    size_t row_count, int64_t *ret_ids, struct error *err)
{
    struct db_rows rows = {0};
    if (!db_statement_begin(db, sql, true, args, arg_count, false, &rows, err))
        return false;
    while (db_next(&rows))
        ;
    const struct db_driver *driver = db->driver;
    bool complete = driver->changed(rows.statement) == (int64_t)row_count;
    if (complete)
        driver->inserted_ids(rows.statement, row_count, ret_ids);
    if (!db_done(&rows, err))
        return false;
    return complete || error_set(err, ERROR_INTERNAL, "Not %zu rows were inserted: %.200s",
                                 "插入的行数不是 %zu：%.200s", row_count, sql);
}

bool db_insert(struct db *db, const char *sql, const struct db_value *args, size_t arg_count, int64_t *ret_id,
               struct error *err)
{
    return db_insert_many(db, sql, args, arg_count, 1, ret_id, err);
}

bool db_find(struct db *db, const char *sql, const struct db_value *args, size_t arg_count,
             const struct descriptor *descriptor, void *object, struct arena *arena, bool *ret_found,
             struct error *err)
{
    struct db_rows rows = {0};
    if (!db_statement_begin(db, sql, false, args, arg_count, false, &rows, err))
        return false;
    bool found = db_next(&rows);
    if (found)
        db_read_row(&rows, descriptor, object, arena);
    if (!db_done(&rows, err))
        return false;
    *ret_found = found;
    return true;
}

bool db_find_int(struct db *db, const char *sql, const struct db_value *args, size_t arg_count,
                 int64_t fallback, int64_t *ret_value, struct error *err)
{
    struct db_rows rows = {0};
    if (!db_statement_begin(db, sql, false, args, arg_count, false, &rows, err))
        return false;
    int64_t value = db_next(&rows) ? db_column_int(&rows, 0) : INT_NULL;
    if (!db_done(&rows, err))
        return false;
    *ret_value = value == INT_NULL ? fallback : value;
    return true;
}

bool db_snapshot_begin(struct db *db, struct error *err)
{
    return db_transaction(db, DB_SNAPSHOT, err);
}

void db_snapshot_end(struct db *db)
{
    int64_t deadline_us = db->deadline_us;
    db->deadline_us = 0; /* it ends after the deadline too */
    db_transaction(db, DB_ROLLBACK, NULL);
    db->deadline_us = deadline_us;
}

bool db_script(struct db *db, const char *sql, struct error *err)
{
    bool done = db->driver->script(db, sql, err);
    if (!done)
        db_note_failure(db);
    return done;
}
