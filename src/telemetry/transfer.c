#include "telemetry/transfer.h"

#include <string.h>

#include "base/memory.h"
#include "telemetry/state.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define READ_MS (24 * 3600 * 1000) /* it takes as long as the day is large */
#define BATCH_ROWS 4096
#define BATCH_BYTES ((size_t)8 << 20)

/* ---- digests ---- */

static void put_text(struct strbuf *bytes, const char *text)
{
    strbuf_puts(bytes, text ? text : "");
    strbuf_append(bytes, "", 1);
}

static void put_number(struct strbuf *bytes, int64_t number)
{
    strbuf_append(bytes, &number, sizeof(number));
}

/* A sum of the rows' hashes does not depend on their order. */
static void digest_add(struct telemetry_day_digest *digest, const struct strbuf *row)
{
    XXH128_hash_t hash = XXH3_128bits(row->bytes, row->length);
    uint64_t sum[2];
    memcpy(sum, digest->hash, sizeof(sum));
    sum[0] += hash.low64;
    sum[1] += hash.high64;
    memcpy(digest->hash, sum, sizeof(sum));
}

static void digest_usage(struct telemetry_day_digest *digest, const struct recorded_usage *usage,
                         struct strbuf *row)
{
    const struct usage_record *record = &usage->record;
    const int64_t numbers[] = {
        record->timestamp,  record->tokens_input, record->tokens_output, record->tokens_cached,
        record->latency_ms, record->outcome,      usage->cost_nano_cny,  usage->price_version,
    };
    strbuf_reset(row);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        put_number(row, numbers[i]);
    put_text(row, record->api_type);
    put_text(row, record->operation);
    put_text(row, record->model);
    put_text(row, record->tenant_id);
    put_text(row, record->request_id);
    digest_add(digest, row);
    digest->usage_rows++;
}

static void digest_log(struct telemetry_day_digest *digest, const struct log_record *log, struct strbuf *row)
{
    strbuf_reset(row);
    put_number(row, log->timestamp);
    put_number(row, log->level);
    put_text(row, log->source);
    put_text(row, log->message);
    put_text(row, log->tenant_id);
    put_text(row, log->request_id);
    put_text(row, log->fields);
    digest_add(digest, row);
    digest->log_rows++;
}

static bool digests_equal(const struct telemetry_day_digest *a, const struct telemetry_day_digest *b)
{
    return a->usage_rows == b->usage_rows && a->log_rows == b->log_rows &&
           memcmp(a->hash, b->hash, sizeof(a->hash)) == 0;
}

/* ---- one day ---- */

/* Where the rows of a day go; `load` NULL: nowhere, they are only digested. */
struct day_target {
    struct telemetry_day_digest digest;
    struct strbuf row;
    struct engine *engine;
    struct bulk_load *load;
    int32_t day;
    struct arena strings; /* of the rows that wait */
    size_t string_bytes;
    size_t usage_count, log_count;
    struct usage_record usage_records[BATCH_ROWS];
    struct usage_row usage[BATCH_ROWS];
    struct log_record log_records[BATCH_ROWS];
    struct log_row logs[BATCH_ROWS];
};

static void day_target_free(struct day_target **target)
{
    if ((*target)->load)
        (*target)->engine->functions->load_end((*target)->load);
    strbuf_release(&(*target)->row);
    arena_release(&(*target)->strings);
    free(*target);
}

static bool put_batch(struct day_target *target, bool last, struct error *err)
{
    struct day_batch batch = {.usage = target->usage,
                              .usage_count = target->usage_count,
                              .logs = target->logs,
                              .log_count = target->log_count};
    bool done = target->engine->functions->load_batch(target->load, &batch, last, err);
    target->usage_count = target->log_count = target->string_bytes = 0;
    arena_reset(&target->strings);
    return done;
}

static bool make_room(struct day_target *target, struct error *err)
{
    bool full = target->usage_count == BATCH_ROWS || target->log_count == BATCH_ROWS ||
                target->string_bytes > BATCH_BYTES;
    return !full || put_batch(target, false, err);
}

