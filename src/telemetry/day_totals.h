/* The totals of a whole day by tenant, api_type, operation and model, from the day file's hourly
 * roll-ups: what goes to the main store, and what `kimono check` compares with it. */
#ifndef KIMONO_TELEMETRY_DAY_TOTALS_H
#define KIMONO_TELEMETRY_DAY_TOTALS_H

#include "base/arena.h"
#include "store/db.h"
#include "telemetry/telemetry.h"

struct day_total {
    const char *tenant_id, *api_type, *operation, *model; /* tenant_id NULL: over all tenants */
    const struct usage_totals *totals;
};

/* Called for each key in order of its id, first of tenants, then of the platform; the strings and
 * totals live until it returns. */
typedef bool (*day_total_sink)(const struct day_total *total, void *context, struct error *err);

bool day_totals_each(struct db *day_db, day_total_sink sink, void *context, struct error *err);

#endif
