/* The HTTP server: libmicrohttpd with one epoll thread for each core.
 *
 * For every request it calls `begin` when the headers are there, with the body still unread; begin
 * says how much body may come (http_server: over that 413 at once, without reading it) and where the
 * request is to be handled. A form is taken apart as it comes, its files on disk. `handle` then runs, on the I/O thread or on the worker pool with the
 * connection suspended, and leaves status and body in the request; the server adds X-Request-Id,
 * ETag and 304, compression, HEAD, security headers, and sends. What is too large for memory is streamed
 * (http/stream.h). `finish` is called when the answer
 * has been handed to the network or the client has gone, on every request, for its log row: exactly
 * once, also for a request that the server itself refused (400, 413, 503 …), then possibly without
 * begin, and for what is no request at all (http/intake.h), then with method and path "-".
 *
 * Limits against slow and absurd clients: time to send headers and body (http/connection_reaper.h), idle time,
 * connections in all and for each address (http/admission.h), header bytes and number, query
 * parameters (http/framing.h). A client that leaves while its request waits or is worked on is noticed
 * (http_request_abandoned in http/request.h). */
#ifndef KIMONO_HTTP_SERVER_H
#define KIMONO_HTTP_SERVER_H

#include <stdatomic.h>

#include "base/worker_pool.h"
#include "http/request.h"

/* Where a request is handled. On an I/O thread every connection of that thread waits for it: only what is
 * answered from memory or by a few indexed reads, whatever is stored. */
enum http_run {
    HTTP_RUN_IO,
    HTTP_RUN_WORKER, /* what may wait or takes some milliseconds: people wait for it */
    HTTP_RUN_HEAVY,  /* files and streams, which take as long as they are large and the client slow */
    HTTP_RUN_EVENTS, /* streams that go on for as long as the client stays: one more than there are threads is refused */
    HTTP_RUN_INGEST, /* records from outside: as many as they send, on threads that nobody else waits for */
};

struct http_plan {
    size_t body_limit; /* bytes; 0: any body is refused with 413 */
    enum http_run run;
    const char *owner; /* whose share of a pool it takes, as long as the request; NULL: nobody's */
    bool spooled;  /* the body may be long and packed: in memory or in a file, as it came (http/unpack.h) */
    bool form;     /* the body is multipart/form-data (http/form.h); any other is refused with 415 */
    bool answered; /* begin has already written the answer (401, 404, 405 …): do not read the body */
};

struct http_handler {
    void *context;
    void (*begin)(void *context, struct http_request *request, struct http_plan *ret_plan);
    void (*handle)(void *context, struct http_request *request);
    void (*finish)(void *context, struct http_request *request); /* may be NULL */
};

/* Of connections, for whoever watches from outside. */
struct http_connection_counts {
    atomic_size_t open;
    atomic_size_t gave_way;     /* ended to make room for a new one */
    atomic_size_t refused_full; /* nobody could give way */
    atomic_size_t refused_each; /* the address held as many as one may */
};

struct http_server_options {
    const char *listen;                    /* "127.0.0.1:8080", "[::1]:8080", ":8080"; port 0: any */
    size_t threads;                        /* 0: one for each core */
    size_t connections;                    /* 0: 1024; fewer where the limit on open files leaves no room */
    size_t connections_per_address;        /* 0: an eighth of all; see http/admission.h */
    struct http_connection_counts *counts; /* kept up to date; NULL: nowhere */
    int timeout_seconds;                   /* of an idle or slow connection; 0: 30 */
    const char *trusted_proxies; /* whose X-Forwarded-For is used, as in http/networks.h; NULL: none */
    struct worker_pool *workers; /* for HTTP_RUN_WORKER; not owned; NULL: all on the I/O threads */
    struct worker_pool *heavy;   /* for HTTP_RUN_HEAVY; not owned; NULL: `workers` */
    struct worker_pool *events;  /* for HTTP_RUN_EVENTS; not owned; NULL: `heavy` */
    struct worker_pool *ingest;  /* for HTTP_RUN_INGEST; not owned; NULL: `workers` */
    /* For uploaded files and long bodies; copied; NULL: see base/temporary_file.h. */
    const char *temporary_folder;
    struct http_handler handler;
};

struct http_server;

/* ERROR_INVALID: the address cannot be read; ERROR_UNAVAILABLE: it cannot be listened on. */
bool http_server_start(struct http_server **ret_server, const struct http_server_options *options,
                       struct error *err);
int http_server_port(const struct http_server *server);
/* Lets what runs finish (at most `grace_ms`), then closes. Takes NULL. Whoever comes meanwhile, or has sent
 * only a part of a request a second later, gets 503; a client that has left is not waited for. A request that
 * still runs on a worker after that loses its connection, not its memory: its finish comes when its
 * handler returns. So free the worker pool after this and before what the handler uses. */
void http_server_stop(struct http_server *server, int grace_ms);

#endif
