/* Many rows into one table in the fastest way that the database has: SQLite a prepared INSERT, PostgreSQL COPY. In a
 * work, as every change; between begin and end nothing else may be asked of the connection.
 *
 *     static const char *const columns[] = {"id", "name"};
 *     CLEANUP(db_bulk_release) struct db_bulk *bulk = NULL;
 *     if (!db_bulk_begin(db, "tenants", columns, ARRAY_SIZE(columns), &bulk, err))
 *         return false;
 *     for (…)
 *         if (!db_bulk_row(bulk, (struct db_value[]){db_text(id), db_text(name)}, err))
 *             return false;
 *     return db_bulk_end(bulk, NULL, err);
 *
 * A row that the table refuses fails the whole, at its row or at the end. Where ids are given (a column "id"), those
 * that the database makes afterwards come behind them. */
#ifndef KIMONO_STORE_BULK_INSERT_H
#define KIMONO_STORE_BULK_INSERT_H

#include "store/db.h"

#define BULK_COLUMNS_MAX 64

struct db_bulk;

/* The names must live until the release, and are constants of the program: they become part of the SQL. */
bool db_bulk_begin(struct db *db, const char *table, const char *const *columns, size_t column_count,
                   struct db_bulk **ret_bulk, struct error *err);
/* As many values as there are columns. */
bool db_bulk_row(struct db_bulk *bulk, const struct db_value *values, struct error *err);
/* Only then all rows are in the table. `ret_rows` may be NULL. */
bool db_bulk_end(struct db_bulk *bulk, int64_t *ret_rows, struct error *err);
void db_bulk_release(
    struct db_bulk **bulk); /* for CLEANUP; without an end nothing may be kept: the work must fail */

#endif
