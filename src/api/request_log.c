#include "api/request_log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "api/route.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "security/redaction.h"
#include "telemetry/telemetry.h"

#define LOGGED_PATH_BYTES 150
#define MESSAGE_BYTES 200
#define FIELDS_BYTES 256

/* Of strangers' requests, for a minute. So many at once have places of their own; all others share one for each
 * class of status, whoever they are: strangers make some five hundred rows a minute at most. */
#define PLACES 256
#define SHARED 6 /* status / 100; 0: none */
#define TOGETHER_MS MINUTE_MS

struct together {
    int64_t began_at; /* 0: the place is free */
    int64_t count;    /* that have no row yet */
    int status;
    enum log_level level;
    char message[MESSAGE_BYTES];
    char holder[sizeof(((struct http_request *)0)->client_holder)]; /* "": of many addresses */
};

struct request_log {
    struct telemetry *telemetry;
    pthread_mutex_t lock;
    uint64_t keys[PLACES]; /* of the places that are not free */
    struct together places[PLACES], shared[SHARED];
    int64_t due_at; /* no place is due before; 0: none is taken */
};

struct request_log *request_log_new(struct telemetry *telemetry)
{
    struct request_log *log = xcalloc(1, sizeof(*log));
    log->telemetry = telemetry;
    pthread_mutex_init(&log->lock, NULL);
    return log;
}

/* ---- what a row says ---- */

/* A page and its parts are the least important: the API calls that it makes are logged too. */
static enum log_level request_log_level(const struct http_request *request, const struct call *call)
{
    int status = request->response.status;
    if (request->response.ending == HTTP_ENDING_FAILED || status >= 500)
        return LOG_ERROR;
    return status >= 400 ? LOG_WARN : call ? LOG_INFO : LOG_DEBUG;
}

/* The route's path, without its values, so that equal requests make equal messages. What was asked where there is
 * nothing may hold anything, a token too. */
static void request_log_message(const struct http_request *request, const struct call *call, char *message)
{
    CLEANUP(strbuf_release) struct strbuf asked = {0};
    const char *path = call && call->route ? call->route->path : NULL;
    if (!path) {
        redact(&asked, request->path);
        path = strbuf_text(&asked);
    }
    int length = (int)utf8_cut(path, strlen(path), LOGGED_PATH_BYTES);
    snprintf(message, MESSAGE_BYTES, "%.10s %.*s %d", request->method, length, path,
             request->response.status);
}

static void request_log_write(struct request_log *log, const struct http_request *request,
                              const struct call *call, const char *message)
{
    static const char *const endings[] = {
        /* a member of `fields` for an answer that did not reach its end */
        [HTTP_ENDING_WHOLE] = "",
        [HTTP_ENDING_BROKEN] = ",\"ending\":\"broken\"",
        [HTTP_ENDING_FAILED] = ",\"ending\":\"failed\"",
    };
    char fields[FIELDS_BYTES];
    int64_t took_us = clock_monotonic_us() - request->started_us;
    const char *user = call && call->principal.user_id ? call->principal.user_id : "";
    snprintf(fields, sizeof(fields),
             "{\"status\":%d,\"duration_ms\":%lld.%03lld,\"ip_address\":\"%s\",\"user_id\":\"%s\"%s}",
             request->response.status, (long long)(took_us / 1000), (long long)(took_us % 1000),
             request->client_address, user, endings[request->response.ending]);
    telemetry_log(log->telemetry, &(struct log_record){
                                      .timestamp = request->received_at,
                                      .level = request_log_level(request, call),
                                      .source = "http",
                                      .message = message,
                                      .tenant_id = call ? call->principal.tenant_id : NULL,
                                      .request_id = request->request_id,
                                      .fields = fields,
                                  });
}

