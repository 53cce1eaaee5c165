/* The way of a streamed answer: producer -> a buffer of its own -> gzip -> the pipe -> libmicrohttpd.
 *
 * The producer, on a worker, fills the pipe and waits while it is full; the I/O thread empties it and
 * suspends the connection while it is empty: it never waits. At first the connection is still
 * suspended, as for every request on a worker, and what is written only fills the pipe: then a failure
 * can become a problem. Once COMMIT_BYTES are there the connection is handed back (EXCHANGE_STREAMING)
 * and the head goes out.
 *
 * Worker and I/O thread end independently. The stage says who finishes the exchange: the worker moves
 * it from STREAMING to READY when it is done, completion moves it to ABANDONED when it comes first. */
#include "http/stream.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "http/compress.h"
#include "http/exchange.h"
#include "http/problem.h"

#define PIPE_BYTES ((size_t)256 << 10)
#define COMMIT_BYTES ((size_t)64 << 10)
#define PIECE_BYTES ((size_t)16 << 10)
#define WAIT_STEP_MS 100
#define KERNEL_BYTES ((int64_t)4 << 20) /* that Linux keeps for a slow connection by default */
#define BLOCK_BYTES ((size_t)32 << 10)  /* that libmicrohttpd takes at once without chunks */

struct http_stream {
    struct http_exchange *exchange;
    struct gzip_stream *gzip; /* NULL: not compressed */
    bool committed;           /* the head goes out: no way back to a problem */
    bool broken;              /* nobody takes it any more */
    size_t length;
    char piece[PIECE_BYTES];
};

/* ---- the pipe ---- */

void pipe_init(struct http_pipe *pipe)
{
    pthread_mutex_init(&pipe->lock, NULL);
    pthread_cond_init(&pipe->room, NULL);
}

void pipe_reset(struct http_pipe *pipe)
{
    pthread_mutex_lock(&pipe->lock);
    free(pipe->bytes);
    pipe->bytes = NULL;
    pipe->first = pipe->filled = 0;
    pipe->ended = pipe->failed = pipe->broken = pipe->suspended = false;
    pthread_mutex_unlock(&pipe->lock);
}

void pipe_free(struct http_pipe *pipe)
{
    free(pipe->bytes);
    pthread_cond_destroy(&pipe->room);
    pthread_mutex_destroy(&pipe->lock);
}

static size_t smaller_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* What fits; the lock is held. */
static size_t pipe_fill(struct http_pipe *pipe, const char *bytes, size_t length)
{
    if (!pipe->bytes)
        pipe->bytes = xmalloc(PIPE_BYTES);
    size_t count = smaller_size(length, PIPE_BYTES - pipe->filled);
    size_t at = (pipe->first + pipe->filled) % PIPE_BYTES, straight = smaller_size(count, PIPE_BYTES - at);
    memcpy(pipe->bytes + at, bytes, straight);
    memcpy(pipe->bytes, bytes + straight, count - straight);
    pipe->filled += count;
    return count;
}

static size_t pipe_take(struct http_pipe *pipe, char *bytes, size_t room)
{
    size_t count = smaller_size(room, pipe->filled), straight = smaller_size(count, PIPE_BYTES - pipe->first);
    if (count == 0)
        return 0;
    memcpy(bytes, pipe->bytes + pipe->first, straight);
    memcpy(bytes + straight, pipe->bytes, count - straight);
    pipe->first = (pipe->first + count) % PIPE_BYTES;
    pipe->filled -= count;
    pthread_cond_signal(&pipe->room);
    return count;
}

/* The lock is held, and as long as the connection is suspended it stays: only here it is resumed. */
static void pipe_wake_reader(struct http_exchange *x)
{
    if (!x->pipe.suspended)
        return;
    x->pipe.suspended = false;
    MHD_resume_connection(x->connection->mhd);
    atomic_fetch_sub(&x->server->working, 1);
}

void stream_break(struct http_exchange *x)
{
    pthread_mutex_lock(&x->pipe.lock);
    x->pipe.broken = true;
    pipe_wake_reader(x);
    pthread_cond_broadcast(&x->pipe.room);
    pthread_mutex_unlock(&x->pipe.lock);
}

bool stream_failed(struct http_exchange *x)
{
    pthread_mutex_lock(&x->pipe.lock);
    bool failed = x->pipe.failed;
    pthread_mutex_unlock(&x->pipe.lock);
    return failed;
}

/* ---- the I/O thread's side ---- */

/* The client may be as slow as HTTP_SLOWEST over the whole, not counting the time for which it had to
 * wait for us, and from one taking to the next, between which the kernel may empty a full buffer. One
 * that takes nothing at all is dropped by the kernel itself (TCP_USER_TIMEOUT in mhd_callbacks.c). */
