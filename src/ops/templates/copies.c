#include "ops/templates/copies.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "platform/knowledge/knowledge.h"
#include "platform/knowledge/templates.h"
#include "platform/tenants/tenants.h"

const char *const template_states[] = {
#define X(state, name) [state] = name,
    TEMPLATE_STATE_TABLE(X)
#undef X
        [TEMPLATE_STATE_COUNT] = NULL,
};

/* ---- templates ---- */

static const struct field common_fields[] = {
    FIELD(struct common_template, id, INT, ""),          FIELD(struct common_template, version, INT, ""),
    FIELD(struct common_template, text_hash, INT, ""),   FIELD(struct common_template, for_all, BOOL, ""),
    FIELD(struct common_template, created_at, TIME, ""), FIELD(struct common_template, question, TEXT, ""),
    FIELD(struct common_template, answer, TEXT, ""),     FIELD(struct common_template, category, TEXT, ""),
};
static const struct descriptor common_descriptor =
    DESCRIPTOR("CommonTemplate", struct common_template, common_fields);

static const struct field mark_fields[] = {
    FIELD(struct template_mark, template_id, INT, ""),
    FIELD(struct template_mark, version, INT, ""),
    FIELD(struct template_mark, text_hash, INT, ""),
    FIELD(struct template_mark, category, TEXT, ""),
};
static const struct descriptor mark_descriptor =
    DESCRIPTOR("TemplateMark", struct template_mark, mark_fields);

static const char SQL_MARKS[] = "SELECT template_id, version, text_hash, category FROM template_versions"
                                " WHERE template_id = $1 ORDER BY version DESC LIMIT $2";

static bool template_read_marks(struct db *db, struct arena *arena, struct common_template *template,
                                struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct template_mark *marks = arena_alloc(arena, (size_t) template->version * sizeof(*marks));
    size_t count = 0;
    if (!db_query(db, SQL_MARKS, DB_ARGS(db_int(template->id), db_int(template->version)), &rows, err))
        return false;
    while (db_next(&rows))
        db_read_row(&rows, &mark_descriptor, &marks[count++], arena);
    template->marks = marks;
    template->mark_count = count;
    return db_done(&rows, err);
}

static const char SQL_COMMON[] =
    "SELECT id, version, text_hash, for_all, created_at, question, answer, category"
    " FROM templates WHERE id = $1 AND deleted_at IS NULL";

bool common_template_read(struct db *db, int64_t id, struct arena *arena,
                          struct common_template *ret_template, bool *ret_found, struct error *err)
{
    struct common_template template = {0};
    bool found;
    if (!db_find(db, SQL_COMMON, DB_ARGS(db_int(id)), &common_descriptor, &template, arena, &found, err) ||
        (found && !template_read_marks(db, arena, &template, err)))
        return false;
    *ret_template = template;
    *ret_found = found;
    return true;
}

#define TEMPLATES_MATCH                                                                                      \
    " FROM templates t WHERE t.deleted_at IS NULL AND (CAST($1 AS BIGINT) IS NULL OR t.id = $1)"             \
    " AND (CAST($2 AS TEXT) IS NULL OR t.category = $2)"
#define MARKS_MATCH " FROM template_versions v WHERE v.template_id IN (SELECT t.id" TEMPLATES_MATCH ")"

static const char SQL_COUNT_TEMPLATES[] = "SELECT COUNT(*)" TEMPLATES_MATCH;
static const char SQL_TEMPLATES[] =
    "SELECT t.id, t.version, t.text_hash, t.for_all, t.created_at, t.question, t.category" TEMPLATES_MATCH
    " ORDER BY t.category, t.id LIMIT $3";
static const char SQL_COUNT_MARKS[] = "SELECT COUNT(*)" MARKS_MATCH;
static const char SQL_ALL_MARKS[] = "SELECT v.template_id, v.version, v.text_hash, v.category" MARKS_MATCH
                                    " ORDER BY v.template_id, v.version DESC LIMIT $3";

