/* Schedules and state of the collector, and the small answers. The overview is in
 * overview.c, the trends in trends.c, the components in component_strip.c. */
#include "ops/dashboard/metrics_collector.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_reader.h"
#include "ops/dashboard/internal.h"
#include "store/store.h"

const char *metric_name(enum metric metric)
{
    static const char *const names[] = {
#define X(metric, name) [metric] = name,
        METRIC_TABLE(X)
#undef X
    };
    return names[metric];
}

static const struct field component_state_fields[] = {
    FIELD(struct component_state, name, TEXT, "Name of the component"),
    FIELD(struct component_state, status, TEXT, "healthy, degraded, unhealthy or unknown",
          .values = health_status_values),
};
const struct descriptor component_state_descriptor =
    DESCRIPTOR("ComponentState", struct component_state, component_state_fields);

const char *const health_status_values[] = {"healthy", "degraded", "unhealthy", "unknown", NULL};

static const struct field trouble_fields[] = {
    FIELD(struct component_trouble, component, TEXT, "Name of the component"),
    FIELD(struct component_trouble, status, TEXT, "degraded or unhealthy", .values = health_status_values),
    FIELD(struct component_trouble, since, TIME, "Since when"),
    FIELD(struct component_trouble, failed_calls, INT, "Calls that have failed since then"),
    FIELD(struct component_trouble, tenants, INT, "Tenants whose calls those were, 1000 at most"),
};
static const struct descriptor trouble_descriptor =
    DESCRIPTOR("ComponentTrouble", struct component_trouble, trouble_fields);

static const struct field system_status_fields[] = {
    FIELD(struct system_status, status, TEXT, "The worst of all components", .values = health_status_values),
    FIELD(struct system_status, version, TEXT, "Version of the program"),
    FIELD(struct system_status, started_at, TIME, "When the process started"),
    FIELD(struct system_status, uptime_seconds, INT, "Seconds since then"),
    FIELD_MANY(struct system_status, components_status, MAP, "Status of each component",
               .of = &component_state_descriptor),
    FIELD_MANY(struct system_status, troubles, LIST,
               "Components that are degraded or unhealthy, the worst first", .of = &trouble_descriptor),
    FIELD(struct system_status, database, TEXT, "SQLite or PostgreSQL"),
    FIELD(struct system_status, timezone, TEXT, "IANA zone of 'today'"),
};
const struct descriptor system_status_descriptor =
    DESCRIPTOR("SystemStatus", struct system_status, system_status_fields);

struct metrics_collector *metrics_collector_new(struct platform *platform, const char *version)
{
    struct metrics_collector *collector = xcalloc(1, sizeof(*collector));
    collector->platform = platform;
    collector->version = version;
    collector->started_at = clock_now_ms();
    collector->started_us = clock_monotonic_us();
    pthread_mutex_init(&collector->lock, NULL);
    for (int i = 0; i < COMPONENT_COUNT; i++)
        collector->worst[i] = HEALTH_UNKNOWN;
    return collector;
}

void metrics_collector_free(struct metrics_collector *collector)
{
    if (!collector)
        return;
    pthread_mutex_destroy(&collector->lock);
    free(collector);
}

int64_t metrics_uptime_seconds(const struct metrics_collector *collector)
{
    return (clock_monotonic_us() - collector->started_us) / 1000000;
}

struct component_state *metrics_component_states(struct metrics_collector *collector, struct arena *arena)
{
    struct component_state *states = arena_alloc(arena, COMPONENT_COUNT * sizeof(*states));
    for (int i = 0; i < COMPONENT_COUNT; i++) {
        struct health_reading reading;
        health_read(collector->platform, (enum component)i, &reading);
        states[i] =
            (struct component_state){component_name((enum component)i), health_status_name(reading.status)};
    }
    return states;
}

/* The worst first, then what began first. */
static int trouble_compare(const void *a, const void *b)
{
    const struct component_trouble *left = a, *right = b;
    int worse = strcmp(right->status, left->status); /* unhealthy comes after degraded in the alphabet */
    return worse != 0 ? worse : (left->since > right->since) - (left->since < right->since);
}

