/* How it is laid out. A term (a different token) has a number, its place in `terms`; a pair has a
 * number, its slot, its place in `pairs`. A term lists the slots it stands in, ascending, four
 * bytes each (a posting). A pair lists its terms, ascending, as differences in variable-length
 * bytes, so that it can be taken out again without its text. Terms and slots that fall empty are
 * used again.
 *
 * Searching goes block by block: the sums of the next BLOCK_SLOTS slots lie in a small array on the
 * stack, every term of the query adds its postings of that block, then the array is read for the
 * best. Nothing is allocated, and the array stays in the processor's first cache. */
#include "search/text_index.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/memory.h"
#include "search/slot_table.h"
#include "search/text_hash.h"
#include "search/token_weight.h"
#include "search/tokenizer.h"

#define BM25_K1 1.2f
#define BM25_B 0.75f

/* Weights by class, found by trial with the hundred questions of tests/unit/test_search.c: a third
 * up or down puts one or two of them on the wrong side of 0.3. What is unknown must weigh
 * something, or a question about something else would match by its one known word; the more it
 * weighs, the fewer match. Japanese sets its Han words apart by particles, so there two Han
 * characters are more likely a word. */
#define WEIGHT_FUNCTION 0.1f
#define WEIGHT_HIRAGANA 0.05f
#define WEIGHT_UNKNOWN_CROSSING 0.25f
#define WEIGHT_UNKNOWN_CROSSING_JAPANESE 0.5f
/* A question that mixes languages ("shoe size 木屐 草履") often says the same thing twice: where its
 * Han words are known, its unknown Latin words and numbers are no sign of another subject. */
#define WEIGHT_UNKNOWN_WORD_MIXED 0.25f

/* Few pairs: N is at least this; in an index of one pair no token would be rarer than another. */
#define IDF_PAIRS_MIN 16
/* English words of grammar: as if this many more pairs had been seen, this part of them with it. */
#define FUNCTION_WORD_PAIRS 200
#define FUNCTION_WORD_SHARE 0.5

#define PAIRS_MAX ((size_t)1 << 24)
#define PAIR_TOKENS_MAX 65535
#define TERMS_MAX (((size_t)1 << 28) - PAIR_TOKENS_MAX)
#define QUERY_TOKENS_MAX 256
#define OCCURRENCES_MAX 127
#define BLOCK_SLOTS 4096
#define FEW_POSTINGS 2

/* A posting: slot << 8 | occurrences in the question << 1 | stands in the answer. Ascending order
 * of postings is ascending order of slots. */
#define POSTING_SLOT(posting) ((posting) >> 8)
#define POSTING_OCCURRENCES(posting) (((posting) >> 1) & OCCURRENCES_MAX)
#define POSTING_IN_ANSWER(posting) ((posting)&1)

struct term {
    uint64_t hash;
    union {
        uint32_t few[FEW_POSTINGS]; /* most terms stand in one or two pairs */
        uint32_t *many;
    };
    uint32_t count;    /* postings; 0: the term is free */
    uint32_t capacity; /* of `many`; 0: they are in `few` */
};

struct pair {
    int64_t id, text_hash;
    uint8_t *terms; /* NULL: the slot is free */
    uint32_t terms_bytes;
};

struct numbers {
    uint32_t *items;
    size_t count, capacity;
};

struct text_index {
    struct term *terms;
    size_t term_count, term_capacity;
    struct numbers free_terms;
    struct slot_table term_table; /* token → term */

    struct pair *pairs;
    uint16_t *lengths; /* tokens of each slot's question, apart from `pairs` for the cache's sake */
    size_t slot_count, slot_capacity;
    struct numbers free_slots;
    struct slot_table id_table; /* id → slot */

    size_t pair_count;
    uint64_t total_length; /* sum of the lengths */
    size_t block_bytes;    /* of all `many` and all pairs' `terms` */
};

/* ---- small things ---- */

static void numbers_push(struct numbers *numbers, uint32_t item)
{
    if (numbers->count == numbers->capacity) {
        numbers->capacity = numbers->capacity ? 2 * numbers->capacity : 16;
        numbers->items = xrealloc(numbers->items, numbers->capacity * sizeof(*numbers->items));
    }
    numbers->items[numbers->count++] = item;
}

static uint64_t hash_id(int64_t id)
{
    return XXH3_64bits(&id, sizeof(id));
}

static const uint32_t *term_postings(const struct term *term)
{
    return term->capacity ? term->many : term->few;
}

