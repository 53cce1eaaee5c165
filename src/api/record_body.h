/* Bodies of records (struct record_body): private to telemetry_routes.c, which has the functions, and otlp_routes.c. */
#ifndef KIMONO_API_RECORD_BODY_H
#define KIMONO_API_RECORD_BODY_H

#include "api/route.h"
#include "base/spool.h"
#include "platform/ingest/ingest.h"

/* Which of the types it is; parameters such as a charset are not looked at. ERROR_MEDIA_TYPE. */
bool call_find_content_type(const struct call *call, const char *const *types, size_t *ret_which,
                            struct error *err);
/* The body as it was before it was packed; what it needs for that is the spool's. */
bool call_unpack_body(struct call *call, struct spool *spool, struct ingest_body *ret_body,
                      struct error *err);

#endif
