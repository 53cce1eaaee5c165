/* How fast log rows are recorded and found, against bare inserts of the same rows and against grep on the same lines.
 *
 *     bench_logs [FOLDER] [LINES] [DAYS]      default: 1,000,000 lines over 10 days
 *
 * Recording: telemetry_write in batches of 1,000 (redaction, roll-up, sealing, durable commit) against prepared inserts
 * of the same rows into a plain table, in transactions of the same size. Searching: the newest 100 of a common word, a
 * rare one, an absent one, a two-character Chinese word, an identifier, with and without a tenant; grep -F and rg on the
 * text of the same lines, in the same run. */
#include <ftw.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "bench_store.h"
#include "search/full_text.h"
#include "telemetry/log_search.h"
#include "telemetry/telemetry.h"

#define SCHEMA "bench_logs"
#define BATCH 1000
#define RECORDED 100000
#define ROUNDS 3
#define SEARCHES 100
#define TENANTS 100

static char folder[512];
static uint64_t random_state = 7;

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

/* ---- rows ---- */

struct line {
    char message[256], request_id[32], tenant_id[24], fields[96];
    struct log_record record;
};

static const char *const paths[] = {"/api/v1/chat/message", "/api/v1/feedback", "/ops/tenants",
                                    "/ops/knowledge/pairs", "/widget.js"};
static const char *const questions[] = {"尺码怎么选", "多久发货",       "可以退换吗",       "面料是什么",
                                        "有优惠吗",   "着物のサイズは", "what is the price"};

static void make_line(struct line *line, int64_t number, int64_t timestamp)
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    uint32_t kind = random_below(100);
    for (int i = 0; i < 26; i++)
        line->request_id[i] = digits[random_below(32)];
    line->request_id[26] = '\0';
    snprintf(line->tenant_id, sizeof(line->tenant_id), "tenant_%03u", random_below(TENANTS));
    line->record = (struct log_record){.timestamp = timestamp,
                                       .level = LOG_INFO,
                                       .source = "http",
                                       .message = line->message,
                                       .tenant_id = line->tenant_id,
                                       .request_id = line->request_id};
    size_t size = sizeof(line->message);
    if (number % 100003 == 50000) {
        line->record.level = LOG_ERROR;
        snprintf(line->message, size, "connection to the provider was reset (quicksilver): 汉服 %" PRId64,
                 number);
    } else if (kind < 60) {
        snprintf(line->message, size, "POST %s 200", paths[random_below(5)]);
        snprintf(line->fields, sizeof(line->fields), "{\"status\":200,\"duration_ms\":%u}",
                 random_below(900));
        line->record.fields = line->fields;
    } else if (kind < 85) {
        line->record.source = "chat";
        snprintf(line->message, size, "question answered: %s (score 0.%02u, pair %u)",
                 questions[random_below(7)], random_below(100), random_below(10000));
    } else if (kind < 97) {
        line->record.source = "vector_sync";
        snprintf(line->message, size, "synced %u pairs in %u ms, trace %c%c%c%c%c%c%c%c", random_below(500),
                 random_below(5000), digits[random_below(16)], digits[random_below(16)],
                 digits[random_below(16)], digits[random_below(16)], digits[random_below(16)],
                 digits[random_below(16)], digits[random_below(16)], digits[random_below(16)]);
    } else {
        line->record.level = LOG_WARN;
        snprintf(line->message, size, "provider timeout after %u ms, try %u", random_below(30000),
                 1 + random_below(3));
    }
}

/* ---- the house ---- */

struct house {
    struct store *store;
    struct telemetry *telemetry;
};

static struct house open_house(void)
{
    struct house house;
    struct error err;
    const char *path = bench_store_path(path_of("kimono.db"), SCHEMA);
    if (!store_open(&house.store,
                    &(struct store_options){.path = path,
                                            .migrations = main_migrations,
                                            .migration_count = main_migration_count,
                                            .tokenize = full_text_tokens},
                    &err))
        fail(path, &err);
    if (!telemetry_open(&house.telemetry,
                        &(struct telemetry_options){.database = bench_database() ? path : NULL,
                                                    .folder = path_of("telemetry"),
                                                    .main_store = house.store},
                        &err))
        fail("telemetry", &err);
    return house;
}

