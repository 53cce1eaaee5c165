/* base/: UTF-8, buffers, arenas, errors, JSON in and out, the clock, histograms, identifiers, threads. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/histogram.h"
#include "base/identifier.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "base/worker_pool.h"

/* The same numbers in every run (xorshift64). */
static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* True if `act` ends the process by abort(), as an assertion does. */
static bool aborts(void (*act)(void))
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        assert_non_null(freopen("/dev/null", "w", stderr));
        signal(SIGABRT, SIG_DFL);
        act();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

/* --- the end for want of memory */

static void ask_for_too_much(void)
{
    free(xmalloc(SIZE_MAX / 2));
}

static void test_out_of_memory(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* a sanitizer's own allocator ends the process before xmalloc is told */
#endif
    int ends[2], status;
    char said[200] = {0};
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        ask_for_too_much();
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(read(ends[0], said, sizeof(said) - 1) > 0);
    close(ends[0]);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    assert_ptr_equal(strstr(said, "kimono: out of memory ("), said);
    assert_string_equal(strchr(said, '\n'), "\n");
}

/* --- UTF-8 */

static void test_utf8_mark(void **state)
{
    (void)state;
    static const struct {
        const char *text, *without;
    } cases[] = {{"\xEF\xBB\xBF"
                  "abc",
                  "abc"},
                 {"\xEF\xBB\xBF", ""},
                 {"\xEF\xBB", "\xEF\xBB"},
                 {"", ""},
                 {"abc\xEF\xBB\xBF", "abc\xEF\xBB\xBF"}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[16];
        snprintf(text, sizeof(text), "%s", cases[i].text);
        utf8_drop_mark(text);
        assert_string_equal(text, cases[i].without);
    }
}

static void test_utf8(void **state)
{
    (void)state;
    const struct {
        const char *bytes;
        bool valid;
        size_t count;
    } cases[] = {
        {"", true, 0},
        {"plain text that is longer than eight", true, 36},
        {"和服", true, 2},
        {"é", true, 1},
        {"😀 a", true, 3},
        {"\xc2\x80", true, 1},
        {"\xdf\xbf", true, 1},
        {"\xe0\xa0\x80", true, 1},
        {"\xed\x9f\xbf", true, 1},
        {"\xee\x80\x80", true, 1},
        {"\xf0\x90\x80\x80", true, 1},
        {"\xf4\x8f\xbf\xbf", true, 1},
        {"\x80", false, 0},     /* continuation alone */
        {"\xc0\xaf", false, 0}, /* overlong */
        {"\xc1\xbf", false, 0},
        {"\xe0\x9f\xbf", false, 0},
        {"\xf0\x8f\xbf\xbf", false, 0},
        {"\xed\xa0\x80", false, 0},     /* surrogate */
        {"\xf4\x90\x80\x80", false, 0}, /* beyond U+10FFFF */
        {"\xf5\x80\x80\x80", false, 0},
        {"\xfe", false, 0},
        {"\xff", false, 0},
        {"\xe5\x92", false, 0}, /* cut */
        {"\xe5", false, 0},
        {"12345678\xe5\x92", false, 0},
        {"1234567\xc3(", false, 0},
        {"\xf0\x9f\x98", false, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        size_t length = strlen(cases[i].bytes);
        assert_int_equal(utf8_valid(cases[i].bytes, length), cases[i].valid);
        if (cases[i].valid)
            assert_int_equal(utf8_count(cases[i].bytes, length), cases[i].count);
    }
}

/* Every character there is, written and measured; cut, it is none. */
static void test_utf8_put(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10FFFF; c += c == 0xD7FF ? 0x801 : 1) {
        char bytes[8];
        size_t length = utf8_put(bytes, c);
        if (utf8_character_length(bytes, length) != length || !utf8_valid(bytes, length) ||
            (length > 1 && utf8_character_length(bytes, length - 1) != 0))
            fail_msg("U+%04X", c);
    }
    assert_int_equal(utf8_character_length("\xe5\x92(", 3), 0);
    assert_int_equal(utf8_character_length("\xe5(\x8c", 3), 0);
    assert_int_equal(utf8_character_length("和服", 6), 3);
}

static struct tm *(*const calendars[])(const time_t *) = {gmtime, localtime};

static void *ask_calendar(void *which)
{
    static const time_t other = 86400 * 365;
    return calendars[*(const size_t *)which](&other);
}

/* What libraries get of these is theirs: other threads do not write there. */
static void test_calendar_of_libraries(void **state)
{
    (void)state;
    static const time_t epoch = 86400;
    for (size_t i = 0; i < ARRAY_SIZE(calendars); i++) {
        const struct tm *ours = calendars[i](&epoch);
        pthread_t thread;
        void *others = NULL;
        assert_int_equal(pthread_create(&thread, NULL, ask_calendar, &i), 0);
        assert_int_equal(pthread_join(thread, &others), 0);
        assert_ptr_not_equal(others, ours);
        assert_int_equal(ours->tm_year, 70);
    }
}

static void test_utf8_get_copy_and_drop(void **state)
{
    (void)state;
    char bytes[5] = {0}, copy[8], text[] = "a\xE5\x92和\xFF\xE6\x9C b\xC3";
    for (uint32_t c = 1; c <= 0x10FFFF; c += c < 0x3000 ? 1 : 97) {
        uint32_t read;
        if (c >= 0xD800 && c < 0xE000)
            continue;
        size_t length = utf8_put(bytes, c);
        assert_int_equal(utf8_get(bytes, &read), length);
        assert_int_equal(read, c);
    }
    utf8_copy(copy, sizeof(copy), "和服和服");
    assert_string_equal(copy, "和服");
    utf8_copy(copy, sizeof(copy), "ab");
    assert_string_equal(copy, "ab");
    utf8_drop_invalid(text);
    assert_string_equal(text, "a和 b");
}

static void test_utf8_cut(void **state)
{
    (void)state;
    const char text[] = "a和😀b"; /* 1, 3, 4, 1 bytes */
    const size_t cuts[] = {0, 1, 1, 1, 4, 4, 4, 4, 8, 9, 9};
    for (size_t limit = 0; limit < ARRAY_SIZE(cuts); limit++)
        assert_int_equal(utf8_cut(text, strlen(text), limit), cuts[limit]);
}

/* --- buffers */

static void test_strbuf(void **state)
{
    (void)state;
    struct strbuf buf = {0};
    size_t length;
    assert_string_equal(strbuf_text(&buf), "");
    strbuf_puts(&buf, "abc");
    strbuf_putc(&buf, '-');
    strbuf_printf(&buf, "%d %s", 42, "和");
    strbuf_append(&buf, "\0x", 2);
    assert_int_equal(buf.length, 12);
    assert_string_equal(strbuf_text(&buf), "abc-42 和");
    char *text = strbuf_detach(&buf, &length);
    assert_int_equal(length, 12);
    free(text);
    text = strbuf_detach(&buf, NULL);
    assert_string_equal(text, "");
    free(text);
    for (int i = 0; i < 10000; i++)
        strbuf_puts(&buf, "0123456789");
    assert_int_equal(buf.length, 100000);
    assert_int_equal(strlen(buf.bytes), 100000);
    strbuf_reset(&buf);
    assert_string_equal(strbuf_text(&buf), "");
    strbuf_release(&buf);
    strbuf_release(&buf);
}

