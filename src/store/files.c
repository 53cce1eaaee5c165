/* The files of a store in its tables; those in a folder are in files_folder.c. */
#include "store/files.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/temporary_file.h"
#include "store/files_private.h"

/* A chunk holds up those who write for as long as it takes to store it, some milliseconds. */
#define CHUNK_BYTES ((size_t)256 << 10)
#define CHUNKS_DELETED 16          /* by one transaction */
#define GIVEN_UP_MS HOUR_MS        /* no chunk came for so long: nobody writes any more */
#define READ_MS 10000              /* time that reading one chunk may take */
#define NAMES_AT_ONCE INT64_C(100) /* of a sweep */

static void store_file_check_name(const char *name)
{
    assert(*name && strlen(name) <= STORE_FILE_NAME_MAX && !strchr(name, '/') && name[0] != '.');
    (void)name;
}

/* ---- writing ---- */

static const char SQL_BEGIN[] = "INSERT INTO stored_files(name, size, written_at) VALUES ($1, NULL, $2)"
                                " ON CONFLICT (name) DO NOTHING";
static const char SQL_ADD_CHUNK[] = "INSERT INTO stored_file_chunks(name, seq, bytes) VALUES ($1, $2, $3)";
static const char SQL_TOUCH[] =
    "UPDATE stored_files SET written_at = $2 WHERE name = $1 AND size IS NULL AND deleting = 0";
static const char SQL_FINISH[] =
    "UPDATE stored_files SET size = $2, written_at = $3 WHERE name = $1 AND size IS NULL AND deleting = 0";

struct table_file_chunk {
    const char *name;
    int64_t seq, size;
    const char *bytes;
    size_t length;
};

static bool table_file_is_unfinished(int64_t changed, struct error *err)
{
    return changed == 1 || error_set(err, ERROR_CONFLICT, "The file was given up meanwhile: send it again.",
                                     "文件已被放弃，请重新上传。");
}

static bool table_file_begin_work(struct db *db, void *context, struct error *err)
{
    const struct table_file_chunk *chunk = context;
    int64_t made;
    if (!db_execute(db, SQL_BEGIN, DB_ARGS(db_text(chunk->name), db_int(clock_now_ms())), &made, err))
        return false;
    return made == 1 ||
           error_set(err, ERROR_CONFLICT, "There is a file of this name already.", "已有同名文件。");
}

static bool table_file_chunk_work(struct db *db, void *context, struct error *err)
{
    const struct table_file_chunk *chunk = context;
    int64_t changed;
    if (!db_execute(db, SQL_TOUCH, DB_ARGS(db_text(chunk->name), db_int(clock_now_ms())), &changed, err) ||
        !table_file_is_unfinished(changed, err))
        return false;
    return db_execute(
        db, SQL_ADD_CHUNK,
        DB_ARGS(db_text(chunk->name), db_int(chunk->seq), db_bytes(chunk->bytes, chunk->length)), NULL, err);
}

static bool table_file_finish_work(struct db *db, void *context, struct error *err)
{
    const struct table_file_chunk *chunk = context;
    int64_t changed;
    if (!db_execute(db, SQL_FINISH,
                    DB_ARGS(db_text(chunk->name), db_int(chunk->size), db_int(clock_now_ms())), &changed,
                    err))
        return false;
    return table_file_is_unfinished(changed, err);
}

