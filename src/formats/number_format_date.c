#include "formats/number_format_private.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/memory.h"

#define DAY_SECONDS 86400
#define DAYS_1904 1462  /* between the two systems */
#define DAY_MAX 2958465 /* 9999-12-31 */
#define FEBRUARY_29 60  /* of 1900: only in spreadsheets */

/* ---- the calendar ---- */

struct moment {
    int year, weekday; /* Sunday is 0 */
    unsigned month, day;
    int64_t days;    /* the number's whole part */
    int64_t seconds; /* of the day */
    int fraction;    /* milliseconds */
};

#define EPOCH_1900 (-25569) /* 1899-12-30, from which day 61 on counts */

/* `units`: how many of them a second has, to which the time is rounded. */
static bool to_moment(double value, bool date1904, int units, struct moment *ret_moment)
{
    if (value < 0 || value > DAY_MAX + 1)
        return false;
    int64_t whole = (int64_t)value;
    int64_t parts = llround((value - (double)whole) * DAY_SECONDS * units);
    if (parts == (int64_t)DAY_SECONDS * units) {
        whole++;
        parts = 0;
    }
    struct moment moment = {.days = whole};
    moment.seconds = parts / units;
    moment.fraction = (int)(parts % units * (1000 / units));
    int64_t day = whole + (date1904 ? DAYS_1904 : 0);
    if (day > DAY_MAX)
        return false;
    clock_civil_from_days(day + EPOCH_1900 + (day < FEBRUARY_29), &moment.year, &moment.month, &moment.day);
    if (day == FEBRUARY_29) {
        moment.month = 2;
        moment.day = 29;
    } else if (day == 0) {
        moment.year = 1900;
        moment.month = 1;
        moment.day = 0;
    }
    moment.weekday = (int)((day + 6) % 7);
    *ret_moment = moment;
    return true;
}

/* ---- the code ---- */

enum token_kind {
    TOKEN_OTHER, /* shown as it stands */
    TOKEN_YEAR,
    TOKEN_MONTH,
    TOKEN_DAY,
    TOKEN_WEEKDAY, /* aaa, aaaa: as East Asia writes it */
    TOKEN_ERA,     /* g, gg, ggg */
    TOKEN_HOUR,
    TOKEN_MINUTE,
    TOKEN_SECOND,
    TOKEN_FRACTION, /* .0 .00 .000 behind seconds */
    TOKEN_HALF,     /* AM/PM */
    TOKEN_ELAPSED_HOURS,
    TOKEN_ELAPSED_MINUTES,
    TOKEN_ELAPSED_SECONDS,
};

struct token {
    enum token_kind kind;
    size_t at, length; /* in the section's code */
};

#define TOKENS_MAX 64

static const struct {
    const char *text, *am, *pm;
} halves[] = {{"AM/PM", "AM", "PM"},
              {"A/P", "A", "P"},
              {"上午/下午", "上午", "下午"},
              {"午前/午後", "午前", "午後"},
              {"오전/오후", "오전", "오후"}};

static size_t half_at(const char *code, size_t left, size_t *ret_which)
{
    for (size_t i = 0; i < ARRAY_SIZE(halves); i++) {
        size_t length = strlen(halves[i].text);
        if (left >= length && strncasecmp(code, halves[i].text, length) == 0) {
            *ret_which = i;
            return length;
        }
    }
    return 0;
}

static enum token_kind token_kind_of(char c)
{
    switch (c | 0x20) {
    case 'y':
    case 'e': return TOKEN_YEAR;
    case 'm': return TOKEN_MONTH;
    case 'd': return TOKEN_DAY;
    case 'a': return TOKEN_WEEKDAY;
    case 'h': return TOKEN_HOUR;
    case 's': return TOKEN_SECOND;
    case 'g': return TOKEN_ERA;
    default: return TOKEN_OTHER;
    }
}

