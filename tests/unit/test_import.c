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
#include "ops/transfer/import_internal.h"
#include "ops/transfer/import_repeats.h"
#include "platform/knowledge/knowledge.h"
#include "platform/tenants/counters.h"
#include "platform/tenants/tenants.h"
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
        {"question,answer\nq1,a1\nq2,\xC4\xFF\n", "its encoding cannot be told"},
        {"question,answer\nq1,问\nq2,\xC4\xFF\n", "line 3, column 4"},
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
    assert_false(import_file(fixture->store, &request, &result, &err)); /* is it a heading? */
    assert_true(
        import_columns_parse("{\"question\":2,\"answer\":1,\"heading\":false}", &request.columns, &err));
    assert_true(import_file(fixture->store, &request, &result, &err));
    assert_int_equal(result.created, 1); /* the heading, since it was said to be none */
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

/* ---- headings ---- */

/* What programs and people write above their pairs, at the places of question and answer. */
static void test_headings_that_are_known(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *heading;
        size_t question, answer;
    } cases[] = {
        {"q,a,indexes", 0, 1},
        {"Q,A", 0, 1},
        {"Ｑ,Ａ", 0, 1},
        {"questions,answers", 0, 1},
        {"QUESTION,ANSWER", 0, 1},
        {"标准问,标准答案", 0, 1},
        {"标准问题,标准回答", 0, 1},
        {"提问,回复", 0, 1},
        {"问,答", 0, 1},
        {"【问题】,【答案】", 0, 1},
        {"title,content", 0, 1},
        {"标题,内容", 0, 1},
        {"序号,分类,问题,解答", 2, 3},
        {"分段标题（选填）,分段内容（必填，问题答案）,问题（选填，单元格内一行一个）", 2, 1},
        {"問題,答覆", 0, 1},
        {"質問,回答", 0, 1},
        {"No.,ご質問,ご回答", 1, 2},
        {"질문,답변", 0, 1},
        {"User Question,Bot_Answer", 0, 1},
        {"id,prompt,completion", 1, 2},
        {"query,response", 0, 1},
        {"answer,title,question", 2, 0},
        {"Question (required),Answer (optional)", 0, 1},
        /* Only like those that are known. */
        {"咨询问题示例,建议回答话术", 0, 1},
        {"编号,历史提问记录,人工答复内容", 1, 2},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        static struct import_result result;
        struct error err;
        char text[512], question[32];
        snprintf(question, sizeof(question), "第%zu个问法？", i);
        size_t length = (size_t)snprintf(text, sizeof(text), "%s\n", cases[i].heading);
        size_t columns = 1;
        for (const char *at = cases[i].heading; (at = strchr(at, ',')); at++)
            columns++;
        for (size_t k = 0; k < columns; k++)
            length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s", k ? "," : "",
                                       k == cases[i].question ? question
                                       : k == cases[i].answer ? "这样答。"
                                                              : "x");
        if (!run_import(fixture, text, IMPORT_UPSERT, false, &result, &err))
            fail_msg("%s: %s", cases[i].heading, err.detail[LANGUAGE_EN]);
        if (result.total != 1 || result.created != 1)
            fail_msg("%s is a pair", cases[i].heading);
        expect_answer(fixture, question, "这样答。", i == 12 ? "x" : "");
        assert_int_equal(result.warnings.kinds[IMPORT_WARNING_HEADING].message[LANGUAGE_ZH][0] != '\0',
                         i >= ARRAY_SIZE(cases) - 2);
    }
}

#define PAIRS_BELOW                                                                                          \
    "租金是多少钱一天？,三千九百日元。\n可以带宠物进店吗？,可以，请牵绳。\n几点关门？,晚上八点。\n"

/* Nobody has said that it is one, so it is neither stored as a pair nor left out. */
static void test_heading_that_is_not_known(void **state)
{
    struct fixture *fixture = *state;
    static const char *const headings[] = {"foo,bar", "Frage,Antwort", "关键词,话术内容", "名称,标签,备注"};
    for (size_t i = 0; i < ARRAY_SIZE(headings); i++) {
        static struct import_result result;
        struct error err;
        char text[512], path[128];
        snprintf(text, sizeof(text), "%s\n" PAIRS_BELOW, headings[i]);
        if (run_import(fixture, text, IMPORT_UPSERT, false, &result, &err))
            fail_msg("%s was read", headings[i]);
        assert_non_null(strstr(err.detail[LANGUAGE_EN], "looks like a heading"));
        struct import_request request = {.path = write_file(fixture, "said.csv", text, path),
                                         .tenant_id = "t1",
                                         .dry_run = true,
                                         .actor = &actor_system};
        request.columns.heading = IMPORT_HEADING_FIRST_ROW;
        assert_true(import_file(fixture->store, &request, &result, &err));
        assert_int_equal(result.total, 3);
        request.columns.heading = IMPORT_HEADING_NONE;
        assert_true(import_file(fixture->store, &request, &result, &err));
        assert_int_equal(result.total, 4);
    }
    assert_int_equal(find_int(fixture, SQL_PAIRS), 0);
}

