/* What is a request byte by byte: the same whatever pieces it comes in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "http/framing.h"

#define HOST "Host: x\r\n"
#define GET "GET / HTTP/1.1\r\n" HOST
#define POST "POST / HTTP/1.1\r\n" HOST
#define CHUNKED "Transfer-Encoding: chunked\r\n"

struct outcome {
    size_t good, edge;
    enum error_code code;
    bool in_request;
};

/* In pieces of `step` bytes, or in two of which the first has `-step`. */
static struct outcome feed(const char *bytes, size_t length, long step)
{
    struct outcome outcome = {0};
    struct framing framing = {0};
    struct error err;
    error_clear(&err);
    for (size_t at = 0; at < length && err.code == ERROR_NONE;) {
        size_t piece = step > 0 ? (size_t)step : at == 0 ? (size_t)-step : length, edge;
        piece = piece < length - at ? piece : length - at;
        size_t good = framing_take(&framing, bytes + at, piece, &edge, &err);
        assert_int_equal(good < piece, err.code != ERROR_NONE);
        outcome.edge = edge > 0 ? at + edge : outcome.edge;
        at += good;
        outcome.good = at;
    }
    outcome.code = err.code;
    outcome.in_request = framing_in_request(&framing);
    framing_release(&framing);
    return outcome;
}

