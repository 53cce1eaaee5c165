/* formats/number_format: numbers and dates as a spreadsheet shows them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "formats/number_format.h"

struct shown_case {
    const char *code;
    double value;
    const char *shown;
};

static void expect_shown(const struct shown_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(strbuf_release) struct strbuf out = {0};
        number_format_write(cases[i].code, cases[i].value, false, &out);
        if (strcmp(strbuf_text(&out), cases[i].shown) != 0)
            fail_msg("%.17g as %s: '%s', not '%s'", cases[i].value, cases[i].code, strbuf_text(&out),
                     cases[i].shown);
    }
}

static void test_general(void **state)
{
    (void)state;
    static const struct shown_case cases[] = {
        {NULL, 0, "0"},
        {"General", 1, "1"},
        {NULL, -1.5, "-1.5"},
        {NULL, 0.1 + 0.2, "0.3"},
        {NULL, 1.0 / 3, "0.333333333"},
        {NULL, 12345678901, "12345678901"},
        {NULL, 123456789012, "1.23457E+11"},
        {NULL, 99999999999.5, "1E+11"},
        {NULL, 1234567.891234, "1234567.891"},
        {NULL, 13800138000, "13800138000"},
        {NULL, 0.0001, "0.0001"},
        {NULL, 0.00012345678901, "0.000123457"},
        {NULL, 0.00001, "1E-05"},
        {NULL, 0.00001234567, "1.23457E-05"},
        {NULL, 1e100, "1E+100"},
        {NULL, 9999995e10, "1E+17"},
        {"@", 42, "42"},
        {"General\"元\"", 12.5, "12.5元"},
        {"G/通用格式", 3, "3"},
    };
    expect_shown(cases, ARRAY_SIZE(cases));
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct shown_case cases[] = {
        {"0", 2.5, "3"},
        {"0", -0.5, "-1"},
        {"0.00", 1.005, "1.01"},
        {"0.00", 1234.5, "1234.50"},
        {"#,##0", 1234567, "1,234,567"},
        {"#,##0", 12, "12"},
        {"#,##0.00", 999.999, "1,000.00"},
        {"0,000", 12, "0,012"},
        {"#,##0,", 1234567, "1,235"},
        {"0.0,,\"M\"", 12345678, "12.3M"},
        {"0%", 0.256, "26%"},
        {"0.00%", 1.23456, "123.46%"},
        {"00000", 42, "00042"},
        {"000-0000-0000", 13800138000, "138-0013-8000"},
        {"0.###", 1.5, "1.5"},
        {"0.###", 2, "2."},
        {"#", 0, ""},
        {"#.##", 0.5, ".5"},
        {".00", 12.345, "12.35"},
        {"0.00E+00", 12345, "1.23E+04"},
        {"0.00E+00", 0.00012345, "1.23E-04"},
        {"0.00E+00", 9.999, "1.00E+01"},
        {"##0.0E+0", 12345, "12.3E+3"},
        {"0.0E-0", 0.5, "5.0E-1"},
        {"\"¥\"#,##0.00", 1234.5, "¥1,234.50"},
        {"[$¥-804]#,##0.00", 1234.5, "¥1,234.50"},
        {"[$€-2] 0.0", 2, "€ 2.0"},
        {"_(* #,##0.00_);_(* (#,##0.00);_(* \"-\"??_);_(@_)", 1234.5, "1,234.50"},
        {"_(* #,##0.00_);_(* (#,##0.00);_(* \"-\"??_);_(@_)", -1234.5, "(1,234.50)"},
        {"_(* #,##0.00_);_(* (#,##0.00);_(* \"-\"??_);_(@_)", 0, "-"},
        {"0;[Red]-0", -5, "-5"},
        {"0;(0);\"none\"", 0, "none"},
        {"[>=100]\"many\";0", 100, "many"},
        {"[>=100]\"many\";0", 5, "5"},
        {"[<0]\"low\";[>10]\"high\";0.0", 5, "5.0"},
        {"[<0]\"low\";[>10]\"high\";0.0", 50, "high"},
        {"0\\ \"件\"", 7, "7 件"},
        {"# ?/?", 0.5, "0.5"},
        {"0.0", 1e20, "100000000000000000000.0"},
        {"0", 123456789012345678.0, "123456789012346000"},
        {"", 5, "5"},
    };
    expect_shown(cases, ARRAY_SIZE(cases));
}

static void test_dates(void **state)
{
    (void)state;
    static const double day = 46348, noon = 46348.5, time = 46348 + (20 * 3600 + 5 * 60 + 9.25) / 86400;
    const struct shown_case cases[] = {
        {"yyyy-mm-dd", day, "2026-11-22"},
        {"yyyy-mm-dd hh:mm:ss", time, "2026-11-22 20:05:09"},
        {"yyyy/m/d h:mm", time, "2026/11/22 20:05"},
        {"yyyy\"年\"m\"月\"d\"日\"", day, "2026年11月22日"},
        {"[$-804]yyyy\"年\"m\"月\"d\"日\" dddd;@", day, "2026年11月22日 星期日"},
        {"aaaa", day, "星期日"},
        {"[$-409]d-mmm-yy;@", day, "22-Nov-26"},
        {"dddd, mmmm d, yyyy", day, "Sunday, November 22, 2026"},
        {"[$-zh-CN]mmmm", day, "十一月"},
        {"mmmmm", day, "N"},
        {"h:mm AM/PM", time, "8:05 PM"},
        {"h:mm AM/PM", day, "12:00 AM"},
        {"上午/下午h\"时\"mm\"分\"", noon, "下午12时00分"},
        {"mm:ss.00", time, "05:09.25"},
        {"ss.000", time, "09.250"},
        {"[h]:mm:ss", 1.5, "36:00:00"},
        {"[mm]:ss", 0.5, "720:00"},
        {"[ss]", 0.5, "43200"},
        {"hh:mm", 12.5 / 24, "12:30"},
        {"h:mm:ss", 0.99999999, "0:00:00"},
        {"yyyy-mm-dd", 60, "1900-02-29"},
        {"yyyy-mm-dd", 59, "1900-02-28"},
        {"yyyy-mm-dd", 61, "1900-03-01"},
        {"yyyy-mm-dd", 1, "1900-01-01"},
        {"yyyy-mm-dd", 2958465, "9999-12-31"},
        {"yyyy-mm-dd", -1, "-1"},
        {"yyyy-mm-dd", 2958466, "2958466"},
        {"yyyy-mm-dd", 36584, "2000-02-28"},
        {"yyyy-mm-dd\\Thh:mm:ss", noon, "2026-11-22T12:00:00"},
    };
    expect_shown(cases, ARRAY_SIZE(cases));
    assert_string_equal(number_format_builtin(14), "yyyy-mm-dd");
    assert_string_equal(number_format_builtin(31), "yyyy\"年\"m\"月\"d\"日\"");
    assert_null(number_format_builtin(163));
}

static void test_iso_dates(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "2026", "2026-13-01", "2026-11-22T25", "2026-11-22 x", "-5-1-1"};
    double value;
    assert_true(number_format_parse_date("2026-11-22", false, &value));
    assert_float_equal(value, 46348, 1e-9);
    assert_true(number_format_parse_date("2026-11-22T12:00:00Z", false, &value));
    assert_float_equal(value, 46348.5, 1e-9);
    assert_true(number_format_parse_date("2026-11-22", true, &value));
    assert_float_equal(value, 44886, 1e-9);
    assert_true(number_format_parse_date("1900-01-01", false, &value));
    assert_float_equal(value, 1, 1e-9);
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_false(number_format_parse_date(wrong[i], false, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_general),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_iso_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
