#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "ops/knowledge_manager.h"
#include "platform/counters.h"

#define COUNTS_GUESS 64 /* room for named counts to begin with */

static const struct field named_count_fields[] = {
    FIELD(struct named_count, name, TEXT, "What is counted"),
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
    FIELD(struct knowledge_overview, unsynced_count, INT, "Pairs whose text it lacks"),
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
static const char SQL_BY_CATEGORY[] =
    "SELECT category, SUM(pairs) FROM knowledge_counts WHERE tenant_id = $1 AND pairs > 0"
    " GROUP BY category ORDER BY category";
static const char SQL_BY_SOURCE[] =
    "SELECT source, SUM(pairs) FROM knowledge_counts WHERE tenant_id = $1 AND pairs > 0"
    " GROUP BY source ORDER BY source";
static const char SQL_QUALITY[] = "SELECT SUM(quality_millionths) FROM knowledge_counts WHERE tenant_id = ''";

static bool read_kinds(struct db *db, const char *tenant_id, struct arena *arena,
                       struct knowledge_facets *ret_facets, struct error *err)
{
    const char *whose = tenant_id ? tenant_id : "";
    return read_counts(db, SQL_BY_CATEGORY, DB_ARGS(db_text(whose)), arena, &ret_facets->categories,
                       &ret_facets->categories_count, err) &&
           read_counts(db, SQL_BY_SOURCE, DB_ARGS(db_text(whose)), arena, &ret_facets->sources,
                       &ret_facets->sources_count, err);
}

bool knowledge_facets(struct db *db, const char *tenant_id, struct arena *arena,
                      struct knowledge_facets *ret_facets, struct error *err)
{
    struct knowledge_facets facets;
    if (!read_kinds(db, tenant_id, arena, &facets, err))
        return false;
    *ret_facets = facets;
    return true;
}

bool knowledge_overview(struct db *db, struct arena *arena, struct knowledge_overview *ret_overview,
                        struct error *err)
{
    int64_t counters[COUNTER_COUNT], quality_millionths;
    struct knowledge_facets kinds;
    struct knowledge_overview overview = {.generated_at = clock_now_ms()};
    if (!counters_read(db, counters, err) ||
        !db_find_int(db, SQL_QUALITY, DB_NO_ARGS, 0, &quality_millionths, err) ||
        !read_counts(db, SQL_BY_TENANT, DB_NO_ARGS, arena, &overview.by_tenant, &overview.by_tenant_count,
                     err) ||
        !read_kinds(db, NULL, arena, &kinds, err))
        return false;
    overview.total_qa_pairs = counters[COUNTER_QA_PAIRS];
    overview.unsynced_count = counters[COUNTER_UNSYNCED_QA_PAIRS];
    overview.synced_count = overview.total_qa_pairs - overview.unsynced_count;
    overview.by_category = kinds.categories;
    overview.by_category_count = kinds.categories_count;
    overview.by_source = kinds.sources;
    overview.by_source_count = kinds.sources_count;
    overview.avg_quality_score = overview.total_qa_pairs > 0
                                     ? (double)quality_millionths / 1e6 / (double)overview.total_qa_pairs
                                     : NAN;
    *ret_overview = overview;
    return true;
}

/* --- the check --- */

/* Rows of (name of the kind, stored, counted) × 3 where any of the three differs; `whose` makes the tenant. */
#define SQL_RECOUNT(whose, which)                                                                            \
    "SELECT k.tenant_id, k.category, k.source, SUM(k.pairs), SUM(k.found), SUM(k.unsynced),"                 \
    " SUM(k.found_unsynced), SUM(k.quality), SUM(k.found_quality) FROM ("                                    \
    "SELECT tenant_id, category, source, pairs, 0 AS found, unsynced, 0 AS found_unsynced,"                  \
    " quality_millionths AS quality, 0 AS found_quality FROM knowledge_counts WHERE tenant_id " which        \
    " UNION ALL SELECT " whose " AS tenant_id, category, source, 0, COUNT(*), 0, SUM(1 - is_synced), 0,"     \
    " SUM(CAST(ROUND(quality_score * 1000000) AS BIGINT)) FROM qa_pairs WHERE deleted_at IS NULL"            \
    " GROUP BY 1, 2, 3) k GROUP BY k.tenant_id, k.category, k.source"                                        \
    " HAVING SUM(k.pairs) <> SUM(k.found) OR SUM(k.unsynced) <> SUM(k.found_unsynced)"                       \
    " OR SUM(k.quality) <> SUM(k.found_quality) ORDER BY 1, 2, 3"

static const char SQL_RECOUNT_TENANTS[] = SQL_RECOUNT("tenant_id", "<> ''");
static const char SQL_RECOUNT_PLATFORM[] = SQL_RECOUNT("''", "= ''");

static bool recount(struct db *db, const char *sql, struct strbuf *findings, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, sql, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows)) {
        const char *tenant = db_column_text(&rows, 0);
        strbuf_printf(findings,
                      "knowledge_counts of %s, category '%s', source %s:", *tenant ? tenant : "all tenants",
                      db_column_text(&rows, 1), db_column_text(&rows, 2));
        for (int column = 3; column < 9; column += 2)
            strbuf_printf(findings, "%s %s %lld, counted %lld", column > 3 ? ";" : "",
                          (const char *[]){"pairs", "unsynced", "quality"}[(column - 3) / 2],
                          (long long)db_column_int(&rows, column),
                          (long long)db_column_int(&rows, column + 1));
        strbuf_putc(findings, '\n');
    }
    return db_done(&rows, err);
}

bool knowledge_check(struct db *db, struct strbuf *ret_findings, struct error *err)
{
    return recount(db, SQL_RECOUNT_TENANTS, ret_findings, err) &&
           recount(db, SQL_RECOUNT_PLATFORM, ret_findings, err);
}
