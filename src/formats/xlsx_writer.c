#include "formats/xlsx_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xlsxwriter.h>
#include <zip.h>

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
    int64_t row;   /* of the sheet: the next one, from 0 */
    uint64_t kept; /* bytes of rows in the temporary files of the sheets that have ended */
    struct strbuf text;
};

static bool check_library(lxw_error failure, struct error *err)
{
    return failure == LXW_NO_ERROR ||
           error_set(err, ERROR_UNAVAILABLE,
                     "the workbook cannot be written: %s (is the disk full? else export as .csv)",
                     "无法写入工作簿：%s（磁盘是否已满？也可导出为 .csv）", lxw_strerror(failure));
}

/* ---- a full disk: the library does not look whether its temporary files could be written ---- */

#define FRAME_LEAST 600 /* bytes of a sheet around its rows, and of its last row, which comes at the end */

static bool refuse_full_disk(struct error *err)
{
    return error_set(err, ERROR_UNAVAILABLE,
                     "the workbook cannot be written: the disk for temporary files is full; make room, then "
                     "export again, or export as .csv",
                     "无法写入工作簿：临时文件所在磁盘已满；请清理空间后重新导出，或导出为 .csv");
}

/* A stream remembers that bytes were lost. */
static bool check_rows_written(const struct xlsx_writer *writer, struct error *err)
{
    return !ferror(writer->sheet->optimize_tmpfile) || refuse_full_disk(err);
}

/* From the file of rows the library makes a second one, the sheet, which has no less than all rows. */
static bool check_sheets_written(const struct xlsx_writer *writer, struct error *err)
{
    char name[64];
    zip_stat_t status;
    uint64_t size = 0;
    zip_t *zip = zip_open(writer->form.path, ZIP_RDONLY, NULL);
    for (int64_t i = 1; zip && i <= writer->sheets; i++) {
        snprintf(name, sizeof(name), "xl/worksheets/sheet%lld.xml", (long long)i);
        if (zip_stat(zip, name, 0, &status) == 0)
            size += status.size;
    }
    zip_discard(zip);
    return size >= writer->kept + (uint64_t)writer->sheets * FRAME_LEAST || refuse_full_disk(err);
}

/* ---- sheets ---- */

static bool writer_end_sheet(struct xlsx_writer *writer, struct error *err)
{
    FILE *rows = writer->sheet->optimize_tmpfile;
    if (fflush(rows) != 0)
        return refuse_full_disk(err);
    writer->kept += (uint64_t)ftello(rows);
    worksheet_autofilter(writer->sheet, 0, 0, (lxw_row_t)(writer->row - 1),
                         (lxw_col_t)(writer->form.column_count - 1));
    return check_rows_written(writer, err);
}

static bool writer_write_heading(struct xlsx_writer *writer, struct error *err)
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
    return check_library(failure, err);
}

static bool writer_begin_sheet(struct xlsx_writer *writer, struct error *err)
{
    char name[4 * 32];
    if (writer->sheet && !writer_end_sheet(writer, err))
        return false;
    writer->sheets++;
    if (writer->sheets == 1)
        snprintf(name, sizeof(name), "%s", writer->form.sheet);
    else
        snprintf(name, sizeof(name), "%s (%lld)", writer->form.sheet, (long long)writer->sheets);
    writer->sheet = workbook_add_worksheet(writer->book, name);
    return writer->sheet
               ? writer_write_heading(writer, err)
               : error_set(err, ERROR_INTERNAL, "no sheet can be named “%s”", "无法命名工作表“%s”", name);
}

/* ---- the writer ---- */

static bool writer_open_book(struct xlsx_writer *writer, struct error *err)
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
    return writer_begin_sheet(writer, err);
}

/* Told now and not when all rows have been written: the library looks only then, and it takes another
 * folder in silence. */
static bool check_writable(const struct xlsx_form *form, struct error *err)
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
    if (!check_writable(&writer->form, err) || !writer_open_book(writer, err))
        return false;
    *ret_writer = writer;
    writer = NULL;
    return true;
}

/* The text as it is to stand in the file: mostly itself, else in `writer->text`. */
static const char *cell_text_in_file(struct xlsx_writer *writer, const char *text)
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

static bool writer_write_cell(struct xlsx_writer *writer, size_t column, const char *text, struct error *err)
{
    if (!text || !*text)
        return true;
    const char *prepared = cell_text_in_file(writer, text);
    size_t length = strlen(prepared);
    if (length > XLSX_CELL_MAX && utf8_count(prepared, length) > XLSX_CELL_MAX)
        return error_set(
            err, ERROR_INVALID,
            "row %lld, column “%.60s”: longer than %d characters, the most that a workbook holds; "
            "export as .csv",
            "第 %lld 行“%.60s”列：超过 %d 个字符（工作簿单元格的上限），请导出为 .csv",
            (long long)writer->row + 1, writer->form.columns[column].heading, XLSX_CELL_MAX);
    return check_library(worksheet_write_string(writer->sheet, (lxw_row_t)writer->row, (lxw_col_t)column,
                                                prepared, writer->text_format),
                         err);
}

bool xlsx_writer_row(struct xlsx_writer *writer, const char *const *fields, struct error *err)
{
    if (writer->row == writer->form.rows_per_sheet && !writer_begin_sheet(writer, err))
        return false;
    for (size_t i = 0; i < writer->form.column_count; i++)
        if (!writer_write_cell(writer, i, fields[i], err))
            return false;
    writer->row++;
    return check_rows_written(writer, err);
}

bool xlsx_writer_finish(struct xlsx_writer *writer, struct error *err)
{
    if (!writer_end_sheet(writer, err))
        return false;
    lxw_error failure = workbook_close(writer->book); /* frees it, too */
    writer->book = NULL;
    if (check_library(failure, err) && check_sheets_written(writer, err))
        return true;
    unlink(writer->form.path);
    return false;
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
