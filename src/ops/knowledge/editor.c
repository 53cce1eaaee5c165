#include "ops/knowledge/editor.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "ops/knowledge/internal.h"
#include "platform/knowledge/changes.h"
#include "platform/tenants/tenants.h"
#include "platform/text_rules.h"

static const struct field quality_fields[] = {
    FIELD(struct quality_view, score, REAL, "The score, 0 to 1, as it was last written"),
    FIELD(struct quality_view, hits, INT, "Answers that came from the pair"),
    FIELD(struct quality_view, good, INT, "Good feedback on them"),
    FIELD(struct quality_view, bad, INT, "Bad feedback on them"),
    FIELD(struct quality_view, age_days, INT, "Days since the last edit"),
    FIELD(struct quality_view, explanation, TEXT, "How it comes about, in the language of Accept-Language"),
};
static const struct descriptor quality_descriptor =
    DESCRIPTOR("Quality", struct quality_view, quality_fields);

_Static_assert(offsetof(struct qa_pair_detail, item) == 0, "the item's fields are the detail's, too");
static const struct field detail_fields[] = {
    QA_ITEM_FIELDS,
    FIELD(struct qa_pair_detail, deleted_at, TIME, "When it was deleted; null: it is live", .nullable = true),
    FIELD(struct qa_pair_detail, quality, OBJECT, "What the quality comes from", .of = &quality_descriptor),
};
const struct descriptor qa_pair_detail_descriptor =
    DESCRIPTOR("QAPairDetail", struct qa_pair_detail, detail_fields);

_Static_assert(offsetof(struct deleted_pair, item) == 0, "the item's fields are the deleted pair's, too");
static const struct field deleted_fields[] = {
    QA_ITEM_FIELDS,
    FIELD(struct deleted_pair, deleted_at, TIME, "When it was deleted"),
    FIELD(struct deleted_pair, deleted_by, TEXT, "Username of who deleted it", .personal = PERSONAL_PARTS),
    FIELD(struct deleted_pair, undo_until, TIME, "Until when it can be restored"),
};
const struct descriptor deleted_pair_descriptor =
    DESCRIPTOR("DeletedQAPair", struct deleted_pair, deleted_fields);

static bool pair_not_found(int64_t id, struct error *err)
{
    return error_set(err, ERROR_NOT_FOUND, "There is no pair %" PRId64 ".", "没有编号为 %" PRId64 " 的问答。",
                     id);
}

/* ---- looking ---- */

static const char SQL_DETAIL[] =
    "SELECT " QA_ITEM_COLUMNS ", q.deleted_at FROM qa_pairs q JOIN tenants t ON t.id = q.tenant_id"
    " WHERE q.id = $1 AND (q.deleted_at IS NULL OR q.deleted_at >= $2)";

bool qa_pair_detail_read(struct db *db, int64_t id, enum language language, struct arena *arena,
                         struct qa_pair_detail *ret_detail, struct error *err)
{
    struct qa_pair_detail detail = {.deleted_at = INT_NULL};
    bool found;
    if (!db_find(db, SQL_DETAIL, DB_ARGS(db_int(id), db_int(clock_now_ms() - KNOWLEDGE_UNDO_MS)),
                 &qa_pair_detail_descriptor, &detail, arena, &found, err))
        return false;
    if (!found)
        return pair_not_found(id, err);
    const struct qa_list_item *item = &detail.item;
    const struct quality_evidence evidence = {item->hit_count, item->good_count, item->bad_count,
                                              item->updated_at};
    int64_t now = clock_now_ms();
    detail.quality = (struct quality_view){
        .score = item->quality_score,
        .hits = item->hit_count,
        .good = item->good_count,
        .bad = item->bad_count,
        .age_days = quality_age_days(&evidence, now),
        .explanation = quality_explain(&evidence, now, language, arena),
    };
    *ret_detail = detail;
    return true;
}

