/* gzip for the bodies of answers. */
#ifndef KIMONO_HTTP_COMPRESS_H
#define KIMONO_HTTP_COMPRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

/* Below this a packet is a packet: compressing would cost time and save nothing. */
#define HTTP_COMPRESS_MIN 1400

/* Whether text of this content type gets smaller by compression. */
bool http_compressible(const char *content_type);

/* Appends the gzip of `bytes` to `out`. False: it did not get smaller, `out` is then unchanged. Each
 * thread keeps one compressor (about 270 KB) until it ends. */
bool http_gzip(const void *bytes, size_t length, struct strbuf *out);

#endif
