/* The language of log queries, and the shape of lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "ops/logs/log_language.h"
#include "ops/logs/log_shape.h"

/* --- the language */

static void show(const struct log_expression *node, struct strbuf *out)
{
    static const char *const levels[] = {"DEBUG", "INFO", "WARN", "ERROR"};
    switch (node->kind) {
    case LOG_AND:
    case LOG_OR:
        strbuf_putc(out, '(');
        show(node->left, out);
        strbuf_puts(out, node->kind == LOG_AND ? " & " : " | ");
        show(node->right, out);
        strbuf_putc(out, ')');
        break;
    case LOG_NOT:
        strbuf_putc(out, '!');
        show(node->left, out);
        break;
    case LOG_TEXT: strbuf_printf(out, "'%s'", node->value); break;
    case LOG_FIELD: strbuf_printf(out, "{%s=%s}", node->key, node->value); break;
    case LOG_LEVEL_IS: strbuf_printf(out, "level=%s", levels[node->level]); break;
    case LOG_SOURCE_IS: strbuf_printf(out, "source=%s", node->value); break;
    case LOG_TENANT_IS: strbuf_printf(out, "tenant=%s", node->value); break;
    case LOG_REQUEST_IS: strbuf_printf(out, "request=%s", node->value); break;
    }
}

