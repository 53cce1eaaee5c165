/* Benchmark: pages of everyone's knowledge under any mix of filters, in any order, the first and the 5,000th by
 * cursor, against the limits of the design: 20 ms, with a keyword 50 ms.
 *
 *     bench_knowledge STORE [ROUNDS]          the store of demonstration data (tools/bench.sh makes one): a file,
 *                                             or the address of a PostgreSQL schema
 *
 * Prints for each mix the 50th and 99th percentile and the worst of its pages over all orders; exit status 1
 * when a 99th percentile is over its limit. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/memory.h"
#include "ops/knowledge/knowledge_manager.h"
#include "search/full_text.h"

#define PAGE_SIZE 20
#define DEEP_PAGE 5000
#define TIMES_MAX 65536
#define LIMIT_MS 20.0
#define KEYWORD_LIMIT_MS 50.0
#define READ_MS 60000

struct times {
    double ms[TIMES_MAX];
    size_t count;
};

struct bench {
    struct store *store;
    struct knowledge_directory *directory;
    const char *tenant_id;
    struct arena names, arena;
    int rounds;
    bool by_the_clock, over;
};

static void fail(const char *what, const struct error *err)
{
    fprintf(stderr, "bench_knowledge: %s: %s\n", what, err->detail[LANGUAGE_EN]);
    exit(1);
}

/* Of this thread on SQLite: the store lies in memory, and what else runs on the machine does not count. By the clock
 * on PostgreSQL, where others work and this thread waits. */
