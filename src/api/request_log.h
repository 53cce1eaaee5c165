/* The log rows of requests.
 *
 * A request that somebody stands for, a person, a token or a tenant's key, has a row of its own: how many they may be
 * is bounded by their rate. Anybody else's could fill the disk. Of those the first of one address, route and status
 * has a row at once, and all that follow within a minute have one together, with their count. */
#ifndef KIMONO_API_REQUEST_LOG_H
#define KIMONO_API_REQUEST_LOG_H

#include "http/request.h"

struct call;
struct request_log;
struct telemetry;

struct request_log *request_log_new(struct telemetry *telemetry);
/* Writes the rows that are due. Takes NULL. */
void request_log_free(struct request_log *log);

/* Of a request that has ended. `call` NULL: it was a page's, or none that could be read. */
void request_log_add(struct request_log *log, const struct http_request *request, const struct call *call);

#endif