static void test_what_parses(void **state)
{
    (void)state;
    static const struct {
        const char *query, *tree; /* NULL: it asks for nothing */
    } cases[] = {
        {"", NULL},
        {" \t\u3000", NULL},
        {"timeout", "'timeout'"},
        {"超时 \"连接 重置\"", "('超时' & '连接 重置')"},
        {"租\u3000和", "('租' & '和')"},
        {"a b OR c", "(('a' & 'b') | 'c')"},
        {"a OR b AND c", "('a' | ('b' & 'c'))"},
        {"a AND b AND c", "('a' & ('b' & 'c'))"},
        {"NOT a b", "(!'a' & 'b')"},
        {"NOT (a OR b)", "!('a' | 'b')"},
        {"NOT NOT a", "!!'a'"},
        {"(a)", "'a'"},
        {"a(b)c", "('a' & ('b' & 'c'))"},
        {"and or not", "('and' & ('or' & 'not'))"},
        {"\"AND\"", "'AND'"},
        {"level:error source:llm", "(level=ERROR & source=llm)"},
        {"tenant:kimono_one request:req_1", "(tenant=kimono_one & request=req_1)"},
        {"status:503 \"trace id\":\"a b\"", "({status=503} & {trace id=a b})"},
        {"http.route:/chat 店铺:东京", "({http.route=/chat} & {店铺=东京})"},
        {"http://localhost:80/x 10:20:30 :x", "('http://localhost:80/x' & ('10:20:30' & ':x'))"},
        {"\"say \\\"hi\\\" \\\\ \\n\"", "'say \"hi\" \\ \\n'"},
        {"a:b:c", "{a=b:c}"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(arena_release) struct arena arena = {0};
        CLEANUP(strbuf_release) struct strbuf out = {0};
        const struct log_expression *expression = NULL;
        struct error err;
        error_clear(&err);
        if (!log_language_parse(cases[i].query, &arena, &expression, &err))
            fail_msg("%s: %s", cases[i].query, err.fields[0].message[LANGUAGE_EN]);
        if (expression)
            show(expression, &out);
        assert_string_equal(strbuf_text(&out), cases[i].tree ? cases[i].tree : "");
    }
}

static void expect_refused(const char *query, const char *message)
{
    CLEANUP(arena_release) struct arena arena = {0};
    const struct log_expression *expression = NULL;
    struct error err;
    error_clear(&err);
    if (log_language_parse(query, &arena, &expression, &err))
        fail_msg("%s was taken", query);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_string_equal(err.fields[0].field, "query");
    if (!strstr(err.fields[0].message[LANGUAGE_EN], message))
        fail_msg("%s: %s", query, err.fields[0].message[LANGUAGE_EN]);
}

static void test_what_does_not_parse(void **state)
{
    (void)state;
    expect_refused("a AND", "Column 6: the query ends");
    expect_refused("OR a", "Column 1: a word");
    expect_refused("a OR OR b", "Column 6: a word");
    expect_refused("a AND AND b", "Column 7: a word");
    expect_refused("超时 (a", "Column 4: the bracket is not closed");
    expect_refused("a)", "Column 2: there is no bracket");
    expect_refused("()", "Column 2: a word");
    expect_refused("x \"abc", "Column 3: the quotation mark is not closed");
    expect_refused("\"\"", "Column 1: a text was expected");
    expect_refused("level:", "Column 7: a value");
    expect_refused("level:loud", "Column 7: DEBUG");
    expect_refused("source: llm", "Column 8: a value");
    expect_refused("NOT", "Column 4: the query ends");
}

static void test_bounds_of_a_query(void **state)
{
    (void)state;
    struct strbuf deep = {0}, many = {0}, chain = {0}, huge = {0};
    for (int i = 0; i < 17; i++)
        strbuf_puts(&deep, "(");
    for (int i = 0; i < 61; i++)
        strbuf_puts(&many, "a OR ");
    for (int i = 0; i < 17; i++)
        strbuf_puts(&chain, "NOT ");
    for (int i = 0; i < LOG_QUERY_MAX + 1; i++)
        strbuf_puts(&huge, "租");
    expect_refused(strbuf_text(&deep), "Column 17: brackets and NOT go 16 deep");
    expect_refused(strbuf_text(&many), "60 terms");
    expect_refused(strbuf_text(&chain), "16 deep");
    expect_refused(strbuf_text(&huge), "2000 characters");
    strbuf_release(&deep);
    strbuf_release(&many);
    strbuf_release(&chain);
    strbuf_release(&huge);
}

/* --- shapes */

static void test_shapes(void **state)
{
    (void)state;
    static const struct {
        const char *message, *shape;
    } cases[] = {
        {"", ""},
        {"POST /chat/message 200 in 12.5 ms", "POST /chat/message # in # ms"},
        {"took 12ms, 1,234,567 rows, 3MB", "took #ms, # rows, #MB"},
        {"request req_01jd9z0000000000000000000a of shop-17", "request req_<id> of shop-#"},
        {"550e8400-e29b-41d4-a716-446655440000 gone", "<uuid> gone"},
        {"from 10.0.0.7:5432, 2001:db8::7 and ::1.", "from <address>, <address> and <address>."},
        {"at 10:20:30 on 2026-11-22T06:48:26.062Z", "at #:#:# on #-#-#T#:#:#Z"},
        {"commit 9baab97f and 0x7ffd, cafe, deadbeef", "commit <hex> and <hex>, cafe, deadbeef"},
        {"utf8 b2b md5 v2", "utf# b#b md# v#"},
        {"同步延迟 ５ 分钟，商家 kimono_one", "同步延迟 # 分钟，商家 kimono_one"},
        {"1.2.3 and 4.", "# and #."},
        {"138****8000", "#****#"},
        {"session qwertyui, 7mqnqxkdz and 4096KiB", "session <id>, <id> and #KiB"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(strbuf_release) struct strbuf out = {0};
        log_shape(cases[i].message, strlen(cases[i].message), "qwertyuiop", &out);
        assert_string_equal(strbuf_text(&out), cases[i].shape);
    }
    CLEANUP(strbuf_release) struct strbuf text = {0}, out = {0};
    while (text.length < 65536)
        strbuf_puts(&text, "租1:");
    log_shape(text.bytes, text.length, NULL, &out);
    assert_in_range(out.length, 1, LOG_SHAPE_MAX + 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_parses),
        cmocka_unit_test(test_what_does_not_parse),
        cmocka_unit_test(test_bounds_of_a_query),
        cmocka_unit_test(test_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
