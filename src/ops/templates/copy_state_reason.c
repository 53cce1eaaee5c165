#include "ops/templates/copy_state_reason.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ops/templates/distribution.h"
#include "ops/templates/distribution_request.h"
#include "platform/tenants/tenants.h"

#define WHY_TABLE(X)                                                                                         \
    X(WHY_OLDER, "the present version has not been distributed to it yet", "现在的版本尚未分发到该商家")     \
    X(WHY_EDITED, "edited by the tenant", "商家修改过")                                                      \
    X(WHY_OWN_QUESTION, "the tenant has an answer of its own to this question",                              \
      "商家已有相同问题的自有回答")                                                                          \
    X(WHY_KEPT, "it was decided that its text may differ from this version", "已决定该商家可以用不同的文字") \
    X(WHY_DELETED, "deleted by the tenant", "商家已删除")                                                    \
    X(WHY_NEVER, "never distributed to this tenant", "从未分发给该商家")                                     \
    X(WHY_SUSPENDED, "the tenant is suspended", "商家已暂停")                                                \
    X(WHY_WAS_SUSPENDED, "suspended at the time of the distribution", "分发时商家处于暂停状态")              \
    X(WHY_NEW, "created after the distribution", "在分发之后创建")                                           \
    X(WHY_WAITS, "a distribution is on its way", "正在分发中")                                               \
    X(WHY_STOPPED, "the distribution was stopped before it came to it", "分发在到达该商家之前已停止")        \
    X(WHY_LEFT_OUT, "not reached by a distribution yet", "尚未分发到该商家")

enum why {
#define X(why, en, zh) why,
    WHY_TABLE(X)
#undef X
        WHY_NOTHING,
};

static const char *copy_reason_text(enum why why, enum language language)
{
    static const char *const texts[][LANGUAGE_COUNT] = {
#define X(why, en, zh) [why] = {[LANGUAGE_EN] = en, [LANGUAGE_ZH] = zh},
        WHY_TABLE(X)
#undef X
    };
    return why == WHY_NOTHING ? NULL : texts[why][language];
}

static const struct field tenant_fields[] = {
    FIELD(struct template_tenant, id, TEXT, ""),
    FIELD(struct template_tenant, name, TEXT, ""),
    FIELD(struct template_tenant, status, TEXT, ""),
    FIELD(struct template_tenant, created_at, TIME, ""),
};
const struct descriptor template_tenant_descriptor =
    DESCRIPTOR("TemplateTenant", struct template_tenant, tenant_fields);

bool template_tenant_get(struct db *db, const char *id, struct arena *arena,
                         struct template_tenant *ret_tenant, struct error *err)
{
    struct tenant tenant;
    if (!tenant_get(db, id, arena, &tenant, err))
        return false;
    *ret_tenant = (struct template_tenant){tenant.id, tenant.name, tenant.status, tenant.created_at};
    return true;
}

/* ---- distributions ---- */

void template_history_release(struct template_history *history)
{
    name_list_release(&history->jobs);
    free(history->templates_of);
}

