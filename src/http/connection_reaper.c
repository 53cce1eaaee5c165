#include "http/connection_reaper.h"

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

struct connection_reaper {
    pthread_t thread;
    pthread_mutex_t lock;
    struct reaper_entry *connections;
    struct drain drains[DRAINS_MAX];
    size_t drain_count;
    int wake; /* eventfd */
    unsigned tick_ms;
    void (*gone)(struct reaper_entry *connection);
    bool hurry, stopping;
};

static void reaper_wake(struct connection_reaper *reaper)
{
    uint64_t one = 1;
    ssize_t written = write(reaper->wake, &one, sizeof(one));
    (void)written; /* full means that it is about to wake anyway */
}

/* Only at the second look in a row: at the first, the I/O thread may just have read a last request
 * and not have said so. */
static bool client_left_idle(struct reaper_entry *c)
{
    char byte;
    bool ended = recv(c->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
    c->ended = ended ? c->ended + 1 : 0;
    return c->ended >= 2;
}

/* A reset or a closed connection is certain. A closed side may be one that still listens: it is given time. */
static bool client_left_waiting(const struct connection_reaper *reaper, struct reaper_entry *c)
{
    struct pollfd fd = {.fd = c->socket, .events = POLLRDHUP};
    if (poll(&fd, 1, 0) < 1) {
        c->ended = 0;
        return false;
    }
    c->ended++;
    return fd.revents & (POLLERR | POLLHUP) || reaper->hurry || c->ended * reaper->tick_ms >= HALF_CLOSED_MS;
}

/* The I/O thread of a request that was too slow wakes up by the end of our reading side and answers it
 * (http/intake.h); a connection that then still stays is ended. */
static void end_late_connection(struct reaper_entry *c, int64_t now)
{
    bool reading = atomic_load_explicit(&c->phase, memory_order_relaxed) == CONNECTION_READING;
    if (reading && !atomic_exchange(&c->cut, true)) {
        atomic_store_explicit(&c->deadline_us, now + CUT_US, memory_order_relaxed);
        shutdown(c->socket, SHUT_RD);
    } else {
        shutdown(c->socket, SHUT_RDWR);
    }
}

static void reaper_check(struct connection_reaper *reaper, struct reaper_entry *c, int64_t now)
{
    if (atomic_load_explicit(&c->deadline_us, memory_order_relaxed) < now) {
        end_late_connection(c, now);
        return;
    }
    switch (atomic_load_explicit(&c->phase, memory_order_relaxed)) {
    case CONNECTION_IDLE:
        if (client_left_idle(c))
            shutdown(c->socket, SHUT_RDWR);
        return;
    case CONNECTION_WORKING:
        if (client_left_waiting(reaper, c))
            reaper->gone(c);
        return;
    case CONNECTION_READING:
    case CONNECTION_ANSWERING: c->ended = 0; return;
    }
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
static void reaper_run_drains(struct connection_reaper *reaper, size_t count)
{
    for (size_t i = count; i-- > 0;) {
        if (!drain_done(&reaper->drains[i]))
            continue;
        close(reaper->drains[i].socket);
        pthread_mutex_lock(&reaper->lock);
        reaper->drains[i] = reaper->drains[--reaper->drain_count];
        pthread_mutex_unlock(&reaper->lock);
    }
}

static bool reaper_read_state(struct connection_reaper *reaper, struct pollfd *fds, size_t *ret_drains)
{
    pthread_mutex_lock(&reaper->lock);
    bool stopping = reaper->stopping;
    *ret_drains = reaper->drain_count;
    for (size_t i = 0; i < reaper->drain_count; i++)
        fds[1 + i] = (struct pollfd){.fd = reaper->drains[i].socket, .events = POLLIN};
    pthread_mutex_unlock(&reaper->lock);
    return !stopping;
}

static void *reaper_main(void *context)
{
    struct connection_reaper *reaper = context;
    struct pollfd fds[1 + DRAINS_MAX] = {{.fd = reaper->wake, .events = POLLIN}};
    size_t drains;
    int64_t next_us = 0;
    while (reaper_read_state(reaper, fds, &drains)) {
        poll(fds, 1 + drains, (int)reaper->tick_ms);
        uint64_t count;
        if (fds[0].revents & POLLIN && read(reaper->wake, &count, sizeof(count)) < 0)
            continue;
        reaper_run_drains(reaper, drains);
        int64_t now = clock_monotonic_us();
        if (now < next_us) /* woken by a drain */
            continue;
        pthread_mutex_lock(&reaper->lock);
        for (struct reaper_entry *c = reaper->connections; c; c = c->next)
            reaper_check(reaper, c, now);
        pthread_mutex_unlock(&reaper->lock);
        next_us = clock_monotonic_us() + reaper->tick_ms * INT64_C(900);
    }
    return NULL;
}

struct connection_reaper *reaper_start(int timeout_seconds, void (*gone)(struct reaper_entry *connection))
{
    struct connection_reaper *reaper = xcalloc(1, sizeof(*reaper));
    pthread_mutex_init(&reaper->lock, NULL);
    reaper->tick_ms = timeout_seconds < 2 ? 250 : 500;
    reaper->gone = gone;
    reaper->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (reaper->wake < 0 || pthread_create(&reaper->thread, NULL, reaper_main, reaper) != 0)
        fatal("cannot start the thread that reaps connections; raise the limits on processes, memory and "
              "open files");
    pthread_setname_np(reaper->thread, "http-reaper");
    return reaper;
}

void reaper_stop(struct connection_reaper *reaper)
{
    if (!reaper)
        return;
    pthread_mutex_lock(&reaper->lock);
    reaper->stopping = true;
    pthread_mutex_unlock(&reaper->lock);
    reaper_wake(reaper);
    pthread_join(reaper->thread, NULL);
    for (size_t i = 0; i < reaper->drain_count; i++)
        close(reaper->drains[i].socket);
    close(reaper->wake);
    pthread_mutex_destroy(&reaper->lock);
    free(reaper);
}

void reaper_hurry(struct connection_reaper *reaper)
{
    pthread_mutex_lock(&reaper->lock);
    reaper->hurry = true;
    pthread_mutex_unlock(&reaper->lock);
}

void reaper_add(struct connection_reaper *reaper, struct reaper_entry *connection)
{
    pthread_mutex_lock(&reaper->lock);
    connection->previous = NULL;
    connection->next = reaper->connections;
    if (reaper->connections)
        reaper->connections->previous = connection;
    reaper->connections = connection;
    pthread_mutex_unlock(&reaper->lock);
}

void reaper_remove(struct connection_reaper *reaper, struct reaper_entry *connection)
{
    pthread_mutex_lock(&reaper->lock);
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        reaper->connections = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    pthread_mutex_unlock(&reaper->lock);
}

void reaper_each_then(struct connection_reaper *reaper,
                      void (*each)(void *context, struct reaper_entry *connection),
                      void (*then)(void *context), void *context)
{
    pthread_mutex_lock(&reaper->lock);
    for (struct reaper_entry *c = reaper->connections; c; c = c->next)
        each(context, c);
    if (then)
        then(context);
    pthread_mutex_unlock(&reaper->lock);
}

void reaper_each(struct connection_reaper *reaper,
                 void (*each)(void *context, struct reaper_entry *connection), void *context)
{
    reaper_each_then(reaper, each, NULL, context);
}

void reaper_drain(struct connection_reaper *reaper, int socket)
{
    int copy = fcntl(socket, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return;
    shutdown(copy, SHUT_WR);
    pthread_mutex_lock(&reaper->lock);
    bool room = reaper->drain_count < DRAINS_MAX && !reaper->stopping;
    if (room)
        reaper->drains[reaper->drain_count++] = (struct drain){copy, clock_monotonic_us() + DRAIN_US};
    pthread_mutex_unlock(&reaper->lock);
    if (room)
        reaper_wake(reaper);
    else
        close(copy);
}
