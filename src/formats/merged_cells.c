#include "formats/merged_cells.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "formats/cell_reference.h"
#include "formats/xml_part.h"
#include "formats/xml_tracker.h"

struct range {
    int32_t first_row, last_row, column;
};

/* A range that has begun. */
struct active {
    int32_t last_row, column;
    char *text;
};

struct merged_cells {
    struct range *ranges; /* by first row */
    size_t count, next;
    struct active *active;
    size_t active_count, active_size;
    size_t text_size;
    struct xml_tracker tracker; /* while reading */
};

/* ---- reading ---- */

enum place { OUTSIDE, SHEET, RANGES, RANGE };

static const struct xml_step steps[] = {
    {OUTSIDE, "worksheet", SHEET}, {SHEET, "mergeCells", RANGES}, {RANGES, "mergeCell", RANGE}};

static bool merged_take_range(struct merged_cells *cells, const char *reference, struct error *err)
{
    int64_t column, last_column, first_row, last_row;
    const char *rest = cell_reference_parse(reference, &column, &first_row);
    if (*rest != ':')
        return true;
    cell_reference_parse(rest + 1, &last_column, &last_row);
    if (column < 0 || column >= SHEET_COLUMNS_MAX || first_row < 1 || last_row <= first_row ||
        last_row > SHEET_ROWS_MAX)
        return true;
    if (cells->count == MERGED_CELLS_MAX)
        return error_set(err, ERROR_INVALID, "the sheet has more than %d merged ranges; undo them",
                         "工作表的合并区域超过 %d 个，请取消合并", MERGED_CELLS_MAX);
    if ((cells->count & (cells->count - 1)) == 0)
        cells->ranges =
            xrealloc(cells->ranges, (cells->count ? 2 * cells->count : 1) * sizeof(*cells->ranges));
    cells->ranges[cells->count++] = (struct range){(int32_t)first_row, (int32_t)last_row, (int32_t)column};
    return true;
}

static bool merged_take_start(void *context, const char *name, const char *const *attributes,
                              struct error *err)
{
    struct merged_cells *cells = context;
    const char *reference = xml_attribute(attributes, "ref");
    return xml_tracker_start(&cells->tracker, name) != RANGE || !reference ||
           merged_take_range(cells, reference, err);
}

static bool merged_take_end(void *context, const char *name, struct error *err)
{
    struct merged_cells *cells = context;
    (void)name, (void)err;
    xml_tracker_end(&cells->tracker);
    return true;
}

static int compare_merged_ranges(const void *a, const void *b)
{
    const struct range *first = a, *second = b;
    return first->first_row != second->first_row ? (first->first_row > second->first_row ? 1 : -1)
                                                 : first->column - second->column;
}

#define WORD "mergeCell "
#define WORD_LENGTH (sizeof(WORD) - 1)

/* Unpacking alone is several times faster than reading XML, and most sheets have no merged cells. */
static bool part_names_merged_cells(struct package *package, const char *part, uint64_t ceiling,
                                    bool *ret_names, struct error *err)
{
    CLEANUP(package_part_close) struct package_part *stream = NULL;
    CLEANUP(free_pointer) char *bytes = xmalloc(WORD_LENGTH + ((size_t)32 << 10));
    size_t kept = 0, length = 1;
    *ret_names = false;
    if (!package_part_open(package, part, ceiling, &stream, err))
        return false;
    while (length > 0 && !*ret_names) {
        if (!package_part_read(stream, bytes + kept, (size_t)32 << 10, &length, err))
            return false;
        size_t there = kept + length;
        *ret_names = memmem(bytes, there, WORD, WORD_LENGTH) != NULL;
        kept = there < WORD_LENGTH ? there : WORD_LENGTH;
        memmove(bytes, bytes + there - kept, kept);
    }
    return true;
}

bool merged_cells_read(struct package *package, const char *part, uint64_t ceiling,
                       struct merged_cells **ret_cells, struct error *err)
{
    static const struct xml_events events = {.start = merged_take_start, .end = merged_take_end};
    bool any;
    *ret_cells = NULL;
    if (!part_names_merged_cells(package, part, ceiling, &any, err))
        return false;
    if (!any)
        return true;
    CLEANUP(merged_cells_free) struct merged_cells *cells = xcalloc(1, sizeof(*cells));
    cells->tracker = (struct xml_tracker){.steps = steps, .count = ARRAY_SIZE(steps)};
    if (!xml_part_read(package, part, ceiling, &events, cells, err))
        return false;
    if (cells->count == 0)
        return true;
    qsort(cells->ranges, cells->count, sizeof(*cells->ranges), compare_merged_ranges);
    *ret_cells = cells;
    cells = NULL;
    return true;
}

/* ---- filling ---- */

void merged_cells_rewind(struct merged_cells *cells)
{
    for (size_t i = 0; i < cells->active_count; i++)
        free(cells->active[i].text);
    cells->active_count = cells->text_size = cells->next = 0;
}

void merged_cells_free(struct merged_cells **cells)
{
    if (!*cells)
        return;
    merged_cells_rewind(*cells);
    free((*cells)->active);
    free((*cells)->ranges);
    free(*cells);
    *cells = NULL;
}

static bool merged_begin_range(struct merged_cells *cells, const struct range *range, const char *text,
                               struct error *err)
{
    size_t size = strlen(text) + 1;
    if (cells->text_size + size > MERGED_TEXT_MAX || cells->active_count == SHEET_COLUMNS_MAX)
        return error_set(err, ERROR_INVALID, "too much text stands in merged cells; undo the merging",
                         "合并单元格中的文本过多，请取消合并");
    if (cells->active_count == cells->active_size) {
        cells->active_size = cells->active_size ? 2 * cells->active_size : 16;
        cells->active = xrealloc(cells->active, cells->active_size * sizeof(*cells->active));
    }
    cells->text_size += size;
    cells->active[cells->active_count++] = (struct active){range->last_row, range->column, xstrdup(text)};
    return true;
}

bool merged_cells_fill(struct merged_cells *cells, int64_t row, const char **fields, size_t room,
                       size_t *count, struct error *err)
{
    for (size_t i = cells->active_count; i-- > 0;) { /* ranges that end above this row */
        struct active *active = &cells->active[i];
        if (active->last_row >= row)
            continue;
        cells->text_size -= strlen(active->text) + 1;
        free(active->text);
        *active = cells->active[--cells->active_count];
    }
    size_t old = *count;
    for (size_t i = 0; i < cells->active_count; i++) {
        size_t column = (size_t)cells->active[i].column;
        if (column >= room || fields[column][0])
            continue;
        fields[column] = cells->active[i].text;
        if (column >= *count)
            *count = column + 1;
    }
    for (; cells->next < cells->count && cells->ranges[cells->next].first_row <= row; cells->next++) {
        const struct range *range = &cells->ranges[cells->next];
        if (range->first_row != row || (size_t)range->column >= old || !fields[range->column][0])
            continue;
        if (!merged_begin_range(cells, range, fields[range->column], err))
            return false;
    }
    return true;
}
