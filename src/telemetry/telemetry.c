/* Opening, closing, writing. The queue of log rows is in log_flusher.c, reading in totals.c. */
#include "telemetry/telemetry.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "telemetry/prices.h"
#include "telemetry/state.h"
#include "telemetry/usage_row.h"

#define QUEUE_DEFAULT 100000
#define STATS_LIMIT_MS 1000

/* ---- opening and closing ---- */

static void init_locks(struct telemetry *telemetry)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&telemetry->log_lock, NULL);
    pthread_cond_init(&telemetry->log_arrived, &monotonic);
    pthread_cond_init(&telemetry->log_flushed, NULL);
    pthread_mutex_init(&telemetry->carry_lock, NULL);
    pthread_mutex_init(&telemetry->stats_lock, NULL);
    pthread_condattr_destroy(&monotonic);
}

bool telemetry_open(struct telemetry **ret_telemetry, const struct telemetry_options *options,
                    struct error *err)
{
    struct telemetry *telemetry = xcalloc(1, sizeof(*telemetry));
    if (!day_files_init(&telemetry->files, options->folder, options->main_store, options->durability, err)) {
        free(telemetry);
        return false;
    }
    telemetry->main_store = options->main_store;
    telemetry->queue_ceiling = options->queue_ceiling ? (int64_t)options->queue_ceiling : QUEUE_DEFAULT;
    telemetry->usd_cny_rate = options->usd_cny_rate ? options->usd_cny_rate : USD_CNY_RATE_DEFAULT;
    init_locks(telemetry);
    log_flusher_start(telemetry);
    *ret_telemetry = telemetry;
    return true;
}

void telemetry_close(struct telemetry *telemetry)
{
    if (!telemetry)
        return;
    log_flusher_stop(telemetry);
    day_files_release(&telemetry->files);
    pthread_mutex_destroy(&telemetry->log_lock);
    pthread_cond_destroy(&telemetry->log_arrived);
    pthread_cond_destroy(&telemetry->log_flushed);
    pthread_mutex_destroy(&telemetry->carry_lock);
    pthread_mutex_destroy(&telemetry->stats_lock);
    free(telemetry);
}

void telemetry_set_usd_cny_rate(struct telemetry *telemetry, int64_t usd_cny_rate)
{
    telemetry->usd_cny_rate = usd_cny_rate;
}

/* ---- one day ---- */

static void count_commit(struct telemetry *telemetry, const struct day_batch *batch, int64_t commit_us)
{
    pthread_mutex_lock(&telemetry->stats_lock);
    struct telemetry_stats *stats = &telemetry->stats;
    stats->written_usage += (int64_t)(batch->usage_count - batch->duplicates);
    stats->written_logs += (int64_t)batch->log_count;
    stats->last_commit_us = commit_us;
    stats->last_commit_at = clock_now_ms();
    stats->last_error[0] = '\0';
    pthread_mutex_unlock(&telemetry->stats_lock);
}

static void count_failure(struct telemetry *telemetry, const struct error *err)
{
    pthread_mutex_lock(&telemetry->stats_lock);
    telemetry->stats.failed_commits++;
    utf8_copy(telemetry->stats.last_error, sizeof(telemetry->stats.last_error), err->detail[LANGUAGE_EN]);
    pthread_mutex_unlock(&telemetry->stats_lock);
}

/* Whether the day's file must be given up: it is damaged, or no longer lies where it was opened. */
static bool is_lost(struct day_file *file, const struct error *why)
{
    struct error err;
    return why->code == ERROR_DAMAGED || store_is_damaged(file->store) ||
           (why->code == ERROR_STORE && !store_sound(file->store, &err) && error_is_of_store(err.code));
}

