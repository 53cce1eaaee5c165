/* SQLite behind the driver table: connections and their files. Statements and columns are in sqlite_statement.c, errors
 * in sqlite_error.c, backup and check in sqlite_maintenance.c. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/owned_file.h"
#include "store/sqlite_private.h"

#define BUSY_LIMIT_US INT64_C(5000000)
#define OPERATIONS_PER_CHECK 1000 /* of the virtual machine between looks at the deadline: ~20 µs */

/* The write-ahead log. For each 4 MiB a commit copies into the file what no reader still needs. (A thread
 * beside the writer was tried: a third fewer chats, as the flushes of file and log wait for each other.) If
 * readers follow each other without a gap that never frees the log; so from 16 MiB on they are waited for:
 * whoever comes meanwhile reads the file alone and is not in the way. All who write wait with it, so no
 * longer than a few look-ups take; a long read, of a million rows in order, is waited for only when the log
 * has grown in spite of that: 16 ms at 16 MiB, 64 ms at 32 MiB. */
#define CHECKPOINT_PAGES 1000
#define RESTART_PAGES 4000
#define RESTART_WAIT_US_MAX INT64_C(250000)
#define WAL_INDEX_REGION 32768    /* bytes of one region of the WAL index: fixed by its format */
#define WAL_LIMIT_BYTES "8388608" /* the log's file is cut to this when it starts anew */

static const char SQL_APPLICATION_ID[] = "PRAGMA application_id";
static const char SQL_COUNT_TABLES[] = "SELECT count(*) FROM sqlite_schema";

static bool sqlite_in_transaction(struct db *db)
{
    return !sqlite3_get_autocommit(sqlite_of(db)->handle);
}

bool sqlite_failed(struct sqlite_db *db, int result, struct error *err)
{
    struct error local;
    err = err ? err : &local;
    sqlite_error(db->handle, result, db->path, err);
    if (err->code == ERROR_DAMAGED && db->base.damaged && !atomic_exchange(db->base.damaged, true))
        log_error("store", "%s", err->detail[LANGUAGE_EN]);
    return false;
}

/* ---- waiting and deadlines ---- */

static int sqlite_on_progress(void *context)
{
    struct sqlite_db *db = context;
    return db->base.deadline_us != 0 && clock_monotonic_us() >= db->base.deadline_us;
}

/* SQLite's own busy timeout does not end at the deadline. */
static int sqlite_on_busy(void *context, int count)
{
    static const int64_t delays_us[] = {200, 500, 1000, 2000, 5000, 10000, 20000};
    struct sqlite_db *db = context;
    int64_t now = clock_monotonic_us();
    if (count == 0)
        db->busy_since_us = now;
    int64_t until = db->busy_since_us + db->busy_limit_us;
    if (db->base.deadline_us && db->base.deadline_us < until)
        until = db->base.deadline_us;
    if (now >= until)
        return 0;
    size_t last = ARRAY_SIZE(delays_us) - 1;
    int64_t delay = delays_us[(size_t)count < last ? (size_t)count : last];
    usleep((useconds_t)(delay < until - now ? delay : until - now));
    return 1;
}

static int sqlite_on_wal_commit(void *context, sqlite3 *handle, const char *name, int pages)
{
    (void)handle, (void)name;
    struct sqlite_db *db = context;
    if (pages < db->wal_pages) /* started anew */
        db->checkpoint_at = CHECKPOINT_PAGES;
    db->wal_pages = pages;
    return SQLITE_OK;
}

