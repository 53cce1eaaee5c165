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
        number_format_write(&(struct number_style){.code = cases[i].code}, cases[i].value,
                            &(struct number_workbook){0}, &out);
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
        {NULL, 1.0 / 3, "0.333333333333333"},
        {NULL, 12345678901, "12345678901"},
        {NULL, 123456789012, "123456789012"},
        {NULL, 819012345678, "819012345678"},
        {NULL, -123456789012345, "-123456789012345"},
        {NULL, 110101199003071232, "110101199003071000"},
        {NULL, 99999999999.5, "99999999999.5"},
        {NULL, 1234567.891234, "1234567.891234"},
        {NULL, 13800138000, "13800138000"},
        {NULL, 0.0001, "0.0001"},
        {NULL, 0.00012345678901, "0.00012345678901"},
        {NULL, 0.00001, "1E-05"},
        {NULL, 0.00001234567, "1.234567E-05"},
        {NULL, 1e100, "1E+100"},
        {NULL, 9999995e10, "99999950000000000"},
        {NULL, 1e20, "100000000000000000000"},
        {NULL, 1.5e21, "1.5E+21"},
        {NULL, 0.1 * 3, "0.3"},
        {NULL, 19.989999999999998, "19.99"},
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
    assert_string_equal(number_format_eastern(31, NUMBER_LANGUAGE_CHINESE), "yyyy\"年\"m\"月\"d\"日\"");
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

/* As a spreadsheet shows them, but for the spaces that align them. */
static void test_fractions(void **state)
{
    (void)state;
    static const struct shown_case cases[] = {
        {"# ?/?", 0.5, "1/2"},
        {"# ?/?", 1.5, "1 1/2"},
        {"# ?/?", 2, "2"},
        {"# ?/?", 0, "0"},
        {"# ?/?", -1.25, "-1 1/4"},
        {"# ?/?", 0.333, "1/3"},
        {"# ?/?", 0.99, "1"},
        {"# ?\?/?\?", 3.14159265, "3 1/7"},
        {"# ?\?/?\?", 0.37, "10/27"},
        {"# ?\?\?/?\?\?", 3.14159265, "3 16/113"},
        {"# ?/8", 0.5, "4/8"},
        {"# ?\?/100", 1.25, "1 25/100"},
        {"?/?", 1.5, "3/2"},
        {"?/?", 2, "2/1"},
        {"0 ?/?", 0.25, "0 1/4"},
        {"# ?/?\" 小时\"", 1.5, "1 1/2 小时"},
        {"#\\ ?/?", 1.5, "1 1/2"},
    };
    expect_shown(cases, ARRAY_SIZE(cases));
}

/* ---- dates by language ---- */

struct dated_case {
    const char *code;
    unsigned eastern;
    enum number_language language;
    double value;
    const char *shown;
    enum number_note note;
};

static void expect_dated(const struct dated_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(strbuf_release) struct strbuf out = {0};
        struct number_style style = {cases[i].code, cases[i].eastern};
        struct number_workbook workbook = {.language = cases[i].language};
        enum number_note note = number_format_write(&style, cases[i].value, &workbook, &out);
        if (strcmp(strbuf_text(&out), cases[i].shown) != 0 || note != cases[i].note)
            fail_msg("%.17g as %s (%u, language %d): '%s' (%d), not '%s' (%d)", cases[i].value, style.code,
                     style.eastern, (int)workbook.language, strbuf_text(&out), (int)note, cases[i].shown,
                     (int)cases[i].note);
    }
}

#define TUESDAY 46350 /* 2026-11-24 */

#define NONE NUMBER_LANGUAGE_UNKNOWN
#define JA NUMBER_LANGUAGE_JAPANESE
#define ZH NUMBER_LANGUAGE_CHINESE

