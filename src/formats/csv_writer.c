#include "formats/csv_writer.h"

#include <string.h>

#include "formats/cell_guard.h"

#define FLUSH_AT ((size_t)64 << 10)

void csv_writer_init(struct csv_writer *writer, const struct byte_sink *sink, bool byte_order_mark)
{
    *writer = (struct csv_writer){.sink = sink, .delimiter = ','};
    if (byte_order_mark)
        strbuf_puts(&writer->waiting, "\xEF\xBB\xBF");
}

void csv_writer_release(struct csv_writer *writer)
{
    strbuf_release(&writer->waiting);
}

bool csv_writer_finish(struct csv_writer *writer, struct error *err)
{
    if (writer->waiting.overflowed)
        return error_set(err, ERROR_INTERNAL, "a row is larger than 64 MiB", "有一行超过 64 MiB");
    if (writer->waiting.length > 0 &&
        !writer->sink->write(writer->sink->context, writer->waiting.bytes, writer->waiting.length, err))
        return false;
    strbuf_reset(&writer->waiting);
    return true;
}

/* A row that is one empty field would be an empty line, which is no row. */
static bool csv_needs_quotes(const char *text, bool alone)
{
    size_t length = strlen(text);
    if (length == 0)
        return alone;
    return strpbrk(text, ",\";\t\r\n") || text[0] == ' ' || text[length - 1] == ' ';
}

static void csv_write_field(struct strbuf *out, const char *text, bool alone)
{
    bool guarded = cell_guard_text_needs(text);
    if (!csv_needs_quotes(text, alone)) {
        strbuf_puts(out, guarded ? "'" : "");
        strbuf_puts(out, text);
        return;
    }
    strbuf_puts(out, guarded ? "\"'" : "\"");
    for (const char *quote; (quote = strchr(text, '"')); text = quote + 1) {
        strbuf_append(out, text, (size_t)(quote - text));
        strbuf_puts(out, "\"\"");
    }
    strbuf_puts(out, text);
    strbuf_putc(out, '"');
}

bool csv_writer_row(struct csv_writer *writer, const char *const *fields, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            strbuf_putc(&writer->waiting, writer->delimiter);
        csv_write_field(&writer->waiting, fields[i] ? fields[i] : "", count == 1);
    }
    strbuf_puts(&writer->waiting, "\r\n");
    return writer->waiting.length < FLUSH_AT || csv_writer_finish(writer, err);
}
