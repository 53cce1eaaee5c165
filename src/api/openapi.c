#include "api/openapi.h"

#include <stdio.h>
#include <string.h>

#include "api/endpoints.h"
#include "platform/ingest/ingest.h"

#define SCHEMAS_MAX 128

/* Every descriptor that an answer reaches, each once. */
struct schema_set {
    const struct descriptor *items[SCHEMAS_MAX];
    size_t count;
};

static void collect_schemas(struct schema_set *set, const struct descriptor *descriptor)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->items[i] == descriptor)
            return;
    if (set->count == SCHEMAS_MAX)
        return;
    set->items[set->count++] = descriptor;
    for (size_t i = 0; i < descriptor->field_count; i++)
        if (descriptor->fields[i].of && descriptor->fields[i].kind != FIELD_MAP)
            collect_schemas(set, descriptor->fields[i].of);
}

static void put_reference(struct json_writer *w, const char *section, const char *name)
{
    char reference[128];
    snprintf(reference, sizeof(reference), "#/components/%s/%s", section, name);
    json_object_begin(w);
    json_key_text(w, "$ref", reference);
    json_object_end(w);
}

static void put_type(struct json_writer *w, const char *type, bool nullable)
{
    json_key(w, "type");
    if (!nullable) {
        json_text(w, type);
        return;
    }
    json_array_begin(w);
    json_text(w, type);
    json_text(w, "null");
    json_array_end(w);
}

static void put_enum(struct json_writer *w, const char *const *values, bool nullable)
{
    json_key(w, "enum");
    json_array_begin(w);
    for (; *values; values++)
        json_text(w, *values);
    if (nullable)
        json_null(w);
    json_array_end(w);
}

static void put_field_schema(struct json_writer *w, const struct field *field);

static void put_array_of(struct json_writer *w, const struct field *field)
{
    put_type(w, "array", false);
    json_key(w, "items");
    if (field->kind == FIELD_LIST) {
        put_reference(w, "schemas", field->of->name);
        return;
    }
    json_object_begin(w);
    if (field->kind == FIELD_REALS)
        put_type(w, "number", true);
    else
        put_type(w, "string", false);
    if (field->values)
        put_enum(w, field->values, false);
    json_object_end(w);
}

static void put_field_type(struct json_writer *w, const struct field *field)
{
    static const struct {
        const char *type, *format;
    } kinds[] = {
        [FIELD_TEXT] = {"string", NULL},        [FIELD_INT] = {"integer", NULL},
        [FIELD_BOOL] = {"boolean", NULL},       [FIELD_REAL] = {"number", NULL},
        [FIELD_TIME] = {"string", "date-time"}, [FIELD_MONEY] = {"number", NULL},
        [FIELD_DAY] = {"string", "date"},       [FIELD_JSON] = {"object", NULL},
    };
    put_type(w, kinds[field->kind].type, field->nullable);
    if (kinds[field->kind].format)
        json_key_text(w, "format", kinds[field->kind].format);
    if (field->values)
        put_enum(w, field->values, field->nullable);
}

static void put_field_schema(struct json_writer *w, const struct field *field)
{
    if (field->kind == FIELD_OBJECT && !field->nullable) {
        put_reference(w, "schemas", field->of->name);
        return;
    }
    json_object_begin(w);
    if (field->kind == FIELD_OBJECT) {
        json_key(w, "anyOf");
        json_array_begin(w);
        put_reference(w, "schemas", field->of->name);
        json_object_begin(w);
        put_type(w, "null", false);
        json_object_end(w);
        json_array_end(w);
    } else if (field->kind == FIELD_MAP) {
        put_type(w, "object", field->nullable);
        json_key(w, "additionalProperties");
        put_field_schema(w, &field->of->fields[1]);
    } else if (field->kind == FIELD_LIST || field->kind == FIELD_REALS || field->kind == FIELD_TEXTS) {
        put_array_of(w, field);
    } else {
        put_field_type(w, field);
    }
    if (field->personal != PERSONAL_NOT ||
        (field->kind == FIELD_MAP && field->of->fields[0].personal != PERSONAL_NOT))
        json_key_bool(w, "x-personal-data", true);
    json_key_text(w, "description", field->description);
    json_object_end(w);
}

