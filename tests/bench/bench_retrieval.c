/* How well and how fast search/text_index.h finds: prints top-1, top-5, p50 and p99 of the search
 * time, the time to build and the bytes per pair.
 *
 *     bench_retrieval PAIRS.tsv QUERIES.tsv [--no-answers]
 *
 * PAIRS: a heading, then doc_id, question, answer, category. The category, which no customer sees,
 * serves as the answer where there is none, as in banking77; --no-answers leaves it out, which is
 * plain BM25 over the questions.
 * QUERIES: a heading, then query_id, query, category=NAME. An answer is right at k if one of the
 * best k pairs has that category. min_score is 0, so that the ranking is measured and not the
 * threshold. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "search/text_index.h"

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
    clock_gettime(CLOCK_MONOTONIC, &now);
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

static void ask_all(const struct text_index *index, const struct rows *pairs, const struct rows *queries,
                    struct figures *figures)
{
    struct text_match matches[TOP_K];
    figures->right_at_1 = figures->right_at_k = 0;
    for (size_t i = 0; i < queries->count; i++) {
        char *const *fields = queries->items[i].fields;
        const char *category = fields[2] + strcspn(fields[2], "=");
        double start = now_us();
        size_t found = text_index_search(index, fields[1], TOP_K, 0, matches);
        figures->microseconds[i] = now_us() - start;
        size_t rank = rank_of(pairs, matches, found, category + (*category == '='));
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

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s PAIRS.tsv QUERIES.tsv [--no-answers]\n", argv[0]);
        return 2;
    }
    bool with_answers = argc < 4 || strcmp(argv[3], "--no-answers") != 0;
    struct rows pairs = read_rows(argv[1]), queries = read_rows(argv[2]);
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

    free(figures.microseconds);
    text_index_free(index);
    release_rows(&pairs);
    release_rows(&queries);
    return 0;
}
