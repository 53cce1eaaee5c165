/* Numbers as a spreadsheet shows them (ECMA-376 part 1, 18.8.30 and 18.8.31).
 *
 * Shown: decimals, thousands, scaling commas, percent, zeros in front, exponents, fractions; literals, among
 * the digits too (000-0000); sections for negative, zero, and with conditions; currency signs; dates and times
 * with y m d h s, fractions of seconds, AM/PM, 上午/下午, elapsed [h] [m] [s], weekdays and months by name in
 * English, Chinese, Japanese and Korean, Japanese eras (ggge) and years of the Republic of China, in the
 * language that the format asks for, else the workbook's. Rounding is half away from zero on 15 digits, as in
 * Excel. General is as the line shows it in which one edits the cell, with all of up to 15 digits: a phone
 * number must not become 1.38001E+11 for being long.
 *
 * Chosen, because the file does not say: the short date (formats 14 and 22), which every country shows
 * differently, is 2026-11-22; formats 27 to 36 and 50 to 58, which are dates in one language and times in
 * another, are those of the workbook's language (workbook.h), and where that is not known, one that shows what
 * the number has: never a time for a whole day.
 * Not shown: colours, widths (`*`, `_`), Chinese numerals ([DBNum1]), the text section of a format, spaces
 * around the whole. What is not understood (other calendars, names in other languages, unknown letters) is
 * an ISO date, never the letters of the code. A date before 1900 or after 9999 is a plain number; 1900-02-29,
 * which never was, is there as in Excel. */
#ifndef KIMONO_FORMATS_NUMBER_FORMAT_H
#define KIMONO_FORMATS_NUMBER_FORMAT_H

#include <stdbool.h>

#include "base/strbuf.h"

enum number_language {
    NUMBER_LANGUAGE_UNKNOWN,
    NUMBER_LANGUAGE_ENGLISH,
    NUMBER_LANGUAGE_CHINESE,
    NUMBER_LANGUAGE_TRADITIONAL,
    NUMBER_LANGUAGE_JAPANESE,
    NUMBER_LANGUAGE_KOREAN,
    NUMBER_LANGUAGE_OTHER,
};

/* How a cell's number is to be shown. All zero: General. */
struct number_style {
    const char *code; /* NULL: General, or an eastern one */
    unsigned eastern; /* the number of a built-in format that differs by language; 0: none */
};

/* What of a workbook counts for all its numbers. */
struct number_workbook {
    bool date1904; /* dates count from 1904 */
    enum number_language language;
};

enum number_note {
    NUMBER_SURE,
    NUMBER_GUESSED,   /* the format is not understood, or means different things by language */
    NUMBER_CUT_SHORT, /* it has more digits than a spreadsheet keeps: the last ones are lost */
};

/* The code of a built-in format that is the same in all languages; NULL if there is none with this number. */
const char *number_format_builtin(unsigned id);
bool number_format_is_eastern(unsigned id);
const char *number_format_eastern(unsigned id, enum number_language language);

/* The language that a format's code names: [$-411]. UNKNOWN: none. */
enum number_language number_format_language(const char *code);

/* Appends the number as it is shown. */
enum number_note number_format_write(const struct number_style *style, double value,
                                     const struct number_workbook *workbook, struct strbuf *out);

/* The number of a date, "2026-11-22" or "2026-11-22T08:30:00.5Z" (ISO 8601); false if it is none. */
bool number_format_parse_date(const char *text, bool date1904, double *ret_value);

#endif
