/* The connection reaper: one thread that cuts those which are past their deadline or whose client
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
#ifndef KIMONO_HTTP_CONNECTION_REAPER_H
#define KIMONO_HTTP_CONNECTION_REAPER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct connection_reaper;

#define REAPER_NEVER INT64_MAX

enum connection_phase {
    CONNECTION_IDLE,      /* no request is under way */
    CONNECTION_READING,   /* one is coming in */
    CONNECTION_WORKING,   /* it is with a worker, the connection suspended */
    CONNECTION_ANSWERING, /* its answer is going out */
};

/* One connection; the first member of what the server keeps for it. */
struct reaper_entry {
    struct reaper_entry *previous, *next;
    int socket;
    _Atomic int64_t deadline_us; /* clock_monotonic_us; REAPER_NEVER: none */
    _Atomic enum connection_phase phase;
    atomic_bool
        cut;        /* past its deadline while reading: our side is closed for it, it may still be answered */
    unsigned ended; /* the reaper's own: looks in a row at which the client's side was closed */
    bool gives_way; /* admission's own: it was chosen to go */
};

/* Deadlines are looked at often enough to be kept within a quarter of the time limit. `gone` is called for a
 * CONNECTION_WORKING connection whose client has left for certain, or has closed its side for some seconds (it may
 * still listen: half closed), with none added or removed meanwhile; more than once, until the phase changes. */
struct connection_reaper *reaper_start(int timeout_seconds, void (*gone)(struct reaper_entry *connection));
void reaper_stop(struct connection_reaper *reaper); /* takes NULL; closes what is still being drained */
/* From now on who has closed his side is not waited for. */
void reaper_hurry(struct connection_reaper *reaper);

void reaper_add(struct connection_reaper *reaper, struct reaper_entry *connection);
void reaper_remove(struct connection_reaper *reaper,
                   struct reaper_entry *connection); /* before the socket is closed */
/* Calls for each connection, with none added or removed meanwhile. */
void reaper_each(struct connection_reaper *reaper,
                 void (*each)(void *context, struct reaper_entry *connection), void *context);
void reaper_each_then(struct connection_reaper *reaper,
                      void (*each)(void *context, struct reaper_entry *connection),
                      void (*then)(void *context), void *context);

/* Reads the socket empty until the client closes it, for 2 seconds at most, on a duplicate, so that
 * the caller's may be closed at once. Does nothing when many are being drained already. */
void reaper_drain(struct connection_reaper *reaper, int socket);

#endif
