/* What the files of ops/usage/ share. */
#ifndef KIMONO_OPS_USAGE_INTERNAL_H
#define KIMONO_OPS_USAGE_INTERNAL_H

#include "ops/usage/api_usage_tracker.h"
#include "telemetry/usage_report.h"

#define USAGE_LIMIT_MS 8000 /* time that the reads of one answer may take */

/* A range that ends after it begins, of at most so many days. */
bool usage_range_check(const struct usage_range *range, int64_t days_max, struct error *err);
bool usage_range_read(struct platform *platform, const struct usage_range *range, enum usage_grouping by,
                      struct arena *arena, struct usage_report *ret_report, struct error *err);
double usage_mean_latency(const struct usage_sums *sums); /* ms; NaN without calls */

/* Usage by tenant alone: the groups of USAGE_BY_TENANT with all their api_types, in order of tenant_id. */
struct tenant_sums {
    const char *tenant_id; /* "": none */
    struct usage_sums sums;
};
void usage_sum_tenants(const struct usage_report *report, struct arena *arena,
                       struct tenant_sums **ret_tenants, size_t *ret_count);

/* Names for rows that begin with `tenant_id` and `name`, as struct usage_by_tenant and projected_tenant do: sets `name`,
 * and NULL for a tenant_id that is "". */
struct usage_tenant_head {
    const char *tenant_id, *name;
};
bool usage_name_tenants(struct platform *platform, void *rows, size_t count, size_t size, struct arena *arena,
                        struct error *err);

#endif
