/* Backup, restore and check of a SQLite store. What is made is made in a file beside its place,
 * forced to the disk, and renamed: no moment shows half of it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/owned_file.h"
#include "store/maintenance.h"
#include "store/migration.h"
#include "store/sqlite_private.h"

#define PAGES_PER_STEP 256

/* Where SQLite keeps its locks in the file (sqlite3 os.h: PENDING_BYTE, RESERVED_BYTE, SHARED_FIRST
 * and SHARED_SIZE): every connection in WAL mode holds a shared lock there as long as it is open. */
#define LOCKS_AT 0x40000000
#define LOCKS_LENGTH 512

/* ---- files ---- */

static bool maintenance_file_error(const char *what, const char *path, struct error *err)
{
    int number = errno;
    return error_set(err, ERROR_INTERNAL, "%s %s: %s.", "%s %s：%s。", what, path, strerrordesc_np(number));
}

static char *path_with_suffix(const char *path, const char *suffix)
{
    char *name = xmalloc(strlen(path) + strlen(suffix) + 1);
    sprintf(name, "%s%s", path, suffix);
    return name;
}

static bool path_exists(const char *path, const char *suffix)
{
    CLEANUP(free_pointer) char *name = path_with_suffix(path, suffix);
    return access(name, F_OK) == 0;
}

static void path_remove(const char *path, const char *suffix)
{
    CLEANUP(free_pointer) char *name = path_with_suffix(path, suffix);
    unlink(name);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static bool sync_path(const char *path, struct error *err)
{
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    return (fd >= 0 && fsync(fd) == 0) || maintenance_file_error("cannot force to the disk", path, err);
}

/* A file in the making, beside the place that it is to take. It is locked while somebody is at it. */
struct made_file {
    char *name;
    int fd;
};

#define MADE_SUFFIX ".new-XXXXXX"

static void made_file_remove(const char *made)
{
    path_remove(made, "-wal");
    path_remove(made, "-shm");
    path_remove(made, "-journal");
    path_remove(made, "");
}

void sqlite_sweep(const char *file)
{
    CLEANUP(free_pointer) char *for_folder = xstrdup(file);
    CLEANUP(free_pointer) char *for_base = xstrdup(file);
    const char *folder = dirname(for_folder), *base = basename(for_base);
    size_t length = strlen(base), mark = strlen(MADE_SUFFIX) - 6;
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        const char *suffix = entry->d_name + length;
        if (strncmp(entry->d_name, base, length) != 0 || strncmp(suffix, MADE_SUFFIX, mark) != 0 ||
            strlen(suffix + mark) != 6)
            continue;
        CLEANUP(strbuf_release) struct strbuf path = {0};
        strbuf_printf(&path, "%s/%s", folder, entry->d_name);
        CLEANUP(close_fd) int fd = open(path.bytes, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
            made_file_remove(path.bytes);
    }
    if (directory)
        closedir(directory);
}

/* A new empty file (mode 0600) beside `path`; what earlier ones have left is removed. */
static bool made_file_make(const char *path, struct made_file *ret_made, struct error *err)
{
    sqlite_sweep(path);
    char *name = path_with_suffix(path, MADE_SUFFIX);
    int fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 || !owned_take_place(fd, path)) {
        maintenance_file_error("cannot create", name, err);
        if (fd >= 0) {
            unlink(name);
            close(fd);
        }
        free(name);
        return false;
    }
    *ret_made = (struct made_file){name, fd};
    return true;
}

static void made_file_release(struct made_file *made)
{
    free(made->name);
    if (made->fd >= 0)
        close(made->fd);
}

static bool made_file_put_in_place(const char *made, const char *path, struct error *err)
{
    if (!sync_path(made, err))
        return false;
    if (rename(made, path) != 0)
        return maintenance_file_error("cannot put in place", path, err);
    CLEANUP(free_pointer) char *copy = xstrdup(path);
    return sync_path(dirname(copy), err);
}

/* ---- copying ---- */

static void close_handle(sqlite3 **handle)
{
    sqlite3_close(*handle);
}

static bool open_handle(const char *path, int flags, sqlite3 **ret_handle, struct error *err)
{
    int result = sqlite3_open_v2(path, ret_handle, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (result == SQLITE_OK)
        return true;
    sqlite_error(*ret_handle, result, path, err);
    sqlite3_close(*ret_handle);
    *ret_handle = NULL;
    return false;
}

static bool copy_pages(sqlite3 *from, sqlite3 *to, const char *to_path, struct error *err)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    if (!backup)
        return sqlite_error(to, sqlite3_errcode(to), to_path, err);
    while (sqlite3_backup_step(backup, PAGES_PER_STEP) == SQLITE_OK)
        ;
    int result = sqlite3_backup_finish(backup);
    return result == SQLITE_OK || sqlite_error(to, result, to_path, err);
}

/* Copies the database as `from` sees it now. The read transaction keeps that moment: without it a
 * busy store would make the copy begin again and again. */
