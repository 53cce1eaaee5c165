/* A hash table of 32-bit numbers, each a position in an array of the owner's that holds the key.
 *
 * The owner hashes its key to 64 bits, walks the candidates and compares the keys itself, so one
 * table serves for dictionaries and for identifiers, at 8 bytes a cell:
 *
 *     struct slot_cursor cursor = slot_table_lookup(&table, hash);
 *     for (uint32_t slot; (slot = slot_table_next(&table, &cursor)) != SLOT_NONE;)
 *         if (things[slot].key == key)
 *             return slot;
 *
 * Open addressing with linear probing, at most three quarters full; a removal moves the followers
 * back (Knuth, The Art of Computer Programming 3, 6.4, algorithm R), so there are no tombstones and
 * a table that is used for years stays as fast as a new one. It never shrinks.
 * `struct slot_table table = {0};` is empty and ready; release with slot_table_release.
 * Readers may run at once, a writer only alone. At most 2^31 numbers. */
#ifndef KIMONO_BASE_SLOT_TABLE_H
#define KIMONO_BASE_SLOT_TABLE_H

#include <stddef.h>
#include <stdint.h>

#define SLOT_NONE UINT32_MAX

struct slot_cell;

struct slot_table {
    struct slot_cell *cells;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
};

struct slot_cursor {
    size_t at;
    uint32_t tag;
};

struct slot_cursor slot_table_lookup(const struct slot_table *table, uint64_t hash);
uint32_t slot_table_next(const struct slot_table *table, struct slot_cursor *cursor);

/* Adds `slot` (not SLOT_NONE) under `hash`; the caller has made sure that it is not there. */
void slot_table_add(struct slot_table *table, uint64_t hash, uint32_t slot);

/* Removes what slot_table_add added with the same two numbers; nothing if there is no such. */
void slot_table_remove(struct slot_table *table, uint64_t hash, uint32_t slot);

size_t slot_table_bytes(const struct slot_table *table);
void slot_table_release(struct slot_table *table);

#endif
