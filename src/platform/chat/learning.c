#include "platform/chat/learning.h"

#include <inttypes.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/log.h"
#include "platform/chat/feedback.h"
#include "platform/jobs/scheduler.h"
#include "platform/knowledge/knowledge.h"
#include "platform/tenants/gate.h"
#include "platform/tenants/queue.h"
#include "platform/tenants/tenants.h"
#include "settings/settings.h"

/* How well a pair's question must match what was asked for both to be the same question in other words. */
#define SAME_QUESTION_SCORE 0.8

/* Those with something to learn: what waits for a person may be all that a tenant has. */
static const char SQL_TENANTS_TO_TEACH[] =
    "SELECT id FROM tenants WHERE " TENANT_GATE_SQL " AND pending_feedback_count > 0"
    " AND EXISTS (SELECT 1 FROM feedbacks f WHERE f.tenant_id = tenants.id AND f.status = 'pending'"
    " AND f.correction IS NOT NULL AND f.held_for IS NULL) ORDER BY id";

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

static bool learning_audit(struct lesson *lesson, const struct feedback_correction *feedback, int64_t pair_id,
                           struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf pair = {0};
    struct json_writer w = {.out = &pair};
    json_object_begin(&w);
    json_key_text(&w, "question", feedback->question);
    json_key_text(&w, "answer", feedback->correction);
    json_object_end(&w);
    struct audit_entry entry = {
        .action = "knowledge.learn",
        .target_type = "qa_pair",
        .target_id = arena_printf(lesson->arena, "%" PRId64, pair_id),
        .after = strbuf_text(&pair),
        .reason = arena_printf(lesson->arena, "feedback %" PRId64, feedback->id),
    };
    return audit_append(lesson->db, &actor_system, &entry, err);
}

static bool learning_create_pair(struct lesson *lesson, const struct feedback_correction *feedback,
                                 int64_t *ret_id, struct error *err)
{
    struct qa_pair pair = {
        .tenant_id = lesson->batch->tenant_id,
        .question = feedback->question,
        .answer = feedback->correction,
        .source = "learned",
    };
    if (lesson->revision == 0 &&
        !tenant_next_revision(lesson->db, lesson->batch->tenant_id, &lesson->revision, err))
        return false;
    if (!qa_pair_insert(lesson->db, lesson->revision, &pair, ret_id, err))
        return false;
    lesson->unsynced++;
    lesson->batch->report.learned++;
    return learning_audit(lesson, feedback, *ret_id, err);
}

static bool learning_hold(struct lesson *lesson, const struct feedback_correction *feedback,
                          const char *held_for, int64_t pair_id, struct error *err)
{
    lesson->batch->report.held++;
    return feedback_hold(lesson->db, feedback->id, held_for, pair_id, err);
}

/* The live pair whose answer it would change: that of the same question, or the one that answered as well as
 * if it were. 0: there is none. `ret_answer`: what it answers. */
static bool learning_find_contradicted(struct lesson *lesson, const struct feedback_correction *feedback,
                                       int64_t *ret_id, const char **ret_answer, struct error *err)
{
    struct qa_pair pair;
    bool found;
    size_t count = 0;
    *ret_id = 0;
    if (!qa_pair_same_question(lesson->db, lesson->batch->tenant_id, feedback->question, lesson->arena, &pair,
                               &found, err))
        return false;
    if (!found && feedback->answered_by && feedback->score >= SAME_QUESTION_SCORE &&
        !qa_pairs_get(lesson->db, lesson->batch->tenant_id, &feedback->answered_by, 1, lesson->arena, &pair,
                      &count, err))
        return false;
    if (!found && count == 0)
        return true;
    *ret_id = pair.id;
    *ret_answer = pair.answer;
    return true;
}

/* The key that a correction comes with is public: a correction may add an answer that the shop lacks, and never
 * change what it answers already, be it under another wording. */
static bool learning_take_correction(struct lesson *lesson, const struct feedback_correction *feedback,
                                     struct error *err)
{
    struct error wrong;
    error_clear(&wrong);
    int64_t pair_id;
    const char *answer = NULL;
    lesson->batch->report.feedbacks++;
    if (!qa_pair_validate(feedback->question, feedback->correction, "", &wrong))
        return learning_hold(lesson, feedback, FEEDBACK_HELD_UNFIT, 0, err);
    if (!learning_find_contradicted(lesson, feedback, &pair_id, &answer, err))
        return false;
    bool agrees = pair_id && strcmp(answer, feedback->correction) == 0; /* it has been corrected since */
    if (pair_id && !agrees)
        return learning_hold(lesson, feedback, FEEDBACK_HELD_EXISTING, pair_id, err);
    return (agrees || learning_create_pair(lesson, feedback, &pair_id, err)) &&
           feedback_learned(lesson->db, feedback->id, pair_id, err);
}

/* A store_work: everything that a batch changes, or nothing. */
static bool learning_batch_work(struct db *db, void *context, struct error *err)
{
    struct batch *batch = context;
    CLEANUP(arena_release) struct arena arena = {0};
    struct lesson lesson = {.db = db, .arena = &arena, .batch = batch};
    batch->report = (struct learning_report){0};
    batch->taken = 0;
    if (!tenant_gate_ask(db, TENANT_GATE_LEARNING, batch->tenant_id, TENANT_GATE_BEGINS_NOW, err))
        return false;
    struct feedback_correction *feedbacks = arena_alloc(&arena, batch->size * sizeof(*feedbacks));
    if (!feedback_corrections(db, batch->tenant_id, batch->after, batch->size, &arena, feedbacks,
                              &batch->taken, err))
        return false;
    for (size_t i = 0; i < batch->taken; i++) {
        if (!learning_take_correction(&lesson, &feedbacks[i], err))
            return false;
        batch->reached = feedbacks[i].id;
    }
    int64_t done = batch->report.feedbacks - batch->report.held;
    if (done > 0 && !tenant_count_pending(db, batch->tenant_id, -done, err))
        return false;
    return lesson.revision == 0 ||
           tenant_count_pairs(db, batch->tenant_id, batch->report.learned, lesson.unsynced, err);
}

static void learning_process_tenant(struct platform *platform, const char *tenant_id,
                                    struct learning_report *report)
{
    struct batch batch = {.tenant_id = tenant_id};
    do {
        struct error why;
        error_clear(&why);
        batch.size = (size_t)settings_now(platform->settings)->batch_size;
        if (!store_write(platform->store, learning_batch_work, &batch, &why)) {
            /* A tenant that is suspended between two batches is no failure: it goes on when it is activated. */
            if (why.code == ERROR_TENANT_SUSPENDED)
                return;
            log_error("learning", "tenant %s: %s", tenant_id, why.detail[LANGUAGE_EN]);
            report->failed++;
            return;
        }
        report->feedbacks += batch.report.feedbacks;
        report->learned += batch.report.learned;
        report->held += batch.report.held;
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
        learning_process_tenant(platform, queue.ids[i], &report);
    *ret_report = report;
    return true;
}
