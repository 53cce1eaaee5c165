/* Texts that many objects share, each kept once, with a number (interning), and their order by bytes.
 * `struct name_list names = {0};` is empty and ready; release with name_list_release. */
#ifndef KIMONO_BASE_NAME_LIST_H
#define KIMONO_BASE_NAME_LIST_H

#include "base/slot_table.h"
#include "base/strbuf.h"

struct name_list {
    struct slot_table table;
    struct strbuf texts; /* each with its NUL */
    uint32_t *starts;    /* of each number, in texts */
    size_t count, room;
    uint32_t *by_order, *ranks; /* numbers in order of text, and the place of each there */
    size_t ordered;             /* so many are in order */
};
uint32_t name_list_put(struct name_list *names, const char *text);
uint32_t name_list_find(const struct name_list *names, const char *text); /* SLOT_NONE: not there */
static inline const char *name_list_text(const struct name_list *names, uint32_t number)
{
    return names->texts.bytes + names->starts[number];
}
void name_list_release(struct name_list *names);
/* Brings by_order and ranks up to date. */
void name_list_sort(struct name_list *names);

#endif
