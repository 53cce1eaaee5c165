#include "telemetry/postgresql/schema.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "telemetry/usage_totals.h"

static const char SQL_TELEMETRY[] =
    /* one row */
    "CREATE TABLE telemetry_info ("
    " id {{int}} PRIMARY KEY,"     /* 1; locked by whoever makes or drops a day */
    " recorder {{int}} NOT NULL);" /* as in engine.h: drawn when the first process has opened it */

    /* lanes: each writing process has one, in which nobody else writes as a rule (writer.h) */
    "CREATE TABLE lanes ("
    " lane {{int}} PRIMARY KEY,"
    " holder {{int}} NOT NULL,"   /* a random number of the process */
    " used_at {{int}} NOT NULL);" /* ms, by the holder's clock; 0: given back */

    /* which days are here, and what each lane has of them: there are partitions of a day that has a row here */
    "CREATE TABLE day_lanes ("
    " day {{int}} NOT NULL,"
    " lane {{int}} NOT NULL,"
    " revision {{int}} NOT NULL," /* grows by one with each commit */
    " stamp {{int}} NOT NULL," /* drawn anew for each commit: what a process remembers is compared with it */
    " usage_rows {{int}} NOT NULL,"   /* rows of usage_rows */
    " log_rows {{int}} NOT NULL,"     /* log rows in all: the number of the last */
    " sealed_rows {{int}} NOT NULL,"  /* of these, in log_blocks; the others are in log_rows */
    " loose_blocks {{int}} NOT NULL," /* rows of log_signatures */
    " PRIMARY KEY (day, lane));"

    /* Dictionaries of a lane's day; their rows are never changed. Names are the only key: with one of (day, lane, id)
     * beside it the planner, to which a table of today is always empty, looks names up by that one. */
    "CREATE TABLE usage_platform_keys ("
    " day {{int}} NOT NULL,"
    " lane {{int}} NOT NULL,"
    " id {{int}} NOT NULL," /* from 1 */
    " api_type TEXT NOT NULL,"
    " operation TEXT NOT NULL,"
    " model TEXT NOT NULL," /* '' for none */
    " PRIMARY KEY (day, lane, api_type, operation, model)) PARTITION BY LIST (day);"
    "CREATE TABLE usage_keys ("
    " day {{int}} NOT NULL,"
    " lane {{int}} NOT NULL,"
    " id {{int}} NOT NULL,"
    " tenant_id TEXT NOT NULL," /* '' for calls of no tenant */
    " api_type TEXT NOT NULL,"
    " operation TEXT NOT NULL,"
    " model TEXT NOT NULL,"
    " platform_key_id {{int}} NOT NULL," /* of usage_platform_keys */
    " PRIMARY KEY (day, tenant_id, lane, api_type, operation, model)) PARTITION BY LIST (day);"
    "CREATE UNIQUE INDEX usage_keys_id ON usage_keys(day, lane, id);"
    "CREATE TABLE log_sources ("
    " day {{int}} NOT NULL,"
    " lane {{int}} NOT NULL,"
    " id {{int}} NOT NULL,"
    " name TEXT NOT NULL,"
    " tenant_id TEXT NOT NULL," /* '' for rows of no tenant: log_hourly counts by it */
    " PRIMARY KEY (day, lane, name, tenant_id)) PARTITION BY LIST (day);"
    /* raw usage; no index */
    "CREATE TABLE usage_rows ("
    " day {{int}} NOT NULL,"
    " lane {{int}} NOT NULL,"
    " id {{int}} NOT NULL,"        /* of the lane's day, from 1, in order of arrival */
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
    " record_id TEXT) PARTITION BY LIST (day);"
    /* the keys of origin 1 (once_key.h), of all lanes: who inserts one first has the row */
    "CREATE TABLE usage_requests ("
    " day {{int}} NOT NULL,"
    " id TEXT NOT NULL,"       /* a request id; or a record id, */
    " api_type TEXT NOT NULL," /* then '' */
    " operation TEXT NOT NULL,"
    " PRIMARY KEY (day, id, api_type, operation)) PARTITION BY LIST (day);"

    /* usage by hour and key */
    "CREATE TABLE usage_hourly ("
    " day {{int}} NOT NULL,"
    " lane {{int}} NOT NULL,"
    " key_id {{int}} NOT NULL," /* of usage_keys */
    " hour {{int}} NOT NULL,"   /* its number since 1970 */
    SUM_COLUMNS_DEFINED ", PRIMARY KEY (day, lane, key_id, hour)) PARTITION BY LIST (day);"
    /* the same over all tenants */
    "CREATE TABLE usage_platform_hourly ("
    " day {{int}} NOT NULL,"
    " lane {{int}} NOT NULL,"
    " key_id {{int}} NOT NULL," /* of usage_platform_keys */
    " hour {{int}} NOT NULL," SUM_COLUMNS_DEFINED
    ", PRIMARY KEY (day, lane, key_id, hour)) PARTITION BY LIST (day);"

    /* the newest log rows, until they are sealed (logs/log_store.h); no index */
    "CREATE TABLE log_rows ("
    " day {{int}} NOT NULL,"
    " lane {{int}} NOT NULL,"
    " id {{int}} NOT NULL,"        /* of the lane's day, from 1, in order of arrival */
    " timestamp {{int}} NOT NULL," /* ms */
    " level {{int}} NOT NULL,"     /* enum log_level */
    " source_id {{int}} NOT NULL," /* of log_sources */
    " tenant_id TEXT,"
    " request_id TEXT,"
    " message TEXT NOT NULL,"
    " fields {{json}}) PARTITION BY LIST (day);"
    /* log rows, sealed */
    "CREATE TABLE log_blocks ("
    " day {{int}} NOT NULL,"
    " lane {{int}} NOT NULL,"
    " first_id {{int}} NOT NULL," /* number of its first row */
    " row_count {{int}} NOT NULL,"
    " first_time {{int}} NOT NULL," /* ms: the least instant of its rows */
    " last_time {{int}} NOT NULL,"  /* the greatest */
    " levels {{int}} NOT NULL,"     /* LOG_LEVEL_BIT of each that there is */
    " content {{bytes}} NOT NULL,"  /* logs/log_block.h */
    " PRIMARY KEY (day, lane, first_id)) PARTITION BY LIST (day);"
    /* signatures of blocks that are in no group */
    "CREATE TABLE log_signatures ("
    " day {{int}} NOT NULL,"
    " lane {{int}} NOT NULL,"
    " first_id {{int}} NOT NULL," /* of log_blocks */
    " bits {{bytes}} NOT NULL,"   /* logs/log_signature.h */
    " PRIMARY KEY (day, lane, first_id)) PARTITION BY LIST (day);"
    "CREATE TABLE log_groups ("
    " day {{int}} NOT NULL,"
    " lane {{int}} NOT NULL,"
    " number {{int}} NOT NULL," /* from 0 */
    " block_count {{int}} NOT NULL,"
    " first_time {{int}} NOT NULL,"
    " last_time {{int}} NOT NULL,"
    " levels {{int}} NOT NULL,"
    " blocks {{bytes}} NOT NULL," /* struct log_block_header of each */
    " PRIMARY KEY (day, lane, number)) PARTITION BY LIST (day);"
    "CREATE TABLE log_slices ("
    " day {{int}} NOT NULL,"
    " lane {{int}} NOT NULL,"
    " slice {{int}} NOT NULL," /* group * LOG_SLICES + number of the slice */
    " bits {{bytes}} NOT NULL,"
    " PRIMARY KEY (day, lane, slice)) PARTITION BY LIST (day);"
    "CREATE TABLE log_hourly ("
    " day {{int}} NOT NULL,"
    " lane {{int}} NOT NULL,"
    " hour {{int}} NOT NULL," /* its number since 1970 */
    " level {{int}} NOT NULL,"
    " source_id {{int}} NOT NULL,"
    " count {{int}} NOT NULL,"
    " PRIMARY KEY (day, lane, hour, level, source_id)) PARTITION BY LIST (day);"

    /* usage under the names of specification.md */
    "CREATE VIEW api_usage_logs AS"
    " SELECT r.day AS day, r.lane AS lane, r.id AS id, r.timestamp AS timestamp, k.api_type AS api_type,"
    " k.operation AS operation, NULLIF(k.tenant_id, '') AS tenant_id, r.tokens_input AS tokens_input,"
    " r.tokens_output AS tokens_output, r.latency_ms AS latency_ms,"
    " CASE WHEN r.outcome = 0 THEN 1 ELSE 0 END AS success, NULLIF(k.model, '') AS model,"
    " r.tokens_cached AS tokens_cached, r.outcome AS outcome, r.cost_nano_cny AS cost_nano_cny,"
    " r.price_version AS price_version, r.request_id AS request_id,"
    " r.tokens_reasoning AS tokens_reasoning, r.estimated AS estimated,"
    " r.provider_request_id AS provider_request_id, r.read_units AS read_units,"
    " r.write_units AS write_units, r.record_id AS record_id"
    " FROM usage_rows r JOIN usage_keys k ON k.day = r.day AND k.lane = r.lane AND k.id = r.key_id;";

