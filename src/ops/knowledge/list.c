/* One page of everyone's knowledge.
 *
 * The directory, in memory, gives at once which pairs a filter admits, how many they are, and which come
 * first in an order. A keyword narrows that to what the full-text index finds; where texts must be looked at
 * to be sure, of few pairs all are read, of many those that come first, until the page is full; what the index does
 * not have yet is read as a whole where it keeps the page from being full. Measured
 * with a million pairs of 100 and of 10,000 tenants by tests/bench/bench_knowledge.c. */
#include "ops/knowledge/knowledge_manager.h"

#include <string.h>

#include "ops/knowledge/internal.h"
#include "platform/text_rules.h"

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
    struct knowledge_directory *directory;
    struct db *db;
    const struct qa_list_request *request;
    struct qa_filter filter; /* keyword trimmed */
    struct list_order order;
    struct list_place from; /* the page begins behind it */
    size_t skip;            /* and then skips so many */
    struct arena *arena;
    struct keyword_search search;
    size_t read_max;         /* texts that are looked at where they decide */
    struct list_place *page; /* its pairs' places */
    size_t count;
    bool more;                /* there are pairs behind the page */
    struct list_place behind; /* if so: where the next one begins */
    int64_t total;            /* INT_NULL: not known */
    int64_t at_least;
};

/* ---- the first of those that match, by the directory ---- */

static bool listing_select(struct listing *l, const struct list_place *from, size_t limit,
                           struct selection *ret_selection, struct error *err)
{
    CLEANUP(directory_release) struct knowledge_directory *directory = NULL;
    struct list_key after;
    if (l->order.sort == SORT_TENANT && !directory_name_tenants(l->directory, l->db, err))
        return false;
    if (!(l->order.sort == SORT_QUESTION ? directory_lock_ranked : directory_lock)(l->directory, l->db, err))
        return false;
    directory = l->directory;
    if (!place_key(directory, l->db, l->order.sort, from, &after, err))
        return false;
    struct pair_match match;
    if (!match_make(directory, l->db, &l->filter, &l->search, l->arena, &match, err))
        return false;
    *ret_selection = match_select(&match, l->order, after, limit, l->arena);
    return true;
}

/* A place that something is to begin behind has its question; if the pair went this moment, nothing can. */
static bool listing_complete_place(struct listing *l, struct list_place *place, struct error *err)
{
    if (l->order.sort != SORT_QUESTION)
        return true;
    if (!question_read(l->db, place->id, l->arena, &place->text, err))
        return false;
    if (!*place->text)
        *place = place_before_all((struct list_order){SORT_QUESTION, !l->order.descending});
    return true;
}

static size_t listing_page_size(const struct listing *l)
{
    return (size_t)l->request->page_size;
}

/* The page of places that are in order, the first of which is the first behind `from`. */
static void listing_cut_page(struct listing *l, struct list_place *places, size_t count)
{
    size_t first = l->skip < count ? l->skip : count;
    l->more = count - first > listing_page_size(l);
    l->page = places + first;
    l->count = l->more ? listing_page_size(l) : count - first;
    if (l->count > 0)
        l->behind = l->page[l->count - 1];
}

static bool listing_page_of_all(struct listing *l, struct error *err)
{
    struct selection selection;
    if (!listing_select(l, &l->from, l->skip + listing_page_size(l) + 1, &selection, err))
        return false;
    listing_cut_page(l, selection.places, selection.count);
    l->total = selection.matched;
    return true;
}

/* ---- with a keyword of which the texts decide ---- */

/* Leaves those that hold the keyword, until there are `enough`. Returns how many were looked at. */
static bool listing_look_at_texts(struct listing *l, struct selection *selection, size_t enough,
                                  size_t *ret_looked, struct error *err)
{
    size_t kept = 0, i = 0;
    for (; i < selection->count && kept < enough; i++) {
        bool holds;
        if (!keyword_in_pair(&l->search, l->db, selection->places[i].id, &holds, err))
            return false;
        if (holds)
            selection->places[kept++] = selection->places[i];
    }
    selection->count = kept;
    *ret_looked = i;
    return true;
}

