/* One page of everyone's knowledge.
 *
 * Which way it takes is decided by counting, never beyond a bound: what the filter or the keyword leaves of
 * few pairs is read as a whole and sorted in memory (knowledge_collect.c); all else is walked in the list's
 * order (knowledge_walk.c), so that a page costs what a page holds. Measured with a million pairs of 100
 * and of 10,000 tenants by tests/bench/bench_knowledge.c. */
#include "ops/knowledge_manager.h"

#include <math.h>
#include <string.h>

#include "ops/knowledge_internal.h"
#include "platform/text_rules.h"

#define PATIENCE 5000        /* pairs that a walk may pass before the keyword's own are read instead */
#define COUNTED_EXACTLY 5000 /* so many of a range of quality are counted; then it is 'at least' */

static const struct field item_fields[] = {QA_ITEM_FIELDS};
const struct descriptor qa_list_item_descriptor = DESCRIPTOR("QAListItem", struct qa_list_item, item_fields);

static const struct field list_fields[] = {
    FIELD_MANY(struct qa_list, items, LIST, "The page's pairs", .of = &qa_list_item_descriptor),
    FIELD(struct qa_list, total, INT, "Pairs that match; left out where counting would be slow",
          .optional = true),
    FIELD(struct qa_list, total_at_least, INT, "In its place: so many or more", .optional = true),
    FIELD(struct qa_list, page, INT, "Which page was asked for"),
    FIELD(struct qa_list, page_size, INT, "Items on a page"),
    FIELD(struct qa_list, next_cursor, TEXT, "What to send as cursor for the next page; null: the end",
          .nullable = true),
};
const struct descriptor qa_list_descriptor = DESCRIPTOR("QAList", struct qa_list, list_fields);

/* What one request works with. */
struct listing {
    struct db *db;
    const struct qa_list_request *request;
    struct qa_filter filter; /* keyword trimmed */
    struct list_order order;
    struct list_place from; /* the page begins behind it */
    int64_t skip;           /* and then skips so many */
    struct arena *arena;
    struct keyword_search search;
    struct list_place *page; /* its pairs' places; room for one more */
    size_t count;
    int64_t passed;           /* pairs that a walk has met and that do not hold the keyword */
    bool more;                /* there are pairs behind the page */
    struct list_place behind; /* if so: where the next one begins */
    int64_t total;            /* INT_NULL: not known */
    int64_t at_least;
};

/* ---- how many ---- */

static bool has_quality(const struct qa_filter *filter)
{
    return !isnan(filter->quality_min) || !isnan(filter->quality_max);
}

/* $1 whose counts. */
static const char SQL_TOTAL[] =
    "SELECT SUM(CASE CAST($4 AS BIGINT) WHEN 0 THEN unsynced WHEN 1 THEN pairs - unsynced ELSE pairs END)"
    " FROM knowledge_counts WHERE tenant_id = $1 AND (CAST($2 AS TEXT) IS NULL OR category = $2)"
    " AND (CAST($3 AS TEXT) IS NULL OR source = $3)";
static const char SQL_COUNT_OF_TENANT[] =
    "SELECT COUNT(*) FROM qa_pairs WHERE tenant_id = $1 AND deleted_at IS NULL AND category >= '' "
    "AND" SQL_ADMITTED; /* category: see BY_ITS_INDEX in knowledge_walk.c */

static bool count_kept(struct listing *l, struct error *err)
{
    const struct qa_filter *f = &l->filter;
    int64_t synced = f->is_synced == SYNCED_ANY ? INT_NULL : (int64_t)f->is_synced;
    return db_find_int(l->db, SQL_TOTAL,
                       DB_ARGS(db_text(f->tenant_id ? f->tenant_id : ""), db_text(f->category),
                               db_text(f->source), db_int(synced)),
                       0, &l->total, err);
}

/* How many pairs the filter admits, keyword apart: `total` where that is known at once. */
static bool count(struct listing *l, struct error *err)
{
    const struct qa_filter *f = &l->filter;
    int64_t counted;
    bool large = true;
    if (!has_quality(f))
        return count_kept(l, err);
    if (f->tenant_id && !tenant_is_large(l->db, f->tenant_id, &large, err))
        return false;
    if (!large)
        return db_find_int(l->db, SQL_COUNT_OF_TENANT, DB_ARGS(db_text(f->tenant_id), ADMITTED_ARGS(f)), 0,
                           &l->total, err);
    if (!groups_count(l->db, f, COUNTED_EXACTLY + 1, l->arena, &counted, err))
        return false;
    l->total = counted <= COUNTED_EXACTLY ? counted : INT_NULL;
    l->at_least = COUNTED_EXACTLY;
    return true;
}

/* ---- few: known by id ---- */