const struct migration telemetry_migrations[] = {
    {"telemetry: usage rows, log rows, dictionaries, roll-ups by hour, by day", SQL_TELEMETRY},
};
const size_t telemetry_migration_count = ARRAY_SIZE(telemetry_migrations);

static const char *const partitioned[] = {"usage_platform_keys",
                                          "usage_keys",
                                          "log_sources",
                                          "usage_rows",
                                          "usage_requests",
                                          "usage_hourly",
                                          "usage_platform_hourly",
                                          "log_rows",
                                          "log_blocks",
                                          "log_signatures",
                                          "log_groups",
                                          "log_slices",
                                          "log_hourly"};

#define NAME_SIZE 64

/* usage_rows_d20784; a day before 1970 (the first hours of 1970 in a zone west of Greenwich) has an m. */
static void partition_name(const char *table, int32_t day, char ret_name[static NAME_SIZE])
{
    snprintf(ret_name, NAME_SIZE, "%s_%c%d", table, day < 0 ? 'm' : 'd', abs(day));
}

/* Made apart and attached: PARTITION OF would lock the table against all who read and write other days. */
void partitions_make(int32_t day, struct strbuf *ret_sql)
{
    for (size_t i = 0; i < ARRAY_SIZE(partitioned); i++) {
        char name[NAME_SIZE];
        partition_name(partitioned[i], day, name);
        strbuf_printf(ret_sql,
                      "CREATE TABLE %s (LIKE %s); ALTER TABLE %s ATTACH PARTITION %s FOR VALUES IN (%d);",
                      name, partitioned[i], partitioned[i], name, day);
    }
}

/* Dropping a partition locks its table for a moment: whoever reads for long is not waited for. */
void partitions_drop(int32_t day, struct strbuf *ret_sql)
{
    strbuf_puts(ret_sql, "SET LOCAL lock_timeout TO '1s'; DROP TABLE ");
    for (size_t i = 0; i < ARRAY_SIZE(partitioned); i++) {
        char name[NAME_SIZE];
        partition_name(partitioned[i], day, name);
        strbuf_printf(ret_sql, "%s%s", i ? ", " : "", name);
    }
}
