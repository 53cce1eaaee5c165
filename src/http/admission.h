/* Who may connect. There is a limit of connections in all and one for each address (an IPv6 one by its /64;
 * trusted proxies have none, many people come by them). When all are taken, one gives way to a newcomer: the one
 * that has been idle for longest, else one of whoever holds the most, whose request is still coming in. */
#ifndef KIMONO_HTTP_ADMISSION_H
#define KIMONO_HTTP_ADMISSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log_limit.h"
#include "http/server.h"

/* Counts by a hash of the address with a secret: two of them on one place share its limit, which is rare with
 * some thousand connections, and nobody can choose it. */
#define ADMISSION_PLACES 65536
#define ADMISSION_FREE UINT32_MAX /* the place of a connection that no limit holds for */

struct admission {
    size_t limit, limit_each;
    uint64_t secret;
    atomic_ushort open_of[ADMISSION_PLACES];
    struct http_connection_counts *counts; /* of the server's options, or its own */
    struct log_limit warnings;
};

struct http_server;

void admission_init(struct admission *admission, size_t limit, size_t limit_each,
                    struct http_connection_counts *counts);
/* Whether a connection from there may be taken; frees a place if it must. */
bool admission_ask(struct http_server *server, const char *address);
/* A connection that was taken; its place is given back by admission_leave. */
uint32_t admission_enter(struct http_server *server, const char *address);
void admission_leave(struct http_server *server, uint32_t place);

#endif
