/* Common templates: the rows of `templates` and `template_versions`, which this module alone writes, and
 * what is counted of their copies. What may be done with a template, and how its copies come to the
 * tenants, is in ops/templates/template_manager.h and ops/templates/distribution.h.
 *
 * A copy is a tenant's live pair with the template's id (platform/knowledge/knowledge.h). Whoever links, unlinks or
 * deletes one counts it here, in the same transaction. */
#ifndef KIMONO_PLATFORM_KNOWLEDGE_TEMPLATES_H
#define KIMONO_PLATFORM_KNOWLEDGE_TEMPLATES_H

#include "base/strbuf.h"
#include "store/db.h"

struct template_text {
    const char *question, *answer, *category; /* kept trimmed; checked by qa_pair_validate before */
};

/* All within a transaction of the caller's. `username`: who does it. */

/* ERROR_CONFLICT when a live template has this question. */
bool template_insert(struct db *db, const struct template_text *text, const char *username, int64_t *ret_id,
                     struct error *err);
/* The live template gets this text as version `version`, which is one more than its present one: none of
 * its copies is of it. ERROR_CONFLICT when another live template has this question. */
bool template_put_version(struct db *db, int64_t id, int64_t version, const struct template_text *text,
                          const char *username, struct error *err);
/* Its id is never used again, its question may be. Copies keep their link to it and are as good as
 * unlinked. */
bool template_mark_deleted(struct db *db, int64_t id, struct error *err);
/* It goes to all tenants from now on. */
bool template_mark_for_all(struct db *db, int64_t id, struct error *err);

/* So many more copies, and more of them of its present version. */
bool template_count_copies(struct db *db, int64_t id, int64_t copies, int64_t current, struct error *err);
/* One copy more (1) or fewer (-1), whose text came from `version`. */
bool template_count_copy(struct db *db, int64_t id, int64_t version, int64_t difference, struct error *err);

/* Grows whenever what all tenants should have has changed. A tenant's templates_revision says up to where
 * it has been brought up to date. */
bool templates_revision(struct db *db, int64_t *ret_revision, struct error *err);
bool templates_grow_revision(struct db *db, struct error *err);

/* Recounts the copies of every live template; differences become lines. */
bool templates_check(struct db *db, struct strbuf *ret_findings, struct error *err);

#endif