/* As many as `sql_count` finds, so that there is room for all that `sql_rows` gives. */
static bool template_read_matching(struct db *db, const char *sql_count, const char *sql_rows,
                                   struct db_value args[3], const struct descriptor *descriptor,
                                   struct arena *arena, void **ret_rows, size_t *ret_count, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    int64_t room = 0;
    size_t count = 0;
    if (!db_find_int(db, sql_count, args, 2, 0, &room, err))
        return false;
    char *objects = arena_alloc(arena, (size_t)(room + 1) * descriptor->size);
    args[2] = db_int(room);
    if (!db_query(db, sql_rows, args, 3, &rows, err))
        return false;
    while (db_next(&rows))
        db_read_row(&rows, descriptor, objects + count++ * descriptor->size, arena);
    *ret_rows = objects;
    *ret_count = count;
    return db_done(&rows, err);
}

static int template_mark_compare(const void *a, const void *b)
{
    int64_t left = ((const struct template_mark *)a)->template_id;
    int64_t right = ((const struct template_mark *)b)->template_id;
    return (left > right) - (left < right);
}

/* `marks`: of all templates, by id, newest first. */
static void template_take_marks(struct common_template *template, const struct template_mark *marks,
                                size_t count)
{
    const struct template_mark key = {.template_id = template->id}, *end = marks + count;
    const struct template_mark *first = bsearch(&key, marks, count, sizeof(*marks), template_mark_compare);
    const struct template_mark *last = first;
    while (first && first > marks && first[-1].template_id == template->id)
        first--;
    while (last && last < end && last->template_id == template->id)
        last++;
    template->marks = first;
    template->mark_count = (size_t)(last - first);
}

bool common_templates_read(struct db *db, int64_t template_id, const char *category, struct arena *arena,
                           struct common_template **ret_templates, size_t *ret_count, struct error *err)
{
    struct db_value args[] = {db_int(template_id), db_text(category), db_int(0)};
    void *templates, *marks;
    size_t count, mark_count;
    if (!template_read_matching(db, SQL_COUNT_TEMPLATES, SQL_TEMPLATES, args, &common_descriptor, arena,
                                &templates, &count, err) ||
        !template_read_matching(db, SQL_COUNT_MARKS, SQL_ALL_MARKS, args, &mark_descriptor, arena, &marks,
                                &mark_count, err))
        return false;
    *ret_templates = templates;
    *ret_count = count;
    for (size_t i = 0; i < count; i++)
        template_take_marks(&(*ret_templates)[i], marks, mark_count);
    return true;
}

/* ---- what a tenant has ---- */

static const struct field copy_fields[] = {
    FIELD(struct template_copy, pair_id, INT, ""),   FIELD(struct template_copy, template_id, INT, ""),
    FIELD(struct template_copy, version, INT, ""),   FIELD(struct template_copy, kept, INT, ""),
    FIELD(struct template_copy, text_hash, INT, ""), FIELD(struct template_copy, category, TEXT, ""),
    FIELD(struct template_copy, deleted, BOOL, ""),
};
static const struct descriptor copy_descriptor =
    DESCRIPTOR("TemplateCopy", struct template_copy, copy_fields);

/* Room for one more in an array of the arena's that grows by doubling. */
static void *copies_make_room(struct arena *arena, void *former, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return former;
    *room = *room ? 2 * *room : 16;
    void *larger = arena_alloc(arena, *room * size);
    if (count > 0)
        memcpy(larger, former, count * size);
    return larger;
}

/* 'IS NOT NULL' in these words: idx_qa_pairs_template is for them. */
#define COPY_COLUMNS                                                                                         \
    "SELECT id AS pair_id, template_id, template_version AS version, COALESCE(template_kept, 0) AS kept,"    \
    " text_hash, category, CASE WHEN deleted_at IS NULL THEN 0 ELSE 1 END AS deleted"
static const char SQL_COPIES[] = COPY_COLUMNS
    " FROM qa_pairs WHERE tenant_id = $1 AND template_id IS NOT NULL AND template_id BETWEEN $2 AND $3"
    " ORDER BY template_id";

