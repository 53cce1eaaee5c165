/* The roll-ups by hour of one day's file, for reports. */
#include "telemetry/day_files/day_read.h"
#include "telemetry/slot.h"
#include "telemetry/usage_totals.h"

static const char SQL_PARTS[] =
    "SELECT u.slot / 16777216, k.api_type, k.operation, k.model, ''," SUM_COLUMNS_OF(
        "u") " FROM usage_platform_hourly u JOIN usage_platform_keys k ON k.id = u.slot % 16777216"
             " WHERE u.slot >= $1 AND u.slot < $2";
/* A tenant's keys times the hours that the file has. */
static const char SQL_PARTS_OF_TENANT[] =
    "WITH RECURSIVE hours(hour) AS"
    " (SELECT min(slot) / 16777216 FROM usage_platform_hourly WHERE slot >= $1 AND slot < $2"
    "  UNION ALL SELECT hour + 1 FROM hours WHERE hour <"
    "  (SELECT max(slot) / 16777216 FROM usage_platform_hourly WHERE slot >= $1 AND slot < $2))"
    " SELECT hours.hour, k.api_type, k.operation, k.model, k.tenant_id," SUM_COLUMNS_OF(
        "u") " FROM usage_keys k CROSS JOIN hours CROSS JOIN usage_hourly u"
             " WHERE k.tenant_id = $3 AND u.slot = hours.hour * 16777216 + k.id";
static const char SQL_PARTS_BY_TENANT[] =
    "SELECT u.slot / 16777216, k.api_type, '', '', k.tenant_id," INTEGER_SUM_COLUMNS_OF(
        "u") " FROM usage_hourly u JOIN usage_keys k ON k.id = u.slot % 16777216"
             " WHERE u.slot >= $1 AND u.slot < $2";

bool day_each_part(struct db *db, const struct usage_cut *cut, usage_part_sink sink, void *context,
                   struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct db_value args[] = {db_int(cut->first_hour * SLOT_KEYS), db_int(cut->end_hour * SLOT_KEYS),
                              db_text(cut->tenant_id)};
    bool by_tenant = cut->by_tenant && !cut->tenant_id;
    const char *sql = SQL_PARTS;
    if (cut->tenant_id)
        sql = SQL_PARTS_OF_TENANT;
    else if (by_tenant)
        sql = SQL_PARTS_BY_TENANT;
    if (!db_query(db, sql, args, cut->tenant_id ? 3 : 2, &rows, err))
        return false;
    while (db_next(&rows)) {
        struct usage_part part = usage_part_of_row(&rows, !by_tenant);
        if (!sink(context, &part, err))
            return false;
    }
    return db_done(&rows, err);
}
