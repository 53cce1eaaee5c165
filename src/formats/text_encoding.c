#include "formats/text_encoding.h"

#include <errno.h>
#include <iconv.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/utf8.h"

static const struct {
    const char *name, *iconv_name;
} encodings[TEXT_ENCODING_COUNT] = {
    [TEXT_ENCODING_UNKNOWN] = {"", ""},
    [TEXT_ENCODING_UTF8] = {"UTF-8", "UTF-8"},
    [TEXT_ENCODING_UTF16LE] = {"UTF-16LE", "UTF-16LE"},
    [TEXT_ENCODING_UTF16BE] = {"UTF-16BE", "UTF-16BE"},
    [TEXT_ENCODING_GB18030] = {"GB18030", "GB18030"},
    [TEXT_ENCODING_SHIFT_JIS] = {"Shift_JIS", "CP932"},
};

const char *text_encoding_name(enum text_encoding encoding)
{
    return encodings[encoding].name;
}

const char *text_encoding_iconv_name(enum text_encoding encoding)
{
    return encodings[encoding].iconv_name;
}

bool text_encoding_parse(const char *name, enum text_encoding *ret_encoding)
{
    for (size_t i = TEXT_ENCODING_UNKNOWN + 1; i < TEXT_ENCODING_COUNT; i++)
        if (strcasecmp(encodings[i].name, name) == 0) {
            *ret_encoding = (enum text_encoding)i;
            return true;
        }
    return false;
}

enum text_encoding text_encoding_of_mark(const char *bytes, size_t length, size_t *ret_mark_length)
{
    static const struct {
        const char *mark;
        size_t length;
        enum text_encoding encoding;
    } marks[] = {{"\xEF\xBB\xBF", 3, TEXT_ENCODING_UTF8},
                 {"\xFF\xFE", 2, TEXT_ENCODING_UTF16LE},
                 {"\xFE\xFF", 2, TEXT_ENCODING_UTF16BE}};
    for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
        if (length >= marks[i].length && memcmp(bytes, marks[i].mark, marks[i].length) == 0) {
            *ret_mark_length = marks[i].length;
            return marks[i].encoding;
        }
    *ret_mark_length = 0;
    return TEXT_ENCODING_UNKNOWN;
}

/* Delimiters and line breaks as UTF-16 has them, less those that stand anywhere else. */
static int64_t count_delimiters(const char *bytes, size_t length, size_t zero_at)
{
    int64_t count = 0;
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != '\0' && strchr(",;\t\r\n", bytes[i]))
            count += (i & 1) != zero_at && (i ^ 1) < length && bytes[i ^ 1] == '\0' ? 1 : -1;
    return count;
}

/* ASCII (delimiters, digits, line breaks) has its zero in the high byte, a Chinese character only seldom
 * one, and then in the low byte. A stray zero in another text does not make it UTF-16. */
enum text_encoding text_encoding_of_zeros(const char *bytes, size_t length)
{
    size_t zeros[2] = {0, 0};
    for (size_t i = 0; i < length; i++)
        zeros[i & 1] += bytes[i] == '\0';
    size_t zero_at = zeros[1] > zeros[0];
    if (zeros[zero_at] <= 4 * zeros[!zero_at] || count_delimiters(bytes, length, zero_at) <= 0)
        return TEXT_ENCODING_UNKNOWN;
    return zero_at ? TEXT_ENCODING_UTF16LE : TEXT_ENCODING_UTF16BE;
}

/* ---- UTF-8 ---- */

struct utf8_survey {
    size_t characters; /* beyond ASCII */
    size_t wrong;      /* bytes */
};

static struct utf8_survey survey_utf8(const char *bytes, size_t length, bool whole)
{
    struct utf8_survey survey = {0, 0};
    for (size_t at = 0; at < length;) {
        size_t most = length - at < 4 ? length - at : 4, step = 1;
        while (step <= most && !utf8_valid(bytes + at, step))
            step++;
        if (step > most && most < 4 && !whole && at + 4 > length)
            break; /* what comes behind the sample may complete it */
        survey.characters += step > 1 && step <= most;
        survey.wrong += step > most;
        at += step <= most ? step : 1;
    }
    return survey;
}

/* ---- frequency ---- */

/* Characters of two bytes by where they stand, the first row that fits: how much each tells for the
 * encoding. What fits no row is so rare in real text that it tells against it. */
struct weight {
    unsigned char lead_from, lead_to, trail_from, trail_to;
    int weight;
};
#define RARE (-3)

static const struct weight gb18030_weights[] = {
    {0xA1, 0xA1, 0xA1, 0xFE, 3}, /* 、。“” */
    {0xA3, 0xA3, 0xA1, 0xFE, 3}, /* ，！ and full-width letters */
    {0xB0, 0xD7, 0xA1, 0xFE, 3}, /* hanzi of level 1 */
    {0xA2, 0xA2, 0xA1, 0xFE, 1}, /* ①② */
    {0xA4, 0xA9, 0xA1, 0xFE, 0}, /* kana, Greek, Cyrillic */
    {0xD8, 0xF7, 0xA1, 0xFE, 0}, /* hanzi of level 2 */
};

