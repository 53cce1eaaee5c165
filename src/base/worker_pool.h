/* A bounded pool of threads for what may wait: providers, password hashing, imports, commits.
 * The queue has a ceiling; a full one refuses at once, so that the caller can answer 503. */
#ifndef KIMONO_BASE_WORKER_POOL_H
#define KIMONO_BASE_WORKER_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct worker_pool;
typedef void (*worker_task)(void *context);

struct worker_pool *worker_pool_new(const char *name, size_t threads, size_t queue_ceiling);
/* False: the queue is full or the pool is closing; the task will not run. */
bool worker_pool_submit(struct worker_pool *pool, worker_task task, void *context);
size_t worker_pool_threads(const struct worker_pool *pool);
size_t worker_pool_waiting(struct worker_pool *pool); /* tasks not yet begun */
/* Runs what waits, then ends the threads. Takes NULL. */
void worker_pool_free(struct worker_pool *pool);

#endif
