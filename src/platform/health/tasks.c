#include "platform/health/tasks.h"

#include "base/clock.h"
#include "base/memory.h"
#include "platform/health/health.h"

static bool run_probe(void *context, char *ret_summary, size_t size, struct error *err)
{
    (void)ret_summary, (void)size;
    return health_probe(context, err);
}

static const struct scheduled_task rows[] = {
    {.name = "health",
     .title = {[LANGUAGE_EN] = "health of the components", [LANGUAGE_ZH] = "组件健康检查"},
     .every_ms = 10 * SECOND_MS,
     .run = run_probe,
     .everywhere = true,
     .quick = true,
     .gate = TENANT_GATE_OPEN},
};
const struct scheduled_tasks health_tasks = SCHEDULED_TASKS(rows);
