/* Migrations: an ordered list, one runner for all databases of the product (the main store and each
 * day of telemetry). Each step and its version are one transaction; step n brings a store from
 * version n-1 to n. A step that has been released is never changed: add a row.
 *
 * The SQL is one text for both drivers with these tokens:
 *   {{id}}     an automatically numbered 64-bit primary key      {{int}}  a 64-bit integer
 *   {{real}}   a double    {{bytes}} a byte string    {{json}} JSON as text
 *   {{without_rowid}}  at the end of a table whose primary key is how it is always read
 *   {{nulls_first}}    behind a column of an index that serves an order with NULLS FIRST
 * and with whole statements where the two have nothing in common:
 *   {{change_feed}}    what store/change_feed.h needs, behind the table qa_pairs
 *   {{full_text}}      what store/full_text.h needs, likewise */
#ifndef KIMONO_STORE_MIGRATION_H
#define KIMONO_STORE_MIGRATION_H

#include "store/db.h"

struct migration {
    const char *name; /* what it does, for the log */
    const char *sql;
};

/* Whether the database is one that these steps have made, of a version that the program has: else
 * ERROR_CONFLICT. `ret_version` 0: it is empty. Its first step's name is its kind. */
bool migration_check(struct db *db, const struct migration *migrations, size_t count, int64_t *ret_version,
                     struct error *err);
/* Brings the database to version `count`, after that check. */
bool migration_run(struct db *db, const struct migration *migrations, size_t count, struct error *err);
bool migration_version(struct db *db, int64_t *ret_version, struct error *err);

/* The main store (kimono.db): every table with every column commented. */
extern const struct migration main_migrations[];
extern const size_t main_migration_count;

#endif
