/* formats/xlsx_reader and what is below it: what cells come as, which sheets, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/error.h"
#include "formats/table.h"
#include "formats/text_store.h"
#include "formats/xlsx_reader.h"
#include "formats/xml_part.h"
#include "workbook_fixture.h"

/* ---- reading into one text: fields between bars, "number:" before each row ---- */

static bool write_row(void *context, const struct table_row *row, struct error *err)
{
    (void)err;
    struct strbuf *out = context;
    strbuf_printf(out, "%d:", (int)row->number);
    for (size_t i = 0; i < row->count; i++)
        strbuf_printf(out, "%s%s", i ? "|" : "", row->fields[i]);
    strbuf_putc(out, '~');
    return true;
}

static bool read_table(const char *path, const char *sheet, struct strbuf *out, struct error *err)
{
    CLEANUP(table_close) struct table *table = NULL;
    struct table_options options = {.sheet = sheet};
    error_clear(err);
    return table_open(path, &options, &table, err) && table_read(table, write_row, out, err);
}

static void expect_table(struct made_file file, const char *sheet, const char *rows)
{
    CLEANUP(strbuf_release) struct strbuf out = {0};
    struct error err;
    if (!read_table(file.path, sheet, &out, &err))
        fail_msg("%s", err.detail[LANGUAGE_EN]);
    assert_string_equal(strbuf_text(&out), rows);
    close_made_file(&file);
}

static void expect_refusal(struct made_file file, const char *part)
{
    CLEANUP(strbuf_release) struct strbuf out = {0};
    struct error err;
    if (read_table(file.path, NULL, &out, &err))
        fail_msg("'%s' was read: %.200s", part, strbuf_text(&out));
    assert_int_equal(err.code, ERROR_INVALID);
    assert_string_not_equal(err.detail[LANGUAGE_ZH], "");
    if (!strstr(err.detail[LANGUAGE_EN], part))
        fail_msg("'%s' is not in '%s'", part, err.detail[LANGUAGE_EN]);
    close_made_file(&file);
}

/* ---- cells ---- */

static void test_texts(void **state)
{
    (void)state;
    static const char strings[] = STRINGS_OF(
        "<si><t>问题</t></si><si><t xml:space=\"preserve\"> a </t></si><si/>"
        "<si><r><rPr><b/></rPr><t>bo</t></r><r><t>ld</t></r><rPh sb=\"0\" eb=\"1\"><t>no</t></rPh>"
        "<phoneticPr fontId=\"1\"/></si><si><t>x_x000D_\ny_x005F_x0041_ _x0000_ _xD83D__xDE00_</t></si>"
        "<si><t>&lt;b&gt; &amp; &#20013;</t></si>");
    static const char sheet[] = SHEET_OF(
        "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" t=\"s\"><v>1</v></c></row>"
        "<row r=\"2\"><c r=\"A2\" t=\"s\"><v>2</v></c><c r=\"B2\" t=\"s\"><v>3</v></c>"
        "<c r=\"C2\" t=\"s\"><v>4</v></c><c r=\"D2\" t=\"s\"><v>5</v></c></row>"
        "<row r=\"3\"><c r=\"A3\" t=\"inlineStr\"><is><t>in</t></is></c><c r=\"B3\" t=\"inlineStr\">"
        "<is><r><t>li</t></r><rPh><t>no</t></rPh><r><t>ne</t></r></is></c>"
        "<c r=\"C3\" t=\"str\"><f>A1&amp;\"x\"</f><v>cached</v></c><c r=\"D3\"><f>1+1</f></c></row>");
    expect_table(make_workbook(sheet, strings, NULL), NULL,
                 "1:问题| a ~2:|bold|x\r\ny_x0041_ _x0000_ 😀|<b> & 中~3:in|line|cached|~");
}

