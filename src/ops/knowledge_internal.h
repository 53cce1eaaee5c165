/* Shared by the files of the knowledge list, and its fields by knowledge_editor.c.
 *
 *   knowledge_list.c     one page: which way to take, what is on it, how many there are
 *   knowledge_walk.c     pairs in the list's order, one by one: the merge of groups, one tenant, or one
 *                        tenant or category after the other
 *   knowledge_groups.c   the groups of the list index that a filter admits, and counting in them
 *   knowledge_collect.c  few pairs, known by id: read, sorted in memory
 *   knowledge_keyword.c  which pairs hold a keyword
 *   knowledge_order.c    orders, places in them, cursors */
#ifndef KIMONO_OPS_KNOWLEDGE_INTERNAL_H
#define KIMONO_OPS_KNOWLEDGE_INTERNAL_H

#include "ops/knowledge_manager.h"
#include "search/full_text.h"

#define FEW_PAIRS 3000 /* so many are read one by one and sorted in memory: some milliseconds */

/* Of a struct qa_list_item, or of a struct that begins with one; columns of q (qa_pairs) and t (tenants). */
/* clang-format off */
#define QA_ITEM_FIELDS \
    FIELD(struct qa_list_item, id, INT, "Id of the pair"), \
    FIELD(struct qa_list_item, tenant_id, TEXT, "Tenant that it belongs to"), \
    FIELD(struct qa_list_item, tenant_name, TEXT, "The tenant's name"), \
    FIELD(struct qa_list_item, question, TEXT, "Question, as the tenant words it"), \
    FIELD(struct qa_list_item, answer, TEXT, "Answer; empty: the pair is found but does not answer"), \
    FIELD(struct qa_list_item, category, TEXT, "Category; empty: none"), \
    FIELD(struct qa_list_item, source, TEXT, "Where it comes from"), \
    FIELD(struct qa_list_item, quality_score, REAL, "Quality by customers' feedback, 0 to 1"), \
    FIELD(struct qa_list_item, is_synced, BOOL, "The vector index holds this very text"), \
    FIELD(struct qa_list_item, synced_at, TIME, "When the index took the text", .nullable = true), \
    FIELD(struct qa_list_item, created_at, TIME, "When it was made"), \
    FIELD(struct qa_list_item, updated_at, TIME, "When it was last edited"), \
    FIELD(struct qa_list_item, version, INT, "Counts edits"), \
    FIELD(struct qa_list_item, hit_count, INT, "Answers that came from it"), \
    FIELD(struct qa_list_item, good_count, INT, "Good feedback on those answers"), \
    FIELD(struct qa_list_item, bad_count, INT, "Bad feedback on those answers"), \
    FIELD(struct qa_list_item, template_id, INT, "Template that it is a copy of", .nullable = true)
#define QA_ITEM_COLUMNS \
    "q.id, q.tenant_id, t.name AS tenant_name, q.question, q.answer, q.category, q.source, q.quality_score," \
    " q.is_synced, q.synced_at, q.created_at, q.updated_at, q.version, q.hit_count, q.good_count, q.bad_count," \
    " q.template_id"
/* clang-format on */

/* ---- orders ---- */

enum list_sort {
    SORT_ID,
    SORT_CREATED,
    SORT_UPDATED,
    SORT_QUALITY,
    SORT_HITS,
    SORT_QUESTION,
    SORT_CATEGORY, /* of all tenants: one category after the other, each by id */
    SORT_TENANT,   /* one tenant after the other, by name, each by id */
};
struct list_order {
    enum list_sort sort;
    bool descending;
};
bool order_of(const char *sort, struct list_order *ret_order); /* false: no such sort */
bool order_is_outer(struct list_order order);                  /* SORT_CATEGORY, SORT_TENANT */

/* Where a pair stands in the list. */
struct list_place {
    const char *outer, *outer_id; /* SORT_CATEGORY: category, ""; SORT_TENANT: name, id; else "" */
    enum db_type type;            /* of the value that is sorted by: DB_INT, DB_REAL, DB_TEXT */
    int64_t integer;
    double real;
    const char *text;
    int64_t id;
};
int place_compare(const struct list_place *a, const struct list_place *b, bool descending);
struct db_value place_value(const struct list_place *place);
/* What is before everything: where a walk begins without a cursor. */
struct list_place place_before_all(struct list_order order);

