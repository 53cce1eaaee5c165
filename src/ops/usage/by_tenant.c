/* Usage and cost of each tenant. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ops/usage/internal.h"
#include "platform/tenants/tenants.h"
#include "store/store.h"
#include "telemetry/prices.h"

/* ---- sums ---- */

static int group_by_tenant(const void *a, const void *b)
{
    return strcmp(((const struct usage_group *)a)->tenant_id, ((const struct usage_group *)b)->tenant_id);
}

void usage_sum_tenants(const struct usage_report *report, struct arena *arena,
                       struct tenant_sums **ret_tenants, size_t *ret_count)
{
    struct tenant_sums *tenants = arena_alloc(arena, report->count * sizeof(*tenants));
    size_t count = 0;
    if (report->count)
        qsort(report->groups, report->count, sizeof(*report->groups), group_by_tenant);
    for (size_t i = 0; i < report->count; i++) {
        const struct usage_group *group = &report->groups[i];
        if (count == 0 || strcmp(tenants[count - 1].tenant_id, group->tenant_id) != 0)
            tenants[count++].tenant_id = group->tenant_id;
        usage_sums_add(&tenants[count - 1].sums, &group->sums);
    }
    *ret_tenants = tenants;
    *ret_count = count;
}

/* ---- names ---- */

#define FEW_NAMES 200 /* looked up one by one; of more all are read */

struct tenant_naming {
    struct usage_tenant_head **heads; /* in order of tenant_id */
    size_t count, at;
    struct arena *arena;
};

static int naming_compare(const void *a, const void *b)
{
    const struct usage_tenant_head *const *left = a, *const *right = b;
    return strcmp((*left)->tenant_id, (*right)->tenant_id);
}

/* Both come in order of the id. */
static bool naming_take(void *context, const struct tenant *tenant)
{
    struct tenant_naming *naming = context;
    while (naming->at < naming->count && strcmp(naming->heads[naming->at]->tenant_id, tenant->id) < 0)
        naming->at++;
    if (naming->at < naming->count && strcmp(naming->heads[naming->at]->tenant_id, tenant->id) == 0)
        naming->heads[naming->at]->name = arena_strdup(naming->arena, tenant->name);
    return naming->at < naming->count;
}

static bool naming_find_each(struct tenant_naming *naming, struct db *db, struct error *err)
{
    for (size_t i = 0; i < naming->count; i++) {
        struct tenant tenant;
        bool found;
        if (!tenant_find(db, naming->heads[i]->tenant_id, naming->arena, &tenant, &found, err))
            return false;
        if (found)
            naming->heads[i]->name = tenant.name;
    }
    return true;
}

bool usage_name_tenants(struct platform *platform, void *rows, size_t count, size_t size, struct arena *arena,
                        struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct tenant_naming naming = {
        .arena = arena, .heads = arena_alloc(arena, (count + 1) * sizeof(struct usage_tenant_head *))};
    for (size_t i = 0; i < count; i++) {
        struct usage_tenant_head *head = (void *)((char *)rows + i * size);
        if (*head->tenant_id)
            naming.heads[naming.count++] = head;
        else
            head->tenant_id = NULL;
    }
    if (naming.count == 0)
        return true;
    qsort(naming.heads, naming.count, sizeof(struct usage_tenant_head *), naming_compare);
    return store_reader(platform->store, READ_LIMIT_MS, &db, err) &&
           (naming.count <= FEW_NAMES ? naming_find_each(&naming, db, err)
                                      : tenant_list(db, naming_take, &naming, err));
}

/* ---- by tenant ---- */

#define ROW_FIELDS(type)                                                                                     \
    FIELD(type, calls, INT, "Calls"), FIELD(type, failed, INT, "Those that failed"),                         \
        FIELD(type, unpriced, INT, "Those for which no price was known: they are not in cost_cny"),          \
        FIELD(type, estimated, INT, "Those whose figures are the caller's reckoning, not the provider's"),   \
        FIELD(type, tokens_input, INT, "Tokens in"), FIELD(type, tokens_output, INT, "Tokens out"),          \
        FIELD(type, cost_cny, MONEY, "Cost, yuan")

static const struct field row_fields[] = {
    FIELD(struct usage_by_tenant, tenant_id, TEXT, "Id of the tenant; null: calls of no tenant",
          .nullable = true),
    FIELD(struct usage_by_tenant, name, TEXT, "Its name; null where there is no such tenant here",
          .nullable = true, .personal = PERSONAL_PARTS),
    ROW_FIELDS(struct usage_by_tenant),
};
static const struct descriptor row_descriptor =
    DESCRIPTOR("UsageByTenant", struct usage_by_tenant, row_fields);

static const struct field rest_fields[] = {
    FIELD(struct usage_rest, tenants, INT, "How many tenants these are"),
    ROW_FIELDS(struct usage_rest),
};
static const struct descriptor rest_descriptor = DESCRIPTOR("UsageRest", struct usage_rest, rest_fields);

