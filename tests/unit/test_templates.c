/* Common templates: making and editing them, what a distribution does in every state, conflicts, counts. */
#include "ops/templates/conflict.h"
#include "ops/templates/copies.h"
#include "ops/templates/distribution.h"
#include "ops/templates/matrix.h"
#include "ops/templates/tasks.h"
#include "ops/templates/template_manager.h"
#include "platform/knowledge/templates.h"
#include "platform_fixture.h"
#include "store/driver.h"

#define FOR_EVER_MS 600000

static const struct actor someone = {"usr_1", "anna", "192.0.2.1", "request-1"};

static void start_jobs(struct fixture *f)
{
    static const struct job_kinds *const rooms[] = {&template_job_kinds};
    fixture_start_leases(f);
    must(f, jobs_start(&f->platform.jobs, &f->platform, rooms, ARRAY_SIZE(rooms), &f->err));
}

static void stop_jobs(struct fixture *f)
{
    jobs_stop(f->platform.jobs);
    f->platform.jobs = NULL;
    fixture_stop_leases(f);
}

static int set_up(void **state)
{
    fixture_setup(state);
    start_jobs(*state);
    return 0;
}

static void check_counts(struct fixture *f)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    CLEANUP(strbuf_release) struct strbuf findings = {0};
    must(f, store_reader(f->platform.store, 5000, &db, &f->err));
    must(f, templates_check(db, &findings, &f->err));
    must(f, jobs_check(db, &findings, &f->err));
    assert_string_equal(strbuf_text(&findings), "");
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    stop_jobs(f);
    check_counts(f);
    return fixture_teardown(state);
}

#define templates_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

/* ---- short forms ---- */

static int64_t make(struct fixture *f, const char *question, const char *answer, const char *category)
{
    struct template template;
    struct template_edit edit = {question, answer, category, INT_NULL};
    must(f, template_create(&f->platform, &someone, &edit, &f->arena, &template, &f->err));
    return template.id;
}

static struct template edit_answer(struct fixture *f, int64_t id, const char *answer)
{
    struct template template;
    struct template_edit edit = {.answer = answer, .version = INT_NULL};
    must(f, template_update(&f->platform, &someone, id, &edit, &f->arena, &template, &f->err));
    return template;
}

static struct template look(struct fixture *f, int64_t id)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct template template;
    must(f, store_reader(f->platform.store, 5000, &db, &f->err));
    must(f, template_get(db, id, &f->arena, &template, &f->err));
    return template;
}

static struct copy_view view(struct fixture *f, int64_t id, const char *tenant_id)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct copy_view view;
    must(f, store_reader(f->platform.store, 5000, &db, &f->err));
    must(f, copy_view_read(db, id, tenant_id, LANGUAGE_EN, &f->arena, &view, &f->err));
    return view;
}

static void assert_state(struct fixture *f, int64_t id, const char *tenant_id, const char *state)
{
    assert_string_equal(view(f, id, tenant_id).state, state);
}

static struct job read_job(struct fixture *f, const char *id)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct job job;
    must(f, store_reader(f->platform.store, 5000, &db, &f->err));
    must(f, job_get(db, id, &f->arena, &job, &f->err));
    return job;
}

/* The job as it ended. */
static struct job wait_for(struct fixture *f, const char *id)
{
    assert_true(jobs_wait(f->platform.jobs, id, FOR_EVER_MS));
    struct job job = read_job(f, id);
    if (strcmp(job.status, "succeeded") != 0)
        fail_msg("job %s: %s", job.status, job.error_en);
    return job;
}

static struct job distribute(struct fixture *f, const struct distribute_request *request)
{
    struct job job;
    must(f, template_distribute(&f->platform, &someone, request, &f->arena, &job, &f->err));
    return wait_for(f, job.id);
}

struct wanted {
    int templates, tenants, created, updated, unchanged, conflicts, deleted_templates, skipped_tenants;
    bool dry_run;
};

static void assert_result(const struct job *job, struct wanted w)
{
    char text[256];
    snprintf(text, sizeof(text),
             "{\"templates\":%d,\"tenants\":%d,\"created\":%d,\"updated\":%d,\"unchanged\":%d,"
             "\"conflicts\":%d,\"deleted_templates\":%d,\"skipped_tenants\":%d,\"dry_run\":%s}",
             w.templates, w.tenants, w.created, w.updated, w.unchanged, w.conflicts, w.deleted_templates,
             w.skipped_tenants, w.dry_run ? "true" : "false");
    assert_string_equal(job->result, text);
    assert_int_equal(job->progress_done, job->progress_total);
}

static struct job to_all(struct fixture *f, int64_t id)
{
    return distribute(f, &(struct distribute_request){&id, 1, .all_tenants = true});
}

static struct job to_one(struct fixture *f, int64_t id, const char *tenant_id, bool force)
{
    return distribute(f, &(struct distribute_request){&id, 1, &tenant_id, 1, .force = force});
}

static const char SQL_COPY[] = "SELECT id FROM qa_pairs WHERE tenant_id = $1 AND template_id = $2"
                               " AND deleted_at IS NULL";
static int64_t copy_of(struct fixture *f, int64_t id, const char *tenant_id)
{
    return fixture_int(f, SQL_COPY, DB_ARGS(db_text(tenant_id), db_int(id)));
}

static const char SQL_PAIRS[] = "SELECT COUNT(*) FROM qa_pairs WHERE tenant_id = $1 AND deleted_at IS NULL";
static int64_t pairs_of(struct fixture *f, const char *tenant_id)
{
    return fixture_int(f, SQL_PAIRS, DB_ARGS(db_text(tenant_id)));
}

static const char SQL_REVISION[] = "SELECT knowledge_revision FROM tenants WHERE id = $1";
static int64_t revision_of(struct fixture *f, const char *tenant_id)
{
    return fixture_int(f, SQL_REVISION, DB_ARGS(db_text(tenant_id)));
}

static const char SQL_AUDITED[] = "SELECT COUNT(*) FROM ops_logs WHERE action = $1";
static int64_t audited(struct fixture *f, const char *action)
{
    return fixture_int(f, SQL_AUDITED, DB_ARGS(db_text(action)));
}

static void edit_copy(struct fixture *f, int64_t id, const char *tenant_id, const char *answer)
{
    struct copy_view now = view(f, id, tenant_id);
    fixture_edit_pair(f, tenant_id, now.copy->qa_pair_id, now.copy->question, answer);
}

static void delete_copy(struct fixture *f, int64_t id, const char *tenant_id)
{
    fixture_delete_pair(f, tenant_id, copy_of(f, id, tenant_id));
}

