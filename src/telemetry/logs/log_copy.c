#include "telemetry/logs/log_copy.h"

#include <string.h>

#include "base/memory.h"

struct log_copy log_copy_make(const struct log_record *record)
{
    struct log_copy copy = {.record = *record};
    const char **texts[] = {&copy.record.source, &copy.record.message, &copy.record.tenant_id,
                            &copy.record.request_id, &copy.record.fields};
    size_t lengths[ARRAY_SIZE(texts)], total = 0;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        lengths[i] = *texts[i] ? strlen(*texts[i]) + 1 : 0;
        total += lengths[i];
    }
    char *end = copy.bytes = xmalloc(total + 1);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        if (!*texts[i])
            continue;
        memcpy(end, *texts[i], lengths[i]);
        *texts[i] = end;
        end += lengths[i];
    }
    return copy;
}

void log_copy_release(struct log_copy *copy)
{
    free(copy->bytes);
    *copy = (struct log_copy){0};
}
