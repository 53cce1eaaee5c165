#include "platform/identity/users.h"

#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "base/identifier.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "platform/identity/sessions.h"
#include "platform/platform.h"
#include "platform/tenants/tenants.h"
#include "security/password.h"

static const char *const role_names[ROLE_COUNT + 1] = {
#define X(role, name) [role] = name,
    ROLE_TABLE(X)
#undef X
};
static const char *const statuses[] = {"active", "disabled", NULL};

static const struct field user_fields[] = {
    FIELD(struct user, id, TEXT, "Id of the user"),
    FIELD(struct user, username, TEXT, "Name to log in with, in lower case"),
    FIELD(struct user, password_hash, TEXT, "Argon2id in its own text form"),
    FIELD(struct user, role, TEXT, "What the user may do", .values = role_names),
    FIELD(struct user, tenant_id, TEXT, "Tenant of a tenant role", .nullable = true),
    FIELD(struct user, status, TEXT, "Whether the user may log in", .values = statuses),
    FIELD(struct user, created_at, TIME, "When it was made"),
    FIELD(struct user, updated_at, TIME, "When it was last changed"),
    FIELD(struct user, last_login_at, TIME, "Newest log-in", .nullable = true),
};
const struct descriptor user_descriptor = DESCRIPTOR("UserRow", struct user, user_fields);

const char *role_name(enum role role)
{
    return role_names[role];
}

bool role_parse(const char *name, enum role *ret_role)
{
    for (enum role role = 0; role < ROLE_COUNT; role++)
        if (name && strcmp(role_names[role], name) == 0) {
            *ret_role = role;
            return true;
        }
    return false;
}

bool role_is_of_tenant(enum role role)
{
    return role == ROLE_TENANT_ADMIN || role == ROLE_TENANT_STAFF;
}

bool role_is_of_platform(enum role role)
{
    return role == ROLE_OPS_ADMIN || role == ROLE_OPS_VIEWER;
}

bool role_is_of_token(enum role role)
{
    return role == ROLE_INGEST || role == ROLE_METRICS;
}

bool username_normalise(const char *username, char ret_name[static USERNAME_MAX + 1])
{
    size_t length = username ? strnlen(username, USERNAME_MAX + 1) : 0;
    if (length < 1 || length > USERNAME_MAX)
        return false;
    char name[USERNAME_MAX + 1] = {0};
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)username[i];
        bool letter_or_digit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter_or_digit && !strchr("._-@", c))
            return false;
        name[i] = (char)tolower(c);
    }
    memcpy(ret_name, name, length + 1);
    return true;
}

/* --- finding */

#define USER_COLUMNS                                                                                         \
    "id, username, password_hash, role, tenant_id, status, created_at, updated_at, last_login_at"

static const char SQL_BY_NAME[] = "SELECT " USER_COLUMNS " FROM users WHERE username = $1";

bool user_find(struct db *db, const char *username, struct arena *arena, struct user *ret_user,
               bool *ret_found, struct error *err)
{
    char name[USERNAME_MAX + 1];
    if (!username_normalise(username, name)) {
        *ret_found = false;
        return true;
    }
    return db_find(db, SQL_BY_NAME, DB_ARGS(db_text(name)), &user_descriptor, ret_user, arena, ret_found,
                   err);
}

static bool user_get(struct db *db, const char *username, struct arena *arena, struct user *ret_user,
                     struct error *err)
{
    bool found;
    if (!user_find(db, username, arena, ret_user, &found, err))
        return false;
    if (!found)
        return error_set(err, ERROR_NOT_FOUND, "There is no user '%.64s'.", "没有用户“%.64s”。", username);
    return true;
}

static const char SQL_ALL[] = "SELECT " USER_COLUMNS " FROM users ORDER BY username";

bool user_list(struct db *db, user_each each, void *context, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    CLEANUP(arena_release) struct arena arena = {0};
    if (!db_query(db, SQL_ALL, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows)) {
        struct user user = {0};
        arena_reset(&arena);
        db_read_row(&rows, &user_descriptor, &user, &arena);
        if (!each(context, &user))
            return true;
    }
    return db_done(&rows, err);
}

