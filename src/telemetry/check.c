/* `kimono check` for telemetry: recomputes every roll-up and says what differs.
 *
 * Each file is read as of one moment, although others write: an unfinished read keeps SQLite's
 * snapshot for all reads of its connection, so one row of day_info is held until the end. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "telemetry/day_schema.h"
#include "telemetry/day_totals.h"
#include "telemetry/rollup.h"
#include "telemetry/state.h"
#include "telemetry/usage_totals.h"

#define READ_LIMIT_MS 3600000
#define FINDINGS_SHOWN 200

static const char SQL_PIN_DAY[] = "SELECT revision, usage_rows, log_rows FROM day_info";
static const char SQL_PIN_MAIN[] = "SELECT version FROM schema_version";
static const char SQL_COUNT_USAGE[] = "SELECT count(*) FROM usage_rows";
static const char SQL_COUNT_LOGS[] = "SELECT count(*) FROM log_rows";

#define SQL_RAW_COLUMNS                                                                                      \
    " r.tokens_input, r.tokens_output, r.tokens_cached, r.latency_ms, r.outcome, r.cost_nano_cny,"           \
    " r.price_version FROM usage_rows r"
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

static const char SQL_WRONG_LOG_HOURS[] =
    "SELECT hour, level, source_id, sum(stored), sum(counted) FROM"
    " (SELECT hour, level, source_id, count AS stored, 0 AS counted FROM log_hourly"
    "  UNION ALL SELECT timestamp / 3600000, level, source_id, 0, 1 FROM log_rows) AS both"
    " GROUP BY hour, level, source_id HAVING sum(stored) <> sum(counted)";

static const char SQL_CARRIED[] = "SELECT revision FROM usage_days WHERE day = $1";
static const char SQL_CARRIED_TENANT[] =
    "SELECT " SUM_COLUMNS " FROM usage_daily"
    " WHERE day = $1 AND tenant_id = $2 AND api_type = $3 AND operation = $4 AND model = $5";
static const char SQL_CARRIED_PLATFORM[] =
    "SELECT " SUM_COLUMNS " FROM usage_platform_daily"
    " WHERE day = $1 AND api_type = $2 AND operation = $3 AND model = $4";
static const char SQL_COUNT_CARRIED[] = "SELECT (SELECT count(*) FROM usage_daily WHERE day = $1)"
                                        " + (SELECT count(*) FROM usage_platform_daily WHERE day = $1)";

#define SQL_SIGNED(sign, table)                                                                              \
    "SELECT day, api_type, operation, model, " sign "calls AS calls, " sign "failed AS failed, " sign        \
    "unpriced AS unpriced, " sign "tokens_input AS tokens_input, " sign                                      \
    "tokens_output AS tokens_output, " sign "tokens_cached AS tokens_cached, " sign                          \
    "latency_sum_ms AS latency_sum_ms, " sign "cost_nano_cny AS cost_nano_cny FROM " table
static const char SQL_UNEQUAL_DAYS[] =
    "SELECT day, api_type, operation, model FROM"
    " (" SQL_SIGNED("", "usage_daily") " UNION ALL " SQL_SIGNED(
        "-", "usage_platform_daily") ") AS both"
                                     " GROUP BY day, api_type, operation, model"
                                     " HAVING sum(calls) <> 0 OR sum(failed) <> 0 OR sum(unpriced) <> 0 OR "
                                     "sum(tokens_input) <> 0"
                                     " OR sum(tokens_output) <> 0 OR sum(tokens_cached) <> 0 OR "
                                     "sum(latency_sum_ms) <> 0"
                                     " OR sum(cost_nano_cny) <> 0 ORDER BY day, api_type, operation, model";

struct check {
    struct telemetry *telemetry;
    struct strbuf *findings;
    int64_t found;
    char day_text[CLOCK_DAY_SIZE];
    int32_t day;
};

static void __attribute__((format(printf, 2, 3))) find(struct check *check, const char *format, ...)
{
    check->found++;
    if (check->found > FINDINGS_SHOWN)
        return;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    strbuf_printf(check->findings, "%s\n", text);
}

static void name_day(struct check *check, int32_t day)
{
    check->day = day;
    clock_day_format(day, check->day_text);
}

/* ---- usage by hour ---- */

/* Two streams in order of slots: the roll-ups of raw rows made here, and the stored ones. */
struct merge {
    struct check *check;
    const char *table;
    struct db_rows stored;
    int64_t stored_slot; /* INT64_MAX: at the end */
    struct usage_totals found;
    int64_t slot; /* of `right`; -1: none yet */
    struct usage_totals right;
};

static void merge_release(struct merge *merge)
{
    db_rows_release(&merge->stored);
}

static void find_slot(struct merge *merge, int64_t slot, const char *what)
{
    char hour[CLOCK_TEXT_SIZE];
    clock_format(slot_hour(slot) * HOUR_MS, hour);
    find(merge->check, "%s: %s of %s, key %" PRId64 ": %s", merge->check->day_text, merge->table, hour,
         slot_key(slot), what);
}

