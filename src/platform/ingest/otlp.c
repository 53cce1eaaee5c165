#include "platform/ingest/otlp.h"

#include <string.h>

#include "base/json_reader.h"
#include "base/json_scan.h"
#include "base/memory.h"
#include "formats/protobuf.h"
#include "platform/ingest/otlp_private.h"

/* ---- the messages (opentelemetry/proto/{common,resource,logs,trace}/v1) ---- */

static const struct protobuf_message any_value;
static const struct protobuf_member array_members[] = {{1, "values", PROTOBUF_MESSAGE, true, &any_value}};
static const struct protobuf_message array_value = {array_members, ARRAY_SIZE(array_members)};
static const struct protobuf_member key_value_members[] = {{1, "key", PROTOBUF_TEXT, false, NULL},
                                                           {2, "value", PROTOBUF_MESSAGE, false, &any_value}};
static const struct protobuf_message key_value = {key_value_members, ARRAY_SIZE(key_value_members)};
static const struct protobuf_member list_members[] = {{1, "values", PROTOBUF_MESSAGE, true, &key_value}};
static const struct protobuf_message key_value_list = {list_members, ARRAY_SIZE(list_members)};
static const struct protobuf_member any_value_members[] = {
    {1, "stringValue", PROTOBUF_TEXT, false, NULL},
    {2, "boolValue", PROTOBUF_BOOL, false, NULL},
    {3, "intValue", PROTOBUF_INTEGER, false, NULL},
    {4, "doubleValue", PROTOBUF_DOUBLE, false, NULL},
    {5, "arrayValue", PROTOBUF_MESSAGE, false, &array_value},
    {6, "kvlistValue", PROTOBUF_MESSAGE, false, &key_value_list},
    {7, "bytesValue", PROTOBUF_BASE64, false, NULL},
};
static const struct protobuf_message any_value = {any_value_members, ARRAY_SIZE(any_value_members)};

static const struct protobuf_member resource_members[] = {
    {1, "attributes", PROTOBUF_MESSAGE, true, &key_value}};
static const struct protobuf_message resource = {resource_members, ARRAY_SIZE(resource_members)};
static const struct protobuf_member scope_members[] = {{1, "name", PROTOBUF_TEXT, false, NULL}};
static const struct protobuf_message scope = {scope_members, ARRAY_SIZE(scope_members)};

static const struct protobuf_member log_members[] = {
    {1, "timeUnixNano", PROTOBUF_UNSIGNED, false, NULL},
    {11, "observedTimeUnixNano", PROTOBUF_UNSIGNED, false, NULL},
    {2, "severityNumber", PROTOBUF_INTEGER, false, NULL},
    {3, "severityText", PROTOBUF_TEXT, false, NULL},
    {5, "body", PROTOBUF_MESSAGE, false, &any_value},
    {6, "attributes", PROTOBUF_MESSAGE, true, &key_value},
    {9, "traceId", PROTOBUF_HEX, false, NULL},
    {10, "spanId", PROTOBUF_HEX, false, NULL},
    {12, "eventName", PROTOBUF_TEXT, false, NULL},
};
static const struct protobuf_member status_members[] = {{2, "message", PROTOBUF_TEXT, false, NULL},
                                                        {3, "code", PROTOBUF_INTEGER, false, NULL}};
static const struct protobuf_message status = {status_members, ARRAY_SIZE(status_members)};
static const struct protobuf_member span_members[] = {
    {1, "traceId", PROTOBUF_HEX, false, NULL},
    {2, "spanId", PROTOBUF_HEX, false, NULL},
    {5, "name", PROTOBUF_TEXT, false, NULL},
    {7, "startTimeUnixNano", PROTOBUF_UNSIGNED, false, NULL},
    {8, "endTimeUnixNano", PROTOBUF_UNSIGNED, false, NULL},
    {9, "attributes", PROTOBUF_MESSAGE, true, &key_value},
    {15, "status", PROTOBUF_MESSAGE, false, &status},
};

/* A request holds resources, each of them scopes, each of these records: in both signals by the same numbers. */
#define RESOURCE 1
#define SCOPES 2
#define SCOPE 1
#define RECORDS 2
static const struct {
    const char *resources, *scopes, *records; /* their names in JSON */
    struct protobuf_message record;
    bool (*take)(struct otlp_reading *reading, int64_t index, const cJSON *record, struct error *problems,
                 struct error *err);
} signals[] = {
    [OTLP_LOGS] =
        {"resourceLogs", "scopeLogs", "logRecords", {log_members, ARRAY_SIZE(log_members)}, otlp_take_log},
    [OTLP_TRACES] =
        {"resourceSpans", "scopeSpans", "spans", {span_members, ARRAY_SIZE(span_members)}, otlp_take_span},
};

