/* The schema of telemetry in PostgreSQL, as migrations (schema.c has every column commented), and the tables that are
 * partitioned by day. */
#ifndef KIMONO_TELEMETRY_POSTGRESQL_SCHEMA_H
#define KIMONO_TELEMETRY_POSTGRESQL_SCHEMA_H

#include <stdint.h>

#include "base/strbuf.h"
#include "store/migration.h"

extern const struct migration telemetry_migrations[];
extern const size_t telemetry_migration_count;

/* SQL that makes, or drops, the day's partition of each table. */
void partitions_make(int32_t day, struct strbuf *ret_sql);
void partitions_drop(int32_t day, struct strbuf *ret_sql);

#endif
