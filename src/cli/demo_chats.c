#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cli/demo_corpus.h"
#include "cli/demo_history.h"
#include "cli/demo_story.h"
#include "platform/chat/backfill.h"
#include "platform/chat/feedback.h"
#include "platform/knowledge/knowledge.h"
#include "platform/tenants/tenants.h"
#include "store/store.h"

#define UNKNOWN_SHARE .04  /* of questions that no shop is about */
#define GAP_SHARE .03      /* of questions that nobody has written down yet */
#define WORSE_SHARE .3     /* of questions that another pair answers, since a shop has worsened */
#define GREETING_SHARE .04 /* of questions that begin with a greeting */
#define FEEDBACK_SHARE .07 /* of answers */
#define APPROVED_SHARE .6 /* of what was decided about an answer of a pair: somebody has put the pair right */
#define HANDLED_DAYS 4    /* bad feedback older than this has been dealt with */
#define SAME_CONVERSATION_MS (15 * MINUTE_MS)

/* The newest conversation of each shop: a next message soon after may go on with it. */
struct recent {
    int64_t conversation_id, at;
};

struct chats_work {
    struct demo_plan *plan;
    int64_t day;
    struct recent *recent;   /* by shop */
    int64_t *pending;        /* by shop: feedback left pending */
    int64_t *learned;        /* by shop and gap: the pair that was learned; 0: none yet */
    int64_t *learned_count;  /* by shop */
    int64_t *last_active_at; /* by shop */
    struct db *db;
    struct error *err;
};

struct asked {
    const char *question;
    char buffer[256]; /* of a question with a greeting before it */
    char answer[2048];
    int64_t answered_by; /* 0: nobody */
    double score;
    int gap;               /* -1: it is none */
    char correction[2048]; /* what would have been right, where it was not; "": it was */
};

static const char not_known[] = "抱歉，这个问题我还不知道答案，请直接联系商家。";

static int64_t *chats_learned_pair(const struct chats_work *work, size_t shop, int gap)
{
    return &work->learned[shop * demo_gap_count + (size_t)gap];
}

static void ask_unknown(struct asked *asked, const char *question)
{
    asked->question = question;
    asked->answered_by = 0;
    snprintf(asked->answer, sizeof(asked->answer), "%s", not_known);
}

/* What nobody has written down: not known, until a correction was learned. */
static void ask_gap(const struct chats_work *work, size_t shop, struct demo_random *random,
                    struct asked *asked)
{
    asked->gap = (int)demo_random_below(random, demo_gap_count);
    const struct demo_gap *gap = &demo_gaps[asked->gap];
    ask_unknown(asked, gap->question);
    asked->answered_by = *chats_learned_pair(work, shop, asked->gap);
    if (asked->answered_by)
        snprintf(asked->answer, sizeof(asked->answer), "%s", gap->correction);
    else
        snprintf(asked->correction, sizeof(asked->correction), "%s", gap->correction);
}

static void ask_known(const struct chats_work *work, const struct demo_group *group,
                      struct demo_random *random, struct asked *asked)
{
    const struct demo_shop *shop = &work->plan->shops[group->shop];
    struct demo_text text;
    int64_t index = (int64_t)demo_random_below(random, (size_t)shop->pair_count);
    demo_pair_text(shop, index, random, &text);
    asked->question = text.asked;
    bool has_worsened = shop->profile.fate == DEMO_WORSENS && demo_is_natural(work->plan) &&
                        group->at > work->plan->now - DEMO_WORSE_DAYS * DAY_MS;
    if (has_worsened && demo_random_unit(random) < WORSE_SHARE) {
        struct demo_text other;
        snprintf(asked->correction, sizeof(asked->correction), "%s", text.answer);
        index = (int64_t)demo_random_below(random, (size_t)shop->pair_count);
        demo_pair_text(shop, index, random, &other);
        text = other;
        asked->score = 0.31 + 0.15 * demo_random_unit(random);
    } else {
        asked->score = 0.42 + 0.55 * demo_random_unit(random);
    }
    snprintf(asked->answer, sizeof(asked->answer), "%s", text.answer);
    asked->answered_by = shop->first_pair + index;
}

