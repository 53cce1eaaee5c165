/* Log rows that wait to be written. Putting one copies it into a chunk of memory under a short lock:
 * some 100 ns, since it happens for every request on an I/O thread. */
#ifndef KIMONO_TELEMETRY_LOG_QUEUE_H
#define KIMONO_TELEMETRY_LOG_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "telemetry/telemetry.h"

struct log_chunk;

/* What was taken: the records lie in the chunks. */
struct log_taken {
    struct log_chunk *chunks;
    const struct log_record **records; /* in order of arrival */
    size_t count, room;
    size_t bytes;          /* of the chunks */
    struct arena redacted; /* what was masked in records (log_redaction.h) */
};

struct log_queue {
    struct log_chunk *first, *last;
    size_t count;
    size_t bytes; /* also of what is taken and not released: that waits too */
};

/* Not locked: the owner's lock is held around each call. False when `bytes` would pass the ceiling. */
bool log_queue_put(struct log_queue *queue, const struct log_record *record, int64_t timestamp);
/* Moves all of the queue behind what was taken before. */
void log_queue_take(struct log_queue *queue, struct log_taken *taken);

/* The chunks' records into `records`, redacted; not under the lock, it takes a while. */
void log_taken_list(struct log_taken *taken);
/* Empty again; the owner takes `bytes` off the queue's first. */
void log_taken_release(struct log_taken *taken);

#endif
