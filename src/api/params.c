#include "api/params.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_reader.h"
#include "base/utf8.h"
#include "http/negotiate.h"

#define TEXT_DEFAULT_MAX 200
#define PARAMS_MAX 32

struct parsing {
    const struct param *params;
    size_t count;
    struct http_request *request;
    void *input;
    struct error *err;
    bool seen[PARAMS_MAX];
    bool takes_reveal;
};

static void *param_member(const struct parsing *p, const struct param *param)
{
    return (char *)p->input + param->offset;
}

static void param_check_range(const struct param *param, double value, struct error *err)
{
    if (param->max > param->min && (value < param->min || value > param->max))
        error_add_field(err, param->name, "must be between %.15g and %.15g", "应在 %.15g 与 %.15g 之间",
                        param->min, param->max);
}

static bool param_is_value(const char *text, const char *const *values)
{
    for (; *values; values++)
        if (strcmp(*values, text) == 0)
            return true;
    return false;
}

static void param_refuse_value(const struct param *param, struct error *err)
{
    char list[120] = "";
    for (const char *const *value = param->values; *value; value++) {
        size_t used = strlen(list);
        if (used + strlen(*value) + sizeof(", …") >= sizeof(list)) {
            snprintf(list + used, sizeof(list) - used, ", …");
            break;
        }
        snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", *value);
    }
    error_add_field(err, param->name, "must be one of: %s", "应为以下之一：%s", list);
}

static bool has_control_character(const char *text)
{
    for (; *text; text++)
        if (((unsigned char)*text < 0x20 && !strchr("\n\r\t", *text)) || *text == 0x7F)
            return true;
    return false;
}

static void param_take_text(const struct parsing *p, const struct param *param, const char *text)
{
    size_t max = param->max > 0 ? (size_t)param->max : TEXT_DEFAULT_MAX;
    size_t length = utf8_count(text, strlen(text));
    if (param->values && !param_is_value(text, param->values))
        param_refuse_value(param, p->err);
    else if ((double)length < param->min || (param->required && length == 0))
        error_add_field(p->err, param->name, "is too short", "过短");
    else if (length > max)
        error_add_field(p->err, param->name, "is too long: %zu characters, at most %zu",
                        "过长：%zu 个字符，最多 %zu 个", length, max);
    else if (has_control_character(text))
        error_add_field(p->err, param->name, "holds a control character", "含有控制字符");
    else if (param->check)
        param->check(text, p->err);
    *(const char **)param_member(p, param) = arena_strdup(&p->request->arena, text);
}

static void param_take_int(const struct parsing *p, const struct param *param, int64_t value)
{
    param_check_range(param, (double)value, p->err);
    *(int64_t *)param_member(p, param) = value;
}

static void param_take_real(const struct parsing *p, const struct param *param, double value)
{
    param_check_range(param, value, p->err);
    *(double *)param_member(p, param) = value;
}

static void param_take_truth(const struct parsing *p, const struct param *param, bool value)
{
    if (param->kind == PARAM_KIND_TRUTH)
        *(int64_t *)param_member(p, param) = value;
    else
        *(bool *)param_member(p, param) = value;
}

static void param_take_time(const struct parsing *p, const struct param *param, const char *text)
{
    struct error why;
    int64_t ms;
    if (clock_parse(text, &ms, &why))
        *(int64_t *)param_member(p, param) = ms;
    else
        error_add_field(p->err, param->name, "%s%.0s", "%.0s%s", why.detail[LANGUAGE_EN],
                        why.detail[LANGUAGE_ZH]);
}

static void param_refuse_kind(const struct parsing *p, const struct param *param)
{
    static const char *const kinds[][LANGUAGE_COUNT] = {
        [PARAM_KIND_TEXT] = {"a text", "文本"},
        [PARAM_KIND_INT] = {"a whole number", "整数"},
        [PARAM_KIND_REAL] = {"a number", "数字"},
        [PARAM_KIND_BOOL] = {"true or false", "true 或 false"},
        [PARAM_KIND_TRUTH] = {"true or false", "true 或 false"},
        [PARAM_KIND_TIME] = {"a time such as 2026-11-22T06:48:26.062Z", "时间，如 2026-11-22T06:48:26.062Z"},
        [PARAM_KIND_INTS] = {"a list of whole numbers", "整数列表"},
        [PARAM_KIND_TEXTS] = {"a list of texts", "文本列表"},
        [PARAM_KIND_OBJECT] = {"an object", "对象"},
        [PARAM_KIND_FILE] = {"a file, with its filename", "文件，并带 filename"},
    };
    error_add_field(p->err, param->name, "must be %s%.0s", "%.0s应为%s", kinds[param->kind][LANGUAGE_EN],
                    kinds[param->kind][LANGUAGE_ZH]);
}

