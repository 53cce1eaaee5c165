#include "cli/demo_plan.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

/* What one question costs in calls: embedding, query, chat. */
#define CALLS_OF_GROUP 3

/* Share of a day's questions in each hour: people ask at noon and in the evening, few at night. */
static const double hour_shares[24] = {1.2, .7,  .4,  .3, .3,  .5,  1.1, 2.2, 4, 5.6, 6.6, 6.9,
                                       6.1, 5.6, 5.9, 6,  5.6, 5.2, 5,   5.8, 7, 7.4, 5.6, 3};
static const double weekday_shares[7] = {1.25, .92, .9, .93, .97, 1.12, 1.35}; /* Sunday first */

static int32_t plan_day_number(const struct demo_plan *plan, int64_t day)
{
    return plan->today - (int32_t)(plan->size.days - 1 - day);
}

/* The part of a day's hour that has passed: 1 for all but today's. */
static double plan_part_passed(const struct demo_plan *plan, int64_t day, int hour)
{
    int64_t start = clock_day_start(plan_day_number(plan, day)) + hour * HOUR_MS;
    if (plan->now >= start + HOUR_MS)
        return 1;
    return plan->now <= start ? 0 : (double)(plan->now - start) / (double)HOUR_MS;
}

/* Kimono are for cherry blossoms, fireworks, autumn leaves and the New Year. */
static double season_of(int32_t day)
{
    static const struct {
        int from, until; /* month * 100 + day */
        double share;
    } seasons[] = {{101, 107, 1.5},   {320, 412, 1.9},   {429, 505, 1.5},   {715, 825, 1.25},
                   {1001, 1007, 1.6}, {1105, 1130, 1.7}, {1225, 1231, 1.3}, {115, 228, .7}};
    char text[CLOCK_DAY_SIZE];
    int year, month, date;
    clock_day_format(day, text);
    if (sscanf(text, "%d-%d-%d", &year, &month, &date) != 3)
        return 1;
    for (size_t i = 0; i < ARRAY_SIZE(seasons); i++)
        if (month * 100 + date >= seasons[i].from && month * 100 + date <= seasons[i].until)
            return seasons[i].share;
    return 1;
}

static double plan_day_share(const struct demo_plan *plan, int64_t day)
{
    int hour, weekday;
    clock_local_time(clock_day_start(plan_day_number(plan, day)) + 12 * HOUR_MS, &hour, &weekday);
    struct demo_random random = demo_random_for((uint64_t)plan->size.seed, (uint64_t)day + 1);
    double growth = 1 + 0.6 * (double)day / (double)plan->size.days,
           noise = 0.94 + 0.12 * demo_random_unit(&random);
    double passed = 0, whole = 0;
    for (int i = 0; i < 24; i++) {
        passed += hour_shares[i] * plan_part_passed(plan, day, i);
        whole += hour_shares[i];
    }
    return weekday_shares[weekday] * season_of(plan_day_number(plan, day)) * growth * noise * passed / whole;
}

static void plan_share_out_days(struct demo_plan *plan)
{
    int64_t groups = (plan->size.usage + CALLS_OF_GROUP - 1) / CALLS_OF_GROUP, days = plan->size.days;
    double *shares = xcalloc((size_t)days, sizeof(*shares)), sum = 0, until = 0;
    for (int64_t day = 0; day < days; day++)
        sum += shares[day] = plan_day_share(plan, day);
    plan->day_groups = xcalloc((size_t)days + 1, sizeof(*plan->day_groups));
    for (int64_t day = 0; day < days; day++) {
        until += shares[day];
        plan->day_groups[day + 1] = sum > 0 ? (int64_t)((double)groups * until / sum + 0.5) : 0;
    }
    plan->day_groups[days] = sum > 0 ? groups : 0;
    plan->messages = groups < DEMO_MESSAGES_MAX ? groups : DEMO_MESSAGES_MAX;
    free(shares);
}

/* A shop has what fits it, of each kind of question more or less: who doesn't photograph has little to say of it. */
static void plan_choose_items(const struct demo_plan *plan, struct demo_shop *shop, size_t index)
{
    const struct demo_profile *profile = &shop->profile;
    uint64_t seed = (uint64_t)plan->size.seed;
    struct demo_random random = demo_random_for(seed, 7000000 + index);
    size_t count = demo_items_count(profile), own = demo_items_own(), offset;
    shop->items = xcalloc(count, sizeof(*shop->items));
    offset = demo_random_below(&random, count - own);
    for (size_t i = 0; i < count; i++) {
        size_t place = i < own ? i : own + (i - own + offset) % (count - own);
        struct demo_item item = demo_item_at(profile, place);
        uint64_t kind = 0;
        for (const char *at = item.category; *at; at++)
            kind = kind * 31 + (unsigned char)*at;
        struct demo_random taste = demo_random_for(seed + kind, 8000000 + index);
        double share = profile->share_percent / 100.0 * (0.55 + 0.8 * demo_random_unit(&taste));
        bool wanted = demo_random_unit(&random) < share || i < own || item.is_shared;
        if (demo_item_fits(profile, place) && (wanted || !demo_is_natural(plan)))
            shop->items[shop->item_count++] = (uint16_t)place;
    }
    shop->pair_count = demo_is_natural(plan) ? (int64_t)shop->item_count : plan->size.pairs;
}

