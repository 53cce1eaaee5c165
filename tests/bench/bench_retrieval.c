/* How well and how fast search/text_index.h finds: prints top-1, top-5, p50 and p99 of the search time, the time
 * to build and the bytes per pair, and beside it what plain BM25 (k1 1.2, b 0.75; words, single characters and
 * bigrams) finds in the same run.
 *
 *     bench_retrieval PAIRS.tsv QUERIES.tsv [--no-answers] [--unknown UNKNOWN.tsv | --hold-out PERCENT]
 *
 * With questions that no pair answers (UNKNOWN, or those of so many percent of the categories, whose pairs are
 * left out) it prints for some thresholds which part of them is answered all the same, and which part of the
 * others rightly.
 *
 * PAIRS: a heading, then doc_id, question, answer, category. The category, which no customer sees,
 * serves as the answer where there is none, as in banking77; --no-answers leaves it out, which is
 * plain BM25 over the questions.
 * QUERIES: a heading, then query_id, query, category=NAME. An answer is right at k if one of the
 * best k pairs has that category. min_score is 0, so that the ranking is measured and not the
 * threshold. */
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/memory.h"
#include "base/slot_table.h"
#include "search/text_index.h"
#include "search/tokenizer.h"

#define LINE_MAX_BYTES 65536
#define TOP_K 5
#define ROUNDS 3

struct row {
    char *line; /* cut into its fields */
    char *fields[4];
};

struct rows {
    struct row *items;
    size_t count;
};

struct figures {
    size_t right_at_1, right_at_k;
    double *microseconds; /* one for each query of the last round */
};

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); /* what else the machine does is not counted */
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static size_t heap_bytes(void)
{
    struct mallinfo2 heap = mallinfo2();
    return heap.uordblks + heap.hblkhd;
}

static struct row cut(const char *line)
{
    struct row row = {.line = xstrdup(line)};
    char *rest = row.line;
    for (size_t i = 0; i < ARRAY_SIZE(row.fields); i++)
        row.fields[i] = rest ? strsep(&rest, "\t") : "";
    return row;
}

static struct rows read_rows(const char *path)
{
    static char line[LINE_MAX_BYTES];
    struct rows rows = {0};
    FILE *file = fopen(path, "r");
    if (!file) {
        perror(path);
        exit(1);
    }
    for (bool heading = true; fgets(line, sizeof(line), file); heading = false) {
        if (heading)
            continue;
        line[strcspn(line, "\r\n")] = '\0';
        rows.items = xrealloc(rows.items, (rows.count + 1) * sizeof(*rows.items));
        rows.items[rows.count++] = cut(line);
    }
    fclose(file);
    return rows;
}

static void release_rows(struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        free(rows->items[i].line);
    free(rows->items);
}

static struct text_index *build(const struct rows *pairs, bool with_answers)
{
    struct text_index *index = text_index_new();
    for (size_t i = 0; i < pairs->count; i++) {
        char *const *fields = pairs->items[i].fields;
        const char *answer = fields[2][0] ? fields[2] : fields[3];
        text_index_put(index, (int64_t)i, fields[1], with_answers ? answer : "");
    }
    return index;
}

/* Rank (from 0) of the first pair of the right category, `count` if there is none. */
static size_t rank_of(const struct rows *pairs, const struct text_match *matches, size_t count,
                      const char *category)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(pairs->items[matches[i].id].fields[3], category) == 0)
            return i;
    return count;
}

static const char *category_of(const struct row *query)
{
    const char *category = query->fields[2] + strcspn(query->fields[2], "=");
    return category + (*category == '=');
}

/* ---- plain BM25 ---- */

struct plain_posting {
    uint32_t pair;
    float occurrences;
};

struct plain_term {
    uint64_t hash;
    struct plain_posting *postings;
    size_t count, capacity;
};

struct plain_index {
    struct plain_term *terms;
    size_t term_count, term_capacity;
    struct slot_table table;
    float *lengths, *sums;
    size_t pair_count;
    double total_length;
    uint32_t pair; /* on its way in */
    float occurrence;
};

static struct plain_term *plain_term(struct plain_index *index, uint64_t hash, bool create)
{
    struct slot_cursor cursor = slot_table_lookup(&index->table, hash);
    for (uint32_t slot; (slot = slot_table_next(&index->table, &cursor)) != SLOT_NONE;)
        if (index->terms[slot].hash == hash)
            return &index->terms[slot];
    if (!create)
        return NULL;
    if (index->term_count == index->term_capacity) {
        index->term_capacity = 2 * index->term_capacity + 1024;
        index->terms = xrealloc(index->terms, index->term_capacity * sizeof(*index->terms));
    }
    index->terms[index->term_count] = (struct plain_term){.hash = hash};
    slot_table_add(&index->table, hash, (uint32_t)index->term_count);
    return &index->terms[index->term_count++];
}