static bool write_to_file(struct telemetry *telemetry, int32_t day, struct day_batch *batch, bool *ret_again,
                          struct error *err)
{
    CLEANUP(day_use_release) struct day_use use = {.files = &telemetry->files};
    *ret_again = false;
    if (!day_files_get(&telemetry->files, day, DAY_FILE_MAKE, &use.file, err))
        return false;
    batch->writer = use.file->writer;
    if (store_write(use.file->store, day_writer_write, batch, err))
        return true;
    if (day >= clock_day(clock_now_ms()) && is_lost(use.file, err)) {
        day_files_give_up(&telemetry->files, use.file);
        *ret_again = true;
    }
    return false;
}

bool telemetry_write_day(struct telemetry *telemetry, int32_t day, struct day_batch *batch, struct error *err)
{
    struct error local;
    err = err ? err : &local; /* the stats want its text */
    int64_t began = clock_monotonic_us();
    bool again = false;
    if (!write_to_file(telemetry, day, batch, &again, err) &&
        (!again || !write_to_file(telemetry, day, batch, &again, err))) {
        if (err->code != ERROR_CONFLICT) /* a closed day is no trouble of ours */
            count_failure(telemetry, err);
        return false;
    }
    count_commit(telemetry, batch, clock_monotonic_us() - began);
    /* The rows are safe by now: what fails here is put right by the next roll-over. */
    if (day < clock_day(clock_now_ms()))
        carried_totals_outdate(telemetry, day, batch->revision, &local);
    return true;
}

/* ---- any days ---- */

struct rows {
    struct usage_row *usage;
    size_t usage_count;
    struct log_row *logs;
    size_t log_count;
};

static void rows_release(struct rows *rows)
{
    free(rows->usage);
    free(rows->logs);
}

static bool no_day(int64_t timestamp, struct error *err)
{
    return error_set(err, ERROR_INVALID, "No day's file can hold the instant %lld ms.",
                     "时间戳 %lld 毫秒超出可记录的范围。", (long long)timestamp);
}

/* Of one array, so that rows of one day stay in the order in which they came. */
static int by_day_usage(const void *a, const void *b)
{
    const struct usage_row *left = a, *right = b;
    return left->day != right->day ? (left->day > right->day) - (left->day < right->day)
                                   : (left->record > right->record) - (left->record < right->record);
}

static int by_day_log(const void *a, const void *b)
{
    const struct log_row *left = a, *right = b;
    return left->day != right->day ? (left->day > right->day) - (left->day < right->day)
                                   : (left->record > right->record) - (left->record < right->record);
}

static bool make_usage(struct rows *rows, const struct usage_record *usage, size_t count, int64_t now,
                       int64_t rate, struct error *err)
{
    bool sorted = true;
    rows->usage = xmalloc(count * sizeof(*rows->usage));
    for (size_t i = 0; i < count; i++) {
        struct usage_row *row = &rows->usage[i];
        *row = usage_row_make(&usage[i], now, rate);
        if (!timestamp_has_day(row->timestamp))
            return no_day(row->timestamp, err);
        row->day = clock_day(row->timestamp);
        sorted &= i == 0 || row[-1].day <= row->day;
    }
    rows->usage_count = count;
    if (!sorted)
        qsort(rows->usage, count, sizeof(*rows->usage), by_day_usage);
    return true;
}

static bool make_logs(struct rows *rows, const struct log_record *logs, size_t count, int64_t now,
                      struct error *err)
{
    bool sorted = true;
    rows->logs = xmalloc(count * sizeof(*rows->logs));
    for (size_t i = 0; i < count; i++) {
        struct log_row *row = &rows->logs[i];
        *row = log_row_make(&logs[i], now);
        if (!timestamp_has_day(row->timestamp))
            return no_day(row->timestamp, err);
        row->day = clock_day(row->timestamp);
        sorted &= i == 0 || row[-1].day <= row->day;
    }
    rows->log_count = count;
    if (!sorted)
        qsort(rows->logs, count, sizeof(*rows->logs), by_day_log);
    return true;
}

static bool write_days(struct telemetry *telemetry, const struct rows *rows, bool from_outside,
                       size_t *duplicates, struct error *err)
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

