#include "cli/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"

void table_release(struct table *table)
{
    strbuf_release(&table->cells);
}

/* A cell is one line without tabs, whatever the store holds. */
void table_text(struct table *table, const char *text)
{
    for (const char *c = text && *text ? text : "-"; *c; c++)
        strbuf_putc(&table->cells, (unsigned char)*c < ' ' || *c == 0x7F ? ' ' : *c);
    strbuf_putc(&table->cells, '\0');
    table->count++;
}

void table_int(struct table *table, int64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, value);
    table_text(table, text);
}

void table_time(struct table *table, int64_t ms)
{
    char text[CLOCK_TEXT_SIZE];
    if (ms != INT_NULL)
        clock_format(ms, text);
    table_text(table, ms == INT_NULL ? NULL : text);
}

/* Places that it takes at a terminal: Chinese, Japanese and Korean characters (all those of three bytes
 * from U+1100 on that matter here, and of four) take two. */
static size_t display_width(const char *text)
{
    size_t width = 0;
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if ((*c & 0xC0) != 0x80)
            width += *c >= 0xE3 || (*c == 0xE2 && c[1] >= 0xBA) ? 2 : 1;
    return width;
}

void table_print(const struct table *table)
{
    bool aligned = isatty(STDOUT_FILENO);
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    const char *cell = strbuf_text(&table->cells);
    for (size_t i = 0; i < table->count; i++, cell += strlen(cell) + 1) {
        size_t width = display_width(cell);
        if (width > widths[i % table->columns])
            widths[i % table->columns] = width;
    }
    cell = strbuf_text(&table->cells);
    for (size_t i = 0; i < table->count; i++, cell += strlen(cell) + 1) {
        size_t column = i % table->columns;
        bool is_last = column + 1 == table->columns;
        fputs(cell, stdout);
        if (is_last)
            putchar('\n');
        else if (aligned)
            printf("%*s", (int)(widths[column] - display_width(cell) + 2), "");
        else
            putchar('\t');
    }
}
