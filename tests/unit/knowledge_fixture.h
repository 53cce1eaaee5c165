/* A platform whose jobs about knowledge run, for the tests of ops/knowledge_*. For test programs only. */
#ifndef KIMONO_TESTS_KNOWLEDGE_FIXTURE_H
#define KIMONO_TESTS_KNOWLEDGE_FIXTURE_H

#include "ops/knowledge/bulk.h"
#include "ops/knowledge/editor.h"
#include "ops/knowledge/sync.h"
#include "ops/knowledge/tasks.h"
#include "ops/knowledge/undo.h"
#include "platform/knowledge/changes.h"
#include "platform/knowledge/templates.h"
#include "platform_fixture.h"
#include "store/full_text.h"

#define FOR_EVER_MS 600000

static const struct actor someone = {"usr_1", "anna", "192.0.2.1", "request-1"};

static inline void start_jobs(struct fixture *f)
{
    static const struct job_kinds *const rooms[] = {&knowledge_job_kinds};
    fixture_start_leases(f);
    must(f, jobs_start(&f->platform.jobs, &f->platform, rooms, ARRAY_SIZE(rooms), &f->err));
}

static inline void stop_jobs(struct fixture *f)
{
    jobs_stop(f->platform.jobs);
    f->platform.jobs = NULL;
    fixture_stop_leases(f);
}

static inline int knowledge_set_up(void **state)
{
    fixture_setup(state);
    start_jobs(*state);
    return 0;
}

/* Whatever was done, all that is counted is right. */
static inline void knowledge_check_all(struct fixture *f)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    CLEANUP(strbuf_release) struct strbuf findings = {0};
    must(f, store_reader(f->platform.store, 5000, &db, &f->err));
    must(f, db_snapshot_begin(db, &f->err)); /* all at one moment */
    must(f, templates_check(db, &findings, &f->err));
    must(f, text_index_check(db, &findings, &f->err));
    must(f, jobs_check(db, &findings, &f->err));
    db_snapshot_end(db);
    assert_string_equal(strbuf_text(&findings), "");
}

static inline int knowledge_tear_down(void **state)
{
    struct fixture *f = *state;
    stop_jobs(f);
    knowledge_check_all(f);
    return fixture_teardown(state);
}

#define knowledge_test(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, knowledge_set_up, knowledge_tear_down)

static inline struct job read_job(struct fixture *f, const char *id)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct job job = {0};
    must(f, store_reader(f->platform.store, 5000, &db, &f->err));
    must(f, job_get(db, id, &f->arena, &job, &f->err));
    return job;
}

/* The job as it ended. */
static inline struct job end_of(struct fixture *f, const struct job *job, const char *status)
{
    assert_true(jobs_wait(f->platform.jobs, job->id, FOR_EVER_MS));
    struct job ended = read_job(f, job->id);
    if (strcmp(ended.status, status) != 0)
        fail_msg("job %s: %s", ended.status, ended.error_en);
    return ended;
}

/* A whole number of the job's result. */
static inline int64_t figure(const struct job *job, const char *name)
{
    char key[64];
    snprintf(key, sizeof(key), "\"%s\":", name);
    const char *at = job->result ? strstr(job->result, key) : NULL;
    if (!at)
        fail_msg("no %s in %s", name, job->result ? job->result : "null");
    return strtoll(at + strlen(key), NULL, 10);
}

static inline struct qa_pair_row read_row(struct fixture *f, int64_t id, bool *ret_found)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct qa_pair_row row = {0};
    must(f, store_reader(f->platform.store, 5000, &db, &f->err));
    must(f, qa_pair_row_read(db, id, &f->arena, &row, ret_found, &f->err));
    return row;
}

static inline struct qa_pair_row row_of(struct fixture *f, int64_t id)
{
    bool found;
    struct qa_pair_row row = read_row(f, id, &found);
    assert_true(found);
    return row;
}

static inline bool is_live(struct fixture *f, int64_t id)
{
    return row_of(f, id).deleted_at == INT_NULL;
}

static const char SQL_AUDITS[] = "SELECT COUNT(*) FROM ops_logs WHERE action = $1";
static inline int64_t audits(struct fixture *f, const char *action)
{
    return fixture_int(f, SQL_AUDITS, DB_ARGS(db_text(action)));
}

static inline struct job bulk_ends(struct fixture *f, const struct bulk_request *request, const char *status)
{
    struct job job = {0};
    must(f, knowledge_bulk(&f->platform, &someone, request, &f->arena, &job, &f->err));
    return end_of(f, &job, status);
}

static inline struct job undo_ends(struct fixture *f, const char *job_id, const char *status)
{
    struct job job = {0};
    must(f, knowledge_undo(&f->platform, &someone, job_id, "a mistake", &f->arena, &job, &f->err));
    return end_of(f, &job, status);
}

static inline void sync_all(struct fixture *f)
{
    struct sync_report report;
    must(f, vector_sync_run(&f->platform, NULL, &report, &f->err));
    assert_int_equal(report.failed_tenants, 0);
}

#endif
