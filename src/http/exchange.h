/* Inside http/: what the server keeps for a connection and for the exchange on it. The rest of the
 * product sees struct http_request only.
 *
 *   server.c    starts and stops
 *   admission.c who may connect
 *   intake.c    bytes on their way in; framing.c what they must look like
 *   mhd_callbacks.c    libmicrohttpd's callbacks: what an exchange does at each of them, and its hand-over to a worker
 *   exchange.c  the exchange's memory; reading the head (headers, target, who, language)
 *   stream.c    answers that are made while they are sent
 *   form.c      bodies that are forms
 *   answer.c    from status and body to what is sent: ETag, 304, compression, headers
 *
 * A connection keeps its exchange, with its arena and buffers, for the next request on it. While a
 * worker runs the request it holds the exchange too: if the server has to stop before the worker is
 * done, the connection goes and the worker keeps what it works on. */
#ifndef KIMONO_HTTP_EXCHANGE_H
#define KIMONO_HTTP_EXCHANGE_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/log_limit.h"
#include "base/spool.h"
#include "http/address.h"
#include "http/admission.h"
#include "http/connection_reaper.h"
#include "http/form.h"
#include "http/framing.h"
#include "http/networks.h"
#include "http/query.h"
#include "http/request.h"
#include "http/server.h"
#include "http/stream.h"

/* Slower than this (bytes in a second) over a whole body is too slow. */
#define HTTP_SLOWEST 16384
/* What a request that is still coming in is given when the server stops. */
#define HTTP_STOP_READ_US INT64_C(1000000)

enum exchange_stage {
    EXCHANGE_LINE,      /* the request line is there, the headers are not */
    EXCHANGE_BODY,      /* the head has been read; the body comes, or the end of the request */
    EXCHANGE_HANDOVER,  /* complete, to be suspended for a worker at the next call: see mhd_callbacks.c */
    EXCHANGE_WORKING,   /* on the worker pool; the connection is suspended */
    EXCHANGE_STREAMING, /* the head may go out; the worker still makes the rest */
    EXCHANGE_READY,     /* the answer is complete */
    EXCHANGE_ABANDONED, /* the connection is taken from the worker: the server stops, the client went */
};

struct http_server {
    struct MHD_Daemon *daemon;
    struct http_handler handler;
    struct worker_pool *workers, *heavy, *events, *ingest;
    struct connection_reaper *reaper;
    char *temporary_folder;
    int64_t timeout_us;
    int port;
    struct network_list proxies;         /* whose X-Forwarded-For is used */
    struct log_limit forwarded_warnings; /* of X-Forwarded-For from elsewhere */
    struct admission admission;
    struct http_connection_counts own_counts; /* where the options name none */
    atomic_bool stopping;
    atomic_size_t active;  /* exchanges whose head was read before the stop and that are not completed */
    atomic_size_t working; /* connections that are suspended or about to be, for a worker */
    atomic_bool closing;   /* the grace is over: nothing is suspended any more */
    atomic_int references; /* the owner's, and one for each task on the worker pool */
};

struct connection {
    struct reaper_entry reaper_entry; /* first: reaper_each hands this out */
    struct http_server *server;
    struct MHD_Connection *mhd;
    struct http_exchange *exchange;                     /* one as long as the connection lasts */
    char peer[ADDRESS_SIZE], peer_holder[ADDRESS_SIZE]; /* address_holder of it */
    bool peer_is_proxy;
    uint32_t place; /* in the admission's counts */
    struct framing framing;
    uint64_t heads;      /* that libmicrohttpd has read */
    struct error *fault; /* in what has come behind the requests that are still to be answered; NULL: none */
};

/* Between a producer and its connection: see stream.c. */
struct http_pipe {
    pthread_mutex_t lock;
    pthread_cond_t room;
    char *bytes; /* a ring; NULL until something is written */
    size_t first, filled;
    bool ended;     /* nothing more will be written */
    bool failed;    /* and what was written is not whole */
    bool broken;    /* nobody takes any more */
    bool suspended; /* the connection waits for bytes */
    /* The I/O thread's own. */
    int64_t taken;                  /* bytes */
    int64_t began_us, suspended_us; /* suspended_us 0: it does not wait */
};