static void plan_open_shops(struct demo_plan *plan)
{
    size_t count = (size_t)plan->size.tenants;
    double sum = 0;
    plan->shops = xcalloc(count, sizeof(*plan->shops));
    plan->shop_weights = xcalloc(count, sizeof(*plan->shop_weights));
    for (size_t i = 0; i < count; i++) {
        struct demo_shop *shop = &plan->shops[i];
        struct demo_random random = demo_random_for((uint64_t)plan->size.seed, 1000000 + i);
        snprintf(shop->id, sizeof(shop->id), "tenant_%03zu", i + 1);
        shop->profile = demo_profile_of(i, (uint64_t)plan->size.seed, &shop->composed);
        int64_t age = shop->profile.fate == DEMO_NEW
                          ? DEMO_NEW_DAYS
                          : plan->size.days + 5 + (int64_t)demo_random_below(&random, 500);
        shop->created_at = plan->now - age * DAY_MS - (int64_t)demo_random_below(&random, (size_t)HOUR_MS);
        if (count >= 10 && shop->profile.fate == DEMO_SUSPENDED)
            shop->suspended_at = plan->now - (int64_t)(3 + i % 7) * DAY_MS - 5 * HOUR_MS;
        plan_choose_items(plan, shop, i);
        plan->shop_weights[i] = sum += shop->profile.weight;
    }
}

void demo_plan_make(struct demo_plan *ret_plan, const struct demo_size *size)
{
    *ret_plan = (struct demo_plan){.size = *size, .now = clock_now_ms()};
    ret_plan->today = clock_day(ret_plan->now);
    ret_plan->buckets = xcalloc((size_t)size->days, sizeof(*ret_plan->buckets));
    plan_open_shops(ret_plan);
    plan_share_out_days(ret_plan);
}

void demo_plan_release(struct demo_plan *plan)
{
    for (int64_t i = 0; plan->shops && i < plan->size.tenants; i++)
        free(plan->shops[i].items);
    free(plan->shops);
    free(plan->shop_weights);
    free(plan->day_groups);
    free(plan->buckets);
}

/* Which part of its customers come to the shop at this time, 0 to 1. */
static double shop_presence(const struct demo_plan *plan, const struct demo_shop *shop, int64_t at)
{
    double days_ago = (double)(plan->now - at) / (double)DAY_MS, days = (double)plan->size.days;
    if (at < shop->created_at || (shop->suspended_at && at >= shop->suspended_at))
        return 0;
    switch (shop->profile.fate) {
    case DEMO_GROWS: return 0.2 + 0.8 * pow(1 - days_ago / (days + 1), 2);
    case DEMO_FALLS_SILENT:
        return days_ago <= DEMO_SILENT_DAYS ? 0 : days_ago < 20 ? (days_ago - DEMO_SILENT_DAYS) / 11 : 1;
    case DEMO_NEW: return 1 - days_ago / (DEMO_NEW_DAYS + 1);
    default: return 1;
    }
}

static size_t plan_draw_by_weight(const struct demo_plan *plan, struct demo_random *random)
{
    size_t low = 0, high = (size_t)plan->size.tenants - 1;
    double mark = demo_random_unit(random) * plan->shop_weights[high];
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (plan->shop_weights[middle] <= mark)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* By weight, as far as its customers come; the first shop's always do. */
static size_t plan_draw_shop(const struct demo_plan *plan, int64_t at, struct demo_random *random)
{
    for (int i = 0; i < 8; i++) {
        size_t shop = plan_draw_by_weight(plan, random);
        if (demo_random_unit(random) < shop_presence(plan, &plan->shops[shop], at))
            return shop;
    }
    return 0;
}

/* A request id as the server makes them, but repeatable. */
static void make_request_id(struct demo_random *random, char text[static IDENTIFIER_SIZE])
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    for (int i = 0; i < 26; i += 13) {
        uint64_t bits = demo_random_next(random);
        for (int j = 0; j < 13; j++, bits >>= 4)
            text[i + j] = digits[bits & 31];
    }
    text[26] = '\0';
}

bool demo_in_incident(const struct demo_plan *plan, int64_t at)
{
    int64_t start = clock_day_start(plan->today - DEMO_INCIDENT_DAYS) + DEMO_INCIDENT_HOUR * HOUR_MS;
    return plan->size.days > DEMO_INCIDENT_DAYS && at >= start && at < start + HOUR_MS;
}

