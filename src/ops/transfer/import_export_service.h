/* Question-answer pairs from tables (.xlsx, .csv, .tsv) into one tenant's knowledge, and everyone's
 * knowledge into such tables again.
 *
 *   import_headings.c  what people call the columns, and what looks like a heading
 *   import_columns.c   which column is which, and what is wrong with a row
 *   import_warnings.c  what was guessed
 *   import_spool.c     the rows of a file, waiting in a temporary one
 *   import.c           the import itself; import_run.h says which files it has
 *   import_errors.c    the rows that failed, to correct and import again
 *   import_job.c       an import as a job, and the files that were sent for it
 *   import_preview.c   the first rows, and what their columns will be taken for
 *   export.c           the other way
 */
#ifndef KIMONO_OPS_TRANSFER_IMPORT_EXPORT_SERVICE_H
#define KIMONO_OPS_TRANSFER_IMPORT_EXPORT_SERVICE_H

#include "formats/csv_writer.h"
#include "formats/text_encoding.h"
#include "ops/knowledge/knowledge_manager.h"
#include "platform/jobs/jobs.h"

/* ---- import: what is asked for ---- */

#define IMPORT_BATCH 1000     /* rows of a transaction, at most */
#define IMPORT_ERRORS_MAX 100 /* that are kept with the figures; all are counted */
#define IMPORT_KIND "knowledge.import"

enum import_mode {
    IMPORT_UPSERT, /* a question that is there gets the file's answer (and category, if it has one) */
    IMPORT_CREATE, /* a question that is there is an error of its row */
    IMPORT_SKIP,   /* a question that is there stays as it is */
};
extern const char *const import_modes[]; /* "upsert", "create", "skip", NULL */
bool import_mode_parse(const char *name, enum import_mode *ret_mode);
const char *import_mode_name(enum import_mode mode);

enum import_column { IMPORT_QUESTION, IMPORT_ANSWER, IMPORT_CATEGORY, IMPORT_COLUMNS };
#define IMPORT_ABSENT SIZE_MAX /* place of a column that there is not */

/* Which column is which, by its place from 0. All zero: found out. */
enum import_heading { IMPORT_HEADING_AUTO, IMPORT_HEADING_FIRST_ROW, IMPORT_HEADING_NONE };
extern const char *const import_headings[]; /* "auto", "yes", "no", NULL */
bool import_heading_parse(const char *name, enum import_heading *ret_heading);
struct import_columns {
    bool given;
    size_t places[IMPORT_COLUMNS];
    enum import_heading heading;
};
/* {"question":0,"answer":2,"category":1,"heading":true}; question and answer must be there. `heading`:
 * whether the first row is one; left out: if it names a column that is known. ERROR_INVALID names the
 * field `columns`. */
bool import_columns_parse(const char *json, struct import_columns *ret_columns, struct error *err);

struct import_request {
    const char *path;
    const char *file; /* its name for people; NULL: that of the path */
    const char *tenant_id;
    enum import_mode mode;
    bool dry_run;                /* the same result, nothing changed */
    const char *sheet;           /* of a workbook; NULL: the first visible one with any row */
    enum text_encoding encoding; /* of a text; UNKNOWN: found out, or refused where that is not sure */
    struct import_columns columns;
    bool takes_other_tenants; /* rows whose column "Tenant ID" names another one; else they fail */
    const struct actor *actor;
    /* Called between two batches; false stops the import (ERROR_CONFLICT). May be NULL. */
    bool (*progress)(void *context, int64_t done, int64_t total);
    void *context;
};

/* ---- import: what came of it ---- */

