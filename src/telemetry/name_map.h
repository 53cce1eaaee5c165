/* A dictionary in memory: names (any bytes) to ids of a dictionary table. Only adds; forgetting is
 * all or nothing. Not for two threads at once. */
#ifndef KIMONO_TELEMETRY_NAME_MAP_H
#define KIMONO_TELEMETRY_NAME_MAP_H

#include <stddef.h>
#include <stdint.h>

struct name_entry {
    uint64_t hash;
    size_t offset, length; /* of the name in the map's bytes */
    int64_t id;            /* 0: an empty place */
    int64_t other;         /* the owner's own */
};

struct name_map {
    struct name_entry *entries;
    size_t count, capacity; /* capacity: 0 or a power of two */
    char *bytes;
    size_t bytes_used, bytes_size;
};

/* `struct name_map map = {0};` is an empty one. */
const struct name_entry *name_map_find(const struct name_map *map, const char *name, size_t length);
void name_map_add(struct name_map *map, const char *name, size_t length, int64_t id, int64_t other);
void name_map_release(struct name_map *map); /* empty again */

uint64_t hash_bytes(const void *bytes, size_t length);

#endif
