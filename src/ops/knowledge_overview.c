#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ops/knowledge_columns.h"
#include "ops/knowledge_manager.h"
#include "platform/counters.h"

#define COUNTS_GUESS 64 /* room for named counts to begin with */

static const struct field named_count_fields[] = {
    FIELD(struct named_count, name, TEXT, "What is counted", .personal = PERSONAL_PARTS),
    FIELD(struct named_count, count, INT, "Pairs"),
};
static const struct descriptor named_count_descriptor =
    DESCRIPTOR("NamedCount", struct named_count, named_count_fields);

static const struct field overview_fields[] = {
    FIELD(struct knowledge_overview, total_qa_pairs, INT, "Pairs of all tenants"),
    FIELD_MANY(struct knowledge_overview, by_tenant, MAP, "Pairs by the tenant's id, most pairs first",
               .of = &named_count_descriptor),
    FIELD_MANY(struct knowledge_overview, by_category, MAP, "Pairs by category; '': those without one",
               .of = &named_count_descriptor),
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
    FIELD_MANY(struct knowledge_facets, categories, LIST, "Categories in use; '': none",
               .of = &named_count_descriptor),
    FIELD_MANY(struct knowledge_facets, sources, LIST, "Sources in use", .of = &named_count_descriptor),
};
const struct descriptor knowledge_facets_descriptor =
    DESCRIPTOR("KnowledgeFacets", struct knowledge_facets, facets_fields);

/* Reads rows of (name, count). */
static bool read_counts(struct db *db, const char *sql, const struct db_value *args, size_t arg_count,
                        struct arena *arena, struct named_count **ret_counts, size_t *ret_count,
                        struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, sql, args, arg_count, &rows, err))
        return false;
    size_t count = 0, room = COUNTS_GUESS;
    struct named_count *counts = arena_alloc(arena, room * sizeof(*counts));
    while (db_next(&rows)) {
        if (count == room) {
            struct named_count *larger = arena_alloc(arena, 2 * room * sizeof(*larger));
            memcpy(larger, counts, room * sizeof(*counts));
            counts = larger;
            room *= 2;
        }
        counts[count++] =
            (struct named_count){arena_strdup(arena, db_column_text(&rows, 0)), db_column_int(&rows, 1)};
    }
    if (!db_done(&rows, err))
        return false;
    *ret_counts = counts;
    *ret_count = count;
    return true;
}

static const char SQL_BY_TENANT[] =
    "SELECT id, qa_pair_count FROM tenants ORDER BY qa_pair_count DESC, id DESC";

/* ---- one pass over the directory ---- */

struct tally {
    int64_t *by_category; /* of each number in the directory */
    int64_t by_source[KIND_COUNT / KIND_SOURCE];
    int64_t live, synced;
    double quality;
};

/* `tenant` SLOT_NONE: of all. */
static struct tally count_pairs(const struct knowledge_directory *directory, uint32_t tenant,
                                struct arena *arena)
{
    struct tally tally = {0};
    size_t bytes = (directory->categories.count + 1) * sizeof(*tally.by_category);
    tally.by_category = memset(arena_alloc(arena, bytes), 0, bytes);
    for (size_t i = 0; i < directory->count; i++) {
        uint8_t kind = directory->kind[i];
        if (!(kind & KIND_LIVE) || (tenant != SLOT_NONE && directory->tenant[i] != tenant))
            continue;
        tally.live++;
        tally.synced += (kind & KIND_SYNCED) != 0;
        tally.quality += directory->quality[i];
        tally.by_category[directory->category[i]]++;
        tally.by_source[kind / KIND_SOURCE]++;
    }
    return tally;
}

static void name_categories(const struct knowledge_directory *directory, const struct tally *tally,
                            struct arena *arena, struct knowledge_facets *facets)
{
    const struct name_list *names = &directory->categories;
    facets->categories = arena_alloc(arena, (names->count + 1) * sizeof(*facets->categories));
    for (size_t i = 0; i < names->ordered; i++) {
        uint32_t number = names->by_order[i];
        if (tally->by_category[number] > 0)
            facets->categories[facets->categories_count++] = (struct named_count){
                arena_strdup(arena, name_list_text(names, number)), tally->by_category[number]};
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct named_count *)a)->name, ((const struct named_count *)b)->name);
}

static void name_sources(const struct tally *tally, struct arena *arena, struct knowledge_facets *facets)
{
    facets->sources = arena_alloc(arena, ARRAY_SIZE(tally->by_source) * sizeof(*facets->sources));
    for (size_t i = 0; pair_sources[i]; i++)
        if (tally->by_source[i] > 0)
            facets->sources[facets->sources_count++] =
                (struct named_count){pair_sources[i], tally->by_source[i]};
    qsort(facets->sources, facets->sources_count, sizeof(*facets->sources), by_name);
}

static bool read_kinds(struct knowledge_directory *directory, struct db *db, const char *tenant_id,
                       struct arena *arena, struct tally *ret_tally, struct knowledge_facets *ret_facets,
                       struct error *err)
{
    struct knowledge_facets facets = {0};
    if (!directory_lock(directory, db, err))
        return false;
    uint32_t tenant = tenant_id ? name_list_find(&directory->tenants, tenant_id) : SLOT_NONE;
    struct tally tally = {0};
    if (!tenant_id || tenant != SLOT_NONE) { /* else it has no pairs */
        tally = count_pairs(directory, tenant, arena);
        name_categories(directory, &tally, arena, &facets);
        name_sources(&tally, arena, &facets);
    }
    directory_unlock(directory);
    *ret_tally = tally;
    *ret_facets = facets;
    return true;
}

bool knowledge_facets(struct knowledge_directory *directory, struct db *db, const char *tenant_id,
                      struct arena *arena, struct knowledge_facets *ret_facets, struct error *err)
{
    struct tally tally;
    return read_kinds(directory, db, tenant_id, arena, &tally, ret_facets, err);
}

bool knowledge_overview(struct knowledge_directory *directory, struct db *db, struct arena *arena,
                        struct knowledge_overview *ret_overview, struct error *err)
{
    struct knowledge_facets kinds;
    struct tally tally;
    struct knowledge_overview overview = {.generated_at = clock_now_ms()};
    int64_t counters[COUNTER_COUNT];
    if (!read_counts(db, SQL_BY_TENANT, DB_NO_ARGS, arena, &overview.by_tenant, &overview.by_tenant_count,
                     err) ||
        !read_kinds(directory, db, NULL, arena, &tally, &kinds, err) || !counters_read(db, counters, err))
        return false;
    int64_t lacking = tally.live - tally.synced, held_back = counters[COUNTER_HELD_BACK_QA_PAIRS];
    overview.total_qa_pairs = tally.live;
    overview.synced_count = tally.synced;
    overview.held_back_count =
        held_back < lacking ? held_back : lacking; /* the directory may be a moment older */
    overview.unsynced_count = lacking - overview.held_back_count;
    overview.by_category = kinds.categories;
    overview.by_category_count = kinds.categories_count;
    overview.by_source = kinds.sources;
    overview.by_source_count = kinds.sources_count;
    overview.avg_quality_score = tally.live > 0 ? tally.quality / (double)tally.live : NAN;
    *ret_overview = overview;
    return true;
}
