/* Benchmark: import and export of tables, against what they cannot do without.
 *
 *     bench_transfer FOLDER                   import, in a folder for its files
 *     bench_transfer FOLDER STORE             export of that store, a file or an address (tools/bench.sh makes one
 *                                             of demonstration data)
 *
 * Import of 100,000 rows of 8 columns, .xlsx (shared strings, as spreadsheets write it) and .csv: reading the
 * file and nothing else, bare inserts of its rows into the same table with all its indexes and triggers
 * (durable, transactions of the same size), and the import; at most 2 times the two together. Where
 * Python has openpyxl, it reads the workbook too: the import, all told, is to be 5 times as fast.
 *
 * Export of all pairs of the store: libxlsxwriter alone with the same cells (of the first pairs, over and over),
 * and the export; at most 1.3 times.
 *
 * Each runs in a process of its own, which tells its processor time, with PostgreSQL's (what else runs on the machine
 * does not count), its time, and the most memory that it had; that must stay under 60 MB. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xlsxwriter.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "bench_store.h"
#include "formats/table.h"
#include "ops/transfer/import_export_service.h"
#include "platform/knowledge/knowledge.h"
#include "platform/knowledge/quality.h"
#include "platform/platform.h"
#include "platform/tenants/tenants.h"
#include "search/full_text.h"

#define ROWS 100000
#define COLUMNS 8
#define SCHEMA "bench_transfer"
#define MEMORY_LIMIT_KIB (60 * 1024)
#define IMPORT_LIMIT 2.0
#define PYTHON_LIMIT 5.0
#define EXPORT_LIMIT 1.3
#define SAMPLE 1000 /* pairs whose cells libxlsxwriter writes over and over */

static const char *folder;
static bool over;

static void fail(const char *what, const struct error *err)
{
    fprintf(stderr, "bench_transfer: %s: %s\n", what, err ? err->detail[LANGUAGE_EN] : "failed");
    exit(1);
}

