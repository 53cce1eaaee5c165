/* Inside ops/logs/. */
#ifndef KIMONO_OPS_LOGS_LOG_LINES_H
#define KIMONO_OPS_LOGS_LOG_LINES_H

#include "ops/logs/log_manager.h"

/* A line as it goes out; its texts are copied. */
struct log_line log_line_of(const struct found_log *found, struct arena *arena);

/* Both ends of a filter's range, where one is open: the last 24 hours, or those before its end. */
void log_range_close(struct log_filter *filter, int64_t now);

#endif
