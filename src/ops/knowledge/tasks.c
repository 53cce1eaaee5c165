#include "ops/knowledge/tasks.h"

#include "base/clock.h"
#include "base/memory.h"
#include "directory/directory.h"
#include "ops/knowledge/bulk.h"
#include "ops/knowledge/sync.h"
#include "ops/knowledge/undo.h"

#define DIRECTORY_READ_MS 60000 /* to read all pairs the first time */

/* So that the list finds it up to date. */
static bool run_directory(void *context, char *ret_summary, size_t size, struct error *err)
{
    (void)ret_summary, (void)size;
    const struct platform *platform = context;
    CLEANUP(store_reader_release) struct db *db = NULL;
    store_notify_external_change(platform->store); /* an import by the command line */
    return store_reader(platform->store, DIRECTORY_READ_MS, &db, err) &&
           knowledge_directory_refresh(platform->directory, db, err);
}

static bool run_questions(void *context, char *ret_summary, size_t size, struct error *err)
{
    (void)ret_summary, (void)size;
    const struct platform *platform = context;
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(platform->store, DIRECTORY_READ_MS, &db, err) &&
           knowledge_directory_rank(platform->directory, db, err);
}

static const struct scheduled_task rows[] = {
    {.name = "knowledge_directory",
     .title = {[LANGUAGE_EN] = "list of knowledge", [LANGUAGE_ZH] = "更新知识库列表"},
     .first_ms = 500,
     .every_ms = SECOND_MS / 2,
     .on_news = true,
     .run = run_directory,
     .everywhere = true,
     .quick = true,
     .gate = TENANT_GATE_OPEN},
    {.name = "knowledge_questions",
     .title = {[LANGUAGE_EN] = "order of questions", [LANGUAGE_ZH] = "排列问题"},
     .first_ms = 2000,
     .every_ms = 10 * SECOND_MS,
     .run = run_questions,
     .everywhere = true,
     .quick = true,
     .gate = TENANT_GATE_OPEN},
};
const struct scheduled_tasks knowledge_list_tasks = SCHEDULED_TASKS(rows);

static const struct job_kind kinds[] = {
    {.name = BULK_KIND,
     .title = {[LANGUAGE_EN] = "Change of many pairs", [LANGUAGE_ZH] = "批量处理问答"},
     .run = knowledge_bulk_run,
     .resumes = true,
     .gate = TENANT_GATE_OPEN},
    {.name = UNDO_KIND,
     .title = {[LANGUAGE_EN] = "Undoing a job", [LANGUAGE_ZH] = "撤销任务"},
     .run = knowledge_undo_run,
     .resumes = true,
     .gate = TENANT_GATE_OPEN},
    {.name = SYNC_KIND,
     .title = {[LANGUAGE_EN] = "Sync of the vector index", [LANGUAGE_ZH] = "同步向量索引"},
     .run = knowledge_sync_run,
     .resumes = true,
     .gate = TENANT_GATE_VECTOR_SYNC},
    {.name = SYNC_CHECK_KIND,
     .title = {[LANGUAGE_EN] = "Check of the vector index", [LANGUAGE_ZH] = "检查向量索引"},
     .run = knowledge_sync_check_run,
     .resumes = true,
     .gate = TENANT_GATE_VECTOR_SYNC},
};
const struct job_kinds knowledge_job_kinds = JOB_KINDS(kinds);
