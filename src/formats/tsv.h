/* One row of a tab-separated table. Programs that write TSV differ over quotes: most have none, and
 * there a quote is a letter like any other; spreadsheets quote a field that holds a tab, a line break
 * or a quote, and double the quotes inside. Both are read, by what each field looks like:
 *
 *   - A quote anywhere but at a field's beginning is literal.
 *   - A field that begins with a quote is quoted if the next quote that is not doubled stands before a
 *     tab or the end of a line. Else its quotes are literal.
 *   - If the quotes would enclose a tab or a line break, they are literal all the same when the lines
 *     have just as many columns as the heading without them: then nobody needed them. */
#ifndef KIMONO_FORMATS_TSV_H
#define KIMONO_FORMATS_TSV_H

#include <stdbool.h>
#include <stddef.h>

/* A field: where it stands in the row's bytes, and whether "" in it means ". */
struct tsv_field {
    size_t start, length;
    bool quoted;
};

/* Splits the row that begins at `bytes`; they reach to the end of the input or at least CSV_ROW_MAX far.
 * `columns` is the heading's count, 0 for the heading itself. Gives the row's length with its line
 * break; the first `most` fields are put into `ret_fields`, all are counted. */
size_t tsv_split(const char *bytes, size_t length, size_t columns, struct tsv_field *ret_fields, size_t most,
                 size_t *ret_count);

#endif
