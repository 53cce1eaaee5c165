#include "base/owned_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool stat_folder_of(const char *path, struct stat *ret_status)
{
    char copy[PATH_MAX];
    if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy)) {
        errno = ENAMETOOLONG;
        return false;
    }
    return stat(dirname(copy), ret_status) == 0;
}

/* Only root can give a file away. */
static bool give_to_folders_owner(int fd, const char *path)
{
    struct stat folder;
    return geteuid() != 0 || (stat_folder_of(path, &folder) && fchown(fd, folder.st_uid, folder.st_gid) == 0);
}

int owned_open(const char *path, int flags, mode_t mode)
{
    int fd = open(path, flags | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return errno == EEXIST && !(flags & O_EXCL) ? open(path, flags | O_CLOEXEC) : -1;
    if (give_to_folders_owner(fd, path))
        return fd;
    int why = errno;
    unlink(path);
    close(fd);
    errno = why;
    return -1;
}

bool owned_mkdir(const char *path, mode_t mode)
{
    if (mkdir(path, mode) != 0)
        return errno == EEXIST;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool given = fd >= 0 && give_to_folders_owner(fd, path);
    int why = errno;
    if (fd >= 0)
        close(fd);
    if (!given)
        rmdir(path);
    errno = why;
    return given;
}

bool owned_take_place(int fd, const char *path)
{
    struct stat replaced;
    if (stat(path, &replaced) != 0)
        return errno == ENOENT && give_to_folders_owner(fd, path);
    if (geteuid() == 0 && fchown(fd, replaced.st_uid, replaced.st_gid) != 0)
        return false;
    return fchmod(fd, replaced.st_mode & 0777) == 0;
}

bool owned_may_trust(uid_t owner, const char *path)
{
    struct stat folder;
    return owner == geteuid() || owner == 0 ||
           (geteuid() == 0 && stat_folder_of(path, &folder) && folder.st_uid == owner);
}
