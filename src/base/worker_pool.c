#include "base/worker_pool.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

struct task {
    worker_task run;
    void *context;
};

struct worker_pool {
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    struct task *ring;
    size_t ceiling, first, waiting;
    bool closing;
    size_t thread_count;
    pthread_t threads[];
};

static bool take_task(struct worker_pool *pool, struct task *ret_task)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->waiting == 0 && !pool->closing)
        pthread_cond_wait(&pool->arrived, &pool->lock);
    bool got = pool->waiting > 0;
    if (got) {
        *ret_task = pool->ring[pool->first];
        pool->first = (pool->first + 1) % pool->ceiling;
        pool->waiting--;
    }
    pthread_mutex_unlock(&pool->lock);
    return got;
}

static void *work(void *context)
{
    struct worker_pool *pool = context;
    struct task task;
    while (take_task(pool, &task))
        task.run(task.context);
    return NULL;
}

struct worker_pool *worker_pool_new(const char *name, size_t threads, size_t queue_ceiling)
{
    struct worker_pool *pool = xcalloc(1, sizeof(*pool) + threads * sizeof(pthread_t));
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->arrived, NULL);
    pool->ceiling = queue_ceiling;
    pool->ring = xcalloc(queue_ceiling, sizeof(*pool->ring));
    for (; pool->thread_count < threads; pool->thread_count++) {
        if (pthread_create(&pool->threads[pool->thread_count], NULL, work, pool) != 0) {
            fprintf(stderr, "kimono: cannot start a thread for %s; raise the limit on processes\n", name);
            abort();
        }
        char title[16];
        snprintf(title, sizeof(title), "%.11s-%zu", name, pool->thread_count % 100);
        pthread_setname_np(pool->threads[pool->thread_count], title);
    }
    return pool;
}

bool worker_pool_submit(struct worker_pool *pool, worker_task task, void *context)
{
    pthread_mutex_lock(&pool->lock);
    bool room = !pool->closing && pool->waiting < pool->ceiling;
    if (room) {
        size_t at = (pool->first + pool->waiting++) % pool->ceiling;
        pool->ring[at] = (struct task){task, context};
        pthread_cond_signal(&pool->arrived);
    }
    pthread_mutex_unlock(&pool->lock);
    return room;
}

size_t worker_pool_threads(const struct worker_pool *pool)
{
    return pool->thread_count;
}

size_t worker_pool_waiting(struct worker_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    size_t waiting = pool->waiting;
    pthread_mutex_unlock(&pool->lock);
    return waiting;
}

void worker_pool_free(struct worker_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->arrived);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->arrived);
    pthread_mutex_destroy(&pool->lock);
    free(pool->ring);
    free(pool);
}
