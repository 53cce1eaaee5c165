/* `kimono check` for telemetry: every roll-up of every day by the engine, and here what the main store has of ended
 * days. */
#include <inttypes.h>

#include "base/memory.h"
#include "telemetry/state.h"
#include "telemetry/usage_totals.h"

#define READ_LIMIT_MS 3600000

static const char SQL_ROLLED[] = "SELECT revision, run FROM usage_days WHERE day = $1 AND recorder = $2";
static const char SQL_TOTAL_OF_TENANT[] =
    "SELECT " SUM_COLUMNS " FROM usage_daily WHERE day = $1 AND recorder = $2"
    " AND tenant_id = $3 AND api_type = $4 AND operation = $5 AND model = $6";
static const char SQL_TOTAL_OF_PLATFORM[] =
    "SELECT " SUM_COLUMNS " FROM usage_platform_daily WHERE day = $1 AND recorder = $2"
    " AND api_type = $3 AND operation = $4 AND model = $5";
static const char SQL_COUNT_TOTALS[] =
    "SELECT (SELECT count(*) FROM usage_daily WHERE day = $1 AND recorder = $2)"
    " + (SELECT count(*) FROM usage_platform_daily WHERE day = $1 AND recorder = $2)";

/* Of what is rolled over: a roll-over that goes on, or whose process has died, has put a part of it. */
#define SQL_SIGNED(sign, table)                                                                              \
    "SELECT u.day, api_type, operation, model, " sign "calls AS calls, " sign "failed AS failed, " sign      \
    "unpriced AS unpriced, " sign "estimated AS estimated, " sign "aborted AS aborted, " sign                \
    "tokens_input AS tokens_input, " sign "tokens_output AS tokens_output, " sign                            \
    "tokens_cached AS tokens_cached, " sign "latency_sum_ms AS latency_sum_ms, " sign                        \
    "cost_nano_cny AS cost_nano_cny, " sign "estimated_cost_nano_cny AS estimated_cost_nano_cny FROM " table \
    " u"                                                                                                     \
    " JOIN usage_days d ON d.day = u.day AND d.recorder = u.recorder WHERE d.revision IS NOT NULL"
static const char SQL_UNEQUAL_DAYS[] =
    "SELECT day, api_type, operation, model FROM"
    " (" SQL_SIGNED("", "usage_daily") " UNION ALL " SQL_SIGNED(
        "-",
        "usage_platform_daily") ") AS compared"
                                " GROUP BY day, api_type, operation, model"
                                " HAVING sum(calls) <> 0 OR sum(failed) <> 0 OR sum(unpriced) <> 0 OR "
                                "sum(estimated) <> 0 OR sum(aborted) <> 0 OR sum(tokens_input) <> 0 OR "
                                "sum(tokens_output) <> 0 OR sum(tokens_cached) <> 0 OR sum(latency_sum_ms) "
                                "<> 0 OR sum(cost_nano_cny) <> 0 OR sum(estimated_cost_nano_cny) <> 0"
                                " ORDER BY day, api_type, operation, model";

/* ---- the main store's totals of a day ---- */

/* What usage_days says of a recorder's day; revision INT_NULL: nothing that could be compared. */
struct rolled_day {
    int64_t revision, run;
};

struct totals_check {
    struct db *main_db;
    int32_t day;
    char day_text[CLOCK_DAY_SIZE];
    struct day_info info;
    struct findings *findings;
    int64_t totals; /* that the day has */
};

static bool totals_check_read_rolled(const struct totals_check *check, struct rolled_day *ret_rolled,
                                     struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    *ret_rolled = (struct rolled_day){INT_NULL, 0};
    if (!db_query(check->main_db, SQL_ROLLED, DB_ARGS(db_int(check->day), db_int(check->info.recorder)),
                  &rows, err))
        return false;
    if (db_next(&rows))
        *ret_rolled = (struct rolled_day){db_column_int(&rows, 0), db_column_int(&rows, 1)};
    return db_done(&rows, err);
}

static bool totals_check_query(const struct totals_check *check, const struct day_total *total,
                               struct db_rows *ret_rows, struct error *err)
{
    struct db_value day = db_int(check->day), recorder = db_int(check->info.recorder);
    struct db_value api_type = db_text(total->api_type), operation = db_text(total->operation);
    struct db_value model = db_text(total->model);
    if (!total->tenant_id)
        return db_query(check->main_db, SQL_TOTAL_OF_PLATFORM,
                        DB_ARGS(day, recorder, api_type, operation, model), ret_rows, err);
    return db_query(check->main_db, SQL_TOTAL_OF_TENANT,
                    DB_ARGS(day, recorder, db_text(total->tenant_id), api_type, operation, model), ret_rows,
                    err);
}

