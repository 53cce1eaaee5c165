/* formats/cell_guard, csv_writer, xlsx_writer: what is written is harmless and reads back exactly. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "formats/cell_guard.h"
#include "formats/csv_writer.h"
#include "formats/table.h"
#include "formats/xlsx_reader.h"
#include "formats/xlsx_writer.h"

static const char *const texts[] = {"plain",
                                    "=1+1",
                                    "+86 138",
                                    "-5",
                                    "@SUM(A1)",
                                    "\t=1",
                                    "\r",
                                    "\n=x",
                                    " =1",
                                    "'=1",
                                    "''=1",
                                    "'''@x",
                                    "'tis",
                                    "'",
                                    "''",
                                    "' =1",
                                    "＝1",
                                    "'＋1",
                                    "－",
                                    "a=b",
                                    "",
                                    " ",
                                    "  spaces  ",
                                    "tab\tinside",
                                    "line\nbreak",
                                    "a\r\nb",
                                    "quote\"d",
                                    "\"",
                                    "a,b;c",
                                    "_x000D_",
                                    "_x005F_x000D_",
                                    "x_x0041_y",
                                    "\x01\x1F",
                                    "\xEF\xBF\xBF",
                                    "\xEF\xBF\xBE",
                                    "😀 中文 ｶﾅ",
                                    "<b>&amp;</b>",
                                    "0012",
                                    "1e5",
                                    "TRUE",
                                    "#N/A",
                                    "2026-11-22",
                                    "]]>",
                                    "'\r",
                                    "http://example.com/",
                                    "\xC2\xA0=1"};

static void test_guard(void **state)
{
    (void)state;
    static const char *const guarded[] = {"=1",  "+1",   "-1",  "@a",  "\tx", "\rx",
                                          "\nx", "  =1", "'=1", "''-", "＝1", "＠a"};
    static const char *const harmless[] = {"", "a", "1-2", "'a", "''", "a@b.c", "(=1)"};
    for (size_t i = 0; i < ARRAY_SIZE(guarded); i++) {
        assert_true(cell_guard_text_needs(guarded[i]));
        assert_int_equal(cell_guard_workbook_needs(guarded[i]), guarded[i][0] == '\'');
    }
    for (size_t i = 0; i < ARRAY_SIZE(harmless); i++) {
        assert_false(cell_guard_text_needs(harmless[i]));
        assert_ptr_equal(cell_guard_decode(harmless[i]), harmless[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        char cell[64];
        snprintf(cell, sizeof(cell), "%s%s", cell_guard_text_needs(texts[i]) ? "'" : "", texts[i]);
        assert_string_equal(cell_guard_decode(cell), texts[i]);
        assert_null(*cell && strchr("=+-@\t\r\n", *cell) ? cell : NULL);
        snprintf(cell, sizeof(cell), "%s%s", cell_guard_workbook_needs(texts[i]) ? "'" : "", texts[i]);
        assert_string_equal(cell_guard_decode(cell), texts[i]);
    }
}

/* ---- there and back ---- */

#define COLUMNS 3

struct comparison {
    int64_t rows, wrong;
};

/* Row n (the heading is 1) has text n - 2 in its columns, and the two behind it. */
static const char *text_of(int64_t number, size_t column)
{
    return texts[((size_t)number - 2 + column) % ARRAY_SIZE(texts)];
}

static bool compare_row(void *context, const struct table_row *row, struct error *err)
{
    (void)err;
    struct comparison *comparison = context;
    comparison->rows++;
    if (row->number == 1)
        return true;
    for (size_t i = 0; i < COLUMNS; i++) {
        const char *got = i < row->count ? row->fields[i] : "", *want = text_of(row->number, i);
        if (strcmp(got, want) != 0)
            print_message("row %d: '%s' became '%s'\n", (int)row->number, want, got);
        comparison->wrong += strcmp(got, want) != 0;
    }
    return true;
}

static void expect_same(const char *path, const char *sheet, int64_t rows)
{
    CLEANUP(table_close) struct table *table = NULL;
    struct comparison comparison = {0, 0};
    struct error err;
    error_clear(&err);
    if (!table_open(path, &(struct table_options){.sheet = sheet}, &table, &err) ||
        !table_read(table, compare_row, &comparison, &err))
        fail_msg("%s", err.detail[LANGUAGE_EN]);
    assert_int_equal(comparison.rows, rows);
    assert_int_equal(comparison.wrong, 0);
}

