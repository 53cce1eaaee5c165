/* How fast templates come to tenants, against the bare database on the same disk.
 *
 *     bench_templates [FOLDER] [--quick]
 *
 * 50 templates to 10,000 tenants (--quick: 1,000): the job templates.distribute, with its items, counters,
 * audit rows and durable commits, against one INSERT … SELECT of the same rows into the same table
 * with the same indexes, in one transaction; both until the store is closed. Each on a fresh
 * copy of one store (PostgreSQL: a store made in the same way); printed are the medians and their ratio, how much the process grew meanwhile, and the
 * same job once more, which changes nothing. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "bench_store.h"
#include "ops/templates/distribution.h"
#include "ops/templates/tasks.h"
#include "ops/templates/template_manager.h"
#include "platform/knowledge/quality.h"
#include "platform/tenants/tenants.h"
#include "search/full_text.h"
#include "settings/settings.h"

#define TEMPLATES 50
#define ROUNDS_MAX 3 /* at full scale it is one: some minutes */
#define TENANTS_OF_WORK 500

static char folder[512];
static int tenant_count = 10000, rounds = 1;

static void fail(const char *what, const struct error *err)
{
    fprintf(stderr, "%s: %s\n", what, err ? err->detail[LANGUAGE_EN] : "failed");
    exit(1);
}

static const char *path_of(const char *name)
{
    static char paths[4][1024];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
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

static void copy_file(const char *from, const char *to)
{
    static char buffer[1 << 20];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    if (!in || !out)
        fail(to, NULL);
    for (size_t length; (length = fread(buffer, 1, sizeof(buffer), in)) > 0;)
        if (fwrite(buffer, 1, length, out) != length)
            fail(to, NULL);
    fclose(in);
    if (fclose(out) != 0)
        fail(to, NULL);
}

static struct store *open_store(const char *path)
{
    struct store *store;
    struct error err;
    struct store_options options = {.path = path,
                                    .migrations = main_migrations,
                                    .migration_count = main_migration_count,
                                    .tokenize = full_text_tokens};
    if (!store_open(&store, &options, &err))
        fail(path, &err);
    return store;
}

/* ---- the store that both begin with ---- */

static bool add_tenants(struct db *db, void *context, struct error *err)
{
    int first = *(int *)context;
    for (int i = first; i < first + TENANTS_OF_WORK && i < tenant_count; i++) {
        CLEANUP(arena_release) struct arena arena = {0};
        char id[32];
        struct tenant tenant;
        snprintf(id, sizeof(id), "tenant-%05d", i);
        if (!tenant_insert(db, &actor_system, id, id, NULL, &arena, &tenant, err))
            return false;
    }
    return true;
}

static void add_template(struct platform *platform, int number)
{
    CLEANUP(arena_release) struct arena arena = {0};
    struct template template;
    struct error err;
    const struct template_edit text = {
        .question = arena_printf(&arena, "第 %d 种和服套餐的租借价格是多少，怎么预约？", number),
        .answer = arena_printf(&arena,
                               "套餐 %d 每天三百元起，含着装与发型。请提前一天在门店或线上预约，当天取消"
                               "收取三成费用；最终价格以门店说明为准。",
                               number),
        .category = number % 2 ? "价格" : "预约",
        .version = INT_NULL,
    };
    if (!template_create(platform, &actor_system, &text, &arena, &template, &err))
        fail("template", &err);
}

static void make_store(const char *path)
{
    struct error err;
    struct platform platform = {.store = open_store(path)};
    for (int first = 0; first < tenant_count; first += TENANTS_OF_WORK)
        if (!store_write(platform.store, add_tenants, &first, &err))
            fail("tenants", &err);
    for (int i = 1; i <= TEMPLATES; i++)
        add_template(&platform, i);
    store_close(platform.store);
}

/* The address of a store of this name as both begin with. */
static const char *new_store(const char *name)
{
    char file[64];
    snprintf(file, sizeof(file), "%s.db", name);
    const char *path = bench_store_path(path_of(file), name);
    if (bench_database()) {
        bench_drop_schema(name);
        make_store(path);
    } else {
        copy_file(path_of("empty.db"), path);
    }
    return path;
}

/* ---- the two ---- */

static double seconds_since(int64_t began_us)
{
    return (double)(clock_monotonic_us() - began_us) / 1e6;
}

static const char SQL_BARE[] =
    "INSERT INTO qa_pairs(tenant_id, question, answer, category, source, question_hash, text_hash,"
    " is_synced, quality_score, revision, created_at, updated_at, template_id, template_version,"
    " quality_due_at, question_key)"
    " SELECT t.id, q.question, q.answer, q.category, 'template', q.question_hash, q.text_hash,"
    " 0, 0.5, 1, q.created_at, q.created_at, q.id, q.version, q.created_at + $1, q.question_key"
    " FROM tenants t CROSS JOIN templates q ORDER BY t.id, q.id";

static bool insert_work(struct db *db, void *context, struct error *err)
{
    (void)context;
    int64_t first_due = quality_due_at(&(struct quality_evidence){0}, 0);
    return db_execute(db, SQL_BARE, DB_ARGS(db_int(first_due)), NULL, err);
}

static double insert_bare(void)
{
    struct error err;
    struct store *store = open_store(new_store("bench_bare"));
    int64_t began = clock_monotonic_us();
    if (!store_write(store, insert_work, NULL, &err))
        fail("bare inserts", &err);
    store_close(store);
    double took = seconds_since(began);
    remove(path_of("bench_bare.db"));
    bench_drop_schema("bench_bare");
    return took;
}

static long resident_kib(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &pages, &resident) != 2)
        fail("/proc/self/statm", NULL);
    fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static const struct job_kinds *const rooms[] = {&template_job_kinds};

