#include "base/strbuf.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

char *strbuf_reserve(struct strbuf *buf, size_t length)
{
    size_t ceiling = buf->ceiling ? buf->ceiling : STRBUF_CEILING;
    if (buf->overflowed || length >= ceiling || buf->length > ceiling - length - 1) {
        buf->overflowed = true;
        return NULL;
    }
    size_t need = buf->length + length + 1;
    if (need > buf->capacity) {
        size_t capacity = buf->capacity ? buf->capacity : 256;
        while (capacity < need)
            capacity *= 2;
        buf->bytes = xrealloc(buf->bytes, capacity);
        buf->capacity = capacity;
    }
    return buf->bytes + buf->length;
}

void strbuf_append(struct strbuf *buf, const void *bytes, size_t length)
{
    char *room = strbuf_reserve(buf, length);
    if (!room)
        return;
    if (length)
        memcpy(room, bytes, length);
    buf->length += length;
    buf->bytes[buf->length] = '\0';
}

void strbuf_puts(struct strbuf *buf, const char *text)
{
    strbuf_append(buf, text, strlen(text));
}

void strbuf_putc(struct strbuf *buf, char c)
{
    strbuf_append(buf, &c, 1);
}

void strbuf_printf(struct strbuf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *room = length < 0 ? NULL : strbuf_reserve(buf, (size_t)length);
    if (room) {
        vsnprintf(room, (size_t)length + 1, format, again);
        buf->length += (size_t)length;
    }
    va_end(again);
}

const char *strbuf_text(const struct strbuf *buf)
{
    return buf->bytes ? buf->bytes : "";
}

char *strbuf_detach(struct strbuf *buf, size_t *ret_length)
{
    char *bytes = buf->bytes ? buf->bytes : xstrdup("");
    if (ret_length)
        *ret_length = buf->length;
    size_t ceiling = buf->ceiling;
    *buf = (struct strbuf){.ceiling = ceiling};
    return bytes;
}

void strbuf_reset(struct strbuf *buf)
{
    buf->length = 0;
    buf->overflowed = false;
    if (buf->bytes)
        buf->bytes[0] = '\0';
}

void strbuf_release(struct strbuf *buf)
{
    free(buf->bytes);
    *buf = (struct strbuf){.ceiling = buf->ceiling};
}
