#include "base/log_limit.h"

#include <stddef.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define PAUSE_US (INT64_C(3600) * 1000000)

bool log_limit_due(struct log_limit *limit, const char *matter, int64_t monotonic_us)
{
    uint64_t key = XXH3_64bits(matter, strlen(matter));
    bool said = false;
    size_t place = LOG_LIMIT_KEYS;
    pthread_mutex_lock(&limit->lock);
    for (size_t i = 0; i < LOG_LIMIT_KEYS; i++) {
        if (limit->said[i].due_us <= monotonic_us)
            place = i;
        else if (limit->said[i].key == key)
            said = true;
    }
    bool due = !said && place < LOG_LIMIT_KEYS;
    if (due) {
        limit->said[place].key = key;
        limit->said[place].due_us = monotonic_us + PAUSE_US;
    }
    pthread_mutex_unlock(&limit->lock);
    return due;
}
