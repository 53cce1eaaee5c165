/* ops/import_export_service: pairs from files into a tenant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/memory.h"
#include "formats/xlsx_writer.h"
#include "ops/import_internal.h"
#include "ops/import_repeats.h"
#include "platform/counters.h"
#include "platform/knowledge.h"
#include "platform/tenants.h"
#include "search/full_text.h"
#include "workbook_fixture.h"

#define READ_MS 10000

struct fixture {
    char folder[64], path[128];
    struct store *store;
};

static int set_up(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    CLEANUP(arena_release) struct arena arena = {0};
    struct tenant tenant;
    struct error err;
    error_clear(&err);
    strcpy(fixture->folder, "/tmp/kimono-import-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->path, sizeof(fixture->path), "%s/kimono.db", fixture->folder);
    struct store_options options = {
        .path = fixture->path,
        .durability = STORE_BULK,
        .migrations = main_migrations,
        .migration_count = main_migration_count,
        .tokenize = full_text_tokens,
    };
    if (!store_open(&fixture->store, &options, &err) ||
        !tenant_add(fixture->store, &actor_system, "t1", "店", NULL, &arena, &tenant, &err))
        fail_msg("%s", err.detail[LANGUAGE_EN]);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    store_close(fixture->store);
    char command[128];
    snprintf(command, sizeof(command), "rm -r '%s'", fixture->folder);
    assert_int_equal(system(command), 0);
    free(fixture);
    return 0;
}

static const char *write_file(const struct fixture *fixture, const char *name, const char *text, char *path)
{
    sprintf(path, "%s/%s", fixture->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return path;
}

static bool run_import(struct fixture *fixture, const char *text, enum import_mode mode, bool dry_run,
                       struct import_result *ret_result, struct error *err)
{
    char path[128];
    struct import_request request = {
        .path = write_file(fixture, "pairs.csv", text, path),
        .tenant_id = "t1",
        .mode = mode,
        .dry_run = dry_run,
        .actor = &actor_system,
    };
    error_clear(err);
    return import_file(fixture->store, &request, ret_result, err);
}

/* "total created updated skipped failed" */
static void expect_import(struct fixture *fixture, const char *text, enum import_mode mode,
                          const char *figures)
{
    static struct import_result result, dry;
    struct error err;
    char found[128], found_dry[128];
    if (!run_import(fixture, text, mode, true, &dry, &err) ||
        !run_import(fixture, text, mode, false, &result, &err))
        fail_msg("%s", err.detail[LANGUAGE_EN]);
    const struct import_result *results[] = {&result, &dry};
    char *texts[] = {found, found_dry};
    for (size_t i = 0; i < 2; i++)
        snprintf(texts[i], sizeof(found), "%d %d %d %d %d", (int)results[i]->total, (int)results[i]->created,
                 (int)results[i]->updated, (int)results[i]->skipped, (int)results[i]->failed);
    assert_string_equal(found, figures);
    assert_string_equal(found_dry, figures);
}

static int64_t find_int(struct fixture *fixture, const char *sql)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct error err;
    int64_t value;
    assert_true(store_reader(fixture->store, READ_MS, &db, &err));
    assert_true(db_find_int(db, sql, DB_NO_ARGS, -1, &value, &err));
    return value;
}

static void expect_answer(struct fixture *fixture, const char *question, const char *answer,
                          const char *category)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    CLEANUP(arena_release) struct arena arena = {0};
    struct qa_pair pair;
    struct error err;
    bool found;
    assert_true(store_reader(fixture->store, READ_MS, &db, &err));
    assert_true(qa_pair_same_question(db, "t1", question, &arena, &pair, &found, &err));
    assert_true(found);
    assert_string_equal(pair.answer, answer);
    assert_string_equal(pair.category, category);
    assert_string_equal(pair.source, "import");
}

static void expect_whole(struct fixture *fixture)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    CLEANUP(strbuf_release) struct strbuf findings = {0};
    struct error err;
    assert_true(store_reader(fixture->store, READ_MS, &db, &err));
    assert_true(counters_check(db, &findings, &err));
    assert_true(audit_check(db, &findings, &err));
    assert_string_equal(strbuf_text(&findings), "");
}

