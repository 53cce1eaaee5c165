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

/* gzip piece by piece, for answers that are streamed. */
struct gzip_stream;
typedef bool (*gzip_sink)(void *context, const void *bytes, size_t length);

struct gzip_stream *gzip_stream_new(void);
void gzip_stream_free(struct gzip_stream *stream); /* takes NULL */
/* Hands what comes out, if anything yet, to the sink; after the last piece, all. False: the sink said so. */
bool gzip_stream_write(struct gzip_stream *stream, const void *bytes, size_t length, bool last,
                       gzip_sink sink, void *context);

#endif
