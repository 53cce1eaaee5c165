#include "ops/transfer/import_repeats.h"

#include <string.h>

#include "base/memory.h"

/* 4 MiB: with a million questions 3 % are kept needlessly, half a megabyte. */
#define MAP_BITS ((uint64_t)1 << 25)

struct entry {
    uint64_t hash;
    int64_t last_row; /* 0: the slot is free; negative: seen in the second reading */
};

struct repeats {
    uint64_t *map;
    struct entry *entries; /* open addressing; a power of two, at most half full */
    size_t capacity, count;
};

struct repeats *repeats_new(void)
{
    struct repeats *repeats = xcalloc(1, sizeof(*repeats));
    repeats->map = xcalloc(MAP_BITS / 64, sizeof(uint64_t));
    repeats->capacity = 256;
    repeats->entries = xcalloc(repeats->capacity, sizeof(struct entry));
    return repeats;
}

void repeats_free(struct repeats *repeats)
{
    if (!repeats)
        return;
    free(repeats->map);
    free(repeats->entries);
    free(repeats);
}

/* The entry of this hash, or the free slot where it belongs. */
static struct entry *slot_of(const struct repeats *repeats, uint64_t hash)
{
    size_t at = (size_t)hash & (repeats->capacity - 1);
    while (repeats->entries[at].last_row != 0 && repeats->entries[at].hash != hash)
        at = (at + 1) & (repeats->capacity - 1);
    return &repeats->entries[at];
}

static void grow(struct repeats *repeats)
{
    struct entry *old = repeats->entries;
    size_t old_capacity = repeats->capacity;
    repeats->capacity *= 2;
    repeats->entries = xcalloc(repeats->capacity, sizeof(struct entry));
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i].last_row != 0)
            *slot_of(repeats, old[i].hash) = old[i];
    free(old);
}

void repeats_note(struct repeats *repeats, uint64_t hash, int64_t row)
{
    uint64_t bit = (hash >> 32) % MAP_BITS, mask = (uint64_t)1 << (bit & 63);
    bool maybe_before = repeats->map[bit / 64] & mask;
    repeats->map[bit / 64] |= mask;
    if (!maybe_before)
        return;
    struct entry *entry = slot_of(repeats, hash);
    if (entry->last_row == 0 && ++repeats->count * 2 > repeats->capacity) {
        grow(repeats);
        entry = slot_of(repeats, hash);
    }
    *entry = (struct entry){hash, row};
}

void repeats_look(struct repeats *repeats, uint64_t hash, int64_t row, bool *ret_earlier, bool *ret_later)
{
    struct entry *entry = slot_of(repeats, hash);
    bool kept = entry->last_row != 0, seen = entry->last_row < 0;
    int64_t last = seen ? -entry->last_row : entry->last_row;
    *ret_earlier = seen;
    *ret_later = kept && row < last;
    if (kept)
        entry->last_row = -last;
}
