/* formats/csv, text_encoding, cell_guard, csv_writer: the first byte chooses the encoding (or to guess it)
 * and the delimiter, the second how much a read gives. What is read is UTF-8; written again it reads as the
 * same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "formats/cell_guard.h"
#include "formats/csv.h"
#include "formats/csv_writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct memory {
    const char *bytes;
    size_t length, at, step;
};

static ssize_t read_memory(void *context, void *bytes, size_t size)
{
    struct memory *memory = context;
    size_t left = memory->length - memory->at, take = left < memory->step ? left : memory->step;
    take = take < size ? take : size;
    memcpy(bytes, memory->bytes + memory->at, take);
    memory->at += take;
    return (ssize_t)take;
}

/* For each row the count of its fields (two bytes), then the fields, each with a NUL. */
static bool keep_row(void *context, const struct table_row *row, struct error *err)
{
    (void)err;
    struct strbuf *out = context;
    uint16_t count = (uint16_t)row->count;
    strbuf_append(out, &count, sizeof(count));
    for (size_t i = 0; i < row->count; i++) {
        if (!utf8_valid(row->fields[i], strlen(row->fields[i])))
            abort();
        const char *field = cell_guard_decode(row->fields[i]);
        strbuf_append(out, field, strlen(field) + 1);
    }
    return true;
}

static bool write_bytes(void *context, const char *bytes, size_t length, struct error *err)
{
    (void)err;
    strbuf_append(context, bytes, length);
    return true;
}

static void write_again(const struct strbuf *rows, struct strbuf *out)
{
    struct byte_sink sink = {write_bytes, out};
    struct csv_writer writer;
    struct error err;
    const char *fields[CSV_COLUMNS_MAX], *at = strbuf_text(rows), *end = at + rows->length;
    csv_writer_init(&writer, &sink, true); /* with its mark: a text may begin with U+FEFF */
    while (at < end) {
        uint16_t count;
        memcpy(&count, at, sizeof(count));
        at += sizeof(count);
        for (size_t i = 0; i < count; i++, at += strlen(at) + 1)
            fields[i] = at;
        if (!csv_writer_row(&writer, fields, count, &err))
            abort();
    }
    if (!csv_writer_finish(&writer, &err))
        abort();
    csv_writer_release(&writer);
}

static bool read_bytes(const char *bytes, size_t length, size_t step, struct csv_form form,
                       struct strbuf *rows)
{
    struct memory memory = {bytes, length, 0, step};
    struct byte_source source = {read_memory, &memory};
    struct error err;
    error_clear(&err);
    bool good = csv_read_form(&source, &form, keep_row, rows, &err);
    if (good ? form.encoding == TEXT_ENCODING_UNKNOWN : err.detail[LANGUAGE_EN][0] == '\0')
        abort();
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    static const char delimiters[] = {0, ',', ';', '\t'};
    struct csv_form form = {.encoding = (enum text_encoding)(data[0] % TEXT_ENCODING_COUNT),
                            .delimiter = delimiters[data[0] / 16 % 4]};
    struct strbuf rows = {0}, written = {0}, again = {0};
    char *text = malloc(size > 2 ? size - 2 : 1); /* of exact size, so that a byte too far is seen */
    memcpy(text, data + 2, size - 2);
    if (read_bytes(text, size - 2, data[1] + 1u, form, &rows)) {
        write_again(&rows, &written);
        struct csv_form ours = {.encoding = TEXT_ENCODING_UTF8, .delimiter = ','};
        if (!read_bytes(strbuf_text(&written), written.length, 65536, ours, &again) ||
            again.length != rows.length || memcmp(strbuf_text(&again), strbuf_text(&rows), rows.length) != 0)
            abort();
    }
    strbuf_release(&rows);
    strbuf_release(&written);
    strbuf_release(&again);
    free(text);
    return 0;
}
