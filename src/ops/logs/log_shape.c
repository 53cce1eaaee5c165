#include "ops/logs/log_shape.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"

#define UNIT_LENGTH 4 /* letters behind a number: 12ms, 4KiB */
#define ID_LENGTH 8   /* letters and digits mixed: shorter ones are names such as utf8 or b2b */

/* What one step sees: from `at` on, `left` bytes. */
struct shape_rest {
    const char *at;
    size_t left;
};

static bool shape_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool shape_is_hex(char c)
{
    return shape_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool shape_is_letter_or_digit(char c)
{
    return shape_is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static size_t shape_span(struct shape_rest rest, bool (*is_in)(char))
{
    size_t length = 0;
    while (length < rest.left && is_in(rest.at[length]))
        length++;
    return length;
}

static size_t shape_uuid(struct shape_rest rest)
{
    static const char pattern[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    size_t length = sizeof(pattern) - 1;
    if (rest.left < length || (rest.left > length && shape_is_letter_or_digit(rest.at[length])))
        return 0;
    for (size_t i = 0; i < length; i++)
        if (pattern[i] == 'x' ? !shape_is_hex(rest.at[i]) : rest.at[i] != '-')
            return 0;
    return length;
}

/* Four groups of digits with dots; a port after it belongs to it. */
static size_t shape_ipv4(struct shape_rest rest)
{
    size_t at = 0, groups = 0;
    while (groups < 4) {
        size_t digits = shape_span((struct shape_rest){rest.at + at, rest.left - at}, shape_is_digit);
        if (digits == 0 || digits > 3)
            return 0;
        at += digits;
        if (++groups < 4 && (at >= rest.left || rest.at[at++] != '.'))
            return 0;
    }
    if (at + 1 < rest.left && rest.at[at] == ':' && shape_is_digit(rest.at[at + 1]))
        at += 1 + shape_span((struct shape_rest){rest.at + at + 1, rest.left - at - 1}, shape_is_digit);
    return at < rest.left && (shape_is_letter_or_digit(rest.at[at]) || rest.at[at] == '.') &&
                   !(rest.at[at] == '.' && (at + 1 == rest.left || !shape_is_digit(rest.at[at + 1])))
               ? 0
               : at;
}

/* Groups of hexadecimal digits with colons: `::` among them or five groups, unlike a time of day. */
static size_t shape_colons(struct shape_rest rest)
{
    size_t at = 0, colons = 0, digits = 0;
    bool doubled = false;
    for (; at < rest.left && (shape_is_hex(rest.at[at]) || rest.at[at] == ':'); at++) {
        colons += rest.at[at] == ':';
        digits += rest.at[at] != ':';
        doubled |= at > 0 && rest.at[at] == ':' && rest.at[at - 1] == ':';
    }
    while (at > 0 && rest.at[at - 1] == ':' && !doubled)
        at--;
    bool ends = at == rest.left || !shape_is_letter_or_digit(rest.at[at]);
    return ends && digits > 0 && (colons >= 4 || (doubled && colons >= 2)) ? at : 0;
}

/* 12, 12.5, 1,234,567, 12ms: what follows the digits stays. */
static size_t shape_number(struct shape_rest rest)
{
    size_t at = shape_span(rest, shape_is_digit);
    while (at > 0 && at + 1 < rest.left && (rest.at[at] == '.' || rest.at[at] == ',') &&
           shape_is_digit(rest.at[at + 1]))
        at += 1 + shape_span((struct shape_rest){rest.at + at + 1, rest.left - at - 1}, shape_is_digit);
    return at;
}

/* A run of letters and digits that holds both: an identifier, or a name with a number. */
static void shape_put_mixed(struct strbuf *out, const char *run, size_t length)
{
    size_t digits = 0, hex = 0, changes = 0;
    for (size_t i = 0; i < length; i++) {
        digits += shape_is_digit(run[i]);
        hex += shape_is_hex(run[i]);
        changes += i > 0 && shape_is_digit(run[i]) != shape_is_digit(run[i - 1]);
    }
    if (length >= ID_LENGTH && hex == length) {
        strbuf_puts(out, "<hex>");
        return;
    }
    bool begins_as_id = shape_is_digit(run[0]) && length - digits > UNIT_LENGTH;
    if (length >= ID_LENGTH && (changes >= 2 || begins_as_id)) {
        strbuf_puts(out, "<id>");
        return;
    }
    for (size_t i = 0; i < length; i++) {
        if (!shape_is_digit(run[i]))
            strbuf_putc(out, run[i]);
        else if (i == 0 || !shape_is_digit(run[i - 1]))
            strbuf_putc(out, '#');
    }
}

static size_t shape_put_run(struct strbuf *out, struct shape_rest rest, const char *request_id)
{
    size_t length = shape_span(rest, shape_is_letter_or_digit), found;
    if (request_id && length >= ID_LENGTH && strncmp(rest.at, request_id, length) == 0) {
        strbuf_puts(out, "<id>");
        return length;
    }
    if ((found = shape_uuid(rest)) > 0) {
        strbuf_puts(out, "<uuid>");
        return found;
    }
    if ((found = shape_ipv4(rest)) > 0 || (found = shape_colons(rest)) > 0) {
        strbuf_puts(out, "<address>");
        return found;
    }
    if (length > 2 && rest.at[0] == '0' && (rest.at[1] | 0x20) == 'x') {
        strbuf_puts(out, "<hex>");
        return length;
    }
    size_t number = shape_number(rest);
    if (number >= length && number > 0) {
        strbuf_putc(out, '#');
        return number;
    }
    if (number > 0 && rest.at[number - 1] && length < number) /* 1.5 */
        return number;
    bool has_digit = false;
    for (size_t i = 0; i < length; i++)
        has_digit |= shape_is_digit(rest.at[i]);
    if (has_digit)
        shape_put_mixed(out, rest.at, length);
    else
        strbuf_append(out, rest.at, length);
    return length;
}

/* １２３: full-width digits, U+FF10 to U+FF19. */
static size_t shape_wide_digits(struct shape_rest rest)
{
    size_t at = 0;
    while (at + 3 <= rest.left && (unsigned char)rest.at[at] == 0xEF &&
           (unsigned char)rest.at[at + 1] == 0xBC && (unsigned char)rest.at[at + 2] >= 0x90 &&
           (unsigned char)rest.at[at + 2] <= 0x99)
        at += 3;
    return at;
}

void log_shape(const char *message, size_t length, const char *request_id, struct strbuf *out)
{
    size_t shown = length > LOG_SHAPE_MAX ? utf8_cut(message, length, LOG_SHAPE_MAX) : length;
    struct shape_rest rest = {message, shown};
    while (rest.left > 0) {
        size_t step;
        if (shape_is_letter_or_digit(*rest.at) ||
            (*rest.at == ':' && rest.left > 2 && rest.at[1] == ':' && shape_colons(rest) > 0)) {
            step = shape_put_run(out, rest, request_id);
        } else if ((step = shape_wide_digits(rest)) > 0) {
            strbuf_putc(out, '#');
        } else {
            strbuf_putc(out, *rest.at);
            step = 1;
        }
        rest.at += step;
        rest.left -= step;
    }
    if (shown < length)
        strbuf_puts(out, "…");
}
