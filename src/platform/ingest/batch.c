#include "platform/ingest/batch.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "platform/tenants/tenants.h"
#include "settings/settings.h"
#include "store/store.h"

#define PROBLEMS_SHOWN 8 /* of one record */
#define DISK_RETRY_SECONDS 60

void batch_begin(struct ingest_batch *batch, struct ingest *ingest, const char *tenant_id,
                 enum language language, struct arena *arena)
{
    int64_t now = clock_now_ms();
    int64_t days = settings_now(ingest->platform->settings)->telemetry_max_age;
    *batch = (struct ingest_batch){
        .ingest = ingest,
        .arena = arena,
        .tenant_id = tenant_id,
        .language = language,
        .now = now,
        .oldest = now - days * DAY_MS,
        .latest = now + INGEST_AHEAD_MS,
    };
}

void batch_release(struct ingest_batch *batch)
{
    free(batch->usage);
    free(batch->logs);
    free(batch->rejected);
    name_map_release(&batch->tenants);
}

/* ---- rejecting ---- */

static void batch_reject(struct ingest_batch *batch, int64_t index, const struct error *problems)
{
    size_t count = problems->field_count < PROBLEMS_SHOWN ? problems->field_count : PROBLEMS_SHOWN;
    size_t shown = count ? count : 1;
    struct ingest_problem *errors = arena_alloc(batch->arena, shown * sizeof(*errors));
    if (count == 0)
        errors[0] =
            (struct ingest_problem){"", arena_strdup(batch->arena, problems->detail[batch->language])};
    for (size_t i = 0; i < count; i++) {
        const struct error_field *field = &problems->fields[i];
        errors[i] = (struct ingest_problem){arena_strdup(batch->arena, field->field),
                                            arena_strdup(batch->arena, field->message[batch->language])};
    }
    if (batch->rejected_count == batch->rejected_room) {
        batch->rejected_room = batch->rejected_room ? batch->rejected_room * 2 : 64;
        batch->rejected = xrealloc(batch->rejected, batch->rejected_room * sizeof(*batch->rejected));
    }
    batch->rejected[batch->rejected_count++] = (struct ingest_rejection){index, errors, shown};
}

/* ---- time ---- */

static bool batch_day_is_closed(struct ingest_batch *batch, int32_t day, bool *ret_closed, struct error *err)
{
    for (size_t i = 0; i < batch->day_count; i++)
        if (batch->days[i].day == day) {
            *ret_closed = batch->days[i].closed;
            return true;
        }
    if (!telemetry_day_closed(batch->ingest->platform->telemetry, day, ret_closed, err))
        return false;
    if (batch->day_count < BATCH_DAYS) {
        batch->days[batch->day_count].day = day;
        batch->days[batch->day_count++].closed = *ret_closed;
    }
    return true;
}

/* `timestamp` 0: now. */
static bool batch_check_time(struct ingest_batch *batch, int64_t *timestamp, int32_t *ret_day,
                             struct error *problems, struct error *err)
{
    bool closed = false;
    if (*timestamp == 0)
        *timestamp = batch->now;
    *ret_day = clock_day(*timestamp);
    if (*timestamp > batch->latest) {
        error_add_field(problems, "timestamp", "is more than 10 minutes ahead", "超前 10 分钟以上");
        return true;
    }
    if (*timestamp >= batch->oldest && !batch_day_is_closed(batch, *ret_day, &closed, err))
        return false;
    if (*timestamp < batch->oldest)
        error_add_field(problems, "timestamp", "is older than %d days", "早于 %d 天之前",
                        (int)((batch->now - batch->oldest) / DAY_MS));
    else if (closed)
        error_add_field(problems, "timestamp", "lies in a day whose rows have been deleted",
                        "所在日期的明细已删除");
    return true;
}

/* ---- tenants ---- */

static bool ingest_admit_unknown(struct ingest *ingest, int32_t today, const char *tenant_id)
{
    size_t length = strlen(tenant_id);
    pthread_mutex_lock(&ingest->lock);
    if (ingest->unknown_day != today) {
        name_map_release(&ingest->unknown_tenants);
        ingest->unknown_day = today;
    }
    bool admitted = name_map_find(&ingest->unknown_tenants, tenant_id, length) != NULL;
    if (!admitted && ingest->unknown_tenants.count < INGEST_UNKNOWN_TENANTS) {
        name_map_add(&ingest->unknown_tenants, tenant_id, length, 0, 0);
        admitted = true;
    }
    pthread_mutex_unlock(&ingest->lock);
    return admitted;
}

static bool batch_find_tenant(struct ingest_batch *batch, const char *tenant_id, bool *ret_known,
                              struct error *err)
{
    size_t length = strlen(tenant_id);
    const struct name_entry *entry = name_map_find(&batch->tenants, tenant_id, length);
    if (entry) {
        *ret_known = entry->id == 1;
        return true;
    }
    CLEANUP(store_reader_release) struct db *db = NULL;
    struct tenant tenant;
    if (!store_reader(batch->ingest->platform->store, READ_LIMIT_MS, &db, err) ||
        !tenant_find(db, tenant_id, batch->arena, &tenant, ret_known, err))
        return false;
    if (!*ret_known)
        *ret_known = ingest_admit_unknown(batch->ingest, clock_day(batch->now), tenant_id);
    name_map_add(&batch->tenants, tenant_id, length, *ret_known, 0);
    return true;
}