static void sqlite_checkpoint(struct db *base)
{
    struct sqlite_db *db = sqlite_of(base);
    if (db->wal_pages < db->checkpoint_at)
        return;
    bool restart = db->wal_pages >= RESTART_PAGES;
    db->checkpoint_at = db->wal_pages + CHECKPOINT_PAGES;
    int64_t checkpoints = db->wal_pages / CHECKPOINT_PAGES, wait_us = checkpoints * checkpoints * 1000;
    db->busy_limit_us = wait_us < RESTART_WAIT_US_MAX ? wait_us : RESTART_WAIT_US_MAX;
    int result = sqlite3_wal_checkpoint_v2(
        db->handle, NULL, restart ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    db->busy_limit_us = BUSY_LIMIT_US;
    bool bad = result != SQLITE_OK && (result & 0xFF) != SQLITE_BUSY;
    if (bad && !db->checkpoint_failed) {
        struct error err;
        sqlite_failed(db, result, &err);
        log_warn("store", "checkpoint: %s", err.detail[LANGUAGE_EN]);
    }
    db->checkpoint_failed = bad;
}

/* If only the last flush of a commit failed, all of it is in the log, and who reads the log after a
 * crash takes it for done. The next commit writes over it: so there is one at once. */
static void sqlite_overwrite_failed(struct db *db)
{
    int64_t number;
    if (!db_find_int(db, "PRAGMA user_version", DB_NO_ARGS, 0, &number, NULL))
        return;
    char sql[64];
    snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", (int)((number + 1) % 1000000));
    db_script(db, sql, NULL);
}

/* In WAL mode every read begins and ends with a lock on the file, two system calls that cost four
 * times what a look-up does. SQLite counts the locks of a process and asks the system only for the
 * first and the last of a kind; so while one connection stays in a read transaction, the others
 * that read the same moment pay nothing (measured: 4.8 µs down to 2.4 µs for a look-up). */
static void sqlite_hold(struct db *db, bool on)
{
    if (sqlite_in_transaction(db))
        db_transaction(db, DB_ROLLBACK, NULL);
    int64_t id;
    if (on && db_script(db, "BEGIN", NULL))
        db_find_int(db, SQL_APPLICATION_ID, DB_NO_ARGS, 0, &id, NULL);
}

/* The header of the WAL index: 48 bytes of counters, sizes and checksums that every commit rewrites
 * (sqlite.org/walformat.html, 2.1), in memory that all processes share. It stays where it is while the
 * connection is open. In another journal mode there is none. */
static const volatile uint32_t *sqlite_stamp(struct db *base)
{
    sqlite3_file *file = NULL;
    volatile void *header = NULL;
    int64_t frames = 0;
    bool wal = db_find_int(base, "SELECT COUNT(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'",
                           DB_NO_ARGS, 0, &frames, NULL) &&
               frames == 1;
    if (!wal ||
        sqlite3_file_control(sqlite_of(base)->handle, "main", SQLITE_FCNTL_FILE_POINTER, &file) !=
            SQLITE_OK ||
        !file || file->pMethods->iVersion < 2 ||
        file->pMethods->xShmMap(file, 0, WAL_INDEX_REGION, 0, &header) != SQLITE_OK)
        return NULL;
    return (const volatile uint32_t *)header;
}

/* ---- are the files still there? ---- */

static bool sqlite_is_same_file(struct file_identity *seen, const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return seen->inode == 0; /* not made yet */
    if (seen->inode == 0)
        *seen = (struct file_identity){status.st_dev, status.st_ino};
    return seen->device == status.st_dev && seen->inode == status.st_ino;
}

static bool sqlite_in_place(struct db *base, struct error *err)
{
    static const char *const suffixes[SQLITE_FILES] = {"", "-wal", "-shm"};
    struct sqlite_db *db = sqlite_of(base);
    for (size_t i = 0; i < SQLITE_FILES; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s%s", db->path, suffixes[i]);
        if (sqlite_is_same_file(&db->files[i], path))
            continue;
        const char *slash = strrchr(path, '/');
        error_set(
            err, ERROR_STORE,
            "%s was deleted, moved or replaced while it is in use: nothing is written any more, as it "
            "would be lost. Put it back, or stop the program and restore a backup.",
            "%s "
            "在使用中被删除、移动或替换：为避免数据丢失，已停止写入。请将其放回原处，或停止程序后恢复备份。",
            slash ? slash + 1 : path);
        if (err)
            err->retry_after_seconds = STORE_RETRY_SECONDS;
        return false;
    }
    return true;
}

/* ---- opening ---- */

static void sqlite_configure_library(void)
{
    /* Counting memory takes a lock around every allocation. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/* SQLite would make the file readable for all. EXCL: closing a descriptor of a file that is open
 * elsewhere in this process would drop that one's locks. */
static bool sqlite_create_file(const char *path, struct error *err)
{
    int fd = owned_open(path, O_RDWR | O_EXCL, 0600);
    if (fd < 0 && errno == EEXIST)
        return true;
    if (fd < 0)
        return error_set(err, ERROR_STORE,
                         "The file cannot be created (%s). Look at the path and the permissions of its "
                         "directory, and whether the disk is full or mounted read-only.",
                         "无法创建文件（%s）。请检查路径、目录权限，以及磁盘是否已满或只读。",
                         strerrordesc_np(errno));
    close(fd);
    CLEANUP(free_pointer) char *copy = xstrdup(path);
    int directory = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        fsync(directory); /* else the name may be gone after a power loss */
        close(directory);
    }
    return true;
}

/* Our files carry our number; an empty one gets it. The number is looked at again after the tables:
 * another process that is making the same store now sets it before it makes them. */
static bool sqlite_identify(struct db *db, bool may_write, struct error *err)
{
    int64_t id, tables;
    if (!db_find_int(db, SQL_APPLICATION_ID, DB_NO_ARGS, 0, &id, err))
        return false;
    if (id == SQLITE_APPLICATION_ID)
        return true;
    if (!db_find_int(db, SQL_COUNT_TABLES, DB_NO_ARGS, 0, &tables, err) ||
        !db_find_int(db, SQL_APPLICATION_ID, DB_NO_ARGS, 0, &id, err))
        return false;
    if (id == SQLITE_APPLICATION_ID)
        return true;
    if (id != 0 || tables != 0 || !may_write)
        return error_set(err, ERROR_CONFLICT,
                         "This file is the database of another program. Give another path.",
                         "该文件属于其他程序，请使用其他路径。");
    char sql[64];
    snprintf(sql, sizeof(sql), "PRAGMA application_id = %d", SQLITE_APPLICATION_ID);
    return db_script(db, sql, err);
}

/* Two processes that open a new store at once get SQLITE_BUSY here without the busy handler. */
static bool sqlite_journal_in_wal(struct sqlite_db *db, struct error *err)
{
    static const char SQL_WAL[] = "PRAGMA journal_mode = WAL";
    int64_t until = clock_monotonic_us() + BUSY_LIMIT_US;
    struct db_rows rows = {0};
    while (!db_query(&db->base, SQL_WAL, DB_NO_ARGS, &rows, err)) {
        if (err->code != ERROR_UNAVAILABLE || clock_monotonic_us() >= until)
            return false;
        usleep(2000);
    }
    bool wal = db_next(&rows) && strcmp(db_column_text(&rows, 0), "wal") == 0;
    return db_done(&rows, err) &&
           (wal || error_set(err, ERROR_INTERNAL,
                             "The file system cannot keep a write-ahead log. Put the data on a local disk.",
                             "该文件系统不支持预写日志，请把数据放在本地磁盘上。"));
}

static bool sqlite_prepare_connection(struct sqlite_db *db, const struct db_open_options *options,
                                      struct error *err)
{
    bool writer = options->role == DB_WRITER;
    int cache_kib = options->cache_kib > 0 ? options->cache_kib : 1024;
    char sql[512];
    snprintf(sql, sizeof(sql),
             "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;"
             "PRAGMA cache_size = -%d; PRAGMA synchronous = %s; PRAGMA trusted_schema = OFF;"
             "PRAGMA secure_delete = FAST; PRAGMA journal_size_limit = " WAL_LIMIT_BYTES ";"
             "PRAGMA query_only = %s",
             cache_kib, options->bulk ? "OFF" : "FULL", writer ? "OFF" : "ON");
    if (!sqlite_identify(&db->base, writer, err) || (writer && !sqlite_journal_in_wal(db, err)) ||
        !db_script(&db->base, sql, err))
        return false;
    if (writer) {
        sqlite_in_place(&db->base, NULL); /* sees them for the first time */
        db->checkpoint_at = CHECKPOINT_PAGES;
        sqlite3_wal_hook(db->handle, sqlite_on_wal_commit, db);
        if (db->base.tokenize)
            sqlite_watch_changes(db);
    }
    return true;
}

static void sqlite_close(struct db *base)
{
    struct sqlite_db *db = sqlite_of(base);
    /* The last connection deletes the log by its name, which may be that of another store by now. */
    if (db->files[0].inode != 0 && !sqlite_in_place(base, NULL))
        sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    int result = sqlite3_close(db->handle);
    assert(result == SQLITE_OK);
    (void)result;
    free(db->changed.ranges);
    free(db->inserted.ranges);
    free(db->path);
    free(db);
}

static bool sqlite_open(const struct db_open_options *options, struct db **ret_db, struct error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static const struct {
        int option, on;
    } settings[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1}, /* SQL cannot write into SQLite's own structures */
        {SQLITE_DBCONFIG_DQS_DML, 0},   /* "x" is a name, never a text; as in PostgreSQL */
        {SQLITE_DBCONFIG_DQS_DDL, 0},
    };
    pthread_once(&once, sqlite_configure_library);
    struct error local;
    err = err ? err : &local; /* it is looked at on the way */
    if (options->role == DB_WRITER && !sqlite_create_file(options->path, err))
        return false;
    struct sqlite_db *db = xcalloc(1, sizeof(*db));
    db->base.driver = &sqlite_driver;
    db->base.damaged = options->damaged;
    db->busy_limit_us = BUSY_LIMIT_US;
    db->base.tokenize = options->tokenize;
    /* "file:…" and ":memory:" mean something to SQLite. */
    db->path = xmalloc(strlen(options->path) + 3);
    sprintf(db->path, "%s%s", options->path[0] == '/' ? "" : "./", options->path);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int result = sqlite3_open_v2(db->path, &db->handle, flags, NULL);
    bool done = result == SQLITE_OK || sqlite_failed(db, result, err);
    if (done) {
        for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
            sqlite3_db_config(db->handle, settings[i].option, settings[i].on, NULL);
        result = options->tokenize ? sqlite_register_tokenizer(db->handle, options->tokenize) : SQLITE_OK;
        done = result == SQLITE_OK || sqlite_failed(db, result, err);
    }
    if (done) {
        sqlite3_busy_handler(db->handle, sqlite_on_busy, db);
        sqlite3_progress_handler(db->handle, OPERATIONS_PER_CHECK, sqlite_on_progress, db);
        done = sqlite_prepare_connection(db, options, err);
    }
    if (!done) {
        db_close(&db->base);
        return false;
    }
    *ret_db = &db->base;
    return true;
}

