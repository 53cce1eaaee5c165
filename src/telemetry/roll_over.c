/* Ended days: their totals to the main store, their rows away after a while. This module owns
 * usage_daily, usage_platform_daily and usage_days.
 *
 * Each recorder has totals of its own of a day (engine.h), so that processes with day files of their own do not undo
 * each other's, and readers add them up. Of one recorder several processes may roll the same day over at the same
 * time: who begins last writes its number into usage_days, and the others find that it is no longer theirs. */
#include <string.h>

#include "base/identifier.h"
#include "base/memory.h"
#include "store/bulk_insert.h"
#include "telemetry/state.h"
#include "telemetry/usage_totals.h"

#define READ_LIMIT_MS 60000
#define NO_REVISION -1

static const char SQL_REVISION[] = "SELECT revision FROM usage_days WHERE day = $1 AND recorder = $2";
static const char SQL_BEGIN[] =
    "INSERT INTO usage_days(day, recorder, run, usage_rows, log_rows, rows_deleted)"
    " VALUES ($1, $2, $3, 0, 0, 0)"
    " ON CONFLICT (day, recorder) DO UPDATE SET revision = NULL, run = excluded.run, rows_deleted = 0";
static const char SQL_IS_OURS[] =
    "SELECT 1 FROM usage_days WHERE day = $1 AND recorder = $2 AND run = $3 AND revision IS NULL";
static const char SQL_END[] = "UPDATE usage_days SET revision = $4, usage_rows = $5, log_rows = $6"
                              " WHERE day = $1 AND recorder = $2 AND run = $3";
static const char SQL_INVALIDATE[] =
    "UPDATE usage_days SET revision = NULL WHERE day = $1 AND recorder = $2 AND revision <> $3";
static const char SQL_ROWS_DELETED[] =
    "UPDATE usage_days SET rows_deleted = 1 WHERE day = $1 AND recorder = $2 AND revision = $3";
static const char SQL_CLEAR_TENANTS[] = "DELETE FROM usage_daily WHERE day = $1 AND recorder = $2";
static const char SQL_CLEAR_PLATFORM[] = "DELETE FROM usage_platform_daily WHERE day = $1 AND recorder = $2";

/* Columns of SUM_COLUMNS behind those of the key; a total of the platform has no tenant_id. */
#define SUM_NAMES                                                                                            \
    "calls", "failed", "unpriced", "estimated", "aborted", "tokens_input", "tokens_output", "tokens_cached", \
        "latency_sum_ms", "cost_nano_cny", "estimated_cost_nano_cny", "latency_histogram"
static const char *const tenant_columns[] = {"day",       "recorder", "tenant_id", "api_type",
                                             "operation", "model",    SUM_NAMES};
static const char *const platform_columns[] = {"day",       "recorder", "api_type",
                                               "operation", "model",    SUM_NAMES};

/* ---- a day's totals, some thousand at a time ----
 *
 * How many there are depends on the names in the usage that is sent: so they are never all in memory, nor in one transaction.
 * Until the last of them is there the day has no revision, and readers take it from its rows. */

#define BATCH 4096 /* totals in one transaction: some 2 MB, some 50 ms */

struct rolling_total {
    const char *tenant_id, *api_type, *operation, *model; /* as in struct day_total */
    struct db_value values[SUM_COLUMN_COUNT];
};

struct rolling_day {
    struct telemetry *telemetry;
    int32_t day;
    int64_t run; /* a random number */
    struct day_info info;
    bool begun;         /* the main store has nothing of the recorder's day any longer */
    bool superseded;    /* another process has begun the same after us, and goes on with it */
    struct arena arena; /* of the batch */
    struct rolling_total totals[BATCH];
    size_t count;
};

static void rolling_day_free(struct rolling_day **rolling)
{
    arena_release(&(*rolling)->arena);
    free(*rolling);
}

