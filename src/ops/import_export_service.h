/* Question-answer pairs from files (.csv, .tsv) into one tenant's knowledge. Export and .xlsx come in
 * a later phase.
 *
 * The file's columns are known by their heading, in any order and case: question (问题, 質問), answer
 * (答案, 回答), category (分类, カテゴリ; may be absent). Others are ignored.
 *
 * The file is read twice. The first time changes nothing: a file that is broken (encoding, quotes,
 * heading) is refused as a whole, with the line. The second time writes, in transactions of
 * IMPORT_BATCH rows: an import that is killed leaves whole batches, counted and unsynced as they
 * should be, and importing the file again (IMPORT_UPSERT) completes it. The last transaction holds the
 * audit row `knowledge.import` with the figures; one that fails midway leaves one with the result
 * 'failed'.
 *
 * A question that stands in the file several times is one pair: in IMPORT_UPSERT the last row with it
 * counts, else the first; the others are 'skipped' (IMPORT_CREATE: 'failed'). So the same file again
 * changes nothing, whatever is in it.
 *
 * Memory: some 5 MB, however long the file. */
#ifndef KIMONO_OPS_IMPORT_EXPORT_SERVICE_H
#define KIMONO_OPS_IMPORT_EXPORT_SERVICE_H

#include "platform/audit.h"
#include "store/store.h"

#define IMPORT_BATCH 500
#define IMPORT_ERRORS_MAX 100 /* that are kept; all are counted */

enum import_mode {
    IMPORT_UPSERT, /* a question that is there gets the file's answer (and category, if it has one) */
    IMPORT_CREATE, /* a question that is there is an error of its row */
    IMPORT_SKIP,   /* a question that is there stays as it is */
};
bool import_mode_parse(const char *name, enum import_mode *ret_mode); /* "upsert", "create", "skip" */
const char *import_mode_name(enum import_mode mode);

struct import_error {
    int64_t row;     /* as a spreadsheet counts: the heading is row 1 */
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
};

struct import_request {
    const char *path;
    const char *tenant_id;
    enum import_mode mode;
    bool dry_run; /* the same result, nothing changed */
    const struct actor *actor;
    /* Called between two batches; false stops the import (ERROR_CONFLICT). May be NULL. */
    bool (*progress)(void *context, int64_t done, int64_t total);
    void *context;
};

/* ERROR_NOT_FOUND: no such tenant or file. ERROR_INVALID: the file cannot be used; the detail says why.
 * False after some batches were written says how many rows. Rows that are wrong are no failure: they
 * are in `ret_result`. Slow: on a worker. */
bool import_file(struct store *store, const struct import_request *request, struct import_result *ret_result,
                 struct error *err);

#endif
