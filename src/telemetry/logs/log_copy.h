/* A log record with texts of its own. */
#ifndef KIMONO_TELEMETRY_LOGS_LOG_COPY_H
#define KIMONO_TELEMETRY_LOGS_LOG_COPY_H

#include "telemetry/telemetry.h"

struct log_copy {
    struct log_record record;
    char *bytes;
};

struct log_copy log_copy_make(const struct log_record *record);
void log_copy_release(struct log_copy *copy);

#endif