static void test_values(void **state)
{
    (void)state;
    static const char styles[] =
        STYLES_OF("<numFmt numFmtId=\"164\" formatCode=\"yyyy&quot;年&quot;m&quot;月&quot;d&quot;日&quot;\"/>"
                  "<numFmt numFmtId=\"165\" formatCode=\"00000\"/>",
                  "<xf numFmtId=\"0\"/><xf numFmtId=\"164\"/><xf numFmtId=\"165\"/><xf numFmtId=\"9\"/>"
                  "<xf numFmtId=\"14\"/>");
    static const char sheet[] =
        SHEET_OF("<row><c><v>1.5</v></c><c s=\"1\"><v>46348</v></c><c s=\"2\"><v>42</v></c>"
                 "<c s=\"3\"><v>0.256</v></c><c t=\"b\"><v>1</v></c><c t=\"b\"><v>0</v></c>"
                 "<c t=\"e\"><v>#N/A</v></c><c t=\"d\" s=\"4\"><v>2026-11-22T00:00:00</v></c>"
                 "<c t=\"d\"><v>soon</v></c><c s=\"77\"><v>3</v></c><c><v>abc</v></c>"
                 "<c><v>0.30000000000000004</v></c></row>");
    expect_table(make_workbook(sheet, NULL, styles), NULL,
                 "1:1.5|2026年11月22日|00042|26%|TRUE|FALSE|#N/A|2026-11-22|soon|3|abc|0.3~");
}

static void test_dates_of_1904(void **state)
{
    (void)state;
    static const char book[] = XML "<workbook " MAIN " xmlns:r=\"" OFFICE
                                   "\"><workbookPr date1904=\"1\"/><sheets><sheet name=\"One\" sheetId=\"1\" "
                                   "r:id=\"rId1\"/></sheets></workbook>";
    const struct part parts[] = {
        {"_rels/.rels", ROOT_RELATIONS, 0},
        {"xl/workbook.xml", book, 0},
        {"xl/_rels/workbook.xml.rels", BOOK_RELATIONS, 0},
        {"xl/styles.xml", STYLES_OF("", "<xf numFmtId=\"14\"/>"), 0},
        {"xl/worksheets/sheet1.xml", SHEET_OF("<row><c><v>44886</v></c></row>"), 0},
    };
    expect_table(make_zip(parts, ARRAY_SIZE(parts)), NULL, "1:2026-11-22~");
}

static void test_gaps(void **state)
{
    (void)state;
    static const char sheet[] = SHEET_OF(
        "<row r=\"2\"><c r=\"C2\"><v>1</v></c><c><v>2</v></c><c r=\"XFD2\"/></row>"
        "<row/><row r=\"5\" hidden=\"1\"><c r=\"A5\"><v>3</v></c><c r=\"C5\" t=\"str\"><v></v></c></row>"
        "<row><c r=\"B6\"><v>4</v></c><c r=\"A6\"><v>5</v></c></row>");
    expect_table(make_workbook(sheet, NULL, NULL), NULL, "2:||1|2~5:3~6:5|4~");
}

static void test_merged_cells(void **state)
{
    (void)state;
    static const char sheet[] =
        XML "<worksheet " MAIN "><sheetData>"
            "<row r=\"1\"><c r=\"A1\" t=\"str\"><v>c</v></c><c r=\"B1\" t=\"str\"><v>q</v></c></row>"
            "<row r=\"2\"><c r=\"A2\" t=\"str\"><v>x</v></c><c r=\"B2\"><v>1</v></c></row>"
            "<row r=\"3\"><c r=\"A3\"/><c r=\"B3\"><v>2</v></c></row>"
            "<row r=\"4\"><c r=\"A4\"/></row>"
            "<row r=\"5\"><c r=\"B5\"><v>3</v></c><c r=\"D5\"><v>9</v></c></row>"
            "<row r=\"6\"><c r=\"B6\"><v>4</v></c></row>"
            "<row r=\"7\"><c r=\"B7\"><v>5</v></c></row>"
            "</sheetData><mergeCells count=\"3\"><mergeCell ref=\"D5:E6\"/><mergeCell ref=\"A2:A5\"/>"
            "<mergeCell ref=\"B1:D1\"/></mergeCells></worksheet>";
    static const char rows[] = "1:c|q~2:x|1~3:x|2~5:x|3||9~6:|4||9~7:|5~";
    CLEANUP(close_made_file) struct made_file file = make_workbook(sheet, NULL, NULL);
    CLEANUP(table_close) struct table *table = NULL;
    struct error err;
    assert_true(table_open(file.path, &(struct table_options){0}, &table, &err));
    for (int i = 0; i < 3; i++) {
        CLEANUP(strbuf_release) struct strbuf out = {0};
        assert_true(table_read(table, write_row, &out, &err));
        assert_string_equal(strbuf_text(&out), rows);
    }
}

