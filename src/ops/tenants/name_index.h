/* Every tenant's id, name and status in memory, for the search: any part of a name among ten thousand is
 * found in a fraction of a millisecond, where a scan of the table takes some. Read again whenever the
 * counter tenant_edits says that a row has changed, whichever process changed it. Thread-safe. */
#ifndef KIMONO_OPS_TENANTS_NAME_INDEX_H
#define KIMONO_OPS_TENANTS_NAME_INDEX_H

#include "store/db.h"

struct tenant_directory;

struct tenant_directory *tenant_directory_new(void);
void tenant_directory_free(struct tenant_directory *directory); /* takes NULL */

/* Few are named, so that the caller can look at each; of many it is enough to know how many. */
#define TENANT_HITS_FEW 200
struct tenant_hits {
    const char *ids[TENANT_HITS_FEW]; /* the first ones, in order of id; texts in the arena */
    int64_t total;
};

/* The tenants with this status (NULL: any) whose name or id contains the keyword (not empty when trimmed),
 * letter by letter, but A to Z are as a to z. `edits`: the value of COUNTER_TENANT_EDITS, just read on
 * this connection. */
bool tenant_directory_search(struct tenant_directory *directory, struct db *db, int64_t edits,
                             const char *status, const char *keyword, struct arena *arena,
                             struct tenant_hits *ret_hits, struct error *err);

#endif
