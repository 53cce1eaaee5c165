/* The gate of suspension, over every path that runs by itself: the tables of the app are walked, so that
 * a scheduled task or a kind of job that is added later is tried, too, and none is open that is not named here.
 * The paths of requests are walked in tests/api/tenants.test.mjs. */
#include "app.h"
#include "base/clock.h"
#include "base/log.h"
#include "ops/knowledge/bulk.h"
#include "ops/knowledge/sync.h"
#include "ops/knowledge/undo.h"
#include "ops/templates/distribution.h"
#include "ops/templates/template_manager.h"
#include "ops/transfer/import_export_service.h"
#include "platform/chat/chat.h"
#include "platform/chat/feedback.h"
#include "platform/identity/users.h"
#include "platform/knowledge/knowledge.h"
#include "platform/tenants/tenants.h"
#include "platform_fixture.h"

struct house {
    struct fixture base; /* folder, arena and err; its platform is the app's */
    struct app *app;
    struct tenant shop;
};

static int open_house(void **state)
{
    struct house *house = calloc(1, sizeof(*house));
    struct fixture *f = &house->base;
    snprintf(f->folder, sizeof(f->folder), "/tmp/kimono-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    log_set_level(LOG_ERROR + 1);
    fixture_choose_path(f->store_path, sizeof(f->store_path), f->folder);
    const struct setting_flag flags[] = {
        {"data", f->folder}, {fixture_is_postgresql() ? "database" : NULL, f->store_path}, {NULL, NULL}};
    must(f, settings_load(&f->platform.settings, NULL, flags, &f->err));
    struct app_options options = {
        .settings = f->platform.settings, .depth = APP_SERVICES, .durability = STORE_BULK};
    must(f, app_open(&house->app, &options, &f->err));
    f->platform = *app_platform(house->app);
    *state = house;
    return 0;
}

static int close_house(void **state)
{
    struct house *house = *state;
    struct fixture *f = &house->base;
    struct settings_box *settings = f->platform.settings;
    fixture_check(f);
    app_close(house->app);
    fixture_drop_database(f->store_path);
    settings_free(settings);
    arena_release(&f->arena);
    nftw(f->folder, fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
    free(house);
    return 0;
}

/* --- all that a tenant has in the store, as text */

static const char SQL_TABLES[] =
    "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'tenant_id'"
    " WHERE m.type = 'table' AND m.sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY 1";
static const char SQL_TABLES_OF_POSTGRESQL[] =
    "SELECT table_name AS name FROM information_schema.columns"
    " WHERE table_schema = current_schema AND column_name = 'tenant_id' ORDER BY 1";

static void add_rows(const struct fixture *f, const char *table, const char *column, const char *tenant_id,
                     struct strbuf *out)
{
    char sql[256];
    strbuf_printf(out, "%s:\n", table);
    snprintf(sql, sizeof(sql), "SELECT * FROM %s WHERE %s = '%s' ORDER BY 1, 2, 3", table, column, tenant_id);
    fixture_run_beside(f->store_path, sql, out);
}

/* Every row of every table that names the tenant; metrics of the platform are none of it. */
static void dump_tenant(const struct house *house, const char *tenant_id, struct strbuf *out)
{
    const struct fixture *f = &house->base;
    CLEANUP(strbuf_release) struct strbuf tables = {0};
    char *rest, *row;
    strbuf_reset(out);
    add_rows(f, "tenants", "id", tenant_id, out);
    fixture_run_beside(f->store_path, fixture_is_postgresql() ? SQL_TABLES_OF_POSTGRESQL : SQL_TABLES,
                       &tables);
    for (rest = tables.bytes; (row = strsep(&rest, "\n")) && *row;)
        add_rows(f, row + strlen("name="), "tenant_id", tenant_id, out);
}

/* --- work for every path */

static const char SQL_LEARNED[] = "SELECT COUNT(*) FROM feedbacks WHERE status = 'learned'";
static const char SQL_UNSYNCED[] = "SELECT SUM(unsynced_count) FROM tenants WHERE id = 'shop'";
static const char SQL_COPIES[] =
    "SELECT COUNT(*) FROM qa_pairs WHERE tenant_id = 'shop' AND template_id IS NOT NULL";

static const char SQL_SKIPPED_ITEMS[] =
    "SELECT COUNT(*) FROM job_items WHERE target_id = 'shop' AND outcome = 'suspended'";

/* An unsynced pair, and feedback with a correction to learn from. */
static void give_knowledge_work(struct house *house)
{
    struct fixture *f = &house->base;
    struct feedback_result feedback;
    must(f, tenant_add(f->platform.store, &actor_system, "shop", "Shop", NULL, &f->arena, &house->shop,
                       &f->err));
    fixture_add_pair(f, "shop", "opening hours", "nine to six");
    struct chat_result chat = fixture_chat(f, &house->shop, NULL, "what about parking");
    must(f, feedback_add(&f->platform, house->shop.api_key, chat.message_id, "bad", "Behind the house.",
                         &f->arena, &feedback, &f->err));
}

/* What queues a job of a kind that has something to do for the shop. */
static void ask_for_distribution(struct house *house, struct job *ret_job)
{
    struct fixture *f = &house->base;
    static int count;
    char question[64];
    snprintf(question, sizeof(question), "Is there Wi-Fi, question %d?", ++count);
    struct template_edit text = {question, "Yes.", "services", INT_NULL};
    struct template template;
    must(f, template_create(&f->platform, &actor_system, &text, &f->arena, &template, &f->err));
    struct distribute_request request = {
        .template_ids = &template.id, .template_count = 1, .all_tenants = true};
    must(f, template_distribute(&f->platform, &actor_system, &request, &f->arena, ret_job, &f->err));
}

static void ask_for_sync(struct house *house, struct job *ret_job)
{
    struct fixture *f = &house->base;
    struct sync_request all = {0};
    must(f, knowledge_sync(&f->platform, &actor_system, &all, &f->arena, ret_job, &f->err));
}

static void ask_for_check(struct house *house, struct job *ret_job)
{
    struct fixture *f = &house->base;
    must(f, knowledge_sync_check(&f->platform, &actor_system, NULL, true, &f->arena, ret_job, &f->err));
}

static const struct {
    const char *kind;
    void (*ask)(struct house *house, struct job *ret_job);
} starters[] = {
    {DISTRIBUTE_KIND, ask_for_distribution},
    {SYNC_KIND, ask_for_sync},
    {SYNC_CHECK_KIND, ask_for_check},
};

static bool ask_for(struct house *house, const char *kind, struct job *ret_job)
{
    for (size_t i = 0; i < ARRAY_SIZE(starters); i++)
        if (strcmp(starters[i].kind, kind) == 0) {
            starters[i].ask(house, ret_job);
            return true;
        }
    return false;
}

/* --- running all of it */

static void run_scheduled_tasks(struct house *house)
{
    struct fixture *f = &house->base;
    size_t count;
    const struct scheduled_room *rooms = app_scheduled_rooms(house->app, &count);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < rooms[i].tasks->count; j++) {
            char summary[200] = "";
            must(f, rooms[i].tasks->rows[j].run(rooms[i].context, summary, sizeof(summary), &f->err));
        }
}

/* Of all rooms, in order; `i` from 0; NULL: there are no more. */
static const struct job_kind *kind_at(size_t i)
{
    size_t count;
    const struct job_kinds *const *rooms = app_job_rooms(&count);
    for (size_t room = 0; room < count; i -= rooms[room++]->count)
        if (i < rooms[room]->count)
            return &rooms[room]->rows[i];
    return NULL;
}

static struct jobs *start_jobs(struct house *house)
{
    struct fixture *f = &house->base;
    struct jobs *jobs;
    size_t count;
    const struct job_kinds *const *rooms = app_job_rooms(&count);
    fixture_start_leases(f);
    must(f, jobs_start(&jobs, &f->platform, rooms, count, &f->err));
    return jobs;
}

static void stop_jobs(struct house *house, struct jobs *jobs)
{
    jobs_stop(jobs);
    fixture_stop_leases(&house->base);
}

static void wait_for(struct house *house, struct jobs *jobs, const char *id)
{
    struct fixture *f = &house->base;
    struct job job = {.status = "queued"};
    for (int i = 0; i < 600 && !job_has_ended(&job); i++) {
        CLEANUP(store_reader_release) struct db *db = NULL;
        jobs_wake(jobs);
        jobs_wait(jobs, id, 100);
        must(f, store_reader(f->platform.store, 5000, &db, &f->err));
        must(f, job_get(db, id, &f->arena, &job, &f->err));
    }
    assert_string_equal(job.status, "succeeded");
}

static void ask_for_kind(struct house *house, const struct job_kind *kind, struct job *ret_job)
{
    if (!ask_for(house, kind->name, ret_job))
        fail_msg("%s: say here what such a job would have to do for a tenant", kind->name);
}

/* Those that are open are named below, with the reason. */
static void run_job_kinds(struct house *house)
{
    struct jobs *jobs = start_jobs(house);
    const struct job_kind *kind;
    for (size_t i = 0; (kind = kind_at(i)); i++) {
        struct job job;
        if (kind->gate == TENANT_GATE_OPEN)
            continue;
        ask_for_kind(house, kind, &job);
        wait_for(house, jobs, job.id);
    }
    stop_jobs(house, jobs);
}

static void nothing_is_done_for_a_suspended_tenant(void **state)
{
    struct house *house = *state;
    struct fixture *f = &house->base;
    CLEANUP(strbuf_release) struct strbuf before = {0}, after = {0};
    give_knowledge_work(house);
    fixture_set_status(f, "shop", "suspended");
    dump_tenant(house, "shop", &before);
    assert_non_null(strstr(strbuf_text(&before), "status=pending"));
    run_scheduled_tasks(house);
    run_job_kinds(house);
    run_scheduled_tasks(house); /* once more: there is a template to distribute now */
    dump_tenant(house, "shop", &after);
    assert_string_equal(strbuf_text(&before), strbuf_text(&after));

    fixture_set_status(f, "shop", "active");
    run_job_kinds(house);
    run_scheduled_tasks(house);
    run_scheduled_tasks(house); /* what was learned and distributed is synced */
    assert_int_equal(fixture_int(f, SQL_LEARNED, DB_NO_ARGS), 1);
    assert_int_equal(fixture_int(f, SQL_UNSYNCED, DB_NO_ARGS), 0);
    assert_int_equal(fixture_int(f, SQL_COPIES, DB_NO_ARGS), 1);
}

/* Asked for while it was active, begun after its suspension: as after a restart, too. */
static void what_was_asked_for_before_is_not_done_after(void **state)
{
    struct house *house = *state;
    struct fixture *f = &house->base;
    CLEANUP(strbuf_release) struct strbuf before = {0}, after = {0};
    const char *asked[16];
    const struct job_kind *kind;
    size_t count = 0;
    give_knowledge_work(house);
    for (size_t i = 0; (kind = kind_at(i)) && count < ARRAY_SIZE(asked); i++) {
        struct job job;
        if (kind->gate == TENANT_GATE_OPEN)
            continue;
        ask_for_kind(house, kind, &job);
        asked[count++] = job.id;
    }
    fixture_set_status(f, "shop", "suspended");
    dump_tenant(house, "shop", &before);
    struct jobs *jobs = start_jobs(house);
    for (size_t i = 0; i < count; i++)
        wait_for(house, jobs, asked[i]);
    stop_jobs(house, jobs);
    dump_tenant(house, "shop", &after);
    assert_string_equal(strbuf_text(&before), strbuf_text(&after));
    assert_int_equal(fixture_int(f, SQL_SKIPPED_ITEMS, DB_NO_ARGS), 1);
}

/* --- what may go on, and why: nothing else may be open */

static const struct {
    const char *name, *why;
} open_rows[] = {
    {"roll_over", "the platform's own totals"},
    {"uploads", "files of jobs that ended"},
    {"knowledge_upkeep", "what was deleted goes after its time, whoever it belonged to"},
    {"telemetry_retention", "the platform's own records"},
    {"job_retention", "the platform's own records"},
    {"audit_head", "the platform's own log"},
    {"session_retention", "sessions that have ended"},
    {"snapshot_retention", "the platform's own records"},
    {"settings", "of no tenant"},
    {"health", "of no tenant"},
    {"component_watch", "of no tenant"},
    {"knowledge_directory", "what the console lists"},
    {"knowledge_questions", "what the console lists"},
    {"snapshot", "the platform's own figures"},
    {BULK_KIND, "an operator's edit of these very pairs; its sync asks the gate"},
    {UNDO_KIND, "an operator takes back an edit"},
    {IMPORT_KIND, "an operator's edit of this very tenant"},
};

/* How many of the rows are open; each must be named above. */
static void assert_named(const char *name, enum tenant_gate gate, size_t *open_count)
{
    if (gate != TENANT_GATE_OPEN)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(open_rows); i++)
        if (strcmp(open_rows[i].name, name) == 0) {
            (*open_count)++;
            return;
        }
    fail_msg("%s is open to suspended tenants: close it, or say here why it may go on", name);
}

