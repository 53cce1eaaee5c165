/* The list of tenants. A page is taken from an index in the order asked for, from whichever end is nearer; a
 * keyword that few have is answered by looking at each of them. */
#include "ops/tenants/tenant_manager.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ops/tenants/internal.h"
#include "platform/tenants/counters.h"
#include "platform/text_rules.h"
#include "store/store.h"

static const struct field item_fields[] = {TENANT_LIST_FIELDS(struct tenant_list_item)};
static const struct descriptor item_descriptor =
    DESCRIPTOR("TenantListItem", struct tenant_list_item, item_fields);

static const struct field summary_fields[] = {
    FIELD(struct tenant_summary, total, INT, "All tenants"),
    FIELD(struct tenant_summary, active, INT, "Those that are served"),
    FIELD(struct tenant_summary, suspended, INT, "Those that are not"),
};
static const struct descriptor summary_descriptor =
    DESCRIPTOR("TenantSummary", struct tenant_summary, summary_fields);

static const struct field list_fields[] = {
    FIELD_MANY(struct tenant_list, items, LIST, "The tenants of this page", .of = &item_descriptor),
    FIELD(struct tenant_list, total, INT, "Tenants that pass the filter"),
    FIELD(struct tenant_list, page, INT, "Which page, from 1"),
    FIELD(struct tenant_list, page_size, INT, "Items on a page"),
    FIELD(struct tenant_list, summary, OBJECT, "Of the whole platform", .of = &summary_descriptor),
};
const struct descriptor tenant_list_descriptor = DESCRIPTOR("TenantList", struct tenant_list, list_fields);

struct tenant_manager *tenant_manager_new(struct platform *platform)
{
    struct tenant_manager *manager = xcalloc(1, sizeof(*manager));
    manager->platform = platform;
    manager->directory = tenant_directory_new();
    return manager;
}

void tenant_manager_free(struct tenant_manager *manager)
{
    if (!manager)
        return;
    tenant_directory_free(manager->directory);
    free(manager);
}

/* --- orders */

/* Ids of a page: $1 status or null, $2 keyword as a LIKE pattern or null, then limit and offset. The order
 * is that of an index of all tenants or of those with one status, of which the page is a stretch; only
 * for a keyword the rows are looked at, until the page is full. */
enum scope { SCOPE_ALL, SCOPE_STATUS, SCOPE_KEYWORD, SCOPE_COUNT };
#define SQL_ANY_STATUS "CAST($1 AS TEXT) IS NULL"
#define SQL_NO_KEYWORD "CAST($2 AS TEXT) IS NULL"
#define SQL_PASSES                                                                                           \
    "(" SQL_ANY_STATUS " OR t.status = $1) AND (" SQL_NO_KEYWORD " OR LOWER(t.id) LIKE $2 ESCAPE '\\'"       \
    " OR t.name_folded LIKE $2 ESCAPE '\\')"
#define SQL_IN_EACH_SCOPE(before, after)                                                                     \
    {                                                                                                        \
        [SCOPE_ALL] = before SQL_ANY_STATUS " AND " SQL_NO_KEYWORD after,                                    \
        [SCOPE_STATUS] = before "t.status = $1 AND " SQL_NO_KEYWORD after,                                   \
        [SCOPE_KEYWORD] = before SQL_PASSES after,                                                           \
    }
#define SQL_ORDERED(order)                                                                                   \
    SQL_IN_EACH_SCOPE("SELECT t.id FROM tenants t WHERE ", " ORDER BY " order " LIMIT $3 OFFSET $4")

/* By conversations of today ($3): those who have some, by the index of the day; then the others, by id. */
#define SQL_IS_BUSY "a.day = $3 AND a.conversations > 0"
#define SQL_BUSY_PASSES                                                                                      \
    "FROM activity_daily a WHERE " SQL_IS_BUSY " AND (" SQL_ANY_STATUS " AND " SQL_NO_KEYWORD " OR EXISTS"   \
    " (SELECT 1 FROM tenants t WHERE t.id = a.tenant_id AND " SQL_PASSES "))"
#define SQL_BUSY(way)                                                                                        \
    "SELECT a.tenant_id " SQL_BUSY_PASSES " ORDER BY a.conversations " way ", a.tenant_id " way              \
    " LIMIT $4 OFFSET $5"
