#include "ops/templates/conflict.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "ops/templates/copies.h"
#include "ops/templates/copy_state_reason.h"
#include "platform/knowledge/knowledge.h"
#include "platform/knowledge/templates.h"
#include "platform/text_rules.h"

const char *const copy_resolutions[] = {"take", "keep", "merge", NULL};

static const struct field template_side_fields[] = {
    FIELD(struct template_side, version, INT, "Version of the template"),
    FIELD(struct template_side, question, TEXT, "Its question", .personal = PERSONAL_PARTS),
    FIELD(struct template_side, answer, TEXT, "Its answer", .personal = PERSONAL_PARTS),
    FIELD(struct template_side, category, TEXT, "Its category; empty: none", .personal = PERSONAL_PARTS),
};
static const struct descriptor template_side_descriptor =
    DESCRIPTOR("TemplateSide", struct template_side, template_side_fields);

static const struct field copy_side_fields[] = {
    FIELD(struct copy_side, qa_pair_id, INT, "Id of the pair"),
    FIELD(struct copy_side, version, INT, "Counts its edits"),
    FIELD(struct copy_side, question, TEXT, "Question, as the tenant words it", .personal = PERSONAL_PARTS),
    FIELD(struct copy_side, answer, TEXT, "Answer, as the tenant words it", .personal = PERSONAL_PARTS),
    FIELD(struct copy_side, category, TEXT, "Category; empty: none", .personal = PERSONAL_PARTS),
    FIELD(struct copy_side, updated_at, TIME, "When it was last edited"),
};
static const struct descriptor copy_side_descriptor =
    DESCRIPTOR("CopySide", struct copy_side, copy_side_fields);

static const struct field view_fields[] = {
    FIELD(struct copy_view, state, TEXT, "What the tenant has of the template", .values = template_states),
    FIELD(struct copy_view, why, TEXT, "Why it has not the present text, for a person", .nullable = true,
          .personal = PERSONAL_PARTS),
    FIELD(struct copy_view, template, OBJECT, "The template now", .of = &template_side_descriptor),
    FIELD(struct copy_view, base, OBJECT, "The version that the copy came from", .nullable = true,
          .of = &template_side_descriptor),
    FIELD(struct copy_view, copy, OBJECT, "The tenant's pair", .nullable = true, .of = &copy_side_descriptor),
};
const struct descriptor copy_view_descriptor = DESCRIPTOR("TemplateCopyView", struct copy_view, view_fields);

/* ---- reading ---- */

/* What a view is made from, and what a decision changes. */
struct conflict {
    struct common_template template;
    struct template_tenant tenant;
    const struct template_copy *copy; /* NULL: none */
    struct own_pair own;              /* that is in the way */
    enum template_state state;
};

static bool conflict_read(struct db *db, int64_t template_id, const char *tenant_id, struct arena *arena,
                          struct conflict *s, struct error *err)
{
    struct template_copy *copies;
    size_t count;
    bool found;
    *s = (struct conflict){0};
    if (!common_template_read(db, template_id, arena, &s->template, &found, err))
        return false;
    if (!found)
        return error_set(err, ERROR_NOT_FOUND, "There is no template %" PRId64 ".",
                         "没有编号为 %" PRId64 " 的模板。", template_id);
    if (!template_tenant_get(db, tenant_id, arena, &s->tenant, err) ||
        !template_copies_read(db, tenant_id, template_id, template_id, arena, &copies, &count, err))
        return false;
    s->copy = count > 0 ? &copies[0] : NULL;
    if (!own_pair_in_way(db, tenant_id, &s->template, s->copy, arena, &s->own, err))
        return false;
    s->state = template_state_of(&s->template, s->copy, &s->own);
    return true;
}

static const char SQL_VERSION[] = "SELECT version, question, answer, category FROM template_versions"
                                  " WHERE template_id = $1 AND version = $2";

static bool conflict_read_base(struct db *db, const struct conflict *s, struct arena *arena,
                               struct copy_view *view, struct error *err)
{
    struct template_side *base = arena_alloc(arena, sizeof(*base));
    bool found = false;
    if (s->copy && !db_find(db, SQL_VERSION, DB_ARGS(db_int(s->template.id), db_int(s->copy->version)),
                            &template_side_descriptor, base, arena, &found, err))
        return false;
    view->base = found ? base : NULL;
    return true;
}