/* Short pairs are pairs; where one may be a heading all the same, it is said. */
static void test_first_row_that_is_a_pair(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *text;
        bool warned;
    } cases[] = {
        {"租金多少,一天三千\n押金多少,不收押金\n", false},
        {"hello,hi\nbye,see you\nthanks,welcome\n", false},
        {"如何提问,在右上角\n怎么回答,点回复\n", false},
        {"营业时间,九点到六点\n" PAIRS_BELOW, false},
        {"Parking,Free parking behind the shop\nWhen do you open?,At nine.\n", false},
        {"退款？,三到五天\n" PAIRS_BELOW, false},
        {"咨询,人工\n我想知道你们店里租一天和服大概需要多少钱呢？,每天三千九百日元起，含腰带和小物。\n"
         "下雨天还可以出去拍照吗？有没有伞可以借？,可以的，本店免费借给您透明雨伞，归还即可。\n"
         "两个人一起去的话有没有优惠可以享受？,两人同行每人优惠五百日元，需要提前一天预约。\n",
         true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        static struct import_result result;
        struct error err;
        if (!run_import(fixture, cases[i].text, IMPORT_UPSERT, true, &result, &err))
            fail_msg("%s: %s", cases[i].text, err.detail[LANGUAGE_EN]);
        if ((*result.warnings.kinds[IMPORT_WARNING_FIRST_ROW].message[LANGUAGE_EN] != '\0') !=
            cases[i].warned)
            fail_msg("%s: warned %d", cases[i].text, !cases[i].warned);
    }
}

/* ---- rows of others ---- */

static void test_rows_of_other_tenants(void **state)
{
    struct fixture *fixture = *state;
    static struct import_result result;
    struct error err;
    char path[128];
    struct import_request request = {
        .path = write_file(
            fixture, "all.csv",
            "商家ID,商家,问题,答案\nt1,店,q1,a1\nT1 ,店,q2,a2\nt2,乙,q1,b1\n,,q3,a3\nt2,乙,q4,b4\n", path),
        .tenant_id = "t1",
        .actor = &actor_system,
    };
    assert_true(import_file(fixture->store, &request, &result, &err));
    assert_int_equal(result.created, 3);
    assert_int_equal(result.failed, 2);
    assert_int_equal(result.errors[0].row, 4);
    assert_string_equal(result.errors[0].column, "tenant_id");
    assert_int_equal(result.warnings.kinds[IMPORT_WARNING_OTHER_TENANT].count, 2);
    expect_answer(fixture, "q1", "a1", "");
    assert_true(import_file(fixture->store, &request, &result, &err)); /* once more changes nothing */
    assert_int_equal(result.skipped, 3);
    request.takes_other_tenants = true;
    assert_true(import_file(fixture->store, &request, &result, &err));
    assert_int_equal(result.failed, 0);
    assert_int_equal(result.created, 1);
    expect_whole(fixture);
}

/* ---- encodings ---- */

static void test_encoding_that_is_not_sure(void **state)
{
    struct fixture *fixture = *state;
    static struct import_result result;
    struct error err;
    char path[128];
    struct import_request request = {
        .path = write_file(fixture, "one.csv", "question,answer\nx,\xD2\xBB\n", path), /* 一 in GB18030 */
        .tenant_id = "t1",
        .actor = &actor_system,
    };
    assert_false(import_file(fixture->store, &request, &result, &err));
    assert_non_null(strstr(err.detail[LANGUAGE_EN], "GB18030"));
    request.encoding = TEXT_ENCODING_GB18030;
    assert_true(import_file(fixture->store, &request, &result, &err));
    expect_answer(fixture, "x", "一", "");
    request.path =
        write_file(fixture, "western.csv",
                   "question,answer\nWo?,M\xFCnchen\nWann?,f\xFCnf oder zw\xF6lf Uhr\nWer?,die Gr\xF6\xDF"
                   "ten und Gro\xDF"
                   "m\xFCtter\n",
                   path);
    request.encoding = TEXT_ENCODING_UNKNOWN;
    assert_true(import_file(fixture->store, &request, &result, &err));
    assert_non_null(
        strstr(result.warnings.kinds[IMPORT_WARNING_ENCODING].message[LANGUAGE_EN], "Windows-1252"));
    expect_answer(fixture, "Wo?", "München", "");
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
        cmocka_unit_test_setup_teardown(test_headings_that_are_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_heading_that_is_not_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_first_row_that_is_a_pair, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rows_of_other_tenants, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_encoding_that_is_not_sure, set_up, tear_down),
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
