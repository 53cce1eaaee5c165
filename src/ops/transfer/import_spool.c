#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/temporary_file.h"
#include "base/utf8.h"
#include "ops/transfer/import_internal.h"

#define BUFFER ((size_t)256 << 10)
#define MEMORY ((size_t)4 << 20) /* so much waits without a file */

/* Before each row; then its texts, each with a NUL: question, answer and category of a row that is fine,
 * column and messages of each error, the cells. */
struct head {
    int64_t number;
    uint32_t length; /* bytes of the texts */
    uint32_t error_count, cell_count;
    bool has_category;
};

struct import_spool {
    int fd;
    int64_t size;          /* when it is being read: what is left */
    struct strbuf waiting; /* what is not written yet; all of it, where MEMORY is enough */

    char *buffer;     /* BUFFER bytes, when a file is being read */
    const char *read; /* the buffer, or what waits */
    size_t start, end;
};

bool import_spool_open(const char *folder, struct import_spool **ret_spool, struct error *err)
{
    int fd;
    if (!temporary_file_open(folder, &fd, err))
        return false;
    struct import_spool *spool = xcalloc(1, sizeof(*spool));
    spool->fd = fd;
    *ret_spool = spool;
    return true;
}

void import_spool_close(struct import_spool **spool)
{
    if (!*spool)
        return;
    close((*spool)->fd);
    strbuf_release(&(*spool)->waiting);
    free((*spool)->buffer);
    free(*spool);
    *spool = NULL;
}

/* ---- writing ---- */

static bool import_spool_flush(struct import_spool *spool, struct error *err)
{
    spool->size += (int64_t)spool->waiting.length;
    if (spool->size > IMPORT_SPOOL_MAX)
        return error_set(err, ERROR_INVALID,
                         "the texts of its rows are larger than 1 GiB in all; divide it into several files",
                         "各行文本总计超过 1 GiB，请拆分为多个文件");
    if (!temporary_file_write(spool->fd, strbuf_text(&spool->waiting), spool->waiting.length, err))
        return false;
    strbuf_reset(&spool->waiting);
    return true;
}

static void import_spool_put_bytes(struct strbuf *out, const char *text, size_t length)
{
    strbuf_append(out, text, length);
    strbuf_putc(out, '\0');
}

static void import_spool_put_errors(struct strbuf *out, const struct error *wrong)
{
    for (size_t i = 0; i < wrong->field_count; i++) {
        const struct error_field *field = &wrong->fields[i];
        import_spool_put_bytes(out, field->field, strlen(field->field));
        for (size_t language = 0; language < LANGUAGE_COUNT; language++)
            import_spool_put_bytes(out, field->message[language], strlen(field->message[language]));
    }
}

static uint32_t import_spool_put_cells(struct strbuf *out, const struct table_row *cells)
{
    size_t room = IMPORT_CELLS_MAX, count = 0;
    for (; count < cells->count && room > 0; count++) {
        const char *cell = cells->fields[count];
        size_t length = strlen(cell), kept = length < room ? length : utf8_cut(cell, length, room - 1);
        import_spool_put_bytes(out, cell, kept);
        room -= kept < room ? kept + 1 : room;
    }
    return (uint32_t)count;
}

bool import_spool_put(struct import_spool *spool, const struct import_row *row, const struct error *wrong,
                      const struct table_row *cells, struct error *err)
{
    struct strbuf *out = &spool->waiting;
    size_t at = out->length;
    struct head head = {
        .number = row->number,
        .error_count = wrong ? (uint32_t)wrong->field_count : 0,
        .has_category = row->texts[IMPORT_CATEGORY] != NULL,
    };
    strbuf_append(out, &head, sizeof(head));
    if (wrong)
        import_spool_put_errors(out, wrong);
    else
        for (size_t i = 0; i < IMPORT_COLUMNS; i++) {
            const char *text = row->texts[i] ? row->texts[i] : "";
            import_spool_put_bytes(out, text, strlen(text));
        }
    head.cell_count = cells ? import_spool_put_cells(out, cells) : 0;
    head.length = (uint32_t)(out->length - at - sizeof(head));
    memcpy(out->bytes + at, &head, sizeof(head));
    return out->length < (spool->size > 0 ? BUFFER : MEMORY) || import_spool_flush(spool, err);
}