/* --- changing */

static bool user_audit(struct db *db, const struct actor *actor, const char *action, const struct user *user,
                       const char *status_before, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf before = {0}, after = {0};
    struct json_writer w = {.out = &after};
    json_object_begin(&w);
    json_key_text(&w, "username", user->username);
    json_key_text(&w, "role", user->role);
    json_key_text(&w, "tenant_id", user->tenant_id);
    json_key_text(&w, "status", user->status);
    json_object_end(&w);
    if (status_before) {
        w = (struct json_writer){.out = &before};
        json_object_begin(&w);
        json_key_text(&w, "status", status_before);
        json_object_end(&w);
    }
    struct audit_entry entry = {.action = action,
                                .target_type = "user",
                                .target_id = user->id,
                                .before = strbuf_text(&before),
                                .after = strbuf_text(&after)};
    return audit_append(db, actor, &entry, err);
}

static bool user_check_role(const char *name, const char *tenant_id, struct error *err)
{
    enum role role;
    if (!role_parse(name, &role) || role_is_of_token(role))
        return error_add_field(err, "role", "one of ops_admin, ops_viewer, tenant_admin, tenant_staff",
                               "应为 ops_admin、ops_viewer、tenant_admin 或 tenant_staff");
    if (role_is_of_tenant(role) && !tenant_id)
        return error_add_field(err, "tenant_id", "the role %s needs a tenant", "角色 %s 须指定商家", name);
    if (!role_is_of_tenant(role) && tenant_id)
        return error_add_field(err, "tenant_id", "the role %s belongs to no tenant", "角色 %s 不属于任何商家",
                               name);
    return true;
}

struct addition {
    const struct actor *actor;
    struct arena *arena;
    struct user user;
};

static const char SQL_INSERT[] =
    "INSERT INTO users(id, username, password_hash, role, tenant_id, created_at, updated_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (username) DO NOTHING";

static bool user_add_work(struct db *db, void *context, struct error *err)
{
    struct addition *add = context;
    const struct user *user = &add->user;
    if (user->tenant_id) {
        struct tenant tenant;
        bool found;
        if (!tenant_find(db, user->tenant_id, add->arena, &tenant, &found, err))
            return false;
        if (!found)
            return error_add_field(err, "tenant_id", "there is no tenant '%.64s'", "没有商家“%.64s”",
                                   user->tenant_id);
    }
    int64_t changed;
    if (!db_execute(db, SQL_INSERT,
                    DB_ARGS(db_text(user->id), db_text(user->username), db_text(user->password_hash),
                            db_text(user->role), db_text(user->tenant_id), db_int(user->created_at)),
                    &changed, err))
        return false;
    if (changed == 0)
        return error_set_field(err, ERROR_CONFLICT, "username",
                               "There is a user '%s' already; choose another name.",
                               "用户“%s”已存在，请换一个名称。", user->username);
    if (user->tenant_id && !tenant_count_users(db, user->tenant_id, 1, err))
        return false;
    return user_audit(db, add->actor, "user.create", user, NULL, err);
}

/* All wrong fields at once; the hash is only made when there is none. */
static bool user_check_new(const char *username, const char *password, const char *role,
                           const char *tenant_id, char ret_name[static USERNAME_MAX + 1], struct error *err)
{
    bool good = username_normalise(username, ret_name);
    if (!good)
        error_add_field(err, "username", "1 to %d letters, digits, '.', '_', '-', '@'",
                        "须为 1 到 %d 个字母、数字、“.”“_”“-”“@”", USERNAME_MAX);
    good = user_check_role(role, tenant_id, err) && good;
    return password_check(password, ret_name, tenant_id, err) && good;
}

