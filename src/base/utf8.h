/* UTF-8: checking, writing and cutting. Folding and word rules are in search/tokenizer.h. */
#ifndef KIMONO_BASE_UTF8_H
#define KIMONO_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True for well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF). */
bool utf8_valid(const char *bytes, size_t length);

/* Bytes of the well-formed character that begins here; 0: there is none. `left` > 0: bytes that are there. */
size_t utf8_character_length(const char *bytes, size_t left);

/* The well-formed character that begins here, which must be one; gives its length. */
size_t utf8_get(const char *bytes, uint32_t *ret_character);

/* Writes a character, at most U+10FFFF; 1 to 4 bytes. */
size_t utf8_put(char *to, uint32_t character);

/* Number of characters (code points) of valid UTF-8. */
size_t utf8_count(const char *bytes, size_t length);

/* The largest length <= limit that ends on a character boundary of valid UTF-8. */
size_t utf8_cut(const char *bytes, size_t length, size_t limit);

/* Copies the text into `size` bytes with a NUL, cut at a character boundary if it is longer. */
void utf8_copy(char *to, size_t size, const char *text);

/* Drops whatever is not well-formed, such as the halves of characters that a printf's precision has cut. */
void utf8_drop_invalid(char *text);

/* Takes away the byte order mark that some editors put before a text; it is no part of a secret. */
void utf8_drop_mark(char *text);

#endif
