/* formats/number_format: eight bytes of a number, then a format's code. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "formats/number_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    double value;
    struct strbuf out = {.ceiling = 1 << 20};
    if (size < sizeof(value) + 1)
        return 0;
    memcpy(&value, data, sizeof(value));
    size_t length = size - sizeof(value) - 1;
    char *code = malloc(length + 1);
    memcpy(code, data + sizeof(value) + 1, length);
    code[length] = '\0';
    number_format_write(code, value, data[sizeof(value)] & 1, &out);
    if (out.length > 0 && strlen(out.bytes) != out.length)
        abort();
    if (number_format_parse_date(code, false, &value))
        number_format_write("yyyy-mm-dd hh:mm:ss.000", value, false, &out);
    strbuf_release(&out);
    free(code);
    return 0;
}
