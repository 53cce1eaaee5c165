/* Learning from feedback, a scheduled job: tenant by tenant in batches, so that one tenant's failure does
 * not stop the others. Suspended tenants are left alone. The sync that follows is vector_sync.h. */
#ifndef KIMONO_PLATFORM_LEARNING_H
#define KIMONO_PLATFORM_LEARNING_H

#include <stdint.h>

#include "base/error.h"
#include "platform/platform.h"

struct learning_report {
    int64_t feedbacks, learned, updated, failed;
};
/* Pending feedback with a correction becomes a pair (question of the message, the correction), or
 * corrects the pair with the same question; it is then 'learned'. Feedback without a correction, or
 * with one that no pair may have, stays pending for the tenant's admin. Each batch (settings
 * batch_size) is one transaction with its audit rows: one that is broken off leaves nothing half done.
 * `failed`: feedbacks that could not be learned, and batches that failed; the log says why. */
bool learning_process(struct platform *platform, struct learning_report *ret_report, struct error *err);

#endif
