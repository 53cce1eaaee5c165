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
#include "base/slot_table.h"
#include "search/fold.h"
#include "search/text_hash.h"
#include "search/token_weight.h"
#include "search/tokenizer.h"

/* How much the weight of the question that is asked counts below the fraction bar; the rest is for the pair's. */
#define QUESTION_SHARE 0.6f
/* From how many pairs on chance makes a score less telling than it looks, and how slowly. */
#define CHANCE_PAIRS 100
#define CHANCE_PAIRS_MIN 16
#define CHANCE_SLOWNESS 8
/* For rounding, where the threshold is turned into one of raw scores. */
#define FLOOR_MARGIN 1e-6
/* For a pair with the same tokens whose question is another (in another order): all but equal. */
#define SCORE_BELOW_EQUAL 0.99

#define PAIRS_MAX ((size_t)1 << 24)
#define PAIR_TOKENS_MAX 65535
#define TERMS_MAX (((size_t)1 << 28) - PAIR_TOKENS_MAX)
#define QUERY_TERMS_MAX 512
#define BLOCK_SLOTS 4096
#define FEW_POSTINGS 2

/* A posting: slot << 1 | stands in the question (not only in the answer). Ascending order of postings is
 * ascending order of slots. */
#define POSTING_SLOT(posting) ((posting) >> 1)
#define POSTING_IN_QUESTION(posting) ((posting)&1)

struct term {
    uint64_t hash;
    union {
        uint32_t few[FEW_POSTINGS]; /* most terms stand in one or two pairs */
        uint32_t *many;
    };
    uint32_t count;         /* postings; 0: the term is free */
    uint32_t capacity : 28; /* of `many`; 0: they are in `few` */
    uint32_t class : 4;     /* enum token_class */
};

struct pair {
    int64_t id, text_hash;
    uint8_t *terms; /* those of the question, then those of the answer alone; NULL: the slot is free */
    uint32_t terms_bytes, question_bytes;
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
    uint64_t *identities; /* of each slot's question (search/fold.h), apart for the cache's sake */
    size_t slot_count, slot_capacity;
    struct numbers free_slots;
    struct slot_table id_table; /* id → slot */

