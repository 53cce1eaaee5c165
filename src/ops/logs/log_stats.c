#include <string.h>

#include "base/clock.h"
#include "ops/logs/log_lines.h"

static const struct field log_count_fields[] = {
    FIELD(struct log_count, name, TEXT, "Name; empty: lines without one"),
    FIELD(struct log_count, count, INT, "Lines"),
};
static const struct descriptor log_count_descriptor =
    DESCRIPTOR("LogCount", struct log_count, log_count_fields);

static const struct field log_bar_fields[] = {
    FIELD(struct log_bar, time, TIME, "Where the bucket begins"),
    FIELD(struct log_bar, count, INT, "Lines in it"),
    FIELD(struct log_bar, errors, INT, "Of them, those of the level ERROR"),
};
static const struct descriptor log_bar_descriptor = DESCRIPTOR("LogBar", struct log_bar, log_bar_fields);

static const struct field log_figures_fields[] = {
    FIELD(struct log_figures, start_time, TIME,
          "From when on lines were counted; whole hours where that is quicker"),
    FIELD(struct log_figures, end_time, TIME, "Until when"),
    FIELD(struct log_figures, complete, BOOL,
          "False: the time for counting was over; the newest lines were counted"),
    FIELD(struct log_figures, total, INT, "Lines"),
    FIELD_MANY(struct log_figures, by_level, MAP, "Lines by level", .of = &log_count_descriptor),
    FIELD_MANY(struct log_figures, by_source, MAP, "Lines by source, most first",
               .of = &log_count_descriptor),
    FIELD_MANY(struct log_figures, by_tenant, MAP, "Lines by tenant, most first; empty name: of none",
               .of = &log_count_descriptor),
    FIELD(struct log_figures, other_sources, INT, "Lines of sources beyond those that are named"),
    FIELD(struct log_figures, other_tenants, INT, "Lines of tenants beyond those that are named"),
    FIELD(struct log_figures, bucket_seconds, INT, "Width of a bucket of the histogram"),
    FIELD_MANY(struct log_figures, histogram, LIST, "Lines over time, none left out",
               .of = &log_bar_descriptor),
};
const struct descriptor log_figures_descriptor =
    DESCRIPTOR("LogStats", struct log_figures, log_figures_fields);

void log_range_close(struct log_filter *filter, int64_t now)
{
    if (filter->end == 0)
        filter->end = now + 1 > filter->start ? now + 1 : filter->start + 1;
    if (filter->start == 0)
        filter->start = filter->end > DAY_MS ? filter->end - DAY_MS : 1;
}

/* The narrowest of some usual widths that leaves ninety-six buckets at most. */
#define BARS_MAX 96
static int64_t log_bucket_width(int64_t range)
{
    static const int64_t widths[] = {
        SECOND_MS,   5 * SECOND_MS, 15 * SECOND_MS, MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS,
        3 * HOUR_MS, 6 * HOUR_MS,   12 * HOUR_MS,   DAY_MS,    7 * DAY_MS,    30 * DAY_MS,
    };
    for (size_t i = 0; i < ARRAY_SIZE(widths); i++)
        if (range / widths[i] < BARS_MAX && (range < 12 * HOUR_MS || widths[i] >= HOUR_MS))
            return widths[i];
    return (range / BARS_MAX / DAY_MS + 1) * DAY_MS;
}

static struct log_count *log_counts_of(const struct log_names *names, struct arena *arena)
{
    struct log_count *counts = arena_alloc(arena, (names->count + 1) * sizeof(*counts));
    for (size_t i = 0; i < names->count; i++)
        counts[i] = (struct log_count){arena_strdup(arena, names->items[i].name), names->items[i].count};
    return counts;
}

bool logs_stats(struct telemetry *telemetry, const struct log_filter *filter, int64_t now,
                struct arena *arena, struct log_figures *ret_figures, struct error *err)
{
    CLEANUP(log_stats_release) struct log_stats stats = {0};
    struct log_filter closed = *filter;
    log_range_close(&closed, now);
    int64_t width = log_bucket_width(closed.end - closed.start);
    if (!telemetry_log_stats(telemetry, &closed, width, READ_LIMIT_MS, &stats, err))
        return false;
    struct log_figures figures = {
        .start_time = stats.start,
        .end_time = stats.end,
        .complete = stats.complete,
        .total = stats.total,
        .bucket_seconds = width / SECOND_MS,
        .by_level = arena_alloc(arena, 4 * sizeof(struct log_count)),
        .by_level_count = 4,
        .by_source = log_counts_of(&stats.sources, arena),
        .by_source_count = stats.sources.count,
        .by_tenant = log_counts_of(&stats.tenants, arena),
        .by_tenant_count = stats.tenants.count,
        .other_sources = stats.sources.others,
        .other_tenants = stats.tenants.others,
        .histogram = arena_alloc(arena, (stats.bucket_count + 1) * sizeof(struct log_bar)),
        .histogram_count = stats.bucket_count,
    };
    for (size_t i = 0; i < 4; i++)
        figures.by_level[i] = (struct log_count){log_level_names[i], stats.by_level[i]};
    for (size_t i = 0; i < stats.bucket_count; i++)
        figures.histogram[i] = (struct log_bar){stats.start + (int64_t)i * width, stats.buckets[i].count,
                                                stats.buckets[i].errors};
    *ret_figures = figures;
    return true;
}
