/* `kimono check` for a lane's log rows: blocks and signatures (log_read.c), and the roll-up by hour from all rows. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "telemetry/logs/log_store.h"
#include "telemetry/name_map.h"

/* The key of log_hourly, then the source's name and, in a line of its own, the tenant. */
struct log_hour_key {
    int64_t hour, level;
};

struct log_hour_count {
    int64_t stored, counted;
};

struct log_hours_check {
    struct name_map keys; /* id: the place in `counts` */
    struct log_hour_count *counts;
    size_t room;
    struct strbuf key;
    int64_t rows;
};

static void log_hours_check_release(struct log_hours_check *check)
{
    name_map_release(&check->keys);
    free(check->counts);
    strbuf_release(&check->key);
}

static struct log_hour_count *log_hours_count(struct log_hours_check *check, int64_t hour, int64_t level,
                                              const char *source, const char *tenant_id)
{
    struct log_hour_key key = {hour, level};
    strbuf_reset(&check->key);
    strbuf_append(&check->key, &key, sizeof(key));
    strbuf_puts(&check->key, source ? source : "");
    strbuf_putc(&check->key, '\n');
    strbuf_puts(&check->key, tenant_id ? tenant_id : "");
    const struct name_entry *known = name_map_find(&check->keys, check->key.bytes, check->key.length);
    if (known)
        return &check->counts[known->id];
    size_t place = check->keys.count;
    if (place == check->room) {
        check->room = check->room ? check->room * 2 : 256;
        check->counts = xrealloc(check->counts, check->room * sizeof(*check->counts));
    }
    name_map_add(&check->keys, check->key.bytes, check->key.length, (int64_t)place, 0);
    check->counts[place] = (struct log_hour_count){0};
    return &check->counts[place];
}

static bool log_hours_take(void *context, const struct stored_log *log, struct error *err)
{
    struct log_hours_check *check = context;
    const struct log_record *record = &log->record;
    (void)err;
    log_hours_count(check, record->timestamp / HOUR_MS, record->level, record->source, record->tenant_id)
        ->counted++;
    check->rows++;
    return true;
}

bool log_lane_check(const struct log_lane *lane, const char *info, const char *day_text,
                    struct findings *findings, struct error *err)
{
    CLEANUP(log_hours_check_release) struct log_hours_check check = {0};
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!log_lane_check_blocks(lane, findings, day_text, log_hours_take, &check, err) ||
        !log_lane_query(lane, lane->sql->hours, DB_ARGS(db_int(INT64_MIN + 1), db_int(INT64_MAX)), &rows,
                        err))
        return false;
    while (db_next(&rows))
        log_hours_count(&check, db_column_int(&rows, 0), db_column_int(&rows, 1), db_column_text(&rows, 2),
                        db_column_text(&rows, 4))
            ->stored += db_column_int(&rows, 3);
    if (!db_done(&rows, err))
        return false;
    if (check.rows != lane->rows)
        findings_add(findings, "%s: %s.log_rows is %" PRId64 ", not %" PRId64, day_text, info, lane->rows,
                     check.rows);
    for (size_t i = 0; i < check.keys.count; i++) {
        const struct name_entry *entry = &check.keys.entries[i];
        const struct log_hour_count *count = &check.counts[entry->id];
        const char *bytes = check.keys.bytes + entry->offset;
        struct log_hour_key key;
        char hour[CLOCK_TEXT_SIZE];
        if (count->stored == count->counted)
            continue;
        memcpy(&key, bytes, sizeof(key));
        clock_format(key.hour * HOUR_MS, hour);
        findings_add(findings,
                     "%s: log_hourly of %s, level %" PRId64 ", source and tenant '%.*s': count %" PRId64
                     ", not %" PRId64,
                     day_text, hour, key.level, (int)(entry->length - sizeof(key)), bytes + sizeof(key),
                     count->stored, count->counted);
    }
    return true;
}
