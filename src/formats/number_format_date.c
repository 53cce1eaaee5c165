#include "formats/number_format_private.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

#define DAY_SECONDS 86400
#define DAYS_1904 1462  /* between the two systems */
#define DAY_MAX 2958465 /* 9999-12-31 */
#define FEBRUARY_29 60  /* of 1900: only in spreadsheets */

/* ---- the calendar ---- */

struct moment {
    int year, month, day, weekday; /* Sunday is 0 */
    int64_t days;                  /* the number's whole part */
    int64_t seconds;               /* of the day */
    int fraction;                  /* milliseconds */
};

/* Howard Hinnant, chrono-Compatible Low-Level Date Algorithms: days since 1970-01-01. */
static void civil_from_days(int64_t days, struct moment *moment)
{
    days += 719468;
    int64_t era = days / 146097, day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    moment->day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    moment->month = (int)(month < 10 ? month + 3 : month - 9);
    moment->year = (int)(year_of_era + era * 400 + (moment->month <= 2));
}

static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400, year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

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
    civil_from_days(day + EPOCH_1900 + (day < FEBRUARY_29), &moment);
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
    TOKEN_WEEKDAY, /* aaa, aaaa: in Chinese */
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
} halves[] = {
    {"AM/PM", "AM", "PM"}, {"A/P", "A", "P"}, {"上午/下午", "上午", "下午"}, {"午前/午後", "午前", "午後"}};

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

static enum token_kind kind_of(char c)
{
    switch (c | 0x20) {
    case 'y':
    case 'e': return TOKEN_YEAR;
    case 'm': return TOKEN_MONTH;
    case 'd': return TOKEN_DAY;
    case 'a': return TOKEN_WEEKDAY;
    case 'h': return TOKEN_HOUR;
    case 's': return TOKEN_SECOND;
    default: return TOKEN_OTHER;
    }
}

static enum token_kind elapsed_kind(char c)
{
    c |= 0x20;
    return c == 'h' ? TOKEN_ELAPSED_HOURS : c == 'm' ? TOKEN_ELAPSED_MINUTES : TOKEN_ELAPSED_SECONDS;
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
        token.kind = elapsed_kind(code[1]);
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
    token.kind = kind_of(*code);
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

static bool is_general(const struct format_section *section, size_t at)
{
    return section->length - at >= 7 && strncasecmp(section->code + at, "General", 7) == 0;
}

bool format_is_date(const struct format_section *section)
{
    for (size_t at = 0; at < section->length;) {
        char c = section->code[at];
        size_t step = format_literal(section, at, NULL), which;
        if (step == 0 && is_general(section, at))
            step = 7;
        else if (step == 0 && (c | 0x20) == 'e' && at + 1 < section->length &&
                 strchr("+-", section->code[at + 1]))
            step = 2;
        else if (step == 0 && (c == '[' || strchr("yYmMdDhHsSeE", c) ||
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

/* [$-804], [$-zh-CN], [$-404]: the language's last two digits are 04 for every kind of Chinese. */
static bool is_chinese(const struct format_section *section)
{
    for (size_t at = 0; at + 4 < section->length; at++) {
        const char *code = section->code + at;
        if (code[0] != '[' || code[1] != '$')
            continue;
        const char *close = memchr(code, ']', section->length - at);
        const char *dash = close ? memchr(code, '-', (size_t)(close - code)) : NULL;
        if (dash && close - dash >= 3 && strncasecmp(dash + 1, "zh", 2) == 0)
            return true;
        return dash && close - dash >= 4 && strncmp(close - 2, "04", 2) == 0;
    }
    return false;
}

static void write_month_name(const struct moment *moment, size_t length, bool chinese, struct strbuf *out)
{
    const char *name = months_en[moment->month - 1];
    if (chinese && length == 3)
        strbuf_printf(out, "%d月", moment->month);
    else if (chinese && length == 4)
        strbuf_puts(out, months_zh[moment->month - 1]);
    else
        strbuf_append(out, name, length == 3 ? 3 : length == 5 ? 1 : strlen(name));
}

static void write_day_name(const struct moment *moment, size_t length, bool chinese, struct strbuf *out)
{
    const char *name = days_en[moment->weekday];
    if (chinese)
        strbuf_printf(out, "%s%s", length == 3 ? "周" : "星期", days_zh[moment->weekday]);
    else
        strbuf_append(out, name, length == 3 ? 3 : strlen(name));
}

/* ---- the whole ---- */

struct writing {
    const struct format_section *section;
    struct moment moment;
    bool twelve_hours, chinese;
};

static void write_padded(int64_t number, size_t width, struct strbuf *out)
{
    strbuf_printf(out, "%0*lld", (int)(width > 9 ? 9 : width), (long long)number);
}

static void write_half(const struct writing *writing, const struct token *token, struct strbuf *out)
{
    size_t which = 0;
    half_at(writing->section->code + token->at, token->length, &which);
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
    bool is_short = token->length <= 2 && (writing->section->code[token->at] | 0x20) == 'y';
    write_padded(is_short ? writing->moment.year % 100 : writing->moment.year, is_short ? 2 : 4, out);
}

static void write_month(const struct writing *writing, const struct token *token, struct strbuf *out)
{
    if (token->length <= 2)
        write_padded(writing->moment.month, token->length, out);
    else
        write_month_name(&writing->moment, token->length, writing->chinese, out);
}

static void write_day(const struct writing *writing, const struct token *token, struct strbuf *out)
{
    if (token->length <= 2)
        write_padded(writing->moment.day, token->length, out);
    else
        write_day_name(&writing->moment, token->length, writing->chinese, out);
}

static void write_weekday(const struct writing *writing, const struct token *token, struct strbuf *out)
{
    strbuf_printf(out, "%s%s", token->length > 3 ? "星期" : "", days_zh[writing->moment.weekday]);
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
    [TOKEN_DAY] = write_day,
    [TOKEN_WEEKDAY] = write_weekday,
    [TOKEN_HOUR] = write_hour,
    [TOKEN_MINUTE] = write_minute,
    [TOKEN_SECOND] = write_second,
    [TOKEN_FRACTION] = write_fraction,
    [TOKEN_HALF] = write_half,
    [TOKEN_ELAPSED_HOURS] = write_elapsed,
    [TOKEN_ELAPSED_MINUTES] = write_elapsed,
    [TOKEN_ELAPSED_SECONDS] = write_elapsed,
};

bool format_date(const struct format_section *section, double value, bool date1904, struct strbuf *out)
{
    struct token tokens[TOKENS_MAX];
    size_t count = split_tokens(section, tokens);
    struct writing writing = {.section = section, .chinese = is_chinese(section)};
    int units = 1;
    for (size_t i = 0; i < count; i++) {
        writing.twelve_hours |= tokens[i].kind == TOKEN_HALF;
        if (tokens[i].kind == TOKEN_FRACTION)
            units = tokens[i].length == 2 ? 10 : tokens[i].length == 3 ? 100 : 1000;
    }
    if (!to_moment(value, date1904, units, &writing.moment))
        return false;
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
    int64_t days = days_from_civil(year, month, day) - EPOCH_1900;
    days -= days <= FEBRUARY_29;
    *ret_value =
        (double)days - (date1904 ? DAYS_1904 : 0) + (hour * 3600 + minute * 60 + second) / DAY_SECONDS;
    return true;
}
