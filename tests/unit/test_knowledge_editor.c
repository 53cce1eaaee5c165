/* One pair: making, changing, deleting, restoring; what time does to pairs. */
#include "knowledge_fixture.h"

static struct qa_pair_detail make(struct fixture *f, const char *tenant_id, const char *question,
                                  const char *answer, const char *category)
{
    struct qa_pair_edit edit = {question, answer, category, INT_NULL};
    struct qa_pair_detail detail;
    must(f, knowledge_create(&f->platform, &someone, tenant_id, &edit, LANGUAGE_EN, &f->arena, &detail,
                             &f->err));
    return detail;
}

static bool update(struct fixture *f, int64_t id, const char *question, const char *answer,
                   const char *category, int64_t version, struct qa_pair_detail *ret_detail)
{
    struct qa_pair_edit edit = {question, answer, category, version};
    error_clear(&f->err);
    return knowledge_update(&f->platform, &someone, id, &edit, LANGUAGE_EN, &f->arena, ret_detail, &f->err);
}

static void a_pair_is_made_and_edited(void **state)
{
    struct fixture *f = *state;
    struct qa_pair_detail made = make(f, "alpha", "  Opening hours? ", "Nine to six", "times"), changed;
    assert_string_equal(made.item.question, "Opening hours?");
    assert_string_equal(made.item.tenant_name, "Alpha");
    assert_string_equal(made.item.source, "manual");
    assert_false(made.item.is_synced);
    assert_true(made.quality.score == 0.5);
    assert_non_null(strstr(made.quality.explanation, "No evidence"));
    sync_all(f);
    assert_true(update(f, made.item.id, NULL, "Ten to six", NULL, 1, &changed));
    assert_string_equal(changed.item.question, "Opening hours?");
    assert_string_equal(changed.item.answer, "Ten to six");
    assert_int_equal(changed.item.version, 2);
    assert_false(changed.item.is_synced); /* the text has changed */
    sync_all(f);
    assert_true(update(f, made.item.id, NULL, NULL, "hours", INT_NULL, &changed));
    assert_true(changed.item.is_synced); /* the category is no text */
    assert_true(update(f, made.item.id, NULL, " Ten to six", "hours", 3, &changed));
    assert_int_equal(changed.item.version, 3); /* nothing has changed */
    assert_int_equal(audits(f, "qa_pair.create"), 1);
    assert_int_equal(audits(f, "qa_pair.update"), 2);
}

static void the_second_editor_is_told(void **state)
{
    struct fixture *f = *state;
    struct qa_pair_detail made = make(f, "alpha", "q", "a", NULL), changed;
    assert_true(update(f, made.item.id, NULL, "first", NULL, 1, &changed));
    assert_false(update(f, made.item.id, NULL, "second", NULL, 1, &changed));
    assert_int_equal(f->err.code, ERROR_CONFLICT);
    assert_string_equal(row_of(f, made.item.id).answer, "first");
}

static void a_question_stands_for_one_live_pair(void **state)
{
    struct fixture *f = *state;
    struct qa_pair_detail first = make(f, "alpha", "q", "a", NULL), other = make(f, "alpha", "r", "b", NULL),
                          detail;
    struct qa_pair_edit again = {" q ", "c", NULL, INT_NULL};
    make(f, "beta", "q", "a", NULL); /* another tenant's is another matter */
    must_fail(
        f,
        knowledge_create(&f->platform, &someone, "alpha", &again, LANGUAGE_EN, &f->arena, &detail, &f->err),
        ERROR_CONFLICT);
    assert_false(update(f, other.item.id, "q", NULL, NULL, INT_NULL, &detail));
    assert_int_equal(f->err.code, ERROR_CONFLICT);
    must(f, knowledge_delete(&f->platform, &someone, first.item.id, NULL, &f->err));
    assert_true(update(f, other.item.id, "q", NULL, NULL, INT_NULL, &detail));
    must_fail(
        f, knowledge_restore(&f->platform, &someone, first.item.id, LANGUAGE_EN, &f->arena, &detail, &f->err),
        ERROR_CONFLICT);
}

