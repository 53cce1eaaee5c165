/* What a day brings, in one process without threads of its own making: a tenant, pairs, questions,
 * feedback, learning, sync. product.test.mjs kills it and fails its disk at every step.
 *
 *     product_fault_child work DIR     prints "ack KIND ID" after each thing that was answered
 *     product_fault_child verify DIR   reads "ack KIND ID" lines; prints those that are not there */
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "platform/chat/chat.h"
#include "platform/chat/feedback.h"
#include "platform/chat/learning.h"
#include "platform/knowledge/knowledge.h"
#include "platform/knowledge/vector_sync.h"
#include "platform/tenants/tenants.h"
#include "store/store.h"
#include "telemetry/telemetry.h"

#define PAIRS 12
#define QUESTIONS 6

static const char *const texts[PAIRS] = {"租借价格是多少", "如何预约",   "可以取消吗",     "有男士和服吗",
                                         "能带宠物吗",     "发型怎么做", "可以寄回酒店吗", "雨天怎么办",
                                         "几点关门",       "有停车场吗", "能刷卡吗",       "尺码怎么选"};

static void fail(const char *what, const struct error *err)
{
    fprintf(stderr, "%s: %s\n", what, err->detail[LANGUAGE_EN]);
}

static void acknowledge(const char *kind, const char *id)
{
    printf("ack %s %s\n", kind, id);
    fflush(stdout);
}

static bool add_pairs(struct db *db, void *context, struct error *err)
{
    const char *tenant_id = context;
    int64_t revision, id;
    if (!tenant_next_revision(db, tenant_id, &revision, err))
        return false;
    for (size_t i = 0; i < PAIRS; i++) {
        struct qa_pair pair = {
            .tenant_id = tenant_id, .question = texts[i], .answer = "见门店说明。", .category = "测试"};
        if (!qa_pair_insert(db, revision, &pair, &id, err))
            return false;
    }
    return tenant_count_pairs(db, tenant_id, PAIRS, PAIRS, err);
}

static bool ask(struct platform *platform, const char *key, size_t index, struct arena *arena)
{
    struct error err;
    error_clear(&err);
    struct chat_result chat;
    struct feedback_result feedback;
    if (!chat_message(platform,
                      &(struct chat_question){.api_key = key,
                                              .message = texts[index],
                                              .request_id = "request-0001",
                                              .language = LANGUAGE_ZH},
                      arena, &chat, &err)) {
        fail("chat", &err);
        return false;
    }
    acknowledge("message", chat.message_id);
    if (index % 2 == 0)
        return true;
    if (!feedback_add(platform, key, chat.message_id, "bad", "改为：以门店为准。", arena, &feedback, &err)) {
        fail("feedback", &err);
        return false;
    }
    acknowledge("feedback", chat.message_id);
    return true;
}

static bool live_a_day(struct platform *platform, struct arena *arena)
{
    struct error err;
    error_clear(&err);
    struct actor actor = actor_command_line();
    struct tenant tenant;
    struct learning_report learned;
    struct sync_report synced;
    bool done = true;
    if (!tenant_add(platform->store, &actor, "shop", "试验店", "", arena, &tenant, &err)) {
        fail("tenant", &err);
        return false;
    }
    acknowledge("tenant", tenant.id);
    if (!store_write(platform->store, add_pairs, (void *)(uintptr_t)tenant.id, &err)) {
        fail("pairs", &err);
        return false;
    }
    acknowledge("pairs", tenant.id);
    for (size_t i = 0; i < QUESTIONS; i++)
        done = ask(platform, tenant.api_key, i, arena) && done;
    if (!learning_process(platform, &learned, &err) || !vector_sync_run(platform, NULL, &synced, &err)) {
        fail("learning", &err);
        return false;
    }
    return done;
}

static const char SQL_MESSAGE_THERE[] = "SELECT COUNT(*) FROM messages WHERE public_id = $1";
static const char SQL_FEEDBACK_THERE[] =
    "SELECT COUNT(*) FROM feedbacks JOIN messages ON messages.id = feedbacks.message_id WHERE public_id = $1";
static const char SQL_TENANT_THERE[] = "SELECT COUNT(*) FROM tenants WHERE id = $1";
static const char SQL_PAIRS_THERE[] = "SELECT COUNT(*) >= 12 FROM qa_pairs WHERE tenant_id = $1";

static const struct {
    const char *kind, *sql;
} kinds[] = {{"message", SQL_MESSAGE_THERE},
             {"feedback", SQL_FEEDBACK_THERE},
             {"tenant", SQL_TENANT_THERE},
             {"pairs", SQL_PAIRS_THERE}};

static bool verify(struct platform *platform)
{
    char kind[16], id[64];
    struct error err;
    error_clear(&err);
    CLEANUP(store_reader_release) struct db *db = NULL;
    if (!store_reader(platform->store, READ_LIMIT_MS, &db, &err))
        return false;
    while (scanf("ack %15s %63s\n", kind, id) == 2) {
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
            int64_t there = 1;
            if (strcmp(kinds[i].kind, kind) == 0 &&
                db_find_int(db, kinds[i].sql, DB_ARGS(db_text(id)), 0, &there, &err) && there != 1)
                printf("lost %s %s\n", kind, id);
        }
    }
    return err.code == ERROR_NONE;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    struct error err;
    error_clear(&err);
    struct setting_flag flags[] = {{"data", argv[2]}, {NULL, NULL}};
    struct settings_box *settings;
    struct app *app;
    CLEANUP(arena_release) struct arena arena = {0};
    if (!settings_load(&settings, NULL, flags, &err)) {
        fail("settings", &err);
        return 1;
    }
    struct app_options options = {.settings = settings, .depth = APP_SERVICES};
    if (!app_open(&app, &options, &err)) {
        fail("open", &err);
        settings_free(settings);
        return 1;
    }
    bool done =
        strcmp(argv[1], "verify") == 0 ? verify(app_platform(app)) : live_a_day(app_platform(app), &arena);
    app_close(app);
    settings_free(settings);
    return done ? 0 : 1;
}