static const struct field tenants_fields[] = {
    FIELD(struct usage_tenants, start_time, TIME,
          "From when on this counts: the full hour or day that was asked for"),
    FIELD(struct usage_tenants, end_time, TIME, "Until before when this counts, likewise"),
    FIELD_MANY(
        struct usage_tenants, items, LIST,
        "Each tenant that has calls, and one row for calls of no tenant: with rest they sum up to the total",
        .of = &row_descriptor),
    FIELD(struct usage_tenants, rest, OBJECT, "All those together that the limit leaves out",
          .of = &rest_descriptor),
    FIELD(struct usage_tenants, total, INT, "How many rows there are without a limit"),
    FIELD(struct usage_tenants, total_calls, INT, "Calls of all"),
    FIELD(struct usage_tenants, total_cost_cny, MONEY, "Cost of all, yuan"),
    FIELD(struct usage_tenants, generated_at, TIME, "When this was read"),
};
const struct descriptor usage_tenants_descriptor =
    DESCRIPTOR("UsageTenants", struct usage_tenants, tenants_fields);

#define ORDER_TABLE(X) X(cost_cny) X(calls) X(failed) X(tokens_input) X(tokens_output)
const char *const usage_tenant_orders[] = {
#define X(member) #member,
    ORDER_TABLE(X)
#undef X
        NULL};

static int row_compare_by(int64_t left, int64_t right, const void *a, const void *b)
{
    if (left != right)
        return left < right ? 1 : -1;
    return strcmp(((const struct usage_by_tenant *)a)->tenant_id,
                  ((const struct usage_by_tenant *)b)->tenant_id);
}

#define X(member)                                                                                            \
    static int row_compare_##member(const void *a, const void *b)                                            \
    {                                                                                                        \
        return row_compare_by(((const struct usage_by_tenant *)a)->member,                                   \
                              ((const struct usage_by_tenant *)b)->member, a, b);                            \
    }
ORDER_TABLE(X)
#undef X

static int (*const row_orders[])(const void *, const void *) = {
#define X(member) row_compare_##member,
    ORDER_TABLE(X)
#undef X
};

static void rest_add(struct usage_rest *rest, const struct usage_by_tenant *row)
{
    rest->tenants++;
    rest->calls = sum_add(rest->calls, row->calls);
    rest->failed = sum_add(rest->failed, row->failed);
    rest->unpriced = sum_add(rest->unpriced, row->unpriced);
    rest->estimated = sum_add(rest->estimated, row->estimated);
    rest->tokens_input = sum_add(rest->tokens_input, row->tokens_input);
    rest->tokens_output = sum_add(rest->tokens_output, row->tokens_output);
    rest->cost_cny = sum_add(rest->cost_cny, row->cost_cny);
}

bool api_usage_by_tenant(struct platform *platform, const struct usage_range *range, const char *order,
                         int64_t limit, struct arena *arena, struct usage_tenants *ret_tenants,
                         struct error *err)
{
    struct usage_report report;
    struct tenant_sums *tenants;
    struct usage_tenants answer = {0};
    size_t count, by = 0;
    if (!usage_range_check(range, USAGE_RANGE_DAYS_MAX, err) ||
        !usage_range_read(platform, range, USAGE_BY_TENANT, arena, &report, err))
        return false;
    usage_sum_tenants(&report, arena, &tenants, &count);
    answer.items = arena_alloc(arena, count * sizeof(*answer.items));
    for (size_t i = 0; i < count; i++) {
        const struct usage_sums *sums = &tenants[i].sums;
        answer.items[i] = (struct usage_by_tenant){.tenant_id = tenants[i].tenant_id,
                                                   .calls = sums->calls,
                                                   .failed = sums->failed,
                                                   .unpriced = sums->unpriced,
                                                   .estimated = sums->estimated,
                                                   .tokens_input = sums->tokens_input,
                                                   .tokens_output = sums->tokens_output,
                                                   .cost_cny = sums->cost_nano_cny};
    }
    while (usage_tenant_orders[by + 1] && strcmp(usage_tenant_orders[by], order) != 0)
        by++;
    if (count)
        qsort(answer.items, count, sizeof(*answer.items), row_orders[by]);
    answer.items_count = limit != INT_NULL && (size_t)limit < count ? (size_t)limit : count;
    for (size_t i = answer.items_count; i < count; i++)
        rest_add(&answer.rest, &answer.items[i]);
    if (!usage_name_tenants(platform, answer.items, answer.items_count, sizeof(*answer.items), arena, err))
        return false;
    answer.start_time = report.start;
    answer.end_time = report.end;
    answer.total = (int64_t)count;
    answer.total_calls = report.total.sums.calls;
    answer.total_cost_cny = report.total.sums.cost_nano_cny;
    answer.generated_at = clock_now_ms();
    *ret_tenants = answer;
    return true;
}

/* ---- cost ---- */

