/* Every figure of usage is the sum of the raw rows of the range that it says, whichever way it is grouped, wherever it
 * is read from, and whatever the zone does. */
#include <math.h>

#include "ops/usage/api_usage_tracker.h"
#include "platform_fixture.h"
#include "telemetry/prices.h"
#include "telemetry/usage_report.h"

#define ROWS 3000
#define TENANTS 5
#define QUERIES 60
#define LIMIT_MS 20000

static uint64_t random_state = 1;
static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((random_state >> 33) % bound);
}

static const struct {
    const char *api_type, *operation, *model;
} kinds[] = {
    {"dashscope", "chat", "qwen-plus"},
    {"dashscope", "embedding", "text-embedding-v4"},
    {"pinecone", "query", ""},
    {"embedded", "chat", "embedded"},
    {"elsewhere", "chat", "of no price"},
};
static const char *const tenants[TENANTS] = {"", "alpha", "beta", "gamma", "delta"};

/* ---- what was recorded, and its sum ---- */

struct rows {
    struct usage_record *records;
    size_t count;
};

static struct usage_record record_at(int64_t at)
{
    size_t kind = random_below(ARRAY_SIZE(kinds));
    return (struct usage_record){.timestamp = at,
                                 .api_type = kinds[kind].api_type,
                                 .operation = kinds[kind].operation,
                                 .model = kinds[kind].model,
                                 .tenant_id = tenants[random_below(TENANTS)],
                                 .tokens_input = random_below(3000),
                                 .tokens_output = random_below(500),
                                 .tokens_cached = random_below(50),
                                 .latency_ms = 10 + random_below(2000),
                                 .outcome = random_below(10)  ? USAGE_OK
                                            : random_below(2) ? USAGE_FAILED
                                                              : USAGE_ABORTED,
                                 .estimated = random_below(5) == 0};
}

struct wanted {
    int64_t start, end;
    const char *tenant_id, *api_type, *operation, *model; /* NULL: any */
};

static bool is_of(const struct wanted *wanted, const struct usage_record *row)
{
    if (row->timestamp < wanted->start || row->timestamp >= wanted->end)
        return false;
    if (wanted->tenant_id && strcmp(wanted->tenant_id, row->tenant_id) != 0)
        return false;
    if (wanted->api_type && strcmp(wanted->api_type, row->api_type) != 0)
        return false;
    if (wanted->operation && strcmp(wanted->operation, row->operation) != 0)
        return false;
    return !wanted->model || strcmp(wanted->model, row->model) == 0;
}

static struct usage_sums sum_of(const struct rows *rows, const struct wanted *wanted)
{
    struct usage_sums sums = {0};
    for (size_t i = 0; i < rows->count; i++) {
        const struct usage_record *row = &rows->records[i];
        if (!is_of(wanted, row))
            continue;
        struct price_quote quote = price_at(row, row->timestamp, USD_CNY_RATE_DEFAULT);
        sums.calls++;
        sums.failed += row->outcome != USAGE_OK;
        sums.aborted += row->outcome == USAGE_ABORTED;
        sums.estimated += row->estimated;
        sums.unpriced += !quote.priced;
        sums.tokens_input += row->tokens_input;
        sums.tokens_output += row->tokens_output;
        sums.tokens_cached += row->tokens_cached;
        sums.latency_sum_ms += row->latency_ms;
        sums.cost_nano_cny += quote.cost_nano_cny;
        sums.estimated_cost_nano_cny += row->estimated ? quote.cost_nano_cny : 0;
    }
    return sums;
}

static void must_sum(const struct rows *rows, const struct wanted *wanted, const struct usage_sums *told)
{
    struct usage_sums right = sum_of(rows, wanted);
    if (memcmp(&right, told, sizeof(right)) != 0)
        fail_msg("%lld calls, cost %lld told; %lld, %lld by the rows of [%lld, %lld) %s %s",
                 (long long)told->calls, (long long)told->cost_nano_cny, (long long)right.calls,
                 (long long)right.cost_nano_cny, (long long)wanted->start, (long long)wanted->end,
                 wanted->tenant_id ? wanted->tenant_id : "(any)", wanted->model ? wanted->model : "(any)");
}

