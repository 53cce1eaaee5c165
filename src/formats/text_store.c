#include "formats/text_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

#define WINDOW ((size_t)64 << 10)

/* A file, of which a stretch is in memory: the end while it is written, any while it is read. */
struct spool {
    int fd;
    char *window;
    uint64_t begin;   /* where in the file the window lies */
    size_t length;    /* bytes of it that are there */
    uint64_t written; /* bytes in the file */
};

struct text_store {
    const char *temporary_folder;
    uint64_t count, size;
    struct strbuf texts; /* while in memory */
    uint64_t *ends;      /* of each text; while in memory */
    size_t capacity;
    bool spilled;
    struct spool text_file, end_file;
};

struct text_store *text_store_new(const char *temporary_folder)
{
    struct text_store *store = xcalloc(1, sizeof(*store));
    const char *folder = getenv("TMPDIR");
    store->temporary_folder = temporary_folder ? temporary_folder : folder && *folder ? folder : "/tmp";
    store->text_file.fd = store->end_file.fd = -1;
    return store;
}

static void spool_close(struct spool *spool)
{
    if (spool->fd >= 0)
        close(spool->fd);
    free(spool->window);
}

void text_store_free(struct text_store **store)
{
    if (!*store)
        return;
    spool_close(&(*store)->text_file);
    spool_close(&(*store)->end_file);
    strbuf_release(&(*store)->texts);
    free((*store)->ends);
    free(*store);
    *store = NULL;
}

uint64_t text_store_count(const struct text_store *store)
{
    return store->count;
}

/* ---- the files ---- */

static bool fail_file(const char *folder, struct error *err)
{
    return error_set(err, ERROR_UNAVAILABLE,
                     "the workbook's texts cannot be kept in a temporary file in %s: %s",
                     "无法在 %s 的临时文件中保存工作簿文本：%s", folder, strerror(errno));
}

/* A file system that knows no O_TMPFILE gets a name that is taken away at once. */
static bool spool_open(struct spool *spool, const char *folder, struct error *err)
{
    char name[4096];
    spool->fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (spool->fd < 0) {
        if ((size_t)snprintf(name, sizeof(name), "%s/kimono-XXXXXX", folder) >= sizeof(name)) {
            errno = ENAMETOOLONG;
            return fail_file(folder, err);
        }
        spool->fd = mkostemp(name, O_CLOEXEC);
        if (spool->fd < 0)
            return fail_file(folder, err);
        unlink(name);
    }
    spool->window = xmalloc(WINDOW);
    return true;
}

static bool write_all(struct spool *spool, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t done = pwrite(spool->fd, bytes, length, (off_t)spool->written);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        spool->written += (uint64_t)done;
        bytes += done;
        length -= (size_t)done;
    }
    return true;
}

static bool spool_write(struct spool *spool, const void *bytes, size_t length)
{
    if (spool->length + length > WINDOW) {
        if (!write_all(spool, spool->window, spool->length))
            return false;
        spool->length = 0;
    }
    if (length > WINDOW)
        return write_all(spool, bytes, length);
    memcpy(spool->window + spool->length, bytes, length);
    spool->length += length;
    return true;
}

/* From here on it is read. */
static bool spool_flush(struct spool *spool)
{
    bool done = write_all(spool, spool->window, spool->length);
    spool->length = 0;
    return done;
}

/* Moves the window so that it begins at `from`. */
static bool spool_seek(struct spool *spool, uint64_t from)
{
    ssize_t got;
    do
        got = pread(spool->fd, spool->window, WINDOW, (off_t)from);
    while (got < 0 && errno == EINTR);
    if (got <= 0) {
        errno = got == 0 ? EIO : errno;
        return false;
    }
    spool->begin = from;
    spool->length = (size_t)got;
    return true;
}

static bool spool_read(struct spool *spool, uint64_t from, size_t length, struct strbuf *out)
{
    while (length > 0) {
        bool inside = from >= spool->begin && from < spool->begin + spool->length;
        if (!inside && !spool_seek(spool, from))
            return false;
        size_t at = (size_t)(from - spool->begin), take = spool->length - at;
        take = take < length ? take : length;
        strbuf_append(out, spool->window + at, take);
        from += take;
        length -= take;
    }
    return true;
}

/* ---- the store ---- */

/* From memory into the files. */
static bool spill(struct text_store *store, struct error *err)
{
    if (!spool_open(&store->text_file, store->temporary_folder, err) ||
        !spool_open(&store->end_file, store->temporary_folder, err))
        return false;
    store->spilled = true;
    if (!spool_write(&store->text_file, strbuf_text(&store->texts), store->texts.length) ||
        !spool_write(&store->end_file, store->ends, (size_t)store->count * sizeof(*store->ends)))
        return fail_file(store->temporary_folder, err);
    strbuf_release(&store->texts);
    free(store->ends);
    store->ends = NULL;
    return true;
}

static void keep(struct text_store *store, const char *bytes, size_t length)
{
    if (store->count == store->capacity) {
        store->capacity = store->capacity ? 2 * store->capacity : 1024;
        store->ends = xrealloc(store->ends, store->capacity * sizeof(*store->ends));
    }
    strbuf_append(&store->texts, bytes, length);
    store->ends[store->count] = store->size;
}

bool text_store_add(struct text_store *store, const char *bytes, size_t length, struct error *err)
{
    uint64_t end = store->size + length;
    if (!store->spilled && end + (store->count + 1) * sizeof(end) > TEXT_STORE_MEMORY && !spill(store, err))
        return false;
    store->size = end;
    if (!store->spilled)
        keep(store, bytes, length);
    else if (!spool_write(&store->text_file, bytes, length) ||
             !spool_write(&store->end_file, &end, sizeof(end)))
        return fail_file(store->temporary_folder, err);
    store->count++;
    return true;
}

static bool read_end(struct text_store *store, uint64_t number, uint64_t *ret_end)
{
    CLEANUP(strbuf_release) struct strbuf bytes = {0};
    struct spool *file = &store->end_file;
    uint64_t from = number * sizeof(*ret_end);
    if (from >= file->begin && from + sizeof(*ret_end) <= file->begin + file->length) {
        memcpy(ret_end, file->window + (from - file->begin), sizeof(*ret_end));
        return true;
    }
    if (!spool_read(file, from, sizeof(*ret_end), &bytes))
        return false;
    memcpy(ret_end, bytes.bytes, sizeof(*ret_end));
    return true;
}

static bool append_spilled(struct text_store *store, uint64_t number, struct strbuf *out)
{
    uint64_t begin = 0, end;
    if (store->text_file.written + store->end_file.written < store->size + store->count * sizeof(end) &&
        (!spool_flush(&store->text_file) || !spool_flush(&store->end_file)))
        return false;
    return (number == 0 || read_end(store, number - 1, &begin)) && read_end(store, number, &end) &&
           spool_read(&store->text_file, begin, (size_t)(end - begin), out);
}

bool text_store_append(struct text_store *store, uint64_t number, struct strbuf *out, struct error *err)
{
    if (store->spilled)
        return append_spilled(store, number, out) || fail_file(store->temporary_folder, err);
    uint64_t begin = number ? store->ends[number - 1] : 0;
    strbuf_append(out, strbuf_text(&store->texts) + begin, (size_t)(store->ends[number] - begin));
    return true;
}
