/* A table in a file, whatever kind of file it is: .csv, .tsv, .xlsx. The kind is found by the contents
 * (file_kind.h), rows come one by one in bounded memory (csv.h, xlsx_reader.h), and cells that an export
 * made harmless come as they were (cell_guard.h).
 *
 *     CLEANUP(table_close) struct table *table = NULL;
 *     if (!table_open(path, &(struct table_options){0}, &table, err) ||
 *         !table_read(table, look, &survey, err) || !table_read(table, take, &import, err)) … */
#ifndef KIMONO_FORMATS_TABLE_H
#define KIMONO_FORMATS_TABLE_H

#include "formats/file_kind.h"
#include "formats/table_row.h"
#include "formats/text_encoding.h"

/* What is known beforehand; zero: found out. */
struct table_options {
    const char *sheet;            /* of a workbook; NULL: the first visible one with any row */
    char delimiter;               /* of a text: ',', ';' or '\t' */
    enum text_encoding encoding;  /* of a text */
    const char *temporary_folder; /* for the texts of large workbooks; NULL: $TMPDIR, else /tmp */
};

struct table_sheet {
    const char *name;
    bool hidden;
};

struct table;

/* The options' texts must live as long as the table. Errors as file_open, and of a workbook whatever is
 * wrong with it before its rows; they do not begin with the path. */
bool table_open(const char *path, const struct table_options *options, struct table **ret_table,
                struct error *err);
void table_close(struct table **table);

/* Reads all rows; as often as wanted, always the same sheet. ERROR_INVALID with the place: csv.h,
 * xlsx_reader.h. Damage may show only at the end. */
bool table_read(struct table *table, table_take take, void *context, struct error *err);

enum file_kind table_kind(const struct table *table);

/* Of a text, once table_read was done; a heading alone may leave the encoding open (UNKNOWN then). */
char table_delimiter(const struct table *table); /* '\0': not known, or a workbook */
enum text_encoding table_encoding(const struct table *table);
/* How sure it is; all zero: it was given, or marked. */
struct text_encoding_guess table_encoding_guess(const struct table *table);

/* Of a workbook: its sheets, those without rows (charts) left out; 0 of a text. Names live as long as the
 * table. */
size_t table_sheet_count(const struct table *table);
struct table_sheet table_sheet(const struct table *table, size_t index);
/* The sheet that table_read reads, or is reading; NULL: not known yet, or a text. */
const char *table_sheet_read(const struct table *table);

/* The first hidden sheet that has any row, for a workbook of which no other has; NULL: there is none, or it is a
 * text. The name lives as long as the table. */
const char *table_hidden_sheet_with_rows(struct table *table);

#endif
