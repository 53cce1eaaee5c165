/* The demonstration's common templates: a dozen questions of the corpus, as the head office would have
 * worded them, and the shops' pairs with these questions as their copies. Some shops lack one, have an
 * older version, or have words of their own. Pairs are linked, none are added. */
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/demo_corpus.h"
#include "cli/demo_history.h"
#include "ops/templates/template_manager.h"
#include "platform/chat/backfill.h"
#include "platform/knowledge/knowledge.h"
#include "platform/knowledge/templates.h"
#include "platform/tenants/tenants.h"

#define SHOPS_OF_WORK 100 /* in one transaction */

/* Shares are of all shops; of those that are reached, `renewed` have the second version, `edited` their own
 * words. */
static const struct story {
    const char *question;
    double reached;
    bool for_all, second_version;
    double renewed, edited;
} stories[] = {
    {"如何修改预约时间？", 1.0, true, false, 0, 0},
    {"没收到预约确认邮件怎么办？", 1.0, true, true, 0.6, 0},
    {"退款几天能到账？", 0.8, true, false, 0, 0.1},
    {"下雨可以免费改期吗？", 1.0, true, false, 0, 0},
    {"预约时填写的个人信息会怎么处理？", 0.8, true, false, 0, 0},
    {"和服的衣襟哪边在上？", 0.4, false, false, 0, 0},
    {"可以用支付宝或微信付款吗？", 0.6, false, false, 0, 0.1},
    {"租和服可以免税吗？", 1.0, true, true, 0.8, 0.15},
    {"归还前需要自己洗干净吗？", 1.0, true, false, 0, 0},
    {"怎么转接人工客服？", 0, false, false, 0, 0},
    {"听障客人可以怎么沟通？", 0.9, true, true, 0, 0},
    {"线上付款失败怎么办？", 0.2, false, false, 0, 0},
};
#define STORIES ARRAY_SIZE(stories)

#define SECOND_VERSION "%s如遇节假日，以门店当日公告为准。"
#define OWN_WORDS "%s详情欢迎致电本店咨询。"

struct demo_template {
    size_t corpus_place;
    int64_t id, version;
};

struct templates_work {
    struct demo_plan *plan;
    const struct demo_template *templates;
    size_t first, count;
};

static bool demo_template_make(struct platform *platform, const struct story *story,
                               struct demo_template *made, struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    struct actor actor = actor_command_line();
    struct template template;
    made->corpus_place = 0;
    for (size_t i = demo_pair_count; i-- > 0;)
        if (strcmp(demo_pairs[i].question, story->question) == 0)
            made->corpus_place = i;
    const struct demo_pair *pair = &demo_pairs[made->corpus_place];
    struct template_edit text = {pair->question, pair->answer, pair->category, INT_NULL};
    struct template_edit next = {.answer = arena_printf(&arena, SECOND_VERSION, pair->answer),
                                 .version = INT_NULL};
    if (!template_create(platform, &actor, &text, &arena, &template, err) ||
        (story->second_version &&
         !template_update(platform, &actor, template.id, &next, &arena, &template, err)))
        return false;
    made->id = template.id;
    made->version = template.version;
    return true;
}

/* ---- the shops ---- */

struct shop_writing {
    struct db *db;
    const struct demo_shop *shop;
    struct demo_random random;
    int64_t revision, unsynced;
    int64_t edited_at; /* within the last weeks, each shop at a time of its own */
};

static bool copy_put_answer(struct shop_writing *w, int64_t pair_id, const struct demo_pair *text,
                            const char *answer, struct error *err)
{
    bool was_synced;
    struct qa_pair pair = {.id = pair_id,
                           .tenant_id = w->shop->id,
                           .question = text->question,
                           .answer = answer,
                           .category = text->category};
    if ((w->revision == 0 && !tenant_next_revision(w->db, w->shop->id, &w->revision, err)) ||
        !qa_pair_update_text(w->db, w->revision, &pair, &was_synced, err) ||
        !backfill_pair_edited(w->db, pair_id, w->edited_at, err))
        return false;
    w->unsynced += was_synced;
    return true;
}

