#include "api/endpoints.h"
#include "ops/templates/conflict.h"
#include "ops/templates/copies.h"
#include "ops/templates/distribution.h"
#include "ops/templates/matrix.h"
#include "ops/templates/template_manager.h"
#include "platform/knowledge/knowledge.h"
#include "platform/tenants/tenants.h"

#define KEYWORD_MAX 200
#define REASON_MAX 500

/* ---- the list, and one ---- */

struct template_list_input {
    const char *category, *keyword, *sort;
    int64_t page, page_size;
};
static const struct param template_list_table[] = {
    PARAM_QUERY(struct template_list_input, category, TEXT, "Only this category; empty: those without one",
                .max = CATEGORY_MAX),
    PARAM_QUERY(struct template_list_input, keyword, TEXT, "A part of the question or answer",
                .max = KEYWORD_MAX),
    PARAM_QUERY(struct template_list_input, sort, TEXT, "By which column; '-' in front: largest first",
                .values = template_sorts, .fallback = "-updated_at"),
    PARAMS_PAGE(struct template_list_input),
};
const struct params template_list_params = PARAMS(struct template_list_input, template_list_table);

bool template_list_get(struct call *call, struct error *err)
{
    const struct template_list_input *input = call->input;
    struct template_filter filter = {input->category, input->keyword, input->sort, input->page,
                                     input->page_size};
    struct template_list list;
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(call->platform->store, READ_LIMIT_MS, &db, err) &&
           template_list_read(db, &filter, call->arena, &list, err) &&
           reply(call, &template_list_descriptor, &list);
}

struct template_input {
    int64_t id;
};
static const struct param template_table[] = {
    PARAM_PATH(struct template_input, id, INT, "Id of the template", .min = 1, .max = 1e15),
};
const struct params template_params = PARAMS(struct template_input, template_table);

bool template_get_one(struct call *call, struct error *err)
{
    const struct template_input *input = call->input;
    struct template_detail detail;
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(call->platform->store, READ_LIMIT_MS, &db, err) &&
           template_detail_read(db, input->id, call->arena, &detail, err) &&
           reply(call, &template_detail_descriptor, &detail);
}

/* ---- changing them ---- */

struct template_create_input {
    const char *question, *answer, *category;
};
static const struct param template_create_table[] = {
    PARAM_BODY(struct template_create_input, question, TEXT, "Question, as customers ask it",
               .required = true, .max = QUESTION_MAX),
    PARAM_BODY(struct template_create_input, answer, TEXT, "Answer that every tenant may give",
               .required = true, .max = ANSWER_MAX),
    PARAM_BODY(struct template_create_input, category, TEXT, "Category; absent: none", .max = CATEGORY_MAX),
};
const struct params template_create_params = PARAMS(struct template_create_input, template_create_table);

bool template_post(struct call *call, struct error *err)
{
    const struct template_create_input *input = call->input;
    struct template_edit edit = {input->question, input->answer, input->category, INT_NULL};
    struct template template;
    return template_create(call->platform, &call->actor, &edit, call->arena, &template, err) &&
           reply(call, &template_descriptor, &template);
}

struct template_update_input {
    int64_t id;
    const char *question, *answer, *category;
    int64_t version;
};
static const struct param template_update_table[] = {
    PARAM_PATH(struct template_update_input, id, INT, "Id of the template", .min = 1, .max = 1e15),
    PARAM_BODY(struct template_update_input, question, TEXT, "Its new question; absent: as it is",
               .max = QUESTION_MAX),
    PARAM_BODY(struct template_update_input, answer, TEXT, "Its new answer; absent: as it is",
               .max = ANSWER_MAX),
    PARAM_BODY(struct template_update_input, category, TEXT, "Its new category; absent: as it is",
               .max = CATEGORY_MAX),
    PARAM_BODY(struct template_update_input, version, INT, "Version that was edited; another now: 409",
               .min = 1, .max = 1e15),
};
const struct params template_update_params = PARAMS(struct template_update_input, template_update_table);

