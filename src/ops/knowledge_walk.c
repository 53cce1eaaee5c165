/* A walk gives the pairs that a filter admits in the list's order, one after the other:
 *
 *   - over all tenants by a pair's own value: from every group of the list index that the filter admits
 *     pairs are read in that order, a few at a time, and the least of their heads is taken (a heap);
 *   - of one tenant: its own index holds all that the filter and nearly every order needs;
 *   - over all tenants by category or by tenant's name: one of these after the other, each walked by id.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "ops/knowledge_internal.h"

#define BATCH_LEAST 8 /* pairs that are read from a group at once, to begin with */
#define BATCH_MOST 512
#define OUTERS_AT_ONCE 64
#define PAIRS_ALL (INT64_C(1) << 40)

/* ---- what is asked ----
 * $1 group or tenant, $2 value and $3 id of the place to go on behind, $4 category, $5 at most, $6 and $7
 * bounds of quality, $8 tenant; of a tenant alone $9 source, $10 is_synced. Null: any. Two questions for each
 * order of groups, for an index finds the second at once only if the first is told exactly: equal values
 * further on by id (ties), then the values beyond. */

#define IN_GROUP                                                                                             \
    " FROM qa_pairs WHERE list_group = $1 AND (CAST($4 AS TEXT) IS NULL OR category = $4)"                   \
    " AND (CAST($6 AS REAL) IS NULL OR quality_score >= $6)"                                                 \
    " AND (CAST($7 AS REAL) IS NULL OR quality_score <= $7)"                                                 \
    " AND (CAST($8 AS TEXT) IS NULL OR tenant_id = $8)"
#define TIES(value, compare, direction)                                                                      \
    "SELECT id, " value IN_GROUP " AND " value " = $2 AND id " compare " $3 ORDER BY id " direction          \
    " LIMIT $5"
#define BEYOND(value, compare, direction)                                                                    \
    "SELECT id, " value IN_GROUP " AND " value " " compare " $2 ORDER BY " value " " direction               \
    ", id " direction " LIMIT $5"
/* That a category is not less than '' is always so; it tells the database which index to take. */
#define BY_ITS_INDEX " AND category >= ''"
#define OF_TENANT(value, compare, direction, which)                                                          \
    "SELECT id, " value " FROM qa_pairs WHERE tenant_id = $1 AND deleted_at IS NULL" which                   \
    " AND (CAST($4 AS TEXT) IS NULL OR category = $4)"                                                       \
    " AND (CAST($6 AS REAL) IS NULL OR quality_score >= $6)"                                                 \
    " AND (CAST($7 AS REAL) IS NULL OR quality_score <= $7)"                                                 \
    " AND (CAST($9 AS TEXT) IS NULL OR source = $9)"                                                         \
    " AND (CAST($10 AS BIGINT) IS NULL OR is_synced = $10)"                                                  \
    " AND (" value ", id) " compare " ($2, $3) ORDER BY " value " " direction ", id " direction " LIMIT $5"

struct questions {
    const char *ties, *beyond, *of_tenant;
};
#define QUESTIONS(value, which)                                                                              \
    {                                                                                                        \
        {TIES(value, ">", "ASC"), BEYOND(value, ">", "ASC"), OF_TENANT(value, ">", "ASC", which)},           \
        {                                                                                                    \
            TIES(value, "<", "DESC"), BEYOND(value, "<", "DESC"), OF_TENANT(value, "<", "DESC", which)       \
        }                                                                                                    \
    }

/* Ascending, descending. */
static const struct questions questions[][2] = {
    [SORT_ID] = QUESTIONS("id", BY_ITS_INDEX),
    [SORT_CREATED] = QUESTIONS("created_at", BY_ITS_INDEX),
    [SORT_UPDATED] = QUESTIONS("updated_at", BY_ITS_INDEX),
    [SORT_QUALITY] = QUESTIONS("quality_score", BY_ITS_INDEX),
    [SORT_HITS] = QUESTIONS("hit_count", BY_ITS_INDEX),
    [SORT_QUESTION] = QUESTIONS("question", ""),
};

/* ---- runs: one group, or one tenant ---- */

