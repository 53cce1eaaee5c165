/* An import as a job: what is kept of it, going on behind what is done, the rows that failed, sweeping. */
#include "platform_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <utime.h>

#include "base/temporary_file.h"
#include "ops/transfer/import_export_service.h"

static const char SQL_SET_STATUS[] = "UPDATE jobs SET status = $2, finished_at = $3 WHERE id = $1";
static const char SQL_PAIRS[] = "SELECT COUNT(*) FROM qa_pairs WHERE deleted_at IS NULL";
static const char SQL_CREATED[] =
    "SELECT json_extract(result, '$.created') FROM jobs WHERE id = $1 AND status = 'running'";
static const char SQL_FAILED[] = "SELECT COUNT(*) FROM job_items WHERE job_id = $1 AND outcome = 'failed'";
static const char SQL_CHANGES[] = "SELECT COALESCE(SUM(last_id - first_id + 1), 0) FROM knowledge_changes"
                                  " WHERE job_id = $1";
static const char SQL_AUDITED[] = "SELECT COUNT(*) FROM ops_logs WHERE action = 'knowledge.import'"
                                  " AND request_id = 'request-1' AND result = 'done'"
                                  " AND json_extract(details, '$.after.file') = 'pairs.csv'"
                                  " AND json_extract(details, '$.after.mode') = 'create'";

static const struct actor admin = {"user_1", "admin", "127.0.0.1", "request-1"};

static char data_folder[64];

static int setup(void **state)
{
    strcpy(data_folder, "/tmp/kimono-uploads-XXXXXX");
    assert_non_null(mkdtemp(data_folder));
    setenv("KIMONO_DATA", data_folder, 1);
    return fixture_setup(state);
}

