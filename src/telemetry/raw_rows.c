#include "telemetry/raw_rows.h"

struct recorded_usage usage_of_row(const struct db_rows *rows)
{
    return (struct recorded_usage){
        .record = {.timestamp = db_column_int(rows, 0),
                   .api_type = db_column_text(rows, 1),
                   .operation = db_column_text(rows, 2),
                   .model = db_column_text(rows, 3),
                   .tenant_id = db_column_text(rows, 4),
                   .request_id = db_column_text(rows, 5),
                   .tokens_input = db_column_int(rows, 6),
                   .tokens_output = db_column_int(rows, 7),
                   .tokens_cached = db_column_int(rows, 8),
                   .latency_ms = db_column_int(rows, 9),
                   .outcome = (enum usage_outcome)db_column_int(rows, 10),
                   .tokens_reasoning = db_column_int(rows, 14),
                   .estimated = db_column_int(rows, 15) != 0,
                   .read_units = db_column_int(rows, 16),
                   .write_units = db_column_int(rows, 17),
                   .provider_request_id = db_column_text(rows, 18),
                   .record_id = db_column_text(rows, 19)},
        .cost_nano_cny = db_column_int(rows, 11),
        .price_version = (int32_t)db_column_int(rows, 12),
        .from_outside = db_column_int(rows, 13) != 0,
    };
}

struct log_record log_of_row(const struct db_rows *rows)
{
    return (struct log_record){.timestamp = db_column_int(rows, 0),
                               .level = (enum log_level)db_column_int(rows, 1),
                               .source = db_column_text(rows, 2),
                               .message = db_column_text(rows, 3),
                               .tenant_id = db_column_text(rows, 4),
                               .request_id = db_column_text(rows, 5),
                               .fields = db_column_text(rows, 6)};
}

struct telemetry_name name_of_row(const struct db_rows *rows, bool of_logs)
{
    if (of_logs)
        return (struct telemetry_name){.source = db_column_text(rows, 0)};
    return (struct telemetry_name){.api_type = db_column_text(rows, 0),
                                   .operation = db_column_text(rows, 1),
                                   .model = db_column_text(rows, 2)};
}