static void put_descriptor_schema(struct json_writer *w, const struct descriptor *descriptor)
{
    json_object_begin(w);
    put_type(w, "object", false);
    json_key(w, "properties");
    json_object_begin(w);
    for (size_t i = 0; i < descriptor->field_count; i++) {
        json_key(w, descriptor->fields[i].name);
        put_field_schema(w, &descriptor->fields[i]);
    }
    json_object_end(w);
    json_key(w, "required");
    json_array_begin(w);
    for (size_t i = 0; i < descriptor->field_count; i++)
        if (!descriptor->fields[i].optional)
            json_text(w, descriptor->fields[i].name);
    json_array_end(w);
    json_key_bool(w, "additionalProperties", false);
    json_object_end(w);
}

static void put_list_bounds(struct json_writer *w, const struct param *param)
{
    json_key(w, "items");
    json_object_begin(w);
    json_key_text(w, "type", param->kind == PARAM_KIND_INTS ? "integer" : "string");
    json_object_end(w);
    json_key_int(w, "minItems", param->required ? 1 : (int64_t)param->min);
    json_key_int(w, "maxItems", param->max > 0 ? (int64_t)param->max : PARAM_LIST_MAX);
}

static void put_body_members(struct json_writer *w, const struct params *params);

static void put_param_schema(struct json_writer *w, const struct param *param)
{
    static const char *const types[] = {
        [PARAM_KIND_TEXT] = "string",   [PARAM_KIND_INT] = "integer",   [PARAM_KIND_REAL] = "number",
        [PARAM_KIND_BOOL] = "boolean",  [PARAM_KIND_TRUTH] = "boolean", [PARAM_KIND_TIME] = "string",
        [PARAM_KIND_INTS] = "array",    [PARAM_KIND_TEXTS] = "array",   [PARAM_KIND_FILE] = "string",
        [PARAM_KIND_OBJECT] = "object",
    };
    bool text = param->kind == PARAM_KIND_TEXT;
    bool list = param->kind == PARAM_KIND_INTS || param->kind == PARAM_KIND_TEXTS;
    json_object_begin(w);
    put_type(w, types[param->kind], param->in == PARAM_IN_BODY && !param->required);
    if (list)
        put_list_bounds(w, param);
    if (param->kind == PARAM_KIND_OBJECT)
        put_body_members(w, param->of);
    if (param->kind == PARAM_KIND_FILE)
        json_key_text(w, "format", "binary");
    if (param->kind == PARAM_KIND_TIME)
        json_key_text(w, "format", "date-time");
    if (param->values)
        put_enum(w, param->values, param->in == PARAM_IN_BODY && !param->required);
    if (text && param->required)
        json_key_int(w, "minLength", param->min > 1 ? (int64_t)param->min : 1);
    if (text && param->max > 0)
        json_key_int(w, "maxLength", (int64_t)param->max);
    if (!text && !list && param->max > param->min) {
        json_key(w, "minimum");
        json_real(w, param->min);
        json_key(w, "maximum");
        json_real(w, param->max);
    }
    if (param->fallback) {
        json_key(w, "default");
        if (text || param->kind == PARAM_KIND_TIME)
            json_text(w, param->fallback);
        else
            json_raw(w, param->fallback);
    }
    json_key_text(w, "description", param->description);
    json_object_end(w);
}

/* Of a route that asks for a job: reply_job reads and writes these. */
static const char PREFER_PARAMETER[] =
    "{\"name\":\"Prefer\",\"in\":\"header\",\"required\":false,\"description\":"
    "\"'wait=SECONDS' (60 at most): the job itself, with 200, when it ends in that time\","
    "\"schema\":{\"type\":\"string\"}}";
static const char LOCATION_HEADER[] =
    "{\"Location\":{\"description\":\"Where the job is\",\"schema\":{\"type\":\"string\"}}}";

static bool is_in_body(const struct param *param)
{
    return param->in == PARAM_IN_BODY || param->in == PARAM_IN_FORM;
}