/* $1 since when; $2 whose. Of one tenant and of all: an index for each. */
#define SQL_COUNT_DELETED(whose)                                                                             \
    "SELECT COUNT(*) FROM qa_pairs q WHERE q.deleted_at IS NOT NULL AND q.deleted_at >= $1" whose
/* $1 since when, $2 how long undo lasts, $3 and $4 which page, $5 whose. */
#define SQL_DELETED(whose)                                                                                   \
    "SELECT " QA_ITEM_COLUMNS ", q.deleted_at, COALESCE(q.deleted_by, '') AS deleted_by, q.deleted_at + $2"  \
    " AS undo_until FROM qa_pairs q JOIN tenants t ON t.id = q.tenant_id"                                    \
    " WHERE q.deleted_at IS NOT NULL AND q.deleted_at >= $1" whose                                           \
    " ORDER BY q.deleted_at DESC, q.id DESC LIMIT $3 OFFSET $4"

static const char SQL_COUNT_OF_ALL[] = SQL_COUNT_DELETED("");
static const char SQL_COUNT_OF_ONE[] = SQL_COUNT_DELETED(" AND q.tenant_id = $2");
static const char SQL_OF_ALL[] = SQL_DELETED("");
static const char SQL_OF_ONE[] = SQL_DELETED(" AND q.tenant_id = $5");

bool knowledge_deleted(struct db *db, const char *tenant_id, int64_t page, int64_t page_size,
                       struct arena *arena, struct deleted_pair **ret_pairs, size_t *ret_count,
                       int64_t *ret_total, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct deleted_pair *pairs = arena_alloc(arena, (size_t)page_size * sizeof(*pairs));
    size_t count = 0;
    int64_t since = clock_now_ms() - KNOWLEDGE_UNDO_MS;
    const struct db_value args[] = {db_int(since), db_int(KNOWLEDGE_UNDO_MS), db_int(page_size),
                                    db_int((page - 1) * page_size), db_text(tenant_id)};
    const struct db_value count_args[] = {db_int(since), db_text(tenant_id)};
    if (!db_find_int(db, tenant_id ? SQL_COUNT_OF_ONE : SQL_COUNT_OF_ALL, count_args, tenant_id ? 2 : 1, 0,
                     ret_total, err) ||
        !db_query(db, tenant_id ? SQL_OF_ONE : SQL_OF_ALL, args, tenant_id ? 5 : 4, &rows, err))
        return false;
    while (db_next(&rows) && count < (size_t)page_size)
        db_read_row(&rows, &deleted_pair_descriptor, &pairs[count++], arena);
    *ret_pairs = pairs;
    *ret_count = count;
    return db_done(&rows, err);
}

/* ---- changing ---- */

struct change {
    const struct actor *actor;
    int64_t id;
    const char *tenant_id; /* of a new one */
    const struct qa_pair_edit *edit;
    const char *reason;
    enum language language;
    struct arena *arena;
    struct qa_pair_detail detail; /* as it is afterwards */
};

static const char *pair_text_json(struct arena *arena, const char *tenant_id, int64_t version,
                                  const char *question, const char *answer, const char *category)
{
    CLEANUP(strbuf_release) struct strbuf out = {0};
    struct json_writer w = {.out = &out};
    json_object_begin(&w);
    json_key_text(&w, "tenant_id", tenant_id);
    json_key_int(&w, "version", version);
    json_key_text(&w, "question", question);
    json_key_text(&w, "answer", answer);
    json_key_text(&w, "category", category);
    json_object_end(&w);
    return arena_strdup(arena, strbuf_text(&out));
}

static const char *pair_row_json(struct arena *arena, const struct qa_pair_row *row)
{
    return pair_text_json(arena, row->tenant_id, row->version, row->question, row->answer, row->category);
}

static const char *pair_detail_json(const struct change *change)
{
    const struct qa_list_item *item = &change->detail.item;
    return pair_text_json(change->arena, item->tenant_id, item->version, item->question, item->answer,
                          item->category);
}

