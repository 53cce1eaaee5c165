/* Alerts. In this phase: reading those that are active (rules come with the alert centre). */
#ifndef KIMONO_OPS_ALERTS_ALERT_SERVICE_H
#define KIMONO_OPS_ALERTS_ALERT_SERVICE_H

#include "base/arena.h"
#include "base/descriptor.h"
#include "store/store.h"

struct alert {
    int64_t id;
    const char *alert_type, *severity, *title, *message, *source, *status;
    double value, threshold;
    const char *tenant_id;
    int64_t count, created_at, last_seen_at;
    const char *acknowledged_by;
    int64_t acknowledged_at, resolved_at;
};
extern const struct descriptor alert_descriptor;
extern const char *const alert_severities[];

struct alert_filter {
    const char *severity;         /* NULL: all */
    int64_t start_time, end_time; /* of created_at, end excluded; INT_NULL: open */
    int64_t page, page_size;
};

/* Active and acknowledged ones, newest first. */
bool alerts_active(struct db *db, const struct alert_filter *filter, struct arena *arena,
                   struct alert **ret_alerts, size_t *ret_count, int64_t *ret_total, struct error *err);

/* Those of the tenant (NULL: none) or of the platform that were there within the time, at most `limit`, the newest of
 * them, oldest first. */
bool alerts_during(struct db *db, int64_t start, int64_t end, const char *tenant_id, size_t limit,
                   struct arena *arena, struct alert **ret_alerts, size_t *ret_count, struct error *err);

#endif
