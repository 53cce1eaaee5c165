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
 * Ranking is BM25 with two fields (Robertson and Zaragoza, The Probabilistic Relevance Framework:
 * BM25 and Beyond, 2009; the idf is Lucene's, never negative), k1 = 1.2 and b = 0.75, over the
 * tokens of search/tokenizer.h:
 *
 *   bm25(query, pair) = sum over the query's tokens t, each as often as it stands there, of
 *       weight(t) · idf(t) · tf · (k1 + 1) / (tf + k1 · (1 - b + b · length / average length))
 *   tf     = occurrences in the question + TEXT_INDEX_ANSWER_WEIGHT if it stands in the answer
 *   length = tokens of the question alone: a long answer helps to find a pair and never dilutes it
 *   idf(t) = ln(1 + (N - n + 0.5) / (n + 0.5)), N pairs, n of them with t
 *   weight = 1, but less for tokens of Chinese, Japanese and Korean that are grammar or accident
 *            (search/token_weight.h; the values stand in text_index.c), and for words that no pair
 *            has in a query that mixes languages and whose Han words are known
 *
 * Two departures, both for tenants with few pairs, whose frequencies mean little: N is taken as at
 * least 16, and for an English word of grammar ("what", "is") N and n are taken as if 200 more
 * pairs were there, half of them with the word. The more pairs, the nearer to plain BM25.
 *
 * score = bm25(query, pair) / bm25(query, a pair whose question is the query), at most 1.
 *
 * It is the part of what the query says that the pair answers to: 1 for the stored question itself
 * (in any order of its words), about 0.5 if half of its weight is matched. Tokens that no pair has
 * count in the divisor: what nobody ever wrote about lowers the score of all pairs alike. For one
 * query the order of the scores is the order of the BM25 sums.
 * 0.3, the default threshold, means: of all that the query says, weighed by how telling it is,
 * three tenths stand in the pair. One telling word in a sentence of five to ten Chinese characters
 * reaches it if the pair's question is about as short (请问能带宠物去吗 finds 宠物可以进店吗); of
 * three telling English words one does not, two do. It measures overlap of words: it knows no
 * synonyms, and it is not a probability of being right. 火星上有和服店吗 scores 0.2 where 和服 is
 * in all pairs, but 0.6 if one of them is 和服店在哪里: nothing here knows what Mars is.
 *
 * Limits: 2^24 pairs and 2^28 different tokens; the first 65,535 tokens of a pair (question first);
 * the first 256 tokens of a query; a token counts at most 127 times in a question. A query of a
 * single Chinese character finds only pairs in which it stands alone. Tokens are known by a 64-bit
 * hash (XXH3), so that two tokens are one with a probability of 10^-8 in an index of 600,000
 * different tokens. Out of memory ends the process (base/memory.h). */
#ifndef KIMONO_SEARCH_TEXT_INDEX_H
#define KIMONO_SEARCH_TEXT_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_INDEX_TOP_K_MAX 50
#define TEXT_INDEX_MIN_SCORE_DEFAULT 0.3
#define TEXT_INDEX_ANSWER_WEIGHT 0.4

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
 * smaller id first. Pairs whose sums are above the divisor all show 1 and stay in the order of
 * their sums. The result depends only on the pairs, not on the order in which they came. */
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