/* ---- sheets ---- */

#define SHEETS(list) XML "<workbook " MAIN " xmlns:r=\"" OFFICE "\"><sheets>" list "</sheets></workbook>"

static struct made_file make_sheets(const char *list, const char *first, const char *second)
{
    const struct part parts[] = {
        {"_rels/.rels", ROOT_RELATIONS, 0},
        {"xl/workbook.xml", list, 0},
        {"xl/_rels/workbook.xml.rels", BOOK_RELATIONS, 0},
        {"xl/worksheets/sheet1.xml", first, 0},
        {"xl/worksheets/sheet2.xml", second, 0},
    };
    return make_zip(parts, ARRAY_SIZE(parts));
}

static void test_sheets(void **state)
{
    (void)state;
    static const char both[] = SHEETS("<sheet name=\"一月\" sheetId=\"1\" r:id=\"rId1\"/>"
                                      "<sheet name=\"Chart\" sheetId=\"3\" r:id=\"rId9\"/>"
                                      "<sheet name=\"二月\" sheetId=\"2\" r:id=\"rId4\"/>");
    static const char hidden[] = SHEETS("<sheet name=\"一月\" state=\"hidden\" sheetId=\"1\" r:id=\"rId1\"/>"
                                        "<sheet name=\"二月\" sheetId=\"2\" r:id=\"rId4\"/>");
    static const char one[] = SHEET_OF("<row><c><v>1</v></c></row>"),
                      two[] = SHEET_OF("<row><c><v>2</v></c></row>"), none[] = SHEET_OF("<row/>");
    expect_table(make_sheets(both, one, two), NULL, "1:1~");
    expect_table(make_sheets(both, one, two), "二月", "1:2~");
    expect_table(make_sheets(both, none, two), NULL, "1:2~");
    expect_table(make_sheets(both, none, none), NULL, "");
    expect_table(make_sheets(hidden, one, two), NULL, "1:2~");
    expect_table(make_sheets(hidden, one, two), "一月", "1:1~");

    CLEANUP(close_made_file) struct made_file file = make_sheets(both, none, two);
    CLEANUP(table_close) struct table *table = NULL;
    CLEANUP(strbuf_release) struct strbuf out = {0};
    struct error err;
    assert_true(table_open(file.path, &(struct table_options){0}, &table, &err));
    assert_int_equal(table_kind(table), FILE_KIND_WORKBOOK);
    assert_int_equal(table_sheet_count(table), 2);
    assert_string_equal(table_sheet(table, 1).name, "二月");
    assert_null(table_sheet_read(table));
    assert_true(table_read(table, write_row, &out, &err));
    assert_string_equal(table_sheet_read(table), "二月");
    assert_true(table_read(table, write_row, &out, &err));
    assert_string_equal(strbuf_text(&out), "1:2~1:2~");

    CLEANUP(close_made_file) struct made_file other = make_sheets(both, one, two);
    assert_false(read_table(other.path, "三月", &out, &err));
    assert_non_null(strstr(err.detail[LANGUAGE_EN], "there is no sheet “三月”; there are: 一月, 二月"));
}

