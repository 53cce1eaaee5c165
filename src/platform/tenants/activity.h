/* What customers did, rolled up by day and tenant and over all tenants, in the transaction of the
 * chat itself. */
#ifndef KIMONO_PLATFORM_TENANTS_ACTIVITY_H
#define KIMONO_PLATFORM_TENANTS_ACTIVITY_H

#include "base/histogram.h"
#include "base/strbuf.h"
#include "store/db.h"

struct activity {
    int64_t conversations, messages, answered, refused, feedbacks;
    int64_t latency_sum_ms;
    struct histogram latency; /* microseconds */
};

/* Within a transaction: adds at the instant `at`. `latency_ms` is that of one message when
 * `add->messages` is 1. Only the counts of `add` are used. */
bool activity_add(struct db *db, const char *tenant_id, int64_t at, const struct activity *add,
                  int64_t latency_ms, struct error *err);

/* One for each day from `first` on, `count` of them; a day without anything is all zero. `tenant_id`
 * NULL: all tenants. */
bool activity_days(struct db *db, const char *tenant_id, int32_t first, size_t count,
                   struct activity *ret_activities, struct error *err);
/* One for each of `count` hours from `first_hour` (ms) on, over all tenants. */
bool activity_hours(struct db *db, int64_t first_hour, size_t count, struct activity *ret_activities,
                    struct error *err);

struct activity_top {
    const char *tenant_id, *name;
    int64_t conversations, conversations_yesterday;
};
extern const struct descriptor activity_top_descriptor;
/* The `limit` busiest tenants of the day in which `now` lies, most conversations first. */
bool activity_top_tenants(struct db *db, int64_t now, size_t limit, struct arena *arena,
                          struct activity_top *ret_top, size_t *ret_count, struct error *err);
/* Recomputes all from conversations, messages and feedbacks ('refused' has no rows of its own). */
bool activity_check(struct db *db, struct strbuf *ret_findings, struct error *err);

#endif
