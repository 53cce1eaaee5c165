/* The inline recv of the checked headers would stand in the way of the one below. */
#undef _FORTIFY_SOURCE
#include "http/intake.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/memory.h"
#include "http/exchange.h"
#include "http/problem.h"

/* Connections by socket, in pages, so that a thread finds one without a lock. Beyond the last page (a process
 * with a million open files) a socket is unknown here and its requests are refused. */
#define PAGE_SOCKETS 1024
#define PAGES 1024

typedef struct connection *_Atomic place;
static place *_Atomic pages[PAGES];

static place *intake_place(int socket, bool make)
{
    size_t page = (size_t)socket / PAGE_SOCKETS;
    if (socket < 0 || page >= PAGES)
        return NULL;
    place *places = atomic_load_explicit(&pages[page], memory_order_acquire);
    if (!places && make) {
        place *fresh = xcalloc(PAGE_SOCKETS, sizeof(*fresh));
        if (atomic_compare_exchange_strong(&pages[page], &places, fresh))
            places = fresh;
        else
            free(fresh);
    }
    return places ? &places[(size_t)socket % PAGE_SOCKETS] : NULL;
}

void intake_open(struct connection *connection)
{
    place *place = intake_place(connection->reaper_entry.socket, true);
    if (place)
        atomic_store(place, connection);
}

void intake_close(struct connection *connection)
{
    place *place = intake_place(connection->reaper_entry.socket, false);
    if (place)
        atomic_store(place, NULL);
    framing_release(&connection->framing);
    free(connection->fault);
}

/* Answers a request that libmicrohttpd has not taken as a whole yet, and ends the connection for it. */
static ssize_t intake_refuse(struct connection *connection, const struct error *err)
{
    struct http_exchange *x = connection->exchange;
    enum exchange_stage stage = atomic_load(&x->stage);
    bool head_read = x->head_read;
    if (stage != EXCHANGE_LINE && stage != EXCHANGE_BODY)
        return 0; /* it has its answer: never two */
    if (!head_read)
        exchange_start_unread(x);
    x->refused = true;
    http_response_problem(&x->request, err);
    answer_prepare(x);
    answer_write_now(x, connection->reaper_entry.socket);
    if (!head_read) { /* else all this is done on completion */
        reaper_drain(x->server->reaper, connection->reaper_entry.socket);
        exchange_finish(x);
    }
    errno = ECONNRESET;
    return -1;
}

/* The reaper has closed our reading side: the request came too slowly, or the server is stopping. */
static ssize_t intake_refuse_late(struct connection *connection)
{
    struct error err;
    if (!framing_in_request(&connection->framing))
        return 0;
    if (atomic_load_explicit(&connection->server->stopping, memory_order_relaxed)) {
        error_set(&err, ERROR_UNAVAILABLE, "The server is stopping.", "服务器正在停止。");
        err.retry_after_seconds = 1;
    } else {
        error_set(&err, ERROR_REQUEST_TIMEOUT, "The request did not come in time: it was too slow.",
                  "请求未在时限内到达：传输过慢。");
    }
    return intake_refuse(connection, &err);
}

static ssize_t intake_receive(struct connection *connection, void *bytes, size_t room, int flags)
{
    struct error err;
    error_clear(&err);
    if (connection->fault)
        return intake_refuse(connection, connection->fault);
    if (atomic_load_explicit(&connection->reaper_entry.cut, memory_order_relaxed))
        return intake_refuse_late(connection);
    ssize_t got = recvfrom(connection->reaper_entry.socket, bytes, room, flags, NULL, NULL);
    if (got == 0 && framing_in_request(&connection->framing)) {
        error_set(&err, ERROR_BAD_REQUEST, "The request breaks off in the middle.", "请求在中途中断。");
        return intake_refuse(connection, &err);
    }
    if (got <= 0)
        return got;
    size_t edge, good = framing_take(&connection->framing, bytes, (size_t)got, &edge, &err);
    /* From its first byte on a request has the time limit for its head. */
    enum connection_phase idle = CONNECTION_IDLE;
    if (framing_in_request(&connection->framing) &&
        atomic_compare_exchange_strong(&connection->reaper_entry.phase, &idle, CONNECTION_READING))
        exchange_set_deadline(connection->exchange, clock_monotonic_us() + connection->server->timeout_us);
    if (good == (size_t)got)
        return got;
    if (edge == 0)
        return intake_refuse(connection, &err);
    /* Requests before the faulty one are still to be answered: they go on, and the fault is kept until
     * libmicrohttpd asks for more. Closing our reading side makes it ask. */
    connection->fault = xmalloc(sizeof(*connection->fault));
    *connection->fault = err;
    shutdown(connection->reaper_entry.socket, SHUT_RD);
    return (ssize_t)edge;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the C library's are reserved names */
ssize_t recv(int fd, void *bytes, size_t room, int flags)
{
    place *place = flags & MSG_PEEK ? NULL : intake_place(fd, false);
    struct connection *connection = place ? atomic_load(place) : NULL;
    return connection ? intake_receive(connection, bytes, room, flags)
                      : recvfrom(fd, bytes, room, flags, NULL, NULL);
}
