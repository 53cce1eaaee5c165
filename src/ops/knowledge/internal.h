/* Shared by the files of the knowledge list, and its fields by editor.c.
 *
 *   list.c     one page: which pairs are on it, how many there are
 *   select.c   one pass over the directory of pairs: what a filter admits, the first of them in an order
 *   keyword.c  which pairs may hold a keyword
 *   order.c    orders, places in them, cursors */
#ifndef KIMONO_OPS_KNOWLEDGE_INTERNAL_H
#define KIMONO_OPS_KNOWLEDGE_INTERNAL_H

#include "directory/columns.h"
#include "ops/knowledge/knowledge_manager.h"
#include "search/full_text.h"

#define FEW_PAIRS                                                                                            \
    1500 /* so many texts are looked at for one page: some 15 milliseconds where they lie far apart */

/* Of a struct qa_list_item, or of a struct that begins with one; columns of q (qa_pairs) and t (tenants). */
/* clang-format off */
#define QA_ITEM_FIELDS \
    FIELD(struct qa_list_item, id, INT, "Id of the pair"), \
    FIELD(struct qa_list_item, tenant_id, TEXT, "Tenant that it belongs to"), \
    FIELD(struct qa_list_item, tenant_name, TEXT, "The tenant's name", .personal = PERSONAL_PARTS), \
    FIELD(struct qa_list_item, question, TEXT, "Question, as the tenant words it", .personal = PERSONAL_PARTS), \
    FIELD(struct qa_list_item, answer, TEXT, "Answer; empty: the pair is found but does not answer", .personal = PERSONAL_PARTS), \
    FIELD(struct qa_list_item, category, TEXT, "Category; empty: none", .personal = PERSONAL_PARTS), \
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
    SORT_CATEGORY, /* one category after the other, each by id */
    SORT_TENANT,   /* one tenant after the other, by name, each by id */
};
struct list_order {
    enum list_sort sort;
    bool descending;
};
bool order_of(const char *sort, struct list_order *ret_order); /* false: no such sort */

/* Where a pair stands in the list. */
struct list_place {
    const char *outer, *outer_id; /* SORT_CATEGORY: category, ""; SORT_TENANT: name, id; else "" */
    int64_t integer;              /* of those that sort by a number or a time; else the id */
    double real;                  /* SORT_QUALITY */
    const char *text;             /* SORT_QUESTION, in a cursor; else "" */
    int64_t id;
};
/* What is before everything: where a list begins without a cursor. */
struct list_place place_before_all(struct list_order order);

const char *cursor_make(const struct qa_filter *filter, struct list_order order,
                        const struct list_place *place, struct arena *arena);
/* ERROR_INVALID with the field `cursor`. */
bool cursor_read(struct db *db, const char *cursor, const struct qa_filter *filter, struct list_order order,
                 struct arena *arena, struct list_place *ret_place, struct error *err);

/* ---- keywords ---- */

enum keyword_kind {
    KEYWORD_NONE, /* nothing is looked for */
    KEYWORD_IDS,  /* only the pairs `ids` may hold it */
    KEYWORD_ANY,  /* any pair may: very many do, or no index can find it */
};
struct keyword_search {
    enum keyword_kind kind;
    bool exact; /* what the index found does hold it; else the texts decide */
    struct folded_text folded;
    int64_t *ids, *unindexed; /* in order; `unindexed`: those of them whose texts decide in any case */
    size_t id_count, unindexed_count;
};
enum keyword_effort {
    KEYWORD_QUICK,
    KEYWORD_THOROUGH, /* for a page that would otherwise be short: just after a large import, most often */
};
bool keyword_find(struct db *db, const char *keyword, enum keyword_effort effort, struct arena *arena,
                  struct keyword_search *ret_search, struct error *err);
/* Does all that the search lets pass hold the keyword? */
bool keyword_is_certain(const struct keyword_search *search);
/* Does the pair, which the search lets pass, hold it? Reads its texts if they decide. */
bool keyword_in_pair(const struct keyword_search *search, struct db *db, int64_t id, bool *ret_holds,
                     struct error *err);

/* ---- one pass over the directory, which is locked ---- */

struct pair_match {
    const struct knowledge_directory *directory;
    bool is_empty;             /* nothing can match: a name that no pair has */
    bool kinds[KIND_COUNT];    /* those that the filter admits */
    uint32_t tenant, category; /* SLOT_NONE: any */
    const bool *tenants;       /* by number: those whose pairs match; NULL: any */
    double quality_min, quality_max;
    const uint32_t *places; /* only these, in order; NULL: all */
    size_t place_count;
};
/* `search` may be NULL. */
bool match_make(const struct knowledge_directory *directory, struct db *db, const struct qa_filter *filter,
                const struct keyword_search *search, struct arena *arena, struct pair_match *ret_match,
                struct error *err);
/* Of how many tenants are the pairs that match? */
int64_t match_count_tenants(const struct pair_match *match, struct arena *arena);
/* A place as numbers, as long as the directory is locked. */
struct list_key {
    int64_t value, id;
};
bool place_key(const struct knowledge_directory *directory, struct db *db, enum list_sort sort,
               const struct list_place *place, struct list_key *ret_key, struct error *err);

/* The first `limit` behind `after`, in order. Their texts live in the arena; questions are not among them. */
struct selection {
    struct list_place *places;
    size_t count;
    int64_t matched; /* how many match, before `after` too */
};
struct selection match_select(const struct pair_match *match, struct list_order order, struct list_key after,
                              size_t limit, struct arena *arena);

#endif
