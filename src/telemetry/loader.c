/* Bulk loading: large batches, handed to the engine in its own way of loading. */
#include <string.h>

#include "base/memory.h"
#include "telemetry/prices.h"
#include "telemetry/state.h"

#define BATCH_ROWS 4096
#define BATCH_BYTES ((size_t)8 << 20)

struct telemetry_loader {
    struct engine *engine;
    struct bulk_load *load;
    bool failed;
    bool from_outside;    /* the usage rows that wait are */
    struct arena strings; /* of the rows that wait */
    size_t string_bytes;
    size_t usage_count, log_count;
    struct usage_record usage_records[BATCH_ROWS];
    struct usage_row usage[BATCH_ROWS];
    struct log_record log_records[BATCH_ROWS];
    struct log_row logs[BATCH_ROWS];
};

bool telemetry_loader_open(struct telemetry_loader **ret_loader, struct telemetry *telemetry, int32_t day,
                           struct error *err)
{
    struct bulk_load *load;
    if (!telemetry->engine->functions->load_begin(telemetry->engine, day, &load, err))
        return false;
    struct telemetry_loader *loader = xcalloc(1, sizeof(*loader));
    loader->engine = telemetry->engine;
    loader->load = load;
    *ret_loader = loader;
    return true;
}

static bool loader_write_batch(struct telemetry_loader *loader, bool last, struct error *err)
{
    struct day_batch batch = {.usage = loader->usage,
                              .usage_count = loader->usage_count,
                              .logs = loader->logs,
                              .log_count = loader->log_count,
                              .from_outside = loader->from_outside};
    if (loader->failed)
        return error_set(err, ERROR_CONFLICT,
                         "Loading has failed before: delete the day's rows and load it anew.",
                         "此前载入已失败：请删除当日明细后重新载入。");
    loader->failed = !loader->engine->functions->load_batch(loader->load, &batch, last, err);
    loader->usage_count = loader->log_count = loader->string_bytes = 0;
    arena_reset(&loader->strings);
    return !loader->failed;
}

static bool loader_make_room(struct telemetry_loader *loader, struct error *err)
{
    bool full = loader->usage_count == BATCH_ROWS || loader->log_count == BATCH_ROWS ||
                loader->string_bytes > BATCH_BYTES;
    return !full || loader_write_batch(loader, false, err);
}

static const char *loader_copy(struct telemetry_loader *loader, const char *text)
{
    if (!text)
        return NULL;
    size_t length = strlen(text);
    loader->string_bytes += length;
    return arena_strndup(&loader->strings, text, length);
}

/* Rows of one kind come in runs: what stands in the row before is not copied again. */
static const char *loader_copy_again(struct telemetry_loader *loader, const char *text, const char *before)
{
    return text && before && strcmp(text, before) == 0 ? before : loader_copy(loader, text);
}

/* The next row that waits, with the record as the loader keeps it; its cost is the caller's. */
static struct usage_row *loader_put_usage(struct telemetry_loader *loader, const struct usage_record *record)
{
    static const struct usage_record none;
    size_t at = loader->usage_count++;
    const struct usage_record *before = at ? &loader->usage_records[at - 1] : &none;
    struct usage_record *kept = &loader->usage_records[at];
    *kept = *record;
    kept->api_type = loader_copy_again(loader, record->api_type, before->api_type);
    kept->operation = loader_copy_again(loader, record->operation, before->operation);
    kept->model = loader_copy_again(loader, record->model, before->model);
    kept->tenant_id = loader_copy_again(loader, record->tenant_id, before->tenant_id);
    kept->request_id = loader_copy_again(loader, record->request_id, before->request_id);
    kept->provider_request_id = loader_copy(loader, record->provider_request_id);
    kept->record_id = loader_copy(loader, record->record_id);
    loader->usage[at] = (struct usage_row){.record = kept, .timestamp = kept->timestamp};
    return &loader->usage[at];
}

/* A batch is from outside as a whole, or not. */
static bool loader_make_room_for(struct telemetry_loader *loader, bool from_outside, struct error *err)
{
    bool other = loader->usage_count > 0 && loader->from_outside != from_outside;
    if (other ? !loader_write_batch(loader, false, err) : !loader_make_room(loader, err))
        return false;
    loader->from_outside = from_outside;
    return true;
}

bool telemetry_loader_usage(struct telemetry_loader *loader, const struct usage_record *record,
                            struct error *err)
{
    if (!loader_make_room_for(loader, false, err))
        return false;
    struct usage_row *row = loader_put_usage(loader, record);
    *row = usage_row_make(row->record, record->timestamp, USD_CNY_RATE_DEFAULT);
    return true;
}

bool telemetry_loader_recorded(struct telemetry_loader *loader, const struct recorded_usage *usage,
                               struct error *err)
{
    if (!loader_make_room_for(loader, usage->from_outside, err))
        return false;
    struct usage_row *row = loader_put_usage(loader, &usage->record);
    row->cost_nano_cny = usage->cost_nano_cny;
    row->price_version = usage->price_version;
    return true;
}

bool telemetry_loader_log(struct telemetry_loader *loader, const struct log_record *record, struct error *err)
{
    if (!loader_make_room(loader, err))
        return false;
    size_t at = loader->log_count++;
    struct log_record *kept = &loader->log_records[at];
    *kept = *record;
    kept->source = loader_copy(loader, record->source);
    kept->message = loader_copy(loader, record->message);
    kept->tenant_id = loader_copy(loader, record->tenant_id);
    kept->request_id = loader_copy(loader, record->request_id);
    kept->fields = loader_copy(loader, record->fields);
    loader->logs[at] = log_row_make(kept, record->timestamp);
    return true;
}

bool telemetry_loader_finish(struct telemetry_loader *loader, struct error *err)
{
    bool done = loader_write_batch(loader, true, err);
    loader->engine->functions->load_end(loader->load);
    arena_release(&loader->strings);
    free(loader);
    return done;
}
