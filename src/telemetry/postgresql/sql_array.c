#include "telemetry/postgresql/sql_array.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

static void sql_array_begin_element(struct sql_array *array)
{
    strbuf_putc(&array->text, array->text.length ? ',' : '{');
}

void sql_array_int(struct sql_array *array, int64_t value)
{
    char digits[24], *at = digits + sizeof(digits);
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do
        *--at = (char)('0' + left % 10);
    while (left /= 10);
    if (value < 0)
        *--at = '-';
    sql_array_begin_element(array);
    strbuf_append(&array->text, at, (size_t)(digits + sizeof(digits) - at));
}

static void sql_array_put_quoted(struct strbuf *out, const char *text)
{
    strbuf_putc(out, '"');
    for (;;) {
        size_t plain = strcspn(text, "\"\\");
        strbuf_append(out, text, plain);
        text += plain;
        if (!*text)
            break;
        strbuf_putc(out, '\\');
        strbuf_putc(out, *text++);
    }
    strbuf_putc(out, '"');
}

void sql_array_text(struct sql_array *array, const char *text)
{
    sql_array_begin_element(array);
    if (!text) {
        strbuf_puts(&array->text, "NULL");
    } else if (utf8_valid(text, strlen(text))) {
        sql_array_put_quoted(&array->text, text);
    } else {
        CLEANUP(free_pointer) char *copy = xstrdup(text);
        utf8_drop_invalid(copy);
        sql_array_put_quoted(&array->text, copy);
    }
}

void sql_array_bytes(struct sql_array *array, const void *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *from = bytes;
    sql_array_begin_element(array);
    strbuf_puts(&array->text, "\"\\\\x");
    char *to = strbuf_reserve(&array->text, 2 * length);
    if (to) {
        for (size_t i = 0; i < length; i++) {
            to[2 * i] = digits[from[i] >> 4];
            to[2 * i + 1] = digits[from[i] & 15];
        }
        array->text.length += 2 * length;
        array->text.bytes[array->text.length] = '\0';
    }
    strbuf_putc(&array->text, '"');
}

struct db_value sql_array_value(struct sql_array *array)
{
    strbuf_puts(&array->text, array->text.length ? "}" : "{}");
    return db_text_n(array->text.bytes, array->text.length);
}

void sql_array_reset(struct sql_array *array)
{
    strbuf_reset(&array->text);
}

void sql_array_release(struct sql_array *array)
{
    strbuf_release(&array->text);
}
