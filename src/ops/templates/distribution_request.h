/* What a distribution was asked for, between distribution_request.c, which checks and writes it, distribution.c,
 * which does it, and copy_state_reason.c. Its tenants are the job's items. */
#ifndef KIMONO_OPS_TEMPLATES_DISTRIBUTION_REQUEST_H
#define KIMONO_OPS_TEMPLATES_DISTRIBUTION_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

struct distribute_parameters {
    const int64_t *template_ids; /* in order, each once, at least one */
    size_t template_count;
    int64_t tenant_count;
    int64_t newly_for_all; /* templates that went to all for the first time; written, not read back */
    bool all_tenants, force, dry_run;
    const char *reason; /* NULL: none */
};
/* JSON as it stands in the job's row; what is read lives in the arena. */
const char *distribute_parameters_write(const struct distribute_parameters *parameters, struct arena *arena);
bool distribute_parameters_read(const char *json, struct arena *arena,
                                struct distribute_parameters *ret_parameters, struct error *err);

#endif
