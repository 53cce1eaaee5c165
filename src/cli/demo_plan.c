#include "cli/demo_plan.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cli/demo_corpus.h"

/* What one question costs in calls: embedding, query, chat. */
#define CALLS_OF_GROUP 3

/* Share of a day's questions in each hour: people ask at noon and in the evening, few at night. */
static const double hour_shares[24] = {1.2, .7,  .4,  .3, .3,  .5,  1.1, 2.2, 4, 5.6, 6.6, 6.9,
                                       6.1, 5.6, 5.9, 6,  5.6, 5.2, 5,   5.8, 7, 7.4, 5.6, 3};
static const double weekday_shares[7] = {1.25, .92, .9, .93, .97, 1.12, 1.35}; /* Sunday first */

/* One bad hour, six days before today: DashScope slow and failing. */
#define INCIDENT_DAYS_AGO 6
#define INCIDENT_HOUR 14

static int32_t day_number(const struct demo_plan *plan, int64_t day)
{
    return plan->today - (int32_t)(plan->size.days - 1 - day);
}

/* The part of a day's hour that has passed: 1 for all but today's. */
static double part_passed(const struct demo_plan *plan, int64_t day, int hour)
{
    int64_t start = clock_day_start(day_number(plan, day)) + hour * HOUR_MS;
    if (plan->now >= start + HOUR_MS)
        return 1;
    return plan->now <= start ? 0 : (double)(plan->now - start) / (double)HOUR_MS;
}

static double day_share(const struct demo_plan *plan, int64_t day)
{
    int hour, weekday;
    clock_local_time(clock_day_start(day_number(plan, day)) + 12 * HOUR_MS, &hour, &weekday);
    struct demo_random random = demo_random_for((uint64_t)plan->size.seed, (uint64_t)day + 1);
    double growth = 1 + 0.008 * (double)day, noise = 0.94 + 0.12 * demo_random_unit(&random);
    double passed = 0, whole = 0;
    for (int i = 0; i < 24; i++) {
        passed += hour_shares[i] * part_passed(plan, day, i);
        whole += hour_shares[i];
    }
    return weekday_shares[weekday] * growth * noise * passed / whole;
}

static void share_out_days(struct demo_plan *plan)
{
    int64_t groups = (plan->size.usage + CALLS_OF_GROUP - 1) / CALLS_OF_GROUP, days = plan->size.days;
    double *shares = xcalloc((size_t)days, sizeof(*shares)), sum = 0, until = 0;
    for (int64_t day = 0; day < days; day++)
        sum += shares[day] = day_share(plan, day);
    plan->day_groups = xcalloc((size_t)days + 1, sizeof(*plan->day_groups));
    for (int64_t day = 0; day < days; day++) {
        until += shares[day];
        plan->day_groups[day + 1] = sum > 0 ? (int64_t)((double)groups * until / sum + 0.5) : 0;
    }
    plan->day_groups[days] = sum > 0 ? groups : 0;
    plan->messages = groups < DEMO_MESSAGES_MAX ? groups : DEMO_MESSAGES_MAX;
    free(shares);
}

static void name_shop(struct demo_shop *shop, size_t index)
{
    snprintf(shop->id, sizeof(shop->id), "tenant_%03zu", index + 1);
    if (index < demo_shop_count) {
        snprintf(shop->name, sizeof(shop->name), "%s", demo_shop_names[index]);
        return;
    }
    size_t at = index - demo_shop_count;
    size_t head = at % demo_shop_name_head_count,
           tail = at / demo_shop_name_head_count % demo_shop_name_tail_count;
    size_t round = at / demo_shop_name_head_count / demo_shop_name_tail_count;
    if (round == 0)
        snprintf(shop->name, sizeof(shop->name), "%s%s", demo_shop_name_heads[head],
                 demo_shop_name_tails[tail]);
    else
        snprintf(shop->name, sizeof(shop->name), "%s%s %zu号店", demo_shop_name_heads[head],
                 demo_shop_name_tails[tail], round + 1);
}

/* Some 8 % are suspended, lately: two of 25. */
static int64_t suspension_of(const struct demo_plan *plan, size_t index)
{
    size_t from_end = (size_t)plan->size.tenants - index;
    if (plan->size.tenants < 10 || from_end % 12 != 5)
        return 0;
    return plan->now - (int64_t)(3 + from_end % 7) * DAY_MS - 5 * HOUR_MS;
}

/* Shops are of very different size: Zipf's law, with the first a little tamed. */
static void open_shops(struct demo_plan *plan)
{
    size_t count = (size_t)plan->size.tenants;
    double sum = 0;
    plan->shops = xcalloc(count, sizeof(*plan->shops));
    plan->shop_weights = xcalloc(count, sizeof(*plan->shop_weights));
    for (size_t i = 0; i < count; i++) {
        struct demo_shop *shop = &plan->shops[i];
        struct demo_random random = demo_random_for((uint64_t)plan->size.seed, 1000000 + i);
        name_shop(shop, i);
        shop->created_at = plan->now -
                           (plan->size.days + 5 + (int64_t)demo_random_below(&random, 500)) * DAY_MS -
                           (int64_t)demo_random_below(&random, (size_t)DAY_MS);
        shop->suspended_at = suspension_of(plan, i);
        shop->corpus_offset = demo_random_below(&random, demo_pair_count);
        shop->model = demo_random_unit(&random) < 0.75 ? "qwen-plus" : "qwen-turbo";
        plan->shop_weights[i] = sum += 1 / pow((double)i + 3, 0.9);
    }
}

