/* ops/tenant_manager: the list in every order, filter and page; the lifecycle with its audit rows; figures
 * that equal what the raw rows give. */
#include "platform_fixture.h"

#include <inttypes.h>
#include <math.h>

#include "base/identifier.h"
#include "ops/tenants/tenant_manager.h"
#include "platform/chat/backfill.h"
#include "platform/identity/users.h"
#include "platform/knowledge/knowledge.h"

static struct tenant_manager *manager_of(struct fixture *f)
{
    return tenant_manager_new(&f->platform);
}

static void add_tenant(struct fixture *f, const char *id, const char *name)
{
    struct tenant tenant;
    must(f, tenant_add(f->platform.store, &actor_system, id, name, NULL, &f->arena, &tenant, &f->err));
}

static struct tenant_list list(struct fixture *f, struct tenant_manager *manager, const char *status,
                               const char *keyword, const char *sort, int64_t page, int64_t page_size)
{
    struct tenant_filter filter = {status, keyword, sort, page, page_size};
    struct tenant_list result = {0};
    must(f, tenant_manager_list(manager, &filter, &f->arena, &result, &f->err));
    return result;
}

/* --- the list */

#define MANY 463 /* more than TENANT_HITS_FEW with any filter that is tried */

struct model {
    char id[32], name[48];
    bool suspended;
    int64_t users, pairs, conversations, last_active_at, created_at;
};

static const char SQL_SET_FIGURES[] = "UPDATE tenants SET user_count = $2, qa_pair_count = $3, "
                                      "last_active_at = $4, created_at = $5 WHERE id = $1";
static const char SQL_SET_TODAY[] =
    "INSERT INTO activity_daily(day, tenant_id, conversations) VALUES ($1, $2, $3)";

/* Few values in each column, so that there are ties; some have never been active. */
static void make_tenant(struct fixture *f, struct model *tenant, int i)
{
    *tenant = (struct model){
        .suspended = i % 3 == 0,
        .users = i * 7 % 5,
        .pairs = i * 11 % 4,
        .conversations = i % 4 ? 0 : 1 + i % 7,
        .last_active_at = i % 9 ? 1000000 + i * 13 % 50 : INT_NULL,
        .created_at = 2000000 + i * 17 % 60,
    };
    snprintf(tenant->id, sizeof(tenant->id), "shop_%03d", i * 197 % MANY);
    snprintf(tenant->name, sizeof(tenant->name), "%s %d", i % 2 ? "京都 Kimono" : "浅草 100%", i % 10);
    add_tenant(f, tenant->id, tenant->name);
    fixture_execute(f, SQL_SET_FIGURES,
                    DB_ARGS(db_text(tenant->id), db_int(tenant->users), db_int(tenant->pairs),
                            db_int(tenant->last_active_at), db_int(tenant->created_at)));
    if (tenant->suspended)
        fixture_set_status(f, tenant->id, "suspended");
    if (tenant->conversations)
        fixture_execute(
            f, SQL_SET_TODAY,
            DB_ARGS(db_int(clock_day(clock_now_ms())), db_text(tenant->id), db_int(tenant->conversations)));
}

static const char *order_now;

static int64_t figure_of(const struct model *tenant, const char *column)
{
    const struct {
        const char *column;
        int64_t value;
    } figures[] = {
        {"user_count", tenant->users},
        {"qa_pair_count", tenant->pairs},
        {"conversations_today", tenant->conversations},
        {"last_active_at", tenant->last_active_at},
        {"created_at", tenant->created_at},
        {"status", tenant->suspended},
    };
    for (size_t i = 0; i < ARRAY_SIZE(figures); i++)
        if (strcmp(figures[i].column, column) == 0)
            return figures[i].value;
    return 0;
}

static int compare_models(const void *left, const void *right)
{
    const struct model *a = left, *b = right;
    const char *column = order_now + (*order_now == '-');
    int64_t x = figure_of(a, column), y = figure_of(b, column);
    int order = strcmp(column, "name") == 0 ? strcmp(a->name, b->name) : (x > y) - (x < y);
    if (order == 0)
        order = strcmp(a->id, b->id);
    return *order_now == '-' ? -order : order;
}