static struct copy_view resolve(struct fixture *f, int64_t id, const char *resolution, const char *answer)
{
    struct copy_view now = view(f, id, "alpha"), then;
    struct copy_decision decision = {.resolution = resolution,
                                     .copy_version = now.copy->version,
                                     .template_version = now.template.version,
                                     .answer = answer};
    must(f, copy_resolve(&f->platform, &someone, id, "alpha", &decision, LANGUAGE_EN, &f->arena, &then,
                         &f->err));
    return then;
}

/* ---- templates ---- */

static void a_template_is_made_edited_and_deleted(void **state)
{
    struct fixture *f = *state;
    int64_t id = make(f, "  How do I book? ", "By phone.", "booking");
    struct template template = look(f, id);
    assert_string_equal(template.question, "How do I book?");
    assert_int_equal(template.version, 1);
    assert_int_equal(template.tenant_count, 2);
    assert_string_equal(template.updated_by, "anna");
    assert_int_equal(edit_answer(f, id, "Online.").version, 2);
    assert_int_equal(edit_answer(f, id, " Online. ").version, 2);
    assert_int_equal(audited(f, "template.update"), 1);
    struct template_edit late = {.answer = "Never.", .version = 1};
    must_fail(f, template_update(&f->platform, &someone, id, &late, &f->arena, &template, &f->err),
              ERROR_CONFLICT);
    struct template_edit bad = {.question = " ", .version = INT_NULL};
    must_fail(f, template_update(&f->platform, &someone, id, &bad, &f->arena, &template, &f->err),
              ERROR_INVALID);
    struct template_edit mute = {.answer = " \n", .version = INT_NULL};
    must_fail(f, template_update(&f->platform, &someone, id, &mute, &f->arena, &template, &f->err),
              ERROR_INVALID);
    struct template_edit empty = {" ", "", NULL, INT_NULL};
    must_fail(f, template_create(&f->platform, &someone, &empty, &f->arena, &template, &f->err),
              ERROR_INVALID);
    assert_int_equal(f->err.field_count, 2);
    must(f, template_delete(&f->platform, &someone, id, "no phone any more", &f->err));
    static const char SQL_REASON[] = "SELECT COUNT(*) FROM ops_logs WHERE action = 'template.delete'"
                                     " AND details LIKE '%\"no phone any more\"%'";
    assert_int_equal(fixture_int(f, SQL_REASON, DB_NO_ARGS), 1);
    must_fail(f, template_delete(&f->platform, &someone, id, NULL, &f->err), ERROR_NOT_FOUND);
    assert_int_equal(audited(f, "template.create") + audited(f, "template.delete"), 2);
}

static void a_question_stands_for_one_live_template(void **state)
{
    struct fixture *f = *state;
    struct template template;
    int64_t id = make(f, "How do I book?", "By phone.", "");
    int64_t other = make(f, "What does it cost?", "Ten.", "");
    struct template_edit same = {"How do I book? ", "Online.", NULL, INT_NULL};
    must_fail(f, template_create(&f->platform, &someone, &same, &f->arena, &template, &f->err),
              ERROR_CONFLICT);
    must_fail(f, template_update(&f->platform, &someone, other, &same, &f->arena, &template, &f->err),
              ERROR_CONFLICT);
    must(f, template_delete(&f->platform, &someone, id, NULL, &f->err));
    assert_int_not_equal(make(f, "How do I book?", "Online.", ""), id);
}

static void versions_are_kept(void **state)
{
    struct fixture *f = *state;
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct template_detail detail;
    int64_t id = make(f, "How do I book?", "By phone.", "booking");
    edit_answer(f, id, "Online.");
    must(f, store_reader(f->platform.store, 5000, &db, &f->err));
    must(f, template_detail_read(db, id, &f->arena, &detail, &f->err));
    assert_int_equal(detail.versions_count, 2);
    assert_int_equal(detail.versions[0].version, 2);
    assert_string_equal(detail.versions[0].answer, "Online.");
    assert_string_equal(detail.versions[1].answer, "By phone.");
    assert_string_equal(detail.versions[1].created_by, "anna");
}

