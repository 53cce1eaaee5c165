/* Question-answer pairs: one tenant's knowledge. Every change grows the tenant's revision, keeps its
 * counters and the platform's, and makes a changed text unsynced, all in one transaction. */
#ifndef KIMONO_PLATFORM_KNOWLEDGE_KNOWLEDGE_H
#define KIMONO_PLATFORM_KNOWLEDGE_KNOWLEDGE_H

#include "platform/audit/audit.h"
#include "platform/knowledge/quality.h"
#include "platform/platform.h"
#include "provider/vector_index.h"
#include "store/store.h"

#define QUESTION_MAX 2000 /* characters */
#define ANSWER_MAX 8000
#define CATEGORY_MAX 64

struct qa_pair {
    int64_t id;
    const char *tenant_id, *question, *answer, *category, *source;
    double quality_score;
    bool is_synced;
    int64_t synced_at, version, created_at, updated_at;
    int64_t template_id, template_version; /* of a new copy (0: of none); not read with a pair */
};
extern const struct descriptor qa_pair_descriptor;

/* Checks UTF-8, lengths (trimmed, platform/text_rules.h), control characters; question must not be
 * empty (an answer may be: such a pair is found but does not answer). Names all wrong fields. */
bool qa_pair_validate(const char *question, const char *answer, const char *category, struct error *err);

/* As in question_key of a row: the same for questions that are one to a reader (search/fold.h). */
int64_t qa_question_key(const char *question);
/* As in question_hash and text_hash of a row: of the trimmed texts. */
int64_t qa_question_hash(const char *question);
int64_t qa_text_hash(const char *question, const char *answer);

/* Within a transaction of the caller's, `revision` from tenant_next_revision (one for the whole
 * transaction). Counting is the caller's, once, by tenant_count_pairs. Texts are kept trimmed.
 * Of `pair` are used tenant_id, question, answer, category (NULL: none), source (NULL: manual),
 * created_at (0: now), and for data that is loaded whole is_synced with synced_at: the index holds
 * this text already; template_id with template_version: a copy of a template, whose counts are the
 * caller's too (platform/knowledge/templates.h). The version begins at 1, the quality as platform/knowledge/quality.h
 * says. */
bool qa_pair_insert(struct db *db, int64_t revision, const struct qa_pair *pair, int64_t *ret_id,
                    struct error *err);
/* The same of several at once. `ret_ids`: theirs, in their order; may be NULL. */
bool qa_pairs_insert(struct db *db, int64_t revision, const struct qa_pair *pairs, size_t count,
                     int64_t *ret_ids, struct error *err);
/* Puts question, answer and category into the tenant's live pair `pair->id`; a `pair->version` other
 * than 0 must be the present one, else ERROR_CONFLICT. ERROR_NOT_FOUND. `ret_was_synced`: it was
 * synced and, its text being another now, is not any more: the caller counts one more unsynced. The
 * same text stays as synced as it was. */
bool qa_pair_update_text(struct db *db, int64_t revision, const struct qa_pair *pair, bool *ret_was_synced,
                         struct error *err);
/* Within a transaction: the pair is a copy of that template, with the text of that version, or (version
 * `kept`, 0: none) with a text of its own that was decided to stay. Template 0: of none. No change of its
 * text; the template's counts are the caller's. */
bool qa_pair_set_link(struct db *db, int64_t id, int64_t template_id, int64_t template_version, int64_t kept,
                      struct error *err);
/* ---- the outbox of the vector index ----
 * A live pair with is_synced 0 is to be put into the index, a deleted one with a synced_hash to be taken out:
 * the row itself says so from the transaction of its change on, so no change is left out.
 * The marks say what an index has done, and how many more pairs are unsynced (`ret_unsynced`, -1 to 1) or
 * to be removed (`ret_removals`) now; the caller counts both. Whoever changed the pair meanwhile, or synced
 * it at the same time, makes it due again: what the index holds is then not known for certain. */

/* The index was given the pair's text of this hash. `ret_unsynced` -1: it is synced. */
bool qa_pair_mark_synced(struct db *db, int64_t id, int64_t text_hash, int64_t at, int64_t *ret_unsynced,
                         int64_t *ret_removals, struct error *err);
/* The tenant's pair, if there is one of this id, was taken out of the index. `ret_removals` -1: so it should
 * be. */