/* All pages one after the other must be the model's tenants that pass, in the model's order. */
static void compare_pages(struct fixture *f, struct tenant_manager *manager, const struct model *models,
                          const char *status, const char *keyword, const char *in_name)
{
    const struct model *wanted[MANY];
    int64_t count = 0, page_size = 60;
    for (size_t i = 0; i < MANY; i++)
        if ((!status || models[i].suspended == (status[0] == 's')) &&
            (!in_name || strstr(models[i].name, in_name)))
            wanted[count++] = &models[i];
    for (int64_t page = 1; (page - 1) * page_size <= count; page++) {
        struct tenant_list got = list(f, manager, status, keyword, order_now, page, page_size);
        int64_t from = (page - 1) * page_size, left = count - from;
        assert_int_equal(got.total, count);
        assert_int_equal(got.items_count, left < page_size ? left : page_size);
        for (size_t i = 0; i < got.items_count; i++) {
            assert_string_equal(got.items[i].id, wanted[from + (int64_t)i]->id);
            assert_int_equal(got.items[i].conversations_today, wanted[from + (int64_t)i]->conversations);
        }
    }
    arena_reset(&f->arena);
}

static const char SQL_FORGET_FIGURES[] = "UPDATE tenants SET user_count = 0, qa_pair_count = 0";
static const char SQL_FORGET_TODAY[] = "DELETE FROM activity_daily";
static const char SQL_FORGET_FIXTURE[] = "DELETE FROM tenants WHERE id IN ('alpha', 'beta')";
static const char SQL_TWO_FEWER[] = "UPDATE platform_counters SET value = value - 2"
                                    " WHERE name IN ('tenants', 'active_tenants', 'tenant_edits')";

static void every_order_filter_and_page(void **state)
{
    struct fixture *f = *state;
    struct model *models = calloc(MANY, sizeof(*models));
    fixture_execute(f, SQL_FORGET_FIXTURE, DB_NO_ARGS);
    fixture_execute(f, SQL_TWO_FEWER, DB_NO_ARGS);
    for (int i = 0; i < MANY; i++)
        make_tenant(f, &models[i], i);
    struct tenant_manager *manager = manager_of(f);
    for (const char *const *sort = tenant_sorts; *sort; sort++) {
        order_now = *sort;
        qsort(models, MANY, sizeof(*models), compare_models);
        compare_pages(f, manager, models, NULL, NULL, NULL);
        compare_pages(f, manager, models, "active", NULL, NULL);
        compare_pages(f, manager, models, "suspended", NULL, NULL);
        compare_pages(f, manager, models, NULL, "kimono", "Kimono");   /* many */
        compare_pages(f, manager, models, "active", "京都", "京都");   /* few */
        compare_pages(f, manager, models, NULL, "0% 4", "0% 4");       /* '%' is itself */
        compare_pages(f, manager, models, "suspended", "SHOP_", NULL); /* in the id, '_' is itself */
        compare_pages(f, manager, models, NULL, "nowhere", "nowhere");
    }
    tenant_manager_free(manager);
    free(models);
    fixture_execute(f, SQL_FORGET_TODAY, DB_NO_ARGS);
    fixture_execute(f, SQL_FORGET_FIGURES, DB_NO_ARGS);
}

static void keywords_are_taken_literally(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *keyword;
        int64_t total;
    } cases[] = {
        {"alpha", 1},    {"ALPHA", 1},   {"%", 1},          {"_", 1},    {"\\", 1}, {"a_b", 1},
        {"a%b", 0},      {"", 6},        {"花筏", 1},       {"筏和", 1}, {"和", 2}, {"'", 0},
        {"é", 1},        {"É", 1},       {"ＡＬＰＨＡ", 1}, /* in any width and case */
        {" alpha\t", 1}, {"　和服 ", 1}, {"  ", 6},         /* what was pasted with its spaces */
    };
    add_tenant(f, "t1", "花筏和服 100%");
    add_tenant(f, "t2", "a_b\\c");
    add_tenant(f, "t3", "和 Café");
    add_tenant(f, "t4", "axb");
    struct tenant_manager *manager = manager_of(f);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tenant_list got = list(f, manager, NULL, cases[i].keyword, "name", 1, 20);
        if (got.total != cases[i].total)
            fail_msg("'%s': %" PRId64 ", not %" PRId64, cases[i].keyword, got.total, cases[i].total);
        assert_int_equal(got.items_count, got.total);
    }
    tenant_manager_free(manager);
}