struct otlp_part {
    const char *bytes, *end;
};

static size_t otlp_part_length(const struct otlp_part *part)
{
    return (size_t)(part->end - part->bytes);
}

/* ---- one value ---- */

static bool otlp_is_no_message(struct error *err)
{
    return error_set(err, ERROR_BAD_REQUEST, "The body is no request of OTLP, or it does not end.",
                     "请求体不是 OTLP 请求，或不完整。");
}

static bool otlp_read(const struct otlp_reading *reading, const struct protobuf_message *message,
                      const struct otlp_part *part, cJSON **ret_value, struct error *err)
{
    size_t length = otlp_part_length(part);
    if (length > INGEST_RECORD_BYTES)
        return error_set(err, ERROR_INVALID, "The record is longer than %d bytes.", "记录超过 %d 字节。",
                         INGEST_RECORD_BYTES);
    return reading->protobuf ? protobuf_read(message, part->bytes, length, ret_value, err)
                             : json_parse(part->bytes, length, ret_value, err);
}

/* Of a resource or a scope: what is JSON and not taken is left out. */
static bool otlp_read_context(const struct otlp_reading *reading, const struct protobuf_message *message,
                              const struct otlp_part *part, cJSON **value, struct error *err)
{
    json_delete(value);
    *value = NULL;
    struct error local;
    error_clear(&local);
    if (!part->bytes || otlp_read(reading, message, part, value, &local) || local.code != ERROR_BAD_REQUEST)
        return true;
    *err = local;
    return false;
}

static bool otlp_take_record(struct otlp_reading *reading, const struct otlp_part *part, struct error *err)
{
    CLEANUP(json_delete) cJSON *record = NULL;
    struct error problems;
    error_clear(&problems);
    if (reading->count == INGEST_RECORDS_MAX)
        return error_set(err, ERROR_TOO_LARGE, "More than %d records: send fewer at once.",
                         "记录超过 %d 条：请减少每次提交的记录数。", INGEST_RECORDS_MAX);
    if (!otlp_read(reading, &signals[reading->signal].record, part, &record, &problems) &&
        problems.code == ERROR_BAD_REQUEST) {
        *err = problems;
        return false;
    }
    return signals[reading->signal].take(reading, reading->count++, record, &problems, err);
}

/* ---- taking it apart ---- */

typedef bool (*otlp_each)(struct otlp_reading *reading, const struct otlp_part *part, struct error *err);

/* Members of a JSON object with this name; `is_array`: each element of them. */
static bool otlp_each_json(struct otlp_reading *reading, const struct otlp_part *object, const char *name,
                           bool is_array, otlp_each each, struct error *err);

static bool otlp_each_element(struct otlp_reading *reading, const struct otlp_part *array, otlp_each each,
                              struct error *err)
{
    const char *at = array->bytes, *end = array->end;
    if (at < end && *at == 'n') /* null is as good as absent */
        return true;
    if (at == end || *at != '[')
        return otlp_is_no_message(err);
    at = json_skip_space(at + 1, end);
    while (at < end && *at != ']') {
        const char *next = json_skip_value(at, end);
        if (!next || next == at)
            return otlp_is_no_message(err);
        if (!each(reading, &(struct otlp_part){at, next}, err))
            return false;
        at = json_skip_space(next, end);
        if (at < end && *at == ',')
            at = json_skip_space(at + 1, end);
        else if (at == end || *at != ']')
            return otlp_is_no_message(err);
    }
    return true;
}

static bool otlp_each_json(struct otlp_reading *reading, const struct otlp_part *object, const char *name,
                           bool is_array, otlp_each each, struct error *err)
{
    const char *at = object->bytes, *end = object->end;
    size_t length = strlen(name);
    if (at == end || *at != '{')
        return otlp_is_no_message(err);
    at = json_skip_space(at + 1, end);
    while (at < end && *at != '}') {
        const char *key = at, *key_end = *at == '"' ? json_skip_value(at, end) : NULL;
        at = key_end ? json_skip_space(key_end, end) : end;
        if (at == end || *at != ':')
            return otlp_is_no_message(err);
        at = json_skip_space(at + 1, end);
        const char *value_end = json_skip_value(at, end);
        if (!value_end || value_end == at)
            return otlp_is_no_message(err);
        struct otlp_part value = {at, value_end};
        bool wanted = (size_t)(key_end - key) == length + 2 && memcmp(key + 1, name, length) == 0;
        if (wanted &&
            !(is_array ? otlp_each_element(reading, &value, each, err) : each(reading, &value, err)))
            return false;
        at = json_skip_space(value_end, end);
        if (at < end && *at == ',')
            at = json_skip_space(at + 1, end);
        else if (at == end || *at != '}')
            return otlp_is_no_message(err);
    }
    return at < end || otlp_is_no_message(err);
}

