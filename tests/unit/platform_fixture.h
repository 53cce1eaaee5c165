/* A platform in a folder of its own, for the tests of platform/: store, telemetry, settings, embedded
 * index and model, two tenants; the main store's database is that of database_fixture.h. For test programs only; every
 * function ends the test on failure. */
#ifndef KIMONO_TESTS_PLATFORM_FIXTURE_H
#define KIMONO_TESTS_PLATFORM_FIXTURE_H

#include "database_fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "directory/directory.h"
#include "platform/chat/chat.h"
#include "platform/chat/feedback.h"
#include "platform/chat/learning.h"
#include "platform/health/health.h"
#include "platform/knowledge/knowledge.h"
#include "platform/knowledge/vector_sync.h"
#include "platform/tenants/activity.h"
#include "platform/tenants/counters.h"
#include "platform/tenants/tenants.h"
#include "provider/chat_model.h"
#include "search/full_text.h"
#include "settings/settings.h"
#include "store/lease.h"
#include "telemetry/telemetry.h"

struct fixture {
    char folder[64];
    char store_path[512];
    struct platform platform;
    struct arena arena;
    struct tenant alpha, beta; /* of the arena */
    struct error err;
};

#define must(fixture, call)                                                                                  \
    do {                                                                                                     \
        error_clear(&(fixture)->err);                                                                        \
        if (!(call))                                                                                         \
            fail_msg("%s: %s", #call, (fixture)->err.detail[LANGUAGE_EN]);                                   \
    } while (0)

#define must_fail(fixture, call, expected)                                                                   \
    do {                                                                                                     \
        error_clear(&(fixture)->err);                                                                        \
        assert_false(call);                                                                                  \
        assert_int_equal((fixture)->err.code, expected);                                                     \
    } while (0)

static inline int fixture_remove(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

/* Runs one statement in a transaction of its own. */
struct fixture_statement {
    const char *sql;
    const struct db_value *args;
    size_t count;
};
static inline bool fixture_run_work(struct db *db, void *context, struct error *err)
{
    struct fixture_statement *statement = context;
    return db_execute(db, statement->sql, statement->args, statement->count, NULL, err);
}
static inline void fixture_execute(struct fixture *f, const char *sql, const struct db_value *args,
                                   size_t count)
{
    struct fixture_statement statement = {sql, args, count};
    must(f, store_write(f->platform.store, fixture_run_work, &statement, &f->err));
}

/* A trigger in the words of the store's database. At most one at a time. */
struct fixture_trigger {
    const char *when, *table; /* "BEFORE UPDATE OF status", "jobs" */
    const char *condition;    /* of NEW and OLD */
    const char *statements;   /* what happens then, each with its ';'; NULL: what fired it fails */
};
static inline bool fixture_script_work(struct db *db, void *context, struct error *err)
{
    return db_script(db, context, err);
}
static inline void fixture_script(struct fixture *f, const char *sql)
{
    must(f, store_write(f->platform.store, fixture_script_work, (void *)sql, &f->err));
}
static inline void fixture_set_trigger(struct fixture *f, const struct fixture_trigger *trigger)
{
    const char *then = trigger->statements;
    if (fixture_is_postgresql())
        fixture_script(f,
                       arena_printf(&f->arena,
                                    "CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN %s"
                                    " RETURN NEW; END $$; CREATE TRIGGER trap %s ON %s FOR EACH ROW"
                                    " WHEN (%s) EXECUTE FUNCTION trap()",
                                    then ? then : "RAISE EXCEPTION 'trapped';", trigger->when, trigger->table,
                                    trigger->condition));
    else
        fixture_script(f, arena_printf(&f->arena, "CREATE TRIGGER trap %s ON %s WHEN %s BEGIN %s END",
                                       trigger->when, trigger->table, trigger->condition,
                                       then ? then : "SELECT RAISE(ABORT, 'trapped');"));
}
static inline void fixture_drop_trigger(struct fixture *f, const char *table)
{
    fixture_script(f, fixture_is_postgresql()
                          ? arena_printf(&f->arena, "DROP TRIGGER trap ON %s; DROP FUNCTION trap", table)
                          : "DROP TRIGGER trap");
}

static inline int64_t fixture_int(struct fixture *f, const char *sql, const struct db_value *args,
                                  size_t count)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    int64_t value = 0;
    must(f, store_reader(f->platform.store, 5000, &db, &f->err));
    must(f, db_find_int(db, sql, args, count, INT_NULL, &value, &f->err));
    return value;
}

/* Changes of knowledge, as the operations services make them. */
struct fixture_pair {
    const char *tenant_id, *question, *answer;
    int64_t id; /* in: of the pair to change or delete */
    enum { FIXTURE_ADD, FIXTURE_EDIT, FIXTURE_DELETE } verb;
};
static inline bool fixture_pair_work(struct db *db, void *context, struct error *err)
{
    struct fixture_pair *change = context;
    struct qa_pair pair = {.id = change->id,
                           .tenant_id = change->tenant_id,
                           .question = change->question,
                           .answer = change->answer};
    int64_t revision;
    bool was_synced, found;
    struct qa_edits edits = {.db = db, .tenant_id = change->tenant_id};
    struct qa_pair_row row;
    if (!tenant_next_revision(db, change->tenant_id, &revision, err))
        return false;
    switch (change->verb) {
    case FIXTURE_ADD:
        return qa_pair_insert(db, revision, &pair, &change->id, err) &&
               tenant_count_pairs(db, change->tenant_id, 1, 1, err);
    case FIXTURE_EDIT:
        return qa_pair_update_text(db, revision, &pair, &was_synced, err) &&
               tenant_count_pairs(db, change->tenant_id, 0, was_synced, err);
    default: {
        CLEANUP(arena_release) struct arena arena = {0};
        return qa_pair_row_read(db, change->id, &arena, &row, &found, err) && found &&
               qa_pair_delete(&edits, &row, "test", clock_now_ms(), err) && qa_edits_finish(&edits, err);
    }
    }
}

static inline int64_t fixture_add_pair(struct fixture *f, const char *tenant_id, const char *question,
                                       const char *answer)
{
    struct fixture_pair change = {.tenant_id = tenant_id, .question = question, .answer = answer};
    must(f, store_write(f->platform.store, fixture_pair_work, &change, &f->err));
    return change.id;
}

static inline void fixture_edit_pair(struct fixture *f, const char *tenant_id, int64_t id,
                                     const char *question, const char *answer)
{
    struct fixture_pair change = {tenant_id, question, answer, id, FIXTURE_EDIT};
    must(f, store_write(f->platform.store, fixture_pair_work, &change, &f->err));
}

static inline void fixture_delete_pair(struct fixture *f, const char *tenant_id, int64_t id)
{
    struct fixture_pair change = {tenant_id, NULL, NULL, id, FIXTURE_DELETE};
    must(f, store_write(f->platform.store, fixture_pair_work, &change, &f->err));
}

static inline void fixture_set_status(struct fixture *f, const char *tenant_id, const char *status)
{
    struct tenant tenant;
    bool suspends = strcmp(status, "suspended") == 0;
    must(f, (suspends ? tenant_suspend : tenant_activate)(f->platform.store, &actor_system, tenant_id, "test",
                                                          &f->arena, &tenant, &f->err));
}

/* Counters and activity are what the rows say. Called at the end of every test that has a store. */
static inline void fixture_check(struct fixture *f)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    CLEANUP(strbuf_release) struct strbuf findings = {0};
    must(f, store_reader(f->platform.store, 60000, &db, &f->err));
    must(f, counters_check(db, &findings, &f->err));
    must(f, activity_check(db, &findings, &f->err));
    must(f, audit_check(db, &findings, &f->err));
    if (findings.length)
        fail_msg("check: %s", strbuf_text(&findings));
}

