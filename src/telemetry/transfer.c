#include "telemetry/transfer.h"

#include <string.h>

#include "base/memory.h"
#include "telemetry/state.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define READ_MS (24 * 3600 * 1000) /* it takes as long as the day is large */

/* ---- digests ---- */

static void day_digest_put_text(struct strbuf *bytes, const char *text)
{
    strbuf_puts(bytes, text ? text : "");
    strbuf_append(bytes, "", 1);
}

static void day_digest_put_number(struct strbuf *bytes, int64_t number)
{
    strbuf_append(bytes, &number, sizeof(number));
}

/* A sum of the rows' hashes does not depend on their order. */
static void day_digest_add(struct telemetry_day_digest *digest, const struct strbuf *row)
{
    XXH128_hash_t hash = XXH3_128bits(row->bytes, row->length);
    uint64_t sum[2];
    memcpy(sum, digest->hash, sizeof(sum));
    sum[0] += hash.low64;
    sum[1] += hash.high64;
    memcpy(digest->hash, sum, sizeof(sum));
}

static void day_digest_add_usage(struct telemetry_day_digest *digest, const struct recorded_usage *usage,
                                 struct strbuf *row)
{
    const struct usage_record *record = &usage->record;
    const int64_t numbers[] = {
        record->timestamp,   record->tokens_input,     record->tokens_output, record->tokens_cached,
        record->latency_ms,  record->outcome,          usage->cost_nano_cny,  usage->price_version,
        record->read_units,  record->tokens_reasoning, record->write_units,   record->estimated,
        usage->from_outside,
    };
    strbuf_reset(row);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        day_digest_put_number(row, numbers[i]);
    day_digest_put_text(row, record->api_type);
    day_digest_put_text(row, record->operation);
    day_digest_put_text(row, record->model);
    day_digest_put_text(row, record->tenant_id);
    day_digest_put_text(row, record->request_id);
    day_digest_put_text(row, record->provider_request_id);
    day_digest_put_text(row, record->record_id);
    day_digest_add(digest, row);
    digest->usage_rows++;
}

static void day_digest_add_log(struct telemetry_day_digest *digest, const struct log_record *log,
                               struct strbuf *row)
{
    strbuf_reset(row);
    day_digest_put_number(row, log->timestamp);
    day_digest_put_number(row, log->level);
    day_digest_put_text(row, log->source);
    day_digest_put_text(row, log->message);
    day_digest_put_text(row, log->tenant_id);
    day_digest_put_text(row, log->request_id);
    day_digest_put_text(row, log->fields);
    day_digest_add(digest, row);
    digest->log_rows++;
}

static bool day_digests_equal(const struct telemetry_day_digest *a, const struct telemetry_day_digest *b)
{
    return a->usage_rows == b->usage_rows && a->log_rows == b->log_rows &&
           memcmp(a->hash, b->hash, sizeof(a->hash)) == 0;
}

/* ---- one day ---- */

/* Where the rows of a day go; `loader` NULL: nowhere, they are only digested. */
struct day_target {
    struct telemetry_day_digest digest;
    struct strbuf row;
    struct telemetry_loader *loader;
};

/* As whoever records has it. */
static const char *null_if_empty(const char *text)
{
    return text && *text ? text : NULL;
}

static bool day_target_take_usage(void *context, const struct recorded_usage *usage, struct error *err)
{
    struct day_target *target = context;
    struct recorded_usage taken = *usage;
    day_digest_add_usage(&target->digest, usage, &target->row);
    taken.record.model = null_if_empty(taken.record.model);
    taken.record.tenant_id = null_if_empty(taken.record.tenant_id);
    taken.record.request_id = null_if_empty(taken.record.request_id);
    taken.record.provider_request_id = null_if_empty(taken.record.provider_request_id);
    taken.record.record_id = null_if_empty(taken.record.record_id);
    return !target->loader || telemetry_loader_recorded(target->loader, &taken, err);
}

static bool day_target_take_log(void *context, const struct log_record *log, struct error *err)
{
    struct day_target *target = context;
    struct log_record taken = *log;
    day_digest_add_log(&target->digest, log, &target->row);
    taken.tenant_id = null_if_empty(taken.tenant_id);
    taken.request_id = null_if_empty(taken.request_id);
    taken.fields = null_if_empty(taken.fields);
    return !target->loader || telemetry_loader_log(target->loader, &taken, err);
}

