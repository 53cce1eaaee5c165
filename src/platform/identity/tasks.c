#include "platform/identity/tasks.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "platform/identity/auth.h"

static bool run_session_retention(void *context, char *ret_summary, size_t size, struct error *err)
{
    int64_t deleted;
    if (!auth_sweep(context, &deleted, err))
        return false;
    if (deleted)
        snprintf(ret_summary, size, "%lld sessions deleted", (long long)deleted);
    return true;
}

static const struct scheduled_task rows[] = {
    {.name = "session_retention",
     .title = {[LANGUAGE_EN] = "deletion of old sessions", [LANGUAGE_ZH] = "清理过期会话"},
     .first_ms = 60000,
     .every_ms = HOUR_MS,
     .run = run_session_retention,
     .gate = TENANT_GATE_OPEN},
};
const struct scheduled_tasks identity_tasks = SCHEDULED_TASKS(rows);
