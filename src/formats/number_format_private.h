/* Between number_format.c (which section, numbers), number_format_fraction.c and number_format_date.c (dates and
 * times). */
#ifndef KIMONO_FORMATS_NUMBER_FORMAT_PRIVATE_H
#define KIMONO_FORMATS_NUMBER_FORMAT_PRIVATE_H

#include "formats/number_format.h"

/* A piece of a format's code. */
struct format_section {
    const char *code;
    size_t length;
};

/* Steps over what is literal at `at`: "…", \c, _c, *c, [$¥-804], [Red]. Appends to `out`, if it is not
 * NULL, what of it is shown. 0: nothing literal stands there; else its length. */
size_t format_literal(const struct format_section *section, size_t at, struct strbuf *out);

/* Whether anything in the section is a part of a date or time. */
bool format_is_date(const struct format_section *section);

/* The language that the section names, and the calendar (0: the usual one). `ret_calendar` may be NULL. */
enum number_language format_language(const struct format_section *section, unsigned *ret_calendar);

/* Whether it shows a part of a day, and a part of a date. */
void format_date_parts(const struct format_section *section, bool *ret_date, bool *ret_time);

/* False, and nothing appended: the value is no date that can be shown. */
bool format_date(const struct format_section *section, double value, const struct number_workbook *workbook,
                 struct strbuf *out, enum number_note *ret_note);

/* 0, # or ?, each the place of a digit. */
bool format_is_placeholder(char c);

/* Each group of placeholders at once; what stands between them as it is, less the padding. False, and nothing
 * appended: the section is no fraction. */
bool format_fraction(const struct format_section *section, double magnitude, struct strbuf *out);

#endif
