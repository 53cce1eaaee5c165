/* What a request must look like byte by byte, and where it ends: a state machine that is fed what arrives, in
 * whatever pieces, and stops at the first byte that is not HTTP/1.1 as RFC 9112 writes it.
 *
 * Where two readers of one connection may disagree on where a request ends, a second one can be smuggled past a
 * proxy. So nothing is repaired here: a folded line, a line that doesn't end in CRLF, a NUL or another control
 * character, a space before the colon, a length twice or beside chunks is a fault, whoever else would take it.
 *
 * Not here: what target, host and values mean. */
#ifndef KIMONO_HTTP_FRAMING_H
#define KIMONO_HTTP_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"

#define HTTP_TARGET_MAX 8192      /* bytes of a request's target */
#define HTTP_HEAD_MAX 12288       /* bytes of the request line and all headers */
#define HTTP_COOKIES_MAX 4096     /* bytes of all Cookie headers */
#define HTTP_COOKIE_COUNT_MAX 100 /* in them */
#define HTTP_HEADERS_MAX 100      /* lines */
#define HTTP_TRAILERS_MAX 4096    /* bytes behind the last chunk */
#define HTTP_CHUNK_LINE_MAX 256   /* bytes of a chunk's size with its extensions */

enum framing_state {
    FRAMING_START, /* between two requests */
    FRAMING_LINE,  /* in the request line */
    FRAMING_HEADERS,
    FRAMING_BODY,       /* of a known length */
    FRAMING_CHUNK_SIZE, /* the line before a chunk */
    FRAMING_CHUNK,      /* in its bytes */
    FRAMING_CHUNK_END,  /* the line end behind them */
    FRAMING_TRAILERS,   /* behind the last chunk */
};

struct framing {
    enum framing_state state;
    uint64_t heads;     /* that were good, since the connection began */
    struct strbuf line; /* of a line that has not ended yet, what came before */
    size_t section;     /* bytes of the head or of the trailers so far */
    size_t cookie_bytes, cookies;
    unsigned headers, hosts, lengths, encodings;
    bool version_1_0;
    uint64_t left; /* of the body or chunk */
};

/* Takes bytes as far as they are good; the number is returned. Less than `length`: `err` says what is wrong with
 * the next. `ret_edge`: behind which byte the last request ended that ended in them, 0: none did. After a fault
 * the connection must end. */
size_t framing_take(struct framing *framing, const char *bytes, size_t length, size_t *ret_edge,
                    struct error *err);
/* A request has begun and not ended. */
bool framing_in_request(const struct framing *framing);
void framing_release(struct framing *framing);

#endif
