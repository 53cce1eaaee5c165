/* An import as a job: what is kept of it, going on behind what is done, the rows that failed, sweeping; each with
 * the files of the store in a folder, and in its tables. */
#include "platform_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <utime.h>

#include "base/identifier.h"
#include "base/json_reader.h"
#include "base/memory.h"
#include "base/temporary_file.h"
#include "ops/transfer/import_export_service.h"
#include "store/files.h"

static const char SQL_SET_STATUS[] = "UPDATE jobs SET status = $2, finished_at = $3 WHERE id = $1";
static const char SQL_PAIRS[] = "SELECT COUNT(*) FROM qa_pairs WHERE deleted_at IS NULL";
static const char SQL_FAILED[] = "SELECT COUNT(*) FROM job_items WHERE job_id = $1 AND outcome = 'failed'";
static const char SQL_CHANGES[] = "SELECT COALESCE(SUM(last_id - first_id + 1), 0) FROM knowledge_changes"
                                  " WHERE job_id = $1";
static const char SQL_AUDITED[] = "SELECT COUNT(*) FROM ops_logs WHERE action = 'knowledge.import'"
                                  " AND request_id = 'request-1' AND result = 'done'"
                                  " AND details LIKE '%\"file\":\"pairs.csv\"%'"
                                  " AND details LIKE '%\"mode\":\"create\"%'";

static const char SQL_FILES[] = "SELECT COUNT(*) FROM stored_files";
static const char SQL_CHUNKS[] = "SELECT COUNT(*) FROM stored_file_chunks";
static const char SQL_AGE[] = "UPDATE stored_files SET written_at = 0 WHERE name = $1";
static const char SQL_UNFINISH[] = "UPDATE stored_files SET size = NULL WHERE name = $1";

static const struct actor admin = {"user_1", "admin", "127.0.0.1", "request-1"};

static int setup(void **state, bool files_in_tables)
{
    static const struct setting_flag none = {0};
    fixture_files_in_tables = files_in_tables;
    fixture_setup(state);
    struct fixture *f = *state;
    setenv("KIMONO_DATA", f->folder, 1);
    settings_free(f->platform.settings);
    must(f, settings_load(&f->platform.settings, NULL, &none, &f->err));
    return 0;
}

static int setup_folder(void **state)
{
    return setup(state, false);
}

static int setup_tables(void **state)
{
    return setup(state, true);
}

#define job_test(function)                                                                                   \
    {#function " (folder)", function, setup_folder, fixture_teardown, NULL},                                 \
    {                                                                                                        \
#function " (tables)", function, setup_tables, fixture_teardown, NULL                                \
    }

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
    return arena_printf(&f->arena, "%s/uploads/%s", f->folder, name);
}

