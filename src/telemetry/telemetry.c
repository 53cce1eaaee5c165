/* Opening, closing, writing. The queue of log rows is in log_flusher.c, reading in totals.c. */
#include "telemetry/telemetry.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "telemetry/log_redaction.h"
#include "telemetry/logs/log_store.h"
#include "telemetry/prices.h"
#include "telemetry/state.h"
#include "telemetry/usage_row.h"

#define QUEUE_DEFAULT 100000
#define READ_LIMIT_MS 5000

/* ---- opening and closing ---- */

bool telemetry_open(struct telemetry **ret_telemetry, const struct telemetry_options *options,
                    struct error *err)
{
    struct telemetry *telemetry = xcalloc(1, sizeof(*telemetry));
    bool opened = options->database
                      ? telemetry_postgresql_open(&telemetry->engine, options->database, err)
                      : day_files_open(&telemetry->engine, options->folder, options->durability, err);
    if (!opened) {
        free(telemetry);
        return false;
    }
    telemetry->main_store = options->main_store;
    telemetry->queue_ceiling = options->queue_ceiling ? (int64_t)options->queue_ceiling : QUEUE_DEFAULT;
    telemetry->usd_cny_rate = options->usd_cny_rate ? options->usd_cny_rate : USD_CNY_RATE_DEFAULT;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&telemetry->log_lock, NULL);
    pthread_cond_init(&telemetry->log_arrived, &monotonic);
    pthread_cond_init(&telemetry->log_flushed, NULL);
    pthread_mutex_init(&telemetry->stats_lock, NULL);
    pthread_condattr_destroy(&monotonic);
    log_flusher_start(telemetry);
    *ret_telemetry = telemetry;
    return true;
}

void telemetry_close(struct telemetry *telemetry)
{
    if (!telemetry)
        return;
    log_flusher_stop(telemetry);
    telemetry->engine->functions->close(telemetry->engine);
    pthread_mutex_destroy(&telemetry->log_lock);
    pthread_cond_destroy(&telemetry->log_arrived);
    pthread_cond_destroy(&telemetry->log_flushed);
    pthread_mutex_destroy(&telemetry->stats_lock);
    free(telemetry);
}

void telemetry_set_usd_cny_rate(struct telemetry *telemetry, int64_t usd_cny_rate)
{
    telemetry->usd_cny_rate = usd_cny_rate;
}

int64_t telemetry_get_usd_cny_rate(const struct telemetry *telemetry)
{
    return telemetry->usd_cny_rate;
}

/* ---- one day ---- */

static const char SQL_IS_CLOSED[] = "SELECT 1 FROM usage_days WHERE day = $1 AND rows_deleted = 1 LIMIT 1";

static bool telemetry_is_marked_closed(struct telemetry *telemetry, int32_t day, bool *ret_closed,
                                       struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    int64_t closed;
    if (!store_reader(telemetry->main_store, READ_LIMIT_MS, &db, err) ||
        !db_find_int(db, SQL_IS_CLOSED, DB_ARGS(db_int(day)), 0, &closed, err))
        return false;
    *ret_closed = closed != 0;
    return true;
}

/* Whether a day that has no rows here may get some. */
static bool telemetry_may_begin_day(struct telemetry *telemetry, int32_t day, struct error *err)
{
    bool closed;
    if (!telemetry_is_marked_closed(telemetry, day, &closed, err))
        return false;
    if (!closed)
        return true;
    if (day < clock_day(clock_now_ms()))
        return error_set(err, ERROR_CONFLICT,
                         "That day is closed: its rows have been deleted, only its totals are kept.",
                         "该日已归档：明细已删除，仅保留汇总。");
    /* The clock was set back, or the store restored without its telemetry: today is never over. What is counted from
     * now on is added to what the main store has. */
    log_warn("telemetry", "today was closed already, and is begun anew: was the clock set back?");
    return true;
}

static bool telemetry_write_batch(struct telemetry *telemetry, int32_t day, struct day_batch *batch,
                                  struct error *err)
{
    struct engine *engine = telemetry->engine;
    batch->begin_day = false;
    if (engine->functions->write(engine, day, batch, err))
        return true;
    if (!batch->day_absent || !telemetry_may_begin_day(telemetry, day, err))
        return false;
    batch->begin_day = true;
    return engine->functions->write(engine, day, batch, err);
}

