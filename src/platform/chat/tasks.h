/* What the room does on a schedule; app.c lists it. */
#ifndef KIMONO_PLATFORM_CHAT_TASKS_H
#define KIMONO_PLATFORM_CHAT_TASKS_H

#include "platform/jobs/scheduler.h"

extern const struct scheduled_tasks chat_tasks; /* their context: the platform */

#endif
