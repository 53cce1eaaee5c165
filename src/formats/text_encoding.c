#include "formats/text_encoding.h"

#include <errno.h>
#include <iconv.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "formats/writing.h"

static const struct {
    const char *name, *iconv_name;
} encodings[TEXT_ENCODING_COUNT] = {
    [TEXT_ENCODING_UNKNOWN] = {"", ""},
    [TEXT_ENCODING_UTF8] = {"UTF-8", "UTF-8"},
    [TEXT_ENCODING_UTF16LE] = {"UTF-16LE", "UTF-16LE"},
    [TEXT_ENCODING_UTF16BE] = {"UTF-16BE", "UTF-16BE"},
    [TEXT_ENCODING_GB18030] = {"GB18030", "GB18030"},
    [TEXT_ENCODING_BIG5] = {"Big5", "CP950"},
    [TEXT_ENCODING_SHIFT_JIS] = {"Shift_JIS", "CP932"},
    [TEXT_ENCODING_EUC_JP] = {"EUC-JP", "EUC-JP-MS"},
    [TEXT_ENCODING_ISO_2022_JP] = {"ISO-2022-JP", "ISO-2022-JP-3"},
    [TEXT_ENCODING_EUC_KR] = {"EUC-KR", "CP949"},
    [TEXT_ENCODING_WINDOWS_1252] = {"Windows-1252", "CP1252"},
    [TEXT_ENCODING_WINDOWS_1251] = {"Windows-1251", "CP1251"},
    [TEXT_ENCODING_KOI8_R] = {"KOI8-R", "KOI8-R"},
};

const char *const text_encoding_names[] = {"UTF-8",  "UTF-16LE",     "UTF-16BE", "GB18030",
                                           "Big5",   "Shift_JIS",    "EUC-JP",   "ISO-2022-JP",
                                           "EUC-KR", "Windows-1252", NULL};

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

bool text_encoding_is_escape(const char *bytes, size_t length)
{
    static const char *const escapes[] = {"\x1B$@", "\x1B$B", "\x1B(J", "\x1B(I", "\x1B$(D", "\x1B$(Q"};
    for (size_t i = 0; i < ARRAY_SIZE(escapes); i++)
        if (length >= strlen(escapes[i]) && memcmp(bytes, escapes[i], strlen(escapes[i])) == 0)
            return true;
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
static int64_t count_utf16_delimiters(const char *bytes, size_t length, size_t zero_at)
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
    if (zeros[zero_at] <= 4 * zeros[!zero_at] || count_utf16_delimiters(bytes, length, zero_at) <= 0)
        return TEXT_ENCODING_UNKNOWN;
    return zero_at ? TEXT_ENCODING_UTF16LE : TEXT_ENCODING_UTF16BE;
}

/* ---- candidates ---- */

/* What is written in an encoding, and how much less likely than what it is for (bits; below 0: likelier). */
static const struct candidate {
    enum text_encoding encoding;
    enum writing writing;
    double handicap;
} candidates[] = {
    {TEXT_ENCODING_UTF8, WRITING_SIMPLIFIED_CHINESE, -14},
    {TEXT_ENCODING_UTF8, WRITING_TRADITIONAL_CHINESE, -14},
    {TEXT_ENCODING_UTF8, WRITING_JAPANESE, -14},
    {TEXT_ENCODING_UTF8, WRITING_KOREAN, -14},
    {TEXT_ENCODING_UTF8, WRITING_ANY, -14},
    {TEXT_ENCODING_GB18030, WRITING_SIMPLIFIED_CHINESE, 0},
    {TEXT_ENCODING_GB18030, WRITING_TRADITIONAL_CHINESE, 6},
    {TEXT_ENCODING_GB18030, WRITING_JAPANESE, 8},
    {TEXT_ENCODING_BIG5, WRITING_TRADITIONAL_CHINESE, 0},
    {TEXT_ENCODING_SHIFT_JIS, WRITING_JAPANESE, 0},
    {TEXT_ENCODING_SHIFT_JIS, WRITING_HALF_WIDTH, 2},
    {TEXT_ENCODING_EUC_JP, WRITING_JAPANESE, 3},
    {TEXT_ENCODING_EUC_JP, WRITING_HALF_WIDTH, 8},
    {TEXT_ENCODING_EUC_KR, WRITING_KOREAN, 0},
    {TEXT_ENCODING_WINDOWS_1252, WRITING_WESTERN, 0},
    {TEXT_ENCODING_WINDOWS_1251, WRITING_CYRILLIC, 4},
    {TEXT_ENCODING_KOI8_R, WRITING_CYRILLIC, 8},
};