static bool plain_put(void *context, const char *token, size_t length, enum token_kind kind)
{
    struct plain_index *index = context;
    if (kind == TOKEN_STEM)
        return true;
    struct plain_term *term = plain_term(index, XXH3_64bits(token, length), true);
    if (index->occurrence == 1) {
        index->lengths[index->pair]++;
        index->total_length++;
    }
    if (term->count == 0 || term->postings[term->count - 1].pair != index->pair) {
        if (term->count == term->capacity) {
            term->capacity = 2 * term->capacity + 4;
            term->postings = xrealloc(term->postings, term->capacity * sizeof(*term->postings));
        }
        term->postings[term->count++] = (struct plain_posting){.pair = index->pair};
    }
    term->postings[term->count - 1].occurrences += index->occurrence;
    return true;
}

static bool plain_ask(void *context, const char *token, size_t length, enum token_kind kind)
{
    struct plain_index *index = context;
    struct plain_term *term =
        kind == TOKEN_STEM ? NULL : plain_term(index, XXH3_64bits(token, length), false);
    if (!term)
        return true;
    float with = (float)term->count, average = (float)(index->total_length / (double)index->pair_count);
    float idf = logf(1 + ((float)index->pair_count - with + 0.5f) / (with + 0.5f));
    for (size_t i = 0; i < term->count; i++) {
        const struct plain_posting *posting = &term->postings[i];
        float tf = posting->occurrences;
        index->sums[posting->pair] +=
            idf * tf * 2.2f / (tf + 1.2f * (0.25f + 0.75f * index->lengths[posting->pair] / average));
    }
    return true;
}

/* Answers count for what they count in the product, and have no length, as they have none there. */
static void plain_build(struct plain_index *index, const struct rows *pairs, bool with_answers)
{
    index->pair_count = pairs->count;
    index->lengths = xcalloc(pairs->count, sizeof(float));
    index->sums = xcalloc(pairs->count, sizeof(float));
    for (size_t i = 0; i < pairs->count; i++) {
        char *const *fields = pairs->items[i].fields;
        const char *answer = fields[2][0] ? fields[2] : fields[3];
        index->pair = (uint32_t)i;
        index->occurrence = 1;
        tokenizer_run(fields[1], strlen(fields[1]), plain_put, index);
        index->occurrence = 0.4f;
        if (with_answers)
            tokenizer_run(answer, strlen(answer), plain_put, index);
    }
}

static size_t plain_search(struct plain_index *index, const char *question, struct text_match *ret_matches)
{
    size_t count = 0;
    memset(index->sums, 0, index->pair_count * sizeof(*index->sums));
    tokenizer_run(question, strlen(question), plain_ask, index);
    for (size_t i = 0; i < index->pair_count; i++) {
        size_t at = count;
        while (at > 0 && (float)ret_matches[at - 1].score < index->sums[i])
            at--;
        if (index->sums[i] <= 0 || at == TOP_K)
            continue;
        count += count < TOP_K;
        memmove(ret_matches + at + 1, ret_matches + at, (count - 1 - at) * sizeof(*ret_matches));
        ret_matches[at] = (struct text_match){.id = (int64_t)i, .score = (double)index->sums[i]};
    }
    return count;
}

static void plain_release(struct plain_index *index)
{
    for (size_t i = 0; i < index->term_count; i++)
        free(index->terms[i].postings);
    free(index->terms);
    free(index->lengths);
    free(index->sums);
    slot_table_release(&index->table);
}

static void print_plain(const struct rows *pairs, const struct rows *queries, bool with_answers)
{
    struct plain_index index = {0};
    struct text_match matches[TOP_K];
    size_t right_at_1 = 0, right_at_k = 0;
    plain_build(&index, pairs, with_answers);
    for (size_t i = 0; i < queries->count; i++) {
        size_t found = plain_search(&index, queries->items[i].fields[1], matches);
        size_t rank = rank_of(pairs, matches, found, category_of(&queries->items[i]));
        right_at_1 += found > 0 && rank == 0;
        right_at_k += rank < found;
    }
    printf("plain BM25     top-1 %.4f  top-%d %.4f\n", (double)right_at_1 / (double)queries->count, TOP_K,
           (double)right_at_k / (double)queries->count);
    plain_release(&index);
}

/* ---- ours ---- */

