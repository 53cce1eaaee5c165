/* How fast usage is recorded, read and loaded, against the bare database on the same disk: SQLite's library, or
 * libpq with a pipeline.
 *
 *     bench_usage [FOLDER] [TRACE.csv]
 *     bench_usage FOLDER --bare ROWS BATCH      only the bare inserts: rows/s
 *
 * Recording: telemetry_write (price, dictionary, raw row, two roll-ups, durable commit)
 * against prepared inserts of the same narrow rows into the same table without roll-ups, in
 * transactions of the same size. Keys are 100 tenants times 4 operations, in present time order. The
 * two take turns, each round in fresh files; printed are the medians of rows/s and their ratio.
 * TRACE: a CSV of TIMESTAMP,ContextTokens,GeneratedTokens whose token sums must come back exactly. */
#include <endian.h>
#include <ftw.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "bench_store.h"
#include "search/full_text.h"
#include "telemetry/telemetry.h"
#include "telemetry/usage_report.h"
#include "telemetry/usage_totals.h"

#define TENANTS 100
#define MANY_TENANTS 10000
#define OPERATIONS 4
#define KEYS ((size_t)TENANTS * OPERATIONS)
#define ROUNDS 9
#define LOADED_ROWS 1000000
#define LOG_ROWS 50000
#define READS 2000
#define SCHEMA "bench_usage"

static const struct {
    const char *api_type, *operation, *model;
} kinds[OPERATIONS] = {
    {"dashscope", "chat", "qwen-plus"},
    {"dashscope", "embedding", "text-embedding-v4"},
    {"pinecone", "query", ""},
    {"pinecone", "upsert", ""},
};

static char folder[512];
static char tenants[MANY_TENANTS][32];
static uint32_t tenant_count = TENANTS;
static uint64_t random_state;

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((random_state >> 33) % bound);
}

static void fail(const char *what, const struct error *err)
{
    fprintf(stderr, "%s: %s\n", what, err ? err->detail[LANGUAGE_EN] : "failed");
    exit(1);
}

static char *path_of(const char *name)
{
    static char path[1024];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static int remove_one(const char *name, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(name);
}

static void clear_folder(void)
{
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    if (mkdir(folder, 0700) != 0)
        fail(folder, NULL);
}

/* The tokens, latency and key of a call; `at` is its instant. */
static struct usage_record make_record(int64_t at)
{
    uint32_t kind = random_below(OPERATIONS);
    return (struct usage_record){.timestamp = at,
                                 .api_type = kinds[kind].api_type,
                                 .operation = kinds[kind].operation,
                                 .model = kinds[kind].model,
                                 .tenant_id = tenants[random_below(tenant_count)],
                                 .tokens_input = kind < 2 ? 50 + random_below(3000) : 1,
                                 .tokens_output = kind == 0 ? random_below(500) : 0,
                                 .latency_ms = 20 + random_below(60) * random_below(60),
                                 .outcome = random_below(100) ? USAGE_OK : USAGE_FAILED};
}

/* ---- bare SQLite ---- */

static void run_sql(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
        exit(1);
    }
}

