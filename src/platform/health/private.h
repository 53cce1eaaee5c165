/* Private to the files of this room: the record of each component. */
#ifndef KIMONO_PLATFORM_HEALTH_PRIVATE_H
#define KIMONO_PLATFORM_HEALTH_PRIVATE_H

#include <pthread.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "platform/health/health.h"

#define HEALTH_SAMPLES 256 /* of each component: under load the newest of the minute */
#define HEALTH_NOTE_SIZE 120
#define HEALTH_WINDOW_US (MINUTE_MS * 1000) /* what is judged */
#define HEALTH_TENANTS 1000                 /* told apart in one trouble */

struct health_trouble {
    int64_t since;        /* ms; INT_NULL: there is none */
    int64_t failed_calls; /* since then */
    size_t tenant_count;  /* whose calls those were */
    uint64_t tenants[2 * HEALTH_TENANTS];
};

struct health_record {
    struct health_sample samples[HEALTH_SAMPLES]; /* a ring */
    size_t count, next;
    int64_t last_at;                                      /* ms; INT_NULL: never */
    char last_error[LANGUAGE_COUNT][HEALTH_MESSAGE_SIZE]; /* of the newest failure */
    char note[LANGUAGE_COUNT][HEALTH_NOTE_SIZE];          /* what the newest probe said */
    const char *provider;                                 /* as the newest probe found it; NULL: not yet */
    bool newest_is_probe;                                 /* the note is of now */
    struct health_trouble trouble;
    int64_t trouble_ended_us; /* monotonic: when the one before was over; 0: there was none */
    int64_t resumed_since;    /* the trouble that the process before left open; INT_NULL: none */
    enum health_status limit; /* of the newest probe or report: no better than this, for last_error */
};

/* What a writer's statistics were at the probe before. */
struct health_commits {
    int64_t commits, failed, dropped;
    bool waited;
};

struct health {
    pthread_mutex_t lock; /* the records */
    struct health_record records[COMPONENT_COUNT];
    struct health_commits store, telemetry; /* of the probing thread alone */
};

/* Copies as much as there is room for, to a whole character. */
void health_copy_text(char *to, size_t size, const char *from);
const struct health_sample *health_newest(const struct health_sample *samples, size_t count);

/* trouble.c; with the lock. */
uint64_t health_tenant_mark(const char *tenant_id);
void health_trouble_take(struct health_record *record, const struct health_sample *sample);
void health_trouble_end(struct health_record *record, int64_t now_us);
/* After a verdict at `now`. */
void health_trouble_follow(struct health_record *record, enum health_status status, int64_t now_us,
                           int64_t now_ms, int64_t slow_us);

#endif
