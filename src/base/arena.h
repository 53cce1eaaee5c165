/* An arena: memory for the length of one request or job, released as a whole.
 *
 * The first block lies in the struct's owner's hands or on the heap; blocks double up to 1 MiB. A
 * ceiling (default 64 MiB) keeps one request from eating the machine: beyond it arena_alloc returns
 * NULL only for arena_try_alloc; arena_alloc ends the process, so whatever input can make large
 * goes through arena_try_alloc or a strbuf. Not for use by two threads at once. */
#ifndef KIMONO_BASE_ARENA_H
#define KIMONO_BASE_ARENA_H

#include <stddef.h>

#define ARENA_CEILING ((size_t)64 << 20)

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t allocated;           /* bytes taken from the heap */
    size_t ceiling;             /* 0: ARENA_CEILING */
};

/* `struct arena arena = {0};` is a ready, empty arena. */
void *arena_alloc(struct arena *arena, size_t size);       /* zeroed, aligned for any type */
void *arena_try_alloc(struct arena *arena, size_t size);   /* NULL beyond the ceiling */
char *arena_strdup(struct arena *arena, const char *text); /* NULL for NULL */
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
void arena_reset(struct arena *arena);   /* empties it, keeps the newest block for reuse */
void arena_release(struct arena *arena); /* frees all; the arena may be used again */

#endif
