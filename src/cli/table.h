/* Lists on standard output: columns aligned for a person at a terminal; elsewhere (a pipe, a file) one
 * tab between the columns. The heading comes first in both. */
#ifndef KIMONO_CLI_TABLE_H
#define KIMONO_CLI_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

#define TABLE_COLUMNS_MAX 12
#define TABLE_DETAILS                                                                                        \
    "Lists are aligned at a terminal; in a pipe or a file the columns are separated by one tab.\n"           \
    "The first line is the heading.\n"

struct table {
    size_t columns;
    struct strbuf cells; /* each with a NUL */
    size_t count;
};

void table_release(struct table *table);
void table_text(struct table *table, const char *text); /* NULL: "-" */
void table_int(struct table *table, int64_t value);
void table_time(struct table *table, int64_t ms); /* INT_NULL: "-" */
/* Prints all. */
void table_print(const struct table *table);

#endif
