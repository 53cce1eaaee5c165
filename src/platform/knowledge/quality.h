/* Quality of a pair, 0 to 1, from evidence. The whole rule:
 *
 *     silent = answers that it gave and nobody judged / 20, at most 4
 *     base   = (good + silent + 1) / (good + bad + silent + 2)
 *     score  = base × (1 − 0.02 × quarters), quarters: of 91 days since its last edit, at most 10;
 *              none for a pair that has good feedback
 *
 * It is Laplace's rule of succession, in which an answer that nobody complained about is weak evidence: it
 * takes 20 of them to weigh as much as one good feedback, and no number of them outweighs four. A text that
 * nobody has ever confirmed loses a fiftieth a quarter, for shops change. So: 0.5 for a new pair; 0.67 after
 * one good feedback, 0.33 after one bad; 0.83 after 80 answers in silence; 0.4 when nobody has asked for it
 * in two and a half years.
 *
 * It is written (qa_pairs.quality_score) at every feedback, every edit and every QUALITY_HIT_STEP-th answer,
 * and by a scheduled task when a pair is a quarter older (qa_pairs_age in platform/knowledge/knowledge.h). */
#ifndef KIMONO_PLATFORM_KNOWLEDGE_QUALITY_H
#define KIMONO_PLATFORM_KNOWLEDGE_QUALITY_H

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

#define QUALITY_HIT_STEP 10

struct quality_evidence {
    int64_t hits, good, bad; /* answers that it gave; feedback on them */
    int64_t edited_at;       /* milliseconds */
};

double quality_score(const struct quality_evidence *evidence, int64_t now);
/* When it changes next by age alone; INT_NULL: never. */
int64_t quality_due_at(const struct quality_evidence *evidence, int64_t now);
int64_t quality_age_days(const struct quality_evidence *evidence, int64_t now);
/* How the score comes about, in one sentence. */
const char *quality_explain(const struct quality_evidence *evidence, int64_t now, enum language language,
                            struct arena *arena);

#endif