static const struct field tenant_cost_fields[] = {
    FIELD(struct usage_tenant_cost, tenant_id, TEXT, "Id of the tenant"),
    FIELD(struct usage_tenant_cost, cost_cny, MONEY, "Its cost, yuan"),
};
static const struct descriptor tenant_cost_descriptor =
    DESCRIPTOR("UsageTenantCost", struct usage_tenant_cost, tenant_cost_fields);

static const struct field cost_fields[] = {
    FIELD(struct cost_estimate, start_time, TIME,
          "From when on this counts: the full hour or day that was asked for"),
    FIELD(struct cost_estimate, end_time, TIME, "Until before when this counts, likewise"),
    FIELD(struct cost_estimate, dashscope_cost_cny, MONEY, "Models of DashScope, yuan"),
    FIELD(struct cost_estimate, pinecone_cost_usd, MONEY,
          "Pinecone, dollars: pinecone_cost_cny at usd_cny_rate"),
    FIELD(struct cost_estimate, pinecone_cost_cny, MONEY,
          "Pinecone, yuan, each call at the rate of when it was recorded"),
    FIELD(struct cost_estimate, other_cost_cny, MONEY, "Everybody else, yuan"),
    FIELD(struct cost_estimate, total_cost_cny, MONEY, "All of it, yuan"),
    FIELD_MANY(struct cost_estimate, by_tenant, MAP,
               "Cost of each tenant, yuan; calls of no tenant under the empty name. They sum up to the total",
               .of = &tenant_cost_descriptor),
    FIELD(struct cost_estimate, usd_cny_rate, REAL, "Yuan for a dollar, as calls are priced now"),
    FIELD(struct cost_estimate, usd_cny_rate_date, DAY, "Of what day that rate is"),
    FIELD(struct cost_estimate, total_calls, INT, "Calls"),
    FIELD(struct cost_estimate, unpriced_calls, INT,
          "Those for which no price was known: their cost is not in any of these figures"),
    FIELD(struct cost_estimate, estimated_calls, INT,
          "Those whose figures are the caller's reckoning, not the provider's"),
    FIELD(struct cost_estimate, estimated_cost_cny, MONEY,
          "The part of total_cost_cny that is of these, yuan"),
    FIELD(struct cost_estimate, generated_at, TIME, "When this was read"),
};
const struct descriptor cost_estimate_descriptor =
    DESCRIPTOR("CostEstimate", struct cost_estimate, cost_fields);

/* `rate` in ten-thousandths, as in prices.h. Half up. */
static int64_t cost_in_usd(int64_t nano_cny, int64_t rate)
{
    __extension__ typedef __int128 wide;
    return rate > 0 ? (int64_t)(((wide)nano_cny * 10000 + rate / 2) / rate) : INT_NULL;
}

bool api_usage_cost(struct platform *platform, const struct usage_range *range, struct arena *arena,
                    struct cost_estimate *ret_cost, struct error *err)
{
    struct usage_report report;
    struct tenant_sums *tenants;
    struct cost_estimate cost = {0};
    int32_t rate_date;
    if (!usage_range_check(range, USAGE_RANGE_DAYS_MAX, err) ||
        !usage_range_read(platform, range, USAGE_BY_TENANT, arena, &report, err))
        return false;
    for (size_t i = 0; i < report.count; i++) {
        const struct usage_group *group = &report.groups[i];
        int64_t *part = &cost.other_cost_cny;
        if (strcmp(group->api_type, "dashscope") == 0)
            part = &cost.dashscope_cost_cny;
        else if (strcmp(group->api_type, "pinecone") == 0)
            part = &cost.pinecone_cost_cny;
        *part = sum_add(*part, group->sums.cost_nano_cny);
    }
    usage_sum_tenants(&report, arena, &tenants, &cost.by_tenant_count);
    cost.by_tenant = arena_alloc(arena, cost.by_tenant_count * sizeof(*cost.by_tenant));
    for (size_t i = 0; i < cost.by_tenant_count; i++)
        cost.by_tenant[i] = (struct usage_tenant_cost){tenants[i].tenant_id, tenants[i].sums.cost_nano_cny};
    int64_t rate = telemetry_get_usd_cny_rate(platform->telemetry);
    clock_day_parse(USD_CNY_RATE_DEFAULT_DATE, &rate_date);
    cost.start_time = report.start;
    cost.end_time = report.end;
    cost.pinecone_cost_usd = cost_in_usd(cost.pinecone_cost_cny, rate);
    cost.total_cost_cny = report.total.sums.cost_nano_cny;
    cost.usd_cny_rate = (double)rate / 10000;
    cost.usd_cny_rate_date = rate_date;
    cost.total_calls = report.total.sums.calls;
    cost.unpriced_calls = report.total.sums.unpriced;
    cost.estimated_calls = report.total.sums.estimated;
    cost.estimated_cost_cny = report.total.sums.estimated_cost_nano_cny;
    cost.generated_at = clock_now_ms();
    *ret_cost = cost;
    return true;
}