static bool copy_moment(sqlite3 *from, const char *from_path, const char *to_path, struct error *err)
{
    CLEANUP(close_handle) sqlite3 *to = NULL;
    if (!open_handle(to_path, SQLITE_OPEN_READWRITE, &to, err))
        return false;
    /* Nobody sees the file before it has been forced to the disk as a whole. */
    int result = sqlite3_exec(to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL, NULL, NULL);
    if (result != SQLITE_OK)
        return sqlite_error(to, result, to_path, err);
    result = sqlite3_exec(from, "BEGIN; SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    bool done =
        result == SQLITE_OK ? copy_pages(from, to, to_path, err) : sqlite_error(from, result, from_path, err);
    if (!sqlite3_get_autocommit(from))
        sqlite3_exec(from, "ROLLBACK", NULL, NULL, NULL);
    return done;
}

static bool copy_write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        bytes += written;
        length -= (size_t)written;
    }
    return true;
}

static bool copy_file(const char *from, const char *to, struct error *err)
{
    CLEANUP(close_fd) int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return maintenance_file_error("cannot read", from, err);
    CLEANUP(close_fd) int out = open(to, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (out < 0)
        return maintenance_file_error("cannot write", to, err);
    CLEANUP(free_pointer) char *buffer = xmalloc(1 << 18);
    ssize_t length;
    while ((length = read(in, buffer, 1 << 18)) > 0)
        if (!copy_write_all(out, buffer, (size_t)length))
            return maintenance_file_error("cannot write", to, err);
    return length == 0 || maintenance_file_error("cannot read", from, err);
}

/* ---- backup ---- */

/* Empty, or a file that SQLite's header says is ours (sqlite.org/fileformat.html, 1.3). */
static bool backup_is_earlier(const char *file, const struct stat *status)
{
    unsigned char header[72];
    if (status->st_size == 0)
        return true;
    CLEANUP(close_fd) int fd = open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return fd >= 0 && read(fd, header, sizeof(header)) == sizeof(header) &&
           memcmp(header, "SQLite format 3", 16) == 0 &&
           ((unsigned)header[68] << 24 | header[69] << 16 | header[70] << 8 | header[71]) ==
               SQLITE_APPLICATION_ID;
}

static bool backup_may_replace(const char *store, const char *file, struct error *err)
{
    struct stat status, own;
    if (lstat(file, &status) != 0)
        return errno == ENOENT || maintenance_file_error("cannot look at", file, err);
    if (!S_ISREG(status.st_mode) || !backup_is_earlier(file, &status))
        return error_set(
            err, ERROR_CONFLICT,
            "There is something else than an earlier backup, and it is not replaced. Give another "
            "name, or remove it first.",
            "该位置已有文件且不是之前的备份，不会覆盖。请换一个名称，或先将其删除。");
    bool same = stat(store, &own) == 0 && own.st_dev == status.st_dev && own.st_ino == status.st_ino;
    if (same || path_exists(file, "-wal"))
        return error_set(err, ERROR_CONFLICT, "This file is a store in use. Give another name.",
                         "该文件是正在使用的数据文件，请换一个名称。");
    return true;
}

bool sqlite_backup(struct db *base, const char *file, struct error *err)
{
    struct sqlite_db *db = sqlite_of(base);
    CLEANUP(made_file_release) struct made_file made = {NULL, -1};
    if (!backup_may_replace(db->path, file, err) || !made_file_make(file, &made, err))
        return false;
    if (copy_moment(db->handle, db->path, made.name, err) && made_file_put_in_place(made.name, file, err))
        return true;
    made_file_remove(made.name);
    return false;
}

/* ---- check ---- */

static bool integrity_lines(struct db *db, struct strbuf *findings, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, "PRAGMA integrity_check(100)", DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows)) {
        const char *line = db_column_text(&rows, 0);
        if (line && strcmp(line, "ok") != 0)
            strbuf_printf(findings, "%s\n", line);
    }
    return db_done(&rows, err);
}

static bool foreign_key_lines(struct db *db, struct strbuf *findings, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, "PRAGMA foreign_key_check", DB_NO_ARGS, &rows, err))
        return false;
    for (int lines = 0; lines < 100 && db_next(&rows); lines++) {
        const char *row = db_column_text(&rows, 1); /* a table without row numbers has none */
        strbuf_printf(findings, "%s, row %s: refers to a row of %s that is not there\n",
                      db_column_text(&rows, 0), row ? row : "?", db_column_text(&rows, 2));
    }
    return db_done(&rows, err);
}

/* A page so bad that the look itself fails is a finding too; being too slow or in the way is not. */
bool sqlite_integrity(struct db *db, struct strbuf *ret_findings, struct error *err)
{
    struct error found;
    if (integrity_lines(db, ret_findings, &found) && foreign_key_lines(db, ret_findings, &found))
        return true;
    if (found.code == ERROR_UNAVAILABLE || found.code == ERROR_TIMEOUT) {
        error_copy(err, &found);
        return false;
    }
    strbuf_printf(ret_findings, "%s\n", found.detail[LANGUAGE_EN]);
    return true;
}