static void test_strbuf_ceiling(void **state)
{
    (void)state;
    struct strbuf buf = {.ceiling = 10};
    strbuf_puts(&buf, "012345678");
    assert_false(buf.overflowed);
    assert_int_equal(buf.length, 9); /* and a NUL */
    strbuf_putc(&buf, 'x');
    assert_true(buf.overflowed);
    strbuf_append(&buf, "", 0); /* once over, always over */
    strbuf_printf(&buf, "%d", 1);
    assert_null(strbuf_reserve(&buf, 0));
    assert_int_equal(buf.length, 9);
    strbuf_reset(&buf);
    assert_false(buf.overflowed);
    strbuf_printf(&buf, "%s", "0123456789");
    assert_true(buf.overflowed);
    strbuf_reset(&buf);
    assert_null(strbuf_reserve(&buf, SIZE_MAX));
    strbuf_release(&buf);
    assert_int_equal(buf.ceiling, 10);
    struct strbuf standard = {0};
    assert_null(strbuf_reserve(&standard, STRBUF_CEILING));
    assert_true(standard.overflowed);
    strbuf_release(&standard);
}

static void test_arena(void **state)
{
    (void)state;
    struct arena arena = {0};
    for (size_t size = 0; size < 5000; size += 37) {
        unsigned char *memory = arena_alloc(&arena, size);
        assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xAA, size);
    }
    assert_null(arena_strdup(&arena, NULL));
    char *text = arena_strdup(&arena, "和服"), *part = arena_strndup(&arena, "kimono", 3);
    char *printed = arena_printf(&arena, "%s-%d", text, 7);
    assert_string_equal(text, "和服");
    assert_string_equal(part, "kim");
    assert_string_equal(printed, "和服-7");
    arena_reset(&arena);
    assert_string_equal(arena_strdup(&arena, "again"), "again");
    arena_release(&arena);
    assert_int_equal(arena.allocated, 0);
    arena_release(&arena);
    assert_string_equal(arena_strdup(&arena, "and again"), "and again");
    arena_release(&arena);
}

static void test_arena_ceiling(void **state)
{
    (void)state;
    struct arena arena = {.ceiling = 100000};
    size_t taken = 0;
    while (arena_try_alloc(&arena, 1000))
        taken += 1000;
    assert_true(taken >= 50000 && taken <= 100000);
    assert_true(arena.allocated <= 100000);
    assert_null(arena_try_alloc(&arena, SIZE_MAX));
    assert_null(arena_try_alloc(&arena, SIZE_MAX - 5));
    arena_release(&arena);
    assert_null(arena_try_alloc(&arena, 100001));
    assert_non_null(arena_try_alloc(&arena, 90000));
    arena_release(&arena);
    assert_false(arena_overrun());
}

/* Over the ceiling memory is still given, and the thread is marked until that arena is emptied. */
static void test_arena_overrun(void **state)
{
    (void)state;
    struct arena arena = {.ceiling = 10000}, other = {.ceiling = 10000};
    int64_t before = arena_overrun_count();
    memset(arena_alloc(&arena, 20000), 'x', 20000);
    assert_true(arena_overrun());
    assert_int_equal(arena_overrun_count(), before + 1);
    assert_string_equal(arena_strdup(&arena, "still"), "still");
    assert_null(arena_try_alloc(&arena, 10000));
    assert_int_equal(arena_overrun_count(), before + 1); /* it is one piece of work */
    assert_string_equal(arena_strdup(&other, "another"), "another");
    arena_release(&other);
    assert_true(arena_overrun());
    arena_reset(&arena);
    assert_false(arena_overrun());
    arena_alloc(&arena, 20000);
    arena_alloc(&arena, 1);
    assert_true(arena_overrun());
    arena_forget_overrun();
    assert_false(arena_overrun());
    arena_release(&arena);
}

/* --- errors */

static void test_error(void **state)
{
    (void)state;
    struct error err;
    error_clear(&err);
    assert_false(error_set(&err, ERROR_NOT_FOUND, "no %s %d", "没有 %s %d", "pair", 7));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_string_equal(err.detail[LANGUAGE_EN], "no pair 7");
    assert_string_equal(err.detail[LANGUAGE_ZH], "没有 pair 7");
    error_prefix(&err, "import of %s", "导入 %s", "a.csv");
    assert_string_equal(err.detail[LANGUAGE_EN], "import of a.csv: no pair 7");
    assert_int_equal(error_status(err.code), 404);
    assert_string_equal(error_slug(ERROR_TENANT_SUSPENDED), "tenant-suspended");
    assert_string_equal(error_title(ERROR_CONFLICT, LANGUAGE_ZH), "与当前状态冲突");
    assert_false(error_set(NULL, ERROR_INTERNAL, "x", "x"));
    assert_false(error_prefix(NULL, "x", "x"));
    assert_false(error_add_field(NULL, "x", "x", "x"));
    error_clear(&err);
    for (int i = 0; i < 40; i++)
        error_add_field(&err, "name", "wrong %d", "错误 %d", i);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_int_equal(err.field_count, ERROR_FIELDS_MAX);
    assert_string_equal(err.fields[3].message[LANGUAGE_EN], "wrong 3");
    assert_string_equal(err.fields[3].message[LANGUAGE_ZH], "错误 3");
}

/* Whatever is cut is cut between characters. */
static void test_error_is_utf8(void **state)
{
    (void)state;
    char text[1000];
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'a', shift);
        for (size_t i = shift; i + 4 < sizeof(text); i += 4)
            memcpy(text + i, "😀", 5);
        struct error err;
        error_clear(&err);
        error_set(&err, ERROR_INTERNAL, "it has “%.40s”", "现有“%.40s”", text);
        assert_true(utf8_valid(err.detail[LANGUAGE_EN], strlen(err.detail[LANGUAGE_EN])));
        assert_true(utf8_valid(err.detail[LANGUAGE_ZH], strlen(err.detail[LANGUAGE_ZH])));
        error_set(&err, ERROR_INTERNAL, "%s", "%s", text);
        assert_true(utf8_valid(err.detail[LANGUAGE_EN], strlen(err.detail[LANGUAGE_EN])));
        assert_true(strlen(err.detail[LANGUAGE_EN]) > 375);
        error_prefix(&err, "%s", "%s", text);
        assert_true(utf8_valid(err.detail[LANGUAGE_ZH], strlen(err.detail[LANGUAGE_ZH])));
        error_clear(&err);
        error_add_field(&err, text, "%s", "%s", text);
        assert_true(utf8_valid(err.fields[0].field, strlen(err.fields[0].field)));
        assert_true(
            utf8_valid(err.fields[0].message[LANGUAGE_EN], strlen(err.fields[0].message[LANGUAGE_EN])));
    }
}

/* --- JSON out */