/* What had to be guessed, or is to be known before one relies on the import; one of each kind. */
enum import_warning_kind {
    IMPORT_WARNING_ENCODING,      /* likely, not sure */
    IMPORT_WARNING_HEADING,       /* its names are only like those that are known */
    IMPORT_WARNING_FIRST_ROW,     /* taken for a pair, though it may be a heading */
    IMPORT_WARNING_NUMBER_FORMAT, /* of a workbook: shown in another way than there */
    IMPORT_WARNING_DIGITS,        /* of a workbook: a number so long that its last digits are lost */
    IMPORT_WARNING_OTHER_TENANT,
    IMPORT_WARNING_KINDS
};
struct import_warning {
    const char *code;    /* encoding, heading, first_row, number_format, digits, other_tenants */
    int64_t row;         /* the first; 0: the whole file */
    int64_t count;       /* rows; 0: the whole file */
    const char *message; /* in the language */
};
struct import_warnings {
    struct {
        int64_t row, count;
        char message[LANGUAGE_COUNT][256]; /* "": there is no such warning */
    } kinds[IMPORT_WARNING_KINDS];
};
/* Those that there are, in the language; the texts are the arena's. */
struct import_warning *import_warnings_list(const struct import_warnings *warnings, enum language language,
                                            struct arena *arena, size_t *ret_count);

struct import_error {
    int64_t row;     /* as a spreadsheet counts: the first is 1 */
    char column[32]; /* question, answer, category; "": the whole row */
    char message[LANGUAGE_COUNT][160];
};

struct import_result {
    int64_t total; /* rows without the heading and without empty ones */
    int64_t created, updated;
    int64_t skipped; /* there with the same text, or repeated in the file */
    int64_t failed;
    size_t error_count;
    struct import_error errors[IMPORT_ERRORS_MAX];
    struct import_warnings warnings;
};

/* Columns are known by their heading (import_headings.c), in any order, case and width, in Chinese, English,
 * Japanese or Korean: question (问题, 質問, q), answer (答案, 回答, a), category (分类, カテゴリ; may be absent), also
 * with marks around it ("问题*", "答案（必填）:"). Others are ignored, but for "Tenant ID", as an export has it:
 * a row of another tenant fails unless the request says that it is meant. If the first row names none of those,
 * it is a row like the others and the first column is the question, the second the answer, the third the
 * category; unless it looks like a heading: then the file is refused until the request says what it is. So is a
 * file whose heading stands below other rows. Rows of which all cells are empty are none.
 *
 * The file is read once, into a temporary one, and only when all of it could be read (encoding, quotes,
 * archive) does anything change. Then rows are written in transactions of IMPORT_BATCH: an import that is
 * killed leaves whole batches, counted and unsynced as they should be, and importing the file again
 * (IMPORT_UPSERT) completes it. The last transaction holds the audit row `knowledge.import` with the
 * figures; one that fails midway leaves one with the result 'failed'.
 *
 * A question that stands in the file several times is one pair: in IMPORT_UPSERT the last row with it
 * counts, else the first; the others are 'skipped' (IMPORT_CREATE: 'failed'). So the same file again
 * changes nothing, whatever is in it.
 *
 * Memory: some 10 MB, and what a workbook's reader needs, however long the file. On disk: the texts that
 * are taken, IMPORT_SPOOL_MAX at most.
 *
 * ERROR_NOT_FOUND: no such tenant or file. ERROR_INVALID: the file cannot be used; the detail says why.
 * False after some batches were written says how many rows. Rows that are wrong are no failure: they
 * are in `ret_result`. Slow: on a worker. */
bool import_file(struct store *store, const struct import_request *request, struct import_result *ret_result,
                 struct error *err);
#define IMPORT_SPOOL_MAX (INT64_C(1) << 30) /* bytes */

/* ---- import: as a job ---- */

/* Keeps the file as DIR/uploads/JOB until a day after the job's end and queues the job, with an audit row
 * knowledge.import of what was asked. `request`: as for import_file; of path the upload's descriptor `fd`
 * stands in the place, `file` is its name as it was sent. What shows at the file's beginning is refused
 * here: ERROR_INVALID names the field. ERROR_UNAVAILABLE: the disk is full. On a worker. */
bool import_ask(struct platform *platform, int fd, const struct import_request *request,
                enum language language, struct arena *arena, struct job *ret_job, struct error *err);