static bool rolling_day_begin_work(struct db *db, void *context, struct error *err)
{
    const struct rolling_day *rolling = context;
    struct db_value day = db_int(rolling->day), recorder = db_int(rolling->info.recorder);
    return db_execute(db, SQL_BEGIN, DB_ARGS(day, recorder, db_int(rolling->run)), NULL, err) &&
           db_execute(db, SQL_CLEAR_TENANTS, DB_ARGS(day, recorder), NULL, err) &&
           db_execute(db, SQL_CLEAR_PLATFORM, DB_ARGS(day, recorder), NULL, err);
}

/* Totals of one table. */
static bool rolling_day_put_totals(struct db *db, const struct rolling_day *rolling, size_t from, size_t end,
                                   struct error *err)
{
    CLEANUP(db_bulk_release) struct db_bulk *bulk = NULL;
    if (from == end)
        return true;
    bool of_tenants = rolling->totals[from].tenant_id != NULL;
    if (!db_bulk_begin(db, of_tenants ? "usage_daily" : "usage_platform_daily",
                       of_tenants ? tenant_columns : platform_columns,
                       of_tenants ? ARRAY_SIZE(tenant_columns) : ARRAY_SIZE(platform_columns), &bulk, err))
        return false;
    for (size_t i = from; i < end; i++) {
        const struct rolling_total *total = &rolling->totals[i];
        struct db_value values[ARRAY_SIZE(tenant_columns)];
        size_t count = 0;
        values[count++] = db_int(rolling->day);
        values[count++] = db_int(rolling->info.recorder);
        if (of_tenants)
            values[count++] = db_text(total->tenant_id);
        values[count++] = db_text(total->api_type);
        values[count++] = db_text(total->operation);
        values[count++] = db_text(total->model);
        memcpy(values + count, total->values, sizeof(total->values));
        if (!db_bulk_row(bulk, values, err))
            return false;
    }
    return db_bulk_end(bulk, NULL, err);
}

static bool rolling_day_batch_work(struct db *db, void *context, struct error *err)
{
    struct rolling_day *rolling = context;
    int64_t ours;
    if (!db_find_int(db, SQL_IS_OURS,
                     DB_ARGS(db_int(rolling->day), db_int(rolling->info.recorder), db_int(rolling->run)), 0,
                     &ours, err))
        return false;
    rolling->superseded = ours == 0;
    size_t tenants = 0; /* they come first */
    while (tenants < rolling->count && rolling->totals[tenants].tenant_id)
        tenants++;
    return !ours || (rolling_day_put_totals(db, rolling, 0, tenants, err) &&
                     rolling_day_put_totals(db, rolling, tenants, rolling->count, err));
}

/* The last batch, and the day is rolled over. */
static bool rolling_day_last_work(struct db *db, void *context, struct error *err)
{
    const struct rolling_day *rolling = context;
    const struct day_info *info = &rolling->info;
    if (!rolling_day_batch_work(db, context, err))
        return false;
    return rolling->superseded ||
           db_execute(db, SQL_END,
                      DB_ARGS(db_int(rolling->day), db_int(info->recorder), db_int(rolling->run),
                              db_int(info->revision), db_int(info->usage_rows), db_int(info->log_rows)),
                      NULL, err);
}

static int day_total_by_tenant(const void *a, const void *b)
{
    const struct rolling_total *left = a, *right = b;
    if (!left->tenant_id || !right->tenant_id)
        return !left->tenant_id - !right->tenant_id;
    return strcmp(left->tenant_id, right->tenant_id);
}

/* Sorted as the main store's tables are, so that its writer is held for a shorter time. */
static bool rolling_day_write_batch(struct rolling_day *rolling, store_work put, struct error *err)
{
    struct store *main_store = rolling->telemetry->main_store;
    if (!rolling->begun && !store_write(main_store, rolling_day_begin_work, rolling, err))
        return false;
    rolling->begun = true;
    qsort(rolling->totals, rolling->count, sizeof(rolling->totals[0]), day_total_by_tenant);
    bool done = store_write(main_store, put, rolling, err);
    rolling->count = 0;
    arena_reset(&rolling->arena);
    return done;
}