static void test_json_writer(void **state)
{
    (void)state;
    struct strbuf out = {0};
    struct json_writer w = {.out = &out};
    json_object_begin(&w);
    json_key_text(&w, "a", "b");
    json_key_int(&w, "i", INT64_MIN);
    json_key_bool(&w, "t", true);
    json_key(&w, "list");
    json_array_begin(&w);
    json_null(&w);
    json_array_begin(&w);
    json_array_end(&w);
    json_object_begin(&w);
    json_object_end(&w);
    json_bool(&w, false);
    json_raw(&w, "{\"x\":1}");
    json_raw(&w, NULL);
    json_raw(&w, "");
    json_text(&w, NULL);
    json_text_n(&w, "a\0b", 3);
    json_array_end(&w);
    json_key_int(&w, "max", INT64_MAX);
    json_object_end(&w);
    assert_string_equal(
        strbuf_text(&out),
        "{\"a\":\"b\",\"i\":-9223372036854775808,\"t\":true,\"list\":[null,[],{},false,{\"x\":1},"
        "null,null,null,\"a\\u0000b\"],\"max\":9223372036854775807}");
    strbuf_release(&out);
}

static void expect_written(const char *text, const char *written)
{
    struct strbuf out = {0};
    struct json_writer w = {.out = &out};
    json_text(&w, text);
    if (strcmp(strbuf_text(&out), written) != 0)
        fail_msg("%s is not %s", strbuf_text(&out), written);
    strbuf_release(&out);
}

