/* The names of a usage record as one key of a dictionary. */
#ifndef KIMONO_TELEMETRY_USAGE_NAMES_H
#define KIMONO_TELEMETRY_USAGE_NAMES_H

#include <stddef.h>

#include "telemetry/telemetry.h"

/* Bytes of each name; who records has checked them, what is longer yet is cut. */
#define USAGE_NAME_MAX 200

enum { USAGE_TENANT, USAGE_API_TYPE, USAGE_OPERATION, USAGE_MODEL, USAGE_NAMES };

struct usage_names {
    char bytes[USAGE_NAMES * (USAGE_NAME_MAX + 1)]; /* one after the other, each with a NUL */
    const char *name[USAGE_NAMES];                  /* "" where the record has none */
    size_t length;
};

void usage_names_gather(struct usage_names *names, const struct usage_record *record);
/* All names but the tenant's, which is the first. */
const char *usage_names_of_platform(const struct usage_names *names, size_t *ret_length);

#endif