/* All that may hold it are looked at, so that they can be counted. */
static bool listing_page_of_few(struct listing *l, struct error *err)
{
    struct list_place start = place_before_all(l->order);
    struct selection all, behind;
    size_t before = 0, looked;
    if (!listing_select(l, &start, FEW_PAIRS, &all, err))
        return false;
    if (l->request->cursor) { /* what is behind the page before is the end of it all */
        if (!listing_select(l, &l->from, FEW_PAIRS, &behind, err))
            return false;
        before = behind.count < all.count ? all.count - behind.count : 0;
    }
    struct selection head = {.places = all.places, .count = before};
    struct selection tail = {.places = all.places + before, .count = all.count - before};
    if (!listing_look_at_texts(l, &head, before, &looked, err) ||
        !listing_look_at_texts(l, &tail, tail.count, &looked, err))
        return false;
    listing_cut_page(l, tail.places, tail.count);
    l->total = (int64_t)(head.count + tail.count);
    return true;
}

#define FIRST_ROUND 256 /* places that are looked at; then up to KNOWLEDGE_READ_MAX, then the rest at once */

/* Those that come first are looked at until the page is full, or read_max have been. `selection`: the first
 * round. */
static bool listing_page_of_many(struct listing *l, struct selection selection, struct error *err)
{
    size_t enough = l->skip + listing_page_size(l) + 1, held_count = 0, looked_at = 0, limit = FIRST_ROUND;
    struct list_place *held = arena_alloc(l->arena, enough * sizeof(*held)), last = l->from;
    bool at_end = false;
    for (;;) {
        size_t looked;
        at_end = selection.count < limit;
        if (selection.count > 0)
            last = selection.places[selection.count - 1];
        if (!listing_complete_place(l, &last, err) ||
            !listing_look_at_texts(l, &selection, enough - held_count, &looked, err))
            return false;
        memcpy(held + held_count, selection.places, selection.count * sizeof(*held));
        held_count += selection.count;
        looked_at += looked;
        if (at_end || held_count == enough || looked_at >= l->read_max)
            break;
        limit = (looked_at < KNOWLEDGE_READ_MAX ? KNOWLEDGE_READ_MAX : l->read_max) - looked_at;
        if (!listing_select(l, &last, limit, &selection, err))
            return false;
    }
    listing_cut_page(l, held, held_count);
    if (!at_end && held_count < enough) { /* there may be some behind what was looked at */
        l->more = true;
        l->behind = last;
    }
    l->at_least = (int64_t)held_count;
    l->total = at_end && held_count < enough && !l->request->cursor ? (int64_t)held_count : INT_NULL;
    return true;
}

/* ---- the pairs themselves ---- */

static const char SQL_ITEMS[] =
    "SELECT " QA_ITEM_COLUMNS " FROM qa_pairs q JOIN tenants t ON t.id = q.tenant_id"
    " WHERE q.id IN (" DB_LIST ") AND q.deleted_at IS NULL";

