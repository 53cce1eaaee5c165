#include "http/unpack.h"

#include <limits.h>
#include <stdint.h>
#include <strings.h>
#include <zlib.h>
#include <zstd.h>

#include "base/memory.h"

#define PIECE ((size_t)64 << 10)
#define GZIP_WINDOW (15 + 16)
#define ZSTD_WINDOW_LOG 23 /* 8 MiB, which every decoder must have (RFC 8878, 3.1.1.1.2) */

bool packing_of(const char *coding, enum packing *ret_packing)
{
    static const struct {
        const char *name;
        enum packing packing;
    } names[] = {{"", PACKING_NONE},
                 {"identity", PACKING_NONE},
                 {"gzip", PACKING_GZIP},
                 {"x-gzip", PACKING_GZIP},
                 {"zstd", PACKING_ZSTD}};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcasecmp(coding ? coding : "", names[i].name) == 0) {
            *ret_packing = names[i].packing;
            return true;
        }
    return false;
}

static bool unpack_is_damaged(struct error *err)
{
    return error_set(err, ERROR_BAD_REQUEST, "The body is not what its Content-Encoding says, or breaks off.",
                     "请求体与 Content-Encoding 不符，或不完整。");
}

static bool unpack_put(struct spool *into, const char *bytes, size_t length, size_t ceiling,
                       struct error *err)
{
    if (into->length + length > ceiling)
        return error_set(err, ERROR_TOO_LARGE,
                         "The body is larger than %zu bytes when it is unpacked: send less at once.",
                         "请求体解压后超过 %zu 字节：请减少单次提交的内容。", ceiling);
    return spool_append(into, bytes, length, err);
}

/* Several members one after the other are one text (RFC 1952, 2.2). */
static bool unpack_gzip(z_stream *stream, size_t ceiling, struct spool *into, char *piece, struct error *err)
{
    int result = Z_OK;
    while (result != Z_STREAM_END || stream->avail_in > 0) {
        if (result == Z_STREAM_END && inflateReset(stream) != Z_OK)
            return unpack_is_damaged(err);
        stream->next_out = (unsigned char *)piece;
        stream->avail_out = (unsigned)PIECE;
        result = inflate(stream, Z_NO_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END)
            return unpack_is_damaged(err);
        size_t got = PIECE - stream->avail_out;
        if (result == Z_OK && got == 0 && stream->avail_in == 0)
            return unpack_is_damaged(err);
        if (!unpack_put(into, piece, got, ceiling, err))
            return false;
    }
    return true;
}

static bool unpack_zstd(ZSTD_DCtx *context, const char *bytes, size_t length, size_t ceiling,
                        struct spool *into, char *piece, struct error *err)
{
    ZSTD_inBuffer in = {bytes, length, 0};
    size_t expected = 1; /* 0: a frame is complete */
    while (in.pos < in.size || expected) {
        ZSTD_outBuffer out = {piece, PIECE, 0};
        size_t before = in.pos;
        expected = ZSTD_decompressStream(context, &out, &in);
        if (ZSTD_isError(expected) || (expected && out.pos == 0 && in.pos == before))
            return unpack_is_damaged(err);
        if (!unpack_put(into, piece, out.pos, ceiling, err))
            return false;
    }
    return true;
}

bool unpack(enum packing packing, const char *bytes, size_t length, size_t ceiling, struct spool *into,
            struct error *err)
{
    CLEANUP(free_pointer) char *piece = xmalloc(PIECE);
    if (packing == PACKING_NONE)
        return unpack_put(into, bytes, length, ceiling, err);
    if (packing == PACKING_ZSTD) {
        ZSTD_DCtx *context = ZSTD_createDCtx();
        ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
        bool done = unpack_zstd(context, bytes, length, ceiling, into, piece, err);
        ZSTD_freeDCtx(context);
        return done;
    }
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)bytes, .avail_in = (unsigned)length};
    if (length > UINT_MAX || inflateInit2(&stream, GZIP_WINDOW) != Z_OK)
        return unpack_is_damaged(err);
    bool done = unpack_gzip(&stream, ceiling, into, piece, err);
    inflateEnd(&stream);
    return done;
}
