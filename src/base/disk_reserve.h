/* A part of the disk that what may be given up leaves to what must not be lost: log rows, uploads and files made for
 * a download ask first; money and conversations never do, and go on to the last byte. */
#ifndef KIMONO_BASE_DISK_RESERVE_H
#define KIMONO_BASE_DISK_RESERVE_H

#include <stdbool.h>
#include <stdint.h>

/* 0, as at the start: there is none. Of any thread. */
void disk_reserve_set(int64_t bytes);

struct disk_space {
    int64_t free_bytes;
    int64_t reserve_bytes; /* on a small disk a tenth of it, however large the reserve is set */
};
/* Of the disk that the folder lies on; false: statvfs fails. */
bool disk_space_of(const char *folder, struct disk_space *ret_space);

/* Whether the disk of this open file has no more than the reserve left. */
bool disk_reserve_reached(int fd);

#endif
