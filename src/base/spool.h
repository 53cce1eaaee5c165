/* Bytes that come piece by piece and are read as one stretch: the first ones lie in memory, and all of them in a file
 * without a name as soon as they are many; such a file is mapped to be read. */
#ifndef KIMONO_BASE_SPOOL_H
#define KIMONO_BASE_SPOOL_H

#include "base/error.h"
#include "base/strbuf.h"

#define SPOOL_MEMORY ((size_t)64 << 10)

struct spool {
    const char *folder; /* of the file: base/temporary_file.h; lives as long as the spool */
    size_t length;
    struct strbuf memory;
    bool in_file;
    int fd; /* of the file */
    void *mapped;
};

/* `struct spool spool = {.folder = …};` is an empty one. ERROR_UNAVAILABLE as temporary_file_write. */
bool spool_append(struct spool *spool, const void *bytes, size_t length, struct error *err);
/* All of it, until the spool is released; nothing may be added any more. */
bool spool_view(struct spool *spool, const char **ret_bytes, struct error *err);
void spool_release(struct spool *spool); /* empty again */

#endif
