#include "ops/templates/matrix.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ops/templates/copies.h"
#include "ops/templates/copy_state_reason.h"
#include "platform/knowledge/knowledge.h"
#include "platform/text_rules.h"

static_assert(MATRIX_TEMPLATES_MAX <= HISTORY_TEMPLATES_MAX, "a page's templates have one history");

static const struct field template_fields[] = {
    FIELD(struct matrix_template, id, INT, "Id of the template"),
    FIELD(struct matrix_template, question, TEXT, "Its question", .personal = PERSONAL_PARTS),
    FIELD(struct matrix_template, category, TEXT, "Its category; empty: none", .personal = PERSONAL_PARTS),
    FIELD(struct matrix_template, version, INT, "Its present version"),
    FIELD(struct matrix_template, for_all, BOOL, "It was distributed to all: whoever lacks it misses it"),
};
static const struct descriptor template_descriptor =
    DESCRIPTOR("MatrixTemplate", struct matrix_template, template_fields);

static const struct field cell_fields[] = {
    FIELD(struct matrix_cell, template_id, INT, "Id of the template"),
    FIELD(struct matrix_cell, state, TEXT, "What the tenant has of it", .values = template_states),
    FIELD(struct matrix_cell, version, INT, "Version that its copy came from", .nullable = true),
    FIELD(struct matrix_cell, qa_pair_id, INT, "Its copy, or its own pair with the same question",
          .nullable = true),
    FIELD(struct matrix_cell, why, TEXT, "Why it has not the present text, for a person", .nullable = true,
          .personal = PERSONAL_PARTS),
};
static const struct descriptor cell_descriptor = DESCRIPTOR("MatrixCell", struct matrix_cell, cell_fields);

static const struct field row_fields[] = {
    FIELD(struct matrix_row, tenant_id, TEXT, "Id of the tenant"),
    FIELD(struct matrix_row, name, TEXT, "Its name", .personal = PERSONAL_PARTS),
    FIELD(struct matrix_row, status, TEXT, "Whether it is served", .values = tenant_statuses),
    FIELD(struct matrix_row, behind, INT, "Outdated and missing ones, of the templates on all pages"),
    FIELD_MANY(struct matrix_row, cells, LIST, "One for each template, in their order",
               .of = &cell_descriptor),
};
static const struct descriptor row_descriptor = DESCRIPTOR("MatrixRow", struct matrix_row, row_fields);

static const struct field count_fields[] = {
    FIELD(struct matrix_count, state, TEXT, "State"),
    FIELD(struct matrix_count, tenants, INT, "Tenants in it"),
};
static const struct descriptor count_descriptor =
    DESCRIPTOR("MatrixCount", struct matrix_count, count_fields);

static const struct field matrix_fields[] = {
    FIELD_MANY(struct matrix, templates, LIST, "The page's templates, by category and id",
               .of = &template_descriptor),
    FIELD(struct matrix, template_total, INT, "Templates on all pages"),
    FIELD(struct matrix, template_page, INT, "Which page of templates, from 1"),
    FIELD_MANY(struct matrix, items, LIST, "The page's tenants, by id", .of = &row_descriptor),
    FIELD_MANY(struct matrix, counts, MAP, "Tenants in each state, with one template", .nullable = true,
               .of = &count_descriptor),
    FIELD(struct matrix, total, INT, "Tenants on all pages"),
    FIELD(struct matrix, page, INT, "Which page, from 1"),
    FIELD(struct matrix, page_size, INT, "Tenants on a page"),
};
const struct descriptor matrix_descriptor = DESCRIPTOR("TemplateMatrix", struct matrix, matrix_fields);

struct matrix_reading {
    struct db *db;
    const struct matrix_filter *filter;
    enum language language;
    struct arena *arena;
    struct common_template *templates; /* all that match, in the order of the matrix */
    size_t template_count, first;      /* `first`: of the page */
    struct template_history history;   /* of the page's */
    struct arena row_arena;            /* what is read of one tenant */
    struct matrix matrix;
};

/* ---- templates ---- */

static bool matrix_read_templates(struct matrix_reading *r, struct error *err)
{
    if (!common_templates_read(r->db, r->filter->template_id, r->filter->category, r->arena, &r->templates,
                               &r->template_count, err))
        return false;
    if (r->filter->template_id != INT_NULL && r->template_count == 0)
        return error_set(err, ERROR_NOT_FOUND, "There is no template %" PRId64 ".",
                         "没有编号为 %" PRId64 " 的模板。", r->filter->template_id);
    struct matrix *matrix = &r->matrix;
    size_t before = (size_t)(r->filter->template_page - 1) * MATRIX_TEMPLATES_MAX;
    r->first = before < r->template_count ? before : r->template_count;
    size_t left = r->template_count - r->first;
    matrix->template_total = (int64_t)r->template_count;
    matrix->templates_count = left < MATRIX_TEMPLATES_MAX ? left : MATRIX_TEMPLATES_MAX;
    matrix->templates = arena_alloc(r->arena, (matrix->templates_count + 1) * sizeof(*matrix->templates));
    for (size_t i = 0; i < matrix->templates_count; i++) {
        const struct common_template *t = &r->templates[r->first + i];
        matrix->templates[i] =
            (struct matrix_template){t->id, t->question, t->category, t->version, t->for_all};
    }
    r->history.templates = r->templates + r->first;
    r->history.template_count = matrix->templates_count;
    return true;
}

