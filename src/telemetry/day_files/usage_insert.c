/* Usage rows of a batch: dictionary, duplicates, raw rows, roll-ups in memory. */
#include "base/memory.h"
#include "telemetry/day_files/day_writer_private.h"
#include "telemetry/day_files/sql_rows.h"
#include "telemetry/usage_names.h"

#define COLUMNS 11
#define COLUMNS_FULL 17

static const char SQL_KEY_OF[] = "SELECT id FROM usage_keys"
                                 " WHERE tenant_id = $1 AND api_type = $2 AND operation = $3 AND model = $4";
static const char SQL_ADD_KEY[] =
    "INSERT INTO usage_keys(tenant_id, api_type, operation, model) VALUES ($1, $2, $3, $4) RETURNING id";
static const char SQL_PLATFORM_KEY_OF[] =
    "SELECT id FROM usage_platform_keys WHERE api_type = $1 AND operation = $2 AND model = $3";
static const char SQL_ADD_PLATFORM_KEY[] =
    "INSERT INTO usage_platform_keys(api_type, operation, model) VALUES ($1, $2, $3) RETURNING id";
static const char SQL_LAST_ROW[] = "SELECT max(id) FROM usage_rows";

#define SQL_INSERT(more, rows)                                                                               \
    "INSERT INTO usage_rows(timestamp, key_id, tokens_input, tokens_output, tokens_cached,"                  \
    " latency_ms, outcome, cost_nano_cny, price_version, origin, request_id" more ") VALUES " rows
#define MORE ", tokens_reasoning, estimated, read_units, write_units, provider_request_id, record_id"
static const char SQL_INSERT_ONE[] = SQL_INSERT("", SQL_ROW_11);
static const char SQL_INSERT_MANY[] = SQL_INSERT("", SQL_ROWS_11);
static const char SQL_INSERT_ONE_FULL[] = SQL_INSERT(MORE, SQL_ROW_17);
static const char SQL_INSERT_MANY_FULL[] = SQL_INSERT(MORE, SQL_ROWS_17);

/* ---- the dictionary ---- */

/* The id in a dictionary table, made if it is new. */
static bool usage_key_find_or_add(struct db *db, const char *sql_find, const char *sql_add,
                                  const struct db_value *args, size_t count, int64_t *ret_id,
                                  struct error *err)
{
    int64_t id;
    if (!db_find_int(db, sql_find, args, count, 0, &id, err) ||
        (id == 0 && !db_find_int(db, sql_add, args, count, 0, &id, err)))
        return false;
    *ret_id = id;
    return true;
}

static bool usage_platform_key_id(struct day_writer *writer, struct db *db, const struct usage_names *names,
                                  int64_t *ret_id, struct error *err)
{
    size_t length;
    const char *bytes = usage_names_of_platform(names, &length);
    const struct name_entry *known = name_map_find(&writer->platform_keys, bytes, length);
    if (known) {
        *ret_id = known->id;
        return true;
    }
    if (!usage_key_find_or_add(db, SQL_PLATFORM_KEY_OF, SQL_ADD_PLATFORM_KEY,
                               DB_ARGS(db_text(names->name[USAGE_API_TYPE]),
                                       db_text(names->name[USAGE_OPERATION]),
                                       db_text(names->name[USAGE_MODEL])),
                               ret_id, err))
        return false;
    name_map_add(&writer->platform_keys, bytes, length, *ret_id, 0);
    return true;
}

static bool usage_key_find(struct day_writer *writer, struct db *db, const struct usage_record *record,
                           const struct name_entry **ret_key, struct error *err)
{
    struct usage_names names;
    usage_names_gather(&names, record);
    *ret_key = name_map_find(&writer->keys, names.bytes, names.length);
    if (*ret_key)
        return true;
    int64_t id, platform_id;
    if (!usage_platform_key_id(writer, db, &names, &platform_id, err) ||
        !usage_key_find_or_add(db, SQL_KEY_OF, SQL_ADD_KEY,
                               DB_ARGS(db_text(names.name[USAGE_TENANT]), db_text(names.name[USAGE_API_TYPE]),
                                       db_text(names.name[USAGE_OPERATION]),
                                       db_text(names.name[USAGE_MODEL])),
                               &id, err))
        return false;
    name_map_add(&writer->keys, names.bytes, names.length, id, platform_id);
    *ret_key = name_map_find(&writer->keys, names.bytes, names.length);
    return true;
}

/* ---- duplicates ---- */

struct fresh_rows {
    const struct usage_row **rows; /* to be inserted, in this order; NULL: all of the batch */
    size_t count;
    int64_t last_id; /* in the file before */
};

static bool usage_request_is_known(struct day_writer *writer, struct db *db, const struct fresh_rows *fresh,
                                   const struct once_key *key, bool *ret_known, struct error *err)
{
    struct slot_cursor cursor = request_set_lookup(&writer->requests, key);
    bool known = false;
    for (int64_t id; !known && (id = request_set_candidate(&writer->requests, &cursor));) {
        if (id > fresh->last_id) {
            struct once_key other = once_key_of(fresh->rows[id - fresh->last_id - 1]->record);
            known = once_key_compare(&other, key) == 0;
        } else if (!request_set_confirm(db, id, key, &known, err))
            return false;
    }
    *ret_known = known;
    return true;
}

