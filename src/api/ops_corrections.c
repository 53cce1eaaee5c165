/* Feedback that waits for a person. */
#include "api/endpoints.h"
#include "ops/knowledge/correction_manager.h"
#include "platform/knowledge/knowledge.h"
#include "platform/tenants/tenants.h"

struct list_input {
    const char *tenant_id, *status, *cursor;
    bool with_correction;
    int64_t page, page_size;
};
static const struct param list_table[] = {
    PARAM_QUERY(struct list_input, tenant_id, TEXT, "Only this tenant's", .max = TENANT_ID_MAX),
    PARAM_QUERY(struct list_input, status, TEXT, "Only these", .values = correction_statuses,
                .fallback = "pending"),
    PARAM_QUERY(struct list_input, with_correction, BOOL,
                "Without those that only say that an answer was bad"),
    PARAM_QUERY(struct list_input, cursor, TEXT,
                "next_cursor of the page before; page is then without effect", .max = 20),
    PARAMS_PAGE(struct list_input),
};
const struct params correction_list_params = PARAMS(struct list_input, list_table);

bool correction_list_get(struct call *call, struct error *err)
{
    const struct list_input *input = call->input;
    struct correction_filter filter = {input->tenant_id, input->status, input->with_correction};
    struct correction_place place = {input->cursor, input->page, input->page_size};
    struct correction_list list;
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(call->platform->store, READ_LIMIT_MS, &db, err) &&
           correction_list(db, &filter, &place, call->arena, &list, err) &&
           reply(call, &correction_list_descriptor, &list);
}

struct one_input {
    int64_t id;
};
static const struct param one_table[] = {
    PARAM_PATH(struct one_input, id, INT, "Id of the feedback", .min = 1, .max = 1e15),
};
const struct params correction_params = PARAMS(struct one_input, one_table);

bool correction_get(struct call *call, struct error *err)
{
    const struct one_input *input = call->input;
    struct correction correction;
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(call->platform->store, READ_LIMIT_MS, &db, err) &&
           correction_read(db, input->id, call->arena, &correction, err) &&
           reply(call, &correction_descriptor, &correction);
}

struct approve_input {
    int64_t id, version, qa_pair_id;
    const char *answer, *note;
    bool as_new;
};
static const struct param approve_table[] = {
    PARAM_PATH(struct approve_input, id, INT, "Id of the feedback", .min = 1, .max = 1e15),
    PARAM_BODY(struct approve_input, version, INT, "The version that was looked at: another one now is a 409",
               .min = 1, .max = 1e15),
    PARAM_BODY(struct approve_input, answer, TEXT, "In place of the customer's words; absent: those",
               .max = ANSWER_MAX),
    PARAM_BODY(struct approve_input, qa_pair_id, INT,
               "The pair whose answer it changes; absent: the one of the same question or that it is held "
               "for, else a "
               "new one",
               .min = 1, .max = 1e15),
    PARAM_BODY(struct approve_input, as_new, BOOL,
               "A pair of its own for the question that was asked, though another pair answered it"),
    PARAM_BODY(struct approve_input, note, TEXT, "For the audit log", .max = CORRECTION_NOTE_MAX),
};
const struct params correction_approve_params = PARAMS(struct approve_input, approve_table);

bool correction_approve_post(struct call *call, struct error *err)
{
    const struct approve_input *input = call->input;
    struct correction_decision decision = {input->id,         input->version, input->answer,
                                           input->qa_pair_id, input->as_new,  input->note};
    struct correction correction;
    return correction_approve(call->platform, &call->actor, &decision, call->arena, &correction, err) &&
           reply(call, &correction_descriptor, &correction);
}

struct reject_input {
    int64_t id, version;
    const char *note;
};
static const struct param reject_table[] = {
    PARAM_PATH(struct reject_input, id, INT, "Id of the feedback", .min = 1, .max = 1e15),
    PARAM_BODY(struct reject_input, version, INT, "The version that was looked at: another one now is a 409",
               .min = 1, .max = 1e15),
    PARAM_BODY(struct reject_input, note, TEXT, "For the audit log", .max = CORRECTION_NOTE_MAX),
};
const struct params correction_reject_params = PARAMS(struct reject_input, reject_table);

bool correction_reject_post(struct call *call, struct error *err)
{
    const struct reject_input *input = call->input;
    struct correction_decision decision = {
        .id = input->id, .version = input->version, .note = input->note, .qa_pair_id = INT_NULL};
    struct correction correction;
    return correction_reject(call->platform, &call->actor, &decision, call->arena, &correction, err) &&
           reply(call, &correction_descriptor, &correction);
}