static void ask_all(const struct text_index *index, const struct rows *pairs, const struct rows *queries,
                    struct figures *figures)
{
    struct text_match matches[TOP_K];
    figures->right_at_1 = figures->right_at_k = 0;
    for (size_t i = 0; i < queries->count; i++) {
        char *const *fields = queries->items[i].fields;
        double start = now_us();
        size_t found = text_index_search(index, fields[1], TOP_K, 0, matches);
        figures->microseconds[i] = now_us() - start;
        size_t rank = rank_of(pairs, matches, found, category_of(&queries->items[i]));
        figures->right_at_1 += found > 0 && rank == 0;
        figures->right_at_k += rank < found;
    }
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_figures(struct figures *figures, size_t queries)
{
    double *times = figures->microseconds;
    qsort(times, queries, sizeof(*times), compare_doubles);
    printf("queries %zu  top-1 %.4f  top-%d %.4f\n", queries, (double)figures->right_at_1 / (double)queries,
           TOP_K, (double)figures->right_at_k / (double)queries);
    printf("search  p50 %.0f µs  p99 %.0f µs  max %.0f µs\n", times[queries / 2], times[queries * 99 / 100],
           times[queries - 1]);
}

static void print_unknown(const struct text_index *index, const struct rows *pairs,
                          const struct rows *queries, const struct rows *unknown)
{
    for (int tenths = 2; tenths <= 6; tenths++) {
        struct text_match match;
        size_t answered = 0, right = 0;
        for (size_t i = 0; i < unknown->count; i++)
            answered += text_index_search(index, unknown->items[i].fields[1], 1, tenths / 10.0, &match);
        for (size_t i = 0; i < queries->count; i++) {
            const struct row *query = &queries->items[i];
            size_t found = text_index_search(index, query->fields[1], 1, tenths / 10.0, &match);
            right += found > 0 && rank_of(pairs, &match, 1, category_of(query)) == 0;
        }
        printf("min_score %.1f  of %zu unknown answered %.3f  of the others rightly %.3f\n", tenths / 10.0,
               unknown->count, (double)answered / (double)unknown->count,
               (double)right / (double)queries->count);
    }
}

/* Is the category one of the `percent` that are held out? Any, but the same in every run. */
static bool is_held_out(const char *category, uint64_t percent)
{
    return XXH3_64bits(category, strlen(category)) % 100 < percent;
}

/* Takes the rows of the categories that are held out from `rows` to `ret_held`. */
static void hold_out(struct rows *rows, bool are_queries, uint64_t percent, struct rows *ret_held)
{
    size_t kept = 0;
    for (size_t i = 0; i < rows->count; i++) {
        struct row row = rows->items[i];
        if (!is_held_out(are_queries ? category_of(&row) : row.fields[3], percent)) {
            rows->items[kept++] = row;
            continue;
        }
        ret_held->items = xrealloc(ret_held->items, (ret_held->count + 1) * sizeof(*ret_held->items));
        ret_held->items[ret_held->count++] = row;
    }
    rows->count = kept;
}

static const char *option_of(int argc, char **argv, const char *name)
{
    for (int i = 3; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return i + 1 < argc ? argv[i + 1] : "";
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(
            stderr,
            "usage: %s PAIRS.tsv QUERIES.tsv [--no-answers] [--unknown UNKNOWN.tsv | --hold-out PERCENT]\n",
            argv[0]);
        return 2;
    }
    bool with_answers = !option_of(argc, argv, "--no-answers");
    const char *unknown_path = option_of(argc, argv, "--unknown"),
               *percent = option_of(argc, argv, "--hold-out");
    struct rows pairs = read_rows(argv[1]), queries = read_rows(argv[2]);
    struct rows unknown = unknown_path ? read_rows(unknown_path) : (struct rows){0}, left_out = {0};
    if (percent) {
        hold_out(&pairs, false, strtoul(percent, NULL, 10), &left_out);
        hold_out(&queries, true, strtoul(percent, NULL, 10), &unknown);
    }
    if (pairs.count == 0 || queries.count == 0) {
        fprintf(stderr, "nothing to ask\n");
        return 1;
    }

    size_t heap_before = heap_bytes();
    double start = now_us();
    struct text_index *index = build(&pairs, with_answers);
    double built = now_us() - start;
    size_t heap = heap_bytes() - heap_before;
    printf("pairs   %zu  built in %.1f ms (%.2f µs a pair)\n", pairs.count, built / 1e3,
           built / (double)pairs.count);
    printf("memory  %.0f bytes a pair, %.0f with the allocator's\n",
           (double)text_index_bytes(index) / (double)pairs.count, (double)heap / (double)pairs.count);

    struct figures figures = {.microseconds = xcalloc(queries.count, sizeof(double))};
    for (int round = 0; round < ROUNDS; round++)
        ask_all(index, &pairs, &queries, &figures);
    print_figures(&figures, queries.count);
    print_plain(&pairs, &queries, with_answers);
    if (unknown.count > 0)
        print_unknown(index, &pairs, &queries, &unknown);

    free(figures.microseconds);
    text_index_free(index);
    release_rows(&pairs);
    release_rows(&queries);
    release_rows(&unknown);
    release_rows(&left_out);
    return 0;
}
