#include <stdlib.h>
#include <string.h>

#include "ops/knowledge/internal.h"
#include "store/full_text.h"

/* How much is read to find the pairs that hold a keyword. */
struct effort {
    size_t found_max;     /* of the index; more are not gathered: reading goes by some 5 million a second */
    size_t unindexed_max; /* the same, of pairs that the index lacks */
    size_t read_max;      /* if they are so many at most, their texts are read, and all is certain */
};
static const struct effort efforts[] = {
    [KEYWORD_QUICK] = {50000, 50000, 500},         /* some milliseconds */
    [KEYWORD_THOROUGH] = {500000, 300000, 300000}, /* a third of a second, while that many are new */
};

static int keyword_compare_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool keyword_is_unindexed(const struct keyword_search *search, int64_t id)
{
    return search->unindexed_count > 0 &&
           bsearch(&id, search->unindexed, search->unindexed_count, sizeof(id), keyword_compare_ids);
}

/* Both in one list, in order; of those that the index lacks as they are now, what it finds does not count. */
static void keyword_merge(struct keyword_search *search, const int64_t *found, size_t count,
                          const int64_t *held, size_t held_count, struct arena *arena)
{
    size_t i = 0, j = 0;
    search->ids = arena_alloc(arena, (count + held_count + 1) * sizeof(*search->ids));
    while (i < count || j < held_count) {
        bool take_found = j == held_count || (i < count && found[i] < held[j]);
        int64_t id = take_found ? found[i++] : held[j++];
        if (!take_found || !keyword_is_unindexed(search, id))
            search->ids[search->id_count++] = id;
    }
}

static const char SQL_TEXTS_BETWEEN[] =
    "SELECT id, question, answer FROM qa_pairs WHERE id BETWEEN $1 AND $2 AND deleted_at IS NULL ORDER BY id";

static bool keyword_read_between(const struct keyword_search *search, struct db *db, int64_t first,
                                 int64_t last, int64_t *held, size_t *count, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_TEXTS_BETWEEN, DB_ARGS(db_int(first), db_int(last)), &rows, err))
        return false;
    while (db_next(&rows)) {
        int64_t id = db_column_int(&rows, 0);
        if ((full_text_contains(db_column_text(&rows, 1), search->folded) ||
             full_text_contains(db_column_text(&rows, 2), search->folded)) &&
            keyword_is_unindexed(search, id))
            held[(*count)++] = id;
    }
    return db_done(&rows, err);
}

#define GAP_MAX 8 /* rows that are read in vain rather than that a statement begins anew */

/* Those of the unindexed ones that hold the keyword. What an import has brought lies together: read from end to end,
 * a text takes a microsecond, a fraction of what looking it up takes. */
static bool keyword_read_unindexed(const struct keyword_search *search, struct db *db, struct arena *arena,
                                   int64_t **ret_held, size_t *ret_count, struct error *err)
{
    const int64_t *ids = search->unindexed;
    size_t all = search->unindexed_count;
    *ret_held = arena_alloc(arena, (all + 1) * sizeof(**ret_held));
    *ret_count = 0;
    for (size_t first = 0, last; first < all; first = last + 1) {
        for (last = first; last + 1 < all && ids[last + 1] - ids[last] <= GAP_MAX; last++)
            ;
        if (!keyword_read_between(search, db, ids[first], ids[last], *ret_held, ret_count, err))
            return false;
    }
    return true;
}

/* What the index lacks is read first: a pair that it takes in between is met twice, not missed. */
static bool keyword_find_ids(struct db *db, const struct full_text_query *query, const struct effort *effort,
                             struct arena *arena, struct keyword_search *search, struct error *err)
{
    int64_t *found, *held;
    size_t count, held_count;
    struct text_token *tokens = arena_alloc(arena, query->count * sizeof(*tokens));
    for (size_t i = 0; i < query->count; i++)
        tokens[i] = (struct text_token){query->pieces[i].bytes, query->pieces[i].length,
                                        .prefix = !query->pieces[i].whole};
    if (!text_index_pending(db, effort->unindexed_max + 1, arena, &search->unindexed,
                            &search->unindexed_count, err) ||
        !text_index_find(db, tokens, query->count, effort->found_max + 1, arena, &found, &count, err))
        return false;
    if (count > effort->found_max || search->unindexed_count > effort->unindexed_max)
        return true;
    bool decided = search->unindexed_count <= effort->read_max; /* else all of them may hold it */
    held = search->unindexed;
    held_count = search->unindexed_count;
    if (decided && !keyword_read_unindexed(search, db, arena, &held, &held_count, err))
        return false;
    search->kind = KEYWORD_IDS;
    keyword_merge(search, found, count, held, held_count, arena);
    if (decided)
        search->unindexed_count = 0;
    return true;
}

bool keyword_find(struct db *db, const char *keyword, enum keyword_effort effort, struct arena *arena,
                  struct keyword_search *ret_search, struct error *err)
{
    struct keyword_search search = {.kind = KEYWORD_NONE, .exact = true};
    if (keyword && *keyword) {
        struct full_text_query query = full_text_query(keyword, arena);
        search.folded = full_text_fold(arena, keyword);
        search.kind = KEYWORD_ANY;
        search.exact = query.exact;
        if (query.count > 0 && !keyword_find_ids(db, &query, &efforts[effort], arena, &search, err))
            return false;
    }
    *ret_search = search;
    return true;
}

bool keyword_is_certain(const struct keyword_search *search)
{
    return search->kind == KEYWORD_NONE ||
           (search->kind == KEYWORD_IDS && search->exact && search->unindexed_count == 0);
}

static const char SQL_TEXTS[] = "SELECT question, answer FROM qa_pairs WHERE id = $1";

bool keyword_in_pair(const struct keyword_search *search, struct db *db, int64_t id, bool *ret_holds,
                     struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    *ret_holds = search->kind == KEYWORD_IDS && search->exact && !keyword_is_unindexed(search, id);
    if (*ret_holds)
        return true;
    if (!db_query(db, SQL_TEXTS, DB_ARGS(db_int(id)), &rows, err))
        return false;
    while (db_next(&rows))
        *ret_holds = full_text_contains(db_column_text(&rows, 0), search->folded) ||
                     full_text_contains(db_column_text(&rows, 1), search->folded);
    return db_done(&rows, err);
}