struct http_exchange {
    struct http_request request;
    struct http_server *server;
    struct connection *connection; /* not to be touched by a worker once abandoned */
    atomic_int references;         /* the connection's and the worker's */
    _Atomic enum exchange_stage stage;
    struct http_plan plan;
    const char *target; /* as sent, in the arena */
    struct http_pair *headers;
    size_t header_count;
    struct http_pair *parameters;
    size_t parameter_count;
    struct strbuf body; /* of the request */
    struct spool spool; /* or here, where the plan says so */
    struct form *form;  /* or in parts; NULL: it is none */
    size_t body_received;
    struct strbuf spare; /* the other buffer of a compression */
    const char *content_encoding;
    const char *content_disposition;
    http_producer produce; /* of a streamed answer; NULL: it is none */
    void *produce_context;
    struct http_pipe pipe;
    int file; /* that is the answer; -1: none */
    int64_t file_size;
    bool file_handed_over; /* to libmicrohttpd, which closes it */
    bool head_read;        /* finish is due */
    bool active;           /* is counted as such */
    bool body_coming;      /* a body was announced */
    bool refused;          /* answered with the body unread: drain before closing */
    bool vary_language;
};

/* server.c */
void server_unref(struct http_server *server);

/* mhd_callbacks.c; the context is the server */
enum MHD_Result exchange_on_accept(void *context, const struct sockaddr *address, socklen_t size);
void exchange_on_connection(void *context, struct MHD_Connection *mhd, void **socket_context,
                            enum MHD_ConnectionNotificationCode code);
void *exchange_on_request_line(void *context, const char *target, struct MHD_Connection *mhd);
size_t exchange_leave_escaped(void *context, struct MHD_Connection *mhd, char *text);
enum MHD_Result exchange_on_access(void *context, struct MHD_Connection *mhd, const char *url,
                                   const char *method, const char *version, const char *upload,
                                   size_t *upload_length, void **state);
void exchange_on_completed(void *context, struct MHD_Connection *mhd, void **state,
                           enum MHD_RequestTerminationCode code);

void exchange_set_deadline(struct http_exchange *x, int64_t deadline_us);
/* Gives the connection back to its I/O thread. False: it has been taken away, the worker finishes. */
bool exchange_hand_back(struct http_exchange *x, enum exchange_stage stage);
void exchange_finish(struct http_exchange *x); /* the handler's finish, exactly once */

/* stream.c */
void pipe_init(struct http_pipe *pipe);
void pipe_reset(struct http_pipe *pipe);
void pipe_free(struct http_pipe *pipe);
/* On the worker, after the handler: makes the answer and finishes, or leaves that to completion. */
void stream_run(struct http_exchange *x);
struct MHD_Response *stream_response(struct http_exchange *x);
void stream_break(struct http_exchange *x); /* nobody takes any more; from any thread */
bool stream_failed(struct http_exchange *x);

/* exchange.c */
struct http_exchange *exchange_new(struct connection *connection);
void exchange_unref(struct http_exchange *x); /* takes NULL */
/* Empties it for the next request; large buffers go back to the heap. */
void exchange_reset(struct http_exchange *x);
/* No stream and no file is the answer any more. */
void exchange_drop_content(struct http_exchange *x);
/* Copies method, headers, target into the request and finds out who asks, in which language. False:
 * not acceptable; `err` says why, and the request is complete enough for a problem. */
bool exchange_read_head(struct http_exchange *x, struct MHD_Connection *mhd, const char *method,
                        struct error *err);
/* Instead: for a request whose head cannot be read, complete enough for a problem and a log row. */
void exchange_start_unread(struct http_exchange *x);

/* answer.c */
/* To be called once status and body are there, on the thread that made them: hashes, compares,
 * compresses. The answer is then fixed. */
void answer_prepare(struct http_exchange *x);
/* Queues the prepared answer. */
enum MHD_Result answer_send(struct http_exchange *x, struct MHD_Connection *mhd);
/* Writes the prepared answer straight to the socket, where libmicrohttpd takes none: before a request is
 * complete. The connection must be closed after it. */
void answer_write_now(struct http_exchange *x, int socket);
size_t answer_length(const struct http_exchange *x); /* 0 for a stream */

#endif
