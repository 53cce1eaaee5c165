#include "formats/text_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

#define BLOCK ((size_t)4 << 10)
#define BLOCKS 128 /* of each file are in memory */

/* A file that is written, then read: what waits to be written, then blocks of it, each at its number's place. */
struct spool {
    int fd;
    uint64_t written;         /* bytes in the file */
    char *memory;             /* BLOCKS blocks */
    size_t waiting;           /* bytes of it that are not in the file yet */
    uint64_t numbers[BLOCKS]; /* of the blocks that are there, from 1; 0: none */
};

struct text_store {
    const char *temporary_folder;
    uint64_t count, size;
    struct strbuf texts; /* the first `kept` */
    uint64_t *ends;      /* of each of them */
    uint64_t kept;
    size_t capacity;
    bool spilled;
    struct spool text_file, end_file; /* those behind */
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
    free(spool->memory);
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

static bool refuse_spool_failure(const char *folder, struct error *err)
{
    return error_set(err, ERROR_UNAVAILABLE,
                     "the workbook's texts cannot be kept in a temporary file in %s: %s",
                     "无法在 %s 的临时文件中保存工作簿文本：%s", folder, strerror(errno));
}

/* A file system without O_TMPFILE gets a name that is taken away at once. */
static bool spool_open(struct spool *spool, const char *folder, struct error *err)
{
    char name[4096];
    spool->fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (spool->fd < 0) {
        if ((size_t)snprintf(name, sizeof(name), "%s/kimono-XXXXXX", folder) >= sizeof(name)) {
            errno = ENAMETOOLONG;
            return refuse_spool_failure(folder, err);
        }
        spool->fd = mkostemp(name, O_CLOEXEC);
        if (spool->fd < 0)
            return refuse_spool_failure(folder, err);
        unlink(name);
    }
    spool->memory = xmalloc(BLOCKS * BLOCK);
    return true;
}

static bool spool_write_now(struct spool *spool, const char *bytes, size_t length)
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

/* From here on it is read. */
static bool spool_flush(struct spool *spool)
{
    bool done = spool_write_now(spool, spool->memory, spool->waiting);
    spool->waiting = 0;
    return done;
}

static bool spool_write(struct spool *spool, const void *bytes, size_t length)
{
    if (spool->waiting + length > BLOCKS * BLOCK && !spool_flush(spool))
        return false;
    if (length > BLOCKS * BLOCK)
        return spool_write_now(spool, bytes, length);
    memcpy(spool->memory + spool->waiting, bytes, length);
    spool->waiting += length;
    return true;
}

/* The last block may be shorter. */
static bool spool_read_block(const struct spool *spool, uint64_t number, char *to)
{
    uint64_t from = number * BLOCK, left = spool->written - from;
    size_t length = left < BLOCK ? (size_t)left : BLOCK;
    while (length > 0) {
        ssize_t got = pread(spool->fd, to, length, (off_t)from);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            errno = got == 0 ? EIO : errno;
            return false;
        }
        to += got;
        from += (uint64_t)got;
        length -= (size_t)got;
    }
    return true;
}

/* What stands in the file from there to the end of its block; NULL: it cannot be read. */
static const char *spool_at(struct spool *spool, uint64_t from)
{
    uint64_t number = from / BLOCK;
    size_t place = (size_t)(number % BLOCKS);
    char *block = spool->memory + place * BLOCK;
    if (spool->numbers[place] != number + 1) {
        spool->numbers[place] = 0;
        if (!spool_read_block(spool, number, block))
            return NULL;
        spool->numbers[place] = number + 1;
    }
    return block + from % BLOCK;
}

static bool spool_read(struct spool *spool, uint64_t from, size_t length, struct strbuf *out)
{
    while (length > 0) {
        const char *bytes = spool_at(spool, from);
        size_t take = BLOCK - (size_t)(from % BLOCK);
        if (!bytes)
            return false;
        take = take < length ? take : length;
        strbuf_append(out, bytes, take);
        from += take;
        length -= take;
    }
    return true;
}

/* ---- the store ---- */

bool text_store_add(struct text_store *store, const char *bytes, size_t length, struct error *err)
{
    uint64_t end = store->size + length;
    if (!store->spilled && end + (store->count + 1) * sizeof(end) > TEXT_STORE_MEMORY) {
        if (!spool_open(&store->text_file, store->temporary_folder, err) ||
            !spool_open(&store->end_file, store->temporary_folder, err))
            return false;
        store->spilled = true;
    }
    if (!store->spilled) {
        if (store->kept == store->capacity) {
            store->capacity = store->capacity ? 2 * store->capacity : 1024;
            store->ends = xrealloc(store->ends, store->capacity * sizeof(*store->ends));
        }
        strbuf_append(&store->texts, bytes, length);
        store->ends[store->kept++] = end;
    } else if (!spool_write(&store->text_file, bytes, length) ||
               !spool_write(&store->end_file, &end, sizeof(end))) {
        return refuse_spool_failure(store->temporary_folder, err);
    }
    store->size = end;
    store->count++;
    return true;
}

/* Where the text ends, of all texts one behind the other. */
static bool text_store_find_end(struct text_store *store, uint64_t number, uint64_t *ret_end)
{
    if (number < store->kept) {
        *ret_end = store->ends[number];
        return true;
    }
    const char *bytes = spool_at(&store->end_file, (number - store->kept) * sizeof(*ret_end));
    if (bytes)
        memcpy(ret_end, bytes, sizeof(*ret_end));
    return bytes;
}

static bool text_store_append_spilled(struct text_store *store, uint64_t number, struct strbuf *out)
{
    uint64_t begin = 0, end;
    if (store->text_file.waiting > 0 && !spool_flush(&store->text_file))
        return false;
    if (store->end_file.waiting > 0 && !spool_flush(&store->end_file))
        return false;
    if (number > 0 && !text_store_find_end(store, number - 1, &begin))
        return false;
    if (!text_store_find_end(store, number, &end))
        return false;
    return spool_read(&store->text_file, begin - store->texts.length, (size_t)(end - begin), out);
}

bool text_store_append(struct text_store *store, uint64_t number, struct strbuf *out, struct error *err)
{
    if (number >= store->kept)
        return text_store_append_spilled(store, number, out) ||
               refuse_spool_failure(store->temporary_folder, err);
    uint64_t begin = number ? store->ends[number - 1] : 0;
    strbuf_append(out, strbuf_text(&store->texts) + begin, (size_t)(store->ends[number] - begin));
    return true;
}
