/* Log rows one after the other, one by its number, and what `kimono check` looks at. */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "telemetry/logs/log_store.h"
#include "telemetry/raw_rows.h"

static void log_block_free(struct log_block **block)
{
    log_block_release(*block);
    free(*block);
}

/* The block of the present row: first row, row count, content from `column` on. */
static bool log_block_of_row(struct log_block *block, const struct db_rows *rows, int64_t *ret_first,
                             struct error *err)
{
    size_t length;
    const void *content = db_column_bytes(rows, 2, &length);
    *ret_first = db_column_int(rows, 0);
    if (!log_block_read(block, content, length, err))
        return false;
    return (int64_t)block->row_count == db_column_int(rows, 1) ||
           error_set(err, ERROR_DAMAGED,
                     "A block of log rows has other rows than it should: run kimono check.",
                     "日志数据块的行数不符：请运行 kimono check。");
}

static bool log_lane_each_plain(const struct log_lane *lane, int64_t after, stored_log_sink sink,
                                void *context, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!log_lane_query(lane, lane->sql->plain_after, DB_ARGS(db_int(after)), &rows, err))
        return false;
    while (db_next(&rows)) {
        struct stored_log log = {lane->lane, db_column_int(&rows, 7), log_of_row(&rows)};
        if (!sink(context, &log, err))
            return false;
    }
    return db_done(&rows, err);
}

/* Blocks from the one with row `*next` on, as many as one statement gives: the connection may have to take them
 * into memory. `*next` is the first row behind them then. */
typedef bool (*log_block_sink)(void *context, const struct log_block *block, int64_t first,
                               struct error *err);

static bool log_lane_some_blocks(const struct log_lane *lane, struct log_block *block, int64_t *next,
                                 log_block_sink sink, void *context, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!log_lane_query(lane, lane->sql->blocks_from, DB_ARGS(db_int(*next)), &rows, err))
        return false;
    while (db_next(&rows)) {
        int64_t first;
        if (!log_block_of_row(block, &rows, &first, err) || !sink(context, block, first, err))
            return false;
        *next = first + (int64_t)block->row_count;
    }
    return db_done(&rows, err);
}

static bool log_lane_each_block(const struct log_lane *lane, int64_t next, log_block_sink sink, void *context,
                                struct error *err)
{
    CLEANUP(log_block_free) struct log_block *block = xcalloc(1, sizeof(*block));
    for (int64_t before = 0; next > before && next <= lane->sealed_rows;) {
        before = next;
        if (!log_lane_some_blocks(lane, block, &next, sink, context, err))
            return false;
    }
    return true;
}

struct log_lane_rows {
    const struct log_lane *lane;
    int64_t after;
    stored_log_sink sink;
    void *context;
};

static bool log_lane_hand_block(void *context, const struct log_block *block, int64_t first,
                                struct error *err)
{
    const struct log_lane_rows *rows = context;
    for (size_t i = 0; i < block->row_count; i++) {
        struct stored_log log = {rows->lane->lane, first + (int64_t)i, block->records[i]};
        if (log.row > rows->after && !rows->sink(rows->context, &log, err))
            return false;
    }
    return true;
}

bool log_lane_each(const struct log_lane *lane, int64_t after, stored_log_sink sink, void *context,
                   struct error *err)
{
    struct log_lane_rows rows = {lane, after, sink, context};
    if (!log_lane_each_block(lane, after + 1, log_lane_hand_block, &rows, err))
        return false;
    int64_t plain_after = after > lane->sealed_rows ? after : lane->sealed_rows;
    return plain_after >= lane->rows || log_lane_each_plain(lane, plain_after, sink, context, err);
}

struct log_lane_search {
    struct log_copy copy;
    int64_t row;
    bool found;
};

static bool log_lane_take_one(void *context, const struct stored_log *log, struct error *err)
{
    struct log_lane_search *search = context;
    (void)err;
    if (log->row != search->row)
        return true;
    search->copy = log_copy_make(&log->record);
    search->found = true;
    return true;
}

bool log_lane_find(const struct log_lane *lane, int64_t row, struct log_copy *ret_copy, bool *ret_found,
                   struct error *err)
{
    CLEANUP(log_block_free) struct log_block *block = xcalloc(1, sizeof(*block));
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct log_lane_search search = {.row = row};
    *ret_found = false;
    if (row < 1 || row > lane->rows)
        return true;
    if (row > lane->sealed_rows) {
        bool done = log_lane_each_plain(lane, row - 1, log_lane_take_one, &search, err);
        *ret_copy = search.copy;
        *ret_found = search.found;
        return done;
    }
    if (!log_lane_query(lane, lane->sql->block_of, DB_ARGS(db_int(row)), &rows, err))
        return false;
    if (db_next(&rows)) {
        int64_t first;
        if (!log_block_of_row(block, &rows, &first, err))
            return false;
        if (row - first < (int64_t)block->row_count) {
            *ret_copy = log_copy_make(&block->records[row - first]);
            *ret_found = true;
        }
    }
    return db_done(&rows, err);
}

/* ---- kimono check ---- */

/* The signatures of the lane's blocks, in order: of groups slice by slice, then the loose ones. */
struct log_signatures_check {
    const struct log_lane *lane;
    struct log_block_header *headers;
    struct log_signature *signatures; /* of the present group, or loose blocks */
    size_t count, at;
    int64_t next_group, groups;
};