/* ---- one cell ---- */

/* What a tenant has of a template. */
struct holding {
    const struct template_copy *copy; /* NULL: none */
    struct own_pair own;              /* that is in the way */
    enum template_state state;
};

/* `found`: the tenant's own pair with the question, where one matters. */
static struct holding matrix_holding_of(const struct common_template *template,
                                        const struct template_copy *copy, struct own_pair found)
{
    struct holding holding = {.copy = copy, .own = own_pair_beside(copy, found)};
    holding.state = template_state_of(template, copy, &holding.own);
    return holding;
}

static bool matrix_fill_cell(struct matrix_reading *r, const struct common_template *template,
                             const struct template_tenant *tenant, const struct holding *holding,
                             struct matrix_cell *ret_cell, struct error *err)
{
    const struct template_copy *copy = holding->copy;
    bool live = copy && !copy->deleted;
    bool is_own = holding->own.pair_id != 0 && holding->state == TEMPLATE_CONFLICT;
    *ret_cell = (struct matrix_cell){
        .template_id = template->id,
        .state = template_states[holding->state],
        .version = copy ? copy->version : INT_NULL,
        .qa_pair_id = live     ? copy->pair_id
                      : is_own ? holding->own.pair_id
                               : INT_NULL,
    };
    return copy_state_reason(&r->history, template, tenant, holding->state, is_own, r->language,
                             &ret_cell->why, err);
}

static struct matrix_row *matrix_add_row(struct matrix_reading *r, const struct template_tenant *tenant)
{
    struct matrix_row *row = &r->matrix.items[r->matrix.items_count++];
    *row = (struct matrix_row){
        .tenant_id = arena_strdup(r->arena, tenant->id),
        .name = arena_strdup(r->arena, tenant->name),
        .status = arena_strdup(r->arena, tenant->status),
        .cells = arena_alloc(r->arena, (r->matrix.templates_count + 1) * sizeof(*row->cells)),
        .cells_count = r->matrix.templates_count,
    };
    return row;
}

#define TENANTS_MATCH                                                                                        \
    " WHERE (CAST($1 AS TEXT) IS NULL OR t.id = $1)"                                                         \
    " AND (CAST($2 AS TEXT) IS NULL OR t.name_folded LIKE $2 ESCAPE '\\' OR LOWER(t.id) LIKE $2 ESCAPE "     \
    "'\\')"

/* ---- many templates: the tenants of the page ---- */

static const char SQL_COUNT_TENANTS[] = "SELECT COUNT(*) FROM tenants t" TENANTS_MATCH;
static const char SQL_PAGE[] = "SELECT t.id, t.name, t.status, t.created_at FROM tenants t" TENANTS_MATCH
                               " ORDER BY t.id LIMIT $3 OFFSET $4";

static int matrix_compare_copies(const void *a, const void *b)
{
    int64_t left = ((const struct template_copy *)a)->template_id;
    int64_t right = ((const struct template_copy *)b)->template_id;
    return (left > right) - (left < right);
}

/* Tenants that are looked at together, and what they have. */
struct tenant_group {
    struct template_tenant tenants[DB_LIST_MAX];
    size_t count;
    struct template_copies copies[DB_LIST_MAX];
    struct own_pairs own[DB_LIST_MAX]; /* only of those for whom one matters */
};

static const struct template_copy *matrix_find_copy(const struct template_copies *copies, int64_t template_id)
{
    const struct template_copy key = {.template_id = template_id};
    return copies->count ? bsearch(&key, copies->copies, copies->count, sizeof(key), matrix_compare_copies)
                         : NULL;
}

static bool matrix_is_shown(const struct matrix_reading *r, size_t template)
{
    return template >= r->first && template - r->first < r->matrix.templates_count;
}

static bool matrix_needs_own(const struct matrix_reading *r, const struct template_copies *copies)
{
    for (size_t i = 0; i < r->template_count; i++) {
        const struct template_copy *copy = matrix_find_copy(copies, r->templates[i].id);
        bool looked_at = copy || r->templates[i].for_all || matrix_is_shown(r, i);
        if (looked_at && own_pair_matters(copy, &r->templates[i]))
            return true;
    }
    return false;
}