static void put_parameter(struct json_writer *w, const struct param *param)
{
    static const char *const places[] = {
        [PARAM_IN_PATH] = "path", [PARAM_IN_QUERY] = "query", [PARAM_IN_HEADER] = "header"};
    json_object_begin(w);
    json_key_text(w, "name", param->name);
    json_key_text(w, "in", places[param->in]);
    json_key_bool(w, "required", param->required);
    json_key_text(w, "description", param->description);
    json_key(w, "schema");
    put_param_schema(w, param);
    json_object_end(w);
}

static void put_parameters(struct json_writer *w, const struct route *route)
{
    const struct params *params = route->params;
    json_key(w, "parameters");
    json_array_begin(w);
    for (size_t i = 0; params && i < params->count; i++)
        if (!is_in_body(&params->table[i]))
            put_parameter(w, &params->table[i]);
    if (route_is_personal(route))
        put_parameter(w, &reveal_param);
    if (route->status == 202)
        json_raw(w, PREFER_PARAMETER);
    json_array_end(w);
}

static bool body_is_required(const struct params *params)
{
    for (size_t i = 0; i < params->count; i++)
        if (is_in_body(&params->table[i]) && params->table[i].required)
            return true;
    return false;
}

/* What may be sent as an object's members. */
static void put_body_members(struct json_writer *w, const struct params *params)
{
    json_key(w, "properties");
    json_object_begin(w);
    for (size_t i = 0; i < params->count; i++) {
        if (!is_in_body(&params->table[i]))
            continue;
        json_key(w, params->table[i].name);
        put_param_schema(w, &params->table[i]);
    }
    json_object_end(w);
    json_key(w, "required");
    json_array_begin(w);
    for (size_t i = 0; i < params->count; i++)
        if (is_in_body(&params->table[i]) && params->table[i].required)
            json_text(w, params->table[i].name);
    json_array_end(w);
    json_key_bool(w, "additionalProperties", false);
}

static void put_content(struct json_writer *w, const char *type)
{
    json_key(w, "content");
    json_object_begin(w);
    json_key(w, type);
    json_object_begin(w);
    json_key(w, "schema");
}

static void put_request_body(struct json_writer *w, const struct params *params)
{
    json_key(w, "requestBody");
    json_object_begin(w);
    json_key_bool(w, "required", body_is_required(params));
    put_content(w, params_have_form(params) ? "multipart/form-data" : "application/json");
    json_object_begin(w);
    put_type(w, "object", false);
    put_body_members(w, params);
    json_object_end(w);
    json_object_end(w); /* of put_content */
    json_object_end(w);
    json_object_end(w);
}

static void put_records_schema(struct json_writer *w, const struct record_body *records, const char *type)
{
    json_object_begin(w);
    if (strcmp(type, "application/json") != 0) {
        put_type(w, "string", false);
    } else if (!records->record) {
        put_type(w, "object", false);
    } else {
        put_type(w, "array", false);
        json_key(w, "items");
        put_reference(w, "schemas", records->record->name);
        json_key_int(w, "maxItems", INGEST_RECORDS_MAX);
    }
    json_object_end(w);
}

static void put_records_body(struct json_writer *w, const struct record_body *records)
{
    json_key(w, "requestBody");
    json_object_begin(w);
    json_key_bool(w, "required", true);
    json_key_text(w, "description", records->description);
    json_key(w, "content");
    json_object_begin(w);
    for (const char *const *type = records->content_types; *type; type++) {
        json_key(w, *type);
        json_object_begin(w);
        json_key(w, "schema");
        put_records_schema(w, records, *type);
        json_object_end(w);
    }
    json_object_end(w);
    json_object_end(w);
}

static void put_list_schema(struct json_writer *w, const char *item)
{
    static const char *const counts[] = {"total", "page", "page_size"};
    json_object_begin(w);
    put_type(w, "object", false);
    json_key(w, "properties");
    json_object_begin(w);
    json_key(w, "items");
    json_object_begin(w);
    put_type(w, "array", false);
    json_key(w, "items");
    put_reference(w, "schemas", item);
    json_object_end(w);
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        json_key(w, counts[i]);
        json_object_begin(w);
        put_type(w, "integer", false);
        json_object_end(w);
    }
    json_object_end(w);
    json_key(w, "required");
    json_raw(w, "[\"items\",\"total\",\"page\",\"page_size\"]");
    json_key_bool(w, "additionalProperties", false);
    json_object_end(w);
}

