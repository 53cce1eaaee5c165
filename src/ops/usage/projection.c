/* Where the month's cost is going.
 *
 * Each day of the week has its weight: the mean cost of such days against that of all days, of the last eight weeks at
 * most, drawn a little to 1 where there are few of them. The level is what the last four weeks (or as many days as
 * there are) have cost for each unit of weight. What is left of the month is level times the weight that is left, today
 * with the part of it that is left; its range is where four of five outcomes lie, from how far the days were off, with
 * the level's own uncertainty, as if days were independent and normal.
 * A tenant's projection is its own level with the weights of all, so the tenants sum up to the whole. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ops/usage/internal.h"

#define PROFILE_DAYS 56
#define LEVEL_DAYS 28
#define PROFILE_DAYS_MIN 14     /* with fewer every day of the week weighs the same */
#define RANGE_DEVIATIONS 1.2816 /* of the normal distribution: 80 % lie within */

static const struct field tenant_fields[] = {
    FIELD(struct projected_tenant, tenant_id, TEXT, "Id of the tenant; null: calls of no tenant",
          .nullable = true),
    FIELD(struct projected_tenant, name, TEXT, "Its name; null where there is no such tenant here",
          .nullable = true, .personal = PERSONAL_PARTS),
    FIELD(struct projected_tenant, month_to_date_cny, MONEY, "Its cost of the month so far, yuan"),
    FIELD(struct projected_tenant, projected_cny, MONEY,
          "Its cost of the whole month: so far, and at its own level of the last four weeks with everybody's "
          "weights "
          "of the days of the week, yuan; null where there is no projection",
          .nullable = true),
};
static const struct descriptor tenant_descriptor =
    DESCRIPTOR("ProjectedTenant", struct projected_tenant, tenant_fields);

static const struct field projection_fields[] = {
    FIELD(struct usage_projection, month, TEXT, "The month, in the store's zone"),
    FIELD(struct usage_projection, start_time, TIME, "When it begins"),
    FIELD(struct usage_projection, end_time, TIME, "When it ends"),
    FIELD(struct usage_projection, month_to_date_cny, MONEY, "Cost of the month so far, yuan"),
    FIELD(struct usage_projection, projected_cny, MONEY,
          "Cost of the whole month, yuan: so far, and for each day that is left what such a day of the week "
          "costs at the "
          "level of the last four weeks (the weights of the days of the week from the last eight). A month "
          "that is over "
          "is what it was; null before one full day is known",
          .nullable = true),
    FIELD(struct usage_projection, low_cny, MONEY,
          "In one of ten cases it will be less, by how far the last four weeks' days were off; yuan",
          .nullable = true),
    FIELD(struct usage_projection, high_cny, MONEY, "In one of ten cases it will be more, likewise; yuan",
          .nullable = true),
    FIELD(struct usage_projection, days_known, INT,
          "Full days before today that this is made from, 56 at most"),
    FIELD_MANY(struct usage_projection, by_tenant, LIST, "Each tenant, the dearest first",
               .of = &tenant_descriptor),
    FIELD(struct usage_projection, tenants, INT, "How many tenants there are without a limit"),
    FIELD(struct usage_projection, generated_at, TIME, "When this was read"),
};
const struct descriptor usage_projection_descriptor =
    DESCRIPTOR("UsageProjection", struct usage_projection, projection_fields);

/* ---- the month ---- */

static bool month_parse(const char *month, int *ret_year, unsigned *ret_month)
{
    char text[CLOCK_DAY_SIZE];
    int32_t day;
    if (strlen(month) != 7)
        return false;
    snprintf(text, sizeof(text), "%s-01", month);
    if (!clock_day_parse(text, &day))
        return false;
    clock_civil_from_days(day, ret_year, ret_month, &(unsigned){0});
    return true;
}

bool api_usage_check_month(const char *month, struct error *err)
{
    int year;
    unsigned number;
    return month_parse(month, &year, &number) ||
           error_add_field(err, "month", "must be a month, as 2026-11", "须为年月，如 2026-11");
}

/* [start, end) of the month; the present one where none is named. */
static bool month_find(const char *month, int64_t now, int64_t *ret_start, int64_t *ret_end,
                       struct error *err)
{
    int64_t within = now;
    int year;
    unsigned number;
    if (month && month_parse(month, &year, &number))
        within = clock_day_start((int32_t)clock_days_from_civil(year, number, 1));
    if (within > now)
        return error_add_field(err, "month", "must not be in the future", "不能是将来的月份");
    if (within < 0)
        return error_add_field(err, "month", "must not be before 1970", "不能早于 1970 年");
    *ret_start = clock_month_start(within, 0);
    *ret_end = clock_month_start(within, 1);
    return true;
}