bool telemetry_write_day(struct telemetry *telemetry, int32_t day, struct day_batch *batch, struct error *err)
{
    struct error local;
    err = err ? err : &local; /* the stats take its text */
    struct telemetry_stats *stats = &telemetry->stats;
    int64_t began = clock_monotonic_us();
    bool done = telemetry_write_batch(telemetry, day, batch, err);
    int64_t took = clock_monotonic_us() - began;
    pthread_mutex_lock(&telemetry->stats_lock);
    if (done) {
        stats->written_usage += (int64_t)(batch->usage_count - batch->duplicates);
        stats->written_logs += (int64_t)batch->log_count;
        stats->last_commit_us = took;
        stats->last_commit_at = clock_now_ms();
        stats->last_error[0] = '\0';
    } else if (err->code != ERROR_CONFLICT) { /* a closed day is no trouble of ours */
        stats->failed_commits++;
        utf8_copy(stats->last_error, sizeof(stats->last_error), err->detail[LANGUAGE_EN]);
    }
    pthread_mutex_unlock(&telemetry->stats_lock);
    if (!done)
        return false;
    /* The rows are safe by now: what fails here is put right by the next roll-over. */
    if (day < clock_day(clock_now_ms()))
        day_totals_invalidate(telemetry, day, &local);
    return true;
}

/* ---- any days ---- */

struct telemetry_rows {
    struct usage_row *usage;
    size_t usage_count;
    struct log_row *logs;
    size_t log_count;
    struct log_record *redacted; /* what the rows are made of */
    struct arena texts;          /* of them, what was masked */
};

static void telemetry_rows_release(struct telemetry_rows *rows)
{
    free(rows->usage);
    free(rows->logs);
    free(rows->redacted);
    arena_release(&rows->texts);
}

static bool telemetry_no_day_error(int64_t timestamp, struct error *err)
{
    return error_set(err, ERROR_INVALID, "No day can hold the instant %lld ms.",
                     "时间戳 %lld 毫秒超出可记录的范围。", (long long)timestamp);
}

/* Of one array, so that rows of one day stay in the order in which they came. */
static int usage_row_by_day(const void *a, const void *b)
{
    const struct usage_row *left = a, *right = b;
    return left->day != right->day ? (left->day > right->day) - (left->day < right->day)
                                   : (left->record > right->record) - (left->record < right->record);
}

static int log_row_by_day(const void *a, const void *b)
{
    const struct log_row *left = a, *right = b;
    return left->day != right->day ? (left->day > right->day) - (left->day < right->day)
                                   : (left->record > right->record) - (left->record < right->record);
}

static bool telemetry_rows_make_usage(struct telemetry_rows *rows, const struct usage_record *usage,
                                      size_t count, int64_t now, int64_t rate, struct error *err)
{
    bool sorted = true;
    rows->usage = xmalloc(count * sizeof(*rows->usage));
    for (size_t i = 0; i < count; i++) {
        struct usage_row *row = &rows->usage[i];
        *row = usage_row_make(&usage[i], now, rate);
        if (!timestamp_has_day(row->timestamp))
            return telemetry_no_day_error(row->timestamp, err);
        row->day = clock_day(row->timestamp);
        sorted &= i == 0 || row[-1].day <= row->day;
    }
    rows->usage_count = count;
    if (!sorted)
        qsort(rows->usage, count, sizeof(*rows->usage), usage_row_by_day);
    return true;
}

static bool telemetry_rows_make_logs(struct telemetry_rows *rows, const struct log_record *logs, size_t count,
                                     int64_t now, struct error *err)
{
    bool sorted = true;
    rows->logs = xmalloc(count * sizeof(*rows->logs));
    rows->redacted = xmalloc(count * sizeof(*rows->redacted));
    for (size_t i = 0; i < count; i++) {
        struct log_row *row = &rows->logs[i];
        rows->redacted[i] = log_record_redacted(&logs[i], &rows->texts);
        *row = log_row_make(&rows->redacted[i], now);
        if (!timestamp_has_day(row->timestamp))
            return telemetry_no_day_error(row->timestamp, err);
        row->day = clock_day(row->timestamp);
        sorted &= i == 0 || row[-1].day <= row->day;
    }
    rows->log_count = count;
    if (!sorted)
        qsort(rows->logs, count, sizeof(*rows->logs), log_row_by_day);
    return true;
}

static bool telemetry_write_days(struct telemetry *telemetry, const struct telemetry_rows *rows,
                                 bool from_outside, size_t *duplicates, struct error *err)
{
    size_t usage = 0, logs = 0;
    while (usage < rows->usage_count || logs < rows->log_count) {
        bool by_usage = logs == rows->log_count ||
                        (usage < rows->usage_count && rows->usage[usage].day <= rows->logs[logs].day);
        int32_t day = by_usage ? rows->usage[usage].day : rows->logs[logs].day;
        struct day_batch batch = {
            .usage = rows->usage + usage, .logs = rows->logs + logs, .from_outside = from_outside};
        for (; usage < rows->usage_count && rows->usage[usage].day == day; usage++)
            batch.usage_count++;
        for (; logs < rows->log_count && rows->logs[logs].day == day; logs++)
            batch.log_count++;
        if (!telemetry_write_day(telemetry, day, &batch, err))
            return false;
        *duplicates += batch.duplicates;
    }
    return true;
}

