#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ops/logs/log_manager.h"
#include "store/store.h"

static const struct field saved_query_fields[] = {
    FIELD(struct saved_query, id, INT, "Id of the query"),
    FIELD(struct saved_query, name, TEXT, "What it is called", .personal = PERSONAL_PARTS),
    FIELD(struct saved_query, query, TEXT, "In the language of queries; empty: none",
          .personal = PERSONAL_PARTS),
    FIELD(struct saved_query, keyword, TEXT, "A part of the message; empty: none",
          .personal = PERSONAL_PARTS),
    FIELD(struct saved_query, level, TEXT, "Levels; empty: all"),
    FIELD(struct saved_query, source, TEXT, "Source; empty: all"),
    FIELD(struct saved_query, tenant_id, TEXT, "Tenant; empty: all"),
    FIELD(struct saved_query, shared, BOOL, "Everyone sees it"),
    FIELD(struct saved_query, own, BOOL, "The caller has saved it"),
    FIELD(struct saved_query, created_by, TEXT, "Who has", .personal = PERSONAL_PARTS),
    FIELD(struct saved_query, created_at, TIME, "When"),
};
const struct descriptor saved_query_descriptor =
    DESCRIPTOR("SavedLogQuery", struct saved_query, saved_query_fields);

bool saved_query_name_check(const char *name, struct error *err)
{
    return name[strspn(name, " \t\r\n")] != '\0' ||
           error_add_field(err, "name", "Must not be blank.", "不能为空。");
}

static const char SQL_LIST[] =
    "SELECT id, name, query, keyword, level, source, tenant_id, shared, user_id = $1 AS own, created_by, "
    "created_at"
    " FROM saved_queries WHERE user_id = $1 OR shared = 1 ORDER BY name, id LIMIT $2";
static const char SQL_ONE[] = "SELECT id, name, query, keyword, level, source, tenant_id, shared, user_id = "
                              "$1 AS own, created_by, created_at"
                              " FROM saved_queries WHERE id = $2 AND (user_id = $1 OR shared = 1)";
static const char SQL_COUNT_OWN[] = "SELECT COUNT(*) FROM saved_queries WHERE user_id = $1";
static const char SQL_FIND_NAME[] = "SELECT id FROM saved_queries WHERE user_id = $1 AND name = $2";
static const char SQL_ADD[] = "INSERT INTO saved_queries(user_id, name, query, keyword, level, source, "
                              "tenant_id, shared, created_by, created_at)"
                              " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
static const char SQL_DELETE[] = "DELETE FROM saved_queries WHERE id = $1";

#define LISTED_MAX 500

static void saved_query_read(const struct db_rows *rows, struct arena *arena, struct saved_query *query)
{
    *query = (struct saved_query){.shared = db_column_int(rows, 7) != 0, .own = db_column_int(rows, 8) != 0};
    query->id = db_column_int(rows, 0);
    query->name = arena_strdup(arena, db_column_text(rows, 1));
    query->query = arena_strdup(arena, db_column_text(rows, 2));
    query->keyword = arena_strdup(arena, db_column_text(rows, 3));
    query->level = arena_strdup(arena, db_column_text(rows, 4));
    query->source = arena_strdup(arena, db_column_text(rows, 5));
    query->tenant_id = arena_strdup(arena, db_column_text(rows, 6));
    query->created_by = arena_strdup(arena, db_column_text(rows, 9));
    query->created_at = db_column_int(rows, 10);
}

bool saved_queries_list(struct db *db, const char *user_id, struct arena *arena,
                        struct saved_query **ret_queries, size_t *ret_count, struct error *err)
{
    struct saved_query *queries = arena_alloc(arena, LISTED_MAX * sizeof(*queries));
    size_t count = 0;
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_LIST, DB_ARGS(db_text(user_id), db_int(LISTED_MAX)), &rows, err))
        return false;
    while (db_next(&rows))
        saved_query_read(&rows, arena, &queries[count++]);
    if (!db_done(&rows, err))
        return false;
    *ret_queries = queries;
    *ret_count = count;
    return true;
}

