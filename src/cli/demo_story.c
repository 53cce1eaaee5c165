/* What has become of the shops, as far as it is not in their questions and answers: who did what when (the audit log),
 * the jobs that were run for it, a sync that fails. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/demo_history.h"
#include "cli/demo_story.h"
#include "platform/audit/audit.h"
#include "platform/chat/backfill.h"
#include "store/store.h"

struct story_work {
    struct db *db;
    const struct demo_plan *plan;
    struct error *err;
};

static bool story_audit(const struct story_work *w, int64_t at, const char *action, const char *target_type,
                        const char *target_id, const char *after, const char *reason)
{
    struct actor actor = {
        .user_id = "", .username = DEMO_OPERATOR, .ip_address = "10.20.0.8", .request_id = ""};
    struct audit_entry entry = {.action = action,
                                .target_type = target_type,
                                .target_id = target_id,
                                .after = after,
                                .reason = reason};
    return audit_append_at(w->db, at, &actor, &entry, w->err);
}

static bool story_add_people(const struct story_work *w)
{
    struct backfill_user people[] = {
        {DEMO_OPERATOR, "ops_admin", NULL, w->plan->now - 400 * DAY_MS, w->plan->now - 50 * MINUTE_MS},
        {DEMO_OBSERVER, "ops_viewer", NULL, w->plan->now - 210 * DAY_MS, w->plan->now - 26 * HOUR_MS},
    };
    for (size_t i = 0; i < sizeof(people) / sizeof(people[0]); i++)
        if (!backfill_user_add(w->db, &people[i], w->err))
            return false;
    return true;
}

/* An import as it is shown afterwards; `error` NULL: it succeeded. */
static bool story_add_import(const struct story_work *w, const struct demo_shop *shop, const char *file,
                             int64_t at, int64_t created, int64_t updated, const char *error_en,
                             const char *error_zh)
{
    char parameters[256], result[512];
    int64_t total = created + updated;
    snprintf(
        parameters, sizeof(parameters),
        "{\"file\":\"%s\",\"tenant_id\":\"%s\",\"mode\":\"upsert\",\"dry_run\":false,\"language\":\"zh\"}",
        file, shop->id);
    snprintf(result, sizeof(result),
             "{\"file\":\"%s\",\"mode\":\"upsert\",\"total\":%" PRId64 ",\"created\":%" PRId64
             ",\"updated\":%" PRId64 ",\"skipped\":0,\"failed\":0,\"dry_run\":false,\"errors\":[]}",
             file, total, created, updated);
    struct backfill_job job = {
        .kind = "knowledge.import",
        .status = error_en ? "failed" : "succeeded",
        .tenant_id = shop->id,
        .username = DEMO_OPERATOR,
        .parameters = parameters,
        .result = error_en ? NULL : result,
        .error = {[LANGUAGE_EN] = error_en, [LANGUAGE_ZH] = error_zh},
        .done = error_en ? 0 : total,
        .total = error_en ? 0 : total,
        .started_at = at,
        .finished_at = at + 4 * SECOND_MS,
    };
    return backfill_job_add(w->db, &job, w->err) &&
           story_audit(w, at, "knowledge.import", "tenant", shop->id, parameters, NULL);
}

/* What is due of one shop, in the order of time. */
static bool story_add_shop(const struct story_work *w, const struct demo_shop *shop)
{
    int64_t now = w->plan->now;
    switch (shop->profile.fate) {
    case DEMO_SUSPENDED:
        return !shop->suspended_at || story_audit(w, shop->suspended_at, "tenant.suspend", "tenant", shop->id,
                                                  "{\"status\":\"suspended\"}", shop->profile.fate_reason);
    case DEMO_WORSENS:
        return story_add_import(w, shop, "11月新版问答（店长改）.xlsx", now - DEMO_WORSE_DAYS * DAY_MS, 6, 41,
                                NULL, NULL);
    case DEMO_IMPORT_FAILS:
        return story_add_import(w, shop, "冬季套餐问答.xls", now - 20 * HOUR_MS, 0, 0,
                                "This is a workbook of an old Excel (.xls): save it as .xlsx.",
                                "这是旧版 Excel 的 .xls 文件：请另存为 .xlsx 再导入。");
    case DEMO_NEW:
        return story_add_import(w, shop, "开店问答.csv", shop->created_at + 2 * HOUR_MS, shop->pair_count, 0,
                                NULL, NULL);
    case DEMO_SYNC_FAILS:
        return backfill_sync_failed(w->db, shop->id, now - 27 * HOUR_MS, 11, now + 5 * HOUR_MS,
                                    "The vector index did not answer within 30 s, 11 times in succession.",
                                    "向量库连续 11 次在 30 秒内没有应答。", w->err);
    default: return true;
    }
}

/* Only written shops have a history; of the composed ones, only those that are suspended. */
static bool story_add_all(struct db *db, void *context, struct error *err)
{
    const struct story_work w = {db, context, err};
    if (!story_add_people(&w))
        return false;
    for (int64_t i = 0; i < w.plan->size.tenants; i++)
        if (!story_add_shop(&w, &w.plan->shops[i]))
            return false;
    return true;
}

bool demo_story_load(struct platform *platform, struct demo_plan *plan, struct error *err)
{
    return !demo_is_natural(plan) || store_write(platform->store, story_add_all, plan, err);
}
