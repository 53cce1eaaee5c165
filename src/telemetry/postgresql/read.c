#include "telemetry/postgresql/read.h"

#include "base/memory.h"
#include "telemetry/raw_rows.h"
#include "telemetry/slot.h"
#include "telemetry/total_grouping.h"
#include "telemetry/usage_totals.h"

/* ---- days ---- */

static const char SQL_DAYS[] = "SELECT DISTINCT day FROM day_lanes ORDER BY day";
static const char SQL_DAYS_BETWEEN[] = "SELECT DISTINCT day FROM day_lanes WHERE day >= $1 AND day < $2";
static const char SQL_INFO[] =
    "SELECT COUNT(*), SUM(revision), SUM(usage_rows), SUM(log_rows) FROM day_lanes WHERE day = $1";

bool lanes_list_days(struct db *db, int32_t **ret_days, size_t *ret_count, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    int32_t *days = NULL;
    size_t count = 0;
    if (!db_query(db, SQL_DAYS, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows)) {
        days = xrealloc(days, (count + 1) * sizeof(*days));
        days[count++] = (int32_t)db_column_int(&rows, 0);
    }
    if (!db_done(&rows, err)) {
        free(days);
        return false;
    }
    *ret_days = days;
    *ret_count = count;
    return true;
}

bool lanes_find_days(struct db *db, int32_t first, size_t count, int64_t recorder, int64_t *ret_recorders,
                     struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    int64_t end = first + (int64_t)count;
    if (!db_query(db, SQL_DAYS_BETWEEN, DB_ARGS(db_int(first), db_int(end)), &rows, err))
        return false;
    while (db_next(&rows))
        ret_recorders[db_column_int(&rows, 0) - first] = recorder;
    return db_done(&rows, err);
}

bool lanes_read_info(struct db *db, int32_t day, struct day_info *ret_info, bool *ret_here, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_INFO, DB_ARGS(db_int(day)), &rows, err))
        return false;
    *ret_here = db_next(&rows) && db_column_int(&rows, 0) > 0;
    if (*ret_here) {
        ret_info->revision = db_column_int(&rows, 1);
        ret_info->usage_rows = db_column_int(&rows, 2);
        ret_info->log_rows = db_column_int(&rows, 3);
    }
    return db_done(&rows, err);
}

/* ---- hours ---- */

static const char SQL_HOURS_OF_PLATFORM[] =
    "SELECT hour, " SUM_COLUMNS " FROM usage_platform_hourly WHERE day = $1 AND hour >= $2 AND hour < $3";
static const char SQL_HOURS_OF_TENANT[] = "SELECT u.hour, " SUM_COLUMNS_OF(
    "u") " FROM usage_keys k JOIN usage_hourly u ON u.day = k.day AND u.lane = k.lane AND u.key_id = k.id"
         " WHERE k.day = $1 AND k.tenant_id = $4 AND u.day = $1 AND u.hour >= $2 AND u.hour < $3";

bool lanes_add_hours(struct db *db, int32_t day, const struct usage_filter *filter,
                     const struct hour_span *span, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct db_value args[] = {db_int(day), db_int(span->first), db_int(span->end),
                              db_text(filter->tenant_id)};
    bool of_tenant = filter->tenant_id != NULL;
    if (!db_query(db, of_tenant ? SQL_HOURS_OF_TENANT : SQL_HOURS_OF_PLATFORM, args, of_tenant ? 4 : 3, &rows,
                  err))
        return false;
    while (db_next(&rows)) {
        size_t index = span->into_one ? 0 : (size_t)(db_column_int(&rows, 0) - span->first);
        if (!usage_totals_add_row(&span->totals[index], &rows, 1, err))
            return false;
    }
    return db_done(&rows, err);
}

/* ---- the day's totals ---- */

static const char SQL_TENANTS[] = "SELECT k.api_type, k.operation, k.model, k.tenant_id, " SUM_COLUMNS_OF(
    "u") " FROM usage_keys k JOIN usage_hourly u ON u.day = k.day AND u.lane = k.lane AND u.key_id = k.id"
         " WHERE k.day = $1 AND u.day = $1 ORDER BY k.tenant_id, k.api_type, k.operation, k.model";
static const char SQL_PLATFORM[] = "SELECT k.api_type, k.operation, k.model, NULL, " SUM_COLUMNS_OF(
    "u") " FROM usage_platform_keys k"
         " JOIN usage_platform_hourly u ON u.day = k.day AND u.lane = k.lane AND u.key_id = k.id"
         " WHERE k.day = $1 AND u.day = $1 ORDER BY k.api_type, k.operation, k.model";

bool lanes_each_total(struct db *db, int32_t day, day_total_sink sink, void *context, struct error *err)
{
    return total_grouping_each(db, SQL_TENANTS, DB_ARGS(db_int(day)), sink, context, err) &&
           total_grouping_each(db, SQL_PLATFORM, DB_ARGS(db_int(day)), sink, context, err);
}

/* ---- raw rows ---- */

static const char SQL_USAGE[] =
    "SELECT " RAW_USAGE_COLUMNS
    " FROM usage_rows r JOIN usage_keys k ON k.day = r.day AND k.lane = r.lane AND k.id = r.key_id"
    " WHERE r.day = $1 AND k.day = $1 ORDER BY r.lane, r.id";
bool lanes_each_usage(struct db *db, int32_t day, telemetry_usage_sink sink, void *context, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_USAGE, DB_ARGS(db_int(day)), &rows, err))
        return false;
    while (db_next(&rows)) {
        struct recorded_usage usage = usage_of_row(&rows);
        if (!sink(context, &usage, err))
            return false;
    }
    return db_done(&rows, err);
}

/* ---- names ---- */

static const char SQL_USAGE_NAMES[] =
    "SELECT DISTINCT api_type, operation, model FROM usage_platform_keys WHERE day = $1";
static const char SQL_LOG_SOURCES[] = "SELECT DISTINCT name FROM log_sources WHERE day = $1";

bool lanes_each_name(struct db *db, int32_t day, bool of_logs, telemetry_name_sink sink, void *context,
                     struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, of_logs ? SQL_LOG_SOURCES : SQL_USAGE_NAMES, DB_ARGS(db_int(day)), &rows, err))
        return false;
    while (db_next(&rows)) {
        struct telemetry_name name = name_of_row(&rows, of_logs);
        if (!sink(context, &name, err))
            return false;
    }
    return db_done(&rows, err);
}
