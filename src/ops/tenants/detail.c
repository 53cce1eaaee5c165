/* One tenant in detail: what a suspension would hit, the messages since one that is in force, its users; and
 * changing its status. */
#include <string.h>

#include "base/clock.h"
#include "ops/tenants/internal.h"
#include "platform/identity/users.h"
#include "platform/jobs/jobs.h"
#include "store/store.h"

static const struct field effect_fields[] = {
    FIELD(struct tenant_effect, conversations_last_hour, INT,
          "Conversations with a message in the last hour"),
    FIELD(struct tenant_effect, users_logged_in, INT, "Users who have a session that is good now"),
    FIELD(struct tenant_effect, jobs_running, INT, "Jobs about it that wait or run"),
};
static const struct descriptor effect_descriptor =
    DESCRIPTOR("TenantEffect", struct tenant_effect, effect_fields);

static const struct field suspension_fields[] = {
    FIELD(struct tenant_suspension, since, TIME, "When it began"),
    FIELD(struct tenant_suspension, reason, TEXT, "Why", .personal = PERSONAL_PARTS),
    FIELD(struct tenant_suspension, by, TEXT, "Who suspended it", .nullable = true,
          .personal = PERSONAL_PARTS),
    FIELD(struct tenant_suspension, messages_answered, INT,
          "Messages answered whose request came since then"),
    FIELD(struct tenant_suspension, messages_refused, INT, "Messages refused since then"),
};
static const struct descriptor suspension_descriptor =
    DESCRIPTOR("TenantSuspension", struct tenant_suspension, suspension_fields);

static const struct field detail_fields[] = {
    TENANT_LIST_FIELDS(struct tenant_detail),
    FIELD(struct tenant_detail, updated_at, TIME, "When it was last changed"),
    FIELD(struct tenant_detail, api_key, TEXT, "Publishable key; null for those who may only look",
          .nullable = true),
    FIELD(struct tenant_detail, effect, OBJECT, "What a suspension would hit now", .of = &effect_descriptor),
    FIELD(struct tenant_detail, suspension, OBJECT, "The suspension that is in force; null: it is active",
          .nullable = true, .of = &suspension_descriptor),
};
const struct descriptor tenant_detail_descriptor =
    DESCRIPTOR("TenantDetail", struct tenant_detail, detail_fields);

/* Those with a message since then, also one that began earlier: it is cut off as well. */
static const char SQL_CONVERSATIONS_SINCE[] =
    "SELECT COUNT(DISTINCT conversation_id) FROM messages WHERE tenant_id = $1 AND created_at >= $2";
#define SQL_LIVE_SESSION "s.user_id = u.id AND s.revoked_at IS NULL AND s.expires_at > $2"
static const char SQL_USERS_LOGGED_IN[] =
    "SELECT COUNT(*) FROM users u WHERE u.tenant_id = $1 AND u.status = 'active'"
    " AND EXISTS (SELECT 1 FROM sessions s WHERE " SQL_LIVE_SESSION ")";

static bool tenant_read_effect(struct db *db, const char *id, int64_t now, struct tenant_effect *ret_effect,
                               struct error *err)
{
    return db_find_int(db, SQL_CONVERSATIONS_SINCE, DB_ARGS(db_text(id), db_int(now - HOUR_MS)), 0,
                       &ret_effect->conversations_last_hour, err) &&
           db_find_int(db, SQL_USERS_LOGGED_IN, DB_ARGS(db_text(id), db_int(now)), 0,
                       &ret_effect->users_logged_in, err) &&
           job_count_open_of_tenant(db, id, &ret_effect->jobs_running, err);
}

static const char SQL_ANSWERED_SINCE[] =
    "SELECT COUNT(*) FROM messages WHERE tenant_id = $1 AND created_at >= $2";

static bool tenant_read_suspension(struct db *db, const struct tenant *tenant, struct arena *arena,
                                   const struct tenant_suspension **ret_suspension, struct error *err)
{
    if (tenant->suspended_at == INT_NULL)
        return true;
    struct tenant_suspension *suspension = arena_alloc(arena, sizeof(*suspension));
    *suspension = (struct tenant_suspension){
        .since = tenant->suspended_at,
        .reason = tenant->suspended_reason ? tenant->suspended_reason : "",
        .by = tenant->suspended_by,
        .messages_refused = tenant->refused_count,
    };
    *ret_suspension = suspension;
    return db_find_int(db, SQL_ANSWERED_SINCE, DB_ARGS(db_text(tenant->id), db_int(tenant->suspended_at)), 0,
                       &suspension->messages_answered, err);
}

