/* Telemetry of the demonstration: usage and log rows of every day, several days at once. */
#ifndef KIMONO_CLI_DEMO_TELEMETRY_H
#define KIMONO_CLI_DEMO_TELEMETRY_H

#include "base/error.h"
#include "cli/demo_plan.h"
#include "telemetry/telemetry.h"

/* Writes the days and fills the plan's buckets with calls and cost. */
bool demo_telemetry_load(struct demo_plan *plan, struct telemetry *telemetry, struct error *err);

#endif