/* ---- restore ---- */

/* Of the right kind, of a version that this program has, and every page, index and reference of it sound. */
static bool restore_check_backup(const char *path, const struct store_options *to, struct error *err)
{
    struct db_open_options options = {.path = path, .role = DB_READER, .tokenize = to->tokenize};
    CLEANUP(db_release) struct db *db = NULL;
    CLEANUP(strbuf_release) struct strbuf findings = {0};
    int64_t version;
    if (!db_open(&options, &db, err) ||
        !migration_check(db, to->migrations, to->migration_count, &version, err) ||
        !sqlite_integrity(db, &findings, err))
        return false;
    if (version == 0)
        return error_set(err, ERROR_CONFLICT, "This is not a backup of a Kimono store.",
                         "这不是 Kimono 数据文件的备份。");
    return findings.length == 0 ||
           error_set(err, ERROR_CONFLICT, "The backup is damaged; use another one. %.200s",
                     "备份已损坏，请使用其他备份。%.200s", strbuf_text(&findings));
}

/* A device or a pipe could be read for ever. */
static bool restore_check_source(const char *path, const char *other, struct error *err)
{
    struct stat status, own;
    if (stat(path, &status) != 0)
        return maintenance_file_error("cannot read", path, err);
    if (!S_ISREG(status.st_mode))
        return error_set(err, ERROR_CONFLICT, "It is no file. Name a backup that kimono backup has made.",
                         "这不是文件，请指定 kimono backup 生成的备份。");
    if (stat(other, &own) == 0 && own.st_dev == status.st_dev && own.st_ino == status.st_ino)
        return error_set(err, ERROR_CONFLICT, "It is the store itself. Name a backup of it.",
                         "这就是当前的数据文件，请指定它的备份。");
    return true;
}

/* A backup is one file, maybe on a medium that cannot be written; a store that was not closed has a
 * log beside it, which only SQLite can read. */
static bool restore_fetch(const char *from, const char *to, struct error *err)
{
    if (!path_exists(from, "-wal"))
        return copy_file(from, to, err);
    CLEANUP(close_handle) sqlite3 *handle = NULL;
    return open_handle(from, SQLITE_OPEN_READWRITE, &handle, err) && copy_moment(handle, from, to, err);
}

/* Locks the file against every other process, as SQLite would. No file: nothing to lock. */
static bool restore_lock_target(const char *path, int *ret_fd, struct error *err)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || maintenance_file_error("cannot open", path, err);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCKS_AT, .l_len = LOCKS_LENGTH};
    if (fcntl(fd, F_SETLK, &lock) == 0) {
        *ret_fd = fd;
        return true;
    }
    long pid = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? (long)lock.l_pid : 0;
    close(fd);
    return error_set(err, ERROR_CONFLICT,
                     "Another process (%ld) has the store open. Stop it, then restore again.",
                     "其他进程（%ld）正在使用该数据文件，请先停止它再恢复。", pid);
}

/* If the old store's last process died, its log holds changes that belong to it, and it stays in place until
 * the rename: so they go into its file first. A store too damaged for this loses nothing that could be read;
 * whatever else hinders it (a full disk) hinders the restore. */
static bool restore_checkpoint_old(const char *path, struct error *err)
{
    sqlite3 *handle = NULL;
    if (!path_exists(path, "-wal"))
        return true;
    int result = sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_exec(handle, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
    int primary = result & 0xFF;
    bool settled = primary == SQLITE_OK || primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB ||
                   sqlite_error(handle, result, path, err);
    sqlite3_close(handle);
    return settled;
}

static bool restore_replace(const char *made, const char *path, struct error *err)
{
    CLEANUP(close_fd) int fd = -1;
    if (!restore_checkpoint_old(path, err) || !restore_lock_target(path, &fd, err))
        return false;
    /* The old log must not be taken for the new file's. */
    path_remove(path, "-wal");
    path_remove(path, "-shm");
    return made_file_put_in_place(made, path, err);
}

static bool restore_check_unused(const char *path, struct error *err)
{
    CLEANUP(close_fd) int fd = -1;
    return restore_lock_target(path, &fd, err);
}

bool sqlite_restore(const char *from, const struct store_options *to, struct error *err)
{
    CLEANUP(made_file_release) struct made_file made = {NULL, -1};
    if (!restore_check_source(from, to->path, err) || !restore_check_unused(to->path, err) ||
        !made_file_make(to->path, &made, err))
        return false;
    if (restore_fetch(from, made.name, err) && restore_check_backup(made.name, to, err) &&
        restore_replace(made.name, to->path, err))
        return true;
    made_file_remove(made.name);
    return false;
}
