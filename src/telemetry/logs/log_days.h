/* The days of log rows, and one row by its number. Private to telemetry/. */
#ifndef KIMONO_TELEMETRY_LOGS_LOG_DAYS_H
#define KIMONO_TELEMETRY_LOGS_LOG_DAYS_H

#include "telemetry/engine.h"
#include "telemetry/logs/log_copy.h"

/* Days that can have rows of start <= instant < end; `end` 0: no end. */
void log_days_of_range(int64_t start, int64_t end, int32_t *ret_first, int32_t *ret_last);

/* Those from `first` to `last` that are here, in order; the caller frees. */
bool log_days_list(struct engine *engine, int32_t first, int32_t last, int32_t **ret_days, size_t *ret_count,
                   struct error *err);

/* `ret_found` false: there is no such row. The caller releases the copy. */
bool log_row_find(struct engine *engine, int32_t day, int64_t lane, int64_t row, int limit_ms,
                  struct log_copy *ret_copy, bool *ret_found, struct error *err);

#endif