/* ---- reading in one of them ---- */

#define SAMPLE ((size_t)32 << 10) /* bytes that are judged */
#define WRONG_BITS 40             /* of a byte that means nothing */

struct reading {
    uint32_t *characters; /* one for each byte at most */
    size_t count, wrong;
    bool is_there; /* the C library has the encoding */
};

static void read_in_encoding(enum text_encoding encoding, const char *bytes, size_t length, bool whole,
                             struct reading *reading)
{
    iconv_t converter = iconv_open("UCS-4LE", text_encoding_iconv_name(encoding));
    reading->is_there = converter != (iconv_t)-1;
    if (!reading->is_there)
        return;
    char *in = (char *)bytes, *out = (char *)reading->characters; /* iconv(3) does not write to `in` */
    size_t left = length, room = (length + 1) * sizeof(*reading->characters);
    while (left > 0 && iconv(converter, &in, &left, &out, &room) == (size_t)-1) {
        if (errno == E2BIG || (errno == EINVAL && !whole))
            break;
        reading->wrong++;
        in++;
        left--;
    }
    reading->count = (size_t)((uint32_t *)(void *)out - reading->characters);
    iconv_close(converter);
}

static bool is_same_reading(const struct reading *a, const struct reading *b)
{
    return a->count == b->count && a->wrong == b->wrong &&
           memcmp(a->characters, b->characters, a->count * sizeof(*a->characters)) == 0;
}

/* ---- the judgement ---- */

/* Of two readings one is sure if it is 2^SURE_BITS times as likely as the other. */
#define SURE_BITS 10
/* A candidate that is asked about is not too far behind the best. */
#define ASKED_BITS 40
/* Real writing takes some eight bits for each character beyond ASCII, random bytes thirteen and more. */
#define LEAST_LIKELY 11.5
#define LEAST_LIKELY_BYTE 8.5 /* where each byte is a character */
#define FEW 3                 /* characters, which may all be rare */
#define WRONG_ONE_IN 50       /* bytes; more are another encoding */

struct judged {
    struct reading readings[TEXT_ENCODING_COUNT];
    double bits[TEXT_ENCODING_COUNT]; /* in its likeliest writing */
    bool likely[TEXT_ENCODING_COUNT]; /* as writing at all */
};

static void judge_encodings(const char *bytes, size_t length, bool whole, struct judged *judged)
{
    for (size_t i = 0; i < ARRAY_SIZE(candidates); i++) {
        enum text_encoding encoding = candidates[i].encoding;
        struct reading *reading = &judged->readings[encoding];
        if (!reading->characters) {
            judged->bits[encoding] = INFINITY;
            reading->characters = xcalloc(length + 1, sizeof(*reading->characters));
            read_in_encoding(encoding, bytes, length, whole, reading);
        }
        if (!reading->is_there || reading->wrong > 1 + length / WRONG_ONE_IN)
            continue;
        struct writing_cost cost =
            writing_cost_of(candidates[i].writing, reading->characters, reading->count);
        double bits = cost.bits + candidates[i].handicap + WRONG_BITS * (double)reading->wrong;
        if (bits >= judged->bits[encoding])
            continue;
        judged->bits[encoding] = bits;
        double least = encoding >= TEXT_ENCODING_WINDOWS_1252 ? LEAST_LIKELY_BYTE : LEAST_LIKELY;
        judged->likely[encoding] = encoding == TEXT_ENCODING_UTF8 || cost.beyond <= FEW ||
                                   cost.beyond_bits <= least * (double)cost.beyond;
    }
}

