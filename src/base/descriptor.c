#include "base/descriptor.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "base/clock.h"

static void field_write(struct json_writer *w, const struct field *field, const void *object);

static void field_write_day(struct json_writer *w, int64_t day)
{
    char text[CLOCK_DAY_SIZE];
    if (day == INT_NULL) {
        json_null(w);
        return;
    }
    clock_day_format((int32_t)day, text);
    json_text(w, text);
}

static void field_write_int(struct json_writer *w, int64_t value)
{
    if (value == INT_NULL)
        json_null(w);
    else
        json_int(w, value);
}

/* --- personal texts */

static bool personal_is_shown(const struct json_writer *w, enum personal personal)
{
    return !w->mask || personal == PERSONAL_NOT;
}

static void field_write_text(struct json_writer *w, enum personal personal, const char *text)
{
    CLEANUP(strbuf_release) struct strbuf shown = {0};
    if (!text || personal_is_shown(w, personal)) {
        json_text(w, text);
        return;
    }
    w->mask->apply(w->mask, personal, text, &shown);
    json_text(w, strbuf_text(&shown));
}

/* The end of the JSON text that begins with the quotation mark at `at`. */
static const char *json_string_end(const char *at)
{
    for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && at[1])
            at++;
    return *at ? at + 1 : at;
}

/* Members of any JSON that name people: their texts are personal as a whole. */
static bool json_member_is_whole(const char *name)
{
    return strcmp(name, "contact") == 0;
}

/* JSON with each text in it masked, names too; all else stays byte for byte. What cannot be read is not
 * shown. */
static void mask_json(const struct json_mask *mask, enum personal personal, const char *json,
                      struct strbuf *out)
{
    CLEANUP(strbuf_release) struct strbuf shown = {0};
    bool whole = false;
    while (*json) {
        size_t plain = strcspn(json, "\"");
        strbuf_append(out, json, plain);
        json += plain;
        if (!*json)
            break;
        const char *end = json_string_end(json);
        cJSON *text = cJSON_ParseWithLength(json, (size_t)(end - json));
        struct json_writer w = {.out = out};
        strbuf_reset(&shown);
        if (cJSON_IsString(text))
            mask->apply(mask, whole ? PERSONAL_WHOLE : personal, text->valuestring, &shown);
        whole = *end == ':' && cJSON_IsString(text) && json_member_is_whole(text->valuestring);
        if (cJSON_IsString(text) && strcmp(strbuf_text(&shown), text->valuestring) == 0)
            strbuf_append(out, json, (size_t)(end - json));
        else
            json_text(&w, strbuf_text(&shown));
        cJSON_Delete(text);
        json = end;
    }
}

static void field_write_json(struct json_writer *w, enum personal personal, const char *json)
{
    CLEANUP(strbuf_release) struct strbuf shown = {0};
    if (json && !personal_is_shown(w, personal)) {
        mask_json(w->mask, personal, json, &shown);
        json = strbuf_text(&shown);
    }
    json_raw(w, json);
}

bool descriptor_is_personal(const struct descriptor *descriptor)
{
    for (size_t i = 0; i < descriptor->field_count; i++) {
        const struct field *field = &descriptor->fields[i];
        if (field->personal != PERSONAL_NOT || (field->of && descriptor_is_personal(field->of)))
            return true;
    }
    return false;
}

/* --- values */

static size_t field_items(const struct field *field, const void *object)
{
    return *(const size_t *)((const char *)object + field->count_offset);
}

static void field_write_many(struct json_writer *w, const struct field *field, const void *object)
{
    const char *items = *(const char *const *)((const char *)object + field->offset);
    size_t count = field_items(field, object);
    json_array_begin(w);
    for (size_t i = 0; i < count; i++) {
        if (field->kind == FIELD_REALS)
            json_real(w, ((const double *)(const void *)items)[i]);
        else if (field->kind == FIELD_TEXTS)
            field_write_text(w, field->personal, ((const char *const *)(const void *)items)[i]);
        else
            json_struct(w, field->of, items + i * field->of->size);
    }
    json_array_end(w);
}

static void field_write_map(struct json_writer *w, const struct field *field, const void *object)
{
    const char *items = *(const char *const *)((const char *)object + field->offset);
    size_t count = field_items(field, object);
    if (field->nullable && !items) {
        json_null(w);
        return;
    }
    const struct field *name = &field->of->fields[0];
    CLEANUP(strbuf_release) struct strbuf shown = {0};
    json_object_begin(w);
    for (size_t i = 0; i < count; i++) {
        const char *item = items + i * field->of->size, *key = *(const char *const *)(item + name->offset);
        if (!personal_is_shown(w, name->personal)) {
            strbuf_reset(&shown);
            w->mask->apply(w->mask, name->personal, key, &shown);
            key = strbuf_text(&shown);
        }
        json_key(w, key);
        field_write(w, &field->of->fields[1], item);
    }
    json_object_end(w);
}

static void field_write_object(struct json_writer *w, const struct field *field, const void *at)
{
    const void *object = field->nullable ? *(const void *const *)at : at;
    if (object)
        json_struct(w, field->of, object);
    else
        json_null(w);
}

static void field_write(struct json_writer *w, const struct field *field, const void *object)
{
    const void *at = (const char *)object + field->offset;
    switch (field->kind) {
    case FIELD_TEXT: field_write_text(w, field->personal, *(const char *const *)at); break;
    case FIELD_INT: field_write_int(w, *(const int64_t *)at); break;
    case FIELD_BOOL: json_bool(w, *(const bool *)at); break;
    case FIELD_REAL: json_real(w, *(const double *)at); break;
    case FIELD_TIME: json_time(w, *(const int64_t *)at); break;
    case FIELD_MONEY: json_money(w, *(const int64_t *)at); break;
    case FIELD_DAY: field_write_day(w, *(const int64_t *)at); break;
    case FIELD_JSON: field_write_json(w, field->personal, *(const char *const *)at); break;
    case FIELD_OBJECT: field_write_object(w, field, at); break;
    case FIELD_MAP: field_write_map(w, field, object); break;
    case FIELD_LIST:
    case FIELD_REALS:
    case FIELD_TEXTS: field_write_many(w, field, object); break;
    }
}

void json_members(struct json_writer *w, const struct descriptor *descriptor, const void *object)
{
    for (size_t i = 0; i < descriptor->field_count; i++) {
        const struct field *field = &descriptor->fields[i];
        if (field->optional && *(const int64_t *)((const char *)object + field->offset) == INT_NULL)
            continue;
        json_key(w, field->name);
        field_write(w, field, object);
    }
}

void json_struct(struct json_writer *w, const struct descriptor *descriptor, const void *object)
{
    json_object_begin(w);
    json_members(w, descriptor, object);
    json_object_end(w);
}
