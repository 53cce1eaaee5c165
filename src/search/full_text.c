#include "search/full_text.h"

#include <stdlib.h>
#include <string.h>

#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "search/tokenizer.h"

#define CHARACTER_BYTES_MAX 4

struct receiver {
    bool (*receive)(void *context, const char *token, size_t length);
    void *context;
    bool query;
    char last[CHARACTER_BYTES_MAX]; /* second character of the bigram before */
    size_t last_length;             /* 0: it was no bigram */
};

static size_t character_length(const char *at)
{
    unsigned char first = (unsigned char)*at;
    return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/* A run of characters is over: its last one has begun no bigram. */
static bool end_run(struct receiver *r)
{
    bool goes_on = r->last_length == 0 || r->query || r->receive(r->context, r->last, r->last_length);
    r->last_length = 0;
    return goes_on;
}

static bool take_token(void *context, const char *token, size_t length, enum token_kind kind)
{
    struct receiver *r = context;
    bool joins = kind == TOKEN_BIGRAM && r->last_length > 0 && memcmp(token, r->last, r->last_length) == 0;
    if (!joins && !end_run(r))
        return false;
    if (kind == TOKEN_BIGRAM) {
        size_t first = character_length(token);
        r->last_length = length - first;
        memcpy(r->last, token + first, r->last_length);
    }
    return r->receive(r->context, token, length);
}

bool full_text_tokens(const char *text, size_t length, bool query,
                      bool (*receive)(void *context, const char *token, size_t length), void *context)
{
    struct receiver r = {.receive = receive, .context = context, .query = query};
    return tokenizer_run(text, length, take_token, &r) && end_run(&r);
}

/* ---- asking ---- */

struct query_builder {
    struct strbuf *query;
    size_t count, token_bytes;
    enum token_kind kind; /* of the last token */
};

static void end_token(struct query_builder *builder, bool is_last)
{
    /* What a word goes on with is not known to be the keyword's end; a character may begin any bigram. */
    bool open = builder->kind == TOKEN_SINGLE || (is_last && builder->kind == TOKEN_WORD);
    strbuf_puts(builder->query, open ? "\"*" : "\"");
}

/* A token holds letters, marks and digits only: no quotation mark to take care of. */
static bool add_token(void *context, const char *token, size_t length, enum token_kind kind)
{
    struct query_builder *builder = context;
    if (builder->count > 0) {
        end_token(builder, false);
        strbuf_puts(builder->query, " AND ");
    }
    strbuf_putc(builder->query, '"');
    strbuf_append(builder->query, token, length);
    builder->kind = kind;
    builder->count++;
    builder->token_bytes += length;
    return true;
}

bool full_text_query(const char *keyword, struct strbuf *query, bool *ret_exact)
{
    struct query_builder builder = {.query = query};
    size_t length = strlen(keyword);
    tokenizer_run(keyword, length, add_token, &builder);
    if (builder.count == 0)
        return false;
    end_token(&builder, true);
    *ret_exact = builder.count == 1 && builder.token_bytes == length;
    return true;
}

/* ---- folding ---- */

/* As the tokenizer does it: NFKC and simple lower case, without what has no width. */
static size_t fold(const uint8_t *text, size_t length, uint8_t **ret_folded)
{
    size_t normal_length = 0, at = 0, out = 0;
    uint8_t *normal = u8_normalize(UNINORM_NFKC, text, length, NULL, &normal_length);
    uint8_t *folded = normal ? malloc(2 * normal_length + CHARACTER_BYTES_MAX) : NULL;
    while (folded && at < normal_length) {
        ucs4_t c;
        at += (size_t)u8_mbtouc(&c, normal + at, normal_length - at);
        if (c >= 0x80 && uc_is_property_default_ignorable_code_point(c))
            continue;
        int written = u8_uctomb(folded + out, uc_tolower(c), CHARACTER_BYTES_MAX);
        out += written > 0 ? (size_t)written : 0;
    }
    free(normal);
    *ret_folded = folded;
    return out;
}

struct folded_text full_text_fold(struct arena *arena, const char *text)
{
    uint8_t *folded = NULL;
    size_t length = fold((const uint8_t *)text, strlen(text), &folded);
    const char *bytes = arena_strndup(arena, (const char *)folded, length);
    free(folded);
    return (struct folded_text){bytes, length};
}

bool full_text_contains(const char *text, struct folded_text keyword)
{
    size_t length = strlen(text);
    if (memmem(text, length, keyword.bytes, keyword.length))
        return true; /* nearly all text is its own folded form */
    uint8_t *folded = NULL;
    size_t folded_length = fold((const uint8_t *)text, length, &folded);
    bool found = folded && memmem(folded, folded_length, keyword.bytes, keyword.length);
    free(folded);
    return found;
}