/* The strict form's namespaces, prefixes everywhere, other places and cases, backslashes. */
static void test_other_forms(void **state)
{
    (void)state;
#define STRICT "http://purl.oclc.org/ooxml/officeDocument/relationships"
    const struct part parts[] = {
        {"_rels/.rels",
         XML "<Relationships " RELATIONS "><Relationship Id=\"a\" Type=\"" STRICT
             "/officeDocument\" Target=\"/Book/Main.xml\"/></Relationships>",
         0},
        {"Book/Main.xml",
         XML "<x:workbook xmlns:x=\"http://purl.oclc.org/ooxml/spreadsheetml/main\" xmlns:rel=\"" STRICT
             "\"><x:sheets><x:sheet name=\"One\" sheetId=\"1\" rel:id=\"b\"/></x:sheets></x:workbook>",
         0},
        {"Book/_rels/Main.xml.rels",
         XML "<Relationships " RELATIONS "><Relationship Id=\"b\" Type=\"" STRICT
             "/worksheet\" Target=\"../data/./Sheet.xml\"/><Relationship Id=\"c\" Type=\"" STRICT
             "/sharedStrings\" Target=\"strings.xml\"/></Relationships>",
         0},
        {"DATA\\sheet.xml",
         XML "<x:worksheet xmlns:x=\"http://purl.oclc.org/ooxml/spreadsheetml/main\"><x:sheetData><x:row "
             "r=\"1\"><x:c r=\"A1\" t=\"s\"><x:v>0</x:v></x:c></x:row></x:sheetData></x:worksheet>",
         0},
        {"book/Strings.xml", STRINGS_OF("<si><t>strict</t></si>"), 0},
    };
    expect_table(make_zip(parts, ARRAY_SIZE(parts)), NULL, "1:strict~");
}

/* ---- what is refused ---- */

