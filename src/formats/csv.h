/* Reading tables of text: .csv (comma or semicolon) and .tsv, row by row, in constant memory.
 *
 * Text is UTF-8, with or without a byte order mark. What cannot be read ends the reading with
 * ERROR_INVALID, the line and, where it is known, the column: another encoding, a NUL byte, a quote that
 * is not closed or not doubled, a field or row beyond its ceiling. A caller that must not do half of a
 * file reads it twice: the first time with an `each` that only looks.
 *
 * CSV (by libcsv): fields may be quoted, a quote inside is doubled, a quoted field may hold line
 * breaks. A quote in the middle of a field that does not begin with one is itself. Spaces around a
 * field are dropped unless they are quoted.
 * TSV: most programs that write it know no quoting, spreadsheets do. See tsv.h for how both are read.
 *
 * Not here: what the columns mean (ops/import_export_service), writing. Other encodings come later. */
#ifndef KIMONO_FORMATS_CSV_H
#define KIMONO_FORMATS_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define CSV_FIELD_MAX ((size_t)64 << 10) /* bytes */
#define CSV_ROW_MAX ((size_t)256 << 10)  /* bytes, as they stand in the file */
#define CSV_COLUMNS_MAX 256

struct csv_row {
    int64_t number; /* as a spreadsheet counts: the heading is 1, empty rows count but never come */
    int64_t line;   /* in which it begins */
    size_t count;
    const char *const *fields; /* UTF-8 without NUL; valid until `each` returns */
};

/* Takes one row, the heading first. False ends the reading with `err` as set. */
typedef bool (*csv_each)(void *context, const struct csv_row *row, struct error *err);

/* Where the bytes come from: as read(2), 0 at the end, -1 and errno on failure. */
struct csv_source {
    ssize_t (*read)(void *context, void *bytes, size_t size);
    void *context;
};

/* `delimiter` is ',', ';' or '\t'; 0: whichever the heading has most of. An input without any row is
 * fine: `each` is not called. */
bool csv_read(const struct csv_source *source, char delimiter, csv_each each, void *context,
              struct error *err);

/* The same from a file. Tabs if its name ends in .tsv. Refused with a text of their own: a folder or
 * other special file, an Excel workbook. Errors begin with `path`. */
bool csv_read_file(const char *path, csv_each each, void *context, struct error *err);

#endif
