#include "formats/xml_part.h"

#include <expat.h>
#include <string.h>

#include "base/memory.h"
#include "formats/xml_scanner.h"

#define CHUNK (32 << 10)

struct reading {
    XML_Parser parser;
    const struct xml_events *events;
    void *context;
    const char *name; /* of the part */
    int depth;
    uint64_t fed, event_at; /* bytes; where the last event began */
    bool failed;            /* err is set */
    struct error *err;
    struct xml_delivered delivered; /* by xml_scan: passed over */
};

static void expat_stop(struct reading *reading)
{
    reading->failed = true;
    XML_StopParser(reading->parser, XML_FALSE);
}

/* Whether xml_scan has delivered this start or end. */
static bool expat_was_delivered(struct reading *reading)
{
    if (reading->delivered.elements == 0)
        return false;
    reading->delivered.elements--;
    return true;
}

static const char *local_name(const char *name)
{
    const char *colon = strchr(name, ':');
    return colon ? colon + 1 : name;
}

static void expat_take_start(void *context, const char *name, const char **attributes)
{
    struct reading *reading = context;
    if (reading->failed)
        return;
    if (++reading->depth > XML_DEPTH_MAX) {
        error_set(reading->err, ERROR_INVALID, "it is nested more than %d deep; no workbook is",
                  "嵌套超过 %d 层，不是正常的工作簿", XML_DEPTH_MAX);
        error_prefix(reading->err, "%s", "%s", reading->name);
        expat_stop(reading);
    } else if (!expat_was_delivered(reading) && reading->events->start &&
               !reading->events->start(reading->context, local_name(name), (const char *const *)attributes,
                                       reading->err)) {
        expat_stop(reading);
    }
}

static void expat_take_end(void *context, const char *name)
{
    struct reading *reading = context;
    if (reading->failed)
        return;
    reading->depth--;
    if (!expat_was_delivered(reading) && reading->events->end &&
        !reading->events->end(reading->context, local_name(name), reading->err))
        expat_stop(reading);
}

static void expat_take_text(void *context, const char *bytes, int length)
{
    struct reading *reading = context;
    size_t over = (size_t)length;
    if (over > reading->delivered.text)
        over = (size_t)reading->delivered.text;
    reading->delivered.text -= over;
    if (!reading->failed && over < (size_t)length &&
        !reading->events->text(reading->context, bytes + over, (size_t)length - over, reading->err))
        expat_stop(reading);
}

static void expat_refuse_doctype(void *context, const char *name, const char *system, const char *public,
                                 int inside)
{
    struct reading *reading = context;
    (void)name, (void)system, (void)public, (void)inside;
    if (reading->failed)
        return;
    error_set(
        reading->err, ERROR_INVALID,
        "it has a document type declaration, which can hide a trap and which no workbook needs; save it "
        "again as .xlsx",
        "含有文档类型声明（DTD），可能是恶意内容，正常的工作簿不会有；请重新另存为 .xlsx");
    error_prefix(reading->err, "%s", "%s", reading->name);
    expat_stop(reading);
}

static bool refuse_non_xml(const struct reading *reading, struct error *err)
{
    error_set(err, ERROR_INVALID,
              "line %lu, column %lu: it is no well-formed XML (%s): the file is damaged; save it again",
              "第 %lu 行第 %lu 列：不是格式正确的 XML（%s）：文件已损坏，请重新保存",
              (unsigned long)XML_GetCurrentLineNumber(reading->parser),
              (unsigned long)XML_GetCurrentColumnNumber(reading->parser) + 1,
              XML_ErrorString(XML_GetErrorCode(reading->parser)));
    return error_prefix(err, "%s", "%s", reading->name);
}

static bool expat_read_all(struct reading *reading, struct package_part *part, struct error *err)
{
    for (size_t length = 1; length > 0;) {
        void *chunk = XML_GetBuffer(reading->parser, CHUNK);
        if (!chunk)
            return error_set(err, ERROR_INTERNAL, "out of memory for XML", "解析 XML 时内存不足");
        if (!package_part_read(part, chunk, CHUNK, &length, err))
            return false;
        reading->fed += length;
        if (XML_ParseBuffer(reading->parser, (int)length, length == 0) != XML_STATUS_OK)
            return reading->failed ? false : refuse_non_xml(reading, err);
        /* Expat keeps a tag that has begun and not ended, however long it gets. */
        XML_Index at = XML_GetCurrentByteIndex(reading->parser);
        if (at >= 0)
            reading->event_at = (uint64_t)at;
        if (reading->fed - reading->event_at >= XML_TAG_MAX)
            return error_set(err, ERROR_INVALID, "%s: a tag is larger than 1 MiB; no workbook has one",
                             "%s：有标签超过 1 MiB，不是正常的工作簿", reading->name);
    }
    return true;
}

static void expat_parser_free(XML_Parser *parser)
{
    if (*parser)
        XML_ParserFree(*parser);
}

/* Reads the whole part, and delivers what was not delivered yet. */
static bool read_by_expat(struct package_part *part, const char *name, const struct xml_events *events,
                          void *context, const struct xml_delivered *delivered, struct error *err)
{
    CLEANUP(expat_parser_free) XML_Parser parser = XML_ParserCreate(NULL);
    if (!parser)
        return error_set(err, ERROR_INTERNAL, "out of memory for XML", "解析 XML 时内存不足");
    struct reading reading = {.parser = parser,
                              .events = events,
                              .context = context,
                              .name = name,
                              .delivered = *delivered,
                              .err = err};
    XML_SetUserData(parser, &reading);
    XML_SetElementHandler(parser, expat_take_start, expat_take_end);
    if (events->text)
        XML_SetCharacterDataHandler(parser, expat_take_text);
    XML_SetStartDoctypeDeclHandler(parser, expat_refuse_doctype);
    return expat_read_all(&reading, part, err);
}

bool xml_part_read(struct package *package, const char *name, uint64_t ceiling,
                   const struct xml_events *events, void *context, struct error *err)
{
    CLEANUP(package_part_close) struct package_part *part = NULL;
    struct xml_delivered delivered;
    if (!package_part_open(package, name, ceiling, &part, err))
        return false;
    enum xml_scan scan = xml_scan(part, events, context, &delivered, err);
    if (scan != XML_SCAN_LEFT)
        return scan == XML_SCAN_DONE;
    package_part_close(&part);
    return package_part_open(package, name, ceiling, &part, err) &&
           read_by_expat(part, name, events, context, &delivered, err);
}

const char *xml_attribute(const char *const *attributes, const char *name)
{
    for (; *attributes; attributes += 2)
        if (strcmp(attributes[0], name) == 0)
            return attributes[1];
    return NULL;
}

const char *xml_attribute_with_prefix(const char *const *attributes, const char *name)
{
    for (; *attributes; attributes += 2) {
        const char *colon = strchr(attributes[0], ':');
        if (colon && strcmp(colon + 1, name) == 0)
            return attributes[1];
    }
    return NULL;
}
