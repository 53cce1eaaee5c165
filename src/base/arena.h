/* An arena: memory for the length of one request or job, released as a whole. Blocks double up to 1 MiB. Not for
 * use by two threads at once.
 *
 * Its ceiling (default 64 MiB) says how much one piece of work may take, and is kept without anybody who allocates
 * having to ask. arena_alloc never fails: over the ceiling it still gives what is asked for, but marks the thread,
 * and from then on whatever this thread reads from a store, or changes in one, fails with ERROR_TOO_LARGE
 * (store/db.c). So work that grows with what is stored ends at the next row, on the path that it has for errors
 * anyway, a request with 413, a job as failed, a write taken back; and no input ends the process. What grows without
 * reading rows is bounded where it grows; arena_try_alloc is for that.
 *
 * The mark goes when the arena is emptied. Whoever runs pieces of work that bring their arenas along (a request, a
 * write) takes it off before each. */
#ifndef KIMONO_BASE_ARENA_H
#define KIMONO_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARENA_CEILING ((size_t)64 << 20)

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t allocated;           /* bytes taken from the heap */
    size_t ceiling;             /* 0: ARENA_CEILING */
};

/* `struct arena arena = {0};` is a ready, empty arena. */
void *arena_alloc(struct arena *arena, size_t size);       /* zeroed, aligned for any type; never NULL */
void *arena_try_alloc(struct arena *arena, size_t size);   /* NULL beyond the ceiling */
char *arena_strdup(struct arena *arena, const char *text); /* NULL for NULL */
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
void arena_reset(struct arena *arena);   /* empties it, keeps the newest block for reuse */
void arena_release(struct arena *arena); /* frees all; the arena may be used again */

bool arena_overrun(void);          /* this thread is marked */
void arena_forget_overrun(void);   /* a piece of work begins on it */
int64_t arena_overrun_count(void); /* marks since the start, of all threads */

#endif