static const char SQL_PAIRS[] = "SELECT COUNT(*) FROM qa_pairs WHERE deleted_at IS NULL";
static const char SQL_UNSYNCED[] = "SELECT unsynced_count FROM tenants WHERE id = 't1'";
static const char SQL_REVISION[] = "SELECT knowledge_revision FROM tenants WHERE id = 't1'";
static const char SQL_IMPORTS[] = "SELECT COUNT(*) FROM ops_logs WHERE action = 'knowledge.import'";

static void test_upsert(void **state)
{
    struct fixture *fixture = *state;
    static const char first[] =
        "\xEF\xBB\xBF Question ,id,ANSWER,分类\nq1,1,a1,c1\n  q2 ,2, a2 ,c2\nq3,3,,\n";
    expect_import(fixture, first, IMPORT_UPSERT, "3 3 0 0 0");
    expect_answer(fixture, "q2", "a2", "c2");
    expect_answer(fixture, "q3", "", "");
    assert_int_equal(find_int(fixture, SQL_REVISION), 1);
    expect_import(fixture, first, IMPORT_UPSERT, "3 0 0 3 0");
    assert_int_equal(find_int(fixture, SQL_REVISION), 1);
    expect_import(fixture, "answer;question\nb1;q1\n;q3\nb4;q4\n", IMPORT_UPSERT, "3 1 1 1 0");
    expect_answer(fixture, "q1", "b1", "c1"); /* no column category: it stays */
    assert_int_equal(find_int(fixture, SQL_UNSYNCED), 4);
    assert_int_equal(find_int(fixture, SQL_IMPORTS), 3);
    expect_whole(fixture);
}

static bool sync_all(struct db *db, void *context, struct error *err)
{
    (void)context;
    static const char sql[] = "UPDATE qa_pairs SET is_synced = 1, synced_hash = text_hash";
    int64_t unsynced;
    return db_find_int(db, SQL_UNSYNCED, DB_NO_ARGS, 0, &unsynced, err) &&
           db_execute(db, sql, DB_NO_ARGS, NULL, err) && tenant_count_pairs(db, "t1", 0, -unsynced, err);
}

static void test_changed_text_is_unsynced(void **state)
{
    struct fixture *fixture = *state;
    struct error err;
    expect_import(fixture, "问题,答案,分类\n一,甲,x\n二,乙,x\n三,丙,x\n", IMPORT_UPSERT, "3 3 0 0 0");
    assert_true(store_write(fixture->store, sync_all, NULL, &err));
    expect_import(fixture, "问题,答案,分类\n一,甲,y\n二,丁,x\n三,丙,x\n", IMPORT_UPSERT, "3 0 2 1 0");
    assert_int_equal(find_int(fixture, SQL_UNSYNCED), 1); /* a category is not indexed */
    expect_whole(fixture);
}

static void test_modes(void **state)
{
    struct fixture *fixture = *state;
    expect_import(fixture, "質問,回答\nq1,a1\n", IMPORT_CREATE, "1 1 0 0 0");
    expect_import(fixture, "質問,回答\nq1,b1\nq2,a2\n", IMPORT_CREATE, "2 1 0 0 1");
    expect_import(fixture, "質問,回答\nq1,b1\nq3,a3\n", IMPORT_SKIP, "2 1 0 1 0");
    expect_answer(fixture, "q1", "a1", "");
    expect_whole(fixture);
}

/* A file that repeats a question gives the same the second time. */
static void test_repeated_questions(void **state)
{
    struct fixture *fixture = *state;
    static const char text[] = "question,answer\nq1,a\nq2,x\n q1 ,b\nq1,\nq1,c\nq2,x\n";
    expect_import(fixture, text, IMPORT_UPSERT, "6 2 0 4 0");
    expect_answer(fixture, "q1", "c", "");
    expect_import(fixture, text, IMPORT_UPSERT, "6 0 0 6 0");
    expect_answer(fixture, "q1", "c", "");
    expect_import(fixture, "question,answer\np1,a\np1,b\n", IMPORT_SKIP, "2 1 0 1 0");
    expect_answer(fixture, "p1", "a", "");
    expect_import(fixture, "question,answer\no1,a\no1,b\n", IMPORT_CREATE, "2 1 0 0 1");
    /* the last row with the question is wrong: the one before it counts */
    expect_import(fixture, "question,answer\nn1,a\nn1\n", IMPORT_UPSERT, "2 1 0 0 1");
    expect_whole(fixture);
}

