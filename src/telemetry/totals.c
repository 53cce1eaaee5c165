/* Totals of usage, from roll-up rows alone: days that have ended from the main store; today, and what of our own has
 * not been rolled over yet, from the day's roll-ups by hour. */
#include <string.h>

#include "base/memory.h"
#include "telemetry/slot.h"
#include "telemetry/state.h"
#include "telemetry/usage_totals.h"

#define READ_LIMIT_MS 5000

/* A day without calls gives one row of nulls: it is rolled over all the same. */
static const char SQL_DAYS_OF_PLATFORM[] =
    "SELECT d.day, d.recorder, " SUM_COLUMNS
    " FROM usage_days d LEFT JOIN usage_platform_daily u ON u.day = d.day AND u.recorder = d.recorder"
    " WHERE d.day >= $1 AND d.day < $2 AND d.revision IS NOT NULL";
static const char SQL_DAYS_OF_TENANT[] =
    "SELECT d.day, d.recorder, " SUM_COLUMNS " FROM usage_days d"
    " LEFT JOIN usage_daily u ON u.tenant_id = $3 AND u.day = d.day AND u.recorder = d.recorder"
    " WHERE d.day >= $1 AND d.day < $2 AND d.revision IS NOT NULL";
#define FIRST_SUM 2

/* ---- the main store ---- */

/* Our part of a day of those that are summed up. */
struct own_day {
    int64_t recorder; /* as find_recorders gives it */
    bool is_rolled_over;
};

/* Adds what has been rolled over of the days of [first, end). */
static bool totals_add_ended_days(struct telemetry *telemetry, int32_t first, int32_t end,
                                  const struct usage_filter *filter, struct own_day *own,
                                  struct usage_totals *totals, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct db_value args[] = {db_int(first), db_int(end), db_text(filter->tenant_id)};
    bool of_tenant = filter->tenant_id != NULL;
    if (!store_reader(telemetry->main_store, READ_LIMIT_MS, &db, err) ||
        !db_query(db, of_tenant ? SQL_DAYS_OF_TENANT : SQL_DAYS_OF_PLATFORM, args, of_tenant ? 3 : 2, &rows,
                  err))
        return false;
    while (db_next(&rows)) {
        size_t i = (size_t)(db_column_int(&rows, 0) - first);
        /* Where our rows cannot be read, what is rolled over is taken for all. */
        own[i].is_rolled_over |=
            own[i].recorder == RECORDER_UNKNOWN || own[i].recorder == db_column_int(&rows, 1);
        if (!db_column_null(&rows, FIRST_SUM) && !usage_totals_add_row(&totals[i], &rows, FIRST_SUM, err))
            return false;
    }
    return db_done(&rows, err);
}

/* ---- from outside ---- */

static const struct usage_filter whole_platform = {NULL};

static bool totals_sum_days(struct telemetry *telemetry, int32_t first, size_t count,
                            const struct usage_filter *filter, struct usage_totals *totals, struct error *err)
{
    struct engine *engine = telemetry->engine;
    int32_t end = first + (int32_t)count, today = clock_day(clock_now_ms());
    int32_t ended = end < today ? end : today; /* today and what comes after is in the engine alone */
    CLEANUP(free_pointer) struct own_day *own = xcalloc(count, sizeof(*own));
    CLEANUP(free_pointer) int64_t *recorders = xcalloc(count, sizeof(*recorders));
    if (first < ended) {
        if (!engine->functions->find_recorders(engine, first, (size_t)(ended - first), recorders, err))
            return false;
        for (size_t i = 0; i < count; i++)
            own[i].recorder = recorders[i];
        if (!totals_add_ended_days(telemetry, first, ended, filter, own, totals, err))
            return false;
    }
    for (size_t i = 0; i < count; i++) {
        int32_t day = first + (int32_t)i;
        bool here = day >= ended || own[i].recorder != 0;
        /* All of the day's rows: the day is where they lie, as the zone was when they came. */
        struct hour_span all = {.end = INT64_MAX / SLOT_KEYS, .into_one = true, .totals = &totals[i]};
        if (here && !own[i].is_rolled_over && !engine->functions->add_hours(engine, day, filter, &all, err))
            return false;
    }
    return true;
}

bool telemetry_daily_totals(struct telemetry *telemetry, int32_t first, size_t count,
                            const struct usage_filter *filter, struct usage_totals *ret_totals,
                            struct error *err)
{
    CLEANUP(free_pointer) struct usage_totals *totals = xcalloc(count, sizeof(*totals));
    if (!totals_sum_days(telemetry, first, count, filter ? filter : &whole_platform, totals, err))
        return false;
    memcpy(ret_totals, totals, count * sizeof(*totals));
    return true;
}

bool telemetry_day_totals(struct telemetry *telemetry, int32_t day, const struct usage_filter *filter,
                          struct usage_totals *ret_totals, struct error *err)
{
    return telemetry_daily_totals(telemetry, day, 1, filter, ret_totals, err);
}

bool telemetry_hourly_totals(struct telemetry *telemetry, int64_t first_hour, size_t count,
                             const struct usage_filter *filter, struct usage_totals *ret_totals,
                             struct error *err)
{
    CLEANUP(free_pointer) struct usage_totals *totals = xcalloc(count, sizeof(*totals));
    struct engine *engine = telemetry->engine;
    int64_t end = first_hour + (int64_t)count * HOUR_MS;
    struct hour_span span = {.first = first_hour / HOUR_MS, .end = end / HOUR_MS, .totals = totals};
    filter = filter ? filter : &whole_platform;
    /* An hour may lie in two days, where a zone is half an hour off; and in the day before or
     * after, if it was recorded when another zone was in force. */
    for (int32_t day = clock_day(first_hour) - 1; count && day <= clock_day(end - 1) + 1; day++)
        if (!engine->functions->add_hours(engine, day, filter, &span, err))
            return false;
    memcpy(ret_totals, totals, count * sizeof(*totals));
    return true;
}
