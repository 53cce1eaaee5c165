/* Usage of any range of time, grouped: by names, by tenant, by hour or by day. Read from roll-ups alone: what has been
 * rolled over from the main store's totals of days, all else from the days' roll-ups by hour; so every group is exact,
 * and the groups of one range sum up to the same whichever way it is grouped.
 *
 * Roll-ups know hours, and of days whose rows were deleted only the day. So what was asked for is widened to full hours
 * at both ends, or to the full day where it lies in such a day, and the report says of which range it is. A day is the
 * one that its rows lie in, as the zone was when they were recorded. */
#ifndef KIMONO_TELEMETRY_USAGE_REPORT_H
#define KIMONO_TELEMETRY_USAGE_REPORT_H

#include "base/arena.h"
#include "telemetry/rollup.h"
#include "telemetry/telemetry.h"

enum usage_grouping {
    USAGE_BY_NAMES,  /* api_type, operation, model; with latencies */
    USAGE_BY_TENANT, /* tenant_id ("": calls of no tenant) and api_type */
    USAGE_BY_HOUR,   /* each hour of the range, also those without calls */
    USAGE_BY_DAY,    /* each day of the range, likewise */
};

struct usage_query {
    int64_t start, end;    /* ms, [start, end), at least 1 ms */
    const char *tenant_id; /* as in struct usage_filter */
    enum usage_grouping by;
    int limit_ms; /* for all of it: ERROR_TIMEOUT */
};

struct usage_group {
    const char *tenant_id, *api_type, *operation, *model; /* "" where it is not grouped by them */
    int64_t time;                                         /* of an hour or a day: its beginning */
    bool is_unknown; /* an hour of a day of which only the total is kept: its calls are in `total` alone */
    struct usage_sums sums;
    struct histogram *latency; /* of USAGE_BY_NAMES and of the total of these; else NULL */
};

/* Names are other people's: beyond so many the calls of all further ones are one group, whose names are
 * USAGE_OTHER. Tenants are bounded by the arena alone (ERROR_TOO_LARGE): some 200 bytes each. */
#define USAGE_NAME_GROUPS_MAX 2000
#define USAGE_OTHER "other"

struct usage_report {
    int64_t start, end;         /* what it is of */
    struct usage_group *groups; /* by names and by tenant in no order; of time in order */
    size_t count;
    struct usage_group total;
};

/* The report lives in the arena. */
bool usage_report_read(struct telemetry *telemetry, const struct usage_query *query, struct arena *arena,
                       struct usage_report *ret_report, struct error *err);

void usage_sums_add(struct usage_sums *sums, const struct usage_sums *more);

#endif