static void test_wrong_rows(void **state)
{
    struct fixture *fixture = *state;
    static struct import_result result;
    struct error err;
    CLEANUP(strbuf_release) struct strbuf text = {0};
    strbuf_puts(&text,
                "question,answer,category\nq1,a1,c\n,a2,c\n\nq3,a,b,c\nq4\nq5,a5,c,,\n\"q\x01\",a,c\n");
    for (int i = 0; i < 2001; i++)
        strbuf_puts(&text, "长");
    strbuf_puts(&text, ",a,c\n");
    assert_true(run_import(fixture, strbuf_text(&text), IMPORT_UPSERT, false, &result, &err));
    static const struct {
        int row;
        const char *column;
    } wrong[] = {{3, "question"}, {5, ""}, {6, "answer"}, {8, "question"}, {9, "question"}};
    assert_int_equal(result.total, 7);
    assert_int_equal(result.created, 2);
    assert_int_equal(result.failed, ARRAY_SIZE(wrong));
    assert_int_equal(result.error_count, ARRAY_SIZE(wrong));
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_int_equal(result.errors[i].row, wrong[i].row);
        assert_string_equal(result.errors[i].column, wrong[i].column);
        assert_true(result.errors[i].message[LANGUAGE_ZH][0] != '\0');
    }
    expect_whole(fixture);
}

static void test_errors_are_kept_up_to_a_hundred(void **state)
{
    struct fixture *fixture = *state;
    static struct import_result result;
    struct error err;
    CLEANUP(strbuf_release) struct strbuf text = {0};
    strbuf_puts(&text, "question,answer\n");
    for (int i = 0; i < 1200; i++)
        strbuf_puts(&text, ",a\n");
    assert_true(run_import(fixture, strbuf_text(&text), IMPORT_UPSERT, false, &result, &err));
    assert_int_equal(result.failed, 1200);
    assert_int_equal(result.error_count, IMPORT_ERRORS_MAX);
}

/* What cannot be read as a whole changes nothing. */
static void test_files_that_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"", "the file is empty"},
        {"\n\n", "the file is empty"},
        {"category,b\nc,d\n", "no column 'question'; it has: category | b"},
        {"question,answer\n\n", "no row below the heading"},
        {"a\nb\n", "names no column and has only one cell"},
        {"question,b\nc,d\n", "no column 'answer'"},
        {"question,answer,问题\nc,d,e\n", "'question' twice (columns 1 and 3)"},
        {",,\n ,\n", "the file is empty"},
        {"知识库,,\n\n问题,答案,分类\nq1,a1,c1\n", "row 3 names the columns"},
        {"question,answer\nq1,a1\nq2,\"a2\n", "line 3: a quote is opened"},
        {"question,answer\nq1,a1\nq2,\xC4\xFF\n", "line 3, column 4"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        static struct import_result result;
        struct error err;
        assert_false(run_import(fixture, cases[i].text, IMPORT_UPSERT, false, &result, &err));
        assert_int_equal(err.code, ERROR_INVALID);
        if (!strstr(err.detail[LANGUAGE_EN], cases[i].part))
            fail_msg("'%s' is not in '%s'", cases[i].part, err.detail[LANGUAGE_EN]);
    }
    assert_int_equal(find_int(fixture, SQL_PAIRS), 0);
    assert_int_equal(find_int(fixture, SQL_IMPORTS), 0);
}

