/* Rate limits of this process: token buckets by class and caller, in a table of bounded size for each class. Where a place is
 * needed for a new caller, the one gives way who has most left, and is then as one who was never seen: so
 * strangers, however many, do not make anybody forgotten who has used up what is his. */
#ifndef KIMONO_SECURITY_RATE_LIMIT_H
#define KIMONO_SECURITY_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* class, requests in a burst, requests a minute, whose they are */
#define RATE_CLASS_TABLE(X)                                                                                  \
    X(RATE_OPS_READ, 600, 3000, "a person reading")                                                          \
    X(RATE_OPS_WRITE, 60, 300, "a person changing something")                                                \
    X(RATE_LOGIN, 10, 10, "an address trying passwords")                                                     \
    X(RATE_VISITOR, 60, 600, "one address of a tenant's customers")                                          \
    X(RATE_CHAT, 600, 6000, "a tenant's customers")                                                          \
    X(RATE_INGEST, 600, 6000, "a sender of telemetry")                                                       \
    X(RATE_PUBLIC, 300, 3000, "an address without a name")                                                   \
    X(RATE_HEALTH, 600, 6000, "a monitor")                                                                   \
    X(RATE_REFUSED, 120, 600, "an address whose requests are refused")

enum rate_class {
#define X(class, burst, minute, who) class,
    RATE_CLASS_TABLE(X)
#undef X
        RATE_CLASS_COUNT
};

struct rate_limiter;

struct rate_limiter *rate_limiter_new(bool enabled);
void rate_limiter_free(struct rate_limiter *limiter); /* takes NULL */

/* Takes one request of `caller` (user id, address, tenant id). False: too many; `ret_retry_seconds`
 * says when the next one is allowed. */
bool rate_limiter_take(struct rate_limiter *limiter, enum rate_class class, const char *caller,
                       int64_t monotonic_us, int *ret_retry_seconds);
/* Puts one back: a log-in that succeeded was no guess. */
void rate_limiter_give_back(struct rate_limiter *limiter, enum rate_class class, const char *caller);

#endif