static struct job read_job(struct platform *platform, const char *id, struct arena *arena)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct error err;
    struct job job = {0};
    if (!store_reader(platform->store, READ_LIMIT_MS, &db, &err) || !job_get(db, id, arena, &job, &err))
        fail("job", &err);
    return job;
}

/* All templates to all tenants; `ret_growth_kib`: how much the process grew between the first tenth and
 * the end. */
static void run_job(struct platform *platform, long *ret_growth_kib)
{
    CLEANUP(arena_release) struct arena arena = {0};
    int64_t ids[TEMPLATES];
    struct error err;
    struct job job;
    for (int i = 0; i < TEMPLATES; i++)
        ids[i] = i + 1;
    struct distribute_request request = {
        .template_ids = ids, .template_count = TEMPLATES, .all_tenants = true};
    if (!template_distribute(platform, &actor_system, &request, &arena, &job, &err))
        fail("distribution", &err);
    long first = 0;
    while (!jobs_wait(platform->jobs, job.id, 20)) {
        CLEANUP(arena_release) struct arena look = {0};
        struct job now = read_job(platform, job.id, &look);
        if (first == 0 && now.progress_done * 10 > now.progress_total)
            first = resident_kib();
    }
    *ret_growth_kib = first ? resident_kib() - first : 0;
    job = read_job(platform, job.id, &arena);
    if (strcmp(job.status, "succeeded") != 0)
        fail(job.error_en ? job.error_en : job.status, NULL);
}

/* The job on a store that is opened for it and closed after it. */
static double distribute(const char *path, long *ret_growth_kib)
{
    struct error err;
    struct platform platform = {.store = open_store(path)};
    static const struct setting_flag none = {0};
    if (!settings_load(&platform.settings, NULL, &none, &err) ||
        !lease_holder_start(&platform.lease_holder, platform.store, LEASE_TIME_TO_LIVE_MS, &err) ||
        !jobs_start(&platform.jobs, &platform, rooms, ARRAY_SIZE(rooms), &err))
        fail("jobs", &err);
    int64_t began = clock_monotonic_us();
    run_job(&platform, ret_growth_kib);
    jobs_stop(platform.jobs);
    lease_holder_stop(platform.lease_holder);
    store_close(platform.store);
    double took = seconds_since(began);
    settings_free(platform.settings);
    return took;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values)
{
    qsort(values, (size_t)rounds, sizeof(*values), compare);
    return values[rounds / 2];
}

int main(int argc, char **argv)
{
    double bare[ROUNDS_MAX], own[ROUNDS_MAX], again[ROUNDS_MAX], ratios[ROUNDS_MAX];
    long growth_kib = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    snprintf(folder, sizeof(folder), "%s/kimono-bench-templates", argc > 1 ? argv[1] : "/tmp");
    if (argc > 2 && strcmp(argv[2], "--quick") == 0) {
        tenant_count = 1000;
        rounds = ROUNDS_MAX;
    }
    clock_set_zone("Asia/Shanghai", NULL);
    log_set_level(LOG_ERROR);
    clear_folder();
    if (!bench_database())
        make_store(path_of("empty.db"));
    for (int i = 0; i < rounds; i++) {
        long growth, unused;
        bare[i] = insert_bare();
        const char *path = new_store("bench_templates");
        own[i] = distribute(path, &growth);
        again[i] = distribute(path, &unused);
        ratios[i] = own[i] / bare[i];
        growth_kib = growth > growth_kib ? growth : growth_kib;
    }
    int pairs = TEMPLATES * tenant_count;
    printf("templates, %d pairs: %.2f of the time of INSERT … SELECT (at most 2.5); %.1f s against %.1f s;"
           " once more %.1f s; grew by %ld KiB\n",
           pairs, median(ratios), median(own), median(bare), median(again), growth_kib);
    bench_drop_schema("bench_templates");
    clear_folder();
    rmdir(folder);
    return 0;
}
