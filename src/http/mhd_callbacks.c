#include "http/exchange.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "http/intake.h"
#include "http/problem.h"
#include "http/unpack.h"

/* ---- phases and deadlines ---- */

static void exchange_set_phase(struct http_exchange *x, enum connection_phase phase)
{
    atomic_store_explicit(&x->connection->reaper_entry.phase, phase, memory_order_relaxed);
}

void exchange_set_deadline(struct http_exchange *x, int64_t deadline_us)
{
    atomic_store_explicit(&x->connection->reaper_entry.deadline_us, deadline_us, memory_order_relaxed);
}

/* A sender has the time limit between two pieces, and for the whole what the slowest may take. */
static void exchange_set_body_deadline(struct http_exchange *x)
{
    if (atomic_load_explicit(&x->server->stopping, memory_order_relaxed))
        return; /* it has been given its last one */
    int64_t limit = x->server->timeout_us;
    int64_t pause = clock_monotonic_us() + limit;
    int64_t whole = x->request.started_us + limit + (int64_t)(x->body_received / HTTP_SLOWEST) * 1000000;
    exchange_set_deadline(x, pause < whole ? pause : whole);
}

/* ---- answering ---- */

static enum MHD_Result exchange_send(struct http_exchange *x, struct MHD_Connection *mhd)
{
    /* The time limit from now on, and for a long answer the time that the slowest client may take. */
    int64_t transfer_us = (int64_t)(answer_length(x) / HTTP_SLOWEST) * 1000000;
    exchange_set_phase(x, CONNECTION_ANSWERING);
    exchange_set_deadline(x, clock_monotonic_us() + x->server->timeout_us + transfer_us);
    return answer_send(x, mhd);
}

static enum MHD_Result exchange_send_prepared(struct http_exchange *x, struct MHD_Connection *mhd)
{
    atomic_store(&x->stage, EXCHANGE_READY);
    return exchange_send(x, mhd);
}

static enum MHD_Result exchange_send_problem(struct http_exchange *x, struct MHD_Connection *mhd,
                                             const struct error *err)
{
    http_response_problem(&x->request, err);
    answer_prepare(x);
    return exchange_send_prepared(x, mhd);
}

/* Answers before the body is read; the connection closes then. */
static enum MHD_Result exchange_refuse(struct http_exchange *x, struct MHD_Connection *mhd,
                                       const struct error *err)
{
    x->refused = true;
    return exchange_send_problem(x, mhd, err);
}

void exchange_finish(struct http_exchange *x)
{
    const struct http_handler *handler = &x->server->handler;
    if (handler->finish)
        handler->finish(handler->context, &x->request);
}

/* ---- running ---- */

static void exchange_handle(struct http_exchange *x)
{
    const struct http_handler *handler = &x->server->handler;
    arena_forget_overrun(); /* of the request before, whose arena may still be there */
    if (!x->plan.answered)
        handler->handle(handler->context, &x->request);
    answer_prepare(x);
}

bool exchange_hand_back(struct http_exchange *x, enum exchange_stage stage)
{
    struct http_server *server = x->server;
    enum exchange_stage working = EXCHANGE_WORKING;
    if (!atomic_compare_exchange_strong(&x->stage, &working, stage))
        return false;
    MHD_resume_connection(x->connection->mhd);
    atomic_fetch_sub(&server->working, 1);
    return true;
}

static void exchange_run_on_worker(void *context)
{
    struct http_exchange *x = context;
    struct http_server *server = x->server;
    if (http_request_abandoned(&x->request)) { /* before a worker was free: an answer for the log alone */
        struct error err;
        error_set(&err, ERROR_CANCELLED, "The client has gone.", "客户端已断开。");
        http_response_problem(&x->request, &err);
        answer_prepare(x);
    } else {
        exchange_handle(x);
    }
    if (x->produce && !x->request.is_head) {
        stream_run(x);
    } else if (!exchange_hand_back(x, EXCHANGE_READY)) {
        x->request.response.ending = HTTP_ENDING_BROKEN;
        exchange_finish(x); /* abandoned: the connection is gone and could not do it */
    }
    exchange_unref(x);
    server_unref(server);
}

static struct worker_pool *exchange_pool(const struct http_exchange *x)
{
    switch (x->plan.run) {
    case HTTP_RUN_WORKER: return x->server->workers;
    case HTTP_RUN_HEAVY: return x->server->heavy;
    case HTTP_RUN_EVENTS: return x->server->events;
    case HTTP_RUN_INGEST: return x->server->ingest;
    case HTTP_RUN_IO: break;
    }
    return NULL;
}

