#include "formats/number_format_private.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

/* ---- decimal digits ---- */

#define DIGITS 15 /* that Excel computes and shows with */

/* 0.d1d2d3… × 10^point */
struct decimal {
    char digits[DIGITS + 2];
    int count, point;
};

/* A whole number of at most 15 digits, as most in a table are, without printf. */
static bool whole_to_decimal(double magnitude, struct decimal *decimal)
{
    uint64_t left = magnitude < 1e15 ? (uint64_t)magnitude : 0;
    if (left == 0 || (double)left != magnitude)
        return false;
    char digits[DIGITS];
    int first = DIGITS;
    for (; left > 0; left /= 10)
        digits[--first] = (char)('0' + left % 10);
    memset(decimal->digits, '0', DIGITS);
    memcpy(decimal->digits, digits + first, (size_t)(DIGITS - first));
    decimal->point = DIGITS - first;
    return true;
}

static struct decimal to_decimal(double magnitude)
{
    struct decimal decimal = {.count = DIGITS};
    char text[32];
    if (whole_to_decimal(magnitude, &decimal))
        return decimal;
    snprintf(text, sizeof(text), "%.*e", DIGITS - 1, magnitude);
    decimal.digits[0] = text[0];
    memcpy(decimal.digits + 1, text + 2, DIGITS - 1);
    decimal.point = magnitude == 0 ? 0 : atoi(text + DIGITS + 2) + 1;
    return decimal;
}

/* Keeps `decimals` digits behind the point, half away from zero. */
static void round_decimal(struct decimal *decimal, int decimals)
{
    int keep = decimal->point + decimals;
    if (keep >= decimal->count)
        return;
    bool up = keep >= 0 && decimal->digits[keep] >= '5';
    decimal->count = keep < 0 ? 0 : keep;
    if (!up)
        return;
    int at = decimal->count - 1;
    while (at >= 0 && decimal->digits[at] == '9')
        decimal->digits[at--] = '0';
    if (at >= 0) {
        decimal->digits[at]++;
        return;
    }
    memmove(decimal->digits + 1, decimal->digits, (size_t)decimal->count);
    decimal->digits[0] = '1';
    decimal->count++;
    decimal->point++;
}

/* The digit of 10^(-1 - place): place 0 is the first behind the point, -1 the units. */
static char digit_at(const struct decimal *decimal, int place)
{
    int at = decimal->point + place;
    return at >= 0 && at < decimal->count ? decimal->digits[at] : '0';
}

/* ---- General ---- */

#define GENERAL_WIDTH 21 /* digits of a whole number; more have an exponent */

/* Digits with a point, trailing zeros dropped; `first` is the place of the leftmost. */
static void write_plain(const struct decimal *decimal, int first, int decimals, struct strbuf *out)
{
    while (decimals > 0 && digit_at(decimal, decimals - 1) == '0')
        decimals--;
    for (int place = first; place < 0; place++)
        strbuf_putc(out, digit_at(decimal, place));
    if (decimals > 0)
        strbuf_putc(out, '.');
    for (int place = 0; place < decimals; place++)
        strbuf_putc(out, digit_at(decimal, place));
}