bool template_copies_read(struct db *db, const char *tenant_id, int64_t first, int64_t last,
                          struct arena *arena, struct template_copy **ret_copies, size_t *ret_count,
                          struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct template_copy *copies = NULL;
    size_t count = 0, room = 0;
    if (!db_query(db, SQL_COPIES, DB_ARGS(db_text(tenant_id), db_int(first), db_int(last)), &rows, err))
        return false;
    while (db_next(&rows)) {
        copies = copies_make_room(arena, copies, count, &room, sizeof(*copies));
        db_read_row(&rows, &copy_descriptor, &copies[count++], arena);
    }
    *ret_copies = copies;
    *ret_count = count;
    return db_done(&rows, err);
}

/* Whose of `tenant_ids` the row is. */
static size_t copies_find_tenant(const char *const *tenant_ids, size_t count, const char *id)
{
    size_t at = 0;
    while (at < count && strcmp(tenant_ids[at], id) != 0)
        at++;
    return at;
}

static const char SQL_ALL_COPIES[] =
    COPY_COLUMNS ", tenant_id FROM qa_pairs WHERE tenant_id IN (" DB_LIST ") AND template_id IS NOT NULL"
                 " ORDER BY tenant_id, template_id";
#define COLUMN_TENANT 7

bool template_copies_read_all(struct db *db, const char *const *tenant_ids, size_t count, struct arena *arena,
                              struct template_copies *ret_copies, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct db_value ids[DB_LIST_MAX] = {0};
    size_t room[DB_LIST_MAX] = {0};
    for (size_t i = 0; i < count; i++) {
        ids[i] = db_text(tenant_ids[i]);
        ret_copies[i] = (struct template_copies){0};
    }
    if (!db_query(db, SQL_ALL_COPIES, ids, DB_LIST_MAX, &rows, err))
        return false;
    while (db_next(&rows)) {
        size_t i = copies_find_tenant(tenant_ids, count, db_column_text(&rows, COLUMN_TENANT));
        struct template_copies *of = &ret_copies[i];
        of->copies = copies_make_room(arena, of->copies, of->count, &room[i], sizeof(*of->copies));
        db_read_row(&rows, &copy_descriptor, &of->copies[of->count++], arena);
    }
    return db_done(&rows, err);
}

static const struct field own_fields[] = {
    FIELD(struct own_pair, pair_id, INT, ""),   FIELD(struct own_pair, question_key, INT, ""),
    FIELD(struct own_pair, text_hash, INT, ""), FIELD(struct own_pair, category, TEXT, ""),
    FIELD(struct own_pair, linked_id, INT, ""), FIELD(struct own_pair, linked_version, INT, ""),
};
static const struct descriptor own_descriptor = DESCRIPTOR("OwnPair", struct own_pair, own_fields);

/* A link to a template that was deleted is as good as none. */
#define OWN_COLUMNS                                                                                          \
    "SELECT p.id AS pair_id, p.question_key, p.text_hash, p.category, COALESCE(t.id, 0) AS linked_id,"       \
    " COALESCE(p.template_version, 0) AS linked_version"
#define OWN_LINK " LEFT JOIN templates t ON t.id = p.template_id AND t.deleted_at IS NULL"

static const char SQL_OWN[] =
    OWN_COLUMNS " FROM qa_pairs p" OWN_LINK " WHERE p.tenant_id = $1 AND p.question_key = $2"
                " AND p.deleted_at IS NULL ORDER BY p.id";

/* The one to be shown: not linked, else the first. */
static void own_pair_prefer(struct own_pair *best, const struct own_pair *own,
                            const struct common_template *template)
{
    bool better = best->pair_id == 0 || (best->linked_id != 0 && own->linked_id == 0);
    if (own->linked_id != template->id && better)
        *best = *own;
}

bool own_pair_find(struct db *db, const char *tenant_id, const struct common_template *template,
                   struct arena *arena, struct own_pair *ret_own, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct own_pair best = {0};
    if (!db_query(db, SQL_OWN, DB_ARGS(db_text(tenant_id), db_int(qa_question_key(template->question))),
                  &rows, err))
        return false;
    while (db_next(&rows)) {
        struct own_pair own = {0};
        db_read_row(&rows, &own_descriptor, &own, arena);
        own_pair_prefer(&best, &own, template);
    }
    *ret_own = best;
    return db_done(&rows, err);
}

/* From the templates on: they are far fewer than the tenant's pairs may be. For one tenant at a time: for several
 * SQLite would make an index of all pairs first. */
