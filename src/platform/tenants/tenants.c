#include "platform/tenants/tenants.h"

#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "base/identifier.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "platform/tenants/counters.h"
#include "platform/text_rules.h"
#include "search/fold.h"
#include "security/token.h"

const char *const tenant_statuses[] = {"active", "suspended", NULL};

static const struct field tenant_fields[] = {
    FIELD(struct tenant, id, TEXT, "Id of the tenant"),
    FIELD(struct tenant, name, TEXT, "Name for people"),
    FIELD(struct tenant, contact, TEXT, "Whom to ask: a name, a telephone number, an address"),
    FIELD(struct tenant, status, TEXT, "Whether it is served", .values = tenant_statuses),
    FIELD(struct tenant, api_key, TEXT, "Publishable key: names the tenant, grants only chat"),
    FIELD(struct tenant, created_at, TIME, "When it was made"),
    FIELD(struct tenant, updated_at, TIME, "When it was last edited"),
    FIELD(struct tenant, version, INT, "Counts edits"),
    FIELD(struct tenant, last_active_at, TIME, "Newest chat message or log-in", .nullable = true),
    FIELD(struct tenant, suspended_at, TIME, "When it was suspended", .nullable = true),
    FIELD(struct tenant, suspended_reason, TEXT, "Why it was suspended", .nullable = true),
    FIELD(struct tenant, suspended_by, TEXT, "Who suspended it", .nullable = true),
    FIELD(struct tenant, refused_count, INT, "Chats refused since it was suspended"),
    FIELD(struct tenant, knowledge_revision, INT, "Grows with every change of its pairs"),
    FIELD(struct tenant, user_count, INT, "Its users, disabled ones too"),
    FIELD(struct tenant, qa_pair_count, INT, "Its live question-answer pairs"),
    FIELD(struct tenant, unsynced_count, INT, "Those of them that the vector index lacks"),
    FIELD(struct tenant, pending_feedback_count, INT, "Its feedback that waits to be learned"),
};
const struct descriptor tenant_descriptor = DESCRIPTOR("TenantRow", struct tenant, tenant_fields);

struct tenant_state tenant_state_of(const struct tenant *tenant)
{
    return (struct tenant_state){tenant->id, tenant->status, tenant->suspended_at};
}

/* --- what may stand in it */

bool tenant_check_id(const char *id, struct error *err)
{
    static const char characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    size_t length = strlen(id);
    /* '.' and '..' as a path segment are removed by clients: it begins with a letter or a digit. */
    bool valid = length <= TENANT_ID_MAX && strspn(id, characters) == length && isalnum((unsigned char)id[0]);
    return valid ||
           error_add_field(err, "id",
                           "must be 1 to %d letters, digits, '_', '-', '.', beginning with a letter or digit",
                           "须为 1 到 %d 个字母、数字、“_”“-”“.”，并以字母或数字开头", TENANT_ID_MAX);
}

bool tenant_check_name(const char *name, struct error *err)
{
    static const struct text_rule rule = {"name", TENANT_NAME_MAX, .required = true, .one_line = true,
                                          .legible = true};
    return text_check(&rule, name, err);
}

bool tenant_check_contact(const char *contact, struct error *err)
{
    static const struct text_rule rule = {"contact", TENANT_CONTACT_MAX, .one_line = true, .legible = true};
    return text_check(&rule, contact, err);
}

static const char *tenant_trimmed(struct arena *arena, const char *text)
{
    struct text_span span = text_trim(text);
    return arena_strndup(arena, span.bytes, span.length);
}

/* --- making one */

/* `tenant_` and 12 characters: short enough to be read aloud, 60 random bits. */
static const char *tenant_make_id(struct arena *arena)
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    unsigned char random[12];
    random_bytes(random, sizeof(random));
    char *id = arena_printf(arena, "tenant_%*s", (int)sizeof(random), "");
    for (size_t i = 0; i < sizeof(random); i++)
        id[strlen("tenant_") + i] = digits[random[i] & 31];
    return id;
}

