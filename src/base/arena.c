#include "base/arena.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

struct arena_block {
    struct arena_block *older;
    size_t size, used;
    alignas(max_align_t) unsigned char bytes[];
};

#define FIRST_BLOCK 4096
#define LARGEST_BLOCK ((size_t)1 << 20)

static size_t arena_aligned(size_t size)
{
    return (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
}

/* ---- the mark ---- */

static _Thread_local const struct arena *overrun; /* the first that went over */
static atomic_int_fast64_t overrun_count;

static void mark_overrun(const struct arena *arena)
{
    if (overrun)
        return;
    char thread[16] = "";
    overrun = arena;
    atomic_fetch_add_explicit(&overrun_count, 1, memory_order_relaxed);
    pthread_getname_np(pthread_self(), thread, sizeof(thread));
    log_warn("memory", "work on the thread %s took more than the %zu KiB that it may: it gets no more rows",
             thread, (arena->ceiling ? arena->ceiling : ARENA_CEILING) / 1024);
}

static void unmark_overrun(const struct arena *arena)
{
    if (overrun == arena)
        overrun = NULL;
}

bool arena_overrun(void)
{
    return overrun != NULL;
}

void arena_forget_overrun(void)
{
    overrun = NULL;
}

int64_t arena_overrun_count(void)
{
    return atomic_load_explicit(&overrun_count, memory_order_relaxed);
}

/* ---- memory ---- */

static void arena_add_block(struct arena *arena, size_t need)
{
    size_t size = arena->blocks ? arena->blocks->size * 2 : FIRST_BLOCK;
    if (size > LARGEST_BLOCK)
        size = LARGEST_BLOCK;
    size_t ceiling = arena->ceiling ? arena->ceiling : ARENA_CEILING;
    size_t left = arena->allocated < ceiling ? ceiling - arena->allocated : 0;
    if (size > left) /* the last block takes what is left */
        size = left;
    if (size < need)
        size = need;
    struct arena_block *block = xmalloc(sizeof(*block) + size);
    block->older = arena->blocks;
    block->size = size;
    block->used = 0;
    ASAN_POISON_MEMORY_REGION(block->bytes, size);
    arena->blocks = block;
    arena->allocated += size;
}

static bool arena_has_room(const struct arena *arena, size_t need)
{
    const struct arena_block *block = arena->blocks;
    return block && block->size - block->used >= need;
}

static bool arena_is_within(const struct arena *arena, size_t need)
{
    size_t ceiling = arena->ceiling ? arena->ceiling : ARENA_CEILING;
    return arena_has_room(arena, need) || (need <= ceiling && arena->allocated <= ceiling - need);
}

static void *arena_take(struct arena *arena, size_t size, size_t need)
{
    if (!arena_has_room(arena, need))
        arena_add_block(arena, need);
    struct arena_block *block = arena->blocks;
    void *memory = block->bytes + block->used;
    block->used += need;
    ASAN_UNPOISON_MEMORY_REGION(memory, size);
    return memset(memory, 0, size);
}

void *arena_try_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2) /* so that rounding up cannot wrap */
        return NULL;
    size_t need = arena_aligned(size ? size : 1);
    return arena_is_within(arena, need) ? arena_take(arena, size, need) : NULL;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t need = arena_aligned(size < SIZE_MAX / 2 ? (size ? size : 1) : SIZE_MAX / 2);
    if (!arena_is_within(arena, need))
        mark_overrun(arena);
    return arena_take(arena, size, need);
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);
    memcpy(copy, text, length);
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return text ? arena_strndup(arena, text, strlen(text)) : NULL;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = arena_alloc(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

static void arena_free_older(struct arena *arena, struct arena_block *block)
{
    while (block) {
        struct arena_block *older = block->older;
        arena->allocated -= block->size;
        ASAN_UNPOISON_MEMORY_REGION(block->bytes, block->size);
        free(block);
        block = older;
    }
}

void arena_reset(struct arena *arena)
{
    struct arena_block *newest = arena->blocks;
    if (!newest)
        return;
    arena_free_older(arena, newest->older);
    newest->older = NULL;
    newest->used = 0;
    ASAN_POISON_MEMORY_REGION(newest->bytes, newest->size);
    unmark_overrun(arena);
}

void arena_release(struct arena *arena)
{
    arena_free_older(arena, arena->blocks);
    arena->blocks = NULL;
    unmark_overrun(arena);
}