void metrics_system_status(struct metrics_collector *collector, struct arena *arena,
                           struct system_status *ret_status)
{
    *ret_status = (struct system_status){
        .status = health_status_name(health_overall(collector->platform)),
        .version = collector->version,
        .started_at = collector->started_at,
        .uptime_seconds = metrics_uptime_seconds(collector),
        .components_status = metrics_component_states(collector, arena),
        .components_status_count = COMPONENT_COUNT,
        .database = store_driver_name(collector->platform->store),
        .timezone = clock_zone(),
    };
    ret_status->troubles = arena_alloc(arena, COMPONENT_COUNT * sizeof(*ret_status->troubles));
    for (int i = 0; i < COMPONENT_COUNT; i++) {
        struct health_reading reading;
        health_read(collector->platform, (enum component)i, &reading);
        if (reading.since == INT_NULL ||
            (reading.status != HEALTH_DEGRADED && reading.status != HEALTH_UNHEALTHY))
            continue;
        ret_status->troubles[ret_status->troubles_count++] =
            (struct component_trouble){component_name((enum component)i), health_status_name(reading.status),
                                       reading.since, reading.failed_calls, reading.tenants};
    }
    qsort(ret_status->troubles, ret_status->troubles_count, sizeof(*ret_status->troubles), trouble_compare);
}

void metrics_sample(struct metrics_collector *collector)
{
    for (int i = 0; i < COMPONENT_COUNT; i++) {
        struct health_reading reading;
        health_read(collector->platform, (enum component)i, &reading);
        pthread_mutex_lock(&collector->lock);
        if (metrics_badness(reading.status) > metrics_badness(collector->worst[i]))
            collector->worst[i] = reading.status;
        pthread_mutex_unlock(&collector->lock);
    }
}

static const char SQL_ADD_SNAPSHOT[] =
    "INSERT INTO metrics_snapshots(timestamp, metric_type, metric_value, dimensions) VALUES ($1, $2, $3, $4)";

static bool snapshot_add(struct db *db, int64_t at, const char *prefix, const char *name, double value,
                         const char *dimensions, struct error *err)
{
    char type[64];
    snprintf(type, sizeof(type), "%s%s", prefix, name);
    return db_execute(db, SQL_ADD_SNAPSHOT,
                      DB_ARGS(db_int(at), db_text(type), db_real(value), db_text(dimensions)), NULL, err);
}

static bool snapshot_add_component(struct db *db, const struct metrics_reading *reading, int component,
                                   struct error *err)
{
    const char *name = component_name((enum component)component);
    char dimensions[64], status_dimensions[96];
    int64_t since = reading->trouble_since[component];
    snprintf(dimensions, sizeof(dimensions), "{\"component\":\"%s\"}", name);
    if (since > 0)
        snprintf(status_dimensions, sizeof(status_dimensions), "{\"component\":\"%s\",\"since\":%" PRId64 "}",
                 name, since);
    return snapshot_add(db, reading->at, METRIC_COMPONENT_STATUS, name, reading->status[component],
                        since > 0 ? status_dimensions : dimensions, err) &&
           snapshot_add(db, reading->at, METRIC_COMPONENT_LATENCY, name, reading->latency_ms[component],
                        dimensions, err);
}

bool metrics_reading_add(struct db *db, const struct metrics_reading *reading, struct error *err)
{
    for (int i = 0; i < METRIC_COUNT; i++)
        if (!snapshot_add(db, reading->at, "", metric_name((enum metric)i), reading->values[i], "{}", err))
            return false;
    for (int i = 0; i < COMPONENT_COUNT; i++)
        if (!snapshot_add_component(db, reading, i, err))
            return false;
    return true;
}

static bool snapshot_write(struct db *db, void *context, struct error *err)
{
    return metrics_reading_add(db, context, err);
}

static void snapshot_take_components(struct metrics_collector *collector, struct metrics_reading *reading)
{
    metrics_sample(collector);
    pthread_mutex_lock(&collector->lock);
    for (int i = 0; i < COMPONENT_COUNT; i++) {
        reading->status[i] = collector->worst[i];
        collector->worst[i] = HEALTH_UNKNOWN;
    }
    pthread_mutex_unlock(&collector->lock);
    for (int i = 0; i < COMPONENT_COUNT; i++) {
        struct health_reading now;
        health_read(collector->platform, (enum component)i, &now);
        reading->latency_ms[i] = now.latency_ms;
        reading->trouble_since[i] = now.since;
    }
}

