#include "http/admission.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/clock.h"
#include "base/identifier.h"
#include "base/log.h"
#include "http/exchange.h"

/* An address that holds less than this part of all connections gives none of its requests away. */
#define CROWD_PART 16

void admission_init(struct admission *admission, size_t limit, size_t limit_each,
                    struct http_connection_counts *counts)
{
    admission->limit = limit;
    admission->limit_each = limit_each < UINT16_MAX ? limit_each : UINT16_MAX - 1;
    admission->counts = counts;
    random_bytes(&admission->secret, sizeof(admission->secret));
    pthread_mutex_init(&admission->warnings.lock, NULL);
}

static uint32_t admission_place(const struct http_server *server, const char *address)
{
    char holder[ADDRESS_SIZE];
    if (!*address || networks_have(&server->proxies, address))
        return ADMISSION_FREE;
    address_holder(address, holder);
    return (uint32_t)(XXH3_64bits_withSeed(holder, strlen(holder), server->admission.secret) %
                      ADMISSION_PLACES);
}

static unsigned admission_held(const struct admission *admission, uint32_t place)
{
    return place == ADMISSION_FREE ? 0
                                   : atomic_load_explicit(&admission->open_of[place], memory_order_relaxed);
}

/* ---- who gives way ---- */

struct choice {
    const struct admission *admission;
    struct reaper_entry *idle, *reading;
    int64_t idle_until_us, reading_until_us;
    unsigned crowd; /* connections that the holder of `reading` has */
};

static void consider_connection(void *context, struct reaper_entry *entry)
{
    struct choice *choice = context;
    const struct connection *connection = (const struct connection *)entry;
    int64_t until = atomic_load_explicit(&entry->deadline_us, memory_order_relaxed);
    if (entry->gives_way)
        return; /* it is going already */
    switch (atomic_load_explicit(&entry->phase, memory_order_relaxed)) {
    case CONNECTION_IDLE:
        if (!choice->idle || until < choice->idle_until_us) {
            choice->idle = entry;
            choice->idle_until_us = until;
        }
        return;
    case CONNECTION_READING: {
        unsigned held = admission_held(choice->admission, connection->place);
        if (held * CROWD_PART >= choice->admission->limit &&
            (held > choice->crowd || (held == choice->crowd && until < choice->reading_until_us))) {
            choice->reading = entry;
            choice->reading_until_us = until;
            choice->crowd = held;
        }
        return;
    }
    case CONNECTION_WORKING:
    case CONNECTION_ANSWERING: return;
    }
}

/* Before any is removed, so that its socket is still its own. */
static void close_chosen(void *context)
{
    struct choice *choice = context;
    struct reaper_entry *chosen = choice->idle ? choice->idle : choice->reading;
    if (!chosen)
        return;
    chosen->gives_way = true;
    shutdown(chosen->socket, SHUT_RDWR);
}

/* ---- asking ---- */

static void admission_warn(struct admission *admission, const char *matter, const char *text, size_t limit)
{
    if (log_limit_due(&admission->warnings, matter, clock_monotonic_us()))
        log_warn("http", "%s (%zu); said once an hour, counted in /metrics", text, limit);
}

bool admission_ask(struct http_server *server, const char *address)
{
    struct admission *admission = &server->admission;
    struct http_connection_counts *counts = admission->counts;
    if (admission_held(admission, admission_place(server, address)) >= admission->limit_each) {
        char text[160];
        snprintf(text, sizeof(text), "connections are refused: %s holds as many as one address may", address);
        admission_warn(admission, address, text, admission->limit_each);
        atomic_fetch_add(&counts->refused_each, 1);
        return false;
    }
    if (atomic_load(&counts->open) < admission->limit)
        return true;
    struct choice choice = {.admission = admission};
    reaper_each_then(server->reaper, consider_connection, close_chosen, &choice);
    if (choice.idle || choice.reading) {
        admission_warn(admission, "full", "all connections are taken: idle ones give way to new ones",
                       admission->limit);
        atomic_fetch_add(&counts->gave_way, 1);
        return true;
    }
    admission_warn(admission, "none", "connections are refused: all are taken and at work", admission->limit);
    atomic_fetch_add(&counts->refused_full, 1);
    return false;
}

uint32_t admission_enter(struct http_server *server, const char *address)
{
    struct admission *admission = &server->admission;
    uint32_t place = admission_place(server, address);
    atomic_fetch_add(&admission->counts->open, 1);
    if (place != ADMISSION_FREE)
        atomic_fetch_add(&admission->open_of[place], 1);
    return place;
}

void admission_leave(struct http_server *server, uint32_t place)
{
    struct admission *admission = &server->admission;
    atomic_fetch_sub(&admission->counts->open, 1);
    if (place != ADMISSION_FREE)
        atomic_fetch_sub(&admission->open_of[place], 1);
}
