#include "formats/xlsx_text.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define ESCAPE 7 /* bytes of _x000D_ */

static bool is_escape(const char *text, size_t length)
{
    if (length < ESCAPE || text[0] != '_' || text[1] != 'x' || text[6] != '_')
        return false;
    for (size_t i = 2; i < 6; i++)
        if (!isxdigit((unsigned char)text[i]))
            return false;
    return true;
}

static uint32_t code_unit(const char *text)
{
    char digits[5] = {text[2], text[3], text[4], text[5], '\0'};
    return (uint32_t)strtoul(digits, NULL, 16);
}

/* Bytes read; 0: it stays as it stands. */
static size_t decode_escape(const char *text, size_t length, uint32_t *ret_character)
{
    uint32_t unit = code_unit(text);
    *ret_character = unit;
    if (unit == 0)
        return 0;
    if (unit < 0xD800 || unit > 0xDFFF)
        return ESCAPE;
    if (unit > 0xDBFF || !is_escape(text + ESCAPE, length - ESCAPE))
        return 0;
    uint32_t second = code_unit(text + ESCAPE);
    *ret_character = 0x10000 + ((unit - 0xD800) << 10) + (second - 0xDC00);
    return second >= 0xDC00 && second <= 0xDFFF ? (size_t)2 * ESCAPE : 0;
}

/* The first escape; NULL: there is none. memmem would be slower than this. */
static char *find_escape(char *text, size_t length)
{
    char *end = text + length, *at = memchr(text, '_', length);
    while (at && !is_escape(at, (size_t)(end - at)))
        at = memchr(at + 1, '_', (size_t)(end - at - 1));
    return at;
}

size_t xlsx_text_decode(char *text, size_t length)
{
    char *first = find_escape(text, length);
    if (!first)
        return length;
    size_t to = (size_t)(first - text);
    for (size_t from = to; from < length;) {
        uint32_t character;
        size_t used =
            is_escape(text + from, length - from) ? decode_escape(text + from, length - from, &character) : 0;
        if (used > 0)
            to += utf8_put(text + to, character);
        else
            text[to++] = text[from];
        from += used ? used : 1;
    }
    return to;
}

/* Bytes of the character here that XML cannot hold, and the character; 0: it can. */
static size_t unfit_for_xml(const char *text, unsigned *ret_character)
{
    unsigned char c = (unsigned char)*text;
    *ret_character = c;
    if (c < 0x20)
        return c != '\t' && c != '\n';
    if (c != 0xEF || strncmp(text, "\xEF\xBF", 2) != 0 || (unsigned char)text[2] < 0xBE)
        return 0;
    *ret_character = 0xFF00 + (unsigned char)text[2] + 0x40;
    return 3;
}

bool xlsx_text_needs_escape(const char *text)
{
    unsigned character;
    for (; *text; text++)
        if (unfit_for_xml(text, &character) > 0 || (*text == '_' && is_escape(text, strnlen(text, ESCAPE))))
            return true;
    return false;
}

void xlsx_text_escape(const char *text, struct strbuf *out)
{
    unsigned character;
    while (*text) {
        size_t length = unfit_for_xml(text, &character);
        if (length > 0)
            strbuf_printf(out, "_x%04X_", character);
        else if (*text == '_' && is_escape(text, strnlen(text, ESCAPE)))
            strbuf_puts(out, "_x005F_");
        else
            strbuf_putc(out, *text);
        text += length ? length : 1;
    }
}
