#include "base/memory.h"

#include <stdio.h>
#include <string.h>

static void *or_die(void *memory, size_t size)
{
    if (memory || size == 0)
        return memory;
    fprintf(stderr, "kimono: out of memory (%zu bytes asked for); start it again\n", size);
    abort();
}

void *xmalloc(size_t size)
{
    return or_die(malloc(size ? size : 1), size);
}

void *xcalloc(size_t count, size_t size)
{
    return or_die(calloc(count ? count : 1, size ? size : 1), size);
}

void *xrealloc(void *memory, size_t size)
{
    return or_die(realloc(memory, size ? size : 1), size);
}

char *xstrdup(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(xmalloc(size), text, size);
}
