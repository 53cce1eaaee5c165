/* What a workbook says of itself before its first row: sheets, date system, number formats, where its
 * parts are (workbook.xml, the relations, styles.xml). */
#ifndef KIMONO_FORMATS_WORKBOOK_H
#define KIMONO_FORMATS_WORKBOOK_H

#include "base/arena.h"
#include "formats/number_format.h"
#include "formats/package.h"

#define WORKBOOK_SHEETS_MAX 1024
#define WORKBOOK_FORMATS_MAX 4096 /* of its own */
#define WORKBOOK_STYLES_MAX 65536

struct workbook_sheet {
    const char *name; /* UTF-8 */
    const char *part; /* in the package */
    bool hidden;
};

struct workbook {
    struct arena arena; /* all texts here */
    size_t sheet_count; /* worksheets; charts have no rows */
    struct workbook_sheet *sheets;
    const char *shared_strings;     /* part; NULL: it has none */
    struct number_workbook numbers; /* its dates, and its language by fonts and formats */
    size_t style_count;
    struct number_style *formats; /* of each style (a cell's `s`) */
};

/* ERROR_INVALID, each with a text of its own: a package that is something else (Word, OpenDocument, a
 * program, any ZIP), no worksheets, broken or oversized parts. Release it also after a failure. */
bool workbook_read(struct package *package, struct workbook *workbook, struct error *err);
void workbook_release(struct workbook *workbook);

#endif
