#include "ops/templates/template_manager.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "platform/knowledge/knowledge.h"
#include "platform/knowledge/templates.h"
#include "platform/text_rules.h"
#include "search/fold.h"

/* clang-format off */
#define TEMPLATE_FIELDS                                                                                      \
    FIELD(struct template, id, INT, "Id of the template"),                                                   \
    FIELD(struct template, question, TEXT, "Question, as customers ask it", .personal = PERSONAL_PARTS),                                 \
    FIELD(struct template, answer, TEXT, "Answer that every tenant may give", .personal = PERSONAL_PARTS),                               \
    FIELD(struct template, category, TEXT, "Category; empty: none", .personal = PERSONAL_PARTS),                                         \
    FIELD(struct template, version, INT, "Counts its texts"),                                                \
    FIELD(struct template, distributed_count, INT, "Tenants with a live copy, of any version"),              \
    FIELD(struct template, current_count, INT, "Tenants with a copy of the present version"),                \
    FIELD(struct template, tenant_count, INT, "All tenants"),                                                \
    FIELD(struct template, for_all, BOOL, "It was distributed to all: whoever lacks it misses it"),          \
    FIELD(struct template, created_at, TIME, "When it was made"),                                            \
    FIELD(struct template, updated_at, TIME, "When it got its present text"),                                \
    FIELD(struct template, updated_by, TEXT, "Who gave it that", .personal = PERSONAL_PARTS)
/* clang-format on */

static const struct field template_fields[] = {TEMPLATE_FIELDS};
const struct descriptor template_descriptor = DESCRIPTOR("Template", struct template, template_fields);

static const struct field category_fields[] = {
    FIELD(struct template_category, category, TEXT, "Category; empty: none", .personal = PERSONAL_PARTS),
    FIELD(struct template_category, count, INT, "Templates in it"),
};
static const struct descriptor category_descriptor =
    DESCRIPTOR("TemplateCategory", struct template_category, category_fields);

static const struct field list_fields[] = {
    FIELD_MANY(struct template_list, items, LIST, "The page's templates", .of = &template_descriptor),
    FIELD(struct template_list, total, INT, "Templates on all pages"),
    FIELD(struct template_list, page, INT, "Which page, from 1"),
    FIELD(struct template_list, page_size, INT, "Items on a page"),
    FIELD_MANY(struct template_list, categories, LIST, "Categories of all templates",
               .of = &category_descriptor),
};
const struct descriptor template_list_descriptor =
    DESCRIPTOR("TemplateList", struct template_list, list_fields);

static const struct field version_fields[] = {
    FIELD(struct template_version, version, INT, "Number of the version, from 1"),
    FIELD(struct template_version, question, TEXT, "Question of that version", .personal = PERSONAL_PARTS),
    FIELD(struct template_version, answer, TEXT, "Answer of that version", .personal = PERSONAL_PARTS),
    FIELD(struct template_version, category, TEXT, "Category of that version", .personal = PERSONAL_PARTS),
    FIELD(struct template_version, created_at, TIME, "When it was written"),
    FIELD(struct template_version, created_by, TEXT, "Who wrote it", .personal = PERSONAL_PARTS),
};
static const struct descriptor version_descriptor =
    DESCRIPTOR("TemplateVersion", struct template_version, version_fields);

_Static_assert(offsetof(struct template_detail, template) == 0, "its fields are used for the detail, too");
static const struct field detail_fields[] = {
    TEMPLATE_FIELDS,
    FIELD_MANY(struct template_detail, versions, LIST, "Its texts, newest first, 100 at most",
               .of = &version_descriptor),
};
const struct descriptor template_detail_descriptor =
    DESCRIPTOR("TemplateDetail", struct template_detail, detail_fields);

/* ---- reading ---- */

#define TEMPLATE_COLUMNS                                                                                     \
    "id, question, answer, category, version, copy_count AS distributed_count, current_count,"               \
    " (SELECT value FROM platform_counters WHERE name = 'tenants') AS tenant_count, for_all, created_at,"    \
    " updated_at, updated_by"

