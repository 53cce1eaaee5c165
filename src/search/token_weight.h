/* How much a token of a question says: content, or only grammar.
 *
 * The statistics of one tenant cannot tell. A shop with thirty pairs has met "what" twice and 吗 in
 * ten different bigrams (物吗, 店吗, 钱吗) once each, so by their frequency all of these look as
 * rare and as telling as "kimono". And most bigrams of Chinese are not words at all but the
 * accidental meeting of two: 请问能带宠物去吗 has seven tokens and one word that matters. The
 * tables with the reasons stand in token_weight.c; what the numbers do in search/text_index.h. */
#ifndef KIMONO_SEARCH_TOKEN_WEIGHT_H
#define KIMONO_SEARCH_TOKEN_WEIGHT_H

#include <stddef.h>

#include "search/tokenizer.h"

enum token_class {
    TOKEN_CONTENT,       /* a word, a number, or a bigram that may be (part of) a word */
    TOKEN_CROSSING,      /* two Han or Hangul characters: a word, or the accident of two that meet */
    TOKEN_FUNCTION,      /* a bigram of Chinese, Japanese or Korean grammar */
    TOKEN_HIRAGANA,      /* the same, with a Hiragana character: the text is Japanese */
    TOKEN_FUNCTION_WORD, /* an English word of grammar */
};

/* `token` is one that the tokenizer gave, with its kind; NUL-terminated. */
enum token_class token_classify(const char *token, size_t length, enum token_kind kind);

#endif
