#include "platform/chat/retrieval.h"

#include <string.h>

#include "platform/health/provider_call.h"
#include "provider/chat_model.h"
#include "provider/embedder.h"

/* What every step works with. */
struct run {
    struct platform *platform;
    const struct retrieval_question *question;
    struct arena *arena;
    struct retrieval *out;
};

static void retrieval_add_usage(struct run *run, const struct provider_call *call)
{
    run->out->usage[run->out->usage_count++] = call->usage;
}

static bool retrieval_embed(struct run *run, float *ret_vector, struct error *err)
{
    struct embedder *embedder = run->platform->embedder;
    const struct retrieval_question *question = run->question;
    struct provider_call call =
        provider_call_begin(embedder->ops->api_type, "embedding", embedder->ops->model, question->tenant_id,
                            question->request_id);
    bool done =
        embedder->ops->embed(embedder, &question->text, 1, true, ret_vector, &call.usage.tokens_input, err);
    provider_call_end(&call, run->platform->health, COMPONENT_LLM, done, err);
    retrieval_add_usage(run, &call);
    return done;
}

static bool retrieval_query(struct run *run, const struct vector_query *query,
                            struct vector_match *ret_matches, size_t *ret_count, struct error *err)
{
    struct vector_index *index = run->platform->index;
    struct provider_call call = provider_call_begin(index->ops->api_type, "query", index->ops->model,
                                                    query->tenant_id, run->question->request_id);
    bool done = index->ops->query(index, query, ret_matches, ret_count, err);
    provider_call_end(&call, run->platform->health, COMPONENT_VECTOR_STORE, done, err);
    retrieval_add_usage(run, &call);
    return done;
}

/* The texts of what was found, as committed now; a pair deleted since then is no match any more. */
static bool retrieval_load_pairs(struct run *run, const struct vector_match *found, size_t count,
                                 struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    int64_t ids[VECTOR_TOP_K_MAX];
    struct qa_pair pairs[VECTOR_TOP_K_MAX];
    size_t live = 0;
    for (size_t i = 0; i < count; i++)
        ids[i] = found[i].id;
    if (count > 0 && (!store_reader(run->platform->store, READ_LIMIT_MS, &db, err) ||
                      !qa_pairs_get(db, run->question->tenant_id, ids, count, run->arena, pairs, &live, err)))
        return false;
    run->out->matches = arena_alloc(run->arena, sizeof(*run->out->matches) * (live + 1));
    for (size_t i = 0; i < live; i++) {
        struct retrieval_match *match = &run->out->matches[i];
        *match = (struct retrieval_match){.pair = pairs[i]};
        for (size_t j = 0; j < count; j++)
            if (found[j].id == pairs[i].id)
                match->score = found[j].score;
    }
    run->out->match_count = live;
    return true;
}

static bool retrieval_search(struct run *run, struct error *err)
{
    const struct retrieval_question *question = run->question;
    struct vector_query query = {
        .tenant_id = question->tenant_id,
        .revision = question->revision,
        .text = question->text,
        .top_k = question->top_k,
        .min_score = question->min_score,
    };
    struct embedder *embedder = run->platform->embedder;
    if (run->platform->index->ops->needs_vectors && embedder) {
        float *vector = arena_alloc(run->arena, embedder->ops->dimension * sizeof(*vector));
        if (!retrieval_embed(run, vector, err))
            return false;
        query.vector = vector;
        query.dimension = embedder->ops->dimension;
    }
    struct vector_match found[VECTOR_TOP_K_MAX];
    size_t count = 0;
    return retrieval_query(run, &query, found, &count, err) && retrieval_load_pairs(run, found, count, err);
}

static void chat_reply_release(struct chat_reply *reply)
{
    strbuf_release(&reply->text);
}

static bool retrieval_ask_model(struct run *run, const struct chat_prompt *prompt,
                                struct chat_reply *ret_reply, struct error *err)
{
    struct chat_model *model = run->platform->model;
    struct provider_call call = provider_call_begin(model->ops->api_type, "chat", model->ops->model,
                                                    run->question->tenant_id, run->question->request_id);
    bool done = model->ops->answer(model, prompt, ret_reply, err);
    call.usage.tokens_input = ret_reply->tokens_input;
    call.usage.tokens_output = ret_reply->tokens_output;
    call.usage.tokens_cached = ret_reply->tokens_cached;
    provider_call_end(&call, run->platform->health, COMPONENT_LLM, done, err);
    retrieval_add_usage(run, &call);
    run->out->model = model->ops->model;
    return done;
}

static bool retrieval_answer(struct run *run, struct error *err)
{
    struct chat_pair pairs[VECTOR_TOP_K_MAX];
    struct chat_prompt prompt = {
        .question = run->question->text,
        .pairs = pairs,
        .tenant_name = run->question->tenant_name,
    };
    int64_t best = 0;
    /* Pairs without an answer are found but answer nothing: the model does not see them. */
    for (size_t i = 0; i < run->out->match_count; i++) {
        const struct retrieval_match *match = &run->out->matches[i];
        if (!match->pair.answer[0])
            continue;
        if (prompt.pair_count == 0)
            best = match->pair.id;
        pairs[prompt.pair_count++] =
            (struct chat_pair){match->pair.question, match->pair.answer, match->score};
    }
    run->out->model = "";
    if (prompt.pair_count == 0)
        return true;
    CLEANUP(chat_reply_release) struct chat_reply reply = {0};
    if (!retrieval_ask_model(run, &prompt, &reply, err))
        return false;
    if (reply.text.length == 0)
        return true;
    run->out->answer = arena_strdup(run->arena, strbuf_text(&reply.text));
    run->out->answered_by = best;
    return true;
}

bool retrieval_run(struct platform *platform, const struct retrieval_question *question, struct arena *arena,
                   struct retrieval *retrieval, struct error *err)
{
    struct run run = {platform, question, arena, retrieval};
    return retrieval_search(&run, err) && retrieval_answer(&run, err);
}
