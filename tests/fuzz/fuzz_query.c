/* Fuzzes what a stranger's request line and headers reach first: target, query, cookies,
 * Accept-Language, Accept-Encoding, If-None-Match, X-Forwarded-For.
 *
 * Beside the sanitizers' own findings it checks that what is let through is UTF-8 without NUL. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "http/address.h"
#include "http/negotiate.h"
#include "http/networks.h"
#include "http/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_text(const char *text)
{
    if (text && !utf8_valid(text, strlen(text)))
        abort();
}

static void try_target(struct arena *arena, const char *text)
{
    const char *path, *query;
    struct error err;
    if (!http_target_parse(arena, text, &path, &query, &err))
        return;
    require_text(path);
    if (path[0] != '/' && strcmp(path, "*") != 0)
        abort();
    if (query && (query < text || query > text + strlen(text)))
        abort();
}

static void try_query(struct arena *arena, const char *text)
{
    struct http_pair *pairs;
    size_t count;
    struct error err;
    if (!http_query_parse(arena, text, &pairs, &count, &err))
        return;
    if (count > HTTP_PARAMETERS_MAX)
        abort();
    for (size_t i = 0; i < count; i++) {
        require_text(pairs[i].name);
        require_text(pairs[i].value);
    }
}

/* The decoder takes bytes with a length: NULs too, which must never get through. */
static void try_decode(const uint8_t *data, size_t size)
{
    CLEANUP(free_pointer) char *out = xmalloc(size + 1);
    if (http_percent_decode((const char *)data, size, size & 1, out)) {
        require_text(out);
        if (strlen(out) > size)
            abort();
    }
}

static void try_headers(const char *text)
{
    const char *value;
    size_t length;
    if (http_cookie_find(text, "s", &value, &length) &&
        (value < text || value + length > text + strlen(text)))
        abort();
    (void)http_language(text);
    (void)http_accepts_encoding(text, "gzip");
    (void)http_etag_listed(text, "0123456789abcdef");
    (void)http_etag_listed(text, "0-gz");
    struct network_list proxies;
    char address[ADDRESS_SIZE];
    if (!networks_parse("10.0.0.1, 192.168.0.0/16", &proxies))
        abort();
    if (networks_forwarded(&proxies, text, address) && networks_have(&proxies, address))
        abort();
    (void)networks_parse(text, &proxies);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(free_pointer) char *text = xmalloc(size + 1); /* of its own size: an overrun shows */
    memcpy(text, data, size);
    text[size] = '\0';
    try_target(&arena, text);
    try_query(&arena, text);
    try_decode(data, size);
    try_headers(text);
    return 0;
}
