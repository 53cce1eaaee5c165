/* Usage rows of a batch: keys that count once, names, raw rows, roll-ups in memory. */
#include <string.h>

#include "base/memory.h"
#include "telemetry/once_key.h"
#include "telemetry/postgresql/writer_private.h"

/* In order of the keys, so that of two processes that are sent the same ones neither waits for the other's second
 * while it has the first. (Several batches in one transaction may come to that all the same: the database then takes
 * one back, and the store's writer runs it again.) */
static const char SQL_CLAIM_REQUESTS[] =
    "INSERT INTO usage_requests(day, id, api_type, operation) SELECT $1, r.id, r.api_type, r.operation"
    " FROM unnest(" TEXTS("$2") ", " TEXTS("$3") ", " TEXTS(
        "$4") ") WITH ORDINALITY AS r(id, api_type, operation, place) ORDER BY r.place"
              " ON CONFLICT (day, id, api_type, operation) DO NOTHING RETURNING id, api_type, operation";

#define NUMBERS 10 /* columns before request_id */
#define SQL_COLUMNS                                                                                          \
    "day, lane, origin, id, timestamp, key_id, tokens_input, tokens_output, tokens_cached,"                  \
    " latency_ms, outcome, cost_nano_cny, price_version, request_id"
#define SQL_ARRAYS                                                                                           \
    INTS("$4")                                                                                               \
    ", " INTS("$5") ", " INTS("$6") ", " INTS("$7") ", " INTS("$8") ", " INTS("$9") ", " INTS(               \
        "$10") ", " INTS("$11") ", " INTS("$12") ", " INTS("$13") ", " TEXTS("$14")
static const char SQL_INSERT[] =
    "INSERT INTO usage_rows(" SQL_COLUMNS ") SELECT $1, $2, $3, r.* FROM unnest(" SQL_ARRAYS ") AS r";
/* With the columns that few calls have. */
#define MORE_NUMBERS 4
#define MORE_TEXTS 2
static const char SQL_INSERT_FULL[] =
    "INSERT INTO usage_rows(" SQL_COLUMNS ", tokens_reasoning, estimated, read_units, write_units,"
    " provider_request_id, record_id) SELECT $1, $2, $3, r.* FROM unnest(" SQL_ARRAYS
    ", " INTS("$15") ", " INTS("$16") ", " INTS("$17") ", " INTS("$18") ", " TEXTS("$19") ", " TEXTS(
        "$20") ") AS r";

/* ---- duplicates ---- */

struct sent_request {
    struct once_key key;
    size_t index; /* in the batch */
};

static int sent_request_by_place(const void *a, const void *b)
{
    const struct sent_request *left = a, *right = b;
    int order = once_key_compare(&left->key, &right->key);
    return order ? order : (left->index > right->index) - (left->index < right->index);
}

static int sent_request_by_key(const void *a, const void *b)
{
    return once_key_compare(&((const struct sent_request *)a)->key, &((const struct sent_request *)b)->key);
}

struct request_columns {
    struct sql_array ids, api_types, operations;
};

static void request_columns_release(struct request_columns *columns)
{
    sql_array_release(&columns->ids);
    sql_array_release(&columns->api_types);
    sql_array_release(&columns->operations);
}

/* Marks in `fresh` those of `requests`, which are all different and in order, that nobody has sent before. */
static bool lane_claim_requests(const struct lane_day *day, struct db *db,
                                const struct sent_request *requests, size_t count, bool *fresh,
                                struct error *err)
{
    CLEANUP(request_columns_release) struct request_columns columns = {0};
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    for (size_t i = 0; i < count; i++) {
        sql_array_text(&columns.ids, requests[i].key.id);
        sql_array_text(&columns.api_types, requests[i].key.api_type);
        sql_array_text(&columns.operations, requests[i].key.operation);
    }
    if (!db_query(db, SQL_CLAIM_REQUESTS,
                  DB_ARGS(db_int(day->day), sql_array_value(&columns.ids),
                          sql_array_value(&columns.api_types), sql_array_value(&columns.operations)),
                  &rows, err))
        return false;
    while (db_next(&rows)) {
        struct sent_request key = {
            .key = {db_column_text(&rows, 0), db_column_text(&rows, 1), db_column_text(&rows, 2)}};
        const struct sent_request *found =
            bsearch(&key, requests, count, sizeof(*requests), sent_request_by_key);
        if (found)
            fresh[found->index] = true;
    }
    return db_done(&rows, err);
}

/* Which rows of the batch count: `fresh` by index. */
static bool lane_sift_requests(const struct lane_day *day, struct db *db, const struct day_batch *batch,
                               bool *fresh, struct error *err)
{
    CLEANUP(free_pointer)
    struct sent_request *requests = xmalloc((batch->usage_count + 1) * sizeof(*requests));
    size_t count = 0, different = 0;
    for (size_t i = 0; i < batch->usage_count; i++) {
        struct once_key key = once_key_of(batch->usage[i].record);
        fresh[i] = !key.id;
        if (key.id)
            requests[count++] = (struct sent_request){key, i};
    }
    qsort(requests, count, sizeof(*requests), sent_request_by_place);
    for (size_t i = 0; i < count; i++)
        if (different == 0 || once_key_compare(&requests[different - 1].key, &requests[i].key) != 0)
            requests[different++] = requests[i];
    for (size_t at = 0; at < different; at += ROWS_AT_ONCE) {
        size_t left = different - at;
        if (!lane_claim_requests(day, db, requests + at, left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE, fresh,
                                 err))
            return false;
    }
    return true;
}