static void test_what_is_no_file_or_tenant(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *path, *tenant;
        enum error_code code;
    } cases[] = {
        {"/nowhere.csv", "t1", ERROR_NOT_FOUND},  {"/tmp", "t1", ERROR_INVALID},
        {"/nowhere.xlsx", "t1", ERROR_NOT_FOUND}, {"/nowhere", "t1", ERROR_NOT_FOUND},
        {"/nowhere.csv", "t2", ERROR_NOT_FOUND},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        static struct import_result result;
        struct error err;
        error_clear(&err);
        struct import_request request = {
            .path = cases[i].path, .tenant_id = cases[i].tenant, .actor = &actor_system};
        assert_false(import_file(fixture->store, &request, &result, &err));
        assert_int_equal(err.code, cases[i].code);
    }
}

/* Forms mark a heading, programs leave what nobody sees, spreadsheets write rows that were emptied. */
static void test_headings_and_rows_as_they_come(void **state)
{
    struct fixture *fixture = *state;
    expect_import(fixture, "问题*,答案（必填）,分类：\nq1,a1,c1\n", IMPORT_UPSERT, "1 1 0 0 0");
    expect_answer(fixture, "q1", "a1", "c1");
    expect_import(fixture, ",,\n\xE2\x80\x8BQuestion (required):,* Answer \xEF\xBB\xBF\n,\nq2,a2\n , \n",
                  IMPORT_UPSERT, "1 1 0 0 0");
    expect_answer(fixture, "q2", "a2", "");
    expect_import(fixture, "sep=;\n问题;答案\nq3;a,3\n", IMPORT_UPSERT, "1 1 0 0 0");
    expect_answer(fixture, "q3", "a,3", "");
    expect_import(fixture, "(question),b\nq4,a4\n", IMPORT_UPSERT, "2 2 0 0 0");
    expect_whole(fixture);
}

/* Where no heading is known the first row is one like the others. */
static void test_columns_by_place(void **state)
{
    struct fixture *fixture = *state;
    expect_import(fixture, "q1,a1,c1,x\nq2,a2,,\n", IMPORT_UPSERT, "2 2 0 0 0");
    expect_answer(fixture, "q1", "a1", "c1");
    expect_import(fixture, "q3\ta3\n", IMPORT_UPSERT, "1 1 0 0 0");
    expect_answer(fixture, "q3", "a3", "");
    expect_whole(fixture);
}

static void test_columns_that_are_told(void **state)
{
    struct fixture *fixture = *state;
    static struct import_result result;
    struct error err;
    char path[128];
    struct import_request request = {
        .path = write_file(fixture, "told.csv", "Nr,Antwort,Frage\n1,a1,q1\n2,a2,q2\n", path),
        .tenant_id = "t1",
        .actor = &actor_system,
    };
    error_clear(&err);
    assert_true(
        import_columns_parse("{\"question\":2,\"answer\":1,\"heading\":true}", &request.columns, &err));
    assert_true(import_file(fixture->store, &request, &result, &err));
    assert_int_equal(result.created, 2);
    expect_answer(fixture, "q1", "a1", "");
    assert_true(import_columns_parse("{\"question\":2,\"answer\":1}", &request.columns, &err));
    assert_true(import_file(fixture->store, &request, &result, &err));
    assert_int_equal(result.created, 1); /* the heading, which is not known to be one */
    static const char *const wrong[] = {"",
                                        "1",
                                        "{}",
                                        "{\"question\":0}",
                                        "{\"question\":1,\"answer\":1}",
                                        "{\"question\":0,\"answer\":1,\"category\":1}",
                                        "{\"question\":0,\"answer\":1.5}",
                                        "{\"question\":0,\"answer\":1,\"other\":2}",
                                        "{\"question\":0,\"answer\":16384}"};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        error_clear(&err);
        assert_false(import_columns_parse(wrong[i], &request.columns, &err));
        assert_string_equal(err.fields[0].field, "columns");
    }
}

