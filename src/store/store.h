/* A store: one database that several processes share, with one writer and several readers in each of them. This is
 * what may be relied on; it holds for every driver (SQLite, PostgreSQL) and nothing above depends on which one it is.
 *
 * WORKS. store_write hands a function (a work) to the process's writer thread and returns once what it did is durable:
 * an answered change survives the death of the process, of the database's server, and of the machine (STORE_FULL).
 *   - Works are serial over all processes that share the store: from its first statement to its commit no work of
 *     anybody else runs. What a work reads is so until it ends; the head of a chain, MAX(sequence) + 1, a histogram
 *     that is read, changed and written are right without any lock of their own. There are no deadlocks between
 *     works, and no serialization failures but those of what others do in the database by hand.
 *   - The writer runs all works that wait in one transaction (group commit), each in a savepoint. One that returns
 *     false takes back its own changes and no more. If the commit fails, all of the batch fail and nothing is kept.
 *   - A statement that failed has ended its work: whatever else it asks for is refused, and it fails even if it
 *     returns true. What may conflict says so in the SQL (ON CONFLICT), or asks first: that is no race here.
 *   - A work waits for nothing but the database, as everybody waits for it. One whose process stands still in the
 *     middle is taken back after some seconds (SQLite: it keeps the others out for as long).
 *
 * RETRIES. A work may run again from the beginning, after other works have run: when a batch must be taken apart, when
 * the database asks for it (serialization failure, deadlock), when the connection broke before the commit. It is tried
 * a few times with a growing pause, then fails with ERROR_UNAVAILABLE. So a work sets what it returns and adds to nothing
 * that outlives it. When the answer to a commit is lost, the writer asks the database what came of it and answers
 * that; if that can't be had in a few seconds, ERROR_UNAVAILABLE says that it is not known.
 *
 * READS. store_reader lends a connection that cannot change anything, with a deadline for all that is read on it.
 *   - Each statement sees one moment of the store: all works that were committed before it began, none in part. Two
 *     statements may see two moments; db_snapshot_begin makes it one.
 *   - A second statement may begin while rows of a first are open. Where the database sends one result at a time the
 *     rest of the first goes to memory: at most 64 MiB, beyond that the first one fails with ERROR_TOO_LARGE.
 *   - After the deadline what runs is stopped (ERROR_TIMEOUT), and nothing begins.
 *
 * VISIBILITY AND ORDER. What store_write has answered is seen by every read that begins afterwards, in any process.
 * Numbers that the database makes ({{id}}) grow in the order of works and become visible in that order; they may have
 * gaps, and rows of one work need not have neighbouring ones. A row that is not ORDERed has no place. Texts compare by
 * their bytes. Where an order can meet null it says NULLS FIRST or LAST.
 *
 * WHEN THE DATABASE CANNOT BE REACHED, writes and reads fail with ERROR_UNAVAILABLE at once, while one connection after
 * the other tries to come back, with growing pauses; it heals by itself. A read whose connection had died unused is
 * tried once more. Nobody gets a wrong or an old answer. ERROR_STORE and ERROR_DAMAGED are for somebody who looks
 * after the machine.
 *
 * WHAT A DRIVER MAY DO DIFFERENTLY. store_get_stamp and `hold` (nothing to be had on PostgreSQL), backup and restore
 * (PostgreSQL has tools of its own), how long another process is waited for (5 seconds on both), how the index of
 * texts and the feed of changes are kept (full_text.h, change_feed.h), how many rows are written at once
 * (bulk_insert.h). On PostgreSQL a text must be UTF-8 without NUL: ERROR_INVALID. A store opened with `.concurrent`
 * gives up serial works on a database that can do without (telemetry): its works must not read what they change.
 *
 * CONNECTIONS. One process takes 1 + `readers` connections to each store that it opens, made when first needed, and one
 * more where it listens for news that the database brings (news.h). */
#ifndef KIMONO_STORE_STORE_H
#define KIMONO_STORE_STORE_H

#include "store/db.h"
#include "store/migration.h"

struct store;

/* Cuts a text into tokens for the full-text index, `query`: a text that is looked for, not one that is
 * kept. Calls `receive` for each token, which is valid only during the call; returns false if `receive`
 * stopped it. Of any thread. */
typedef bool (*store_token_fn)(void *context, const char *token, size_t length);
typedef bool (*store_tokenize)(const char *text, size_t length, bool query, store_token_fn receive,
                               void *context);

enum store_durability {
    STORE_FULL, /* an answered write survives power loss (synchronous=FULL) */
    STORE_BULK, /* demo and benchmarks only: the store is lost if the machine stops while it loads */
};

