/* Usage rows of a batch: request ids that count once, names, raw rows, roll-ups in memory. */
#include <string.h>

#include "base/memory.h"
#include "telemetry/postgresql/writer_private.h"

/* In order of the ids, so that of two processes that are sent the same ones neither waits for the other's second
 * while it has the first. (Several batches in one transaction may come to that all the same: the database then takes
 * one back, and the store's writer runs it again.) */
static const char SQL_CLAIM_REQUESTS[] =
    "INSERT INTO usage_requests(day, request_id) SELECT $1, r.id FROM unnest(" TEXTS(
        "$2") ") WITH ORDINALITY AS r(id, place) ORDER BY r.place ON CONFLICT (day, request_id) DO NOTHING"
              " RETURNING request_id";

#define NUMBERS 10 /* columns before request_id */
static const char SQL_INSERT[] =
    "INSERT INTO usage_rows(day, lane, origin, id, timestamp, key_id, tokens_input, tokens_output, "
    "tokens_cached,"
    " latency_ms, outcome, cost_nano_cny, price_version, request_id) SELECT $1, $2, $3, r.* FROM "
    "unnest(" INTS("$4") ", " INTS("$5") ", " INTS("$6") ", " INTS("$7") ", " INTS("$8") ", " INTS(
        "$9") ", " INTS("$10") ", " INTS("$11") ", " INTS("$12") ", " INTS("$13") ", " TEXTS("$14") ") AS r";

/* ---- duplicates ---- */

struct sent_request {
    const char *id;
    size_t index; /* in the batch */
};

static int sent_request_by_place(const void *a, const void *b)
{
    const struct sent_request *left = a, *right = b;
    int order = strcmp(left->id, right->id);
    return order ? order : (left->index > right->index) - (left->index < right->index);
}

static int sent_request_by_id(const void *a, const void *b)
{
    return strcmp(((const struct sent_request *)a)->id, ((const struct sent_request *)b)->id);
}

/* Marks in `fresh` those of `requests`, which are all different and in order, that nobody has sent before. */
static bool lane_claim_requests(const struct lane_day *day, struct db *db,
                                const struct sent_request *requests, size_t count, bool *fresh,
                                struct error *err)
{
    CLEANUP(sql_array_release) struct sql_array ids = {0};
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    for (size_t i = 0; i < count; i++)
        sql_array_text(&ids, requests[i].id);
    if (!db_query(db, SQL_CLAIM_REQUESTS, DB_ARGS(db_int(day->day), sql_array_value(&ids)), &rows, err))
        return false;
    while (db_next(&rows)) {
        struct sent_request key = {.id = db_column_text(&rows, 0)};
        const struct sent_request *found =
            bsearch(&key, requests, count, sizeof(*requests), sent_request_by_id);
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
        const char *id = batch->usage[i].record->request_id;
        fresh[i] = !id;
        if (id)
            requests[count++] = (struct sent_request){id, i};
    }
    qsort(requests, count, sizeof(*requests), sent_request_by_place);
    for (size_t i = 0; i < count; i++)
        if (different == 0 || strcmp(requests[different - 1].id, requests[i].id) != 0)
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
    struct sql_array numbers[NUMBERS], request_ids;
};

static void usage_columns_release(struct usage_columns *columns)
{
    for (int i = 0; i < NUMBERS; i++)
        sql_array_release(&columns->numbers[i]);
    sql_array_release(&columns->request_ids);
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
    for (int i = 0; i < NUMBERS; i++)
        sql_array_int(&columns->numbers[i], numbers[i]);
    sql_array_text(&columns->request_ids, record->request_id);
}

static bool lane_insert_some_usage(struct lane_day *day, struct db *db, bool from_outside,
                                   const struct usage_row *const *rows, size_t count, int64_t first_id,
                                   struct error *err)
{
    CLEANUP(usage_columns_release) struct usage_columns columns = {0};
    struct db_value args[4 + NUMBERS] = {db_int(day->day), db_int(day->lane), db_int(from_outside)};
    for (size_t i = 0; i < count; i++) {
        const struct name_entry *key = dictionary_usage_key(day, rows[i]->record);
        if (!rollup_add(&day->tenants, db, key->id, rows[i], err) ||
            !rollup_add(&day->platform, db, key->other, rows[i], err))
            return false;
        usage_columns_put(&columns, rows[i], first_id + (int64_t)i, key->id);
    }
    for (int i = 0; i < NUMBERS; i++)
        args[3 + i] = sql_array_value(&columns.numbers[i]);
    args[3 + NUMBERS] = sql_array_value(&columns.request_ids);
    return db_execute(db, SQL_INSERT, args, 4 + NUMBERS, NULL, err);
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
