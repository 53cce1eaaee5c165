/* What the room does on a schedule; app.c lists it. */
#ifndef KIMONO_PLATFORM_KNOWLEDGE_TASKS_H
#define KIMONO_PLATFORM_KNOWLEDGE_TASKS_H

#include "platform/jobs/scheduler.h"

#define SYNC_TASK "vector_sync" /* the one that calls vector_sync_run */

extern const struct scheduled_tasks knowledge_tasks; /* their context: the platform */

#endif
