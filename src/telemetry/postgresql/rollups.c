/* The roll-up tables of a lane's day, for the writer's memory (telemetry/rollup.h). */
#include "base/memory.h"
#include "telemetry/postgresql/writer_private.h"
#include "telemetry/slot.h"
#include "telemetry/usage_totals.h"

struct lane_table_sql {
    const char *newest, *load, *put;
};

#define SQL_NEWEST(table) "SELECT MAX(hour) FROM " table " WHERE day = $1 AND lane = $2"
#define SQL_LOAD(table)                                                                                      \
    "SELECT " SUM_COLUMNS " FROM " table " WHERE day = $1 AND lane = $2 AND key_id = $3 AND hour = $4"
#define SQL_ARRAYS                                                                                                             \
    INTS("$3")                                                                                                                 \
    ", " INTS("$4") ", " INTS("$5") ", " INTS("$6") ", " INTS("$7") ", " INTS("$8") ", " INTS(                                 \
        "$9") ", " INTS("$10") ", " INTS("$11") ", " INTS("$12") ", " INTS("$13") ", " INTS("$14") ","                         \
                                                                                                   " " INTS("$15") ", " BYTES( \
                                                                                                       "$1"                    \
                                                                                                       "6")
#define SQL_REPLACED " ON CONFLICT (day, lane, key_id, hour) DO UPDATE SET " SUM_COLUMNS_REPLACED
#define SQL_PUT(table)                                                                                       \
    "INSERT INTO " table "(day, lane, key_id, hour, " SUM_COLUMNS ")"                                        \
    " SELECT $1, $2, r.* FROM unnest(" SQL_ARRAYS ") AS r" SQL_REPLACED

static const struct lane_table_sql tenants_sql = {SQL_NEWEST("usage_hourly"), SQL_LOAD("usage_hourly"),
                                                  SQL_PUT("usage_hourly")};
static const struct lane_table_sql platform_sql = {
    SQL_NEWEST("usage_platform_hourly"), SQL_LOAD("usage_platform_hourly"), SQL_PUT("usage_platform_hourly")};

static bool lane_table_find_newest(struct db *db, void *context, int64_t *ret_slot, struct error *err)
{
    const struct lane_table *table = context;
    int64_t hour;
    if (!db_find_int(db, table->sql->newest, DB_ARGS(db_int(table->day), db_int(table->lane)), -1, &hour,
                     err))
        return false;
    *ret_slot = hour < 0 ? -1 : hour * SLOT_KEYS;
    return true;
}

static bool lane_table_query(struct db *db, void *context, int64_t slot, struct db_rows *ret_rows,
                             struct error *err)
{
    const struct lane_table *table = context;
    return db_query(
        db, table->sql->load,
        DB_ARGS(db_int(table->day), db_int(table->lane), db_int(slot_key(slot)), db_int(slot_hour(slot))),
        ret_rows, err);
}

#define NUMBERS ROLLUP_COLUMNS /* key_id, hour, and SUM_COLUMNS without the histogram */

struct rollup_columns {
    struct sql_array numbers[NUMBERS], histograms;
};

static void rollup_columns_release(struct rollup_columns *columns)
{
    for (int i = 0; i < NUMBERS; i++)
        sql_array_release(&columns->numbers[i]);
    sql_array_release(&columns->histograms);
}

static bool lane_table_put(struct db *db, void *context, const struct db_value *values, size_t rows,
                           struct error *err)
{
    const struct lane_table *table = context;
    CLEANUP(rollup_columns_release) struct rollup_columns columns = {0};
    struct db_value args[3 + NUMBERS] = {db_int(table->day), db_int(table->lane)};
    for (size_t i = 0; i < rows; i++, values += ROLLUP_COLUMNS) {
        const struct db_value *histogram = &values[ROLLUP_COLUMNS - 1];
        sql_array_int(&columns.numbers[0], slot_key(values[0].integer));
        sql_array_int(&columns.numbers[1], slot_hour(values[0].integer));
        for (int column = 1; column < ROLLUP_COLUMNS - 1; column++)
            sql_array_int(&columns.numbers[1 + column], values[column].integer);
        sql_array_bytes(&columns.histograms, histogram->bytes, histogram->length);
    }
    for (int i = 0; i < NUMBERS; i++)
        args[2 + i] = sql_array_value(&columns.numbers[i]);
    args[2 + NUMBERS] = sql_array_value(&columns.histograms);
    return db_execute(db, table->sql->put, args, ARRAY_SIZE(args), NULL, err);
}

static const struct rollup_storage storage = {500, lane_table_find_newest, lane_table_query, lane_table_put};

void lane_rollups_init(struct lane_day *day)
{
    day->tenants_table = (struct lane_table){&tenants_sql, day->day, day->lane};
    day->platform_table = (struct lane_table){&platform_sql, day->day, day->lane};
    day->tenants = (struct rollup_map){.storage = &storage, .context = &day->tenants_table};
    day->platform = (struct rollup_map){.storage = &storage, .context = &day->platform_table};
}