/* Those of `places`, at most DB_LIST_MAX, in their order. */
static bool listing_read_some_items(struct listing *l, const struct list_place *places, size_t count,
                                    struct qa_list *list, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct db_value ids[DB_LIST_MAX] = {0};
    struct qa_list_item found[DB_LIST_MAX] = {0};
    for (size_t i = 0; i < count; i++)
        ids[i] = db_int(places[i].id);
    if (!db_query(l->db, SQL_ITEMS, ids, DB_LIST_MAX, &rows, err))
        return false;
    while (db_next(&rows)) {
        int64_t id = db_column_int(&rows, 0);
        for (size_t i = 0; i < count; i++)
            if (places[i].id == id)
                db_read_row(&rows, &qa_list_item_descriptor, &found[i], l->arena);
    }
    if (!db_done(&rows, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (found[i].id) /* not if it was deleted a moment ago */
            list->items[list->items_count++] = found[i];
    return true;
}

static bool listing_read_items(struct listing *l, struct qa_list *list, struct error *err)
{
    list->items = arena_alloc(l->arena, (l->count + 1) * sizeof(*list->items));
    for (size_t at = 0; at < l->count; at += DB_LIST_MAX) {
        size_t some = l->count - at < DB_LIST_MAX ? l->count - at : DB_LIST_MAX;
        if (!listing_read_some_items(l, l->page + at, some, list, err))
            return false;
    }
    return true;
}

/* ---- the request ---- */

static const char *listing_trim_keyword(struct arena *arena, const char *text)
{
    struct text_span span = text_trim(text);
    return span.length > 0 ? arena_strndup(arena, span.bytes, span.length) : NULL;
}

static bool listing_find_start(struct listing *l, struct error *err)
{
    const struct qa_list_request *request = l->request;
    l->from = place_before_all(l->order);
    if (request->cursor)
        return cursor_read(l->db, request->cursor, &l->filter, l->order, l->arena, &l->from, err);
    int64_t skip = (request->page - 1) * request->page_size;
    l->skip = (size_t)skip;
    if (skip > KNOWLEDGE_PAGE_DEPTH)
        return error_add_field(err, "page", "goes to the first %d pairs; go on with cursor=next_cursor",
                               "只能翻到前 %d 条，请用 cursor=next_cursor 继续", KNOWLEDGE_PAGE_DEPTH);
    return true;
}

static bool listing_find_page_with(struct listing *l, enum keyword_effort effort, struct error *err)
{
    if (!keyword_find(l->db, l->filter.keyword, effort, l->arena, &l->search, err))
        return false;
    l->read_max = effort == KEYWORD_THOROUGH ? KNOWLEDGE_READ_THOROUGH : KNOWLEDGE_READ_MAX;
    if (keyword_is_certain(&l->search))
        return listing_page_of_all(l, err);
    struct selection selection;
    if (!listing_select(l, &l->from, FIRST_ROUND, &selection, err))
        return false;
    return selection.matched <= FEW_PAIRS ? listing_page_of_few(l, err)
                                          : listing_page_of_many(l, selection, err);
}

/* An empty page means that nothing matches, and pairs that were there before an import must be found before the index
 * has taken that in: a page that is short for that reason is read once more, with more effort. */
static bool listing_find_page(struct listing *l, struct error *err)
{
    if (!listing_find_page_with(l, KEYWORD_QUICK, err))
        return false;
    bool is_short = l->more && l->count < listing_page_size(l);
    bool index_is_behind = l->search.unindexed_count > 0;
    return !is_short || (l->count > 0 && !index_is_behind) ||
           listing_find_page_with(l, KEYWORD_THOROUGH, err);
}

bool knowledge_list(struct knowledge_directory *directory, struct db *db,
                    const struct qa_list_request *request, struct arena *arena, struct qa_list *ret_list,
                    struct error *err)
{
    struct listing l = {
        .directory = directory, .db = db, .request = request, .filter = request->filter, .arena = arena};
    struct qa_list list = {.page = request->page, .page_size = request->page_size};
    l.filter.keyword = listing_trim_keyword(arena, request->filter.keyword);
    if (!order_of(request->sort, &l.order))
        return error_add_field(err, "sort", "is no order of this list", "不是此列表的排序方式");
    if (!listing_find_start(&l, err) || !listing_find_page(&l, err) || !listing_read_items(&l, &list, err) ||
        (l.more && !listing_complete_place(&l, &l.behind, err)))
        return false;
    list.total = l.total;
    list.total_at_least = l.total == INT_NULL ? l.at_least : INT_NULL;
    list.next_cursor = l.more ? cursor_make(&l.filter, l.order, &l.behind, arena) : NULL;
    *ret_list = list;
    return true;
}

bool knowledge_count_tenants(struct knowledge_directory *directory, struct db *db,
                             const struct qa_filter *filter, struct arena *arena, int64_t *ret_count,
                             struct error *err)
{
    CLEANUP(directory_release) struct knowledge_directory *locked = NULL;
    struct keyword_search search;
    struct pair_match match;
    if (!keyword_find(db, listing_trim_keyword(arena, filter->keyword), KEYWORD_QUICK, arena, &search, err))
        return false;
    if (!keyword_is_certain(&search)) {
        *ret_count = INT_NULL;
        return true;
    }
    if (!directory_lock(directory, db, err))
        return false;
    locked = directory;
    if (!match_make(locked, db, filter, &search, arena, &match, err))
        return false;
    *ret_count = match_count_tenants(&match, arena);
    return true;
}