static sqlite3 *open_bare(sqlite3_stmt **ret_insert)
{
    sqlite3 *db;
    if (sqlite3_open(path_of("bare.db"), &db) != SQLITE_OK)
        fail("bare.db", NULL);
    run_sql(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -1024;");
    run_sql(db, "CREATE TABLE usage_rows (id INTEGER PRIMARY KEY, timestamp INTEGER NOT NULL,"
                " key_id INTEGER NOT NULL, tokens_input INTEGER NOT NULL,"
                " tokens_output INTEGER NOT NULL, tokens_cached INTEGER NOT NULL,"
                " latency_ms INTEGER NOT NULL, outcome INTEGER NOT NULL,"
                " cost_nano_cny INTEGER NOT NULL, price_version INTEGER NOT NULL,"
                " origin INTEGER NOT NULL, request_id TEXT,"
                " tokens_reasoning INTEGER NOT NULL DEFAULT 0, estimated INTEGER NOT NULL DEFAULT 0,"
                " read_units INTEGER NOT NULL DEFAULT 0, write_units INTEGER NOT NULL DEFAULT 0,"
                " provider_request_id TEXT, record_id TEXT)");
    if (sqlite3_prepare_v2(db,
                           "INSERT INTO usage_rows(timestamp, key_id, tokens_input, tokens_output,"
                           " tokens_cached, latency_ms, outcome, cost_nano_cny, price_version, origin,"
                           " request_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                           -1, ret_insert, NULL) != SQLITE_OK)
        fail(sqlite3_errmsg(db), NULL);
    return db;
}

static void insert_bare(sqlite3_stmt *insert, const struct usage_record *record, int64_t key_id)
{
    const int64_t values[] = {record->timestamp,
                              key_id,
                              record->tokens_input,
                              record->tokens_output,
                              record->tokens_cached,
                              record->latency_ms,
                              record->outcome,
                              record->tokens_input * 800000,
                              3,
                              0};
    for (int i = 0; i < 10; i++)
        sqlite3_bind_int64(insert, i + 1, values[i]);
    if (record->request_id)
        sqlite3_bind_text(insert, 11, record->request_id, -1, SQLITE_STATIC);
    else
        sqlite3_bind_null(insert, 11);
    if (sqlite3_step(insert) != SQLITE_DONE)
        fail("insert", NULL);
    sqlite3_reset(insert);
}

static double rate_of(size_t rows, int64_t began)
{
    return (double)rows * 1e6 / (double)(clock_monotonic_us() - began);
}

static double bench_bare_sqlite(const struct usage_record *records, size_t count, size_t batch)
{
    sqlite3_stmt *insert;
    sqlite3 *db = open_bare(&insert);
    int64_t began = clock_monotonic_us();
    for (size_t at = 0; at < count; at += batch) {
        run_sql(db, "BEGIN IMMEDIATE");
        for (size_t i = at; i < at + batch; i++)
            insert_bare(insert, &records[i], (int64_t)(i % KEYS) + 1);
        run_sql(db, "COMMIT");
    }
    double rate = rate_of(count, began);
    sqlite3_finalize(insert);
    sqlite3_close(db);
    return rate;
}

/* ---- bare libpq ---- */

#define PIPELINED 1000 /* answers that wait for being read: they must fit into the socket's buffer */

static PGconn *open_bare_postgresql(void)
{
    PGconn *connection = bench_connect();
    bench_query(connection,
                "CREATE SCHEMA " SCHEMA "; SET search_path TO " SCHEMA ";"
                " CREATE TABLE usage_rows (id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,"
                " timestamp BIGINT NOT NULL, key_id BIGINT NOT NULL, tokens_input BIGINT NOT NULL,"
                " tokens_output BIGINT NOT NULL, tokens_cached BIGINT NOT NULL,"
                " latency_ms BIGINT NOT NULL, outcome BIGINT NOT NULL,"
                " cost_nano_cny BIGINT NOT NULL, price_version BIGINT NOT NULL,"
                " origin BIGINT NOT NULL, request_id TEXT)",
                NULL);
    PQclear(PQprepare(connection, "insert",
                      "INSERT INTO usage_rows(timestamp, key_id, tokens_input, tokens_output,"
                      " tokens_cached, latency_ms, outcome, cost_nano_cny, price_version, origin,"
                      " request_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                      0, NULL));
    return connection;
}

static void send_bare(PGconn *connection, const struct usage_record *record, int64_t key_id)
{
    const int64_t numbers[10] = {record->timestamp,
                                 key_id,
                                 record->tokens_input,
                                 record->tokens_output,
                                 record->tokens_cached,
                                 record->latency_ms,
                                 record->outcome,
                                 record->tokens_input * 800000,
                                 3,
                                 0};
    static const int lengths[11] = {8, 8, 8, 8, 8, 8, 8, 8, 8, 8},
                     binary[11] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    const char *values[11];
    uint64_t bytes[10];
    for (int i = 0; i < 10; i++) {
        bytes[i] = htobe64((uint64_t)numbers[i]);
        values[i] = (const char *)&bytes[i];
    }
    values[10] = record->request_id;
    if (!PQsendQueryPrepared(connection, "insert", 11, values, lengths, binary, 1))
        fail(PQerrorMessage(connection), NULL);
}

static void receive_bare(PGconn *connection)
{
    PQpipelineSync(connection);
    for (ExecStatusType status = PGRES_COMMAND_OK; status != PGRES_PIPELINE_SYNC;) {
        PGresult *result = PQgetResult(connection);
        if (!result)
            continue; /* the end of one statement's answer */
        status = PQresultStatus(result);
        if (status != PGRES_COMMAND_OK && status != PGRES_PIPELINE_SYNC)
            fail(PQresultErrorMessage(result), NULL);
        PQclear(result);
    }
}

static double bench_bare_postgresql(const struct usage_record *records, size_t count, size_t batch)
{
    bench_drop_schema(SCHEMA);
    PGconn *connection = open_bare_postgresql();
    PQenterPipelineMode(connection);
    int64_t began = clock_monotonic_us();
    for (size_t at = 0; at < count; at += batch) {
        PQsendQueryParams(connection, "BEGIN", 0, NULL, NULL, NULL, NULL, 0);
        for (size_t i = at; i < at + batch; i++) {
            send_bare(connection, &records[i], (int64_t)(i % KEYS) + 1);
            if ((i - at) % PIPELINED == PIPELINED - 1 && i + 1 < at + batch)
                receive_bare(connection);
        }
        PQsendQueryParams(connection, "COMMIT", 0, NULL, NULL, NULL, NULL, 0);
        receive_bare(connection);
    }
    double rate = rate_of(count, began);
    PQfinish(connection);
    bench_drop_schema(SCHEMA);
    return rate;
}

static double bench_bare(const struct usage_record *records, size_t count, size_t batch)
{
    return bench_database() ? bench_bare_postgresql(records, count, batch)
                            : bench_bare_sqlite(records, count, batch);
}

/* ---- telemetry ---- */

struct house {
    struct store *store;
    struct telemetry *telemetry;
};

static struct house open_house(void)
{
    struct house house;
    struct error err;
    bench_drop_schema(SCHEMA);
    const char *path = bench_store_path(path_of("kimono.db"), SCHEMA);
    struct store_options store_options = {
        .path = path,
        .migrations = main_migrations,
        .migration_count = main_migration_count,
        .tokenize = full_text_tokens,
    };
    if (!store_open(&house.store, &store_options, &err))
        fail(path, &err);
    struct telemetry_options options = {.database = bench_database() ? path : NULL,
                                        .folder = path_of("telemetry"),
                                        .main_store = house.store};
    if (!telemetry_open(&house.telemetry, &options, &err))
        fail("telemetry", &err);
    return house;
}

static void close_house(struct house *house)
{
    telemetry_close(house->telemetry);
    store_close(house->store);
    bench_drop_schema(SCHEMA);
}

static bool record(struct telemetry *telemetry, const struct usage_record *records, size_t count, bool once,
                   struct error *err)
{
    return once ? telemetry_write_once(telemetry, records, count, NULL, err)
                : telemetry_write(telemetry, records, count, NULL, 0, err);
}

static double bench_telemetry(const struct usage_record *records, size_t count, size_t batch, bool once)
{
    struct error err;
    struct house house = open_house();
    /* The day's file is made before the clock runs, as the bare one is. */
    if (!telemetry_write(house.telemetry, records, 1, NULL, 0, &err))
        fail("write", &err);
    int64_t began = clock_monotonic_us();
    for (size_t at = 0; at < count; at += batch)
        if (!record(house.telemetry, records + at, batch, once, &err))
            fail("write", &err);
    double rate = rate_of(count, began);
    close_house(&house);
    return rate;
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double quantile(double *values, size_t count, double q)
{
    qsort(values, count, sizeof(*values), by_value);
    return values[(size_t)(q * (double)(count - 1))];
}

static void bench_recording(size_t batch, size_t count, bool once)
{
    static char request_ids[100000][28];
    struct usage_record *records = xcalloc(count, sizeof(*records));
    double bare[ROUNDS], ours[ROUNDS];
    random_state = 1;
    int64_t now = clock_now_ms();
    for (size_t i = 0; i < count; i++) {
        records[i] = make_record(now + (int64_t)(i / 100));
        snprintf(request_ids[i], sizeof(request_ids[i]), "req-%08x%012zx", random_below(UINT32_MAX), i);
        records[i].request_id = once ? request_ids[i] : NULL;
    }
    for (int round = 0; round < ROUNDS; round++) {
        clear_folder();
        bare[round] = bench_bare(records, count, batch);
        clear_folder();
        ours[round] = bench_telemetry(records, count, batch, once);
    }
    double a = quantile(bare, ROUNDS, 0.5), b = quantile(ours, ROUNDS, 0.5);
    printf("usage, batches of %5zu%s: %s %7.0f rows/s, telemetry %7.0f rows/s, ratio %.2f\n", batch,
           once ? ", request ids counted once" : "", bench_bare_name(), a, b, b / a);
    free(records);
}

static void bench_log(void)
{
    clear_folder();
    struct error err;
    struct house house = open_house();
    struct log_record log = {.level = LOG_INFO,
                             .source = "http",
                             .message = "GET /api/v1/ops/dashboard/overview 200 1.2 ms",
                             .request_id = "01hq3v9m2s7f1k8d5r6t0w4x2z",
                             .fields = "{\"status\":200,\"bytes\":1834}"};
    telemetry_log(house.telemetry, &log);
    int64_t began = clock_monotonic_us();
    for (int i = 0; i < LOG_ROWS; i++)
        telemetry_log(house.telemetry, &log);
    double put_ns = (double)(clock_monotonic_us() - began) * 1e3 / LOG_ROWS;
    if (!telemetry_flush(house.telemetry, &err))
        fail("flush", &err);
    printf("telemetry_log: %.0f ns for the caller, %.0f rows/s until durable\n", put_ns,
           rate_of(LOG_ROWS, began));
    close_house(&house);
}

/* The database's included. */
static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9 + bench_database_seconds();
}

static void load_day(struct telemetry *telemetry, int32_t day, size_t rows)
{
    struct error err;
    struct telemetry_loader *loader;
    if (!telemetry_loader_open(&loader, telemetry, day, &err))
        fail("loader", &err);
    int64_t start = clock_day_start(day);
    for (size_t i = 0; i < rows; i++) {
        struct usage_record one = make_record(start + (int64_t)(i * (uint64_t)(DAY_MS - 1) / rows));
        if (!telemetry_loader_usage(loader, &one, &err))
            fail("load", &err);
    }
    if (!telemetry_loader_finish(loader, &err))
        fail("finish", &err);
}

static void time_reads(struct telemetry *telemetry, const char *what, size_t days,
                       const struct usage_filter *filter)
{
    static struct usage_totals totals[30];
    double *took = xcalloc(READS, sizeof(*took));
    int32_t first = clock_day(clock_now_ms()) - (int32_t)days + 1;
    struct error err;
    for (int i = 0; i < READS; i++) {
        int64_t began = clock_monotonic_us();
        if (!telemetry_daily_totals(telemetry, first, days, filter, totals, &err))
            fail(what, &err);
        took[i] = (double)(clock_monotonic_us() - began) / 1e3;
    }
    printf("%s: p50 %.3f ms, p99 %.3f ms\n", what, quantile(took, READS, 0.5), quantile(took, READS, 0.99));
    free(took);
}

static void bench_loading_and_reading(uint32_t count_of_tenants)
{
    tenant_count = count_of_tenants;
    printf("-- %d rows in 5 days, %u tenants\n", LOADED_ROWS, tenant_count);
    clear_folder();
    struct house house = open_house();
    int32_t today = clock_day(clock_now_ms());
    int64_t began = clock_monotonic_us();
    double cpu = cpu_seconds();
    for (int i = 0; i < 5; i++)
        load_day(house.telemetry, today - i, LOADED_ROWS / 5);
    printf("loader: %.0f rows/s, %.0f rows for each second of CPU\n", rate_of(LOADED_ROWS, began),
           LOADED_ROWS / (cpu_seconds() - cpu));
    struct error err;
    began = clock_monotonic_us();
    if (!telemetry_roll_over(house.telemetry, NULL, &err))
        fail("roll-over", &err);
    printf("roll-over of 4 days: %.1f ms\n", (double)(clock_monotonic_us() - began) / 1e3);
    time_reads(house.telemetry, "today, platform", 1, &(struct usage_filter){NULL});
    time_reads(house.telemetry, "today, one tenant", 1, &(struct usage_filter){"tenant-00007"});
    time_reads(house.telemetry, "30 days, platform", 30, &(struct usage_filter){NULL});
    time_reads(house.telemetry, "30 days, one tenant", 30, &(struct usage_filter){"tenant-00007"});
    CLEANUP(strbuf_release) struct strbuf findings = {0};
    began = clock_monotonic_us();
    if (!telemetry_check(house.telemetry, &findings, &err))
        fail("check", &err);
    printf("check: %.0f rows/s%s%s\n", rate_of(LOADED_ROWS, began), findings.length ? "\n" : "",
           strbuf_text(&findings));
    close_house(&house);
}

/* ---- reports ---- */

#define REPORT_DAYS 90
#define REPORT_CALLS INT64_C(100000000)
#define REPORTS 20

struct report_load {
    int32_t day; /* the day whose totals are written */
    uint32_t tenants;
};

/* Totals of one day, as a roll-over leaves them, of calls that nobody has kept: for each tenant and kind a row. */
static bool put_report_day(struct db *db, void *context, struct error *err)
{
    static const char SQL_DAY[] =
        "INSERT INTO usage_days(day, recorder, revision, run, usage_rows, log_rows, rows_deleted)"
        " VALUES ($1, 1, 1, 1, 0, 0, 1)";
    static const char SQL_TENANT[] =
        "INSERT INTO usage_daily(day, recorder, tenant_id, api_type, operation, model, " SUM_COLUMNS ")"
        " VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
    static const char SQL_PLATFORM[] =
        "INSERT INTO usage_platform_daily(day, recorder, api_type, operation, model, " SUM_COLUMNS ")"
        " VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    const struct report_load *load = context;
    unsigned char blob[HISTOGRAM_BLOB_MAX];
    struct db_value values[5 + SUM_COLUMN_COUNT] = {db_int(load->day)};
    if (!db_execute(db, SQL_DAY, values, 1, NULL, err))
        return false;
    for (size_t kind = 0; kind < OPERATIONS; kind++) {
        struct usage_totals all = {0};
        for (uint32_t tenant = 0; tenant < load->tenants; tenant++) {
            struct usage_totals one = {.calls = REPORT_CALLS / REPORT_DAYS / OPERATIONS / load->tenants,
                                       .failed = random_below(10)};
            one.tokens_input = one.calls * 900;
            one.tokens_output = one.calls * 200;
            one.cost_nano_cny = one.calls * 1000000 + random_below(1000);
            one.latency_sum_ms = one.calls * 300;
            for (int bucket = 0; bucket < 30; bucket++)
                one.latency.counts[200 + bucket] = (uint64_t)one.calls / 30;
            usage_totals_add(&all, &one);
            values[1] = db_text(tenants[tenant]);
            values[2] = db_text(kinds[kind].api_type);
            values[3] = db_text(kinds[kind].operation);
            values[4] = db_text(kinds[kind].model);
            usage_totals_values(&one, blob, values + 5);
            if (!db_execute(db, SQL_TENANT, values, 5 + SUM_COLUMN_COUNT, NULL, err))
                return false;
        }
        values[1] = db_text(kinds[kind].api_type);
        values[2] = db_text(kinds[kind].operation);
        values[3] = db_text(kinds[kind].model);
        usage_totals_values(&all, blob, values + 4);
        if (!db_execute(db, SQL_PLATFORM, values, 4 + SUM_COLUMN_COUNT, NULL, err))
            return false;
    }
    return true;
}

static void bench_reports(uint32_t count_of_tenants)
{
    static const char *const names[] = {"by name", "by tenant", "by hour", "by day"};
    clear_folder();
    struct house house = open_house();
    struct error err;
    struct report_load load = {.tenants = count_of_tenants};
    int32_t today = clock_day(clock_now_ms());
    for (load.day = today - REPORT_DAYS; load.day < today; load.day++)
        if (!store_write(house.store, put_report_day, &load, &err))
            fail("totals", &err);
    struct usage_query query = {
        .start = clock_day_start(today - REPORT_DAYS), .end = clock_day_start(today), .limit_ms = 60000};
    for (enum usage_grouping by = USAGE_BY_NAMES; by <= USAGE_BY_DAY; by++) {
        double took[REPORTS];
        struct usage_report report;
        if (by == USAGE_BY_HOUR)
            continue;
        query.by = by;
        for (int i = 0; i < REPORTS; i++) {
            CLEANUP(arena_release) struct arena arena = {0};
            int64_t began = clock_monotonic_us();
            if (!usage_report_read(house.telemetry, &query, &arena, &report, &err))
                fail("report", &err);
            took[i] = (double)(clock_monotonic_us() - began) / 1e3;
        }
        printf("%d days, %.0f million calls, %u tenants, %s: p50 %.1f ms, p99 %.1f ms\n", REPORT_DAYS,
               (double)report.total.sums.calls / 1e6, count_of_tenants, names[by],
               quantile(took, REPORTS, 0.5), quantile(took, REPORTS, 0.99));
    }
    close_house(&house);
}

/* ---- a real trace ---- */

/* "2023-11-16 18:15:46.6805900,374,44"; false for the heading. */
static bool read_call(char *line, struct usage_record *ret_record)
{
    char *input = strchr(line, ','), *output = input ? strchr(input + 1, ',') : NULL;
    char time_text[32];
    if (!output)
        return false;
    snprintf(time_text, sizeof(time_text), "%.23sZ", line);
    ret_record->tokens_input = strtoll(input + 1, NULL, 10);
    ret_record->tokens_output = strtoll(output + 1, NULL, 10);
    return clock_parse(time_text, &ret_record->timestamp, NULL);
}

static size_t read_trace(const char *file, struct usage_record **ret_records)
{
    FILE *in = fopen(file, "r");
    if (!in)
        return 0;
    char line[256];
    size_t count = 0;
    struct usage_record *records = NULL;
    while (fgets(line, sizeof(line), in)) {
        struct usage_record one = {
            .api_type = "dashscope", .operation = "chat", .model = "qwen-plus", .tenant_id = "azure"};
        if (!read_call(line, &one))
            continue;
        records = xrealloc(records, (count + 1) * sizeof(*records));
        records[count++] = one;
    }
    fclose(in);
    *ret_records = records;
    return count;
}

static void replay_trace(const char *file)
{
    CLEANUP(free_pointer) struct usage_record *records = NULL;
    size_t count = read_trace(file, &records);
    if (count == 0) {
        printf("trace: skipped, %s is not here\n", file);
        return;
    }
    clear_folder();
    struct error err;
    struct house house = open_house();
    for (size_t at = 0; at < count; at += 1000)
        if (!telemetry_write(house.telemetry, records + at, count - at < 1000 ? count - at : 1000, NULL, 0,
                             &err))
            fail("trace", &err);
    static struct usage_totals totals[3];
    if (!telemetry_roll_over(house.telemetry, NULL, &err) ||
        !telemetry_daily_totals(house.telemetry, clock_day(records[0].timestamp), 3, NULL, totals, &err))
        fail("trace", &err);
    int64_t calls = 0, input = 0, output = 0;
    for (int i = 0; i < 3; i++) {
        calls += totals[i].calls;
        input += totals[i].tokens_input;
        output += totals[i].tokens_output;
    }
    printf("trace: %" PRId64 " calls, %" PRId64 " tokens in, %" PRId64 " out\n", calls, input, output);
    close_house(&house);
}

/* The rate of bare inserts alone, for who measures against it: rows/s. */
static void print_bare(size_t count, size_t batch)
{
    struct usage_record *records = xmalloc(count * sizeof(*records));
    int64_t start = clock_now_ms() - 60000;
    char(*ids)[48] = xmalloc(count * sizeof(*ids));
    for (size_t i = 0; i < count; i++) {
        records[i] = make_record(start + (int64_t)(i / 100));
        snprintf(ids[i], sizeof(ids[i]), "1-%zu-%zu", i / batch, i % batch);
        records[i].request_id = ids[i];
    }
    clear_folder();
    printf("%.0f\n", bench_bare(records, count - count % batch, batch));
    free(ids);
    free(records);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    snprintf(folder, sizeof(folder), "%s/kimono-bench-usage", argc > 1 ? argv[1] : "/tmp");
    clock_set_zone("Asia/Shanghai", NULL);
    log_set_level(LOG_WARN);
    for (int i = 0; i < MANY_TENANTS; i++)
        snprintf(tenants[i], sizeof(tenants[i]), "tenant-%05d", i);
    if (argc == 5 && strcmp(argv[2], "--bare") == 0) {
        print_bare(strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10));
        return 0;
    }
    bench_recording(1000, 100000, false);
    bench_recording(100, 50000, false);
    bench_recording(10000, 100000, false);
    bench_recording(1000, 100000, true);
    bench_log();
    bench_loading_and_reading(TENANTS);
    bench_loading_and_reading(MANY_TENANTS);
    printf("-- reports of usage (by tenant over 90 days at most 50 ms)\n");
    bench_reports(25);
    bench_reports(TENANTS);
    bench_reports(1000);
    replay_trace(argc > 2 ? argv[2] : "llm_calls_azure_2023_conv.csv");
    clear_folder();
    rmdir(folder);
    return 0;
}
