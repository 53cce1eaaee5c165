#include "formats/xlsx_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xlsxwriter.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "formats/cell_guard.h"
#include "formats/xlsx_text.h"

struct xlsx_writer {
    struct xlsx_form form;
    lxw_workbook *book; /* NULL: finished */
    lxw_worksheet *sheet;
    lxw_format *heading_format, *text_format;
    int64_t sheets;
    int64_t row; /* of the sheet: the next one, from 0 */
    struct strbuf text;
};

static bool check(lxw_error failure, struct error *err)
{
    return failure == LXW_NO_ERROR ||
           error_set(err, ERROR_UNAVAILABLE,
                     "the workbook cannot be written: %s (is the disk full? else export as .csv)",
                     "无法写入工作簿：%s（磁盘是否已满？也可导出为 .csv）", lxw_strerror(failure));
}

/* ---- sheets ---- */

static void end_sheet(struct xlsx_writer *writer)
{
    lxw_row_t last = (lxw_row_t)(writer->row > 0 ? writer->row - 1 : 0);
    if (writer->sheet)
        worksheet_autofilter(writer->sheet, 0, 0, last, (lxw_col_t)(writer->form.column_count - 1));
}

static bool write_heading(struct xlsx_writer *writer, struct error *err)
{
    const struct xlsx_form *form = &writer->form;
    lxw_error failure = LXW_NO_ERROR;
    for (size_t i = 0; i < form->column_count && failure == LXW_NO_ERROR; i++)
        failure = worksheet_set_column(writer->sheet, (lxw_col_t)i, (lxw_col_t)i, form->columns[i].width,
                                       writer->text_format);
    for (size_t i = 0; i < form->column_count && failure == LXW_NO_ERROR; i++)
        failure = worksheet_write_string(writer->sheet, 0, (lxw_col_t)i, form->columns[i].heading,
                                         writer->heading_format);
    worksheet_freeze_panes(writer->sheet, 1, 0);
    writer->row = 1;
    return check(failure, err);
}

static bool begin_sheet(struct xlsx_writer *writer, struct error *err)
{
    char name[4 * 32];
    end_sheet(writer);
    writer->sheets++;
    if (writer->sheets == 1)
        snprintf(name, sizeof(name), "%s", writer->form.sheet);
    else
        snprintf(name, sizeof(name), "%s (%lld)", writer->form.sheet, (long long)writer->sheets);
    writer->sheet = workbook_add_worksheet(writer->book, name);
    return writer->sheet
               ? write_heading(writer, err)
               : error_set(err, ERROR_INTERNAL, "no sheet can be named “%s”", "无法命名工作表“%s”", name);
}

/* ---- the writer ---- */

static bool open_book(struct xlsx_writer *writer, struct error *err)
{
    lxw_workbook_options options = {.constant_memory = LXW_TRUE,
                                    .tmpdir = (char *)writer->form.temporary_folder};
    writer->book = workbook_new_opt(writer->form.path, &options);
    if (!writer->book)
        return error_set(err, ERROR_INTERNAL, "no workbook can be made", "无法创建工作簿");
    writer->heading_format = workbook_add_format(writer->book);
    writer->text_format = workbook_add_format(writer->book);
    if (!writer->heading_format || !writer->text_format)
        return error_set(err, ERROR_INTERNAL, "no workbook can be made", "无法创建工作簿");
    format_set_bold(writer->heading_format);
    format_set_num_format(writer->text_format, "@");
    return begin_sheet(writer, err);
}

/* Told now and not when all rows have been written: the library looks only then, and it takes another
 * folder in silence. */
static bool check_places(const struct xlsx_form *form, struct error *err)
{
    if (form->temporary_folder && access(form->temporary_folder, W_OK | X_OK) != 0)
        return error_set(err, ERROR_UNAVAILABLE, "nothing can be written in %s: %s", "无法在 %s 中写入：%s",
                         form->temporary_folder, strerror(errno));
    int fd = open(form->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(err, ERROR_UNAVAILABLE, "%s cannot be written: %s", "无法写入 %s：%s", form->path,
                         strerror(errno));
    close(fd);
    return true;
}

bool xlsx_writer_open(const struct xlsx_form *form, struct xlsx_writer **ret_writer, struct error *err)
{
    CLEANUP(xlsx_writer_free) struct xlsx_writer *writer = xcalloc(1, sizeof(*writer));
    writer->form = *form;
    if (writer->form.rows_per_sheet <= 1 || writer->form.rows_per_sheet > LXW_ROW_MAX)
        writer->form.rows_per_sheet = LXW_ROW_MAX;
    if (!writer->form.temporary_folder)
        writer->form.temporary_folder = getenv("TMPDIR");
    if (!check_places(&writer->form, err) || !open_book(writer, err))
        return false;
    *ret_writer = writer;
    writer = NULL;
    return true;
}

/* The text as it is to stand in the file: mostly itself, else in `writer->text`. */
static const char *prepare(struct xlsx_writer *writer, const char *text)
{
    bool guard = cell_guard_workbook_needs(text);
    if (!guard && !xlsx_text_needs_escape(text))
        return text;
    strbuf_reset(&writer->text);
    if (guard)
        strbuf_putc(&writer->text, '\'');
    xlsx_text_escape(text, &writer->text);
    return strbuf_text(&writer->text);
}

static bool write_cell(struct xlsx_writer *writer, size_t column, const char *text, struct error *err)
{
    if (!text || !*text)
        return true;
    const char *prepared = prepare(writer, text);
    size_t length = strlen(prepared);
    if (length > XLSX_CELL_MAX && utf8_count(prepared, length) > XLSX_CELL_MAX)
        return error_set(
            err, ERROR_INVALID,
            "row %lld, column “%.60s”: longer than %d characters, the most that a workbook holds; "
            "export as .csv",
            "第 %lld 行“%.60s”列：超过 %d 个字符（工作簿单元格的上限），请导出为 .csv",
            (long long)writer->row + 1, writer->form.columns[column].heading, XLSX_CELL_MAX);
    return check(worksheet_write_string(writer->sheet, (lxw_row_t)writer->row, (lxw_col_t)column, prepared,
                                        writer->text_format),
                 err);
}

bool xlsx_writer_row(struct xlsx_writer *writer, const char *const *fields, struct error *err)
{
    if (writer->row == writer->form.rows_per_sheet && !begin_sheet(writer, err))
        return false;
    for (size_t i = 0; i < writer->form.column_count; i++)
        if (!write_cell(writer, i, fields[i], err))
            return false;
    writer->row++;
    return true;
}

bool xlsx_writer_finish(struct xlsx_writer *writer, struct error *err)
{
    end_sheet(writer);
    lxw_error failure = workbook_close(writer->book); /* frees it, too */
    writer->book = NULL;
    if (failure != LXW_NO_ERROR)
        unlink(writer->form.path);
    return check(failure, err);
}

void xlsx_writer_free(struct xlsx_writer **writer)
{
    if (!*writer)
        return;
    if ((*writer)->book) {
        lxw_workbook_free((*writer)->book);
        unlink((*writer)->form.path);
    }
    strbuf_release(&(*writer)->text);
    free(*writer);
    *writer = NULL;
}
