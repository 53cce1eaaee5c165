#include "platform/jobs/tasks.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/disk_reserve.h"
#include "base/memory.h"
#include "platform/audit/audit_head.h"
#include "platform/jobs/jobs.h"
#include "store/store.h"
#include "telemetry/telemetry.h"

#define JOB_DAYS 30

static bool run_roll_over(void *context, char *ret_summary, size_t size, struct error *err)
{
    const struct platform *platform = context;
    int64_t days;
    if (!telemetry_roll_over(platform->telemetry, &days, err))
        return false;
    if (days)
        snprintf(ret_summary, size, "totals of %lld ended days carried over", (long long)days);
    return true;
}

static bool run_telemetry_retention(void *context, char *ret_summary, size_t size, struct error *err)
{
    const struct platform *platform = context;
    int days = (int)settings_now(platform->settings)->telemetry_days;
    int64_t deleted;
    if (!telemetry_retain(platform->telemetry, days, &deleted, err))
        return false;
    if (deleted)
        snprintf(ret_summary, size, "%lld days deleted", (long long)deleted);
    return true;
}

static bool run_job_retention(void *context, char *ret_summary, size_t size, struct error *err)
{
    const struct platform *platform = context;
    int64_t deleted;
    if (!job_sweep(platform->store, JOB_DAYS, &deleted, err))
        return false;
    if (deleted)
        snprintf(ret_summary, size, "%lld jobs deleted", (long long)deleted);
    return true;
}

static bool audit_head_has_target(const struct settings *settings)
{
    return *settings->audit_head_file || *settings->audit_head_webhook;
}

static bool run_audit_head(void *context, char *ret_summary, size_t size, struct error *err)
{
    const struct platform *platform = context;
    const struct settings *settings = settings_now(platform->settings);
    int sent = 0;
    bool done =
        audit_head_send(platform->store, settings->audit_head_file, settings->audit_head_webhook, &sent, err);
    if (sent)
        snprintf(ret_summary, size, "head of the audit chain given out to %d place%s", sent,
                 sent == 1 ? "" : "s");
    return done;
}

bool settings_apply(struct platform *platform, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (!store_reader(platform->store, READ_LIMIT_MS, &db, err) ||
        !settings_refresh(platform->settings, db, err))
        return false;
    disk_reserve_set(settings_now(platform->settings)->storage_reserve << 20);
    return true;
}

static bool run_settings(void *context, char *ret_summary, size_t size, struct error *err)
{
    (void)ret_summary, (void)size;
    return settings_apply(context, err);
}

static const struct scheduled_task rows[] = {
    {.name = "roll_over",
     .title = {[LANGUAGE_EN] = "daily totals", [LANGUAGE_ZH] = "每日汇总"},
     .first_ms = 10000,
     .every_ms = HOUR_MS,
     .run = run_roll_over,
     .gate = TENANT_GATE_OPEN},
    {.name = "telemetry_retention",
     .title = {[LANGUAGE_EN] = "deletion of old telemetry", [LANGUAGE_ZH] = "清理过期遥测数据"},
     .first_ms = 60000,
     .every_ms = HOUR_MS,
     .run = run_telemetry_retention,
     .gate = TENANT_GATE_OPEN},
    {.name = "job_retention",
     .title = {[LANGUAGE_EN] = "deletion of old jobs", [LANGUAGE_ZH] = "清理过期任务"},
     .first_ms = 60000,
     .every_ms = HOUR_MS,
     .run = run_job_retention,
     .gate = TENANT_GATE_OPEN},
    {.name = "audit_head",
     .title = {[LANGUAGE_EN] = "head of the audit chain", [LANGUAGE_ZH] = "外发审计链头部"},
     .first_ms = 5000,
     .every_ms = HOUR_MS,
     .enabled = audit_head_has_target,
     .run = run_audit_head,
     .gate = TENANT_GATE_OPEN},
    {.name = "settings",
     .title = {[LANGUAGE_EN] = "settings", [LANGUAGE_ZH] = "读取配置"},
     .first_ms = 1000,
     .every_ms = SECOND_MS / 2,
     .on_news = true,
     .run = run_settings,
     .everywhere = true,
     .quick = true,
     .gate = TENANT_GATE_OPEN},
};
const struct scheduled_tasks jobs_tasks = SCHEDULED_TASKS(rows);
