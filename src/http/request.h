/* A request and its answer, as the API sees them. One struct for both lives as long as the exchange
 * on its connection, with an arena of its own. */
#ifndef KIMONO_HTTP_REQUEST_H
#define KIMONO_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/identifier.h"
#include "base/json_writer.h"
#include "base/strbuf.h"

struct http_form_field;

/* How the answer's way to the client ended, for the log. */
enum http_ending {
    HTTP_ENDING_WHOLE,
    HTTP_ENDING_BROKEN, /* the client left in the middle, or was cut off by the server's stop */
    HTTP_ENDING_FAILED, /* a stream failed in the middle (http/stream.h) */
};

struct http_request {
    struct arena arena;
    const char *method; /* as sent; "HEAD" is dispatched as "GET" by the server: see is_head */
    const char *path;   /* percent-decoded once, without the query; valid UTF-8, no NUL */
    const char *query;  /* as sent, without the '?'; NULL when there was none */
    bool is_head;
    char request_id[65];
    char client_address[46]; /* the peer's, or what a trusted proxy says */
    bool by_proxy;           /* it came over a trusted proxy */
    char client_holder[46];  /* whose limits it counts against: address_holder */
    enum language language;  /* of Accept-Language */
    int64_t started_us;      /* clock_monotonic_us */
    int64_t received_at;     /* clock_now_ms */
    const char *body;        /* complete, a NUL behind it unless it is spooled; NULL while empty */
    size_t body_length;
    const struct http_form_field *form; /* instead of `body`, where the plan says so; NULL: empty */
    void *user; /* the dispatcher's, in the arena; NULL in finish if begin was never called */

    struct {
        int status;
        const char *content_type; /* NULL: application/json */
        struct strbuf body;
        /* Instead of `body`: bytes that outlive the answer (an embedded asset), sent as they are. */
        const void *fixed_body;
        size_t fixed_length;
        const char *etag;            /* without quotes, in the arena or longer; NULL: the body's hash */
        bool no_etag;                /* the answer is not to be validated by If-None-Match */
        const char *file_name;       /* UTF-8, in the arena or longer: to be saved under it; NULL: shown */
        struct http_header *headers; /* added ones, newest first */
        enum http_ending ending;     /* of streams and files; set when `finish` is called */
    } response;

    struct http_exchange *exchange; /* the server's own part */
};

struct http_header {
    const char *name, *value;
    struct http_header *next;
};

/* A header of the request, NULL if absent (the first, where it came more than once). Query parameters
 * percent-decoded; `http_query_each` calls for every one in order, duplicates too, with value NULL
 * when there was no '='; it stops when `each` says false, and says so. A parameter that is not valid
 * UTF-8 or holds NUL has been refused with 400 before. What these return lives as long as the
 * request, also on a worker while the server is being stopped. */
const char *http_request_header(const struct http_request *request, const char *name);
const char *http_request_cookie(const struct http_request *request, const char *name);
typedef bool (*http_query_fn)(void *context, const char *name, const char *value);
bool http_query_each(const struct http_request *request, http_query_fn each, void *context);

/* Nobody waits for the answer any more: the client has left, or the server is stopping and out of patience. For
 * handlers on a worker that wait or do long work. */
bool http_request_abandoned(const struct http_request *request);

/* Adds a header to the answer; both texts are copied, control characters in the value become spaces.
 * The server adds those of its own (X-Request-Id, ETag, Content-Length …); a Cache-Control or Vary
 * that is added here stands in place of the server's. */
void http_response_header(struct http_request *request, const char *name, const char *value);

#endif