static void the_list_filters_sorts_and_pages(void **state)
{
    struct fixture *f = *state;
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct template_list list;
    make(f, "A 100% refund?", "Yes.", "money");
    make(f, "B price", "Ten_yuan.", "money");
    make(f, "C hours", "Nine to six.", "shop");
    must(f, store_reader(f->platform.store, 5000, &db, &f->err));
    static const struct {
        struct template_filter filter;
        int total;
        const char *first;
    } cases[] = {
        {{NULL, NULL, "question", 1, 20}, 3, "A 100% refund?"},
        {{NULL, NULL, "-question", 1, 20}, 3, "C hours"},
        {{NULL, NULL, "-question", 2, 1}, 3, "B price"},
        {{"money", NULL, "-question", 1, 20}, 2, "B price"},
        {{NULL, "NINE", "question", 1, 20}, 1, "C hours"},
        {{NULL, "%", "question", 1, 20}, 1, "A 100% refund?"},
        {{NULL, "n_y", "question", 1, 20}, 1, "B price"},
        {{"shop", "price", "question", 1, 20}, 0, NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        must(f, template_list_read(db, &cases[i].filter, &f->arena, &list, &f->err));
        assert_int_equal(list.total, cases[i].total);
        assert_int_equal(list.items_count > 0, cases[i].first != NULL);
        if (cases[i].first)
            assert_string_equal(list.items[0].question, cases[i].first);
    }
    assert_int_equal(list.categories_count, 2);
    assert_string_equal(list.categories[0].category, "money");
    assert_int_equal(list.categories[0].count, 2);
}

/* ---- distribution ---- */

static void a_distribution_gives_each_tenant_a_pair_of_its_own(void **state)
{
    struct fixture *f = *state;
    int64_t id = make(f, "How do I book?", "By phone.", "booking");
    assert_state(f, id, "alpha", "none");
    struct job job = to_all(f, id);
    assert_result(&job, (struct wanted){.templates = 1, .tenants = 2, .created = 2});
    assert_int_equal(look(f, id).distributed_count, 2);
    assert_int_equal(look(f, id).current_count, 2);
    assert_true(look(f, id).for_all);
    assert_state(f, id, "alpha", "current");
    assert_state(f, id, "beta", "current");
    assert_string_equal(fixture_chat(f, &f->alpha, NULL, "How do I book?").answer, "By phone.");
    assert_int_equal(audited(f, "template.distribute"), 2); /* the asking, and one transaction */
}

static void again_changes_nothing(void **state)
{
    struct fixture *f = *state;
    int64_t id = make(f, "How do I book?", "By phone.", "");
    to_all(f, id);
    int64_t revision = revision_of(f, "alpha");
    struct job job = to_all(f, id);
    assert_result(&job, (struct wanted){.templates = 1, .tenants = 2, .unchanged = 2});
    assert_int_equal(revision_of(f, "alpha"), revision);
    assert_int_equal(pairs_of(f, "alpha"), 1);
}

static void a_new_version_updates_untouched_copies(void **state)
{
    struct fixture *f = *state;
    int64_t id = make(f, "How do I book?", "By phone.", "");
    to_all(f, id);
    int64_t pair = copy_of(f, id, "alpha");
    edit_answer(f, id, "Online.");
    assert_state(f, id, "alpha", "outdated");
    assert_int_equal(look(f, id).distributed_count, 2);
    assert_int_equal(look(f, id).current_count, 0);
    struct job job = to_all(f, id);
    assert_result(&job, (struct wanted){.templates = 1, .tenants = 2, .updated = 2});
    assert_int_equal(copy_of(f, id, "alpha"), pair);
    assert_int_equal(look(f, id).current_count, 2);
    assert_string_equal(fixture_chat(f, &f->alpha, NULL, "How do I book?").answer, "Online.");
}

static void a_touched_copy_is_a_conflict_and_kept(void **state)
{
    struct fixture *f = *state;
    int64_t id = make(f, "How do I book?", "By phone.", "");
    to_all(f, id);
    edit_copy(f, id, "alpha", "Ask Anna.");
    assert_state(f, id, "alpha", "conflict");
    struct job job = to_all(f, id);
    assert_result(&job, (struct wanted){.templates = 1, .tenants = 2, .unchanged = 1, .conflicts = 1});
    edit_answer(f, id, "Online.");
    job = to_all(f, id);
    assert_result(&job, (struct wanted){.templates = 1, .tenants = 2, .updated = 1, .conflicts = 1});
    assert_string_equal(view(f, id, "alpha").copy->answer, "Ask Anna.");
    assert_string_equal(view(f, id, "alpha").base->answer, "By phone.");
}

static void force_overwrites_and_keeps_the_words_in_the_audit_log(void **state)
{
    struct fixture *f = *state;
    int64_t id = make(f, "How do I book?", "By phone.", "");
    to_all(f, id);
    edit_copy(f, id, "alpha", "Ask Anna.");
    struct job job = to_one(f, id, "alpha", true);
    assert_result(&job, (struct wanted){.templates = 1, .tenants = 1, .updated = 1});
    assert_string_equal(job.tenant_id, "alpha");
    assert_state(f, id, "alpha", "current");
    static const char SQL[] = "SELECT COUNT(*) FROM ops_logs WHERE action = 'qa_pair.update'"
                              " AND details LIKE '%Ask Anna.%' AND details LIKE '%By phone.%'";
    assert_int_equal(fixture_int(f, SQL, DB_NO_ARGS), 1);
}

static void an_own_pair_is_linked_or_a_conflict(void **state)
{
    struct fixture *f = *state;
    int64_t id = make(f, "How do I book?", "By phone.", "");
    int64_t same = fixture_add_pair(f, "alpha", "How do I book?", "By phone.");
    int64_t other = fixture_add_pair(f, "beta", "How do I book?", "Ask Bert.");
    assert_state(f, id, "alpha", "none");
    assert_state(f, id, "beta", "conflict");
    assert_null(view(f, id, "beta").base);
    assert_int_equal(view(f, id, "beta").copy->qa_pair_id, other);
    struct job job = to_all(f, id);
    assert_result(&job, (struct wanted){.templates = 1, .tenants = 2, .unchanged = 1, .conflicts = 1});
    assert_int_equal(copy_of(f, id, "alpha"), same);
    assert_int_equal(look(f, id).distributed_count, 1);
    job = to_one(f, id, "beta", true);
    assert_result(&job, (struct wanted){.templates = 1, .tenants = 1, .updated = 1});
    assert_int_equal(copy_of(f, id, "beta"), other);
    assert_int_equal(audited(f, "qa_pair.update"), 1);
}

static void a_deleted_copy_stays_deleted(void **state)
{
    struct fixture *f = *state;
    int64_t id = make(f, "How do I book?", "By phone.", "");
    to_all(f, id);
    int64_t old = copy_of(f, id, "alpha");
    delete_copy(f, id, "alpha");
    assert_state(f, id, "alpha", "deleted");
    assert_int_equal(look(f, id).distributed_count, 1);
    struct job job = to_one(f, id, "alpha", false);
    assert_result(&job, (struct wanted){.templates = 1, .tenants = 1, .conflicts = 1});
    job = to_one(f, id, "alpha", true);
    assert_result(&job, (struct wanted){.templates = 1, .tenants = 1, .created = 1});
    assert_int_not_equal(copy_of(f, id, "alpha"), old);
    assert_state(f, id, "alpha", "current");
}

static void a_suspended_tenant_is_skipped(void **state)
{
    struct fixture *f = *state;
    int64_t id = make(f, "How do I book?", "By phone.", "");
    fixture_set_status(f, "beta", "suspended");
    struct job job = to_all(f, id);
    assert_result(&job, (struct wanted){.templates = 1, .tenants = 2, .created = 1, .skipped_tenants = 1});
    struct copy_view now = view(f, id, "beta");
    assert_string_equal(now.state, "missing");
    assert_string_equal(now.why, "the tenant is suspended");
    fixture_set_status(f, "beta", "active");
    assert_string_equal(view(f, id, "beta").why, "suspended at the time of the distribution");
    to_one(f, id, "beta", false);
    assert_state(f, id, "beta", "current");
}

/* A later distribution of another template, and a dry run of this one, explain nothing about it. */
static void why_a_template_is_missing_is_its_own_story(void **state)
{
    struct fixture *f = *state;
    struct tenant gamma;
    int64_t id = make(f, "How do I book?", "By phone.", ""), other = make(f, "Where?", "Here.", "");
    fixture_set_status(f, "beta", "suspended");
    to_all(f, id);
    fixture_set_status(f, "beta", "active");
    must(f, tenant_add(f->platform.store, &actor_system, "gamma", "Gamma", NULL, &f->arena, &gamma, &f->err));
    to_all(f, other);
    distribute(f, &(struct distribute_request){&id, 1, .all_tenants = true, .dry_run = true});
    assert_string_equal(view(f, id, "beta").why, "suspended at the time of the distribution");
    assert_string_equal(view(f, id, "gamma").why, "created after the distribution");
}

static void a_dry_run_tells_the_same_and_changes_nothing(void **state)
{
    struct fixture *f = *state;
    int64_t ids[] = {make(f, "A?", "a", ""), make(f, "B?", "b", ""), make(f, "C?", "c", "")};
    to_all(f, ids[0]);
    edit_answer(f, ids[0], "a2");
    fixture_add_pair(f, "alpha", "B?", "own");
    fixture_set_status(f, "beta", "suspended");
    struct distribute_request request = {ids, 3, .all_tenants = true, .dry_run = true};
    int64_t revision = revision_of(f, "alpha"), rows = audited(f, "template.distribute");
    struct wanted wanted = {3, 2, .created = 1, .updated = 1, .conflicts = 1, .skipped_tenants = 1};
    wanted.dry_run = true;
    struct job job = distribute(f, &request);
    assert_result(&job, wanted);
    assert_int_equal(revision_of(f, "alpha"), revision);
    assert_int_equal(audited(f, "template.distribute"), rows + 1);
    assert_false(look(f, ids[1]).for_all);
    request.dry_run = wanted.dry_run = false;
    job = distribute(f, &request);
    assert_result(&job, wanted);
}

/* The outdated copy of one template has what is another's question now: both come out right, in a dry run
 * as in the real one. */
static void a_question_that_has_moved_between_templates(void **state)
{
    struct fixture *f = *state;
    struct template template;
    int64_t first = make(f, "Old question?", "one", "");
    to_all(f, first);
    struct template_edit moved = {.question = "New question?", .version = INT_NULL};
    must(f, template_update(&f->platform, &someone, first, &moved, &f->arena, &template, &f->err));
    int64_t ids[] = {make(f, "Old question?", "two", ""), first};
    struct distribute_request request = {ids, 2, .all_tenants = true, .dry_run = true};
    struct wanted wanted = {2, 2, .created = 2, .updated = 2, .dry_run = true};
    struct job job = distribute(f, &request);
    assert_result(&job, wanted);
    request.dry_run = wanted.dry_run = false;
    job = distribute(f, &request);
    assert_result(&job, wanted);
    assert_state(f, ids[0], "alpha", "current");
    assert_state(f, ids[1], "alpha", "current");
}

/* A tenant has one answer to a question, whatever the template is renamed to. */
static void a_new_question_that_the_tenant_has_already_is_a_conflict(void **state)
{
    struct fixture *f = *state;
    struct template template;
    struct copy_view now;
    int64_t id = make(f, "Old question?", "one", "");
    to_all(f, id);
    int64_t own = fixture_add_pair(f, "alpha", "New question?", "mine");
    struct template_edit moved = {.question = "New question?", .version = INT_NULL};
    must(f, template_update(&f->platform, &someone, id, &moved, &f->arena, &template, &f->err));
    assert_state(f, id, "alpha", "conflict");
    assert_state(f, id, "beta", "outdated");
    assert_string_equal(view(f, id, "alpha").why, "the tenant has an answer of its own to this question");
    struct job job = to_all(f, id);
    assert_result(&job, (struct wanted){1, 2, .updated = 1, .conflicts = 1});
    job = to_one(f, id, "alpha", true);
    assert_result(&job, (struct wanted){1, 1, .conflicts = 1});
    assert_string_equal(view(f, id, "alpha").copy->question, "Old question?");
    struct copy_decision take = {
        .resolution = "take", .copy_version = view(f, id, "alpha").copy->version, .template_version = 2};
    must_fail(f,
              copy_resolve(&f->platform, &someone, id, "alpha", &take, LANGUAGE_EN, &f->arena, &now, &f->err),
              ERROR_CONFLICT);
    assert_string_equal(resolve(f, id, "keep", NULL).state, "kept");
    job = to_one(f, id, "alpha", false);
    assert_result(&job, (struct wanted){1, 1, .unchanged = 1});
    fixture_delete_pair(f, "alpha", own);
    job = to_one(f, id, "alpha", false);
    assert_result(&job, (struct wanted){1, 1, .updated = 1});
    assert_state(f, id, "alpha", "current");
}

static void force_takes_the_copy_of_another_template(void **state)
{
    struct fixture *f = *state;
    int64_t first = make(f, "First?", "one", "");
    to_all(f, first);
    fixture_edit_pair(f, "alpha", copy_of(f, first, "alpha"), "Second?", "mine");
    int64_t second = make(f, "Second?", "two", "");
    assert_state(f, second, "alpha", "conflict");
    to_one(f, second, "alpha", true);
    assert_state(f, second, "alpha", "current");
    assert_state(f, first, "alpha", "missing");
    assert_int_equal(look(f, first).distributed_count, 1);
}

static void a_deleted_template_leaves_its_copies(void **state)
{
    struct fixture *f = *state;
    int64_t id = make(f, "How do I book?", "By phone.", "");
    to_all(f, id);
    int64_t pair = copy_of(f, id, "alpha");
    must(f, template_delete(&f->platform, &someone, id, "no longer true", &f->err));
    assert_int_equal(pairs_of(f, "alpha"), 1);
    static const char SQL[] = "SELECT COUNT(*) FROM ops_logs WHERE action = 'template.delete'"
                              " AND details LIKE '%\"copies\":2%\"reason\":\"no longer true\"%'";
    assert_int_equal(fixture_int(f, SQL, DB_NO_ARGS), 1);
    int64_t again = make(f, "How do I book?", "By phone.", "");
    struct job job = to_all(f, again);
    assert_result(&job, (struct wanted){.templates = 1, .tenants = 2, .unchanged = 2});
    assert_int_equal(copy_of(f, again, "alpha"), pair);
}

/* ---- what happens while a distribution is on its way ---- */

#define MANY 30

/* Tenants m00 to m29 beside alpha and beta, which come before them. */
static void add_many(struct fixture *f)
{
    struct tenant tenant;
    char id[16];
    for (int i = 0; i < MANY; i++) {
        snprintf(id, sizeof(id), "m%02d", i);
        must(f, tenant_add(f->platform.store, &actor_system, id, id, NULL, &f->arena, &tenant, &f->err));
    }
}

/* Each runs in the transaction of the first batch, after it, as if somebody did it just then. That batch is
 * small, for others may write, unless the machine stands still; so its size is taken from the items. */
#define AFTER_FIRST_BATCH(statements)                                                                        \
    {                                                                                                        \
        "AFTER UPDATE OF outcome", "job_items", "NEW.seq = 6", statements                                    \
    }
static const struct fixture_trigger delete_then =
    AFTER_FIRST_BATCH("UPDATE templates SET deleted_at = 1 WHERE question = 'A?';");
static const struct fixture_trigger suspend_then =
    AFTER_FIRST_BATCH("UPDATE tenants SET status = 'suspended', suspended_at = 1 WHERE id = 'm20';");
static const struct fixture_trigger edit_then = AFTER_FIRST_BATCH(
    "INSERT INTO template_versions SELECT template_id, 2, question, 'new', category, 77,"
    "  created_at, created_by FROM template_versions;"
    " UPDATE templates SET version = 2, answer = 'new', text_hash = 77, current_count = 0;");

static int64_t outcomes(struct fixture *f, const struct job *job, const char *outcome)
{
    static const char SQL[] = "SELECT COUNT(*) FROM job_items WHERE job_id = $1 AND outcome = $2";
    return fixture_int(f, SQL, DB_ARGS(db_text(job->id), db_text(outcome)));
}

static const char SQL_ITEMS_THAT_LIE[] =
    "SELECT COUNT(*) FROM job_items i WHERE i.job_id = $1 AND (COALESCE(i.outcome, '') = 'done') <> EXISTS"
    " (SELECT 1 FROM qa_pairs p WHERE p.tenant_id = i.target_id AND p.template_id = $2 AND p.deleted_at IS "
    "NULL)";

static void assert_items_are_true(struct fixture *f, const struct job *job, int64_t template_id)
{
    assert_int_equal(fixture_int(f, SQL_ITEMS_THAT_LIE, DB_ARGS(db_text(job->id), db_int(template_id))), 0);
}

static void a_template_deleted_meanwhile_is_given_to_nobody_else(void **state)
{
    struct fixture *f = *state;
    add_many(f);
    int64_t ids[] = {make(f, "A?", "a", ""), make(f, "B?", "b", "")};
    fixture_set_trigger(f, &delete_then);
    struct job job = to_all(f, ids[0]);
    int first = (int)outcomes(f, &job, "done"), others = MANY + 2 - first;
    assert_true(first >= 6);
    assert_result(&job, (struct wanted){1, MANY + 2, .created = first, .deleted_templates = others});
    assert_int_equal(outcomes(f, &job, "template_deleted"), others);
    assert_items_are_true(f, &job, ids[0]);
}

static void a_deleted_one_of_several_is_told(void **state)
{
    struct fixture *f = *state;
    int64_t ids[] = {make(f, "A?", "a", ""), make(f, "B?", "b", "")};
    struct job job;
    stop_jobs(f);
    must(f, template_distribute(&f->platform, &someone,
                                &(struct distribute_request){ids, 2, .all_tenants = true}, &f->arena, &job,
                                &f->err));
    must(f, template_delete(&f->platform, &someone, ids[1], NULL, &f->err));
    start_jobs(f);
    job = wait_for(f, job.id);
    assert_result(&job, (struct wanted){.templates = 2, .tenants = 2, .created = 2, .deleted_templates = 2});
    assert_int_equal(outcomes(f, &job, "done"), 2);
    assert_items_are_true(f, &job, ids[0]);
}

static const char SQL_NEW_COPIES[] = "SELECT COUNT(*) FROM qa_pairs WHERE answer = 'new'";

static void a_template_edited_meanwhile_is_given_as_it_is_then(void **state)
{
    struct fixture *f = *state;
    add_many(f);
    int64_t id = make(f, "A?", "a", "");
    fixture_set_trigger(f, &edit_then);
    struct job job = to_all(f, id);
    assert_result(&job, (struct wanted){.templates = 1, .tenants = MANY + 2, .created = MANY + 2});
    assert_int_equal(look(f, id).distributed_count, MANY + 2);
    assert_int_equal(look(f, id).current_count, fixture_int(f, SQL_NEW_COPIES, DB_NO_ARGS));
    assert_state(f, id, "alpha", "outdated");
    fixture_drop_trigger(f, "job_items");
    job = to_all(f, id);
    assert_int_equal(look(f, id).current_count, MANY + 2);
}

static const char SQL_ACTIVE_AGAIN[] = "UPDATE tenants SET status = 'active', suspended_at = NULL";

static void a_tenant_suspended_meanwhile_is_skipped(void **state)
{
    struct fixture *f = *state;
    add_many(f);
    int64_t id = make(f, "A?", "a", "");
    fixture_set_trigger(f, &suspend_then);
    struct job job = to_all(f, id);
    int skipped = (int)outcomes(f, &job, "suspended"), reached = MANY + 2 - skipped;
    assert_result(&job, (struct wanted){1, MANY + 2, .created = reached, .skipped_tenants = skipped});
    assert_int_equal(pairs_of(f, "m20"), 1 - skipped);
    assert_items_are_true(f, &job, id);
    fixture_execute(f, SQL_ACTIVE_AGAIN, DB_NO_ARGS);
}

/* ---- what there is not ---- */

static void what_there_is_not_is_named(void **state)
{
    struct fixture *f = *state;
    struct job job;
    int64_t ids[] = {make(f, "A?", "a", ""), 77};
    const char *tenants[] = {"alpha", "nobody"};
    struct distribute_request both = {
        .template_ids = ids, .template_count = 2, .tenant_ids = tenants, .tenant_count = 2};
    must_fail(f, template_distribute(&f->platform, &someone, &both, &f->arena, &job, &f->err), ERROR_INVALID);
    assert_int_equal(f->err.field_count, 2);
    assert_string_equal(f->err.fields[0].message[LANGUAGE_EN], "there is no template 77");
    assert_string_equal(f->err.fields[1].message[LANGUAGE_EN], "there is no tenant 'nobody'");
    struct distribute_request neither = {.template_ids = ids, .template_count = 1};
    must_fail(f, template_distribute(&f->platform, &someone, &neither, &f->arena, &job, &f->err),
              ERROR_INVALID);
    struct distribute_request twice = {ids, 1, tenants, 1, .all_tenants = true};
    must_fail(f, template_distribute(&f->platform, &someone, &twice, &f->arena, &job, &f->err),
              ERROR_INVALID);
}

static void names_that_stand_twice_count_once(void **state)
{
    struct fixture *f = *state;
    int64_t id = make(f, "A?", "a", ""), ids[] = {id, id};
    const char *tenants[] = {"beta", "alpha", "beta"};
    struct job job = distribute(
        f, &(struct distribute_request){
               .template_ids = ids, .template_count = 2, .tenant_ids = tenants, .tenant_count = 3});
    assert_result(&job, (struct wanted){.templates = 1, .tenants = 2, .created = 2});
}

/* ---- deciding conflicts ---- */

static int64_t make_conflict(struct fixture *f)
{
    int64_t id = make(f, "How do I book?", "By phone.", "");
    to_all(f, id);
    edit_copy(f, id, "alpha", "Ask Anna.");
    edit_answer(f, id, "Online.");
    return id;
}

static void taking_gives_the_text_of_the_template(void **state)
{
    struct fixture *f = *state;
    int64_t id = make_conflict(f);
    struct copy_view then = resolve(f, id, "take", NULL);
    assert_string_equal(then.state, "current");
    assert_string_equal(then.copy->answer, "Online.");
    assert_int_equal(look(f, id).current_count, 1);
    assert_int_equal(audited(f, "qa_pair.update"), 1);
}

static void keeping_lasts_until_the_next_version(void **state)
{
    struct fixture *f = *state;
    int64_t id = make_conflict(f);
    struct copy_view then = resolve(f, id, "keep", NULL);
    assert_string_equal(then.state, "kept");
    assert_string_equal(then.base->answer, "By phone.");
    assert_int_equal(audited(f, "template.keep"), 1);
    struct job job = to_one(f, id, "alpha", false);
    assert_result(&job, (struct wanted){.templates = 1, .tenants = 1, .unchanged = 1});
    edit_answer(f, id, "By fax.");
    assert_state(f, id, "alpha", "conflict");
    resolve(f, id, "keep", NULL);
    job = to_one(f, id, "alpha", true);
    assert_result(&job, (struct wanted){.templates = 1, .tenants = 1, .updated = 1});
}

static void merging_gives_a_third_text(void **state)
{
    struct fixture *f = *state;
    int64_t id = make_conflict(f);
    struct copy_view then = resolve(f, id, "merge", "Online, or ask Anna.");
    assert_string_equal(then.state, "kept");
    assert_string_equal(then.copy->answer, "Online, or ask Anna.");
    assert_string_equal(then.base->answer, "Online.");
    assert_int_equal(look(f, id).current_count, 1);
}

static void an_own_pair_can_be_kept_or_taken_over(void **state)
{
    struct fixture *f = *state;
    int64_t id = make(f, "How do I book?", "By phone.", "");
    fixture_add_pair(f, "alpha", "How do I book?", "Ask Anna.");
    struct copy_view then = resolve(f, id, "keep", NULL);
    assert_string_equal(then.state, "kept");
    assert_int_equal(look(f, id).distributed_count, 1);
    then = resolve(f, id, "take", NULL);
    assert_string_equal(then.state, "current");
    assert_int_equal(pairs_of(f, "alpha"), 1);
}

/* Keeping changes neither the pair nor the template: only the state tells the second one. */
static void of_two_editors_the_second_is_told(void **state)
{
    struct fixture *f = *state;
    struct copy_view then;
    static const char *const first[] = {"keep", "merge", "take"};
    int64_t id = make_conflict(f);
    for (size_t i = 0; i < ARRAY_SIZE(first); i++) {
        struct copy_view seen = view(f, id, "alpha");
        struct copy_decision late = {.resolution = "take",
                                     .copy_version = seen.copy->version,
                                     .template_version = seen.template.version,
                                     .state = seen.state};
        assert_string_equal(seen.state, "conflict");
        const char *kept = resolve(f, id, first[i], NULL).copy->answer;
        must_fail(
            f,
            copy_resolve(&f->platform, &someone, id, "alpha", &late, LANGUAGE_EN, &f->arena, &then, &f->err),
            ERROR_CONFLICT);
        assert_string_equal(view(f, id, "alpha").copy->answer, kept);
        edit_copy(f, id, "alpha", arena_printf(&f->arena, "Ask Bert %zu.", i));
        edit_answer(f, id, arena_printf(&f->arena, "Online %zu.", i));
    }
    static const char SQL[] =
        "SELECT COUNT(*) FROM ops_logs WHERE action = 'template.keep'"
        " AND details LIKE '%\"before\":{\"state\":\"conflict\"%\"after\":{\"state\":\"kept\"%'";
    assert_int_equal(fixture_int(f, SQL, DB_NO_ARGS), 1);
}

static void a_decision_about_something_else_is_refused(void **state)
{
    struct fixture *f = *state;
    struct copy_view now, then;
    int64_t id = make_conflict(f);
    now = view(f, id, "alpha");
    const struct copy_decision stale[] = {
        {.resolution = "take", .copy_version = now.copy->version + 1, .template_version = 2},
        {.resolution = "take", .copy_version = now.copy->version, .template_version = 1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(stale); i++)
        must_fail(f,
                  copy_resolve(&f->platform, &someone, id, "alpha", &stale[i], LANGUAGE_EN, &f->arena, &then,
                               &f->err),
                  ERROR_CONFLICT);
    struct copy_decision nothing = {.resolution = "keep", .copy_version = 1, .template_version = 2};
    must_fail(
        f, copy_resolve(&f->platform, &someone, id, "beta", &nothing, LANGUAGE_EN, &f->arena, &then, &f->err),
        ERROR_CONFLICT);
    must_fail(
        f, copy_resolve(&f->platform, &someone, 99, "beta", &nothing, LANGUAGE_EN, &f->arena, &then, &f->err),
        ERROR_NOT_FOUND);
    struct copy_decision blank = {"merge", now.copy->version, 2, .question = " "};
    must_fail(
        f, copy_resolve(&f->platform, &someone, id, "alpha", &blank, LANGUAGE_EN, &f->arena, &then, &f->err),
        ERROR_INVALID);
    assert_string_equal(view(f, id, "alpha").copy->answer, "Ask Anna.");
}

/* ---- what is missing ---- */

static int64_t distribute_missing(struct fixture *f)
{
    int64_t tenants, open = 1;
    static const char SQL_OPEN[] = "SELECT COUNT(*) FROM jobs WHERE status IN ('queued', 'running')";
    must(f, template_distribute_missing(&f->platform, &tenants, &f->err));
    for (int i = 0; i < 60000 && open > 0; i++) {
        open = fixture_int(f, SQL_OPEN, DB_NO_ARGS);
        usleep(1000);
    }
    assert_int_equal(open, 0);
    return tenants;
}

static void tenants_that_lack_something_are_found(void **state)
{
    struct fixture *f = *state;
    struct tenant gamma;
    int64_t id = make(f, "How do I book?", "By phone.", "");
    assert_int_equal(distribute_missing(f), 0);
    fixture_set_status(f, "beta", "suspended");
    to_all(f, id);
    assert_int_equal(distribute_missing(f), 0);
    must(f, tenant_add(f->platform.store, &actor_system, "gamma", "Gamma", NULL, &f->arena, &gamma, &f->err));
    fixture_set_status(f, "beta", "active");
    assert_string_equal(view(f, id, "gamma").why, "created after the distribution");
    assert_int_equal(distribute_missing(f), 2);
    assert_state(f, id, "beta", "current");
    assert_state(f, id, "gamma", "current");
    assert_int_equal(distribute_missing(f), 0);
    edit_copy(f, id, "beta", "Ask Bert.");
    edit_answer(f, id, "Online.");
    assert_int_equal(distribute_missing(f), 3);
    assert_state(f, id, "alpha", "current");
    assert_state(f, id, "beta", "conflict");
    assert_int_equal(distribute_missing(f), 0);
}

static void what_misses_a_template_is_about_that_template(void **state)
{
    struct fixture *f = *state;
    struct tenant gamma;
    int64_t first = make(f, "A?", "a", ""), second = make(f, "B?", "b", "");
    fixture_set_status(f, "beta", "suspended");
    to_all(f, first);
    fixture_set_status(f, "beta", "active");
    must(f, tenant_add(f->platform.store, &actor_system, "gamma", "Gamma", NULL, &f->arena, &gamma, &f->err));
    to_all(f, second); /* says nothing of the first */
    assert_string_equal(view(f, first, "beta").why, "suspended at the time of the distribution");
    assert_string_equal(view(f, first, "gamma").why, "created after the distribution");
    edit_answer(f, first, "A.");
    assert_string_equal(view(f, first, "alpha").why,
                        "the present version has not been distributed to it yet");
    fixture_set_status(f, "alpha", "suspended");
    assert_string_equal(view(f, first, "alpha").why, "the tenant is suspended");
}

static void what_goes_to_all_for_the_first_time_is_said(void **state)
{
    struct fixture *f = *state;
    int64_t ids[] = {make(f, "A?", "a", ""), make(f, "B?", "b", "")};
    to_all(f, ids[0]);
    struct distribute_request request = {
        .template_ids = ids, .template_count = 2, .all_tenants = true, .dry_run = true};
    assert_non_null(strstr(distribute(f, &request).parameters, "\"newly_for_all\":1"));
    assert_false(look(f, ids[1]).for_all);
    request.dry_run = false;
    assert_non_null(strstr(distribute(f, &request).parameters, "\"newly_for_all\":1"));
    assert_true(look(f, ids[1]).for_all);
    assert_non_null(strstr(distribute(f, &request).parameters, "\"newly_for_all\":0"));
}

static void a_part_of_what_goes_to_all_is_not_all(void **state)
{
    struct fixture *f = *state;
    int64_t first = make(f, "A?", "a", ""), second = make(f, "B?", "b", "");
    to_all(f, first);
    to_all(f, second);
    assert_int_equal(distribute_missing(f), 2); /* the second job was not of both */
    assert_int_equal(distribute_missing(f), 0);
    must(f, template_delete(&f->platform, &someone, first, NULL, &f->err));
    must(f, template_delete(&f->platform, &someone, second, NULL, &f->err));
    assert_int_equal(distribute_missing(f), 0); /* there is nothing to give */
}

/* ---- the matrix ---- */

static struct matrix read_matrix(struct fixture *f, const struct matrix_filter *filter)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct matrix matrix;
    must(f, store_reader(f->platform.store, 5000, &db, &f->err));
    must(f, matrix_read(db, filter, LANGUAGE_EN, &f->arena, &matrix, &f->err));
    return matrix;
}

static void the_matrix_has_pages_of_templates(void **state)
{
    struct fixture *f = *state;
    char question[16];
    int64_t last = 0;
    for (int i = 0; i <= MATRIX_TEMPLATES_MAX; i++) {
        snprintf(question, sizeof(question), "%d?", i);
        last = make(f, question, "a", "");
    }
    to_all(f, last);
    edit_answer(f, last, "b");
    struct matrix_filter filter = {.template_id = INT_NULL, .template_page = 1, .page = 1, .page_size = 20};
    struct matrix matrix = read_matrix(f, &filter);
    assert_int_equal(matrix.templates_count, MATRIX_TEMPLATES_MAX);
    assert_int_equal(matrix.template_total, MATRIX_TEMPLATES_MAX + 1);
    assert_int_equal(matrix.items[0].behind, 1); /* by the one that is not on this page */
    filter.template_page = 2;
    matrix = read_matrix(f, &filter);
    assert_int_equal(matrix.templates_count, 1);
    assert_int_equal(matrix.items[1].cells[0].template_id, last);
    assert_string_equal(matrix.items[1].cells[0].state, "outdated");
    filter.template_page = 3;
    assert_int_equal(read_matrix(f, &filter).templates_count, 0);
}

/* ---- how much it asks the store ---- */

/* The driver of a connection whose statements are counted. */
static struct {
    const struct db_driver *driver;
    int64_t statements;
} counted;

static bool count_and_bind(struct db_statement *statement, const struct db_value *args, size_t count,
                           bool copy, struct error *err)
{
    counted.statements++;
    return counted.driver->bind(statement, args, count, copy, err);
}

static int64_t statements_of_matrix(struct fixture *f, const struct matrix_filter *filter)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct matrix matrix;
    must(f, store_reader(f->platform.store, 5000, &db, &f->err));
    counted.driver = db->driver;
    counted.statements = 0;
    struct db_driver counting = *db->driver;
    counting.bind = count_and_bind;
    db->driver = &counting;
    bool done = matrix_read(db, filter, LANGUAGE_EN, &f->arena, &matrix, &f->err);
    db->driver = counted.driver;
    must(f, done);
    return counted.statements;
}

