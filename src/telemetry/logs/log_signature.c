#include "telemetry/logs/log_signature.h"

#include <string.h>
#include <unistr.h>

#include "base/memory.h"
#include "search/fold.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Grams of one and two characters have slices of their own: they are few in a text, and a short word has no others, so
 * each has several bits. */
#define SHORT_SLICES 128
#define SHORT_BITS 5
#define LONG_BITS 1
#define NAME_BITS 4
#define GRAM_MAX 4

#define LOOKS_LONG 16 /* 4-grams of one text that are looked for, and … */
#define LOOKS_SHORT 6 /* … 3-grams, 2-grams */

struct log_token {
    unsigned slice, bits; /* `bits` of the slice, drawn from `draw` */
    uint64_t draw;
};

static uint64_t log_mix(uint64_t hash)
{
    hash ^= hash >> 33;
    hash *= UINT64_C(0xff51afd7ed558ccd);
    hash ^= hash >> 33;
    hash *= UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ hash >> 33;
}

static struct log_token log_token_of_hash(uint64_t hash, bool is_short, unsigned bits)
{
    unsigned slices = is_short ? SHORT_SLICES : LOG_SLICES - SHORT_SLICES;
    unsigned slice = (unsigned)((hash >> 40) * slices >> 24);
    return (struct log_token){(is_short ? 0 : SHORT_SLICES) + slice, bits, hash};
}

/* The bit of the token's draw number `i`: seven bits of the hash each, of 35 in all. */
static unsigned log_token_bit(const struct log_token *token, unsigned i)
{
    return (unsigned)(token->draw >> (7 * i)) & (LOG_SLICE_BITS - 1);
}

static struct log_token log_token_of_gram(const ucs4_t *gram, unsigned length)
{
    uint64_t hash = length;
    for (unsigned i = 0; i < length; i++)
        hash = (hash ^ gram[i]) * UINT64_C(0x9E3779B97F4A7C15);
    return log_token_of_hash(log_mix(hash), length <= 2, length <= 2 ? SHORT_BITS : LONG_BITS);
}

enum log_name_kind { NAME_SOURCE = 1, NAME_TENANT, NAME_REQUEST, NAME_FIELD };

static struct log_token log_token_of_name(enum log_name_kind kind, const char *name, size_t length)
{
    return log_token_of_hash(XXH3_64bits_withSeed(name, length, (uint64_t)kind), false, NAME_BITS);
}

static struct log_token log_token_of_field(const char *key, enum log_field_type type, const char *value,
                                           size_t length)
{
    uint64_t seed = XXH3_64bits_withSeed(key, strlen(key), NAME_FIELD + (uint64_t)type);
    return log_token_of_hash(XXH3_64bits_withSeed(value, length, seed), false, NAME_BITS);
}

/* ---- of a block ---- */

static void log_signature_put(struct log_signature *signature, const struct log_token *token)
{
    uint64_t *slice = &signature->words[token->slice * (LOG_SLICE_BITS / 64)];
    for (unsigned i = 0; i < token->bits; i++) {
        unsigned bit = log_token_bit(token, i);
        slice[bit / 64] |= UINT64_C(1) << bit % 64;
    }
}

static void log_signature_put_name(struct log_signature *signature, enum log_name_kind kind, const char *name)
{
    name = name ? name : "";
    struct log_token token = log_token_of_name(kind, name, strlen(name));
    log_signature_put(signature, &token);
}

static bool log_signature_put_field(void *context, const char *key, enum log_field_type type,
                                    const char *value, size_t length)
{
    struct log_token token = log_token_of_field(key, type, value, length);
    log_signature_put(context, &token);
    return true;
}

