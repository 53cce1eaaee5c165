/* Many pairs at once, and taking that back. */
#include <math.h>

#include "knowledge_fixture.h"

#define PAIRS 450 /* more than two batches */

static int64_t ids[2 * PAIRS];

/* PAIRS of each tenant, one after the other: ids[0] alpha's first, ids[1] beta's first … */
static void fill(struct fixture *f)
{
    char question[40];
    for (size_t i = 0; i < 2 * PAIRS; i++) {
        snprintf(question, sizeof(question), "question %zu", i);
        ids[i] = fixture_add_pair(f, i % 2 ? "beta" : "alpha", question, "an answer");
    }
}

static const char SQL_LIVE[] = "SELECT COUNT(*) FROM qa_pairs WHERE deleted_at IS NULL AND"
                               " (CAST($1 AS TEXT) IS NULL OR tenant_id = $1)";
static const char SQL_OF_CATEGORY[] =
    "SELECT COUNT(*) FROM qa_pairs WHERE deleted_at IS NULL AND category = $1";

static int64_t live(struct fixture *f, const char *tenant_id)
{
    return fixture_int(f, SQL_LIVE, DB_ARGS(db_text(tenant_id)));
}

static struct qa_filter all_of(const char *tenant_id)
{
    return (struct qa_filter){
        .tenant_id = tenant_id, .is_synced = SYNCED_ANY, .quality_min = NAN, .quality_max = NAN};
}

static void assert_figures(const struct job *job, int64_t matched, int64_t changed, int64_t skipped)
{
    if (figure(job, "matched") != matched || figure(job, "changed") != changed ||
        figure(job, "skipped") != skipped)
        fail_msg("%s", job->result);
    assert_int_equal(job->progress_done, job->progress_total);
}

static void deletes_by_ids(void **state)
{
    struct fixture *f = *state;
    fill(f);
    int64_t some[] = {ids[7], ids[2], ids[7], ids[3], 999999};
    struct bulk_request request = {.action = "delete", .ids = some, .id_count = 5, .reason = "old"};
    struct job job = bulk_ends(f, &request, "succeeded");
    assert_figures(&job, 4, 3, 1);
    assert_false(is_live(f, ids[7]) || is_live(f, ids[2]) || is_live(f, ids[3]));
    assert_int_equal(live(f, NULL), 2 * PAIRS - 3);
    assert_int_equal(audits(f, "knowledge.bulk"), 2); /* asked, and one batch */
    job = undo_ends(f, job.id, "succeeded");
    assert_int_equal(figure(&job, "undone"), 3);
    assert_int_equal(figure(&job, "conflicts"), 0);
    assert_int_equal(live(f, NULL), 2 * PAIRS);
}

static void deletes_by_filter_and_comes_back(void **state)
{
    struct fixture *f = *state;
    fill(f);
    sync_all(f);
    struct qa_filter filter = all_of("alpha");
    struct bulk_request request = {.action = "delete", .filter = &filter};
    struct job job = bulk_ends(f, &request, "succeeded");
    assert_figures(&job, PAIRS, PAIRS, 0);
    assert_int_equal(live(f, "alpha"), 0);
    assert_int_equal(live(f, "beta"), PAIRS);
    /* meanwhile one was restored by hand, and one question is taken */
    struct qa_pair_detail detail;
    must(f, knowledge_restore(&f->platform, &someone, ids[0], LANGUAGE_EN, &f->arena, &detail, &f->err));
    fixture_add_pair(f, "alpha", "question 2", "another answer");
    struct job undo = undo_ends(f, job.id, "succeeded");
    assert_int_equal(figure(&undo, "undone"), PAIRS - 2);
    assert_int_equal(figure(&undo, "conflicts"), 2);
    assert_int_equal(live(f, "alpha"), PAIRS);
    assert_int_equal(undo.progress_done, PAIRS);
    struct job again = {0};
    must_fail(f, knowledge_undo(&f->platform, &someone, job.id, NULL, &f->arena, &again, &f->err),
              ERROR_CONFLICT);
    sync_all(f);
}

