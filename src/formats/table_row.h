/* One row of a table, whatever file it stands in, and who takes it. */
#ifndef KIMONO_FORMATS_TABLE_ROW_H
#define KIMONO_FORMATS_TABLE_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* What a workbook says of a cell, and what no text could: there is no value to be had, or it is not sure. */
enum table_fault {
    TABLE_FAULT_NONE,
    TABLE_FAULT_UNCOMPUTED, /* a formula, and no spreadsheet program has computed it; the field is "" */
    TABLE_FAULT_ERROR,      /* a formula that failed; the field is "#REF!" or the like */
    TABLE_NOTE_FORMAT,      /* a number whose format is not known, or shown differently by country */
    TABLE_NOTE_DIGITS,      /* a number with more digits than a spreadsheet keeps */
};

struct table_row {
    int64_t number; /* as a spreadsheet counts: the first is 1, empty rows count but never come */
    int64_t line;   /* of the text in which it begins; in a workbook the same as `number` */
    size_t count;
    const char *const *fields; /* UTF-8 without NUL; valid until the call returns */
    const uint8_t *faults;     /* enum table_fault of each field; NULL: none has any */
};

/* Takes one row, the heading first. False ends the reading with `err` as set. */
typedef bool (*table_take)(void *context, const struct table_row *row, struct error *err);

#endif
