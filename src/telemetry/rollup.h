/* One roll-up table as a writer keeps it in memory: the rows touched lately, by slot, each with its totals in full.
 * Adding a call touches memory only; rollup_flush hands the rows that have changed to the engine, several at
 * once, in order of their slots.
 *
 * The totals in memory are absolute, so memory must never be older than what is stored: the engine's
 * writer compares a stamp at the beginning of each transaction and forgets everything if another
 * process has written, or if a commit of our own has failed. */
#ifndef KIMONO_TELEMETRY_ROLLUP_H
#define KIMONO_TELEMETRY_ROLLUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"
#include "base/slot_table.h"
#include "store/db.h"

struct usage_row;
struct rollup_map;

/* Rows kept in memory, some 300 bytes each. Beyond, a flush leaves only those of the newest hour. */
#define ROLLUP_ROWS_KEPT 65536

/* The integer columns of SUM_COLUMNS, in order. */
struct usage_sums {
    int64_t calls, failed, unpriced, estimated, aborted;
    int64_t tokens_input, tokens_output, tokens_cached;
    int64_t latency_sum_ms;
    int64_t cost_nano_cny, estimated_cost_nano_cny;
};

/* Saturates: a sum that does not fit stays at the largest number, and nothing wraps around. */
static inline int64_t sum_add(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

struct latency_count {
    uint64_t count;
    uint16_t bucket; /* of struct histogram */
};

struct rollup {
    int64_t slot;
    struct usage_sums sums;
    struct latency_count *latencies; /* buckets in use: some 20 to 80 of 465 */
    uint16_t latency_count, latency_room;
    bool dirty; /* differs from what is stored */
};

#define ROLLUP_COLUMNS 13 /* the slot and SUM_COLUMNS */

/* How an engine stores the table's rows; `context` is the map's. */
struct rollup_storage {
    size_t rows_at_once; /* that `put` takes at most */
    /* The highest slot; -1: there is no row. */
    bool (*find_newest)(struct db *db, void *context, int64_t *ret_slot, struct error *err);
    /* SUM_COLUMNS of the slot's row, if there is one. */
    bool (*query)(struct db *db, void *context, int64_t slot, struct db_rows *ret_rows, struct error *err);
    /* ROLLUP_COLUMNS values for each row: inserted, or put in the place of what is there. */
    bool (*put)(struct db *db, void *context, const struct db_value *values, size_t rows, struct error *err);
};

struct rollup_map {
    const struct rollup_storage *storage;
    void *context;
    struct rollup *rows;
    size_t count, room;
    struct slot_table table; /* of `rows`, by slot */
    uint32_t *dirty;         /* indices in `rows` */
    size_t dirty_count, dirty_room;
    int64_t complete_from; /* of this hour's number on, what is not here is not stored either */
};

/* `struct rollup_map map = {.storage = …, .context = …};` is empty; rollup_begin makes it ready. */
bool rollup_begin(struct rollup_map *map, struct db *db, struct error *err);
bool rollup_add(struct rollup_map *map, struct db *db, int64_t key_id, const struct usage_row *row,
                struct error *err);
bool rollup_flush(struct rollup_map *map, struct db *db, struct error *err);
void rollup_forget(struct rollup_map *map); /* frees everything */

/* The bucket of base/histogram.h for whole milliseconds. */
uint16_t latency_bucket(int64_t latency_ms);

#endif
