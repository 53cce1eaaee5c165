/* A usage record made ready to be written: its instant and its price are settled. */
#ifndef KIMONO_TELEMETRY_USAGE_ROW_H
#define KIMONO_TELEMETRY_USAGE_ROW_H

#include "base/clock.h"
#include "telemetry/prices.h"
#include "telemetry/telemetry.h"

struct usage_row {
    const struct usage_record *record;
    int64_t timestamp;
    int64_t cost_nano_cny;
    int32_t price_version; /* 0: unpriced */
    int32_t day;
};

struct log_row {
    const struct log_record *record;
    int64_t timestamp;
    int32_t day;
};

/* Later instants have no day's file: their year has five digits. */
static inline bool timestamp_has_day(int64_t timestamp)
{
    return timestamp >= 0 && timestamp < CLOCK_MS_MAX - 2 * DAY_MS;
}

static inline struct usage_row usage_row_make(const struct usage_record *record, int64_t now,
                                              int64_t usd_cny_rate)
{
    struct usage_row row = {.record = record, .timestamp = record->timestamp};
    if (row.timestamp == 0)
        row.timestamp = now;
    struct price_quote quote = price_at(record, row.timestamp, usd_cny_rate);
    row.cost_nano_cny = quote.cost_nano_cny;
    row.price_version = quote.priced ? quote.version : 0;
    return row;
}

/* Whether it needs the columns that few calls have. */
static inline bool usage_row_is_full(const struct usage_row *row)
{
    const struct usage_record *record = row->record;
    return record->tokens_reasoning || record->estimated || record->read_units || record->write_units ||
           record->provider_request_id || record->record_id;
}

static inline struct log_row log_row_make(const struct log_record *record, int64_t now)
{
    return (struct log_row){.record = record, .timestamp = record->timestamp ? record->timestamp : now};
}

#endif
