#include "telemetry/postgresql/lane_logs.h"

#include "base/memory.h"

static const char SQL_PLAIN_AFTER[] =
    "SELECT r.timestamp, r.level, s.name, r.message, r.tenant_id, r.request_id, r.fields, r.id"
    " FROM log_rows r JOIN log_sources s ON s.day = r.day AND s.lane = r.lane AND s.id = r.source_id"
    " WHERE r.day = $1 AND r.lane = $2 AND s.day = $1 AND r.id > $3 ORDER BY r.id";
static const char SQL_DELETE_PLAIN[] = "DELETE FROM log_rows WHERE day = $1 AND lane = $2 AND id <= $3";
static const char SQL_BLOCK_OF[] =
    "SELECT first_id, row_count, content FROM log_blocks"
    " WHERE day = $1 AND lane = $2 AND first_id <= $3 ORDER BY first_id DESC LIMIT 1";
static const char SQL_BLOCKS_FROM[] =
    "SELECT first_id, row_count, content FROM log_blocks WHERE day = $1 AND lane = $2 AND first_id >="
    " COALESCE((SELECT MAX(first_id) FROM log_blocks WHERE day = $1 AND lane = $2 AND first_id <= $3), 0)"
    " ORDER BY first_id LIMIT 100";
static const char SQL_LOOSE_BLOCKS[] = "SELECT b.first_id, b.row_count, b.first_time, b.last_time, b.levels"
                                       " FROM log_signatures s JOIN log_blocks b ON b.day = s.day AND b.lane "
                                       "= s.lane AND b.first_id = s.first_id"
                                       " WHERE s.day = $1 AND s.lane = $2 AND b.day = $1 ORDER BY s.first_id";
static const char SQL_LOOSE_SIGNATURES[] =
    "SELECT b.first_id, b.row_count, b.first_time, b.last_time, b.levels, s.bits"
    " FROM log_signatures s JOIN log_blocks b ON b.day = s.day AND b.lane = s.lane AND b.first_id = "
    "s.first_id"
    " WHERE s.day = $1 AND s.lane = $2 AND b.day = $1 ORDER BY s.first_id LIMIT 512";
static const char SQL_SIGNATURE[] =
    "SELECT bits FROM log_signatures WHERE day = $1 AND lane = $2 AND first_id = $3";
static const char SQL_GROUPS[] = "SELECT number, block_count, first_time, last_time, levels FROM log_groups"
                                 " WHERE day = $1 AND lane = $2";
static const char SQL_GROUP_BLOCKS[] =
    "SELECT blocks FROM log_groups WHERE day = $1 AND lane = $2 AND number = $3";
static const char SQL_SLICE[] = "SELECT bits FROM log_slices WHERE day = $1 AND lane = $2 AND slice = $3";
static const char SQL_ADD_BLOCK[] =
    "INSERT INTO log_blocks(day, lane, first_id, row_count, first_time, last_time, levels, content)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
static const char SQL_ADD_SIGNATURE[] =
    "INSERT INTO log_signatures(day, lane, first_id, bits) VALUES ($1, $2, $3, $4)";
static const char SQL_ADD_GROUP[] =
    "INSERT INTO log_groups(day, lane, number, block_count, first_time, last_time, levels, blocks)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
static const char SQL_ADD_SLICE[] = "INSERT INTO log_slices(day, lane, slice, bits) VALUES ($1, $2, $3, $4)";
static const char SQL_DELETE_SIGNATURES[] =
    "DELETE FROM log_signatures WHERE day = $1 AND lane = $2 AND first_id <= $3";
static const char SQL_LAST_GROUP[] = "SELECT MAX(number) FROM log_groups WHERE day = $1 AND lane = $2";
static const char SQL_HOURS[] =
    "SELECT h.hour, h.level, s.name, h.count, s.tenant_id FROM log_hourly h"
    " JOIN log_sources s ON s.day = h.day AND s.lane = h.lane AND s.id = h.source_id"
    " WHERE h.day = $1 AND h.lane = $2 AND s.day = $1 AND h.hour >= $3 AND h.hour < $4";

static const char SQL_SOURCES[] = "SELECT id, name, tenant_id FROM log_sources WHERE day = $1 AND lane = $2";
static const char SQL_HOUR_COUNTS[] = "SELECT hour, level, source_id, count FROM log_hourly"
                                      " WHERE day = $1 AND lane = $2 AND hour >= $3 AND hour < $4";

const struct log_sql lane_log_sql = {
    .lane_args = 2,
    .plain_after = SQL_PLAIN_AFTER,
    .delete_plain = SQL_DELETE_PLAIN,
    .block_of = SQL_BLOCK_OF,
    .blocks_from = SQL_BLOCKS_FROM,
    .loose_blocks = SQL_LOOSE_BLOCKS,
    .loose_signatures = SQL_LOOSE_SIGNATURES,
    .signature = SQL_SIGNATURE,
    .groups = SQL_GROUPS,
    .group_blocks = SQL_GROUP_BLOCKS,
    .slice = SQL_SLICE,
    .add_block = SQL_ADD_BLOCK,
    .add_signature = SQL_ADD_SIGNATURE,
    .add_group = SQL_ADD_GROUP,
    .add_slice = SQL_ADD_SLICE,
    .delete_signatures = SQL_DELETE_SIGNATURES,
    .last_group = SQL_LAST_GROUP,
    .sources = SQL_SOURCES,
    .hour_counts = SQL_HOUR_COUNTS,
    .hours = SQL_HOURS,
};

static const char SQL_LANES[] =
    "SELECT lane, log_rows, sealed_rows, loose_blocks FROM day_lanes WHERE day = $1 ORDER BY lane";

bool lanes_read_logs(struct db *db, int32_t day, struct log_lane **ret_lanes, size_t *ret_count,
                     struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct log_lane *lanes = NULL;
    size_t count = 0;
    if (!db_query(db, SQL_LANES, DB_ARGS(db_int(day)), &rows, err))
        return false;
    while (db_next(&rows)) {
        lanes = xrealloc(lanes, (count + 1) * sizeof(*lanes));
        lanes[count++] = (struct log_lane){.db = db,
                                           .sql = &lane_log_sql,
                                           .day = day,
                                           .lane = db_column_int(&rows, 0),
                                           .rows = db_column_int(&rows, 1),
                                           .sealed_rows = db_column_int(&rows, 2),
                                           .loose_blocks = db_column_int(&rows, 3)};
    }
    if (!db_done(&rows, err)) {
        free(lanes);
        return false;
    }
    *ret_lanes = lanes;
    *ret_count = count;
    return true;
}

static const char SQL_LOCK_BLOCKS[] =
    "SELECT loose_blocks FROM day_lanes WHERE day = $1 AND lane = $2 FOR UPDATE";
static const char SQL_WRITE_LOOSE[] = "UPDATE day_lanes SET loose_blocks = $3 WHERE day = $1 AND lane = $2";

bool lane_group_logs_work(struct db *db, void *context, struct error *err)
{
    const struct lane_grouping *grouping = context;
    struct log_lane lane = {.db = db, .sql = &lane_log_sql, .day = grouping->day, .lane = grouping->lane};
    const struct db_value day = db_int(lane.day), number = db_int(lane.lane);
    return db_find_int(db, SQL_LOCK_BLOCKS, DB_ARGS(day, number), 0, &lane.loose_blocks, err) &&
           log_lane_group(&lane, err) &&
           db_execute(db, SQL_WRITE_LOOSE, DB_ARGS(day, number, db_int(lane.loose_blocks)), NULL, err);
}
