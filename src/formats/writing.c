#include "formats/writing.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "formats/common_characters.h"

#define ASCII_BITS 5
#define CONTROL_BITS 25 /* text has none */

/* ---- characters that are listed ---- */

static const char *const common[WRITING_COUNT] = {
    [WRITING_SIMPLIFIED_CHINESE] = common_characters_simplified_chinese,
    [WRITING_TRADITIONAL_CHINESE] = common_characters_traditional_chinese,
    [WRITING_JAPANESE] = common_characters_japanese,
    [WRITING_HALF_WIDTH] = common_characters_half_width,
    [WRITING_KOREAN] = common_characters_korean,
    [WRITING_WESTERN] = common_characters_western,
    [WRITING_CYRILLIC] = common_characters_cyrillic,
    [WRITING_ANY] = common_characters_western,
};

#define TABLE_SIZE 0x10000

/* Frequencies fall with the rank as Zipf and Mandelbrot have it. */
static void fill_bits_table(enum writing writing, float *table)
{
    uint32_t character;
    size_t rank = 0;
    for (const char *at = common[writing]; *at; rank++) {
        at += utf8_get(at, &character);
        if (table[character] == 0)
            table[character] = (float)(5 + log2(1 + (double)rank / 16));
    }
}

/* ---- characters that are not ---- */

#define CHINESE (1U << WRITING_SIMPLIFIED_CHINESE | 1U << WRITING_TRADITIONAL_CHINESE)
#define JAPANESE (1U << WRITING_JAPANESE)
#define KOREAN (1U << WRITING_KOREAN)
#define ANY (1U << WRITING_ANY)
#define EVERY (~0U)

/* The first row that fits. */
static const struct {
    uint32_t from, to;
    unsigned writings;
    double bits;
} ranges[] = {
    {0x3000, 0x303F, CHINESE | JAPANESE, 10}, /* 〈〉〒 */
    {0x3000, 0x303F, EVERY, 12},
    {0xFF01, 0xFF5E, CHINESE | JAPANESE, 10}, /* Ａ１％ */
    {0xFF01, 0xFF5E, EVERY, 12},
    {0x3040, 0x30FF, JAPANESE, 12},
    {0x3040, 0x30FF, EVERY, 13},
    {0xFF61, 0xFF9F, EVERY, 13}, /* ｱｲｳ */
    {0x4E00, 0x9FFF, CHINESE | JAPANESE | ANY, 15},
    {0x4E00, 0x9FFF, EVERY, 17},
    {0x3400, 0x4DBF, EVERY, 18},
    {0x20000, 0x3FFFF, EVERY, 20},
    {0xAC00, 0xD7A3, KOREAN | ANY, 14},
    {0xAC00, 0xD7A3, EVERY, 17},
    {0x2010, 0x2027, EVERY, 11}, /* – “ … */
    {0x2100, 0x27BF, EVERY, 12}, /* ℃ ① ■ ★ */
    {0x3200, 0x33FF, EVERY, 12}, /* ㈱ ㎡ */
    {0x00A0, 0x00BF, EVERY, 12},
    {0x00C0, 0x017F, ANY, 8}, /* Latin */
    {0x00C0, 0x024F, EVERY, 13},
    {0x0391, 0x03C9, ANY, 8}, /* Greek */
    {0x0410, 0x044F, ANY, 8}, /* Cyrillic */
    {0x05D0, 0x05EA, ANY, 9}, /* Hebrew */
    {0x0621, 0x064A, ANY, 9}, /* Arabic */
    {0x0E01, 0x0E5B, ANY, 9}, /* Thai */
    {0x0391, 0x044F, EVERY, 14},
    {0x1F000, 0x1FAFF, EVERY, 14}, /* 😀 */
};
#define ELSE_BITS 16
#define PRIVATE_BITS 24 /* characters that nobody has defined */

static bool is_private_character(uint32_t character)
{
    return (character >= 0xE000 && character <= 0xF8FF) || character >= 0xF0000 || character == 0xFFFD ||
           (character >= 0x80 && character < 0xA0);
}

static double bits_unlisted(enum writing writing, uint32_t character)
{
    if (is_private_character(character))
        return PRIVATE_BITS;
    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
        if (character >= ranges[i].from && character <= ranges[i].to && (ranges[i].writings >> writing & 1))
            return ranges[i].bits;
    return ELSE_BITS;
}

/* ---- beside each other ---- */

static bool is_latin_letter(uint32_t character)
{
    return (character | 0x20) >= 'a' && (character | 0x20) <= 'z';
}

static bool is_marked_letter(uint32_t character)
{
    return character >= 0xC0 && character < 0x250;
}

static bool is_cyrillic(uint32_t character)
{
    return character >= 0x400 && character < 0x460;
}

/* Letters with marks stand alone in words of letters without; a capital does not come inside a word. A
 * single ideograph does not stand within one. */
static double bits_of_place(uint32_t before, uint32_t character, uint32_t behind)
{
    if (is_cyrillic(character)) {
        bool is_capital = character < 0x430;
        return (is_latin_letter(before) || is_latin_letter(behind) ? 6 : 0) +
               (is_capital && is_cyrillic(before) ? 4 : 0);
    }
    if (is_marked_letter(character)) {
        bool is_capital = character >= 0xC0 && character <= 0xDE;
        return (is_marked_letter(before) ? 5 : 0) +
               (is_latin_letter(before) || is_latin_letter(behind) ? 0 : 4) +
               (is_capital && (is_latin_letter(before) || is_marked_letter(before)) && before >= 'a' ? 4 : 0);
    }
    return character >= 0x2E80 && is_latin_letter(before) && is_latin_letter(behind) && before >= 'a' ? 6 : 0;
}

/* ---- the whole ---- */

struct writing_cost writing_cost_of(enum writing writing, const uint32_t *characters, size_t count)
{
    struct writing_cost cost = {0};
    CLEANUP(free_pointer) float *table = xcalloc(TABLE_SIZE, sizeof(*table));
    fill_bits_table(writing, table);
    for (size_t i = 0; i < count; i++) {
        uint32_t character = characters[i];
        if (character < 0x80) {
            bool is_control = character < 0x20 && character != '\t' && character != '\r' && character != '\n';
            cost.bits += is_control || character == 0x7F ? CONTROL_BITS : ASCII_BITS;
            continue;
        }
        double bits = character < TABLE_SIZE && table[character] > 0 ? table[character]
                                                                     : bits_unlisted(writing, character);
        bits +=
            bits_of_place(i > 0 ? characters[i - 1] : 0, character, i + 1 < count ? characters[i + 1] : 0);
        cost.bits += bits;
        cost.beyond_bits += bits;
        cost.beyond++;
    }
    return cost;
}