/* Where the files of the store lie (store/files.h): in its tables, else in a folder. */
static bool fixture_files_in_tables;

static inline void fixture_open_stores(struct fixture *f, enum store_durability durability)
{
    char telemetry[128], uploads[128];
    snprintf(telemetry, sizeof(telemetry), "%s/telemetry", f->folder);
    snprintf(uploads, sizeof(uploads), "%s/uploads", f->folder);
    struct store_options store = {.path = f->store_path,
                                  .durability = durability,
                                  .migrations = main_migrations,
                                  .migration_count = main_migration_count,
                                  .tokenize = full_text_tokens,
                                  .files_folder = fixture_files_in_tables ? NULL : uploads};
    must(f, store_open(&f->platform.store, &store, &f->err));
    struct telemetry_options options = {
        .folder = telemetry, .main_store = f->platform.store, .durability = durability};
    must(f, telemetry_open(&f->platform.telemetry, &options, &f->err));
}

static inline void fixture_open(struct fixture *f, enum store_durability durability)
{
    static const struct setting_flag none = {0};
    memset(f, 0, sizeof(*f));
    snprintf(f->folder, sizeof(f->folder), "/tmp/kimono-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    fixture_choose_path(f->store_path, sizeof(f->store_path), f->folder);
    log_set_level(LOG_ERROR + 1);
    must(f, clock_set_zone("Asia/Shanghai", &f->err));
    must(f, settings_load(&f->platform.settings, NULL, &none, &f->err));
    fixture_open_stores(f, durability);
    f->platform.index = embedded_index_new(knowledge_source, f->platform.store, (size_t)64 << 20);
    f->platform.model = embedded_chat_model_new();
    f->platform.health = health_new();
    f->platform.directory = knowledge_directory_new();
    must(f,
         tenant_add(f->platform.store, &actor_system, "alpha", "Alpha", NULL, &f->arena, &f->alpha, &f->err));
    must(f, tenant_add(f->platform.store, &actor_system, "beta", "Beta", NULL, &f->arena, &f->beta, &f->err));
}

/* This process among those that share the store: what runs jobs needs it. */
#define FIXTURE_TIME_TO_LIVE_MS 500
static inline void fixture_start_leases(struct fixture *f)
{
    must(f,
         lease_holder_start(&f->platform.lease_holder, f->platform.store, FIXTURE_TIME_TO_LIVE_MS, &f->err));
    struct lease_holder_state state = {0};
    for (int i = 0; i < 30000 && !state.id[0]; i++) { /* until the first beat */
        usleep(1000);
        lease_holder_get_state(f->platform.lease_holder, &state);
    }
    assert_true(state.id[0] != '\0');
}

static inline void fixture_stop_leases(struct fixture *f)
{
    lease_holder_stop(f->platform.lease_holder);
    f->platform.lease_holder = NULL;
}

static inline void fixture_close(struct fixture *f)
{
    fixture_stop_leases(f);
    f->platform.index->ops->free(f->platform.index);
    f->platform.model->ops->free(f->platform.model);
    health_free(f->platform.health);
    knowledge_directory_free(f->platform.directory);
    telemetry_close(f->platform.telemetry);
    store_close(f->platform.store);
    fixture_drop_database(f->store_path);
    settings_free(f->platform.settings);
    arena_release(&f->arena);
    nftw(f->folder, fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static inline int fixture_setup(void **state)
{
    struct fixture *f = malloc(sizeof(*f));
    fixture_open(f, STORE_BULK);
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    fixture_check(*state);
    fixture_close(*state);
    free(*state);
    return 0;
}

#define fixture_test(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

/* A chat in English; the result's texts live in the fixture's arena. */
static inline struct chat_result fixture_chat(struct fixture *f, const struct tenant *tenant,
                                              const char *conversation_id, const char *message)
{
    struct chat_result result = {0};
    must(f, chat_message(&f->platform,
                         &(struct chat_question){.api_key = tenant->api_key,
                                                 .conversation_id = conversation_id,
                                                 .message = message,
                                                 .request_id = "request-1234",
                                                 .language = LANGUAGE_EN},
                         &f->arena, &result, &f->err));
    return result;
}

#endif
