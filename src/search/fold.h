/* The one folding of the product: which texts are the same to a reader. Questions are known again, keywords are
 * found and tenants are looked for by it.
 *
 * Folded is: width and other forms of a character (NFKC: Ｋ = K, ｷﾓﾉ = キモノ, ① = 1, both ways to write é), case
 * (in full: ß = ss, Σ = σ = ς), and what has no width (zero-width spaces, joiners, soft hyphens, the byte
 * order mark) is left out. Simplified and traditional Chinese stay different. */
#ifndef KIMONO_SEARCH_FOLD_H
#define KIMONO_SEARCH_FOLD_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/* Appends the text folded. Bytes that are not UTF-8 become U+FFFD. */
void text_fold(const char *text, size_t length, struct strbuf *out);

/* The same without accents, for who types without (cafe = café); the voicing marks of kana stay. */
void text_fold_plain(const char *text, size_t length, struct strbuf *out);

/* Two texts have the same identity when they are equal folded, apart from white space at their ends (a hash of 64
 * bits: XXH3). */
uint64_t text_identity(const char *text, size_t length);

#endif