static struct token token_at(const struct format_section *section, size_t at, enum token_kind before)
{
    const char *code = section->code + at;
    size_t left = section->length - at, which;
    struct token token = {TOKEN_OTHER, at, format_literal(section, at, NULL)};
    if (token.length > 0)
        return token;
    token.length = half_at(code, left, &which);
    if (token.length > 0) {
        token.kind = TOKEN_HALF;
        return token;
    }
    token.length = 1;
    if (*code == '[' && left > 2) { /* what is literal in brackets has been passed */
        token.kind = (code[1] | 0x20) == 'h'   ? TOKEN_ELAPSED_HOURS
                     : (code[1] | 0x20) == 'm' ? TOKEN_ELAPSED_MINUTES
                                               : TOKEN_ELAPSED_SECONDS;
        while (token.length < left && code[token.length - 1] != ']')
            token.length++;
        return token;
    }
    if (*code == '.' && left > 1 && code[1] == '0' &&
        (before == TOKEN_SECOND || before == TOKEN_ELAPSED_SECONDS)) {
        token.kind = TOKEN_FRACTION;
        while (token.length < left && code[token.length] == '0')
            token.length++;
        return token;
    }
    token.kind = token_kind_of(*code);
    while (token.kind != TOKEN_OTHER && token.length < left && (code[token.length] | 0x20) == (*code | 0x20))
        token.length++;
    if (token.kind == TOKEN_WEEKDAY && token.length < 3)
        token.kind = TOKEN_OTHER;
    return token;
}

/* m is minutes behind hours and before seconds, else the month. */
static void tell_minutes(struct token *tokens, size_t count)
{
    enum token_kind before = TOKEN_OTHER;
    for (size_t i = 0; i < count; i++) {
        if (tokens[i].kind == TOKEN_MONTH && tokens[i].length <= 2 &&
            (before == TOKEN_HOUR || before == TOKEN_ELAPSED_HOURS))
            tokens[i].kind = TOKEN_MINUTE;
        if (tokens[i].kind != TOKEN_OTHER && tokens[i].kind != TOKEN_HALF)
            before = tokens[i].kind;
    }
    bool seconds = false;
    for (size_t i = count; i-- > 0;) {
        if (tokens[i].kind == TOKEN_MONTH && tokens[i].length <= 2 && seconds)
            tokens[i].kind = TOKEN_MINUTE;
        if (tokens[i].kind != TOKEN_OTHER && tokens[i].kind != TOKEN_HALF)
            seconds = tokens[i].kind == TOKEN_SECOND;
    }
}

static size_t split_tokens(const struct format_section *section, struct token tokens[static TOKENS_MAX])
{
    size_t count = 0;
    enum token_kind before = TOKEN_OTHER;
    for (size_t at = 0; at < section->length && count < TOKENS_MAX;) {
        tokens[count] = token_at(section, at, before);
        before = tokens[count].kind;
        at += tokens[count++].length;
    }
    tell_minutes(tokens, count);
    return count;
}

/* Length of "General", or of "G/" before what some editions call it. */
static size_t general_length(const struct format_section *section, size_t at)
{
    const char *code = section->code + at;
    size_t left = section->length - at;
    return left >= 7 && strncasecmp(code, "General", 7) == 0 ? 7
           : left >= 2 && memcmp(code, "G/", 2) == 0         ? 2
                                                             : 0;
}

bool format_is_date(const struct format_section *section)
{
    for (size_t at = 0; at < section->length;) {
        char c = section->code[at];
        size_t step = format_literal(section, at, NULL), which;
        if (step == 0 && general_length(section, at) > 0)
            step = general_length(section, at);
        else if (step == 0 && (c | 0x20) == 'e' && at + 1 < section->length &&
                 strchr("+-", section->code[at + 1]))
            step = 2;
        else if (step == 0 && (c == '[' || strchr("yYmMdDhHsSeEgGbB", c) ||
                               half_at(section->code + at, section->length - at, &which) > 0 ||
                               (section->length - at >= 3 && strncasecmp(section->code + at, "aaa", 3) == 0)))
            return true;
        at += step ? step : 1;
    }
    return false;
}

/* ---- names ---- */

static const char *const months_en[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};
static const char *const months_zh[] = {"一月", "二月", "三月", "四月", "五月",   "六月",
                                        "七月", "八月", "九月", "十月", "十一月", "十二月"};