static bool next_stored(struct merge *merge, struct error *err)
{
    merge->stored_slot = INT64_MAX;
    if (!db_next(&merge->stored))
        return db_done(&merge->stored, err);
    merge->stored_slot = db_column_int(&merge->stored, 0);
    memset(&merge->found, 0, sizeof(merge->found));
    struct error unreadable;
    if (!usage_totals_add_row(&merge->found, &merge->stored, 1, &unreadable))
        find_slot(merge, merge->stored_slot, "its histogram cannot be read");
    return true;
}

static bool pass_stored_before(struct merge *merge, int64_t slot, struct error *err)
{
    while (merge->stored_slot < slot) {
        find_slot(merge, merge->stored_slot, "there are no such calls");
        if (!next_stored(merge, err))
            return false;
    }
    return true;
}

static bool compare_slot(struct merge *merge, struct error *err)
{
    if (merge->slot < 0)
        return true;
    if (!pass_stored_before(merge, merge->slot, err))
        return false;
    if (merge->stored_slot != merge->slot) {
        find_slot(merge, merge->slot, "missing");
        return true;
    }
    CLEANUP(strbuf_release) struct strbuf difference = {0};
    if (!usage_totals_compare(&merge->found, &merge->right, &difference))
        find_slot(merge, merge->slot, strbuf_text(&difference));
    return next_stored(merge, err);
}

static void add_raw(struct usage_totals *totals, const struct db_rows *rows)
{
    int64_t latency_ms = db_column_int(rows, 4);
    totals->calls++;
    totals->tokens_input = sum_add(totals->tokens_input, db_column_int(rows, 1));
    totals->tokens_output = sum_add(totals->tokens_output, db_column_int(rows, 2));
    totals->tokens_cached = sum_add(totals->tokens_cached, db_column_int(rows, 3));
    totals->latency_sum_ms = sum_add(totals->latency_sum_ms, latency_ms);
    totals->failed += db_column_int(rows, 5) != USAGE_OK;
    totals->cost_nano_cny = sum_add(totals->cost_nano_cny, db_column_int(rows, 6));
    totals->unpriced += db_column_int(rows, 7) == 0;
    totals->latency.counts[latency_bucket(latency_ms)]++;
}

static bool compare_all(struct merge *merge, struct db_rows *raw, struct error *err)
{
    while (db_next(raw)) {
        int64_t slot = db_column_int(raw, 0);
        if (slot != merge->slot) {
            if (!compare_slot(merge, err))
                return false;
            merge->slot = slot;
            memset(&merge->right, 0, sizeof(merge->right));
        }
        add_raw(&merge->right, raw);
    }
    return db_done(raw, err) && compare_slot(merge, err) && pass_stored_before(merge, INT64_MAX, err);
}

static bool check_hours(struct check *check, struct db *db, const char *table, const char *sql_raw,
                        const char *sql_stored, struct error *err)
{
    CLEANUP(merge_release) struct merge merge = {.check = check, .table = table, .slot = -1};
    CLEANUP(db_rows_release) struct db_rows raw = {0};
    return db_query(db, sql_stored, DB_NO_ARGS, &merge.stored, err) && next_stored(&merge, err) &&
           db_query(db, sql_raw, DB_NO_ARGS, &raw, err) && compare_all(&merge, &raw, err);
}

/* ---- counts ---- */

static bool check_count(struct check *check, struct db *db, const char *sql, const char *name, int64_t stored,
                        struct error *err)
{
    int64_t counted;
    if (!db_find_int(db, sql, DB_NO_ARGS, 0, &counted, err))
        return false;
    if (stored != counted)
        find(check, "%s: day_info.%s is %" PRId64 ", not %" PRId64, check->day_text, name, stored, counted);
    return true;
}

static bool check_log_hours(struct check *check, struct db *db, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_WRONG_LOG_HOURS, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows)) {
        char hour[CLOCK_TEXT_SIZE];
        clock_format(db_column_int(&rows, 0) * HOUR_MS, hour);
        find(check,
             "%s: log_hourly of %s, level %" PRId64 ", source %" PRId64 ": count %" PRId64 ", not %" PRId64,
             check->day_text, hour, db_column_int(&rows, 1), db_column_int(&rows, 2), db_column_int(&rows, 3),
             db_column_int(&rows, 4));
    }
    return db_done(&rows, err);
}

/* ---- the main store's totals of a day ---- */

struct carried_check {
    struct check *check;
    struct db *main_db;
    int64_t totals; /* seen in the day's file */
};

static bool query_carried(struct carried_check *carried, const struct day_total *total,
                          struct db_rows *ret_rows, struct error *err)
{
    struct db_value day = db_int(carried->check->day);
    if (total->tenant_id)
        return db_query(carried->main_db, SQL_CARRIED_TENANT,
                        DB_ARGS(day, db_text(total->tenant_id), db_text(total->api_type),
                                db_text(total->operation), db_text(total->model)),
                        ret_rows, err);
    return db_query(carried->main_db, SQL_CARRIED_PLATFORM,
                    DB_ARGS(day, db_text(total->api_type), db_text(total->operation), db_text(total->model)),
                    ret_rows, err);
}

