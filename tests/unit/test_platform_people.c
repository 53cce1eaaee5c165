/* platform/: audit, counters, tenants, users, API tokens, sessions, authentication. */
#include <inttypes.h>
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "database_fixture.h"
#include "platform/identity/api_tokens.h"
#include "platform/identity/auth.h"
#include "platform/identity/login_limit.h"
#include "platform/identity/sessions.h"
#include "platform/identity/signing_key.h"
#include "platform/tenants/counters.h"
#include "platform/tenants/tenants.h"
#include "search/full_text.h"
#include "security/token.h"
#include "settings/settings.h"

/* Each test has a store of its own. */
struct house {
    char folder[64], path[512];
    struct store *store;
    struct platform platform;
    struct arena arena;
    struct error err;
};

static const unsigned char key[SIGNING_KEY_SIZE] = "0123456789abcdef0123456789abcde";
static const struct actor keeper = {"usr_op", "operator", "10.0.0.1", "req_people"};

#define MUST(house, call)                                                                                    \
    do {                                                                                                     \
        error_clear(&(house)->err);                                                                          \
        if (!(call))                                                                                         \
            fail_msg("%s: %s", #call, (house)->err.detail[LANGUAGE_EN]);                                     \
    } while (0)

#define MUST_FAIL(house, call, expected)                                                                     \
    do {                                                                                                     \
        error_clear(&(house)->err);                                                                          \
        if (call)                                                                                            \
            fail_msg("%s was not refused", #call);                                                           \
        if ((house)->err.code != (expected))                                                                 \
            fail_msg("%s: %s", #call, (house)->err.detail[LANGUAGE_EN]);                                     \
        assert_true((house)->err.detail[LANGUAGE_ZH][0]);                                                    \
    } while (0)

static int open_house(void **state)
{
    struct house *house = xcalloc(1, sizeof(*house));
    log_set_level(LOG_ERROR);
    snprintf(house->folder, sizeof(house->folder), "/tmp/kimono-people-XXXXXX");
    assert_non_null(mkdtemp(house->folder));
    fixture_choose_path(house->path, sizeof(house->path), house->folder);
    struct store_options options = {
        .path = house->path,
        .migrations = main_migrations,
        .migration_count = main_migration_count,
        .tokenize = full_text_tokens,
    };
    MUST(house, store_open(&house->store, &options, &house->err));
    house->platform = (struct platform){.store = house->store, .signer = token_signer_new(key)};
    *state = house;
    return 0;
}

static int close_house(void **state)
{
    struct house *house = *state;
    char command[128];
    store_close(house->store);
    fixture_drop_database(house->path);
    token_signer_free(house->platform.signer);
    settings_free(house->platform.settings);
    arena_release(&house->arena);
    snprintf(command, sizeof(command), "rm -rf '%s'", house->folder);
    free(house);
    return system(command);
}

/* Somebody with the database's own program in his hands, or another process. */
static void meddle(struct house *house, const char *sql)
{
    fixture_run_beside(house->path, sql, NULL);
}

static int64_t ask(struct house *house, const char *sql)
{
    return fixture_find_beside(house->path, sql);
}

static struct db *reader(struct house *house)
{
    struct db *db = NULL;
    MUST(house, store_reader(house->store, 5000, &db, &house->err));
    return db;
}

static void expect_findings(struct house *house, bool (*check)(struct db *, struct strbuf *, struct error *),
                            const char *said)
{
    CLEANUP(store_reader_release) struct db *db = reader(house);
    CLEANUP(strbuf_release) struct strbuf findings = {0};
    MUST(house, check(db, &findings, &house->err));
    if (said ? !strstr(strbuf_text(&findings), said) : findings.length > 0)
        fail_msg("expected '%s', found: %s", said ? said : "nothing", strbuf_text(&findings));
}

static struct tenant add_tenant(struct house *house, const char *id, const char *name)
{
    struct tenant tenant = {0};
    MUST(house, tenant_add(house->store, &keeper, id, name, NULL, &house->arena, &tenant, &house->err));
    return tenant;
}

static struct user add_user(struct house *house, const char *name, const char *role, const char *tenant_id)
{
    struct user user = {0};
    MUST(house, user_add(house->store, &keeper, name, "a good password", role, tenant_id, &house->arena,
                         &user, &house->err));
    return user;
}

/* --- audit */

static void note(struct house *house, const char *action)
{
    struct audit_entry entry = {.action = action,
                                .target_type = "tenant",
                                .target_id = "t1",
                                .before = "{\"name\":\"旧\"}",
                                .after = "{\"name\":\"新\"}",
                                .reason = "a \"reason\"\n"};
    MUST(house, audit_note(house->store, &keeper, &entry, &house->err));
}

static void test_audit(void **state)
{
    struct house *house = *state;
    expect_findings(house, audit_check, NULL);
    for (int i = 0; i < 5; i++)
        note(house, "tenant.update");
    expect_findings(house, audit_check, NULL);
    assert_int_equal(ask(house,
                         "SELECT COUNT(*) FROM ops_logs WHERE user_id = 'usr_op' AND username = 'operator'"
                         " AND ip_address = '10.0.0.1' AND request_id = 'req_people' AND result = 'done'"
                         " AND details = '{\"before\":{\"name\":\"旧\"},\"after\":{\"name\":\"新\"},"
                         "\"reason\":\"a \\\"reason\\\"\\n\"}'"),
                     5);
    struct audit_entry bare = {.action = "x", .result = "refused"};
    MUST(house, audit_note(house->store, &actor_system, &bare, &house->err));
    assert_int_equal(ask(house, "SELECT COUNT(*) FROM ops_logs WHERE username = 'system' AND target_id = ''"
                                " AND details = '{\"before\":null,\"after\":null,\"reason\":null}'"
                                " AND result = 'refused'"),
                     1);
    assert_memory_equal(actor_command_line().username, "cli:", 4);
    expect_findings(house, audit_check, NULL);
}

/* Whatever is altered or removed, the check finds it. */
static void test_audit_tampered(void **state)
{
    struct house *house = *state;
    const bool elsewhere = fixture_is_postgresql();
    const struct {
        const char *meddling, *said;
    } cases[] = {
        {"UPDATE ops_logs SET timestamp = timestamp + 1 WHERE id = 3", "breaks at row 3:"},
        {"UPDATE ops_logs SET user_id = 'usr_x' WHERE id = 3", "breaks at row 3:"},
        {"UPDATE ops_logs SET username = 'x' WHERE id = 3", "breaks at row 3:"},
        {"UPDATE ops_logs SET action = 'x' WHERE id = 3", "breaks at row 3:"},
        {"UPDATE ops_logs SET target_type = 'x' WHERE id = 3", "breaks at row 3:"},
        {"UPDATE ops_logs SET target_id = 'x' WHERE id = 3", "breaks at row 3:"},
        {"UPDATE ops_logs SET details = details || ' ' WHERE id = 3", "breaks at row 3:"},
        /* PostgreSQL's texts have no zero bytes */
        {elsewhere ? "UPDATE ops_logs SET details = details || chr(1) WHERE id = 3"
                   : "UPDATE ops_logs SET details = details || char(0) || 'x' WHERE id = 3",
         "breaks at row 3:"},
        {"UPDATE ops_logs SET ip_address = '' WHERE id = 3", "breaks at row 3:"},
        {"UPDATE ops_logs SET request_id = '' WHERE id = 3", "breaks at row 3:"},
        {"UPDATE ops_logs SET result = 'refused' WHERE id = 3", "breaks at row 3:"},
        /* a byte from one field to the next */
        {"UPDATE ops_logs SET target_type = 'tenan', target_id = 'tt1' WHERE id = 3", "breaks at row 3:"},
        {elsewhere ? "UPDATE ops_logs SET chain_hash = decode(repeat('00', 32), 'hex') WHERE id = 3"
                   : "UPDATE ops_logs SET chain_hash = zeroblob(32) WHERE id = 3",
         "breaks at row 3:"},
        {elsewhere ? "UPDATE ops_logs SET chain_hash = '' WHERE id = 3"
                   : "UPDATE ops_logs SET chain_hash = x'' WHERE id = 3",
         "row 3 has no hash"},
        {"UPDATE ops_logs SET id = 99 WHERE id = 3", "breaks at row 4:"},
        {"DELETE FROM ops_logs WHERE id = 1", "breaks at row 2:"},
        {"DELETE FROM ops_logs WHERE id = 3", "breaks at row 4:"},
        {"DELETE FROM ops_logs WHERE id = 5", "the newest row of the chain is missing"},
        {"DELETE FROM ops_logs", "0 rows of 5 are left"},
        {"DELETE FROM meta WHERE name = 'audit_head'", "head in meta is missing"},
        {"UPDATE meta SET value = 'x' WHERE name = 'audit_head'", "head in meta is damaged"},
        {"INSERT INTO ops_logs(timestamp, user_id, username, action, target_type, target_id, details, "
         "ip_address,"
         " request_id, result, chain_hash) SELECT timestamp, user_id, username, action, target_type, "
         "target_id,"
         " details, ip_address, request_id, result, chain_hash FROM ops_logs WHERE id = 2",
         "breaks at row 6:"},
    };
    for (int i = 0; i < 5; i++)
        note(house, "tenant.update");
    meddle(house,
           "CREATE TABLE kept AS SELECT * FROM ops_logs; CREATE TABLE kept_meta AS SELECT * FROM meta");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        meddle(house, cases[i].meddling);
        expect_findings(house, audit_check, cases[i].said);
        meddle(house, "DELETE FROM ops_logs; INSERT INTO ops_logs SELECT * FROM kept;"
                      "DELETE FROM meta; INSERT INTO meta SELECT * FROM kept_meta");
        expect_findings(house, audit_check, NULL);
    }
}

static void *note_many(void *context)
{
    struct house *house = context;
    struct error err;
    for (int i = 0; i < 25; i++) {
        struct audit_entry entry = {.action = "thread", .target_type = "x", .target_id = "y"};
        if (!audit_note(house->store, &keeper, &entry, &err))
            return context;
    }
    return NULL;
}

static void test_audit_threads(void **state)
{
    struct house *house = *state;
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_create(&threads[i], NULL, note_many, house);
    for (int i = 0; i < 10; i++) /* while rows are being added */
        expect_findings(house, audit_check, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    expect_findings(house, audit_check, NULL);
    assert_int_equal(ask(house, "SELECT COUNT(*) FROM ops_logs"), 100);
}

/* --- tenants and counters */

static void test_tenants(void **state)
{
    struct house *house = *state;
    struct tenant tenant = {0};
    MUST(house, tenant_add(house->store, &keeper, "shop.1", " \t和服　商店　", " 张 13800138000 ",
                           &house->arena, &tenant, &house->err));
    assert_string_equal(tenant.id, "shop.1");
    assert_string_equal(tenant.name, "和服　商店");
    assert_string_equal(tenant.contact, "张 13800138000");
    assert_memory_equal(tenant.api_key, "kmp_", 4);
    assert_string_equal(tenant.status, "active");
    struct tenant other = add_tenant(house, NULL, "Other");
    assert_memory_equal(other.id, "tenant_", 7);
    assert_int_equal(strlen(other.id), 19);
    assert_string_not_equal(other.api_key, tenant.api_key);
    MUST_FAIL(house,
              tenant_add(house->store, &keeper, "shop.1", "Again", NULL, &house->arena, &other, &house->err),
              ERROR_CONFLICT);

    CLEANUP(store_reader_release) struct db *db = reader(house);
    struct tenant found = {0};
    bool is_found;
    MUST(house, tenant_get(db, "shop.1", &house->arena, &found, &house->err));
    assert_string_equal(found.name, tenant.name);
    assert_string_equal(found.contact, tenant.contact);
    assert_int_equal(found.created_at, tenant.created_at);
    assert_int_equal(found.version, 1);
    assert_int_equal(found.last_active_at, INT_NULL);
    assert_int_equal(found.suspended_at, INT_NULL);
    assert_null(found.suspended_reason);
    MUST(house, tenant_by_api_key(db, tenant.api_key, &house->arena, &found, &is_found, &house->err));
    assert_true(is_found);
    assert_string_equal(found.id, "shop.1");
    MUST(house, tenant_by_api_key(db, "kmp_nobody", &house->arena, &found, &is_found, &house->err));
    assert_false(is_found);
    MUST_FAIL(house, tenant_get(db, "nobody", &house->arena, &found, &house->err), ERROR_NOT_FOUND);
    int64_t counters[COUNTER_COUNT];
    MUST(house, counters_read(db, counters, &house->err));
    assert_int_equal(counters[COUNTER_TENANTS], 2);
    assert_int_equal(counters[COUNTER_ACTIVE_TENANTS], 2);
    assert_int_equal(ask(house, "SELECT COUNT(*) FROM ops_logs WHERE action = 'tenant.create'"), 2);
    assert_int_equal(ask(house, "SELECT COUNT(*) FROM ops_logs WHERE details LIKE '%kmp_%'"), 0);
}

static void test_tenant_fields(void **state)
{
    struct house *house = *state;
    char id64[65], id65[66], name64[193], name65[196];
    memset(id64, 'a', 64), id64[64] = '\0';
    memset(id65, 'a', 65), id65[65] = '\0';
    name64[0] = name65[0] = '\0';
    for (int i = 0; i < 65; i++) {
        strcat(name65, "店");
        if (i < 64)
            strcat(name64, "店");
    }
    const struct {
        const char *id, *name, *contact;
        size_t wrong;
        const char *first;
    } cases[] = {
        {id64, name64, "", 0, NULL},  {id65, "x", "", 1, "id"},         {"", "x", "", 1, "id"},
        {"a b", "x", "", 1, "id"},    {"..", "x", "", 1, "id"},         {".a", "x", "", 1, "id"},
        {"商家", "x", "", 1, "id"},   {"a/b", "x", "", 1, "id"},        {"A_b-c.9", "x", NULL, 0, NULL},
        {"t", "", "", 1, "name"},     {"t", " 　\t", "", 1, "name"},    {"t", NULL, "", 1, "name"},
        {"t", name65, "", 1, "name"}, {"t", "a\nb", "", 1, "name"},     {"t", "a\x01", "", 1, "name"},
        {"t", "\xff", "", 1, "name"}, {"t", "\xc2\x85", "", 1, "name"}, {"t", "x", "a\tb", 1, "contact"},
        {"", "", "\x7f", 3, "id"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tenant tenant;
        error_clear(&house->err);
        bool added = tenant_add(house->store, &keeper, cases[i].id, cases[i].name, cases[i].contact,
                                &house->arena, &tenant, &house->err);
        assert_int_equal(added, cases[i].wrong == 0);
        assert_int_equal(house->err.field_count, cases[i].wrong);
        if (cases[i].wrong)
            assert_string_equal(house->err.fields[0].field, cases[i].first);
    }
    expect_findings(house, counters_check, NULL);
    expect_findings(house, audit_check, NULL);
}

struct listing {
    char text[256];
    int limit;
};

static bool list_tenant(void *context, const struct tenant *tenant)
{
    struct listing *listing = context;
    strcat(strcat(listing->text, tenant->id), " ");
    return --listing->limit != 0;
}

static void test_tenant_list(void **state)
{
    struct house *house = *state;
    add_tenant(house, "b", "Two");
    add_tenant(house, "a", "One");
    add_tenant(house, "c", "Three");
    CLEANUP(store_reader_release) struct db *db = reader(house);
    struct listing all = {.limit = -1}, two = {.limit = 2};
    MUST(house, tenant_list(db, list_tenant, &all, &house->err));
    assert_string_equal(all.text, "a b c ");
    MUST(house, tenant_list(db, list_tenant, &two, &house->err));
    assert_string_equal(two.text, "a b ");
}

/* What the services do in their transactions. */
static bool busy_work(struct db *db, void *context, struct error *err)
{
    int64_t *revisions = context;
    return tenant_next_revision(db, "t1", &revisions[0], err) &&
           tenant_next_revision(db, "t1", &revisions[1], err) && tenant_count_pairs(db, "t1", 5, 3, err) &&
           tenant_count_pairs(db, "t1", -1, -1, err) && tenant_count_pairs(db, "t1", 0, 0, err) &&
           tenant_count_pending(db, "t1", 2, err) && tenant_touch(db, "t1", 2000, err) &&
           tenant_touch(db, "t1", 1000, err);
}

static bool unknown_work(struct db *db, void *context, struct error *err)
{
    int64_t revision;
    switch (*(int *)context) {
    case 0: return tenant_next_revision(db, "nobody", &revision, err);
    case 1: return tenant_count_pairs(db, "nobody", 1, 0, err);
    case 2: return tenant_count_pending(db, "nobody", 1, err);
    default: return tenant_count_users(db, "nobody", 1, err);
    }
}

static void test_tenant_counts(void **state)
{
    struct house *house = *state;
    int64_t revisions[2], counters[COUNTER_COUNT];
    struct tenant tenant;
    add_tenant(house, "t1", "One");
    MUST(house, store_write(house->store, busy_work, revisions, &house->err));
    assert_int_equal(revisions[0], 1);
    assert_int_equal(revisions[1], 2);
    CLEANUP(store_reader_release) struct db *db = reader(house);
    MUST(house, tenant_get(db, "t1", &house->arena, &tenant, &house->err));
    assert_int_equal(tenant.knowledge_revision, 2);
    assert_int_equal(tenant.qa_pair_count, 4);
    assert_int_equal(tenant.unsynced_count, 2);
    assert_int_equal(tenant.pending_feedback_count, 2);
    assert_int_equal(tenant.last_active_at, 2000);
    MUST(house, counters_read(db, counters, &house->err));
    assert_int_equal(counters[COUNTER_QA_PAIRS], 4);
    assert_int_equal(counters[COUNTER_UNSYNCED_QA_PAIRS], 2);
    assert_int_equal(counters[COUNTER_PENDING_FEEDBACKS], 2);
    for (int i = 0; i < 4; i++)
        MUST_FAIL(house, store_write(house->store, unknown_work, &i, &house->err), ERROR_NOT_FOUND);
}

#define PAIR                                                                                                 \
    "INSERT INTO qa_pairs(tenant_id, question, answer, question_hash, question_key, text_hash, revision,"    \
    " created_at, updated_at, is_synced, deleted_at) VALUES ('t1', 'q', 'a', 0, 0, 0, 1, 0, 0, "

/* Each counter that does not agree with the rows is named. */
static void test_counters_check(void **state)
{
    struct house *house = *state;
    add_tenant(house, "t1", "One");
    add_tenant(house, "t2", "Two");
    add_user(house, "mei", "tenant_admin", "t1");
    add_user(house, "root", "ops_admin", NULL);
    MUST(house, user_disable(house->store, &keeper, "mei", &house->err)); /* still a user */
    expect_findings(house, counters_check, NULL);
    const struct {
        const char *meddling, *mending;
        const char *said[2];
    } cases[] = {
        {"UPDATE platform_counters SET value = 7 WHERE name = 'tenants'",
         "UPDATE platform_counters SET value = 2 WHERE name = 'tenants'",
         {"platform counter tenants is 7, counted 2", NULL}},
        {"UPDATE tenants SET status = 'suspended' WHERE id = 't2'",
         "UPDATE tenants SET status = 'active'",
         {"platform counter active_tenants is 2, counted 1", NULL}},
        {"UPDATE tenants SET version = 5 WHERE id = 't1'",
         "UPDATE tenants SET version = 1 WHERE id = 't1'",
         {"platform counter tenant_edits is 2, counted 6", NULL}},
        {PAIR "1, NULL)",
         "DELETE FROM qa_pairs",
         {"platform counter qa_pairs is 0, counted 1", "qa_pair_count of tenant t1 is 0, counted 1"}},
        {PAIR "0, NULL)",
         "DELETE FROM qa_pairs",
         {"platform counter unsynced_qa_pairs is 0, counted 1",
          "unsynced_count of tenant t1 is 0, counted 1"}},
        {PAIR "0, 5)", "DELETE FROM qa_pairs", {NULL, NULL}}, /* deleted pairs do not count */
        {"UPDATE tenants SET user_count = 0 WHERE id = 't1'",
         "UPDATE tenants SET user_count = 1 WHERE id = 't1'",
         {"user_count of tenant t1 is 0, counted 1", NULL}},
        {"UPDATE tenants SET user_count = 3 WHERE id = 't2'",
         "UPDATE tenants SET user_count = 0 WHERE id = 't2'",
         {"user_count of tenant t2 is 3, counted 0", NULL}},
        {"INSERT INTO conversations(id, public_id, tenant_id, started_at, last_message_at)"
         " VALUES (1, 'c', 't1', 0, 0);"
         "INSERT INTO messages(id, public_id, conversation_id, tenant_id, created_at, question, answer, "
         "answered,"
         " latency_ms, model, sources, request_id) VALUES (1, 'm', 1, 't1', 0, 'q', 'a', 1, 1, 'm', '[]', "
         "'r');"
         "INSERT INTO feedbacks(tenant_id, message_id, rating, status, created_at)"
         " VALUES ('t1', 1, 'bad', 'pending', 0)",
         "DELETE FROM feedbacks",
         {"platform counter pending_feedbacks is 0, counted 1",
          "pending_feedback_count of tenant t1 is 0, counted 1"}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        meddle(house, cases[i].meddling);
        expect_findings(house, counters_check, cases[i].said[0]);
        expect_findings(house, counters_check, cases[i].said[1] ? cases[i].said[1] : cases[i].said[0]);
        meddle(house, cases[i].mending);
        expect_findings(house, counters_check, NULL);
    }
}

/* --- users */

static void test_users(void **state)
{
    struct house *house = *state;
    add_tenant(house, "t1", "One");
    struct user user = add_user(house, "Mei.Lin@Shop", "tenant_admin", "t1");
    assert_string_equal(user.username, "mei.lin@shop");
    assert_memory_equal(user.id, "usr_", 4);
    struct user other;
    MUST_FAIL(house,
              user_add(house->store, &keeper, "MEI.LIN@SHOP", "a good password", "ops_admin", NULL,
                       &house->arena, &other, &house->err),
              ERROR_CONFLICT);
    CLEANUP(store_reader_release) struct db *db = reader(house);
    bool found;
    MUST(house, user_find(db, "MEI.lin@shop", &house->arena, &other, &found, &house->err));
    assert_true(found);
    assert_string_equal(other.id, user.id);
    assert_int_equal(other.last_login_at, INT_NULL);
    MUST(house, user_find(db, "no such", &house->arena, &other, &found, &house->err));
    assert_false(found);
    assert_int_equal(ask(house, "SELECT user_count FROM tenants WHERE id = 't1'"), 1);
    assert_int_equal(ask(house, "SELECT COUNT(*) FROM ops_logs WHERE details LIKE '%password%'"), 0);
    assert_int_equal(ask(house, "SELECT COUNT(*) FROM ops_logs WHERE action = 'user.create'"), 1);
    expect_findings(house, counters_check, NULL);
}

static void test_user_fields(void **state)
{
    struct house *house = *state;
    char name65[66];
    memset(name65, 'a', 65), name65[65] = '\0';
    add_tenant(house, "t1", "One");
    const struct {
        const char *name, *password, *role, *tenant;
        size_t wrong;
        const char *first;
    } cases[] = {
        {"", "a good password", "ops_admin", NULL, 1, "username"},
        {NULL, "a good password", "ops_admin", NULL, 1, "username"},
        {name65, "a good password", "ops_admin", NULL, 1, "username"},
        {"a b", "a good password", "ops_admin", NULL, 1, "username"},
        {"梅", "a good password", "ops_admin", NULL, 1, "username"},
        {"x", "short", "ops_admin", NULL, 1, "password"},
        {"x", "a good password", "root", NULL, 1, "role"},
        {"x", "a good password", NULL, NULL, 1, "role"},
        {"x", "a good password", "ingest", NULL, 1, "role"},
        {"x", "a good password", "ops_admin", "t1", 1, "tenant_id"},
        {"x", "a good password", "ops_viewer", "t1", 1, "tenant_id"},
        {"x", "a good password", "tenant_admin", NULL, 1, "tenant_id"},
        {"x", "a good password", "tenant_staff", "nobody", 1, "tenant_id"},
        {"", "", "", NULL, 3, "username"},
        {name65 + 1, "a good password", "tenant_staff", "t1", 0, NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct user user;
        error_clear(&house->err);
        bool added = user_add(house->store, &keeper, cases[i].name, cases[i].password, cases[i].role,
                              cases[i].tenant, &house->arena, &user, &house->err);
        assert_int_equal(added, cases[i].wrong == 0);
        assert_int_equal(house->err.field_count, cases[i].wrong);
        if (cases[i].wrong)
            assert_string_equal(house->err.fields[0].field, cases[i].first);
    }
    expect_findings(house, counters_check, NULL);
}

static bool list_user(void *context, const struct user *user)
{
    struct listing *listing = context;
    strcat(strcat(strcat(listing->text, user->username), user->status[0] == 'd' ? "!" : ""), " ");
    return --listing->limit != 0;
}

static void test_user_list_and_disable(void **state)
{
    struct house *house = *state;
    add_user(house, "bob", "ops_viewer", NULL);
    add_user(house, "alice", "ops_admin", NULL);
    MUST(house, user_disable(house->store, &keeper, "BOB", &house->err));
    MUST_FAIL(house, user_disable(house->store, &keeper, "bob", &house->err), ERROR_CONFLICT);
    MUST_FAIL(house, user_disable(house->store, &keeper, "nobody", &house->err), ERROR_NOT_FOUND);
    MUST_FAIL(house, user_set_password(house->store, &keeper, "nobody", "a good password", &house->err),
              ERROR_NOT_FOUND);
    MUST_FAIL(house, user_set_password(house->store, &keeper, "alice", "short", &house->err), ERROR_INVALID);
    CLEANUP(store_reader_release) struct db *db = reader(house);
    struct listing all = {.limit = -1};
    MUST(house, user_list(db, list_user, &all, &house->err));
    assert_string_equal(all.text, "alice bob! ");
    assert_int_equal(ask(house, "SELECT COUNT(*) FROM ops_logs WHERE action = 'user.disable'"
                                " AND details LIKE '%\"before\":{%\"status\":\"active\"%}%'"
                                " AND details LIKE '%\"after\":{%\"status\":\"disabled\"%}%'"),
                     1);
}

static void test_roles(void **state)
{
    (void)state;
    const char *const names[] = {"ops_admin",    "ops_viewer", "tenant_admin",
                                 "tenant_staff", "ingest",     "metrics"};
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        enum role parsed;
        assert_string_equal(role_name(role), names[role]);
        assert_true(role_parse(names[role], &parsed));
        assert_int_equal(parsed, role);
        assert_int_equal(role_is_of_tenant(role), strncmp(names[role], "tenant_", 7) == 0);
    }
    enum role role;
    assert_false(role_parse("*", &role));
    assert_false(role_parse(NULL, &role));
}

/* --- log-in */

static struct auth_session log_in(struct house *house, const char *name)
{
    struct auth_session session = {0};
    MUST(house, auth_login(&house->platform, name, "a good password", "10.0.0.9", "req_login", &house->arena,
                           &session, &house->err));
    return session;
}

static bool try_login(struct house *house, const char *name, const char *password)
{
    struct auth_session session;
    return auth_login(&house->platform, name, password, "10.0.0.9", "req_login", &house->arena, &session,
                      &house->err);
}

static bool check(struct house *house, const char *token, struct principal *ret_principal)
{
    return auth_check(&house->platform, token, TENANT_GATE_TOKEN, &house->arena, ret_principal, &house->err);
}

static bool refresh(struct house *house, const char *token, struct auth_session *ret_session)
{
    return auth_refresh(&house->platform, token, "10.0.0.9", "req_refresh", &house->arena, ret_session,
                        &house->err);
}

static void test_login(void **state)
{
    struct house *house = *state;
    struct principal principal;
    add_tenant(house, "t1", "One");
    struct user mei = add_user(house, "mei", "tenant_admin", "t1");
    struct auth_session session = log_in(house, "MEI");
    assert_int_equal(session.expires_in, 900);
    assert_string_equal(session.principal.username, "mei");
    MUST(house, check(house, session.access_token, &principal));
    assert_string_equal(principal.user_id, mei.id);
    assert_string_equal(principal.username, "mei");
    assert_int_equal(principal.role, ROLE_TENANT_ADMIN);
    assert_string_equal(principal.tenant_id, "t1");
    assert_string_equal(principal.session_id, session.principal.session_id);
    assert_true(ask(house, "SELECT last_login_at FROM users") > 0);
    assert_int_equal(ask(house, "SELECT last_active_at FROM tenants"),
                     ask(house, "SELECT last_login_at FROM users"));
    assert_int_equal(ask(house,
                         "SELECT COUNT(*) FROM ops_logs WHERE action = 'auth.login' AND result = 'done'"
                         " AND username = 'mei' AND ip_address = '10.0.0.9' AND request_id = 'req_login'"),
                     1);
    /* a session for each log-in */
    struct auth_session second = log_in(house, "mei");
    assert_string_not_equal(second.principal.session_id, session.principal.session_id);
    MUST(house, auth_logout(&house->platform, &session.principal, "10.0.0.9", "req_out", &house->err));
    MUST_FAIL(house, check(house, session.access_token, &principal), ERROR_UNAUTHENTICATED);
    MUST(house, check(house, second.access_token, &principal));
    assert_int_equal(ask(house, "SELECT COUNT(*) FROM ops_logs WHERE action = 'auth.logout'"), 1);
    expect_findings(house, audit_check, NULL);
}

/* Unknown, wrong and disabled cannot be told apart by what is said; the audit log knows. */
static void test_login_refused(void **state)
{
    struct house *house = *state;
    add_user(house, "root", "ops_admin", NULL);
    add_user(house, "gone", "ops_admin", NULL);
    MUST(house, user_disable(house->store, &keeper, "gone", &house->err));
    const struct {
        const char *name, *password, *reason;
    } cases[] = {
        {"root", "a wrong password", "wrong password"},
        {"root", "", "wrong password"},
        {"nobody", "a good password", "unknown user"},
        {"gone", "a good password", "the user is disabled"},
        {"gone", "a wrong password", "wrong password"},
        {"my secret password!", "root", "unknown user"},
        {"", "", "unknown user"},
    };
    char said[LANGUAGE_COUNT][384] = {""};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char sql[300];
        MUST_FAIL(house, try_login(house, cases[i].name, cases[i].password), ERROR_UNAUTHENTICATED);
        if (i == 0)
            memcpy(said, house->err.detail, sizeof(said));
        assert_string_equal(house->err.detail[LANGUAGE_EN], said[LANGUAGE_EN]);
        assert_string_equal(house->err.detail[LANGUAGE_ZH], said[LANGUAGE_ZH]);
        snprintf(sql, sizeof(sql),
                 "SELECT COUNT(*) FROM ops_logs WHERE id = (SELECT MAX(id) FROM ops_logs) AND action = "
                 "'auth.login'"
                 " AND result = 'refused' AND details LIKE '%%\"reason\":\"%s\"}'",
                 cases[i].reason);
        assert_int_equal(ask(house, sql), 1);
    }
    assert_int_equal(ask(house, "SELECT COUNT(*) FROM ops_logs WHERE username LIKE '%secret%'"), 0);
    assert_int_equal(
        ask(house, "SELECT COUNT(*) FROM ops_logs WHERE details LIKE '%good%' OR details LIKE '%a wrong%'"),
        0);
    assert_int_equal(ask(house, "SELECT COUNT(*) FROM sessions"), 0);
}

/* Of this thread, which hashes: machines are busy. */
static double processor_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double login_seconds(struct house *house, const char *name, const char *password)
{
    double start = processor_seconds();
    for (int i = 0; i < 3; i++)
        try_login(house, name, password);
    return processor_seconds() - start;
}

static void test_login_time(void **state)
{
    static const struct setting_flag unlimited[] = {{"rate_limits", "off"}, {NULL, NULL}};
    struct house *house = *state;
    MUST(house, settings_load(&house->platform.settings, NULL, unlimited, &house->err));
    add_user(house, "root", "ops_admin", NULL);
    add_user(house, "gone", "ops_admin", NULL);
    MUST(house, user_disable(house->store, &keeper, "gone", &house->err));
    double wrong = login_seconds(house, "root", "a wrong password");
    const char *const others[] = {"nobody", "gone", "not a name"};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        double ratio = login_seconds(house, others[i], "a good password") / wrong;
        if (!(ratio > 0.5 && ratio < 2))
            fail_msg("%s: %g times as long", others[i], ratio);
    }
}

/* A disabled user, a new password: everything of the user ends at once, whoever did it. */
static void test_sessions_end(void **state)
{
    struct house *house = *state;
    struct principal principal;
    struct auth_session next;
    add_user(house, "root", "ops_admin", NULL);
    struct auth_session session = log_in(house, "root");
    MUST(house, user_set_password(house->store, &keeper, "root", "another password", &house->err));
    MUST_FAIL(house, check(house, session.access_token, &principal), ERROR_UNAUTHENTICATED);
    MUST_FAIL(house, refresh(house, session.refresh_token, &next), ERROR_UNAUTHENTICATED);
    MUST_FAIL(house, try_login(house, "root", "a good password"), ERROR_UNAUTHENTICATED);
    MUST(house, user_set_password(house->store, &keeper, "root", "a good password", &house->err));
    session = log_in(house, "root");
    MUST(house, check(house, session.access_token, &principal));
    meddle(house, "UPDATE users SET status = 'disabled'"); /* another process */
    MUST_FAIL(house, check(house, session.access_token, &principal), ERROR_UNAUTHENTICATED);
    MUST_FAIL(house, refresh(house, session.refresh_token, &next), ERROR_UNAUTHENTICATED);
    meddle(house, "UPDATE users SET status = 'active'");
    MUST(house, check(house, session.access_token, &principal));
    MUST(house, user_disable(house->store, &keeper, "root", &house->err));
    meddle(house, "UPDATE users SET status = 'active'"); /* the sessions stay ended */
    MUST_FAIL(house, check(house, session.access_token, &principal), ERROR_UNAUTHENTICATED);
}

static void test_suspended(void **state)
{
    struct house *house = *state;
    struct principal principal;
    struct auth_session next;
    const char *api_token;
    add_tenant(house, "t1", "One");
    add_user(house, "mei", "tenant_staff", "t1");
    add_user(house, "root", "ops_admin", NULL);
    struct auth_session mei = log_in(house, "mei"), root = log_in(house, "root");
    MUST(house, api_token_add(house->store, &keeper, "sender", "ingest", "t1", &house->arena, &api_token,
                              &house->err));
    meddle(house, "UPDATE tenants SET status = 'suspended'");
    MUST_FAIL(house, check(house, mei.access_token, &principal), ERROR_TENANT_SUSPENDED);
    MUST_FAIL(house, refresh(house, mei.refresh_token, &next), ERROR_TENANT_SUSPENDED);
    MUST_FAIL(house, try_login(house, "mei", "a good password"), ERROR_TENANT_SUSPENDED);
    MUST_FAIL(house, try_login(house, "mei", "a wrong password"), ERROR_UNAUTHENTICATED);
    MUST(house, check(house, root.access_token, &principal));
    MUST_FAIL(house, check(house, api_token, &principal), ERROR_TENANT_SUSPENDED);
    MUST(house, auth_check(&house->platform, api_token, TENANT_GATE_OPEN, &house->arena, &principal,
                           &house->err)); /* where the route says so */
    meddle(house, "UPDATE tenants SET status = 'active'");
    MUST(house, check(house, api_token, &principal));
    MUST(house, check(house, mei.access_token, &principal));
    MUST(house, refresh(house, mei.refresh_token, &next)); /* the refused try did not use it up */
}

static void test_refresh(void **state)
{
    struct house *house = *state;
    struct principal principal;
    struct auth_session second, third, ignored;
    add_user(house, "root", "ops_admin", NULL);
    struct auth_session first = log_in(house, "root");
    MUST(house, refresh(house, first.refresh_token, &second));
    assert_string_equal(second.principal.session_id, first.principal.session_id);
    assert_string_equal(second.principal.username, "root");
    assert_string_not_equal(second.refresh_token, first.refresh_token);
    MUST(house, refresh(house, second.refresh_token, &third));
    MUST(house, check(house, third.access_token, &principal));
    MUST(house, check(house, first.access_token, &principal));
    /* the first one again: somebody has stolen it, or had it stolen */
    MUST_FAIL(house, refresh(house, first.refresh_token, &ignored), ERROR_UNAUTHENTICATED);
    MUST_FAIL(house, refresh(house, third.refresh_token, &ignored), ERROR_UNAUTHENTICATED);
    MUST_FAIL(house, check(house, third.access_token, &principal), ERROR_UNAUTHENTICATED);
    assert_int_equal(ask(house, "SELECT COUNT(*) FROM ops_logs WHERE action = 'auth.refresh_reuse'"
                                " AND result = 'refused' AND username = 'root' AND target_type = 'session'"),
                     1);
    const char *const wrong[] = {"", "kmr_", third.access_token,
                                 "kmr_ses_nobody.0123456789012345678901234567890123456789abc"};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        MUST_FAIL(house, refresh(house, wrong[i], &ignored), ERROR_UNAUTHENTICATED);
    assert_int_equal(ask(house, "SELECT COUNT(*) FROM ops_logs WHERE details LIKE '%kmr_%'"), 0);
    expect_findings(house, audit_check, NULL);
}

/* The answer was lost, or two tabs have asked: for a while the same is answered again. */
static void test_refresh_again(void **state)
{
    struct house *house = *state;
    struct auth_session second, again, third, ignored;
    add_user(house, "root", "ops_admin", NULL);
    struct auth_session first = log_in(house, "root");
    MUST(house, refresh(house, first.refresh_token, &second));
    MUST(house, refresh(house, first.refresh_token, &again));
    assert_string_equal(again.refresh_token, second.refresh_token);
    MUST(house, refresh(house, second.refresh_token, &third));
    assert_int_equal(ask(house, "SELECT COUNT(*) FROM ops_logs WHERE action = 'auth.refresh_reuse'"), 0);
    meddle(house, "UPDATE sessions SET refreshed_at = refreshed_at - 31000");
    MUST_FAIL(house, refresh(house, second.refresh_token, &ignored), ERROR_UNAUTHENTICATED);
    MUST_FAIL(house, refresh(house, third.refresh_token, &ignored), ERROR_UNAUTHENTICATED);
    assert_non_null(strstr(house->err.detail[LANGUAGE_EN], "a second time"));
    assert_int_equal(ask(house, "SELECT COUNT(*) FROM ops_logs WHERE action = 'auth.refresh_reuse'"), 1);
}

/* Whoever holds the session's tokens hears why it ended, nobody else. */
static void test_why_a_session_ended(void **state)
{
    struct house *house = *state;
    static const char *const said[] = {"logged out", "password was changed", "disabled", "run out"};
    struct actor actor = actor_command_line();
    add_user(house, "root", "ops_admin", NULL);
    for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
        struct principal principal;
        struct auth_session ignored, session = log_in(house, "root");
        if (i == 0)
            MUST(house, auth_logout(&house->platform, &session.principal, "", "", &house->err));
        else if (i == 1)
            MUST(house, user_set_password(house->store, &actor, "root", "a good password", &house->err));
        else if (i == 2)
            MUST(house, user_disable(house->store, &actor, "root", &house->err));
        else
            meddle(house, "UPDATE sessions SET expires_at = 1000");
        MUST_FAIL(house, check(house, session.access_token, &principal), ERROR_UNAUTHENTICATED);
        assert_non_null(strstr(house->err.detail[LANGUAGE_EN], said[i]));
        MUST_FAIL(house, refresh(house, session.refresh_token, &ignored), ERROR_UNAUTHENTICATED);
        assert_non_null(strstr(house->err.detail[LANGUAGE_EN], said[i]));
        char forged[TOKEN_SIZE];
        token_refresh_make(session.principal.session_id, forged);
        MUST_FAIL(house, refresh(house, forged, &ignored), ERROR_UNAUTHENTICATED);
        assert_null(strstr(house->err.detail[LANGUAGE_EN], said[i]));
        if (i == 2)
            meddle(house, "UPDATE users SET status = 'active'");
    }
}

static void test_known_holder(void **state)
{
    struct house *house = *state;
    static const struct {
        const char *name, *holder;
        bool known;
    } cases[] = {
        {"root", "10.0.0.1", true},           {"root", "10.0.0.2", false},   {"root", "2001:db8::/64", true},
        {"root", "2001:db8:0:1::/64", false}, {"nobody", "10.0.0.1", false}, {"no name", "10.0.0.1", false},
    };
    add_user(house, "root", "ops_admin", NULL);
    log_in(house, "root");
    meddle(house, "UPDATE sessions SET ip_address = '10.0.0.1'");
    log_in(house, "root");
    meddle(house, "UPDATE sessions SET ip_address = '2001:db8::7' WHERE ip_address <> '10.0.0.1'");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(store_reader_release) struct db *db = reader(house);
        bool known;
        MUST(house, sessions_include_holder(db, cases[i].name, cases[i].holder, &known, &house->err));
        assert_int_equal(known, cases[i].known);
    }
}

/* --- the key that signs tokens */

struct key_loading {
    struct house *house;
    unsigned char key[SIGNING_KEY_SIZE];
    bool loaded;
};

static void *load_key(void *context)
{
    struct key_loading *loading = context;
    struct error err;
    loading->loaded = signing_key_load(loading->house->store, NULL, loading->key, &err);
    return NULL;
}

/* Whoever makes it, all have the same one; another store has another. */
static void test_signing_key_in_the_store(void **state)
{
    struct house *house = *state;
    struct key_loading loadings[4];
    pthread_t threads[ARRAY_SIZE(loadings)];
    static const unsigned char none[SIGNING_KEY_SIZE];
    unsigned char other[SIGNING_KEY_SIZE];
    for (size_t i = 0; i < ARRAY_SIZE(loadings); i++) {
        loadings[i] = (struct key_loading){.house = house};
        pthread_create(&threads[i], NULL, load_key, &loadings[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(loadings); i++)
        pthread_join(threads[i], NULL);
    assert_memory_not_equal(loadings[0].key, none, sizeof(none));
    for (size_t i = 0; i < ARRAY_SIZE(loadings); i++) {
        assert_true(loadings[i].loaded);
        assert_memory_equal(loadings[i].key, loadings[0].key, sizeof(none));
    }
    meddle(house, "DELETE FROM signing_keys");
    MUST(house, signing_key_load(house->store, NULL, other, &house->err));
    assert_memory_not_equal(other, loadings[0].key, sizeof(none));
    meddle(house, fixture_is_postgresql() ? "UPDATE signing_keys SET bytes = '\\x00'"
                                          : "UPDATE signing_keys SET bytes = x'00'");
    MUST_FAIL(house, signing_key_load(house->store, NULL, other, &house->err), ERROR_INTERNAL);
}

/* --- too many wrong passwords */

static bool try_from(struct platform *platform, struct house *house, const char *address, const char *name,
                     const char *password)
{
    struct auth_session session;
    return auth_login(platform, name, password, address, "req_login", &house->arena, &session, &house->err);
}

/* Two platforms on one store, as two processes are. */
static void test_login_limit_of_an_account(void **state)
{
    struct house *house = *state;
    struct platform other = house->platform;
    struct store_options options = {.path = house->path,
                                    .migrations = main_migrations,
                                    .migration_count = main_migration_count,
                                    .tokenize = full_text_tokens};
    char address[32];
    add_user(house, "root", "ops_admin", NULL);
    add_user(house, "else", "ops_admin", NULL);
    MUST(house, store_open(&other.store, &options, &house->err));
    log_in(house, "root"); /* from 10.0.0.9 */
    assert_int_equal(ask(house, "SELECT COUNT(*) FROM login_failures"), 0);
    for (int i = 0; i < 20; i++) {
        snprintf(address, sizeof(address), "192.0.2.%d", i);
        MUST_FAIL(
            house,
            try_from(i % 2 ? &other : &house->platform, house, address, i % 3 ? "root" : "ROOT", "wrong"),
            ERROR_UNAUTHENTICATED);
    }
    MUST_FAIL(house, try_from(&house->platform, house, "192.0.2.77", "root", "a good password"),
              ERROR_RATE_LIMITED);
    assert_true(house->err.retry_after_seconds >= 1 && house->err.retry_after_seconds <= 30);
    MUST_FAIL(house, try_from(&other, house, "192.0.2.78", "Root", "a good password"), ERROR_RATE_LIMITED);
    MUST(house, try_from(&other, house, "192.0.2.77", "else", "a good password"));
    MUST(house, try_from(&other, house, "10.0.0.9", "root", "a good password"));
    assert_int_equal(ask(house, "SELECT COUNT(*) FROM login_failures WHERE kind = 'account'"), 1);
    assert_int_equal(ask(house, "SELECT COUNT(*) FROM login_failures WHERE kind = 'address'"), 20);
    meddle(house, "UPDATE login_failures SET counts_until = counts_until - 30000 WHERE kind = 'account'");
    MUST(house, try_from(&other, house, "192.0.2.79", "root", "a good password"));
    assert_int_equal(ask(house, "SELECT COUNT(*) FROM ops_logs WHERE action = 'auth.login'"), 1 + 20 + 3);
    store_close(other.store);
}

static void test_login_limit_of_an_address(void **state)
{
    struct house *house = *state;
    add_user(house, "root", "ops_admin", NULL);
    for (int i = 0; i < 10; i++)
        MUST_FAIL(house, try_from(&house->platform, house, "2001:db8::1", "not a name", "x"),
                  ERROR_UNAUTHENTICATED);
    MUST_FAIL(house, try_from(&house->platform, house, "2001:db8::2", "root", "a good password"),
              ERROR_RATE_LIMITED);
    MUST(house, try_from(&house->platform, house, "2001:db8:0:1::1", "root", "a good password"));
    /* the clock was set back a day: what lies farther ahead than failures add up to is no failure */
    meddle(house, "UPDATE login_failures SET counts_until = counts_until + 86400000");
    MUST(house, try_from(&house->platform, house, "2001:db8::2", "root", "a good password"));
    int64_t deleted;
    MUST(house, auth_sweep(&house->platform, &deleted, &house->err));
    assert_int_equal(ask(house, "SELECT COUNT(*) FROM login_failures"), 0);
}

struct failing {
    struct house *house;
    int first, count, welcome;
    const char *holder; /* NULL: another for each */
    int64_t now;
};

static bool fail_work(struct db *db, void *context, struct error *err)
{
    struct failing *failing = context;
    struct login_callers callers;
    char holder[32];
    failing->welcome = 0;
    for (int i = 0; i < failing->count; i++) {
        snprintf(holder, sizeof(holder), "10.%d", failing->first + i);
        login_callers_make(failing->house->platform.signer, failing->holder ? failing->holder : holder, "",
                           false, &callers);
        failing->welcome += login_limit_check(db, &callers, failing->now, NULL);
        if (!login_limit_count(db, &callers, failing->now, err))
            return false;
    }
    return true;
}

#define FAILING_AT INT64_C(1700000000000) /* all of them at one instant, however long the test takes */

static int fail_from(struct house *house, const char *holder, int first, int count)
{
    struct failing failing = {house, first, count, 0, holder, FAILING_AT};
    MUST(house, store_write(house->store, fail_work, &failing, &house->err));
    return failing.welcome;
}

/* As many callers as there is room for, with one failure each: their hashes begin in all 4096 ways. */
static void fill_failures(struct house *house)
{
    char sql[512];
    snprintf(sql, sizeof(sql),
             "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < %d)"
             " INSERT INTO login_failures(kind, caller, counts_until)"
             " SELECT 'address', %s || '-' || n, %" PRId64 " FROM numbers",
             LOGIN_LIMIT_ROWS - 1,
             fixture_is_postgresql() ? "lpad(to_hex(n % 4096), 3, '0')" : "printf('%03x', n % 4096)",
             FAILING_AT + 6000);
    meddle(house, sql);
}

/* However many come, there are so many rows; and those who have used up what is theirs are not made forgotten. */
static void test_login_limit_is_bounded(void **state)
{
    struct house *house = *state;
    fill_failures(house);
    assert_int_equal(fail_from(house, "203.0.113.1", 0, 12), 10);
    fail_from(house, NULL, 0, 4000);
    int64_t rows = ask(house, "SELECT COUNT(*) FROM login_failures");
    assert_int_equal(rows, LOGIN_LIMIT_ROWS);
    assert_int_equal(fail_from(house, "203.0.113.1", 0, 1), 0);
    /* what has passed goes with the failures that come */
    meddle(house, "UPDATE login_failures SET counts_until = 1");
    fail_from(house, NULL, 50000, 1000);
    assert_in_range(ask(house, "SELECT COUNT(*) FROM login_failures"), 1, rows - 7 * 1000 + 8);
}

static void test_expiry(void **state)
{
    struct house *house = *state;
    struct principal principal;
    struct auth_session next;
    add_user(house, "root", "ops_admin", NULL);
    struct auth_session session = log_in(house, "root");
    meddle(house, "UPDATE sessions SET expires_at = 1000");
    MUST_FAIL(house, check(house, session.access_token, &principal), ERROR_UNAUTHENTICATED);
    MUST_FAIL(house, refresh(house, session.refresh_token, &next), ERROR_UNAUTHENTICATED);
    session = log_in(house, "root");
    int64_t deleted;
    MUST(house, auth_sweep(&house->platform, &deleted, &house->err));
    assert_int_equal(deleted, 1);
    MUST(house, check(house, session.access_token, &principal));
    assert_int_equal(ask(house, "SELECT COUNT(*) FROM sessions"), 1);
    /* an access token lives 15 minutes, whatever its session */
    struct strbuf old = {0};
    int64_t now = clock_now_ms() / 1000;
    struct access_claims claims = {.issued_at = now - 1000, .expires_at = now - 100};
    snprintf(claims.user_id, sizeof(claims.user_id), "%s", principal.user_id);
    snprintf(claims.session_id, sizeof(claims.session_id), "%s", principal.session_id);
    MUST(house, token_sign(house->platform.signer, &claims, &old, &house->err));
    MUST_FAIL(house, check(house, strbuf_text(&old), &principal), ERROR_UNAUTHENTICATED);
    /* a good signature over a session of somebody else */
    strbuf_reset(&old);
    claims.expires_at = now + 100;
    snprintf(claims.user_id, sizeof(claims.user_id), "usr_x");
    MUST(house, token_sign(house->platform.signer, &claims, &old, &house->err));
    MUST_FAIL(house, check(house, strbuf_text(&old), &principal), ERROR_UNAUTHENTICATED);
    strbuf_release(&old);
}

/* --- API tokens */

static bool list_token(void *context, const struct api_token *token)
{
    struct listing *listing = context;
    strcat(strcat(strcat(listing->text, token->name), token->revoked_at == INT_NULL ? "" : "!"), " ");
    return --listing->limit != 0;
}

static void test_api_tokens(void **state)
{
    struct house *house = *state;
    struct principal principal;
    const char *token, *other;
    add_tenant(house, "t1", "One");
    MUST(house,
         api_token_add(house->store, &keeper, "Sender", "ingest", NULL, &house->arena, &token, &house->err));
    MUST(house,
         api_token_add(house->store, &keeper, "app", "ingest", "t1", &house->arena, &other, &house->err));
    assert_memory_equal(token, "kma_", 4);
    MUST(house, check(house, token, &principal));
    assert_string_equal(principal.username, "sender");
    assert_int_equal(principal.role, ROLE_INGEST);
    assert_null(principal.tenant_id);
    assert_null(principal.session_id);
    MUST_FAIL(house, auth_logout(&house->platform, &principal, "", "", &house->err), ERROR_FORBIDDEN);
    MUST(house, check(house, other, &principal));
    assert_string_equal(principal.tenant_id, "t1");
    MUST_FAIL(
        house,
        api_token_add(house->store, &keeper, "sender", "ingest", NULL, &house->arena, &other, &house->err),
        ERROR_CONFLICT);
    MUST(house, api_token_revoke(house->store, &keeper, "SENDER", &house->err));
    MUST_FAIL(house, check(house, token, &principal), ERROR_UNAUTHENTICATED);
    MUST_FAIL(house, api_token_revoke(house->store, &keeper, "sender", &house->err), ERROR_CONFLICT);
    MUST_FAIL(house, api_token_revoke(house->store, &keeper, "nobody", &house->err), ERROR_NOT_FOUND);
    MUST_FAIL(house, api_token_revoke(house->store, &keeper, "no name", &house->err), ERROR_NOT_FOUND);
    MUST_FAIL(house, check(house, "kma_unknown", &principal), ERROR_UNAUTHENTICATED);
    MUST_FAIL(house, check(house, "", &principal), ERROR_UNAUTHENTICATED);
    const struct {
        const char *name, *role, *tenant;
        size_t wrong;
    } cases[] = {{"", "ingest", NULL, 1},
                 {"x", "ops_admin", NULL, 1},
                 {"x", "ingest", "nobody", 1},
                 {"a b", "", NULL, 2}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        MUST_FAIL(house,
                  api_token_add(house->store, &keeper, cases[i].name, cases[i].role, cases[i].tenant,
                                &house->arena, &other, &house->err),
                  ERROR_INVALID);
        assert_int_equal(house->err.field_count, cases[i].wrong);
    }
    CLEANUP(store_reader_release) struct db *db = reader(house);
    struct listing all = {.limit = -1};
    MUST(house, api_token_list(db, list_token, &all, &house->err));
    assert_string_equal(all.text, "app sender! ");
    assert_int_equal(ask(house, "SELECT COUNT(*) FROM ops_logs WHERE details LIKE '%kma_%'"), 0);
    assert_int_equal(
        ask(house, "SELECT COUNT(*) FROM ops_logs WHERE action IN ('token.create', 'token.revoke')"), 3);
}

struct checking {
    struct house *house;
    const char *token;
};

static void *check_many(void *context)
{
    struct checking *checking = context;
    for (int i = 0; i < 200; i++) {
        CLEANUP(arena_release) struct arena arena = {0};
        struct principal principal;
        struct error err;
        if (!auth_check(&checking->house->platform, checking->token, TENANT_GATE_TOKEN, &arena, &principal,
                        &err))
            return context;
    }
    return NULL;
}

/* Several tabs at once: each goes on. */
static void *refresh_once(void *context)
{
    struct checking *checking = context;
    CLEANUP(arena_release) struct arena arena = {0};
    struct auth_session session;
    struct error err;
    bool done = auth_refresh(&checking->house->platform, checking->token, "", "", &arena, &session, &err);
    return done ? context : NULL;
}

static size_t run_threads(void *(*run)(void *), struct checking *checking)
{
    pthread_t threads[4];
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_create(&threads[i], NULL, run, checking);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        void *result;
        pthread_join(threads[i], &result);
        count += result != NULL;
    }
    return count;
}

static void test_auth_threads(void **state)
{
    struct house *house = *state;
    add_user(house, "root", "ops_admin", NULL);
    struct auth_session session = log_in(house, "root");
    struct checking checking = {house, session.access_token};
    assert_int_equal(run_threads(check_many, &checking), 0);
    checking.token = session.refresh_token;
    assert_int_equal(run_threads(refresh_once, &checking), 4);
    assert_int_equal(ask(house, "SELECT COUNT(*) FROM ops_logs WHERE action = 'auth.refresh_reuse'"), 0);
    expect_findings(house, audit_check, NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_house, close_house)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_audit),
        TEST(test_audit_tampered),
        TEST(test_audit_threads),
        TEST(test_tenants),
        TEST(test_tenant_fields),
        TEST(test_tenant_list),
        TEST(test_tenant_counts),
        TEST(test_counters_check),
        TEST(test_users),
        TEST(test_user_fields),
        TEST(test_user_list_and_disable),
        TEST(test_roles),
        TEST(test_login),
        TEST(test_login_refused),
        TEST(test_login_time),
        TEST(test_sessions_end),
        TEST(test_suspended),
        TEST(test_refresh),
        TEST(test_refresh_again),
        TEST(test_why_a_session_ended),
        TEST(test_known_holder),
        TEST(test_signing_key_in_the_store),
        TEST(test_login_limit_of_an_account),
        TEST(test_login_limit_of_an_address),
        TEST(test_login_limit_is_bounded),
        TEST(test_expiry),
        TEST(test_api_tokens),
        TEST(test_auth_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
