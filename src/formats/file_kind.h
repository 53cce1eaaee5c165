/* What kind of file it is, by its contents: names and content types are often wrong. */
#ifndef KIMONO_FORMATS_FILE_KIND_H
#define KIMONO_FORMATS_FILE_KIND_H

#include "base/error.h"

enum file_kind {
    FILE_KIND_TEXT,     /* whatever is nothing else; csv.h finds out the rest */
    FILE_KIND_WORKBOOK, /* a ZIP file; xlsx_reader.h finds out what is in it */
};

/* Opens a regular file for reading and finds its kind. The caller closes `ret_fd`, which stands at the
 * file's beginning. ERROR_NOT_FOUND: no such file. ERROR_INVALID, each with a text of its own: a folder
 * or other special file; what is neither text nor ZIP: an old workbook (.xls), a workbook with a
 * password, HTML or XML by the name of a table, PDF, pictures, other archives. */
bool file_open(const char *path, int *ret_fd, enum file_kind *ret_kind, struct error *err);

/* For CLEANUP. -1: nothing to close. */
void file_close(const int *fd);

#endif
