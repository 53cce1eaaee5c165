#include "telemetry/name_map.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define ENTRIES_FIRST 32

static uint64_t hash_mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ (hash >> 32);
}

/* Eight bytes at a time: names of 50 bytes are hashed for every usage row. Not for hostile input:
 * a map has a ceiling at its owner, and lookups compare the bytes. */
uint64_t hash_bytes(const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    uint64_t hash = length, word;
    for (; length >= sizeof(word); length -= sizeof(word), at += sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        hash = hash_mix(hash, word);
    }
    word = 0;
    memcpy(&word, at, length);
    return hash_mix(hash_mix(hash, word), 0);
}

const struct name_entry *name_map_find(const struct name_map *map, const char *name, size_t length)
{
    struct slot_cursor cursor = slot_table_lookup(&map->table, hash_bytes(name, length));
    for (uint32_t slot; (slot = slot_table_next(&map->table, &cursor)) != SLOT_NONE;) {
        const struct name_entry *entry = &map->entries[slot];
        if (entry->length == length && memcmp(map->bytes + entry->offset, name, length) == 0)
            return entry;
    }
    return NULL;
}

void name_map_add(struct name_map *map, const char *name, size_t length, int64_t id, int64_t other)
{
    if (map->count == map->room) {
        map->room = map->room ? map->room * 2 : ENTRIES_FIRST;
        map->entries = xrealloc(map->entries, map->room * sizeof(*map->entries));
    }
    while (map->bytes_size <= map->bytes_used + length) {
        map->bytes_size = map->bytes_size ? map->bytes_size * 2 : 4096;
        map->bytes = xrealloc(map->bytes, map->bytes_size);
    }
    if (length)
        memcpy(map->bytes + map->bytes_used, name, length);
    slot_table_add(&map->table, hash_bytes(name, length), (uint32_t)map->count);
    map->entries[map->count++] = (struct name_entry){map->bytes_used, length, id, other};
    map->bytes_used += length;
}

void name_map_release(struct name_map *map)
{
    slot_table_release(&map->table);
    free(map->entries);
    free(map->bytes);
    *map = (struct name_map){0};
}