struct store_options {
    const char *path; /* of the SQLite file, or a postgresql:// URL */
    size_t readers;   /* connections lent at once; 0: 4 */
    int cache_kib;    /* page cache of each connection; 0: 1024, the writer's 8192 */
    enum store_durability durability;
    bool concurrent; /* its works may run beside those of other processes, where the database can do that */
    const struct migration *migrations; /* brought up to date when opened */
    size_t migration_count;
    size_t queue_ceiling; /* functions that may wait for the writer; 0: 4096 */
    /* Only to be read: without a writer's thread and connection, and store_write is refused. The store must be there;
     * one of an earlier version is brought up to date first. */
    bool read_only;
    /* Of the schema's full-text indexes (search/full_text.h); NULL for a schema that has none. */
    store_tokenize tokenize;
    bool must_exist;          /* ERROR_NOT_FOUND for a database that holds no store yet */
    const char *files_folder; /* of store/files.h; NULL: its files lie in the store's own tables */
};

/* Opens or creates. A store that is newer than the program is refused with what to do. */
bool store_open(struct store **ret_store, const struct store_options *options, struct error *err);
void store_close(struct store *store); /* finishes what waits; takes NULL */
const char *store_path(const struct store *store);
const char *store_files_folder(const struct store *store); /* as in the options */
/* The address of another store in the same PostgreSQL database: its schema has this one's name with `suffix` behind
 * it. The caller frees. */
char *store_address_beside(const char *address, const char *suffix);

/* Lends a read connection: waits for a free one at most until the deadline, then ERROR_UNAVAILABLE.
 * `limit_ms` is the time that all reading on it may take. Give it back with store_reader_return or
 * CLEANUP(store_reader_release). */
bool store_reader(struct store *store, int limit_ms, struct db **ret_db, struct error *err);
void store_reader_return(struct db *db); /* takes NULL */
static inline void store_reader_release(struct db **db)
{
    store_reader_return(*db);
}

/* `work` runs on the writer thread, or on the caller's during store_close; it must not wait for
 * anything but the database. It may run a second time from the beginning when the database asks for
 * it (serialization failure), so it must set what it returns, not add to it. */
typedef bool (*store_work)(struct db *db, void *context, struct error *err);

/* Runs `work` in a transaction and returns once it is durable. ERROR_UNAVAILABLE with Retry-After
 * when the queue is full; ERROR_INTERNAL (disk full, input/output error …) when the commit fails:
 * nothing of it is to be seen then, but if the disk failed in the commit's last flush and takes no
 * write after that, nobody can know whether a restart will find the change (whole) or not. */
bool store_write(struct store *store, store_work work, void *context, struct error *err);

/* What this thread writes from here on is work in the background (jobs, scheduled tasks), for which nobody waits: such
 * work looks at how much of the other kind there is (foreground_works, and lease.h for other processes), and makes
 * room for it. */
void store_set_background(void);

/* The same without waiting: `done(context, err)` is called on the writer thread after the commit
 * (err NULL) or the failure. False, and no call, when the queue is full. */
typedef void (*store_done)(void *context, const struct error *err);
bool store_write_async(struct store *store, store_work work, store_done done, void *context);

/* Does at once what transactions have put off (full text), which the writer otherwise does while it is idle. */
bool store_drain_deferred(struct store *store, struct error *err);
/* Another process may have put off something: the writer looks when it is idle. */
void store_notify_external_change(struct store *store);

const char *store_driver_name(const struct store *store); /* as pages show it: "SQLite", "PostgreSQL" */

/* A page of the file was found to be no such thing, by whatever read it; that does not heal by itself. */
bool store_is_damaged(const struct store *store);
/* Not damaged as far as anybody has seen, and its files still lie where they were opened: else ERROR_DAMAGED
 * or ERROR_STORE with what to do. Files that were deleted or replaced take no changes any more until they are put back: every
 * commit looks. Waits for the writer. */
bool store_sound(struct store *store, struct error *err);

/* The database cannot be reached; since when (milliseconds), and what operators can do. It is tried again as long
 * as somebody wants something of it. */
bool store_is_lost(struct store *store, int64_t *ret_since, struct error *ret_why);

/* A stamp of the store's state: two that are equal mean that nobody, no other process either, has
 * committed anything in between. Costs some nanoseconds; what is kept in memory together with the stamp
 * taken BEFORE it was read may be used for as long as the stamp is the same. False: there is none here,
 * read the store. */
#define STORE_STAMP_WORDS 12
struct store_stamp {
    uint32_t words[STORE_STAMP_WORDS];
};
bool store_get_stamp(const struct store *store, struct store_stamp *ret_stamp);

/* For health and metrics. */
struct store_stats {
    int64_t queue_length;     /* functions that wait for the writer */
    int64_t oldest_wait_us;   /* how long the first of them has waited; 0: none does */
    int64_t commits, works;   /* since opened */
    int64_t foreground_works; /* of these, those that somebody waits for: see store_set_background */
    int64_t failed_commits;
    int64_t last_commit_us;   /* duration of the last commit */
    int64_t bytes, wal_bytes; /* INT_NULL: not known */
};
void store_get_stats(struct store *store, struct store_stats *ret_stats);

#endif
