#include "store/store.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "store/driver.h"
#include "store/lease.h"
#include "store/readers.h"
#include "store/writer.h"

#define READERS_DEFAULT 4
#define QUEUE_DEFAULT 4096
#define BYTES_AGE_US INT64_C(30000000)
#define BYTES_LIMIT_MS 1000
/* The writer touches the ends of a dozen indexes for each pair of knowledge; what does not stay in its cache
 * it writes to the log and reads again. Taken only when much is written. */
#define WRITER_CACHE_KIB 8192

struct store {
    char *address, *path; /* `path`: the address without its password */
    char *files_folder;   /* NULL: none */
    struct db *write_db;
    struct writer *writer;
    struct reader_pool *readers;
    const volatile uint32_t *stamp; /* NULL: the driver has none */
    atomic_bool damaged;
    _Atomic int64_t bytes, bytes_at_us; /* what the database has said, and when it is asked again */
    struct db_reach reach;
    _Atomic int64_t foreground_works;
};

static bool store_check_exists(struct db *db, struct error *err)
{
    int64_t version;
    if (!migration_version(db, &version, err))
        return false;
    return version > 0 ||
           error_set(err, ERROR_NOT_FOUND,
                     "there is no store: run 'kimono serve' or 'kimono demo' first, or name another database",
                     "尚无数据：请先运行 kimono serve 或 kimono demo，或另行指定数据库");
}

/* Its readers alone; with the migrations only if there are some that it lacks. */
static bool store_open_to_read(struct store *store, const struct db_open_options *connection, size_t readers,
                               const struct store_options *options, struct error *err)
{
    struct db_open_options reading = *connection;
    reading.role = DB_READER;
    reading.alone = true;
    CLEANUP(db_release) struct db *db = NULL;
    int64_t version;
    if (!db_open(&reading, &db, err) ||
        !migration_check(db, options->migrations, options->migration_count, &version, err))
        return false;
    if (version < (int64_t)options->migration_count) {
        CLEANUP(db_release) struct db *write_db = NULL;
        if (!db_open(connection, &write_db, err) ||
            !migration_run(write_db, options->migrations, options->migration_count, err))
            return false;
    }
    return reader_pool_new(&store->readers, &reading, readers, err);
}

static bool store_open_parts(struct store *store, const struct store_options *options, struct error *err)
{
    struct db_open_options connection = {
        .path = store->address,
        .role = DB_WRITER,
        .cache_kib = options->cache_kib,
        .bulk = options->durability == STORE_BULK,
        .concurrent = options->concurrent,
        .damaged = &store->damaged,
        .reach = &store->reach,
        .tokenize = options->tokenize,
    };
    struct db_open_options writing = connection;
    writing.cache_kib = options->cache_kib ? options->cache_kib : WRITER_CACHE_KIB;
    size_t readers = options->readers ? options->readers : READERS_DEFAULT;
    readers = readers < READERS_MAX ? readers : READERS_MAX;
    if (options->read_only)
        return store_open_to_read(store, &connection, readers, options, err) ||
               error_prefix(err, "%s", "%s", store->path);
    if (!db_open(&writing, &store->write_db, err) ||
        (options->must_exist && !store_check_exists(store->write_db, err)) ||
        !migration_run(store->write_db, options->migrations, options->migration_count, err) ||
        !reader_pool_new(&store->readers, &connection, readers, err))
        return error_prefix(err, "%s", "%s", store->path);
    store->stamp = store->write_db->driver->stamp ? store->write_db->driver->stamp(store->write_db) : NULL;
    store->writer = writer_new(store->write_db, store->readers,
                               options->queue_ceiling ? options->queue_ceiling : QUEUE_DEFAULT);
    return true;
}

bool store_open(struct store **ret_store, const struct store_options *options, struct error *err)
{
    struct store *store = xcalloc(1, sizeof(*store));
    db_reach_init(&store->reach);
    store->bytes = INT_NULL;
    const struct db_driver *driver = db_driver_for(options->path);
    store->address = xstrdup(options->path);
    store->path = driver->display_path ? driver->display_path(options->path) : xstrdup(options->path);
    if (options->files_folder)
        store->files_folder = xstrdup(options->files_folder);
    if (!store_open_parts(store, options, err)) {
        store_close(store);
        return false;
    }
    *ret_store = store;
    return true;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    writer_free(store->writer);
    reader_pool_free(store->readers);
    db_close(store->write_db); /* the last one: it empties the log into the file */
    db_reach_destroy(&store->reach);
    free(store->address);
    free(store->path);
    free(store->files_folder);
    free(store);
}

const char *store_path(const struct store *store)
{
    return store->path;
}

const char *store_address(const struct store *store)
{
    return store->address;
}

const char *store_files_folder(const struct store *store)
{
    return store->files_folder;
}

bool store_get_stamp(const struct store *store, struct store_stamp *ret_stamp)
{
    if (!store->stamp)
        return false;
    for (size_t i = 0; i < STORE_STAMP_WORDS; i++)
        ret_stamp->words[i] = store->stamp[i];
    atomic_thread_fence(memory_order_acquire);
    return true;
}