/* ---- the telemetry: in the store's own database, where that keeps one ---- */

static void open_telemetry(struct fixture *f, const char *folder, struct telemetry **ret_telemetry)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", f->folder, folder);
    struct telemetry_options options = {.database = fixture_is_postgresql() ? f->store_path : NULL,
                                        .folder = path,
                                        .main_store = f->platform.store,
                                        .durability = STORE_BULK};
    must(f, telemetry_open(ret_telemetry, &options, &f->err));
}

static void use_telemetry(struct fixture *f)
{
    telemetry_close(f->platform.telemetry);
    open_telemetry(f, "telemetry", &f->platform.telemetry);
}

/* Rows at random instants of [start, end), by two processes that take turns. */
static void record(struct fixture *f, struct rows *rows, int64_t start, int64_t end, size_t count)
{
    struct telemetry *other;
    open_telemetry(f, "telemetry", &other);
    rows->records = xrealloc(rows->records, (rows->count + count) * sizeof(*rows->records));
    struct usage_record *added = rows->records + rows->count;
    for (size_t i = 0; i < count; i++)
        added[i] =
            record_at(start + (int64_t)(random_below(1u << 30) / (double)(1u << 30) * (double)(end - start)));
    for (size_t i = 0; i < count; i += 100)
        must(f, telemetry_write(i / 100 % 2 ? other : f->platform.telemetry, added + i,
                                count - i < 100 ? count - i : 100, NULL, 0, &f->err));
    rows->count += count;
    telemetry_close(other);
}

/* ---- each grouping of one range ---- */

static void check_groups(const struct rows *rows, const struct usage_query *query,
                         const struct usage_report *report)
{
    struct wanted all = {report->start, report->end, query->tenant_id, NULL, NULL, NULL};
    struct usage_sums unknown = report->total.sums, sum = {0};
    bool some_unknown = false;
    must_sum(rows, &all, &report->total.sums);
    for (size_t i = 0; i < report->count; i++) {
        const struct usage_group *group = &report->groups[i];
        struct wanted wanted = all;
        usage_sums_add(&sum, &group->sums);
        switch (query->by) {
        case USAGE_BY_NAMES:
            wanted.operation = group->operation;
            wanted.model = group->model;
            wanted.api_type = group->api_type;
            assert_int_equal(histogram_count(group->latency), group->sums.calls);
            break;
        case USAGE_BY_TENANT:
            wanted.tenant_id = group->tenant_id;
            wanted.api_type = group->api_type;
            break;
        case USAGE_BY_HOUR:
            assert_true(i == 0 || group->time == report->groups[i - 1].time + HOUR_MS);
            wanted.start = group->time > all.start ? group->time : all.start;
            wanted.end = group->time + HOUR_MS < all.end ? group->time + HOUR_MS : all.end;
            break;
        case USAGE_BY_DAY:
            assert_int_equal(group->time, clock_day_start(clock_day(report->start) + (int32_t)i));
            wanted.start = group->time > all.start ? group->time : all.start;
            wanted.end = clock_day_start(clock_day(group->time) + 1);
            wanted.end = wanted.end < all.end ? wanted.end : all.end;
            break;
        }
        some_unknown |= group->is_unknown;
        if (!group->is_unknown)
            must_sum(rows, &wanted, &group->sums);
    }
    if (!some_unknown)
        assert_memory_equal(&unknown, &sum, sizeof(sum));
}

static void check_range(struct fixture *f, const struct rows *rows, int64_t start, int64_t end,
                        const char *tenant_id, bool has_hours)
{
    for (enum usage_grouping by = USAGE_BY_NAMES; by <= USAGE_BY_DAY; by++) {
        CLEANUP(arena_release) struct arena arena = {0};
        struct usage_query query = {start, end, tenant_id, by, LIMIT_MS};
        struct usage_report report;
        must(f, usage_report_read(f->platform.telemetry, &query, &arena, &report, &f->err));
        assert_true(report.start <= start && report.end >= end);
        if (has_hours)
            assert_true(start - report.start < HOUR_MS && report.end - end < HOUR_MS);
        else
            assert_true(report.start >= clock_day_start(clock_day(start)) &&
                        report.end <= clock_day_start(clock_day(end - 1) + 1));
        check_groups(rows, &query, &report);
    }
}

