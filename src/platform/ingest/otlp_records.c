/* Rows of OTLP's records. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "platform/ingest/otlp_private.h"

#define NANO_PER_MS 1000000

/* ---- values ---- */

static const cJSON *otlp_member(const cJSON *object, const char *name)
{
    return object ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
}

static const char *otlp_text(const cJSON *object, const char *name)
{
    const cJSON *value = otlp_member(object, name);
    return cJSON_IsString(value) && *value->valuestring ? value->valuestring : NULL;
}

/* A whole number, as a number or a text; 0: it is absent, or none. */
static int64_t otlp_integer_of(const cJSON *value)
{
    if (cJSON_IsString(value))
        return strtoll(value->valuestring, NULL, 10);
    if (!cJSON_IsNumber(value) || !(fabs(value->valuedouble) < 9.2e18))
        return 0;
    return (int64_t)value->valuedouble;
}

static int64_t otlp_integer(const cJSON *object, const char *name)
{
    return otlp_integer_of(otlp_member(object, name));
}

/* Of KeyValue[]: the AnyValue of a key. */
static const cJSON *otlp_attribute(const cJSON *owner, const char *key)
{
    const cJSON *attribute;
    cJSON_ArrayForEach(attribute, otlp_member(owner, "attributes"))
    {
        const char *name = otlp_text(attribute, "key");
        if (name && strcmp(name, key) == 0)
            return otlp_member(attribute, "value");
    }
    return NULL;
}

static const char *otlp_attribute_text(const cJSON *owner, const char *const *keys)
{
    for (; *keys; keys++) {
        const char *text = otlp_text(otlp_attribute(owner, *keys), "stringValue");
        if (text)
            return text;
    }
    return NULL;
}

static int64_t otlp_attribute_count(const cJSON *owner, const char *const *keys)
{
    for (; *keys; keys++) {
        const cJSON *value = otlp_attribute(owner, *keys);
        if (!value)
            continue;
        const cJSON *number = otlp_member(value, "intValue");
        int64_t count = otlp_integer_of(number ? number : otlp_member(value, "doubleValue"));
        return count > 0 ? count : 0;
    }
    return 0;
}

/* An AnyValue as plain JSON; NULL: it is none. */
static cJSON *otlp_plain(const cJSON *value)
{
    const cJSON *item, *inner;
    if ((inner = otlp_member(value, "stringValue")) || (inner = otlp_member(value, "boolValue")) ||
        (inner = otlp_member(value, "doubleValue")) || (inner = otlp_member(value, "bytesValue")))
        return cJSON_Duplicate(inner, false);
    if ((inner = otlp_member(value, "intValue")))
        return cJSON_CreateNumber((double)otlp_integer_of(inner));
    if ((inner = otlp_member(value, "arrayValue"))) {
        cJSON *array = cJSON_CreateArray();
        cJSON_ArrayForEach(item, otlp_member(inner, "values"))
        {
            cJSON *plain = otlp_plain(item);
            cJSON_AddItemToArray(array, plain ? plain : cJSON_CreateNull());
        }
        return array;
    }
    if ((inner = otlp_member(value, "kvlistValue"))) {
        cJSON *object = cJSON_CreateObject();
        cJSON_ArrayForEach(item, otlp_member(inner, "values"))
        {
            const char *key = otlp_text(item, "key");
            cJSON *plain = key ? otlp_plain(otlp_member(item, "value")) : NULL;
            if (plain)
                cJSON_AddItemToObject(object, key, plain);
        }
        return object;
    }
    return NULL;
}

/* Lower-case hexadecimal digits, as OpenTelemetry writes ids; NULL: none, or all zero. */
static const char *otlp_id(struct arena *arena, const cJSON *record, const char *name)
{
    const char *text = otlp_text(record, name);
    if (!text || strspn(text, "0") == strlen(text) || strlen(text) > 64)
        return NULL;
    char *id = arena_strdup(arena, text);
    for (char *at = id; *at; at++) {
        if (!isxdigit((unsigned char)*at))
            return NULL;
        *at = (char)tolower((unsigned char)*at);
    }
    return id;
}

