/* What jobs about pairs share: pairs as items of a job, pairs read in order of their tenant, tenants that
 * failed. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_reader.h"
#include "ops/knowledge/sync.h"

#define ITEM_PREFIX "qa_pair:"

bool pair_items_add(struct db *db, struct job *job, const int64_t *ids, size_t count, struct arena *arena,
                    struct error *err)
{
    const char **targets = arena_alloc(arena, (count + 1) * sizeof(*targets));
    for (size_t i = 0; i < count; i++)
        targets[i] = arena_printf(arena, ITEM_PREFIX "%" PRId64, ids[i]);
    return job_add_items(db, job, targets, count, err);
}

int64_t pair_item_id(const struct job_item *item)
{
    return strtoll(item->target_id + strlen(ITEM_PREFIX), NULL, 10);
}

static int pair_row_compare(const void *a, const void *b)
{
    const struct qa_pair_row *left = a, *right = b;
    int order = strcmp(left->tenant_id, right->tenant_id);
    return order ? order : (left->id > right->id) - (left->id < right->id);
}

bool knowledge_rows_read(struct db *db, const int64_t *ids, size_t count, struct arena *arena,
                         struct qa_pair_row **ret_rows, size_t *ret_count, struct error *err)
{
    struct qa_pair_row *rows = arena_alloc(arena, (count + 1) * sizeof(*rows));
    size_t found_count = 0;
    for (size_t i = 0; i < count; i++) {
        bool found;
        if (!qa_pair_row_read(db, ids[i], arena, &rows[found_count], &found, err))
            return false;
        found_count += found;
    }
    qsort(rows, found_count, sizeof(*rows), pair_row_compare);
    *ret_rows = rows;
    *ret_count = found_count;
    return true;
}

/* ---- tenants that failed ---- */

static const struct field failure_fields[] = {
    FIELD(struct sync_failure, tenant_id, TEXT, "Tenant whose sync failed"),
    FIELD(struct sync_failure, message, TEXT, "Why, in English"),
    FIELD(struct sync_failure, message_zh, TEXT, "Why, in Chinese"),
};
const struct descriptor sync_failure_descriptor =
    DESCRIPTOR("SyncFailure", struct sync_failure, failure_fields);

static void sync_failures_put(struct sync_failures *failures, const char *tenant_id, const char *en,
                              const char *zh)
{
    if (failures->count == SYNC_FAILURES_MAX)
        return;
    failures->items[failures->count++] =
        (struct sync_failure){arena_strdup(failures->arena, tenant_id), arena_strdup(failures->arena, en),
                              arena_strdup(failures->arena, zh)};
}

void sync_failures_add(struct sync_failures *failures, const char *tenant_id, const struct error *why)
{
    sync_failures_put(failures, tenant_id, why->detail[LANGUAGE_EN], why->detail[LANGUAGE_ZH]);
}

bool sync_leaves_out(const struct error *why)
{
    return why->code == ERROR_TENANT_SUSPENDED || why->code == ERROR_NOT_FOUND;
}

static const char *sync_failure_text(const cJSON *object, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(value) ? value->valuestring : "";
}

void sync_failures_read(const char *result, struct sync_failures *failures)
{
    CLEANUP(json_delete) cJSON *root = NULL;
    struct error ignored;
    error_clear(&ignored);
    if (!result || !json_parse(result, strlen(result), &root, &ignored))
        return;
    const cJSON *errors = cJSON_GetObjectItemCaseSensitive(root, "errors");
    for (const cJSON *item = errors ? errors->child : NULL; item; item = item->next)
        sync_failures_put(failures, sync_failure_text(item, "tenant_id"), sync_failure_text(item, "message"),
                          sync_failure_text(item, "message_zh"));
}
