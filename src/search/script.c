#include "search/script.h"

#include <stdbool.h>
#include <stdint.h>

#include <unistr.h>

/* Hiragana and Katakana with their extensions and half-width forms; not ー and ・, which others use, too. */
static bool is_kana(ucs4_t c)
{
    return (c >= 0x3041 && c <= 0x309F) || (c >= 0x30A1 && c <= 0x30FA) || (c >= 0x31F0 && c <= 0x31FF) ||
           (c >= 0xFF66 && c <= 0xFF9D && c != 0xFF70) || (c >= 0x1B000 && c <= 0x1B16F);
}

static bool is_han(ucs4_t c)
{
    return (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
           (c >= 0x20000 && c <= 0x3FFFF) || c == 0x3005 || c == 0x3007;
}

enum text_script text_script(const char *text, size_t length)
{
    enum text_script script = SCRIPT_OTHER;
    for (size_t at = 0; at < length;) {
        ucs4_t c;
        at += (size_t)u8_mbtouc(&c, (const uint8_t *)text + at, length - at);
        if (is_kana(c))
            return SCRIPT_KANA;
        script = is_han(c) ? SCRIPT_HAN : script;
    }
    return script;
}
