/* `kimono check` for a day of telemetry in PostgreSQL: lane by lane, each roll-up from its raw rows. */
#include <inttypes.h>

#include "base/memory.h"
#include "telemetry/postgresql/lane_logs.h"
#include "telemetry/postgresql/read.h"
#include "telemetry/slot_check.h"
#include "telemetry/usage_totals.h"

static const char SQL_LANES[] = "SELECT lane, usage_rows FROM day_lanes WHERE day = $1 ORDER BY lane";
static const char SQL_COUNT_USAGE[] = "SELECT COUNT(*) FROM usage_rows WHERE day = $1 AND lane = $2";

#define SQL_RAW_COLUMNS                                                                                      \
    " r.tokens_input, r.tokens_output, r.tokens_cached, r.latency_ms, r.outcome, r.cost_nano_cny,"           \
    " r.price_version, r.estimated FROM usage_rows r"
static const char SQL_RAW_TENANTS[] = "SELECT r.timestamp / 3600000 * 16777216 + r.key_id," SQL_RAW_COLUMNS
                                      " WHERE r.day = $1 AND r.lane = $2 ORDER BY 1";
/* Each row's key by its index: of a day that has just been written the planner has no statistics yet, and would join all
 * rows with all keys. */
static const char SQL_RAW_PLATFORM[] =
    "SELECT r.timestamp / 3600000 * 16777216 + k.platform_key_id," SQL_RAW_COLUMNS
    " CROSS JOIN LATERAL (SELECT platform_key_id FROM usage_keys"
    " WHERE day = $1 AND lane = $2 AND id = r.key_id LIMIT 1) k"
    " WHERE r.day = $1 AND r.lane = $2 ORDER BY 1";
#define SQL_OF_LANE " WHERE day = $1 AND lane = $2 ORDER BY 1"
#define SQL_STORED(table) "SELECT hour * 16777216 + key_id, " SUM_COLUMNS " FROM " table SQL_OF_LANE
static const char SQL_STORED_TENANTS[] = SQL_STORED("usage_hourly");
static const char SQL_STORED_PLATFORM[] = SQL_STORED("usage_platform_hourly");

static const char SQL_WRONG_REQUESTS[] =
    "SELECT COUNT(*) FROM (SELECT id, api_type, operation FROM usage_requests WHERE day = $1) q FULL JOIN"
    " (SELECT COALESCE(u.record_id, u.request_id) AS id,"
    "  CASE WHEN u.record_id IS NULL THEN k.api_type ELSE '' END AS api_type,"
    "  CASE WHEN u.record_id IS NULL THEN k.operation ELSE '' END AS operation"
    "  FROM usage_rows u JOIN usage_keys k ON k.day = u.day AND k.lane = u.lane AND k.id = u.key_id"
    "  WHERE u.day = $1 AND k.day = $1 AND u.origin = 1"
    "  AND (u.record_id IS NOT NULL OR u.request_id IS NOT NULL)) r"
    " ON q.id = r.id AND q.api_type = r.api_type AND q.operation = r.operation"
    " WHERE q.id IS NULL OR r.id IS NULL";

struct lane_checking {
    struct db *db;
    int64_t lane, usage_rows;
    int32_t day;
    char day_text[CLOCK_DAY_SIZE];
    struct findings *findings;
};

/* The stored rows are asked for first: the connection takes them into memory when the raw rows begin. */
static bool lane_check_hours(struct lane_checking *checking, const char *table, const char *sql_raw,
                             const char *sql_stored, struct error *err)
{
    CLEANUP(slot_check_release)
    struct slot_check check = {.findings = checking->findings,
                               .day = checking->day_text,
                               .table = table,
                               .raw = {.next = row_stream_next},
                               .stored = {.next = row_stream_next}};
    const struct db_value args[] = {db_int(checking->day), db_int(checking->lane)};
    return db_query(checking->db, sql_stored, args, 2, &check.stored.rows, err) &&
           db_query(checking->db, sql_raw, args, 2, &check.raw.rows, err) && slot_check_run(&check, err);
}

static bool lane_check_count(struct lane_checking *checking, const char *sql, const char *name,
                             int64_t stored, struct error *err)
{
    int64_t counted;
    if (!db_find_int(checking->db, sql, DB_ARGS(db_int(checking->day), db_int(checking->lane)), 0, &counted,
                     err))
        return false;
    if (stored != counted)
        findings_add(checking->findings, "%s: day_lanes.%s of lane %" PRId64 " is %" PRId64 ", not %" PRId64,
                     checking->day_text, name, checking->lane, stored, counted);
    return true;
}

static bool lane_check(struct lane_checking *checking, struct error *err)
{
    if (!lane_check_count(checking, SQL_COUNT_USAGE, "usage_rows", checking->usage_rows, err))
        return false;
    if (!lane_check_hours(checking, "usage_hourly", SQL_RAW_TENANTS, SQL_STORED_TENANTS, err) ||
        !lane_check_hours(checking, "usage_platform_hourly", SQL_RAW_PLATFORM, SQL_STORED_PLATFORM, err))
        return false;
    return true;
}

static bool lanes_check_requests(struct db *db, int32_t day, struct findings *findings, struct error *err)
{
    char text[CLOCK_DAY_SIZE];
    int64_t wrong;
    clock_day_format(day, text);
    if (!db_find_int(db, SQL_WRONG_REQUESTS, DB_ARGS(db_int(day)), 0, &wrong, err))
        return false;
    if (wrong)
        findings_add(findings, "%s: usage_requests and usage_rows differ in %" PRId64 " keys", text, wrong);
    return true;
}

bool lanes_check_day(struct db *db, int32_t day, struct findings *findings, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    CLEANUP(free_pointer) struct lane_checking *lanes = NULL;
    size_t count = 0;
    if (!db_query(db, SQL_LANES, DB_ARGS(db_int(day)), &rows, err))
        return false;
    while (db_next(&rows)) {
        lanes = xrealloc(lanes, (count + 1) * sizeof(*lanes));
        struct lane_checking *lane = &lanes[count++];
        *lane = (struct lane_checking){.db = db,
                                       .lane = db_column_int(&rows, 0),
                                       .usage_rows = db_column_int(&rows, 1),
                                       .day = day,
                                       .findings = findings};
        clock_day_format(day, lane->day_text);
    }
    if (!db_done(&rows, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!lane_check(&lanes[i], err))
            return false;
    CLEANUP(free_pointer) struct log_lane *logs = NULL;
    size_t log_count;
    if (!lanes_read_logs(db, day, &logs, &log_count, err))
        return false;
    for (size_t i = 0; i < log_count; i++)
        if (!log_lane_check(&logs[i], "day_lanes", lanes[0].day_text, findings, err))
            return false;
    return count == 0 || lanes_check_requests(db, day, findings, err);
}
