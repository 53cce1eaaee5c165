#include "platform/ingest/ingest.h"

#include <string.h>

#include "base/json_reader.h"
#include "base/json_scan.h"
#include "base/memory.h"
#include "platform/ingest/batch.h"
#include "platform/ingest/fields.h"

/* ---- the answer ---- */

static const struct field problem_fields[] = {
    FIELD(struct ingest_problem, field, TEXT, "Which field; \"\": the record as a whole"),
    FIELD(struct ingest_problem, message, TEXT, "What is wrong with it"),
};
static const struct descriptor problem_descriptor =
    DESCRIPTOR("RecordProblem", struct ingest_problem, problem_fields);
static const struct field rejection_fields[] = {
    FIELD(struct ingest_rejection, index, INT, "Place of the record in what was sent, from 0"),
    FIELD_MANY(struct ingest_rejection, errors, LIST, "What is wrong", .of = &problem_descriptor),
};
static const struct descriptor rejection_descriptor =
    DESCRIPTOR("RejectedRecord", struct ingest_rejection, rejection_fields);
static const struct field result_fields[] = {
    FIELD(struct ingest_result, accepted, INT, "Records that are durable now"),
    FIELD(struct ingest_result, duplicates, INT, "Records that had been taken before, and count once"),
    FIELD(struct ingest_result, counted_as_other, INT,
          "Records whose names count under 'other': too long, or too many different ones in a day"),
    FIELD_MANY(struct ingest_result, rejected, LIST, "Records that were not taken",
               .of = &rejection_descriptor),
};
const struct descriptor ingest_result_descriptor =
    DESCRIPTOR("IngestResult", struct ingest_result, result_fields);

/* ---- what a record has ---- */

static const char *const outcomes[] = {"ok",       "failed",  "timeout",   "throttled",
                                       "rejected", "aborted", "moderated", NULL}; /* enum usage_outcome */
static const char *const levels[] = {"DEBUG", "INFO", "WARN", "ERROR", NULL};     /* enum log_level */

#define UNITS_MAX 1000000000

struct usage_input {
    int64_t timestamp;
    const char *api_type, *operation, *model, *tenant_id;
    const char *request_id, *record_id, *provider_request_id;
    int64_t tokens_input, tokens_output, tokens_cached, tokens_reasoning;
    int64_t read_units, write_units; /* thousandths */
    int64_t latency_ms;
    int success, estimated, outcome;
};

static const struct intake_field usage_intake_fields[] = {
    INTAKE(struct usage_input, timestamp, TIME, .required = false),
    INTAKE(struct usage_input, api_type, NAME, .required = true, .max = 50),
    INTAKE(struct usage_input, operation, NAME, .required = true, .max = 50),
    INTAKE(struct usage_input, model, NAME, .max = 100),
    INTAKE(struct usage_input, tenant_id, TEXT, .max = 64),
    INTAKE(struct usage_input, request_id, TEXT, .max = 128),
    INTAKE(struct usage_input, record_id, TEXT, .max = 128),
    INTAKE(struct usage_input, provider_request_id, TEXT, .max = 200),
    INTAKE(struct usage_input, tokens_input, COUNT, .required = true, .max = INGEST_TOKENS_MAX),
    INTAKE(struct usage_input, tokens_output, COUNT, .required = true, .max = INGEST_TOKENS_MAX),
    INTAKE(struct usage_input, tokens_cached, COUNT, .max = INGEST_TOKENS_MAX),
    INTAKE(struct usage_input, tokens_reasoning, COUNT, .max = INGEST_TOKENS_MAX),
    INTAKE(struct usage_input, read_units, UNITS, .max = UNITS_MAX),
    INTAKE(struct usage_input, write_units, UNITS, .max = UNITS_MAX),
    INTAKE(struct usage_input, latency_ms, COUNT, .required = true, .max = INGEST_LATENCY_MAX),
    INTAKE(struct usage_input, success, BOOL, .required = true),
    INTAKE(struct usage_input, estimated, BOOL, .required = false),
    INTAKE(struct usage_input, outcome, CHOICE, .values = outcomes),
};
static const struct intake_form usage_form = {usage_intake_fields, ARRAY_SIZE(usage_intake_fields)};