#define SQL_IDLE(way)                                                                                        \
    SQL_IN_EACH_SCOPE("SELECT t.id FROM tenants t WHERE t.id NOT IN"                                         \
                      " (SELECT a.tenant_id FROM activity_daily a WHERE " SQL_IS_BUSY ") AND ",              \
                      " ORDER BY t.id " way " LIMIT $4 OFFSET $5")

enum direction { ASCENDING, DESCENDING };

struct ordering {
    const char *column;
    size_t offset; /* of the column in struct tenant_list_item */
    bool is_text;
    const char *sql[2][SCOPE_COUNT]; /* by direction; NULL: conversations_today, in two parts */
};

#define ORDERING(column_, text)                                                                              \
    {                                                                                                        \
#column_, offsetof(struct tenant_list_item, column_), text,                                          \
        {                                                                                                    \
            SQL_ORDERED("t." #column_ ", t.id"), SQL_ORDERED("t." #column_ " DESC, t.id DESC")               \
        }                                                                                                    \
    }

static const struct ordering orderings[] = {
    ORDERING(name, true),
    {"id", offsetof(struct tenant_list_item, id), true, {SQL_ORDERED("t.id"), SQL_ORDERED("t.id DESC")}},
    ORDERING(status, true),
    ORDERING(user_count, false),
    ORDERING(qa_pair_count, false),
    {"conversations_today", offsetof(struct tenant_list_item, conversations_today), false, {{NULL}, {NULL}}},
    ORDERING(pending_feedback_count, false),
    {"last_active_at",
     offsetof(struct tenant_list_item, last_active_at),
     false,
     {SQL_ORDERED("t.last_active_at NULLS FIRST, t.id"),
      SQL_ORDERED("t.last_active_at DESC NULLS LAST, t.id DESC")}},
    ORDERING(created_at, false),
};

const char *const tenant_sorts[] = {
    "name",
    "-name",
    "id",
    "-id",
    "status",
    "-status",
    "user_count",
    "-user_count",
    "qa_pair_count",
    "-qa_pair_count",
    "created_at",
    "-created_at",
    "last_active_at",
    "-last_active_at",
    "pending_feedback_count",
    "-pending_feedback_count",
    "conversations_today",
    "-conversations_today",
    NULL,
};

static const struct ordering *tenant_ordering_find(const char *sort, enum direction *ret_direction)
{
    *ret_direction = *sort == '-' ? DESCENDING : ASCENDING;
    sort += *sort == '-';
    for (size_t i = 0; i < ARRAY_SIZE(orderings); i++)
        if (strcmp(orderings[i].column, sort) == 0)
            return &orderings[i];
    return &orderings[0];
}

/* What a list is made from, and the list. */
struct listing {
    struct db *db;
    struct arena *arena;
    const struct tenant_filter *filter;
    const struct ordering *ordering;
    enum direction direction;
    enum scope scope;
    const char *pattern; /* of the keyword; NULL: none */
    int32_t today;
    struct tenant_list list;
};

/* --- many: a page by an index */

struct id_page {
    const char **ids;
    size_t count;
};

/* Adds the ids that the statement gives. */
static bool tenant_listing_walk(const struct listing *listing, const char *sql, const struct db_value *args,
                                size_t arg_count, struct id_page *page, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(listing->db, sql, args, arg_count, &rows, err))
        return false;
    while (db_next(&rows))
        page->ids[page->count++] = arena_strdup(listing->arena, db_column_text(&rows, 0));
    return db_done(&rows, err);
}

static bool tenant_listing_walk_today(const struct listing *listing, const char *sql, int64_t offset,
                                      int64_t limit, struct id_page *page, struct error *err)
{
    return limit == 0 ||
           tenant_listing_walk(listing, sql,
                               DB_ARGS(db_text(listing->filter->status), db_text(listing->pattern),
                                       db_int(listing->today), db_int(limit), db_int(offset)),
                               page, err);
}

static const char SQL_COUNT_BUSY[] = "SELECT COUNT(*) " SQL_BUSY_PASSES;
static const char SQL_COUNT_BUSY_OF_STATUS[] =
    "SELECT COUNT(*) FROM tenants t JOIN activity_daily a ON a.tenant_id = t.id"
    " WHERE t.status = $1 AND " SQL_NO_KEYWORD " AND " SQL_IS_BUSY;