static bool log_check_next_group(struct log_signatures_check *check, struct error *err)
{
    const struct log_lane *lane = check->lane;
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    size_t length;
    if (!log_lane_query(lane, lane->sql->group_blocks, DB_ARGS(db_int(check->next_group)), &rows, err))
        return false;
    if (!db_next(&rows))
        return db_done(&rows, err);
    const void *bytes = db_column_bytes(&rows, 0, &length);
    check->count = length / sizeof(struct log_block_header);
    check->count = check->count < LOG_GROUP_BLOCKS ? check->count : LOG_GROUP_BLOCKS;
    memcpy(check->headers, bytes, check->count * sizeof(struct log_block_header));
    memset(check->signatures, 0, LOG_GROUP_BLOCKS * sizeof(*check->signatures));
    size_t width = (check->count + 7) / 8;
    for (unsigned slice = 0; slice < LOG_SLICES; slice++) {
        CLEANUP(db_rows_release) struct db_rows slices = {0};
        if (!log_lane_query(lane, lane->sql->slice, DB_ARGS(db_int(check->next_group * LOG_SLICES + slice)),
                            &slices, err))
            return false;
        const unsigned char *bits = db_next(&slices) ? db_column_bytes(&slices, 0, &length) : NULL;
        for (size_t i = 0; bits && length == LOG_SLICE_BITS * width && i < LOG_SLICE_BITS * check->count;
             i++) {
            size_t bit = i / check->count, block = i % check->count;
            if (bits[bit * width + block / 8] >> block % 8 & 1)
                check->signatures[block].words[slice * (LOG_SLICE_BITS / 64) + bit / 64] |= UINT64_C(1)
                                                                                            << bit % 64;
        }
        if (!db_done(&slices, err))
            return false;
    }
    check->next_group++;
    check->at = 0;
    return db_done(&rows, err);
}

static bool log_check_find(struct log_signatures_check *check, int64_t first_row,
                           struct log_signature *ret_signature, bool *ret_found, struct error *err)
{
    *ret_found = false;
    if (check->at == check->count && check->next_group < check->groups && !log_check_next_group(check, err))
        return false;
    if (check->at < check->count && check->headers[check->at].first_row == first_row) {
        *ret_signature = check->signatures[check->at++];
        *ret_found = true;
        return true;
    }
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    size_t length;
    if (!log_lane_query(check->lane, check->lane->sql->signature, DB_ARGS(db_int(first_row)), &rows, err))
        return false;
    if (db_next(&rows)) {
        const void *bytes = db_column_bytes(&rows, 0, &length);
        *ret_found = length == sizeof(*ret_signature);
        if (*ret_found)
            memcpy(ret_signature, bytes, length);
    }
    return db_done(&rows, err);
}

struct log_lane_checking {
    struct log_signatures_check signatures;
    struct findings *findings;
    const char *day_text;
    int64_t next;
    struct log_lane_rows rows;
};

static void log_lane_checking_release(struct log_lane_checking *checking)
{
    free(checking->signatures.headers);
    free(checking->signatures.signatures);
}

static bool log_check_block(void *context, const struct log_block *block, int64_t first, struct error *err)
{
    struct log_lane_checking *checking = context;
    struct log_signature stored, made;
    bool found;
    if (!log_check_find(&checking->signatures, first, &stored, &found, err))
        return false;
    log_signature_make(&made, block->records, block->row_count);
    if (!found)
        findings_add(checking->findings, "%s: the block of log rows from %" PRId64 " has no signature",
                     checking->day_text, first);
    else if (memcmp(&stored, &made, sizeof(made)) != 0)
        findings_add(checking->findings,
                     "%s: the signature of log rows from %" PRId64 " is not that of the rows",
                     checking->day_text, first);
    if (first != checking->next)
        findings_add(checking->findings, "%s: a block of log rows begins with row %" PRId64 ", not %" PRId64,
                     checking->day_text, first, checking->next);
    checking->next = first + (int64_t)block->row_count;
    return log_lane_hand_block(&checking->rows, block, first, err);
}

bool log_lane_check_blocks(const struct log_lane *lane, struct findings *findings, const char *day_text,
                           stored_log_sink sink, void *context, struct error *err)
{
    CLEANUP(log_lane_checking_release)
    struct log_lane_checking checking = {
        .signatures = {.lane = lane,
                       .headers = xcalloc(LOG_GROUP_BLOCKS, sizeof(struct log_block_header)),
                       .signatures = xcalloc(LOG_GROUP_BLOCKS, sizeof(struct log_signature))},
        .findings = findings,
        .day_text = day_text,
        .next = 1,
        .rows = {lane, 0, sink, context}};
    CLEANUP(db_rows_release) struct db_rows groups = {0};
    if (!log_lane_query(lane, lane->sql->last_group, DB_NO_ARGS, &groups, err))
        return false;
    if (db_next(&groups) && !db_column_null(&groups, 0))
        checking.signatures.groups = db_column_int(&groups, 0) + 1;
    if (!db_done(&groups, err) || !log_lane_each_block(lane, 1, log_check_block, &checking, err))
        return false;
    if (checking.next != lane->sealed_rows + 1)
        findings_add(findings, "%s: %" PRId64 " log rows are in blocks, not %" PRId64, day_text,
                     checking.next - 1, lane->sealed_rows);
    return log_lane_each_plain(lane, 0, sink, context, err);
}

/* ---- a day ---- */

bool log_day_each(struct engine *engine, int32_t day, int limit_ms, stored_log_sink sink, void *context,
                  struct error *err)
{
    struct log_reading *reading;
    if (!engine->functions->logs_open(engine, day, limit_ms, &reading, err))
        return false;
    bool done = true;
    for (size_t i = 0; i < reading->lane_count && done; i++)
        done = log_lane_each(&reading->lanes[i], 0, sink, context, err);
    engine->functions->logs_close(engine, reading);
    return done;
}