struct log_input {
    int64_t timestamp;
    const char *source, *message, *tenant_id, *request_id, *fields;
    int level;
};

static const struct intake_field log_intake_fields[] = {
    INTAKE(struct log_input, timestamp, TIME, .required = false),
    INTAKE(struct log_input, level, CHOICE, .required = true, .values = levels),
    INTAKE(struct log_input, source, NAME, .required = true, .max = 100),
    INTAKE(struct log_input, message, MESSAGE, .required = true, .max = INGEST_MESSAGE_MAX),
    INTAKE(struct log_input, tenant_id, TEXT, .max = 64),
    INTAKE(struct log_input, request_id, TEXT, .max = 128),
    INTAKE(struct log_input, fields, OBJECT, .max = INGEST_FIELDS_MAX),
};
static const struct intake_form log_form = {log_intake_fields, ARRAY_SIZE(log_intake_fields)};

/* The same for the OpenAPI document. */
struct usage_document {
    int64_t timestamp, tokens_input, tokens_output, tokens_cached, tokens_reasoning, latency_ms;
    const char *api_type, *operation, *model, *tenant_id, *request_id, *record_id, *provider_request_id;
    double read_units, write_units;
    bool success, estimated;
    const char *outcome;
};
static const struct field usage_document_fields[] = {
    FIELD(struct usage_document, timestamp, TIME,
          "When the call began; at most telemetry.max_age_days old and 10 minutes ahead; absent: now",
          .optional = true),
    FIELD(struct usage_document, api_type, TEXT, "The provider: dashscope, pinecone …; at most 50 bytes"),
    FIELD(struct usage_document, operation, TEXT, "chat, embedding, query, upsert …; at most 50 bytes"),
    FIELD(struct usage_document, model, TEXT, "The model; at most 100 bytes", .optional = true,
          .nullable = true),
    FIELD(struct usage_document, tenant_id, TEXT,
          "Whose call it is; absent: of no tenant, or of the one that the token writes for", .optional = true,
          .nullable = true),
    FIELD(struct usage_document, request_id, TEXT,
          "The request that caused the call; counts once together with api_type and operation",
          .optional = true, .nullable = true),
    FIELD(struct usage_document, record_id, TEXT, "The record's own id, by which it counts once instead",
          .optional = true, .nullable = true),
    FIELD(struct usage_document, provider_request_id, TEXT, "What the provider calls the request",
          .optional = true, .nullable = true),
    FIELD(struct usage_document, tokens_input, INT, "Input tokens"),
    FIELD(struct usage_document, tokens_output, INT, "Output tokens"),
    FIELD(struct usage_document, tokens_cached, INT, "Those of the input that came from a cache",
          .optional = true, .nullable = true),
    FIELD(struct usage_document, tokens_reasoning, INT, "Those of the output that were reasoning",
          .optional = true, .nullable = true),
    FIELD(struct usage_document, read_units, REAL, "Read units of a vector index, to a thousandth",
          .optional = true, .nullable = true),
    FIELD(struct usage_document, write_units, REAL, "Write units of a vector index, to a thousandth",
          .optional = true, .nullable = true),
    FIELD(struct usage_document, latency_ms, INT, "How long the call took, in milliseconds"),
    FIELD(struct usage_document, success, BOOL, "Whether it succeeded"),
    FIELD(struct usage_document, estimated, BOOL, "The figures are a reckoning, not the provider's",
          .optional = true, .nullable = true),
    FIELD(struct usage_document, outcome, TEXT, "How it ended; absent: ok or failed, as success says",
          .optional = true, .nullable = true, .values = outcomes),
};
const struct descriptor ingest_usage_descriptor =
    DESCRIPTOR("UsageRecord", struct usage_document, usage_document_fields);

