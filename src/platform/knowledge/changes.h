/* What a job has changed in the knowledge, kept so that it can be undone: table knowledge_changes.
 *
 * A job that changes pairs notes each change in the transaction that makes it; an undo job
 * (ops/knowledge/undo.h) takes the notes back, newest first, and deletes each note in the transaction that
 * takes its change back. So what is left of the notes is what is left to undo, whenever it is broken off.
 * Notes are kept for KNOWLEDGE_UNDO_MS after the job's end.
 *
 * Cost: one row for each pair that is updated or deleted, one for each run of ids that a transaction creates, which is
 * all of them but for ids that the database has left out. */
#ifndef KIMONO_PLATFORM_KNOWLEDGE_CHANGES_H
#define KIMONO_PLATFORM_KNOWLEDGE_CHANGES_H

#include "platform/knowledge/knowledge.h"

#define KNOWLEDGE_UNDO_MS (24 * INT64_C(3600000)) /* how long a deletion or a job can be undone */

/* All within the transaction that makes the change. `job_id` NULL: no job, so nothing is noted. */

/* The pairs with these ids are new, all of this tenant and made by this transaction. */
bool knowledge_change_created(struct db *db, const char *job_id, const char *tenant_id, const int64_t *ids,
                              size_t count, struct error *err);
/* The pair `before->id` of `before->tenant_id` has other texts or another category now, and this version
 * (before->version + 1, after qa_pair_update_text). Of `before` are used id, tenant_id, question, answer,
 * category, as they were; question and answer NULL: they have not changed. */
bool knowledge_change_updated(struct db *db, const char *job_id, const struct qa_pair *before,
                              int64_t version_after, struct error *err);
/* The pair of this version was deleted at `deleted_at` (as in its row). */
bool knowledge_change_deleted(struct db *db, const char *job_id, const char *tenant_id, int64_t id,
                              int64_t version, int64_t deleted_at, struct error *err);

/* ---- undoing ---- */

enum knowledge_change_kind { CHANGE_CREATED, CHANGE_UPDATED, CHANGE_DELETED };

struct knowledge_change {
    int64_t id;
    int64_t kind; /* enum knowledge_change_kind */
    const char *tenant_id;
    int64_t first_id, last_id;                /* the pair; of CHANGE_CREATED all pairs from here to there */
    int64_t version;                          /* after the change */
    int64_t deleted_at;                       /* of CHANGE_DELETED */
    const char *question, *answer, *category; /* before; NULL: not changed */
};

/* The newest changes of the job that have not been taken back, newest first, at most `limit`. */
bool knowledge_changes_read(struct db *db, const char *job_id, size_t limit, struct arena *arena,
                            struct knowledge_change *ret_changes, size_t *ret_count, struct error *err);
/* How many pairs they are about. */
bool knowledge_changes_count(struct db *db, const char *job_id, int64_t *ret_pairs, struct error *err);
/* Within a transaction: the pairs from `from_id` on of this change are as they were before it (or are left as
 * they are for good); from its first_id: the whole change. */
bool knowledge_change_forget(struct db *db, const struct knowledge_change *change, int64_t from_id,
                             struct error *err);
/* Within a transaction: this job undoes the other. ERROR_CONFLICT when that has changed nothing, or was
 * undone already: one undo that was cancelled or has failed can be followed by another. */
bool knowledge_undo_claim(struct db *db, const char *job_id, const char *undo_job_id, struct error *err);

/* Deletes the changes of jobs that ended more than KNOWLEDGE_UNDO_MS ago and that no open job is undoing,
 * some hundred rows in a transaction. A scheduled task. `ret_deleted`: rows. */
bool knowledge_changes_sweep(struct store *store, int64_t *ret_deleted, struct error *err);

#endif