static bool pair_audit(struct db *db, const struct change *change, const char *action, const char *before,
                       const char *after, struct error *err)
{
    struct audit_entry entry = {
        .action = action,
        .target_type = "qa_pair",
        .target_id = arena_printf(change->arena, "%" PRId64, change->id),
        .before = before,
        .after = after,
        .reason = change->reason,
    };
    return audit_append(db, change->actor, &entry, err);
}

static bool pair_read_detail(struct db *db, struct change *change, struct error *err)
{
    return qa_pair_detail_read(db, change->id, change->language, change->arena, &change->detail, err);
}

static bool pair_check_question(struct db *db, const struct change *change, const char *tenant_id,
                                const char *question, struct error *err)
{
    struct qa_pair other;
    bool found;
    if (!qa_pair_same_question(db, tenant_id, question, change->arena, &other, &found, err))
        return false;
    return !found || other.id == change->id ||
           error_set_field(err, ERROR_CONFLICT, "question",
                           "The tenant has this question already: pair %" PRId64 "; edit that.",
                           "该商家已有相同的问题：问答 %" PRId64 "，请直接编辑它。", other.id);
}

static bool pair_create_work(struct db *db, void *context, struct error *err)
{
    struct change *change = context;
    const struct qa_pair_edit *edit = change->edit;
    struct qa_pair pair = {.tenant_id = change->tenant_id,
                           .question = edit->question,
                           .answer = edit->answer,
                           .category = edit->category};
    struct tenant tenant;
    bool found;
    int64_t revision;
    change->id = 0;
    if (!tenant_find(db, change->tenant_id, change->arena, &tenant, &found, err))
        return false;
    if (!found)
        return error_add_field(err, "tenant_id", "there is no such tenant", "没有这个商家");
    if (!pair_check_question(db, change, change->tenant_id, edit->question, err) ||
        !tenant_next_revision(db, change->tenant_id, &revision, err) ||
        !qa_pair_insert(db, revision, &pair, &change->id, err) ||
        !tenant_count_pairs(db, change->tenant_id, 1, 1, err) || !pair_read_detail(db, change, err))
        return false;
    return pair_audit(db, change, "qa_pair.create", NULL, pair_detail_json(change), err);
}

bool knowledge_create(struct platform *platform, const struct actor *actor, const char *tenant_id,
                      const struct qa_pair_edit *edit, enum language language, struct arena *arena,
                      struct qa_pair_detail *ret_detail, struct error *err)
{
    struct qa_pair_edit whole = *edit;
    struct change change = {
        .actor = actor, .tenant_id = tenant_id, .edit = &whole, .language = language, .arena = arena};
    whole.category = edit->category ? edit->category : "";
    if (!qa_pair_validate(whole.question, whole.answer, whole.category, err) ||
        !store_write(platform->store, pair_create_work, &change, err))
        return false;
    *ret_detail = change.detail;
    return true;
}

/* The live pair as it is now. */
static bool pair_read_live(struct db *db, const struct change *change, struct qa_pair_row *ret_row,
                           struct error *err)
{
    bool found;
    if (!qa_pair_row_read(db, change->id, change->arena, ret_row, &found, err))
        return false;
    return (found && ret_row->deleted_at == INT_NULL) || pair_not_found(change->id, err);
}

static const char *pair_edited_text(struct arena *arena, const char *text, const char *old)
{
    struct text_span span = text_trim(text);
    return text ? arena_strndup(arena, span.bytes, span.length) : old;
}

