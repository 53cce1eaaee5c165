/* The roll-ups by hour of one day, all lanes together, for reports. */
#include "telemetry/postgresql/read.h"
#include "telemetry/usage_totals.h"

static const char SQL_PARTS[] = "SELECT u.hour, k.api_type, k.operation, k.model, ''," SUM_COLUMNS_OF(
    "u") " FROM usage_platform_keys k"
         " JOIN usage_platform_hourly u ON u.day = k.day AND u.lane = k.lane AND u.key_id = k.id"
         " WHERE k.day = $1 AND u.day = $1 AND u.hour >= $2 AND u.hour < $3";
static const char SQL_PARTS_OF_TENANT[] =
    "SELECT u.hour, k.api_type, k.operation, k.model, k.tenant_id," SUM_COLUMNS_OF(
        "u") " FROM usage_keys k"
             " JOIN usage_hourly u ON u.day = k.day AND u.lane = k.lane AND u.key_id = k.id"
             " WHERE k.day = $1 AND k.tenant_id = $4 AND u.day = $1 AND u.hour >= $2 AND u.hour < $3";
static const char SQL_PARTS_BY_TENANT[] =
    "SELECT u.hour, k.api_type, '', '', k.tenant_id," INTEGER_SUM_COLUMNS_OF(
        "u") " FROM usage_keys k"
             " JOIN usage_hourly u ON u.day = k.day AND u.lane = k.lane AND u.key_id = k.id"
             " WHERE k.day = $1 AND u.day = $1 AND u.hour >= $2 AND u.hour < $3";

bool lanes_each_part(struct db *db, int32_t day, const struct usage_cut *cut, usage_part_sink sink,
                     void *context, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct db_value args[] = {db_int(day), db_int(cut->first_hour), db_int(cut->end_hour),
                              db_text(cut->tenant_id)};
    bool by_tenant = cut->by_tenant && !cut->tenant_id;
    const char *sql = SQL_PARTS;
    if (cut->tenant_id)
        sql = SQL_PARTS_OF_TENANT;
    else if (by_tenant)
        sql = SQL_PARTS_BY_TENANT;
    if (!db_query(db, sql, args, cut->tenant_id ? 4 : 3, &rows, err))
        return false;
    while (db_next(&rows)) {
        struct usage_part part = usage_part_of_row(&rows, !by_tenant);
        if (!sink(context, &part, err))
            return false;
    }
    return db_done(&rows, err);
}
