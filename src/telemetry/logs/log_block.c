/* The columns, one after the other:
 *   row count; instants, each as its difference from the one before; levels, a byte each;
 *   sources and tenants: a list of the block's own, and for each row the place in it (0: none);
 *   request ids, messages, fields: for each row a byte, COLUMN_NONE, COLUMN_TEXT or COLUMN_SAME, and the texts.
 * Numbers are variable in length, seven bits a byte, signed ones folded (zigzag); each text ends with a NUL. */
#include "telemetry/logs/log_block.h"

#include <string.h>
#include <zstd.h>

#include "base/memory.h"
#include "telemetry/log_search.h"
#include "telemetry/name_map.h"

#define ZSTD_LEVEL 3
#define COLUMNS_MAX ((size_t)1 << 30) /* bytes; no block is nearly as large */

enum { COLUMN_NONE, COLUMN_TEXT, COLUMN_SAME /* as in the row before */ };

static size_t log_text_length(const char *text)
{
    return text ? strlen(text) : 0;
}

size_t log_block_measure(const struct log_record *records, size_t count)
{
    size_t bytes = 0, rows = 0;
    while (rows < count && rows < LOG_BLOCK_ROWS && bytes < LOG_BLOCK_BYTES) {
        const struct log_record *record = &records[rows++];
        bytes += log_text_length(record->message) + log_text_length(record->fields) +
                 log_text_length(record->source);
    }
    return rows;
}

/* ---- writing ---- */

static void columns_put_number(struct strbuf *columns, uint64_t number)
{
    char bytes[10];
    size_t length = 0;
    do {
        bytes[length++] = (char)((number & 0x7F) | (number > 0x7F ? 0x80 : 0));
        number >>= 7;
    } while (number);
    strbuf_append(columns, bytes, length);
}

static void columns_put_text(struct strbuf *columns, const char *text)
{
    strbuf_append(columns, text, strlen(text) + 1);
}

/* By the field's place in the record. */
static const char *log_record_text(const struct log_record *record, size_t offset)
{
    const char *text;
    memcpy(&text, (const char *)record + offset, sizeof(text));
    return text;
}

static void columns_put_names(struct strbuf *columns, const struct log_record *records, size_t count,
                              size_t offset)
{
    CLEANUP(name_map_release) struct name_map names = {0};
    uint64_t places[LOG_BLOCK_ROWS];
    for (size_t i = 0; i < count; i++) {
        const char *name = log_record_text(&records[i], offset);
        places[i] = 0;
        if (!name)
            continue;
        const struct name_entry *known = name_map_find(&names, name, strlen(name));
        places[i] = known ? (uint64_t)known->id : names.count + 1;
        if (!known)
            name_map_add(&names, name, strlen(name), (int64_t)places[i], 0);
    }
    columns_put_number(columns, names.count);
    for (size_t i = 0; i < names.count; i++) {
        strbuf_append(columns, names.bytes + names.entries[i].offset, names.entries[i].length);
        strbuf_append(columns, "", 1);
    }
    for (size_t i = 0; i < count; i++)
        columns_put_number(columns, places[i]);
}

static void columns_put_texts(struct strbuf *columns, const struct log_record *records, size_t count,
                              size_t offset)
{
    char kinds[LOG_BLOCK_ROWS] = {0};
    const char *before = NULL;
    for (size_t i = 0; i < count; i++) {
        const char *text = log_record_text(&records[i], offset);
        bool same = text && before && strcmp(text, before) == 0;
        kinds[i] = !text ? COLUMN_NONE : same ? COLUMN_SAME : COLUMN_TEXT;
        before = text ? text : before;
    }
    strbuf_append(columns, kinds, count);
    for (size_t i = 0; i < count; i++)
        if (kinds[i] == COLUMN_TEXT)
            columns_put_text(columns, log_record_text(&records[i], offset));
}

void log_block_write(struct log_block_writer *writer, const struct log_record *records, size_t count,
                     struct log_block_header *ret_header)
{
    struct strbuf *columns = &writer->columns, *content = &writer->content;
    struct log_block_header header = {.row_count = (int64_t)count, .first_row = ret_header->first_row};
    columns->ceiling = content->ceiling = COLUMNS_MAX;
    strbuf_reset(columns);
    strbuf_reset(content);
    columns_put_number(columns, count);
    int64_t before = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t time = records[i].timestamp, step = time - before;
        columns_put_number(columns, (uint64_t)step << 1 ^ (step < 0 ? UINT64_MAX : 0));
        before = time;
        header.first_time = i == 0 || time < header.first_time ? time : header.first_time;
        header.last_time = i == 0 || time > header.last_time ? time : header.last_time;
    }
    for (size_t i = 0; i < count; i++) {
        strbuf_putc(columns, (char)records[i].level);
        header.levels |= LOG_LEVEL_BIT(records[i].level);
    }
    columns_put_names(columns, records, count, offsetof(struct log_record, source));
    columns_put_names(columns, records, count, offsetof(struct log_record, tenant_id));
    columns_put_texts(columns, records, count, offsetof(struct log_record, request_id));
    columns_put_texts(columns, records, count, offsetof(struct log_record, message));
    columns_put_texts(columns, records, count, offsetof(struct log_record, fields));

    if (!writer->context) {
        writer->context = ZSTD_createCCtx();
        if (!writer->context)
            fatal("no memory to compress log rows");
        ZSTD_CCtx_setParameter(writer->context, ZSTD_c_compressionLevel, ZSTD_LEVEL);
        ZSTD_CCtx_setParameter(writer->context, ZSTD_c_checksumFlag, 1);
    }
    size_t bound = ZSTD_compressBound(columns->length);
    char *to = strbuf_reserve(content, bound);
    size_t size = ZSTD_compress2(writer->context, to, bound, columns->bytes, columns->length);
    if (ZSTD_isError(size))
        fatal("log rows cannot be compressed: %s", ZSTD_getErrorName(size));
    content->length += size;
    *ret_header = header;
}

