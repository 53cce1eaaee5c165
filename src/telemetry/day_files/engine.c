/* Telemetry in day files: one SQLite file for each day, `2026-11-22.db`, so that raw rows and roll-ups are one
 * transaction, deleting a day is deleting a file, and no index grows beyond a day. */
#include <stdio.h>

#include "base/memory.h"
#include "telemetry/day_files/day_files.h"
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

static struct day_files *files_of(struct engine *engine)
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

static bool begin_reading(struct engine *engine, int32_t day, int limit_ms, struct day_reading *ret_reading,
                          struct error *err)
{
    ret_reading->use.files = files_of(engine);
    return day_files_get(files_of(engine), day, DAY_FILE_READ, &ret_reading->use.file, err) &&
           (!ret_reading->use.file ||
            store_reader(ret_reading->use.file->store, limit_ms, &ret_reading->db, err));
}

/* ---- writing ---- */

/* Whether the day's file must be given up: it is damaged, or no longer lies where it was opened. */
static bool is_lost(struct day_file *file, const struct error *why)
{
    struct error err;
    return why->code == ERROR_DAMAGED || store_is_damaged(file->store) ||
           (why->code == ERROR_STORE && !store_sound(file->store, &err) && error_is_of_store(err.code));
}

static bool write_to_file(struct day_files *files, int32_t day, struct day_batch *batch, bool *ret_again,
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
    if (day >= clock_day(clock_now_ms()) && is_lost(use.file, err)) {
        day_files_give_up(files, use.file);
        *ret_again = true;
    }
    return false;
}

static bool write_day(struct engine *engine, int32_t day, struct day_batch *batch, struct error *err)
{
    struct day_files *files = files_of(engine);
    bool again;
    batch->day_absent = false;
    if (write_to_file(files, day, batch, &again, err))
        return true;
    if (!again)
        return false;
    batch->begin_day = true; /* the file was set aside, the day goes on */
    return write_to_file(files, day, batch, &again, err);
}

/* ---- reading ---- */

static bool list_days(struct engine *engine, int32_t **ret_days, size_t *ret_count, struct error *err)
{
    return day_files_list(engine->folder, ret_days, ret_count, err);
}

static bool find_recorders(struct engine *engine, int32_t first, size_t count, int64_t *ret_recorders,
                           struct error *err)
{
    (void)err;
    for (size_t i = 0; i < count; i++) {
        struct error unreadable;
        if (!day_files_recorder(files_of(engine), first + (int32_t)i, &ret_recorders[i], &unreadable))
            ret_recorders[i] = RECORDER_UNKNOWN;
    }
    return true;
}

static bool read_info(struct engine *engine, int32_t day, struct day_info *ret_info, struct error *err)
{
    CLEANUP(day_reading_release) struct day_reading reading = {0};
    *ret_info = (struct day_info){0};
    return begin_reading(engine, day, READ_LIMIT_MS, &reading, err) &&
           (!reading.db || day_info_read(reading.db, ret_info, err));
}

static bool add_hours(struct engine *engine, int32_t day, const struct usage_filter *filter,
                      const struct hour_span *span, struct error *err)
{
    CLEANUP(day_reading_release) struct day_reading reading = {0};
    return begin_reading(engine, day, READ_LIMIT_MS, &reading, err) &&
           (!reading.db || day_add_hours(reading.db, filter, span, err));
}

static bool each_total(struct engine *engine, int32_t day, struct day_info *ret_info, day_total_sink sink,
                       void *context, struct error *err)
{
    CLEANUP(day_reading_release) struct day_reading reading = {0};
    if (!begin_reading(engine, day, TOTALS_LIMIT_MS, &reading, err))
        return false;
    if (!reading.db)
        return error_set(err, ERROR_CONFLICT, "The day's file was deleted meanwhile.", "当日文件已被删除。");
    return day_each_total(reading.db, ret_info, sink, context, err);
}

static bool each_usage(struct engine *engine, int32_t day, int limit_ms, telemetry_usage_sink sink,
                       void *context, struct error *err)
{
    CLEANUP(day_reading_release) struct day_reading reading = {0};
    return begin_reading(engine, day, limit_ms, &reading, err) &&
           (!reading.db || day_each_usage(reading.db, sink, context, err));
}

static bool each_log(struct engine *engine, int32_t day, int limit_ms, telemetry_log_sink sink, void *context,
                     struct error *err)
{
    CLEANUP(day_reading_release) struct day_reading reading = {0};
    return begin_reading(engine, day, limit_ms, &reading, err) &&
           (!reading.db || day_each_log(reading.db, sink, context, err));
}

static bool check_day(struct engine *engine, int32_t day, struct findings *findings, struct error *err)
{
    CLEANUP(day_reading_release) struct day_reading reading = {0};
    return begin_reading(engine, day, CHECK_LIMIT_MS, &reading, err) &&
           (!reading.db || day_check(reading.db, day, findings, err));
}

/* ---- ended days ---- */

static void seal(struct engine *engine, int32_t today)
{
    day_files_close_before(files_of(engine), today);
}

static bool drop_day(struct engine *engine, int32_t day, int64_t revision, bool *ret_dropped,
                     struct error *err)
{
    return day_files_delete(files_of(engine), day, revision, ret_dropped, err);
}

/* ---- bulk data ---- */

struct bulk_load {
    struct store *store;
    struct day_writer *writer;
};

static bool load_begin(struct engine *engine, int32_t day, struct bulk_load **ret_load, struct error *err)
{
    struct store *store;
    if (!day_file_open_store(engine->folder, day, STORE_BULK, false, &store, err))
        return false;
    struct bulk_load *load = xcalloc(1, sizeof(*load));
    *load = (struct bulk_load){store, day_writer_new()};
    *ret_load = load;
    return true;
}

static bool load_batch(struct bulk_load *load, struct day_batch *batch, bool last, struct error *err)
{
    struct day_write write = {
        .writer = load->writer, .batch = batch, .defer_rollups = true, .put_rollups = last};
    return store_write(load->store, day_writer_write, &write, err);
}

static void load_end(struct bulk_load *load)
{
    store_close(load->store);
    day_writer_free(load->writer);
    free(load);
}

/* ---- the engine ---- */

static void get_set_aside(struct engine *engine, char *ret_name, size_t size)
{
    char name[DAY_FILE_NAME_SIZE];
    day_files_get_set_aside(files_of(engine), name);
    snprintf(ret_name, size, "%s", name);
}

static void close_engine(struct engine *engine)
{
    day_files_release(files_of(engine));
    free(engine);
}

static const struct engine_functions functions = {
    .name = "day files",
    .close = close_engine,
    .write = write_day,
    .list_days = list_days,
    .find_recorders = find_recorders,
    .read_info = read_info,
    .add_hours = add_hours,
    .each_total = each_total,
    .each_usage = each_usage,
    .each_log = each_log,
    .check_day = check_day,
    .seal = seal,
    .drop_day = drop_day,
    .load_begin = load_begin,
    .load_batch = load_batch,
    .load_end = load_end,
    .get_set_aside = get_set_aside,
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