static void set_busy_error(const struct http_exchange *x, enum worker_room room, struct error *err)
{
    if (room == WORKER_OWNER_FULL && x->plan.run != HTTP_RUN_INGEST)
        error_set(err, ERROR_RATE_LIMITED,
                  "So much of yours is still being worked on: wait until some of it is done.",
                  "您已有多个请求正在处理：请等其中一些完成后再试。");
    else
        error_set(err, ERROR_UNAVAILABLE, "Too much is being worked on; try again in some seconds.",
                  "正在处理的请求过多；请稍后重试。");
    err->retry_after_seconds = x->plan.run == HTTP_RUN_WORKER ? 1 : 5;
}

static void exchange_answer_busy(struct http_exchange *x, enum worker_room room)
{
    struct error err;
    set_busy_error(x, room, &err);
    http_response_problem(&x->request, &err);
    answer_prepare(x);
}

/* Not in the same call that saw the end of the request, but in the next, which follows at once:
 * libmicrohttpd 0.9.75 goes on where it suspended, and from there it would read before it takes our
 * answer, and drop a client that has closed its side and waits.
 *
 * `working` is raised before `closing` is looked at, and http_server_stop does it the other way
 * round: so it cannot miss a connection that gets suspended at the last moment. */
static enum MHD_Result exchange_hand_to_worker(struct http_exchange *x, struct MHD_Connection *mhd)
{
    struct http_server *server = x->server;
    atomic_fetch_add(&server->working, 1);
    if (atomic_load(&server->closing)) {
        atomic_fetch_sub(&server->working, 1);
        exchange_answer_busy(x, WORKER_POOL_FULL);
        return exchange_send_prepared(x, mhd);
    }
    atomic_fetch_add(&x->references, 1);
    atomic_fetch_add(&server->references, 1);
    exchange_set_deadline(x, REAPER_NEVER);
    exchange_set_phase(x, CONNECTION_WORKING);
    MHD_suspend_connection(mhd); /* first: from the next line on it may be resumed */
    atomic_store(&x->stage, EXCHANGE_WORKING);
    enum worker_room room = worker_pool_submit(exchange_pool(x), x->plan.owner, exchange_run_on_worker, x);
    if (room == WORKER_ROOM)
        return MHD_YES;
    /* The task that was announced will not run. */
    exchange_answer_busy(x, room);
    if (!exchange_hand_back(x, EXCHANGE_READY))
        exchange_finish(x);                   /* abandoned in this very moment */
    atomic_fetch_sub(&server->references, 1); /* the owner's is still there */
    atomic_fetch_sub(&x->references, 1);      /* and so is the connection's */
    return MHD_YES;
}

static enum MHD_Result exchange_run(struct http_exchange *x, struct MHD_Connection *mhd)
{
    struct error err;
    error_clear(&err);
    x->request.body = x->body.length > 0 ? x->body.bytes : NULL;
    x->request.body_length = x->body.length;
    if (x->form && !form_finish(x->form, &err))
        return exchange_send_problem(x, mhd, &err);
    if (x->spool.length > 0) {
        if (!spool_view(&x->spool, &x->request.body, &err))
            return exchange_send_problem(x, mhd, &err);
        x->request.body_length = x->spool.length;
    }
    if (exchange_pool(x) && !x->plan.answered) {
        atomic_store_explicit(&x->stage, EXCHANGE_HANDOVER, memory_order_relaxed);
        return MHD_YES;
    }
    exchange_handle(x);
    return exchange_send_prepared(x, mhd);
}

/* ---- libmicrohttpd's callbacks ---- */

static void set_too_large_error(const struct http_exchange *x, struct error *err)
{
    if (x->plan.body_limit == 0)
        error_set(err, ERROR_TOO_LARGE, "No body is taken here.", "此处不接受请求体。");
    else
        error_set(err, ERROR_TOO_LARGE,
                  "The body is larger than %zu bytes: send less at once; a file may be divided.",
                  "请求体超过 %zu 字节：请减少单次提交的内容，文件可拆分后分次提交。", x->plan.body_limit);
}

