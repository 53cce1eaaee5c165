/* Telemetry in PostgreSQL: tables partitioned by day, in a schema of its own beside the main store's, which all
 * processes share.
 *
 * A schema of its own, so that it has its own list of migrations, its works need not wait for those of the main store
 * (they are not serial over all processes), and its partitions, which come and go each day, are in nobody's way. */
#include <stdatomic.h>

#include "base/identifier.h"
#include "base/memory.h"
#include "telemetry/engine.h"
#include "telemetry/postgresql/lane_logs.h"
#include "telemetry/postgresql/lanes.h"
#include "telemetry/postgresql/read.h"
#include "telemetry/postgresql/schema.h"
#include "telemetry/postgresql/writer.h"

#define READERS 4
#define READ_LIMIT_MS 5000
#define TOTALS_LIMIT_MS 600000 /* all of a day, with what is done with them */
#define CHECK_LIMIT_MS 3600000
#define LANE_KEPT_US INT64_C(30000000) /* then it is asked for again, so that nobody else takes it */

struct postgresql_engine {
    struct engine base;
    struct store *store;
    struct lane_writer *writer; /* only for the store's writer thread */
    int64_t recorder;
    int64_t holder; /* a random number of this process */
    _Atomic int64_t lane, lane_asked_us;
    atomic_bool lane_shared; /* another process writes in it: ask for one anew */
};

static struct postgresql_engine *postgresql_engine_of(struct engine *engine)
{
    return (struct postgresql_engine *)engine;
}

/* ---- writing ---- */

static bool postgresql_engine_find_lane(struct postgresql_engine *engine, int64_t *ret_lane,
                                        struct error *err)
{
    int64_t now = clock_monotonic_us();
    *ret_lane = engine->lane;
    if (*ret_lane && !engine->lane_shared && now - engine->lane_asked_us < LANE_KEPT_US)
        return true;
    engine->lane_shared = false;
    engine->lane_asked_us = now;
    if (!lane_take(engine->store, engine->holder, ret_lane, err))
        return false;
    engine->lane = *ret_lane;
    return true;
}

#define TRIES 5 /* of a day that others drop and make at the same time */

static bool postgresql_engine_write(struct engine *base, int32_t day, struct day_batch *batch,
                                    struct error *err)
{
    struct postgresql_engine *engine = postgresql_engine_of(base);
    struct lane_write write = {.writer = engine->writer, .day = day, .batch = batch};
    batch->day_absent = false;
    for (int i = 0; i < TRIES; i++) {
        bool here;
        if (!postgresql_engine_find_lane(engine, &write.lane, err) ||
            !store_write(engine->store, lane_write_work, &write, err))
            return false;
        if (write.shared)
            engine->lane_shared = true;
        if (!write.absent)
            return true;
        if (!lane_begin_day(engine->store, write.lane, day, batch->begin_day, &here, err))
            return false;
        batch->day_absent = !here;
        if (!here)
            return false;
    }
    return error_set(err, ERROR_UNAVAILABLE, "The day is being deleted. Try again in a moment.",
                     "该日数据正在删除，请稍后重试。");
}

/* ---- reading ---- */

static bool postgresql_engine_list_days(struct engine *base, int32_t **ret_days, size_t *ret_count,
                                        struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(postgresql_engine_of(base)->store, READ_LIMIT_MS, &db, err) &&
           lanes_list_days(db, ret_days, ret_count, err);
}

static bool postgresql_engine_find_recorders(struct engine *base, int32_t first, size_t count,
                                             int64_t *ret_recorders, struct error *err)
{
    struct postgresql_engine *engine = postgresql_engine_of(base);
    CLEANUP(store_reader_release) struct db *db = NULL;
    for (size_t i = 0; i < count; i++)
        ret_recorders[i] = 0;
    return store_reader(engine->store, READ_LIMIT_MS, &db, err) &&
           lanes_find_days(db, first, count, engine->recorder, ret_recorders, err);
}

static bool postgresql_engine_read_day(struct postgresql_engine *engine, struct db *db, int32_t day,
                                       struct day_info *ret_info, struct error *err)
{
    bool here;
    *ret_info = (struct day_info){0};
    if (!lanes_read_info(db, day, ret_info, &here, err))
        return false;
    ret_info->recorder = here ? engine->recorder : 0;
    return true;
}

