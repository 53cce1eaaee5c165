#include "base/disk_reserve.h"

#include <stdatomic.h>
#include <sys/statvfs.h>

#define SHARE_OF_DISK 10

static _Atomic int64_t reserve;

void disk_reserve_set(int64_t bytes)
{
    reserve = bytes;
}

static struct disk_space disk_space_of_status(const struct statvfs *status)
{
    int64_t share = (int64_t)(status->f_blocks * status->f_frsize / SHARE_OF_DISK), wanted = reserve;
    return (struct disk_space){
        .free_bytes = (int64_t)(status->f_bavail * status->f_frsize),
        .reserve_bytes = wanted < share ? wanted : share,
    };
}

bool disk_space_of(const char *folder, struct disk_space *ret_space)
{
    struct statvfs status;
    if (statvfs(folder, &status) != 0)
        return false;
    *ret_space = disk_space_of_status(&status);
    return true;
}

bool disk_reserve_reached(int fd)
{
    struct statvfs status;
    if (reserve == 0 || fstatvfs(fd, &status) != 0)
        return false;
    struct disk_space space = disk_space_of_status(&status);
    return space.free_bytes <= space.reserve_bytes;
}
