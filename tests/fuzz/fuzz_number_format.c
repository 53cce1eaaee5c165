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
    uint8_t how = data[sizeof(value)];
    struct number_workbook workbook = {.date1904 = how & 1, .language = (how >> 1) % 7};
    number_format_write(&(struct number_style){.code = code}, value, &workbook, &out);
    number_format_write(&(struct number_style){.eastern = 27 + how % 10}, value, &workbook, &out);
    if (out.length > 0 && strlen(out.bytes) != out.length)
        abort();
    if (number_format_parse_date(code, false, &value))
        number_format_write(&(struct number_style){.code = "yyyy-mm-dd hh:mm:ss.000"}, value, &workbook,
                            &out);
    strbuf_release(&out);
    free(code);
    return 0;
}
