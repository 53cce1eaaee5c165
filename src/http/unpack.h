/* Bodies that came packed (Content-Encoding: gzip, zstd). */
#ifndef KIMONO_HTTP_UNPACK_H
#define KIMONO_HTTP_UNPACK_H

#include "base/spool.h"

enum packing { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD };

#define HTTP_PACKINGS "gzip, zstd, identity" /* for Accept-Encoding */

/* `coding` is the header's value; NULL: none. False: one that is not known, or several. */
bool packing_of(const char *coding, enum packing *ret_packing);

/* Appends what the bytes hold. ERROR_TOO_LARGE: it is more than `ceiling` bytes, of which no more are made;
 * ERROR_BAD_REQUEST: it is damaged, breaks off, or wants a window of more than 8 MiB. On a worker. */
bool unpack(enum packing packing, const char *bytes, size_t length, size_t ceiling, struct spool *into,
            struct error *err);

#endif