bool qa_pair_mark_removed(struct db *db, const char *tenant_id, int64_t id, int64_t *ret_unsynced,
                          int64_t *ret_removals, struct error *err);
/* The index was found to lack the text of this live pair of the tenant. */
bool qa_pair_mark_unsynced(struct db *db, const char *tenant_id, int64_t id, int64_t *ret_unsynced,
                           struct error *err);

/* Within a transaction: it gave an answer; and what a customer thought of that. Neither is a change of
 * its text. A pair that is gone is left alone. */
bool qa_pair_count_hit(struct db *db, int64_t id, struct error *err);
/* `good` and `bad`: so many more of each, -1 for one that was taken back. */
bool qa_pair_count_feedback(struct db *db, int64_t id, int good, int bad, struct error *err);
/* The live pair of the tenant with this question, in any width, case and form; of several that of the very text,
 * then the oldest. */
bool qa_pair_same_question(struct db *db, const char *tenant_id, const char *question, struct arena *arena,
                           struct qa_pair *ret_pair, bool *ret_found, struct error *err);
/* Pairs by id, in the order of `ids`; of this tenant and live only. */
bool qa_pairs_get(struct db *db, const char *tenant_id, const int64_t *ids, size_t count, struct arena *arena,
                  struct qa_pair *ret_pairs, size_t *ret_count, struct error *err);

/* The embedded index's source (provider/vector_index.h); the context is the struct store. */
bool knowledge_source(void *store, const char *tenant_id, int64_t since, pair_put put, void *put_context,
                      int64_t *ret_revision, struct error *err);

/* ---- editing (editing.c) ---- */

/* A pair with all that an edit needs, deleted or not. */
struct qa_pair_row {
    int64_t id;
    const char *tenant_id, *question, *answer, *category;
    int64_t version, updated_at, hit_count, good_count, bad_count;
    bool is_synced;
    int64_t synced_hash, text_hash;
    int64_t deleted_at;                    /* INT_NULL: it is live */
    int64_t template_id, template_version; /* INT_NULL: no copy */
};
bool qa_pair_row_read(struct db *db, int64_t id, struct arena *arena, struct qa_pair_row *ret_row,
                      bool *ret_found, struct error *err);

/* Edits of one tenant's pairs in one transaction: `{.db = db, .tenant_id = id}`, then the edits, then
 * qa_edits_finish, which counts them for the tenant and the platform. Copies of templates are counted at
 * once. `row`: of this tenant, as it was read in this transaction. */
struct qa_edits {
    struct db *db;
    const char *tenant_id;
    int64_t revision; /* 0: nothing was changed yet */
    int64_t pairs, unsynced, removals;
};
/* Gone from every list, and to be taken out of the index, whatever that holds of it. No new version. */
bool qa_pair_delete(struct qa_edits *edits, const struct qa_pair_row *row, const char *username, int64_t at,
                    struct error *err);
/* Back as it was, and to be synced: an index that was just asked to remove it may have done so or not.
 * ERROR_CONFLICT when a live pair has its question now. */
bool qa_pair_restore(struct qa_edits *edits, const struct qa_pair_row *row, struct error *err);
/* A new version with another category (trimmed; "": none); the text, and whether it is synced, stay. */
bool qa_pair_set_category(struct qa_edits *edits, const struct qa_pair_row *row, const char *category,
                          struct error *err);
/* As qa_pair_update_text, with version `row->version`. */
bool qa_pair_set_text(struct qa_edits *edits, const struct qa_pair_row *row, const char *question,
                      const char *answer, const char *category, struct error *err);
bool qa_edits_finish(struct qa_edits *edits, struct error *err);

/* Two scheduled tasks, some hundred pairs in each transaction; both may be broken off at any time. */

/* Removes for good what was deleted more than two days ago and is out of the index: a day for undo, and one
 * more, so that a job that took hours to delete can be undone whole. Of a template's copy the row stays: it
 * says that the tenant does not want it. `ret_purged`: pairs. */
bool qa_pairs_purge(struct store *store, int64_t *ret_purged, struct error *err);
/* Writes the quality of the pairs whose age has lowered it. `ret_aged`: pairs. */
bool qa_pairs_age(struct store *store, int64_t *ret_aged, struct error *err);

#endif