bool import_spool_rewind(struct import_spool *spool, struct error *err)
{
    if (spool->size == 0) {
        spool->read = strbuf_text(&spool->waiting);
        spool->end = spool->waiting.length;
        spool->size = (int64_t)spool->end;
        return true;
    }
    if (!import_spool_flush(spool, err))
        return false;
    strbuf_release(&spool->waiting);
    spool->read = spool->buffer = xmalloc(BUFFER);
    if (lseek(spool->fd, 0, SEEK_SET) == 0)
        return true;
    return error_set(err, ERROR_INTERNAL, "a temporary file cannot be read: %s", "无法读取临时文件：%s",
                     strerror(errno));
}

/* ---- reading ---- */

static bool import_spool_take(struct import_spool *spool, void *bytes, size_t length, struct error *err)
{
    for (char *at = bytes; length > 0;) {
        if (spool->start == spool->end) {
            ssize_t got = read(spool->fd, spool->buffer, BUFFER);
            if (got <= 0)
                return error_set(err, ERROR_INTERNAL, "a temporary file cannot be read: %s",
                                 "无法读取临时文件：%s", got < 0 ? strerror(errno) : "it has been cut off");
            spool->start = 0;
            spool->end = (size_t)got;
        }
        size_t there = spool->end - spool->start, part = there < length ? there : length;
        memcpy(at, spool->read + spool->start, part);
        spool->start += part;
        spool->size -= (int64_t)part;
        at += part;
        length -= part;
    }
    return true;
}

static const char *import_spool_next_text(const char **at)
{
    const char *text = *at;
    *at = text + strlen(text) + 1;
    return text;
}

static const struct import_error *import_spool_read_errors(const char **at, const struct head *head,
                                                           struct arena *arena)
{
    struct import_error *errors = arena_alloc(arena, (head->error_count + 1) * sizeof(*errors));
    for (size_t i = 0; i < head->error_count; i++) {
        errors[i].row = head->number;
        utf8_copy(errors[i].column, sizeof(errors[i].column), import_spool_next_text(at));
        for (size_t language = 0; language < LANGUAGE_COUNT; language++)
            utf8_copy(errors[i].message[language], sizeof(errors[i].message[0]), import_spool_next_text(at));
    }
    return errors;
}

static void import_spool_unpack(const struct head *head, const char *texts, struct arena *arena,
                                struct import_row *row)
{
    *row = (struct import_row){
        .number = head->number, .error_count = head->error_count, .cell_count = head->cell_count};
    if (head->error_count > 0)
        row->errors = import_spool_read_errors(&texts, head, arena);
    for (size_t i = 0; head->error_count == 0 && i < IMPORT_COLUMNS; i++)
        row->texts[i] = import_spool_next_text(&texts);
    if (!head->has_category)
        row->texts[IMPORT_CATEGORY] = NULL;
    const char **cells = head->cell_count ? arena_alloc(arena, head->cell_count * sizeof(*cells)) : NULL;
    for (size_t i = 0; i < head->cell_count; i++)
        cells[i] = import_spool_next_text(&texts);
    row->cells = cells;
}

bool import_spool_next(struct import_spool *spool, struct arena *arena, struct import_row *ret_row,
                       bool *ret_found, struct error *err)
{
    struct head head = {0};
    *ret_found = spool->size > 0;
    if (!*ret_found)
        return true;
    if (!import_spool_take(spool, &head, sizeof(head), err))
        return false;
    char *texts = arena_alloc(arena, head.length + 1);
    if (!import_spool_take(spool, texts, head.length, err))
        return false;
    import_spool_unpack(&head, texts, arena, ret_row);
    return true;
}