static const char SQL_BY_ID[] =
    "SELECT " TEMPLATE_COLUMNS " FROM templates WHERE id = $1 AND deleted_at IS NULL";

bool template_get(struct db *db, int64_t id, struct arena *arena, struct template *ret_template,
                  struct error *err)
{
    bool found;
    if (!db_find(db, SQL_BY_ID, DB_ARGS(db_int(id)), &template_descriptor, ret_template, arena, &found, err))
        return false;
    return found || error_set(err, ERROR_NOT_FOUND, "There is no template %" PRId64 ".",
                              "没有编号为 %" PRId64 " 的模板。", id);
}

#define MATCHES " FROM templates WHERE deleted_at IS NULL AND (CAST($1 AS TEXT) IS NULL OR category = $1)"

static const char SQL_COUNT[] = "SELECT COUNT(*)" MATCHES;

/* Ties by id, in the same direction. */
#define SORTS(X)                                                                                             \
    X("question", "question")                                                                                \
    X("category", "category")                                                                                \
    X("distributed_count", "copy_count")                                                                     \
    X("version", "version")                                                                                  \
    X("updated_at", "updated_at")                                                                            \
    X("created_at", "created_at")

#define SQL_LIST(order) "SELECT " TEMPLATE_COLUMNS MATCHES " ORDER BY " order " LIMIT $2 OFFSET $3"
const char *const template_sorts[] = {
#define X(name, column) name, "-" name,
    SORTS(X)
#undef X
        NULL,
};
static const char *const list_sql[] = {
#define X(name, column) SQL_LIST(column ", id"), SQL_LIST(column " DESC, id DESC"),
    SORTS(X)
#undef X
};

static const char *template_list_sql(const char *sort)
{
    size_t i = 0;
    while (template_sorts[i] && strcmp(template_sorts[i], sort) != 0)
        i++;
    return list_sql[template_sorts[i] ? i : 0];
}

enum { COLUMN_QUESTION = 1, COLUMN_ANSWER }; /* of TEMPLATE_COLUMNS */

static bool template_list_page(struct db *db, const struct template_filter *filter,
                               struct template_list *list, struct arena *arena, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(db, template_list_sql(filter->sort),
                  DB_ARGS(db_text(filter->category), db_int(filter->page_size),
                          db_int((filter->page - 1) * filter->page_size)),
                  &rows, err))
        return false;
    while (db_next(&rows))
        db_read_row(&rows, &template_descriptor, &list->items[list->items_count++], arena);
    return db_done(&rows, err) &&
           db_find_int(db, SQL_COUNT, DB_ARGS(db_text(filter->category)), 0, &list->total, err);
}

static bool template_text_holds(const char *text, const struct strbuf *folded_keyword, struct strbuf *room)
{
    strbuf_reset(room);
    text_fold(text, strlen(text), room);
    return memmem(strbuf_text(room), room->length, folded_keyword->bytes, folded_keyword->length);
}

/* The texts of all are folded here: some microseconds for each, and templates are hundreds. */
static bool template_list_page_holding(struct db *db, const struct template_filter *filter,
                                       const struct strbuf *folded_keyword, struct template_list *list,
                                       struct arena *arena, struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    CLEANUP(strbuf_release) struct strbuf room = {0};
    int64_t first = (filter->page - 1) * filter->page_size, last = first + filter->page_size - 1;
    if (!db_query(db, template_list_sql(filter->sort),
                  DB_ARGS(db_text(filter->category), db_int(INT64_MAX), db_int(0)), &rows, err))
        return false;
    while (db_next(&rows)) {
        if (!template_text_holds(db_column_text(&rows, COLUMN_QUESTION), folded_keyword, &room) &&
            !template_text_holds(db_column_text(&rows, COLUMN_ANSWER), folded_keyword, &room))
            continue;
        if (list->total >= first && list->total <= last)
            db_read_row(&rows, &template_descriptor, &list->items[list->items_count++], arena);
        list->total++;
    }
    return db_done(&rows, err);
}

