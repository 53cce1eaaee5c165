/* One pass at a time over a tenant's pairs, in whichever process: two at once would embed the same texts twice, which
 * costs money. A pass claims its tenant by a row in sync_claims; one of a process that is not there any more claims
 * nothing. */
#ifndef KIMONO_PLATFORM_KNOWLEDGE_SYNC_CLAIM_H
#define KIMONO_PLATFORM_KNOWLEDGE_SYNC_CLAIM_H

#include "base/error.h"
#include "base/identifier.h"
#include "platform/platform.h"
#include "store/db.h"

struct sync_claim {
    struct platform *platform; /* without a lease holder (a command) nothing is claimed, and all succeeds */
    const char *tenant_id;
    char pass[IDENTIFIER_SIZE]; /* "": nothing is claimed */
    struct sync_claim *next;    /* of those of this process */
};

/* `claim` with platform and tenant must stay where it is until it is given back. `ret_taken` false: another pass is at
 * the tenant. */
bool sync_claim_take(struct sync_claim *claim, bool *ret_taken, struct error *err);
/* To be asked before each call of a provider: ERROR_CANCELLED when another process has taken over meanwhile. What was
 * called is marked in any case (knowledge.h): the index may have it. */
bool sync_claim_check(struct db *db, const struct sync_claim *claim, struct error *err);
/* Takes one that was not taken. A row that a store which is away keeps is overwritten by this process's next pass. */
void sync_claim_give_back(struct sync_claim *claim);

#endif