static const struct weight shift_jis_weights[] = {
    {0x81, 0x81, 0x40, 0xFC, 3},  /* 、。ー「」 */
    {0x82, 0x83, 0x40, 0xFC, 3},  /* full-width letters, kana */
    {0x88, 0x97, 0x40, 0xFC, 3},  /* kanji of level 1 */
    {0x98, 0x98, 0x40, 0x72, 3},  /* the last of them */
    {0x87, 0x87, 0x40, 0x9C, 1},  /* ①㈱ */
    {0x98, 0x9F, 0x40, 0xFC, -1}, /* kanji of level 2 */
    {0xE0, 0xEA, 0x40, 0xFC, -1}, /* more of them */
};

struct candidate {
    enum text_encoding encoding;
    const struct weight *weights;
    size_t count;
    unsigned char single_from, single_to; /* bytes above ASCII that are a character alone */
};

static const struct candidate candidates[] = {
    {TEXT_ENCODING_GB18030, gb18030_weights, ARRAY_SIZE(gb18030_weights), 1, 0},
    {TEXT_ENCODING_SHIFT_JIS, shift_jis_weights, ARRAY_SIZE(shift_jis_weights), 0xA1, 0xDF},
};

static int weigh(const struct candidate *candidate, unsigned char lead, unsigned char trail)
{
    for (size_t i = 0; i < candidate->count; i++) {
        const struct weight *row = &candidate->weights[i];
        if (lead >= row->lead_from && lead <= row->lead_to && trail >= row->trail_from &&
            trail <= row->trail_to)
            return row->weight;
    }
    return RARE;
}

/* Weight for each hundred bytes that are no ASCII. A half-width kana is one byte of weight 1. */
static int64_t weigh_sample(const struct candidate *candidate, const unsigned char *bytes, size_t length)
{
    int64_t sum = 0, count = 0;
    for (size_t at = 0; at < length; at++) {
        if (bytes[at] < 0x80)
            continue;
        bool single = bytes[at] >= candidate->single_from && bytes[at] <= candidate->single_to;
        if (!single && at + 1 == length)
            break;
        sum += single ? 1 : weigh(candidate, bytes[at], bytes[at + 1]);
        count += single ? 1 : 2;
        at += !single;
    }
    return count ? sum * 100 / count : 0;
}

/* ---- validity ---- */

static size_t count_wrong(enum text_encoding encoding, const char *bytes, size_t length, bool whole)
{
    iconv_t converter = iconv_open("UTF-8", text_encoding_iconv_name(encoding));
    if (converter == (iconv_t)-1)
        return SIZE_MAX;
    char *in = (char *)bytes, out[4096]; /* iconv(3) does not write there */
    size_t left = length, wrong = 0;
    while (left > 0) {
        char *to = out;
        size_t room = sizeof(out);
        if (iconv(converter, &in, &left, &to, &room) != (size_t)-1 || errno == E2BIG)
            continue;
        if (errno == EINVAL && !whole)
            break;
        wrong++;
        in++;
        left--;
    }
    iconv_close(converter);
    return wrong;
}

/* ---- the whole ---- */

/* Below this a text in neither encoding is more likely: half of it would be rare characters. */
#define LEAST_WEIGHT 0
/* What is valid throughout is preferred; else one byte in so many may be wrong. */
#define VALID_WEIGHT 1000
#define WRONG_ONE_IN 100

static int64_t judge(const struct candidate *candidate, const char *bytes, size_t length, bool whole)
{
    int64_t weight = weigh_sample(candidate, (const unsigned char *)bytes, length);
    if (weight <= LEAST_WEIGHT)
        return LEAST_WEIGHT;
    size_t wrong = count_wrong(candidate->encoding, bytes, length, whole);
    return wrong == 0 ? weight + VALID_WEIGHT : wrong <= length / WRONG_ONE_IN ? weight : LEAST_WEIGHT;
}

enum text_encoding text_encoding_guess(const char *bytes, size_t length, bool whole)
{
    struct utf8_survey survey = survey_utf8(bytes, length, whole);
    if (survey.wrong == 0 || survey.characters >= 8 * survey.wrong)
        return TEXT_ENCODING_UTF8;
    enum text_encoding best = TEXT_ENCODING_UNKNOWN;
    int64_t best_weight = LEAST_WEIGHT;
    for (size_t i = 0; i < ARRAY_SIZE(candidates); i++) {
        int64_t weight = judge(&candidates[i], bytes, length, whole);
        if (weight > best_weight) {
            best = candidates[i].encoding;
            best_weight = weight;
        }
    }
    if (best == TEXT_ENCODING_UNKNOWN && survey.characters > 0 && survey.characters >= survey.wrong / 2)
        return TEXT_ENCODING_UTF8;
    return best;
}