static const char *const days_en[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                      "Thursday", "Friday", "Saturday"};
static const char *const days_zh[] = {"日", "一", "二", "三", "四", "五", "六"};
static const char *const days_ja[] = {"日", "月", "火", "水", "木", "金", "土"};
static const char *const days_ko[] = {"일", "월", "화", "수", "목", "금", "토"};

/* What stands behind the dash in [$-411], [$¥-804], [$-ja-JP-x-gannen]; its length, 0: there is none. */
static size_t find_locale(const struct format_section *section, const char **ret_locale)
{
    for (size_t at = 0; at + 3 < section->length; at++) {
        const char *code = section->code + at;
        if (code[0] != '[' || code[1] != '$')
            continue;
        const char *close = memchr(code, ']', section->length - at);
        const char *dash = close ? memchr(code, '-', (size_t)(close - code)) : NULL;
        if (!dash)
            continue;
        *ret_locale = dash + 1;
        return (size_t)(close - dash) - 1;
    }
    return 0;
}

static enum number_language language_of_id(unsigned id)
{
    switch (id & 0x3FF) {
    case 0: return NUMBER_LANGUAGE_UNKNOWN;
    case 0x04:
        return id == 0x804 || id == 0x1004 || id == 0x04 ? NUMBER_LANGUAGE_CHINESE
                                                         : NUMBER_LANGUAGE_TRADITIONAL;
    case 0x09: return NUMBER_LANGUAGE_ENGLISH;
    case 0x11: return NUMBER_LANGUAGE_JAPANESE;
    case 0x12: return NUMBER_LANGUAGE_KOREAN;
    default: return NUMBER_LANGUAGE_OTHER;
    }
}

static enum number_language language_of_name(const char *name, size_t length)
{
    static const struct {
        const char *start;
        enum number_language language;
    } names[] = {{"zh-TW", NUMBER_LANGUAGE_TRADITIONAL},   {"zh-HK", NUMBER_LANGUAGE_TRADITIONAL},
                 {"zh-Hant", NUMBER_LANGUAGE_TRADITIONAL}, {"zh", NUMBER_LANGUAGE_CHINESE},
                 {"ja", NUMBER_LANGUAGE_JAPANESE},         {"ko", NUMBER_LANGUAGE_KOREAN},
                 {"en", NUMBER_LANGUAGE_ENGLISH}};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (length >= strlen(names[i].start) &&
            strncasecmp(name, names[i].start, strlen(names[i].start)) == 0)
            return names[i].language;
    return NUMBER_LANGUAGE_OTHER;
}

enum number_language format_language(const struct format_section *section, unsigned *ret_calendar)
{
    const char *locale = NULL;
    size_t length = find_locale(section, &locale);
    char *end;
    if (ret_calendar)
        *ret_calendar = 0;
    if (length == 0)
        return NUMBER_LANGUAGE_UNKNOWN;
    unsigned long id = strtoul(locale, &end, 16);
    if (end != locale + length && *end != ',')
        return language_of_name(locale, length);
    if (ret_calendar)
        *ret_calendar = (unsigned)(id >> 16 & 0xFF);
    return language_of_id((unsigned)(id & 0xFFFF));
}

enum number_language number_format_language(const char *code)
{
    struct format_section section = {code, strlen(code)};
    return format_language(&section, NULL);
}

/* ---- eras ---- */

static const struct era {
    int year; /* it begins */
    unsigned month, day;
    const char *letter, *first, *name;
} eras[] = {
    {2019, 5, 1, "R", "令", "令和"},  {1989, 1, 8, "H", "平", "平成"},   {1926, 12, 25, "S", "昭", "昭和"},
    {1912, 7, 30, "T", "大", "大正"}, {1868, 10, 23, "M", "明", "明治"},
};

/* NULL: before all of them. */
static const struct era *era_of(const struct moment *moment)
{
    for (size_t i = 0; i < ARRAY_SIZE(eras); i++) {
        int64_t begin = clock_days_from_civil(eras[i].year, eras[i].month, eras[i].day);
        if (clock_days_from_civil(moment->year, moment->month, moment->day) >= begin)
            return &eras[i];
    }
    return NULL;
}

#define REPUBLIC 1911 /* the year before the first of the Republic of China */

/* ---- the whole ---- */