/* In every state that something is looked up for: missing (and why), outdated, an own pair in the way. */
static void fill_states(struct fixture *f, int each)
{
    int64_t ids[64];
    size_t count = 0;
    char question[24];
    for (int i = 0; i < each * 4; i++) {
        snprintf(question, sizeof(question), "%zu of %d?", count, each);
        ids[count++] = make(f, question, "a", "");
        if (i % 4 == 0)
            fixture_add_pair(f, "beta", question, "own");
    }
    for (size_t i = 0; i < count; i++) {
        if (i % 4 != 1)
            continue;
        to_one(f, ids[i], "alpha", false);
        edit_answer(f, ids[i], "b");
    }
    fixture_set_status(f, "beta", "suspended");
    distribute(f, &(struct distribute_request){ids, count / 2, .all_tenants = true});
    fixture_set_status(f, "beta", "active");
}

static void what_the_matrix_asks_does_not_grow_with_its_cells(void **state)
{
    struct fixture *f = *state;
    struct matrix_filter filter = {.template_id = INT_NULL, .template_page = 1, .page = 1, .page_size = 20};
    fill_states(f, 1);
    int64_t few = statements_of_matrix(f, &filter);
    struct matrix before = read_matrix(f, &filter);
    assert_int_equal(before.items[1].cells_count, 4);
    fill_states(f, 10);
    struct matrix after = read_matrix(f, &filter);
    assert_int_equal(after.items[1].cells_count, 44);
    int64_t jobs = 1 + 10; /* those that fill_states(10) has distributed: each is read once */
    assert_in_range(statements_of_matrix(f, &filter), few, few + jobs);
}

