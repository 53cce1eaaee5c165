#include "platform/learning.h"

#include <inttypes.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/log.h"
#include "platform/feedback.h"
#include "platform/knowledge.h"
#include "platform/scheduler.h"
#include "platform/tenant_gate.h"
#include "platform/tenant_queue.h"
#include "platform/tenants.h"
#include "settings/settings.h"

static const char SQL_TENANTS_TO_TEACH[] =
    "SELECT id FROM tenants WHERE " TENANT_GATE_SQL " AND pending_feedback_count > 0 ORDER BY id";

/* One batch of one tenant; what is set here is set anew when the transaction runs again. */
struct batch {
    const char *tenant_id;
    size_t size;
    int64_t after;   /* in: feedbacks up to this one have been looked at */
    int64_t reached; /* out: the last one of this batch */
    size_t taken;    /* out: 0 when there are no more */
    struct learning_report report;
};

/* What the batch's feedbacks share. */
struct lesson {
    struct db *db;
    struct arena *arena;
    struct batch *batch;
    int64_t revision; /* 0: none needed yet */
    int64_t unsynced; /* pairs that are so now and were not */
};

static const char *pair_json(struct arena *arena, const char *question, const char *answer)
{
    CLEANUP(strbuf_release) struct strbuf out = {0};
    struct json_writer w = {.out = &out};
    json_object_begin(&w);
    json_key_text(&w, "question", question);
    json_key_text(&w, "answer", answer);
    json_object_end(&w);
    return arena_strdup(arena, strbuf_text(&out));
}

static bool note(struct lesson *lesson, const struct feedback_correction *feedback, int64_t pair_id,
                 const char *old_answer, struct error *err)
{
    struct audit_entry entry = {
        .action = "knowledge.learn",
        .target_type = "qa_pair",
        .target_id = arena_printf(lesson->arena, "%" PRId64, pair_id),
        .before = old_answer ? pair_json(lesson->arena, feedback->question, old_answer) : NULL,
        .after = pair_json(lesson->arena, feedback->question, feedback->correction),
        .reason = arena_printf(lesson->arena, "feedback %" PRId64, feedback->id),
    };
    return audit_append(lesson->db, &actor_system, &entry, err);
}

static bool take_revision(struct lesson *lesson, struct error *err)
{
    return lesson->revision ||
           tenant_next_revision(lesson->db, lesson->batch->tenant_id, &lesson->revision, err);
}

static bool create_pair(struct lesson *lesson, const struct feedback_correction *feedback, int64_t *ret_id,
                        struct error *err)
{
    struct qa_pair pair = {
        .tenant_id = lesson->batch->tenant_id,
        .question = feedback->question,
        .answer = feedback->correction,
        .source = "learned",
    };
    if (!take_revision(lesson, err) || !qa_pair_insert(lesson->db, lesson->revision, &pair, ret_id, err))
        return false;
    lesson->unsynced++;
    lesson->batch->report.learned++;
    return note(lesson, feedback, *ret_id, NULL, err);
}

static bool correct_pair(struct lesson *lesson, const struct feedback_correction *feedback,
                         const struct qa_pair *old, struct error *err)
{
    if (strcmp(old->answer, feedback->correction) == 0)
        return true; /* somebody has corrected it already */
    struct qa_pair pair = *old;
    pair.answer = feedback->correction;
    bool was_synced;
    if (!take_revision(lesson, err) ||
        !qa_pair_update_text(lesson->db, lesson->revision, &pair, &was_synced, err))
        return false;
    lesson->unsynced += was_synced;
    lesson->batch->report.updated++;
    return note(lesson, feedback, old->id, old->answer, err);
}

static bool learn_one(struct lesson *lesson, const struct feedback_correction *feedback, struct error *err)
{
    struct error wrong;
    error_clear(&wrong);
    lesson->batch->report.feedbacks++;
    if (!qa_pair_validate(feedback->question, feedback->correction, "", &wrong)) {
        lesson->batch->report.failed++;
        return true; /* stays pending */
    }
    struct qa_pair pair;
    bool found;
    int64_t pair_id;
    if (!qa_pair_same_question(lesson->db, lesson->batch->tenant_id, feedback->question, lesson->arena, &pair,
                               &found, err))
        return false;
    bool done =
        found ? correct_pair(lesson, feedback, &pair, err) : create_pair(lesson, feedback, &pair_id, err);
    return done && feedback_learned(lesson->db, feedback->id, found ? pair.id : pair_id, err);
}

static bool learn_all(struct lesson *lesson, const struct feedback_correction *feedbacks, struct error *err)
{
    struct batch *batch = lesson->batch;
    for (size_t i = 0; i < batch->taken; i++) {
        if (!learn_one(lesson, &feedbacks[i], err))
            return false;
        batch->reached = feedbacks[i].id;
    }
    int64_t done = batch->report.feedbacks - batch->report.failed;
    if (done > 0 && !tenant_count_pending(lesson->db, batch->tenant_id, -done, err))
        return false;
    return lesson->revision == 0 ||
           tenant_count_pairs(lesson->db, batch->tenant_id, batch->report.learned, lesson->unsynced, err);
}

/* A store_work: everything that a batch changes, or nothing. */
static bool learn_batch(struct db *db, void *context, struct error *err)
{
    struct batch *batch = context;
    CLEANUP(arena_release) struct arena arena = {0};
    struct lesson lesson = {.db = db, .arena = &arena, .batch = batch};
    batch->report = (struct learning_report){0};
    batch->taken = 0;
    if (!tenant_gate_ask(db, TENANT_GATE_LEARNING, batch->tenant_id, TENANT_GATE_BEGINS_NOW, err))
        return false;
    struct feedback_correction *feedbacks = arena_alloc(&arena, batch->size * sizeof(*feedbacks));
    return feedback_corrections(db, batch->tenant_id, batch->after, batch->size, &arena, feedbacks,
                                &batch->taken, err) &&
           learn_all(&lesson, feedbacks, err);
}

static void add_report(struct learning_report *into, const struct learning_report *add)
{
    into->feedbacks += add->feedbacks;
    into->learned += add->learned;
    into->updated += add->updated;
    into->failed += add->failed;
}

/* A tenant that is suspended between two batches is no failure: it goes on when it is activated. */
static void note_failure(const char *tenant_id, const struct error *why, struct learning_report *report)
{
    if (why->code == ERROR_TENANT_SUSPENDED)
        return;
    log_error("learning", "tenant %s: %s", tenant_id, why->detail[LANGUAGE_EN]);
    report->failed++;
}

static void teach_tenant(struct platform *platform, const char *tenant_id, struct learning_report *report)
{
    struct batch batch = {.tenant_id = tenant_id};
    do {
        struct error why;
        error_clear(&why);
        batch.size = (size_t)settings_now(platform->settings)->batch_size;
        if (!store_write(platform->store, learn_batch, &batch, &why)) {
            note_failure(tenant_id, &why, report);
            return;
        }
        add_report(report, &batch.report);
        batch.after = batch.reached;
    } while (batch.taken == batch.size && !scheduler_stopping());
}

bool learning_process(struct platform *platform, struct learning_report *ret_report, struct error *err)
{
    CLEANUP(tenant_queue_release) struct tenant_queue queue = {0};
    if (!tenant_queue_read(&queue, platform->store, SQL_TENANTS_TO_TEACH, err))
        return false;
    struct learning_report report = {0};
    for (size_t i = 0; i < queue.count && !scheduler_stopping(); i++)
        teach_tenant(platform, queue.ids[i], &report);
    *ret_report = report;
    return true;
}
