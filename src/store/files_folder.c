/* The files of a store as files of a folder. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/owned_file.h"
#include "base/temporary_file.h"
#include "store/files_private.h"

#define COPY_BYTES ((size_t)256 << 10)

static bool folder_file_keep_error(int number, struct error *err)
{
    if (number == EEXIST)
        return error_set(err, ERROR_CONFLICT, "There is a file of this name already.", "已有同名文件。");
    error_set(err, number == ENOSPC || number == EDQUOT ? ERROR_UNAVAILABLE : ERROR_INTERNAL,
              "The file cannot be kept: %s. Make room on the disk of the data folder, then send it again.",
              "无法保存文件：%s。请清理数据目录所在磁盘后重新上传。", strerror(number));
    return false;
}

static void folder_file_path(const char *folder, const char *name, char path[static PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s", folder, name);
}

static bool folder_file_copy(int from, int to, struct error *err)
{
    CLEANUP(free_pointer) char *buffer = xmalloc(COPY_BYTES);
    off_t at = 0;
    for (ssize_t got; (got = pread(from, buffer, COPY_BYTES, at)) != 0; at += got) {
        if (got < 0)
            return folder_file_keep_error(errno, err);
        if (!temporary_file_write(to, buffer, (size_t)got, err))
            return false;
    }
    return true;
}

static bool folder_file_put_copy(int fd, const char *path, int *ret_fd, struct error *err)
{
    int to = owned_open(path, O_WRONLY | O_EXCL, 0600);
    if (to < 0)
        return folder_file_keep_error(errno, err);
    if (!folder_file_copy(fd, to, err)) {
        close(to);
        unlink(path);
        return false;
    }
    *ret_fd = to;
    return true;
}

/* Names in a folder are on the disk only when the folder is. */
static bool folder_file_sync_folder(const char *folder, struct error *err)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    int number = errno;
    if (fd >= 0)
        close(fd);
    return synced || folder_file_keep_error(number, err);
}

bool folder_file_keep(const char *folder, const char *name, int fd, struct error *err)
{
    char path[PATH_MAX], source[64];
    int named = fd;
    folder_file_path(folder, name, path);
    if (!owned_mkdir(folder, 0700))
        return folder_file_keep_error(errno, err);
    if (access(path, F_OK) == 0)
        return folder_file_keep_error(EEXIST, err);
    /* The file has no name, and gets this one: nothing is written again. That is refused where the file system has no
     * files without a name, or the file lies on another one. */
    snprintf(source, sizeof(source), "/proc/self/fd/%d", fd);
    bool linked =
        owned_take_place(fd, path) && linkat(AT_FDCWD, source, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0;
    if (!linked && !folder_file_put_copy(fd, path, &named, err))
        return false;
    bool synced =
        (fsync(named) == 0 || folder_file_keep_error(errno, err)) && folder_file_sync_folder(folder, err);
    if (named != fd)
        close(named);
    if (!synced)
        unlink(path);
    return synced;
}

bool folder_file_open(const char *folder, const char *name, int *ret_fd, struct error *err)
{
    char path[PATH_MAX];
    folder_file_path(folder, name, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        *ret_fd = fd;
        return true;
    }
    return errno == ENOENT
               ? error_set(err, ERROR_NOT_FOUND, "The file is not there any more.", "文件已不存在。")
               : error_set(err, ERROR_INTERNAL, "%s cannot be read: %s", "无法读取 %s：%s", path,
                           strerror(errno));
}

bool folder_file_delete(const char *folder, const char *name, struct error *err)
{
    char path[PATH_MAX];
    folder_file_path(folder, name, path);
    return unlink(path) == 0 || errno == ENOENT ||
           error_set(err, ERROR_INTERNAL, "%s cannot be deleted: %s", "无法删除 %s：%s", path,
                     strerror(errno));
}

bool folder_files_sweep(const char *folder, store_file_is_over is_over, void *context, int64_t *ret_deleted,
                        struct error *err)
{
    char path[PATH_MAX];
    struct stat status;
    DIR *entries = opendir(folder);
    *ret_deleted = 0;
    if (!entries)
        return errno == ENOENT || error_set(err, ERROR_INTERNAL, "%s cannot be read: %s", "无法读取 %s：%s",
                                            folder, strerror(errno));
    for (struct dirent *entry; (entry = readdir(entries));) {
        folder_file_path(folder, entry->d_name, path);
        if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
            continue;
        if (is_over(context, entry->d_name, status.st_mtime * SECOND_MS) && unlink(path) == 0)
            ++*ret_deleted;
    }
    closedir(entries);
    return true;
}
