/* The embedded chat model: the best pair's own answer, word for word. It invents nothing, costs
 * nothing and cannot fail; without an answer of its own it says so by an empty reply. */
#include "provider/chat_model.h"

#include <stdio.h>

#include "base/memory.h"

static bool embedded_model_answer(struct chat_model *model, const struct chat_prompt *prompt,
                                  struct chat_reply *ret_reply, struct error *err)
{
    (void)model, (void)err;
    *ret_reply = (struct chat_reply){0};
    if (prompt->pair_count > 0 && prompt->pairs[0].answer)
        strbuf_puts(&ret_reply->text, prompt->pairs[0].answer);
    return true;
}

static bool embedded_model_probe(struct chat_model *model, char ret_message[LANGUAGE_COUNT][120],
                                 struct error *err)
{
    (void)model, (void)err;
    snprintf(ret_message[LANGUAGE_EN], 120, "gives the best pair's own answer");
    snprintf(ret_message[LANGUAGE_ZH], 120, "直接返回最匹配问答的答案");
    return true;
}

static void embedded_model_free(struct chat_model *model)
{
    free(model);
}

static const struct chat_model_ops embedded_ops = {
    .api_type = "embedded",
    .model = "best-pair",
    .local = true,
    .answer = embedded_model_answer,
    .probe = embedded_model_probe,
    .free = embedded_model_free,
};

struct chat_model *embedded_chat_model_new(void)
{
    struct chat_model *model = xcalloc(1, sizeof(*model));
    model->ops = &embedded_ops;
    return model;
}
