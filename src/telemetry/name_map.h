/* A dictionary in memory: names (any bytes) to ids of a dictionary table. Only adds; forgetting is
 * all or nothing. Not for two threads at once. */
#ifndef KIMONO_TELEMETRY_NAME_MAP_H
#define KIMONO_TELEMETRY_NAME_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/slot_table.h"

struct name_entry {
    size_t offset, length; /* of the name in the map's bytes */
    int64_t id;
    int64_t other; /* the owner's own */
};

struct name_map {
    struct slot_table table;    /* of `entries` */
    struct name_entry *entries; /* in the order in which they were added */
    size_t count, room;
    char *bytes;
    size_t bytes_used, bytes_size;
};

/* `struct name_map map = {0};` is an empty one. What is found is there until something is added. */
const struct name_entry *name_map_find(const struct name_map *map, const char *name, size_t length);
void name_map_add(struct name_map *map, const char *name, size_t length, int64_t id, int64_t other);
void name_map_release(struct name_map *map); /* empty again */

uint64_t hash_bytes(const void *bytes, size_t length);

#endif
