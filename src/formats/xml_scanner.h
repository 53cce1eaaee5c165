/* The quick lane of xml_part.h: XML as spreadsheet programs write it, several times as fast as expat reads
 * it. It reads elements with ASCII names, attributes, texts and references to characters, in UTF-8, and what
 * it takes is well-formed. Whatever else it meets (a comment, CDATA, a document type, another encoding, a
 * tag larger than its buffer, what is wrong) it leaves to expat, which then reads the part from its beginning
 * and passes over what was delivered; so there is one judge of what is wrong, and one text about it. */
#ifndef KIMONO_FORMATS_XML_SCANNER_H
#define KIMONO_FORMATS_XML_SCANNER_H

#include "formats/xml_part.h"

enum xml_scan {
    XML_SCAN_DONE,  /* to the part's end */
    XML_SCAN_LEFT,  /* the rest is left to expat */
    XML_SCAN_FAILED /* an event or the reading has failed, err is set */
};

/* What was delivered: expat delivers just the same. */
struct xml_delivered {
    uint64_t elements; /* starts and ends */
    uint64_t text;     /* bytes */
};

/* `part` has just been opened. */
enum xml_scan xml_scan(struct package_part *part, const struct xml_events *events, void *context,
                       struct xml_delivered *ret_delivered, struct error *err);

#endif
