#include "base/temporary_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/disk_reserve.h"

#define RETRY_SECONDS 30

static bool refuse_temporary_file(struct error *err, int number)
{
    if (number == ENOSPC || number == EDQUOT)
        error_set(err, ERROR_UNAVAILABLE, "The disk for temporary files is full: make room, then try again.",
                  "临时文件所在磁盘已满：请清理空间后重试。");
    else
        error_set(err, ERROR_UNAVAILABLE, "A temporary file cannot be written: %s.", "无法写入临时文件：%s。",
                  strerror(number));
    if (err)
        err->retry_after_seconds = RETRY_SECONDS;
    return false;
}

/* For a file system without O_TMPFILE: a name for a moment. */
static int open_and_unlink(const char *folder)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/kimono-XXXXXX", folder) >= (int)sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = mkostemp(path, O_CLOEXEC); /* mode 0600 */
    if (fd >= 0)
        unlink(path);
    return fd;
}

bool temporary_file_open(const char *folder, int *ret_fd, struct error *err)
{
    if (!folder)
        folder = getenv("TMPDIR");
    if (!folder || !*folder)
        folder = "/tmp";
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        fd = open_and_unlink(folder);
    if (fd < 0)
        return refuse_temporary_file(err, errno);
    *ret_fd = fd;
    return true;
}

bool temporary_file_write(int fd, const void *bytes, size_t length, struct error *err)
{
    const char *at = bytes;
    if (disk_reserve_reached(fd))
        return refuse_temporary_file(err, ENOSPC);
    while (length > 0) {
        ssize_t written = write(fd, at, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return refuse_temporary_file(err, errno);
        at += written;
        length -= (size_t)written;
    }
    return true;
}