static bool otlp_each_field(struct otlp_reading *reading, const struct otlp_part *message, uint32_t number,
                            otlp_each each, struct error *err)
{
    struct protobuf_reader reader = {message->bytes, message->end, false};
    struct protobuf_field field;
    while (protobuf_next(&reader, &field)) {
        if (field.number != number)
            continue;
        if (field.wire != PROTOBUF_BYTES)
            return otlp_is_no_message(err);
        if (!each(reading, &(struct otlp_part){field.bytes, field.bytes + field.length}, err))
            return false;
    }
    return !reader.failed || otlp_is_no_message(err);
}

static bool otlp_each_part(struct otlp_reading *reading, const struct otlp_part *whole, uint32_t number,
                           const char *name, bool is_array, otlp_each each, struct error *err)
{
    return reading->protobuf ? otlp_each_field(reading, whole, number, each, err)
                             : otlp_each_json(reading, whole, name, is_array, each, err);
}

static bool otlp_take_resource(struct otlp_reading *reading, const struct otlp_part *part, struct error *err)
{
    return otlp_read_context(reading, &resource, part, &reading->resource, err);
}

static bool otlp_take_scope(struct otlp_reading *reading, const struct otlp_part *part, struct error *err)
{
    return otlp_read_context(reading, &scope, part, &reading->scope, err);
}

/* What the records are of is looked for first: it may stand behind them. */
static bool otlp_take_scopes(struct otlp_reading *reading, const struct otlp_part *part, struct error *err)
{
    json_delete(&reading->scope);
    reading->scope = NULL;
    return otlp_each_part(reading, part, SCOPE, "scope", false, otlp_take_scope, err) &&
           otlp_each_part(reading, part, RECORDS, signals[reading->signal].records, true, otlp_take_record,
                          err);
}

static bool otlp_take_resources(struct otlp_reading *reading, const struct otlp_part *part, struct error *err)
{
    json_delete(&reading->resource);
    reading->resource = NULL;
    return otlp_each_part(reading, part, RESOURCE, "resource", false, otlp_take_resource, err) &&
           otlp_each_part(reading, part, SCOPES, signals[reading->signal].scopes, true, otlp_take_scopes,
                          err);
}

static bool otlp_take_request(struct otlp_reading *reading, struct otlp_part *body, struct error *err)
{
    if (!reading->protobuf) {
        if (otlp_part_length(body) >= 3 && memcmp(body->bytes, "\xEF\xBB\xBF", 3) == 0)
            body->bytes += 3;
        body->bytes = json_skip_space(body->bytes, body->end);
        const char *end = body->bytes < body->end ? json_skip_value(body->bytes, body->end) : NULL;
        if (!end || json_skip_space(end, body->end) != body->end)
            return otlp_is_no_message(err);
        body->end = end;
    }
    return otlp_each_part(reading, body, RESOURCE, signals[reading->signal].resources, true,
                          otlp_take_resources, err);
}

bool ingest_otlp(struct ingest *ingest, enum otlp_signal signal, const struct ingest_body *body,
                 struct arena *arena, struct otlp_result *ret_result, struct error *err)
{
    CLEANUP(batch_release) struct ingest_batch batch;
    batch_begin(&batch, ingest, body->tenant_id, body->language, arena);
    struct otlp_reading reading = {.batch = &batch, .signal = signal, .protobuf = body->lines};
    struct otlp_part whole = {body->bytes, body->bytes + body->length};
    struct ingest_result written;
    bool done = otlp_take_request(&reading, &whole, err) && batch_write(&batch, &written, err);
    json_delete(&reading.resource);
    json_delete(&reading.scope);
    if (!done)
        return false;
    *ret_result = (struct otlp_result){.accepted = written.accepted + written.duplicates + reading.ignored,
                                       .rejected = (int64_t)written.rejected_count};
    if (written.rejected_count) {
        const struct ingest_rejection *first = &written.rejected[0];
        ret_result->reason = arena_printf(arena, "record %lld: %s %s", (long long)first->index,
                                          first->errors[0].field, first->errors[0].message);
    }
    return true;
}
