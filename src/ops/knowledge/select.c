#include <math.h>
#include <string.h>

#include "ops/knowledge/internal.h"

/* ---- what matches ---- */

static void match_admit_kinds(struct pair_match *match, const struct qa_filter *filter)
{
    int source = filter->source ? pair_source_number(filter->source) : -1;
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        bool synced = kind & KIND_SYNCED;
        match->kinds[kind] =
            (kind & KIND_LIVE) &&
            (filter->is_synced == SYNCED_ANY || synced == (filter->is_synced == SYNCED_YES)) &&
            (source < 0 || kind / KIND_SOURCE == source);
    }
}

/* The places of the keyword's pairs; those that the directory lacks are left out. */
static void match_find_places(struct pair_match *match, const struct keyword_search *search,
                              struct arena *arena)
{
    const struct knowledge_directory *directory = match->directory;
    uint32_t *places = arena_alloc(arena, (search->id_count + 1) * sizeof(*places));
    size_t place = 0;
    for (size_t i = 0; i < search->id_count; i++) {
        place = directory_place(directory, place, search->ids[i]);
        if (place == directory->count)
            break;
        if (directory->id[place] == search->ids[i])
            places[match->place_count++] = (uint32_t)place;
    }
    match->places = places;
}

static const char SQL_SUSPENDED[] = "SELECT id FROM tenants WHERE status <> 'active'";

/* Which tenants are in that state: all but the suspended ones, or those alone. */
static bool match_admit_tenants(struct pair_match *match, struct db *db, const char *status,
                                struct arena *arena, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    const struct name_list *names = &match->directory->tenants;
    bool is_active = strcmp(status, "active") == 0;
    bool *tenants = arena_alloc(arena, (names->count + 1) * sizeof(*tenants));
    for (size_t i = 0; i < names->count; i++)
        tenants[i] = is_active;
    if (!db_query(db, SQL_SUSPENDED, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows)) {
        uint32_t number = name_list_find(names, db_column_text(&rows, 0));
        if (number != SLOT_NONE)
            tenants[number] = !is_active;
    }
    match->tenants = tenants;
    return db_done(&rows, err);
}

bool match_make(const struct knowledge_directory *directory, struct db *db, const struct qa_filter *filter,
                const struct keyword_search *search, struct arena *arena, struct pair_match *ret_match,
                struct error *err)
{
    struct pair_match match = {
        .directory = directory,
        .tenant = filter->tenant_id ? name_list_find(&directory->tenants, filter->tenant_id) : SLOT_NONE,
        .category = filter->category ? name_list_find(&directory->categories, filter->category) : SLOT_NONE,
        .quality_min = isnan(filter->quality_min) ? -INFINITY : filter->quality_min,
        .quality_max = isnan(filter->quality_max) ? INFINITY : filter->quality_max,
    };
    match.is_empty =
        (filter->tenant_id && match.tenant == SLOT_NONE) || (filter->category && match.category == SLOT_NONE);
    match_admit_kinds(&match, filter);
    if (search && search->kind == KEYWORD_IDS)
        match_find_places(&match, search, arena);
    if (filter->tenant_status && !match_admit_tenants(&match, db, filter->tenant_status, arena, err))
        return false;
    *ret_match = match;
    return true;
}

static inline bool match_admits(const struct pair_match *match, size_t place)
{
    const struct knowledge_directory *directory = match->directory;
    return match->kinds[directory->kind[place]] &&
           (match->tenant == SLOT_NONE || directory->tenant[place] == match->tenant) &&
           (!match->tenants || match->tenants[directory->tenant[place]]) &&
           (match->category == SLOT_NONE || directory->category[place] == match->category) &&
           directory->quality[place] >= match->quality_min && directory->quality[place] <= match->quality_max;
}

/* How many places are looked at, and the i-th of them. */
static size_t match_candidate_count(const struct pair_match *match)
{
    return match->is_empty ? 0 : match->places ? match->place_count : match->directory->count;
}

static inline size_t match_candidate(const struct pair_match *match, size_t i)
{
    return match->places ? match->places[i] : i;
}

