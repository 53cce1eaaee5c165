/* Why a tenant has not the present text of a template, in words for a person. */
#ifndef KIMONO_OPS_TEMPLATES_COPY_STATE_REASON_H
#define KIMONO_OPS_TEMPLATES_COPY_STATE_REASON_H

#include "base/name_list.h"
#include "ops/templates/copies.h"
#include "platform/tenants/tenants.h"

struct template_tenant {
    const char *id, *name, *status;
    int64_t created_at;
};
bool template_tenant_get(struct db *db, const char *id, struct arena *arena,
                         struct template_tenant *ret_tenant, struct error *err); /* ERROR_NOT_FOUND */
extern const struct descriptor template_tenant_descriptor;                       /* of the row */

/* What explains why templates are missing: their distributions. Each is read once, however many tenants it went to,
 * and each tenant's part in them once, however many templates are asked about. */
#define HISTORY_TEMPLATES_MAX 64
struct template_history {
    struct db *db;
    const struct common_template *templates; /* HISTORY_TEMPLATES_MAX at most */
    size_t template_count;
    /* Its own: {0}. */
    struct name_list jobs;  /* ids of those that were read */
    uint64_t *templates_of; /* by number of the job: bits of `templates`; none of a dry run */
    size_t room;
    char tenant_id[TENANT_ID_MAX + 1]; /* whose reasons these are */
    int reasons[HISTORY_TEMPLATES_MAX];
};
void template_history_release(struct template_history *history); /* for CLEANUP */

/* `template`: one of the history's. `is_own`: the conflict is about a pair of the tenant's own, not about a copy. The
 * text is static; NULL where there is nothing to explain. */
bool copy_state_reason(struct template_history *history, const struct common_template *template,
                       const struct template_tenant *tenant, enum template_state state, bool is_own,
                       enum language language, const char **ret_why, struct error *err);

#endif