static const char SQL_ALL_OWN[] = OWN_COLUMNS
    " FROM templates c CROSS JOIN qa_pairs p" OWN_LINK
    " WHERE c.deleted_at IS NULL AND p.tenant_id = $1 AND p.question_key = c.question_key"
    " AND p.deleted_at IS NULL AND COALESCE(p.template_id, 0) <> c.id ORDER BY p.question_key, p.id";

bool own_pairs_read(struct db *db, const char *tenant_id, struct arena *arena, struct own_pairs *ret_pairs,
                    struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct own_pair *pairs = NULL;
    size_t count = 0, room = 0;
    if (!db_query(db, SQL_ALL_OWN, DB_ARGS(db_text(tenant_id)), &rows, err))
        return false;
    while (db_next(&rows)) {
        pairs = copies_make_room(arena, pairs, count, &room, sizeof(*pairs));
        db_read_row(&rows, &own_descriptor, &pairs[count++], arena);
    }
    *ret_pairs = (struct own_pairs){pairs, count};
    return db_done(&rows, err);
}

struct own_pair own_pair_among(const struct own_pairs *pairs, const struct common_template *template)
{
    int64_t key = qa_question_key(template->question);
    struct own_pair best = {0};
    size_t low = 0, high = pairs->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pairs->pairs[middle].question_key < key)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < pairs->count && pairs->pairs[low].question_key == key; low++)
        own_pair_prefer(&best, &pairs->pairs[low], template);
    return best;
}

static bool template_has_text(int64_t text_hash, const char *category, const struct common_template *template)
{
    return text_hash == template->text_hash && strcmp(category, template->category) == 0;
}

bool own_pair_has_text_of(const struct own_pair *own, const struct common_template *template)
{
    return template_has_text(own->text_hash, own->category, template);
}

bool template_copy_has_text_of(const struct template_copy *copy, const struct common_template *template)
{
    return template_has_text(copy->text_hash, copy->category, template);
}

bool template_copy_is_touched(const struct template_copy *copy, const struct common_template *template)
{
    for (size_t i = 0; i < template->mark_count; i++) {
        const struct template_mark *mark = &template->marks[i];
        if (mark->version == copy->version)
            return mark->text_hash != copy->text_hash || strcmp(mark->category, copy->category) != 0;
    }
    return true;
}

bool own_pair_matters(const struct template_copy *copy, const struct common_template *template)
{
    return !copy || (!copy->deleted && !template_copy_has_text_of(copy, template));
}

struct own_pair own_pair_beside(const struct template_copy *copy, struct own_pair found)
{
    static const struct own_pair none;
    return copy && found.linked_id != 0 ? none : found;
}

bool own_pair_in_way(struct db *db, const char *tenant_id, const struct common_template *template,
                     const struct template_copy *copy, struct arena *arena, struct own_pair *ret_own,
                     struct error *err)
{
    struct own_pair found = {0};
    if (own_pair_matters(copy, template) && !own_pair_find(db, tenant_id, template, arena, &found, err))
        return false;
    *ret_own = own_pair_beside(copy, found);
    return true;
}

enum template_state template_state_of(const struct common_template *template,
                                      const struct template_copy *copy, const struct own_pair *own)
{
    if (!copy) {
        if (own->pair_id != 0 && (own->linked_id != 0 || !own_pair_has_text_of(own, template)))
            return TEMPLATE_CONFLICT;
        return template->for_all ? TEMPLATE_MISSING : TEMPLATE_NONE;
    }
    if (copy->deleted)
        return TEMPLATE_DELETED;
    if (template_copy_is_touched(copy, template) || own->pair_id != 0)
        return copy->kept == template->version ? TEMPLATE_KEPT : TEMPLATE_CONFLICT;
    return copy->version == template->version ? TEMPLATE_CURRENT : TEMPLATE_OUTDATED;
}

bool template_state_is_behind(enum template_state state)
{
    return state == TEMPLATE_OUTDATED || state == TEMPLATE_MISSING;
}

/* ---- changing ---- */

static bool copy_need_revision(struct copy_changes *changes, struct error *err)
{
    return changes->revision != 0 ||
           tenant_next_revision(changes->db, changes->tenant_id, &changes->revision, err);
}

