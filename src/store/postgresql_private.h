/* Shared by the files of the PostgreSQL driver only. */
#ifndef KIMONO_STORE_POSTGRESQL_PRIVATE_H
#define KIMONO_STORE_POSTGRESQL_PRIVATE_H

#include <libpq-fe.h>

#include "store/change_feed.h"
#include "store/driver.h"
#include "store/statement_log.h"

/* ---- postgresql_address.c ---- */

#define POSTGRESQL_NAME_SIZE 64 /* NAMEDATALEN: what a name of a schema takes at most, with its NUL */

struct postgresql_address {
    char *libpq; /* as libpq takes it: may hold a password */
    char *shown; /* without one */
    char schema[POSTGRESQL_NAME_SIZE];
    int64_t lock_key; /* of the advisory lock that makes works serial over all processes */
};

/* `postgresql://USER@HOST:PORT/DATABASE?schema=NAME&…`: ERROR_INVALID, which never shows any part of it. */
bool postgresql_address_parse(const char *path, struct postgresql_address *ret_address, struct error *err);
void postgresql_address_release(struct postgresql_address *address);
char *postgresql_display_path(const char *path);

struct postgresql_statement;

#define DEFERRED_MAX 10 /* a beginning (5), a savepoint that ends (2), another one, COMMIT */

struct postgresql_db {
    struct db base;
    struct postgresql_address address;
    enum db_role role;
    bool concurrent, bulk;
    PGconn *connection;                /* NULL: lost, or not made yet */
    bool transaction;                  /* one was begun, and has not ended */
    bool transaction_lost;             /* with its connection: nothing may run as if it were there */
    uint64_t generation;               /* counts connections: what was prepared on an earlier one is gone */
    struct postgresql_statement *open; /* whose rows are still on their way */
    struct strbuf to_deallocate;       /* statements of this connection that are not used any more */
    uint64_t prepared;                 /* makes the names of prepared statements */
    int64_t statement_limit_ms;        /* statement_timeout as the session has it; 0: none */
    struct db_reach *reach, own_reach; /* the store's, or this connection's own */
    int64_t
        cancelled_until_us; /* what runs was cancelled, and its result is waited for until then; 0: it was not */
    bool dying;             /* the server has announced that it ends the connection */
    char timeline[16];      /* of the server's log: another one after a standby was promoted */
    const char *deferred[DEFERRED_MAX]; /* what goes before the next statement */
    unsigned deferred_count;
    char sql_lock[64];
    bool committed;          /* what the last COMMIT answered */
    struct strbuf copied;    /* rows of a COPY that were not sent yet */
    char transaction_id[24]; /* of the writer's transaction: by it the outcome of a COMMIT is found */
    /* The connection (its generation) with which this process is the one that brings the full text up to date;
     * while it is another, it is not asked for before that instant. */
    uint64_t catches_up;
    int64_t ask_to_catch_up_at_us;
};

static inline struct postgresql_db *postgresql_of(struct db *db)
{
    return (struct postgresql_db *)db;
}

/* ---- postgresql_connection.c ---- */

bool postgresql_open(const struct db_open_options *options, struct db **ret_db, struct error *err);
void postgresql_close(struct db *base);
/* There is a connection on which nothing is under way: made anew if it was lost and no transaction was. */
bool postgresql_ready(struct postgresql_db *db, struct error *err);
/* The server has ended it, or has announced that it will. */
bool postgresql_is_gone(const struct postgresql_db *db);
/* The next result of what was sent: NULL in `ret_result` when there is no more. On the deadline what runs is
 * cancelled, and its failure is the result. False: the connection was lost. */
bool postgresql_receive(struct postgresql_db *db, PGresult **ret_result, struct error *err);
/* Sends one text of statements and waits for all results. `ret_result` (may be NULL): the last with rows, else the last. */
bool postgresql_run(struct postgresql_db *db, const char *sql, PGresult **ret_result, struct error *err);
/* Stops what runs, whose failure is then its result. False: the server does not answer; the connection is to be given up. */
bool postgresql_cancel(struct postgresql_db *db);
/* Sets `err`, closes what is left of the connection. Returns false. */
bool postgresql_lost(struct postgresql_db *db, struct error *err);

/* All that has been sent is on its way. */
bool postgresql_flush(struct postgresql_db *db, struct error *err);
/* Throws away what is left of the results of the last thing that was sent. */
void postgresql_receive_rest(struct postgresql_db *db);

/* ---- postgresql_transaction.c ---- */

bool postgresql_transaction(struct db *base, enum db_verb verb, struct error *err);
bool postgresql_in_transaction(struct db *base);
enum db_outcome postgresql_commit_outcome(struct db *base);
/* Nothing of a transaction is lost with the connection. */
bool postgresql_nothing_sent(const struct postgresql_db *db);
/* What was deferred, sent and answered now; for what cannot go with it in a pipeline. */
bool postgresql_drain_deferred(struct postgresql_db *db, struct error *err);
/* The parts of that: between the first two a statement may be sent, and PQpipelineSync; its results come after those of
 * receive_deferred. */
bool postgresql_send_deferred(struct postgresql_db *db, struct error *err);
bool postgresql_receive_deferred(struct postgresql_db *db, struct error *err);
bool postgresql_end_pipeline(struct postgresql_db *db, struct error *err);

/* ---- postgresql_copy.c: see bulk_insert.h ---- */

