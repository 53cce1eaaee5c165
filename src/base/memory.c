#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Neither allocates nor takes stdio's lock, which the thread that failed may hold. */
void fatal(const char *format, ...)
{
    char line[512] = "kimono: ";
    size_t length = strlen(line);
    va_list args;
    va_start(args, format);
    int more = vsnprintf(line + length, sizeof(line) - length - 1, format, args);
    va_end(args);
    length += more < 0                                   ? 0
              : (size_t)more < sizeof(line) - length - 1 ? (size_t)more
                                                         : sizeof(line) - length - 2;
    line[length++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, length);
    (void)written;
    _exit(EXIT_FAILURE);
}

static void *allocated_or_fatal(void *memory, size_t size)
{
    if (memory || size == 0)
        return memory;
    fatal("out of memory (%zu bytes asked for): give it more (MemoryMax=, ulimit -v), and start it again",
          size);
}

void *xmalloc(size_t size)
{
    return allocated_or_fatal(malloc(size ? size : 1), size);
}

void *xcalloc(size_t count, size_t size)
{
    return allocated_or_fatal(calloc(count ? count : 1, size ? size : 1), size);
}

void *xrealloc(void *memory, size_t size)
{
    return allocated_or_fatal(realloc(memory, size ? size : 1), size);
}

char *xstrdup(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(xmalloc(size), text, size);
}
