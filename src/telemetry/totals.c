/* Totals of usage, from roll-up rows alone: days that have ended from the main store, today and what
 * has not been carried over yet from the day's file. */
#include <string.h>

#include "base/memory.h"
#include "telemetry/day_schema.h"
#include "telemetry/state.h"
#include "telemetry/usage_totals.h"

#define READ_LIMIT_MS 5000

/* A day without calls gives one row of nulls: it is carried over all the same. */
static const char SQL_DAYS_OF_PLATFORM[] =
    "SELECT d.day, calls, failed, unpriced, tokens_input, tokens_output, tokens_cached,"
    " latency_sum_ms, cost_nano_cny, latency_histogram"
    " FROM usage_days d LEFT JOIN usage_platform_daily u ON u.day = d.day"
    " WHERE d.day >= $1 AND d.day < $2";
static const char SQL_DAYS_OF_TENANT[] =
    "SELECT d.day, calls, failed, unpriced, tokens_input, tokens_output, tokens_cached,"
    " latency_sum_ms, cost_nano_cny, latency_histogram"
    " FROM usage_days d LEFT JOIN usage_daily u ON u.tenant_id = $3 AND u.day = d.day"
    " WHERE d.day >= $1 AND d.day < $2";

/* All of the file for a day's total: it is the file that makes the day, as the zone was when its rows
 * came. */
static const char SQL_SLOTS_OF_PLATFORM[] =
    "SELECT slot, " SUM_COLUMNS " FROM usage_platform_hourly WHERE slot >= $1 AND slot < $2";
/* A tenant's keys times the hours that the file has: as many look-ups by slot, however many tenants. */
static const char SQL_SLOTS_OF_TENANT[] =
    "WITH RECURSIVE hours(hour) AS"
    " (SELECT min(slot) / 16777216 FROM usage_platform_hourly WHERE slot >= $1 AND slot < $2"
    "  UNION ALL SELECT hour + 1 FROM hours WHERE hour <"
    "  (SELECT max(slot) / 16777216 FROM usage_platform_hourly WHERE slot >= $1 AND slot < $2))"
    " SELECT u.slot, u.calls, u.failed, u.unpriced, u.tokens_input, u.tokens_output, u.tokens_cached,"
    " u.latency_sum_ms, u.cost_nano_cny, u.latency_histogram"
    " FROM usage_keys k CROSS JOIN hours CROSS JOIN usage_hourly u"
    " WHERE k.tenant_id = $3 AND u.slot = hours.hour * 16777216 + k.id";

/* ---- a day's file ---- */

/* Slots of [first, end) of the file, and where their totals go. */
struct slots {
    int64_t first, end;
    struct usage_totals *totals;
    int64_t first_hour; /* totals[0] is this hour's; -1: all go to totals[0] */
};

static bool query_slots(struct db *db, const struct slots *slots, const struct usage_filter *filter,
                        struct db_rows *ret_rows, struct error *err)
{
    if (!filter->tenant_id)
        return db_query(db, SQL_SLOTS_OF_PLATFORM, DB_ARGS(db_int(slots->first), db_int(slots->end)),
                        ret_rows, err);
    return db_query(db, SQL_SLOTS_OF_TENANT,
                    DB_ARGS(db_int(slots->first), db_int(slots->end), db_text(filter->tenant_id)), ret_rows,
                    err);
}

static bool add_slots(struct db *db, const struct slots *slots, const struct usage_filter *filter,
                      struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!query_slots(db, slots, filter, &rows, err))
        return false;
    while (db_next(&rows)) {
        int64_t hour = slot_hour(db_column_int(&rows, 0));
        size_t index = slots->first_hour < 0 ? 0 : (size_t)(hour - slots->first_hour);
        if (!usage_totals_add_row(&slots->totals[index], &rows, 1, err))
            return false;
    }
    return db_done(&rows, err);
}

/* Adds nothing when the day has no file. */
static bool add_file_slots(struct telemetry *telemetry, int32_t day, const struct slots *slots,
                           const struct usage_filter *filter, struct error *err)
{
    CLEANUP(telemetry_read_release) struct telemetry_read read = {0};
    return telemetry_read_day(telemetry, day, READ_LIMIT_MS, &read, err) &&
           (!read.db || add_slots(read.db, slots, filter, err));
}