struct run_pair {
    int64_t id, integer;
    double real;
    const char *text; /* of the run's arena */
};

struct run {
    int64_t group;
    bool at_edge; /* quality must be looked at */
    bool in_ties, ended;
    struct run_pair *pairs; /* read and not taken yet: next to count */
    size_t count, next, batch, room;
    struct run_pair last; /* the run goes on behind it */
    struct arena texts;
};

struct list_walk {
    struct db *db;
    struct qa_filter filter;
    struct list_order order;
    struct list_order inner_order; /* of pairs in a run: by id in an outer walk */
    struct arena arena;            /* of what lives as long as the walk */
    struct arena taken;            /* of the pair that was given last */

    bool of_tenant; /* the one run is the tenant's */
    struct run *runs;
    size_t run_count;
    size_t *heap; /* runs that have a pair, the least first */
    size_t heap_count;

    struct list_walk *inner; /* of an outer walk: the present tenant's or category's */
    struct outer {
        const char *name, *id;
    } outers[OUTERS_AT_ONCE];
    size_t outer_count, outer_next;
    bool outers_ended;
    struct list_place from; /* of an outer walk: where it began, until its first inner walk has begun */
    int64_t expected;
};

static const struct questions *questions_of(const struct list_walk *walk)
{
    return &questions[walk->inner_order.sort][walk->inner_order.descending];
}

static struct list_place place_in_run(const struct list_walk *walk, const struct run_pair *pair)
{
    struct list_place place = place_before_all(walk->inner_order);
    place.outer = place.outer_id = "";
    place.id = pair->id;
    place.integer = pair->integer;
    place.real = pair->real;
    place.text = pair->text;
    return place;
}

static void take_row(const struct list_walk *walk, struct run *run, const struct db_rows *rows)
{
    enum list_sort sort = walk->inner_order.sort;
    struct run_pair *pair = &run->pairs[run->count++];
    *pair = (struct run_pair){.id = db_column_int(rows, 0)};
    if (sort == SORT_QUESTION)
        pair->text = arena_strdup(&run->texts, db_column_text(rows, 1));
    else if (sort == SORT_QUALITY)
        pair->real = db_column_real(rows, 1);
    else
        pair->integer = db_column_int(rows, 1);
}

static bool ask(struct list_walk *walk, struct run *run, struct db_rows *rows, struct error *err)
{
    const struct qa_filter *filter = &walk->filter;
    const struct questions *q = questions_of(walk);
    const struct list_place last = place_in_run(walk, &run->last);
    bool quality = walk->of_tenant || run->at_edge;
    const struct db_value args[] = {
        walk->of_tenant ? db_text(filter->tenant_id) : db_int(run->group),
        place_value(&last),
        db_int(last.id),
        db_text(filter->category),
        db_int((int64_t)run->batch),
        quality ? db_real(filter->quality_min) : db_null(),
        quality ? db_real(filter->quality_max) : db_null(),
        db_text(filter->tenant_id),
        db_text(filter->source),
        db_int(filter->is_synced == SYNCED_ANY ? INT_NULL : filter->is_synced),
    };
    if (walk->of_tenant)
        return db_query(walk->db, q->of_tenant, args, 10, rows, err);
    return db_query(walk->db, run->in_ties ? q->ties : q->beyond, args, 8, rows, err);
}

static void make_room(struct run *run)
{
    if (run->room >= run->batch)
        return;
    run->room = run->batch;
    run->pairs = xrealloc(run->pairs, run->room * sizeof(*run->pairs));
}

/* `last` outlives the texts of the batch that it came from. */
static void remember_last(struct run *run, struct arena *keep)
{
    if (run->count == 0)
        return;
    run->last = run->pairs[run->count - 1];
    if (run->last.text)
        run->last.text = arena_strdup(keep, run->last.text);
}

static bool has_ties(const struct list_walk *walk)
{
    return !walk->of_tenant && walk->inner_order.sort != SORT_ID;
}