struct text_index *text_index_new(void)
{
    return xcalloc(1, sizeof(struct text_index));
}

void text_index_free(struct text_index *index)
{
    if (!index)
        return;
    for (size_t i = 0; i < index->term_count; i++)
        if (index->terms[i].capacity)
            free(index->terms[i].many);
    for (size_t i = 0; i < index->slot_count; i++)
        free(index->pairs[i].terms);
    slot_table_release(&index->term_table);
    slot_table_release(&index->id_table);
    free(index->free_terms.items);
    free(index->free_slots.items);
    free(index->terms);
    free(index->pairs);
    free(index->lengths);
    free(index);
}

size_t text_index_count(const struct text_index *index)
{
    return index->pair_count;
}

size_t text_index_bytes(const struct text_index *index)
{
    return sizeof(*index) + index->block_bytes + index->term_capacity * sizeof(*index->terms) +
           index->slot_capacity * (sizeof(*index->pairs) + sizeof(*index->lengths)) +
           (index->free_terms.capacity + index->free_slots.capacity) * sizeof(uint32_t) +
           slot_table_bytes(&index->term_table) + slot_table_bytes(&index->id_table);
}

/* ---- terms ---- */

static uint32_t find_term(const struct text_index *index, uint64_t hash)
{
    struct slot_cursor cursor = slot_table_lookup(&index->term_table, hash);
    for (uint32_t slot; (slot = slot_table_next(&index->term_table, &cursor)) != SLOT_NONE;)
        if (index->terms[slot].hash == hash)
            return slot;
    return SLOT_NONE;
}

static uint32_t new_term(struct text_index *index, uint64_t hash)
{
    uint32_t number;
    if (index->free_terms.count > 0) {
        number = index->free_terms.items[--index->free_terms.count];
    } else {
        if (index->term_count == index->term_capacity) {
            index->term_capacity += index->term_capacity / 2 + 16;
            index->terms = xrealloc(index->terms, index->term_capacity * sizeof(*index->terms));
        }
        number = (uint32_t)index->term_count++;
    }
    index->terms[number] = (struct term){.hash = hash};
    slot_table_add(&index->term_table, hash, number);
    return number;
}

static void resize_postings(struct text_index *index, struct term *term, uint32_t capacity)
{
    uint32_t few[FEW_POSTINGS];
    bool was_few = term->capacity == 0;
    if (was_few)
        memcpy(few, term->few, sizeof(few));
    term->many = xrealloc(was_few ? NULL : term->many, capacity * sizeof(uint32_t));
    if (was_few)
        memcpy(term->many, few, sizeof(few));
    index->block_bytes += capacity * sizeof(uint32_t);
    index->block_bytes -= term->capacity * sizeof(uint32_t);
    term->capacity = capacity;
}

