#include "platform/chat/tasks.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "platform/chat/learning.h"

static int64_t learning_interval(const struct settings *settings)
{
    return settings->process_interval * SECOND_MS;
}

static bool learning_enabled(const struct settings *settings)
{
    return settings->auto_learn_enabled;
}

static bool run_learning(void *context, char *ret_summary, size_t size, struct error *err)
{
    struct learning_report report;
    if (!learning_process(context, &report, err))
        return false;
    if (report.feedbacks)
        snprintf(ret_summary, size,
                 "%lld feedbacks: %lld learned, %lld held for a person, %lld batches failed",
                 (long long)report.feedbacks, (long long)report.learned, (long long)report.held,
                 (long long)report.failed);
    return true;
}

static const struct scheduled_task rows[] = {
    {.name = "learning",
     .title = {[LANGUAGE_EN] = "learning from feedback", [LANGUAGE_ZH] = "从反馈中学习"},
     .first_ms = 5000,
     .interval_ms = learning_interval,
     .enabled = learning_enabled,
     .run = run_learning,
     .gate = TENANT_GATE_LEARNING},
};
const struct scheduled_tasks chat_tasks = SCHEDULED_TASKS(rows);