static double now_ms(const struct bench *bench)
{
    struct timespec now;
    clock_gettime(bench->by_the_clock ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(struct bench *bench, const char *name, struct times *times, double limit)
{
    qsort(times->ms, times->count, sizeof(times->ms[0]), by_size);
    double p99 = times->ms[(times->count - 1) * 99 / 100];
    printf("%-44s %6zu pages  p50 %7.2f  p99 %7.2f  worst %7.2f ms  limit %.0f%s\n", name, times->count,
           times->ms[times->count / 2], p99, times->ms[times->count - 1], limit, p99 > limit ? "  OVER" : "");
    bench->over |= p99 > limit;
    fflush(stdout);
}

static struct qa_list page(struct bench *bench, const struct qa_list_request *request, struct times *times)
{
    struct error err;
    struct qa_list list;
    error_clear(&err);
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (!store_reader(bench->store, READ_MS, &db, &err))
        fail("reader", &err);
    double began = now_ms(bench);
    if (!knowledge_list(bench->directory, db, request, &bench->arena, &list, &err))
        fail(request->sort, &err);
    if (times && times->count < TIMES_MAX)
        times->ms[times->count++] = now_ms(bench) - began;
    return list;
}

/* The first pages of every order, and what follows them by cursor. */
static void measure(struct bench *bench, const char *name, struct qa_filter filter)
{
    struct times *times = xcalloc(1, sizeof(*times));
    for (size_t i = 0; knowledge_sorts[i]; i++)
        for (int round = 0; round < bench->rounds; round++) {
            struct qa_list_request request = {
                .filter = filter, .sort = knowledge_sorts[i], .page = 1, .page_size = PAGE_SIZE};
            for (int pages = 0; pages < 3; pages++) {
                request.cursor = page(bench, &request, times).next_cursor;
                if (!request.cursor)
                    break;
            }
            arena_reset(&bench->arena);
        }
    report(bench, name, times, filter.keyword ? KEYWORD_LIMIT_MS : LIMIT_MS);
    free(times);
}

/* The 5,000th page of an order, reached by cursors of large pages. */
static void measure_deep(struct bench *bench, struct qa_filter filter)
{
    struct times *times = xcalloc(1, sizeof(*times));
    for (size_t i = 0; knowledge_sorts[i]; i++) {
        struct qa_list_request request = {
            .filter = filter, .sort = knowledge_sorts[i], .page = 1, .page_size = 200};
        char cursor[KNOWLEDGE_CURSOR_MAX];
        for (int met = 0; met < DEEP_PAGE * PAGE_SIZE; met += 200) {
            const char *next = page(bench, &request, NULL).next_cursor;
            if (!next)
                break;
            snprintf(cursor, sizeof(cursor), "%s", next);
            request.cursor = cursor;
            arena_reset(&bench->arena);
        }
        request.page_size = PAGE_SIZE;
        for (int round = 0; round < bench->rounds; round++)
            page(bench, &request, times);
        arena_reset(&bench->arena);
    }
    report(bench, "no filter, page 5,000 by cursor", times, LIMIT_MS);
    free(times);
}

#define MIXES 32
static struct qa_filter mix_of(const struct bench *bench, unsigned mix)
{
    return (struct qa_filter){
        .tenant_id = mix & 1 ? bench->tenant_id : NULL,
        .category = mix & 2 ? "价格" : NULL,
        .source = mix & 4 ? "import" : NULL,
        .is_synced = mix & 8 ? SYNCED_NO : SYNCED_ANY,
        .quality_min = mix & 16 ? 0.5 : NAN,
        .quality_max = mix & 16 ? 0.9 : NAN,
    };
}

static void name_mix(unsigned mix, char name[static 64])
{
    static const char *const parts[] = {"tenant ", "category ", "source ", "unsynced ", "quality "};
    name[0] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        if (mix & 1U << i)
            strcat(name, parts[i]);
    if (mix == 0)
        strcpy(name, "no filter");
}

static const char SQL_SOME_TENANT[] = "SELECT id FROM tenants ORDER BY qa_pair_count DESC LIMIT 1";

static void find_tenant(struct bench *bench)
{
    struct error err;
    error_clear(&err);
    CLEANUP(store_reader_release) struct db *db = NULL;
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!store_reader(bench->store, READ_MS, &db, &err) ||
        !db_query(db, SQL_SOME_TENANT, DB_NO_ARGS, &rows, &err) || !db_next(&rows))
        fail("tenants", &err);
    bench->tenant_id = arena_strdup(&bench->names, db_column_text(&rows, 0));
}

/* Once for each process: the directory reads all pairs. */
static void load(struct bench *bench)
{
    struct error err;
    error_clear(&err);
    CLEANUP(store_reader_release) struct db *db = NULL;
    double began = now_ms(bench);
    bench->directory = knowledge_directory_new();
    if (!store_reader(bench->store, READ_MS, &db, &err) ||
        !knowledge_directory_rank(bench->directory, db, &err))
        fail("directory", &err);
    printf("%-44s %.0f ms, once\n", "reading all pairs into the directory", now_ms(bench) - began);
}

static void measure_keywords(struct bench *bench)
{
    static const char *const keywords[] = {"和服", "租", "的", "价格",         "正绢",
                                           "铭仙", "日", "1",  "没有这样的词", "預約番号"};
    for (size_t i = 0; i < ARRAY_SIZE(keywords); i++)
        for (unsigned mix = 0; mix < MIXES; mix += 3) {
            char name[64], whole[128];
            struct qa_filter filter = mix_of(bench, mix);
            filter.keyword = keywords[i];
            name_mix(mix, name);
            snprintf(whole, sizeof(whole), "keyword %s %s", keywords[i], name);
            measure(bench, whole, filter);
        }
}

int main(int argc, char **argv)
{
    struct bench bench = {.rounds = argc > 2 ? atoi(argv[2]) : 3};
    struct error err;
    if (argc < 2) {
        fprintf(stderr, "usage: bench_knowledge STORE [ROUNDS]\n");
        return 2;
    }
    bench.by_the_clock = strstr(argv[1], "://") != NULL;
    log_set_level(LOG_WARN);
    struct store_options options = {
        .path = argv[1],
        .migrations = main_migrations,
        .migration_count = main_migration_count,
        .tokenize = full_text_tokens,
    };
    error_clear(&err);
    if (!store_open(&bench.store, &options, &err))
        fail(argv[1], &err);
    find_tenant(&bench);
    load(&bench);
    for (unsigned mix = 0; mix < MIXES; mix++) {
        char name[64];
        name_mix(mix, name);
        measure(&bench, name, mix_of(&bench, mix));
    }
    measure_keywords(&bench);
    measure_deep(&bench, mix_of(&bench, 0));
    knowledge_directory_free(bench.directory);
    store_close(bench.store);
    arena_release(&bench.arena);
    arena_release(&bench.names);
    return bench.over ? 1 : 0;
}