static const char SQL_INSERT[] =
    "INSERT INTO tenants(id, name, contact, api_key, created_at, updated_at, name_folded)"
    " VALUES ($1, $2, $3, $4, $5, $5, $6) ON CONFLICT (id) DO NOTHING";

/* Two ids that differ in the case of letters only would be taken for one by every reader. */
static const char SQL_SAME_ID[] = "SELECT id FROM tenants WHERE LOWER(id) = LOWER($1) LIMIT 1";

static bool tenant_refuse_same_id(struct db *db, const struct tenant *tenant, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_SAME_ID, DB_ARGS(db_text(tenant->id)), &rows, err))
        return false;
    if (!db_next(&rows))
        return db_done(&rows, err);
    return error_set_field(err, ERROR_CONFLICT, "id", "There is a tenant '%s' already; choose another id.",
                           "商家“%s”已存在，请换一个 ID。", db_column_text(&rows, 0));
}

static bool tenant_insert_row(struct db *db, const struct tenant *tenant, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf folded = {0};
    int64_t changed;
    text_fold(tenant->name, strlen(tenant->name), &folded);
    if (!tenant_refuse_same_id(db, tenant, err))
        return false;
    if (!db_execute(db, SQL_INSERT,
                    DB_ARGS(db_text(tenant->id), db_text(tenant->name), db_text(tenant->contact),
                            db_text(tenant->api_key), db_int(tenant->created_at),
                            db_text(strbuf_text(&folded))),
                    &changed, err))
        return false;
    return changed == 1 || tenant_refuse_same_id(db, tenant, err);
}

static bool tenant_audit_creation(struct db *db, const struct actor *actor, const struct tenant *tenant,
                                  struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf after = {0};
    struct json_writer w = {.out = &after};
    json_object_begin(&w);
    json_key_text(&w, "name", tenant->name);
    json_key_text(&w, "contact", tenant->contact);
    json_key_text(&w, "status", tenant->status);
    json_object_end(&w);
    struct audit_entry entry = {.action = "tenant.create",
                                .target_type = "tenant",
                                .target_id = tenant->id,
                                .after = strbuf_text(&after)};
    return audit_append(db, actor, &entry, err);
}

bool tenant_insert(struct db *db, const struct actor *actor, const char *id, const char *name,
                   const char *contact, struct arena *arena, struct tenant *ret_tenant, struct error *err)
{
    bool good = !id || tenant_check_id(id, err);
    good = tenant_check_name(name, err) && good;
    if (!tenant_check_contact(contact, err) || !good)
        return false;
    char api_key[TOKEN_SIZE];
    token_random(TOKEN_PREFIX_PUBLISHABLE, api_key);
    int64_t now = clock_now_ms();
    struct tenant tenant = {
        .id = id ? arena_strdup(arena, id) : tenant_make_id(arena),
        .name = tenant_trimmed(arena, name),
        .contact = tenant_trimmed(arena, contact),
        .status = "active",
        .api_key = arena_strdup(arena, api_key),
        .created_at = now,
        .updated_at = now,
        .version = 1,
        .last_active_at = INT_NULL,
        .suspended_at = INT_NULL,
    };
    if (!tenant_insert_row(db, &tenant, err))
        return false;
    static const enum counter counters[] = {COUNTER_TENANTS, COUNTER_ACTIVE_TENANTS, COUNTER_TENANT_EDITS};
    for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
        if (!counters_add(db, counters[i], 1, err))
            return false;
    if (!tenant_audit_creation(db, actor, &tenant, err))
        return false;
    *ret_tenant = tenant;
    return true;
}

struct addition {
    const struct actor *actor;
    const char *id, *name, *contact;
    struct arena *arena;
    struct tenant tenant;
};

static bool tenant_add_work(struct db *db, void *context, struct error *err)
{
    struct addition *add = context;
    return tenant_insert(db, add->actor, add->id, add->name, add->contact, add->arena, &add->tenant, err);
}

