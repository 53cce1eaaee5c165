/* Private to ingest/: the records of one request on their way from its text to telemetry. */
#ifndef KIMONO_PLATFORM_INGEST_BATCH_H
#define KIMONO_PLATFORM_INGEST_BATCH_H

#include <pthread.h>

#include "platform/ingest/ingest.h"
#include "platform/ingest/names.h"
#include "telemetry/name_map.h"

struct ingest {
    struct platform *platform;
    struct ingest_names *names;
    pthread_mutex_t lock; /* of what follows */
    int32_t unknown_day;  /* in which these came */
    struct name_map unknown_tenants;
};

#define BATCH_DAYS 16

struct ingest_batch {
    struct ingest *ingest;
    struct arena *arena;
    const char *tenant_id; /* the sender's; NULL: any */
    enum language language;
    int64_t now, oldest, latest; /* ms */
    struct usage_record *usage;
    size_t usage_count, usage_room;
    struct log_record *logs;
    size_t log_count, log_room;
    struct ingest_rejection *rejected;
    size_t rejected_count, rejected_room;
    int64_t counted_as_other;
    struct name_map tenants; /* that were looked for; id 1: known */
    struct {
        int32_t day;
        bool closed;
    } days[BATCH_DAYS];
    size_t day_count;
};

void batch_begin(struct ingest_batch *batch, struct ingest *ingest, const char *tenant_id,
                 enum language language, struct arena *arena);
void batch_release(struct ingest_batch *batch);

/* A record that was read: checked further, and taken or rejected. `problems`: what is wrong already, if it has fields
 * or a code. False: nothing can be taken at all. */
bool batch_add_usage(struct ingest_batch *batch, int64_t index, const struct usage_record *record, bool other,
                     struct error *problems, struct error *err);
bool batch_add_log(struct ingest_batch *batch, int64_t index, const struct log_record *record, bool other,
                   struct error *problems, struct error *err);

/* Writes all. */
bool batch_write(struct ingest_batch *batch, struct ingest_result *ret_result, struct error *err);

#endif
