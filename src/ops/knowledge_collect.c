#include <stdlib.h>
#include <string.h>

#include "ops/knowledge_internal.h"

/* $1 id; then as SQL_ADMITTED. */
static const char SQL_PAIR[] =
    "SELECT created_at, updated_at, quality_score, hit_count, question, answer, category, tenant_id"
    " FROM qa_pairs WHERE id = $1 AND deleted_at IS NULL AND" SQL_ADMITTED;
static const char SQL_TENANT_NAME[] = "SELECT name FROM tenants WHERE id = $1";

static bool name_of(struct db *db, const char *tenant_id, struct arena *arena, const char **ret_name,
                    struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_TENANT_NAME, DB_ARGS(db_text(tenant_id)), &rows, err))
        return false;
    const char *name = "";
    while (db_next(&rows))
        name = arena_strdup(arena, db_column_text(&rows, 0));
    *ret_name = name;
    return db_done(&rows, err);
}

/* The place of the row that was read; all tenants' names come once, for pairs of one tenant follow each
 * other more often than not. */
static bool place_of(struct db *db, const struct db_rows *rows, int64_t id, struct list_order order,
                     const struct list_place *before, struct arena *arena, struct list_place *ret_place,
                     struct error *err)
{
    struct list_place place = place_before_all(order);
    place.id = place.integer = id;
    place.outer = place.outer_id = "";
    switch (order.sort) {
    case SORT_CREATED: place.integer = db_column_int(rows, 0); break;
    case SORT_UPDATED: place.integer = db_column_int(rows, 1); break;
    case SORT_QUALITY: place.real = db_column_real(rows, 2); break;
    case SORT_HITS: place.integer = db_column_int(rows, 3); break;
    case SORT_QUESTION: place.text = arena_strdup(arena, db_column_text(rows, 4)); break;
    case SORT_CATEGORY: place.outer = arena_strdup(arena, db_column_text(rows, 6)); break;
    case SORT_TENANT:
        if (before && strcmp(before->outer_id, db_column_text(rows, 7)) == 0) {
            place.outer = before->outer;
            place.outer_id = before->outer_id;
            break;
        }
        place.outer_id = arena_strdup(arena, db_column_text(rows, 7));
        if (!name_of(db, place.outer_id, arena, &place.outer, err))
            return false;
        break;
    case SORT_ID: break;
    }
    *ret_place = place;
    return true;
}

static int ascending(const void *a, const void *b)
{
    return place_compare(a, b, false);
}

static int descending(const void *a, const void *b)
{
    return place_compare(a, b, true);
}

bool collect_pairs(struct db *db, const struct qa_filter *filter, const struct keyword_search *search,
                   struct list_order order, const int64_t *ids, size_t count, struct arena *arena,
                   struct list_place **ret_places, size_t *ret_count, struct error *err)
{
    struct list_place *places = arena_alloc(arena, (count + 1) * sizeof(*places));
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        CLEANUP(db_rows_release) struct db_rows rows = {0};
        if (!db_query(db, SQL_PAIR, DB_ARGS(db_int(ids[i]), ADMITTED_ARGS(filter)), &rows, err))
            return false;
        bool admitted =
            db_next(&rows) && keyword_in(search, db_column_text(&rows, 4), db_column_text(&rows, 5));
        if (admitted && !place_of(db, &rows, ids[i], order, found > 0 ? &places[found - 1] : NULL, arena,
                                  &places[found], err))
            return false;
        found += admitted;
        if (!admitted && !db_done(&rows, err))
            return false;
    }
    qsort(places, found, sizeof(*places), order.descending ? descending : ascending);
    *ret_places = places;
    *ret_count = found;
    return true;
}
