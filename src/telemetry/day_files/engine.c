/* Telemetry in day files: one SQLite file for each day, `2026-11-22.db`, so that raw rows and roll-ups are one
 * transaction, deleting a day is deleting a file, and no index grows beyond a day. */
#include <stdio.h>

#include "base/memory.h"
#include "telemetry/day_files/day_files.h"
#include "telemetry/day_files/day_logs.h"
#include "telemetry/day_files/day_read.h"
#include "telemetry/day_files/day_writer.h"
#include "telemetry/engine.h"

#define READ_LIMIT_MS 5000
#define TOTALS_LIMIT_MS 600000 /* all of a day, with what is done with them */
#define CHECK_LIMIT_MS 3600000

struct day_files_engine {
    struct engine base;
    struct day_files files;
};

static struct day_files *day_files_of(struct engine *engine)
{
    return &((struct day_files_engine *)engine)->files;
}

/* A connection to a day's file. */
struct day_reading {
    struct db *db; /* NULL: the day has no file */
    struct day_use use;
};

static void day_reading_release(struct day_reading *reading)
{
    store_reader_return(reading->db);
    day_use_release(&reading->use);
}

static bool day_reading_begin(struct engine *engine, int32_t day, int limit_ms,
                              struct day_reading *ret_reading, struct error *err)
{
    ret_reading->use.files = day_files_of(engine);
    return day_files_get(day_files_of(engine), day, DAY_FILE_READ, &ret_reading->use.file, err) &&
           (!ret_reading->use.file ||
            store_reader(ret_reading->use.file->store, limit_ms, &ret_reading->db, err));
}

/* ---- writing ---- */

/* Whether the day's file must be given up: it is damaged, or no longer lies where it was opened. */
static bool day_file_is_lost(struct day_file *file, const struct error *why)
{
    struct error err;
    return why->code == ERROR_DAMAGED || store_is_damaged(file->store) ||
           (why->code == ERROR_STORE && !store_sound(file->store, &err) && error_is_of_store(err.code));
}

static bool day_file_write(struct day_files *files, int32_t day, struct day_batch *batch, bool *ret_again,
                           struct error *err)
{
    CLEANUP(day_use_release) struct day_use use = {.files = files};
    enum day_file_use how = batch->begin_day ? DAY_FILE_MAKE : DAY_FILE_WRITE;
    *ret_again = false;
    if (!day_files_get(files, day, how, &use.file, err))
        return false;
    batch->day_absent = !use.file;
    if (!use.file)
        return false;
    struct day_write write = {.writer = use.file->writer, .batch = batch};
    if (store_write(use.file->store, day_writer_write, &write, err))
        return true;
    if (day >= clock_day(clock_now_ms()) && day_file_is_lost(use.file, err)) {
        day_files_give_up(files, use.file);
        *ret_again = true;
    }
    return false;
}

static bool day_engine_write(struct engine *engine, int32_t day, struct day_batch *batch, struct error *err)
{
    struct day_files *files = day_files_of(engine);
    bool again;
    batch->day_absent = false;
    if (day_file_write(files, day, batch, &again, err))
        return true;
    if (!again)
        return false;
    batch->begin_day = true; /* the file was set aside, the day goes on */
    return day_file_write(files, day, batch, &again, err);
}

/* ---- reading ---- */

static bool day_engine_list_days(struct engine *engine, int32_t **ret_days, size_t *ret_count,
                                 struct error *err)
{
    return day_files_list(engine->folder, ret_days, ret_count, err);
}

static bool day_engine_find_recorders(struct engine *engine, int32_t first, size_t count,
                                      int64_t *ret_recorders, struct error *err)
{
    (void)err;
    for (size_t i = 0; i < count; i++) {
        struct error unreadable;
        if (!day_files_recorder(day_files_of(engine), first + (int32_t)i, &ret_recorders[i], &unreadable))
            ret_recorders[i] = RECORDER_UNKNOWN;
    }
    return true;
}

