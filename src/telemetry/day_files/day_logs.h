/* The log rows of a day's file: the statements of logs/log_store.h. */
#ifndef KIMONO_TELEMETRY_DAY_FILES_DAY_LOGS_H
#define KIMONO_TELEMETRY_DAY_FILES_DAY_LOGS_H

#include "telemetry/logs/log_store.h"

extern const struct log_sql day_log_sql;

/* The file's one lane, on a connection to it; `ret_here` false: day_info is empty. */
bool day_log_lane(struct db *db, struct log_lane *ret_lane, bool *ret_here, struct error *err);

#endif
