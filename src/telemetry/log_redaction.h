/* No log row is kept before it went through here: secrets and personal data in its message, its source and its fields are
 * masked (security/redaction.h), whoever has written it. */
#ifndef KIMONO_TELEMETRY_LOG_REDACTION_H
#define KIMONO_TELEMETRY_LOG_REDACTION_H

#include "base/arena.h"
#include "telemetry/telemetry.h"

/* The record with what is masked of it in the arena; texts with nothing to mask are those of `record`. */
struct log_record log_record_redacted(const struct log_record *record, struct arena *arena);

#endif
