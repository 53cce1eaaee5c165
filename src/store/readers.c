/* One lock, held for some ten nanoseconds; a thread gets the connection back that it had last when
 * that is free, because its statements and pages are still in that core's cache. */
#include "store/readers.h"

#include <assert.h>
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "store/store.h"

struct reader_pool {
    pthread_mutex_t lock;
    pthread_cond_t returned; /* by the monotonic clock */
    struct db_open_options options;
    size_t count, waiting;
    uint64_t free_slots, open_slots; /* a bit for each */
    uint64_t lent, lent_before;      /* lendings: now, and at the last refresh */
    bool tended;
    struct db *slots[READERS_MAX];

    struct db *holder; /* never lent; NULL if the driver gains nothing by it */
    void (*first_use)(void *);
    void *first_use_context;
};

static _Thread_local unsigned last_slot;

static uint64_t slot_bit(unsigned slot)
{
    return UINT64_C(1) << slot;
}

/* The slot's connection, opened if need be; the caller holds the slot. */
static struct db *reader_slot_open(struct reader_pool *pool, unsigned slot, struct error *err)
{
    struct db *db = pool->slots[slot];
    if (db || !db_open(&pool->options, &db, err))
        return db;
    db->pool = pool;
    db->slot = slot;
    pool->slots[slot] = db;
    pthread_mutex_lock(&pool->lock);
    pool->open_slots |= slot_bit(slot);
    pthread_mutex_unlock(&pool->lock);
    return db;
}

static void reader_slot_free(struct reader_pool *pool, unsigned slot)
{
    pthread_mutex_lock(&pool->lock);
    pool->free_slots |= slot_bit(slot);
    if (pool->waiting > 0)
        pthread_cond_signal(&pool->returned);
    pthread_mutex_unlock(&pool->lock);
}

static bool reader_slot_wait(struct reader_pool *pool, int64_t deadline_us)
{
    struct timespec until = {.tv_sec = deadline_us / 1000000, .tv_nsec = deadline_us % 1000000 * 1000};
    pool->waiting++;
    int result = 0;
    while (pool->free_slots == 0 && result == 0)
        result = pthread_cond_timedwait(&pool->returned, &pool->lock, &until);
    pool->waiting--;
    return pool->free_slots != 0;
}

static bool reader_slot_take(struct reader_pool *pool, int64_t deadline_us, unsigned *ret_slot)
{
    pthread_mutex_lock(&pool->lock);
    bool first_use = !pool->tended && pool->first_use;
    pool->tended = true;
    pool->lent++;
    bool got = pool->free_slots != 0 || reader_slot_wait(pool, deadline_us);
    if (got) {
        /* The one this thread had last, else one that is open, else any. */
        uint64_t open = pool->free_slots & pool->open_slots;
        if (last_slot >= READERS_MAX || !(open & slot_bit(last_slot)))
            last_slot = (unsigned)__builtin_ctzll(open ? open : pool->free_slots);
        *ret_slot = last_slot;
        pool->free_slots &= ~slot_bit(last_slot);
    }
    pthread_mutex_unlock(&pool->lock);
    if (first_use)
        pool->first_use(pool->first_use_context);
    return got;
}

bool reader_pool_lend(struct reader_pool *pool, int limit_ms, struct db **ret_db, struct error *err)
{
    int64_t deadline_us = clock_monotonic_us() + (int64_t)limit_ms * 1000;
    unsigned slot;
    if (!reader_slot_take(pool, deadline_us, &slot)) {
        error_set(err, ERROR_UNAVAILABLE, "All connections to the store are busy. Try again in a moment.",
                  "数据库连接均在使用中，请稍后重试。");
        if (err)
            err->retry_after_seconds = 1;
        return false;
    }
    struct db *db = reader_slot_open(pool, slot, err);
    if (!db) {
        reader_slot_free(pool, slot);
        return false;
    }
    db_set_deadline(db, deadline_us);
    *ret_db = db;
    return true;
}

void store_reader_return(struct db *db)
{
    if (!db)
        return;
    assert(db->in_use_count == 0 && "rows are released before their connection is given back");
    reader_slot_free(db->pool, db->slot);
}

bool reader_pool_new(struct reader_pool **ret_pool, const struct db_open_options *options, size_t count,
                     struct error *err)
{
    assert(count > 0 && count <= READERS_MAX);
    struct reader_pool *pool = xcalloc(1, sizeof(*pool));
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->returned, &attributes);
    pthread_condattr_destroy(&attributes);
    pool->options = *options;
    pool->options.role = DB_READER;
    pool->count = count;
    pool->free_slots = count == READERS_MAX ? UINT64_MAX : slot_bit((unsigned)count) - 1;
    bool done = reader_slot_open(pool, 0, err) != NULL;
    if (done && pool->slots[0]->driver->hold && !options->alone)
        done = db_open(&pool->options, &pool->holder, err);
    if (!done) {
        reader_pool_free(pool);
        return false;
    }
    *ret_pool = pool;
    return true;
}

void reader_pool_set_first_use(struct reader_pool *pool, void (*first_use)(void *), void *context)
{
    pool->first_use = first_use;
    pool->first_use_context = context;
}

void reader_pool_unpin(struct reader_pool *pool)
{
    if (pool->holder)
        pool->holder->driver->hold(pool->holder, false);
}

bool reader_pool_refresh(struct reader_pool *pool)
{
    if (!pool->holder)
        return false;
    pthread_mutex_lock(&pool->lock);
    bool used = pool->tended = pool->lent != pool->lent_before;
    pool->lent_before = pool->lent;
    pthread_mutex_unlock(&pool->lock);
    pool->holder->driver->hold(pool->holder, used);
    return used;
}

void reader_pool_free(struct reader_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    while ((size_t)__builtin_popcountll(pool->free_slots) < pool->count) {
        pool->waiting++;
        pthread_cond_wait(&pool->returned, &pool->lock);
        pool->waiting--;
    }
    pthread_mutex_unlock(&pool->lock);
    reader_pool_unpin(pool);
    db_close(pool->holder);
    for (size_t slot = 0; slot < pool->count; slot++)
        db_close(pool->slots[slot]);
    pthread_cond_destroy(&pool->returned);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