/* Empty cells at the end of a workbook's row are not there: no reason to refuse the row. */
static void test_workbook(void **state)
{
    struct fixture *fixture = *state;
    static struct import_result result;
    struct error err;
    char path[128];
    CLEANUP(xlsx_writer_free) struct xlsx_writer *writer = NULL;
    static const struct xlsx_column columns[] = {{"问题", 10}, {"备注", 10}, {"答案", 10}};
    static const char *const rows[][3] = {{"q1", "x", "=1+1"}, {"q2", "", ""}, {"", "", "a3"}};
    snprintf(path, sizeof(path), "%s/book.csv", fixture->folder); /* names lie */
    struct xlsx_form form = {.path = path, .sheet = "S", .columns = columns, .column_count = 3};
    error_clear(&err);
    assert_true(xlsx_writer_open(&form, &writer, &err));
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_true(xlsx_writer_row(writer, rows[i], &err));
    assert_true(xlsx_writer_finish(writer, &err));
    struct import_request request = {.path = path, .tenant_id = "t1", .actor = &actor_system};
    assert_true(import_file(fixture->store, &request, &result, &err));
    assert_int_equal(result.created, 2);
    assert_int_equal(result.failed, 1);
    assert_int_equal(result.errors[0].row, 4);
    expect_answer(fixture, "q1", "=1+1", "");
    expect_answer(fixture, "q2", "", "");
    expect_whole(fixture);
}

#define TEXT_CELL(text) "<c t=\"inlineStr\"><is><t>" text "</t></is></c>"

/* A formula without a value is no empty answer, and one that failed is no answer at all. */
static void test_formulas(void **state)
{
    /* clang-format off */
    static const char sheet[] = SHEET_OF(
        "<row>" TEXT_CELL("question") TEXT_CELL("answer") TEXT_CELL("remark") "</row>"
        "<row>" TEXT_CELL("uncomputed") "<c><f>A2&amp;1</f><v></v></c>" "</row>"
        "<row>" TEXT_CELL("failed") "<c t=\"e\"><f>1/0</f><v>#DIV/0!</v></c>" "</row>"
        "<row>" TEXT_CELL("empty") "<c t=\"str\"><f>\"\"</f><v></v></c>" "</row>"
        "<row>" TEXT_CELL("computed") "<c><f>1+1</f><v>2</v></c>" "<c><f>1/0</f></c>" "</row>"
        "<row>" "<c><f>A2</f></c>" "</row>"
        "<row>" TEXT_CELL("text") TEXT_CELL("#DIV/0!") "</row>");
    /* clang-format on */
    struct fixture *fixture = *state;
    static struct import_result result;
    struct error err;
    struct made_file file = make_workbook(sheet, NULL, NULL);
    struct import_request request = {.path = file.path, .tenant_id = "t1", .actor = &actor_system};
    error_clear(&err);
    assert_true(import_file(fixture->store, &request, &result, &err));
    close_made_file(&file);
    assert_int_equal(result.created, 3);
    assert_int_equal(result.failed, 3);
    expect_answer(fixture, "empty", "", "");
    expect_answer(fixture, "computed", "2", "");
    expect_answer(fixture, "text", "#DIV/0!", "");
    assert_int_equal(result.errors[0].row, 2);
    assert_string_equal(result.errors[0].column, "answer");
    assert_non_null(strstr(result.errors[0].message[LANGUAGE_EN], "without a value"));
    assert_int_equal(result.errors[1].row, 3);
    assert_non_null(strstr(result.errors[1].message[LANGUAGE_ZH], "#DIV/0!"));
    assert_int_equal(result.errors[2].row, 6);
    expect_whole(fixture);
}

