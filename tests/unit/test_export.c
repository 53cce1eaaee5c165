/* Export of knowledge: what comes out goes in again unchanged. */
#include "platform_fixture.h"

#include <dlfcn.h>
#include <math.h>
#include <time.h>

#include "ops/transfer/import_export_service.h"

/* Of an export that came to its end, or did not, and wrote so many pairs. */
static const char SQL_AUDITED[] =
    "SELECT COUNT(*) FROM ops_logs WHERE action = 'knowledge.export' AND result = $1"
    " AND details LIKE '%,\"after\":%\"count\":' || CAST($2 AS TEXT) || '}%'";
static const char SQL_REVISION[] = "SELECT SUM(knowledge_revision) FROM tenants";

static const char *const nasty[] = {
    "=1+1",
    "+86 138",
    "-5",
    "@a",
    "'tis",
    "'=1",
    "''@",
    "\"quoted\"",
    "a,b;c\td",
    "one\ntwo\r\nthree\rfour",
    "in  side　wide",
    "😀 𠮷",
    "＝全角",
    "0012",
    "1e5",
    "TRUE",
    "_x000D_",
    "<&>",
    "' ",
    "=",
};

static const char *long_text(struct arena *arena, size_t characters)
{
    char *text = arena_alloc(arena, 3 * characters + 1);
    for (size_t i = 0; i < characters; i++)
        memcpy(text + 3 * i, "长", 3);
    return text;
}

static struct export_request request_of(enum export_format format, const char *tenant_id)
{
    return (struct export_request){
        .filter = {.tenant_id = tenant_id, .is_synced = SYNCED_ANY, .quality_min = NAN, .quality_max = NAN},
        .format = format,
        .language = LANGUAGE_ZH,
        .actor = &actor_system,
    };
}

static bool write_file(void *context, const char *bytes, size_t length, struct error *err)
{
    (void)err;
    return fwrite(bytes, 1, length, context) == length;
}

static bool export_to(struct fixture *f, const struct export_request *request, const char *path,
                      int64_t *ret_count)
{
    if (request->format == EXPORT_XLSX)
        return export_workbook(&f->platform, request, path, f->folder, ret_count, &f->err);
    FILE *file = fopen(path, "w");
    struct byte_sink sink = {write_file, file};
    bool done = export_text(&f->platform, request, &sink, ret_count, &f->err);
    fclose(file);
    return done;
}

static struct import_result import_of(struct fixture *f, const char *path, const char *tenant_id)
{
    static struct import_result result;
    struct import_request request = {
        .path = path, .tenant_id = tenant_id, .takes_other_tenants = true, .actor = &actor_system};
    must(f, import_file(f->platform.store, &request, &result, &f->err));
    return result;
}

static const char *const names[] = {
    [EXPORT_CSV] = "out.csv", [EXPORT_TSV] = "out.tsv", [EXPORT_XLSX] = "out.xlsx"};

static void test_there_and_back(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_SIZE(nasty); i++)
        fixture_add_pair(f, "alpha", nasty[i], i % 2 ? nasty[ARRAY_SIZE(nasty) - 1 - i] : "");
    fixture_add_pair(f, "alpha", long_text(&f->arena, QUESTION_MAX), long_text(&f->arena, ANSWER_MAX));
    fixture_add_pair(f, "beta", "another's", "pair");
    int64_t pairs = (int64_t)ARRAY_SIZE(nasty) + 1, revision = fixture_int(f, SQL_REVISION, DB_NO_ARGS);
    int64_t audited = 0;
    for (enum export_format format = EXPORT_CSV; format <= EXPORT_XLSX; format++) {
        struct export_request request = request_of(format, "alpha");
        char path[128];
        int64_t count;
        snprintf(path, sizeof(path), "%s/%s", f->folder, names[format]);
        must(f, export_to(f, &request, path, &count));
        assert_int_equal(count, pairs);
        struct import_result result = import_of(f, path, "alpha");
        assert_int_equal(result.total, pairs);
        assert_int_equal(result.skipped, pairs);
        assert_int_equal(fixture_int(f, SQL_REVISION, DB_NO_ARGS), revision);
        assert_int_equal(fixture_int(f, SQL_AUDITED, DB_ARGS(db_text("done"), db_int(pairs))), ++audited);
    }
}

/* Two live pairs with one question, as a shop may have by its own edits, stay as they are. */
static void test_pairs_with_one_question(void **state)
{
    struct fixture *f = *state;
    char path[128];
    int64_t count;
    struct export_request request = request_of(EXPORT_CSV, "alpha");
    fixture_add_pair(f, "alpha", "q", "first");
    fixture_add_pair(f, "alpha", "q", "second");
    snprintf(path, sizeof(path), "%s/%s", f->folder, names[EXPORT_CSV]);
    must(f, export_to(f, &request, path, &count));
    assert_int_equal(import_of(f, path, "alpha").skipped, 2);
}

/* More pairs than one batch holds, each once. */
static void test_batches(void **state)
{
    struct fixture *f = *state;
    char source[128], path[128];
    int64_t count;
    snprintf(source, sizeof(source), "%s/source.csv", f->folder);
    snprintf(path, sizeof(path), "%s/%s", f->folder, names[EXPORT_XLSX]);
    FILE *file = fopen(source, "w");
    for (int i = 0; i < 4321; i++)
        fprintf(file, "q%d,a%d,c%d\n", i, i, i % 7);
    fclose(file);
    assert_int_equal(import_of(f, source, "alpha").created, 4321);
    struct export_request request = request_of(EXPORT_XLSX, NULL);
    must(f, export_to(f, &request, path, &count));
    assert_int_equal(count, 4321);
    assert_int_equal(import_of(f, path, "beta").created, 4321);
    request.filter.category = "c3";
    must(f, export_to(f, &request, path, &count));
    assert_int_equal(count, 2 * 617);
}

static bool refuse(void *context, const char *bytes, size_t length, struct error *err)
{
    (void)context, (void)bytes, (void)length;
    return error_set(err, ERROR_CANCELLED, "the client has gone", "客户端已离开");
}

static void test_broken_off(void **state)
{
    struct fixture *f = *state;
    struct export_request request = request_of(EXPORT_CSV, NULL);
    struct byte_sink sink = {refuse, NULL};
    int64_t count;
    fixture_add_pair(f, "alpha", "q", "a");
    must_fail(f, export_text(&f->platform, &request, &sink, &count, &f->err), ERROR_CANCELLED);
    assert_int_equal(fixture_int(f, SQL_AUDITED, DB_ARGS(db_text("failed"), db_int(1))), 1);
    request.format = EXPORT_XLSX;
    must_fail(f, export_workbook(&f->platform, &request, "/nowhere/out.xlsx", NULL, &count, &f->err),
              ERROR_UNAVAILABLE);
}

/* The library that writes workbooks asks for the time in a way that is not made for threads: it gets ours, of
 * which each thread has its own. */
static void test_calendar_of_the_library(void **state)
{
    (void)state;
    struct tm *(*ours)(const time_t *) = gmtime;
    void *found = dlsym(RTLD_DEFAULT, "gmtime");
    struct tm *(*libc)(const time_t *);
    void *original = dlsym(RTLD_NEXT, "gmtime");
    memcpy(&libc, &original, sizeof(libc));
    assert_memory_equal(&found, &ours, sizeof(found));
    assert_true(ours != libc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calendar_of_the_library),
        fixture_test(test_there_and_back),
        fixture_test(test_pairs_with_one_question),
        fixture_test(test_batches),
        fixture_test(test_broken_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
