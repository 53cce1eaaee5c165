/* An embedder: texts to vectors. The embedded retrieval needs none (NULL). */
#ifndef KIMONO_PROVIDER_EMBEDDER_H
#define KIMONO_PROVIDER_EMBEDDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct embedder;

struct embedder_ops {
    const char *api_type;
    const char *model;
    size_t dimension;
    size_t batch; /* texts in one call */
    /* `ret_vectors` has room for count × dimension floats; `ret_tokens` are those that were billed. */
    bool (*embed)(struct embedder *embedder, const char *const *texts, size_t count, bool for_query,
                  float *ret_vectors, int64_t *ret_tokens, struct error *err);
    void (*free)(struct embedder *embedder);
};

struct embedder {
    const struct embedder_ops *ops;
};

#endif