static bool tenant_listing_count(const struct listing *listing, const char *sql, const char *status,
                                 int64_t *ret_count, struct error *err)
{
    return db_find_int(listing->db, sql,
                       DB_ARGS(db_text(status), db_text(listing->pattern), db_int(listing->today)), 0,
                       ret_count, err);
}

/* Of the tenants in the scope. Those who are suspended are few; the active ones are all the others. */
static bool tenant_listing_count_busy(const struct listing *listing, int64_t *ret_busy, struct error *err)
{
    const char *status = listing->filter->status;
    int64_t all, suspended;
    if (listing->scope != SCOPE_STATUS)
        return tenant_listing_count(listing, SQL_COUNT_BUSY, status, ret_busy, err);
    if (!tenant_listing_count(listing, SQL_COUNT_BUSY, NULL, &all, err) ||
        !tenant_listing_count(listing, SQL_COUNT_BUSY_OF_STATUS, "suspended", &suspended, err))
        return false;
    *ret_busy = strcmp(status, "suspended") == 0 ? suspended : all - suspended;
    return true;
}

static bool tenant_listing_walk_busy(const struct listing *listing, enum direction direction, int64_t offset,
                                     int64_t limit, struct id_page *page, struct error *err)
{
    static const char *const sql[] = {SQL_BUSY("ASC"), SQL_BUSY("DESC")};
    return tenant_listing_walk_today(listing, sql[direction], offset, limit, page, err);
}

static bool tenant_listing_walk_idle(const struct listing *listing, enum direction direction, int64_t offset,
                                     int64_t limit, struct id_page *page, struct error *err)
{
    static const char *const sql[][SCOPE_COUNT] = {SQL_IDLE("ASC"), SQL_IDLE("DESC")};
    return tenant_listing_walk_today(listing, sql[direction][listing->scope], offset, limit, page, err);
}

/* From the greatest down the busy ones come first, from the least up the idle ones. */
static bool tenant_listing_walk_both(const struct listing *listing, enum direction direction, int64_t offset,
                                     int64_t limit, struct id_page *page, struct error *err)
{
    int64_t busy;
    if (!tenant_listing_count_busy(listing, &busy, err))
        return false;
    int64_t first = direction == DESCENDING ? busy : listing->list.total - busy;
    int64_t from_first = offset >= first ? 0 : first - offset < limit ? first - offset : limit;
    int64_t rest = limit - from_first, skip = offset > first ? offset - first : 0;
    if (direction == DESCENDING)
        return tenant_listing_walk_busy(listing, direction, offset, from_first, page, err) &&
               tenant_listing_walk_idle(listing, direction, skip, rest, page, err);
    return tenant_listing_walk_idle(listing, direction, offset, from_first, page, err) &&
           tenant_listing_walk_busy(listing, direction, skip, rest, page, err);
}

static void id_page_reverse(struct id_page *page)
{
    for (size_t i = 0, j = page->count; i + 1 < j; i++) {
        const char *id = page->ids[--j];
        page->ids[j] = page->ids[i];
        page->ids[i] = id;
    }
}

/* The last pages are the first ones of the opposite order, read backwards. */
static bool tenant_listing_find_page(const struct listing *listing, int64_t offset, int64_t limit,
                                     struct id_page *page, struct error *err)
{
    int64_t from_end = listing->list.total - offset - limit;
    bool backwards = from_end < offset;
    enum direction direction = backwards ? !listing->direction : listing->direction;
    int64_t skip = backwards ? from_end : offset;
    const char *sql = listing->ordering->sql[direction][listing->scope];
    const struct db_value args[] = {db_text(listing->filter->status), db_text(listing->pattern),
                                    db_int(limit), db_int(skip)};
    bool done = sql ? tenant_listing_walk(listing, sql, args, ARRAY_SIZE(args), page, err)
                    : tenant_listing_walk_both(listing, direction, skip, limit, page, err);
    if (backwards)
        id_page_reverse(page);
    return done;
}

/* --- rows */