bool postgresql_copy_begin(struct db *base, const char *sql, struct error *err);
bool postgresql_copy_row(struct db *base, const struct db_value *values, size_t count, struct error *err);
bool postgresql_copy_end(struct db *base, const char *table_with_ids, struct error *err);
void postgresql_copy_cancel(struct db *base);

/* ---- statements ---- */

struct postgresql_cell {
    const char *bytes; /* NULL: null */
    int length;
};

struct postgresql_columns {
    int count;
    Oid *types;
    char **names;
};

/* A prepared form of a statement: the types of its parameters come from the values that it is called with. */
struct postgresql_variant {
    char name[24];
    uint64_t generation; /* 0: not prepared */
    Oid *types;          /* of parameters; 0: left to the server, so it takes null only */
};
#define POSTGRESQL_VARIANTS 4

enum postgresql_run { RUN_IDLE, RUN_BOUND, RUN_STREAMING, RUN_BUFFERED, RUN_OVER };

struct postgresql_statement {
    struct db_statement base;
    char *sql; /* of an insert with RETURNING id */
    bool insert;
    int parameter_count;
    bool *used; /* by parameter: the text names it */
    struct postgresql_variant variants[POSTGRESQL_VARIANTS];
    unsigned variant_count, oldest_variant;
    const struct db_value *arguments; /* of the present run, until it was sent */

    enum postgresql_run run;
    bool piped; /* it was sent in a pipeline, which ends after it */
    struct postgresql_columns columns;
    PGresult *row; /* that the cells point into, if not into `rest` */
    struct postgresql_cell *cells;
    struct strbuf *texts; /* by column: numbers as text */
    /* Rows that were on their way when another statement began: for each column its length (an int, -1 for
     * null), its bytes, a NUL. */
    struct strbuf rest;
    size_t rest_at;
    struct error *rest_failure; /* what comes after those rows; NULL: the end */
    int64_t changed;
    int64_t *ids; /* that an insert has given back */
    size_t id_count, id_room;
};

static inline struct postgresql_statement *postgresql_statement_of(struct db_statement *statement)
{
    return (struct postgresql_statement *)statement;
}

/* postgresql_statement.c */
bool postgresql_prepare(struct db *base, const char *sql, bool insert, struct db_statement **ret,
                        struct error *err);
void postgresql_finalize(struct db_statement *base);
bool postgresql_bind(struct db_statement *base, const struct db_value *args, size_t count, bool copy,
                     struct error *err);
enum db_step postgresql_step(struct db_statement *base, struct error *err);
bool postgresql_reset(struct db_statement *base, struct error *err);
int64_t postgresql_changed(struct db_statement *statement);
void postgresql_inserted_ids(struct db_statement *base, size_t count, int64_t *ret_ids);
int postgresql_column_count(struct db_statement *statement);
const char *postgresql_column_name(struct db_statement *statement, int column);
/* Takes what is still on its way for the statement that has rows open into memory. */
bool postgresql_buffer_open(struct postgresql_db *db, struct error *err);

/* ---- postgresql_values.c: the binary form of values ---- */

struct postgresql_parameters {
    const char **values;
    int *lengths, *formats;
    uint64_t *numbers; /* what `values` of numbers point to */
};
void postgresql_parameters_fill(struct postgresql_parameters *ret, const struct db_value *args, int count);
void postgresql_parameters_release(struct postgresql_parameters *parameters);
Oid postgresql_type_of(const struct db_value *value);
/* What no text of the database can be: ERROR_INVALID. */
bool postgresql_value_check(const struct db_value *value, struct error *err);
bool postgresql_type_known(Oid type);

enum db_type postgresql_column_type(struct db_statement *base, int column);
bool postgresql_column_null(struct db_statement *base, int column);
int64_t postgresql_column_int(struct db_statement *base, int column);
double postgresql_column_real(struct db_statement *base, int column);
const char *postgresql_column_text(struct db_statement *base, int column);
const void *postgresql_column_bytes(struct db_statement *base, int column, size_t *ret_length);
int64_t postgresql_decode_int(const struct postgresql_cell *cell, Oid type);

/* ---- what depends on the schema ---- */

/* postgresql_changes.c */
extern const char POSTGRESQL_CHANGE_FEED[];

/* postgresql_full_text.c: as in the driver's table */
extern const char POSTGRESQL_FULL_TEXT[], POSTGRESQL_TEXT_FIND[], POSTGRESQL_TEXT_HELD[];
void postgresql_text_query(const struct text_token *token, bool first, struct strbuf *query);
bool postgresql_text_entries(struct db *db, text_entry_fn receive, void *context, struct error *err);
bool postgresql_is_behind(struct db *db);
bool postgresql_catch_up(struct db *db, bool *ret_more, struct error *err);

/* ---- postgresql_news.c ---- */

bool postgresql_notify(struct db *db, struct error *err);
bool postgresql_listen(struct db *db, struct error *err);
bool postgresql_await_news(struct db *db, int closing_fd, bool *ret_heard, struct error *err);

bool postgresql_integrity(struct db *base, struct strbuf *ret_findings,
                          struct error *err); /* maintenance.h */

/* ---- postgresql_error.c ---- */

/* From a result that is a failure; notes in db->base.trouble what it means for the transaction. Returns false. */
bool postgresql_error(struct postgresql_db *db, const PGresult *result, struct error *err);

#endif
