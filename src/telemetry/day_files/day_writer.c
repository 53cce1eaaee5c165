#include "telemetry/day_files/day_writer.h"

#include "base/identifier.h"
#include "base/memory.h"
#include "telemetry/day_files/day_logs.h"
#include "telemetry/day_files/day_writer_private.h"

/* Names remembered for each dictionary, some 150 bytes each; with more, all are read anew. */
#define NAMES_KEPT 200000

static const char SQL_READ_INFO[] =
    "SELECT stamp, revision, log_rows, sealed_rows, loose_blocks FROM day_info";
static const char SQL_WRITE_INFO[] =
    "UPDATE day_info SET revision = $1, stamp = $2, usage_rows = usage_rows + $3,"
    " log_rows = $4, sealed_rows = $5, loose_blocks = $6";

struct day_writer *day_writer_new(void)
{
    struct day_writer *writer = xcalloc(1, sizeof(*writer));
    rollup_rows_init(writer);
    random_bytes(&writer->next_stamp, sizeof(writer->next_stamp));
    writer->next_stamp &= INT64_MAX >> 1;
    return writer;
}

static void day_writer_forget(struct day_writer *writer)
{
    name_map_release(&writer->keys);
    name_map_release(&writer->platform_keys);
    name_map_release(&writer->sources);
    rollup_forget(&writer->tenants);
    rollup_forget(&writer->platform);
    request_set_forget(&writer->requests);
    writer->stamp = 0;
}

void day_writer_free(struct day_writer *writer)
{
    if (!writer)
        return;
    day_writer_forget(writer);
    log_appender_release(&writer->appender);
    free(writer);
}

static bool day_writer_read_info(struct db *db, int64_t *ret_stamp, int64_t *ret_revision,
                                 struct log_lane *ret_lane, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_READ_INFO, DB_NO_ARGS, &rows, err))
        return false;
    if (db_next(&rows)) {
        *ret_stamp = db_column_int(&rows, 0);
        *ret_revision = db_column_int(&rows, 1);
        *ret_lane = (struct log_lane){.db = db,
                                      .sql = &day_log_sql,
                                      .lane = LOG_LANE_ALONE,
                                      .rows = db_column_int(&rows, 2),
                                      .sealed_rows = db_column_int(&rows, 3),
                                      .loose_blocks = db_column_int(&rows, 4)};
        return db_done(&rows, err);
    }
    if (db_done(&rows, err))
        error_set(err, ERROR_INTERNAL, "The day's file has no day_info row: run kimono check.",
                  "当日文件缺少 day_info 行：请运行 kimono check。");
    return false;
}

/* Makes memory agree with the file as it is inside this transaction. */
static bool day_writer_begin(struct day_writer *writer, struct db *db, int64_t *ret_revision,
                             struct log_lane *ret_lane, struct error *err)
{
    int64_t stamp;
    if (!day_writer_read_info(db, &stamp, ret_revision, ret_lane, err))
        return false;
    bool agrees = writer->stamp != 0 && writer->stamp == stamp;
    bool deferred = writer->tenants.dirty_count || writer->platform.dirty_count;
    bool too_large = writer->keys.count > NAMES_KEPT || writer->sources.count > NAMES_KEPT;
    if (agrees && (deferred || !too_large))
        return true;
    if (deferred)
        return error_set(err, ERROR_CONFLICT,
                         "Another process writes to the day's file while bulk data is loaded into it.",
                         "批量载入期间有其他进程写入了当日文件。");
    day_writer_forget(writer);
    return rollup_begin(&writer->tenants, db, err) && rollup_begin(&writer->platform, db, err);
}

static bool day_writer_write_all(const struct day_write *write, struct db *db, struct error *err)
{
    struct day_writer *writer = write->writer;
    struct day_batch *batch = write->batch;
    int64_t revision;
    size_t usage_rows = 0;
    struct log_lane lane;
    if (!day_writer_begin(writer, db, &revision, &lane, err) ||
        !usage_insert(writer, batch, db, &usage_rows, err))
        return false;
    bool put = write->put_rollups || !write->defer_rollups || writer->tenants.count > ROLLUP_ROWS_KEPT;
    if (put && (!rollup_flush(&writer->tenants, db, err) || !rollup_flush(&writer->platform, db, err)))
        return false;
    int64_t stamp = ++writer->next_stamp;
    if (!log_insert(writer, batch, &lane, err) ||
        !db_execute(db, SQL_WRITE_INFO,
                    DB_ARGS(db_int(revision + 1), db_int(stamp), db_int((int64_t)usage_rows),
                            db_int(lane.rows), db_int(lane.sealed_rows), db_int(lane.loose_blocks)),
                    NULL, err))
        return false;
    writer->stamp = stamp;
    return true;
}

static const char SQL_WRITE_LOOSE[] = "UPDATE day_info SET loose_blocks = $1";

bool day_writer_group_logs(struct db *db, void *context, struct error *err)
{
    int64_t stamp, revision;
    struct log_lane lane;
    (void)context;
    return day_writer_read_info(db, &stamp, &revision, &lane, err) && log_lane_group(&lane, err) &&
           db_execute(db, SQL_WRITE_LOOSE, DB_ARGS(db_int(lane.loose_blocks)), NULL, err);
}

bool day_writer_write(struct db *db, void *context, struct error *err)
{
    const struct day_write *write = context;
    write->batch->duplicates = 0;
    if (day_writer_write_all(write, db, err))
        return true;
    day_writer_forget(write->writer);
    return false;
}
