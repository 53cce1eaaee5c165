/* http/multipart: forms as they come from outside. What comes out must not depend on how the bytes were
 * cut into pieces, and names are UTF-8 without control characters. The first byte chooses the pieces. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "http/disposition.h"
#include "http/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_name(const char *name)
{
    if (!utf8_valid(name, strlen(name)))
        abort();
    for (; *name; name++)
        if ((unsigned char)*name < 0x20 && *name != '\t')
            abort();
}

static bool on_begin(void *context, const struct multipart_part *part, struct error *err)
{
    (void)err;
    require_name(part->name);
    if (part->name[0] == '\0' || (part->filename && strpbrk(part->filename, "/\\")))
        abort();
    if (part->filename)
        require_name(part->filename);
    strbuf_printf(context, "[%s|%s|%s]", part->name, part->filename ? part->filename : "",
                  part->content_type);
    return true;
}

static bool on_data(void *context, const char *bytes, size_t length, struct error *err)
{
    (void)err;
    strbuf_append(context, bytes, length);
    return true;
}

static bool on_end(void *context, struct error *err)
{
    (void)err;
    strbuf_puts(context, "[end]");
    return true;
}

static bool read_form(const char *bytes, size_t size, size_t piece, struct strbuf *out)
{
    const struct multipart_events events = {out, on_begin, on_data, on_end};
    struct multipart *multipart;
    struct error err;
    bool good = true;
    if (!multipart_open(&multipart, "multipart/form-data; boundary=b", &events, &err))
        abort();
    while (size > 0 && good) {
        size_t length = size < piece ? size : piece;
        char *copy = xmalloc(length); /* of its own size: an overrun shows */
        memcpy(copy, bytes, length);
        good = multipart_feed(multipart, copy, length, &err);
        free(copy);
        bytes += length;
        size -= length;
    }
    good = good && multipart_finish(multipart, &err);
    multipart_close(multipart);
    return good;
}

static void try_parameters(const char *text)
{
    CLEANUP(arena_release) struct arena arena = {0};
    const char *value;
    if (http_header_parameter(&arena, text, "name", &value) && value && strlen(value) > strlen(text))
        abort();
    struct error err;
    struct multipart *multipart;
    const struct multipart_events events = {0};
    if (multipart_open(&multipart, text, &events, &err))
        multipart_close(multipart);
    const char *header = http_attachment(&arena, text);
    if (strpbrk(header, "\r\n"))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct strbuf whole = {0}, pieces = {0};
    size_t piece = 1 + data[0] % 64;
    CLEANUP(free_pointer) char *text = xmalloc(size);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    bool good = read_form(text, size - 1, size, &whole);
    if (read_form(text, size - 1, piece, &pieces) != good)
        abort();
    if (whole.length != pieces.length ||
        (whole.length > 0 && memcmp(whole.bytes, pieces.bytes, whole.length) != 0))
        abort();
    try_parameters(text);
    strbuf_release(&whole);
    strbuf_release(&pieces);
    return 0;
}
