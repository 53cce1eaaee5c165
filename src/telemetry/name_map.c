#include "telemetry/name_map.h"

#include <string.h>

#include "base/memory.h"

#define CAPACITY_FIRST 64

static uint64_t mix(uint64_t hash, uint64_t word)
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
        hash = mix(hash, word);
    }
    word = 0;
    memcpy(&word, at, length);
    return mix(mix(hash, word), 0);
}

static struct name_entry *place_of(const struct name_map *map, const char *name, size_t length, uint64_t hash)
{
    size_t mask = map->capacity - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct name_entry *entry = &map->entries[i];
        if (entry->id == 0)
            return entry;
        if (entry->hash == hash && entry->length == length &&
            memcmp(map->bytes + entry->offset, name, length) == 0)
            return entry;
    }
}

const struct name_entry *name_map_find(const struct name_map *map, const char *name, size_t length)
{
    if (map->capacity == 0)
        return NULL;
    const struct name_entry *entry = place_of(map, name, length, hash_bytes(name, length));
    return entry->id ? entry : NULL;
}

static void grow(struct name_map *map)
{
    struct name_entry *old = map->entries;
    size_t old_capacity = map->capacity;
    map->capacity = old_capacity ? old_capacity * 2 : CAPACITY_FIRST;
    map->entries = xcalloc(map->capacity, sizeof(*map->entries));
    size_t mask = map->capacity - 1;
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].id == 0)
            continue;
        size_t at = old[i].hash & mask;
        while (map->entries[at].id)
            at = (at + 1) & mask;
        map->entries[at] = old[i];
    }
    free(old);
}

static size_t keep_bytes(struct name_map *map, const char *name, size_t length)
{
    while (map->bytes_size <= map->bytes_used + length) {
        map->bytes_size = map->bytes_size ? map->bytes_size * 2 : 4096;
        map->bytes = xrealloc(map->bytes, map->bytes_size);
    }
    size_t offset = map->bytes_used;
    if (length)
        memcpy(map->bytes + offset, name, length);
    map->bytes_used += length;
    return offset;
}

void name_map_add(struct name_map *map, const char *name, size_t length, int64_t id, int64_t other)
{
    if (map->count * 2 >= map->capacity)
        grow(map);
    uint64_t hash = hash_bytes(name, length);
    size_t offset = keep_bytes(map, name, length);
    *place_of(map, name, length, hash) = (struct name_entry){hash, offset, length, id, other};
    map->count++;
}

void name_map_release(struct name_map *map)
{
    free(map->entries);
    free(map->bytes);
    *map = (struct name_map){0};
}
