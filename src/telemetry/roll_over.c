/* Ended days: their totals to the main store, their files away after a while. This module owns
 * usage_daily, usage_platform_daily and usage_days. */
#include <string.h>

#include "base/memory.h"
#include "telemetry/day_totals.h"
#include "telemetry/state.h"
#include "telemetry/usage_totals.h"

#define READ_LIMIT_MS 60000
#define CARRY_LIMIT_MS 600000 /* all batches of a day */
#define NO_REVISION -1

static const char SQL_CARRIED_REVISION[] = "SELECT revision FROM usage_days WHERE day = $1";
static const char SQL_UNMARK[] = "DELETE FROM usage_days WHERE day = $1";
static const char SQL_OUTDATE[] = "DELETE FROM usage_days WHERE day = $1 AND revision <> $2";
static const char SQL_CLEAR_TENANTS[] = "DELETE FROM usage_daily WHERE day = $1";
static const char SQL_CLEAR_PLATFORM[] = "DELETE FROM usage_platform_daily WHERE day = $1";
static const char SQL_PUT_TENANT[] =
    "INSERT INTO usage_daily(day, tenant_id, api_type, operation, model, calls, failed, unpriced,"
    " tokens_input, tokens_output, tokens_cached, latency_sum_ms, cost_nano_cny, latency_histogram)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
static const char SQL_PUT_PLATFORM[] =
    "INSERT INTO usage_platform_daily(day, api_type, operation, model, calls, failed, unpriced,"
    " tokens_input, tokens_output, tokens_cached, latency_sum_ms, cost_nano_cny, latency_histogram)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
static const char SQL_MARK[] =
    "INSERT INTO usage_days(day, revision, usage_rows, log_rows) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT (day) DO UPDATE SET revision = excluded.revision, usage_rows = excluded.usage_rows,"
    " log_rows = excluded.log_rows";

/* ---- a day's totals, some thousand at a time ----
 *
 * How many there are is for those to say who send usage: so they are never all in memory, nor in one transaction.
 * Until the last of them is there the day is not marked, and readers take it from its file. */

#define BATCH 4096 /* totals in one transaction: some 2 MB, some 50 ms */

struct kept_total {
    const char *tenant_id, *api_type, *operation, *model; /* as in struct day_total */
    struct db_value values[SUM_COLUMN_COUNT];
};

struct carried_day {
    struct telemetry *telemetry;
    int32_t day;
    struct day_info info;
    struct arena arena; /* of the batch */
    struct kept_total totals[BATCH];
    size_t count;
};

static void carried_day_free(struct carried_day **carried)
{
    arena_release(&(*carried)->arena);
    free(*carried);
}

static bool put_total(struct db *db, int32_t day, const struct kept_total *total, struct error *err)
{
    struct db_value values[5 + SUM_COLUMN_COUNT];
    size_t count = 0;
    values[count++] = db_int(day);
    if (total->tenant_id)
        values[count++] = db_text(total->tenant_id);
    values[count++] = db_text(total->api_type);
    values[count++] = db_text(total->operation);
    values[count++] = db_text(total->model);
    memcpy(values + count, total->values, sizeof(total->values));
    count += SUM_COLUMN_COUNT;
    return db_execute(db, total->tenant_id ? SQL_PUT_TENANT : SQL_PUT_PLATFORM, values, count, NULL, err);
}

static bool put_batch(struct db *db, void *context, struct error *err)
{
    const struct carried_day *carried = context;
    for (size_t i = 0; i < carried->count; i++)
        if (!put_total(db, carried->day, &carried->totals[i], err))
            return false;
    return true;
}

static int by_key(const void *a, const void *b)
{
    const struct kept_total *left = a, *right = b;
    if (!left->tenant_id || !right->tenant_id)
        return !left->tenant_id - !right->tenant_id;
    return strcmp(left->tenant_id, right->tenant_id);
}