static bool day_engine_read_info(struct engine *engine, int32_t day, struct day_info *ret_info,
                                 struct error *err)
{
    CLEANUP(day_reading_release) struct day_reading reading = {0};
    *ret_info = (struct day_info){0};
    return day_reading_begin(engine, day, READ_LIMIT_MS, &reading, err) &&
           (!reading.db || day_info_read(reading.db, ret_info, err));
}

static bool day_engine_add_hours(struct engine *engine, int32_t day, const struct usage_filter *filter,
                                 const struct hour_span *span, struct error *err)
{
    CLEANUP(day_reading_release) struct day_reading reading = {0};
    return day_reading_begin(engine, day, READ_LIMIT_MS, &reading, err) &&
           (!reading.db || day_add_hours(reading.db, filter, span, err));
}

static bool day_engine_each_part(struct engine *engine, int32_t day, const struct usage_cut *cut,
                                 int limit_ms, usage_part_sink sink, void *context, struct error *err)
{
    CLEANUP(day_reading_release) struct day_reading reading = {0};
    return day_reading_begin(engine, day, limit_ms, &reading, err) &&
           (!reading.db || day_each_part(reading.db, cut, sink, context, err));
}

static bool day_engine_each_total(struct engine *engine, int32_t day, struct day_info *ret_info,
                                  day_total_sink sink, void *context, struct error *err)
{
    CLEANUP(day_reading_release) struct day_reading reading = {0};
    if (!day_reading_begin(engine, day, TOTALS_LIMIT_MS, &reading, err))
        return false;
    if (!reading.db)
        return error_set(err, ERROR_CONFLICT, "The day's file was deleted meanwhile.", "当日文件已被删除。");
    return day_each_total(reading.db, ret_info, sink, context, err);
}

static bool day_engine_each_usage(struct engine *engine, int32_t day, int limit_ms, telemetry_usage_sink sink,
                                  void *context, struct error *err)
{
    CLEANUP(day_reading_release) struct day_reading reading = {0};
    return day_reading_begin(engine, day, limit_ms, &reading, err) &&
           (!reading.db || day_each_usage(reading.db, sink, context, err));
}

struct day_log_reading {
    struct log_reading base;
    struct day_reading day;
    struct log_lane lane;
};

static void day_engine_logs_close(struct engine *engine, struct log_reading *base)
{
    struct day_log_reading *reading = (struct day_log_reading *)base;
    (void)engine;
    if (base->db)
        db_snapshot_end(base->db);
    day_reading_release(&reading->day);
    free(reading);
}

static bool day_engine_each_name(struct engine *engine, int32_t day, bool of_logs, telemetry_name_sink sink,
                                 void *context, struct error *err)
{
    CLEANUP(day_reading_release) struct day_reading reading = {0};
    return day_reading_begin(engine, day, READ_LIMIT_MS, &reading, err) &&
           (!reading.db || day_each_name(reading.db, of_logs, sink, context, err));
}

static bool day_engine_logs_open(struct engine *engine, int32_t day, int limit_ms,
                                 struct log_reading **ret_reading, struct error *err)
{
    struct day_log_reading *reading = xcalloc(1, sizeof(*reading));
    struct log_reading *base = &reading->base;
    bool here = false;
    base->lanes = &reading->lane;
    bool done = day_reading_begin(engine, day, limit_ms, &reading->day, err);
    if (done && reading->day.db) {
        done = db_snapshot_begin(reading->day.db, err);
        base->db = done ? reading->day.db : NULL;
        done = done && day_log_lane(reading->day.db, &reading->lane, &here, err);
    }
    base->lane_count = here ? 1 : 0;
    if (!done) {
        day_engine_logs_close(engine, base);
        return false;
    }
    *ret_reading = base;
    return true;
}

