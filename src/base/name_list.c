#include "base/name_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint32_t name_list_find(const struct name_list *names, const char *text)
{
    struct slot_cursor cursor = slot_table_lookup(&names->table, XXH3_64bits(text, strlen(text)));
    uint32_t number;
    while ((number = slot_table_next(&names->table, &cursor)) != SLOT_NONE)
        if (strcmp(name_list_text(names, number), text) == 0)
            break;
    return number;
}

uint32_t name_list_put(struct name_list *names, const char *text)
{
    uint32_t number = name_list_find(names, text);
    if (number != SLOT_NONE)
        return number;
    if (names->count == names->room) {
        names->room = names->room ? 2 * names->room : 64;
        names->starts = xrealloc(names->starts, names->room * sizeof(names->starts[0]));
    }
    names->texts.ceiling = UINT32_MAX;
    number = (uint32_t)names->count++;
    names->starts[number] = (uint32_t)names->texts.length;
    strbuf_append(&names->texts, text, strlen(text) + 1);
    slot_table_add(&names->table, XXH3_64bits(text, strlen(text)), number);
    return number;
}

void name_list_release(struct name_list *names)
{
    slot_table_release(&names->table);
    strbuf_release(&names->texts);
    free(names->starts);
    free(names->by_order);
    free(names->ranks);
}

static int compare_names(const void *a, const void *b, void *context)
{
    const struct name_list *names = context;
    return strcmp(name_list_text(names, *(const uint32_t *)a), name_list_text(names, *(const uint32_t *)b));
}

/* New names are sorted, then merged with those that are in order: one at a time costs no sorting of all. */
void name_list_sort(struct name_list *names)
{
    size_t old = names->ordered, count = names->count, from_old = 0, from_new = old;
    if (old == count)
        return;
    uint32_t *merged = xmalloc(names->room * sizeof(*merged));
    names->by_order = xrealloc(names->by_order, names->room * sizeof(names->by_order[0]));
    names->ranks = xrealloc(names->ranks, names->room * sizeof(names->ranks[0]));
    for (size_t i = old; i < count; i++)
        names->by_order[i] = (uint32_t)i;
    qsort_r(names->by_order + old, count - old, sizeof(names->by_order[0]), compare_names, names);
    for (size_t i = 0; i < count; i++) {
        bool take_new = from_old == old ||
                        (from_new < count &&
                         compare_names(&names->by_order[from_new], &names->by_order[from_old], names) < 0);
        merged[i] = names->by_order[take_new ? from_new++ : from_old++];
        names->ranks[merged[i]] = (uint32_t)i;
    }
    free(names->by_order);
    names->by_order = merged;
    names->ordered = count;
}
