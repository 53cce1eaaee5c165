/*
 * The files of the pages, carried inside the binary.
 *
 * The table is made by tools/build_pages.mjs (assets.c, assets.S in the build folder) and is sorted by path, bytewise,
 * so that a path is found by binary search. Everything in it is constant and lives as long as the process: nothing is
 * to be freed, and any thread may read it.
 *
 * What is not here: choosing an encoding, conditional requests and the headers of the answer, which are static_files.c's.
 */
#ifndef HTTP_STATIC_ASSETS_H
#define HTTP_STATIC_ASSETS_H

#include <stdbool.h>
#include <stddef.h>

struct static_asset {
    /* As in the address, with the leading slash: "/ops/index.html". */
    const char *path;
    /* The value of Content-Type, with the character set: "text/html; charset=utf-8". */
    const char *content_type;
    /*
     * A strong entity tag of the identity bytes, quotes included. An answer in another encoding is another
     * representation (RFC 9110, 8.8.3.3): send it with a tag of its own, or this one as a weak tag (W/"...").
     */
    const char *etag;
    /* The name contains a hash of the content: the file may be cached for good and never asked for again. */
    bool immutable;
    /* The bytes, not terminated. gzip and brotli are NULL, of length 0, where they would not be smaller. */
    const unsigned char *identity, *gzip, *brotli;
    size_t identity_length, gzip_length, brotli_length;
};

extern const struct static_asset static_assets[];
extern const size_t static_asset_count;

#endif