struct log_document {
    int64_t timestamp;
    const char *level, *source, *message, *tenant_id, *request_id, *fields;
};
static const struct field log_document_fields[] = {
    FIELD(struct log_document, timestamp, TIME,
          "When it was written; at most telemetry.max_age_days old and 10 minutes ahead; absent: now",
          .optional = true),
    FIELD(struct log_document, level, TEXT, "How grave it is", .values = levels),
    FIELD(struct log_document, source, TEXT, "What has written it; at most 100 bytes"),
    FIELD(struct log_document, message, TEXT, "The line; at most 65,536 bytes"),
    FIELD(struct log_document, tenant_id, TEXT,
          "Whose it is; absent: of no tenant, or of the one that the token writes for", .optional = true,
          .nullable = true),
    FIELD(struct log_document, request_id, TEXT, "The request that it is about", .optional = true,
          .nullable = true),
    FIELD(struct log_document, fields, JSON, "More of it, by name; at most 16,384 bytes of JSON",
          .optional = true, .nullable = true),
};
const struct descriptor ingest_log_descriptor =
    DESCRIPTOR("LogRecord", struct log_document, log_document_fields);

/* ---- reading records ---- */

static void usage_check_input(const struct usage_input *input, struct error *problems)
{
    if (input->tokens_cached > input->tokens_input)
        error_add_field(problems, "tokens_cached", "is a part of tokens_input, and cannot be more",
                        "属于 tokens_input 的一部分，不能更大");
    if (input->outcome >= 0 && input->success >= 0 && (input->outcome == USAGE_OK) != (input->success == 1))
        error_add_field(problems, "outcome", "contradicts success", "与 success 矛盾");
}

static bool batch_read_usage(struct ingest_batch *batch, int64_t index, const cJSON *value,
                             struct error *problems, struct error *err)
{
    struct usage_input input = {0};
    bool other = false;
    if (intake_read(&usage_form, value, batch->arena, &input, &other, problems))
        usage_check_input(&input, problems);
    enum usage_outcome told = input.success == 0 ? USAGE_FAILED : USAGE_OK;
    struct usage_record record = {
        .timestamp = input.timestamp,
        .api_type = input.api_type,
        .operation = input.operation,
        .model = input.model,
        .tenant_id = input.tenant_id,
        .request_id = input.request_id,
        .record_id = input.record_id,
        .provider_request_id = input.provider_request_id,
        .tokens_input = input.tokens_input,
        .tokens_output = input.tokens_output,
        .tokens_cached = input.tokens_cached,
        .tokens_reasoning = input.tokens_reasoning,
        .read_units = input.read_units,
        .write_units = input.write_units,
        .latency_ms = input.latency_ms,
        .estimated = input.estimated == 1,
        .outcome = input.outcome >= 0 ? (enum usage_outcome)input.outcome : told,
    };
    return batch_add_usage(batch, index, &record, other, problems, err);
}

static bool batch_read_log(struct ingest_batch *batch, int64_t index, const cJSON *value,
                           struct error *problems, struct error *err)
{
    struct log_input input = {0};
    bool other = false;
    intake_read(&log_form, value, batch->arena, &input, &other, problems);
    struct log_record record = {
        .timestamp = input.timestamp,
        .level = input.level >= 0 ? (enum log_level)input.level : LOG_INFO,
        .source = input.source,
        .message = input.message,
        .tenant_id = input.tenant_id,
        .request_id = input.request_id,
        .fields = input.fields,
    };
    return batch_add_log(batch, index, &record, other, problems, err);
}

/* ---- taking a body apart ---- */

typedef bool (*batch_read)(struct ingest_batch *batch, int64_t index, const cJSON *value,
                           struct error *problems, struct error *err);

struct body_reading {
    struct ingest_batch *batch;
    batch_read read;
    int64_t count; /* of records so far */
    bool lines;
};