bool tenant_add(struct store *store, const struct actor *actor, const char *id, const char *name,
                const char *contact, struct arena *arena, struct tenant *ret_tenant, struct error *err)
{
    struct addition add = {.actor = actor, .id = id, .name = name, .contact = contact, .arena = arena};
    if (!store_write(store, tenant_add_work, &add, err))
        return false;
    *ret_tenant = add.tenant;
    return true;
}

/* --- finding */

#define TENANT_COLUMNS                                                                                       \
    "id, name, contact, status, api_key, created_at, updated_at, version, last_active_at, suspended_at,"     \
    " suspended_reason, suspended_by, refused_count, knowledge_revision, user_count, qa_pair_count,"         \
    " unsynced_count, pending_feedback_count"

static const char SQL_BY_ID[] = "SELECT " TENANT_COLUMNS " FROM tenants WHERE id = $1";

bool tenant_find(struct db *db, const char *id, struct arena *arena, struct tenant *ret_tenant,
                 bool *ret_found, struct error *err)
{
    return db_find(db, SQL_BY_ID, DB_ARGS(db_text(id)), &tenant_descriptor, ret_tenant, arena, ret_found,
                   err);
}

static bool tenant_not_found(const char *id, struct error *err)
{
    return error_set(err, ERROR_NOT_FOUND, "There is no tenant '%.64s'.", "没有商家“%.64s”。", id);
}

bool tenant_get(struct db *db, const char *id, struct arena *arena, struct tenant *ret_tenant,
                struct error *err)
{
    bool found;
    if (!tenant_find(db, id, arena, ret_tenant, &found, err))
        return false;
    return found || tenant_not_found(id, err);
}

static const char SQL_BY_API_KEY[] = "SELECT " TENANT_COLUMNS " FROM tenants WHERE api_key = $1";

bool tenant_by_api_key(struct db *db, const char *api_key, struct arena *arena, struct tenant *ret_tenant,
                       bool *ret_found, struct error *err)
{
    return db_find(db, SQL_BY_API_KEY, DB_ARGS(db_text(api_key)), &tenant_descriptor, ret_tenant, arena,
                   ret_found, err);
}

static const char SQL_ALL[] = "SELECT " TENANT_COLUMNS " FROM tenants ORDER BY id";

bool tenant_list(struct db *db, tenant_each each, void *context, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    CLEANUP(arena_release) struct arena arena = {0};
    if (!db_query(db, SQL_ALL, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows)) {
        struct tenant tenant = {0};
        arena_reset(&arena);
        db_read_row(&rows, &tenant_descriptor, &tenant, &arena);
        if (!each(context, &tenant))
            return true;
    }
    return db_done(&rows, err);
}

/* --- editing one */

static const char SQL_TEMPLATES_REVISION[] =
    "UPDATE tenants SET templates_revision = $2 WHERE id = $1 AND templates_revision <> $2";

bool tenant_set_templates_revision(struct db *db, const char *id, int64_t revision, struct error *err)
{
    return db_execute(db, SQL_TEMPLATES_REVISION, DB_ARGS(db_text(id), db_int(revision)), NULL, err);
}

static bool tenant_update_one(struct db *db, const char *sql, const char *id, const struct db_value *args,
                              size_t count, struct error *err)
{
    int64_t changed;
    if (!db_execute(db, sql, args, count, &changed, err))
        return false;
    return changed == 1 || tenant_not_found(id, err);
}

static const char *tenant_edit_json(const struct tenant *tenant, struct arena *arena)
{
    CLEANUP(strbuf_release) struct strbuf out = {0};
    struct json_writer w = {.out = &out};
    json_object_begin(&w);
    json_key_text(&w, "name", tenant->name);
    json_key_text(&w, "contact", tenant->contact);
    json_object_end(&w);
    return arena_strdup(arena, strbuf_text(&out));
}

