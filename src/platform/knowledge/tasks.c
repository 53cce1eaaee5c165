#include "platform/knowledge/tasks.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "platform/knowledge/changes.h"
#include "platform/knowledge/knowledge.h"
#include "platform/knowledge/vector_sync.h"

static int64_t sync_interval(const struct settings *settings)
{
    return settings->sync_interval * SECOND_MS;
}

static bool sync_enabled(const struct settings *settings)
{
    return settings->auto_sync_enabled;
}

static bool run_sync(void *context, char *ret_summary, size_t size, struct error *err)
{
    struct sync_report report;
    if (!vector_sync_run(context, NULL, &report, err))
        return false;
    if (report.tenants)
        snprintf(ret_summary, size, "%lld tenants: %lld pairs indexed, %lld removed, %lld tenants failed",
                 (long long)report.tenants, (long long)report.pairs, (long long)report.removed,
                 (long long)report.failed_tenants);
    return true;
}

static bool run_upkeep(void *context, char *ret_summary, size_t size, struct error *err)
{
    const struct platform *platform = context;
    struct store *store = platform->store;
    int64_t aged, purged, notes;
    if (!qa_pairs_age(store, &aged, err) || !qa_pairs_purge(store, &purged, err) ||
        !knowledge_changes_sweep(store, &notes, err))
        return false;
    if (aged || purged || notes)
        snprintf(ret_summary, size,
                 "%lld pairs lost quality by age, %lld deleted for good; %lld notes for undo swept",
                 (long long)aged, (long long)purged, (long long)notes);
    return true;
}

static const struct scheduled_task rows[] = {
    {.name = SYNC_TASK,
     .title = {[LANGUAGE_EN] = "vector sync", [LANGUAGE_ZH] = "向量同步"},
     .first_ms = 3000,
     .interval_ms = sync_interval,
     .enabled = sync_enabled,
     .run = run_sync,
     .gate = TENANT_GATE_VECTOR_SYNC},
    {.name = "knowledge_upkeep",
     .title = {[LANGUAGE_EN] = "upkeep of knowledge", [LANGUAGE_ZH] = "知识库维护"},
     .first_ms = 30000,
     .every_ms = HOUR_MS,
     .run = run_upkeep,
     .gate = TENANT_GATE_OPEN},
};
const struct scheduled_tasks knowledge_tasks = SCHEDULED_TASKS(rows);