/* Sorted as the main store's tables are, so that its writer is held for a shorter time. */
static bool write_batch(struct carried_day *carried, struct error *err)
{
    qsort(carried->totals, carried->count, sizeof(carried->totals[0]), by_key);
    bool done = store_write(carried->telemetry->main_store, put_batch, carried, err);
    carried->count = 0;
    arena_reset(&carried->arena);
    return done;
}

static bool keep(const struct day_total *total, void *context, struct error *err)
{
    struct carried_day *carried = context;
    struct arena *arena = &carried->arena;
    unsigned char blob[HISTOGRAM_BLOB_MAX];
    if (carried->count == BATCH && !write_batch(carried, err))
        return false;
    struct kept_total *kept = &carried->totals[carried->count++];
    kept->tenant_id = arena_strdup(arena, total->tenant_id);
    kept->api_type = arena_strdup(arena, total->api_type);
    kept->operation = arena_strdup(arena, total->operation);
    kept->model = arena_strdup(arena, total->model);
    usage_totals_values(total->totals, blob, kept->values);
    struct db_value *histogram = &kept->values[SUM_COLUMN_COUNT - 1];
    char *copy = arena_alloc(arena, histogram->length + 1);
    memcpy(copy, blob, histogram->length);
    histogram->bytes = copy;
    return true;
}

static bool clear_day(struct db *db, void *context, struct error *err)
{
    const struct carried_day *carried = context;
    return db_execute(db, SQL_UNMARK, DB_ARGS(db_int(carried->day)), NULL, err) &&
           db_execute(db, SQL_CLEAR_TENANTS, DB_ARGS(db_int(carried->day)), NULL, err) &&
           db_execute(db, SQL_CLEAR_PLATFORM, DB_ARGS(db_int(carried->day)), NULL, err);
}

/* The last batch, and the day is carried over. */
static bool put_last(struct db *db, void *context, struct error *err)
{
    const struct carried_day *carried = context;
    return put_batch(db, context, err) &&
           db_execute(db, SQL_MARK,
                      DB_ARGS(db_int(carried->day), db_int(carried->info.revision),
                              db_int(carried->info.usage_rows), db_int(carried->info.log_rows)),
                      NULL, err);
}

/* The revision is read before the rows: rows that come in between make it out of date at worst. */
static bool carry_rows(struct carried_day *carried, struct error *err)
{
    CLEANUP(telemetry_read_release) struct telemetry_read read = {0};
    struct store *main_store = carried->telemetry->main_store;
    if (!telemetry_read_day(carried->telemetry, carried->day, CARRY_LIMIT_MS, &read, err))
        return false;
    if (!read.db)
        return error_set(err, ERROR_CONFLICT, "The day's file was deleted meanwhile.", "当日文件已被删除。");
    return day_info_read(read.db, &carried->info, err) && store_write(main_store, clear_day, carried, err) &&
           day_totals_each(read.db, keep, carried, err) && store_write(main_store, put_last, carried, err);
}

/* ---- which days ---- */

static bool carried_revision(struct telemetry *telemetry, int32_t day, int64_t *ret_revision,
                             struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(telemetry->main_store, READ_LIMIT_MS, &db, err) &&
           db_find_int(db, SQL_CARRIED_REVISION, DB_ARGS(db_int(day)), NO_REVISION, ret_revision, err);
}

static bool file_revision(struct telemetry *telemetry, int32_t day, int64_t *ret_revision, struct error *err)
{
    CLEANUP(telemetry_read_release) struct telemetry_read read = {0};
    struct day_info info = {.revision = NO_REVISION};
    if (!telemetry_read_day(telemetry, day, READ_LIMIT_MS, &read, err) ||
        (read.db && !day_info_read(read.db, &info, err)))
        return false;
    *ret_revision = info.revision;
    return true;
}