struct writing {
    const struct format_section *section;
    struct moment moment;
    enum number_language language; /* the section's, else the workbook's */
    bool is_named;                 /* the section names it */
    bool twelve_hours, has_era, gannen;
};

static bool is_chinese(const struct writing *writing)
{
    return writing->language == NUMBER_LANGUAGE_CHINESE || writing->language == NUMBER_LANGUAGE_TRADITIONAL;
}

static void write_month_name(const struct writing *writing, size_t length, struct strbuf *out)
{
    int month = writing->moment.month;
    bool is_japanese = writing->language == NUMBER_LANGUAGE_JAPANESE;
    const char *name = months_en[month - 1];
    if (is_chinese(writing) && writing->is_named && length == 3)
        strbuf_printf(out, "%d月", month);
    else if (is_chinese(writing) && writing->is_named && length == 4)
        strbuf_puts(out, months_zh[month - 1]);
    else if ((is_japanese || writing->language == NUMBER_LANGUAGE_KOREAN) && writing->is_named)
        strbuf_printf(out, "%d%s", month, length != 4 ? "" : is_japanese ? "月" : "월");
    else
        strbuf_append(out, name, length == 3 ? 3 : length == 5 ? 1 : strlen(name));
}

/* `alone`: the short form is the day's character alone. */
static void write_eastern_day(const struct writing *writing, size_t length, bool alone, struct strbuf *out)
{
    int day = writing->moment.weekday;
    if (writing->language == NUMBER_LANGUAGE_JAPANESE)
        strbuf_printf(out, "%s%s", days_ja[day], length > 3 ? "曜日" : "");
    else if (writing->language == NUMBER_LANGUAGE_KOREAN)
        strbuf_printf(out, "%s%s", days_ko[day], length > 3 ? "요일" : "");
    else
        strbuf_printf(out, "%s%s",
                      length > 3                                         ? "星期"
                      : alone                                            ? ""
                      : writing->language == NUMBER_LANGUAGE_TRADITIONAL ? "週"
                                                                         : "周",
                      days_zh[day]);
}

static void write_day_name(const struct writing *writing, size_t length, struct strbuf *out)
{
    const char *name = days_en[writing->moment.weekday];
    if (writing->is_named && writing->language >= NUMBER_LANGUAGE_CHINESE &&
        writing->language <= NUMBER_LANGUAGE_KOREAN)
        write_eastern_day(writing, length, false, out);
    else
        strbuf_append(out, name, length == 3 ? 3 : strlen(name));
}

static void write_padded(int64_t number, size_t width, struct strbuf *out)
{
    strbuf_printf(out, "%0*lld", (int)(width > 9 ? 9 : width), (long long)number);
}

static void write_half(const struct writing *writing, const struct token *token, struct strbuf *out)
{
    size_t which = 0;
    half_at(writing->section->code + token->at, token->length, &which);
    if (which == 0 && writing->is_named) /* AM/PM is what the language says for it */
        which = is_chinese(writing)                             ? 2
                : writing->language == NUMBER_LANGUAGE_JAPANESE ? 3
                : writing->language == NUMBER_LANGUAGE_KOREAN   ? 4
                                                                : 0;
    strbuf_puts(out, writing->moment.seconds < DAY_SECONDS / 2 ? halves[which].am : halves[which].pm);
}

static void write_fraction(const struct writing *writing, const struct token *token, struct strbuf *out)
{
    char digits[8];
    size_t length = token->length - 1;
    snprintf(digits, sizeof(digits), "%03d", writing->moment.fraction);
    strbuf_putc(out, '.');
    for (size_t i = 0; i < length && i < 9; i++)
        strbuf_putc(out, i < 3 ? digits[i] : '0');
}

static void write_other(const struct writing *writing, const struct token *token, struct strbuf *out)
{
    if (format_literal(writing->section, token->at, out) == 0)
        strbuf_append(out, writing->section->code + token->at, token->length);
}

