/* Syncing by hand, and the state of the sync: the job kinds `knowledge.sync` and
 * `knowledge.sync_check`, and the state. The sync itself is platform/knowledge/vector_sync.h. */
#ifndef KIMONO_OPS_KNOWLEDGE_SYNC_H
#define KIMONO_OPS_KNOWLEDGE_SYNC_H

#include "ops/knowledge/knowledge_manager.h"
#include "platform/jobs/jobs.h"
#include "platform/knowledge/knowledge.h"
#include "platform/knowledge/vector_sync.h"

#define SYNC_KIND "knowledge.sync"
#define SYNC_CHECK_KIND "knowledge.sync_check"
#define SYNC_IDS_MAX 10000

struct sync_request {
    const char *tenant_id; /* NULL: all active tenants */
    const int64_t *ids;    /* only these pairs, of any tenants; NULL: all that is to be done */
    size_t id_count;
};
/* Puts the job into the queue, with an audit row knowledge.sync. ERROR_INVALID: both a tenant and ids, or
 * ids of no pairs; ERROR_NOT_FOUND, ERROR_TENANT_SUSPENDED: the named tenant. */
bool knowledge_sync(struct platform *platform, const struct actor *actor, const struct sync_request *request,
                    struct arena *arena, struct job *ret_job, struct error *err);
/* A failing tenant stops the others only if it was asked for by name. It resumes. */
bool knowledge_sync_run(struct job_run *run, struct error *err);

/* Puts a job into the queue that compares the index with the store (`tenant_id` NULL: for all active ones)
 * and with `repair` puts right what differs, with an audit row knowledge.sync_check. */
bool knowledge_sync_check(struct platform *platform, const struct actor *actor, const char *tenant_id,
                          bool repair, struct arena *arena, struct job *ret_job, struct error *err);
bool knowledge_sync_check_run(struct job_run *run, struct error *err);

/* ---- the state ---- */

struct sync_status {
    int64_t pending, removals_pending;     /* of active tenants */
    int64_t held_back, removals_held_back; /* of suspended ones */
    bool running;
    int64_t last_run, last_success;
    const char *last_error;
    int64_t lag_seconds;
    struct failing_tenant *tenants_failing;
    size_t tenants_failing_count;
};
extern const struct descriptor sync_status_descriptor;

/* `tenant_id` NULL: of all. ERROR_NOT_FOUND. */
bool knowledge_sync_status(struct platform *platform, const char *tenant_id, enum language language,
                           struct arena *arena, struct sync_status *ret_status, struct error *err);

/* ---- for ops/knowledge/bulk.c and sync_check.c ---- */

#define SYNC_FAILURES_MAX 20 /* that are named; all are counted */
struct sync_failure {
    const char *tenant_id, *message, *message_zh; /* English; Chinese */
};
struct sync_failures {
    struct arena *arena; /* of the texts */
    struct sync_failure items[SYNC_FAILURES_MAX];
    size_t count;
};
extern const struct descriptor sync_failure_descriptor;
void sync_failures_add(struct sync_failures *failures, const char *tenant_id, const struct error *why);
/* A tenant that was suspended or deleted meanwhile has not failed. */
bool sync_leaves_out(const struct error *why);
/* Those of an earlier run, from the member `errors` of its result. */
void sync_failures_read(const char *result, struct sync_failures *failures);

/* Syncs the unsynced live pairs among `rows`, which stand in order of their tenant; `done` is the job's
 * progress, which stays. What fails for one tenant is in `failures` and does not stop the others. False:
 * ERROR_CANCELLED. */
bool knowledge_sync_rows(struct job_run *run, int64_t done, const struct qa_pair_row *rows, size_t count,
                         struct sync_failures *failures, int64_t *ret_synced, int64_t *ret_failed_tenants,
                         struct error *err);
/* Reads the pairs of these ids that there are, deleted ones too, in order of tenant and id. */
bool knowledge_rows_read(struct db *db, const int64_t *ids, size_t count, struct arena *arena,
                         struct qa_pair_row **ret_rows, size_t *ret_count, struct error *err);

/* Items of a job that are pairs: "qa_pair:ID". */
bool pair_items_add(struct db *db, struct job *job, const int64_t *ids, size_t count, struct arena *arena,
                    struct error *err);
int64_t pair_item_id(const struct job_item *item);

#endif
