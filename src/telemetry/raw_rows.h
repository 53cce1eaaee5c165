/* Raw rows as engines read them. */
#ifndef KIMONO_TELEMETRY_RAW_ROWS_H
#define KIMONO_TELEMETRY_RAW_ROWS_H

#include "store/db.h"
#include "telemetry/telemetry.h"

/* The present row's columns: timestamp, api_type, operation, model, tenant_id, request_id, tokens_input,
 * tokens_output, tokens_cached, latency_ms, outcome, cost_nano_cny, price_version, origin. Its texts live as the row does. */
struct recorded_usage usage_of_row(const struct db_rows *rows);
/* timestamp, level, source, message, tenant_id, request_id, fields */
struct log_record log_of_row(const struct db_rows *rows);

#endif
