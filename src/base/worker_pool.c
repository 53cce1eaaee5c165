#include "base/worker_pool.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/memory.h"

#define BUCKETS 256
#define NOBODY UINT64_C(0)

struct task {
    worker_task run;
    void *context;
    struct task *next;
};

/* Is there as long as it has tasks. One that has some waiting, and may run one more, stands in the line of
 * those whose turn it is. */
struct owner {
    uint64_t key; /* a hash: two whose hashes are equal share a share */
    size_t running, waiting;
    struct task *first, **end;
    bool in_line;
    struct owner *next_in_bucket, *next_in_line;
};

struct worker_pool {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* somebody's turn, or the end */
    struct worker_share share;
    size_t ceiling, waiting, running;
    int64_t refused;
    struct owner *buckets[BUCKETS];
    struct owner *line, **line_end;
    bool closing;
    size_t thread_count;
    pthread_t threads[];
};

/* ---- owners; the lock is held ---- */

static uint64_t owner_key(const char *owner)
{
    return owner ? XXH3_64bits(owner, strlen(owner)) | 1 : NOBODY;
}

static struct owner **owner_place(struct worker_pool *pool, uint64_t key)
{
    struct owner **place = &pool->buckets[key >> 1 & (BUCKETS - 1)];
    while (*place && (*place)->key != key)
        place = &(*place)->next_in_bucket;
    return place;
}

static void owner_free_if_idle(struct worker_pool *pool, const struct owner *owner)
{
    if (owner->running > 0 || owner->waiting > 0)
        return;
    struct owner **place = owner_place(pool, owner->key), *idle = *place;
    *place = idle->next_in_bucket;
    free(idle);
}

static bool is_below_share(size_t count, size_t most, uint64_t key)
{
    return most == 0 || key == NOBODY || count < most;
}

static void owner_enqueue(struct worker_pool *pool, struct owner *owner)
{
    if (owner->in_line || owner->waiting == 0 ||
        !is_below_share(owner->running, pool->share.running, owner->key))
        return;
    owner->in_line = true;
    owner->next_in_line = NULL;
    *pool->line_end = owner;
    pool->line_end = &owner->next_in_line;
    pthread_cond_signal(&pool->changed);
}

/* ---- the threads ---- */

/* The first in line runs one task and, if it has more, stands at the end. */
static struct owner *worker_dequeue(struct worker_pool *pool, struct task **ret_task)
{
    struct owner *owner = pool->line;
    pool->line = owner->next_in_line;
    if (!pool->line)
        pool->line_end = &pool->line;
    owner->in_line = false;
    struct task *task = owner->first;
    owner->first = task->next;
    if (!owner->first)
        owner->end = &owner->first;
    owner->waiting--;
    owner->running++;
    pool->waiting--;
    pool->running++;
    owner_enqueue(pool, owner);
    *ret_task = task;
    return owner;
}

static void *worker_main(void *context)
{
    struct worker_pool *pool = context;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (!pool->line && !(pool->closing && pool->waiting == 0))
            pthread_cond_wait(&pool->changed, &pool->lock);
        if (!pool->line)
            break;
        struct task *task;
        struct owner *owner = worker_dequeue(pool, &task);
        pthread_mutex_unlock(&pool->lock);
        task->run(task->context);
        free(task);
        pthread_mutex_lock(&pool->lock);
        owner->running--;
        pool->running--;
        owner_enqueue(pool, owner);
        owner_free_if_idle(pool, owner);
        if (pool->closing)
            pthread_cond_broadcast(&pool->changed);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

struct worker_pool *worker_pool_new(const char *name, size_t threads, size_t queue_ceiling)
{
    struct worker_pool *pool = xcalloc(1, sizeof(*pool) + threads * sizeof(pthread_t));
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->changed, NULL);
    pool->ceiling = queue_ceiling;
    pool->line_end = &pool->line;
    for (; pool->thread_count < threads; pool->thread_count++) {
        if (pthread_create(&pool->threads[pool->thread_count], NULL, worker_main, pool) != 0)
            fatal("cannot start a thread for %s; raise the limits on processes and memory", name);
        char title[16];
        snprintf(title, sizeof(title), "%.11s-%zu", name, pool->thread_count % 100);
        pthread_setname_np(pool->threads[pool->thread_count], title);
    }
    return pool;
}

void worker_pool_set_share(struct worker_pool *pool, struct worker_share share)
{
    pthread_mutex_lock(&pool->lock);
    pool->share = share;
    pthread_mutex_unlock(&pool->lock);
}

/* ---- from outside ---- */

static enum worker_room worker_room_for(struct worker_pool *pool, uint64_t key)
{
    const struct owner *owner = *owner_place(pool, key);
    if (owner && !is_below_share(owner->running + owner->waiting, pool->share.in_all, key))
        return WORKER_OWNER_FULL;
    size_t idle = pool->thread_count - pool->running; /* they take as many of those that wait, at once */
    return pool->closing || pool->waiting >= pool->ceiling + idle ? WORKER_POOL_FULL : WORKER_ROOM;
}

static void worker_enqueue(struct worker_pool *pool, uint64_t key, worker_task run, void *context)
{
    struct owner **place = owner_place(pool, key);
    if (!*place) {
        *place = xcalloc(1, sizeof(**place));
        (*place)->key = key;
        (*place)->end = &(*place)->first;
    }
    struct owner *owner = *place;
    struct task *task = xmalloc(sizeof(*task));
    *task = (struct task){run, context, NULL};
    *owner->end = task;
    owner->end = &task->next;
    owner->waiting++;
    pool->waiting++;
    owner_enqueue(pool, owner);
}

enum worker_room worker_pool_submit(struct worker_pool *pool, const char *owner, worker_task task,
                                    void *context)
{
    uint64_t key = owner_key(owner);
    pthread_mutex_lock(&pool->lock);
    enum worker_room room = worker_room_for(pool, key);
    if (room == WORKER_ROOM)
        worker_enqueue(pool, key, task, context);
    else
        pool->refused++;
    pthread_mutex_unlock(&pool->lock);
    return room;
}

enum worker_room worker_pool_ask(struct worker_pool *pool, const char *owner)
{
    pthread_mutex_lock(&pool->lock);
    enum worker_room room = worker_room_for(pool, owner_key(owner));
    pool->refused += room != WORKER_ROOM;
    pthread_mutex_unlock(&pool->lock);
    return room;
}

void worker_pool_get_stats(struct worker_pool *pool, struct worker_pool_stats *ret_stats)
{
    pthread_mutex_lock(&pool->lock);
    *ret_stats = (struct worker_pool_stats){.threads = pool->thread_count,
                                            .running = pool->running,
                                            .waiting = pool->waiting,
                                            .refused = pool->refused};
    pthread_mutex_unlock(&pool->lock);
}

size_t worker_pool_waiting(struct worker_pool *pool)
{
    struct worker_pool_stats stats;
    worker_pool_get_stats(pool, &stats);
    return stats.waiting;
}

void worker_pool_free(struct worker_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
