/* Log rows of a batch: names of sources, raw rows, counts by hour. */
#include <string.h>

#include "base/memory.h"
#include "telemetry/postgresql/writer_private.h"

static const char SQL_INSERT[] =
    "INSERT INTO log_rows(day, lane, id, timestamp, level, source_id, tenant_id, request_id, message, fields)"
    " SELECT $1, $2, r.* FROM unnest(" INTS("$3") ", " INTS("$4") ", " INTS("$5") ", " INTS("$6") ", " TEXTS(
        "$7") ", " TEXTS("$8") ", " TEXTS("$9") ", " TEXTS("$10") ") AS r";
/* Of these very rows: counts are added to what is there, nothing has to be remembered from one commit to the next. */
static const char SQL_COUNT[] =
    "INSERT INTO log_hourly(day, lane, hour, level, source_id, count)"
    " SELECT $1, $2, r.hour, r.level, r.source_id, COUNT(*) FROM unnest(" INTS("$3") ", " INTS(
        "$4") ", " INTS("$5") ") AS r(hour, level, source_id) GROUP BY r.hour, r.level, r.source_id"
                              " ON CONFLICT (day, lane, hour, level, source_id)"
                              " DO UPDATE SET count = log_hourly.count + excluded.count";

enum { ID, TIMESTAMP, LEVEL, SOURCE_ID, NUMBERS };
enum { TENANT_ID, REQUEST_ID, MESSAGE, FIELDS, TEXTS_OF_ROW };

struct log_columns {
    struct sql_array numbers[NUMBERS], texts[TEXTS_OF_ROW];
};

static void log_columns_release(struct log_columns *columns)
{
    for (int i = 0; i < NUMBERS; i++)
        sql_array_release(&columns->numbers[i]);
    for (int i = 0; i < TEXTS_OF_ROW; i++)
        sql_array_release(&columns->texts[i]);
}

static void log_columns_put(struct log_columns *columns, const struct log_record *record, int64_t id,
                            int64_t source_id)
{
    sql_array_int(&columns->numbers[ID], id);
    sql_array_int(&columns->numbers[TIMESTAMP], record->timestamp);
    sql_array_int(&columns->numbers[LEVEL], record->level);
    sql_array_int(&columns->numbers[SOURCE_ID], source_id);
    sql_array_text(&columns->texts[TENANT_ID], record->tenant_id);
    sql_array_text(&columns->texts[REQUEST_ID], record->request_id);
    sql_array_text(&columns->texts[MESSAGE], record->message);
    sql_array_text(&columns->texts[FIELDS], record->fields);
}

/* Rows that are not sealed yet: fewer than a block has. */
static bool lane_insert_plain_logs(struct lane_day *day, struct db *db, const struct log_record *records,
                                   size_t count, int64_t first_id, struct error *err)
{
    CLEANUP(log_columns_release) struct log_columns columns = {0};
    struct db_value args[2 + NUMBERS + TEXTS_OF_ROW] = {db_int(day->day), db_int(day->lane)};
    if (count == 0)
        return true;
    for (size_t i = 0; i < count; i++)
        log_columns_put(&columns, &records[i], first_id + (int64_t)i, dictionary_source(day, &records[i]));
    for (int i = 0; i < NUMBERS; i++)
        args[2 + i] = sql_array_value(&columns.numbers[i]);
    for (int i = 0; i < TEXTS_OF_ROW; i++)
        args[2 + NUMBERS + i] = sql_array_value(&columns.texts[i]);
    return db_execute(db, SQL_INSERT, args, ARRAY_SIZE(args), NULL, err);
}

static bool lane_count_logs(struct lane_day *day, struct db *db, const struct log_record *records,
                            size_t count, struct error *err)
{
    CLEANUP(sql_array_release) struct sql_array hours = {0}, levels = {0}, sources = {0};
    for (size_t i = 0; i < count; i++) {
        sql_array_int(&hours, records[i].timestamp / HOUR_MS);
        sql_array_int(&levels, records[i].level);
        sql_array_int(&sources, dictionary_source(day, &records[i]));
    }
    return db_execute(db, SQL_COUNT,
                      DB_ARGS(db_int(day->day), db_int(day->lane), sql_array_value(&hours),
                              sql_array_value(&levels), sql_array_value(&sources)),
                      NULL, err);
}

bool lane_insert_logs(struct lane_day *day, struct log_lane *logs, struct log_appender *appender,
                      const struct day_batch *batch, struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    size_t count = batch->log_count, sealed;
    if (count == 0)
        return true;
    CLEANUP(free_pointer) struct log_record *records = log_records_of(batch, true, &arena);
    if (!dictionary_learn_sources(day, logs->db, records, count, err) ||
        !lane_count_logs(day, logs->db, records, count, err) ||
        !log_lane_seal(logs, appender, records, count, &sealed, err) ||
        !lane_insert_plain_logs(day, logs->db, records + sealed, count - sealed,
                                logs->rows + 1 + (int64_t)sealed, err))
        return false;
    logs->rows += (int64_t)count;
    return true;
}
