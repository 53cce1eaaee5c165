/* Comparing a roll-up table with the raw rows that it is made of. */
#ifndef KIMONO_TELEMETRY_SLOT_CHECK_H
#define KIMONO_TELEMETRY_SLOT_CHECK_H

#include "store/db.h"
#include "telemetry/findings.h"

/* Rows one after the other, however many: `rows` is at one after `next` has said that there is one. */
struct row_stream {
    bool (*next)(struct row_stream *stream, bool *ret_more, struct error *err);
    struct db_rows rows;
    struct db *db;
    const char *sql_next; /* for a `next` that asks for rows in pieces */
};

/* The `next` of a query that has been opened in `rows`. */
bool row_stream_next(struct row_stream *stream, bool *ret_more, struct error *err);
void row_stream_release(struct row_stream *stream); /* for CLEANUP */

struct slot_check {
    struct findings *findings;
    const char *day;       /* for findings: 2026-11-22 */
    const char *table;     /* likewise: usage_hourly */
    struct row_stream raw; /* by slot: slot, tokens_input, tokens_output, tokens_cached, latency_ms, outcome,
                                 cost_nano_cny, price_version, estimated */
    struct row_stream stored; /* by slot: slot, SUM_COLUMNS */
};

bool slot_check_run(struct slot_check *check, struct error *err);
void slot_check_release(struct slot_check *check); /* for CLEANUP */

#endif