/* Where the posting of `slot` stands or would stand. New slots go to the end: tried first. */
static uint32_t find_posting(const struct term *term, uint32_t slot)
{
    const uint32_t *postings = term_postings(term);
    uint32_t low = 0, high = term->count;
    if (high > 0 && POSTING_SLOT(postings[high - 1]) < slot)
        return high;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (POSTING_SLOT(postings[middle]) < slot)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void add_posting(struct text_index *index, struct term *term, uint32_t posting)
{
    uint32_t room = term->capacity ? term->capacity : FEW_POSTINGS;
    if (term->count == room)
        resize_postings(index, term, room + room / 4 + 2);
    uint32_t *postings = term->capacity ? term->many : term->few;
    uint32_t at = find_posting(term, POSTING_SLOT(posting));
    memmove(postings + at + 1, postings + at, (term->count - at) * sizeof(*postings));
    postings[at] = posting;
    term->count++;
}

static void drop_term(struct text_index *index, uint32_t number)
{
    struct term *term = &index->terms[number];
    slot_table_remove(&index->term_table, term->hash, number);
    if (term->capacity) {
        index->block_bytes -= term->capacity * sizeof(uint32_t);
        free(term->many);
    }
    *term = (struct term){0};
    numbers_push(&index->free_terms, number);
}

static void remove_posting(struct text_index *index, uint32_t number, uint32_t slot)
{
    struct term *term = &index->terms[number];
    uint32_t *postings = term->capacity ? term->many : term->few;
    uint32_t at = find_posting(term, slot);
    term->count--;
    memmove(postings + at, postings + at + 1, (term->count - at) * sizeof(*postings));
    if (term->count == 0)
        drop_term(index, number);
    else if (term->capacity >= 16 && term->count < term->capacity / 2)
        resize_postings(index, term, term->count + term->count / 4);
}

/* ---- pairs ---- */

/* The tokens of a pair on their way in: term << 1 | stands in the answer, sorted by term later. */
struct intake {
    struct text_index *index;
    struct numbers tokens;
    uint32_t in_answer;
};

static bool intake_token(void *context, const char *token, size_t length, enum token_kind kind)
{
    (void)kind;
    struct intake *intake = context;
    if (intake->tokens.count == PAIR_TOKENS_MAX)
        return false;
    uint64_t hash = XXH3_64bits(token, length);
    uint32_t term = find_term(intake->index, hash);
    if (term == SLOT_NONE)
        term = new_term(intake->index, hash);
    numbers_push(&intake->tokens, term << 1 | intake->in_answer);
    return true;
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Seven bits a byte, lowest first, the top bit says that more follow (LEB128). */
static uint8_t *write_number(uint8_t *at, uint32_t number)
{
    for (; number >= 0x80; number >>= 7)
        *at++ = (uint8_t)(number | 0x80);
    *at++ = (uint8_t)number;
    return at;
}

static const uint8_t *read_number(const uint8_t *at, uint32_t *ret_number)
{
    uint32_t number = 0;
    unsigned shift = 0;
    for (; *at & 0x80; shift += 7)
        number |= (uint32_t)(*at++ & 0x7F) << shift;
    *ret_number = number | (uint32_t)*at++ << shift;
    return at;
}

/* Adds one posting for each different term of the sorted tokens and leaves the pair's list of terms
 * in place of them (it is never longer: a term's difference takes at most 4 bytes below 2^28, and
 * there are fewer terms than that). Returns the list's bytes. */
static size_t add_postings(struct text_index *index, struct numbers *tokens, uint32_t slot)
{
    uint8_t *list = (uint8_t *)tokens->items, *end = list;
    uint32_t before = 0;
    for (size_t i = 0; i < tokens->count;) {
        uint32_t number = tokens->items[i] >> 1, occurrences = 0, in_answer = 0;
        for (; i < tokens->count && tokens->items[i] >> 1 == number; i++) {
            uint32_t from_answer = tokens->items[i] & 1;
            in_answer |= from_answer;
            occurrences += !from_answer && occurrences < OCCURRENCES_MAX;
        }
        add_posting(index, &index->terms[number], slot << 8 | occurrences << 1 | in_answer);
        end = write_number(end, number - before);
        before = number;
    }
    return (size_t)(end - list);
}

static uint32_t find_slot(const struct text_index *index, int64_t id)
{
    struct slot_cursor cursor = slot_table_lookup(&index->id_table, hash_id(id));
    for (uint32_t slot; (slot = slot_table_next(&index->id_table, &cursor)) != SLOT_NONE;)
        if (index->pairs[slot].id == id)
            return slot;
    return SLOT_NONE;
}

static uint32_t new_slot(struct text_index *index)
{
    if (index->free_slots.count > 0)
        return index->free_slots.items[--index->free_slots.count];
    if (index->slot_count == index->slot_capacity) {
        size_t capacity = index->slot_capacity + index->slot_capacity / 2 + 16;
        index->pairs = xrealloc(index->pairs, capacity * sizeof(*index->pairs));
        index->lengths = xrealloc(index->lengths, capacity * sizeof(*index->lengths));
        index->slot_capacity = capacity;
    }
    return (uint32_t)index->slot_count++;
}

static int64_t hash_of(const char *question, const char *answer)
{
    question = question ? question : "";
    answer = answer ? answer : "";
    return text_hash(question, strlen(question), answer, strlen(answer));
}

bool text_index_put(struct text_index *index, int64_t id, const char *question, const char *answer)
{
    text_index_remove(index, id);
    if (index->pair_count == PAIRS_MAX || index->term_count > TERMS_MAX)
        return false;

    struct intake intake = {.index = index};
    if (question)
        tokenizer_run(question, strlen(question), intake_token, &intake);
    size_t length = intake.tokens.count;
    intake.in_answer = 1;
    if (answer)
        tokenizer_run(answer, strlen(answer), intake_token, &intake);
    struct numbers *tokens = &intake.tokens;
    if (tokens->count > 0)
        qsort(tokens->items, tokens->count, sizeof(*tokens->items), compare_numbers);

    uint32_t slot = new_slot(index);
    size_t bytes = add_postings(index, tokens, slot);
    struct pair *pair = &index->pairs[slot];
    *pair = (struct pair){.id = id, .text_hash = hash_of(question, answer), .terms_bytes = (uint32_t)bytes};
    pair->terms = xrealloc(tokens->items, bytes);
    index->lengths[slot] = (uint16_t)length;
    index->block_bytes += bytes;
    index->total_length += length;
    index->pair_count++;
    slot_table_add(&index->id_table, hash_id(id), slot);
    return true;
}

void text_index_remove(struct text_index *index, int64_t id)
{
    uint32_t slot = find_slot(index, id);
    if (slot == SLOT_NONE)
        return;
    struct pair *pair = &index->pairs[slot];
    const uint8_t *at = pair->terms, *end = at + pair->terms_bytes;
    uint32_t number = 0;
    while (at < end) {
        uint32_t difference;
        at = read_number(at, &difference);
        number += difference;
        remove_posting(index, number, slot);
    }
    slot_table_remove(&index->id_table, hash_id(id), slot);
    index->block_bytes -= pair->terms_bytes;
    index->total_length -= index->lengths[slot];
    index->pair_count--;
    free(pair->terms);
    *pair = (struct pair){0};
    index->lengths[slot] = 0;
    numbers_push(&index->free_slots, slot);
}

void text_index_each(const struct text_index *index, text_index_each_fn each, void *context)
{
    for (size_t slot = 0; slot < index->slot_count; slot++)
        if (index->pairs[slot].terms)
            each(context, index->pairs[slot].id, index->pairs[slot].text_hash);
}

/* ---- searching ---- */

struct query_term {
    uint64_t hash;
    const uint32_t *at, *end; /* postings not yet looked at; none for an unknown token */
    uint32_t pairs;           /* that have it */
    uint32_t occurrences;     /* in the query */
    float impact;             /* occurrences · weight · idf · (k1 + 1) */
    enum token_class class;
    enum token_kind kind;
};

struct query {
    const struct text_index *index;
    struct query_term terms[QUERY_TOKENS_MAX];
    size_t term_count;
    size_t length;     /* tokens */
    float length_unit; /* what each token of a question adds to the divisor: k1 · b / average */
    bool japanese;     /* has Hiragana */
    bool known_han;    /* has two Han or Hangul characters that some pair has */
    float self;        /* BM25 of a pair whose question is the query */
    float floor;       /* sums below cannot be among the best any more */
};

static bool query_token(void *context, const char *token, size_t length, enum token_kind kind)
{
    struct query *query = context;
    if (query->length == QUERY_TOKENS_MAX)
        return false;
    query->length++;
    uint64_t hash = XXH3_64bits(token, length);
    for (size_t i = 0; i < query->term_count; i++) {
        if (query->terms[i].hash != hash)
            continue;
        query->terms[i].occurrences++;
        return true;
    }
    struct query_term *term = &query->terms[query->term_count++];
    *term = (struct query_term){.hash = hash, .occurrences = 1};
    term->class = token_classify(token, length, kind);
    term->kind = kind;
    query->japanese = query->japanese || term->class == TOKEN_HIRAGANA;
    uint32_t number = find_term(query->index, hash);
    if (number != SLOT_NONE) {
        term->pairs = query->index->terms[number].count;
        term->at = term_postings(&query->index->terms[number]);
        term->end = term->at + term->pairs;
        query->known_han = query->known_han || (term->class == TOKEN_CROSSING && term->pairs > 0);
    }
    return true;
}

static double term_idf(const struct query_term *term, size_t pair_count)
{
    double all = pair_count > IDF_PAIRS_MIN ? (double)pair_count : IDF_PAIRS_MIN;
    double with = term->pairs;
    if (term->class == TOKEN_FUNCTION_WORD) {
        all += FUNCTION_WORD_PAIRS;
        with += FUNCTION_WORD_PAIRS * FUNCTION_WORD_SHARE;
    }
    return log(1 + (all - with + 0.5) / (with + 0.5));
}

static float term_weight(const struct query *query, const struct query_term *term)
{
    if (term->class == TOKEN_FUNCTION)
        return WEIGHT_FUNCTION;
    if (term->class == TOKEN_HIRAGANA)
        return WEIGHT_HIRAGANA;
    if (term->class == TOKEN_CROSSING && term->pairs == 0)
        return query->japanese ? WEIGHT_UNKNOWN_CROSSING_JAPANESE : WEIGHT_UNKNOWN_CROSSING;
    if (term->kind == TOKEN_WORD && term->pairs == 0 && query->known_han)
        return WEIGHT_UNKNOWN_WORD_MIXED;
    return 1;
}

/* BM25's saturation: what `tf` occurrences are worth in a question of `length` tokens. */
static float saturate(const struct query *query, float tf, float length)
{
    return tf / (tf + BM25_K1 * (1 - BM25_B) + query->length_unit * length);
}

/* `self` is summed in the order and by the arithmetic of the pairs' sums, so that an exact repeat
 * gets exactly 1. */
static void weigh_terms(struct query *query)
{
    const struct text_index *index = query->index;
    double average = (double)index->total_length / (double)index->pair_count;
    query->length_unit = BM25_K1 * BM25_B / (float)(average > 1 ? average : 1);
    for (size_t i = 0; i < query->term_count; i++) {
        struct query_term *term = &query->terms[i];
        float idf = (float)term_idf(term, index->pair_count);
        float tf = (float)term->occurrences;
        term->impact = tf * term_weight(query, term) * idf * (BM25_K1 + 1);
        query->self += term->impact * saturate(query, tf, (float)query->length);
    }
}

/* Adds the term's postings in the block [first, first + BLOCK_SLOTS) to the block's sums. */
static void add_term(const struct query *query, struct query_term *term, uint32_t first, float *sums)
{
    const uint16_t *lengths = query->index->lengths + first;
    const uint32_t *at = term->at;
    for (; at < term->end && POSTING_SLOT(*at) - first < BLOCK_SLOTS; at++) {
        uint32_t slot = POSTING_SLOT(*at) - first;
        float tf =
            (float)POSTING_OCCURRENCES(*at) + (float)TEXT_INDEX_ANSWER_WEIGHT * (float)POSTING_IN_ANSWER(*at);
        sums[slot] += term->impact * saturate(query, tf, (float)lengths[slot]);
    }
    term->at = at;
}

/* The best so far, best first, with the sum in place of the score. */
struct best {
    struct text_match *matches;
    size_t count, limit;
};

static void offer(struct query *query, struct best *best, int64_t id, float sum)
{
    size_t at = best->count;
    while (at > 0 && (best->matches[at - 1].score < sum ||
                      (best->matches[at - 1].score == (double)sum && best->matches[at - 1].id > id)))
        at--;
    if (at == best->limit)
        return;
    size_t kept = best->count < best->limit ? best->count : best->limit - 1;
    memmove(best->matches + at + 1, best->matches + at, (kept - at) * sizeof(*best->matches));
    best->matches[at] = (struct text_match){.id = id, .score = sum};
    best->count = kept + 1;
    if (best->count == best->limit && (float)best->matches[kept].score > query->floor)
        query->floor = (float)best->matches[kept].score;
}

static void search_block(struct query *query, struct best *best, uint32_t first)
{
    float sums[BLOCK_SLOTS] = {0};
    size_t left = query->index->slot_count - first;
    size_t count = left < BLOCK_SLOTS ? left : BLOCK_SLOTS;
    for (size_t i = 0; i < query->term_count; i++)
        add_term(query, &query->terms[i], first, sums);
    for (size_t i = 0; i < count; i++)
        if (sums[i] >= query->floor && sums[i] > 0)
            offer(query, best, query->index->pairs[first + i].id, sums[i]);
}

size_t text_index_search(const struct text_index *index, const char *query_text, size_t top_k,
                         double min_score, struct text_match *ret_matches)
{
    if (index->pair_count == 0 || top_k == 0)
        return 0;
    struct query query = {.index = index};
    tokenizer_run(query_text, strlen(query_text), query_token, &query);
    weigh_terms(&query);
    query.floor = (float)(min_score * query.self);

    struct best best = {.matches = ret_matches};
    best.limit = top_k < TEXT_INDEX_TOP_K_MAX ? top_k : TEXT_INDEX_TOP_K_MAX;
    for (size_t first = 0; first < index->slot_count; first += BLOCK_SLOTS)
        search_block(&query, &best, (uint32_t)first);
    for (size_t i = 0; i < best.count; i++) {
        double score = ret_matches[i].score / query.self;
        ret_matches[i].score = score < 1 ? score : 1;
    }
    return best.count;
}