static void what_is_wrong_is_named(void **state)
{
    struct fixture *f = *state;
    struct qa_pair_detail detail, made = make(f, "alpha", "q", "a", NULL);
    struct qa_pair_edit empty = {" ", "a", "two\nlines", INT_NULL}, fine = {"q", "a", NULL, INT_NULL};
    must_fail(
        f,
        knowledge_create(&f->platform, &someone, "alpha", &empty, LANGUAGE_EN, &f->arena, &detail, &f->err),
        ERROR_INVALID);
    assert_int_equal(f->err.field_count, 2);
    must_fail(
        f,
        knowledge_create(&f->platform, &someone, "nobody", &fine, LANGUAGE_EN, &f->arena, &detail, &f->err),
        ERROR_INVALID);
    assert_string_equal(f->err.fields[0].field, "tenant_id");
    assert_false(update(f, made.item.id, "", NULL, NULL, INT_NULL, &detail));
    assert_int_equal(f->err.code, ERROR_INVALID);
    assert_false(update(f, 999, "x", NULL, NULL, INT_NULL, &detail));
    assert_int_equal(f->err.code, ERROR_NOT_FOUND);
    must_fail(f, knowledge_delete(&f->platform, &someone, 999, NULL, &f->err), ERROR_NOT_FOUND);
}

static const char SQL_PENDING_REMOVALS[] =
    "SELECT value FROM platform_counters WHERE name = 'pending_removals'";
static const char SQL_LONG_AGO[] = "UPDATE qa_pairs SET deleted_at = deleted_at - $2 WHERE id = $1";

static size_t deleted_list(struct fixture *f, const char *tenant_id, int64_t *ret_total)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct deleted_pair *pairs;
    size_t count;
    must(f, store_reader(f->platform.store, 5000, &db, &f->err));
    must(f, knowledge_deleted(db, tenant_id, 1, 10, &f->arena, &pairs, &count, ret_total, &f->err));
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(pairs[i].deleted_by, "anna");
        assert_int_equal(pairs[i].undo_until, pairs[i].deleted_at + KNOWLEDGE_UNDO_MS);
    }
    return count;
}

static void a_deletion_can_be_taken_back(void **state)
{
    struct fixture *f = *state;
    struct qa_pair_detail made = make(f, "alpha", "q", "a", "c"), detail;
    int64_t id = made.item.id, total;
    sync_all(f);
    must(f, knowledge_delete(&f->platform, &someone, id, "not wanted", &f->err));
    must_fail(f, knowledge_delete(&f->platform, &someone, id, NULL, &f->err), ERROR_NOT_FOUND);
    assert_int_equal(fixture_int(f, SQL_PENDING_REMOVALS, DB_NO_ARGS), 1);
    assert_int_equal(deleted_list(f, NULL, &total), 1);
    assert_int_equal(deleted_list(f, "beta", &total), 0);
    sync_all(f);
    assert_int_equal(fixture_int(f, SQL_PENDING_REMOVALS, DB_NO_ARGS), 0);
    must(f, knowledge_restore(&f->platform, &someone, id, LANGUAGE_EN, &f->arena, &detail, &f->err));
    assert_false(detail.item.is_synced); /* the index has forgotten it */
    assert_int_equal(detail.item.version, 1);
    assert_int_equal(detail.deleted_at, INT_NULL);
    must_fail(f, knowledge_restore(&f->platform, &someone, id, LANGUAGE_EN, &f->arena, &detail, &f->err),
              ERROR_CONFLICT);
    sync_all(f);
    assert_true(row_of(f, id).is_synced);
    assert_int_equal(audits(f, "qa_pair.delete"), 1);
    assert_int_equal(audits(f, "qa_pair.restore"), 1);
}

static void a_deletion_is_final_after_a_day_and_purged_after_two(void **state)
{
    struct fixture *f = *state;
    struct qa_pair_detail detail;
    int64_t old = make(f, "alpha", "q", "a", NULL).item.id, kept = make(f, "alpha", "r", "a", NULL).item.id;
    int64_t purged, total;
    bool found;
    must(f, knowledge_delete(&f->platform, &someone, old, NULL, &f->err));
    must(f, knowledge_delete(&f->platform, &someone, kept, NULL, &f->err));
    fixture_execute(f, SQL_LONG_AGO, DB_ARGS(db_int(old), db_int(KNOWLEDGE_UNDO_MS + 1000)));
    must_fail(f, knowledge_restore(&f->platform, &someone, old, LANGUAGE_EN, &f->arena, &detail, &f->err),
              ERROR_NOT_FOUND);
    assert_int_equal(deleted_list(f, NULL, &total), 1);
    fixture_execute(f, SQL_LONG_AGO, DB_ARGS(db_int(old), db_int(DAY_MS)));
    must(f, qa_pairs_purge(f->platform.store, &purged, &f->err));
    assert_int_equal(purged, 0); /* the index has it still */
    sync_all(f);
    must(f, qa_pairs_purge(f->platform.store, &purged, &f->err));
    assert_int_equal(purged, 1);
    read_row(f, old, &found);
    assert_false(found);
    read_row(f, kept, &found);
    assert_true(found);
}

