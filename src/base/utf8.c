#include "base/utf8.h"

#include <string.h>

/* Length of the well-formed character at `s`, 0 if there is none. Unicode 15, table 3-7. */
static size_t utf8_length_at(const unsigned char *s, size_t left)
{
    unsigned char lead = s[0];
    if (lead < 0x80)
        return 1;
    if (lead > 0xE0 && lead < 0xED && left >= 3) /* what most Chinese characters are, first */
        return (s[1] & 0xC0) == 0x80 && (s[2] & 0xC0) == 0x80 ? 3 : 0;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (left < length)
        return 0;
    unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

size_t utf8_character_length(const char *bytes, size_t left)
{
    return utf8_length_at((const unsigned char *)bytes, left);
}

size_t utf8_get(const char *bytes, uint32_t *ret_character)
{
    const unsigned char *s = (const unsigned char *)bytes;
    size_t length = s[0] < 0x80 ? 1 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    uint32_t character = length == 1 ? s[0] : s[0] & (0xFFU >> (length + 1));
    for (size_t i = 1; i < length; i++)
        character = character << 6 | (s[i] & 0x3F);
    *ret_character = character;
    return length;
}

size_t utf8_put(char *to, uint32_t c)
{
    size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = length; i-- > 1; c >>= 6)
        to[i] = (char)(0x80 | (c & 0x3F));
    to[0] = (char)(leads[length] | c);
    return length;
}

bool utf8_valid(const char *bytes, size_t length)
{
    const unsigned char *s = (const unsigned char *)bytes, *end = s + length;
    while (s < end) {
        uint64_t word;
        if (end - s >= 8 && (memcpy(&word, s, 8), (word & 0x8080808080808080u) == 0)) {
            s += 8;
            continue;
        }
        size_t step = utf8_length_at(s, (size_t)(end - s));
        if (step == 0)
            return false;
        s += step;
    }
    return true;
}

size_t utf8_count(const char *bytes, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += ((unsigned char)bytes[i] & 0xC0) != 0x80;
    return count;
}

size_t utf8_cut(const char *bytes, size_t length, size_t limit)
{
    if (length <= limit)
        return length;
    while (limit > 0 && ((unsigned char)bytes[limit] & 0xC0) == 0x80)
        limit--;
    return limit;
}

void utf8_copy(char *to, size_t size, const char *text)
{
    size_t length = utf8_cut(text, strlen(text), size - 1);
    memcpy(to, text, length);
    to[length] = '\0';
}

void utf8_drop_invalid(char *text)
{
    size_t length = strlen(text), kept = 0;
    for (size_t at = 0, step; at < length; at += step ? step : 1) {
        step = utf8_character_length(text + at, length - at);
        memmove(text + kept, text + at, step);
        kept += step;
    }
    text[kept] = '\0';
}

void utf8_drop_mark(char *text)
{
    if (strncmp(text, "\xEF\xBB\xBF", 3) == 0)
        memmove(text, text + 3, strlen(text + 3) + 1);
}