static bool conflict_read_copy(struct db *db, const struct conflict *s, struct arena *arena,
                               struct copy_view *view, struct error *err)
{
    int64_t pair_id = 0; /* the live pair that the view shows; an own pair only where it is in the way */
    size_t found;
    struct qa_pair pair;
    if (s->copy)
        pair_id = s->copy->deleted ? 0 : s->copy->pair_id;
    else if (s->state == TEMPLATE_CONFLICT)
        pair_id = s->own.pair_id;
    if (pair_id == 0)
        return true;
    if (!qa_pairs_get(db, s->tenant.id, &pair_id, 1, arena, &pair, &found, err))
        return false;
    struct copy_side *copy = arena_alloc(arena, sizeof(*copy));
    *copy =
        (struct copy_side){pair.id, pair.version, pair.question, pair.answer, pair.category, pair.updated_at};
    view->copy = found > 0 ? copy : NULL;
    return true;
}

static bool conflict_make_view(struct db *db, const struct conflict *s, enum language language,
                               struct arena *arena, struct copy_view *ret_view, struct error *err)
{
    const struct common_template *t = &s->template;
    struct copy_view view = {
        .state = template_states[s->state],
        .template = {t->version, t->question, t->answer, t->category},
    };
    bool is_own = s->own.pair_id != 0 && s->state == TEMPLATE_CONFLICT;
    CLEANUP(template_history_release)
    struct template_history history = {.db = db, .templates = t, .template_count = 1};
    if (!copy_state_reason(&history, t, &s->tenant, s->state, is_own, language, &view.why, err) ||
        !conflict_read_base(db, s, arena, &view, err) || !conflict_read_copy(db, s, arena, &view, err))
        return false;
    *ret_view = view;
    return true;
}

bool copy_view_read(struct db *db, int64_t template_id, const char *tenant_id, enum language language,
                    struct arena *arena, struct copy_view *ret_view, struct error *err)
{
    struct conflict conflict;
    return conflict_read(db, template_id, tenant_id, arena, &conflict, err) &&
           conflict_make_view(db, &conflict, language, arena, ret_view, err);
}

/* ---- deciding ---- */

struct resolving {
    const struct actor *actor;
    int64_t template_id;
    const char *tenant_id;
    const struct copy_decision *decision;
    enum language language;
    struct arena *arena;
    struct copy_view view; /* out */
};

static bool conflict_check_decidable(const struct conflict *s, const struct copy_view *view,
                                     const struct copy_decision *decision, struct error *err)
{
    if (decision->template_version != view->template.version)
        return error_set(err, ERROR_CONFLICT,
                         "The template has version %" PRId64 " by now; look at it again.",
                         "模板现为第 %" PRId64 " 版，请重新查看。", view->template.version);
    if ((s->state != TEMPLATE_CONFLICT && s->state != TEMPLATE_KEPT) || !view->copy)
        return error_set(err, ERROR_CONFLICT, "There is no conflict to decide any more; look at it again.",
                         "已经没有需要处理的冲突，请重新查看。");
    if (decision->state && strcmp(decision->state, view->state) != 0)
        return error_set(err, ERROR_CONFLICT, "Somebody else has decided this meanwhile; look at it again.",
                         "此冲突已由他人处理，请重新查看。");
    if (decision->copy_version != view->copy->version)
        return error_set(err, ERROR_CONFLICT,
                         "The tenant's pair has version %" PRId64 " by now; look at it again.",
                         "商家的问答现为第 %" PRId64 " 版，请重新查看。", view->copy->version);
    return true;
}

static const char *conflict_state_json(struct arena *arena, const char *state, int64_t template_id,
                                       int64_t version)
{
    return arena_printf(arena,
                        "{\"state\":\"%s\",\"template_id\":%" PRId64 ",\"template_version\":%" PRId64 "}",
                        state, template_id, version);
}

static bool conflict_audit_keep(struct db *db, const struct resolving *r, const struct copy_view *view,
                                struct error *err)
{
    struct audit_entry entry = {
        .action = "template.keep",
        .target_type = "qa_pair",
        .target_id = arena_printf(r->arena, "%" PRId64, view->copy->qa_pair_id),
        .before = conflict_state_json(r->arena, view->state, r->template_id, view->template.version),
        .after = conflict_state_json(r->arena, template_states[TEMPLATE_KEPT], r->template_id,
                                     view->template.version),
        .reason = r->decision->reason,
    };
    return audit_append(db, r->actor, &entry, err);
}