static void check_ranges(struct fixture *f, const struct rows *rows, int64_t start, int64_t end,
                         bool has_hours)
{
    check_range(f, rows, start, end, NULL, has_hours);
    for (int i = 0; i < QUERIES; i++) {
        int64_t from = start + random_below((uint32_t)((end - start) / 1000)) * INT64_C(1000);
        int64_t to = from + 1 + random_below((uint32_t)((end - from) / 1000)) * INT64_C(1000);
        if (random_below(3) == 0)
            from = clock_day_start(clock_day(from));
        if (random_below(3) == 0)
            to = clock_day_start(clock_day(to) + 1);
        const char *tenant_id = random_below(2) ? NULL : tenants[random_below(TENANTS)];
        check_range(f, rows, from, to, tenant_id, has_hours);
    }
}

/* Around a change of the zone's offset, in zones whose days have 23, 25, 23.5 hours, or begin in the midst of an hour;
 * and today. */
static void every_grouping_is_the_sum_of_its_rows(void **state)
{
    static const struct {
        const char *zone, *around;
    } cases[] = {
        {"America/New_York", "2026-03-08T12:00:00.000Z"},
        {"America/New_York", "2026-11-01T12:00:00.000Z"},
        {"Australia/Lord_Howe", "2026-04-04T12:00:00.000Z"},
        {"Asia/Kolkata", "2026-06-01T00:00:00.000Z"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(free_pointer) struct usage_record *kept = NULL;
        struct rows rows = {0};
        int64_t around, now = clock_now_ms();
        must(f, clock_set_zone(cases[i].zone, &f->err));
        must(f, clock_parse(cases[i].around, &around, &f->err));
        use_telemetry(f);
        int32_t day = clock_day(around);
        int64_t start = clock_day_start(day - 2), end = clock_day_start(day + 3);
        record(f, &rows, start, end, ROWS);
        check_ranges(f, &rows, start, end, true); /* from the days' own roll-ups */
        must(f, telemetry_roll_over(f->platform.telemetry, NULL, &f->err));
        check_ranges(f, &rows, start, end, true); /* whole days from the main store */
        record(f, &rows, start, clock_day_start(day),
               300); /* late ones: two days are to be rolled over anew */
        check_ranges(f, &rows, start, end, true);
        record(f, &rows, clock_day_start(clock_day(now)), now, 300);
        check_range(f, &rows, start, now, NULL, true);
        must(f, telemetry_roll_over(f->platform.telemetry, NULL, &f->err));
        int64_t deleted;
        must(f, telemetry_retain(f->platform.telemetry, 1, &deleted, &f->err));
        assert_int_equal(deleted, 5);
        check_ranges(f, &rows, start, end, false); /* of which only the days' totals are kept */
        kept = rows.records;
        telemetry_close(f->platform.telemetry);
        f->platform.telemetry = NULL;
        fixture_script(f,
                       "DELETE FROM usage_days; DELETE FROM usage_daily; DELETE FROM usage_platform_daily");
        if (fixture_is_postgresql()) {
            char sql[256];
            snprintf(sql, sizeof(sql), "DROP SCHEMA %s_telemetry CASCADE", fixture_schema_of(f->store_path));
            fixture_run_beside(f->store_path, sql, NULL);
        } else {
            char path[128];
            snprintf(path, sizeof(path), "%s/telemetry", f->folder);
            nftw(path, fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
        }
        use_telemetry(f);
    }
    must(f, clock_set_zone("Asia/Shanghai", &f->err));
}

/* Two processes with day files of their own at one main store: of the other's days there are totals here, no hours. */
static void days_of_another_recorder_count_as_days(void **state)
{
    SQLITE_ONLY();
    struct fixture *f = *state;
    struct telemetry *other;
    struct rows rows = {0};
    int32_t day = clock_day(clock_now_ms()) - 3;
    int64_t start = clock_day_start(day), end = clock_day_start(day + 2);
    record(f, &rows, start, end, 500);
    must(f, telemetry_roll_over(f->platform.telemetry, NULL, &f->err));
    open_telemetry(f, "elsewhere", &other);
    size_t before = rows.count;
    rows.records = xrealloc(rows.records, (before + 200) * sizeof(*rows.records));
    for (; rows.count < before + 200; rows.count++)
        rows.records[rows.count] = record_at(start + random_below((uint32_t)HOUR_MS));
    must(f, telemetry_write(other, rows.records + before, 200, NULL, 0, &f->err));
    must(f, telemetry_roll_over(other, NULL, &f->err));
    check_ranges(f, &rows, start, end, false);
    telemetry_close(other);
    free(rows.records);
}

/* ---- what the console shows of it ---- */

static void answers_agree_with_each_other(void **state)
{
    struct fixture *f = *state;
    struct rows rows = {0};
    int64_t now = clock_now_ms();
    use_telemetry(f);
    record(f, &rows, clock_day_start(clock_day(now) - 3), now, 2000);
    const char *const filters[] = {NULL, "alpha"};
    for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
        struct usage_range range = {clock_day_start(clock_day(now) - 3), now + 1, filters[i]};
        struct wanted wanted = {range.start, now + HOUR_MS, filters[i], NULL, NULL, NULL};
        struct usage_sums right = sum_of(&rows, &wanted);
        struct api_usage_stats stats;
        struct cost_estimate cost;
        struct usage_trends trends;
        struct usage_tenants by_tenant;
        must(f, api_usage_stats(&f->platform, &range, &f->arena, &stats, &f->err));
        assert_int_equal(stats.total_calls, right.calls);
        assert_int_equal(stats.success_calls, right.calls - right.failed);
        assert_int_equal(stats.cost_cny, right.cost_nano_cny);
        assert_int_equal(stats.aborted_calls, right.aborted);
        assert_int_equal(stats.estimated_calls, right.estimated);
        assert_int_equal(stats.estimated_cost_cny, right.estimated_cost_nano_cny);
        assert_true(stats.p50_latency_ms > 900 && stats.p50_latency_ms < 1120);
        assert_true(stats.p95_latency_ms > 1800 && stats.p95_latency_ms < 2020);
        int64_t calls = 0, money = 0;
        for (size_t j = 0; j < stats.by_api_count; j++) {
            calls += stats.by_api[j].calls;
            assert_true(j == 0 || stats.by_api[j].cost_cny <= stats.by_api[j - 1].cost_cny);
        }
        assert_int_equal(calls, right.calls);

        must(f, api_usage_cost(&f->platform, &range, &f->arena, &cost, &f->err));
        assert_int_equal(cost.total_cost_cny, right.cost_nano_cny);
        assert_int_equal(cost.dashscope_cost_cny + cost.pinecone_cost_cny + cost.other_cost_cny,
                         right.cost_nano_cny);
        assert_int_equal(cost.unpriced_calls, right.unpriced);
        assert_int_equal(cost.estimated_cost_cny, right.estimated_cost_nano_cny);
        assert_true(llabs(cost.pinecone_cost_usd * 71 / 10 - cost.pinecone_cost_cny) <= 5);
        for (size_t j = 0; j < cost.by_tenant_count; j++)
            money += cost.by_tenant[j].cost_cny;
        assert_int_equal(money, right.cost_nano_cny);

        for (size_t j = 0; j < 2; j++) {
            must(f, api_usage_trends(&f->platform, &range, usage_intervals[j], &f->arena, &trends, &f->err));
            calls = 0;
            for (size_t k = 0; k < trends.points_count; k++)
                calls += trends.points[k].calls;
            assert_int_equal(calls, right.calls);
        }
        for (size_t j = 0; usage_tenant_orders[j]; j++) {
            int64_t limit = j % 2 ? INT_NULL : 1;
            must(f, api_usage_by_tenant(&f->platform, &range, usage_tenant_orders[j], limit, &f->arena,
                                        &by_tenant, &f->err));
            calls = by_tenant.rest.calls;
            for (size_t k = 0; k < by_tenant.items_count; k++) {
                const struct usage_by_tenant *row = &by_tenant.items[k];
                calls += row->calls;
                if (row->tenant_id && strcmp(row->tenant_id, "alpha") == 0)
                    assert_string_equal(row->name, "Alpha");
                if (!row->tenant_id || strcmp(row->tenant_id, "gamma") == 0)
                    assert_null(row->name);
            }
            assert_int_equal(calls, right.calls);
            assert_int_equal(by_tenant.total_calls, right.calls);
            assert_int_equal(by_tenant.items_count, limit == 1 || filters[i] ? 1 : TENANTS);
        }
    }
    free(rows.records);
}

static void a_range_that_is_none_is_refused(void **state)
{
    struct fixture *f = *state;
    struct api_usage_stats stats;
    struct usage_trends trends;
    struct usage_range none = {5, 5, NULL}, long_one = {0, 2000 * DAY_MS, NULL},
                       hours = {0, 94 * DAY_MS, NULL};
    must_fail(f, api_usage_stats(&f->platform, &none, &f->arena, &stats, &f->err), ERROR_INVALID);
    must_fail(f, api_usage_stats(&f->platform, &long_one, &f->arena, &stats, &f->err), ERROR_INVALID);
    must_fail(f, api_usage_trends(&f->platform, &hours, "hour", &f->arena, &trends, &f->err), ERROR_INVALID);
    must(f, api_usage_trends(&f->platform, &hours, "day", &f->arena, &trends, &f->err));
    assert_int_equal(trends.points_count, 95); /* 1970 began at eight in the morning */
}

/* Names are other people's: what is beyond the ceiling still counts. */
static void names_beyond_the_ceiling_are_other(void **state)
{
    struct fixture *f = *state;
    enum { NAMES = USAGE_NAME_GROUPS_MAX + 100 };
    static char names[NAMES][16];
    struct usage_record *records = xcalloc(NAMES, sizeof(*records));
    int64_t now = clock_now_ms();
    use_telemetry(f);
    for (size_t i = 0; i < NAMES; i++) {
        snprintf(names[i], sizeof(names[i]), "model-%zu", i);
        records[i] = (struct usage_record){.timestamp = now,
                                           .api_type = "elsewhere",
                                           .operation = "chat",
                                           .model = names[i],
                                           .latency_ms = 1};
    }
    must(f, telemetry_write(f->platform.telemetry, records, NAMES, NULL, 0, &f->err));
    struct usage_range range = {now - HOUR_MS, now + 1, NULL};
    struct api_usage_stats stats;
    must(f, api_usage_stats(&f->platform, &range, &f->arena, &stats, &f->err));
    assert_int_equal(stats.total_calls, NAMES);
    assert_int_equal(stats.by_api_count, USAGE_NAME_GROUPS_MAX + 1);
    assert_string_equal(stats.by_api[0].model, USAGE_OTHER);
    assert_int_equal(stats.by_api[0].calls, 100);
    free(records);
}

/* ---- a real trace ---- */

/* The environment variable that names Azure's llm_calls_azure_2023_conv.csv, if it is there. */
#define TRACE "KIMONO_TEST_LLM_TRACE"

/* "2023-11-16 18:15:46.6805900,374,44"; false for the heading. */
static bool read_call(char *line, struct usage_record *record, struct error *err)
{
    char *input = strchr(line, ','), *output = input ? strchr(input + 1, ',') : NULL;
    char time_text[32];
    if (!output)
        return false;
    record->tokens_input = strtoll(input + 1, NULL, 10);
    record->tokens_output = strtoll(output + 1, NULL, 10);
    snprintf(time_text, sizeof(time_text), "%.23sZ", line);
    return clock_parse(time_text, &record->timestamp, err);
}

/* As many calls of qwen-plus in as many instants, the last of them now. */
static void record_trace(struct fixture *f, FILE *in, int64_t *ret_first)
{
    CLEANUP(free_pointer) struct usage_record *records = NULL;
    struct usage_record record = {
        .api_type = "dashscope", .operation = "chat", .model = "qwen-plus", .tenant_id = "alpha"};
    char line[256];
    size_t count = 0;
    while (fgets(line, sizeof(line), in)) {
        if (!read_call(line, &record, &f->err))
            continue;
        records = xrealloc(records, (count + 1) * sizeof(*records));
        records[count++] = record;
    }
    if (!records)
        fail_msg("there are no calls in the trace");
    int64_t later = clock_now_ms() - records[count - 1].timestamp;
    for (size_t i = 0; i < count; i++)
        records[i].timestamp += later;
    *ret_first = records[0].timestamp;
    for (size_t i = 0; i < count; i += 1000)
        must(f, telemetry_write(f->platform.telemetry, records + i, count - i < 1000 ? count - i : 1000, NULL,
                                0, &f->err));
}

/* The sums of the file, at 0.8 and 2 yuan a million, in every answer: before and after the days are rolled over. */
static void a_real_trace_is_the_sum_of_its_file(void **state)
{
    enum { CALLS = 19366, INPUT = 22361870, OUTPUT = 4088665 };
    const int64_t cost = INT64_C(26066826000);
    struct fixture *f = *state;
    const char *file = getenv(TRACE);
    FILE *in = file ? fopen(file, "r") : NULL;
    int64_t first;
    if (!in) {
        print_message("skipped: %s names no file\n", TRACE);
        skip();
    }
    use_telemetry(f);
    record_trace(f, in, &first);
    fclose(in);
    struct usage_range range = {first, clock_now_ms() + 1, NULL};
    for (int i = 0; i < 2; i++) {
        struct api_usage_stats stats;
        struct cost_estimate estimate;
        struct usage_tenants tenants;
        struct usage_trends trends;
        must(f, api_usage_stats(&f->platform, &range, &f->arena, &stats, &f->err));
        assert_int_equal(stats.total_calls, CALLS);
        assert_int_equal(stats.tokens_input, INPUT);
        assert_int_equal(stats.tokens_output, OUTPUT);
        assert_int_equal(stats.cost_cny, cost);
        assert_int_equal(stats.by_api_count, 1);
        must(f, api_usage_cost(&f->platform, &range, &f->arena, &estimate, &f->err));
        assert_int_equal(estimate.dashscope_cost_cny, cost);
        assert_int_equal(estimate.total_cost_cny, cost);
        must(f, api_usage_by_tenant(&f->platform, &range, "calls", INT_NULL, &f->arena, &tenants, &f->err));
        assert_int_equal(tenants.items_count, 1);
        assert_int_equal(tenants.items[0].tokens_output, OUTPUT);
        assert_int_equal(tenants.items[0].cost_cny, cost);
        for (size_t j = 0; usage_intervals[j]; j++) {
            struct usage_point sum = {0};
            must(f, api_usage_trends(&f->platform, &range, usage_intervals[j], &f->arena, &trends, &f->err));
            for (size_t k = 0; k < trends.points_count; k++) {
                sum.calls += trends.points[k].calls;
                sum.tokens_input += trends.points[k].tokens_input;
                sum.tokens_output += trends.points[k].tokens_output;
                sum.cost_cny += trends.points[k].cost_cny;
            }
            assert_int_equal(sum.calls, CALLS);
            assert_int_equal(sum.tokens_input, INPUT);
            assert_int_equal(sum.tokens_output, OUTPUT);
            assert_int_equal(sum.cost_cny, cost);
        }
        must(f, telemetry_roll_over(f->platform.telemetry, NULL, &f->err));
    }
}

/* ---- projection ---- */

/* A chat of qwen-plus that costs so many thousandths of a yuan. */
static void spend(struct fixture *f, int32_t day, const char *tenant_id, int64_t thousandths)
{
    struct usage_record one = {.timestamp = clock_day_start(day) + HOUR_MS,
                               .api_type = "dashscope",
                               .operation = "chat",
                               .model = "qwen-plus",
                               .tenant_id = tenant_id,
                               .tokens_output = thousandths * 500};
    must(f, telemetry_write(f->platform.telemetry, &one, 1, NULL, 0, &f->err));
}

static bool is_weekend(int32_t day)
{
    int hour, weekday;
    clock_local_time(clock_day_start(day), &hour, &weekday);
    return weekday == 0 || weekday == 6;
}

static void a_month_goes_on_as_its_weeks_did(void **state)
{
    struct fixture *f = *state;
    int64_t now = clock_now_ms(), month_start = clock_month_start(now, 0),
            month_end = clock_month_start(now, 1);
    int32_t today = clock_day(now), first = clock_day(month_start), end = clock_day(month_end);
    struct usage_projection projection;
    use_telemetry(f);
    must(f, api_usage_project(&f->platform, NULL, NULL, INT_NULL, &f->arena, &projection, &f->err));
    assert_int_equal(projection.month_to_date_cny, 0);
    assert_int_equal(projection.projected_cny, INT_NULL);
    assert_int_equal(projection.low_cny, INT_NULL);

    double right = 0;
    for (int32_t day = today - 56; day < today; day++) {
        spend(f, day, "alpha", is_weekend(day) ? 3000 : 1000);
        spend(f, day, "", is_weekend(day) ? 300 : 100);
    }
    for (int32_t day = first; day < end; day++) {
        double cost = is_weekend(day) ? 3.3e9 : 1.1e9;
        if (day == today)
            cost *= (double)(clock_day_start(today + 1) - now) /
                    (double)(clock_day_start(today + 1) - clock_day_start(today));
        right += cost;
    }
    must(f, api_usage_project(&f->platform, NULL, NULL, INT_NULL, &f->arena, &projection, &f->err));
    assert_int_equal(projection.days_known, 56);
    assert_int_equal(projection.month_to_date_cny,
                     projection.by_tenant[0].month_to_date_cny + projection.by_tenant[1].month_to_date_cny);
    assert_int_equal(projection.projected_cny,
                     projection.by_tenant[0].projected_cny + projection.by_tenant[1].projected_cny);
    if (fabs((double)projection.projected_cny - right) > right * 0.06)
        fail_msg("projected %.3f, not %.3f", (double)projection.projected_cny / 1e9, right / 1e9);
    assert_true(projection.low_cny <= projection.projected_cny &&
                projection.low_cny >= projection.month_to_date_cny);
    assert_true(projection.high_cny >= projection.projected_cny);
    assert_string_equal(projection.by_tenant[0].name, "Alpha");
    assert_null(projection.by_tenant[1].tenant_id);

    int64_t whole = projection.projected_cny;
    must(f, api_usage_project(&f->platform, NULL, "alpha", 1, &f->arena, &projection, &f->err));
    assert_true(llabs(projection.projected_cny - whole * 10 / 11) < whole / 1000);

    char text[CLOCK_DAY_SIZE];
    clock_day_format(clock_day(month_start) - 1, text); /* a month that is over is what it was */
    text[7] = 0;
    must(f, api_usage_project(&f->platform, text, NULL, INT_NULL, &f->arena, &projection, &f->err));
    assert_string_equal(projection.month, text);
    assert_int_equal(projection.end_time, month_start);
    assert_int_equal(projection.projected_cny, projection.month_to_date_cny);
    assert_int_equal(projection.high_cny, projection.low_cny);
    assert_true(projection.projected_cny > 0);
    clock_day_format(end, text);
    text[7] = 0;
    must_fail(f, api_usage_project(&f->platform, text, NULL, INT_NULL, &f->arena, &projection, &f->err),
              ERROR_INVALID);
    const char *const wrong[] = {"", "2026", "2026-13", "2026-1", "2026-01-01", "month"};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        must_fail(f, api_usage_check_month(wrong[i], &f->err), ERROR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(every_grouping_is_the_sum_of_its_rows),
        fixture_test(days_of_another_recorder_count_as_days),
        fixture_test(answers_agree_with_each_other),
        fixture_test(a_range_that_is_none_is_refused),
        fixture_test(names_beyond_the_ceiling_are_other),
        fixture_test(a_real_trace_is_the_sum_of_its_file),
        fixture_test(a_month_goes_on_as_its_weeks_did),
    };
    return cmocka_run_group_tests_name("api usage", tests, NULL, NULL);
}
