#include "http/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

#define DRAINS_MAX 64
#define DRAIN_US INT64_C(2000000)
#define CUT_US INT64_C(1000000)
#define HALF_CLOSED_MS 5000

struct drain {
    int socket;
    int64_t until_us;
};

struct watch {
    pthread_t thread;
    pthread_mutex_t lock;
    struct watched *connections;
    struct drain drains[DRAINS_MAX];
    size_t drain_count;
    int wake; /* eventfd */
    unsigned tick_ms;
    void (*gone)(struct watched *connection);
    bool hurry, stopping;
};

static void wake(struct watch *watch)
{
    uint64_t one = 1;
    ssize_t written = write(watch->wake, &one, sizeof(one));
    (void)written; /* full means that it is about to wake anyway */
}

/* Only at the second look in a row: at the first, the I/O thread may just have read a last request
 * and not have said so. */
static bool left_idle(struct watched *c)
{
    char byte;
    bool ended = recv(c->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
    c->ended = ended ? c->ended + 1 : 0;
    return c->ended >= 2;
}

/* A reset or a closed connection is certain. A closed side may be one that still listens: it is given time. */
static bool left_waiting(const struct watch *watch, struct watched *c)
{
    struct pollfd fd = {.fd = c->socket, .events = POLLRDHUP};
    if (poll(&fd, 1, 0) < 1) {
        c->ended = 0;
        return false;
    }
    c->ended++;
    return fd.revents & (POLLERR | POLLHUP) || watch->hurry || c->ended * watch->tick_ms >= HALF_CLOSED_MS;
}

/* Who was too slow with a request is told so by its I/O thread, which wakes up by the end of our reading side
 * (http/intake.h); a connection that then still stays is ended. */
static void cut_late(struct watched *c, int64_t now)
{
    bool reading = atomic_load_explicit(&c->phase, memory_order_relaxed) == WATCHED_READING;
    if (reading && !atomic_exchange(&c->cut, true)) {
        atomic_store_explicit(&c->deadline_us, now + CUT_US, memory_order_relaxed);
        shutdown(c->socket, SHUT_RD);
    } else {
        shutdown(c->socket, SHUT_RDWR);
    }
}

static void look_at(struct watch *watch, struct watched *c, int64_t now)
{
    if (atomic_load_explicit(&c->deadline_us, memory_order_relaxed) < now) {
        cut_late(c, now);
        return;
    }
    switch (atomic_load_explicit(&c->phase, memory_order_relaxed)) {
    case WATCHED_IDLE:
        if (left_idle(c))
            shutdown(c->socket, SHUT_RDWR);
        return;
    case WATCHED_WORKING:
        if (left_waiting(watch, c))
            watch->gone(c);
        return;
    case WATCHED_READING:
    case WATCHED_ANSWERING: c->ended = 0; return;
    }
}

static void look_at_all(struct watch *watch)
{
    int64_t now = clock_monotonic_us();
    pthread_mutex_lock(&watch->lock);
    for (struct watched *c = watch->connections; c; c = c->next)
        look_at(watch, c, now);
    pthread_mutex_unlock(&watch->lock);
}

/* True once the client has closed, or time is up. */
static bool drain_done(const struct drain *drain)
{
    char bytes[16384];
    for (int i = 0; i < 16; i++) { /* then the others get their turn */
        ssize_t got = recv(drain->socket, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return true;
        if (got < 0)
            break;
    }
    return clock_monotonic_us() > drain->until_us;
}

/* Only this thread takes drains out, others add at the end: the first `count` may be read unlocked. */
static void run_drains(struct watch *watch, size_t count)
{
    for (size_t i = count; i-- > 0;) {
        if (!drain_done(&watch->drains[i]))
            continue;
        close(watch->drains[i].socket);
        pthread_mutex_lock(&watch->lock);
        watch->drains[i] = watch->drains[--watch->drain_count];
        pthread_mutex_unlock(&watch->lock);
    }
}

static bool take_state(struct watch *watch, struct pollfd *fds, size_t *ret_drains)
{
    pthread_mutex_lock(&watch->lock);
    bool stopping = watch->stopping;
    *ret_drains = watch->drain_count;
    for (size_t i = 0; i < watch->drain_count; i++)
        fds[1 + i] = (struct pollfd){.fd = watch->drains[i].socket, .events = POLLIN};
    pthread_mutex_unlock(&watch->lock);
    return !stopping;
}

static void *keep_watch(void *context)
{
    struct watch *watch = context;
    struct pollfd fds[1 + DRAINS_MAX] = {{.fd = watch->wake, .events = POLLIN}};
    size_t drains;
    int64_t next_us = 0;
    while (take_state(watch, fds, &drains)) {
        poll(fds, 1 + drains, (int)watch->tick_ms);
        uint64_t count;
        if (fds[0].revents & POLLIN && read(watch->wake, &count, sizeof(count)) < 0)
            continue;
        run_drains(watch, drains);
        if (clock_monotonic_us() < next_us) /* woken by a drain */
            continue;
        look_at_all(watch);
        next_us = clock_monotonic_us() + watch->tick_ms * INT64_C(900);
    }
    return NULL;
}

struct watch *watch_start(int timeout_seconds, void (*gone)(struct watched *connection))
{
    struct watch *watch = xcalloc(1, sizeof(*watch));
    pthread_mutex_init(&watch->lock, NULL);
    watch->tick_ms = timeout_seconds < 2 ? 250 : 500;
    watch->gone = gone;
    watch->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (watch->wake < 0 || pthread_create(&watch->thread, NULL, keep_watch, watch) != 0)
        fatal("cannot start the thread that watches connections; raise the limits on processes, memory and "
              "open files");
    pthread_setname_np(watch->thread, "http-watch");
    return watch;
}

void watch_stop(struct watch *watch)
{
    if (!watch)
        return;
    pthread_mutex_lock(&watch->lock);
    watch->stopping = true;
    pthread_mutex_unlock(&watch->lock);
    wake(watch);
    pthread_join(watch->thread, NULL);
    for (size_t i = 0; i < watch->drain_count; i++)
        close(watch->drains[i].socket);
    close(watch->wake);
    pthread_mutex_destroy(&watch->lock);
    free(watch);
}

void watch_hurry(struct watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    watch->hurry = true;
    pthread_mutex_unlock(&watch->lock);
}

void watch_add(struct watch *watch, struct watched *connection)
{
    pthread_mutex_lock(&watch->lock);
    connection->previous = NULL;
    connection->next = watch->connections;
    if (watch->connections)
        watch->connections->previous = connection;
    watch->connections = connection;
    pthread_mutex_unlock(&watch->lock);
}

void watch_remove(struct watch *watch, struct watched *connection)
{
    pthread_mutex_lock(&watch->lock);
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        watch->connections = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    pthread_mutex_unlock(&watch->lock);
}

void watch_each_then(struct watch *watch, void (*each)(void *context, struct watched *connection),
                     void (*then)(void *context), void *context)
{
    pthread_mutex_lock(&watch->lock);
    for (struct watched *c = watch->connections; c; c = c->next)
        each(context, c);
    if (then)
        then(context);
    pthread_mutex_unlock(&watch->lock);
}

void watch_each(struct watch *watch, void (*each)(void *context, struct watched *connection), void *context)
{
    watch_each_then(watch, each, NULL, context);
}

void watch_drain(struct watch *watch, int socket)
{
    int copy = fcntl(socket, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return;
    shutdown(copy, SHUT_WR);
    pthread_mutex_lock(&watch->lock);
    bool room = watch->drain_count < DRAINS_MAX && !watch->stopping;
    if (room)
        watch->drains[watch->drain_count++] = (struct drain){copy, clock_monotonic_us() + DRAIN_US};
    pthread_mutex_unlock(&watch->lock);
    if (room)
        wake(watch);
    else
        close(copy);
}