static void test_sheets_beyond_ceilings(void **state)
{
    (void)state;
    static const struct {
        const char *sheet, *part;
    } cases[] = {
        {SHEET_OF("<row r=\"1048577\"/>"), "more than 1048576 rows"},
        {SHEET_OF("<row r=\"9999999999999999999\"/>"), "more than 1048576 rows"},
        {SHEET_OF("<row r=\"2\"/><row r=\"1\"/>"), "row 1 comes behind row 2"},
        {SHEET_OF("<row r=\"1\"><c r=\"XFE1\"><v>1</v></c></row>"), "more than 16384 columns"},
        {SHEET_OF("<row r=\"1\"><c r=\"ZZZZZZZZZZZZZZZZ1\"><v>1</v></c></row>"), "more than 16384 columns"},
        {SHEET_OF("<row r=\"7\"><c r=\"C7\" t=\"s\"><v>0</v></c></row>"),
         "row 7, column C: its text, number 0 of the workbook's, is not there"},
        {SHEET_OF("<row r=\"1\"><c r=\"A1\" t=\"s\"><v>-1</v></c></row>"), "is not there"},
        {SHEET_OF("<row>"), "xl/worksheets/sheet1.xml: line 1, column"},
        {XML "<!DOCTYPE x [<!ENTITY a \"haha\"><!ENTITY b \"&a;&a;\">]>" SHEET_OF(""),
         "document type declaration"},
        {XML "<!DOCTYPE x SYSTEM \"http://localhost/x.dtd\"><worksheet/>", "document type declaration"},
        {XML "<worksheet><sheetData><row><c><v>&b;</v></c></row></sheetData></worksheet>", "well-formed"},
        {"not XML at all", "well-formed"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect_refusal(make_workbook(cases[i].sheet, NULL, NULL), cases[i].part);
}

static void repeat(struct strbuf *out, const char *before, const char *text, size_t times, const char *after)
{
    strbuf_reset(out);
    strbuf_puts(out, before);
    for (size_t i = 0; i < times; i++)
        strbuf_puts(out, text);
    strbuf_puts(out, after);
}

/* A small file may name one large sheet without rows very often. */
static void test_many_empty_sheets(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        CLEANUP(strbuf_release) struct strbuf book = {0};
        strbuf_puts(&book, XML "<workbook " MAIN " xmlns:r=\"" OFFICE "\"><sheets>");
        for (int i = 0; i < XLSX_EMPTY_SHEETS_MAX + more; i++)
            strbuf_puts(&book, "<sheet name=\"S\" sheetId=\"1\" r:id=\"rId1\"/>");
        strbuf_puts(&book, "</sheets></workbook>");
        struct made_file file = make_sheets(strbuf_text(&book), SHEET_OF(""), SHEET_OF(""));
        if (more)
            expect_refusal(file, "sheets have no rows");
        else
            expect_table(file, NULL, "");
    }
}

static void test_oversized(void **state)
{
    (void)state;
    CLEANUP(strbuf_release) struct strbuf text = {.ceiling = (size_t)256 << 20};
    repeat(&text, XML "<worksheet><sheetData><row>", "<c><v>1</v></c>", 1000000,
           "</row></sheetData></worksheet>");
    expect_refusal(make_workbook(text.bytes, NULL, NULL), "more than 16384 columns");

    repeat(&text, XML "<worksheet><sheetData><row><c t=\"str\"><v>", "abcdefgh", XLSX_TEXT_MAX / 8 + 1,
           "</v></c></row></sheetData></worksheet>");
    expect_refusal(make_workbook(text.bytes, NULL, NULL), "row 1, column A: a cell holds more than 32,767");

    repeat(&text, XML "<worksheet ", "a", XML_TAG_MAX + XML_TAG_MAX / 8, "=\"\"/>");
    expect_refusal(make_workbook(text.bytes, NULL, NULL), "a tag is larger than 1 MiB");

    repeat(&text, XML, "<a>", 200, "");
    expect_refusal(make_workbook(text.bytes, NULL, NULL), "nested more than 100 deep");

    /* 80 MiB of nothing, packed to 80 KiB */
    repeat(&text, XML "<worksheet><sheetData>", "<row></row>     ", (size_t)5 << 20,
           "</sheetData></worksheet>");
    expect_refusal(make_workbook(text.bytes, NULL, NULL), "unpacked it would be larger than can be read");
}

static void test_damaged(void **state)
{
    (void)state;
    CLEANUP(strbuf_release) struct strbuf bytes = {0};
    CLEANUP(strbuf_release) struct strbuf sheet = {0};
    repeat(&sheet, XML "<worksheet " MAIN "><sheetData>", "<row><c><v>1</v></c></row>", 5000,
           "</sheetData></worksheet>");
    for (unsigned i = 0; i < 5000; i++) /* so that it does not pack to nothing */
        strbuf_printf(&sheet, "<!-- %u -->", i * 2654435761U);
    const struct part parts[] = {
        {"xl/workbook.xml", BOOK, 0},
        {"xl/_rels/workbook.xml.rels", BOOK_RELATIONS, 0},
        {"xl/worksheets/sheet1.xml", sheet.bytes, sheet.length},
    };
    pack(parts, ARRAY_SIZE(parts), NULL, &bytes);
    expect_table(make_workbook(SHEET_OF("<row><c><v>1</v></c></row>"), NULL, NULL), NULL, "1:1~");

    for (size_t cut = 5; cut < bytes.length; cut += bytes.length / 20)
        expect_refusal(make_file(bytes.bytes, cut), "damaged");
    bytes.bytes[bytes.length / 2] ^= 0x55;
    expect_refusal(make_file(bytes.bytes, bytes.length), "damaged");

    strbuf_reset(&bytes);
    pack(parts, ARRAY_SIZE(parts), "secret", &bytes);
    expect_refusal(make_file(bytes.bytes, bytes.length), "password-protected");
}

/* A directory that claims, or has, more entries than any workbook. */
static void test_many_entries(void **state)
{
    (void)state;
    CLEANUP(strbuf_release) struct strbuf bytes = {0};
    struct part *parts = xcalloc(10001, sizeof(*parts));
    char(*names)[16] = xcalloc(10001, sizeof(*names));
    for (size_t i = 0; i < 10001; i++) {
        snprintf(names[i], sizeof(names[i]), "%zu", i);
        parts[i] = (struct part){names[i], "x", 1};
    }
    pack(parts, 10001, NULL, &bytes);
    expect_refusal(make_file(bytes.bytes, bytes.length), "more than 10000 parts");
    free(parts);
    free(names);

    /* APPNOTE.TXT 4.3.16: the count of entries is at 8 and 10 */
    unsigned char end[26] = "PK\3\4PK\5\6";
    memset(end + 4 + 8, 0xFF, 4);
    expect_refusal(make_file(end, sizeof(end)), "more than 10000 parts");
    /* 4.3.14 and 4.3.15: of the 64-bit record at 24 and 32, its place in the locator at 8 */
    unsigned char end64[4 + 56 + 20 + 22] = "PK\3\4PK\6\6";
    end64[4 + 32 + 3] = 1;
    memcpy(end64 + 4 + 56, "PK\6\7\0\0\0\0\4", 9);
    memcpy(end64 + 4 + 56 + 20, "PK\5\6", 4);
    expect_refusal(make_file(end64, sizeof(end64)), "more than 10000 parts");
}

/* ---- files that are something else ---- */

static void test_other_packages(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *part;
    } cases[] = {
        {"word/document.xml", "<w:document/>", "a Word document"},
        {"ppt/presentation.xml", "<p:presentation/>", "a presentation"},
        {"content.xml", "<office:document-content/>", "an OpenDocument file"},
        {"META-INF/MANIFEST.MF", "Manifest-Version: 1.0", "a program"},
        {"xl/workbook.bin", "x", "a binary workbook"},
        {"qa.csv", "question,answer", "a ZIP file without a workbook"},
        {"xl/workbook.xml", "<notebook/>", "a ZIP file without a workbook"},
        {"xl/workbook.xml", "<workbook/>", "no worksheet"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect_refusal(make_zip(&(struct part){cases[i].name, cases[i].text, 0}, 1), cases[i].part);
}

static void put_directory_entry(unsigned char *entry, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < length; i++)
        entry[2 * i] = (unsigned char)name[i];
    entry[64] = (unsigned char)(2 * length + 2);
    entry[66] = 2;
}

static void test_compound_files(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second, *part;
    } cases[] = {{"EncryptionInfo", "EncryptedPackage", "password-protected: save it without"},
                 {"SummaryInformation", "Workbook", "an old workbook (.xls): save it as .xlsx"},
                 {"Workbook", "EncryptedPackage", "password-protected"},
                 {"Book", "x", "an old workbook"},
                 {"WordDocument", "1Table", "an old Word document"},
                 {"x", "y", "an old Office file"}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        unsigned char file[2048] = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";
        put_directory_entry(file + 1024 + 128, cases[i].first);
        put_directory_entry(file + 1024 + 256, cases[i].second);
        expect_refusal(make_file(file, sizeof(file)), cases[i].part);
    }
}