static bool postgresql_engine_read_info(struct engine *base, int32_t day, struct day_info *ret_info,
                                        struct error *err)
{
    struct postgresql_engine *engine = postgresql_engine_of(base);
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(engine->store, READ_LIMIT_MS, &db, err) &&
           postgresql_engine_read_day(engine, db, day, ret_info, err);
}

static bool postgresql_engine_add_hours(struct engine *base, int32_t day, const struct usage_filter *filter,
                                        const struct hour_span *span, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(postgresql_engine_of(base)->store, READ_LIMIT_MS, &db, err) &&
           lanes_add_hours(db, day, filter, span, err);
}

static bool postgresql_engine_each_part(struct engine *base, int32_t day, const struct usage_cut *cut,
                                        int limit_ms, usage_part_sink sink, void *context, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(postgresql_engine_of(base)->store, limit_ms, &db, err) &&
           lanes_each_part(db, day, cut, sink, context, err);
}

static bool postgresql_engine_each_total(struct engine *base, int32_t day, struct day_info *ret_info,
                                         day_total_sink sink, void *context, struct error *err)
{
    struct postgresql_engine *engine = postgresql_engine_of(base);
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (!store_reader(engine->store, TOTALS_LIMIT_MS, &db, err) || !db_snapshot_begin(db, err))
        return false;
    bool done = postgresql_engine_read_day(engine, db, day, ret_info, err);
    if (done && ret_info->recorder == 0)
        done = error_set(err, ERROR_CONFLICT, "The day was deleted meanwhile.", "该日数据已被删除。");
    done = done && lanes_each_total(db, day, sink, context, err);
    db_snapshot_end(db);
    return done;
}

static bool postgresql_engine_each_usage(struct engine *base, int32_t day, int limit_ms,
                                         telemetry_usage_sink sink, void *context, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(postgresql_engine_of(base)->store, limit_ms, &db, err) &&
           lanes_each_usage(db, day, sink, context, err);
}

static void postgresql_engine_logs_close(struct engine *engine, struct log_reading *reading)
{
    (void)engine;
    if (reading->db)
        db_snapshot_end(reading->db);
    store_reader_return(reading->db);
    free(reading->lanes);
    free(reading);
}

static bool postgresql_engine_each_name(struct engine *base, int32_t day, bool of_logs,
                                        telemetry_name_sink sink, void *context, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(postgresql_engine_of(base)->store, READ_LIMIT_MS, &db, err) &&
           lanes_each_name(db, day, of_logs, sink, context, err);
}

static bool postgresql_engine_logs_open(struct engine *base, int32_t day, int limit_ms,
                                        struct log_reading **ret_reading, struct error *err)
{
    struct log_reading *reading = xcalloc(1, sizeof(*reading));
    if (!store_reader(postgresql_engine_of(base)->store, limit_ms, &reading->db, err)) {
        free(reading);
        return false;
    }
    if (!db_snapshot_begin(reading->db, err)) {
        store_reader_return(reading->db);
        free(reading);
        return false;
    }
    if (!lanes_read_logs(reading->db, day, &reading->lanes, &reading->lane_count, err)) {
        postgresql_engine_logs_close(base, reading);
        return false;
    }
    *ret_reading = reading;
    return true;
}

static bool postgresql_engine_group_logs(struct engine *base, int32_t day, struct error *err)
{
    CLEANUP(free_pointer) struct log_lane *lanes = NULL;
    struct postgresql_engine *engine = postgresql_engine_of(base);
    size_t count = 0;
    struct db *db;
    if (!store_reader(engine->store, READ_LIMIT_MS, &db, err))
        return false;
    bool done = lanes_read_logs(db, day, &lanes, &count, err);
    store_reader_return(db);
    for (size_t i = 0; i < count && done; i++) {
        struct lane_grouping grouping = {day, lanes[i].lane};
        done = lanes[i].loose_blocks < LOG_GROUP_LEAST ||
               store_write(engine->store, lane_group_logs_work, &grouping, err);
    }
    return done;
}

