#include "store/full_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "store/driver.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* ---- looking ---- */

struct id_list {
    int64_t *ids;
    size_t count, room;
};

static void id_list_put(struct id_list *list, int64_t id, struct arena *arena)
{
    if (list->count == list->room) {
        list->room = list->room ? 2 * list->room : 1024;
        int64_t *larger = arena_alloc(arena, list->room * sizeof(*larger));
        if (list->count > 0)
            memcpy(larger, list->ids, list->count * sizeof(*larger));
        list->ids = larger;
    }
    list->ids[list->count++] = id;
}

/* "3 17 20" */
static void id_list_put_text(struct id_list *list, const char *text, struct arena *arena)
{
    char *end;
    for (int64_t id; id = strtoll(text, &end, 10), end != text; text = end)
        id_list_put(list, id, arena);
}

bool text_index_find(struct db *db, const struct text_token *tokens, size_t count, size_t limit,
                     struct arena *arena, int64_t **ret_ids, size_t *ret_count, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    CLEANUP(strbuf_release) struct strbuf query = {0};
    struct id_list list = {0};
    for (size_t i = 0; i < count; i++)
        db->driver->text_query(&tokens[i], i == 0, &query);
    if (!db_query(db, db->driver->sql_text_find,
                  DB_ARGS(db_text(strbuf_text(&query)), db_int((int64_t)limit)), &rows, err))
        return false;
    while (db_next(&rows)) {
        if (db_column_value(&rows, 0).type == DB_INT)
            id_list_put(&list, db_column_int(&rows, 0), arena);
        else
            id_list_put_text(&list, db_column_text(&rows, 0), arena);
    }
    *ret_ids = list.ids;
    *ret_count = list.count;
    return db_done(&rows, err);
}

/* Ranges of ids: of the first no pair is in the index, of the others it holds what they were. */
static const char SQL_PENDING[] = "SELECT first, last FROM qa_pairs_text_new"
                                  " UNION ALL SELECT pair_id, pair_id FROM qa_pairs_text_changes ORDER BY 1";

bool text_index_pending(struct db *db, size_t limit, struct arena *arena, int64_t **ret_ids,
                        size_t *ret_count, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct id_list list = {0};
    if (!db_query(db, SQL_PENDING, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows)) {
        int64_t id = db_column_int(&rows, 0), last = db_column_int(&rows, 1);
        if (list.count > 0 && id <= list.ids[list.count - 1]) /* it is in both */
            id = list.ids[list.count - 1] + 1;
        for (; id <= last && list.count < limit; id++)
            id_list_put(&list, id, arena);
    }
    *ret_ids = list.ids;
    *ret_count = list.count;
    return db_done(&rows, err);
}

/* ---- checking: of each thousand ids a sum of hashes, which does not depend on their order ---- */

#define GROUP 1000

struct text_sums {
    uint64_t *indexed, *wanted; /* of each group */
    size_t count;
};

static uint64_t text_entry_hash(const char *token, size_t length, int64_t id)
{
    return XXH3_64bits_withSeed(token, length, (uint64_t)id);
}

/* The last group: ids beyond all pairs, which the index may still have. */
static size_t text_sums_group(const struct text_sums *sums, int64_t id)
{
    size_t group = (size_t)id / GROUP;
    return group < sums->count ? group : sums->count - 1;
}

static void text_sums_add_entry(void *context, const char *token, size_t length, int64_t id)
{
    struct text_sums *sums = context;
    sums->indexed[text_sums_group(sums, id)] += text_entry_hash(token, length, id);
}

struct text_entries {
    int64_t id;
    uint64_t *hashes;
    size_t count, room;
};

static bool text_entries_put(void *context, const char *token, size_t length)
{
    struct text_entries *entries = context;
    if (entries->count == entries->room) {
        entries->room = entries->room ? 2 * entries->room : 256;
        entries->hashes = xrealloc(entries->hashes, entries->room * sizeof(entries->hashes[0]));
    }
    entries->hashes[entries->count++] = text_entry_hash(token, length, entries->id);
    return true;
}

static int text_entry_by_hash(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* A token counts once for each pair, however often it is there. */
static uint64_t text_entries_sum(struct text_entries *entries)
{
    uint64_t sum = 0;
    if (entries->count > 0)
        qsort(entries->hashes, entries->count, sizeof(entries->hashes[0]), text_entry_by_hash);
    for (size_t i = 0; i < entries->count; i++)
        if (i == 0 || entries->hashes[i] != entries->hashes[i - 1])
            sum += entries->hashes[i];
    return sum;
}

static bool text_sums_add_texts(struct db *db, struct text_sums *sums, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct text_entries entries = {0};
    if (!db_query(db, db->driver->sql_text_held, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows)) {
        entries.id = db_column_int(&rows, 0);
        entries.count = 0;
        for (int column = 1; column <= 2; column++) {
            const char *text = db_column_text(&rows, column);
            db->tokenize(text, strlen(text), false, text_entries_put, &entries);
        }
        sums->wanted[text_sums_group(sums, entries.id)] += text_entries_sum(&entries);
    }
    free(entries.hashes);
    return db_done(&rows, err);
}

static const char SQL_LAST[] = "SELECT MAX(id) FROM qa_pairs";

bool text_index_check(struct db *db, struct strbuf *ret_findings, struct error *err)
{
    int64_t last;
    if (!db_find_int(db, SQL_LAST, DB_NO_ARGS, 0, &last, err))
        return false;
    struct text_sums sums = {.count = (size_t)last / GROUP + 2};
    sums.indexed = xcalloc(sums.count, sizeof(*sums.indexed));
    sums.wanted = xcalloc(sums.count, sizeof(*sums.wanted));
    bool done =
        db->driver->text_entries(db, text_sums_add_entry, &sums, err) && text_sums_add_texts(db, &sums, err);
    for (size_t i = 0; done && i < sums.count; i++)
        if (sums.indexed[i] != sums.wanted[i])
            strbuf_printf(ret_findings,
                          "full text: it does not hold what pairs %zu to %zu say; a keyword may miss some\n",
                          i * GROUP, i * GROUP + GROUP - 1);
    free(sums.indexed);
    free(sums.wanted);
    return done;
}
