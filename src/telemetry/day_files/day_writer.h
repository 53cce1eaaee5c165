/* Writing to one day's file: what runs on its store's writer thread, and what that thread remembers
 * between two commits (ids of the dictionaries, totals of the roll-ups, request ids).
 *
 * What is remembered is true only as long as nobody else has written. Each commit puts a fresh stamp
 * into the file's day_info; each transaction begins by comparing it with the stamp remembered. They
 * differ after another process has committed, and after a commit of our own that failed (the file
 * still has the old stamp): then everything is forgotten and read anew when needed. So memory is
 * never ahead of what is durable, without a notice of the failure having to reach this thread. */
#ifndef KIMONO_TELEMETRY_DAY_FILES_DAY_WRITER_H
#define KIMONO_TELEMETRY_DAY_FILES_DAY_WRITER_H

#include "store/db.h"
#include "telemetry/engine.h"

struct day_writer;

struct day_writer *day_writer_new(void);
void day_writer_free(struct day_writer *writer); /* takes NULL */

/* One call of day_writer_write. */
struct day_write {
    struct day_writer *writer;
    struct day_batch *batch;
    bool defer_rollups; /* for bulk loads: roll-ups stay in memory … */
    bool put_rollups;   /* … until a write says so */
};

/* A store_work; `context` is the struct day_write. */
bool day_writer_write(struct db *db, void *context, struct error *err);
/* Likewise, without a context: engine.h's group_logs. No row changes, so the revision stays. */
bool day_writer_group_logs(struct db *db, void *context, struct error *err);

#endif