/* The members that a list item has, too. */
_Static_assert(offsetof(struct tenant_detail, updated_at) == sizeof(struct tenant_list_item),
               "a detail begins as a list item");

bool tenant_manager_detail(struct tenant_manager *manager, const char *id, bool with_key, struct arena *arena,
                           struct tenant_detail *ret_detail, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct tenant_detail detail = {0};
    struct tenant_list_item item = {0};
    struct tenant tenant;
    size_t found;
    int64_t now = clock_now_ms();
    if (!store_reader(manager->platform->store, READ_LIMIT_MS, &db, err) ||
        !tenant_get(db, id, arena, &tenant, err) ||
        !tenant_items_read(db, &id, 1, clock_day(now), arena, &item, &found, err) ||
        !tenant_items_count_missing(db, &item, 1, err))
        return false;
    memcpy(&detail, &item, sizeof(item));
    detail.updated_at = tenant.updated_at;
    detail.api_key = with_key ? tenant.api_key : NULL;
    if (!tenant_read_effect(db, id, now, &detail.effect, err) ||
        !tenant_read_suspension(db, &tenant, arena, &detail.suspension, err))
        return false;
    *ret_detail = detail;
    return true;
}

bool tenant_manager_set_status(struct tenant_manager *manager, const struct actor *actor, const char *id,
                               const char *status, const char *reason, struct arena *arena, struct error *err)
{
    struct tenant tenant;
    bool suspends = strcmp(status, "suspended") == 0;
    return (suspends ? tenant_suspend : tenant_activate)(manager->platform->store, actor, id, reason, arena,
                                                         &tenant, err);
}

/* --- its users */

static const struct field user_fields[] = {
    FIELD(struct tenant_user, id, TEXT, "Id of the user"),
    FIELD(struct tenant_user, username, TEXT, "Name to log in with", .personal = PERSONAL_PARTS),
    FIELD(struct tenant_user, role, TEXT, "tenant_admin or tenant_staff"),
    FIELD(struct tenant_user, status, TEXT, "active or disabled"),
    FIELD(struct tenant_user, logged_in, BOOL, "Whether a session is good now"),
    FIELD(struct tenant_user, created_at, TIME, "When it was made"),
    FIELD(struct tenant_user, last_login_at, TIME, "The newest log-in", .nullable = true),
};
const struct descriptor tenant_user_descriptor = DESCRIPTOR("TenantUser", struct tenant_user, user_fields);

static const char SQL_USERS[] =
    "SELECT u.id AS id, u.username AS username, u.role AS role, u.status AS status,"
    " u.created_at AS created_at, u.last_login_at AS last_login_at,"
    " CASE WHEN u.status = 'active' AND EXISTS (SELECT 1 FROM sessions s WHERE " SQL_LIVE_SESSION ")"
    " THEN 1 ELSE 0 END AS logged_in"
    " FROM users u WHERE u.tenant_id = $1 ORDER BY u.username LIMIT $3 OFFSET $4";

static bool tenant_read_users(struct db *db, const char *id, struct arena *arena,
                              struct tenant_user_list *list, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    list->items = arena_alloc(arena, (size_t)list->page_size * sizeof(*list->items));
    if (!db_query(db, SQL_USERS,
                  DB_ARGS(db_text(id), db_int(clock_now_ms()), db_int(list->page_size),
                          db_int((list->page - 1) * list->page_size)),
                  &rows, err))
        return false;
    while (db_next(&rows) && list->items_count < (size_t)list->page_size)
        db_read_row(&rows, &tenant_user_descriptor, &list->items[list->items_count++], arena);
    return db_done(&rows, err);
}

bool tenant_manager_users(struct tenant_manager *manager, const char *id, int64_t page, int64_t page_size,
                          struct arena *arena, struct tenant_user_list *ret_list, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct tenant_user_list list = {.page = page, .page_size = page_size};
    struct tenant tenant;
    if (!store_reader(manager->platform->store, READ_LIMIT_MS, &db, err) ||
        !tenant_get(db, id, arena, &tenant, err) || !tenant_read_users(db, id, arena, &list, err))
        return false;
    list.total = tenant.user_count;
    *ret_list = list;
    return true;
}
