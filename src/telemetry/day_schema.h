/* The schema of one day's file, as migrations (day_schema.c has every column commented), and how an
 * hour and a dictionary id are packed into the one integer that is a roll-up row's key. */
#ifndef KIMONO_TELEMETRY_DAY_SCHEMA_H
#define KIMONO_TELEMETRY_DAY_SCHEMA_H

#include <stdint.h>

#include "base/clock.h"
#include "store/migration.h"

extern const struct migration day_migrations[];
extern const size_t day_migration_count;

/* slot = hours since 1970 (UTC) * 2^24 + key id. One integer key makes an upsert 0.8 µs where a
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

/* The columns that every usage roll-up has, here and in the main store, in this order. */
#define SUM_COLUMNS                                                                                          \
    "calls, failed, unpriced, tokens_input, tokens_output, tokens_cached, latency_sum_ms,"                   \
    " cost_nano_cny, latency_histogram"

#endif
