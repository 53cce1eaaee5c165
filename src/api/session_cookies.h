/* The console's session: two HttpOnly cookies, which scripts cannot read and other sites cannot send
 * (SameSite=Strict). A browser keeps one jar for a host whatever the port: so their names carry a mark of the
 * signing key and of the port that was asked, and two servers on one host leave each other's alone. */
#ifndef KIMONO_API_SESSION_COOKIES_H
#define KIMONO_API_SESSION_COOKIES_H

#include "api/route.h"

enum session_cookie { SESSION_COOKIE_ACCESS, SESSION_COOKIE_REFRESH, SESSION_COOKIE_COUNT };

/* NULL: it was not sent. */
const char *session_cookie_get(const struct call *call, enum session_cookie cookie);
/* `seconds` 0 takes it away. */
void session_cookie_set(const struct call *call, enum session_cookie cookie, const char *value,
                        int64_t seconds);

#endif
