/* What is done on a schedule by this room, and by the floors below it, which cannot include the scheduler: telemetry
 * and settings. app.c lists it. */
#ifndef KIMONO_PLATFORM_JOBS_TASKS_H
#define KIMONO_PLATFORM_JOBS_TASKS_H

#include "platform/jobs/scheduler.h"

extern const struct scheduled_tasks jobs_tasks; /* their context: the platform */

/* Reads the settings in force, and applies those that somebody below holds (the disk's reserve). */
bool settings_apply(struct platform *platform, struct error *err);

#endif