int64_t match_count_tenants(const struct pair_match *match, struct arena *arena)
{
    const struct knowledge_directory *directory = match->directory;
    bool *seen = arena_alloc(arena, directory->tenants.count + 1);
    int64_t count = 0;
    memset(seen, 0, directory->tenants.count + 1);
    for (size_t i = 0, all = match_candidate_count(match); i < all; i++) {
        size_t place = match_candidate(match, i);
        uint32_t tenant = directory->tenant[place];
        if (seen[tenant] || !match_admits(match, place))
            continue;
        seen[tenant] = true;
        count++;
    }
    return count;
}

/* ---- keys: each order as numbers, the id decides between equal ones ---- */

static inline bool list_key_is_before(struct list_key a, struct list_key b)
{
    return a.value < b.value || (a.value == b.value && a.id < b.id);
}

/* Doubles that are not negative are in the order of their bits. */
static int64_t quality_bits(double real)
{
    int64_t bits;
    real = real > 0 ? real : 0;
    memcpy(&bits, &real, sizeof(bits));
    return bits;
}

static uint32_t directory_tenant_rank(const struct knowledge_directory *directory, uint32_t tenant)
{
    return tenant < directory->ranked_count ? directory->tenant_ranks[tenant] : 0;
}

static inline struct list_key list_key_of(const struct knowledge_directory *directory, enum list_sort sort,
                                          size_t place)
{
    struct list_key key = {0, directory->id[place]};
    switch (sort) {
    case SORT_CREATED: key.value = directory->created_at[place]; break;
    case SORT_UPDATED: key.value = directory->updated_at[place]; break;
    case SORT_QUALITY: key.value = quality_bits(directory->quality[place]); break;
    case SORT_HITS: key.value = directory->hits[place]; break;
    case SORT_QUESTION: key.value = 2 * (int64_t)directory->question_rank[place]; break;
    case SORT_CATEGORY:
        key.value = 2 * (int64_t)directory->categories.ranks[directory->category[place]] + 1;
        break;
    case SORT_TENANT:
        key.value = 2 * (int64_t)directory_tenant_rank(directory, directory->tenant[place]) + 1;
        break;
    default: break;
    }
    return key;
}

static const char *directory_tenant_name(const struct knowledge_directory *directory, size_t rank)
{
    return directory->tenant_names.bytes + directory->named_tenants[rank].name;
}

static int list_place_compare_rank(const struct knowledge_directory *directory, enum list_sort sort,
                                   size_t rank, const struct list_place *place)
{
    if (sort == SORT_CATEGORY)
        return strcmp(name_list_text(&directory->categories, directory->categories.by_order[rank]),
                      place->outer);
    int result = strcmp(directory_tenant_name(directory, rank), place->outer);
    return result ? result
                  : strcmp(name_list_text(&directory->tenants, directory->named_tenants[rank].number),
                           place->outer_id);
}

/* A name that is not there any more stands between two ranks: hence twice as many values as ranks. So does a
 * question. */
static int64_t list_place_rank(const struct knowledge_directory *directory, enum list_sort sort,
                               const struct list_place *place)
{
    size_t count = sort == SORT_CATEGORY ? directory->categories.ordered : directory->named_count;
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list_place_compare_rank(directory, sort, middle, place) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < count && list_place_compare_rank(directory, sort, low, place) == 0;
    return 2 * (int64_t)low + found;
}

bool place_key(const struct knowledge_directory *directory, struct db *db, enum list_sort sort,
               const struct list_place *place, struct list_key *ret_key, struct error *err)
{
    struct list_key key = {0, place->id};
    bool same;
    switch (sort) {
    case SORT_QUESTION:
        if (!question_rank_of(directory, db, place->text, &key.value, &same, err))
            return false;
        key.value = 2 * key.value - !same;
        break;
    case SORT_CREATED:
    case SORT_UPDATED:
    case SORT_HITS: key.value = place->integer; break;
    case SORT_QUALITY: key.value = quality_bits(place->real); break;
    case SORT_CATEGORY:
    case SORT_TENANT: key.value = list_place_rank(directory, sort, place); break;
    default: break;
    }
    *ret_key = key;
    return true;
}

