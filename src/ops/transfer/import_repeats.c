#include "ops/transfer/import_repeats.h"

#include "base/memory.h"
#include "base/slot_table.h"

/* 4 MiB: with a million questions 3 % are kept needlessly, half a megabyte. */
#define MAP_BITS ((uint64_t)1 << 25)

struct repeat {
    uint64_t hash;
    int64_t last_row; /* negative: seen in the second reading */
};

struct repeats {
    uint64_t *map;
    struct slot_table table; /* of places in `kept` */
    struct repeat *kept;
    size_t room;
};

struct repeats *repeats_new(void)
{
    struct repeats *repeats = xcalloc(1, sizeof(*repeats));
    repeats->map = xcalloc(MAP_BITS / 64, sizeof(uint64_t));
    return repeats;
}

void repeats_free(struct repeats *repeats)
{
    if (!repeats)
        return;
    slot_table_release(&repeats->table);
    free(repeats->map);
    free(repeats->kept);
    free(repeats);
}

static struct repeat *repeats_find(const struct repeats *repeats, uint64_t hash)
{
    struct slot_cursor cursor = slot_table_lookup(&repeats->table, hash);
    for (uint32_t slot; (slot = slot_table_next(&repeats->table, &cursor)) != SLOT_NONE;)
        if (repeats->kept[slot].hash == hash)
            return &repeats->kept[slot];
    return NULL;
}

void repeats_note(struct repeats *repeats, uint64_t hash, int64_t row)
{
    uint64_t bit = (hash >> 32) % MAP_BITS, mask = (uint64_t)1 << (bit & 63);
    bool maybe_before = repeats->map[bit / 64] & mask;
    repeats->map[bit / 64] |= mask;
    if (!maybe_before)
        return;
    struct repeat *repeat = repeats_find(repeats, hash);
    if (!repeat) {
        size_t count = repeats->table.count;
        if (count == repeats->room) {
            repeats->room = repeats->room ? repeats->room * 2 : 256;
            repeats->kept = xrealloc(repeats->kept, repeats->room * sizeof(*repeats->kept));
        }
        slot_table_add(&repeats->table, hash, (uint32_t)count);
        repeat = &repeats->kept[count];
    }
    *repeat = (struct repeat){hash, row};
}

void repeats_look(struct repeats *repeats, uint64_t hash, int64_t row, bool *ret_earlier, bool *ret_later)
{
    struct repeat *repeat = repeats_find(repeats, hash);
    *ret_earlier = *ret_later = false;
    if (!repeat)
        return;
    int64_t last = repeat->last_row < 0 ? -repeat->last_row : repeat->last_row;
    *ret_earlier = repeat->last_row < 0;
    *ret_later = row < last;
    repeat->last_row = -last;
}
