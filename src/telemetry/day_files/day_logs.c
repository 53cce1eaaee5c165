#include "telemetry/day_files/day_logs.h"

#include "base/memory.h"

static const char SQL_PLAIN_AFTER[] =
    "SELECT r.timestamp, r.level, s.name, r.message, r.tenant_id, r.request_id, r.fields, r.id"
    " FROM log_rows r JOIN log_sources s ON s.id = r.source_id WHERE r.id > $1 ORDER BY r.id";
static const char SQL_DELETE_PLAIN[] = "DELETE FROM log_rows WHERE id <= $1";
static const char SQL_BLOCK_OF[] =
    "SELECT first_id, row_count, content FROM log_blocks WHERE first_id <= $1 ORDER BY first_id DESC LIMIT 1";
static const char SQL_BLOCKS_FROM[] =
    "SELECT first_id, row_count, content FROM log_blocks WHERE first_id >="
    " COALESCE((SELECT MAX(first_id) FROM log_blocks WHERE first_id <= $1), 0) ORDER BY first_id LIMIT 100";
static const char SQL_LOOSE_BLOCKS[] =
    "SELECT b.first_id, b.row_count, b.first_time, b.last_time, b.levels"
    " FROM log_signatures s JOIN log_blocks b ON b.first_id = s.first_id ORDER BY s.first_id";
static const char SQL_LOOSE_SIGNATURES[] =
    "SELECT b.first_id, b.row_count, b.first_time, b.last_time, b.levels, s.bits"
    " FROM log_signatures s JOIN log_blocks b ON b.first_id = s.first_id ORDER BY s.first_id LIMIT 512";
static const char SQL_SIGNATURE[] = "SELECT bits FROM log_signatures WHERE first_id = $1";
static const char SQL_GROUPS[] = "SELECT number, block_count, first_time, last_time, levels FROM log_groups";
static const char SQL_GROUP_BLOCKS[] = "SELECT blocks FROM log_groups WHERE number = $1";
static const char SQL_SLICE[] = "SELECT bits FROM log_slices WHERE slice = $1";
static const char SQL_ADD_BLOCK[] =
    "INSERT INTO log_blocks(first_id, row_count, first_time, last_time, levels, content)"
    " VALUES ($1, $2, $3, $4, $5, $6)";
static const char SQL_ADD_SIGNATURE[] = "INSERT INTO log_signatures(first_id, bits) VALUES ($1, $2)";
static const char SQL_ADD_GROUP[] =
    "INSERT INTO log_groups(number, block_count, first_time, last_time, levels, blocks)"
    " VALUES ($1, $2, $3, $4, $5, $6)";
static const char SQL_ADD_SLICE[] = "INSERT INTO log_slices(slice, bits) VALUES ($1, $2)";
static const char SQL_DELETE_SIGNATURES[] = "DELETE FROM log_signatures WHERE first_id <= $1";
static const char SQL_LAST_GROUP[] = "SELECT MAX(number) FROM log_groups";
static const char SQL_HOURS[] = "SELECT h.hour, h.level, s.name, h.count, s.tenant_id FROM log_hourly h"
                                " JOIN log_sources s ON s.id = h.source_id"
                                " WHERE h.hour >= $1 AND h.hour < $2";

static const char SQL_SOURCES[] = "SELECT id, name, tenant_id FROM log_sources";
static const char SQL_HOUR_COUNTS[] =
    "SELECT hour, level, source_id, count FROM log_hourly WHERE hour >= $1 AND hour < $2";

const struct log_sql day_log_sql = {
    .lane_args = 0,
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

static const char SQL_LANE[] = "SELECT log_rows, sealed_rows, loose_blocks FROM day_info";

bool day_log_lane(struct db *db, struct log_lane *ret_lane, bool *ret_here, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_LANE, DB_NO_ARGS, &rows, err))
        return false;
    *ret_here = db_next(&rows);
    if (*ret_here)
        *ret_lane = (struct log_lane){.db = db,
                                      .sql = &day_log_sql,
                                      .lane = LOG_LANE_ALONE,
                                      .rows = db_column_int(&rows, 0),
                                      .sealed_rows = db_column_int(&rows, 1),
                                      .loose_blocks = db_column_int(&rows, 2)};
    return db_done(&rows, err);
}
