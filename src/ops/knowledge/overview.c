#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "directory/columns.h"
#include "ops/knowledge/knowledge_manager.h"
#include "platform/tenants/counters.h"
#include "search/full_text.h"

/* There may be as many names as pairs: of tenants and categories those are named that have the most pairs. */
#define OVERVIEW_NAMES 1000
#define FACET_NAMES 100 /* the rest is found by the keyword */

static const struct field named_count_fields[] = {
    FIELD(struct named_count, name, TEXT, "What is counted", .personal = PERSONAL_PARTS),
    FIELD(struct named_count, count, INT, "Pairs"),
};
static const struct descriptor named_count_descriptor =
    DESCRIPTOR("NamedCount", struct named_count, named_count_fields);

static const struct field overview_fields[] = {
    FIELD(struct knowledge_overview, total_qa_pairs, INT, "Pairs of all tenants, or of the one asked for"),
    FIELD_MANY(struct knowledge_overview, by_tenant, MAP,
               "Pairs by the tenant's id, most pairs first: the 1000 that have the most",
               .of = &named_count_descriptor),
    FIELD(struct knowledge_overview, tenant_count, INT, "Tenants in all"),
    FIELD_MANY(struct knowledge_overview, by_category, MAP,
               "Pairs by category, '': those without one: the 1000 that have the most",
               .of = &named_count_descriptor),
    FIELD(struct knowledge_overview, category_count, INT, "Categories in use in all"),
    FIELD_MANY(struct knowledge_overview, by_source, MAP, "Pairs by where they come from",
               .of = &named_count_descriptor),
    FIELD(struct knowledge_overview, synced_count, INT, "Pairs whose very text the vector index holds"),
    FIELD(struct knowledge_overview, unsynced_count, INT, "Pairs of active tenants whose text it lacks"),
    FIELD(struct knowledge_overview, held_back_count, INT,
          "Pairs whose text it lacks because their tenant is suspended"),
    FIELD(struct knowledge_overview, avg_quality_score, REAL, "Mean quality, 0 to 1; null: no pairs",
          .nullable = true),
    FIELD(struct knowledge_overview, generated_at, TIME, "When this was read"),
};
const struct descriptor knowledge_overview_descriptor =
    DESCRIPTOR("KnowledgeOverview", struct knowledge_overview, overview_fields);

static const struct field facets_fields[] = {
    FIELD_MANY(struct knowledge_facets, categories, LIST,
               "Categories in use, '': none: the 100 that have the most pairs, by name",
               .of = &named_count_descriptor),
    FIELD(struct knowledge_facets, category_count, INT, "Categories in use in all, of those looked for"),
    FIELD_MANY(struct knowledge_facets, sources, LIST, "Sources in use", .of = &named_count_descriptor),
};
const struct descriptor knowledge_facets_descriptor =
    DESCRIPTOR("KnowledgeFacets", struct knowledge_facets, facets_fields);

static const char SQL_BY_TENANT[] =
    "SELECT id, qa_pair_count FROM tenants ORDER BY qa_pair_count DESC, id DESC LIMIT $1";

static const char SQL_OF_TENANT[] = "SELECT id, qa_pair_count FROM tenants WHERE id = $1";

static bool knowledge_count_by_tenant(struct db *db, const char *tenant_id, struct arena *arena,
                                      struct knowledge_overview *overview, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    overview->by_tenant = arena_alloc(arena, OVERVIEW_NAMES * sizeof(*overview->by_tenant));
    const struct db_value argument = tenant_id ? db_text(tenant_id) : db_int(OVERVIEW_NAMES);
    if (!db_query(db, tenant_id ? SQL_OF_TENANT : SQL_BY_TENANT, &argument, 1, &rows, err))
        return false;
    while (db_next(&rows))
        overview->by_tenant[overview->by_tenant_count++] =
            (struct named_count){arena_strdup(arena, db_column_text(&rows, 0)), db_column_int(&rows, 1)};
    return db_done(&rows, err);
}