static bool sqlite_transaction(struct db *db, enum db_verb verb, struct error *err)
{
    static const char *const texts[DB_VERBS] = {
        [DB_BEGIN] = "BEGIN IMMEDIATE", [DB_BEGIN_SERIAL] = "BEGIN IMMEDIATE",
        [DB_SNAPSHOT] = "BEGIN",        [DB_COMMIT] = "COMMIT",
        [DB_ROLLBACK] = "ROLLBACK",     [DB_SAVEPOINT] = "SAVEPOINT work",
        [DB_RELEASE] = "RELEASE work",  [DB_ROLLBACK_TO] = "ROLLBACK TO work"};
    return db_execute(db, texts[verb], DB_NO_ARGS, NULL, err);
}

static int64_t sqlite_file_size(const char *path, const char *suffix)
{
    char name[4096];
    struct stat status;
    snprintf(name, sizeof(name), "%s%s", path, suffix);
    return stat(name, &status) == 0 ? (int64_t)status.st_size : 0;
}

static void sqlite_sizes(const char *path, int64_t *ret_bytes, int64_t *ret_wal_bytes)
{
    *ret_bytes = sqlite_file_size(path, "");
    *ret_wal_bytes = sqlite_file_size(path, "-wal");
}

/* ---- numbering ---- */

