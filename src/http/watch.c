#include "http/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

#define DRAINS_MAX 64
#define DRAIN_US INT64_C(2000000)

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
    int tick_ms;
    bool stopping;
};

static void wake(struct watch *watch)
{
    uint64_t one = 1;
    ssize_t written = write(watch->wake, &one, sizeof(one));
    (void)written; /* full means that it is about to wake anyway */
}

/* Only at the second look in a row: at the first, the I/O thread may just have read a last request
 * and not have said so. */
static bool client_left(struct watched *connection)
{
    char byte;
    bool ended = atomic_load_explicit(&connection->idle, memory_order_relaxed) &&
                 recv(connection->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
    bool left = ended && connection->ended;
    connection->ended = ended;
    return left;
}

static void cut(struct watch *watch)
{
    int64_t now = clock_monotonic_us();
    pthread_mutex_lock(&watch->lock);
    for (struct watched *c = watch->connections; c; c = c->next)
        if (atomic_load_explicit(&c->deadline_us, memory_order_relaxed) < now || client_left(c))
            shutdown(c->socket, SHUT_RDWR);
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
        poll(fds, 1 + drains, watch->tick_ms);
        uint64_t count;
        if (fds[0].revents & POLLIN && read(watch->wake, &count, sizeof(count)) < 0)
            continue;
        run_drains(watch, drains);
        if (clock_monotonic_us() < next_us) /* woken by a drain */
            continue;
        cut(watch);
        next_us = clock_monotonic_us() + watch->tick_ms * INT64_C(900);
    }
    return NULL;
}

struct watch *watch_start(int timeout_seconds)
{
    struct watch *watch = xcalloc(1, sizeof(*watch));
    pthread_mutex_init(&watch->lock, NULL);
    watch->tick_ms = timeout_seconds < 2 ? 250 : 500;
    watch->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (watch->wake < 0 || pthread_create(&watch->thread, NULL, keep_watch, watch) != 0) {
        fprintf(stderr, "kimono: cannot start the thread that watches connections; raise the limits "
                        "on processes and open files\n");
        abort();
    }
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

void watch_each(struct watch *watch, void (*each)(void *context, struct watched *connection), void *context)
{
    pthread_mutex_lock(&watch->lock);
    for (struct watched *c = watch->connections; c; c = c->next)
        each(context, c);
    pthread_mutex_unlock(&watch->lock);
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