bool store_is_damaged(const struct store *store)
{
    return store->damaged;
}

static bool store_change_nothing(struct db *db, void *context, struct error *err)
{
    (void)db, (void)context, (void)err;
    return true;
}

bool store_sound(struct store *store, struct error *err)
{
    const char *slash = strrchr(store->path, '/'), *name = slash ? slash + 1 : store->path;
    if (store->damaged)
        return error_set(err, ERROR_DAMAGED,
                         "%s is damaged: stop the program, keep a copy of the file, and restore a backup "
                         "('kimono check' says what is wrong)",
                         "%s 已损坏：请停止程序，保留该文件的副本，然后恢复备份（kimono check 会指出问题）",
                         name);
    return !store->writer || store_write(store, store_change_nothing, NULL,
                                         err); /* each commit looks whether the files are in place */
}

const char *store_driver_name(const struct store *store)
{
    return store->write_db->driver->name;
}

bool store_reader(struct store *store, int limit_ms, struct db **ret_db, struct error *err)
{
    return reader_pool_lend(store->readers, limit_ms, ret_db, err);
}

struct fenced {
    const struct lease *lease;
    store_work work;
    void *context;
};

static bool store_fenced_work(struct db *db, void *context, struct error *err)
{
    const struct fenced *fenced = context;
    return lease_check(db, fenced->lease, err) && fenced->work(db, fenced->context, err);
}

static _Thread_local bool in_background;

void store_set_background(void)
{
    in_background = true;
}

bool store_write(struct store *store, store_work work, void *context, struct error *err)
{
    if (!store->writer)
        return error_set(err, ERROR_INTERNAL, "%s was opened to be read only.", "%s 以只读方式打开。",
                         store->path);
    struct fenced fenced = {lease_fence_of(store), work, context};
    bool done = fenced.lease ? writer_run(store->writer, store_fenced_work, &fenced, err)
                             : writer_run(store->writer, work, context, err);
    if (done && !in_background)
        store->foreground_works++;
    return done;
}

bool store_write_async(struct store *store, store_work work, store_done done, void *context)
{
    return store->writer && writer_submit(store->writer, work, done, context);
}

#define PIECES_AT_ONCE 32 /* in one transaction: some tenths of a second */

static bool store_drain_work(struct db *db, void *context, struct error *err)
{
    bool *more = context;
    *more = db->driver->catch_up != NULL;
    for (int i = 0; i < PIECES_AT_ONCE && *more; i++)
        if (!db->driver->catch_up(db, more, err))
            return false;
    return true;
}

bool store_drain_deferred(struct store *store, struct error *err)
{
    bool more = true;
    while (more)
        if (!store_write(store, store_drain_work, &more, err))
            return false;
    return true;
}

void store_notify_external_change(struct store *store)
{
    if (store->writer)
        writer_notify_external_change(store->writer);
}

/* Metrics ask for it far more often than it matters; whoever finds it old asks the database. */
static int64_t store_known_bytes(struct store *store)
{
    int64_t now = clock_monotonic_us(), at_us = store->bytes_at_us, bytes;
    if (now < at_us || !atomic_compare_exchange_strong(&store->bytes_at_us, &at_us, now + BYTES_AGE_US))
        return store->bytes;
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (store_reader(store, BYTES_LIMIT_MS, &db, NULL) &&
        db_find_int(db, db->driver->sql_bytes, DB_NO_ARGS, 0, &bytes, NULL))
        store->bytes = bytes;
    return store->bytes;
}

void store_get_stats(struct store *store, struct store_stats *ret_stats)
{
    *ret_stats = (struct store_stats){0};
    if (!store->writer)
        return;
    writer_get_stats(store->writer, ret_stats);
    ret_stats->bytes = ret_stats->wal_bytes = INT_NULL;
    if (store->write_db->driver->sql_bytes)
        ret_stats->bytes = store_known_bytes(store);
    ret_stats->foreground_works = store->foreground_works;
    if (store->write_db->driver->sizes)
        store->write_db->driver->sizes(store->path, &ret_stats->bytes, &ret_stats->wal_bytes);
}

bool store_is_lost(struct store *store, int64_t *ret_since, struct error *ret_why)
{
    pthread_mutex_lock(&store->reach.lock);
    bool lost = store->reach.lost_since != INT_NULL;
    if (lost)
        error_set(
            ret_why, ERROR_UNAVAILABLE,
            "the database cannot be reached (%s): look whether it runs and the network lets it through. "
            "Until it is back all is answered with 503; nothing needs to be restarted",
            "无法连接数据库（%s）：请检查数据库是否运行、网络是否通畅。恢复之前一律返回 503；无需重启本服务",
            store->reach.reason);
    if (lost && ret_since)
        *ret_since = store->reach.lost_since;
    pthread_mutex_unlock(&store->reach.lock);
    return lost;
}
