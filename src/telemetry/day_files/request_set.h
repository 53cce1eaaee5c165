/* Which records came from outside into a day already, by their keys (once_key.h): one that is sent again counts once.
 *
 * An index in the file would be written at random places and cost more than the rows themselves. So
 * the set is in memory, built from the file's rows when first asked and kept up to date from there:
 * a fingerprint of 32 bits and the row's number for each key, 8 to 16 bytes a row. What has the same
 * fingerprint is compared with the row itself, so the answer is exact. */
#ifndef KIMONO_TELEMETRY_DAY_FILES_REQUEST_SET_H
#define KIMONO_TELEMETRY_DAY_FILES_REQUEST_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slot_table.h"
#include "store/db.h"
#include "telemetry/once_key.h"

struct request_set {
    struct slot_table table; /* of row ids, so a day's file has 2^31 such rows at most */
    int64_t seen;            /* rows up to this id are in the set */
};

/* Takes in the file's rows that are not in the set yet. */
bool request_set_catch_up(struct request_set *set, struct db *db, struct error *err);
/* Looks for the key among the file's rows and, `ret_row` beyond `seen`, among those that the caller
 * is about to insert: for these it is the caller who compares. 0: not there. */
struct slot_cursor request_set_lookup(const struct request_set *set, const struct once_key *key);
int64_t request_set_candidate(const struct request_set *set, struct slot_cursor *cursor);
void request_set_add(struct request_set *set, const struct once_key *key, int64_t row_id);
void request_set_forget(struct request_set *set);

/* Whether the row of the file has this key. */
bool request_set_confirm(struct db *db, int64_t row_id, const struct once_key *key, bool *ret_same,
                         struct error *err);

#endif