static void only_what_is_named_is_open(void **state)
{
    struct house *house = *state;
    size_t room_count, open_count = 0;
    const struct scheduled_room *rooms = app_scheduled_rooms(house->app, &room_count);
    const struct job_kind *kind;
    for (size_t i = 0; i < room_count; i++)
        for (size_t j = 0; j < rooms[i].tasks->count; j++)
            assert_named(rooms[i].tasks->rows[j].name, rooms[i].tasks->rows[j].gate, &open_count);
    for (size_t i = 0; (kind = kind_at(i)); i++)
        assert_named(kind->name, kind->gate, &open_count);
    assert_int_equal(open_count, ARRAY_SIZE(open_rows));
}

/* --- the gate itself */

static void every_path_is_refused_in_both_languages(void **state)
{
    (void)state;
    struct tenant_state suspended = {"shop", "suspended", 1000};
    struct tenant_state active = {"shop", "active", INT_NULL}, nobody = {NULL, NULL, INT_NULL};
    struct error err;
    for (int gate = 0; gate < TENANT_GATE_OPEN; gate++) {
        error_clear(&err);
        assert_false(tenant_gate_pass((enum tenant_gate)gate, &suspended, TENANT_GATE_BEGINS_NOW, &err));
        assert_int_equal(err.code, ERROR_TENANT_SUSPENDED);
        assert_non_null(strstr(err.detail[LANGUAGE_EN], "suspended"));
        assert_non_null(strstr(err.detail[LANGUAGE_ZH], "暂停"));
        assert_true(tenant_gate_pass((enum tenant_gate)gate, &active, TENANT_GATE_BEGINS_NOW, &err));
        assert_true(tenant_gate_pass((enum tenant_gate)gate, &nobody, TENANT_GATE_BEGINS_NOW, &err));
        assert_true(strlen(tenant_gate_name((enum tenant_gate)gate)) > 0);
    }
    assert_true(tenant_gate_pass(TENANT_GATE_OPEN, &suspended, TENANT_GATE_BEGINS_NOW, &err));
}

