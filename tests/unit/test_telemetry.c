/* telemetry/: what is recorded comes back exactly, whoever writes, whatever fails. */
#include <dirent.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "database_fixture.h"
#include "search/full_text.h"
#include "telemetry/prices.h"
#include "telemetry/telemetry.h"
#include "telemetry/transfer.h"

/* The environment variable that names Azure's llm_calls_azure_2023_conv.csv (19,366 calls), if there. */
#define TRACE "KIMONO_TEST_LLM_TRACE"

/* The environment variable that names a PostgreSQL server where schemas may be made, if there is one. */
#define SERVER "KIMONO_TEST_POSTGRESQL"

/* ---- a house for each test ---- */

struct house {
    char folder[64];
    char text[256];
    char database[512], schema[48]; /* "": on day files */
    struct store *store;
    struct telemetry *telemetry;
};

static const char *path_in(struct house *house, const char *name)
{
    snprintf(house->text, sizeof(house->text), "%s/%s", house->folder, name);
    return house->text;
}

static void open_telemetry(struct house *house, const char *folder, size_t queue_ceiling,
                           struct telemetry **ret_telemetry)
{
    struct error err = {0};
    struct telemetry_options options = {.database = *house->database ? house->database : NULL,
                                        .folder = path_in(house, folder),
                                        .main_store = house->store,
                                        .queue_ceiling = queue_ceiling};
    if (!telemetry_open(ret_telemetry, &options, &err))
        fail_msg("%s", err.detail[LANGUAGE_EN]);
}

static void enter(struct house *house, size_t queue_ceiling)
{
    struct error err = {0};
    struct store_options store_options = {.path = *house->database ? house->database
                                                                   : path_in(house, "kimono.db"),
                                          .migrations = main_migrations,
                                          .migration_count = main_migration_count,
                                          .tokenize = full_text_tokens};
    if (!store_open(&house->store, &store_options, &err))
        fail_msg("%s", err.detail[LANGUAGE_EN]);
    open_telemetry(house, "telemetry", queue_ceiling, &house->telemetry);
}

static void leave(struct house *house)
{
    telemetry_close(house->telemetry);
    store_close(house->store);
    house->telemetry = NULL;
    house->store = NULL;
}

static int set_up(void **state)
{
    struct house *house = xcalloc(1, sizeof(*house));
    strcpy(house->folder, "/tmp/test-telemetry-XXXXXX");
    assert_non_null(mkdtemp(house->folder));
    enter(house, 0);
    *state = house;
    return 0;
}

static int set_up_postgresql(void **state)
{
    static int houses;
    const char *server = getenv(SERVER);
    *state = NULL;
    if (!server)
        return 0;
    struct house *house = xcalloc(1, sizeof(*house));
    snprintf(house->schema, sizeof(house->schema), "telemetry_test_%ld_%d", (long)getpid(), houses++);
    snprintf(house->database, sizeof(house->database), "%s%cschema=%s", server,
             strchr(server, '?') ? '&' : '?', house->schema);
    strcpy(house->folder, "/tmp/test-telemetry-XXXXXX");
    assert_non_null(mkdtemp(house->folder));
    enter(house, 0);
    *state = house;
    return 0;
}

static struct house *house_of(void **state)
{
    if (!*state) {
        print_message("skipped: %s names no server\n", SERVER);
        skip();
    }
    return *state;
}

/* ---- SQL ---- */

static bool run_script(struct db *db, void *context, struct error *err)
{
    return db_script(db, context, err);
}

/* Statements in the main store. */
static void execute(struct house *house, const char *sql)
{
    CLEANUP(free_pointer) char *copy = xstrdup(sql);
    struct error err = {0};
    if (!store_write(house->store, run_script, copy, &err))
        fail_msg("%s: %s", sql, err.detail[LANGUAGE_EN]);
}

/* The telemetry's tables by the main store's connection. */
static void execute_in_telemetry(struct house *house, const char *sql)
{
    char text[1024];
    snprintf(text, sizeof(text), "SET LOCAL search_path TO %s_telemetry; %s", house->schema, sql);
    execute(house, text);
}

static int64_t main_int(struct house *house, const char *sql)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct error err = {0};
    int64_t value = 0;
    if (!store_reader(house->store, 5000, &db, &err) || !db_find_int(db, sql, DB_NO_ARGS, 0, &value, &err))
        fail_msg("%s: %s", sql, err.detail[LANGUAGE_EN]);
    return value;
}

static int remove_one(const char *name, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(name);
}

static int tear_down(void **state)
{
    struct house *house = *state;
    if (!house)
        return 0;
    telemetry_close(house->telemetry);
    if (*house->schema) {
        char sql[200];
        snprintf(sql, sizeof(sql),
                 "SET LOCAL client_min_messages TO warning; DROP SCHEMA %s_telemetry CASCADE; DROP SCHEMA %s "
                 "CASCADE",
                 house->schema, house->schema);
        execute(house, sql);
    }
    store_close(house->store);
    int result = nftw(house->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(house);
    return result;
}

#define assert_done(call)                                                                                    \
    do {                                                                                                     \
        struct error err_ = {0};                                                                             \
        struct error *err = &err_;                                                                           \
        if (!(call))                                                                                         \
            fail_msg("%s: %s", #call, err_.detail[LANGUAGE_EN]);                                             \
    } while (0)

static int32_t today(void)
{
    return clock_day(clock_now_ms());
}

static const char *day_path(struct house *house, int32_t day, const char *suffix)
{
    char name[CLOCK_DAY_SIZE], file[40];
    clock_day_format(day, name);
    snprintf(file, sizeof(file), "telemetry/%s.db%s", name, suffix);
    return path_in(house, file);
}

static bool has_day(struct house *house, int32_t day)
{
    bool here;
    assert_done(telemetry_has_day(house->telemetry, day, &here, err));
    return here;
}

/* Log rows of a day, as they are read. */
struct read_logs {
    int64_t rows, dropped; /* `dropped`: as the rows that tell of it say */
    bool in_order;         /* the first 5000 are "row 0", "row 1" … */
};

static bool read_log(void *context, const struct log_record *log, struct error *err)
{
    (void)err;
    struct read_logs *logs = context;
    char expected[32];
    snprintf(expected, sizeof(expected), "row %d", (int)logs->rows);
    logs->in_order &= logs->rows >= 5000 || strcmp(log->message, expected) == 0;
    logs->rows++;
    if (strstr(log->message, "were dropped")) {
        assert_non_null(log->fields);
        logs->dropped += strtoll(log->fields + strlen("{\"dropped\":"), NULL, 10);
    }
    return true;
}

static struct read_logs logs_of(struct house *house, int32_t day)
{
    struct read_logs logs = {.in_order = true};
    assert_done(telemetry_each_log(house->telemetry, day, 20000, read_log, &logs, err));
    return logs;
}

/* Another program at the file. */
static int64_t sql_int(const char *path, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    int result = sqlite3_step(statement);
    assert_true(result == SQLITE_ROW || result == SQLITE_DONE);
    int64_t value = result == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return value;
}

static void assert_whole(struct house *house)
{
    CLEANUP(strbuf_release) struct strbuf findings = {0};
    assert_done(telemetry_check(house->telemetry, &findings, err));
    assert_string_equal(strbuf_text(&findings), "");
}

static void assert_finding(struct house *house, const char *text)
{
    CLEANUP(strbuf_release) struct strbuf findings = {0};
    assert_done(telemetry_check(house->telemetry, &findings, err));
    if (!strstr(strbuf_text(&findings), text))
        fail_msg("no '%s' in: %s", text, strbuf_text(&findings));
}

/* ---- random calls, and what they sum up to ---- */

#define TENANTS 6 /* the last is none */
#define DAYS 3

static const char *const tenants[TENANTS] = {"t-a", "t-b", "t-c", "t-d", "店铺", NULL};
static const struct {
    const char *api_type, *operation, *model;
} kinds[] = {
    {"dashscope", "chat", "qwen-plus"},
    {"dashscope", "chat", "qwen-secret"},
    {"dashscope", "embedding", "text-embedding-v4"},
    {"pinecone", "query", NULL},
    {"embedded", "query", ""},
};

struct expected {
    struct usage_totals totals[DAYS][TENANTS];
};

static uint32_t random_below(uint64_t *seed, uint32_t bound)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*seed >> 33) % bound);
}

static void expect(struct usage_totals *totals, const struct usage_record *record)
{
    struct price_quote quote = price_of(record, USD_CNY_RATE_DEFAULT);
    totals->calls++;
    totals->failed += record->outcome != USAGE_OK;
    totals->unpriced += !quote.priced;
    totals->estimated += record->estimated;
    totals->aborted += record->outcome == USAGE_ABORTED;
    totals->estimated_cost_nano_cny += record->estimated ? quote.cost_nano_cny : 0;
    totals->tokens_input += record->tokens_input;
    totals->tokens_output += record->tokens_output;
    totals->tokens_cached += record->tokens_cached;
    totals->latency_sum_ms += record->latency_ms;
    totals->cost_nano_cny += quote.cost_nano_cny;
    histogram_add(&totals->latency, record->latency_ms * 1000);
}

static struct usage_record random_record(uint64_t *seed, int32_t first_day, struct expected *expected)
{
    uint32_t day = random_below(seed, DAYS), tenant = random_below(seed, TENANTS);
    uint32_t kind = random_below(seed, ARRAY_SIZE(kinds));
    int64_t start = clock_day_start(first_day + (int32_t)day);
    struct usage_record record = {
        .timestamp = start + random_below(seed, DAY_MS - 1),
        .api_type = kinds[kind].api_type,
        .operation = kinds[kind].operation,
        .model = kinds[kind].model,
        .tenant_id = tenants[tenant],
        .tokens_input = random_below(seed, 300000),
        .tokens_output = random_below(seed, 2000),
        .tokens_cached = random_below(seed, 100),
        .latency_ms = random_below(seed, 10) ? random_below(seed, 3000) : random_below(seed, 100000),
        .outcome = random_below(seed, 8) ? USAGE_OK : (enum usage_outcome)(1 + random_below(seed, 6)),
        .estimated = random_below(seed, 5) == 0,
    };
    if (expected)
        expect(&expected->totals[day][tenant], &record);
    return record;
}

