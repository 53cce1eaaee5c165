/* Shared by the files of one import only:
 *
 *   import.c          the run: batches of rows, each in its transaction
 *   import_reading.c  the file, once: is it whole, what is a row, which questions stand in it several times
 *   import_writing.c  a row in the store: created, updated, skipped or failed
 *   import_report.c   what came of it: the job's row, the audit log */
#ifndef KIMONO_OPS_TRANSFER_IMPORT_RUN_H
#define KIMONO_OPS_TRANSFER_IMPORT_RUN_H

#include "ops/transfer/import_internal.h"
#include "ops/transfer/import_known.h"
#include "ops/transfer/import_repeats.h"
#include "platform/knowledge/knowledge.h"

/* A row of the batch, and what is done with it. */
enum verdict { UNDECIDED, CREATED, UPDATED, SKIPPED, FAILED };
struct item {
    struct import_row row;
    bool repeated; /* another row of the file stands for its question */
    enum verdict verdict;
};

#define FRESH_MAX 100 /* new pairs that are inserted at once */

struct import {
    struct store *store;
    const struct import_request *request;
    struct job_run *run; /* NULL: no job */
    enum language language;
    const char *file;
    const char *job_id; /* whose changes can be undone; NULL: no job */

    /* The reading. */
    struct import_layout layout;
    struct import_warnings warnings;
    struct import_spool *spool;
    struct repeats *repeats;
    int64_t rows; /* without the heading */
    bool stopped; /* the process ends: there is work left */
    struct arena texts;
    const char **headings; /* in the texts */
    size_t heading_count;

    /* The writing. */
    struct import_result *result; /* of all transactions that are done */
    struct import_result *next;   /* and of this one: set by the work, which may run twice */
    int64_t done;                 /* rows in transactions that are done */
    struct known_questions *known;
    struct arena arena; /* the batch's */
    struct item items[IMPORT_BATCH];
    size_t item_count;

    /* Of this transaction; set by the work. */
    int64_t revision, unsynced;
    struct qa_pair fresh[FRESH_MAX]; /* to be inserted; their texts are the batch's */
    size_t fresh_count;
    int64_t created_ids[IMPORT_BATCH];
    size_t created_count;
};

/* ---- import_reading.c ---- */

/* All rows into the spool. Sets `stopped` if the process ends meanwhile. */
bool import_read_file(struct import *import, const char *temporary_folder, struct error *err);
uint64_t import_hash_question(const struct import_row *row);

/* ---- import_writing.c: within a transaction, or, of a dry run, on a connection that reads ---- */

/* The batch's rows; sets their verdicts, `next` and what is of this transaction. */
bool import_write_batch(struct db *db, struct import *import, struct error *err);
/* Counts what import_write_batch has written, and notes it for undo. */
bool import_count_batch(struct db *db, const struct import *import, struct error *err);

/* ---- import_report.c ---- */

/* The figures of an earlier run of the job, which stand for the rows that it has done. */
bool import_resume(struct import *import, struct error *err);
/* Within a transaction: the job's progress with the batch, and its failed rows. Nothing without a job. */
bool import_report(struct db *db, struct import *import, struct error *err);
bool import_audit(struct db *db, const struct import *import, struct error *err);
/* What was written before the failure `err` stays: `err` and an audit row say so. Returns false. */
bool import_report_failure(struct import *import, struct error *err);

#endif
