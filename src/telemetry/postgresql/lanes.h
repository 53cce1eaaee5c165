/* Which lane a process writes in (writer.h). A lane is given to who asks while its holder has not used it for
 * a while; should that one come back, both notice and one of them takes another. */
#ifndef KIMONO_TELEMETRY_POSTGRESQL_LANES_H
#define KIMONO_TELEMETRY_POSTGRESQL_LANES_H

#include "store/store.h"

/* The lane that `holder` has, or one that it gets now. */
bool lane_take(struct store *store, int64_t holder, int64_t *ret_lane, struct error *err);
void lane_give_back(struct store *store, int64_t holder);

/* Makes what is missing of the day: its partitions, if `begin_day`, and the lane's row. `ret_here` false: the day is
 * not here, and was not begun. */
bool lane_begin_day(struct store *store, int64_t lane, int32_t day, bool begin_day, bool *ret_here,
                    struct error *err);
/* Drops the day's partitions if its revision is this one. */
bool lanes_drop_day(struct store *store, int32_t day, int64_t revision, bool *ret_dropped, struct error *err);

/* The recorder of this telemetry, drawn by the first process that asks. */
bool lanes_recorder(struct store *store, int64_t *ret_recorder, struct error *err);

#endif
