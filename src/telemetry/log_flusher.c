/* The queue of log rows: telemetry_log puts, one thread writes each second, or at once when many
 * wait. What cannot be written is kept and tried again; at the ceiling rows are dropped, counted, and
 * recorded in a log row. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/disk_reserve.h"
#include "base/memory.h"
#include "telemetry/state.h"
#include "telemetry/usage_row.h"

#define FLUSH_SECONDS 1
#define MANY_ROWS 4096 /* wake the thread before its second is over */
#define ROWS_A_COMMIT 5000

static void log_flusher_count_dropped(struct telemetry *telemetry, int64_t count)
{
    pthread_mutex_lock(&telemetry->stats_lock);
    telemetry->stats.dropped_logs += count;
    pthread_mutex_unlock(&telemetry->stats_lock);
}

void log_flusher_spare(struct telemetry *telemetry, int64_t count)
{
    pthread_mutex_lock(&telemetry->stats_lock);
    telemetry->stats.spared_logs += count;
    pthread_mutex_unlock(&telemetry->stats_lock);
    pthread_mutex_lock(&telemetry->log_lock);
    telemetry->dropped_unlogged += count;
    telemetry->spared = true;
    pthread_mutex_unlock(&telemetry->log_lock);
}

void telemetry_log(struct telemetry *telemetry, const struct log_record *log)
{
    if (telemetry->disk_low) {
        log_flusher_spare(telemetry, 1);
        return;
    }
    int64_t timestamp = log->timestamp ? log->timestamp : clock_now_ms();
    bool room = atomic_fetch_add(&telemetry->waiting, 1) < telemetry->queue_ceiling;
    pthread_mutex_lock(&telemetry->log_lock);
    bool kept = room && log_queue_put(&telemetry->logs, log, timestamp);
    telemetry->dropped_unlogged += !kept;
    if (telemetry->logs.count >= MANY_ROWS && !telemetry->log_full && !telemetry->log_failed) {
        telemetry->log_full = true;
        pthread_cond_signal(&telemetry->log_arrived);
    }
    pthread_mutex_unlock(&telemetry->log_lock);
    if (kept)
        return;
    atomic_fetch_sub(&telemetry->waiting, 1);
    log_flusher_count_dropped(telemetry, 1);
}

/* ---- writing ---- */

static int log_row_by_time(const void *a, const void *b)
{
    const struct log_row *left = a, *right = b;
    return (left->timestamp > right->timestamp) - (left->timestamp < right->timestamp);
}

/* The rows at the head of `rows` that lie in one day, as one commit. ERROR_CONFLICT and ERROR_INVALID
 * will not go away: these rows are dropped. */
static bool log_flusher_write_head(struct telemetry *telemetry, const struct log_row *rows, size_t count,
                                   size_t *ret_written, struct error *err)
{
    size_t head = 0;
    while (head < count && head < ROWS_A_COMMIT && rows[head].day == rows[0].day)
        head++;
    struct day_batch batch = {.logs = rows, .log_count = head};
    if (!telemetry_write_day(telemetry, rows[0].day, &batch, err)) {
        if (err->code != ERROR_CONFLICT && err->code != ERROR_INVALID)
            return false;
        log_flusher_count_dropped(telemetry, (int64_t)head);
    }
    atomic_fetch_sub(&telemetry->waiting, (int64_t)head);
    *ret_written = head;
    return true;
}

/* Rows in order of day; those that no day can hold are dropped. */
static size_t log_flusher_sort_rows(struct telemetry *telemetry, const struct log_taken *taken,
                                    struct log_row *rows)
{
    size_t count = 0;
    bool sorted = true;
    for (size_t i = 0; i < taken->count; i++) {
        struct log_row row = log_row_make(taken->records[i], 0);
        if (!timestamp_has_day(row.timestamp)) {
            log_flusher_count_dropped(telemetry, 1);
            atomic_fetch_sub(&telemetry->waiting, 1);
            continue;
        }
        row.day = clock_day(row.timestamp);
        sorted &= count == 0 || rows[count - 1].day <= row.day;
        rows[count++] = row;
    }
    if (!sorted)
        qsort(rows, count, sizeof(*rows), log_row_by_time);
    return count;
}

/* What remains unwritten is left in `taken`, whole chunks with it. */
static bool log_flusher_write_taken(struct telemetry *telemetry, struct log_taken *taken, struct error *err)
{
    CLEANUP(free_pointer) struct log_row *rows = xmalloc(taken->count * sizeof(*rows));
    size_t count = log_flusher_sort_rows(telemetry, taken, rows), done = 0, written;
    bool well = true;
    while (done < count &&
           (well = log_flusher_write_head(telemetry, rows + done, count - done, &written, err)))
        done += written;
    taken->count = 0;
    for (; done < count; done++)
        taken->records[taken->count++] = rows[done].record;
    return well;
}

/* Says how many rows were dropped; in the queue like any other, so it is not lost either. Called with
 * the lock held. */
static void log_flusher_record_dropped(struct telemetry *telemetry)
{
    if (telemetry->dropped_unlogged == 0 || telemetry->log_failed || telemetry->disk_low)
        return;
    char message[120], fields[64];
    snprintf(message, sizeof(message), "%" PRId64 " log rows were dropped: %s", telemetry->dropped_unlogged,
             telemetry->spared ? "the disk was down to its reserve" : "the queue was full");
    snprintf(fields, sizeof(fields), "{\"dropped\":%" PRId64 "}", telemetry->dropped_unlogged);
    struct log_record record = {
        .level = LOG_WARN, .source = "telemetry", .message = message, .fields = fields};
    if (!log_queue_put(&telemetry->logs, &record, clock_now_ms()))
        return;
    atomic_fetch_add(&telemetry->waiting, 1);
    telemetry->dropped_unlogged = 0;
    telemetry->spared = false;
}