/* What the directory holds is as new as the store, whoever changed it. */
static void search_sees_every_change(void **state)
{
    struct fixture *f = *state;
    struct tenant_manager *manager = manager_of(f);
    struct tenant tenant;
    assert_int_equal(list(f, manager, NULL, "lotus", "id", 1, 20).total, 0);
    add_tenant(f, "t1", "Lotus");
    assert_int_equal(list(f, manager, NULL, "lotus", "id", 1, 20).total, 1);
    struct tenant_edit edit = {.name = "Peony", .version = INT_NULL};
    must(f, tenant_update(f->platform.store, &actor_system, "t1", &edit, &f->arena, &tenant, &f->err));
    assert_int_equal(list(f, manager, NULL, "lotus", "id", 1, 20).total, 0);
    assert_int_equal(list(f, manager, "active", "peony", "id", 1, 20).total, 1);
    fixture_set_status(f, "t1", "suspended");
    assert_int_equal(list(f, manager, "active", "peony", "id", 1, 20).total, 0);
    struct tenant_list got = list(f, manager, "suspended", "peony", "id", 1, 20);
    assert_int_equal(got.total, 1);
    assert_int_equal(got.summary.total, 3);
    assert_int_equal(got.summary.active, 2);
    assert_int_equal(got.summary.suspended, 1);
    tenant_manager_free(manager);
}

static const char SQL_ADD_TEMPLATE[] =
    "INSERT INTO templates(question, answer, question_hash, text_hash, for_all, created_at, updated_at,"
    " updated_by, deleted_at, question_key) VALUES ($1, 'a', 1, 1, $2, 0, 0, 'x', $3, $4)";
static const char SQL_COPY_TEMPLATE[] =
    "UPDATE qa_pairs SET template_id = (SELECT id FROM templates WHERE question = $2), template_version = 1"
    " WHERE id = $1";

static void missing_templates_are_counted(void **state)
{
    struct fixture *f = *state;
    struct tenant_manager *manager = manager_of(f);
    static const struct {
        const char *question;
        bool for_all, deleted;
    } templates[] = {
        {"one", true, false}, {"two", true, false}, {"some", false, false}, {"gone", true, true}};
    for (size_t i = 0; i < ARRAY_SIZE(templates); i++)
        fixture_execute(f, SQL_ADD_TEMPLATE,
                        DB_ARGS(db_text(templates[i].question), db_bool(templates[i].for_all),
                                db_int(templates[i].deleted ? 1 : INT_NULL),
                                db_int(qa_question_key(templates[i].question))));
    int64_t live = fixture_add_pair(f, "alpha", "one", "a"), gone = fixture_add_pair(f, "beta", "two", "a");
    fixture_execute(f, SQL_COPY_TEMPLATE, DB_ARGS(db_int(live), db_text("one")));
    fixture_execute(f, SQL_COPY_TEMPLATE, DB_ARGS(db_int(gone), db_text("two")));
    fixture_delete_pair(f, "beta", gone); /* its own decision: not missing */
    add_tenant(f, "gamma", "Gamma");
    add_tenant(f, "delta", "Delta");
    fixture_add_pair(f, "delta", "two", "an answer of its own"); /* in the way: a conflict */
    struct tenant_list got = list(f, manager, NULL, NULL, "id", 1, 20);
    assert_int_equal(got.items[0].templates_missing, 1);
    assert_int_equal(got.items[1].templates_missing, 1);
    assert_string_equal(got.items[2].id, "delta");
    assert_int_equal(got.items[2].templates_missing, 1);
    assert_int_equal(got.items[3].templates_missing, 2);
    tenant_manager_free(manager);
}

/* --- the lifecycle */

static const struct actor mei = {"usr_mei", "mei", "10.0.0.1", "req-1"};

static const char SQL_AUDIT_ROWS[] = "SELECT COUNT(*) FROM ops_logs WHERE action = $1 AND target_id = $2"
                                     " AND username = 'mei' AND request_id = 'req-1' AND details LIKE $3";