static enum MHD_Result exchange_begin(struct http_exchange *x, struct MHD_Connection *mhd)
{
    struct error err;
    const struct http_handler *handler = &x->server->handler;
    if (atomic_load_explicit(&x->server->stopping, memory_order_relaxed)) {
        error_set(&err, ERROR_UNAVAILABLE, "The server is stopping.", "服务器正在停止。");
        err.retry_after_seconds = 1;
        return exchange_refuse(x, mhd, &err);
    }
    arena_forget_overrun();
    handler->begin(handler->context, &x->request, &x->plan);
    x->body.ceiling = x->plan.body_limit + 1; /* the NUL */
    if (!x->body_coming)
        return MHD_YES;
    if (x->plan.answered) {
        x->refused = true;
        answer_prepare(x);
        return exchange_send_prepared(x, mhd);
    }
    /* By what the head says, so that no byte of the body is read. Without a length only 0 can be judged. */
    const char *length = http_request_header(&x->request, "Content-Length");
    if (x->plan.body_limit == 0 || (length && strtoull(length, NULL, 10) > x->plan.body_limit)) {
        set_too_large_error(x, &err);
        return exchange_refuse(x, mhd, &err);
    }
    /* What a few bytes may become would have to be bounded anew: only where long bodies are expected. */
    const char *coding = http_request_header(&x->request, "Content-Encoding");
    enum packing packing;
    if (!packing_of(coding, &packing) || (packing != PACKING_NONE && !x->plan.spooled)) {
        error_set(&err, ERROR_MEDIA_TYPE,
                  "The body is compressed (Content-Encoding) in a way that is not taken here.",
                  "此处不接受以该方式压缩（Content-Encoding）的请求体。");
        http_response_header(&x->request, "Accept-Encoding", x->plan.spooled ? HTTP_PACKINGS : "identity");
        return exchange_refuse(x, mhd, &err);
    }
    if (!x->plan.form && !x->plan.spooled)
        return MHD_YES;
    /* What is long is not read in to be refused then. */
    enum worker_room room = WORKER_ROOM;
    if (exchange_pool(x))
        room = worker_pool_ask(exchange_pool(x), x->plan.owner);
    if (room != WORKER_ROOM) {
        set_busy_error(x, room, &err);
        return exchange_refuse(x, mhd, &err);
    }
    x->spool.folder = x->server->temporary_folder;
    if (x->plan.form && !form_open(&x->form, &x->request, x->server->temporary_folder, &err))
        return exchange_refuse(x, mhd, &err);
    return MHD_YES;
}

static enum MHD_Result exchange_on_head(struct http_exchange *x, struct MHD_Connection *mhd,
                                        const char *method)
{
    struct error err;
    error_clear(&err);
    x->active = !atomic_load_explicit(&x->server->stopping, memory_order_relaxed);
    atomic_fetch_add_explicit(&x->server->active, x->active, memory_order_relaxed);
    x->head_read = true;
    atomic_store_explicit(&x->stage, EXCHANGE_BODY, memory_order_relaxed);
    if (!exchange_read_head(x, mhd, method, &err))
        return exchange_refuse(x, mhd, &err);
    if (++x->connection->heads > x->connection->framing.heads) {
        log_error("http",
                  "libmicrohttpd reads past http/intake.c: nothing can be answered; build with 0.9.75");
        error_set(&err, ERROR_INTERNAL, "The server cannot check requests.", "服务器无法检查请求。");
        return exchange_refuse(x, mhd, &err);
    }
    exchange_set_body_deadline(x);
    return exchange_begin(x, mhd);
}

/* Only a chunked body can still grow too large. */
static bool exchange_take_body(struct http_exchange *x, const char *bytes, size_t length, struct error *err)
{
    x->body_received += length;
    if (x->body_received > x->plan.body_limit) {
        set_too_large_error(x, err);
        return false;
    }
    if (x->form)
        return form_feed(x->form, bytes, length, err);
    if (x->plan.spooled)
        return spool_append(&x->spool, bytes, length, err);
    strbuf_append(&x->body, bytes, length);
    return true;
}

/* libmicrohttpd takes no answer while a body comes, so it is written past it and the connection
 * closed. */
static enum MHD_Result exchange_on_body(struct http_exchange *x, const char *bytes, size_t *length)
{
    struct error err;
    error_clear(&err);
    bool taken = exchange_take_body(x, bytes, *length, &err);
    *length = 0;
    if (taken) {
        exchange_set_body_deadline(x);
        return MHD_YES;
    }
    x->refused = true;
    http_response_problem(&x->request, &err);
    answer_prepare(x);
    answer_write_now(x, x->connection->reaper_entry.socket);
    return MHD_NO;
}

enum MHD_Result exchange_on_access(void *context, struct MHD_Connection *mhd, const char *url,
                                   const char *method, const char *version, const char *upload,
                                   size_t *upload_length, void **state)
{
    (void)context;
    (void)url;
    (void)version;
    struct http_exchange *x = *state;
    if (!x)
        return MHD_NO;
    switch (atomic_load(&x->stage)) {
    case EXCHANGE_LINE: return exchange_on_head(x, mhd, method);
    case EXCHANGE_BODY:
        return *upload_length > 0 ? exchange_on_body(x, upload, upload_length) : exchange_run(x, mhd);
    case EXCHANGE_HANDOVER: return exchange_hand_to_worker(x, mhd);
    case EXCHANGE_STREAMING:
    case EXCHANGE_READY: return exchange_send(x, mhd);
    case EXCHANGE_WORKING:
    case EXCHANGE_ABANDONED: break;
    }
    return MHD_NO;
}

