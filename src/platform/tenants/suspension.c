/* Suspending and activating a tenant. What a suspension stops is decided in gate.c. */
#include <string.h>

#include "base/clock.h"
#include "base/json_writer.h"
#include "platform/tenants/counters.h"
#include "platform/tenants/tenants.h"
#include "platform/text_rules.h"

struct change {
    const struct actor *actor;
    const char *id, *reason; /* the reason trimmed; NULL: none was given */
    struct arena *arena;
    struct tenant tenant; /* out: as it is afterwards */
};

/* What the audit log keeps of it: the state, and of a suspension its time, reason and proof. */
static const char *tenant_state_json(const struct tenant *tenant, struct arena *arena)
{
    CLEANUP(strbuf_release) struct strbuf out = {0};
    struct json_writer w = {.out = &out};
    json_object_begin(&w);
    json_key_text(&w, "status", tenant->status);
    if (tenant->suspended_at != INT_NULL) {
        char since[CLOCK_TEXT_SIZE];
        clock_format(tenant->suspended_at, since);
        json_key_text(&w, "suspended_at", since);
        json_key_text(&w, "suspended_reason", tenant->suspended_reason);
        json_key_int(&w, "messages_refused", tenant->refused_count);
    }
    json_object_end(&w);
    return arena_strdup(arena, strbuf_text(&out));
}

static const char SQL_SET_STATE[] =
    "UPDATE tenants SET status = $2, suspended_at = $3, suspended_reason = $4, suspended_by = $5,"
    " refused_count = $6, updated_at = $7, version = version + 1 WHERE id = $1 AND version = $8";

static bool suspension_write(struct db *db, const struct change *change, const char *action,
                             const struct tenant *before, struct error *err)
{
    const struct tenant *after = &change->tenant;
    struct audit_entry entry = {.action = action,
                                .target_type = "tenant",
                                .target_id = after->id,
                                .before = tenant_state_json(before, change->arena),
                                .after = tenant_state_json(after, change->arena),
                                .reason = change->reason};
    int64_t changed;
    if (!db_execute(db, SQL_SET_STATE,
                    DB_ARGS(db_text(after->id), db_text(after->status), db_int(after->suspended_at),
                            db_text(after->suspended_reason), db_text(after->suspended_by),
                            db_int(after->refused_count), db_int(after->updated_at), db_int(before->version)),
                    &changed, err))
        return false;
    return (changed == 1 || tenant_edit_conflict(after->id, err)) &&
           counters_add(db, COUNTER_TENANT_EDITS, 1, err) && audit_append(db, change->actor, &entry, err);
}

static const char SQL_NEWEST_MESSAGE[] = "SELECT MAX(created_at) FROM messages WHERE tenant_id = $1";

static bool tenant_suspend_work(struct db *db, void *context, struct error *err)
{
    struct change *change = context;
    struct tenant before, *after = &change->tenant;
    int64_t now = clock_now_ms(), newest;
    if (!tenant_get(db, change->id, change->arena, &before, err))
        return false;
    if (strcmp(before.status, "suspended") == 0)
        return error_set(err, ERROR_CONFLICT, "Tenant '%s' is suspended already.", "商家“%s”已处于暂停状态。",
                         before.id);
    if (!db_find_int(db, SQL_NEWEST_MESSAGE, DB_ARGS(db_text(before.id)), INT_NULL, &newest, err))
        return false;
    *after = before;
    after->version++;
    after->status = "suspended";
    /* Later than every message that has been answered: one of this very millisecond came before. */
    after->suspended_at = newest != INT_NULL && newest >= now ? newest + 1 : now;
    after->suspended_reason = change->reason;
    after->suspended_by = change->actor->username;
    after->refused_count = 0;
    after->updated_at = now;
    return suspension_write(db, change, "tenant.suspend", &before, err) &&
           counters_add(db, COUNTER_ACTIVE_TENANTS, -1, err) && counters_hold_back(db, before.id, true, err);
}

static bool tenant_activate_work(struct db *db, void *context, struct error *err)
{
    struct change *change = context;
    struct tenant before, *after = &change->tenant;
    if (!tenant_get(db, change->id, change->arena, &before, err))
        return false;
    if (strcmp(before.status, "active") == 0)
        return error_set(err, ERROR_CONFLICT, "Tenant '%s' is active already.", "商家“%s”已处于启用状态。",
                         before.id);
    *after = before;
    after->version++;
    after->status = "active";
    after->suspended_at = INT_NULL;
    after->suspended_reason = NULL;
    after->suspended_by = NULL;
    after->refused_count = 0;
    after->updated_at = clock_now_ms();
    return suspension_write(db, change, "tenant.activate", &before, err) &&
           counters_add(db, COUNTER_ACTIVE_TENANTS, 1, err) && counters_hold_back(db, before.id, false, err);
}

static bool suspension_run(struct store *store, store_work work, bool needs_reason, struct change *change,
                           struct tenant *ret_tenant, struct error *err)
{
    const struct text_rule rule = {"reason", TENANT_REASON_MAX, .required = needs_reason};
    if (!text_check(&rule, change->reason, err))
        return false;
    struct text_span reason = text_trim(change->reason);
    change->reason = reason.length ? arena_strndup(change->arena, reason.bytes, reason.length) : NULL;
    if (!store_write(store, work, change, err))
        return false;
    *ret_tenant = change->tenant;
    return true;
}

bool tenant_suspend(struct store *store, const struct actor *actor, const char *id, const char *reason,
                    struct arena *arena, struct tenant *ret_tenant, struct error *err)
{
    struct change change = {.actor = actor, .id = id, .reason = reason, .arena = arena};
    return suspension_run(store, tenant_suspend_work, true, &change, ret_tenant, err);
}

bool tenant_activate(struct store *store, const struct actor *actor, const char *id, const char *reason,
                     struct arena *arena, struct tenant *ret_tenant, struct error *err)
{
    struct change change = {.actor = actor, .id = id, .reason = reason, .arena = arena};
    return suspension_run(store, tenant_activate_work, false, &change, ret_tenant, err);
}
