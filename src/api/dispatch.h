/* Dispatch: every request takes the same way. When its headers are there (`begin`, on the I/O thread):
 * find the route, authenticate, permit, limit; when its body is there (`handle`): validate, then the
 * handler; when it is over (`finish`): its log row. Paths outside /api/v1 are pages. */
#ifndef KIMONO_API_DISPATCH_H
#define KIMONO_API_DISPATCH_H

#include "api/route.h"

/* The server's callbacks; the context is the api. */
struct http_handler dispatch_handler(struct api *api);

#endif