/* The job's kind; resumes: what is done is counted in the transaction that does it. Its items are the rows
 * that failed: seq is the row, outcome "failed", detail {"column","message":{"en","zh"},"cells":[…]}. Its
 * result: {"total","created","updated","skipped","failed","errors":[first IMPORT_ERRORS_MAX
 * {"row","column","message"}],"warnings":[{"code","message","row","count"}],"mode","dry_run","file","headings":[…]}.
 * Its changes can be undone
 * (platform/knowledge/changes.h). */
bool import_job_run(struct job_run *run, struct error *err);

/* Deletes the files of jobs that ended more than a day ago, and workbooks that a killed process has left. A
 * scheduled task. */
bool import_sweep_uploads(struct platform *platform, int64_t *ret_deleted, struct error *err);

/* The rows of the job that failed, as .csv: row, error, and their cells as they were under the file's own
 * heading, so that they can be corrected and imported as they stand. Read in batches; no read connection is
 * held while `sink` waits. ERROR_NOT_FOUND: no such import. */
bool import_errors_write(struct store *store, const char *job_id, enum language language,
                         const struct byte_sink *sink, struct error *err);
/* Whether there is such a job: ERROR_NOT_FOUND. */
bool import_job_exists(struct store *store, const char *job_id, struct error *err);

/* ---- import: the preview ---- */

#define IMPORT_PREVIEW_ROWS 10     /* that are shown */
#define IMPORT_PREVIEW_COLUMNS 256 /* of each */
#define IMPORT_PREVIEW_TEXT 200    /* characters of each cell; then … */
#define IMPORT_PREVIEW_READ 1000   /* rows that are looked at */

struct import_preview_column {
    int64_t place;
    const char *heading;   /* NULL: the first row is no heading */
    const char *taken_for; /* question, answer, category; NULL: ignored */
};
struct import_preview_row {
    const char *const *cells;
    size_t cells_count;
};
struct import_preview {
    const char *format;               /* xlsx, csv, tsv */
    const char *encoding, *delimiter; /* of a text; else NULL */
    const char *const *sheets;        /* of a workbook, those that are not hidden first */
    size_t sheets_count;
    const char *sheet; /* the one that is read; NULL: a text */
    struct import_preview_column *columns;
    size_t columns_count;
    struct import_preview_row *rows;
    size_t rows_count;
    int64_t total_rows_at_least;
    const char *problem; /* why it could not be imported like this, in the language; NULL: it can */
    const char
        *asks_for; /* the parameter that would put it right: encoding, heading, columns; NULL: none would */
    struct import_warning *warnings;
    size_t warnings_count;
    const char *const *encodings; /* of a text: those that it may be in, the likeliest first */
    size_t encodings_count;
};
extern const struct descriptor import_preview_descriptor;

/* `fd` is read from its beginning, whatever its position. Texts are the arena's. `temporary_folder` as in
 * formats/table.h. ERROR_INVALID names the field `file`. */
bool import_preview(int fd, const struct import_request *request, enum language language,
                    const char *temporary_folder, struct arena *arena, struct import_preview *ret_preview,
                    struct error *err);

/* ---- export ---- */

enum export_format { EXPORT_CSV, EXPORT_TSV, EXPORT_XLSX };

struct export_request {
    struct qa_filter filter;
    enum export_format format;
    enum language language; /* of the headings */
    const struct actor *actor;
};

/* The pairs that the filter admits, in order of id, read in batches on connections that are given back in
 * between, in constant memory: tenant, texts, source, quality, sync state, time of the last edit. Imported
 * again into the same tenant it changes nothing: cells that a spreadsheet would compute are made harmless
 * in a way that reading takes back (formats/cell_guard.h). At its end, or where it breaks off, an audit row
 * knowledge.export says how many pairs were given out.
 *
 * `sink` takes .csv (with a byte order mark) or .tsv. */
bool export_text(const struct platform *platform, const struct export_request *request,
                 const struct byte_sink *sink, int64_t *ret_count, struct error *err);
/* A workbook at `path`, which is replaced; `temporary_folder` (NULL: $TMPDIR, else /tmp) holds its rows
 * meanwhile. */
bool export_workbook(const struct platform *platform, const struct export_request *request, const char *path,
                     const char *temporary_folder, int64_t *ret_count, struct error *err);

#endif