static void test_json_writer_text(void **state)
{
    (void)state;
    const struct {
        const char *text, *written;
    } cases[] = {
        {"", "\"\""},
        {"和服 😀", "\"和服 😀\""},
        {"\"\\/", "\"\\\"\\\\/\""},
        {"\n\r\t", "\"\\n\\r\\t\""},
        {"\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\""},
        {"a\xff"
         "b",
         "\"a\xEF\xBF\xBD"
         "b\""},
        {"\xe5\x92", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"和\xe5\n\"", "\"和\xEF\xBF\xBD\\n\\\"\""},
        {"\xed\xa0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect_written(cases[i].text, cases[i].written);
}

static void test_json_writer_numbers(void **state)
{
    (void)state;
    struct strbuf out = {0};
    struct json_writer w = {.out = &out};
    const struct {
        double value;
        const char *written;
    } reals[] = {
        {0, "0"},
        {0.1, "0.1"},
        {0.3, "0.3"},
        {1.0 / 3, "0.33333333333333331"},
        {1e300, "1e+300"},
        {-2.5, "-2.5"},
        {NAN, "null"},
        {INFINITY, "null"},
        {-INFINITY, "null"},
        {123456789012345.0, "123456789012345"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(reals); i++) {
        strbuf_reset(&out);
        json_real(&w, reals[i].value);
        assert_string_equal(strbuf_text(&out), reals[i].written);
    }
    const struct {
        int64_t nano;
        const char *written;
    } money[] = {
        {0, "0"},
        {1, "0.000000001"},
        {-1, "-0.000000001"},
        {1000000000, "1"},
        {1500000000, "1.5"},
        {-12340000000, "-12.34"},
        {123456789, "0.123456789"},
        {100000000000, "100"},
        {INT64_MAX, "9223372036.854775807"},
        {INT64_MIN + 1, "-9223372036.854775807"},
        {INT64_MIN, "null"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(money); i++) {
        strbuf_reset(&out);
        json_money(&w, money[i].nano);
        assert_string_equal(strbuf_text(&out), money[i].written);
    }
    strbuf_reset(&out);
    json_time(&w, 1795330106062);
    assert_string_equal(strbuf_text(&out), "\"2026-11-22T06:48:26.062Z\"");
    strbuf_reset(&out);
    json_time(&w, INT64_MIN);
    assert_string_equal(strbuf_text(&out), "null");
    strbuf_release(&out);
}

/* Each level knows whether it is an object, and whether a comma is due. */
static void test_json_writer_nesting(void **state)
{
    (void)state;
    struct strbuf out = {0};
    struct json_writer w = {.out = &out};
    cJSON *read;
    struct error err;
    for (int round = 0; round < 2; round++) {
        for (unsigned depth = 0; depth < JSON_WRITER_DEPTH; depth++) {
            if (depth % 2) {
                json_array_begin(&w);
                json_int(&w, depth);
            } else {
                json_object_begin(&w);
                json_key_int(&w, "d", depth);
                json_key(&w, "next");
            }
        }
        for (unsigned depth = JSON_WRITER_DEPTH; depth-- > 0;) {
            if (depth % 2) {
                json_int(&w, depth);
                json_array_end(&w);
            } else {
                json_key_int(&w, "e", depth);
                json_object_end(&w);
            }
        }
        assert_true(json_parse(out.bytes, out.length, &read, &err));
        cJSON_Delete(read);
        strbuf_reset(&out);
    }
    strbuf_release(&out);
}

static struct strbuf spoiled;

static void value_without_key(void)
{
    struct json_writer w = {.out = &spoiled};
    json_object_begin(&w);
    json_int(&w, 1);
}

static void key_without_value(void)
{
    struct json_writer w = {.out = &spoiled};
    json_object_begin(&w);
    json_key(&w, "a");
    json_object_end(&w);
}

static void wrong_end(void)
{
    struct json_writer w = {.out = &spoiled};
    json_object_begin(&w);
    json_array_end(&w);
}

static void key_in_array(void)
{
    struct json_writer w = {.out = &spoiled};
    json_array_begin(&w);
    json_key(&w, "a");
}

static void too_deep(void)
{
    struct json_writer w = {.out = &spoiled};
    for (int i = 0; i <= JSON_WRITER_DEPTH; i++)
        json_array_begin(&w);
}

static void test_json_writer_refuses(void **state)
{
    (void)state;
#ifndef NDEBUG
    void (*const acts[])(void) = {value_without_key, key_without_value, wrong_end, key_in_array, too_deep};
    for (size_t i = 0; i < ARRAY_SIZE(acts); i++)
        assert_true(aborts(acts[i]));
#endif
}

/* --- JSON in */

static void test_json_reader(void **state)
{
    (void)state;
    const char *const good[] = {
        "null",
        "true",
        "0",
        "-1.5e3",
        "\"\"",
        "[]",
        "{}",
        " \t\r\n{\"a\":[1,2,{\"b\":null}]} \n",
        "\"和服 \\u548c \\uD83D\\uDE00\"",
        "\"\\\\u0000\"",
        "[{\"a\":1},{\"a\":1}]",
        "{\"a\":{\"a\":1}}",
        "\"[[[[\"",
        "1e308",
        "-0",
        "0.0e-0",
        "\xEF\xBB\xBF{}",
        "[1E+2,-1]",
        "{\"A\":1,\"a\":2}",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
    };
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        CLEANUP(json_delete) cJSON *value = NULL;
        struct error err;
        error_clear(&err);
        if (!json_parse(good[i], strlen(good[i]), &value, &err))
            fail_msg("%s: %s", good[i], err.detail[LANGUAGE_EN]);
    }
}

static void test_json_reader_refuses(void **state)
{
    (void)state;
    const struct {
        const char *text;
        size_t length; /* 0: strlen */
    } bad[] = {
        {"", 0},
        {" ", 0},
        {"{", 0},
        {"}", 0},
        {"[1,]", 0},
        {"{\"a\":}", 0},
        {"{\"a\" 1}", 0},
        {"{a:1}", 0},
        {"'a'", 0},
        {"\"a", 0},
        {"\"a\\", 0},
        {"nul", 0},
        {"NaN", 0},
        {"1 2", 0},
        {"{}x", 0},
        {"[]]", 0},
        {"\"\\uD800\"", 0},
        {"\"\\x\"", 0},
        {"\"\xff\"", 0},
        {"\"\xc0\xaf\"", 0},
        {"1\0", 2},
        {"\"a\0b\"", 5},
        {"// x\n1", 0},
        {"[1] // x", 0},
        {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", 0},
        /* what cJSON takes and RFC 8259 does not */
        {"01", 0},
        {"-", 0},
        {"+1", 0},
        {"1.", 0},
        {".5", 0},
        {"1e", 0},
        {"0x10", 0},
        {"-01", 0},
        {"[1.e5]", 0},
        {"\"a\tb\"", 0},
        {"\"a\nb\"", 0},
        {"{\"a\x01\":1}", 0},
        {"\x0b[]", 0},
        {"[]\x0c", 0},
        {"[\x01]", 0},
        {"\xEF\xBB\xBF", 0},
        {"{}\xEF\xBB\xBF", 0},
        {"[和]", 0},
        {"{\"a\":\"\\u0000\"", 0},
        {"{\"a\":1,\"a\":2", 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        cJSON *value = NULL;
        struct error err;
        error_clear(&err);
        size_t length = bad[i].length ? bad[i].length : strlen(bad[i].text);
        if (json_parse(bad[i].text, length, &value, &err))
            fail_msg("accepted: %s", bad[i].text);
        assert_null(value);
        assert_int_equal(err.code, ERROR_BAD_REQUEST);
        assert_true(err.detail[LANGUAGE_EN][0] && err.detail[LANGUAGE_ZH][0]);
        assert_string_not_equal(err.detail[LANGUAGE_EN], err.detail[LANGUAGE_ZH]);
    }
}

/* What is JSON, and still not taken, is told by its field. */
static void test_json_reader_names_fields(void **state)
{
    (void)state;
    static const struct {
        const char *text, *field; /* NULL: there is none */
    } cases[] = {
        {"{\"a\":1,\"a\":2}", "a"},
        {"[{\"b\":1,\"c\":2,\"b\":3}]", "b"},
        {"{\"filter\":{\"x\":[1,{\"y\":1,\"y\":2}]}}", "filter.x.y"},
        {"{\"a\":\"x\\u0000\"}", "a"},
        {"{\"a\":1, \"b\" : [\"\\u0000\"], \"c\":\"\\u0000\"}", "b"},
        {"{\"a\":{\"b\":1},\"c\":\"\\u0000\"}", "c"},
        {"{\"key\\u0000s\":1}", "key"},
        {"{\"a\":1e999}", "a"},
        {"\"\\u0000\"", NULL},
        {"-1e999", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cJSON *value = NULL;
        struct error err;
        error_clear(&err);
        if (json_parse(cases[i].text, strlen(cases[i].text), &value, &err))
            fail_msg("accepted: %s", cases[i].text);
        assert_int_equal(err.code, ERROR_INVALID);
        assert_int_equal(err.field_count, cases[i].field != NULL);
        if (cases[i].field)
            assert_string_equal(err.fields[0].field, cases[i].field);
    }
}

static void test_json_reader_limits(void **state)
{
    (void)state;
    for (int names = 256; names <= 257; names++) {
        struct strbuf text = {0};
        strbuf_putc(&text, '{');
        for (int i = 0; i < names; i++)
            strbuf_printf(&text, "%s\"n%d\":%d", i ? "," : "", i, i);
        strbuf_putc(&text, '}');
        cJSON *value = NULL;
        struct error err;
        error_clear(&err);
        assert_int_equal(json_parse(text.bytes, text.length, &value, &err), names == 256);
        cJSON_Delete(value);
        strbuf_release(&text);
    }
}

static void test_json_is_integer(void **state)
{
    (void)state;
    const struct {
        const char *text;
        bool integer;
        int64_t value;
    } cases[] = {
        {"0", true, 0},
        {"-7", true, -7},
        {"1e3", true, 1000},
        {"1.0", true, 1},
        {"9007199254740991", true, 9007199254740991},
        {"-9007199254740991", true, -9007199254740991},
        {"9007199254740992", false, 0}, /* it may have been ...93 */
        {"9007199254740993", false, 0},
        {"9007199254740994", false, 0},
        {"1.5", false, 0},
        {"1e300", false, 0},
        {"\"1\"", false, 0},
        {"true", false, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(json_delete) cJSON *value = NULL;
        struct error err;
        int64_t integer = 0;
        assert_true(json_parse(cases[i].text, strlen(cases[i].text), &value, &err));
        assert_int_equal(json_is_integer(value, &integer), cases[i].integer);
        assert_int_equal(integer, cases[i].value);
    }
}

/* --- descriptors */

struct point {
    const char *name;
    int64_t count, at, cost, day;
    double value;
    bool on;
};

struct answer {
    struct point point;
    const struct point *points;
    size_t points_count;
    const double *values;
    size_t values_count;
    const char *raw;
};

static const struct field point_fields[] = {
    FIELD(struct point, name, TEXT, ""), FIELD(struct point, count, INT, ""),
    FIELD(struct point, at, TIME, ""),   FIELD(struct point, cost, MONEY, ""),
    FIELD(struct point, day, DAY, ""),   FIELD(struct point, value, REAL, ""),
    FIELD(struct point, on, BOOL, ""),
};
static const struct descriptor point_descriptor = DESCRIPTOR("Point", struct point, point_fields);
static const struct field answer_fields[] = {
    FIELD(struct answer, point, OBJECT, "", .of = &point_descriptor),
    FIELD_MANY(struct answer, points, MAP, "", .of = &point_descriptor),
    FIELD_MANY(struct answer, values, REALS, ""),
    FIELD(struct answer, raw, JSON, ""),
};
static const struct descriptor answer_descriptor = DESCRIPTOR("Answer", struct answer, answer_fields);

static void test_descriptor(void **state)
{
    (void)state;
    const struct point points[] = {{.name = "x", .count = 1}, {.name = "y", .count = INT_NULL}};
    const double values[] = {0.5, NAN};
    const struct answer answer = {
        .point = {"p", 5, 0, 1250000000, 20779, 0.25, true},
        .points = points,
        .points_count = 2,
        .values = values,
        .values_count = 2,
    };
    struct strbuf out = {0};
    struct json_writer w = {.out = &out};
    json_struct(&w, &answer_descriptor, &answer);
    assert_string_equal(
        strbuf_text(&out),
        "{\"point\":{\"name\":\"p\",\"count\":5,\"at\":\"1970-01-01T00:00:00.000Z\",\"cost\":1.25,"
        "\"day\":\"2026-11-22\",\"value\":0.25,\"on\":true},\"points\":{\"x\":1,\"y\":null},"
        "\"values\":[0.5,null],\"raw\":null}");
    strbuf_release(&out);
}

/* Covers digits, and keeps the first character of what is personal as a whole. */
static void cover(const struct json_mask *mask, enum personal personal, const char *text, struct strbuf *out)
{
    (void)mask;
    for (const char *at = text; *at; at++)
        strbuf_putc(out, (*at >= '0' && *at <= '9') || (personal == PERSONAL_WHOLE && at > text) ? '*' : *at);
}

struct person {
    const char *id, *name, *words, *json, *nothing;
    const char *const *lines;
    size_t lines_count;
    const struct tag {
        const char *name, *value;
    } * tags;
    size_t tags_count;
};
static const struct field tag_fields[] = {
    FIELD(struct tag, name, TEXT, "", .personal = PERSONAL_PARTS),
    FIELD(struct tag, value, TEXT, "", .personal = PERSONAL_PARTS),
};
static const struct descriptor tag_descriptor = DESCRIPTOR("Tag", struct tag, tag_fields);
static const struct field person_fields[] = {
    FIELD(struct person, id, TEXT, ""),
    FIELD(struct person, name, TEXT, "", .personal = PERSONAL_WHOLE),
    FIELD(struct person, words, TEXT, "", .personal = PERSONAL_PARTS),
    FIELD(struct person, json, JSON, "", .personal = PERSONAL_PARTS),
    FIELD(struct person, nothing, TEXT, "", .nullable = true, .personal = PERSONAL_PARTS),
    FIELD_MANY(struct person, lines, TEXTS, "", .personal = PERSONAL_PARTS),
    FIELD_MANY(struct person, tags, MAP, "", .of = &tag_descriptor),
};
static const struct descriptor person_descriptor = DESCRIPTOR("Person", struct person, person_fields);

static void test_descriptor_masks_personal_texts(void **state)
{
    (void)state;
    static const struct json_mask mask = {cover};
    static const char *const lines[] = {"a1", "b"};
    static const struct tag tags[] = {{"t1", "v2"}};
    const struct person person = {.id = "1",
                                  .name = "Mei 2",
                                  .words = "call 3\n4",
                                  .json = "{\"k5\": [6, \"\\n7\\\"8\", \"\\u0039\"], \"n\": 10}",
                                  .lines = lines,
                                  .lines_count = ARRAY_SIZE(lines),
                                  .tags = tags,
                                  .tags_count = ARRAY_SIZE(tags)};
    CLEANUP(strbuf_release) struct strbuf out = {0};
    struct json_writer w = {.out = &out, .mask = &mask};
    json_struct(&w, &person_descriptor, &person);
    assert_string_equal(strbuf_text(&out),
                        "{\"id\":\"1\",\"name\":\"M****\",\"words\":\"call *\\n*\","
                        "\"json\":{\"k*\": [6, \"\\n*\\\"*\", \"*\"], \"n\": 10},\"nothing\":null,"
                        "\"lines\":[\"a*\",\"b\"],\"tags\":{\"t*\":\"v*\"}}");
    strbuf_reset(&out);
    w = (struct json_writer){.out = &out};
    json_struct(&w, &person_descriptor, &person);
    assert_non_null(strstr(strbuf_text(&out), "\"Mei 2\""));
    assert_true(descriptor_is_personal(&person_descriptor));
    assert_false(descriptor_is_personal(&point_descriptor));
}

/* --- the clock */

static void test_clock_parse(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-22T06:48:26.062Z", 1795330106062},
        {"2026-11-22t06:48:26.062z", 1795330106062},
        {"2026-11-22 06:48:26.062Z", 1795330106062},
        {"2026-11-22T14:48:26.062+08:00", 1795330106062},
        {"2026-11-22T01:18:26.062-05:30", 1795330106062},
        {"2026-11-22T06:48:26.0629999Z", 1795330106062},
        {"2026-11-22T06:48:26.5Z", 1795330106500},
        {"2026-11-22T06:48:26+00:00", 1795330106000},
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"2000-02-29T12:00:00Z", 951825600000},
        {"2016-12-31T23:59:60Z", 1483228800000},
        {"1970-01-01T08:00:00+08:00", 0},
        {"9999-12-31T23:59:59.999Z", CLOCK_MS_MAX},
    };
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        int64_t ms = -1;
        struct error err;
        assert_true(clock_parse(good[i].text, &ms, &err));
        assert_int_equal(ms, good[i].ms);
    }
    const char *const bad[] = {
        "",
        "now",
        "2026-11-22",
        "2026-11-22T06:48:26",
        "2026-11-22T06:48:26.Z",
        "2026-11-22T06:48Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T06:60:00Z",
        "2026-11-22T06:48:61Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-11-22T06:48:26+0800",
        "2026-11-22T06:48:26+24:00",
        "2026-11-22T06:48:26+08:60",
        "2026-11-22T06:48:26ZZ",
        " 2026-11-22T06:48:26Z",
        "2026-11-22T06:48:26Z ",
        "-026-11-22T06:48:26Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+08:00",
        "9999-12-31T23:59:59-01:00",
        "20261122T064826Z",
        "2026-1-2T06:48:26Z",
        "1795330106062",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        int64_t ms = -1;
        struct error err;
        error_clear(&err);
        if (clock_parse(bad[i], &ms, &err))
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(ms, -1);
        assert_int_equal(err.code, ERROR_INVALID);
        assert_true(err.detail[LANGUAGE_ZH][0]);
    }
}

static void test_clock_round_trip(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_SIZE];
    struct error err;
    for (int i = 0; i < 20000; i++) {
        int64_t ms = (int64_t)(next_random() % (uint64_t)CLOCK_MS_MAX), back = -1;
        clock_format(ms, text);
        assert_int_equal(strlen(text), CLOCK_TEXT_SIZE - 1);
        assert_true(clock_parse(text, &back, &err));
        assert_int_equal(back, ms);
    }
    for (int64_t day = 0; day < 150000; day += 13) { /* every month end of four centuries */
        int32_t back;
        char day_text[CLOCK_DAY_SIZE];
        clock_day_format((int32_t)day, day_text);
        assert_true(clock_day_parse(day_text, &back));
        assert_int_equal(back, day);
    }
    clock_format(-5, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    clock_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    int32_t day = -1;
    const char *const bad[] = {"", "2026-02-29", "2026-2-3", "2026-11-22T", "22-11-2026", "2026-11-2x"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(clock_day_parse(bad[i], &day));
}

/* TZ is of the process: each zone is tried in a child. */
static int in_zone(const char *zone, void (*test)(void))
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct error err;
        if (!clock_set_zone(zone, &err))
            _exit(99);
        test();
        _exit(0);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define CHILD_ASSERT(condition)                                                                              \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s (in %s)\n", __FILE__, __LINE__, #condition, clock_zone());            \
            _exit(1);                                                                                        \
        }                                                                                                    \
    } while (0)

static int64_t instant(const char *text)
{
    int64_t ms = -1;
    struct error err;
    CHILD_ASSERT(clock_parse(text, &ms, &err));
    return ms;
}

static int32_t day_of(const char *text)
{
    int32_t day = -1;
    CHILD_ASSERT(clock_day_parse(text, &day));
    return day;
}

/* In whatever zone: days follow each other without a gap, and each instant lies in its day. */
static void check_days(void)
{
    for (int32_t day = day_of("2025-12-30"); day < day_of("2028-01-05"); day++) {
        int64_t start = clock_day_start(day), end = clock_day_start(day + 1);
        CHILD_ASSERT(end - start >= 23 * HOUR_MS && end - start <= 25 * HOUR_MS);
        CHILD_ASSERT(clock_day(start) == day);
        CHILD_ASSERT(clock_day(end - 1) == day);
        CHILD_ASSERT(clock_day(start - 1) == day - 1);
        CHILD_ASSERT(clock_day(start + 12 * HOUR_MS) == day);
    }
}

static void check_shanghai(void)
{
    check_days();
    CHILD_ASSERT(clock_day(instant("2026-11-21T15:59:59.999Z")) == day_of("2026-11-21"));
    CHILD_ASSERT(clock_day(instant("2026-11-21T16:00:00Z")) == day_of("2026-11-22"));
    CHILD_ASSERT(clock_day_start(day_of("2026-11-22")) == instant("2026-11-21T16:00:00Z"));
    CHILD_ASSERT(clock_month_start(instant("2026-11-30T16:30:00Z"), 0) == instant("2026-11-30T16:00:00Z"));
    CHILD_ASSERT(clock_month_start(instant("2026-11-30T15:30:00Z"), 0) == instant("2026-10-31T16:00:00Z"));
    CHILD_ASSERT(clock_month_start(instant("2026-11-22T00:00:00Z"), 2) == instant("2026-12-31T16:00:00Z"));
    CHILD_ASSERT(clock_month_start(instant("2026-01-22T00:00:00Z"), -1) == instant("2025-11-30T16:00:00Z"));
    int hour, weekday;
    clock_local_time(instant("2026-11-21T16:00:00Z"), &hour, &weekday);
    CHILD_ASSERT(hour == 0 && weekday == 0);
    clock_local_time(instant("2026-11-21T15:59:59Z"), &hour, &weekday);
    CHILD_ASSERT(hour == 23 && weekday == 6);
}

static void check_new_york(void)
{
    check_days();
    CHILD_ASSERT(clock_day_start(day_of("2026-03-09")) - clock_day_start(day_of("2026-03-08")) ==
                 23 * HOUR_MS);
    CHILD_ASSERT(clock_day_start(day_of("2026-11-02")) - clock_day_start(day_of("2026-11-01")) ==
                 25 * HOUR_MS);
    CHILD_ASSERT(clock_day_start(day_of("2026-07-01")) == instant("2026-07-01T04:00:00Z"));
    CHILD_ASSERT(clock_day_start(day_of("2026-12-01")) == instant("2026-12-01T05:00:00Z"));
}

/* Day begins at 01:00 when the clock is put forward at midnight. */
static void check_santiago(void)
{
    check_days();
    CHILD_ASSERT(clock_day(instant("2026-09-06T04:30:00Z")) == day_of("2026-09-06"));
}

static void test_clock_zones(void **state)
{
    (void)state;
    assert_int_equal(in_zone("Asia/Shanghai", check_shanghai), 0);
    assert_int_equal(in_zone("America/New_York", check_new_york), 0);
    assert_int_equal(in_zone("America/Santiago", check_santiago), 0);
    assert_int_equal(in_zone("UTC", check_days), 0);
    assert_int_equal(in_zone("Asia/Kathmandu", check_days), 0);
    const char *const bad[] = {"", "Mars/Olympus", "../etc/passwd", "/etc/passwd", "Asia", "Asia/"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct error err;
        if (clock_set_zone(bad[i], &err))
            fail_msg("accepted: %s", bad[i]);
    }
}

static void test_clock_monotonic(void **state)
{
    (void)state;
    int64_t before = clock_monotonic_us();
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_monotonic_us();
        assert_true(now >= before);
        before = now;
    }
    assert_true(clock_now_ms() > INT64_C(1700000000000));
}

static void test_duration(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *en, *zh;
    } cases[] = {
        {-3, "0 s", "0 秒"},
        {0, "0 s", "0 秒"},
        {59, "59 s", "59 秒"},
        {60, "1 min", "1 分"},
        {297, "4 min 57 s", "4 分 57 秒"},
        {3600, "1 h", "1 小时"},
        {3659, "1 h", "1 小时"},
        {7500, "2 h 5 min", "2 小时 5 分"},
        {90000, "1 d 1 h", "1 天 1 小时"},
        {INT64_MAX, "106751991167300 d 15 h", "106751991167300 天 15 小时"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[CLOCK_DURATION_SIZE];
        clock_duration_format(cases[i].seconds, LANGUAGE_EN, text);
        assert_string_equal(text, cases[i].en);
        clock_duration_format(cases[i].seconds, LANGUAGE_ZH, text);
        assert_string_equal(text, cases[i].zh);
    }
}

/* --- histograms */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void test_histogram_error(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    static double values[COUNT];
    for (int shape = 0; shape < 3; shape++) {
        struct histogram h = {0};
        for (int i = 0; i < COUNT; i++) {
            double u = (double)(next_random() >> 11) / 9007199254740992.0;
            double value = shape == 0 ? 1 + u * 1e6 : shape == 1 ? exp(u * 21) : 1000 - 5000 * log(u + 1e-12);
            values[i] = floor(value) < 1 ? 1 : floor(value);
            histogram_add(&h, (int64_t)values[i]);
        }
        qsort(values, COUNT, sizeof(values[0]), compare_doubles);
        assert_int_equal(histogram_count(&h), COUNT);
        const double quantiles[] = {0.001, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1};
        for (size_t i = 0; i < ARRAY_SIZE(quantiles); i++) {
            double exact = values[(int)ceil(quantiles[i] * COUNT) - 1];
            double told = histogram_quantile(&h, quantiles[i]);
            if (fabs(told - exact) > 0.05 * exact)
                fail_msg("shape %d, q %g: %g told, %g exact", shape, quantiles[i], told, exact);
        }
    }
}

/* Every whole number of microseconds, alone. */
static void test_histogram_each_value(void **state)
{
    (void)state;
    for (int64_t value = 1; value < INT64_C(3600000000); value += 1 + value / 1000) {
        struct histogram h = {0};
        histogram_add(&h, value);
        double told = histogram_quantile(&h, 0.5);
        if (fabs(told - (double)value) > 0.05 * (double)value)
            fail_msg("%lld is told as %g", (long long)value, told);
    }
    struct histogram h = {0};
    assert_true(isnan(histogram_quantile(&h, 0.5)));
    const int64_t odd[] = {0, -1, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < ARRAY_SIZE(odd); i++)
        histogram_add(&h, odd[i]);
    assert_int_equal(histogram_count(&h), 4);
    assert_int_equal(h.counts[0], 3);
    assert_int_equal(h.counts[HISTOGRAM_BUCKETS - 1], 1);
}

static void test_histogram_blob(void **state)
{
    (void)state;
    struct histogram a = {0}, b = {0}, both = {0}, read = {0};
    unsigned char blob[HISTOGRAM_BLOB_MAX];
    for (int i = 0; i < 1000; i++) {
        int64_t one = (int64_t)(next_random() % 100000), two = (int64_t)(next_random() % 10000000000u);
        histogram_add(&a, one);
        histogram_add(&b, two);
        histogram_add(&both, one);
        histogram_add(&both, two);
    }
    a.counts[5] = both.counts[5] = UINT64_MAX / 2;
    both.counts[5] += b.counts[5];
    assert_true(histogram_merge_blob(&read, blob, histogram_encode(&a, blob)));
    assert_memory_equal(&read, &a, sizeof(a));
    assert_true(histogram_merge_blob(&read, blob, histogram_encode(&b, blob)));
    assert_memory_equal(&read, &both, sizeof(both));
    histogram_merge(&a, &b);
    assert_memory_equal(&a, &both, sizeof(both));
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        both.counts[i] = UINT64_MAX; /* the longest blob there is */
    size_t length = histogram_encode(&both, blob);
    assert_true(length <= HISTOGRAM_BLOB_MAX);
    memset(&read, 0, sizeof(read));
    assert_true(histogram_merge_blob(&read, blob, length));
    assert_memory_equal(&read, &both, sizeof(both));
    assert_true(histogram_merge_blob(&read, "", 0));
}

/* A blob of earlier versions, whose buckets were twice as wide, is the same durations, as far as it knows them. */
static void test_histogram_wide_blob(void **state)
{
    (void)state;
    struct histogram read = {0}, now = {0};
    for (int i = 0; i < 7; i++)
        histogram_add(&now, 1750);
    assert_true(now.counts[157] == 7);
    assert_true(histogram_merge_blob(&read, "\x4f\x07", 2)); /* 7 in bucket 79 */
    assert_int_equal(histogram_count(&read), 7);
    assert_true(histogram_agrees(&read, &now));
    double told = histogram_quantile(&read, 0.5);
    assert_true(told > 1750 / 1.1 && told < 1750 * 1.1);
    assert_true(histogram_merge_blob(&read, "\0\x02", 2)); /* 2 below a microsecond */
    assert_int_equal(read.counts[0], 2);
    assert_false(histogram_agrees(&read, &now));
}

/* While what is measured moves, what is told moves: it does not sit on a border for days. */
static void test_histogram_moves(void **state)
{
    (void)state;
    double before = 0;
    for (int step = 0; step < 20; step++) {
        struct histogram h = {0};
        for (int i = 0; i < 1000; i++)
            histogram_add(&h, 1000 + i + 2 * step);
        double told = histogram_quantile(&h, 0.95), exact = 1000 + 949 + 2 * step;
        if (told <= before || fabs(told - exact) > 0.01 * exact)
            fail_msg("step %d: %g told after %g, %g exact", step, told, before, exact);
        before = told;
    }
}

static void test_histogram_bad_blob(void **state)
{
    (void)state;
    const struct {
        const char *bytes;
        size_t length;
    } bad[] = {
        {"\x01", 1},
        {"\x80", 1},
        {"\x01\x80", 2},
        {"\xe9\x01\x01", 3},
        {"\x70\x01\x70\x01\x70\x01", 6},
        {"\0\0\xd1\x03\x01", 5},
        {"\0\0\0\x01\0\x01", 6}, /* the same bucket twice */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01", 12},
        {"\x01\x01\x01", 3},
        {"\x00\x01\x00\x01", 4},                              /* the same bucket twice */
        {"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11}, /* more than 64 bits */
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct histogram h = {0}, empty = {0};
        if (histogram_merge_blob(&h, bad[i].bytes, bad[i].length))
            fail_msg("accepted: blob %zu", i);
        assert_memory_equal(&h, &empty, sizeof(h));
    }
    for (int i = 0; i < 20000; i++) { /* nonsense never crashes */
        unsigned char blob[32];
        struct histogram h = {0};
        for (size_t j = 0; j < sizeof(blob); j++)
            blob[j] = (unsigned char)next_random();
        histogram_merge_blob(&h, blob, next_random() % sizeof(blob));
    }
}

/* --- identifiers */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void test_identifiers(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    static char texts[COUNT][IDENTIFIER_SIZE];
    for (int i = 0; i < COUNT; i++) {
        identifier_make("usr_", texts[i]);
        assert_int_equal(strlen(texts[i]), 30);
        assert_memory_equal(texts[i], "usr_", 4);
        assert_int_equal(strspn(texts[i] + 4, "0123456789abcdefghjkmnpqrstvwxyz"), 26);
        if (i > 0) /* the first ten characters are the time */
            assert_true(strncmp(texts[i], texts[i - 1], 14) >= 0);
    }
    qsort(texts, COUNT, sizeof(texts[0]), compare_texts);
    for (int i = 1; i < COUNT; i++)
        assert_string_not_equal(texts[i], texts[i - 1]);
    char text[IDENTIFIER_SIZE];
    identifier_make("", text);
    assert_int_equal(strlen(text), 26);
    identifier_make("toolong", text);
    assert_int_equal(strlen(text), 31);
}

/* The time is that of the ULID specification: 48 bits, most significant first. */
static void test_identifier_time(void **state)
{
    (void)state;
    char text[IDENTIFIER_SIZE];
    int64_t before = clock_now_ms(), ms = 0;
    identifier_make("", text);
    for (int i = 0; i < 10; i++)
        ms = ms * 32 +
             (strchr("0123456789abcdefghjkmnpqrstvwxyz", text[i]) - "0123456789abcdefghjkmnpqrstvwxyz");
    assert_in_range(ms, before, clock_now_ms());
}

static void test_request_ids(void **state)
{
    (void)state;
    char long_id[66];
    memset(long_id, 'a', 65), long_id[65] = '\0';
    assert_false(request_id_valid(long_id));
    long_id[64] = '\0';
    assert_true(request_id_valid(long_id));
    const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"", false},
        {"1", true},
        {"12345678", true},
        {"req_01.a-B", true},
        {"has space", false},
        {"line\nbreak", false},
        {"商家商家商家", false},
        {"semi;colon", false},
        {"550e8400-e29b-41d4-a716-446655440000", true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(request_id_valid(cases[i].text), cases[i].valid);
}

/* --- threads */

static void *make_identifiers(void *context)
{
    char(*texts)[IDENTIFIER_SIZE] = context;
    for (int i = 0; i < 5000; i++)
        identifier_make("x_", texts[i]);
    return NULL;
}

static void test_identifiers_of_threads(void **state)
{
    (void)state;
    enum { THREADS = 4, EACH = 5000 };
    char(*texts)[IDENTIFIER_SIZE] = xcalloc(THREADS * EACH, sizeof(*texts));
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, make_identifiers, texts + i * EACH);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    qsort(texts, THREADS * EACH, sizeof(*texts), compare_texts);
    for (int i = 1; i < THREADS * EACH; i++)
        assert_string_not_equal(texts[i], texts[i - 1]);
    free(texts);
}

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool open;
    atomic_int running, done;
};

static void wait_at_gate(void *context)
{
    struct gate *gate = context;
    atomic_fetch_add(&gate->running, 1);
    pthread_mutex_lock(&gate->lock);
    while (!gate->open)
        pthread_cond_wait(&gate->opened, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
    atomic_fetch_add(&gate->done, 1);
}

static void open_gate(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->opened);
    pthread_mutex_unlock(&gate->lock);
}

static void test_worker_pool(void **state)
{
    (void)state;
    struct gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER};
    struct worker_pool *pool = worker_pool_new("test", 2, 3);
    for (int i = 0; i < 2; i++)
        assert_int_equal(worker_pool_submit(pool, NULL, wait_at_gate, &gate), WORKER_ROOM);
    while (atomic_load(&gate.running) < 2)
        usleep(1000);
    for (int i = 0; i < 3; i++) { /* both threads are busy: these wait */
        assert_int_equal(worker_pool_waiting(pool), i);
        assert_int_equal(worker_pool_submit(pool, NULL, wait_at_gate, &gate), WORKER_ROOM);
    }
    /* and this is refused */
    assert_int_equal(worker_pool_submit(pool, NULL, wait_at_gate, &gate), WORKER_POOL_FULL);
    open_gate(&gate);
    worker_pool_free(pool); /* runs what waits */
    assert_int_equal(atomic_load(&gate.done), 5);
    worker_pool_free(NULL);
}

static void count_one(void *context)
{
    atomic_fetch_add((atomic_int *)context, 1);
}

static void *submit_many(void *context)
{
    void **both = context;
    for (int i = 0; i < 2000; i++)
        while (worker_pool_submit(both[0], i % 3 ? "a" : NULL, count_one, both[1]) != WORKER_ROOM)
            sched_yield();
    return NULL;
}

/* One owner's tasks, however many, leave room for the next one's. */
static void test_worker_pool_is_shared(void **state)
{
    (void)state;
    struct gate one = {.lock = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER};
    struct gate another = {.lock = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER};
    struct worker_pool *pool = worker_pool_new("test", 3, 100);
    struct worker_pool_stats stats;
    worker_pool_set_share(pool, (struct worker_share){.running = 2, .in_all = 50});
    for (int i = 0; i < 50; i++)
        assert_int_equal(worker_pool_submit(pool, "one", wait_at_gate, &one), WORKER_ROOM);
    assert_int_equal(worker_pool_submit(pool, "one", wait_at_gate, &one), WORKER_OWNER_FULL);
    assert_int_equal(worker_pool_ask(pool, "one"), WORKER_OWNER_FULL);
    assert_int_equal(worker_pool_ask(pool, "another"), WORKER_ROOM);
    while (atomic_load(&one.running) < 2)
        usleep(1000);
    assert_int_equal(worker_pool_submit(pool, "another", wait_at_gate, &another), WORKER_ROOM);
    while (atomic_load(&another.running) < 1) /* it is not behind the forty-eight */
        usleep(1000);
    worker_pool_get_stats(pool, &stats);
    assert_int_equal(stats.running, 3);
    assert_int_equal(stats.waiting, 48);
    assert_int_equal(stats.refused, 2);
    open_gate(&another);
    while (atomic_load(&another.done) < 1)
        usleep(1000);
    assert_int_equal(atomic_load(&one.running), 2); /* a free thread is none for its third */
    open_gate(&one);
    worker_pool_free(pool);
    assert_int_equal(atomic_load(&one.done), 50);
}

static void test_worker_pool_is_thread_safe(void **state)
{
    (void)state;
    atomic_int count = 0;
    struct worker_pool *pool = worker_pool_new("a name that is long", 3, 16);
    worker_pool_set_share(pool, (struct worker_share){.running = 1, .in_all = 8});
    void *both[] = {pool, &count};
    pthread_t threads[3];
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_create(&threads[i], NULL, submit_many, both);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_join(threads[i], NULL);
    worker_pool_free(pool);
    assert_int_equal(atomic_load(&count), 6000);
}

/* --- the log */

static char logged[2048];

static void keep_line(void *context, enum log_level level, const char *source, const char *request_id,
                      const char *message)
{
    (void)context;
    snprintf(logged, sizeof(logged), "%s|%s|%s|%s", log_level_name(level), source,
             request_id ? request_id : "-", message);
}

static void test_log(void **state)
{
    (void)state;
    char text[3000];
    log_set_level(LOG_ERROR);
    log_set_sink(keep_line, NULL);
    log_write(LOG_WARN, "chat", "req_12345678", "a line\nand a \"second\" %d", 7);
    assert_string_equal(logged, "WARN|chat|req_12345678|a line and a \"second\" 7");
    log_info("store", "%s", "和");
    assert_string_equal(logged, "INFO|store|-|和");
    for (size_t shift = 0; shift < 3; shift++) { /* what is too long is cut between characters */
        memset(text, 'a', shift);
        for (size_t i = shift; i + 3 < sizeof(text); i += 3)
            memcpy(text + i, "和", 4);
        log_info("store", "%s", text);
        assert_true(utf8_valid(logged, strlen(logged)));
        assert_true(strlen(logged) > 1000);
    }
    log_set_sink(NULL, NULL);
    logged[0] = '\0';
    log_info("store", "nobody listens");
    assert_string_equal(logged, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_utf8_mark),
        cmocka_unit_test(test_utf8_put),
        cmocka_unit_test(test_calendar_of_libraries),
        cmocka_unit_test(test_utf8_get_copy_and_drop),
        cmocka_unit_test(test_utf8_cut),
        cmocka_unit_test(test_strbuf),
        cmocka_unit_test(test_strbuf_ceiling),
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_arena_ceiling),
        cmocka_unit_test(test_arena_overrun),
        cmocka_unit_test(test_error),
        cmocka_unit_test(test_error_is_utf8),
        cmocka_unit_test(test_json_writer),
        cmocka_unit_test(test_json_writer_text),
        cmocka_unit_test(test_json_writer_numbers),
        cmocka_unit_test(test_json_writer_nesting),
        cmocka_unit_test(test_json_writer_refuses),
        cmocka_unit_test(test_json_reader),
        cmocka_unit_test(test_json_reader_refuses),
        cmocka_unit_test(test_json_reader_names_fields),
        cmocka_unit_test(test_json_reader_limits),
        cmocka_unit_test(test_json_is_integer),
        cmocka_unit_test(test_descriptor),
        cmocka_unit_test(test_descriptor_masks_personal_texts),
        cmocka_unit_test(test_clock_parse),
        cmocka_unit_test(test_clock_round_trip),
        cmocka_unit_test(test_clock_zones),
        cmocka_unit_test(test_clock_monotonic),
        cmocka_unit_test(test_histogram_error),
        cmocka_unit_test(test_histogram_each_value),
        cmocka_unit_test(test_histogram_blob),
        cmocka_unit_test(test_duration),
        cmocka_unit_test(test_histogram_wide_blob),
        cmocka_unit_test(test_histogram_moves),
        cmocka_unit_test(test_histogram_bad_blob),
        cmocka_unit_test(test_identifiers),
        cmocka_unit_test(test_identifier_time),
        cmocka_unit_test(test_request_ids),
        cmocka_unit_test(test_identifiers_of_threads),
        cmocka_unit_test(test_worker_pool),
        cmocka_unit_test(test_worker_pool_is_shared),
        cmocka_unit_test(test_worker_pool_is_thread_safe),
        cmocka_unit_test(test_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
