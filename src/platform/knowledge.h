/* Question-answer pairs: one tenant's knowledge. Every change grows the tenant's revision, keeps its
 * counters and the platform's, and makes a changed text unsynced, all in one transaction. */
#ifndef KIMONO_PLATFORM_KNOWLEDGE_H
#define KIMONO_PLATFORM_KNOWLEDGE_H

#include "platform/audit.h"
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
};
extern const struct descriptor qa_pair_descriptor;

/* Checks UTF-8, lengths (trimmed, platform/text_rules.h), control characters; question must not be
 * empty (an answer may be: such a pair is found but does not answer). Names all wrong fields. */
bool qa_pair_validate(const char *question, const char *answer, const char *category, struct error *err);

/* Within a transaction of the caller's, `revision` from tenant_next_revision (one for the whole
 * transaction). Counting is the caller's, once, by tenant_count_pairs. Texts are kept trimmed.
 * Of `pair` are used tenant_id, question, answer, category (NULL: none), source (NULL: manual),
 * created_at (0: now), and for data that is loaded whole is_synced with synced_at: the index holds
 * this text already. Quality begins at 0.5, the version at 1. */
bool qa_pair_insert(struct db *db, int64_t revision, const struct qa_pair *pair, int64_t *ret_id,
                    struct error *err);
/* Puts question, answer and category into the tenant's live pair `pair->id`; a `pair->version` other
 * than 0 must be the present one, else ERROR_CONFLICT. ERROR_NOT_FOUND. `ret_was_synced`: it was
 * synced and, its text being another now, is not any more: the caller counts one more unsynced. The
 * same text stays as synced as it was. */
bool qa_pair_update_text(struct db *db, int64_t revision, const struct qa_pair *pair, bool *ret_was_synced,
                         struct error *err);
/* Within a transaction: the index holds the pair's text of hash `text_hash` since `at`.
 * `ret_marked` false: the text has changed meanwhile, the pair stays unsynced. */
bool qa_pair_mark_synced(struct db *db, int64_t id, int64_t text_hash, int64_t at, bool *ret_marked,
                         struct error *err);
/* Within a transaction: the index does not hold the deleted pair any more. */
bool qa_pair_mark_removed(struct db *db, int64_t id, struct error *err);
/* Within a transaction: it gave an answer; and what a customer thought of that. Neither is a change of
 * its text. A pair that is gone is left alone. */
bool qa_pair_count_hit(struct db *db, int64_t id, struct error *err);
bool qa_pair_count_feedback(struct db *db, int64_t id, bool good, struct error *err);
/* The live pair of the tenant with this very question (trimmed), for imports. */
bool qa_pair_same_question(struct db *db, const char *tenant_id, const char *question, struct arena *arena,
                           struct qa_pair *ret_pair, bool *ret_found, struct error *err);
/* Pairs by id, in the order of `ids`; of this tenant and live only. */
bool qa_pairs_get(struct db *db, const char *tenant_id, const int64_t *ids, size_t count, struct arena *arena,
                  struct qa_pair *ret_pairs, size_t *ret_count, struct error *err);

/* The embedded index's source (provider/vector_index.h); the context is the struct store. */
bool knowledge_source(void *store, const char *tenant_id, int64_t since, pair_put put, void *put_context,
                      int64_t *ret_revision, struct error *err);

/* Quality of a pair, 0 to 1, from evidence: (good + 1) / (good + bad + 2) of the feedback on answers
 * that it gave (Laplace's rule of succession; 0.5 while there is none). */
double quality_score(int64_t good, int64_t bad);

#endif