static void the_scan_of_one_template_asks_once_for_all_tenants(void **state)
{
    struct fixture *f = *state;
    char name[16];
    int64_t id = make(f, "A?", "a", "");
    fixture_set_status(f, "beta", "suspended");
    to_all(f, id);
    fixture_set_status(f, "beta", "active");
    edit_answer(f, id, "b");
    struct matrix_filter filter = {.template_id = id, .template_page = 1, .page = 1, .page_size = 2};
    int64_t few = statements_of_matrix(f, &filter);
    for (int i = 0; i < 20; i++) {
        struct tenant tenant;
        snprintf(name, sizeof(name), "zeta%d", i);
        must(f, tenant_add(f->platform.store, &actor_system, name, name, NULL, &f->arena, &tenant, &f->err));
        fixture_add_pair(f, name, "A?", "own");
    }
    assert_int_equal(statements_of_matrix(f, &filter), few);
    filter.state = "conflict";
    struct matrix matrix = read_matrix(f, &filter);
    assert_int_equal(matrix.total, 20);
    assert_string_equal(matrix.items[0].cells[0].why, "the tenant has an answer of its own to this question");
}

/* ---- what it shows ---- */

static void the_matrix_shows_what_each_tenant_has(void **state)
{
    struct fixture *f = *state;
    int64_t later = make(f, "B?", "b", "y"), first = make(f, "A?", "a", "x");
    to_one(f, first, "alpha", false);
    fixture_add_pair(f, "beta", "A?", "own");
    struct matrix matrix = read_matrix(
        f, &(struct matrix_filter){.template_id = INT_NULL, .template_page = 1, .page = 1, .page_size = 20});
    assert_int_equal(matrix.templates_count, 2);
    assert_int_equal(matrix.templates[0].id, first);
    assert_int_equal(matrix.templates[1].id, later);
    assert_int_equal(matrix.total, 2);
    assert_null(matrix.counts);
    assert_string_equal(matrix.items[0].tenant_id, "alpha");
    assert_string_equal(matrix.items[0].cells[0].state, "current");
    assert_int_equal(matrix.items[0].cells[0].version, 1);
    assert_null(matrix.items[0].cells[0].why);
    assert_string_equal(matrix.items[0].cells[1].state, "none");
    assert_string_equal(matrix.items[0].cells[1].why, "never distributed to this tenant");
    assert_string_equal(matrix.items[1].cells[0].state, "conflict");
    assert_int_equal(matrix.items[1].cells[0].version, INT_NULL);
    assert_int_not_equal(matrix.items[1].cells[0].qa_pair_id, INT_NULL);
}