/* Every k-th group is kept as a message, so that there are plan->messages of them in all. */
static bool group_is_message(const struct demo_plan *plan, int64_t number)
{
    int64_t groups = plan->day_groups[plan->size.days];
    return (int64_t)((double)(number + 1) * (double)plan->messages / (double)groups) >
           (int64_t)((double)number * (double)plan->messages / (double)groups);
}

static struct demo_group plan_make_group(const struct demo_plan *plan, int64_t number, int64_t at)
{
    struct demo_group group = {.number = number, .at = at};
    bool incident = demo_in_incident(plan, at);
    group.random = demo_random_for((uint64_t)plan->size.seed, UINT64_C(1) << 40 | (uint64_t)number);
    group.shop = plan_draw_shop(plan, at, &group.random);
    make_request_id(&group.random, group.request_id);
    group.embedding_ms = demo_random_latency(&group.random, 42, .35);
    group.query_ms = demo_random_latency(&group.random, 31, .4);
    group.chat_ms = demo_random_latency(&group.random, incident ? 4200 : 860, .45);
    group.failed = demo_random_unit(&group.random) < (incident ? 0.3 : 0.004);
    group.is_message = group_is_message(plan, number) && !group.failed;
    return group;
}

/* The hour's groups lie evenly in its time, each a little off: so they are in order. */
static bool plan_walk_hour(const struct demo_plan *plan, int64_t day, int hour, int64_t first, int64_t count,
                           demo_group_fn each, void *context)
{
    int64_t start = clock_day_start(plan_day_number(plan, day)) + hour * HOUR_MS;
    double length = (double)HOUR_MS * plan_part_passed(plan, day, hour);
    for (int64_t i = 0; i < count; i++) {
        struct demo_random jitter =
            demo_random_for((uint64_t)plan->size.seed, UINT64_C(1) << 41 | (uint64_t)(first + i));
        double place = ((double)i + demo_random_unit(&jitter)) / (double)count;
        struct demo_group group = plan_make_group(plan, first + i, start + (int64_t)(place * length));
        if (!each(context, &group))
            return false;
    }
    return true;
}

bool demo_day(const struct demo_plan *plan, int64_t day, demo_group_fn each, void *context)
{
    double sum = 0, until = 0;
    for (int hour = 0; hour < 24; hour++)
        sum += hour_shares[hour] * plan_part_passed(plan, day, hour);
    int64_t first = plan->day_groups[day], count = plan->day_groups[day + 1] - first, done = 0;
    for (int hour = 0; hour < 24 && sum > 0; hour++) {
        until += hour_shares[hour] * plan_part_passed(plan, day, hour);
        int64_t end = hour == 23 || until >= sum ? count : (int64_t)((double)count * until / sum);
        if (!plan_walk_hour(plan, day, hour, first + done, end - done, each, context))
            return false;
        done = end;
    }
    return true;
}

/* A shop with more pairs than there is to say has the same questions for its branches. */
static void name_branch(char *question, size_t size, size_t round)
{
    char branch[128];
    const char *head = demo_shop_name_heads[round % demo_shop_name_head_count];
    if (round < demo_shop_name_head_count)
        snprintf(branch, sizeof(branch), "%s店：", head);
    else
        snprintf(branch, sizeof(branch), "%s%zu号店：", head, round / demo_shop_name_head_count + 1);
    size_t length = strlen(branch), rest = strlen(question);
    if (length + rest + 1 > size)
        return;
    for (size_t i = rest + 1; i > 0; i--)
        question[length + i - 1] = question[i - 1];
    for (size_t i = 0; i < length; i++)
        question[i] = branch[i];
}

void demo_pair_text(const struct demo_shop *shop, int64_t index, struct demo_random *random,
                    struct demo_text *ret_text)
{
    size_t round = (size_t)index / shop->item_count, wordings = 0;
    struct demo_item item = demo_item_at(&shop->profile, shop->items[(size_t)index % shop->item_count]);
    while (item.asked[wordings])
        wordings++;
    ret_text->category = item.category;
    ret_text->asked = item.asked[demo_random_below(random, wordings)];
    if (item.is_shared) {
        snprintf(ret_text->question, sizeof(ret_text->question), "%s", item.question);
        snprintf(ret_text->answer, sizeof(ret_text->answer), "%s", item.answer);
    } else {
        demo_say(&shop->profile, item.question, ret_text->question, sizeof(ret_text->question));
        demo_say(&shop->profile, item.answer, ret_text->answer, sizeof(ret_text->answer));
    }
    if (round > 0)
        name_branch(ret_text->question, sizeof(ret_text->question), round);
}

struct demo_bucket *demo_bucket_at(const struct demo_plan *plan, int64_t day, int64_t at)
{
    int64_t place = (at - clock_day_start(plan_day_number(plan, day))) / DEMO_BUCKET_MS;
    return place >= 0 && place < DEMO_BUCKETS ? &plan->buckets[day][place] : NULL;
}