static bool rolling_day_add_total(void *context, const struct day_total *total, struct error *err)
{
    struct rolling_day *rolling = context;
    struct arena *arena = &rolling->arena;
    unsigned char blob[HISTOGRAM_BLOB_MAX];
    if (rolling->superseded)
        return true;
    if (rolling->count == BATCH && !rolling_day_write_batch(rolling, rolling_day_batch_work, err))
        return false;
    struct rolling_total *row = &rolling->totals[rolling->count++];
    row->tenant_id = arena_strdup(arena, total->tenant_id);
    row->api_type = arena_strdup(arena, total->api_type);
    row->operation = arena_strdup(arena, total->operation);
    row->model = arena_strdup(arena, total->model);
    usage_totals_values(total->totals, blob, row->values);
    struct db_value *histogram = &row->values[SUM_COLUMN_COUNT - 1];
    char *copy = arena_alloc(arena, histogram->length + 1);
    memcpy(copy, blob, histogram->length);
    histogram->bytes = copy;
    return true;
}

/* ---- which days ---- */

static bool roll_over_find_revision(struct telemetry *telemetry, int32_t day, int64_t recorder,
                                    int64_t *ret_revision, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(telemetry->main_store, READ_LIMIT_MS, &db, err) &&
           db_find_int(db, SQL_REVISION, DB_ARGS(db_int(day), db_int(recorder)), NO_REVISION, ret_revision,
                       err);
}

/* Whether the main store has the day's totals as they are now; also true without rows: then the main store's totals
 * are all there is. */
static bool roll_over_is_done(struct telemetry *telemetry, int32_t day, struct day_info *ret_info,
                              bool *ret_same, struct error *err)
{
    struct engine *engine = telemetry->engine;
    int64_t rolled;
    if (!engine->functions->read_info(engine, day, ret_info, err) ||
        !roll_over_find_revision(telemetry, day, ret_info->recorder, &rolled, err))
        return false;
    *ret_same = ret_info->recorder == 0 || ret_info->revision == rolled;
    return true;
}

struct day_revision {
    int32_t day;
    struct day_info info;
};

static bool day_totals_invalidate_work(struct db *db, void *context, struct error *err)
{
    const struct day_revision *changed = context;
    return db_execute(
        db, SQL_INVALIDATE,
        DB_ARGS(db_int(changed->day), db_int(changed->info.recorder), db_int(changed->info.revision)), NULL,
        err);
}

/* Readers then take the day from its rows. Whoever writes rows calls this after its commit, and whoever rolls the day
 * over after the day has got its revision: so one of both sees what the other has done. */
bool day_totals_invalidate(struct telemetry *telemetry, int32_t day, struct error *err)
{
    struct engine *engine = telemetry->engine;
    struct day_revision changed = {.day = day};
    int64_t rolled;
    if (!engine->functions->read_info(engine, day, &changed.info, err) ||
        !roll_over_find_revision(telemetry, day, changed.info.recorder, &rolled, err))
        return false;
    return rolled == NO_REVISION || rolled == changed.info.revision ||
           store_write(telemetry->main_store, day_totals_invalidate_work, &changed, err);
}

static bool roll_over_day(struct telemetry *telemetry, int32_t day, bool *ret_rolled, struct error *err)
{
    struct engine *engine = telemetry->engine;
    struct day_info info;
    bool same;
    *ret_rolled = false;
    if (!roll_over_is_done(telemetry, day, &info, &same, err))
        return false;
    if (same)
        return true;
    CLEANUP(rolling_day_free) struct rolling_day *rolling = xcalloc(1, sizeof(*rolling));
    rolling->telemetry = telemetry;
    rolling->day = day;
    random_bytes(&rolling->run, sizeof(rolling->run));
    rolling->run &= INT64_MAX;
    if (!engine->functions->each_total(engine, day, &rolling->info, rolling_day_add_total, rolling, err) ||
        !rolling_day_write_batch(rolling, rolling_day_last_work, err))
        return false;
    *ret_rolled = !rolling->superseded;
    return day_totals_invalidate(telemetry, day, err);
}

/* ---- from outside ---- */

/* Totals that were not those of the old rows' last revision have none: the next roll-over makes them anew from the rows,
 * and until then the rows are read. */