static void good_requests(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        bool open; /* its end has not come */
    } cases[] = {
        {GET "\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"\r\n\r\n" GET "\r\n", false},
        {GET "X:\tsome \xE4\xBD\xA0 text \r\nY:\r\n\r\n", false},
        {POST "Content-Length: 5\r\n\r\nhello", false},
        {POST "content-length:005\r\n\r\nhello", false},
        {POST "Content-Length: 5\r\n\r\nhell", true},
        {POST "Content-Length: 4\r\n\r\n\r\n\0x" GET "\r\n", false},
        {POST CHUNKED "\r\n5\r\nhello\r\nA;x=\"y\"\r\n0123456789\r\n0\r\n\r\n", false},
        {POST CHUNKED "\r\n000\r\nX-Trailer: 1\r\n\r\n" GET "\r\n", false},
        {POST CHUNKED "\r\n5\r\nhello\r\n0\r\n", true},
        {GET "\r\n" POST "Content-Length: 2\r\n\r\nhi" GET "\r\n", false},
        {GET, true},
        {"GE", true},
        {"", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *bytes = cases[i].bytes;
        size_t length =
            i == 7 ? sizeof(POST "Content-Length: 4\r\n\r\n\r\n\0x" GET "\r\n") - 1 : strlen(bytes);
        for (long step = -(long)length; step <= (long)length; step++) {
            if (step == 0)
                continue;
            struct outcome outcome = feed(bytes, length, step);
            if (outcome.code != ERROR_NONE || outcome.good != length || outcome.in_request != cases[i].open ||
                (!cases[i].open && outcome.edge != length))
                fail_msg("case %zu, step %ld: %zu of %zu, edge %zu, code %d, open %d", i, step, outcome.good,
                         length, outcome.edge, outcome.code, outcome.in_request);
        }
    }
}

#define FAULT(text, code)                                                                                    \
    {                                                                                                        \
        text, sizeof(text) - 1, code                                                                         \
    }

static void faults(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        enum error_code code;
    } cases[] = {
        FAULT("nonsense\r\n", ERROR_BAD_REQUEST),
        FAULT("GET /\r\n", ERROR_BAD_REQUEST),
        FAULT("GET  / HTTP/1.1\r\n", ERROR_BAD_REQUEST),
        FAULT("GET / x HTTP/1.1\r\n", ERROR_BAD_REQUEST),
        FAULT("GET /\0 HTTP/1.1\r\n", ERROR_BAD_REQUEST),
        FAULT("GET /\t HTTP/1.1\r\n", ERROR_BAD_REQUEST),
        FAULT("GET / HTTP/1.1 \r\n", ERROR_BAD_REQUEST),
        FAULT("GET / http\r\n", ERROR_BAD_REQUEST),
        FAULT("G(T / HTTP/1.1\r\n", ERROR_BAD_REQUEST),
        FAULT(" GET / HTTP/1.1\r\n", ERROR_BAD_REQUEST),
        FAULT("\x16\x03\x01", ERROR_BAD_REQUEST),
        FAULT("\r\r\n", ERROR_BAD_REQUEST),
        FAULT("\n", ERROR_BAD_REQUEST),
        FAULT("GET / HTTP/1.1\n", ERROR_BAD_REQUEST),
        FAULT("GET / HTTP/1.2\r\n", ERROR_HTTP_VERSION),
        FAULT("PRI * HTTP/2.0\r\n", ERROR_HTTP_VERSION),
        FAULT("GET / HTTP/1.1\r\n Host: x\r\n", ERROR_BAD_REQUEST),
        FAULT(GET "X: a\r\n b\r\n", ERROR_BAD_REQUEST),
        FAULT(GET "X: a\r\n\tb\r\n", ERROR_BAD_REQUEST),
        FAULT(GET "Content-Length:\r\n 54\r\n", ERROR_BAD_REQUEST),
        FAULT(GET CHUNKED " \r\n", ERROR_BAD_REQUEST),
        FAULT(GET "X: a\0b\r\n", ERROR_BAD_REQUEST),
        FAULT(GET "X: a\0\0\r\n", ERROR_BAD_REQUEST),
        FAULT(GET "X\0: a\r\n", ERROR_BAD_REQUEST),
        FAULT(GET "X: a\x01\r\n", ERROR_BAD_REQUEST),
        FAULT(GET "X: a\x7F\r\n", ERROR_BAD_REQUEST),
        FAULT(GET "X: a\rY: b\r\n", ERROR_BAD_REQUEST),
        FAULT(GET "X: a\nY: b\r\n", ERROR_BAD_REQUEST),
        FAULT(GET "X : a\r\n", ERROR_BAD_REQUEST),
        FAULT(GET "no colon\r\n", ERROR_BAD_REQUEST),
        FAULT(GET ": a\r\n", ERROR_BAD_REQUEST),
        FAULT(GET HOST "\r\n", ERROR_BAD_REQUEST),
        FAULT("GET / HTTP/1.1\r\n\r\n", ERROR_BAD_REQUEST),
        FAULT(POST "Content-Length: 5\r\nContent-Length: 5\r\n", ERROR_BAD_REQUEST),
        FAULT(POST "Content-Length: 5, 5\r\n", ERROR_BAD_REQUEST),
        FAULT(POST "Content-Length: +5\r\n", ERROR_BAD_REQUEST),
        FAULT(POST "Content-Length: 0x5\r\n", ERROR_BAD_REQUEST),
        FAULT(POST "Content-Length:\r\n", ERROR_BAD_REQUEST),
        FAULT(POST "Content-Length: 18446744073709551616\r\n", ERROR_TOO_LARGE),
        FAULT(POST CHUNKED "Content-Length: 5\r\n\r\n", ERROR_BAD_REQUEST),
        FAULT(POST CHUNKED CHUNKED, ERROR_BAD_REQUEST),
        FAULT(POST "Transfer-Encoding: gzip, chunked\r\n", ERROR_BAD_REQUEST),
        FAULT("POST / HTTP/1.0\r\n" CHUNKED "\r\n", ERROR_BAD_REQUEST),
        FAULT(POST CHUNKED "\r\nzz\r\n", ERROR_BAD_REQUEST),
        FAULT(POST CHUNKED "\r\n\r\n", ERROR_BAD_REQUEST),
        FAULT(POST CHUNKED "\r\n5 \r\n", ERROR_BAD_REQUEST),
        FAULT(POST CHUNKED "\r\n-5\r\n", ERROR_BAD_REQUEST),
        FAULT(POST CHUNKED "\r\n5\n", ERROR_BAD_REQUEST),
        FAULT(POST CHUNKED "\r\n1000000000000000\r\n", ERROR_BAD_REQUEST),
        FAULT(POST CHUNKED "\r\n5\r\nhello!\r\n", ERROR_BAD_REQUEST),
        FAULT(POST CHUNKED "\r\n5\r\nhello\n\r", ERROR_BAD_REQUEST),
        FAULT(POST CHUNKED "\r\n0\r\n folded: 1\r\n", ERROR_BAD_REQUEST),
        FAULT(POST CHUNKED "\r\n0\r\nX: 1\r\n 2\r\n", ERROR_BAD_REQUEST),
        FAULT(POST CHUNKED "\r\n0\r\nX: \0\r\n", ERROR_BAD_REQUEST),
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        for (long step = -(long)cases[i].length; step <= (long)cases[i].length; step++) {
            if (step == 0)
                continue;
            /* A good request before it is not lost, wherever it is cut. */
            CLEANUP(strbuf_release) struct strbuf bytes = {0};
            strbuf_puts(&bytes, GET "\r\n");
            size_t before = bytes.length;
            strbuf_append(&bytes, cases[i].bytes, cases[i].length);
            struct outcome alone = feed(cases[i].bytes, cases[i].length, step);
            struct outcome behind = feed(bytes.bytes, bytes.length, step);
            if (alone.code != cases[i].code || behind.code != cases[i].code || behind.edge < before ||
                behind.edge > before + 2)
                fail_msg("case %zu, step %ld: code %d alone, %d behind, edge %zu of %zu", i, step, alone.code,
                         behind.code, behind.edge, before);
        }
}

/* Nothing that has no end is waited for: each section has its limit. */
static void limits(void **state)
{
    (void)state;
    static const struct {
        const char *start, *repeated;
        enum error_code code;
        size_t most; /* bytes that may be taken */
    } cases[] = {
        {"GET /", "x", ERROR_TARGET_TOO_LONG, HTTP_HEAD_MAX},
        {"G", "G", ERROR_TARGET_TOO_LONG, HTTP_HEAD_MAX},
        {GET, "X: y\r\n", ERROR_HEADERS_TOO_LARGE, HTTP_HEAD_MAX},
        {GET "X: ", "y", ERROR_HEADERS_TOO_LARGE, HTTP_HEAD_MAX},
        {GET "Cookie: ", "a; ", ERROR_HEADERS_TOO_LARGE, HTTP_HEAD_MAX},
        {GET, "Cookie: a;a;a;a;a;a\r\n", ERROR_HEADERS_TOO_LARGE, HTTP_HEAD_MAX},
        {POST CHUNKED "\r\n5;", "x", ERROR_BAD_REQUEST, HTTP_CHUNK_LINE_MAX + 100},
        {POST CHUNKED "\r\n0\r\n", "X: y\r\n", ERROR_HEADERS_TOO_LARGE, HTTP_TRAILERS_MAX + 100},
        {POST CHUNKED "\r\n0\r\nX: ", "y", ERROR_HEADERS_TOO_LARGE, HTTP_TRAILERS_MAX + 100},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        for (int pieces = 0; pieces < 2; pieces++) {
            CLEANUP(strbuf_release) struct strbuf bytes = {0};
            strbuf_puts(&bytes, cases[i].start);
            while (bytes.length < 2 * HTTP_HEAD_MAX)
                strbuf_puts(&bytes, cases[i].repeated);
            struct outcome outcome = feed(bytes.bytes, bytes.length, pieces ? 7 : (long)bytes.length);
            if (outcome.code != cases[i].code || outcome.good > cases[i].most)
                fail_msg("case %zu: code %d after %zu bytes", i, outcome.code, outcome.good);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_requests),
        cmocka_unit_test(faults),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