static void test_eras_and_days(void **state)
{
    (void)state;
    static const struct dated_case cases[] = {
        {"[$-411]ggge\"年\"m\"月\"d\"日\";@", 0, NONE, TUESDAY, "令和8年11月24日", NUMBER_SURE},
        {"[$-411]ge\\.m\\.d;@", 0, NONE, TUESDAY, "R8.11.24", NUMBER_SURE},
        {"[$-ja-JP]gge\"年\"", 0, NONE, TUESDAY, "令8年", NUMBER_SURE},
        {"[$-411]gggee\"年\"mm\"月\"", 0, NONE, TUESDAY, "令和08年11月", NUMBER_SURE},
        {"[$-ja-JP-x-gannen]ggge\"年\"m\"月\"", 0, NONE, 43586, "令和元年5月", NUMBER_SURE},
        {"[$-411]ggge\"年\"m\"月\"d\"日\"", 0, NONE, 43586, "令和1年5月1日", NUMBER_SURE},
        {"[$-411]ggge\"年\"m\"月\"d\"日\"", 0, NONE, 43585, "平成31年4月30日", NUMBER_SURE},
        {"[$-411]ge.m.d", 0, NONE, 32515, "S64.1.7", NUMBER_SURE},
        {"[$-411]ge.m.d", 0, NONE, 32516, "H1.1.8", NUMBER_SURE},
        {"[$-411]ge.m.d", 0, NONE, 2, "M33.1.2", NUMBER_SURE},
        {"ggge\"年\"", 0, JA, TUESDAY, "令和8年", NUMBER_SURE},
        {"ggge\"年\"", 0, NONE, TUESDAY, "令和8年", NUMBER_GUESSED},
        {"[$-411]e", 0, NONE, TUESDAY, "8", NUMBER_SURE},
        {"e\"年\"", 0, ZH, TUESDAY, "2026年", NUMBER_SURE},
        {"[$-404]e/m/d", 0, NONE, TUESDAY, "115/11/24", NUMBER_SURE},
        {"[$-404]ggge\"年\"m\"月\"", 0, NONE, TUESDAY, "中華民國115年11月", NUMBER_SURE},
        {"[$-411]aaaa", 0, NONE, TUESDAY, "火曜日", NUMBER_SURE},
        {"[$-411]aaa", 0, NONE, TUESDAY, "火", NUMBER_SURE},
        {"m\"月\"d\"日\"(aaa)", 0, JA, TUESDAY, "11月24日(火)", NUMBER_SURE},
        {"[$-804]aaaa", 0, NONE, TUESDAY, "星期二", NUMBER_SURE},
        {"[$-804]ddd", 0, NONE, TUESDAY, "周二", NUMBER_SURE},
        {"[$-404]ddd", 0, NONE, TUESDAY, "週二", NUMBER_SURE},
        {"[$-412]aaaa", 0, NONE, TUESDAY, "화요일", NUMBER_SURE},
        {"[$-412]yyyy\"년\" m\"월\" d\"일\" dddd", 0, NONE, TUESDAY, "2026년 11월 24일 화요일", NUMBER_SURE},
        {"aaaa", 0, NONE, TUESDAY, "星期二", NUMBER_GUESSED},
        {"[$-411]AM/PM h:mm", 0, NONE, TUESDAY + .75, "午後 6:00", NUMBER_SURE},
        {"[$-412]AM/PM h:mm", 0, NONE, TUESDAY + .25, "오전 6:00", NUMBER_SURE},
        {"[$-411]mmmm d", 0, NONE, TUESDAY, "11月 24", NUMBER_SURE},
        {"[$-409]dddd", 0, JA, TUESDAY, "Tuesday", NUMBER_SURE},
        /* Not understood: an ISO date, and said. */
        {"[$-407]dddd, d. mmmm yyyy", 0, NONE, TUESDAY, "2026-11-24", NUMBER_GUESSED},
        {"[$-419]d mmm yyyy", 0, NONE, TUESDAY + .5, "2026-11-24 12:00:00", NUMBER_GUESSED},
        {"[$-407]d.m.yyyy", 0, NONE, TUESDAY, "24.11.2026", NUMBER_SURE},
        {"[$-1060000]yyyy/m/d", 0, NONE, TUESDAY, "2026-11-24", NUMBER_GUESSED},
        {"[$-D07041E]d mmm yyyy", 0, NONE, TUESDAY, "2026-11-24", NUMBER_GUESSED},
        {"[$-F800]dddd, mmmm dd, yyyy", 0, NONE, TUESDAY, "2026-11-24", NUMBER_GUESSED},
        {"bbbb-mm-dd", 0, NONE, TUESDAY, "2026-11-24", NUMBER_GUESSED},
        {"yyyyw", 0, NONE, TUESDAY, "2026-11-24", NUMBER_GUESSED},
        {"0.0zz", 0, NONE, 1.5, "1.5", NUMBER_GUESSED},
    };
    expect_dated(cases, ARRAY_SIZE(cases));
}

