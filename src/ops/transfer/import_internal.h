/* Shared by the files of the import only. */
#ifndef KIMONO_OPS_TRANSFER_IMPORT_INTERNAL_H
#define KIMONO_OPS_TRANSFER_IMPORT_INTERNAL_H

#include "formats/table.h"
#include "ops/transfer/import_export_service.h"

/* ---- columns (import_columns.c) ---- */

/* What the first row looks like, and those below, as long as the request does not say whether it is a heading. */
struct import_first_row {
    int64_t number;
    bool is_suspect;            /* all of it could be names of columns */
    size_t like_names;          /* cells made of words that such names are made of */
    bool like_text;             /* one of them as a question or an answer is called */
    bool is_words;              /* all of it is words in ASCII */
    size_t longest;             /* characters of its longest cell */
    size_t rows, alike, longer; /* below: looked at, that look just so, that are much longer */
    char text[160];             /* for messages */
};

struct import_layout {
    const struct import_request *request;
    struct import_warnings *warnings;
    bool has_heading; /* the first row is one */
    bool is_guessed;  /* whether it is: the request does not say */
    bool is_workbook; /* then empty cells at a row's end are not there */
    size_t places[IMPORT_COLUMNS];
    size_t tenant_place; /* of the column with the row's tenant */
    size_t count;        /* columns of the first row */
    struct import_first_row first;
};
extern const char *const import_column_names[IMPORT_COLUMNS + 1]; /* NULL-terminated */
/* What is known from the first row, even if it is not enough to import. `layout` has request, warnings and
 * is_workbook. */
bool import_layout_guess(struct import_layout *layout, const struct table_row *first, struct error *err);
/* ERROR_INVALID: question or answer is missing. */
bool import_layout_check(const struct import_layout *layout, const struct table_row *first,
                         struct error *err);
/* Each row, before it is read. ERROR_INVALID: the first row was taken for a pair, and this one is
 * the heading. */
bool import_layout_look(struct import_layout *layout, const struct table_row *cells, struct error *err);
/* When all rows were looked at. ERROR_INVALID: the first one looks like a heading, and the request does not say whether
 * it is. */
bool import_layout_finish(struct import_layout *layout, struct error *err);

/* ---- names of columns (import_headings.c) ---- */

/* Whatever its case, its width and the marks around it ("答案（必填）", "Question *"). False: not a column that is
 * taken. `ret_rank`: of two with one meaning the lower counts; 0: one such name makes the row a heading. */
bool import_heading_find(const char *heading, enum import_column *ret_column, int *ret_rank);
bool import_heading_is_tenant(const char *heading);
/* Short, and no sentence, question or number. */
bool import_heading_is_label(const char *cell);
/* Of ASCII letters. */
bool import_heading_is_word(const char *cell);
/* A label made of words that names of columns are made of: the enum import_column that it is like,
 * IMPORT_COLUMNS: one that is not taken; -1: it is not. */
int import_heading_is_like(const char *cell);

/* ---- what was guessed (import_warnings.c) ---- */

/* Only the first of a kind is described; `row` 0: it is about the file, else rows are counted. */
void import_warn(struct import_warnings *warnings, enum import_warning_kind kind, int64_t row, const char *en,
                 const char *zh, ...) __attribute__((format(printf, 4, 6), format(printf, 5, 6)));

/* ---- the file (import_file.c) ---- */

/* `path`: where it is. */
bool import_table_open(const struct import_request *request, const char *path, const char *file,
                       const char *temporary_folder, struct table **ret_table, struct error *err);
/* Once the table was read: whether its encoding is sure. ERROR_INVALID: it is not. */
bool import_check_encoding(const struct table *table, struct import_warnings *warnings, struct error *err);
/* Why there is no row. Returns false. */
bool import_nothing_found(struct table *table, struct error *err);

/* ---- a row ---- */

struct import_row {
    int64_t number;
    const char *texts[IMPORT_COLUMNS]; /* category NULL: the file has no such column */
    size_t error_count;                /* 0: it can be imported as far as one can tell */
    const struct import_error *errors;
    size_t cell_count; /* 0 unless it may fail: what the row's cells were */
    const char *const *cells;
};

/* Nothing but white space: such a row is none. */
bool import_row_is_empty(const struct table_row *cells);
/* The row's texts, with all that is wrong with them in `err`. Texts are the table row's. */
bool import_row_read(const struct import_layout *layout, const struct table_row *cells,
                     struct import_row *ret_row, struct error *err);

/* ---- rows that wait (import_spool.c) ---- */

struct import_spool;

/* `folder` as in base/temporary_file.h. */
bool import_spool_open(const char *folder, struct import_spool **ret_spool, struct error *err);
void import_spool_close(struct import_spool **spool);
/* `wrong`: what is wrong with the row, NULL: nothing. `cells`: kept with it as far as there is room for them
 * (IMPORT_CELLS_MAX bytes); NULL: they will not be asked for. ERROR_INVALID beyond IMPORT_SPOOL_MAX;
 * ERROR_UNAVAILABLE: the disk is full. */
bool import_spool_put(struct import_spool *spool, const struct import_row *row, const struct error *wrong,
                      const struct table_row *cells, struct error *err);
/* All have been put: the next one that is read is the first. */
bool import_spool_rewind(struct import_spool *spool, struct error *err);
/* The texts are the arena's. */
bool import_spool_next(struct import_spool *spool, struct arena *arena, struct import_row *ret_row,
                       bool *ret_found, struct error *err);
#define IMPORT_CELLS_MAX ((size_t)64 << 10)

/* ---- the import (import.c) ---- */

/* With a job `run` is its, the figures go on from where it was, and what fails becomes its items. */
bool import_run(struct store *store, const struct import_request *request, struct job_run *run,
                enum language language, const char *temporary_folder, struct import_result *ret_result,
                struct error *err);
/* The last part of a path. */
const char *import_file_name(const char *path);

/* ---- what failed (import_errors.c) ---- */

/* The detail of a failed row's item, into `out`. */
void import_write_detail(const struct import_row *row, struct strbuf *out);

#endif