    size_t pair_count;
    size_t block_bytes; /* of all `many` and all pairs' `terms` */
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

static void numbers_release(struct numbers *numbers)
{
    free(numbers->items);
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
    free(index->identities);
    free(index);
}

size_t text_index_count(const struct text_index *index)
{
    return index->pair_count;
}

size_t text_index_bytes(const struct text_index *index)
{
    return sizeof(*index) + index->block_bytes + index->term_capacity * sizeof(*index->terms) +
           index->slot_capacity * (sizeof(*index->pairs) + sizeof(*index->identities)) +
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

static uint32_t new_term(struct text_index *index, uint64_t hash, enum token_class class)
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
    index->terms[number] = (struct term){.hash = hash, .class = class};
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
    term->capacity = capacity & 0xFFFFFFF;
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

/* A stem is another token than a word of the same letters. */
static uint64_t hash_token(const char *token, size_t length, enum token_kind kind)
{
    return XXH3_64bits_withSeed(token, length, kind == TOKEN_STEM);
}

/* The tokens of a pair on their way in: term << 1 | stands in the answer, sorted by term later. */
struct intake {
    struct text_index *index;
    struct numbers tokens;
    uint32_t in_answer;
};

static bool intake_token(void *context, const char *token, size_t length, enum token_kind kind)
{
    struct intake *intake = context;
    if (intake->tokens.count == PAIR_TOKENS_MAX)
        return false;
    uint64_t hash = hash_token(token, length, kind);
    uint32_t term = find_term(intake->index, hash);
    if (term == SLOT_NONE)
        term = new_term(intake->index, hash, token_classify(token, length, kind));
    numbers_push(&intake->tokens, term << 1 | intake->in_answer);
    return true;
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

#define TERM_BYTES_MAX 4 /* of a number below 2^28 */

/* Seven bits a byte, lowest first, the top bit says that more follow (LEB128). */
static uint8_t *write_term_number(uint8_t *at, uint32_t number)
{
    for (; number >= 0x80; number >>= 7)
        *at++ = (uint8_t)(number | 0x80);
    *at++ = (uint8_t)number;
    return at;
}

static const uint8_t *read_term_number(const uint8_t *at, uint32_t *ret_number)
{
    uint32_t number = 0;
    unsigned shift = 0;
    for (; *at & 0x80; shift += 7)
        number |= (uint32_t)(*at++ & 0x7F) << shift;
    *ret_number = number | (uint32_t)*at++ << shift;
    return at;
}

/* Terms in ascending order, as they are written. */
struct term_list {
    uint8_t *end;
    uint32_t last;
};

/* Adds one posting for each different term of the sorted tokens: those of the question (`in_answer` 0), or those of
 * the answer alone (1). Leaves their list at `list->end`. */
static void add_postings(struct text_index *index, const struct numbers *tokens, uint32_t slot,
                         uint32_t in_answer, struct term_list *list)
{
    for (size_t i = 0; i < tokens->count;) {
        uint32_t first = tokens->items[i], number = first >> 1; /* that of the question stands first */
        while (i < tokens->count && tokens->items[i] >> 1 == number)
            i++;
        if ((first & 1) != in_answer)
            continue;
        add_posting(index, &index->terms[number], slot << 1 | (in_answer ? 0 : 1));
        list->end = write_term_number(list->end, number - list->last);
        list->last = number;
    }
}

static uint32_t find_pair_slot(const struct text_index *index, int64_t id)
{
    struct slot_cursor cursor = slot_table_lookup(&index->id_table, hash_id(id));
    for (uint32_t slot; (slot = slot_table_next(&index->id_table, &cursor)) != SLOT_NONE;)
        if (index->pairs[slot].id == id)
            return slot;
    return SLOT_NONE;
}

static uint32_t new_pair_slot(struct text_index *index)
{
    if (index->free_slots.count > 0)
        return index->free_slots.items[--index->free_slots.count];
    if (index->slot_count == index->slot_capacity) {
        size_t capacity = index->slot_capacity + index->slot_capacity / 2 + 16;
        index->pairs = xrealloc(index->pairs, capacity * sizeof(*index->pairs));
        index->identities = xrealloc(index->identities, capacity * sizeof(*index->identities));
        index->slot_capacity = capacity;
    }
    return (uint32_t)index->slot_count++;
}

/* Sorted; a term that stands in both comes as the question's first. */
static struct numbers collect_tokens(struct text_index *index, const char *question, const char *answer)
{
    struct intake intake = {.index = index};
    tokenizer_run(question, strlen(question), intake_token, &intake);
    intake.in_answer = 1;
    tokenizer_run(answer, strlen(answer), intake_token, &intake);
    if (intake.tokens.count > 0)
        qsort(intake.tokens.items, intake.tokens.count, sizeof(*intake.tokens.items), compare_numbers);
    return intake.tokens;
}

bool text_index_put(struct text_index *index, int64_t id, const char *question, const char *answer)
{
    text_index_remove(index, id);
    if (index->pair_count == PAIRS_MAX || index->term_count > TERMS_MAX)
        return false;

    question = question ? question : "";
    answer = answer ? answer : "";
    CLEANUP(numbers_release) struct numbers tokens = collect_tokens(index, question, answer);
    uint32_t slot = new_pair_slot(index);
    uint8_t *terms = xmalloc(TERM_BYTES_MAX * tokens.count + 1);
    struct term_list list = {.end = terms};
    add_postings(index, &tokens, slot, 0, &list);
    size_t question_bytes = (size_t)(list.end - terms);
    list.last = 0;
    add_postings(index, &tokens, slot, 1, &list);
    size_t bytes = (size_t)(list.end - terms);

    index->pairs[slot] = (struct pair){
        .id = id,
        .text_hash = text_hash(question, strlen(question), answer, strlen(answer)),
        .terms = xrealloc(terms, bytes + (bytes == 0)),
        .terms_bytes = (uint32_t)bytes,
        .question_bytes = (uint32_t)question_bytes,
    };
    index->identities[slot] = text_identity(question, strlen(question));
    index->block_bytes += bytes;
    index->pair_count++;
    slot_table_add(&index->id_table, hash_id(id), slot);
    return true;
}

void text_index_remove(struct text_index *index, int64_t id)
{
    uint32_t slot = find_pair_slot(index, id);
    if (slot == SLOT_NONE)
        return;
    struct pair *pair = &index->pairs[slot];
    const uint8_t *at = pair->terms, *answer = at + pair->question_bytes, *end = at + pair->terms_bytes;
    uint32_t number = 0;
    while (at < end) {
        uint32_t difference;
        number = at == answer ? 0 : number;
        at = read_term_number(at, &difference);
        number += difference;
        remove_posting(index, number, slot);
    }
    slot_table_remove(&index->id_table, hash_id(id), slot);
    index->block_bytes -= pair->terms_bytes;
    index->pair_count--;
    free(pair->terms);
    *pair = (struct pair){0};
    index->identities[slot] = 0;
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
    const uint32_t *at, *end;        /* postings not yet looked at; none for an unknown token */
    uint32_t in_question, in_answer; /* what it adds to a pair's sum */
};

struct query {
    const struct text_index *index;
    struct query_term terms[QUERY_TERMS_MAX];
    size_t term_count;
    uint64_t identity;
    float weight;   /* of all its tokens */
    float exponent; /* for the chance of so many pairs */
    double floor;   /* raw scores below cannot be among the best any more */
};

static bool query_token(void *context, const char *token, size_t length, enum token_kind kind)
{
    struct query *query = context;
    const struct text_index *index = query->index;
    uint64_t hash = hash_token(token, length, kind);
    for (size_t i = 0; i < query->term_count; i++)
        if (query->terms[i].hash == hash)
            return true;
    if (query->term_count == QUERY_TERMS_MAX)
        return false;
    struct query_term *term = &query->terms[query->term_count++];
    *term = (struct query_term){.hash = hash};
    uint32_t number = find_term(index, hash);
    if (number == SLOT_NONE && kind == TOKEN_STEM)
        return true; /* its word is unknown, and counts */
    if (number != SLOT_NONE) {
        term->at = term_postings(&index->terms[number]);
        term->end = term->at + index->terms[number].count;
    }
    term->in_question =
        token_weight(token_classify(token, length, kind), (size_t)(term->end - term->at), index->pair_count);
    term->in_answer = (uint32_t)((float)term->in_question * (float)TEXT_INDEX_ANSWER_WEIGHT);
    query->weight += (float)term->in_question;
    return true;
}

/* Adds the term's postings in the block [first, first + BLOCK_SLOTS) to the block's sums. */
static void add_term_sums(struct query_term *term, uint32_t first, uint32_t *sums)
{
    const uint32_t *at = term->at;
    for (; at < term->end && POSTING_SLOT(*at) - first < BLOCK_SLOTS; at++)
        sums[POSTING_SLOT(*at) - first] += POSTING_IN_QUESTION(*at) ? term->in_question : term->in_answer;
    term->at = at;
}

/* What the pair's question says: the weight of its tokens. */
static float question_weight(const struct text_index *index, const struct pair *pair)
{
    const uint8_t *at = pair->terms, *end = at + pair->question_bytes;
    uint64_t sum = 0;
    uint32_t number = 0;
    while (at < end) {
        uint32_t difference;
        at = read_term_number(at, &difference);
        number += difference;
        const struct term *term = &index->terms[number];
        sum += token_weight(term->class, term->count, index->pair_count);
    }
    return (float)sum;
}

/* The power mean of exponent 1/2 lies between the arithmetic one, by which a single word would never find a
 * long question, and the geometric one, by which it would find any. */
static double raw_score(const struct query *query, float common, float pair_weight)
{
    if (pair_weight < common)
        pair_weight = common;
    float root = QUESTION_SHARE * sqrtf(query->weight) + (1 - QUESTION_SHARE) * sqrtf(pair_weight);
    return (double)common / ((double)root * (double)root);
}

/* The best so far, best first, with the raw score in place of the score; 2: the question itself. */
#define RAW_EQUAL 2

struct best {
    struct text_match *matches;
    size_t count, limit;
};

static void best_offer(struct query *query, struct best *best, int64_t id, double score)
{
    size_t at = best->count;
    while (at > 0 && (best->matches[at - 1].score < score ||
                      (best->matches[at - 1].score == score && best->matches[at - 1].id > id)))
        at--;
    if (at == best->limit)
        return;
    size_t kept = best->count < best->limit ? best->count : best->limit - 1;
    memmove(best->matches + at + 1, best->matches + at, (kept - at) * sizeof(*best->matches));
    best->matches[at] = (struct text_match){.id = id, .score = score};
    best->count = kept + 1;
    if (best->count == best->limit && best->matches[kept].score > query->floor)
        query->floor = best->matches[kept].score;
}

/* The weight of a pair's question is only reckoned where the pair can still be among the best. */
static void search_block(struct query *query, struct best *best, uint32_t first)
{
    uint32_t sums[BLOCK_SLOTS] = {0};
    const struct text_index *index = query->index;
    size_t left = index->slot_count - first;
    size_t count = left < BLOCK_SLOTS ? left : BLOCK_SLOTS;
    for (size_t i = 0; i < query->term_count; i++)
        add_term_sums(&query->terms[i], first, sums);
    for (size_t i = 0; i < count; i++) {
        const struct pair *pair = &index->pairs[first + i];
        float common = (float)sums[i];
        if (index->identities[first + i] == query->identity && pair->terms)
            best_offer(query, best, pair->id, RAW_EQUAL);
        else if (common > 0 && raw_score(query, common, common) >= query->floor)
            best_offer(query, best, pair->id, raw_score(query, common, question_weight(index, pair)));
    }
}

size_t text_index_search(const struct text_index *index, const char *query_text, size_t top_k,
                         double min_score, struct text_match *ret_matches)
{
    size_t length = strlen(query_text), count = 0;
    if (index->pair_count == 0 || top_k == 0)
        return 0;
    /* Of the more pairs the best one is taken, the better it is by chance. */
    float pairs = (float)(index->pair_count > CHANCE_PAIRS_MIN ? index->pair_count : CHANCE_PAIRS_MIN);
    struct query query = {.index = index, .exponent = 1 + logf(pairs / CHANCE_PAIRS) / CHANCE_SLOWNESS};
    query.floor = min_score > 0 ? pow(min_score, 1 / (double)query.exponent) - FLOOR_MARGIN : 0;
    query.identity = text_identity(query_text, length);
    tokenizer_run(query_text, length, query_token, &query);
    struct best best = {.matches = ret_matches};
    best.limit = top_k < TEXT_INDEX_TOP_K_MAX ? top_k : TEXT_INDEX_TOP_K_MAX;
    for (size_t first = 0; first < index->slot_count; first += BLOCK_SLOTS)
        search_block(&query, &best, (uint32_t)first);
    for (; count < best.count; count++) {
        double raw = ret_matches[count].score, score = pow(raw, (double)query.exponent);
        score = score < SCORE_BELOW_EQUAL ? score : SCORE_BELOW_EQUAL;
        ret_matches[count].score = raw == RAW_EQUAL ? 1 : score;
        if (ret_matches[count].score < min_score)
            break;
    }
    return count;
}
