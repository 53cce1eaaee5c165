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
    struct sql_array numbers[NUMBERS], texts[TEXTS_OF_ROW], hours;
};

static void log_columns_release(struct log_columns *columns)
{
    for (int i = 0; i < NUMBERS; i++)
        sql_array_release(&columns->numbers[i]);
    for (int i = 0; i < TEXTS_OF_ROW; i++)
        sql_array_release(&columns->texts[i]);
    sql_array_release(&columns->hours);
}

static void log_columns_put(struct log_columns *columns, const struct log_row *row, int64_t id,
                            int64_t source_id)
{
    const struct log_record *record = row->record;
    sql_array_int(&columns->numbers[ID], id);
    sql_array_int(&columns->numbers[TIMESTAMP], row->timestamp);
    sql_array_int(&columns->numbers[LEVEL], record->level);
    sql_array_int(&columns->numbers[SOURCE_ID], source_id);
    sql_array_text(&columns->texts[TENANT_ID], record->tenant_id);
    sql_array_text(&columns->texts[REQUEST_ID], record->request_id);
    sql_array_text(&columns->texts[MESSAGE], record->message ? record->message : "");
    sql_array_text(&columns->texts[FIELDS], record->fields);
    sql_array_int(&columns->hours, row->timestamp / HOUR_MS);
}

/* Rows from `from` on, as many as one statement takes. */
static bool lane_insert_some_logs(struct lane_day *day, struct db *db, const struct day_batch *batch,
                                  size_t from, int64_t first_id, size_t *ret_count, struct error *err)
{
    CLEANUP(log_columns_release) struct log_columns columns = {0};
    struct db_value args[2 + NUMBERS + TEXTS_OF_ROW] = {db_int(day->day), db_int(day->lane)};
    size_t count = 0;
    const struct strbuf *messages = &columns.texts[MESSAGE].text, *fields = &columns.texts[FIELDS].text;
    while (from + count < batch->log_count && count < ROWS_AT_ONCE &&
           messages->length + fields->length < BYTES_AT_ONCE) {
        const struct log_row *row = &batch->logs[from + count];
        log_columns_put(&columns, row, first_id + (int64_t)(from + count),
                        dictionary_source(day, row->record->source));
        count++;
    }
    for (int i = 0; i < NUMBERS; i++)
        args[2 + i] = sql_array_value(&columns.numbers[i]);
    for (int i = 0; i < TEXTS_OF_ROW; i++)
        args[2 + NUMBERS + i] = sql_array_value(&columns.texts[i]);
    *ret_count = count;
    return db_execute(db, SQL_INSERT, args, ARRAY_SIZE(args), NULL, err) &&
           db_execute(db, SQL_COUNT,
                      DB_ARGS(args[0], args[1], sql_array_value(&columns.hours), args[2 + LEVEL],
                              args[2 + SOURCE_ID]),
                      NULL, err);
}

bool lane_insert_logs(struct lane_day *day, struct db *db, const struct day_batch *batch, int64_t first_id,
                      struct error *err)
{
    size_t count;
    if (!dictionary_learn_sources(day, db, batch->logs, batch->log_count, err))
        return false;
    for (size_t at = 0; at < batch->log_count; at += count)
        if (!lane_insert_some_logs(day, db, batch, at, first_id, &count, err))
            return false;
    return true;
}