static void test_other_files(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"%PDF-1.7\n", "a PDF document"},
        {"\x89PNG\r\n", "a picture"},
        {"\x1F\x8B\x08 gzip", "a compressed file (gzip), not a table (.xlsx, .csv or .tsv): unpack it first"},
        {"\xEF\xBB\xBF \r\n<HTML><table>", "a web page (HTML), whatever its name says"},
        {"<table border=1>", "a web page (HTML)"},
        {"<?xml version=\"1.0\"?><Workbook>", "an XML file"},
        {"MIME-Version: 1.0\n", "a web page (MHTML)"},
        {"\x09\x08\x10", "a very old workbook"},
        {"Rar!\x1A\x07", "an archive (RAR)"},
        {"ID;PWXL;N;E\r\nC;Y1;X1;K\"q\"\r\n", "a SYLK file"},
        {"{\"question\":\"q\"}\n", "a JSON file"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect_refusal(make_file(cases[i].text, strlen(cases[i].text)), cases[i].part);
    expect_refusal((struct made_file){.fd = -1, .path = "/dev/null"}, "no regular file");
    expect_refusal((struct made_file){.fd = -1, .path = "/tmp"}, "a folder");
    expect_table(make_file("", 0), NULL, "");
    expect_table(make_file("q;a\n<b>;1\n", 10), NULL, "1:q|a~2:<b>|1~");
}

