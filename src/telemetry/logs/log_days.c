#include "telemetry/logs/log_days.h"

#include "base/clock.h"
#include "base/memory.h"
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

struct log_row_search {
    int64_t lane, row;
    struct log_copy copy;
    bool found;
};

static bool log_row_compare(void *context, const struct stored_log *log, struct error *err)
{
    struct log_row_search *search = context;
    (void)err;
    if (log->lane != search->lane || log->row != search->row)
        return true;
    search->copy = log_copy_make(&log->record);
    search->found = true;
    return true;
}

bool log_row_find(struct engine *engine, int32_t day, int64_t lane, int64_t row, int limit_ms,
                  struct log_copy *ret_copy, bool *ret_found, struct error *err)
{
    struct log_row_search search = {.lane = lane, .row = row};
    if (!engine->functions->each_log(engine, day, limit_ms, log_row_compare, &search, err)) {
        log_copy_release(&search.copy);
        return false;
    }
    *ret_copy = search.copy;
    *ret_found = search.found;
    return true;
}
