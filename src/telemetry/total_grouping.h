/* Roll-up rows that come in order of their names, made into one total for each set of names. */
#ifndef KIMONO_TELEMETRY_TOTAL_GROUPING_H
#define KIMONO_TELEMETRY_TOTAL_GROUPING_H

#include "store/db.h"
#include "telemetry/engine.h"

/* The rows' columns: api_type, operation, model, tenant_id (null: over all tenants), SUM_COLUMNS. Rows of the same
 * names follow one another. */
bool total_grouping_each(struct db *db, const char *sql, const struct db_value *args, size_t arg_count,
                         day_total_sink sink, void *context, struct error *err);

#endif
