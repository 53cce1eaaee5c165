/* formats/xml_part and xml_scanner: what the quick lane reads, expat reads just the same. A document is read
 * as it stands, and behind a comment, which leaves all of it to expat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/error.h"
#include "formats/xml_part.h"
#include "xml_fixture.h"

/* ---- documents ---- */

static void expect_events(const char *document, const char *events)
{
    struct read_xml plain = read_xml(document, strlen(document)),
                    slow = read_xml_by_expat(document, strlen(document));
    if (!plain.good || !slow.good)
        fail_msg("%.60s: %s", document, plain.err.detail[LANGUAGE_EN]);
    assert_string_equal(strbuf_text(&plain.events), events);
    assert_string_equal(strbuf_text(&slow.events), events);
    read_xml_release(&plain);
    read_xml_release(&slow);
}

static void test_events(void **state)
{
    (void)state;
    static const struct {
        const char *document, *events;
    } cases[] = {
        {"<a/>", "<a></a>"},
        {"\xEF\xBB\xBF<?xml version='1.0' encoding='utf-8' standalone='no' ?>\r\n <a />\n", "<a></a>"},
        {"<?xml version=\"1.0\"?><x:a xmlns:x=\"u\" b='\"'><x:b_1.c-d>t</x:b_1.c-d\n></x:a >",
         "<a xmlns:x=u b=\"><b_1.c-d>t</b_1.c-d></a>"},
        {"<a>&lt;&amp;&gt;&quot;&apos;&#65;&#x4e2D;&#9;&#x10FFFF;</a>", "<a><&>\"'A中\t\xF4\x8F\xBF\xBF</a>"},
        {"<a b=\"&lt;&#10;x&amp;amp;\" c='>'/>", "<a b=<\nx&amp; c=>></a>"},
        {"<a>1\r2\r\n3\n\r\r\n]4]]5></a>", "<a>1\n2\n3\n\n\n]4]]5></a>"},
        {"<a>問題，é😀\xEE\x80\x80</a>", "<a>問題，é😀\xEE\x80\x80</a>"},
        /* what is left to expat, in the middle */
        {"<a>x<b/>y<!-- - -->z<c d='1'/></a>", "<a>x<b></b>yz<c d=1></c></a>"},
        {"<a>x<![CDATA[<&]]>z</a>", "<a>x<&z</a>"},
        {"<a><b/><?go on?><b c = '1\t2\n3'/></a><!-- end -->", "<a><b></b><b c=1 2 3></b></a>"},
        {"<?xml version='2.0'?><a/>", "<a></a>"},
        {"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xE9</a>", "<a>é</a>"},
        {"\t<:/>\t", "<></>"}, /* names with a colon at either end, or nothing else */
        {"<a><:b/><b:/><b:c:d/></a>", "<a><b></b><></><c:d></c:d></a>"},
        {"<a>x<\xE9\x97\xAE/>y</a>", "<a>x<\xE9\x97\xAE></\xE9\x97\xAE>y</a>"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect_events(cases[i].document, cases[i].events);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"",
                                        " ",
                                        "text",
                                        "<a>",
                                        "<a></b>",
                                        "<a/><a/>",
                                        "<a/>x",
                                        "</a>",
                                        "<a b='1' b='2'/>",
                                        "<a b='1'c='2'/>",
                                        "<a b=1/>",
                                        "<a b='<'/>",
                                        "<a b='&'/>",
                                        "<a b='&x;'/>",
                                        "<a b/>",
                                        "<a / >",
                                        "< a/>",
                                        "<1/>",
                                        "<a 1='2'/>",
                                        "<a>&</a>",
                                        "<a>&x;</a>",
                                        "<a>&amp</a>",
                                        "<a>&#0;</a>",
                                        "<a>&#x1F;</a>",
                                        "<a>&#xD800;</a>",
                                        "<a>&#xFFFE;</a>",
                                        "<a>&#x110000;</a>",
                                        "<a>&#;</a>",
                                        "<a>&#x;</a>",
                                        "<a>&#X41;</a>",
                                        "<a>x]]>y</a>",
                                        "<a>\x01</a>",
                                        "<a>\xC0\x80</a>",
                                        "<a>\xED\xA0\x80</a>",
                                        "<a>\xEF\xBF\xBE</a>",
                                        "<a>\xEF\xBF\xBF</a>",
                                        "<a>\xE4\xB8</a>",
                                        "<a b='\xFF'/>",
                                        "<a b='\n\x02'/>",
                                        " <?xml version='1.0'?><a/>",
                                        "<?xml?><a/>",
                                        "<?xml encoding='UTF-8'?><a/>",
                                        "<?xml version='1.0' standalone='perhaps'?><a/>",
                                        "<a></a",
                                        "<a></ a>",
                                        "<a></a/>",
                                        "<a?></a>",
                                        "<a",
                                        "<",
                                        "<!DOCTYPE a><a/>",
                                        "<a/><b",
                                        "<?xml version='1.0'><a/>"};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct read_xml plain = read_xml(cases[i], strlen(cases[i]));
        if (plain.good)
            fail_msg("'%s' was read: %s", cases[i], strbuf_text(&plain.events));
        assert_int_equal(plain.err.code, ERROR_INVALID);
        assert_string_not_equal(plain.err.detail[LANGUAGE_ZH], "");
        read_xml_release(&plain);
    }
}

/* ---- wherever the reader's buffer happens to end ---- */

static void test_cut_anywhere(void **state)
{
    (void)state;
    static const char item[] = "<r a=\"1&amp;2\" b='中'><c>x]y]]z&#x4E2D;&lt;问\r\n题</c><d/></r>";
    CLEANUP(strbuf_release) struct strbuf document = {0};
    for (int before = 0; before < 70; before++) {
        strbuf_reset(&document);
        strbuf_puts(&document, "<a>");
        for (int i = 0; i < before; i++)
            strbuf_putc(&document, ' ');
        for (int i = 0; i < 2500; i++)
            strbuf_puts(&document, item);
        strbuf_puts(&document, "</a>");
        struct read_xml plain = read_xml(document.bytes, document.length);
        struct read_xml slow = read_xml_by_expat(document.bytes, document.length);
        assert_true(plain.good && slow.good);
        assert_string_equal(strbuf_text(&plain.events), strbuf_text(&slow.events));
        read_xml_release(&plain);
        read_xml_release(&slow);
    }
}

/* A tag that fits no buffer, more attributes and longer names than usual. */
static void test_large_tags(void **state)
{
    (void)state;
    CLEANUP(strbuf_release) struct strbuf document = {0};
    strbuf_puts(&document, "<a>text<b");
    for (int i = 0; i < 20000; i++)
        strbuf_printf(&document, " n%d='%d'", i, i);
    strbuf_puts(&document, "/><");
    for (int i = 0; i < 100000; i++)
        strbuf_putc(&document, 'n');
    strbuf_puts(&document, "/></a>");
    struct read_xml plain = read_xml(document.bytes, document.length);
    struct read_xml slow = read_xml_by_expat(document.bytes, document.length);
    assert_true(plain.good && slow.good);
    assert_string_equal(strbuf_text(&plain.events), strbuf_text(&slow.events));
    read_xml_release(&plain);
    read_xml_release(&slow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_large_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
