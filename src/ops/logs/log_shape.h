/* The shape of a log line: what is the same in all lines that one place in a program writes. Numbers, identifiers,
 * hexadecimal digits, UUIDs and addresses are taken out:
 *
 *     GET /ops/tenants/shop-17 took 12.5 ms for 10.0.0.7, req_01jd9z0000000000000000000a
 *     GET /ops/tenants/shop-# took # ms for <address>, req_<id>
 */
#ifndef KIMONO_OPS_LOGS_LOG_SHAPE_H
#define KIMONO_OPS_LOGS_LOG_SHAPE_H

#include <stddef.h>

#include "base/strbuf.h"

#define LOG_SHAPE_MAX 400 /* bytes of a message that its shape is made of */

/* Appends the shape of valid UTF-8. `request_id` (NULL: none) is of the line itself: it, and a word that it begins with, is
 * an identifier however it looks. */
void log_shape(const char *message, size_t length, const char *request_id, struct strbuf *out);

#endif
