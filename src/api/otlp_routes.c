/* OTLP/HTTP: POST /v1/logs and /v1/traces, without the base, as OpenTelemetry's exporters ask for them. */
#include <string.h>

#include "api/endpoints.h"
#include "api/record_body.h"
#include "base/memory.h"
#include "formats/protobuf.h"
#include "platform/ingest/otlp.h"

static const char *const otlp_types[] = {"application/json", "application/x-protobuf", NULL};
const struct record_body otlp_records = {otlp_types, NULL,
                                         "A request of OTLP/HTTP (opentelemetry-proto), in JSON or protobuf. "
                                         "Content-Encoding may be gzip or zstd."};

#define PARTIAL_SUCCESS 1 /* of ExportLogsServiceResponse, ExportTraceServiceResponse */
#define REJECTED 1
#define ERROR_MESSAGE 2

static void otlp_put_json(const struct otlp_result *result, const char *rejected, struct strbuf *out)
{
    struct json_writer w = {.out = out};
    json_object_begin(&w);
    if (result->rejected) {
        json_key(&w, "partialSuccess");
        json_object_begin(&w);
        json_key_int(&w, rejected, result->rejected);
        json_key_text(&w, "errorMessage", result->reason);
        json_object_end(&w);
    }
    json_object_end(&w);
}

static void otlp_put_protobuf(const struct otlp_result *result, struct strbuf *out)
{
    CLEANUP(strbuf_release) struct strbuf partial = {0};
    if (result->rejected == 0)
        return; /* an empty message */
    protobuf_put_varint(&partial, REJECTED, (uint64_t)result->rejected);
    protobuf_put_bytes(&partial, ERROR_MESSAGE, result->reason, strlen(result->reason));
    protobuf_put_bytes(out, PARTIAL_SUCCESS, partial.bytes, partial.length);
}

static bool otlp_post(struct call *call, enum otlp_signal signal, const char *rejected, struct error *err)
{
    CLEANUP(spool_release) struct spool spool = {.folder = call->api->temporary_folder};
    struct http_request *request = call->request;
    struct ingest_body body = {0};
    struct otlp_result result;
    size_t type = 0;
    if (!call_find_content_type(call, otlp_types, &type, err) || !call_unpack_body(call, &spool, &body, err))
        return false;
    body.lines = type == 1;
    if (!ingest_otlp(call->platform->ingest, signal, &body, call->arena, &result, err))
        return false;
    if (type == 1)
        otlp_put_protobuf(&result, &request->response.body);
    else
        otlp_put_json(&result, rejected, &request->response.body);
    request->response.content_type = otlp_types[type];
    request->response.status = 200;
    return true;
}

bool otlp_logs_post(struct call *call, struct error *err)
{
    return otlp_post(call, OTLP_LOGS, "rejectedLogRecords", err);
}

bool otlp_traces_post(struct call *call, struct error *err)
{
    return otlp_post(call, OTLP_TRACES, "rejectedSpans", err);
}
