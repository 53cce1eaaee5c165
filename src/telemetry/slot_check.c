#include "telemetry/slot_check.h"

#include <inttypes.h>
#include <string.h>

#include "telemetry/rollup.h"
#include "telemetry/slot.h"
#include "telemetry/usage_totals.h"

bool row_stream_next(struct row_stream *stream, bool *ret_more, struct error *err)
{
    *ret_more = db_next(&stream->rows);
    return *ret_more || db_done(&stream->rows, err);
}

void row_stream_release(struct row_stream *stream)
{
    db_rows_release(&stream->rows);
}

void slot_check_release(struct slot_check *check)
{
    row_stream_release(&check->raw);
    row_stream_release(&check->stored);
}

/* Two streams in order of slots: the roll-ups of raw rows made here, and the stored ones. */
struct slot_merge {
    struct slot_check *check;
    int64_t stored_slot; /* INT64_MAX: at the end */
    struct usage_totals found;
    int64_t slot; /* of `right`; -1: none yet */
    struct usage_totals right;
};

static void slot_merge_add_finding(const struct slot_merge *merge, int64_t slot, const char *what)
{
    char hour[CLOCK_TEXT_SIZE];
    clock_format(slot_hour(slot) * HOUR_MS, hour);
    findings_add(merge->check->findings, "%s: %s of %s, key %" PRId64 ": %s", merge->check->day,
                 merge->check->table, hour, slot_key(slot), what);
}

static bool slot_merge_next_stored(struct slot_merge *merge, struct error *err)
{
    struct row_stream *stored = &merge->check->stored;
    bool more;
    merge->stored_slot = INT64_MAX;
    if (!stored->next(stored, &more, err))
        return false;
    if (!more)
        return true;
    merge->stored_slot = db_column_int(&stored->rows, 0);
    memset(&merge->found, 0, sizeof(merge->found));
    struct error unreadable;
    if (!usage_totals_add_row(&merge->found, &stored->rows, 1, &unreadable))
        slot_merge_add_finding(merge, merge->stored_slot, "its histogram cannot be read");
    return true;
}

static bool slot_merge_pass_stored(struct slot_merge *merge, int64_t slot, struct error *err)
{
    while (merge->stored_slot < slot) {
        slot_merge_add_finding(merge, merge->stored_slot, "there are no such calls");
        if (!slot_merge_next_stored(merge, err))
            return false;
    }
    return true;
}

static bool slot_merge_compare(struct slot_merge *merge, struct error *err)
{
    if (merge->slot < 0)
        return true;
    if (!slot_merge_pass_stored(merge, merge->slot, err))
        return false;
    if (merge->stored_slot != merge->slot) {
        slot_merge_add_finding(merge, merge->slot, "missing");
        return true;
    }
    CLEANUP(strbuf_release) struct strbuf difference = {0};
    if (!usage_totals_compare(&merge->found, &merge->right, &difference))
        slot_merge_add_finding(merge, merge->slot, strbuf_text(&difference));
    return slot_merge_next_stored(merge, err);
}

static void slot_merge_add_raw(struct usage_totals *totals, const struct db_rows *rows)
{
    int64_t latency_ms = db_column_int(rows, 4), outcome = db_column_int(rows, 5);
    int64_t cost_nano_cny = db_column_int(rows, 6), estimated = db_column_int(rows, 8);
    totals->calls++;
    totals->tokens_input = sum_add(totals->tokens_input, db_column_int(rows, 1));
    totals->tokens_output = sum_add(totals->tokens_output, db_column_int(rows, 2));
    totals->tokens_cached = sum_add(totals->tokens_cached, db_column_int(rows, 3));
    totals->latency_sum_ms = sum_add(totals->latency_sum_ms, latency_ms);
    totals->failed += outcome != USAGE_OK;
    totals->aborted += outcome == USAGE_ABORTED;
    totals->estimated += estimated;
    totals->cost_nano_cny = sum_add(totals->cost_nano_cny, cost_nano_cny);
    if (estimated)
        totals->estimated_cost_nano_cny = sum_add(totals->estimated_cost_nano_cny, cost_nano_cny);
    totals->unpriced += db_column_int(rows, 7) == 0;
    totals->latency.counts[latency_bucket(latency_ms)]++;
}

bool slot_check_run(struct slot_check *check, struct error *err)
{
    struct slot_merge merge = {.check = check, .slot = -1};
    struct row_stream *raw = &check->raw;
    bool more;
    if (!slot_merge_next_stored(&merge, err))
        return false;
    while (raw->next(raw, &more, err)) {
        if (!more)
            return slot_merge_compare(&merge, err) && slot_merge_pass_stored(&merge, INT64_MAX, err);
        int64_t slot = db_column_int(&raw->rows, 0);
        if (slot != merge.slot) {
            if (!slot_merge_compare(&merge, err))
                return false;
            merge.slot = slot;
            memset(&merge.right, 0, sizeof(merge.right));
        }
        slot_merge_add_raw(&merge.right, &raw->rows);
    }
    return false;
}
