/* What `kimono check` finds wrong with telemetry: lines, of which the first FINDINGS_SHOWN are kept. */
#ifndef KIMONO_TELEMETRY_FINDINGS_H
#define KIMONO_TELEMETRY_FINDINGS_H

#include <stdint.h>

#include "base/strbuf.h"

#define FINDINGS_SHOWN 200

struct findings {
    struct strbuf *lines;
    int64_t count;
};

void findings_add(struct findings *findings, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Moves those of `more` behind the others. */
void findings_take(struct findings *findings, const struct findings *more);

#endif
