/* Writing a workbook (.xlsx), row by row, by libxlsxwriter in constant memory: a bold heading that stays
 * when one scrolls, columns as wide as asked, a filter, every cell a text (0012 stays 0012). A sheet that
 * is full goes on in a second one with the same heading, "NAME (2)".
 *
 * What was written reads back exactly (table.h): line breaks, control characters, texts that look like
 * escapes of the format or of cell_guard.h. */
#ifndef KIMONO_FORMATS_XLSX_WRITER_H
#define KIMONO_FORMATS_XLSX_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define XLSX_CELL_MAX 32767 /* characters in a cell: Excel's limit */

struct xlsx_column {
    const char *heading;
    double width; /* in characters */
};

struct xlsx_form {
    const char *path;  /* made at once, written at the end; replaced if it is there */
    const char *sheet; /* name: up to 25 characters, without []:*?/\ */
    const struct xlsx_column *columns;
    size_t column_count;          /* 1 to 256 */
    const char *temporary_folder; /* where the rows wait; NULL: $TMPDIR, else /tmp */
    int64_t rows_per_sheet;       /* with the heading; 0: as many as there is room for, 1,048,576 */
};

struct xlsx_writer;

/* Copies nothing: the form's texts must live as long as the writer. */
bool xlsx_writer_open(const struct xlsx_form *form, struct xlsx_writer **ret_writer, struct error *err);
/* As many fields as columns, UTF-8 without NUL; NULL is an empty one. ERROR_INVALID: one has more than
 * XLSX_CELL_MAX characters; the writer can only be freed then. */
bool xlsx_writer_row(struct xlsx_writer *writer, const char *const *fields, struct error *err);
/* Writes the file. False: there is none; ERROR_UNAVAILABLE: the disk is full, that of the file or that of
 * the temporary folder. */
bool xlsx_writer_finish(struct xlsx_writer *writer, struct error *err);
/* Without xlsx_writer_finish before it there is no file. */
void xlsx_writer_free(struct xlsx_writer **writer);

#endif