static bool is_kept(struct fixture *f, const char *name)
{
    int fd;
    struct error err;
    if (!store_file_open(f->platform.store, name, f->folder, &fd, &err)) {
        assert_int_equal(err.code, ERROR_NOT_FOUND);
        return false;
    }
    close(fd);
    return true;
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
    if (fixture_files_in_tables)
        return;
    must(f, temporary_file_open(f->folder, &fd, &f->err));
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

static int created_so_far(struct fixture *f, const struct job *job)
{
    struct job now;
    CLEANUP(store_reader_release) struct db *db = NULL;
    CLEANUP(json_delete) cJSON *result = NULL;
    must(f, store_reader(f->platform.store, READ_LIMIT_MS, &db, &f->err));
    must(f, job_get(db, job->id, &f->arena, &now, &f->err));
    assert_string_equal(now.status, "running");
    must(f, json_parse(now.result, strlen(now.result), &result, &f->err));
    return cJSON_GetObjectItemCaseSensitive(result, "created")->valueint;
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
    assert_true(is_kept(f, job.id));
    if (!fixture_files_in_tables) {
        assert_int_equal(stat(upload_of(f, job.id), &status), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
    }
    assert_int_equal(fixture_int(f, SQL_AUDITED, DB_NO_ARGS), 1);
    set_status(f, &job, "running", INT_NULL);
    must(f, run(f, &job));
    assert_int_equal(created_so_far(f, &job), 2);
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
    assert_int_equal(created_so_far(f, &dry), 0);
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
    assert_int_equal(created_so_far(f, &job), 1683);
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

static bool never_over(void *context, const char *name, int64_t kept_at)
{
    (void)name, (void)kept_at;
    ++*(int64_t *)context;
    return false;
}

static int64_t files_kept(struct fixture *f)
{
    int64_t kept = 0, deleted;
    must(f, store_files_sweep(f->platform.store, never_over, &kept, &deleted, &f->err));
    assert_int_equal(deleted, 0);
    return kept;
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
    assert_int_equal(files_kept(f), 0);
    assert_int_equal(fixture_int(f, "SELECT COUNT(*) FROM jobs", DB_NO_ARGS), 0);
}

/* Kept, as long ago as that, by somebody who never asked for its job. */
static void keep_stray(struct fixture *f, const char *name, bool long_ago)
{
    struct utimbuf past = {.actime = 1, .modtime = 1};
    int fd = file_of("x");
    must(f, store_file_keep(f->platform.store, name, fd, &f->err));
    close(fd);
    if (long_ago && fixture_files_in_tables)
        fixture_execute(f, SQL_AGE, DB_ARGS(db_text(name)));
    else if (long_ago)
        assert_int_equal(utime(upload_of(f, name), &past), 0);
}

static void test_sweep(void **state)
{
    struct fixture *f = *state;
    struct import_request request = request_of(IMPORT_UPSERT);
    struct job old, recent, waiting;
    int64_t now = clock_now_ms(), deleted;
    must(f, import_sweep_uploads(&f->platform, &deleted, &f->err)); /* there is no folder yet */
    assert_int_equal(deleted, 0);
    must(f, ask(f, "question,answer\nq1,a1\n", &request, &old));
    must(f, ask(f, "question,answer\nq1,a1\n", &request, &recent));
    must(f, ask(f, "question,answer\nq1,a1\n", &request, &waiting));
    set_status(f, &old, "succeeded", now - 25 * HOUR_MS);
    set_status(f, &recent, "failed", now - 23 * HOUR_MS);
    keep_stray(f, "stray", true);
    keep_stray(f, "fresh", false);
    must(f, import_sweep_uploads(&f->platform, &deleted, &f->err));
    assert_int_equal(deleted, 2);
    assert_false(is_kept(f, old.id));
    assert_false(is_kept(f, "stray"));
    assert_true(is_kept(f, recent.id));
    assert_true(is_kept(f, waiting.id));
    assert_true(is_kept(f, "fresh"));
}

#define LARGE_BYTES (5 * (256 << 10) + 77)

static void assert_bytes(int fd, const unsigned char *bytes, size_t length)
{
    CLEANUP(free_pointer) unsigned char *found = xmalloc(length + 1);
    assert_int_equal(pread(fd, found, length + 1, 0), length);
    assert_memory_equal(found, bytes, length);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
}

/* Whole, whatever its length and whatever bytes it has; once under a name; gone when it is deleted. */
static void test_files_of_the_store(void **state)
{
    static const size_t lengths[] = {0, 1, 256 << 10, LARGE_BYTES};
    struct fixture *f = *state;
    struct store *store = f->platform.store;
    CLEANUP(free_pointer) unsigned char *bytes = xmalloc(LARGE_BYTES);
    random_bytes(bytes, LARGE_BYTES);
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        int sent = file_of(""), found = -1;
        assert_int_equal(write(sent, bytes, lengths[i]), lengths[i]);
        must(f, store_file_keep(store, "large", sent, &f->err));
        must_fail(f, store_file_keep(store, "large", sent, &f->err), ERROR_CONFLICT);
        close(sent);
        must(f, store_file_open(store, "large", f->folder, &found, &f->err));
        must(f, store_file_delete(store, "large", &f->err));
        assert_bytes(found, bytes, lengths[i]); /* who has it open goes on reading */
        close(found);
        assert_false(is_kept(f, "large"));
        must(f, store_file_delete(store, "large", &f->err));
    }
    assert_int_equal(fixture_int(f, SQL_FILES, DB_NO_ARGS), 0);
    assert_int_equal(fixture_int(f, SQL_CHUNKS, DB_NO_ARGS), 0);
}

/* A process that was killed in the middle leaves what nobody can open, and the sweep deletes it an hour later. */
static void test_unfinished_files(void **state)
{
    struct fixture *f = *state;
    int64_t deleted, seen = 0;
    if (!fixture_files_in_tables)
        return;
    keep_stray(f, "half", false);
    fixture_execute(f, SQL_UNFINISH, DB_ARGS(db_text("half")));
    assert_false(is_kept(f, "half"));
    must(f, store_files_sweep(f->platform.store, never_over, &seen, &deleted, &f->err));
    assert_int_equal(deleted, 0);
    fixture_execute(f, SQL_AGE, DB_ARGS(db_text("half")));
    must(f, store_files_sweep(f->platform.store, never_over, &seen, &deleted, &f->err));
    assert_int_equal(deleted, 1);
    assert_int_equal(seen, 0);
    assert_int_equal(fixture_int(f, SQL_CHUNKS, DB_NO_ARGS), 0);
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
        job_test(test_files_of_the_store),
        job_test(test_unfinished_files),
        job_test(test_updates_are_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
