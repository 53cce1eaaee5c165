/* formats/csv: rows, delimiters, errors with their places, and the collection csv-spectrum (skipped where
 * $KIMONO_TEST_CSV_SPECTRUM does not name its folder). Encodings: test_encoding.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "formats/csv.h"

/* ---- a source in memory that gives `step` bytes at a time ---- */

struct memory {
    const char *bytes;
    size_t length, at, step;
};

static ssize_t read_memory(void *context, void *bytes, size_t size)
{
    struct memory *memory = context;
    size_t left = memory->length - memory->at, take = left < memory->step ? left : memory->step;
    take = take < size ? take : size;
    memcpy(bytes, memory->bytes + memory->at, take);
    memory->at += take;
    return (ssize_t)take;
}

/* Rows as text: fields between bars, "number,line:" before each. */
static bool write_row(void *context, const struct table_row *row, struct error *err)
{
    (void)err;
    struct strbuf *out = context;
    strbuf_printf(out, "%d,%d:", (int)row->number, (int)row->line);
    for (size_t i = 0; i < row->count; i++)
        strbuf_printf(out, "%s%s", i ? "|" : "", row->fields[i]);
    strbuf_putc(out, '~');
    return true;
}

static bool read_text(const char *bytes, size_t length, char delimiter, size_t step, struct strbuf *out,
                      struct error *err)
{
    struct memory memory = {bytes, length, 0, step};
    struct byte_source source = {read_memory, &memory};
    error_clear(err);
    return csv_read(&source, delimiter, write_row, out, err);
}

static void expect_rows(const char *text, size_t length, char delimiter, const char *rows)
{
    static const size_t steps[] = {1, 2, 3, 7, 65536};
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        CLEANUP(strbuf_release) struct strbuf out = {0};
        struct error err;
        if (!read_text(text, length, delimiter, steps[i], &out, &err))
            fail_msg("%s: %s", text, err.detail[LANGUAGE_EN]);
        assert_string_equal(strbuf_text(&out), rows);
    }
}

struct rows_case {
    const char *text, *rows;
};

