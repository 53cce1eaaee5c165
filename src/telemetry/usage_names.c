#include "telemetry/usage_names.h"

#include <string.h>

#include "base/utf8.h"

static void usage_names_append(struct usage_names *names, int which, const char *name)
{
    size_t length = name ? strlen(name) : 0;
    if (length > USAGE_NAME_MAX)
        length = utf8_cut(name, length, USAGE_NAME_MAX);
    char *at = names->bytes + names->length;
    if (length)
        memcpy(at, name, length);
    at[length] = '\0';
    names->name[which] = at;
    names->length += length + 1;
}

void usage_names_gather(struct usage_names *names, const struct usage_record *record)
{
    names->length = 0;
    usage_names_append(names, USAGE_TENANT, record->tenant_id);
    usage_names_append(names, USAGE_API_TYPE, record->api_type);
    usage_names_append(names, USAGE_OPERATION, record->operation);
    usage_names_append(names, USAGE_MODEL, record->model);
}

const char *usage_names_of_platform(const struct usage_names *names, size_t *ret_length)
{
    const char *bytes = names->name[USAGE_API_TYPE];
    *ret_length = names->length - (size_t)(bytes - names->bytes);
    return bytes;
}
