/* The components with the last 24 hours of each, in cells of half an hour: the worst that a snapshot
 * saw in that time. */
#include <stdio.h>

#include "base/clock.h"
#include "ops/dashboard/internal.h"
#include "store/store.h"

#define CELL_MS (30 * MINUTE_MS)

static const struct field component_fields[] = {
    FIELD(struct component_status, name, TEXT, "database, vector_store, llm, scheduler or telemetry"),
    FIELD(struct component_status, provider, TEXT, "What it is now"),
    FIELD(struct component_status, status, TEXT, "A reading that is too old is unknown",
          .values = health_status_values),
    FIELD(struct component_status, latency_ms, REAL, "Of the newest call, milliseconds", .nullable = true),
    FIELD(struct component_status, p95_latency_ms, REAL, "Of the last minute's calls, milliseconds",
          .nullable = true),
    FIELD(struct component_status, last_check, TIME, "When the newest call or probe ended", .nullable = true),
    FIELD(struct component_status, message, TEXT, "For a person", .personal = PERSONAL_PARTS),
    FIELD(struct component_status, since, TIME, "Since when it is degraded or unhealthy; null: it is not",
          .nullable = true),
    FIELD(struct component_status, failed_calls, INT, "Calls that have failed since then"),
    FIELD(struct component_status, tenants, INT, "Tenants whose calls those were, 1000 at most"),
    FIELD_MANY(struct component_status, history, TEXTS,
               "The worst of each half-hour of the last 24 hours, now last", .values = health_status_values),
};
static const struct descriptor component_status_descriptor =
    DESCRIPTOR("ComponentStatus", struct component_status, component_fields);

static const struct field component_list_fields[] = {
    FIELD_MANY(struct component_list, items, LIST, "Every component", .of = &component_status_descriptor),
    FIELD(struct component_list, generated_at, TIME, "When this was read"),
};
const struct descriptor component_list_descriptor =
    DESCRIPTOR("ComponentList", struct component_list, component_list_fields);

static const char SQL_STATUS_READINGS[] = "SELECT timestamp, metric_value FROM metrics_snapshots"
                                          " WHERE metric_type = $1 AND timestamp >= $2 ORDER BY timestamp";

static bool strip_read_cells(struct db *db, enum component component, int64_t first_cell,
                             enum health_status cells[static STRIP_CELLS], struct error *err)
{
    char type[64];
    snprintf(type, sizeof(type), "%s%s", METRIC_COMPONENT_STATUS, component_name(component));
    for (size_t i = 0; i < STRIP_CELLS; i++)
        cells[i] = HEALTH_UNKNOWN;
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_STATUS_READINGS, DB_ARGS(db_text(type), db_int(first_cell)), &rows, err))
        return false;
    while (db_next(&rows)) {
        int64_t cell = (db_column_int(&rows, 0) - first_cell) / CELL_MS;
        double value = db_column_real(&rows, 1);
        if (cell < 0 || cell >= STRIP_CELLS || !(value >= HEALTH_HEALTHY && value <= HEALTH_UNKNOWN))
            continue;
        enum health_status status = (enum health_status)value;
        if (metrics_badness(status) > metrics_badness(cells[cell]))
            cells[cell] = status;
    }
    return db_done(&rows, err);
}

static bool strip_read_component(struct metrics_collector *collector, struct db *db, enum component component,
                                 enum language language, struct arena *arena, int64_t now,
                                 struct component_status *ret_status, struct error *err)
{
    enum health_status cells[STRIP_CELLS];
    int64_t this_cell = now - now % CELL_MS;
    if (!strip_read_cells(db, component, this_cell - (STRIP_CELLS - 1) * CELL_MS, cells, err))
        return false;
    struct health_reading reading;
    health_read(collector->platform, component, &reading);
    if (metrics_badness(reading.status) > metrics_badness(cells[STRIP_CELLS - 1]))
        cells[STRIP_CELLS - 1] = reading.status;
    const char **history = arena_alloc(arena, STRIP_CELLS * sizeof(*history));
    for (size_t i = 0; i < STRIP_CELLS; i++)
        history[i] = health_status_name(cells[i]);
    *ret_status = (struct component_status){
        .name = component_name(component),
        .provider = reading.provider,
        .status = health_status_name(reading.status),
        .latency_ms = reading.latency_ms,
        .p95_latency_ms = reading.p95_latency_ms,
        .last_check = reading.last_check,
        .message = arena_strdup(arena, reading.message[language]),
        .since = reading.since,
        .failed_calls = reading.failed_calls,
        .tenants = reading.tenants,
        .history = history,
        .history_count = STRIP_CELLS,
    };
    return true;
}

bool metrics_components(struct metrics_collector *collector, enum language language, struct arena *arena,
                        struct component_list *ret_components, struct error *err)
{
    int64_t now = clock_now_ms();
    struct component_status *items = arena_alloc(arena, COMPONENT_COUNT * sizeof(*items));
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (!store_reader(collector->platform->store, READ_LIMIT_MS, &db, err))
        return false;
    for (int i = 0; i < COMPONENT_COUNT; i++)
        if (!strip_read_component(collector, db, (enum component)i, language, arena, now, &items[i], err))
            return false;
    *ret_components = (struct component_list){items, COMPONENT_COUNT, now};
    return true;
}
