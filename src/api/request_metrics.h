/* How many requests there were, by route and class of status, and how long each route took: counts in memory, for
 * /metrics. What is no route's is counted together: pages, and addresses where there is nothing. */
#ifndef KIMONO_API_REQUEST_METRICS_H
#define KIMONO_API_REQUEST_METRICS_H

#include "base/strbuf.h"

struct call;
struct http_request;
struct request_metrics;

struct request_metrics *request_metrics_new(void);
void request_metrics_free(struct request_metrics *metrics); /* takes NULL */

/* For every request that has been answered; of any thread. `call` NULL: no route was looked for. */
void request_metrics_add(struct request_metrics *metrics, const struct http_request *request,
                         const struct call *call);

/* Appends kimono_http_requests_total and kimono_http_request_duration_seconds, of routes that were asked. */
void request_metrics_write(const struct request_metrics *metrics, struct strbuf *out);

#endif
