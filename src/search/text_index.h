/* The question-answer pairs of ONE tenant, searchable in memory: the embedded retrieval.
 *
 * A shared full-text index ranks a frequent word over all tenants' pairs and filters afterwards;
 * here a question costs what its tenant's pairs cost. Measured by tests/bench/bench_retrieval.c
 * with 10,000 English pairs of 12 words: a search 0.05 to 0.08 ms, p99 0.2 ms; 130 bytes a pair
 * (164 with the allocator's), 327 with long Chinese answers; 2.5 µs to add one, so an index of
 * 10,000 is built in 25 ms. Ranking there: top-1 .805, top-5 .938. Only ids are kept, no text: the
 * store has the pairs, this finds them. The index is built from the store when a tenant is first
 * asked for and follows each change; it is never written to disk.
 *
 * Threads: any number may search at once; put, remove and free need the index to themselves (a
 * read-write lock of the owner's). A search takes some 30 KiB of stack and nothing of the heap but
 * what the tokenizer may need for a moment.
 *
 * The score compares what the question says, what the pair's question says, and what they have in common, each
 * as the sum of the weights of its different tokens (search/token_weight.h, search/tokenizer.h):
 *
 *   common = tokens of the question in the pair's question, and TEXT_INDEX_ANSWER_WEIGHT of those that stand
 *            in the answer only; a long answer helps to find a pair and never dilutes it
 *   raw    = common / (0.6 · √asked + 0.4 · √held)²
 *   score  = raw ^ (1 + ln(pairs / 100) / 8), with 16 pairs at least
 *
 * A pair whose question is the one that is asked (search/fold.h: in any width and case) scores 1 and stands
 * first; any other scores 0.99 at most. A token that no pair has counts in `asked`: what nobody ever wrote about
 * lowers the score of all pairs alike. The exponent is for chance: the best of ten thousand pairs is as good by
 * accident as the best of fifty is by being right; with it a threshold means about the same in both.
 *
 * Measured (tests/bench/bench_retrieval.c, plain BM25 in the same run): banking77 top-1 .820 against .802;
 * Chinese messages translated twice .710 against .688, Japanese .668 against .633, none of them used to find the
 * numbers above. It measures overlap of words: it knows no synonyms, and it is not a probability of being
 * right.
 *
 * Limits: 2^24 pairs and 2^28 different tokens; the first 65,535 tokens of a pair (question first); the first
 * 512 different tokens of a query. Tokens are known by a 64-bit hash (XXH3), so that two tokens are one with a
 * probability of 10^-8 in an index of 600,000 different tokens. Out of memory ends the process
 * (base/memory.h). */
#ifndef KIMONO_SEARCH_TEXT_INDEX_H
#define KIMONO_SEARCH_TEXT_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_INDEX_TOP_K_MAX 50
#define TEXT_INDEX_MIN_SCORE_DEFAULT 0.3
#define TEXT_INDEX_ANSWER_WEIGHT 0.65

struct text_index;

struct text_match {
    int64_t id;
    double score; /* above 0, at most 1 */
};

/* An empty index of the caller's, to be released with text_index_free, which takes NULL. */
struct text_index *text_index_new(void);
void text_index_free(struct text_index *index);

/* Adds the pair, or replaces the one with this id. The texts are NUL-terminated, are not kept, may
 * be any bytes; NULL is as good as "". Returns false, and leaves the index as it is but without
 * an earlier pair of this id, if it is full. */
bool text_index_put(struct text_index *index, int64_t id, const char *question, const char *answer);

/* Removes the pair; nothing if it is not there. All of its memory is free for other pairs. */
void text_index_remove(struct text_index *index, int64_t id);

/* Writes the best pairs to `ret_matches`, room for min(top_k, TEXT_INDEX_TOP_K_MAX), and returns
 * their number: those with a score of at least min_score and above 0, best first, of equal ones the
 * smaller id first. The result depends only on the pairs, not on the order in which they came. */
size_t text_index_search(const struct text_index *index, const char *query, size_t top_k, double min_score,
                         struct text_match *ret_matches);

/* Calls for each pair, in no order, with the hash (search/text_hash.h) of the texts that were put. */
typedef void (*text_index_each_fn)(void *context, int64_t id, int64_t text_hash);
void text_index_each(const struct text_index *index, text_index_each_fn each, void *context);

/* Number of pairs. */
size_t text_index_count(const struct text_index *index);

/* Bytes asked of the heap for this index; the allocator adds some 8 to 16 for each of its blocks
 * (one for each pair and each token that stands in three pairs or more). */
size_t text_index_bytes(const struct text_index *index);

#endif
