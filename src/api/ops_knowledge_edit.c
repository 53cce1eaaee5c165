#include "api/endpoints.h"
#include "ops/knowledge/bulk.h"
#include "ops/knowledge/editor.h"
#include "ops/knowledge/undo.h"
#include "platform/knowledge/knowledge.h"
#include "platform/tenants/tenants.h"

/* --- looking --- */

struct pair_input {
    int64_t id;
};
static const struct param pair_table[] = {
    PARAM_PATH(struct pair_input, id, INT, "Id of the pair", .min = 1, .max = 1e15),
};
const struct params qa_pair_params = PARAMS(struct pair_input, pair_table);

bool knowledge_pair_get(struct call *call, struct error *err)
{
    const struct pair_input *input = call->input;
    struct qa_pair_detail detail;
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(call->platform->store, READ_LIMIT_MS, &db, err) &&
           qa_pair_detail_read(db, input->id, call->request->language, call->arena, &detail, err) &&
           reply(call, &qa_pair_detail_descriptor, &detail);
}

struct deleted_input {
    const char *tenant_id;
    int64_t page, page_size;
};
static const struct param deleted_table[] = {
    PARAM_QUERY(struct deleted_input, tenant_id, TEXT, "Only this tenant's", .max = TENANT_ID_MAX),
    PARAMS_PAGE(struct deleted_input),
};
const struct params qa_deleted_params = PARAMS(struct deleted_input, deleted_table);

bool knowledge_deleted_get(struct call *call, struct error *err)
{
    const struct deleted_input *input = call->input;
    struct deleted_pair *pairs;
    size_t count;
    int64_t total;
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(call->platform->store, READ_LIMIT_MS, &db, err) &&
           knowledge_deleted(db, input->tenant_id, input->page, input->page_size, call->arena, &pairs, &count,
                             &total, err) &&
           reply_list(call, &deleted_pair_descriptor, pairs, count, total, input->page, input->page_size);
}

/* --- one pair --- */

struct create_input {
    const char *tenant_id, *question, *answer, *category;
};
static const struct param create_table[] = {
    PARAM_BODY(struct create_input, tenant_id, TEXT, "Whose pair it is", .required = true,
               .max = TENANT_ID_MAX),
    PARAM_BODY(struct create_input, question, TEXT, "Question, as customers ask it", .required = true,
               .max = QUESTION_MAX),
    PARAM_BODY(struct create_input, answer, TEXT, "Answer; empty: the pair is found but does not answer",
               .max = ANSWER_MAX, .fallback = ""),
    PARAM_BODY(struct create_input, category, TEXT, "Category; absent: none", .max = CATEGORY_MAX),
};
const struct params qa_create_params = PARAMS(struct create_input, create_table);

bool knowledge_pair_post(struct call *call, struct error *err)
{
    const struct create_input *input = call->input;
    struct qa_pair_edit edit = {input->question, input->answer, input->category, INT_NULL};
    struct qa_pair_detail detail;
    return knowledge_create(call->platform, &call->actor, input->tenant_id, &edit, call->request->language,
                            call->arena, &detail, err) &&
           reply(call, &qa_pair_detail_descriptor, &detail);
}

struct update_input {
    int64_t id;
    const char *question, *answer, *category;
    int64_t version;
};
static const struct param update_table[] = {
    PARAM_PATH(struct update_input, id, INT, "Id of the pair", .min = 1, .max = 1e15),
    PARAM_BODY(struct update_input, question, TEXT, "New question; absent: as it is", .max = QUESTION_MAX),
    PARAM_BODY(struct update_input, answer, TEXT, "New answer; absent: as it is", .max = ANSWER_MAX),
    PARAM_BODY(struct update_input, category, TEXT, "New category, empty: none; absent: as it is",
               .max = CATEGORY_MAX),
    PARAM_BODY(struct update_input, version, INT, "The version that was edited: another one now is a 409",
               .min = 1, .max = 1e15),
};
const struct params qa_update_params = PARAMS(struct update_input, update_table);

bool knowledge_pair_put(struct call *call, struct error *err)
{
    const struct update_input *input = call->input;
    struct qa_pair_edit edit = {input->question, input->answer, input->category, input->version};
    struct qa_pair_detail detail;
    return knowledge_update(call->platform, &call->actor, input->id, &edit, call->request->language,
                            call->arena, &detail, err) &&
           reply(call, &qa_pair_detail_descriptor, &detail);
}

struct delete_input {
    int64_t id;
    const char *reason;
};
/* A reason may come either way: not every client can send a body with DELETE. */
static const struct param delete_table[] = {
    PARAM_PATH(struct delete_input, id, INT, "Id of the pair", .min = 1, .max = 1e15),
    PARAM_QUERY(struct delete_input, reason, TEXT, "Why, for the audit log", .max = EDIT_REASON_MAX),
    PARAM_BODY(struct delete_input, reason, TEXT, "Why, for the audit log", .max = EDIT_REASON_MAX),
};
const struct params qa_delete_params = PARAMS(struct delete_input, delete_table);

