/* Feedback that waits for a person: customers' corrections, and bad ratings without one. What customers say,
 * and what learning does with it by itself, is platform/chat/feedback.h and platform/chat/learning.h. */
#ifndef KIMONO_OPS_KNOWLEDGE_CORRECTION_MANAGER_H
#define KIMONO_OPS_KNOWLEDGE_CORRECTION_MANAGER_H

#include "base/descriptor.h"
#include "platform/audit/audit.h"
#include "platform/platform.h"

#define CORRECTION_NOTE_MAX 500                  /* characters */
extern const char *const correction_statuses[];  /* pending, approved, rejected, learned; NULL-terminated */
extern const char *const correction_held_fors[]; /* existing_pair, unfit */

struct correction {
    int64_t id;
    const char *tenant_id, *tenant_name;
    const char *message_id, *question, *answer; /* what was asked and answered */
    bool answered;
    const char *correction; /* what it should have been; NULL: the customer has not written it */
    const char *status;
    const char *held_for; /* why learning leaves it alone; NULL: it does not, or is switched off */
    int64_t qa_pair_id;   /* what it became or would change, else what answered; INT_NULL: none */
    const char *pair_question, *pair_answer; /* of that pair as it is now; NULL: it is gone */
    int64_t version, created_at;
    const char *decided_by, *note;
    int64_t decided_at;
};
extern const struct descriptor correction_descriptor;

struct correction_filter {
    const char *tenant_id; /* NULL: of all */
    const char *status;
    bool with_correction; /* without those that only say that an answer was bad */
};
struct correction_list {
    struct correction *items;
    size_t items_count;
    int64_t total, total_at_least; /* one of them; the other INT_NULL */
    int64_t page, page_size;
    const char *next_cursor; /* NULL: this is the end */
};
extern const struct descriptor correction_list_descriptor;

struct correction_place {
    const char *cursor;      /* next_cursor of the page before; NULL: `page` */
    int64_t page, page_size; /* from 1 */
};
#define CORRECTION_PAGE_DEPTH 10000 /* rows that `page` can skip; a cursor has no such limit */
/* The newest first. ERROR_INVALID names `cursor` or `page`. */
bool correction_list(struct db *db, const struct correction_filter *filter,
                     const struct correction_place *place, struct arena *arena,
                     struct correction_list *ret_list, struct error *err);
/* ERROR_NOT_FOUND; a good rating is none. */
bool correction_read(struct db *db, int64_t id, struct arena *arena, struct correction *ret_correction,
                     struct error *err);

struct correction_decision {
    int64_t id;
    int64_t version;    /* that was looked at; INT_NULL: any */
    const char *answer; /* in place of the customer's words; NULL: those */
    int64_t
        qa_pair_id; /* the pair whose answer it changes; INT_NULL: the one of the same question or that it is
                           held for, else a new one */
    bool as_new;    /* a pair of its own with the question that was asked, though another one answered it */
    const char *note; /* NULL: none */
};
/* The correction becomes a pair's answer, or a new pair of the source `learned`; with audit rows of the pair and of
 * the decision.
 * ERROR_NOT_FOUND; ERROR_CONFLICT: decided already, said anew by the customer, or as_new while a pair has the
 * question; ERROR_INVALID: there is no correction and no answer, or no pair may have it. */
bool correction_approve(struct platform *platform, const struct actor *actor,
                        const struct correction_decision *decision, struct arena *arena,
                        struct correction *ret_correction, struct error *err);
/* Nothing is learned from it; it waits no more. */
bool correction_reject(struct platform *platform, const struct actor *actor,
                       const struct correction_decision *decision, struct arena *arena,
                       struct correction *ret_correction, struct error *err);

#endif