bool template_put(struct call *call, struct error *err)
{
    const struct template_update_input *input = call->input;
    struct template_edit edit = {input->question, input->answer, input->category, input->version};
    struct template template;
    return template_update(call->platform, &call->actor, input->id, &edit, call->arena, &template, err) &&
           reply(call, &template_descriptor, &template);
}

struct template_delete_input {
    int64_t id;
    const char *reason;
};
/* A reason may come either way: not every client can send a body with DELETE. */
static const struct param template_delete_table[] = {
    PARAM_PATH(struct template_delete_input, id, INT, "Id of the template", .min = 1, .max = 1e15),
    PARAM_QUERY(struct template_delete_input, reason, TEXT, "Why, for the audit log", .max = REASON_MAX),
    PARAM_BODY(struct template_delete_input, reason, TEXT, "Why, for the audit log", .max = REASON_MAX),
};
const struct params template_delete_params = PARAMS(struct template_delete_input, template_delete_table);

bool template_delete_one(struct call *call, struct error *err)
{
    const struct template_delete_input *input = call->input;
    return template_delete(call->platform, &call->actor, input->id, input->reason, err) && reply_empty(call);
}

/* ---- distribution ---- */

struct distribute_input {
    struct int_list template_ids;
    struct text_list tenant_ids;
    bool all_tenants, force, dry_run;
    const char *reason;
};
static const struct param distribute_table[] = {
    PARAM_BODY(struct distribute_input, template_ids, INTS, "Which templates", .required = true,
               .max = DISTRIBUTE_TEMPLATES_MAX),
    PARAM_BODY(struct distribute_input, tenant_ids, TEXTS, "To which tenants; or all_tenants",
               .max = DISTRIBUTE_TENANTS_MAX),
    PARAM_BODY(struct distribute_input, all_tenants, BOOL, "To all tenants, later ones too"),
    PARAM_BODY(struct distribute_input, force, BOOL, "Also over what tenants have edited or deleted"),
    PARAM_BODY(struct distribute_input, dry_run, BOOL, "Only tell what would happen"),
    PARAM_BODY(struct distribute_input, reason, TEXT, "Why, for the audit log", .max = REASON_MAX),
};
const struct params distribute_params = PARAMS(struct distribute_input, distribute_table);

bool template_distribute_post(struct call *call, struct error *err)
{
    const struct distribute_input *input = call->input;
    struct distribute_request request = {
        .template_ids = input->template_ids.items,
        .template_count = input->template_ids.count,
        .tenant_ids = input->tenant_ids.items,
        .tenant_count = input->tenant_ids.count,
        .all_tenants = input->all_tenants,
        .force = input->force,
        .dry_run = input->dry_run,
        .reason = input->reason,
    };
    struct job job;
    return template_distribute(call->platform, &call->actor, &request, call->arena, &job, err) &&
           reply_job(call, &job);
}

/* ---- the matrix ---- */

struct matrix_input {
    int64_t template_id;
    const char *category, *tenant_id, *keyword, *state;
    int64_t template_page, page, page_size;
};
static const struct param matrix_table[] = {
    PARAM_QUERY(struct matrix_input, template_id, INT, "Only this template, with counts of all states",
                .min = 1, .max = 1e15),
    PARAM_QUERY(struct matrix_input, category, TEXT, "Only templates of this category; empty: of none",
                .max = CATEGORY_MAX),
    PARAM_QUERY(struct matrix_input, tenant_id, TEXT, "Only this tenant", .max = TENANT_ID_MAX),
    PARAM_QUERY(struct matrix_input, keyword, TEXT, "A part of the tenant's name or id", .max = KEYWORD_MAX),
    PARAM_QUERY(struct matrix_input, state, TEXT, "Only tenants in this state; needs template_id",
                .values = template_states),
    PARAM_QUERY(struct matrix_input, template_page, INT, "Page of templates, 50 on each", .fallback = "1",
                .min = 1, .max = 1e6),
    PARAMS_PAGE(struct matrix_input),
};
const struct params matrix_params = PARAMS(struct matrix_input, matrix_table);

