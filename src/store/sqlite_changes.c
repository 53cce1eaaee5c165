/* Which pairs of knowledge each transaction has changed, for what is kept of them in memory
 * (directory/directory.h), and which are new, for the full text: a hook on the writer's connection gets
 * every row, and before the commit one row of qa_pairs_changes lists them, for every process alike.
 * A trigger would cost 8 µs for each new pair: a statement that may fail half-way must be able to take back
 * what its triggers did. This costs a comparison. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "store/sqlite_private.h"

#define RANGES_MAX 20000 /* more become one that holds them all: readers skip what is equal */

static void changed_rows_make_one(struct changed_rows *changed)
{
    struct id_range all = changed->ranges[0];
    for (size_t i = 1; i < changed->count; i++) {
        struct id_range range = changed->ranges[i];
        all.first = range.first < all.first ? range.first : all.first;
        all.last = range.last > all.last ? range.last : all.last;
    }
    changed->ranges[0] = all;
    changed->count = 1;
}

/* The rows of one statement come one after the other, more often than not in order. `most_ranges`: of more, one
 * is made. */
static void changed_rows_note(struct changed_rows *changed, int64_t id, size_t most_ranges)
{
    struct id_range *last =
        changed->ranges && changed->count > 0 ? &changed->ranges[changed->count - 1] : NULL;
    if (last && id >= last->first && id <= last->last + 1) {
        last->last = id > last->last ? id : last->last;
        return;
    }
    if (last && changed->count == most_ranges)
        changed_rows_make_one(changed);
    if (!changed->ranges || changed->count == changed->room) {
        changed->room = changed->room ? changed->room * 2 : 64;
        changed->ranges = xrealloc(changed->ranges, changed->room * sizeof(changed->ranges[0]));
    }
    changed->ranges[changed->count++] = (struct id_range){id, id};
}

static void changes_on_update(void *context, int operation, const char *database, const char *table,
                              sqlite3_int64 id)
{
    (void)database;
    struct sqlite_db *db = context;
    if (strcmp(table, "qa_pairs") != 0)
        return;
    changed_rows_note(&db->changed, id, RANGES_MAX);
    if (operation == SQLITE_INSERT)
        changed_rows_note(&db->inserted, id, SIZE_MAX); /* none that is not new: it would be indexed twice */
}

static void changes_forget(struct sqlite_db *db)
{
    db->changed.count = db->inserted.count = 0;
}

/* A transaction that did not go through the writer (a migration) is over: whoever comes later reads all. */
static int changes_on_commit(void *context)
{
    changes_forget(context);
    return 0;
}

static void changes_on_rollback(void *context)
{
    changes_forget(context);
}

void sqlite_watch_changes(struct sqlite_db *db)
{
    sqlite3_update_hook(db->handle, changes_on_update, db);
    sqlite3_commit_hook(db->handle, changes_on_commit, db);
    sqlite3_rollback_hook(db->handle, changes_on_rollback, db);
}

static const char SQL_RECORD[] =
    "INSERT INTO qa_pairs_changes(sequence, stamp, pairs) SELECT COALESCE(MAX(sequence), 0) + 1, $1, $2"
    " FROM qa_pairs_changes";
/* Who has not looked for so many commits reads all pairs anew. A server looks every second. */
static const char SQL_FORGET_OLD[] =
    "DELETE FROM qa_pairs_changes WHERE sequence <= (SELECT MAX(sequence) FROM qa_pairs_changes) - 2000";

bool sqlite_record_changes(struct db *base, struct error *err)
{
    struct sqlite_db *db = sqlite_of(base);
    CLEANUP(strbuf_release) struct strbuf ranges = {0};
    if (db->changed.count == 0 || !base->driver->in_transaction(base))
        return true; /* a transaction that the disk has ended fails at its commit */
    db->changed.count = id_ranges_tidy(db->changed.ranges, db->changed.count);
    db->inserted.count = id_ranges_tidy(db->inserted.ranges, db->inserted.count);
    for (size_t i = 0; i < db->changed.count; i++) { /* "12-500 733" */
        struct id_range range = db->changed.ranges[i];
        strbuf_printf(&ranges, "%s%" PRId64, i > 0 ? " " : "", range.first);
        if (range.last > range.first)
            strbuf_printf(&ranges, "-%" PRId64, range.last);
    }
    if (!db_execute(base, SQL_RECORD, DB_ARGS(db_int(clock_now_ms() * 1000), db_text(strbuf_text(&ranges))),
                    NULL, err) ||
        !db_execute(base, SQL_FORGET_OLD, DB_NO_ARGS, NULL, err))
        return false;
    return sqlite_note_new_texts(base, &db->inserted, err);
}
