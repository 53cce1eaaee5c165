#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cli/demo_corpus.h"
#include "cli/demo_history.h"
#include "cli/demo_story.h"
#include "platform/chat/backfill.h"
#include "platform/knowledge/knowledge.h"
#include "platform/tenants/tenants.h"
#include "store/store.h"

#define SHOPS_OF_WORK 20   /* in one transaction, while they are small */
#define UNSYNCED_SHARE .02 /* of pairs: edited lately */
#define UNSYNCED_BEHIND 14 /* pairs that the index has not taken of a shop whose sync fails */

struct shops_work {
    struct demo_plan *plan;
    size_t first, count;
};

/* When somebody last logged in: most within days; one of five never did, nor anybody of a shop that fell silent lately. */
static int64_t shops_last_login(const struct demo_plan *plan, const struct demo_shop *shop, bool is_admin,
                                struct demo_random *random)
{
    double drawn = demo_random_unit(random);
    int64_t since = shop->profile.fate == DEMO_FALLS_SILENT ? plan->now - 16 * DAY_MS : plan->now;
    int64_t until = shop->suspended_at ? shop->suspended_at : since;
    int64_t ago =
        (int64_t)(pow(demo_random_unit(random), 3) * (is_admin ? 4 : 25) * (double)DAY_MS) + 20 * MINUTE_MS;
    bool never = !is_admin && drawn < 0.2;
    return never || until - ago < shop->created_at ? INT_NULL : until - ago;
}

static bool shops_add_users(struct db *db, const struct demo_plan *plan, size_t index, struct error *err)
{
    const struct demo_shop *shop = &plan->shops[index];
    struct demo_random random = demo_random_for((uint64_t)plan->size.seed, 2000000 + index);
    size_t count = 1 + demo_random_below(&random, 3) + (shop->profile.weight > 10 ? 3 : 0);
    for (size_t i = 0; i < count; i++) {
        char username[64];
        const char *name = demo_staff_names[demo_random_below(&random, demo_staff_name_count)];
        snprintf(username, sizeof(username), "%s.%zu-%zu", name, index + 1, i + 1);
        struct backfill_user user = {
            .username = username,
            .role = i == 0 ? "tenant_admin" : "tenant_staff",
            .tenant_id = shop->id,
            .created_at = shop->created_at,
            .logged_in_at = shops_last_login(plan, shop, i == 0, &random),
        };
        if (!backfill_user_add(db, &user, err))
            return false;
    }
    return true;
}

static bool shops_add_pair(struct db *db, const struct demo_plan *plan, struct demo_shop *shop, int64_t index,
                           int64_t revision, struct demo_random *random, int64_t *unsynced, struct error *err)
{
    struct demo_text text;
    demo_pair_text(shop, index, random, &text);
    bool edited = demo_random_unit(random) < UNSYNCED_SHARE ||
                  (shop->profile.fate == DEMO_SYNC_FAILS && index < UNSYNCED_BEHIND);
    int64_t created_at =
        shop->created_at + (int64_t)demo_random_below(random, (size_t)(plan->now - shop->created_at));
    int64_t id;
    struct qa_pair pair = {
        .tenant_id = shop->id,
        .question = text.question,
        .answer = text.answer,
        .category = text.category,
        .source = demo_random_unit(random) < 0.7 ? "import" : "manual",
        .created_at = created_at,
        .is_synced = !edited,
        .synced_at = edited ? INT_NULL : created_at + 10 * MINUTE_MS,
    };
    if (!qa_pair_insert(db, revision, &pair, &id, err))
        return false;
    if (index == 0)
        shop->first_pair = id;
    *unsynced += edited;
    return true;
}

static bool shops_add_pairs(struct db *db, const struct demo_plan *plan, size_t index, struct error *err)
{
    struct demo_shop *shop = &plan->shops[index];
    struct demo_random random = demo_random_for((uint64_t)plan->size.seed, 3000000 + index);
    int64_t revision, unsynced = 0;
    if (!tenant_next_revision(db, shop->id, &revision, err))
        return false;
    for (int64_t i = 0; i < shop->pair_count; i++)
        if (!shops_add_pair(db, plan, shop, i, revision, &random, &unsynced, err))
            return false;
    return tenant_count_pairs(db, shop->id, shop->pair_count, unsynced, err);
}

static bool shops_add(struct db *db, const struct demo_plan *plan, size_t index, struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    const struct demo_shop *shop = &plan->shops[index];
    struct tenant tenant;
    struct actor actor = actor_command_line();
    if (!tenant_insert(db, &actor, shop->id, shop->profile.name, shop->profile.contact, &arena, &tenant,
                       err) ||
        !backfill_tenant_created(db, shop->id, shop->created_at, err))
        return false;
    if (!shops_add_users(db, plan, index, err) || !shops_add_pairs(db, plan, index, err))
        return false;
    return !shop->suspended_at || backfill_tenant_suspended(db, shop->id, shop->suspended_at, DEMO_OPERATOR,
                                                            shop->profile.fate_reason, err);
}

static bool shops_add_some(struct db *db, void *context, struct error *err)
{
    const struct shops_work *work = context;
    for (size_t i = work->first; i < work->first + work->count; i++)
        if (!shops_add(db, work->plan, i, err))
            return false;
    return true;
}

bool demo_shops_load(struct platform *platform, struct demo_plan *plan, struct error *err)
{
    size_t step = plan->size.pairs > 500 ? 1 : SHOPS_OF_WORK, total = (size_t)plan->size.tenants;
    for (size_t first = 0; first < total; first += step) {
        struct shops_work work = {plan, first, total - first < step ? total - first : step};
        if (!store_write(platform->store, shops_add_some, &work, err))
            return false;
    }
    return true;
}