static void chats_draw_question(const struct chats_work *work, const struct demo_group *group,
                                struct demo_random *random, struct asked *ret_asked)
{
    double kind = demo_random_unit(random);
    const struct demo_shop *shop = &work->plan->shops[group->shop];
    *ret_asked = (struct asked){.gap = -1};
    if (kind < UNKNOWN_SHARE || shop->pair_count == 0)
        ask_unknown(ret_asked,
                    demo_unknown_questions[demo_random_below(random, demo_unknown_question_count)]);
    else if (kind < UNKNOWN_SHARE + GAP_SHARE)
        ask_gap(work, group->shop, random, ret_asked);
    else
        ask_known(work, group, random, ret_asked);
    if (demo_random_unit(random) >= GREETING_SHARE)
        return;
    snprintf(ret_asked->buffer, sizeof(ret_asked->buffer), "%s，%s",
             demo_greetings[demo_random_below(random, demo_greeting_count)], ret_asked->question);
    if (ret_asked->gap < 0) /* those are learned word for word */
        ret_asked->question = ret_asked->buffer;
}

static bool chats_learn(struct chats_work *work, size_t shop_index, const struct asked *asked, int64_t at,
                        int64_t *ret_pair, struct error *err)
{
    const struct demo_shop *shop = &work->plan->shops[shop_index];
    int64_t revision, *learned = chats_learned_pair(work, shop_index, asked->gap);
    struct qa_pair pair = {
        .tenant_id = shop->id,
        .question = demo_gaps[asked->gap].question,
        .answer = demo_gaps[asked->gap].correction,
        .source = "learned",
        .created_at = at,
        .is_synced = true,
        .synced_at = at + 10 * MINUTE_MS,
    };
    if (*learned == 0) {
        if (!tenant_next_revision(work->db, shop->id, &revision, err) ||
            !qa_pair_insert(work->db, revision, &pair, learned, err))
            return false;
        work->learned_count[shop_index]++;
    }
    *ret_pair = *learned;
    return true;
}

/* Good feedback is noted. Bad feedback waits; what is older than a few days has been learned, or decided. */
static bool chats_add_feedback(struct chats_work *work, const struct demo_group *group,
                               const struct asked *asked, int64_t message_id, struct demo_random *random)
{
    const struct demo_plan *plan = work->plan;
    const struct demo_shop *shop = &plan->shops[group->shop];
    /* Customers think well of nearly all that is right, badly of what isn't, and of some that is. */
    bool good = demo_random_unit(random) < (asked->correction[0] || !asked->answered_by ? 0.06 : 0.86);
    bool says_so = !good && asked->correction[0] && demo_random_unit(random) < 0.6;
    int64_t at = group->at + MINUTE_MS + (int64_t)demo_random_below(random, (size_t)(20 * MINUTE_MS));
    at = at < plan->now ? at : plan->now;
    bool handled = !good && plan->now - at > HANDLED_DAYS * DAY_MS;
    bool learns = handled && says_so && asked->gap >= 0 && demo_is_natural(plan) && !asked->answered_by;
    bool approved = handled && !learns && asked->answered_by && demo_random_unit(random) < APPROVED_SHARE;
    struct backfill_feedback feedback = {
        .tenant_id = shop->id,
        .message_id = message_id,
        .answered_by = asked->answered_by,
        .rating = good ? "good" : "bad",
        .correction = says_so ? asked->correction : NULL,
        .status = good       ? "noted"
                  : learns   ? "learned"
                  : approved ? "approved"
                  : handled  ? "rejected"
                             : "pending",
        .qa_pair_id = approved ? asked->answered_by : 0,
        .held_for = says_so && !handled && asked->answered_by ? FEEDBACK_HELD_EXISTING : NULL,
        .held_pair_id = says_so && !handled ? asked->answered_by : 0,
        .decided_by = handled && !learns ? DEMO_OPERATOR : NULL,
        .at = at,
        .processed_at = handled ? at + DAY_MS : INT_NULL,
    };
    if (!good && !handled)
        work->pending[group->shop]++;
    return (!learns || chats_learn(work, group->shop, asked, at + DAY_MS, &feedback.qa_pair_id, work->err)) &&
           backfill_feedback_add(work->db, &feedback, work->err);
}

