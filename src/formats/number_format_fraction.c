#include "formats/number_format_private.h"

#include <math.h>
#include <stdint.h>

#define DENOMINATOR_DIGITS 6 /* at most */

/* "# ?/?": placeholders of the whole number, of the numerator and of the denominator, or the denominator itself. */
struct fraction_shape {
    size_t slash;     /* its place */
    size_t numerator; /* where its placeholders begin */
    bool has_whole;
    int digits, denominator;
};

static bool is_format_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool read_fraction_shape(const struct format_section *section, struct fraction_shape *shape)
{
    bool in_group = false, found = false;
    int groups = 0;
    *shape = (struct fraction_shape){0};
    for (size_t at = 0; at < section->length;) {
        char c = section->code[at];
        size_t step = format_literal(section, at, NULL);
        if (step == 0 && !found && format_is_placeholder(c)) {
            if (!in_group)
                shape->numerator = at;
            groups += !in_group;
        } else if (step == 0 && c == '/' && !found) {
            found = true;
            shape->slash = at;
        } else if (step == 0 && found && format_is_placeholder(c) && shape->denominator == 0) {
            shape->digits++;
        } else if (step == 0 && found && is_format_digit(c) && shape->denominator < 10000) {
            shape->denominator = shape->denominator * 10 + (c - '0');
        }
        in_group = step == 0 && format_is_placeholder(c);
        at += step ? step : 1;
    }
    shape->has_whole = groups > 1;
    return found && groups > 0 && (shape->digits > 0 || shape->denominator > 0);
}

struct fraction {
    double whole;
    int64_t numerator, denominator;
};

#define FRACTION_ENOUGH 5e-8 /* what is left is as good as nothing */

/* The last convergent of the continued fraction whose denominator is at most `most`, as Excel takes it. */
static void approximate_fraction(double part, int64_t most, struct fraction *fraction)
{
    int64_t numerators[2] = {0, 1}, denominators[2] = {1, 0}; /* the last but one, the last */
    double left = part;
    do {
        int64_t whole = (int64_t)floor(left);
        int64_t numerator = whole * numerators[1] + numerators[0];
        int64_t denominator = whole * denominators[1] + denominators[0];
        if (denominator > most)
            break;
        numerators[0] = numerators[1];
        numerators[1] = numerator;
        denominators[0] = denominators[1];
        denominators[1] = denominator;
        left -= (double)whole;
    } while (left >= FRACTION_ENOUGH && (left = 1 / left, true));
    fraction->numerator = numerators[1];
    fraction->denominator = denominators[1];
}

static struct fraction to_fraction(double magnitude, const struct fraction_shape *shape)
{
    struct fraction fraction = {.whole = shape->has_whole ? floor(magnitude) : 0,
                                .denominator = shape->denominator};
    double part = magnitude - fraction.whole;
    int digits = shape->digits < DENOMINATOR_DIGITS ? shape->digits : DENOMINATOR_DIGITS;
    if (shape->denominator > 0)
        fraction.numerator = (int64_t)round(part * shape->denominator);
    else
        approximate_fraction(part, (int64_t)pow(10, digits) - 1, &fraction);
    if (shape->has_whole && fraction.numerator == fraction.denominator) {
        fraction.whole++;
        fraction.numerator = 0;
    }
    return fraction;
}

bool format_fraction(const struct format_section *section, double magnitude, struct strbuf *out)
{
    struct fraction_shape shape;
    if (magnitude >= 1e12 || !read_fraction_shape(section, &shape))
        return false;
    struct fraction fraction = to_fraction(magnitude, &shape);
    bool shows_part = !shape.has_whole || fraction.numerator > 0, in_group = false;
    size_t from = out->length;
    for (size_t at = 0; at < section->length;) {
        char c = section->code[at];
        bool digit = format_is_placeholder(c) || (at > shape.slash && is_format_digit(c));
        size_t step = digit ? 0 : format_literal(section, at, out);
        if (step == 0 && digit && !in_group && at < shape.numerator) {
            if (fraction.whole > 0 || fraction.numerator == 0 || c == '0')
                strbuf_printf(out, "%.0f", fraction.whole);
        } else if (step == 0 && digit && !in_group && shows_part) {
            strbuf_printf(out, "%lld",
                          (long long)(at < shape.slash ? fraction.numerator : fraction.denominator));
        } else if (step == 0 && !digit && (at != shape.slash || shows_part) &&
                   !(c == ' ' && (out->length == from || out->bytes[out->length - 1] == ' '))) {
            strbuf_putc(out, c);
        }
        in_group = step == 0 && digit;
        at += step ? step : 1;
    }
    return true;
}