static void log_signature_put_text(struct log_signature *signature, const struct strbuf *folded)
{
    ucs4_t last[GRAM_MAX] = {0}; /* the newest last */
    unsigned known = 0;
    const uint8_t *text = (const uint8_t *)folded->bytes;
    for (size_t at = 0; at < folded->length;) {
        ucs4_t c = text[at];
        at += c < 0x80 ? 1 : (size_t)u8_mbtouc(&c, text + at, folded->length - at);
        memmove(last, last + 1, sizeof(last) - sizeof(last[0]));
        last[GRAM_MAX - 1] = c;
        known += known < GRAM_MAX;
        for (unsigned length = 1; length <= known; length++) {
            struct log_token token = log_token_of_gram(&last[GRAM_MAX - length], length);
            log_signature_put(signature, &token);
        }
    }
}

void log_signature_make(struct log_signature *signature, const struct log_record *records, size_t count)
{
    CLEANUP(strbuf_release) struct strbuf folded = {0};
    *signature = (struct log_signature){0};
    for (size_t i = 0; i < count; i++) {
        const struct log_record *record = &records[i];
        log_signature_put_name(signature, NAME_SOURCE, record->source);
        log_signature_put_name(signature, NAME_TENANT, record->tenant_id);
        log_signature_put_name(signature, NAME_REQUEST, record->request_id);
        log_fields_each(record->fields, log_signature_put_field, signature);
        strbuf_reset(&folded);
        text_fold(record->message, strlen(record->message), &folded);
        log_signature_put_text(signature, &folded);
    }
}

void log_slice_make(const struct log_signature *const *signatures, size_t count, unsigned slice,
                    unsigned char *ret_bytes)
{
    size_t width = (count + 7) / 8;
    memset(ret_bytes, 0, LOG_SLICE_BITS * width);
    for (size_t block = 0; block < count; block++)
        for (unsigned word = 0; word < LOG_SLICE_BITS / 64; word++) {
            uint64_t bits = signatures[block]->words[slice * (LOG_SLICE_BITS / 64) + word];
            for (; bits; bits &= bits - 1) {
                size_t bit = word * 64 + (size_t)__builtin_ctzll(bits);
                ret_bytes[bit * width + block / 8] |= (unsigned char)(1u << block % 8);
            }
        }
}

/* ---- looking ---- */

struct log_look {
    size_t count; /* blocks */
    const struct log_matcher *matcher;
    log_slice_fn get_slice;
    void *context;
};

static bool log_mask_is_empty(const struct log_mask *mask)
{
    uint64_t any = 0;
    for (size_t i = 0; i < LOG_MASK_WORDS; i++)
        any |= mask->words[i];
    return any == 0;
}

static bool log_look_token(const struct log_look *look, struct log_mask *mask, struct log_token token,
                           struct error *err)
{
    const unsigned char *bytes;
    size_t width = (look->count + 7) / 8;
    if (log_mask_is_empty(mask))
        return true;
    if (!look->get_slice(look->context, token.slice, &bytes, err))
        return false;
    for (unsigned i = 0; i < token.bits; i++) {
        struct log_mask row = {{0}};
        memcpy(row.words, bytes + log_token_bit(&token, i) * width, width);
        for (size_t word = 0; word < LOG_MASK_WORDS; word++)
            mask->words[word] &= row.words[word];
    }
    return true;
}

/* Some of the text's grams of this length, evenly over it. */
static bool log_look_grams(const struct log_look *look, struct log_mask *mask, const ucs4_t *text,
                           size_t length, unsigned gram, size_t looks, struct error *err)
{
    if (length < gram)
        return true;
    size_t grams = length - gram + 1, taken = grams < looks ? grams : looks;
    for (size_t i = 0; i < taken; i++) {
        size_t at = taken > 1 ? i * (grams - 1) / (taken - 1) : 0;
        if (!log_look_token(look, mask, log_token_of_gram(text + at, gram), err))
            return false;
    }
    return true;
}

static bool log_look_text(const struct log_look *look, struct log_mask *mask, const struct strbuf *folded,
                          struct error *err)
{
    size_t length;
    if (folded->length == 0)
        return true;
    CLEANUP(free_pointer)
    ucs4_t *text = u8_to_u32((const uint8_t *)folded->bytes, folded->length, NULL, &length);
    if (!text)
        return true; /* not to be told: every block may hold it */
    if (length == 1)
        return log_look_grams(look, mask, text, length, 1, 1, err);
    return log_look_grams(look, mask, text, length, 4, LOOKS_LONG, err) &&
           log_look_grams(look, mask, text, length, 3, LOOKS_SHORT, err) &&
           log_look_grams(look, mask, text, length, 2, LOOKS_SHORT, err);
}

