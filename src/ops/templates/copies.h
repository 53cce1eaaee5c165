/* What a tenant has of a common template: its copy (a pair linked to the template), or a pair of its own
 * with the same question, or nothing. One rule of states for the distribution, the matrix and the view of a
 * conflict; and the changes that they make, with all that must be counted beside them. */
#ifndef KIMONO_OPS_TEMPLATES_COPIES_H
#define KIMONO_OPS_TEMPLATES_COPIES_H

#include "base/descriptor.h"
#include "platform/audit/audit.h"
#include "store/db.h"

/* A text of a template as far as it must be known again. */
struct template_mark {
    int64_t template_id, version, text_hash;
    const char *category;
};

/* A template with its present text and the marks of all its versions. */
struct common_template {
    int64_t id, version, text_hash, created_at;
    bool for_all;
    const char *question, *answer, *category;
    const struct template_mark *marks; /* newest first */
    size_t mark_count;
};
/* `ret_found` false: there is none, or it was deleted. Texts are the arena's. */
bool common_template_read(struct db *db, int64_t id, struct arena *arena,
                          struct common_template *ret_template, bool *ret_found, struct error *err);

/* All live ones by category and id, without their answers; `template_id` INT_NULL and `category` NULL: of any. */
bool common_templates_read(struct db *db, int64_t template_id, const char *category, struct arena *arena,
                           struct common_template **ret_templates, size_t *ret_count, struct error *err);

/* A pair that is linked to a template. */
struct template_copy {
    int64_t pair_id, template_id, version, kept; /* kept 0: nothing was decided */
    int64_t text_hash;
    const char *category;
    bool deleted;
};
/* A tenant's copies of templates with ids from `first` to `last`, in order of template id; deleted ones,
 * too. `ret_copies` is the arena's. */
bool template_copies_read(struct db *db, const char *tenant_id, int64_t first, int64_t last,
                          struct arena *arena, struct template_copy **ret_copies, size_t *ret_count,
                          struct error *err);

/* All copies of each of these tenants, at most DB_LIST_MAX. */
struct template_copies {
    struct template_copy *copies;
    size_t count;
};
bool template_copies_read_all(struct db *db, const char *const *tenant_ids, size_t count, struct arena *arena,
                              struct template_copies *ret_copies, struct error *err);

/* A live pair that has the template's question and is no copy of it. */
struct own_pair {
    int64_t pair_id; /* 0: there is none */
    int64_t question_key, text_hash;
    const char *category;
    int64_t linked_id, linked_version; /* it is another live template's copy; 0: it is not */
};
/* Of several the first that is not linked. */
bool own_pair_find(struct db *db, const char *tenant_id, const struct common_template *template,
                   struct arena *arena, struct own_pair *ret_own, struct error *err);
bool own_pair_has_text_of(const struct own_pair *own, const struct common_template *template);
/* The same for all live templates at once: a tenant's pairs that have the question of one, by question. */
struct own_pairs {
    const struct own_pair *pairs;
    size_t count;
};
bool own_pairs_read(struct db *db, const char *tenant_id, struct arena *arena, struct own_pairs *ret_pairs,
                    struct error *err);
struct own_pair own_pair_among(const struct own_pairs *pairs, const struct common_template *template);

/* Does an own pair matter to a tenant that has this copy (NULL: none)? Only where the copy's text is an older one,
 * which must not become a second answer to the question of a pair that is the tenant's own. */
bool own_pair_matters(const struct template_copy *copy, const struct common_template *template);
/* Of an own pair that was found, what is in the way: not another template's copy beside a copy, for it will get that
 * one's question. */
struct own_pair own_pair_beside(const struct template_copy *copy, struct own_pair found);
/* All three together. */
bool own_pair_in_way(struct db *db, const char *tenant_id, const struct common_template *template,
                     const struct template_copy *copy, struct arena *arena, struct own_pair *ret_own,
                     struct error *err);

/* The tenant has changed the text that it was given. */
bool template_copy_is_touched(const struct template_copy *copy, const struct common_template *template);
bool template_copy_has_text_of(const struct template_copy *copy, const struct common_template *template);

#define TEMPLATE_STATE_TABLE(X)                                                                              \
    X(TEMPLATE_CURRENT, "current")   /* has the present version */                                           \
    X(TEMPLATE_OUTDATED, "outdated") /* an older one, untouched */                                           \
    X(TEMPLATE_CONFLICT, "conflict") /* touched and not decided, or another pair has the question */         \
    X(TEMPLATE_KEPT, "kept")         /* the same, and decided to stay beside the present version */          \
    X(TEMPLATE_MISSING, "missing")   /* no copy of a template that goes to all */                            \
    X(TEMPLATE_NONE, "none")         /* no copy of one that never went to all */                             \
    X(TEMPLATE_DELETED, "deleted")   /* the tenant deleted its copy */
enum template_state {
#define X(state, name) state,
    TEMPLATE_STATE_TABLE(X)
#undef X
        TEMPLATE_STATE_COUNT
};
extern const char *const template_states[]; /* their names; NULL-terminated */

/* `copy` NULL: none. `own` is what is in the way. */
enum template_state template_state_of(const struct common_template *template,
                                      const struct template_copy *copy, const struct own_pair *own);
/* Outdated or missing: what a distribution brings up to date without asking anybody. */
bool template_state_is_behind(enum template_state state);

/* ---- changing ---- */

/* One tenant's pairs in one transaction. `{.db = db, .tenant_id = id}`, then the changes, then
 * copy_changes_finish. */
#define FRESH_COPIES 50
struct copy_changes {
    struct db *db;
    const char *tenant_id;
    int64_t revision; /* 0: no text has changed yet */
    int64_t pairs, unsynced;
    const struct common_template *fresh[FRESH_COPIES]; /* whose new pairs are inserted together */
    size_t fresh_count;
};
/* Of one template, for template_count_copies: the caller's, since many tenants share them. */
struct copy_counts {
    int64_t copies, current;
};

/* A new pair with the template's text; there by copy_changes_finish at the latest, until when the template must
 * live. */
bool copy_insert(struct copy_changes *changes, const struct common_template *template,
                 struct copy_counts *counts, struct error *err);
/* A pair gets this text, and is not linked anew. */
bool copy_set_text(struct copy_changes *changes, int64_t pair_id, const char *question, const char *answer,
                   const char *category, struct error *err);
/* The pair is a copy of the template from now on, with the text of that version; `kept`: with a text of its
 * own that was decided to stay beside the present version. `before`: its link until now; NULL: it is `own`. */
bool copy_link(struct copy_changes *changes, const struct common_template *template,
               const struct template_copy *before, const struct own_pair *own, int64_t version, bool kept,
               struct copy_counts *counts, struct error *err);
/* A deleted copy is none any more, so that there can be a new one. */
bool copy_unlink_deleted(struct copy_changes *changes, const struct template_copy *copy, struct error *err);
/* Inserts and counts what is left to be. */
bool copy_changes_finish(struct copy_changes *changes, struct error *err);

/* An audit row qa_pair.update with the pair's text before (read now) and after. To be called before the
 * change. */
bool copy_note_change(struct copy_changes *changes, const struct actor *actor, int64_t pair_id,
                      const char *question, const char *answer, const char *category, const char *reason,
                      struct error *err);

#endif
