/* Carrying what a store keeps into another, empty one, of whatever database, and proving that both keep the same.
 *
 * All rows go in one transaction, in which the digests of both sides are compared before it is committed: so the
 * other store has all of it or nothing, whatever ends the program. Nobody else writes to either store meanwhile, for
 * both are held as a work holds them. What a store makes for itself (full text, feed of changes, leases) is not
 * carried: the other one makes its own. */
#ifndef KIMONO_STORE_TRANSFER_H
#define KIMONO_STORE_TRANSFER_H

#include "store/store.h"

#define STORE_DIGEST_SIZE 16

struct store_table {
    const char *name;
    const char *key;  /* the columns of its primary key: in this order rows are carried and compared */
    bool is_numbered; /* its key is {{id}}: which number comes next is carried, too */
    bool is_seeded;   /* a new store has rows in it, which those that are carried replace */
    bool
        is_adopted; /* its rows name who recorded them, who is another one in the other store: never the same later */
};
/* Of the main store, each behind those that it refers to (schema.c). */
extern const struct store_table main_tables[];
extern const size_t main_table_count;
/* Those that every store makes for itself. NULL-terminated. */
extern const char *const main_tables_of_its_own[];

struct store_digest {
    int64_t rows;
    unsigned char hash[STORE_DIGEST_SIZE]; /* XXH3 of all values with their types, in order of the key */
};

/* Called when a table has been carried or compared; `to` differs from `from` only if store_compare finds so. */
typedef void (*store_transfer_told)(void *context, const struct store_table *table,
                                    const struct store_digest *from, const struct store_digest *to);

/* ERROR_CONFLICT with what it has, unless the store has no rows but those of a new one. */
bool store_is_empty(struct store *store, const struct store_table *tables, size_t count, struct error *err);
/* `finish` (may be NULL) is the last act of the transaction on `to`, after both sides were found to be the same.
 * ERROR_CONFLICT: the other store is not empty, or the rows that it has taken are not those that were given. */
bool store_transfer(struct store *from, struct store *to, const struct store_table *tables, size_t count,
                    store_transfer_told told, store_work finish, void *context, struct error *err);
/* Reads both, each at one moment, but for tables that are adopted. `ret_same`: they keep the same. */
bool store_compare(struct store *from, struct store *to, const struct store_table *tables, size_t count,
                   store_transfer_told told, void *context, bool *ret_same, struct error *err);

#endif