static void add_totals(struct usage_totals *into, const struct usage_totals *more)
{
    int64_t *sums = &into->calls;
    const int64_t *other = &more->calls;
    for (int i = 0; i < 11; i++)
        sums[i] += other[i];
    histogram_merge(&into->latency, &more->latency);
}

static void assert_totals(const struct usage_totals *found, const struct usage_totals *right)
{
    assert_int_equal(found->calls, right->calls);
    assert_int_equal(found->failed, right->failed);
    assert_int_equal(found->unpriced, right->unpriced);
    assert_int_equal(found->estimated, right->estimated);
    assert_int_equal(found->aborted, right->aborted);
    assert_int_equal(found->estimated_cost_nano_cny, right->estimated_cost_nano_cny);
    assert_int_equal(found->tokens_input, right->tokens_input);
    assert_int_equal(found->tokens_output, right->tokens_output);
    assert_int_equal(found->tokens_cached, right->tokens_cached);
    assert_int_equal(found->latency_sum_ms, right->latency_sum_ms);
    assert_int_equal(found->cost_nano_cny, right->cost_nano_cny);
    assert_memory_equal(&found->latency, &right->latency, sizeof(right->latency));
}

static void assert_expected(struct house *house, int32_t first_day, const struct expected *expected)
{
    static struct usage_totals found[DAYS], sums[DAYS];
    memset(sums, 0, sizeof(sums));
    for (int tenant = 0; tenant < TENANTS; tenant++) {
        struct usage_filter filter = {tenants[tenant] ? tenants[tenant] : ""};
        assert_done(telemetry_daily_totals(house->telemetry, first_day, DAYS, &filter, found, err));
        for (int day = 0; day < DAYS; day++) {
            assert_totals(&found[day], &expected->totals[day][tenant]);
            add_totals(&sums[day], &expected->totals[day][tenant]);
        }
    }
    assert_done(telemetry_daily_totals(house->telemetry, first_day, DAYS, NULL, found, err));
    for (int day = 0; day < DAYS; day++)
        assert_totals(&found[day], &sums[day]);
}

/* ---- recording ---- */

struct recorder {
    struct telemetry *telemetry;
    int32_t first_day;
    uint64_t seed;
    int batches;
    bool done;
    struct expected expected;
};

static void *record_batches(void *context)
{
    struct recorder *recorder = context;
    struct usage_record records[150];
    struct error err = {0};
    recorder->done = true;
    for (int batch = 0; batch < recorder->batches; batch++) {
        size_t count = 1 + random_below(&recorder->seed, ARRAY_SIZE(records));
        for (size_t i = 0; i < count; i++)
            records[i] = random_record(&recorder->seed, recorder->first_day, &recorder->expected);
        recorder->done &= telemetry_write(recorder->telemetry, records, count, NULL, 0, &err);
    }
    return NULL;
}

static void merge_expected(struct expected *into, const struct expected *more)
{
    for (int day = 0; day < DAYS; day++)
        for (int tenant = 0; tenant < TENANTS; tenant++)
            add_totals(&into->totals[day][tenant], &more->totals[day][tenant]);
}

