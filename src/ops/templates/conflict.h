/* One tenant's copy of one template, beside the version that it came from and the template's present one;
 * and the decision of a conflict. */
#ifndef KIMONO_OPS_TEMPLATES_CONFLICT_H
#define KIMONO_OPS_TEMPLATES_CONFLICT_H

#include "base/descriptor.h"
#include "platform/audit/audit.h"
#include "platform/platform.h"
#include "store/store.h"

struct template_side {
    int64_t version;
    const char *question, *answer, *category;
};
struct copy_side {
    int64_t qa_pair_id, version; /* version: of the pair, counts its edits */
    const char *question, *answer, *category;
    int64_t updated_at;
};
struct copy_view {
    const char *state, *why;          /* why NULL: nothing to explain */
    struct template_side template;    /* as it is now */
    const struct template_side *base; /* the version that the copy came from; NULL: none */
    const struct copy_side *copy;     /* the tenant's live pair; NULL: none */
};
extern const struct descriptor copy_view_descriptor;

/* ERROR_NOT_FOUND: no such template, or no such tenant. */
bool copy_view_read(struct db *db, int64_t template_id, const char *tenant_id, enum language language,
                    struct arena *arena, struct copy_view *ret_view, struct error *err);

extern const char *const copy_resolutions[]; /* "take", "keep", "merge"; NULL-terminated */
struct copy_decision {
    const char *resolution;
    int64_t copy_version, template_version;   /* that were looked at */
    const char *state;                        /* the same; NULL: any that can be decided */
    const char *question, *answer, *category; /* of a merge; NULL: as the tenant has it */
    const char *reason;                       /* NULL: none was given */
};
/* Take: the pair gets the template's text. Keep: it keeps its own beside this version. Merge: it gets a
 * third one. In each case it is a copy of the template from then on, and no conflict before the template's
 * next version. An audit row qa_pair.update or template.keep. ERROR_CONFLICT: the pair or the template is
 * not any more what was looked at, somebody else has decided meanwhile, or there is nothing to decide. The
 * view is what is then. */
bool copy_resolve(struct platform *platform, const struct actor *actor, int64_t template_id,
                  const char *tenant_id, const struct copy_decision *decision, enum language language,
                  struct arena *arena, struct copy_view *ret_view, struct error *err);

#endif