const char *cursor_make(const struct qa_filter *filter, struct list_order order,
                        const struct list_place *place, struct arena *arena);
/* ERROR_INVALID with the field `cursor`. */
bool cursor_read(struct db *db, const char *cursor, const struct qa_filter *filter, struct list_order order,
                 struct arena *arena, struct list_place *ret_place, struct error *err);

/* ---- groups ---- */

struct list_group {
    int64_t number;
    bool at_edge; /* of the range of quality: each pair's own must be looked at */
};
/* Those that hold pairs and that the filter admits; not one for each value of the filter is exact: a group
 * holds all categories of one number, and the tenant does not matter. */
bool groups_find(struct db *db, const struct qa_filter *filter, struct arena *arena,
                 struct list_group **ret_groups, size_t *ret_count, struct error *err);
/* Counts what the filter admits (keyword apart), not much beyond `enough`. */
bool groups_count(struct db *db, const struct qa_filter *filter, int64_t enough, struct arena *arena,
                  int64_t *ret_count, struct error *err);

/* ---- walks ---- */

struct list_walk;
/* Begins behind `from`. `expected`: how many will be asked for at least; INT64_MAX: many, most of which will
 * not be wanted. End it with walk_end. */
bool walk_begin(struct db *db, const struct qa_filter *filter, struct list_order order,
                const struct list_place *from, int64_t expected, struct list_walk **ret_walk,
                struct error *err);
/* The next pair; its texts live until the next call. */
bool walk_next(struct list_walk *walk, struct list_place *ret_place, bool *ret_found, struct error *err);
void walk_end(struct list_walk *walk); /* takes NULL */
static inline void walk_release(struct list_walk **walk)
{
    walk_end(*walk);
}
/* A tenant with so many pairs is walked through as all tenants are. */
#define LARGE_TENANT 50000
bool tenant_is_large(struct db *db, const char *tenant_id, bool *ret_large, struct error *err);

/* ---- keywords ---- */

enum keyword_kind {
    KEYWORD_NONE,   /* nothing is looked for */
    KEYWORD_FEW,    /* at most FEW_PAIRS pairs may hold it: `ids` */
    KEYWORD_SET,    /* more: `bits`, one for each id */
    KEYWORD_COMMON, /* so many that reading texts in the list's order soon finds some; or not in the index */
};
struct keyword_search {
    enum keyword_kind kind;
    bool exact; /* what was found does hold it; else the texts decide */
    struct folded_text folded;
    int64_t *ids;
    size_t count; /* of ids, or of bits */
    uint64_t *bits;
    size_t words; /* of 64 bits */
    int64_t read; /* texts that were looked at */
};
bool keyword_find(struct db *db, const char *keyword, struct arena *arena, struct keyword_search *ret_search,
                  struct error *err);
/* Does the pair hold it? */
bool keyword_admits(struct keyword_search *search, struct db *db, int64_t id, bool *ret_admits,
                    struct error *err);
bool keyword_in(const struct keyword_search *search, const char *question, const char *answer);

/* ---- few ---- */

/* Of the pairs `ids` those that filter and keyword admit, in the list's order. */
bool collect_pairs(struct db *db, const struct qa_filter *filter, const struct keyword_search *search,
                   struct list_order order, const int64_t *ids, size_t count, struct arena *arena,
                   struct list_place **ret_places, size_t *ret_count, struct error *err);

/* $2 category, $3 source, $4 is_synced (null: any), $5 and $6 bounds of quality (null: open), $7 tenant. */
#define SQL_ADMITTED                                                                                         \
    " (CAST($2 AS TEXT) IS NULL OR category = $2) AND (CAST($3 AS TEXT) IS NULL OR source = $3)"             \
    " AND (CAST($4 AS BIGINT) IS NULL OR is_synced = $4)"                                                    \
    " AND (CAST($5 AS REAL) IS NULL OR quality_score >= $5)"                                                 \
    " AND (CAST($6 AS REAL) IS NULL OR quality_score <= $6)"                                                 \
    " AND (CAST($7 AS TEXT) IS NULL OR tenant_id = $7)"
#define ADMITTED_ARGS(filter)                                                                                \
    db_text((filter)->category), db_text((filter)->source),                                                  \
        db_int((filter)->is_synced == SYNCED_ANY ? INT_NULL : (filter)->is_synced),                          \
        db_real((filter)->quality_min), db_real((filter)->quality_max), db_text((filter)->tenant_id)

#endif
