/* The tokenizer of the retrieval (search/text_index.h): text in any language becomes the tokens that a
 * question and a pair have in common or not. Their weights: search/token_weight.h.
 *
 * What becomes a token
 *   - Words: runs of letters, marks and digits of any script except those below, lower-cased.
 *     Everything else separates: white space, punctuation (also `_`, `-`, `'` and `.`), symbols.
 *     "Don't pay ¥3.500" gives don, t, pay, 3, 500. Of a word of five characters or more its first
 *     five are a token as well, the stem: "rented" and "rentals" have rente and renta, "cancelled"
 *     and "cancel" share cance.
 *   - Chinese, Japanese and Korean have no spaces to go by (Korean has, but glues its particles to
 *     its nouns): each character of a run of Han, Hiragana, Katakana, Hangul or Bopomofo, mixed or
 *     not, is a token, and each two neighbours are one: "租和服" gives 租, 租和, 和, 和服, 服. Spaces
 *     around a single character are none ("租 和 服" gives the same), except in Korean.
 *   - Thai, Lao, Khmer and Burmese, which have no spaces either, are treated as words: a limit.
 *
 * What is folded
 *   Unicode normal form NFKC (UAX #15) and simple lower case: Ｋｉｍｏｎｏ = kimono, ｷﾓﾉ = キモノ,
 *   ①= 1, decomposed が = composed が. Simplified and traditional Chinese stay different.
 *   Characters without width (BOM, soft hyphen, joiners, variation selectors) are dropped and join
 *   what stands around them, but U+200B ZERO WIDTH SPACE separates.
 *
 * Limits
 *   Any bytes are accepted; bytes that are not UTF-8, and NUL, separate. A word is cut after
 *   TOKEN_BYTES_MAX bytes, on a character boundary; what is cut off is lost to search. A character
 *   with more than 14 combining marks is normalised in pieces. Time is linear in the length; memory
 *   is below 2 KiB of stack (the library may take as much from the heap for a moment when a
 *   character needs NFKC). No state is kept between calls: any number of threads may call at once.
 *
 * Needs libunistring, which has the Unicode tables (version 14 in Debian 12). */
#ifndef KIMONO_SEARCH_TOKENIZER_H
#define KIMONO_SEARCH_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>

#define TOKEN_BYTES_MAX 64
#define TOKEN_STEM_CHARACTERS 5

enum token_kind {
    TOKEN_WORD,   /* letters and digits between separators */
    TOKEN_STEM,   /* the first TOKEN_STEM_CHARACTERS of a word that has as many */
    TOKEN_BIGRAM, /* two neighbours of a Chinese, Japanese or Korean run */
    TOKEN_SINGLE, /* a character of such a run */
};

/* Receives each token in the order of the text: `length` bytes of valid UTF-8 (1..TOKEN_BYTES_MAX),
 * NUL-terminated for convenience, valid only during the call. Returns false to stop. */
typedef bool (*token_fn)(void *context, const char *token, size_t length, enum token_kind kind);

/* Calls `receive` for every token of `text`. Returns false if `receive` stopped it. */
bool tokenizer_run(const char *text, size_t length, token_fn receive, void *context);

#endif