static bool matrix_read_group(struct matrix_reading *r, struct tenant_group *group, struct error *err)
{
    const char *ids[DB_LIST_MAX];
    for (size_t i = 0; i < group->count; i++)
        ids[i] = group->tenants[i].id;
    if (!template_copies_read_all(r->db, ids, group->count, &r->row_arena, group->copies, err))
        return false;
    for (size_t i = 0; i < group->count; i++) {
        group->own[i] = (struct own_pairs){0};
        if (matrix_needs_own(r, &group->copies[i]) &&
            !own_pairs_read(r->db, ids[i], &r->row_arena, &group->own[i], err))
            return false;
    }
    return true;
}

/* The page's templates become cells; of the others it only counts whether they are behind. */
static bool matrix_fill_row(struct matrix_reading *r, const struct template_tenant *tenant,
                            const struct template_copies *copies, const struct own_pairs *owns,
                            struct error *err)
{
    struct matrix_row *row = matrix_add_row(r, tenant);
    for (size_t i = 0; i < r->template_count; i++) {
        const struct common_template *template = &r->templates[i];
        const struct template_copy *copy = matrix_find_copy(copies, template->id);
        bool shown = matrix_is_shown(r, i);
        struct own_pair own = {0};
        if (!shown && !copy && !template->for_all)
            continue; /* neither outdated nor missing */
        if (own_pair_matters(copy, template))
            own = own_pair_among(owns, template);
        struct holding holding = matrix_holding_of(template, copy, own);
        row->behind += template_state_is_behind(holding.state);
        if (shown && !matrix_fill_cell(r, template, tenant, &holding, &row->cells[i - r->first], err))
            return false;
    }
    return true;
}

static bool matrix_fill_group(struct matrix_reading *r, struct tenant_group *group, struct error *err)
{
    if (!matrix_read_group(r, group, err))
        return false;
    for (size_t i = 0; i < group->count; i++)
        if (!matrix_fill_row(r, &group->tenants[i], &group->copies[i], &group->own[i], err))
            return false;
    arena_reset(&r->row_arena);
    group->count = 0;
    return true;
}

static bool matrix_read_page(struct matrix_reading *r, const char *pattern, struct error *err)
{
    const struct matrix_filter *filter = r->filter;
    const struct db_value args[] = {db_text(filter->tenant_id), db_text(pattern), db_int(filter->page_size),
                                    db_int((filter->page - 1) * filter->page_size)};
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    struct tenant_group group = {.count = 0};
    if (!db_find_int(r->db, SQL_COUNT_TENANTS, args, 2, 0, &r->matrix.total, err) ||
        !db_query(r->db, SQL_PAGE, args, ARRAY_SIZE(args), &rows, err))
        return false;
    while (db_next(&rows)) {
        db_read_row(&rows, &template_tenant_descriptor, &group.tenants[group.count++], &r->row_arena);
        if (group.count == DB_LIST_MAX && !matrix_fill_group(r, &group, err))
            return false;
    }
    return db_done(&rows, err) && (group.count == 0 || matrix_fill_group(r, &group, err));
}

/* ---- one template: all tenants are counted, those of the page are kept ---- */

static const char SQL_SCAN[] =
    "SELECT t.id, t.name, t.status, t.created_at, p.id AS pair_id, p.template_id, p.template_version AS "
    "version,"
    " COALESCE(p.template_kept, 0) AS kept, p.text_hash, p.category, CASE WHEN p.deleted_at IS NULL THEN 0 "
    "ELSE 1 END AS deleted,"
    " COALESCE(o.id, 0) AS own_pair_id, o.text_hash AS own_text_hash, o.category AS own_category,"
    " COALESCE(l.id, 0) AS own_linked_id, COALESCE(o.template_version, 0) AS own_linked_version"
    " FROM tenants t LEFT JOIN qa_pairs p ON p.tenant_id = t.id AND p.template_id = $3"
    " LEFT JOIN qa_pairs o ON o.id = (SELECT q.id FROM qa_pairs q"
    " LEFT JOIN templates k ON k.id = q.template_id AND k.deleted_at IS NULL"
    " WHERE q.tenant_id = t.id AND q.question_key = $4 AND q.deleted_at IS NULL"
    " AND COALESCE(k.id, 0) <> $3 ORDER BY k.id IS NOT NULL, q.id LIMIT 1)"
    " LEFT JOIN templates l ON l.id = o.template_id AND l.deleted_at IS NULL" TENANTS_MATCH " ORDER BY t.id";

/* A row of the scan: the tenant, its copy, whose pair_id is INT_NULL where there is none, and its own pair with the
 * question, chosen as own_pair_find would. */