static bool write_file(void *context, const char *bytes, size_t length, struct error *err)
{
    (void)err;
    return fwrite(bytes, 1, length, context) == length;
}

static int enter_folder(void **state)
{
    static char folder[] = "/tmp/kimono-guard-XXXXXX";
    *state = mkdtemp(folder);
    return *state && chdir(folder) == 0 ? 0 : -1;
}

static int leave_folder(void **state)
{
    return chdir("/") == 0 ? rmdir(*state) : -1;
}

static void test_csv_there_and_back(void **state)
{
    (void)state;
    for (int mark = 0; mark < 2; mark++) {
        FILE *file = fopen("out.csv", "wb");
        struct byte_sink sink = {write_file, file};
        struct csv_writer writer;
        struct error err;
        csv_writer_init(&writer, &sink, mark);
        assert_true(csv_writer_row(&writer, (const char *const[]){"问题", "b", "c"}, COLUMNS, &err));
        for (int64_t row = 2; row < 5000; row++)
            assert_true(csv_writer_row(
                &writer, (const char *const[]){text_of(row, 0), text_of(row, 1), text_of(row, 2)}, COLUMNS,
                &err));
        assert_true(csv_writer_finish(&writer, &err));
        csv_writer_release(&writer);
        fclose(file);
        expect_same("out.csv", NULL, 4999);
        unlink("out.csv");
    }
}

static bool refuse(void *context, const char *bytes, size_t length, struct error *err)
{
    (void)context, (void)bytes, (void)length;
    return error_set(err, ERROR_UNAVAILABLE, "full", "已满");
}

static void test_csv_bytes(void **state)
{
    (void)state;
    FILE *file = fopen("out.csv", "w+b");
    struct byte_sink sink = {write_file, file}, full = {refuse, NULL};
    struct csv_writer writer;
    struct error err;
    char bytes[128] = "";
    csv_writer_init(&writer, &sink, true);
    assert_true(csv_writer_row(&writer, (const char *const[]){"a", NULL, "=1,2"}, 3, &err));
    assert_true(csv_writer_row(&writer, (const char *const[]){""}, 1, &err));
    assert_true(csv_writer_finish(&writer, &err));
    csv_writer_release(&writer);
    rewind(file);
    assert_int_equal(fread(bytes, 1, sizeof(bytes) - 1, file), 19);
    fclose(file);
    unlink("out.csv");
    assert_string_equal(bytes, "\xEF\xBB\xBF"
                               "a,,\"'=1,2\"\r\n\"\"\r\n");
    csv_writer_init(&writer, &full, true);
    assert_false(csv_writer_finish(&writer, &err));
    csv_writer_release(&writer);
}

static const struct xlsx_column columns[COLUMNS] = {{"问题", 40}, {"b", 60}, {"c", 12}};

static struct xlsx_writer *write_rows(const struct xlsx_form *form, int64_t last)
{
    struct xlsx_writer *writer;
    struct error err;
    if (!xlsx_writer_open(form, &writer, &err))
        fail_msg("%s", err.detail[LANGUAGE_EN]);
    for (int64_t row = 2; row <= last; row++)
        assert_true(xlsx_writer_row(
            writer, (const char *const[]){text_of(row, 0), text_of(row, 1), text_of(row, 2)}, &err));
    return writer;
}

static void test_xlsx_there_and_back(void **state)
{
    (void)state;
    struct xlsx_form form = {
        .path = "out.xlsx", .sheet = "知识库", .columns = columns, .column_count = COLUMNS};
    struct error err;
    struct xlsx_writer *writer = write_rows(&form, 3000);
    assert_true(xlsx_writer_finish(writer, &err));
    xlsx_writer_free(&writer);
    expect_same("out.xlsx", NULL, 3000);
    unlink("out.xlsx");
}

static bool count_row(void *context, const struct table_row *row, struct error *err)
{
    (void)err;
    if (row->number == 1)
        assert_string_equal(row->fields[0], "问题");
    ++*(int *)context;
    return true;
}