void log_block_writer_release(struct log_block_writer *writer)
{
    ZSTD_freeCCtx(writer->context);
    strbuf_release(&writer->columns);
    strbuf_release(&writer->content);
    *writer = (struct log_block_writer){0};
}

/* ---- reading ---- */

/* `failed` once something was not as it should be: then everything is 0 or "". */
struct columns_reader {
    const char *at, *end;
    bool failed;
};

static uint64_t columns_take_number(struct columns_reader *reader)
{
    uint64_t number = 0;
    for (unsigned shift = 0; reader->at < reader->end && shift < 64; shift += 7) {
        unsigned char byte = (unsigned char)*reader->at++;
        number |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80))
            return number;
    }
    reader->failed = true;
    return 0;
}

static const char *columns_take_text(struct columns_reader *reader)
{
    const char *text = reader->at;
    const char *end = memchr(text, '\0', (size_t)(reader->end - text));
    if (!end) {
        reader->failed = true;
        return "";
    }
    reader->at = end + 1;
    return text;
}

static const char *columns_take_bytes(struct columns_reader *reader, size_t count)
{
    static const char none[LOG_BLOCK_ROWS];
    const char *bytes = reader->at;
    if ((size_t)(reader->end - reader->at) < count) {
        reader->failed = true;
        return none;
    }
    reader->at += count;
    return bytes;
}

static void log_record_set_text(struct log_record *record, size_t offset, const char *text)
{
    memcpy((char *)record + offset, &text, sizeof(text));
}

static void columns_take_names(struct columns_reader *reader, struct log_block *block, size_t offset)
{
    const char *names[LOG_BLOCK_ROWS + 1] = {NULL};
    uint64_t count = columns_take_number(reader);
    reader->failed |= count > LOG_BLOCK_ROWS;
    for (uint64_t i = 1; i <= count && !reader->failed; i++)
        names[i] = columns_take_text(reader);
    for (size_t i = 0; i < block->row_count && !reader->failed; i++) {
        uint64_t place = columns_take_number(reader);
        reader->failed |= place > count;
        log_record_set_text(&block->records[i], offset, reader->failed ? NULL : names[place]);
    }
}

static void columns_take_texts(struct columns_reader *reader, struct log_block *block, size_t offset)
{
    const char *kinds = columns_take_bytes(reader, block->row_count), *before = NULL;
    for (size_t i = 0; i < block->row_count && !reader->failed; i++) {
        if (kinds[i] == COLUMN_TEXT)
            before = columns_take_text(reader);
        reader->failed |= kinds[i] < COLUMN_NONE || kinds[i] > COLUMN_SAME || (kinds[i] && !before);
        log_record_set_text(&block->records[i], offset, kinds[i] == COLUMN_NONE ? NULL : before);
    }
}

static bool log_block_parse(struct log_block *block, struct columns_reader *reader)
{
    uint64_t count = columns_take_number(reader);
    if (reader->failed || count == 0 || count > LOG_BLOCK_ROWS)
        return false;
    block->row_count = count;
    int64_t time = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t step = columns_take_number(reader);
        time = (int64_t)((uint64_t)time + (step >> 1 ^ (0 - (step & 1))));
        block->records[i] = (struct log_record){.timestamp = time};
    }
    const char *levels = columns_take_bytes(reader, count);
    for (size_t i = 0; i < count; i++)
        block->records[i].level = (enum log_level)(levels[i] & 3);
    columns_take_names(reader, block, offsetof(struct log_record, source));
    columns_take_names(reader, block, offsetof(struct log_record, tenant_id));
    columns_take_texts(reader, block, offsetof(struct log_record, request_id));
    columns_take_texts(reader, block, offsetof(struct log_record, message));
    columns_take_texts(reader, block, offsetof(struct log_record, fields));
    for (size_t i = 0; i < count && !reader->failed; i++)
        reader->failed = !block->records[i].message;
    return !reader->failed && reader->at == reader->end;
}

bool log_block_read(struct log_block *block, const void *content, size_t length, struct error *err)
{
    unsigned long long size = ZSTD_getFrameContentSize(content, length);
    bool known = size != ZSTD_CONTENTSIZE_ERROR && size != ZSTD_CONTENTSIZE_UNKNOWN && size <= COLUMNS_MAX;
    block->row_count = 0;
    if (!block->context && !(block->context = ZSTD_createDCtx()))
        fatal("no memory to decompress log rows");
    if (known && size > block->size) {
        free(block->bytes);
        block->bytes = xmalloc((size_t)size);
        block->size = (size_t)size;
    }
    struct columns_reader reader = {block->bytes, block->bytes + (known ? size : 0), false};
    if (known && size > 0 &&
        ZSTD_decompressDCtx(block->context, block->bytes, block->size, content, length) == size &&
        log_block_parse(block, &reader))
        return true;
    block->row_count = 0;
    return error_set(err, ERROR_DAMAGED, "A block of log rows cannot be read: run kimono check.",
                     "日志数据块无法读取：请运行 kimono check。");
}

void log_block_release(struct log_block *block)
{
    ZSTD_freeDCtx(block->context);
    free(block->bytes);
    block->context = block->bytes = NULL;
    block->size = block->row_count = 0;
}
