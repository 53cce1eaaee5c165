/* How much a token says: what two texts have in common is the sum of its tokens' weights.
 *
 * A token weighs by how rare it is among the tenant's pairs (the idf). The pairs of one shop alone cannot tell:
 * of thirty, two have "what" and one has "kimono", and both look rare. So tokens that are grammar in any shop
 * are weighed as if some hundred pairs of everyday text had been read before, of which a known part has them.
 * With thousands of pairs of its own a tenant's figures outweigh that. */
#ifndef KIMONO_SEARCH_TOKEN_WEIGHT_H
#define KIMONO_SEARCH_TOKEN_WEIGHT_H

#include <stddef.h>
#include <stdint.h>

#include "search/tokenizer.h"

enum token_class {
    TOKEN_CONTENT,           /* a word, its stem, a number, a character */
    TOKEN_NEIGHBOURS,        /* a bigram: its characters count by themselves, so it only tells their order */
    TOKEN_GRAMMAR_WORD,      /* what, is, the; the stem of such a word */
    TOKEN_GRAMMAR_CHARACTER, /* 吗 的; Hiragana */
    TOKEN_GRAMMAR_SEAM,      /* a bigram of which one character is that */
    TOKEN_GRAMMAR_NEIGHBOURS /* and of which both are */
};
#define TOKEN_CLASS_COUNT (TOKEN_GRAMMAR_NEIGHBOURS + 1)

/* `token` is one that the tokenizer gave, with its kind; NUL-terminated. */
enum token_class token_classify(const char *token, size_t length, enum token_kind kind);

/* Weights are whole numbers, so that a sum is the same in any order. A token of an index of 16 million
 * pairs weighs less than 17 of this unit. */
#define TOKEN_WEIGHT_UNIT 65536

/* Of a token that `with` of `pairs` pairs have. */
uint32_t token_weight(enum token_class class, size_t with, size_t pairs);

#endif
