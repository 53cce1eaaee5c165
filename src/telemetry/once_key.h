/* By what a usage record from outside counts once: its record_id; without one its request_id together with api_type
 * and operation, since one request may cause several calls. */
#ifndef KIMONO_TELEMETRY_ONCE_KEY_H
#define KIMONO_TELEMETRY_ONCE_KEY_H

#include "telemetry/telemetry.h"

struct once_key {
    const char *id;                   /* NULL: the record counts always */
    const char *api_type, *operation; /* "" for a record_id */
};

struct once_key once_key_of(const struct usage_record *record);
uint64_t once_key_hash(const struct once_key *key);
int once_key_compare(const struct once_key *a, const struct once_key *b); /* as strcmp */

#endif