/* A tenant has one answer to a question. */
static bool conflict_check_question(struct resolving *r, struct db *db, int64_t pair_id, const char *question,
                                    struct error *err)
{
    struct qa_pair other;
    bool found;
    if (!qa_pair_same_question(db, r->tenant_id, question, r->arena, &other, &found, err))
        return false;
    return !found || other.id == pair_id ||
           error_set(err, ERROR_CONFLICT,
                     "The tenant's pair %" PRId64
                     " has this question already: edit or delete that one first, or merge "
                     "with another question.",
                     "该商家的问答 %" PRId64 " 已有相同的问题：请先修改或删除该问答，或合并时换一个问题。",
                     other.id);
}

/* A merge is written from both sides. */
static bool conflict_check_unmasked(const struct copy_decision *decision, const struct copy_view *view,
                                    struct error *err)
{
    const char *const sides[][3] = {
        {view->copy->question, view->copy->answer, view->copy->category},
        {view->template.question, view->template.answer, view->template.category},
    };
    bool good = true;
    for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
        good = text_check_unmasked("question", decision->question, sides[i][0], err) && good;
        good = text_check_unmasked("answer", decision->answer, sides[i][1], err) && good;
        good = text_check_unmasked("category", decision->category, sides[i][2], err) && good;
    }
    return good;
}

/* The pair gets the template's text, or a third one. */
static bool conflict_set_text(struct resolving *r, const struct copy_view *view, struct copy_changes *changes,
                              struct error *err)
{
    const struct copy_decision *decision = r->decision;
    struct template_side text = view->template;
    int64_t pair_id = view->copy->qa_pair_id;
    if (strcmp(decision->resolution, "take") != 0)
        text = (struct template_side){
            .question = decision->question ? decision->question : view->copy->question,
            .answer = decision->answer ? decision->answer : view->copy->answer,
            .category = decision->category ? decision->category : view->copy->category,
        };
    if (!conflict_check_unmasked(decision, view, err) ||
        !qa_pair_validate(text.question, text.answer, text.category, err) ||
        !conflict_check_question(r, changes->db, pair_id, text.question, err) ||
        !copy_note_change(changes, r->actor, pair_id, text.question, text.answer, text.category,
                          decision->reason, err))
        return false;
    return copy_set_text(changes, pair_id, text.question, text.answer, text.category, err);
}

static bool conflict_resolve_work(struct db *db, void *context, struct error *err)
{
    struct resolving *r = context;
    struct conflict conflict;
    struct copy_view view;
    if (!conflict_read(db, r->template_id, r->tenant_id, r->arena, &conflict, err) ||
        !conflict_make_view(db, &conflict, r->language, r->arena, &view, err) ||
        !conflict_check_decidable(&conflict, &view, r->decision, err) || !view.copy)
        return false;
    struct copy_changes changes = {.db = db, .tenant_id = conflict.tenant.id};
    struct copy_counts counts = {0};
    bool keeps = strcmp(r->decision->resolution, "keep") == 0;
    bool takes = strcmp(r->decision->resolution, "take") == 0;
    /* A kept copy is still of the version that it came from; an own pair comes from none, so from this one. */
    int64_t version = keeps && conflict.copy ? conflict.copy->version : conflict.template.version;
    if (!(keeps ? conflict_audit_keep(db, r, &view, err) : conflict_set_text(r, &view, &changes, err)))
        return false;
    if (!copy_link(&changes, &conflict.template, conflict.copy, &conflict.own, version, !takes, &counts,
                   err) ||
        !template_count_copies(db, conflict.template.id, counts.copies, counts.current, err) ||
        !copy_changes_finish(&changes, err))
        return false;
    return copy_view_read(db, r->template_id, r->tenant_id, r->language, r->arena, &r->view, err);
}

bool copy_resolve(struct platform *platform, const struct actor *actor, int64_t template_id,
                  const char *tenant_id, const struct copy_decision *decision, enum language language,
                  struct arena *arena, struct copy_view *ret_view, struct error *err)
{
    struct resolving r = {
        .actor = actor,
        .template_id = template_id,
        .tenant_id = tenant_id,
        .decision = decision,
        .language = language,
        .arena = arena,
    };
    if (!store_write(platform->store, conflict_resolve_work, &r, err))
        return false;
    *ret_view = r.view;
    return true;
}