static bool pair_update_work(struct db *db, void *context, struct error *err)
{
    struct change *change = context;
    const struct qa_pair_edit *edit = change->edit;
    struct qa_pair_row old;
    if (!pair_read_live(db, change, &old, err))
        return false;
    if (edit->version != INT_NULL && edit->version != old.version)
        return error_set(err, ERROR_CONFLICT,
                         "Pair %" PRId64 " was edited by someone else meanwhile; load it again.",
                         "问答 %" PRId64 " 已被他人修改，请重新加载。", change->id);
    bool is_unmasked = text_check_unmasked("question", edit->question, old.question, err);
    is_unmasked = text_check_unmasked("answer", edit->answer, old.answer, err) && is_unmasked;
    if (!text_check_unmasked("category", edit->category, old.category, err) || !is_unmasked)
        return false;
    const char *question = pair_edited_text(change->arena, edit->question, old.question);
    const char *answer = pair_edited_text(change->arena, edit->answer, old.answer);
    const char *category = pair_edited_text(change->arena, edit->category, old.category);
    bool same_question = strcmp(question, old.question) == 0;
    if (same_question && strcmp(answer, old.answer) == 0 && strcmp(category, old.category) == 0)
        return pair_read_detail(db, change, err);
    struct qa_edits edits = {.db = db, .tenant_id = old.tenant_id};
    if (!qa_pair_validate(question, answer, category, err) ||
        (!same_question && !pair_check_question(db, change, old.tenant_id, question, err)) ||
        !qa_pair_set_text(&edits, &old, question, answer, category, err) || !qa_edits_finish(&edits, err) ||
        !pair_read_detail(db, change, err))
        return false;
    return pair_audit(db, change, "qa_pair.update", pair_row_json(change->arena, &old),
                      pair_detail_json(change), err);
}

bool knowledge_update(struct platform *platform, const struct actor *actor, int64_t id,
                      const struct qa_pair_edit *edit, enum language language, struct arena *arena,
                      struct qa_pair_detail *ret_detail, struct error *err)
{
    struct change change = {.actor = actor, .id = id, .edit = edit, .language = language, .arena = arena};
    if (!store_write(platform->store, pair_update_work, &change, err))
        return false;
    *ret_detail = change.detail;
    return true;
}

static bool pair_delete_work(struct db *db, void *context, struct error *err)
{
    struct change *change = context;
    struct qa_pair_row row;
    if (!pair_read_live(db, change, &row, err))
        return false;
    struct qa_edits edits = {.db = db, .tenant_id = row.tenant_id};
    return qa_pair_delete(&edits, &row, change->actor->username, clock_now_ms(), err) &&
           qa_edits_finish(&edits, err) &&
           pair_audit(db, change, "qa_pair.delete", pair_row_json(change->arena, &row), NULL, err);
}

bool knowledge_delete(struct platform *platform, const struct actor *actor, int64_t id, const char *reason,
                      struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    struct change change = {.actor = actor, .id = id, .reason = reason, .arena = &arena};
    return store_write(platform->store, pair_delete_work, &change, err);
}

static bool pair_restore_work(struct db *db, void *context, struct error *err)
{
    struct change *change = context;
    struct qa_pair_row row;
    bool found;
    if (!qa_pair_row_read(db, change->id, change->arena, &row, &found, err))
        return false;
    if (found && row.deleted_at == INT_NULL)
        return error_set(err, ERROR_CONFLICT, "Pair %" PRId64 " is not deleted.",
                         "问答 %" PRId64 " 没有被删除。", change->id);
    if (!found || row.deleted_at < clock_now_ms() - KNOWLEDGE_UNDO_MS)
        return pair_not_found(change->id, err);
    struct qa_edits edits = {.db = db, .tenant_id = row.tenant_id};
    if (!qa_pair_restore(&edits, &row, err) || !qa_edits_finish(&edits, err) ||
        !pair_read_detail(db, change, err))
        return false;
    return pair_audit(db, change, "qa_pair.restore", NULL, pair_detail_json(change), err);
}

bool knowledge_restore(struct platform *platform, const struct actor *actor, int64_t id,
                       enum language language, struct arena *arena, struct qa_pair_detail *ret_detail,
                       struct error *err)
{
    struct change change = {.actor = actor, .id = id, .language = language, .arena = arena};
    if (!store_write(platform->store, pair_restore_work, &change, err))
        return false;
    *ret_detail = change.detail;
    return true;
}
