/* Why a tenant has not the present text of a template, in words for a person. */
#ifndef KIMONO_OPS_TEMPLATE_WHY_H
#define KIMONO_OPS_TEMPLATE_WHY_H

#include "ops/template_copies.h"

struct template_tenant {
    const char *id, *name, *status;
    int64_t created_at;
};
bool template_tenant_get(struct db *db, const char *id, struct arena *arena,
                         struct template_tenant *ret_tenant, struct error *err); /* ERROR_NOT_FOUND */
extern const struct descriptor template_tenant_descriptor;                       /* of the row */

/* `is_own`: the conflict is about a pair of the tenant's own, not about a copy. The text is static; NULL
 * where there is nothing to explain. */
bool template_why(struct db *db, const struct common_template *template, const struct template_tenant *tenant,
                  enum template_state state, bool is_own, enum language language, const char **ret_why,
                  struct error *err);

#endif