static const char SQL_ITEMS[] =
    "SELECT t.id, t.name, t.status, t.contact, t.user_count, t.qa_pair_count, t.last_active_at, t.created_at,"
    " t.unsynced_count, t.pending_feedback_count, t.suspended_at, t.suspended_reason, t.version,"
    " COALESCE((SELECT a.conversations FROM activity_daily a WHERE a.tenant_id = t.id AND a.day = $51), 0)"
    " AS conversations_today FROM tenants t WHERE t.id IN (" DB_LIST ")";

/* Those of `ids`, at most DB_LIST_MAX, in their order, that there are. */
static bool tenant_items_read_some(struct db *db, const char *const *ids, size_t count, int32_t today,
                                   struct arena *arena, struct tenant_list_item *items, size_t *ret_count,
                                   struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct db_value args[DB_LIST_MAX + 1] = {[DB_LIST_MAX] = db_int(today)};
    struct tenant_list_item found[DB_LIST_MAX] = {0};
    for (size_t i = 0; i < count; i++)
        args[i] = db_text(ids[i]);
    if (!db_query(db, SQL_ITEMS, args, DB_LIST_MAX + 1, &rows, err))
        return false;
    while (db_next(&rows)) {
        const char *id = db_column_text(&rows, 0);
        for (size_t i = 0; i < count; i++)
            if (strcmp(ids[i], id) == 0)
                db_read_row(&rows, &item_descriptor, &found[i], arena);
    }
    *ret_count = 0;
    for (size_t i = 0; i < count; i++)
        if (found[i].id)
            items[(*ret_count)++] = found[i];
    return db_done(&rows, err);
}

bool tenant_items_read(struct db *db, const char *const *ids, size_t count, int32_t today,
                       struct arena *arena, struct tenant_list_item *items, size_t *ret_count,
                       struct error *err)
{
    *ret_count = 0;
    for (size_t at = 0, read; at < count; at += DB_LIST_MAX) {
        size_t some = count - at < DB_LIST_MAX ? count - at : DB_LIST_MAX;
        if (!tenant_items_read_some(db, ids + at, some, today, arena, items + *ret_count, &read, err))
            return false;
        *ret_count += read;
    }
    return true;
}

/* As the matrix has it (template_state_of): a copy that the tenant has deleted is not missed, that was its
 * decision; nor is one that an answer of its own stands in the way of: that is a conflict. */
static const char SQL_TEMPLATES_MISSING[] =
    "SELECT t.id, (SELECT COUNT(*) FROM templates p WHERE p.for_all = 1 AND p.deleted_at IS NULL"
    "  AND NOT EXISTS (SELECT 1 FROM qa_pairs q WHERE q.tenant_id = t.id AND q.template_id = p.id)"
    "  AND NOT EXISTS (SELECT 1 FROM qa_pairs q LEFT JOIN templates o"
    "   ON o.id = q.template_id AND o.deleted_at IS NULL"
    "   WHERE q.tenant_id = t.id AND q.question_key = p.question_key AND q.deleted_at IS NULL"
    "   AND (q.text_hash <> p.text_hash OR q.category <> p.category OR o.id IS NOT NULL)))"
    " FROM tenants t WHERE t.id IN (" DB_LIST ")";

bool tenant_items_count_missing(struct db *db, struct tenant_list_item *items, size_t count,
                                struct error *err)
{
    for (size_t at = 0; at < count; at += DB_LIST_MAX) {
        CLEANUP(db_rows_release) struct db_rows rows = {0};
        struct db_value ids[DB_LIST_MAX] = {0};
        size_t some = count - at < DB_LIST_MAX ? count - at : DB_LIST_MAX;
        for (size_t i = 0; i < some; i++)
            ids[i] = db_text(items[at + i].id);
        if (!db_query(db, SQL_TEMPLATES_MISSING, ids, DB_LIST_MAX, &rows, err))
            return false;
        while (db_next(&rows)) {
            const char *id = db_column_text(&rows, 0);
            for (size_t i = at; i < at + some; i++)
                if (strcmp(items[i].id, id) == 0)
                    items[i].templates_missing = db_column_int(&rows, 1);
        }
        if (!db_done(&rows, err))
            return false;
    }
    return true;
}

/* --- few: all of them, put in order here */

