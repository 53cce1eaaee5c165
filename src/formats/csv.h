/* Reading tables of text: .csv (comma or semicolon) and .tsv, row by row, in constant memory.
 *
 * Encodings: text_encoding.h. What cannot be read ends the reading with ERROR_INVALID, the line and,
 * where it is known, the column: bytes that are wrong in the encoding, a NUL byte, a quote that is not
 * closed or not doubled, a field or row beyond its ceiling. A caller that must not do half of a file
 * reads it twice: the first time with a `take` that only looks.
 *
 * CSV (by libcsv): fields may be quoted, a quote inside is doubled, a quoted field may hold line
 * breaks. A quote in the middle of a field that does not begin with one is itself. Spaces around a
 * field are dropped unless they are quoted.
 * TSV: most programs that write it do not quote, spreadsheets do. See tsv.h for how both are read.
 *
 * Not here: what the columns mean (ops/transfer/import_export_service), writing (csv_writer.h), workbooks and
 * what kind of file it is at all (table.h). */
#ifndef KIMONO_FORMATS_CSV_H
#define KIMONO_FORMATS_CSV_H

#include "formats/table_row.h"
#include "formats/text_decoder.h"

#define CSV_FIELD_MAX ((size_t)64 << 10) /* bytes */
#define CSV_ROW_MAX ((size_t)256 << 10)  /* bytes, as they stand in the file */
#define CSV_COLUMNS_MAX 256

/* How the text is written. Zero: not known yet. */
struct csv_form {
    enum text_encoding encoding;
    struct text_encoding_guess guess; /* how sure that is; set if it was found out */
    char delimiter;                   /* ',', ';' or '\t' */
};

/* `form`: what is known; the rest is found out and filled in, the delimiter before the first row comes,
 * the encoding as soon as there is a byte beyond ASCII (an ASCII text becomes UTF-8 at its end). The
 * delimiter is the one of which the first rows have just as many as the heading, outside quotes; of
 * several such the one that the heading has most of. A first line "sep=;", as Excel has it, names the
 * delimiter and is no row. An input without any row is fine: `each` is not called. */
bool csv_read_form(const struct byte_source *source, struct csv_form *form, table_take each, void *context,
                   struct error *err);

/* The same if nobody asks for the form. `delimiter` 0: found out. */
bool csv_read(const struct byte_source *source, char delimiter, table_take each, void *context,
              struct error *err);

/* The same from a file. Tabs if its name ends in .tsv. Refused with a text of their own: a folder or
 * other special file, a workbook or whatever else is no text (file_kind.h). Errors begin with `path`. */
bool csv_read_file(const char *path, table_take each, void *context, struct error *err);

#endif