struct editing {
    const struct actor *actor;
    const char *id;
    const struct tenant_edit *edit;
    struct arena *arena;
    struct tenant tenant;
};

static const char SQL_EDIT[] =
    "UPDATE tenants SET name = $2, contact = $3, updated_at = $4, version = version + 1, name_folded = $6"
    " WHERE id = $1 AND version = $5";

bool tenant_edit_conflict(const char *id, struct error *err)
{
    return error_set(err, ERROR_CONFLICT,
                     "Tenant '%s' has been edited meanwhile. Load it again and repeat the change.",
                     "商家“%s”已被他人修改，请重新载入后再修改。", id);
}

static bool tenant_write_edit(struct db *db, const struct editing *editing, const struct tenant *before,
                              struct error *err)
{
    const struct tenant *after = &editing->tenant;
    struct audit_entry entry = {.action = "tenant.update",
                                .target_type = "tenant",
                                .target_id = after->id,
                                .before = tenant_edit_json(before, editing->arena),
                                .after = tenant_edit_json(after, editing->arena)};
    CLEANUP(strbuf_release) struct strbuf folded = {0};
    int64_t changed;
    text_fold(after->name, strlen(after->name), &folded);
    if (!db_execute(db, SQL_EDIT,
                    DB_ARGS(db_text(after->id), db_text(after->name), db_text(after->contact),
                            db_int(after->updated_at), db_int(before->version),
                            db_text(strbuf_text(&folded))),
                    &changed, err))
        return false;
    return (changed == 1 || tenant_edit_conflict(after->id, err)) &&
           counters_add(db, COUNTER_TENANT_EDITS, 1, err) && audit_append(db, editing->actor, &entry, err);
}

static bool tenant_edit_work(struct db *db, void *context, struct error *err)
{
    struct editing *editing = context;
    const struct tenant_edit *edit = editing->edit;
    struct tenant before;
    if (!tenant_get(db, editing->id, editing->arena, &before, err))
        return false;
    if (edit->version != INT_NULL && edit->version != before.version)
        return error_set(err, ERROR_CONFLICT,
                         "Tenant '%s' has been edited meanwhile: it has version %lld, yours is %lld. Load it "
                         "again and repeat the change.",
                         "商家“%s”已被他人修改：当前版本为 %lld，您的版本为 %lld。请重新载入后再修改。",
                         before.id, (long long)before.version, (long long)edit->version);
    bool unmasked = text_check_unmasked("name", edit->name, before.name, err);
    if (!text_check_unmasked("contact", edit->contact, before.contact, err) || !unmasked)
        return false;
    struct tenant *after = &editing->tenant;
    *after = before;
    if (edit->name)
        after->name = tenant_trimmed(editing->arena, edit->name);
    if (edit->contact)
        after->contact = tenant_trimmed(editing->arena, edit->contact);
    if (strcmp(after->name, before.name) == 0 && strcmp(after->contact, before.contact) == 0)
        return true;
    after->version++;
    after->updated_at = clock_now_ms();
    return tenant_write_edit(db, editing, &before, err);
}

bool tenant_update(struct store *store, const struct actor *actor, const char *id,
                   const struct tenant_edit *edit, struct arena *arena, struct tenant *ret_tenant,
                   struct error *err)
{
    struct editing editing = {.actor = actor, .id = id, .edit = edit, .arena = arena};
    bool good = !edit->name || tenant_check_name(edit->name, err);
    good = (!edit->contact || tenant_check_contact(edit->contact, err)) && good;
    if (!good || !store_write(store, tenant_edit_work, &editing, err))
        return false;
    *ret_tenant = editing.tenant;
    return true;
}

/* --- what changes with its knowledge and its customers */

static const char SQL_NEXT_REVISION[] = "UPDATE tenants SET knowledge_revision = knowledge_revision + 1 "
                                        "WHERE id = $1 RETURNING knowledge_revision";

