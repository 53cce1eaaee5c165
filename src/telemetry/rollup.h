/* One roll-up table of a day's file as the writer keeps it in memory: the rows touched lately, by
 * slot, each with its totals in full. Adding a call touches memory only; rollup_flush writes the rows
 * that have changed, eight a statement, in order of their slots.
 *
 * The totals in memory are absolute, so memory must never be older than the file: day_writer.c
 * compares the file's stamp at the beginning of each transaction and forgets everything if another
 * process has written, or if a commit of our own has failed. */
#ifndef KIMONO_TELEMETRY_ROLLUP_H
#define KIMONO_TELEMETRY_ROLLUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"
#include "store/db.h"

struct usage_row;

/* Rows kept in memory, some 300 bytes each. Beyond, a flush leaves only those of the newest hour. */
#define ROLLUP_ROWS_KEPT 65536

enum rollup_table { ROLLUP_TENANTS, ROLLUP_PLATFORM }; /* usage_hourly, usage_platform_hourly */

/* The integer columns of SUM_COLUMNS, in order. */
struct usage_sums {
    int64_t calls, failed, unpriced;
    int64_t tokens_input, tokens_output, tokens_cached;
    int64_t latency_sum_ms;
    int64_t cost_nano_cny;
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
    bool dirty; /* differs from the file */
};

struct rollup_map {
    enum rollup_table table;
    struct rollup *rows;
    size_t count, room;
    uint32_t *places; /* by hash of the slot: index in `rows` + 1; 0: none */
    size_t place_count;
    uint32_t *dirty; /* indices in `rows` */
    size_t dirty_count, dirty_room;
    int64_t complete_from; /* of this hour's number on, what is not here is not in the file either */
};

/* `struct rollup_map map = {.table = …};` is empty; rollup_begin makes it ready for the file. */
bool rollup_begin(struct rollup_map *map, struct db *db, struct error *err);
bool rollup_add(struct rollup_map *map, struct db *db, int64_t key_id, const struct usage_row *row,
                struct error *err);
bool rollup_flush(struct rollup_map *map, struct db *db, struct error *err);
void rollup_forget(struct rollup_map *map); /* frees everything */

/* The bucket of base/histogram.h for whole milliseconds. */
uint16_t latency_bucket(int64_t latency_ms);

#endif
