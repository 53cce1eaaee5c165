/* Where in a document an event happens, by a table of the elements that matter: everything inside an
 * element that the table does not name at its place is passed over. */
#ifndef KIMONO_FORMATS_XML_TRACKER_H
#define KIMONO_FORMATS_XML_TRACKER_H

#include <stddef.h>

#define XML_TRACKER_DEPTH 16 /* deeper than any path in a table */
#define XML_PASSED_OVER (-1)

/* An element `name` directly inside the place `from` is the place `to`. Places are numbers of the
 * caller's; 0 is outside the document. */
struct xml_step {
    int from;
    const char *name;
    int to;
};

struct xml_tracker {
    const struct xml_step *steps;
    size_t count;
    int places[XML_TRACKER_DEPTH];
    int depth, passed_over;
};

/* The place that begins, or ends, with this event; XML_PASSED_OVER if it does not matter. */
int xml_tracker_start(struct xml_tracker *tracker, const char *name);
int xml_tracker_end(struct xml_tracker *tracker);

/* The place in which a text stands. */
static inline int xml_tracker_place(const struct xml_tracker *tracker)
{
    return tracker->passed_over ? XML_PASSED_OVER : tracker->places[tracker->depth];
}

#endif
