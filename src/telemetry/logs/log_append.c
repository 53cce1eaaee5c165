/* Sealing: log rows into blocks, blocks into groups. */
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "telemetry/logs/log_store.h"
#include "telemetry/raw_rows.h"

#define ARGS_MAX 12

/* The lane's arguments, then those given; how many there are in all. */
static size_t log_lane_args(const struct log_lane *lane, const struct db_value *args, size_t count,
                            struct db_value ret_args[static ARGS_MAX])
{
    size_t own = lane->sql->lane_args;
    if (own) {
        ret_args[0] = db_int(lane->day);
        ret_args[1] = db_int(lane->lane);
    }
    if (count)
        memcpy(ret_args + own, args, count * sizeof(*args));
    return own + count;
}

bool log_lane_query(const struct log_lane *lane, const char *sql, const struct db_value *args, size_t count,
                    struct db_rows *ret_rows, struct error *err)
{
    struct db_value all[ARGS_MAX];
    size_t all_count = log_lane_args(lane, args, count, all);
    return db_query(lane->db, sql, all, all_count, ret_rows, err);
}

bool log_lane_execute(const struct log_lane *lane, const char *sql, const struct db_value *args, size_t count,
                      struct error *err)
{
    struct db_value all[ARGS_MAX];
    size_t all_count = log_lane_args(lane, args, count, all);
    return db_execute(lane->db, sql, all, all_count, NULL, err);
}

void log_appender_release(struct log_appender *appender)
{
    log_block_writer_release(&appender->writer);
}

/* ---- groups ---- */

struct log_grouping {
    struct log_block_header headers[LOG_GROUP_BLOCKS];
    struct log_signature *signatures[LOG_GROUP_BLOCKS];
    size_t count;
};

static void log_grouping_free(struct log_grouping **grouping)
{
    for (size_t i = 0; i < (*grouping)->count; i++)
        free((*grouping)->signatures[i]);
    free(*grouping);
}

static bool log_grouping_read(struct log_grouping *grouping, const struct log_lane *lane, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!log_lane_query(lane, lane->sql->loose_signatures, DB_NO_ARGS, &rows, err))
        return false;
    while (grouping->count < LOG_GROUP_BLOCKS && db_next(&rows)) {
        size_t length;
        const void *bytes = db_column_bytes(&rows, 5, &length);
        if (length != sizeof(struct log_signature))
            return error_set(err, ERROR_DAMAGED, "A signature of log rows cannot be read: run kimono check.",
                             "日志数据块的索引无法读取：请运行 kimono check。");
        size_t at = grouping->count++;
        grouping->signatures[at] = xmalloc(sizeof(struct log_signature));
        memcpy(grouping->signatures[at], bytes, length);
        grouping->headers[at] = (struct log_block_header){db_column_int(&rows, 0), db_column_int(&rows, 1),
                                                          db_column_int(&rows, 2), db_column_int(&rows, 3),
                                                          db_column_int(&rows, 4)};
    }
    return db_done(&rows, err);
}

static bool log_group_make(struct log_lane *lane, struct error *err)
{
    CLEANUP(log_grouping_free) struct log_grouping *grouping = xcalloc(1, sizeof(*grouping));
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    int64_t number = 0, levels = 0, first_time = INT64_MAX, last_time = INT64_MIN;
    if (!log_grouping_read(grouping, lane, err) ||
        !log_lane_query(lane, lane->sql->last_group, DB_NO_ARGS, &rows, err))
        return false;
    if (db_next(&rows) && !db_column_null(&rows, 0))
        number = db_column_int(&rows, 0) + 1;
    if (!db_done(&rows, err))
        return false;
    size_t count = grouping->count;
    if (count == 0)
        return true;
    for (size_t i = 0; i < count; i++) {
        const struct log_block_header *header = &grouping->headers[i];
        levels |= header->levels;
        first_time = header->first_time < first_time ? header->first_time : first_time;
        last_time = header->last_time > last_time ? header->last_time : last_time;
    }
    if (!log_lane_execute(lane, lane->sql->add_group,
                          DB_ARGS(db_int(number), db_int((int64_t)count), db_int(first_time),
                                  db_int(last_time), db_int(levels),
                                  db_bytes(grouping->headers, count * sizeof(grouping->headers[0]))),
                          err))
        return false;
    unsigned char bits[LOG_SLICE_BITS * LOG_GROUP_BLOCKS / 8];
    for (unsigned slice = 0; slice < LOG_SLICES; slice++) {
        log_slice_make((const struct log_signature *const *)grouping->signatures, count, slice, bits);
        if (!log_lane_execute(lane, lane->sql->add_slice,
                              DB_ARGS(db_int(number * LOG_SLICES + slice),
                                      db_bytes(bits, LOG_SLICE_BITS * ((count + 7) / 8))),
                              err))
            return false;
    }
    lane->loose_blocks -= (int64_t)count;
    return log_lane_execute(lane, lane->sql->delete_signatures,
                            DB_ARGS(db_int(grouping->headers[count - 1].first_row)), err);
}

