#include "telemetry/log_queue.h"

#include <string.h>

#include "base/memory.h"
#include "telemetry/log_redaction.h"

#define CHUNK_BYTES ((size_t)64 << 10)
#define BYTES_CEILING ((size_t)64 << 20)

struct log_chunk {
    struct log_chunk *next;
    size_t used, size, listed; /* bytes; `listed`: of them in log_taken.records already */
    char bytes[] __attribute__((aligned(8)));
};

/* A record as it lies in a chunk: its strings follow, each with a NUL. */
struct log_entry {
    size_t size; /* with the strings, a multiple of 8 */
    struct log_record record;
};

enum { STRINGS = 5 };

static struct log_chunk *log_queue_chunk_for(struct log_queue *queue, size_t size)
{
    struct log_chunk *chunk = queue->last;
    if (chunk && chunk->size - chunk->used >= size)
        return chunk;
    size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;
    chunk = xmalloc(sizeof(*chunk) + room);
    *chunk = (struct log_chunk){.size = room};
    *(queue->last ? &queue->last->next : &queue->first) = chunk;
    queue->last = chunk;
    return chunk;
}

bool log_queue_put(struct log_queue *queue, const struct log_record *record, int64_t timestamp)
{
    const char *strings[STRINGS] = {record->source, record->message, record->tenant_id, record->request_id,
                                    record->fields};
    size_t lengths[STRINGS], size = sizeof(struct log_entry);
    for (int i = 0; i < STRINGS; i++) {
        lengths[i] = strings[i] ? strlen(strings[i]) + 1 : 0;
        size += lengths[i];
    }
    size = (size + 7) & ~(size_t)7;
    if (size > BYTES_CEILING - queue->bytes)
        return false;
    struct log_chunk *chunk = log_queue_chunk_for(queue, size);
    struct log_entry *entry = (struct log_entry *)(void *)(chunk->bytes + chunk->used);
    char *at = (char *)(entry + 1);
    const char *copies[STRINGS];
    for (int i = 0; i < STRINGS; i++) {
        copies[i] = lengths[i] ? memcpy(at, strings[i], lengths[i]) : NULL;
        at += lengths[i];
    }
    *entry = (struct log_entry){size,
                                {.timestamp = timestamp,
                                 .level = record->level,
                                 .source = copies[0],
                                 .message = copies[1],
                                 .tenant_id = copies[2],
                                 .request_id = copies[3],
                                 .fields = copies[4]}};
    chunk->used += size;
    queue->bytes += size;
    queue->count++;
    return true;
}

void log_queue_take(struct log_queue *queue, struct log_taken *taken)
{
    struct log_chunk **end = &taken->chunks;
    while (*end)
        end = &(*end)->next;
    *end = queue->first;
    for (struct log_chunk *chunk = queue->first; chunk; chunk = chunk->next)
        taken->bytes += chunk->used;
    *queue = (struct log_queue){.bytes = queue->bytes};
}

void log_taken_list(struct log_taken *taken)
{
    taken->redacted.ceiling = 2 * BYTES_CEILING; /* of what is taken, masked texts can double at most */
    for (struct log_chunk *chunk = taken->chunks; chunk; chunk = chunk->next)
        while (chunk->listed < chunk->used) {
            struct log_entry *entry = (struct log_entry *)(void *)(chunk->bytes + chunk->listed);
            if (taken->count == taken->room) {
                taken->room = taken->room ? taken->room * 2 : 1024;
                taken->records = xrealloc(taken->records, taken->room * sizeof(const struct log_record *));
            }
            entry->record = log_record_redacted(&entry->record, &taken->redacted);
            taken->records[taken->count++] = &entry->record;
            chunk->listed += entry->size;
        }
}

void log_taken_release(struct log_taken *taken)
{
    while (taken->chunks) {
        struct log_chunk *next = taken->chunks->next;
        free(taken->chunks);
        taken->chunks = next;
    }
    free(taken->records);
    arena_release(&taken->redacted);
    *taken = (struct log_taken){0};
}
