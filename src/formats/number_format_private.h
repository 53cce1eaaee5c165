/* Between number_format.c (which section, numbers) and number_format_date.c (dates and times). */
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

/* False, and nothing appended: the value is no date that can be shown. */
bool format_date(const struct format_section *section, double value, bool date1904, struct strbuf *out);

#endif
