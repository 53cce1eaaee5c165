/* SQLite's result codes as errors that say what to do. Adding one: a row in a table. */
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "store/sqlite_private.h"

/* The texts take the file's name and SQLite's own message. ERROR_STORE: only somebody who looks after the
 * machine can help, and nobody else is to read the text (api/dispatch.c). */
static const struct {
    int result; /* primary */
    enum error_code code;
    const char *en, *zh;
} failures[] = {
    {SQLITE_BUSY, ERROR_UNAVAILABLE,
     "The store is being written by another process. Try again in a moment.%.0s%.0s",
     "数据正被其他进程写入，请稍后重试。%.0s%.0s"},
    {SQLITE_LOCKED, ERROR_UNAVAILABLE, "The store is locked. Try again in a moment.%.0s%.0s",
     "数据已被锁定，请稍后重试。%.0s%.0s"},
    {SQLITE_INTERRUPT, ERROR_TIMEOUT, "Reading the store took too long. Ask for less at once.%.0s%.0s",
     "读取数据超时，请缩小查询范围。%.0s%.0s"},
    {SQLITE_FULL, ERROR_STORE,
     "The disk that holds %s is full (%s). Free some space there: reading goes on meanwhile, and "
     "writing does as soon as there is room.",
     "%s 所在磁盘已满（%s）。请释放空间：期间仍可读取，有空间后即可恢复写入。"},
    {SQLITE_IOERR, ERROR_STORE,
     "Reading or writing %s failed (%s). Look at the disk and the system's log; if it goes on, "
     "restore a backup on a sound disk.",
     "读写 %s 失败（%s）。请检查磁盘和系统日志；若持续出现，请在完好的磁盘上恢复备份。"},
    {SQLITE_READONLY, ERROR_STORE,
     "%s cannot be written (%s). Look at the owner and the permissions of the file and its "
     "directory, and whether the disk is mounted read-only.",
     "%s 不可写（%s）。请检查文件及其目录的所有者和权限，以及磁盘是否以只读方式挂载。"},
    {SQLITE_CANTOPEN, ERROR_STORE,
     "%s cannot be opened (%s). Look at the path, the permissions of its directory, and the limit "
     "on open files.",
     "%s 无法打开（%s）。请检查路径、目录权限以及打开文件数上限。"},
    {SQLITE_PERM, ERROR_STORE, "%s may not be opened (%s). Look at its permissions.",
     "无权打开 %s（%s），请检查其权限。"},
    {SQLITE_CORRUPT, ERROR_DAMAGED,
     "%s is damaged (%s). Stop the program, keep a copy of the file, and restore a backup.",
     "%s 已损坏（%s）。请停止程序，保留该文件的副本，然后恢复备份。"},
    {SQLITE_NOTADB, ERROR_DAMAGED, "%s is not a Kimono store (%s). Give the right path, or restore a backup.",
     "%s 不是 Kimono 数据文件（%s）。请给出正确路径，或恢复备份。"},
    {SQLITE_NOMEM, ERROR_UNAVAILABLE, "There is not enough memory for this. Try again in a moment.%.0s%.0s",
     "内存不足，请稍后重试。%.0s%.0s"},
    {SQLITE_TOOBIG, ERROR_TOO_LARGE, "A value is too large for %s (%s).", "数据过大，%s 无法保存（%s）。"},
};

/* The texts take what the message names: "table.column", or the whole message. */
static const struct {
    int result; /* extended */
    enum error_code code;
    const char *en, *zh;
} constraints[] = {
    {SQLITE_CONSTRAINT_UNIQUE, ERROR_CONFLICT, "Another row has the same %s already.", "已存在相同的 %s。"},
    {SQLITE_CONSTRAINT_PRIMARYKEY, ERROR_CONFLICT, "Another row has the same %s already.",
     "已存在相同的 %s。"},
    {SQLITE_CONSTRAINT_ROWID, ERROR_CONFLICT, "Another row has the same %s already.", "已存在相同的 %s。"},
    {SQLITE_CONSTRAINT_FOREIGNKEY, ERROR_CONFLICT,
     "It refers to something that is not there, or something still refers to it (%s).",
     "所引用的数据不存在，或仍被其他数据引用（%s）。"},
    {SQLITE_CONSTRAINT_TRIGGER, ERROR_CONFLICT, "The store refuses this: %s.", "数据库拒绝此操作：%s。"},
};

static bool sqlite_constraint_error(int extended, const char *message, struct error *err)
{
    const char *colon = strstr(message, ": "); /* "UNIQUE constraint failed: tenants.id" */
    const char *named = colon ? colon + 2 : message;
    for (size_t i = 0; i < ARRAY_SIZE(constraints); i++)
        if (constraints[i].result == extended)
            return error_set(err, constraints[i].code, constraints[i].en, constraints[i].zh, named);
    return error_set(err, ERROR_INTERNAL, "The store's rules forbid this (%s).", "违反数据库约束（%s）。",
                     message);
}

/* The system's last error on one of the connection's files; 0: none. */
static int sqlite_file_errno(sqlite3 *handle, int which)
{
    sqlite3_file *file = NULL;
    int number = 0;
    sqlite3_file_control(handle, "main", which, &file);
    if (file && file->pMethods)
        file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &number);
    return number;
}

/* SQLite calls only ENOSPC from write() a full disk; fsync(), quotas and limits on a file's size say it too. */
static int sqlite_primary_result(sqlite3 *handle, int result)
{
    if ((result & 0xFF) != SQLITE_IOERR || !handle)
        return result & 0xFF;
    int numbers[] = {sqlite3_system_errno(handle), sqlite_file_errno(handle, SQLITE_FCNTL_JOURNAL_POINTER),
                     sqlite_file_errno(handle, SQLITE_FCNTL_FILE_POINTER)};
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        if (numbers[i] == ENOSPC || numbers[i] == EDQUOT || numbers[i] == EFBIG)
            return SQLITE_FULL;
    return SQLITE_IOERR;
}

bool sqlite_error(sqlite3 *handle, int result, const char *path, struct error *err)
{
    /* The connection's message only if it is about this result. */
    bool same = handle && (sqlite3_errcode(handle) & 0xFF) == (result & 0xFF);
    const char *message = same ? sqlite3_errmsg(handle) : sqlite3_errstr(result);
    int extended = same ? sqlite3_extended_errcode(handle) : result;
    if ((result & 0xFF) == SQLITE_CONSTRAINT)
        return sqlite_constraint_error(extended, message, err);
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    int primary = sqlite_primary_result(same ? handle : NULL, result);
    for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
        if (failures[i].result == primary) {
            error_set(err, failures[i].code, failures[i].en, failures[i].zh, name, message);
            if (err)
                err->retry_after_seconds = error_is_of_store(failures[i].code)     ? STORE_RETRY_SECONDS
                                           : failures[i].code == ERROR_UNAVAILABLE ? 1
                                                                                   : 0;
            return false;
        }
    return error_set(err, ERROR_INTERNAL, "The database %s failed (%s).", "数据库 %s 出错（%s）。", name,
                     message);
}
