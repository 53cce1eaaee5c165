/* Asking for a distribution: its checks, its audit row, and the parameters of the job. */
#include "ops/templates/distribution_request.h"

#include <inttypes.h>
#include <string.h>

#include "base/json_reader.h"
#include "base/memory.h"
#include "ops/templates/distribution.h"
#include "platform/knowledge/templates.h"
#include "platform/tenants/tenants.h"

/* ---- parameters ---- */

static void distribute_write_members(struct json_writer *w, const struct distribute_parameters *parameters)
{
    json_key(w, "template_ids");
    json_array_begin(w);
    for (size_t i = 0; i < parameters->template_count; i++)
        json_int(w, parameters->template_ids[i]);
    json_array_end(w);
    json_key_bool(w, "all_tenants", parameters->all_tenants);
    json_key_int(w, "tenant_count", parameters->tenant_count);
    json_key_int(w, "newly_for_all", parameters->newly_for_all);
    json_key_bool(w, "force", parameters->force);
    json_key_bool(w, "dry_run", parameters->dry_run);
    json_key_text(w, "reason", parameters->reason);
}

const char *distribute_parameters_write(const struct distribute_parameters *parameters, struct arena *arena)
{
    CLEANUP(strbuf_release) struct strbuf out = {0};
    struct json_writer w = {.out = &out};
    json_object_begin(&w);
    distribute_write_members(&w, parameters);
    json_object_end(&w);
    return arena_strdup(arena, strbuf_text(&out));
}

static bool distribute_read_flag(const cJSON *root, const char *name)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, name));
}

static bool distribute_read_members(const cJSON *root, struct arena *arena,
                                    struct distribute_parameters *parameters)
{
    const cJSON *ids = cJSON_GetObjectItemCaseSensitive(root, "template_ids");
    const cJSON *tenants = cJSON_GetObjectItemCaseSensitive(root, "tenant_count");
    size_t count = cJSON_IsArray(ids) ? (size_t)cJSON_GetArraySize(ids) : 0, at = 0;
    int64_t *template_ids = arena_alloc(arena, (count + 1) * sizeof(*template_ids));
    if (count == 0 || !tenants || !json_is_integer(tenants, &parameters->tenant_count))
        return false;
    for (const cJSON *id = ids->child; id; id = id->next)
        if (!json_is_integer(id, &template_ids[at++]))
            return false;
    parameters->template_ids = template_ids;
    parameters->template_count = count;
    parameters->all_tenants = distribute_read_flag(root, "all_tenants");
    parameters->force = distribute_read_flag(root, "force");
    parameters->dry_run = distribute_read_flag(root, "dry_run");
    const cJSON *reason = cJSON_GetObjectItemCaseSensitive(root, "reason");
    parameters->reason = cJSON_IsString(reason) ? arena_strdup(arena, reason->valuestring) : NULL;
    return true;
}

bool distribute_parameters_read(const char *json, struct arena *arena,
                                struct distribute_parameters *ret_parameters, struct error *err)
{
    CLEANUP(json_delete) cJSON *root = NULL;
    struct distribute_parameters parameters = {0};
    if (!json_parse(json, strlen(json), &root, err))
        return error_prefix(err, "parameters of the job", "任务参数");
    if (!distribute_read_members(root, arena, &parameters))
        return error_set(err, ERROR_INTERNAL,
                         "The job's parameters are not those of a distribution; ask for it again.",
                         "任务参数不是模板分发的参数，请重新发起。");
    *ret_parameters = parameters;
    return true;
}

/* ---- what is checked ---- */

