/* Log rows of a batch: sources' dictionary, rows, counts by hour. */
#include <string.h>

#include "telemetry/day_files/day_writer_private.h"
#include "telemetry/day_files/sql_rows.h"

#define COLUMNS 8
#define TALLIES 1024

static const char SQL_SOURCE_OF[] = "SELECT id FROM log_sources WHERE name = $1 AND tenant_id = $2";
static const char SQL_ADD_SOURCE[] = "INSERT INTO log_sources(name, tenant_id) VALUES ($1, $2) RETURNING id";
static const char SQL_COUNT[] =
    "INSERT INTO log_hourly(hour, level, source_id, count) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT (hour, level, source_id) DO UPDATE SET count = log_hourly.count + excluded.count";

#define SQL_INSERT(rows)                                                                                     \
    "INSERT INTO log_rows(id, timestamp, level, source_id, tenant_id, request_id, message, fields)"          \
    " VALUES " rows
static const char SQL_INSERT_ONE[] = SQL_INSERT(SQL_ROW_8_FIRST);
static const char SQL_INSERT_MANY[] = SQL_INSERT(SQL_ROWS_8);

/* Counts of this batch that are not in log_hourly yet. Counts are added to what is there, so that
 * nothing of them has to be remembered from one commit to the next. */
struct tally {
    int64_t hour, level, source_id, count;
};

struct tallies {
    struct tally items[TALLIES];
    size_t count;
    struct slot_table table; /* of `items` */
};

static void tallies_free(struct tallies **tallies)
{
    slot_table_release(&(*tallies)->table);
    free(*tallies);
}

/* The id of the source with its tenant. */
static bool log_source_id(struct day_writer *writer, struct db *db, const struct log_record *record,
                          int64_t *ret_id, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf name = {0};
    const char *source = record->source ? record->source : "";
    const char *tenant_id = record->tenant_id ? record->tenant_id : "";
    strbuf_append(&name, source, strlen(source) + 1);
    strbuf_puts(&name, tenant_id);
    const struct name_entry *known = name_map_find(&writer->sources, name.bytes, name.length);
    if (known) {
        *ret_id = known->id;
        return true;
    }
    int64_t id;
    const struct db_value args[] = {db_text(source), db_text(tenant_id)};
    if (!db_find_int(db, SQL_SOURCE_OF, args, 2, 0, &id, err) ||
        (id == 0 && !db_find_int(db, SQL_ADD_SOURCE, args, 2, 0, &id, err)))
        return false;
    name_map_add(&writer->sources, name.bytes, name.length, id, 0);
    *ret_id = id;
    return true;
}

static bool log_tallies_put(struct tallies *tallies, struct db *db, struct error *err)
{
    for (size_t i = 0; i < tallies->count; i++) {
        const struct tally *tally = &tallies->items[i];
        if (!db_execute(db, SQL_COUNT,
                        DB_ARGS(db_int(tally->hour), db_int(tally->level), db_int(tally->source_id),
                                db_int(tally->count)),
                        NULL, err))
            return false;
    }
    tallies->count = 0;
    slot_table_release(&tallies->table);
    return true;
}

static bool log_tallies_count(struct tallies *tallies, struct db *db, const struct log_row *row,
                              int64_t source_id, struct error *err)
{
    int64_t hour = row->timestamp / HOUR_MS, level = row->record->level;
    uint64_t hash = ((uint64_t)hour * 4 + (uint64_t)level) * UINT64_C(0x9E3779B97F4A7C15) ^
                    (uint64_t)source_id * UINT64_C(0xC2B2AE3D27D4EB4F);
    struct slot_cursor cursor = slot_table_lookup(&tallies->table, hash);
    for (uint32_t slot; (slot = slot_table_next(&tallies->table, &cursor)) != SLOT_NONE;) {
        struct tally *tally = &tallies->items[slot];
        if (tally->hour == hour && tally->level == level && tally->source_id == source_id) {
            tally->count++;
            return true;
        }
    }
    if (tallies->count == TALLIES && !log_tallies_put(tallies, db, err))
        return false;
    slot_table_add(&tallies->table, hash, (uint32_t)tallies->count);
    tallies->items[tallies->count++] = (struct tally){hour, level, source_id, 1};
    return true;
}

static void log_row_fill(const struct log_record *record, int64_t id, int64_t source_id,
                         struct db_value *values)
{
    values[0] = db_int(id);
    values[1] = db_int(record->timestamp);
    values[2] = db_int(record->level);
    values[3] = db_int(source_id);
    values[4] = db_text(record->tenant_id);
    values[5] = db_text(record->request_id);
    values[6] = db_text(record->message);
    values[7] = db_text(record->fields);
}

/* Rows that are not sealed yet. */
static bool log_insert_some(struct day_writer *writer, const struct log_record *records, struct db *db,
                            size_t count, int64_t first_id, struct error *err)
{
    struct db_value values[ROWS_AT_ONCE * COLUMNS];
    for (size_t i = 0; i < count; i++) {
        int64_t source_id;
        if (!log_source_id(writer, db, &records[i], &source_id, err))
            return false;
        log_row_fill(&records[i], first_id + (int64_t)i, source_id, values + i * COLUMNS);
    }
    return db_execute(db, count == 1 ? SQL_INSERT_ONE : SQL_INSERT_MANY, values, count * COLUMNS, NULL, err);
}

static bool log_insert_counts(struct day_writer *writer, const struct day_batch *batch, struct db *db,
                              struct error *err)
{
    CLEANUP(tallies_free) struct tallies *tallies = xcalloc(1, sizeof(*tallies));
    for (size_t i = 0; i < batch->log_count; i++) {
        int64_t source_id;
        if (!log_source_id(writer, db, batch->logs[i].record, &source_id, err) ||
            !log_tallies_count(tallies, db, &batch->logs[i], source_id, err))
            return false;
    }
    return log_tallies_put(tallies, db, err);
}

bool log_insert(struct day_writer *writer, const struct day_batch *batch, struct log_lane *lane,
                struct error *err)
{
    if (batch->log_count == 0)
        return true;
    CLEANUP(free_pointer) struct log_record *records = log_records_of(batch, false, NULL);
    size_t at;
    if (!log_insert_counts(writer, batch, lane->db, err) ||
        !log_lane_seal(lane, &writer->appender, records, batch->log_count, &at, err))
        return false;
    while (at < batch->log_count) {
        size_t count = batch->log_count - at >= ROWS_AT_ONCE ? ROWS_AT_ONCE : 1;
        int64_t first_id = lane->rows + 1 + (int64_t)at;
        if (!log_insert_some(writer, records + at, lane->db, count, first_id, err))
            return false;
        at += count;
    }
    lane->rows += (int64_t)batch->log_count;
    return true;
}
