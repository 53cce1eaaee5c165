/* Reading what a request line and a Cookie header carry: pure functions, no server needed. */
#ifndef KIMONO_HTTP_QUERY_H
#define KIMONO_HTTP_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

#define HTTP_PARAMETERS_MAX 100

struct http_pair {
    const char *name, *value; /* value NULL: there was no '=' */
};

/* Decodes %XX, and '+' as a space if `plus`, into `text_out` (room for length + 1; NUL-terminated).
 * False: a '%' without two hexadecimal digits, a NUL, or not UTF-8. */
bool http_percent_decode(const char *text, size_t length, bool plus, char *text_out);

/* Splits a query ("a=1&b") into decoded pairs in the arena, in order; empty parts are left out.
 * ERROR_BAD_REQUEST: a part cannot be decoded, or there are more than HTTP_PARAMETERS_MAX. */
bool http_query_parse(struct arena *arena, const char *query, struct http_pair **ret_pairs, size_t *ret_count,
                      struct error *err);

/* Splits a request target: origin form ("/path?query"), absolute form ("http://host/path"), or "*".
 * The path comes decoded, the query as sent (NULL if none). ERROR_BAD_REQUEST. */
bool http_target_parse(struct arena *arena, const char *target, const char **ret_path, const char **ret_query,
                       struct error *err);

/* The value of a cookie in a Cookie header: a piece of the header. False if it is not there. */
bool http_cookie_find(const char *header, const char *name, const char **ret_value, size_t *ret_length);

#endif