/* Leaves out what came before. Ids are foreseeable: the table only grows, and only here. */
static bool fresh_rows_sift(struct day_writer *writer, struct day_batch *batch, struct db *db,
                            struct fresh_rows *fresh, struct error *err)
{
    if (!request_set_catch_up(&writer->requests, db, err) ||
        !db_find_int(db, SQL_LAST_ROW, DB_NO_ARGS, 0, &fresh->last_id, err))
        return false;
    for (size_t i = 0; i < batch->usage_count; i++) {
        struct once_key key = once_key_of(batch->usage[i].record);
        bool known = false;
        if (key.id && !usage_request_is_known(writer, db, fresh, &key, &known, err))
            return false;
        batch->duplicates += known;
        if (known)
            continue;
        fresh->rows[fresh->count++] = &batch->usage[i];
        int64_t id = fresh->last_id + (int64_t)fresh->count;
        if (key.id)
            request_set_add(&writer->requests, &key, id);
        writer->requests.seen = id;
    }
    return true;
}

/* ---- raw rows ---- */

static inline struct db_value usage_integer(int64_t value)
{
    return (struct db_value){.type = DB_INT, .integer = value};
}

static void usage_row_fill(const struct usage_row *row, int64_t key_id, bool from_outside, bool full,
                           struct db_value *values)
{
    const struct usage_record *record = row->record;
    values[0] = usage_integer(row->timestamp);
    values[1] = usage_integer(key_id);
    values[2] = usage_integer(record->tokens_input);
    values[3] = usage_integer(record->tokens_output);
    values[4] = usage_integer(record->tokens_cached);
    values[5] = usage_integer(record->latency_ms);
    values[6] = usage_integer(record->outcome);
    values[7] = usage_integer(row->cost_nano_cny);
    values[8] = usage_integer(row->price_version);
    values[9] = usage_integer(from_outside);
    values[10] = db_text(record->request_id);
    if (!full)
        return;
    values[11] = usage_integer(record->tokens_reasoning);
    values[12] = usage_integer(record->estimated);
    values[13] = usage_integer(record->read_units);
    values[14] = usage_integer(record->write_units);
    values[15] = db_text(record->provider_request_id);
    values[16] = db_text(record->record_id);
}

static bool usage_insert_some(struct day_writer *writer, bool from_outside, struct db *db,
                              const struct usage_row *const *rows, size_t count, struct error *err)
{
    struct db_value values[ROWS_AT_ONCE * COLUMNS_FULL];
    bool full = false;
    for (size_t i = 0; i < count; i++)
        full |= usage_row_is_full(rows[i]);
    size_t columns = full ? COLUMNS_FULL : COLUMNS;
    for (size_t i = 0; i < count; i++) {
        const struct name_entry *key;
        if (!usage_key_find(writer, db, rows[i]->record, &key, err) ||
            !rollup_add(&writer->tenants, db, key->id, rows[i], err) ||
            !rollup_add(&writer->platform, db, key->other, rows[i], err))
            return false;
        usage_row_fill(rows[i], key->id, from_outside, full, values + i * columns);
    }
    const char *one = full ? SQL_INSERT_ONE_FULL : SQL_INSERT_ONE;
    const char *many = full ? SQL_INSERT_MANY_FULL : SQL_INSERT_MANY;
    return db_execute(db, count == 1 ? one : many, values, count * columns, NULL, err);
}

static bool usage_insert_all(struct day_writer *writer, const struct day_batch *batch, struct db *db,
                             const struct fresh_rows *fresh, struct error *err)
{
    const struct usage_row *some[ROWS_AT_ONCE];
    for (size_t at = 0; at < fresh->count;) {
        size_t count = fresh->count - at >= ROWS_AT_ONCE ? ROWS_AT_ONCE : 1;
        for (size_t i = 0; i < count; i++)
            some[i] = fresh->rows ? fresh->rows[at + i] : &batch->usage[at + i];
        if (!usage_insert_some(writer, batch->from_outside, db, some, count, err))
            return false;
        at += count;
    }
    return true;
}

bool usage_insert(struct day_writer *writer, struct day_batch *batch, struct db *db, size_t *ret_inserted,
                  struct error *err)
{
    CLEANUP(free_pointer) const struct usage_row **rows = NULL;
    struct fresh_rows fresh = {.count = batch->usage_count};
    if (batch->from_outside && batch->usage_count) {
        rows = xmalloc(batch->usage_count * sizeof(const struct usage_row *));
        fresh = (struct fresh_rows){.rows = rows};
        if (!fresh_rows_sift(writer, batch, db, &fresh, err))
            return false;
    }
    if (!usage_insert_all(writer, batch, db, &fresh, err))
        return false;
    *ret_inserted = fresh.count;
    return true;
}