bool log_lane_group(struct log_lane *lane, struct error *err)
{
    return lane->loose_blocks < LOG_GROUP_LEAST || log_group_make(lane, err);
}

/* ---- blocks ---- */

static void log_text_drop_invalid(const char **text, struct arena *arena)
{
    if (!*text || utf8_valid(*text, strlen(*text)))
        return;
    char *copy = arena_strdup(arena, *text);
    utf8_drop_invalid(copy);
    *text = copy;
}

struct log_record *log_records_of(const struct day_batch *batch, bool drop_invalid, struct arena *arena)
{
    struct log_record *records = xmalloc((batch->log_count + 1) * sizeof(*records));
    for (size_t i = 0; i < batch->log_count; i++) {
        struct log_record *record = &records[i];
        *record = *batch->logs[i].record;
        record->timestamp = batch->logs[i].timestamp;
        record->source = record->source ? record->source : "";
        record->message = record->message ? record->message : "";
        if (!drop_invalid)
            continue;
        log_text_drop_invalid(&record->source, arena);
        log_text_drop_invalid(&record->message, arena);
        log_text_drop_invalid(&record->tenant_id, arena);
        log_text_drop_invalid(&record->request_id, arena);
        log_text_drop_invalid(&record->fields, arena);
    }
    return records;
}

/* Rows of the plain table with texts of their own, then those that are about to come. */
struct log_sealing {
    struct log_copy *copies;
    size_t copy_count;
    struct log_record *records;
    size_t count;
};

static void log_sealing_release(struct log_sealing *sealing)
{
    for (size_t i = 0; i < sealing->copy_count; i++)
        log_copy_release(&sealing->copies[i]);
    free(sealing->copies);
    free(sealing->records);
}

static bool log_sealing_read_plain(struct log_sealing *sealing, const struct log_lane *lane, size_t plain,
                                   struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (plain == 0)
        return true;
    sealing->copies = xcalloc(plain, sizeof(*sealing->copies));
    if (!log_lane_query(lane, lane->sql->plain_after, DB_ARGS(db_int(lane->sealed_rows)), &rows, err))
        return false;
    while (sealing->copy_count < plain && db_next(&rows)) {
        struct log_record record = log_of_row(&rows);
        sealing->copies[sealing->copy_count++] = log_copy_make(&record);
    }
    if (!db_done(&rows, err))
        return false;
    return sealing->copy_count == plain ||
           error_set(err, ERROR_DAMAGED, "Log rows of the day are missing: run kimono check.",
                     "当日的日志行缺失：请运行 kimono check。");
}

static bool log_lane_add_block(struct log_lane *lane, struct log_appender *appender,
                               const struct log_record *records, size_t count, struct error *err)
{
    struct log_block_header header = {.first_row = lane->sealed_rows + 1};
    struct log_signature signature;
    log_block_write(&appender->writer, records, count, &header);
    log_signature_make(&signature, records, count);
    const struct strbuf *content = &appender->writer.content;
    if (!log_lane_execute(lane, lane->sql->add_block,
                          DB_ARGS(db_int(header.first_row), db_int(header.row_count),
                                  db_int(header.first_time), db_int(header.last_time), db_int(header.levels),
                                  db_bytes(content->bytes, content->length)),
                          err) ||
        !log_lane_execute(lane, lane->sql->add_signature,
                          DB_ARGS(db_int(header.first_row), db_bytes(&signature, sizeof(signature))), err))
        return false;
    lane->sealed_rows += (int64_t)count;
    lane->loose_blocks++;
    return lane->loose_blocks < LOG_GROUP_BLOCKS || log_group_make(lane, err);
}

bool log_lane_seal(struct log_lane *lane, struct log_appender *appender, const struct log_record *records,
                   size_t count, size_t *ret_sealed, struct error *err)
{
    CLEANUP(log_sealing_release) struct log_sealing sealing = {0};
    size_t plain = (size_t)(lane->rows - lane->sealed_rows);
    *ret_sealed = 0;
    if (plain + count < LOG_BLOCK_ROWS)
        return true;
    if (!log_sealing_read_plain(&sealing, lane, plain, err))
        return false;
    sealing.count = plain + count;
    sealing.records = xmalloc(sealing.count * sizeof(*sealing.records));
    for (size_t i = 0; i < plain; i++)
        sealing.records[i] = sealing.copies[i].record;
    memcpy(sealing.records + plain, records, count * sizeof(*records));

    size_t at = 0;
    while (sealing.count - at >= LOG_BLOCK_ROWS) {
        size_t rows = log_block_measure(sealing.records + at, sealing.count - at);
        if (!log_lane_add_block(lane, appender, sealing.records + at, rows, err))
            return false;
        at += rows;
    }
    *ret_sealed = at > plain ? at - plain : 0;
    return plain == 0 ||
           log_lane_execute(lane, lane->sql->delete_plain, DB_ARGS(db_int(lane->sealed_rows)), err);
}