static void sums_equal_raw_rows(void **state)
{
    struct house *house = house_of(state);
    static struct recorder recorders[4];
    static struct expected all;
    pthread_t threads[ARRAY_SIZE(recorders)];
    int32_t first_day = today() - DAYS + 1;
    memset(&all, 0, sizeof(all));
    for (size_t i = 0; i < ARRAY_SIZE(recorders); i++) {
        recorders[i] = (struct recorder){
            .telemetry = house->telemetry, .first_day = first_day, .seed = i + 1, .batches = 25};
        pthread_create(&threads[i], NULL, record_batches, &recorders[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(recorders); i++) {
        pthread_join(threads[i], NULL);
        assert_true(recorders[i].done);
        merge_expected(&all, &recorders[i].expected);
    }
    assert_expected(house, first_day, &all);
    assert_whole(house);

    int64_t days;
    assert_done(telemetry_roll_over(house->telemetry, &days, err));
    assert_int_equal(days, DAYS - 1);
    assert_expected(house, first_day, &all);
    assert_whole(house);

    /* A past day that gets more rows is read from its file until it is carried over again. */
    recorders[0].batches = 5;
    memset(&recorders[0].expected, 0, sizeof(all));
    record_batches(&recorders[0]);
    merge_expected(&all, &recorders[0].expected);
    assert_expected(house, first_day, &all);
    leave(house);
    enter(house, 0);
    assert_expected(house, first_day, &all);
    assert_done(telemetry_roll_over(house->telemetry, &days, err));
    assert_int_equal(days, DAYS - 1);
    assert_expected(house, first_day, &all);
    assert_done(telemetry_roll_over(house->telemetry, &days, err));
    assert_int_equal(days, 0);
    assert_expected(house, first_day, &all);
    assert_whole(house);
}

static void hours_sum_to_the_day(void **state)
{
    struct house *house = house_of(state);
    static struct recorder recorder;
    static struct usage_totals hours[DAYS * 24], day;
    int32_t first_day = today() - DAYS;
    recorder =
        (struct recorder){.telemetry = house->telemetry, .first_day = first_day, .seed = 9, .batches = 5};
    record_batches(&recorder);
    for (int tenant = -1; tenant < TENANTS - 1; tenant++) {
        struct usage_filter filter = {tenant < 0 ? NULL : tenants[tenant]};
        assert_done(telemetry_hourly_totals(house->telemetry, clock_day_start(first_day), ARRAY_SIZE(hours),
                                            &filter, hours, err));
        for (int i = 0; i < DAYS; i++) {
            static struct usage_totals sum;
            memset(&sum, 0, sizeof(sum));
            for (int hour = 0; hour < 24; hour++)
                add_totals(&sum, &hours[i * 24 + hour]);
            assert_done(telemetry_day_totals(house->telemetry, first_day + i, &filter, &day, err));
            assert_totals(&sum, &day);
        }
    }
    /* One hour alone. */
    assert_done(telemetry_hourly_totals(house->telemetry, clock_day_start(first_day) + 5 * HOUR_MS, 1, NULL,
                                        &day, err));
    int64_t calls = day.calls;
    assert_done(telemetry_hourly_totals(house->telemetry, clock_day_start(first_day), 24, NULL, hours, err));
    assert_int_equal(hours[5].calls, calls);
}

static void view_has_the_specified_columns(void **state)
{
    struct house *house = house_of(state);
    struct usage_record records[] = {
        {.api_type = "dashscope",
         .operation = "chat",
         .model = "qwen-plus",
         .tenant_id = "t-a",
         .tokens_input = 1000,
         .tokens_output = 100,
         .latency_ms = 250,
         .request_id = "req-0001"},
        {.api_type = "pinecone", .operation = "query", .latency_ms = 30, .outcome = USAGE_TIMEOUT}};
    assert_done(telemetry_write(house->telemetry, records, 2, NULL, 0, err));
    const char *path = day_path(house, today(), "");
    assert_int_equal(sql_int(path, "SELECT count(id) FROM api_usage_logs WHERE timestamp > 0 AND"
                                   " api_type = 'dashscope' AND operation = 'chat' AND tenant_id = 't-a'"
                                   " AND tokens_input = 1000 AND tokens_output = 100 AND"
                                   " latency_ms = 250 AND success = 1 AND model = 'qwen-plus' AND"
                                   " request_id = 'req-0001' AND cost_nano_cny = 1000000"),
                     1);
    assert_int_equal(sql_int(path, "SELECT count(*) FROM api_usage_logs WHERE tenant_id IS NULL AND"
                                   " model IS NULL AND success = 0 AND outcome = 2"),
                     1);
    assert_int_equal(sql_int(path, "SELECT revision FROM day_info"), 1);
    struct stat status;
    assert_int_equal(stat(path_in(house, "telemetry"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
}

static void instants_without_a_day_are_refused(void **state)
{
    struct house *house = house_of(state);
    struct error err = {0};
    const int64_t instants[] = {-1, INT64_MIN, INT64_MAX, CLOCK_MS_MAX};
    for (size_t i = 0; i < ARRAY_SIZE(instants); i++) {
        struct usage_record record = {.timestamp = instants[i], .api_type = "x", .operation = "y"};
        assert_false(telemetry_write(house->telemetry, &record, 1, NULL, 0, &err));
        assert_int_equal(err.code, ERROR_INVALID);
        struct log_record log = {.timestamp = instants[i], .source = "x", .message = "y"};
        telemetry_log(house->telemetry, &log);
    }
    /* A clock that jumps: odd days have files of their own. */
    struct usage_record record = {.api_type = "x",
                                  .operation = "y",
                                  .tokens_input = INT64_MAX,
                                  .tokens_output = INT64_MAX,
                                  .latency_ms = INT64_MAX};
    record.timestamp = clock_now_ms() + 400 * DAY_MS;
    assert_done(telemetry_write(house->telemetry, &record, 1, NULL, 0, err));
    record.timestamp = 1;
    for (int i = 0; i < 3; i++)
        assert_done(telemetry_write(house->telemetry, &record, 1, NULL, 0, err));
    static struct usage_totals totals;
    assert_done(telemetry_day_totals(house->telemetry, clock_day(1), NULL, &totals, err));
    assert_int_equal(totals.calls, 3);
    assert_int_equal(totals.tokens_input, INT64_MAX); /* stays at the largest */
    assert_done(telemetry_flush(house->telemetry, err));
    struct telemetry_stats stats;
    telemetry_get_stats(house->telemetry, &stats);
    assert_int_equal(stats.dropped_logs, ARRAY_SIZE(instants));
    assert_int_equal(stats.queued, 0);
    assert_whole(house);
}

static void many_days_and_keys_stay_bounded(void **state)
{
    struct house *house = house_of(state);
    struct usage_record records[40];
    char models[40][16];
    for (int i = 0; i < 40; i++) {
        snprintf(models[i], sizeof(models[i]), "m%d", i);
        records[i] = (struct usage_record){
            .timestamp = clock_now_ms() - i * DAY_MS, .api_type = "a", .operation = "b", .model = models[i]};
    }
    assert_done(telemetry_write(house->telemetry, records, 40, NULL, 0, err));
    static struct usage_totals totals[40];
    assert_done(telemetry_daily_totals(house->telemetry, today() - 39, 40, NULL, totals, err));
    for (int i = 0; i < 40; i++)
        assert_int_equal(totals[i].calls, 1);
}

/* ---- request ids from outside ---- */

static void a_request_id_counts_once(void **state)
{
    struct house *house = house_of(state);
    static char ids[500][24];
    static struct usage_record records[500];
    size_t duplicates;
    for (int i = 0; i < 500; i++) {
        snprintf(ids[i], sizeof(ids[i]), "req-%06d", i % 400);
        records[i] =
            (struct usage_record){.api_type = "x", .operation = "y", .tokens_input = 1, .request_id = ids[i]};
    }
    records[7].request_id = NULL; /* counts always */
    /* Ours with the same id are no duplicates, and make none. */
    assert_done(telemetry_write(house->telemetry, records, 3, NULL, 0, err));
    assert_done(telemetry_write_once(house->telemetry, records, 500, &duplicates, err));
    assert_int_equal(duplicates, 99);
    assert_done(telemetry_write_once(house->telemetry, records, 500, &duplicates, err));
    assert_int_equal(duplicates, 499);
    leave(house);
    enter(house, 0);
    assert_done(telemetry_write_once(house->telemetry, records + 390, 110, &duplicates, err));
    assert_int_equal(duplicates, 110);
    static struct usage_totals totals;
    assert_done(telemetry_day_totals(house->telemetry, today(), NULL, &totals, err));
    assert_int_equal(totals.calls, 3 + 401 + 1);
    assert_int_equal(totals.tokens_input, 405);
    assert_whole(house);
}

/* One request causes several calls; and a retried attempt has a record_id of its own. */
static void a_call_of_a_request_counts_once(void **state)
{
    struct house *house = house_of(state);
    const struct usage_record sent[] = {
        {.api_type = "dashscope", .operation = "embedding", .request_id = "r"},
        {.api_type = "dashscope", .operation = "chat", .request_id = "r"},
        {.api_type = "pinecone", .operation = "chat", .request_id = "r"},
        {.api_type = "dashscope", .operation = "chat", .request_id = "r", .model = "other"}, /* again */
        {.api_type = "dashscope", .operation = "chat", .request_id = "r", .record_id = "1"},
        {.api_type = "dashscope", .operation = "chat", .request_id = "r", .record_id = "2"},
        {.api_type = "pinecone", .operation = "query", .record_id = "2"}, /* again */
        {.api_type = "dashscope", .operation = "chat", .record_id = "r"},
    };
    size_t duplicates;
    assert_done(telemetry_write_once(house->telemetry, sent, ARRAY_SIZE(sent), &duplicates, err));
    assert_int_equal(duplicates, 2);
    leave(house);
    enter(house, 0);
    assert_done(telemetry_write_once(house->telemetry, sent, ARRAY_SIZE(sent), &duplicates, err));
    assert_int_equal(duplicates, ARRAY_SIZE(sent));
    static struct usage_totals totals;
    assert_done(telemetry_day_totals(house->telemetry, today(), NULL, &totals, err));
    assert_int_equal(totals.calls, 6);
    assert_whole(house);
}

struct seen_usage {
    size_t count;
    const struct usage_record *right;
};

static bool assert_seen_usage(void *context, const struct recorded_usage *usage, struct error *err)
{
    (void)err;
    struct seen_usage *seen = context;
    const struct usage_record *right = &seen->right[seen->count++], *found = &usage->record;
    assert_int_equal(found->tokens_reasoning, right->tokens_reasoning);
    assert_int_equal(found->estimated, right->estimated);
    assert_int_equal(found->read_units, right->read_units);
    assert_int_equal(found->write_units, right->write_units);
    assert_int_equal(found->outcome, right->outcome);
    assert_string_equal(found->provider_request_id ? found->provider_request_id : "",
                        right->provider_request_id ? right->provider_request_id : "");
    assert_string_equal(found->record_id ? found->record_id : "", right->record_id ? right->record_id : "");
    return true;
}

static void what_few_calls_have_is_kept(void **state)
{
    struct house *house = house_of(state);
    static struct usage_record records[20];
    for (size_t i = 0; i < ARRAY_SIZE(records); i++)
        records[i] = (struct usage_record){.api_type = "pinecone", .operation = "query", .tokens_input = 3};
    records[3].tokens_reasoning = 7;
    records[4].estimated = true;
    records[5].read_units = 250;
    records[6].write_units = 5000;
    records[9].provider_request_id = "from them";
    records[17].record_id = "from us";
    records[18].outcome = USAGE_ABORTED;
    records[19].outcome = USAGE_MODERATED;
    assert_done(telemetry_write(house->telemetry, records, ARRAY_SIZE(records), NULL, 0, err));
    struct seen_usage seen = {.right = records};
    assert_done(telemetry_each_usage(house->telemetry, today(), 10000, assert_seen_usage, &seen, err));
    assert_int_equal(seen.count, ARRAY_SIZE(records));
    static struct usage_totals totals;
    assert_done(telemetry_day_totals(house->telemetry, today(), NULL, &totals, err));
    assert_int_equal(totals.estimated, 1);
    assert_int_equal(totals.aborted, 1);
    assert_int_equal(totals.failed, 2);
    assert_int_equal(totals.estimated_cost_nano_cny,
                     price_of(&records[4], USD_CNY_RATE_DEFAULT).cost_nano_cny);
    assert_whole(house);
}

/* ---- failures ---- */

static void limit_file_size(const char *path, rlim_t more)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = (rlim_t)status.st_size + more;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void unlimit_file_size(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
}

static void failed_commit_leaves_nothing_in_memory(void **state)
{
    struct house *house = house_of(state);
    static struct expected expected;
    memset(&expected, 0, sizeof(expected));
    uint64_t seed = 5;
    int32_t first_day = today() - DAYS + 1;
    static struct usage_record records[3000];
    for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
        do
            records[i] = random_record(&seed, first_day, NULL);
        while (clock_day(records[i].timestamp) != today());
    }
    signal(SIGXFSZ, SIG_IGN);
    struct error err = {0};
    struct telemetry_stats stats;
    assert_true(telemetry_write(house->telemetry, records, 500, NULL, 0, &err));
    limit_file_size(day_path(house, today(), "-wal"), 8192);
    struct log_record log = {.level = LOG_INFO, .source = "test", .message = "kept meanwhile"};
    bool done = telemetry_write(house->telemetry, records, ARRAY_SIZE(records), NULL, 0, &err);
    telemetry_log(house->telemetry, &log);
    static char long_message[40000];
    memset(long_message, 'x', sizeof(long_message) - 1);
    log.message = long_message;
    telemetry_log(house->telemetry, &log);
    struct error log_err = {0};
    bool flushed = telemetry_flush(house->telemetry, &log_err);
    telemetry_get_stats(house->telemetry, &stats);
    unlimit_file_size();
    assert_false(done);
    assert_int_equal(err.code, ERROR_STORE);
    assert_false(flushed);
    assert_int_equal(log_err.code, ERROR_STORE);
    assert_true(stats.failed_commits >= 2);
    assert_int_equal(stats.queued, 2);
    assert_true(stats.last_error[0] != '\0');

    /* A batch whose keys are all new ones comes after it. */
    for (size_t i = 0; i < 500; i++)
        records[i].tenant_id = "after";
    assert_true(telemetry_write(house->telemetry, records, ARRAY_SIZE(records), NULL, 0, &err));
    assert_true(telemetry_flush(house->telemetry, &err));
    static struct usage_totals totals;
    assert_true(telemetry_day_totals(house->telemetry, today(), NULL, &totals, &err));
    assert_int_equal(totals.calls, 500 + ARRAY_SIZE(records));
    telemetry_get_stats(house->telemetry, &stats);
    assert_int_equal(stats.queued, 0);
    assert_int_equal(stats.logs_today, 2);
    assert_int_equal(stats.usage_today, 500 + (int64_t)ARRAY_SIZE(records));
    assert_string_equal(stats.last_error, "");
    assert_whole(house);
}

static void record_in_child(struct house *house, struct recorder *recorder)
{
    enter(house, 0);
    recorder->telemetry = house->telemetry;
    record_batches(recorder);
    leave(house);
    _exit(recorder->done ? 0 : 1);
}

static void two_processes_write_one_day(void **state)
{
    struct house *house = house_of(state);
    int32_t first_day = today() - DAYS + 1;
    static struct recorder ours, theirs;
    leave(house); /* no threads while forking */
    theirs = (struct recorder){.first_day = first_day, .seed = 21, .batches = 40};
    ours = (struct recorder){.first_day = first_day, .seed = 22, .batches = 40};
    pid_t child = fork();
    if (child == 0)
        record_in_child(house, &theirs);
    enter(house, 0);
    ours.telemetry = house->telemetry;
    record_batches(&ours);
    assert_true(ours.done);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    /* What the child has recorded, from the same seed. */
    for (int batch = 0; batch < theirs.batches; batch++)
        for (size_t i = 1 + random_below(&theirs.seed, 150); i > 0; i--)
            random_record(&theirs.seed, first_day, &theirs.expected);
    merge_expected(&ours.expected, &theirs.expected);
    assert_expected(house, first_day, &ours.expected);
    assert_whole(house);
}

/* ---- log rows ---- */

static void log_rows_are_kept_in_order(void **state)
{
    struct house *house = house_of(state);
    int64_t now = clock_now_ms();
    for (int i = 0; i < 5000; i++) {
        char message[32];
        snprintf(message, sizeof(message), "row %d", i);
        struct log_record log = {.timestamp = now,
                                 .level = (enum log_level)(i % 4),
                                 .source = i % 3 ? "http" : "chat",
                                 .message = message,
                                 .tenant_id = i % 2 ? "t-a" : NULL,
                                 .fields = i % 5 ? NULL : "{}"};
        telemetry_log(house->telemetry, &log);
    }
    struct log_record with_usage = {.level = LOG_WARN, .source = "chat", .message = "slow"};
    struct log_record yesterday = {.timestamp = now - DAY_MS, .source = "chat", .message = "late"};
    telemetry_log(house->telemetry, &yesterday);
    assert_done(telemetry_flush(house->telemetry, err));
    assert_done(telemetry_write(house->telemetry, NULL, 0, &with_usage, 1, err));
    struct read_logs logs = logs_of(house, today());
    assert_int_equal(logs.rows, 5001);
    assert_true(logs.in_order);
    assert_int_equal(logs_of(house, today() - 1).rows, 1);
    assert_int_equal(logs_of(house, today() - 2).rows, 0);
    assert_whole(house);
    if (*house->database)
        return;
    const char *path = day_path(house, today(), "");
    assert_int_equal(sql_int(path, "SELECT sum(count) FROM log_hourly"), 5001);
    assert_int_equal(sql_int(path, "SELECT count(DISTINCT name) FROM log_sources"), 2);
    assert_int_equal(sql_int(path, "SELECT count(*) FROM log_sources"), 4);
}

static bool read_redacted_log(void *context, const struct log_record *log, struct error *err)
{
    (void)err;
    int *rows = context;
    assert_string_equal(log->message, "客户 138****8000 付款失败");
    assert_string_equal(log->fields, "{\"phone\":\"138****8000\",\"key\":7}");
    ++*rows;
    return true;
}

static void log_rows_are_redacted(void **state)
{
    struct house *house = house_of(state);
    struct log_record log = {.level = LOG_WARN,
                             .source = "shop",
                             .message = "客户 13800138000 付款失败",
                             .fields = "{\"phone\":13800138000,\"key\":7}"};
    int rows = 0;
    telemetry_log(house->telemetry, &log);
    assert_done(telemetry_write(house->telemetry, NULL, 0, &log, 1, err));
    assert_done(telemetry_flush(house->telemetry, err));
    assert_done(telemetry_each_log(house->telemetry, today(), 20000, read_redacted_log, &rows, err));
    assert_int_equal(rows, 2);
}

static void full_queue_drops_and_tells(void **state)
{
    struct house *house = house_of(state);
    leave(house);
    enter(house, 100);
    struct log_record log = {.source = "http", .message = "GET / 200"};
    struct usage_record many[101] = {{.api_type = "x", .operation = "y"}};
    struct error err = {0};
    for (size_t i = 1; i < ARRAY_SIZE(many); i++)
        many[i] = many[0];
    assert_false(telemetry_write(house->telemetry, many, 101, NULL, 0, &err));
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    assert_int_equal(err.retry_after_seconds, 1);
    struct telemetry_stats stats;
    do { /* the thread may empty the queue in between */
        for (int i = 0; i < 200; i++)
            telemetry_log(house->telemetry, &log);
        telemetry_get_stats(house->telemetry, &stats);
    } while (stats.dropped_logs == 0);
    assert_done(telemetry_flush(house->telemetry, err));
    assert_done(telemetry_flush(house->telemetry, err));
    telemetry_get_stats(house->telemetry, &stats);
    assert_int_equal(stats.queued, 0);
    struct read_logs logs = logs_of(house, today());
    assert_int_equal(logs.dropped, stats.dropped_logs);
    assert_int_equal(logs.rows, stats.written_logs);
}

/* ---- ended days ---- */

static void retention_keeps_totals(void **state)
{
    struct house *house = house_of(state);
    struct usage_record records[10];
    static struct usage_totals before[10], after[10];
    int64_t deleted;
    for (int i = 0; i < 10; i++)
        records[i] = (struct usage_record){.timestamp = clock_now_ms() - i * DAY_MS,
                                           .api_type = "a",
                                           .operation = "b",
                                           .tenant_id = "t-a",
                                           .tokens_input = i};
    assert_done(telemetry_write(house->telemetry, records, 10, NULL, 0, err));
    assert_done(telemetry_daily_totals(house->telemetry, today() - 9, 10, NULL, before, err));
    /* Not before their totals are in the main store, as of the files' last revisions. */
    int64_t days;
    assert_done(telemetry_retain(house->telemetry, 5, &deleted, err));
    assert_int_equal(deleted, 0);
    assert_done(telemetry_roll_over(house->telemetry, &days, err));
    assert_int_equal(days, 9);
    execute(house, "UPDATE usage_days SET revision = revision - 1");
    assert_done(telemetry_retain(house->telemetry, 5, &deleted, err));
    assert_int_equal(deleted, 0);
    assert_done(telemetry_roll_over(house->telemetry, &days, err));
    assert_int_equal(days, 9);
    assert_done(telemetry_retain(house->telemetry, 5, &deleted, err));
    assert_int_equal(deleted, 4);
    assert_false(has_day(house, today() - 6));
    assert_true(has_day(house, today() - 5));
    assert_done(telemetry_daily_totals(house->telemetry, today() - 9, 10, NULL, after, err));
    assert_memory_equal(before, after, sizeof(before));

    /* A closed day takes nothing more, and its totals survive another roll-over. */
    struct error err = {0};
    bool closed;
    assert_false(telemetry_write(house->telemetry, &records[7], 1, NULL, 0, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_done(telemetry_day_closed(house->telemetry, today() - 7, &closed, err));
    assert_true(closed);
    assert_done(telemetry_day_closed(house->telemetry, today() - 5, &closed, err));
    assert_false(closed);
    assert_done(telemetry_roll_over(house->telemetry, NULL, err));
    assert_done(telemetry_daily_totals(house->telemetry, today() - 9, 10, NULL, after, err));
    assert_memory_equal(before, after, sizeof(before));
    assert_done(telemetry_retain(house->telemetry, 0, &deleted, err));
    assert_int_equal(deleted, 5);
    assert_true(has_day(house, today()));
    assert_whole(house);
}

/* The clock was ahead when today's totals were carried over, and the store was restored without its telemetry. */
static void today_is_never_closed(void **state)
{
    struct house *house = house_of(state);
    char sql[256];
    struct usage_record record = {
        .timestamp = clock_now_ms(), .api_type = "a", .operation = "b", .tokens_input = 7};
    struct usage_totals totals;
    bool closed;
    snprintf(sql, sizeof(sql),
             "INSERT INTO usage_days(day, recorder, revision, run, usage_rows, log_rows, rows_deleted)"
             " VALUES (%d, 1, 3, 1, 1, 0, 1)",
             (int)today());
    execute(house, sql);
    assert_done(telemetry_day_closed(house->telemetry, today(), &closed, err));
    assert_true(closed);
    assert_done(telemetry_write(house->telemetry, &record, 1, NULL, 0, err));
    assert_done(telemetry_day_closed(house->telemetry, today(), &closed, err));
    assert_false(closed);
    assert_done(telemetry_daily_totals(house->telemetry, today(), 1, NULL, &totals, err));
    assert_int_equal(totals.tokens_input, 7);
}

/* How many keys a day has is for those to say who send usage: here ten thousand models, or a third of them where each
 * costs a round trip. */
static void many_names_are_carried_over(void **state)
{
    struct house *house = house_of(state);
    enum { AT_ONCE = 500 };
    const int models_count = *house->database ? 3000 : AT_ONCE * fixture_rounds(20);
    static struct usage_record records[AT_ONCE];
    static char models[AT_ONCE][32];
    static struct usage_totals before, after;
    for (int first = 0; first < models_count; first += AT_ONCE) {
        for (int i = 0; i < AT_ONCE; i++) {
            snprintf(models[i], sizeof(models[i]), "outside-%d", first + i);
            records[i] = (struct usage_record){.timestamp = clock_now_ms() - DAY_MS,
                                               .api_type = "a",
                                               .operation = "b",
                                               .model = models[i],
                                               .tenant_id = "t-a",
                                               .tokens_input = first + i};
        }
        assert_done(telemetry_write(house->telemetry, records, AT_ONCE, NULL, 0, err));
    }
    assert_done(telemetry_daily_totals(house->telemetry, today() - 1, 1, NULL, &before, err));
    assert_done(telemetry_roll_over(house->telemetry, NULL, err));
    assert_int_equal(main_int(house, "SELECT COUNT(*) FROM usage_daily"), models_count);
    assert_done(telemetry_daily_totals(house->telemetry, today() - 1, 1, NULL, &after, err));
    assert_memory_equal(&before, &after, sizeof(before));
    assert_int_equal(after.calls, models_count);
    assert_whole(house);
}

struct damage {
    const char *break_it, *mend_it, *finding;
};

static const struct damage file_damages[] = {
    {"UPDATE usage_hourly SET calls = calls + 1 WHERE slot = (SELECT min(slot) FROM usage_hourly)",
     "UPDATE usage_hourly SET calls = calls - 1 WHERE slot = (SELECT min(slot) FROM usage_hourly)",
     "usage_hourly"},
    {"UPDATE usage_platform_hourly SET cost_nano_cny = cost_nano_cny + 1 WHERE slot ="
     " (SELECT max(slot) FROM usage_platform_hourly)",
     "UPDATE usage_platform_hourly SET cost_nano_cny = cost_nano_cny - 1 WHERE slot ="
     " (SELECT max(slot) FROM usage_platform_hourly)",
     "cost_nano_cny"},
    {"UPDATE usage_hourly SET latency_histogram = x'0101' || latency_histogram",
     "UPDATE usage_hourly SET latency_histogram = substr(CAST(latency_histogram AS BLOB), 3)", "histogram"},
    {"UPDATE usage_hourly SET slot = slot + 16777216000 WHERE slot = (SELECT max(slot) FROM usage_hourly)",
     "UPDATE usage_hourly SET slot = slot - 16777216000 WHERE slot = (SELECT max(slot) FROM usage_hourly)",
     "missing"},
    {"UPDATE usage_rows SET tokens_output = tokens_output + 1 WHERE id = 1",
     "UPDATE usage_rows SET tokens_output = tokens_output - 1 WHERE id = 1", "tokens_output"},
    {"UPDATE log_hourly SET count = count + 1", "UPDATE log_hourly SET count = count - 1", "log_hourly"},
    {"UPDATE day_info SET usage_rows = usage_rows + 1", "UPDATE day_info SET usage_rows = usage_rows - 1",
     "day_info.usage_rows"},
};

static const struct damage lane_damages[] = {
    {"UPDATE usage_hourly SET calls = calls + 1 WHERE hour = (SELECT MIN(hour) FROM usage_hourly)",
     "UPDATE usage_hourly SET calls = calls - 1 WHERE hour = (SELECT MIN(hour) FROM usage_hourly)",
     "usage_hourly"},
    {"UPDATE usage_platform_hourly SET cost_nano_cny = cost_nano_cny + 1 WHERE hour ="
     " (SELECT MAX(hour) FROM usage_platform_hourly)",
     "UPDATE usage_platform_hourly SET cost_nano_cny = cost_nano_cny - 1 WHERE hour ="
     " (SELECT MAX(hour) FROM usage_platform_hourly)",
     "cost_nano_cny"},
    {"UPDATE usage_hourly SET latency_histogram = '\\x0101'::bytea || latency_histogram",
     "UPDATE usage_hourly SET latency_histogram = substr(latency_histogram, 3)", "histogram"},
    {"UPDATE usage_hourly SET hour = hour + 1000 WHERE hour = (SELECT MAX(hour) FROM usage_hourly)",
     "UPDATE usage_hourly SET hour = hour - 1000 WHERE hour = (SELECT MAX(hour) FROM usage_hourly)",
     "missing"},
    {"UPDATE usage_rows SET tokens_output = tokens_output + 1 WHERE id = 1",
     "UPDATE usage_rows SET tokens_output = tokens_output - 1 WHERE id = 1", "tokens_output"},
    {"UPDATE log_hourly SET count = count + 1", "UPDATE log_hourly SET count = count - 1", "log_hourly"},
    {"UPDATE day_lanes SET usage_rows = usage_rows + 1", "UPDATE day_lanes SET usage_rows = usage_rows - 1",
     "day_lanes.usage_rows"},
    {"INSERT INTO usage_requests(day, id, api_type, operation) SELECT MAX(day), 'nobody', 'x', 'y' FROM "
     "day_lanes",
     "DELETE FROM usage_requests", "1 keys"},
};

static void change_telemetry(struct house *house, const char *sql)
{
    if (*house->database)
        execute_in_telemetry(house, sql);
    else
        sql_int(day_path(house, today(), ""), sql);
}

static void check_finds_what_was_changed(void **state)
{
    struct house *house = house_of(state);
    static struct recorder recorder;
    recorder = (struct recorder){
        .telemetry = house->telemetry, .first_day = today() - DAYS + 1, .seed = 3, .batches = 4};
    record_batches(&recorder);
    struct log_record log = {.source = "x", .message = "y"};
    assert_done(telemetry_write(house->telemetry, NULL, 0, &log, 1, err));
    assert_done(telemetry_roll_over(house->telemetry, NULL, err));
    assert_whole(house);
    const struct damage *damages = *house->database ? lane_damages : file_damages;
    size_t count = *house->database ? ARRAY_SIZE(lane_damages) : ARRAY_SIZE(file_damages);
    for (size_t i = 0; i < count; i++) {
        change_telemetry(house, damages[i].break_it);
        assert_finding(house, damages[i].finding);
        change_telemetry(house, damages[i].mend_it);
        assert_whole(house);
    }
    execute(house, "UPDATE usage_daily SET calls = calls + 1 WHERE tenant_id = 't-a'");
    assert_finding(house, "usage_daily of tenant 't-a'");
    assert_finding(house, "is not the sum of usage_daily");
}

/* ---- several processes ---- */

/* What both have recorded is in the totals of each. */
static void assert_both(struct house *house, struct telemetry *other, int32_t first_day,
                        const struct expected *expected)
{
    struct house beside = *house;
    beside.telemetry = other;
    assert_expected(house, first_day, expected);
    assert_expected(&beside, first_day, expected);
    assert_whole(house);
    assert_whole(&beside);
}

struct roller {
    struct telemetry *telemetry;
    bool done;
    struct error err;
};

static void *roll_over_often(void *context)
{
    struct roller *roller = context;
    roller->done = true;
    for (int i = 0; roller->done && i < 10; i++)
        roller->done = telemetry_roll_over(roller->telemetry, NULL, &roller->err);
    return NULL;
}

/* Two at the same time, as often as they like. */
static void roll_over_both(struct telemetry *one, struct telemetry *two)
{
    struct roller rollers[2] = {{.telemetry = one}, {.telemetry = two}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, roll_over_often, &rollers[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 2; i++)
        if (!rollers[i].done)
            fail_msg("%s", rollers[i].err.detail[LANGUAGE_EN]);
}

static void record_both(struct house *house, struct telemetry *other, int32_t first_day, uint64_t seed,
                        struct expected *expected)
{
    static struct recorder recorders[2];
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        recorders[i] = (struct recorder){.telemetry = i ? other : house->telemetry,
                                         .first_day = first_day,
                                         .seed = seed + (uint64_t)i,
                                         .batches = 10};
        pthread_create(&threads[i], NULL, record_batches, &recorders[i]);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_true(recorders[i].done);
        merge_expected(expected, &recorders[i].expected);
    }
}

/* On one telemetry: the same folder, or the same database. */
static void two_processes_share_telemetry(void **state)
{
    struct house *house = house_of(state);
    static struct expected expected;
    struct telemetry *other;
    int32_t first_day = today() - DAYS + 1;
    memset(&expected, 0, sizeof(expected));
    open_telemetry(house, "telemetry", 0, &other);
    record_both(house, other, first_day, 31, &expected);
    assert_both(house, other, first_day, &expected);
    assert_done(telemetry_roll_over(other, NULL, err));
    assert_both(house, other, first_day, &expected);
    record_both(house, other, first_day, 41, &expected); /* late rows */
    assert_both(house, other, first_day, &expected);
    roll_over_both(house->telemetry, other);
    assert_both(house, other, first_day, &expected);
    int64_t days;
    assert_done(telemetry_roll_over(house->telemetry, &days, err));
    assert_int_equal(days, 0);
    assert_int_equal(main_int(house, "SELECT COUNT(*) FROM usage_days"), DAYS - 1);
    telemetry_close(other);
}

struct sender {
    struct telemetry *telemetry;
    const struct usage_record *records;
    size_t count, duplicates;
    bool done;
};

static void *send_once(void *context)
{
    struct sender *sender = context;
    sender->done = true;
    sender->duplicates = 0;
    for (size_t at = 0; at < sender->count; at += 50) {
        size_t duplicates;
        struct error err = {0};
        sender->done &= telemetry_write_once(sender->telemetry, sender->records + at, 50, &duplicates, &err);
        sender->duplicates += duplicates;
    }
    return NULL;
}

/* The same records are sent to both at the same time, each one's in another order. */
static void a_request_id_counts_once_over_processes(void **state)
{
    struct house *house = house_of(state);
    enum { COUNT = 1000 };
    static char ids[COUNT][24];
    static struct usage_record records[2][COUNT];
    struct telemetry *other;
    for (int i = 0; i < COUNT; i++) {
        snprintf(ids[i], sizeof(ids[i]), "req-%06d", i);
        records[0][i] = (struct usage_record){
            .api_type = "x", .operation = "y", .tenant_id = "t-a", .tokens_input = 1, .request_id = ids[i]};
    }
    for (int i = 0; i < COUNT; i++)
        records[1][i] = records[0][(i * 7) % COUNT];
    open_telemetry(house, "telemetry", 0, &other);
    struct sender senders[2] = {{.telemetry = house->telemetry, .records = records[0], .count = COUNT},
                                {.telemetry = other, .records = records[1], .count = COUNT}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, send_once, &senders[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_true(senders[0].done && senders[1].done);
    assert_int_equal(senders[0].duplicates + senders[1].duplicates, COUNT);
    static struct usage_totals totals;
    assert_done(telemetry_day_totals(other, today(), NULL, &totals, err));
    assert_int_equal(totals.calls, COUNT);
    assert_whole(house);
    telemetry_close(other);
}

/* Day files of their own, totals in one main store: in any order, once more, with late rows in between. */
static void two_folders_roll_over_into_one_store(void **state)
{
    struct house *house = house_of(state);
    static struct expected expected;
    struct telemetry *two[2];
    int32_t first_day = today() - DAYS; /* all of them have ended */
    memset(&expected, 0, sizeof(expected));
    open_telemetry(house, "other", 0, &two[1]);
    two[0] = house->telemetry;
    for (uint64_t round = 0; round < 3; round++) {
        for (int i = 0; i < 2; i++) {
            static struct recorder recorder;
            recorder = (struct recorder){.telemetry = two[i],
                                         .first_day = first_day,
                                         .seed = 60 + 2 * round + (uint64_t)i,
                                         .batches = 5};
            record_batches(&recorder);
            assert_true(recorder.done);
            merge_expected(&expected, &recorder.expected);
        }
        assert_done(telemetry_roll_over(two[round % 2], NULL, err));
        assert_done(telemetry_roll_over(two[1 - round % 2], NULL, err));
        assert_both(house, two[1], first_day, &expected);
        roll_over_both(two[0], two[1]);
        assert_both(house, two[1], first_day, &expected);
    }
    assert_int_equal(main_int(house, "SELECT COUNT(*) FROM usage_days"), 2 * DAYS);
    /* The rows of one are deleted: the other's of the same day are not in question. */
    int64_t deleted;
    assert_done(telemetry_retain(two[1], 0, &deleted, err));
    assert_int_equal(deleted, DAYS);
    assert_both(house, two[1], first_day, &expected);
    telemetry_close(two[1]);
}

/* Of rows from outside a request id counts once, also where they were carried to. Both engines, from day files. */
static void what_was_sent_counts_once_after_carrying(void **state)
{
    struct house *house = house_of(state), *source;
    const struct usage_record sent[] = {
        {.timestamp = clock_now_ms(), .api_type = "dashscope", .operation = "chat", .request_id = "a"},
        {.timestamp = clock_now_ms(),
         .api_type = "dashscope",
         .operation = "chat",
         .request_id = "b",
         .record_id = "1",
         .provider_request_id = "c",
         .tokens_reasoning = 4,
         .read_units = 1,
         .write_units = 2,
         .estimated = true,
         .outcome = USAGE_ABORTED},
    };
    const struct usage_record made = {
        .timestamp = clock_now_ms(), .api_type = "embedded", .operation = "query", .request_id = "a"};
    size_t duplicates = 0;
    bool same = false;
    assert_int_equal(set_up((void **)&source), 0);
    assert_done(telemetry_write_once(source->telemetry, sent, 1, &duplicates, err));
    assert_done(telemetry_write(source->telemetry, &made, 1, NULL, 0, err));
    assert_done(telemetry_write_once(source->telemetry, sent, 2, &duplicates, err));
    assert_int_equal(duplicates, 1);

    assert_done(telemetry_transfer(source->telemetry, house->telemetry, NULL, NULL, err));
    assert_done(telemetry_compare(source->telemetry, house->telemetry, NULL, NULL, &same, err));
    assert_true(same);
    assert_done(telemetry_write_once(house->telemetry, sent, 2, &duplicates, err));
    assert_int_equal(duplicates, 2);
    assert_done(telemetry_compare(source->telemetry, house->telemetry, NULL, NULL, &same, err));
    assert_true(same);
    tear_down((void **)&source);
}

static void roll_over_in_child(struct house *house)
{
    enter(house, 0);
    struct error err = {0};
    bool done = telemetry_roll_over(house->telemetry, NULL, &err);
    _exit(done ? 0 : 1);
}

/* Ten thousand keys are several transactions: between any two of them the process may end. */
static void a_killed_roll_over_leaves_no_half(void **state)
{
    struct house *house = house_of(state);
    enum { MODELS = 4500, AT_ONCE = 500 }; /* in several transactions of totals */
    static struct usage_record records[AT_ONCE];
    static char models[AT_ONCE][32];
    static struct usage_totals before, found;
    for (int first = 0; first < MODELS; first += AT_ONCE) {
        for (int i = 0; i < AT_ONCE; i++) {
            snprintf(models[i], sizeof(models[i]), "outside-%d", first + i);
            records[i] = (struct usage_record){.timestamp = clock_now_ms() - DAY_MS,
                                               .api_type = "a",
                                               .operation = "b",
                                               .model = models[i],
                                               .tenant_id = "t-a",
                                               .tokens_input = first + i};
        }
        assert_done(telemetry_write(house->telemetry, records, AT_ONCE, NULL, 0, err));
    }
    assert_done(telemetry_daily_totals(house->telemetry, today() - 1, 1, NULL, &before, err));
    bool was_half = false, whole = false;
    for (useconds_t wait_us = 20000; !whole; wait_us += wait_us / 2) {
        leave(house); /* no threads while forking */
        pid_t child = fork();
        if (child == 0)
            roll_over_in_child(house);
        usleep(wait_us);
        kill(child, SIGKILL);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
        enter(house, 0);
        int64_t rows = main_int(house, "SELECT COUNT(*) FROM usage_daily");
        whole = main_int(house, "SELECT COUNT(*) FROM usage_days WHERE revision IS NOT NULL") == 1;
        was_half |= rows > 0 && !whole;
        assert_true(!whole || rows == MODELS);
        assert_done(telemetry_daily_totals(house->telemetry, today() - 1, 1, NULL, &found, err));
        assert_memory_equal(&before, &found, sizeof(before));
        assert_whole(house);
    }
    if (!was_half)
        print_message("no roll-over was killed between its transactions\n");
}

/* ---- days that have ended ---- */

static int count_threads(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/task");
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void ended_days_are_opened_without_a_writer(void **state)
{
    struct house *house = house_of(state);
    struct usage_record records[4];
    static struct usage_totals totals[4];
    for (int i = 0; i < 4; i++)
        records[i] = (struct usage_record){
            .timestamp = clock_now_ms() - i * DAY_MS, .api_type = "a", .operation = "b"};
    assert_done(telemetry_write(house->telemetry, records, 4, NULL, 0, err));
    leave(house);
    enter(house, 0);
    assert_done(telemetry_write(house->telemetry, records, 1, NULL, 0, err)); /* today's has its writer */
    int before = count_threads();
    assert_done(telemetry_daily_totals(house->telemetry, today() - 3, 4, NULL, totals, err));
    assert_int_equal(count_threads(), before);
    for (int i = 0; i < 4; i++)
        assert_int_equal(totals[i].calls, i == 3 ? 2 : 1);
    /* A late row: the file that was open to be read is opened to be written. */
    assert_done(telemetry_write(house->telemetry, records + 2, 1, NULL, 0, err));
    assert_int_equal(count_threads(), before + 1);
    assert_done(telemetry_daily_totals(house->telemetry, today() - 3, 4, NULL, totals, err));
    assert_int_equal(totals[1].calls, 2);
    assert_done(telemetry_roll_over(house->telemetry, NULL, err));
    assert_int_equal(count_threads(), before);
    assert_whole(house);
}

/* A process that was away for long comes back to a lane that another has taken. */
static void a_shared_lane_is_right(void **state)
{
    struct house *house = house_of(state);
    static struct usage_totals totals;
    struct telemetry *other;
    struct usage_record record = {.api_type = "a", .operation = "b", .tenant_id = "t-a", .latency_ms = 7};
    assert_done(telemetry_write(house->telemetry, &record, 1, NULL, 0, err));
    execute_in_telemetry(house, "UPDATE lanes SET used_at = 0");
    open_telemetry(house, "telemetry", 0, &other);
    for (int i = 0; i < 5; i++) {
        assert_done(telemetry_write(other, &record, 1, NULL, 0, err));
        assert_done(telemetry_write(house->telemetry, &record, 1, NULL, 0, err));
    }
    assert_done(telemetry_day_totals(house->telemetry, today(), NULL, &totals, err));
    assert_int_equal(totals.calls, 11);
    assert_whole(house);
    char sql[128];
    snprintf(sql, sizeof(sql), "SELECT COUNT(DISTINCT lane) FROM %s_telemetry.day_lanes", house->schema);
    assert_int_equal(main_int(house, sql), 2);
    telemetry_close(other);
}

/* ---- raw rows ---- */

struct read_usage {
    int64_t rows;
    bool same;
};

static bool read_usage_row(void *context, const struct recorded_usage *usage, struct error *err)
{
    (void)err;
    struct read_usage *read = context;
    const struct usage_record *record = &usage->record;
    read->rows++;
    if (strcmp(record->operation, "chat") != 0)
        return true;
    read->same = strcmp(record->api_type, "dashscope") == 0 && strcmp(record->model, "qwen-plus") == 0 &&
                 strcmp(record->tenant_id, "店铺 \"{1,2}\" \\ NULL") == 0 &&
                 strcmp(record->request_id, "req-0001") == 0 && record->tokens_input == 1000 &&
                 record->tokens_output == 100 && record->tokens_cached == 7 && record->latency_ms == 250 &&
                 record->outcome == USAGE_THROTTLED && usage->cost_nano_cny > 0 && usage->price_version > 0;
    return true;
}

static bool read_log_row(void *context, const struct log_record *log, struct error *err)
{
    (void)err;
    bool *same = context;
    *same = log->level == LOG_WARN && strcmp(log->source, "http") == 0 && !log->tenant_id &&
            !log->request_id && strcmp(log->message, "a \"b\", {c} \\ 'd'\nNULL 👘") == 0 &&
            strcmp(log->fields, "{\"a\":[1]}") == 0;
    return true;
}

static void raw_rows_come_back(void **state)
{
    struct house *house = house_of(state);
    struct usage_record records[] = {{.api_type = "dashscope",
                                      .operation = "chat",
                                      .model = "qwen-plus",
                                      .tenant_id = "店铺 \"{1,2}\" \\ NULL",
                                      .tokens_input = 1000,
                                      .tokens_output = 100,
                                      .tokens_cached = 7,
                                      .latency_ms = 250,
                                      .outcome = USAGE_THROTTLED,
                                      .request_id = "req-0001"},
                                     {.api_type = "pinecone", .operation = "query", .latency_ms = 30}};
    struct log_record log = {.level = LOG_WARN,
                             .source = "http",
                             .message = "a \"b\", {c} \\ 'd'\nNULL 👘",
                             .fields = "{\"a\":[1]}"};
    struct read_usage usage = {0};
    bool same = false;
    assert_done(telemetry_write(house->telemetry, records, 2, &log, 1, err));
    assert_done(telemetry_each_usage(house->telemetry, today(), 5000, read_usage_row, &usage, err));
    assert_done(telemetry_each_log(house->telemetry, today(), 5000, read_log_row, &same, err));
    assert_int_equal(usage.rows, 2);
    assert_true(usage.same);
    assert_true(same);
}

/* ---- the loader ---- */

static void loader_equals_writer(void **state)
{
    struct house *house = house_of(state);
    uint64_t seed = 77, again = 77;
    int32_t first_day = today() - DAYS;
    static struct expected expected;
    static struct usage_record record;
    memset(&expected, 0, sizeof(expected));
    struct telemetry *loaded;
    open_telemetry(house, "loaded", 0, &loaded);
    struct telemetry_loader *loaders[DAYS];
    for (int day = 0; day < DAYS; day++)
        assert_done(telemetry_loader_open(&loaders[day], loaded, first_day + day, err));
    for (int i = 0; i < 20000; i++) {
        record = random_record(&seed, first_day, &expected);
        int day = clock_day(record.timestamp) - first_day;
        assert_done(telemetry_loader_usage(loaders[day], &record, err));
        struct log_record log = {.timestamp = record.timestamp, .source = "demo", .message = "loaded"};
        if (i % 10 == 0)
            assert_done(telemetry_loader_log(loaders[day], &log, err));
    }
    for (int day = 0; day < DAYS; day++)
        assert_done(telemetry_loader_finish(loaders[day], err));
    struct house other = *house;
    other.telemetry = loaded;
    assert_expected(&other, first_day, &expected);
    assert_whole(&other);
    telemetry_close(loaded);
    if (*house->database)
        return;

    /* The same through the writer: row for row the same. */
    static struct usage_record batch[1000];
    for (int i = 0; i < 20; i++) {
        for (size_t j = 0; j < ARRAY_SIZE(batch); j++)
            batch[j] = random_record(&again, first_day, NULL);
        assert_done(telemetry_write(house->telemetry, batch, ARRAY_SIZE(batch), NULL, 0, err));
    }
    assert_expected(house, first_day, &expected);
    for (int day = 0; day < DAYS; day++) {
        char name[CLOCK_DAY_SIZE], sql[900];
        clock_day_format(first_day + day, name);
        sqlite3 *db;
        assert_int_equal(sqlite3_open(day_path(house, first_day + day, ""), &db), SQLITE_OK);
        snprintf(sql, sizeof(sql), "ATTACH '%s/loaded/%s.db' AS loaded", house->folder, name);
        assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
        sqlite3_stmt *statement;
        assert_int_equal(sqlite3_prepare_v2(db,
                                            "SELECT count(*) FROM (SELECT * FROM main.api_usage_logs EXCEPT"
                                            " SELECT * FROM loaded.api_usage_logs)"
                                            " UNION ALL SELECT count(*) FROM (SELECT * FROM main.usage_hours"
                                            " EXCEPT SELECT * FROM loaded.usage_hours)",
                                            -1, &statement, NULL),
                         SQLITE_OK);
        while (sqlite3_step(statement) == SQLITE_ROW)
            assert_int_equal(sqlite3_column_int64(statement, 0), 0);
        sqlite3_finalize(statement);
        sqlite3_close(db);
    }
}

/* More keys than roll-up rows are kept for: over several hours, then in one. */
static void memory_is_shed_without_loss(void **state)
{
    struct house *house = house_of(state);
    static char names[70000][12];
    static struct usage_record batch[5000];
    int64_t start = clock_day_start(today() - 1);
    for (int pass = 0; pass < 2; pass++)
        for (int at = 0; at < 70000; at += 5000) {
            for (int i = 0; i < 5000; i++) {
                int64_t hour = pass == 0 ? (at + i) % 7 : 20;
                snprintf(names[at + i], sizeof(names[0]), "t-%d", at + i);
                batch[i] = (struct usage_record){.timestamp = start + hour * HOUR_MS,
                                                 .api_type = "a",
                                                 .operation = "b",
                                                 .tenant_id = names[at + i],
                                                 .latency_ms = i};
            }
            assert_done(telemetry_write(house->telemetry, batch, 5000, NULL, 0, err));
        }
    /* And once more to rows that memory no longer has. */
    assert_done(telemetry_write(house->telemetry, batch, 5000, NULL, 0, err));
    for (int i = 0; i < 5000; i++)
        batch[i].timestamp = start + (int64_t)((65000 + i) % 7) * HOUR_MS;
    assert_done(telemetry_write(house->telemetry, batch, 5000, NULL, 0, err));
    assert_whole(house);
    static struct usage_totals totals;
    assert_done(telemetry_day_totals(house->telemetry, today() - 1, NULL, &totals, err));
    assert_int_equal(totals.calls, 150000);
}

/* ---- prices ---- */

static struct price_quote quote(const char *api_type, const char *operation, const char *model,
                                const char *time, int64_t input, int64_t output, int64_t cached)
{
    struct usage_record record = {.api_type = api_type,
                                  .operation = operation,
                                  .model = model,
                                  .tokens_input = input,
                                  .tokens_output = output,
                                  .tokens_cached = cached};
    assert_done(clock_parse(time, &record.timestamp, err));
    return price_of(&record, 71000);
}

static void prices_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *api_type, *operation, *model, *time;
        int64_t input, output, cached;
        bool priced;
        int64_t cost;
    } cases[] = {
        {"dashscope", "chat", "qwen-turbo", "2026-05-01T00:00:00Z", 1000, 500, 0, true, 600000},
        /* tiers by the input of the one call */
        {"dashscope", "chat", "qwen-plus", "2026-05-01T00:00:00Z", 131072, 1000, 0, true, 106857600},
        {"dashscope", "chat", "qwen-plus", "2026-05-01T00:00:00Z", 131073, 1000, 0, true, 334575200},
        {"dashscope", "chat", "qwen-plus", "2026-05-01T00:00:00Z", 262145, 1000, 0, true, 1306296000},
        {"dashscope", "chat", "qwen-plus", "2026-05-01T00:00:00Z", 2000000, 0, 0, true, 9600000000},
        {"dashscope", "chat", "qwen3-max", "2026-05-01T00:00:00Z", 32768, 1, 0, true, 81930000},
        {"dashscope", "chat", "qwen3-max", "2026-05-01T00:00:00Z", 32769, 1, 0, true, 131092000},
        /* dates: to the millisecond, in Beijing */
        {"dashscope", "chat", "qwen-max", "2025-01-28T15:59:59.999Z", 1000000, 0, 0, true, 20000000000},
        {"dashscope", "chat", "qwen-max", "2025-01-28T16:00:00.000Z", 1000000, 0, 0, true, 2400000000},
        {"dashscope", "chat", "qwen-max", "2023-01-01T00:00:00Z", 1000000, 0, 0, false, 0},
        /* cached input */
        {"dashscope", "chat", "qwen-flash", "2026-05-01T00:00:00Z", 1000, 0, 400, true, 102000},
        {"dashscope", "chat", "qwen-flash", "2026-05-01T00:00:00Z", 1000, 0, 9999, true, 30000},
        {"dashscope", "embedding", "text-embedding-v4", "2026-05-01T00:00:00Z", 3, 77, 0, true, 1500},
        /* unpriced */
        {"dashscope", "chat", "qwen-plu", "2026-05-01T00:00:00Z", 1000, 0, 0, false, 0},
        {"dashscope", "chat", NULL, "2026-05-01T00:00:00Z", 1000, 0, 0, false, 0},
        {"openai", "chat", "qwen-plus", "2026-05-01T00:00:00Z", 1000, 0, 0, false, 0},
        {"pinecone", "describe", NULL, "2026-05-01T00:00:00Z", 1000, 0, 0, false, 0},
        {"embedded", "chat", "anything", "1990-05-01T00:00:00Z", 1000, 10, 0, true, 0},
        /* Pinecone: units in dollars, at least the minimum */
        {"pinecone", "query", NULL, "2026-05-01T00:00:00Z", 0, 0, 0, true, 28400},
        {"pinecone", "query", NULL, "2026-05-01T00:00:00Z", 1, 0, 0, true, 113600},
        {"pinecone", "upsert", NULL, "2026-05-01T00:00:00Z", 0, 0, 0, true, 142000},
        {"pinecone", "upsert", NULL, "2026-05-01T00:00:00Z", 1000000, 0, 0, true, 28400000000},
        /* counts that no call has */
        {"dashscope", "chat", "qwen-plus", "2026-05-01T00:00:00Z", INT64_MAX, INT64_MAX, 0, true, INT64_MAX},
        {"pinecone", "query", NULL, "2026-05-01T00:00:00Z", INT64_MAX, 0, 0, true, INT64_MAX},
        {"dashscope", "chat", "qwen-plus", "2026-05-01T00:00:00Z", -5, -5, -5, true, 0},
        {"dashscope", "chat", "qwen-plus", "2026-05-01T00:00:00Z", INT64_C(1000000000000), 0, 0, true,
         INT64_C(4800000000000000)},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct price_quote found = quote(cases[i].api_type, cases[i].operation, cases[i].model, cases[i].time,
                                         cases[i].input, cases[i].output, cases[i].cached);
        if (found.priced != cases[i].priced || found.cost_nano_cny != cases[i].cost)
            fail_msg("case %zu: %d %lld", i, found.priced, (long long)found.cost_nano_cny);
        assert_true(found.priced == (found.version > 0));
    }
}

static void prices_round_half_up(void **state)
{
    (void)state;
    struct usage_record query = {.api_type = "pinecone", .operation = "query", .timestamp = 1777593600000};
    /* 0.25 units * 16 dollars / 1e6 = 4,000 nano-dollars, times rate / 10,000 */
    const struct {
        int64_t rate, cost;
    } cases[] = {{71000, 28400}, {71234, 28494}, {71001, 28400},     {71002, 28401},
                 {0, 0},         {-5, 0},        {INT64_MAX, 400000}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(price_of(&query, cases[i].rate).cost_nano_cny, cases[i].cost);
    query.outcome = USAGE_FAILED;
    assert_true(price_of(&query, 71000).priced);
    assert_int_equal(price_of(&query, 71000).cost_nano_cny, 0);
    query.tokens_input = 2; /* counted: billed */
    assert_int_equal(price_of(&query, 71000).cost_nano_cny, 227200);
}

/* Each version is a row's number: rows may only be added at the end. */
static void price_versions_never_change(void **state)
{
    (void)state;
    const char *when = "2026-05-01T00:00:00Z";
    assert_int_equal(quote("embedded", "chat", NULL, when, 1, 0, 0).version, 1);
    assert_int_equal(quote("dashscope", "chat", "qwen-turbo", when, 1, 0, 0).version, 2);
    assert_int_equal(quote("dashscope", "chat", "qwen-plus", when, 200000, 0, 0).version, 4);
    assert_int_equal(quote("dashscope", "chat", "qwen-max", "2024-12-01T00:00:00Z", 1, 0, 0).version, 6);
    assert_int_equal(quote("dashscope", "chat", "qwen-max", when, 1, 0, 0).version, 7);
    assert_int_equal(quote("dashscope", "embedding", "text-embedding-v1", when, 1, 0, 0).version, 22);
    assert_int_equal(quote("pinecone", "delete", NULL, when, 1, 0, 0).version, 28);
}

static void rate_in_force_is_used(void **state)
{
    struct house *house = house_of(state);
    struct usage_record query = {.api_type = "pinecone", .operation = "query"};
    static struct usage_totals totals;
    telemetry_set_usd_cny_rate(house->telemetry, 80000);
    assert_done(telemetry_write(house->telemetry, &query, 1, NULL, 0, err));
    assert_done(telemetry_day_totals(house->telemetry, today(), NULL, &totals, err));
    assert_int_equal(totals.cost_nano_cny, 32000);
}

/* ---- where a day begins ---- */

static void write_at(struct house *house, const char *time)
{
    struct usage_record record = {.api_type = "a", .operation = "b"};
    assert_done(clock_parse(time, &record.timestamp, err));
    assert_done(telemetry_write(house->telemetry, &record, 1, NULL, 0, err));
}

static int64_t calls_of(struct house *house, const char *day_text)
{
    static struct usage_totals totals;
    int32_t day;
    assert_true(clock_day_parse(day_text, &day));
    assert_done(telemetry_day_totals(house->telemetry, day, NULL, &totals, err));
    return totals.calls;
}

static void days_begin_in_the_zone(void **state)
{
    struct house *house = house_of(state);
    write_at(house, "2025-03-04T15:59:59.999Z"); /* Asia/Shanghai */
    write_at(house, "2025-03-04T16:00:00.000Z");
    write_at(house, "2025-03-05T15:59:59.999Z");
    write_at(house, "2025-03-05T16:00:00.000Z");
    assert_int_equal(calls_of(house, "2025-03-04"), 1);
    assert_int_equal(calls_of(house, "2025-03-05"), 2);
    assert_int_equal(calls_of(house, "2025-03-06"), 1);

    /* 23 and 25 hours. */
    assert_done(clock_set_zone("America/New_York", err));
    write_at(house, "2025-03-09T05:00:00.000Z");
    write_at(house, "2025-03-10T03:59:59.999Z");
    write_at(house, "2025-03-10T04:00:00.000Z");
    write_at(house, "2025-11-02T04:00:00.000Z");
    write_at(house, "2025-11-03T04:59:59.999Z");
    write_at(house, "2025-11-03T05:00:00.000Z");
    assert_int_equal(calls_of(house, "2025-03-09"), 2);
    assert_int_equal(calls_of(house, "2025-03-10"), 1);
    assert_int_equal(calls_of(house, "2025-11-02"), 2);
    assert_int_equal(calls_of(house, "2025-11-03"), 1);

    /* Half an hour off: midnight parts an hour of UTC, and both halves are in it. */
    assert_done(clock_set_zone("Asia/Kolkata", err));
    static struct usage_totals hour;
    write_at(house, "2025-06-01T18:29:59.999Z");
    write_at(house, "2025-06-01T18:30:00.000Z");
    int64_t first;
    assert_done(clock_parse("2025-06-01T18:00:00Z", &first, err));
    assert_done(telemetry_hourly_totals(house->telemetry, first, 1, NULL, &hour, err));
    assert_int_equal(hour.calls, 2);
    assert_int_equal(calls_of(house, "2025-06-01"), 1);
    assert_int_equal(calls_of(house, "2025-06-02"), 1);
    assert_done(telemetry_roll_over(house->telemetry, NULL, err));
    assert_int_equal(calls_of(house, "2025-06-01"), 1);
    assert_int_equal(calls_of(house, "2025-11-02"), 2);
    assert_int_equal(calls_of(house, "2025-03-09"), 2);
    assert_whole(house);
    assert_done(clock_set_zone("Asia/Shanghai", err));
}

/* ---- a real trace ---- */

/* "2023-11-16 18:15:46.6805900,374,44" under a heading. */
static bool read_call(FILE *in, struct usage_record *record)
{
    char line[256], time[32], *input = NULL, *output = NULL;
    while (!output || line[0] == 'T') {
        if (!fgets(line, sizeof(line), in))
            return false;
        input = strchr(line, ',');
        output = input ? strchr(input + 1, ',') : NULL;
    }
    snprintf(time, sizeof(time), "%.23sZ", line);
    record->tokens_input = strtoll(input + 1, NULL, 10);
    record->tokens_output = strtoll(output + 1, NULL, 10);
    assert_done(clock_parse(time, &record->timestamp, err));
    return true;
}

static void real_trace_comes_back_exactly(void **state)
{
    struct house *house = house_of(state);
    const char *file = getenv(TRACE);
    FILE *in = file ? fopen(file, "r") : NULL;
    if (!in) {
        print_message("skipped: %s names no file\n", TRACE);
        skip();
    }
    struct usage_record record = {
        .api_type = "dashscope", .operation = "chat", .model = "qwen-plus", .tenant_id = "azure"};
    static struct usage_record batch[500];
    size_t count = 0;
    int64_t first = 0;
    bool more;
    do {
        more = read_call(in, &record);
        if (more)
            batch[count++] = record;
        first = first ? first : record.timestamp;
        if (count == ARRAY_SIZE(batch) || !more) {
            assert_done(telemetry_write(house->telemetry, batch, count, NULL, 0, err));
            count = 0;
        }
    } while (more);
    fclose(in);
    static struct usage_totals totals[2];
    assert_done(telemetry_roll_over(house->telemetry, NULL, err));
    assert_done(telemetry_daily_totals(house->telemetry, clock_day(first), 2, NULL, totals, err));
    assert_int_equal(totals[0].calls + totals[1].calls, 19366);
    assert_int_equal(totals[0].tokens_input + totals[1].tokens_input, 22361870);
    assert_int_equal(totals[0].tokens_output + totals[1].tokens_output, 4088665);
}

int main(void)
{
    clock_set_zone("Asia/Shanghai", NULL);
    log_set_level(LOG_ERROR);
#define FILES(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define POSTGRESQL(name)                                                                                     \
    {                                                                                                        \
#name " (PostgreSQL)", name, set_up_postgresql, tear_down, NULL                                      \
    }
#define BOTH(name) FILES(name), POSTGRESQL(name)
    const struct CMUnitTest tests[] = {
        BOTH(sums_equal_raw_rows),
        BOTH(hours_sum_to_the_day),
        BOTH(raw_rows_come_back),
        FILES(view_has_the_specified_columns),
        BOTH(instants_without_a_day_are_refused),
        BOTH(many_days_and_keys_stay_bounded),
        BOTH(a_request_id_counts_once),
        BOTH(a_call_of_a_request_counts_once),
        BOTH(what_few_calls_have_is_kept),
        BOTH(a_request_id_counts_once_over_processes),
        FILES(failed_commit_leaves_nothing_in_memory),
        BOTH(two_processes_write_one_day),
        BOTH(two_processes_share_telemetry),
        FILES(two_folders_roll_over_into_one_store),
        BOTH(what_was_sent_counts_once_after_carrying),
        BOTH(a_killed_roll_over_leaves_no_half),
        FILES(ended_days_are_opened_without_a_writer),
        POSTGRESQL(a_shared_lane_is_right),
        BOTH(log_rows_are_kept_in_order),
        BOTH(log_rows_are_redacted),
        BOTH(full_queue_drops_and_tells),
        BOTH(retention_keeps_totals),
        BOTH(today_is_never_closed),
        BOTH(many_names_are_carried_over),
        BOTH(check_finds_what_was_changed),
        BOTH(loader_equals_writer),
        BOTH(memory_is_shed_without_loss),
        cmocka_unit_test(prices_are_exact),
        cmocka_unit_test(prices_round_half_up),
        cmocka_unit_test(price_versions_never_change),
        FILES(rate_in_force_is_used),
        BOTH(days_begin_in_the_zone),
        FILES(real_trace_comes_back_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
