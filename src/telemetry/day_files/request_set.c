#include "telemetry/day_files/request_set.h"

#include <string.h>

#include "telemetry/name_map.h"

static const char SQL_REQUESTS_AFTER[] =
    "SELECT id, request_id FROM usage_rows WHERE id > $1 AND origin = 1 AND request_id IS NOT NULL";
static const char SQL_LAST_ROW[] = "SELECT max(id) FROM usage_rows";
static const char SQL_REQUEST_OF_ROW[] =
    "SELECT 1 FROM usage_rows WHERE id = $1 AND origin = 1 AND request_id = $2";

struct slot_cursor request_set_lookup(const struct request_set *set, const char *request_id)
{
    return slot_table_lookup(&set->table, hash_bytes(request_id, strlen(request_id)));
}

int64_t request_set_candidate(const struct request_set *set, struct slot_cursor *cursor)
{
    uint32_t row_id = slot_table_next(&set->table, cursor);
    return row_id == SLOT_NONE ? 0 : row_id;
}

void request_set_add(struct request_set *set, const char *request_id, int64_t row_id)
{
    slot_table_add(&set->table, hash_bytes(request_id, strlen(request_id)), (uint32_t)row_id);
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
    while (db_next(&rows))
        request_set_add(set, db_column_text(&rows, 1), db_column_int(&rows, 0));
    if (!db_done(&rows, err))
        return false;
    set->seen = last;
    return true;
}

bool request_set_confirm(struct db *db, int64_t row_id, const char *request_id, bool *ret_same,
                         struct error *err)
{
    int64_t found;
    if (!db_find_int(db, SQL_REQUEST_OF_ROW, DB_ARGS(db_int(row_id), db_text(request_id)), 0, &found, err))
        return false;
    *ret_same = found != 0;
    return true;
}

void request_set_forget(struct request_set *set)
{
    slot_table_release(&set->table);
    *set = (struct request_set){0};
}