static void request_log_write_together(struct request_log *log, struct together *together)
{
    char fields[FIELDS_BYTES];
    snprintf(fields, sizeof(fields), "{\"status\":%d,\"count\":%lld,\"ip_address\":\"%s\"}", together->status,
             (long long)together->count, together->holder);
    if (together->count > 0)
        telemetry_log(log->telemetry, &(struct log_record){
                                          .timestamp = together->began_at,
                                          .level = together->level,
                                          .source = "http",
                                          .message = together->message,
                                          .fields = fields,
                                      });
    together->began_at = 0;
}

/* ---- which rows are put together ---- */

static bool request_has_own_row(const struct http_request *request, const struct call *call)
{
    if (!call || !call->admitted)
        return false; /* nothing has bounded how many these are */
    if (call->principal.user_id || call->route->permission == PERMISSION_TENANT_KEY)
        return true;
    return request->response.status < 400 && strcmp(request->method, "GET") != 0; /* a log-in */
}

/* Of one address, route and status. What is no route's is one for each status: paths are the stranger's choice. */
static uint64_t request_log_key(const struct http_request *request, const struct call *call)
{
    char text[128];
    const void *route = call ? call->route : NULL;
    int length = snprintf(text, sizeof(text), "%s %p %d %d", request->client_holder, route, call != NULL,
                          request->response.status);
    return XXH3_64bits(text, (size_t)length);
}

static void request_log_write_due(struct request_log *log, int64_t now)
{
    if (log->due_at == 0 || now < log->due_at)
        return;
    log->due_at = 0;
    for (size_t i = 0; i < PLACES + SHARED; i++) {
        struct together *together = i < PLACES ? &log->places[i] : &log->shared[i - PLACES];
        if (together->began_at == 0)
            continue;
        int64_t due_at = together->began_at + TOGETHER_MS;
        if (due_at <= now)
            request_log_write_together(log, together);
        else if (log->due_at == 0 || due_at < log->due_at)
            log->due_at = due_at;
    }
}

/* The place of what is equal, or a fresh one; NULL: all are taken. */
static struct together *request_log_place(struct request_log *log, uint64_t key)
{
    struct together *fresh = NULL;
    for (size_t i = 0; i < PLACES; i++) {
        bool taken = log->places[i].began_at != 0;
        if (taken && log->keys[i] == key)
            return &log->places[i];
        if (!taken && !fresh) {
            fresh = &log->places[i];
            log->keys[i] = key;
        }
    }
    return fresh;
}

static void request_log_begin_together(struct request_log *log, struct together *together,
                                       const struct http_request *request, const struct call *call,
                                       const char *message)
{
    *together = (struct together){.began_at = request->received_at,
                                  .status = request->response.status,
                                  .level = request_log_level(request, call)};
    snprintf(together->message, sizeof(together->message), "%s", message);
    if (log->due_at == 0 || together->began_at + TOGETHER_MS < log->due_at)
        log->due_at = together->began_at + TOGETHER_MS;
}

/* True: it is counted, and has no row of its own. */
static bool request_log_count(struct request_log *log, const struct http_request *request,
                              const struct call *call, const char *message)
{
    struct together *together = request_log_place(log, request_log_key(request, call));
    if (together && together->began_at == 0) {
        request_log_begin_together(log, together, request, call, message);
        memcpy(together->holder, request->client_holder, sizeof(together->holder));
        return false;
    }
    if (!together) {
        together = &log->shared[request->response.status / 100 % SHARED];
        if (together->began_at == 0)
            request_log_begin_together(log, together, request, call, "requests of many addresses");
    }
    together->count++;
    return true;
}

void request_log_add(struct request_log *log, const struct http_request *request, const struct call *call)
{
    char message[MESSAGE_BYTES];
    bool own = request_has_own_row(request, call);
    request_log_message(request, call, message);
    pthread_mutex_lock(&log->lock);
    request_log_write_due(log, request->received_at);
    bool counted = !own && request_log_count(log, request, call, message);
    pthread_mutex_unlock(&log->lock);
    if (!counted)
        request_log_write(log, request, call, message);
}

void request_log_free(struct request_log *log)
{
    if (!log)
        return;
    request_log_write_due(log, INT64_MAX);
    pthread_mutex_destroy(&log->lock);
    free(log);
}
