/* Learning from feedback, a scheduled task: tenant by tenant in batches, so that one tenant's failure does
 * not stop the others. Suspended tenants are left alone. The sync that follows is vector_sync.h. */
#ifndef KIMONO_PLATFORM_CHAT_LEARNING_H
#define KIMONO_PLATFORM_CHAT_LEARNING_H

#include <stdint.h>

#include "base/error.h"
#include "platform/platform.h"

struct learning_report {
    int64_t feedbacks, learned, held, failed;
};
/* Pending feedback with a correction becomes a new pair (question of the message, the correction) and is
 * then 'learned'. A correction that would change what a pair of the tenant answers, or that no pair may
 * have, is held for a person (platform/chat/feedback.h); feedback without a correction waits for one anyway.
 * Each batch (settings batch_size) is one transaction with its audit rows: one that is broken off leaves
 * nothing half done. `failed`: batches that failed; the log says why. */
bool learning_process(struct platform *platform, struct learning_report *ret_report, struct error *err);

#endif