/* The formats that differ by language: right where it is known, else what the number has. */
static void test_eastern_formats(void **state)
{
    (void)state;
    static const struct dated_case cases[] = {
        {NULL, 55, NUMBER_LANGUAGE_JAPANESE, TUESDAY, "2026年11月", NUMBER_SURE},
        {NULL, 56, NUMBER_LANGUAGE_JAPANESE, TUESDAY, "11月24日", NUMBER_SURE},
        {NULL, 27, NUMBER_LANGUAGE_JAPANESE, TUESDAY, "R8.11.24", NUMBER_SURE},
        {NULL, 28, NUMBER_LANGUAGE_JAPANESE, TUESDAY, "令和8年11月24日", NUMBER_SURE},
        {NULL, 31, NUMBER_LANGUAGE_CHINESE, TUESDAY, "2026年11月24日", NUMBER_SURE},
        {NULL, 55, NUMBER_LANGUAGE_CHINESE, .75, "下午6时00分", NUMBER_SURE},
        {NULL, 27, NUMBER_LANGUAGE_TRADITIONAL, TUESDAY, "115/11/24", NUMBER_SURE},
        {NULL, 31, NUMBER_LANGUAGE_KOREAN, TUESDAY, "2026년 11월 24일", NUMBER_SURE},
        {NULL, 55, NUMBER_LANGUAGE_UNKNOWN, TUESDAY, "2026年11月", NUMBER_GUESSED},
        {NULL, 32, NUMBER_LANGUAGE_UNKNOWN, TUESDAY, "2026-11-24", NUMBER_GUESSED},
        {NULL, 31, NUMBER_LANGUAGE_UNKNOWN, .5, "12:00:00", NUMBER_GUESSED},
    };
    expect_dated(cases, ARRAY_SIZE(cases));
    static const double values[] = {TUESDAY, .75, 1, 46350.25};
    for (unsigned id = 27; id <= 58; id++)
        for (size_t i = 0; i < ARRAY_SIZE(values) && number_format_is_eastern(id); i++) {
            CLEANUP(strbuf_release) struct strbuf out = {0};
            enum number_note note = number_format_write(&(struct number_style){.eastern = id}, values[i],
                                                        &(struct number_workbook){0}, &out);
            assert_int_equal(note, NUMBER_GUESSED);
            if (i == 0 && (strstr(out.bytes, "分") || strchr(out.bytes, ':')))
                fail_msg("format %u shows a time for a whole day: %s", id, out.bytes);
            if (i == 1 && !strstr(out.bytes, "分") && !strchr(out.bytes, ':'))
                fail_msg("format %u shows a date for a time: %s", id, out.bytes);
        }
}

/* Whatever the code: no letter of it is shown that was not meant to be. */
static void test_codes_do_not_leak(void **state)
{
    (void)state;
    static const char *const codes[] = {"ggge年mm月dd日",
                                        "gge",
                                        "ge",
                                        "g",
                                        "ee",
                                        "eee",
                                        "aaa",
                                        "aaaa",
                                        "aaaaa",
                                        "rr.mm.dd",
                                        "r",
                                        "bb",
                                        "bbbb",
                                        "nnn",
                                        "nnnn",
                                        "[$-411]ggg",
                                        "[$-411]aaaa;@",
                                        "[DBNum1][$-804]yyyy\"年\"m\"月\"",
                                        "[DBNum3]0",
                                        "d/m/yyyy",
                                        "dddd",
                                        "mmmmm",
                                        "yyyy\"年\"",
                                        "[$-30411]e/m/d",
                                        "[ENG][$-411]ge",
                                        "h",
                                        "hh\"時\"",
                                        "ss.00",
                                        "b2yyyy",
                                        "ww",
                                        "q",
                                        "G/通用格式",
                                        "G/標準",
                                        "[$-F400]h:mm:ss AM/PM",
                                        "[h]",
                                        "[mm]:ss",
                                        "yyyy-mm-dd;@",
                                        "AM/PM",
                                        "A/P"};
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
        for (int language = 0; language <= NUMBER_LANGUAGE_OTHER; language++) {
            CLEANUP(strbuf_release) struct strbuf out = {0};
            number_format_write(&(struct number_style){.code = codes[i]}, TUESDAY,
                                &(struct number_workbook){.language = (enum number_language)language}, &out);
            const char *shown = strbuf_text(&out);
            bool is_name = strstr(shown, "Tuesday") || strstr(shown, "Nov") || strcmp(shown, "N") == 0 ||
                           strcmp(shown, "A") == 0 || strcmp(shown, "AM") == 0 || strstr(shown, " AM") ||
                           *shown == 'R';
            if (*shown == '\0' || (!is_name && strpbrk(shown, "abcdefghijklmnopqrstuvwxyzGERBAQ")))
                fail_msg("%s (language %d) shows '%s'", codes[i], language, shown);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_general),         cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_dates),           cmocka_unit_test(test_iso_dates),
        cmocka_unit_test(test_fractions),       cmocka_unit_test(test_eras_and_days),
        cmocka_unit_test(test_eastern_formats), cmocka_unit_test(test_codes_do_not_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
