/* Private to OTLP: otlp.c takes a body apart, otlp_records.c makes rows of its records. */
#ifndef KIMONO_PLATFORM_INGEST_OTLP_PRIVATE_H
#define KIMONO_PLATFORM_INGEST_OTLP_PRIVATE_H

#include <cjson/cJSON.h>

#include "platform/ingest/batch.h"
#include "platform/ingest/otlp.h"

struct otlp_reading {
    struct ingest_batch *batch;
    enum otlp_signal signal;
    bool protobuf;
    int64_t count;   /* of records so far */
    int64_t ignored; /* spans that are no calls */
    cJSON *resource; /* of the records that come; NULL: none */
    cJSON *scope;
};

/* A LogRecord or a Span in the form of OTLP's JSON. `problems`: what is wrong with it already. */
bool otlp_take_log(struct otlp_reading *reading, int64_t index, const cJSON *record, struct error *problems,
                   struct error *err);
bool otlp_take_span(struct otlp_reading *reading, int64_t index, const cJSON *span, struct error *problems,
                    struct error *err);

#endif
