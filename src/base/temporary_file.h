/* Files without a name: for what is too large for memory and must not outlive its use. The space is
 * given back when the descriptor is closed, however the process ends. */
#ifndef KIMONO_BASE_TEMPORARY_FILE_H
#define KIMONO_BASE_TEMPORARY_FILE_H

#include <stddef.h>

#include "base/error.h"

/* Makes one in `folder` (NULL: TMPDIR, else /tmp), open for reading and writing, for this user alone.
 * The caller closes it. A library that takes only a path gets /proc/self/fd/N. ERROR_UNAVAILABLE. */
bool temporary_file_open(const char *folder, int *ret_fd, struct error *err);

/* Appends all of it. ERROR_UNAVAILABLE: the disk is full up to its reserve (base/disk_reserve.h), or refuses; some
 * of it may be written. */
bool temporary_file_write(int fd, const void *bytes, size_t length, struct error *err);

#endif