static void write_general(double value, struct strbuf *out)
{
    struct decimal decimal = to_decimal(fabs(value));
    if (value < 0)
        strbuf_putc(out, '-');
    if (value == 0) {
        strbuf_putc(out, '0');
    } else if (decimal.point > GENERAL_WIDTH || decimal.point < -3) {
        int exponent = decimal.point - 1;
        decimal.point = 1;
        write_plain(&decimal, -1, DIGITS - 1, out);
        strbuf_printf(out, "E%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
    } else {
        write_plain(&decimal, decimal.point > 0 ? -decimal.point : -1,
                    DIGITS - decimal.point > 0 ? DIGITS - decimal.point : 0, out);
    }
}

/* A whole number that has more digits than are kept, but few enough that somebody may have typed them. */
static bool is_cut_short(double value)
{
    return fabs(value) >= 1e15 && fabs(value) < 1e21;
}

/* ---- literals ---- */

/* [Red], [>=100], [DBNum1] show nothing, [$¥-804] what stands between $ and -. Elapsed time, [h], is not
 * literal. */
static size_t format_bracket(const char *code, size_t left, struct strbuf *out)
{
    const char *close = memchr(code, ']', left);
    size_t length = close ? (size_t)(close - code) + 1 : 0;
    if (!close || (length > 2 && strspn(code + 1, "hHmMsS") == length - 2))
        return 0;
    const char *dash = memchr(code, '-', length);
    if (out && code[1] == '$')
        strbuf_append(out, code + 2, (size_t)((dash ? dash : close) - code) - 2);
    return length;
}

/* Bytes of the character that begins here. */
static size_t character_bytes(const char *code, size_t left)
{
    size_t length = 1;
    while (length < left && ((unsigned char)code[length] & 0xC0) == 0x80)
        length++;
    return length;
}

size_t format_literal(const struct format_section *section, size_t at, struct strbuf *out)
{
    const char *code = section->code + at;
    size_t left = section->length - at;
    if (*code == '"') {
        const char *close = memchr(code + 1, '"', left - 1);
        size_t length = close ? (size_t)(close - code) + 1 : left;
        if (out)
            strbuf_append(out, code + 1, close ? length - 2 : length - 1);
        return length;
    }
    if (*code == '[')
        return format_bracket(code, left, out);
    if (!strchr("\\_*!", *code) || left < 2)
        return 0;
    size_t length = character_bytes(code + 1, left - 1);
    if (out && (*code == '\\' || *code == '!'))
        strbuf_append(out, code + 1, length);
    if (out && *code == '_')
        strbuf_putc(out, ' ');
    return 1 + length;
}

/* ---- sections ---- */

#define SECTIONS_MAX 4

/* Splits at the semicolons outside literals. */
static size_t split_sections(const char *code, struct format_section sections[static SECTIONS_MAX])
{
    struct format_section whole = {code, strlen(code)};
    size_t count = 0, from = 0;
    for (size_t at = 0; at <= whole.length && count < SECTIONS_MAX;) {
        size_t step = at < whole.length ? format_literal(&whole, at, NULL) : 0;
        if (step == 0 && (at == whole.length || code[at] == ';')) {
            sections[count++] = (struct format_section){code + from, at - from};
            from = at + 1;
        }
        at += step ? step : 1;
    }
    return count;
}

/* A condition at the section's beginning, perhaps behind a colour: [>=100]. */
static bool section_condition(const struct format_section *section, double value, bool *ret_holds)
{
    size_t at = 0;
    while (at < section->length && section->code[at] == '[') {
        const char *code = section->code + at + 1;
        size_t operator_length = strspn(code, "<>=");
        if (operator_length > 0 && operator_length <= 2) {
            double limit = strtod(code + operator_length, NULL);
            bool allows_equal = memchr(code, '=', operator_length) != NULL;
            bool unequal = memcmp(code, "<>", 2) == 0;
            *ret_holds = unequal ? value != limit
                                 : (allows_equal && value == limit) || (*code == '<' && value < limit) ||
                                       (*code == '>' && value > limit);
            return true;
        }
        size_t step = format_literal(section, at, NULL);
        if (step == 0)
            return false;
        at += step;
    }
    return false;
}

/* The section for this value, and whether its sign is still to be shown. */
static size_t choose_section(const struct format_section *sections, size_t count, double value,
                             bool *ret_sign)
{
    bool holds = false;
    *ret_sign = value < 0;
    size_t numeric = count > 3 ? 3 : count;
    if (numeric > 1 && section_condition(&sections[0], value, &holds)) {
        if (holds)
            return 0;
        bool second = false;
        if (numeric == 2 || !section_condition(&sections[1], value, &second))
            return numeric > 2 && value >= 0 ? 2 : 1;
        return second ? 1 : 2;
    }
    if (numeric == 1)
        return 0;
    *ret_sign = false;
    return value < 0 ? 1 : value == 0 && numeric > 2 ? 2 : 0;
}

/* ---- numbers ---- */

/* What a section's placeholders say. */
struct shape {
    int whole, decimals; /* placeholders before and behind the point */
    int exponent;        /* placeholders behind the E; 0: none */
    int percents, scale; /* how many % and trailing commas */
    bool thousands;
};

bool format_is_placeholder(char c)
{
    return c == '0' || c == '#' || c == '?';
}

static bool is_exponent(const struct format_section *section, size_t at)
{
    return at + 1 < section->length && (section->code[at] == 'E' || section->code[at] == 'e') &&
           (section->code[at + 1] == '+' || section->code[at + 1] == '-');
}

static bool has_placeholder_behind(const struct format_section *section, size_t at)
{
    while (++at < section->length && section->code[at] != '.')
        if (format_is_placeholder(section->code[at]))
            return true;
    return false;
}

static struct shape read_shape(const struct format_section *section)
{
    struct shape shape = {0};
    bool behind_point = false, behind_e = false;
    for (size_t at = 0; at < section->length;) {
        char c = section->code[at];
        size_t step = format_literal(section, at, NULL);
        if (step == 0 && format_is_placeholder(c))
            *(behind_e ? &shape.exponent : behind_point ? &shape.decimals : &shape.whole) += 1;
        else if (step == 0 && c == '.')
            behind_point = true;
        else if (step == 0 && c == '%')
            shape.percents++;
        else if (step == 0 && c == ',' && shape.whole + shape.decimals > 0) {
            bool between = !behind_point && has_placeholder_behind(section, at);
            shape.thousands |= between;
            shape.scale += !between;
        } else if (is_exponent(section, at)) {
            behind_e = true;
            step = 2;
        }
        at += step ? step : 1;
    }
    return shape;
}

struct number {
    const struct format_section *section;
    struct shape shape;
    struct decimal decimal;
    int exponent;
    int placed;    /* placeholders passed before the point */
    int decimals;  /* passed behind it */
    int exponents; /* passed behind the E */
    bool behind_point, behind_e;
};

static void write_whole_digit(const struct number *number, int place, struct strbuf *out)
{
    strbuf_putc(out, digit_at(&number->decimal, place));
    if (number->shape.thousands && place < -1 && (place + 1) % 3 == 0)
        strbuf_putc(out, ',');
}

/* The leftmost placeholder also takes all digits that have none. */
static void write_whole(struct number *number, char placeholder, struct strbuf *out)
{
    int place = number->placed++ - number->shape.whole;
    int digits = number->decimal.point > 0 ? number->decimal.point : 0;
    if (number->placed == 1)
        for (int extra = -digits; extra < place; extra++)
            write_whole_digit(number, extra, out);
    if (-place <= digits || placeholder == '0')
        write_whole_digit(number, place, out);
    else if (placeholder == '?')
        strbuf_putc(out, ' ');
}

/* # and ? behind the point show nothing if only zeros come. */
static void write_decimal(struct number *number, char placeholder, struct strbuf *out)
{
    int place = number->decimals++;
    bool zeros = true;
    for (int i = place; i < number->shape.decimals && zeros; i++)
        zeros = digit_at(&number->decimal, i) == '0';
    if (placeholder == '0' || !zeros)
        strbuf_putc(out, digit_at(&number->decimal, place));
}

static void write_placeholder(struct number *number, char placeholder, struct strbuf *out)
{
    if (number->behind_e) {
        if (number->exponents++ == 0)
            strbuf_printf(out, "%0*d", number->shape.exponent, abs(number->exponent));
    } else if (number->behind_point) {
        write_decimal(number, placeholder, out);
    } else {
        write_whole(number, placeholder, out);
    }
}

/* Without placeholders before the point (".5") the digits there still show. */
static void write_point(struct number *number, struct strbuf *out)
{
    if (number->shape.whole == 0 && number->decimal.point > 0)
        for (int place = -number->decimal.point; place < 0; place++)
            write_whole_digit(number, place, out);
    number->behind_point = true;
    strbuf_putc(out, '.');
}

static size_t write_exponent_sign(struct number *number, size_t at, struct strbuf *out)
{
    number->behind_e = true;
    strbuf_putc(out, 'E');
    if (number->exponent < 0)
        strbuf_putc(out, '-');
    else if (number->section->code[at + 1] == '+')
        strbuf_putc(out, '+');
    return 2;
}

static void write_placeholders(struct number *number, struct strbuf *out)
{
    const struct format_section *section = number->section;
    for (size_t at = 0; at < section->length;) {
        char c = section->code[at];
        size_t step = format_literal(section, at, out);
        if (step == 0 && format_is_placeholder(c))
            write_placeholder(number, c, out);
        else if (step == 0 && c == '.' && !number->behind_point)
            write_point(number, out);
        else if (step == 0 && is_exponent(section, at))
            step = write_exponent_sign(number, at, out);
        else if (step == 0 && !(c == ',' && number->placed + number->decimals > 0))
            strbuf_putc(out, c);
        at += step ? step : 1;
    }
}

/* One digit before the point, or with ##0.0E+0 an exponent that three divides. */
static void normalise_exponent(struct number *number)
{
    int whole = number->shape.whole > 0 ? number->shape.whole : 1;
    for (int pass = 0; pass < 2; pass++) { /* rounding may make it one digit longer */
        int exponent = number->decimal.point - 1;
        int over = whole > 1 ? ((exponent % whole) + whole) % whole : 0;
        if (number->decimal.digits[0] == '0')
            return;
        number->exponent += exponent - over;
        number->decimal.point -= exponent - over;
        round_decimal(&number->decimal, number->shape.decimals);
    }
}

static void format_number(const struct format_section *section, double magnitude, struct strbuf *out)
{
    struct number number = {.section = section, .shape = read_shape(section)};
    number.decimal = to_decimal(magnitude);
    if (magnitude != 0)
        number.decimal.point += 2 * number.shape.percents - 3 * number.shape.scale;
    if (number.shape.exponent > 0)
        normalise_exponent(&number);
    else
        round_decimal(&number.decimal, number.shape.decimals);
    write_placeholders(&number, out);
}

/* ---- the whole ---- */

/* Length of "General" here, or of what some programs write for it, or of @; 0: none of them. */
static size_t general_at(const struct format_section *section, size_t at)
{
    static const char *const names[] = {"General", "G/通用格式", "G/標準", "G/표준", "@"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        size_t length = strlen(names[i]);
        if (section->length - at >= length && strncasecmp(section->code + at, names[i], length) == 0)
            return length;
    }
    return 0;
}

static bool has_general(const struct format_section *section)
{
    for (size_t at = 0; at < section->length;) {
        size_t step = format_literal(section, at, NULL);
        if (step == 0 && general_at(section, at) > 0)
            return true;
        at += step ? step : 1;
    }
    return false;
}

/* General in its place among the literals. */
static void format_general(const struct format_section *section, double magnitude, struct strbuf *out)
{
    for (size_t at = 0; at < section->length;) {
        size_t step = format_literal(section, at, out), general = step ? 0 : general_at(section, at);
        if (general > 0)
            write_general(magnitude, out);
        else if (step == 0)
            strbuf_putc(out, section->code[at]);
        at += step ? step : general ? general : 1;
    }
}

static void trim_spaces(struct strbuf *out, size_t from)
{
    while (out->length > from && out->bytes[out->length - 1] == ' ')
        out->bytes[--out->length] = '\0';
    size_t spaces = 0;
    while (from + spaces < out->length && out->bytes[from + spaces] == ' ')
        spaces++;
    if (spaces == 0)
        return;
    memmove(out->bytes + from, out->bytes + from + spaces, out->length - from - spaces + 1);
    out->length -= spaces;
}

/* Letters mean nothing among digits, but for an exponent: the format is not understood. */
static bool has_letters(const struct format_section *section)
{
    for (size_t at = 0; at < section->length;) {
        size_t step = format_literal(section, at, NULL);
        char c = section->code[at] | 0x20;
        if (step == 0 && c >= 'a' && c <= 'z' && !is_exponent(section, at))
            return true;
        at += step ? step : 1;
    }
    return false;
}

static enum number_note write_section(const struct format_section *section, double value, bool sign,
                                      const struct number_workbook *workbook, struct strbuf *out)
{
    enum number_note note = is_cut_short(value) ? NUMBER_CUT_SHORT : NUMBER_SURE;
    bool general = has_general(section);
    if (format_is_date(section)) {
        if (!format_date(section, value, workbook, out, &note))
            write_general(value, out);
        return note;
    }
    if (!general && has_letters(section)) {
        write_general(value, out);
        return NUMBER_GUESSED;
    }
    if (sign)
        strbuf_putc(out, '-');
    if (general)
        format_general(section, fabs(value), out);
    else if (!format_fraction(section, fabs(value), out))
        format_number(section, fabs(value), out);
    return note;
}

static enum number_note write_code(const char *code, double value, const struct number_workbook *workbook,
                                   struct strbuf *out)
{
    struct format_section sections[SECTIONS_MAX];
    size_t count = split_sections(code, sections), from = out->length;
    bool sign;
    size_t chosen = count > 0 ? choose_section(sections, count, value, &sign) : 0;
    if (count == 0 || (chosen == 0 && sections[0].length == 0)) {
        write_general(value, out);
        return is_cut_short(value) ? NUMBER_CUT_SHORT : NUMBER_SURE;
    }
    enum number_note note = write_section(&sections[chosen], value, sign, workbook, out);
    if (!out->overflowed)
        trim_spaces(out, from);
    return note;
}

/* A whole day is no time, and a time is no date. */
static bool shows_what_is_there(const char *code, double value)
{
    struct format_section section = {code, strlen(code)};
    bool date, time, has_date = value >= 1, has_time = value != floor(value);
    format_date_parts(&section, &date, &time);
    return has_date && has_time ? date || time : has_date ? date : time;
}

/* Where the language is not known: the first that shows what the number has. */
static enum number_note write_eastern(unsigned id, double value, const struct number_workbook *workbook,
                                      struct strbuf *out)
{
    static const enum number_language languages[] = {NUMBER_LANGUAGE_CHINESE, NUMBER_LANGUAGE_JAPANESE,
                                                     NUMBER_LANGUAGE_TRADITIONAL};
    if (workbook->language >= NUMBER_LANGUAGE_CHINESE && workbook->language <= NUMBER_LANGUAGE_KOREAN)
        return write_code(number_format_eastern(id, workbook->language), value, workbook, out);
    const char *code = value == floor(value) ? "yyyy-mm-dd" : "h:mm:ss";
    for (size_t i = 0; i < ARRAY_SIZE(languages); i++)
        if (shows_what_is_there(number_format_eastern(id, languages[i]), value)) {
            code = number_format_eastern(id, languages[i]);
            break;
        }
    write_code(code, value, workbook, out);
    return NUMBER_GUESSED;
}

enum number_note number_format_write(const struct number_style *style, double value,
                                     const struct number_workbook *workbook, struct strbuf *out)
{
    if (isfinite(value) && style->eastern)
        return write_eastern(style->eastern, value, workbook, out);
    if (isfinite(value) && style->code && strcmp(style->code, "General") != 0)
        return write_code(style->code, value, workbook, out);
    write_general(isfinite(value) ? value : 0, out);
    return is_cut_short(value) ? NUMBER_CUT_SHORT : NUMBER_SURE;
}