static void sets_a_category_and_takes_it_back(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct qa_filter filter = all_of(NULL);
    filter.keyword = "question";
    struct bulk_request request = {.action = "set_category", .filter = &filter, .category = " times "};
    struct job job = bulk_ends(f, &request, "succeeded");
    assert_figures(&job, 2 * PAIRS, 2 * PAIRS, 0);
    assert_int_equal(fixture_int(f, SQL_OF_CATEGORY, DB_ARGS(db_text("times"))), 2 * PAIRS);
    struct job again = bulk_ends(f, &request, "succeeded");
    assert_figures(&again, 2 * PAIRS, 0, 2 * PAIRS);
    fixture_edit_pair(f, "alpha", ids[10], "question 10", "edited since");
    struct job undo = undo_ends(f, job.id, "succeeded");
    assert_int_equal(figure(&undo, "undone"), 2 * PAIRS - 1);
    assert_int_equal(figure(&undo, "conflicts"), 1);
    assert_int_equal(fixture_int(f, SQL_OF_CATEGORY, DB_ARGS(db_text("times"))), 0);
    assert_string_equal(row_of(f, ids[10]).answer, "edited since");
}

static void a_dry_run_only_counts(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct qa_filter filter = all_of("beta"), counted = all_of("beta"), none = all_of("nobody");
    filter.keyword = "question";
    struct bulk_request looked = {.action = "set_category",
                                  .filter = &filter,
                                  .category = "c",
                                  .dry_run = true},
                        few = {.action = "delete", .ids = ids, .id_count = 300, .dry_run = true},
                        quick = {.action = "sync", .filter = &counted, .dry_run = true},
                        nothing = {.action = "delete", .filter = &none};
    struct job job = bulk_ends(f, &looked, "succeeded");
    assert_figures(&job, PAIRS, PAIRS, 0);
    job = bulk_ends(f, &few, "succeeded");
    assert_figures(&job, 300, 300, 0);
    struct job undo = {0};
    must_fail(f, knowledge_undo(&f->platform, &someone, job.id, NULL, &f->arena, &undo, &f->err),
              ERROR_CONFLICT);
    job = bulk_ends(f, &quick, "succeeded");
    assert_figures(&job, PAIRS, PAIRS, 0);
    job = bulk_ends(f, &nothing, "succeeded");
    assert_figures(&job, 0, 0, 0);
    assert_int_equal(live(f, NULL), 2 * PAIRS);
    assert_int_equal(fixture_int(f, SQL_OF_CATEGORY, DB_ARGS(db_text("c"))), 0);
}

static void syncs_what_was_named(void **state)
{
    struct fixture *f = *state;
    fill(f);
    fixture_set_status(f, "beta", "suspended");
    struct bulk_request request = {.action = "sync", .ids = ids, .id_count = 20};
    struct job job = bulk_ends(f, &request, "succeeded");
    assert_figures(&job, 20, 10, 10);
    assert_true(row_of(f, ids[0]).is_synced);
    assert_false(row_of(f, ids[1]).is_synced);
    assert_non_null(strstr(job.result, "\"tenant_id\":\"beta\""));
    fixture_set_status(f, "beta", "active");
    struct qa_filter filter = all_of(NULL);
    struct bulk_request all = {.action = "sync", .filter = &filter};
    job = bulk_ends(f, &all, "succeeded");
    assert_figures(&job, 2 * PAIRS, 2 * PAIRS - 10, 10);
}

