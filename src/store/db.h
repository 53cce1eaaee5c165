/* The database, as everything above sees it: one small API, a driver for SQLite now and for
 * PostgreSQL later. The SQL text is the same for both: `$1` placeholders, ON CONFLICT, RETURNING, no
 * driver's own functions; what really differs lives in the driver.
 *
 * SQL stands as a named constant above its only user; statements are prepared once for each
 * connection and kept by the address of that constant, so the text must be static.
 *
 *     static const char SQL_NAME_OF_TENANT[] = "SELECT name FROM tenants WHERE id = $1";
 *     CLEANUP(db_rows_release) struct db_rows rows = {0};
 *     if (!db_query(db, SQL_NAME_OF_TENANT, DB_ARGS(db_text(id)), &rows, err))
 *         return false;
 *     while (db_next(&rows))
 *         use(db_column_text(&rows, 0));
 *     return db_done(&rows, err);
 */
#ifndef KIMONO_STORE_DB_H
#define KIMONO_STORE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/descriptor.h"
#include "base/error.h"

struct db;           /* one connection, used by one thread at a time */
struct db_statement; /* a prepared statement, owned by its connection */

enum db_type { DB_NULL, DB_INT, DB_REAL, DB_TEXT, DB_BYTES };

struct db_value {
    enum db_type type;
    union {
        int64_t integer;
        double real;
        struct {
            const void *bytes; /* must live until the call returns */
            size_t length;
        };
    };
};

struct db_value db_null(void);
struct db_value db_int(int64_t value);     /* INT_NULL: null */
struct db_value db_real(double value);     /* NaN: null */
struct db_value db_bool(bool value);       /* as 0 or 1 */
struct db_value db_text(const char *text); /* NULL: null */
struct db_value db_text_n(const char *text, size_t length);
struct db_value db_bytes(const void *bytes, size_t length); /* NULL: null */

#define DB_ARGS(...)                                                                                         \
    (const struct db_value[]){__VA_ARGS__},                                                                  \
        sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value)
#define DB_NO_ARGS NULL, 0

struct db_rows {
    struct db_statement *statement; /* NULL: none open */
    bool failed;
};

/* Runs one statement and opens its result. `ret_rows` must be empty ({0} or released). What the
 * statement changes (INSERT … RETURNING) is changed at the call, but some failures (references) show
 * only at its end: always ask db_done. */
bool db_query(struct db *db, const char *sql, const struct db_value *args, size_t arg_count,
              struct db_rows *ret_rows, struct error *err);
bool db_next(struct db_rows *rows); /* false at the end and on failure: db_done returns which */
bool db_done(struct db_rows *rows, struct error *err);
void db_rows_release(struct db_rows *rows); /* for CLEANUP; releasing twice is harmless */

/* The columns of the present row, from 0. Text and bytes live until the next db_next or release. */
bool db_column_null(const struct db_rows *rows, int column);
int64_t db_column_int(const struct db_rows *rows, int column);      /* null: INT_NULL */
double db_column_real(const struct db_rows *rows, int column);      /* null: NaN */
const char *db_column_text(const struct db_rows *rows, int column); /* null: NULL */
const void *db_column_bytes(const struct db_rows *rows, int column, size_t *ret_length);
/* For rows whose columns the caller has not named. */
int db_column_count(const struct db_rows *rows);
const char *db_column_name(const struct db_rows *rows, int column);
struct db_value db_column_value(const struct db_rows *rows, int column);

/* Reads the present row into a struct: each column goes to the descriptor's field of the same name
 * (a column of no field, or a field of no column, is left alone). Texts are copied to the arena. */
void db_read_row(const struct db_rows *rows, const struct descriptor *descriptor, void *object,
                 struct arena *arena);

/* One statement that gives no rows. `ret_changed` (may be NULL): rows that it changed. */
bool db_execute(struct db *db, const char *sql, const struct db_value *args, size_t arg_count,
                int64_t *ret_changed, struct error *err);
/* One row into a table whose key is {{id}}. RETURNING would do as well, at twice the price: SQLite keeps what
 * is returned in a table of its own. */
bool db_insert(struct db *db, const char *sql, const struct db_value *args, size_t arg_count, int64_t *ret_id,
               struct error *err);
/* Several rows into such a table, by one statement with `row_count` rows of VALUES, of which it may leave out none
 * (no ON CONFLICT). `ret_ids` gets the id of each, in the order of the rows; nothing else is known of them: the ids
 * of one statement need not follow each other, nor those of two in one work. */
bool db_insert_many(struct db *db, const char *sql, const struct db_value *args, size_t arg_count,
                    size_t row_count, int64_t *ret_ids, struct error *err);
/* The first row into a struct; `ret_found` false when there is none. */
bool db_find(struct db *db, const char *sql, const struct db_value *args, size_t arg_count,
             const struct descriptor *descriptor, void *object, struct arena *arena, bool *ret_found,
             struct error *err);
/* The first column of the first row; `ret_value` gets `fallback` when there is no row or null. */
bool db_find_int(struct db *db, const char *sql, const struct db_value *args, size_t arg_count,
                 int64_t fallback, int64_t *ret_value, struct error *err);

/* Many keys in one statement, which is one way to a database server and back instead of one for each row:
 * `WHERE id IN (" DB_LIST ")` asks for $1 to $50, and whatever else it asks for begins at $51. Those of a shorter list
 * are null (struct db_value is that when it is all zero), as no key is. Rows come in no order. */
#define DB_LIST_MAX 50
#define DB_LIST                                                                                              \
    "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, "  \
    "$23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, "   \
    "$43, $44, $45, $46, $47, $48, $49, $50"

/* On a connection that reads: all statements until the end see one moment of the store. */
bool db_snapshot_begin(struct db *db, struct error *err);
void db_snapshot_end(struct db *db);

/* Several statements in one text, not prepared, no arguments: for migrations and pragmas only. */
bool db_script(struct db *db, const char *sql, struct error *err);

/* Reads on this connection fail with ERROR_TIMEOUT after this instant (clock_monotonic_us);
 * 0: no limit. */
void db_set_deadline(struct db *db, int64_t monotonic_us);

#endif
