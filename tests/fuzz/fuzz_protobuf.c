/* formats/protobuf: whatever the bytes are, what is made of them is JSON that reads again, of no more depth than is
 * allowed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_reader.h"
#include "base/memory.h"
#include "formats/protobuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct protobuf_message message;
static const struct protobuf_member members[] = {
    {1, "text", PROTOBUF_TEXT, false, NULL},         {2, "flag", PROTOBUF_BOOL, false, NULL},
    {3, "integer", PROTOBUF_INTEGER, false, NULL},   {4, "real", PROTOBUF_DOUBLE, false, NULL},
    {5, "inner", PROTOBUF_MESSAGE, false, &message}, {6, "many", PROTOBUF_MESSAGE, true, &message},
    {7, "bytes", PROTOBUF_BASE64, false, NULL},      {8, "id", PROTOBUF_HEX, true, NULL},
    {9, "number", PROTOBUF_UNSIGNED, true, NULL},
};
static const struct protobuf_message message = {members, ARRAY_SIZE(members)};

static int depth_of(const cJSON *value)
{
    int deepest = 0;
    for (const cJSON *child = value->child; child; child = child->next) {
        int depth = depth_of(child);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cJSON *value = NULL;
    struct error err;
    char *bytes = malloc(size ? size : 1); /* of exact size, so that a byte too far is seen */
    if (size)
        memcpy(bytes, data, size);
    error_clear(&err);
    if (protobuf_read(&message, bytes, size, &value, &err)) {
        if (depth_of(value) > 2 * PROTOBUF_DEPTH + 4)
            abort();
        char *printed = cJSON_PrintUnformatted(value);
        if (!printed)
            abort();
        cJSON_free(printed);
    } else if (err.code == ERROR_NONE || value) {
        abort();
    }
    cJSON_Delete(value);
    free(bytes);
    return 0;
}