static bool add_file_day(struct telemetry *telemetry, int32_t day, const struct usage_filter *filter,
                         struct usage_totals *totals, struct error *err)
{
    struct slots slots = {.first = 0, .end = INT64_MAX, .totals = totals, .first_hour = -1};
    return add_file_slots(telemetry, day, &slots, filter, err);
}

/* ---- the main store ---- */

static bool query_days(struct db *db, int32_t first, int32_t end, const struct usage_filter *filter,
                       struct db_rows *ret_rows, struct error *err)
{
    if (!filter->tenant_id)
        return db_query(db, SQL_DAYS_OF_PLATFORM, DB_ARGS(db_int(first), db_int(end)), ret_rows, err);
    return db_query(db, SQL_DAYS_OF_TENANT, DB_ARGS(db_int(first), db_int(end), db_text(filter->tenant_id)),
                    ret_rows, err);
}

/* Adds the days of [first, end) that have been carried over, and marks them. */
static bool add_carried_days(struct telemetry *telemetry, int32_t first, int32_t end,
                             const struct usage_filter *filter, struct usage_totals *totals, bool *carried,
                             struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!store_reader(telemetry->main_store, READ_LIMIT_MS, &db, err) ||
        !query_days(db, first, end, filter, &rows, err))
        return false;
    while (db_next(&rows)) {
        size_t index = (size_t)(db_column_int(&rows, 0) - first);
        carried[index] = true;
        if (!db_column_null(&rows, 1) && !usage_totals_add_row(&totals[index], &rows, 1, err))
            return false;
    }
    return db_done(&rows, err);
}

/* ---- from outside ---- */

static const struct usage_filter whole_platform = {NULL};

static bool sum_days(struct telemetry *telemetry, int32_t first, size_t count,
                     const struct usage_filter *filter, struct usage_totals *totals, struct error *err)
{
    int32_t end = first + (int32_t)count, today = clock_day(clock_now_ms());
    int32_t ended = end < today ? end : today; /* today and what comes after is in the files alone */
    CLEANUP(free_pointer) bool *carried = xcalloc(count, sizeof(*carried));
    if (first < ended && !add_carried_days(telemetry, first, ended, filter, totals, carried, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!carried[i] && !add_file_day(telemetry, first + (int32_t)i, filter, &totals[i], err))
            return false;
    return true;
}

bool telemetry_daily_totals(struct telemetry *telemetry, int32_t first, size_t count,
                            const struct usage_filter *filter, struct usage_totals *ret_totals,
                            struct error *err)
{
    CLEANUP(free_pointer) struct usage_totals *totals = xcalloc(count, sizeof(*totals));
    if (!sum_days(telemetry, first, count, filter ? filter : &whole_platform, totals, err))
        return false;
    memcpy(ret_totals, totals, count * sizeof(*totals));
    return true;
}

bool telemetry_day_totals(struct telemetry *telemetry, int32_t day, const struct usage_filter *filter,
                          struct usage_totals *ret_totals, struct error *err)
{
    return telemetry_daily_totals(telemetry, day, 1, filter, ret_totals, err);
}

static bool sum_hours(struct telemetry *telemetry, int64_t first_hour, size_t count,
                      const struct usage_filter *filter, struct usage_totals *totals, struct error *err)
{
    int64_t end = first_hour + (int64_t)count * HOUR_MS;
    struct slots slots = {.first = slot_of(first_hour, 0),
                          .end = slot_of(end, 0),
                          .totals = totals,
                          .first_hour = first_hour / HOUR_MS};
    /* An hour may lie in two days' files, where a zone is half an hour off; and in the day before or
     * after, if it was recorded when another zone was in force. */
    for (int32_t day = clock_day(first_hour) - 1; day <= clock_day(end - 1) + 1; day++)
        if (!add_file_slots(telemetry, day, &slots, filter, err))
            return false;
    return true;
}

bool telemetry_hourly_totals(struct telemetry *telemetry, int64_t first_hour, size_t count,
                             const struct usage_filter *filter, struct usage_totals *ret_totals,
                             struct error *err)
{
    CLEANUP(free_pointer) struct usage_totals *totals = xcalloc(count, sizeof(*totals));
    if (count && !sum_hours(telemetry, first_hour, count, filter ? filter : &whole_platform, totals, err))
        return false;
    memcpy(ret_totals, totals, count * sizeof(*totals));
    return true;
}