/* Reads the day of `from`; `to` NULL: only for the digest. */
static bool transfer_read_day(struct telemetry *from, struct telemetry *to, int32_t day,
                              struct telemetry_day_digest *ret_digest, struct error *err)
{
    struct day_target target = {.digest.day = day, .row.ceiling = SIZE_MAX};
    if (to && !telemetry_loader_open(&target.loader, to, day, err))
        return false;
    bool done = telemetry_each_usage(from, day, READ_MS, day_target_take_usage, &target, err) &&
                telemetry_each_log(from, day, READ_MS, day_target_take_log, &target, err);
    struct error unused;
    if (target.loader && !telemetry_loader_finish(target.loader, done ? err : &unused))
        done = false;
    strbuf_release(&target.row);
    *ret_digest = target.digest;
    return done;
}

/* What an earlier try has left. */
static bool transfer_delete_day(struct telemetry *telemetry, int32_t day, struct error *err)
{
    struct engine *engine = telemetry->engine;
    struct day_info info;
    bool deleted = false;
    if (!engine->functions->read_info(engine, day, &info, err))
        return false;
    if (info.recorder == 0)
        return true;
    if (!engine->functions->drop_day(engine, day, info.revision, &deleted, err))
        return false;
    return deleted || error_set(err, ERROR_CONFLICT, "The day is being written to by somebody else.",
                                "当日数据正被其他程序写入。");
}

static bool transfer_day(struct telemetry *from, struct telemetry *to, int32_t day,
                         telemetry_transfer_told told, void *context, struct error *err)
{
    struct telemetry_day_digest given, taken;
    if (!transfer_delete_day(to, day, err) || !transfer_read_day(from, to, day, &given, err) ||
        !transfer_read_day(to, NULL, day, &taken, err))
        return false;
    if (told)
        told(context, &given, &taken);
    return day_digests_equal(&given, &taken) ||
           error_set(err, ERROR_CONFLICT, "The rows that were taken are not those that were given.",
                     "写入的行与读出的行不一致。");
}

/* ---- all days ---- */

bool telemetry_transfer(struct telemetry *from, struct telemetry *to, telemetry_transfer_told told,
                        void *context, struct error *err)
{
    CLEANUP(free_pointer) int32_t *days = NULL;
    size_t count;
    char text[CLOCK_DAY_SIZE];
    if (!from->engine->functions->list_days(from->engine, &days, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        clock_day_format(days[i], text);
        if (!transfer_day(from, to, days[i], told, context, err))
            return error_prefix(err, "telemetry of %s", "%s 的遥测数据", text);
    }
    return true;
}

bool telemetry_adopt_totals(struct telemetry *from, struct telemetry *to, struct db *db, struct error *err)
{
    CLEANUP(free_pointer) int32_t *days = NULL;
    size_t count;
    if (!from->engine->functions->list_days(from->engine, &days, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct day_info old, new;
        if (!from->engine->functions->read_info(from->engine, days[i], &old, err) ||
            !to->engine->functions->read_info(to->engine, days[i], &new, err))
            return false;
        if (old.recorder == 0 || new.recorder == 0)
            continue; /* of a day without rows there is nothing but its totals */
        if (!day_totals_adopt(db, days[i], &old, &new, err))
            return false;
    }
    return true;
}

bool telemetry_compare(struct telemetry *from, struct telemetry *to, telemetry_transfer_told told,
                       void *context, bool *ret_same, struct error *err)
{
    CLEANUP(free_pointer) int32_t *days = NULL;
    size_t count;
    *ret_same = true;
    if (!from->engine->functions->list_days(from->engine, &days, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct telemetry_day_digest one, other;
        if (!transfer_read_day(from, NULL, days[i], &one, err) ||
            !transfer_read_day(to, NULL, days[i], &other, err))
            return false;
        *ret_same = *ret_same && day_digests_equal(&one, &other);
        if (told)
            told(context, &one, &other);
    }
    return true;
}
