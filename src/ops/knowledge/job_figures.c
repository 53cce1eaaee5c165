#include "ops/knowledge/job_figures.h"

#include <string.h>

#include "base/json_reader.h"

bool job_figures_read(const char *json, const struct descriptor *descriptor, void *object,
                      struct arena *arena, struct error *err)
{
    CLEANUP(json_delete) cJSON *root = NULL;
    if (!json)
        return true;
    if (!json_parse(json, strlen(json), &root, err))
        return error_prefix(err, "result of the earlier run", "此前运行的结果");
    for (size_t i = 0; i < descriptor->field_count; i++) {
        const struct field *field = &descriptor->fields[i];
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(root, field->name);
        void *member = (char *)object + field->offset;
        if (field->kind == FIELD_INT && value)
            json_is_integer(value, (int64_t *)member);
        else if (field->kind == FIELD_TEXT && cJSON_IsString(value))
            *(const char **)member = arena_strdup(arena, value->valuestring);
    }
    return true;
}

const char *job_figures_write(const struct descriptor *descriptor, const void *object, struct arena *arena)
{
    CLEANUP(strbuf_release) struct strbuf out = {0};
    struct json_writer w = {.out = &out};
    json_struct(&w, descriptor, object);
    return arena_strdup(arena, strbuf_text(&out));
}
