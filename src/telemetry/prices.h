/* The dated price table: what one call cost, in nano-yuan. Source of each row: the providers' price
 * lists, with the date from which it holds. Embedded providers cost nothing: a row of
 * price 0. A call of a model that has no row is unpriced: it costs 0 and is counted as such.
 *
 * Adding a price: one row at the end of the table in prices.c; a price that changes is a new row with
 * its date. Rows are never changed, moved or removed: their numbers are stored with the calls. */
#ifndef KIMONO_TELEMETRY_PRICES_H
#define KIMONO_TELEMETRY_PRICES_H

#include <stdbool.h>
#include <stdint.h>

#include "telemetry/telemetry.h"

struct price_quote {
    bool priced;
    int64_t cost_nano_cny; /* INT64_MAX if it is more than that */
    int32_t version;       /* of the table's row, from 1, stored with the call; 0: unpriced */
};

/* A failed call costs nothing unless tokens were counted. The tier is chosen by the call's own input
 * length. `usd_cny_rate` is in ten-thousandths (71234 is 7.1234 yuan for a dollar).
 *
 * Exact integers all the way, in 128 bits, rounded once at the end, half up, to a nano-yuan:
 *   chat, embeddings  (input - cached) * price + cached * cached price + output * output price,
 *                     prices for a million tokens; all tokens at the tier of the input; cached tokens
 *                     are a part of the input
 *   Pinecone          read_units and write_units, or without them tokens_input in whole units as the answer's
 *                     readUnits; below the operation's minimum, and when unknown (0), the minimum: 0.25 read
 *                     units a query, 5 write units an upsert … */
struct price_quote price_of(const struct usage_record *record, int64_t usd_cny_rate);
/* The same at an instant that is not the record's. */
struct price_quote price_at(const struct usage_record *record, int64_t timestamp, int64_t usd_cny_rate);

#define USD_CNY_RATE_DEFAULT INT64_C(71000)
#define USD_CNY_RATE_DEFAULT_DATE "2026-11-22"
#define USD_CNY_RATE_MAX INT64_C(1000000) /* 100 yuan for a dollar; more is taken as that */

#endif
