/* The ids of the tenants that a scheduled task is to visit, read at once: the visits write, and no
 * reader may be held while waiting for a commit. */
#ifndef KIMONO_PLATFORM_TENANTS_QUEUE_H
#define KIMONO_PLATFORM_TENANTS_QUEUE_H

#include "store/store.h"

struct tenant_queue {
    char **ids;
    size_t count, capacity;
};

/* `sql`: static, without arguments, gives the ids as its first column. `queue` must be {0}. */
bool tenant_queue_read(struct tenant_queue *queue, struct store *store, const char *sql, struct error *err);
void tenant_queue_add(struct tenant_queue *queue, const char *tenant_id);
void tenant_queue_release(struct tenant_queue *queue);

#endif
