/* An XML document read as a part of a package, its events written down as one text: quickly, or by expat
 * alone. */
#ifndef KIMONO_TESTS_XML_FIXTURE_H
#define KIMONO_TESTS_XML_FIXTURE_H

#include "formats/xml_part.h"
#include "workbook_fixture.h"

struct read_xml {
    struct strbuf events;
    bool good;
    struct error err; /* unless it is good */
};

static inline void read_xml_release(struct read_xml *read)
{
    strbuf_release(&read->events);
}

static inline bool write_start(void *context, const char *name, const char *const *attributes,
                               struct error *err)
{
    (void)err;
    strbuf_printf(context, "<%s", name);
    for (; *attributes; attributes += 2)
        strbuf_printf(context, " %s=%s", attributes[0], attributes[1]);
    strbuf_putc(context, '>');
    return true;
}

static inline bool write_end(void *context, const char *name, struct error *err)
{
    (void)err;
    strbuf_printf(context, "</%s>", name);
    return true;
}

static inline bool write_text(void *context, const char *bytes, size_t length, struct error *err)
{
    (void)err;
    strbuf_append(context, bytes, length);
    return true;
}

static inline struct read_xml read_xml(const char *document, size_t length)
{
    static const struct xml_events events = {write_start, write_end, write_text};
    CLEANUP(package_close) struct package *package = NULL;
    struct read_xml read = {.good = false};
    const struct part parts[] = {{"part", document, length}};
    struct made_file file = make_zip(parts, 1);
    error_clear(&read.err);
    read.good = package_open(file.fd, &package, &read.err) &&
                xml_part_read(package, "part", UINT64_MAX, &events, &read.events, &read.err);
    close_made_file(&file);
    return read;
}

/* A comment stands in front, behind the byte order mark and the declaration: the scanner leaves it all. */
static inline struct read_xml read_xml_by_expat(const char *document, size_t length)
{
    CLEANUP(strbuf_release) struct strbuf behind_comment = {0};
    size_t at = length >= 3 && memcmp(document, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    const char *end = length - at >= 5 && memcmp(document + at, "<?xml", 5) == 0
                          ? memmem(document + at, length - at, "?>", 2)
                          : NULL;
    if (end)
        at = (size_t)(end + 2 - document);
    strbuf_append(&behind_comment, document, at);
    strbuf_puts(&behind_comment, "<!-- -->");
    strbuf_append(&behind_comment, document + at, length - at);
    return read_xml(behind_comment.bytes, behind_comment.length);
}

#endif