static bool copy_insert_fresh(struct copy_changes *changes, struct error *err)
{
    struct qa_pair pairs[FRESH_COPIES];
    size_t count = changes->fresh_count;
    for (size_t i = 0; i < count; i++) {
        const struct common_template *template = changes->fresh[i];
        pairs[i] = (struct qa_pair){
            .tenant_id = changes->tenant_id,
            .question = template->question,
            .answer = template->answer,
            .category = template->category,
            .source = "template",
            .template_id = template->id,
            .template_version = template->version,
        };
    }
    changes->fresh_count = 0;
    return count == 0 || (copy_need_revision(changes, err) &&
                          qa_pairs_insert(changes->db, changes->revision, pairs, count, NULL, err));
}

bool copy_insert(struct copy_changes *changes, const struct common_template *template,
                 struct copy_counts *counts, struct error *err)
{
    changes->pairs++;
    changes->unsynced++;
    counts->copies++;
    counts->current++;
    changes->fresh[changes->fresh_count++] = template;
    return changes->fresh_count < FRESH_COPIES || copy_insert_fresh(changes, err);
}

bool copy_set_text(struct copy_changes *changes, int64_t pair_id, const char *question, const char *answer,
                   const char *category, struct error *err)
{
    bool was_synced;
    struct qa_pair pair = {
        .id = pair_id,
        .tenant_id = changes->tenant_id,
        .question = question,
        .answer = answer,
        .category = category,
    };
    if (!copy_need_revision(changes, err) ||
        !qa_pair_update_text(changes->db, changes->revision, &pair, &was_synced, err))
        return false;
    changes->unsynced += was_synced;
    return true;
}

bool copy_link(struct copy_changes *changes, const struct common_template *template,
               const struct template_copy *before, const struct own_pair *own, int64_t version, bool kept,
               struct copy_counts *counts, struct error *err)
{
    bool was_current = before && before->version == template->version;
    if (!before && own->linked_id != 0 &&
        !template_count_copy(changes->db, own->linked_id, own->linked_version, -1, err))
        return false;
    counts->copies += !before;
    counts->current += (version == template->version) - was_current;
    return qa_pair_set_link(changes->db, before ? before->pair_id : own->pair_id, template->id, version,
                            kept ? template->version : 0, err);
}

bool copy_unlink_deleted(struct copy_changes *changes, const struct template_copy *copy, struct error *err)
{
    return qa_pair_set_link(changes->db, copy->pair_id, 0, 0, 0, err);
}

bool copy_changes_finish(struct copy_changes *changes, struct error *err)
{
    return copy_insert_fresh(changes, err) &&
           tenant_count_pairs(changes->db, changes->tenant_id, changes->pairs, changes->unsynced, err);
}

static void copy_write_text(struct strbuf *out, const char *question, const char *answer,
                            const char *category)
{
    struct json_writer w = {.out = out};
    json_object_begin(&w);
    json_key_text(&w, "question", question);
    json_key_text(&w, "answer", answer);
    json_key_text(&w, "category", category);
    json_object_end(&w);
}

bool copy_note_change(struct copy_changes *changes, const struct actor *actor, int64_t pair_id,
                      const char *question, const char *answer, const char *category, const char *reason,
                      struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(strbuf_release) struct strbuf before = {0};
    CLEANUP(strbuf_release) struct strbuf after = {0};
    struct qa_pair pair;
    size_t found;
    if (!qa_pairs_get(changes->db, changes->tenant_id, &pair_id, 1, &arena, &pair, &found, err))
        return false;
    if (found == 0)
        return error_set(err, ERROR_NOT_FOUND, "There is no pair %" PRId64 " of this tenant.",
                         "该商家没有编号为 %" PRId64 " 的问答。", pair_id);
    copy_write_text(&before, pair.question, pair.answer, pair.category);
    copy_write_text(&after, question, answer, category);
    struct audit_entry entry = {
        .action = "qa_pair.update",
        .target_type = "qa_pair",
        .target_id = arena_printf(&arena, "%" PRId64, pair_id),
        .before = strbuf_text(&before),
        .after = strbuf_text(&after),
        .reason = reason,
    };
    return audit_append(changes->db, actor, &entry, err);
}