static void put_answer_content(struct json_writer *w, const struct route *route)
{
    put_content(w, route->content_type ? route->content_type : "application/json");
    if (!route->answer)
        json_raw(w, "{}");
    else if (route->shape == ANSWER_LIST)
        put_list_schema(w, route->answer->name);
    else
        put_reference(w, "schemas", route->answer->name);
    json_object_end(w);
    if (route->other_content_type) {
        json_key(w, route->other_content_type);
        json_raw(w, "{\"schema\":{}}");
    }
    json_object_end(w);
}

static void put_success(struct json_writer *w, const struct route *route, int status)
{
    char code[8];
    snprintf(code, sizeof(code), "%d", status);
    json_key(w, code);
    json_object_begin(w);
    json_key_text(w, "description", route->summary);
    if (status == 202) {
        json_key(w, "headers");
        json_raw(w, LOCATION_HEADER);
    }
    if (route->answer || route->content_type)
        put_answer_content(w, route);
    json_object_end(w);
}

/* Which errors a route can answer, from its columns. */
static bool route_can_answer(const struct route *route, int status)
{
    bool body = route->body_limit > 0;
    bool post = strcmp(route->method, "GET") != 0;
    switch (status) {
    case 401: return route->permission != PERMISSION_PUBLIC || post;
    case 403: return route->permission != PERMISSION_PUBLIC || post;
    case 404: return strchr(route->path, '{') || body;
    case 409: return post;
    case 415: return body;
    case 503: return route->other_status != 503;
    default: return true;
    }
}

static void put_responses(struct json_writer *w, const struct route *route)
{
    static const int statuses[] = {400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503};
    json_key(w, "responses");
    json_object_begin(w);
    put_success(w, route, route->status ? route->status : 200);
    if (route->other_status)
        put_success(w, route, route->other_status);
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        if (!route_can_answer(route, statuses[i]))
            continue;
        char code[8];
        snprintf(code, sizeof(code), "%d", statuses[i]);
        json_key(w, code);
        put_reference(w, "responses", "Problem");
    }
    json_object_end(w);
}

static void put_security(struct json_writer *w, const struct route *route)
{
    static const char *const security[] = {
        [PERMISSION_OPS_ADMIN] = "[{\"bearer\":[]},{\"cookie\":[]}]",
        [PERMISSION_OPS_READ] = "[{\"bearer\":[]},{\"cookie\":[]}]",
        [PERMISSION_SIGNED_IN] = "[{\"bearer\":[]},{\"cookie\":[]}]",
        [PERMISSION_TENANT_KEY] = "[{\"tenantKey\":[]}]",
        [PERMISSION_INGEST] = "[{\"bearer\":[]}]",
        [PERMISSION_LOCAL] = "[{},{\"bearer\":[]}]",
        [PERMISSION_PUBLIC] = "[]",
    };
    json_key(w, "security");
    json_raw(w, security[route->permission]);
    json_key_text(w, "x-permission", permission_name(route->permission));
    json_key_text(w, "x-tenant-gate", tenant_gate_name(route->gate));
    if (route->audit_action)
        json_key_text(w, "x-audit-action", route->audit_action);
}

/* "post_api_v1_chat_message": unique, since method and path are. */
static void put_operation_id(struct json_writer *w, const struct route *route)
{
    char id[160];
    size_t length = (size_t)snprintf(id, sizeof(id), "%s%s", route->method, route->path);
    for (size_t i = 0; i < length && i < sizeof(id); i++) {
        bool letter = (id[i] >= 'a' && id[i] <= 'z') || (id[i] >= '0' && id[i] <= '9');
        if (id[i] >= 'A' && id[i] <= 'Z')
            id[i] = (char)(id[i] + ('a' - 'A'));
        else if (!letter)
            id[i] = '_';
    }
    json_key_text(w, "operationId", id);
}

static void put_operation(struct json_writer *w, const struct route *route)
{
    static const char *const methods[][2] = {
        {"GET", "get"}, {"POST", "post"}, {"PUT", "put"}, {"DELETE", "delete"}};
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
        if (strcmp(methods[i][0], route->method) == 0)
            json_key(w, methods[i][1]);
    json_object_begin(w);
    put_operation_id(w, route);
    json_key_text(w, "summary", route->summary);
    put_security(w, route);
    put_parameters(w, route);
    if (route->params && (params_have_body(route->params) || params_have_form(route->params)))
        put_request_body(w, route->params);
    if (route->records)
        put_records_body(w, route->records);
    put_responses(w, route);
    json_object_end(w);
}