static const char SQL_CATEGORIES[] = "SELECT category, COUNT(*) AS count FROM templates"
                                     " WHERE deleted_at IS NULL GROUP BY category ORDER BY category";
#define CATEGORIES_MAX 500 /* that the list names */

static bool template_list_categories(struct db *db, struct arena *arena, struct template_list *list,
                                     struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    list->categories = arena_alloc(arena, CATEGORIES_MAX * sizeof(*list->categories));
    if (!db_query(db, SQL_CATEGORIES, DB_NO_ARGS, &rows, err))
        return false;
    while (list->categories_count < CATEGORIES_MAX && db_next(&rows))
        db_read_row(&rows, &category_descriptor, &list->categories[list->categories_count++], arena);
    return db_done(&rows, err);
}

bool template_list_read(struct db *db, const struct template_filter *filter, struct arena *arena,
                        struct template_list *ret_list, struct error *err)
{
    struct template_list list = {.page = filter->page, .page_size = filter->page_size};
    struct text_span keyword = text_trim(filter->keyword ? filter->keyword : "");
    CLEANUP(strbuf_release) struct strbuf folded = {0};
    text_fold(keyword.bytes, keyword.length, &folded);
    list.items = arena_alloc(arena, (size_t)filter->page_size * sizeof(*list.items));
    bool done = folded.length > 0 ? template_list_page_holding(db, filter, &folded, &list, arena, err)
                                  : template_list_page(db, filter, &list, arena, err);
    if (!done || !template_list_categories(db, arena, &list, err))
        return false;
    *ret_list = list;
    return true;
}

#define VERSIONS_SHOWN 100 /* the newest: each may be forty thousand bytes */

static const char SQL_VERSIONS[] =
    "SELECT version, question, answer, category, created_at, created_by"
    " FROM template_versions WHERE template_id = $1 ORDER BY version DESC LIMIT $2";

static bool template_read_versions(struct db *db, struct arena *arena, struct template_detail *detail,
                                   struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    detail->versions = arena_alloc(arena, VERSIONS_SHOWN * sizeof(*detail->versions));
    if (!db_query(db, SQL_VERSIONS, DB_ARGS(db_int(detail->template.id), db_int(VERSIONS_SHOWN)), &rows, err))
        return false;
    while (db_next(&rows))
        db_read_row(&rows, &version_descriptor, &detail->versions[detail->versions_count++], arena);
    return db_done(&rows, err);
}

bool template_detail_read(struct db *db, int64_t id, struct arena *arena, struct template_detail *ret_detail,
                          struct error *err)
{
    struct template_detail detail = {0};
    if (!template_get(db, id, arena, &detail.template, err) ||
        !template_read_versions(db, arena, &detail, err))
        return false;
    *ret_detail = detail;
    return true;
}

/* ---- changing ---- */

struct change {
    const struct actor *actor;
    int64_t id;
    const struct template_edit *edit;
    const char *reason; /* NULL: none was given */
    struct arena *arena;
    struct template template; /* as it is afterwards */
};

static const char *template_text_json(struct arena *arena, const struct template *template)
{
    CLEANUP(strbuf_release) struct strbuf out = {0};
    struct json_writer w = {.out = &out};
    json_object_begin(&w);
    json_key_int(&w, "version", template->version);
    json_key_text(&w, "question", template->question);
    json_key_text(&w, "answer", template->answer);
    json_key_text(&w, "category", template->category);
    json_object_end(&w);
    return arena_strdup(arena, strbuf_text(&out));
}

static bool template_audit(struct db *db, const struct change *change, const char *action, const char *before,
                           const char *after, struct error *err)
{
    struct audit_entry entry = {
        .action = action,
        .target_type = "template",
        .target_id = arena_printf(change->arena, "%" PRId64, change->id),
        .before = before,
        .after = after,
        .reason = change->reason,
    };
    return audit_append(db, change->actor, &entry, err);
}

static bool template_create_work(struct db *db, void *context, struct error *err)
{
    struct change *change = context;
    struct template_text text = {change->edit->question, change->edit->answer, change->edit->category};
    return template_insert(db, &text, change->actor->username, &change->id, err) &&
           template_get(db, change->id, change->arena, &change->template, err) &&
           template_audit(db, change, "template.create", NULL,
                          template_text_json(change->arena, &change->template), err);
}

