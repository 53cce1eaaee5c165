#include "ops/transfer/tasks.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "ops/transfer/import_export_service.h"

static bool run_uploads(void *context, char *ret_summary, size_t size, struct error *err)
{
    int64_t files;
    if (!import_sweep_uploads(context, &files, err))
        return false;
    if (files)
        snprintf(ret_summary, size, "%lld files of imports deleted", (long long)files);
    return true;
}

static const struct scheduled_task rows[] = {
    {.name = "uploads",
     .title = {[LANGUAGE_EN] = "clearing of uploaded files", [LANGUAGE_ZH] = "清理上传的文件"},
     .first_ms = 90000,
     .every_ms = HOUR_MS,
     .run = run_uploads,
     .gate = TENANT_GATE_OPEN},
};
const struct scheduled_tasks transfer_tasks = SCHEDULED_TASKS(rows);

static const struct job_kind kinds[] = {
    {.name = IMPORT_KIND,
     .title = {[LANGUAGE_EN] = "Import of question-answer pairs", [LANGUAGE_ZH] = "导入问答"},
     .run = import_job_run,
     .resumes = true,
     .gate = TENANT_GATE_OPEN},
};
const struct job_kinds transfer_job_kinds = JOB_KINDS(kinds);