static int history_compare_ids(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static const char SQL_PARAMETERS[] = "SELECT parameters FROM jobs WHERE id = $1";

static bool history_read_distribution(struct template_history *history, const char *job_id,
                                      uint64_t *ret_templates, struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct distribute_parameters parameters;
    *ret_templates = 0;
    if (!db_query(history->db, SQL_PARAMETERS, DB_ARGS(db_text(job_id)), &rows, err))
        return false;
    while (db_next(&rows)) {
        if (!distribute_parameters_read(db_column_text(&rows, 0), &arena, &parameters, err))
            return false;
        for (size_t i = 0; i < history->template_count && !parameters.dry_run; i++)
            if (bsearch(&history->templates[i].id, parameters.template_ids, parameters.template_count,
                        sizeof(int64_t), history_compare_ids))
                *ret_templates |= UINT64_C(1) << i;
    }
    return db_done(&rows, err);
}

/* Which of the history's templates the job really distributed. */
static bool history_templates_of_job(struct template_history *history, const char *job_id,
                                     uint64_t *ret_templates, struct error *err)
{
    uint32_t number = name_list_find(&history->jobs, job_id);
    if (number == SLOT_NONE) {
        uint64_t templates;
        if (!history_read_distribution(history, job_id, &templates, err))
            return false;
        number = name_list_put(&history->jobs, job_id);
        if (number >= history->room) {
            history->room = history->room ? 2 * history->room : 64;
            history->templates_of =
                xrealloc(history->templates_of, history->room * sizeof(history->templates_of[0]));
        }
        history->templates_of[number] = templates;
    }
    *ret_templates = history->templates_of[number];
    return true;
}

/* ---- what the newest one that the tenant was part of came to there ---- */

#define ITEMS_LOOKED_AT 100 /* older distributions explain nothing any more */

static const char SQL_LAST_ITEMS[] = "SELECT i.outcome, j.status, j.id FROM job_items i"
                                     " JOIN jobs j ON j.id = i.job_id WHERE i.target_id = $1"
                                     " AND j.kind = '" DISTRIBUTE_KIND "'"
                                     " ORDER BY j.created_at DESC, j.id DESC LIMIT $2";

/* WHY_NOTHING: no distribution of the template reached the tenant. */
static bool history_read_reasons(struct template_history *history, const char *tenant_id, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    size_t left = history->template_count;
    for (size_t i = 0; i < history->template_count; i++)
        history->reasons[i] = WHY_NOTHING;
    if (!db_query(history->db, SQL_LAST_ITEMS, DB_ARGS(db_text(tenant_id), db_int(ITEMS_LOOKED_AT)), &rows,
                  err))
        return false;
    while (left > 0 && db_next(&rows)) {
        uint64_t templates;
        if (!history_templates_of_job(history, db_column_text(&rows, 2), &templates, err))
            return false;
        const char *outcome = db_column_text(&rows, 0), *status = db_column_text(&rows, 1);
        bool open = strcmp(status, "queued") == 0 || strcmp(status, "running") == 0;
        enum why reason = open ? WHY_WAITS : WHY_STOPPED;
        if (outcome)
            reason = strcmp(outcome, "suspended") == 0 ? WHY_WAS_SUSPENDED : WHY_LEFT_OUT;
        for (size_t i = 0; i < history->template_count; i++)
            if (templates >> i & 1 && history->reasons[i] == WHY_NOTHING) {
                history->reasons[i] = reason;
                left--;
            }
    }
    if (left > 0 && !db_done(&rows, err))
        return false;
    snprintf(history->tenant_id, sizeof(history->tenant_id), "%s", tenant_id);
    return true;
}

static bool history_reason_missing(struct template_history *history, const struct common_template *template,
                                   const struct template_tenant *tenant, enum why *ret_why, struct error *err)
{
    if (strcmp(history->tenant_id, tenant->id) != 0 && !history_read_reasons(history, tenant->id, err))
        return false;
    *ret_why = (enum why)history->reasons[template - history->templates];
    if (*ret_why == WHY_NOTHING)
        *ret_why = tenant->created_at > template->created_at ? WHY_NEW : WHY_LEFT_OUT;
    return true;
}

bool copy_state_reason(struct template_history *history, const struct common_template *template,
                       const struct template_tenant *tenant, enum template_state state, bool is_own,
                       enum language language, const char **ret_why, struct error *err)
{
    static const enum why plain[TEMPLATE_STATE_COUNT] = {
        [TEMPLATE_CURRENT] = WHY_NOTHING, [TEMPLATE_OUTDATED] = WHY_OLDER, [TEMPLATE_CONFLICT] = WHY_EDITED,
        [TEMPLATE_KEPT] = WHY_KEPT,       [TEMPLATE_NONE] = WHY_NEVER,     [TEMPLATE_DELETED] = WHY_DELETED,
    };
    enum why why = plain[state];
    if (state == TEMPLATE_CONFLICT && is_own)
        why = WHY_OWN_QUESTION;
    else if (template_state_is_behind(state) && strcmp(tenant->status, "active") != 0)
        why = WHY_SUSPENDED;
    else if (state == TEMPLATE_MISSING && !history_reason_missing(history, template, tenant, &why, err))
        return false;
    *ret_why = copy_reason_text(why, language);
    return true;
}
