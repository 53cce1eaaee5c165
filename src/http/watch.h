/* The watch over connections: one thread that cuts those which are past their deadline or whose client
 * has left, and that drains those which were refused in the middle of a body.
 *
 * libmicrohttpd's own time limit restarts with every byte, so a client that sends one byte every
 * twenty seconds holds a connection for ever. Here each stage of an exchange sets a deadline of its
 * own; one that is past it has its socket shut down, which its I/O thread then sees as the end.
 *
 * Nor does it see a client that closed its side together with its last request, or while its request
 * is being worked on: the connection would stay for the whole time limit. So idle ones, and those that wait for
 * a worker, are looked at for an end now and then.
 *
 * A socket that is closed with bytes unread answers with a reset, and the reset can overtake the
 * 413 that was just sent. So a refused connection is read empty for a moment before it goes. */
#ifndef KIMONO_HTTP_WATCH_H
#define KIMONO_HTTP_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct watch;

#define WATCH_NEVER INT64_MAX

enum watched_phase {
    WATCHED_IDLE,      /* no request is under way */
    WATCHED_READING,   /* one is coming in */
    WATCHED_WORKING,   /* it is with a worker, the connection suspended */
    WATCHED_ANSWERING, /* its answer is going out */
};

/* One connection; the first member of what the server keeps for it. */
struct watched {
    struct watched *previous, *next;
    int socket;
    _Atomic int64_t deadline_us; /* clock_monotonic_us; WATCH_NEVER: none */
    _Atomic enum watched_phase phase;
    atomic_bool
        cut;        /* past its deadline while reading: our side is closed for it, it may still be answered */
    unsigned ended; /* the watch's own: looks in a row at which the client's side was closed */
    bool gives_way; /* admission's own: it was chosen to go */
};

/* Deadlines are looked at often enough to be kept within a quarter of the time limit. `gone` is called for a
 * WATCHED_WORKING connection whose client has left for certain, or has closed its side for some seconds (it may
 * still listen: half closed), with none added or removed meanwhile; more than once, until the phase changes. */
struct watch *watch_start(int timeout_seconds, void (*gone)(struct watched *connection));
void watch_stop(struct watch *watch); /* takes NULL; closes what is still being drained */
/* From now on who has closed his side is not waited for. */
void watch_hurry(struct watch *watch);

void watch_add(struct watch *watch, struct watched *connection);
void watch_remove(struct watch *watch, struct watched *connection); /* before the socket is closed */
/* Calls for each connection, with none added or removed meanwhile. */
void watch_each(struct watch *watch, void (*each)(void *context, struct watched *connection), void *context);
void watch_each_then(struct watch *watch, void (*each)(void *context, struct watched *connection),
                     void (*then)(void *context), void *context);

/* Reads the socket empty until the client closes it, for 2 seconds at most, on a duplicate, so that
 * the caller's may be closed at once. Does nothing when many are being drained already. */
void watch_drain(struct watch *watch, int socket);

#endif