/* ---- what days cost ---- */

struct cost_profile {
    size_t days;         /* full days before today that are known */
    size_t level_days;   /* of them those that the level is made from */
    double weight[7];    /* of a day of the week, 0 Sunday; the mean day's is 1 */
    double level_weight; /* the sum of the weights of the level's days */
    double level;        /* cost for a weight of 1, nano-yuan */
    double deviation;    /* of a day from its level, nano-yuan */
};

static int day_of_week(int32_t day)
{
    return (int)(((int64_t)day % 7 + 7 + 4) % 7); /* 1970-01-01 was a Thursday */
}

/* `costs` of the `count` days before `today`, oldest first; those before the first call are not known. */
static void profile_make(const struct usage_group *days, size_t count, int32_t today,
                         struct cost_profile *profile)
{
    double sum[7] = {0}, total = 0, squares = 0, level_cost = 0;
    size_t seen[7] = {0}, first = 0;
    *profile = (struct cost_profile){0};
    while (first < count && days[first].sums.calls == 0)
        first++;
    profile->days = count - first;
    for (size_t i = first; i < count; i++) {
        int weekday = day_of_week(today - (int32_t)(count - i));
        sum[weekday] += (double)days[i].sums.cost_nano_cny;
        total += (double)days[i].sums.cost_nano_cny;
        seen[weekday]++;
    }
    double mean = profile->days ? total / (double)profile->days : 0;
    bool weighs = profile->days >= PROFILE_DAYS_MIN && mean > 0;
    for (int i = 0; i < 7; i++)
        profile->weight[i] = weighs ? (sum[i] + mean) / (mean * (double)(seen[i] + 1)) : 1;
    profile->level_days = profile->days < LEVEL_DAYS ? profile->days : LEVEL_DAYS;
    for (size_t i = count - profile->level_days; i < count; i++) {
        profile->level_weight += profile->weight[day_of_week(today - (int32_t)(count - i))];
        level_cost += (double)days[i].sums.cost_nano_cny;
    }
    if (profile->level_days == 0)
        return;
    profile->level = level_cost / profile->level_weight;
    for (size_t i = count - profile->level_days; i < count; i++) {
        double expected = profile->level * profile->weight[day_of_week(today - (int32_t)(count - i))];
        double off = (double)days[i].sums.cost_nano_cny - expected;
        squares += off * off;
    }
    /* Of one day alone nobody knows how far days differ: as much as it cost. */
    profile->deviation =
        profile->level_days > 1 ? sqrt(squares / (double)(profile->level_days - 1)) : profile->level;
}

/* What is left of the month from `now` on: days, and their weights. */
struct time_left {
    double days, weight;
};

static struct time_left time_left_of(const struct cost_profile *profile, int64_t now, int64_t month_end)
{
    struct time_left left = {0};
    int32_t today = clock_day(now), end = clock_day(month_end);
    int64_t begins = clock_day_start(today), ends = clock_day_start(today + 1);
    left.days = (double)(ends - now) / (double)(ends - begins);
    left.weight = left.days * profile->weight[day_of_week(today)];
    for (int32_t day = today + 1; day < end; day++) {
        left.days += 1;
        left.weight += profile->weight[day_of_week(day)];
    }
    return left;
}

/* ---- tenants ---- */

static int projected_compare(const void *a, const void *b)
{
    const struct projected_tenant *left = a, *right = b;
    if (left->projected_cny != right->projected_cny)
        return left->projected_cny < right->projected_cny ? 1 : -1;
    if (left->month_to_date_cny != right->month_to_date_cny)
        return left->month_to_date_cny < right->month_to_date_cny ? 1 : -1;
    return strcmp(left->tenant_id, right->tenant_id);
}

/* Tenants of either list, both in order of tenant_id. `weight_left` is of the month, as a part of the weight of the
 * level's days; NaN: there is no projection. */
