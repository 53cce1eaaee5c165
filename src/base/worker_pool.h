/* A bounded pool of threads for what may wait: providers, password hashing, files, commits.
 *
 * Nobody has all of it. A task has an owner (whoever it is done for: a person, a tenant, an address), and a
 * pool with a share lets each owner run only so many tasks at a time; the rest of theirs waits while others'
 * go ahead, one owner after the other. What waits has a ceiling, in all and for each owner, and beyond it
 * a task is refused at once, so that the caller can answer 503 or 429. */
#ifndef KIMONO_BASE_WORKER_POOL_H
#define KIMONO_BASE_WORKER_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct worker_pool;
typedef void (*worker_task)(void *context);

/* `queue_ceiling`: tasks that may wait while all threads are busy. */
struct worker_pool *worker_pool_new(const char *name, size_t threads, size_t queue_ceiling);

/* What one owner may have; 0: as much as there is. To be set before the first task. */
struct worker_share {
    size_t running;
    size_t in_all; /* running and waiting */
};
void worker_pool_set_share(struct worker_pool *pool, struct worker_share share);

enum worker_room {
    WORKER_ROOM,
    WORKER_POOL_FULL,  /* as many tasks wait as may, or the pool is closing */
    WORKER_OWNER_FULL, /* this owner has as many as one may */
};
/* Anything but WORKER_ROOM: the task will not run. `owner` NULL: nobody's, to whom no share applies. */
enum worker_room worker_pool_submit(struct worker_pool *pool, const char *owner, worker_task task,
                                    void *context);
/* What a submission would come to at this moment. */
enum worker_room worker_pool_ask(struct worker_pool *pool, const char *owner);

struct worker_pool_stats {
    size_t threads, running, waiting;
    int64_t refused; /* since the start */
};
void worker_pool_get_stats(struct worker_pool *pool, struct worker_pool_stats *ret_stats);
size_t worker_pool_waiting(struct worker_pool *pool); /* tasks not yet begun */

/* Runs what waits, then ends the threads. Takes NULL. */
void worker_pool_free(struct worker_pool *pool);

#endif