static void assert_audit(struct fixture *f, const char *action, const char *part, int64_t count)
{
    assert_int_equal(
        fixture_int(f, SQL_AUDIT_ROWS, DB_ARGS(db_text(action), db_text("alpha"), db_text(part))), count);
}

static void edits_are_kept_by_version(void **state)
{
    struct fixture *f = *state;
    struct store *store = f->platform.store;
    struct tenant tenant;
    struct tenant_edit edit = {.name = " Alpha 2 ", .contact = "090", .version = 1};
    must(f, tenant_update(store, &mei, "alpha", &edit, &f->arena, &tenant, &f->err));
    assert_string_equal(tenant.name, "Alpha 2");
    assert_string_equal(tenant.contact, "090");
    assert_int_equal(tenant.version, 2);
    assert_audit(f, "tenant.update", "%\"before\":{\"name\":\"Alpha\",%\"after\":{\"name\":\"Alpha 2\",%", 1);
    must_fail(f, tenant_update(store, &mei, "alpha", &edit, &f->arena, &tenant, &f->err), ERROR_CONFLICT);
    edit = (struct tenant_edit){.contact = "", .version = INT_NULL}; /* cleared; the name stays */
    must(f, tenant_update(store, &mei, "alpha", &edit, &f->arena, &tenant, &f->err));
    assert_string_equal(tenant.name, "Alpha 2");
    assert_string_equal(tenant.contact, "");
    must(f, tenant_update(store, &mei, "alpha", &edit, &f->arena, &tenant, &f->err)); /* nothing new */
    assert_int_equal(tenant.version, 3);
    assert_audit(f, "tenant.update", "%", 2);
    must_fail(f, tenant_update(store, &mei, "nobody", &edit, &f->arena, &tenant, &f->err), ERROR_NOT_FOUND);
    edit = (struct tenant_edit){.name = " ", .contact = "a\nb", .version = INT_NULL};
    must_fail(f, tenant_update(store, &mei, "alpha", &edit, &f->arena, &tenant, &f->err), ERROR_INVALID);
    assert_int_equal(f->err.field_count, 2);
}

static void suspension_and_activation(void **state)
{
    struct fixture *f = *state;
    struct tenant_manager *manager = manager_of(f);
    struct tenant_detail detail;
    struct chat_result ignored;
    struct chat_question question = {.api_key = f->alpha.api_key, .message = "hello"};
    struct arena *arena = &f->arena;
    must_fail(f, tenant_manager_set_status(manager, &mei, "alpha", "suspended", " ", arena, &f->err),
              ERROR_INVALID);
    must_fail(f, tenant_manager_set_status(manager, &mei, "alpha", "suspended", NULL, arena, &f->err),
              ERROR_INVALID);
    must_fail(f, tenant_manager_set_status(manager, &mei, "nobody", "suspended", "x", arena, &f->err),
              ERROR_NOT_FOUND);
    must_fail(f, tenant_manager_set_status(manager, &mei, "alpha", "active", NULL, arena, &f->err),
              ERROR_CONFLICT);
    fixture_chat(f, &f->alpha, NULL, "before");
    fixture_execute(f, "UPDATE conversations SET started_at = started_at - 7200000", DB_NO_ARGS);
    must(f, tenant_manager_set_status(manager, &mei, "alpha", "suspended", " unpaid ", arena, &f->err));
    must_fail(f, tenant_manager_set_status(manager, &mei, "alpha", "suspended", "x", arena, &f->err),
              ERROR_CONFLICT);
    for (int i = 0; i < 2; i++)
        must_fail(f, chat_message(&f->platform, &question, arena, &ignored, &f->err), ERROR_TENANT_SUSPENDED);
    must(f, tenant_manager_detail(manager, "alpha", true, arena, &detail, &f->err));
    assert_string_equal(detail.status, "suspended");
    assert_string_equal(detail.api_key, f->alpha.api_key);
    assert_int_equal(detail.effect.conversations_last_hour, 1); /* though it began before */
    fixture_execute(f, "UPDATE conversations SET started_at = started_at + 7200000", DB_NO_ARGS);
    assert_non_null(detail.suspension);
    assert_int_equal(detail.suspension->since, detail.suspended_at);
    assert_string_equal(detail.suspension->reason, "unpaid");
    assert_string_equal(detail.suspension->by, "mei");
    assert_int_equal(detail.suspension->messages_answered, 0);
    assert_int_equal(detail.suspension->messages_refused, 2);
    must(f, tenant_manager_set_status(manager, &mei, "alpha", "active", NULL, arena, &f->err));
    must(f, tenant_manager_detail(manager, "alpha", false, arena, &detail, &f->err));
    assert_null(detail.suspension);
    assert_null(detail.suspended_reason);
    assert_null(detail.api_key);
    assert_int_equal(detail.suspended_at, INT_NULL);
    assert_audit(f, "tenant.suspend", "%\"before\":{\"status\":\"active\"}%\"reason\":\"unpaid\"%", 1);
    assert_audit(f, "tenant.activate", "%\"messages_refused\":2}%\"after\":{\"status\":\"active\"}%", 1);
    assert_audit(f, "tenant.suspend", "%", 1);
    tenant_manager_free(manager);
}

