/* The roll-up tables of a day's file, for the writer's memory (rollup.h). */
#include "telemetry/day_files/day_writer_private.h"
#include "telemetry/day_files/sql_rows.h"
#include "telemetry/usage_totals.h"

#define SQL_LOAD(table) "SELECT " SUM_COLUMNS " FROM " table " WHERE slot = $1"
#define SQL_NEWEST(table) "SELECT max(slot) FROM " table
#define SQL_PUT(table, rows)                                                                                 \
    "INSERT INTO " table "(slot, " SUM_COLUMNS ") VALUES " rows " ON CONFLICT (slot) DO UPDATE SET"          \
    " " SUM_COLUMNS_REPLACED

struct rollup_sql {
    const char *load, *newest, *put_one, *put_many;
};

static const struct rollup_sql tenants = {SQL_LOAD("usage_hourly"), SQL_NEWEST("usage_hourly"),
                                          SQL_PUT("usage_hourly", SQL_ROW_13),
                                          SQL_PUT("usage_hourly", SQL_ROWS_13)};
static const struct rollup_sql platform = {
    SQL_LOAD("usage_platform_hourly"), SQL_NEWEST("usage_platform_hourly"),
    SQL_PUT("usage_platform_hourly", SQL_ROW_13), SQL_PUT("usage_platform_hourly", SQL_ROWS_13)};

static bool rollup_rows_find_newest(struct db *db, void *context, int64_t *ret_slot, struct error *err)
{
    const struct rollup_sql *sql = context;
    return db_find_int(db, sql->newest, DB_NO_ARGS, -1, ret_slot, err);
}

static bool rollup_rows_query(struct db *db, void *context, int64_t slot, struct db_rows *ret_rows,
                              struct error *err)
{
    const struct rollup_sql *sql = context;
    return db_query(db, sql->load, DB_ARGS(db_int(slot)), ret_rows, err);
}

static bool rollup_rows_put(struct db *db, void *context, const struct db_value *values, size_t rows,
                            struct error *err)
{
    const struct rollup_sql *sql = context;
    if (rows == ROWS_AT_ONCE)
        return db_execute(db, sql->put_many, values, rows * ROLLUP_COLUMNS, NULL, err);
    for (size_t i = 0; i < rows; i++)
        if (!db_execute(db, sql->put_one, values + i * ROLLUP_COLUMNS, ROLLUP_COLUMNS, NULL, err))
            return false;
    return true;
}

static const struct rollup_storage storage = {ROWS_AT_ONCE, rollup_rows_find_newest, rollup_rows_query,
                                              rollup_rows_put};

void rollup_rows_init(struct day_writer *writer)
{
    writer->tenants = (struct rollup_map){.storage = &storage, .context = (void *)(uintptr_t)&tenants};
    writer->platform = (struct rollup_map){.storage = &storage, .context = (void *)(uintptr_t)&platform};
}