/* A value that came as text: path, query, header, form, fallback. */
static void param_take_written(const struct parsing *p, const struct param *param, const char *text)
{
    char *end;
    errno = 0;
    switch (param->kind) {
    case PARAM_KIND_TEXT: param_take_text(p, param, text); return;
    case PARAM_KIND_TIME: param_take_time(p, param, text); return;
    case PARAM_KIND_INT: {
        long long value = strtoll(text, &end, 10);
        if (*text && !*end && !errno && !isspace((unsigned char)*text)) {
            param_take_int(p, param, value);
            return;
        }
        break;
    }
    case PARAM_KIND_REAL: {
        double value = strtod(text, &end);
        if (*text && !*end && !errno && isfinite(value) && strspn(text, "0123456789+-.eE") == strlen(text)) {
            param_take_real(p, param, value);
            return;
        }
        break;
    }
    case PARAM_KIND_BOOL:
    case PARAM_KIND_TRUTH:
        if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
            param_take_truth(p, param, text[0] == 't');
            return;
        }
        break;
    case PARAM_KIND_INTS:
    case PARAM_KIND_TEXTS:
    case PARAM_KIND_OBJECT:
    case PARAM_KIND_FILE: break;
    }
    param_refuse_kind(p, param);
}

static bool param_check_list(const struct parsing *p, const struct param *param, size_t count)
{
    double max = param->max > 0 ? param->max : PARAM_LIST_MAX, min = param->required ? 1 : param->min;
    if ((double)count >= min && (double)count <= max)
        return true;
    return error_add_field(p->err, param->name, "must have %g to %g items, has %zu",
                           "应有 %g 到 %g 项，现有 %zu 项", min, max, count);
}

static bool param_take_ints(const struct parsing *p, const struct param *param, const cJSON *array)
{
    struct int_list *list = param_member(p, param);
    size_t count = (size_t)cJSON_GetArraySize(array), at = 0;
    if (!param_check_list(p, param, count))
        return true;
    int64_t *items = arena_alloc(&p->request->arena, (count + 1) * sizeof(*items));
    for (const cJSON *item = array->child; item; item = item->next)
        if (!json_is_integer(item, &items[at++]))
            return false;
    *list = (struct int_list){items, count};
    return true;
}

static bool param_take_texts(const struct parsing *p, const struct param *param, const cJSON *array)
{
    struct text_list *list = param_member(p, param);
    size_t count = (size_t)cJSON_GetArraySize(array), at = 0;
    if (!param_check_list(p, param, count))
        return true;
    const char **items = arena_alloc(&p->request->arena, (count + 1) * sizeof(*items));
    for (const cJSON *item = array->child; item; item = item->next) {
        if (!cJSON_IsString(item))
            return false;
        if (utf8_count(item->valuestring, strlen(item->valuestring)) > TEXT_DEFAULT_MAX ||
            has_control_character(item->valuestring))
            return error_add_field(p->err, param->name, "item %zu is too long or holds a control character",
                                   "第 %zu 项过长或含有控制字符", at + 1) ||
                   true;
        items[at++] = arena_strdup(&p->request->arena, item->valuestring);
    }
    *list = (struct text_list){items, count};
    return true;
}

static void param_take_object(const struct parsing *p, const struct param *param, const cJSON *object);

/* A value of the JSON body. */
static bool is_beyond_exact(const cJSON *value)
{
    return cJSON_IsNumber(value) && fabs(value->valuedouble) > (double)JSON_INTEGER_MAX;
}

static bool has_beyond_exact(const cJSON *array)
{
    for (const cJSON *item = array->child; item; item = item->next)
        if (is_beyond_exact(item))
            return true;
    return false;
}

