#include "telemetry/day_totals.h"

#include <string.h>

#include "base/memory.h"
#include "telemetry/usage_totals.h"

/* Key by key, and its hours: look-ups by slot in the order of the dictionary need no sorting. */
#define SQL_HOURS                                                                                            \
    "WITH RECURSIVE hours(hour) AS"                                                                          \
    " (SELECT min(slot) / 16777216 FROM usage_platform_hourly UNION ALL SELECT hour + 1 FROM hours"          \
    "  WHERE hour < (SELECT max(slot) / 16777216 FROM usage_platform_hourly))"                               \
    " SELECT k.id, u.calls, u.failed, u.unpriced, u.tokens_input, u.tokens_output,"                          \
    " u.tokens_cached, u.latency_sum_ms, u.cost_nano_cny, u.latency_histogram,"                              \
    " k.api_type, k.operation, k.model"
static const char SQL_TENANTS[] = SQL_HOURS ", k.tenant_id"
                                            " FROM usage_keys k CROSS JOIN hours CROSS JOIN usage_hourly u"
                                            " WHERE u.slot = hours.hour * 16777216 + k.id ORDER BY k.id";
static const char SQL_PLATFORM[] =
    SQL_HOURS ", NULL"
              " FROM usage_platform_keys k CROSS JOIN hours CROSS JOIN usage_platform_hourly u"
              " WHERE u.slot = hours.hour * 16777216 + k.id ORDER BY k.id";

#define FIRST_NAME 10

struct gathering {
    int64_t key_id; /* 0: none yet */
    struct usage_totals totals;
    struct arena arena; /* the key's names */
    struct day_total total;
    day_total_sink sink;
    void *context;
};

static void gathering_release(struct gathering *gathering)
{
    arena_release(&gathering->arena);
}

static bool hand_over(struct gathering *gathering, struct error *err)
{
    if (gathering->key_id == 0)
        return true;
    gathering->total.totals = &gathering->totals;
    return gathering->sink(&gathering->total, gathering->context, err);
}

static void begin_key(struct gathering *gathering, const struct db_rows *rows, int64_t key_id)
{
    arena_reset(&gathering->arena);
    memset(&gathering->totals, 0, sizeof(gathering->totals));
    gathering->key_id = key_id;
    gathering->total.api_type = arena_strdup(&gathering->arena, db_column_text(rows, FIRST_NAME));
    gathering->total.operation = arena_strdup(&gathering->arena, db_column_text(rows, FIRST_NAME + 1));
    gathering->total.model = arena_strdup(&gathering->arena, db_column_text(rows, FIRST_NAME + 2));
    gathering->total.tenant_id = arena_strdup(&gathering->arena, db_column_text(rows, FIRST_NAME + 3));
}

static bool each_key(struct db *db, const char *sql, struct gathering *gathering, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    gathering->key_id = 0;
    if (!db_query(db, sql, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows)) {
        int64_t key_id = db_column_int(&rows, 0);
        if (key_id != gathering->key_id) {
            if (!hand_over(gathering, err))
                return false;
            begin_key(gathering, &rows, key_id);
        }
        if (!usage_totals_add_row(&gathering->totals, &rows, 1, err))
            return false;
    }
    return db_done(&rows, err) && hand_over(gathering, err);
}

bool day_totals_each(struct db *day_db, day_total_sink sink, void *context, struct error *err)
{
    CLEANUP(gathering_release) struct gathering gathering = {.sink = sink, .context = context};
    return each_key(day_db, SQL_TENANTS, &gathering, err) && each_key(day_db, SQL_PLATFORM, &gathering, err);
}