/* The first that is heard of a request; what it returns is libmicrohttpd's state for the exchange. */
void *exchange_on_request_line(void *context, const char *target, struct MHD_Connection *mhd)
{
    (void)context;
    const struct connection *connection =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    if (!target)
        return NULL;
    struct http_exchange *x = connection->exchange;
    x->target = arena_strdup(&x->request.arena, target);
    exchange_set_phase(x, CONNECTION_READING);
    exchange_set_deadline(x, clock_monotonic_us() + x->server->timeout_us);
    return x;
}

/* The exchange is free for the connection's next request. */
static void exchange_complete(struct http_exchange *x, enum MHD_RequestTerminationCode code)
{
    struct connection *connection = x->connection;
    struct connection_reaper *reaper = x->server->reaper;
    if (x->head_read) {
        bool in_memory = !x->produce && x->file < 0;
        x->request.response.ending = in_memory                                     ? HTTP_ENDING_WHOLE
                                     : stream_failed(x)                            ? HTTP_ENDING_FAILED
                                     : code == MHD_REQUEST_TERMINATED_COMPLETED_OK ? HTTP_ENDING_WHOLE
                                                                                   : HTTP_ENDING_BROKEN;
        exchange_finish(x);
    }
    if (x->refused && x->body_coming)
        reaper_drain(reaper, connection->reaper_entry.socket);
    exchange_set_deadline(x, clock_monotonic_us() + x->server->timeout_us);
    exchange_set_phase(x, CONNECTION_IDLE);
    exchange_reset(x);
}

/* The answer is with the network, or the client has gone. What a worker still has, it finishes: then
 * the connection is about to close. */
void exchange_on_completed(void *context, struct MHD_Connection *mhd, void **state,
                           enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)mhd;
    struct http_exchange *x = *state;
    if (!x)
        return;
    *state = NULL;
    struct http_server *server = x->server;
    bool counted = x->active;
    enum exchange_stage stage = EXCHANGE_STREAMING;
    if (atomic_compare_exchange_strong(&x->stage, &stage, EXCHANGE_ABANDONED))
        stream_break(x);
    else if (stage != EXCHANGE_ABANDONED)
        exchange_complete(x, code);
    if (counted)
        atomic_fetch_sub(&server->active, 1);
}

static void connection_open(struct http_server *server, struct MHD_Connection *mhd, void **context)
{
    struct connection *connection = xcalloc(1, sizeof(*connection));
    bool stopping = atomic_load_explicit(&server->stopping, memory_order_relaxed);
    int64_t read_us = stopping ? HTTP_STOP_READ_US : server->timeout_us;
    unsigned timeout_ms = (unsigned)(server->timeout_us / 1000);
    connection->server = server;
    connection->mhd = mhd;
    connection->exchange = exchange_new(connection);
    connection->reaper_entry.socket =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    atomic_init(&connection->reaper_entry.deadline_us, clock_monotonic_us() + read_us);
    address_text(MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr,
                 connection->peer);
    /* A deadline bounds the whole of an answer; this, a client that stops reading in the middle of a long
     * one: the kernel drops the connection when nothing has been taken for that long. */
    setsockopt(connection->reaper_entry.socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms,
               sizeof(timeout_ms));
    address_holder(connection->peer, connection->peer_holder);
    connection->peer_is_proxy = networks_have(&server->proxies, connection->peer);
    connection->place = admission_enter(server, connection->peer);
    intake_open(connection);
    reaper_add(server->reaper, &connection->reaper_entry);
    *context = connection;
}

void exchange_on_connection(void *context, struct MHD_Connection *mhd, void **socket_context,
                            enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        connection_open(server, mhd, socket_context);
        return;
    }
    struct connection *connection = *socket_context;
    reaper_remove(server->reaper, &connection->reaper_entry);
    intake_close(connection);
    admission_leave(server, connection->place);
    exchange_unref(connection->exchange);
    free(connection);
}

/* Targets and queries are decoded in query.c, strictly; libmicrohttpd is to leave them alone. */
size_t exchange_leave_escaped(void *context, struct MHD_Connection *mhd, char *text)
{
    (void)context;
    (void)mhd;
    return strlen(text);
}

/* While stopping, too: whoever comes gets a 503 (exchange_begin). */
enum MHD_Result exchange_on_accept(void *context, const struct sockaddr *address, socklen_t size)
{
    (void)size;
    char text[ADDRESS_SIZE];
    address_text(address, text);
    return admission_ask(context, text) ? MHD_YES : MHD_NO;
}