static const char SQL_AGE[] =
    "UPDATE qa_pairs SET updated_at = updated_at - $2, quality_due_at = quality_due_at - $2 WHERE id = $1";
static const char SQL_QUALITY[] =
    "SELECT CAST(ROUND(quality_score * 100) AS INTEGER) FROM qa_pairs WHERE id = $1";

static void age_lowers_what_nobody_has_confirmed(void **state)
{
    struct fixture *f = *state;
    int64_t old = make(f, "alpha", "q", "a", NULL).item.id, new = make(f, "alpha", "r", "a", NULL).item.id;
    int64_t aged;
    fixture_execute(f, SQL_AGE, DB_ARGS(db_int(old), db_int(200 * DAY_MS)));
    must(f, qa_pairs_age(f->platform.store, &aged, &f->err));
    assert_int_equal(aged, 1);
    assert_int_equal(fixture_int(f, SQL_QUALITY, DB_ARGS(db_int(old))), 48);
    assert_int_equal(fixture_int(f, SQL_QUALITY, DB_ARGS(db_int(new))), 50);
    must(f, qa_pairs_age(f->platform.store, &aged, &f->err));
    assert_int_equal(aged, 0); /* until the next quarter */
    struct qa_pair_detail detail;
    assert_true(update(f, old, NULL, "fresh", NULL, INT_NULL, &detail));
    assert_true(detail.item.quality_score == 0.5);
}

/* A copy of a template is counted while it lives, and stays known when it was deleted. */
static void copies_of_templates_are_counted(void **state)
{
    static const char copies[] = "SELECT copy_count FROM templates WHERE id = 1";
    static const char link[] = "UPDATE qa_pairs SET template_id = 1, template_version = 1 WHERE id = $1";
    static const char make_template[] =
        "INSERT INTO templates(id, question, answer, question_hash, question_key, text_hash, copy_count,"
        " current_count, created_at, updated_at, updated_by)"
        " VALUES (1, 'q', 'a', 1, 1, 1, 1, 1, 1, 1, 'anna')";
    struct fixture *f = *state;
    struct qa_pair_detail detail;
    int64_t id = make(f, "alpha", "q", "a", NULL).item.id, purged;
    bool found;
    fixture_execute(f, make_template, DB_NO_ARGS);
    fixture_execute(f, link, DB_ARGS(db_int(id)));
    must(f, knowledge_delete(&f->platform, &someone, id, NULL, &f->err));
    assert_int_equal(fixture_int(f, copies, DB_NO_ARGS), 0);
    must(f, knowledge_restore(&f->platform, &someone, id, LANGUAGE_EN, &f->arena, &detail, &f->err));
    assert_int_equal(fixture_int(f, copies, DB_NO_ARGS), 1);
    assert_int_equal(detail.item.template_id, 1);
    must(f, knowledge_delete(&f->platform, &someone, id, NULL, &f->err));
    sync_all(f);
    fixture_execute(f, SQL_LONG_AGO, DB_ARGS(db_int(id), db_int(3 * DAY_MS)));
    must(f, qa_pairs_purge(f->platform.store, &purged, &f->err));
    read_row(f, id, &found);
    assert_true(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        knowledge_test(a_pair_is_made_and_edited),
        knowledge_test(the_second_editor_is_told),
        knowledge_test(a_question_stands_for_one_live_pair),
        knowledge_test(what_is_wrong_is_named),
        knowledge_test(a_deletion_can_be_taken_back),
        knowledge_test(a_deletion_is_final_after_a_day_and_purged_after_two),
        knowledge_test(age_lowers_what_nobody_has_confirmed),
        knowledge_test(copies_of_templates_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