static void test_full_sheets_go_on(void **state)
{
    (void)state;
    static const struct {
        const char *sheet;
        int rows;
    } sheets[] = {{"Q", 10}, {"Q (2)", 10}, {"Q (3)", 3}};
    struct xlsx_form form = {
        .path = "out.xlsx", .sheet = "Q", .columns = columns, .column_count = COLUMNS, .rows_per_sheet = 10};
    struct error err;
    struct xlsx_writer *writer = write_rows(&form, 21); /* 20 rows: 9, 9 and 2 under their headings */
    assert_true(xlsx_writer_finish(writer, &err));
    xlsx_writer_free(&writer);
    for (size_t i = 0; i < ARRAY_SIZE(sheets); i++) {
        CLEANUP(table_close) struct table *table = NULL;
        int rows = 0;
        assert_true(table_open("out.xlsx", &(struct table_options){.sheet = sheets[i].sheet}, &table, &err));
        assert_int_equal(table_sheet_count(table), 3);
        assert_true(table_read(table, count_row, &rows, &err));
        assert_int_equal(rows, sheets[i].rows);
    }
    unlink("out.xlsx");
}

static void test_workbook_failures(void **state)
{
    (void)state;
    struct xlsx_form form = {.path = "out.xlsx", .sheet = "Q", .columns = columns, .column_count = COLUMNS};
    struct error err;
    char *text = xcalloc(1, 3 * XLSX_CELL_MAX + 4);
    for (size_t i = 0; i < XLSX_CELL_MAX; i++)
        strcpy(text + 3 * i, "中");
    struct xlsx_writer *writer = write_rows(&form, 2);
    assert_true(xlsx_writer_row(writer, (const char *const[]){text, "", ""}, &err));
    strcat(text, "x");
    assert_false(xlsx_writer_row(writer, (const char *const[]){"", text, ""}, &err));
    assert_int_equal(err.code, ERROR_INVALID);
    assert_non_null(strstr(err.detail[LANGUAGE_EN], "row 4, column “b”: longer than 32767 characters"));
    xlsx_writer_free(&writer);
    free(text);
    assert_int_equal(access("out.xlsx", F_OK), -1);

    form.path = "nowhere/out.xlsx";
    assert_false(xlsx_writer_open(&form, &writer, &err));
    assert_int_equal(err.code, ERROR_UNAVAILABLE);

    form.path = "out.xlsx";
    form.sheet = "a/b";
    assert_false(xlsx_writer_open(&form, &writer, &err));
    form.sheet = "Q";
    form.temporary_folder = "/proc/self/nowhere";
    assert_false(xlsx_writer_open(&form, &writer, &err));
    assert_int_equal(access("out.xlsx", F_OK), -1);
}

#define DISK_STEP 16384

/* Rows and end; false: the writer said that it cannot. */
static bool write_workbook(const struct xlsx_form *form, int64_t last, struct error *err)
{
    CLEANUP(xlsx_writer_free) struct xlsx_writer *writer = NULL;
    if (!xlsx_writer_open(form, &writer, err))
        return false;
    for (int64_t row = 2; row <= last; row++)
        if (!xlsx_writer_row(writer, (const char *const[]){text_of(row, 0), text_of(row, 1), text_of(row, 2)},
                             err))
            return false;
    return xlsx_writer_finish(writer, err);
}

/* No file may grow beyond so many bytes, as if the disk were full. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Rows wait in temporary files: a workbook is whole, or it is refused, wherever the disk was full. */
static void test_full_disk(void **state)
{
    (void)state;
    struct xlsx_form form = {.path = "out.xlsx",
                             .sheet = "Q",
                             .columns = columns,
                             .column_count = COLUMNS,
                             .rows_per_sheet = 1000};
    struct error err;
    bool done = false;
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t bytes = 0; !done; bytes += DISK_STEP) {
        limit_files(bytes);
        done = write_workbook(&form, 1500, &err);
        limit_files(RLIM_INFINITY);
        if (!done)
            assert_int_equal(err.code, ERROR_UNAVAILABLE);
        assert_int_equal(access("out.xlsx", F_OK), done ? 0 : -1);
    }
    CLEANUP(table_close) struct table *table = NULL;
    int rows = 0;
    assert_true(table_open("out.xlsx", &(struct table_options){.sheet = "Q"}, &table, &err));
    assert_true(table_read(table, count_row, &rows, &err));
    assert_int_equal(rows, 1000);
    unlink("out.xlsx");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guard),
        cmocka_unit_test(test_csv_there_and_back),
        cmocka_unit_test(test_csv_bytes),
        cmocka_unit_test(test_xlsx_there_and_back),
        cmocka_unit_test(test_full_sheets_go_on),
        cmocka_unit_test(test_workbook_failures),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