/* Reads the run's next pairs, if there are any. */
static bool refill(struct list_walk *walk, struct run *run, struct error *err)
{
    run->count = run->next = 0;
    while (run->count == 0 && !run->ended) {
        CLEANUP(db_rows_release) struct db_rows rows = {0};
        arena_reset(&run->texts);
        make_room(run);
        if (!ask(walk, run, &rows, err))
            return false;
        while (run->count < run->batch && db_next(&rows))
            take_row(walk, run, &rows);
        if (!db_done(&rows, err))
            return false;
        bool exhausted = run->count < run->batch;
        run->ended = exhausted && !run->in_ties;
        /* A batch that is full may have ended in the midst of equal values. */
        run->in_ties = !exhausted && has_ties(walk);
        remember_last(run, &walk->arena);
        if (run->batch < BATCH_MOST)
            run->batch *= 2;
    }
    return true;
}

/* ---- the heap ---- */

static bool comes_before(const struct list_walk *walk, size_t a, size_t b)
{
    const struct run *x = &walk->runs[a], *y = &walk->runs[b];
    struct list_place first = place_in_run(walk, &x->pairs[x->next]);
    struct list_place second = place_in_run(walk, &y->pairs[y->next]);
    return place_compare(&first, &second, walk->inner_order.descending) < 0;
}

static void swap(size_t *a, size_t *b)
{
    size_t kept = *a;
    *a = *b;
    *b = kept;
}

static void sift_down(struct list_walk *walk, size_t at)
{
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < walk->heap_count; child++)
            if (comes_before(walk, walk->heap[child], walk->heap[least]))
                least = child;
        if (least == at)
            return;
        swap(&walk->heap[at], &walk->heap[least]);
        at = least;
    }
}

/* The run at the heap's top has given its head away. */
static bool advance_top(struct list_walk *walk, struct error *err)
{
    struct run *run = &walk->runs[walk->heap[0]];
    if (++run->next == run->count && !refill(walk, run, err))
        return false;
    if (run->next == run->count)
        walk->heap[0] = walk->heap[--walk->heap_count];
    sift_down(walk, 0);
    return true;
}

static bool fill_heap(struct list_walk *walk, struct error *err)
{
    walk->heap = xcalloc(walk->run_count + 1, sizeof(*walk->heap));
    for (size_t i = 0; i < walk->run_count; i++) {
        if (!refill(walk, &walk->runs[i], err))
            return false;
        if (walk->runs[i].count > 0)
            walk->heap[walk->heap_count++] = i;
    }
    for (size_t i = walk->heap_count / 2; i-- > 0;)
        sift_down(walk, i);
    return true;
}

/* ---- beginning ---- */

static const char SQL_PAIRS_OF_TENANT[] = "SELECT qa_pair_count FROM tenants WHERE id = $1";

bool tenant_is_large(struct db *db, const char *tenant_id, bool *ret_large, struct error *err)
{
    int64_t pairs;
    if (!db_find_int(db, SQL_PAIRS_OF_TENANT, DB_ARGS(db_text(tenant_id)), 0, &pairs, err))
        return false;
    *ret_large = pairs > LARGE_TENANT;
    return true;
}

static void begin_run(struct list_walk *walk, struct run *run, const struct list_place *from, size_t batch)
{
    run->batch = batch;
    run->last = (struct run_pair){
        .id = from->id,
        .integer = walk->inner_order.sort == SORT_ID ? from->id : from->integer,
        .real = from->real,
        .text = walk->inner_order.sort == SORT_QUESTION ? arena_strdup(&walk->arena, from->text) : NULL,
    };
    bool at_start = from->id == place_before_all(walk->inner_order).id;
    run->in_ties = has_ties(walk) && !at_start;
}

static bool begin_groups(struct list_walk *walk, const struct list_place *from, struct error *err)
{
    struct list_group *groups;
    if (!groups_find(walk->db, &walk->filter, &walk->arena, &groups, &walk->run_count, err))
        return false;
    int64_t each = walk->run_count > 0 ? 2 * walk->expected / (int64_t)walk->run_count : 0;
    size_t batch = each < BATCH_LEAST ? BATCH_LEAST : each > BATCH_MOST ? BATCH_MOST : (size_t)each;
    walk->runs = xcalloc(walk->run_count + 1, sizeof(*walk->runs));
    for (size_t i = 0; i < walk->run_count; i++) {
        walk->runs[i].group = groups[i].number;
        walk->runs[i].at_edge = groups[i].at_edge;
        begin_run(walk, &walk->runs[i], from, batch);
    }
    return fill_heap(walk, err);
}

