/* Private to the files that write: writer.c, dictionary.c, usage.c, logs.c, rollups.c. */
#ifndef KIMONO_TELEMETRY_POSTGRESQL_WRITER_PRIVATE_H
#define KIMONO_TELEMETRY_POSTGRESQL_WRITER_PRIVATE_H

#include "telemetry/logs/log_store.h"
#include "telemetry/name_map.h"
#include "telemetry/postgresql/sql_array.h"
#include "telemetry/postgresql/writer.h"
#include "telemetry/rollup.h"

#define ROWS_AT_ONCE 2000               /* in one statement */
#define BYTES_AT_ONCE ((size_t)4 << 20) /* likewise, of texts */

/* A dictionary of a lane's day. */
struct dictionary {
    struct name_map names;
    int64_t last_id; /* -1: not asked yet */
};

/* What a roll-up table's rows are found by: the context of its rollup_map. */
struct lane_table {
    const struct lane_table_sql *sql;
    int64_t day, lane;
};

/* What is remembered of a lane's day. */
struct lane_day {
    int32_t day;
    int64_t lane;  /* 0: nothing is remembered */
    int64_t stamp; /* of day_lanes when memory agreed with it */
    uint64_t last_used;
    struct dictionary keys; /* `other`: the platform's key */
    struct dictionary platform_keys, sources;
    struct lane_table tenants_table, platform_table;
    struct rollup_map tenants, platform;
};

#define DAYS_REMEMBERED 4

struct lane_writer {
    int64_t next_stamp;
    uint64_t uses;
    struct lane_day days[DAYS_REMEMBERED];
    struct log_appender appender;
};

/* ---- dictionary.c ---- */

/* Ids of the batch's usage names, with those of the platform's; of its logs' sources. */
bool dictionary_learn_usage(struct lane_day *day, struct db *db, const struct usage_row *const *rows,
                            size_t count, struct error *err);
bool dictionary_learn_sources(struct lane_day *day, struct db *db, const struct log_record *records,
                              size_t count, struct error *err);
/* Of what was learned. */
const struct name_entry *dictionary_usage_key(const struct lane_day *day, const struct usage_record *record);
int64_t dictionary_source(const struct lane_day *day, const struct log_record *record);

/* ---- usage.c, logs.c ---- */

/* `first_id`: of the rows that are written. `ret_inserted`: rows less duplicates. */
bool lane_insert_usage(struct lane_day *day, struct db *db, struct day_batch *batch, int64_t first_id,
                       size_t *ret_inserted, struct error *err);
/* `logs`: what the lane has, and will have. */
bool lane_insert_logs(struct lane_day *day, struct log_lane *logs, struct log_appender *appender,
                      const struct day_batch *batch, struct error *err);

/* rollups.c: both maps, empty, of the lane's day */
void lane_rollups_init(struct lane_day *day);

#endif
