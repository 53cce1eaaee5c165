/* One pair of anyone's knowledge: looking, making, changing, deleting, and taking a deletion back. Each
 * change is one transaction with its audit row (qa_pair.create, qa_pair.update, qa_pair.delete,
 * qa_pair.restore). A pair that is deleted can be restored for KNOWLEDGE_UNDO_MS; until then it can be looked
 * at, but stands in no list but that of the deleted ones. A suspended tenant's pairs can be edited: they are
 * synced when it is activated. */
#ifndef KIMONO_OPS_KNOWLEDGE_EDITOR_H
#define KIMONO_OPS_KNOWLEDGE_EDITOR_H

#include "ops/knowledge/knowledge_manager.h"
#include "platform/audit/audit.h"
#include "platform/platform.h"

#define EDIT_REASON_MAX 500

/* What the quality comes from (platform/knowledge/quality.h). */
struct quality_view {
    double score; /* as it was last written */
    int64_t hits, good, bad, age_days;
    const char *explanation; /* one sentence in the reader's language */
};

struct qa_pair_detail {
    struct qa_list_item item;
    int64_t deleted_at; /* INT_NULL: it is live */
    struct quality_view quality;
};
extern const struct descriptor qa_pair_detail_descriptor;

/* ERROR_NOT_FOUND, also when it was deleted more than KNOWLEDGE_UNDO_MS ago. */
bool qa_pair_detail_read(struct db *db, int64_t id, enum language language, struct arena *arena,
                         struct qa_pair_detail *ret_detail, struct error *err);

struct qa_pair_edit {
    const char *question, *answer, *category; /* NULL: as it is; when made: category "" */
    int64_t version;                          /* the one that was read; INT_NULL: whichever there is */
};

/* `language`: of the explanation that is returned. ERROR_INVALID names all wrong fields and an unknown
 * tenant, ERROR_CONFLICT: the tenant has a live pair with this question. */
bool knowledge_create(struct platform *platform, const struct actor *actor, const char *tenant_id,
                      const struct qa_pair_edit *edit, enum language language, struct arena *arena,
                      struct qa_pair_detail *ret_detail, struct error *err);
/* What changes nothing makes no version and no audit row. ERROR_NOT_FOUND; ERROR_CONFLICT: another version
 * than the one that was read, or another pair has the question. */
bool knowledge_update(struct platform *platform, const struct actor *actor, int64_t id,
                      const struct qa_pair_edit *edit, enum language language, struct arena *arena,
                      struct qa_pair_detail *ret_detail, struct error *err);
/* `reason` NULL: none. ERROR_NOT_FOUND. */
bool knowledge_delete(struct platform *platform, const struct actor *actor, int64_t id, const char *reason,
                      struct error *err);
/* ERROR_NOT_FOUND: never was, or is gone for good; ERROR_CONFLICT: it is live, or a live pair has its
 * question. */
bool knowledge_restore(struct platform *platform, const struct actor *actor, int64_t id,
                       enum language language, struct arena *arena, struct qa_pair_detail *ret_detail,
                       struct error *err);

struct deleted_pair {
    struct qa_list_item item;
    int64_t deleted_at, undo_until;
    const char *deleted_by; /* username */
};
extern const struct descriptor deleted_pair_descriptor;

/* What can still be restored, newest deletion first. `tenant_id` NULL: of all. */
bool knowledge_deleted(struct db *db, const char *tenant_id, int64_t page, int64_t page_size,
                       struct arena *arena, struct deleted_pair **ret_pairs, size_t *ret_count,
                       int64_t *ret_total, struct error *err);

#endif