static int tenant_listing_compare(const void *left, const void *right, void *context)
{
    const struct listing *listing = context;
    const struct tenant_list_item *a = left, *b = right;
    const char *column_a = (const char *)a + listing->ordering->offset;
    const char *column_b = (const char *)b + listing->ordering->offset;
    int order;
    if (listing->ordering->is_text) {
        order = strcmp(*(const char *const *)column_a, *(const char *const *)column_b);
    } else {
        int64_t x = *(const int64_t *)column_a, y = *(const int64_t *)column_b;
        order = (x > y) - (x < y);
    }
    if (order == 0)
        order = strcmp(a->id, b->id);
    return listing->direction == DESCENDING ? -order : order;
}

static bool tenant_listing_few(struct listing *listing, const struct tenant_hits *hits, int64_t offset,
                               size_t limit, struct error *err)
{
    struct tenant_list_item items[TENANT_HITS_FEW] = {0};
    size_t count;
    if (!tenant_items_read(listing->db, hits->ids, (size_t)hits->total, listing->today, listing->arena, items,
                           &count, err))
        return false;
    qsort_r(items, count, sizeof(items[0]), tenant_listing_compare, listing);
    size_t from = (size_t)offset < count ? (size_t)offset : count;
    listing->list.items_count = count - from < limit ? count - from : limit;
    memcpy(listing->list.items, items + from, listing->list.items_count * sizeof(items[0]));
    return true;
}

/* --- the list */

/* How many pass the filter, and which, if they are few. */
static bool tenant_listing_count_hits(struct tenant_manager *manager, struct listing *listing,
                                      struct tenant_hits *hits, struct error *err)
{
    int64_t counters[COUNTER_COUNT];
    const struct tenant_filter *filter = listing->filter;
    if (!counters_read(listing->db, counters, err))
        return false;
    int64_t total = counters[COUNTER_TENANTS], active = counters[COUNTER_ACTIVE_TENANTS];
    listing->list.summary = (struct tenant_summary){total, active, total - active};
    hits->total = !filter->status ? total : strcmp(filter->status, "active") == 0 ? active : total - active;
    return listing->scope != SCOPE_KEYWORD ||
           tenant_directory_search(manager->directory, listing->db, counters[COUNTER_TENANT_EDITS],
                                   filter->status, filter->keyword, listing->arena, hits, err);
}

static bool tenant_listing_page(struct tenant_manager *manager, struct listing *listing, struct error *err)
{
    const struct tenant_filter *filter = listing->filter;
    struct tenant_list *list = &listing->list;
    struct tenant_hits hits = {0};
    if (!tenant_listing_count_hits(manager, listing, &hits, err))
        return false;
    list->total = hits.total;
    int64_t offset = (filter->page - 1) * filter->page_size, left = hits.total - offset;
    if (left <= 0)
        return true;
    size_t limit = (size_t)(left < filter->page_size ? left : filter->page_size);
    list->items = arena_alloc(listing->arena, limit * sizeof(*list->items));
    if (listing->scope == SCOPE_KEYWORD && hits.total <= TENANT_HITS_FEW) {
        if (!tenant_listing_few(listing, &hits, offset, limit, err))
            return false;
    } else {
        struct id_page page = {.ids = arena_alloc(listing->arena, (limit + 1) * sizeof(*page.ids))};
        if (!tenant_listing_find_page(listing, offset, (int64_t)limit, &page, err) ||
            !tenant_items_read(listing->db, page.ids, page.count, listing->today, listing->arena, list->items,
                               &list->items_count, err))
            return false;
    }
    return tenant_items_count_missing(listing->db, list->items, list->items_count, err);
}

bool tenant_manager_list(struct tenant_manager *manager, const struct tenant_filter *filter,
                         struct arena *arena, struct tenant_list *ret_list, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct listing listing = {
        .arena = arena,
        .filter = filter,
        .pattern = text_like_part(arena, filter->keyword),
        .today = clock_day(clock_now_ms()),
        .list = {.page = filter->page, .page_size = filter->page_size},
    };
    listing.scope = listing.pattern ? SCOPE_KEYWORD : filter->status ? SCOPE_STATUS : SCOPE_ALL;
    listing.ordering = tenant_ordering_find(filter->sort, &listing.direction);
    if (!store_reader(manager->platform->store, READ_LIMIT_MS, &db, err))
        return false;
    listing.db = db;
    if (!tenant_listing_page(manager, &listing, err))
        return false;
    *ret_list = listing.list;
    return true;
}
