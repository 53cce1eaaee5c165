/* Common templates: making, editing, deleting and listing them. What tenants have of them is in
 * ops/templates/copies.h, how it comes there in ops/templates/distribution.h. */
#ifndef KIMONO_OPS_TEMPLATES_TEMPLATE_MANAGER_H
#define KIMONO_OPS_TEMPLATES_TEMPLATE_MANAGER_H

#include "platform/audit/audit.h"
#include "platform/platform.h"
#include "store/store.h"

struct template
{
    int64_t id;
    const char *question, *answer, *category;
    int64_t version;
    int64_t distributed_count; /* tenants with a live copy, of any version */
    int64_t current_count;     /* those with the present version */
    int64_t tenant_count;      /* all there are */
    bool for_all;
    int64_t created_at, updated_at;
    const char *updated_by;
};
extern const struct descriptor template_descriptor;

struct template_category {
    const char *category;
    int64_t count;
};
struct template_list {
    struct template *items;
    size_t items_count;
    int64_t total, page, page_size;
    struct template_category *categories; /* of all templates, whatever the filter */
    size_t categories_count;
};
extern const struct descriptor template_list_descriptor;

extern const char *const template_sorts[]; /* "question", "-question" …; NULL-terminated */
struct template_filter {
    const char *category, *keyword; /* NULL: any; the keyword is a part of question or answer */
    const char *sort;               /* one of template_sorts */
    int64_t page, page_size;
};
bool template_list_read(struct db *db, const struct template_filter *filter, struct arena *arena,
                        struct template_list *ret_list, struct error *err);

struct template_version {
    int64_t version;
    const char *question, *answer, *category;
    int64_t created_at;
    const char *created_by;
};
struct template_detail {
    struct template template;
    struct template_version *versions; /* newest first */
    size_t versions_count;
};
extern const struct descriptor template_detail_descriptor;

/* ERROR_NOT_FOUND, also of one that was deleted. */
bool template_get(struct db *db, int64_t id, struct arena *arena, struct template *ret_template,
                  struct error *err);
bool template_detail_read(struct db *db, int64_t id, struct arena *arena, struct template_detail *ret_detail,
                          struct error *err);

/* What an edit changes: NULL stays as it is. */
struct template_edit {
    const char *question, *answer, *category;
    int64_t version; /* that the editor saw; INT_NULL: whichever */
};

/* Audit rows template.create, template.update (none when no text changes: then there is no new version
 * either), template.delete. ERROR_INVALID names all wrong fields; ERROR_CONFLICT: the question is another
 * live template's, or the version is not the present one. */
bool template_create(struct platform *platform, const struct actor *actor, const struct template_edit *input,
                     struct arena *arena, struct template *ret_template, struct error *err);
bool template_update(struct platform *platform, const struct actor *actor, int64_t id,
                     const struct template_edit *edit, struct arena *arena, struct template *ret_template,
                     struct error *err);
/* Copies stay with their tenants, as their own. `reason` NULL: none was given. */
bool template_delete(struct platform *platform, const struct actor *actor, int64_t id, const char *reason,
                     struct error *err);

#endif
