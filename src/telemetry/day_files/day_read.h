/* Reading one day's file: totals from its roll-ups, raw rows, and what `kimono check` recomputes. */
#ifndef KIMONO_TELEMETRY_DAY_FILES_DAY_READ_H
#define KIMONO_TELEMETRY_DAY_FILES_DAY_READ_H

#include "store/db.h"
#include "telemetry/engine.h"

/* These do as the functions of engine.h with the same names, on a connection to the day's file. */
bool day_add_hours(struct db *db, const struct usage_filter *filter, const struct hour_span *span,
                   struct error *err);
bool day_each_part(struct db *db, const struct usage_cut *cut, usage_part_sink sink, void *context,
                   struct error *err);
bool day_each_total(struct db *db, struct day_info *ret_info, day_total_sink sink, void *context,
                    struct error *err);
bool day_each_usage(struct db *db, telemetry_usage_sink sink, void *context, struct error *err);
bool day_each_name(struct db *db, bool of_logs, telemetry_name_sink sink, void *context, struct error *err);

/* day_check.c */
bool day_check(struct db *db, int32_t day, struct findings *findings, struct error *err);

#endif
