/* The log rows of lanes: the statements of logs/log_store.h. */
#ifndef KIMONO_TELEMETRY_POSTGRESQL_LANE_LOGS_H
#define KIMONO_TELEMETRY_POSTGRESQL_LANE_LOGS_H

#include "telemetry/logs/log_store.h"

extern const struct log_sql lane_log_sql;

/* The lanes of a day; the caller frees. */
bool lanes_read_logs(struct db *db, int32_t day, struct log_lane **ret_lanes, size_t *ret_count,
                     struct error *err);

/* One lane's group_logs (engine.h): a store_work. */
struct lane_grouping {
    int32_t day;
    int64_t lane;
};
bool lane_group_logs_work(struct db *db, void *context, struct error *err);

#endif