static bool totals_check_total(void *context, const struct day_total *total, struct error *err)
{
    struct totals_check *check = context;
    CLEANUP(strbuf_release) struct strbuf difference = {0};
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!totals_check_query(check, total, &rows, err))
        return false;
    check->totals++;
    struct usage_totals found = {0};
    struct error unreadable;
    if (!db_next(&rows))
        strbuf_puts(&difference, "missing");
    else if (usage_totals_add_row(&found, &rows, 0, &unreadable))
        usage_totals_compare(&found, total->totals, &difference);
    else
        strbuf_puts(&difference, "its histogram cannot be read");
    if (difference.length)
        findings_add(check->findings, "%s: %s of tenant '%s', %s %s %s: %s", check->day_text,
                     total->tenant_id ? "usage_daily" : "usage_platform_daily",
                     total->tenant_id ? total->tenant_id : "", total->api_type, total->operation,
                     total->model, strbuf_text(&difference));
    return db_done(&rows, err);
}

static bool totals_check_compare(struct engine *engine, struct totals_check *check, struct error *err)
{
    int64_t rows;
    if (!engine->functions->each_total(engine, check->day, &check->info, totals_check_total, check, err) ||
        !db_find_int(check->main_db, SQL_COUNT_TOTALS,
                     DB_ARGS(db_int(check->day), db_int(check->info.recorder)), 0, &rows, err))
        return false;
    if (rows > check->totals)
        findings_add(check->findings,
                     "%s: usage_daily and usage_platform_daily have %" PRId64 " rows, not %" PRId64,
                     check->day_text, rows, check->totals);
    return true;
}

/* Totals of an older revision than the day's are only late, not wrong. Others write meanwhile: what was found counts
 * only if the day and its totals were afterwards as they were before. */
static bool totals_check_day(struct telemetry *telemetry, int32_t day, struct findings *findings,
                             struct error *err)
{
    struct engine *engine = telemetry->engine;
    CLEANUP(store_reader_release) struct db *main_db = NULL;
    CLEANUP(strbuf_release) struct strbuf lines = {0};
    struct findings found = {.lines = &lines};
    struct totals_check check = {.day = day, .findings = &found};
    struct rolled_day before, after;
    clock_day_format(day, check.day_text);
    if (!engine->functions->read_info(engine, day, &check.info, err) ||
        !store_reader(telemetry->main_store, READ_LIMIT_MS, &main_db, err))
        return false;
    check.main_db = main_db;
    int64_t revision = check.info.revision;
    if (!totals_check_read_rolled(&check, &before, err))
        return false;
    if (check.info.recorder == 0 || before.revision != revision)
        return true;
    if (!totals_check_compare(engine, &check, err) || !totals_check_read_rolled(&check, &after, err))
        return false;
    if (check.info.revision == revision && after.revision == before.revision && after.run == before.run)
        findings_take(findings, &found);
    return true;
}

static bool totals_check_platform(struct telemetry *telemetry, struct findings *findings, struct error *err)
{
    CLEANUP(store_reader_release) struct db *main_db = NULL;
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!store_reader(telemetry->main_store, READ_LIMIT_MS, &main_db, err) ||
        !db_query(main_db, SQL_UNEQUAL_DAYS, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows)) {
        char day[CLOCK_DAY_SIZE];
        clock_day_format((int32_t)db_column_int(&rows, 0), day);
        findings_add(findings, "%s: usage_platform_daily of %s %s %s is not the sum of usage_daily", day,
                     db_column_text(&rows, 1), db_column_text(&rows, 2), db_column_text(&rows, 3));
    }
    return db_done(&rows, err);
}

/* ---- from outside ---- */

static bool telemetry_check_day(struct telemetry *telemetry, int32_t day, struct findings *findings,
                                struct error *err)
{
    struct engine *engine = telemetry->engine;
    char text[CLOCK_DAY_SIZE];
    clock_day_format(day, text);
    int64_t before = findings->count;
    if (!engine->functions->check_day(engine, day, findings, err))
        return error_prefix(err, "%s", "%s", text);
    if (findings->count > before) /* what is wrong by itself is nothing to compare with */
        return true;
    return totals_check_day(telemetry, day, findings, err) || error_prefix(err, "%s", "%s", text);
}

bool telemetry_check(struct telemetry *telemetry, struct strbuf *ret_findings, struct error *err)
{
    struct engine *engine = telemetry->engine;
    struct findings findings = {.lines = ret_findings};
    CLEANUP(free_pointer) int32_t *days = NULL;
    size_t count;
    if (!engine->functions->list_days(engine, &days, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!telemetry_check_day(telemetry, days[i], &findings, err))
            return false;
    if (!totals_check_platform(telemetry, &findings, err))
        return false;
    if (findings.count > FINDINGS_SHOWN)
        strbuf_printf(ret_findings, "… and %" PRId64 " more\n", findings.count - FINDINGS_SHOWN);
    return true;
}
