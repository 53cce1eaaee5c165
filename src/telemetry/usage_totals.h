/* Reading roll-up rows into struct usage_totals. */
#ifndef KIMONO_TELEMETRY_USAGE_TOTALS_H
#define KIMONO_TELEMETRY_USAGE_TOTALS_H

#include "store/db.h"
#include "telemetry/telemetry.h"

/* The columns that every usage roll-up has, in the engines and in the main store, in this order. */
#define SUM_COLUMNS                                                                                          \
    "calls, failed, unpriced, tokens_input, tokens_output, tokens_cached, latency_sum_ms,"                   \
    " cost_nano_cny, latency_histogram"

/* Adds the present row, whose columns from `first` on are SUM_COLUMNS. */
bool usage_totals_add_row(struct usage_totals *totals, const struct db_rows *rows, int first,
                          struct error *err);
void usage_totals_add(struct usage_totals *totals, const struct usage_totals *more);

/* Values for SUM_COLUMNS; `blob` holds the histogram until the statement has run. */
#define SUM_COLUMN_COUNT 9
void usage_totals_values(const struct usage_totals *totals, unsigned char blob[static HISTOGRAM_BLOB_MAX],
                         struct db_value values[static SUM_COLUMN_COUNT]);

/* "" or what differs: "calls 3, not 4". True when both are equal. */
bool usage_totals_compare(const struct usage_totals *found, const struct usage_totals *right,
                          struct strbuf *ret_difference);

#endif