static int distribute_compare_ids(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* In order, each once. */
static void distribute_take_templates(const struct distribute_request *request, struct arena *arena,
                                      struct distribute_parameters *parameters)
{
    size_t count = 0;
    int64_t *ids = arena_alloc(arena, (request->template_count + 1) * sizeof(*ids));
    for (size_t i = 0; i < request->template_count; i++)
        ids[i] = request->template_ids[i];
    qsort(ids, request->template_count, sizeof(*ids), distribute_compare_ids);
    for (size_t i = 0; i < request->template_count; i++)
        if (count == 0 || ids[i] != ids[count - 1])
            ids[count++] = ids[i];
    parameters->template_ids = ids;
    parameters->template_count = count;
}

static int distribute_compare_tenants(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In order, each once: neighbours in the order of ids are neighbours in the database. */
static const char **distribute_take_tenants(const struct distribute_request *request, struct arena *arena,
                                            size_t *ret_count)
{
    size_t count = 0;
    const char **ids = arena_alloc(arena, (request->tenant_count + 1) * sizeof(*ids));
    for (size_t i = 0; i < request->tenant_count; i++)
        ids[i] = request->tenant_ids[i];
    qsort(ids, request->tenant_count, sizeof(*ids), distribute_compare_tenants);
    for (size_t i = 0; i < request->tenant_count; i++)
        if (count == 0 || strcmp(ids[i], ids[count - 1]) != 0)
            ids[count++] = ids[i];
    *ret_count = count;
    return ids;
}

static const char SQL_GOES_TO_ALL[] = "SELECT for_all FROM templates WHERE id = $1 AND deleted_at IS NULL";

/* Each is there; and how many of them have not gone to all yet. */
static bool distribute_check_templates(struct db *db, struct distribute_parameters *parameters, bool *fine,
                                       struct error *err)
{
    parameters->newly_for_all = 0;
    for (size_t i = 0; i < parameters->template_count; i++) {
        int64_t id = parameters->template_ids[i], for_all;
        if (!db_find_int(db, SQL_GOES_TO_ALL, DB_ARGS(db_int(id)), INT_NULL, &for_all, err))
            return false;
        parameters->newly_for_all += parameters->all_tenants && for_all == 0;
        if (for_all == INT_NULL)
            *fine = error_add_field(err, "template_ids", "there is no template %" PRId64,
                                    "没有编号为 %" PRId64 " 的模板", id);
    }
    return true;
}

static const char SQL_IS_TENANT[] = "SELECT 1 FROM tenants WHERE id = $1";

static bool distribute_check_tenants(struct db *db, const char *const *ids, size_t count, bool *fine,
                                     struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        int64_t found;
        if (!db_find_int(db, SQL_IS_TENANT, DB_ARGS(db_text(ids[i])), 0, &found, err))
            return false;
        if (!found)
            *fine =
                error_add_field(err, "tenant_ids", "there is no tenant '%.64s'", "没有商家“%.64s”", ids[i]);
    }
    return true;
}

/* ---- asking ---- */

struct asking {
    const struct actor *actor;
    struct distribute_parameters parameters;
    const char *const *tenant_ids; /* without all_tenants */
    size_t tenant_count;
    struct arena *arena;
    struct job job;
};

static bool distribute_audit_request(struct db *db, const struct asking *ask, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf after = {0};
    struct json_writer w = {.out = &after};
    json_object_begin(&w);
    distribute_write_members(&w, &ask->parameters);
    if (!ask->parameters.all_tenants) {
        json_key(&w, "tenant_ids");
        json_array_begin(&w);
        for (size_t i = 0; i < ask->tenant_count; i++)
            json_text(&w, ask->tenant_ids[i]);
        json_array_end(&w);
    }
    json_object_end(&w);
    struct audit_entry entry = {
        .action = "template.distribute",
        .target_type = "job",
        .target_id = ask->job.id,
        .after = strbuf_text(&after),
        .reason = ask->parameters.reason,
    };
    return audit_append(db, ask->actor, &entry, err);
}

static bool distribute_mark_for_all(struct db *db, const struct distribute_parameters *parameters,
                                    struct error *err)
{
    if (parameters->newly_for_all == 0 || parameters->dry_run)
        return true;
    for (size_t i = 0; i < parameters->template_count; i++)
        if (!template_mark_for_all(db, parameters->template_ids[i], err))
            return false;
    return templates_grow_revision(db, err);
}

static const char SQL_TENANT_TOTAL[] = "SELECT value FROM platform_counters WHERE name = 'tenants'";

static bool distribute_insert_job(struct db *db, struct asking *ask, struct error *err)
{
    struct distribute_parameters *parameters = &ask->parameters;
    if (parameters->all_tenants &&
        !db_find_int(db, SQL_TENANT_TOTAL, DB_NO_ARGS, 0, &parameters->tenant_count, err))
        return false;
    struct job_request request = {
        .kind = DISTRIBUTE_KIND,
        .parameters = distribute_parameters_write(parameters, ask->arena),
        .tenant_id = ask->tenant_count == 1 ? ask->tenant_ids[0] : NULL,
    };
    if (!job_insert(db, ask->actor, &request, ask->arena, &ask->job, err))
        return false;
    if (!(parameters->all_tenants ? job_add_all_tenants(db, &ask->job, err)
                                  : job_add_items(db, &ask->job, ask->tenant_ids, ask->tenant_count, err)))
        return false;
    return distribute_audit_request(db, ask, err);
}

static bool distribute_ask_work(struct db *db, void *context, struct error *err)
{
    struct asking *ask = context;
    bool fine = true;
    if (!distribute_check_templates(db, &ask->parameters, &fine, err) ||
        !distribute_check_tenants(db, ask->tenant_ids, ask->tenant_count, &fine, err) || !fine)
        return false;
    return distribute_mark_for_all(db, &ask->parameters, err) && distribute_insert_job(db, ask, err);
}

bool template_distribute(struct platform *platform, const struct actor *actor,
                         const struct distribute_request *request, struct arena *arena, struct job *ret_job,
                         struct error *err)
{
    struct asking ask = {
        .actor = actor,
        .arena = arena,
        .parameters = {.all_tenants = request->all_tenants,
                       .force = request->force,
                       .dry_run = request->dry_run,
                       .reason = request->reason},
    };
    bool fine = true;
    if (request->template_count == 0)
        fine = error_add_field(err, "template_ids", "name at least one template", "至少选择一个模板");
    if (request->all_tenants == (request->tenant_count > 0))
        fine = error_add_field(err, "tenant_ids", "give either tenant_ids or all_tenants: true",
                               "须且仅须给出 tenant_ids 或 all_tenants: true 之一");
    if (!fine)
        return false;
    distribute_take_templates(request, arena, &ask.parameters);
    ask.tenant_ids = distribute_take_tenants(request, arena, &ask.tenant_count);
    ask.parameters.tenant_count = (int64_t)ask.tenant_count;
    if (!store_write(platform->store, distribute_ask_work, &ask, err))
        return false;
    jobs_wake(platform->jobs);
    *ret_job = ask.job;
    return true;
}

/* ---- the platform's own, on a schedule ---- */

/* Those that lack something, if there is anything that they could be given. */
#define TENANTS_BEHIND                                                                                       \
    " FROM tenants WHERE " TENANT_GATE_SQL " AND templates_revision <"                                       \
    " (SELECT CAST(value AS BIGINT) FROM meta WHERE name = 'templates_revision')"                            \
    " AND EXISTS (SELECT 1 FROM templates WHERE for_all = 1 AND deleted_at IS NULL)"
static const char SQL_COUNT_BEHIND[] = "SELECT COUNT(*)" TENANTS_BEHIND;
static const char SQL_BEHIND[] = "SELECT id" TENANTS_BEHIND " ORDER BY id LIMIT $1";

static bool distribute_read_behind(struct db *db, struct asking *ask, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    int64_t room;
    if (!db_find_int(db, SQL_COUNT_BEHIND, DB_NO_ARGS, 0, &room, err))
        return false;
    const char **ids = arena_alloc(ask->arena, (size_t)(room + 1) * sizeof(*ids));
    ask->tenant_ids = ids;
    ask->tenant_count = 0;
    if (!db_query(db, SQL_BEHIND, DB_ARGS(db_int(room)), &rows, err))
        return false;
    while (db_next(&rows))
        ids[ask->tenant_count++] = arena_strdup(ask->arena, db_column_text(&rows, 0));
    return db_done(&rows, err);
}

static const char SQL_COUNT_FOR_ALL[] =
    "SELECT COUNT(*) FROM templates WHERE for_all = 1 AND deleted_at IS NULL";
static const char SQL_FOR_ALL[] =
    "SELECT id FROM templates WHERE for_all = 1 AND deleted_at IS NULL ORDER BY id LIMIT $1";

static bool distribute_read_for_all(struct db *db, struct asking *ask, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    int64_t room;
    size_t count = 0;
    if (!db_find_int(db, SQL_COUNT_FOR_ALL, DB_NO_ARGS, 0, &room, err))
        return false;
    int64_t *ids = arena_alloc(ask->arena, (size_t)(room + 1) * sizeof(*ids));
    if (!db_query(db, SQL_FOR_ALL, DB_ARGS(db_int(room)), &rows, err))
        return false;
    while (db_next(&rows))
        ids[count++] = db_column_int(&rows, 0);
    ask->parameters.template_ids = ids;
    ask->parameters.template_count = count;
    return db_done(&rows, err);
}

static const char SQL_IS_OPEN[] = "SELECT 1 FROM jobs WHERE kind = '" DISTRIBUTE_KIND "'"
                                  " AND status IN ('queued', 'running') LIMIT 1";

static bool distribute_missing_work(struct db *db, void *context, struct error *err)
{
    struct asking *ask = context;
    int64_t open;
    ask->tenant_count = 0;
    if (!db_find_int(db, SQL_IS_OPEN, DB_NO_ARGS, 0, &open, err))
        return false;
    if (open)
        return true;
    if (!distribute_read_behind(db, ask, err) || !distribute_read_for_all(db, ask, err))
        return false;
    ask->parameters.tenant_count = (int64_t)ask->tenant_count;
    return ask->tenant_count == 0 || distribute_insert_job(db, ask, err);
}

static const char SQL_ANY_BEHIND[] = "SELECT 1" TENANTS_BEHIND " LIMIT 1";

/* On a read connection, before anything is written: mostly no tenant lacks anything. */
static bool distribute_is_anyone_behind(struct platform *platform, bool *ret_behind, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    int64_t behind;
    if (!store_reader(platform->store, READ_LIMIT_MS, &db, err) ||
        !db_find_int(db, SQL_ANY_BEHIND, DB_NO_ARGS, 0, &behind, err))
        return false;
    *ret_behind = behind;
    return true;
}

bool template_distribute_missing(struct platform *platform, int64_t *ret_tenants, struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    struct asking ask = {.actor = &actor_system, .arena = &arena};
    bool behind;
    if (!distribute_is_anyone_behind(platform, &behind, err) ||
        (behind && !store_write(platform->store, distribute_missing_work, &ask, err)))
        return false;
    if (ask.tenant_count > 0)
        jobs_wake(platform->jobs);
    *ret_tenants = (int64_t)ask.tenant_count;
    return true;
}