static bool check_carried_total(const struct day_total *total, void *context, struct error *err)
{
    struct carried_check *carried = context;
    CLEANUP(strbuf_release) struct strbuf difference = {0};
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!query_carried(carried, total, &rows, err))
        return false;
    carried->totals++;
    struct usage_totals found = {0};
    struct error unreadable;
    if (!db_next(&rows))
        strbuf_puts(&difference, "missing");
    else if (usage_totals_add_row(&found, &rows, 0, &unreadable))
        usage_totals_compare(&found, total->totals, &difference);
    else
        strbuf_puts(&difference, "its histogram cannot be read");
    if (difference.length)
        find(carried->check, "%s: %s of tenant '%s', %s %s %s: %s", carried->check->day_text,
             total->tenant_id ? "usage_daily" : "usage_platform_daily",
             total->tenant_id ? total->tenant_id : "", total->api_type, total->operation, total->model,
             strbuf_text(&difference));
    return db_done(&rows, err);
}

/* Totals of an older revision than the file's are only late, not wrong. */
static bool check_carried_day(struct check *check, struct db *db, struct db *main_db, int64_t revision,
                              struct error *err)
{
    int64_t carried_revision, rows;
    struct db_value day = db_int(check->day);
    if (!db_find_int(main_db, SQL_CARRIED, DB_ARGS(day), -1, &carried_revision, err))
        return false;
    if (carried_revision != revision)
        return true;
    struct carried_check carried = {.check = check, .main_db = main_db};
    if (!day_totals_each(db, check_carried_total, &carried, err) ||
        !db_find_int(main_db, SQL_COUNT_CARRIED, DB_ARGS(day), 0, &rows, err))
        return false;
    if (rows > carried.totals)
        find(check, "%s: usage_daily and usage_platform_daily have %" PRId64 " rows, not %" PRId64,
             check->day_text, rows, carried.totals);
    return true;
}

/* ---- from outside ---- */

static bool check_day(struct check *check, struct db *db, struct db *main_db, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows pin = {0};
    if (!db_query(db, SQL_PIN_DAY, DB_NO_ARGS, &pin, err))
        return false;
    if (!db_next(&pin)) {
        find(check, "%s: day_info is empty", check->day_text);
        return db_done(&pin, err);
    }
    return check_count(check, db, SQL_COUNT_USAGE, "usage_rows", db_column_int(&pin, 1), err) &&
           check_count(check, db, SQL_COUNT_LOGS, "log_rows", db_column_int(&pin, 2), err) &&
           check_hours(check, db, "usage_hourly", SQL_RAW_TENANTS, SQL_STORED_TENANTS, err) &&
           check_hours(check, db, "usage_platform_hourly", SQL_RAW_PLATFORM, SQL_STORED_PLATFORM, err) &&
           check_log_hours(check, db, err) &&
           check_carried_day(check, db, main_db, db_column_int(&pin, 0), err);
}

static bool check_main_store(struct check *check, struct db *main_db, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(main_db, SQL_UNEQUAL_DAYS, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows)) {
        name_day(check, (int32_t)db_column_int(&rows, 0));
        find(check, "%s: usage_platform_daily of %s %s %s is not the sum of usage_daily", check->day_text,
             db_column_text(&rows, 1), db_column_text(&rows, 2), db_column_text(&rows, 3));
    }
    return db_done(&rows, err);
}

static bool check_file(struct check *check, int32_t day, struct error *err)
{
    CLEANUP(telemetry_read_release) struct telemetry_read read = {0};
    CLEANUP(store_reader_release) struct db *main_db = NULL;
    CLEANUP(db_rows_release) struct db_rows pin = {0};
    name_day(check, day);
    if (!telemetry_read_day(check->telemetry, day, READ_LIMIT_MS, &read, err))
        return error_prefix(err, "%s", "%s", check->day_text);
    if (!read.db) /* deleted meanwhile */
        return true;
    if (!store_reader(check->telemetry->main_store, READ_LIMIT_MS, &main_db, err) ||
        !db_query(main_db, SQL_PIN_MAIN, DB_NO_ARGS, &pin, err))
        return false;
    db_next(&pin);
    return check_day(check, read.db, main_db, err) || error_prefix(err, "%s", "%s", check->day_text);
}

bool telemetry_check(struct telemetry *telemetry, struct strbuf *ret_findings, struct error *err)
{
    struct check check = {.telemetry = telemetry, .findings = ret_findings};
    CLEANUP(free_pointer) int32_t *days = NULL;
    size_t count;
    if (!day_files_list(telemetry->files.folder, &days, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!check_file(&check, days[i], err))
            return false;
    CLEANUP(store_reader_release) struct db *main_db = NULL;
    if (!store_reader(telemetry->main_store, READ_LIMIT_MS, &main_db, err) ||
        !check_main_store(&check, main_db, err))
        return false;
    if (check.found > FINDINGS_SHOWN)
        strbuf_printf(ret_findings, "… and %" PRId64 " more\n", check.found - FINDINGS_SHOWN);
    return true;
}
