/* How many names of calls and sources of logs may come from outside in a day: each is a row of the day's dictionary,
 * and of its roll-ups by hour. What comes after them counts under `other`. */
#ifndef KIMONO_PLATFORM_INGEST_NAMES_H
#define KIMONO_PLATFORM_INGEST_NAMES_H

#include "telemetry/telemetry.h"

#define INGEST_NAMES_A_DAY 300
#define INGEST_OTHER "other"

struct ingest_names;

struct ingest_names *ingest_names_new(struct telemetry *telemetry);
void ingest_names_free(struct ingest_names *names); /* takes NULL */

/* Puts INGEST_OTHER in the place of what is one too many in the day: of operation and model together, and of api_type
 * where this is one, too. Known is what the day has already, whoever has recorded it. */
bool ingest_names_admit_usage(struct ingest_names *names, int32_t day, struct usage_record *record,
                              bool *ret_other, struct error *err);
bool ingest_names_admit_log(struct ingest_names *names, int32_t day, struct log_record *record,
                            bool *ret_other, struct error *err);

#endif
