#include "ops/template_why.h"

#include <string.h>

#include "base/memory.h"
#include "ops/template_distribution.h"
#include "ops/template_request.h"
#include "platform/tenants.h"

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

static const char *words(enum why why, enum language language)
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

/* What the newest real distribution of the template that the tenant was part of came to there. */
struct last_item {
    const char *outcome, *status, *parameters;
};
static const struct field last_item_fields[] = {
    FIELD(struct last_item, outcome, TEXT, ""),
    FIELD(struct last_item, status, TEXT, ""),
    FIELD(struct last_item, parameters, TEXT, ""),
};
static const struct descriptor last_item_descriptor =
    DESCRIPTOR("LastItem", struct last_item, last_item_fields);

#define ITEMS_LOOKED_AT 100 /* older distributions explain nothing any more */

static const char SQL_LAST_ITEMS[] = "SELECT i.outcome, j.status, j.parameters FROM job_items i"
                                     " JOIN jobs j ON j.id = i.job_id WHERE i.target_id = $1"
                                     " AND j.kind = '" DISTRIBUTE_KIND "'"
                                     " ORDER BY j.created_at DESC, j.id DESC LIMIT $2";

static bool is_real_and_of(const struct last_item *item, int64_t template_id, struct arena *arena,
                           bool *ret_is, struct error *err)
{
    struct distribute_parameters parameters;
    if (!distribute_parameters_read(item->parameters, arena, &parameters, err))
        return false;
    *ret_is = false;
    for (size_t i = 0; i < parameters.template_count && !parameters.dry_run && !*ret_is; i++)
        *ret_is = parameters.template_ids[i] == template_id;
    return true;
}

static bool find_last_item(struct db *db, int64_t template_id, const char *tenant_id, struct arena *arena,
                           struct last_item *ret_item, bool *ret_found, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    bool found = false;
    if (!db_query(db, SQL_LAST_ITEMS, DB_ARGS(db_text(tenant_id), db_int(ITEMS_LOOKED_AT)), &rows, err))
        return false;
    while (!found && db_next(&rows)) {
        arena_reset(arena);
        db_read_row(&rows, &last_item_descriptor, ret_item, arena);
        if (!is_real_and_of(ret_item, template_id, arena, &found, err))
            return false;
    }
    *ret_found = found;
    return found || db_done(&rows, err);
}

static bool why_missing(struct db *db, const struct common_template *template,
                        const struct template_tenant *tenant, enum why *ret_why, struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    struct last_item item = {0};
    bool found;
    if (!find_last_item(db, template->id, tenant->id, &arena, &item, &found, err))
        return false;
    bool open =
        found && !item.outcome && (strcmp(item.status, "queued") == 0 || strcmp(item.status, "running") == 0);
    if (!found)
        *ret_why = tenant->created_at > template->created_at ? WHY_NEW : WHY_LEFT_OUT;
    else if (!item.outcome)
        *ret_why = open ? WHY_WAITS : WHY_STOPPED;
    else
        *ret_why = strcmp(item.outcome, "suspended") == 0 ? WHY_WAS_SUSPENDED : WHY_LEFT_OUT;
    return true;
}

bool template_why(struct db *db, const struct common_template *template, const struct template_tenant *tenant,
                  enum template_state state, bool is_own, enum language language, const char **ret_why,
                  struct error *err)
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
    else if (state == TEMPLATE_MISSING && !why_missing(db, template, tenant, &why, err))
        return false;
    *ret_why = words(why, language);
    return true;
}