static const char SQL_IS_SUSPENDED[] = "SELECT COUNT(*) FROM tenants WHERE id = $1 AND status <> 'active'";

/* ---- one pass over the directory ---- */

struct tally {
    uint32_t *by_category; /* of each number in the directory; on the heap */
    int64_t by_source[KIND_COUNT / KIND_SOURCE];
    int64_t live, synced;
    double quality;
};

static void tally_release(struct tally *tally)
{
    free(tally->by_category);
}

/* `tenant` SLOT_NONE: of all. */
static void tally_count_pairs(const struct knowledge_directory *directory, uint32_t tenant,
                              struct tally *tally)
{
    tally->by_category = xcalloc(directory->categories.count + 1, sizeof(*tally->by_category));
    for (size_t i = 0; i < directory->count; i++) {
        uint8_t kind = directory->kind[i];
        if (!(kind & KIND_LIVE) || (tenant != SLOT_NONE && directory->tenant[i] != tenant))
            continue;
        tally->live++;
        tally->synced += (kind & KIND_SYNCED) != 0;
        tally->quality += directory->quality[i];
        tally->by_category[directory->category[i]]++;
        tally->by_source[kind / KIND_SOURCE]++;
    }
}

/* ---- the categories that have the most pairs: a heap with the least of those that are kept on top ---- */

struct most {
    const uint32_t *counts; /* of each number */
    uint32_t *numbers;
    size_t count, limit;
};

static void most_sift_down(struct most *most, size_t at)
{
    uint32_t moving = most->numbers[at];
    for (size_t child; (child = 2 * at + 1) < most->count; at = child) {
        if (child + 1 < most->count &&
            most->counts[most->numbers[child + 1]] < most->counts[most->numbers[child]])
            child++;
        if (most->counts[moving] <= most->counts[most->numbers[child]])
            break;
        most->numbers[at] = most->numbers[child];
    }
    most->numbers[at] = moving;
}

static void most_offer(struct most *most, uint32_t number)
{
    if (most->count < most->limit) {
        most->numbers[most->count++] = number;
        for (size_t i = most->count == most->limit ? most->count / 2 : 0; i-- > 0;)
            most_sift_down(most, i); /* it is full: from here on a heap */
    } else if (most->counts[number] > most->counts[most->numbers[0]]) {
        most->numbers[0] = number;
        most_sift_down(most, 0);
    }
}

static int category_rank_compare(const void *a, const void *b, void *context)
{
    const uint32_t *ranks = context;
    uint32_t left = ranks[*(const uint32_t *)a], right = ranks[*(const uint32_t *)b];
    return (left > right) - (left < right);
}

/* In order of name; `keyword` NULL: any. */
static void tally_name_categories(const struct knowledge_directory *directory, const struct tally *tally,
                                  const char *keyword, size_t limit, struct arena *arena,
                                  struct knowledge_facets *facets)
{
    const struct name_list *names = &directory->categories;
    struct folded_text folded = full_text_fold(arena, keyword ? keyword : "");
    struct most most = {.counts = tally->by_category,
                        .numbers = arena_alloc(arena, limit * sizeof(*most.numbers)),
                        .limit = limit};
    for (uint32_t number = 0; number < names->count; number++) {
        if (tally->by_category[number] == 0 ||
            (folded.length > 0 && !full_text_contains(name_list_text(names, number), folded)))
            continue;
        facets->category_count++;
        most_offer(&most, number);
    }
    qsort_r(most.numbers, most.count, sizeof(*most.numbers), category_rank_compare, names->ranks);
    facets->categories = arena_alloc(arena, limit * sizeof(*facets->categories));
    for (size_t i = 0; i < most.count; i++)
        facets->categories[facets->categories_count++] = (struct named_count){
            arena_strdup(arena, name_list_text(names, most.numbers[i])), tally->by_category[most.numbers[i]]};
}

