/* Private to store/: what a database driver has to do, and what db.c keeps for it. Nothing outside
 * store/ includes this.
 *
 * Adding a driver: one `struct db_driver`, one row in the table in db.c. A driver's own connection
 * and statement begin with `struct db` and `struct db_statement`; the driver allocates and frees
 * them, db.c and statements.c fill in the rest. Times are those of clock_monotonic_us. */
#ifndef KIMONO_STORE_DRIVER_H
#define KIMONO_STORE_DRIVER_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/strbuf.h"
#include "store/full_text.h"
#include "store/store.h"

/* What transactions are made of; the text of each is the driver's. Savepoints have one name and
 * are never nested. */
enum db_verb {
    DB_BEGIN,
    DB_BEGIN_SERIAL, /* alone over all processes in a store that is `concurrent` too */
    DB_SNAPSHOT,     /* begins a transaction that only reads, and all of it one moment */
    DB_COMMIT,
    DB_ROLLBACK,
    DB_SAVEPOINT,
    DB_RELEASE,
    DB_ROLLBACK_TO,
    DB_VERBS
};

enum db_step { DB_STEP_ROW, DB_STEP_END, DB_STEP_FAILED };

enum db_role { DB_WRITER, DB_READER };

/* What the last failure means for the transaction that it met. */
enum db_trouble {
    DB_TROUBLE_NONE,
    DB_TROUBLE_NOT_BEGUN, /* it could not begin, which shows only at its first statement: others' cannot either */
    DB_TROUBLE_AGAIN, /* others were in the way (serialization failure, deadlock): all of it may run again */
    DB_TROUBLE_LOST,  /* the connection broke before COMMIT was sent: all of it may run again */
    DB_TROUBLE_IN_DOUBT, /* it broke while COMMIT was under way: commit_outcome finds out */
};
enum db_outcome { DB_OUTCOME_UNKNOWN, DB_OUTCOME_COMMITTED, DB_OUTCOME_TAKEN_BACK };

/* Whether the server of a store can be reached, as its connections have found it: they share what one of them
 * has learned, so that nobody waits for what has just failed (reach.c). */
#define DB_REACH_REASON_SIZE 160
struct db_reach {
    pthread_mutex_t lock;
    int64_t lost_since;  /* ms; INT_NULL: it can be reached */
    int64_t lost_us;     /* the same instant, by the monotonic clock */
    int64_t retry_at_us; /* no try before that */
    int64_t retry_delay_us;
    int64_t logged_us;                 /* when it was logged last */
    bool trying;                       /* one connection does */
    char reason[DB_REACH_REASON_SIZE]; /* of the newest try */
};

struct db_open_options {
    const char *path;
    enum db_role role; /* the writer creates what is missing; a reader cannot change anything */
    int cache_kib;
    bool bulk;               /* STORE_BULK */
    bool concurrent;         /* as in store_options */
    bool alone;              /* a reader of a store that has no writer in this process */
    atomic_bool *damaged;    /* set when the file turns out to be; may be NULL */
    struct db_reach *reach;  /* of the store; NULL: this connection's own */
    store_tokenize tokenize; /* NULL: the schema has no full-text index */
};

struct db_token {
    const char *name, *text;
};

typedef void (*text_entry_fn)(void *context, const char *token, size_t length, int64_t pair_id);

struct db_driver {
    const char *name;              /* as pages show it: "SQLite" */
    const char *sql_table_exists;  /* gives a row if there is a table named $1 */
    const struct db_token *tokens; /* of migrations; the last has no name */
    unsigned statements_kept;      /* prepared, for each connection */
    bool reads_newest;     /* each statement outside of a transaction sees all that was committed before it */
    const char *text_type; /* what TEXT becomes in migrations; NULL: it stays */

