/* OTLP/HTTP: what OpenTelemetry's exporters send, in JSON and in protobuf. Log records become log rows; spans with the
 * attributes of generative AI become rows of calls, and other spans are taken without keeping anything of them.
 * Source: opentelemetry-proto (docs/specification.md, opentelemetry/proto), semantic conventions for generative AI up to
 * 1.41 and the older names of their attributes. */
#ifndef KIMONO_PLATFORM_INGEST_OTLP_H
#define KIMONO_PLATFORM_INGEST_OTLP_H

#include "platform/ingest/ingest.h"

enum otlp_signal { OTLP_LOGS, OTLP_TRACES };

/* What was refused, record by record; its reason is the first one's. */
struct otlp_result {
    int64_t accepted, rejected;
    const char *reason; /* in the arena; NULL: nothing was refused */
};

/* `body->lines`: it is protobuf, else JSON. Errors as ingest_usage; ERROR_BAD_REQUEST also for what is no such message. */
bool ingest_otlp(struct ingest *ingest, enum otlp_signal signal, const struct ingest_body *body,
                 struct arena *arena, struct otlp_result *ret_result, struct error *err);

#endif
