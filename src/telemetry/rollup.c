#include "telemetry/rollup.h"

#include <pthread.h>
#include <string.h>

#include "base/memory.h"
#include "telemetry/slot.h"
#include "telemetry/usage_row.h"

#define LATENCIES_TABLED 16384 /* ms; longer ones are looked for */
#define LATENCY_CEILING (INT64_MAX / 2000)

/* ---- latency buckets ---- */

/* Latencies are whole milliseconds, so that the logarithm is taken once for each, not for each call. */
static uint16_t bucket_table[LATENCIES_TABLED];

static uint16_t latency_bucket_from(uint16_t bucket, int64_t latency_ms)
{
    struct histogram one = {0};
    histogram_add(&one, latency_ms * 1000);
    while (!one.counts[bucket])
        bucket++;
    return bucket;
}

static void latency_fill_table(void)
{
    uint16_t bucket = 0;
    for (int64_t ms = 0; ms < LATENCIES_TABLED; ms++) {
        bucket = latency_bucket_from(bucket, ms);
        bucket_table[ms] = bucket;
    }
}

uint16_t latency_bucket(int64_t latency_ms)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, latency_fill_table);
    if (latency_ms < 0)
        return 0;
    if (latency_ms < LATENCIES_TABLED)
        return bucket_table[latency_ms];
    return latency_bucket_from(bucket_table[LATENCIES_TABLED - 1],
                               latency_ms < LATENCY_CEILING ? latency_ms : LATENCY_CEILING);
}

static void rollup_add_latencies(struct rollup *row, uint16_t bucket, uint64_t count)
{
    for (uint16_t i = 0; i < row->latency_count; i++)
        if (row->latencies[i].bucket == bucket) {
            row->latencies[i].count += count;
            return;
        }
    if (row->latency_count == row->latency_room) {
        row->latency_room = (uint16_t)(row->latency_room ? row->latency_room * 2 : 4);
        row->latencies = xrealloc(row->latencies, row->latency_room * sizeof(*row->latencies));
    }
    row->latencies[row->latency_count++] = (struct latency_count){count, bucket};
}

/* `scratch` is all zero before and after. */
static size_t rollup_encode_latencies(const struct rollup *row, struct histogram *scratch,
                                      unsigned char *blob)
{
    for (uint16_t i = 0; i < row->latency_count; i++)
        scratch->counts[row->latencies[i].bucket] = row->latencies[i].count;
    size_t length = histogram_encode(scratch, blob);
    for (uint16_t i = 0; i < row->latency_count; i++)
        scratch->counts[row->latencies[i].bucket] = 0;
    return length;
}

/* ---- the map ---- */

static uint64_t rollup_hash(int64_t slot)
{
    return (uint64_t)slot * UINT64_C(0x9E3779B97F4A7C15) >> 32;
}

void rollup_forget(struct rollup_map *map)
{
    for (size_t i = 0; i < map->count; i++)
        free(map->rows[i].latencies);
    free(map->rows);
    slot_table_release(&map->table);
    free(map->dirty);
    *map = (struct rollup_map){.storage = map->storage, .context = map->context};
}

/* ---- stored rows ---- */

bool rollup_begin(struct rollup_map *map, struct db *db, struct error *err)
{
    int64_t newest;
    if (!map->storage->find_newest(db, map->context, &newest, err))
        return false;
    map->complete_from = newest < 0 ? 0 : slot_hour(newest) + 1;
    return true;
}

static bool rollup_read_latencies(const struct db_rows *rows, struct rollup *row, struct error *err)
{
    struct histogram histogram = {0};
    size_t length;
    const void *blob = db_column_bytes(rows, ROLLUP_COLUMNS - 2, &length);
    if (!histogram_merge_blob(&histogram, blob, length))
        return error_set(err, ERROR_INTERNAL,
                         "The histogram of roll-up %lld cannot be read: run kimono check.",
                         "汇总 %lld 的直方图无法读取：请运行 kimono check。", (long long)row->slot);
    for (uint16_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        if (histogram.counts[i])
            rollup_add_latencies(row, i, histogram.counts[i]);
    return true;
}

static bool rollup_load(struct rollup_map *map, struct db *db, struct rollup *row, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!map->storage->query(db, map->context, row->slot, &rows, err))
        return false;
    if (db_next(&rows)) {
        int64_t *sums = &row->sums.calls;
        for (int i = 0; i < ROLLUP_COLUMNS - 2; i++)
            sums[i] = db_column_int(&rows, i);
        if (!rollup_read_latencies(&rows, row, err))
            return false;
    }
    return db_done(&rows, err);
}

/* On failure a row may stay that was not read: the caller forgets the whole map then. */
static bool rollup_find(struct rollup_map *map, struct db *db, int64_t slot, struct rollup **ret_row,
                        struct error *err)
{
    struct slot_cursor cursor = slot_table_lookup(&map->table, rollup_hash(slot));
    for (uint32_t index; (index = slot_table_next(&map->table, &cursor)) != SLOT_NONE;)
        if (map->rows[index].slot == slot) {
            *ret_row = &map->rows[index];
            return true;
        }
    if (map->count == map->room) {
        map->room = map->room ? map->room * 2 : 64;
        map->rows = xrealloc(map->rows, map->room * sizeof(*map->rows));
    }
    slot_table_add(&map->table, rollup_hash(slot), (uint32_t)map->count);
    *ret_row = &map->rows[map->count++];
    **ret_row = (struct rollup){.slot = slot};
    return slot_hour(slot) >= map->complete_from || rollup_load(map, db, *ret_row, err);
}