/* A message from when the clock was an hour ahead: the suspension comes after it all the same, and its proof says
 * by whom. */
static void a_suspension_with_a_clock_that_was_set_back(void **state)
{
    struct fixture *f = *state;
    struct tenant_manager *manager = manager_of(f);
    struct tenant_detail detail;
    struct chat_result ignored;
    int64_t ahead = clock_now_ms() + HOUR_MS;
    struct chat_question question = {.api_key = f->alpha.api_key, .message = "hello", .received_at = ahead};
    must(f, chat_message(&f->platform, &question, &f->arena, &ignored, &f->err));
    must(f, tenant_manager_set_status(manager, &mei, "alpha", "suspended", "unpaid", &f->arena, &f->err));
    question.received_at = 0;
    must_fail(f, chat_message(&f->platform, &question, &f->arena, &ignored, &f->err), ERROR_TENANT_SUSPENDED);
    must(f, tenant_manager_detail(manager, "alpha", false, &f->arena, &detail, &f->err));
    assert_int_equal(detail.suspension->since, ahead + 1);
    assert_string_equal(detail.suspension->by, "mei");
    assert_int_equal(detail.suspension->messages_answered, 0);
    assert_int_equal(detail.suspension->messages_refused, 1);
    tenant_manager_free(manager);
}

/* --- people */

static const char SQL_ADD_SESSION[] =
    "INSERT INTO sessions(id, user_id, refresh_hash, created_at, refreshed_at, expires_at, revoked_at)"
    " SELECT $1, id, $5, 0, 0, $3, $4 FROM users WHERE username = $2";