static bool body_read_record(struct body_reading *reading, const char *bytes, size_t length,
                             struct error *err)
{
    CLEANUP(json_delete) cJSON *value = NULL;
    struct error problems;
    error_clear(&problems);
    if (reading->count == INGEST_RECORDS_MAX)
        return error_set(err, ERROR_TOO_LARGE, "More than %d records: send fewer at once.",
                         "记录超过 %d 条：请减少每次提交的记录数。", INGEST_RECORDS_MAX);
    if (length > INGEST_RECORD_BYTES)
        error_set(&problems, ERROR_INVALID, "The record is longer than %d bytes.", "记录超过 %d 字节。",
                  INGEST_RECORD_BYTES);
    else if (!json_parse(bytes, length, &value, &problems) && problems.code == ERROR_BAD_REQUEST) {
        *err = problems;
        return reading->lines ? error_prefix(err, "line %lld", "第 %lld 条", (long long)reading->count + 1)
                              : error_prefix(err, "record %lld", "第 %lld 条", (long long)reading->count);
    }
    int64_t index = reading->count++;
    if (value)
        return reading->read(reading->batch, index, value, &problems, err);
    /* Too long; or JSON, but not taken: a name twice, an escaped NUL. */
    struct usage_record none = {0};
    return batch_add_usage(reading->batch, index, &none, false, &problems, err);
}

static bool body_read_lines(struct body_reading *reading, const char *at, const char *end, struct error *err)
{
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        line_end = line_end ? line_end : end;
        if (json_skip_space(at, line_end) < line_end &&
            !body_read_record(reading, at, (size_t)(line_end - at), err))
            return false;
        at = line_end < end ? line_end + 1 : end;
    }
    return true;
}

static bool body_is_no_list(struct error *err)
{
    return error_set(err, ERROR_BAD_REQUEST, "The body is no JSON array, or it does not end.",
                     "请求体不是 JSON 数组，或不完整。");
}

static bool body_read_array(struct body_reading *reading, const char *at, const char *end, struct error *err)
{
    at = json_skip_space(at, end);
    if (at == end || *at != '[')
        return body_is_no_list(err);
    at = json_skip_space(at + 1, end);
    bool empty = at < end && *at == ']';
    while (!empty) {
        const char *value_end = json_skip_value(at, end);
        if (!value_end || !body_read_record(reading, at, (size_t)(value_end - at), err))
            return value_end ? false : body_is_no_list(err);
        at = json_skip_space(value_end, end);
        if (at == end || (*at != ',' && *at != ']'))
            return body_is_no_list(err);
        if (*at == ']')
            break;
        at = json_skip_space(at + 1, end);
    }
    return json_skip_space(at + 1, end) == end || body_is_no_list(err);
}

static bool ingest_body_take(struct ingest *ingest, const struct ingest_body *body, batch_read read,
                             struct arena *arena, struct ingest_result *ret_result, struct error *err)
{
    CLEANUP(batch_release) struct ingest_batch batch;
    const char *at = body->bytes, *end = body->bytes + body->length;
    batch_begin(&batch, ingest, body->tenant_id, body->language, arena);
    struct body_reading reading = {.batch = &batch, .read = read, .lines = body->lines};
    if (body->length >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0)
        at += 3;
    return (body->lines ? body_read_lines(&reading, at, end, err)
                        : body_read_array(&reading, at, end, err)) &&
           batch_write(&batch, ret_result, err);
}

/* ---- from outside ---- */

bool ingest_usage(struct ingest *ingest, const struct ingest_body *body, struct arena *arena,
                  struct ingest_result *ret_result, struct error *err)
{
    return ingest_body_take(ingest, body, batch_read_usage, arena, ret_result, err);
}

bool ingest_logs(struct ingest *ingest, const struct ingest_body *body, struct arena *arena,
                 struct ingest_result *ret_result, struct error *err)
{
    return ingest_body_take(ingest, body, batch_read_log, arena, ret_result, err);
}

struct ingest *ingest_new(struct platform *platform)
{
    struct ingest *ingest = xcalloc(1, sizeof(*ingest));
    ingest->platform = platform;
    ingest->names = ingest_names_new(platform->telemetry);
    pthread_mutex_init(&ingest->lock, NULL);
    return ingest;
}

void ingest_free(struct ingest *ingest)
{
    if (!ingest)
        return;
    ingest_names_free(ingest->names);
    name_map_release(&ingest->unknown_tenants);
    pthread_mutex_destroy(&ingest->lock);
    free(ingest);
}
