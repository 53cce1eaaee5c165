/* What the room does on a schedule and as jobs; app.c lists both. */
#ifndef KIMONO_OPS_TRANSFER_TASKS_H
#define KIMONO_OPS_TRANSFER_TASKS_H

#include "platform/jobs/jobs.h"
#include "platform/jobs/scheduler.h"

extern const struct scheduled_tasks transfer_tasks; /* their context: the platform */
extern const struct job_kinds transfer_job_kinds;

#endif
