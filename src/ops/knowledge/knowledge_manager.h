/* Everyone's knowledge as the operators see it: figures of all pairs, what filters can offer, and the list of
 * pairs in any order under any filter. What a pair is, and every change of one, is in platform/knowledge/knowledge.h. */
#ifndef KIMONO_OPS_KNOWLEDGE_KNOWLEDGE_MANAGER_H
#define KIMONO_OPS_KNOWLEDGE_KNOWLEDGE_MANAGER_H

#include "base/arena.h"
#include "base/descriptor.h"
#include "base/strbuf.h"
#include "directory/directory.h"

/* --- figures: counted in the directory, a pass over some columns --- */

struct named_count {
    const char *name;
    int64_t count;
};

struct knowledge_overview {
    int64_t total_qa_pairs;
    /* Those with the most pairs; the counts say how many there are in all. */
    struct named_count *by_tenant; /* most pairs first; tenants without pairs too */
    size_t by_tenant_count;
    int64_t tenant_count;
    struct named_count *by_category, *by_source; /* in order of name; "": pairs without a category */
    size_t by_category_count, by_source_count;
    int64_t category_count;
    int64_t synced_count, unsynced_count, held_back_count;
    double avg_quality_score; /* NaN: there are no pairs */
    int64_t generated_at;
};
extern const struct descriptor knowledge_overview_descriptor;

bool knowledge_overview(struct knowledge_directory *directory, struct db *db, const char *tenant_id,
                        struct arena *arena, struct knowledge_overview *ret_overview, struct error *err);

/* What a filter can be set to, and how many pairs there are of each; in order of name. Of categories those that have
 * the most pairs; `category_count`: how many there are. */
struct knowledge_facets {
    struct named_count *categories, *sources;
    size_t categories_count, sources_count;
    int64_t category_count;
};
extern const struct descriptor knowledge_facets_descriptor;

/* `tenant_id` NULL: of all tenants. `keyword`: only categories whose name holds it; NULL or empty: all. */
bool knowledge_facets(struct knowledge_directory *directory, struct db *db, const char *tenant_id,
                      const char *keyword, struct arena *arena, struct knowledge_facets *ret_facets,
                      struct error *err);

/* --- the list --- */

#define KNOWLEDGE_KEYWORD_MAX 200  /* characters */
#define KNOWLEDGE_CURSOR_MAX 4096  /* characters */
#define KNOWLEDGE_PAGE_DEPTH 10000 /* pairs that `page` can skip; a cursor has no such limit */
#define KNOWLEDGE_SORT_DEFAULT "-updated_at"
extern const char *const knowledge_sorts[]; /* "id", "-id" …; NULL-terminated */

enum synced_filter { SYNCED_ANY = -1, SYNCED_NO, SYNCED_YES };

struct qa_filter {
    const char *tenant_id, *category, *source; /* NULL: any; category "": pairs without one */
    /* A part of the question or the answer, as search/full_text.h says; white space around it does not
     * count. NULL or empty: any. */
    const char *keyword;
    enum synced_filter is_synced;
    const char *
        tenant_status; /* active, suspended: of the pair's tenant; NULL: any. With is_synced: what waits for the
                                  sync, and what a suspension holds back */
    double quality_min, quality_max; /* both included; NaN: open */
};

struct qa_list_request {
    struct qa_filter filter;
    const char *sort;        /* one of knowledge_sorts; equal ones by id, in the same direction */
    const char *cursor;      /* next_cursor of the page before under the same filter and sort; NULL: `page` */
    int64_t page, page_size; /* from 1 */
};

struct qa_list_item {
    int64_t id;
    const char *tenant_id, *tenant_name, *question, *answer, *category, *source;
    double quality_score;
    bool is_synced;
    int64_t synced_at, created_at, updated_at, version, hit_count, good_count, bad_count;
    int64_t template_id; /* INT_NULL: it is no copy of a template */
};
struct qa_list {
    struct qa_list_item *items;
    size_t items_count;
    int64_t total, total_at_least; /* one of them; the other INT_NULL */
    int64_t page, page_size;
    const char *next_cursor; /* NULL: this is the end */
};
extern const struct descriptor qa_list_item_descriptor, qa_list_descriptor;

/* Any filter in any order, as far as a cursor goes, in some milliseconds for a million pairs; list.c says
 * how. Pairs that are added, changed or deleted between two pages are met once or not
 * at all, all others exactly once. A keyword without letter or digit (punctuation, emoji), and one that very many
 * pairs hold, is looked for in the texts themselves, KNOWLEDGE_READ_MAX for each page, so such a page may be short and
 * have a next_cursor all the same; an empty one only where KNOWLEDGE_READ_THOROUGH texts hold nothing. A page that is
 * short because the full text is behind by not more than an import of 300,000 is made full. ERROR_INVALID names
 * `cursor` (not one of ours, or of another filter or sort) or `page` (beyond KNOWLEDGE_PAGE_DEPTH). All that is
 * returned lives in the arena. */
bool knowledge_list(struct knowledge_directory *directory, struct db *db,
                    const struct qa_list_request *request, struct arena *arena, struct qa_list *ret_list,
                    struct error *err);
#define KNOWLEDGE_READ_MAX 1500
#define KNOWLEDGE_READ_THOROUGH 50000 /* some 0.3 s */
/* In how many tenants the pairs lie that the filter admits; INT_NULL where only their texts can decide. */
bool knowledge_count_tenants(struct knowledge_directory *directory, struct db *db,
                             const struct qa_filter *filter, struct arena *arena, int64_t *ret_count,
                             struct error *err);

#endif
