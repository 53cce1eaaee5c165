/* Reading a day of telemetry in PostgreSQL, all lanes together. These do as the functions of engine.h with the same
 * names, on a connection. */
#ifndef KIMONO_TELEMETRY_POSTGRESQL_READ_H
#define KIMONO_TELEMETRY_POSTGRESQL_READ_H

#include "store/db.h"
#include "telemetry/engine.h"

bool lanes_list_days(struct db *db, int32_t **ret_days, size_t *ret_count, struct error *err);
/* `ret_recorders` gets `recorder` where the day is here. */
bool lanes_find_days(struct db *db, int32_t first, size_t count, int64_t recorder, int64_t *ret_recorders,
                     struct error *err);
/* All zero, but the recorder, for a day that is not here: `ret_here`: whether it is. */
bool lanes_read_info(struct db *db, int32_t day, struct day_info *ret_info, bool *ret_here,
                     struct error *err);
bool lanes_add_hours(struct db *db, int32_t day, const struct usage_filter *filter,
                     const struct hour_span *span, struct error *err);
bool lanes_each_part(struct db *db, int32_t day, const struct usage_cut *cut, usage_part_sink sink,
                     void *context, struct error *err);
/* Of one moment only within db_snapshot_begin. */
bool lanes_each_total(struct db *db, int32_t day, day_total_sink sink, void *context, struct error *err);
bool lanes_each_usage(struct db *db, int32_t day, telemetry_usage_sink sink, void *context,
                      struct error *err);
bool lanes_each_name(struct db *db, int32_t day, bool of_logs, telemetry_name_sink sink, void *context,
                     struct error *err);

/* check.c; within db_snapshot_begin */
bool lanes_check_day(struct db *db, int32_t day, struct findings *findings, struct error *err);

#endif
