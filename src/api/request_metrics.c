#include "api/request_metrics.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/route.h"
#include "base/clock.h"
#include "base/memory.h"

#define CLASSES 6 /* status / 100; 0: none was sent */

static const char *const class_names[CLASSES] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

/* Upper bounds, in microseconds and as they are written. */
static const struct {
    int64_t us;
    const char *seconds;
} bounds[] = {{1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},  {10000, "0.01"}, {25000, "0.025"},
              {50000, "0.05"},  {100000, "0.1"},  {250000, "0.25"}, {500000, "0.5"}, {1000000, "1"},
              {2500000, "2.5"}, {5000000, "5"},   {10000000, "10"}, {30000000, "30"}};

struct route_counts {
    atomic_uint_fast64_t by_class[CLASSES];
    atomic_uint_fast64_t buckets[ARRAY_SIZE(bounds) + 1]; /* the last: longer than all bounds */
    atomic_uint_fast64_t sum_us;
};

struct request_metrics {
    size_t count;
    struct route_counts routes[]; /* as `routes`, then pages, then what is nothing */
};

struct request_metrics *request_metrics_new(void)
{
    const size_t count = route_count + 2;
    struct request_metrics *metrics = xcalloc(1, sizeof(*metrics) + count * sizeof(metrics->routes[0]));
    metrics->count = count;
    return metrics;
}

void request_metrics_free(struct request_metrics *metrics)
{
    free(metrics);
}

void request_metrics_add(struct request_metrics *metrics, const struct http_request *request,
                         const struct call *call)
{
    const size_t at = !call ? route_count : call->route ? (size_t)(call->route - routes) : route_count + 1;
    struct route_counts *counts = &metrics->routes[at];
    const int class = request->response.status / 100;
    const int64_t took_us = clock_monotonic_us() - request->started_us;
    size_t bucket = 0;
    while (bucket < ARRAY_SIZE(bounds) && took_us > bounds[bucket].us)
        bucket++;
    atomic_fetch_add_explicit(&counts->by_class[class < CLASSES ? class : 0], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&counts->buckets[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&counts->sum_us, (uint64_t)(took_us > 0 ? took_us : 0), memory_order_relaxed);
}

static unsigned long long request_metrics_get(const atomic_uint_fast64_t *value)
{
    return (unsigned long long)atomic_load_explicit(value, memory_order_relaxed);
}

static void request_metrics_label(size_t at, char *label, size_t size)
{
    if (at < route_count)
        snprintf(label, size, "method=\"%s\",route=\"%s\"", routes[at].method, routes[at].path);
    else
        snprintf(label, size, "method=\"\",route=\"%s\"", at == route_count ? "page" : "none");
}

static void request_metrics_write_durations(const struct route_counts *counts, const char *label,
                                            struct strbuf *out)
{
    static const char name[] = "kimono_http_request_duration_seconds";
    unsigned long long total = 0;
    for (size_t i = 0; i <= ARRAY_SIZE(bounds); i++) {
        total += request_metrics_get(&counts->buckets[i]);
        strbuf_printf(out, "%s_bucket{%s,le=\"%s\"} %llu\n", name, label,
                      i < ARRAY_SIZE(bounds) ? bounds[i].seconds : "+Inf", total);
    }
    strbuf_printf(out, "%s_sum{%s} %.6f\n%s_count{%s} %llu\n", name, label,
                  (double)request_metrics_get(&counts->sum_us) / 1e6, name, label, total);
}

void request_metrics_write(const struct request_metrics *metrics, struct strbuf *out)
{
    char label[160];
    strbuf_puts(out, "# HELP kimono_http_requests_total Requests that were answered.\n"
                     "# TYPE kimono_http_requests_total counter\n");
    for (size_t at = 0; at < metrics->count; at++)
        for (size_t class = 0; class < CLASSES; class ++) {
            unsigned long long count = request_metrics_get(&metrics->routes[at].by_class[class]);
            if (count == 0)
                continue;
            request_metrics_label(at, label, sizeof(label));
            strbuf_printf(out, "kimono_http_requests_total{%s,status=\"%s\"} %llu\n", label,
                          class_names[class], count);
        }
    strbuf_puts(out,
                "# HELP kimono_http_request_duration_seconds From the first byte of a request to the end of "
                "its answer.\n"
                "# TYPE kimono_http_request_duration_seconds histogram\n");
    for (size_t at = 0; at < metrics->count; at++) {
        unsigned long long asked = 0;
        for (size_t class = 0; class < CLASSES; class ++)
            asked += request_metrics_get(&metrics->routes[at].by_class[class]);
        if (asked == 0)
            continue;
        request_metrics_label(at, label, sizeof(label));
        request_metrics_write_durations(&metrics->routes[at], label, out);
    }
}
