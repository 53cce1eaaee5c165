#include "telemetry/logs/log_days.h"

#include "base/clock.h"
#include "base/memory.h"
#include "telemetry/logs/log_store.h"
#include "telemetry/usage_row.h"

void log_days_of_range(int64_t start, int64_t end, int32_t *ret_first, int32_t *ret_last)
{
    int64_t last = end ? end - 1 : INT64_MAX;
    *ret_first = start > 0 ? INT32_MAX : INT32_MIN;
    if (timestamp_has_day(start) && start > 0)
        *ret_first = clock_day(start);
    *ret_last = last < 0 ? INT32_MIN : INT32_MAX;
    if (timestamp_has_day(last))
        *ret_last = clock_day(last);
}

bool log_days_list(struct engine *engine, int32_t first, int32_t last, int32_t **ret_days, size_t *ret_count,
                   struct error *err)
{
    int32_t *days = NULL;
    size_t count, kept = 0;
    if (!engine->functions->list_days(engine, &days, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (days[i] >= first && days[i] <= last)
            days[kept++] = days[i];
    *ret_days = days;
    *ret_count = kept;
    return true;
}

bool log_row_find(struct engine *engine, int32_t day, int64_t lane, int64_t row, int limit_ms,
                  struct log_copy *ret_copy, bool *ret_found, struct error *err)
{
    struct log_reading *reading;
    if (!engine->functions->logs_open(engine, day, limit_ms, &reading, err))
        return false;
    bool done = true;
    *ret_found = false;
    for (size_t i = 0; i < reading->lane_count && done; i++)
        if (reading->lanes[i].lane == lane)
            done = log_lane_find(&reading->lanes[i], row, ret_copy, ret_found, err);
    engine->functions->logs_close(engine, reading);
    return done;
}
