/* Totals that pages show, kept in the transaction that changes them. `kimono check` recomputes them.
 * Adding a counter: a row here, a row in the migration, and its recount in counters.c. */
#ifndef KIMONO_PLATFORM_TENANTS_COUNTERS_H
#define KIMONO_PLATFORM_TENANTS_COUNTERS_H

#include "base/strbuf.h"
#include "store/db.h"

enum counter {
    COUNTER_TENANTS,
    COUNTER_ACTIVE_TENANTS,
    COUNTER_QA_PAIRS,
    COUNTER_UNSYNCED_QA_PAIRS,
    COUNTER_PENDING_FEEDBACKS,
    COUNTER_PENDING_REMOVALS,   /* deleted pairs that the vector index still has */
    COUNTER_HELD_BACK_QA_PAIRS, /* of the unsynced pairs those of suspended tenants: no sync takes them */
    COUNTER_HELD_BACK_REMOVALS, /* of the removals likewise */
    COUNTER_TENANT_EDITS,       /* the sum of all tenants' versions: grows with each one made or changed */
    COUNTER_COUNT
};

bool counters_add(struct db *db, enum counter counter, int64_t difference, struct error *err);
/* What the vector index lacks and still has of this tenant has grown by so much; of a suspended one it is held
 * back, too. */
bool counters_add_due(struct db *db, const char *tenant_id, int64_t unsynced, int64_t removals,
                      struct error *err);
/* The tenant is suspended now (`held`), or not any more: what the index lacks of it is held back, or due again. */
bool counters_hold_back(struct db *db, const char *tenant_id, bool held, struct error *err);
bool counters_read(struct db *db, int64_t ret_values[static COUNTER_COUNT], struct error *err);
/* Recomputes platform counters and each tenant's own from the rows; differences become lines. */
bool counters_check(struct db *db, struct strbuf *ret_findings, struct error *err);

#endif
