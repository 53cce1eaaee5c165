/* Shared by the files of the import only. */
#ifndef KIMONO_OPS_IMPORT_INTERNAL_H
#define KIMONO_OPS_IMPORT_INTERNAL_H

#include "formats/table.h"
#include "ops/import_export_service.h"

/* ---- columns (import_columns.c) ---- */

struct import_layout {
    bool has_heading; /* the first row is one */
    bool is_guessed;  /* whether it is: nobody has said */
    bool is_workbook; /* then empty cells at a row's end are not there */
    size_t places[IMPORT_COLUMNS];
    size_t count; /* columns of the first row */
};
extern const char *const import_column_names[IMPORT_COLUMNS];
/* Whatever its case and the marks around it ("答案（必填）", "Question *"). False: not a column that is taken. */
bool import_heading_find(const char *heading, enum import_column *ret_column);
/* What is known from the first row, even if it is not enough to import. */
bool import_layout_guess(const struct import_columns *columns, const struct table_row *first,
                         bool is_workbook, struct import_layout *ret_layout, struct error *err);
/* ERROR_INVALID: question or answer is missing. */
bool import_layout_check(const struct import_layout *layout, const struct table_row *first,
                         struct error *err);

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
/* ERROR_INVALID: the first row was taken for a pair, and this one is the heading. */
bool import_heading_is_first(const struct import_layout *layout, const struct table_row *cells,
                             struct error *err);

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

/* ---- the import (knowledge_import.c) ---- */

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
