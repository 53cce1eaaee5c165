/* Distribution of common templates to tenants: the job kind `templates.distribute`.
 *
 * What each tenant gets is decided for every template by what it has of it (ops/templates/copies.h):
 *
 *   nothing                               a new pair                                          created
 *   the present text, linked or not       linked to the present version                       unchanged
 *   an older text, untouched              the present text                                    updated
 *   a text that it has edited, or         stays (with `force`: the present text, with an
 *   another answer to the question        audit row that holds the words it had)              conflict (updated)
 *   an edited text that was decided       stays (with `force` as above)                       unchanged
 *   to stay beside this version
 *   an older text, and the question now   stays, with `force` too                             conflict
 *   is that of a pair of its own
 *   a copy that it has deleted            stays deleted (with `force`: a new pair)            conflict (created)
 *   anything, of a template that was      stays                                               deleted_templates
 *   deleted after the job was asked for
 *
 * Distributing again changes nothing. All of a tenant's templates are one transaction, together with its
 * item of the job, its counters and an audit row, so that whatever happens a tenant has been reached or not;
 * the item says which. A suspended tenant is skipped: TENANT_GATE_DISTRIBUTION. */
#ifndef KIMONO_OPS_TEMPLATES_DISTRIBUTION_H
#define KIMONO_OPS_TEMPLATES_DISTRIBUTION_H

#include "platform/jobs/jobs.h"

#define DISTRIBUTE_KIND "templates.distribute"
#define DISTRIBUTE_TEMPLATES_MAX 1000
#define DISTRIBUTE_TENANTS_MAX 10000

struct distribute_request {
    const int64_t *template_ids; /* one named twice counts once */
    size_t template_count;
    const char *const *tenant_ids; /* as the templates; none with all_tenants */
    size_t tenant_count;
    bool all_tenants;   /* and the templates go to all from now on */
    bool force;         /* over the tenants' own words */
    bool dry_run;       /* the same figures and items, nothing changed */
    const char *reason; /* NULL: none was given */
};
/* Puts the job into the queue, with an audit row template.distribute. ERROR_INVALID names the templates
 * and tenants that there are not. */
bool template_distribute(struct platform *platform, const struct actor *actor,
                         const struct distribute_request *request, struct arena *arena, struct job *ret_job,
                         struct error *err);

/* Scheduled: a job of the system for the active tenants that lack something which goes to all (made or
 * activated since, or a template was edited). None while one is open. `ret_tenants`: how many; 0: no job. */
bool template_distribute_missing(struct platform *platform, int64_t *ret_tenants, struct error *err);

/* The kind's work; it resumes. */
bool template_distribution_run(struct job_run *run, struct error *err);

#endif
