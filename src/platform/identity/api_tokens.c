#include "platform/identity/api_tokens.h"

#include <string.h>

#include "base/clock.h"
#include "base/identifier.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "platform/identity/users.h"
#include "platform/tenants/tenants.h"
#include "security/token.h"

static const struct field api_token_fields[] = {
    FIELD(struct api_token, id, TEXT, "Id of the token: not the token itself"),
    FIELD(struct api_token, name, TEXT, "Name for people, in lower case"),
    FIELD(struct api_token, role, TEXT, "What it may do"),
    FIELD(struct api_token, tenant_id, TEXT, "The one tenant that it speaks for", .nullable = true),
    FIELD(struct api_token, created_at, TIME, "When it was made"),
    FIELD(struct api_token, revoked_at, TIME, "Since when it is refused", .nullable = true),
};
const struct descriptor api_token_descriptor = DESCRIPTOR("ApiToken", struct api_token, api_token_fields);

static bool api_token_audit(struct db *db, const struct actor *actor, const char *action,
                            const struct api_token *token, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf after = {0};
    struct json_writer w = {.out = &after};
    json_object_begin(&w);
    json_key_text(&w, "name", token->name);
    json_key_text(&w, "role", token->role);
    json_key_text(&w, "tenant_id", token->tenant_id);
    json_object_end(&w);
    struct audit_entry entry = {
        .action = action, .target_type = "api_token", .target_id = token->id, .after = strbuf_text(&after)};
    return audit_append(db, actor, &entry, err);
}

/* --- adding */

struct addition {
    const struct actor *actor;
    struct arena *arena;
    struct api_token token;
    unsigned char hash[TOKEN_HASH_SIZE];
};

static bool api_token_check(const char *name, const char *role_text, const char *tenant_id,
                            char ret_name[static USERNAME_MAX + 1], struct error *err)
{
    enum role role;
    bool good = username_normalise(name, ret_name);
    if (!good)
        error_add_field(err, "name", "1 to %d letters, digits, '.', '_', '-', '@'",
                        "须为 1 到 %d 个字母、数字、“.”“_”“-”“@”", USERNAME_MAX);
    if (!role_parse(role_text, &role) || !role_is_of_token(role))
        good = error_add_field(err, "role", "must be ingest or metrics: other roles are for people",
                               "须为 ingest 或 metrics：其他角色供人使用");
    else if (role == ROLE_METRICS && tenant_id)
        good = error_add_field(err, "tenant_id", "metrics are of the platform, not of a tenant",
                               "metrics 令牌属于平台，不属于商家");
    return good;
}

static const char SQL_INSERT[] = "INSERT INTO api_tokens(id, name, role, tenant_id, token_hash, created_at)"
                                 " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING";

static bool api_token_add_work(struct db *db, void *context, struct error *err)
{
    struct addition *add = context;
    const char *tenant_id = add->token.tenant_id;
    struct tenant tenant;
    bool found = true;
    if (tenant_id && !tenant_find(db, tenant_id, add->arena, &tenant, &found, err))
        return false;
    if (!found)
        return error_add_field(err, "tenant_id", "there is no tenant '%.64s'", "没有商家“%.64s”", tenant_id);
    const struct api_token *token = &add->token;
    int64_t changed;
    if (!db_execute(db, SQL_INSERT,
                    DB_ARGS(db_text(token->id), db_text(token->name), db_text(token->role),
                            db_text(tenant_id), db_bytes(add->hash, sizeof(add->hash)),
                            db_int(token->created_at)),
                    &changed, err))
        return false;
    if (changed == 0)
        return error_set_field(err, ERROR_CONFLICT, "name",
                               "There is, or was, a token '%s'; choose another name.",
                               "令牌“%s”已存在或曾存在，请换一个名称。", token->name);
    return api_token_audit(db, add->actor, "token.create", token, err);
}

bool api_token_add(struct store *store, const struct actor *actor, const char *name, const char *role,
                   const char *tenant_id, struct arena *arena, const char **ret_token, struct error *err)
{
    char kept_name[USERNAME_MAX + 1], id[IDENTIFIER_SIZE], token[TOKEN_SIZE];
    if (!api_token_check(name, role, tenant_id, kept_name, err))
        return false;
    identifier_make("tok_", id);
    token_random(TOKEN_PREFIX_API, token);
    struct addition add = {
        .actor = actor,
        .arena = arena,
        .token = {.id = id,
                  .name = kept_name,
                  .role = role,
                  .tenant_id = tenant_id,
                  .created_at = clock_now_ms(),
                  .revoked_at = INT_NULL},
    };
    token_hash(token, add.hash);
    if (!store_write(store, api_token_add_work, &add, err))
        return false;
    *ret_token = arena_strdup(arena, token);
    return true;
}

/* --- revoking */

struct revocation {
    const struct actor *actor;
    const char *name;
};

#define TOKEN_COLUMNS "id, name, role, tenant_id, created_at, revoked_at"

static const char SQL_BY_NAME[] = "SELECT " TOKEN_COLUMNS " FROM api_tokens WHERE name = $1";
static const char SQL_REVOKE[] = "UPDATE api_tokens SET revoked_at = $2 WHERE id = $1";

static bool api_token_revoke_work(struct db *db, void *context, struct error *err)
{
    const struct revocation *revocation = context;
    CLEANUP(arena_release) struct arena arena = {0};
    char name[USERNAME_MAX + 1];
    struct api_token token;
    bool found = username_normalise(revocation->name, name);
    if (found &&
        !db_find(db, SQL_BY_NAME, DB_ARGS(db_text(name)), &api_token_descriptor, &token, &arena, &found, err))
        return false;
    if (!found)
        return error_set(err, ERROR_NOT_FOUND, "There is no token '%.64s'.", "没有令牌“%.64s”。",
                         revocation->name);
    if (token.revoked_at != INT_NULL)
        return error_set(err, ERROR_CONFLICT, "The token '%s' is revoked already.", "令牌“%s”已被吊销。",
                         token.name);
    return db_execute(db, SQL_REVOKE, DB_ARGS(db_text(token.id), db_int(clock_now_ms())), NULL, err) &&
           api_token_audit(db, revocation->actor, "token.revoke", &token, err);
}

bool api_token_revoke(struct store *store, const struct actor *actor, const char *name, struct error *err)
{
    struct revocation revocation = {actor, name};
    return store_write(store, api_token_revoke_work, &revocation, err);
}

/* --- finding */

static const char SQL_ALL[] = "SELECT " TOKEN_COLUMNS " FROM api_tokens ORDER BY name";

bool api_token_list(struct db *db, api_token_each each, void *context, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    CLEANUP(arena_release) struct arena arena = {0};
    if (!db_query(db, SQL_ALL, DB_NO_ARGS, &rows, err))
        return false;
    while (db_next(&rows)) {
        struct api_token token = {0};
        arena_reset(&arena);
        db_read_row(&rows, &api_token_descriptor, &token, &arena);
        if (!each(context, &token))
            return true;
    }
    return db_done(&rows, err);
}

static const char SQL_BY_HASH[] =
    "SELECT " TOKEN_COLUMNS " FROM api_tokens WHERE token_hash = $1 AND revoked_at IS NULL";

bool api_token_find(struct db *db, const char *token, struct arena *arena, struct api_token *ret_token,
                    bool *ret_found, struct error *err)
{
    unsigned char hash[TOKEN_HASH_SIZE];
    token_hash(token, hash);
    return db_find(db, SQL_BY_HASH, DB_ARGS(db_bytes(hash, sizeof(hash))), &api_token_descriptor, ret_token,
                   arena, ret_found, err);
}