static bool log_flusher_flush(struct telemetry *telemetry, struct error *err)
{
    struct log_taken *taken = &telemetry->unwritten;
    pthread_mutex_lock(&telemetry->log_lock);
    log_flusher_record_dropped(telemetry);
    log_queue_take(&telemetry->logs, taken);
    telemetry->log_full = false;
    pthread_mutex_unlock(&telemetry->log_lock);
    log_taken_list(taken);
    if (taken->count && !log_flusher_write_taken(telemetry, taken, err))
        return false;
    pthread_mutex_lock(&telemetry->log_lock);
    telemetry->logs.bytes -= taken->bytes;
    pthread_mutex_unlock(&telemetry->log_lock);
    log_taken_release(taken);
    return true;
}

/* ---- the thread ---- */

/* Until a second is over, many rows wait, or somebody waits for them. */
static uint64_t log_flusher_wait(struct telemetry *telemetry, bool *ret_closing)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += FLUSH_SECONDS;
    pthread_mutex_lock(&telemetry->log_lock);
    int result = 0;
    while (!telemetry->closing && !telemetry->log_full && result == 0 &&
           telemetry->flush_wanted == telemetry->flush_done)
        result = pthread_cond_timedwait(&telemetry->log_arrived, &telemetry->log_lock, &until);
    uint64_t wanted = telemetry->flush_wanted;
    *ret_closing = telemetry->closing;
    pthread_mutex_unlock(&telemetry->log_lock);
    return wanted;
}

/* There must be an eighth more than the reserve before log rows are written again, so that they do not come and go. */
static void log_flusher_check_disk(struct telemetry *telemetry)
{
    struct disk_space space;
    bool was_low = telemetry->disk_low;
    if (!telemetry->engine->folder || !disk_space_of(telemetry->engine->folder, &space))
        return;
    int64_t enough = space.reserve_bytes + (was_low ? space.reserve_bytes / 8 : 0);
    bool low = space.reserve_bytes > 0 && space.free_bytes <= enough;
    if (low && !was_low)
        log_warn("telemetry",
                 "the disk has %" PRId64 " MiB left, no more than its reserve of %" PRId64
                 " MiB: log rows are dropped until there is room, money and conversations are kept",
                 space.free_bytes >> 20, space.reserve_bytes >> 20);
    telemetry->disk_low = low;
    if (was_low && !low)
        log_info("telemetry", "the disk has %" PRId64 " MiB left: log rows are written again",
                 space.free_bytes >> 20);
    pthread_mutex_lock(&telemetry->stats_lock);
    telemetry->stats.disk_low = low;
    telemetry->stats.disk_reserve = space.reserve_bytes;
    pthread_mutex_unlock(&telemetry->stats_lock);
}

static void *log_flusher_main(void *context)
{
    struct telemetry *telemetry = context;
    bool closing = false;
    while (!closing) {
        log_flusher_check_disk(telemetry);
        uint64_t wanted = log_flusher_wait(telemetry, &closing);
        struct error err;
        error_clear(&err);
        bool done = log_flusher_flush(telemetry, &err);
        pthread_mutex_lock(&telemetry->log_lock);
        bool news = telemetry->log_failed == done;
        telemetry->log_failed = !done;
        telemetry->log_error = err;
        telemetry->flush_done = wanted;
        pthread_cond_broadcast(&telemetry->log_flushed);
        pthread_mutex_unlock(&telemetry->log_lock);
        if (news && !done) /* once, not each second */
            log_error("telemetry", "log rows wait: %s", err.detail[LANGUAGE_EN]);
    }
    return NULL;
}

bool telemetry_flush(struct telemetry *telemetry, struct error *err)
{
    pthread_mutex_lock(&telemetry->log_lock);
    uint64_t wanted = ++telemetry->flush_wanted;
    pthread_cond_signal(&telemetry->log_arrived);
    while (telemetry->flush_done < wanted)
        pthread_cond_wait(&telemetry->log_flushed, &telemetry->log_lock);
    bool done = !telemetry->log_failed;
    if (!done && err)
        *err = telemetry->log_error;
    pthread_mutex_unlock(&telemetry->log_lock);
    return done;
}

void log_flusher_start(struct telemetry *telemetry)
{
    if (pthread_create(&telemetry->flusher, NULL, log_flusher_main, telemetry) != 0)
        fatal("cannot start a thread for log rows; raise the limits on processes and memory");
    pthread_setname_np(telemetry->flusher, "log-writer");
}

void log_flusher_stop(struct telemetry *telemetry)
{
    pthread_mutex_lock(&telemetry->log_lock);
    telemetry->closing = true;
    pthread_cond_signal(&telemetry->log_arrived);
    pthread_mutex_unlock(&telemetry->log_lock);
    pthread_join(telemetry->flusher, NULL);
    size_t lost = telemetry->unwritten.count + telemetry->logs.count;
    if (lost)
        fprintf(stderr, "kimono: %zu log rows could not be written: %s\n", lost,
                telemetry->log_error.detail[LANGUAGE_EN]);
    log_taken_release(&telemetry->unwritten);
    log_queue_take(&telemetry->logs, &telemetry->unwritten);
    log_taken_release(&telemetry->unwritten);
}