static const char *otlp_tenant(struct arena *arena, const struct otlp_reading *reading, const cJSON *record)
{
    static const char *const keys[] = {"tenant_id", "tenant.id", "kimono.tenant_id", NULL};
    const char *tenant_id = otlp_attribute_text(record, keys);
    if (!tenant_id)
        tenant_id = otlp_attribute_text(reading->resource, keys);
    return arena_strdup(arena, tenant_id);
}

/* A name as dictionaries take it: too long is INGEST_OTHER, control characters become '?'. */
static const char *otlp_name(struct arena *arena, const char *text, size_t max, bool *other)
{
    if (!text)
        return NULL;
    if (strlen(text) > max) {
        *other = true;
        return INGEST_OTHER;
    }
    char *name = arena_strdup(arena, text);
    for (char *at = name; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = '?';
    return name;
}

static void otlp_check_length(struct error *problems, const char *field, const char *text, size_t max)
{
    if (text && strlen(text) > max)
        error_add_field(problems, field, "is longer than %zu bytes", "超过 %zu 字节", max);
}

/* ---- log records ---- */

static enum log_level otlp_level(const cJSON *record)
{
    static const struct {
        const char *begins;
        enum log_level level;
    } names[] = {{"trace", LOG_DEBUG}, {"debug", LOG_DEBUG}, {"info", LOG_INFO},   {"notice", LOG_INFO},
                 {"warn", LOG_WARN},   {"err", LOG_ERROR},   {"fatal", LOG_ERROR}, {"crit", LOG_ERROR},
                 {"alert", LOG_ERROR}, {"emerg", LOG_ERROR}};
    int64_t number = otlp_integer(record, "severityNumber");
    const char *text = otlp_text(record, "severityText");
    if (number >= 17)
        return LOG_ERROR;
    if (number >= 13)
        return LOG_WARN;
    if (number >= 9)
        return LOG_INFO;
    if (number >= 1)
        return LOG_DEBUG;
    for (size_t i = 0; text && i < ARRAY_SIZE(names); i++)
        if (strncasecmp(text, names[i].begins, strlen(names[i].begins)) == 0)
            return names[i].level;
    return LOG_INFO;
}

static const char *otlp_message(struct arena *arena, const cJSON *record)
{
    const cJSON *body = otlp_member(record, "body");
    const char *text = otlp_text(body, "stringValue");
    if (!text && body) {
        cJSON *plain = otlp_plain(body);
        char *printed = plain && !cJSON_IsString(plain) ? cJSON_PrintUnformatted(plain) : NULL;
        const char *message = arena_strdup(arena, printed);
        cJSON_free(printed);
        cJSON_Delete(plain);
        if (message)
            return message;
    }
    text = text ? text : otlp_text(record, "eventName");
    return arena_strdup(arena, text ? text : "(empty)");
}

static void otlp_add_attributes(cJSON *fields, const cJSON *owner)
{
    const cJSON *attribute;
    cJSON_ArrayForEach(attribute, otlp_member(owner, "attributes"))
    {
        const char *key = otlp_text(attribute, "key");
        if (!key || cJSON_GetObjectItemCaseSensitive(fields, key))
            continue;
        cJSON *plain = otlp_plain(otlp_member(attribute, "value"));
        if (plain)
            cJSON_AddItemToObject(fields, key, plain);
    }
}

#define ATTRIBUTES_MAX 256 /* comparing each key with all before it is quadratic */

/* Attributes of the record, then those of the resource that it has not; NULL: there are none. */
static const char *otlp_fields(struct arena *arena, const struct otlp_reading *reading, const cJSON *record,
                               struct error *problems)
{
    if (cJSON_GetArraySize(otlp_member(record, "attributes")) > ATTRIBUTES_MAX ||
        cJSON_GetArraySize(otlp_member(reading->resource, "attributes")) > ATTRIBUTES_MAX) {
        error_add_field(problems, "attributes", "are more than %d", "超过 %d 个", ATTRIBUTES_MAX);
        return NULL;
    }
    cJSON *fields = cJSON_CreateObject();
    otlp_add_attributes(fields, record);
    const char *span_id = otlp_id(arena, record, "spanId"), *text = NULL;
    if (span_id && !cJSON_GetObjectItemCaseSensitive(fields, "span_id"))
        cJSON_AddStringToObject(fields, "span_id", span_id);
    otlp_add_attributes(fields, reading->resource);
    if (fields->child) {
        char *printed = cJSON_PrintUnformatted(fields);
        text = arena_strdup(arena, printed);
        cJSON_free(printed);
    }
    cJSON_Delete(fields);
    return text;
}

bool otlp_take_log(struct otlp_reading *reading, int64_t index, const cJSON *record, struct error *problems,
                   struct error *err)
{
    static const char *const service[] = {"service.name", NULL};
    struct arena *arena = reading->batch->arena;
    bool other = false;
    struct log_record row = {.source = INGEST_OTHER, .message = ""};
    if (record) {
        int64_t nano = otlp_integer(record, "timeUnixNano");
        nano = nano > 0 ? nano : otlp_integer(record, "observedTimeUnixNano");
        const char *source = otlp_attribute_text(reading->resource, service);
        source = source ? source : otlp_text(reading->scope, "name");
        row = (struct log_record){.timestamp = nano > 0 ? nano / NANO_PER_MS : 0,
                                  .level = otlp_level(record),
                                  .source = otlp_name(arena, source ? source : "otlp", 100, &other),
                                  .message = otlp_message(arena, record),
                                  .tenant_id = otlp_tenant(arena, reading, record),
                                  .request_id = otlp_id(arena, record, "traceId"),
                                  .fields = otlp_fields(arena, reading, record, problems)};
        otlp_check_length(problems, "body", row.message, INGEST_MESSAGE_MAX);
        otlp_check_length(problems, "attributes", row.fields, INGEST_FIELDS_MAX);
        otlp_check_length(problems, "tenant_id", row.tenant_id, 64);
    }
    return batch_add_log(reading->batch, index, &row, other, problems, err);
}

/* ---- spans ---- */

/* What an operation is called here; NULL: it makes no call itself, or its calls have spans of their own. */
static const char *otlp_operation(const char *name)
{
    static const char *const names[][2] = {
        {"chat", "chat"},       {"text_completion", "chat"}, {"generate_content", "chat"},
        {"completion", "chat"}, {"embeddings", "embedding"}, {"embedding", "embedding"},
        {"retrieval", "query"}, {"create_agent", NULL},      {"invoke_agent", NULL},
        {"execute_tool", NULL}, {"invoke_workflow", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcmp(name, names[i][0]) == 0)
            return names[i][1];
    return name;
}

static const char *otlp_provider(const char *name)
{
    static const char *const dashscope[] = {"alibaba", "alibaba_cloud", "alibaba.cloud", "aliyun",
                                            "bailian", "qwen",          "tongyi"};
    for (size_t i = 0; i < ARRAY_SIZE(dashscope); i++)
        if (strcasecmp(name, dashscope[i]) == 0)
            return "dashscope";
    return name;
}

static enum usage_outcome otlp_outcome(const cJSON *span)
{
    static const char *const error_type[] = {"error.type", NULL};
    static const struct {
        const char *part;
        enum usage_outcome outcome;
    } kinds[] = {
        {"timeout", USAGE_TIMEOUT}, {"deadline", USAGE_TIMEOUT},         {"429", USAGE_THROTTLED},
        {"rate", USAGE_THROTTLED},  {"throttl", USAGE_THROTTLED},        {"cancel", USAGE_ABORTED},
        {"abort", USAGE_ABORTED},   {"content_filter", USAGE_MODERATED}, {"inspection", USAGE_MODERATED}};
    const cJSON *reasons = otlp_member(
        otlp_member(otlp_attribute(span, "gen_ai.response.finish_reasons"), "arrayValue"), "values");
    const char *why = otlp_attribute_text(span, error_type);
    const cJSON *reason;
    cJSON_ArrayForEach(reason, reasons)
    {
        const char *text = otlp_text(reason, "stringValue");
        if (text && strcmp(text, "content_filter") == 0)
            return USAGE_MODERATED;
    }
    if (otlp_integer(otlp_member(span, "status"), "code") != 2 && !why)
        return USAGE_OK;
    for (size_t i = 0; why && i < ARRAY_SIZE(kinds); i++)
        if (strcasestr(why, kinds[i].part))
            return kinds[i].outcome;
    return USAGE_FAILED;
}

static void otlp_fill_tokens(const cJSON *span, struct usage_record *row)
{
    static const char *const input[] = {"gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens",
                                        "llm.usage.prompt_tokens", NULL};
    static const char *const output[] = {"gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens",
                                         "llm.usage.completion_tokens", NULL};
    static const char *const cached[] = {"gen_ai.usage.cache_read.input_tokens", NULL};
    static const char *const reasoning[] = {"gen_ai.usage.reasoning.output_tokens", NULL};
    row->tokens_input = otlp_attribute_count(span, input);
    row->tokens_output = otlp_attribute_count(span, output);
    row->tokens_cached = otlp_attribute_count(span, cached);
    row->tokens_reasoning = otlp_attribute_count(span, reasoning);
    if (row->tokens_cached > row->tokens_input) /* a provider that counts them beside the input */
        row->tokens_input += row->tokens_cached;
}

static void otlp_fill_call(struct otlp_reading *reading, const cJSON *span, const char *operation,
                           struct usage_record *row, bool *other, struct error *problems)
{
    static const char *const provider[] = {"gen_ai.provider.name", "gen_ai.system", NULL};
    static const char *const model[] = {"gen_ai.request.model", "gen_ai.response.model", NULL};
    static const char *const response[] = {"gen_ai.response.id", NULL};
    struct arena *arena = reading->batch->arena;
    const char *system = otlp_attribute_text(span, provider);
    const char *trace_id = otlp_id(arena, span, "traceId"), *span_id = otlp_id(arena, span, "spanId");
    int64_t start = otlp_integer(span, "startTimeUnixNano"), end = otlp_integer(span, "endTimeUnixNano");
    otlp_fill_tokens(span, row);
    row->timestamp = start > 0 ? start / NANO_PER_MS : 0;
    row->latency_ms = start > 0 && end > start ? (end - start) / NANO_PER_MS : 0;
    row->api_type = otlp_name(arena, otlp_provider(system ? system : "unknown"), 50, other);
    row->operation = otlp_name(arena, operation, 50, other);
    row->model = otlp_name(arena, otlp_attribute_text(span, model), 100, other);
    row->tenant_id = otlp_tenant(arena, reading, span);
    row->request_id = trace_id;
    row->record_id = trace_id && span_id ? arena_printf(arena, "%s-%s", trace_id, span_id) : NULL;
    row->provider_request_id = arena_strdup(arena, otlp_attribute_text(span, response));
    row->outcome = otlp_outcome(span);
    otlp_check_length(problems, "tenant_id", row->tenant_id, 64);
    otlp_check_length(problems, "gen_ai.response.id", row->provider_request_id, 200);
    if (row->tokens_input > INGEST_TOKENS_MAX || row->tokens_output > INGEST_TOKENS_MAX ||
        row->tokens_reasoning > INGEST_TOKENS_MAX)
        error_add_field(problems, "gen_ai.usage", "counts more than %lld tokens", "超过 %lld 个 token",
                        (long long)INGEST_TOKENS_MAX);
    if (row->latency_ms > INGEST_LATENCY_MAX)
        error_add_field(problems, "endTimeUnixNano", "is more than a day after the start",
                        "比开始时间晚一天以上");
}

bool otlp_take_span(struct otlp_reading *reading, int64_t index, const cJSON *span, struct error *problems,
                    struct error *err)
{
    static const char *const operations[] = {"gen_ai.operation.name", "llm.request.type", NULL};
    static const char *const marks[] = {"gen_ai.provider.name", "gen_ai.system", "gen_ai.request.model",
                                        NULL};
    struct usage_record row = {.api_type = INGEST_OTHER, .operation = INGEST_OTHER};
    bool other = false;
    if (span) {
        const char *name = otlp_attribute_text(span, operations);
        bool is_call = name || otlp_attribute_text(span, marks);
        const char *operation = is_call ? otlp_operation(name ? name : "chat") : NULL;
        if (!operation) {
            reading->ignored++;
            return true;
        }
        otlp_fill_call(reading, span, operation, &row, &other, problems);
    }
    return batch_add_usage(reading->batch, index, &row, other, problems, err);
}
