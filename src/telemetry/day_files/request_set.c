#include "telemetry/day_files/request_set.h"

static const char SQL_REQUESTS_AFTER[] =
    "SELECT r.id, r.record_id, r.request_id, k.api_type, k.operation"
    " FROM usage_rows r JOIN usage_keys k ON k.id = r.key_id WHERE r.id > $1 AND r.origin = 1"
    " AND (r.record_id IS NOT NULL OR r.request_id IS NOT NULL)";
static const char SQL_LAST_ROW[] = "SELECT max(id) FROM usage_rows";
static const char SQL_IS_RECORD[] =
    "SELECT 1 FROM usage_rows WHERE id = $1 AND origin = 1 AND record_id = $2";
static const char SQL_IS_REQUEST[] =
    "SELECT 1 FROM usage_rows r JOIN usage_keys k ON k.id = r.key_id WHERE r.id = $1 AND r.origin = 1"
    " AND r.record_id IS NULL AND r.request_id = $2 AND k.api_type = $3 AND k.operation = $4";

struct slot_cursor request_set_lookup(const struct request_set *set, const struct once_key *key)
{
    return slot_table_lookup(&set->table, once_key_hash(key));
}

int64_t request_set_candidate(const struct request_set *set, struct slot_cursor *cursor)
{
    uint32_t row_id = slot_table_next(&set->table, cursor);
    return row_id == SLOT_NONE ? 0 : row_id;
}

void request_set_add(struct request_set *set, const struct once_key *key, int64_t row_id)
{
    slot_table_add(&set->table, once_key_hash(key), (uint32_t)row_id);
}

bool request_set_catch_up(struct request_set *set, struct db *db, struct error *err)
{
    int64_t last;
    if (!db_find_int(db, SQL_LAST_ROW, DB_NO_ARGS, 0, &last, err))
        return false;
    if (last <= set->seen)
        return true;
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_REQUESTS_AFTER, DB_ARGS(db_int(set->seen)), &rows, err))
        return false;
    while (db_next(&rows)) {
        struct usage_record record = {.record_id = db_column_text(&rows, 1),
                                      .request_id = db_column_text(&rows, 2),
                                      .api_type = db_column_text(&rows, 3),
                                      .operation = db_column_text(&rows, 4)};
        struct once_key key = once_key_of(&record);
        request_set_add(set, &key, db_column_int(&rows, 0));
    }
    if (!db_done(&rows, err))
        return false;
    set->seen = last;
    return true;
}

bool request_set_confirm(struct db *db, int64_t row_id, const struct once_key *key, bool *ret_same,
                         struct error *err)
{
    int64_t found;
    bool is_record = *key->api_type == '\0';
    const struct db_value args[] = {db_int(row_id), db_text(key->id), db_text(key->api_type),
                                    db_text(key->operation)};
    if (!db_find_int(db, is_record ? SQL_IS_RECORD : SQL_IS_REQUEST, args, is_record ? 2 : 4, 0, &found, err))
        return false;
    *ret_same = found != 0;
    return true;
}

void request_set_forget(struct request_set *set)
{
    slot_table_release(&set->table);
    *set = (struct request_set){0};
}