static const char *path_of(const char *name)
{
    static char paths[16][1024];
    static int next;
    char *path = paths[next++ % 16];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

/* ---- a process for each ---- */

struct measure {
    double cpu, wall; /* seconds */
    long kib;         /* most memory */
    int64_t count;    /* what the work says */
};

static struct measure measure(int64_t (*work)(const char *path), const char *path)
{
    struct measure result = {0};
    struct rusage usage;
    int ends[2], status;
    if (pipe(ends) != 0)
        fail("pipe", NULL);
    int64_t began = clock_monotonic_us();
    double database_began = bench_database_seconds();
    pid_t child = fork();
    if (child == 0) {
        int64_t count = work(path);
        if (write(ends[1], &count, sizeof(count)) != sizeof(count))
            _exit(1);
        _exit(0);
    }
    if (wait4(child, &status, 0, &usage) != child || status != 0 ||
        read(ends[0], &result.count, sizeof(result.count)) != sizeof(result.count))
        fail(path, NULL);
    close(ends[0]);
    close(ends[1]);
    result.wall = (double)(clock_monotonic_us() - began) / 1e6;
    result.cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    result.cpu += bench_database_seconds() - database_began;
    result.kib = usage.ru_maxrss;
    return result;
}

static struct measure report(const char *name, int64_t (*work)(const char *path), const char *path)
{
    struct measure result = measure(work, path);
    printf("%-44s %8lld rows  %6.2f s of processor  %6.2f s  %3ld MB\n", name, (long long)result.count,
           result.cpu, result.wall, result.kib / 1024);
    fflush(stdout);
    return result;
}

static void judge(const char *name, double ratio, double limit, bool at_least)
{
    bool bad = at_least ? ratio < limit : ratio > limit;
    printf("%-44s %.2f (%s %.1f)%s\n", name, ratio, at_least ? "at least" : "at most", limit,
           bad ? "  OVER" : "");
    over |= bad;
}

static void judge_memory(const char *name, const struct measure *measured)
{
    if (measured->kib > MEMORY_LIMIT_KIB)
        printf("%-44s %ld MB of memory  OVER\n", name, measured->kib / 1024);
    over |= measured->kib > MEMORY_LIMIT_KIB;
}

/* ---- the rows ---- */

static const char *const headings[COLUMNS] = {"编号", "问题", "答案", "分类", "门店", "作者", "备注", "日期"};

static void make_row(int number, char texts[COLUMNS][400])
{
    static const char *const kinds[] = {"价格", "预约", "售后", "门店"};
    snprintf(texts[0], 400, "%06d", number);
    snprintf(texts[1], 400, "第 %d 种和服套餐的租借价格是多少，怎么预约？", number);
    snprintf(texts[2], 400,
             "套餐 %d 每天 %d 元起，含着装与发型。请提前一天在门店或线上预约，当天取消收取三成费用；"
             "最终价格以门店说明为准。",
             number, 200 + number % 700);
    snprintf(texts[3], 400, "%s", kinds[number % 4]);
    snprintf(texts[4], 400, "浅草 %d 号店", number % 37);
    snprintf(texts[5], 400, "店员 %d", number % 211);
    snprintf(texts[6], 400, "由第 %d 位客人问起", number % 5003);
    snprintf(texts[7], 400, "2026-%02d-%02d", 1 + number % 12, 1 + number % 28);
}

static bool write_bytes(void *context, const char *bytes, size_t length, struct error *err)
{
    (void)err;
    return fwrite(bytes, 1, length, context) == length;
}

static int64_t make_csv(const char *path)
{
    struct error err;
    FILE *file = fopen(path, "w");
    struct byte_sink sink = {write_bytes, file};
    struct csv_writer writer;
    if (!file)
        fail(path, NULL);
    csv_writer_init(&writer, &sink, true);
    csv_writer_row(&writer, headings, COLUMNS, &err);
    for (int i = 0; i < ROWS; i++) {
        char texts[COLUMNS][400];
        const char *fields[COLUMNS];
        make_row(i, texts);
        for (size_t at = 0; at < COLUMNS; at++)
            fields[at] = texts[at];
        csv_writer_row(&writer, fields, COLUMNS, &err);
    }
    csv_writer_finish(&writer, &err);
    csv_writer_release(&writer);
    fclose(file);
    return ROWS;
}

static int64_t make_workbook(const char *path)
{
    lxw_workbook *book = workbook_new(path);
    lxw_worksheet *sheet = workbook_add_worksheet(book, NULL);
    for (lxw_col_t at = 0; at < COLUMNS; at++)
        worksheet_write_string(sheet, 0, at, headings[at], NULL);
    for (int i = 0; i < ROWS; i++) {
        char texts[COLUMNS][400];
        make_row(i, texts);
        for (lxw_col_t at = 0; at < COLUMNS; at++)
            worksheet_write_string(sheet, (lxw_row_t)i + 1, at, texts[at], NULL);
    }
    workbook_close(book);
    return ROWS;
}

/* ---- stores ---- */

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

static struct store *new_store(void)
{
    CLEANUP(arena_release) struct arena arena = {0};
    struct tenant tenant;
    struct error err;
    static const char *const files[] = {"transfer.db", "transfer.db-wal", "transfer.db-shm"};
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        unlink(path_of(files[i]));
    bench_drop_schema(SCHEMA);
    struct store *store = open_store(bench_store_path(path_of("transfer.db"), SCHEMA));
    if (!tenant_add(store, &actor_system, "t1", "店", NULL, &arena, &tenant, &err))
        fail("tenant", &err);
    return store;
}

/* ---- import ---- */

static bool count_row(void *context, const struct table_row *row, struct error *err)
{
    (void)row, (void)err;
    ++*(int64_t *)context;
    return true;
}

static int64_t read_alone(const char *path)
{
    struct table *table = NULL;
    struct error err;
    int64_t rows = -1; /* the heading */
    if (!table_open(path, &(struct table_options){0}, &table, &err) ||
        !table_read(table, count_row, &rows, &err))
        fail(path, &err);
    table_close(&table);
    return rows;
}

static const char SQL_BARE[] =
    "INSERT INTO qa_pairs(tenant_id, question, answer, category, source, question_hash, text_hash,"
    " is_synced, quality_score, revision, created_at, updated_at, quality_due_at, question_key)"
    " VALUES ('t1', $1, $2, $3, 'import', $4, $5, 0, 0.5, 1, $6, $6, $7, $8)";

/* Rows as an import leaves them, so that each of the table's indexes has its part. */
static bool insert_work(struct db *db, void *context, struct error *err)
{
    int first = *(int *)context;
    int64_t now = clock_now_ms(), due_at = quality_due_at(&(struct quality_evidence){.edited_at = now}, now);
    for (int i = first; i < first + IMPORT_BATCH && i < ROWS; i++) {
        char texts[COLUMNS][400];
        make_row(i, texts);
        if (!db_execute(db, SQL_BARE,
                        DB_ARGS(db_text(texts[1]), db_text(texts[2]), db_text(texts[3]),
                                db_int(qa_question_hash(texts[1])), db_int(qa_text_hash(texts[1], texts[2])),
                                db_int(now), db_int(due_at), db_int(qa_question_key(texts[1]))),
                        NULL, err))
            return false;
    }
    return true;
}

static int64_t insert_alone(const char *path)
{
    (void)path;
    struct error err;
    struct store *store = new_store();
    for (int i = 0; i < ROWS; i += IMPORT_BATCH)
        if (!store_write(store, insert_work, &i, &err))
            fail("insert", &err);
    store_close(store);
    return ROWS;
}

static int64_t import_once(const char *path)
{
    static struct import_result result;
    struct error err;
    struct store *store = new_store();
    struct import_request request = {.path = path, .tenant_id = "t1", .actor = &actor_system};
    if (!import_file(store, &request, &result, &err))
        fail(path, &err);
    store_close(store);
    return result.created;
}

static const char *const pythons[] = {"python3", "/usr/bin/python3"};

static int64_t read_by_python(const char *path)
{
    char command[2048];
    for (size_t i = 0; i < ARRAY_SIZE(pythons); i++) {
        snprintf(command, sizeof(command), "%s -c 'import openpyxl' 2>/dev/null", pythons[i]);
        if (system(command) != 0)
            continue;
        snprintf(command, sizeof(command),
                 "%s -c 'import openpyxl; sheet = openpyxl.load_workbook(\"%s\", read_only=True).active;"
                 " rows = sum(1 for row in sheet.iter_rows(values_only=True)); assert rows == %d, rows'",
                 pythons[i], path, ROWS + 1);
        return system(command) == 0 ? ROWS : -1;
    }
    return 0;
}

static void import_benchmark(void)
{
    struct measure bare, read, import, python;
    static const char *const names[] = {"rows.csv", "rows.xlsx"};
    measure(make_csv, path_of(names[0]));
    measure(make_workbook, path_of(names[1]));
    bare = report("bare inserts", insert_alone, "");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char name[64];
        const char *path = path_of(names[i]);
        snprintf(name, sizeof(name), "reading alone of %s", names[i]);
        read = report(name, read_alone, path);
        snprintf(name, sizeof(name), "import of %s", names[i]);
        import = report(name, import_once, path);
        judge_memory(name, &import);
        judge("  against reading and inserting", import.cpu / (read.cpu + bare.cpu), IMPORT_LIMIT, false);
    }
    python = measure(read_by_python, path_of(names[1]));
    if (python.count == ROWS) {
        printf("%-44s %8d rows  %6.2f s of processor  %6.2f s\n", "reading by openpyxl", ROWS, python.cpu,
               python.wall);
        judge("  against openpyxl's reading", python.cpu / import.cpu, PYTHON_LIMIT, true);
    } else {
        puts("reading by openpyxl: skipped, Python has no openpyxl");
    }
}

