/* What the room does on a schedule; app.c lists it. */
#ifndef KIMONO_OPS_DASHBOARD_TASKS_H
#define KIMONO_OPS_DASHBOARD_TASKS_H

#include "platform/jobs/scheduler.h"

extern const struct scheduled_tasks dashboard_tasks; /* their context: the metrics collector */

#endif