    bool (*open)(const struct db_open_options *options, struct db **ret_db, struct error *err);
    void (*close)(struct db *db); /* its statements are gone by then */
    const char *sql_bytes; /* gives the bytes that the store takes, where that is asked of the database */
    /* Bytes of the database, and of its log beside it. NULL: not known. */
    void (*sizes)(const char *path, int64_t *ret_bytes, int64_t *ret_wal_bytes);
    /* The address in a form that may be shown, on the heap. NULL: it may be shown as it is. */
    char *(*display_path)(const char *path);
    bool (*transaction)(struct db *db, enum db_verb verb, struct error *err);
    /* After DB_TROUBLE_IN_DOUBT, within a bounded time. NULL: there is no such trouble. */
    enum db_outcome (*commit_outcome)(struct db *db);
    bool (*script)(struct db *db, const char *sql, struct error *err);
    bool (*in_transaction)(struct db *db);
    /* Whether the files that are open still lie where they were: what is committed to files that were deleted
     * or replaced is lost without a sound (ERROR_STORE). On the writer's connection, by one thread at a time.
     * NULL: it cannot happen. */
    bool (*in_place)(struct db *db, struct error *err);
    /* The last step of a transaction: records all its changes at once. May be NULL. */
    bool (*before_commit)(struct db *db, struct error *err);
    /* Outside of a transaction: whether there may be such work as catch_up does, and this process is the one to do
     * it. NULL: always. */
    bool (*is_behind)(struct db *db);
    /* In a transaction of its own while nobody waits: a piece, some milliseconds long, of the work that
     * transactions have put off (full text). `ret_more` false: none is left. May be NULL. */
    bool (*catch_up)(struct db *db, bool *ret_more, struct error *err);
    /* The index of texts (full_text.h). `sql_text_find`: the pairs of a query $1 that text_query has made, token by
     * token, in the order of ids, $2 at most: an integer for each row, or a text of several with spaces between them.
     * `sql_text_held`: id, question and answer of each pair as the index should have it, and text_entries gives each
     * token that it has. */
    const char *sql_text_find, *sql_text_held;
    void (*text_query)(const struct text_token *token, bool first, struct strbuf *query);
    bool (*text_entries)(struct db *db, text_entry_fn receive, void *context, struct error *err);
    /* After a commit has been answered: work that may take a while (checkpoint). May be NULL. */
    void (*after_commit)(struct db *db);
    /* After a commit that failed for the disk's sake: makes sure that it is not found after a crash. May
     * be NULL. */
    void (*after_failed_commit)(struct db *db);
    /* Holds the newest moment of the database, so that reading it costs the other connections of this
     * process less; or lets go. NULL: nothing is gained by that. */
    void (*hold)(struct db *db, bool on);
    /* See news.h. NULL: there are none. Within a transaction: listeners are notified when it is committed. */
    bool (*notify)(struct db *db, struct error *err);
    /* On a connection of its own, from now on. */
    bool (*listen)(struct db *db, struct error *err);
    /* Waits for a notification, or until `closing_fd` can be read (`ret_heard` false). False: the
     * connection broke. */
    bool (*await_news)(struct db *db, int closing_fd, bool *ret_heard, struct error *err);
    /* Where the database keeps what changes with every commit of any process, STORE_STAMP_WORDS words
     * in shared memory that live as long as the connection; NULL if there is none. */
    const volatile uint32_t *(*stamp)(struct db *db);

    /* `insert`: into a table whose key is {{id}}; inserted_ids is asked after its end. */
    bool (*prepare)(struct db *db, const char *sql, bool insert, struct db_statement **ret,
                    struct error *err);
    void (*finalize)(struct db_statement *statement);
    /* `copy`: the values must outlive the call. */
    bool (*bind)(struct db_statement *statement, const struct db_value *args, size_t count, bool copy,
                 struct error *err);
    enum db_step (*step)(struct db_statement *statement, struct error *err);
    /* Ends the present run. False: what was left to do at its end failed (a statement that changes
     * rows and returns them checks its references last), or the run had failed before. */
    bool (*reset)(struct db_statement *statement, struct error *err);
    int64_t (*changed)(struct db_statement *statement);
    /* Of the rows that an insert has made, in their order, after its end. */
    void (*inserted_ids)(struct db_statement *statement, size_t count, int64_t *ret_ids);

    /* Rows by the database's own way for many (bulk_insert.h); all NULL: prepared statements do. `table_with_ids`: not
     * NULL if the rows brought their ids. After a failure, and instead of an end, copy_cancel. */
    bool (*copy_begin)(struct db *db, const char *sql, struct error *err);
    bool (*copy_row)(struct db *db, const struct db_value *values, size_t count, struct error *err);
    bool (*copy_end)(struct db *db, const char *table_with_ids, struct error *err);
    void (*copy_cancel)(struct db *db);

