/* `kimono check` for one day's file.
 *
 * It is read as of one moment, although others write: an unfinished read keeps SQLite's
 * snapshot for all reads of its connection, so one row of day_info is held until the end. */
#include <inttypes.h>

#include "base/memory.h"
#include "telemetry/day_files/day_logs.h"
#include "telemetry/day_files/day_read.h"
#include "telemetry/slot_check.h"
#include "telemetry/usage_totals.h"

static const char SQL_PIN[] = "SELECT usage_rows FROM day_info";
static const char SQL_COUNT_USAGE[] = "SELECT count(*) FROM usage_rows";

#define SQL_RAW_COLUMNS                                                                                      \
    " r.tokens_input, r.tokens_output, r.tokens_cached, r.latency_ms, r.outcome, r.cost_nano_cny,"           \
    " r.price_version, r.estimated FROM usage_rows r"
static const char SQL_RAW_TENANTS[] =
    "SELECT r.timestamp / 3600000 * 16777216 + r.key_id," SQL_RAW_COLUMNS " ORDER BY 1";
static const char SQL_RAW_PLATFORM[] =
    "SELECT r.timestamp / 3600000 * 16777216 + p.id," SQL_RAW_COLUMNS " JOIN usage_keys k ON k.id = r.key_id"
    " JOIN usage_platform_keys p"
    " ON p.api_type = k.api_type AND p.operation = k.operation AND p.model = k.model"
    " ORDER BY 1";
static const char SQL_STORED_TENANTS[] = "SELECT slot, " SUM_COLUMNS " FROM usage_hourly ORDER BY slot";
static const char SQL_STORED_PLATFORM[] =
    "SELECT slot, " SUM_COLUMNS " FROM usage_platform_hourly ORDER BY slot";

struct day_checking {
    struct db *db;
    char day[CLOCK_DAY_SIZE];
    struct findings *findings;
};

static bool day_check_hours(struct day_checking *checking, const char *table, const char *sql_raw,
                            const char *sql_stored, struct error *err)
{
    CLEANUP(slot_check_release)
    struct slot_check check = {.findings = checking->findings,
                               .day = checking->day,
                               .table = table,
                               .raw = {.next = row_stream_next},
                               .stored = {.next = row_stream_next}};
    return db_query(checking->db, sql_stored, DB_NO_ARGS, &check.stored.rows, err) &&
           db_query(checking->db, sql_raw, DB_NO_ARGS, &check.raw.rows, err) && slot_check_run(&check, err);
}

static bool day_check_count(struct day_checking *checking, const char *sql, const char *name, int64_t stored,
                            struct error *err)
{
    int64_t counted;
    if (!db_find_int(checking->db, sql, DB_NO_ARGS, 0, &counted, err))
        return false;
    if (stored != counted)
        findings_add(checking->findings, "%s: day_info.%s is %" PRId64 ", not %" PRId64, checking->day, name,
                     stored, counted);
    return true;
}

bool day_check(struct db *db, int32_t day, struct findings *findings, struct error *err)
{
    struct day_checking checking = {.db = db, .findings = findings};
    CLEANUP(db_rows_release) struct db_rows pin = {0};
    clock_day_format(day, checking.day);
    if (!db_query(db, SQL_PIN, DB_NO_ARGS, &pin, err))
        return false;
    if (!db_next(&pin)) {
        findings_add(findings, "%s: day_info is empty", checking.day);
        return db_done(&pin, err);
    }
    if (!day_check_count(&checking, SQL_COUNT_USAGE, "usage_rows", db_column_int(&pin, 0), err))
        return false;
    if (!day_check_hours(&checking, "usage_hourly", SQL_RAW_TENANTS, SQL_STORED_TENANTS, err) ||
        !day_check_hours(&checking, "usage_platform_hourly", SQL_RAW_PLATFORM, SQL_STORED_PLATFORM, err))
        return false;
    struct log_lane lane;
    bool here;
    return day_log_lane(db, &lane, &here, err) &&
           log_lane_check(&lane, "day_info", checking.day, findings, err);
}
