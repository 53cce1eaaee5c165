/* The schema of one day's file, as migrations: day_schema.c has every column commented. */
#ifndef KIMONO_TELEMETRY_DAY_FILES_DAY_SCHEMA_H
#define KIMONO_TELEMETRY_DAY_FILES_DAY_SCHEMA_H

#include "store/migration.h"

extern const struct migration day_migrations[];
extern const size_t day_migration_count;

#endif
