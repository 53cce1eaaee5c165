/* Telemetry that others send: records of calls and of logs. */
#include <string.h>
#include <strings.h>

#include "api/endpoints.h"
#include "api/record_body.h"
#include "http/unpack.h"
#include "platform/ingest/ingest.h"

/* Of a body when it is unpacked. */
#define UNPACKED_MAX ((size_t)64 << 20)

static const char *const record_types[] = {"application/json", "application/x-ndjson", NULL};
const struct record_body usage_records = {record_types, &ingest_usage_descriptor,
                                          "Records of calls, at most 10,000: a JSON array, or one JSON "
                                          "object on each line. Content-Encoding may be gzip or zstd."};
const struct record_body log_records = {record_types, &ingest_log_descriptor,
                                        "Log records, at most 10,000: a JSON array, or one JSON object on "
                                        "each line. Content-Encoding may be gzip or zstd."};

bool call_find_content_type(const struct call *call, const char *const *types, size_t *ret_which,
                            struct error *err)
{
    const char *type = http_request_header(call->request, "Content-Type");
    size_t length = type ? strcspn(type, "; \t") : 0;
    for (size_t i = 0; types[i]; i++)
        if (length == strlen(types[i]) && strncasecmp(type, types[i], length) == 0) {
            *ret_which = i;
            return true;
        }
    return error_set(err, ERROR_MEDIA_TYPE, "Send Content-Type: %s or %s.", "请使用 Content-Type: %s 或 %s。",
                     types[0], types[1]);
}

bool call_unpack_body(struct call *call, struct spool *spool, struct ingest_body *ret_body, struct error *err)
{
    const struct http_request *request = call->request;
    enum packing packing = PACKING_NONE;
    packing_of(http_request_header(request, "Content-Encoding"), &packing);
    ret_body->bytes = request->body ? request->body : "";
    ret_body->length = request->body_length;
    ret_body->tenant_id = call->principal.tenant_id;
    ret_body->language = request->language;
    if (packing == PACKING_NONE)
        return true;
    if (!unpack(packing, ret_body->bytes, ret_body->length, UNPACKED_MAX, spool, err) ||
        !spool_view(spool, &ret_body->bytes, err))
        return false;
    ret_body->length = spool->length;
    return true;
}

typedef bool (*ingest_function)(struct ingest *ingest, const struct ingest_body *body, struct arena *arena,
                                struct ingest_result *ret_result, struct error *err);

static bool telemetry_post(struct call *call, ingest_function take, struct error *err)
{
    CLEANUP(spool_release) struct spool spool = {.folder = call->api->temporary_folder};
    struct ingest_body body = {0};
    struct ingest_result result;
    size_t type = 0;
    if (!call_find_content_type(call, record_types, &type, err) ||
        !call_unpack_body(call, &spool, &body, err))
        return false;
    body.lines = type == 1;
    return take(call->platform->ingest, &body, call->arena, &result, err) &&
           reply(call, &ingest_result_descriptor, &result);
}

bool telemetry_usage_post(struct call *call, struct error *err)
{
    return telemetry_post(call, ingest_usage, err);
}

bool telemetry_logs_post(struct call *call, struct error *err)
{
    return telemetry_post(call, ingest_logs, err);
}
