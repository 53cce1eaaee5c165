/* Asking for a bulk job: its checks, its audit row, and the parameters of the job. */
#include "ops/knowledge/bulk_request.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_reader.h"
#include "ops/knowledge/sync.h"
#include "platform/text_rules.h"

const char *const bulk_actions[] = {
    [BULK_DELETE] = "delete", [BULK_SYNC] = "sync", [BULK_SET_CATEGORY] = "set_category", NULL};

/* ---- parameters ---- */

static void bulk_write_text(struct json_writer *w, const char *name, const char *text)
{
    if (text)
        json_key_text(w, name, text);
}

static void bulk_write_real(struct json_writer *w, const char *name, double value)
{
    if (isnan(value))
        return;
    json_key(w, name);
    json_real(w, value);
}

static void bulk_write_filter(struct json_writer *w, const struct qa_filter *filter)
{
    json_key(w, "filter");
    json_object_begin(w);
    bulk_write_text(w, "tenant_id", filter->tenant_id);
    bulk_write_text(w, "category", filter->category);
    bulk_write_text(w, "source", filter->source);
    bulk_write_text(w, "keyword", filter->keyword);
    bulk_write_text(w, "tenant_status", filter->tenant_status);
    if (filter->is_synced != SYNCED_ANY)
        json_key_bool(w, "is_synced", filter->is_synced == SYNCED_YES);
    bulk_write_real(w, "quality_min", filter->quality_min);
    bulk_write_real(w, "quality_max", filter->quality_max);
    json_object_end(w);
}

static const char *bulk_write_parameters(const struct bulk_request *request, size_t ids, struct arena *arena)
{
    CLEANUP(strbuf_release) struct strbuf out = {0};
    struct json_writer w = {.out = &out};
    json_object_begin(&w);
    json_key_text(&w, "action", request->action);
    if (request->filter)
        bulk_write_filter(&w, request->filter);
    else
        json_key_int(&w, "ids", (int64_t)ids);
    if (request->category) { /* as it will be kept */
        struct text_span category = text_trim(request->category);
        json_key(&w, "category");
        json_text_n(&w, category.bytes, category.length);
    }
    json_key_bool(&w, "dry_run", request->dry_run);
    bulk_write_text(&w, "reason", request->reason);
    json_object_end(&w);
    return arena_strdup(arena, strbuf_text(&out));
}

static const char *bulk_read_text(const cJSON *object, const char *name, struct arena *arena)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(value) ? arena_strdup(arena, value->valuestring) : NULL;
}

static double bulk_read_real(const cJSON *object, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(value) ? value->valuedouble : NAN;
}

static void bulk_read_filter(const cJSON *object, struct arena *arena, struct qa_filter *filter)
{
    const cJSON *synced = cJSON_GetObjectItemCaseSensitive(object, "is_synced");
    *filter = (struct qa_filter){
        .tenant_id = bulk_read_text(object, "tenant_id", arena),
        .category = bulk_read_text(object, "category", arena),
        .source = bulk_read_text(object, "source", arena),
        .keyword = bulk_read_text(object, "keyword", arena),
        .tenant_status = bulk_read_text(object, "tenant_status", arena),
        .is_synced = !cJSON_IsBool(synced)  ? SYNCED_ANY
                     : cJSON_IsTrue(synced) ? SYNCED_YES
                                            : SYNCED_NO,
        .quality_min = bulk_read_real(object, "quality_min"),
        .quality_max = bulk_read_real(object, "quality_max"),
    };
}

static bool bulk_action_parse(const char *name, enum bulk_action *ret_action)
{
    for (size_t i = 0; name && bulk_actions[i]; i++)
        if (strcmp(bulk_actions[i], name) == 0) {
            *ret_action = (enum bulk_action)i;
            return true;
        }
    return false;
}

