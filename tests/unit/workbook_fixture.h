/* Workbooks that a test makes itself: a ZIP file of parts that are given as text. */
#ifndef KIMONO_TESTS_WORKBOOK_FIXTURE_H
#define KIMONO_TESTS_WORKBOOK_FIXTURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zip.h>

#include "base/memory.h"
#include "base/strbuf.h"

#define XML "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
#define MAIN "xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\""
#define OFFICE "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
#define RELATIONS "xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\""

struct part {
    const char *name, *text;
    size_t length; /* 0: strlen */
};

/* A file in memory by a name; close `fd` when done. */
struct made_file {
    int fd;
    char path[64];
};

static inline struct made_file make_file(const void *bytes, size_t length)
{
    struct made_file file = {.fd = memfd_create("made", MFD_CLOEXEC)};
    const char *from = bytes;
    while (length > 0) {
        ssize_t done = write(file.fd, from, length);
        if (done <= 0)
            abort();
        from += done;
        length -= (size_t)done;
    }
    snprintf(file.path, sizeof(file.path), "/proc/self/fd/%d", file.fd);
    return file;
}

static inline void close_made_file(struct made_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
}

/* Packs the parts; `out` gets the bytes of the ZIP file. `password` NULL: none. */
static inline void pack(const struct part *parts, size_t count, const char *password, struct strbuf *out)
{
    zip_error_t failure;
    zip_error_init(&failure);
    zip_source_t *memory = zip_source_buffer_create(NULL, 0, 0, &failure);
    zip_source_keep(memory);
    zip_t *zip = zip_open_from_source(memory, ZIP_CREATE | ZIP_TRUNCATE, &failure);
    for (size_t i = 0; i < count; i++) {
        size_t length = parts[i].length ? parts[i].length : strlen(parts[i].text);
        zip_source_t *source = zip_source_buffer(zip, parts[i].text, length, 0);
        zip_int64_t index = zip_file_add(zip, parts[i].name, source, ZIP_FL_ENC_UTF_8);
        if (index < 0)
            abort();
        if (password)
            zip_file_set_encryption(zip, (zip_uint64_t)index, ZIP_EM_AES_256, password);
    }
    if (zip_close(zip) != 0 || zip_source_open(memory) != 0)
        abort();
    zip_source_seek(memory, 0, SEEK_END);
    zip_int64_t length = zip_source_tell(memory);
    zip_source_seek(memory, 0, SEEK_SET);
    char *to = strbuf_reserve(out, (size_t)length);
    if (zip_source_read(memory, to, (zip_uint64_t)length) != length)
        abort();
    out->length += (size_t)length;
    zip_source_close(memory);
    zip_source_free(memory);
}

static inline struct made_file make_zip(const struct part *parts, size_t count)
{
    CLEANUP(strbuf_release) struct strbuf bytes = {0};
    pack(parts, count, NULL, &bytes);
    return make_file(bytes.bytes, bytes.length);
}

#define ROOT_RELATIONS                                                                                       \
    XML "<Relationships " RELATIONS "><Relationship Id=\"rId1\" Type=\"" OFFICE                              \
        "/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
#define BOOK_RELATIONS                                                                                       \
    XML "<Relationships " RELATIONS "><Relationship Id=\"rId1\" Type=\"" OFFICE                              \
        "/worksheet\" Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"rId2\" Type=\"" OFFICE            \
        "/sharedStrings\" Target=\"sharedStrings.xml\"/><Relationship Id=\"rId3\" Type=\"" OFFICE            \
        "/styles\" Target=\"styles.xml\"/><Relationship Id=\"rId4\" Type=\"" OFFICE                          \
        "/worksheet\" Target=\"/xl/worksheets/sheet2.xml\"/></Relationships>"
#define BOOK                                                                                                 \
    XML "<workbook " MAIN " xmlns:r=\"" OFFICE                                                               \
        "\"><sheets><sheet name=\"One\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
#define SHEET_OF(rows) XML "<worksheet " MAIN "><sheetData>" rows "</sheetData></worksheet>"
#define STRINGS_OF(items) XML "<sst " MAIN ">" items "</sst>"
#define STYLES_OF(formats, styles)                                                                           \
    XML "<styleSheet " MAIN "><numFmts>" formats "</numFmts><cellStyleXfs><xf numFmtId=\"9\"/>"              \
        "</cellStyleXfs><cellXfs>" styles "</cellXfs></styleSheet>"

/* A workbook of one sheet; `strings` and `styles` may be NULL. */
static inline struct made_file make_workbook(const char *sheet, const char *strings, const char *styles)
{
    struct part parts[6] = {{"_rels/.rels", ROOT_RELATIONS, 0},
                            {"xl/workbook.xml", BOOK, 0},
                            {"xl/_rels/workbook.xml.rels", BOOK_RELATIONS, 0},
                            {"xl/worksheets/sheet1.xml", sheet, 0}};
    size_t count = 4;
    if (strings)
        parts[count++] = (struct part){"xl/sharedStrings.xml", strings, 0};
    if (styles)
        parts[count++] = (struct part){"xl/styles.xml", styles, 0};
    return make_zip(parts, count);
}

#endif