struct scanned {
    struct template_tenant tenant;
    struct template_copy copy;
    struct own_pair own;
};
#define SCANNED_AS(column, part, member, kind_)                                                              \
    {                                                                                                        \
        .name = column, .kind = FIELD_##kind_, .offset = offsetof(struct scanned, part.member),              \
        .description = ""                                                                                    \
    }
#define SCANNED(part, member, kind_) SCANNED_AS(#member, part, member, kind_)
#define SCANNED_OWN(member, kind_) SCANNED_AS("own_" #member, own, member, kind_)
static const struct field scanned_fields[] = {
    SCANNED(tenant, id, TEXT),         SCANNED(tenant, name, TEXT),  SCANNED(tenant, status, TEXT),
    SCANNED(tenant, created_at, TIME), SCANNED(copy, pair_id, INT),  SCANNED(copy, template_id, INT),
    SCANNED(copy, version, INT),       SCANNED(copy, kept, INT),     SCANNED(copy, text_hash, INT),
    SCANNED(copy, category, TEXT),     SCANNED(copy, deleted, BOOL), SCANNED_OWN(pair_id, INT),
    SCANNED_OWN(text_hash, INT),       SCANNED_OWN(category, TEXT),  SCANNED_OWN(linked_id, INT),
    SCANNED_OWN(linked_version, INT),
};
static const struct descriptor scanned_descriptor = DESCRIPTOR("Scanned", struct scanned, scanned_fields);

static bool matrix_scan_row(struct matrix_reading *r, const struct scanned *scanned, int64_t *counts,
                            struct error *err)
{
    const struct common_template *template = &r->templates[0];
    const struct template_copy *copy = scanned->copy.pair_id == INT_NULL ? NULL : &scanned->copy;
    struct holding holding = matrix_holding_of(
        template, copy, own_pair_matters(copy, template) ? scanned->own : (struct own_pair){0});
    counts[holding.state]++;
    if (r->filter->state && strcmp(r->filter->state, template_states[holding.state]) != 0)
        return true;
    int64_t place = r->matrix.total++, first = (r->filter->page - 1) * r->filter->page_size;
    if (place < first || place >= first + r->filter->page_size)
        return true;
    struct matrix_row *row = matrix_add_row(r, &scanned->tenant);
    row->behind = template_state_is_behind(holding.state);
    return row->cells_count == 0 ||
           matrix_fill_cell(r, template, &scanned->tenant, &holding, &row->cells[0], err);
}

static bool matrix_read_all(struct matrix_reading *r, const char *pattern, struct error *err)
{
    const struct common_template *template = &r->templates[0];
    int64_t counts[TEMPLATE_STATE_COUNT] = {0};
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    if (!db_query(r->db, SQL_SCAN,
                  DB_ARGS(db_text(r->filter->tenant_id), db_text(pattern), db_int(template->id),
                          db_int(qa_question_key(template->question))),
                  &rows, err))
        return false;
    while (db_next(&rows)) {
        struct scanned row;
        arena_reset(&r->row_arena);
        db_read_row(&rows, &scanned_descriptor, &row, &r->row_arena);
        if (!matrix_scan_row(r, &row, counts, err))
            return false;
    }
    if (!db_done(&rows, err))
        return false;
    r->matrix.counts_count = TEMPLATE_STATE_COUNT;
    r->matrix.counts = arena_alloc(r->arena, TEMPLATE_STATE_COUNT * sizeof(*r->matrix.counts));
    for (size_t i = 0; i < TEMPLATE_STATE_COUNT; i++)
        r->matrix.counts[i] = (struct matrix_count){template_states[i], counts[i]};
    return true;
}

static void matrix_reading_release(struct matrix_reading *r)
{
    template_history_release(&r->history);
    arena_release(&r->row_arena);
}

bool matrix_read(struct db *db, const struct matrix_filter *filter, enum language language,
                 struct arena *arena, struct matrix *ret_matrix, struct error *err)
{
    CLEANUP(matrix_reading_release)
    struct matrix_reading r = {.db = db,
                               .filter = filter,
                               .language = language,
                               .arena = arena,
                               .history = {.db = db},
                               .matrix = {.template_page = filter->template_page,
                                          .page = filter->page,
                                          .page_size = filter->page_size}};
    const char *pattern = text_like_part(arena, filter->keyword);
    bool one = filter->template_id != INT_NULL;
    if (filter->state && !one)
        return error_add_field(err, "state", "needs template_id: a tenant has a state for each template",
                               "须同时给出 template_id：每个模板各有状态");
    r.matrix.items = arena_alloc(arena, (size_t)filter->page_size * sizeof(*r.matrix.items));
    if (!matrix_read_templates(&r, err) ||
        !(one ? matrix_read_all(&r, pattern, err) : matrix_read_page(&r, pattern, err)))
        return false;
    *ret_matrix = r.matrix;
    return true;
}
