/* Telemetry from outside: records of calls and of logs that others send over HTTP.
 *
 * Each record is checked by itself; one that is refused is named with its reason, the others are taken. What is taken
 * is written in one transaction for each day (telemetry.h) and durable when this returns; a record of a call counts
 * once, however often it is sent. In memory are the records that are taken, never the text that they came in. */
#ifndef KIMONO_PLATFORM_INGEST_INGEST_H
#define KIMONO_PLATFORM_INGEST_INGEST_H

#include "base/arena.h"
#include "base/descriptor.h"
#include "platform/platform.h"
#include "telemetry/telemetry.h"

#define INGEST_RECORDS_MAX 10000
#define INGEST_MESSAGE_MAX 65536 /* bytes of a log's message */
#define INGEST_FIELDS_MAX 16384  /* of its fields, as JSON */
#define INGEST_RECORD_BYTES                                                                                  \
    (512 * 1024) /* of a record as it was sent: what it becomes in memory is bounded by that */
#define INGEST_TOKENS_MAX INT64_C(1000000000)
#define INGEST_LATENCY_MAX (24 * INT64_C(3600000)) /* ms */
#define INGEST_AHEAD_MS (10 * INT64_C(60000))
#define INGEST_UNKNOWN_TENANTS 200 /* that have no row among the tenants: in a day, of this process */

struct ingest;

struct ingest *ingest_new(struct platform *platform);
void ingest_free(struct ingest *ingest); /* takes NULL */

/* What was sent, and by whom. */
struct ingest_body {
    const char *bytes; /* a JSON array; with `lines` one JSON value on each line */
    size_t length;
    bool lines;
    const char *tenant_id; /* whose the sender's token is; NULL: any tenant's */
    enum language language;
};

struct ingest_problem {
    const char *field, *message;
};
struct ingest_rejection {
    int64_t index; /* of the record, from 0 */
    const struct ingest_problem *errors;
    size_t errors_count;
};
struct ingest_result {
    int64_t accepted, duplicates, counted_as_other;
    const struct ingest_rejection *rejected;
    size_t rejected_count;
};
extern const struct descriptor ingest_result_descriptor;

/* What a record may have, for the OpenAPI document. */
extern const struct descriptor ingest_usage_descriptor, ingest_log_descriptor;

/* ERROR_BAD_REQUEST: it is not JSON; ERROR_INVALID: not a list; ERROR_TOO_LARGE: more than INGEST_RECORDS_MAX records, or
 * more than the arena holds; ERROR_UNAVAILABLE: too many records wait. In all these cases nothing was taken. The answer is
 * in the arena. On a worker. */
bool ingest_usage(struct ingest *ingest, const struct ingest_body *body, struct arena *arena,
                  struct ingest_result *ret_result, struct error *err);
bool ingest_logs(struct ingest *ingest, const struct ingest_body *body, struct arena *arena,
                 struct ingest_result *ret_result, struct error *err);

#endif