/* As a pair, and with an answer: a tenant may have a question without an answer, a template may not. */
static bool template_check_text(const struct template_text *text, struct error *err)
{
    bool fine = qa_pair_validate(text->question, text->answer, text->category, err);
    if (text_trim(text->answer).length == 0)
        fine = error_add_field(err, "answer", "must not be empty", "不能为空");
    return fine;
}

bool template_create(struct platform *platform, const struct actor *actor, const struct template_edit *input,
                     struct arena *arena, struct template *ret_template, struct error *err)
{
    struct change change = {.actor = actor, .edit = input, .arena = arena};
    struct template_text text = {input->question, input->answer, input->category ? input->category : ""};
    if (!template_check_text(&text, err) || !store_write(platform->store, template_create_work, &change, err))
        return false;
    *ret_template = change.template;
    return true;
}

static const char *template_trim(struct arena *arena, const char *text)
{
    struct text_span span = text_trim(text);
    return arena_strndup(arena, span.bytes, span.length);
}

static bool template_update_work(struct db *db, void *context, struct error *err)
{
    struct change *change = context;
    const struct template_edit *edit = change->edit;
    struct template old;
    if (!template_get(db, change->id, change->arena, &old, err))
        return false;
    if (edit->version != INT_NULL && edit->version != old.version)
        return error_set(err, ERROR_CONFLICT,
                         "Template %" PRId64 " was edited by someone else meanwhile; load it again.",
                         "模板 %" PRId64 " 已被他人修改，请重新加载。", change->id);
    bool unmasked = text_check_unmasked("question", edit->question, old.question, err);
    unmasked = text_check_unmasked("answer", edit->answer, old.answer, err) && unmasked;
    if (!text_check_unmasked("category", edit->category, old.category, err) || !unmasked)
        return false;
    struct template *new = &change->template;
    *new = old;
    if (edit->question)
        new->question = template_trim(change->arena, edit->question);
    if (edit->answer)
        new->answer = template_trim(change->arena, edit->answer);
    if (edit->category)
        new->category = template_trim(change->arena, edit->category);
    if (strcmp(new->question, old.question) == 0 && strcmp(new->answer, old.answer) == 0 &&
        strcmp(new->category, old.category) == 0)
        return true;
    struct template_text text = {new->question, new->answer, new->category};
    if (!template_check_text(&text, err) ||
        !template_put_version(db, change->id, old.version + 1, &text, change->actor->username, err) ||
        (old.for_all && !templates_grow_revision(db, err)) ||
        !template_get(db, change->id, change->arena, new, err))
        return false;
    return template_audit(db, change, "template.update", template_text_json(change->arena, &old),
                          template_text_json(change->arena, new), err);
}

bool template_update(struct platform *platform, const struct actor *actor, int64_t id,
                     const struct template_edit *edit, struct arena *arena, struct template *ret_template,
                     struct error *err)
{
    struct change change = {.actor = actor, .id = id, .edit = edit, .arena = arena};
    if (!store_write(platform->store, template_update_work, &change, err))
        return false;
    *ret_template = change.template;
    return true;
}

static bool template_delete_work(struct db *db, void *context, struct error *err)
{
    struct change *change = context;
    if (!template_get(db, change->id, change->arena, &change->template, err) ||
        !template_mark_deleted(db, change->id, err) ||
        (change->template.for_all && !templates_grow_revision(db, err)))
        return false;
    const char *after =
        arena_printf(change->arena, "{\"copies\":%" PRId64 "}", change->template.distributed_count);
    return template_audit(db, change, "template.delete", template_text_json(change->arena, &change->template),
                          after, err);
}

bool template_delete(struct platform *platform, const struct actor *actor, int64_t id, const char *reason,
                     struct error *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    struct change change = {.actor = actor, .id = id, .reason = reason, .arena = &arena};
    return store_write(platform->store, template_delete_work, &change, err);
}