static void what_was_running_is_finished(void **state)
{
    (void)state;
    int64_t now = clock_now_ms();
    static const struct {
        int64_t suspended, began; /* relative to now */
        bool passes;
    } cases[] = {
        {-1000, -1001, true},  /* began before */
        {-1000, -1000, false}, /* at the same instant */
        {-1000, -999, false},  /* after */
        {60000, -1, false},    /* the clock was set back: times prove nothing */
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tenant_state state = {"shop", "suspended", now + cases[i].suspended};
        struct error err;
        error_clear(&err);
        assert_int_equal(tenant_gate_pass(TENANT_GATE_CHAT, &state, now + cases[i].began, &err),
                         cases[i].passes);
    }
}

static void asking_the_store(void **state)
{
    struct house *house = *state;
    struct fixture *f = &house->base;
    must(f, tenant_add(f->platform.store, &actor_system, "shop", "Shop", NULL, &f->arena, &house->shop,
                       &f->err));
    CLEANUP(store_reader_release) struct db *db = NULL;
    must(f, store_reader(f->platform.store, 5000, &db, &f->err));
    must(f, tenant_gate_ask(db, TENANT_GATE_LEARNING, "shop", TENANT_GATE_BEGINS_NOW, &f->err));
    must_fail(f, tenant_gate_ask(db, TENANT_GATE_LEARNING, "nobody", TENANT_GATE_BEGINS_NOW, &f->err),
              ERROR_NOT_FOUND);
    fixture_set_status(f, "shop", "suspended");
    must_fail(f, tenant_gate_ask(db, TENANT_GATE_LEARNING, "shop", TENANT_GATE_BEGINS_NOW, &f->err),
              ERROR_TENANT_SUSPENDED);
    assert_non_null(strstr(f->err.detail[LANGUAGE_EN], "shop"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_path_is_refused_in_both_languages),
        cmocka_unit_test(what_was_running_is_finished),
        cmocka_unit_test_setup_teardown(asking_the_store, open_house, close_house),
        cmocka_unit_test_setup_teardown(only_what_is_named_is_open, open_house, close_house),
        cmocka_unit_test_setup_teardown(nothing_is_done_for_a_suspended_tenant, open_house, close_house),
        cmocka_unit_test_setup_teardown(what_was_asked_for_before_is_not_done_after, open_house, close_house),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