static void pipe_set_deadline(struct http_exchange *x)
{
    struct http_pipe *pipe = &x->pipe;
    int64_t now = clock_monotonic_us(), limit = x->server->timeout_us;
    if (pipe->suspended_us > 0)
        pipe->began_us += now - pipe->suspended_us;
    pipe->suspended_us = 0;
    int64_t whole = pipe->began_us + limit + pipe->taken / HTTP_SLOWEST * 1000000;
    int64_t pause = now + limit + KERNEL_BYTES / HTTP_SLOWEST * 1000000;
    exchange_set_deadline(x, pause < whole ? pause : whole);
}

/* As with exchange_hand_to_worker (mhd_callbacks.c), `working` is raised before `closing` is looked at. */
static ssize_t pipe_suspend_reader(struct http_exchange *x)
{
    atomic_fetch_add(&x->server->working, 1);
    if (atomic_load(&x->server->closing)) {
        atomic_fetch_sub(&x->server->working, 1);
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    x->pipe.suspended_us = clock_monotonic_us();
    exchange_set_deadline(x, REAPER_NEVER);
    MHD_suspend_connection(x->connection->mhd);
    x->pipe.suspended = true;
    return 0;
}

/* With a reset instead of an orderly end, which is all that ends an answer for a client of HTTP/1.0.
 * Connecting to nowhere is how Linux resets a connection at once. */
static ssize_t pipe_reset_connection(const struct http_exchange *x)
{
    const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    int done = connect(x->connection->reaper_entry.socket, &nowhere, sizeof(nowhere));
    (void)done; /* libmicrohttpd closes it either way */
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

static ssize_t pipe_read(void *context, uint64_t position, char *bytes, size_t room)
{
    (void)position;
    struct http_exchange *x = context;
    struct http_pipe *pipe = &x->pipe;
    ssize_t result;
    pipe_set_deadline(x);
    pthread_mutex_lock(&pipe->lock);
    if (pipe->failed || pipe->broken)
        result = pipe_reset_connection(x);
    else if (pipe->filled > 0)
        result = (ssize_t)pipe_take(pipe, bytes, room);
    else
        result = pipe->ended ? MHD_CONTENT_READER_END_OF_STREAM : pipe_suspend_reader(x);
    pthread_mutex_unlock(&pipe->lock);
    pipe->taken += result > 0 ? result : 0;
    return result;
}

struct MHD_Response *stream_response(struct http_exchange *x)
{
    x->pipe.began_us = clock_monotonic_us();
    x->pipe.taken = x->pipe.suspended_us = 0;
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, pipe_read, x, NULL);
    /* libmicrohttpd 0.9.75 puts the last chunk behind the head that answers a HEAD, where the client
     * takes it for the next answer. Without chunks it closes instead. */
    if (response && x->request.is_head)
        MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    return response;
}

/* ---- the worker's side ---- */

static bool stream_put(void *context, const void *bytes, size_t length)
{
    struct http_stream *stream = context;
    struct http_pipe *pipe = &stream->exchange->pipe;
    const char *at = bytes;
    while (length > 0 && !stream->broken) {
        pthread_mutex_lock(&pipe->lock);
        while (pipe->filled == PIPE_BYTES && !pipe->broken)
            pthread_cond_wait(&pipe->room,
                              &pipe->lock); /* http/connection_reaper.h cuts a client that stalls */
        stream->broken = pipe->broken;
        size_t count = pipe->broken ? 0 : pipe_fill(pipe, at, length);
        bool commit_now = !stream->committed && pipe->filled >= COMMIT_BYTES;
        pipe_wake_reader(stream->exchange);
        pthread_mutex_unlock(&pipe->lock);
        at += count;
        length -= count;
        if (commit_now) { /* the head goes out, unless the server has taken the connection away */
            stream->committed = exchange_hand_back(stream->exchange, EXCHANGE_STREAMING);
            stream->broken = !stream->committed;
        }
    }
    return !stream->broken;
}

static bool stream_pass_on(struct http_stream *stream, const void *bytes, size_t length, bool last,
                           struct error *err)
{
    bool done = stream->gzip ? gzip_stream_write(stream->gzip, bytes, length, last, stream_put, stream)
                             : stream_put(stream, bytes, length);
    return done || error_set(err, ERROR_CANCELLED, "The client has gone.", "客户端已断开。");
}

static bool stream_flush(struct http_stream *stream, bool last, struct error *err)
{
    size_t length = stream->length;
    stream->length = 0;
    return stream_pass_on(stream, stream->piece, length, last, err);
}

bool http_stream_write(struct http_stream *stream, const void *bytes, size_t length, struct error *err)
{
    if (length > PIECE_BYTES - stream->length && !stream_flush(stream, false, err))
        return false;
    if (length > PIECE_BYTES)
        return stream_pass_on(stream, bytes, length, false, err);
    memcpy(stream->piece + stream->length, bytes, length);
    stream->length += length;
    return true;
}

bool http_stream_flush(struct http_stream *stream, struct error *err)
{
    if (!stream_flush(stream, false, err))
        return false;
    if (stream->committed)
        return true;
    stream->committed = exchange_hand_back(stream->exchange, EXCHANGE_STREAMING);
    stream->broken = !stream->committed;
    return stream->committed || error_set(err, ERROR_CANCELLED, "The client has gone.", "客户端已断开。");
}

/* libmicrohttpd looks at no socket whose connection is suspended. One that has closed its side alone takes no events. */
static bool pipe_reader_left(const struct http_exchange *x)
{
    char byte;
    return x->pipe.suspended &&
           recv(x->connection->reaper_entry.socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static bool stream_goes_on(struct http_stream *stream)
{
    struct http_exchange *x = stream->exchange;
    pthread_mutex_lock(&x->pipe.lock);
    if (!x->pipe.broken && pipe_reader_left(x)) {
        x->pipe.broken = true;
        pipe_wake_reader(x);
    }
    stream->broken |= x->pipe.broken;
    pthread_mutex_unlock(&x->pipe.lock);
    return !stream->broken && !atomic_load_explicit(&x->server->stopping, memory_order_relaxed);
}

bool http_stream_wait(struct http_stream *stream, int64_t ms)
{
    for (; ms > 0 && stream_goes_on(stream); ms -= WAIT_STEP_MS)
        clock_sleep_ms(ms < WAIT_STEP_MS ? ms : WAIT_STEP_MS);
    return stream_goes_on(stream);
}

/* The head is out. */
static void stream_end_committed(const struct http_stream *stream, bool done, const struct error *err)
{
    struct http_exchange *x = stream->exchange;
    enum exchange_stage stage = EXCHANGE_STREAMING;
    if (!done && !stream->broken)
        log_write(LOG_ERROR, "http", x->request.request_id, "%s %s: the answer broke off in the middle: %s",
                  x->request.method, x->request.path, err->detail[LANGUAGE_EN]);
    if (atomic_compare_exchange_strong(&x->stage, &stage, EXCHANGE_READY)) {
        pthread_mutex_lock(&x->pipe.lock);
        x->pipe.ended = true;
        x->pipe.failed = !done && !stream->broken;
        pipe_wake_reader(x);
        pthread_mutex_unlock(&x->pipe.lock);
    } else {
        x->request.response.ending = done || stream->broken ? HTTP_ENDING_BROKEN : HTTP_ENDING_FAILED;
        exchange_finish(x); /* the connection is gone and could not do it */
    }
}

/* Nothing is out yet: it is a problem, or a short answer that lies in the pipe as a whole. */
static void stream_end_uncommitted(const struct http_stream *stream, bool done, struct error *err)
{
    struct http_exchange *x = stream->exchange;
    if (!done && err->code == ERROR_NONE)
        error_set(err, ERROR_INTERNAL, "The answer could not be made; tell the operator the request id.",
                  "无法生成响应；请将请求编号告知管理员。");
    if (done) {
        x->pipe.ended = true;
    } else {
        http_response_problem(&x->request, err);
        answer_prepare(x);
    }
    if (exchange_hand_back(x, EXCHANGE_READY))
        return;
    x->request.response.ending = HTTP_ENDING_BROKEN;
    exchange_finish(x);
}

void stream_run(struct http_exchange *x)
{
    struct error err;
    error_clear(&err);
    CLEANUP(free_pointer) struct http_stream *stream = xcalloc(1, sizeof(*stream));
    stream->exchange = x;
    if (x->content_encoding)
        stream->gzip = gzip_stream_new();
    bool done = x->produce(x->produce_context, stream, &err) && stream_flush(stream, true, &err);
    gzip_stream_free(stream->gzip);
    if (stream->committed)
        stream_end_committed(stream, done, &err);
    else
        stream_end_uncommitted(stream, done, &err);
}

/* ---- what a handler asks for ---- */

void http_response_stream(struct http_request *request, http_producer produce, void *context)
{
    struct http_exchange *x = request->exchange;
    exchange_drop_content(x);
    x->produce = produce;
    x->produce_context = context;
}

bool http_response_file(struct http_request *request, int fd, struct error *err)
{
    struct http_exchange *x = request->exchange;
    struct stat status;
    exchange_drop_content(x);
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return error_set(err, ERROR_INTERNAL, "The file to be sent cannot be read.",
                         "无法读取待发送的文件。");
    }
    x->file = fd;
    x->file_size = status.st_size;
    return true;
}
