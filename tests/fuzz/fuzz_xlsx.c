/* formats/xlsx_reader and all below it. The first byte chooses what the rest is: the bytes of a file, or one
 * part of a workbook that is otherwise whole: sheet, shared strings, styles, workbook.xml, relations. What
 * is read is UTF-8, and reading again gives the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/workbook_fixture.h"
#include "base/utf8.h"
#include "formats/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SHEET                                                                                                \
    SHEET_OF(                                                                                                \
        "<row r=\"2\"><c r=\"A2\" t=\"s\"><v>0</v></c><c s=\"1\"><v>46348.25</v></c><c s=\"0\"><v>-1234.5"   \
        "</v></c><c t=\"inlineStr\"><is><t>x</t></is></c></row>")
#define STYLES                                                                                               \
    STYLES_OF("<numFmt numFmtId=\"164\" formatCode=\"0.0\"/>", "<xf numFmtId=\"164\"/><xf "                  \
                                                               "numFmtId=\"22\"/>")

static const struct part whole[] = {
    {"xl/worksheets/sheet1.xml", SHEET, 0},
    {"xl/sharedStrings.xml", STRINGS_OF("<si><t>shared</t></si>"), 0},
    {"xl/styles.xml", STYLES, 0},
    {"xl/workbook.xml", BOOK, 0},
    {"xl/_rels/workbook.xml.rels", BOOK_RELATIONS, 0},
    {"_rels/.rels", ROOT_RELATIONS, 0},
};
#define PARTS ARRAY_SIZE(whole)

static struct made_file make(uint8_t choice, const char *text, size_t length)
{
    struct part parts[PARTS];
    size_t which = choice % (PARTS + 2);
    if (which >= PARTS || length == 0)
        return make_file(text, length);
    memcpy(parts, whole, sizeof(whole));
    parts[which].text = text;
    parts[which].length = length;
    return make_zip(parts, PARTS);
}

static bool keep_row(void *context, const struct table_row *row, struct error *err)
{
    (void)err;
    strbuf_printf(context, "%lld:", (long long)row->number);
    for (size_t i = 0; i < row->count; i++) {
        if (!utf8_valid(row->fields[i], strlen(row->fields[i])))
            abort();
        strbuf_append(context, row->fields[i], strlen(row->fields[i]) + 1);
    }
    return true;
}

static void read_twice(const char *path)
{
    struct table *table = NULL;
    struct table_options options = {0};
    struct error err;
    error_clear(&err);
    if (!table_open(path, &options, &table, &err)) {
        if (err.detail[LANGUAGE_EN][0] == '\0' || table)
            abort();
        return;
    }
    struct strbuf first = {0}, second = {0};
    bool good = table_read(table, keep_row, &first, &err);
    if (good && (!table_read(table, keep_row, &second, &err) || first.length != second.length ||
                 memcmp(strbuf_text(&first), strbuf_text(&second), first.length) != 0))
        abort();
    if (!good && err.detail[LANGUAGE_EN][0] == '\0')
        abort();
    strbuf_release(&first);
    strbuf_release(&second);
    table_close(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct made_file file = make(data[0], (const char *)data + 1, size - 1);
    read_twice(file.path);
    close_made_file(&file);
    return 0;
}
