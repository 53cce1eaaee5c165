/* Like with like: what a day had by a time of day, so that an unfinished today is compared with as much of another
 * day; and since when there are figures at all, so that a day before is a gap and not a zero. */
#ifndef KIMONO_OPS_DASHBOARD_DAY_SO_FAR_H
#define KIMONO_OPS_DASHBOARD_DAY_SO_FAR_H

#include "base/arena.h"
#include "base/descriptor.h"
#include "platform/platform.h"
#include "store/db.h"

/* INT_NULL and NaN: not known any more, or never. */
struct day_so_far {
    int64_t date;
    int64_t conversations, feedbacks;
    int64_t api_calls, failed_calls, cost_cny; /* nano-yuan */
    double avg_response_time_ms;
};
extern const struct descriptor day_so_far_descriptor;

/* The first `elapsed_ms` of the day, from hourly roll-ups; of an hour that is cut by the time, as much as it is cut.
 * Of a tenant (NULL: all) its conversations are counted, and there are no hours of the rest of its activity. */
bool day_so_far_read(struct platform *platform, struct db *db, const char *tenant_id, int32_t day,
                     int64_t elapsed_ms, struct arena *arena, struct day_so_far *ret_so_far,
                     struct error *err);

/* How much of today has passed. */
int64_t day_elapsed_ms(int64_t now);

/* The first day of which there is a figure; of a tenant (NULL: all) no day before it was made, unless something is
 * recorded of it. Today where there is none. */
bool recorded_since(struct db *db, const char *tenant_id, int32_t today, int32_t *ret_day, struct error *err);

#endif
