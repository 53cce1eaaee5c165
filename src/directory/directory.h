/* What the list of everyone's knowledge is filtered and sorted by, of every pair, in memory: any mix of
 * filters in any order is one pass over some columns, a few milliseconds for a million pairs (53 bytes each),
 * and nothing of it costs those who write. The texts stay in the store.
 *
 * It follows the store by its change feed (store/change_feed.h), which says what each commit of any process has
 * changed; so what it holds is never older than what the caller's connection sees. When it has not looked for two thousand
 * commits, all pairs are read anew, beside it, and meanwhile it answers as it was. Thread-safe: nobody holds it for
 * longer than some hundred changed pairs take; only the very first reading is waited for, by a few. */
#ifndef KIMONO_DIRECTORY_DIRECTORY_H
#define KIMONO_DIRECTORY_DIRECTORY_H

#include "store/store.h"

struct knowledge_directory;

struct knowledge_directory *knowledge_directory_new(void);
void knowledge_directory_free(struct knowledge_directory *directory); /* takes NULL */

/* Reads what has changed, the first time all pairs (about a second for a million). If the connection's time
 * is up before that is done (ERROR_TIMEOUT), the next call goes on where this one ended. */
bool knowledge_directory_refresh(struct knowledge_directory *directory, struct db *db, struct error *err);
/* That, and ranks the questions that have changed, so that the list in the order by question need not do it:
 * half a second for a million if they are many. Those that an import brings, when no more come. */
bool knowledge_directory_rank(struct knowledge_directory *directory, struct db *db, struct error *err);

/* What qa_pairs.source may be. NULL-terminated. */
extern const char *const pair_sources[]; /* manual, import, learned, template, demo */

#endif
