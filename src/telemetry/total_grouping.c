#include "telemetry/total_grouping.h"

#include <string.h>

#include "base/arena.h"
#include "telemetry/usage_totals.h"

#define NAMES 4 /* api_type, operation, model, tenant_id */

struct total_grouping {
    bool begun;
    const char *names[NAMES]; /* of the present group; the arena's */
    struct usage_totals totals;
    struct arena arena;
};

static void total_grouping_release(struct total_grouping *grouping)
{
    arena_release(&grouping->arena);
}

static bool total_grouping_is_same(const struct total_grouping *grouping, const struct db_rows *rows)
{
    for (int i = 0; i < NAMES; i++) {
        const char *before = grouping->names[i], *name = db_column_text(rows, i);
        bool same = before && name ? strcmp(before, name) == 0 : before == name;
        if (!same)
            return false;
    }
    return grouping->begun;
}

static bool total_grouping_hand_over(const struct total_grouping *grouping, day_total_sink sink,
                                     void *context, struct error *err)
{
    if (!grouping->begun)
        return true;
    struct day_total total = {.api_type = grouping->names[0],
                              .operation = grouping->names[1],
                              .model = grouping->names[2],
                              .tenant_id = grouping->names[3],
                              .totals = &grouping->totals};
    return sink(context, &total, err);
}

bool total_grouping_each(struct db *db, const char *sql, const struct db_value *args, size_t arg_count,
                         day_total_sink sink, void *context, struct error *err)
{
    CLEANUP(total_grouping_release) struct total_grouping grouping = {.begun = false};
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, sql, args, arg_count, &rows, err))
        return false;
    while (db_next(&rows)) {
        if (!total_grouping_is_same(&grouping, &rows)) {
            if (!total_grouping_hand_over(&grouping, sink, context, err))
                return false;
            arena_reset(&grouping.arena);
            memset(&grouping.totals, 0, sizeof(grouping.totals));
            grouping.begun = true;
            for (int i = 0; i < NAMES; i++)
                grouping.names[i] = arena_strdup(&grouping.arena, db_column_text(&rows, i));
        }
        if (!usage_totals_add_row(&grouping.totals, &rows, NAMES, err))
            return false;
    }
    return db_done(&rows, err) && total_grouping_hand_over(&grouping, sink, context, err);
}