bool template_matrix_get(struct call *call, struct error *err)
{
    const struct matrix_input *input = call->input;
    struct matrix_filter filter = {
        .template_id = input->template_id,
        .category = input->category,
        .tenant_id = input->tenant_id,
        .keyword = input->keyword,
        .state = input->state,
        .template_page = input->template_page,
        .page = input->page,
        .page_size = input->page_size,
    };
    struct matrix matrix;
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(call->platform->store, READ_LIMIT_MS, &db, err) &&
           matrix_read(db, &filter, call->request->language, call->arena, &matrix, err) &&
           reply(call, &matrix_descriptor, &matrix);
}

/* ---- one tenant's copy, and its conflict ---- */

struct copy_input {
    int64_t id;
    const char *tenant_id;
};
static const struct param copy_table[] = {
    PARAM_PATH(struct copy_input, id, INT, "Id of the template", .min = 1, .max = 1e15),
    PARAM_PATH(struct copy_input, tenant_id, TEXT, "Id of the tenant", .max = TENANT_ID_MAX),
};
const struct params template_copy_params = PARAMS(struct copy_input, copy_table);

bool template_copy_get(struct call *call, struct error *err)
{
    const struct copy_input *input = call->input;
    struct copy_view view;
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(call->platform->store, READ_LIMIT_MS, &db, err) &&
           copy_view_read(db, input->id, input->tenant_id, call->request->language, call->arena, &view,
                          err) &&
           reply(call, &copy_view_descriptor, &view);
}

struct resolve_input {
    int64_t id;
    const char *tenant_id, *resolution, *state;
    int64_t copy_version, template_version;
    const char *question, *answer, *category, *reason;
};
static const struct param resolve_table[] = {
    PARAM_PATH(struct resolve_input, id, INT, "Id of the template", .min = 1, .max = 1e15),
    PARAM_PATH(struct resolve_input, tenant_id, TEXT, "Id of the tenant", .max = TENANT_ID_MAX),
    PARAM_BODY(struct resolve_input, resolution, TEXT,
               "Take the template's text, keep the tenant's, or merge", .required = true,
               .values = copy_resolutions),
    PARAM_BODY(struct resolve_input, copy_version, INT, "Version of the pair that was looked at",
               .required = true, .min = 1, .max = 1e15),
    PARAM_BODY(struct resolve_input, template_version, INT, "Version of the template that was looked at",
               .required = true, .min = 1, .max = 1e15),
    PARAM_BODY(struct resolve_input, state, TEXT, "State that was looked at; absent: any that can be decided",
               .values = template_states),
    PARAM_BODY(struct resolve_input, question, TEXT, "Question of a merge; absent: the tenant's",
               .max = QUESTION_MAX),
    PARAM_BODY(struct resolve_input, answer, TEXT, "Answer of a merge; absent: the tenant's",
               .max = ANSWER_MAX),
    PARAM_BODY(struct resolve_input, category, TEXT, "Category of a merge; absent: the tenant's",
               .max = CATEGORY_MAX),
    PARAM_BODY(struct resolve_input, reason, TEXT, "Why, for the audit log", .max = REASON_MAX),
};
const struct params template_resolve_params = PARAMS(struct resolve_input, resolve_table);

bool template_copy_post(struct call *call, struct error *err)
{
    const struct resolve_input *input = call->input;
    struct copy_decision decision = {
        .resolution = input->resolution,
        .copy_version = input->copy_version,
        .template_version = input->template_version,
        .state = input->state,
        .question = input->question,
        .answer = input->answer,
        .category = input->category,
        .reason = input->reason,
    };
    struct copy_view view;
    return copy_resolve(call->platform, &call->actor, input->id, input->tenant_id, &decision,
                        call->request->language, call->arena, &view, err) &&
           reply(call, &copy_view_descriptor, &view);
}