/* The likeliest come first; those far behind the best are none. */
static void rank_candidates(const struct judged *judged, struct text_encoding_guess *guess)
{
    for (enum text_encoding i = TEXT_ENCODING_UTF8; i < TEXT_ENCODING_COUNT; i++) {
        size_t at = guess->count;
        if (!judged->readings[i].characters || !isfinite(judged->bits[i]))
            continue;
        while (at > 0 && judged->bits[i] < judged->bits[guess->candidates[at - 1]])
            at--;
        if (at == TEXT_ENCODING_ASKED)
            continue;
        size_t kept = guess->count < TEXT_ENCODING_ASKED ? guess->count : TEXT_ENCODING_ASKED - 1;
        memmove(&guess->candidates[at + 1], &guess->candidates[at], (kept - at) * sizeof(*guess->candidates));
        guess->candidates[at] = i;
        guess->count = kept + 1;
    }
    while (guess->count > 0 && judged->bits[guess->candidates[guess->count - 1]] >
                                   judged->bits[guess->candidates[0]] + ASKED_BITS)
        guess->count--;
}

static struct text_encoding_guess encoding_conclude(const struct judged *judged)
{
    struct text_encoding_guess guess = {0};
    rank_candidates(judged, &guess);
    if (guess.count == 0)
        return guess;
    enum text_encoding best = guess.encoding = guess.candidates[0];
    bool doubtful = !judged->likely[best] || best > TEXT_ENCODING_WINDOWS_1252;
    for (size_t i = 1; i < guess.count; i++) {
        enum text_encoding other = guess.candidates[i];
        doubtful |= judged->bits[other] < judged->bits[best] + SURE_BITS &&
                    !is_same_reading(&judged->readings[other], &judged->readings[best]);
    }
    guess.certainty = doubtful                             ? TEXT_ENCODING_DOUBTFUL
                      : best == TEXT_ENCODING_WINDOWS_1252 ? TEXT_ENCODING_LIKELY
                                                           : TEXT_ENCODING_SURE;
    return guess;
}

static void judged_release(struct judged *judged)
{
    for (size_t i = 0; i < TEXT_ENCODING_COUNT; i++)
        free(judged->readings[i].characters);
}

/* So much of well-formed UTF-8 is never another encoding. */
#define UTF8_ENOUGH 200 /* characters beyond ASCII */

struct utf8_survey {
    size_t good, good_long; /* characters beyond ASCII, and those of three bytes and more */
    size_t wrong;           /* bytes */
};

static struct utf8_survey survey_utf8(const char *bytes, size_t length)
{
    struct utf8_survey survey = {0};
    for (size_t at = 0, step; at < length; at += step ? step : 1) {
        step = utf8_character_length(bytes + at, length - at);
        survey.good += step > 1;
        survey.good_long += step > 2;
        survey.wrong += step == 0;
    }
    return survey;
}

struct text_encoding_guess text_encoding_guess(const char *bytes, size_t length, bool whole)
{
    static const struct text_encoding_guess utf8 = {.encoding = TEXT_ENCODING_UTF8};
    struct utf8_survey survey = survey_utf8(bytes, length);
    if (survey.good >= UTF8_ENOUGH && survey.good >= 8 * survey.wrong)
        return utf8;
    CLEANUP(judged_release) struct judged judged = {0};
    bool all = length <= SAMPLE;
    judge_encodings(bytes, all ? length : SAMPLE, whole && all, &judged);
    struct text_encoding_guess guess = encoding_conclude(&judged);
    /* Perhaps two encodings in one file: as UTF-8 it is refused where the other begins. */
    bool is_mixed = survey.wrong > 0 && survey.good_long > 0 && survey.good_long >= survey.wrong / 2;
    return guess.certainty != TEXT_ENCODING_SURE && is_mixed ? utf8 : guess;
}

void text_encoding_list(const struct text_encoding_guess *guess, char text[static TEXT_ENCODING_LIST_SIZE])
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < guess->count && used < TEXT_ENCODING_LIST_SIZE; i++)
        used += (size_t)snprintf(text + used, TEXT_ENCODING_LIST_SIZE - used, "%s%s", i ? ", " : "",
                                 text_encoding_name(guess->candidates[i]));
}
