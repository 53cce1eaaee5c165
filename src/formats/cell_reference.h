/* "AB12": where a cell stands. */
#ifndef KIMONO_FORMATS_CELL_REFERENCE_H
#define KIMONO_FORMATS_CELL_REFERENCE_H

#include <stdint.h>

#define SHEET_ROWS_MAX 1048576
#define SHEET_COLUMNS_MAX 16384

/* Reads column (from 0) and row (from 1); what is not there is -1; beyond a billion it is only known to be more.
 * Gives what stands behind. */
const char *cell_reference_parse(const char *text, int64_t *ret_column, int64_t *ret_row);

/* The column's letters, of 0: "A". */
const char *cell_reference_letters(int64_t column, char ret_letters[static 16]);

#endif
