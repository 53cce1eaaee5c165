/* The plan behind `kimono demo`: who the shops are and what happens when, computed from a seed alone.
 * Nothing here writes: a day's calls can be walked through as often as needed (once for telemetry, once
 * for the conversations) and are the same each time. Only publishable keys are random: they are keys. */
#ifndef KIMONO_CLI_DEMO_PLAN_H
#define KIMONO_CLI_DEMO_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/identifier.h"
#include "cli/demo_random.h"

#define DEMO_MESSAGES_MAX 200000 /* conversations are kept in full: at scale they stay this few */
#define DEMO_BUCKET_MS (5 * INT64_C(60000))
#define DEMO_BUCKETS 300 /* of a day; 25 hours in summer time's end */

struct demo_shop {
    char id[32];
    char name[96];
    int64_t created_at;
    int64_t suspended_at; /* 0: active */
    int64_t first_pair;   /* id in the store; the others follow */
    size_t corpus_offset; /* where in the corpus this shop's pairs begin */
    const char *model;
};

/* What snapshots of the past are made from: sums of five minutes, for the last days. */
struct demo_bucket {
    int64_t calls, cost_nano_cny, conversations;
};

struct demo_size {
    int64_t tenants, pairs, usage, logs, days, seed;
};

struct demo_plan {
    struct demo_size size;
    int64_t now;
    int32_t today;
    struct demo_shop *shops;
    double *shop_weights; /* cumulative */
    int64_t *day_groups;  /* cumulative: groups of the days before; size.days + 1 of them */
    int64_t messages;     /* in all */
    struct demo_bucket (*buckets)[DEMO_BUCKETS]; /* by day */
};

void demo_plan_make(struct demo_plan *ret_plan, const struct demo_size *size);
void demo_plan_release(struct demo_plan *plan);

/* One customer's question with the calls that it costs. */
struct demo_group {
    int64_t number; /* in all, from 0 */
    int64_t at;     /* ms */
    size_t shop;
    bool is_message; /* kept as a message of a conversation, too */
    bool failed;     /* the model did not answer */
    int64_t embedding_ms, query_ms, chat_ms;
    struct demo_random random; /* the group's own, for whatever else is drawn */
    char request_id[IDENTIFIER_SIZE];
};

/* Calls for each group of a day (0: the first) in order of time; false stops and is returned. */
typedef bool (*demo_group_fn)(void *context, const struct demo_group *group);
bool demo_day(const struct demo_plan *plan, int64_t day, demo_group_fn each, void *context);

/* The pair `index` of a shop: its question (made in `buffer` when the corpus has been used up),
 * answer, category, and a wording as a customer types it. */
struct demo_text {
    const char *category, *question, *answer, *asked;
};
struct demo_text demo_pair_text(const struct demo_plan *plan, const struct demo_shop *shop, int64_t index,
                                struct demo_random *random, char *buffer, size_t size);

struct demo_bucket *demo_bucket_at(const struct demo_plan *plan, int64_t day, int64_t at); /* NULL: none */

#endif
