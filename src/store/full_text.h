/* The index of texts: which live pairs of knowledge hold a token of the product's own (store_options.tokenize). It
 * is behind: a commit only notes which pairs it lacks, and the writer brings it up to date while nobody waits (one
 * process at a time; store_drain_deferred does it at once). Whoever looks for a text looks at those that it lacks, too.
 *
 * SQLite: FTS5 (sqlite_full_text.c). PostgreSQL: a tsvector for each pair, with GIN (postgresql_full_text.c). */
#ifndef KIMONO_STORE_FULL_TEXT_H
#define KIMONO_STORE_FULL_TEXT_H

#include "base/strbuf.h"
#include "store/db.h"

struct text_token {
    const char *bytes; /* letters, marks and digits */
    size_t length;
    bool prefix; /* whatever begins with it */
};

/* Pairs that hold all of the tokens (at least one) by what the index has: ids in order, the first `limit`. */
bool text_index_find(struct db *db, const struct text_token *tokens, size_t count, size_t limit,
                     struct arena *arena, int64_t **ret_ids, size_t *ret_count, struct error *err);
/* Pairs that the index does not have, or not as they are now: ids in order, the first `limit`. Some of them may be
 * no pairs. */
bool text_index_pending(struct db *db, size_t limit, struct arena *arena, int64_t **ret_ids,
                        size_t *ret_count, struct error *err);
/* Whether it has of each pair exactly the tokens that it should have; differences become lines. On one moment of
 * the store. */
bool text_index_check(struct db *db, struct strbuf *ret_findings, struct error *err);

#endif
