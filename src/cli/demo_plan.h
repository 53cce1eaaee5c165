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
#include "cli/demo_world.h"

#define DEMO_MESSAGES_MAX 200000 /* conversations are kept in full: at scale they stay this few */
#define DEMO_BUCKET_MS (5 * INT64_C(60000))
#define DEMO_BUCKETS 300 /* of a day; 25 hours in summer time's end */

struct demo_shop {
    char id[32];
    struct demo_profile profile;
    struct demo_composed composed; /* texts of a profile that is not a written one */
    int64_t created_at;
    int64_t suspended_at; /* 0: active */
    int64_t first_pair;   /* id in the store; the others of `pair_count` follow */
    int64_t pair_count;
    uint16_t *
        items; /* what its pairs are made of, places of demo_item_at; over and over where there are more pairs */
    size_t item_count;
};

/* What snapshots of the past are made from: sums of five minutes, for the last days. */
struct demo_bucket {
    int64_t calls, cost_nano_cny, conversations;
};

#define DEMO_PAIRS_OWN (-1) /* as many pairs as each shop would have */
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

/* Whether shops live as they would: with as many pairs as they have, what they learn, and what becomes of them. Where
 * the number of pairs is given, it is exact. */
static inline bool demo_is_natural(const struct demo_plan *plan)
{
    return plan->size.pairs == DEMO_PAIRS_OWN;
}

/* The pair `index` of a shop as the shop says it, and a wording as a customer types it. */
struct demo_text {
    const char *category, *asked;
    char question[512], answer[2048];
};
void demo_pair_text(const struct demo_shop *shop, int64_t index, struct demo_random *random,
                    struct demo_text *ret_text);

#define DEMO_WORSE_DAYS 6    /* since so many days a shop that worsens does */
#define DEMO_SILENT_DAYS 9   /* nobody has asked a shop that fell silent for so long */
#define DEMO_NEW_DAYS 21     /* a new shop has been there for so long */
#define DEMO_INCIDENT_DAYS 2 /* so many days ago DashScope failed for an hour, from this one on */
#define DEMO_INCIDENT_HOUR 14
bool demo_in_incident(const struct demo_plan *plan, int64_t at);

struct demo_bucket *demo_bucket_at(const struct demo_plan *plan, int64_t day, int64_t at); /* NULL: none */

#endif
