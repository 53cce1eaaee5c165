/* Writing to one day's file: what runs on its store's writer thread, and what that thread remembers
 * between two commits (ids of the dictionaries, totals of the roll-ups, request ids).
 *
 * What is remembered is true only as long as nobody else has written. Each commit puts a fresh stamp
 * into the file's day_info; each transaction begins by comparing it with the stamp remembered. They
 * differ after another process has committed, and after a commit of our own that failed (the file
 * still has the old stamp): then everything is forgotten and read anew when needed. So memory is
 * never ahead of what is durable, without a notice of the failure having to reach this thread. */
#ifndef KIMONO_TELEMETRY_DAY_WRITER_H
#define KIMONO_TELEMETRY_DAY_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/db.h"
#include "telemetry/usage_row.h"

struct day_writer;

struct day_writer *day_writer_new(void);
void day_writer_free(struct day_writer *writer); /* takes NULL */

/* One call of day_writer_write: rows of one day. */
struct day_batch {
    struct day_writer *writer;
    const struct usage_row *usage;
    size_t usage_count;
    const struct log_row *logs;
    size_t log_count;
    bool from_outside;  /* a request id counts once; origin 1 */
    bool defer_rollups; /* for the loader: roll-ups stay in memory … */
    bool put_rollups;   /* … until a batch says so */
    size_t duplicates;  /* out: usage rows left out for a request id that is there already */
    int64_t revision;   /* out: of the file, once committed */
};

/* A store_work; `context` is the struct day_batch. */
bool day_writer_write(struct db *db, void *context, struct error *err);

#endif