    int (*column_count)(struct db_statement *statement);
    const char *(*column_name)(struct db_statement *statement, int column);
    enum db_type (*column_type)(struct db_statement *statement, int column); /* of the present row */
    bool (*column_null)(struct db_statement *statement, int column);
    int64_t (*column_int)(struct db_statement *statement, int column); /* not null */
    double (*column_real)(struct db_statement *statement, int column); /* not null */
    /* Not null. The text ends with a NUL whatever the column's type; bytes need not. */
    const char *(*column_text)(struct db_statement *statement, int column);
    const void *(*column_bytes)(struct db_statement *statement, int column, size_t *ret_length);

    /* The last id that the table with {{id}} has given away, 0: none; and that it is as if it had given this one. */
    bool (*last_id)(struct db *db, const char *table, int64_t *ret_id, struct error *err);
    bool (*set_last_id)(struct db *db, const char *table, int64_t id, struct error *err);

    /* See maintenance.h. NULL: the database has tools of its own for it. */
    bool (*backup)(struct db *db, const char *file, struct error *err);
    bool (*restore)(const char *from, const struct store_options *to, struct error *err);
    void (*sweep)(const char *file);
    bool (*integrity)(struct db *db, struct strbuf *ret_findings, struct error *err);
};

extern const struct db_driver sqlite_driver, postgresql_driver;

#define STATEMENT_BUCKETS 64

struct db {
    const struct db_driver *driver;
    int64_t deadline_us;  /* 0: none */
    atomic_bool *damaged; /* as in db_open_options */
    store_tokenize tokenize;
    /* Set while the writer runs a work: if the database took the transaction back on its own (disk
     * full), statements that follow must not commit one by one. */
    bool needs_transaction;
    bool work_failed; /* a statement of that work: no other may follow it */
    enum db_trouble trouble;
    struct db_statement *buckets[STATEMENT_BUCKETS]; /* by the address of the SQL */
    struct db_statement *newest, *oldest;            /* by use */
    unsigned statement_count, in_use_count;
    struct reader_pool *pool; /* that lends it, or NULL */
    unsigned slot;            /* its place there */
};

enum statement_state { STATEMENT_IDLE, STATEMENT_ROW_WAITS, STATEMENT_AT_ROW, STATEMENT_OVER };

/* Which field of a descriptor each column goes to; kept from one row to the next. */
struct column_map {
    const struct descriptor *descriptor;
    int columns;
    const struct field **fields; /* NULL: goes nowhere */
};

struct db_statement {
    struct db *db;
    const char *sql; /* the caller's constant: the key, with `insert` */
    bool insert;     /* as in db_driver.prepare */
    char *text;      /* a copy: proof that it has not changed */
    struct db_statement *next_in_bucket, *newer, *older;
    enum statement_state state;
    bool was_logged;       /* statement_log.h */
    struct error *failure; /* of a step, until db_done returns it */
    struct column_map map;
};

/* reach.c */
void db_reach_init(struct db_reach *reach);
void db_reach_destroy(struct db_reach *reach);
/* Whether a connection may be made now. True: db_reach_note follows, with what came of it. Somebody whom others wait for
 * (`patient`: a reader) leaves it to the writer, unless that has nothing to do. */
bool db_reach_may_try(struct db_reach *reach, bool patient);
/* `reason` NULL: the connection was made. */
void db_reach_note(struct db_reach *reach, const char *reason);

/* store.c */
const char *store_address(const struct store *store); /* as it was opened: may hold a password */

/* db.c */
const struct db_driver *db_driver_for(const char *path); /* by its form */
bool db_open(const struct db_open_options *options, struct db **ret_db, struct error *err);
void db_close(struct db *db); /* takes NULL; no statement may be in use */
/* What comes after a failure in the same work is refused. */
void db_note_failure(struct db *db);
bool db_transaction(struct db *db, enum db_verb verb, struct error *err);
void error_copy(struct error *to, const struct error *from); /* not more than is set */

static inline void db_release(struct db **db)
{
    db_close(*db);
}

/* statements.c: a statement that nobody uses, prepared now or before. One SQL may be in use several
 * times at once. */
bool db_statement_take(struct db *db, const char *sql, bool insert, struct db_statement **ret,
                       struct error *err);
bool db_statement_give(struct db_statement *statement, struct error *err); /* as driver.reset */
void db_statements_close(struct db *db);

#endif
