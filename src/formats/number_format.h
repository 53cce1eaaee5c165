/* Numbers as a spreadsheet shows them (ECMA-376 part 1, 18.8.30 and 18.8.31).
 *
 * Shown: General as in a wide enough column (up to 11 digits, beyond that 1.23457E+11); decimals, thousands,
 * scaling commas, percent, zeros in front, exponents; literals, among the digits too (000-0000); sections
 * for negative, zero, and with conditions; currency signs; dates and times with y m d h s, fractions of
 * seconds, AM/PM, 上午/下午, elapsed [h] [m] [s], weekdays and months by name in English, and in Chinese
 * where the format asks for it. Rounding is half away from zero on 15 digits, as in Excel.
 *
 * Chosen, because the file does not say: the short date (formats 14 and 22), which every country shows
 * differently, is 2026-11-22; formats 27 to 36 and 50 to 58, which differ by language, are the Chinese ones.
 * Not shown: colours, widths (`*`, `_`), fractions (# ?/?: General), eras and other calendars (as the
 * Gregorian one), the text section of a format, spaces around the whole. A date before 1900 or after 9999
 * is a plain number; 1900-02-29, which never was, is there as in Excel. */
#ifndef KIMONO_FORMATS_NUMBER_FORMAT_H
#define KIMONO_FORMATS_NUMBER_FORMAT_H

#include <stdbool.h>

#include "base/strbuf.h"

/* The code of a built-in format; NULL if there is none with this number. */
const char *number_format_builtin(unsigned id);

/* Appends the number as the code shows it. `code` NULL is General. `date1904`: the workbook's dates count
 * from 1904. */
void number_format_write(const char *code, double value, bool date1904, struct strbuf *out);

/* The number of a date, "2026-11-22" or "2026-11-22T08:30:00.5Z" (ISO 8601); false if it is none. */
bool number_format_parse_date(const char *text, bool date1904, double *ret_value);

#endif
