/* Feedback of customers on answers. */
#ifndef KIMONO_PLATFORM_CHAT_FEEDBACK_H
#define KIMONO_PLATFORM_CHAT_FEEDBACK_H

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "platform/platform.h"
#include "store/db.h"

#define CORRECTION_MAX 8000

struct feedback_result {
    int64_t id;
    const char *status; /* noted, pending */
};
extern const struct descriptor feedback_result_descriptor;

/* A bad rating is pending until it is dealt with; a good one is noted (a correction that comes with it
 * is kept, but nothing learns from it). Raises or lowers the quality of the pair that gave the answer.
 * One feedback for each message, of which the last word counts: a second one replaces the first, also one
 * that was rejected, until something was learned from it (ERROR_CONFLICT). A message of another tenant is
 * ERROR_NOT_FOUND. A suspended tenant's customers may still say what they think. */
bool feedback_add(struct platform *platform, const char *api_key, const char *message_id, const char *rating,
                  const char *correction, struct arena *arena, struct feedback_result *ret_result,
                  struct error *err);

/* ---- learning ---- */

/* Pending feedback with a correction that is not held for a person. */
struct feedback_correction {
    int64_t id;
    const char *question, *correction; /* what was asked, what should have been answered */
    int64_t answered_by;               /* the pair that gave the answer; 0: none did */
    double score;                      /* how well that pair's question matched, 0 to 1 */
};
/* The tenant's, with ids above `after`, oldest first. */
bool feedback_corrections(struct db *db, const char *tenant_id, int64_t after, size_t limit,
                          struct arena *arena, struct feedback_correction *ret_corrections, size_t *ret_count,
                          struct error *err);
/* Within a transaction: it became the pair. The tenant's count of what is pending is the caller's. */
bool feedback_learned(struct db *db, int64_t id, int64_t qa_pair_id, struct error *err);

/* Why learning leaves a correction to a person. */
#define FEEDBACK_HELD_EXISTING "existing_pair" /* it would change what a pair of the tenant answers */
#define FEEDBACK_HELD_UNFIT "unfit"            /* no pair may have such a text */
/* Within a transaction: it stays pending, and learning does not meet it again. `pair_id` 0: none. */
bool feedback_hold(struct db *db, int64_t id, const char *held_for, int64_t pair_id, struct error *err);

/* The pair that gave an answer, out of the sources of its message (JSON); 0: they name none. */
int64_t feedback_answering_pair(const char *sources);

/* ---- what a person decides ---- */

/* A pending one with all that the decision needs, read in its transaction. */
struct feedback_row {
    int64_t id;
    const char *tenant_id, *status, *question, *answer, *correction; /* correction "": none */
    int64_t version, held_pair_id;                                   /* INT_NULL: of no pair */
};
/* ERROR_NOT_FOUND; ERROR_CONFLICT when it is not pending (any more), or `version` (INT_NULL: any) is not the
 * present one. */
bool feedback_read_pending(struct db *db, int64_t id, int64_t version, struct arena *arena,
                           struct feedback_row *ret_row, struct error *err);
/* Within a transaction: `status` is approved (with the pair that it became) or rejected (0). Counts for the
 * tenant. */
bool feedback_decide(struct db *db, const struct feedback_row *row, const char *status, int64_t qa_pair_id,
                     const char *username, const char *note, struct error *err);

#endif
