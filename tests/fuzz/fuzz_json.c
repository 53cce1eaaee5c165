/* base/json_reader: what is accepted is UTF-8, and written out again it reads as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_reader.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cJSON *value = NULL, *again = NULL;
    struct error err;
    char *text = malloc(size ? size : 1); /* of exact size, so that a byte too far is seen */
    if (size)
        memcpy(text, data, size);
    if (json_parse(text, size, &value, &err)) {
        if (!utf8_valid(text, size))
            abort();
        char *printed = cJSON_PrintUnformatted(value);
        if (!printed || !json_parse(printed, strlen(printed), &again, &err))
            abort();
        if (!cJSON_Compare(value, again, true))
            abort();
        cJSON_Delete(again);
        cJSON_free(printed);
    }
    cJSON_Delete(value);
    free(text);
    return 0;
}
