/* The full-text index against the texts: of each thousand pairs the tokens that it has, and those that it should
 * have, as sums of hashes, which do not depend on their order. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ops/knowledge/knowledge_manager.h"
#include "search/full_text.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define GROUP 1000 /* ids of which one sum is made */

struct sums {
    uint64_t *indexed, *wanted; /* of each group */
    size_t count;
};

static uint64_t hash_entry(const char *token, size_t length, int64_t id)
{
    return XXH3_64bits_withSeed(token, length, (uint64_t)id);
}

/* The last group: ids beyond all pairs, which the index may still have. */
static size_t group_of(const struct sums *sums, int64_t id)
{
    size_t group = (size_t)id / GROUP;
    return group < sums->count ? group : sums->count - 1;
}

/* ---- what the index has ---- */

/* Made in the check's transaction, and gone with it. A connection that only reads may not make a temporary
 * table either. */
static const char SQL_OPEN_INDEX[] =
    "PRAGMA query_only = OFF;"
    "CREATE VIRTUAL TABLE temp.qa_pairs_tokens USING fts5vocab('main', 'qa_pairs_text', 'instance');"
    "PRAGMA query_only = ON";
static const char SQL_CLOSE_INDEX[] =
    "PRAGMA query_only = OFF; DROP TABLE temp.qa_pairs_tokens; PRAGMA query_only = ON";
static const char SQL_ENTRIES[] = "SELECT term, doc FROM temp.qa_pairs_tokens";

static bool sum_entries(struct db *db, struct sums *sums, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_ENTRIES, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows)) {
        const char *token = db_column_text(&rows, 0);
        int64_t id = db_column_int(&rows, 1);
        sums->indexed[group_of(sums, id)] += hash_entry(token, strlen(token), id);
    }
    return db_done(&rows, err);
}

/* ---- what it should have ---- */

struct entries {
    int64_t id;
    uint64_t *hashes;
    size_t count, room;
};

static bool put_entry(void *context, const char *token, size_t length)
{
    struct entries *entries = context;
    if (entries->count == entries->room) {
        entries->room = entries->room ? 2 * entries->room : 256;
        entries->hashes = xrealloc(entries->hashes, entries->room * sizeof(entries->hashes[0]));
    }
    entries->hashes[entries->count++] = hash_entry(token, length, entries->id);
    return true;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* A token counts once for each pair, however often it is there. */
static uint64_t sum_of(struct entries *entries)
{
    uint64_t sum = 0;
    if (entries->count > 0)
        qsort(entries->hashes, entries->count, sizeof(entries->hashes[0]), by_size);
    for (size_t i = 0; i < entries->count; i++)
        if (i == 0 || entries->hashes[i] != entries->hashes[i - 1])
            sum += entries->hashes[i];
    return sum;
}

/* Those that are still to be indexed are in the index as they were, or not at all: by what it was told. */
static const char SQL_TEXTS[] =
    "SELECT p.id, p.question, p.answer FROM qa_pairs p WHERE p.deleted_at IS NULL"
    " AND p.id NOT IN (SELECT pair_id FROM qa_pairs_text_changes)"
    " AND NOT EXISTS (SELECT 1 FROM qa_pairs_text_new n WHERE p.id BETWEEN n.first AND n.last)"
    " UNION ALL SELECT pair_id, question, answer FROM qa_pairs_text_changes WHERE question IS NOT NULL";

static bool sum_texts(struct db *db, struct sums *sums, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct entries entries = {0};
    if (!db_query(db, SQL_TEXTS, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows)) {
        entries.id = db_column_int(&rows, 0);
        entries.count = 0;
        for (int column = 1; column <= 2; column++) {
            const char *text = db_column_text(&rows, column);
            full_text_tokens(text, strlen(text), false, put_entry, &entries);
        }
        sums->wanted[group_of(sums, entries.id)] += sum_of(&entries);
    }
    free(entries.hashes);
    return db_done(&rows, err);
}

static void compare(const struct sums *sums, struct strbuf *findings)
{
    for (size_t i = 0; i < sums->count; i++)
        if (sums->indexed[i] != sums->wanted[i])
            strbuf_printf(findings,
                          "full text: it does not hold what pairs %zu to %zu say; a keyword may miss some\n",
                          i * GROUP, i * GROUP + GROUP - 1);
}

static const char SQL_LAST[] = "SELECT MAX(id) FROM qa_pairs";

bool knowledge_check(struct db *db, struct strbuf *ret_findings, struct error *err)
{
    int64_t last;
    if (!db_find_int(db, SQL_LAST, DB_NO_ARGS, 0, &last, err))
        return false;
    struct sums sums = {.count = (size_t)last / GROUP + 2};
    sums.indexed = xcalloc(sums.count, sizeof(*sums.indexed));
    sums.wanted = xcalloc(sums.count, sizeof(*sums.wanted));
    bool open = db_script(db, SQL_OPEN_INDEX, err);
    bool done = open && sum_entries(db, &sums, err) && sum_texts(db, &sums, err);
    if (open)
        db_script(db, SQL_CLOSE_INDEX, NULL);
    if (done)
        compare(&sums, ret_findings);
    free(sums.indexed);
    free(sums.wanted);
    return done;
}
