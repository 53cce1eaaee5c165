/* Reading workbooks (.xlsx, .xlsm, .xltx; ECMA-376, transitional and strict), row by row, by libzip and
 * expat. Below 60 MB of memory whatever the file, besides what text_store.h puts on disk.
 *
 * What is read
 *   Cells as a person sees them: shared and inline texts (runs joined, without phonetic guides), numbers
 *   and dates as number_format.h shows them, TRUE and FALSE, errors as their text (#N/A), of formulas the
 *   value that was last computed; a formula whose value the program did not save is an empty cell.
 *   Hidden rows and columns are read like others: hiding is for the screen. Hidden sheets are read only if
 *   they are asked for by name. Of merged cells the value comes again in the rows below (merged_cells.h).
 *   Rows and cells may lack their number; then they follow the one before. Empty rows never come, empty
 *   cells at a row's end neither.
 *
 * What is refused, with ERROR_INVALID and a text of its own
 *   passwords, damage (a cut-off file, a wrong checksum, broken XML, a document type declaration), what is
 *   no workbook, and what is beyond a ceiling: SHEET_ROWS_MAX rows and SHEET_COLUMNS_MAX columns (Excel's),
 *   XLSX_TEXT_MAX bytes in a cell, XLSX_ROW_MAX in a row, XLSX_SHEET_MAX in a sheet as XML, those of
 *   package.h, xml_part.h, workbook.h, merged_cells.h.
 *   As with csv.h, damage may show only at the end: who must not do half of a file reads it twice. */
#ifndef KIMONO_FORMATS_XLSX_READER_H
#define KIMONO_FORMATS_XLSX_READER_H

#include "formats/cell_reference.h"
#include "formats/table_row.h"

#define XLSX_TEXT_MAX ((size_t)32767 * 4)  /* bytes; Excel's limit in characters */
#define XLSX_ROW_MAX ((size_t)4 << 20)     /* bytes of all its texts */
#define XLSX_SHEET_MAX ((uint64_t)1 << 30) /* bytes of XML */
#define XLSX_STRINGS_MAX ((uint64_t)512 << 20)
#define XLSX_STRING_COUNT_MAX ((uint64_t)16 << 20)
#define XLSX_EMPTY_SHEETS_MAX 16 /* that are looked through for the first with any row */

struct xlsx;

struct xlsx_sheet {
    const char *name;
    bool hidden;
};

/* `fd`, an open file, stays the caller's and must stay open. `temporary_folder` as in text_store.h, must
 * live as long. The texts are read with the first row, not here. */
bool xlsx_open(int fd, const char *temporary_folder, struct xlsx **ret_xlsx, struct error *err);
void xlsx_close(struct xlsx **xlsx);

/* At least one. The name lives as long as `xlsx`. */
size_t xlsx_sheet_count(const struct xlsx *xlsx);
struct xlsx_sheet xlsx_sheet(const struct xlsx *xlsx, size_t index);

/* Reads one sheet; as often as wanted. `sheet`: its name; NULL: the first visible one that has any row.
 * `ret_sheet` (may be NULL) gets the name of the one that was read, before its first row comes. */
bool xlsx_read(struct xlsx *xlsx, const char *sheet, table_take take, void *context, const char **ret_sheet,
               struct error *err);

#endif
