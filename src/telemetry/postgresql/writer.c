#include "telemetry/postgresql/writer.h"

#include <string.h>

#include "base/identifier.h"
#include "base/memory.h"
#include "telemetry/postgresql/lane_logs.h"
#include "telemetry/postgresql/writer_private.h"

/* Names remembered for each dictionary, some 150 bytes each; with more, all are read anew. */
#define NAMES_KEPT 200000

static const char SQL_LOCK_LANE[] = "SELECT stamp, usage_rows, log_rows, sealed_rows, loose_blocks FROM "
                                    "day_lanes WHERE day = $1 AND lane = $2 FOR UPDATE";
static const char SQL_END[] =
    "UPDATE day_lanes SET revision = revision + 1, stamp = $3, usage_rows = usage_rows + $4,"
    " log_rows = $5, sealed_rows = $6, loose_blocks = $7 WHERE day = $1 AND lane = $2";

struct lane_writer *lane_writer_new(void)
{
    struct lane_writer *writer = xcalloc(1, sizeof(*writer));
    random_bytes(&writer->next_stamp, sizeof(writer->next_stamp));
    writer->next_stamp &= INT64_MAX >> 1;
    return writer;
}

static void lane_day_forget(struct lane_day *day)
{
    name_map_release(&day->keys.names);
    name_map_release(&day->platform_keys.names);
    name_map_release(&day->sources.names);
    rollup_forget(&day->tenants);
    rollup_forget(&day->platform);
    *day = (struct lane_day){0};
}

void lane_writer_free(struct lane_writer *writer)
{
    if (!writer)
        return;
    for (size_t i = 0; i < DAYS_REMEMBERED; i++)
        lane_day_forget(&writer->days[i]);
    log_appender_release(&writer->appender);
    free(writer);
}

/* The place of the day in memory, or the one that was used longest ago. */
static struct lane_day *lane_writer_find_day(struct lane_writer *writer, int32_t number, int64_t lane)
{
    struct lane_day *oldest = &writer->days[0];
    for (size_t i = 0; i < DAYS_REMEMBERED; i++) {
        struct lane_day *day = &writer->days[i];
        if (day->lane == lane && day->day == number)
            return day;
        if (day->last_used < oldest->last_used)
            oldest = day;
    }
    return oldest;
}

struct lane_state {
    int64_t stamp, usage_rows;
    struct log_lane logs;
};

static bool lane_write_lock(struct lane_write *write, struct db *db, struct lane_state *ret_state,
                            struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_LOCK_LANE, DB_ARGS(db_int(write->day), db_int(write->lane)), &rows, err))
        return false;
    write->absent = !db_next(&rows);
    if (!write->absent)
        *ret_state = (struct lane_state){.stamp = db_column_int(&rows, 0),
                                         .usage_rows = db_column_int(&rows, 1),
                                         .logs = {.db = db,
                                                  .sql = &lane_log_sql,
                                                  .day = write->day,
                                                  .lane = write->lane,
                                                  .rows = db_column_int(&rows, 2),
                                                  .sealed_rows = db_column_int(&rows, 3),
                                                  .loose_blocks = db_column_int(&rows, 4)}};
    return db_done(&rows, err);
}

/* Makes memory agree with the lane's day as it is inside this transaction. */
static bool lane_write_remember(struct lane_write *write, struct lane_day *day, struct db *db, int64_t stamp,
                                struct error *err)
{
    bool known = day->lane == write->lane && day->day == write->day;
    bool too_large = day->keys.names.count > NAMES_KEPT || day->sources.names.count > NAMES_KEPT;
    write->shared = known && day->stamp != stamp;
    day->last_used = ++write->writer->uses;
    if (known && !write->shared && !too_large)
        return true;
    lane_day_forget(day);
    day->day = write->day;
    day->lane = write->lane;
    day->last_used = write->writer->uses;
    day->keys.last_id = day->platform_keys.last_id = day->sources.last_id = -1;
    lane_rollups_init(day);
    return rollup_begin(&day->tenants, db, err) && rollup_begin(&day->platform, db, err);
}

static bool lane_write_all(struct lane_write *write, struct lane_day *day, struct db *db,
                           struct lane_state *state, struct error *err)
{
    struct day_batch *batch = write->batch;
    size_t usage_rows = 0;
    int64_t stamp = ++write->writer->next_stamp;
    if (!lane_write_remember(write, day, db, state->stamp, err) ||
        !lane_insert_usage(day, db, batch, state->usage_rows + 1, &usage_rows, err) ||
        !rollup_flush(&day->tenants, db, err) || !rollup_flush(&day->platform, db, err) ||
        !lane_insert_logs(day, &state->logs, &write->writer->appender, batch, err) ||
        !db_execute(db, SQL_END,
                    DB_ARGS(db_int(write->day), db_int(write->lane), db_int(stamp),
                            db_int((int64_t)usage_rows), db_int(state->logs.rows),
                            db_int(state->logs.sealed_rows), db_int(state->logs.loose_blocks)),
                    NULL, err))
        return false;
    day->stamp = stamp;
    return true;
}

bool lane_write_work(struct db *db, void *context, struct error *err)
{
    struct lane_write *write = context;
    struct lane_state state = {0};
    write->batch->duplicates = 0;
    if (!lane_write_lock(write, db, &state, err))
        return false;
    if (write->absent)
        return true;
    struct lane_day *day = lane_writer_find_day(write->writer, write->day, write->lane);
    if (lane_write_all(write, day, db, &state, err))
        return true;
    lane_day_forget(day);
    return false;
}