void demo_plan_make(struct demo_plan *ret_plan, const struct demo_size *size)
{
    *ret_plan = (struct demo_plan){.size = *size, .now = clock_now_ms()};
    ret_plan->today = clock_day(ret_plan->now);
    ret_plan->buckets = xcalloc((size_t)size->days, sizeof(*ret_plan->buckets));
    open_shops(ret_plan);
    share_out_days(ret_plan);
}

void demo_plan_release(struct demo_plan *plan)
{
    free(plan->shops);
    free(plan->shop_weights);
    free(plan->day_groups);
    free(plan->buckets);
}

/* By weight; a shop that is suspended by then gives its customers to the first. */
static size_t draw_shop(const struct demo_plan *plan, int64_t at, struct demo_random *random)
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
    int64_t suspended_at = plan->shops[low].suspended_at;
    return suspended_at && at >= suspended_at ? 0 : low;
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

static bool in_incident(const struct demo_plan *plan, int64_t day, int hour)
{
    return day == plan->size.days - 1 - INCIDENT_DAYS_AGO && hour == INCIDENT_HOUR;
}

/* Every k-th group is kept as a message, so that there are plan->messages of them in all. */
static bool keeps_message(const struct demo_plan *plan, int64_t number)
{
    int64_t groups = plan->day_groups[plan->size.days];
    return (int64_t)((double)(number + 1) * (double)plan->messages / (double)groups) >
           (int64_t)((double)number * (double)plan->messages / (double)groups);
}

static struct demo_group make_group(const struct demo_plan *plan, int64_t number, int64_t at, bool incident)
{
    struct demo_group group = {.number = number, .at = at};
    group.random = demo_random_for((uint64_t)plan->size.seed, UINT64_C(1) << 40 | (uint64_t)number);
    group.shop = draw_shop(plan, at, &group.random);
    make_request_id(&group.random, group.request_id);
    group.embedding_ms = demo_random_latency(&group.random, 42, .35);
    group.query_ms = demo_random_latency(&group.random, 31, .4);
    group.chat_ms = demo_random_latency(&group.random, incident ? 4200 : 860, .45);
    group.failed = demo_random_unit(&group.random) < (incident ? 0.14 : 0.004);
    group.is_message = keeps_message(plan, number) && !group.failed;
    return group;
}

/* The hour's groups lie evenly in its time, each a little off: so they are in order. */
static bool walk_hour(const struct demo_plan *plan, int64_t day, int hour, int64_t first, int64_t count,
                      demo_group_fn each, void *context)
{
    int64_t start = clock_day_start(day_number(plan, day)) + hour * HOUR_MS;
    double length = (double)HOUR_MS * part_passed(plan, day, hour);
    for (int64_t i = 0; i < count; i++) {
        struct demo_random jitter =
            demo_random_for((uint64_t)plan->size.seed, UINT64_C(1) << 41 | (uint64_t)(first + i));
        double place = ((double)i + demo_random_unit(&jitter)) / (double)count;
        struct demo_group group =
            make_group(plan, first + i, start + (int64_t)(place * length), in_incident(plan, day, hour));
        if (!each(context, &group))
            return false;
    }
    return true;
}

bool demo_day(const struct demo_plan *plan, int64_t day, demo_group_fn each, void *context)
{
    double sum = 0, until = 0;
    for (int hour = 0; hour < 24; hour++)
        sum += hour_shares[hour] * part_passed(plan, day, hour);
    int64_t first = plan->day_groups[day], count = plan->day_groups[day + 1] - first, done = 0;
    for (int hour = 0; hour < 24 && sum > 0; hour++) {
        until += hour_shares[hour] * part_passed(plan, day, hour);
        int64_t end = hour == 23 || until >= sum ? count : (int64_t)((double)count * until / sum);
        if (!walk_hour(plan, day, hour, first + done, end - done, each, context))
            return false;
        done = end;
    }
    return true;
}

/* A shop with more pairs than the corpus has the same questions for its branches. */
struct demo_text demo_pair_text(const struct demo_plan *plan, const struct demo_shop *shop, int64_t index,
                                struct demo_random *random, char *buffer, size_t size)
{
    (void)plan;
    size_t place = (shop->corpus_offset + (size_t)index) % demo_pair_count,
           round = (size_t)index / demo_pair_count;
    const struct demo_pair *pair = &demo_pairs[place];
    size_t wordings = 0;
    while (pair->asked[wordings])
        wordings++;
    struct demo_text text = {pair->category, pair->question, pair->answer,
                             pair->asked[demo_random_below(random, wordings)]};
    if (round == 0)
        return text;
    const char *head = demo_shop_name_heads[round % demo_shop_name_head_count];
    if (round < demo_shop_name_head_count)
        snprintf(buffer, size, "%s店：%s", head, pair->question);
    else
        snprintf(buffer, size, "%s%zu号店：%s", head, round / demo_shop_name_head_count + 1, pair->question);
    text.question = buffer;
    return text;
}

struct demo_bucket *demo_bucket_at(const struct demo_plan *plan, int64_t day, int64_t at)
{
    int64_t place = (at - clock_day_start(day_number(plan, day))) / DEMO_BUCKET_MS;
    return place >= 0 && place < DEMO_BUCKETS ? &plan->buckets[day][place] : NULL;
}
