/* Merged cells: a workbook keeps their value in the first one only.
 *
 * A value stands for the rows below it (a category over its questions), so it is repeated downwards, in
 * the range's first column. It is not repeated to the right: there cells are merged for their width, and
 * a heading would come several times. */
#ifndef KIMONO_FORMATS_MERGED_CELLS_H
#define KIMONO_FORMATS_MERGED_CELLS_H

#include "formats/package.h"

#define MERGED_CELLS_MAX 100000
#define MERGED_TEXT_MAX ((size_t)8 << 20) /* bytes that may have to be remembered at once */

struct merged_cells;

/* Reads a sheet's ranges: they stand behind its rows. NULL if there are none that reach downwards. */
bool merged_cells_read(struct package *package, const char *part, uint64_t ceiling,
                       struct merged_cells **ret_cells, struct error *err);
void merged_cells_free(struct merged_cells **cells);

/* Every row, in order: remembers the values from which a range begins, and puts them where it goes on.
 * `fields` has `room` places, empty ones are "", the first `*count` of them are the row's; the count may
 * grow. The texts put are valid until the next call. */
bool merged_cells_fill(struct merged_cells *cells, int64_t row, const char **fields, size_t room,
                       size_t *count, struct error *err);
/* From the first row again. */
void merged_cells_rewind(struct merged_cells *cells);

#endif
