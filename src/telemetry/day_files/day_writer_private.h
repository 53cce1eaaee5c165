/* Private to the files that write a day: day_writer.c, usage_insert.c, log_insert.c, rollup_rows.c. */
#ifndef KIMONO_TELEMETRY_DAY_FILES_DAY_WRITER_PRIVATE_H
#define KIMONO_TELEMETRY_DAY_FILES_DAY_WRITER_PRIVATE_H

#include "telemetry/day_files/day_writer.h"
#include "telemetry/day_files/request_set.h"
#include "telemetry/logs/log_store.h"
#include "telemetry/name_map.h"
#include "telemetry/rollup.h"

struct day_writer {
    int64_t stamp; /* of the file when memory agreed with it; 0: memory is empty */
    int64_t next_stamp;
    struct name_map keys;          /* tenant, api_type, operation, model; `other`: the platform's key */
    struct name_map platform_keys; /* api_type, operation, model */
    struct name_map sources;
    struct rollup_map tenants, platform;
    struct log_appender appender;
    struct request_set requests; /* filled only where records come from outside */
};

/* The batch's usage rows with their roll-ups in memory; `ret_inserted`: rows less duplicates. */
bool usage_insert(struct day_writer *writer, struct day_batch *batch, struct db *db, size_t *ret_inserted,
                  struct error *err);
/* The batch's log rows with their roll-up; the lane is what the file has, and will have. */
bool log_insert(struct day_writer *writer, const struct day_batch *batch, struct log_lane *lane,
                struct error *err);

/* rollup_rows.c: both maps, empty. */
void rollup_rows_init(struct day_writer *writer);

#endif
