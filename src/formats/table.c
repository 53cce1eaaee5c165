#include "formats/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "formats/cell_guard.h"
#include "formats/csv.h"
#include "formats/xlsx_reader.h"

#define HIDDEN_LOOKED_AT 64 /* sheets */

struct table {
    int fd;
    enum file_kind kind;
    struct csv_form form; /* of a text */
    struct xlsx *xlsx;    /* of a workbook */
    const char *sheet;

    table_take take; /* while it is read */
    void *context;
    const char **fields; /* SHEET_COLUMNS_MAX: a row's, without guards */
};

/* ---- opening ---- */

bool table_open(const char *path, const struct table_options *options, struct table **ret_table,
                struct error *err)
{
    CLEANUP(table_close) struct table *table = xcalloc(1, sizeof(*table));
    table->fd = -1;
    table->form = (struct csv_form){.encoding = options->encoding, .delimiter = options->delimiter};
    table->sheet = options->sheet;
    if (!file_open(path, &table->fd, &table->kind, err) ||
        (table->kind == FILE_KIND_WORKBOOK &&
         !xlsx_open(table->fd, options->temporary_folder, &table->xlsx, err)))
        return false;
    *ret_table = table;
    table = NULL;
    return true;
}

void table_close(struct table **table)
{
    if (!*table)
        return;
    xlsx_close(&(*table)->xlsx);
    file_close(&(*table)->fd);
    free((*table)->fields);
    free(*table);
    *table = NULL;
}

enum file_kind table_kind(const struct table *table)
{
    return table->kind;
}

char table_delimiter(const struct table *table)
{
    return table->form.delimiter;
}

enum text_encoding table_encoding(const struct table *table)
{
    return table->form.encoding;
}

struct text_encoding_guess table_encoding_guess(const struct table *table)
{
    return table->form.guess;
}

size_t table_sheet_count(const struct table *table)
{
    return table->xlsx ? xlsx_sheet_count(table->xlsx) : 0;
}

struct table_sheet table_sheet(const struct table *table, size_t index)
{
    struct xlsx_sheet sheet = xlsx_sheet(table->xlsx, index);
    return (struct table_sheet){sheet.name, sheet.hidden};
}

const char *table_sheet_read(const struct table *table)
{
    return table->xlsx ? table->sheet : NULL;
}

/* ---- reading ---- */

static bool row_has_guards(const struct table_row *row)
{
    for (size_t i = 0; i < row->count; i++)
        if (cell_guard_decode(row->fields[i]) != row->fields[i])
            return true;
    return false;
}

static bool table_take_row(void *context, const struct table_row *row, struct error *err)
{
    struct table *table = context;
    if (!row_has_guards(row))
        return table->take(table->context, row, err);
    struct table_row meant = *row;
    if (!table->fields)
        table->fields = xcalloc(SHEET_COLUMNS_MAX, sizeof(*table->fields));
    for (size_t i = 0; i < row->count; i++)
        table->fields[i] = cell_guard_decode(row->fields[i]);
    meant.fields = table->fields;
    return table->take(table->context, &meant, err);
}

static ssize_t table_read_bytes(void *context, void *bytes, size_t size)
{
    return read(*(const int *)context, bytes, size);
}

bool table_read(struct table *table, table_take take, void *context, struct error *err)
{
    table->take = take;
    table->context = context;
    if (table->xlsx)
        return xlsx_read(table->xlsx, table->sheet, table_take_row, table, &table->sheet, err);
    struct byte_source source = {.read = table_read_bytes, .context = &table->fd};
    if (lseek(table->fd, 0, SEEK_SET) != 0)
        return error_set(err, ERROR_INTERNAL, "it cannot be read: %s", "无法读取：%s", strerror(errno));
    return csv_read_form(&source, &table->form, table_take_row, table, err);
}

static bool stop_at_first_row(void *context, const struct table_row *row, struct error *err)
{
    bool *found = context;
    (void)row;
    *found = true;
    return error_set(err, ERROR_CANCELLED, "enough was read", "已读取足够的行");
}

const char *table_hidden_sheet_with_rows(struct table *table)
{
    struct error ignored;
    size_t looked_at = 0;
    for (size_t i = 0; i < table_sheet_count(table) && looked_at < HIDDEN_LOOKED_AT; i++) {
        struct table_sheet sheet = table_sheet(table, i);
        bool found = false;
        if (!sheet.hidden)
            continue;
        looked_at++;
        xlsx_read(table->xlsx, sheet.name, stop_at_first_row, &found, NULL, &ignored);
        if (found)
            return sheet.name;
    }
    return NULL;
}
