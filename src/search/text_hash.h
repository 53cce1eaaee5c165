/* The hash by which a pair's text is known again: what the store keeps as text_hash and an index with its
 * entry, so that the two can be compared without the texts. */
#ifndef KIMONO_SEARCH_TEXT_HASH_H
#define KIMONO_SEARCH_TEXT_HASH_H

#include <stddef.h>
#include <stdint.h>

/* XXH3 of the question, a NUL and the answer, as they are kept (trimmed). The NUL keeps a word that moves
 * from question to answer from going unnoticed. */
int64_t text_hash(const char *question, size_t question_length, const char *answer, size_t answer_length);

#endif