static bool postgresql_engine_check_day(struct engine *base, int32_t day, struct findings *findings,
                                        struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (!store_reader(postgresql_engine_of(base)->store, CHECK_LIMIT_MS, &db, err) ||
        !db_snapshot_begin(db, err))
        return false;
    bool done = lanes_check_day(db, day, findings, err);
    db_snapshot_end(db);
    return done;
}

/* ---- ended days ---- */

/* Nothing is held for a day: what the writer remembers makes place for others. */
static void postgresql_engine_seal(struct engine *engine, int32_t today)
{
    (void)engine, (void)today;
}

/* A day that somebody reads for long is left for the next time. */
static bool postgresql_engine_drop_day(struct engine *base, int32_t day, int64_t revision, bool *ret_dropped,
                                       struct error *err)
{
    struct error local;
    error_clear(&local);
    if (lanes_drop_day(postgresql_engine_of(base)->store, day, revision, ret_dropped, &local))
        return true;
    if (local.code == ERROR_UNAVAILABLE)
        return true;
    if (err)
        *err = local;
    return false;
}

/* ---- bulk data ---- */

struct bulk_load {
    struct engine *engine;
    int32_t day;
};

static bool postgresql_engine_load_begin(struct engine *engine, int32_t day, struct bulk_load **ret_load,
                                         struct error *err)
{
    (void)err;
    *ret_load = xcalloc(1, sizeof(**ret_load));
    **ret_load = (struct bulk_load){engine, day};
    return true;
}

static bool postgresql_engine_load_batch(struct bulk_load *load, struct day_batch *batch, bool last,
                                         struct error *err)
{
    (void)last;
    batch->begin_day = true;
    return postgresql_engine_write(load->engine, load->day, batch, err);
}

static void postgresql_engine_load_end(struct bulk_load *load)
{
    free(load);
}

/* ---- the engine ---- */

static void postgresql_engine_close(struct engine *base)
{
    struct postgresql_engine *engine = postgresql_engine_of(base);
    if (engine->lane)
        lane_give_back(engine->store, engine->holder);
    store_close(engine->store);
    lane_writer_free(engine->writer);
    free(engine);
}

static const struct engine_functions functions = {
    .name = "PostgreSQL",
    .close = postgresql_engine_close,
    .write = postgresql_engine_write,
    .list_days = postgresql_engine_list_days,
    .find_recorders = postgresql_engine_find_recorders,
    .read_info = postgresql_engine_read_info,
    .add_hours = postgresql_engine_add_hours,
    .each_part = postgresql_engine_each_part,
    .each_total = postgresql_engine_each_total,
    .each_usage = postgresql_engine_each_usage,
    .each_name = postgresql_engine_each_name,
    .logs_open = postgresql_engine_logs_open,
    .logs_close = postgresql_engine_logs_close,
    .group_logs = postgresql_engine_group_logs,
    .check_day = postgresql_engine_check_day,
    .seal = postgresql_engine_seal,
    .drop_day = postgresql_engine_drop_day,
    .load_begin = postgresql_engine_load_begin,
    .load_batch = postgresql_engine_load_batch,
    .load_end = postgresql_engine_load_end,
};

bool telemetry_postgresql_open(struct engine **ret_engine, const char *database, struct error *err)
{
    CLEANUP(free_pointer) char *address = store_address_beside(database, "_telemetry");
    struct postgresql_engine *engine = xcalloc(1, sizeof(*engine));
    engine->base = (struct engine){.functions = &functions};
    if (!store_open(&engine->store,
                    &(struct store_options){.path = address,
                                            .readers = READERS,
                                            .concurrent = true,
                                            .migrations = telemetry_migrations,
                                            .migration_count = telemetry_migration_count},
                    err)) {
        free(engine);
        return false;
    }
    engine->writer = lane_writer_new();
    random_bytes(&engine->holder, sizeof(engine->holder));
    engine->holder &= INT64_MAX;
    if (!lanes_recorder(engine->store, &engine->recorder, err)) {
        postgresql_engine_close(&engine->base);
        return false;
    }
    *ret_engine = &engine->base;
    return true;
}
