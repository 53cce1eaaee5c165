/* Reading roll-up rows into struct usage_totals. */
#ifndef KIMONO_TELEMETRY_USAGE_TOTALS_H
#define KIMONO_TELEMETRY_USAGE_TOTALS_H

#include "store/db.h"
#include "telemetry/engine.h"
#include "telemetry/telemetry.h"

/* The columns that every usage roll-up has, in the engines and in the main store, in this order. */
#define SUM_COLUMNS                                                                                          \
    "calls, failed, unpriced, estimated, aborted, tokens_input, tokens_output, tokens_cached,"               \
    " latency_sum_ms, cost_nano_cny, estimated_cost_nano_cny, latency_histogram"
/* The same of the table with this alias; without the histogram, the members of struct usage_sums. */
#define SUM_COLUMNS_OF(u) INTEGER_SUM_COLUMNS_OF(u) ", " u ".latency_histogram"
#define INTEGER_SUM_COLUMNS_OF(u)                                                                            \
    u ".calls, " u ".failed, " u ".unpriced, " u ".estimated, " u ".aborted, " u ".tokens_input, " u         \
      ".tokens_output, " u ".tokens_cached, " u ".latency_sum_ms, " u ".cost_nano_cny, " u                   \
      ".estimated_cost_nano_cny"
/* For ON CONFLICT DO UPDATE SET. */
#define SUM_COLUMNS_REPLACED                                                                                 \
    "calls = excluded.calls, failed = excluded.failed, unpriced = excluded.unpriced,"                        \
    " estimated = excluded.estimated, aborted = excluded.aborted, tokens_input = excluded.tokens_input,"     \
    " tokens_output = excluded.tokens_output, tokens_cached = excluded.tokens_cached,"                       \
    " latency_sum_ms = excluded.latency_sum_ms, cost_nano_cny = excluded.cost_nano_cny,"                     \
    " estimated_cost_nano_cny = excluded.estimated_cost_nano_cny,"                                           \
    " latency_histogram = excluded.latency_histogram"
/* In an engine's CREATE TABLE. */
#define SUM_COLUMNS_DEFINED                                                                                  \
    " calls {{int}} NOT NULL,"                                                                               \
    " failed {{int}} NOT NULL,"    /* outcome is not ok */                                                   \
    " unpriced {{int}} NOT NULL,"  /* price_version 0 */                                                     \
    " estimated {{int}} NOT NULL," /* the caller's reckoning */                                              \
    " aborted {{int}} NOT NULL,"   /* outcome is aborted: a part of failed */                                \
    " tokens_input {{int}} NOT NULL,"                                                                        \
    " tokens_output {{int}} NOT NULL,"                                                                       \
    " tokens_cached {{int}} NOT NULL,"                                                                       \
    " latency_sum_ms {{int}} NOT NULL,"                                                                      \
    " cost_nano_cny {{int}} NOT NULL,"                                                                       \
    " estimated_cost_nano_cny {{int}} NOT NULL," /* of estimated calls: a part of cost_nano_cny */           \
    " latency_histogram {{bytes}} NOT NULL"      /* base/histogram.h */

#define USAGE_SUM_COUNT (sizeof(struct usage_sums) / sizeof(int64_t))

/* The present row: hour, api_type, operation, model, tenant_id, SUM_COLUMNS (without
 * `has_histogram` all but that). */
struct usage_part usage_part_of_row(const struct db_rows *rows, bool has_histogram);

/* Adds the present row, whose columns from `first` on are SUM_COLUMNS. */
bool usage_totals_add_row(struct usage_totals *totals, const struct db_rows *rows, int first,
                          struct error *err);
void usage_totals_add(struct usage_totals *totals, const struct usage_totals *more);

/* Values for SUM_COLUMNS; `blob` holds the histogram until the statement has run. */
#define SUM_COLUMN_COUNT 12
void usage_totals_values(const struct usage_totals *totals, unsigned char blob[static HISTOGRAM_BLOB_MAX],
                         struct db_value values[static SUM_COLUMN_COUNT]);

/* "" or what differs: "calls 3, not 4". True when both are equal. */
bool usage_totals_compare(const struct usage_totals *found, const struct usage_totals *right,
                          struct strbuf *ret_difference);

#endif
