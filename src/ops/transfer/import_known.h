/* Of one import: which questions the tenant certainly does not have yet, so that their rows need no look into
 * the store. A bitmap of the hashes of those it has, which is right as long as no other process or request changes the
 * tenant's pairs; from then on every row is looked up. */
#ifndef KIMONO_OPS_TRANSFER_IMPORT_KNOWN_H
#define KIMONO_OPS_TRANSFER_IMPORT_KNOWN_H

#include "store/store.h"

struct known_questions;

/* What the tenant has now. */
bool known_questions_read(struct store *store, const char *tenant_id, struct known_questions **ret_known,
                          struct error *err);
void known_questions_free(struct known_questions *known); /* takes NULL */

/* At the beginning of a transaction: were the tenant's pairs changed by others? */
bool known_questions_begin(struct known_questions *known, struct db *db, struct error *err);
/* May the tenant have a question with this key (qa_question_key)? */
bool known_questions_may_have(const struct known_questions *known, int64_t question_key);
/* The transaction is committed, and the revision is its; 0: it took none. */
void known_questions_commit(struct known_questions *known, int64_t revision);

#endif
