/* Private to health.c and health_probe.c: what is remembered of each component. */
#ifndef KIMONO_PLATFORM_HEALTH_PRIVATE_H
#define KIMONO_PLATFORM_HEALTH_PRIVATE_H

#include <pthread.h>

#include "platform/health.h"

#define HEALTH_SAMPLES 256 /* of each component: under load the newest of the minute */
#define HEALTH_NOTE_SIZE 120

struct health_record {
    struct health_sample samples[HEALTH_SAMPLES]; /* a ring */
    size_t count, next;
    int64_t last_at;                                   /* ms; INT_NULL: never */
    char last_error[LANGUAGE_COUNT][HEALTH_NOTE_SIZE]; /* of the newest failure */
    char note[LANGUAGE_COUNT][HEALTH_NOTE_SIZE];       /* what the newest probe said */
    const char *provider;                              /* as the newest probe found it; NULL: not yet */
    bool newest_is_probe;                              /* the note is of now */
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

#endif