static void write_year(const struct writing *writing, const struct token *token, struct strbuf *out)
{
    int year = writing->moment.year;
    bool is_e = (writing->section->code[token->at] | 0x20) == 'e', is_short = token->length <= 2 && !is_e;
    const struct era *era = era_of(&writing->moment);
    if (is_e && writing->language == NUMBER_LANGUAGE_TRADITIONAL && year > REPUBLIC)
        write_padded(year - REPUBLIC, token->length, out);
    else if (is_e && writing->gannen && era && year == era->year)
        strbuf_puts(out, "元");
    else if (is_e && era && (writing->language == NUMBER_LANGUAGE_JAPANESE || writing->has_era))
        write_padded(year - era->year + 1, token->length > 2 ? 2 : token->length, out);
    else
        write_padded(is_short ? year % 100 : year, is_short ? 2 : 4, out);
}

static void write_era(const struct writing *writing, const struct token *token, struct strbuf *out)
{
    const struct era *era = era_of(&writing->moment);
    if (writing->language == NUMBER_LANGUAGE_TRADITIONAL)
        strbuf_puts(out, token->length > 2 ? "中華民國" : "民國");
    else if (era)
        strbuf_puts(out, token->length == 1 ? era->letter : token->length == 2 ? era->first : era->name);
}

static void write_month(const struct writing *writing, const struct token *token, struct strbuf *out)
{
    if (token->length <= 2)
        write_padded(writing->moment.month, token->length, out);
    else
        write_month_name(writing, token->length, out);
}

static void write_day_of_month(const struct writing *writing, const struct token *token, struct strbuf *out)
{
    if (token->length <= 2)
        write_padded(writing->moment.day, token->length, out);
    else
        write_day_name(writing, token->length, out);
}

static void write_weekday(const struct writing *writing, const struct token *token, struct strbuf *out)
{
    write_eastern_day(writing, token->length, true, out);
}

static void write_hour(const struct writing *writing, const struct token *token, struct strbuf *out)
{
    int64_t hour = writing->moment.seconds / 3600;
    if (writing->twelve_hours)
        hour = hour % 12 == 0 ? 12 : hour % 12;
    write_padded(hour, token->length, out);
}

static void write_minute(const struct writing *writing, const struct token *token, struct strbuf *out)
{
    write_padded(writing->moment.seconds / 60 % 60, token->length, out);
}

static void write_second(const struct writing *writing, const struct token *token, struct strbuf *out)
{
    write_padded(writing->moment.seconds % 60, token->length, out);
}

/* In brackets, which count for the token's length. */
static void write_elapsed(const struct writing *writing, const struct token *token, struct strbuf *out)
{
    int64_t elapsed = writing->moment.days * DAY_SECONDS + writing->moment.seconds;
    int64_t unit = token->kind == TOKEN_ELAPSED_HOURS ? 3600 : token->kind == TOKEN_ELAPSED_MINUTES ? 60 : 1;
    write_padded(elapsed / unit, token->length - 2, out);
}

typedef void (*write_token)(const struct writing *writing, const struct token *token, struct strbuf *out);

static const write_token token_writers[] = {
    [TOKEN_OTHER] = write_other,
    [TOKEN_YEAR] = write_year,
    [TOKEN_MONTH] = write_month,
    [TOKEN_DAY] = write_day_of_month,
    [TOKEN_WEEKDAY] = write_weekday,
    [TOKEN_ERA] = write_era,
    [TOKEN_HOUR] = write_hour,
    [TOKEN_MINUTE] = write_minute,
    [TOKEN_SECOND] = write_second,
    [TOKEN_FRACTION] = write_fraction,
    [TOKEN_HALF] = write_half,
    [TOKEN_ELAPSED_HOURS] = write_elapsed,
    [TOKEN_ELAPSED_MINUTES] = write_elapsed,
    [TOKEN_ELAPSED_SECONDS] = write_elapsed,
};

void format_date_parts(const struct format_section *section, bool *ret_date, bool *ret_time)
{
    struct token tokens[TOKENS_MAX];
    size_t count = split_tokens(section, tokens);
    *ret_date = *ret_time = false;
    for (size_t i = 0; i < count; i++) {
        *ret_date |= tokens[i].kind >= TOKEN_YEAR && tokens[i].kind <= TOKEN_ERA;
        *ret_time |= tokens[i].kind >= TOKEN_HOUR;
    }
}