/* Also true without a file: then the main store's totals are all there is. */
static bool up_to_date(struct telemetry *telemetry, int32_t day, bool *ret_same, struct error *err)
{
    int64_t carried, present;
    if (!carried_revision(telemetry, day, &carried, err) || !file_revision(telemetry, day, &present, err))
        return false;
    *ret_same = present == NO_REVISION || carried == present;
    return true;
}

static bool carry_locked(struct telemetry *telemetry, int32_t day, bool *ret_carried, struct error *err)
{
    bool same;
    if (!up_to_date(telemetry, day, &same, err))
        return false;
    *ret_carried = !same;
    if (same)
        return true;
    CLEANUP(carried_day_free) struct carried_day *carried = xcalloc(1, sizeof(*carried));
    carried->telemetry = telemetry;
    carried->day = day;
    return carry_rows(carried, err);
}

static bool carry(struct telemetry *telemetry, int32_t day, bool *ret_carried, struct error *err)
{
    pthread_mutex_lock(&telemetry->carry_lock);
    bool done = carry_locked(telemetry, day, ret_carried, err);
    pthread_mutex_unlock(&telemetry->carry_lock);
    char text[CLOCK_DAY_SIZE];
    clock_day_format(day, text);
    return done || error_prefix(err, "totals of %s", "%s 的汇总", text);
}

/* ---- from outside ---- */

struct outdated {
    int32_t day;
    int64_t revision;
};

static bool outdate(struct db *db, void *context, struct error *err)
{
    const struct outdated *outdated = context;
    return db_execute(db, SQL_OUTDATE, DB_ARGS(db_int(outdated->day), db_int(outdated->revision)), NULL, err);
}

/* Readers then take the day from its file. The lock orders this against a roll-over that has read the
 * file already; one in another process leaves old totals until the next roll-over, which compares
 * revisions. */
bool carried_totals_outdate(struct telemetry *telemetry, int32_t day, int64_t revision, struct error *err)
{
    struct outdated outdated = {day, revision};
    int64_t carried;
    pthread_mutex_lock(&telemetry->carry_lock);
    bool done = carried_revision(telemetry, day, &carried, err);
    if (done && carried != NO_REVISION && carried != revision)
        done = store_write(telemetry->main_store, outdate, &outdated, err);
    pthread_mutex_unlock(&telemetry->carry_lock);
    return done;
}

bool telemetry_roll_over(struct telemetry *telemetry, int64_t *ret_days, struct error *err)
{
    CLEANUP(free_pointer) int32_t *days = NULL;
    size_t count;
    if (!day_files_list(telemetry->files.folder, &days, &count, err))
        return false;
    int32_t today = clock_day(clock_now_ms());
    int64_t carried = 0;
    bool done = true;
    struct error later;
    for (size_t i = 0; i < count && days[i] < today; i++) { /* one that is damaged holds up no other */
        bool was_carried = false;
        error_clear(&later);
        if (!carry(telemetry, days[i], &was_carried, done ? err : &later))
            done = false;
        carried += was_carried;
    }
    day_files_close_before(&telemetry->files, today);
    if (done && ret_days)
        *ret_days = carried;
    return done;
}

bool telemetry_retain(struct telemetry *telemetry, int days, int64_t *ret_deleted, struct error *err)
{
    CLEANUP(free_pointer) int32_t *present = NULL;
    size_t count;
    if (!day_files_list(telemetry->files.folder, &present, &count, err))
        return false;
    int32_t first_kept = clock_day(clock_now_ms()) - (days > 0 ? days : 0);
    int64_t deleted = 0;
    for (size_t i = 0; i < count && present[i] < first_kept; i++) {
        bool same, gone = false;
        if (!up_to_date(telemetry, present[i], &same, err) ||
            (same && !day_files_delete(&telemetry->files, present[i], &gone, err)))
            return false;
        deleted += gone;
    }
    if (ret_deleted)
        *ret_deleted = deleted;
    return true;
}