static bool telemetry_write_records(struct telemetry *telemetry, const struct usage_record *usage,
                                    size_t usage_count, const struct log_record *logs, size_t log_count,
                                    bool from_outside, size_t *ret_duplicates, struct error *err)
{
    CLEANUP(telemetry_rows_release) struct telemetry_rows rows = {0};
    int64_t now = clock_now_ms(), count = (int64_t)(usage_count + log_count);
    size_t duplicates = 0;
    if (telemetry->disk_low && log_count > 0) {
        log_flusher_spare(telemetry, (int64_t)log_count);
        log_count = 0;
        count = (int64_t)usage_count;
    }
    if (!telemetry_rows_make_usage(&rows, usage, usage_count, now, telemetry->usd_cny_rate, err) ||
        !telemetry_rows_make_logs(&rows, logs, log_count, now, err))
        return false;
    bool room = atomic_fetch_add(&telemetry->waiting, count) + count <= telemetry->queue_ceiling;
    bool done = room && telemetry_write_days(telemetry, &rows, from_outside, &duplicates, err);
    atomic_fetch_sub(&telemetry->waiting, count);
    if (!room) {
        error_set(err, ERROR_UNAVAILABLE, "Too many records wait to be written. Try again in a moment.",
                  "等待写入的记录过多，请稍后重试。");
        if (err)
            err->retry_after_seconds = 1;
    }
    if (done && ret_duplicates)
        *ret_duplicates = duplicates;
    return done;
}

bool telemetry_write(struct telemetry *telemetry, const struct usage_record *usage, size_t usage_count,
                     const struct log_record *logs, size_t log_count, struct error *err)
{
    return telemetry_write_records(telemetry, usage, usage_count, logs, log_count, false, NULL, err);
}

bool telemetry_write_once(struct telemetry *telemetry, const struct usage_record *usage, size_t usage_count,
                          size_t *ret_duplicates, struct error *err)
{
    return telemetry_write_records(telemetry, usage, usage_count, NULL, 0, true, ret_duplicates, err);
}

bool telemetry_day_closed(struct telemetry *telemetry, int32_t day, bool *ret_closed, struct error *err)
{
    bool here;
    if (!telemetry_has_day(telemetry, day, &here, err))
        return false;
    *ret_closed = false;
    return here || telemetry_is_marked_closed(telemetry, day, ret_closed, err);
}

/* ---- looking ---- */

bool telemetry_has_day(struct telemetry *telemetry, int32_t day, bool *ret_here, struct error *err)
{
    struct engine *engine = telemetry->engine;
    int64_t recorder;
    if (!engine->functions->find_recorders(engine, day, 1, &recorder, err))
        return false;
    *ret_here = recorder != 0;
    return true;
}

bool telemetry_each_usage(struct telemetry *telemetry, int32_t day, int limit_ms, telemetry_usage_sink sink,
                          void *context, struct error *err)
{
    struct engine *engine = telemetry->engine;
    return engine->functions->each_usage(engine, day, limit_ms, sink, context, err);
}

struct each_log {
    telemetry_log_sink sink;
    void *context;
};

static bool telemetry_hand_log(void *context, const struct stored_log *log, struct error *err)
{
    const struct each_log *each = context;
    return each->sink(each->context, &log->record, err);
}

bool telemetry_each_log(struct telemetry *telemetry, int32_t day, int limit_ms, telemetry_log_sink sink,
                        void *context, struct error *err)
{
    struct engine *engine = telemetry->engine;
    struct each_log each = {sink, context};
    return log_day_each(engine, day, limit_ms, telemetry_hand_log, &each, err);
}

bool telemetry_each_usage_name(struct telemetry *telemetry, int32_t day, telemetry_name_sink sink,
                               void *context, struct error *err)
{
    return telemetry->engine->functions->each_name(telemetry->engine, day, false, sink, context, err);
}

bool telemetry_each_log_source(struct telemetry *telemetry, int32_t day, telemetry_name_sink sink,
                               void *context, struct error *err)
{
    return telemetry->engine->functions->each_name(telemetry->engine, day, true, sink, context, err);
}

void telemetry_get_stats(struct telemetry *telemetry, struct telemetry_stats *ret_stats)
{
    struct engine *engine = telemetry->engine;
    pthread_mutex_lock(&telemetry->stats_lock);
    *ret_stats = telemetry->stats;
    pthread_mutex_unlock(&telemetry->stats_lock);
    ret_stats->queued = telemetry->waiting;
    if (engine->functions->get_set_aside)
        engine->functions->get_set_aside(engine, ret_stats->set_aside, sizeof(ret_stats->set_aside));
    struct day_info today;
    struct error err;
    if (!engine->functions->read_info(engine, clock_day(clock_now_ms()), &today, &err))
        today = (struct day_info){0};
    ret_stats->usage_today = today.usage_rows;
    ret_stats->logs_today = today.log_rows;
}
