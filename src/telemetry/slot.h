/* The key of a roll-up row, in memory and in every engine: an hour and the number of its names in one integer. */
#ifndef KIMONO_TELEMETRY_SLOT_H
#define KIMONO_TELEMETRY_SLOT_H

#include <stdint.h>

#include "base/clock.h"

/* slot = hours since 1970 (UTC) * 2^24 + key id. In SQLite one integer key makes an upsert 0.8 µs where a
 * composite key of a table without rowid takes 1.9 µs (measured, eight rows a statement), and an
 * hour's rows lie together at the end of the table, where they are written. */
#define SLOT_KEYS INT64_C(16777216)

static inline int64_t slot_of(int64_t timestamp, int64_t key_id)
{
    return timestamp / HOUR_MS * SLOT_KEYS + key_id;
}

static inline int64_t slot_hour(int64_t slot) /* the hour's number */
{
    return slot / SLOT_KEYS;
}

static inline int64_t slot_key(int64_t slot)
{
    return slot % SLOT_KEYS;
}

#endif
