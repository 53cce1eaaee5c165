/* Files that hold a secret: read only when nobody else can read them, made so that nobody ever could. */
#ifndef KIMONO_SECURITY_SECRET_FILE_H
#define KIMONO_SECURITY_SECRET_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Reads the file as one text; white space at its end and a byte order mark are cut off. Refused: not a regular file, readable
 * by group or others, belonging to someone else (root excepted, and as root the owner of its folder), NUL bytes, longer than size - 1.
 * `ret_exists` (may be NULL) tells a file that is not there from one that cannot be read. */
bool secret_file_read(const char *path, char *ret_text, size_t size, bool *ret_exists, struct error *err);

/* Makes the file, mode 0600, complete at the instant it appears. `ret_made` is false, and nothing is
 * touched, when there is one already. */
bool secret_file_make(const char *path, const char *text, bool *ret_made, struct error *err);

/* Removes what processes that were killed while they made the file have left beside it. */
void secret_file_sweep(const char *path);

#endif