static int teardown(void **state)
{
    nftw(data_folder, fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
    return fixture_teardown(state);
}

#define job_test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

static int file_of(const char *text)
{
    char path[] = "/tmp/kimono-upload-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    return fd;
}

static bool ask(struct fixture *f, const char *text, const struct import_request *request,
                struct job *ret_job)
{
    int fd = file_of(text);
    bool asked = import_ask(&f->platform, fd, request, LANGUAGE_EN, &f->arena, ret_job, &f->err);
    close(fd);
    return asked;
}

static struct import_request request_of(enum import_mode mode)
{
    return (struct import_request){.file = "pairs.csv", .tenant_id = "alpha", .mode = mode, .actor = &admin};
}

static const char *upload_of(struct fixture *f, const char *name)
{
    return arena_printf(&f->arena, "%s/uploads/%s", data_folder, name);
}

static void set_status(struct fixture *f, const struct job *job, const char *status, int64_t finished_at)
{
    fixture_execute(f, SQL_SET_STATUS, DB_ARGS(db_text(job->id), db_text(status), db_int(finished_at)));
}

/* What came without a name gets one: it is not written a second time. */
static void test_upload_is_not_copied(void **state)
{
    struct fixture *f = *state;
    struct import_request request = request_of(IMPORT_CREATE);
    struct job job;
    struct stat sent, kept;
    int fd;
    must(f, temporary_file_open(data_folder, &fd, &f->err));
    must(f, temporary_file_write(fd, "question,answer\nq,a\n", 20, &f->err));
    assert_int_equal(fstat(fd, &sent), 0);
    must(f, import_ask(&f->platform, fd, &request, LANGUAGE_EN, &f->arena, &job, &f->err));
    close(fd);
    assert_int_equal(stat(upload_of(f, job.id), &kept), 0);
    assert_int_equal(kept.st_nlink, 1);
    assert_int_equal(kept.st_size, 20);
    if (sent.st_nlink == 0) /* the file system knows files without a name */
        assert_int_equal(kept.st_ino, sent.st_ino);
}

/* As the runner would: the job as its row is now. */
static bool run(struct fixture *f, const struct job *job)
{
    struct job now;
    CLEANUP(store_reader_release) struct db *db = NULL;
    must(f, store_reader(f->platform.store, READ_LIMIT_MS, &db, &f->err));
    must(f, job_get(db, job->id, &f->arena, &now, &f->err));
    store_reader_return(db);
    db = NULL;
    struct job_run work = {.platform = &f->platform, .job = &now, .actor = admin, .arena = &f->arena};
    error_clear(&f->err);
    return import_job_run(&work, &f->err);
}

static int64_t of_job(struct fixture *f, const char *sql, const struct job *job)
{
    return fixture_int(f, sql, DB_ARGS(db_text(job->id)));
}

static const char text_with_failures[] =
    "门店,question,answer\n一,q1,a1\n二,,a2\n三,q3,a3\n四,\"q1\",\"=1+1, \"\"x\"\"\"\n";

static void test_asked_and_run(void **state)
{
    struct fixture *f = *state;
    struct import_request request = request_of(IMPORT_CREATE);
    struct job job;
    struct stat status;
    must(f, ask(f, text_with_failures, &request, &job));
    assert_int_equal(stat(upload_of(f, job.id), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(fixture_int(f, SQL_AUDITED, DB_NO_ARGS), 1);
    set_status(f, &job, "running", INT_NULL);
    must(f, run(f, &job));
    assert_int_equal(of_job(f, SQL_CREATED, &job), 2);
    assert_int_equal(of_job(f, SQL_FAILED, &job), 2);
    assert_int_equal(of_job(f, SQL_CHANGES, &job), 2);
    assert_int_equal(fixture_int(f, SQL_PAIRS, DB_NO_ARGS), 2);
    assert_int_equal(fixture_int(f, SQL_AUDITED, DB_NO_ARGS), 2);
    /* run once more, as after a crash between the last step and the job's end */
    must(f, run(f, &job));
    assert_int_equal(of_job(f, SQL_FAILED, &job), 2);
    assert_int_equal(fixture_int(f, SQL_AUDITED, DB_NO_ARGS), 2);
}

static bool append(void *context, const char *bytes, size_t length, struct error *err)
{
    (void)err;
    strbuf_append(context, bytes, length);
    return true;
}

static void test_failed_rows_as_a_file(void **state)
{
    struct fixture *f = *state;
    CLEANUP(strbuf_release) struct strbuf text = {0};
    struct import_request request = request_of(IMPORT_CREATE);
    struct byte_sink sink = {append, &text};
    struct job job, dry;
    must(f, ask(f, text_with_failures, &request, &job));
    set_status(f, &job, "running", INT_NULL);
    must(f, run(f, &job));
    must(f, import_errors_write(f->platform.store, job.id, LANGUAGE_EN, &sink, &f->err));
    assert_string_equal(strbuf_text(&text), "\xEF\xBB\xBFrow,error,门店,question,answer\r\n"
                                            "3,question: must not be empty,二,,a2\r\n"
                                            "5,\"question: stands in an earlier row of the file, too\",四,q1,"
                                            "\"'=1+1, \"\"x\"\"\"\r\n");
    /* it is a file to import: the same two fail again, with the same cells */
    request.dry_run = true;
    must(f, ask(f, strbuf_text(&text), &request, &dry));
    set_status(f, &dry, "running", INT_NULL);
    must(f, run(f, &dry));
    assert_int_equal(of_job(f, SQL_CREATED, &dry), 0);
    assert_int_equal(of_job(f, SQL_FAILED, &dry), 2);
    must_fail(f, import_errors_write(f->platform.store, "job_none", LANGUAGE_EN, &sink, &f->err),
              ERROR_NOT_FOUND);
}

/* Columns that were told by their place are named in the file of failed rows. */
static void test_failed_rows_of_told_columns(void **state)
{
    struct fixture *f = *state;
    CLEANUP(strbuf_release) struct strbuf text = {0};
    struct import_request request = request_of(IMPORT_UPSERT);
    struct byte_sink sink = {append, &text};
    struct job job;
    must(f,
         import_columns_parse("{\"question\":2,\"answer\":0,\"heading\":true}", &request.columns, &f->err));
    must(f, ask(f, "Antwort,question,Frage\na1,x,\n", &request, &job));
    set_status(f, &job, "running", INT_NULL);
    must(f, run(f, &job));
    must(f, import_errors_write(f->platform.store, job.id, LANGUAGE_ZH, &sink, &f->err));
    assert_string_equal(strbuf_text(&text), "\xEF\xBB\xBF行号,错误,answer,,question\r\n"
                                            "2,question: 不能为空,a1,x,\r\n");
}

static const char SQL_LEAVE[] = "UPDATE jobs SET status = 'running', progress_done = $2, result = $3"
                                " WHERE id = $1";

static void write_rows(struct strbuf *text, int count)
{
    strbuf_puts(text, "question,answer\n");
    for (int i = 0; i < count; i++)
        strbuf_printf(text, i % 100 ? "q%d,a%d\n" : ",a%d%d\n", i, i);
}

/* Each row once, though mode 'create' would fail those that are there already. */
static void test_goes_on_behind_what_is_done(void **state)
{
    struct fixture *f = *state;
    CLEANUP(strbuf_release) struct strbuf first = {0}, whole = {0};
    struct import_request request = request_of(IMPORT_CREATE);
    struct job done, job;
    write_rows(&first, 1000);
    write_rows(&whole, 1700);
    must(f, ask(f, strbuf_text(&first), &request, &done));
    set_status(f, &done, "running", INT_NULL);
    must(f, run(f, &done));
    must(f, ask(f, strbuf_text(&whole), &request, &job));
    fixture_execute(
        f, SQL_LEAVE,
        DB_ARGS(db_text(job.id), db_int(1000),
                db_text("{\"created\":990,\"updated\":0,\"skipped\":0,\"failed\":10,\"errors\":"
                        "[{\"row\":2,\"column\":\"question\",\"message\":\"must not be empty\"}]}")));
    must(f, run(f, &job));
    assert_int_equal(of_job(f, SQL_CREATED, &job), 1683);
    assert_int_equal(of_job(f, SQL_FAILED, &job), 7); /* those of this run */
    assert_int_equal(fixture_int(f, SQL_PAIRS, DB_NO_ARGS), 1683);
}

static void test_cancelled(void **state)
{
    struct fixture *f = *state;
    struct import_request request = request_of(IMPORT_UPSERT);
    struct job job;
    must(f, ask(f, "question,answer\nq1,a1\n", &request, &job));
    set_status(f, &job, "cancelled", clock_now_ms());
    assert_false(run(f, &job));
    assert_int_equal(f->err.code, ERROR_CANCELLED);
    assert_int_equal(fixture_int(f, SQL_PAIRS, DB_NO_ARGS), 0);
    assert_int_equal(of_job(f, SQL_CHANGES, &job), 0);
}

static int64_t files_kept(void)
{
    char command[128], count[16];
    snprintf(command, sizeof(command), "ls %s/uploads 2>/dev/null | wc -l", data_folder);
    FILE *pipe = popen(command, "r");
    assert_non_null(fgets(count, sizeof(count), pipe));
    pclose(pipe);
    return atoi(count);
}

static void test_what_is_refused_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct import_request request = request_of(IMPORT_UPSERT), nobodys = request;
    struct job job;
    nobodys.tenant_id = "nobody";
    must_fail(f, ask(f, "", &request, &job), ERROR_INVALID);
    assert_string_equal(f->err.fields[0].field, "file");
    must_fail(f, ask(f, "category,x\na,b\n", &request, &job), ERROR_INVALID);
    must_fail(f, ask(f, "\xD0\xCF\x11\xE0", &request, &job), ERROR_INVALID);
    must_fail(f, ask(f, "question,answer\nq,a\n", &nobodys, &job), ERROR_INVALID);
    assert_string_equal(f->err.fields[0].field, "tenant_id");
    assert_int_equal(files_kept(), 0);
    assert_int_equal(fixture_int(f, "SELECT COUNT(*) FROM jobs", DB_NO_ARGS), 0);
}

static void test_sweep(void **state)
{
    struct fixture *f = *state;
    struct import_request request = request_of(IMPORT_UPSERT);
    struct job old, recent, waiting;
    const char *stray = upload_of(f, "new-stray"), *fresh = upload_of(f, "new-fresh");
    int64_t now = clock_now_ms(), deleted;
    must(f, import_sweep_uploads(&f->platform, &deleted, &f->err)); /* there is no folder yet */
    must(f, ask(f, "question,answer\nq1,a1\n", &request, &old));
    must(f, ask(f, "question,answer\nq1,a1\n", &request, &recent));
    must(f, ask(f, "question,answer\nq1,a1\n", &request, &waiting));
    set_status(f, &old, "succeeded", now - 25 * HOUR_MS);
    set_status(f, &recent, "failed", now - 23 * HOUR_MS);
    close(creat(stray, 0600));
    close(creat(fresh, 0600));
    struct utimbuf long_ago = {.actime = 1, .modtime = 1};
    assert_int_equal(utime(stray, &long_ago), 0);
    must(f, import_sweep_uploads(&f->platform, &deleted, &f->err));
    assert_int_equal(deleted, 2);
    assert_int_equal(access(upload_of(f, old.id), F_OK), -1);
    assert_int_equal(access(stray, F_OK), -1);
    assert_int_equal(access(upload_of(f, recent.id), F_OK), 0);
    assert_int_equal(access(upload_of(f, waiting.id), F_OK), 0);
    assert_int_equal(access(fresh, F_OK), 0);
}

/* Its changes can be undone: what was there before an update is kept. */
static void test_updates_are_noted(void **state)
{
    struct fixture *f = *state;
    struct import_request request = request_of(IMPORT_UPSERT);
    struct job job;
    static const char before[] =
        "SELECT COUNT(*) FROM knowledge_changes WHERE job_id = $1 AND answer = 'old'";
    fixture_add_pair(f, "alpha", "q1", "old");
    must(f, ask(f, "question,answer\nq1,new\n", &request, &job));
    set_status(f, &job, "running", INT_NULL);
    must(f, run(f, &job));
    assert_int_equal(of_job(f, before, &job), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        job_test(test_asked_and_run),
        job_test(test_upload_is_not_copied),
        job_test(test_failed_rows_as_a_file),
        job_test(test_failed_rows_of_told_columns),
        job_test(test_goes_on_behind_what_is_done),
        job_test(test_cancelled),
        job_test(test_what_is_refused_leaves_nothing),
        job_test(test_sweep),
        job_test(test_updates_are_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