static bool batch_check_tenant(struct ingest_batch *batch, const char **tenant_id, struct error *problems,
                               struct error *err)
{
    bool known = true;
    if (!*tenant_id)
        *tenant_id = batch->tenant_id;
    if (!*tenant_id)
        return true;
    if (batch->tenant_id && strcmp(*tenant_id, batch->tenant_id) != 0) {
        error_add_field(problems, "tenant_id", "is not the tenant that the token writes for",
                        "与令牌所属商家不符");
        return true;
    }
    if (!batch_find_tenant(batch, *tenant_id, &known, err))
        return false;
    if (!known)
        error_add_field(problems, "tenant_id",
                        "there is no such tenant, and too many unknown ones came today",
                        "没有该商家，且今日未知商家过多");
    return true;
}

/* ---- adding ---- */

static bool error_is_set(const struct error *err)
{
    return err->code != ERROR_NONE || err->field_count > 0;
}

/* Grows with what is sent: bounded here, not at the next row. */
static bool batch_has_room(struct error *err)
{
    return !arena_overrun() ||
           error_set(err, ERROR_TOO_LARGE, "The records are too large for one request: send fewer at once.",
                     "单次提交的记录过大：请减少每次提交的记录数。");
}

bool batch_add_usage(struct ingest_batch *batch, int64_t index, const struct usage_record *record, bool other,
                     struct error *problems, struct error *err)
{
    struct usage_record kept = *record;
    int32_t day;
    if (!batch_check_time(batch, &kept.timestamp, &day, problems, err) ||
        !batch_check_tenant(batch, &kept.tenant_id, problems, err))
        return false;
    if (error_is_set(problems)) {
        batch_reject(batch, index, problems);
        return batch_has_room(err);
    }
    if (!ingest_names_admit_usage(batch->ingest->names, day, &kept, &other, err))
        return false;
    batch->counted_as_other += other;
    if (batch->usage_count == batch->usage_room) {
        batch->usage_room = batch->usage_room ? batch->usage_room * 2 : 256;
        batch->usage = xrealloc(batch->usage, batch->usage_room * sizeof(*batch->usage));
    }
    batch->usage[batch->usage_count++] = kept;
    return batch_has_room(err);
}

bool batch_add_log(struct ingest_batch *batch, int64_t index, const struct log_record *record, bool other,
                   struct error *problems, struct error *err)
{
    struct log_record kept = *record;
    int32_t day;
    if (!batch_check_time(batch, &kept.timestamp, &day, problems, err) ||
        !batch_check_tenant(batch, &kept.tenant_id, problems, err))
        return false;
    if (error_is_set(problems)) {
        batch_reject(batch, index, problems);
        return batch_has_room(err);
    }
    if (!ingest_names_admit_log(batch->ingest->names, day, &kept, &other, err))
        return false;
    batch->counted_as_other += other;
    if (batch->log_count == batch->log_room) {
        batch->log_room = batch->log_room ? batch->log_room * 2 : 256;
        batch->logs = xrealloc(batch->logs, batch->log_room * sizeof(*batch->logs));
    }
    batch->logs[batch->log_count++] = kept;
    return batch_has_room(err);
}

/* ---- writing ---- */

/* Telemetry gives log rows up while the disk has no more than its reserve left: whoever sends them is told. */
static bool batch_check_disk(struct ingest_batch *batch, struct error *err)
{
    struct telemetry_stats stats;
    if (batch->log_count == 0)
        return true;
    telemetry_get_stats(batch->ingest->platform->telemetry, &stats);
    if (!stats.disk_low)
        return true;
    error_set(err, ERROR_UNAVAILABLE, "The disk is almost full: no log rows are taken. Try again later.",
              "磁盘空间不足，暂不接收日志，请稍后重试。");
    err->retry_after_seconds = DISK_RETRY_SECONDS;
    return false;
}

bool batch_write(struct ingest_batch *batch, struct ingest_result *ret_result, struct error *err)
{
    struct telemetry *telemetry = batch->ingest->platform->telemetry;
    size_t duplicates = 0;
    if (!batch_check_disk(batch, err))
        return false;
    if (batch->usage_count &&
        !telemetry_write_once(telemetry, batch->usage, batch->usage_count, &duplicates, err))
        return false;
    if (batch->log_count && !telemetry_write(telemetry, NULL, 0, batch->logs, batch->log_count, err))
        return false;
    struct ingest_rejection *rejected = NULL;
    if (batch->rejected_count) {
        rejected = arena_alloc(batch->arena, batch->rejected_count * sizeof(*rejected));
        memcpy(rejected, batch->rejected, batch->rejected_count * sizeof(*rejected));
    }
    *ret_result = (struct ingest_result){
        .accepted = (int64_t)(batch->usage_count + batch->log_count - duplicates),
        .duplicates = (int64_t)duplicates,
        .counted_as_other = batch->counted_as_other,
        .rejected = rejected,
        .rejected_count = batch->rejected_count,
    };
    return true;
}