static bool page_of_collected(struct listing *l, const int64_t *ids, size_t id_count, struct error *err)
{
    struct list_place *places;
    size_t count, first = 0, size = (size_t)l->request->page_size;
    if (!collect_pairs(l->db, &l->filter, &l->search, l->order, ids, id_count, l->arena, &places, &count,
                       err))
        return false;
    while (first < count && place_compare(&places[first], &l->from, l->order.descending) <= 0)
        first++;
    first += (size_t)l->skip;
    first = first < count ? first : count;
    l->more = count - first > size;
    l->count = l->more ? size : count - first;
    l->page = places + first;
    l->behind = l->count > 0 ? l->page[l->count - 1] : l->from;
    l->total = (int64_t)count;
    return true;
}

static const char SQL_OF_CATEGORY[] =
    "SELECT id FROM qa_pairs WHERE category = $1 AND deleted_at IS NULL LIMIT $2";

/* The ids of a category of few pairs. */
static bool ids_of_category(struct listing *l, int64_t *ids, size_t *ret_count, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    size_t count = 0;
    if (!db_query(l->db, SQL_OF_CATEGORY, DB_ARGS(db_text(l->filter.category), db_int(FEW_PAIRS)), &rows,
                  err))
        return false;
    while (db_next(&rows))
        ids[count++] = db_column_int(&rows, 0);
    *ret_count = count;
    return db_done(&rows, err);
}

/* The ids of all that the filter admits, which are few. */
static bool ids_of_filter(struct listing *l, int64_t *ids, size_t *ret_count, struct error *err)
{
    struct list_order by_id = {SORT_ID, false};
    struct list_place start = place_before_all(by_id), place;
    CLEANUP(walk_release) struct list_walk *walk = NULL;
    size_t count = 0;
    bool found = true;
    if (!walk_begin(l->db, &l->filter, by_id, &start, FEW_PAIRS, &walk, err))
        return false;
    while (found && count < FEW_PAIRS) {
        if (!walk_next(walk, &place, &found, err))
            return false;
        if (found)
            ids[count++] = place.id;
    }
    *ret_count = count;
    return true;
}

/* A category of few pairs may share its group with one of many, and a walk from tenant to tenant may pass
 * many that have none. `ret_ids` NULL: no such case. */
static bool find_few(struct listing *l, int64_t **ret_ids, size_t *ret_count, struct error *err)
{
    struct listing category = {.db = l->db,
                               .filter = {.category = l->filter.category, .is_synced = SYNCED_ANY}};
    *ret_ids = NULL;
    if (l->filter.category && !l->filter.tenant_id && !count_kept(&category, err))
        return false;
    bool of_category = l->filter.category && !l->filter.tenant_id && category.total < FEW_PAIRS;
    bool of_filter = order_is_outer(l->order) && l->total != INT_NULL && l->total < FEW_PAIRS;
    if (!of_category && !of_filter)
        return true;
    *ret_ids = arena_alloc(l->arena, FEW_PAIRS * sizeof(**ret_ids));
    return of_category ? ids_of_category(l, *ret_ids, ret_count, err)
                       : ids_of_filter(l, *ret_ids, ret_count, err);
}

/* ---- many: walked ---- */

static struct list_place keep_place(struct listing *l, const struct list_place *place)
{
    struct list_place kept = *place;
    kept.text = arena_strdup(l->arena, place->text);
    kept.outer = arena_strdup(l->arena, place->outer);
    kept.outer_id = arena_strdup(l->arena, place->outer_id);
    return kept;
}

/* Puts the next pair on the page, or behind it. `ret_goes_on` false: the page is done. */
static bool take_next(struct listing *l, struct list_walk *walk, bool *ret_goes_on, struct error *err)
{
    struct list_place place;
    bool found, admitted = false;
    if (!walk_next(walk, &place, &found, err))
        return false;
    if (found && !keyword_admits(&l->search, l->db, place.id, &admitted, err))
        return false;
    *ret_goes_on = found;
    if (admitted && l->skip > 0) {
        l->skip--;
    } else if (admitted && l->count == (size_t)l->request->page_size) {
        l->more = true;
        *ret_goes_on = false;
    } else if (admitted) {
        l->page[l->count++] = l->behind = keep_place(l, &place);
    }
    l->passed += found && !admitted;
    if (found && !l->more && l->search.read >= KNOWLEDGE_READ_MAX) {
        l->more = true;
        l->behind = keep_place(l, &place);
        *ret_goes_on = false;
    }
    return true;
}

static bool page_of_set(struct listing *l, struct error *err)
{
    int64_t *ids = arena_alloc(l->arena, l->search.count * sizeof(*ids));
    size_t count = 0;
    for (size_t word = 0; word < l->search.words; word++)
        for (uint64_t bits = l->search.bits[word]; bits; bits &= bits - 1)
            ids[count++] = (int64_t)word * 64 + __builtin_ctzll(bits);
    return page_of_collected(l, ids, count, err);
}

