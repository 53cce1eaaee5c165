/* Reading an XML part of a package as a stream of events, by xml_scanner.h as far as that goes and by expat
 * from there, with ceilings: nesting XML_DEPTH_MAX deep, tags of XML_TAG_MAX bytes (give or take what is read
 * at once), and no document type declaration at all, so that no entity can be declared (a billion laughs) nor
 * anything from outside be named.
 *
 * Names of elements come without their prefix: the transitional and the strict form of a workbook differ
 * in their namespaces only. Attributes come as they stand. */
#ifndef KIMONO_FORMATS_XML_PART_H
#define KIMONO_FORMATS_XML_PART_H

#include "formats/package.h"

#define XML_DEPTH_MAX 100
#define XML_TAG_MAX ((size_t)1 << 20)

/* Each may be NULL; false ends the reading with `err` as set. `text` comes in pieces. */
struct xml_events {
    bool (*start)(void *context, const char *name, const char *const *attributes, struct error *err);
    bool (*end)(void *context, const char *name, struct error *err);
    bool (*text)(void *context, const char *bytes, size_t length, struct error *err);
};

/* Errors begin with the part's name. */
bool xml_part_read(struct package *package, const char *name, uint64_t ceiling,
                   const struct xml_events *events, void *context, struct error *err);

/* The value of an attribute; NULL if it is not there. */
const char *xml_attribute(const char *const *attributes, const char *name);
/* The same with whatever prefix, but with one: "r:id", "relationships:id". */
const char *xml_attribute_with_prefix(const char *const *attributes, const char *name);

#endif