static void the_matrix_counts_states_of_one_template(void **state)
{
    struct fixture *f = *state;
    struct error *err = &f->err;
    int64_t id = make(f, "A?", "a", "");
    to_one(f, id, "alpha", false);
    struct matrix_filter filter = {.template_id = id, .template_page = 1, .page = 1, .page_size = 20};
    struct matrix matrix = read_matrix(f, &filter);
    assert_int_equal(matrix.counts_count, TEMPLATE_STATE_COUNT);
    assert_int_equal(matrix.counts[TEMPLATE_CURRENT].tenants, 1);
    assert_int_equal(matrix.counts[TEMPLATE_NONE].tenants, 1);
    assert_int_equal(matrix.total, 2);
    filter.state = "none";
    matrix = read_matrix(f, &filter);
    assert_int_equal(matrix.total, 1);
    assert_string_equal(matrix.items[0].tenant_id, "beta");
    filter.keyword = "ALPH";
    matrix = read_matrix(f, &filter);
    assert_int_equal(matrix.total, 0);
    assert_int_equal(matrix.counts[TEMPLATE_NONE].tenants, 0);
    CLEANUP(store_reader_release) struct db *db = NULL;
    must(f, store_reader(f->platform.store, 5000, &db, err));
    struct matrix_filter wrong = {
        .template_id = INT_NULL, .state = "none", .template_page = 1, .page = 1, .page_size = 20};
    must_fail(f, matrix_read(db, &wrong, LANGUAGE_EN, &f->arena, &matrix, err), ERROR_INVALID);
    wrong = (struct matrix_filter){.template_id = 99, .template_page = 1, .page = 1, .page_size = 20};
    must_fail(f, matrix_read(db, &wrong, LANGUAGE_EN, &f->arena, &matrix, err), ERROR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        templates_test(a_template_is_made_edited_and_deleted),
        templates_test(a_question_stands_for_one_live_template),
        templates_test(versions_are_kept),
        templates_test(the_list_filters_sorts_and_pages),
        templates_test(a_distribution_gives_each_tenant_a_pair_of_its_own),
        templates_test(again_changes_nothing),
        templates_test(a_new_version_updates_untouched_copies),
        templates_test(a_touched_copy_is_a_conflict_and_kept),
        templates_test(force_overwrites_and_keeps_the_words_in_the_audit_log),
        templates_test(an_own_pair_is_linked_or_a_conflict),
        templates_test(a_deleted_copy_stays_deleted),
        templates_test(a_suspended_tenant_is_skipped),
        templates_test(why_a_template_is_missing_is_its_own_story),
        templates_test(a_dry_run_tells_the_same_and_changes_nothing),
        templates_test(a_question_that_has_moved_between_templates),
        templates_test(a_new_question_that_the_tenant_has_already_is_a_conflict),
        templates_test(force_takes_the_copy_of_another_template),
        templates_test(a_deleted_template_leaves_its_copies),
        templates_test(a_template_deleted_meanwhile_is_given_to_nobody_else),
        templates_test(a_deleted_one_of_several_is_told),
        templates_test(a_template_edited_meanwhile_is_given_as_it_is_then),
        templates_test(a_tenant_suspended_meanwhile_is_skipped),
        templates_test(what_there_is_not_is_named),
        templates_test(names_that_stand_twice_count_once),
        templates_test(taking_gives_the_text_of_the_template),
        templates_test(keeping_lasts_until_the_next_version),
        templates_test(merging_gives_a_third_text),
        templates_test(an_own_pair_can_be_kept_or_taken_over),
        templates_test(of_two_editors_the_second_is_told),
        templates_test(a_decision_about_something_else_is_refused),
        templates_test(tenants_that_lack_something_are_found),
        templates_test(what_misses_a_template_is_about_that_template),
        templates_test(what_goes_to_all_for_the_first_time_is_said),
        templates_test(a_part_of_what_goes_to_all_is_not_all),
        templates_test(what_the_matrix_asks_does_not_grow_with_its_cells),
        templates_test(the_scan_of_one_template_asks_once_for_all_tenants),
        templates_test(the_matrix_shows_what_each_tenant_has),
        templates_test(the_matrix_has_pages_of_templates),
        templates_test(the_matrix_counts_states_of_one_template),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