static bool add_users_work(struct db *db, void *context, struct error *err)
{
    (void)context;
    static const struct backfill_user users[] = {
        {"cho", "tenant_admin", "alpha", 1, INT_NULL},
        {"aki", "tenant_staff", "alpha", 2, INT_NULL},
        {"ben", "tenant_staff", "alpha", 3, INT_NULL},
        {"dan", "tenant_staff", "beta", 4, INT_NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(users); i++)
        if (!backfill_user_add(db, &users[i], err))
            return false;
    return true;
}

static void add_people(struct fixture *f)
{
    must(f, store_write(f->platform.store, add_users_work, NULL, &f->err));
    int64_t later = clock_now_ms() + HOUR_MS;
    const struct {
        const char *id, *username;
        int64_t expires_at, revoked_at;
    } sessions[] = {
        {"s1", "cho", later, INT_NULL}, {"s2", "cho", later, INT_NULL}, /* one person, twice */
        {"s3", "aki", later, 5},        {"s4", "ben", 5, INT_NULL},     {"s5", "dan", later, INT_NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(sessions); i++)
        fixture_execute(f, SQL_ADD_SESSION,
                        DB_ARGS(db_text(sessions[i].id), db_text(sessions[i].username),
                                db_int(sessions[i].expires_at), db_int(sessions[i].revoked_at),
                                db_bytes("", 1)));
}

static void people_of_a_tenant(void **state)
{
    struct fixture *f = *state;
    struct tenant_manager *manager = manager_of(f);
    add_people(f);
    struct tenant_detail detail;
    must(f, tenant_manager_detail(manager, "alpha", true, &f->arena, &detail, &f->err));
    assert_int_equal(detail.effect.users_logged_in, 1);
    struct tenant_user_list users;
    must(f, tenant_manager_users(manager, "alpha", 1, 2, &f->arena, &users, &f->err));
    assert_int_equal(users.total, 3);
    assert_int_equal(users.items_count, 2);
    assert_string_equal(users.items[0].username, "aki");
    assert_false(users.items[0].logged_in);
    must(f, tenant_manager_users(manager, "alpha", 2, 2, &f->arena, &users, &f->err));
    assert_string_equal(users.items[0].username, "cho");
    assert_true(users.items[0].logged_in);
    assert_int_equal(users.items[0].last_login_at, INT_NULL);
    must_fail(f, tenant_manager_users(manager, "nobody", 1, 2, &f->arena, &users, &f->err), ERROR_NOT_FOUND);
    tenant_manager_free(manager);
}

/* --- figures */

static void add_past_message(struct db *db, int64_t at, int64_t latency_ms, struct error *err)
{
    char conversation[IDENTIFIER_SIZE], message[IDENTIFIER_SIZE];
    int64_t conversation_id, message_id;
    identifier_make("conv_", conversation);
    identifier_make("msg_", message);
    struct backfill_message past = {.tenant_id = "alpha",
                                    .conversation_public_id = conversation,
                                    .message_public_id = message,
                                    .at = at,
                                    .question = "q",
                                    .answer = "a",
                                    .latency_ms = latency_ms,
                                    .model = "m",
                                    .request_id = ""};
    assert_true(backfill_message_add(db, &past, &conversation_id, &message_id, err));
    struct backfill_feedback feedback = {.tenant_id = "alpha",
                                         .message_id = message_id,
                                         .rating = "bad",
                                         .status = latency_ms % 3 == 0 ? "learned" : "rejected",
                                         .at = at,
                                         .processed_at = at};
    assert_true(backfill_feedback_add(db, &feedback, err));
}

/* Conversations on each of the last forty days, and at both ends of the days that count. */
static bool add_past_work(struct db *db, void *context, struct error *err)
{
    (void)context;
    int64_t now = clock_now_ms();
    for (int day = 0; day < 40; day++)
        add_past_message(db, now - day * DAY_MS, 100 + day * 10, err);
    int32_t today = clock_day(now);
    for (int32_t day = today - 33; day <= today; day++) {
        add_past_message(db, clock_day_start(day), 33, err);
        add_past_message(db, clock_day_start(day) - 1, 34, err);
    }
    return true;
}

static const char SQL_CONVERSATIONS[] = "SELECT COUNT(*) FROM conversations WHERE tenant_id = 'alpha'"
                                        " AND started_at >= $1";
static const char SQL_CONVERSATIONS_BETWEEN[] = "SELECT COUNT(*) FROM conversations WHERE tenant_id = 'alpha'"
                                                " AND started_at >= $1 AND started_at < $2";
static const char SQL_MEAN_LATENCY[] =
    "SELECT CAST(ROUND(AVG(latency_ms) * 1000) AS INTEGER) FROM messages WHERE tenant_id = 'alpha'"
    " AND created_at >= $1";
static const char SQL_MEAN_QUALITY[] =
    "SELECT CAST(ROUND(AVG(quality_score) * 1000000) AS INTEGER) FROM qa_pairs WHERE tenant_id = 'alpha'"
    " AND deleted_at IS NULL";
static const char SQL_APPROVAL[] =
    "SELECT CAST(ROUND(1000000.0 * SUM(CASE status WHEN 'learned' THEN 1 ELSE 0 END) / COUNT(*)) AS BIGINT)"
    " FROM feedbacks WHERE tenant_id = 'alpha' AND status IN ('learned', 'rejected')";
static const char SQL_SET_QUALITY[] = "UPDATE qa_pairs SET quality_score = $2 WHERE id = $1";
static const char SQL_COUNT_OF_ROLE[] =
    "SELECT COUNT(*) FROM users WHERE tenant_id = 'alpha' AND (role = $1 OR $1 = '')";
static const char SQL_COUNT_PAIRS[] =
    "SELECT COUNT(*) FROM qa_pairs WHERE tenant_id = 'alpha' AND deleted_at IS NULL AND is_synced >= $1";
static const char SQL_COUNT_PENDING[] =
    "SELECT COUNT(*) FROM feedbacks WHERE tenant_id = 'alpha' AND status = 'pending'";

/* Monday, by the calendar of the C library. */
static int32_t monday(void)
{
    int hour, weekday;
    int64_t now = clock_now_ms();
    clock_local_time(now, &hour, &weekday);
    return clock_day(now) - (weekday + 6) % 7;
}

static void give_figures(struct fixture *f)
{
    add_people(f);
    fixture_execute(f, SQL_SET_QUALITY,
                    DB_ARGS(db_int(fixture_add_pair(f, "alpha", "kept", "a")), db_real(0.25)));
    must(f, vector_sync_run(&f->platform, "alpha", &(struct sync_report){0}, &f->err));
    fixture_execute(f, SQL_SET_QUALITY,
                    DB_ARGS(db_int(fixture_add_pair(f, "alpha", "unsynced", "a")), db_real(0.75)));
    fixture_delete_pair(f, "alpha", fixture_add_pair(f, "alpha", "deleted", "a"));
    must(f, store_write(f->platform.store, add_past_work, NULL, &f->err));
    struct chat_result chat = fixture_chat(f, &f->alpha, NULL, "what nobody knows");
    struct feedback_result feedback;
    must(f, feedback_add(&f->platform, f->alpha.api_key, chat.message_id, "bad", NULL, &f->arena, &feedback,
                         &f->err));
}

static void figures_are_those_of_the_rows(void **state)
{
    struct fixture *f = *state;
    struct tenant_manager *manager = manager_of(f);
    give_figures(f);
    struct tenant_stats stats;
    must(f, tenant_manager_stats(manager, "alpha", &f->arena, &stats, &f->err));
    int64_t now = clock_now_ms();
    int32_t today = clock_day(now);
    const struct {
        int64_t figure;
        const char *sql;
        struct db_value argument;
    } figures[] = {
        {stats.total_users, SQL_COUNT_OF_ROLE, db_text("")},
        {stats.admin_count, SQL_COUNT_OF_ROLE, db_text("tenant_admin")},
        {stats.staff_count, SQL_COUNT_OF_ROLE, db_text("tenant_staff")},
        {stats.total_qa_pairs, SQL_COUNT_PAIRS, db_int(0)},
        {stats.synced_qa_pairs, SQL_COUNT_PAIRS, db_int(1)},
        {stats.conversations_today, SQL_CONVERSATIONS, db_int(clock_day_start(today))},
        {stats.conversations_week, SQL_CONVERSATIONS, db_int(clock_day_start(monday()))},
        {stats.conversations_month, SQL_CONVERSATIONS, db_int(clock_month_start(now, 0))},
        {llround(stats.avg_response_time_ms * 1000), SQL_MEAN_LATENCY,
         db_int(clock_day_start(today - TENANT_RESPONSE_DAYS + 1))},
    };
    for (size_t i = 0; i < ARRAY_SIZE(figures); i++)
        assert_int_equal(figures[i].figure, fixture_int(f, figures[i].sql, &figures[i].argument, 1));
    int64_t elapsed = stats.generated_at - clock_day_start(clock_day(stats.generated_at));
    int64_t yesterday = clock_day_start(today - 1), last_week = clock_day_start(today - 7);
    assert_int_equal(
        stats.conversations_yesterday,
        fixture_int(f, SQL_CONVERSATIONS_BETWEEN, DB_ARGS(db_int(yesterday), db_int(yesterday + elapsed))));
    assert_int_equal(
        stats.conversations_week_before,
        fixture_int(f, SQL_CONVERSATIONS_BETWEEN,
                    DB_ARGS(db_int(clock_day_start(monday() - 7)), db_int(last_week + elapsed))));
    assert_int_equal(stats.pending_feedbacks, fixture_int(f, SQL_COUNT_PENDING, DB_NO_ARGS));
    assert_int_equal(llround(stats.avg_quality_score * 1e6), fixture_int(f, SQL_MEAN_QUALITY, DB_NO_ARGS));
    assert_int_equal(llround(stats.feedback_approval_rate * 1e6), fixture_int(f, SQL_APPROVAL, DB_NO_ARGS));
    assert_int_equal(stats.total_users, 3);
    assert_int_equal(stats.synced_qa_pairs, 1);
    assert_true(stats.conversations_month > stats.conversations_today ||
                today == clock_day(clock_month_start(now, 0)));
    tenant_manager_free(manager);
}

static void figures_of_an_empty_tenant(void **state)
{
    struct fixture *f = *state;
    struct tenant_manager *manager = manager_of(f);
    struct tenant_stats stats;
    must(f, tenant_manager_stats(manager, "beta", &f->arena, &stats, &f->err));
    assert_true(isnan(stats.avg_quality_score));
    assert_true(isnan(stats.avg_response_time_ms));
    assert_true(isnan(stats.feedback_approval_rate));
    assert_int_equal(stats.conversations_month, 0);
    must_fail(f, tenant_manager_stats(manager, "nobody", &f->arena, &stats, &f->err), ERROR_NOT_FOUND);
    struct tenant_trends trends;
    must_fail(f, tenant_manager_trends(manager, "nobody", 7, 0, &f->arena, &trends, &f->err),
              ERROR_NOT_FOUND);
    tenant_manager_free(manager);
}

static void days_are_those_of_the_tenant(void **state)
{
    struct fixture *f = *state;
    struct tenant_manager *manager = manager_of(f);
    struct tenant_trends trends;
    struct chat_result ignored;
    struct chat_question question = {.api_key = f->alpha.api_key, .message = "hello"};
    fixture_add_pair(f, "alpha", "opening hours", "nine to six");
    fixture_chat(f, &f->alpha, NULL, "opening hours");
    fixture_chat(f, &f->alpha, NULL, "something else entirely");
    fixture_chat(f, &f->beta, NULL, "something else entirely");
    fixture_set_status(f, "alpha", "suspended");
    must_fail(f, chat_message(&f->platform, &question, &f->arena, &ignored, &f->err), ERROR_TENANT_SUSPENDED);
    must(f, tenant_manager_trends(manager, "alpha", 7, 0, &f->arena, &trends, &f->err));
    assert_int_equal(trends.points_count, 7);
    const struct tenant_trend_point *today = &trends.points[6], *before = &trends.points[5];
    assert_int_equal(today->date, clock_day(clock_now_ms()));
    assert_int_equal(today->conversations, 2);
    assert_int_equal(today->messages, 2);
    assert_int_equal(today->answered, 1);
    assert_int_equal(today->refused, 1);
    assert_int_equal(today->api_calls, 3);        /* two searches, one answer */
    assert_int_equal(before->messages, INT_NULL); /* nothing of it is recorded before today */
    assert_true(isnan(before->avg_response_time_ms));
    assert_true(isnan(before->p95_response_time_ms));
    tenant_manager_free(manager);
}

static const char SQL_LAST_ACTIVE[] = "SELECT last_active_at FROM tenants WHERE id = 'alpha'";

static bool touch_work(struct db *db, void *context, struct error *err)
{
    return tenant_touch(db, "alpha", *(int64_t *)context, err);
}

static void last_active_moves_with_chat_and_never_back(void **state)
{
    struct fixture *f = *state;
    int64_t before = clock_now_ms();
    assert_int_equal(fixture_int(f, SQL_LAST_ACTIVE, DB_NO_ARGS), INT_NULL);
    fixture_chat(f, &f->alpha, NULL, "hello");
    assert_true(fixture_int(f, SQL_LAST_ACTIVE, DB_NO_ARGS) >= before);
    int64_t later = clock_now_ms() + 2 * SECOND_MS, earlier = before - HOUR_MS;
    must(f, store_write(f->platform.store, touch_work, &later, &f->err));
    must(f, store_write(f->platform.store, touch_work, &earlier, &f->err));
    assert_int_equal(fixture_int(f, SQL_LAST_ACTIVE, DB_NO_ARGS), later);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(every_order_filter_and_page),
        fixture_test(keywords_are_taken_literally),
        fixture_test(search_sees_every_change),
        fixture_test(missing_templates_are_counted),
        fixture_test(edits_are_kept_by_version),
        fixture_test(suspension_and_activation),
        fixture_test(a_suspension_with_a_clock_that_was_set_back),
        fixture_test(people_of_a_tenant),
        fixture_test(figures_are_those_of_the_rows),
        fixture_test(figures_of_an_empty_tenant),
        fixture_test(days_are_those_of_the_tenant),
        fixture_test(last_active_moves_with_chat_and_never_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