/* As much as a chunk holds, less only at the end. */
static bool table_file_read_chunk(int fd, char *buffer, int64_t at, size_t *ret_length, struct error *err)
{
    size_t length = 0;
    while (length < CHUNK_BYTES) {
        ssize_t got = pread(fd, buffer + length, CHUNK_BYTES - length, at + (off_t)length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set(err, ERROR_INTERNAL, "The file cannot be read: %s", "无法读取文件：%s",
                             strerror(errno));
        if (got == 0)
            break;
        length += (size_t)got;
    }
    *ret_length = length;
    return true;
}

static bool table_file_write_chunks(struct store *store, struct table_file_chunk *chunk, int fd,
                                    struct error *err)
{
    CLEANUP(free_pointer) char *buffer = xmalloc(CHUNK_BYTES);
    chunk->bytes = buffer;
    for (chunk->seq = 0; table_file_read_chunk(fd, buffer, chunk->size, &chunk->length, err); chunk->seq++) {
        if (chunk->length == 0)
            return store_write(store, table_file_finish_work, chunk, err);
        if (!store_write(store, table_file_chunk_work, chunk, err))
            return false;
        chunk->size += (int64_t)chunk->length;
    }
    return false;
}

static bool table_file_keep(struct store *store, const char *name, int fd, struct error *err)
{
    struct table_file_chunk chunk = {.name = name};
    if (!store_write(store, table_file_begin_work, &chunk, err))
        return false;
    if (table_file_write_chunks(store, &chunk, fd, err))
        return true;
    store_file_delete(store, name, NULL); /* else the sweep does */
    return false;
}

/* ---- reading ---- */

static const char SQL_SIZE[] = "SELECT size FROM stored_files WHERE name = $1 AND deleting = 0";
static const char SQL_CHUNK[] = "SELECT bytes FROM stored_file_chunks WHERE name = $1 AND seq = $2";

static bool table_file_find_size(struct store *store, const char *name, int64_t *ret_size, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(store, READ_MS, &db, err) &&
           db_find_int(db, SQL_SIZE, DB_ARGS(db_text(name)), INT_NULL, ret_size, err);
}

static bool table_file_not_found(struct error *err)
{
    return error_set(err, ERROR_NOT_FOUND, "The file is not there any more.", "文件已不存在。");
}

/* Into the temporary file, after the connection was given back. */
static bool table_file_copy_chunk(struct store *store, const char *name, int64_t seq, int fd, int64_t *at,
                                  struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf chunk = {0};
    CLEANUP(store_reader_release) struct db *db = NULL;
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!store_reader(store, READ_MS, &db, err) ||
        !db_query(db, SQL_CHUNK, DB_ARGS(db_text(name), db_int(seq)), &rows, err))
        return false;
    bool found = db_next(&rows);
    if (found) {
        size_t length;
        const void *bytes = db_column_bytes(&rows, 0, &length);
        strbuf_append(&chunk, bytes, length);
    }
    if (!db_done(&rows, err))
        return false;
    if (!found || chunk.length == 0)
        return table_file_not_found(err);
    store_reader_return(db);
    db = NULL;
    *at += (int64_t)chunk.length;
    return temporary_file_write(fd, chunk.bytes, chunk.length, err);
}

static void table_file_close_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static bool table_file_open(struct store *store, const char *name, const char *temporary_folder, int *ret_fd,
                            struct error *err)
{
    CLEANUP(table_file_close_fd) int fd = -1;
    int64_t size, at = 0;
    if (!table_file_find_size(store, name, &size, err))
        return false;
    if (size == INT_NULL)
        return table_file_not_found(err);
    if (!temporary_file_open(temporary_folder, &fd, err))
        return false;
    for (int64_t seq = 0; at < size; seq++)
        if (!table_file_copy_chunk(store, name, seq, fd, &at, err))
            return false;
    if (lseek(fd, 0, SEEK_SET) != 0)
        return error_set(err, ERROR_INTERNAL, "A temporary file cannot be read: %s", "无法读取临时文件：%s",
                         strerror(errno));
    *ret_fd = fd;
    fd = -1;
    return true;
}

/* ---- deleting ---- */

static const char SQL_CLOSE[] = "UPDATE stored_files SET deleting = 1 WHERE name = $1";
static const char SQL_DELETE_CHUNKS[] =
    "DELETE FROM stored_file_chunks WHERE name = $1 AND seq IN"
    " (SELECT seq FROM stored_file_chunks WHERE name = $1 ORDER BY seq LIMIT $2)";
static const char SQL_DELETE[] = "DELETE FROM stored_files WHERE name = $1";

struct table_file_deletion {
    const char *name;
    bool more;
};