/* ---- from outside ---- */

bool rollup_add(struct rollup_map *map, struct db *db, int64_t key_id, const struct usage_row *row,
                struct error *err)
{
    const struct usage_record *record = row->record;
    struct rollup *rollup;
    if (!rollup_find(map, db, slot_of(row->timestamp, key_id), &rollup, err))
        return false;
    struct usage_sums *sums = &rollup->sums;
    sums->calls++;
    sums->failed += record->outcome != USAGE_OK;
    sums->unpriced += row->price_version == 0;
    sums->estimated += record->estimated;
    sums->aborted += record->outcome == USAGE_ABORTED;
    sums->tokens_input = sum_add(sums->tokens_input, record->tokens_input);
    sums->tokens_output = sum_add(sums->tokens_output, record->tokens_output);
    sums->tokens_cached = sum_add(sums->tokens_cached, record->tokens_cached);
    sums->latency_sum_ms = sum_add(sums->latency_sum_ms, record->latency_ms);
    sums->cost_nano_cny = sum_add(sums->cost_nano_cny, row->cost_nano_cny);
    if (record->estimated)
        sums->estimated_cost_nano_cny = sum_add(sums->estimated_cost_nano_cny, row->cost_nano_cny);
    rollup_add_latencies(rollup, latency_bucket(record->latency_ms), 1);
    if (rollup->dirty)
        return true;
    rollup->dirty = true;
    if (map->dirty_count == map->dirty_room) {
        map->dirty_room = map->dirty_room ? map->dirty_room * 2 : 64;
        map->dirty = xrealloc(map->dirty, map->dirty_room * sizeof(*map->dirty));
    }
    map->dirty[map->dirty_count++] = (uint32_t)(rollup - map->rows);
    return true;
}

/* Memory for the rows of one `rollup_put`. */
struct rollup_space {
    unsigned char (*blobs)[HISTOGRAM_BLOB_MAX];
    struct db_value *values;
};

static void rollup_space_release(struct rollup_space *space)
{
    free(space->blobs);
    free(space->values);
}

static bool rollup_put(struct rollup_map *map, struct db *db, struct rollup_space *space, size_t from,
                       size_t count, struct error *err)
{
    struct histogram scratch = {0};
    for (size_t i = 0; i < count; i++) {
        const struct rollup *row = &map->rows[map->dirty[from + i]];
        struct db_value *values = space->values + i * ROLLUP_COLUMNS;
        const int64_t *sums = &row->sums.calls;
        values[0] = db_int(row->slot);
        for (int column = 1; column < ROLLUP_COLUMNS - 1; column++)
            values[column] = db_int(sums[column - 1]);
        size_t length = rollup_encode_latencies(row, &scratch, space->blobs[i]);
        values[ROLLUP_COLUMNS - 1] = db_bytes(space->blobs[i], length);
    }
    if (!map->storage->put(db, map->context, space->values, count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        map->rows[map->dirty[from + i]].dirty = false;
    return true;
}

static int rollup_by_slot(const void *a, const void *b, void *context)
{
    const struct rollup *rows = context;
    int64_t left = rows[*(const uint32_t *)a].slot, right = rows[*(const uint32_t *)b].slot;
    return (left > right) - (left < right);
}

/* Keeps the rows of the newest hour, none if even these are too many. */
static void rollup_shrink(struct rollup_map *map)
{
    if (map->count <= ROLLUP_ROWS_KEPT)
        return;
    int64_t newest = 0;
    for (size_t i = 0; i < map->count; i++)
        if (slot_hour(map->rows[i].slot) > newest)
            newest = slot_hour(map->rows[i].slot);
    size_t kept = 0;
    for (size_t i = 0; i < map->count; i++) {
        if (slot_hour(map->rows[i].slot) == newest)
            map->rows[kept++] = map->rows[i];
        else
            free(map->rows[i].latencies);
    }
    map->count = kept;
    int64_t complete_from = map->complete_from > newest ? map->complete_from : newest;
    if (kept > ROLLUP_ROWS_KEPT) {
        rollup_forget(map);
        complete_from = complete_from > newest ? complete_from : newest + 1;
    } else {
        slot_table_release(&map->table);
        for (size_t i = 0; i < kept; i++)
            slot_table_add(&map->table, rollup_hash(map->rows[i].slot), (uint32_t)i);
    }
    map->complete_from = complete_from;
}

bool rollup_flush(struct rollup_map *map, struct db *db, struct error *err)
{
    if (map->dirty_count == 0)
        return true;
    qsort_r(map->dirty, map->dirty_count, sizeof(*map->dirty), rollup_by_slot, map->rows);
    size_t at_once = map->storage->rows_at_once;
    at_once = at_once < map->dirty_count ? at_once : map->dirty_count;
    CLEANUP(rollup_space_release)
    struct rollup_space space = {.blobs = xmalloc(at_once * sizeof(*space.blobs)),
                                 .values = xmalloc(at_once * ROLLUP_COLUMNS * sizeof(*space.values))};
    for (size_t at = 0; at < map->dirty_count;) {
        size_t left = map->dirty_count - at, count = left < at_once ? left : at_once;
        if (!rollup_put(map, db, &space, at, count, err))
            return false;
        at += count;
    }
    map->dirty_count = 0;
    rollup_shrink(map);
    return true;
}
