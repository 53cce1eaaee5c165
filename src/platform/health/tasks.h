/* What the room does on a schedule; app.c lists it. */
#ifndef KIMONO_PLATFORM_HEALTH_TASKS_H
#define KIMONO_PLATFORM_HEALTH_TASKS_H

#include "platform/jobs/scheduler.h"

extern const struct scheduled_tasks health_tasks; /* their context: the platform */

#endif
