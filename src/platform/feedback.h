/* Feedback of customers on answers. */
#ifndef KIMONO_PLATFORM_FEEDBACK_H
#define KIMONO_PLATFORM_FEEDBACK_H

#include "platform/platform.h"
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "store/db.h"

#define CORRECTION_MAX 8000

struct feedback_result {
    int64_t id;
    const char *status; /* noted, pending */
};
extern const struct descriptor feedback_result_descriptor;

/* A bad rating is pending until it is dealt with; a good one is noted (a correction that comes with it
 * is kept, but nothing learns from it). Raises or lowers the quality of the pair that gave the answer.
 * One feedback for each message: a second is ERROR_CONFLICT; a message of another tenant is
 * ERROR_NOT_FOUND. A suspended tenant's customers may still say what they think. */
bool feedback_add(struct platform *platform, const char *api_key, const char *message_id, const char *rating,
                  const char *correction, struct arena *arena, struct feedback_result *ret_result,
                  struct error *err);

/* Pending feedback with a correction, for learning.c. */
struct feedback_correction {
    int64_t id;
    const char *question, *correction; /* what was asked, what should have been answered */
};
/* The tenant's, with ids above `after`, oldest first. */
bool feedback_corrections(struct db *db, const char *tenant_id, int64_t after, size_t limit,
                          struct arena *arena, struct feedback_correction *ret_corrections, size_t *ret_count,
                          struct error *err);
/* Within a transaction: it became the pair. The tenant's count of what is pending is the caller's. */
bool feedback_learned(struct db *db, int64_t id, int64_t qa_pair_id, struct error *err);

#endif