/* What is sorted is read once and for all: asking again would sort it again. */
static bool begin_tenant(struct list_walk *walk, const struct list_place *from, struct error *err)
{
    walk->of_tenant = true;
    walk->run_count = 1;
    walk->runs = xcalloc(1, sizeof(*walk->runs));
    bool all = walk->expected > LARGE_TENANT;
    begin_run(walk, &walk->runs[0], from, (size_t)(all ? LARGE_TENANT : walk->expected));
    return fill_heap(walk, err);
}

static bool begin_inner(struct list_walk *walk, const struct list_place *from, struct error *err)
{
    bool large = true;
    if (walk->filter.tenant_id && !tenant_is_large(walk->db, walk->filter.tenant_id, &large, err))
        return false;
    return large ? begin_groups(walk, from, err) : begin_tenant(walk, from, err);
}

/* Within one tenant, or one category, the outer value is the same for all. */
static bool needs_outer_walk(const struct qa_filter *filter, struct list_order order)
{
    return (order.sort == SORT_TENANT && !filter->tenant_id) ||
           (order.sort == SORT_CATEGORY && !filter->category);
}

bool walk_begin(struct db *db, const struct qa_filter *filter, struct list_order order,
                const struct list_place *from, int64_t expected, struct list_walk **ret_walk,
                struct error *err)
{
    struct list_walk *walk = xcalloc(1, sizeof(*walk));
    walk->db = db;
    walk->filter = *filter;
    walk->order = order;
    walk->expected = expected < PAIRS_ALL ? expected : PAIRS_ALL;
    walk->inner_order = order_is_outer(order) ? (struct list_order){SORT_ID, order.descending} : order;
    walk->from = *from;
    if (!needs_outer_walk(filter, order) && !begin_inner(walk, from, err)) {
        walk_end(walk);
        return false;
    }
    *ret_walk = walk;
    return true;
}

void walk_end(struct list_walk *walk)
{
    if (!walk)
        return;
    walk_end(walk->inner);
    for (size_t i = 0; walk->runs && i < walk->run_count; i++) {
        free(walk->runs[i].pairs);
        arena_release(&walk->runs[i].texts);
    }
    free(walk->runs);
    free(walk->heap);
    arena_release(&walk->arena);
    arena_release(&walk->taken);
    free(walk);
}

/* ---- one tenant or category after the other ----
 * $1 and $2 name and id to begin with, $3 category, $4 source, $5 is_synced, $6 whose counts. */

#define HAS_PAIRS                                                                                            \
    " AND c.pairs > 0 AND (CAST($3 AS TEXT) IS NULL OR c.category = $3)"                                     \
    " AND (CAST($4 AS TEXT) IS NULL OR c.source = $4)"                                                       \
    " AND (CAST($5 AS BIGINT) IS NULL OR ($5 = 0 AND c.unsynced > 0) OR ($5 = 1 AND c.pairs > c.unsynced))"
#define NEXT_TENANTS(compare, or_equal, direction)                                                           \
    "SELECT t.name, t.id FROM tenants t WHERE t.name " or_equal " $1 AND (t.name " compare " $1"             \
    " OR t.id " or_equal " $2) AND EXISTS (SELECT 1 FROM knowledge_counts c WHERE c.tenant_id = t.id"        \
    " AND (CAST($6 AS TEXT) IS NULL OR c.tenant_id = $6)" HAS_PAIRS ") ORDER BY t.name " direction           \
    ", t.id " direction " LIMIT 64"
#define NEXT_CATEGORIES(or_equal, direction)                                                                 \
    "SELECT c.category, '' FROM knowledge_counts c WHERE c.tenant_id = COALESCE($6, '')"                     \
    " AND c.category " or_equal " $1 AND CAST($2 AS TEXT) IS NOT NULL" HAS_PAIRS                             \
    " GROUP BY c.category ORDER BY c.category " direction " LIMIT 64"

