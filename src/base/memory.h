/* Memory: allocation that cannot fail, and the cleanup attribute.
 *
 * Out of memory ends the process with one line on standard error and status 1: the store is consistent at
 * every instant and a restart takes milliseconds, so no caller carries a path that is never tried.
 * What input can make grow has a ceiling of its own (arena.h, strbuf.h) and fails politely first. */
#ifndef KIMONO_BASE_MEMORY_H
#define KIMONO_BASE_MEMORY_H

#include <stddef.h>
#include <stdlib.h>

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *memory, size_t size);
char *xstrdup(const char *text);

/* Ends the process at once, status 1, with "kimono: …" on standard error: what the machine lacks (memory,
 * threads) and what to do. Not for errors of our own: those abort. */
_Noreturn void fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Runs `release(&variable)` when the variable goes out of scope, so that an early return is safe:
 *     CLEANUP(arena_release) struct arena arena = {0}; */
#define CLEANUP(release) __attribute__((cleanup(release)))

/* For CLEANUP on heap memory: `CLEANUP(free_pointer) char *text = …`. */
static inline void free_pointer(void *pointer)
{
    free(*(void **)pointer);
}

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