/* ---- many different texts: more than are kept in memory ---- */

#define COUNT 3000000ULL

static const char *text_of(uint64_t number, char text[static 64])
{
    snprintf(text, 64, "text %llu", (unsigned long long)(number * number));
    return number % 7 ? text : "";
}

static void expect_text(struct text_store *store, uint64_t number)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};
    struct error err;
    char want[64];
    assert_true(text_store_append(store, number, &text, &err));
    assert_string_equal(strbuf_text(&text), text_of(number, want));
}

static void test_text_store(void **state)
{
    (void)state;
    CLEANUP(text_store_free) struct text_store *store = text_store_new(NULL);
    struct error err;
    char room[64];
    uint64_t size = 0, kept = 0; /* the last that is in memory */
    for (uint64_t i = 0; i < COUNT; i++) {
        const char *text = text_of(i, room);
        size_t length = strlen(text);
        size += length + sizeof(uint64_t);
        kept = size <= TEXT_STORE_MEMORY ? i : kept;
        assert_true(text_store_add(store, text, length, &err));
    }
    assert_int_equal(text_store_count(store), COUNT);
    assert_true(kept > 0 && kept + 1000 < COUNT);
    for (uint64_t at = 0, i = 0; at < 20000; at++, i = (at % 100 ? i + 1 : i * 7919 + 13) % COUNT)
        expect_text(store, i);
    for (uint64_t i = kept - 500; i < kept + 500; i++) /* from memory into the file, and to and fro */
        expect_text(store, i), expect_text(store, COUNT - 1 - i % 1000), expect_text(store, i % 1000);
    expect_text(store, COUNT - 1);
}

/* Longer than a block, than all blocks that are in memory, and behind those that are kept. */
static void test_long_texts_in_store(void **state)
{
    (void)state;
    static const size_t lengths[] = {TEXT_STORE_MEMORY - 16, 100000, 0, 2 << 20, 1, 4096, 4096, 5};
    CLEANUP(text_store_free) struct text_store *store = text_store_new(NULL);
    CLEANUP(free_pointer) char *large = xmalloc(TEXT_STORE_MEMORY);
    struct error err;
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        memset(large, 'a' + (int)i, lengths[i]);
        assert_true(text_store_add(store, large, lengths[i], &err));
    }
    for (size_t i = 2 * ARRAY_SIZE(lengths); i-- > 0;) {
        CLEANUP(strbuf_release) struct strbuf text = {0};
        size_t number = i % ARRAY_SIZE(lengths);
        memset(large, 'a' + (int)number, lengths[number]);
        assert_true(text_store_append(store, number, &text, &err));
        assert_int_equal(text.length, lengths[number]);
        assert_memory_equal(strbuf_text(&text), large, lengths[number]);
    }
}

static void test_text_store_without_folder(void **state)
{
    (void)state;
    CLEANUP(text_store_free) struct text_store *nowhere = text_store_new("/proc/self/nowhere");
    CLEANUP(free_pointer) char *large = xcalloc(1, 1 << 20);
    struct error err;
    size_t taken = 0;
    while (taken <= TEXT_STORE_MEMORY && text_store_add(nowhere, large, 1 << 20, &err))
        taken += 1 << 20;
    assert_true(taken < TEXT_STORE_MEMORY);
    assert_non_null(strstr(err.detail[LANGUAGE_EN], "/proc/self/nowhere"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_dates_of_1904),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_merged_cells),
        cmocka_unit_test(test_sheets),
        cmocka_unit_test(test_other_forms),
        cmocka_unit_test(test_sheets_beyond_ceilings),
        cmocka_unit_test(test_many_empty_sheets),
        cmocka_unit_test(test_oversized),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_many_entries),
        cmocka_unit_test(test_other_packages),
        cmocka_unit_test(test_compound_files),
        cmocka_unit_test(test_other_files),
        cmocka_unit_test(test_text_store),
        cmocka_unit_test(test_long_texts_in_store),
        cmocka_unit_test(test_text_store_without_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