/* ---- export ---- */

static struct export_request everything(enum export_format format)
{
    return (struct export_request){
        .filter = {.is_synced = SYNCED_ANY, .quality_min = NAN, .quality_max = NAN},
        .format = format,
        .language = LANGUAGE_ZH,
        .actor = &actor_system,
    };
}

static int64_t export_to_workbook(const char *path)
{
    struct export_request request = everything(EXPORT_XLSX);
    struct error err;
    struct platform platform = {.store = open_store(path)};
    int64_t count = 0;
    if (!export_workbook(&platform, &request, path_of("export.xlsx"), folder, &count, &err))
        fail("export.xlsx", &err);
    store_close(platform.store);
    return count;
}

static int64_t export_to_csv(const char *path)
{
    struct export_request request = everything(EXPORT_CSV);
    struct error err;
    struct platform platform = {.store = open_store(path)};
    int64_t count = 0;
    FILE *file = fopen(path_of("export.csv"), "w");
    struct byte_sink sink = {write_bytes, file};
    if (!file || !export_text(&platform, &request, &sink, &count, &err))
        fail("export.csv", &err);
    fclose(file);
    store_close(platform.store);
    return count;
}

struct sample {
    char *cells[SAMPLE][16];
    size_t rows, columns;
};

static bool keep_row(void *context, const struct table_row *row, struct error *err)
{
    struct sample *sample = context;
    if (sample->rows == SAMPLE)
        return error_set(err, ERROR_CANCELLED, "enough", "足够");
    sample->columns = row->count;
    for (size_t i = 0; i < row->count; i++)
        sample->cells[sample->rows][i] = xstrdup(row->fields[i]);
    sample->rows++;
    return true;
}