/* Letters that mean nothing here, names in a language that is not known, another calendar. */
static bool is_understood(const struct writing *writing, const struct token *tokens, size_t count,
                          unsigned calendar)
{
    const struct format_section *section = writing->section;
    const char *locale = NULL;
    size_t length = find_locale(section, &locale);
    if (calendar > 1 ||
        (length == 4 && strncasecmp(locale, "F800", 4) == 0)) /* as the reader's machine shows it */
        return false;
    for (size_t i = 0; i < count; i++) {
        bool is_name = tokens[i].length > 2 && (tokens[i].kind == TOKEN_MONTH || tokens[i].kind == TOKEN_DAY);
        if (is_name && writing->is_named && writing->language == NUMBER_LANGUAGE_OTHER)
            return false;
        if (tokens[i].kind != TOKEN_OTHER || format_literal(section, tokens[i].at, NULL) > 0)
            continue;
        char c = section->code[tokens[i].at] | 0x20;
        if (c >= 'a' && c <= 'z')
            return false;
    }
    return true;
}

/* Whether its look depends on the language, and nothing says which it is. */
static bool is_guessed(const struct writing *writing, const struct token *tokens, size_t count)
{
    bool depends = false;
    for (size_t i = 0; i < count; i++)
        depends |= tokens[i].kind == TOKEN_WEEKDAY || tokens[i].kind == TOKEN_ERA;
    return depends &&
           (writing->language < NUMBER_LANGUAGE_CHINESE || writing->language > NUMBER_LANGUAGE_KOREAN);
}

bool format_date(const struct format_section *section, double value, const struct number_workbook *workbook,
                 struct strbuf *out, enum number_note *ret_note)
{
    struct token tokens[TOKENS_MAX];
    size_t count = split_tokens(section, tokens);
    unsigned calendar;
    struct writing writing = {.section = section, .language = format_language(section, &calendar)};
    writing.is_named = writing.language != NUMBER_LANGUAGE_UNKNOWN;
    writing.gannen = memmem(section->code, section->length, "gannen", 6) != NULL;
    if (!writing.is_named)
        writing.language = workbook->language;
    int units = 1;
    for (size_t i = 0; i < count; i++) {
        writing.twelve_hours |= tokens[i].kind == TOKEN_HALF;
        writing.has_era |= tokens[i].kind == TOKEN_ERA;
        if (tokens[i].kind == TOKEN_FRACTION)
            units = tokens[i].length == 2 ? 10 : tokens[i].length == 3 ? 100 : 1000;
    }
    if (!to_moment(value, workbook->date1904, units, &writing.moment))
        return false;
    *ret_note = is_guessed(&writing, tokens, count) ? NUMBER_GUESSED : NUMBER_SURE;
    if (!is_understood(&writing, tokens, count, calendar)) {
        *ret_note = NUMBER_GUESSED;
        const struct moment *moment = &writing.moment;
        int seconds = (int)moment->seconds;
        strbuf_printf(out, "%04d-%02u-%02u", moment->year, moment->month, moment->day);
        if (seconds > 0)
            strbuf_printf(out, " %02d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
        return true;
    }
    for (size_t i = 0; i < count; i++)
        token_writers[tokens[i].kind](&writing, &tokens[i], out);
    return true;
}

bool number_format_parse_date(const char *text, bool date1904, double *ret_value)
{
    int year, month, day, hour = 0, minute = 0, used = 0;
    double second = 0;
    if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3 || month < 1 || month > 12 ||
        day < 1 || day > 31 || year < 1900 || year > 9999)
        return false;
    text += used;
    if (*text == 'T' && sscanf(text, "T%2d:%2d%n", &hour, &minute, &used) == 2) {
        text += used;
        if (*text == ':' && sscanf(text, ":%lf%n", &second, &used) == 1)
            text += used;
    }
    text += *text == 'Z';
    if (*text || hour < 0 || hour > 24 || minute < 0 || minute > 59 || !(second >= 0 && second < 61))
        return false;
    int64_t days = clock_days_from_civil(year, (unsigned)month, (unsigned)day) - EPOCH_1900;
    days -= days <= FEBRUARY_29;
    *ret_value =
        (double)days - (date1904 ? DAYS_1904 : 0) + (hour * 3600 + minute * 60 + second) / DAY_SECONDS;
    return true;
}
