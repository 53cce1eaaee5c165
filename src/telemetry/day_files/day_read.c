#include "telemetry/day_files/day_read.h"

#include "base/memory.h"
#include "telemetry/day_files/day_files.h"
#include "telemetry/raw_rows.h"
#include "telemetry/slot.h"
#include "telemetry/total_grouping.h"
#include "telemetry/usage_totals.h"

/* ---- hours ---- */

static const char SQL_SLOTS_OF_PLATFORM[] =
    "SELECT slot, " SUM_COLUMNS " FROM usage_platform_hourly WHERE slot >= $1 AND slot < $2";
/* A tenant's keys times the hours that the file has: as many look-ups by slot, however many tenants. */
static const char SQL_SLOTS_OF_TENANT[] =
    "WITH RECURSIVE hours(hour) AS"
    " (SELECT min(slot) / 16777216 FROM usage_platform_hourly WHERE slot >= $1 AND slot < $2"
    "  UNION ALL SELECT hour + 1 FROM hours WHERE hour <"
    "  (SELECT max(slot) / 16777216 FROM usage_platform_hourly WHERE slot >= $1 AND slot < $2))"
    " SELECT u.slot, " SUM_COLUMNS_OF(
        "u") " FROM usage_keys k CROSS JOIN hours CROSS JOIN usage_hourly u"
             " WHERE k.tenant_id = $3 AND u.slot = hours.hour * 16777216 + k.id";

bool day_add_hours(struct db *db, const struct usage_filter *filter, const struct hour_span *span,
                   struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct db_value args[] = {db_int(span->first * SLOT_KEYS), db_int(span->end * SLOT_KEYS),
                              db_text(filter->tenant_id)};
    bool of_tenant = filter->tenant_id != NULL;
    if (!db_query(db, of_tenant ? SQL_SLOTS_OF_TENANT : SQL_SLOTS_OF_PLATFORM, args, of_tenant ? 3 : 2, &rows,
                  err))
        return false;
    while (db_next(&rows)) {
        int64_t hour = slot_hour(db_column_int(&rows, 0));
        size_t index = span->into_one ? 0 : (size_t)(hour - span->first);
        if (!usage_totals_add_row(&span->totals[index], &rows, 1, err))
            return false;
    }
    return db_done(&rows, err);
}

/* ---- the day's totals ---- */

/* Key by key, and its hours: look-ups by slot in the order of the dictionary need no sorting. */
#define SQL_HOURS(tenant)                                                                                    \
    "WITH RECURSIVE hours(hour) AS"                                                                          \
    " (SELECT min(slot) / 16777216 FROM usage_platform_hourly UNION ALL SELECT hour + 1 FROM hours"          \
    "  WHERE hour < (SELECT max(slot) / 16777216 FROM usage_platform_hourly))"                               \
    " SELECT k.api_type, k.operation, k.model, " tenant ", " SUM_COLUMNS_OF("u")
static const char SQL_TENANTS[] =
    SQL_HOURS("k.tenant_id") " FROM usage_keys k CROSS JOIN hours CROSS JOIN usage_hourly u"
                             " WHERE u.slot = hours.hour * 16777216 + k.id ORDER BY k.id";
static const char SQL_PLATFORM[] =
    SQL_HOURS("NULL") " FROM usage_platform_keys k CROSS JOIN hours CROSS JOIN usage_platform_hourly u"
                      " WHERE u.slot = hours.hour * 16777216 + k.id ORDER BY k.id";
static const char SQL_PIN[] = "SELECT 1 FROM day_info";

bool day_each_total(struct db *db, struct day_info *ret_info, day_total_sink sink, void *context,
                    struct error *err)
{
    /* An unfinished read keeps SQLite's snapshot for all reads of its connection. */
    CLEANUP(db_rows_release) struct db_rows pin = {0};
    if (!db_query(db, SQL_PIN, DB_NO_ARGS, &pin, err))
        return false;
    db_next(&pin);
    return day_info_read(db, ret_info, err) &&
           total_grouping_each(db, SQL_TENANTS, DB_NO_ARGS, sink, context, err) &&
           total_grouping_each(db, SQL_PLATFORM, DB_NO_ARGS, sink, context, err);
}

/* ---- raw rows ---- */

static const char SQL_USAGE[] =
    "SELECT " RAW_USAGE_COLUMNS " FROM usage_rows r JOIN usage_keys k ON k.id = r.key_id ORDER BY r.id";
bool day_each_usage(struct db *db, telemetry_usage_sink sink, void *context, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_USAGE, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows)) {
        struct recorded_usage usage = usage_of_row(&rows);
        if (!sink(context, &usage, err))
            return false;
    }
    return db_done(&rows, err);
}

/* ---- names ---- */

static const char SQL_USAGE_NAMES[] = "SELECT api_type, operation, model FROM usage_platform_keys";
static const char SQL_LOG_SOURCES[] = "SELECT name FROM log_sources";

bool day_each_name(struct db *db, bool of_logs, telemetry_name_sink sink, void *context, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, of_logs ? SQL_LOG_SOURCES : SQL_USAGE_NAMES, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows)) {
        struct telemetry_name name = name_of_row(&rows, of_logs);
        if (!sink(context, &name, err))
            return false;
    }
    return db_done(&rows, err);
}