static const char SQL_ADOPT_DAY[] =
    "UPDATE usage_days SET recorder = $3, revision = CASE WHEN revision = $4 THEN CAST($5 AS BIGINT) END"
    " WHERE day = $1 AND recorder = $2";
static const char SQL_ADOPT_TENANTS[] =
    "UPDATE usage_daily SET recorder = $3 WHERE day = $1 AND recorder = $2";
static const char SQL_ADOPT_PLATFORM[] =
    "UPDATE usage_platform_daily SET recorder = $3 WHERE day = $1 AND recorder = $2";

bool day_totals_adopt(struct db *db, int32_t day, const struct day_info *old_info,
                      const struct day_info *new_info, struct error *err)
{
    const struct db_value args[] = {db_int(day), db_int(old_info->recorder), db_int(new_info->recorder),
                                    db_int(old_info->revision), db_int(new_info->revision)};
    return db_execute(db, SQL_ADOPT_DAY, args, 5, NULL, err) &&
           db_execute(db, SQL_ADOPT_TENANTS, args, 3, NULL, err) &&
           db_execute(db, SQL_ADOPT_PLATFORM, args, 3, NULL, err);
}

bool telemetry_roll_over(struct telemetry *telemetry, int64_t *ret_days, struct error *err)
{
    struct engine *engine = telemetry->engine;
    CLEANUP(free_pointer) int32_t *days = NULL;
    size_t count;
    if (!engine->functions->list_days(engine, &days, &count, err))
        return false;
    int32_t today = clock_day(clock_now_ms());
    int64_t rolled_days = 0;
    bool done = true;
    struct error later;
    for (size_t i = 0; i < count && days[i] < today; i++) { /* one that is damaged holds up no other */
        bool rolled = false;
        struct error *failure = done ? err : &later;
        if (!roll_over_day(telemetry, days[i], &rolled, failure)) {
            char text[CLOCK_DAY_SIZE];
            clock_day_format(days[i], text);
            error_prefix(failure, "totals of %s", "%s 的汇总", text);
            done = false;
        }
        rolled_days += rolled;
        struct error *ungrouped = done ? err : &later;
        done = engine->functions->group_logs(engine, days[i], ungrouped) && done;
    }
    engine->functions->seal(engine, today);
    if (done && ret_days)
        *ret_days = rolled_days;
    return done;
}

static bool day_rows_deleted_work(struct db *db, void *context, struct error *err)
{
    const struct day_revision *deleted = context;
    return db_execute(
        db, SQL_ROWS_DELETED,
        DB_ARGS(db_int(deleted->day), db_int(deleted->info.recorder), db_int(deleted->info.revision)), NULL,
        err);
}

/* Marked first: a day whose rows are gone and that is not known to be closed could be begun anew. */
static bool roll_over_delete_day(struct telemetry *telemetry, int32_t day, bool *ret_deleted,
                                 struct error *err)
{
    struct engine *engine = telemetry->engine;
    struct day_revision deleted = {.day = day};
    bool same;
    *ret_deleted = false;
    if (!roll_over_is_done(telemetry, day, &deleted.info, &same, err))
        return false;
    if (!same || deleted.info.recorder == 0)
        return true;
    return store_write(telemetry->main_store, day_rows_deleted_work, &deleted, err) &&
           engine->functions->drop_day(engine, day, deleted.info.revision, ret_deleted, err);
}

bool telemetry_retain(struct telemetry *telemetry, int days, int64_t *ret_deleted, struct error *err)
{
    struct engine *engine = telemetry->engine;
    CLEANUP(free_pointer) int32_t *present = NULL;
    size_t count;
    if (!engine->functions->list_days(engine, &present, &count, err))
        return false;
    int32_t first_kept = clock_day(clock_now_ms()) - (days > 0 ? days : 0);
    int64_t deleted = 0;
    for (size_t i = 0; i < count && present[i] < first_kept; i++) {
        bool gone;
        if (!roll_over_delete_day(telemetry, present[i], &gone, err))
            return false;
        deleted += gone;
    }
    if (ret_deleted)
        *ret_deleted = deleted;
    return true;
}