/* Kept by SQLite for each table with AUTOINCREMENT that has had a row (sqlite.org/autoinc.html). */
static const char SQL_LAST_ID[] = "SELECT seq FROM sqlite_sequence WHERE name = $1";
static const char SQL_FORGET_LAST_ID[] = "DELETE FROM sqlite_sequence WHERE name = $1";
static const char SQL_SET_LAST_ID[] = "INSERT INTO sqlite_sequence(name, seq) VALUES ($1, $2)";

static bool sqlite_last_id(struct db *db, const char *table, int64_t *ret_id, struct error *err)
{
    return db_find_int(db, SQL_LAST_ID, DB_ARGS(db_text(table)), 0, ret_id, err);
}

static bool sqlite_set_last_id(struct db *db, const char *table, int64_t id, struct error *err)
{
    return db_execute(db, SQL_FORGET_LAST_ID, DB_ARGS(db_text(table)), NULL, err) &&
           db_execute(db, SQL_SET_LAST_ID, DB_ARGS(db_text(table), db_int(id)), NULL, err);
}

static const struct db_token tokens[] = {
    {"id", "INTEGER PRIMARY KEY AUTOINCREMENT"},
    {"int", "INTEGER"},
    {"real", "REAL"},
    {"bytes", "BLOB"},
    {"json", "TEXT"},
    {"without_rowid", "WITHOUT ROWID"},
    {"nulls_first", ""}, /* its only order */
    {"change_feed", ""}, /* sqlite_changes.c */
    {"full_text", SQLITE_FULL_TEXT},
    {NULL, NULL},
};

