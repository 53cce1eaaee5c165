#include "store/change_feed.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "store/driver.h"

#define ROWS_AT_ONCE 1000

static int id_range_by_first(const void *a, const void *b)
{
    const struct id_range *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

size_t id_ranges_tidy(struct id_range *ranges, size_t count)
{
    size_t last = 0;
    if (count < 2)
        return count;
    qsort(ranges, count, sizeof(ranges[0]), id_range_by_first);
    for (size_t i = 1; i < count; i++) {
        struct id_range range = ranges[i];
        if (range.first > ranges[last].last + 1)
            ranges[++last] = range;
        else if (range.last > ranges[last].last)
            ranges[last].last = range.last;
    }
    return last + 1;
}

static const char SQL_LATEST[] =
    "SELECT sequence, stamp FROM qa_pairs_changes ORDER BY sequence DESC LIMIT 1";

bool change_feed_latest(struct db *db, struct change_place *ret_latest, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    *ret_latest = (struct change_place){0};
    if (!db_query(db, SQL_LATEST, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows))
        *ret_latest = (struct change_place){db_column_int(&rows, 0), db_column_int(&rows, 1)};
    return db_done(&rows, err);
}

/* "12-500 733". False: it has another form. */
static bool change_feed_parse_ranges(struct changes *changes, size_t *room, const char *text,
                                     struct arena *arena)
{
    for (const char *at = text; *at; at += strspn(at, " ")) {
        char *end;
        int64_t first = strtoll(at, &end, 10), last = first;
        if (end == at)
            return false;
        at = end;
        if (*at == '-') {
            last = strtoll(at + 1, &end, 10);
            if (end == at + 1)
                return false;
            at = end;
        }
        if (changes->count == *room) {
            *room = *room ? 2 * *room : 64;
            struct id_range *larger = arena_alloc(arena, *room * sizeof(*larger));
            if (changes->count > 0)
                memcpy(larger, changes->ranges, changes->count * sizeof(*larger));
            changes->ranges = larger;
        }
        changes->ranges[changes->count++] = (struct id_range){first, last};
    }
    return true;
}

static const char SQL_CHANGES[] = "SELECT sequence, stamp, pairs FROM qa_pairs_changes WHERE sequence >= $1"
                                  " ORDER BY sequence LIMIT $2";

/* One row of it. The row of the place itself proves that it is still this store's: a database that went on from an
 * older copy of itself gives the same numbers to other changes. False: what has changed is not known. */
static bool change_feed_take_row(const struct db_rows *rows, struct changes *changes, size_t *room,
                                 struct arena *arena)
{
    struct change_place place = {db_column_int(rows, 0), db_column_int(rows, 1)};
    if (place.sequence == changes->read_to.sequence)
        return place.stamp == changes->read_to.stamp;
    if (place.sequence != changes->read_to.sequence + 1 ||
        !change_feed_parse_ranges(changes, room, db_column_text(rows, 2), arena))
        return false;
    changes->read_to = place;
    return true;
}

bool change_feed_read(struct db *db, const struct change_place *since, struct arena *arena,
                      struct changes *ret_changes, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    size_t room = 0;
    int64_t count = 0;
    *ret_changes = (struct changes){.read_to = *since};
    if (!db_query(db, SQL_CHANGES, DB_ARGS(db_int(since->sequence), db_int(ROWS_AT_ONCE)), &rows, err))
        return false;
    for (; db_next(&rows) && !ret_changes->too_old; count++) {
        bool is_first = count == 0 && db_column_int(&rows, 0) != since->sequence && since->sequence > 0;
        ret_changes->too_old = is_first || !change_feed_take_row(&rows, ret_changes, &room, arena);
    }
    ret_changes->more = count == ROWS_AT_ONCE;
    /* A connection that sees an earlier moment than another finds less than that one did. */
    ret_changes->too_old |= count == 0 && since->sequence > 0 && db->driver->reads_newest;
    if (ret_changes->too_old)
        return true;
    ret_changes->count = id_ranges_tidy(ret_changes->ranges, ret_changes->count);
    return db_done(&rows, err);
}
