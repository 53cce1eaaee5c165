/* A small HTTP client on libcurl, for the providers, for `kimono demo --live` and for probes.
 *
 * One client is shared by all threads: it keeps a pool of handles whose connections stay open, so
 * that the second call to a host costs no handshake. A call blocks: it belongs on a worker. Only
 * http and https; redirects are not followed (a key in a header must not travel to another host).
 * Retry, back-off and circuit breaker are the caller's. */
#ifndef KIMONO_HTTP_CLIENT_H
#define KIMONO_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "http/request.h"

struct http_client;

struct http_client *http_client_new(void);
void http_client_free(struct http_client *client); /* takes NULL; no call may be running */

/* Why there was no answer: what a caller may retry, and what it records as the outcome. */
enum http_failure {
    HTTP_FAILURE_NONE,
    HTTP_FAILURE_TIMEOUT,
    HTTP_FAILURE_REFUSED,     /* nobody listens there, or no way to the network */
    HTTP_FAILURE_NAME,        /* the host's name is not known */
    HTTP_FAILURE_TLS,         /* handshake or certificate */
    HTTP_FAILURE_INTERRUPTED, /* the connection broke in the middle: it may have been carried out */
    HTTP_FAILURE_TOO_LARGE,   /* the answer is larger than the ceiling of `body` */
    HTTP_FAILURE_URL,         /* not an http or https address */
    HTTP_FAILURE_OTHER,
};

struct http_answer {
    int status;              /* any, 500 too: an answer is an answer */
    int retry_after_seconds; /* of the Retry-After header; 0: none, or a date */
    struct strbuf body;      /* the caller's: set its ceiling before, release it after */
    enum http_failure failure;
};

/* `headers` are a list as in http/request.h, NULL for none. True when there is an answer, whatever
 * its status. Otherwise ERROR_TIMEOUT, or ERROR_UNAVAILABLE, with the host in the detail, and
 * `failure` says which; the body then holds nothing to be used. */
bool http_client_get(struct http_client *client, const char *url, const struct http_header *headers,
                     int timeout_ms, struct http_answer *answer, struct error *err);
bool http_client_post(struct http_client *client, const char *url, const struct http_header *headers,
                      const void *body, size_t body_length, int timeout_ms, struct http_answer *answer,
                      struct error *err);

#endif
