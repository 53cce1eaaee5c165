/* The reading of an import: is the file whole, and which questions stand in it several times. */
#include <string.h>

#include "base/utf8.h"
#include "ops/transfer/import_run.h"
#include "platform/knowledge/knowledge.h"

#define HEADINGS_MAX 254 /* that are kept for a file of rows that failed, which has two more */
#define HEADING_BYTES 200
#define STOPPING_LOOKED_AT INT64_C(256) /* rows that are read between two looks */

uint64_t import_hash_question(const struct import_row *row)
{
    return (uint64_t)qa_question_key(row->texts[IMPORT_QUESTION]);
}

/* What the column is to be called in a file of rows that failed, which is imported without naming its
 * columns: as it is called here, unless that would be another column's name then. */
static const char *import_heading_of(const struct import *import, const struct table_row *first, size_t place)
{
    static const char *const names[LANGUAGE_COUNT][IMPORT_COLUMNS] = {
        [LANGUAGE_EN] = {"question", "answer", "category"}, [LANGUAGE_ZH] = {"问题", "答案", "分类"}};
    bool is_there = import->layout.has_heading && place < first->count;
    const char *heading = is_there ? first->fields[place] : "";
    enum import_column column;
    int rank;
    bool known = import_heading_find(heading, &column, &rank);
    for (size_t i = 0; i < IMPORT_COLUMNS; i++)
        if (import->layout.places[i] == place)
            return known && column == (enum import_column)i && rank == 0 ? heading
                                                                         : names[import->language][i];
    return known ? "" : heading;
}

static void import_note_headings(struct import *import, const struct table_row *first)
{
    size_t count = first->count < HEADINGS_MAX ? first->count : HEADINGS_MAX;
    for (size_t i = 0; i < IMPORT_COLUMNS; i++)
        if (import->layout.places[i] != IMPORT_ABSENT && import->layout.places[i] >= count)
            count = import->layout.places[i] + 1;
    import->headings = arena_alloc(&import->texts, count * sizeof(*import->headings));
    import->heading_count = count;
    for (size_t i = 0; i < count; i++) {
        const char *text = import_heading_of(import, first, i);
        import->headings[i] =
            arena_strndup(&import->texts, text, utf8_cut(text, strlen(text), HEADING_BYTES));
    }
}

static bool import_read_row(struct import *import, const struct table_row *cells, struct error *err)
{
    struct error wrong;
    /* A workbook's row can have thousands of cells to the right with nothing in them; and the file of rows that
     * failed must be one that can be imported. */
    struct table_row kept = *cells;
    size_t most = import->heading_count > HEADINGS_MAX ? import->heading_count : HEADINGS_MAX;
    if (kept.count > most)
        kept.count = most;
    struct import_row row = {.number = cells->number};
    bool fine = import_row_read(&import->layout, cells, &row, &wrong);
    bool may_fail = !fine || import->request->mode == IMPORT_CREATE;
    import->rows++;
    if (fine)
        repeats_note(import->repeats, import_hash_question(&row), row.number);
    return import_spool_put(import->spool, &row, fine ? NULL : &wrong, may_fail ? &kept : NULL, err);
}

static bool import_take_row(void *context, const struct table_row *cells, struct error *err)
{
    struct import *import = context;
    if (import->run && cells->number % STOPPING_LOOKED_AT == 0 && job_stopping(import->run)) {
        import->stopped = true;
        return error_set(err, ERROR_CANCELLED, "the process is ending", "进程正在退出");
    }
    if (import_row_is_empty(cells))
        return true;
    if (import->heading_count == 0) {
        if (!import_layout_guess(&import->layout, cells, err) ||
            !import_layout_check(&import->layout, cells, err))
            return false;
        import_note_headings(import, cells);
        if (import->layout.has_heading)
            return true;
    }
    return import_layout_look(&import->layout, cells, err) && import_read_row(import, cells, err);
}

static bool import_read_table(struct import *import, struct table *table, struct error *err)
{
    import->layout.request = import->request;
    import->layout.warnings = &import->warnings;
    import->layout.is_workbook = table_kind(table) == FILE_KIND_WORKBOOK;
    if (!table_read(table, import_take_row, import, err))
        return false;
    if (import->heading_count == 0)
        return import_nothing_found(table, err);
    if (import->rows == 0)
        return error_set(err, ERROR_INVALID, "there is no row below the heading", "标题行下没有任何数据行");
    return import_check_encoding(table, &import->warnings, err) &&
           import_layout_finish(&import->layout, err) && import_spool_rewind(import->spool, err);
}

bool import_read_file(struct import *import, const char *temporary_folder, struct error *err)
{
    CLEANUP(table_close) struct table *table = NULL;
    if (!import_spool_open(temporary_folder, &import->spool, err))
        return false;
    return (import_table_open(import->request, import->request->path, import->file, temporary_folder, &table,
                              err) &&
            import_read_table(import, table, err)) ||
           import->stopped || error_prefix(err, "%.200s", "%.200s", import->file);
}