static void test_comma_separated(void **state)
{
    (void)state;
    static const struct rows_case cases[] = {
        {"", ""},
        {"\n\r\n  \n", ""},
        {"a,b\n1,2\n", "1,1:a|b~2,2:1|2~"},
        {"a,b\n1,2", "1,1:a|b~2,2:1|2~"},
        {"a,b\r\n1,2\r\n", "1,1:a|b~2,2:1|2~"},
        {"a,b\r1,2\r", "1,1:a|b~2,2:1|2~"},
        {"\xEF\xBB\xBF"
         "问题,答案\n一,二\n",
         "1,1:问题|答案~2,2:一|二~"},
        {"a;b,c,d\n1;2,3,4\n", "1,1:a;b|c|d~2,2:1;2|3|4~"},
        {"a;b;c,d\n1;2;3\n", "1,1:a|b|c,d~2,2:1|2|3~"},
        {"a;b,c,d\n1;2,3\n4;5\n", "1,1:a|b,c,d~2,2:1|2,3~3,3:4|5~"},
        {"a,b\n1;2;3,4\n5;6;7,8\n", "1,1:a|b~2,2:1;2;3|4~3,3:5;6;7|8~"},
        {"a;b\n\"1,\n,2\";3\n", "1,1:a|b~2,2:1,\n,2|3~"},
        {"\"a,a,a\";b\n1;2\n", "1,1:a,a,a|b~2,2:1|2~"},
        {"a\n1,2\n", "1,1:a~2,2:1|2~"},
        {"a,b\n\"x\n\ny\",2\n3,4\n", "1,1:a|b~2,2:x\n\ny|2~3,5:3|4~"},
        {"a,b\n\n\n3,4\n", "1,1:a|b~4,4:3|4~"},
        {"a,b\n\"x\"\"y\",\"\"\n", "1,1:a|b~2,2:x\"y|~"},
        {"a,b\n5\" wide,it's \"so\"\n", "1,1:a|b~2,2:5\" wide|it's \"so\"~"},
        {"a,b\n x y , \"z w\" \n", "1,1:a|b~2,2:x y|z w~"},
        {"a,b\n,\n", "1,1:a|b~2,2:|~"},
        {"a,b,c\n \tx y\t,\t , \n,,z", "1,1:a|b|c~2,2:x y||~3,3:||z~"},
        {"a,b\r1, 2 \r\r\n\"3\",4 \r\n5,6\r", "1,1:a|b~2,2:1|2~4,4:3|4~5,5:5|6~"},
        {"a\tb\n1\t2,3\n", "1,1:a|b~2,2:1|2,3~"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect_rows(cases[i].text, strlen(cases[i].text), 0, cases[i].rows);
}

/* As Excel writes and takes it: a first line that names the delimiter is no row. */
static void test_delimiter_line(void **state)
{
    (void)state;
    static const struct rows_case cases[] = {
        {"sep=;\r\na;b\n1;2,3\n", "1,2:a|b~2,3:1|2,3~"},
        {"sep=,\na;x,b;y\n", "1,2:a;x|b;y~"},
        {"SEP=\t\ra\tb\r", "1,2:a|b~"},
        {"\xEF\xBB\xBFsep=;\na,b;c\n", "1,2:a,b|c~"},
        {"sep=;", ""},
        {"sep=;\nsep=;\n", "1,2:sep=|~"},
        {"sep=;x;y\n", "1,1:sep=|x|y~"},
        {"sep=\n", "1,1:sep=~"},
        {"\nsep=;\n", "2,2:sep=|~"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect_rows(cases[i].text, strlen(cases[i].text), 0, cases[i].rows);
}

static void test_tab_separated(void **state)
{
    (void)state;
    static const char lines_of_tabs[] = "\t\na\tb\n\t\n1\t2\n";
    static const struct rows_case cases[] = {
        {"a\tb\n1\t2\n", "1,1:a|b~2,2:1|2~"},
        {"a\tb\r\n1\t\r\n", "1,1:a|b~2,2:1|~"},
        {"a,b\n1,2\n", "1,1:a,b~2,2:1,2~"},
        /* quotes that are letters */
        {"a\tb\nsay \"hi\"\t5\"\n", "1,1:a|b~2,2:say \"hi\"|5\"~"},
        {"a\tb\n\"hi\" he said\tx\n", "1,1:a|b~2,2:\"hi\" he said|x~"},
        {"a\tb\n\"never closed\tx\ny\tz\n", "1,1:a|b~2,2:\"never closed|x~3,3:y|z~"},
        {"a\tb\n\"\tx\ny\tz\n", "1,1:a|b~2,2:\"|x~3,3:y|z~"},
        {"a\tb\n\"one\tx\ntwo\"\ty\n", "1,1:a|b~2,2:\"one|x~3,3:two\"|y~"},
        {"a\tb\n\"x\ty\"\n", "1,1:a|b~2,2:\"x|y\"~"},
        {"a\tb\n\"say \"hi\"\"\tx\n", "1,1:a|b~2,2:\"say \"hi\"\"|x~"},
        /* quotes of a spreadsheet */
        {"a\tb\n\"x\"\t\"y \"\"z\"\"\"\n", "1,1:a|b~2,2:x|y \"z\"~"},
        {"a\tb\n\"x\ty\"\tz\n", "1,1:a|b~2,2:x\ty|z~"},
        {"a\tb\n\"x\ny\"\tz\n1\t2\n", "1,1:a|b~2,2:x\ny|z~3,4:1|2~"},
        {"a\tb\nz\t\"x\ny\"\n1\t2\n", "1,1:a|b~2,2:z|x\ny~3,4:1|2~"},
        {"a\tb\n\"\"\t\"\"\n", "1,1:a|b~2,2:|~"},
        {"a\tb\n\"x\"", "1,1:a|b~2,2:x~"},
        /* lines of tabs, which are blank before the heading only */
        {lines_of_tabs, "2,2:a|b~3,3:|~4,4:1|2~"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect_rows(cases[i].text, strlen(cases[i].text), '\t', cases[i].rows);
    expect_rows(lines_of_tabs, strlen(lines_of_tabs), 0, "2,2:a|b~3,3:|~4,4:1|2~");
}

/* ---- what is refused, and where ---- */

static void expect_error(const char *text, size_t length, const char *part)
{
    static const size_t steps[] = {1, 3, 65536};
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        CLEANUP(strbuf_release) struct strbuf out = {0};
        struct error err;
        if (read_text(text, length, 0, steps[i], &out, &err))
            fail_msg("'%s' was read: %s", part, strbuf_text(&out));
        assert_int_equal(err.code, ERROR_INVALID);
        if (!strstr(err.detail[LANGUAGE_EN], part))
            fail_msg("'%s' is not in '%s'", part, err.detail[LANGUAGE_EN]);
    }
}

static void test_errors_have_places(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length; /* 0: strlen */
        const char *part;
    } cases[] = {
        {"a,b\n1,\"2\n3,4\n", 0, "line 2: a quote is opened"},
        {"a,b\nxy,\"2\"3,4\n", 0, "line 2, column 6: a quote inside"},
        {"a,b\n\"x\ny\"z,1\n", 0, "line 3, column 2: a quote inside"},
        {"a,b\n问,\xC4\xE3\n", 0, "line 2, column 3: this is not UTF-8"},
        {"问题,b\r\n\r\n1,\xE4\xB8", 0, "line 3, column 3: this is not UTF-8"},
        {"问题,b\n1,\xED\xA0\x80\n", 0, "line 2, column 3: this is not UTF-8"},
        {"a,b\n1,\0002\n", 8, "line 2, column 3: a NUL byte"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect_error(cases[i].text, cases[i].length ? cases[i].length : strlen(cases[i].text), cases[i].part);
}

static void test_ceilings(void **state)
{
    (void)state;
    CLEANUP(strbuf_release) struct strbuf text = {0};
    struct error err;
    strbuf_puts(&text, "a,b\n1,");
    for (size_t i = 0; i < CSV_FIELD_MAX; i++)
        strbuf_putc(&text, 'x');
    CLEANUP(strbuf_release) struct strbuf out = {0};
    assert_true(read_text(text.bytes, text.length, 0, 65536, &out, &err));
    strbuf_puts(&text, "y\n");
    expect_error(text.bytes, text.length, "line 2: a field of this row is larger than 64 KiB");

    strbuf_reset(&text);
    strbuf_puts(&text, "a,b\n1,2\n\"3,");
    for (size_t i = 0; i < CSV_ROW_MAX / 8; i++)
        strbuf_puts(&text, "4,5,6,7\n");
    expect_error(text.bytes, text.length, "line 3: the row that begins here is larger");

    /* Empty cells at a row's end count no more than in a workbook. */
    static const char delimiters[] = ",;\t";
    for (size_t kind = 0; kind < sizeof(delimiters) - 1; kind++) {
        strbuf_reset(&text);
        strbuf_puts(&text, "a");
        for (size_t i = 0; i < 400; i++)
            strbuf_putc(&text, delimiters[kind]);
        strbuf_puts(&text, "\n1");
        for (size_t i = 0; i < 400; i++)
            strbuf_putc(&text, delimiters[kind]);
        strbuf_reset(&out);
        assert_true(read_text(text.bytes, text.length, 0, 65536, &out, &err));
        strbuf_puts(&text, "x\n");
        expect_error(text.bytes, text.length, "line 2: more than 256 columns");
    }
}

/* Many rows, so that the window moves; characters and quotes fall on its edges. */
static bool count_row(void *context, const struct table_row *row, struct error *err)
{
    (void)err;
    int64_t *count = context;
    char question[64];
    if (row->number > 1) {
        snprintf(question, sizeof(question), "问题 %d，\n“好”？", (int)row->number);
        assert_int_equal(row->count, 2);
        assert_string_equal(row->fields[0], question);
        assert_string_equal(row->fields[1], "a \"b\" ü");
    }
    ++*count;
    return true;
}

static void test_long_input(void **state)
{
    (void)state;
    static const char delimiters[] = ",;\t";
    for (size_t kind = 0; kind < 3; kind++) {
        CLEANUP(strbuf_release) struct strbuf text = {0};
        strbuf_printf(&text, "q%ca\n", delimiters[kind]);
        for (int row = 2; row <= 60000; row++)
            strbuf_printf(&text, "\"问题 %d，\n“好”？\"%c\"a \"\"b\"\" ü\"\n", row, delimiters[kind]);
        struct memory memory = {text.bytes, text.length, 0, 4099};
        struct byte_source source = {read_memory, &memory};
        struct error err;
        int64_t count = 0;
        assert_true(csv_read(&source, 0, count_row, &count, &err));
        assert_int_equal(count, 60000);
    }
}

static bool stop_at_second(void *context, const struct table_row *row, struct error *err)
{
    ++*(int *)context;
    return row->number < 2 || error_set(err, ERROR_CONFLICT, "enough", "够了");
}

static void test_each_may_stop(void **state)
{
    (void)state;
    struct memory memory = {"a\n1\n2\n3\n", 8, 0, 8};
    struct byte_source source = {read_memory, &memory};
    struct error err;
    int rows = 0;
    assert_false(csv_read(&source, 0, stop_at_second, &rows, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_int_equal(rows, 2);
}

/* ---- csv-spectrum ---- */

#define SPECTRUM "KIMONO_TEST_CSV_SPECTRUM"

struct spectrum {
    char names[16][64];
    size_t columns;
    cJSON *rows; /* an array of objects */
    int at;
};

static bool compare_row(void *context, const struct table_row *row, struct error *err)
{
    (void)err;
    struct spectrum *spectrum = context;
    if (row->number == 1) {
        spectrum->columns = row->count;
        for (size_t i = 0; i < row->count; i++)
            snprintf(spectrum->names[i], sizeof(spectrum->names[i]), "%s", row->fields[i]);
        return true;
    }
    const cJSON *want =
        cJSON_IsArray(spectrum->rows) ? cJSON_GetArrayItem(spectrum->rows, spectrum->at) : spectrum->rows;
    spectrum->at++;
    assert_non_null(want);
    assert_int_equal(row->count, spectrum->columns);
    for (size_t i = 0; i < row->count; i++) {
        /* The collection's answer has another telephone number than its file. */
        if (strcmp(spectrum->names[i], "Contact Phone Number") == 0)
            continue;
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(want, spectrum->names[i]);
        assert_non_null(value);
        assert_string_equal(row->fields[i], cJSON_GetStringValue(value));
    }
    return true;
}

/* `crlf`: files that are about \r\n may have lost it on their way through version control. */
static char *read_whole(const char *path, bool crlf, size_t *ret_length)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    for (int c; (c = fgetc(file)) != EOF;) {
        if (c == '\n' && crlf && !(text.length && text.bytes[text.length - 1] == '\r'))
            strbuf_putc(&text, '\r');
        strbuf_putc(&text, (char)c);
    }
    fclose(file);
    return strbuf_detach(&text, ret_length);
}

static void test_spectrum(void **state)
{
    (void)state;
    static const char *const names[] = {"comma_in_quotes", "empty",         "empty_crlf",
                                        "escaped_quotes",  "json",          "location_coordinates",
                                        "newlines",        "newlines_crlf", "quotes_and_newlines",
                                        "simple",          "simple_crlf",   "utf8"};
    char path[512];
    const char *folder = getenv(SPECTRUM);
    if (!folder)
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct spectrum spectrum = {.at = 0};
        struct error err;
        snprintf(path, sizeof(path), "%s/json/%s.json", folder, names[i]);
        CLEANUP(free_pointer) char *json = read_whole(path, false, NULL);
        spectrum.rows = cJSON_Parse(json);
        assert_non_null(spectrum.rows);
        snprintf(path, sizeof(path), "%s/csvs/%s.csv", folder, names[i]);
        struct memory memory = {.step = 65536};
        CLEANUP(free_pointer)
        char *bytes = read_whole(path, strstr(names[i], "_crlf") != NULL, &memory.length);
        memory.bytes = bytes;
        struct byte_source source = {read_memory, &memory};
        error_clear(&err);
        if (!csv_read(&source, 0, compare_row, &spectrum, &err))
            fail_msg("%s", err.detail[LANGUAGE_EN]);
        assert_int_equal(spectrum.at, cJSON_IsArray(spectrum.rows) ? cJSON_GetArraySize(spectrum.rows) : 1);
        cJSON_Delete(spectrum.rows);
    }
}

static void test_files_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *path, *part;
    } cases[] = {
        {"/nowhere/x.csv", "/nowhere/x.csv: it cannot be opened"},
        {"/tmp", "/tmp: it is a folder"},
        {"/dev/null", "/dev/null: it is no regular file"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(strbuf_release) struct strbuf out = {0};
        struct error err;
        assert_false(csv_read_file(cases[i].path, write_row, &out, &err));
        assert_non_null(strstr(err.detail[LANGUAGE_EN], cases[i].part));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comma_separated),
        cmocka_unit_test(test_tab_separated),
        cmocka_unit_test(test_delimiter_line),
        cmocka_unit_test(test_errors_have_places),
        cmocka_unit_test(test_ceilings),
        cmocka_unit_test(test_long_input),
        cmocka_unit_test(test_each_may_stop),
        cmocka_unit_test(test_spectrum),
        cmocka_unit_test(test_files_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