static void param_take_json(const struct parsing *p, const struct param *param, const cJSON *value)
{
    int64_t integer;
    if (cJSON_IsString(value) && param->kind == PARAM_KIND_TEXT)
        param_take_text(p, param, value->valuestring);
    else if (cJSON_IsString(value) && param->kind == PARAM_KIND_TIME)
        param_take_time(p, param, value->valuestring);
    else if (param->kind == PARAM_KIND_INT && json_is_integer(value, &integer))
        param_take_int(p, param, integer);
    else if (param->kind == PARAM_KIND_REAL && cJSON_IsNumber(value))
        param_take_real(p, param, value->valuedouble);
    else if ((param->kind == PARAM_KIND_BOOL || param->kind == PARAM_KIND_TRUTH) && cJSON_IsBool(value))
        param_take_truth(p, param, cJSON_IsTrue(value));
    else if (param->kind == PARAM_KIND_OBJECT && cJSON_IsObject(value))
        param_take_object(p, param, value);
    else if ((param->kind == PARAM_KIND_INT && is_beyond_exact(value)) ||
             (param->kind == PARAM_KIND_INTS && has_beyond_exact(value)))
        error_add_field(p->err, param->name, "is too large: whole numbers go to %" PRId64,
                        "过大：整数最大为 %" PRId64, JSON_INTEGER_MAX);
    else if (!cJSON_IsArray(value) || (param->kind != PARAM_KIND_INTS && param->kind != PARAM_KIND_TEXTS))
        param_refuse_kind(p, param);
    else if (!(param->kind == PARAM_KIND_INTS ? param_take_ints : param_take_texts)(p, param, value))
        param_refuse_kind(p, param);
}

static const struct param *param_find(const struct parsing *p, enum param_in in, const char *name,
                                      size_t *ret_at)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->params[i].in == in && strcmp(p->params[i].name, name) == 0) {
            *ret_at = i;
            return &p->params[i];
        }
    }
    return NULL;
}

const struct param reveal_param = {
    .name = PARAM_REVEAL,
    .in = PARAM_IN_QUERY,
    .kind = PARAM_KIND_BOOL,
    .description = "true: personal data as it is, not masked; for ops_admin, and audited",
};

static bool params_take_query(void *context, const char *name, const char *value)
{
    struct parsing *p = context;
    size_t at;
    const struct param *param = param_find(p, PARAM_IN_QUERY, name, &at);
    if (p->takes_reveal && strcmp(name, PARAM_REVEAL) == 0) {
        bool reveal; /* acted upon before (dispatch.c), only checked here */
        struct parsing aside = {.request = p->request, .input = &reveal, .err = p->err};
        param_take_written(&aside, &reveal_param, value ? value : "");
    } else if (!param) {
        error_add_field(p->err, name, "is not a parameter here", "不是此处的参数");
    } else if (p->seen[at]) {
        error_add_field(p->err, name, "stands twice", "重复");
    } else {
        p->seen[at] = true;
        param_take_written(p, param, value ? value : "");
    }
    return true;
}

static void params_take_path(struct parsing *p, const struct path_values *path)
{
    for (size_t i = 0; i < path->count; i++) {
        size_t at;
        const struct param *param = param_find(p, PARAM_IN_PATH, path->names[i], &at);
        if (param) {
            p->seen[at] = true;
            param_take_written(p, param, path->values[i]);
        }
    }
}

static void params_take_headers(struct parsing *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->params[i].in != PARAM_IN_HEADER)
            continue;
        const char *value = http_request_header(p->request, p->params[i].name);
        p->seen[i] = value != NULL;
        if (value)
            param_take_written(p, &p->params[i], value);
    }
}

static void params_take_members(struct parsing *p, const cJSON *body)
{
    for (const cJSON *member = body->child; member; member = member->next) {
        size_t at;
        const struct param *param = param_find(p, PARAM_IN_BODY, member->string, &at);
        if (!param) {
            error_add_field(p->err, member->string, "is not a field here", "不是此处的字段");
            continue;
        }
        if (cJSON_IsNull(member)) /* null is the same as absent */
            continue;
        p->seen[at] = true;
        param_take_json(p, param, member);
    }
}