static bool page_of_walk(struct listing *l, struct error *err)
{
    CLEANUP(walk_release) struct list_walk *walk = NULL;
    int64_t expected = l->search.kind == KEYWORD_NONE ? l->skip + l->request->page_size + 1 : INT64_MAX;
    int64_t skipped = l->skip;
    bool goes_on = true;
    l->page = arena_alloc(l->arena, (size_t)(l->request->page_size + 1) * sizeof(*l->page));
    if (!walk_begin(l->db, &l->filter, l->order, &l->from, expected, &walk, err))
        return false;
    while (goes_on && !(l->search.kind == KEYWORD_SET && l->passed > PATIENCE + (int64_t)l->search.count))
        if (!take_next(l, walk, &goes_on, err))
            return false;
    if (goes_on) { /* the keyword's pairs lie elsewhere: in another category, or at the far end */
        l->skip = skipped;
        return page_of_set(l, err);
    }
    skipped -= l->skip;
    bool from_start = !l->request->cursor;
    if (l->search.kind == KEYWORD_NONE)
        return true;
    l->at_least = skipped + (int64_t)l->count + l->more;
    bool all_seen = from_start && !l->more;
    bool no_filter = !l->filter.tenant_id && !l->filter.category && !l->filter.source &&
                     l->filter.is_synced == SYNCED_ANY && !has_quality(&l->filter);
    l->total = all_seen ? l->at_least : INT_NULL;
    if (l->search.kind == KEYWORD_SET && l->search.exact && no_filter)
        l->total = (int64_t)l->search.count;
    return true;
}

/* ---- the pairs themselves ---- */

static const char SQL_ITEM[] =
    "SELECT " QA_ITEM_COLUMNS " FROM qa_pairs q JOIN tenants t ON t.id = q.tenant_id"
    " WHERE q.id = $1 AND q.deleted_at IS NULL";

static bool read_items(struct listing *l, struct qa_list *list, struct error *err)
{
    list->items = arena_alloc(l->arena, (l->count + 1) * sizeof(*list->items));
    for (size_t i = 0; i < l->count; i++) {
        bool found; /* not if it was deleted a moment ago */
        if (!db_find(l->db, SQL_ITEM, DB_ARGS(db_int(l->page[i].id)), &qa_list_item_descriptor,
                     &list->items[list->items_count], l->arena, &found, err))
            return false;
        list->items_count += found;
    }
    return true;
}

/* ---- the request ---- */

static const char *trimmed(struct arena *arena, const char *text)
{
    struct text_span span = text_trim(text);
    return span.length > 0 ? arena_strndup(arena, span.bytes, span.length) : NULL;
}

static bool find_start(struct listing *l, struct error *err)
{
    const struct qa_list_request *request = l->request;
    l->from = place_before_all(l->order);
    if (request->cursor)
        return cursor_read(l->db, request->cursor, &l->filter, l->order, l->arena, &l->from, err);
    l->skip = (request->page - 1) * request->page_size;
    if (l->skip > KNOWLEDGE_PAGE_DEPTH)
        return error_add_field(err, "page", "goes to the first %d pairs; go on with cursor=next_cursor",
                               "只能翻到前 %d 条，请用 cursor=next_cursor 继续", KNOWLEDGE_PAGE_DEPTH);
    return true;
}

static bool find_page(struct listing *l, struct error *err)
{
    int64_t *ids = NULL;
    size_t id_count = 0;
    if (!keyword_find(l->db, l->filter.keyword, l->arena, &l->search, err))
        return false;
    if (l->search.kind == KEYWORD_FEW)
        return page_of_collected(l, l->search.ids, l->search.count, err);
    if (!count(l, err) || !find_few(l, &ids, &id_count, err))
        return false;
    return ids ? page_of_collected(l, ids, id_count, err) : page_of_walk(l, err);
}

bool knowledge_list(struct db *db, const struct qa_list_request *request, struct arena *arena,
                    struct qa_list *ret_list, struct error *err)
{
    struct listing l = {.db = db, .request = request, .filter = request->filter, .arena = arena};
    struct qa_list list = {.page = request->page, .page_size = request->page_size};
    l.filter.keyword = trimmed(arena, request->filter.keyword);
    if (!order_of(request->sort, &l.order))
        return error_add_field(err, "sort", "is no order of this list", "不是此列表的排序方式");
    if (!find_start(&l, err) || !find_page(&l, err) || !read_items(&l, &list, err))
        return false;
    list.total = l.total;
    list.total_at_least = l.total == INT_NULL ? l.at_least : INT_NULL;
    list.next_cursor = l.more ? cursor_make(&l.filter, l.order, &l.behind, arena) : NULL;
    *ret_list = list;
    return true;
}
