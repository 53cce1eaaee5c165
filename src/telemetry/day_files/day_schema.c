#include "telemetry/day_files/day_schema.h"

#include "base/memory.h"
#include "telemetry/usage_totals.h"

/* A day's file is always SQLite's, where {{int}} PRIMARY KEY numbers itself; {{id}} would also keep
 * the highest number ever given, for which rows that are never deleted have no use. */

static const char SQL_DAY[] =
    /* one row: what this file holds. `stamp` is drawn anew for each commit: whoever keeps anything
     * of the file in memory compares it first (day_writer.h). */
    "CREATE TABLE day_info ("
    " id {{int}} PRIMARY KEY,"    /* 1 */
    " recorder {{int}} NOT NULL," /* as in engine.h: drawn when the file is made */
    " revision {{int}} NOT NULL," /* grows by one with each commit */
    " stamp {{int}} NOT NULL,"
    " usage_rows {{int}} NOT NULL,"    /* rows of usage_rows */
    " log_rows {{int}} NOT NULL,"      /* log rows in all: the number of the last */
    " sealed_rows {{int}} NOT NULL,"   /* of these, in log_blocks; the others are in log_rows */
    " loose_blocks {{int}} NOT NULL);" /* rows of log_signatures */
    "INSERT INTO day_info(id, recorder, revision, stamp, usage_rows, log_rows, sealed_rows, loose_blocks)"
    " VALUES (1, (random() & 9223372036854775807) | 1, 0, 0, 0, 0, 0, 0);"

    /* dictionaries; their rows are never changed or deleted */
    "CREATE TABLE usage_keys ("
    " id {{id}},"
    " tenant_id TEXT NOT NULL," /* '' for calls of no tenant */
    " api_type TEXT NOT NULL,"
    " operation TEXT NOT NULL,"
    " model TEXT NOT NULL);" /* '' for none */
    "CREATE UNIQUE INDEX idx_usage_keys ON usage_keys(tenant_id, api_type, operation, model);"
    "CREATE TABLE usage_platform_keys ("
    " id {{id}},"
    " api_type TEXT NOT NULL,"
    " operation TEXT NOT NULL,"
    " model TEXT NOT NULL);"
    "CREATE UNIQUE INDEX idx_usage_platform_keys ON usage_platform_keys(api_type, operation, model);"
    "CREATE TABLE log_sources (" /* with the tenant, as log_hourly counts */
    " id {{id}},"
    " name TEXT NOT NULL,"
    " tenant_id TEXT NOT NULL);" /* '' for rows of no tenant */
    "CREATE UNIQUE INDEX idx_log_sources ON log_sources(name, tenant_id);"

    /* raw usage; no secondary index */
    "CREATE TABLE usage_rows ("
    " id {{int}} PRIMARY KEY,"     /* in order of arrival, numbered by the database */
    " timestamp {{int}} NOT NULL," /* ms */
    " key_id {{int}} NOT NULL,"    /* of usage_keys */
    " tokens_input {{int}} NOT NULL,"
    " tokens_output {{int}} NOT NULL,"
    " tokens_cached {{int}} NOT NULL,"
    " latency_ms {{int}} NOT NULL,"
    " outcome {{int}} NOT NULL," /* enum usage_outcome */
    " cost_nano_cny {{int}} NOT NULL,"
    " price_version {{int}} NOT NULL," /* of prices.h; 0: no price was known */
    " origin {{int}} NOT NULL,"        /* 1: from outside, counts once (once_key.h); 0: made here */
    " request_id TEXT,"
    /* what few calls have: named in the statement only where one of its rows has any */
    " tokens_reasoning {{int}} NOT NULL DEFAULT 0,"
    " estimated {{int}} NOT NULL DEFAULT 0,"   /* 1: the caller's reckoning */
    " read_units {{int}} NOT NULL DEFAULT 0,"  /* thousandths of a unit */
    " write_units {{int}} NOT NULL DEFAULT 0," /* likewise */
    " provider_request_id TEXT,"
    " record_id TEXT);"

    /* usage by hour and key; slot as in telemetry/slot.h */
    "CREATE TABLE usage_hourly ("
    " slot {{int}} PRIMARY KEY," SUM_COLUMNS_DEFINED ");"
    /* the same over all tenants: a day's total of the platform is a handful of rows */
    "CREATE TABLE usage_platform_hourly ("
    " slot {{int}} PRIMARY KEY," SUM_COLUMNS_DEFINED ");"

    /* the newest log rows, until they are sealed (logs/log_store.h) */
    "CREATE TABLE log_rows ("
    " id {{int}} PRIMARY KEY,"     /* from 1, in order of arrival */
    " timestamp {{int}} NOT NULL," /* ms */
    " level {{int}} NOT NULL,"     /* enum log_level */
    " source_id {{int}} NOT NULL," /* of log_sources */
    " tenant_id TEXT,"
    " request_id TEXT,"
    " message TEXT NOT NULL,"
    " fields {{json}});"
    /* log rows, sealed */
    "CREATE TABLE log_blocks ("
    " first_id {{int}} PRIMARY KEY," /* number of its first row */
    " row_count {{int}} NOT NULL,"
    " first_time {{int}} NOT NULL," /* ms: the least instant of its rows */
    " last_time {{int}} NOT NULL,"  /* the greatest */
    " levels {{int}} NOT NULL,"     /* LOG_LEVEL_BIT of each that there is */
    " content {{bytes}} NOT NULL);" /* logs/log_block.h */
    /* signatures of blocks that are in no group */
    "CREATE TABLE log_signatures ("
    " first_id {{int}} PRIMARY KEY," /* of log_blocks */
    " bits {{bytes}} NOT NULL);"     /* logs/log_signature.h */
    "CREATE TABLE log_groups ("
    " number {{int}} PRIMARY KEY," /* from 0 */
    " block_count {{int}} NOT NULL,"
    " first_time {{int}} NOT NULL,"
    " last_time {{int}} NOT NULL,"
    " levels {{int}} NOT NULL,"
    " blocks {{bytes}} NOT NULL);" /* struct log_block_header of each */
    "CREATE TABLE log_slices ("
    " slice {{int}} PRIMARY KEY," /* group * LOG_SLICES + number of the slice */
    " bits {{bytes}} NOT NULL);"
    "CREATE TABLE log_hourly ("
    " hour {{int}} NOT NULL," /* its number since 1970 */
    " level {{int}} NOT NULL,"
    " source_id {{int}} NOT NULL,"
    " count {{int}} NOT NULL,"
    " PRIMARY KEY (hour, level, source_id)){{without_rowid}};"

    /* usage under the names of specification.md */
    "CREATE VIEW api_usage_logs AS"
    " SELECT r.id AS id, r.timestamp AS timestamp, k.api_type AS api_type, k.operation AS operation,"
    " NULLIF(k.tenant_id, '') AS tenant_id, r.tokens_input AS tokens_input,"
    " r.tokens_output AS tokens_output, r.latency_ms AS latency_ms,"
    " CASE WHEN r.outcome = 0 THEN 1 ELSE 0 END AS success, NULLIF(k.model, '') AS model,"
    " r.tokens_cached AS tokens_cached, r.outcome AS outcome, r.cost_nano_cny AS cost_nano_cny,"
    " r.price_version AS price_version, r.request_id AS request_id,"
    " r.tokens_reasoning AS tokens_reasoning, r.estimated AS estimated,"
    " r.provider_request_id AS provider_request_id, r.read_units AS read_units,"
    " r.write_units AS write_units, r.record_id AS record_id"
    " FROM usage_rows r JOIN usage_keys k ON k.id = r.key_id;"
    /* the roll-ups with hour (ms) and names spelt out, for people; code reads by slot */
    "CREATE VIEW usage_hours AS"
    " SELECT h.slot / 16777216 * 3600000 AS hour, k.tenant_id AS tenant_id, k.api_type AS api_type,"
    " k.operation AS operation, k.model AS model, h.calls AS calls, h.failed AS failed,"
    " h.unpriced AS unpriced, h.estimated AS estimated, h.aborted AS aborted,"
    " h.tokens_input AS tokens_input, h.tokens_output AS tokens_output,"
    " h.tokens_cached AS tokens_cached, h.latency_sum_ms AS latency_sum_ms,"
    " h.cost_nano_cny AS cost_nano_cny, h.estimated_cost_nano_cny AS estimated_cost_nano_cny,"
    " h.latency_histogram AS latency_histogram"
    " FROM usage_hourly h JOIN usage_keys k ON k.id = h.slot % 16777216;";

const struct migration day_migrations[] = {
    {"usage rows, log rows, dictionaries, roll-ups by hour", SQL_DAY},
};
const size_t day_migration_count = ARRAY_SIZE(day_migrations);
