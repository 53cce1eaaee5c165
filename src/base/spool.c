#include "base/spool.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/temporary_file.h"

static bool spool_move_to_file(struct spool *spool, struct error *err)
{
    if (!temporary_file_open(spool->folder, &spool->fd, err))
        return false;
    spool->in_file = true;
    bool written = temporary_file_write(spool->fd, spool->memory.bytes, spool->memory.length, err);
    strbuf_release(&spool->memory);
    return written;
}

bool spool_append(struct spool *spool, const void *bytes, size_t length, struct error *err)
{
    if (!spool->in_file && spool->length + length > SPOOL_MEMORY && !spool_move_to_file(spool, err))
        return false;
    if (!spool->in_file)
        strbuf_append(&spool->memory, bytes, length);
    else if (!temporary_file_write(spool->fd, bytes, length, err))
        return false;
    spool->length += length;
    return true;
}

bool spool_view(struct spool *spool, const char **ret_bytes, struct error *err)
{
    if (spool->in_file && !spool->mapped) {
        void *mapped = mmap(NULL, spool->length, PROT_READ, MAP_SHARED, spool->fd, 0);
        if (mapped == MAP_FAILED)
            return error_set(err, ERROR_INTERNAL, "A temporary file cannot be read: %s.",
                             "无法读取临时文件：%s。", strerrordesc_np(errno));
        spool->mapped = mapped;
    }
    *ret_bytes = spool->in_file ? spool->mapped : strbuf_text(&spool->memory);
    return true;
}

void spool_release(struct spool *spool)
{
    if (spool->mapped)
        munmap(spool->mapped, spool->length);
    if (spool->in_file)
        close(spool->fd);
    strbuf_release(&spool->memory);
    *spool = (struct spool){.folder = spool->folder};
}