/* From the first transaction on nobody opens it any more. */
static bool table_file_delete_work(struct db *db, void *context, struct error *err)
{
    struct table_file_deletion *deletion = context;
    int64_t chunks;
    if (!db_execute(db, SQL_CLOSE, DB_ARGS(db_text(deletion->name)), NULL, err) ||
        !db_execute(db, SQL_DELETE_CHUNKS, DB_ARGS(db_text(deletion->name), db_int(CHUNKS_DELETED)), &chunks,
                    err))
        return false;
    deletion->more = chunks == CHUNKS_DELETED;
    return deletion->more || db_execute(db, SQL_DELETE, DB_ARGS(db_text(deletion->name)), NULL, err);
}

static bool table_file_delete(struct store *store, const char *name, struct error *err)
{
    struct table_file_deletion deletion = {.name = name};
    do
        if (!store_write(store, table_file_delete_work, &deletion, err))
            return false;
    while (deletion.more);
    return true;
}

static const char SQL_NAMES[] = "SELECT name, size, written_at, deleting FROM stored_files"
                                " WHERE name > $1 ORDER BY name LIMIT $2";

struct table_file_row {
    char name[STORE_FILE_NAME_MAX + 1];
    bool is_whole, deleting;
    int64_t written_at;
};

static bool table_files_list(struct store *store, const char *after, struct table_file_row *ret_files,
                             size_t *ret_count, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    size_t count = 0;
    if (!store_reader(store, READ_MS, &db, err) ||
        !db_query(db, SQL_NAMES, DB_ARGS(db_text(after), db_int(NAMES_AT_ONCE)), &rows, err))
        return false;
    for (; db_next(&rows); count++) {
        struct table_file_row *file = &ret_files[count];
        strncpy(file->name, db_column_text(&rows, 0), STORE_FILE_NAME_MAX);
        file->name[STORE_FILE_NAME_MAX] = '\0';
        file->is_whole = !db_column_null(&rows, 1);
        file->written_at = db_column_int(&rows, 2);
        file->deleting = db_column_int(&rows, 3) != 0;
    }
    *ret_count = count;
    return db_done(&rows, err);
}

static bool table_files_sweep(struct store *store, store_file_is_over is_over, void *context,
                              int64_t *ret_deleted, struct error *err)
{
    CLEANUP(free_pointer) struct table_file_row *files = xcalloc(NAMES_AT_ONCE, sizeof(*files));
    char after[STORE_FILE_NAME_MAX + 1] = "";
    size_t count;
    *ret_deleted = 0;
    do {
        if (!table_files_list(store, after, files, &count, err))
            return false;
        for (size_t i = 0; i < count; i++) {
            const struct table_file_row *file = &files[i];
            bool given_up = !file->is_whole && file->written_at < clock_now_ms() - GIVEN_UP_MS;
            bool over = file->is_whole && is_over(context, file->name, file->written_at);
            if (!file->deleting && !given_up && !over)
                continue;
            if (!table_file_delete(store, file->name, err))
                return false;
            ++*ret_deleted;
        }
        if (count > 0)
            memcpy(after, files[count - 1].name, sizeof(after));
    } while (count == NAMES_AT_ONCE);
    return true;
}

/* ---- either place ---- */

bool store_file_keep(struct store *store, const char *name, int fd, struct error *err)
{
    const char *folder = store_files_folder(store);
    store_file_check_name(name);
    return folder ? folder_file_keep(folder, name, fd, err) : table_file_keep(store, name, fd, err);
}

bool store_file_open(struct store *store, const char *name, const char *temporary_folder, int *ret_fd,
                     struct error *err)
{
    const char *folder = store_files_folder(store);
    store_file_check_name(name);
    return folder ? folder_file_open(folder, name, ret_fd, err)
                  : table_file_open(store, name, temporary_folder, ret_fd, err);
}

bool store_file_delete(struct store *store, const char *name, struct error *err)
{
    const char *folder = store_files_folder(store);
    store_file_check_name(name);
    return folder ? folder_file_delete(folder, name, err) : table_file_delete(store, name, err);
}

bool store_files_sweep(struct store *store, store_file_is_over is_over, void *context, int64_t *ret_deleted,
                       struct error *err)
{
    const char *folder = store_files_folder(store);
    return folder ? folder_files_sweep(folder, is_over, context, ret_deleted, err)
                  : table_files_sweep(store, is_over, context, ret_deleted, err);
}