static void projection_join(struct usage_projection *projection, const struct tenant_sums *month,
                            size_t month_count, const struct tenant_sums *level, size_t level_count,
                            double weight_left, struct arena *arena)
{
    struct projected_tenant *rows = arena_alloc(arena, (month_count + level_count) * sizeof(*rows));
    size_t count = 0, i = 0, j = 0;
    projection->projected_cny = isnan(weight_left) ? INT_NULL : 0;
    while (i < month_count || j < level_count) {
        int order = i == month_count   ? 1
                    : j == level_count ? -1
                                       : strcmp(month[i].tenant_id, level[j].tenant_id);
        struct projected_tenant *row = &rows[count++];
        row->tenant_id = order <= 0 ? month[i].tenant_id : level[j].tenant_id;
        row->month_to_date_cny = order <= 0 ? month[i++].sums.cost_nano_cny : 0;
        double recent = order >= 0 ? (double)level[j++].sums.cost_nano_cny : 0;
        row->projected_cny = INT_NULL;
        projection->month_to_date_cny = sum_add(projection->month_to_date_cny, row->month_to_date_cny);
        if (isnan(weight_left))
            continue;
        double to_come = round(recent * weight_left);
        row->projected_cny = sum_add(row->month_to_date_cny, to_come < 9e18 ? (int64_t)to_come : INT64_MAX);
        projection->projected_cny = sum_add(projection->projected_cny, row->projected_cny);
    }
    if (count)
        qsort(rows, count, sizeof(*rows), projected_compare);
    projection->by_tenant = rows;
    projection->by_tenant_count = count;
    projection->tenants = (int64_t)count;
}

static bool projection_read_tenants(struct platform *platform, const struct usage_range *range,
                                    struct arena *arena, struct tenant_sums **ret_tenants, size_t *ret_count,
                                    struct error *err)
{
    struct usage_report report;
    *ret_count = 0;
    if (range->end <= range->start)
        return true;
    if (!usage_range_read(platform, range, USAGE_BY_TENANT, arena, &report, err))
        return false;
    usage_sum_tenants(&report, arena, ret_tenants, ret_count);
    return true;
}

static void projection_set_range(struct usage_projection *projection, const struct cost_profile *profile,
                                 double days_left)
{
    double wide = days_left + days_left * days_left / (double)profile->level_days;
    double half = RANGE_DEVIATIONS * profile->deviation * sqrt(wide);
    double to_come = (double)(projection->projected_cny - projection->month_to_date_cny);
    double below = half < to_come ? half : to_come;
    projection->low_cny = projection->projected_cny - (int64_t)below;
    projection->high_cny = sum_add(projection->projected_cny, half < 9e18 ? (int64_t)half : INT64_MAX);
}

bool api_usage_project(struct platform *platform, const char *month, const char *tenant_id, int64_t limit,
                       struct arena *arena, struct usage_projection *ret_projection, struct error *err)
{
    int64_t now = clock_now_ms(), start = 0, end = 0;
    int32_t today = clock_day(now);
    struct tenant_sums *of_month = NULL, *of_level = NULL;
    size_t month_count, level_count = 0;
    struct usage_report history;
    struct cost_profile profile = {0};
    struct time_left left = {0};
    double weight_left = 0; /* of a month that is over */
    if (!month_find(month, now, &start, &end, err))
        return false;
    bool is_over = end <= now;
    struct usage_range range = {start, is_over ? end : now + 1, tenant_id};
    if (!projection_read_tenants(platform, &range, arena, &of_month, &month_count, err))
        return false;
    if (!is_over) {
        range =
            (struct usage_range){clock_day_start(today - PROFILE_DAYS), clock_day_start(today), tenant_id};
        if (!usage_range_read(platform, &range, USAGE_BY_DAY, arena, &history, err))
            return false;
        profile_make(history.groups, history.count, today, &profile);
        left = time_left_of(&profile, now, end);
        weight_left = profile.level_days ? left.weight / profile.level_weight : NAN;
        range.start = clock_day_start(today - (int32_t)profile.level_days);
        if (!projection_read_tenants(platform, &range, arena, &of_level, &level_count, err))
            return false;
    }
    struct usage_projection projection = {.start_time = start,
                                          .end_time = end,
                                          .low_cny = INT_NULL,
                                          .high_cny = INT_NULL,
                                          .days_known = (int64_t)profile.days,
                                          .generated_at = now};
    char day_text[CLOCK_DAY_SIZE];
    clock_day_format(clock_day(start), day_text);
    projection.month = arena_strndup(arena, day_text, 7);
    projection_join(&projection, of_month, month_count, of_level, level_count, weight_left, arena);
    if (is_over) {
        projection.low_cny = projection.high_cny = projection.projected_cny;
    } else if (profile.level_days > 0) {
        projection_set_range(&projection, &profile, left.days);
    }
    if (limit != INT_NULL && (size_t)limit < projection.by_tenant_count)
        projection.by_tenant_count = (size_t)limit;
    if (!usage_name_tenants(platform, projection.by_tenant, projection.by_tenant_count,
                            sizeof(*projection.by_tenant), arena, err))
        return false;
    *ret_projection = projection;
    return true;
}
