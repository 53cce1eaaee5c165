/* A growing byte buffer with a ceiling. The bytes are always followed by a NUL.
 *
 * Appending beyond the ceiling does nothing but set `overflowed`, which the owner checks once at the
 * end: the contents are then not to be used. `struct strbuf b = {0}` has STRBUF_CEILING. */
#ifndef KIMONO_BASE_STRBUF_H
#define KIMONO_BASE_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define STRBUF_CEILING ((size_t)64 << 20)

struct strbuf {
    char *bytes; /* NULL while empty; else length bytes and a NUL */
    size_t length, capacity;
    size_t ceiling; /* 0: STRBUF_CEILING */
    bool overflowed;
};

void strbuf_append(struct strbuf *buf, const void *bytes, size_t length);
void strbuf_puts(struct strbuf *buf, const char *text);
void strbuf_putc(struct strbuf *buf, char c);
void strbuf_printf(struct strbuf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Room for `length` more bytes; NULL beyond the ceiling. The caller writes there, then adds to length. */
char *strbuf_reserve(struct strbuf *buf, size_t length);
const char *strbuf_text(const struct strbuf *buf); /* "" while empty */
/* Hands the bytes to the caller, who frees them; the buffer is empty again. Never NULL. */
char *strbuf_detach(struct strbuf *buf, size_t *ret_length);
void strbuf_reset(struct strbuf *buf); /* empty, memory kept */
void strbuf_release(struct strbuf *buf);

#endif