/* NULL for "", as whoever records has it. */
static const char *copy_text(struct day_target *target, const char *text)
{
    if (!text || !*text)
        return NULL;
    size_t length = strlen(text);
    target->string_bytes += length;
    return arena_strndup(&target->strings, text, length);
}

static bool take_usage(void *context, const struct recorded_usage *usage, struct error *err)
{
    struct day_target *target = context;
    digest_usage(&target->digest, usage, &target->row);
    if (!target->load)
        return true;
    if (!make_room(target, err))
        return false;
    size_t at = target->usage_count++;
    struct usage_record *record = &target->usage_records[at];
    *record = usage->record;
    record->api_type = copy_text(target, usage->record.api_type);
    record->operation = copy_text(target, usage->record.operation);
    record->model = copy_text(target, usage->record.model);
    record->tenant_id = copy_text(target, usage->record.tenant_id);
    record->request_id = copy_text(target, usage->record.request_id);
    target->usage[at] = (struct usage_row){.record = record,
                                           .timestamp = record->timestamp,
                                           .cost_nano_cny = usage->cost_nano_cny,
                                           .price_version = usage->price_version,
                                           .day = target->day};
    return true;
}

static bool take_log(void *context, const struct log_record *log, struct error *err)
{
    struct day_target *target = context;
    digest_log(&target->digest, log, &target->row);
    if (!target->load)
        return true;
    if (!make_room(target, err))
        return false;
    size_t at = target->log_count++;
    struct log_record *record = &target->log_records[at];
    *record = *log;
    record->source = copy_text(target, log->source);
    record->message = copy_text(target, log->message);
    record->tenant_id = copy_text(target, log->tenant_id);
    record->request_id = copy_text(target, log->request_id);
    record->fields = copy_text(target, log->fields);
    target->logs[at] = (struct log_row){.record = record, .timestamp = record->timestamp, .day = target->day};
    return true;
}

/* Reads the day of `from`; `to` NULL: only for the digest. */
static bool read_day(struct telemetry *from, struct telemetry *to, int32_t day,
                     struct telemetry_day_digest *ret_digest, struct error *err)
{
    CLEANUP(day_target_free) struct day_target *target = xcalloc(1, sizeof(*target));
    target->day = target->digest.day = day;
    target->row.ceiling = SIZE_MAX;
    if (to) {
        target->engine = to->engine;
        if (!to->engine->functions->load_begin(to->engine, day, &target->load, err))
            return false;
    }
    if (!telemetry_each_usage(from, day, READ_MS, take_usage, target, err) ||
        !telemetry_each_log(from, day, READ_MS, take_log, target, err))
        return false;
    if (to && !put_batch(target, true, err))
        return false;
    *ret_digest = target->digest;
    return true;
}

/* What an earlier try has left. */
static bool delete_day(struct telemetry *telemetry, int32_t day, struct error *err)
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
    if (!delete_day(to, day, err) || !read_day(from, to, day, &given, err) ||
        !read_day(to, NULL, day, &taken, err))
        return false;
    if (told)
        told(context, &given, &taken);
    return digests_equal(&given, &taken) ||
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

static bool adopt_day(struct telemetry *from, struct telemetry *to, int32_t day, struct db *db,
                      struct error *err)
{
    struct day_info old, new;
    if (!from->engine->functions->read_info(from->engine, day, &old, err) ||
        !to->engine->functions->read_info(to->engine, day, &new, err))
        return false;
    if (old.recorder == 0 || new.recorder == 0)
        return true; /* of a day without rows there is nothing but its totals */
    return day_totals_adopt(db, day, old.recorder, new.recorder, err);
}

bool telemetry_adopt_totals(struct telemetry *from, struct telemetry *to, struct db *db, struct error *err)
{
    CLEANUP(free_pointer) int32_t *days = NULL;
    size_t count;
    if (!from->engine->functions->list_days(from->engine, &days, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!adopt_day(from, to, days[i], db, err))
            return false;
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
        if (!read_day(from, NULL, days[i], &one, err) || !read_day(to, NULL, days[i], &other, err))
            return false;
        *ret_same = *ret_same && digests_equal(&one, &other);
        if (told)
            told(context, &one, &other);
    }
    return true;
}