bool knowledge_pair_delete(struct call *call, struct error *err)
{
    const struct delete_input *input = call->input;
    return knowledge_delete(call->platform, &call->actor, input->id, input->reason, err) && reply_empty(call);
}

bool knowledge_pair_restore(struct call *call, struct error *err)
{
    const struct pair_input *input = call->input;
    struct qa_pair_detail detail;
    return knowledge_restore(call->platform, &call->actor, input->id, call->request->language, call->arena,
                             &detail, err) &&
           reply(call, &qa_pair_detail_descriptor, &detail);
}

/* --- many --- */

struct filter_input {
    const char *tenant_id, *keyword, *category, *source, *tenant_status;
    int64_t is_synced;
    double quality_min, quality_max;
};
static const struct param filter_table[] = {
    PARAM_BODY(struct filter_input, tenant_id, TEXT, "Only this tenant's", .max = TENANT_ID_MAX),
    PARAM_BODY(struct filter_input, keyword, TEXT, "A part of the question or the answer",
               .max = KNOWLEDGE_KEYWORD_MAX),
    PARAM_BODY(struct filter_input, category, TEXT, "Only this category; empty: pairs without one",
               .max = CATEGORY_MAX),
    PARAM_BODY(struct filter_input, source, TEXT, "Only from here", .values = pair_sources),
    PARAM_BODY(struct filter_input, is_synced, TRUTH, "Only pairs whose text the index holds, or lacks"),
    PARAM_BODY(struct filter_input, tenant_status, TEXT, "Only of tenants in this state",
               .values = tenant_statuses),
    PARAM_BODY(struct filter_input, quality_min, REAL, "Least quality", .min = 0, .max = 1),
    PARAM_BODY(struct filter_input, quality_max, REAL, "Highest quality", .min = 0, .max = 1),
};
static const struct params filter_params = PARAMS(struct filter_input, filter_table);

struct bulk_input {
    const char *action;
    struct int_list ids;
    const struct filter_input *filter;
    const char *category, *reason;
    bool dry_run;
};
static const struct param bulk_table[] = {
    PARAM_BODY(struct bulk_input, action, TEXT, "What to do", .required = true, .values = bulk_actions),
    PARAM_BODY(struct bulk_input, ids, INTS, "With which pairs; or filter", .max = BULK_IDS_MAX),
    PARAM_BODY(struct bulk_input, filter, OBJECT, "With all pairs that the list has under this filter",
               .of = &filter_params),
    PARAM_BODY(struct bulk_input, category, TEXT, "Of set_category; empty: none", .max = CATEGORY_MAX),
    PARAM_BODY(struct bulk_input, dry_run, BOOL, "Only count what would change"),
    PARAM_BODY(struct bulk_input, reason, TEXT, "Why, for the audit log", .max = EDIT_REASON_MAX),
};
const struct params qa_bulk_params = PARAMS(struct bulk_input, bulk_table);

static struct qa_filter qa_filter_of(const struct filter_input *input)
{
    return (struct qa_filter){
        .tenant_id = input->tenant_id,
        .category = input->category,
        .source = input->source,
        .keyword = input->keyword,
        .tenant_status = input->tenant_status,
        .is_synced = input->is_synced == INT_NULL ? SYNCED_ANY : (enum synced_filter)input->is_synced,
        .quality_min = input->quality_min,
        .quality_max = input->quality_max,
    };
}

bool knowledge_bulk_post(struct call *call, struct error *err)
{
    const struct bulk_input *input = call->input;
    struct qa_filter filter;
    if (input->filter)
        filter = qa_filter_of(input->filter);
    struct bulk_request request = {
        .action = input->action,
        .ids = input->ids.items,
        .id_count = input->ids.count,
        .filter = input->filter ? &filter : NULL,
        .category = input->category,
        .dry_run = input->dry_run,
        .reason = input->reason,
    };
    struct job job = {0};
    return knowledge_bulk(call->platform, &call->actor, &request, call->arena, &job, err) &&
           reply_job(call, &job);
}

struct undo_input {
    const char *id, *reason;
};
static const struct param undo_table[] = {
    PARAM_PATH(struct undo_input, id, TEXT, "Id of the job"),
    PARAM_BODY(struct undo_input, reason, TEXT, "Why, for the audit log", .max = EDIT_REASON_MAX),
};
const struct params job_undo_params = PARAMS(struct undo_input, undo_table);

bool job_undo_post(struct call *call, struct error *err)
{
    const struct undo_input *input = call->input;
    struct job job = {0};
    return knowledge_undo(call->platform, &call->actor, input->id, input->reason, call->arena, &job, err) &&
           reply_job(call, &job);
}
