#include "ops/templates/tasks.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "ops/templates/distribution.h"

static bool template_auto_distribute(const struct settings *settings)
{
    return settings->auto_distribute;
}

static bool run_distribution(void *context, char *ret_summary, size_t size, struct error *err)
{
    int64_t tenants;
    if (!template_distribute_missing(context, &tenants, err))
        return false;
    if (tenants)
        snprintf(ret_summary, size, "%lld tenants lack templates: a job is queued", (long long)tenants);
    return true;
}

static const struct scheduled_task rows[] = {
    {.name = "template_distribution",
     .title = {[LANGUAGE_EN] = "distribution of templates", [LANGUAGE_ZH] = "分发通用模板"},
     .first_ms = 20000,
     .every_ms = MINUTE_MS,
     .enabled = template_auto_distribute,
     .run = run_distribution,
     .gate = TENANT_GATE_DISTRIBUTION},
};
const struct scheduled_tasks template_tasks = SCHEDULED_TASKS(rows);

static const struct job_kind kinds[] = {
    {.name = DISTRIBUTE_KIND,
     .title = {[LANGUAGE_EN] = "Distribution of templates", [LANGUAGE_ZH] = "分发通用模板"},
     .run = template_distribution_run,
     .resumes = true,
     .gate = TENANT_GATE_DISTRIBUTION},
};
const struct job_kinds template_job_kinds = JOB_KINDS(kinds);