static bool queue_is_full(struct error *err)
{
    error_set(err, ERROR_UNAVAILABLE, "Too many records wait to be written. Try again in a moment.",
              "等待写入的记录过多，请稍后重试。");
    if (err)
        err->retry_after_seconds = 1;
    return false;
}

static bool write_records(struct telemetry *telemetry, const struct usage_record *usage, size_t usage_count,
                          const struct log_record *logs, size_t log_count, bool from_outside,
                          size_t *ret_duplicates, struct error *err)
{
    CLEANUP(rows_release) struct rows rows = {0};
    int64_t now = clock_now_ms(), count = (int64_t)(usage_count + log_count);
    size_t duplicates = 0;
    if (telemetry->disk_low && log_count > 0) {
        log_flusher_spare(telemetry, (int64_t)log_count);
        log_count = 0;
        count = (int64_t)usage_count;
    }
    if (!make_usage(&rows, usage, usage_count, now, telemetry->usd_cny_rate, err) ||
        !make_logs(&rows, logs, log_count, now, err))
        return false;
    bool room = atomic_fetch_add(&telemetry->waiting, count) + count <= telemetry->queue_ceiling;
    bool done = room ? write_days(telemetry, &rows, from_outside, &duplicates, err) : queue_is_full(err);
    atomic_fetch_sub(&telemetry->waiting, count);
    if (done && ret_duplicates)
        *ret_duplicates = duplicates;
    return done;
}

bool telemetry_write(struct telemetry *telemetry, const struct usage_record *usage, size_t usage_count,
                     const struct log_record *logs, size_t log_count, struct error *err)
{
    return write_records(telemetry, usage, usage_count, logs, log_count, false, NULL, err);
}

bool telemetry_write_once(struct telemetry *telemetry, const struct usage_record *usage, size_t usage_count,
                          size_t *ret_duplicates, struct error *err)
{
    return write_records(telemetry, usage, usage_count, NULL, 0, true, ret_duplicates, err);
}

bool telemetry_day_closed(struct telemetry *telemetry, int32_t day, bool *ret_closed, struct error *err)
{
    return day_is_closed(telemetry->files.folder, telemetry->main_store, day, ret_closed, err);
}

/* ---- looking ---- */

bool telemetry_read_day(struct telemetry *telemetry, int32_t day, int limit_ms,
                        struct telemetry_read *ret_read, struct error *err)
{
    CLEANUP(day_use_release) struct day_use use = {.files = &telemetry->files};
    struct db *db = NULL;
    if (!day_files_get(&telemetry->files, day, DAY_FILE_NONE, &use.file, err) ||
        (use.file && !store_reader(use.file->store, limit_ms, &db, err)))
        return false;
    *ret_read = (struct telemetry_read){.db = db, .telemetry = telemetry, .file = use.file};
    use.file = NULL;
    return true;
}

void telemetry_read_release(struct telemetry_read *read)
{
    store_reader_return(read->db);
    if (read->file)
        day_files_put(&read->telemetry->files, read->file);
    *read = (struct telemetry_read){0};
}

void telemetry_get_stats(struct telemetry *telemetry, struct telemetry_stats *ret_stats)
{
    pthread_mutex_lock(&telemetry->stats_lock);
    *ret_stats = telemetry->stats;
    pthread_mutex_unlock(&telemetry->stats_lock);
    ret_stats->queued = telemetry->waiting;
    day_files_get_set_aside(&telemetry->files, ret_stats->set_aside);
    CLEANUP(telemetry_read_release) struct telemetry_read read = {0};
    struct day_info info = {0};
    struct error err;
    if (telemetry_read_day(telemetry, clock_day(clock_now_ms()), STATS_LIMIT_MS, &read, &err) && read.db)
        day_info_read(read.db, &info, &err);
    ret_stats->usage_today = info.usage_rows;
    ret_stats->logs_today = info.log_rows;
}
