/* Raw rows as engines read them. */
#ifndef KIMONO_TELEMETRY_RAW_ROWS_H
#define KIMONO_TELEMETRY_RAW_ROWS_H

#include "store/db.h"
#include "telemetry/telemetry.h"

/* The present row's columns: timestamp, api_type, operation, model, tenant_id, request_id, tokens_input,
 * tokens_output, tokens_cached, latency_ms, outcome, cost_nano_cny, price_version, origin, tokens_reasoning, estimated,
 * read_units, write_units, provider_request_id, record_id: RAW_USAGE_COLUMNS of the tables r and k. Its texts live
 * as the row does. */
#define RAW_USAGE_COLUMNS                                                                                    \
    "r.timestamp, k.api_type, k.operation, k.model, k.tenant_id, r.request_id, r.tokens_input,"              \
    " r.tokens_output, r.tokens_cached, r.latency_ms, r.outcome, r.cost_nano_cny, r.price_version,"          \
    " r.origin, r.tokens_reasoning, r.estimated, r.read_units, r.write_units, r.provider_request_id,"        \
    " r.record_id"
struct recorded_usage usage_of_row(const struct db_rows *rows);
/* timestamp, level, source, message, tenant_id, request_id, fields */
struct log_record log_of_row(const struct db_rows *rows);

/* api_type, operation, model; or with `of_logs` the source */
struct telemetry_name name_of_row(const struct db_rows *rows, bool of_logs);

#endif
