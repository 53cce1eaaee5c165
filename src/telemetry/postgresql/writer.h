/* Writing to telemetry in PostgreSQL: what runs on the store's writer thread, and what that thread remembers between
 * two commits.
 *
 * Several processes write at the same time, and the roll-ups of the present hour are the same few rows for all of
 * them. If they were added up in one place, each commit would wait for all others', and what a process remembers
 * would be out of date after each. So every process writes in a lane of its own: raw rows, dictionaries and roll-ups of
 * a day are kept for each lane, readers add lanes up (they are as many as processes). No two processes wait for each
 * other, but where the same request id comes to both.
 *
 * That a lane is one process's alone is a matter of speed, not of right: each transaction locks its row of day_lanes
 * and compares its stamp with the one remembered. They differ after another process has written in the lane, and
 * after a commit of our own that failed: then everything is forgotten and read anew when needed. */
#ifndef KIMONO_TELEMETRY_POSTGRESQL_WRITER_H
#define KIMONO_TELEMETRY_POSTGRESQL_WRITER_H

#include "telemetry/engine.h"

struct lane_writer;

struct lane_writer *lane_writer_new(void);
void lane_writer_free(struct lane_writer *writer); /* takes NULL */

/* One call of lane_write_work. */
struct lane_write {
    struct lane_writer *writer;
    int64_t lane;
    int32_t day;
    struct day_batch *batch;
    bool absent; /* out: the lane has no such day, nothing was written */
    bool shared; /* out: another process has written in the lane */
};

/* A store_work; `context` is the struct lane_write. */
bool lane_write_work(struct db *db, void *context, struct error *err);

#endif
