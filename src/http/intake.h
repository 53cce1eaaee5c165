/* Where bytes come in. libmicrohttpd 0.9.75 reads leniently (it joins folded lines, ends a value at a NUL, skips
 * what it doesn't know in a chunk's size) and what it can't read at all it answers in words of its own. It has no
 * hook before that. But it reads sockets by recv(2), and a program's own function of that name stands before the
 * C library's: so the recv here sees what comes on a server's connections first, lets pass what http/framing.h
 * finds good, and answers the rest itself, as a problem. All other sockets of the process are passed through.
 *
 * Should a libmicrohttpd ever read in another way, nothing gets past: a head that was not seen here is refused in
 * mhd_callbacks.c. */
#ifndef KIMONO_HTTP_INTAKE_H
#define KIMONO_HTTP_INTAKE_H

#include <stdbool.h>

struct connection;

/* From the connection's start to before its socket is closed. */
void intake_open(struct connection *connection);
void intake_close(struct connection *connection);

#endif