const struct db_driver sqlite_driver = {
    .name = "SQLite",
    .sql_table_exists = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1",
    .statements_kept = 96, /* some 4 KiB each */
    .tokens = tokens,
    .open = sqlite_open,
    .close = sqlite_close,
    .sizes = sqlite_sizes,
    .transaction = sqlite_transaction,
    .script = sqlite_script,
    .in_transaction = sqlite_in_transaction,
    .in_place = sqlite_in_place,
    .before_commit = sqlite_record_changes,
    .catch_up = sqlite_catch_up,
    .sql_text_find = SQLITE_TEXT_FIND,
    .sql_text_held = SQLITE_TEXT_HELD,
    .text_query = sqlite_text_query,
    .text_entries = sqlite_text_entries,
    .after_commit = sqlite_checkpoint,
    .after_failed_commit = sqlite_overwrite_failed,
    .hold = sqlite_hold,
    .stamp = sqlite_stamp,
    .prepare = sqlite_prepare,
    .finalize = sqlite_finalize,
    .bind = sqlite_bind,
    .step = sqlite_step,
    .reset = sqlite_reset,
    .changed = sqlite_changed,
    .inserted_ids = sqlite_inserted_ids,
    .column_count = sqlite_column_count,
    .column_name = sqlite_column_name,
    .column_type = sqlite_column_type,
    .column_null = sqlite_column_null,
    .column_int = sqlite_column_int,
    .column_real = sqlite_column_real,
    .column_text = sqlite_column_text,
    .column_bytes = sqlite_column_bytes,
    .last_id = sqlite_last_id,
    .set_last_id = sqlite_set_last_id,
    .backup = sqlite_backup,
    .restore = sqlite_restore,
    .sweep = sqlite_sweep,
    .integrity = sqlite_integrity,
};
