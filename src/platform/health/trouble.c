/* Since when a component is not well, how many of its calls have failed since, and for how many tenants.
 *
 * A trouble begins with the first call that makes the verdict bad and ends when the verdict is good again; degraded
 * and unhealthy are one trouble. Its beginning is the instant of the first bad call that is still among the samples,
 * not that of the verdict. */
#include <string.h>
#include <xxhash.h>

#include "platform/health/private.h"

/* 0: the call was nobody's. */
uint64_t health_tenant_mark(const char *tenant_id)
{
    return tenant_id && *tenant_id ? XXH3_64bits(tenant_id, strlen(tenant_id)) | 1 : 0;
}

/* Open addressing; once it is full, more tenants are not told apart from those that are known. */
static void trouble_add_tenant(struct health_trouble *trouble, uint64_t mark)
{
    if (mark == 0 || trouble->tenant_count == HEALTH_TENANTS)
        return;
    size_t at = (mark >> 1) % (2 * HEALTH_TENANTS);
    while (trouble->tenants[at] != 0 && trouble->tenants[at] != mark)
        at = (at + 1) % (2 * HEALTH_TENANTS);
    trouble->tenant_count += trouble->tenants[at] == 0;
    trouble->tenants[at] = mark;
}

static void trouble_add_failure(struct health_trouble *trouble, const struct health_sample *sample)
{
    trouble->failed_calls++;
    trouble_add_tenant(trouble, sample->tenant);
}

/* With those of the last minute's calls that were bad, and are none of an earlier trouble. */
static void trouble_begin(struct health_record *record, int64_t now_us, int64_t now_ms, int64_t slow_us)
{
    struct health_trouble *trouble = &record->trouble;
    int64_t began_us = now_us;
    for (size_t i = 0; i < record->count; i++) {
        const struct health_sample *sample = &record->samples[i];
        bool bad = !sample->success || sample->latency_us > slow_us;
        if (!bad || sample->at_us <= record->trouble_ended_us || now_us - sample->at_us > HEALTH_WINDOW_US)
            continue;
        if (sample->at_us < began_us)
            began_us = sample->at_us;
        if (!sample->success)
            trouble_add_failure(trouble, sample);
    }
    trouble->since =
        record->resumed_since != INT_NULL ? record->resumed_since : now_ms - (now_us - began_us) / 1000;
}

void health_trouble_take(struct health_record *record, const struct health_sample *sample)
{
    if (record->trouble.since != INT_NULL && !sample->success)
        trouble_add_failure(&record->trouble, sample);
}

void health_trouble_end(struct health_record *record, int64_t now_us)
{
    if (record->trouble.since != INT_NULL)
        record->trouble_ended_us = now_us;
    record->trouble = (struct health_trouble){.since = INT_NULL};
    record->resumed_since = INT_NULL;
}

void health_trouble_follow(struct health_record *record, enum health_status status, int64_t now_us,
                           int64_t now_ms, int64_t slow_us)
{
    if (status == HEALTH_HEALTHY)
        health_trouble_end(record, now_us);
    else if (status != HEALTH_UNKNOWN && record->trouble.since == INT_NULL)
        trouble_begin(record, now_us, now_ms, slow_us);
}