/* Rows come back as they were put, whatever their size, with as many cells as there is room for. */
static void test_spool(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    CLEANUP(import_spool_close) struct import_spool *spool = NULL;
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(free_pointer) char *large = xcalloc(1, IMPORT_CELLS_MAX + 2);
    struct error err, wrong;
    memset(large, 'x', IMPORT_CELLS_MAX + 1);
    const char *cells[] = {"one", large, "never"};
    struct table_row table_row = {.count = 3, .fields = cells};
    error_clear(&err);
    error_clear(&wrong);
    error_add_field(&wrong, "answer", "is wrong", "有误");
    assert_true(import_spool_open(NULL, &spool, &err));
    for (int64_t i = 0; i < COUNT; i++) {
        struct import_row row = {.number = i, .texts = {"q", i % 3 ? "a" : large, i % 2 ? NULL : "c"}};
        assert_true(import_spool_put(spool, &row, i % 7 ? NULL : &wrong, i % 7 ? NULL : &table_row, &err));
    }
    assert_true(import_spool_rewind(spool, &err));
    struct import_row row;
    bool found;
    for (int64_t i = 0; i < COUNT; i++) {
        arena_reset(&arena);
        assert_true(import_spool_next(spool, &arena, &row, &found, &err));
        assert_true(found);
        assert_int_equal(row.number, i);
        assert_int_equal(row.error_count, i % 7 == 0);
        assert_int_equal(row.cell_count, i % 7 ? 0 : 2);
        if (row.error_count == 0) {
            assert_string_equal(row.texts[IMPORT_ANSWER], i % 3 ? "a" : large);
            assert_int_equal(row.texts[IMPORT_CATEGORY] == NULL, i % 2);
        } else {
            assert_string_equal(row.errors[0].message[LANGUAGE_ZH], "有误");
            assert_string_equal(row.cells[0], "one");
            assert_int_equal(strlen(row.cells[1]), IMPORT_CELLS_MAX - 5);
        }
    }
    assert_true(import_spool_next(spool, &arena, &row, &found, &err));
    assert_false(found);
}

#define LONG_ROWS (2 * IMPORT_BATCH + 700)

static bool stop_at_second_batch(void *context, int64_t done, int64_t total)
{
    assert_int_equal(total, LONG_ROWS);
    *(int64_t *)context = done;
    return done < 2 * IMPORT_BATCH;
}

/* Stopped in the middle: whole batches, counted; the same file again completes it. */
static void test_stopped_and_completed(void **state)
{
    struct fixture *fixture = *state;
    static struct import_result result;
    struct error err;
    int64_t done = 0;
    char path[128];
    CLEANUP(strbuf_release) struct strbuf text = {0};
    strbuf_puts(&text, "question,answer\n");
    for (int i = 0; i < LONG_ROWS; i++)
        strbuf_printf(&text, "问题 %d,答案 %d\n", i, i);
    struct import_request request = {
        .path = write_file(fixture, "long.csv", strbuf_text(&text), path),
        .tenant_id = "t1",
        .actor = &actor_system,
        .progress = stop_at_second_batch,
        .context = &done,
    };
    error_clear(&err);
    assert_false(import_file(fixture->store, &request, &result, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_non_null(strstr(err.detail[LANGUAGE_EN], "after 2000 pairs were written"));
    assert_int_equal(find_int(fixture, SQL_PAIRS), 2 * IMPORT_BATCH);
    assert_int_equal(find_int(fixture, "SELECT COUNT(*) FROM ops_logs WHERE result = 'failed'"), 1);
    expect_whole(fixture);
    expect_import(fixture, strbuf_text(&text), IMPORT_UPSERT, "2700 700 0 2000 0");
    expect_whole(fixture);
}

static void test_repeats(void **state)
{
    (void)state;
    enum { COUNT = 200000 };
    struct repeats *repeats = repeats_new();
    /* every hash twice, far apart, and one that comes once between */
    for (int64_t row = 1; row <= 2 * COUNT; row++)
        repeats_note(repeats, (uint64_t)(row % COUNT) * UINT64_C(0x9E3779B97F4A7C15), row);
    repeats_note(repeats, 12345, 2 * COUNT + 1);
    for (int64_t row = 1; row <= 2 * COUNT + 1; row++) {
        bool earlier, later;
        uint64_t hash = row > 2 * COUNT ? 12345 : (uint64_t)(row % COUNT) * UINT64_C(0x9E3779B97F4A7C15);
        repeats_look(repeats, hash, row, &earlier, &later);
        assert_int_equal(earlier, row > COUNT && row <= 2 * COUNT);
        assert_int_equal(later, row <= COUNT);
    }
    repeats_free(repeats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_upsert, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_changed_text_is_unsynced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_modes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_repeated_questions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_errors_are_kept_up_to_a_hundred, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files_that_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_no_file_or_tenant, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_headings_and_rows_as_they_come, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_columns_by_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_columns_that_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_workbook, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_formulas, set_up, tear_down),
        cmocka_unit_test(test_spool),
        cmocka_unit_test_setup_teardown(test_stopped_and_completed, set_up, tear_down),
        cmocka_unit_test(test_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
