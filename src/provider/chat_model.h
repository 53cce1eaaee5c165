/* A chat model: writes the answer from the question and the pairs that were found. The embedded one
 * gives the best pair's own answer. */
#ifndef KIMONO_PROVIDER_CHAT_MODEL_H
#define KIMONO_PROVIDER_CHAT_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"

struct chat_pair {
    const char *question, *answer;
    double score;
};

struct chat_model;

struct chat_prompt {
    const char *question;
    const struct chat_pair *pairs; /* best first, all at or above min_score; never none */
    size_t pair_count;
    const char *tenant_name;
};

struct chat_reply {
    struct strbuf text; /* the caller releases it; empty: the pairs do not answer it */
    int64_t tokens_input, tokens_output, tokens_cached;
};

struct chat_model_ops {
    const char *api_type;
    const char *model;
    bool local;
    bool (*answer)(struct chat_model *model, const struct chat_prompt *prompt, struct chat_reply *ret_reply,
                   struct error *err);
    bool (*probe)(struct chat_model *model, char ret_message[LANGUAGE_COUNT][120], struct error *err);
    void (*free)(struct chat_model *model);
};

struct chat_model {
    const struct chat_model_ops *ops;
};

struct chat_model *embedded_chat_model_new(void);

#endif