static int64_t export_count;

/* What the export's library needs for as many rows of the same cells. */
static int64_t write_alone(const char *path)
{
    static struct sample sample;
    struct table *table = NULL;
    struct error err;
    if (!table_open(path, &(struct table_options){0}, &table, &err))
        fail(path, &err);
    table_read(table, keep_row, &sample, &err);
    table_close(&table);
    lxw_workbook_options options = {.constant_memory = LXW_TRUE, .tmpdir = (char *)folder};
    lxw_workbook *book = workbook_new_opt(path_of("alone.xlsx"), &options);
    lxw_worksheet *sheet = workbook_add_worksheet(book, NULL);
    lxw_format *format = workbook_add_format(book);
    format_set_num_format(format, "@");
    for (int64_t i = 0; i < export_count; i++)
        for (size_t at = 0; at < sample.columns; at++)
            worksheet_write_string(sheet, (lxw_row_t)i, (lxw_col_t)at,
                                   sample.cells[i % (int64_t)sample.rows][at], format);
    workbook_close(book);
    return export_count;
}

static void export_benchmark(const char *store)
{
    struct measure csv = report("export to .csv", export_to_csv, store);
    export_count = csv.count < LXW_ROW_MAX ? csv.count : LXW_ROW_MAX;
    struct measure alone = report("libxlsxwriter alone", write_alone, path_of("export.csv"));
    struct measure workbook = report("export to .xlsx", export_to_workbook, store);
    judge_memory("export to .csv", &csv);
    judge_memory("export to .xlsx", &workbook);
    judge("  against libxlsxwriter alone", workbook.cpu / alone.cpu, EXPORT_LIMIT, false);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: bench_transfer FOLDER [STORE]\n", stderr);
        return 2;
    }
    folder = argv[1];
    log_set_level(LOG_ERROR);
    if (argc > 2)
        export_benchmark(argv[2]);
    else
        import_benchmark();
    bench_drop_schema(SCHEMA);
    return over;
}