bool bulk_parameters_read(const char *json, struct arena *arena, struct bulk_parameters *ret_parameters,
                          struct error *err)
{
    CLEANUP(json_delete) cJSON *root = NULL;
    struct bulk_parameters parameters = {0};
    if (!json_parse(json, strlen(json), &root, err))
        return error_prefix(err, "parameters of the job", "任务参数");
    if (!bulk_action_parse(bulk_read_text(root, "action", arena), &parameters.action))
        return error_set(err, ERROR_INTERNAL,
                         "The job's parameters are not those of a bulk change; ask for it again.",
                         "任务参数不是批量操作的参数，请重新发起。");
    const cJSON *filter = cJSON_GetObjectItemCaseSensitive(root, "filter");
    parameters.has_filter = cJSON_IsObject(filter);
    bulk_read_filter(filter, arena, &parameters.filter);
    parameters.category = bulk_read_text(root, "category", arena);
    parameters.reason = bulk_read_text(root, "reason", arena);
    parameters.dry_run = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "dry_run"));
    *ret_parameters = parameters;
    return true;
}

/* ---- asking ---- */

static bool bulk_check_request(const struct bulk_request *request, struct error *err)
{
    static const struct text_rule category_rule = {"category", CATEGORY_MAX, .one_line = true};
    enum bulk_action action = BULK_DELETE;
    bool fine = true;
    if (!bulk_action_parse(request->action, &action))
        fine = error_add_field(err, "action", "must be one of: delete, sync, set_category",
                               "应为以下之一：delete, sync, set_category");
    if ((request->id_count > 0) == (request->filter != NULL))
        fine = error_add_field(err, "ids", "give either ids or a filter", "须且仅须给出 ids 或 filter 之一");
    if (action == BULK_SET_CATEGORY && !request->category)
        fine = error_add_field(err, "category", "is missing: which category?", "缺少：要改为哪个分类？");
    if (action != BULK_SET_CATEGORY && request->category)
        fine = error_add_field(err, "category", "goes with set_category only", "只用于 set_category");
    return (!request->category || text_check(&category_rule, request->category, err)) && fine;
}

static int bulk_compare_ids(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

struct asking {
    const struct actor *actor;
    const struct bulk_request *request;
    int64_t *ids; /* in order, each once */
    size_t id_count;
    struct arena *arena;
    struct job *job;
};

static bool bulk_ask_work(struct db *db, void *context, struct error *err)
{
    struct asking *asking = context;
    const struct bulk_request *request = asking->request;
    struct job_request job = {
        .kind = BULK_KIND,
        .parameters = bulk_write_parameters(request, asking->id_count, asking->arena),
        .tenant_id = request->filter ? request->filter->tenant_id : NULL,
    };
    if (!job_insert(db, asking->actor, &job, asking->arena, asking->job, err) ||
        (asking->id_count > 0 &&
         !pair_items_add(db, asking->job, asking->ids, asking->id_count, asking->arena, err)))
        return false;
    struct audit_entry entry = {.action = "knowledge.bulk",
                                .target_type = "job",
                                .target_id = asking->job->id,
                                .after = job.parameters,
                                .reason = request->reason};
    return audit_append(db, asking->actor, &entry, err);
}

bool knowledge_bulk(struct platform *platform, const struct actor *actor, const struct bulk_request *request,
                    struct arena *arena, struct job *ret_job, struct error *err)
{
    struct asking asking = {.actor = actor, .request = request, .arena = arena, .job = ret_job};
    if (!bulk_check_request(request, err))
        return false;
    asking.ids = arena_alloc(arena, (request->id_count + 1) * sizeof(*asking.ids));
    for (size_t i = 0; i < request->id_count; i++)
        asking.ids[i] = request->ids[i];
    qsort(asking.ids, request->id_count, sizeof(*asking.ids), bulk_compare_ids);
    for (size_t i = 0; i < request->id_count; i++)
        if (asking.id_count == 0 || asking.ids[i] != asking.ids[asking.id_count - 1])
            asking.ids[asking.id_count++] = asking.ids[i];
    if (!store_write(platform->store, bulk_ask_work, &asking, err))
        return false;
    jobs_wake(platform->jobs);
    return true;
}
