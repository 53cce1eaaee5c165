#include "formats/tsv.h"

#include <string.h>

#include "formats/csv.h"

#define QUOTED_MAX (2 * CSV_FIELD_MAX) /* all of it doubled quotes */

static bool tsv_ends_field(const char *bytes, size_t length, size_t at)
{
    return at >= length || bytes[at] == '\t' || bytes[at] == '\n' || bytes[at] == '\r';
}

static size_t tsv_line_end(const char *bytes, size_t length, size_t from)
{
    while (from < length && bytes[from] != '\n' && bytes[from] != '\r')
        from++;
    return from;
}

static size_t tsv_after_break(const char *bytes, size_t length, size_t at)
{
    if (at < length && bytes[at] == '\r')
        at++;
    else if (at < length && bytes[at] == '\n')
        return at + 1;
    return at < length && bytes[at] == '\n' ? at + 1 : at;
}

/* Columns of the line that begins at `from`, quotes being literal. */
static size_t tsv_plain_columns(const char *bytes, size_t length, size_t from)
{
    size_t count = 1, end = tsv_line_end(bytes, length, from);
    for (size_t i = from; i < end; i++)
        count += bytes[i] == '\t';
    return count;
}

/* The place of the quote that closes the one at `open`; 0: none does, or so far away that the field
 * would be too large. */
static size_t tsv_closing_quote(const char *bytes, size_t length, size_t open)
{
    size_t limit = open + QUOTED_MAX < length ? open + QUOTED_MAX : length;
    for (size_t i = open + 1; i < limit; i++) {
        if (bytes[i] != '"')
            continue;
        if (i + 1 >= length || bytes[i + 1] != '"')
            return tsv_ends_field(bytes, length, i + 1) ? i : 0;
        i++;
    }
    return 0;
}

struct row {
    const char *bytes;
    size_t length, columns;
};

/* Without the quotes, this line (and the next, if they enclose a line break) would have the heading's
 * number of columns. */
static bool tsv_fits_unquoted(const struct row *row, bool encloses_break)
{
    if (tsv_plain_columns(row->bytes, row->length, 0) != row->columns)
        return false;
    size_t next = tsv_after_break(row->bytes, row->length, tsv_line_end(row->bytes, row->length, 0));
    return !encloses_break || next >= row->length ||
           tsv_plain_columns(row->bytes, row->length, next) == row->columns;
}

static bool tsv_is_quoted(const struct row *row, size_t open, size_t *ret_close)
{
    if (open >= row->length || row->bytes[open] != '"')
        return false;
    size_t close = tsv_closing_quote(row->bytes, row->length, open);
    if (close == 0)
        return false;
    *ret_close = close;
    bool encloses_break = tsv_line_end(row->bytes, row->length, open) < close;
    bool encloses_tab = memchr(row->bytes + open, '\t', close - open) != NULL;
    return !(encloses_break || encloses_tab) || !tsv_fits_unquoted(row, encloses_break);
}

size_t tsv_split(const char *bytes, size_t length, size_t columns, struct tsv_field *ret_fields, size_t most,
                 size_t *ret_count)
{
    struct row row = {bytes, length, columns};
    size_t at = 0, count = 0, close;
    for (;;) {
        struct tsv_field field = {.start = at};
        if (tsv_is_quoted(&row, at, &close))
            field = (struct tsv_field){.start = at + 1, .length = close - at - 1, .quoted = true};
        else
            while (!tsv_ends_field(bytes, length, at + field.length))
                field.length++;
        if (count < most)
            ret_fields[count] = field;
        count++;
        at = field.start + field.length + field.quoted;
        if (at >= length || bytes[at] != '\t')
            break;
        at++;
    }
    *ret_count = count;
    return tsv_after_break(bytes, length, at);
}
