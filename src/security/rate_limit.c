#include "security/rate_limit.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/identifier.h"
#include "base/memory.h"

/* For each class sets of WAYS buckets, each set with a lock of its own: 8,192 callers, 360 KiB. A caller is
 * known by a 128-bit hash with a secret, so nobody can choose whose place he takes. */
#define SETS 1024
#define WAYS 8
#define SECRET_SIZE 192 /* XXH3's own default */

static const struct {
    double burst, per_us;
} rates[RATE_CLASS_COUNT] = {
#define X(class, burst, minute, who) [class] = {burst, (minute) / 60e6},
    RATE_CLASS_TABLE(X)
#undef X
};

struct bucket {
    XXH128_hash_t caller;
    double level;    /* requests that are left */
    int64_t seen_us; /* when level was right; 0: the place is free */
};

struct bucket_set {
    pthread_mutex_t lock;
    struct bucket ways[WAYS];
};

struct rate_limiter {
    bool enabled;
    unsigned char hash_secret[SECRET_SIZE];
    struct bucket_set sets[RATE_CLASS_COUNT][SETS];
};

struct rate_limiter *rate_limiter_new(bool enabled)
{
    struct rate_limiter *limiter = xcalloc(1, sizeof(*limiter));
    limiter->enabled = enabled;
    random_bytes(limiter->hash_secret, sizeof(limiter->hash_secret));
    for (size_t class = 0; class < RATE_CLASS_COUNT; class ++)
        for (size_t i = 0; i < SETS; i++)
            pthread_mutex_init(&limiter->sets[class][i].lock, NULL);
    return limiter;
}

void rate_limiter_free(struct rate_limiter *limiter)
{
    if (!limiter)
        return;
    for (size_t class = 0; class < RATE_CLASS_COUNT; class ++)
        for (size_t i = 0; i < SETS; i++)
            pthread_mutex_destroy(&limiter->sets[class][i].lock);
    free(limiter);
}

static XXH128_hash_t rate_caller_hash(const struct rate_limiter *limiter, const char *caller)
{
    return XXH3_128bits_withSecret(caller, strlen(caller), limiter->hash_secret, SECRET_SIZE);
}

static struct bucket *bucket_find(struct bucket_set *set, XXH128_hash_t caller)
{
    for (size_t way = 0; way < WAYS; way++)
        if (set->ways[way].seen_us && XXH128_isEqual(set->ways[way].caller, caller))
            return &set->ways[way];
    return NULL;
}

/* Threads may come a little out of order: time never runs back. */
static double bucket_level(const struct bucket *bucket, enum rate_class class, int64_t now_us)
{
    int64_t passed_us = now_us > bucket->seen_us ? now_us - bucket->seen_us : 0;
    return fmin(bucket->level + (double)passed_us * rates[class].per_us, rates[class].burst);
}

/* The place that is free, or whose caller loses least by being forgotten. */
static struct bucket *bucket_choose_place(struct bucket_set *set, enum rate_class class, int64_t now_us)
{
    struct bucket *place = NULL;
    double most = -1;
    for (size_t way = 0; way < WAYS; way++) {
        struct bucket *bucket = &set->ways[way];
        double level = bucket->seen_us ? bucket_level(bucket, class, now_us) : rates[class].burst + 1;
        if (level > most) {
            most = level;
            place = bucket;
        }
    }
    return place;
}

static bool bucket_take(struct bucket_set *set, enum rate_class class, XXH128_hash_t caller, int64_t now_us,
                        int *ret_retry_seconds)
{
    struct bucket *bucket = bucket_find(set, caller);
    if (!bucket) {
        bucket = bucket_choose_place(set, class, now_us);
        *bucket = (struct bucket){.caller = caller, .level = rates[class].burst, .seen_us = now_us};
    }
    bucket->level = bucket_level(bucket, class, now_us);
    if (now_us > bucket->seen_us)
        bucket->seen_us = now_us;
    if (bucket->level < 1) {
        double wait_us = (1 - bucket->level) / rates[class].per_us;
        *ret_retry_seconds = (int)fmax(1, ceil(wait_us / 1e6));
        return false;
    }
    bucket->level -= 1;
    return true;
}

bool rate_limiter_take(struct rate_limiter *limiter, enum rate_class class, const char *caller,
                       int64_t monotonic_us, int *ret_retry_seconds)
{
    if (!limiter->enabled)
        return true;
    XXH128_hash_t hash = rate_caller_hash(limiter, caller);
    struct bucket_set *set = &limiter->sets[class][hash.low64 % SETS];
    pthread_mutex_lock(&set->lock);
    bool taken = bucket_take(set, class, hash, monotonic_us > 0 ? monotonic_us : 1, ret_retry_seconds);
    pthread_mutex_unlock(&set->lock);
    return taken;
}

void rate_limiter_give_back(struct rate_limiter *limiter, enum rate_class class, const char *caller)
{
    if (!limiter->enabled)
        return;
    XXH128_hash_t hash = rate_caller_hash(limiter, caller);
    struct bucket_set *set = &limiter->sets[class][hash.low64 % SETS];
    pthread_mutex_lock(&set->lock);
    struct bucket *bucket = bucket_find(set, hash);
    if (bucket)
        bucket->level = fmin(bucket->level + 1, rates[class].burst);
    pthread_mutex_unlock(&set->lock);
}