/* Draws the same numbers whatever they lead to, so that one shop's story does not change another's. */
static bool demo_link_copy(struct shop_writing *w, const struct story *story,
                           const struct demo_template *template, int64_t pair_id, struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    const struct demo_pair *pair = &demo_pairs[template->corpus_place];
    bool reached = demo_random_unit(&w->random) < story->reached;
    bool renewed = demo_random_unit(&w->random) < story->renewed;
    bool edited = demo_random_unit(&w->random) < story->edited;
    int64_t version = renewed && !edited ? template->version : 1;
    const char *answer = edited    ? arena_printf(&arena, OWN_WORDS, pair->answer)
                         : renewed ? arena_printf(&arena, SECOND_VERSION, pair->answer)
                                   : NULL;
    if (!reached)
        return true;
    return (!answer || copy_put_answer(w, pair_id, pair, answer, err)) &&
           qa_pair_set_link(w->db, pair_id, template->id, version, 0, err) &&
           template_count_copy(w->db, template->id, version, 1, err);
}

/* A hanfu studio has none of these. */
static bool demo_find_pair(const struct demo_shop *shop, size_t corpus_place, int64_t *ret_pair_id)
{
    for (size_t i = 0; i < shop->item_count && (int64_t)i < shop->pair_count && !shop->profile.is_hanfu; i++)
        if (shop->items[i] == demo_items_own() + corpus_place) {
            *ret_pair_id = shop->first_pair + (int64_t)i;
            return true;
        }
    return false;
}

static bool demo_link_shop(struct db *db, const struct templates_work *work, size_t index, struct error *err)
{
    const struct demo_plan *plan = work->plan;
    struct shop_writing w = {
        .db = db,
        .shop = &plan->shops[index],
        .random = demo_random_for((uint64_t)plan->size.seed, 6000000 + index),
    };
    struct demo_random times = demo_random_for((uint64_t)plan->size.seed, 9000000 + index);
    w.edited_at = plan->now - HOUR_MS - (int64_t)demo_random_below(&times, (size_t)(20 * DAY_MS));
    for (size_t i = 0; i < STORIES; i++) {
        int64_t pair_id;
        if (demo_find_pair(w.shop, work->templates[i].corpus_place, &pair_id) &&
            !demo_link_copy(&w, &stories[i], &work->templates[i], pair_id, err))
            return false;
    }
    return tenant_count_pairs(db, w.shop->id, 0, w.unsynced, err);
}

static bool demo_link_shops(struct db *db, void *context, struct error *err)
{
    const struct templates_work *work = context;
    for (size_t i = work->first; i < work->first + work->count; i++)
        if (!demo_link_shop(db, work, i, err))
            return false;
    return true;
}

static bool demo_mark_for_all(struct db *db, void *context, struct error *err)
{
    const struct templates_work *work = context;
    for (size_t i = 0; i < STORIES; i++)
        if (stories[i].for_all && !template_mark_for_all(db, work->templates[i].id, err))
            return false;
    return templates_grow_revision(db, err);
}

bool demo_templates_load(struct platform *platform, struct demo_plan *plan, struct error *err)
{
    struct demo_template templates[STORIES];
    struct templates_work work = {.plan = plan, .templates = templates};
    size_t total = (size_t)plan->size.tenants;
    for (size_t i = 0; i < STORIES; i++)
        if (!demo_template_make(platform, &stories[i], &templates[i], err))
            return false;
    for (; work.first < total; work.first += work.count) {
        work.count = total - work.first < SHOPS_OF_WORK ? total - work.first : SHOPS_OF_WORK;
        if (!store_write(platform->store, demo_link_shops, &work, err))
            return false;
    }
    return store_write(platform->store, demo_mark_for_all, &work, err);
}
