/* Shared by the files of the SQLite driver only. */
#ifndef KIMONO_STORE_SQLITE_PRIVATE_H
#define KIMONO_STORE_SQLITE_PRIVATE_H

#include <sqlite3.h>
#include <sys/types.h>

#include "store/change_feed.h"
#include "store/driver.h"

/* In the header of every store's file ("KIMO"): no file of another program has it. */
#define SQLITE_APPLICATION_ID 0x4B494D4F

/* Rows of qa_pairs that the writer's transaction has changed: those, and perhaps some more. */
struct changed_rows {
    struct id_range *ranges;
    size_t count, room;
};

/* Which file a name meant when it was opened. */
struct file_identity {
    dev_t device;
    ino_t inode; /* 0: not looked at yet */
};
#define SQLITE_FILES 3 /* the database, -wal, -shm */

struct sqlite_db {
    struct db base;
    sqlite3 *handle;
    char *path;
    struct file_identity files[SQLITE_FILES]; /* of the writer */
    struct changed_rows changed, inserted;    /* `inserted`: of those the new ones */
    int64_t busy_since_us, busy_limit_us;
    /* The write-ahead log, in pages: now, and when it is to be checkpointed next. */
    int wal_pages, checkpoint_at;
    bool checkpoint_failed; /* has been logged */
};

static inline struct sqlite_db *sqlite_of(struct db *db)
{
    return (struct sqlite_db *)db;
}

/* sqlite_driver.c: sets `err` from a result code of the connection, and notes that the file is damaged if that is what it
 * says. Returns false. */
bool sqlite_failed(struct sqlite_db *db, int result, struct error *err);

/* sqlite_full_text.c: makes `tokenize` the tokenizer "kimono" of the connection's FTS5 tables. */
int sqlite_register_tokenizer(sqlite3 *handle, store_tokenize tokenize);
/* Notes that the full text lacks these pairs. */
bool sqlite_note_new_texts(struct db *db, const struct changed_rows *inserted, struct error *err);
/* A piece of what the full text is behind. */
bool sqlite_catch_up(struct db *db, bool *ret_more, struct error *err);
/* Parts of migrations that only SQLite has. */
extern const char SQLITE_FULL_TEXT[];
/* As in the driver's table. */
extern const char SQLITE_TEXT_FIND[], SQLITE_TEXT_HELD[];
void sqlite_text_query(const struct text_token *token, bool first, struct strbuf *query);
bool sqlite_text_entries(struct db *db, text_entry_fn receive, void *context, struct error *err);

/* sqlite_changes.c: on the writer's connection. */
void sqlite_watch_changes(struct sqlite_db *db);
bool sqlite_record_changes(struct db *db, struct error *err);

struct sqlite_statement {
    struct db_statement base;
    sqlite3_stmt *handle;
    bool holds_bytes; /* bound texts or bytes */
    int parameter_count, argument_count;
    int arguments[]; /* which argument each parameter takes: $n takes n - 1 */
};

/* sqlite_statement.c: as in the driver's table. */
bool sqlite_script(struct db *base, const char *sql, struct error *err);
bool sqlite_prepare(struct db *base, const char *sql, bool insert, struct db_statement **ret,
                    struct error *err);
void sqlite_finalize(struct db_statement *statement);
bool sqlite_bind(struct db_statement *base, const struct db_value *args, size_t count, bool copy,
                 struct error *err);
enum db_step sqlite_step(struct db_statement *statement, struct error *err);
bool sqlite_reset(struct db_statement *base, struct error *err);
int64_t sqlite_changed(struct db_statement *statement);
void sqlite_inserted_ids(struct db_statement *statement, size_t count, int64_t *ret_ids);
int sqlite_column_count(struct db_statement *statement);
const char *sqlite_column_name(struct db_statement *statement, int column);
enum db_type sqlite_column_type(struct db_statement *statement, int column);
bool sqlite_column_null(struct db_statement *statement, int column);
int64_t sqlite_column_int(struct db_statement *statement, int column);
double sqlite_column_real(struct db_statement *statement, int column);
const char *sqlite_column_text(struct db_statement *statement, int column);
const void *sqlite_column_bytes(struct db_statement *statement, int column, size_t *ret_length);

/* sqlite_error.c: sets `err` from a result code and the connection's message (handle NULL: the code's own). `path`
 * is shown by its last part only: these texts may reach people outside. Returns false. */
bool sqlite_error(sqlite3 *handle, int result, const char *path, struct error *err);

/* sqlite_maintenance.c: as in the driver's table. */
bool sqlite_backup(struct db *db, const char *file, struct error *err);
bool sqlite_restore(const char *from, const struct store_options *to, struct error *err);
void sqlite_sweep(const char *file);
bool sqlite_integrity(struct db *db, struct strbuf *ret_findings, struct error *err);

#endif
