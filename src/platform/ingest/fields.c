#include "platform/ingest/fields.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_reader.h"
#include "base/memory.h"
#include "platform/ingest/names.h"

struct intake {
    const struct intake_field *field;
    const cJSON *value;
    struct arena *arena;
    void *place;
    bool *other;
    struct error *err;
};

static bool intake_is_one_line(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    return true;
}

static bool intake_take_text(struct intake *intake)
{
    const struct intake_field *field = intake->field;
    const char **place = intake->place, *text = intake->value->valuestring;
    if (!cJSON_IsString(intake->value))
        return error_add_field(intake->err, field->name, "must be a text", "须为文本");
    size_t length = strlen(text);
    if (length == 0) /* as good as absent */
        return !field->required || error_add_field(intake->err, field->name, "is empty", "不能为空");
    if (field->kind != INTAKE_MESSAGE && !intake_is_one_line(text))
        return error_add_field(intake->err, field->name, "holds a control character", "含有控制字符");
    bool too_long = length > (size_t)field->max;
    if (too_long && field->kind != INTAKE_NAME)
        return error_add_field(intake->err, field->name, "is longer than %" PRId64 " bytes",
                               "超过 %" PRId64 " 字节", field->max);
    *intake->other |= too_long;
    *place = too_long ? INGEST_OTHER : arena_strndup(intake->arena, text, length);
    return true;
}

static bool intake_take_time(struct intake *intake)
{
    struct error unused;
    return (cJSON_IsString(intake->value) &&
            clock_parse(intake->value->valuestring, (int64_t *)intake->place, &unused)) ||
           error_add_field(intake->err, intake->field->name,
                           "must be a time as 2026-11-22T06:48:26.062Z, with its zone",
                           "须为带时区的时间，如 2026-11-22T06:48:26.062Z");
}

static bool intake_take_count(struct intake *intake)
{
    int64_t *place = intake->place, number, max = intake->field->max;
    if (!json_is_integer(intake->value, &number) || number < 0 || number > max)
        return error_add_field(intake->err, intake->field->name, "must be a whole number from 0 to %" PRId64,
                               "须为 0 到 %" PRId64 " 的整数", max);
    *place = number;
    return true;
}

static bool intake_take_units(struct intake *intake)
{
    int64_t *place = intake->place, max = intake->field->max;
    double number = intake->value->valuedouble;
    if (!cJSON_IsNumber(intake->value) || !(number >= 0) || number > (double)max)
        return error_add_field(intake->err, intake->field->name, "must be a number from 0 to %" PRId64,
                               "须为 0 到 %" PRId64 " 的数字", max);
    *place = llround(number * 1000);
    return true;
}

static bool intake_take_bool(struct intake *intake)
{
    int *place = intake->place;
    if (!cJSON_IsBool(intake->value))
        return error_add_field(intake->err, intake->field->name, "must be true or false",
                               "须为 true 或 false");
    *place = cJSON_IsTrue(intake->value);
    return true;
}

static bool intake_take_choice(struct intake *intake)
{
    int *place = intake->place;
    CLEANUP(strbuf_release) struct strbuf known = {0};
    const char *const *values = intake->field->values;
    for (int i = 0; values[i]; i++) {
        if (cJSON_IsString(intake->value) && strcmp(intake->value->valuestring, values[i]) == 0) {
            *place = i;
            return true;
        }
        strbuf_printf(&known, "%s%s", i ? ", " : "", values[i]);
    }
    return error_add_field(intake->err, intake->field->name, "must be one of %s", "须为以下之一：%s",
                           strbuf_text(&known));
}

static bool intake_take_object(struct intake *intake)
{
    const char **place = intake->place;
    if (!cJSON_IsObject(intake->value))
        return error_add_field(intake->err, intake->field->name, "must be an object", "须为对象");
    char *text = cJSON_PrintUnformatted(intake->value);
    size_t length = text ? strlen(text) : 0;
    bool fits = text && length <= (size_t)intake->field->max;
    if (fits)
        *place = arena_strndup(intake->arena, text, length);
    cJSON_free(text);
    return fits || error_add_field(intake->err, intake->field->name, "is longer than %" PRId64 " bytes",
                                   "超过 %" PRId64 " 字节", intake->field->max);
}

static bool intake_take(struct intake *intake)
{
    switch (intake->field->kind) {
    case INTAKE_TIME: return intake_take_time(intake);
    case INTAKE_TEXT:
    case INTAKE_NAME:
    case INTAKE_MESSAGE: return intake_take_text(intake);
    case INTAKE_COUNT: return intake_take_count(intake);
    case INTAKE_UNITS: return intake_take_units(intake);
    case INTAKE_BOOL: return intake_take_bool(intake);
    case INTAKE_CHOICE: return intake_take_choice(intake);
    case INTAKE_OBJECT: return intake_take_object(intake);
    }
    return false;
}

static size_t intake_find_field(const struct intake_form *form, const char *name)
{
    size_t i = 0;
    while (i < form->count && (form->fields[i].name[0] != name[0] || strcmp(form->fields[i].name, name) != 0))
        i++;
    return i;
}

bool intake_read(const struct intake_form *form, const cJSON *object, struct arena *arena, void *record,
                 bool *ret_other, struct error *err)
{
    uint32_t seen = 0; /* a bit for each field */
    bool good = true;
    if (!cJSON_IsObject(object))
        return error_set(err, ERROR_INVALID, "A record must be an object.", "记录须为对象。");
    for (size_t i = 0; i < form->count; i++)
        if (form->fields[i].kind == INTAKE_BOOL || form->fields[i].kind == INTAKE_CHOICE)
            *(int *)(void *)((char *)record + form->fields[i].offset) = -1;
    for (const cJSON *value = object->child; value; value = value->next) {
        size_t place = intake_find_field(form, value->string);
        if (place == form->count) {
            good = error_add_field(err, value->string, "is not known", "未知字段");
            continue;
        }
        const struct intake_field *field = &form->fields[place];
        if (cJSON_IsNull(value))
            continue;
        seen |= UINT32_C(1) << place;
        struct intake intake = {field, value, arena, (char *)record + field->offset, ret_other, err};
        good &= intake_take(&intake);
    }
    for (size_t i = 0; i < form->count; i++)
        if (form->fields[i].required && !(seen & UINT32_C(1) << i))
            good = error_add_field(err, form->fields[i].name, "is missing", "缺失");
    return good;
}