static struct list_place list_place_of(const struct knowledge_directory *directory, enum list_sort sort,
                                       size_t i, struct arena *arena)
{
    struct list_place place = {.outer = "", .outer_id = "", .text = "", .id = directory->id[i]};
    place.integer = place.id;
    switch (sort) {
    case SORT_CREATED: place.integer = directory->created_at[i]; break;
    case SORT_UPDATED: place.integer = directory->updated_at[i]; break;
    case SORT_HITS: place.integer = directory->hits[i]; break;
    case SORT_QUALITY: place.real = directory->quality[i]; break;
    case SORT_CATEGORY:
        place.outer = arena_strdup(arena, name_list_text(&directory->categories, directory->category[i]));
        break;
    case SORT_TENANT:
        place.outer_id = arena_strdup(arena, name_list_text(&directory->tenants, directory->tenant[i]));
        place.outer =
            directory->tenant[i] < directory->ranked_count && directory->named_count > 0
                ? arena_strdup(arena, directory_tenant_name(
                                          directory, directory_tenant_rank(directory, directory->tenant[i])))
                : "";
        break;
    default: break;
    }
    return place;
}

/* ---- the first of them: a heap whose top is the last of those that are kept ---- */

struct kept {
    struct list_key key;
    uint32_t place;
};

struct best {
    struct kept *heap;
    size_t count, limit;
    bool descending;
};

static inline bool selection_comes_before(const struct best *best, struct list_key a, struct list_key b)
{
    return best->descending ? list_key_is_before(b, a) : list_key_is_before(a, b);
}

static void selection_sift_down(struct best *best, size_t at)
{
    struct kept moving = best->heap[at];
    for (size_t child; (child = 2 * at + 1) < best->count; at = child) {
        if (child + 1 < best->count &&
            selection_comes_before(best, best->heap[child].key, best->heap[child + 1].key))
            child++;
        if (!selection_comes_before(best, moving.key, best->heap[child].key))
            break;
        best->heap[at] = best->heap[child];
    }
    best->heap[at] = moving;
}

static void selection_sift_up(struct best *best, size_t at)
{
    struct kept moving = best->heap[at];
    for (size_t parent; at > 0; at = parent) {
        parent = (at - 1) / 2;
        if (!selection_comes_before(best, best->heap[parent].key, moving.key))
            break;
        best->heap[at] = best->heap[parent];
    }
    best->heap[at] = moving;
}

static inline void selection_offer(struct best *best, struct list_key key, size_t place)
{
    if (best->count < best->limit) {
        best->heap[best->count] = (struct kept){key, (uint32_t)place};
        selection_sift_up(best, best->count++);
    } else if (best->limit > 0 && selection_comes_before(best, key, best->heap[0].key)) {
        best->heap[0] = (struct kept){key, (uint32_t)place};
        selection_sift_down(best, 0);
    }
}

/* The heap's own order, from its end: the last one is taken off again and again. */
static void selection_take_in_order(struct best *best, const struct knowledge_directory *directory,
                                    enum list_sort sort, struct arena *arena, struct selection *selection)
{
    selection->count = best->count;
    selection->places = arena_alloc(arena, (best->count + 1) * sizeof(*selection->places));
    for (size_t i = best->count; i-- > 0;) {
        selection->places[i] = list_place_of(directory, sort, best->heap[0].place, arena);
        best->heap[0] = best->heap[--best->count];
        if (best->count > 1)
            selection_sift_down(best, 0);
    }
}

/* What is newest has the highest id and, most often, the latest times: from the end on, few of those that
 * follow are better than what is kept. */
struct selection match_select(const struct pair_match *match, struct list_order order, struct list_key after,
                              size_t limit, struct arena *arena)
{
    struct selection selection = {0};
    size_t count = match_candidate_count(match), room = limit < count ? limit : count;
    struct best best = {.limit = room, .descending = order.descending};
    best.heap = arena_alloc(arena, (room + 1) * sizeof(*best.heap));
    for (size_t i = 0; i < count; i++) {
        size_t place = match_candidate(match, order.descending ? count - 1 - i : i);
        if (!match_admits(match, place))
            continue;
        selection.matched++;
        struct list_key key = list_key_of(match->directory, order.sort, place);
        if (selection_comes_before(&best, after, key))
            selection_offer(&best, key, place);
    }
    selection_take_in_order(&best, match->directory, order.sort, arena, &selection);
    return selection;
}