static bool path_stands_before(size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(routes[i].path, routes[at].path) == 0)
            return true;
    return false;
}

static void put_paths(struct json_writer *w)
{
    json_key(w, "paths");
    json_object_begin(w);
    for (size_t i = 0; i < route_count; i++) {
        if (path_stands_before(i))
            continue;
        json_key(w, routes[i].path);
        json_object_begin(w);
        for (size_t j = i; j < route_count; j++)
            if (strcmp(routes[j].path, routes[i].path) == 0)
                put_operation(w, &routes[j]);
        json_object_end(w);
    }
    json_object_end(w);
}

static const char PROBLEM_SCHEMA[] =
    "{\"type\":\"object\",\"description\":\"RFC 9457\",\"properties\":{"
    "\"type\":{\"type\":\"string\",\"description\":\"Ends in the kind of problem\"},"
    "\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},"
    "\"detail\":{\"type\":\"string\",\"description\":\"For a person, in the language of Accept-Language\"},"
    "\"request_id\":{\"type\":\"string\"},"
    "\"errors\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
    "\"field\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"}},"
    "\"required\":[\"field\",\"message\"],\"additionalProperties\":false}}},"
    "\"required\":[\"type\",\"title\",\"status\",\"detail\",\"request_id\"],\"additionalProperties\":false}";

static const char SECURITY_SCHEMES[] =
    "{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":\"Access token (JWT) or API "
    "token\"},"
    "\"cookie\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"kimono_access_MARK\","
    "\"description\":\"The console's, with a mark of this server and its port; a write also needs a "
    "matching Origin\"},"
    "\"tenantKey\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-API-Key\","
    "\"description\":\"A tenant's publishable key\"}}";

static void put_schema_components(struct json_writer *w)
{
    struct schema_set set = {0};
    for (size_t i = 0; i < route_count; i++)
        if (routes[i].answer)
            collect_schemas(&set, routes[i].answer);
    for (size_t i = 0; i < route_count; i++)
        if (routes[i].records && routes[i].records->record)
            collect_schemas(&set, routes[i].records->record);
    json_key(w, "components");
    json_object_begin(w);
    json_key(w, "schemas");
    json_object_begin(w);
    json_key(w, "Problem");
    json_raw(w, PROBLEM_SCHEMA);
    for (size_t i = 0; i < set.count; i++) {
        json_key(w, set.items[i]->name);
        put_descriptor_schema(w, set.items[i]);
    }
    json_object_end(w);
    json_key(w, "responses");
    json_raw(w, "{\"Problem\":{\"description\":\"What went wrong, and what to do\",\"content\":"
                "{\"application/problem+json\":{\"schema\":{\"$ref\":\"#/components/schemas/Problem\"}}}}}");
    json_key(w, "securitySchemes");
    json_raw(w, SECURITY_SCHEMES);
    json_object_end(w);
}

void openapi_write(struct strbuf *out, const char *version)
{
    struct json_writer w = {.out = out};
    json_object_begin(&w);
    json_key_text(&w, "openapi", "3.1.0");
    json_key(&w, "info");
    json_object_begin(&w);
    json_key_text(&w, "title", "Kimono");
    json_key_text(&w, "version", version);
    json_key_text(
        &w, "description",
        "AI customer service for many tenants, and its operations console. HEAD works where GET does; "
        "GET answers carry an ETag; every answer carries X-Request-Id.");
    json_key(&w, "license");
    json_raw(&w, "{\"name\":\"Apache-2.0\",\"identifier\":\"Apache-2.0\"}");
    json_object_end(&w);
    put_paths(&w);
    put_schema_components(&w);
    json_object_end(&w);
}

bool openapi_get(struct call *call, struct error *err)
{
    (void)err;
    struct http_request *request = call->request;
    strbuf_append(&request->response.body, call->api->openapi.bytes, call->api->openapi.length);
    request->response.status = 200;
    return true;
}