bool user_add(struct store *store, const struct actor *actor, const char *username, const char *password,
              const char *role, const char *tenant_id, struct arena *arena, struct user *ret_user,
              struct error *err)
{
    char name[USERNAME_MAX + 1], hash[PASSWORD_HASH_SIZE], id[IDENTIFIER_SIZE];
    if (!user_check_new(username, password, role, tenant_id, name, err) ||
        !password_hash(password, hash, err))
        return false;
    identifier_make("usr_", id);
    int64_t now = clock_now_ms();
    struct addition add = {
        .actor = actor,
        .arena = arena,
        .user = {.id = arena_strdup(arena, id),
                 .username = arena_strdup(arena, name),
                 .password_hash = arena_strdup(arena, hash),
                 .role = arena_strdup(arena, role),
                 .tenant_id = arena_strdup(arena, tenant_id),
                 .status = "active",
                 .created_at = now,
                 .updated_at = now,
                 .last_login_at = INT_NULL},
    };
    if (!store_write(store, user_add_work, &add, err))
        return false;
    *ret_user = add.user;
    return true;
}

struct change {
    const struct actor *actor;
    const char *username, *password_hash;
};

static const char SQL_SET_PASSWORD[] = "UPDATE users SET password_hash = $2, updated_at = $3 WHERE id = $1";

static bool user_set_password_work(struct db *db, void *context, struct error *err)
{
    const struct change *change = context;
    CLEANUP(arena_release) struct arena arena = {0};
    struct user user = {0};
    int64_t now = clock_now_ms();
    if (!user_get(db, change->username, &arena, &user, err) ||
        !db_execute(db, SQL_SET_PASSWORD,
                    DB_ARGS(db_text(user.id), db_text(change->password_hash), db_int(now)), NULL, err))
        return false;
    return sessions_revoke_of_user(db, user.id, SESSION_END_PASSWORD, now, err) &&
           user_audit(db, change->actor, "user.password", &user, NULL, err);
}

/* Read before the hash is made, which takes a while; what becomes of the user meanwhile is for the change. */
static bool user_check_password(struct store *store, const char *username, const char *password,
                                struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct user user = {0};
    return store_reader(store, READ_LIMIT_MS, &db, err) && user_get(db, username, &arena, &user, err) &&
           password_check(password, user.username, user.tenant_id, err);
}

bool user_set_password(struct store *store, const struct actor *actor, const char *username,
                       const char *password, struct error *err)
{
    char hash[PASSWORD_HASH_SIZE];
    if (!user_check_password(store, username, password, err) || !password_hash(password, hash, err))
        return false;
    struct change change = {.actor = actor, .username = username, .password_hash = hash};
    return store_write(store, user_set_password_work, &change, err);
}

static const char SQL_DISABLE[] = "UPDATE users SET status = 'disabled', updated_at = $2 WHERE id = $1";

static bool user_disable_work(struct db *db, void *context, struct error *err)
{
    const struct change *change = context;
    CLEANUP(arena_release) struct arena arena = {0};
    struct user user = {0};
    int64_t now = clock_now_ms();
    if (!user_get(db, change->username, &arena, &user, err))
        return false;
    if (user.status && strcmp(user.status, "disabled") == 0)
        return error_set(err, ERROR_CONFLICT, "The user '%s' is disabled already.", "用户“%s”已被停用。",
                         user.username);
    user.status = "disabled";
    return db_execute(db, SQL_DISABLE, DB_ARGS(db_text(user.id), db_int(now)), NULL, err) &&
           sessions_revoke_of_user(db, user.id, SESSION_END_DISABLED, now, err) &&
           user_audit(db, change->actor, "user.disable", &user, "active", err);
}

bool user_disable(struct store *store, const struct actor *actor, const char *username, struct error *err)
{
    struct change change = {.actor = actor, .username = username};
    return store_write(store, user_disable_work, &change, err);
}

static const char SQL_LOGGED_IN[] = "UPDATE users SET last_login_at = $2 WHERE id = $1";

bool user_logged_in(struct db *db, const char *id, int64_t at, struct error *err)
{
    return db_execute(db, SQL_LOGGED_IN, DB_ARGS(db_text(id), db_int(at)), NULL, err);
}
