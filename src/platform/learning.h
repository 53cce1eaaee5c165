/* The learning scheduler's two jobs, each taken tenant by tenant in batches so that one tenant's
 * failure does not stop the others. Suspended tenants are left alone. */
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

struct sync_report {
    int64_t tenants, pairs, removed, failed_tenants;
};
/* Unsynced pairs are embedded and put in the index, and marked synced with the hash of the text that
 * the index took; a text that changed meanwhile stays unsynced until the next run. Deleted pairs are
 * taken out of the index. `tenant_id` NULL: all active ones that have something to sync; a tenant that
 * is named: ERROR_NOT_FOUND, ERROR_TENANT_SUSPENDED, and its failure is the run's. */
bool vector_sync_run(struct platform *platform, const char *tenant_id, struct sync_report *ret_report,
                     struct error *err);

#endif