bool metrics_snapshot(struct metrics_collector *collector, struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    struct dashboard_overview overview;
    if (!metrics_overview(collector, &arena, &overview, err))
        return false;
    struct metrics_reading reading = {
        .at = clock_now_ms(),
        .values =
            {
                [METRIC_TOTAL_TENANTS] = (double)overview.total_tenants,
                [METRIC_CONVERSATIONS_TODAY] = (double)overview.conversations_today,
                [METRIC_PENDING_FEEDBACKS] = (double)overview.pending_feedbacks,
                [METRIC_API_CALLS_TODAY] = (double)overview.api_calls_today,
                [METRIC_ESTIMATED_COST_TODAY] = (double)overview.estimated_cost_today / 1e9,
                [METRIC_UNSYNCED_QA_PAIRS] = (double)overview.unsynced_qa_pairs,
            },
    };
    snapshot_take_components(collector, &reading);
    return store_write(collector->platform->store, snapshot_write, &reading, err);
}

static const char SQL_LAST_DIMENSIONS[] =
    "SELECT dimensions FROM metrics_snapshots WHERE metric_type = $1 AND timestamp > $2"
    " ORDER BY timestamp DESC LIMIT 1";

/* `since` of the newest snapshot's dimensions; INT_NULL if the component was well then. */
static bool snapshot_read_open_trouble(struct db *db, enum component component, int64_t *ret_since,
                                       struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    CLEANUP(json_delete) cJSON *dimensions = NULL;
    char type[64];
    snprintf(type, sizeof(type), "%s%s", METRIC_COMPONENT_STATUS, component_name(component));
    if (!db_query(db, SQL_LAST_DIMENSIONS, DB_ARGS(db_text(type), db_int(clock_now_ms() - DAY_MS)), &rows,
                  err))
        return false;
    *ret_since = INT_NULL;
    while (db_next(&rows)) {
        const char *text = db_column_text(&rows, 0);
        struct error unreadable; /* unreadable dimensions mean no trouble, and stop nothing */
        const cJSON *since = json_parse(text, strlen(text), &dimensions, &unreadable)
                                 ? cJSON_GetObjectItemCaseSensitive(dimensions, "since")
                                 : NULL;
        if (since)
            json_is_integer(since, ret_since);
    }
    return db_done(&rows, err);
}

bool metrics_resume(struct metrics_collector *collector, struct error *err)
{
    struct platform *platform = collector->platform;
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (!store_reader(platform->store, READ_LIMIT_MS, &db, err))
        return false;
    for (int i = 0; i < COMPONENT_COUNT; i++) {
        int64_t since;
        if (!snapshot_read_open_trouble(db, (enum component)i, &since, err))
            return false;
        health_resume(platform->health, (enum component)i, since);
    }
    return true;
}

static const char SQL_DELETE_SNAPSHOTS[] =
    "DELETE FROM metrics_snapshots WHERE metric_type = $1 AND timestamp < $2";

struct retention {
    int64_t before, deleted;
};

static bool snapshot_delete_type(struct db *db, const char *prefix, const char *name,
                                 struct retention *retention, struct error *err)
{
    char type[64];
    int64_t changed;
    snprintf(type, sizeof(type), "%s%s", prefix, name);
    if (!db_execute(db, SQL_DELETE_SNAPSHOTS, DB_ARGS(db_text(type), db_int(retention->before)), &changed,
                    err))
        return false;
    retention->deleted += changed;
    return true;
}

static bool snapshot_delete_old(struct db *db, void *context, struct error *err)
{
    struct retention *retention = context;
    retention->deleted = 0;
    for (int i = 0; i < METRIC_COUNT; i++)
        if (!snapshot_delete_type(db, "", metric_name((enum metric)i), retention, err))
            return false;
    for (int i = 0; i < COMPONENT_COUNT; i++)
        if (!snapshot_delete_type(db, METRIC_COMPONENT_STATUS, component_name((enum component)i), retention,
                                  err) ||
            !snapshot_delete_type(db, METRIC_COMPONENT_LATENCY, component_name((enum component)i), retention,
                                  err))
            return false;
    return true;
}

bool metrics_retain(struct metrics_collector *collector, int days, int64_t *ret_deleted, struct error *err)
{
    struct retention retention = {.before = clock_now_ms() - days * DAY_MS};
    if (!store_write(collector->platform->store, snapshot_delete_old, &retention, err))
        return false;
    *ret_deleted = retention.deleted;
    return true;
}
