/* A vector index: finds the pairs of one tenant that are nearest to a question. One file for each
 * provider (embedded_index.c), chosen when the program starts. All functions may be
 * called by several threads at once, and may wait for a network: never on an I/O thread unless
 * `local`. Scores are between 0 and 1, the same scale in lists and for `min_score`. */
#ifndef KIMONO_PROVIDER_VECTOR_INDEX_H
#define KIMONO_PROVIDER_VECTOR_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define VECTOR_TOP_K_MAX 20

struct vector_item {
    int64_t id;
    int64_t text_hash; /* search/text_hash.h: an index keeps it with the entry, for `list` */
    const char *question, *answer;
    const float *vector; /* NULL when the index does not need one */
};

struct vector_query {
    const char *tenant_id;
    int64_t revision; /* tenants.knowledge_revision that the answer must reflect; for local indexes */
    const char *text;
    const float *vector; /* NULL when the index does not need one */
    size_t dimension;
    size_t top_k; /* 1 to VECTOR_TOP_K_MAX */
    double min_score;
};

struct vector_match {
    int64_t id;
    double score;
};

struct vector_index;

/* One entry of an index: the id of the pair and the hash of the text that the index holds. */
typedef void (*vector_entry_take)(void *context, int64_t id, int64_t text_hash);

struct vector_index_ops {
    const char *api_type; /* of its usage rows: "embedded", "pinecone" */
    const char *model;    /* "bm25" … */
    bool local;           /* answers from memory and the store */
    bool needs_vectors;
    /* `ret_matches` has room for top_k; best first. */
    bool (*query)(struct vector_index *index, const struct vector_query *query,
                  struct vector_match *ret_matches, size_t *ret_count, struct error *err);
    bool (*upsert)(struct vector_index *index, const char *tenant_id, const struct vector_item *items,
                   size_t count, struct error *err);
    bool (*remove)(struct vector_index *index, const char *tenant_id, const int64_t *ids, size_t count,
                   struct error *err);
    /* Calls `take` for each entry of the tenant, in any order; entries that come or go meanwhile are listed or
     * not. Pinecone: a namespace for each tenant, ids as decimal digits, `text_hash` in the metadata as a
     * text (its numbers are doubles); `list` gives 100 ids at a time, `fetch` their metadata. An entry
     * without that metadata is listed with hash 0: it is stale. */
    bool (*list)(struct vector_index *index, const char *tenant_id, vector_entry_take take, void *context,
                 struct error *err);
    /* A cheap call that checks whether it works; `ret_message` in English and Chinese. */
    bool (*probe)(struct vector_index *index, char ret_message[LANGUAGE_COUNT][120], struct error *err);
    /* Drops what is kept in memory; returns how many bytes that was. NULL: nothing is kept. */
    int64_t (*clear_cache)(struct vector_index *index);
    void (*free)(struct vector_index *index);
};

struct vector_index {
    const struct vector_index_ops *ops;
};

/* The embedded index reads a tenant's pairs through this: calls `put` for each pair changed after
 * `since` (question NULL: deleted), in any order, and sets the revision that was reached. */
typedef void (*pair_put)(void *context, int64_t id, const char *question, const char *answer);
typedef bool (*pair_source)(void *source_context, const char *tenant_id, int64_t since, pair_put put,
                            void *put_context, int64_t *ret_revision, struct error *err);

/* BM25 over the shared tokenizer; a compact index for each tenant, built when first asked and kept up
 * to date by revision, at most `ceiling_bytes` of them in memory (least recently used goes first).
 * An upsert confirms that the texts can be found; nothing leaves the process. */
struct vector_index *embedded_index_new(pair_source source, void *source_context, size_t ceiling_bytes);

#endif
