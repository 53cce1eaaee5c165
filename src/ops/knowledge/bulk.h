/* Many pairs at once: the job kind `knowledge.bulk`, which deletes pairs, syncs them or gives them a category.
 * They are named by ids, or by the filter of the list: then they are walked in order of id, and pairs that
 * change meanwhile match or not. Some hundred pairs are one transaction, with the notes by which it can be
 * undone (platform/knowledge/changes.h), an audit row that holds them as they were, and the job's progress;
 * so it may be cancelled or killed at any time, and goes on behind the last pair.
 *
 * Result: {"action", "matched", "changed", "skipped", "tenants", "dry_run"}: matched = changed + skipped;
 * skipped are pairs that were so already (in the category, synced) or are gone, and those whose sync failed
 * (`errors` says why). A dry run changes nothing; it counts what a run would change now, and of how many
 * `tenants` the pairs are (left out if it was interrupted). A suspended tenant's pairs are changed like
 * others, but not synced. */
#ifndef KIMONO_OPS_KNOWLEDGE_BULK_H
#define KIMONO_OPS_KNOWLEDGE_BULK_H

#include "ops/knowledge/knowledge_manager.h"
#include "platform/jobs/jobs.h"

#define BULK_KIND "knowledge.bulk"
#define BULK_IDS_MAX 10000
extern const char *const bulk_actions[]; /* delete, sync, set_category; NULL-terminated */

struct bulk_request {
    const char *action;
    const int64_t *ids; /* one named twice counts once */
    size_t id_count;
    const struct qa_filter *filter; /* NULL: ids */
    const char *category;           /* of set_category; "": none */
    bool dry_run;
    const char *reason; /* NULL: none was given */
};
/* Puts the job into the queue, with an audit row knowledge.bulk. ERROR_INVALID. */
bool knowledge_bulk(struct platform *platform, const struct actor *actor, const struct bulk_request *request,
                    struct arena *arena, struct job *ret_job, struct error *err);
/* The kind's work; it resumes. */
bool knowledge_bulk_run(struct job_run *run, struct error *err);

#endif
