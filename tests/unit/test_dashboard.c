/* The dashboard compares like with like, and does not take what is not recorded for nothing. */
#include <math.h>

#include "ops/dashboard/day_so_far.h"
#include "ops/dashboard/metrics_collector.h"
#include "platform/chat/backfill.h"
#include "platform_fixture.h"

/* Conversations, one after another, an hour apart, through `days` days that end with the present one. */
#define PAST_DAYS 20

static bool add_one(struct db *db, int64_t at, struct error *err)
{
    static int number;
    char conversation[40], message[40];
    int64_t conversation_id, message_id;
    snprintf(conversation, sizeof(conversation), "c-%d", ++number);
    snprintf(message, sizeof(message), "m-%d", number);
    const struct backfill_message past = {.tenant_id = "alpha",
                                          .conversation_public_id = conversation,
                                          .message_public_id = message,
                                          .at = at,
                                          .question = "q",
                                          .answer = "a",
                                          .latency_ms = 100,
                                          .model = "m",
                                          .request_id = "r"};
    return backfill_message_add(db, &past, &conversation_id, &message_id, err);
}

static bool add_past(struct db *db, void *context, struct error *err)
{
    (void)context;
    int64_t now = clock_now_ms();
    for (int64_t at = clock_day_start(clock_day(now) - PAST_DAYS + 1); at <= now; at += HOUR_MS)
        if (!add_one(db, at, err))
            return false;
    return true;
}

static const char SQL_BETWEEN[] =
    "SELECT COUNT(*) FROM conversations WHERE started_at >= $1 AND started_at <= $2";

static int64_t conversations_between(struct fixture *f, int64_t from, int64_t to)
{
    return fixture_int(f, SQL_BETWEEN, DB_ARGS(db_int(from), db_int(to)));
}

static void must_be_about(int64_t told, int64_t right)
{
    if (told < right - 1 || told > right + 1) /* the running hour in proportion */
        fail_msg("%lld told, %lld by the rows", (long long)told, (long long)right);
}

static void an_unfinished_day_meets_as_much_of_another(void **state)
{
    struct fixture *f = *state;
    must(f, store_write(f->platform.store, add_past, NULL, &f->err));
    struct metrics_collector *collector = metrics_collector_new(&f->platform, "0");
    struct trend_data trends;
    struct dashboard_overview overview;
    must(f, metrics_trends(collector, 7, &f->arena, &trends, &f->err));
    must(f, metrics_overview(collector, &f->arena, &overview, &f->err));
    int64_t now = clock_now_ms(), elapsed = day_elapsed_ms(now);
    int32_t today = clock_day(now);
    assert_int_equal(trends.previous_so_far.date, today - 7);
    int64_t same_day = clock_day_start(today - 7);
    must_be_about(trends.previous_so_far.conversations,
                  conversations_between(f, same_day, same_day + elapsed));
    assert_int_equal(trends.previous_so_far.api_calls, 0); /* nothing was recorded on that day */

    int hour, weekday;
    clock_local_time(now, &hour, &weekday);
    int32_t monday = today - (weekday + 6) % 7;
    must_be_about(overview.conversations_week, conversations_between(f, clock_day_start(monday), now));
    must_be_about(overview.compared.conversations_week,
                  conversations_between(f, clock_day_start(monday - 7), same_day + elapsed));
    assert_true(fabs(overview.compared.avg_response_time_ms - 100) < 0.01);
    metrics_collector_free(collector);
}

static void what_is_not_recorded_is_a_gap(void **state)
{
    struct fixture *f = *state;
    struct metrics_collector *collector = metrics_collector_new(&f->platform, "0");
    struct trend_data trends;
    must(f, metrics_trends(collector, 7, &f->arena, &trends, &f->err));
    assert_int_equal(trends.points[6].conversations, 0); /* today is being recorded */
    for (int i = 0; i < 6; i++)
        assert_int_equal(trends.points[i].conversations, INT_NULL);
    assert_int_equal(trends.previous_so_far.conversations, INT_NULL);

    must(f, store_write(f->platform.store, add_past, NULL, &f->err));
    must(f, metrics_trends(collector, 30, &f->arena, &trends, &f->err));
    int32_t today = clock_day(clock_now_ms());
    assert_int_equal(trends.recorded_since, today - PAST_DAYS + 1);
    for (int i = 0; i < 30; i++) {
        bool known = trends.points[i].date >= trends.recorded_since;
        assert_int_equal(trends.points[i].conversations != INT_NULL, known);
        assert_int_equal(trends.points[i].cost_cny != INT_NULL, known);
        assert_int_equal(trends.previous[i].conversations, INT_NULL);
    }
    struct dashboard_overview overview;
    must(f, metrics_overview(collector, &f->arena, &overview, &f->err));
    assert_true(overview.compared.conversations_week != INT_NULL);
    metrics_collector_free(collector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(an_unfinished_day_meets_as_much_of_another),
        fixture_test(what_is_not_recorded_is_a_gap),
    };
    return cmocka_run_group_tests_name("dashboard", tests, NULL, NULL);
}