static void close_house(struct house *house)
{
    telemetry_close(house->telemetry);
    store_close(house->store);
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* ---- recording ---- */

static double record_lines(const struct line *lines)
{
    struct error err;
    static struct log_record batch[BATCH];
    clear_folder();
    bench_drop_schema(SCHEMA);
    struct house house = open_house();
    if (!telemetry_write(house.telemetry, NULL, 0, &lines[0].record, 1, &err))
        fail("write", &err);
    int64_t began = clock_monotonic_us();
    for (size_t at = 0; at < RECORDED; at += BATCH) {
        for (size_t i = 0; i < BATCH; i++)
            batch[i] = lines[at + i].record;
        if (!telemetry_write(house.telemetry, NULL, 0, batch, BATCH, &err))
            fail("write", &err);
    }
    double rate = RECORDED * 1e6 / (double)(clock_monotonic_us() - began);
    close_house(&house);
    return rate;
}

static void run_sql(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail(sqlite3_errmsg(db), NULL);
}

static double insert_lines(const struct line *lines)
{
    sqlite3 *db;
    sqlite3_stmt *insert;
    clear_folder();
    if (sqlite3_open(path_of("bare.db"), &db) != SQLITE_OK)
        fail("bare.db", NULL);
    run_sql(
        db,
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        " CREATE TABLE log_rows (id INTEGER PRIMARY KEY, timestamp INTEGER NOT NULL, level INTEGER NOT NULL,"
        " source TEXT NOT NULL, tenant_id TEXT, request_id TEXT, message TEXT NOT NULL, fields TEXT)");
    if (sqlite3_prepare_v2(
            db,
            "INSERT INTO log_rows(timestamp, level, source, tenant_id, request_id, message, fields)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            -1, &insert, NULL) != SQLITE_OK)
        fail(sqlite3_errmsg(db), NULL);
    int64_t began = clock_monotonic_us();
    for (size_t at = 0; at < RECORDED; at++) {
        const struct log_record *record = &lines[at].record;
        if (at % BATCH == 0)
            run_sql(db, "BEGIN IMMEDIATE");
        sqlite3_bind_int64(insert, 1, record->timestamp);
        sqlite3_bind_int(insert, 2, (int)record->level);
        sqlite3_bind_text(insert, 3, record->source, -1, SQLITE_STATIC);
        sqlite3_bind_text(insert, 4, record->tenant_id, -1, SQLITE_STATIC);
        sqlite3_bind_text(insert, 5, record->request_id, -1, SQLITE_STATIC);
        sqlite3_bind_text(insert, 6, record->message, -1, SQLITE_STATIC);
        sqlite3_bind_text(insert, 7, record->fields, -1, SQLITE_STATIC);
        if (sqlite3_step(insert) != SQLITE_DONE)
            fail("insert", NULL);
        sqlite3_reset(insert);
        if (at % BATCH == BATCH - 1)
            run_sql(db, "COMMIT");
    }
    double rate = RECORDED * 1e6 / (double)(clock_monotonic_us() - began);
    sqlite3_finalize(insert);
    sqlite3_close(db);
    return rate;
}

static void bench_recording(void)
{
    struct line *lines = xcalloc(RECORDED, sizeof(*lines));
    double bare[ROUNDS], ours[ROUNDS];
    int64_t now = clock_now_ms();
    for (int i = 0; i < RECORDED; i++)
        make_line(&lines[i], i, now - (RECORDED - i) / 100);
    for (int round = 0; round < ROUNDS; round++) {
        bare[round] = insert_lines(lines);
        ours[round] = record_lines(lines);
    }
    qsort(bare, ROUNDS, sizeof(bare[0]), by_value);
    qsort(ours, ROUNDS, sizeof(ours[0]), by_value);
    printf("logs in batches of %d: %.0f rows/s, bare SQLite %.0f, ratio %.2f\n", BATCH, ours[ROUNDS / 2],
           bare[ROUNDS / 2], ours[ROUNDS / 2] / bare[ROUNDS / 2]);
    free(lines);
}

/* ---- searching ---- */

static int64_t folder_bytes;

static int add_size(const char *name, const struct stat *status, int type, struct FTW *walk)
{
    (void)name, (void)type, (void)walk;
    folder_bytes += status->st_size;
    return 0;
}

static char an_identifier[32];

static void load_lines(struct telemetry *telemetry, int64_t count, int days)
{
    struct error err;
    static struct line line;
    FILE *text = fopen(path_of("lines.txt"), "w");
    int32_t today = clock_day(clock_now_ms());
    if (!text)
        fail("lines.txt", NULL);
    int64_t began = clock_monotonic_us(), number = 0;
    for (int day = days; day > 0; day--) {
        struct telemetry_loader *loader;
        int64_t start = clock_day_start(today - day), per_day = count / days;
        if (!telemetry_loader_open(&loader, telemetry, today - day, &err))
            fail("load", &err);
        for (int64_t i = 0; i < per_day; i++, number++) {
            make_line(&line, number, start + i * (DAY_MS - HOUR_MS) / per_day);
            if (!telemetry_loader_log(loader, &line.record, &err))
                fail("load", &err);
            fprintf(text, "%" PRId64 " %s %s %s %s %s\n", line.record.timestamp,
                    log_level_name(line.record.level), line.record.source, line.tenant_id, line.request_id,
                    line.message);
            const char *trace = strstr(line.message, "trace ");
            if (number > count / 3 && !*an_identifier && trace)
                snprintf(an_identifier, sizeof(an_identifier), "%s", trace + strlen("trace "));
        }
        if (!telemetry_loader_finish(loader, &err))
            fail("load", &err);
    }
    fclose(text);
    printf("%" PRId64 " lines over %d days loaded: %.0f rows/s\n", count, days,
           (double)count * 1e6 / (double)(clock_monotonic_us() - began));
    if (!telemetry_roll_over(telemetry, NULL, &err))
        fail("roll-over", &err);
}

static bool count_row(void *context, const struct found_log *found, struct error *err)
{
    (void)found, (void)err;
    ++*(int *)context;
    return true;
}

static void time_search(struct telemetry *telemetry, const char *what, const char *word,
                        const char *tenant_id)
{
    double times[SEARCHES];
    int rows = 0;
    struct log_expression text = {.kind = LOG_TEXT, .value = word};
    struct log_filter filter = {.text = word ? &text : NULL, .tenant_id = tenant_id};
    bool complete = true;
    for (int i = 0; i < SEARCHES; i++) {
        struct error err;
        struct log_search_end end;
        rows = 0;
        int64_t began = clock_monotonic_us();
        if (!telemetry_search_logs(telemetry, &filter, NULL, 100, 10000, count_row, &rows, &end, &err))
            fail("search", &err);
        times[i] = (double)(clock_monotonic_us() - began) / 1000;
        complete &= end.complete;
    }
    qsort(times, SEARCHES, sizeof(times[0]), by_value);
    printf("  %-28s %3d rows  p50 %7.2f ms  p99 %7.2f ms%s\n", what, rows, times[SEARCHES / 2],
           times[SEARCHES * 99 / 100], complete ? "" : "  not complete");
}

/* The histogram, the sources and tenants of all days. */
static void time_stats(struct telemetry *telemetry, int days)
{
    double times[SEARCHES];
    int64_t end = clock_day_start(clock_day(clock_now_ms())), total = 0;
    struct log_filter filter = {.start = clock_day_start(clock_day(end) - days), .end = end};
    for (int i = 0; i < SEARCHES; i++) {
        struct error err;
        struct log_stats stats;
        int64_t began = clock_monotonic_us();
        if (!telemetry_log_stats(telemetry, &filter, HOUR_MS, 10000, &stats, &err))
            fail("stats", &err);
        times[i] = (double)(clock_monotonic_us() - began) / 1000;
        total = stats.total;
        log_stats_release(&stats);
    }
    qsort(times, SEARCHES, sizeof(times[0]), by_value);
    printf("  histogram and facets of %" PRId64 " lines  p50 %.2f ms  p99 %.2f ms\n", total,
           times[SEARCHES / 2], times[SEARCHES * 99 / 100]);
}

static void time_grep(const char *program, const char *word)
{
    CLEANUP(free_pointer) char *command = NULL;
    char known[64];
    snprintf(known, sizeof(known), "command -v %s >/dev/null", program);
    if (system(known) != 0)
        return;
    if (asprintf(&command, "%s -F -c -e '%s' '%s' | cat >/dev/null", program, word, path_of("lines.txt")) < 0)
        fail("memory", NULL);
    int64_t began = clock_monotonic_us();
    int status = system(command);
    if (WIFEXITED(status) && WEXITSTATUS(status) <= 1)
        printf("    %s: %.0f ms\n", program, (double)(clock_monotonic_us() - began) / 1000);
}

static void bench_searching(int64_t count, int days)
{
    clear_folder();
    bench_drop_schema(SCHEMA);
    struct house house = open_house();
    load_lines(house.telemetry, count, days);
    close_house(&house);
    nftw(path_of("telemetry"), add_size, 8, FTW_PHYS);
    if (!bench_database())
        printf("%.1f bytes a row on the disk\n", (double)folder_bytes / (double)count);
    house = open_house();
    const struct {
        const char *what, *word;
    } words[] = {{"everything", NULL},    {"common", "question answered"}, {"common, short", "pairs"},
                 {"rare", "QUICKSILVER"}, {"absent", "unobtainium"},       {"two characters", "汉服"},
                 {"two, absent", "旗袍"}, {"identifier", an_identifier}};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        char what[64];
        snprintf(what, sizeof(what), "%s, one tenant", words[i].what);
        time_search(house.telemetry, words[i].what, words[i].word, NULL);
        time_search(house.telemetry, what, words[i].word, "tenant_042");
        if (words[i].word) {
            time_grep("grep", words[i].word);
            time_grep("rg", words[i].word);
        }
    }
    time_stats(house.telemetry, days);
    close_house(&house);
    bench_drop_schema(SCHEMA);
}

int main(int argc, char **argv)
{
    snprintf(folder, sizeof(folder), "%s/logs-%d", argc > 1 ? argv[1] : "/tmp", (int)getpid());
    clock_set_zone("Asia/Shanghai", NULL);
    log_set_level(LOG_ERROR);
    if (!bench_database())
        bench_recording();
    bench_searching(argc > 2 ? strtoll(argv[2], NULL, 10) : 1000000, argc > 3 ? atoi(argv[3]) : 10);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return 0;
}
