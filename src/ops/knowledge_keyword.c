#include <string.h>

#include "ops/knowledge_internal.h"

#define SET_PAIRS 150000    /* more are not gathered: reading goes by some 10 million a second */
#define SET_ID_MAX 67108864 /* 8 MiB of bits */

/* SQLite's full text; the highest id first, so that the first row tells how many bits there will be. What
 * PostgreSQL says instead comes with its driver. */
static const char SQL_MATCHES[] =
    "SELECT rowid FROM qa_pairs_text WHERE qa_pairs_text MATCH $1 ORDER BY rowid DESC LIMIT $2";

static void set_bit(struct keyword_search *search, int64_t id)
{
    search->bits[id / 64] |= UINT64_C(1) << (id % 64);
}

/* There are more than a few: a set of bits is quicker to ask. */
static void make_set(struct keyword_search *search, struct arena *arena)
{
    search->kind = KEYWORD_SET;
    search->words = (size_t)search->ids[0] / 64 + 1;
    search->bits = arena_alloc(arena, search->words * sizeof(*search->bits));
    for (size_t i = 0; i < search->count; i++)
        set_bit(search, search->ids[i]);
}

static void take_match(struct keyword_search *search, int64_t id, struct arena *arena)
{
    if (search->kind == KEYWORD_COMMON)
        return;
    if (search->count == FEW_PAIRS && search->ids[0] > SET_ID_MAX) {
        search->kind = KEYWORD_COMMON;
        return;
    }
    if (search->count == FEW_PAIRS)
        make_set(search, arena);
    if (search->kind == KEYWORD_FEW)
        search->ids[search->count] = id;
    else
        set_bit(search, id);
    search->count++;
}

static bool read_matches(struct db *db, const char *query, struct arena *arena, struct keyword_search *search,
                         struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    search->kind = KEYWORD_FEW;
    search->ids = arena_alloc(arena, FEW_PAIRS * sizeof(*search->ids));
    if (!db_query(db, SQL_MATCHES, DB_ARGS(db_text(query), db_int(SET_PAIRS + 1)), &rows, err))
        return false;
    while (db_next(&rows))
        take_match(search, db_column_int(&rows, 0), arena);
    if (search->count > SET_PAIRS)
        search->kind = KEYWORD_COMMON;
    return db_done(&rows, err);
}

bool keyword_find(struct db *db, const char *keyword, struct arena *arena, struct keyword_search *ret_search,
                  struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf query = {0};
    struct keyword_search search = {.kind = KEYWORD_NONE, .exact = true};
    if (!keyword || !*keyword) {
        *ret_search = search;
        return true;
    }
    search.folded = full_text_fold(arena, keyword);
    bool indexed = full_text_query(keyword, &query, &search.exact);
    if (!indexed) {
        search.kind = KEYWORD_COMMON;
        search.exact = false;
    } else if (!read_matches(db, strbuf_text(&query), arena, &search, err))
        return false;
    *ret_search = search;
    return true;
}

bool keyword_in(const struct keyword_search *search, const char *question, const char *answer)
{
    return search->exact || full_text_contains(question, search->folded) ||
           full_text_contains(answer, search->folded);
}

static const char SQL_TEXTS[] = "SELECT question, answer FROM qa_pairs WHERE id = $1";

static bool look_at_texts(struct keyword_search *search, struct db *db, int64_t id, bool *ret_admits,
                          struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    bool found = false;
    search->read++;
    if (!db_query(db, SQL_TEXTS, DB_ARGS(db_int(id)), &rows, err))
        return false;
    while (db_next(&rows))
        found = full_text_contains(db_column_text(&rows, 0), search->folded) ||
                full_text_contains(db_column_text(&rows, 1), search->folded);
    *ret_admits = found;
    return db_done(&rows, err);
}

bool keyword_admits(struct keyword_search *search, struct db *db, int64_t id, bool *ret_admits,
                    struct error *err)
{
    bool in_set = search->kind != KEYWORD_SET ||
                  ((size_t)id / 64 < search->words && (search->bits[id / 64] >> (id % 64) & 1));
    bool certain = search->kind == KEYWORD_NONE || (search->kind == KEYWORD_SET && search->exact);
    if (!in_set || certain) {
        *ret_admits = in_set;
        return true;
    }
    return look_at_texts(search, db, id, ret_admits, err);
}