/* ---- raw rows ---- */

struct usage_columns {
    bool full;
    struct sql_array numbers[NUMBERS], request_ids;
    struct sql_array more_numbers[MORE_NUMBERS], more_texts[MORE_TEXTS];
};

static void usage_columns_release(struct usage_columns *columns)
{
    for (int i = 0; i < NUMBERS; i++)
        sql_array_release(&columns->numbers[i]);
    sql_array_release(&columns->request_ids);
    for (int i = 0; i < MORE_NUMBERS; i++)
        sql_array_release(&columns->more_numbers[i]);
    for (int i = 0; i < MORE_TEXTS; i++)
        sql_array_release(&columns->more_texts[i]);
}

static void usage_columns_put(struct usage_columns *columns, const struct usage_row *row, int64_t id,
                              int64_t key_id)
{
    const struct usage_record *record = row->record;
    const int64_t numbers[NUMBERS] = {id,
                                      row->timestamp,
                                      key_id,
                                      record->tokens_input,
                                      record->tokens_output,
                                      record->tokens_cached,
                                      record->latency_ms,
                                      record->outcome,
                                      row->cost_nano_cny,
                                      row->price_version};
    const int64_t more_numbers[MORE_NUMBERS] = {record->tokens_reasoning, record->estimated,
                                                record->read_units, record->write_units};
    const char *const more_texts[MORE_TEXTS] = {record->provider_request_id, record->record_id};
    for (int i = 0; i < NUMBERS; i++)
        sql_array_int(&columns->numbers[i], numbers[i]);
    sql_array_text(&columns->request_ids, record->request_id);
    for (int i = 0; columns->full && i < MORE_NUMBERS; i++)
        sql_array_int(&columns->more_numbers[i], more_numbers[i]);
    for (int i = 0; columns->full && i < MORE_TEXTS; i++)
        sql_array_text(&columns->more_texts[i], more_texts[i]);
}

static bool usage_columns_insert(struct usage_columns *columns, const struct lane_day *day, bool from_outside,
                                 struct db *db, struct error *err)
{
    struct db_value args[4 + NUMBERS + MORE_NUMBERS + MORE_TEXTS] = {db_int(day->day), db_int(day->lane),
                                                                     db_int(from_outside)};
    size_t count = 3;
    for (int i = 0; i < NUMBERS; i++)
        args[count++] = sql_array_value(&columns->numbers[i]);
    args[count++] = sql_array_value(&columns->request_ids);
    for (int i = 0; columns->full && i < MORE_NUMBERS; i++)
        args[count++] = sql_array_value(&columns->more_numbers[i]);
    for (int i = 0; columns->full && i < MORE_TEXTS; i++)
        args[count++] = sql_array_value(&columns->more_texts[i]);
    return db_execute(db, columns->full ? SQL_INSERT_FULL : SQL_INSERT, args, count, NULL, err);
}

static bool lane_insert_some_usage(struct lane_day *day, struct db *db, bool from_outside,
                                   const struct usage_row *const *rows, size_t count, int64_t first_id,
                                   struct error *err)
{
    CLEANUP(usage_columns_release) struct usage_columns columns = {0};
    for (size_t i = 0; i < count; i++)
        columns.full |= usage_row_is_full(rows[i]);
    for (size_t i = 0; i < count; i++) {
        const struct name_entry *key = dictionary_usage_key(day, rows[i]->record);
        if (!rollup_add(&day->tenants, db, key->id, rows[i], err) ||
            !rollup_add(&day->platform, db, key->other, rows[i], err))
            return false;
        usage_columns_put(&columns, rows[i], first_id + (int64_t)i, key->id);
    }
    return usage_columns_insert(&columns, day, from_outside, db, err);
}

bool lane_insert_usage(struct lane_day *day, struct db *db, struct day_batch *batch, int64_t first_id,
                       size_t *ret_inserted, struct error *err)
{
    CLEANUP(free_pointer) bool *fresh = NULL;
    CLEANUP(free_pointer)
    const struct usage_row **rows = xmalloc((batch->usage_count + 1) * sizeof(const struct usage_row *));
    size_t count = 0;
    if (batch->from_outside) {
        fresh = xcalloc(batch->usage_count + 1, sizeof(*fresh));
        if (!lane_sift_requests(day, db, batch, fresh, err))
            return false;
    }
    for (size_t i = 0; i < batch->usage_count; i++)
        if (!fresh || fresh[i])
            rows[count++] = &batch->usage[i];
    batch->duplicates = batch->usage_count - count;
    if (!dictionary_learn_usage(day, db, rows, count, err))
        return false;
    for (size_t at = 0; at < count; at += ROWS_AT_ONCE) {
        size_t some = count - at < ROWS_AT_ONCE ? count - at : ROWS_AT_ONCE;
        if (!lane_insert_some_usage(day, db, batch->from_outside, rows + at, some, first_id + (int64_t)at,
                                    err))
            return false;
    }
    *ret_inserted = count;
    return true;
}
