#include "telemetry/day_files/request_set.h"

#include <string.h>

#include "base/memory.h"
#include "telemetry/name_map.h"

static const char SQL_REQUESTS_AFTER[] =
    "SELECT id, request_id FROM usage_rows WHERE id > $1 AND origin = 1 AND request_id IS NOT NULL";
static const char SQL_LAST_ROW[] = "SELECT max(id) FROM usage_rows";
static const char SQL_REQUEST_OF_ROW[] =
    "SELECT 1 FROM usage_rows WHERE id = $1 AND origin = 1 AND request_id = $2";

#define CAPACITY_FIRST 1024

static struct request_probe probe_of(const struct request_set *set, uint64_t hash)
{
    uint32_t fingerprint = (uint32_t)(hash >> 32);
    return (struct request_probe){fingerprint, fingerprint & (set->capacity - 1)};
}

struct request_probe request_set_probe(const struct request_set *set, const char *request_id)
{
    return probe_of(set, hash_bytes(request_id, strlen(request_id)));
}

int64_t request_set_candidate(const struct request_set *set, struct request_probe *probe)
{
    if (set->capacity == 0)
        return 0;
    for (uint64_t place; (place = set->places[probe->place]) != 0;) {
        probe->place = (probe->place + 1) & (set->capacity - 1);
        if (place >> 32 == probe->fingerprint)
            return (int64_t)(place & UINT32_MAX);
    }
    return 0;
}

static void put(struct request_set *set, uint64_t value)
{
    size_t mask = set->capacity - 1, at = (value >> 32) & mask;
    while (set->places[at])
        at = (at + 1) & mask;
    set->places[at] = value;
}

/* Places go by the fingerprint alone, so that growing needs no names. Four thousand million rows a
 * day are beyond a file. */
static void grow(struct request_set *set)
{
    uint64_t *old = set->places;
    size_t old_capacity = set->capacity;
    set->capacity = old_capacity ? old_capacity * 2 : CAPACITY_FIRST;
    set->places = xcalloc(set->capacity, sizeof(*set->places));
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i])
            put(set, old[i]);
    free(old);
}

void request_set_add(struct request_set *set, const char *request_id, int64_t row_id)
{
    if ((set->count + 1) * 4 > set->capacity * 3)
        grow(set);
    uint64_t fingerprint = hash_bytes(request_id, strlen(request_id)) >> 32;
    put(set, fingerprint << 32 | (uint32_t)row_id);
    set->count++;
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
    free(set->places);
    *set = (struct request_set){0};
}
