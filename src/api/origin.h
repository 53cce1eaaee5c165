/* Where a request comes from, as far as browsers say it: a page of another site must not write here with the
 * console's cookie, and a name that was pointed at this machine (DNS rebinding) is not this machine. */
#ifndef KIMONO_API_ORIGIN_H
#define KIMONO_API_ORIGIN_H

#include "api/route.h"

/* Whether the Origin header names this console: KIMONO_PUBLIC_ORIGIN, or without it the Host that was asked, by
 * http (https where a trusted proxy says so). If not, the problem and a line in the log name both and the setting. */
bool call_check_origin(struct call *call, struct error *err);
/* The same, for what programs do too, which send no Origin. */
bool call_check_origin_if_any(struct call *call, struct error *err);

/* From this machine itself, asked by an address or a name that can't be anybody's: not over a proxy. */
bool call_is_local(const struct http_request *request);

#endif