static void what_is_wrong_is_named(void **state)
{
    struct fixture *f = *state;
    struct qa_filter filter = all_of(NULL);
    struct job job = {0};
    const struct bulk_request wrong[] = {
        {.action = "delete"},
        {.action = "delete", .ids = ids, .id_count = 1, .filter = &filter},
        {.action = "burn", .filter = &filter},
        {.action = "set_category", .filter = &filter},
        {.action = "set_category", .filter = &filter, .category = "two\nlines"},
        {.action = "delete", .filter = &filter, .category = "c"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        must_fail(f, knowledge_bulk(&f->platform, &someone, &wrong[i], &f->arena, &job, &f->err),
                  ERROR_INVALID);
    must_fail(f, knowledge_undo(&f->platform, &someone, "job_unknown", NULL, &f->arena, &job, &f->err),
              ERROR_NOT_FOUND);
}

/* ---- broken off ---- */

/* Fails the transaction of the batch in which this pair is. */
static const char TRAP[] = "CREATE TRIGGER trap BEFORE UPDATE ON qa_pairs WHEN old.id = 650 BEGIN"
                           " SELECT RAISE(ABORT, 'broken off'); END";
static const char TRAP_UNDO[] = "CREATE TRIGGER trap BEFORE UPDATE ON qa_pairs WHEN old.id = 9 BEGIN"
                                " SELECT RAISE(ABORT, 'broken off'); END";
static const char UNTRAP[] = "DROP TRIGGER trap";
static const char AGAIN[] =
    "UPDATE jobs SET status = 'queued', error_en = NULL, error_zh = NULL, finished_at = NULL WHERE id = $1";

static void goes_on_behind_the_last_batch(void **state)
{
    struct fixture *f = *state;
    SQLITE_ONLY();
    fill(f);
    struct qa_filter filter = all_of(NULL);
    struct bulk_request request = {.action = "set_category", .filter = &filter, .category = "c"};
    fixture_execute(f, TRAP, DB_NO_ARGS);
    struct job job = bulk_ends(f, &request, "failed");
    assert_int_equal(fixture_int(f, SQL_OF_CATEGORY, DB_ARGS(db_text("c"))), 600);
    assert_int_equal(figure(&job, "changed"), 600);
    knowledge_check_all(f);
    fixture_execute(f, UNTRAP, DB_NO_ARGS);
    fixture_execute(f, AGAIN, DB_ARGS(db_text(job.id)));
    jobs_wake(f->platform.jobs);
    job = end_of(f, &job, "succeeded");
    assert_figures(&job, 2 * PAIRS, 2 * PAIRS, 0);
    /* the undo, too, is broken off and asked for again */
    fixture_execute(f, TRAP_UNDO, DB_NO_ARGS);
    struct job undo = undo_ends(f, job.id, "failed");
    assert_int_equal(figure(&undo, "undone"), 2 * PAIRS - 100);
    knowledge_check_all(f);
    fixture_execute(f, UNTRAP, DB_NO_ARGS);
    undo = undo_ends(f, job.id, "succeeded");
    assert_int_equal(figure(&undo, "undone"), 100);
    assert_int_equal(fixture_int(f, SQL_OF_CATEGORY, DB_ARGS(db_text("c"))), 0);
}

/* ---- notes of an import ---- */

struct import_like {
    const char *job_id;
    int64_t ids[500], changed;
};

/* As an import does it: new pairs in one transaction, and one that gets another answer. */
static bool import_work(struct db *db, void *context, struct error *err)
{
    struct import_like *import = context;
    struct qa_pair before = {.id = import->changed,
                             .tenant_id = "alpha",
                             .question = "old question",
                             .answer = "old answer",
                             .category = ""};
    struct qa_pair after = before;
    int64_t revision;
    bool was_synced;
    after.answer = "new answer";
    after.category = "new";
    if (!tenant_next_revision(db, "alpha", &revision, err))
        return false;
    for (int i = 0; i < 500; i++) {
        char question[40];
        snprintf(question, sizeof(question), "imported %d", i);
        struct qa_pair pair = {.tenant_id = "alpha", .question = question, .answer = "a", .category = ""};
        if (!qa_pair_insert(db, revision, &pair, &import->ids[i], err))
            return false;
    }
    return qa_pair_update_text(db, revision, &after, &was_synced, err) &&
           tenant_count_pairs(db, "alpha", 500, 500 + was_synced, err) &&
           knowledge_change_created(db, import->job_id, "alpha", import->ids, ARRAY_SIZE(import->ids), err) &&
           knowledge_change_updated(db, import->job_id, &before, 2, err);
}

static void an_import_is_taken_back_whole(void **state)
{
    struct fixture *f = *state;
    struct qa_filter none = all_of("nobody");
    struct bulk_request nothing = {.action = "delete", .filter = &none};
    struct job job = bulk_ends(f, &nothing, "succeeded"); /* stands for the import's job */
    struct import_like import = {.job_id = job.id,
                                 .changed = fixture_add_pair(f, "alpha", "old question", "old answer")};
    must(f, store_write(f->platform.store, import_work, &import, &f->err));
    sync_all(f);
    fixture_edit_pair(f, "alpha", import.ids[100], "imported 100", "edited since");
    fixture_delete_pair(f, "alpha", import.ids[200]);
    struct job undo = undo_ends(f, job.id, "succeeded");
    assert_int_equal(figure(&undo, "undone"), 1 + 500 - 2);
    assert_int_equal(figure(&undo, "conflicts"), 1);
    assert_int_equal(live(f, "alpha"), 2); /* the old one, and what somebody has edited */
    assert_string_equal(row_of(f, import.changed).answer, "old answer");
    assert_string_equal(row_of(f, import.changed).category, "");
}

/* Every other pair is somebody else's: their ids lie between those of the import, as when sequences are drawn
 * from by several. */
static bool interleaved_work(struct db *db, void *context, struct error *err)
{
    struct import_like *import = context;
    int64_t revision, others;
    if (!tenant_next_revision(db, "alpha", &revision, err))
        return false;
    for (int i = 0; i < 40; i++) {
        char question[40];
        snprintf(question, sizeof(question), "%s %d", i % 2 ? "of another" : "imported", i);
        struct qa_pair pair = {.tenant_id = "alpha", .question = question, .answer = "a", .category = ""};
        if (!qa_pair_insert(db, revision, &pair, i % 2 ? &others : &import->ids[i / 2], err))
            return false;
    }
    return tenant_count_pairs(db, "alpha", 40, 40, err) &&
           knowledge_change_created(db, import->job_id, "alpha", import->ids, 20, err);
}

static const char SQL_OF_OTHERS[] =
    "SELECT COUNT(*) FROM qa_pairs WHERE question LIKE 'of another%' AND deleted_at IS NULL";

static void an_undo_leaves_what_lies_between(void **state)
{
    struct fixture *f = *state;
    struct qa_filter none = all_of("nobody");
    struct bulk_request nothing = {.action = "delete", .filter = &none};
    struct job job = bulk_ends(f, &nothing, "succeeded");
    struct import_like import = {.job_id = job.id};
    must(f, store_write(f->platform.store, interleaved_work, &import, &f->err));
    struct job undo = undo_ends(f, job.id, "succeeded");
    assert_int_equal(figure(&undo, "undone"), 20);
    assert_int_equal(figure(&undo, "conflicts"), 0);
    assert_int_equal(live(f, "alpha"), 20);
    assert_int_equal(fixture_int(f, SQL_OF_OTHERS, DB_NO_ARGS), 20);
}

static const char SQL_NOTES[] = "SELECT COUNT(*) FROM knowledge_changes";
static const char SQL_UNDOS[] = "SELECT COUNT(*) FROM knowledge_undos";
static const char SQL_END_EARLIER[] = "UPDATE jobs SET finished_at = finished_at - $1";

static void notes_are_swept_a_day_after_the_end(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct bulk_request request = {.action = "delete", .ids = ids, .id_count = 600};
    struct job job = bulk_ends(f, &request, "succeeded"), undo;
    int64_t deleted;
    must(f, knowledge_changes_sweep(f->platform.store, &deleted, &f->err));
    assert_int_equal(deleted, 0);
    assert_int_equal(fixture_int(f, SQL_NOTES, DB_NO_ARGS), 600);
    fixture_execute(f, SQL_END_EARLIER, DB_ARGS(db_int(KNOWLEDGE_UNDO_MS + 1000)));
    must_fail(f, knowledge_undo(&f->platform, &someone, job.id, NULL, &f->arena, &undo, &f->err),
              ERROR_CONFLICT);
    must(f, knowledge_changes_sweep(f->platform.store, &deleted, &f->err));
    assert_int_equal(deleted, 600);
    assert_int_equal(fixture_int(f, SQL_NOTES, DB_NO_ARGS), 0);
    assert_int_equal(fixture_int(f, SQL_UNDOS, DB_NO_ARGS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        knowledge_test(deletes_by_ids),
        knowledge_test(deletes_by_filter_and_comes_back),
        knowledge_test(sets_a_category_and_takes_it_back),
        knowledge_test(a_dry_run_only_counts),
        knowledge_test(syncs_what_was_named),
        knowledge_test(what_is_wrong_is_named),
        knowledge_test(goes_on_behind_the_last_batch),
        knowledge_test(an_import_is_taken_back_whole),
        knowledge_test(an_undo_leaves_what_lies_between),
        knowledge_test(notes_are_swept_a_day_after_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