static const char *const SQL_OUTERS[2][2] = {
    {NEXT_CATEGORIES(">=", "ASC"), NEXT_CATEGORIES("<=", "DESC")},
    {NEXT_TENANTS(">", ">=", "ASC"), NEXT_TENANTS("<", "<=", "DESC")},
};

/* The next ones, from `from` on, which the first of them may be. */
static bool read_outers(struct list_walk *walk, const char *name, const char *id, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    const struct qa_filter *filter = &walk->filter;
    const char *sql = SQL_OUTERS[walk->order.sort == SORT_TENANT][walk->order.descending];
    if (!db_query(walk->db, sql,
                  DB_ARGS(db_text(name), db_text(id), db_text(filter->category), db_text(filter->source),
                          db_int(filter->is_synced == SYNCED_ANY ? INT_NULL : filter->is_synced),
                          db_text(filter->tenant_id)),
                  &rows, err))
        return false;
    walk->outer_count = walk->outer_next = 0;
    while (db_next(&rows))
        walk->outers[walk->outer_count++] = (struct outer){
            arena_strdup(&walk->arena, db_column_text(&rows, 0)),
            arena_strdup(&walk->arena, db_column_text(&rows, 1)),
        };
    walk->outers_ended = walk->outer_count < OUTERS_AT_ONCE;
    return db_done(&rows, err);
}

/* Goes to the next tenant or category; `ret_found` false: there is none. */
static bool next_outer(struct list_walk *walk, bool *ret_found, struct error *err)
{
    bool first = !walk->inner && walk->outer_count == 0;
    if (first && !read_outers(walk, walk->from.outer, walk->from.outer_id, err))
        return false;
    if (walk->outer_next == walk->outer_count && walk->outer_count > 0 && !walk->outers_ended) {
        struct outer last = walk->outers[walk->outer_count - 1];
        if (!read_outers(walk, last.name, last.id, err))
            return false;
        walk->outer_next = walk->outer_count > 0; /* the first one is the last of before */
    }
    *ret_found = walk->outer_next < walk->outer_count;
    if (!*ret_found)
        return true;
    struct outer outer = walk->outers[walk->outer_next++];
    bool same = strcmp(outer.name, walk->from.outer) == 0 && strcmp(outer.id, walk->from.outer_id) == 0;
    struct qa_filter filter = walk->filter;
    *(walk->order.sort == SORT_TENANT ? &filter.tenant_id : &filter.category) =
        walk->order.sort == SORT_TENANT ? outer.id : outer.name;
    struct list_place start = place_before_all(walk->inner_order);
    walk_end(walk->inner);
    walk->inner = NULL;
    return walk_begin(walk->db, &filter, walk->inner_order, same ? &walk->from : &start, walk->expected,
                      &walk->inner, err);
}

static bool next_of_outer(struct list_walk *walk, struct list_place *ret_place, bool *ret_found,
                          struct error *err)
{
    bool found = false, more = true;
    while (!found && more) {
        if (walk->inner && !walk_next(walk->inner, ret_place, &found, err))
            return false;
        if (!found && !next_outer(walk, &more, err))
            return false;
    }
    *ret_found = found;
    if (found) {
        ret_place->outer = walk->outers[walk->outer_next - 1].name;
        ret_place->outer_id = walk->outers[walk->outer_next - 1].id;
    }
    return true;
}

bool walk_next(struct list_walk *walk, struct list_place *ret_place, bool *ret_found, struct error *err)
{
    if (needs_outer_walk(&walk->filter, walk->order))
        return next_of_outer(walk, ret_place, ret_found, err);
    *ret_found = walk->heap_count > 0;
    if (!*ret_found)
        return true;
    struct run *run = &walk->runs[walk->heap[0]];
    *ret_place = place_in_run(walk, &run->pairs[run->next]);
    arena_reset(&walk->taken);
    ret_place->text = arena_strdup(&walk->taken, ret_place->text); /* the run may be filled anew */
    return advance_top(walk, err);
}