static bool chats_add_message(struct chats_work *work, const struct demo_group *group,
                              const struct asked *asked, struct demo_random *random, int64_t *ret_message_id)
{
    const struct demo_plan *plan = work->plan;
    const struct demo_shop *shop = &plan->shops[group->shop];
    struct recent *recent = &work->recent[group->shop];
    bool goes_on = recent->conversation_id && group->at - recent->at < SAME_CONVERSATION_MS &&
                   clock_day(group->at) == clock_day(recent->at) && demo_random_unit(random) < 0.5;
    char conversation[48], message[48];
    snprintf(conversation, sizeof(conversation), "conv_%s", group->request_id);
    snprintf(message, sizeof(message), "msg_%s", group->request_id);
    struct backfill_message backfilled = {
        .tenant_id = shop->id,
        .conversation_public_id = conversation,
        .message_public_id = message,
        .conversation_id = goes_on ? recent->conversation_id : 0,
        .at = group->at,
        .question = asked->question,
        .answer = asked->answer,
        .answered_by = asked->answered_by,
        .score = asked->score,
        .latency_ms = group->embedding_ms + group->query_ms + group->chat_ms,
        .model = shop->profile.model,
        .request_id = group->request_id,
    };
    if (!backfill_message_add(work->db, &backfilled, &recent->conversation_id, ret_message_id, work->err))
        return false;
    recent->at = group->at;
    struct demo_bucket *bucket = demo_bucket_at(plan, work->day, group->at);
    if (bucket && !goes_on)
        bucket->conversations++;
    return true;
}

static bool chats_add(void *context, const struct demo_group *group)
{
    struct chats_work *work = context;
    if (!group->is_message)
        return true;
    struct demo_random random = group->random;
    random.state ^= UINT64_C(0x5DEECE66D); /* another stream than the telemetry's */
    int64_t message_id;
    struct asked asked;
    chats_draw_question(work, group, &random, &asked);
    work->last_active_at[group->shop] = group->at;
    return chats_add_message(work, group, &asked, &random, &message_id) &&
           (demo_random_unit(&random) >= FEEDBACK_SHARE ||
            chats_add_feedback(work, group, &asked, message_id, &random));
}

static bool chats_add_day(struct db *db, void *context, struct error *err)
{
    struct chats_work *work = context;
    work->db = db;
    work->err = err;
    return demo_day(work->plan, work->day, chats_add, work);
}

static bool chats_add_totals(struct db *db, void *context, struct error *err)
{
    const struct chats_work *work = context;
    for (size_t i = 0; i < (size_t)work->plan->size.tenants; i++) {
        const char *id = work->plan->shops[i].id;
        if (work->pending[i] && !tenant_count_pending(db, id, work->pending[i], err))
            return false;
        if (work->learned_count[i] && !tenant_count_pairs(db, id, work->learned_count[i], 0, err))
            return false;
        if (work->last_active_at[i] && !tenant_touch(db, id, work->last_active_at[i], err))
            return false;
    }
    return true;
}

bool demo_chats_load(struct platform *platform, struct demo_plan *plan, struct error *err)
{
    size_t shops = (size_t)plan->size.tenants;
    struct chats_work work = {
        .plan = plan,
        .recent = xcalloc(shops, sizeof(*work.recent)),
        .pending = xcalloc(shops, sizeof(*work.pending)),
        .learned = xcalloc(shops * demo_gap_count, sizeof(*work.learned)),
        .learned_count = xcalloc(shops, sizeof(*work.learned_count)),
        .last_active_at = xcalloc(shops, sizeof(*work.last_active_at)),
    };
    bool done = true;
    for (; done && work.day < plan->size.days; work.day++)
        done = store_write(platform->store, chats_add_day, &work, err);
    done = done && store_write(platform->store, chats_add_totals, &work, err);
    free(work.recent);
    free(work.pending);
    free(work.learned);
    free(work.learned_count);
    free(work.last_active_at);
    return done;
}
