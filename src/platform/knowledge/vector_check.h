/* Does the vector index hold what the store says that it holds? The entries of one tenant are listed and
 * compared, by id and hash of the text, with the pairs that are marked synced. What is waiting to be synced
 * is no finding. */
#ifndef KIMONO_PLATFORM_KNOWLEDGE_VECTOR_CHECK_H
#define KIMONO_PLATFORM_KNOWLEDGE_VECTOR_CHECK_H

#include "platform/platform.h"
#include "store/store.h"

struct vector_findings {
    int64_t entries;                  /* that the index has */
    int64_t missing, stale, orphaned; /* not there; another text; of no pair */
    int64_t *due;                     /* ids: missing and stale */
    int64_t *orphans;                 /* ids: orphaned */
};
/* The findings are the caller's, to be released. Pairs that change while it looks may be found wrongly;
 * repairing those does no harm. ERROR_NOT_FOUND, ERROR_TENANT_SUSPENDED, and what the index says. */
bool vector_check(struct platform *platform, const char *tenant_id, struct vector_findings *ret_findings,
                  struct error *err);
void vector_findings_release(struct vector_findings *findings);

/* Within a transaction: these pairs are unsynced, so that the next sync puts them. */
bool vector_repair_due(struct db *db, const char *tenant_id, const int64_t *ids, size_t count,
                       struct error *err);
/* Takes these out of the index, and makes those of them due that are live pairs by now. */
bool vector_repair_orphans(struct platform *platform, const char *tenant_id, const int64_t *ids, size_t count,
                           struct error *err);

#endif