static bool saved_query_find(struct db *db, const char *user_id, int64_t id, struct arena *arena,
                             struct saved_query *ret_query, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, SQL_ONE, DB_ARGS(db_text(user_id), db_int(id)), &rows, err))
        return false;
    bool found = db_next(&rows);
    if (found)
        saved_query_read(&rows, arena, ret_query);
    if (!db_done(&rows, err))
        return false;
    return found || error_set(err, ERROR_NOT_FOUND, "There is no such saved query.", "该查询不存在。");
}

static bool saved_query_note(struct db *db, const struct actor *actor, const char *action,
                             const struct saved_query *query, bool is_new, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf state = {0};
    char id[24];
    struct json_writer w = {.out = &state};
    json_object_begin(&w);
    json_key_text(&w, "name", query->name);
    json_key_text(&w, "query", query->query);
    json_key_text(&w, "keyword", query->keyword);
    json_key_bool(&w, "shared", query->shared);
    json_object_end(&w);
    snprintf(id, sizeof(id), "%lld", (long long)query->id);
    struct audit_entry entry = {.action = action,
                                .target_type = "log_query",
                                .target_id = id,
                                .before = is_new ? NULL : strbuf_text(&state),
                                .after = is_new ? strbuf_text(&state) : NULL};
    return audit_append(db, actor, &entry, err);
}

struct saved_query_work {
    const struct actor *actor;
    const struct saved_query *query; /* to be added */
    int64_t id;                      /* to be deleted */
    bool any;
    struct arena *arena;
    struct saved_query result;
};

static bool saved_query_add_work(struct db *db, void *context, struct error *err)
{
    struct saved_query_work *work = context;
    const struct saved_query *query = work->query;
    const char *user_id = work->actor->user_id;
    int64_t own, same, id;
    if (!db_find_int(db, SQL_COUNT_OWN, DB_ARGS(db_text(user_id)), 0, &own, err) ||
        !db_find_int(db, SQL_FIND_NAME, DB_ARGS(db_text(user_id), db_text(query->name)), 0, &same, err))
        return false;
    if (same != 0)
        return error_set_field(err, ERROR_CONFLICT, "name", "You have a query of this name already.",
                               "您已有同名的查询。");
    if (own >= SAVED_QUERIES_EACH)
        return error_set(err, ERROR_CONFLICT, "You have %d saved queries, which is as many as there may be.",
                         "您已保存 %d 个查询，已达上限。", SAVED_QUERIES_EACH);
    if (!db_insert(db, SQL_ADD,
                   DB_ARGS(db_text(user_id), db_text(query->name), db_text(query->query),
                           db_text(query->keyword), db_text(query->level), db_text(query->source),
                           db_text(query->tenant_id), db_bool(query->shared), db_text(work->actor->username),
                           db_int(clock_now_ms())),
                   &id, err))
        return false;
    return saved_query_find(db, user_id, id, work->arena, &work->result, err) &&
           saved_query_note(db, work->actor, "log_query.create", &work->result, true, err);
}

bool saved_query_add(const struct platform *platform, const struct actor *actor,
                     const struct saved_query *query, struct arena *arena, struct saved_query *ret_query,
                     struct error *err)
{
    struct saved_query_work work = {.actor = actor, .query = query, .arena = arena};
    if (!store_write(platform->store, saved_query_add_work, &work, err))
        return false;
    *ret_query = work.result;
    return true;
}

static bool saved_query_delete_work(struct db *db, void *context, struct error *err)
{
    struct saved_query_work *work = context;
    CLEANUP(arena_release) struct arena arena = {0};
    struct saved_query query = {0};
    if (!saved_query_find(db, work->actor->user_id, work->id, &arena, &query, err))
        return false;
    if (!query.own && !work->any)
        return error_set(err, ERROR_FORBIDDEN, "Somebody else has saved it.", "该查询由他人保存。");
    return db_execute(db, SQL_DELETE, DB_ARGS(db_int(work->id)), NULL, err) &&
           saved_query_note(db, work->actor, "log_query.delete", &query, false, err);
}

bool saved_query_delete(const struct platform *platform, const struct actor *actor, int64_t id, bool any,
                        struct error *err)
{
    struct saved_query_work work = {.actor = actor, .id = id, .any = any};
    return store_write(platform->store, saved_query_delete_work, &work, err);
}