bool tenant_next_revision(struct db *db, const char *id, int64_t *ret_revision, struct error *err)
{
    int64_t revision;
    if (!db_find_int(db, SQL_NEXT_REVISION, DB_ARGS(db_text(id)), INT_NULL, &revision, err))
        return false;
    if (revision == INT_NULL)
        return tenant_not_found(id, err);
    *ret_revision = revision;
    return true;
}

/* unsynced_since: from the first change that the index lacks until it lacks none. */
static const char SQL_COUNT_PAIRS[] =
    "UPDATE tenants SET qa_pair_count = qa_pair_count + $2, unsynced_count = unsynced_count + $3,"
    " removal_count = removal_count + $4, unsynced_since = CASE WHEN unsynced_count + $3 = 0"
    " AND removal_count + $4 = 0 THEN NULL ELSE COALESCE(unsynced_since, $5) END WHERE id = $1";

static bool tenant_count_knowledge(struct db *db, const char *id, int64_t pairs, int64_t unsynced,
                                   int64_t removals, struct error *err)
{
    if (pairs == 0 && unsynced == 0 && removals == 0)
        return true;
    return tenant_update_one(db, SQL_COUNT_PAIRS, id,
                             DB_ARGS(db_text(id), db_int(pairs), db_int(unsynced), db_int(removals),
                                     db_int(clock_now_ms())),
                             err) &&
           counters_add(db, COUNTER_QA_PAIRS, pairs, err) &&
           counters_add_due(db, id, unsynced, removals, err);
}

bool tenant_count_pairs(struct db *db, const char *id, int64_t pairs, int64_t unsynced, struct error *err)
{
    return tenant_count_knowledge(db, id, pairs, unsynced, 0, err);
}

bool tenant_count_removals(struct db *db, const char *id, int64_t removals, struct error *err)
{
    return tenant_count_knowledge(db, id, 0, 0, removals, err);
}

static const char SQL_SYNCED_UP[] =
    "UPDATE tenants SET unsynced_since = $2 WHERE id = $1 AND unsynced_since < $2";

bool tenant_synced_up(struct db *db, const char *id, int64_t began_at, struct error *err)
{
    return db_execute(db, SQL_SYNCED_UP, DB_ARGS(db_text(id), db_int(began_at)), NULL, err);
}

static const char SQL_COUNT_PENDING[] =
    "UPDATE tenants SET pending_feedback_count = pending_feedback_count + $2 WHERE id = $1";

bool tenant_count_pending(struct db *db, const char *id, int64_t feedbacks, struct error *err)
{
    if (feedbacks == 0)
        return true;
    return tenant_update_one(db, SQL_COUNT_PENDING, id, DB_ARGS(db_text(id), db_int(feedbacks)), err) &&
           counters_add(db, COUNTER_PENDING_FEEDBACKS, feedbacks, err);
}

static const char SQL_COUNT_USERS[] = "UPDATE tenants SET user_count = user_count + $2 WHERE id = $1";

bool tenant_count_users(struct db *db, const char *id, int64_t users, struct error *err)
{
    return tenant_update_one(db, SQL_COUNT_USERS, id, DB_ARGS(db_text(id), db_int(users)), err);
}

static const char SQL_COUNT_REFUSED[] = "UPDATE tenants SET refused_count = refused_count + 1"
                                        " WHERE id = $1 AND suspended_at IS NOT NULL";

bool tenant_count_refused(struct db *db, const char *id, struct error *err)
{
    return db_execute(db, SQL_COUNT_REFUSED, DB_ARGS(db_text(id)), NULL, err);
}

#define TOUCH_STEP_MS SECOND_MS

static const char SQL_TOUCH[] = "UPDATE tenants SET last_active_at = $2"
                                " WHERE id = $1 AND (last_active_at IS NULL OR last_active_at <= $3)";

bool tenant_touch(struct db *db, const char *id, int64_t at, struct error *err)
{
    return db_execute(db, SQL_TOUCH, DB_ARGS(db_text(id), db_int(at), db_int(at - TOUCH_STEP_MS)), NULL, err);
}
