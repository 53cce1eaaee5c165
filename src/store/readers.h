/* Private to store/: the read connections of a store, opened when first needed, lent one by one. */
#ifndef KIMONO_STORE_READERS_H
#define KIMONO_STORE_READERS_H

#include "store/driver.h"

#define READERS_MAX 64

struct reader_pool;

/* Opens one connection, so that what is wrong is an error now. `options` are kept: the path must live
 * as long as the pool. `count` is at most READERS_MAX. */
bool reader_pool_new(struct reader_pool **ret_pool, const struct db_open_options *options, size_t count,
                     struct error *err);
void reader_pool_free(struct reader_pool *pool); /* waits until all are given back; takes NULL */

/* `first_use` is called (on a lending thread) when the pool is used again after reader_pool_refresh has
 * returned false. To be set before the first lending. */
void reader_pool_set_first_use(struct reader_pool *pool, void (*first_use)(void *), void *context);
/* To be called by one thread, from time to time: holds the newest moment of the store if there has
 * been reading since the last call, for that makes reading cheaper; else lets go, for what is held
 * keeps the log from starting anew. Returns whether it holds. */
bool reader_pool_refresh(struct reader_pool *pool);
void reader_pool_unpin(struct reader_pool *pool); /* by the same thread */

bool reader_pool_lend(struct reader_pool *pool, int limit_ms, struct db **ret_db, struct error *err);

#endif
