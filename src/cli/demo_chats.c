#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cli/demo_corpus.h"
#include "cli/demo_history.h"
#include "platform/knowledge.h"
#include "platform/past.h"
#include "platform/tenants.h"
#include "store/store.h"

#define UNKNOWN_SHARE .07  /* of questions that no pair answers */
#define GREETING_SHARE .04 /* of questions that begin with a greeting */
#define FEEDBACK_SHARE .07 /* of answers */
#define GOOD_SHARE .62     /* of feedback */
#define HANDLED_DAYS 4     /* bad feedback older than this has been dealt with */
#define LEARNED_SHARE .55  /* of that, if a pair had answered: the pair has the customer's correction now */
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
    int64_t *last_active_at; /* by shop */
    struct db *db;
    struct error *err;
};

struct asked {
    const char *question, *answer;
    int64_t answered_by;
};

static struct asked draw_question(const struct demo_plan *plan, const struct demo_shop *shop,
                                  struct demo_random *random, char *buffer, size_t size)
{
    if (demo_random_unit(random) < UNKNOWN_SHARE || plan->size.pairs == 0)
        return (struct asked){demo_unknown_questions[demo_random_below(random, demo_unknown_question_count)],
                              "抱歉，这个问题我还不知道答案，请直接联系商家。", 0};
    int64_t index = (int64_t)demo_random_below(random, (size_t)plan->size.pairs);
    char ignored[256];
    struct demo_text text = demo_pair_text(plan, shop, index, random, ignored, sizeof(ignored));
    struct asked asked = {text.asked, text.answer, shop->first_pair + index};
    if (demo_random_unit(random) < GREETING_SHARE) {
        snprintf(buffer, size, "%s，%s", demo_greetings[demo_random_below(random, demo_greeting_count)],
                 text.asked);
        asked.question = buffer;
    }
    return asked;
}

/* Good feedback is noted. Bad feedback waits; what is older than a few days has been learned or rejected. */
static bool add_feedback(struct chats_work *work, const struct demo_group *group, const struct asked *asked,
                         int64_t message_id, struct demo_random *random)
{
    const struct demo_plan *plan = work->plan;
    bool good = demo_random_unit(random) < GOOD_SHARE;
    int64_t at = group->at + MINUTE_MS + (int64_t)demo_random_below(random, (size_t)(20 * MINUTE_MS));
    bool handled = !good && plan->now - at > HANDLED_DAYS * DAY_MS;
    bool learned = handled && asked->answered_by && demo_random_unit(random) < LEARNED_SHARE;
    struct past_feedback feedback = {
        .tenant_id = plan->shops[group->shop].id,
        .message_id = message_id,
        .answered_by = asked->answered_by,
        .rating = good ? "good" : "bad",
        .correction = learned ? asked->answer : NULL,
        .status = good      ? "noted"
                  : learned ? "learned"
                  : handled ? "rejected"
                            : "pending",
        .qa_pair_id = learned ? asked->answered_by : 0,
        .at = at < plan->now ? at : plan->now,
        .processed_at = handled ? at + DAY_MS : INT_NULL,
    };
    if (!good && !handled)
        work->pending[group->shop]++;
    return past_feedback_add(work->db, &feedback, work->err);
}

static bool add_message(struct chats_work *work, const struct demo_group *group, const struct asked *asked,
                        struct demo_random *random, int64_t *ret_message_id)
{
    const struct demo_plan *plan = work->plan;
    const struct demo_shop *shop = &plan->shops[group->shop];
    struct recent *recent = &work->recent[group->shop];
    bool goes_on = recent->conversation_id && group->at - recent->at < SAME_CONVERSATION_MS &&
                   clock_day(group->at) == clock_day(recent->at) && demo_random_unit(random) < 0.5;
    char conversation[48], message[48];
    snprintf(conversation, sizeof(conversation), "conv_%s", group->request_id);
    snprintf(message, sizeof(message), "msg_%s", group->request_id);
    struct past_message past = {
        .tenant_id = shop->id,
        .conversation_public_id = conversation,
        .message_public_id = message,
        .conversation_id = goes_on ? recent->conversation_id : 0,
        .at = group->at,
        .question = asked->question,
        .answer = asked->answer,
        .answered_by = asked->answered_by,
        .score = 0.42 + 0.55 * demo_random_unit(random),
        .latency_ms = group->embedding_ms + group->query_ms + group->chat_ms,
        .model = shop->model,
        .request_id = group->request_id,
    };
    if (!past_message_add(work->db, &past, &recent->conversation_id, ret_message_id, work->err))
        return false;
    recent->at = group->at;
    struct demo_bucket *bucket = demo_bucket_at(plan, work->day, group->at);
    if (bucket && !goes_on)
        bucket->conversations++;
    return true;
}

static bool add_chat(void *context, const struct demo_group *group)
{
    struct chats_work *work = context;
    if (!group->is_message)
        return true;
    struct demo_random random = group->random;
    random.state ^= UINT64_C(0x5DEECE66D); /* another stream than the telemetry's */
    char buffer[256];
    int64_t message_id;
    struct asked asked =
        draw_question(work->plan, &work->plan->shops[group->shop], &random, buffer, sizeof(buffer));
    work->last_active_at[group->shop] = group->at;
    return add_message(work, group, &asked, &random, &message_id) &&
           (demo_random_unit(&random) >= FEEDBACK_SHARE ||
            add_feedback(work, group, &asked, message_id, &random));
}

static bool add_day(struct db *db, void *context, struct error *err)
{
    struct chats_work *work = context;
    work->db = db;
    work->err = err;
    return demo_day(work->plan, work->day, add_chat, work);
}

static bool add_totals(struct db *db, void *context, struct error *err)
{
    const struct chats_work *work = context;
    for (size_t i = 0; i < (size_t)work->plan->size.tenants; i++) {
        const char *id = work->plan->shops[i].id;
        if (work->pending[i] && !tenant_count_pending(db, id, work->pending[i], err))
            return false;
        if (work->last_active_at[i] && !tenant_touch(db, id, work->last_active_at[i], err))
            return false;
    }
    return true;
}

static bool add_days(struct platform *platform, struct chats_work *work, struct error *err)
{
    for (work->day = 0; work->day < work->plan->size.days; work->day++)
        if (!store_write(platform->store, add_day, work, err))
            return false;
    return store_write(platform->store, add_totals, work, err);
}

bool demo_chats_load(struct platform *platform, struct demo_plan *plan, struct error *err)
{
    size_t shops = (size_t)plan->size.tenants;
    struct chats_work work = {
        .plan = plan,
        .recent = xcalloc(shops, sizeof(*work.recent)),
        .pending = xcalloc(shops, sizeof(*work.pending)),
        .last_active_at = xcalloc(shops, sizeof(*work.last_active_at)),
    };
    bool done = add_days(platform, &work, err);
    free(work.recent);
    free(work.pending);
    free(work.last_active_at);
    return done;
}
