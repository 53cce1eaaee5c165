#include <math.h>

#include "api/endpoints.h"
#include "ops/knowledge/knowledge_manager.h"
#include "platform/chat/chat.h"
#include "platform/knowledge/knowledge.h"
#include "platform/tenants/tenants.h"

/* --- figures --- */

/* Everyone's, or one tenant's. */
struct scope_input {
    const char *tenant_id;
};
static const struct param scope_table[] = {
    PARAM_QUERY(struct scope_input, tenant_id, TEXT, "Only this tenant's", .max = TENANT_ID_MAX),
};
const struct params knowledge_scope_params = PARAMS(struct scope_input, scope_table);

bool knowledge_overview_get(struct call *call, struct error *err)
{
    const struct scope_input *input = call->input;
    struct knowledge_overview overview;
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(call->platform->store, READ_LIMIT_MS, &db, err) &&
           knowledge_overview(call->platform->directory, db, input->tenant_id, call->arena, &overview, err) &&
           reply(call, &knowledge_overview_descriptor, &overview);
}

struct facets_input {
    const char *tenant_id, *keyword;
};
static const struct param facets_table[] = {
    PARAM_QUERY(struct facets_input, tenant_id, TEXT, "Only this tenant's", .max = TENANT_ID_MAX),
    PARAM_QUERY(struct facets_input, keyword, TEXT, "Only categories with this in their name",
                .max = CATEGORY_MAX),
};
const struct params facets_params = PARAMS(struct facets_input, facets_table);

bool knowledge_facets_get(struct call *call, struct error *err)
{
    const struct facets_input *input = call->input;
    struct knowledge_facets facets;
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(call->platform->store, READ_LIMIT_MS, &db, err) &&
           knowledge_facets(call->platform->directory, db, input->tenant_id, input->keyword, call->arena,
                            &facets, err) &&
           reply(call, &knowledge_facets_descriptor, &facets);
}

/* --- the list --- */

struct qa_list_input {
    const char *tenant_id, *keyword, *category, *source, *is_synced, *tenant_status, *sort, *cursor;
    double quality_min, quality_max;
    int64_t page, page_size;
};
/* Absent is a value of its own here: any. */
static const char *const truths[] = {"true", "false", NULL};
static const struct param qa_list_table[] = {
    PARAM_QUERY(struct qa_list_input, tenant_id, TEXT, "Only this tenant's", .max = TENANT_ID_MAX),
    PARAM_QUERY(struct qa_list_input, keyword, TEXT, "A part of the question or the answer",
                .max = KNOWLEDGE_KEYWORD_MAX),
    PARAM_QUERY(struct qa_list_input, category, TEXT, "Only this category; empty: pairs without one",
                .max = CATEGORY_MAX),
    PARAM_QUERY(struct qa_list_input, source, TEXT, "Only from here", .values = pair_sources),
    PARAM_QUERY(struct qa_list_input, is_synced, TEXT, "Only pairs whose text the index holds, or lacks",
                .values = truths),
    PARAM_QUERY(struct qa_list_input, tenant_status, TEXT, "Only of tenants in this state",
                .values = tenant_statuses),
    PARAM_QUERY(struct qa_list_input, quality_min, REAL, "Least quality", .min = 0, .max = 1),
    PARAM_QUERY(struct qa_list_input, quality_max, REAL, "Highest quality", .min = 0, .max = 1),
    PARAM_QUERY(struct qa_list_input, sort, TEXT, "Order; '-': descending", .values = knowledge_sorts,
                .fallback = KNOWLEDGE_SORT_DEFAULT),
    PARAM_QUERY(struct qa_list_input, cursor, TEXT,
                "next_cursor of the page before; page is then without effect", .max = KNOWLEDGE_CURSOR_MAX),
    PARAMS_PAGE(struct qa_list_input),
};
const struct params qa_list_params = PARAMS(struct qa_list_input, qa_list_table);

static struct qa_list_request qa_list_request_of(const struct qa_list_input *input)
{
    const char *synced = input->is_synced;
    return (struct qa_list_request){
        .filter = {.tenant_id = input->tenant_id,
                   .keyword = input->keyword,
                   .category = input->category,
                   .source = input->source,
                   .tenant_status = input->tenant_status,
                   .is_synced = !synced            ? SYNCED_ANY
                                : synced[0] == 't' ? SYNCED_YES
                                                   : SYNCED_NO,
                   .quality_min = input->quality_min,
                   .quality_max = input->quality_max},
        .sort = input->sort,
        .cursor = input->cursor,
        .page = input->page,
        .page_size = input->page_size,
    };
}

bool knowledge_pairs_get(struct call *call, struct error *err)
{
    struct qa_list_request request = qa_list_request_of(call->input);
    struct qa_list list;
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(call->platform->store, READ_LIMIT_MS, &db, err) &&
           knowledge_list(call->platform->directory, db, &request, call->arena, &list, err) &&
           reply(call, &qa_list_descriptor, &list);
}

/* --- the retrieval trial --- */

struct trial_input {
    const char *tenant_id, *question;
    int64_t top_k;
    double min_score;
};
static const struct param trial_table[] = {
    PARAM_BODY(struct trial_input, tenant_id, TEXT, "Whose pairs are searched", .required = true,
               .max = TENANT_ID_MAX),
    PARAM_BODY(struct trial_input, question, TEXT, "What a customer might ask", .required = true,
               .max = MESSAGE_MAX),
    PARAM_BODY(struct trial_input, top_k, INT, "Pairs at most; absent: the setting", .min = 1, .max = 20),
    PARAM_BODY(struct trial_input, min_score, REAL, "Least score of a match; absent: the setting", .min = 0,
               .max = 1),
};
const struct params trial_params = PARAMS(struct trial_input, trial_table);

bool knowledge_search_post(struct call *call, struct error *err)
{
    const struct trial_input *input = call->input;
    int64_t top_k = input->top_k == INT_NULL ? 0 : input->top_k;
    double min_score = isnan(input->min_score) ? -1 : input->min_score;
    struct trial_result result;
    return chat_trial(call->platform, input->tenant_id, input->question, top_k, min_score,
                      call->request->request_id, call->request->language, call->arena, &result, err) &&
           reply(call, &trial_result_descriptor, &result);
}
