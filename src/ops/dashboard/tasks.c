#include "ops/dashboard/tasks.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "ops/dashboard/metrics_collector.h"

#define SNAPSHOT_DAYS 90

static bool run_sample(void *context, char *ret_summary, size_t size, struct error *err)
{
    (void)ret_summary, (void)size, (void)err;
    metrics_sample(context);
    return true;
}

static bool run_snapshot(void *context, char *ret_summary, size_t size, struct error *err)
{
    (void)ret_summary, (void)size;
    return metrics_snapshot(context, err);
}

static bool run_retention(void *context, char *ret_summary, size_t size, struct error *err)
{
    int64_t deleted;
    if (!metrics_retain(context, SNAPSHOT_DAYS, &deleted, err))
        return false;
    if (deleted)
        snprintf(ret_summary, size, "%lld snapshots deleted", (long long)deleted);
    return true;
}

static const struct scheduled_task rows[] = {
    {.name = "component_watch",
     .title = {[LANGUAGE_EN] = "watch over the components", [LANGUAGE_ZH] = "观察组件状态"},
     .first_ms = 1000,
     .every_ms = 10 * SECOND_MS,
     .run = run_sample,
     .everywhere = true,
     .quick = true,
     .gate = TENANT_GATE_OPEN},
    {.name = "snapshot",
     .title = {[LANGUAGE_EN] = "snapshot of the figures", [LANGUAGE_ZH] = "记录指标"},
     .first_ms = 15000,
     .every_ms = SNAPSHOT_INTERVAL_MS,
     .run = run_snapshot,
     .quick = true,
     .gate = TENANT_GATE_OPEN},
    {.name = "snapshot_retention",
     .title = {[LANGUAGE_EN] = "deletion of old snapshots", [LANGUAGE_ZH] = "清理过期指标"},
     .first_ms = 60000,
     .every_ms = HOUR_MS,
     .run = run_retention,
     .gate = TENANT_GATE_OPEN},
};
const struct scheduled_tasks dashboard_tasks = SCHEDULED_TASKS(rows);
