/* Which pairs of knowledge have changed, in the order of commits: for what is kept of them in memory
 * (directory/directory.h). A change is there as soon as it can be seen, whichever process has made it; of a work
 * that was taken back nothing is. Works are serial, so a place in this order has nothing come up before it later.
 *
 * a hook on SQLite's writing connection gets each row that changes, and the transaction's last act is a row that names
 * them all (sqlite_changes.c). In PostgreSQL triggers write a row for each statement (postgresql_changes.c). */
#ifndef KIMONO_STORE_CHANGE_FEED_H
#define KIMONO_STORE_CHANGE_FEED_H

#include "store/db.h"

/* How far somebody has followed; {0}: from the beginning. */
struct change_place {
    int64_t sequence, stamp;
};

struct id_range {
    int64_t first, last;
};

struct changes {
    struct change_place read_to; /* the next time from here */
    struct id_range *ranges;     /* in order, none beside another: pairs that were changed, made or deleted */
    size_t count;
    bool more;    /* there is more behind `read_to` */
    bool too_old; /* what has changed is not known any more: read all pairs, from change_feed_latest on */
};

bool change_feed_latest(struct db *db, struct change_place *ret_latest, struct error *err);
/* What was committed behind `since`, or the first piece of it. */
bool change_feed_read(struct db *db, const struct change_place *since, struct arena *arena,
                      struct changes *ret_changes, struct error *err);

/* Puts ranges in order, those that meet or lie beside each other in one; the number that is left. */
size_t id_ranges_tidy(struct id_range *ranges, size_t count);

#endif
