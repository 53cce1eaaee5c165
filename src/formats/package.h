/* The ZIP file around a workbook, and its parts as streams (ECMA-376 part 2), by libzip. Every failure
 * has a text of its own: cut off, damaged, password-protected, packed to burst.
 *
 * Ceilings: PACKAGE_ENTRIES_MAX entries, checked before libzip makes room for them; for each part what the
 * caller says, and PACKAGE_RATIO_MAX times its packed size once it is larger than PACKAGE_RATIO_FREE. */
#ifndef KIMONO_FORMATS_PACKAGE_H
#define KIMONO_FORMATS_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define PACKAGE_ENTRIES_MAX 10000
#define PACKAGE_DIRECTORY_MAX ((uint64_t)4 << 20) /* bytes */
#define PACKAGE_NAME_MAX 512                      /* bytes of a part's name, with the NUL */
#define PACKAGE_RATIO_MAX 200
#define PACKAGE_RATIO_FREE ((uint64_t)64 << 20)

struct package;
struct package_part;

/* `fd` stays the caller's and must stay open until package_close. */
bool package_open(int fd, struct package **ret_package, struct error *err);
void package_close(struct package **package);

/* Names are without a leading slash; case, and \ for /, make no difference. */
bool package_has(const struct package *package, const char *name);

/* ERROR_INVALID if there is no such part, or it cannot be read at all. */
bool package_part_open(struct package *package, const char *name, uint64_t ceiling,
                       struct package_part **ret_part, struct error *err);
/* 0: its end; only then is its checksum known to be right. */
bool package_part_read(struct package_part *part, void *bytes, size_t size, size_t *ret_length,
                       struct error *err);
void package_part_close(struct package_part **part);

#endif