static bool log_look_name(const struct log_look *look, struct log_mask *mask, enum log_name_kind kind,
                          const char *name, struct error *err)
{
    return !name || log_look_token(look, mask, log_token_of_name(kind, name, strlen(name)), err);
}

static bool log_look_field(const struct log_look *look, struct log_mask *mask,
                           const struct log_match_node *node, struct error *err)
{
    struct log_mask all = *mask, found = {{0}};
    const struct log_token tokens[] = {
        log_token_of_field(node->key, LOG_FIELD_TEXT, strbuf_text(&node->folded), node->folded.length),
        log_token_of_field(node->key, LOG_FIELD_WORD, strbuf_text(&node->folded), node->folded.length),
        log_token_of_field(node->key, LOG_FIELD_NUMBER, node->number, strlen(node->number)),
    };
    for (size_t i = 0; i < ARRAY_SIZE(tokens); i++) {
        struct log_mask one = all;
        if (!log_look_token(look, &one, tokens[i], err))
            return false;
        for (size_t word = 0; word < LOG_MASK_WORDS; word++)
            found.words[word] |= one.words[word];
    }
    *mask = found;
    return true;
}

static bool log_look_node(const struct log_look *look, struct log_mask *mask, size_t place, struct error *err)
{
    const struct log_match_node *node = &look->matcher->nodes[place];
    switch (node->kind) {
    case LOG_AND:
        return log_look_node(look, mask, node->left, err) && log_look_node(look, mask, node->right, err);
    case LOG_OR: {
        struct log_mask other = *mask;
        if (!log_look_node(look, mask, node->left, err) || !log_look_node(look, &other, node->right, err))
            return false;
        for (size_t word = 0; word < LOG_MASK_WORDS; word++)
            mask->words[word] |= other.words[word];
        return true;
    }
    case LOG_TEXT: return log_look_text(look, mask, &node->folded, err);
    case LOG_FIELD: return log_look_field(look, mask, node, err);
    case LOG_SOURCE_IS: return log_look_name(look, mask, NAME_SOURCE, node->value, err);
    case LOG_TENANT_IS: return log_look_name(look, mask, NAME_TENANT, node->value, err);
    case LOG_REQUEST_IS: return log_look_name(look, mask, NAME_REQUEST, node->value, err);
    case LOG_NOT: /* a signature says what may be there, not what is */
    case LOG_LEVEL_IS: return true;
    }
    return true;
}

bool log_mask_narrow(struct log_mask *mask, size_t count, const struct log_matcher *matcher,
                     log_slice_fn get_slice, void *context, struct error *err)
{
    const struct log_look look = {count, matcher, get_slice, context};
    const struct log_filter *filter = matcher->filter;
    return log_look_name(&look, mask, NAME_REQUEST, filter->request_id, err) &&
           log_look_name(&look, mask, NAME_TENANT, filter->tenant_id, err) &&
           log_look_name(&look, mask, NAME_SOURCE, filter->source, err) &&
           (matcher->node_count == 0 || log_look_node(&look, mask, 0, err));
}

struct log_one_block {
    const struct log_signature *signature;
    unsigned char bytes[LOG_SLICE_BITS];
};

static bool log_one_block_slice(void *context, unsigned slice, const unsigned char **ret_bytes,
                                struct error *err)
{
    struct log_one_block *one = context;
    (void)err;
    log_slice_make(&one->signature, 1, slice, one->bytes);
    *ret_bytes = one->bytes;
    return true;
}

bool log_signature_may_hold(const struct log_signature *signature, const struct log_matcher *matcher)
{
    struct log_one_block one = {.signature = signature};
    struct log_mask mask = {{1}};
    return !log_mask_narrow(&mask, 1, matcher, log_one_block_slice, &one, NULL) || mask.words[0];
}
