#include "formats/xml_tracker.h"

#include <string.h>

int xml_tracker_start(struct xml_tracker *tracker, const char *name)
{
    int place = tracker->places[tracker->depth];
    for (size_t i = 0; i < tracker->count && !tracker->passed_over; i++) {
        const struct xml_step *step = &tracker->steps[i];
        if (step->from == place && *step->name == *name && strcmp(step->name, name) == 0 &&
            tracker->depth + 1 < XML_TRACKER_DEPTH)
            return tracker->places[++tracker->depth] = step->to;
    }
    tracker->passed_over++;
    return XML_PASSED_OVER;
}

int xml_tracker_end(struct xml_tracker *tracker)
{
    if (tracker->passed_over == 0)
        return tracker->places[tracker->depth--];
    tracker->passed_over--;
    return XML_PASSED_OVER;
}