static bool day_engine_group_logs(struct engine *engine, int32_t day, struct error *err)
{
    struct log_reading *reading;
    if (!day_engine_logs_open(engine, day, READ_LIMIT_MS, &reading, err))
        return false;
    bool due = reading->lane_count && reading->lanes[0].loose_blocks >= LOG_GROUP_LEAST;
    day_engine_logs_close(engine, reading);
    CLEANUP(day_use_release) struct day_use use = {.files = day_files_of(engine)};
    if (!due)
        return true;
    if (!day_files_get(day_files_of(engine), day, DAY_FILE_WRITE, &use.file, err))
        return false;
    return !use.file || store_write(use.file->store, day_writer_group_logs, NULL, err);
}

static bool day_engine_check_day(struct engine *engine, int32_t day, struct findings *findings,
                                 struct error *err)
{
    CLEANUP(day_reading_release) struct day_reading reading = {0};
    return day_reading_begin(engine, day, CHECK_LIMIT_MS, &reading, err) &&
           (!reading.db || day_check(reading.db, day, findings, err));
}

/* ---- ended days ---- */

static void day_engine_seal(struct engine *engine, int32_t today)
{
    day_files_close_before(day_files_of(engine), today);
}

static bool day_engine_drop_day(struct engine *engine, int32_t day, int64_t revision, bool *ret_dropped,
                                struct error *err)
{
    return day_files_delete(day_files_of(engine), day, revision, ret_dropped, err);
}

/* ---- bulk data ---- */

struct bulk_load {
    struct store *store;
    struct day_writer *writer;
};

static bool day_engine_load_begin(struct engine *engine, int32_t day, struct bulk_load **ret_load,
                                  struct error *err)
{
    struct store *store;
    if (!day_file_open_store(engine->folder, day, STORE_BULK, false, &store, err))
        return false;
    struct bulk_load *load = xcalloc(1, sizeof(*load));
    *load = (struct bulk_load){store, day_writer_new()};
    *ret_load = load;
    return true;
}

static bool day_engine_load_batch(struct bulk_load *load, struct day_batch *batch, bool last,
                                  struct error *err)
{
    struct day_write write = {
        .writer = load->writer, .batch = batch, .defer_rollups = true, .put_rollups = last};
    return store_write(load->store, day_writer_write, &write, err);
}

static void day_engine_load_end(struct bulk_load *load)
{
    store_close(load->store);
    day_writer_free(load->writer);
    free(load);
}

/* ---- the engine ---- */

static void day_engine_get_set_aside(struct engine *engine, char *ret_name, size_t size)
{
    char name[DAY_FILE_NAME_SIZE];
    day_files_get_set_aside(day_files_of(engine), name);
    snprintf(ret_name, size, "%s", name);
}

static void day_engine_close(struct engine *engine)
{
    day_files_release(day_files_of(engine));
    free(engine);
}

static const struct engine_functions functions = {
    .name = "day files",
    .close = day_engine_close,
    .write = day_engine_write,
    .list_days = day_engine_list_days,
    .find_recorders = day_engine_find_recorders,
    .read_info = day_engine_read_info,
    .add_hours = day_engine_add_hours,
    .each_part = day_engine_each_part,
    .each_total = day_engine_each_total,
    .each_usage = day_engine_each_usage,
    .each_name = day_engine_each_name,
    .logs_open = day_engine_logs_open,
    .logs_close = day_engine_logs_close,
    .group_logs = day_engine_group_logs,
    .check_day = day_engine_check_day,
    .seal = day_engine_seal,
    .drop_day = day_engine_drop_day,
    .load_begin = day_engine_load_begin,
    .load_batch = day_engine_load_batch,
    .load_end = day_engine_load_end,
    .get_set_aside = day_engine_get_set_aside,
};

bool day_files_open(struct engine **ret_engine, const char *folder, enum store_durability durability,
                    struct error *err)
{
    struct day_files_engine *engine = xcalloc(1, sizeof(*engine));
    if (!day_files_init(&engine->files, folder, durability, err)) {
        free(engine);
        return false;
    }
    engine->base = (struct engine){&functions, engine->files.folder};
    *ret_engine = &engine->base;
    return true;
}
