/* Warnings that strangers cause: each matter once an hour, and no more than LOG_LIMIT_KEYS matters an hour. */
#ifndef KIMONO_BASE_LOG_LIMIT_H
#define KIMONO_BASE_LOG_LIMIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define LOG_LIMIT_KEYS 16

struct log_limit {
    pthread_mutex_t lock; /* PTHREAD_MUTEX_INITIALIZER; the rest zero */
    struct {
        uint64_t key;   /* hash of the matter */
        int64_t due_us; /* clock_monotonic_us from which on it may be said again; 0: the place is free */
    } said[LOG_LIMIT_KEYS];
};

/* Whether to say it now: true at most once an hour for a `matter`. */
bool log_limit_due(struct log_limit *limit, const char *matter, int64_t monotonic_us);

#endif
