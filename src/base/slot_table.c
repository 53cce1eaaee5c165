#include "base/slot_table.h"

#include <stdlib.h>

#include "base/memory.h"

#define CAPACITY_MIN 16

/* The tag is the hash's low half: it gives the cell's home and spares the owner most comparisons.
 * An empty cell has slot SLOT_NONE. */
struct slot_cell {
    uint32_t tag;
    uint32_t slot;
};

struct slot_cursor slot_table_lookup(const struct slot_table *table, uint64_t hash)
{
    uint32_t tag = (uint32_t)hash;
    size_t home = table->capacity ? tag & (table->capacity - 1) : 0;
    return (struct slot_cursor){.at = home, .tag = tag};
}

/* The probe ends at an empty cell, and there is always one: the table is never full. */
uint32_t slot_table_next(const struct slot_table *table, struct slot_cursor *cursor)
{
    if (table->capacity == 0)
        return SLOT_NONE;
    for (;;) {
        struct slot_cell cell = table->cells[cursor->at];
        if (cell.slot == SLOT_NONE)
            return SLOT_NONE;
        cursor->at = (cursor->at + 1) & (table->capacity - 1);
        if (cell.tag == cursor->tag)
            return cell.slot;
    }
}

static void slot_table_place(struct slot_table *table, struct slot_cell cell)
{
    size_t mask = table->capacity - 1;
    size_t at = cell.tag & mask;
    while (table->cells[at].slot != SLOT_NONE)
        at = (at + 1) & mask;
    table->cells[at] = cell;
}

static void slot_table_grow(struct slot_table *table)
{
    struct slot_table bigger = {.count = table->count};
    bigger.capacity = table->capacity ? 2 * table->capacity : CAPACITY_MIN;
    bigger.cells = xmalloc(bigger.capacity * sizeof(*bigger.cells));
    for (size_t i = 0; i < bigger.capacity; i++)
        bigger.cells[i].slot = SLOT_NONE;
    for (size_t i = 0; i < table->capacity; i++)
        if (table->cells[i].slot != SLOT_NONE)
            slot_table_place(&bigger, table->cells[i]);
    free(table->cells);
    *table = bigger;
}

void slot_table_add(struct slot_table *table, uint64_t hash, uint32_t slot)
{
    if (4 * (table->count + 1) > 3 * table->capacity)
        slot_table_grow(table);
    slot_table_place(table, (struct slot_cell){.tag = (uint32_t)hash, .slot = slot});
    table->count++;
}

/* Fills the hole at `hole` with the next cell that may stand there (its home is not between the
 * hole and itself), until the hole is at the end of its cluster. */
static void slot_table_close_hole(struct slot_table *table, size_t hole)
{
    size_t mask = table->capacity - 1;
    for (size_t at = (hole + 1) & mask; table->cells[at].slot != SLOT_NONE; at = (at + 1) & mask) {
        size_t from_home = (at - table->cells[at].tag) & mask;
        size_t from_hole = (at - hole) & mask;
        if (from_home < from_hole)
            continue;
        table->cells[hole] = table->cells[at];
        hole = at;
    }
    table->cells[hole].slot = SLOT_NONE;
}

void slot_table_remove(struct slot_table *table, uint64_t hash, uint32_t slot)
{
    struct slot_cursor cursor = slot_table_lookup(table, hash);
    for (uint32_t found; (found = slot_table_next(table, &cursor)) != SLOT_NONE;) {
        if (found != slot)
            continue;
        slot_table_close_hole(table, (cursor.at - 1) & (table->capacity - 1));
        table->count--;
        return;
    }
}

size_t slot_table_bytes(const struct slot_table *table)
{
    return table->capacity * sizeof(*table->cells);
}

void slot_table_release(struct slot_table *table)
{
    free(table->cells);
    *table = (struct slot_table){0};
}