static void params_take_form_field(struct parsing *p, const struct http_form_field *field)
{
    size_t at;
    const struct param *param = param_find(p, PARAM_IN_FORM, field->name, &at);
    if (!param) {
        error_add_field(p->err, field->name, "is not a field here", "不是此处的字段");
        return;
    }
    p->seen[at] = true;
    if (field->text)
        param_take_written(p, param, field->text);
    else if (param->kind == PARAM_KIND_FILE)
        *(struct upload *)param_member(p, param) = field->file;
    else
        param_refuse_kind(p, param);
}

static bool params_take_body(struct parsing *p)
{
    struct http_request *request = p->request;
    if (request->body_length == 0)
        return true;
    if (!http_header_value_is(http_request_header(request, "Content-Type"), "application/json"))
        return error_set(p->err, ERROR_MEDIA_TYPE, "Send the body as application/json.",
                         "请求体须为 application/json。");
    CLEANUP(json_delete) cJSON *body = NULL;
    struct error why;
    error_clear(&why);
    if (!json_parse(request->body, request->body_length, &body, &why)) {
        *p->err = why;
        return false;
    }
    if (!cJSON_IsObject(body))
        return error_set(p->err, ERROR_INVALID, "The body must be a JSON object.", "请求体须为 JSON 对象。");
    params_take_members(p, body);
    return true;
}

static void params_take_absent(const struct parsing *p)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct param *param = &p->params[i];
        if (p->seen[i])
            continue;
        if (param->required)
            error_add_field(p->err, param->name, "is missing", "缺少");
        else if (param->fallback)
            param_take_written(p, param, param->fallback);
        else if (param->kind == PARAM_KIND_INT || param->kind == PARAM_KIND_TIME ||
                 param->kind == PARAM_KIND_TRUTH)
            *(int64_t *)param_member(p, param) = INT_NULL;
        else if (param->kind == PARAM_KIND_REAL)
            *(double *)param_member(p, param) = NAN;
        else if (param->kind == PARAM_KIND_FILE)
            *(struct upload *)param_member(p, param) = (struct upload){.fd = -1};
    }
}

/* Its members are named after it in what is wrong with them. */
static void param_take_object(const struct parsing *p, const struct param *param, const cJSON *object)
{
    struct error why;
    error_clear(&why);
    void *input = arena_alloc(&p->request->arena, param->of->input_size);
    struct parsing inner = {.params = param->of->table,
                            .count = param->of->count,
                            .request = p->request,
                            .input = input,
                            .err = &why};
    params_take_members(&inner, object);
    params_take_absent(&inner);
    for (size_t i = 0; i < why.field_count; i++) {
        char name[sizeof(why.fields[i].field)];
        snprintf(name, sizeof(name), "%s.%.*s", param->name, (int)(sizeof(name) - strlen(param->name) - 2),
                 why.fields[i].field);
        error_add_field(p->err, name, "%s%.0s", "%.0s%s", why.fields[i].message[LANGUAGE_EN],
                        why.fields[i].message[LANGUAGE_ZH]);
    }
    *(const void **)param_member(p, param) = input;
}

static const struct params no_params = {0};

bool params_parse(const struct params *params, bool takes_reveal, struct http_request *request,
                  const struct path_values *path, void *input, struct error *err)
{
    if (!params)
        params = &no_params;
    struct parsing p = {.params = params->table,
                        .count = params->count,
                        .request = request,
                        .input = input,
                        .err = err,
                        .takes_reveal = takes_reveal};
    if (params_have_body(params) && !params_take_body(&p))
        return false;
    for (const struct http_form_field *field = request->form; field; field = field->next)
        params_take_form_field(&p, field);
    params_take_path(&p, path);
    http_query_each(request, params_take_query, &p);
    params_take_headers(&p);
    params_take_absent(&p);
    return err->code == ERROR_NONE;
}

static bool params_have(const struct params *params, enum param_in in)
{
    for (size_t i = 0; i < params->count; i++)
        if (params->table[i].in == in)
            return true;
    return false;
}

bool params_have_body(const struct params *params)
{
    return params_have(params, PARAM_IN_BODY);
}

bool params_have_form(const struct params *params)
{
    return params_have(params, PARAM_IN_FORM);
}
