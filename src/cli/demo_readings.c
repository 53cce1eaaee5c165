/* The readings that the metrics collector would have written in the last two days. */
#include <math.h>

#include "base/clock.h"
#include "cli/demo_history.h"
#include "ops/dashboard/metrics_collector.h"
#include "platform/tenants/counters.h"
#include "store/store.h"

#define READING_DAYS 3 /* the last is today */

struct readings_work {
    const struct demo_plan *plan;
    int64_t counters[COUNTER_COUNT];
};

static void readings_fill_components(const struct demo_plan *plan, struct metrics_reading *reading,
                                     struct demo_random *random)
{
    static const double medians_ms[COMPONENT_COUNT] = {[COMPONENT_DATABASE] = .4,
                                                       [COMPONENT_VECTOR_STORE] = 31,
                                                       [COMPONENT_LLM] = 860,
                                                       [COMPONENT_SCHEDULER] = 2,
                                                       [COMPONENT_TELEMETRY] = 3};
    for (int i = 0; i < COMPONENT_COUNT; i++) {
        reading->status[i] = HEALTH_HEALTHY;
        reading->latency_ms[i] = medians_ms[i] * (0.8 + 0.5 * demo_random_unit(random));
    }
    if (demo_random_unit(random) < 0.004)
        reading->status[COMPONENT_LLM] = HEALTH_DEGRADED;
    if (demo_in_incident(plan, reading->at)) {
        reading->status[COMPONENT_LLM] = HEALTH_UNHEALTHY;
        reading->latency_ms[COMPONENT_LLM] *= 5;
    }
}

/* Until this bucket's end, the day so far. Pending feedback was a little less each hour before. */
static bool readings_add(struct db *db, const struct readings_work *work, int64_t at,
                         const struct demo_bucket *so_far, struct demo_random *random, struct error *err)
{
    double hours_ago = (double)(work->plan->now - at) / (double)HOUR_MS;
    double pending = (double)work->counters[COUNTER_PENDING_FEEDBACKS] * (1 - 0.004 * hours_ago);
    struct metrics_reading reading = {
        .at = at,
        .values = {
            [METRIC_TOTAL_TENANTS] = (double)work->counters[COUNTER_TENANTS],
            [METRIC_CONVERSATIONS_TODAY] = (double)so_far->conversations,
            [METRIC_PENDING_FEEDBACKS] = floor(pending),
            [METRIC_API_CALLS_TODAY] = (double)so_far->calls,
            [METRIC_ESTIMATED_COST_TODAY] = (double)so_far->cost_nano_cny / 1e9,
            [METRIC_UNSYNCED_QA_PAIRS] = (double)(work->counters[COUNTER_UNSYNCED_QA_PAIRS] -
                                                  work->counters[COUNTER_HELD_BACK_QA_PAIRS]),
        }};
    readings_fill_components(work->plan, &reading, random);
    return metrics_reading_add(db, &reading, err);
}

static bool readings_add_day(struct db *db, const struct readings_work *work, int64_t day, struct error *err)
{
    const struct demo_plan *plan = work->plan;
    int32_t number = plan->today - (int32_t)(plan->size.days - 1 - day);
    int64_t start = clock_day_start(number), end = clock_day_start(number + 1);
    struct demo_random random = demo_random_for((uint64_t)plan->size.seed, 4000000 + (uint64_t)day);
    struct demo_bucket so_far = {0};
    for (int64_t at = start; at + DEMO_BUCKET_MS <= end && at + DEMO_BUCKET_MS <= plan->now;
         at += DEMO_BUCKET_MS) {
        const struct demo_bucket *bucket = demo_bucket_at(plan, day, at);
        so_far.calls += bucket->calls;
        so_far.conversations += bucket->conversations;
        so_far.cost_nano_cny += bucket->cost_nano_cny;
        if (!readings_add(db, work, at + DEMO_BUCKET_MS - 1000, &so_far, &random, err))
            return false;
    }
    return true;
}

static bool readings_add_days(struct db *db, void *context, struct error *err)
{
    struct readings_work *work = context;
    int64_t days = work->plan->size.days;
    if (!counters_read(db, work->counters, err))
        return false;
    for (int64_t day = days > READING_DAYS ? days - READING_DAYS : 0; day < days; day++)
        if (!readings_add_day(db, work, day, err))
            return false;
    return true;
}

bool demo_readings_load(struct platform *platform, const struct demo_plan *plan, struct error *err)
{
    struct readings_work work = {.plan = plan};
    return store_write(platform->store, readings_add_days, &work, err);
}