/* ---- the kinds that there are ---- */

static int named_count_compare(const void *a, const void *b)
{
    return strcmp(((const struct named_count *)a)->name, ((const struct named_count *)b)->name);
}

/* `names`: as many categories are named at most. The tally's counts are for it to release. */
static bool tally_read(struct knowledge_directory *directory, struct db *db, const char *tenant_id,
                       const char *keyword, size_t names, struct arena *arena, struct tally *tally,
                       struct knowledge_facets *facets, struct error *err)
{
    if (!directory_lock(directory, db, err))
        return false;
    uint32_t tenant = tenant_id ? name_list_find(&directory->tenants, tenant_id) : SLOT_NONE;
    if (!tenant_id || tenant != SLOT_NONE) { /* else it has no pairs */
        tally_count_pairs(directory, tenant, tally);
        tally_name_categories(directory, tally, keyword, names, arena, facets);
        facets->sources = arena_alloc(arena, ARRAY_SIZE(tally->by_source) * sizeof(*facets->sources));
        for (size_t i = 0; pair_sources[i]; i++)
            if (tally->by_source[i] > 0)
                facets->sources[facets->sources_count++] =
                    (struct named_count){pair_sources[i], tally->by_source[i]};
        qsort(facets->sources, facets->sources_count, sizeof(*facets->sources), named_count_compare);
    }
    directory_unlock(directory);
    return true;
}

bool knowledge_facets(struct knowledge_directory *directory, struct db *db, const char *tenant_id,
                      const char *keyword, struct arena *arena, struct knowledge_facets *ret_facets,
                      struct error *err)
{
    CLEANUP(tally_release) struct tally tally = {0};
    struct knowledge_facets facets = {0};
    if (!tally_read(directory, db, tenant_id, keyword, FACET_NAMES, arena, &tally, &facets, err))
        return false;
    *ret_facets = facets;
    return true;
}

bool knowledge_overview(struct knowledge_directory *directory, struct db *db, const char *tenant_id,
                        struct arena *arena, struct knowledge_overview *ret_overview, struct error *err)
{
    CLEANUP(tally_release) struct tally tally = {0};
    struct knowledge_facets kinds = {0};
    struct knowledge_overview overview = {.generated_at = clock_now_ms()};
    int64_t counters[COUNTER_COUNT], suspended = 0;
    if (!knowledge_count_by_tenant(db, tenant_id, arena, &overview, err) ||
        !tally_read(directory, db, tenant_id, NULL, OVERVIEW_NAMES, arena, &tally, &kinds, err) ||
        !counters_read(db, counters, err) ||
        (tenant_id && !db_find_int(db, SQL_IS_SUSPENDED, DB_ARGS(db_text(tenant_id)), 0, &suspended, err)))
        return false;
    int64_t lacking = tally.live - tally.synced;
    overview.total_qa_pairs = tally.live;
    overview.synced_count = tally.synced;
    /* Pairs that the index lacks and does not get while their tenant is suspended. */
    int64_t held_back = !tenant_id ? counters[COUNTER_HELD_BACK_QA_PAIRS] : suspended ? lacking : 0;
    overview.held_back_count =
        held_back < lacking ? held_back : lacking; /* the directory may be a moment older */
    overview.unsynced_count = lacking - overview.held_back_count;
    overview.tenant_count = tenant_id ? (int64_t)overview.by_tenant_count : counters[COUNTER_TENANTS];
    overview.category_count = kinds.category_count;
    overview.by_category = kinds.categories;
    overview.by_category_count = kinds.categories_count;
    overview.by_source = kinds.sources;
    overview.by_source_count = kinds.sources_count;
    overview.avg_quality_score = tally.live > 0 ? tally.quality / (double)tally.live : NAN;
    *ret_overview = overview;
    return true;
}
